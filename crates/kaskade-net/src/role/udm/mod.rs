//! UDM with ARPF and SIDF: who is this, and a vector for them (TS 29.503 5.4 and 6.3, TS 33.501 6.1, 6.12).
//!
//! ```text
//! SUCI ── SIDF ── SUPI ── serving network authorised? ── K, OPc or TOPc ── (AUTS: verify, resynchronise)
//!      ── SQN, durable ── RAND ── 5G HE AV: RAND, AUTN, XRES*, K_AUSF
//! ```
//!
//! | Refusal | Answer |
//! |---|---|
//! | the SUCI names a key that is not here | 403 `INVALID_HN_PUBLIC_KEY_IDENTIFIER` |
//! | the SUCI does not open, whatever the reason | 403 `INVALID_SCHEME_OUTPUT` |
//! | the SUCI has another scheme than null, A, B | 501 `UNSUPPORTED_PROTECTION_SCHEME` |
//! | nobody has this SUPI | 404 `USER_NOT_FOUND` |
//! | the serving network is not authorised | 403 `SERVING_NETWORK_NOT_AUTHORIZED` |
//! | the subscription allows neither 5G AKA nor EAP-AKA' there, or has a GSM-only card | 403 `AUTHENTICATION_REJECTED` |
//! | the subscriber is suspended | 403 `AUTHENTICATION_REJECTED` |
//! | the AUTS is wrong; SQN stays as it is | 403 `AUTHENTICATION_REJECTED` |
//! | no SQN is left that may be issued and that the card would accept | 403 `AUTHENTICATION_REJECTED`; the log says what to do |
//! | the store cannot make an SQN durable: the disk is full | 500 `INSUFFICIENT_RESOURCES`, and no vector |
//! | requester, serving network, SUCI or subscriber have had too much | 429 `NF_CONGESTION_RISK`; no SQN is spent |
//! | the node has too much to do | 503 `NF_CONGESTION`; no SQN is spent |
//! | the store fails otherwise | 500 `SYSTEM_FAILURE`, and no vector |
//!
//! The specifications name no cause for a wrong AUTS. `AUTHENTICATION_REJECTED` makes the AMF reject the UE, as after a
//! failed authentication, where a 5xx would make it try again with another vector. The same holds for a card without an
//! SQN: nothing that the AMF does gives it one, only the operator can.

mod eap;
mod events;
mod given;
mod refusal;
mod resync;
mod running;
mod service;
mod sidf;
mod uecm;
mod vector;

use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kaskade_aka::arpf::{AucError, AvPrime, Method, NotAllowed};
use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_aka::sqn::SqnError;
use kaskade_codec::sbi::nudm_ueau::{
    AuthEvent, AuthenticationInfoRequest, AuthenticationInfoResult, AuthenticationVector, Av5gHeAka, AvEapAkaPrime,
};
use kaskade_codec::sbi::values::PrimeHalf;
use kaskade_codec::sbi::{ResynchronizationInfo, SupiOrSuci};
use kaskade_faults::fault;
use kaskade_flow::budget::AutsAge;
use kaskade_flow::event::{Action, Outcome, Reason};
use kaskade_flow::expiring::Full;
use kaskade_flow::{Cover, Durable, Guarded, Moment, NoRandomness, Refusal};
use kaskade_keys::umts::CkIk;
use kaskade_keys::{ServingNetworkName, Suci, Supi};
use kaskade_store::audit::{AuditFull, AuditLog};
use kaskade_store::{StoreError, SubscriberStore};

pub use eap::Admitted;
pub use events::{EventId, EventLimits};
pub use given::GIVEN_OCTETS;
pub use running::RUNNING_OCTETS;
pub use service::OwnUdm;
pub use sidf::{HnKeyRing, SidfError};
pub(super) use uecm::ServingAmf;
pub use uecm::{
    AmfPolicy, Uecm, UecmCounters, UecmOptions, declare_serving_amfs, deregistrations_full, end_registration,
    withdraw_registration, withdraw_registration_untold,
};

use super::audit::{Audit, correlation};
use super::budget::{BudgetOptions, Budgets, OverBudget, setting};
use super::policy::ServingNetworkPolicy;
use crate::live::Live;
use crate::log_limit;
use crate::random::random_octets;
use crate::sbi::peer::Requester;
use crate::tap::OptionalTap;
use crate::time::moment;
use events::Events;
use given::{Given, Known};
use running::Running;
use vector::{Made, Ready, Use, Vector, Wanted};

/// How a UDM is set up.
#[derive(Clone, Default)]
pub struct UdmOptions {
    /// The home network's key pairs.
    pub hn_keys: HnKeyRing,
    /// Who may authenticate its users.
    pub serving_networks: ServingNetworkPolicy,
    /// How much may be asked for.
    pub budgets: BudgetOptions,
    /// How many reports are kept.
    pub events: EventLimits,
    /// Root of URIs in answers, such as `https://udm.example.org`; by default what the request was sent to.
    pub api_root: Option<String>,
    /// Sees fingerprints.
    pub tap: OptionalTap,
    /// Has every release on record; off by default.
    pub audit: AuditLog,
}

/// Why there is no vector, or no event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UdmError {
    /// SIDF: the SUCI was not opened.
    #[error("SIDF: {0}")]
    Sidf(#[from] SidfError),
    /// ARPF: the serving network may not.
    #[error("ARPF: the serving network is not authorised")]
    ServingNetworkNotAuthorised,
    /// ARPF: nobody has this SUPI.
    #[error("ARPF: unknown subscriber")]
    UserNotFound,
    /// ARPF: the subscription does not allow the method.
    #[error("ARPF: {0}")]
    MethodNotAllowed(#[from] NotAllowed),
    /// ARPF: the subscriber is suspended.
    #[error("ARPF: the subscriber is suspended")]
    Suspended,
    /// ARPF: the AUTS is not of this subscriber and RAND.
    #[error("ARPF: {0}")]
    WrongAuts(AucError),
    /// ARPF: there is no SQN that may be issued and that the card would accept.
    #[error("ARPF: {0}")]
    NoSequenceNumber(SqnError),
    /// ARPF: the store failed.
    #[error("ARPF: the store: {0}")]
    Store(StoreError),
    /// ARPF: no RAND.
    #[error("ARPF: {0}")]
    NoRandomness(#[from] NoRandomness),
    /// UDM: too much was asked for.
    #[error("UDM: {0}")]
    OverBudget(#[from] OverBudget),
    /// UDM: others' reports take all the room.
    #[error("UDM: no room for a report")]
    NoRoom,
    /// UDM: there is no such event.
    #[error("UDM: no such authentication event")]
    UnknownEvent,
    /// UDM: no AMF serves the subscriber that could be told, or another than asks.
    #[error("UDM: no such AMF serves the subscriber")]
    NotServed,
    /// UDM: an authentication of the subscriber runs already.
    #[error("UDM: an authentication of the subscriber runs")]
    Runs,
    /// UDM: the audit log has no room for it.
    #[error("UDM: {0}")]
    Audit(#[from] AuditFull),
    /// UDM: the program is stopping.
    #[error("UDM: stopped in the middle")]
    Stopped,
}

/// What a UDM has done since it started.
#[derive(Debug, Default)]
pub struct UdmCounters {
    /// Vectors given out.
    pub vectors: AtomicU64,
    /// Resynchronisations that changed something.
    pub resynchronisations: AtomicU64,
    /// Those of them after which numbers of an older epoch are issued again.
    pub reused: AtomicU64,
    /// AUTS of cards that seem to have gone back, and that may be replays.
    pub not_followed: AtomicU64,
    /// AUTS refused.
    pub wrong_auts: AtomicU64,
    /// Requests refused because a budget was used up.
    pub over_budget: AtomicU64,
    /// Reports of a success that are not believed: their sender is not known to have been given a vector of the subscriber.
    pub disbelieved: AtomicU64,
}

/// UDM, ARPF and SIDF.
pub struct Udm {
    store: Arc<SubscriberStore>,
    options: UdmOptions,
    hn_keys: Live<HnKeyRing>,
    serving_networks: Live<ServingNetworkPolicy>,
    events: Events,
    budgets: Budgets,
    given: Given,
    running: Running,
    audit: Audit,
    counters: UdmCounters,
}

impl Udm {
    /// A UDM over this store.
    ///
    /// What the store commits with events goes to the audit log of these options from now on.
    pub fn new(store: Arc<SubscriberStore>, mut options: UdmOptions) -> Self {
        store.records().hand_events_to(Arc::new(options.audit.clone()));
        Self {
            store,
            hn_keys: Live::new(std::mem::take(&mut options.hn_keys)),
            serving_networks: Live::new(std::mem::take(&mut options.serving_networks)),
            events: Events::new(options.events),
            budgets: Budgets::new(options.budgets, RandomState::new()),
            given: Given::new(),
            running: Running::new(),
            audit: Audit::new(options.audit.clone()),
            options,
            counters: UdmCounters::default(),
        }
    }

    /// What it has done so far.
    pub fn counters(&self) -> &UdmCounters {
        &self.counters
    }

    /// The home network's key pairs, to be replaced while it runs.
    pub const fn hn_keys(&self) -> &Live<HnKeyRing> {
        &self.hn_keys
    }

    /// Who may authenticate its users, to be replaced while it runs.
    pub const fn serving_networks(&self) -> &Live<ServingNetworkPolicy> {
        &self.serving_networks
    }

    /// A vector for a user (TS 29.503 5.4.2.2).
    ///
    /// The SQN in it is durable as used before this returns, and was never used before; its release is on record.
    ///
    /// # Errors
    /// [`UdmError`]; SQN is as before, except that a number may be skipped.
    pub async fn generate_auth_data(
        &self,
        requester: &Requester,
        supi_or_suci: SupiOrSuci,
        request: &AuthenticationInfoRequest,
    ) -> Result<Durable<AuthenticationInfoResult>, UdmError> {
        let (vector, supi) = self.vector(requester, supi_or_suci, request).await?;
        let remembered = supi.clone();
        let released = self.release_result(requester, vector, supi)?;
        self.given.note(requester, &remembered, moment());
        Ok(released)
    }

    /// A vector for the AUSF of this process, which proves that it has one by asking here when it confirms.
    pub(super) async fn generate_own(
        &self,
        requester: &Requester,
        supi_or_suci: SupiOrSuci,
        request: &AuthenticationInfoRequest,
    ) -> Result<Durable<AuthenticationInfoResult>, UdmError> {
        let (vector, supi) = self.vector(requester, supi_or_suci, request).await?;
        self.release_result(requester, vector, supi)
    }

    fn release_result(
        &self,
        requester: &Requester,
        Vector { made, cover, akma }: Vector,
        supi: Supi,
    ) -> Result<Durable<AuthenticationInfoResult>, UdmError> {
        let released = self.release(requester, made, cover, &supi)?;
        self.running.begins(&supi, moment());
        released.try_map(|made| {
            Ok(AuthenticationInfoResult {
                vector: wire(made)?,
                supi: Some(supi),
                akma,
            })
        })
    }

    /// Puts a vector on record, and lets it be told. A refusal is counted.
    fn release(&self, requester: &Requester, made: Made, cover: Cover, supi: &Supi) -> Result<Durable<Made>, UdmError> {
        let action = Action::VectorGiven;
        let event = self
            .audit
            .event(Outcome::Released, action, requester, supi)
            .correlated(correlation(made.rand()));
        let event = match &made {
            Made::FiveGAka(av) => self.audit.with_key(event, &av.k_ausf),
            Made::EapAkaPrime(av) => self.audit.with_key(event, &av.ck_ik_prime),
            Made::EapAka(_) => event,
            Made::Quintet(quintet) => self.audit.with_key(event, &CkIk::from_parts(&quintet.ck, &quintet.ik)),
        };
        let released = self
            .audit
            .covered(cover, event, Guarded::new(made))
            .map_err(UdmError::from);
        let released = released.inspect_err(|error| self.refused(requester, None, action, error))?;
        self.counters.vectors.fetch_add(1, Ordering::Relaxed);
        Ok(released)
    }

    /// Makes a vector. A refusal is counted, with the subscriber as far as it is known by then.
    async fn vector(
        &self,
        requester: &Requester,
        supi_or_suci: SupiOrSuci,
        request: &AuthenticationInfoRequest,
    ) -> Result<(Vector, Supi), UdmError> {
        let action = Action::VectorGiven;
        let now = moment();
        let admitted = self.admit(requester, &request.serving_network_name, now);
        let (supi, suci) = match (supi_or_suci, admitted) {
            (SupiOrSuci::Supi(supi), Ok(())) => (supi, None),
            (SupiOrSuci::Supi(supi), Err(error)) => {
                self.refused(requester, Some(&supi), action, &error);
                return Err(error);
            }
            (SupiOrSuci::Suci(suci), admitted) => {
                let opened = admitted.and_then(|()| self.deconceal(&suci));
                let supi = opened.inspect_err(|error| self.refused(requester, None, action, error))?;
                (supi, Some(suci))
            }
        };
        let node = request.ausf_instance_id.text();
        let wanted = Wanted {
            supi: &supi,
            use_of: Use::FiveGs(&request.serving_network_name),
            requesting_node: node.as_str(),
        };
        let auts = request.resynchronization_info.as_ref();
        let made = self.vector_of(requester, &wanted, suci.as_ref(), auts, now).await;
        let vector = made.inspect_err(|error| self.refused(requester, Some(&supi), action, error))?;
        Ok((vector, supi))
    }

    /// Who is behind a SUCI: the SIDF (TS 33.501 6.12.5).
    ///
    /// # Errors
    /// [`UdmError::Sidf`].
    fn deconceal(&self, suci: &Suci) -> Result<Supi, UdmError> {
        Ok(self.hn_keys.with(|keys| keys.deconceal(suci))?)
    }

    /// Whether this requester may ask for vectors for this serving network now.
    fn admit(
        &self,
        requester: &Requester,
        serving_network_name: &ServingNetworkName,
        now: Moment,
    ) -> Result<(), UdmError> {
        self.authorise(requester, serving_network_name)?;
        let admitted = self.budgets.admit(requester.id(), serving_network_name, now);
        admitted.map_err(|over| self.over_budget(requester, None, over))
    }

    async fn vector_of(
        &self,
        requester: &Requester,
        wanted: &Wanted<'_>,
        suci: Option<&Suci>,
        resynchronisation: Option<&ResynchronizationInfo>,
        now: Moment,
    ) -> Result<Vector, UdmError> {
        let supi = wanted.supi;
        let auts = match resynchronisation {
            Some(info) => {
                self.resynchronise(requester, wanted, info).await?;
                self.store.rand_age(supi, &info.rand).map(AutsAge)
            }
            None => None,
        };
        let mut admit = Some(|| {
            let admitted = self.budgets.admit_card(requester.id(), supi, suci, auts, now);
            admitted.map_err(|over| self.over_budget(requester, Some(supi), over))
        });
        let mut reserved = None;
        let parts = loop {
            let card = match self.parts(wanted, reserved, &mut admit).await? {
                Ready::Parts(parts) => break parts,
                Ready::Wait(card) => card,
            };
            reserved = match self.wait_for_sqn(wanted, card).await {
                Ok((sqn, cover)) => Some((card, sqn, cover)),
                // Replaced since it was read, which nobody does without end.
                Err(UdmError::Store(StoreError::AnotherCard)) => None,
                Err(error) => return Err(error),
            };
        };
        self.made_of(wanted, parts).await
    }

    /// Takes the report of an authentication (TS 29.503 5.4.2.3). That the card has succeeded is believed only of who was given
    /// a vector of it in the last ten minutes, and whose vector was not pushed out by others since.
    ///
    /// # Errors
    /// [`UdmError`]; nothing is kept then. A success that is believed counts also where there is no room for its report.
    pub async fn confirm_auth(
        &self,
        requester: &Requester,
        supi: &Supi,
        event: AuthEvent,
    ) -> Result<EventId, UdmError> {
        self.take_report(requester, supi, event)
            .await
            .inspect_err(|error| self.refused(requester, Some(supi), Action::ResultReported, error))
    }

    async fn take_report(&self, requester: &Requester, supi: &Supi, event: AuthEvent) -> Result<EventId, UdmError> {
        let (now, serving_network_name) = (moment(), &event.serving_network_name);
        self.authorise(requester, serving_network_name)?;
        let admitted = self.budgets.admit_report(requester.id(), now);
        admitted.map_err(|over| self.over_budget(requester, Some(supi), over))?;
        let there = self.store.contains_now(supi).done().await;
        if !there.map_err(UdmError::Store)? {
            return Err(UdmError::UserNotFound);
        }
        // What anybody may report is counted; what a vector was given for is written.
        let (audit, reported) = (&self.audit, Action::ResultReported);
        if !event.success {
            audit.refused(requester, Some(supi), reported, Refusal::AuthenticationRejected);
        } else {
            match self.given.take(requester, supi, now) {
                Known::Given(age) => {
                    self.store.vector_succeeded(supi, age);
                    let noted = audit.event(Outcome::Noted, reported, requester, supi);
                    audit.record(noted.because(Reason::Success))?;
                }
                known => {
                    audit.refused(requester, Some(supi), reported, Refusal::PeerNotAuthorized);
                    self.counters.disbelieved.fetch_add(1, Ordering::Relaxed);
                    let (supi, forgotten) = (supi.masked(), known == Known::Forgotten);
                    log_limit!(
                        info,
                        "a success is kept and not believed: its sender is not known to have had a vector",
                        %supi,
                        %requester,
                        forgotten
                    );
                }
            }
        }
        self.keep_report(requester, supi, event)
    }

    /// Takes the report of an authentication whose vector this UDM has just given out: the user is known.
    pub(super) fn confirm_own_vector(
        &self,
        requester: &Requester,
        supi: &Supi,
        event: AuthEvent,
    ) -> Result<EventId, UdmError> {
        if event.success {
            self.store.succeeded(supi);
        }
        self.keep_report(requester, supi, event)
    }

    /// Keeps a report, where there is room; whether the card has succeeded does not depend on that.
    fn keep_report(&self, requester: &Requester, supi: &Supi, event: AuthEvent) -> Result<EventId, UdmError> {
        self.running.ends(supi);
        let event = AuthEvent {
            success: event.success || fault!("failure-kept-as-success"),
            ..event
        };
        let id = EventId::from_random(random_octets()?);
        let added = self.events.add(supi, requester.id(), id, event, moment());
        added.map_err(|Full| UdmError::NoRoom)?;
        Ok(id)
    }

    /// Removes a report of this requester (TS 29.503 5.4.2.3).
    ///
    /// # Errors
    /// [`UdmError::UnknownEvent`] when there is none, not any more, or it is another's.
    pub fn delete_auth(&self, requester: &Requester, supi: &Supi, id: EventId) -> Result<(), UdmError> {
        if self.events.remove(supi, requester.id(), id, moment()) {
            Ok(())
        } else {
            Err(UdmError::UnknownEvent)
        }
    }

    /// The reports of a user that are kept, oldest first.
    pub fn auth_events(&self, supi: &Supi) -> Vec<AuthEvent> {
        self.events.of(supi)
    }

    fn authorise(&self, requester: &Requester, serving_network_name: &ServingNetworkName) -> Result<(), UdmError> {
        let authorised = self
            .serving_networks
            .with(|policy| policy.authorises(requester, serving_network_name));
        if authorised {
            return Ok(());
        }
        log_limit!(info, "serving network is not authorised", %requester, %serving_network_name);
        Err(UdmError::ServingNetworkNotAuthorised)
    }

    /// Counts, and raises the alarm.
    fn over_budget(&self, requester: &Requester, supi: Option<&Supi>, over: OverBudget) -> UdmError {
        self.counters.over_budget.fetch_add(1, Ordering::Relaxed);
        let supi = supi.map(|supi| supi.masked().to_string());
        let bucket = setting(over.bucket);
        log_limit!(warn, "refused: a budget is used up", bucket, %requester, supi);
        over.into()
    }

    /// Waits for the disk on a thread that may.
    async fn blocking<R: Send + 'static>(
        &self,
        supi: &Supi,
        work: impl FnOnce(&SubscriberStore, &Supi) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, UdmError> {
        let (store, owned) = (self.store.clone(), supi.clone());
        match tokio::task::spawn_blocking(move || work(&store, &owned)).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(store_failed(supi, error)),
            Err(_) => Err(UdmError::Stopped),
        }
    }
}

/// A vector of 5GS, for an AUSF.
fn wire(made: Made) -> Result<AuthenticationVector, UdmError> {
    match made {
        Made::FiveGAka(HeAv5g {
            rand,
            autn,
            xres_star,
            k_ausf,
        }) => Ok(AuthenticationVector::FiveGHeAka(Av5gHeAka {
            rand,
            xres_star,
            autn,
            k_ausf,
        })),
        Made::EapAkaPrime(AvPrime {
            rand,
            autn,
            xres,
            ck_ik_prime,
        }) => {
            let [ck_prime, ik_prime] = PrimeHalf::of(&ck_ik_prime);
            Ok(AuthenticationVector::EapAkaPrime(AvEapAkaPrime {
                rand,
                xres,
                autn,
                ck_prime,
                ik_prime,
            }))
        }
        // CK and IK themselves are for nobody who asks over this interface.
        Made::EapAka(_) | Made::Quintet(_) => Err(NotAllowed(Method::EapAka).into()),
    }
}

fn store_failed(supi: &Supi, error: StoreError) -> UdmError {
    match error {
        // Removed by somebody else in the middle.
        StoreError::UnknownSubscriber => return UdmError::UserNotFound,
        // Replaced by somebody else in the middle: read again, and an AUTS of the card before is nothing to the new one.
        StoreError::AnotherCard => return UdmError::Store(error),
        _ => {}
    }
    if let StoreError::Sqn(error) = error {
        return resync::none_left(supi, error);
    }
    log_limit!(error, "the store failed; no vector is given out", supi = %supi.masked(), %error);
    UdmError::Store(error)
}

impl std::fmt::Debug for Udm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Udm")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
