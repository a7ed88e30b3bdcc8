//! ZUC for one message on AVX2 with AES-NI: the nonlinear function in one vector register, the shift register beside it
//! in the ordinary ones, four steps at a time.

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_blend_epi16, _mm_loadu_si128, _mm_or_si128, _mm_slli_epi32, _mm_srli_epi32,
    _mm_storeu_si128, _mm_unpackhi_epi32, _mm_unpacklo_epi32, _mm_xor_si128,
};

use super::nonlinear::{Inputs, Memory};
use super::windows::Windows;
use crate::simd::features::Avx2;
use crate::wipe::Wiped;
use crate::zuc::integrity::{self, BLOCK, WORDS, WindowSum};
use crate::zuc::keystream::{ROUNDS_128, ROUNDS_256, load_128, load_256, next_cell};
use crate::zuc::words::{self, STRIDE, Words};

/// Steps whose inputs are all known at the first of them.
const GROUP: usize = 4;

/// A keystream under way. Exists only on a processor with the instructions; wiped on drop.
#[derive(Clone)]
pub(crate) struct Keystream {
    /// The shift register, s0 first.
    cells: Wiped<u32, 16>,
    /// The octets of [`Memory`].
    memory: Wiped<u128, 2>,
}

impl Keystream {
    /// ZUC-128 (TS 35.222 3.6).
    #[inline]
    pub(crate) fn zuc128(proof: Avx2, key: &[u8; 16], iv: &[u8; 16]) -> Self {
        Self::new(proof, load_128(key, iv), ROUNDS_128)
    }

    /// ZUC-256 with an IV of 128 bits (TS 35.246).
    #[inline]
    pub(crate) fn zuc256(proof: Avx2, key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self::new(proof, load_256(key, iv), ROUNDS_256)
    }

    #[inline]
    fn new(proof: Avx2, cells: [u32; 16], rounds: usize) -> Self {
        let mut this = Self::resume(proof, cells, [0; 2]);
        // SAFETY: as the proof shows, the processor has the instructions.
        unsafe { initialise(&mut this, rounds) }
        this
    }

    /// Goes on with the state of another implementation.
    #[inline]
    pub(crate) fn resume(_proof: Avx2, cells: [u32; 16], [r1, r2]: [u32; 2]) -> Self {
        let memory = Wiped(Memory::octets(&cells, [r1, r2]));
        Self {
            cells: Wiped(cells),
            memory,
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
        unsafe { windows.add(block, words) }
    }

    #[inline(always)]
    fn sum(&self, windows: &Windows) -> u32 {
        windows.sum()
    }
}

#[target_feature(enable = "avx2,aes")]
fn add_to(keystream: &mut Keystream, octets: &mut [u8]) {
    words::add_to(keystream, octets);
}

#[target_feature(enable = "avx2,aes,pclmulqdq")]
fn integrity(keystream: &mut Keystream, message: &[u8], bits: usize) -> u32 {
    integrity::sum(keystream, &mut Windows::new(), message, bits)
}

/// [`integrity::sum_from`], compiled for the instructions.
#[target_feature(enable = "avx2,aes,pclmulqdq")]
pub(super) fn sum_from(
    keystream: &mut Keystream,
    first: &[u32],
    windows: &mut Windows,
    message: &[u8],
    bits: usize,
) -> u32 {
    integrity::sum_from(keystream, first, windows, message, bits)
}

#[target_feature(enable = "avx2,aes")]
fn initialise(keystream: &mut Keystream, rounds: usize) {
    let mut unused = Wiped([0; STRIDE]);
    steps::<true>(keystream, &mut unused.0[..rounds]);
    steps::<false>(keystream, &mut unused.0[..1]);
}

/// As many steps as there are `words`, at most [`STRIDE`]. `FEEDBACK`: the nonlinear function goes into the register, and
/// the words mean nothing.
#[target_feature(enable = "avx2,aes")]
fn steps<const FEEDBACK: bool>(keystream: &mut Keystream, words: &mut [u32]) {
    let mut window = Wiped([0; 16 + STRIDE + GROUP]);
    let window = &mut window.0;
    window[..16].copy_from_slice(&keystream.cells.0);
    let mut memory = Memory::load(&keystream.memory.0);
    let mut done = 0;
    let (groups, rest) = words.as_chunks_mut();
    for words in groups {
        let Some(s) = window[done..].first_chunk_mut() else {
            break;
        };
        group::<FEEDBACK, GROUP>(s, &mut memory, words);
        done += GROUP;
    }
    for word in rest {
        let Some(s) = window[done..].first_chunk_mut() else {
            break;
        };
        let mut words = Wiped([0; GROUP]);
        group::<FEEDBACK, 1>(s, &mut memory, &mut words.0);
        *word = words.0[0];
        done += 1;
    }
    keystream.cells.0.copy_from_slice(&window[done..done + 16]);
    memory.store(&mut keystream.memory.0);
}

/// `STEPS` steps, at most [`GROUP`], with the register in the first 16 of the cells: so many words, and what follows
/// means nothing.
#[inline]
#[target_feature(enable = "avx2,aes")]
fn group<const FEEDBACK: bool, const STEPS: usize>(
    s: &mut [u32; 16 + GROUP],
    memory: &mut Memory,
    words: &mut [u32; GROUP],
) {
    // X1 and X2 of the step after each one.
    let (x1, x2) = (join::<12, 10>(s), join::<8, 6>(s));
    let [a, b] = Inputs::two(_mm_unpacklo_epi32(x1, x2));
    let [c, d] = Inputs::two(_mm_unpackhi_epi32(x1, x2));
    let mut memories = [*memory; GROUP];
    for (i, inputs) in [a, b, c, d].into_iter().enumerate().take(STEPS) {
        memories[i] = *memory;
        let Some(register) = s[i..].first_chunk() else { break };
        s[16 + i] = next_cell(register, if FEEDBACK { memory.output(register) >> 1 } else { 0 });
        *memory = memory.next(inputs);
    }
    if !FEEDBACK {
        let x0 = _mm_blend_epi16::<0x55>(_mm_slli_epi32::<1>(four::<15>(s)), four::<14>(s));
        let (x2, x3) = (join::<7, 5>(s), join::<2, 0>(s));
        let [r1, w2] = Memory::transpose(memories);
        let w = _mm_add_epi32(_mm_xor_si128(x0, r1), _mm_xor_si128(w2, x2));
        // SAFETY: there is room for four words.
        unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), _mm_xor_si128(w, x3)) }
    }
}

/// Four cells from the one named on.
#[inline]
#[target_feature(enable = "avx2")]
fn four<const FIRST: usize>(s: &[u32; 16 + GROUP]) -> __m128i {
    const { assert!(FIRST <= 16, "four cells are there") }
    // SAFETY: as asserted, four words are there to read.
    unsafe { _mm_loadu_si128(s.as_ptr().add(FIRST).cast()) }
}

/// The lower halves of four cells above the upper halves of four others: X1, X2 or X3 (TS 35.222 3.3).
#[inline]
#[target_feature(enable = "avx2")]
fn join<const ABOVE: usize, const BELOW: usize>(s: &[u32; 16 + GROUP]) -> __m128i {
    _mm_or_si128(
        _mm_slli_epi32::<16>(four::<ABOVE>(s)),
        _mm_srli_epi32::<15>(four::<BELOW>(s)),
    )
}
