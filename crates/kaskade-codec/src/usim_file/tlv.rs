//! BER-TLV data objects with one-octet tags, as USIM files hold them (TS 31.102, ISO/IEC 8825-1).

use alloc::vec::Vec;

use super::UsimFileError;

/// Reads data objects one after the other and knows where in the file it is.
#[derive(Clone, Copy)]
pub(super) struct Reader<'f> {
    file: &'static str,
    rest: &'f [u8],
    position: usize,
}

/// One data object: its value, and where the object begins.
pub(super) struct Object<'f> {
    pub(super) value: Reader<'f>,
    pub(super) position: usize,
}

impl<'f> Reader<'f> {
    pub(super) fn new(file: &'static str, octets: &'f [u8]) -> Self {
        Self {
            file,
            rest: octets,
            position: 0,
        }
    }

    pub(super) fn octets(&self) -> &'f [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the data object `tag`.
    pub(super) fn object(&mut self, object: &'static str, tag: u8) -> Result<Object<'f>, UsimFileError> {
        let (file, position) = (self.file, self.position);
        let actual = self.octet(object, position)?;
        if actual != tag {
            return Err(UsimFileError::Tag {
                file,
                object,
                expected: tag,
                actual,
                position,
            });
        }
        let length = self.length(object, position)?;
        let start = self.position;
        let value = self.take(object, position, length)?;
        Ok(Object {
            value: Self {
                file,
                rest: value,
                position: start,
            },
            position,
        })
    }

    /// Refuses anything but FF.
    pub(super) fn padding(&self) -> Result<(), UsimFileError> {
        match self.rest.iter().position(|&octet| octet != 0xFF) {
            Some(at) => Err(UsimFileError::Trailing {
                file: self.file,
                position: self.position.saturating_add(at),
                actual: self.rest.get(at).copied().unwrap_or_default(),
            }),
            None => Ok(()),
        }
    }

    fn length(&mut self, object: &'static str, begin: usize) -> Result<usize, UsimFileError> {
        let position = self.position;
        match self.octet(object, begin)? {
            short @ 0..=0x7F => Ok(usize::from(short)),
            0x81 => self.octet(object, begin).map(usize::from),
            0x82 => {
                let high = self.octet(object, begin)?;
                let low = self.octet(object, begin)?;
                Ok(usize::from(u16::from_be_bytes([high, low])))
            }
            actual => Err(UsimFileError::LengthForm {
                file: self.file,
                object,
                position,
                actual,
            }),
        }
    }

    fn octet(&mut self, object: &'static str, begin: usize) -> Result<u8, UsimFileError> {
        let octets = self.take(object, begin, 1)?;
        Ok(octets.first().copied().unwrap_or_default())
    }

    fn take(&mut self, object: &'static str, begin: usize, length: usize) -> Result<&'f [u8], UsimFileError> {
        let read = self.position.saturating_sub(begin);
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| UsimFileError::Truncated {
                file: self.file,
                object,
                position: begin,
                needed: read.saturating_add(length),
                available: read.saturating_add(self.rest.len()),
            })?;
        self.rest = rest;
        self.position = self.position.saturating_add(length);
        Ok(taken)
    }
}

/// Appends one data object, its length in the shortest form. At most 65 535 octets: the callers bound what they write.
pub(super) fn push(file: &mut Vec<u8>, tag: u8, value: &[u8]) {
    file.push(tag);
    match u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes() {
        [0, short @ 0..=0x7F] => file.push(short),
        [0, length] => file.extend([0x81, length]),
        [high, low] => file.extend([0x82, high, low]),
    }
    file.extend(value);
}
