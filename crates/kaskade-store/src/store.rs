//! The subscriber store: what the network functions call.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kaskade_aka::sqn::{Glc, GlobalCounter, NodeIndex, SqnPolicy};
use kaskade_faults::fault;
use kaskade_keys::{Gpsi, Supi};

use super::audit::AuditLog;
use super::challenge::{Moment, NotFollowed, Watch};
use super::clock::{Clock, SystemClock, millis};
use super::commit::Committer;
use super::custody::{Card, Custody, SealedCard};
use super::embedded::EmbeddedEngine;
use super::engine::{Batch, Blocking, Engine, Wanted};
use super::error::{EngineError, StoreError, read_error};
use super::failure::{Failure, WritingStopped};
use super::issuer::{Entry, Issuer};
use super::key::SubscriberKey;
use super::locked::Locked;
use super::master_key::MasterKey;
use super::meta;
use super::model::Subscriber;
use super::nodes::{self, Places};
use super::queue::{Queue, Request, Ticket};
use super::records::Records;
use super::row::Row;
use super::rows::{BY_GPSI, Part, PartKey, ROWS, SUBSCRIBER};
use super::seal::Sealer;
use super::sync::{JoinHandle, thread};
use super::unlock::{Making, Opener, State, unlock};
use crate::convert::Conversion;
use crate::figures::StoreFigures;
use crate::records::OnRecord;

/// How a store is opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Whether a store that is not there is made. A program that has had one says `false`: an empty store in place of a
    /// lost one issues its sequence numbers again.
    pub create: bool,
    /// Which of the home network's nodes this is: decides which IND values it issues.
    pub node: NodeIndex,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// How much of the file is kept in memory, in octets.
    pub cache_bytes: usize,
    /// Δ and the sizes of reservations.
    pub policy: SqnPolicy,
    /// The tick of GLC; fixed when the store is created. `None`: what the store has, 1 s for a new one.
    pub tick: Option<Duration>,
    /// How far ahead of the clock its durable mark is kept.
    pub lead: Duration,
    /// How far the clock may be ahead of the last mark at the start; `None` for any distance.
    pub longest_jump: Option<Duration>,
    /// How many subscribers with reserved ranges are held in memory before ranges are given up.
    pub held_ranges: usize,
    /// How long the engine may be out of order, other than by a full disk, before writing has stopped for good: see
    /// [`SubscriberStore::when_failed`].
    pub longest_outage: Duration,
    /// What uses K: given the custody in memory, the one that is asked. `None` for the one in memory itself.
    pub custody: Option<CustodyOf>,
    /// Told how far a store of an earlier format is converted.
    pub converting: Arc<dyn Fn(Conversion) + Send + Sync>,
    /// What the audit log is told if the store is made, in the same commit.
    pub making: Option<OnRecord>,
    /// No audit log is told of it: a store that is made says so from its first commit on, and [`crate::skip_ahead`] before the first
    /// number is moved ([`SubscriberStore::unrecorded_since`]).
    pub unrecorded: bool,
    /// [`crate::skip_ahead`]: also of a store that has gone elsewhere ([`crate::copy`]), which is a store like any other from then on.
    pub take_back: bool,
}

/// Makes a custody before, or in place of, the one in memory.
pub type CustodyOf = Arc<dyn Fn(Arc<dyn Custody>) -> Arc<dyn Custody> + Send + Sync>;

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            create: true,
            node: NodeIndex::ONLY,
            clock: Arc::new(SystemClock::default()),
            cache_bytes: 1 << 30,
            policy: SqnPolicy::default(),
            tick: None,
            lead: Duration::from_secs(60),
            longest_jump: Some(Duration::from_secs(400 * 86_400)),
            held_ranges: 1 << 18,
            longest_outage: Duration::from_secs(30),
            custody: None,
            converting: Arc::new(|_| ()),
            making: None,
            unrecorded: false,
            take_back: false,
        }
    }
}

/// What a resynchronisation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resynchronised {
    /// The next SQN is one that the card accepts: nothing changed.
    InStep,
    /// The card seems to be more than Δ behind, but that is not believed: nothing changed.
    NotFollowed(NotFollowed),
    /// The card was ahead: SQN was raised above SQN_MS.
    Raised,
    /// The card was more than Δ behind: SQN starts again above SQN_MS and skips what was issued.
    NewEpoch,
    /// The card was more than Δ behind, and everything that it accepts was issued before: SQN starts again above SQN_MS
    /// with numbers of an older epoch.
    Reused,
}

/// Subscribers and their sequence numbers, durable and sealed. Used from many threads; blocks where it says so.
pub struct SubscriberStore {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) sealer: Arc<Locked<Sealer>>,
    pub(crate) custody: Arc<dyn Custody>,
    pub(crate) audit: Arc<OnceLock<AuditLog>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) watch: Watch,
    failure: Arc<Failure>,
    pub(crate) records: Records,
    committer: Option<JoinHandle<()>>,
}

const DEFAULT_TICK: Duration = Duration::from_secs(1);

impl SubscriberStore {
    /// Opens a store, or creates it with mode 0600 if [`StoreOptions::create`] says so.
    ///
    /// # Errors
    /// When there is none and none is to be made ([`EngineError::Missing`]), when another process has it open, it is damaged or sealed with another master key, or the clock is implausible.
    pub fn open(path: &Path, master_key: &MasterKey, options: StoreOptions) -> Result<Self, StoreError> {
        let engine = match options.create || fault!("lost-store-made-anew") {
            true => EmbeddedEngine::open(path, options.cache_bytes),
            false => EmbeddedEngine::open_existing(path, options.cache_bytes),
        };
        let engine = engine.map_err(read_error)?;
        Self::with_engine(Arc::new(engine), path, master_key, options)
    }

    /// Opens a store on any engine; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`SubscriberStore::open`].
    pub fn with_engine(
        engine: Arc<dyn Engine>,
        name: &Path,
        master_key: &MasterKey,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        let (mut store, committer) = Self::without_thread(engine, name, master_key, options)?;
        let thread = thread::Builder::new()
            .name("store-commit".into())
            .spawn(|| committer.run());
        store.committer = Some(thread.map_err(|error| read_error(EngineError::Other(error.to_string())))?);
        Ok(store)
    }

    /// A store, and what some thread must run for it.
    pub(crate) fn without_thread(
        engine: Arc<dyn Engine>,
        name: &Path,
        master_key: &MasterKey,
        options: StoreOptions,
    ) -> Result<(Self, Committer), StoreError> {
        let StoreOptions {
            create,
            node,
            clock,
            policy,
            tick,
            lead,
            longest_jump,
            held_ranges,
            longest_outage,
            custody,
            converting,
            making,
            unrecorded,
            ..
        } = options;
        let sealer = Locked::try_with(|| {
            let new = create.then(|| Making {
                tick: tick.unwrap_or(DEFAULT_TICK),
                record: making,
                unrecorded,
            });
            let opener = Opener {
                master_key,
                node: node.index().into(),
                clock: &*clock,
            };
            unlock(&*engine, name, (&opener, State::Open), new.as_ref(), &*converting)
        })?;
        let sealer = Arc::new(sealer);
        let in_memory: Arc<dyn Custody> = Arc::new(Arc::clone(&sealer));
        let custody = match custody {
            Some(before) => before(in_memory),
            None => in_memory,
        };
        if meta::octets(&*engine, meta::SKIPPING).map_err(read_error)?.is_some() {
            return Err(StoreError::SkipUnfinished);
        }
        let keys = sealer.keys();
        let (store_ms, _) = meta::tick_and_keepers(&*engine, keys)?;
        if let Some(asked_ms) = tick.map(millis)
            && asked_ms != store_ms
        {
            return Err(StoreError::Tick { store_ms, asked_ms });
        }
        let tick = Duration::from_millis(store_ms.max(1));
        if let Some(number) = engine.node()
            && number != u16::from(node.index())
        {
            let why = format!("it is open as node {number}, and not as node {}", node.index());
            return Err(read_error(EngineError::Other(why)));
        }
        // Before the marks are read: what was issued at places that this node gets lies below them then.
        let shares = match engine.is_shared() {
            true => Some(nodes::join(&*engine, name, keys, node.index())?),
            false => None,
        };
        let (shares, said_mark) = shares.unzip();
        let places = shares.as_ref().map(|shares| Places::new(shares.of(node.index())));
        let mark = meta::highest_mark(&*engine, keys)?;
        let mark = Some(Glc(mark)).filter(|mark| mark.0 != 0);
        let clocks = clock.clocks();
        let counter = GlobalCounter::start(tick, clocks, mark, longest_jump)?;
        let issuer = Arc::new(Issuer::new(policy, (node, places), held_ranges, Arc::clone(&sealer)));
        issuer.set_now(counter.now());
        issuer.set_counter(counter.elapsed(), clocks.monotonic);
        let started = Moment::of(issuer.counter_nanos(clocks.monotonic));
        let queue = Arc::new(Queue::default());
        let audit = Arc::default();
        let failure = Arc::new(Failure::default());
        let records = Records::open(
            (Arc::clone(&engine), Arc::clone(&queue)),
            Arc::clone(&issuer),
            Arc::clone(&sealer),
            Arc::clone(&clock),
            node.index().into(),
        );
        let records = records.map_err(read_error)?;
        let committer = Committer {
            engine: Arc::clone(&engine),
            issuer: Arc::clone(&issuer),
            queue: Arc::clone(&queue),
            clock: Arc::clone(&clock),
            counter,
            lead: lead.max(tick * 2),
            patience: (tick / 4).clamp(Duration::from_millis(5), Duration::from_millis(250)),
            audit: Arc::clone(&audit),
            node: node.index().into(),
            serial: pollster::block_on(engine.serial(node.index().into())).map_err(read_error)?,
            head_kept: None,
            outage: None,
            pause: None,
            failure: Arc::clone(&failure),
            longest_outage,
            shares,
            looked_at_shares: Instant::now(),
            says_shares: false,
            said_mark: said_mark.unwrap_or_default(),
            records: records.clone(),
        };
        let store = Self {
            engine,
            issuer,
            queue,
            custody,
            audit,
            sealer,
            clock,
            watch: Watch::since(started),
            failure,
            records,
            committer: None,
        };
        Ok((store, committer))
    }

    // Subscribers

    /// A subscriber with its secrets, to export or show it; `None` when there is none. Blocks while it is being replaced.
    ///
    /// # Errors
    /// When reading fails or the row does not open.
    pub fn subscriber(&self, supi: &Supi) -> Result<Option<Subscriber>, StoreError> {
        self.assemble(&SubscriberKey::from(supi))
    }

    /// What uses K.
    #[inline]
    pub fn custody(&self) -> &dyn Custody {
        &*self.custody
    }

    /// The SUPI that has this GPSI; `None` when none has. Blocks where the row is not at hand.
    ///
    /// # Errors
    /// When reading fails; [`StoreError::Unsealing`] when the row that is found does not say so itself.
    pub fn supi_of(&self, gpsi: &Gpsi) -> Result<Option<Supi>, StoreError> {
        let wanted = [Wanted::Link(SUBSCRIBER, BY_GPSI, gpsi.as_str().as_bytes())];
        let rows = self.engine.read_blocking(&wanted).map_err(read_error)?;
        let Some(found) = rows.into_iter().flatten().next() else {
            return Ok(None);
        };
        let (key, _) = PartKey::read(&found.key)?;
        // The link is not authenticated, what it leads to is.
        let card = SealedCard::new(key.clone(), &found.octets);
        self.custody.open(&card).wait()?;
        let row = card.row()?;
        match row.subscription()?.gpsi.as_ref() == Some(gpsi) {
            true => Ok(Some(SubscriberKey::supi(key.octets())?)),
            false => Err(StoreError::Unsealing),
        }
    }

    /// The GPSI of a subscriber, if it has one. Blocks for a moment.
    ///
    /// # Errors
    /// When reading fails; [`StoreError::Unsealing`] when the row is not authentic.
    pub fn gpsi_of(&self, supi: &Supi) -> Result<Option<Gpsi>, StoreError> {
        let Some(Card { sealed, .. }) = self.card(supi)? else {
            return Ok(None);
        };
        self.custody.open(&sealed).wait()?;
        Ok(sealed.row()?.subscription()?.gpsi.clone())
    }

    /// At most `limit` subscribers above `after`, in the order of their SUPI.
    ///
    /// # Errors
    /// When reading fails or a row does not open.
    pub fn list(&self, after: Option<&Supi>, limit: usize) -> Result<Vec<Subscriber>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.map(SubscriberKey::from);
        // Those that are removed after the scan are left out, but an empty page is the end.
        while limit > 0 && found.is_empty() {
            let mut keys = Vec::new();
            let mut visit = |key: &[u8], _: &[u8]| {
                if key.last() == Some(&(Part::Credentials as u8)) {
                    keys.push(key.to_vec());
                }
                keys.len() < limit
            };
            let after_last = after.as_ref().map(|key| PartKey::new(key, Part::Numbers));
            self.engine
                .scan(SUBSCRIBER, after_last.as_deref(), &mut visit)
                .map_err(read_error)?;
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let (key, _) = PartKey::read(&key)?;
                found.extend(self.assemble(&key)?);
                after = Some(key);
            }
        }
        Ok(found)
    }

    /// How many subscribers there are, by the number of their rows, which costs no look at each: two of each come and go together. Where
    /// somebody took single rows out of the file, they count by halves, rounded up.
    ///
    /// # Errors
    /// When reading fails.
    pub fn len(&self) -> Result<u64, StoreError> {
        Ok(self.engine.count(SUBSCRIBER).map_err(read_error)?.div_ceil(ROWS))
    }

    /// Whether there is nothing of any subscriber.
    ///
    /// # Errors
    /// When reading fails.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.len().map(|len| len == 0)
    }

    /// Now, by the home network's counter.
    #[inline]
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(self.issuer.counter_nanos(self.clock.clocks().monotonic))
    }

    /// Waits until everything asked for so far is done and the clock has been read once more. Blocks.
    ///
    /// # Errors
    /// When the store is closed.
    pub fn settle(&self) -> Result<(), StoreError> {
        let ticket = Arc::new(Ticket::default());
        let request = Request {
            unit: Batch::default(),
            effects: Vec::new(),
            ticket: Arc::clone(&ticket),
        };
        self.queue.submit(request)?;
        ticket.wait()
    }

    /// What it has written since it was opened.
    pub fn figures(&self) -> StoreFigures {
        self.queue.counted.figures()
    }

    /// How many requests wait to be written.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Durable things of any other kind: they share the thread that writes, and its commits.
    pub fn records(&self) -> Records {
        self.records.clone()
    }

    /// Whether it can be read: asks for a row that every store has. Blocks where that is not at hand.
    ///
    /// # Errors
    /// Why not.
    pub fn reads(&self) -> Result<(), StoreError> {
        meta::octets(&*self.engine, meta::FORMAT).map(drop).map_err(read_error)
    }

    /// How many subscribers' sequence numbers are held in memory.
    pub fn held(&self) -> usize {
        self.issuer.held()
    }

    /// Whether the wall clock has jumped implausibly far ahead, so that the counter runs without it.
    pub fn distrusts_clock(&self) -> bool {
        self.issuer.is_distrusting_wall()
    }

    /// Why nothing can be written any more until a restart; `None` while writing works, or may work again by itself.
    ///
    /// A failed sync is such a reason: nobody knows then what is on the disk. A full disk is not: it refuses what needs
    /// room ([`StoreError::Write`]), and all goes on when there is room again.
    pub fn failed(&self) -> Option<WritingStopped> {
        self.failure.get()
    }

    /// Calls `tell` once, when writing has stopped until a restart, or now if it has: a server should end then, with an
    /// exit status that makes its supervisor start it again. Never called for a full disk.
    ///
    /// It is called on the thread that writes, so it should only pass the news on; a `oneshot` channel does in async code:
    ///
    /// ```
    /// use std::sync::mpsc::{Receiver, channel};
    /// use kaskade_store::{SubscriberStore, WritingStopped};
    ///
    /// fn watch(store: &SubscriberStore) -> Receiver<WritingStopped> {
    ///     let (tell, stopped) = channel();
    ///     // Nobody listens any more when the program ends anyhow.
    ///     store.when_failed(move |why| drop(tell.send(why)));
    ///     stopped
    /// }
    /// ```
    pub fn when_failed(&self, tell: impl FnOnce(WritingStopped) + Send + 'static) {
        self.failure.listen(Box::new(tell));
    }

    // Below

    fn get(&self, key: &SubscriberKey, visit: &mut dyn FnMut(&[u8])) -> Result<bool, StoreError> {
        self.engine
            .get(SUBSCRIBER, &PartKey::new(key, Part::Credentials), visit)
            .map_err(read_error)
    }

    /// Secrets and sequence numbers of one card: nobody else in this process changes the subscriber meanwhile.
    fn assemble(&self, key: &SubscriberKey) -> Result<Option<Subscriber>, StoreError> {
        let early = fault!("row-before-hold").then(|| self.row(key)).transpose()?;
        let hold = self.issuer.hold_blocking(key)?;
        let mut early = early;
        let row = loop {
            if !hold.load(&*self.engine, None)? {
                return Ok(None);
            }
            let Some(row) = early.take().map_or_else(|| self.row(key), Ok)? else {
                return Ok(None);
            };
            // Another node may have given it another card in between.
            if !self.issuer.is_shared() || Row::decode(&row)?.life == hold.with(|entry| entry.owner.life) {
                break row;
            }
        };
        let others = self.other_nodes()?;
        // Above everything that may have been issued.
        let highest = self.issuer.clock_of_all(others.as_ref()).highest;
        let portable = |entry: &mut Entry| entry.issuer.as_ref().map(|issuer| issuer.portable(highest));
        let Some(sqn) = hold.with(portable) else {
            return Ok(None);
        };
        drop(hold);
        let card = SealedCard::new(key.clone(), &row);
        let row = card.row()?;
        Ok(Some(Subscriber {
            supi: SubscriberKey::supi(key.octets())?,
            secrets: self.custody.open(&card).wait()?,
            amf: row.amf,
            methods: row.methods,
            subscription: row.subscription()?,
            sqn,
        }))
    }

    fn row(&self, key: &SubscriberKey) -> Result<Option<Vec<u8>>, StoreError> {
        let mut row = None;
        self.get(key, &mut |octets| row = Some(octets.to_vec()))?;
        Ok(row)
    }
}

impl Drop for SubscriberStore {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.committer.take() {
            // It ends with the process otherwise.
            let _ = thread.join();
        }
    }
}

impl core::fmt::Debug for SubscriberStore {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SubscriberStore").finish_non_exhaustive()
    }
}

impl core::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("node", &self.node)
            .field("tick", &self.tick)
            .finish_non_exhaustive()
    }
}
