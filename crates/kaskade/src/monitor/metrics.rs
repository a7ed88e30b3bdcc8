//! The figures of a node. Each is read where it is counted anyway; names are those of TS 28.552 where it has them.

use std::sync::atomic::{AtomicU64, Ordering};

use kaskade_net::radius::RadiusServer;
use kaskade_net::role::aaa::Aaa;
use kaskade_net::role::aanf::Aanf;
use kaskade_net::role::ausf::Ausf;
use kaskade_net::role::nef::Nef;
use kaskade_net::role::udm::{Udm, Uecm};
use kaskade_net::role::usage_keys::UsageKeys;

use super::Monitor;
use super::exposition::Exposition;
use super::exposition::Kind::{Counter, Gauge};

impl Monitor {
    /// All figures as they are now.
    pub(super) fn metrics(&self) -> String {
        let mut out = Exposition::default();
        out.family("kaskade_build_info", Gauge, "The version that runs.");
        out.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        out.single(
            "process_start_time_seconds",
            Gauge,
            "When it started, in seconds since 1970.",
            self.started,
        );
        let ready = u64::from(self.hindrances().is_empty());
        out.single("kaskade_ready", Gauge, "1 when a request would be served.", ready);
        if let Some(ausf) = self.watch.ausf() {
            of_ausf(ausf, &mut out);
        }
        if let Some(udm) = self.watch.udm() {
            of_udm(udm, &mut out);
        }
        if let Some(uecm) = self.watch.uecm() {
            of_uecm(uecm, &mut out);
            of_former_amfs(uecm, &mut out);
        }
        if let Some(aaa) = self.watch.aaa() {
            of_aaa(aaa, &mut out);
        }
        if let Some(usage_keys) = self.watch.usage_keys() {
            of_usage_keys(usage_keys, &mut out);
        }
        if let Some(aanf) = self.watch.aanf() {
            of_aanf(aanf, &mut out);
        }
        if let Some(nef) = self.watch.nef() {
            of_nef(nef, &mut out);
        }
        self.services(&mut out);
        self.peers(&mut out);
        self.registrations(&mut out);
        self.audit(&mut out);
        self.store(&mut out);
        out.into_text()
    }

    fn services(&self, out: &mut Exposition) {
        out.family(
            "kaskade_requests_total",
            Counter,
            "Requests by service, operation and class of the answer's status.",
        );
        for api in self.watch.apis() {
            for (operation, answers) in api.answers() {
                for (class, count) in answers.sums() {
                    let labels = [
                        ("service", operation.api),
                        ("operation", operation.name),
                        ("class", class),
                    ];
                    out.sample(&labels, count);
                }
            }
        }
        out.family(
            "kaskade_refusals_total",
            Counter,
            "Requests that were refused, by reason (docs/refusals.md).",
        );
        for (why, count) in self.watch.refusals().sums() {
            // What cannot happen there is not counted there.
            if why.verdict().sbi.answer().is_some() {
                out.sample(&[("reason", why.name())], count);
            }
        }
        out.family(
            "kaskade_over_budget_total",
            Counter,
            "Requests that were refused since a budget was used up.",
        );
        if let Some(ausf) = self.watch.ausf() {
            out.sample(&[("role", "ausf")], read(&ausf.counters().over_budget));
        }
        if let Some(udm) = self.watch.udm() {
            out.sample(&[("role", "udm")], read(&udm.counters().over_budget));
        }
    }

    fn peers(&self, out: &mut Exposition) {
        let peers = self.watch.peers();
        for (name, help, value) in [
            ("kaskade_connections", "Connections of peers.", peers.connections),
            (
                "kaskade_handshakes",
                "Connections that have not finished their handshake.",
                peers.handshakes,
            ),
            ("kaskade_request_octets", "Octets of requests that wait.", peers.octets),
        ] {
            out.single(name, Gauge, help, count(value));
        }
    }

    fn registrations(&self, out: &mut Exposition) {
        if self.registrations.is_empty() {
            return;
        }
        let help = "1 while the NRF has the profile, as far as is known.";
        out.family("kaskade_nrf_registered", Gauge, help);
        for (role, state) in &self.registrations {
            out.sample(&[("nf_type", role.nf_type())], u64::from(state.is_registered()));
        }
    }

    fn audit(&self, out: &mut Exposition) {
        if !self.audit.is_on() {
            return;
        }
        let figures = self.audit.figures();
        let admits = u64::from(self.audit.admits().is_ok());
        out.single(
            "kaskade_audit_admits",
            Gauge,
            "1 when something could be given out.",
            admits,
        );
        out.single(
            "kaskade_audit_events_waiting",
            Gauge,
            "Events that are not on the disk yet.",
            figures.waiting,
        );
        out.single(
            "kaskade_audit_events_room",
            Gauge,
            "How many events may wait.",
            figures.room,
        );
        if let Some(head) = self.audit.head() {
            out.single(
                "kaskade_audit_entries_total",
                Counter,
                "Entries on the disk.",
                head.entries,
            );
            out.single(
                "kaskade_audit_segment",
                Gauge,
                "The segment that is written.",
                head.segment,
            );
        }
    }

    fn store(&self, out: &mut Exposition) {
        // What cannot be read now has no sample: a figure that is wrong is worse than none.
        if let Ok(subscribers) = self.store.len() {
            out.single("kaskade_store_subscribers", Gauge, "Subscribers.", subscribers);
        }
        if let Ok(file) = std::fs::metadata(&self.store_file) {
            out.single("kaskade_store_octets", Gauge, "Octets of the store's file.", file.len());
        }
        let figures = self.store.figures();
        for (name, help, value) in [
            (
                "kaskade_store_commits_total",
                "Commits: what waits together is durable together.",
                figures.commits,
            ),
            ("kaskade_store_units_total", "Units in these commits.", figures.units),
            (
                "kaskade_store_commit_failures_total",
                "Commits that failed.",
                figures.failures,
            ),
        ] {
            out.single(name, Counter, help, value);
        }
        for (name, help, value) in [
            (
                "kaskade_store_requests_waiting",
                "Requests that wait to be written.",
                self.store.waiting(),
            ),
            (
                "kaskade_store_sequence_numbers_held",
                "Subscribers whose sequence numbers are held in memory.",
                self.store.held(),
            ),
        ] {
            out.single(name, Gauge, help, count(value));
        }
        let distrusts = u64::from(self.store.distrusts_clock());
        let help = "1 while the wall clock is not believed, as it has jumped too far.";
        out.single("kaskade_store_distrusts_clock", Gauge, help, distrusts);
    }
}

fn of_ausf(ausf: &Ausf, out: &mut Exposition) {
    let counters = ausf.counters();
    for (name, help, value) in [
        (
            "fivegs_ausffunction_auth_authreq",
            "Authentications that serving networks asked for.",
            &counters.requests,
        ),
        (
            "fivegs_ausffunction_auth_authsucc",
            "Authentications that succeeded.",
            &counters.successes,
        ),
        (
            "fivegs_ausffunction_auth_authfail",
            "Authentications that failed: a wrong RES*, or none.",
            &counters.failures,
        ),
        (
            "kaskade_ausf_challenges_total",
            "Challenges given out.",
            &counters.challenges,
        ),
    ] {
        out.single(name, Counter, help, read(value));
    }
    let help = "Challenges that wait for their answer.";
    out.single("kaskade_ausf_contexts", Gauge, help, count(ausf.pending()));
    let help = "Results that are remembered, so that they can be taken back.";
    out.single("kaskade_ausf_results", Gauge, help, count(ausf.results()));
    let Some(akma) = ausf.akma() else { return };
    let counters = akma.counters();
    let help = "Anchor keys of AKMA, and what became of them on the way to the AAnF.";
    out.family("kaskade_ausf_anchor_keys_total", Counter, help);
    for (what, counter) in [
        ("registered", &counters.registered),
        ("removed", &counters.removed),
        ("later", &counters.later),
        ("missed", &counters.missed),
    ] {
        out.sample(&[("what", what)], counter.sum());
    }
    let help = "Messages about anchor keys that the AAnF has not taken yet.";
    out.single("kaskade_ausf_anchor_keys_waiting", Gauge, help, count(akma.waiting()));
}

fn of_uecm(uecm: &Uecm, out: &mut Exposition) {
    let counters = uecm.counters();
    let help = "Authentications that were asked for again, and what became of telling the AMF.";
    out.family("kaskade_udm_reauthentications_total", Counter, help);
    for (what, counter) in [
        ("asked", &counters.asked),
        ("told", &counters.told),
        ("later", &counters.not_told),
        ("given-up", &counters.given_up),
    ] {
        out.sample(&[("what", what)], counter.sum());
    }
}

fn of_former_amfs(uecm: &Uecm, out: &mut Exposition) {
    let counters = uecm.counters();
    let help = "AMFs that serve a subscriber no more, and what became of telling them.";
    out.family("kaskade_udm_deregistrations_total", Counter, help);
    for (what, counter) in [
        ("told", &counters.former_told),
        ("later", &counters.former_not_told),
        ("given-up", &counters.former_given_up),
    ] {
        out.sample(&[("what", what)], counter.sum());
    }
}

fn of_udm(udm: &Udm, out: &mut Exposition) {
    let counters = udm.counters();
    for (name, help, value) in [
        ("kaskade_udm_vectors_total", "Vectors given out.", &counters.vectors),
        (
            "kaskade_udm_resynchronisations_total",
            "Resynchronisations that changed something.",
            &counters.resynchronisations,
        ),
        (
            "kaskade_udm_reused_total",
            "Resynchronisations after which numbers of an older epoch are issued again.",
            &counters.reused,
        ),
        (
            "kaskade_udm_auts_not_followed_total",
            "AUTS of cards that seem to have gone back, and that may be replays.",
            &counters.not_followed,
        ),
        ("kaskade_udm_auts_refused_total", "AUTS refused.", &counters.wrong_auts),
        (
            "kaskade_udm_reports_disbelieved_total",
            "Reports of a success whose sender is not known to have had a vector.",
            &counters.disbelieved,
        ),
    ] {
        out.single(name, Counter, help, read(value));
    }
}

fn of_aaa(server: &RadiusServer<Aaa>, out: &mut Exposition) {
    out.family(
        "kaskade_radius_packets_total",
        Counter,
        "RADIUS packets by what became of them.",
    );
    for (name, value) in server.figures().sums() {
        out.sample(&[("what", name)], value);
    }
    out.family(
        "kaskade_radius_refusals_total",
        Counter,
        "RADIUS requests that were refused or dropped, by reason (docs/refusals.md).",
    );
    for (why, value) in server.figures().refusals().sums() {
        // What cannot happen there is not counted there.
        if why.verdict().radius.answer().is_some() {
            out.sample(&[("reason", why.name())], value);
        }
    }
    let (aaa, [runs, answers, in_work]) = (server.eap(), server.kept());
    let counters = aaa.counters();
    out.family("kaskade_aaa_authentications_total", Counter, "Users who were let in.");
    for (method, fast, value) in counters.successes() {
        let kind = if fast { "fast" } else { "full" };
        out.sample(&[("method", &method.to_string()), ("kind", kind)], value);
    }
    for (name, help, value) in [
        (
            "kaskade_aaa_begun_total",
            "Authentications that began with an identity of a realm that is served: of these some have succeeded, failed, been abandoned, \
             or wait for their peer.",
            counters.begun.sum(),
        ),
        (
            "kaskade_aaa_failures_total",
            "Authentications that failed.",
            counters.failures.sum(),
        ),
        (
            "kaskade_aaa_abandoned_total",
            "Authentications whose peer was heard no more, or that made room for others.",
            counters.abandoned.sum(),
        ),
        (
            "kaskade_aaa_erp_total",
            "Users who came back by ERP.",
            counters.erp.sum(),
        ),
        (
            "kaskade_aaa_forward_secrecy_total",
            "Users who were let in with forward secrecy.",
            counters.forward_secrecy.sum(),
        ),
    ] {
        out.single(name, Counter, help, value);
    }
    for (name, help, value) in [
        ("kaskade_aaa_runs", "Authentications that wait for their peer.", runs),
        (
            "kaskade_aaa_reauthentications",
            "Users who may come back by a fast re-authentication.",
            aaa.kept(),
        ),
        (
            "kaskade_aaa_erp_keys",
            "Users who may come back by ERP.",
            aaa.erp_keys(),
        ),
        (
            "kaskade_radius_answers",
            "Answers that are kept for copies of their requests.",
            answers,
        ),
        ("kaskade_radius_in_work", "RADIUS requests in work.", in_work),
    ] {
        out.single(name, Gauge, help, count(value));
    }
}

fn of_usage_keys(usage_keys: &UsageKeys, out: &mut Exposition) {
    let (counters, (held, holders)) = (usage_keys.counters(), usage_keys.held());
    out.single("kaskade_emsk_held", Gauge, "EMSKs in this process.", count(held));
    let help = "Keys below them that somebody holds.";
    out.single("kaskade_emsk_holders", Gauge, help, count(holders));
    out.family(
        "kaskade_emsk_keys_given_total",
        Counter,
        "Keys that were given, by what tells them apart, the first time and again.",
    );
    for (kind, again, value) in counters.given() {
        let when = if again { "again" } else { "first" };
        out.sample(&[("data", kind.name()), ("when", when)], value);
    }
    let help = "EMSKs that ended before their time, by why.";
    out.family("kaskade_emsk_retired_total", Counter, help);
    for (why, value) in counters.ended() {
        out.sample(&[("why", why.name())], value);
    }
    let help = "Requests for keys that were refused; kaskade_refusals_total has the reasons.";
    out.single("kaskade_emsk_refused_total", Counter, help, counters.refused.sum());
    let help = "Messages to holders whose key has ended, and what became of them.";
    out.family("kaskade_emsk_callbacks_total", Counter, help);
    for (what, counter) in [
        ("told", &counters.told),
        ("later", &counters.not_told),
        ("given-up", &counters.given_up),
    ] {
        out.sample(&[("what", what)], counter.sum());
    }
}

fn of_aanf(aanf: &Aanf, out: &mut Exposition) {
    let counters = aanf.counters();
    let help = "Anchor keys that were registered.";
    out.single(
        "kaskade_akma_registered_total",
        Counter,
        help,
        counters.registered.sum(),
    );
    let help = "Application keys that were given, the first time and again.";
    out.family("kaskade_akma_keys_given_total", Counter, help);
    for (given, value) in counters.given() {
        out.sample(&[("when", given.name())], value);
    }
    let help = "Anchor keys that ended before the next authentication, by how.";
    out.family("kaskade_akma_ended_total", Counter, help);
    for (ended, value) in counters.ended() {
        out.sample(&[("how", ended.name())], value);
    }
    let help = "Requests for an application key that is not there.";
    out.single("kaskade_akma_absent_total", Counter, help, counters.absent.sum());
    let help = "Requests that were refused; kaskade_refusals_total has the reasons.";
    out.single("kaskade_akma_refused_total", Counter, help, counters.refused.sum());
    let help = "Users who were to be authenticated again for new keys, by what the UDM said.";
    out.family("kaskade_akma_reauthentications_total", Counter, help);
    for (asked, value) in counters.asked() {
        out.sample(&[("what", asked.name())], value);
    }
    let help = "Messages to holders whose keys are to be used no more, and what became of them.";
    out.family("kaskade_akma_callbacks_total", Counter, help);
    for (what, counter) in [
        ("told", &counters.told),
        ("later", &counters.not_told),
        ("given-up", &counters.given_up),
    ] {
        out.sample(&[("what", what)], counter.sum());
    }
}

fn of_nef(nef: &Nef, out: &mut Exposition) {
    let counters = nef.counters();
    let help = "Keys that application functions outside were given, with the GPSI of the user or without.";
    out.family("kaskade_nef_keys_given_total", Counter, help);
    for (gpsi, counter) in [("told", &counters.given_with_gpsi), ("not-told", &counters.given)] {
        out.sample(&[("gpsi", gpsi)], counter.sum());
    }
    let help = "Requests with an A-KID of which no AAnF has a key.";
    out.single("kaskade_nef_unknown_total", Counter, help, counters.unknown.sum());
    let help = "Requests for keys that were refused; kaskade_refusals_total has the reasons.";
    out.single("kaskade_nef_refused_total", Counter, help, counters.refused.sum());
    let help = "Requests for access tokens, and what became of them.";
    out.family("kaskade_nef_tokens_total", Counter, help);
    for (what, counter) in [("given", &counters.tokens), ("refused", &counters.tokens_refused)] {
        out.sample(&[("what", what)], counter.sum());
    }
    let help = "Messages to application functions whose keys have ended, and what became of them.";
    out.family("kaskade_nef_callbacks_total", Counter, help);
    for (what, counter) in [
        ("told", &counters.told),
        ("later", &counters.not_told),
        ("given-up", &counters.given_up),
    ] {
        out.sample(&[("what", what)], counter.sum());
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
