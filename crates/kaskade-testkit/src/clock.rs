//! A clock that tests turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kaskade_aka::sqn::Clocks;
use kaskade_store::StoreOptions;

/// What [`Hands::new`] shows: seconds since 1970.
pub const START: u64 = 1_700_000_000;

/// Seconds of wall and monotonic time. Clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct Hands {
    wall: Arc<AtomicU64>,
    monotonic: Arc<AtomicU64>,
}

impl Hands {
    /// A clock that stands at [`START`].
    pub fn new() -> Self {
        let hands = Self::default();
        hands.set_wall(START);
        hands
    }

    /// The wall clock is set, and the monotonic one does not see it.
    pub fn set_wall(&self, seconds: u64) {
        self.wall.store(seconds, Ordering::SeqCst);
    }

    /// What the wall clock shows.
    pub fn wall(&self) -> u64 {
        self.wall.load(Ordering::SeqCst)
    }

    /// Both clocks go on.
    pub fn pass(&self, seconds: u64) {
        self.wall.fetch_add(seconds, Ordering::SeqCst);
        self.monotonic.fetch_add(seconds, Ordering::SeqCst);
    }

    /// What a store sees of it.
    pub fn clocks(&self) -> Clocks {
        Clocks {
            wall: Duration::from_secs(self.wall()),
            monotonic: Duration::from_secs(self.monotonic.load(Ordering::SeqCst)),
        }
    }

    /// The default ones for a store, by this clock.
    pub fn options(&self) -> StoreOptions {
        let hands = self.clone();
        let mut options = StoreOptions::default();
        options.clock = Arc::new(move || hands.clocks());
        options
    }
}
