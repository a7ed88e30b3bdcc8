//! COMP128v1: eight rounds of a compression of 32 octets to 32 numbers of 4 bits.
//!
//! Before each round the first 16 octets are K; the other 16 are RAND, later what the round before left. A round has five
//! levels. Level n takes pairs (a, b) that stand 16 / 2^n apart and looks a + 2b and 2a + b, both of 9 − n bits, up in a
//! table of that size, whose values have 8 − n bits. So after the last level 4 bits are left of each octet: 128 bits in all,
//! which a permutation spreads over the 16 octets of the next round.

use super::Ki;
use super::look_up::look_up;
use super::tables::{LEVEL_0, LEVEL_1, LEVEL_2, LEVEL_3, LEVEL_4};
use crate::types::Rand;
use crate::wipe::Wiped;

/// The 128 bits after the last round: SRES is the first 32, Kc the last 54.
pub(super) fn output(ki: &Ki, rand: &Rand) -> u128 {
    let mut next = Wiped(*rand.octets());
    for _ in 1..8 {
        next.0 = permute(compress(ki.secret_octets(), &next.0)).to_be_bytes();
    }
    compress(ki.secret_octets(), &next.0)
}

/// Bit i of the output is bit 17 i (mod 128) of the input, counted from the most significant.
fn permute(bits: u128) -> u128 {
    (0..128).fold(0, |permuted, i: u32| permuted << 1 | bits >> (127 - i * 17 % 128) & 1)
}

/// The five levels, and their 32 numbers of 4 bits as one.
fn compress(k: &[u8; 16], next: &[u8; 16]) -> u128 {
    let mut x = Wiped([0; 32]);
    x.0[..16].copy_from_slice(k);
    x.0[16..].copy_from_slice(next);
    level::<0>(&mut x, &LEVEL_0);
    level::<1>(&mut x, &LEVEL_1);
    level::<2>(&mut x, &LEVEL_2);
    level::<3>(&mut x, &LEVEL_3);
    level::<4>(&mut x, &LEVEL_4);
    x.0.iter().fold(0, |bits, nibble| bits << 4 | u128::from(*nibble))
}

#[inline(always)]
fn level<const N: usize>(x: &mut Wiped<u8, 32>, table: &[u8]) {
    let distance = 16 >> N;
    let mut a = Wiped([0; 16]);
    let mut b = Wiped([0; 16]);
    let firsts = || (0..32).filter(|index| index & distance == 0);
    for ((a, b), first) in a.0.iter_mut().zip(&mut b.0).zip(firsts()) {
        (*a, *b) = (x.0[first], x.0[first + distance]);
    }
    let indices = |a: &[u8; 16], b: &[u8; 16]| {
        let mut indices = Wiped([0; 16]);
        for ((index, a), b) in indices.0.iter_mut().zip(a).zip(b) {
            *index = table_index::<N>(u16::from(*a) + 2 * u16::from(*b));
        }
        indices
    };
    let (for_a, for_b) = (indices(&a.0, &b.0), indices(&b.0, &a.0));
    (a.0, b.0) = (look_up(table, &for_a.0), look_up(table, &for_b.0));
    for ((a, b), first) in a.0.iter().zip(&b.0).zip(firsts()) {
        (x.0[first], x.0[first + distance]) = (*a, *b);
    }
}

/// The index of 9 − N bits; at level 0 the highest of them exchanges neighbours in a table of 256.
#[inline(always)]
fn table_index<const N: usize>(sum: u16) -> u8 {
    let [high, low] = (sum & (0x1ff >> N)).to_be_bytes();
    low ^ high
}
