//! Identifier of an NF instance: a UUID (TS 29.571 5.3.2).

use core::fmt;
use core::str::FromStr;

use uuid::{Builder, Uuid};

/// Identifier of an NF instance.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NfInstanceId(Uuid);

/// Not of the form of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID of 36 characters")]
pub struct NotAUuid;

/// Characters of a UUID.
const LEN: usize = 36;

impl NfInstanceId {
    /// A version 4 UUID of 16 random octets (RFC 9562 5.4).
    pub fn from_random(octets: [u8; 16]) -> Self {
        Self(Builder::from_random_bytes(octets).into_uuid())
    }

    /// The text form, into a buffer on the stack.
    pub fn text(&self) -> UuidText {
        let mut text = [0; LEN];
        self.0.hyphenated().encode_lower(&mut text);
        UuidText(text)
    }
}

/// The 36 characters of a UUID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UuidText([u8; LEN]);

impl UuidText {
    /// The characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl FromStr for NfInstanceId {
    type Err = NotAUuid;

    fn from_str(text: &str) -> Result<Self, NotAUuid> {
        // Other forms, such as one in braces, have other lengths.
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == LEN => Ok(Self(uuid)),
            _ => Err(NotAUuid),
        }
    }
}

impl fmt::Display for NfInstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl fmt::Debug for NfInstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NfInstanceId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_form_is_taken() {
        let id: NfInstanceId = "0B1C2D3E-4F50-4162-8374-8596A7B8C9DA".parse().unwrap();
        assert_eq!(id.to_string(), "0b1c2d3e-4f50-4162-8374-8596a7b8c9da");
        for other in [
            "",
            "0b1c2d3e4f50416283748596a7b8c9da",
            "{0b1c2d3e-4f50-4162-8374-8596a7b8c9da}",
            "urn:uuid:0b1c2d3e-4f50-4162-8374-8596a7b8c9da",
            "0b1c2d3e-4f50-4162-8374-8596a7b8c9d",
            "0b1c2d3e-4f50-4162-8374-8596a7b8c9dg",
            "0b1c2d3e4-f50-4162-8374-8596a7b8c9da",
            "0b1c2d3e-4f50-4162-8374_8596a7b8c9da",
            "{0b1c2d3e4f50416283748596a7b8c9da}12",
            "0b1c2d3e-4f50-4162-8374-8596a7b8c9é",
        ] {
            assert_eq!(other.parse::<NfInstanceId>(), Err(NotAUuid), "{other}");
        }
    }

    #[test]
    fn random_octets_make_version_4() {
        let text = NfInstanceId::from_random([0xFF; 16]).to_string();
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
