//! SNOW 3G, sixteen messages at a time, on AVX-512 with VBMI, GFNI and AES: one message in each lane of 32 bits.
//!
//! Steps go in blocks of sixteen, after which every stage of the LFSR is in its place again. The lanes that initialise
//! are told from those that cipher by a mask.

use core::arch::x86_64::{
    __m512i, __mmask16, _mm512_add_epi32, _mm512_aesenc_epi128, _mm512_alignr_epi32, _mm512_gf2p8affine_epi64_epi8,
    _mm512_gf2p8mul_epi8, _mm512_loadu_si512, _mm512_mask_blend_epi8, _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8,
    _mm512_maskz_mov_epi32, _mm512_movepi8_mask, _mm512_permutex2var_epi8, _mm512_ror_epi32, _mm512_set1_epi32,
    _mm512_set1_epi64, _mm512_set4_epi32, _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_slli_epi32,
    _mm512_srli_epi32, _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_xor_si512,
};

use super::single::{
    DIV_ALPHA, DOUBLING_MATRIX, INTO_AES_MATRIX, MUL_ALPHA, OUT_OF_AES_MATRIX, SUM, big_endian, sq_registers,
};
use crate::simd::features::Avx512;
use crate::simd::rows::avx512::{self, transposed};
use crate::snow3g::places::Places;
use crate::wipe::{Wiped, wipe};

/// Messages at a time.
pub(crate) const LANES: usize = avx512::LANES;

/// Adds to each message the keystream that starts from its stages.
pub(crate) fn apply<'m>(_: Avx512, messages: impl Iterator<Item = (Wiped<u32, 16>, &'m mut [u8])>) {
    // SAFETY: the proof says that the processor has the instructions.
    unsafe { apply_inner(messages) }
}

/// The first five words of the keystreams that start from some stages.
pub(crate) fn five_words(_: Avx512, stages: &[Wiped<u32, 16>; LANES]) -> Wiped<[u32; 5], LANES> {
    // SAFETY: the proof says that the processor has the instructions.
    unsafe { five_words_inner(stages) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,vaes")]
fn apply_inner<'m>(messages: impl Iterator<Item = (Wiped<u32, 16>, &'m mut [u8])>) {
    let constants = Constants::new();
    let mut lanes = Lanes::new();
    let mut places = Places::<_, LANES>::new(messages);
    while let Some(turn) = places.turn(|lane, stages| lanes.put(lane, stages)) {
        if turn.fresh != 0 {
            lanes.start(&constants, turn.fresh);
        }
        let words = if turn.initialising == 0 {
            lanes.block::<16, false>(&constants, 0)
        } else {
            lanes.block::<16, true>(&constants, turn.initialising)
        };
        if turn.ciphering != 0 {
            for (place, words) in places.lanes().iter_mut().zip(transposed(words)) {
                match place.row(60) {
                    None => {}
                    // The first word is no keystream.
                    Some((row, true)) => add_row(row, big_endian(_mm512_alignr_epi32::<1>(words, words))),
                    Some((row, false)) => add_row(row, big_endian(words)),
                }
            }
        }
        places.end_of_block();
    }
}

/// Adds as many octets as the row has, at most 64.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_row(row: &mut [u8], keystream: __m512i) {
    let present = u64::MAX
        .checked_shr(64 - u32::try_from(row.len()).unwrap_or(64).min(64))
        .unwrap_or(0);
    // SAFETY: the mask names octets of the row only, and the others are not touched.
    let octets = unsafe { _mm512_maskz_loadu_epi8(present, row.as_ptr().cast()) };
    let octets = _mm512_xor_si512(octets, keystream);
    // SAFETY: as above.
    unsafe { _mm512_mask_storeu_epi8(row.as_mut_ptr().cast(), present, octets) };
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,vaes")]
fn five_words_inner(stages: &[Wiped<u32, 16>; LANES]) -> Wiped<[u32; 5], LANES> {
    let constants = Constants::new();
    let mut lanes = Lanes::new();
    for (lane, stages) in stages.iter().enumerate() {
        lanes.put(lane, stages);
    }
    lanes.start(&constants, u16::MAX);
    lanes.block::<16, true>(&constants, u16::MAX);
    lanes.block::<16, true>(&constants, u16::MAX);
    // The first word is no keystream.
    let [_, words @ ..] = lanes.block::<6, false>(&constants, 0);
    let mut rows = Wiped([[0; LANES]; 5]);
    for (row, words) in rows.0.iter_mut().zip(words) {
        store(row, words);
    }
    Wiped(core::array::from_fn(|lane| rows.0.map(|row| row[lane])))
}

/// What stays in registers.
struct Constants {
    sq: [__m512i; 4],
    doubling: __m512i,
    into_aes: __m512i,
    out_of_aes: __m512i,
    mul_alpha: __m512i,
    div_alpha: __m512i,
    highest_octets: __m512i,
    lowest_octets: __m512i,
    rows_shifted_back: __m512i,
}

impl Constants {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new() -> Self {
        Self {
            sq: sq_registers(),
            doubling: _mm512_set1_epi64(DOUBLING_MATRIX),
            into_aes: _mm512_set1_epi64(INTO_AES_MATRIX),
            out_of_aes: _mm512_set1_epi64(OUT_OF_AES_MATRIX),
            mul_alpha: _mm512_set1_epi32(MUL_ALPHA),
            div_alpha: _mm512_set1_epi32(DIV_ALPHA),
            highest_octets: _mm512_set4_epi32(0x0f0f_0f0f, 0x0b0b_0b0b, 0x0707_0707, 0x0303_0303),
            lowest_octets: _mm512_set4_epi32(0x0c0c_0c0c, 0x0808_0808, 0x0404_0404, 0),
            rows_shifted_back: _mm512_set4_epi32(0x0306_090c, 0x0f02_0508, 0x0b0e_0104, 0x070a_0d00),
        }
    }

    /// S1 of each word: a round of AES on each column, without the shift of rows.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,vaes")]
    fn s1(&self, words: __m512i) -> __m512i {
        _mm512_aesenc_epi128(
            _mm512_shuffle_epi8(words, self.rows_shifted_back),
            _mm512_setzero_si512(),
        )
    }

    /// S2 of each word.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,gfni")]
    fn s2(&self, words: __m512i) -> __m512i {
        let [a, b, c, d] = self.sq;
        let once = _mm512_mask_blend_epi8(
            _mm512_movepi8_mask(words),
            _mm512_permutex2var_epi8(a, words, b),
            _mm512_permutex2var_epi8(c, words, d),
        );
        let twice = _mm512_gf2p8affine_epi64_epi8::<0>(once, self.doubling);
        let others = _mm512_ternarylogic_epi32::<SUM>(
            _mm512_ror_epi32::<8>(_mm512_xor_si512(once, twice)),
            _mm512_ror_epi32::<16>(once),
            _mm512_ror_epi32::<24>(once),
        );
        _mm512_xor_si512(twice, others)
    }
}

/// Sixteen generators between two blocks. Wiped on drop.
#[repr(C, align(64))]
struct Lanes {
    /// The stages of the LFSR, in the coordinates of the specification and in those of AES.
    words: [[u32; LANES]; 16],
    aes: [[u32; LANES]; 16],
    /// R1, R2, R3.
    registers: [[u32; LANES]; 3],
}

impl Lanes {
    fn new() -> Self {
        Self {
            words: [[0; LANES]; 16],
            aes: [[0; LANES]; 16],
            registers: [[0; LANES]; 3],
        }
    }

    /// Gives a lane its stages; [`Lanes::start`] must follow.
    #[inline]
    fn put(&mut self, lane: usize, stages: &Wiped<u32, 16>) {
        for (row, stage) in self.words.iter_mut().zip(stages.0) {
            row[lane] = stage;
        }
    }

    /// Prepares the lanes of which the mask says that they are new.
    #[inline]
    #[target_feature(enable = "avx512f,gfni")]
    fn start(&mut self, constants: &Constants, fresh: __mmask16) {
        for (aes, words) in self.aes.iter_mut().zip(&self.words) {
            store(aes, _mm512_gf2p8affine_epi64_epi8::<0>(load(words), constants.into_aes));
        }
        for register in &mut self.registers {
            let kept = _mm512_maskz_mov_epi32(!fresh, load(register));
            store(register, kept);
        }
    }

    /// Takes `STEPS` steps and gives F ⊕ s0 of each. Some lanes may `initialise`, where F goes into the LFSR.
    /// After a block of less than sixteen there is nothing that can follow.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni,vaes")]
    fn block<const STEPS: usize, const SOME_INITIALISE: bool>(
        &mut self,
        constants: &Constants,
        initialise: __mmask16,
    ) -> [__m512i; STEPS] {
        let mut out = [_mm512_setzero_si512(); STEPS];
        let [mut r1, mut r2, mut r3] = [
            load(&self.registers[0]),
            load(&self.registers[1]),
            load(&self.registers[2]),
        ];
        for (step, out) in out.iter_mut().enumerate() {
            let words = |stage: usize| load(&self.words[(step + stage) % 16]);
            let aes = |stage: usize| load(&self.aes[(step + stage) % 16]);
            let sum = _mm512_add_epi32(words(15), r1);
            *out = _mm512_ternarylogic_epi32::<SUM>(sum, r2, words(0));

            let (s0, s11) = (aes(0), aes(11));
            let mul = _mm512_gf2p8mul_epi8(_mm512_shuffle_epi8(s0, constants.highest_octets), constants.mul_alpha);
            let div = _mm512_gf2p8mul_epi8(_mm512_shuffle_epi8(s11, constants.lowest_octets), constants.div_alpha);
            let shifted = _mm512_ternarylogic_epi32::<SUM>(_mm512_slli_epi32::<8>(s0), mul, aes(2));
            let mut s16 = _mm512_ternarylogic_epi32::<SUM>(_mm512_srli_epi32::<8>(s11), div, shifted);
            if SOME_INITIALISE {
                let f = _mm512_maskz_mov_epi32(initialise, _mm512_xor_si512(sum, r2));
                s16 = _mm512_xor_si512(s16, _mm512_gf2p8affine_epi64_epi8::<0>(f, constants.into_aes));
            }

            let next_r1 = _mm512_add_epi32(r2, _mm512_xor_si512(r3, words(5)));
            r3 = constants.s2(r2);
            r2 = constants.s1(r1);
            r1 = next_r1;
            store(&mut self.aes[step], s16);
            store(
                &mut self.words[step],
                _mm512_gf2p8affine_epi64_epi8::<0>(s16, constants.out_of_aes),
            );
        }
        for (register, value) in self.registers.iter_mut().zip([r1, r2, r3]) {
            store(register, value);
        }
        out
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        wipe(&mut self.words);
        wipe(&mut self.aes);
        wipe(&mut self.registers);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(row: &[u32; LANES]) -> __m512i {
    // SAFETY: the row has 64 octets.
    unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(row: &mut [u32; LANES], value: __m512i) {
    // SAFETY: the row has 64 octets.
    unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), value) }
}
