//! The sum of 128-EIA3 (TS 35.221 4.3): for each bit of the message that is 1, the 32 bits of the keystream from the
//! place of that bit on, then those at the place after the message, then the last word.

use super::Keystream;
use crate::wipe::Wiped;

/// Octets that are done at once.
const BLOCK: usize = 64;

/// The sum over the first `bits` of `message`, which has them, in constant time.
pub(super) fn sum(keystream: &mut Keystream, message: &[u8], bits: usize) -> u32 {
    // One word that reaches over from the block before, then those of a block, then the last one.
    let mut words = Wiped([0; 2 + BLOCK / 4]);
    let mut windows = 0;
    let words = &mut words.0;
    words[0] = keystream.next_word();
    let (blocks, _) = message[..bits / 8].as_chunks::<BLOCK>();
    for block in blocks {
        keystream.fill_words(&mut words[1..=BLOCK / 4]);
        windows ^= sum_of_windows(block, words);
        words[0] = words[BLOCK / 4];
    }
    let (last, bits) = last_block(message, bits);
    let used = bits.div_ceil(32) + 2;
    keystream.fill_words(&mut words[1..used]);
    windows ^ sum_of_windows(&last, words) ^ words[used - 1]
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

fn sum_of_windows(block: &[u8; BLOCK], words: &[u32]) -> u32 {
    let mut sum = 0;
    for (octets, pair) in block.as_chunks::<4>().0.iter().zip(words.windows(2)) {
        let bits = u32::from_be_bytes(*octets);
        let window = u64::from(pair[0]) << 32 | u64::from(pair[1]);
        for i in 0..32 {
            let mask = u64::from(bits >> (31 - i) & 1).wrapping_neg();
            sum ^= window << i & mask;
        }
    }
    (sum >> 32) as u32
}
