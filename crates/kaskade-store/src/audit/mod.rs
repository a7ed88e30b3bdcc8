//! The audit log of a node: one chain of events in segments, without which nothing is given out.
//!
//! ```text
//! covered, record ── lanes in memory ─┐
//! events_committed ── their own lane ─┼─ one thread: chains, appends, syncs ── audit-0000000001.log, …
//! refused ── counts, under a quota ───┘
//! ```
//!
//! Whoever gives something out reserves room first: in memory and, since segments are preallocated, on the disk. It costs
//! neither a system call nor heap. What was pushed is written within 50 ms and synced within a second; after a crash, the log
//! says from when until when entries may be missing. `docs/audit.md` tells more.
//!
//! ```
//! use kaskade_flow::event::{Action, Event, Outcome, PeerId};
//! use kaskade_flow::{Cover, Guarded};
//! use kaskade_store::MasterKey;
//! use kaskade_store::audit::{AuditLog, AuditOptions, LogReader};
//!
//! let folder = tempfile::tempdir().expect("a folder");
//! let key = MasterKey::create(&folder.path().join("master.key")).expect("a master key");
//! let path = folder.path().join("audit");
//! let log = AuditLog::open(AuditOptions::new(&path), &key).expect("a new log");
//! let peer = log.peer("amf.example.org");
//! let event = Event::new(Outcome::Released, Action::KeyReleased, log.now()).by(peer);
//! let answer = log.covered(Cover::known_to_store(), event, Guarded::new("K_SEAF"));
//! assert_eq!(answer.expect("there is room").release_to_peer(), "K_SEAF");
//! drop(log);
//!
//! let reader = LogReader::open(&path, Some(&key)).expect("the log");
//! let summary = reader.verify(None, &mut |_, _| ()).expect("as it was written");
//! assert_eq!(summary.entries, 4, "opened, a name, the release, closed");
//! ```

mod anchor;
#[cfg(test)]
mod dies;
mod error;
mod figures;
mod files;
mod format;
#[cfg(test)]
mod kills;
mod lanes;
mod open;
mod peers;
mod read;
mod refusals;
mod sound;
mod walk;
mod writer;

pub use anchor::Anchor;
pub use error::{AuditError, AuditFull, What, Wrong};
pub use figures::AuditFigures;
pub use read::{LogReader, PeerNames, Summary};

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use kaskade_crypto::store_keys::{Purpose, StoreKeys};
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Gap, Outcome, PeerId, Reason, Subject};
use kaskade_flow::{Cover, Durable, Guarded, UnixMillis};
use kaskade_keys::Supi;

use crate::clock::{Clock, SystemClock};
use crate::locked::Locked;
use crate::master_key::MasterKey;
use format::Commit;
use lanes::{Gate, Lanes};
use peers::Peers;
use refusals::Refusals;

/// Milliseconds within which everything is synced.
const A_SECOND: u64 = 1000;
/// By how much the clock of events is behind at most, in milliseconds: a tick of the kernel, and what is cut off.
const LATE: u64 = 11;

/// What happens while the log has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Nothing is given out.
    #[default]
    Refuse,
    /// It is given out, and the log says later how many entries are missing.
    GoOn,
}

impl core::fmt::Display for WhenFull {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::GoOn => "go on",
        })
    }
}

impl core::str::FromStr for WhenFull {
    type Err = NotWhenFull;

    fn from_str(text: &str) -> Result<Self, NotWhenFull> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "go on" => Ok(Self::GoOn),
            _ => Err(NotWhenFull),
        }
    }
}

/// Not what can happen while there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected \"refuse\" or \"go on\"")]
pub struct NotWhenFull;

/// News of a log, for whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// There is no room: why.
    Full(String),
    /// There is no room for the next segment: why. The present one goes on.
    Low(String),
    /// There is room again.
    Room,
    /// The disk failed: nothing more is written until a restart.
    Failed(String),
    /// Entries are missing, or may be.
    Gap(Gap),
    /// A segment that would go is not as it was written, and stays: what is wrong.
    Kept(String),
    /// Octets behind the last whole block, which a crash left, were cut off: how many.
    TornTail(u64),
}

/// Is told the news of a log, on the thread that writes it. A panic there does nothing to the log.
pub type Tell = Arc<dyn Fn(&Notice) + Send + Sync>;

/// How an audit log is opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct AuditOptions {
    /// Its folder: made with mode 0700 if there is none.
    pub folder: PathBuf,
    /// Octets of a segment, at least [`AuditOptions::LEAST_SEGMENT`].
    pub segment_bytes: u64,
    /// How many octets of segments are kept: beyond, the oldest are removed.
    pub keep_bytes: u64,
    /// How long a segment is kept after its last entry.
    pub keep: Duration,
    /// What happens while there is no room.
    pub when_full: WhenFull,
    /// How many events may wait in memory.
    pub waiting: usize,
    /// Over which time refusals are counted together.
    pub refusals_every: Duration,
    /// How far the log had come, as is known from elsewhere: one that was cut, put back from a copy or begun anew is not opened.
    pub known: Option<Anchor>,
    /// What it says of itself when it is open, in the room that is kept for that.
    pub first: Option<(Outcome, Action)>,
    /// What it says first: entries that are missing, since the log was not written then.
    pub gap: Option<Gap>,
    /// Where the log reads the time.
    pub clock: Arc<dyn Clock>,
    /// Who is told of news.
    pub tell: Option<Tell>,
    /// Comes between the steps of the writer, as a slow disk or a kill does.
    pub(crate) between: Option<Between>,
}

/// Is told each step of the writer, on its thread.
pub(crate) type Between = Arc<dyn Fn(Step) + Send + Sync>;

/// What the writer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something was written, and is the system's.
    Written,
    /// A sync begins.
    Syncing,
    /// It is on the disk.
    Synced,
}

impl AuditOptions {
    /// The least length of a segment, in octets.
    pub const LEAST_SEGMENT: u64 = 1 << 20;

    /// As it is configured by default.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.into(),
            segment_bytes: 16 << 20,
            keep_bytes: 8 << 30,
            keep: Duration::from_secs(400 * 86_400),
            when_full: WhenFull::Refuse,
            waiting: 1 << 15,
            refusals_every: Duration::from_secs(60),
            known: None,
            first: None,
            gap: None,
            clock: Arc::new(SystemClock::default()),
            tell: None,
            between: None,
        }
    }

    /// Octets of memory that the log takes at most for what waits.
    pub const fn memory(&self) -> usize {
        Lanes::octets(self.waiting)
    }
}

impl core::fmt::Debug for AuditOptions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AuditOptions")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// The audit log of a node, or none. Clones are the same log; it closes when the last of them is dropped.
#[derive(Clone, Default)]
pub struct AuditLog(Option<Arc<Open>>);

struct Open {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What callers and the writer share.
struct Shared {
    keys: Locked<StoreKeys>,
    clock: Arc<dyn Clock>,
    when_full: WhenFull,
    gate: Gate,
    lanes: Lanes,
    committed: Mutex<Committed>,
    durable_serial: AtomicU64,
    refusals: Mutex<Refusals>,
    peers: Mutex<Peers>,
    /// Of their names.
    generation: AtomicU64,
    anchor: Mutex<Anchor>,
    /// What was given out without an entry: how often, from when until when.
    lost: Mutex<Option<Lost>>,
    flush: Mutex<Flush>,
    flushed: Condvar,
    stop: AtomicBool,
    failed: Mutex<Option<String>>,
    thread: OnceLock<Thread>,
}

#[derive(Default)]
struct Committed {
    waiting: Vec<Event>,
    last: Commit,
}

#[derive(Clone, Copy)]
struct Lost {
    from: UnixMillis,
    until: UnixMillis,
    times: u64,
}

#[derive(Default)]
struct Flush {
    asked: u64,
    /// How many had asked when the writer last began a round.
    seen: u64,
    done: u64,
    /// That round could not write, or the writer ended.
    over: Option<AuditFull>,
}

impl Flush {
    /// The answer to who asked as this one; a round that began before knows nothing of it.
    fn answer(&self, mine: u64) -> Option<Result<(), AuditFull>> {
        match self.over {
            _ if self.done >= mine => Some(Ok(())),
            Some(over) if self.seen >= mine => Some(Err(over)),
            _ => None,
        }
    }
}

impl AuditLog {
    /// No log: everything is given out, and nothing is written.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Opens the log in a folder, or begins one there.
    ///
    /// # Errors
    /// [`AuditError`]: in use, not as it was written, of another master key or of a newer program. Nothing is changed then.
    pub fn open(options: AuditOptions, master_key: &MasterKey) -> Result<Self, AuditError> {
        open::open(options, master_key)
    }

    /// Whether there is a log.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The time of events, by the clock of the log.
    #[inline]
    pub fn now(&self) -> UnixMillis {
        self.0.as_ref().map_or(UnixMillis::new(0), |open| open.shared.now())
    }

    /// Puts a release on record: room first, then the event, and only then the answer. Returns at once, without a system call
    /// and without heap.
    ///
    /// # Errors
    /// [`AuditFull`]: nothing may be given out. With [`WhenFull::GoOn`] only [`AuditFull::Stopping`].
    #[inline]
    pub fn covered<T>(&self, _: Cover, event: Event, guarded: Guarded<T>) -> Result<Durable<T>, AuditFull> {
        self.record(event)?;
        Ok(guarded.made_durable())
    }

    /// Puts on record what is no release. Returns at once.
    ///
    /// # Errors
    /// [`AuditFull`]: it must not be done then. With [`WhenFull::GoOn`] only [`AuditFull::Stopping`].
    #[inline]
    pub fn record(&self, event: Event) -> Result<(), AuditFull> {
        let Some(open) = &self.0 else { return Ok(()) };
        let shared = &*open.shared;
        match shared.gate.admit(1, shared.when_full == WhenFull::GoOn) {
            Ok(()) => shared.lanes.push(event),
            Err(full) => shared.lose(&event, full)?,
        }
        if shared.gate.is_filling() {
            shared.wake();
        }
        Ok(())
    }

    /// Counts a refusal: the log gets one event per peer, action and reason in a while, and never more than a quota. Whether the peer
    /// is counted by its number, so that its name is needed; without authority there may be any number of them.
    /// The first subscribers of a peer are told apart.
    pub fn refused(
        &self,
        by_and_about: (PeerId, Subject),
        action: Action,
        reason: impl Into<Reason>,
        at: UnixMillis,
    ) -> bool {
        match &self.0 {
            Some(open) => lock(&open.shared.refusals).add(by_and_about, action, reason.into(), at),
            None => false,
        }
    }

    /// Takes events that the store has made durable together with what they tell. Those of one commit come in order and
    /// together, and have its serial ([`Event::committed`]); what the log has already is skipped, so that after a restart
    /// everything from [`AuditLog::last_committed`] on can be offered again.
    ///
    /// # Errors
    /// [`AuditFull`]: none was taken. They are in the store: offer them later.
    pub fn events_committed(&self, events: &[Event]) -> Result<(), AuditFull> {
        let Some(open) = &self.0 else { return Ok(()) };
        let shared = &*open.shared;
        let mut committed = lock(&shared.committed);
        let last = committed.last;
        let new = |event: &&Event| event.commit().is_none_or(|commit| commit > last);
        let count = events.iter().filter(new).count() as u64;
        if count == 0 {
            return Ok(());
        }
        shared.gate.admit(count, true)?;
        committed.waiting.extend(events.iter().filter(new));
        committed.last = events.iter().filter_map(Event::commit).fold(last, Commit::max);
        Ok(())
    }

    /// The serial of the newest commit of which events are on the disk; the store may forget those of older ones.
    pub fn last_committed(&self) -> Option<u64> {
        let serial = self.0.as_ref()?.shared.durable_serial.load(Ordering::Acquire);
        (serial != 0).then_some(serial)
    }

    /// The serial of the newest commit of which events were taken; 0 before the first.
    pub fn newest_committed(&self) -> u64 {
        let Some(open) = &self.0 else { return 0 };
        let (serial, _) = lock(&open.shared.committed).last;
        serial
    }

    /// How far the log has come on the disk; `None` without a log.
    pub fn head(&self) -> Option<Anchor> {
        self.0.as_ref().map(|open| *lock(&open.shared.anchor))
    }

    /// A peer by its name or address, for events: the log introduces it where it is first met.
    pub fn peer(&self, name: &str) -> PeerId {
        let peer = PeerId::of(name);
        self.introduce(peer, name);
        peer
    }

    /// The same for a peer whose number is known.
    pub fn introduce(&self, peer: PeerId, name: &str) {
        if let Some(open) = &self.0 {
            lock(&open.shared.peers).add(peer, name);
        }
    }

    /// Changes when names of peers may be forgotten: whoever remembers that it has introduced one introduces it again then.
    #[inline]
    pub fn names_generation(&self) -> u64 {
        self.0
            .as_ref()
            .map_or(0, |open| open.shared.generation.load(Ordering::Relaxed))
    }

    /// A subscriber for events: its pseudonym in this log, and the masked SUPI. No heap for an IMSI.
    #[inline]
    pub fn subject(&self, supi: &Supi) -> Subject {
        match &self.0 {
            Some(open) => Subject::new(pseudonym(&open.shared.keys, supi), supi),
            None => Subject::NOBODY,
        }
    }

    /// Waits until everything that was pushed is on the disk. Blocks.
    ///
    /// # Errors
    /// [`AuditFull`] when it cannot be.
    pub fn flush(&self) -> Result<(), AuditFull> {
        let Some(open) = &self.0 else { return Ok(()) };
        let shared = &*open.shared;
        let mut flush = lock(&shared.flush);
        flush.asked += 1;
        let mine = flush.asked;
        shared.wake();
        loop {
            if let Some(answer) = flush.answer(mine) {
                return answer;
            }
            flush = shared.flushed.wait(flush).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Closes the log, though clones are left: what was taken is written, and nothing more is ([`AuditFull::Stopping`]).
    /// [`AuditLog::head`] is its end then. Blocks.
    pub fn close(&self) {
        if let Some(open) = &self.0 {
            open.close();
        }
    }

    /// Whether a change may begin: there is room for its entry, or it is done without one ([`WhenFull::GoOn`]).
    ///
    /// # Errors
    /// [`AuditFull`]: it must not be done then. With [`WhenFull::GoOn`] only [`AuditFull::Stopping`].
    pub fn may_change(&self) -> Result<(), AuditFull> {
        let Some(open) = &self.0 else { return Ok(()) };
        match open.shared.when_full {
            WhenFull::Refuse if !fault!("change-without-room") => open.shared.gate.has_room(),
            _ => match open.shared.gate.has_room() {
                Err(AuditFull::Stopping) => Err(AuditFull::Stopping),
                _ => Ok(()),
            },
        }
    }

    /// Why nothing can be written any more until a restart.
    pub fn failed(&self) -> Option<String> {
        lock(&self.0.as_ref()?.shared.failed).clone()
    }
}

impl Shared {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(crate::clock::millis(self.clock.wall()))
    }

    /// Nothing more is taken until a restart.
    fn fail(&self, why: String) {
        *lock(&self.failed) = Some(why);
        self.gate.fail();
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    #[cold]
    fn lose(&self, event: &Event, full: AuditFull) -> Result<(), AuditFull> {
        if self.when_full == WhenFull::Refuse {
            return Err(full);
        }
        let at = event.at();
        let mut lost = lock(&self.lost);
        // Of what comes after the last that the log says nothing could be said any more.
        if self.stop.load(Ordering::Acquire) {
            return Err(AuditFull::Stopping);
        }
        let one = lost.get_or_insert(Lost {
            from: at,
            until: at,
            times: 0,
        });
        *one = Lost {
            from: one.from.min(at),
            until: one.until.max(at),
            times: one.times + 1,
        };
        Ok(())
    }
}

impl Open {
    fn close(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake();
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer {
            // It ends with the process otherwise.
            let _ = writer.join();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close();
    }
}

impl core::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.is_on() { "AuditLog" } else { "AuditLog(off)" })
    }
}

/// Reads the octets of one segment as far as that goes without its master key: how many entries it has.
///
/// # Errors
/// What is wrong with it.
pub fn read_segment(octets: &[u8]) -> Result<u64, What> {
    walk::walk_octets(octets)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pseudonym of a subscriber in one log: the first 8 octets of a code of its SUPI.
#[inline]
fn pseudonym(keys: &StoreKeys, supi: &Supi) -> [u8; 8] {
    let (prefix, value) = (supi.sbi_prefix().as_bytes(), supi.kdf_octets());
    let mut short = [0; 32];
    let len = prefix.len() + value.len();
    let code = match short.get_mut(..len) {
        Some(text) => {
            let (head, tail) = text.split_at_mut(prefix.len());
            head.copy_from_slice(prefix);
            tail.copy_from_slice(value);
            keys.record_code(Purpose::AuditSubject, text)
        }
        None => keys.record_code(Purpose::AuditSubject, &[prefix, value].concat()),
    };
    let [a, b, c, d, e, f, g, h, ..] = code;
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_answers_those_who_asked_before_it() {
        let mut flush = Flush {
            asked: 2,
            seen: 1,
            done: 0,
            over: Some(AuditFull::NoRoom),
        };
        assert_eq!(flush.answer(1), Some(Err(AuditFull::NoRoom)));
        assert_eq!(flush.answer(2), None, "that round began before it was asked");
        (flush.seen, flush.done, flush.over) = (2, 2, None);
        assert_eq!(flush.answer(2), Some(Ok(())));
    }
}
