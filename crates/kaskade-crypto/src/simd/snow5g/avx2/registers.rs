//! The registers and the round of SNOW 5G, in both widths of the processor's registers.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi16, _mm_aesenc_si128, _mm_alignr_epi8, _mm_and_si128, _mm_set1_epi16,
    _mm_setzero_si128, _mm_shuffle_epi8, _mm_srai_epi16, _mm_xor_si128, _mm256_add_epi16, _mm256_alignr_epi8,
    _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_set_m128i,
    _mm256_set1_epi16, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srai_epi16, _mm256_xor_si256,
};

use crate::nxa256::snow5g::state::State;
use crate::simd::rows::itself;
use crate::simd::snow5g::registers::{load, registers, store};
use crate::wipe::Wiped;

registers! {
    /// The registers of one message.
    Registers of __m128i, "avx2,aes":
    _mm_setzero_si128, _mm_set1_epi16, itself, _mm_add_epi16, _mm_srai_epi16, _mm_xor_si128, sum_of_three,
    sum_of_chosen, _mm_alignr_epi8, _mm_shuffle_epi8, _mm_aesenc_si128
}

registers! {
    /// The registers of two messages, one in each lane.
    RegistersOfTwo of __m256i, "avx2,aes":
    _mm256_setzero_si256, _mm256_set1_epi16, _mm256_broadcastsi128_si256, _mm256_add_epi16, _mm256_srai_epi16,
    _mm256_xor_si256, sums_of_three, sums_of_chosen, _mm256_alignr_epi8, _mm256_shuffle_epi8, aes_rounds
}

impl Registers {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn of(State(Wiped(state)): &State) -> Self {
        let mut registers = [_mm_setzero_si128(); 7];
        for (register, lanes) in registers.iter_mut().zip(state) {
            *register = load(lanes);
        }
        Self(registers)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn put(&self, State(Wiped(state)): &mut State) {
        for (lanes, register) in state.iter_mut().zip(self.0) {
            store(lanes, register);
        }
    }
}

impl RegistersOfTwo {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn of([State(Wiped(s)), State(Wiped(t))]: &[State; 2]) -> Self {
        let mut registers = [_mm256_setzero_si256(); 7];
        for ((register, s), t) in registers.iter_mut().zip(s).zip(t) {
            *register = _mm256_set_m128i(load(t), load(s));
        }
        Self(registers)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn put(&self, [State(Wiped(s)), State(Wiped(t))]: &mut [State; 2]) {
        for ((register, s), t) in self.0.into_iter().zip(s).zip(t) {
            let [first, second] = lanes_of(register);
            store(s, first);
            store(t, second);
        }
    }
}

/// Both lanes of a register.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn lanes_of(register: __m256i) -> [__m128i; 2] {
    [
        _mm256_castsi256_si128(register),
        _mm256_extracti128_si256::<1>(register),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_of_three(a: __m128i, b: __m128i, c: __m128i) -> __m128i {
    _mm_xor_si128(_mm_xor_si128(a, b), c)
}

#[inline]
#[target_feature(enable = "avx2")]
fn sums_of_three(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_xor_si256(_mm256_xor_si256(a, b), c)
}

/// a ⊕ (b ∧ c).
#[inline]
#[target_feature(enable = "avx2")]
fn sum_of_chosen(a: __m128i, b: __m128i, c: __m128i) -> __m128i {
    _mm_xor_si128(a, _mm_and_si128(b, c))
}

/// a ⊕ (b ∧ c).
#[inline]
#[target_feature(enable = "avx2")]
fn sums_of_chosen(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_xor_si256(a, _mm256_and_si256(b, c))
}

/// One round of AES in each lane: AES-NI takes them apart.
#[inline]
#[target_feature(enable = "avx2,aes")]
fn aes_rounds(states: __m256i, round_keys: __m256i) -> __m256i {
    let ([s, t], [k, l]) = (lanes_of(states), lanes_of(round_keys));
    _mm256_set_m128i(_mm_aesenc_si128(t, l), _mm_aesenc_si128(s, k))
}
