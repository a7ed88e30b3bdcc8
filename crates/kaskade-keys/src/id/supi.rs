//! SUPI: the permanent identity of a subscription.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::Plmn;
use super::error::{ParseError, digits};

/// IMSI: MCC ‖ MNC ‖ MSIN, 5 to 15 decimal digits (TS 23.003 2.2).
///
/// Where the MNC ends is not in the IMSI; [`Imsi::msin`] needs the home PLMN. `Debug` shows MCC and length only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Imsi {
    digits: [u8; 15],
    len: u8,
}

impl Imsi {
    /// Puts PLMN and MSIN together.
    ///
    /// # Errors
    /// [`ParseError`] when a character is not a digit or the whole has more than 15 digits.
    pub fn from_parts(plmn: Plmn, msin: &str) -> Result<Self, ParseError> {
        let mut text = String::with_capacity(20);
        text.push_str(plmn.mcc());
        text.push_str(plmn.mnc());
        text.push_str(msin);
        text.parse()
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.digits()).unwrap_or("")
    }

    /// The digits in ASCII: 5 to 15 octets.
    #[inline]
    pub fn digits(&self) -> &[u8] {
        self.digits.get(..usize::from(self.len)).unwrap_or(&self.digits)
    }

    /// The digits after the home PLMN; `None` when the IMSI is not of that PLMN.
    pub fn msin(&self, plmn: Plmn) -> Option<&str> {
        self.as_str().strip_prefix(plmn.mcc())?.strip_prefix(plmn.mnc())
    }
}

impl FromStr for Imsi {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        digits("IMSI", text.as_bytes())?;
        let mut octets = [0; 15];
        let len = text.len();
        match (octets.get_mut(..len), u8::try_from(len)) {
            (Some(target), Ok(len)) if len >= 5 => {
                target.copy_from_slice(text.as_bytes());
                Ok(Self { digits: octets, len })
            }
            _ => Err(ParseError::Length {
                field: "IMSI",
                unit: "digits",
                expected: "5 to 15",
                actual: len,
            }),
        }
    }
}

impl fmt::Debug for Imsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imsi({}…{} digits)", self.as_str().get(..3).unwrap_or(""), self.len)
    }
}

/// NAI: `username@realm`, at most 253 octets (RFC 7542; TS 23.003 14 and 28.7).
///
/// ASCII without spaces or control characters. Other characters would need Unicode normalisation form KC before they
/// enter a KDF (TS 33.220 B.2.1.2) and are refused. `Debug` shows the realm only.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nai(String);

impl Nai {
    /// The whole, `username@realm`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the last `@`.
    pub fn username(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(username, _)| username)
    }

    /// The part after the last `@`.
    pub fn realm(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, realm)| realm)
    }
}

impl FromStr for Nai {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Some(position) = text.bytes().position(|c| !c.is_ascii_graphic()) {
            return Err(ParseError::Character {
                field: "NAI",
                expected: "a visible ASCII character",
                position,
            });
        }
        if text.len() > 253 {
            let actual = text.len();
            return Err(ParseError::Length {
                field: "NAI",
                unit: "octets",
                expected: "at most 253",
                actual,
            });
        }
        match text.rsplit_once('@') {
            Some((username, realm)) if !username.is_empty() && !realm.is_empty() => Ok(Self(text.into())),
            _ => Err(ParseError::Form {
                field: "NAI",
                expected: "username@realm",
            }),
        }
    }
}

impl fmt::Debug for Nai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nai(…@{})", self.realm())
    }
}

/// SUPI: the subscription permanent identifier (TS 23.003 2.2A, TS 33.501 A.7.0).
///
/// SBI text form: `imsi-…`, `nai-…`, `gci-…`, `gli-…` (TS 29.571 5.3.2). `Debug` masks the subscriber;
/// [`Supi::sbi`] shows all of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Supi {
    /// An IMSI.
    Imsi(Imsi),
    /// A network-specific identifier.
    NetworkSpecific(Nai),
    /// A global cable identifier, in NAI form.
    GlobalCable(Nai),
    /// A global line identifier, in NAI form.
    GlobalLine(Nai),
}

impl Supi {
    /// The octets that enter a KDF: IMSI digits, or the NAI; no prefix (TS 33.501 A.7.0).
    #[inline]
    pub fn kdf_octets(&self) -> &[u8] {
        match self {
            Self::Imsi(imsi) => imsi.digits(),
            Self::NetworkSpecific(nai) | Self::GlobalCable(nai) | Self::GlobalLine(nai) => nai.as_str().as_bytes(),
        }
    }

    /// The identifier without the prefix of its kind.
    pub fn value(&self) -> &str {
        match self {
            Self::Imsi(imsi) => imsi.as_str(),
            Self::NetworkSpecific(nai) | Self::GlobalCable(nai) | Self::GlobalLine(nai) => nai.as_str(),
        }
    }

    /// The prefix of the SBI form, with its hyphen.
    pub fn sbi_prefix(&self) -> &'static str {
        match self {
            Self::Imsi(_) => "imsi-",
            Self::NetworkSpecific(_) => "nai-",
            Self::GlobalCable(_) => "gci-",
            Self::GlobalLine(_) => "gli-",
        }
    }

    /// The SBI text form, such as `imsi-001010000000001`.
    pub fn sbi(&self) -> String {
        let mut text = String::with_capacity(5 + self.value().len());
        text.push_str(self.sbi_prefix());
        text.push_str(self.value());
        text
    }

    /// The SBI form with the subscriber's part masked: for logs and tables.
    pub fn masked(&self) -> String {
        let mut text = String::from(self.sbi_prefix());
        match self {
            Self::Imsi(imsi) => {
                let digits = imsi.as_str();
                let (head, tail) = (digits.get(..5).unwrap_or(""), digits.len().saturating_sub(2).max(5));
                text.push_str(head);
                text.extend(core::iter::repeat_n('*', tail - 5));
                text.push_str(digits.get(tail..).unwrap_or(""));
            }
            Self::NetworkSpecific(nai) | Self::GlobalCable(nai) | Self::GlobalLine(nai) => {
                text.push_str("***@");
                text.push_str(nai.realm());
            }
        }
        text
    }
}

impl FromStr for Supi {
    type Err = ParseError;

    /// Reads the SBI form. Bare digits are not a SUPI: the kind is part of it.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.split_once('-') {
            Some(("imsi", imsi)) => imsi.parse().map(Self::Imsi),
            Some(("nai", nai)) => nai.parse().map(Self::NetworkSpecific),
            Some(("gci", nai)) => nai.parse().map(Self::GlobalCable),
            Some(("gli", nai)) => nai.parse().map(Self::GlobalLine),
            _ => Err(ParseError::Form {
                field: "SUPI",
                expected: "imsi-<digits>, nai-<user@realm>, gci-<…> or gli-<…>",
            }),
        }
    }
}
