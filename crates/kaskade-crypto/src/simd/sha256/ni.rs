//! The end of an HMAC-SHA-256 on the SHA instructions: the last block of the inner hash and the only one of the outer.
//!
//! The inner digest goes into the outer block as it stands in the registers. By way of memory, octet by octet, that step
//! takes a fifth of a short derivation.

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_loadu_si128, _mm_set_epi32, _mm_set_epi64x,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
    _mm_storeu_si128,
};

cpufeatures::new!(instructions, "sha", "ssse3", "sse4.1");

/// The round constants (FIPS 180-4 4.2.2), four at a time.
static K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// The proof that the processor has the SHA instructions: Intel Ice Lake, AMD Zen, and later ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShaNi(());

impl ShaNi {
    /// The proof; `None` where the processor has them not.
    #[inline(always)]
    pub(crate) fn detect() -> Option<Self> {
        instructions::get().then_some(Self(()))
    }

    /// HMAC's output, from the inner state before its last block, that block with its padding, and the outer state.
    #[inline(always)]
    pub(crate) fn hmac(self, inner: &[u32; 8], block: &[u8; 64], outer: &[u32; 8]) -> [u8; 32] {
        // SAFETY: as `self` exists, the processor has the instructions.
        unsafe { hmac(inner, block, outer) }
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn hmac(inner: &[u32; 8], block: &[u8; 64], outer: &[u32; 8]) -> [u8; 32] {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let [a, b, c, d] = block.as_chunks().0 else {
        return [0; 32]; // 64 octets are four chunks of 16
    };
    let message = [load(a), load(b), load(c), load(d)];
    let message = [
        _mm_shuffle_epi8(message[0], swap),
        _mm_shuffle_epi8(message[1], swap),
        _mm_shuffle_epi8(message[2], swap),
        _mm_shuffle_epi8(message[3], swap),
    ];
    let (high, low) = compress(inner, message);
    // The padding behind 64 octets of pad and 32 of digest: 768 bits.
    let padding = [_mm_set_epi32(0, 0, 0, i32::MIN), _mm_set_epi32(0x300, 0, 0, 0)];
    let (high, low) = compress(outer, [high, low, padding[0], padding[1]]);
    let mut output = [0; 32];
    let (halves, _) = output.as_chunks_mut();
    if let [first, second] = halves {
        store(first, _mm_shuffle_epi8(high, swap));
        store(second, _mm_shuffle_epi8(low, swap));
    }
    output
}

/// One compression; the words a to d, and e to h, each with the first in the lowest lane.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn compress(state: &[u32; 8], mut message: [__m128i; 4]) -> (__m128i, __m128i) {
    let (abcd, efgh) = words(state);
    let badc = _mm_shuffle_epi32::<0xb1>(abcd);
    let hgfe = _mm_shuffle_epi32::<0x1b>(efgh);
    let mut abef = _mm_alignr_epi8::<8>(badc, hgfe);
    let mut cdgh = _mm_blend_epi16::<0xf0>(hgfe, badc);
    let before = (abef, cdgh);
    for (round, constants) in K.iter().enumerate() {
        let [w0, w1, w2, w3] = message;
        let sum = _mm_add_epi32(w0, constant(constants));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32::<0x0e>(sum));
        let next = if round < 12 {
            let partial = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8::<4>(w3, w2));
            _mm_sha256msg2_epu32(partial, w3)
        } else {
            w0
        };
        message = [w1, w2, w3, next];
    }
    let abef = _mm_add_epi32(abef, before.0);
    let cdgh = _mm_add_epi32(cdgh, before.1);
    let feba = _mm_shuffle_epi32::<0x1b>(abef);
    let dchg = _mm_shuffle_epi32::<0xb1>(cdgh);
    (_mm_blend_epi16::<0xf0>(feba, dchg), _mm_alignr_epi8::<8>(dchg, feba))
}

#[inline]
#[target_feature(enable = "sse2")]
fn words(state: &[u32; 8]) -> (__m128i, __m128i) {
    let place: *const __m128i = state.as_ptr().cast();
    // SAFETY: eight words are two vectors of 16 octets; the loads need no alignment.
    unsafe { (_mm_loadu_si128(place), _mm_loadu_si128(place.add(1))) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn constant(words: &[u32; 4]) -> __m128i {
    // SAFETY: four words are one vector of 16 octets; the load needs no alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(octets: &[u8; 16]) -> __m128i {
    // SAFETY: 16 octets are one vector; the load needs no alignment.
    unsafe { _mm_loadu_si128(octets.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(place: &mut [u8; 16], octets: __m128i) {
    // SAFETY: 16 octets are one vector; the store needs no alignment.
    unsafe { _mm_storeu_si128(place.as_mut_ptr().cast(), octets) }
}
