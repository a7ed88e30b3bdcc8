//! A rate with a burst, and the bucket that keeps it.

use core::fmt;
use core::str::FromStr;

/// How many in a period, and how many at once: `8/s burst 512`, `6/min burst 16`, or `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Option<Limited>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limited {
    count: u32,
    period: Period,
    burst: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Second,
    Minute,
    Hour,
}

impl Period {
    const ALL: [(Self, &'static str, u64); 3] = [
        (Self::Second, "s", 1),
        (Self::Minute, "min", 60),
        (Self::Hour, "h", 3600),
    ];

    fn entry(self) -> (&'static str, u64) {
        let [(_, s, one), (_, min, sixty), (_, h, all)] = Self::ALL;
        match self {
            Self::Second => (s, one),
            Self::Minute => (min, sixty),
            Self::Hour => (h, all),
        }
    }
}

/// Not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotARate {
    /// Not of the form.
    #[error("expected a rate such as \"8/s burst 512\" or \"6/min burst 16\" (per s, min or h), or \"unlimited\"")]
    Form,
    /// A number outside its range.
    #[error(
        "expected 1 to 1000000 in a period, a burst of 1 to 1000000, and at most a day until an empty bucket is full"
    )]
    Range,
}

const MOST: u32 = 1_000_000;
const DAY: u64 = 24 * 3600 * 1_000_000_000;

impl Rate {
    /// No bound.
    pub const UNLIMITED: Self = Self(None);

    /// So many in a second, and this burst.
    ///
    /// # Errors
    /// [`NotARate::Range`].
    pub fn per_second(count: u32, burst: u32) -> Result<Self, NotARate> {
        Self::new(count, Period::Second, burst)
    }

    fn new(count: u32, period: Period, burst: u32) -> Result<Self, NotARate> {
        let rate = Limited { count, period, burst };
        if (1..=MOST).contains(&count) && (1..=MOST).contains(&burst) && rate.depth() <= DAY {
            return Ok(Self(Some(rate)));
        }
        Err(NotARate::Range)
    }

    #[cfg(any(test, feature = "std"))]
    const fn constant(count: u32, period: Period, burst: u32) -> Self {
        Self(Some(Limited { count, period, burst }))
    }

    #[cfg(any(test, feature = "std"))]
    pub(super) const fn seconds(count: u32, burst: u32) -> Self {
        Self::constant(count, Period::Second, burst)
    }

    #[cfg(any(test, feature = "std"))]
    pub(super) const fn minutes(count: u32, burst: u32) -> Self {
        Self::constant(count, Period::Minute, burst)
    }

    /// Whether whoever has this empties no bucket of `other`: in the long run and at once.
    pub fn is_narrower_than(self, other: Self) -> bool {
        let (Some(own), Some(other)) = (self.0, other.0) else {
            return other.0.is_none();
        };
        own.burst < other.burst && own.interval() > other.interval()
    }

    /// Takes one of a bucket at `now`, in nanoseconds of any clock.
    ///
    /// The whole bucket is the moment at which it will be full again: in the past, it is full. So a bucket that is forgotten
    /// when its moment has come is none the poorer.
    ///
    /// # Errors
    /// How many nanoseconds to wait; nothing is taken then.
    pub fn take(self, full_at: &mut u64, now: u64) -> Result<(), u64> {
        let Some(rate) = self.0 else { return Ok(()) };
        let next = (*full_at).max(now).saturating_add(rate.interval());
        let latest = now.saturating_add(rate.depth());
        if next > latest {
            return Err(next - latest);
        }
        *full_at = next;
        Ok(())
    }

    /// Takes one in any case, on credit when the bucket is empty, up to another burst.
    pub fn take_on_credit(self, full_at: &mut u64, now: u64) {
        let Some(rate) = self.0 else { return };
        let next = (*full_at).max(now).saturating_add(rate.interval());
        *full_at = next.min(now.saturating_add(2 * rate.depth()));
    }
}

impl Limited {
    /// Nanoseconds from one to the next.
    fn interval(self) -> u64 {
        self.period.entry().1 * 1_000_000_000 / u64::from(self.count)
    }

    /// Nanoseconds until an empty bucket is full.
    fn depth(self) -> u64 {
        self.interval() * u64::from(self.burst)
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        if text == "unlimited" {
            return Ok(Self::UNLIMITED);
        }
        let mut words = text.split(' ');
        let (Some(rate), Some("burst"), Some(burst), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NotARate::Form);
        };
        let (count, per) = rate.split_once('/').ok_or(NotARate::Form)?;
        let (period, ..) = Period::ALL
            .into_iter()
            .find(|(_, name, _)| *name == per)
            .ok_or(NotARate::Form)?;
        let number = |text: &str| {
            if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
                return Err(NotARate::Form);
            }
            text.parse().map_err(|_| NotARate::Range)
        };
        Self::new(number(count)?, period, number(burst)?)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("unlimited"),
            Some(Limited { count, period, burst }) => write!(f, "{count}/{} burst {burst}", period.entry().0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn a_rate_reads_what_it_writes_and_nothing_else() {
        for text in ["8/s burst 512", "6/min burst 16", "1/h burst 24", "unlimited"] {
            assert_eq!(rate(text).to_string(), text);
        }
        for text in [
            "",
            "8",
            "8/s",
            "8/s burst",
            "8/d burst 1",
            "8/s burst 1 ",
            "+8/s burst 1",
            "-1/s burst 1",
            "/s burst 1",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(NotARate::Form), "{text}");
        }
        for text in [
            "0/s burst 1",
            "1/s burst 0",
            "1000001/s burst 1",
            "1/h burst 25",
            "99999999999999999999/s burst 1",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(NotARate::Range), "{text}");
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let (rate, mut bucket) = (rate("8/s burst 512"), 0);
        for _ in 0..512 {
            assert_eq!(rate.take(&mut bucket, SECOND), Ok(()));
        }
        assert_eq!(rate.take(&mut bucket, SECOND), Err(SECOND / 8));
        let mut taken = 0;
        for tenth in 0..1000 {
            taken += u32::from(rate.take(&mut bucket, SECOND + tenth * SECOND / 10).is_ok());
        }
        assert_eq!(taken, 100 * 8 - 1);
        // Full again, and not fuller.
        let later = 10_000 * SECOND;
        for _ in 0..512 {
            assert_eq!(rate.take(&mut bucket, later), Ok(()));
        }
        assert!(rate.take(&mut bucket, later).is_err());
    }

    #[test]
    fn the_narrower_one_has_a_smaller_rate_and_burst() {
        let narrower = |own: &str, other: &str| rate(own).is_narrower_than(rate(other));
        assert!(narrower("8/s burst 64", "9/s burst 65") && narrower("60/h burst 2", "1/s burst 3"));
        assert!(!narrower("8/s burst 64", "8/s burst 65") && !narrower("8/s burst 64", "9/s burst 64"));
        assert!(narrower("8/s burst 64", "unlimited") && narrower("unlimited", "unlimited"));
        assert!(!narrower("unlimited", "8/s burst 64"));
    }

    #[test]
    fn what_is_taken_on_credit_is_paid_back() {
        let (rate, mut bucket) = (rate("1/s burst 4"), 0);
        for _ in 0..100 {
            rate.take_on_credit(&mut bucket, SECOND);
        }
        assert_eq!(rate.take(&mut bucket, 5 * SECOND), Err(SECOND));
        assert_eq!(rate.take(&mut bucket, 6 * SECOND), Ok(()));
    }
}
