//! Marks and syncs: how far the log is in its file and on the disk, and what is admitted by that.
//!
//! Whatever moment a process is killed at, its last mark is the newest that is written; when the machine goes down, it is one that
//! was synced or a newer one. So nothing is admitted later than a second after what the last mark says, nor later than
//! [`Writer::WITHIN_MS`] after what a mark on the disk says: the gap of the next start holds all that may be missing, however slow
//! the disk is.

use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use kaskade_flow::event::{Gap, GapReason};

use super::super::format::{MARKS, Mark};
use super::super::{A_SECOND, Step, WhenFull, lock};
use super::{IDLE_MS, MARK_AFTER, SYNC_AFTER, SYNC_OCTETS, State, Writer};

const _: () = assert!(
    Writer::WITHIN_MS as u64 == IDLE_MS + 2 * A_SECOND,
    "as it is said of it"
);

/// When the lanes were emptied.
#[derive(Clone, Copy, Default)]
pub(super) struct Moment {
    /// Milliseconds of the wall clock.
    pub(super) wall: u64,
    /// By the clock of this process; `None` before it wrote anything.
    pub(super) here: Option<Instant>,
}

/// What marks say that somebody can read after a crash.
#[derive(Clone, Copy, Default)]
pub(super) struct Reach {
    /// The newest mark: all that was pushed until then is in the file,
    alive: Option<Instant>,
    /// and until then on the disk.
    durable: Option<Instant>,
    /// What the newest mark that is on the disk says is on the disk.
    on_disk: Option<Instant>,
}

impl Writer {
    /// How long after what a mark on the disk says something may be given out: an idle log is synced in ten seconds, a
    /// mark is synced by the sync after it, and the last second may be missing.
    pub(in super::super) const WITHIN_MS: u32 = 12_000;

    /// Until when this process has seen to it that all is on the disk, and marks say so.
    pub(super) fn seen(&self) -> Option<Instant> {
        if fault!("audit-mark-not-waited-for") {
            return Some(Instant::now());
        }
        let on_disk = self.reach.on_disk? + Duration::from_millis(u64::from(Self::WITHIN_MS) - A_SECOND);
        let durable = self.durable.here?;
        Some(self.reach.alive?.min(durable).min(on_disk))
    }

    pub(super) fn step(&self, step: Step) {
        if let Some(between) = &self.options.between {
            between(step);
        }
    }

    /// Syncs what is written of the segment, marks too.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let durable = self.reach.durable;
        self.step(Step::Syncing);
        let segment = self.segment.as_ref().ok_or_else(|| io::Error::other("no segment"))?;
        segment.file.sync_data()?;
        self.reach.on_disk = durable;
        self.step(Step::Synced);
        Ok(())
    }

    /// The marks of a new segment are on the disk with it.
    pub(super) fn begun(&mut self) {
        self.reach = Reach {
            alive: self.alive.here,
            durable: self.durable.here,
            on_disk: self.durable.here,
        };
        self.step(Step::Synced);
    }

    pub(super) fn sync_if_due(&mut self, flushing: bool, closing: bool) -> io::Result<()> {
        // At first nothing is known of the disk.
        let now = flushing || closing || self.reach.on_disk.is_none();
        let late = self.durable.here.is_none_or(|since| since.elapsed() >= SYNC_AFTER);
        let due = self.unsynced >= SYNC_OCTETS || (self.unsynced > 0 && late);
        let idle = self.last_sync.elapsed() >= Duration::from_millis(IDLE_MS);
        let marked = self.last_mark.is_some_and(|last| last.elapsed() < MARK_AFTER);
        if due || now || idle {
            self.sync()?;
            self.after_sync();
            self.write_mark(closing)?;
            if closing {
                // Both, as in every segment that is finished.
                self.write_mark(true)?;
            }
            if now {
                // The mark too: whoever reads now finds all of it.
                self.sync()?;
            }
        } else if !marked {
            self.write_mark(false)?;
        }
        Ok(())
    }

    pub(super) fn write_mark(&mut self, closed: bool) -> io::Result<()> {
        let Some(segment) = &self.segment else { return Ok(()) };
        let number = self.mark_number + 1;
        let mark = self.mark(number, self.synced, closed);
        let octets = mark.encode(&self.log, segment.number, &self.shared.keys);
        let [first, second] = MARKS;
        let at = if number.is_multiple_of(2) { first } else { second };
        segment.file.write_all_at(&octets, at as u64)?;
        self.mark_number = number;
        self.last_mark = Some(Instant::now());
        self.reach.alive = self.alive.here;
        self.reach.durable = self.durable.here;
        self.step(Step::Written);
        Ok(())
    }

    pub(super) fn mark(&self, number: u64, state: State, closed: bool) -> Mark {
        // What was lost, or waits in memory for room, and is not said yet: from its first on it may be lost for good.
        let lost = (*lock(&self.shared.lost)).map(|lost| lost.from.get());
        let stuck = self.full && !self.todo.is_empty();
        let gaps = || self.gaps.iter().chain(&self.unsynced_gaps);
        let unsaid = match lost.is_some() || stuck {
            true => Some(GapReason::NoRoom),
            false => gaps().next().map(|gap| gap.reason),
        };
        let first = lost.into_iter().chain(gaps().map(|gap| gap.from.get())).min();
        let alive = match fault!("audit-gap-from-writing") {
            true => self.shared.now().get(),
            false => first.unwrap_or(u64::MAX).min(self.alive.wall),
        };
        let durable = alive.min(self.durable.wall);
        let longest = u64::from(Self::WITHIN_MS);
        let within = match unsaid {
            _ if self.options.when_full == WhenFull::GoOn => u64::from(Mark::UNBOUNDED),
            Some(_) => {
                let latest = gaps().map(|gap| gap.until.get()).max().unwrap_or(0);
                longest + latest.max(self.shared.now().get()).saturating_sub(durable)
            }
            None => longest,
        };
        let counted = lock(&self.shared.refusals).since().map(|at| at.get());
        let untold = gaps().filter_map(|gap: &Gap| gap.refusals).map(|at| at.get());
        let refusals = counted.into_iter().chain(self.refusals).chain(untold).min();
        Mark {
            number,
            alive,
            durable,
            refusals: refusals.filter(|_| !fault!("audit-refusals-not-marked")),
            within_ms: u32::try_from(within).unwrap_or(Mark::UNBOUNDED),
            closed,
            unsaid,
            entries: state.entries,
            hash: state.hash,
            boot: self.boot,
            commit: state.commit,
            course: self.course.now(&self.shared),
        }
    }
}
