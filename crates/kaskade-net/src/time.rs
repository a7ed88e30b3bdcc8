//! Time as the services write it: RFC 3339 in UTC (TS 29.571 5.2.2, `DateTime`).

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kaskade_flow::{Moment, UnixMillis};

/// A moment, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// Not a date and time of RFC 3339 5.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date-time such as 2026-01-31T23:59:59.123Z")]
pub struct NotADateTime;

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
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

const DAY: i64 = 86_400_000;

impl Timestamp {
    /// The present, by the system's clock.
    pub fn now() -> Self {
        Self(i64::try_from(unix_millis().get()).unwrap_or(i64::MAX))
    }

    /// Milliseconds since 1970.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }
}

impl From<UnixMillis> for Timestamp {
    fn from(millis: UnixMillis) -> Self {
        // The end of the year 9999: what is later has no form.
        const LATEST: u64 = 253_402_300_799_999;
        Self(i64::try_from(millis.get().min(LATEST)).unwrap_or_default())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let ms = self.0.rem_euclid(DAY);
        let (h, m, s, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
    }
}

impl FromStr for Timestamp {
    type Err = NotADateTime;

    /// Reads any RFC 3339 date-time; what is finer than a millisecond is cut off, a leap second is the second before it.
    fn from_str(text: &str) -> Result<Self, NotADateTime> {
        parse(text.as_bytes()).ok_or(NotADateTime)
    }
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T' | b't',
        h0,
        h1,
        b':',
        i0,
        i1,
        b':',
        s0,
        s1,
    ] = *date_time
    else {
        return None;
    };
    let year = 100 * two(y0, y1)? + two(y2, y3)?;
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(i0, i1)?, two(s0, s1)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut ms = days(year, month, day) * DAY + (hour * 60 + minute) * 60_000 + second.min(59) * 1000;
    let mut rest = rest;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = fraction.iter().take_while(|c| c.is_ascii_digit()).count();
        let (digits, after) = fraction.split_at_checked(len).filter(|_| len > 0)?;
        let digit = |at: usize| digits.get(at).map_or(0, |c| i64::from(c - b'0'));
        ms += 100 * digit(0) + 10 * digit(1) + digit(2);
        rest = after;
    }
    match *rest {
        [b'Z' | b'z'] => {}
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hour, minute) = (two(h0, h1)?, two(m0, m1)?);
            if hour > 23 || minute > 59 {
                return None;
            }
            let offset = (hour * 60 + minute) * 60_000;
            ms += if sign == b'+' { -offset } else { offset };
        }
        _ => return None,
    }
    Some(Timestamp(ms))
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date of the Gregorian calendar. A year begins in March here, so that the leap day is its last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The date of a day since 1970.
const fn civil(days_since_1970: i64) -> (i64, i64, i64) {
    let shifted = days_since_1970 + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (text, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T12:34:56.789Z", 951_827_696_789),
            ("2026-11-21T06:11:00.001Z", 1_795_241_460_001),
            ("1969-12-31T23:59:59.999Z", -1),
        ] {
            assert_eq!(text.parse(), Ok(Timestamp(millis)));
            assert_eq!(Timestamp(millis).to_string(), text);
        }
        assert_eq!("2000-02-29T14:34:56+02:00".parse(), Ok(Timestamp(951_827_696_000)));
        assert_eq!("2000-02-29T12:34:56.78999999Z".parse(), Ok(Timestamp(951_827_696_789)));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2001-02-29T00:00:00Z",
            "2000-13-01T00:00:00Z",
            "2000-01-01T24:00:00Z",
            "2000-01-01T00:00:00",
            "2000-01-01T00:00:00.Z",
            "2000-01-01 00:00:00Z",
            "2000-01-01T00:00:00+2:00",
            "２000-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotADateTime), "{text}");
        }
    }

    #[test]
    fn every_day_of_eight_centuries_comes_back() {
        for day in -146_097..146_097 {
            let (year, month, day_of_month) = civil(day);
            assert_eq!(days(year, month, day_of_month), day);
        }
    }
}
