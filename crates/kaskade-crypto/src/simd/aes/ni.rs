//! AES encryption on the AES instructions of x86-64: key schedules, and a few blocks at a time.
//!
//! The `aes` crate has them too, but on a processor with AVX-512 it prepares for long messages at every call, which
//! takes longer than the five blocks of MILENAGE.

use core::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi32,
    _mm_setzero_si128, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_si128, _mm_unpackhi_epi64, _mm_xor_si128,
};

use zeroize::optimization_barrier;

use crate::block_cipher::work::{BlockCipher, Keyed, Work};
use crate::simd::features::AesInstructions;

/// Round keys of AES-128.
pub(crate) const AES_128: usize = 11;

/// Round keys of AES-256.
pub(crate) const AES_256: usize = 15;

/// How many keys a [`Group`] expands side by side: enough to fill the processor, few enough for its registers.
pub(crate) const GROUP: usize = 8;

/// The round keys of AES (FIPS 197 5.2). Exists only on a processor with the instructions; wiped on drop.
#[derive(Clone)]
pub(crate) struct AesNi<const ROUND_KEYS: usize = AES_128> {
    round_keys: [u128; ROUND_KEYS],
}

impl AesNi<AES_128> {
    /// Computes the round keys; `None` on a processor without the instructions.
    #[inline(always)]
    pub(crate) fn aes_128(key: &[u8; 16]) -> Option<Self> {
        AesInstructions::detect()?;
        // SAFETY: the processor has the instructions.
        let round_keys = unsafe { expand(key) };
        Some(Self { round_keys })
    }

    /// Computes the round keys and makes something of them: `None` on a processor without the instructions.
    ///
    /// What is made has them in place. Where they are returned, they are copied, by wider loads than the stores that are
    /// just before them: the processor waits for these as long as for two blocks.
    #[inline(always)]
    pub(crate) fn aes_128_within<T>(key: &[u8; 16], make: impl FnOnce(Option<Self>) -> T) -> T {
        if AesInstructions::detect().is_some() {
            // SAFETY: the processor has the instructions.
            unsafe { expand_within(key, make) }
        } else {
            make(None)
        }
    }
}

impl AesNi<AES_256> {
    /// Computes the round keys; `None` on a processor without the instructions.
    pub(crate) fn aes_256(key: &[u8; 32]) -> Option<Self> {
        AesInstructions::detect()?;
        // SAFETY: the processor has the instructions.
        let round_keys = unsafe { expand_256(key) };
        Some(Self { round_keys })
    }
}

impl<const ROUND_KEYS: usize> AesNi<ROUND_KEYS> {
    /// The round keys as numbers whose first octet is the lowest, for the other files of this folder.
    #[inline(always)]
    pub(super) fn round_keys(&self) -> &[u128; ROUND_KEYS] {
        &self.round_keys
    }
}

impl<const ROUND_KEYS: usize> Keyed for AesNi<ROUND_KEYS> {
    #[inline(always)]
    fn run(&self, work: impl Work) {
        // SAFETY: as `self` exists, the processor has the AES instructions.
        unsafe { run(self, work) }
    }
}

impl<const ROUND_KEYS: usize> BlockCipher for AesNi<ROUND_KEYS> {
    #[inline(always)]
    fn encrypt_and_add(&self, block: u128, mask: u128) -> u128 {
        // SAFETY: as `self` exists, the processor has the AES instructions.
        unsafe { encrypt_and_add(&self.round_keys, block, mask) }
    }
}

impl<const ROUND_KEYS: usize> Drop for AesNi<ROUND_KEYS> {
    #[inline(always)]
    fn drop(&mut self) {
        self.round_keys = [0; ROUND_KEYS];
        optimization_barrier(self);
    }
}

/// Key schedules that are computed side by side: one alone leaves the processor waiting for each of its steps.
pub(crate) struct Group([AesNi; GROUP]);

impl Group {
    /// A group without keys; `None` on a processor without the instructions.
    pub(crate) fn new() -> Option<Self> {
        AesInstructions::detect().map(|_| Self([const { AesNi { round_keys: [0; 11] } }; GROUP]))
    }

    /// Computes the round keys of these keys, in place of the former ones.
    #[inline(always)]
    pub(crate) fn expand(&mut self, keys: [&[u8; 16]; GROUP]) -> &[AesNi; GROUP] {
        // SAFETY: as `self` exists, the processor has the AES instructions.
        unsafe { expand_group(&mut self.0, keys) }
        &self.0
    }
}

#[target_feature(enable = "aes")]
fn run<const ROUND_KEYS: usize>(cipher: &AesNi<ROUND_KEYS>, work: impl Work) {
    work.run(cipher);
}

#[inline]
#[target_feature(enable = "aes")]
fn encrypt_and_add<const ROUND_KEYS: usize>(round_keys: &[u128; ROUND_KEYS], block: u128, mask: u128) -> u128 {
    let [first, middle @ .., last] = round_keys.as_slice() else {
        return block ^ mask;
    };
    let mut state = _mm_xor_si128(load(block), load(*first));
    for round_key in middle {
        state = _mm_aesenc_si128(state, load(*round_key));
    }
    store(_mm_xor_si128(_mm_aesenclast_si128(state, load(*last)), load(mask)))
}

#[inline]
#[target_feature(enable = "aes,ssse3")]
fn expand(key: &[u8; 16]) -> [u128; AES_128] {
    let mut round_keys = [u128::from_le_bytes(*key); AES_128];
    let mut round_key = load(round_keys[0]);
    round_keys[1] = next::<0x01>(&mut round_key);
    round_keys[2] = next::<0x02>(&mut round_key);
    round_keys[3] = next::<0x04>(&mut round_key);
    round_keys[4] = next::<0x08>(&mut round_key);
    round_keys[5] = next::<0x10>(&mut round_key);
    round_keys[6] = next::<0x20>(&mut round_key);
    round_keys[7] = next::<0x40>(&mut round_key);
    round_keys[8] = next::<0x80>(&mut round_key);
    round_keys[9] = next::<0x1b>(&mut round_key);
    round_keys[10] = next::<0x36>(&mut round_key);
    round_keys
}

#[target_feature(enable = "aes,ssse3")]
fn expand_within<T>(key: &[u8; 16], make: impl FnOnce(Option<AesNi>) -> T) -> T {
    let round_keys = expand(key);
    make(Some(AesNi { round_keys }))
}

#[target_feature(enable = "aes,ssse3")]
fn expand_256(key: &[u8; 32]) -> [u128; AES_256] {
    let mut round_keys = [0; AES_256];
    let (halves, _) = key.as_chunks();
    for (round_key, half) in round_keys.iter_mut().zip(halves) {
        *round_key = u128::from_le_bytes(*half);
    }
    let mut pair = [load(round_keys[0]), load(round_keys[1])];
    [round_keys[2], round_keys[3]] = next_pair::<0x01>(&mut pair);
    [round_keys[4], round_keys[5]] = next_pair::<0x02>(&mut pair);
    [round_keys[6], round_keys[7]] = next_pair::<0x04>(&mut pair);
    [round_keys[8], round_keys[9]] = next_pair::<0x08>(&mut pair);
    [round_keys[10], round_keys[11]] = next_pair::<0x10>(&mut pair);
    [round_keys[12], round_keys[13]] = next_pair::<0x20>(&mut pair);
    [round_keys[14], _] = next_pair::<0x40>(&mut pair);
    round_keys
}

#[target_feature(enable = "aes,ssse3")]
fn expand_group(ciphers: &mut [AesNi; GROUP], keys: [&[u8; 16]; GROUP]) {
    let mut round_keys = [load(0); GROUP];
    for ((cipher, round_key), key) in ciphers.iter_mut().zip(&mut round_keys).zip(keys) {
        cipher.round_keys[0] = u128::from_le_bytes(*key);
        *round_key = load(cipher.round_keys[0]);
    }
    expand_round::<1, 0x01>(ciphers, &mut round_keys);
    expand_round::<2, 0x02>(ciphers, &mut round_keys);
    expand_round::<3, 0x04>(ciphers, &mut round_keys);
    expand_round::<4, 0x08>(ciphers, &mut round_keys);
    expand_round::<5, 0x10>(ciphers, &mut round_keys);
    expand_round::<6, 0x20>(ciphers, &mut round_keys);
    expand_round::<7, 0x40>(ciphers, &mut round_keys);
    expand_round::<8, 0x80>(ciphers, &mut round_keys);
    expand_round::<9, 0x1b>(ciphers, &mut round_keys);
    expand_round::<10, 0x36>(ciphers, &mut round_keys);
}

#[inline]
#[target_feature(enable = "aes,ssse3")]
fn expand_round<const ROUND: usize, const RCON: i32>(ciphers: &mut [AesNi; GROUP], round_keys: &mut [__m128i; GROUP]) {
    for (cipher, round_key) in ciphers.iter_mut().zip(round_keys) {
        cipher.round_keys[ROUND] = next::<RCON>(round_key);
    }
}

/// One step of the key expansion of AES-128 (FIPS 197 5.2).
#[inline]
#[target_feature(enable = "aes,ssse3")]
fn next<const RCON: i32>(round_key: &mut __m128i) -> u128 {
    *round_key = _mm_xor_si128(sums(*round_key), rotated_and_substituted::<RCON>(*round_key));
    store(*round_key)
}

/// One step of the key expansion of AES-256, which makes two round keys (FIPS 197 5.2).
#[inline]
#[target_feature(enable = "aes,ssse3")]
fn next_pair<const RCON: i32>([even, odd]: &mut [__m128i; 2]) -> [u128; 2] {
    *even = _mm_xor_si128(sums(*even), rotated_and_substituted::<RCON>(*odd));
    *odd = _mm_xor_si128(sums(*odd), substituted(*even));
    [store(*even), store(*odd)]
}

/// Each word plus all those before it.
#[inline]
#[target_feature(enable = "sse2")]
fn sums(round_key: __m128i) -> __m128i {
    let pairs = _mm_xor_si128(round_key, _mm_slli_si128::<4>(round_key));
    _mm_xor_si128(pairs, _mm_slli_si128::<8>(pairs))
}

/// SubWord of the last word in all four columns.
///
/// Taken from the last-round instruction, which is quicker than the one meant for it: with the word in all four columns
/// its row shift changes nothing.
#[inline]
#[target_feature(enable = "aes")]
fn substituted(round_key: __m128i) -> __m128i {
    _mm_aesenclast_si128(_mm_shuffle_epi32::<0xff>(round_key), _mm_setzero_si128())
}

/// SubWord and RotWord of the last word, plus the round constant, in all four columns.
#[inline]
#[target_feature(enable = "aes,ssse3")]
fn rotated_and_substituted<const RCON: i32>(round_key: __m128i) -> __m128i {
    let rotated = _mm_shuffle_epi8(round_key, _mm_set1_epi32(0x0c0f_0e0d));
    _mm_aesenclast_si128(rotated, _mm_set1_epi32(RCON))
}

/// A block whose first octet is the lowest.
#[inline]
#[target_feature(enable = "sse2")]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the two halves"
)]
pub(super) fn load(block: u128) -> __m128i {
    _mm_set_epi64x((block >> 64) as i64, block as i64)
}

#[inline]
#[target_feature(enable = "sse2")]
#[allow(clippy::cast_sign_loss, reason = "the two halves")]
pub(super) fn store(state: __m128i) -> u128 {
    let low = _mm_cvtsi128_si64(state) as u64;
    let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(state, state)) as u64;
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use core::mem::MaybeUninit;

    use super::*;

    #[test]
    fn the_round_keys_are_wiped() {
        let Some(cipher) = AesNi::aes_128(&[0xa5; 16]) else {
            return;
        };
        assert!(cipher.round_keys.iter().all(|round_key| *round_key != 0));
        let mut place = MaybeUninit::new(cipher);
        // SAFETY: the value is there, and is not used again.
        unsafe { place.assume_init_drop() };
        // SAFETY: the drop leaves all round keys written, and a second drop does nothing else.
        let wiped = unsafe { place.assume_init() };
        assert_eq!(wiped.round_keys, [0; 11]);
    }
}
