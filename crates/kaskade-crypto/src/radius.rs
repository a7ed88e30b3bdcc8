//! What RADIUS computes with the secret that two of its ends share: MD5 throughout (RFC 2865, RFC 3579, RFC 2548).
//!
//! ```text
//! Message-Authenticator  = HMAC-MD5(secret, packet)                              RFC 3579 3.2
//! Response Authenticator = MD5(packet ‖ secret)                                  RFC 2865 3
//! hidden octets          = c(1) ‖ c(2) ‖ …   b(1) = MD5(secret ‖ Request Authenticator ‖ salt)   RFC 2548 2.4.2
//!                                            b(i) = MD5(secret ‖ c(i-1))    c(i) = p(i) xor b(i)
//! ```
//!
//! MD5 alone no longer stands up to whoever can choose a prefix of what is hashed: the Response Authenticator protects nothing. The
//! Message-Authenticator does, and who is to be kept from reading anything takes TLS.

use alloc::boxed::Box;

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::wipe::Wiped;

/// Octets of an authenticator.
pub const AUTHENTICATOR: usize = 16;

/// The most octets of a [`SharedSecret`].
pub const SECRET_AT_MOST: usize = 128;

/// From so many octets on a secret is as good as a key; RFC 2865 3 asks for them.
pub const SECRET_RECOMMENDED: usize = 16;

/// A secret of no octets, or of too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a RADIUS secret has 1 to {SECRET_AT_MOST} octets, not {actual}")]
pub struct SecretLength {
    /// How many it has.
    pub actual: usize,
}

/// The secret of two ends of RADIUS: silent, wiped on drop, and without a way out.
#[derive(Clone)]
pub struct SharedSecret {
    octets: Box<[u8]>,
    mac: HmacMd5,
}

impl SharedSecret {
    /// Takes the octets: 1 to [`SECRET_AT_MOST`]. An empty one would be as good as none (RFC 2865 3).
    ///
    /// # Errors
    /// [`SecretLength`].
    pub fn new(octets: &[u8]) -> Result<Self, SecretLength> {
        if !(1..=SECRET_AT_MOST).contains(&octets.len()) {
            return Err(SecretLength { actual: octets.len() });
        }
        Ok(Self {
            octets: octets.into(),
            mac: HmacMd5::new(octets),
        })
    }

    /// What all the world uses under TLS, which does the work there: `radsec` (RFC 6614 2.3).
    pub fn radsec() -> Self {
        Self::new(b"radsec").expect("it has 6 octets")
    }

    /// Whether it is shorter than [`SECRET_RECOMMENDED`].
    pub fn is_short(&self) -> bool {
        self.octets.len() < SECRET_RECOMMENDED
    }

    /// The code of a packet, given in parts, with zeros in the place of the code itself (RFC 3579 3.2).
    pub fn message_authenticator(&self, packet: &[&[u8]]) -> [u8; AUTHENTICATOR] {
        self.mac.of(packet)
    }

    /// Whether this is the code of a packet, in constant time.
    pub fn is_message_authenticator(&self, code: &[u8; AUTHENTICATOR], packet: &[&[u8]]) -> bool {
        self.message_authenticator(packet)[..].ct_eq(&code[..]).into()
    }

    /// What binds an answer, given in parts with the authenticator of its request in the place of its own (RFC 2865 3).
    pub fn response_authenticator(&self, packet: &[&[u8]]) -> [u8; AUTHENTICATOR] {
        let mut hash = Md5::new();
        for part in packet {
            hash.update(part);
        }
        hash.update(&self.octets);
        hash.finalize().into()
    }

    /// Whether this binds an answer, in constant time.
    pub fn is_response_authenticator(&self, authenticator: &[u8; AUTHENTICATOR], packet: &[&[u8]]) -> bool {
        self.response_authenticator(packet)[..].ct_eq(&authenticator[..]).into()
    }

    /// Hides blocks of 16 octets in place, for who knows the secret (RFC 2548 2.4.2). Octets behind the last whole block stay as they
    /// are. One salt hides one text: a second one under the same salt and request would give away how they differ.
    pub fn hide(&self, request_authenticator: &[u8; AUTHENTICATOR], salt: [u8; 2], blocks: &mut [u8]) {
        let mut key = self.first_key(request_authenticator, salt);
        for block in blocks.as_chunks_mut::<16>().0 {
            xor(block, &key.0);
            key = self.next_key(block);
        }
    }

    /// Undoes [`SharedSecret::hide`], in place.
    pub fn reveal(&self, request_authenticator: &[u8; AUTHENTICATOR], salt: [u8; 2], blocks: &mut [u8]) {
        let mut key = self.first_key(request_authenticator, salt);
        for block in blocks.as_chunks_mut::<16>().0 {
            let next = self.next_key(block);
            xor(block, &key.0);
            key = next;
        }
    }

    fn first_key(&self, request_authenticator: &[u8; AUTHENTICATOR], salt: [u8; 2]) -> Wiped<u8, 16> {
        self.keyed(&[request_authenticator, &salt])
    }

    fn next_key(&self, hidden: &[u8; 16]) -> Wiped<u8, 16> {
        self.keyed(&[hidden])
    }

    fn keyed(&self, parts: &[&[u8]]) -> Wiped<u8, 16> {
        let mut hash = Md5::new_with_prefix(&self.octets);
        for part in parts {
            hash.update(part);
        }
        Wiped(hash.finalize().into())
    }
}

/// HMAC-MD5 with both pads absorbed (RFC 2104).
#[derive(Clone)]
struct HmacMd5 {
    inner: Md5,
    outer: Md5,
}

impl HmacMd5 {
    fn new(key: &[u8]) -> Self {
        let mut block = Wiped([0; 64]);
        match block.0.get_mut(..key.len()) {
            Some(place) => place.copy_from_slice(key),
            // More than a block is hashed first.
            None => block.0[..16].copy_from_slice(&Wiped::<u8, 16>(Md5::digest(key).into()).0),
        }
        let padded = |pad: u8| {
            let mut padded = block.clone();
            padded.0.iter_mut().for_each(|octet| *octet ^= pad);
            Md5::new_with_prefix(&padded.0)
        };
        Self {
            inner: padded(0x36),
            outer: padded(0x5c),
        }
    }

    fn of(&self, parts: &[&[u8]]) -> [u8; AUTHENTICATOR] {
        let mut inner = self.inner.clone();
        for part in parts {
            inner.update(part);
        }
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

fn xor(block: &mut [u8; 16], key: &[u8; 16]) {
    for (octet, of_key) in block.iter_mut().zip(key) {
        *octet ^= of_key;
    }
}

/// In constant time, but for the length.
impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.octets.ct_eq(&other.octets).into()
    }
}

impl Eq for SharedSecret {}

impl core::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}

impl Drop for SharedSecret {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl zeroize::ZeroizeOnDrop for SharedSecret {}

const _: () = {
    const fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}
    is_wiped::<Md5>();
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(text: &str) -> SharedSecret {
        SharedSecret::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_secret_is_silent_and_has_its_length() {
        assert_eq!(SharedSecret::new(b""), Err(SecretLength { actual: 0 }));
        assert_eq!(SharedSecret::new(&[b'x'; 129]), Err(SecretLength { actual: 129 }));
        assert!(SharedSecret::new(&[b'x'; 128]).is_ok());
        assert_eq!(alloc::format!("{:?}", secret("xyzzy5461")), "SharedSecret(…)");
        assert!(secret("123456789012345").is_short() && !secret("1234567890123456").is_short());
        assert!(secret("a") == secret("a") && secret("a") != secret("b") && secret("a") != secret("aa"));
        assert!(SharedSecret::radsec() == secret("radsec"));
    }

    #[test]
    fn hmac_md5_is_that_of_rfc_2202() {
        let code = |key: &[u8], text: &[u8]| SharedSecret::new(key).unwrap().message_authenticator(&[text]);
        assert_eq!(
            code(b"Jefe", b"what do ya want for nothing?"),
            0x750c783e6ab0b503eaa86e310a5db738_u128.to_be_bytes()
        );
        assert_eq!(
            code(&[0x0b; 16], b"Hi There"),
            0x9294727a3638bb1c13f48ef8158bfc9d_u128.to_be_bytes()
        );
        let text = b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data";
        assert_eq!(
            code(&[0xaa; 80], text),
            0x6f630fad67cda0ee1fb1f562db3aa53e_u128.to_be_bytes()
        );
    }

    #[test]
    fn an_answer_is_bound_as_in_rfc_2865_7_1() {
        // The Access-Accept of the first example.
        let packet: &[u8] = &[
            0x02, 0x00, 0x00, 0x26, 0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57, 0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4,
            0x22, 0x7a, 0x06, 0x06, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x06, 0x00, 0x00, 0x00, 0x00, 0x0e, 0x06, 0xc0, 0xa8,
            0x01, 0x03,
        ];
        let request = 0x0f403f9473978057bd83d5cb98f4227a_u128.to_be_bytes();
        let (header, attributes) = (&packet[..4], &packet[20..]);
        let bound = secret("xyzzy5461").response_authenticator(&[header, &request, attributes]);
        assert_eq!(bound, 0x86fe220e7624ba2a1005f6bf9b55e0b2_u128.to_be_bytes());
        assert!(secret("xyzzy5461").is_response_authenticator(&bound, &[header, &request, attributes]));
        assert!(!secret("xyzzy5462").is_response_authenticator(&bound, &[header, &request, attributes]));
    }

    #[test]
    fn a_password_is_hidden_as_in_rfc_2865_7_1() {
        // User-Password has the same chain without a salt; one block needs the first key only.
        let request = 0x0f403f9473978057bd83d5cb98f4227a_u128.to_be_bytes();
        let mut block = *b"arctangent\0\0\0\0\0\0";
        xor(&mut block, &secret("xyzzy5461").keyed(&[&request]).0);
        assert_eq!(block, 0x0dbe708d93d413ce3196e43f782a0aee_u128.to_be_bytes());
    }

    proptest! {
        #[test]
        fn hmac_md5_is_that_of_another_implementation(key in prop::collection::vec(any::<u8>(), 1..=128), text in prop::collection::vec(any::<u8>(), 0..300), at in 0..300_usize) {
            use hmac::{Hmac, KeyInit, Mac};
            let mut other = Hmac::<Md5>::new_from_slice(&key).unwrap();
            other.update(&text);
            let expected: [u8; 16] = other.finalize().into_bytes().into();
            let (head, tail) = text.split_at(at.min(text.len()));
            let secret = SharedSecret::new(&key).unwrap();
            prop_assert_eq!(secret.message_authenticator(&[head, tail]), expected);
            prop_assert!(secret.is_message_authenticator(&expected, &[head, tail]));
        }

        #[test]
        fn what_is_hidden_comes_back(key in prop::collection::vec(any::<u8>(), 1..40), request: [u8; 16], salt: [u8; 2], text: [u8; 48]) {
            let secret = SharedSecret::new(&key).unwrap();
            let mut blocks = text;
            secret.hide(&request, salt, &mut blocks);
            prop_assert_ne!(blocks, text);
            let mut by_hand = [0; 48];
            let mut before: Vec<u8> = [&request[..], &salt].concat();
            for (i, block) in by_hand.chunks_mut(16).enumerate() {
                let pad = Md5::digest([&key[..], &before].concat());
                for (j, octet) in block.iter_mut().enumerate() {
                    *octet = text[16 * i + j] ^ pad[j];
                }
                before = block.to_vec();
            }
            prop_assert_eq!(blocks, by_hand);
            secret.reveal(&request, salt, &mut blocks);
            prop_assert_eq!(blocks, text);
        }
    }
}
