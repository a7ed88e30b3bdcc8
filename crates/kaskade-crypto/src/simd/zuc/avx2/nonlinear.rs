//! The nonlinear function of ZUC for one message (TS 35.222 3.4), in one vector register.
//!
//! What a step waits for is this function of the step before, so it is made short. All that one register holds at a time
//! goes through the boxes at once; shuffles bring each octet where the next instruction wants it:
//!
//! ```text
//! octet        0    1    2    3    4    5    6    7    8    9   10   11   12   13   14   15
//! W1, W2            W1.0 W1.1 W1.2 W1.3                                   W2.3 W2.0 W2.1 W2.2
//! L1(U), L2(V)      V0        V1        U0        U1        V3        V2        U3        U2
//! ```
//!
//! U0 to U3 and V0 to V3, the least significant first, are at odd places: so a shift by four within 16 bits leaves their
//! upper nibbles alone. S1 takes U0, U2, V0 and V2, which the row shift of AES brings to 1, 3, 13 and 15: where W1 and W2
//! want them. S0 takes the others, and is done early enough to be shuffled, and for X1 to be added to it: as the two
//! boxes fill different octets, the sum of X1 and both is the one that the cipher wants.

use core::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_add_epi64, _mm_aesenclast_si128, _mm_and_si128, _mm_cvtsi128_si64, _mm_extract_epi32,
    _mm_loadu_si128, _mm_set_epi8, _mm_set_epi32, _mm_set1_epi8, _mm_set1_epi16, _mm_shuffle_epi8, _mm_sllv_epi32,
    _mm_srli_epi16, _mm_storeu_si128, _mm_unpackhi_epi64, _mm_unpacklo_epi32, _mm_unpacklo_epi64, _mm_xor_si128,
};

use super::tables::{AES_KEY, FROM_AES_BOX_BY_NIBBLES, INTO_AES_FIELD_BY_NIBBLES, P1, P2, P3_AND_PLACE, in_register};
use crate::simd::zuc::tables::Table;
use crate::zuc::keystream::reorganise;

/// X1 and X2 of one step, where they are added.
#[derive(Clone, Copy)]
pub(super) struct Inputs {
    /// X1 in octets 1 to 4.
    pub(super) x1: __m128i,
    /// The octets of X2 that come to what S0 gives.
    pub(super) x2_of_s0: __m128i,
    /// The octets of X2 that come to what S1 gives.
    pub(super) x2_of_s1: __m128i,
}

impl Inputs {
    /// Those of two steps, from X1 and X2 of the one, then X1 and X2 of the other.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn two(both: __m128i) -> [Self; 2] {
        [Self::one::<0>(both), Self::one::<8>(both)]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn one<const FIRST: u8>(both: __m128i) -> Self {
        Self {
            x1: _mm_shuffle_epi8(
                both,
                in_register(const { move_octets(&[(1, 0), (2, 1), (3, 2), (4, 3)], FIRST) }),
            ),
            x2_of_s0: _mm_shuffle_epi8(both, in_register(const { move_octets(&[(12, 7), (14, 5)], FIRST) })),
            x2_of_s1: _mm_shuffle_epi8(both, in_register(const { move_octets(&[(13, 4), (15, 6)], FIRST) })),
        }
    }
}

/// What a shuffle takes that brings octets to a place from one, counted from `first`, and zeros everywhere else.
const fn move_octets(to_and_from: &[(usize, u8)], first: u8) -> Table {
    let mut table = [0x80; 16];
    let mut i = 0;
    while i < to_and_from.len() {
        table[to_and_from[i].0] = first + to_and_from[i].1;
        i += 1;
    }
    table
}

/// R1 and R2 between two steps, wrapped up with what the next step adds to them.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    /// W1 = R1 ⊞ X1 in octets 1 to 4; W2 = R2 ⊕ X2, turned by eight, in octets 12 to 15.
    pub(super) w: __m128i,
    /// R1 likewise, with the same W2.
    pub(super) r1_w2: __m128i,
}

/// Where the octets of U and V are in [`Memory::w`].
const U: [u8; 4] = [15, 12, 1, 2];
const V: [u8; 4] = [3, 4, 13, 14];

/// A register for the linear maps: for each octet of their result, the octet of U so many places after it, or the octet
/// of V so many places after it, and before that one, for shifts, the one less significant if `with_lower`.
const fn gather(after_u: usize, after_v: usize, with_lower: bool) -> Table {
    /// Octets of V and U by turns at places 1, 3, …
    const RESULTS: [usize; 8] = [0, 1, 0, 1, 3, 2, 3, 2];
    let mut table = [0x80; 16];
    let mut i = 0;
    while i < 8 {
        let (source, after) = if i / 2 % 2 == 0 { (V, after_v) } else { (U, after_u) };
        table[2 * i + 1] = source[(RESULTS[i] + after) % 4];
        if with_lower {
            table[2 * i] = source[(RESULTS[i] + after + 3) % 4];
        }
        i += 1;
    }
    table
}

impl Memory {
    /// R1 and R2 before a step from those cells, as [`load`](Self::load) takes them.
    #[inline]
    pub(super) fn octets(cells: &[u32; 16], [r1, r2]: [u32; 2]) -> [u128; 2] {
        let [_, x1, x2, _] = reorganise(cells);
        let w2 = u128::from((r2 ^ x2).rotate_left(8)) << 96;
        [w2 | u128::from(r1.wrapping_add(x1)) << 8, w2 | u128::from(r1) << 8]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load([w, r1_w2]: &[u128; 2]) -> Self {
        // SAFETY: sixteen octets are there to read.
        let w = unsafe { _mm_loadu_si128(core::ptr::from_ref(w).cast()) };
        // SAFETY: as above.
        let r1_w2 = unsafe { _mm_loadu_si128(core::ptr::from_ref(r1_w2).cast()) };
        Self { w, r1_w2 }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn store(self, [w, r1_w2]: &mut [u128; 2]) {
        // SAFETY: there is room for sixteen octets.
        unsafe { _mm_storeu_si128(core::ptr::from_mut(w).cast(), self.w) }
        // SAFETY: as above.
        unsafe { _mm_storeu_si128(core::ptr::from_mut(r1_w2).cast(), self.r1_w2) }
    }

    /// W, the output of the step from those cells (TS 35.222 3.4).
    #[inline]
    #[target_feature(enable = "avx2")]
    #[allow(clippy::cast_possible_truncation, reason = "the 32 bits of R1")]
    pub(super) fn output(self, cells: &[u32; 16]) -> u32 {
        let [x0, _, x2, _] = reorganise(cells);
        let r1 = (_mm_cvtsi128_si64(self.r1_w2).cast_unsigned() >> 8) as u32;
        let w2 = _mm_extract_epi32::<3>(self.r1_w2).cast_unsigned().rotate_right(8);
        (x0 ^ r1).wrapping_add(w2 ^ x2)
    }

    /// R1 of four steps, and W2 of them.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn transpose([a, b, c, d]: [Self; 4]) -> [__m128i; 2] {
        let ab = _mm_unpacklo_epi32(a.r1_and_w2(), b.r1_and_w2());
        let cd = _mm_unpacklo_epi32(c.r1_and_w2(), d.r1_and_w2());
        [_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd)]
    }

    /// R1 in the first word, W2 in the second.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn r1_and_w2(self) -> __m128i {
        const PLACES: Table = move_octets(&[(0, 1), (1, 2), (2, 3), (3, 4), (4, 13), (5, 14), (6, 15), (7, 12)], 0);
        _mm_shuffle_epi8(self.r1_w2, in_register(PLACES))
    }

    /// The linear maps and the boxes, and the inputs of the next step.
    #[inline]
    #[target_feature(enable = "avx2,aes")]
    pub(super) fn next(self, next: Inputs) -> Self {
        let x = linear(self.w);
        // Upper nibbles are for use at odd places only.
        let low = _mm_and_si128(x, _mm_set1_epi16(0x0f00));
        let high = _mm_srli_epi16::<4>(x);
        let s0 = _mm_xor_si128(s0(low, high), next.x2_of_s0);
        let s1 = s1(low, high, next.x2_of_s1);
        Self {
            w: _mm_add_epi64(s1, _mm_add_epi64(s0, next.x1)),
            r1_w2: _mm_xor_si128(s1, s0),
        }
    }
}

/// L1 and L2. Of their rotations some are by whole octets; the others are those of L1 by two places more, and those of
/// L2 by six.
#[inline]
#[target_feature(enable = "avx2")]
fn linear(w: __m128i) -> __m128i {
    let places = _mm_set_epi32(2, 6, 2, 6);
    let a = _mm_shuffle_epi8(w, in_register(const { gather(0, 3, true) }));
    let b = _mm_shuffle_epi8(w, in_register(const { gather(3, 2, true) }));
    let c = _mm_shuffle_epi8(w, in_register(const { gather(2, 1, true) }));
    let d = _mm_shuffle_epi8(w, in_register(const { gather(0, 0, false) }));
    let e = _mm_shuffle_epi8(w, in_register(const { gather(1, 3, false) }));
    let ab = _mm_sllv_epi32(_mm_xor_si128(a, b), places);
    let cde = _mm_xor_si128(_mm_sllv_epi32(c, places), _mm_xor_si128(d, e));
    _mm_xor_si128(ab, cde)
}

/// S0 of the octets that go through it, where W1 and W2 want them.
#[inline]
#[target_feature(enable = "avx2")]
fn s0(low: __m128i, high: __m128i) -> __m128i {
    let first = _mm_xor_si128(_mm_shuffle_epi8(in_register(P1), low), high);
    let second = _mm_xor_si128(_mm_shuffle_epi8(in_register(P2), first), low);
    let third = _mm_shuffle_epi8(in_register(P3_AND_PLACE), second);
    // Turned by five places, the upper nibble of the result goes to bits 1 to 4.
    let both = _mm_xor_si128(third, _mm_add_epi8(first, first));
    _mm_shuffle_epi8(
        both,
        in_register(const { move_octets(&[(2, 7), (4, 13), (14, 3), (12, 9)], 0) }),
    )
}

/// S1 of the octets that go through it, where W1 and W2 want them, with `input` added.
#[inline]
#[target_feature(enable = "avx2,aes")]
fn s1(low: __m128i, high: __m128i, input: __m128i) -> __m128i {
    let [of_low, of_high] = INTO_AES_FIELD_BY_NIBBLES;
    let in_aes_field = _mm_xor_si128(
        _mm_shuffle_epi8(in_register(of_low), low),
        _mm_shuffle_epi8(in_register(of_high), high),
    );
    let y = _mm_aesenclast_si128(in_aes_field, _mm_set1_epi8(AES_KEY.cast_signed()));
    let nibbles = _mm_set_epi8(15, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 0, 15, 0);
    let [of_low, of_high] = FROM_AES_BOX_BY_NIBBLES;
    let low = _mm_shuffle_epi8(in_register(of_low), _mm_and_si128(y, nibbles));
    let high = _mm_shuffle_epi8(in_register(of_high), _mm_and_si128(_mm_srli_epi16::<4>(y), nibbles));
    _mm_xor_si128(_mm_xor_si128(low, input), high)
}
