//! Keystreams that give their words, and what is done with them alike.

#[cfg(x86_back_ends)]
use crate::wipe::Wiped;

/// Words that are made at once.
pub(crate) const STRIDE: usize = 64;

/// A keystream of words.
pub(crate) trait Words {
    /// The next words, at most [`STRIDE`].
    fn fill(&mut self, words: &mut [u32]);
}

/// Adds the next words, most significant octet first, to `octets`. What a last word has beyond them is lost.
#[cfg(x86_back_ends)]
#[inline(always)]
pub(crate) fn add_to(keystream: &mut impl Words, octets: &mut [u8]) {
    let mut words = Wiped([0; STRIDE]);
    for octets in octets.chunks_mut(4 * STRIDE) {
        let words = &mut words.0[..octets.len().div_ceil(4)];
        keystream.fill(words);
        let (whole, rest) = octets.as_chunks_mut::<4>();
        for (octets, word) in whole.iter_mut().zip(&*words) {
            *octets = (u32::from_ne_bytes(*octets) ^ word.to_be()).to_ne_bytes();
        }
        if let Some(last) = words.last() {
            for (octet, key) in rest.iter_mut().zip(last.to_be_bytes()) {
                *octet ^= key;
            }
        }
    }
}
