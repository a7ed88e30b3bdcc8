//! Eight messages at a time, one in each lane of 32 bits.
//!
//! Steps go in blocks of sixteen, after which every stage of the LFSR is in its place again. The lanes that initialise
//! are told from those that cipher by a mask. The first step of an initialisation is taken beforehand, when the FSM holds
//! nothing: so the others, and the one without output, are two blocks exactly.

use core::arch::x86_64::{
    __m256i, _mm_aesenc_si128, _mm_set_epi32, _mm_setzero_si128, _mm256_add_epi32, _mm256_and_si256,
    _mm256_blendv_epi8, _mm256_broadcastsi128_si256, _mm256_castsi128_si256, _mm256_castsi256_si128,
    _mm256_cmpeq_epi32, _mm256_extracti128_si256, _mm256_inserti128_si256, _mm256_set1_epi8, _mm256_set1_epi32,
    _mm256_setr_epi32, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_slli_epi32,
    _mm256_srli_epi32, _mm256_storeu_si256, _mm256_xor_si256,
};

use super::boxes::{doubled, row};
use super::images::alpha_images;
use crate::simd::features::Avx2;
use crate::simd::rows::avx2::{self, Row, transpose};
use crate::snow3g::places::Places;
use crate::wipe::{Wiped, wipe};

/// Messages side by side.
pub(crate) const LANES: usize = avx2::LANES;

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
        if turn.fresh != 0 {
            lanes.start(turn.fresh);
        }
        if turn.initialising == 0 {
            lanes.block::<BLOCK, false>(&constants, [0; 2], &mut words.0);
        } else {
            let masks = [turn.initialising, turn.initialising & !turn.initialising_again];
            lanes.block::<BLOCK, true>(&constants, masks, &mut words.0);
        }
        if turn.ciphering != 0 {
            transpose(&mut words.0);
            for (lane, place) in places.lanes().iter_mut().enumerate() {
                if let Some((text, _)) = place.row(4 * BLOCK) {
                    store_octets(&mut octets.0, [&words.0[lane], &words.0[LANES + lane]]);
                    add(text, &octets.0);
                }
            }
        }
        places.end_of_block();
    }
}

/// Adds the keystream, word by word, and to what is left octet by octet.
#[inline]
#[target_feature(enable = "avx2")]
fn add(text: &mut [u8], keystream: &[u8; 4 * BLOCK]) {
    let (words, rest) = text.as_chunks_mut::<4>();
    let (masks, _) = keystream.as_chunks::<4>();
    for (word, mask) in words.iter_mut().zip(masks) {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(*mask)).to_ne_bytes();
    }
    if let Some(mask) = masks.get(words.len()) {
        for (octet, mask) in rest.iter_mut().zip(mask) {
            *octet ^= mask;
        }
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
    lanes.start(u16::MAX);
    lanes.block::<BLOCK, true>(&constants, [u16::MAX; 2], &mut words.0);
    lanes.block::<BLOCK, true>(&constants, [u16::MAX, 0], &mut words.0);
    lanes.block::<5, false>(&constants, [0; 2], &mut words.0);
    let mut five = Wiped([[0; 5]; LANES]);
    for (lane, five) in five.0.iter_mut().enumerate() {
        for (word, row) in five.iter_mut().zip(&words.0) {
            *word = row.0[lane];
        }
    }
    five
}

/// What stays in registers, as far as there are enough.
struct Constants {
    sq: [__m256i; 16],
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
        // A shuffle gives zero for an octet whose highest bit is set, and looks at the four lowest bits else.
        let turned = _mm256_xor_si256(octets, _mm256_set1_epi8(i8::MIN));
        let (bit_6, bit_5, bit_4) = (
            _mm256_slli_epi16::<1>(octets),
            _mm256_slli_epi16::<2>(octets),
            _mm256_slli_epi16::<3>(octets),
        );
        macro_rules! rows {
            ($row:literal) => {
                _mm256_xor_si256(
                    _mm256_shuffle_epi8(self.sq[$row], octets),
                    _mm256_shuffle_epi8(self.sq[$row + 8], turned),
                )
            };
        }
        let a = _mm256_blendv_epi8(rows!(0), rows!(1), bit_4);
        let b = _mm256_blendv_epi8(rows!(2), rows!(3), bit_4);
        let low = _mm256_blendv_epi8(a, b, bit_5);
        let a = _mm256_blendv_epi8(rows!(4), rows!(5), bit_4);
        let b = _mm256_blendv_epi8(rows!(6), rows!(7), bit_4);
        let high = _mm256_blendv_epi8(a, b, bit_5);
        _mm256_blendv_epi8(low, high, bit_6)
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

    /// Gives a lane its stages; [`Lanes::start`] must follow.
    #[inline]
    fn put(&mut self, lane: usize, stages: &Wiped<u32, 16>) {
        for (row, stage) in self.words.iter_mut().zip(stages.0) {
            row.0[lane] = stage;
        }
    }

    /// Takes the first step of the initialisation in the lanes that are new, where the registers of the FSM are zero.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn start(&mut self, fresh: u16) {
        let fresh = mask(fresh);
        let (s5, s15) = (self.words[5].load(), self.words[15].load());
        let s16 = _mm256_xor_si256(self.feedback(0)[0], s15);
        for stage in 0..16 {
            let kept = self.words[stage].load();
            let next = if stage < 15 { self.words[stage + 1].load() } else { s16 };
            self.words[stage].store(_mm256_blendv_epi8(kept, next, fresh));
        }
        let (s1_of_zero, s2_of_zero) = (_mm256_set1_epi8(0x63), _mm256_set1_epi8(0x25));
        for (register, new) in self.registers.iter_mut().zip([s5, s1_of_zero, s2_of_zero]) {
            let kept = register.load();
            register.store(_mm256_blendv_epi8(kept, new, fresh));
        }
    }

    /// The words that follow in this step and the three after it, if nothing is added.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn feedback(&self, step: usize) -> [__m256i; 4] {
        let (s0, s2, s11) = (self.four(step), self.four(step + 2), self.four(step + 11));
        let mut sums = alpha_images(s0, s11);
        for (number, sum) in sums.iter_mut().enumerate() {
            let shifted = _mm256_slli_epi32::<8>(s0[number]);
            *sum = xor3(*sum, shifted, _mm256_srli_epi32::<8>(s11[number]));
            *sum = _mm256_xor_si256(*sum, s2[number]);
        }
        sums
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn four(&self, stage: usize) -> [__m256i; 4] {
        [
            self.words[stage % 16].load(),
            self.words[(stage + 1) % 16].load(),
            self.words[(stage + 2) % 16].load(),
            self.words[(stage + 3) % 16].load(),
        ]
    }

    /// Takes `STEPS` steps and gives F ⊕ s0 of each. Some lanes may `initialise`, where F goes into the LFSR, and some in
    /// the last step too. After a block of less than sixteen there is nothing that can follow.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn block<const STEPS: usize, const SOME_INITIALISE: bool>(
        &mut self,
        constants: &Constants,
        initialise: [u16; 2],
        out: &mut [Row; BLOCK],
    ) {
        let [initialise, in_last_step] = [mask(initialise[0]), mask(initialise[1])];
        let [mut r1, mut r2, mut r3] = [
            self.registers[0].load(),
            self.registers[1].load(),
            self.registers[2].load(),
        ];
        for (number, out) in out[..STEPS].chunks_mut(4).enumerate() {
            let feedback = self.feedback(4 * number);
            for (place, (out, mut s16)) in out.iter_mut().zip(feedback).enumerate() {
                let step = 4 * number + place;
                let s0 = self.words[step % 16].load();
                let s5 = self.words[(step + 5) % 16].load();
                let s15 = self.words[(step + 15) % 16].load();
                let f = _mm256_xor_si256(_mm256_add_epi32(s15, r1), r2);
                out.store(_mm256_xor_si256(f, s0));

                if SOME_INITIALISE {
                    let lanes = if step == BLOCK - 1 { in_last_step } else { initialise };
                    s16 = _mm256_xor_si256(s16, _mm256_and_si256(f, lanes));
                }
                self.words[step % 16].store(s16);

                let next_r1 = _mm256_add_epi32(r2, _mm256_xor_si256(r3, s5));
                r3 = constants.s2(r2);
                r2 = constants.s1(r1);
                r1 = next_r1;
            }
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

/// All bits of the lanes whose bit is set.
#[inline]
#[target_feature(enable = "avx2")]
fn mask(lanes: u16) -> __m256i {
    let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(lanes.into()), bits), bits)
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
