//! The secret part of a record: keys by their types, and other octets.
//!
//! ```text
//! part   item*
//! item   0 ‖ length ‖ octets                    octets
//!        1 ‖ origin 8 ‖ length ‖ octets         a key
//! ```
//!
//! Lengths are LEB128. The origin of a key is made of the crate that declares its type, the type's name and the key's: what was
//! written as a key comes out as a key of that type or not at all, and never as octets.

use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use crate::secret::Sealable;

/// Octets without a type.
const OCTETS: u8 = 0;
/// A key, with its origin.
const KEY: u8 = 1;

/// Which type of which crate a key is of, as records say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin([u8; 8]);

impl Origin {
    /// Of the type of these names that the crate of this module declares. They are for ever: a record that was written
    /// before does not open otherwise.
    pub const fn new(module: &str, names: &str) -> Self {
        // FNV-1a of the crate's name, a colon and the names: it tells declarations apart, and hides nothing.
        let module = module.as_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut at = 0;
        while at < module.len() && module[at] != b':' {
            hash = (hash ^ module[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        hash = (hash ^ b':' as u64).wrapping_mul(0x0100_0000_01b3);
        let names = names.as_bytes();
        at = 0;
        while at < names.len() {
            hash = (hash ^ names[at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        Self(hash.to_be_bytes())
    }
}

/// Why an item does not come out of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// There are no more.
    #[error("the secret part ends too early")]
    Missing,
    /// There are more than were asked for.
    #[error("the secret part goes on too long")]
    Left,
    /// It was written as something else: as octets, or as another key.
    #[error("not written as {0}")]
    Another(&'static str),
    /// No item at all.
    #[error("the secret part is damaged")]
    Damaged,
}

/// Takes the secrets of a record. Nobody reads them again but [`SecretReader`], of the record as it was sealed.
///
/// It is wiped on drop, and so is every place that it outgrew.
#[derive(Default)]
pub struct SecretWriter(Vec<u8>);

impl SecretWriter {
    /// Without any.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends a key.
    pub fn key<T: Sealable>(&mut self, key: &T) {
        key.put_in(self);
    }

    /// Appends octets that are no key of the cascade, such as an identity or a nonce.
    pub fn octets(&mut self, octets: &[u8]) {
        self.push(&[OCTETS]);
        self.push_with_length(octets);
    }

    /// How many octets they take.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For the macro of keys.
    #[doc(hidden)]
    pub fn put_key(&mut self, origin: Origin, octets: &[u8]) {
        self.push(&[KEY]);
        self.push(&origin.0);
        self.push_with_length(octets);
    }

    fn push_with_length(&mut self, octets: &[u8]) {
        let (length, used) = coded_length(octets.len());
        self.push(length.get(..used).unwrap_or_default());
        self.push(octets);
    }

    /// Appends; a place that becomes too small is wiped.
    fn push(&mut self, octets: &[u8]) {
        let needed = self.0.len() + octets.len();
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.next_power_of_two().max(64));
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = larger;
        }
        self.0.extend_from_slice(octets);
    }

    pub(super) fn secret_octets(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SecretWriter {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for SecretWriter {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SecretWriter(…)")
    }
}

/// Of which type, its octets, and what is behind it.
type Item<'a> = (Option<Origin>, &'a [u8], &'a [u8]);

/// Gives the secrets of a record that was opened, in the order in which they were written.
pub struct SecretReader<'a>(&'a [u8]);

impl<'a> SecretReader<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The next item, a key of this type.
    ///
    /// # Errors
    /// [`ItemError::Another`] when it was written as something else.
    pub fn key<T: Sealable>(&mut self) -> Result<T, ItemError> {
        let (origin, octets, rest) = self.item()?;
        if origin != Some(T::ORIGIN) {
            return Err(ItemError::Another(T::NAME));
        }
        let key = T::from_slice(octets).ok_or(ItemError::Damaged)?;
        self.0 = rest;
        Ok(key)
    }

    /// The next item, in a buffer that is wiped: octets that were written as such.
    ///
    /// # Errors
    /// [`ItemError::Another`] when it was written as a key.
    pub fn octets(&mut self) -> Result<Zeroizing<Vec<u8>>, ItemError> {
        let (origin, octets, rest) = self.item()?;
        if origin.is_some() {
            return Err(ItemError::Another("octets"));
        }
        let octets = Zeroizing::new(octets.to_vec());
        self.0 = rest;
        Ok(octets)
    }

    /// Whether all items were read.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says that nothing more is expected.
    ///
    /// # Errors
    /// [`ItemError::Left`] when there is more.
    pub const fn end(&self) -> Result<(), ItemError> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(ItemError::Left),
        }
    }

    fn item(&self) -> Result<Item<'a>, ItemError> {
        let (form, rest) = self.0.split_first().ok_or(ItemError::Missing)?;
        let (origin, rest) = match *form {
            OCTETS => (None, rest),
            KEY => {
                let (origin, rest) = rest.split_first_chunk().ok_or(ItemError::Damaged)?;
                (Some(Origin(*origin)), rest)
            }
            _ => return Err(ItemError::Damaged),
        };
        let (len, rest) = length(rest).ok_or(ItemError::Damaged)?;
        let (octets, rest) = rest.split_at_checked(len).ok_or(ItemError::Damaged)?;
        Ok((origin, octets, rest))
    }
}

/// A length as unsigned LEB128, and how many octets that takes.
pub(super) fn coded_length(mut left: usize) -> ([u8; 10], usize) {
    let mut coded = [0; 10];
    let mut used = 0;
    for place in &mut coded {
        let [low, ..] = left.to_le_bytes();
        left >>= 7;
        *place = low & 0x7f | if left == 0 { 0 } else { 0x80 };
        used += 1;
        if left == 0 {
            break;
        }
    }
    (coded, used)
}

/// Unsigned LEB128, and what is behind it.
pub(super) fn length(octets: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_usize;
    for (octet, shift) in octets.iter().zip((0..usize::BITS).step_by(7)) {
        let bits = usize::from(octet & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if octet & 0x80 == 0 {
            return Some((value, octets.get(usize::try_from(shift / 7).ok()? + 1..)?));
        }
    }
    None
}

impl core::fmt::Debug for SecretReader<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SecretReader(…)")
    }
}
