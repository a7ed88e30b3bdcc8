//! HMAC-SHA-1, which AT_MAC of EAP-AKA is the first 16 octets of (RFC 2104, RFC 4187 10.15).

use sha1::{Digest, Sha1};

use crate::wipe::Wiped;

/// HMAC-SHA-1 of the parts, one after the other, under a key of 16 octets: 20 octets. Nothing newer than EAP-AKA uses it.
pub fn hmac_sha1(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 20] {
    let padded = |pad: u8| {
        let mut block = Wiped([pad; 64]);
        for (octet, of_key) in block.0.iter_mut().zip(key) {
            *octet ^= of_key;
        }
        block
    };
    let mut inner = Sha1::new();
    inner.update(&padded(0x36).0);
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha1::new();
    outer.update(&padded(0x5c).0);
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_another_implementation(key: [u8; 16], message in prop::collection::vec(any::<u8>(), 0..300), at in 0..300_usize) {
            let mut other = Hmac::<Sha1>::new_from_slice(&key).unwrap();
            other.update(&message);
            let expected: [u8; 20] = other.finalize().into_bytes().into();
            let (head, tail) = message.split_at(at.min(message.len()));
            prop_assert_eq!(hmac_sha1(&key, &[head, tail]), expected);
        }
    }
}
