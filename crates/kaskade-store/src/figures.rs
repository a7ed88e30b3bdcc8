//! What a store has done since it was opened, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store has written since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreFigures {
    /// Commits: what waited at one moment is durable together.
    pub commits: u64,
    /// Units in them, such as the reservation of a subscriber's sequence numbers.
    pub units: u64,
    /// Commits that failed; whether what was in them is durable shows later.
    pub failures: u64,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    commits: AtomicU64,
    units: AtomicU64,
    failures: AtomicU64,
}

impl Counted {
    pub(crate) fn commit(&self, units: usize, done: bool) {
        if !done {
            self.failures.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.units
            .fetch_add(u64::try_from(units).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn figures(&self) -> StoreFigures {
        StoreFigures {
            commits: self.commits.load(Ordering::Relaxed),
            units: self.units.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}
