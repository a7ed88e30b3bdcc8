//! The tables of ZUC in registers.

use core::arch::x86_64::{__m128i, __m512i, _mm_loadu_si128, _mm512_broadcast_i32x4};

use crate::simd::zuc::tables::Table;
pub(super) use crate::simd::zuc::tables::{FROM_AES_FIELD, INTO_AES_FIELD, P1, P2, P3_AND_PLACE, S1_CONSTANT};

/// The table in a register.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn in_register(table: Table) -> __m128i {
    // SAFETY: sixteen octets are there to read.
    unsafe { _mm_loadu_si128(table.as_ptr().cast()) }
}

/// The table for each quarter of a register.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn in_every_quarter(table: Table) -> __m512i {
    _mm512_broadcast_i32x4(in_register(table))
}
