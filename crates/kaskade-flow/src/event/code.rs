//! The octets of an entry, in order.

use super::{ENTRY_LEN, EventError};

/// Writes parts one after the other.
pub(super) struct Writer {
    octets: [u8; ENTRY_LEN],
    at: usize,
}

impl Writer {
    #[inline]
    pub(super) const fn new(version: u8, kind: u8) -> Self {
        let mut octets = [0; ENTRY_LEN];
        let [first, second, ..] = &mut octets;
        *first = version;
        *second = kind;
        Self { octets, at: 2 }
    }

    /// What does not fit is left out: all that is written here has a fixed length.
    #[inline]
    pub(super) fn put<const N: usize>(&mut self, part: [u8; N]) {
        if let Some(place) = self.octets.get_mut(self.at..self.at + N) {
            place.copy_from_slice(&part);
        }
        self.at += N;
    }

    #[inline]
    pub(super) const fn octets(self) -> [u8; ENTRY_LEN] {
        self.octets
    }
}

/// Reads the fields of what has fixed places, such as an entry of the audit log, one after the other.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// From the first octet on.
    #[inline]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The next field; zeros behind the end, to which nothing of fixed places comes.
    #[inline]
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }

    /// What was not taken yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// The first octets of a text, and zeros. What is no printable ASCII becomes `?`.
#[inline]
pub(super) fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut octets = [0; N];
    for (to, from) in octets.iter_mut().zip(text.as_bytes()) {
        *to = printable(*from);
    }
    octets
}

#[inline]
pub(super) const fn printable(octet: u8) -> u8 {
    match octet {
        b' '..=b'~' => octet,
        _ => b'?',
    }
}

/// Printable ASCII and then zeros, or an error.
pub(super) fn checked<const N: usize>(octets: [u8; N], what: &'static str) -> Result<[u8; N], EventError> {
    let mut rest = octets.iter().skip_while(|octet| matches!(octet, b' '..=b'~'));
    match rest.all(|octet| *octet == 0) {
        true => Ok(octets),
        false => Err(EventError::Text(what)),
    }
}

/// The text before the zeros.
pub(super) fn shown(octets: &[u8]) -> &str {
    let len = octets.iter().position(|octet| *octet == 0).unwrap_or(octets.len());
    let text = octets.get(..len).and_then(|text| core::str::from_utf8(text).ok());
    text.unwrap_or("")
}
