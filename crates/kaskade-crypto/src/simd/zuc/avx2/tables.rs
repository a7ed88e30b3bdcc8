//! The tables of ZUC in registers.

use core::arch::x86_64::{__m128i, __m256i, _mm_loadu_si128, _mm256_broadcastsi128_si256};

use crate::simd::zuc::tables::Table;
pub(super) use crate::simd::zuc::tables::{
    AES_KEY, FROM_AES_BOX_BY_NIBBLES, INTO_AES_FIELD_BY_NIBBLES, P1, P2, P3_AND_PLACE,
};

/// The table in a register.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn in_register(table: Table) -> __m128i {
    // SAFETY: sixteen octets are there to read.
    unsafe { _mm_loadu_si128(table.as_ptr().cast()) }
}

/// The table for both halves of a register.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn in_both_halves(table: Table) -> __m256i {
    _mm256_broadcastsi128_si256(in_register(table))
}
