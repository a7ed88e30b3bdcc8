//! What the SNOW 5G of AVX2 and that of AVX-512 share: the round, in all widths of the processor's registers.

use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

use crate::nxa256::snow5g::state::Lanes;

/// The registers of one or more messages, and their round; from the instructions that do each step, all of them with
/// `$features`.
macro_rules! registers {
    (
        $(#[$meta:meta])*
        $Registers:ident of $Register:ty, $features:literal:
        $zero:ident, $each:ident, $in_each_lane:ident, $add:ident, $sign:ident, $xor:ident, $sum_of_three:ident,
        $sum_of_chosen:ident, $align:ident, $shuffle:ident, $aes_round:ident
    ) => {
        $(#[$meta])*
        pub(super) struct $Registers([$Register; 7]);

        impl $Registers {
            /// The 16 rounds before the first output: see [`State`](crate::nxa256::snow5g::state::State).
            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn initialise(&mut self) {
                let Self([_, key_0, _, key_1, ..]) = *self;
                for _ in 0..14 {
                    self.feed_back();
                }
                for key in [key_0, key_1] {
                    self.feed_back();
                    self.0[4] = $xor(self.0[4], key);
                }
            }

            /// One round whose output goes back into A.
            #[inline]
            #[target_feature(enable = $features)]
            fn feed_back(&mut self) {
                let output = self.round();
                self.0[1] = $xor(self.0[1], output);
            }

            /// One round: what comes out, and all registers one step further.
            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn round(&mut self) -> $Register {
                let Self([a_low, a_high, b_low, b_high, r1, r2, r3]) = *self;
                let output = $xor($add(r1, b_high), r2);

                let a7_to_a14 = $align::<14>(a_high, a_low);
                let alpha_a = Self::times_x(a_low, crate::nxa256::snow5g::state::ALPHA);
                let beta_b = Self::times_x(b_low, crate::nxa256::snow5g::state::BETA);
                let sigma = $in_each_lane($crate::simd::snow5g::registers::octets(&crate::nxa256::snow5g::state::SIGMA));
                let sum = $add($xor(a_high, r3), r2);
                *self = Self([
                    a_high,
                    $sum_of_three(alpha_a, b_low, a7_to_a14),
                    b_high,
                    $sum_of_three(beta_b, a_low, b_high),
                    $shuffle(sum, sigma),
                    $aes_round(r1, $zero()),
                    $aes_round(r2, $zero()),
                ]);
                output
            }

            /// The numbers after these in a field of 2^16 numbers.
            #[inline]
            #[target_feature(enable = $features)]
            fn times_x(numbers: $Register, reduction: u16) -> $Register {
                let overflow = $sign::<15>(numbers);
                $sum_of_chosen($add(numbers, numbers), overflow, $each(reduction.cast_signed()))
            }
        }
    };
}
pub(super) use registers;

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn octets(octets: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_loadu_si128(octets.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load(lanes: &Lanes) -> __m128i {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_loadu_si128(lanes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store(lanes: &mut Lanes, register: __m128i) {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_storeu_si128(lanes.as_mut_ptr().cast(), register) }
}
