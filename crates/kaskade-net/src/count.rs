//! Counters that cost next to nothing: each thread counts in its own place, and whoever looks adds up.
//!
//! Which counter it is, is known when a node starts: nobody looks for a name while a request is answered.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hyper::StatusCode;
use kaskade_flow::Refusal;

/// Places of a counter. Threads beyond as many share them.
const PLACES: usize = 8;

/// What one thread has counted, on a line of the cache that no other thread writes.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Place(AtomicU64);

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter([Place; PLACES]);

impl Counter {
    /// Counts one more.
    #[inline]
    pub fn add_one(&self) {
        if let Some(place) = self.0.get(own_place()) {
            place.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were.
    pub fn sum(&self) -> u64 {
        let places = self.0.iter().map(|place| place.0.load(Ordering::Relaxed));
        places.fold(0, u64::wrapping_add)
    }
}

/// The place of this thread.
#[inline]
fn own_place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
    }
    OWN.with(|own| *own)
}

/// Refusals by their reason.
#[derive(Debug)]
pub struct RefusalCounters(Box<[Counter]>);

impl RefusalCounters {
    pub(crate) fn new() -> Self {
        Self(Refusal::ALL.iter().map(|_| Counter::default()).collect())
    }

    pub(crate) fn add_one(&self, why: Refusal) {
        let at = Refusal::ALL.iter().position(|one| *one == why);
        if let Some(counter) = at.and_then(|at| self.0.get(at)) {
            counter.add_one();
        }
    }

    /// How often each reason of the table was told, in its order.
    pub fn sums(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.iter().copied().zip(self.0.iter().map(Counter::sum))
    }
}

/// Answers of one operation, by the class of their status.
#[derive(Debug, Default)]
pub struct OperationCounters([Counter; 3]);

impl OperationCounters {
    /// Names of the classes.
    pub const CLASSES: [&'static str; 3] = ["2xx", "4xx", "5xx"];

    #[inline]
    pub(crate) fn add_one(&self, status: StatusCode) {
        let class = match status.as_u16() {
            ..400 => 0,
            400..500 => 1,
            _ => 2,
        };
        if let Some(counter) = self.0.get(class) {
            counter.add_one();
        }
    }

    /// How many of each class there were.
    pub fn sums(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Self::CLASSES.into_iter().zip(self.0.iter().map(Counter::sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_count_is_added_up() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..1000).for_each(|_| counter.add_one()));
            }
        });
        assert_eq!(counter.sum(), 20_000);
    }

    #[test]
    fn each_reason_and_class_is_counted_by_itself() {
        let refusals = RefusalCounters::new();
        for why in Refusal::ALL {
            refusals.add_one(*why);
        }
        refusals.add_one(Refusal::UserNotFound);
        for (why, count) in refusals.sums() {
            assert_eq!(count, if why == Refusal::UserNotFound { 2 } else { 1 }, "{why}");
        }
        let answers = OperationCounters::default();
        for status in [200, 204, 404, 500, 503, 504] {
            answers.add_one(StatusCode::from_u16(status).unwrap());
        }
        assert_eq!(answers.sums().collect::<Vec<_>>(), [("2xx", 2), ("4xx", 1), ("5xx", 3)]);
    }
}
