//! The sum that 128-EIA3 takes over the message: for each bit that is 1, the 32 bits of the keystream from its place on.
//!
//! Let m be 64 bits of the message as a polynomial, the first bit at x^0, and A and B the 128 bits of keystream from their
//! place on, the first bit of each at x^63. Then the sum is what A·m·x^64 + B·m has at x^96 to x^127. So two carry-less
//! products do 64 bits of the message, and their sums over a whole message are taken apart only once.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_extract_epi32, _mm_xor_si128, _mm256_castsi256_si128, _mm256_extracti128_si256,
    _mm256_xor_si256, _mm512_castsi512_si256, _mm512_clmulepi64_epi128, _mm512_extracti64x4_epi64,
    _mm512_gf2p8affine_epi64_epi8, _mm512_loadu_si512, _mm512_rol_epi64, _mm512_set1_epi64,
};

use crate::simd::rows::avx512::{Row, xor3};
use crate::zuc::integrity::{BLOCK, WORDS};

/// The products added up so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Windows {
    /// Of A: what counts is at x^32 to x^63.
    first: Row,
    /// Of B: what counts is at x^96 to x^127.
    second: Row,
}

impl Windows {
    /// Adds the windows of one block, of whose octets the most significant bit comes first: `words` are the keystream from
    /// its place on, `reaching_over` those from two words later on.
    #[inline]
    #[target_feature(enable = "avx512f,gfni,vpclmulqdq")]
    pub(super) fn add(&mut self, block: __m512i, words: __m512i, reaching_over: __m512i) {
        let bits_exchanged = _mm512_set1_epi64(0x8040_2010_0804_0201_u64.cast_signed());
        let m = _mm512_gf2p8affine_epi64_epi8::<0>(block, bits_exchanged);
        // Of two words the first is the upper half.
        let (a, b) = (_mm512_rol_epi64::<32>(words), _mm512_rol_epi64::<32>(reaching_over));
        let (a_even, a_odd) = (
            _mm512_clmulepi64_epi128::<0x00>(a, m),
            _mm512_clmulepi64_epi128::<0x11>(a, m),
        );
        let (b_even, b_odd) = (
            _mm512_clmulepi64_epi128::<0x00>(b, m),
            _mm512_clmulepi64_epi128::<0x11>(b, m),
        );
        self.first.store(xor3(self.first.load(), a_even, a_odd));
        self.second.store(xor3(self.second.load(), b_even, b_odd));
    }

    /// Adds the windows of one block, with the keystream from its place on.
    #[inline]
    #[target_feature(enable = "avx512f,gfni,vpclmulqdq")]
    pub(super) fn add_with(&mut self, block: &[u8; BLOCK], words: &[u32; WORDS]) {
        // SAFETY: 64 octets are there to read.
        let block = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        // SAFETY: 64 octets are there to read.
        let first = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
        // SAFETY: 64 octets are there to read from the third word on.
        let reaching_over = unsafe { _mm512_loadu_si512(words.as_ptr().add(2).cast()) };
        self.add(block, first, reaching_over);
    }

    /// The sum of all windows.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn sum(&self) -> u32 {
        let first = _mm_extract_epi32::<1>(fold(self.first.load()));
        let second = _mm_extract_epi32::<3>(fold(self.second.load()));
        (first ^ second).cast_unsigned()
    }
}

/// The sum of the four products side by side.
#[inline]
#[target_feature(enable = "avx512f")]
fn fold(products: __m512i) -> __m128i {
    let two = _mm256_xor_si256(
        _mm512_castsi512_si256(products),
        _mm512_extracti64x4_epi64::<1>(products),
    );
    _mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256::<1>(two))
}
