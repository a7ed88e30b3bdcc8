//! The sum of 128-EIA3 (TS 35.221 4.3): for each bit of the message that is 1, the 32 bits of the keystream from the
//! place of that bit on, then those at the place after the message, then the last word.

use super::keystream::Keystream;
use super::words::{STRIDE, Words};
use crate::wipe::Wiped;

/// Octets whose windows are added at once.
pub(crate) const BLOCK: usize = 64;

/// Words of keystream that the windows of a block reach over.
pub(crate) const WORDS: usize = BLOCK / 4 + 2;

/// A keystream, and how windows of it are added up.
pub(crate) trait WindowSum: Words {
    /// The sum so far, in whatever form adding is quickest.
    type Windows;

    /// Adds the windows of one block, of whose octets the most significant bit comes first, with the keystream from its
    /// place on.
    fn add(&self, windows: &mut Self::Windows, block: &[u8; BLOCK], words: &[u32; WORDS]);

    /// The sum of all windows.
    fn sum(&self, windows: &Self::Windows) -> u32;
}

/// The sum over the first `bits` of `message`, which has them; `windows` is that of no message yet.
#[inline(always)]
pub(crate) fn sum<K: WindowSum>(keystream: &mut K, windows: &mut K::Windows, message: &[u8], bits: usize) -> u32 {
    let mut first = Wiped([0; 2]);
    keystream.fill(&mut first.0);
    sum_from(keystream, &first.0, windows, message, bits)
}

/// The sum from some place of a message on: `first` are the words from that place that the keystream has given already,
/// two at least and sixteen at most; `windows` is the sum before it.
#[inline(always)]
pub(crate) fn sum_from<K: WindowSum>(
    keystream: &mut K,
    first: &[u32],
    windows: &mut K::Windows,
    message: &[u8],
    bits: usize,
) -> u32 {
    let mut words = Wiped([0; BLOCK / 4 + STRIDE]);
    let words = &mut words.0;
    let held = first.len();
    words[..held].copy_from_slice(first);
    let (blocks, _) = message[..bits / 8].as_chunks::<BLOCK>();
    for blocks in blocks.chunks(4 * STRIDE / BLOCK) {
        let made = BLOCK / 4 * blocks.len();
        keystream.fill(&mut words[held..held + made]);
        for (i, block) in blocks.iter().enumerate() {
            if let Some(words) = words[BLOCK / 4 * i..].first_chunk() {
                keystream.add(windows, block, words);
            }
        }
        words.copy_within(made..made + held, 0);
    }
    let (last, bits) = last_block(message, bits);
    let used = bits.div_ceil(32) + 2;
    if used > held {
        keystream.fill(&mut words[held..used]);
    }
    if let Some(words) = words.first_chunk() {
        keystream.add(windows, &last, words);
    }
    keystream.sum(windows) ^ words[used - 1]
}

/// What follows the last whole block, and how many bits that are. A further bit that is 1 stands for the window after
/// the message; zeros follow.
pub(crate) fn last_block(message: &[u8], bits: usize) -> ([u8; BLOCK], usize) {
    let mut block = [0; BLOCK];
    let start = bits / 8 / BLOCK * BLOCK;
    let rest = &message[start..bits.div_ceil(8)];
    block[..rest.len()].copy_from_slice(rest);
    let bits = bits - 8 * start;
    let first_free = 0x80 >> (bits % 8);
    let octet = &mut block[bits / 8];
    *octet = *octet & !(first_free | (first_free - 1)) | first_free;
    (block, bits)
}

/// Bit by bit, in constant time.
impl WindowSum for Keystream {
    type Windows = Wiped<u32, 1>;

    fn add(&self, Wiped([sum]): &mut Self::Windows, block: &[u8; BLOCK], words: &[u32; WORDS]) {
        let mut windows = 0;
        for (octets, pair) in block.as_chunks::<4>().0.iter().zip(words.windows(2)) {
            let bits = u32::from_be_bytes(*octets);
            let window = u64::from(pair[0]) << 32 | u64::from(pair[1]);
            for i in 0..32 {
                let mask = u64::from(bits >> (31 - i) & 1).wrapping_neg();
                windows ^= window << i & mask;
            }
        }
        *sum ^= (windows >> 32) as u32;
    }

    fn sum(&self, Wiped([sum]): &Self::Windows) -> u32 {
        *sum
    }
}
