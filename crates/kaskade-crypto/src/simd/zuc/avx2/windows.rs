//! The sum that 128-EIA3 takes over the message: for each bit that is 1, the 32 bits of the keystream from its place on.
//!
//! Let m be 64 bits of the message as a polynomial, the first bit at x^0, and A and B the 128 bits of keystream from their
//! place on, the first bit of each at x^63. Then the sum is what A·m·x^64 + B·m has at x^96 to x^127. So two carry-less
//! products do 64 bits of the message, and their sums over a whole message are taken apart only once.

use core::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_clmulepi64_si128, _mm_loadu_si128, _mm_or_si128, _mm_set1_epi8, _mm_setzero_si128,
    _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_srli_epi16, _mm_storeu_si128, _mm_xor_si128,
};

use super::tables::in_register;
use crate::simd::zuc::tables::Table;
use crate::wipe::Wiped;
use crate::zuc::integrity::{BLOCK, WORDS};

/// The products added up so far: of A, where what counts is at x^32 to x^63; then of B, where that is at x^96 to x^127.
pub(crate) struct Windows(Wiped<[u8; 16], 2>);

/// The bits of an octet that has only a lower nibble, then of one that has only an upper one, in the other order.
#[allow(clippy::cast_possible_truncation, reason = "nibbles")]
const EXCHANGED: [Table; 2] = {
    let mut tables = [[0; 16]; 2];
    let mut i = 0;
    while i < 16 {
        tables[1][i] = (i as u8).reverse_bits() >> 4;
        tables[0][i] = (i as u8).reverse_bits();
        i += 1;
    }
    tables
};

impl Windows {
    /// Of no message yet.
    #[inline]
    pub(super) const fn new() -> Self {
        Self(Wiped([[0; 16]; 2]))
    }

    /// Adds the windows of one block, of whose octets the most significant bit comes first, with the keystream from its
    /// place on.
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    pub(super) fn add(&mut self, block: &[u8; BLOCK], words: &[u32; WORDS]) {
        let (mut first, mut second) = (_mm_setzero_si128(), _mm_setzero_si128());
        for (i, octets) in block.as_chunks::<16>().0.iter().enumerate() {
            let Some(words) = words[4 * i..].first_chunk::<6>() else {
                break;
            };
            // SAFETY: sixteen octets are there to read.
            let octets = unsafe { _mm_loadu_si128(octets.as_ptr().cast()) };
            // SAFETY: four words are there to read.
            let a = unsafe { _mm_loadu_si128(words.as_ptr().cast()) };
            // SAFETY: four words are there to read from the third on.
            let b = unsafe { _mm_loadu_si128(words.as_ptr().add(2).cast()) };
            let m = exchange_bits(octets);
            // Of two words the first is the upper half.
            let (a, b) = (_mm_shuffle_epi32::<0xb1>(a), _mm_shuffle_epi32::<0xb1>(b));
            first = _mm_xor_si128(first, products(a, m));
            second = _mm_xor_si128(second, products(b, m));
        }
        for (sum, products) in self.0.0.iter_mut().zip([first, second]) {
            // SAFETY: sixteen octets are there to read.
            let before = unsafe { _mm_loadu_si128(sum.as_ptr().cast()) };
            // SAFETY: sixteen octets are there to write.
            unsafe { _mm_storeu_si128(sum.as_mut_ptr().cast(), _mm_xor_si128(before, products)) }
        }
    }

    /// The sum of all windows.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the 32 bits that count")]
    pub(super) fn sum(&self) -> u32 {
        let [first, second] = self.0.0.map(u128::from_le_bytes);
        (first >> 32) as u32 ^ (second >> 96) as u32
    }
}

/// The sum of the products of both halves.
#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn products(keystream: __m128i, message: __m128i) -> __m128i {
    _mm_xor_si128(
        _mm_clmulepi64_si128::<0x00>(keystream, message),
        _mm_clmulepi64_si128::<0x11>(keystream, message),
    )
}

/// The bits of each octet in the other order.
#[inline]
#[target_feature(enable = "avx2")]
fn exchange_bits(octets: __m128i) -> __m128i {
    let nibbles = _mm_set1_epi8(0x0f);
    let low = _mm_and_si128(octets, nibbles);
    let high = _mm_and_si128(_mm_srli_epi16::<4>(octets), nibbles);
    let [of_low, of_high] = EXCHANGED;
    _mm_or_si128(
        _mm_shuffle_epi8(in_register(of_low), low),
        _mm_shuffle_epi8(in_register(of_high), high),
    )
}
