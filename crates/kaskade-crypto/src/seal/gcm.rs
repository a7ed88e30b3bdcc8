//! AES-256-GCM (NIST SP 800-38D) out of the parts that are here already: AES-256 in counter mode, and POLYVAL, of which
//! GHASH is the mirror image.
//!
//! ```text
//! GHASH(H, X1 … Xn) = rev(POLYVAL(rev(H)·x, rev(X1) … rev(Xn)))        rev: the 16 octets last first (RFC 8452 A)
//! ```
//!
//! The whole state of a key lies in the value itself, and nothing of it on the heap.

use alloc::vec::Vec;

use subtle::ConstantTimeEq;

use crate::cipher::engine::Engine;
use crate::cipher::{BackEnd, Key256};
use crate::nxa256::polyval::{code_with_lengths, lengths};
use crate::nxa256::{Aes256, Generator, MacKey};
use crate::wipe::Wiped;

/// Octets of a nonce.
pub(crate) const NONCE: usize = 12;
/// Octets of a tag.
pub(crate) const TAG: usize = 16;

/// Octets of a short message: the longest secrets of a subscriber.
const USUAL: usize = 96;
/// Associated data and ciphertext of so many octets together are put in order without heap.
const USUAL_HASHED: usize = 144;

/// A key of AES-256-GCM: its key schedule and H, wiped on drop.
#[derive(Clone)]
pub(crate) struct Gcm {
    cipher: Aes256,
    /// rev(H)·x twice, and no mask: POLYVAL's key.
    hash_key: MacKey,
}

impl Gcm {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // What is sealed is short: setting up the wider registers would take longer than they save.
        let engine = Engine::of(BackEnd::Avx2).unwrap_or(Engine::Portable);
        Self::with_engine(key, engine)
    }

    pub(crate) fn with_engine(key: &[u8; 32], engine: Engine) -> Self {
        let cipher = Aes256::new(&Key256::from_octets(key), engine);
        let mut h = Wiped([0; 16]);
        cipher.apply_from(&[0; 16], &mut h.0);
        let h = Wiped([doubled(u128::from_be_bytes(h.0))]);
        Self {
            cipher,
            hash_key: Wiped([h.0[0], h.0[0], 0]),
        }
    }

    /// Ciphers `message` in place and gives its tag. A nonce must never serve for two messages.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE], associated: [&[u8]; 2], message: &mut [u8]) -> [u8; TAG] {
        let (mut keystream, mask) = self.keystream(nonce, message.len());
        keystream.add_to(message);
        self.tag(&mask, associated, message)
    }

    /// Deciphers `message` in place if the tag is right; untouched otherwise.
    #[inline]
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE],
        associated: [&[u8]; 2],
        message: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), NotAuthentic> {
        let (mut keystream, mask) = self.keystream(nonce, message.len());
        if !bool::from(self.tag(&mask, associated, message)[..].ct_eq(&tag[..])) {
            return Err(NotAuthentic);
        }
        keystream.add_to(message);
        Ok(())
    }

    /// The keystream of a message, and the block before it, which masks the tag.
    #[inline]
    fn keystream(&self, nonce: &[u8; NONCE], len: usize) -> (Keystream<'_>, [u8; TAG]) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *nonce;
        let mut first = [a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 1];
        let mut start = Wiped([0; 16 + USUAL]);
        // The whole keystream of a short message in one go.
        let usual = if len <= USUAL { len } else { 0 };
        self.cipher.apply_from(&first, &mut start.0[..16 + usual]);
        let mask = *start.0.first_chunk().unwrap_or(&[0; 16]);
        first[15] = 2;
        let keystream = Keystream {
            gcm: self,
            start,
            usual,
            second: first,
        };
        (keystream, mask)
    }

    #[inline]
    fn tag(&self, mask: &[u8; TAG], [first, second]: [&[u8]; 2], text: &[u8]) -> [u8; TAG] {
        let associated = first.len() + second.len();
        let start_of_text = associated.next_multiple_of(16);
        let padded = start_of_text + text.len().next_multiple_of(16);
        let mut usual = [0; USUAL_HASHED];
        let mut many = Vec::new();
        let place = match usual.get_mut(..padded) {
            Some(place) => place,
            None => {
                many.resize(padded, 0);
                &mut many[..]
            }
        };
        let (head, tail) = place.split_at_mut(start_of_text);
        let (of_first, of_second) = head.split_at_mut(first.len());
        for (place, octets) in [(of_first, first), (of_second, second), (tail, text)] {
            place[..octets.len()].copy_from_slice(octets);
        }
        for block in place.as_chunks_mut::<16>().0 {
            *block = u128::from_be_bytes(*block).to_le_bytes();
        }
        let lengths = lengths(associated, text.len());
        let sum = code_with_lengths(self.cipher.engine(), &self.hash_key, place, &[], lengths);
        (u128::from_be_bytes(sum) ^ u128::from_le_bytes(*mask)).to_le_bytes()
    }
}

/// The keystream of one message.
struct Keystream<'g> {
    gcm: &'g Gcm,
    /// The mask of the tag, then the keystream of a short message.
    start: Wiped<u8, { 16 + USUAL }>,
    /// How much of it.
    usual: usize,
    /// The counter block of the message.
    second: [u8; 16],
}

impl Keystream<'_> {
    #[inline]
    fn add_to(&mut self, message: &mut [u8]) {
        if message.len() > self.usual {
            return self.gcm.cipher.apply_from(&self.second, message);
        }
        for (octet, mask) in message.iter_mut().zip(&self.start.0[16..]) {
            *octet ^= mask;
        }
    }
}

/// The message is not what was sealed, or not under this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

/// V·x in POLYVAL's field, x^128 = x^127 + x^126 + x^121 + 1, in constant time.
fn doubled(v: u128) -> u128 {
    let carry = 0_u128.wrapping_sub(v >> 127);
    v << 1 ^ carry & (0xc2 << 120 | 1)
}

#[cfg(test)]
mod tests {
    use std::format;

    use proptest::prelude::*;

    use super::*;

    fn each_engine(key: &[u8; 32]) -> impl Iterator<Item = Gcm> {
        BackEnd::ALL
            .iter()
            .filter_map(|back_end| Engine::of(*back_end).ok())
            .map(|engine| Gcm::with_engine(key, engine))
    }

    /// Test case 16 of McGrew and Viega, "The Galois/Counter Mode of Operation".
    #[test]
    fn the_known_answer() {
        let octets = |text: &str| hex::decode(text).expect("hexadecimal");
        let key = octets("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let nonce = octets("cafebabefacedbaddecaf888").try_into().expect("12 octets");
        let aad = octets("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let clear = octets(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        for gcm in each_engine(&key.try_into().expect("32 octets")) {
            let mut message = clear.clone();
            let tag = gcm.seal(&nonce, [&aad[..7], &aad[7..]], &mut message);
            assert_eq!(
                hex::encode(&message),
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            );
            assert_eq!(hex::encode(tag), "76fc6ece0f4e1768cddf8853bb2d551b");
            gcm.open(&nonce, [&aad, &[]], &mut message, &tag).expect("authentic");
            assert_eq!(message, clear);
        }
    }

    #[cfg(feature = "aws-lc")]
    fn of_another(key: &[u8; 32], nonce: [u8; NONCE], aad: &[u8], message: &mut [u8]) -> [u8; TAG] {
        use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key"));
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), message)
            .expect("sealed");
        tag.as_ref().try_into().expect("16 octets")
    }

    #[cfg(feature = "aws-lc")]
    proptest! {
        #[test]
        fn as_aws_lc_does_it(
            key: [u8; 32],
            nonce: [u8; NONCE],
            (aad, cut) in prop::collection::vec(any::<u8>(), 0..300).prop_flat_map(|aad| {
                let len = aad.len();
                (Just(aad), 0..=len)
            }),
            clear in prop::collection::vec(any::<u8>(), 0..700),
            flipped: prop::sample::Index,
        ) {
            let mut theirs = clear.clone();
            let their_tag = of_another(&key, nonce, &aad, &mut theirs);
            let aad = aad.split_at(cut);
            for gcm in each_engine(&key) {
                let mut ours = clear.clone();
                let tag = gcm.seal(&nonce, [aad.0, aad.1], &mut ours);
                prop_assert_eq!((&ours, tag), (&theirs, their_tag));
                let mut wrong = tag;
                wrong[flipped.index(TAG)] ^= 1 << flipped.index(8);
                prop_assert_eq!(gcm.open(&nonce, [aad.0, aad.1], &mut ours, &wrong), Err(NotAuthentic));
                prop_assert_eq!(&ours, &theirs, "untouched");
                prop_assert_eq!(gcm.open(&nonce, [aad.0, aad.1], &mut ours, &tag), Ok(()));
                prop_assert_eq!(&ours, &clear);
            }
        }
    }

    #[test]
    #[ignore = "a measurement: run it alone, optimised"]
    fn takes() {
        use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
        fn best(name: &str, mut work: impl FnMut()) {
            let mut best = u128::MAX;
            for _ in 0..50 {
                let start = std::time::Instant::now();
                for _ in 0..10_000 {
                    work();
                }
                best = best.min(start.elapsed().as_nanos() / 10_000);
            }
            std::eprintln!("open {name} {best} ns");
        }
        let theirs = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key"));
        for gcm in each_engine(&[7; 32]).chain(each_engine(&[7; 32])) {
            let mut message = [9; 32];
            let tag = gcm.seal(&[1; 12], [&[3; 6], &[3; 9]], &mut message);
            best(&format!("{:?}", gcm.cipher.engine().back_end()), || {
                let mut message = core::hint::black_box(message);
                gcm.open(&[1; 12], [&[3; 6], &[3; 9]], &mut message, &tag)
                    .expect("authentic");
                core::hint::black_box(&message);
            });
            best("aws-lc", || {
                let mut clear = [0; 32];
                theirs
                    .open_separate_gather(
                        Nonce::assume_unique_for_key([1; 12]),
                        Aad::from([3; 15]),
                        &message,
                        &tag,
                        &mut clear,
                    )
                    .expect("authentic");
                core::hint::black_box(&clear);
            });
        }
    }
}
