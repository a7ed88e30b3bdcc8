//! Time as the services write it: RFC 3339 in UTC (TS 29.571 5.2.2, `DateTime`).

use core::fmt;
use core::str::FromStr;

use kaskade_flow::UnixMillis;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment, to the millisecond, of the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// Not a date and time of RFC 3339 5.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date-time such as 2026-01-31T23:59:59.123Z")]
pub struct NotADateTime;

/// The end of the year 9999: what is later has no form.
const LATEST: i64 = 253_402_300_799_999;

impl Timestamp {
    /// Milliseconds since 1970.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }
}

impl From<UnixMillis> for Timestamp {
    fn from(millis: UnixMillis) -> Self {
        Self(i64::try_from(millis.get()).unwrap_or(LATEST).min(LATEST))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = i128::from(self.0).saturating_mul(1_000_000);
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).map_err(|_| fmt::Error)?;
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (h, m, s, ms) = (at.hour(), at.minute(), at.second(), at.millisecond());
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z")
    }
}

impl FromStr for Timestamp {
    type Err = NotADateTime;

    /// Reads any RFC 3339 date-time; what is finer than a millisecond is cut off, a leap second is the millisecond before its
    /// end.
    fn from_str(text: &str) -> Result<Self, NotADateTime> {
        // Between date and time the parser takes any character.
        if !matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
            return Err(NotADateTime);
        }
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotADateTime)?;
        // In UTC it must have a year of four digits too.
        let at = at.checked_to_offset(UtcOffset::UTC).ok_or(NotADateTime)?;
        let millis = at.unix_timestamp_nanos().div_euclid(1_000_000);
        match (at.year(), i64::try_from(millis)) {
            (0..=9999, Ok(millis)) => Ok(Self(millis)),
            _ => Err(NotADateTime),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (text, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T12:34:56.789Z", 951_827_696_789),
            ("2026-11-21T06:11:00.001Z", 1_795_241_460_001),
            ("1969-12-31T23:59:59.999Z", -1),
            ("0000-01-01T00:00:00.000Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", LATEST),
        ] {
            assert_eq!(text.parse(), Ok(Timestamp(millis)));
            assert_eq!(Timestamp(millis).to_string(), text);
        }
        for (text, millis) in [
            ("2000-02-29T14:34:56+02:00", 951_827_696_000),
            ("2000-02-29t10:34:56-02:00", 951_827_696_000),
            ("2000-02-29T12:34:56.78999999z", 951_827_696_789),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("2016-12-31T23:59:60Z", 1_483_228_799_999),
        ] {
            assert_eq!(text.parse(), Ok(Timestamp(millis)), "{text}");
        }
        assert_eq!(Timestamp::from(UnixMillis::new(u64::MAX)), Timestamp(LATEST));
        assert_eq!(Timestamp::from(UnixMillis::new(7)), Timestamp(7));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2001-02-29T00:00:00Z",
            "2000-13-01T00:00:00Z",
            "2000-00-01T00:00:00Z",
            "2000-01-00T00:00:00Z",
            "2000-01-01T24:00:00Z",
            "2000-01-01T00:60:00Z",
            "2000-01-01T00:00:61Z",
            "2000-01-01T12:00:60Z",
            "2000-01-01T00:00:00",
            "2000-01-01T00:00:00.Z",
            "2000-01-01T00:00:00,5Z",
            "2000-01-01 00:00:00Z",
            "2000-01-01_00:00:00Z",
            "2000-01-01T00:00:00Z ",
            "2000-01-01T00:00:00ZZ",
            "2000-01-01T00:00:00+2:00",
            "2000-01-01T00:00:00+24:00",
            "2000-01-01T00:00:00+02:60",
            "2000-01-01T00:00:00+0200",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "+2000-01-01T00:00:00Z",
            "20000-01-01T00:00:00Z",
            "２000-01-01T00:00:00Z",
            "2000-01-01é00:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotADateTime), "{text}");
        }
    }
}
