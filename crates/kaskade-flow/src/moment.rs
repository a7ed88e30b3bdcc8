//! Time as an argument: moments of a clock that only goes on, and wall time.

use core::time::Duration;

/// A moment of a monotonic clock, in nanoseconds since some beginning of it. Two are compared only within one process.
///
/// ```
/// use core::time::Duration;
/// use kaskade_flow::Moment;
///
/// let now = Moment::from_nanos(1_000_000_000);
/// let deadline = now.after(Duration::from_secs(60));
/// assert!(deadline.is_some_and(|deadline| deadline > now));
/// assert_eq!(now.after(Duration::MAX), None, "so late that there is no such moment");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// So many nanoseconds after the clock's beginning.
    #[inline]
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the clock's beginning.
    #[inline]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// So long after this one; `None` where that is more than the clock can show, which is never.
    #[inline]
    pub fn after(self, wait: Duration) -> Option<Self> {
        self.0.checked_add(u64::try_from(wait.as_nanos()).ok()?).map(Self)
    }

    /// So long before this one, or the clock's beginning.
    #[inline]
    pub fn before(self, ago: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long after an earlier one; nothing where the other is later.
    #[inline]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Wall time: milliseconds since the beginning of 1970 in UTC, as what is kept beyond a restart says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// So many milliseconds since 1970.
    #[inline]
    pub const fn new(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// So long after this one, or the latest there is.
    #[inline]
    pub fn after(self, wait: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_ends() {
        let late = Moment::from_nanos(u64::MAX - 1);
        assert_eq!(late.after(Duration::from_nanos(1)), Some(Moment::from_nanos(u64::MAX)));
        assert_eq!(late.after(Duration::from_nanos(2)), None);
        let early = Moment::from_nanos(5);
        assert_eq!(early.before(Duration::from_nanos(6)), Moment::from_nanos(0));
        assert_eq!(early.before(Duration::MAX), Moment::from_nanos(0));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_nanos(u64::MAX - 6));
        assert_eq!(UnixMillis::new(7).after(Duration::MAX), UnixMillis::new(u64::MAX));
        assert_eq!(UnixMillis::new(7).after(Duration::from_secs(1)).get(), 1007);
    }
}
