//! Usage keys: the EMSKs of this process, and the service by which network functions have keys below them (RFC 5295, docs/emsk.md).
//!
//! ```text
//! AUSF, AAA ── born ── Anchors, by subscriber ◀── usage_key, domain_key, give_up ── network function
//!                         │                             │
//!  again, deregistered,   │                             └── the record of the holder first; then the store releases the key
//!  administered, no room  └── retire ── outbox ── callbacks ── holders: KeyEnded
//! ```
//!
//! Everything that touches an EMSK happens under the lock of its shard, and hands its unit to the store before the lock is given back:
//! the store sees the units of one subscriber in the order in which they happened. Nothing waits under a lock.
//!
//! | Rule | Where |
//! |---|---|
//! | who may have what is configuration, and read anew for each request | [`UsagePolicy`] |
//! | a key is told when its holder's record is durable, and its EMSK still there | `ask` |
//! | a holder is told where the configuration says that it may be told | [`CallbackRoot`], `callbacks` |
//! | whose EMSK a process before this one had is told that it is lost | `left` |

mod ask;
mod callbacks;
mod error;
mod figures;
mod left;
mod policy;
mod records;
mod service;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaskade_anchor::emsk::{Anchor, AnchorInput, Anchors, Custody, Life, Limits, Origin, Root, Subscriber, Why};
use kaskade_crypto::{Autn, Rand};
use kaskade_faults::fault;
use kaskade_flow::event::PeerId;
use kaskade_flow::{Machine, Moment, Unit};
use kaskade_keys::Supi;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::RootKeyName;
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;
use kaskade_store::records::{CommitError, DeclareError, Records};

pub use super::callbacks::CALLBACKS_OCTETS;
pub use error::UsageKeysError;
pub use figures::{Kind, UsageKeysCounters};
pub use policy::{CallbackRoot, NotACallback, UsagePolicy};
pub use records::EmskRecords;

use super::audit::Audit;
use super::budget::{BudgetOptions, Budgets};
use super::callbacks::{Callbacks, deliver};
use crate::live::Live;
use crate::log_limit;
use crate::random::SystemEntropy;
use crate::sbi::client::ClientOptions;
use crate::sbi::peer::Requester;
use crate::sbi::server::Shutdown;
use crate::time::{moment, unix_millis};
use left::Met;

/// Shards of the table: so many requests for different subscribers go on at once.
const SHARDS: usize = 16;

/// How usage keys are set up.
#[derive(Clone)]
pub struct UsageKeysOptions {
    /// How long an EMSK lives.
    pub lifetime: Duration,
    /// The most EMSKs, roughly: each of the shards has its part. Beyond, the oldest ends.
    pub most: usize,
    /// What one may have, and whether it outlives its process.
    pub limits: Limits,
    /// The most holders of keys, of all EMSKs together, roughly.
    pub most_holders: usize,
    /// Whether 5G AKA leaves an EMSK, too: the project profile 5G-AKA-EMSK.
    pub five_g_aka: bool,
    /// Who may have what.
    pub policy: UsagePolicy,
    /// How often one requester may ask.
    pub budgets: BudgetOptions,
    /// How holders are reached.
    pub callbacks: ClientOptions,
    /// Root of URIs in answers.
    pub api_root: Option<String>,
    /// Has every release on record.
    pub audit: AuditLog,
}

impl Default for UsageKeysOptions {
    /// Ten hours, 65 536 EMSKs, as many holders, after 5G AKA too; nobody may have anything.
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(10 * 3600),
            most: 65_536,
            limits: Limits::default(),
            most_holders: 65_536,
            five_g_aka: true,
            policy: UsagePolicy::default(),
            budgets: BudgetOptions::default(),
            callbacks: ClientOptions::default(),
            api_root: None,
            audit: AuditLog::off(),
        }
    }
}

impl UsageKeysOptions {
    /// What EMSKs and holders take at most, in octets, with what is delivered to holders.
    pub const fn octets_at_most(&self) -> usize {
        let anchors = self.most.saturating_mul(Anchor::OCTETS + Anchors::ENTRY_OCTETS);
        let holders = self.most_holders.saturating_mul(Anchor::HOLDER_OCTETS);
        let rest = CALLBACKS_OCTETS + Met::OCTETS;
        anchors.saturating_add(holders).saturating_add(rest)
    }
}

/// The EMSKs of a process, and who has keys below them.
pub struct UsageKeys {
    store: Arc<SubscriberStore>,
    records: Records,
    /// Whether the subscribers are in this store: a UDM is here.
    is_home: bool,
    options: UsageKeysOptions,
    policy: Live<UsagePolicy>,
    shards: Box<[Mutex<Anchors>]>,
    hashers: [RandomState; 2],
    budgets: Budgets,
    callbacks: Callbacks,
    /// Something that should have been retired is in the store still.
    left: Arc<AtomicBool>,
    /// Until records of an earlier start are taken over.
    met: Mutex<Option<Met>>,
    audit: Audit,
    counters: UsageKeysCounters,
}

impl UsageKeys {
    /// Over this store, which has the subscribers too where there is a UDM on the node. Blocks for a moment.
    ///
    /// What the store commits with events goes to the audit log of these options from now on.
    ///
    /// # Errors
    /// [`DeclareError`] when the store cannot have its records.
    pub fn new(store: Arc<SubscriberStore>, is_home: bool, options: UsageKeysOptions) -> Result<Self, DeclareError> {
        let records = store.records();
        EmskRecords::declare(&records)?;
        records.hand_events_to(Arc::new(options.audit.clone()));
        let part = options.most.div_ceil(SHARDS);
        Ok(Self {
            records,
            is_home,
            policy: Live::new(options.policy.clone()),
            shards: (0..SHARDS).map(|_| Mutex::new(Anchors::new(part))).collect(),
            hashers: [RandomState::new(), RandomState::new()],
            budgets: Budgets::new(options.budgets, RandomState::new()),
            callbacks: Callbacks::new(options.callbacks.clone()),
            left: Arc::default(),
            met: Mutex::new(Some(Met::default())),
            audit: Audit::new(options.audit.clone()),
            counters: UsageKeysCounters::default(),
            store,
            options,
        })
    }

    /// Who may have what, to be replaced while it runs.
    pub const fn policy(&self) -> &Live<UsagePolicy> {
        &self.policy
    }

    /// What it has done so far.
    pub const fn counters(&self) -> &UsageKeysCounters {
        &self.counters
    }

    /// EMSKs and holders at present.
    pub fn held(&self) -> (usize, usize) {
        let shards = self.shards.iter().map(locked);
        shards.fold((0, 0), |(emsks, holders), shard| {
            (emsks + shard.len(), holders + shard.holders())
        })
    }

    /// How many hold keys of a subscriber; `None` where it has no EMSK.
    pub fn holders_of(&self, supi: &Supi) -> Option<usize> {
        let (subscriber, now) = (self.subscriber(supi), moment());
        self.shard(subscriber)
            .look(subscriber, now, |anchor| anchor.holders().count())
    }

    /// A user was authenticated, for this requester: from now on there are keys below this EMSK, and none below the one before.
    pub fn born(&self, by: &Requester, supi: &Supi, root: Root) {
        // Nobody could ask.
        if self.policy.with(UsagePolicy::is_empty) {
            self.end(supi, None, Why::Reauthenticated);
            return;
        }
        let (peer, _) = self.audit.parties(by, supi);
        let (at, now) = (unix_millis(), moment());
        let life = Life::from_now(self.options.lifetime, at, now);
        let origin = Origin {
            by: Some(peer),
            card: self.card_of(supi),
        };
        let (anchor, unit) = Anchor::begin_of(origin, supi.clone(), root, life, self.options.limits);
        self.hold(supi, anchor, unit, now);
    }

    /// What names the card of a subscriber, where the subscribers are here and a record has to say it.
    fn card_of(&self, supi: &Supi) -> Option<[u8; 16]> {
        if !self.is_home || self.options.limits.custody != Custody::Sealed {
            return None;
        }
        let card = self.store.card(supi).ok()??;
        Some(card.name.octets())
    }

    /// The same after 5G AKA, where the configuration wants an EMSK there; it is made when the first key is asked for.
    pub fn born_of_5g_aka(&self, by: &Requester, supi: &Supi, k_ausf: KAusf, rand: &Rand, autn: &Autn) {
        match self.options.five_g_aka {
            true => self.born(by, supi, Root::of_5g_aka(k_ausf, supi.clone(), rand, autn)),
            false => drop(self.end(supi, None, Why::Reauthenticated)),
        }
    }

    /// An EMSK ends before its time, and every key below; whether there was one. Where `by` is named, only the EMSK of an
    /// authentication that this requester asked for.
    pub fn end(&self, supi: &Supi, by: Option<&Requester>, why: Why) -> bool {
        let by = by.map(|by| self.audit.parties(by, supi).0);
        let is_it = |anchor: &Anchor| by.is_none() || anchor.origin().by == by || fault!("emsk-ended-by-anybody");
        self.end_if(supi, by, why, is_it)
    }

    /// A requester takes back the result of an authentication, whose EMSK has this name: a later one stays.
    pub fn taken_back(&self, supi: &Supi, by: &Requester, emsk: RootKeyName) -> bool {
        let by = Some(self.audit.parties(by, supi).0);
        let is_it =
            |anchor: &Anchor| anchor.origin().by == by && (anchor.name() == emsk || fault!("later-emsk-taken-back"));
        self.end_if(supi, by, Why::Deregistered, is_it)
    }

    fn end_if(&self, supi: &Supi, by: Option<PeerId>, why: Why, is_it: impl FnOnce(&Anchor) -> bool) -> bool {
        let (subscriber, now) = (self.subscriber(supi), moment());
        let mut shard = self.shard(subscriber);
        match shard.look(subscriber, now, is_it) {
            Some(true) => self.meet(subscriber, None),
            Some(false) => return false,
            // It may be one that is not taken over yet.
            None => {
                self.meet(subscriber, by);
                return false;
            }
        }
        match shard.retire(subscriber, now) {
            Ok(anchor) => {
                self.retire(anchor, why);
                true
            }
            Err(_) => false,
        }
    }

    /// Holds an EMSK, with its record where it has one, and retires what goes for it.
    fn hold(&self, supi: &Supi, anchor: Anchor, record: Option<Unit>, now: Moment) {
        let subscriber = self.subscriber(supi);
        let mut shard = self.shard(subscriber);
        self.meet(subscriber, None);
        let (gone, held) = shard.hold(subscriber, anchor, now);
        for anchor in gone {
            // What is over has its records end by themselves.
            if anchor.deadline().is_some_and(|deadline| deadline <= now) {
                continue;
            }
            let why = match anchor.supi() == supi {
                true => Why::Reauthenticated,
                false => Why::NoRoom,
            };
            if why == Why::Reauthenticated && fault!("predecessor-not-retired") {
                continue;
            }
            self.retire(anchor, why);
        }
        match (held, record) {
            (Err(_), _) => log_limit!(warn, "an EMSK is not held: there is no room for it", supi = %supi.masked()),
            (Ok(()), Some(record)) => self.submit(record),
            (Ok(()), None) => {}
        }
    }

    /// Its holders are told, as far as they want to be. Under the lock of its shard.
    fn retire(&self, anchor: Anchor, why: Why) {
        let supi = anchor.supi().clone();
        let about = self.audit.subject(&supi);
        let at = unix_millis();
        self.counters.retired(why);
        let retired = AnchorInput::Retired { why, at, about };
        let step = anchor.handle(moment(), &mut SystemEntropy, Some(retired));
        if let Some(unit) = step.unit {
            self.submit(*unit);
        }
    }

    /// Hands a unit to the store that nobody waits for. Where it does not happen, what it retires is found in the store again.
    fn submit(&self, unit: Unit) {
        let left = self.left.clone();
        let submitted = self.records.submit(unit, move |outcome| {
            if let Err(error) = outcome {
                is_left(&left, &error);
            }
        });
        if let Err(error) = submitted {
            self.is_left(&error);
        }
    }

    /// What was to be retired is in the store still.
    fn is_left(&self, error: &CommitError) {
        is_left(&self.left, error);
    }

    /// Takes over what a process before this one has left, delivers to holders, and lets go of what is over; until the shutdown begins.
    pub async fn run_until(self: Arc<Self>, shutdown: Shutdown) {
        let sweep = async {
            let mut interval = tokio::time::interval(Duration::from_secs(1));
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                for shard in &self.shards {
                    locked(shard).sweep(moment());
                }
            }
        };
        tokio::select! {
            () = sweep => {}
            () = self.take_over() => {}
            () = deliver(&self) => {}
            () = shutdown.begun() => {}
        }
    }

    fn met(&self) -> MutexGuard<'_, Option<Met>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under the lock of its shard.
    fn meet(&self, subscriber: Subscriber, by: Option<PeerId>) {
        if let Some(met) = self.met().as_mut() {
            met.add(subscriber, by);
        }
    }

    fn shard(&self, subscriber: Subscriber) -> MutexGuard<'_, Anchors> {
        let at = usize::try_from(subscriber.0 % SHARDS as u128).unwrap_or(0);
        // There are as many.
        let shard = self.shards.get(at).or(self.shards.first());
        shard.map(locked).unwrap_or_else(|| unreachable!("a table has shards"))
    }

    /// A keyed hash: nobody chooses which subscribers share anything.
    fn subscriber(&self, supi: &Supi) -> Subscriber {
        let [high, low] = &self.hashers;
        Subscriber(u128::from(high.hash_one(supi)) << 64 | u128::from(low.hash_one(supi)))
    }
}

fn is_left(left: &AtomicBool, error: &CommitError) {
    log_limit!(warn, "holders of keys below an EMSK are to be told later", %error);
    left.store(true, Ordering::Relaxed);
}

fn locked(shard: &Mutex<Anchors>) -> MutexGuard<'_, Anchors> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for UsageKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UsageKeys")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
