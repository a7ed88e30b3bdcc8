//! AES in counter mode on AVX2: with AES-NI eight blocks in flight, with VAES eight vectors of two blocks.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi64, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_loadu_si128, _mm_set_epi64x,
    _mm_setzero_si128, _mm_shuffle_epi8, _mm_storeu_si128, _mm_xor_si128, _mm256_add_epi64, _mm256_aesenc_epi128,
    _mm256_aesenclast_epi128, _mm256_broadcastsi128_si256, _mm256_loadu_si256, _mm256_set_epi64x, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_storeu_si256, _mm256_xor_si256,
};

use crate::simd::aes_ctr::{BLOCK, CounterBlock, IN_FLIGHT};
use crate::simd::aes_ni::{AesNi, load};
use crate::simd::features::{Avx2, Vaes};
use crate::wipe::Wiped;

/// Adds the keystream to the message, on AES-NI.
#[inline]
pub(crate) fn apply<const ROUND_KEYS: usize>(
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
pub(crate) fn apply_vaes<const ROUND_KEYS: usize>(
    _: Vaes,
    cipher: &AesNi<ROUND_KEYS>,
    first: CounterBlock,
    message: &mut [u8],
) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { PairsOfBlocks::apply(cipher.round_keys(), first, message) }
}

/// Counter mode in vectors of some octets; from the instructions that do each step, all of them with `$features`.
macro_rules! counter_mode {
    (
        $(#[$meta:meta])*
        $Vectors:ident of $Vector:ty, $octets:literal octets, $features:literal:
        $zero:ident, $in_each_lane:ident, $counters:ident, $add:ident, $shuffle:ident, $xor:ident, $aes_round:ident,
        $last_aes_round:ident, $load:ident, $store:ident
    ) => {
        $(#[$meta])*
        struct $Vectors;

        impl $Vectors {
            #[target_feature(enable = $features)]
            fn apply<const ROUND_KEYS: usize>(
                round_keys: &[u128; ROUND_KEYS],
                mut first: CounterBlock,
                message: &mut [u8],
            ) {
                let (groups, rest) = message.as_chunks_mut::<{ IN_FLIGHT * $octets }>();
                for group in groups {
                    Self::add::<_, IN_FLIGHT>(round_keys, first, group);
                    first = first.after(IN_FLIGHT * $octets / BLOCK);
                }
                match rest.len().div_ceil($octets) {
                    0 => {}
                    1 => Self::add::<_, 1>(round_keys, first, rest),
                    2 => Self::add::<_, 2>(round_keys, first, rest),
                    3 => Self::add::<_, 3>(round_keys, first, rest),
                    4 => Self::add::<_, 4>(round_keys, first, rest),
                    5 => Self::add::<_, 5>(round_keys, first, rest),
                    6 => Self::add::<_, 6>(round_keys, first, rest),
                    7 => Self::add::<_, 7>(round_keys, first, rest),
                    _ => Self::add::<_, IN_FLIGHT>(round_keys, first, rest),
                }
            }

            /// Adds the keystream to `N` vectors, the last of which need not be full.
            ///
            /// Not inlined: where it is part of a loop, the compiler keeps copies of the round keys on the stack.
            #[inline(never)]
            #[target_feature(enable = $features)]
            fn add<const ROUND_KEYS: usize, const N: usize>(
                round_keys: &[u128; ROUND_KEYS],
                first: CounterBlock,
                message: &mut [u8],
            ) {
                let [first_key, middle @ .., last_key] = round_keys.as_slice() else {
                    return;
                };
                let big_endian = $in_each_lane(_mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0706_0504_0302_0100));
                let step = $in_each_lane(_mm_set_epi64x($octets / 16, 0));
                let (mut counters, round_key) = ($counters(first), $in_each_lane(load(*first_key)));
                let mut vectors = [$zero(); N];
                for vector in &mut vectors {
                    *vector = $xor($shuffle(counters, big_endian), round_key);
                    counters = $add(counters, step);
                }
                for round_key in middle {
                    let round_key = $in_each_lane(load(*round_key));
                    for vector in &mut vectors {
                        *vector = $aes_round(*vector, round_key);
                    }
                }
                let round_key = $in_each_lane(load(*last_key));
                for vector in &mut vectors {
                    *vector = $last_aes_round(*vector, round_key);
                }
                let (whole, part) = message.as_chunks_mut::<$octets>();
                for (octets, keystream) in whole.iter_mut().zip(&vectors) {
                    // SAFETY: the reference is to the octets of one vector.
                    let sum = $xor(*keystream, unsafe { $load(octets.as_ptr().cast()) });
                    // SAFETY: as above.
                    unsafe { $store(octets.as_mut_ptr().cast(), sum) }
                }
                if let Some(keystream) = vectors.last()
                    && !part.is_empty()
                {
                    let mut mask = Wiped([0; $octets]);
                    // SAFETY: the array has the octets of one vector.
                    unsafe { $store(mask.0.as_mut_ptr().cast(), *keystream) }
                    for (octet, mask) in part.iter_mut().zip(&mask.0) {
                        *octet ^= mask;
                    }
                }
            }
        }
    };
}

counter_mode! {
    /// A block in each register.
    Blocks of __m128i, 16 octets, "avx2,aes":
    _mm_setzero_si128, itself, counter, _mm_add_epi64, _mm_shuffle_epi8, _mm_xor_si128, _mm_aesenc_si128,
    _mm_aesenclast_si128, _mm_loadu_si128, _mm_storeu_si128
}

counter_mode! {
    /// Two blocks in each register.
    PairsOfBlocks of __m256i, 32 octets, "avx2,aes,vaes":
    _mm256_setzero_si256, _mm256_broadcastsi128_si256, counters, _mm256_add_epi64, _mm256_shuffle_epi8,
    _mm256_xor_si256, _mm256_aesenc_epi128, _mm256_aesenclast_epi128, _mm256_loadu_si256, _mm256_storeu_si256
}

/// A lane in each lane of a register that has one.
#[inline]
#[target_feature(enable = "avx2")]
fn itself(lane: __m128i) -> __m128i {
    lane
}

/// A counter block whose second half is a number.
#[inline]
#[target_feature(enable = "avx2")]
#[allow(clippy::cast_possible_wrap, reason = "the same 64 bits")]
fn counter(CounterBlock { fixed, counter }: CounterBlock) -> __m128i {
    _mm_set_epi64x(counter as i64, fixed as i64)
}

/// Two of them in a row.
#[inline]
#[target_feature(enable = "avx2")]
fn counters(first: CounterBlock) -> __m256i {
    let next = _mm256_set_epi64x(1, 0, 0, 0);
    _mm256_add_epi64(_mm256_broadcastsi128_si256(counter(first)), next)
}
