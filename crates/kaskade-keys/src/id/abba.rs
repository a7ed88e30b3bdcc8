//! ABBA.

use alloc::vec::Vec;
use core::fmt;

use super::ParseError;

/// ABBA: the anti-bidding-down parameter that K_AMF is bound to, 2 to 255 octets (TS 33.501 A.7.1, TS 24.501 9.11.3.10).
///
/// Only 0x0000 is defined; a UE uses whatever octets it received.
#[derive(Clone, PartialEq, Eq)]
pub struct Abba(Octets);

#[derive(Clone, PartialEq, Eq)]
enum Octets {
    Initial,
    Other(Vec<u8>),
}

impl Abba {
    /// 0x0000, the only defined value.
    pub const INITIAL: Self = Self(Octets::Initial);

    /// Takes the octets as received.
    ///
    /// # Errors
    /// [`ParseError::Length`] for fewer than 2 or more than 255 octets.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ParseError> {
        match octets {
            [0, 0] => Ok(Self::INITIAL),
            octets if (2..=255).contains(&octets.len()) => Ok(Self(Octets::Other(octets.into()))),
            _ => Err(ParseError::Length {
                field: "ABBA",
                unit: "octets",
                expected: "2 to 255",
                actual: octets.len(),
            }),
        }
    }

    /// The octets, as sent and as KDF input.
    pub fn octets(&self) -> &[u8] {
        match &self.0 {
            Octets::Initial => &[0, 0],
            Octets::Other(octets) => octets,
        }
    }
}

impl Default for Abba {
    fn default() -> Self {
        Self::INITIAL
    }
}

impl fmt::Debug for Abba {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Abba(")?;
        for octet in self.octets() {
            write!(f, "{octet:02x}")?;
        }
        f.write_str(")")
    }
}
