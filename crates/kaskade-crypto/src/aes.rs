//! 128-NEA2 and 128-NIA2: AES-128 in counter mode and AES-CMAC (TS 33.401 B.1.3, B.2.3).
//!
//! EEA2 and EIA2 of 4G are the same algorithms. Both begin with the eight octets
//!
//! ```text
//! COUNT (32 bits) ‖ BEARER (5) ‖ DIRECTION (1) ‖ 0 (26)
//! ```
//!
//! | Algorithm | Computes |
//! |---|---|
//! | 128-NEA2 | message ⊕ keystream; counter block T1 = those octets ‖ 0 (64 bits), the low 64 bits count |
//! | 128-NIA2 | AES-CMAC (SP 800-38B) of those octets ‖ message; the MAC is its 4 most significant octets |
//!
//! ```
//! use kaskade_crypto::aes::{Nea2, Nia2};
//! use kaskade_crypto::cipher::{Bearer, Direction, Key128, MessageInput};
//!
//! let input = MessageInput { count: 7, bearer: Bearer::new(1).unwrap(), direction: Direction::Uplink };
//! let mut message = *b"a NAS message";
//! let nea2 = Nea2::new(&Key128::from_octets(&[0x11; 16]));
//! nea2.apply(&input, &mut message);
//! let nia2 = Nia2::new(&Key128::from_octets(&[0x22; 16]));
//! let mac = nia2.mac(&input, &message);
//!
//! assert_eq!(nia2.verify(&input, &message, &mac), Ok(()));
//! nea2.apply(&input, &mut message);
//! assert_eq!(&message, b"a NAS message");
//! ```
//!
//! # Back ends
//!
//! | [`BackEnd`](crate::cipher::BackEnd) | Processor | Code |
//! |---|---|---|
//! | `Avx512` | x86-64 with AVX-512 and VAES | four blocks an instruction; 16 CMAC chains side by side |
//! | `Avx2` | x86-64 with AES-NI | eight blocks in flight; 8 CMAC chains side by side; with VAES two blocks an instruction and 16 chains |
//! | `Portable` | any | the `aes` crate |
//!
//! All are constant time. The `aes` crate has a choice of its own, at run time: AES instructions where it finds them (on
//! AArch64 too), otherwise fixsliced software without tables. It cannot be told at run time to take its software; a
//! build can tell it with `RUSTFLAGS='--cfg aes_backend="soft"'`, which changes nothing of the others.

mod cmac;
mod nea2;
mod nia2;

#[cfg(x86_back_ends)]
pub(crate) use cmac::truncated;
pub(crate) use cmac::{Blocks, Subkeys, subkeys};
pub use nea2::Nea2;
pub use nia2::Nia2;

use crate::cipher::MessageInput;

/// COUNT ‖ BEARER ‖ DIRECTION ‖ 0, 8 octets, as a number whose first octet is the lowest.
#[inline(always)]
fn header(input: &MessageInput) -> u64 {
    let bearer_and_direction = input.bearer.value() << 3 | input.direction.bit() << 2;
    u64::from(bearer_and_direction) << 32 | u64::from(input.count.swap_bytes())
}
