//! The universal hash of f9 on the carry-less product.

use core::arch::x86_64::{
    __m128i, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_move_epi64,
    _mm_set_epi64x, _mm_setzero_si128, _mm_shuffle_epi8, _mm_unpacklo_epi64, _mm_xor_si128,
};

use crate::simd::features::Avx2;
use crate::snow3g::f9::{BitString, HashKey, finish};

/// x^64 is x^4 + x^3 + x + 1.
const REDUCTION: u64 = 0x1b;

/// From so many blocks on, the powers of P that eight blocks at a time need are worth their time.
const MANY: usize = 8;

/// MAC-I of a message (TS 35.215 4.4).
pub(crate) fn mac(_: Avx2, key: &HashKey, message: BitString<'_>) -> u32 {
    // SAFETY: the proof says that the processor has the instructions.
    finish(unsafe { evaluate(key, message) }, key.mask)
}

/// The elements of GF(2^64) here are the lower halves of their registers; the upper halves may be anything.
#[target_feature(enable = "avx2,pclmulqdq")]
fn evaluate(key: &HashKey, message: BitString<'_>) -> u64 {
    let (p, q) = (element(key.p), element(key.q));
    let (blocks, last) = message.blocks();
    let (first, eights) = if blocks.len() < MANY {
        (blocks, &[][..])
    } else {
        let (first, rest) = blocks.split_at(blocks.len() % 8);
        (first, rest.as_chunks::<8>().0)
    };
    let mut sum = _mm_setzero_si128();
    for block in first {
        sum = times(_mm_xor_si128(sum, element(u64::from_be_bytes(*block))), p);
    }
    if !eights.is_empty() {
        sum = many(p, sum, eights);
    }
    if let Some(last) = last {
        sum = times(_mm_xor_si128(sum, element(last)), p);
    }
    _mm_cvtsi128_si64(times(_mm_xor_si128(sum, element(message.bits())), q)).cast_unsigned()
}

/// Goes on from `sum` with eight blocks at a time, without a reduction on the way.
#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn many(p: __m128i, sum: __m128i, eights: &[[[u8; 8]; 8]]) -> __m128i {
    let p2 = times(p, p);
    let (p3, p4) = (times(p2, p), times(p2, p2));
    let (p5, p6, p7, p8) = (times(p4, p), times(p4, p2), times(p4, p3), times(p4, p4));
    // The powers that two blocks in a row are multiplied by.
    let powers = [
        _mm_unpacklo_epi64(p8, p7),
        _mm_unpacklo_epi64(p6, p5),
        _mm_unpacklo_epi64(p4, p3),
        _mm_unpacklo_epi64(p2, p),
    ];
    // The upper half of a product that is not reduced counts x^64 times.
    let beyond = times(p8, element(REDUCTION));
    let order = _mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607);
    let mut sum = _mm_move_epi64(sum);
    for eight in eights {
        let mut next = _mm_clmulepi64_si128::<0x01>(sum, beyond);
        let mut carried = _mm_move_epi64(sum);
        for (two, powers) in eight.as_chunks::<2>().0.iter().zip(powers) {
            // SAFETY: there are 16 octets.
            let blocks = unsafe { _mm_loadu_si128(two.as_ptr().cast()) };
            let blocks = _mm_xor_si128(_mm_shuffle_epi8(blocks, order), carried);
            carried = _mm_setzero_si128();
            let products = _mm_xor_si128(
                _mm_clmulepi64_si128::<0x00>(blocks, powers),
                _mm_clmulepi64_si128::<0x11>(blocks, powers),
            );
            next = _mm_xor_si128(next, products);
        }
        sum = next;
    }
    reduced(sum)
}

#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn times(a: __m128i, b: __m128i) -> __m128i {
    reduced(_mm_clmulepi64_si128::<0x00>(a, b))
}

/// What is beyond x^63 comes down once, and the four bits of that which are beyond it again.
#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn reduced(product: __m128i) -> __m128i {
    let reduction = element(REDUCTION);
    let beyond = _mm_clmulepi64_si128::<0x01>(product, reduction);
    let again = _mm_clmulepi64_si128::<0x01>(beyond, reduction);
    _mm_xor_si128(product, _mm_xor_si128(beyond, again))
}

#[inline]
#[target_feature(enable = "sse2")]
fn element(value: u64) -> __m128i {
    _mm_cvtsi64_si128(value.cast_signed())
}
