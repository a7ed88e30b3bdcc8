//! Lawful interception: whose events an AAnF reports, and the feed of them (TS 33.127, TS 33.128 7.9.1, docs/lawful-interception.md).
//!
//! ```text
//! AAnF ── note ── a row in the commit of what happens, of everybody ── drain ── Feed (own folder, own keys)
//! principal of interception ── add, remove, feed, verify ── TargetRow, Feed
//! ```
//!
//! | Rule | Where |
//! |---|---|
//! | an event of a target is durable in the commit that makes it happen, and before it is answered | `note` |
//! | whoever is no target has a row of the same length, with nothing in it | [`Waiting`] |
//! | what was there when interception begins is reported once, whatever happens meanwhile | `targets` |
//! | a row goes when its records are on the disk of the feed, and none is appended twice | `drain` |
//! | while the feed takes nothing the service goes on; what has no room is counted, and said in the feed | `drain` |
//!
//! Nothing of it is logged, counted in metrics, or said in the audit log.

mod drain;
mod error;
mod targets;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use kaskade_anchor::akma::{AfHolder, AkmaContext};
use kaskade_anchor::interception::{FeedRecord, FeedRow, Notice, Target, TargetRow, Waiting, WaitingRow, Warrants};
use kaskade_crypto::seal::InterceptionKeys;
use kaskade_faults::fault;
use kaskade_flow::record::{Expect, Record};
use kaskade_flow::{Unit, UnixMillis};
use kaskade_store::feed::{Feed, FeedError, FeedHead, FeedOptions, Found};
use kaskade_store::records::{CommitError, Records};
use kaskade_store::{Locked, SubscriberStore};
use tokio::sync::Notify;

pub use error::LiError;
pub use targets::NewTarget;

use super::aanf::{Interception, Noted, Seen};
use crate::live::Live;
use crate::random::random_octets;
use crate::sbi::server::Shutdown;
use crate::time::unix_millis;

/// How often it is looked what waits, and which warrants begin.
const EVERY: Duration = Duration::from_millis(500);
/// How long a commit is given that a row is on its way with.
const GATHER: Duration = Duration::from_millis(10);
/// Rows that are read at once.
const PAGE: usize = 256;
/// Records that are read at once.
const RECORDS: usize = 4096;

/// How interception is set up.
#[derive(Clone, Debug)]
pub struct LiOptions {
    /// Where the feed is.
    pub feed: FeedOptions,
    /// How many targets there may be.
    pub most_targets: usize,
    /// How many events of targets wait in the store while the feed takes none.
    pub most_waiting: u64,
    /// Whoever of the AAnF's callers is an NEF: keys that it asks for are for application functions outside.
    pub nefs: BTreeSet<String>,
}

/// What interception does and whether it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiStatus {
    /// How far the feed has come, where it can be read.
    pub head: Option<FeedHead>,
    /// Events of targets that wait in the store.
    pub waiting: u64,
    /// The most events that had no room, and that the feed does not say yet.
    pub lost: u64,
    /// Why the feed takes nothing or not all, or a warrant does not begin.
    pub trouble: Option<String>,
}

/// Lawful interception of the AAnF over this store.
pub struct Li {
    store: Arc<SubscriberStore>,
    records: Records,
    is_home: bool,
    keys: Arc<Locked<InterceptionKeys>>,
    options: LiOptions,
    warrants: Live<Warrants>,
    /// Those that were replaced, as long as an operation under way has read them.
    earlier: Mutex<Vec<Weak<Warrants>>>,
    /// Of the next row.
    number: AtomicU64,
    feed: Arc<Mutex<Result<Feed, FeedError>>>,
    known: Mutex<Known>,
    waiting: AtomicU64,
    wake: Notify,
    changing: tokio::sync::Mutex<()>,
    draining: tokio::sync::Mutex<()>,
    verifying: Arc<tokio::sync::Mutex<()>>,
}

/// What is known of the feed beside itself.
struct Known {
    row: FeedRow,
    /// How far it has come, where it can be read.
    head: Option<FeedHead>,
    /// Why it cannot.
    damage: Option<String>,
    trouble: Option<String>,
    /// Why a warrant whose time has come does not begin.
    not_begun: Option<String>,
    /// Records that the feed has already of rows that are still there.
    in_feed: BTreeSet<(u64, u16)>,
}

impl Li {
    /// Over this store, which has the subscribers too where there is a UDM on the node. Blocks for a moment.
    ///
    /// A feed that is not as it was written stops nobody: [`Li::status`] says so, and what is to go there waits.
    ///
    /// # Errors
    /// [`LiError`] when the store cannot have its records, or the folder of the feed cannot be used.
    pub async fn open(
        store: Arc<SubscriberStore>,
        is_home: bool,
        keys: Arc<Locked<InterceptionKeys>>,
        options: LiOptions,
    ) -> Result<Self, LiError> {
        let records = store.records();
        declare(&records)?;
        let row = records.read::<FeedRow>(&0).await?.map(|found| found.record);
        let row = row.unwrap_or_else(|| FeedRow::of(Vec::new()));
        let known = FeedHead::from_octets(&row.head);
        let feed = match Feed::open(options.feed.clone(), keys.clone(), known) {
            Err(error @ FeedError::Wrong(_)) => Err(error),
            opened => Ok(opened?),
        };
        let li = Self::with((store, is_home), keys, options, row, feed).await?;
        li.go_on(known).await?;
        Ok(li)
    }

    /// The same for a command beside the store, where no node runs: what it changes waits in the store for the next node.
    ///
    /// # Errors
    /// As [`Li::open`].
    pub async fn without_feed(
        store: Arc<SubscriberStore>,
        is_home: bool,
        keys: Arc<Locked<InterceptionKeys>>,
        options: LiOptions,
    ) -> Result<Self, LiError> {
        let feed = Err(FeedError::InUse(options.feed.folder.clone()));
        Self::with((store, is_home), keys, options, FeedRow::of(Vec::new()), feed).await
    }

    async fn with(
        (store, is_home): (Arc<SubscriberStore>, bool),
        keys: Arc<Locked<InterceptionKeys>>,
        options: LiOptions,
        row: FeedRow,
        feed: Result<Feed, FeedError>,
    ) -> Result<Self, LiError> {
        let records = store.records();
        declare(&records)?;
        let li = Self {
            records,
            store,
            is_home,
            keys,
            options,
            warrants: Live::default(),
            earlier: Mutex::default(),
            number: AtomicU64::new(unix_millis().get() << 20),
            known: Mutex::new(Known {
                row,
                head: feed.as_ref().ok().map(Feed::head),
                damage: feed.as_ref().err().map(ToString::to_string),
                trouble: None,
                not_begun: None,
                in_feed: BTreeSet::new(),
            }),
            feed: Arc::new(Mutex::new(feed)),
            waiting: AtomicU64::new(0),
            wake: Notify::new(),
            changing: tokio::sync::Mutex::new(()),
            draining: tokio::sync::Mutex::new(()),
            verifying: Arc::default(),
        };
        li.read_targets().await?;
        li.read_rows().await?;
        Ok(li)
    }

    /// Numbers go on above those of rows that wait.
    async fn read_rows(&self) -> Result<(), LiError> {
        let mut after = None;
        loop {
            let page = self.records.list::<WaitingRow>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.number.fetch_max(last.key.saturating_add(1), Ordering::Relaxed);
            after = Some(last.key);
        }
    }

    /// What the feed is by what was known of it.
    async fn go_on(&self, known: Option<FeedHead>) -> Result<(), LiError> {
        let Some(found) = lock(&self.feed).as_ref().ok().map(Feed::found) else {
            return Ok(());
        };
        let notice = match found {
            Found::Begun | Found::GoesOn => None,
            Found::Lost(lost) => Some(Notice::FeedLost(lost.records)),
            Found::Ahead(_) => {
                let known = known.map_or(0, |known| known.records);
                let is_left_by_a_kill = self.look_beyond(known).await?;
                // Records whose rows are gone: the store has forgotten that it knew them.
                (!is_left_by_a_kill).then_some(Notice::StoreBehind(known))
            }
        };
        let mut unit = Unit::new();
        if let Some(notice) = notice {
            self.put(&mut unit, &Waiting::Notice(unix_millis(), notice))?;
        }
        let head = lock(&self.feed).as_ref().ok().map(Feed::head);
        if let Some(head) = head.filter(|_| !matches!(found, Found::Ahead(_))) {
            let row = {
                let mut known = lock(&self.known);
                known.row.head = head.octets();
                known.row.clone()
            };
            unit.put(&0, &row, Expect::Any);
        }
        self.commit(unit).await
    }

    /// Looks which records of the feed behind the known ones are of rows that are still there; whether all are.
    async fn look_beyond(&self, known: u64) -> Result<bool, LiError> {
        let (mut last, mut all_are) = (known, true);
        loop {
            let page = match lock(&self.feed).as_ref() {
                Ok(feed) => feed.read(last + 1, RECORDS)?,
                Err(_) => Vec::new(),
            };
            let Some((number, _)) = page.last() else {
                return Ok(all_are);
            };
            last = *number;
            for (_, says) in &page {
                let row = FeedRecord::read(says.reader())?.row;
                match self.records.read::<WaitingRow>(&row.0).await? {
                    Some(_) => {
                        lock(&self.known).in_feed.insert(row);
                    }
                    None => all_are = false,
                }
            }
        }
    }

    /// Moves what waits into the feed, and begins warrants whose time has come, until the shutdown begins.
    pub async fn run_until(self: Arc<Self>, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
                () = shutdown.begun() => return,
            }
            tokio::time::sleep(GATHER).await;
            // What fails is tried again, and its status says why.
            let begun = self.begin_due().await;
            lock(&self.known).not_begun = begun.err().map(|error| error.to_string());
            let _ = self.drain().await;
        }
    }

    /// Puts a row into a unit.
    fn put(&self, unit: &mut Unit, waiting: &Waiting) -> Result<(), CommitError> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (says, octets) = waiting.put();
        let random = random_octets().map_err(|_| CommitError::Random)?;
        let sealed = self.keys.seal(&random, &WaitingRow::place(number), &says, octets);
        unit.put(&number, &WaitingRow(sealed), Expect::Absent);
        Ok(())
    }

    async fn commit(&self, unit: Unit) -> Result<(), LiError> {
        if unit.is_empty() {
            return Ok(());
        }
        let done = self.records.commit(unit, kaskade_flow::Guarded::new(())).await;
        Ok(done.map(drop)?)
    }

    /// All targets, in the order of their XIDs.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets: Vec<_> = self.warrants.with(|warrants| warrants.targets().cloned().collect());
        targets.sort_by_key(|target: &Target| target.xid);
        targets
    }

    /// What it does, and whether it can.
    pub fn status(&self) -> LiStatus {
        // Not of the feed itself, which somebody may have while the disk is slow.
        let known = lock(&self.known);
        LiStatus {
            head: known.head,
            waiting: self.waiting.load(Ordering::Relaxed),
            lost: known.row.lost,
            trouble: known
                .damage
                .clone()
                .or_else(|| known.trouble.clone())
                .or_else(|| known.not_begun.clone()),
        }
    }

    /// At most so many records of the feed from a number on.
    ///
    /// # Errors
    /// [`LiError::Feed`] when they are not as they were written.
    pub async fn feed(&self, from: u64, most: usize) -> Result<Vec<(u64, FeedRecord)>, LiError> {
        let read = self.with_feed(move |feed| feed.read(from, most)).await?;
        let record = |(number, says): &(u64, kaskade_crypto::seal::OpenedSecrets)| {
            Ok((*number, FeedRecord::read(says.reader())?))
        };
        read.iter().map(record).collect()
    }

    /// Reads all of the feed as it is now, and compares it with what is known of it. Records are appended meanwhile.
    ///
    /// # Errors
    /// [`LiError::Feed`] with the first place that is not as it was written; [`LiError::Verifying`] when somebody else has it read.
    pub async fn verify(&self) -> Result<FeedHead, LiError> {
        // It is one until the thread has read, also when nobody waits for it any more.
        let one = self.verifying.clone().try_lock_owned();
        let one = one.map_err(|_| LiError::Verifying)?;
        let view = self.with_feed(|feed| Ok(feed.view())).await?;
        let verified = tokio::task::spawn_blocking(move || {
            let verified = view.verify();
            drop(one);
            verified
        });
        Ok(verified.await.map_err(|_| LiError::Died)??)
    }

    async fn with_feed<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Feed) -> Result<T, FeedError> + Send + 'static,
    ) -> Result<T, LiError> {
        let feed = self.feed.clone();
        let done = tokio::task::spawn_blocking(move || match &mut *lock(&feed) {
            Ok(feed) => work(feed),
            Err(error) => Err(error.clone()),
        });
        done.await.map_err(|_| LiError::Died)?.map_err(LiError::from)
    }

    /// An event of a target has no room. An operation that is tried again or refused at its commit counts each time: the count is the most
    /// that can be missing.
    fn lose(&self, at: UnixMillis) {
        let row = &mut lock(&self.known).row;
        if row.lost == 0 {
            row.lost_from = at;
        }
        row.lost += 1;
        row.lost_until = at;
    }
}

impl Interception for Li {
    fn note(&self, seen: Seen<'_>, unit: &mut Unit) -> Result<Noted, CommitError> {
        let warrants = self.warrants.now();
        // Behind the moment when these warrants were read: one that has begun since is another reading.
        let mut xids = warrants.of(seen.supi, seen.gpsi.as_ref(), unix_millis());
        if !xids.is_empty() && self.waiting.load(Ordering::Relaxed) >= self.options.most_waiting {
            self.lose(seen.at);
            xids.clear();
        }
        let only_targets = fault!("interception-row-for-targets-only");
        let apart = fault!("interception-not-in-the-commit");
        if !(apart || (only_targets && xids.is_empty())) {
            let Seen { supi, gpsi, at, iri } = seen;
            let waiting = Waiting::Event {
                at,
                xids,
                supi: supi.clone(),
                gpsi,
                iri,
            };
            self.put(unit, &waiting)?;
        }
        self.wake.notify_one();
        Ok(Noted::holding(warrants))
    }

    fn is_nef(&self, consumer: &str) -> bool {
        self.options.nefs.contains(consumer)
    }
}

impl fmt::Debug for Li {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Li(…)")
    }
}

fn declare(records: &Records) -> Result<(), LiError> {
    Ok(records.declare(&[
        WaitingRow::KIND,
        TargetRow::KIND,
        FeedRow::KIND,
        AkmaContext::KIND,
        AfHolder::KIND,
    ])?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
