//! Rows of eight words: what is in a vector register, in memory.

use core::arch::x86_64::{
    __m256i, _mm256_load_si256, _mm256_permute2x128_si256, _mm256_setzero_si256, _mm256_store_si256,
    _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

/// Messages side by side.
pub(in crate::simd) const LANES: usize = 8;

/// A word of each lane.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub(in crate::simd) struct Row(pub(in crate::simd) [u32; LANES]);

impl Row {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::simd) fn load(&self) -> __m256i {
        // SAFETY: the row has 32 octets and begins at a multiple of 32.
        unsafe { _mm256_load_si256(self.0.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::simd) fn store(&mut self, lanes: __m256i) {
        // SAFETY: the row has 32 octets and begins at a multiple of 32.
        unsafe { _mm256_store_si256(self.0.as_mut_ptr().cast(), lanes) }
    }
}

/// Exchanges word `i` of row `j` with word `j` of row `i`, in each eight rows.
#[inline]
#[target_feature(enable = "avx2")]
pub(in crate::simd) fn transpose(rows: &mut [Row]) {
    for rows in rows.as_chunks_mut::<LANES>().0 {
        // Rows 4i to 4i + 3: within each half of a register.
        let mut halves = [_mm256_setzero_si256(); LANES];
        for (half, [a, b, c, d]) in halves.as_chunks_mut::<4>().0.iter_mut().zip(rows.as_chunks::<4>().0) {
            let [a, b, c, d] = [a.load(), b.load(), c.load(), d.load()];
            let [ab_low, ab_high] = [_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)];
            let [cd_low, cd_high] = [_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d)];
            *half = [
                _mm256_unpacklo_epi64(ab_low, cd_low),
                _mm256_unpackhi_epi64(ab_low, cd_low),
                _mm256_unpacklo_epi64(ab_high, cd_high),
                _mm256_unpackhi_epi64(ab_high, cd_high),
            ];
        }
        // The halves themselves.
        for i in 0..4 {
            rows[i].store(_mm256_permute2x128_si256::<0x20>(halves[i], halves[4 + i]));
            rows[4 + i].store(_mm256_permute2x128_si256::<0x31>(halves[i], halves[4 + i]));
        }
    }
}
