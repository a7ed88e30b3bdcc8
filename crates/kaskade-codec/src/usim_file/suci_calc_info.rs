//! EF_SUCI_Calc_Info: what the ME needs to conceal a SUPI (TS 31.102 4.4.11.8).
//!
//! ```text
//! A0 length { scheme identifier (1) ‖ key index (1) } …                 highest priority first
//! A1 length { 80 01 key identifier ‖ 81 length public key } …           index 1, 2, …
//! ```

use alloc::vec::Vec;

use kaskade_keys::{HnKeyId, ProtectionScheme};

use super::UsimFileError;
use super::tlv::{self, Reader};

const FILE: &str = "EF_SUCI_Calc_Info";
const SCHEMES: &str = "Protection Scheme Identifier List";
const KEYS: &str = "Home Network Public Key List";
const KEY_ID: &str = "Home Network Public Key Identifier";
const KEY: &str = "Home Network Public Key";
const TAG_SCHEMES: u8 = 0xA0;
const TAG_KEYS: u8 = 0xA1;
const TAG_KEY_ID: u8 = 0x80;
const TAG_KEY: u8 = 0x81;
/// A key index is one octet.
const MAX_ENTRIES: usize = 255;
/// No curve of TS 33.501 Annex C needs more than 65; an operator's own scheme may.
const MAX_KEY: usize = 512;

/// One entry of the Protection Scheme Identifier List.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemeEntry {
    /// The scheme.
    pub scheme: ProtectionScheme,
    /// Which key of the list it uses, counted from 1; 0 for the null scheme.
    pub key_index: u8,
}

/// One entry of the Home Network Public Key List.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HnPublicKeyEntry {
    /// Home network public key identifier, one octet: what the SUCI will carry.
    pub key_id: HnKeyId,
    /// The public key: profile A 32 octets as in RFC 7748; profile B 33 (compressed) or 65 (uncompressed) octets as in
    /// RFC 5480.
    pub octets: Vec<u8>,
}

/// The content of EF_SUCI_Calc_Info, in which every scheme has a key of its kind.
///
/// Without schemes the ME conceals nothing, as with the null scheme (TS 33.501 6.12.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuciCalcInfo {
    schemes: Vec<SchemeEntry>,
    keys: Vec<HnPublicKeyEntry>,
}

impl SuciCalcInfo {
    /// File identifier under DF_5GS (5FC0), 2 octets.
    pub const FILE_ID: [u8; 2] = [0x4F, 0x07];

    /// Puts the lists together, schemes with the highest priority first.
    ///
    /// # Errors
    /// [`UsimFileError`] when a scheme names a key that is not in the list or has another length than the scheme's
    /// keys, when the null scheme names one, or when there is more than a file can hold.
    pub fn new(schemes: Vec<SchemeEntry>, keys: Vec<HnPublicKeyEntry>) -> Result<Self, UsimFileError> {
        for (list, actual) in [("protection schemes", schemes.len()), ("public keys", keys.len())] {
            if actual > MAX_ENTRIES {
                return Err(UsimFileError::TooMany {
                    list,
                    expected: MAX_ENTRIES,
                    actual,
                });
            }
        }
        if let Some(key) = keys.iter().find(|key| !(1..=MAX_KEY).contains(&key.octets.len())) {
            return Err(key_length_error(0, key.octets.len()));
        }
        for (entry, scheme) in (1_usize..).zip(&schemes) {
            check(entry, *scheme, &keys)?;
        }
        Ok(Self { schemes, keys })
    }

    /// Reads the file. FF padding at the end and lengths in a longer form than needed are accepted and not kept; a file
    /// of FF only is empty.
    ///
    /// # Errors
    /// [`UsimFileError`] with the octet that is wrong, and what [`SuciCalcInfo::new`] refuses.
    pub fn parse(file: &[u8]) -> Result<Self, UsimFileError> {
        let view = SuciCalcInfoView::new(file)?;
        let schemes = (1_usize..).zip(view.schemes()).map(|(entry, (id, key_index))| {
            let scheme = ProtectionScheme::from_id(id).map_err(|_| UsimFileError::Scheme { entry, actual: id })?;
            Ok(SchemeEntry { scheme, key_index })
        });
        let keys = view.keys().map(|(key_id, octets)| HnPublicKeyEntry {
            key_id: HnKeyId(key_id),
            octets: octets.into(),
        });
        Self::new(schemes.collect::<Result<_, _>>()?, keys.collect())
    }

    /// Writes the file without padding.
    pub fn emit(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let schemes: Vec<u8> = self
            .schemes
            .iter()
            .flat_map(|entry| [entry.scheme.id(), entry.key_index])
            .collect();
        tlv::push(&mut file, TAG_SCHEMES, &schemes);
        if self.keys.is_empty() {
            return file;
        }
        let mut keys = Vec::new();
        for key in &self.keys {
            tlv::push(&mut keys, TAG_KEY_ID, &[key.key_id.0]);
            tlv::push(&mut keys, TAG_KEY, &key.octets);
        }
        tlv::push(&mut file, TAG_KEYS, &keys);
        file
    }

    /// The schemes, highest priority first.
    pub fn schemes(&self) -> &[SchemeEntry] {
        &self.schemes
    }

    /// The keys, in the order that the key indexes count.
    pub fn keys(&self) -> &[HnPublicKeyEntry] {
        &self.keys
    }

    /// The key that a scheme entry names; `None` for the null scheme.
    pub fn key_of(&self, entry: SchemeEntry) -> Option<&HnPublicKeyEntry> {
        self.keys.get(usize::from(entry.key_index).checked_sub(1)?)
    }
}

fn check(entry: usize, of: SchemeEntry, keys: &[HnPublicKeyEntry]) -> Result<(), UsimFileError> {
    let (scheme, index) = (of.scheme.id(), of.key_index);
    let named = usize::from(index).checked_sub(1).and_then(|at| keys.get(at));
    let expected = match (of.scheme, named) {
        (ProtectionScheme::Null, _) if index != 0 => return Err(UsimFileError::NullSchemeKey { entry, index }),
        (ProtectionScheme::Null | ProtectionScheme::Other(_), _) => return Ok(()),
        (_, None) => {
            return Err(UsimFileError::KeyIndex {
                entry,
                scheme,
                index,
                keys: keys.len(),
            });
        }
        (ProtectionScheme::ProfileA, Some(key)) if key.octets.len() != 32 => "32",
        (ProtectionScheme::ProfileB, Some(key)) if !matches!(key.octets.len(), 33 | 65) => "33 or 65",
        _ => return Ok(()),
    };
    Err(UsimFileError::KeyLength {
        index: index.into(),
        scheme,
        expected,
        actual: named.map_or(0, |key| key.octets.len()),
    })
}

fn key_length_error(position: usize, actual: usize) -> UsimFileError {
    UsimFileError::Length {
        file: FILE,
        object: KEY,
        position,
        expected: "1 to 512",
        actual,
    }
}

/// The file with its structure checked: tags, lengths and padding. What the values mean is checked by
/// [`SuciCalcInfo::parse`].
#[derive(Clone, Copy)]
pub struct SuciCalcInfoView<'f> {
    schemes: &'f [u8],
    keys: Reader<'f>,
}

impl<'f> SuciCalcInfoView<'f> {
    /// Checks the structure.
    ///
    /// # Errors
    /// [`UsimFileError`] with the octet that is wrong.
    pub fn new(file: &'f [u8]) -> Result<Self, UsimFileError> {
        let mut reader = Reader::new(FILE, file);
        let empty = Self {
            schemes: &[],
            keys: Reader::new(FILE, &[]),
        };
        if reader.padding().is_ok() {
            return Ok(empty);
        }
        let schemes = reader.object(SCHEMES, TAG_SCHEMES)?;
        let octets = schemes.value.octets();
        if !octets.len().is_multiple_of(2) {
            return Err(UsimFileError::Length {
                file: FILE,
                object: SCHEMES,
                position: schemes.position,
                expected: "two for each scheme",
                actual: octets.len(),
            });
        }
        let mut view = Self {
            schemes: octets,
            ..empty
        };
        if reader.padding().is_ok() {
            return Ok(view);
        }
        view.keys = reader.object(KEYS, TAG_KEYS)?.value;
        reader.padding()?;
        let mut keys = view.keys;
        while !keys.is_empty() {
            key(&mut keys)?;
        }
        Ok(view)
    }

    /// Scheme identifier and key index of each entry.
    pub fn schemes(&self) -> impl Iterator<Item = (u8, u8)> + 'f {
        self.schemes.chunks_exact(2).filter_map(|pair| match pair {
            [scheme, index] => Some((*scheme, *index)),
            _ => None,
        })
    }

    /// Key identifier and public key of each entry.
    pub fn keys(&self) -> impl Iterator<Item = (u8, &'f [u8])> + 'f {
        let mut keys = self.keys;
        // Checked by `new`.
        core::iter::from_fn(move || key(&mut keys).ok())
    }
}

fn key<'f>(keys: &mut Reader<'f>) -> Result<(u8, &'f [u8]), UsimFileError> {
    let id = keys.object(KEY_ID, TAG_KEY_ID)?;
    let &[key_id] = id.value.octets() else {
        return Err(UsimFileError::Length {
            file: FILE,
            object: KEY_ID,
            position: id.position,
            expected: "1",
            actual: id.value.octets().len(),
        });
    };
    let key = keys.object(KEY, TAG_KEY)?;
    let octets = key.value.octets();
    if !(1..=MAX_KEY).contains(&octets.len()) {
        return Err(key_length_error(key.position, octets.len()));
    }
    Ok((key_id, octets))
}
