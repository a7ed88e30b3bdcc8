//! Tags of 32 to 128 bits.

use subtle::{Choice, ConstantTimeEq};

/// How many octets of the code are sent: 4 to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagLength(u8);

/// A tag length that is not 32 to 128 bits in whole octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tag of {bits} bits, but tags have 32 to 128 bits in steps of 8")]
pub struct InvalidTagLength {
    /// Bits asked for.
    pub bits: usize,
}

impl TagLength {
    /// 32 bits, as MAC-I and NAS-MAC of the 128-bit algorithms.
    pub const BITS_32: Self = Self(4);
    /// 64 bits.
    pub const BITS_64: Self = Self(8);
    /// 128 bits: the whole code.
    pub const BITS_128: Self = Self(16);

    /// Takes 32, 40, … 128.
    pub const fn from_bits(bits: usize) -> Result<Self, InvalidTagLength> {
        #[allow(clippy::cast_possible_truncation, reason = "at most 16")]
        match bits {
            32..=128 if bits.is_multiple_of(8) => Ok(Self((bits / 8) as u8)),
            _ => Err(InvalidTagLength { bits }),
        }
    }

    /// In bits.
    pub const fn bits(self) -> usize {
        self.octets() * 8
    }

    /// In octets.
    pub const fn octets(self) -> usize {
        self.0 as usize
    }
}

/// A message authentication code of 4 to 16 octets. Compared in constant time.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// Zero beyond the length.
    octets: [u8; 16],
    length: TagLength,
}

impl Tag {
    /// Takes the octets as they travel, 4 to 16.
    ///
    /// The length is the sender's word: whoever receives tags decides before which length is long enough.
    pub fn from_octets(octets: &[u8]) -> Result<Self, InvalidTagLength> {
        let length = TagLength::from_bits(octets.len().saturating_mul(8))?;
        let mut all = [0; 16];
        all[..length.octets()].copy_from_slice(octets);
        Ok(Self { octets: all, length })
    }

    /// The first octets of the whole code.
    pub(super) fn truncated(code: &[u8; 16], length: TagLength) -> Self {
        let kept = u128::MAX >> (128 - length.bits());
        Self {
            octets: (u128::from_le_bytes(*code) & kept).to_le_bytes(),
            length,
        }
    }

    /// As it travels, 4 to 16 octets.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length.octets()]
    }

    /// How long it is.
    pub const fn length(&self) -> TagLength {
        self.length
    }
}

impl ConstantTimeEq for Tag {
    /// The lengths are public, the octets are not.
    fn ct_eq(&self, other: &Self) -> Choice {
        self.octets[..].ct_eq(&other.octets[..]) & self.length.0.ct_eq(&other.length.0)
    }
}

/// In constant time.
impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Tag {}
