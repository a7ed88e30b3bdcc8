//! What enters a derivation besides the parent.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::ParseError;

/// Octets that may be secret: wiped when dropped.
pub type Octets = Zeroizing<Vec<u8>>;

/// Name and encoding of one input of a derivation.
#[derive(Clone, Copy, Debug)]
pub struct ParameterSpec {
    /// As the specification names it.
    pub name: &'static str,
    /// How it becomes octets.
    pub encoding: Encoding,
    /// Where its value comes from.
    pub given: Given,
}

/// Where the value of an input comes from.
#[derive(Clone, Copy, Debug)]
pub enum Given {
    /// From whoever derives, as text.
    Text(TextForm),
    /// From the row itself, such as a type distinguisher.
    Fixed(fn() -> Vec<u8>),
    /// Another key of the hierarchy: one of these.
    Key(&'static [&'static str]),
}

/// How an input is written.
#[derive(Clone, Copy, Debug)]
pub struct TextForm {
    /// What to write, in a few words.
    pub form: &'static str,
    /// An example of it.
    pub example: &'static str,
    /// Reads it and gives the octets that enter S.
    pub parse: fn(&str) -> Result<Octets, ParseError>,
}

impl ParameterSpec {
    /// The name on a command line: `uplink-nas-count`.
    pub fn option(&self) -> String {
        let mut option = String::new();
        for c in self.name.chars() {
            match c {
                '⊕' => option.push_str("xor"),
                '\'' => option.push_str("prime"),
                '*' => option.push_str("star"),
                c if c.is_ascii_alphanumeric() => option.push(c.to_ascii_lowercase()),
                _ if option.ends_with('-') || option.is_empty() => {}
                _ => option.push('-'),
            }
        }
        option.truncate(option.trim_end_matches('-').len());
        option
    }

    /// The octets that are the same in every derivation; `None` for an input that is given.
    pub fn fixed(&self) -> Option<Vec<u8>> {
        match self.given {
            Given::Fixed(octets) => Some(octets()),
            _ => None,
        }
    }
}

/// How an input becomes octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 text, of its actual length.
    Text,
    /// This many octets, integers most significant first.
    Octets(u16),
    /// Octets of their actual length.
    Variable,
    /// Octets of their actual length; left out, with their length, when there are none.
    Optional,
    /// This many octets of a key.
    Secret(u16),
    /// Secret octets of their actual length.
    SecretVariable,
}

impl Encoding {
    /// Whether the octets must not be shown.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Secret(_) | Self::SecretVariable)
    }

    /// Whether these octets stay out of S, and their length with them.
    #[inline(always)]
    pub const fn leaves_out(self, octets: &[u8]) -> bool {
        matches!(self, Self::Optional) && octets.is_empty()
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("UTF-8 text"),
            Self::Octets(1) => f.write_str("1 octet"),
            Self::Octets(n) => write!(f, "{n} octets"),
            Self::Variable => f.write_str("octets"),
            Self::Optional => f.write_str("octets, left out when there are none"),
            Self::Secret(n) => write!(f, "{n} secret octets"),
            Self::SecretVariable => f.write_str("secret octets"),
        }
    }
}

/// Something that enters a derivation: knows its own encoding.
pub trait KdfParameter {
    /// The encoding, for documentation and explanation.
    const ENCODING: Encoding;

    /// Gives the octets to `with`.
    fn with_octets<R>(&self, with: impl FnOnce(&[u8]) -> R) -> R;
}

/// An input that people write as text.
pub(crate) trait TextParameter: KdfParameter + Sized {
    /// What to write, in a few words.
    const FORM: &'static str;
    /// An example of it.
    const EXAMPLE: &'static str;

    /// Reads it.
    ///
    /// # Errors
    /// When the text is no such value; names the field.
    fn from_text(text: &str) -> Result<Self, ParseError>;

    /// Reads it and gives its octets.
    ///
    /// # Errors
    /// As [`TextParameter::from_text`].
    fn octets_of(text: &str) -> Result<Octets, ParseError> {
        Self::from_text(text).map(|value| value.with_octets(|octets| Zeroizing::new(octets.to_vec())))
    }

    /// All of it.
    const TEXT_FORM: TextForm = TextForm {
        form: Self::FORM,
        example: Self::EXAMPLE,
        parse: Self::octets_of,
    };
}

/// An input that is a key of the hierarchy.
pub(crate) trait KeyParameter: KdfParameter {
    /// The keys that it may be.
    const KEYS: &'static [&'static str];
}

/// Where the parameters of S go: into the hash, or into a transcript.
pub(crate) trait KdfSink: Sized {
    /// Takes Pi; Li follows from it.
    #[must_use]
    fn feed<P: KdfParameter>(self, parameter: &P) -> Self;
}

/// Octets in hexadecimal.
pub(crate) fn hex(field: &'static str, text: &str) -> Result<Vec<u8>, ParseError> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(2) {
        return Err(ParseError::Length {
            field,
            unit: "hexadecimal digits",
            expected: "an even number",
            actual: text.len(),
        });
    }
    let nibble = |position: usize| {
        text.get(position)
            .and_then(|c| char::from(*c).to_digit(16))
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or(ParseError::Character {
                field,
                expected: "a hexadecimal digit",
                position,
            })
    };
    (0..text.len())
        .step_by(2)
        .map(|at| Ok(nibble(at)? << 4 | nibble(at + 1)?))
        .collect()
}

/// This many octets in hexadecimal.
pub(crate) fn hex_array<const N: usize>(
    field: &'static str,
    expected: &'static str,
    text: &str,
) -> Result<[u8; N], ParseError> {
    let octets = hex(field, text)?;
    <[u8; N]>::try_from(octets.as_slice()).map_err(|_| ParseError::Length {
        field,
        unit: "octets",
        expected,
        actual: octets.len(),
    })
}

/// A number in decimal, or in hexadecimal after `0x`.
pub(crate) fn number(field: &'static str, expected: &'static str, most: u64, text: &str) -> Result<u64, ParseError> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    if text.starts_with('+') || text.starts_with("0x+") {
        return Err(ParseError::Form { field, expected });
    }
    match parsed {
        Ok(value) if value <= most => Ok(value),
        Ok(actual) => Err(ParseError::Range {
            field,
            expected,
            actual,
        }),
        Err(_) => Err(ParseError::Form { field, expected }),
    }
}
