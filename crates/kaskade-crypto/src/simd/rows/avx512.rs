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
    let mut registers = [_mm512_setzero_si512(); LANES];
    for (register, row) in registers.iter_mut().zip(&*rows) {
        *register = row.load();
    }
    for (row, register) in rows.iter_mut().zip(transposed(registers)) {
        row.store(register);
    }
}

/// Word `i` of register `j` as word `j` of register `i`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn transposed(rows: [__m512i; LANES]) -> [__m512i; LANES] {
    let mut quads = rows;
    for (quad, rows) in quads.as_chunks_mut::<4>().0.iter_mut().zip(rows.as_chunks::<4>().0) {
        *quad = quarters_transposed(*rows);
    }
    let mut columns = quads;
    for column in 0..4 {
        let [a, b, c, d] = [quads[column], quads[4 + column], quads[8 + column], quads[12 + column]];
        let (ab_low, ab_high) = (_mm512_shuffle_i32x4::<0x44>(a, b), _mm512_shuffle_i32x4::<0xee>(a, b));
        let (cd_low, cd_high) = (_mm512_shuffle_i32x4::<0x44>(c, d), _mm512_shuffle_i32x4::<0xee>(c, d));
        columns[column] = _mm512_shuffle_i32x4::<0x88>(ab_low, cd_low);
        columns[4 + column] = _mm512_shuffle_i32x4::<0xdd>(ab_low, cd_low);
        columns[8 + column] = _mm512_shuffle_i32x4::<0x88>(ab_high, cd_high);
        columns[12 + column] = _mm512_shuffle_i32x4::<0xdd>(ab_high, cd_high);
    }
    columns
}

/// Transposes the four blocks of 4 x 4 words that lie side by side in four rows.
#[inline]
#[target_feature(enable = "avx512f")]
pub(in crate::simd) fn quarters_transposed([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    [
        _mm512_unpacklo_epi64(ab_low, cd_low),
        _mm512_unpackhi_epi64(ab_low, cd_low),
        _mm512_unpacklo_epi64(ab_high, cd_high),
        _mm512_unpackhi_epi64(ab_high, cd_high),
    ]
}
