//! Counter mode once, for all widths of the processor's registers, and the counter blocks.

use core::arch::x86_64::{__m128i, _mm_set_epi64x, _mm_storeu_si128};

use crate::wipe::Wiped;

/// Octets of a block.
pub(super) const BLOCK: usize = 16;

/// Vectors that are encrypted side by side: enough to fill the processor.
pub(super) const IN_FLIGHT: usize = 8;

/// The first counter block of a message: 8 octets that stay and 8 octets that count, most significant first.
///
/// Where fewer octets are to count, as many blocks of the message as they can count must be enough for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CounterBlock {
    /// What stays, as a number whose first octet is the lowest.
    pub(super) fixed: u64,
    /// The counter of the first block.
    pub(super) counter: u64,
}

impl CounterBlock {
    /// Counts from zero.
    pub(crate) const fn from_zero(fixed: u64) -> Self {
        Self { fixed, counter: 0 }
    }

    /// Any 16 octets.
    pub(crate) const fn from_octets(octets: &[u8; BLOCK]) -> Self {
        let block = u128::from_be_bytes(*octets);
        Self {
            fixed: ((block >> 64) as u64).swap_bytes(),
            counter: (block & 0xffff_ffff_ffff_ffff) as u64,
        }
    }
}

/// Counter mode in vectors of some octets; from the instructions that do each step, all of them with `$features`.
///
/// `$in_loop` and `$at_end` say whether the vectors of a group and those of the rest are done where the message is cut into
/// them. A loop must have 32 registers for it: else the compiler keeps copies of the round keys on the stack.
macro_rules! counter_mode {
    (
        $(#[$meta:meta])*
        $Vectors:ident of $Vector:ty, $octets:literal octets, $features:literal, $in_loop:meta, $at_end:meta:
        $zero:ident, $in_each_lane:ident, $counters:ident, $add:ident, $shuffle:ident, $xor:ident, $aes_round:ident,
        $last_aes_round:ident, $load:ident, $store:ident, $add_part:ident
    ) => {
        $(#[$meta])*
        pub(super) struct $Vectors;

        impl $Vectors {
            #[target_feature(enable = $features)]
            pub(super) fn apply<const ROUND_KEYS: usize>(
                round_keys: &[u128; ROUND_KEYS],
                first: CounterBlock,
                message: &mut [u8],
            ) {
                let mut counters = $counters(first);
                let step = $in_each_lane(_mm_set_epi64x(IN_FLIGHT as i64 * $octets / 16, 0));
                let (groups, rest) = message.as_chunks_mut::<{ IN_FLIGHT * $octets }>();
                for group in groups {
                    Self::add_group(round_keys, counters, group);
                    counters = $add(counters, step);
                }
                match rest.len().div_ceil($octets) {
                    0 => {}
                    1 => Self::add_rest::<_, 1>(round_keys, counters, rest),
                    2 => Self::add_rest::<_, 2>(round_keys, counters, rest),
                    3 => Self::add_rest::<_, 3>(round_keys, counters, rest),
                    4 => Self::add_rest::<_, 4>(round_keys, counters, rest),
                    5 => Self::add_rest::<_, 5>(round_keys, counters, rest),
                    6 => Self::add_rest::<_, 6>(round_keys, counters, rest),
                    7 => Self::add_rest::<_, 7>(round_keys, counters, rest),
                    _ => Self::add_rest::<_, IN_FLIGHT>(round_keys, counters, rest),
                }
            }

            #[$in_loop]
            #[target_feature(enable = $features)]
            fn add_group<const ROUND_KEYS: usize>(
                round_keys: &[u128; ROUND_KEYS],
                counters: $Vector,
                group: &mut [u8; IN_FLIGHT * $octets],
            ) {
                Self::add::<_, IN_FLIGHT>(round_keys, counters, group);
            }

            #[$at_end]
            #[target_feature(enable = $features)]
            fn add_rest<const ROUND_KEYS: usize, const N: usize>(
                round_keys: &[u128; ROUND_KEYS],
                counters: $Vector,
                rest: &mut [u8],
            ) {
                Self::add::<_, N>(round_keys, counters, rest);
            }

            /// Adds the keystream to `N` vectors, the last of which need not be full.
            #[inline]
            #[target_feature(enable = $features)]
            fn add<const ROUND_KEYS: usize, const N: usize>(
                round_keys: &[u128; ROUND_KEYS],
                mut counters: $Vector,
                message: &mut [u8],
            ) {
                let [first_key, middle @ .., last_key] = round_keys.as_slice() else {
                    return;
                };
                let big_endian = $in_each_lane(_mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0706_0504_0302_0100));
                let step = $in_each_lane(_mm_set_epi64x($octets / 16, 0));
                let round_key = $in_each_lane(load(*first_key));
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
                // The last vector by itself, so that the others are known to be whole: else the compiler would make one
                // after the other, each once it is sure of it.
                let Some((whole, last)) = message.split_at_mut_checked((N - 1) * $octets) else {
                    return;
                };
                for (octets, keystream) in whole.as_chunks_mut::<$octets>().0.iter_mut().zip(&vectors) {
                    Self::add_whole(*keystream, octets);
                }
                match last.first_chunk_mut() {
                    Some(octets) => Self::add_whole(vectors[N - 1], octets),
                    None => $add_part(vectors[N - 1], last),
                }
            }

            /// Adds a vector of the keystream.
            #[inline]
            #[target_feature(enable = $features)]
            fn add_whole(keystream: $Vector, octets: &mut [u8; $octets]) {
                // SAFETY: the array has the octets of one vector.
                let message = unsafe { $load(octets.as_ptr().cast()) };
                // SAFETY: as above.
                unsafe { $store(octets.as_mut_ptr().cast(), $xor(keystream, message)) }
            }
        }
    };
}
pub(super) use counter_mode;

/// A counter block whose second half is a number.
#[inline]
#[target_feature(enable = "sse2")]
#[allow(clippy::cast_possible_wrap, reason = "the same 64 bits")]
pub(super) fn counter(CounterBlock { fixed, counter }: CounterBlock) -> __m128i {
    _mm_set_epi64x(counter as i64, fixed as i64)
}

/// Adds as much of the keystream as there are octets, at most those of a block.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn add_part(keystream: __m128i, octets: &mut [u8]) {
    let mut mask = Wiped([0; BLOCK]);
    // SAFETY: the array has the octets of one block.
    unsafe { _mm_storeu_si128(mask.0.as_mut_ptr().cast(), keystream) }
    for (octet, mask) in octets.iter_mut().zip(&mask.0) {
        *octet ^= mask;
    }
}
