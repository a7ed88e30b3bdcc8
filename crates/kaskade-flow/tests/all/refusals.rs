//! Every reason in every protocol: an answer or "cannot happen", with names and numbers that the protocols have.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kaskade_flow::event::{Action, Entry, Event, Outcome, Reason};
use kaskade_flow::refusal::{
    COLUMNS, Cause, Diameter, Eap, Emsdp, EmsdpCause, Exit, GmmCause, Gsup, Notification, Radius, Retry, Told, Vendor,
};
use kaskade_flow::{Refusal, UnixMillis};

#[path = "../../examples/refusals.rs"]
mod page;

/// The names of `vectors/refusals.json` with their numbers.
fn facts() -> BTreeMap<String, u32> {
    let file = kaskade_oracle::vectors("refusals.json");
    let fact = |case: &serde_json::Value| {
        let name = case["name"].as_str().unwrap().to_owned();
        let number = u32::from_str_radix(case["number"].as_str().unwrap(), 16).unwrap();
        assert_eq!(case["decimal"], number, "{name}: two numbers");
        (name, number)
    };
    file["cases"].as_array().unwrap().iter().map(fact).collect()
}

/// What the table says in a protocol, by reason; the others cannot happen.
fn told<T: Copy>(column: impl Fn(&Refusal) -> Told<T>) -> Vec<(Refusal, T)> {
    let cell = |refusal: &Refusal| Some((*refusal, column(refusal).answer()?));
    Refusal::ALL.iter().filter_map(cell).collect()
}

/// Each protocol, by what its own tables and rules allow.
#[test]
fn every_reason_has_an_answer_or_cannot_happen() {
    let facts = facts();
    let is = |why: Refusal, name: String, number: u32| {
        assert_eq!(facts.get(&name), Some(&number), "{}: {name}", why.name());
    };
    for (why, sbi) in told(|refusal| refusal.verdict().sbi) {
        if let Some(cause) = sbi.cause() {
            is(why, format!("SBI {}", cause.name()), sbi.status().into());
        }
        // RFC 9110 10.2.3 and RFC 6585 4: who is told to come back is not told that the request is wrong.
        let may_wait = matches!(sbi.status(), 429 | 500..=599);
        assert!(sbi.retry() == Retry::Never || may_wait, "{}", why.name());
        let always = matches!(sbi.cause(), Some(Cause::NfCongestion | Cause::NfCongestionRisk));
        assert!(sbi.retry() != Retry::Never || !always, "{}: when?", why.name());
        // RFC 9110 15.5.2: 401 has a challenge. That of the token endpoint is one of Basic, which the endpoint adds.
        let by_basic = why == Refusal::ClientNotAuthenticated;
        assert_eq!(
            sbi.status() == 401,
            sbi.bearer().is_some() && sbi.status() != 403 || by_basic,
            "{}",
            why.name()
        );
    }
    let diameters = [
        told(|refusal| refusal.verdict().s6a),
        told(|refusal| refusal.verdict().swx),
    ];
    for (why, result) in diameters.iter().flatten().copied() {
        let vendor = match result.vendor() {
            Vendor::Base => "base",
            Vendor::ThreeGpp => "3GPP",
        };
        is(why, format!("Diameter {vendor} {}", result.name()), result.code());
        // RFC 6733 7.1: 3xxx protocol errors, which only the base has; 4xxx transient, 5xxx permanent. Never a success.
        let class = result.code() / 1000;
        assert!(
            (3..=5).contains(&class) && (class != 3 || result.error_bit()),
            "{}",
            why.name()
        );
        assert_eq!(result.error_bit(), class == 3, "{}", why.name());
    }
    for (why, eap) in told(|refusal| refusal.verdict().eap) {
        match eap {
            Eap::Notify(what) => {
                let after = match what {
                    Notification::General => "general failure after authentication",
                    Notification::TemporarilyDenied => "temporarily denied",
                    Notification::NotSubscribed => "not subscribed",
                };
                is(why, format!("EAP notification {after}"), what.code(true).into());
                is(why, "EAP notification general failure".into(), what.code(false).into());
                // RFC 4187 6.1: S is 0 in a failure; P is 1 before the challenge has succeeded, and 0 after.
                let bits = |code: u16| (code & 0x8000 != 0, code & 0x4000 != 0);
                assert_eq!(
                    (bits(what.code(false)), bits(what.code(true))),
                    ((false, true), (false, false))
                );
            }
            Eap::ClientError(code) => is(why, "EAP client error unable to process packet".into(), code.into()),
            Eap::Failure | Eap::Discard | Eap::ErpFailed | Eap::AuthenticationReject => {}
        }
    }
    for (why, radius) in told(|refusal| refusal.verdict().radius) {
        if let Some(cause) = radius.error_cause() {
            is(why, "RADIUS Error-Cause Invalid-EAP-Packet".into(), cause);
        }
        // A reject says EAP-Failure (RFC 3579 2.6.3): then EAP has an answer that ends the run.
        let eap = why.verdict().eap;
        let ends = matches!(eap, Told::Answer(Eap::Notify(_) | Eap::Failure | Eap::ErpFailed));
        assert!(radius != Radius::Reject || ends, "{}: {eap:?}", why.name());
    }
    for cause in GmmCause::ALL {
        is(
            Refusal::Internal,
            format!("GMM {}", cause.name()),
            cause.number().into(),
        );
    }
    for exit in Exit::ALL.iter().filter(|exit| **exit != Exit::Failed) {
        is(Refusal::Internal, format!("exit {}", exit.name()), exit.number().into());
    }
    for (why, emsdp) in told(|refusal| refusal.verdict().emsdp) {
        // Private numbers: none of 3GPP's is taken.
        assert!(
            !matches!(emsdp, Emsdp::Reject(cause) if cause.number() < 0x80),
            "{}",
            why.name()
        );
    }
    // What can be told is told by somebody, so that nothing stands in a column for nothing.
    let said = |told: BTreeSet<u8>, all: &[u8]| assert_eq!(told, all.iter().copied().collect());
    let gsup = told(|refusal| refusal.verdict().gsup);
    let gmm = |(_, gsup): &(Refusal, Gsup)| match gsup {
        Gsup::Error(cause) => Some(cause.number()),
        Gsup::Discard => None,
    };
    said(
        gsup.iter().filter_map(gmm).collect(),
        &GmmCause::ALL.iter().map(|cause| cause.number()).collect::<Vec<_>>(),
    );
    said(
        told(|refusal| refusal.verdict().exit)
            .iter()
            .map(|(_, exit)| exit.number())
            .collect(),
        &Exit::ALL.iter().map(|exit| exit.number()).collect::<Vec<_>>(),
    );
    let emsdp = |(_, emsdp): &(Refusal, Emsdp)| match emsdp {
        Emsdp::Reject(cause) => Some(cause.number()),
        Emsdp::Discard => None,
    };
    said(
        told(|refusal| refusal.verdict().emsdp)
            .iter()
            .filter_map(emsdp)
            .collect(),
        &EmsdpCause::ALL.iter().map(|cause| cause.number()).collect::<Vec<_>>(),
    );
    let results: BTreeSet<Diameter> = diameters.iter().flatten().map(|(_, result)| *result).collect();
    assert_eq!(results, Diameter::ALL.iter().copied().collect());
    assert_eq!(COLUMNS.len(), Refusal::UserNotFound.verdict().cells().len());
}

/// The same reason is the same thing to everybody: nobody is told to come back where another is told that it is for ever.
#[test]
fn protocols_do_not_contradict_each_other() {
    for refusal in Refusal::ALL {
        let verdict = refusal.verdict();
        let busy = |diameter: Told<Diameter>| matches!(diameter, Told::Answer(Diameter::TOO_BUSY));
        let congestion = matches!(verdict.gsup, Told::Answer(Gsup::Error(GmmCause::Congestion)));
        if congestion || busy(verdict.s6a) || busy(verdict.swx) {
            assert_eq!(verdict.exit, Told::Answer(Exit::Later), "{}", refusal.name());
        }
        let unknown = |diameter: Told<Diameter>| matches!(diameter, Told::Answer(Diameter::USER_UNKNOWN));
        assert_eq!(unknown(verdict.s6a), unknown(verdict.swx), "{}", refusal.name());
        // Who may not is told so in every language that can say it.
        let barred = verdict.exit == Told::Answer(Exit::NotAllowed);
        let status = verdict.sbi.answer().map(|sbi| sbi.status());
        assert!(
            !barred || matches!(status, None | Some(401 | 403)),
            "{}: {status:?}",
            refusal.name()
        );
    }
}

#[test]
fn a_cause_means_a_refusal_that_has_it() {
    for cause in Cause::ALL {
        let sbi = cause.means().verdict().sbi.answer().unwrap();
        assert_eq!(sbi.cause(), Some(*cause), "{}", cause.name());
        assert_eq!(Cause::from_name(cause.name()), Some(*cause));
    }
}

/// Each reason is an entry of the log that reads back.
#[test]
fn every_reason_is_a_reason_of_the_audit_log() {
    for refusal in Refusal::ALL {
        let event = Event::new(Outcome::Refused, Action::VectorGiven, UnixMillis::new(1)).because((*refusal).into());
        let octets = event.encode();
        assert_eq!(octets[4..6], refusal.code().to_be_bytes());
        assert_eq!(Entry::decode(&octets), Ok(Entry::Event(event)));
        assert_eq!(Reason::named(refusal.name()), Some(Reason::Refused(*refusal)));
    }
}

#[test]
fn the_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/refusals.md");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == page::page(),
        "docs/refusals.md is stale: `cargo run -p kaskade-flow --example refusals > docs/refusals.md`"
    );
}

/// Folder of 3GPP's OpenAPI files, which are no part of this project: `KASKADE_OPENAPI`, or beside the checkout.
fn openapi() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/openapi");
    let folder = std::env::var_os("KASKADE_OPENAPI").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    folder.join("TS29503_Nudm_UEAU.yaml").exists().then_some(folder)
}

/// Every status is a response of some service, where 3GPP's files are at hand.
#[test]
fn statuses_are_responses_of_the_services() {
    let Some(folder) = openapi() else {
        kaskade_oracle::not_here("3GPP's OpenAPI files (KASKADE_OPENAPI names their folder)");
        return;
    };
    let text: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap_or_default())
        .collect();
    // HTTP's own (RFC 9110), and 504 of TS 29.509's table of causes, which its file leaves to "default".
    const ELSEWHERE: [u16; 3] = [405, 408, 504];
    for (why, sbi) in told(|refusal| refusal.verdict().sbi) {
        let response = text.contains(&format!("'{}':", sbi.status()));
        assert_eq!(
            response,
            !ELSEWHERE.contains(&sbi.status()),
            "{} {}",
            why.name(),
            sbi.status()
        );
    }
}
