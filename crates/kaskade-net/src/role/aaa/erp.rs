//! ERP: users who were authenticated here come back in one round trip, by a key below the EMSK of then (RFC 6696).
//!
//! ```text
//! authentication ── EMSK ── rRK ── kept, of each user one
//! EAP-Initiate/Re-auth ── rRK by its name ── tag, SEQ ── may the user? ── audit log ── EAP-Finish/Re-auth, rMSK to the gateway
//! ```

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaskade_anchor::emsk::{Anchor, Life, Limits, Root};
use kaskade_anchor::erp::{ErAsk, ErFinish, ErInput, ErOptions, ErServer, ErServers, unknown_key};
use kaskade_codec::erp::{Code, ReAuth};
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event};
use kaskade_flow::expiring::Missing;
use kaskade_flow::{Guarded, Machine, Moment, Refusal, Unit};
use kaskade_keys::Supi;
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::{Fqdn, SessionId};

use super::Aaa;
use super::kept::Ground;
use super::runs::Run;
use super::turn::{Wants, is_for_another};
use crate::radius::{EapAsk, EapTold, Granted, Key};
use crate::random::SystemEntropy;
use crate::sbi::peer::Requester;
use crate::time::{moment, unix_millis};

/// Re-authentications by ERP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErpOptions {
    /// The realm of this server, which its users must know. At most 236 octets.
    pub domain: Fqdn,
    /// Users who may come back so, all together; for another, who was authenticated longest ago gives way.
    pub all: usize,
    /// How long after an authentication there are any.
    pub lifetime: Duration,
}

impl ErpOptions {
    /// What the table takes at most, in octets.
    pub const fn octets_at_most(&self) -> usize {
        ErServers::<Held>::octets_at_most(self.all, 256)
    }
}

/// Of whom an rRK is, and what the authentication before rests on.
pub(super) struct Held {
    supi: Supi,
    ground: Ground,
}

/// The rRKs, by EMSKname.
pub(super) struct Erp {
    servers: Mutex<ErServers<Held>>,
    hasher: RandomState,
    options: ErpOptions,
}

impl Erp {
    pub(super) fn new(options: ErpOptions) -> Self {
        Self {
            servers: Mutex::new(ErServers::new(options.all)),
            hasher: RandomState::new(),
            options,
        }
    }

    fn servers(&self) -> MutexGuard<'_, ErServers<Held>> {
        // A panic in the middle leaves an rRK more or less, never one for somebody else.
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A user was authenticated: the rRK of this authentication is kept, that of the one before ends.
    pub(super) fn born(
        &self,
        anchor: &mut Anchor,
        supi: &Supi,
        ground: Ground,
        session: Option<Duration>,
        now: Moment,
    ) {
        let options = ErOptions {
            r_msk_lifetime: session.unwrap_or(self.options.lifetime),
            ..ErOptions::default()
        };
        let Ok(Some(server)) = ErServer::home(anchor, self.options.domain.clone(), options) else {
            return;
        };
        let held = Held {
            supi: supi.clone(),
            ground,
        };
        // Where there is no room, the user comes with another authentication.
        let _ = self.servers().add(self.hasher.hash_one(supi), server, held, now);
    }

    fn has(&self, supi: &Supi) -> bool {
        self.servers().has(self.hasher.hash_one(supi))
    }

    /// That of a user ends before its time; whether there was one.
    fn retire(&self, supi: &Supi) -> bool {
        self.servers().retire(self.hasher.hash_one(supi))
    }

    pub(super) fn sweep(&self, now: Moment) {
        self.servers().sweep(now);
    }

    pub(super) fn len(&self) -> usize {
        self.servers().len()
    }
}

/// Whether a packet of a peer is one of ERP.
pub(super) fn is_of_erp(packet: &[u8]) -> bool {
    packet.first() == Some(&(Code::Initiate as u8))
}

impl Aaa {
    /// Whether a user may come back by ERP.
    pub fn has_erp_of(&self, supi: &Supi) -> bool {
        self.erp.as_ref().is_some_and(|erp| erp.has(supi))
    }

    /// A user comes back by ERP no more before another authentication: the EMSK ends, and the rRK below it; whether there was one.
    pub fn end_erp(&self, supi: &Supi) -> bool {
        !fault!("rrk-outlives-its-emsk") && self.erp.as_ref().is_some_and(|erp| erp.retire(supi))
    }

    /// The EMSK of an authentication that is released: the service of usage keys has it, what goes on by ERP has its keys now, and then it
    /// ends here, wiped.
    pub(super) fn keep_emsk(&self, by: &Requester, (emsk, session): (Emsk, SessionId), supi: &Supi, ground: &Ground) {
        if let Some(usage_keys) = &self.usage_keys {
            usage_keys.born(by, supi, Root::of_eap(emsk.clone(), session));
        }
        let Some(erp) = &self.erp else { return };
        let now = moment();
        let life = Life::from_now(erp.options.lifetime, unix_millis(), now);
        let (mut anchor, _) = Anchor::begin(supi.clone(), Root::of_eap(emsk, session), life, Limits::default());
        erp.born(&mut anchor, supi, ground.clone(), self.options.session, now);
    }

    /// A packet of ERP, which begins and ends a run. Where it is of no use, the run in which it came goes on.
    pub(super) fn initiated(&self, erp: &Erp, ask: &EapAsk<'_>, run: Option<Run>) -> EapTold<Run> {
        let (requester, packet) = (ask.requester, ask.packet);
        let head = ReAuth::read_head(packet).ok();
        let Some(head) = head.filter(|head| head.code == Code::Initiate) else {
            return self.not_used(requester, run);
        };
        if head.key_name_nai.realm() != &erp.options.domain {
            return self.erp_fails(requester, None, packet, Refusal::RealmNotServed);
        }
        let (name, now) = (head.key_name_nai.name(), moment());
        let begun = erp.servers().begin(name, now);
        let (server, held) = match begun {
            Ok(begun) => begun,
            Err(Missing::InWork) => return self.refuse(requester, run, Refusal::InWork),
            Err(Missing::Unknown) => {
                return self.erp_fails(requester, None, packet, Refusal::ReauthenticationKeyUnknown);
            }
        };
        let (by, about) = self.audit.parties(requester, &held.supi);
        let input = ErInput {
            initiate: packet.to_vec(),
            at: unix_millis(),
            by,
            about,
            bootstrap: None,
        };
        let step = server.handle(now, &mut SystemEntropy, Some(Box::new(input)));
        let (supi, ground) = (held.supi.clone(), held.ground.clone());
        let may = match &step.out {
            Some(_) if !fault!("erp-user-not-asked-for") => self.may(&supi, &ground),
            _ => Ok(()),
        };
        // Whoever may not come in by it comes with a whole authentication, and hears there why.
        let ends = may.is_err_and(|why| !is_for_another(why));
        let back = step.next.filter(|_| !ends).map(|server| (server, held));
        let is_there = erp.servers().end(name, back, now);
        match (step.out, step.ask, may) {
            (Some(_), _, Err(why)) if is_for_another(why) => self.refuse(requester, run, why),
            (Some(_), _, Err(why)) => self.erp_fails(requester, Some(&supi), packet, why),
            // The user was authenticated anew meanwhile.
            (Some(_), ..) if !is_there => {
                self.erp_fails(requester, Some(&supi), packet, Refusal::ReauthenticationKeyUnknown)
            }
            (Some(finish), _, Ok(())) => match step.unit.and_then(|unit| event_of(*unit)) {
                Some(event) => self.lets_in_by_erp(ask, (&supi, ground), event, finish),
                None => self.refuse(requester, run, Refusal::Internal),
            },
            (None, Some(ErAsk::Fail { why, finish }), _) => {
                let why = why.refusal();
                self.refused_about(requester, Some(&supi), why);
                EapTold::Failure { packet: finish, why }
            }
            (None, Some(ErAsk::Count(why)), _) => self.refuse(requester, run, why.refusal()),
            (None, None, _) => self.refuse(requester, run, Refusal::Internal),
        }
    }

    /// The peer comes in, and its gateway gets the rMSK.
    fn lets_in_by_erp(
        &self,
        ask: &EapAsk<'_>,
        (supi, ground): (&Supi, Ground),
        event: Event,
        finish: Guarded<ErFinish>,
    ) -> EapTold<Run> {
        let wants = Wants::from(ask);
        let granted = finish.map(|ErFinish { finish, granted }| Granted {
            packet: finish,
            key: Some(Key::RMsk(granted.r_msk)),
            cui: wants.cui.then(|| self.options.names.cui(supi)),
            eap_key_name: None,
            session: Some(granted.lifetime),
        });
        match self.audit.covered(ground.cover, event, granted) {
            Ok(released) => {
                self.counters.erp.add_one();
                tracing::info!(supi = %supi.masked(), method = "ERP", requester = %ask.requester, "authentication succeeded");
                EapTold::Success(released)
            }
            Err(full) => self.refuse(ask.requester, None, full.refusal()),
        }
    }

    /// The peer is told to come with a whole authentication.
    fn erp_fails(&self, requester: &Requester, supi: Option<&Supi>, initiate: &[u8], why: Refusal) -> EapTold<Run> {
        match unknown_key(initiate) {
            Some(packet) => {
                self.refused_about(requester, supi, why);
                EapTold::Failure { packet, why }
            }
            None => self.refuse(requester, None, why),
        }
    }

    fn refused_about(&self, requester: &Requester, supi: Option<&Supi>, why: Refusal) {
        self.audit
            .refused(requester, supi, Action::ReauthenticationKeyGiven, why);
    }
}

/// What is to be put on record before a key is told: nothing else is in the unit of a re-authentication.
fn event_of(unit: Unit) -> Option<Event> {
    let parts = unit.into_parts().ok()?;
    match (
        parts.changes.is_empty(),
        parts.messages.is_empty(),
        parts.events.into_iter().next(),
    ) {
        (true, true, event) => event,
        _ => None,
    }
}
