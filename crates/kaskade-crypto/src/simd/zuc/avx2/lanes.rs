//! Eight keystreams of ZUC side by side, each in one 32-bit lane of the vector registers.

use core::arch::x86_64::{
    __m256i, _mm_aesenclast_si128, _mm_set1_epi8, _mm256_add_epi8, _mm256_add_epi32, _mm256_add_epi64,
    _mm256_and_si256, _mm256_blend_epi16, _mm256_blend_epi32, _mm256_blendv_epi8, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_mul_epu32, _mm256_or_si256, _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi32,
    _mm256_slli_epi64, _mm256_srli_epi16, _mm256_srli_epi32, _mm256_srli_epi64, _mm256_xor_si256,
};

use super::tables::{
    AES_KEY, FROM_AES_BOX_BY_NIBBLES, INTO_AES_FIELD_BY_NIBBLES, P1, P2, P3_AND_PLACE, in_both_halves,
};
use crate::simd::rows::avx2::{LANES, Row, transpose};
use crate::simd::zuc::tables::Table;
use crate::wipe::Wiped;
use crate::zuc::keystream::{ROUNDS_128, ROUNDS_256, load_128, load_256};

/// Words of each lane that are made at once at most.
pub(super) const STRIDE: usize = 16;

/// One cell of the shift register of each lane, in the forms that the steps take it in.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// As it is. For products, which take words 0, 2, 4, …, those lanes.
    whole: Row,
    /// The other lanes, for products.
    odd: Row,
    /// Shifted left by one place: the upper half is that of X0.
    doubled: Row,
    /// The lower half moved up, as it is above in X1 to X3.
    above: Row,
    /// The upper half moved down, as it is below in X1 to X3.
    below: Row,
}

impl Cell {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn set(&mut self, whole: __m256i) {
        self.whole.store(whole);
        self.odd.store(_mm256_srli_epi64::<32>(whole));
        self.doubled.store(_mm256_slli_epi32::<1>(whole));
        self.above.store(_mm256_slli_epi32::<16>(whole));
        self.below.store(_mm256_srli_epi32::<15>(whole));
    }
}

/// The keystreams under way. Wiped on drop.
pub(super) struct Lanes {
    /// The shift registers in a ring, two times one after the other: s0 to s15 are from `first` on.
    cells: Wiped<Cell, 32>,
    first: usize,
    /// R1 and R2.
    memory: Wiped<Row, 2>,
}

impl Lanes {
    /// ZUC-128 in each lane.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    pub(super) fn zuc128<'a>(keys_and_ivs: impl Iterator<Item = (&'a [u8; 16], [u8; 16])>) -> Self {
        Self::new(keys_and_ivs.map(|(key, iv)| Wiped(load_128(key, &iv))), ROUNDS_128)
    }

    /// ZUC-256 in each lane.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    pub(super) fn zuc256<'a>(keys_and_ivs: impl Iterator<Item = (&'a [u8; 32], [u8; 16])>) -> Self {
        Self::new(keys_and_ivs.map(|(key, iv)| Wiped(load_256(key, &iv))), ROUNDS_256)
    }

    /// Takes the register of each lane, and does the rounds without output.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    fn new(registers: impl Iterator<Item = Wiped<u32, 16>>, rounds: usize) -> Self {
        let mut rows = Wiped([Row::default(); STRIDE]);
        let rows = &mut rows.0;
        for (i, register) in registers.enumerate().take(LANES) {
            rows[i].0.copy_from_slice(&register.0[..LANES]);
            rows[LANES + i].0.copy_from_slice(&register.0[LANES..]);
        }
        transpose(rows);
        let mut this = Self {
            cells: Wiped([Cell::default(); 32]),
            first: 0,
            memory: Wiped([Row::default(); 2]),
        };
        for (cell, row) in this.cells.0.iter_mut().zip(&*rows) {
            cell.set(row.load());
        }
        for _ in 0..rounds / STRIDE {
            this.advance::<true>(rows);
        }
        this.advance::<false>(&mut rows[..1]);
        this
    }

    /// The next words of each lane, as many as there are `words`; those of the first lane first in each.
    /// `FEEDBACK`: the nonlinear function goes into the register.
    #[target_feature(enable = "avx2,aes")]
    pub(super) fn advance<const FEEDBACK: bool>(&mut self, words: &mut [Row]) {
        let [mut r1, mut r2] = [self.memory.0[0].load(), self.memory.0[1].load()];
        for word in words {
            let Some(s) = self.cells.0[self.first..].first_chunk::<16>() else {
                break;
            };
            // Bit reorganisation (TS 35.222 3.3).
            let x0 = _mm256_blend_epi16::<0x55>(s[15].doubled.load(), s[14].whole.load());
            let x1 = _mm256_or_si256(s[11].above.load(), s[9].below.load());
            let x2 = _mm256_or_si256(s[7].above.load(), s[5].below.load());
            let x3 = _mm256_or_si256(s[2].above.load(), s[0].below.load());
            let w = _mm256_add_epi32(_mm256_xor_si256(x0, r1), r2);
            word.store(_mm256_xor_si256(w, x3));
            let feedback = if FEEDBACK {
                _mm256_srli_epi32::<1>(w)
            } else {
                _mm256_setzero_si256()
            };
            let next = next_cell(s, feedback);
            self.cells.0[self.first].set(next);
            self.cells.0[self.first + 16].set(next);
            self.first = (self.first + 1) % 16;
            [r1, r2] = next_memory(_mm256_add_epi32(r1, x1), _mm256_xor_si256(r2, x2));
        }
        self.memory.0[0].store(r1);
        self.memory.0[1].store(r2);
    }

    /// The register of one lane, s0 first, and its R1 and R2.
    pub(super) fn lane(&self, lane: usize) -> ([u32; 16], [u32; 2]) {
        (
            core::array::from_fn(|i| self.cells.0[self.first + i].whole.0[lane]),
            core::array::from_fn(|i| self.memory.0[i].0[lane]),
        )
    }
}

/// The cell after the sixteen, in 32 bits each: the sum modulo 2^31 - 1 that is written as 1 to 2^31 - 1.
///
/// A sum is below 2^54 and not 0. As in the portable back end its bits above the 31st are added below two times.
#[inline]
#[target_feature(enable = "avx2")]
fn next_cell(s: &[Cell; 16], feedback: __m256i) -> __m256i {
    let even = feedback_sum(
        [&s[0].whole, &s[4].whole, &s[10].whole, &s[13].whole, &s[15].whole],
        _mm256_and_si256(feedback, _mm256_set1_epi64x(0xffff_ffff)),
    );
    let odd = feedback_sum(
        [&s[0].odd, &s[4].odd, &s[10].odd, &s[13].odd, &s[15].odd],
        _mm256_srli_epi64::<32>(feedback),
    );
    let both = _mm256_blend_epi32::<0xaa>(even, _mm256_slli_epi64::<32>(odd));
    _mm256_add_epi32(
        _mm256_and_si256(both, _mm256_set1_epi32(0x7fff_ffff)),
        _mm256_srli_epi32::<31>(both),
    )
}

/// The sum for half of the lanes, in 32 bits of 64.
#[inline]
#[target_feature(enable = "avx2")]
fn feedback_sum([s0, s4, s10, s13, s15]: [&Row; 5], feedback: __m256i) -> __m256i {
    let s0 = _mm256_mul_epu32(s0.load(), _mm256_set1_epi64x(0x101));
    let s4 = _mm256_mul_epu32(s4.load(), _mm256_set1_epi64x(1 << 20));
    let s10 = _mm256_mul_epu32(s10.load(), _mm256_set1_epi64x(1 << 21));
    let s13 = _mm256_mul_epu32(s13.load(), _mm256_set1_epi64x(1 << 17));
    let s15 = _mm256_mul_epu32(s15.load(), _mm256_set1_epi64x(1 << 15));
    let sum = _mm256_add_epi64(
        _mm256_add_epi64(_mm256_add_epi64(s0, s4), _mm256_add_epi64(s10, s13)),
        _mm256_add_epi64(s15, feedback),
    );
    _mm256_add_epi64(
        _mm256_and_si256(sum, _mm256_set1_epi64x(0x7fff_ffff)),
        _mm256_srli_epi64::<31>(sum),
    )
}

/// The linear maps and the boxes (TS 35.222 3.4), from W1 and W2 to R1 and R2.
///
/// L1 is turned by eight more places: so the octets for S0 are where those of L2 for S1 are, and the two make one
/// register for each box.
#[inline]
#[target_feature(enable = "avx2,aes")]
fn next_memory(w1: __m256i, w2: __m256i) -> [__m256i; 2] {
    // U and V, each with its halves exchanged.
    let u = _mm256_blend_epi16::<0xaa>(w1, w2);
    let v = _mm256_blend_epi16::<0xaa>(w2, w1);
    let l1_turned = linear::<2, 30>(u);
    let l2 = linear::<6, 26>(v);
    let odd = _mm256_set1_epi16(0xff00_u16.cast_signed());
    let s0 = s0(_mm256_blendv_epi8(l1_turned, l2, odd));
    let s1 = s1(_mm256_blendv_epi8(l2, l1_turned, odd));
    let r1_turned = _mm256_blendv_epi8(s0, s1, odd);
    let r2 = _mm256_blendv_epi8(s1, s0, odd);
    [_mm256_shuffle_epi8(r1_turned, in_both_halves(TURNED_BY_24)), r2]
}

/// Shuffles that turn each word by octets to the left.
const TURNED_BY_8: Table = turned(1);
const TURNED_BY_16: Table = turned(2);
const TURNED_BY_24: Table = turned(3);

const fn turned(octets: u8) -> Table {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        table[i as usize] = i / 4 * 4 + (i + 4 - octets) % 4;
        i += 1;
    }
    table
}

/// L1 turned by eight places or L2, of a word whose halves are exchanged: both add the word turned by 16 and 24 to the
/// sum of its turns by 0, 8 and 24, which they turn by 2 or 6 places.
#[inline]
#[target_feature(enable = "avx2")]
fn linear<const LEFT: i32, const RIGHT: i32>(x: __m256i) -> __m256i {
    let by_8 = _mm256_shuffle_epi8(x, in_both_halves(TURNED_BY_8));
    let by_16 = _mm256_shuffle_epi8(x, in_both_halves(TURNED_BY_16));
    let by_24 = _mm256_shuffle_epi8(x, in_both_halves(TURNED_BY_24));
    let sum = _mm256_xor_si256(_mm256_xor_si256(x, by_8), by_24);
    _mm256_xor_si256(
        _mm256_xor_si256(by_16, by_24),
        _mm256_xor_si256(_mm256_slli_epi32::<LEFT>(sum), _mm256_srli_epi32::<RIGHT>(sum)),
    )
}

/// The lower nibbles and the upper ones.
#[inline]
#[target_feature(enable = "avx2")]
fn nibbles(x: __m256i) -> [__m256i; 2] {
    let low = _mm256_set1_epi8(0x0f);
    [
        _mm256_and_si256(x, low),
        _mm256_and_si256(_mm256_srli_epi16::<4>(x), low),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn s0(x: __m256i) -> __m256i {
    let [low, high] = nibbles(x);
    let first = _mm256_xor_si256(_mm256_shuffle_epi8(in_both_halves(P1), low), high);
    let second = _mm256_xor_si256(_mm256_shuffle_epi8(in_both_halves(P2), first), low);
    // Turned by five places, the upper nibble of the result goes to bits 1 to 4.
    let upper = _mm256_add_epi8(first, first);
    _mm256_xor_si256(_mm256_shuffle_epi8(in_both_halves(P3_AND_PLACE), second), upper)
}

#[inline]
#[target_feature(enable = "avx2,aes")]
fn s1(x: __m256i) -> __m256i {
    /// Undoes beforehand the shift of rows that comes with the S-box of AES (FIPS 197 5.1.2).
    const ROWS_SHIFTED_BACK: Table = {
        let mut table = [0; 16];
        let mut i = 0;
        while i < 16 {
            table[i as usize] = (i + 16 - i % 4 * 4) % 16;
            i += 1;
        }
        table
    };
    let in_aes_field = linear_by_nibbles(x, INTO_AES_FIELD_BY_NIBBLES);
    let shifted = _mm256_shuffle_epi8(in_aes_field, in_both_halves(ROWS_SHIFTED_BACK));
    let key = _mm_set1_epi8(AES_KEY.cast_signed());
    let y = _mm256_set_m128i(
        _mm_aesenclast_si128(_mm256_extracti128_si256::<1>(shifted), key),
        _mm_aesenclast_si128(_mm256_castsi256_si128(shifted), key),
    );
    linear_by_nibbles(y, FROM_AES_BOX_BY_NIBBLES)
}

#[inline]
#[target_feature(enable = "avx2")]
fn linear_by_nibbles(x: __m256i, [of_low, of_high]: [Table; 2]) -> __m256i {
    let [low, high] = nibbles(x);
    _mm256_xor_si256(
        _mm256_shuffle_epi8(in_both_halves(of_low), low),
        _mm256_shuffle_epi8(in_both_halves(of_high), high),
    )
}
