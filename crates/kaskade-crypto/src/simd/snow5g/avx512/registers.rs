//! The registers and the round of SNOW 5G, in both widths of the processor's registers.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_add_epi16, _mm_aesenc_si128, _mm_alignr_epi8, _mm_set1_epi16, _mm_setzero_si128,
    _mm_shuffle_epi8, _mm_srai_epi16, _mm_ternarylogic_epi32, _mm_xor_si128, _mm512_add_epi16, _mm512_aesenc_epi128,
    _mm512_alignr_epi8, _mm512_broadcast_i32x4, _mm512_castsi128_si512, _mm512_castsi512_si128,
    _mm512_extracti32x4_epi32, _mm512_inserti32x4, _mm512_set1_epi16, _mm512_setzero_si512, _mm512_shuffle_epi8,
    _mm512_srai_epi16, _mm512_ternarylogic_epi32, _mm512_xor_si512,
};

use crate::nxa256::snow5g::state::State;
use crate::simd::rows::itself;
use crate::simd::snow5g::registers::{load, registers, store};
use crate::wipe::Wiped;

/// Truth table of a ⊕ b ⊕ c.
const SUM: i32 = 0x96;

/// Truth table of a ⊕ (b ∧ c).
const SUM_OF_CHOSEN: i32 = 0x78;

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn sum_of_three(a: __m128i, b: __m128i, c: __m128i) -> __m128i {
    _mm_ternarylogic_epi32::<SUM>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sums_of_three(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<SUM>(a, b, c)
}

/// a ⊕ (b ∧ c).
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn sum_of_chosen(a: __m128i, b: __m128i, c: __m128i) -> __m128i {
    _mm_ternarylogic_epi32::<SUM_OF_CHOSEN>(a, b, c)
}

/// a ⊕ (b ∧ c).
#[inline]
#[target_feature(enable = "avx512f")]
fn sums_of_chosen(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<SUM_OF_CHOSEN>(a, b, c)
}

registers! {
    /// The registers of one message.
    Registers of __m128i, "avx512f,avx512bw,avx512vl,aes,vaes":
    _mm_setzero_si128, _mm_set1_epi16, itself, _mm_add_epi16, _mm_srai_epi16, _mm_xor_si128, sum_of_three,
    sum_of_chosen, _mm_alignr_epi8, _mm_shuffle_epi8, _mm_aesenc_si128
}

registers! {
    /// The registers of four messages, one in each lane.
    RegistersOfFour of __m512i, "avx512f,avx512bw,avx512vl,aes,vaes":
    _mm512_setzero_si512, _mm512_set1_epi16, _mm512_broadcast_i32x4, _mm512_add_epi16, _mm512_srai_epi16,
    _mm512_xor_si512, sums_of_three, sums_of_chosen, _mm512_alignr_epi8, _mm512_shuffle_epi8, _mm512_aesenc_epi128
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
