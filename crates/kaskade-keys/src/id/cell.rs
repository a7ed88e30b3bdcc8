//! What names a cell in the keys of a handover.

use super::ParseError;
use crate::derivation::{Encoding, kdf_parameters, number, text_parameters};

/// PCI of NR: the physical cell identity, 0 to 1007. 2 octets in a KDF (TS 33.501 A.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pci(u16);

impl Pci {
    /// Takes 0 to 1007.
    ///
    /// # Errors
    /// [`ParseError::Range`] above 1007.
    pub const fn new(value: u16) -> Result<Self, ParseError> {
        if value > 1007 {
            return Err(ParseError::Range {
                field: "PCI",
                expected: "0 to 1007",
                actual: value as u64,
            });
        }
        Ok(Self(value))
    }

    /// The 2 octets that enter a KDF, most significant first.
    pub const fn kdf_octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

/// PCI of LTE: the physical cell identity, 0 to 503. 2 octets in a KDF (TS 33.401 A.5, TS 33.501 A.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EutraPci(u16);

impl EutraPci {
    /// Takes 0 to 503.
    ///
    /// # Errors
    /// [`ParseError::Range`] above 503.
    pub const fn new(value: u16) -> Result<Self, ParseError> {
        if value > 503 {
            return Err(ParseError::Range {
                field: "PCI",
                expected: "0 to 503",
                actual: value as u64,
            });
        }
        Ok(Self(value))
    }

    /// The 2 octets that enter a KDF, most significant first.
    pub const fn kdf_octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

/// ARFCN-DL of NR: the frequency of the target cell's SSB, 0 to 3279165. 3 octets in a KDF (TS 33.501 A.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArfcnDl(u32);

impl ArfcnDl {
    /// Takes 0 to 3279165.
    ///
    /// # Errors
    /// [`ParseError::Range`] above that.
    pub const fn new(value: u32) -> Result<Self, ParseError> {
        if value > 3_279_165 {
            return Err(ParseError::Range {
                field: "ARFCN-DL",
                expected: "0 to 3279165",
                actual: value as u64,
            });
        }
        Ok(Self(value))
    }

    /// The 3 octets that enter a KDF, most significant first.
    pub const fn kdf_octets(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }
}

/// EARFCN-DL of LTE: the frequency of the target cell, 0 to 262143 (TS 33.401 A.5, TS 33.501 A.12).
///
/// In the KDF of TS 33.401 2 octets up to 65535 and 3 above; in that of TS 33.501 always 3 ([`NgEnbEarfcnDl`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EarfcnDl(u32);

impl EarfcnDl {
    /// Takes 0 to 262143.
    ///
    /// # Errors
    /// [`ParseError::Range`] above that.
    pub const fn new(value: u32) -> Result<Self, ParseError> {
        if value > 262_143 {
            return Err(ParseError::Range {
                field: "EARFCN-DL",
                expected: "0 to 262143",
                actual: value as u64,
            });
        }
        Ok(Self(value))
    }

    const fn octets(self) -> [u8; 3] {
        let [_, a, b, c] = self.0.to_be_bytes();
        [a, b, c]
    }

    /// Leading octets that the KDF of TS 33.401 leaves out.
    fn skipped(self) -> usize {
        usize::from(self.0 <= 0xFFFF)
    }
}

/// EARFCN-DL of an ng-eNB's cell: in the KDF of TS 33.501 A.12 always 3 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NgEnbEarfcnDl(pub EarfcnDl);

kdf_parameters! {
    Pci: Encoding::Octets(2), |this| &this.kdf_octets();
    EutraPci: Encoding::Octets(2), |this| &this.kdf_octets();
    ArfcnDl: Encoding::Octets(3), |this| &this.kdf_octets();
    EarfcnDl: Encoding::Variable, |this| this.octets().get(this.skipped()..).unwrap_or_default();
    NgEnbEarfcnDl: Encoding::Octets(3), |this| &this.0.octets();
}

text_parameters! {
    Pci: "0 to 1007", "1", |text| {
        let value = number("PCI", "0 to 1007", 1007, text)?;
        Self::new(u16::try_from(value).unwrap_or(u16::MAX))
    };
    EutraPci: "0 to 503", "1", |text| {
        let value = number("PCI", "0 to 503", 503, text)?;
        Self::new(u16::try_from(value).unwrap_or(u16::MAX))
    };
    ArfcnDl: "0 to 3279165", "632628", |text| {
        let value = number("ARFCN-DL", "0 to 3279165", 3_279_165, text)?;
        Self::new(u32::try_from(value).unwrap_or(u32::MAX))
    };
    EarfcnDl: "0 to 262143", "3350", |text| {
        let value = number("EARFCN-DL", "0 to 262143", 262_143, text)?;
        Self::new(u32::try_from(value).unwrap_or(u32::MAX))
    };
    NgEnbEarfcnDl: "0 to 262143", "3350", |text| {
        <EarfcnDl as crate::derivation::TextParameter>::from_text(text).map(Self)
    };
}
