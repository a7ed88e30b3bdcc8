//! Secrets are overwritten when they are dropped: the place where one was is read afterwards.
#![allow(unsafe_code, reason = "only so can a place be read whose value is gone")]

use std::mem::MaybeUninit;

use kaskade_crypto::ecies::EphemeralSecret;
use kaskade_crypto::gsm::{Kc, Kc128, Sres};
use kaskade_crypto::kdf::{HmacKey, KdfOutput};
use kaskade_crypto::{Ak, Ck, Ik, K, K256, Op, Opc, Top, Topc};

/// The octets of a value without padding, after its drop.
fn after_drop<T>(value: T) -> Vec<u8> {
    let mut place = MaybeUninit::new(value);
    // SAFETY: the value is there, and is not used again.
    unsafe { place.assume_init_drop() };
    // SAFETY: the place still exists, and T has no padding, so that every octet of it was written.
    unsafe { std::slice::from_raw_parts(place.as_ptr().cast::<u8>(), size_of::<T>()) }.to_vec()
}

#[test]
fn nothing_is_left_of_a_secret() {
    struct NotWiped([u8; 16]);
    let witness = NotWiped([0xa5; 16]);
    assert_eq!(witness.0, [0xa5; 16]);
    assert_eq!(after_drop(witness), [0xa5; 16], "what is not wiped is seen");

    for octets in [
        after_drop(K::from_octets(&[0xa5; 16])),
        after_drop(Op::from_octets(&[0xa5; 16])),
        after_drop(Opc::from_octets(&[0xa5; 16])),
        after_drop(K256::from_octets(&[0xa5; 32])),
        after_drop(Top::from_octets(&[0xa5; 32])),
        after_drop(Topc::from_octets(&[0xa5; 32])),
        after_drop(Sres::from_octets(&[0xa5; 4])),
        after_drop(Kc::from_octets(&[0xa5; 8])),
        after_drop(Kc128::from_octets(&[0xa5; 16])),
        after_drop(Ck::from_octets(&[0xa5; 16])),
        after_drop(Ik::from_octets(&[0xa5; 16])),
        after_drop(Ak::from_octets(&[0xa5; 6])),
        after_drop(EphemeralSecret::from_octets(&[0xa5; 32])),
        after_drop::<HmacKey>(HmacKey::new(&[0xa5; 32])),
        after_drop::<KdfOutput>(HmacKey::new(&[0xa5; 32]).mac(b"message")),
    ] {
        assert_eq!(octets, vec![0; octets.len()]);
    }
}
