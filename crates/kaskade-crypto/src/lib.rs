//! The algorithms that the 3GPP key cascade starts from, and the silent secret types it is made of.
//!
//! | Room | What | Source |
//! |---|---|---|
//! | [`secret`] | the one macro that makes every key type: silent, wiped, compared in constant time | design decision 2 |
//! | [`types`] | K, OP, OPc, TOP, TOPc, RAND, SQN, AMF, RES, CK, IK, AK, MAC-A, MAC-S, AUTN, AUTS | TS 33.102 6.3 |
//! | [`algorithm_set`] | what all sets of f1 to f5* share: the vector, AUTS | TS 33.102 6.3 |
//! | [`milenage`] | f1, f1*, f2..f5, f5*, OP → OPc | TS 35.206 |
//! | [`tuak`] | f1, f1*, f2..f5, f5*, TOP → TOPc on Keccak | TS 35.231 |
//! | [`xor_test`] | the test algorithm of conformance tests | TS 34.108 8.1.2 |
//! | [`gsm`] | COMP128v1, v2, v3; GSM-MILENAGE; c2..c5 | TS 33.102 6.8.1.2, TS 55.205 |
//! | [`snow3g`] | 128-NEA1, 128-NIA1 (EEA1, EIA1, UEA2, UIA2) | TS 35.215, 35.216 |
//! | [`aes`] | 128-NEA2, 128-NIA2 (EEA2, EIA2) | TS 33.401 B.1.3, B.2.3 |
//! | [`zuc`] | 128-NEA3, 128-NIA3 (EEA3, EIA3) | TS 35.221, 35.222 |
//! | [`nxa256`] | 256-NEA/NIA/NCA 4 (SNOW 5G), 5 (AES-256), 6 (ZUC-256) | TS 35.240, 35.243, 35.246 |
//! | [`kdf`] | the generic key derivation function, with shared HMAC pads, and for many keys at once | TS 33.220 Annex B |
//! | [`cbc`] | AES-128 in CBC mode, for attributes of EAP-AKA | RFC 4187 10.12 |
//! | [`cipher`] | what all ciphers and MACs share: keys, inputs, jobs, back ends | TS 33.501 Annex D |
//! | [`ecdh`] | ephemeral keys on X25519 and P-256, for forward secrecy of EAP-AKA' | RFC 9678 6.5 |
//! | [`ecies`] | SUCI protection schemes: null, profile A (X25519), profile B (P-256) | TS 33.501 Annex C |
//! | [`http_digest`] | what HTTP Digest computes with a password | RFC 7616 |
//! | [`radius`] | what RADIUS computes with a shared secret | RFC 2865, RFC 3579, RFC 2548 |
//! | [`store_keys`] | what a home network's store makes of its data key: recognisable RAND, codes of its records | TS 33.102 C.2.2 |
//! | [`subscription`] | an algorithm set with its secrets, and how they are laid out when sealed | – |
//! | [`seal`] | K and its like at rest: AES-256-GCM where their octets are visible, and nowhere else | NIST SP 800-38D |
//! | `simd` | back ends on the instructions of x86-64, found at run time: the only unsafe code | design decision 5 |
//!
//! No function here does I/O, reads a clock or draws random numbers: randomness is an argument.
//! Nothing allocates on the authentication-vector path.
//!
//! ```
//! use kaskade_crypto::{Amf, K, Op, Opc, Rand, Sqn, milenage::Milenage};
//!
//! // Test set 1 of TS 35.208.
//! let k = K::from_octets(&0x465b5ce8b199b49faa5f0a2ee238a6bc_u128.to_be_bytes());
//! let op = Op::from_octets(&0xcdc202d5123e20f62b6d676ac72cb318_u128.to_be_bytes());
//! let rand = Rand::from_octets(0x23553cbe9637a89d218ae64dae47bf35_u128.to_be_bytes());
//! let sqn = Sqn::new(0xff9bb4d0b607).expect("48 bits");
//! let vector = Milenage::new(&k, &Opc::derive(&k, &op)).vector(&rand, sqn, Amf::from_octets([0xb9, 0xb9]));
//! assert_eq!(vector.autn().octets(), &0x55f328b43577b9b94a9ffac354dfafb3_u128.to_be_bytes());
//! assert_eq!(format!("{k:?}"), "K(…)");
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::panic,
        clippy::unwrap_used,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::needless_pass_by_value,
        reason = "a test fails by panicking, prints what it saw, and casts its own constants"
    )
)]
#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

pub mod aes;
pub mod algorithm_set;
mod block_cipher;
pub mod cbc;
pub mod cipher;
pub mod ecdh;
pub mod ecies;
pub mod gsm;
pub mod http_digest;
pub mod kdf;
#[cfg(test)]
#[path = "../tests/all/known_answers/mod.rs"]
mod known_answers;
pub mod milenage;
pub mod nxa256;
pub mod radius;
pub mod seal;
pub mod secret;
mod simd;
pub mod snow3g;
pub mod store_keys;
pub mod subscription;
pub mod tuak;
pub mod types;
mod wipe;
pub mod xor_test;
pub mod zuc;

#[doc(hidden)]
pub mod reexport {
    //! What the macros of this crate need at their call sites.
    pub use crate::wipe::wipe;
    pub use subtle;
    pub use zeroize;
}

pub use secret::{Fingerprint, FromOctets, KeyMaterial, ShownKey};
pub use types::{Ak, Amf, Autn, Auts, Ck, Ik, K, K256, MacA, MacS, Op, Opc, Rand, Res, Sqn, Top, Topc};

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
