//! Writes bodies: JSON of what serde is told, hexadecimal digits of octets, and buffers that leave nothing behind.

use std::io;

use bytes::Bytes;
use kaskade_codec::hex;
use kaskade_codec::sbi::{Body, Written};
use kaskade_faults::fault;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use zeroize::Zeroize;

/// A body that has no form in JSON: one of its values has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body has no form in JSON")]
pub struct Unwritable;

/// What most bodies fit into.
const ROOM: usize = 512;

/// What h2 copies of the beginning of a body into a buffer of the connection, which nobody wipes; the rest it sends from the
/// body's own buffer (with vectored writes, which both kinds of connection have).
const COPIED: usize = 256;

/// The JSON of a body. Where it holds secrets its buffer is wiped after the last reader, and begins with spaces, which JSON allows:
/// they are what is copied.
///
/// # Errors
/// [`Unwritable`], for a value without a form.
pub fn body<T: Body>(body: &T) -> Result<Bytes, Unwritable> {
    let written = Written::<T>::of(body);
    if !T::SECRET {
        let mut out = Vec::with_capacity(ROOM);
        return json(&mut out, &written).map(|()| Bytes::from(out));
    }
    let mut out = Wiped::with_capacity(COPIED + ROOM);
    out.put(&[b' '; COPIED]);
    json(&mut out, &written)?;
    Ok(Bytes::from_owner(out))
}

/// The JSON of what serde can write and has a secret in it, as [`body`] writes one.
///
/// # Errors
/// [`Unwritable`], for a value without a form.
pub(crate) fn secret(value: &impl Serialize) -> Result<Bytes, Unwritable> {
    let mut out = Wiped::with_capacity(COPIED + ROOM);
    out.put(&[b' '; COPIED]);
    json(&mut out, value)?;
    Ok(Bytes::from_owner(out))
}

/// The JSON of what serde can write.
pub(crate) fn json(out: impl io::Write, value: &impl Serialize) -> Result<(), Unwritable> {
    let mut serializer = Serializer::with_formatter(out, Hexadecimal(CompactFormatter));
    value.serialize(&mut serializer).map_err(|_| Unwritable)
}

/// Octets are strings of lower-case digits, made in constant time.
struct Hexadecimal(CompactFormatter);

impl Formatter for Hexadecimal {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, octets: &[u8]) -> io::Result<()> {
        const AT_ONCE: usize = 32;
        let mut digits = zeroize::Zeroizing::new([0; 2 * AT_ONCE]);
        self.0.begin_string(writer)?;
        for octets in octets.chunks(AT_ONCE) {
            writer.write_all(hex::encode(octets, &mut *digits))?;
        }
        self.0.end_string(writer)
    }
}

/// A buffer that is wiped when the last reader is done with it, and where it was too small.
struct Wiped(Vec<u8>);

impl Wiped {
    fn with_capacity(octets: usize) -> Self {
        Self(Vec::with_capacity(octets))
    }

    fn put(&mut self, octets: &[u8]) {
        let needed = self.0.len() + octets.len();
        if needed > self.0.capacity() {
            drop(self.grow(2 * needed));
        }
        self.0.extend_from_slice(octets);
    }

    /// Makes room; gives the buffer of before, wiped: a vector that grew by itself would leave it behind as it is.
    fn grow(&mut self, capacity: usize) -> Vec<u8> {
        let mut larger = Vec::with_capacity(capacity);
        larger.extend_from_slice(&self.0);
        let mut smaller = std::mem::replace(&mut self.0, larger);
        if !fault!("secret-left-in-a-small-buffer") {
            smaller.zeroize();
        }
        smaller
    }
}

impl io::Write for Wiped {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.put(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Wipes a body that held secrets, as far as nobody else holds the same memory.
pub fn wipe(body: Bytes) {
    if let Ok(mut octets) = body.try_into_mut() {
        octets.as_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use kaskade_codec::sbi::nausf_auth::{ConfirmationData, ConfirmationDataResponse};
    use kaskade_keys::fivegs::{KSeaf, ResStar};

    use super::*;

    #[test]
    fn octets_are_digits_and_a_secret_begins_with_what_is_copied() {
        let res_star = Some(ResStar::from_octets(&std::array::from_fn(|n| n as u8)));
        let octets = body(&ConfirmationData { res_star }).unwrap();
        let (copied, json) = octets.split_at(COPIED);
        assert!(copied.iter().all(|octet| *octet == b' '));
        assert_eq!(json, br#"{"resStar":"000102030405060708090a0b0c0d0e0f"}"#);
    }

    #[test]
    fn what_does_not_fit_is_written_all_the_same() {
        let name = "#".repeat(200);
        let supi = format!("nai-{name}@\"{}.example.org", "\\".repeat(30)).parse().unwrap();
        let k_seaf = KSeaf::from_octets(&[0xAB; 32]);
        let sent = ConfirmationDataResponse::Success { supi, k_seaf };
        let octets = body(&sent).unwrap();
        assert_eq!(ConfirmationDataResponse::from_json(&octets).unwrap(), sent);
        let mut small = Wiped::with_capacity(3);
        for part in [&b"ab"[..], b"cdefg", b"", b"h"] {
            small.write_all(part).unwrap();
        }
        assert_eq!(small.as_ref(), b"abcdefgh");
    }

    #[test]
    fn a_buffer_that_was_too_small_is_wiped() {
        let mut out = Wiped::with_capacity(6);
        out.put(b"secret");
        let mut smaller = out.grow(7);
        smaller.resize(6, 0);
        assert_eq!((smaller.as_slice(), out.as_ref()), (&[0; 6][..], &b"secret"[..]));
    }
}
