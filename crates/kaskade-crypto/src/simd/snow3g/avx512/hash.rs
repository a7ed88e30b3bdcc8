//! The universal hash of f9 on the carry-less product.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_setzero_si128,
    _mm_ternarylogic_epi64, _mm_unpacklo_epi64, _mm_xor_si128, _mm512_add_epi64, _mm512_broadcast_i32x4,
    _mm512_bsrli_epi128, _mm512_castsi128_si512, _mm512_castsi512_si128, _mm512_clmulepi64_epi128,
    _mm512_extracti32x4_epi32, _mm512_inserti32x4, _mm512_loadu_si512, _mm512_maskz_loadu_epi64,
    _mm512_permutexvar_epi64, _mm512_set_epi64, _mm512_set1_epi64, _mm512_set4_epi32, _mm512_shuffle_epi8,
    _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::single::SUM;
use crate::simd::features::Avx512;
use crate::snow3g::f9::{BitString, HashKey, finish};

/// x^64 is x^4 + x^3 + x + 1.
const REDUCTION: i64 = 0x1b;

/// MAC-I of a message (TS 35.215 4.4).
pub(crate) fn mac(_: Avx512, key: &HashKey, message: BitString<'_>) -> u32 {
    // SAFETY: the proof says that the processor has the instructions.
    finish(unsafe { evaluate(key, message) }, key.mask)
}

/// The elements of GF(2^64) here are the lower halves of their registers; the upper halves may be anything.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,pclmulqdq,vpclmulqdq")]
fn evaluate(key: &HashKey, message: BitString<'_>) -> u64 {
    let (p, q) = (element(key.p), element(key.q));
    let (blocks, last) = message.blocks();
    let mut sum = if blocks.len() < 8 {
        blocks.iter().fold(_mm_setzero_si128(), |sum, block| {
            times(_mm_xor_si128(sum, element(u64::from_be_bytes(*block))), p)
        })
    } else {
        many(p, blocks)
    };
    if let Some(last) = last {
        sum = times(_mm_xor_si128(sum, element(last)), p);
    }
    _mm_cvtsi128_si64(times(_mm_xor_si128(sum, element(message.bits())), q)).cast_unsigned()
}

/// The polynomial at `p` over eight blocks or more: eight at a time, two in each lane, without a reduction on the way.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,pclmulqdq,vpclmulqdq")]
fn many(p: __m128i, blocks: &[[u8; 8]]) -> __m128i {
    let p2 = times(p, p);
    let (p3, p4) = (times(p2, p), times(p2, p2));
    let (p5, p7, p8) = (times(p4, p), times(p4, p3), times(p4, p4));

    // A power for the lower half of a lane, and the same times x^64 for the upper half.
    let stride = _mm_unpacklo_epi64(p8, times(p8, element(REDUCTION.cast_unsigned())));
    let stride = _mm512_broadcast_i32x4(stride);
    let base = _mm512_broadcast_i32x4(p);

    // The first eight have zeros before them if the blocks are no multiple of eight.
    let (first, rest) = blocks.split_at(blocks.len() % 8);
    let mut lanes = pairs(begin(first), base);
    for eight in rest.as_chunks::<8>().0 {
        // SAFETY: there are 64 octets.
        let eight = unsafe { _mm512_loadu_si512(eight.as_ptr().cast()) };
        lanes = _mm512_xor_si512(strided(lanes, stride), pairs(eight, base));
    }

    let ends = _mm512_castsi128_si512(p7);
    let ends = _mm512_inserti32x4::<1>(ends, p5);
    let ends = _mm512_inserti32x4::<2>(ends, p3);
    let ends = _mm512_inserti32x4::<3>(ends, p);
    let reduction = _mm512_set1_epi64(REDUCTION);
    let beyond = _mm512_clmulepi64_epi128::<0x00>(ends, reduction);
    let again = _mm512_clmulepi64_epi128::<0x01>(beyond, reduction);
    let ends = _mm512_unpacklo_epi64(ends, _mm512_xor_si512(beyond, again));
    let lanes = strided(lanes, ends);
    let sum = _mm_ternarylogic_epi64::<SUM>(
        _mm512_castsi512_si128(lanes),
        _mm512_extracti32x4_epi32::<1>(lanes),
        _mm512_extracti32x4_epi32::<2>(lanes),
    );
    reduced(_mm_xor_si128(sum, _mm512_extracti32x4_epi32::<3>(lanes)))
}

/// At most seven blocks behind zeros.
#[inline]
#[target_feature(enable = "avx512f")]
fn begin(blocks: &[[u8; 8]]) -> __m512i {
    let present = (1_u8 << blocks.len()) - 1;
    // SAFETY: the mask names blocks of the slice only.
    let octets = unsafe { _mm512_maskz_loadu_epi64(present, blocks.as_ptr().cast()) };
    let order = _mm512_add_epi64(
        _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0),
        _mm512_set1_epi64(i64::from(present.count_ones())),
    );
    _mm512_permutexvar_epi64(order, octets)
}

/// In each lane the first of two blocks times `base`, and the second.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,vpclmulqdq")]
fn pairs(octets: __m512i, base: __m512i) -> __m512i {
    let order = _mm512_set4_epi32(0x0809_0a0b, 0x0c0d_0e0f, 0x0001_0203, 0x0405_0607);
    let blocks = _mm512_shuffle_epi8(octets, order);
    _mm512_xor_si512(
        _mm512_clmulepi64_epi128::<0x00>(blocks, base),
        _mm512_bsrli_epi128::<8>(blocks),
    )
}

/// Each lane times a power that is given for both halves; no longer than 128 bits again.
#[inline]
#[target_feature(enable = "avx512f,vpclmulqdq")]
fn strided(lanes: __m512i, power: __m512i) -> __m512i {
    _mm512_xor_si512(
        _mm512_clmulepi64_epi128::<0x00>(lanes, power),
        _mm512_clmulepi64_epi128::<0x11>(lanes, power),
    )
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl,pclmulqdq")]
fn times(a: __m128i, b: __m128i) -> __m128i {
    reduced(_mm_clmulepi64_si128::<0x00>(a, b))
}

/// What is beyond x^63 comes down once, and the four bits of that which are beyond it again.
#[inline]
#[target_feature(enable = "avx512f,avx512vl,pclmulqdq")]
fn reduced(product: __m128i) -> __m128i {
    let reduction = element(REDUCTION.cast_unsigned());
    let beyond = _mm_clmulepi64_si128::<0x01>(product, reduction);
    let again = _mm_clmulepi64_si128::<0x01>(beyond, reduction);
    _mm_ternarylogic_epi64::<SUM>(product, beyond, again)
}

#[inline]
#[target_feature(enable = "sse2")]
fn element(value: u64) -> __m128i {
    _mm_cvtsi64_si128(value.cast_signed())
}
