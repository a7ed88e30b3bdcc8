//! NAS COUNT.

use super::ParseError;

/// NAS COUNT: overflow counter of 16 bits ‖ sequence number of 8 bits (TS 33.501 6.4.3.1, TS 24.501 4.4.3.1).
///
/// As KDF input 4 octets: 0x00 ‖ overflow ‖ sequence number, most significant first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NasCount(u32);

impl NasCount {
    /// The largest value, 2^24 − 1.
    pub const MAX: Self = Self(0x00FF_FFFF);

    /// Takes a 24-bit number.
    ///
    /// # Errors
    /// [`ParseError::Range`] above 2^24 − 1.
    pub const fn new(value: u32) -> Result<Self, ParseError> {
        if value > Self::MAX.0 {
            return Err(ParseError::Range {
                field: "NAS COUNT",
                expected: "0 to 16777215",
                actual: value as u64,
            });
        }
        Ok(Self(value))
    }

    /// Puts overflow counter and sequence number together.
    pub const fn from_parts(overflow: u16, sequence_number: u8) -> Self {
        Self((overflow as u32) << 8 | sequence_number as u32)
    }

    /// The number.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// The 4 octets that enter a KDF.
    pub const fn kdf_octets(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

/// The uplink count that makes a K_gNB or K_eNB (TS 33.501 A.9, TS 33.401 A.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UplinkCount {
    /// The uplink NAS COUNT of the message that starts it.
    Nas(NasCount),
    /// 2^32 − 1, after handovers that no uplink message starts: with a horizontal change of K_AMF, and between EPS and
    /// 5GS in both directions (TS 33.501 6.9.2.3.3, 8.3.2, 8.4.2).
    AfterHandover,
}

impl UplinkCount {
    /// The 4 octets that enter a KDF.
    pub const fn kdf_octets(self) -> [u8; 4] {
        match self {
            Self::Nas(count) => count.kdf_octets(),
            Self::AfterHandover => [0xff; 4],
        }
    }
}

impl From<NasCount> for UplinkCount {
    fn from(count: NasCount) -> Self {
        Self::Nas(count)
    }
}
