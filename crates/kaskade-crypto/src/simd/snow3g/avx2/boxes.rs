//! SQ, MixColumn over its field, MULα and DIVα, looked up in registers and computed.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_add_epi8, _mm256_and_si256, _mm256_cmpgt_epi8,
    _mm256_permutevar8x32_epi32, _mm256_set1_epi8, _mm256_setr_epi32, _mm256_setzero_si256, _mm256_srli_epi32,
    _mm256_xor_si256,
};

use crate::snow3g::sboxes::{DIV_POWERS, MUL_POWERS, S2_POLYNOMIAL, SQ, times_powers};

/// The sixteen rows of SQ: the upper four bits of an octet name the row, the lower four the place in it.
static SQ_ROWS: [u8; 256] = SQ;

/// One row.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn row(number: usize) -> __m128i {
    let (rows, _) = SQ_ROWS.as_chunks::<16>();
    // SAFETY: a row has 16 octets.
    unsafe { _mm_loadu_si128(rows[number].as_ptr().cast()) }
}

/// Each octet times x over the field of S2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn doubled(octets: __m256i) -> __m256i {
    let carries = _mm256_cmpgt_epi8(_mm256_setzero_si256(), octets);
    let reduction = _mm256_and_si256(carries, _mm256_set1_epi8(S2_POLYNOMIAL.cast_signed()));
    _mm256_xor_si256(_mm256_add_epi8(octets, octets), reduction)
}

/// MULα or DIVα of the eight bits of each word from some place on: three parts of the octet, each looked up among eight
/// words.
#[derive(Clone, Copy)]
pub(super) struct Alpha([__m256i; 3]);

impl Alpha {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn mul() -> Self {
        const TABLES: [[i32; 8]; 3] = tables(MUL_POWERS);
        Self::of(&TABLES)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn div() -> Self {
        const TABLES: [[i32; 8]; 3] = tables(DIV_POWERS);
        Self::of(&TABLES)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(tables: &[[i32; 8]; 3]) -> Self {
        let mut registers = [_mm256_setzero_si256(); 3];
        for (register, [a, b, c, d, e, f, g, h]) in registers.iter_mut().zip(*tables) {
            *register = _mm256_setr_epi32(a, b, c, d, e, f, g, h);
        }
        Self(registers)
    }

    /// Of the most significant octet of each word.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn of_highest_octets(&self, words: __m256i) -> __m256i {
        self.look_up(
            _mm256_srli_epi32::<24>(words),
            _mm256_srli_epi32::<27>(words),
            _mm256_srli_epi32::<29>(words),
        )
    }

    /// Of the least significant octet of each word.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn of_lowest_octets(&self, words: __m256i) -> __m256i {
        self.look_up(words, _mm256_srli_epi32::<3>(words), _mm256_srli_epi32::<5>(words))
    }

    /// The instruction looks at the three lowest bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn look_up(&self, low: __m256i, middle: __m256i, high: __m256i) -> __m256i {
        let [a, b, c] = self.0;
        let sum = _mm256_xor_si256(
            _mm256_permutevar8x32_epi32(a, low),
            _mm256_permutevar8x32_epi32(b, middle),
        );
        _mm256_xor_si256(sum, _mm256_permutevar8x32_epi32(c, high))
    }
}

/// The images of bits 0 to 2, 3 to 5, and 6 and 7 of an octet; bit 5, which the last look-up sees again, adds nothing
/// there.
const fn tables(powers: [u8; 4]) -> [[i32; 8]; 3] {
    let (mut tables, mut i) = ([[0; 8]; 3], 0_u8);
    while i < 8 {
        tables[0][i as usize] = times_powers(i, powers).cast_signed();
        tables[1][i as usize] = times_powers(i << 3, powers).cast_signed();
        tables[2][i as usize] = times_powers(i >> 1 << 6, powers).cast_signed();
        i += 1;
    }
    tables
}
