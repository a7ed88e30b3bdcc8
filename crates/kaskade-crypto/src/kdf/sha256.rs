//! SHA-256 over its compression function (FIPS 180-4), streaming through one block.

use sha2::block_api::compress256;

use super::{KdfOutput, outer_hash};
#[cfg(x86_back_ends)]
use crate::simd::sha256::ni::ShaNi;
use crate::wipe::wipe;

/// Length of a block in octets.
pub(crate) const BLOCK: usize = 64;

/// Offset of the eight octets of message length in the last block.
pub(super) const LENGTH_AT: usize = BLOCK - 8;

/// SHA-256 of the parts, one after the other: 32 octets.
#[inline]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.absorb(part);
    }
    octets(hash.finish())
}

/// SHA-256 of `a` ‖ `b`, 16 octets each, in exactly one compression: the form of HRES* and HXRES* (TS 33.501 A.5).
#[inline]
pub fn sha256_one_block(a: &[u8; 16], b: &[u8; 16]) -> [u8; 32] {
    let mut block = ONE_BLOCK_PADDING;
    block[..16].copy_from_slice(a);
    block[16..32].copy_from_slice(b);
    let mut state = initial_state();
    compress(&mut state, &block);
    let digest = octets(&state);
    wipe(&mut block);
    wipe(&mut state);
    digest
}

/// What stands behind a message of 32 octets, 256 bits, in its only block.
const ONE_BLOCK_PADDING: [u8; BLOCK] = {
    let mut block = [0; BLOCK];
    block[32] = 0x80;
    block[62] = 0x01;
    block
};

/// H(0): the state before the first block (FIPS 180-4 5.3.3).
#[inline(always)]
pub(crate) const fn initial_state() -> [u32; 8] {
    [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ]
}

/// One compression.
#[inline(always)]
pub(super) fn compress(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    compress256(state, core::slice::from_ref(block));
}

/// The state as octets, each word most significant first.
#[inline(always)]
pub(super) fn octets(state: &[u32; 8]) -> [u8; 32] {
    let mut octets = [0; 32];
    for (octets, word) in octets.as_chunks_mut().0.iter_mut().zip(state) {
        *octets = word.to_be_bytes();
    }
    octets
}

/// A message in the making, wiped on drop. The block lies in one cache line, which saves a twentieth.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Sha256 {
    /// Zero from `filled` on, so that the padding has little left to write.
    block: [u8; BLOCK],
    state: [u32; 8],
    /// Octets waiting in `block`; always below 64.
    filled: usize,
    /// Octets compressed so far.
    compressed: u64,
}

impl Sha256 {
    /// An empty message.
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self {
            state: initial_state(),
            block: [0; BLOCK],
            filled: 0,
            compressed: 0,
        }
    }

    /// Goes on after one block, an HMAC pad, that led to `state`.
    #[inline(always)]
    pub(super) fn resume(state: &[u32; 8]) -> Self {
        Self {
            state: *state,
            block: [0; BLOCK],
            filled: 0,
            compressed: BLOCK as u64,
        }
    }

    /// Adds octets.
    #[inline(always)]
    pub(super) fn absorb(&mut self, octets: &[u8]) {
        match self
            .block
            .get_mut(self.filled..)
            .and_then(|free| free.get_mut(..octets.len()))
        {
            Some(place) if place.len() < BLOCK - self.filled => {
                place.copy_from_slice(octets);
                self.filled += octets.len();
            }
            _ => self.absorb_blocks(octets),
        }
    }

    /// Adds octets that fill the block at least.
    #[inline(never)]
    fn absorb_blocks(&mut self, octets: &[u8]) {
        let free = self.block.get_mut(self.filled..).unwrap_or_default();
        let Some((head, rest)) = octets.split_at_checked(free.len()) else {
            return;
        };
        free.copy_from_slice(head);
        compress(&mut self.state, &self.block);
        let (blocks, tail) = rest.as_chunks();
        compress256(&mut self.state, blocks);
        self.compressed += ((1 + blocks.len()) * BLOCK) as u64;
        self.block = [0; BLOCK];
        for (place, octet) in self.block.iter_mut().zip(tail) {
            *place = *octet;
        }
        self.filled = tail.len();
    }

    /// Pads the message and compresses what is left: one compression, or two when the length does not fit behind it.
    #[inline(always)]
    pub(super) fn finish(&mut self) -> &[u32; 8] {
        self.pad();
        compress(&mut self.state, &self.block);
        &self.state
    }

    /// [`Sha256::finish`], and the outer hash of an HMAC over it.
    #[inline(always)]
    pub(super) fn finish_hmac(&mut self, outer: &[u32; 8]) -> KdfOutput {
        #[cfg(x86_back_ends)]
        if let Some(sha_ni) = ShaNi::detect() {
            self.pad();
            return KdfOutput(sha_ni.hmac(&self.state, &self.block, outer));
        }
        outer_hash(outer, self.finish())
    }

    /// Puts the padding behind the message; what is left to compress is the block.
    #[inline(always)]
    fn pad(&mut self) {
        let bits = (self.compressed + self.filled as u64) * 8;
        if let Some(place) = self.block.get_mut(self.filled) {
            *place = 0x80;
        }
        if self.filled >= LENGTH_AT {
            compress(&mut self.state, &self.block);
            self.block = [0; BLOCK];
        }
        self.block[LENGTH_AT..].copy_from_slice(&bits.to_be_bytes());
    }
}

impl Drop for Sha256 {
    #[inline(always)]
    fn drop(&mut self) {
        wipe(&mut self.state);
        wipe(&mut self.block);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The SHA instructions and the portable way end an HMAC alike, wherever the message ends in its block.
        #[test]
        fn both_ends_of_an_hmac_agree(inner: [u32; 8], outer: [u32; 8], message in prop::collection::vec(any::<u8>(), 0..200)) {
            let of = |message: &[u8]| {
                let mut s = Sha256::resume(&inner);
                s.absorb(message);
                s
            };
            let portable = outer_hash(&outer, of(&message).finish());
            prop_assert!(of(&message).finish_hmac(&outer) == portable);
        }
    }
}
