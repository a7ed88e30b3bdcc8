//! SHA-256 of sixteen messages at once: one word of all of them in each register of AVX-512.
//!
//! A round needs the result of the round before, and the SHA instructions take their time for it; sixteen lanes have
//! other work meanwhile. AVX-512 rotates by one instruction, and makes Ch, Maj and a sum of three by one each.
//!
//! No closures here: the functions that would call them are not compiled for these instructions.

use core::arch::x86_64::{
    __m512i, __mmask16, _mm256_storeu_si256, _mm512_add_epi32, _mm512_castsi512_si256, _mm512_extracti64x4_epi64,
    _mm512_loadu_si512, _mm512_mask_add_epi32, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_set4_epi32,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_shuffle_i32x4, _mm512_srli_epi32, _mm512_storeu_si512,
    _mm512_ternarylogic_epi32, _mm512_xor_si512,
};

use zeroize::optimization_barrier;

use crate::kdf::sha256::{BLOCK, initial_state};
use crate::simd::rows::avx512::{self, quarters_transposed, transposed};

cpufeatures::new!(instructions, "avx512f", "avx512bw");

/// How many messages go side by side.
pub(crate) const LANES: usize = avx512::LANES;

/// Words of sixteen messages: of each word the sixteen lanes. Wiped on drop.
#[derive(Clone)]
#[repr(align(64))]
struct Words<const N: usize>([[u32; LANES]; N]);

impl<const N: usize> Words<N> {
    #[inline(always)]
    const fn of(words: &[u32; N]) -> Self {
        let mut lanes = [[0; LANES]; N];
        let mut i = 0;
        while i < N {
            lanes[i] = [words[i]; LANES];
            i += 1;
        }
        Self(lanes)
    }
}

impl<const N: usize> Drop for Words<N> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0 = [[0; LANES]; N];
        optimization_barrier(self);
    }
}

/// The hash states of sixteen messages. Exists only on a processor with the instructions; wiped on drop.
#[derive(Clone)]
pub(crate) struct States(Words<8>);

impl States {
    /// Whether the processor has AVX-512 F and BW: Intel from Skylake-SP on, AMD from Zen 4 on.
    #[inline(always)]
    pub(crate) fn are_available() -> bool {
        instructions::get()
    }

    /// Before the first block; `None` on a processor without the instructions.
    #[inline(always)]
    pub(crate) fn initial() -> Option<Self> {
        Self::are_available().then_some(const { Self(Words::of(&initial_state())) })
    }

    /// Compresses the keys with the inner pad of HMAC, and with the outer (RFC 2104): keys of 64 octets, zeros behind.
    #[inline]
    pub(crate) fn absorb_pads(&mut self, outer: &mut Self, keys: [&[u8; BLOCK]; LANES]) {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { pads([&mut self.0, &mut outer.0], keys) }
    }

    /// Compresses one block of each lane whose bit is set in `active`; the others stay as they are.
    #[inline]
    pub(crate) fn compress(&mut self, blocks: [&[u8; BLOCK]; LANES], active: u16) {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { compress_blocks(&mut self.0, blocks, active) }
    }

    /// Takes `self` as states after the outer pad of HMAC, and gives the hash of the inner hash, for each lane.
    #[inline]
    pub(crate) fn outer(&self, inner: &Self, mut to: [&mut [u8; 32]; LANES]) {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { outer(self.0.clone(), &inner.0, &mut to) }
    }

    /// The state of one lane.
    #[inline]
    pub(crate) fn lane(&self, lane: usize) -> [u32; 8] {
        let mut state = [0; 8];
        for (place, word) in state.iter_mut().zip(&self.0.0) {
            *place = word.get(lane).copied().unwrap_or_default();
        }
        state
    }

    /// Overwrites the state of one lane.
    #[inline]
    pub(crate) fn set_lane(&mut self, lane: usize, state: &[u32; 8]) {
        for (word, of_lane) in self.0.0.iter_mut().zip(state) {
            if let Some(place) = word.get_mut(lane) {
                *place = *of_lane;
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn pads(both: [&mut Words<8>; 2], keys: [&[u8; BLOCK]; LANES]) {
    let keys = words(keys);
    for (states, pad) in both.into_iter().zip([0x3636_3636, 0x5c5c_5c5c]) {
        let mut padded = Words([[0; LANES]; 16]);
        for (place, key) in padded.0.iter_mut().zip(&keys.0) {
            store(place, _mm512_xor_si512(load(key), _mm512_set1_epi32(pad)));
        }
        compress(states, &padded, ALL);
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn compress_blocks(states: &mut Words<8>, blocks: [&[u8; BLOCK]; LANES], active: u16) {
    compress(states, &words(blocks), active);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn outer(mut states: Words<8>, Words(inner): &Words<8>, to: &mut [&mut [u8; 32]; LANES]) {
    let mut block = const { Words::of(&OUTER_PADDING) };
    for (place, inner) in block.0.iter_mut().zip(inner) {
        *place = *inner;
    }
    compress(&mut states, &block, ALL);
    store_octets(to, &states);
}

/// What stands behind the inner hash: 64 octets of pad and 32 of hash are 768 bits.
const OUTER_PADDING: [u32; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0x8000_0000, 0, 0, 0, 0, 0, 0, 768];

/// Every lane.
const ALL: __mmask16 = 0xffff;

/// K: 32 bits of the cube roots of the first 64 primes (FIPS 180-4 4.2.2), sixteen and sixteen.
const K: [[u32; 16]; 4] = [
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
        0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    ],
    [
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
        0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    ],
    [
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1,
        0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    ],
    [
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee,
        0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ],
];

/// The compression function (FIPS 180-4 6.2.2) in each lane whose bit is set in `active`.
#[target_feature(enable = "avx512f,avx512bw")]
fn compress(Words(states): &mut Words<8>, Words(block): &Words<16>, active: __mmask16) {
    let mut w = [_mm512_setzero_si512(); 16];
    for (word, place) in w.iter_mut().zip(block) {
        *word = load(place);
    }
    let mut state = [_mm512_setzero_si512(); 8];
    for (word, place) in state.iter_mut().zip(&*states) {
        *word = load(place);
    }
    let [then_scheduled @ .., last] = &K;
    for k in then_scheduled {
        sixteen_rounds::<true>(&mut state, &mut w, k);
    }
    sixteen_rounds::<false>(&mut state, &mut w, last);
    for (place, word) in states.iter_mut().zip(state) {
        let before = load(place);
        store(place, _mm512_mask_add_epi32(before, active, before, word));
    }
}

/// Sixteen rounds; each then replaces its word by the one that comes sixteen later, if `SCHEDULE` says so.
#[inline]
#[target_feature(enable = "avx512f")]
fn sixteen_rounds<const SCHEDULE: bool>(state: &mut [__m512i; 8], w: &mut [__m512i; 16], k: &[u32; 16]) {
    macro_rules! rounds {
        ($($i:literal)*) => {$(
            round::<$i>(state, sum(w[$i], _mm512_set1_epi32(k[$i].cast_signed())));
            if SCHEDULE {
                w[$i] = sum(
                    sum(w[$i], small_sigma::<7, 18, 3>(w[($i + 1) % 16])),
                    sum(w[($i + 9) % 16], small_sigma::<17, 19, 10>(w[($i + 14) % 16])),
                );
            }
        )*};
    }
    rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
}

/// Round `I`. The eight words stay in their places, and their names move on: in round 1, a is in the last place.
#[inline]
#[target_feature(enable = "avx512f")]
fn round<const I: usize>(state: &mut [__m512i; 8], w_and_k: __m512i) {
    let [a, b, c, d, e, f, g, h] = const { places(I) };
    let t1 = sum(
        sum(state[h], w_and_k),
        sum(big_sigma::<6, 11, 25>(state[e]), choose(state[e], state[f], state[g])),
    );
    let t2 = sum(big_sigma::<2, 13, 22>(state[a]), majority(state[a], state[b], state[c]));
    state[d] = sum(state[d], t1);
    state[h] = sum(t1, t2);
}

/// Where a to h are in a round.
const fn places(round: usize) -> [usize; 8] {
    let mut places = [0; 8];
    let mut name = 0;
    while name < 8 {
        places[name] = (name + 16 - round) % 8;
        name += 1;
    }
    places
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum(x: __m512i, y: __m512i) -> __m512i {
    _mm512_add_epi32(x, y)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn big_sigma<const A: i32, const B: i32, const C: i32>(x: __m512i) -> __m512i {
    xor3(
        _mm512_ror_epi32::<A>(x),
        _mm512_ror_epi32::<B>(x),
        _mm512_ror_epi32::<C>(x),
    )
}

#[inline]
#[target_feature(enable = "avx512f")]
fn small_sigma<const A: i32, const B: i32, const SHIFT: u32>(x: __m512i) -> __m512i {
    xor3(
        _mm512_ror_epi32::<A>(x),
        _mm512_ror_epi32::<B>(x),
        _mm512_srli_epi32::<SHIFT>(x),
    )
}

/// Ch, Maj and the sum of three are truth tables: bit 4x + 2y + z of the constant says what x, y, z give.
#[inline]
#[target_feature(enable = "avx512f")]
fn choose(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0b1100_1010>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn majority(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0b1110_1000>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0b1001_0110>(x, y, z)
}

/// The blocks as words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn words(blocks: [&[u8; BLOCK]; LANES]) -> Words<16> {
    let mut rows = [_mm512_setzero_si512(); 16];
    for (row, block) in rows.iter_mut().zip(blocks) {
        *row = swap_octets(load_block(block));
    }
    let mut words = Words([[0; LANES]; 16]);
    for (place, word) in words.0.iter_mut().zip(transposed(rows)) {
        store(place, word);
    }
    words
}

/// Each word's octets the other way round.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn swap_octets(words: __m512i) -> __m512i {
    let order = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
    _mm512_shuffle_epi8(words, order)
}

/// The states as octets, one lane after the other.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store_octets(to: &mut [&mut [u8; 32]; LANES], Words(states): &Words<8>) {
    let mut swapped = [_mm512_setzero_si512(); 8];
    for (word, place) in swapped.iter_mut().zip(states) {
        *word = swap_octets(load(place));
    }
    let [a, b, c, d, e, f, g, h] = swapped;
    let (left, right) = (quarters_transposed([a, b, c, d]), quarters_transposed([e, f, g, h]));
    for column in 0..4 {
        let (left, right) = (left[column], right[column]);
        let first = _mm512_shuffle_i32x4::<0b01_00_01_00>(left, right);
        let last = _mm512_shuffle_i32x4::<0b11_10_11_10>(left, right);
        for (at, pair) in [(column, first), (8 + column, last)] {
            let pair = _mm512_shuffle_i32x4::<0b11_01_10_00>(pair, pair);
            // SAFETY: each place has the 32 octets that are stored, aligned or not.
            unsafe {
                _mm256_storeu_si256(to[at].as_mut_ptr().cast(), _mm512_castsi512_si256(pair));
                _mm256_storeu_si256(to[at + 4].as_mut_ptr().cast(), _mm512_extracti64x4_epi64::<1>(pair));
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_block(block: &[u8; BLOCK]) -> __m512i {
    // SAFETY: the block has the 64 octets that are loaded, aligned or not.
    unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(word: &[u32; LANES]) -> __m512i {
    // SAFETY: the place has the 64 octets that are loaded, aligned or not.
    unsafe { _mm512_loadu_si512(word.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(place: &mut [u32; LANES], word: __m512i) {
    // SAFETY: the place has the 64 octets that are stored, aligned or not.
    unsafe { _mm512_storeu_si512(place.as_mut_ptr().cast(), word) };
}

#[cfg(test)]
mod tests {
    use core::mem::MaybeUninit;

    use proptest::prelude::*;
    use sha2::block_api::compress256;

    use super::*;

    proptest! {
        /// What the `sha2` crate gives, and nothing where a lane is not active.
        #[test]
        fn every_lane_is_a_compression(first: [[u8; 32]; 32], second: [[u8; 32]; 32], active: u16) {
            let Some(mut states) = States::initial() else {
                return Ok(());
            };
            let (first, second) = (in_lanes(&first), in_lanes(&second));
            states.compress(first.each_ref(), u16::MAX);
            states.compress(second.each_ref(), active);
            for lane in 0..LANES {
                let mut expected = initial_state();
                compress256(&mut expected, &[first[lane]]);
                if active >> lane & 1 == 1 {
                    compress256(&mut expected, &[second[lane]]);
                }
                prop_assert_eq!(states.lane(lane), expected);
            }
        }
    }

    fn in_lanes(halves: &[[u8; 32]; 32]) -> [[u8; BLOCK]; LANES] {
        let mut blocks = [[0; BLOCK]; LANES];
        for (block, halves) in blocks.iter_mut().zip(halves.as_chunks::<2>().0) {
            block.copy_from_slice(halves.as_flattened());
        }
        blocks
    }

    #[test]
    fn one_lane_is_changed_alone() {
        let (Some(mut states), Some(mut other)) = (States::initial(), States::initial()) else {
            return;
        };
        other.compress([&[0xa5; BLOCK]; LANES], u16::MAX);
        states.set_lane(3, &other.lane(3));
        for lane in 0..LANES {
            assert_eq!(states.lane(lane) == other.lane(lane), lane == 3);
        }
    }

    #[test]
    fn words_are_wiped() {
        let mut place = MaybeUninit::new(Words([[0xa5a5_a5a5; LANES]; 8]));
        // SAFETY: the value is there, and is not used again.
        unsafe { place.assume_init_drop() };
        // SAFETY: the drop leaves all words written, and a second drop does nothing else.
        let wiped = unsafe { place.assume_init() };
        assert_eq!(wiped.0, [[0; LANES]; 8]);
    }
}
