//! Bodies of the services, parsed at once into types: nothing behind this module sees unchecked text.
//!
//! Every `parse_…` function takes any octets and never panics; its error is the [`Problem`] that the peer is told, with the
//! JSON Pointer of the member. Hexadecimal digits may be of either case; ours are lower case.

pub mod nausf;
pub mod nudm;

use kaskade_crypto::{Auts, Rand};
use kaskade_flow::Refusal;
use kaskade_keys::{Suci, Supi};
use serde::Deserialize;

use super::json::{Member, Object, Presence, hex_octets};
use super::problem::Problem;

/// A SUPI or a SUCI, as the services take either (TS 29.571 5.3.2, `SupiOrSuci`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupiOrSuci {
    /// The permanent identity in clear.
    Supi(Supi),
    /// The concealed identity.
    Suci(Suci),
}

impl SupiOrSuci {
    /// Reads the SBI text form; the error says what is wrong, without the subscriber.
    ///
    /// # Errors
    /// [`kaskade_keys::ParseError`] of the kind that the prefix announces.
    pub fn parse(text: &str) -> Result<Self, kaskade_keys::ParseError> {
        if text.starts_with("suci-") {
            text.parse().map(Self::Suci)
        } else {
            text.parse().map(Self::Supi)
        }
    }

    /// The SBI text form.
    pub fn sbi(&self) -> String {
        match self {
            Self::Supi(supi) => supi.sbi(),
            Self::Suci(suci) => suci.sbi(),
        }
    }
}

impl From<Supi> for SupiOrSuci {
    fn from(supi: Supi) -> Self {
        Self::Supi(supi)
    }
}

impl From<Suci> for SupiOrSuci {
    fn from(suci: Suci) -> Self {
        Self::Suci(suci)
    }
}

/// A variable of the path that a type parses from text.
pub(crate) fn path_variable<T, E: std::fmt::Display>(name: &'static str, parsed: Result<T, E>) -> Result<T, Problem> {
    parsed.map_err(|error| Problem::parameter(Refusal::IeIncorrect, name, error.to_string()))
}

/// What the UE answered to a challenge that was not fresh (TS 29.503 6.3.6.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResynchronizationInfo {
    /// The RAND of that challenge.
    pub rand: Rand,
    /// AUTS.
    pub auts: Auts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawResynchronizationInfo<'a> {
    #[serde(borrow)]
    rand: Member<'a>,
    #[serde(borrow)]
    auts: Member<'a>,
}

impl ResynchronizationInfo {
    fn parse(member: Member<'_, RawResynchronizationInfo<'_>>) -> Result<Option<Self>, Problem> {
        let Some(raw) = member.optional_object("/resynchronizationInfo")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            rand: Rand::from_octets(raw.rand.required_hex("/resynchronizationInfo/rand")?),
            auts: Auts::from_octets(raw.auts.required_hex("/resynchronizationInfo/auts")?),
        }))
    }

    fn write(&self, object: &mut Object<'_>) {
        object.object("resynchronizationInfo", |object| {
            object.hex("rand", self.rand.octets());
            object.hex("auts", self.auts.octets());
        });
    }
}

/// Identifier of an NF instance: a UUID (TS 29.571 5.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NfInstanceId([u8; 16]);

/// Not of the form of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID of 36 characters")]
pub struct NotAUuid;

impl NfInstanceId {
    /// A version 4 UUID of 16 random octets (RFC 9562 5.4).
    pub fn from_random(mut octets: [u8; 16]) -> Self {
        octets[6] = octets[6] & 0x0F | 0x40;
        octets[8] = octets[8] & 0x3F | 0x80;
        Self(octets)
    }

    /// The text form, into a buffer on the stack.
    pub fn text(&self) -> UuidText {
        let mut text = [b'-'; 36];
        let nibbles = self.0.iter().flat_map(|octet| [octet >> 4, octet & 0xF]);
        let places = text
            .iter_mut()
            .enumerate()
            .filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23));
        for ((_, place), nibble) in places.zip(nibbles) {
            *place = b"0123456789abcdef"[usize::from(nibble)];
        }
        UuidText(text)
    }
}

/// The 36 characters of a UUID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UuidText([u8; 36]);

impl UuidText {
    /// The characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl std::str::FromStr for NfInstanceId {
    type Err = NotAUuid;

    fn from_str(text: &str) -> Result<Self, NotAUuid> {
        if text.len() != 36 || !text.is_ascii() {
            return Err(NotAUuid);
        }
        let mut digits = String::with_capacity(32);
        for (at, c) in text.chars().enumerate() {
            match (at, c) {
                (8 | 13 | 18 | 23, '-') => {}
                (8 | 13 | 18 | 23, _) => return Err(NotAUuid),
                _ => digits.push(c),
            }
        }
        hex_octets(Presence::Mandatory, "", &digits)
            .map(Self)
            .map_err(|_| NotAUuid)
    }
}

impl std::fmt::Display for NfInstanceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl std::fmt::Debug for NfInstanceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NfInstanceId({self})")
    }
}

/// How a user was or is to be authenticated (TS 29.503 6.3.6.3.3, TS 29.509 6.1.6.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// 5G AKA.
    FiveGAka,
    /// Anything else, which this program does not do yet.
    Other,
}

impl AuthType {
    /// As it travels.
    pub const FIVE_G_AKA: &'static str = "5G_AKA";

    fn parse(text: &str) -> Self {
        if text == Self::FIVE_G_AKA {
            Self::FiveGAka
        } else {
            Self::Other
        }
    }
}

/// The string of a wire value that must be one constant.
fn expect_text(found: &str, pointer: &'static str, expected: &'static str) -> Result<(), Problem> {
    if found == expected {
        return Ok(());
    }
    Err(Presence::Mandatory.wrong(pointer, format!("not {expected}")))
}
