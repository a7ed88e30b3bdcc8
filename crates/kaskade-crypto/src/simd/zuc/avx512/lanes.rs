//! Sixteen keystreams of ZUC side by side, each in one 32-bit lane of the vector registers.

use core::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm512_add_epi8, _mm512_add_epi32, _mm512_add_epi64, _mm512_and_si512,
    _mm512_cvtepu8_epi32, _mm512_gf2p8affine_epi64_epi8, _mm512_gf2p8affineinv_epi64_epi8, _mm512_madd52lo_epu64,
    _mm512_mask_blend_epi8, _mm512_mask_blend_epi16, _mm512_or_si512, _mm512_rol_epi32, _mm512_ror_epi32,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shldi_epi32,
    _mm512_shrdi_epi32, _mm512_shuffle_epi8, _mm512_slli_epi32, _mm512_slli_epi64, _mm512_srli_epi32,
    _mm512_srli_epi64, _mm512_ternarylogic_epi32, _mm512_xor_si512,
};

use super::tables::{FROM_AES_FIELD, INTO_AES_FIELD, P1, P2, P3_AND_PLACE, S1_CONSTANT, in_every_quarter};
use crate::simd::rows::avx512::{LANES, Row, transpose, xor3};
use crate::wipe::Wiped;
use crate::zuc::keystream::{D_128, ROUNDS_128, ROUNDS_256, load_256};

/// One cell of the shift register of each lane, in the forms that the steps take it in.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// As it is.
    whole: Row,
    /// Shifted left by one place.
    doubled: Row,
    /// Those of lanes 0, 2, 4, …, of 64 bits each, for products.
    even: Row,
    /// Those of lanes 1, 3, 5, …
    odd: Row,
}

impl Cell {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn set(&mut self, whole: __m512i) {
        self.whole.store(whole);
        self.doubled.store(_mm512_slli_epi32::<1>(whole));
        self.even.store(_mm512_and_si512(whole, _mm512_set1_epi64(0xffff_ffff)));
        self.odd.store(_mm512_srli_epi64::<32>(whole));
    }
}

/// The keystreams under way. Wiped on drop.
pub(super) struct Lanes {
    /// The shift registers in a ring: s0 is at `first`.
    cells: Wiped<Cell, 16>,
    first: usize,
    /// R1 and R2.
    memory: Wiped<Row, 2>,
}

impl Lanes {
    /// ZUC-128 in each lane; a lane without key and IV has a keystream of no use.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512ifma,gfni")]
    pub(super) fn zuc128<'a>(keys_and_ivs: impl Iterator<Item = (&'a [u8; 16], [u8; 16])>) -> Self {
        let mut loaded = Wiped([Row::default(); LANES]);
        let constants = Row(D_128).load();
        let mut rows = loaded.0.iter_mut();
        for ((key, iv), row) in keys_and_ivs.zip(&mut rows) {
            let key = _mm512_slli_epi32::<23>(one_word_each(key));
            row.store(or3(key, _mm512_slli_epi32::<8>(constants), one_word_each(&iv)));
        }
        for row in rows {
            row.store(constants);
        }
        Self::new(&mut loaded.0, ROUNDS_128)
    }

    /// ZUC-256 in each lane; a lane without key and IV has a keystream of no use.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512ifma,gfni")]
    pub(super) fn zuc256<'a>(keys_and_ivs: impl Iterator<Item = (&'a [u8; 32], [u8; 16])>) -> Self {
        let mut loaded = Wiped([Row::default(); LANES]);
        let unused = (&[0; 32], [0; 16]);
        for ((key, iv), row) in keys_and_ivs.chain(core::iter::repeat(unused)).zip(&mut loaded.0) {
            row.0 = load_256(key, &iv);
        }
        Self::new(&mut loaded.0, ROUNDS_256)
    }

    /// Takes the register of each lane in a row, and does the rounds without output.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512ifma,gfni")]
    fn new(loaded: &mut [Row; LANES], rounds: usize) -> Self {
        transpose(loaded);
        let mut this = Self {
            cells: Wiped([Cell::default(); 16]),
            first: 0,
            memory: Wiped([Row::default(); 2]),
        };
        for (cell, row) in this.cells.0.iter_mut().zip(&*loaded) {
            cell.set(row.load());
        }
        for _ in 0..rounds / LANES {
            this.advance::<true>(loaded);
        }
        this.advance::<false>(&mut loaded[..1]);
        this
    }

    /// The next words of each lane, as many as there are `words`; those of the first lane first in each.
    /// `FEEDBACK`: the nonlinear function goes into the register.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx512ifma,gfni")]
    pub(super) fn advance<const FEEDBACK: bool>(&mut self, words: &mut [Row]) {
        let [mut r1, mut r2] = [self.memory.0[0].load(), self.memory.0[1].load()];
        let cells = &mut self.cells.0;
        let mut first = self.first;
        for word in words {
            let at = |i: usize| (first + i) % 16;
            // Bit reorganisation (TS 35.222 3.3).
            let x0 = _mm512_mask_blend_epi16(0x5555_5555, cells[at(15)].doubled.load(), cells[at(14)].whole.load());
            let x1 = _mm512_shrdi_epi32::<16>(cells[at(9)].doubled.load(), cells[at(11)].whole.load());
            let x2 = _mm512_shrdi_epi32::<16>(cells[at(5)].doubled.load(), cells[at(7)].whole.load());
            let x3 = _mm512_shrdi_epi32::<16>(cells[at(0)].doubled.load(), cells[at(2)].whole.load());
            let w = _mm512_add_epi32(_mm512_xor_si512(x0, r1), r2);
            word.store(_mm512_xor_si512(w, x3));
            let feedback = if FEEDBACK {
                _mm512_srli_epi32::<1>(w)
            } else {
                _mm512_setzero_si512()
            };
            let next = next_cell(cells, first, feedback);
            cells[first].set(next);
            first = at(1);
            [r1, r2] = next_memory(_mm512_add_epi32(r1, x1), _mm512_xor_si512(r2, x2));
        }
        self.first = first;
        self.memory.0[0].store(r1);
        self.memory.0[1].store(r2);
    }

    /// The register of one lane, s0 first, and its R1 and R2.
    pub(super) fn lane(&self, lane: usize) -> ([u32; 16], [u32; 2]) {
        let cell = |i: usize| self.cells.0[(self.first + i) % 16].whole.0[lane];
        (
            core::array::from_fn(cell),
            core::array::from_fn(|i| self.memory.0[i].0[lane]),
        )
    }
}

/// The cell after the sixteen, in 32 bits each: the sum modulo 2^31 - 1 that is written as 1 to 2^31 - 1.
///
/// A sum is below 2^54 and not 0. As in the portable back end its bits above the 31st are added below two times.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn next_cell(cells: &[Cell; 16], first: usize, feedback: __m512i) -> __m512i {
    let cell = |i: usize| &cells[(first + i) % 16];
    let modulus = _mm512_set1_epi64(0x7fff_ffff);
    let sum = |start: __m512i, part: fn(&Cell) -> &Row| {
        let mut sum = start;
        for (i, factor) in [(0, 0x101), (4, 1 << 20), (10, 1 << 21), (13, 1 << 17), (15, 1 << 15)] {
            sum = _mm512_madd52lo_epu64(sum, part(cell(i)).load(), _mm512_set1_epi64(factor));
        }
        _mm512_add_epi64(_mm512_and_si512(sum, modulus), _mm512_srli_epi64::<31>(sum))
    };
    let even = sum(_mm512_and_si512(feedback, _mm512_set1_epi64(0xffff_ffff)), |cell| {
        &cell.even
    });
    let odd = sum(_mm512_srli_epi64::<32>(feedback), |cell| &cell.odd);
    let both = _mm512_or_si512(even, _mm512_slli_epi64::<32>(odd));
    _mm512_add_epi32(
        _mm512_and_si512(both, _mm512_set1_epi32(0x7fff_ffff)),
        _mm512_srli_epi32::<31>(both),
    )
}

/// The linear maps and the boxes (TS 35.222 3.4), from W1 and W2 to R1 and R2.
///
/// L1 is turned by eight more places: so the octets for S0 are where those of L2 for S1 are, and the two make one
/// register for each box.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,gfni")]
fn next_memory(w1: __m512i, w2: __m512i) -> [__m512i; 2] {
    let u = _mm512_shldi_epi32::<16>(w1, w2);
    let v = _mm512_shldi_epi32::<16>(w2, w1);
    let l1_turned = xor3(
        xor3(u, _mm512_rol_epi32::<8>(u), _mm512_rol_epi32::<10>(u)),
        _mm512_rol_epi32::<18>(u),
        _mm512_rol_epi32::<26>(u),
    );
    let l2 = xor3(
        xor3(v, _mm512_rol_epi32::<8>(v), _mm512_rol_epi32::<14>(v)),
        _mm512_rol_epi32::<22>(v),
        _mm512_rol_epi32::<30>(v),
    );
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    let s0 = s0(_mm512_mask_blend_epi8(ODD, l1_turned, l2));
    let s1 = s1(_mm512_mask_blend_epi8(ODD, l2, l1_turned));
    let r1_turned = _mm512_mask_blend_epi8(ODD, s0, s1);
    let r2 = _mm512_mask_blend_epi8(ODD, s1, s0);
    [_mm512_ror_epi32::<8>(r1_turned), r2]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,gfni")]
fn s0(x: __m512i) -> __m512i {
    let low = _mm512_and_si512(x, _mm512_set1_epi8(0x0f));
    // The upper nibble, moved down.
    let high = _mm512_gf2p8affine_epi64_epi8::<0>(x, _mm512_set1_epi64(0x1020_4080_0000_0000));
    let first = _mm512_xor_si512(_mm512_shuffle_epi8(in_every_quarter(P1), low), high);
    let second = _mm512_xor_si512(_mm512_shuffle_epi8(in_every_quarter(P2), first), low);
    // Turned by five places, the upper nibble of the result goes to bits 1 to 4.
    let upper = _mm512_add_epi8(first, first);
    _mm512_xor_si512(_mm512_shuffle_epi8(in_every_quarter(P3_AND_PLACE), second), upper)
}

#[inline]
#[target_feature(enable = "avx512f,gfni")]
fn s1(x: __m512i) -> __m512i {
    let in_aes_field = _mm512_gf2p8affine_epi64_epi8::<0>(x, _mm512_set1_epi64(INTO_AES_FIELD));
    _mm512_gf2p8affineinv_epi64_epi8::<S1_CONSTANT>(in_aes_field, _mm512_set1_epi64(FROM_AES_FIELD))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn or3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0xfe>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn one_word_each(octets: &[u8; 16]) -> __m512i {
    // SAFETY: sixteen octets are there to read.
    _mm512_cvtepu8_epi32(unsafe { _mm_loadu_si128(octets.as_ptr().cast()) })
}
