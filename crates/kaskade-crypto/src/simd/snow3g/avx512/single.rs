//! SNOW 3G, one message at a time, on AVX-512 with VBMI, GFNI and AES.
//!
//! What bounds the speed is the way of a word round the FSM: R1, S1, R2, S2, R3, R1, three steps. So three steps are
//! computed together: S2 of three words costs the time of one. S1 is the round of AES on a column; in registers that
//! have a word in each column, where the shift of rows changes nothing, it is one instruction. SQ is read from
//! registers. The LFSR is four words ahead at a time, which its feedback allows, and its words are held in AES's
//! coordinates of GF(2^8), so that MULα and DIVα are the product instruction.

use core::arch::x86_64::{
    __m128i, __m512i, _mm_add_epi32, _mm_aesenc_si128, _mm_alignr_epi8, _mm_blend_epi32, _mm_gf2p8affine_epi64_epi8,
    _mm_gf2p8mul_epi8, _mm_loadu_si128, _mm_ror_epi32, _mm_set1_epi8, _mm_set1_epi32, _mm_set1_epi64x,
    _mm_setzero_si128, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_epi32, _mm_srli_epi32, _mm_storeu_si128,
    _mm_ternarylogic_epi32, _mm_xor_si128, _mm512_add_epi32, _mm512_castsi128_si512, _mm512_castsi512_si128,
    _mm512_loadu_si512, _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8, _mm512_permutex2var_epi8, _mm512_set4_epi32,
    _mm512_shuffle_epi8, _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_xor_si512,
};

use crate::simd::features::Avx512;
use crate::snow3g::field::{Linear, apply_one, composed, from_polynomial, inverse, transposed};
use crate::snow3g::sboxes::{ALPHA_POLYNOMIAL, DIV_POWERS, MUL_POWERS, S1_POLYNOMIAL, S2_POLYNOMIAL, SQ, times_powers};
use crate::wipe::Wiped;

/// From the field below α to AES's coordinates, and back.
const INTO_AES: Linear = composed(
    inverse(from_polynomial(S1_POLYNOMIAL)),
    from_polynomial(ALPHA_POLYNOMIAL),
);
pub(super) const INTO_AES_MATRIX: i64 = matrix(INTO_AES);
pub(super) const OUT_OF_AES_MATRIX: i64 = matrix(inverse(INTO_AES));

/// Times x over the field of S2.
pub(super) const DOUBLING_MATRIX: i64 = matrix(transposed([2, 4, 8, 16, 32, 64, 128, S2_POLYNOMIAL]));

/// What MULα and DIVα multiply by in each octet, in AES's coordinates.
pub(super) const MUL_ALPHA: i32 = each_into_aes(times_powers(1, MUL_POWERS));
pub(super) const DIV_ALPHA: i32 = each_into_aes(times_powers(1, DIV_POWERS));

/// A linear map as the affine instruction takes it: the row of the lowest bit is the highest octet.
const fn matrix(map: Linear) -> i64 {
    i64::from_be_bytes(map)
}

const fn each_into_aes(word: u32) -> i32 {
    let [a, b, c, d] = word.to_le_bytes();
    i32::from_le_bytes([
        apply_one(INTO_AES, a),
        apply_one(INTO_AES, b),
        apply_one(INTO_AES, c),
        apply_one(INTO_AES, d),
    ])
}

/// Steps between two uses of the keystream: rows of 16 words, groups of 12 steps.
const STEPS: usize = 48;

/// Adds the keystream that starts from `stages` to a message.
pub(crate) fn apply(_: Avx512, stages: &[u32; 16], message: &mut [u8]) {
    // SAFETY: the proof says that the processor has the instructions.
    unsafe { apply_inner(stages, message) }
}

/// The first five words of the keystream that starts from `stages`.
pub(crate) fn five_words(_: Avx512, stages: &[u32; 16]) -> Wiped<u32, 5> {
    // SAFETY: the proof says that the processor has the instructions.
    unsafe { five_words_inner(stages) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,vaes,aes")]
fn apply_inner(stages: &[u32; 16], message: &mut [u8]) {
    let constants = Constants::new();
    let mut generator = Generator::new(&constants, stages);
    let mut steps = Steps::new();
    for part in message.chunks_mut(4 * STEPS) {
        generator.advance(&constants, &mut steps, part.len().div_ceil(4));
        for (number, row) in part.chunks_mut(64).enumerate() {
            let present = u64::MAX >> (64 - row.len());
            let keystream = big_endian(steps.row(number));
            // SAFETY: the mask names octets of the row only, and the others are not touched.
            let octets = unsafe { _mm512_maskz_loadu_epi8(present, row.as_ptr().cast()) };
            let octets = _mm512_xor_si512(octets, keystream);
            // SAFETY: as above.
            unsafe { _mm512_mask_storeu_epi8(row.as_mut_ptr().cast(), present, octets) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,vaes,aes")]
fn five_words_inner(stages: &[u32; 16]) -> Wiped<u32, 5> {
    let constants = Constants::new();
    let mut steps = Steps::new();
    Generator::new(&constants, stages).advance(&constants, &mut steps, 5);
    let mut words = Wiped([0; 16]);
    // SAFETY: there are 64 octets.
    unsafe { _mm512_storeu_si512(words.0.as_mut_ptr().cast(), steps.row(0)) };
    Wiped(core::array::from_fn(|number| words.0[number]))
}

/// The octets of words as the message has them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn big_endian(words: __m512i) -> __m512i {
    let order = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
    _mm512_shuffle_epi8(words, order)
}

/// The four registers of SQ.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn sq_registers() -> [__m512i; 4] {
    static TABLE: [u8; 256] = SQ;
    let (quarters, _) = TABLE.as_chunks::<64>();
    // SAFETY: each quarter has 64 octets.
    core::array::from_fn(|number| unsafe { _mm512_loadu_si512(quarters[number].as_ptr().cast()) })
}

/// What stays in registers.
struct Constants {
    sq: [__m512i; 4],
    ones: __m128i,
    doubling: __m128i,
    into_aes: __m128i,
    out_of_aes: __m128i,
    mul_alpha: __m128i,
    div_alpha: __m128i,
    highest_octets: __m128i,
    lowest_octets: __m128i,
}

impl Constants {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn new() -> Self {
        let each_word = |offset: i32| {
            let first = _mm_set1_epi32(offset * 0x0101_0101);
            let words = _mm512_castsi512_si128(_mm512_set4_epi32(0x0c0c_0c0c, 0x0808_0808, 0x0404_0404, 0));
            _mm_xor_si128(first, words)
        };
        Self {
            sq: sq_registers(),
            ones: _mm_set1_epi8(-1),
            doubling: _mm_set1_epi64x(DOUBLING_MATRIX),
            into_aes: _mm_set1_epi64x(INTO_AES_MATRIX),
            out_of_aes: _mm_set1_epi64x(OUT_OF_AES_MATRIX),
            mul_alpha: _mm_set1_epi32(MUL_ALPHA),
            div_alpha: _mm_set1_epi32(DIV_ALPHA),
            highest_octets: each_word(3),
            lowest_octets: each_word(0),
        }
    }

    /// S1 of a word that is in all columns.
    #[inline]
    #[target_feature(enable = "aes")]
    fn s1(word: __m128i) -> __m128i {
        _mm_aesenc_si128(word, _mm_setzero_si128())
    }

    /// S2 of each word, and words added to the results.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,gfni")]
    fn s2_and_add(&self, words: __m128i, added: __m128i) -> __m128i {
        // The instruction looks at seven bits of an index; the shuffle turns the eighth into a mask.
        let is_low = _mm_shuffle_epi8(self.ones, words);
        let index = _mm512_castsi128_si512(words);
        let [a, b, c, d] = self.sq;
        let low = _mm512_castsi512_si128(_mm512_permutex2var_epi8(a, index, b));
        let high = _mm512_castsi512_si128(_mm512_permutex2var_epi8(c, index, d));
        let once = _mm_ternarylogic_epi32::<CHOICE>(is_low, low, high);
        let twice = _mm_gf2p8affine_epi64_epi8::<0>(once, self.doubling);
        let others = _mm_ternarylogic_epi32::<SUM>(
            _mm_ror_epi32::<8>(once),
            _mm_ror_epi32::<16>(once),
            _mm_ror_epi32::<24>(once),
        );
        _mm_ternarylogic_epi32::<SUM>(twice, _mm_ror_epi32::<8>(twice), _mm_xor_si128(others, added))
    }
}

/// Truth tables of three bits: their sum, and the first choosing one of the others.
pub(super) const SUM: i32 = 0x96;
pub(super) const CHOICE: i32 = 0xca;

/// The LFSR four words at a time: the sixteen stages, in AES's coordinates and in those of the specification.
struct Lfsr {
    aes: [__m128i; 4],
    words: [__m128i; 4],
}

impl Lfsr {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,gfni")]
    fn new(constants: &Constants, stages: &[u32; 16]) -> Self {
        let (quarters, _) = stages.as_chunks::<4>();
        // SAFETY: each quarter has 16 octets.
        let words: [_; 4] = core::array::from_fn(|number| unsafe { _mm_loadu_si128(quarters[number].as_ptr().cast()) });
        let aes = core::array::from_fn(|number| _mm_gf2p8affine_epi64_epi8::<0>(words[number], constants.into_aes));
        Self { aes, words }
    }

    /// The next four words, in AES's coordinates, if nothing is added.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,gfni,ssse3")]
    fn feedback(&self, constants: &Constants) -> __m128i {
        let [s0, s4, s8, s12] = self.aes;
        let s11 = _mm_alignr_epi8::<12>(s12, s8);
        let mul = _mm_gf2p8mul_epi8(_mm_shuffle_epi8(s0, constants.highest_octets), constants.mul_alpha);
        let div = _mm_gf2p8mul_epi8(_mm_shuffle_epi8(s11, constants.lowest_octets), constants.div_alpha);
        let sum = _mm_ternarylogic_epi32::<SUM>(_mm_slli_epi32::<8>(s0), mul, _mm_alignr_epi8::<8>(s4, s0));
        _mm_ternarylogic_epi32::<SUM>(sum, _mm_srli_epi32::<8>(s11), div)
    }

    #[inline]
    fn push(&mut self, aes: __m128i, words: __m128i) {
        let [_, a, b, c] = self.aes;
        self.aes = [a, b, c, aes];
        let [_, a, b, c] = self.words;
        self.words = [a, b, c, words];
    }

    /// Four steps of the keystream; gives the new words.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vl,gfni,ssse3")]
    fn advance(&mut self, constants: &Constants) -> __m128i {
        let aes = self.feedback(constants);
        let words = _mm_gf2p8affine_epi64_epi8::<0>(aes, constants.out_of_aes);
        self.push(aes, words);
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
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,aes,ssse3")]
    fn new(constants: &Constants, stages: &[u32; 16]) -> Self {
        let mut lfsr = Lfsr::new(constants, stages);
        let (mut r1, mut r2) = (_mm_setzero_si128(), _mm_setzero_si128());
        // R3 with the stage that it is added to in the coming step.
        let mut r3_s5 = _mm_shuffle_epi32::<0b01_01_01_01>(lfsr.words[1]);
        for _ in 0..8 {
            let words = _mm_gf2p8affine_epi64_epi8::<0>(lfsr.feedback(constants), constants.out_of_aes);
            let [_, s4, s8, s12] = lfsr.words;
            let mut s15 = _mm_shuffle_epi32::<0b11_11_11_11>(s12);
            let mut new_words = words;
            macro_rules! step {
                ($lane:literal, $select:literal, $next_s5:expr) => {
                    let f_r2 = _mm_add_epi32(s15, r1);
                    s15 = _mm_ternarylogic_epi32::<SUM>(_mm_shuffle_epi32::<$select>(words), f_r2, r2);
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
            lfsr.push(
                _mm_gf2p8affine_epi64_epi8::<0>(new_words, constants.into_aes),
                new_words,
            );
        }
        // The step without feedback and without output; only the FSM takes it.
        let s6 = _mm_shuffle_epi32::<0b10_10_10_10>(lfsr.words[1]);
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
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,aes,ssse3")]
    fn advance(&mut self, constants: &Constants, steps: &mut Steps, number: usize) {
        for (quarter, words) in self.lfsr.words.into_iter().enumerate() {
            steps.put_stages(4 * quarter, words);
        }
        let mut done = 0;
        while done < number {
            let [_, s4, s8, s12] = self.lfsr.words;
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
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,aes,ssse3")]
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

    /// Sixteen words of the keystream: (s15 + R1) ⊕ R2 ⊕ s0.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn row(&self, number: usize) -> __m512i {
        let at = 16 * number;
        let sum = _mm512_add_epi32(load(&self.stages.0, at + 16), load(&self.r1.0, at));
        _mm512_ternarylogic_epi32::<SUM>(sum, load(&self.r2.0, at), load(&self.stages.0, at + 1))
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u32], at: usize) -> __m512i {
    let words = &words[at..at + 16];
    // SAFETY: the slice has 64 octets.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(words: &mut [u32], at: usize, value: __m128i) {
    let words = &mut words[at..at + 4];
    // SAFETY: the slice has 16 octets.
    unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), value) }
}
