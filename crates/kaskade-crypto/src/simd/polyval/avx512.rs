//! The code under H, Q and P on VPCLMULQDQ: up to 16 blocks with one reduction.
//!
//! With D = H·x^-64, the product of a block M = M0 + M1·x^64 is (M0·D + M1·H)·x^-64. Both terms are products of 64 bits,
//! which are added up over all blocks before they are reduced:
//!
//! ```text
//! R = Σ M0·D1 + M1·H1        F = Σ M0·D0 + M1·H0        result = R + F·x^-64
//! F·x^-64 = F1 + F0·x^64 + F0·P, where P = x^63 + x^62 + x^57
//! ```

use core::arch::x86_64::{
    __m128i, __m512i, _mm_loadu_si128, _mm_storeu_si128, _mm_xor_si128, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_xor_si256, _mm512_broadcast_i32x4, _mm512_castsi512_si128, _mm512_castsi512_si256,
    _mm512_clmulepi64_epi128, _mm512_extracti64x4_epi64, _mm512_inserti32x4, _mm512_inserti64x4, _mm512_loadu_si512,
    _mm512_maskz_loadu_epi8, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_epi32, _mm512_storeu_si512,
    _mm512_ternarylogic_epi32, _mm512_xor_si512, _mm512_zextsi128_si512,
};

use crate::nxa256::mac_key::MacKey;
use crate::simd::features::Avx512;
use crate::wipe::Wiped;

/// x^63 + x^62 + x^57.
const P: i64 = 0xc200_0000_0000_0000_u64.cast_signed();

/// Blocks with one reduction.
const STEP: usize = 16;

/// Blocks in one register.
const LANES: usize = 4;

/// Truth table of a ⊕ b ⊕ c.
const SUM: i32 = 0x96;

/// All 16 octets of the code over `aad`, then `text`, each filled with zeros to whole blocks, then `lengths`.
pub(crate) fn code(_: Avx512, key: &MacKey, aad: &[u8], text: &[u8], lengths: u128) -> [u8; 16] {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { code_with(key, aad, text, lengths) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq")]
fn code_with(key: &MacKey, aad: &[u8], text: &[u8], lengths: u128) -> [u8; 16] {
    let Wiped([h, q, p]) = key;
    let powers = Powers::new(load(h), aad.len().max(text.len()).div_ceil(16));
    let sum = powers.absorb(_mm512_setzero_si512(), aad);
    let sum = powers.absorb(sum, text);
    let q = load(q);
    let product = product(_mm512_xor_si512(sum, load(&lengths)), q, less_64(q)).reduced();
    store(_mm512_castsi512_si128(_mm512_xor_si512(product, load(p))))
}

/// H^16 to H^1, and the same times x^-64, as far as they are needed. Zeros follow, so that a register may be loaded from
/// any of them on.
#[repr(align(64))]
struct Powers {
    h: Wiped<u128, { STEP + LANES }>,
    d: Wiped<u128, { STEP + LANES }>,
}

impl Powers {
    /// The powers that so many blocks need.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq")]
    fn new(h: __m512i, blocks: usize) -> Self {
        let mut powers = Self {
            h: Wiped([0; STEP + LANES]),
            d: Wiped([0; STEP + LANES]),
        };
        let d = less_64(h);
        let h2 = product(h, h, d).reduced();
        let h2_h1 = _mm512_inserti32x4::<1>(h2, _mm512_castsi512_si128(h));
        let h2 = first_lane(h2);
        let h4_h3 = product(h2_h1, h2, less_64(h2)).reduced();
        let h4_to_h1 = _mm512_inserti64x4::<1>(h4_h3, _mm512_castsi512_si256(h2_h1));
        powers.put(3, h4_to_h1);
        if blocks > 4 {
            let h4 = first_lane(h4_to_h1);
            let h8_to_h5 = product(h4_to_h1, h4, less_64(h4)).reduced();
            powers.put(2, h8_to_h5);
            if blocks > 8 {
                let h8 = first_lane(h8_to_h5);
                let d8 = less_64(h8);
                powers.put(1, product(h4_to_h1, h8, d8).reduced());
                powers.put(0, product(h8_to_h5, h8, d8).reduced());
            }
        }
        powers
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,vpclmulqdq")]
    fn put(&mut self, group: usize, h: __m512i) {
        for (places, powers) in [(&mut self.h.0, h), (&mut self.d.0, less_64(h))] {
            if let Some(places) = places.as_chunks_mut().0.get_mut(group) {
                store_4(places, powers);
            }
        }
    }

    /// The sum after `octets`, the last block of which is filled with zeros.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq")]
    fn absorb(&self, mut sum: __m512i, octets: &[u8]) -> __m512i {
        for step in octets.chunks(16 * STEP) {
            let first = STEP - step.len().div_ceil(16);
            let (h, d) = (self.h.0[first..].as_chunks().0, self.d.0[first..].as_chunks().0);
            let mut product = Product::zero();
            for ((blocks, h), d) in step.chunks(16 * LANES).zip(h).zip(d) {
                product.add(_mm512_xor_si512(load_part(blocks), sum), load_4(h), load_4(d));
                sum = _mm512_setzero_si512();
            }
            sum = product.over_lanes().reduced();
        }
        sum
    }
}

/// Products that are not reduced yet: R and F of each lane.
struct Product {
    r: __m512i,
    f: __m512i,
}

/// One product in each lane.
#[inline]
#[target_feature(enable = "avx512f,vpclmulqdq")]
fn product(blocks: __m512i, h: __m512i, d: __m512i) -> Product {
    let mut product = Product::zero();
    product.add(blocks, h, d);
    product
}

impl Product {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn zero() -> Self {
        Self {
            r: _mm512_setzero_si512(),
            f: _mm512_setzero_si512(),
        }
    }

    /// Adds one product to each lane.
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq")]
    fn add(&mut self, blocks: __m512i, h: __m512i, d: __m512i) {
        let low_times_d1 = _mm512_clmulepi64_epi128::<0x10>(blocks, d);
        let high_times_h1 = _mm512_clmulepi64_epi128::<0x11>(blocks, h);
        let low_times_d0 = _mm512_clmulepi64_epi128::<0x00>(blocks, d);
        let high_times_h0 = _mm512_clmulepi64_epi128::<0x01>(blocks, h);
        self.r = _mm512_ternarylogic_epi32::<SUM>(self.r, low_times_d1, high_times_h1);
        self.f = _mm512_ternarylogic_epi32::<SUM>(self.f, low_times_d0, high_times_h0);
    }

    /// The sum of the lanes, in the first of them.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
    fn over_lanes(&self) -> Self {
        Self {
            r: sum_of_lanes(self.r),
            f: sum_of_lanes(self.f),
        }
    }

    /// R + F·x^-64, in each lane.
    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq")]
    fn reduced(&self) -> __m512i {
        _mm512_xor_si512(self.r, less_64(self.f))
    }
}

/// Times x^-64, in each lane.
#[inline]
#[target_feature(enable = "avx512f,vpclmulqdq")]
fn less_64(number: __m512i) -> __m512i {
    let halves_swapped = _mm512_shuffle_epi32::<0x4e>(number);
    _mm512_xor_si512(
        halves_swapped,
        _mm512_clmulepi64_epi128::<0x00>(number, _mm512_set1_epi64(P)),
    )
}

#[inline]
#[target_feature(enable = "avx512f")]
fn first_lane(number: __m512i) -> __m512i {
    _mm512_broadcast_i32x4(_mm512_castsi512_si128(number))
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn sum_of_lanes(number: __m512i) -> __m512i {
    let pairs = _mm256_xor_si256(_mm512_castsi512_si256(number), _mm512_extracti64x4_epi64::<1>(number));
    let sum = _mm_xor_si128(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
    _mm512_zextsi128_si512(sum)
}

/// A block in the first lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(block: &u128) -> __m512i {
    // SAFETY: the reference is to 16 octets.
    _mm512_zextsi128_si512(unsafe { _mm_loadu_si128(core::ptr::from_ref(block).cast()) })
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(block: __m128i) -> [u8; 16] {
    let mut octets = [0; 16];
    // SAFETY: the array has 16 octets.
    unsafe { _mm_storeu_si128(octets.as_mut_ptr().cast(), block) }
    octets
}

/// The first 64 octets, or all there are with zeros behind them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_part(octets: &[u8]) -> __m512i {
    let present = if octets.len() < 64 {
        (1 << octets.len()) - 1
    } else {
        u64::MAX
    };
    // SAFETY: the mask has bits for octets of the slice only, and no others are touched.
    unsafe { _mm512_maskz_loadu_epi8(present, octets.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_4(blocks: &[u128; LANES]) -> __m512i {
    // SAFETY: the reference is to 64 octets.
    unsafe { _mm512_loadu_si512(blocks.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_4(blocks: &mut [u128; LANES], register: __m512i) {
    // SAFETY: the reference is to 64 octets.
    unsafe { _mm512_storeu_si512(blocks.as_mut_ptr().cast(), register) }
}
