//! On AVX2: with AES-NI a block in each vector, with VAES two.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi64, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_loadu_si128, _mm_set_epi64x,
    _mm_setzero_si128, _mm_shuffle_epi8, _mm_storeu_si128, _mm_xor_si128, _mm256_add_epi64, _mm256_aesenc_epi128,
    _mm256_aesenclast_epi128, _mm256_broadcastsi128_si256, _mm256_loadu_si256, _mm256_set_epi64x, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_storeu_si256, _mm256_xor_si256,
};

use super::counter::{BLOCK, CounterBlock, IN_FLIGHT, add_part, counter, counter_mode};
use crate::simd::aes::ni::{AesNi, load};
use crate::simd::features::{Avx2, Vaes};
use crate::simd::rows::itself;
use crate::wipe::Wiped;

/// Adds the keystream to the message, on AES-NI.
#[inline]
pub(super) fn apply<const ROUND_KEYS: usize>(
    _: Avx2,
    cipher: &AesNi<ROUND_KEYS>,
    first: CounterBlock,
    message: &mut [u8],
) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { Blocks::apply(cipher.round_keys(), first, message) }
}

/// Adds the keystream to the message, on VAES.
#[inline]
pub(super) fn apply_vaes<const ROUND_KEYS: usize>(
    _: Vaes,
    cipher: &AesNi<ROUND_KEYS>,
    first: CounterBlock,
    message: &mut [u8],
) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { PairsOfBlocks::apply(cipher.round_keys(), first, message) }
}

counter_mode! {
    /// A block in each register.
    Blocks of __m128i, 16 octets, "avx2,aes", inline(never), inline(never):
    _mm_setzero_si128, itself, counter, _mm_add_epi64, _mm_shuffle_epi8, _mm_xor_si128, _mm_aesenc_si128,
    _mm_aesenclast_si128, _mm_loadu_si128, _mm_storeu_si128, add_part
}

counter_mode! {
    /// Two blocks in each register.
    PairsOfBlocks of __m256i, 32 octets, "avx2,aes,vaes", inline(never), inline(never):
    _mm256_setzero_si256, _mm256_broadcastsi128_si256, counters, _mm256_add_epi64, _mm256_shuffle_epi8,
    _mm256_xor_si256, _mm256_aesenc_epi128, _mm256_aesenclast_epi128, _mm256_loadu_si256, _mm256_storeu_si256,
    add_part_of_pair
}

/// Two counter blocks in a row.
#[inline]
#[target_feature(enable = "avx2")]
fn counters(first: CounterBlock) -> __m256i {
    let next = _mm256_set_epi64x(1, 0, 0, 0);
    _mm256_add_epi64(_mm256_broadcastsi128_si256(counter(first)), next)
}

/// Adds as much of the keystream as there are octets, at most those of two blocks.
#[inline]
#[target_feature(enable = "avx2")]
fn add_part_of_pair(keystream: __m256i, octets: &mut [u8]) {
    let mut mask = Wiped([0; 2 * BLOCK]);
    // SAFETY: the array has the octets of two blocks.
    unsafe { _mm256_storeu_si256(mask.0.as_mut_ptr().cast(), keystream) }
    for (octet, mask) in octets.iter_mut().zip(&mask.0) {
        *octet ^= mask;
    }
}
