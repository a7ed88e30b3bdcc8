//! On AES-NI alone.

use core::arch::x86_64::{
    __m128i, _mm_add_epi64, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128,
    _mm_shuffle_epi8, _mm_storeu_si128, _mm_xor_si128,
};

use super::counter::{CounterBlock, IN_FLIGHT, add_part, counter, counter_mode};
use crate::simd::aes::ni::{AesNi, load};
use crate::simd::rows::itself;

/// Adds the keystream to the message.
#[inline]
pub(super) fn apply<const ROUND_KEYS: usize>(cipher: &AesNi<ROUND_KEYS>, first: CounterBlock, message: &mut [u8]) {
    // SAFETY: as `cipher` exists, the processor has the AES instructions.
    unsafe { Blocks::apply(cipher.round_keys(), first, message) }
}

counter_mode! {
    /// A block in each register.
    Blocks of __m128i, 16 octets, "aes,ssse3", inline(never), inline:
    _mm_setzero_si128, itself, counter, _mm_add_epi64, _mm_shuffle_epi8, _mm_xor_si128, _mm_aesenc_si128,
    _mm_aesenclast_si128, _mm_loadu_si128, _mm_storeu_si128, add_part
}
