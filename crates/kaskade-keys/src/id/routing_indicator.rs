//! Routing indicator.

use core::fmt;
use core::str::FromStr;

use super::error::{ParseError, digits};

/// Routing indicator: 1 to 4 decimal digits that lead to the right AUSF and UDM (TS 23.003 2.2B).
///
/// NAS and USIM form: 2 octets BCD, first digit in the low nibble, unused digits 0xF (TS 24.501 9.11.3.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoutingIndicator {
    digits: [u8; 4],
    len: u8,
}

impl RoutingIndicator {
    /// `0`, what a card without a routing indicator uses.
    pub const DEFAULT: Self = Self {
        digits: [b'0', 0, 0, 0],
        len: 1,
    };

    /// The digits.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.digits[..usize::from(self.len)]).unwrap_or("")
    }

    /// The 2 octets of the NAS form.
    pub fn nas_octets(&self) -> [u8; 2] {
        let nibble = |at: usize| {
            if at < usize::from(self.len) {
                self.digits[at] - b'0'
            } else {
                0xF
            }
        };
        [nibble(1) << 4 | nibble(0), nibble(3) << 4 | nibble(2)]
    }

    /// Reads the NAS form.
    ///
    /// # Errors
    /// [`ParseError`] when there is no digit, or a digit after a filler.
    pub fn from_nas_octets([a, b]: [u8; 2]) -> Result<Self, ParseError> {
        const FIELD: &str = "routing indicator";
        let mut indicator = Self { digits: [0; 4], len: 0 };
        let mut filler = false;
        for (position, nibble) in [a & 0xF, a >> 4, b & 0xF, b >> 4].into_iter().enumerate() {
            match nibble {
                0..=9 if !filler => {
                    indicator.digits[position] = b'0' + nibble;
                    indicator.len += 1;
                }
                0xF => filler = true,
                _ => {
                    return Err(ParseError::Character {
                        field: FIELD,
                        expected: "a BCD digit or filler",
                        position,
                    });
                }
            }
        }
        if indicator.len == 0 {
            return Err(ParseError::Length {
                field: FIELD,
                unit: "digits",
                expected: "1 to 4",
                actual: 0,
            });
        }
        Ok(indicator)
    }
}

impl Default for RoutingIndicator {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for RoutingIndicator {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        digits("routing indicator", text.as_bytes())?;
        let mut octets = [0; 4];
        match (octets.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(target), Ok(len)) if len > 0 => {
                target.copy_from_slice(text.as_bytes());
                Ok(Self { digits: octets, len })
            }
            _ => Err(ParseError::Length {
                field: "routing indicator",
                unit: "digits",
                expected: "1 to 4",
                actual: text.len(),
            }),
        }
    }
}

impl fmt::Display for RoutingIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RoutingIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoutingIndicator({self})")
    }
}
