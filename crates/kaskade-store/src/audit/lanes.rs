//! Where events wait for the writer: bounded, and pushing costs a lock that is held for nanoseconds and no system call.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use kaskade_flow::event::Event;

use super::error::AuditFull;
use crate::clock::coarse;

const LANES: usize = 8;
/// How long the writer may be silent before nothing is admitted, in milliseconds. Less than the second that a gap says: both the clock
/// that measures it and the one that dates the gap are up to 10 ms late, and an answer leaves somewhat after it was admitted.
const LONGEST_SILENCE: u64 = super::A_SECOND - 50;

/// How many events may wait: as many as there is room for, on the disk too.
pub(super) struct Gate {
    start: Instant,
    /// The same moment on the clock that every event asks.
    coarse_start: Duration,
    waiting: AtomicU64,
    room: AtomicU64,
    /// When the writer was last seen, in milliseconds since `start`.
    beat: AtomicU64,
    failed: AtomicBool,
    closed: AtomicBool,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            coarse_start: coarse::monotonic(),
            waiting: AtomicU64::new(0),
            room: AtomicU64::new(0),
            beat: AtomicU64::new(0),
            failed: false.into(),
            closed: false.into(),
        }
    }

    /// Reserves room for so many events; `patient` is who does not mind that the writer is silent.
    #[inline]
    pub(super) fn admit(&self, events: u64, patient: bool) -> Result<(), AuditFull> {
        // Against [`Gate::close`] and [`Gate::is_empty`], which look the other way round: of the two, one sees the other.
        let waiting = self.waiting.fetch_add(events, Ordering::SeqCst);
        let full = waiting + events > self.room.load(Ordering::SeqCst);
        let silent = !patient && self.is_silent();
        if !full && !silent || fault!("release-before-room") {
            return Ok(());
        }
        self.waiting.fetch_sub(events, Ordering::AcqRel);
        Err(if full { self.why() } else { AuditFull::Stalled })
    }

    /// Whether the writer has not said for too long that it writes.
    #[inline]
    pub(super) fn is_silent(&self) -> bool {
        self.now_ms().saturating_sub(self.beat.load(Ordering::Acquire)) > LONGEST_SILENCE
    }

    /// Whether there is room for one event.
    pub(super) fn has_room(&self) -> Result<(), AuditFull> {
        match self.waiting.load(Ordering::Acquire) < self.room.load(Ordering::Acquire) {
            true => Ok(()),
            false => Err(self.why()),
        }
    }

    /// Why there is no room.
    #[cold]
    fn why(&self) -> AuditFull {
        if self.failed.load(Ordering::Acquire) {
            AuditFull::Failed
        } else if self.closed.load(Ordering::Acquire) {
            AuditFull::Stopping
        } else {
            AuditFull::NoRoom
        }
    }

    /// How many events wait for the writer, and how many may.
    pub(super) fn figures(&self) -> (u64, u64) {
        (self.waiting.load(Ordering::Acquire), self.room.load(Ordering::Acquire))
    }

    /// Whether the writer should be woken before its time.
    #[inline]
    pub(super) fn is_filling(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > self.room.load(Ordering::Relaxed) / 4
    }

    /// For the writer: so many are in the log, and there is room for so many in all. The room shrinks first, so that nothing
    /// is admitted in between that has none.
    pub(super) fn written(&self, events: u64, room: u64) {
        let over = self.failed.load(Ordering::Acquire) || self.closed.load(Ordering::Acquire);
        self.room.store(if over { 0 } else { room }, Ordering::Release);
        self.waiting.fetch_sub(events, Ordering::AcqRel);
    }

    /// For the writer: whether all that was admitted is in the log.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    /// For the writer: what was admitted before then is on the disk, and a mark there says so.
    pub(super) fn beat(&self, at: Instant) {
        let at = at.saturating_duration_since(self.start).as_millis();
        self.beat
            .store(u64::try_from(at).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// For the writer: nothing more, since the disk failed.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.room.store(0, Ordering::Release);
    }

    /// For the writer: nothing more, since the log is closed. Whoever was admitted before is seen by [`Gate::is_empty`] from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let order = match fault!("audit-close-not-ordered") {
            true => Ordering::Release,
            false => Ordering::SeqCst,
        };
        self.room.store(0, order);
    }

    #[inline]
    fn now_ms(&self) -> u64 {
        let since = coarse::monotonic().saturating_sub(self.coarse_start);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Events that were admitted.
pub(super) struct Lanes {
    lanes: [Lane; LANES],
    capacity: usize,
}

/// On a line of the cache of its own, so that cores do not wait for each other.
#[repr(align(128))]
struct Lane(Mutex<Vec<Event>>);

static NEXT_LANE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LANE: Cell<usize> = const { Cell::new(usize::MAX) };
}

impl Lanes {
    /// For at least so many events in all.
    pub(super) fn new(events: usize) -> Self {
        let capacity = events.div_ceil(LANES).max(1);
        Self {
            lanes: core::array::from_fn(|_| Lane(Mutex::new(Vec::with_capacity(capacity)))),
            capacity,
        }
    }

    /// Octets that all lanes take, the writer's spare one and its batch among them.
    pub(super) const fn octets(events: usize) -> usize {
        (2 * events + events.div_ceil(LANES)) * size_of::<Event>()
    }

    /// Takes an event that was admitted: so there is room in some lane.
    #[inline]
    pub(super) fn push(&self, event: Event) {
        let mut lane = own_lane();
        loop {
            lane = (lane + 1) % LANES;
            let Some(Lane(one)) = self.lanes.get(lane) else {
                continue;
            };
            let mut events = match one.try_lock() {
                Ok(events) => events,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    core::hint::spin_loop();
                    continue;
                }
            };
            if events.len() < self.capacity {
                events.push(event);
                return;
            }
        }
    }

    /// Moves everything to `into`; `spare` is what a lane gets for what it had.
    pub(super) fn drain(&self, spare: &mut Vec<Event>, into: &mut Vec<Event>) {
        spare.reserve(self.capacity.saturating_sub(spare.capacity()));
        for Lane(lane) in &self.lanes {
            core::mem::swap(&mut *lane.lock().unwrap_or_else(PoisonError::into_inner), spare);
            into.append(spare);
        }
    }
}

/// Lanes of threads differ, as far as there are enough.
#[inline]
fn own_lane() -> usize {
    LANE.with(|lane| {
        if lane.get() == usize::MAX {
            lane.set(NEXT_LANE.fetch_add(1, Ordering::Relaxed) % LANES);
        }
        lane.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaskade_flow::UnixMillis;
    use kaskade_flow::event::{Action, Outcome};

    #[test]
    fn lanes_hold_what_is_pushed_by_many_threads() {
        const EVENTS: u64 = 4000;
        let lanes = Lanes::new(4 * EVENTS as usize);
        let mut all = Vec::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let lanes = &lanes;
                scope.spawn(move || {
                    for n in 0..EVENTS {
                        lanes.push(Event::new(Outcome::Noted, Action::Other, UnixMillis::new(n)).correlated(thread));
                    }
                });
            }
            let mut spare = Vec::new();
            while all.len() < 4 * EVENTS as usize {
                lanes.drain(&mut spare, &mut all);
            }
        });
        for thread in 0..4 {
            let mut seen: Vec<u64> = all
                .iter()
                .filter(|e| e.correlation() == thread)
                .map(|event| event.at().get())
                .collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..EVENTS));
        }
    }

    #[test]
    fn the_gate_admits_what_there_is_room_for() {
        let gate = Gate::new();
        assert_eq!(gate.admit(1, false), Err(AuditFull::NoRoom));
        gate.written(0, 3);
        assert_eq!(gate.admit(2, false), Ok(()));
        assert_eq!(gate.admit(2, false), Err(AuditFull::NoRoom));
        assert_eq!(gate.admit(1, false), Ok(()));
        gate.written(3, 1);
        assert_eq!(gate.admit(1, false), Ok(()));
        gate.close();
        assert_eq!(gate.admit(1, true), Err(AuditFull::Stopping));
        gate.written(1, 9);
        assert_eq!(gate.admit(1, true), Err(AuditFull::Stopping), "no room comes back");
        gate.fail();
        assert_eq!(gate.admit(1, false), Err(AuditFull::Failed));
    }

    /// Whoever is admitted while the log closes is waited for: the two never miss each other, in whatever order a processor's stores
    /// become seen. Both threads go through the same gates side by side, a little apart in each.
    #[test]
    fn who_is_admitted_while_the_log_closes_is_seen() {
        const ROUNDS: usize = 50_000;
        let gates: Vec<Gate> = core::iter::repeat_with(Gate::new).take(ROUNDS).collect();
        gates.iter().for_each(|gate| gate.written(0, 8));
        let arrived = AtomicUsize::new(0);
        let meet = |round: usize, gate: &Gate, apart: usize| {
            // Both processors have it at hand.
            core::hint::black_box(gate.is_empty());
            arrived.fetch_add(1, Ordering::SeqCst);
            let mut turns = 0_u32;
            while arrived.load(Ordering::SeqCst) < 2 * (round + 1) {
                turns += 1;
                match turns % 4096 {
                    // The other one may have no processor.
                    0 => std::thread::yield_now(),
                    _ => core::hint::spin_loop(),
                }
            }
            for n in 0..apart % 40 {
                core::hint::black_box(n);
            }
        };
        let (admitted, empty): (Vec<bool>, Vec<bool>) = std::thread::scope(|scope| {
            let admits = scope.spawn(|| {
                let admit = |(round, gate): (usize, &Gate)| {
                    meet(round, gate, round / 40);
                    gate.admit(1, true).is_ok()
                };
                gates.iter().enumerate().map(admit).collect()
            });
            let close = |(round, gate): (usize, &Gate)| {
                meet(round, gate, round);
                gate.close();
                gate.is_empty()
            };
            let empty = gates.iter().enumerate().map(close).collect();
            (admits.join().expect("it ends"), empty)
        });
        let both = admitted.iter().zip(&empty);
        let missed = both.filter(|(admitted, empty)| **admitted && **empty).count();
        assert_eq!(missed, 0, "were admitted, and not seen");
        let admitted = admitted.iter().filter(|admitted| **admitted).count();
        assert!(
            0 < admitted && admitted < ROUNDS,
            "{admitted} of {ROUNDS} admitted: the test tests too little"
        );
    }
}
