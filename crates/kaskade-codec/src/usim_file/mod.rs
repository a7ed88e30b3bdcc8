//! Files of the USIM (TS 31.102 clause 4).

mod suci_calc_info;
mod tlv;

pub use suci_calc_info::{HnPublicKeyEntry, SchemeEntry, SuciCalcInfo, SuciCalcInfoView};

/// Why octets are not the file that they should be, and where.
///
/// Positions count octets from the start of the file, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsimFileError {
    /// Another data object than the one that stands here.
    #[error("{file}: tag {actual:02X} at octet {position}, expected {expected:02X} ({object})")]
    Tag {
        /// Which file.
        file: &'static str,
        /// Which data object is expected.
        object: &'static str,
        /// Its tag.
        expected: u8,
        /// The tag found.
        actual: u8,
        /// Where.
        position: usize,
    },
    /// The octets end inside a data object.
    #[error("{file}: {object} at octet {position} needs {needed} octets, {available} are left")]
    Truncated {
        /// Which file.
        file: &'static str,
        /// Which data object.
        object: &'static str,
        /// Where it begins.
        position: usize,
        /// How many octets it needs from there on.
        needed: usize,
        /// How many there are.
        available: usize,
    },
    /// A length that is not in the short form or in the long form of one or two octets (ISO/IEC 8825-1).
    #[error("{file}: length octet {actual:02X} of {object} at octet {position}, expected 00 to 7F, 81 or 82")]
    LengthForm {
        /// Which file.
        file: &'static str,
        /// Which data object.
        object: &'static str,
        /// Where its length begins.
        position: usize,
        /// The octet found.
        actual: u8,
    },
    /// A data object whose value has the wrong length.
    #[error("{file}: {object} at octet {position} has {actual} octets, expected {expected}")]
    Length {
        /// Which file.
        file: &'static str,
        /// Which data object.
        object: &'static str,
        /// Where it begins.
        position: usize,
        /// What it may have.
        expected: &'static str,
        /// What it has.
        actual: usize,
    },
    /// Something other than padding after the last data object.
    #[error("{file}: octet {actual:02X} at {position} after the last data object, expected FF padding only")]
    Trailing {
        /// Which file.
        file: &'static str,
        /// Where.
        position: usize,
        /// What.
        actual: u8,
    },
    /// A protection scheme identifier above 15.
    #[error("EF_SUCI_Calc_Info: protection scheme {actual} in entry {entry}, expected 0 to 15")]
    Scheme {
        /// Which entry of the scheme list, from 1.
        entry: usize,
        /// The identifier found.
        actual: u8,
    },
    /// The null scheme with a key.
    #[error("EF_SUCI_Calc_Info: entry {entry} is the null scheme with key index {index}, expected 0")]
    NullSchemeKey {
        /// Which entry of the scheme list, from 1.
        entry: usize,
        /// Its key index.
        index: u8,
    },
    /// A scheme that names no key of the list.
    #[error("EF_SUCI_Calc_Info: entry {entry} (protection scheme {scheme}) uses key {index}, the list has {keys}")]
    KeyIndex {
        /// Which entry of the scheme list, from 1.
        entry: usize,
        /// Its protection scheme identifier.
        scheme: u8,
        /// Its key index, which counts from 1.
        index: u8,
        /// The number of keys.
        keys: usize,
    },
    /// A public key whose length is not that of the scheme that uses it.
    #[error(
        "EF_SUCI_Calc_Info: key {index} is used with protection scheme {scheme} and has {actual} octets, expected {expected}"
    )]
    KeyLength {
        /// Key index, from 1.
        index: usize,
        /// Protection scheme identifier.
        scheme: u8,
        /// What the scheme's keys have.
        expected: &'static str,
        /// What the key has.
        actual: usize,
    },
    /// More entries than a file can number.
    #[error("EF_SUCI_Calc_Info: {actual} {list}, expected at most {expected}")]
    TooMany {
        /// Which list.
        list: &'static str,
        /// How many it can have.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
}
