//! The volatile side of sequence numbers: a sharded table of the subscribers that are ahead of the clock or hold a range.
//!
//! A subscriber that is not in the table is loaded from its durable record. It leaves the table when the clock has passed
//! everything it issued; so the table holds about one tick's subscribers and those with ranges, not all of them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use kaskade_aka::sqn::{ClockView, Glc, Ind, Next, NodeIndex, SqnIssuer, SqnLayout, SqnPolicy, SqnRecord};
use kaskade_crypto::Sqn;
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;

use super::engine::{Batch, Blocking, Engine, Expect, Peek, Table, Version};
use super::error::StoreError;
use super::key::SubscriberKey;
use super::locked::Locked;
use super::nodes::{Nodes, Places};
use super::queue::{Effect, Queue, Request, Ticket};
use super::row::Row;
use super::rows::{Part, PartKey, SUBSCRIBER, put_numbers};
use super::seal::Sealer;
use super::sqn_row::{self, Life, Owner};
use super::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, SHARDS};

const SMALLEST_SWEEP: usize = 16;
/// How many shards are swept at once.
const SWEPT: usize = 64;
/// The clock's mark before there is one.
const NO_MARK: u64 = u64::MAX;

/// Answer to a request for the next SQN.
pub(crate) enum Attempt {
    Issued(Sqn),
    /// Something must become durable first.
    Wait(Arc<Ticket>),
    /// Its row is not at hand: it must be loaded first.
    Load,
}

/// What the table says of a subscriber.
enum Entered<'a> {
    Here(&'a mut Entry),
    Unknown,
    NotHere,
}

/// Shows a row of a subscriber; whether there is one.
type Fetch<'f> = dyn FnMut(Part, &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> + 'f;

pub(crate) struct Issuer {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    now: AtomicU64,
    mark: AtomicU64,
    /// The counter less half of what the monotonic clock shows, in nanoseconds: the counter runs at least at half speed, so
    /// this only grows.
    offset: AtomicU64,
    distrusts_wall: AtomicBool,
    sweep_next: AtomicUsize,
    largest_shard: usize,
    pub(crate) policy: SqnPolicy,
    pub(crate) node: NodeIndex,
    /// Its IND values where other nodes issue from the same store.
    pub(crate) places: Option<Places>,
    /// What records are checked with.
    sealer: Arc<Locked<Sealer>>,
}

#[derive(Default)]
pub(crate) struct Shard {
    entries: HashMap<SubscriberKey, Entry>,
    sweep_at: usize,
}

/// One subscriber. Without an issuer it is about to be added.
pub(crate) struct Entry {
    pub(crate) issuer: Option<SqnIssuer>,
    /// Whose numbers these are.
    pub(crate) owner: Owner,
    pub(crate) busy: Busy,
    /// Which commit wrote the row that this is of, where other nodes write as well.
    pub(crate) version: Version,
    /// The mark of the clock that was durable when the row was last looked at, in the same case; `None` when it must be looked at.
    pub(crate) compared: Option<Glc>,
}

/// What of a subscriber is on its way to the disk.
pub(crate) enum Busy {
    No,
    /// More of the same: issuing goes on within what is durable.
    Reserving(Arc<Ticket>),
    /// Something else: nothing may be issued.
    Frozen(Arc<Ticket>),
    /// Nothing yet: somebody reads its rows, and perhaps changes it then. Issuing goes on if it is loaded.
    Held(Arc<Ticket>),
}

impl Issuer {
    pub(crate) fn new(
        mut policy: SqnPolicy,
        (node, places): (NodeIndex, Option<Places>),
        capacity: usize,
        sealer: Arc<Locked<Sealer>>,
    ) -> Self {
        policy.shared = places.is_some();
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            now: AtomicU64::new(0),
            mark: AtomicU64::new(NO_MARK),
            offset: AtomicU64::new(0),
            distrusts_wall: AtomicBool::new(false),
            sweep_next: AtomicUsize::new(0),
            largest_shard: capacity.div_ceil(SHARDS).max(SMALLEST_SWEEP),
            policy,
            node,
            places,
            sealer,
        }
    }

    /// What the codes of records are made with.
    pub(crate) fn keys(&self) -> &StoreKeys {
        self.sealer.keys()
    }

    /// GLC, whether there is a mark or not.
    pub(crate) fn now(&self) -> Glc {
        Glc(self.now.load(Ordering::Acquire))
    }

    pub(crate) fn mark(&self) -> Option<Glc> {
        Some(self.mark.load(Ordering::Acquire))
            .filter(|mark| *mark != NO_MARK)
            .map(Glc)
    }

    /// The clock; `None` before its first mark is durable. `now` is read first and never exceeds the mark.
    ///
    /// What it decides about a subscriber holds only while that subscriber's shard stays locked: read it under that lock.
    #[inline]
    pub(crate) fn clock(&self) -> Option<ClockView> {
        let now = self.now();
        self.mark().map(|mark| ClockView::of_one(now.min(mark), mark))
    }

    /// The clock as far as it matters for what was issued, by this node and others; also before the first mark.
    pub(crate) fn clock_of_all(&self, others: Option<&Nodes>) -> ClockView {
        let now = self.now();
        let mut clock = self.clock().unwrap_or(ClockView::of_one(now, now));
        if let Some(others) = others {
            clock.highest = clock.highest.max(others.highest_mark());
        }
        clock
    }

    pub(crate) fn set_now(&self, now: Glc) {
        self.now.fetch_max(now.0, Ordering::AcqRel);
    }

    /// Publishes the counter, finer than its ticks, with the monotonic clock of the same moment.
    pub(crate) fn set_counter(&self, counter: Duration, monotonic: Duration) {
        let offset = nanos(counter).saturating_sub(nanos(monotonic) / 2);
        self.offset.fetch_max(offset, Ordering::AcqRel);
    }

    /// The counter, finer than its ticks, in nanoseconds since the Unix epoch; behind by less than half of the time since
    /// it was published.
    pub(crate) fn counter_nanos(&self, monotonic: Duration) -> u64 {
        let offset = self.offset.load(Ordering::Acquire);
        offset.saturating_add(nanos(monotonic) / 2)
    }

    pub(crate) fn distrusts_wall(&self, distrusts: bool) {
        self.distrusts_wall.store(distrusts, Ordering::Relaxed);
    }

    pub(crate) fn is_distrusting_wall(&self) -> bool {
        self.distrusts_wall.load(Ordering::Relaxed)
    }

    /// How many subscribers the table holds.
    pub(crate) fn held(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).entries.len()).sum()
    }

    pub(crate) fn shard(&self, key: &SubscriberKey) -> MutexGuard<'_, Shard> {
        // The table's own hash uses the low and the top bits.
        let index = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0) % SHARDS;
        lock(&self.shards[index])
    }

    /// The next SQN of a subscriber, or what to wait for. With `card`: only while the subscriber has that credential.
    pub(crate) fn attempt(
        &self,
        (engine, queue): (&dyn Engine, &Queue),
        key: &SubscriberKey,
        requesting_node: &str,
        card: Option<&Life>,
    ) -> Result<Attempt, StoreError> {
        let early = fault!("clock-before-lock-issue").then(|| self.clock());
        let mut shard = self.shard(key);
        // Under the lock: a sweep judges by the clock what it may drop, and a clock read before it would issue that again.
        let Some(clock) = early.unwrap_or_else(|| self.clock()) else {
            drop(shard);
            return queue.start_clock().map(Attempt::Wait);
        };
        let entry = match self.entry(&mut shard, engine, (key, card), clock.now)? {
            Entered::Here(entry) => entry,
            Entered::Unknown => return Err(StoreError::UnknownSubscriber),
            Entered::NotHere => return Ok(Attempt::Load),
        };
        match &entry.busy {
            Busy::Frozen(ticket) if !fault!("issued-while-frozen") => return waiting(ticket).map(Attempt::Wait),
            Busy::Held(ticket) if entry.issuer.is_none() => return waiting(ticket).map(Attempt::Wait),
            _ => {}
        }
        // Another node that has moved this subscriber counted on no later mark than this.
        if self.is_shared() && entry.compared != Some(clock.mark) && !fault!("issued-without-a-look-at-the-row") {
            return Ok(Attempt::Load);
        }
        entry.belongs_to(card)?;
        let issuer = entry.issuer.as_mut().ok_or(StoreError::UnknownSubscriber)?;
        let layout = issuer.record().layout();
        let ind = self.ind(layout, requesting_node).ok_or(StoreError::NoInd)?;
        match (issuer.next(clock, &self.policy)?, &entry.busy) {
            (Next::Issued { seq, prefetch }, busy) => {
                if prefetch && matches!(busy, Busy::No) {
                    // It only saves a later vector from waiting: its failure is that vector's.
                    let _ = self.reserve(entry, queue, key, clock);
                }
                layout.join(seq, ind).map(Attempt::Issued).ok_or(StoreError::NoInd)
            }
            (Next::NeedsReservation, Busy::No) => self.reserve(entry, queue, key, clock).map(Attempt::Wait),
            (Next::NeedsReservation, Busy::Reserving(ticket) | Busy::Frozen(ticket) | Busy::Held(ticket)) => {
                waiting(ticket).map(Attempt::Wait)
            }
        }
    }

    fn reserve(
        &self,
        entry: &mut Entry,
        queue: &Queue,
        key: &SubscriberKey,
        clock: ClockView,
    ) -> Result<Arc<Ticket>, StoreError> {
        let issuer = entry.issuer.as_mut().ok_or(StoreError::UnknownSubscriber)?;
        let record = issuer.reservation(clock, &self.policy)?;
        if fault!("range-before-durable") {
            issuer.reserved(record.clone());
        }
        let mut batch = Batch::default();
        put_numbers(
            &mut batch,
            key,
            &sqn_row::encode(self.keys(), key, &record, &entry.owner),
            self.expects(entry.version),
        );
        let ticket = Arc::new(Ticket::default());
        queue.submit(Request {
            unit: batch,
            effects: vec![Effect::Reserved(key.clone(), record, entry.version)],
            ticket: Arc::clone(&ticket),
        })?;
        entry.busy = Busy::Reserving(Arc::clone(&ticket));
        Ok(ticket)
    }

    /// The entry of a subscriber, loaded from its record if that is at hand. The record is that of `card`, if the caller has read
    /// which card the subscriber has.
    fn entry<'a>(
        &self,
        shard: &'a mut Shard,
        engine: &dyn Engine,
        (key, card): (&SubscriberKey, Option<&Life>),
        now: Glc,
    ) -> Result<Entered<'a>, StoreError> {
        if !shard.entries.contains_key(key) {
            if self.is_shared() {
                return Ok(Entered::NotHere);
            }
            let mut far = false;
            let found = self.load_by(key, card, &mut |part, visit| match engine.peek(
                SUBSCRIBER,
                &PartKey::new(key, part),
                &mut |row| visit(row.octets),
            ) {
                Peek::Found => Ok(true),
                Peek::Absent => Ok(false),
                Peek::NotHere => {
                    far = true;
                    Ok(false)
                }
                Peek::Failed(error) => Err(StoreError::Read(Arc::new(error))),
            });
            if far {
                return Ok(Entered::NotHere);
            }
            let Some((record, owner)) = found? else {
                return Ok(Entered::Unknown);
            };
            shard.make_room(now, self.largest_shard);
            let entry = Entry {
                issuer: Some(SqnIssuer::load(record)),
                owner,
                busy: Busy::No,
                version: Version::default(),
                compared: None,
            };
            shard.entries.insert(key.clone(), entry);
        }
        Ok(shard.entries.get_mut(key).map_or(Entered::Unknown, Entered::Here))
    }

    /// The record of a subscriber and whose it is; `None` when there is no such subscriber. Blocks where its rows are not at
    /// hand, so that no lock may be held.
    pub(crate) fn load(
        &self,
        engine: &dyn Engine,
        key: &SubscriberKey,
        card: Option<&Life>,
    ) -> Result<Option<(SqnRecord, Owner)>, StoreError> {
        self.load_by(key, card, &mut |part, visit| {
            read(engine, SUBSCRIBER, &PartKey::new(key, part), visit)
        })
    }

    fn load_by(
        &self,
        key: &SubscriberKey,
        card: Option<&Life>,
        fetch: &mut Fetch<'_>,
    ) -> Result<Option<(SqnRecord, Owner)>, StoreError> {
        let numbers = |fetch: &mut Fetch<'_>, life: &Life| {
            let mut found = None;
            fetch(Part::Numbers, &mut |octets| {
                found = Some(sqn_row::decode(self.keys(), key, life, octets));
            })?;
            Ok::<_, StoreError>(found)
        };
        if let Some(card) = card
            && let Some(Ok(found)) = numbers(fetch, card)?
        {
            return Ok(Some(found));
        }
        // Of another card than the caller's, whoever changed that; or not whole.
        let mut life = None;
        fetch(Part::Credentials, &mut |octets| {
            life = Some(Row::decode(octets).map(|row| row.life));
        })?;
        let Some(life) = life.transpose()? else { return Ok(None) };
        match numbers(fetch, &life)? {
            Some(found) => found.map(Some),
            None => Err(StoreError::changed(key)),
        }
    }

    /// Whether other nodes issue from the same store.
    #[inline]
    pub(crate) const fn is_shared(&self) -> bool {
        self.places.is_some()
    }

    /// What a row of a subscriber must be that this node writes over.
    pub(crate) fn expects(&self, version: Version) -> Expect {
        match self.is_shared() && !fault!("row-of-another-node-written-over") {
            true => Expect::Version(version),
            false => Expect::Any,
        }
    }

    /// What moves a subscriber to another record: nothing where its row, or a row of another node, has changed since it was looked at.
    pub(crate) fn unit_of_move(
        &self,
        key: &SubscriberKey,
        entry: &Entry,
        record: &SqnRecord,
        others: Option<&Nodes>,
    ) -> Batch {
        let mut unit = Batch::default();
        let numbers = sqn_row::encode(self.keys(), key, record, &entry.owner);
        put_numbers(&mut unit, key, &numbers, self.expects(entry.version));
        if let Some(others) = others {
            others.stay(&mut unit, self.node.index());
        }
        unit
    }

    /// Read under the lock of a shard: see [`Issuer::all_have_seen`].
    #[inline]
    fn ind(&self, layout: SqnLayout, requesting_node: &str) -> Option<Ind> {
        match &self.places {
            None => self.node.ind(layout, requesting_node),
            Some(places) => places.get().ind(layout, requesting_node),
        }
    }

    /// When this returns nobody issues by what was true before: the lock of each shard was passed once.
    pub(crate) fn all_have_seen(&self) {
        for shard in &self.shards {
            drop(lock(shard));
        }
    }

    pub(crate) const fn largest_shard(&self) -> usize {
        self.largest_shard
    }

    /// What a life that is over had issued: of a credential, or of a SUPI in a store of the first version.
    pub(crate) fn life(&self, engine: &dyn Engine, table: Table, name: &[u8]) -> Result<Option<SqnRecord>, StoreError> {
        let mut found = None;
        read(engine, table, name, &mut |octets| {
            found = Some(sqn_row::decode_life(self.keys(), name, octets));
        })?;
        found.transpose()
    }

    /// Draws the consequences of a commit that is durable, with the version of what it wrote, or that is known not to be.
    pub(crate) fn settle(&self, effects: Vec<Effect>, done: Option<Version>) {
        let durable = done.is_some();
        for effect in effects {
            match effect {
                Effect::Mark(mark) => {
                    if durable {
                        self.mark.store(mark.0, Ordering::Release);
                    }
                }
                Effect::Checked(_) | Effect::Events(_) => {}
                Effect::Settled(settled) => settled(durable),
                Effect::Reserved(key, record, of) => {
                    if let Some(entry) = self.shard(&key).entries.get_mut(&key) {
                        entry.busy = Busy::No;
                        match (done, &mut entry.issuer) {
                            // A row that was looked at meanwhile is this one, or newer.
                            _ if entry.version != of => {}
                            (Some(version), Some(issuer)) => {
                                issuer.reserved(record);
                                if self.is_shared() {
                                    entry.version = version;
                                }
                            }
                            _ => entry.compared = None,
                        }
                    }
                }
                Effect::Replaced(key, issuer) => {
                    let mut shard = self.shard(&key);
                    let Some(entry) = shard.entries.get_mut(&key) else {
                        continue;
                    };
                    entry.busy = Busy::No;
                    entry.compared = None;
                    if let Some(version) = done {
                        if self.is_shared() {
                            entry.version = version;
                        }
                        let replaced = issuer.map(|replaced| *replaced);
                        entry.owner = replaced.as_ref().map(|(_, owner)| *owner).unwrap_or_default();
                        entry.issuer = replaced.map(|(issuer, _)| issuer);
                    }
                    // A new or replaced subscriber is loaded when it is first asked for.
                    if entry.issuer.as_ref().is_none_or(|issuer| issuer.is_idle(self.now())) {
                        shard.entries.remove(&key);
                    }
                }
            }
        }
    }

    /// Drops what need not be held from some shards, in turn.
    pub(crate) fn sweep_some(&self) {
        let first = self.sweep_next.fetch_add(SWEPT, Ordering::Relaxed) % SHARDS;
        for shard in self.shards.iter().skip(first).take(SWEPT) {
            let mut shard = lock(shard);
            shard.sweep(self.now(), self.largest_shard);
        }
    }
}

impl Entry {
    /// Refuses a credential that was read before another took its place: K of the one and SQN of the other must not meet.
    pub(crate) fn belongs_to(&self, card: Option<&Life>) -> Result<(), StoreError> {
        match card {
            Some(card) if *card != self.owner.life && !fault!("card-not-compared") => Err(StoreError::AnotherCard),
            _ => Ok(()),
        }
    }
}

impl Shard {
    pub(crate) fn entry(&mut self, key: &SubscriberKey) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    pub(crate) fn entry_or_new(&mut self, key: &SubscriberKey) -> &mut Entry {
        self.entries.entry(key.clone()).or_insert_with(Entry::unloaded)
    }

    pub(crate) fn forget(&mut self, key: &SubscriberKey) {
        self.entries.remove(key);
    }

    pub(crate) fn make_room(&mut self, now: Glc, largest: usize) {
        if self.entries.len() >= self.sweep_at.max(SMALLEST_SWEEP) {
            self.sweep(now, largest);
        }
    }

    fn sweep(&mut self, now: Glc, largest: usize) {
        let quiet = |entry: &Entry| matches!(entry.busy, Busy::No) || fault!("sweep-drops-busy");
        self.entries
            .retain(|_, entry| !quiet(entry) || !entry.issuer.as_ref().is_some_and(|i| i.is_idle(now)));
        if fault!("sweep-drops-ahead") {
            self.entries.retain(|_, entry| !quiet(entry));
        }
        let mut excess = self.entries.len().saturating_sub(largest);
        if excess > 0 {
            // Ranges are given up here: their numbers are skipped, not issued again.
            self.entries.retain(|_, entry| {
                let drop = excess > 0 && quiet(entry) && entry.issuer.as_ref().is_some_and(SqnIssuer::is_recoverable);
                excess -= usize::from(drop);
                !drop
            });
        }
        self.sweep_at = self.entries.len() * 2;
        if self.entries.capacity() > self.entries.len().max(SMALLEST_SWEEP) * 8 {
            self.entries.shrink_to(self.entries.len().max(SMALLEST_SWEEP) * 2);
        }
    }
}

/// The ticket to wait for, unless it is known to have failed without an outcome.
pub(crate) fn waiting(ticket: &Arc<Ticket>) -> Result<Arc<Ticket>, StoreError> {
    match ticket.failure() {
        Some(undone) => Err(undone.into()),
        None => Ok(Arc::clone(ticket)),
    }
}

fn read(engine: &dyn Engine, table: Table, key: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
    engine
        .get(table, key, visit)
        .map_err(|error| StoreError::Read(Arc::new(error)))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
