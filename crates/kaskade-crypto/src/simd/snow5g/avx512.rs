//! SNOW 5G on AVX-512 and VAES: one message at a time, and four side by side in the lanes of wider registers.
//!
//! One message keeps the processor waiting for its own results; four take hardly longer than one.

mod four;
mod registers;

use core::arch::x86_64::{__m128i, _mm_mask_storeu_epi8, _mm_maskz_loadu_epi8, _mm_xor_si128};

use crate::nxa256::snow5g::state::State;
use crate::simd::features::Avx512;
use registers::Registers;

pub(crate) use four::apply_four;

/// Runs the 16 rounds before the first output.
pub(crate) fn initialise(_: Avx512, state: &mut State) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { initialise_with(state) }
}

/// Adds the next octets of the keystream to `message`.
pub(crate) fn apply(_: Avx512, state: &mut State, message: &mut [u8]) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { apply_with(state, message) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,aes,vaes")]
fn initialise_with(state: &mut State) {
    let mut registers = Registers::of(state);
    registers.initialise();
    registers.put(state);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,aes,vaes")]
fn apply_with(state: &mut State, message: &mut [u8]) {
    let mut registers = Registers::of(state);
    let (blocks, rest) = message.as_chunks_mut::<16>();
    for block in blocks {
        add(block, registers.round());
    }
    if !rest.is_empty() {
        add(rest, registers.round());
    }
    registers.put(state);
}

/// Adds as much of the keystream as there are octets, at most 16.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn add(octets: &mut [u8], keystream: __m128i) {
    let present = if octets.len() < 16 {
        (1 << octets.len()) - 1
    } else {
        u16::MAX
    };
    // SAFETY: the mask has bits for octets of the slice only, and no others are touched.
    let message = unsafe { _mm_maskz_loadu_epi8(present, octets.as_ptr().cast()) };
    let message = _mm_xor_si128(message, keystream);
    // SAFETY: as above.
    unsafe { _mm_mask_storeu_epi8(octets.as_mut_ptr().cast(), present, message) }
}
