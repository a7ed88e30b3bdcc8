//! One message at a time.
//!
//! What bounds the speed is the way of a word round the FSM: R1, S1, R2, S2, R3, R1, three steps. So three steps are
//! computed together: S2 of three words costs the time of one. S1 is the round of AES on a column; in registers that
//! have a word in each column, where the shift of rows changes nothing, it is one instruction. SQ is read from registers:
//! from all its rows, and then the right one is chosen bit by bit. The LFSR is four words ahead at a time, which its
//! feedback allows.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_aesenc_si128, _mm_alignr_epi8, _mm_blend_epi32, _mm_blendv_epi8,
    _mm_loadu_si128, _mm_set_epi32, _mm_setzero_si128, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_epi16,
    _mm_slli_epi32, _mm_srli_epi32, _mm_storeu_si128, _mm_xor_si128, _mm256_add_epi32, _mm256_and_si256,
    _mm256_blendv_epi8, _mm256_broadcastsi128_si256, _mm256_castsi128_si256, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi16, _mm256_storeu_si256, _mm256_xor_si256,
};

use super::boxes::{Alpha, doubled, pair_of_rows};
use super::lanes::{big_endian, xor3};
use crate::simd::features::Avx2;
use crate::wipe::Wiped;

/// Steps between two uses of the keystream: rows of 8 words, groups of 12 steps.
const STEPS: usize = 48;

/// Words of a row.
const ROW: usize = 8;

/// Adds the keystream that starts from `stages` to a message.
pub(crate) fn apply(_: Avx2, stages: &[u32; 16], message: &mut [u8]) {
    // SAFETY: the proof says that the processor has the instructions.
    unsafe { apply_inner(stages, message) }
}

/// The first five words of the keystream that starts from `stages`.
pub(crate) fn five_words(_: Avx2, stages: &[u32; 16]) -> Wiped<u32, 5> {
    // SAFETY: the proof says that the processor has the instructions.
    unsafe { five_words_inner(stages) }
}

#[target_feature(enable = "avx2,aes")]
fn apply_inner(stages: &[u32; 16], message: &mut [u8]) {
    let constants = Constants::new();
    let mut generator = Generator::new(&constants, stages);
    let mut steps = Steps::new();
    for part in message.chunks_mut(4 * STEPS) {
        generator.advance(&constants, &mut steps, part.len().div_ceil(4));
        let (rows, rest) = part.as_chunks_mut::<{ 4 * ROW }>();
        for (number, row) in rows.iter_mut().enumerate() {
            // SAFETY: there are 32 octets.
            let octets = unsafe { _mm256_loadu_si256(row.as_ptr().cast()) };
            let octets = _mm256_xor_si256(octets, big_endian(steps.row(number)));
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(row.as_mut_ptr().cast(), octets) };
        }
        if !rest.is_empty() {
            let mut last = Wiped([0_u8; 4 * ROW]);
            // SAFETY: there are 32 octets.
            unsafe { _mm256_storeu_si256(last.0.as_mut_ptr().cast(), big_endian(steps.row(rows.len()))) };
            for (octet, keystream) in rest.iter_mut().zip(&last.0) {
                *octet ^= keystream;
            }
        }
    }
}

#[target_feature(enable = "avx2,aes")]
fn five_words_inner(stages: &[u32; 16]) -> Wiped<u32, 5> {
    let constants = Constants::new();
    let mut steps = Steps::new();
    Generator::new(&constants, stages).advance(&constants, &mut steps, 5);
    let mut words = Wiped([0; ROW]);
    // SAFETY: there are 32 octets.
    unsafe { _mm256_storeu_si256(words.0.as_mut_ptr().cast(), steps.row(0)) };
    let mut five = Wiped([0; 5]);
    five.0.copy_from_slice(&words.0[..5]);
    five
}

/// What stays in registers, as far as there are enough.
struct Constants {
    sq: [__m256i; 8],
    mul_alpha: Alpha,
    div_alpha: Alpha,
    rotated_once: __m128i,
    rotated_twice: __m128i,
    rotated_thrice: __m128i,
}

impl Constants {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        let mut sq = [_mm256_setzero_si256(); 8];
        for (number, pair) in sq.iter_mut().enumerate() {
            *pair = pair_of_rows(number);
        }
        Self {
            sq,
            mul_alpha: Alpha::mul(),
            div_alpha: Alpha::div(),
            rotated_once: _mm_set_epi32(0x0c0f_0e0d, 0x080b_0a09, 0x0407_0605, 0x0003_0201),
            rotated_twice: _mm_set_epi32(0x0d0c_0f0e, 0x0908_0b0a, 0x0504_0706, 0x0100_0302),
            rotated_thrice: _mm_set_epi32(0x0e0d_0c0f, 0x0a09_080b, 0x0605_0407, 0x0201_0003),
        }
    }

    /// S1 of a word that is in all columns.
    #[inline]
    #[target_feature(enable = "aes")]
    fn s1(word: __m128i) -> __m128i {
        _mm_aesenc_si128(word, _mm_setzero_si128())
    }

    /// SQ of each octet.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sq(&self, octets: __m128i) -> __m128i {
        let both = _mm256_broadcastsi128_si256(octets);
        let place = _mm256_and_si256(both, _mm256_set1_epi8(0x0f));
        let (bit_6, bit_5) = (_mm256_slli_epi16::<1>(both), _mm256_slli_epi16::<2>(both));
        let [a, b, c, d, e, f, g, h] = self.sq;
        let of_two = |one, other| (_mm256_shuffle_epi8(one, place), _mm256_shuffle_epi8(other, place));
        let ((a, b), (c, d), (e, f), (g, h)) = (of_two(a, b), of_two(c, d), of_two(e, f), of_two(g, h));
        let low = _mm256_blendv_epi8(_mm256_blendv_epi8(a, b, bit_5), _mm256_blendv_epi8(c, d, bit_5), bit_6);
        let high = _mm256_blendv_epi8(_mm256_blendv_epi8(e, f, bit_5), _mm256_blendv_epi8(g, h, bit_5), bit_6);
        let rows = _mm256_blendv_epi8(low, high, both);
        _mm_blendv_epi8(
            _mm256_castsi256_si128(rows),
            _mm256_extracti128_si256::<1>(rows),
            _mm_slli_epi16::<3>(octets),
        )
    }

    /// S2 of each word, and words added to the results.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn s2_and_add(&self, words: __m128i, added: __m128i) -> __m128i {
        let once = self.sq(words);
        let others = _mm_xor_si128(
            _mm_shuffle_epi8(once, self.rotated_once),
            _mm_xor_si128(
                _mm_shuffle_epi8(once, self.rotated_twice),
                _mm_shuffle_epi8(once, self.rotated_thrice),
            ),
        );
        let twice = _mm256_castsi256_si128(doubled(_mm256_castsi128_si256(once)));
        let twice = _mm_xor_si128(twice, _mm_shuffle_epi8(twice, self.rotated_once));
        _mm_xor_si128(twice, _mm_xor_si128(others, added))
    }
}

/// The LFSR four words at a time: the sixteen stages.
struct Lfsr([__m128i; 4]);

impl Lfsr {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(stages: &[u32; 16]) -> Self {
        let mut quarters = [_mm_setzero_si128(); 4];
        for (quarter, words) in quarters.iter_mut().zip(stages.as_chunks::<4>().0) {
            // SAFETY: there are 16 octets.
            *quarter = unsafe { _mm_loadu_si128(words.as_ptr().cast()) };
        }
        Self(quarters)
    }

    /// The next four words, if nothing is added.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn feedback(&self, constants: &Constants) -> __m128i {
        let [s0, s4, s8, s12] = self.0;
        let s11 = _mm_alignr_epi8::<12>(s12, s8);
        let mul = constants.mul_alpha.of_highest_octets(_mm256_castsi128_si256(s0));
        let div = constants.div_alpha.of_lowest_octets(_mm256_castsi128_si256(s11));
        let sum = _mm_xor_si128(_mm_slli_epi32::<8>(s0), _mm_alignr_epi8::<8>(s4, s0));
        let sum = _mm_xor_si128(sum, _mm_srli_epi32::<8>(s11));
        _mm_xor_si128(sum, _mm256_castsi256_si128(_mm256_xor_si256(mul, div)))
    }

    #[inline]
    fn push(&mut self, words: __m128i) {
        let [_, a, b, c] = self.0;
        self.0 = [a, b, c, words];
    }

    /// Four steps of the keystream; gives the new words.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn advance(&mut self, constants: &Constants) -> __m128i {
        let words = self.feedback(constants);
        self.push(words);
        words
    }
}

/// LFSR and FSM before the first step of the keystream or between groups of steps. The LFSR is one step behind.
/// The registers of the FSM are in all four columns.
struct Generator {
    lfsr: Lfsr,
    r1: __m128i,
    next_r1: __m128i,
    r2: __m128i,
}

impl Generator {
    /// Initialises (TS 35.216 4.1).
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn new(constants: &Constants, stages: &[u32; 16]) -> Self {
        let mut lfsr = Lfsr::new(stages);
        let (mut r1, mut r2) = (_mm_setzero_si128(), _mm_setzero_si128());
        // R3 with the stage that it is added to in the coming step.
        let mut r3_s5 = _mm_shuffle_epi32::<0b01_01_01_01>(lfsr.0[1]);
        for _ in 0..8 {
            let words = lfsr.feedback(constants);
            let [_, s4, s8, s12] = lfsr.0;
            let mut s15 = _mm_shuffle_epi32::<0b11_11_11_11>(s12);
            let mut new_words = words;
            macro_rules! step {
                ($lane:literal, $select:literal, $next_s5:expr) => {
                    let f = _mm_xor_si128(_mm_add_epi32(s15, r1), r2);
                    s15 = _mm_xor_si128(_mm_shuffle_epi32::<$select>(words), f);
                    new_words = _mm_blend_epi32::<$lane>(new_words, s15);
                    let next_r1 = _mm_add_epi32(r2, r3_s5);
                    r3_s5 = constants.s2_and_add(r2, $next_s5);
                    r2 = Constants::s1(r1);
                    r1 = next_r1;
                };
            }
            step!(0b0001, 0b00_00_00_00, _mm_shuffle_epi32::<0b10_10_10_10>(s4));
            step!(0b0010, 0b01_01_01_01, _mm_shuffle_epi32::<0b11_11_11_11>(s4));
            step!(0b0100, 0b10_10_10_10, _mm_shuffle_epi32::<0b00_00_00_00>(s8));
            step!(0b1000, 0b11_11_11_11, _mm_shuffle_epi32::<0b01_01_01_01>(s8));
            lfsr.push(new_words);
        }
        // The step without feedback and without output; only the FSM takes it.
        let s6 = _mm_shuffle_epi32::<0b10_10_10_10>(lfsr.0[1]);
        let (next_r1, next_r2) = (_mm_add_epi32(r2, r3_s5), Constants::s1(r1));
        let r3_s5 = constants.s2_and_add(r2, s6);
        Self {
            lfsr,
            r1: next_r1,
            next_r1: _mm_add_epi32(next_r2, r3_s5),
            r2: next_r2,
        }
    }

    /// Takes `number` steps, at most [`STEPS`]; a few more if that is no multiple of 12, after which the keystream
    /// has a gap.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn advance(&mut self, constants: &Constants, steps: &mut Steps, number: usize) {
        for (quarter, words) in self.lfsr.0.into_iter().enumerate() {
            steps.put_stages(4 * quarter, words);
        }
        let mut done = 0;
        while done < number {
            let [_, s4, s8, s12] = self.lfsr.0;
            let s16 = self.lfsr.advance(constants);
            steps.put_stages(done + 16, s16);
            steps.put_stages(done + 20, self.lfsr.advance(constants));
            steps.put_stages(done + 24, self.lfsr.advance(constants));
            self.three_steps(constants, steps, done, _mm_alignr_epi8::<12>(s8, s4));
            if done + 3 >= number {
                return;
            }
            self.three_steps(constants, steps, done + 3, _mm_alignr_epi8::<8>(s12, s8));
            if done + 6 >= number {
                return;
            }
            self.three_steps(constants, steps, done + 6, _mm_alignr_epi8::<4>(s16, s12));
            self.three_steps(constants, steps, done + 9, s16);
            done += 12;
        }
    }

    /// Three steps of the FSM. `stages` are s6, s7 and s8 as the first of the steps has them.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn three_steps(&mut self, constants: &Constants, steps: &mut Steps, done: usize, stages: __m128i) {
        let Self { r1, next_r1, r2, .. } = *self;
        let (second_r2, third_r2) = (Constants::s1(r1), Constants::s1(next_r1));
        let r2s = _mm_blend_epi32::<0b0100>(_mm_blend_epi32::<0b0010>(r2, second_r2), third_r2);
        let r3s_stages = constants.s2_and_add(r2s, stages);
        let third_r1 = _mm_add_epi32(second_r2, _mm_shuffle_epi32::<0b00_00_00_00>(r3s_stages));
        let r1s = _mm_blend_epi32::<0b0100>(_mm_blend_epi32::<0b0010>(r1, next_r1), third_r1);
        steps.put_registers(done, r1s, r2s);
        self.r1 = _mm_add_epi32(third_r2, _mm_shuffle_epi32::<0b01_01_01_01>(r3s_stages));
        self.r2 = Constants::s1(third_r1);
        self.next_r1 = _mm_add_epi32(self.r2, _mm_shuffle_epi32::<0b10_10_10_10>(r3s_stages));
    }
}

/// What the steps leave for the output to be computed in whole rows. Wiped on drop.
struct Steps {
    /// The LFSR from one step before the first on.
    stages: Wiped<u32, { STEPS + 16 }>,
    /// R1 and R2 in each step, and room for the fourth column.
    r1: Wiped<u32, { STEPS + 1 }>,
    r2: Wiped<u32, { STEPS + 1 }>,
}

impl Steps {
    #[inline]
    fn new() -> Self {
        Self {
            stages: Wiped([0; _]),
            r1: Wiped([0; _]),
            r2: Wiped([0; _]),
        }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn put_stages(&mut self, at: usize, words: __m128i) {
        store(&mut self.stages.0, at, words);
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn put_registers(&mut self, at: usize, r1s: __m128i, r2s: __m128i) {
        store(&mut self.r1.0, at, r1s);
        store(&mut self.r2.0, at, r2s);
    }

    /// Eight words of the keystream: (s15 + R1) ⊕ R2 ⊕ s0.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn row(&self, number: usize) -> __m256i {
        let at = ROW * number;
        let sum = _mm256_add_epi32(load(&self.stages.0, at + 16), load(&self.r1.0, at));
        xor3(sum, load(&self.r2.0, at), load(&self.stages.0, at + 1))
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(words: &[u32], at: usize) -> __m256i {
    let words = &words[at..at + ROW];
    // SAFETY: the slice has 32 octets.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(words: &mut [u32], at: usize, value: __m128i) {
    let words = &mut words[at..at + 4];
    // SAFETY: the slice has 16 octets.
    unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), value) }
}
