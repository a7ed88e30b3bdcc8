//! Rows of sixteen words: what is in a vector register, in memory.

use core::arch::x86_64::{
    __m512i, _mm512_load_si512, _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_store_si512,
    _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64,
};

/// Messages side by side.
pub(in crate::simd) const LANES: usize = 16;

/// A word of each lane.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(in crate::simd) struct Row(pub(in crate::simd) [u32; LANES]);

impl Row {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(in crate::simd) fn load(&self) -> __m512i {
        // SAFETY: the row has 64 octets and begins at a multiple of 64.
        unsafe { _mm512_load_si512(self.0.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(in crate::simd) fn store(&mut self, lanes: __m512i) {
        // SAFETY: the row has 64 octets and begins at a multiple of 64.
        unsafe { _mm512_store_si512(self.0.as_mut_ptr().cast(), lanes) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// Exchanges word `i` of row `j` with word `j` of row `i`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn transpose(rows: &mut [Row; LANES]) {
    let r: [__m512i; LANES] = core::array::from_fn(|i| rows[i].load());
    // Rows 4i to 4i + 3: within each quarter of a register.
    let mut quarters = [_mm512_setzero_si512(); LANES];
    for (quarter, r) in quarters.as_chunks_mut::<4>().0.iter_mut().zip(r.as_chunks::<4>().0) {
        let [ab_low, ab_high] = [_mm512_unpacklo_epi32(r[0], r[1]), _mm512_unpackhi_epi32(r[0], r[1])];
        let [cd_low, cd_high] = [_mm512_unpacklo_epi32(r[2], r[3]), _mm512_unpackhi_epi32(r[2], r[3])];
        *quarter = [
            _mm512_unpacklo_epi64(ab_low, cd_low),
            _mm512_unpackhi_epi64(ab_low, cd_low),
            _mm512_unpacklo_epi64(ab_high, cd_high),
            _mm512_unpackhi_epi64(ab_high, cd_high),
        ];
    }
    // The quarters themselves.
    for i in 0..4 {
        let [a, b, c, d] = [quarters[i], quarters[4 + i], quarters[8 + i], quarters[12 + i]];
        let [ab_low, ab_high] = [_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0xee>(a, b)];
        let [cd_low, cd_high] = [_mm512_shuffle_i32x4::<0x44>(c, d), _mm512_shuffle_i32x4::<0xee>(c, d)];
        rows[i].store(_mm512_shuffle_i32x4::<0x88>(ab_low, cd_low));
        rows[4 + i].store(_mm512_shuffle_i32x4::<0xdd>(ab_low, cd_low));
        rows[8 + i].store(_mm512_shuffle_i32x4::<0x88>(ab_high, cd_high));
        rows[12 + i].store(_mm512_shuffle_i32x4::<0xdd>(ab_high, cd_high));
    }
}
