//! The algorithms that the 3GPP key cascade starts from, and the silent secret types it is made of.
//!
//! | Room | What | Source |
//! |---|---|---|
//! | [`secret`] | the one macro that makes every key type: silent, wiped, compared in constant time | design decision 2 |
//! | [`types`] | K, OP, OPc, RAND, SQN, AMF, RES, CK, IK, AK, MAC-A, MAC-S, AUTN, AUTS | TS 33.102 6.3 |
//! | [`milenage`] | f1, f1*, f2..f5, f5*, OP → OPc | TS 35.206 |
//! | [`kdf`] | the generic key derivation function, with shared HMAC pads | TS 33.220 Annex B |
//! | [`ecies`] | SUCI protection schemes: null, profile A (X25519), profile B (P-256) | TS 33.501 Annex C |
//! | `simd` | AES on the instructions of x86-64, found at run time: the only unsafe code | design decision 5 |
//!
//! No function here does I/O, reads a clock or draws random numbers: randomness is an argument.
//! Nothing allocates on the authentication-vector path.
#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

mod block_cipher;
pub mod ecies;
pub mod kdf;
pub mod milenage;
pub mod secret;
mod simd;
pub mod types;
mod wipe;

#[doc(hidden)]
pub mod reexport {
    //! What the macros of this crate need at their call sites.
    pub use crate::wipe::wipe;
    pub use subtle;
    pub use zeroize;
}

pub use secret::KeyMaterial;
pub use types::{Ak, Amf, Autn, Auts, Ck, Ik, K, MacA, MacS, Op, Opc, Rand, Res, Sqn};
