//! PLMN identity and network identifier.

use core::fmt;
use core::str::FromStr;

use super::error::{ParseError, digits};

/// PLMN identity: MCC of 3 digits and MNC of 2 or 3 digits, which are different networks (TS 23.003 2.2).
///
/// Text form `001-01` or, without a separator, `00101` and `001001`. NAS form: 3 octets, see [`Plmn::nas_octets`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Plmn {
    mcc: [u8; 3],
    /// ASCII digits; the third is 0 when the MNC has two digits.
    mnc: [u8; 3],
    mnc_len: u8,
}

impl Plmn {
    /// Takes MCC and MNC as decimal digits.
    ///
    /// # Errors
    /// [`ParseError`] when the MCC does not have 3 digits or the MNC not 2 or 3.
    pub fn new(mcc: &str, mnc: &str) -> Result<Self, ParseError> {
        digits("MCC", mcc.as_bytes())?;
        digits("MNC", mnc.as_bytes())?;
        let mcc = <[u8; 3]>::try_from(mcc.as_bytes()).map_err(|_| ParseError::Length {
            field: "MCC",
            unit: "digits",
            expected: "3",
            actual: mcc.len(),
        })?;
        match *mnc.as_bytes() {
            [a, b] => Ok(Self {
                mcc,
                mnc: [a, b, b'0'],
                mnc_len: 2,
            }),
            [a, b, c] => Ok(Self {
                mcc,
                mnc: [a, b, c],
                mnc_len: 3,
            }),
            _ => Err(ParseError::Length {
                field: "MNC",
                unit: "digits",
                expected: "2 or 3",
                actual: mnc.len(),
            }),
        }
    }

    /// The 3 digits of the MCC.
    pub fn mcc(&self) -> &str {
        ascii(&self.mcc)
    }

    /// The 2 or 3 digits of the MNC.
    pub fn mnc(&self) -> &str {
        ascii(&self.mnc[..usize::from(self.mnc_len)])
    }

    /// The MNC as domain names and serving network names carry it: 3 digits, a 2-digit MNC with a leading 0
    /// (TS 23.003 28.2, TS 24.501 9.12.1).
    pub fn mnc_3_digits(&self) -> [u8; 3] {
        let [a, b, c] = self.mnc;
        if self.mnc_len == 2 { [b'0', a, b] } else { [a, b, c] }
    }

    /// The 3 octets of the NAS form: MCC2‖MCC1, MNC3‖MCC3, MNC2‖MNC1, a missing MNC3 is 0xF
    /// (TS 24.501 9.11.3.4).
    pub fn nas_octets(&self) -> [u8; 3] {
        let d = |ascii: u8| ascii - b'0';
        let mnc3 = if self.mnc_len == 2 { 0xF } else { d(self.mnc[2]) };
        [
            d(self.mcc[1]) << 4 | d(self.mcc[0]),
            mnc3 << 4 | d(self.mcc[2]),
            d(self.mnc[1]) << 4 | d(self.mnc[0]),
        ]
    }

    /// Reads the NAS form.
    ///
    /// # Errors
    /// [`ParseError::Character`] when a nibble is not a digit (0xF is allowed for MNC3 only).
    pub fn from_nas_octets(octets: [u8; 3]) -> Result<Self, ParseError> {
        let digit = |nibble: u8, position| match nibble {
            0..=9 => Ok(b'0' + nibble),
            _ => Err(ParseError::Character {
                field: "PLMN",
                expected: "a BCD digit",
                position,
            }),
        };
        let [a, b, c] = octets;
        let mcc = [digit(a & 0xF, 0)?, digit(a >> 4, 1)?, digit(b & 0xF, 2)?];
        let (m1, m2) = (digit(c & 0xF, 4)?, digit(c >> 4, 5)?);
        Ok(if b >> 4 == 0xF {
            Self {
                mcc,
                mnc: [m1, m2, b'0'],
                mnc_len: 2,
            }
        } else {
            Self {
                mcc,
                mnc: [m1, m2, digit(b >> 4, 3)?],
                mnc_len: 3,
            }
        })
    }
}

/// The digits were checked on the way in.
fn ascii(digits: &[u8]) -> &str {
    core::str::from_utf8(digits).unwrap_or("")
}

impl FromStr for Plmn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const FORM: ParseError = ParseError::Form {
            field: "PLMN",
            expected: "MCC-MNC, such as 001-01 or 310-410",
        };
        if let Some((mcc, mnc)) = text.split_once(['-', '/', '.']) {
            return Self::new(mcc, mnc);
        }
        digits("PLMN", text.as_bytes())?;
        let (mcc, mnc) = text.split_at_checked(3).ok_or(FORM)?;
        Self::new(mcc, mnc)
    }
}

impl fmt::Display for Plmn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.mcc(), self.mnc())
    }
}

impl fmt::Debug for Plmn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plmn({self})")
    }
}

/// NID: the network identifier of a stand-alone non-public network, 44 bits = 11 hexadecimal digits (TS 23.003 12.7.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nid([u8; 11]);

impl Nid {
    /// The 11 digits, A to F in upper case.
    pub fn as_str(&self) -> &str {
        ascii(&self.0)
    }
}

impl FromStr for Nid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut octets = <[u8; 11]>::try_from(text.as_bytes()).map_err(|_| ParseError::Length {
            field: "NID",
            unit: "characters",
            expected: "11",
            actual: text.len(),
        })?;
        if let Some(position) = octets.iter().position(|c| !c.is_ascii_hexdigit()) {
            return Err(ParseError::Character {
                field: "NID",
                expected: "a hexadecimal digit",
                position,
            });
        }
        octets.make_ascii_uppercase();
        Ok(Self(octets))
    }
}

impl fmt::Display for Nid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Nid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nid({self})")
    }
}
