//! The machine's clocks, behind a trait so that tests can turn them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use kaskade_aka::sqn::Clocks;

/// Where the store reads the time.
pub trait Clock: Send + Sync + 'static {
    /// Wall clock and monotonic clock now.
    fn clocks(&self) -> Clocks;
}

/// The system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn clocks(&self) -> Clocks {
        Clocks {
            wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            monotonic: self.0.elapsed(),
        }
    }
}

impl<F: Fn() -> Clocks + Send + Sync + 'static> Clock for F {
    fn clocks(&self) -> Clocks {
        self()
    }
}
