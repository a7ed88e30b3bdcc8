//! AUSF: the home network's end of 5G AKA and EAP-AKA' (TS 29.509 5.2 and 6.1, TS 33.501 6.1.3).
//!
//! The UDM says by which method, with the vector that it gives.
//!
//! ```text
//! POST ue-authentications ── UDM: 5G HE AV ── context, 201 with RAND, AUTN, HXRES*
//! PUT  …/5g-aka-confirmation ── RES* = XRES*? ── context spent, 200 with SUPI and K_SEAF, or with failure
//!                            └─ the result is reported to the UDM
//!
//! POST ue-authentications ── UDM: AV' ── context, 201 with EAP-Request
//! POST …/eap-session ── EAP-Response ── 200 with the next EAP-Request, or
//!                            └─ reported to the UDM: 200 with EAP-Success, SUPI and K_SEAF, or with EAP-Failure
//! ```
//!
//! A context takes one answer: a second confirmation is 404 `CONTEXT_NOT_FOUND`, right or wrong as the first may have been, and
//! 403 `MODIFICATION_NOT_ALLOWED` while the first one's result is on its way to the UDM, as any other message then.
//! Two runs for one user have two contexts. Contexts expire and are bounded, and each belongs to who asked for it: to others it
//! does not exist. K_AUSF ends with the confirmation, unless there is an EMSK to be made of it ([`UsageKeys`]); of a user who has AKMA the
//! anchor key is made of it before, and registered at the AAnF ([`Akma`]).

mod akma;
mod contexts;
mod eap;
mod look;
mod refusal;
mod reports;
mod runs;
mod service;
mod udm;

use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kaskade_aka::eap_aka::ServerPolicy;
use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_aka::fivegs::run::Run;
use kaskade_aka::visit::VisitKeys;
use kaskade_anchor::anchor_key::Naming;
use kaskade_anchor::emsk::Why;
use kaskade_codec::sbi::nausf_auth::AuthenticationInfo;
use kaskade_codec::sbi::nudm_ueau::AuthenticationInfoRequest;
use kaskade_codec::sbi::{NfInstanceId, SupiOrSuci};
use kaskade_flow::event::{Action, Outcome as Came};
use kaskade_flow::expiring::{Full, Missing};
use kaskade_flow::{Durable, NoRandomness};
use kaskade_keys::derivation::Holder;
use kaskade_keys::{RoutingIndicator, ServingNetworkName, Supi};
use kaskade_store::StoreError;
use kaskade_store::audit::{AuditFull, AuditLog};
use tracing::{Level, enabled};

pub use akma::{
    ANCHOR_KEYS_OCTETS, Akma, AkmaCounters, AkmaOptions, AnchorFunction, Calling, HomeNetwork, NotAHomeNetwork,
    NotEnded, declare_anchor_keys, end_anchor_key,
};
pub use contexts::{ContextId, ContextLimits};
pub use eap::EapOutcome;
pub use kaskade_aka::fivegs::run::Authenticated;
pub use look::SeenContext;
pub use reports::REPORTS_OCTETS;
pub use runs::Outcome;
pub use udm::UdmLink;

use super::audit::{Audit, correlation};
use super::budget::{BudgetOptions, Budgets, OverBudget, setting};
use super::policy::ServingNetworkPolicy;
use super::usage_keys::UsageKeys;
use crate::live::Live;
use crate::log_limit;
use crate::random::random_octets;
use crate::sbi::peer::Requester;
use crate::sbi::server::Shutdown;
use crate::sbi::service::{Caller, NotDone};
use crate::tap::{OptionalTap, TapVisitor};
use crate::time::moment;
use contexts::{Contexts, Pending};
use reports::Reports;

/// The first message to the UE.
#[derive(Debug)]
pub enum Challenge {
    /// Of 5G AKA.
    FiveGAka(SeAv5g),
    /// A request of EAP.
    Eap(Box<[u8]>),
}

/// How an AUSF is set up.
#[derive(Clone)]
pub struct AusfOptions {
    /// Who it is.
    pub nf_instance_id: NfInstanceId,
    /// Which serving networks may ask.
    pub serving_networks: ServingNetworkPolicy,
    /// How much may be asked for, where the UDM is elsewhere: one in this process sees itself who asks.
    pub budgets: BudgetOptions,
    /// Life and number of contexts.
    pub contexts: ContextLimits,
    /// Root of URIs in answers, such as `https://ausf.example.org`; by default what the request was sent to.
    pub api_root: Option<String>,
    /// Sees fingerprints.
    pub tap: OptionalTap,
    /// Has every release on record; off by default.
    pub audit: AuditLog,
}

impl AusfOptions {
    /// With this identity, policy and otherwise the defaults.
    pub fn new(nf_instance_id: NfInstanceId, serving_networks: ServingNetworkPolicy) -> Self {
        Self {
            nf_instance_id,
            serving_networks,
            budgets: BudgetOptions::default(),
            contexts: ContextLimits::default(),
            api_root: None,
            tap: None,
            audit: AuditLog::off(),
        }
    }
}

/// Why an AUSF refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AusfError {
    /// The serving network may not ask.
    #[error("AUSF: the serving network is not authorised")]
    ServingNetworkNotAuthorised,
    /// The UDM gave no vector.
    #[error("AUSF: {0}")]
    Udm(NotDone),
    /// The context does not exist, is spent, or has expired.
    #[error("AUSF: no such authentication context")]
    UnknownContext,
    /// Another message for the context is in work.
    #[error("AUSF: another message for this authentication context is in work")]
    InWork,
    /// Too much was asked for.
    #[error("AUSF: {0}")]
    OverBudget(#[from] OverBudget),
    /// Others' contexts take all the room.
    #[error("AUSF: no room for a context")]
    NoRoom,
    /// No identifier for a context.
    #[error("AUSF: {0}")]
    NoRandomness(#[from] NoRandomness),
    /// The audit log has no room for it.
    #[error("AUSF: {0}")]
    Audit(#[from] AuditFull),
    /// The store does not take that an anchor key ends.
    #[error("AUSF: the store: {0}")]
    Store(StoreError),
    /// The program is stopping.
    #[error("AUSF: stopped")]
    Stopped,
}

impl From<NotEnded> for AusfError {
    fn from(error: NotEnded) -> Self {
        Self::Store(error.into())
    }
}

impl From<Missing> for AusfError {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Unknown => Self::UnknownContext,
            Missing::InWork => Self::InWork,
        }
    }
}

/// What an AUSF has done since it started.
#[derive(Debug, Default)]
pub struct AusfCounters {
    /// Authentications that were asked for.
    pub requests: AtomicU64,
    /// Challenges given out.
    pub challenges: AtomicU64,
    /// Users authenticated.
    pub successes: AtomicU64,
    /// Wrong or missing RES*.
    pub failures: AtomicU64,
    /// Requests refused because a budget was used up.
    pub over_budget: AtomicU64,
}

/// AUSF.
pub struct Ausf {
    udm: UdmLink,
    options: AusfOptions,
    serving_networks: Live<ServingNetworkPolicy>,
    eap: Arc<ServerPolicy>,
    contexts: Arc<Contexts>,
    /// `None` where the UDM keeps them.
    budgets: Option<Budgets>,
    /// `None` where UDM and AAnF are nobody's to wait for: the UDM is in this process, and there is no AKMA.
    reports: Option<Reports>,
    audit: Audit,
    counters: AusfCounters,
    /// Has what authentications leave below their EMSK.
    usage_keys: Option<Arc<UsageKeys>>,
    /// Registers what authentications leave for applications.
    akma: Option<Arc<Akma>>,
}

impl Ausf {
    /// An AUSF in front of this UDM.
    pub fn new(udm: UdmLink, mut options: AusfOptions) -> Self {
        let elsewhere = udm.is_elsewhere();
        Self {
            budgets: elsewhere.then(|| Budgets::new(options.budgets, RandomState::new())),
            reports: elsewhere.then(Reports::new),
            audit: Audit::new(options.audit.clone()),
            udm,
            serving_networks: Live::new(std::mem::take(&mut options.serving_networks)),
            eap: Arc::new(ServerPolicy::five_gs().with_lifetime(options.contexts.lifetime)),
            contexts: Arc::new(Contexts::new(options.contexts)),
            options,
            counters: AusfCounters::default(),
            usage_keys: None,
            akma: None,
        }
    }

    /// Registers the anchor keys of users who have AKMA there.
    #[must_use]
    pub fn registering_at(mut self, akma: Option<Arc<Akma>>) -> Self {
        if akma.is_some() {
            // The store is waited for.
            self.reports.get_or_insert_with(Reports::new);
        }
        self.akma = akma;
        self
    }

    /// Anchor keys on their way to the AAnF.
    pub const fn akma(&self) -> Option<&Arc<Akma>> {
        self.akma.as_ref()
    }

    /// Leaves the EMSK of an authentication there.
    #[must_use]
    pub fn leaving_emsks_to(mut self, usage_keys: Option<Arc<UsageKeys>>) -> Self {
        self.usage_keys = usage_keys;
        self
    }

    /// What it has done so far.
    pub fn counters(&self) -> &AusfCounters {
        &self.counters
    }

    /// Which serving networks may ask, to be replaced while it runs.
    pub const fn serving_networks(&self) -> &Live<ServingNetworkPolicy> {
        &self.serving_networks
    }

    /// How many challenges wait for their answer.
    pub fn pending(&self) -> usize {
        self.contexts.pending()
    }

    /// How many results are remembered.
    pub fn results(&self) -> usize {
        self.contexts.results()
    }

    /// Begins an authentication (TS 29.509 5.2.2.2.2). The context belongs to the requester.
    ///
    /// # Errors
    /// [`AusfError`]; there is no context then.
    pub async fn authenticate(
        &self,
        caller: &Caller,
        info: AuthenticationInfo,
    ) -> Result<(ContextId, Durable<Challenge>), AusfError> {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let serving_network_name = info.serving_network_name;
        let begun = self.begin(caller, info).await;
        begun.inspect_err(|error| {
            let requester = caller.requester();
            log_limit!(info, "authentication refused", %serving_network_name, %requester, %error);
            self.refused(requester, None, Action::ChallengeGiven, error);
        })
    }

    async fn begin(
        &self,
        caller: &Caller,
        info: AuthenticationInfo,
    ) -> Result<(ContextId, Durable<Challenge>), AusfError> {
        // For the line of the log that says how it ended.
        let asked = enabled!(Level::INFO).then(moment);
        let (requester, serving_network_name) = (caller.requester(), info.serving_network_name);
        if !self
            .serving_networks
            .with(|policy| policy.authorises(requester, &serving_network_name))
        {
            return Err(AusfError::ServingNetworkNotAuthorised);
        }
        self.admit(requester, &info)?;
        let request = AuthenticationInfoRequest {
            serving_network_name,
            ausf_instance_id: self.options.nf_instance_id,
            resynchronization_info: info.resynchronization_info,
        };
        let home = akma::home_of(&info.supi_or_suci);
        let vector = udm::vector(&self.udm, caller, info.supi_or_suci, request).await;
        let vector = vector.map_err(|error| {
            if udm::is_failure(&error) {
                log_limit!(warn, "no vector from the UDM", %error);
            }
            AusfError::Udm(error)
        })?;
        let now = moment();
        let until = self.contexts.until(now);
        let (vector, cover) = vector.into_guarded();
        let vector = vector.either(|vector| match vector {
            udm::Vector::FiveGAka(he_av, supi, akma) => Ok((he_av, supi, akma)),
            udm::Vector::EapAkaPrime(av, supi, akma) => Err((av, supi, akma)),
        });
        let vector = match vector {
            Ok(vector) => vector,
            Err(vector) => return self.begin_eap(caller, (serving_network_name, home), vector, cover, asked),
        };
        let (mut correlated, mut session, mut naming) = (0, None, None);
        let (se_av, run) = vector.keep(|(he_av, supi, akma)| {
            naming = self.naming(&supi, home, &serving_network_name, akma);
            correlated = correlation(&he_av.rand);
            session = Some((he_av.rand, he_av.autn));
            Run::begin(he_av, supi, serving_network_name, until)
        });
        let se_av = se_av.map(Challenge::FiveGAka);
        self.show(run.supi(), Holder::Ausf, &run);
        let event = self
            .audit
            .event(Came::Released, Action::ChallengeGiven, requester, run.supi())
            .correlated(correlated);
        let pending = Pending {
            run,
            cover: cover.clone(),
            correlation: correlated,
            begun: asked,
            session,
            naming,
        };
        let inserted = self.contexts.insert(requester.id(), pending, random_octets()?, now);
        let id = inserted.map_err(|Full| {
            log_limit!(warn, "refused: others have all contexts", %requester);
            AusfError::NoRoom
        })?;
        let released = self.audit.covered(cover, event, se_av);
        let se_av = released.inspect_err(|_| self.contexts.withdraw(requester.id(), id, now))?;
        self.counters.challenges.fetch_add(1, Ordering::Relaxed);
        Ok((id, se_av))
    }

    /// Waits until the UDM is told of the results that there are, so long at most; others are refused from now on.
    pub async fn finish_reports(&self, patience: Duration) {
        if let Some(reports) = &self.reports {
            reports.finish(patience).await;
        }
    }

    /// The user has left: forgets what this requester has of it (TS 29.509 5.2.2.2.6).
    ///
    /// # Errors
    /// [`AusfError::UnknownContext`] when that is nothing; what others have of the user stays, and is not told. What a message is
    /// in work for is forgotten when that ends. [`AusfError::Store`] where the end of the anchor key cannot be made durable: nothing is
    /// forgotten then.
    pub async fn deregister(&self, caller: &Caller, supi: &Supi) -> Result<(), AusfError> {
        let requester = caller.requester();
        let done = self.forget(requester, supi).await;
        done.inspect_err(|error| self.refused(requester, Some(supi), Action::ResultRemoved, error))
    }

    async fn forget(&self, requester: &Requester, supi: &Supi) -> Result<(), AusfError> {
        // First what may fail: whoever asks again finds the rest.
        let anchored = self.anchor_key_ended(requester, supi).await?;
        let forgotten = self.contexts.forget(requester.id(), supi);
        // Its result may have made room for others meanwhile: the EMSK is there all the same.
        match self.emsk_ended(requester, supi) || forgotten || anchored {
            true => Ok(()),
            false => Err(AusfError::UnknownContext),
        }
    }

    /// Nothing below the EMSK of what this requester had authenticated is to be used any more.
    fn emsk_ended(&self, requester: &Requester, supi: &Supi) -> bool {
        let usage_keys = self.usage_keys.as_ref();
        usage_keys.is_some_and(|usage_keys| usage_keys.end(supi, Some(requester), Why::Deregistered))
    }

    /// Nor anything below its anchor key, whose end is durable when this returns.
    async fn anchor_key_ended(&self, requester: &Requester, supi: &Supi) -> Result<bool, NotEnded> {
        match &self.akma {
            Some(akma) => akma.deregistered(requester, supi).await,
            None => Ok(false),
        }
    }

    /// How the anchor key of a run will be called, of a user who has AKMA, where there is an AAnF.
    fn naming(
        &self,
        supi: &Supi,
        home: Option<akma::HomeSaid>,
        serving: &ServingNetworkName,
        akma: Option<RoutingIndicator>,
    ) -> Option<Naming> {
        let (registers, routing_indicator) = (self.akma.as_ref()?, akma?);
        registers.naming(supi, home, serving, routing_indicator)
    }

    /// What the requester has left, where this AUSF counts. A concealed SUCI counts by itself: whose
    /// it is, only the UDM sees.
    fn admit(&self, requester: &Requester, info: &AuthenticationInfo) -> Result<(), OverBudget> {
        let Some(budgets) = &self.budgets else { return Ok(()) };
        let now = moment();
        let admitted = budgets
            .admit(requester.id(), &info.serving_network_name, now)
            .and_then(|()| match (&info.resynchronization_info, &info.supi_or_suci) {
                // Whether an AUTS is right is the UDM's to say.
                (Some(info), _) => budgets.admit_auts(&info.rand, now),
                (None, SupiOrSuci::Supi(supi)) => budgets.admit_card(requester.id(), supi, None, None, now),
                (None, SupiOrSuci::Suci(suci)) => match suci.null_supi() {
                    Some(supi) => budgets.admit_null_suci(requester.id(), &supi, now),
                    None => budgets.admit_suci(suci, now),
                },
            });
        admitted.inspect_err(|over| {
            self.counters.over_budget.fetch_add(1, Ordering::Relaxed);
            let bucket = setting(over.bucket);
            log_limit!(warn, "refused: a budget is used up", bucket, %requester);
        })
    }

    /// Removes expired contexts once a second, until the shutdown begins.
    pub async fn sweep_until(&self, shutdown: Shutdown) {
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => self.contexts.sweep(moment()),
                () = shutdown.begun() => return,
            }
        }
    }

    fn show(&self, supi: &Supi, holder: Holder, keys: &impl VisitKeys) {
        if let Some(tap) = &self.options.tap {
            let tap = &**tap;
            keys.visit_keys(&mut TapVisitor { tap, holder, supi });
        }
    }
}

impl std::fmt::Debug for Ausf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ausf")
            .field("udm", &self.udm)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
