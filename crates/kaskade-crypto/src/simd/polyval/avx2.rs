//! The code under H, Q and P on PCLMULQDQ, or on VPCLMULQDQ two products an instruction: up to 8 blocks with one
//! reduction.
//!
//! The product of two blocks of two halves takes three products of 64 bits, all of which are added up over the blocks
//! before they are reduced:
//!
//! ```text
//! L = Σ M0·H0        U = Σ M1·H1        C = Σ (M0 + M1)·(H0 + H1) + L + U        sum = L + C·x^64 + U·x^128
//! result = sum·x^-128, where N·x^-64 = N1 + N0·x^64 + N0·P, with P = x^63 + x^62 + x^57
//! ```

use core::arch::x86_64::{
    __m128i, __m256i, _mm_clmulepi64_si128, _mm_loadu_si128, _mm_set1_epi64x, _mm_setzero_si128, _mm_shuffle_epi32,
    _mm_storeu_si128, _mm_xor_si128, _mm256_castsi256_si128, _mm256_clmulepi64_epi128, _mm256_extracti128_si256,
    _mm256_loadu_si256, _mm256_setzero_si256, _mm256_shuffle_epi32, _mm256_xor_si256, _mm256_zextsi128_si256,
};

use crate::nxa256::mac_key::MacKey;
use crate::simd::features::{Avx2, Vaes};
use crate::wipe::Wiped;

/// x^63 + x^62 + x^57.
const P: i64 = 0xc200_0000_0000_0000_u64.cast_signed();

/// Blocks with one reduction.
const STEP: usize = 8;

/// All 16 octets of the code over `aad`, then `text`, each filled with zeros to whole blocks, then `lengths`.
pub(crate) fn code(avx2: Avx2, key: &MacKey, aad: &[u8], text: &[u8], lengths: u128) -> [u8; 16] {
    // SAFETY: the first argument proves that the processor has the instructions.
    unsafe { code_with(avx2.with_vaes(), key, aad, text, lengths) }
}

#[target_feature(enable = "avx2,pclmulqdq")]
fn code_with(wide: Option<Vaes>, key: &MacKey, aad: &[u8], text: &[u8], lengths: u128) -> [u8; 16] {
    let Wiped([h, q, p]) = key;
    let powers = Powers::new(load(h), aad.len().max(text.len()).div_ceil(16));
    let sum = powers.absorb(wide, _mm_setzero_si128(), aad);
    let sum = powers.absorb(wide, sum, text);
    let q = load(q);
    let product = product(_mm_xor_si128(sum, load(&lengths)), q, halves_added(q));
    store(_mm_xor_si128(product, load(p)))
}

/// H^8 to H^1, and the sums of their halves, as far as they are needed.
#[repr(align(32))]
struct Powers {
    h: Wiped<u128, STEP>,
    halves_added: Wiped<u128, STEP>,
}

impl Powers {
    /// The powers that so many blocks need.
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    fn new(h: __m128i, blocks: usize) -> Self {
        let mut powers = Self {
            h: Wiped([0; STEP]),
            halves_added: Wiped([0; STEP]),
        };
        let sum = halves_added(h);
        powers.put(1, h);
        if blocks > 1 {
            let h2 = product(h, h, sum);
            powers.put(2, h2);
            if blocks > 2 {
                let h3 = product(h2, h, sum);
                let h4 = product(h2, h2, halves_added(h2));
                powers.put(3, h3);
                powers.put(4, h4);
                if blocks > 4 {
                    let sum_4 = halves_added(h4);
                    powers.put(5, product(h, h4, sum_4));
                    powers.put(6, product(h2, h4, sum_4));
                    powers.put(7, product(h3, h4, sum_4));
                    powers.put(8, product(h4, h4, sum_4));
                }
            }
        }
        powers
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn put(&mut self, exponent: usize, h: __m128i) {
        store_number(&mut self.h.0[STEP - exponent], h);
        store_number(&mut self.halves_added.0[STEP - exponent], halves_added(h));
    }

    /// The sum after `octets`, the last block of which is filled with zeros.
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    fn absorb(&self, wide: Option<Vaes>, sum: __m128i, octets: &[u8]) -> __m128i {
        let (blocks, rest) = octets.as_chunks::<16>();
        let (steps, blocks) = blocks.as_chunks::<STEP>();
        let mut sum = if wide.is_some() {
            // SAFETY: the proof is that the processor has the instructions.
            unsafe { self.absorb_steps_in_pairs(sum, steps) }
        } else {
            self.absorb_steps(sum, steps)
        };
        let left = blocks.len() + usize::from(!rest.is_empty());
        if left == 0 {
            return sum;
        }
        let mut product = Product::zero();
        let mut indices = STEP - left..STEP;
        for (block, index) in blocks.iter().zip(&mut indices) {
            product.add_power(_mm_xor_si128(load_octets(block), sum), self, index);
            sum = _mm_setzero_si128();
        }
        if !rest.is_empty() {
            let mut block = Wiped([0; 16]);
            block.0[..rest.len()].copy_from_slice(rest);
            product.add_power(_mm_xor_si128(load_octets(&block.0), sum), self, STEP - 1);
        }
        product.reduced()
    }

    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    fn absorb_steps(&self, mut sum: __m128i, steps: &[[[u8; 16]; STEP]]) -> __m128i {
        for step in steps {
            // The first block, which waits for the step before, comes last.
            let [first, others @ ..] = step;
            let mut product = Product::zero();
            for (block, index) in others.iter().zip(1..) {
                product.add_power(load_octets(block), self, index);
            }
            product.add_power(_mm_xor_si128(load_octets(first), sum), self, 0);
            sum = product.reduced();
        }
        sum
    }

    #[target_feature(enable = "avx2,pclmulqdq,vpclmulqdq")]
    fn absorb_steps_in_pairs(&self, mut sum: __m128i, steps: &[[[u8; 16]; STEP]]) -> __m128i {
        for step in steps {
            let ([first, others @ ..], []) = step.as_chunks::<2>() else {
                continue;
            };
            let mut products = Products::zero();
            for (blocks, index) in others.iter().zip((2..).step_by(2)) {
                products.add_powers(load_pair(blocks), self, index);
            }
            products.add_powers(_mm256_xor_si256(load_pair(first), _mm256_zextsi128_si256(sum)), self, 0);
            sum = products.over_lanes().reduced();
        }
        sum
    }
}

/// Products that are not reduced yet: L, U, and Σ (M0 + M1)·(H0 + H1).
struct Product {
    low: __m128i,
    high: __m128i,
    cross: __m128i,
}

/// One product. `halves_added` are those of `h`.
#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn product(block: __m128i, h: __m128i, halves_added: __m128i) -> __m128i {
    let mut product = Product::zero();
    product.add(block, h, halves_added);
    product.reduced()
}

impl Product {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn zero() -> Self {
        Self {
            low: _mm_setzero_si128(),
            high: _mm_setzero_si128(),
            cross: _mm_setzero_si128(),
        }
    }

    /// Adds one product.
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    fn add(&mut self, block: __m128i, h: __m128i, halves_of_h_added: __m128i) {
        let cross = _mm_clmulepi64_si128::<0x00>(halves_added(block), halves_of_h_added);
        self.low = _mm_xor_si128(self.low, _mm_clmulepi64_si128::<0x00>(block, h));
        self.high = _mm_xor_si128(self.high, _mm_clmulepi64_si128::<0x11>(block, h));
        self.cross = _mm_xor_si128(self.cross, cross);
    }

    /// Adds the product by H^(8 - `index`).
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    fn add_power(&mut self, block: __m128i, powers: &Powers, index: usize) {
        self.add(block, load(&powers.h.0[index]), load(&powers.halves_added.0[index]));
    }

    /// The sum, times x^-128.
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    fn reduced(&self) -> __m128i {
        let cross = _mm_xor_si128(self.cross, _mm_xor_si128(self.low, self.high));
        _mm_xor_si128(self.high, less_64(_mm_xor_si128(cross, less_64(self.low))))
    }
}

/// The same in each lane.
struct Products {
    low: __m256i,
    high: __m256i,
    cross: __m256i,
}

impl Products {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn zero() -> Self {
        Self {
            low: _mm256_setzero_si256(),
            high: _mm256_setzero_si256(),
            cross: _mm256_setzero_si256(),
        }
    }

    /// Adds the products by H^(8 - `index`) and the power after it.
    #[inline]
    #[target_feature(enable = "avx2,vpclmulqdq")]
    fn add_powers(&mut self, blocks: __m256i, powers: &Powers, index: usize) {
        let (Some(h), Some(sums)) = (
            powers.h.0[index..].first_chunk(),
            powers.halves_added.0[index..].first_chunk(),
        ) else {
            return;
        };
        let h = load_pair(h);
        let halves_added = _mm256_xor_si256(blocks, _mm256_shuffle_epi32::<0x4e>(blocks));
        let cross = _mm256_clmulepi64_epi128::<0x00>(halves_added, load_pair(sums));
        self.low = _mm256_xor_si256(self.low, _mm256_clmulepi64_epi128::<0x00>(blocks, h));
        self.high = _mm256_xor_si256(self.high, _mm256_clmulepi64_epi128::<0x11>(blocks, h));
        self.cross = _mm256_xor_si256(self.cross, cross);
    }

    /// The sum of the lanes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn over_lanes(&self) -> Product {
        Product {
            low: sum_of_lanes(self.low),
            high: sum_of_lanes(self.high),
            cross: sum_of_lanes(self.cross),
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_of_lanes(lanes: __m256i) -> __m128i {
    _mm_xor_si128(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes))
}

/// Times x^-64.
#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn less_64(number: __m128i) -> __m128i {
    let halves_swapped = _mm_shuffle_epi32::<0x4e>(number);
    _mm_xor_si128(halves_swapped, _mm_clmulepi64_si128::<0x00>(number, _mm_set1_epi64x(P)))
}

/// The sum of both halves, in the lower one.
#[inline]
#[target_feature(enable = "avx2")]
fn halves_added(number: __m128i) -> __m128i {
    _mm_xor_si128(number, _mm_shuffle_epi32::<0x4e>(number))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(block: &u128) -> __m128i {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_loadu_si128(core::ptr::from_ref(block).cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_octets(block: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_pair<T>(blocks: &[T; 2]) -> __m256i {
    const { assert!(size_of::<T>() == 16) }
    // SAFETY: the reference is to 32 octets.
    unsafe { _mm256_loadu_si256(blocks.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_number(place: &mut u128, number: __m128i) {
    // SAFETY: the reference is to 16 octets.
    unsafe { _mm_storeu_si128(core::ptr::from_mut(place).cast(), number) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(block: __m128i) -> [u8; 16] {
    let mut octets = [0; 16];
    // SAFETY: the array has 16 octets.
    unsafe { _mm_storeu_si128(octets.as_mut_ptr().cast(), block) }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_product_an_instruction_and_two_give_the_same() {
        let Some(avx2) = Avx2::detect() else {
            return;
        };
        let octets: [u8; 400] = core::array::from_fn(|i| ((i * i) >> 3) as u8);
        let key = Wiped(
            [0x0123_4567_89ab_cdef_u128, 0xfedc_ba98_7654_3210 << 60, 7].map(|part| part.wrapping_mul(0x1_0000_0001)),
        );
        for length in 0..octets.len() {
            let (aad, text) = octets.split_at(length);
            let code = code(avx2, &key, aad, text, 5);
            // SAFETY: the processor has the instructions.
            assert_eq!(unsafe { code_with(None, &key, aad, text, 5) }, code, "{length}");
        }
    }
}
