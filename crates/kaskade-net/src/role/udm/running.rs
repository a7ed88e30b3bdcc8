//! Of whom an authentication runs: a vector was given, and its result was not reported yet.
//!
//! One word for a subscriber, in a table that does not grow: who has the same place pushes out whoever was there. Somebody who is not found
//! is asked to be authenticated though that runs, which its AMF sees itself.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kaskade_flow::Moment;
use kaskade_keys::Supi;

/// Places.
const PLACES: usize = 1 << 16;

/// What the table takes, in octets.
pub const RUNNING_OCTETS: usize = PLACES * size_of::<AtomicU64>();

/// So long an authentication runs at most: an AMF asks a UE five times, 6 s apart (T3560, TS 24.501 10.2).
const LONGEST: Duration = Duration::from_secs(60);

/// Subscribers by their place: 32 bits of a keyed hash, and the moment in tenths of a second; 0 is nobody.
pub(super) struct Running {
    hasher: RandomState,
    places: Box<[AtomicU64]>,
}

impl Running {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The place of a subscriber, and what it is told apart by there.
    fn place(&self, supi: &Supi) -> Option<(&AtomicU64, u64)> {
        let hash = self.hasher.hash_one(supi);
        let at = usize::try_from(hash & (PLACES as u64 - 1)).unwrap_or(0);
        // Never 0.
        self.places.get(at).map(|place| (place, hash >> 32 << 32 | 1 << 63))
    }

    fn tenths(now: Moment) -> u64 {
        (now.as_nanos() / 100_000_000) & u64::from(u32::MAX)
    }

    /// A vector of this subscriber was given.
    pub(super) fn begins(&self, supi: &Supi, now: Moment) {
        if let Some((place, who)) = self.place(supi) {
            place.store(who | Self::tenths(now), Ordering::Relaxed);
        }
    }

    /// Its result was reported.
    pub(super) fn ends(&self, supi: &Supi) {
        if let Some((place, who)) = self.place(supi) {
            let is_it = |there: u64| (there >> 32 == who >> 32).then_some(0);
            let _ = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_it);
        }
    }

    /// Whether an authentication runs.
    pub(super) fn runs(&self, supi: &Supi, now: Moment) -> bool {
        self.place(supi).is_some_and(|(place, who)| {
            let there = place.load(Ordering::Relaxed);
            let age = Self::tenths(now).saturating_sub(there & u64::from(u32::MAX));
            there >> 32 == who >> 32 && u128::from(age) * 100 < LONGEST.as_millis()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authentication_runs_until_it_is_reported_or_over() {
        let (running, begin) = (Running::new(), Moment::from_nanos(7_000_000_000));
        let [alice, bob] = ["imsi-001010000000001", "imsi-001010000000002"].map(|supi| supi.parse::<Supi>().unwrap());
        let later = |wait| begin.after(wait).unwrap();
        assert!(!running.runs(&alice, begin));
        running.begins(&alice, begin);
        assert!(running.runs(&alice, later(LONGEST - Duration::from_secs(1))));
        assert!(!running.runs(&alice, later(LONGEST)));
        running.ends(&bob);
        assert!(running.runs(&alice, begin) && !running.runs(&bob, begin));
        running.ends(&alice);
        assert!(!running.runs(&alice, begin));
    }
}
