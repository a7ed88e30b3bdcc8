//! AES in counter mode on the AES instructions of x86-64: AES-NI with eight blocks in flight, and with AVX-512 and VAES
//! eight vectors of four blocks. What AVX2 adds is in a [file of its own](super::avx2::aes_ctr).

use core::arch::x86_64::{
    __m128i, __m512i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128,
    _mm_storeu_si128, _mm_xor_si128, _mm512_add_epi64, _mm512_aesenc_epi128, _mm512_aesenclast_epi128,
    _mm512_broadcast_i32x4, _mm512_loadu_si512, _mm512_mask_storeu_epi8, _mm512_maskz_loadu_epi8, _mm512_set_epi64,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_storeu_si512, _mm512_xor_si512,
};

use super::aes_ni::{AesNi, load};
use super::avx2;
use crate::cipher::engine::Engine;
use crate::wipe::wipe;

/// Octets of a block.
pub(super) const BLOCK: usize = 16;

/// Octets of a vector of AVX-512.
const VECTOR: usize = 64;

/// Blocks or vectors that are encrypted side by side: enough to fill the processor.
pub(super) const IN_FLIGHT: usize = 8;

/// Octets of a message that is too short for the code of AVX2: a call more than AES-NI takes.
const SHORT: usize = 64;

/// The first counter block of a message: 8 octets that stay and 8 octets that count, most significant first.
///
/// Where fewer octets are to count, as many blocks of the message as they can count must be enough for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CounterBlock {
    /// What stays, as a number whose first octet is the lowest.
    pub(super) fixed: u64,
    /// The counter of the first block.
    pub(super) counter: u64,
}

impl CounterBlock {
    /// Counts from zero.
    pub(crate) const fn from_zero(fixed: u64) -> Self {
        Self { fixed, counter: 0 }
    }

    /// Any 16 octets.
    pub(crate) const fn from_octets(octets: &[u8; BLOCK]) -> Self {
        let block = u128::from_be_bytes(*octets);
        Self {
            fixed: ((block >> 64) as u64).swap_bytes(),
            counter: (block & 0xffff_ffff_ffff_ffff) as u64,
        }
    }

    /// The one so many blocks later.
    pub(super) const fn after(self, blocks: usize) -> Self {
        Self {
            fixed: self.fixed,
            counter: self.counter.wrapping_add(blocks as u64),
        }
    }
}

/// Adds the keystream to the message; on AES-NI where the engine has nothing more.
#[inline]
pub(crate) fn apply<const ROUND_KEYS: usize>(
    cipher: &AesNi<ROUND_KEYS>,
    engine: Engine,
    first: CounterBlock,
    message: &mut [u8],
) {
    match engine {
        // SAFETY: the engine has the proof that the processor has these instructions.
        Engine::Avx512(_) => unsafe { apply_avx512(cipher.round_keys(), first, message) },
        Engine::Avx2(proof) if message.len() > SHORT => match proof.with_vaes() {
            Some(vaes) => avx2::aes_ctr::apply_vaes(vaes, cipher, first, message),
            None => avx2::aes_ctr::apply(proof, cipher, first, message),
        },
        // SAFETY: as `cipher` exists, the processor has the AES instructions.
        Engine::Portable | Engine::Avx2(_) => unsafe { apply_aes_ni(cipher.round_keys(), first, message) },
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,vaes,aes")]
fn apply_avx512<const ROUND_KEYS: usize>(round_keys: &[u128; ROUND_KEYS], first: CounterBlock, message: &mut [u8]) {
    // No `map`, which is not compiled for the instructions and so leaves copies of the key schedule behind.
    let mut registers = [_mm512_setzero_si512(); ROUND_KEYS];
    for (register, round_key) in registers.iter_mut().zip(round_keys) {
        *register = _mm512_broadcast_i32x4(load(*round_key));
    }
    let round_keys = registers;
    let mut counters = counters(first);
    let (groups, rest) = message.as_chunks_mut::<{ IN_FLIGHT * VECTOR }>();
    for group in groups {
        let keystream = encrypted::<_, IN_FLIGHT>(&round_keys, next::<IN_FLIGHT>(&mut counters));
        let (vectors, _) = group.as_chunks_mut();
        for (vector, keystream) in vectors.iter_mut().zip(keystream) {
            add(keystream, vector);
        }
    }
    match rest.len().div_ceil(VECTOR) {
        0 => {}
        1 => last::<_, 1>(&round_keys, counters, rest),
        2 => last::<_, 2>(&round_keys, counters, rest),
        3 => last::<_, 3>(&round_keys, counters, rest),
        4 => last::<_, 4>(&round_keys, counters, rest),
        5 => last::<_, 5>(&round_keys, counters, rest),
        6 => last::<_, 6>(&round_keys, counters, rest),
        7 => last::<_, 7>(&round_keys, counters, rest),
        _ => last::<_, 8>(&round_keys, counters, rest),
    }
}

/// The rest of a message, of `N` vectors the last of which need not be full.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,vaes,aes")]
fn last<const ROUND_KEYS: usize, const N: usize>(
    round_keys: &[__m512i; ROUND_KEYS],
    mut counters: __m512i,
    message: &mut [u8],
) {
    let keystream = encrypted::<_, N>(round_keys, next::<N>(&mut counters));
    let (vectors, rest) = message.as_chunks_mut();
    for (vector, keystream) in vectors.iter_mut().zip(&keystream) {
        add(*keystream, vector);
    }
    if let Some(keystream) = keystream.last() {
        add_part(*keystream, rest);
    }
}

/// The counters of four blocks in a row, each a block whose second half is a number.
#[inline]
#[target_feature(enable = "avx512f")]
#[allow(clippy::cast_possible_wrap, reason = "the same 64 bits")]
fn counters(CounterBlock { fixed, counter }: CounterBlock) -> __m512i {
    let [a, b, c, d] = [0, 1, 2, 3].map(|block| counter.wrapping_add(block) as i64);
    let fixed = fixed as i64;
    _mm512_set_epi64(d, fixed, c, fixed, b, fixed, a, fixed)
}

/// The next `N` vectors of counter blocks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn next<const N: usize>(counters: &mut __m512i) -> [__m512i; N] {
    let big_endian = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0706_0504_0302_0100));
    let four = _mm512_set_epi64(4, 0, 4, 0, 4, 0, 4, 0);
    let mut blocks = [_mm512_setzero_si512(); N];
    for block in &mut blocks {
        *block = _mm512_shuffle_epi8(*counters, big_endian);
        *counters = _mm512_add_epi64(*counters, four);
    }
    blocks
}

#[inline]
#[target_feature(enable = "avx512f,vaes")]
fn encrypted<const ROUND_KEYS: usize, const N: usize>(
    round_keys: &[__m512i; ROUND_KEYS],
    mut blocks: [__m512i; N],
) -> [__m512i; N] {
    if let [first, middle @ .., last] = round_keys.as_slice() {
        blocks = blocks.map(|block| _mm512_xor_si512(block, *first));
        for round_key in middle {
            blocks = blocks.map(|block| _mm512_aesenc_epi128(block, *round_key));
        }
        blocks = blocks.map(|block| _mm512_aesenclast_epi128(block, *last));
    }
    blocks
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add(keystream: __m512i, octets: &mut [u8; VECTOR]) {
    // SAFETY: the array has the octets of one vector.
    let message = unsafe { _mm512_loadu_si512(octets.as_ptr().cast()) };
    // SAFETY: as above.
    unsafe { _mm512_storeu_si512(octets.as_mut_ptr().cast(), _mm512_xor_si512(message, keystream)) }
}

/// Adds as much of the keystream as there are octets, at most those of a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_part(keystream: __m512i, octets: &mut [u8]) {
    let mask = if octets.len() < VECTOR {
        (1 << octets.len()) - 1
    } else {
        u64::MAX
    };
    // SAFETY: the mask has bits for octets of the slice only.
    let message = unsafe { _mm512_maskz_loadu_epi8(mask, octets.as_ptr().cast()) };
    let message = _mm512_xor_si512(message, keystream);
    // SAFETY: as above.
    unsafe { _mm512_mask_storeu_epi8(octets.as_mut_ptr().cast(), mask, message) }
}

#[target_feature(enable = "aes")]
fn apply_aes_ni<const ROUND_KEYS: usize>(
    round_keys: &[u128; ROUND_KEYS],
    CounterBlock { fixed, mut counter }: CounterBlock,
    message: &mut [u8],
) {
    let in_groups = message.len() - message.len() % (IN_FLIGHT * BLOCK);
    let (groups, rest) = message.split_at_mut(in_groups);
    let (blocks, _) = groups.as_chunks_mut();
    let (groups, _) = blocks.as_chunks_mut::<IN_FLIGHT>();
    for group in groups {
        add_blocks(round_keys, fixed, counter, group);
        counter = counter.wrapping_add(IN_FLIGHT as u64);
    }
    match rest.len().div_ceil(BLOCK) {
        0 => {}
        1 => add_rest::<_, 1>(round_keys, fixed, counter, rest),
        2..=4 => add_rest::<_, 4>(round_keys, fixed, counter, rest),
        _ => add_rest::<_, IN_FLIGHT>(round_keys, fixed, counter, rest),
    }
}

/// Adds the keystream to the rest of a message, at most `N` blocks: all of them side by side, then as much as is needed.
#[inline]
#[target_feature(enable = "aes")]
fn add_rest<const ROUND_KEYS: usize, const N: usize>(
    round_keys: &[u128; ROUND_KEYS],
    fixed: u64,
    counter: u64,
    message: &mut [u8],
) {
    let mut keystream = [[0; BLOCK]; N];
    add_blocks(round_keys, fixed, counter, &mut keystream);
    for (octet, keystream) in message.iter_mut().zip(keystream.as_flattened()) {
        *octet ^= keystream;
    }
    wipe(&mut keystream);
}

/// Adds the keystream of `N` blocks.
#[inline]
#[target_feature(enable = "aes")]
#[allow(clippy::cast_possible_wrap, reason = "the same 64 bits")]
fn add_blocks<const ROUND_KEYS: usize, const N: usize>(
    round_keys: &[u128; ROUND_KEYS],
    fixed: u64,
    mut counter: u64,
    message: &mut [[u8; BLOCK]; N],
) {
    let [first, middle @ .., last] = round_keys.as_slice() else {
        return;
    };
    let mut blocks = [_mm_setzero_si128(); N];
    for block in &mut blocks {
        let counter_block = _mm_set_epi64x(counter.swap_bytes() as i64, fixed as i64);
        *block = _mm_xor_si128(counter_block, load(*first));
        counter = counter.wrapping_add(1);
    }
    for round_key in middle {
        let round_key = load(*round_key);
        blocks = blocks.map(|block| _mm_aesenc_si128(block, round_key));
    }
    for (place, block) in message.iter_mut().zip(blocks) {
        add_block(_mm_aesenclast_si128(block, load(*last)), place);
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn add_block(keystream: __m128i, octets: &mut [u8; BLOCK]) {
    // SAFETY: the array has the octets of one block.
    let message = unsafe { _mm_loadu_si128(octets.as_ptr().cast()) };
    // SAFETY: as above.
    unsafe { _mm_storeu_si128(octets.as_mut_ptr().cast(), _mm_xor_si128(message, keystream)) }
}

#[cfg(test)]
mod tests {
    use aes::{Aes128Enc, Aes256Enc};
    use ctr::cipher::{KeyIvInit, StreamCipher};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::simd::features::{Avx2, Avx512};

    /// The message ciphered by each kind of instructions that the processor has.
    fn ciphered<const ROUND_KEYS: usize>(
        cipher: &AesNi<ROUND_KEYS>,
        first: [u8; 16],
        message: &[u8],
    ) -> Vec<(&'static str, Vec<u8>)> {
        let (round_keys, first) = (cipher.round_keys(), CounterBlock::from_octets(&first));
        let mut all = Vec::new();
        let mut octets = message.to_vec();
        // SAFETY: as `cipher` exists, the processor has the AES instructions.
        unsafe { apply_aes_ni(round_keys, first, &mut octets) };
        all.push(("AES-NI", octets));
        if let Some(avx2) = Avx2::detect() {
            let mut octets = message.to_vec();
            avx2::aes_ctr::apply(avx2, cipher, first, &mut octets);
            all.push(("AVX2", octets));
            if let Some(vaes) = avx2.with_vaes() {
                let mut octets = message.to_vec();
                avx2::aes_ctr::apply_vaes(vaes, cipher, first, &mut octets);
                all.push(("VAES", octets));
            }
        }
        if Avx512::detect().is_some() {
            let mut octets = message.to_vec();
            // SAFETY: the processor has these instructions.
            unsafe { apply_avx512(round_keys, first, &mut octets) };
            all.push(("AVX-512", octets));
        }
        all
    }

    proptest! {
        #[test]
        fn all_instructions_do_what_the_ctr_crate_does(
            key: [u8; 32],
            first: [u8; 16],
            to_the_end in prop_oneof![Just(None), (0..70_u64).prop_map(Some)],
            message in vec(any::<u8>(), 0..1300),
        ) {
            let mut first = first;
            if let Some(blocks) = to_the_end {
                // The counter begins again within the message.
                first[8..].copy_from_slice(&(u64::MAX - blocks).to_be_bytes());
            }
            let (key_128, _) = key.split_first_chunk().expect("longer");
            let mut expected = message.clone();
            ctr::Ctr64BE::<Aes128Enc>::new(key_128.into(), &first.into()).apply_keystream(&mut expected);
            for (instructions, octets) in AesNi::aes_128(key_128).iter().flat_map(|c| ciphered(c, first, &message)) {
                prop_assert_eq!(&octets, &expected, "AES-128 on {}", instructions);
            }
            let mut expected = message.clone();
            ctr::Ctr64BE::<Aes256Enc>::new(&key.into(), &first.into()).apply_keystream(&mut expected);
            for (instructions, octets) in AesNi::aes_256(&key).iter().flat_map(|c| ciphered(c, first, &message)) {
                prop_assert_eq!(&octets, &expected, "AES-256 on {}", instructions);
            }
        }
    }
}
