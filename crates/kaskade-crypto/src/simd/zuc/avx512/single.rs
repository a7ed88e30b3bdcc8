//! ZUC for one message on AVX-512 with GFNI: the nonlinear function in one vector register, the shift register beside
//! it in the ordinary ones.
//!
//! What a step waits for is the nonlinear function of the step before, so that one is made short: R1 and R2 are the
//! halves of one register from first to last, S0 is three look-ups in registers, and S1 one inversion in GF(2^8).

use core::arch::x86_64::{
    __m128i, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_gf2p8affine_epi64_epi8, _mm_mask_add_epi32, _mm_maskz_add_epi8,
    _mm_maskz_gf2p8affineinv_epi64_epi8, _mm_maskz_shuffle_epi8, _mm_rol_epi64, _mm_rolv_epi32, _mm_set_epi32,
    _mm_set1_epi8, _mm_set1_epi64x, _mm_shuffle_epi8, _mm_srli_epi16, _mm_ternarylogic_epi32, _mm_xor_si128,
};

use super::tables::{FROM_AES_FIELD, INTO_AES_FIELD, P1, P2, P3_AND_PLACE, S1_CONSTANT, in_register};
use super::windows::Windows;
use crate::simd::features::Avx512;
use crate::wipe::Wiped;
use crate::zuc::integrity::{self, BLOCK, WORDS, WindowSum};
use crate::zuc::keystream::{ROUNDS_128, ROUNDS_256, load_128, load_256, next_cell, reorganise};
use crate::zuc::words::{self, STRIDE, Words};

/// A keystream under way. Exists only on a processor with the instructions; wiped on drop.
#[derive(Clone)]
pub(crate) struct Keystream {
    /// The shift register, s0 first.
    cells: Wiped<u32, 16>,
    /// R1 in the upper half, R2 in the lower.
    memory: Wiped<u64, 1>,
}

impl Keystream {
    /// ZUC-128 (TS 35.222 3.6).
    #[inline]
    pub(crate) fn zuc128(proof: Avx512, key: &[u8; 16], iv: &[u8; 16]) -> Self {
        Self::new(proof, load_128(key, iv), ROUNDS_128)
    }

    /// ZUC-256 with an IV of 128 bits (TS 35.246).
    #[inline]
    pub(crate) fn zuc256(proof: Avx512, key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self::new(proof, load_256(key, iv), ROUNDS_256)
    }

    #[inline]
    fn new(_proof: Avx512, cells: [u32; 16], rounds: usize) -> Self {
        let mut this = Self {
            cells: Wiped(cells),
            memory: Wiped([0]),
        };
        // SAFETY: as the proof shows, the processor has the instructions.
        unsafe { initialise(&mut this, rounds) }
        this
    }

    /// Goes on with the state of another implementation.
    #[inline]
    pub(crate) fn resume(_proof: Avx512, cells: [u32; 16], [r1, r2]: [u32; 2]) -> Self {
        Self {
            cells: Wiped(cells),
            memory: Wiped([u64::from(r1) << 32 | u64::from(r2)]),
        }
    }

    /// Adds the next words, most significant octet first, to `octets`. What a last word has beyond them is lost.
    #[inline]
    pub(crate) fn add_to(&mut self, octets: &mut [u8]) {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { add_to(self, octets) }
    }

    /// The sum of 128-EIA3 (TS 35.221 4.3) over the first `bits` of `message`, which has them.
    #[inline]
    pub(crate) fn integrity(&mut self, message: &[u8], bits: usize) -> u32 {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { integrity(self, message, bits) }
    }
}

impl Words for Keystream {
    #[inline(always)]
    fn fill(&mut self, words: &mut [u32]) {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { steps::<false>(self, words) }
    }
}

impl WindowSum for Keystream {
    type Windows = Windows;

    #[inline(always)]
    fn add(&self, windows: &mut Windows, block: &[u8; BLOCK], words: &[u32; WORDS]) {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { windows.add_with(block, words) }
    }

    #[inline(always)]
    fn sum(&self, windows: &Windows) -> u32 {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { windows.sum() }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
fn add_to(keystream: &mut Keystream, octets: &mut [u8]) {
    words::add_to(keystream, octets);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni,vpclmulqdq")]
fn integrity(keystream: &mut Keystream, message: &[u8], bits: usize) -> u32 {
    integrity::sum(keystream, &mut Wiped([Windows::default()]).0[0], message, bits)
}

/// [`integrity::sum_from`], compiled for the instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni,vpclmulqdq")]
pub(super) fn sum_from(
    keystream: &mut Keystream,
    first: &[u32],
    windows: &mut Windows,
    message: &[u8],
    bits: usize,
) -> u32 {
    integrity::sum_from(keystream, first, windows, message, bits)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
fn initialise(keystream: &mut Keystream, rounds: usize) {
    let mut unused = Wiped([0; STRIDE]);
    steps::<true>(keystream, &mut unused.0[..rounds]);
    steps::<false>(keystream, &mut unused.0[..1]);
}

/// As many steps as there are `words`, at most [`STRIDE`]. `FEEDBACK`: the nonlinear function goes into the register.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "halves of a register"
)]
fn steps<const FEEDBACK: bool>(keystream: &mut Keystream, words: &mut [u32]) {
    let mut window = Wiped([0; 16 + STRIDE]);
    let window = &mut window.0;
    window[..16].copy_from_slice(&keystream.cells.0);
    let mut memory = _mm_cvtsi64_si128(keystream.memory.0[0] as i64);
    for (i, word) in words.iter_mut().enumerate().take(STRIDE) {
        let Some(s) = window[i..].first_chunk::<16>() else {
            break;
        };
        let [x0, x1, x2, x3] = reorganise(s);
        let both = _mm_cvtsi128_si64(memory) as u64;
        let w = (x0 ^ (both >> 32) as u32).wrapping_add(both as u32);
        *word = w ^ x3;
        window[i + 16] = next_cell(s, if FEEDBACK { w >> 1 } else { 0 });
        memory = next_memory(memory, _mm_cvtsi64_si128((u64::from(x1) << 32 | u64::from(x2)) as i64));
    }
    keystream
        .cells
        .0
        .copy_from_slice(&window[words.len()..words.len() + 16]);
    keystream.memory.0 = [_mm_cvtsi128_si64(memory) as u64];
}

/// The linear maps and the boxes (TS 35.222 3.4), from R1 and R2 with X1 and X2 to the next R1 and R2.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,gfni")]
fn next_memory(memory: __m128i, inputs: __m128i) -> __m128i {
    // The octets that go through S0.
    const ODD: u16 = 0xaaaa;
    let sums = _mm_mask_add_epi32(_mm_xor_si128(memory, inputs), 0b10, memory, inputs);
    let uv = _mm_rol_epi64::<16>(sums);
    let rotated = |l1, l2| _mm_rolv_epi32(uv, _mm_set_epi32(0, 0, l1, l2));
    let a = _mm_ternarylogic_epi32::<0x96>(uv, rotated(2, 8), rotated(10, 14));
    let b = _mm_xor_si128(rotated(18, 22), rotated(24, 30));
    // What the last sum leaves of the lower nibbles and of the upper ones.
    let low = _mm_ternarylogic_epi32::<0x28>(a, b, _mm_set1_epi8(0x0f));
    let high = _mm_srli_epi16::<4>(_mm_ternarylogic_epi32::<0x28>(a, b, _mm_set1_epi8(0xf0_u8 as i8)));
    let first = _mm_xor_si128(_mm_shuffle_epi8(in_register(P1), low), high);
    let second = _mm_xor_si128(_mm_shuffle_epi8(in_register(P2), first), low);
    let upper = _mm_maskz_add_epi8(ODD, first, first);
    let s0 = _mm_maskz_shuffle_epi8(ODD, in_register(P3_AND_PLACE), second);
    let in_aes_field = _mm_gf2p8affine_epi64_epi8::<0>(_mm_xor_si128(a, b), _mm_set1_epi64x(INTO_AES_FIELD));
    let s1 = _mm_maskz_gf2p8affineinv_epi64_epi8::<S1_CONSTANT>(!ODD, in_aes_field, _mm_set1_epi64x(FROM_AES_FIELD));
    _mm_ternarylogic_epi32::<0x96>(s0, upper, s1)
}
