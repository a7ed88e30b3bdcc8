//! On AVX-512 with VAES: four blocks in each vector.

use core::arch::x86_64::{
    __m512i, _mm_set_epi64x, _mm512_add_epi64, _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_broadcast_i32x4,
    _mm512_loadu_si512, _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8, _mm512_set_epi64, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_storeu_si512, _mm512_xor_si512,
};

use super::counter::{CounterBlock, IN_FLIGHT, counter_mode};
use crate::simd::aes::ni::{AesNi, load};
use crate::simd::features::Avx512;

/// Octets of a vector.
const VECTOR: usize = 64;

/// Adds the keystream to the message.
#[inline]
pub(super) fn apply<const ROUND_KEYS: usize>(
    _: Avx512,
    cipher: &AesNi<ROUND_KEYS>,
    first: CounterBlock,
    message: &mut [u8],
) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { Quads::apply(cipher.round_keys(), first, message) }
}

counter_mode! {
    /// Four blocks in each register.
    Quads of __m512i, 64 octets, "avx512f,avx512bw,avx512vl,vaes,aes", inline, inline:
    _mm512_setzero_si512, _mm512_broadcast_i32x4, counters, _mm512_add_epi64, _mm512_shuffle_epi8, _mm512_xor_si512,
    _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_loadu_si512, _mm512_storeu_si512, add_part
}

/// The counters of four blocks in a row, each a block whose second half is a number.
#[inline]
#[target_feature(enable = "avx512f")]
#[allow(clippy::cast_possible_wrap, reason = "the same 64 bits")]
fn counters(CounterBlock { fixed, counter }: CounterBlock) -> __m512i {
    let [a, b, c, d] = [0, 1, 2, 3].map(|block| counter.wrapping_add(block) as i64);
    let fixed = fixed as i64;
    _mm512_set_epi64(d, fixed, c, fixed, b, fixed, a, fixed)
}

/// Adds as much of the keystream as there are octets, at most those of a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_part(keystream: __m512i, octets: &mut [u8]) {
    let mask = if octets.len() < VECTOR {
        (1 << octets.len()) - 1
    } else {
        u64::MAX
    };
    // SAFETY: the mask has bits for octets of the slice only.
    let message = unsafe { _mm512_maskz_loadu_epi8(mask, octets.as_ptr().cast()) };
    let message = _mm512_xor_si512(message, keystream);
    // SAFETY: as above.
    unsafe { _mm512_mask_storeu_epi8(octets.as_mut_ptr().cast(), mask, message) }
}
