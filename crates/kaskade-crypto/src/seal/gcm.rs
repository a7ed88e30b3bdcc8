//! AES-256-GCM (NIST SP 800-38D), of the crate `aes-gcm`.
//!
//! The whole state of a key lies in the value itself, and nothing of it on the heap.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Tag};
use alloc::vec::Vec;

/// Octets of a nonce.
pub(crate) const NONCE: usize = 12;
/// Octets of a tag.
pub(crate) const TAG: usize = 16;

/// Associated data of so many octets are put together without heap: a row's clear part with constants, and an IMSI's key.
const USUAL: usize = 128;

/// A key of AES-256-GCM: its key schedule and H, wiped on drop.
#[derive(Clone)]
pub(crate) struct Gcm(Aes256Gcm);

impl Gcm {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Ciphers `message` in place and gives its tag. A nonce must never serve for two messages.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE], associated: [&[u8]; 2], message: &mut [u8]) -> [u8; TAG] {
        let tag = with_associated(associated, |associated| {
            self.0.encrypt_inout_detached(nonce.into(), associated, message.into())
        });
        tag.expect("fewer than the 2^36 octets that GCM allows").into()
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
        with_associated(associated, |associated| {
            let tag: &Tag = tag.into();
            let opened = self
                .0
                .decrypt_inout_detached(nonce.into(), associated, message.into(), tag);
            opened.map_err(|_| NotAuthentic)
        })
    }
}

/// The two parts one after the other.
#[inline]
fn with_associated<R>([first, second]: [&[u8]; 2], work: impl FnOnce(&[u8]) -> R) -> R {
    let mut usual = [0; USUAL];
    match usual.get_mut(..first.len() + second.len()) {
        Some(place) => {
            let (head, tail) = place.split_at_mut(first.len());
            head.copy_from_slice(first);
            tail.copy_from_slice(second);
            work(place)
        }
        None => work(&Vec::from([first, second]).concat()),
    }
}

/// The message is not what was sealed, or not under this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;

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
        {
            let gcm = Gcm::new(&key.try_into().expect("32 octets"));
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
            {
                let gcm = Gcm::new(&key);
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
}
