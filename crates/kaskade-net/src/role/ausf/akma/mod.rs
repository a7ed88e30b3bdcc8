//! AKMA at the AUSF: K_AKMA and A-KID after an authentication that has succeeded, and their way to the AAnF (TS 33.535 6.1).
//!
//! ```text
//! K_SEAF on record ── record and message of the anchor key, one commit ── answer to the SEAF
//!                                   └── outbox ── deliver ── AAnF: register, remove
//! ```
//!
//! | Rule | Where |
//! |---|---|
//! | the SEAF is told of success when the message to the AAnF is durable; whether that is there, nobody waits for | [`Akma::authenticated`] |
//! | where the store cannot take it, the authentication stands without AKMA, and that is counted | [`Akma::authenticated`] |
//! | what is newer takes the place of what was not delivered, and follows what is being delivered | `kaskade_anchor::anchor_key` |
//! | whoever has no AKMA any more has no anchor key | [`Akma::authenticated`], [`end_anchor_key`], `reconcile` |

mod deliver;
mod home;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaskade_anchor::anchor_key::{self, AnchorKey, Anchored, Naming, TO_AANF};
use kaskade_codec::sbi::akma::{AkmaKeyInfo, CtxRemove};
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Outcome, PeerId};
use kaskade_flow::record::{Expect, Record};
use kaskade_flow::{Durable, Guarded, Unit};
use kaskade_keys::{Plmn, RoutingIndicator, ServingNetworkName, Supi};
use kaskade_store::records::{CommitError, DeclareError, Found, RecordError, Records};
use kaskade_store::{StoreError, SubscriberStore};

use crate::count::Counter;
use crate::log_limit;
use crate::role::aanf::OwnAanf;
use crate::role::audit::Audit;
use crate::sbi::peer::Requester;
use crate::sbi::server::Shutdown;
use crate::sbi::service::{Caller, NotDone};
use crate::services::naanf_akma::{Client, NaanfAkma};
use crate::time::unix_millis;
use deliver::Peer;
use home::{networks_of, realm};

pub use deliver::ANCHOR_KEYS_OCTETS;
pub use home::{HomeNetwork, NotAHomeNetwork};
pub(super) use home::{HomeSaid, home_of};

/// How often an anchor key that others change meanwhile is ended anew.
const TRIES: usize = 8;

/// Records that are read at once.
const PAGE: usize = 256;

/// Between two tries to look through the records.
const PAUSE: Duration = Duration::from_secs(10);

/// A call that is on its way.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<(), NotDone>> + Send + 'a>>;

/// The AAnF, in this process or elsewhere.
pub trait AnchorFunction: Send + Sync + 'static {
    /// Naanf_AKMA_AnchorKey_Register (TS 29.535 5.2.2.2), and which network serves the subscriber: an AAnF elsewhere is not told.
    fn register<'a>(&'a self, caller: &'a Caller, info: AkmaKeyInfo, serving: Option<Plmn>) -> Calling<'a>;

    /// Naanf_AKMA_ContextRemove (TS 29.535 5.2.2.4), at the AAnF to which this routing indicator leads.
    fn remove<'a>(&'a self, caller: &'a Caller, removal: CtxRemove, indicator: Option<RoutingIndicator>)
    -> Calling<'a>;

    /// Whether it is one, which takes no message while it does not take another.
    fn is_one(&self) -> bool {
        true
    }
}

impl AnchorFunction for Client {
    fn register<'a>(&'a self, caller: &'a Caller, info: AkmaKeyInfo, _: Option<Plmn>) -> Calling<'a> {
        // What comes back is what was sent.
        Box::pin(async move { self.register_anchorkey(caller, info).await.map(drop) })
    }

    fn remove<'a>(&'a self, caller: &'a Caller, removal: CtxRemove, _: Option<RoutingIndicator>) -> Calling<'a> {
        Box::pin(self.remove_context(caller, removal))
    }
}

impl AnchorFunction for OwnAanf {
    fn register<'a>(&'a self, caller: &'a Caller, info: AkmaKeyInfo, serving: Option<Plmn>) -> Calling<'a> {
        Box::pin(async move {
            drop(self.0.register_own_served_by(caller, info, serving).await?);
            Ok(())
        })
    }

    fn remove<'a>(&'a self, caller: &'a Caller, removal: CtxRemove, _: Option<RoutingIndicator>) -> Calling<'a> {
        Box::pin(self.remove_context(caller, removal))
    }
}

/// How an AUSF registers anchor keys.
#[derive(Clone)]
pub struct AkmaOptions {
    /// Has what the AAnF is to be told until it has heard it.
    pub store: Arc<SubscriberStore>,
    /// Home networks: the one that an IMSI begins with gives the realm of its A-KID. Without any, that of the SUCI does, or the serving
    /// network, where the IMSI begins with that.
    pub home_networks: Vec<HomeNetwork>,
}

/// What became of anchor keys since the start.
#[derive(Debug, Default)]
pub struct AkmaCounters {
    /// Anchor keys that the AAnF has taken.
    pub registered: Counter,
    /// Removals that the AAnF has taken.
    pub removed: Counter,
    /// Messages that the AAnF did not take, and that are told it again.
    pub later: Counter,
    /// Authentications of users with AKMA that gave no anchor key: the store could not take it, or nobody says in which home network they are.
    pub missed: Counter,
}

/// Anchor keys on their way to an AAnF.
pub struct Akma {
    store: Arc<SubscriberStore>,
    records: Records,
    aanf: Arc<dyn AnchorFunction>,
    /// As whom the AAnF is told, and as what the audit log has it.
    caller: Caller,
    requester_of_aanf: Requester,
    home_networks: Vec<HomeNetwork>,
    /// Whether the subscribers are in this store: a UDM is here.
    is_home: bool,
    audit: Audit,
    peer: Mutex<Peer>,
    counters: AkmaCounters,
}

/// Why an anchor key does not end. It stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum NotEnded {
    /// Its record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The store cannot take it.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl From<NotEnded> for StoreError {
    fn from(error: NotEnded) -> Self {
        match error {
            NotEnded::Record(error) => Self::Record(error),
            NotEnded::Commit(error) => error.into(),
        }
    }
}

/// Makes room for the records of anchor keys, where there is none yet. Blocks for a moment.
///
/// # Errors
/// [`DeclareError`].
pub fn declare_anchor_keys(records: &Records) -> Result<(), DeclareError> {
    records.declare(&[Anchored::KIND])
}

/// The anchor key of a subscriber ends, and the AAnF is told as soon as an AUSF runs over this store; whether there was one. Where `by` is
/// there, only one of an authentication that this peer asked for.
///
/// Durable when it returns. One that is registered meanwhile ends as well.
///
/// # Errors
/// [`NotEnded`].
pub async fn end_anchor_key(records: &Records, supi: &Supi, by: Option<PeerId>) -> Result<bool, NotEnded> {
    let mut conflict = None;
    for _ in 0..TRIES {
        let Some(Found { record, version, .. }) = records.read::<Anchored>(supi).await? else {
            return Ok(false);
        };
        if by.is_some_and(|by| by != record.by) && !fault!("anchor-key-ended-by-anybody") {
            return Ok(false);
        }
        let mut unit = Unit::new();
        anchor_key::remove(&mut unit, supi, &record, Expect::Version(version));
        let ended: Result<Durable<()>, _> = records.commit(unit, Guarded::new(())).await;
        match ended {
            Ok(_) => return Ok(true),
            Err(error @ CommitError::Conflict(_)) => conflict = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict.unwrap_or(CommitError::Closed).into())
}

impl Akma {
    /// Registers at this AAnF, or these, which logs call `name`, as `own`. `is_home`: the subscribers are in the same store. Blocks for a moment.
    ///
    /// # Errors
    /// [`DeclareError`] when the store cannot have its records.
    pub(crate) fn new(
        (aanf, name): (Arc<dyn AnchorFunction>, &str),
        own: Requester,
        options: AkmaOptions,
        is_home: bool,
        audit: &kaskade_store::audit::AuditLog,
    ) -> Result<Self, DeclareError> {
        let records = options.store.records();
        declare_anchor_keys(&records)?;
        records.hand_events_to(Arc::new(audit.clone()));
        Ok(Self {
            records,
            store: options.store,
            aanf,
            caller: Caller::new(own),
            requester_of_aanf: Requester::group(name),
            home_networks: options.home_networks,
            is_home,
            audit: Audit::new(audit.clone()),
            peer: Mutex::default(),
            counters: AkmaCounters::default(),
        })
    }

    /// What it has done so far.
    pub const fn counters(&self) -> &AkmaCounters {
        &self.counters
    }

    /// How many messages wait until the AAnF takes them.
    pub fn waiting(&self) -> usize {
        self.records.outbox().count(&TO_AANF).waiting
    }

    /// How the anchor key of a run will be called, of a user who has AKMA.
    pub(super) fn naming(
        &self,
        supi: &Supi,
        home: Option<HomeSaid>,
        serving: &ServingNetworkName,
        routing_indicator: RoutingIndicator,
    ) -> Option<Naming> {
        let realm = realm(supi, home, serving, &self.home_networks);
        if realm.is_none() {
            self.counters.missed.add_one();
            log_limit!(
                warn,
                "no A-KID: nobody says which digits of the IMSI are its home network (home_networks)",
                supi = %supi.masked()
            );
        }
        realm.map(|realm| Naming {
            routing_indicator,
            realm,
        })
    }

    /// A user was authenticated, and has this anchor key, or none: from now on the AAnF is told until it knows. Durable when it returns, or
    /// counted as missed.
    pub(super) async fn authenticated(
        &self,
        by: &Requester,
        (supi, serving): (&Supi, &ServingNetworkName),
        key: Option<AnchorKey>,
        correlation: u64,
    ) {
        let done = match key {
            Some(key) => self.register(by, (supi, serving), key, correlation).await,
            // What was allowed before is so no more, or not in this way.
            None => end_anchor_key(&self.records, supi, None).await.map(drop),
        };
        if let Err(error) = done {
            self.counters.missed.add_one();
            log_limit!(error, "the AAnF is not told of an authentication", supi = %supi.masked(), %error);
        }
    }

    async fn register(
        &self,
        by: &Requester,
        (supi, serving): (&Supi, &ServingNetworkName),
        key: AnchorKey,
        correlation: u64,
    ) -> Result<(), NotEnded> {
        let (by, _) = self.audit.parties(by, supi);
        let event = self
            .audit
            .event(Outcome::Released, Action::AnchorKeyGiven, &self.requester_of_aanf, supi)
            .correlated(correlation);
        let mut unit = Unit::new();
        unit.event(self.audit.with_key(event, &key.k_akma));
        let anchored = Anchored {
            since: unix_millis(),
            by,
            indicator: Some(key.a_kid.routing_indicator()),
        };
        let serving = networks_of(serving).into_iter().flatten().next();
        anchor_key::register(&mut unit, supi, key, serving, &anchored);
        let committing = self.records.commit(unit, Guarded::new(()));
        if !fault!("anchor-key-not-waited-for") {
            let _: Durable<()> = committing.await?;
        }
        // Whoever took AKMA away meanwhile may have looked before there was anything.
        if !self.may(supi) {
            end_anchor_key(&self.records, supi, None).await?;
        }
        Ok(())
    }

    /// Whether a subscriber still has AKMA, where the subscribers are here.
    fn may(&self, supi: &Supi) -> bool {
        if !self.is_home || fault!("anchor-key-of-the-disallowed") {
            return true;
        }
        match self.store.card(supi) {
            Ok(card) => card.is_some_and(|card| card.has_akma()),
            // Nothing is known against it.
            Err(error) => !matches!(error, StoreError::GsmOnly),
        }
    }

    /// The anchor key ends of an authentication that this requester asked for; whether there was one.
    ///
    /// # Errors
    /// [`NotEnded`].
    pub(super) async fn deregistered(&self, by: &Requester, supi: &Supi) -> Result<bool, NotEnded> {
        let (by, _) = self.audit.parties(by, supi);
        end_anchor_key(&self.records, supi, Some(by)).await
    }

    /// Ends what a change of subscribers has left behind, and delivers to the AAnF, until the shutdown begins.
    pub async fn run_until(self: Arc<Self>, shutdown: Shutdown) {
        let look = async {
            while let Err(error) = self.reconcile().await {
                log_limit!(error, "anchor keys of whoever has no AKMA any more are looked for again", %error);
                tokio::time::sleep(PAUSE).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = look => {}
            () = self.deliver() => {}
            () = shutdown.begun() => {}
        }
    }

    /// Anchor keys of subscribers who are gone or have no AKMA any more end: somebody may have changed that while no AUSF ran, or where the
    /// store could not take the end.
    async fn reconcile(&self) -> Result<(), NotEnded> {
        if !self.is_home {
            return Ok(());
        }
        let mut after: Option<Supi> = None;
        loop {
            let page = self.records.list::<Anchored>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for found in page.iter().filter(|found| !self.may(&found.key)) {
                end_anchor_key(&self.records, &found.key, None).await?;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl std::fmt::Debug for Akma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Akma")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
