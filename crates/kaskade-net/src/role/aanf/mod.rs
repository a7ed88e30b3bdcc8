//! AAnF: K_AKMA of the subscribers who were authenticated, and the service by which application functions have keys below it (TS 33.535,
//! docs/akma.md).
//!
//! ```text
//! AUSF ── register_anchorkey, remove_context ──▶ AkmaContext ◀── retrieve_applicationkey ── AF, NEF
//!                                                     │
//!                        disable ── outbox ── callbacks ── holders: ServiceDisableNotif
//! ```
//!
//! All of it is in the store, and nothing in memory: several processes may serve one store one after the other, and a restart forgets
//! nothing. What happens to the keys of one subscriber is in one order, which the store keeps: a unit that rests on what another one has
//! changed does not happen, and is made anew.
//!
//! | Rule | Where |
//! |---|---|
//! | who may have what is configuration, and read anew for each request | [`AkmaPolicy`] |
//! | what does not depend on a subscriber is refused before anybody looks for one | `keys` |
//! | whoever has no AKMA any more has no keys of it, where the subscribers are here | `reconcile` |
//! | a key is told when its holder's record is durable, and below the K_AKMA that is current then | `keys` |
//! | whose keys are over or nearly is authenticated again, where that is configured | `reauthenticate` |
//! | a holder is told where the configuration says that it may be told | [`CallbackRoot`](super::usage_keys::CallbackRoot), `tell` |

mod error;
mod figures;
mod interception;
mod keys;
mod policy;
mod reauthenticate;
mod reconcile;
mod service;
mod tell;

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use kaskade_anchor::akma::{AfHolder, AkmaContext, HolderLimits};
use kaskade_flow::record::Record;
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;
use kaskade_store::records::{DeclareError, Records};

pub use error::AanfError;
pub use figures::{AanfCounters, Asked, Ended, Given};
pub use interception::{Interception, Noted, Seen, note};
pub use policy::AkmaPolicy;
pub use reauthenticate::{
    FormOfTrigger, ReauthenticationLimits, ReauthenticationOptions, Reauthenticator, Triggering, UdmElsewhere,
};
pub use service::OwnAanf;

use super::audit::Audit;
use super::budget::{BudgetOptions, Budgets};
use super::callbacks::{Callbacks, deliver};
use crate::live::Live;
use crate::sbi::client::ClientOptions;
use crate::sbi::server::Shutdown;
use reauthenticate::Reauthentications;

/// How an AAnF is set up.
#[derive(Clone)]
pub struct AanfOptions {
    /// How long K_AKMA is of use at most; `None`: until the next authentication.
    pub lifetime: Option<Duration>,
    /// How many may hold keys of one subscriber.
    pub limits: HolderLimits,
    /// Who may have what.
    pub policy: AkmaPolicy,
    /// How often one requester may ask.
    pub budgets: BudgetOptions,
    /// How holders are reached.
    pub callbacks: ClientOptions,
    /// Who has users authenticated again when their keys end; `None`: nobody is asked.
    pub reauthentication: Option<ReauthenticationOptions>,
    /// Root of URIs in answers.
    pub api_root: Option<String>,
    /// Has every release on record.
    pub audit: AuditLog,
    /// Hears what happens, where there is lawful interception.
    pub interception: Option<Arc<dyn Interception>>,
}

impl Default for AanfOptions {
    /// K_AKMA lives until the next authentication; nobody may have anything, and nobody is authenticated again.
    fn default() -> Self {
        Self {
            lifetime: None,
            limits: HolderLimits::default(),
            policy: AkmaPolicy::default(),
            budgets: BudgetOptions::default(),
            callbacks: ClientOptions::default(),
            reauthentication: None,
            api_root: None,
            audit: AuditLog::off(),
            interception: None,
        }
    }
}

/// The anchor function of AKMA.
pub struct Aanf {
    store: Arc<SubscriberStore>,
    records: Records,
    /// Whether the subscribers are in this store: a UDM is here.
    is_home: bool,
    options: AanfOptions,
    policy: Live<AkmaPolicy>,
    budgets: Budgets,
    callbacks: Callbacks,
    reauthentications: Option<Reauthentications>,
    audit: Audit,
    counters: AanfCounters,
}

impl Aanf {
    /// Over this store, which has the subscribers too where there is a UDM on the node. Blocks for a moment.
    ///
    /// What the store commits with events goes to the audit log of these options from now on.
    ///
    /// # Errors
    /// [`DeclareError`] when the store cannot have its records.
    pub fn new(store: Arc<SubscriberStore>, is_home: bool, options: AanfOptions) -> Result<Self, DeclareError> {
        let records = store.records();
        records.declare(&[AkmaContext::KIND, AfHolder::KIND])?;
        records.hand_events_to(Arc::new(options.audit.clone()));
        // The first key after a start is to be as soon there as any other.
        records.seed_generator();
        Ok(Self {
            records,
            is_home,
            policy: Live::new(options.policy.clone()),
            budgets: Budgets::new(options.budgets, RandomState::new()),
            callbacks: Callbacks::new(options.callbacks.clone()),
            reauthentications: options.reauthentication.clone().map(Reauthentications::new),
            audit: Audit::new(options.audit.clone()),
            counters: AanfCounters::default(),
            store,
            options,
        })
    }

    /// Who may have what, to be replaced while it runs.
    pub const fn policy(&self) -> &Live<AkmaPolicy> {
        &self.policy
    }

    /// What it has done so far.
    pub const fn counters(&self) -> &AanfCounters {
        &self.counters
    }

    /// Ends what a change of subscribers has left behind, delivers to holders, and has users authenticated again, until the shutdown begins.
    pub async fn run_until(self: Arc<Self>, shutdown: Shutdown) {
        let look = async {
            self.reconciled().await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = look => {}
            () = deliver(&self) => {}
            () = self.asks_again() => {}
            () = shutdown.begun() => {}
        }
    }
}

impl std::fmt::Debug for Aanf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aanf")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
