//! NEF: AKMA for application functions outside the operator's domain (TS 33.535 6.3, TS 29.522).
//!
//! ```text
//! AF ── POST /oauth2/token ──────────▶ token endpoint ── access token ──▶ AF
//! AF ── POST /3gpp-akma/v1/retrieve ─▶ gate, policy ── Naanf_AKMA ──▶ AAnF
//!    ◀── K_AF, expiry, GPSI ──────────┘      └── notice: a record
//! AF ◀── ServiceDisableNotif ── outbox ◀── notices ◀── ServiceDisableNotif ── AAnF
//! ```
//!
//! | Rule | Where |
//! |---|---|
//! | who is an application function, and what it may have, is configuration, read anew for each request | [`NefPolicy`] |
//! | nobody has a token who has not proved who it is | `token` |
//! | no SUPI leaves | `ask` |
//! | a notice is there before its key, and lasts as long | `waiting` |
//! | an application function is told where the configuration says that it may be told | `ask`, `tell` |

mod aanfs;
mod ask;
mod error;
mod figures;
mod form;
mod gate;
mod notice;
mod policy;
mod secret;
mod service;
mod tell;
mod token;
mod waiting;

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use kaskade_flow::record::Record;
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;
use kaskade_store::records::{DeclareError, Records};

pub use aanfs::{AanfEntry, Aanfs, Anchor, Asking, SameSubscribers};
pub use error::NefError;
pub use figures::NefCounters;
pub(super) use notice::Notice;
pub use policy::{Af, NefPolicy, NotItsOwn, NotProtocols, UaProtocols};
pub use secret::{ClientSecret, ClientSecretHash, NotAHash};
pub use token::{PATH as TOKEN_PATH, TokenOptions};

use super::access::Access;
use super::audit::Audit;
use super::budget::{BUCKETS_OCTETS, BudgetOptions, Budgets};
use super::callbacks::{CALLBACKS_OCTETS, Callbacks, deliver};
use crate::live::Live;
use crate::sbi::client::ClientOptions;
use crate::sbi::server::Shutdown;
use crate::sbi::service::{Beside, Gate};
use crate::sbi::token::{TOKENS_OCTETS, TokenRules, TokenRulesError, Verifier};
use gate::{NefGate, OwnTokens};
use token::TokenEndpoint;
use waiting::{Unanswered, WAITING_OCTETS};

/// How a NEF is set up.
#[derive(Clone)]
pub struct NefOptions {
    /// Who may have what.
    pub policy: NefPolicy,
    /// Whom it asks for keys.
    pub aanfs: Aanfs,
    /// How it gives access tokens; `None`: it gives none.
    pub tokens: Option<TokenOptions>,
    /// Whether the subscribers are in the store: a UDM is here.
    pub is_home: bool,
    /// Root of the URIs that AAnFs are given for notifications; `None`: none is passed on.
    pub notices_root: Option<String>,
    /// How application functions are reached.
    pub callbacks: ClientOptions,
    /// How often one requester may ask.
    pub budgets: BudgetOptions,
    /// Root of URIs in answers.
    pub api_root: Option<String>,
    /// Has every release on record.
    pub audit: AuditLog,
}

impl Default for NefOptions {
    /// Nobody may have anything, and nobody has any.
    fn default() -> Self {
        Self {
            policy: NefPolicy::default(),
            aanfs: Aanfs::default(),
            tokens: None,
            is_home: false,
            notices_root: None,
            callbacks: ClientOptions::default(),
            budgets: BudgetOptions::default(),
            api_root: None,
            audit: AuditLog::off(),
        }
    }
}

/// How an AAnF of the same process knows the NEF: as the group, or the peer, of this name.
pub const NEF_NAME: &str = "nef";

/// What a NEF takes at most, in octets: its buckets and those of its token endpoint, tokens that it has verified, requests that wait for an AAnF, and what is delivered to application functions.
pub const NEF_OCTETS: usize = 2 * BUCKETS_OCTETS + CALLBACKS_OCTETS + TOKENS_OCTETS + WAITING_OCTETS;

/// Why a NEF does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NefStartError {
    /// The store does not take its records.
    #[error("{0}")]
    Records(#[from] DeclareError),
    /// Its own tokens could not be verified.
    #[error("access tokens: {0}")]
    Tokens(#[from] TokenRulesError),
}

/// A NEF.
pub struct Nef {
    store: Arc<SubscriberStore>,
    records: Records,
    options: NefOptions,
    policy: Live<NefPolicy>,
    aanfs: Aanfs,
    own: Option<Arc<OwnTokens>>,
    budgets: Budgets,
    callbacks: Callbacks,
    audit: Audit,
    counters: Arc<NefCounters>,
    unanswered: Unanswered,
}

impl Nef {
    /// Over this store.
    ///
    /// What the store commits with events goes to the audit log of these options from now on.
    ///
    /// # Errors
    /// [`NefStartError`].
    pub fn new(store: Arc<SubscriberStore>, options: NefOptions) -> Result<Self, NefStartError> {
        let records = store.records();
        records.declare(&[Notice::KIND])?;
        records.hand_events_to(Arc::new(options.audit.clone()));
        let own = options.tokens.as_ref().map(|tokens| {
            let rules = TokenRules {
                issuers: vec![tokens.issuer.name().to_owned()],
                keys: vec![tokens.issuer.key()],
                instances: Vec::new(),
                networks: Vec::new(),
                // Whoever signs has the same clock.
                leeway: Duration::ZERO,
            };
            Ok::<_, TokenRulesError>(Arc::new(OwnTokens {
                verifier: Verifier::new(rules)?,
                issuer: tokens.issuer.name().into(),
            }))
        });
        Ok(Self {
            records,
            policy: Live::new(options.policy.clone()),
            aanfs: options.aanfs.clone(),
            own: own.transpose()?,
            budgets: Budgets::new(options.budgets, RandomState::new()),
            callbacks: Callbacks::new(options.callbacks.clone()),
            audit: Audit::new(options.audit.clone()),
            counters: Arc::default(),
            unanswered: Unanswered::default(),
            store,
            options,
        })
    }

    /// Who may have what, to be replaced while it runs.
    pub const fn policy(&self) -> &Live<NefPolicy> {
        &self.policy
    }

    /// What it has done so far.
    pub fn counters(&self) -> &NefCounters {
        &self.counters
    }

    fn issuer(&self) -> Option<&str> {
        self.own.as_ref().map(|own| &*own.issuer)
    }

    /// Who is asked whether a caller may, at the socket for application functions.
    pub fn gate(&self, access: Arc<Access>) -> Arc<dyn Gate> {
        Arc::new(NefGate {
            own: self.own.clone(),
            access,
            policy: self.policy.clone(),
        })
    }

    /// The token endpoint, if it has one.
    pub fn token_endpoint(&self) -> Option<Arc<dyn Beside>> {
        let options = self.options.tokens.clone()?;
        Some(Arc::new(TokenEndpoint::new(
            options,
            self.policy.clone(),
            Audit::new(self.options.audit.clone()),
            self.counters.clone(),
        )))
    }

    /// Delivers to application functions, until the shutdown begins.
    pub async fn run_until(self: Arc<Self>, shutdown: Shutdown) {
        tokio::select! {
            () = deliver(&self) => {}
            () = shutdown.begun() => {}
        }
    }
}

impl std::fmt::Debug for Nef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nef")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
