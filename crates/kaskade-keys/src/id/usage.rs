//! What tells apart the root keys of usages below an EMSK: label, optional data, and the names of the keys (RFC 5295).
//!
//! # Project profile "usage data", version 1
//!
//! RFC 5295 leaves the optional data to the usage. Keys of services and of slices write it so, each part once and in this order:
//!
//! ```text
//! 01 ‖ kind 1 ‖ length 1 ‖ S-NSSAI 0, 1 or 4 ‖ length 2 ‖ application 0 to 255
//! ```
//!
//! | Kind | Key | S-NSSAI | Application |
//! |---|---|---|---|
//! | 1 | service key | none | 1 to 255 octets |
//! | 2 | slice key | SST, or SST ‖ SD | 0 to 255 octets |
//!
//! Lengths are numbers, most significant octet first. No two different inputs give the same octets.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use kaskade_crypto::kdf::HmacKey;

use super::text::checked;
use super::{Fqdn, ParseError, SessionId};
use crate::derivation::{Encoding, KdfParameter, hex, kdf_parameters, text_parameters};

/// Usage label: names what a root key below the EMSK is for (RFC 5295 3.1, 8.1). 1 to 64 octets.
///
/// `name@domain` of whoever owns the domain, or one of the labels for trials: `experimental1`, `experimental2`, `private1`,
/// `private2`. Visible ASCII without blanks, commas and other `@`. The labels of keys that have a derivation of their own, such
/// as `dsrk@ietf.org`, are none: a usage of that label would have that key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageLabel(String);

/// The labels without a domain that anybody may use (RFC 5295 8.1).
const FOR_TRIALS: [&str; 4] = ["experimental1", "experimental2", "private1", "private2"];

/// The domain that those labels are under which are keys of this hierarchy.
const OF_THE_IETF: &str = "ietf.org";

/// The labels of the domain above that are usages of other protocols.
const USAGES_OF_THE_IETF: [&str; 1] = ["TEAPbindkey"];

impl UsageLabel {
    /// The most octets that it may have.
    pub const MOST: usize = 64;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UsageLabel {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const FIELD: &str = "usage label";
        let form = |expected| ParseError::Form { field: FIELD, expected };
        let label = checked(FIELD, "1 to 64", Self::MOST, text)?;
        if let Some(position) = text.bytes().position(|c| matches!(c, b' ' | b',')) {
            return Err(ParseError::Character {
                field: FIELD,
                expected: "a visible ASCII character that is no comma",
                position,
            });
        }
        let Some((name, domain)) = label.split_once('@') else {
            return match FOR_TRIALS.contains(&text) {
                true => Ok(Self(label)),
                false => Err(form("name@domain, the domain being its owner's")),
            };
        };
        if name.is_empty() || domain.parse::<Fqdn>().is_err() {
            return Err(form("name@domain, the domain being its owner's"));
        }
        if domain.eq_ignore_ascii_case(OF_THE_IETF) && !USAGES_OF_THE_IETF.contains(&name) {
            return Err(form(
                "a label of a domain of one's own: those of ietf.org are keys of their own",
            ));
        }
        Ok(Self(label))
    }
}

impl fmt::Debug for UsageLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UsageLabel({})", self.0)
    }
}

impl fmt::Display for UsageLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// S-NSSAI: names a network slice by SST and, where there is one, SD. 1 or 4 octets (TS 23.003 28.4.2).
///
/// Written as `SST` or `SST-SD`: a decimal number and 6 hexadecimal digits. The SD `ffffff` says that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snssai {
    octets: [u8; 4],
    has_sd: bool,
}

impl Snssai {
    /// A slice of this type, and this differentiator, if it has one.
    pub const fn new(sst: u8, sd: Option<[u8; 3]>) -> Self {
        match sd {
            None | Some([0xff, 0xff, 0xff]) => Self {
                octets: [sst, 0, 0, 0],
                has_sd: false,
            },
            Some([a, b, c]) => Self {
                octets: [sst, a, b, c],
                has_sd: true,
            },
        }
    }

    /// SST, or SST ‖ SD.
    pub fn octets(&self) -> &[u8] {
        match self.has_sd {
            true => &self.octets,
            false => &self.octets[..1],
        }
    }
}

impl FromStr for Snssai {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let form = ParseError::Form {
            field: "S-NSSAI",
            expected: "SST from 0 to 255, or SST-SD with 6 hexadecimal digits",
        };
        let (sst, sd) = match text.split_once('-') {
            None => (text, None),
            Some((sst, sd)) => (sst, Some(sd)),
        };
        if sst.is_empty() || sst.len() > 3 || !sst.bytes().all(|c| c.is_ascii_digit()) {
            return Err(form);
        }
        let sst = sst.parse().map_err(|_| form)?;
        let sd = match sd {
            None => None,
            Some(sd) => Some(hex("S-NSSAI", sd).ok().and_then(|sd| sd.try_into().ok()).ok_or(form)?),
        };
        Ok(Self::new(sst, sd))
    }
}

impl fmt::Display for Snssai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sst, sd @ ..] = self.octets;
        write!(f, "{sst}")?;
        if self.has_sd {
            f.write_str("-")?;
            sd.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        }
        Ok(())
    }
}

/// Application string: which of the applications of one service or slice a key is for. 1 to 255 octets of visible ASCII or blanks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageApplication(String);

impl UsageApplication {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UsageApplication {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        checked("application", "1 to 255", 255, text).map(Self)
    }
}

/// Optional data of a usage of the EMSK, so that several keys have one label (RFC 5295 3.1). 0 to 2048 octets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsageData(Vec<u8>);

impl UsageData {
    /// The most octets that it may have.
    pub const MOST: usize = 2048;

    /// The version of the project profile that the data of services and slices are written by: the first octet of them.
    pub const PROFILE: u8 = 1;
    const SERVICE: u8 = 1;
    const SLICE: u8 = 2;

    /// Takes 0 to 2048 octets.
    ///
    /// # Errors
    /// [`ParseError::Length`] for more.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ParseError> {
        if octets.len() > Self::MOST {
            return Err(ParseError::Length {
                field: "usage data",
                unit: "octets",
                expected: "at most 2048",
                actual: octets.len(),
            });
        }
        Ok(Self(octets.into()))
    }

    /// Of a service key: the project profile "usage data".
    pub fn service(application: &UsageApplication) -> Self {
        Self::of_profile(Self::SERVICE, &[], application.as_str())
    }

    /// Of a slice key: the project profile "usage data".
    pub fn slice(slice: &Snssai, application: Option<&UsageApplication>) -> Self {
        let application = application.map_or("", UsageApplication::as_str);
        Self::of_profile(Self::SLICE, slice.octets(), application)
    }

    fn of_profile(kind: u8, slice: &[u8], application: &str) -> Self {
        let [.., of_slice] = slice.len().to_be_bytes();
        let [.., high, low] = application.len().to_be_bytes();
        let mut data = Vec::with_capacity(5 + slice.len() + application.len());
        data.extend([Self::PROFILE, kind, of_slice]);
        data.extend(slice);
        data.extend([high, low]);
        data.extend(application.as_bytes());
        Self(data)
    }

    /// The octets that enter the derivation.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

/// Reads octets in hexadecimal, or `service:APPLICATION`, `slice:S-NSSAI` or `slice:S-NSSAI/APPLICATION` of the profile.
impl FromStr for UsageData {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Some(application) = text.strip_prefix("service:") {
            return Ok(Self::service(&application.parse()?));
        }
        let Some(of_slice) = text.strip_prefix("slice:") else {
            return Self::from_octets(&hex("usage data", text)?);
        };
        Ok(match of_slice.split_once('/') {
            None => Self::slice(&of_slice.parse()?, None),
            Some((slice, application)) => Self::slice(&slice.parse()?, Some(&application.parse()?)),
        })
    }
}

kdf_parameters! {
    UsageLabel: Encoding::Text, |this| this.0.as_bytes();
    UsageData: Encoding::Variable, |this| &this.0;
}

text_parameters! {
    UsageLabel: "name@domain, at most 64 visible ASCII characters", "telemetry@example.org", |text| text.parse();
    UsageData: "0 to 2048 octets in hexadecimal, service:APPLICATION, or slice:SST-SD/APPLICATION", "0a0b", |text| text.parse();
}

/// Name of an EMSK or of a root key below it, by which UE and network speak of it. 8 octets (RFC 5295 3.2, 4). Not a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootKeyName([u8; 8]);

impl RootKeyName {
    /// Takes the octets, as a message or a record has them.
    pub const fn from_octets(octets: [u8; 8]) -> Self {
        Self(octets)
    }

    /// The 8 octets.
    pub const fn octets(&self) -> &[u8; 8] {
        &self.0
    }

    /// DSUSRKname: of the root key of a usage in a domain, where this is the EMSKname. Here the EMSKname is the key (RFC 5295 4).
    #[must_use]
    pub fn dsusrk_name(&self, label: &UsageLabel, data: &UsageData) -> Self {
        Self::of(&self.0, label.as_str().as_bytes(), data)
    }

    /// The 8 octets that prf+ gives first, over label ‖ 0x00 ‖ data ‖ 8.
    fn of(key: &[u8], label: &[u8], data: &UsageData) -> Self {
        let name = data.with_octets(|data| HmacKey::new(key).mac_parts(&[label, &[0], data, &[0, 8], &[1]]));
        Self(*name.high_64())
    }
}

/// 16 hexadecimal digits in lower case.
impl fmt::Display for RootKeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for RootKeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKeyName({self})")
    }
}

/// Reads 16 hexadecimal digits.
impl FromStr for RootKeyName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let octets = hex("name of a root key", text)?;
        octets.as_slice().try_into().map(Self).map_err(|_| ParseError::Length {
            field: "name of a root key",
            unit: "octets",
            expected: "8",
            actual: octets.len(),
        })
    }
}

impl SessionId {
    /// EMSKname: what UE and network call the EMSK of this session (RFC 5295 3.2, RFC 6696 4). The Session-Id is the key.
    pub fn emsk_name(&self) -> RootKeyName {
        RootKeyName::of(self.octets(), b"EMSK", &UsageData::default())
    }

    /// USRKname: of the root key of a usage of the EMSK of this session (RFC 5295 3.2).
    pub fn usrk_name(&self, label: &UsageLabel, data: &UsageData) -> RootKeyName {
        RootKeyName::of(self.octets(), label.as_str().as_bytes(), data)
    }
}
