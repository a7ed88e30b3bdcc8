//! The clocks of this process.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kaskade_codec::sbi::Timestamp;
use kaskade_faults::stepped;
use kaskade_flow::{Moment, UnixMillis};

/// The present, on a clock that only goes on. It began an hour before this program first asked: no table begins at 0.
#[inline]
pub fn moment() -> Moment {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    const BEFORE: Duration = Duration::from_secs(3600);
    let since = Instant::now().saturating_duration_since(*BEGUN) + BEFORE;
    Moment::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX - 1))
}

/// The present, by the system's clock.
pub fn unix_millis() -> UnixMillis {
    let since = stepped(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO));
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The present, by the system's clock, as the services write it.
pub fn now() -> Timestamp {
    unix_millis().into()
}
