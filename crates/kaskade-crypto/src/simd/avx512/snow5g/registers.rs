//! The registers and the round of SNOW 5G, in both widths of the processor's registers.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_add_epi16, _mm_aesenc_si128, _mm_alignr_epi8, _mm_loadu_si128, _mm_set1_epi16,
    _mm_setzero_si128, _mm_shuffle_epi8, _mm_srai_epi16, _mm_storeu_si128, _mm_ternarylogic_epi32, _mm_xor_si128,
    _mm512_add_epi16, _mm512_aesenc_epi128, _mm512_alignr_epi8, _mm512_broadcast_i32x4, _mm512_castsi128_si512,
    _mm512_castsi512_si128, _mm512_extracti32x4_epi32, _mm512_inserti32x4, _mm512_set1_epi16, _mm512_setzero_si512,
    _mm512_shuffle_epi8, _mm512_srai_epi16, _mm512_ternarylogic_epi32, _mm512_xor_si512,
};

use crate::nxa256::snow5g::{ALPHA, BETA, Lanes, SIGMA, State};
use crate::wipe::Wiped;

/// Truth table of a ⊕ b ⊕ c.
const SUM: i32 = 0x96;

/// Truth table of a ⊕ (b ∧ c).
const SUM_OF_CHOSEN: i32 = 0x78;

macro_rules! registers {
    (
        $(#[$meta:meta])*
        $Registers:ident of $Register:ty:
        $zero:ident, $each:ident, $in_each_lane:ident, $add:ident, $sign:ident, $xor:ident, $ternary:ident, $align:ident,
        $shuffle:ident, $aes_round:ident
    ) => {
        $(#[$meta])*
        pub(super) struct $Registers([$Register; 7]);

        impl $Registers {
            /// The 16 rounds before the first output: see [`State`].
            #[inline]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,aes,vaes")]
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
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,aes,vaes")]
            fn feed_back(&mut self) {
                let output = self.round();
                self.0[1] = $xor(self.0[1], output);
            }

            /// One round: what comes out, and all registers one step further.
            #[inline]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,aes,vaes")]
            pub(super) fn round(&mut self) -> $Register {
                let Self([a_low, a_high, b_low, b_high, r1, r2, r3]) = *self;
                let output = $xor($add(r1, b_high), r2);

                let a7_to_a14 = $align::<14>(a_high, a_low);
                let (alpha_a, beta_b) = (Self::times_x(a_low, ALPHA), Self::times_x(b_low, BETA));
                let sum = $add($xor(a_high, r3), r2);
                *self = Self([
                    a_high,
                    $ternary::<SUM>(alpha_a, b_low, a7_to_a14),
                    b_high,
                    $ternary::<SUM>(beta_b, a_low, b_high),
                    $shuffle(sum, $in_each_lane(octets(&SIGMA))),
                    $aes_round(r1, $zero()),
                    $aes_round(r2, $zero()),
                ]);
                output
            }

            /// The numbers after these in a field of 2^16 numbers.
            #[inline]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
            fn times_x(numbers: $Register, reduction: u16) -> $Register {
                let overflow = $sign::<15>(numbers);
                $ternary::<SUM_OF_CHOSEN>($add(numbers, numbers), overflow, $each(reduction.cast_signed()))
            }
        }
    };
}

registers! {
    /// The registers of one message.
    Registers of __m128i:
    _mm_setzero_si128, _mm_set1_epi16, itself, _mm_add_epi16, _mm_srai_epi16, _mm_xor_si128, _mm_ternarylogic_epi32,
    _mm_alignr_epi8, _mm_shuffle_epi8, _mm_aesenc_si128
}

registers! {
    /// The registers of four messages, one in each lane.
    RegistersOfFour of __m512i:
    _mm512_setzero_si512, _mm512_set1_epi16, _mm512_broadcast_i32x4, _mm512_add_epi16, _mm512_srai_epi16,
    _mm512_xor_si512, _mm512_ternarylogic_epi32, _mm512_alignr_epi8, _mm512_shuffle_epi8, _mm512_aesenc_epi128
}

impl Registers {
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn of(State(Wiped(state)): &State) -> Self {
        let mut registers = [_mm_setzero_si128(); 7];
        for (register, lanes) in registers.iter_mut().zip(state) {
            *register = load(lanes);
        }
        Self(registers)
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn put(&self, State(Wiped(state)): &mut State) {
        for (lanes, register) in state.iter_mut().zip(self.0) {
            store(lanes, register);
        }
    }
}

impl RegistersOfFour {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn of([s, t, u, v]: &[State; 4]) -> Self {
        let mut registers = [_mm512_setzero_si512(); 7];
        for (i, register) in registers.iter_mut().enumerate() {
            *register = _mm512_castsi128_si512(load(&s.0.0[i]));
            *register = _mm512_inserti32x4::<1>(*register, load(&t.0.0[i]));
            *register = _mm512_inserti32x4::<2>(*register, load(&u.0.0[i]));
            *register = _mm512_inserti32x4::<3>(*register, load(&v.0.0[i]));
        }
        Self(registers)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn put(&self, [s, t, u, v]: &mut [State; 4]) {
        for (i, register) in self.0.into_iter().enumerate() {
            let [first, second, third, fourth] = lanes_of(register);
            store(&mut s.0.0[i], first);
            store(&mut t.0.0[i], second);
            store(&mut u.0.0[i], third);
            store(&mut v.0.0[i], fourth);
        }
    }
}

/// The four lanes of a register.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn lanes_of(register: __m512i) -> [__m128i; 4] {
    [
        _mm512_castsi512_si128(register),
        _mm512_extracti32x4_epi32::<1>(register),
        _mm512_extracti32x4_epi32::<2>(register),
        _mm512_extracti32x4_epi32::<3>(register),
    ]
}

/// A lane in each lane of a register that has one.
#[inline]
#[target_feature(enable = "sse2")]
fn itself(lane: __m128i) -> __m128i {
    lane
}

#[inline]
#[target_feature(enable = "sse2")]
fn octets(octets: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_loadu_si128(octets.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(lanes: &Lanes) -> __m128i {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_loadu_si128(lanes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(lanes: &mut Lanes, register: __m128i) {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_storeu_si128(lanes.as_mut_ptr().cast(), register) }
}
