//! COMP128v2 and v3: eight times five layers of a substitution over 32 octets, and a permutation of the bits.
//!
//! The 32 octets are two halves: a message, RAND at first, and K ⊕ RAND. A layer puts the halves through two tables,
//!
//! ```text
//! left  = OUTER[INNER[second half] ⊕ first half]
//! right = OUTER[INNER[left] ⊕ second half]
//! ```
//!
//! and merges left and right in blocks of 1, 2, 4, 8 and 16 octets. Half of the bits, chosen in steps of 19, are the next
//! message. K, RAND and the output have their octets in reversed order here.

use super::Ki;
use super::look_up::look_up;
use super::tables::{INNER, OUTER};
use crate::types::Rand;
use crate::wipe::Wiped;

/// The 128 bits after the last of eight times: SRES is the first 32, Kc the last 64.
pub(super) fn output(ki: &Ki, rand: &Rand) -> u128 {
    let rand = u128::from_le_bytes(*rand.octets());
    let key = Wiped([u128::from_le_bytes(*ki.secret_octets()) ^ rand]);
    let mut message = Wiped([rand]);
    for _ in 0..8 {
        let [message] = &mut message.0;
        *message = mix(&message.to_be_bytes(), &key.0[0].to_be_bytes());
    }
    message.0[0].swap_bytes()
}

/// Five layers, and the choice of bits.
fn mix(message: &[u8; 16], key: &[u8; 16]) -> u128 {
    let mut halves = Wiped([0; 32]);
    halves.0[..16].copy_from_slice(message);
    halves.0[16..].copy_from_slice(key);
    layer::<1>(&mut halves);
    layer::<2>(&mut halves);
    layer::<4>(&mut halves);
    layer::<8>(&mut halves);
    layer::<16>(&mut halves);
    let mut chosen = Wiped([0_u8; 16]);
    let mut bit = 0;
    for octet in &mut chosen.0 {
        for place in 0..8 {
            bit = (bit + 19) % 256;
            *octet |= (halves.0[bit / 8] >> (bit % 8) & 1) << place;
        }
    }
    u128::from_be_bytes(chosen.0)
}

#[inline(always)]
fn layer<const BLOCK: usize>(halves: &mut Wiped<u8, 32>) {
    let (first, second) = halves.0.split_at(16);
    let left = substitute(second, first);
    let right = substitute(&left.0, second);
    let merged = halves.0.chunks_exact_mut(2 * BLOCK);
    for ((places, left), right) in merged.zip(left.0.chunks_exact(BLOCK)).zip(right.0.chunks_exact(BLOCK)) {
        places[..BLOCK].copy_from_slice(left);
        places[BLOCK..].copy_from_slice(right);
    }
}

/// OUTER[INNER[x] ⊕ y], of 16 octets each.
#[inline(always)]
fn substitute(x: &[u8], y: &[u8]) -> Wiped<u8, 16> {
    let mut octets = Wiped([0; 16]);
    octets.0.copy_from_slice(x);
    octets.0 = look_up(&INNER, &octets.0);
    for (octet, y) in octets.0.iter_mut().zip(y) {
        *octet ^= y;
    }
    octets.0 = look_up(&OUTER, &octets.0);
    octets
}
