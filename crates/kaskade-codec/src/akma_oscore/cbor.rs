//! As much CBOR as the set-up has: arrays, octets and texts of definite length, heads in their shortest form (RFC 8949 4.2.1).

use alloc::vec::Vec;

use super::SetUpError;

/// Major types.
pub(super) const OCTETS: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const ARRAY: u8 = 4;

/// Writes the head of an item, whose length is below 65 536.
pub(super) fn head(out: &mut Vec<u8>, major: u8, length: usize) {
    let major = major << 5;
    match u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes() {
        [0, length @ 0..=23] => out.push(major | length),
        [0, length] => out.extend([major | 24, length]),
        [high, low] => out.extend([major | 25, high, low]),
    }
}

/// Writes an item of octets.
pub(super) fn item(out: &mut Vec<u8>, major: u8, octets: &[u8]) {
    head(out, major, octets.len());
    out.extend_from_slice(octets);
}

/// What is still to be read.
pub(super) struct Reader<'o> {
    rest: &'o [u8],
}

impl<'o> Reader<'o> {
    pub(super) const fn new(octets: &'o [u8]) -> Self {
        Self { rest: octets }
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'o [u8], SetUpError> {
        let parts = self.rest.split_at_checked(count);
        let (taken, rest) = parts.ok_or(SetUpError::Short { what })?;
        self.rest = rest;
        Ok(taken)
    }

    fn head(&mut self, major: u8, what: &'static str) -> Result<usize, SetUpError> {
        let [first] = self.take(1, what)? else {
            return Err(SetUpError::Short { what });
        };
        if first >> 5 != major {
            return Err(SetUpError::Kind { what });
        }
        match (first & 0x1f, self) {
            (length @ 0..=23, _) => Ok(length.into()),
            (24, this) => match this.take(1, what)? {
                [length] if *length >= 24 => Ok((*length).into()),
                _ => Err(SetUpError::Head { what }),
            },
            (25, this) => match this.take(2, what)? {
                [high, low] if *high > 0 => Ok(u16::from_be_bytes([*high, *low]).into()),
                _ => Err(SetUpError::Head { what }),
            },
            _ => Err(SetUpError::Head { what }),
        }
    }

    /// The head of the array of all that there is.
    pub(super) fn array(&mut self, members: usize, what: &'static str) -> Result<(), SetUpError> {
        match self.head(ARRAY, what)? {
            has if has == members => Ok(()),
            has => Err(SetUpError::Members { what, has, members }),
        }
    }

    /// The octets of a member.
    pub(super) fn item(&mut self, major: u8, what: &'static str) -> Result<&'o [u8], SetUpError> {
        let length = self.head(major, what)?;
        self.take(length, what)
    }

    /// That there is nothing more.
    pub(super) fn end(&self) -> Result<(), SetUpError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(SetUpError::Behind { count }),
        }
    }
}
