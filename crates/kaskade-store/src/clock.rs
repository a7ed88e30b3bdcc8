//! The machine's clocks, behind a trait so that tests can turn them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use kaskade_aka::sqn::Clocks;
use kaskade_faults::stepped;

/// Where the store reads the time.
pub trait Clock: Send + Sync + 'static {
    /// Wall clock and monotonic clock now.
    fn clocks(&self) -> Clocks;

    /// The wall clock alone, to some milliseconds: what events are dated by, several times in a request.
    fn wall(&self) -> Duration {
        self.clocks().wall
    }
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
            wall: stepped(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            monotonic: self.0.elapsed(),
        }
    }

    #[inline]
    fn wall(&self) -> Duration {
        stepped(coarse::wall())
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the kernel noted at its last tick, at most 10 ms ago: a fifth of the time that an exact clock takes.
#[cfg(target_os = "linux")]
pub(crate) mod coarse {
    use std::time::Duration;

    use rustix::time::{ClockId, Timespec, clock_gettime};

    fn read(clock: ClockId) -> Duration {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
        let nanos = u32::try_from(tv_nsec).unwrap_or(0);
        Duration::new(u64::try_from(tv_sec).unwrap_or(0), nanos)
    }

    /// Since the Unix epoch.
    #[inline]
    pub(crate) fn wall() -> Duration {
        read(ClockId::RealtimeCoarse)
    }

    /// On a clock that only goes on.
    #[inline]
    pub(crate) fn monotonic() -> Duration {
        read(ClockId::MonotonicCoarse)
    }
}

/// Where the kernel has no such clocks, the exact ones.
#[cfg(not(target_os = "linux"))]
pub(crate) mod coarse {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    pub(crate) fn wall() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    pub(crate) fn monotonic() -> Duration {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGUN.elapsed()
    }
}

impl<F: Fn() -> Clocks + Send + Sync + 'static> Clock for F {
    fn clocks(&self) -> Clocks {
        self()
    }
}
