//! The registers of SNOW 5G and its round, on any processor.
//!
//! ```text
//! two shift registers of 16 × 16 bits, A and B, and three registers of 128 bits, R1 to R3
//! z   = (R1 ⊞ B upper half) ⊕ R2                               16 octets of keystream
//! R1' = σ((A upper half ⊕ R3) ⊞ R2)    R2' = AES round of R1    R3' = AES round of R2
//! a'  = α·a[i] ⊕ b[i] ⊕ a[i + 7]        b'  = β·b[i] ⊕ a[i] ⊕ b[i + 8]     for i = 0..7, then both shift by 8
//! ```
//!
//! ⊞ adds eight numbers of 16 bits: so say the published test vectors. The structure is that of SNOW-Vi.

use aes::Block;
use aes::hazmat::cipher_round;

use crate::wipe::Wiped;

/// 128 bits as numbers of 16 bits, the first octets in the first, least significant octet first.
pub(crate) type Lanes = [u16; 8];

/// x^16 of the field that A steps in, less its power 16.
pub(crate) const ALPHA: u16 = 0x4a6d;

/// The same of B.
pub(crate) const BETA: u16 = 0xcc87;

/// σ: which octet of its input each octet of its output is.
pub(crate) const SIGMA: [u8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];

/// a0 to a7, a8 to a15, b0 to b7, b8 to b15, R1, R2, R3. Wiped on drop.
pub(crate) struct State(pub(crate) Wiped<Lanes, 7>);

impl State {
    /// Before a key is loaded.
    pub(super) const EMPTY: Self = Self(Wiped([[0; 8]; 7]));

    /// Key and IV in their places, before the first of the rounds that mix them.
    #[inline]
    pub(super) fn load(&mut self, key: &[u8; 32], iv: &[u8; 16]) {
        let (key, _) = key.as_chunks();
        let Wiped([a_low, a_high, _, b_high, ..]) = &mut self.0;
        *a_low = lanes(iv);
        *a_high = lanes(&key[0]);
        *b_high = lanes(&key[1]);
    }

    /// 16 rounds whose output goes back into A. The key, which is in the upper halves at first, is added again in the
    /// last two.
    pub(super) fn initialise(&mut self) {
        let Wiped([_, key_0, _, key_1, ..]) = self.0;
        for round in 0..16 {
            let output = self.round();
            let Wiped([_, a_high, _, _, r1, ..]) = &mut self.0;
            add(a_high, &output);
            match round {
                14 => add(r1, &key_0),
                15 => add(r1, &key_1),
                _ => {}
            }
        }
    }

    pub(super) fn apply(&mut self, message: &mut [u8]) {
        for block in message.chunks_mut(16) {
            for (octet, mask) in block.iter_mut().zip(octets(&self.round())) {
                *octet ^= mask;
            }
        }
    }

    /// One round: what comes out, and all registers one step further.
    fn round(&mut self) -> Lanes {
        let Wiped([a_low, a_high, b_low, b_high, r1, r2, r3]) = self.0;
        let output = each(|i| r1[i].wrapping_add(b_high[i]) ^ r2[i]);

        let a7_to_a14 = |i: usize| if i == 0 { a_low[7] } else { a_high[i - 1] };
        let sum = octets(&each(|i| (a_high[i] ^ r3[i]).wrapping_add(r2[i])));
        self.0.0 = [
            a_high,
            each(|i| times_x(a_low[i], ALPHA) ^ b_low[i] ^ a7_to_a14(i)),
            b_high,
            each(|i| times_x(b_low[i], BETA) ^ a_low[i] ^ b_high[i]),
            lanes(&SIGMA.map(|from| sum[usize::from(from)])),
            aes_round(&r1),
            aes_round(&r2),
        ];
        output
    }
}

/// The number after `number` in a field of 2^16 numbers; without a branch.
fn times_x(number: u16, reduction: u16) -> u16 {
    (number << 1) ^ ((number >> 15).wrapping_neg() & reduction)
}

/// One round of AES with a round key of zero.
fn aes_round(lanes_in: &Lanes) -> Lanes {
    let mut block = Block::from(octets(lanes_in));
    cipher_round(&mut block, &Block::default());
    lanes(&block.into())
}

fn add(sum: &mut Lanes, other: &Lanes) {
    *sum = each(|i| sum[i] ^ other[i]);
}

fn each(lane: impl Fn(usize) -> u16) -> Lanes {
    core::array::from_fn(lane)
}

fn lanes(octets: &[u8; 16]) -> Lanes {
    let (pairs, _) = octets.as_chunks();
    each(|i| u16::from_le_bytes(pairs[i]))
}

fn octets(lanes: &Lanes) -> [u8; 16] {
    core::array::from_fn(|i| lanes[i / 2].to_le_bytes()[i % 2])
}
