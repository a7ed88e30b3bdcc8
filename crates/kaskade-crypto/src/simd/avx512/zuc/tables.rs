//! The boxes of ZUC for look-ups in registers, and what takes S1 through the field that the instructions know.

use core::arch::x86_64::{__m128i, __m512i, _mm_loadu_si128, _mm512_broadcast_i32x4};

/// Sixteen octets for a look-up by four bits.
pub(super) type Table = [u8; 16];

/// The 4-bit boxes of S0.
pub(super) const P1: Table = [9, 15, 0, 14, 15, 15, 2, 10, 0, 4, 0, 12, 7, 5, 3, 9];
pub(super) const P2: Table = [8, 13, 6, 5, 7, 0, 12, 4, 11, 1, 14, 10, 15, 3, 9, 2];
const P3: Table = [2, 6, 10, 6, 0, 13, 10, 15, 3, 3, 13, 5, 0, 9, 12, 13];

/// What the result of the second round adds to the result of S0: itself as the lower nibble, P3 of itself as the upper
/// one, and the octet turned by five places.
pub(super) const P3_AND_PLACE: Table = {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        table[i as usize] = (P3[i as usize] << 4 | i).rotate_left(5);
        i += 1;
    }
    table
};

/// From the field of S1 to that of AES, which the instructions invert in, as they take a matrix.
pub(super) const INTO_AES_FIELD: i64 = 0xdd06_c8f0_1eae_7c70_u64.cast_signed();

/// From the field of AES to that of S1 and through the matrix of S1.
pub(super) const FROM_AES_FIELD: i64 = 0xb903_e536_0f14_f0e3_u64.cast_signed();

/// What S1 adds at last.
pub(super) const S1_CONSTANT: i32 = 0x55;

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
