//! AES-CMAC (SP 800-38B) of a bit string that begins with a header of eight octets.
//!
//! Blocks are numbers whose first octet is the lowest, as in [`block_cipher`](crate::block_cipher).

use crate::block_cipher::{Aes128, BlockCipher, Keyed, Work};
use crate::cipher::Mac32;
#[cfg(x86_back_ends)]
use crate::simd::aes::cmac as instructions;
use crate::wipe::Wiped;

/// K1 and K2, which are added to a last block that is whole and to one that was padded (SP 800-38B 6.1).
pub(crate) type Subkeys = Wiped<u128, 2>;

/// Derives K1 and K2: the encrypted zero block, doubled once and twice in GF(2^128).
pub(crate) fn subkeys(cipher: &impl Keyed) -> Subkeys {
    let mut zero_encrypted = Wiped([0]);
    let Wiped([place]) = &mut zero_encrypted;
    cipher.run(EncryptBlock(place));
    let k1 = doubled(*place);
    Wiped([k1, doubled(k1)])
}

/// Multiplies by x. In constant time.
fn doubled(block: u128) -> u128 {
    let number = block.swap_bytes();
    let carry = (number >> 127).wrapping_neg();
    ((number << 1) ^ (carry & 0x87)).swap_bytes()
}

/// A message cut into blocks: what a CMAC chain takes in turn.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<'m> {
    /// The first block. The subkey is in it when it is the only one.
    pub(crate) first: u128,
    /// The whole blocks between the first and the last.
    pub(crate) middle: &'m [[u8; 16]],
    /// The last block, padded, with its subkey; `None` when the first is the only one.
    pub(crate) last: Option<u128>,
}

impl<'m> Blocks<'m> {
    /// Cuts `header` ‖ `message`, whose last octet has `unused` bits (0 to 7) that are not of the message.
    #[inline(always)]
    pub(crate) fn new(header: u64, message: &'m [u8], unused: usize, subkeys: &Subkeys) -> Self {
        let (start, rest) = match message.split_first_chunk() {
            Some((start, rest)) if !rest.is_empty() => (*start, rest),
            _ => return Self::only(header, message, unused, subkeys),
        };
        let (chunks, remainder) = rest.as_chunks();
        let (middle, last) = match chunks.split_last() {
            Some((last, middle)) if remainder.is_empty() => (middle, last.as_slice()),
            _ => (chunks, remainder),
        };
        Self {
            first: u128::from(header) | u128::from(u64::from_le_bytes(start)) << 64,
            middle,
            last: Some(closed(number(last), last.len(), unused, subkeys)),
        }
    }

    /// Header and message in one block.
    #[inline(always)]
    fn only(header: u64, message: &[u8], unused: usize, subkeys: &Subkeys) -> Self {
        let block = u128::from(header) | number(message) << 64;
        Self {
            first: closed(block, 8 + message.len(), unused, subkeys),
            middle: &[],
            last: None,
        }
    }

    /// The code of the message, 16 octets as a number.
    #[inline(always)]
    pub(crate) fn mac(self, cipher: &Aes128) -> u128 {
        match cipher {
            #[cfg(x86_back_ends)]
            Aes128::Instructions(cipher) => instructions::mac(cipher, self),
            Aes128::Portable(cipher) => {
                let mut mac = 0;
                cipher.run(Chain {
                    blocks: self,
                    mac: &mut mac,
                });
                mac
            }
        }
    }
}

/// The MAC of 32 bits: the first four octets of what CMAC gives.
#[inline(always)]
pub(crate) fn truncated(mac: u128) -> Mac32 {
    let [a, b, c, d, ..] = mac.to_le_bytes();
    Mac32::from_octets([a, b, c, d])
}

/// The last block, which has 1 to 16 octets: padded with one bit 1 and zeros where it is not whole, and its subkey added.
///
/// `unused` bits of its last octet are not of the message.
#[inline(always)]
fn closed(block: u128, octets: usize, unused: usize, Wiped([k1, k2]): &Subkeys) -> u128 {
    let last_octet = 8 * (octets - 1);
    if unused != 0 {
        // The padding begins within the last octet.
        let bits = block & !(((1 << unused) - 1) << last_octet);
        return bits ^ (1 << (unused - 1) << last_octet) ^ k2;
    }
    if octets == 16 {
        return block ^ k1;
    }
    block ^ (0x8000 << last_octet) ^ k2
}

/// Up to 16 octets as a number. Faster than to copy a variable number of octets.
#[inline(always)]
fn number(octets: &[u8]) -> u128 {
    if let Some(octets) = octets.first_chunk() {
        return u128::from_le_bytes(*octets);
    }
    // The last word overlaps the first, with the same octets where it does.
    if let (Some(first), Some(last)) = (octets.first_chunk(), octets.last_chunk()) {
        let last = u128::from(u64::from_le_bytes(*last)) << (8 * (octets.len() - 8));
        return u128::from(u64::from_le_bytes(*first)) | last;
    }
    if let (Some(first), Some(last)) = (octets.first_chunk(), octets.last_chunk()) {
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (octets.len() - 4));
        return u128::from(u64::from(u32::from_le_bytes(*first)) | last);
    }
    octets
        .iter()
        .rev()
        .fold(0, |number, octet| number << 8 | u128::from(*octet))
}

struct EncryptBlock<'a>(&'a mut u128);

impl Work for EncryptBlock<'_> {
    #[inline(always)]
    fn run(self, cipher: &impl BlockCipher) {
        *self.0 = cipher.encrypt_and_add(*self.0, 0);
    }
}

struct Chain<'a> {
    blocks: Blocks<'a>,
    mac: &'a mut u128,
}

impl Work for Chain<'_> {
    #[inline(always)]
    fn run(self, cipher: &impl BlockCipher) {
        let mut state = self.blocks.first;
        for block in self.blocks.middle {
            state = cipher.encrypt_and_add(state, u128::from_le_bytes(*block));
        }
        if let Some(last) = self.blocks.last {
            state = cipher.encrypt_and_add(state, last);
        }
        *self.mac = cipher.encrypt_and_add(state, 0);
    }
}
