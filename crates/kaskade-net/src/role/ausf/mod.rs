//! AUSF: the home network's end of 5G AKA (TS 29.509 5.2 and 6.1, TS 33.501 6.1.3.2).
//!
//! ```text
//! POST ue-authentications ── UDM: 5G HE AV ── context, 201 with RAND, AUTN, HXRES*
//! PUT  …/5g-aka-confirmation ── RES* = XRES*? ── context spent, 200 with SUPI and K_SEAF, or with failure
//!                            └─ the result is reported to the UDM
//! ```
//!
//! A context takes one answer: a second confirmation is 404 `CONTEXT_NOT_FOUND`, right or wrong as the first may have been.
//! Two runs for one user have two contexts. Contexts expire and are bounded.

mod contexts;
mod http;
mod link;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kaskade_aka::fivegs::ausf::{Challenged, Confirmed, SeAv5g};
use kaskade_aka::visit::VisitKeys;
use kaskade_keys::derivation::Holder;
use kaskade_keys::fivegs::{KAusf, KSeaf, ResStar};
use kaskade_keys::{ServingNetworkName, Supi};

pub use contexts::{ContextId, ContextLimits};
pub use http::{API, VERSION};
pub use link::{UdmLink, UdmLinkError};

use super::policy::ServingNetworkPolicy;
use crate::random::{NoRandomness, random_octets};
use crate::sbi::model::nausf::AuthenticationInfo;
use crate::sbi::model::nudm::{AuthEvent, AuthenticationInfoRequest};
use crate::sbi::model::{AuthType, NfInstanceId};
use crate::sbi::problem::Cause;
use crate::sbi::server::Shutdown;
use crate::tap::{OptionalTap, TapVisitor};
use crate::time::Timestamp;
use contexts::{Contexts, Removed, Success};

/// How an AUSF is set up.
#[derive(Clone)]
pub struct AusfOptions {
    /// Who it is.
    pub nf_instance_id: NfInstanceId,
    /// Which serving networks may ask.
    pub serving_networks: ServingNetworkPolicy,
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
    /// No identifier for a context.
    #[error("AUSF: {0}")]
    NoRandomness(#[from] NoRandomness),
}

impl AusfError {
    /// What the peer is told (TS 29.509 6.1.7.3).
    pub fn cause(&self) -> Cause {
        match self {
            Self::ServingNetworkNotAuthorised => Cause::ServingNetworkNotAuthorized,
            Self::UnknownContext => Cause::ContextNotFound,
            Self::NoRandomness(_) => Cause::SystemFailure,
            Self::Udm(error) => error.cause(),
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
}

/// AUSF.
pub struct Ausf {
    udm: UdmLink,
    options: AusfOptions,
    contexts: Contexts,
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
        Self {
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

    /// Begins an authentication (TS 29.509 5.2.2.2.2).
    ///
    /// # Errors
    /// [`AusfError`]; there is no context then.
    pub async fn authenticate(&self, info: AuthenticationInfo) -> Result<(ContextId, SeAv5g), AusfError> {
        let serving_network_name = info.serving_network_name;
        if !self.options.serving_networks.authorises(&serving_network_name) {
            tracing::info!(%serving_network_name, "serving network is not authorised");
            return Err(AusfError::ServingNetworkNotAuthorised);
        }
        let request = AuthenticationInfoRequest {
            serving_network_name,
            ausf_instance_id: self.options.nf_instance_id,
            resynchronization_info: info.resynchronization_info,
        };
        let result = self.udm.generate_auth_data(info.supi_or_suci, &request).await?;
        let (se_av, challenged) = Challenged::new(result.he_av, result.supi, serving_network_name);
        self.show(challenged.supi(), Holder::Ausf, &challenged);
        let id = self.contexts.insert(challenged, random_octets()?, Instant::now());
        self.counters.challenges.fetch_add(1, Ordering::Relaxed);
        Ok((id, se_av))
    }

    /// Takes the UE's answer, and reports the result to the UDM (TS 29.509 5.2.2.2.2, TS 33.501 6.1.4.1a).
    ///
    /// A report that does not arrive is logged; the authentication stands.
    ///
    /// # Errors
    /// [`AusfError::UnknownContext`].
    pub async fn confirm(&self, id: ContextId, res_star: Option<&ResStar>) -> Result<Outcome, AusfError> {
        let challenged = self
            .contexts
            .take(id, Instant::now())
            .ok_or(AusfError::UnknownContext)?;
        let confirmed = match res_star {
            Some(res_star) => challenged
                .confirm(res_star)
                .map_err(|wrong| (wrong.supi, wrong.serving_network_name)),
            None => Err((challenged.supi().clone(), *challenged.serving_network_name())),
        };
        match confirmed {
            Ok(confirmed) => Ok(self.succeeded(id, confirmed).await),
            Err((supi, serving_network_name)) => {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                tracing::info!(supi = %supi.masked(), received = res_star.is_some(), "authentication failed");
                self.report(&supi, serving_network_name, false).await;
                Ok(Outcome::Failed)
            }
        }
    }

    async fn succeeded(&self, id: ContextId, confirmed: Confirmed) -> Outcome {
        self.show(&confirmed.supi, Holder::Ausf, &confirmed);
        let Confirmed {
            supi,
            serving_network_name,
            k_ausf,
            k_seaf,
        } = confirmed;
        let event = self.report(&supi, serving_network_name, true).await;
        self.contexts.keep(
            &supi,
            id,
            Success {
                k_ausf,
                serving_network_name,
                event,
            },
        );
        self.counters.successes.fetch_add(1, Ordering::Relaxed);
        Outcome::Authenticated { supi, k_seaf }
    }

    /// Removes a context, and the result in the UDM when it was confirmed (TS 29.509 5.2.2.2.2).
    ///
    /// # Errors
    /// [`AusfError::UnknownContext`]; [`AusfError::Udm`] when the UDM could not be told.
    pub async fn delete(&self, id: ContextId) -> Result<(), AusfError> {
        match self.contexts.remove(id, Instant::now()) {
            None => Err(AusfError::UnknownContext),
            Some(Removed::Pending) => Ok(()),
            Some(Removed::Confirmed {
                supi,
                serving_network_name,
                event,
            }) => {
                let Some(event) = event else { return Ok(()) };
                let removal = self.event(serving_network_name, true, true);
                self.udm.delete_auth(&supi, &event, removal).await?;
                Ok(())
            }
        }
    }

    /// The user has left: forgets K_AUSF (TS 29.509 5.2.2.2.6). A user of whom nothing is kept is as good.
    pub fn deregister(&self, supi: &Supi) {
        self.contexts.forget(supi);
    }

    /// K_AUSF of the user's last success.
    pub fn k_ausf(&self, supi: &Supi) -> Option<KAusf> {
        self.contexts.k_ausf(supi)
    }

    /// Removes expired contexts once a second, until the shutdown begins.
    pub async fn sweep_until(&self, shutdown: Shutdown) {
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => self.contexts.sweep(Instant::now()),
                () = shutdown.begun() => return,
            }
        }
    }

    /// Tells the UDM the result; gives where to take it back.
    async fn report(
        &self,
        supi: &Supi,
        serving_network_name: ServingNetworkName,
        success: bool,
    ) -> Option<link::EventUri> {
        let event = self.event(serving_network_name, success, false);
        match self.udm.confirm_auth(supi, event).await {
            Ok(uri) => Some(uri),
            Err(error) => {
                tracing::warn!(supi = %supi.masked(), %error, "the UDM could not be told the result");
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
