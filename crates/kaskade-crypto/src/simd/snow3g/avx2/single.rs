//! One message at a time.
//!
//! What bounds the speed is the way of a word round the FSM: R1, S1, R2, S2, R3, R1, three steps. So three steps are
//! computed together, while the generator initialises too: S2 of three words costs the time of one. S1 is the round of
//! AES on a column; in registers that have a word in each column, where the shift of rows changes nothing, it is one
//! instruction. SQ is read from registers: from all its rows, and then the right one is chosen bit by bit. The LFSR is
//! four words ahead at a time, which its feedback allows.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi8, _mm_add_epi32, _mm_aesenc_si128, _mm_alignr_epi8, _mm_blend_epi32, _mm_blendv_epi8,
    _mm_loadu_si128, _mm_set_epi32, _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi8, _mm_shuffle_epi32,
    _mm_slli_epi16, _mm_slli_epi32, _mm_srli_epi32, _mm_storeu_si128, _mm_xor_si128, _mm256_add_epi32,
    _mm256_castsi128_si256, _mm256_castsi256_si128, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_xor_si256,
};

use super::boxes::{Alpha, row};
use super::lanes::{big_endian, xor3};
use crate::simd::features::Avx2;
use crate::snow3g::sboxes::S2_POLYNOMIAL;
use crate::wipe::Wiped;

/// Steps between two uses of the keystream: rows of 8 words, groups of 12 steps.
const STEPS: usize = 48;

/// Words in a row of the keystream.
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
    let mut generator = Generator::new(stages);
    let mut steps = Steps::new();
    for part in message.chunks_mut(4 * STEPS) {
        generator.advance(&mut steps, part.len().div_ceil(4));
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
    let mut steps = Steps::new();
    Generator::new(stages).advance(&mut steps, 5);
    let mut words = Wiped([0; ROW]);
    // SAFETY: there are 32 octets.
    unsafe { _mm256_storeu_si256(words.0.as_mut_ptr().cast(), steps.row(0)) };
    let mut five = Wiped([0; 5]);
    five.0.copy_from_slice(&words.0[..5]);
    five
}

/// The orders of octets that turn each word to the right.
#[inline]
#[target_feature(enable = "sse2")]
fn turn_once() -> __m128i {
    _mm_set_epi32(0x0c0f_0e0d, 0x080b_0a09, 0x0407_0605, 0x0003_0201)
}

#[inline]
#[target_feature(enable = "sse2")]
fn turn_twice() -> __m128i {
    _mm_set_epi32(0x0d0c_0f0e, 0x0908_0b0a, 0x0504_0706, 0x0100_0302)
}

#[inline]
#[target_feature(enable = "sse2")]
fn turn_thrice() -> __m128i {
    _mm_set_epi32(0x0e0d_0c0f, 0x0a09_080b, 0x0605_0407, 0x0201_0003)
}

/// S1 of a word that is in all columns.
#[inline]
#[target_feature(enable = "aes")]
fn s1(word: __m128i) -> __m128i {
    _mm_aesenc_si128(word, _mm_setzero_si128())
}

/// S2 of each word, and words added to the results.
#[inline]
#[target_feature(enable = "avx2")]
fn s2_and_add(words: __m128i, added: __m128i) -> __m128i {
    let once = sq(words);
    // Twice an octet, and the reduction where none is due: it falls out of the sum of two of them.
    let reduction = _mm_shuffle_epi8(_mm_set1_epi8(S2_POLYNOMIAL.cast_signed()), once);
    let twice = _mm_xor_si128(_mm_add_epi8(once, once), reduction);
    let others = _mm_xor_si128(
        _mm_xor_si128(
            _mm_shuffle_epi8(once, turn_once()),
            _mm_shuffle_epi8(once, turn_twice()),
        ),
        _mm_xor_si128(_mm_shuffle_epi8(once, turn_thrice()), added),
    );
    let twice = _mm_xor_si128(twice, _mm_shuffle_epi8(twice, turn_once()));
    _mm_xor_si128(others, twice)
}

/// SQ of each octet.
#[inline]
#[target_feature(enable = "avx2")]
fn sq(octets: __m128i) -> __m128i {
    // A shuffle gives zero for an octet whose highest bit is set, and looks at the four lowest bits else.
    let turned = _mm_xor_si128(octets, _mm_set1_epi8(i8::MIN));
    let (bit_6, bit_5, bit_4) = (
        _mm_add_epi8(octets, octets),
        _mm_slli_epi16::<2>(octets),
        _mm_slli_epi16::<3>(octets),
    );
    macro_rules! rows {
        ($row:literal) => {
            _mm_xor_si128(
                _mm_shuffle_epi8(row($row), octets),
                _mm_shuffle_epi8(row($row + 8), turned),
            )
        };
    }
    let a = _mm_blendv_epi8(rows!(0), rows!(1), bit_4);
    let b = _mm_blendv_epi8(rows!(2), rows!(3), bit_4);
    let low = _mm_blendv_epi8(a, b, bit_5);
    let a = _mm_blendv_epi8(rows!(4), rows!(5), bit_4);
    let b = _mm_blendv_epi8(rows!(6), rows!(7), bit_4);
    let high = _mm_blendv_epi8(a, b, bit_5);
    _mm_blendv_epi8(low, high, bit_6)
}

/// The sixteen stages of the LFSR, four in each register.
#[derive(Clone, Copy)]
struct Lfsr([__m128i; 4]);

impl Lfsr {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(stages: &[u32; 16]) -> Self {
        let (quarters, _) = stages.as_chunks::<4>();
        // SAFETY: each quarter has 16 octets.
        Self(core::array::from_fn(|number| unsafe {
            _mm_loadu_si128(quarters[number].as_ptr().cast())
        }))
    }

    /// The next four words if nothing is added.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn feedback(&self) -> __m128i {
        let [s0, s4, s8, s12] = self.0;
        let s11 = _mm_alignr_epi8::<12>(s12, s8);
        let mul = Alpha::mul().of_highest_octets(_mm256_castsi128_si256(s0));
        let div = Alpha::div().of_lowest_octets(_mm256_castsi128_si256(s11));
        let images = _mm256_castsi256_si128(_mm256_xor_si256(mul, div));
        let shifted = _mm_xor_si128(_mm_slli_epi32::<8>(s0), _mm_srli_epi32::<8>(s11));
        _mm_xor_si128(_mm_xor_si128(shifted, _mm_alignr_epi8::<8>(s4, s0)), images)
    }

    #[inline]
    fn push(&mut self, words: __m128i) {
        let [_, a, b, c] = self.0;
        self.0 = [a, b, c, words];
    }

    /// Four steps of the keystream; gives the new words.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn advance(&mut self) -> __m128i {
        let words = self.feedback();
        self.push(words);
        words
    }

    /// Four steps of the initialisation, in which the FSM had these R1 and R2.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn initialise(&mut self, registers: [[__m128i; 2]; 4]) {
        let feedback = self.feedback();
        let mut s15 = _mm_shuffle_epi32::<0b11_11_11_11>(self.0[3]);
        let mut words = feedback;
        macro_rules! step {
            ($number:literal, $lane:literal, $select:literal) => {
                let [r1, r2] = registers[$number];
                let f = _mm_add_epi32(s15, r1);
                s15 = _mm_xor_si128(_mm_xor_si128(_mm_shuffle_epi32::<$select>(feedback), r2), f);
                words = _mm_blend_epi32::<$lane>(words, s15);
            };
        }
        step!(0, 0b0001, 0b00_00_00_00);
        step!(1, 0b0010, 0b01_01_01_01);
        step!(2, 0b0100, 0b10_10_10_10);
        step!(3, 0b1000, 0b11_11_11_11);
        self.push(words);
    }
}

/// The registers of the FSM, in all four columns.
#[derive(Clone, Copy)]
struct Fsm {
    r1: __m128i,
    /// R1 of the step after the coming one.
    next_r1: __m128i,
    r2: __m128i,
}

impl Fsm {
    /// Three steps; gives R1 and R2 in each. `stages` are s6, s7 and s8 as the first of the steps has them.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn three_steps(&mut self, stages: __m128i) -> [[__m128i; 2]; 3] {
        let Self { r1, next_r1, r2 } = *self;
        let (second_r2, third_r2) = (s1(r1), s1(next_r1));
        let r3s_stages = s2_and_add(three_words(r2, second_r2, third_r2), stages);
        let third_r1 = _mm_add_epi32(second_r2, _mm_shuffle_epi32::<0b00_00_00_00>(r3s_stages));
        self.r1 = _mm_add_epi32(third_r2, _mm_shuffle_epi32::<0b01_01_01_01>(r3s_stages));
        self.r2 = s1(third_r1);
        self.next_r1 = _mm_add_epi32(self.r2, _mm_shuffle_epi32::<0b10_10_10_10>(r3s_stages));
        [[r1, r2], [next_r1, second_r2], [third_r1, third_r2]]
    }
}

/// One word from each of three registers that have it in all columns.
#[inline]
#[target_feature(enable = "avx2")]
fn three_words(first: __m128i, second: __m128i, third: __m128i) -> __m128i {
    _mm_blend_epi32::<0b0100>(_mm_blend_epi32::<0b0010>(first, second), third)
}

/// LFSR and FSM before the first step of the keystream or between groups of steps. The LFSR is one step behind.
struct Generator {
    lfsr: Lfsr,
    fsm: Fsm,
}

impl Generator {
    /// Initialises (TS 35.216 4.1).
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn new(stages: &[u32; 16]) -> Self {
        let mut lfsr = Lfsr::new(stages);
        let mut fsm = Fsm {
            r1: _mm_setzero_si128(),
            next_r1: _mm_shuffle_epi32::<0b01_01_01_01>(lfsr.0[1]),
            r2: _mm_setzero_si128(),
        };
        // Twelve steps, twelve, eight; and the one without feedback and without output, which only the FSM takes.
        for round in 0..3 {
            let [_, s4, s8, s12] = lfsr.0;
            let first = fsm.three_steps(_mm_alignr_epi8::<8>(s8, s4));
            let second = fsm.three_steps(_mm_alignr_epi8::<4>(s12, s8));
            lfsr.initialise([first[0], first[1], first[2], second[0]]);
            let s16 = lfsr.0[3];
            let third = fsm.three_steps(s12);
            lfsr.initialise([second[1], second[2], third[0], third[1]]);
            if round < 2 {
                let fourth = fsm.three_steps(_mm_alignr_epi8::<12>(s16, s12));
                lfsr.initialise([third[2], fourth[0], fourth[1], fourth[2]]);
            }
        }
        Self { lfsr, fsm }
    }

    /// Takes `number` steps, at most [`STEPS`]; a few more if that is no multiple of 12, after which the keystream
    /// has a gap.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn advance(&mut self, steps: &mut Steps, number: usize) {
        for (quarter, words) in self.lfsr.0.into_iter().enumerate() {
            steps.put_stages(4 * quarter, words);
        }
        let (mut lfsr, mut fsm) = (self.lfsr, self.fsm);
        let mut done = 0;
        while done < number {
            let [_, s4, s8, s12] = lfsr.0;
            let s16 = lfsr.advance();
            steps.put_stages(done + 16, s16);
            steps.put_registers(done, fsm.three_steps(_mm_alignr_epi8::<12>(s8, s4)));
            steps.put_stages(done + 20, lfsr.advance());
            if done + 3 >= number {
                return;
            }
            let registers = fsm.three_steps(_mm_alignr_epi8::<8>(s12, s8));
            steps.put_registers(done + 3, registers);
            steps.put_stages(done + 24, lfsr.advance());
            if done + 6 >= number {
                return;
            }
            let registers = fsm.three_steps(_mm_alignr_epi8::<4>(s16, s12));
            steps.put_registers(done + 6, registers);
            steps.put_registers(done + 9, fsm.three_steps(s16));
            done += 12;
        }
        (self.lfsr, self.fsm) = (lfsr, fsm);
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
    #[target_feature(enable = "avx2")]
    fn put_registers(&mut self, at: usize, [first, second, third]: [[__m128i; 2]; 3]) {
        store(&mut self.r1.0, at, three_words(first[0], second[0], third[0]));
        store(&mut self.r2.0, at, three_words(first[1], second[1], third[1]));
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
