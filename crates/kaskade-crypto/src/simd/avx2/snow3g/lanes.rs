//! Eight messages at a time, one in each lane of 32 bits.
//!
//! Steps go in blocks of sixteen, after which every stage of the LFSR is in its place again. The lanes that initialise
//! are told from those that cipher by a mask.

use core::arch::x86_64::{
    __m256i, _mm_aesenc_si128, _mm_set_epi32, _mm_setzero_si128, _mm256_add_epi32, _mm256_and_si256,
    _mm256_blendv_epi8, _mm256_broadcastsi128_si256, _mm256_castsi128_si256, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_inserti128_si256, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi16, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_storeu_si256, _mm256_xor_si256,
};

use super::boxes::{Alpha, doubled, row};
use crate::simd::avx2::row::{LANES, Row, transpose};
use crate::simd::features::Avx2;
use crate::snow3g::places::Places;
use crate::wipe::{Wiped, wipe};

/// Steps of a block.
const BLOCK: usize = 16;

/// Adds to each message the keystream that starts from its stages.
pub(crate) fn apply<'m>(_: Avx2, messages: impl Iterator<Item = (Wiped<u32, 16>, &'m mut [u8])>) {
    // SAFETY: the proof says that the processor has the instructions.
    unsafe { apply_inner(messages) }
}

/// The first five words of the keystreams that start from some stages.
pub(crate) fn five_words(_: Avx2, stages: &[Wiped<u32, 16>; LANES]) -> Wiped<[u32; 5], LANES> {
    // SAFETY: the proof says that the processor has the instructions.
    unsafe { five_words_inner(stages) }
}

#[target_feature(enable = "avx2,aes")]
fn apply_inner<'m>(messages: impl Iterator<Item = (Wiped<u32, 16>, &'m mut [u8])>) {
    let constants = Constants::new();
    let mut lanes = Lanes::new();
    let mut places = Places::<_, LANES>::new(messages);
    let mut words = Wiped([Row::default(); BLOCK]);
    let mut octets = Wiped([0_u8; 4 * BLOCK]);
    while let Some(turn) = places.turn(|lane, stages| lanes.put(lane, stages)) {
        if turn.initialising == 0 {
            lanes.block::<BLOCK, false>(&constants, 0, &mut words.0);
        } else {
            lanes.block::<BLOCK, true>(&constants, turn.initialising, &mut words.0);
        }
        if turn.ciphering != 0 {
            transpose(&mut words.0);
            for (lane, place) in places.lanes().iter_mut().enumerate() {
                if let Some((text, begins)) = place.row() {
                    store_octets(&mut octets.0, [&words.0[lane], &words.0[LANES + lane]]);
                    let keystream = octets.0.iter().skip(if begins { 4 } else { 0 });
                    for (octet, keystream) in text.iter_mut().zip(keystream) {
                        *octet ^= keystream;
                    }
                }
            }
        }
        places.end_of_block();
    }
}

#[target_feature(enable = "avx2,aes")]
fn five_words_inner(stages: &[Wiped<u32, 16>; LANES]) -> Wiped<[u32; 5], LANES> {
    let constants = Constants::new();
    let mut lanes = Lanes::new();
    for (lane, stages) in stages.iter().enumerate() {
        lanes.put(lane, stages);
    }
    let mut words = Wiped([Row::default(); BLOCK]);
    lanes.block::<BLOCK, true>(&constants, u16::MAX, &mut words.0);
    lanes.block::<BLOCK, true>(&constants, u16::MAX, &mut words.0);
    // The first word is no keystream.
    lanes.block::<6, false>(&constants, 0, &mut words.0);
    let mut five = Wiped([[0; 5]; LANES]);
    for (lane, five) in five.0.iter_mut().enumerate() {
        for (word, row) in five.iter_mut().zip(&words.0[1..]) {
            *word = row.0[lane];
        }
    }
    five
}

/// What stays in registers, as far as there are enough.
struct Constants {
    sq: [__m256i; 16],
    mul_alpha: Alpha,
    div_alpha: Alpha,
    rows_shifted_back: __m256i,
    rotated_once: __m256i,
    rotated_twice: __m256i,
    rotated_thrice: __m256i,
}

impl Constants {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        let mut sq = [_mm256_setzero_si256(); 16];
        for (number, register) in sq.iter_mut().enumerate() {
            *register = _mm256_broadcastsi128_si256(row(number));
        }
        let both = |d, c, b, a| _mm256_broadcastsi128_si256(_mm_set_epi32(d, c, b, a));
        Self {
            sq,
            mul_alpha: Alpha::mul(),
            div_alpha: Alpha::div(),
            rows_shifted_back: both(0x0306_090c, 0x0f02_0508, 0x0b0e_0104, 0x070a_0d00),
            rotated_once: both(0x0c0f_0e0d, 0x080b_0a09, 0x0407_0605, 0x0003_0201),
            rotated_twice: both(0x0d0c_0f0e, 0x0908_0b0a, 0x0504_0706, 0x0100_0302),
            rotated_thrice: both(0x0e0d_0c0f, 0x0a09_080b, 0x0605_0407, 0x0201_0003),
        }
    }

    /// S1 of each word: a round of AES on each column, without the shift of rows.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn s1(&self, words: __m256i) -> __m256i {
        let words = _mm256_shuffle_epi8(words, self.rows_shifted_back);
        let (low, high) = (
            _mm_aesenc_si128(_mm256_castsi256_si128(words), _mm_setzero_si128()),
            _mm_aesenc_si128(_mm256_extracti128_si256::<1>(words), _mm_setzero_si128()),
        );
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
    }

    /// SQ of each octet: all rows are read, and then the right one is chosen bit by bit.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sq(&self, octets: __m256i) -> __m256i {
        let place = _mm256_and_si256(octets, _mm256_set1_epi8(0x0f));
        let (bit_6, bit_5, bit_4) = (
            _mm256_slli_epi16::<1>(octets),
            _mm256_slli_epi16::<2>(octets),
            _mm256_slli_epi16::<3>(octets),
        );
        let mut quarters = [_mm256_setzero_si256(); 4];
        for (quarter, [a, b, c, d]) in quarters.iter_mut().zip(self.sq.as_chunks::<4>().0) {
            let low = _mm256_blendv_epi8(_mm256_shuffle_epi8(*a, place), _mm256_shuffle_epi8(*b, place), bit_4);
            let high = _mm256_blendv_epi8(_mm256_shuffle_epi8(*c, place), _mm256_shuffle_epi8(*d, place), bit_4);
            *quarter = _mm256_blendv_epi8(low, high, bit_5);
        }
        let [a, b, c, d] = quarters;
        let (low, high) = (_mm256_blendv_epi8(a, b, bit_6), _mm256_blendv_epi8(c, d, bit_6));
        _mm256_blendv_epi8(low, high, octets)
    }

    /// S2 of each word.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn s2(&self, words: __m256i) -> __m256i {
        let once = self.sq(words);
        let twice = doubled(once);
        let others = xor3(
            _mm256_shuffle_epi8(_mm256_xor_si256(once, twice), self.rotated_once),
            _mm256_shuffle_epi8(once, self.rotated_twice),
            _mm256_shuffle_epi8(once, self.rotated_thrice),
        );
        _mm256_xor_si256(twice, others)
    }
}

/// Eight generators between two blocks. Wiped on drop.
struct Lanes {
    /// The stages of the LFSR.
    words: [Row; 16],
    /// R1, R2, R3.
    registers: [Row; 3],
}

impl Lanes {
    fn new() -> Self {
        Self {
            words: [Row::default(); 16],
            registers: [Row::default(); 3],
        }
    }

    /// Gives a lane its stages.
    #[inline]
    fn put(&mut self, lane: usize, stages: &Wiped<u32, 16>) {
        for (row, stage) in self.words.iter_mut().zip(stages.0) {
            row.0[lane] = stage;
        }
        for register in &mut self.registers {
            register.0[lane] = 0;
        }
    }

    /// Takes `STEPS` steps and gives F ⊕ s0 of each. Some lanes may `initialise`, where F goes into the LFSR.
    /// After a block of less than sixteen there is nothing that can follow.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn block<const STEPS: usize, const SOME_INITIALISE: bool>(
        &mut self,
        constants: &Constants,
        initialise: u16,
        out: &mut [Row; BLOCK],
    ) {
        let mut all_ones = Row::default();
        for (lane, word) in all_ones.0.iter_mut().enumerate() {
            *word = u32::from(initialise >> lane & 1).wrapping_neg();
        }
        let initialise = all_ones.load();
        let [mut r1, mut r2, mut r3] = [
            self.registers[0].load(),
            self.registers[1].load(),
            self.registers[2].load(),
        ];
        for (step, out) in out.iter_mut().enumerate().take(STEPS) {
            let (s0, s2, s5, s11, s15) = (
                self.words[step % 16].load(),
                self.words[(step + 2) % 16].load(),
                self.words[(step + 5) % 16].load(),
                self.words[(step + 11) % 16].load(),
                self.words[(step + 15) % 16].load(),
            );
            let f = _mm256_xor_si256(_mm256_add_epi32(s15, r1), r2);
            out.store(_mm256_xor_si256(f, s0));

            let mul = constants.mul_alpha.of_highest_octets(s0);
            let div = constants.div_alpha.of_lowest_octets(s11);
            let sum = xor3(_mm256_slli_epi32::<8>(s0), mul, s2);
            let mut s16 = xor3(sum, _mm256_srli_epi32::<8>(s11), div);
            if SOME_INITIALISE {
                s16 = _mm256_xor_si256(s16, _mm256_and_si256(f, initialise));
            }
            self.words[step % 16].store(s16);

            let next_r1 = _mm256_add_epi32(r2, _mm256_xor_si256(r3, s5));
            r3 = constants.s2(r2);
            r2 = constants.s1(r1);
            r1 = next_r1;
        }
        for (register, value) in self.registers.iter_mut().zip([r1, r2, r3]) {
            register.store(value);
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        wipe(&mut self.words);
        wipe(&mut self.registers);
    }
}

/// Sixteen words as the message has them.
#[inline]
#[target_feature(enable = "avx2")]
fn store_octets(octets: &mut [u8; 4 * BLOCK], words: [&Row; 2]) {
    let (halves, _) = octets.as_chunks_mut::<32>();
    for (half, words) in halves.iter_mut().zip(words) {
        // SAFETY: there are 32 octets.
        unsafe { _mm256_storeu_si256(half.as_mut_ptr().cast(), big_endian(words.load())) };
    }
}

/// The octets of words as the message has them.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn big_endian(words: __m256i) -> __m256i {
    let order = _mm_set_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
    _mm256_shuffle_epi8(words, _mm256_broadcastsi128_si256(order))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_xor_si256(_mm256_xor_si256(a, b), c)
}
