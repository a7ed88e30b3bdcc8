//! SNOW 5G on AVX2 and AES-NI: one message at a time, and two side by side in the lanes of wider registers.

mod registers;
mod two;

use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128, _mm_xor_si128};

use crate::nxa256::snow5g::state::State;
use crate::simd::features::Avx2;
use crate::wipe::Wiped;
use registers::Registers;

pub(crate) use two::apply_two;

/// Runs the 16 rounds before the first output.
pub(crate) fn initialise(_: Avx2, state: &mut State) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { initialise_with(state) }
}

/// Adds the next octets of the keystream to `message`.
pub(crate) fn apply(_: Avx2, state: &mut State, message: &mut [u8]) {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { apply_with(state, message) }
}

#[target_feature(enable = "avx2,aes")]
fn initialise_with(state: &mut State) {
    let mut registers = Registers::of(state);
    registers.initialise();
    registers.put(state);
}

#[target_feature(enable = "avx2,aes")]
fn apply_with(state: &mut State, message: &mut [u8]) {
    let mut registers = Registers::of(state);
    let (blocks, rest) = message.as_chunks_mut();
    for block in blocks {
        add(block, registers.round());
    }
    if !rest.is_empty() {
        add_part(rest, registers.round());
    }
    registers.put(state);
}

/// Adds a block of the keystream.
#[inline]
#[target_feature(enable = "avx2")]
fn add(octets: &mut [u8; 16], keystream: __m128i) {
    // SAFETY: the reference is to 16 octets.
    let message = unsafe { _mm_loadu_si128(octets.as_ptr().cast()) };
    // SAFETY: as above.
    unsafe { _mm_storeu_si128(octets.as_mut_ptr().cast(), _mm_xor_si128(message, keystream)) }
}

/// Adds as much of the keystream as there are octets, at most 16.
#[inline]
#[target_feature(enable = "avx2")]
fn add_part(octets: &mut [u8], keystream: __m128i) {
    let mut mask = Wiped([0; 16]);
    // SAFETY: the array has 16 octets.
    unsafe { _mm_storeu_si128(mask.0.as_mut_ptr().cast(), keystream) }
    for (octet, mask) in octets.iter_mut().zip(&mask.0) {
        *octet ^= mask;
    }
}
