//! AUSF: the home network's end of 5G AKA (TS 29.509 5.2 and 6.1, TS 33.501 6.1.3.2).
//!
//! ```text
//! POST ue-authentications ── UDM: 5G HE AV ── context, 201 with RAND, AUTN, HXRES*
//! PUT  …/5g-aka-confirmation ── RES* = XRES*? ── context spent, 200 with SUPI and K_SEAF, or with failure
//!                            └─ the result is reported to the UDM
//! ```
//!
//! A context takes one answer: a second confirmation is 404 `CONTEXT_NOT_FOUND`, right or wrong as the first may have been.
//! Two runs for one user have two contexts. Contexts expire and are bounded, and each belongs to who asked for it: to others it
//! does not exist. K_AUSF ends with the confirmation: no service needs it yet.

mod contexts;
mod http;
mod link;
mod reports;

use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kaskade_aka::fivegs::ausf::{Challenged, Confirmed, SeAv5g};
use kaskade_aka::visit::VisitKeys;
use kaskade_flow::NoRandomness;
use kaskade_flow::expiring::Full;
use kaskade_keys::derivation::Holder;
use kaskade_keys::fivegs::{KSeaf, ResStar};
use kaskade_keys::{ServingNetworkName, Supi};

pub use contexts::{ContextId, ContextLimits};
pub use http::{API, VERSION};
pub use link::{UdmLink, UdmLinkError};
pub use reports::REPORTS_OCTETS;

use super::budget::{BudgetOptions, Budgets, OverBudget, cause, setting};
use super::policy::ServingNetworkPolicy;
use crate::log_limit;
use crate::random::random_octets;
use crate::sbi::model::nausf::AuthenticationInfo;
use crate::sbi::model::nudm::{AuthEvent, AuthenticationInfoRequest};
use crate::sbi::model::{AuthType, NfInstanceId, SupiOrSuci};
use crate::sbi::peer::Requester;
use crate::sbi::problem::Cause;
use crate::sbi::server::Shutdown;
use crate::tap::{OptionalTap, TapVisitor};
use crate::time::{Timestamp, moment};
use contexts::{Contexts, Removed, Success};
use reports::{Place, Reports};

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
    Udm(#[from] UdmLinkError),
    /// The context does not exist, is spent, or has expired.
    #[error("AUSF: no such authentication context")]
    UnknownContext,
    /// Too much was asked for.
    #[error("AUSF: {0}")]
    OverBudget(#[from] OverBudget),
    /// Others' contexts take all the room.
    #[error("AUSF: no room for a context")]
    NoRoom,
    /// No identifier for a context.
    #[error("AUSF: {0}")]
    NoRandomness(#[from] NoRandomness),
    /// The program is stopping.
    #[error("AUSF: stopped")]
    Stopped,
}

impl AusfError {
    /// What the peer is told (TS 29.509 6.1.7.3).
    pub fn cause(&self) -> Cause {
        match self {
            Self::ServingNetworkNotAuthorised => Cause::ServingNetworkNotAuthorized,
            Self::UnknownContext => Cause::ContextNotFound,
            Self::NoRandomness(_) | Self::Stopped => Cause::SystemFailure,
            Self::OverBudget(over) => cause(over.bucket),
            Self::NoRoom => Cause::NfCongestion,
            Self::Udm(error) => error.cause(),
        }
    }

    /// When to try again, with a cause that is about that.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::OverBudget(over) => Some(over.retry_after),
            Self::NoRoom => Some(Duration::from_secs(1)),
            Self::Udm(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// What an AUSF has done since it started.
#[derive(Debug, Default)]
pub struct AusfCounters {
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
    contexts: Contexts,
    /// `None` where the UDM keeps them.
    budgets: Option<Budgets>,
    /// `None` where the UDM is in this process: there is nothing to wait for.
    reports: Option<Reports>,
    counters: AusfCounters,
}

/// The result of a confirmation.
#[derive(Debug)]
pub enum Outcome {
    /// The user is authenticated.
    Authenticated {
        /// Who.
        supi: Supi,
        /// For the SEAF.
        k_seaf: KSeaf,
    },
    /// The answer was wrong, or there was none.
    Failed,
}

impl Ausf {
    /// An AUSF in front of this UDM.
    pub fn new(udm: UdmLink, options: AusfOptions) -> Self {
        let elsewhere = matches!(udm, UdmLink::Http(_));
        Self {
            budgets: elsewhere.then(|| Budgets::new(options.budgets, RandomState::new())),
            reports: elsewhere.then(Reports::new),
            udm,
            contexts: Contexts::new(options.contexts),
            options,
            counters: AusfCounters::default(),
        }
    }

    /// What it has done so far.
    pub fn counters(&self) -> &AusfCounters {
        &self.counters
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
        requester: &Requester,
        info: AuthenticationInfo,
    ) -> Result<(ContextId, SeAv5g), AusfError> {
        let serving_network_name = info.serving_network_name;
        if !self
            .options
            .serving_networks
            .authorises(requester, &serving_network_name)
        {
            log_limit!(info, "serving network is not authorised", %requester, %serving_network_name);
            return Err(AusfError::ServingNetworkNotAuthorised);
        }
        self.admit(requester, &info)?;
        let request = AuthenticationInfoRequest {
            serving_network_name,
            ausf_instance_id: self.options.nf_instance_id,
            resynchronization_info: info.resynchronization_info,
        };
        let result = self
            .udm
            .generate_auth_data(requester, info.supi_or_suci, &request)
            .await
            .inspect_err(|error| {
                // What a UDM says of a user is no failure; what it says of itself, or something else in its place, is.
                let failed = match error {
                    UdmLinkError::Local(_) => false,
                    UdmLinkError::Refused(_) => {
                        matches!(error.cause(), Cause::AvGenerationProblem | Cause::UpstreamServerError)
                    }
                    UdmLinkError::Client(_) | UdmLinkError::Nonsense(_) => true,
                };
                if failed {
                    log_limit!(warn, "no vector from the UDM", %error);
                }
            })?;
        let (se_av, challenged) = Challenged::new(result.he_av, result.supi, serving_network_name);
        self.show(challenged.supi(), Holder::Ausf, &challenged);
        let inserted = self
            .contexts
            .insert(requester.id(), challenged, random_octets()?, moment());
        let id = inserted.map_err(|Full| {
            log_limit!(warn, "refused: others have all contexts", %requester);
            AusfError::NoRoom
        })?;
        self.counters.challenges.fetch_add(1, Ordering::Relaxed);
        Ok((id, se_av))
    }

    /// Takes the UE's answer, and reports the result to the UDM (TS 29.509 5.2.2.2.2, TS 33.501 6.1.4.1a).
    ///
    /// A report that does not arrive is logged; the authentication stands. A request that is cancelled has its result reported
    /// and kept all the same, or, where it waited for others' reports, leaves the context as it was.
    ///
    /// # Errors
    /// [`AusfError::UnknownContext`], also where the context is another's; that one stays as it is.
    /// [`AusfError::Stopped`] where the program ends before there is room for the report.
    pub async fn confirm(
        self: &Arc<Self>,
        requester: &Requester,
        id: ContextId,
        res_star: Option<&ResStar>,
    ) -> Result<Outcome, AusfError> {
        let place = match &self.reports {
            Some(reports) => Some(reports.place().await.ok_or(AusfError::Stopped)?),
            None => None,
        };
        let challenged = self
            .contexts
            .take(requester.id(), id, moment())
            .ok_or(AusfError::UnknownContext)?;
        let confirmed = match res_star {
            Some(res_star) => challenged
                .confirm(res_star)
                .map_err(|wrong| (wrong.supi, wrong.serving_network_name)),
            None => Err((challenged.supi().clone(), *challenged.serving_network_name())),
        };
        match confirmed {
            Ok(confirmed) => Ok(self.succeeded(requester, id, confirmed, place).await),
            Err((supi, serving_network_name)) => {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                let (supi_shown, received) = (supi.masked(), res_star.is_some());
                log_limit!(info, "authentication failed", supi = %supi_shown, received, %requester);
                let (ausf, requester) = (self.clone(), requester.clone());
                self.to_the_end(place, async move {
                    ausf.report(&requester, &supi, serving_network_name, false).await;
                })
                .await;
                Ok(Outcome::Failed)
            }
        }
    }

    async fn succeeded(
        self: &Arc<Self>,
        requester: &Requester,
        id: ContextId,
        confirmed: Confirmed,
        place: Option<Place>,
    ) -> Outcome {
        self.show(&confirmed.supi, Holder::Ausf, &confirmed);
        let Confirmed {
            supi,
            serving_network_name,
            k_ausf,
            k_seaf,
        } = confirmed;
        // No service needs it yet: what is not kept cannot be stolen.
        drop(k_ausf);
        self.counters.successes.fetch_add(1, Ordering::Relaxed);
        let (ausf, requester, reported) = (self.clone(), requester.clone(), supi.clone());
        self.to_the_end(place, async move {
            let event = ausf.report(&requester, &reported, serving_network_name, true).await;
            let success = Success {
                supi: reported,
                serving_network_name,
                event,
            };
            ausf.contexts.keep(requester.id(), id, success, moment());
        })
        .await;
        Outcome::Authenticated { supi, k_seaf }
    }

    /// Does this to its end, also where the request is cancelled meanwhile.
    async fn to_the_end(&self, place: Option<Place>, work: impl Future<Output = ()> + Send + 'static) {
        match (&self.reports, place) {
            (Some(reports), Some(place)) => reports.deliver(place, work).await,
            _ => work.await,
        }
    }

    /// Waits until the UDM is told of the results that there are, so long at most; others are refused from now on.
    pub async fn finish_reports(&self, patience: Duration) {
        if let Some(reports) = &self.reports {
            reports.finish(patience).await;
        }
    }

    /// Removes a context, and the result in the UDM when it was confirmed (TS 29.509 5.2.2.2.2).
    ///
    /// # Errors
    /// [`AusfError::UnknownContext`], also where it is another's; [`AusfError::Udm`] when the UDM could not be told.
    pub async fn delete(&self, requester: &Requester, id: ContextId) -> Result<(), AusfError> {
        match self.contexts.remove(requester.id(), id, moment()) {
            None => Err(AusfError::UnknownContext),
            Some(Removed::Pending) => Ok(()),
            Some(Removed::Confirmed(Success {
                supi,
                serving_network_name,
                event,
            })) => {
                if let Some(event) = event {
                    let removal = self.event(serving_network_name, true, true);
                    // Until it has succeeded the result stays, so that whoever tries again finds it.
                    self.udm.delete_auth(requester, &supi, &event, removal).await?;
                }
                self.contexts.taken_back(requester.id(), id, moment());
                Ok(())
            }
        }
    }

    /// The user has left: forgets what this requester has of it (TS 29.509 5.2.2.2.6).
    ///
    /// # Errors
    /// [`AusfError::UnknownContext`] when that is nothing; what others have of the user stays, and is not told.
    pub fn deregister(&self, requester: &Requester, supi: &Supi) -> Result<(), AusfError> {
        if self.contexts.forget(requester.id(), supi) {
            return Ok(());
        }
        Err(AusfError::UnknownContext)
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

    /// Tells the UDM the result; gives where to take it back.
    async fn report(
        &self,
        requester: &Requester,
        supi: &Supi,
        serving_network_name: ServingNetworkName,
        success: bool,
    ) -> Option<link::EventUri> {
        let event = self.event(serving_network_name, success, false);
        match self.udm.confirm_auth(requester, supi, event).await {
            Ok(uri) => Some(uri),
            Err(error) => {
                log_limit!(warn, "the UDM could not be told the result", supi = %supi.masked(), %error);
                None
            }
        }
    }

    fn event(&self, serving_network_name: ServingNetworkName, success: bool, auth_removal_ind: bool) -> AuthEvent {
        AuthEvent {
            nf_instance_id: self.options.nf_instance_id,
            success,
            time_stamp: Timestamp::now(),
            auth_type: AuthType::FiveGAka,
            serving_network_name,
            auth_removal_ind,
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
