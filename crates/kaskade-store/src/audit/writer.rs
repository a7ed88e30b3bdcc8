//! The one thread that writes the log.

mod keep;
mod mark;

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use kaskade_flow::event::{Action, ENTRY_LEN, Event, Gap, GapReason, NAME_PARTS, Name, Outcome, PeerId};

use kaskade_flow::UnixMillis;

use super::error::{AuditFull, Wrong};
use super::files::{self, Folder, boot};
use super::format::{BLOCK_ENTRIES, BLOCK_OVERHEAD, Commit, HEAD_LEN, Hash, IDLE_MS, put_block};
use super::refusals::QUOTA;
use super::{Anchor, AuditOptions, Notice, Shared, Step, Tell, lock};
use keep::Reading;
use mark::{Moment, Reach};

/// How often the lanes are emptied.
const EVERY: Duration = Duration::from_millis(50);
/// When what was written is synced.
const SYNC_AFTER: Duration = Duration::from_millis(300);
const SYNC_OCTETS: u64 = 1 << 20;
/// How often a mark says that the log is alive.
const MARK_AFTER: Duration = Duration::from_millis(200);
/// How often a log that is closed and has no room tries to write what was admitted.
const CLOSING_ROUNDS: usize = 100;
/// After how long a disk that was full is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(300);
/// How long a generation of names is at least; no shorter than refusals are counted.
const GENERATION: Duration = Duration::from_secs(10);
/// How often it is looked whether segments are too old.
const AGE_EVERY: Duration = Duration::from_secs(600);

/// Octets that an event takes at most: a block of its own, the name of its peer, and itself.
const MOST: u64 = (BLOCK_OVERHEAD + (NAME_PARTS + 1) * ENTRY_LEN) as u64;
/// Events that need no admission: refusals, gaps, what the log says of itself.
const OWN: u64 = QUOTA as u64 + 16;

/// Why a log has failed whose thread ended by a panic.
const DIED: &str = "the thread that writes it has died";

/// Whoever is told may fail, and takes nothing with it.
fn tell(told: Option<&Tell>, notice: &Notice) {
    let Some(told) = told else { return };
    match fault!("audit-thread-dies-of-news") {
        true => told(notice),
        // What it panicked of is on standard error already.
        false => drop(catch_unwind(AssertUnwindSafe(|| told(notice)))),
    }
}

/// The segment that is written.
pub(super) struct Segment {
    pub(super) file: File,
    pub(super) number: u64,
    /// Behind the last block.
    pub(super) end: u64,
    /// Octets that the disk has room for.
    pub(super) capacity: u64,
}

/// A segment that is full.
pub(super) struct Full {
    pub(super) number: u64,
    pub(super) octets: u64,
    /// The log's course when it was.
    pub(super) course: u64,
}

/// For how long the log has been open, all in all: what a wall clock that jumps does not change.
#[derive(Clone, Copy)]
pub(super) struct Course {
    /// At the start of this process, in milliseconds.
    pub(super) before: u64,
    /// The monotonic clock then.
    pub(super) since: Duration,
}

impl Course {
    fn now(&self, shared: &Shared) -> u64 {
        let clocks = shared.clock.clocks();
        if fault!("audit-aged-by-wall") {
            return crate::clock::millis(clocks.wall);
        }
        let here = clocks.monotonic.saturating_sub(self.since);
        self.before.saturating_add(crate::clock::millis(here))
    }
}

/// How far the chain has come.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) entries: u64,
    pub(super) hash: Hash,
    pub(super) commit: Commit,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    options: AuditOptions,
    folder: Folder,
    log: [u8; 16],
    master_key: [u8; 8],
    boot: [u8; 16],
    segment: Option<Segment>,
    spare: Option<File>,
    state: State,
    synced: State,
    mark_number: u64,
    last_mark: Option<Instant>,
    last_sync: Instant,
    unsynced: u64,
    /// All that was pushed until then is in the file,
    alive: Moment,
    /// and until then on the disk.
    durable: Moment,
    reach: Reach,
    /// The first refusal that was taken and is not on the disk.
    refusals: Option<u64>,
    introduced: HashSet<PeerId>,
    spare_lane: Vec<Event>,
    gaps: Vec<Gap>,
    /// Written, and not synced.
    unsynced_gaps: Vec<Gap>,
    own: Vec<Event>,
    todo: Vec<Event>,
    /// How many of `todo` were admitted; the others are at its beginning.
    admitted: u64,
    older: VecDeque<Full>,
    course: Course,
    removed: u64,
    /// To be removed when the entry that says so is synced.
    removing: Option<u64>,
    /// They are read before.
    reading: Option<Reading>,
    /// What was last said to be wrong with one that stays for it.
    kept: Option<Wrong>,
    last_age: Option<Instant>,
    last_turn: Instant,
    retry_at: Option<Instant>,
    full: bool,
    /// It was said that there is no room for the next segment.
    low: bool,
    failed: bool,
    buffer: Vec<u8>,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        options: AuditOptions,
        folder: Folder,
        (log, master_key): ([u8; 16], [u8; 8]),
        course: Course,
    ) -> Self {
        let none = State {
            entries: 0,
            hash: [0; 32],
            commit: (0, 0),
        };
        let waiting = options.waiting;
        Self {
            shared,
            options,
            folder,
            log,
            master_key,
            boot: boot(),
            segment: None,
            spare: None,
            state: none,
            synced: none,
            mark_number: 0,
            last_mark: None,
            last_sync: Instant::now(),
            unsynced: 0,
            alive: Moment::default(),
            durable: Moment::default(),
            reach: Reach::default(),
            refusals: None,
            introduced: HashSet::new(),
            spare_lane: Vec::new(),
            gaps: Vec::new(),
            unsynced_gaps: Vec::new(),
            own: Vec::new(),
            todo: Vec::with_capacity(waiting),
            admitted: 0,
            older: VecDeque::new(),
            course,
            removed: 0,
            removing: None,
            reading: None,
            kept: None,
            last_age: None,
            last_turn: Instant::now(),
            retry_at: None,
            full: false,
            low: false,
            failed: false,
            buffer: Vec::new(),
        }
    }

    pub(super) fn take_over(&mut self, older: VecDeque<Full>, last: Segment, state: State, mark: u64, removed: u64) {
        self.older = older;
        self.segment = Some(last);
        (self.state, self.synced) = (state, state);
        self.mark_number = mark;
        self.removed = removed;
    }

    /// Says that the log is open again, before anything is written to it: what a crash leaves behind the last block of a
    /// log that is closed would be an edit.
    pub(super) fn open_again(&mut self, alive: u64) -> io::Result<()> {
        self.alive = Moment {
            wall: alive,
            here: None,
        };
        self.durable = self.alive;
        self.write_mark(false)?;
        self.sync()?;
        // What is given out from now on needs one that says so.
        self.last_mark = None;
        Ok(())
    }

    /// The segment that is written.
    pub(super) fn path(&self) -> PathBuf {
        let number = self.segment.as_ref().map_or(0, |segment| segment.number);
        self.folder.segment(number)
    }

    pub(super) fn tell(&self, notice: &Notice) {
        tell(self.options.tell.as_ref(), notice);
    }

    pub(super) fn note(&mut self, event: Event) {
        self.own.push(event);
    }

    pub(super) fn note_gap(&mut self, gap: Gap) {
        self.tell(&Notice::Gap(gap));
        self.gaps.push(gap);
    }

    /// Works until the log is closed. If it dies before, the log has failed: nobody waits for it, and nothing is given out.
    pub(super) fn run(mut self) {
        let (shared, told) = (Arc::clone(&self.shared), self.options.tell.clone());
        let over = match catch_unwind(AssertUnwindSafe(|| self.work())) {
            Ok(()) => AuditFull::Stopping,
            Err(_) if fault!("audit-thread-dies-unnoticed") => return,
            Err(_) => {
                shared.fail(DIED.to_owned());
                AuditFull::Failed
            }
        };
        let mut flush = lock(&shared.flush);
        if over == AuditFull::Failed {
            flush.over = Some(over);
        }
        flush.over.get_or_insert(over);
        flush.seen = u64::MAX;
        shared.flushed.notify_all();
        drop(flush);
        // Last: whoever waits does not depend on it.
        if over == AuditFull::Failed {
            tell(told.as_ref(), &Notice::Failed(DIED.to_owned()));
        }
    }

    fn work(&mut self) {
        loop {
            let stopping = self.shared.stop.load(Ordering::Acquire);
            if stopping {
                // Who was admitted before may not have pushed yet.
                self.shared.gate.close();
                let mut rounds = 0;
                while !self.shared.gate.is_empty() {
                    self.tick(false);
                    rounds += 1;
                    // What cannot be written keeps nobody.
                    if rounds > CLOSING_ROUNDS && (self.full || self.failed) {
                        break;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            }
            self.tick(stopping);
            if stopping {
                break;
            }
            thread::park_timeout(EVERY);
        }
    }

    /// Empties the lanes into the file, and syncs what is due. With `closing`, everything, and then the log is closed.
    pub(super) fn tick(&mut self, closing: bool) {
        let asked = {
            let mut flush = lock(&self.shared.flush);
            flush.seen = flush.asked;
            if !self.failed {
                // What an earlier round could not write, this one may.
                flush.over = None;
            }
            flush.asked
        };
        if self.failed {
            self.answer_flush(0, Some(AuditFull::Failed));
            return;
        }
        let before = Moment {
            wall: self.shared.now().get(),
            here: Some(Instant::now()),
        };
        self.drain(closing);
        if closing {
            self.todo.push(Event::new(
                Outcome::Noted,
                Action::LogClosed,
                UnixMillis::new(before.wall),
            ));
        }
        let written = self.write_all();
        let flushing = asked > lock(&self.shared.flush).done;
        let kept = written.and_then(|()| {
            self.alive = before;
            if self.unsynced == 0 {
                self.durable = before;
            }
            if self.last_turn.elapsed() >= GENERATION.max(self.options.refusals_every) {
                // Only when nothing older waits.
                self.last_turn = Instant::now();
                let generation = lock(&self.shared.peers).turn();
                self.shared.generation.store(generation, Ordering::Relaxed);
            }
            self.keep_room()?;
            self.keep_age();
            self.sync_if_due(flushing, closing)
        });
        match kept {
            Ok(()) => {
                if core::mem::take(&mut self.full) {
                    self.tell(&Notice::Room);
                }
                self.answer_flush(asked, None);
                self.shared.gate.written(0, self.room());
            }
            Err(error) if files::is_full(&error) => {
                self.shared.gate.written(0, 0);
                // Between the attempts it fails without one.
                if self.retry_at.is_none_or(|at| at <= Instant::now()) {
                    self.retry_at = Some(Instant::now() + RETRY_AFTER);
                }
                if !self.full {
                    self.tell(&Notice::Full(error.to_string()));
                }
                self.full = true;
                self.answer_flush(0, Some(AuditFull::NoRoom));
                // What is in the file still has to become durable, and the marks need no room.
                if let Err(error) = self.sync_if_due(closing, false)
                    && !files::is_full(&error)
                {
                    self.fail(&error);
                }
            }
            Err(error) => self.fail(&error),
        }
        if let Some(seen) = self.seen() {
            self.shared.gate.beat(seen);
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.failed = true;
        self.shared.fail(error.to_string());
        self.tell(&Notice::Failed(error.to_string()));
        self.answer_flush(0, Some(AuditFull::Failed));
    }

    fn answer_flush(&self, done: u64, over: Option<AuditFull>) {
        let mut flush = lock(&self.shared.flush);
        flush.done = flush.done.max(done);
        flush.over = over;
        self.shared.flushed.notify_all();
    }

    fn drain(&mut self, closing: bool) {
        self.count_lost(closing);
        if self.todo.is_empty() {
            self.admitted = 0;
        }
        let mut own = core::mem::take(&mut self.own);
        if !self.full {
            let refusals = lock(&self.shared.refusals).take(closing);
            let first = refusals.iter().map(|event| event.at().get()).min();
            self.refusals = self.refusals.into_iter().chain(first).min();
            own.extend(refusals);
        }
        if !own.is_empty() {
            own.append(&mut self.todo);
            self.todo = own;
        }
        // As long as they cannot be written, those that wait stay where they are.
        if self.full && self.admitted > 0 {
            return;
        }
        let from = self.todo.len();
        self.shared.lanes.drain(&mut self.spare_lane, &mut self.todo);
        self.todo.get_mut(from..).unwrap_or_default().sort_by_key(Event::at);
        self.todo.append(&mut lock(&self.shared.committed).waiting);
        self.admitted += (self.todo.len() - from) as u64;
    }

    /// When there is room again, the log says what was lost; when it is closed, in the room that is kept for what it says of itself.
    fn count_lost(&mut self, closing: bool) {
        if self.room() == 0 && (!closing || fault!("audit-loss-not-said")) {
            return;
        }
        let lost = lock(&self.shared.lost).take();
        if let Some(lost) = lost {
            let (from, until) = (lost.from.get(), lost.until.get() + super::LATE);
            self.note_gap(Gap {
                reason: GapReason::NoRoom,
                from: lost.from,
                until: UnixMillis::new(until),
                lost: Some(lost.times),
                at_most_ms: until - from,
                refusals: None,
            });
        }
    }

    /// How many events may wait: as many as both the memory and the preallocated disk have room for.
    fn room(&self) -> u64 {
        let here = self
            .segment
            .as_ref()
            .map_or(0, |segment| segment.capacity.saturating_sub(segment.end));
        let spare = if self.spare.is_some() {
            self.options.segment_bytes - HEAD_LEN as u64
        } else {
            0
        };
        // Of both, the end may be too short for a block.
        let events = (here / MOST).saturating_sub(1) + (spare / MOST).saturating_sub(1);
        let events = events.saturating_sub(OWN);
        if self.failed || self.full {
            return 0;
        }
        events.min(self.options.waiting as u64)
    }

    fn write_all(&mut self) -> io::Result<()> {
        let mut at = 0;
        let mut outcome = Ok(());
        while outcome.is_ok() && (at < self.todo.len() || !self.gaps.is_empty()) {
            outcome = self.write_block(&mut at);
        }
        let own = self.todo.len() as u64 - self.admitted;
        let admitted = (at as u64).saturating_sub(own);
        self.todo.drain(..at);
        self.admitted -= admitted;
        let room = if outcome.is_ok() { self.room() } else { 0 };
        self.shared.gate.written(admitted, room);
        outcome
    }

    /// Writes one block with as many events from `at` on as fit.
    fn write_block(&mut self, at: &mut usize) -> io::Result<()> {
        let fits = self.fits();
        if fits < 1 + NAME_PARTS {
            return self.rotate();
        }
        let segment = self.segment.as_mut().ok_or_else(|| io::Error::other("no segment"))?;
        let mut entries: Vec<[u8; ENTRY_LEN]> = Vec::with_capacity(fits);
        let gaps = self.gaps.len().min(fits);
        entries.extend(self.gaps.iter().take(gaps).map(Gap::encode));
        let mut new = Vec::new();
        let mut next = *at;
        let mut commit = self.state.commit;
        {
            let peers = lock(&self.shared.peers);
            for event in self.todo.iter().skip(*at) {
                let peer = event.peer();
                let unknown = !self.introduced.contains(&peer) && !new.contains(&peer);
                let name = if unknown { peers.name(peer) } else { None };
                let parts = name.map_or(0, |name| Name::parts(peer, name).count());
                if entries.len() + parts + 1 > fits {
                    break;
                }
                if let Some(name) = name {
                    entries.extend(Name::parts(peer, name).map(|part| part.encode()));
                    new.push(peer);
                }
                entries.push(event.encode());
                commit = commit.max(event.commit().unwrap_or_default());
                next += 1;
            }
        }
        self.buffer.clear();
        let first = self.state.entries + 1;
        let written_at = self.shared.now().get();
        let hash = put_block(
            &mut self.buffer,
            &self.state.hash,
            first,
            written_at,
            &entries,
            &self.shared.keys,
        );
        segment.file.write_all_at(&self.buffer, segment.end)?;
        segment.end += self.buffer.len() as u64;
        self.unsynced += self.buffer.len() as u64;
        self.state = State {
            entries: self.state.entries + entries.len() as u64,
            hash,
            commit,
        };
        self.introduced.extend(new);
        self.unsynced_gaps.extend(self.gaps.drain(..gaps));
        *at = next;
        self.step(Step::Written);
        Ok(())
    }

    /// How many entries the next block can have here.
    fn fits(&self) -> usize {
        let Some(segment) = &self.segment else { return 0 };
        let free = segment.capacity.saturating_sub(segment.end + BLOCK_OVERHEAD as u64);
        usize::try_from(free / ENTRY_LEN as u64)
            .unwrap_or(usize::MAX)
            .min(BLOCK_ENTRIES)
    }

    /// What was written is on the disk.
    fn after_sync(&mut self) {
        self.synced = self.state;
        self.unsynced = 0;
        self.durable = self.alive;
        self.unsynced_gaps.clear();
        if !self.todo.iter().any(|event| event.outcome() == Outcome::Refused) {
            self.refusals = None;
        }
        self.last_sync = Instant::now();
        self.publish();
        let said = self
            .own
            .iter()
            .chain(&self.todo)
            .any(|event| event.action() == Action::SegmentsRemoved);
        if let Some(last) = self.removing.filter(|_| !said) {
            self.removing = None;
            self.removed = last;
            while let Some(full) = self.older.front().filter(|full| full.number <= last) {
                if self.folder.remove(full.number).is_err() {
                    break;
                }
                self.older.pop_front();
            }
        }
    }

    fn publish(&self) {
        *lock(&self.shared.anchor) = Anchor {
            log: self.log,
            segment: self.segment.as_ref().map_or(0, |segment| segment.number),
            entries: self.synced.entries,
            hash: self.synced.hash,
        };
        self.shared
            .durable_serial
            .store(self.synced.commit.0, Ordering::Release);
    }
}
