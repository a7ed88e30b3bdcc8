//! AES-CMAC chains on the AES instructions of x86-64.
//!
//! Each block of a chain waits for the one before it, so that one chain leaves the processor idle most of the time.
//! Chains of several messages, each with its own key, therefore run in lanes side by side: 16 on VAES, in four vectors of
//! AVX-512 or eight of AVX2, or 8 on AES-NI. A lane whose message ends takes the next message of the batch.
//!
//! A state here already has the first round key added, and the round key that closes a block has the first one added
//! too: one addition less that the chain would wait for.

use core::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_setzero_si128, _mm_xor_si128,
    _mm256_aesenc_epi128, _mm256_aesenclast_epi128, _mm256_loadu_si256, _mm256_set_m128i, _mm256_setzero_si256,
    _mm256_storeu_si256, _mm256_xor_si256, _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_castsi128_si512,
    _mm512_inserti32x4, _mm512_loadu_si512, _mm512_setzero_si512, _mm512_storeu_si512, _mm512_xor_si512,
};

use zeroize::optimization_barrier;

use super::ni::{AES_128, AesNi, load, store};
use crate::aes::{Blocks, truncated};
use crate::cipher::Mac32;
use crate::cipher::engine::Engine;
use crate::simd::features::{AesInstructions, Avx2};

/// Round keys of a lane: those between the first and the last, and the sum of these two.
const LANE_KEYS: usize = AES_128 - 1;

/// One message of a batch.
pub(crate) struct Job<'a> {
    /// Its key.
    pub(crate) cipher: &'a AesNi,
    /// Its blocks.
    pub(crate) blocks: Blocks<'a>,
    /// Where its code goes.
    pub(crate) mac: &'a mut Mac32,
}

/// The code of one message, 16 octets as a number.
#[inline]
pub(crate) fn mac(cipher: &AesNi, blocks: Blocks<'_>) -> u128 {
    // SAFETY: as `cipher` exists, the processor has the AES instructions.
    unsafe { chain(cipher.round_keys(), blocks) }
}

/// Writes the code of each message; on AES-NI where the engine has nothing more.
pub(crate) fn mac_batch<'a>(engine: Engine, jobs: impl Iterator<Item = Job<'a>>) {
    if engine.avx512().is_some() {
        // SAFETY: the processor has these instructions.
        unsafe { batch_avx512(jobs) }
    } else if engine.avx2().and_then(Avx2::with_vaes).is_some() {
        // SAFETY: the processor has these instructions.
        unsafe { batch_vaes(jobs) }
    } else if AesInstructions::detect().is_some() {
        // SAFETY: the processor has these instructions.
        unsafe { batch_aes_ni(jobs) }
    } else {
        // There are no such messages, but those of the portable back end are done on the way.
        jobs.for_each(drop);
    }
}

#[target_feature(enable = "aes")]
fn chain(round_keys: &[u128; AES_128], blocks: Blocks<'_>) -> u128 {
    let [first, middle @ .., last] = round_keys.map(|round_key| load(round_key));
    let between = _mm_xor_si128(first, last);
    let mut state = _mm_xor_si128(load(blocks.first), first);
    for block in blocks.middle {
        let block = load(u128::from_le_bytes(*block));
        state = rounds(state, &middle, _mm_xor_si128(between, block));
    }
    if let Some(block) = blocks.last {
        state = rounds(state, &middle, _mm_xor_si128(between, load(block)));
    }
    store(rounds(state, &middle, last))
}

#[inline]
#[target_feature(enable = "aes")]
fn rounds(mut state: __m128i, middle: &[__m128i; AES_128 - 2], last: __m128i) -> __m128i {
    for round_key in middle {
        state = _mm_aesenc_si128(state, *round_key);
    }
    _mm_aesenclast_si128(state, last)
}

#[target_feature(enable = "avx512f,vaes,aes")]
fn batch_avx512<'a>(jobs: impl Iterator<Item = Job<'a>>) {
    let mut lanes = WideLanes::<true>::empty();
    run(&mut lanes, jobs);
    lanes.round_keys = [[_mm_setzero_si128(); 16]; LANE_KEYS];
    optimization_barrier(&lanes);
}

#[target_feature(enable = "avx2,vaes,aes")]
fn batch_vaes<'a>(jobs: impl Iterator<Item = Job<'a>>) {
    let mut lanes = WideLanes::<false>::empty();
    run(&mut lanes, jobs);
    lanes.round_keys = [[_mm_setzero_si128(); 16]; LANE_KEYS];
    optimization_barrier(&lanes);
}

#[target_feature(enable = "aes")]
fn batch_aes_ni<'a>(jobs: impl Iterator<Item = Job<'a>>) {
    let mut lanes = NarrowLanes {
        states: [0; 8],
        round_keys: [[_mm_setzero_si128(); LANE_KEYS]; 8],
    };
    run(&mut lanes, jobs);
    lanes.round_keys = [[_mm_setzero_si128(); LANE_KEYS]; 8];
    optimization_barrier(&lanes);
}

/// `N` chains side by side. Implementations are `inline(always)`.
trait Lanes<const N: usize> {
    /// Puts a chain into a lane.
    fn put(&mut self, lane: usize, state: u128, round_keys: [__m128i; LANE_KEYS]);

    /// Encrypts the state of each lane and adds the next block of its source, as many times as `steps`.
    ///
    /// Each source has that many blocks.
    fn advance(&mut self, sources: &[&[[u8; 16]]; N], steps: usize);

    /// The state of a lane.
    fn state(&self, lane: usize) -> u128;
}

/// The message in a lane.
struct Message<'a> {
    /// Its whole blocks that are still to come.
    middle: &'a [[u8; 16]],
    /// What comes after them.
    end: [[u8; 16]; 2],
    /// How many blocks of the end are still to come.
    end_left: usize,
    mac: &'a mut Mac32,
}

impl<'a> Message<'a> {
    /// Puts the first block into a lane.
    #[inline(always)]
    fn start<const N: usize>(Job { cipher, blocks, mac }: Job<'a>, lane: usize, lanes: &mut impl Lanes<N>) -> Self {
        let [first, ..] = cipher.round_keys();
        // SAFETY: as `cipher` exists, the processor has the AES instructions.
        let round_keys = unsafe { lane_keys(cipher.round_keys()) };
        lanes.put(lane, blocks.first ^ first, round_keys);
        Self {
            middle: blocks.middle,
            // After the last block comes nothing: the first round key is taken away again.
            end: [blocks.last.unwrap_or_default().to_le_bytes(), first.to_le_bytes()],
            end_left: if blocks.last.is_some() { 2 } else { 1 },
            mac,
        }
    }

    /// Blocks in a row that are to come.
    #[inline(always)]
    fn source(&self) -> &[[u8; 16]] {
        if self.middle.is_empty() {
            self.end.get(2 - self.end_left..).unwrap_or_default()
        } else {
            self.middle
        }
    }

    /// Counts blocks of the source as done; whether none is left.
    #[inline(always)]
    fn advance(&mut self, steps: usize) -> bool {
        if self.middle.is_empty() {
            self.end_left -= steps;
        } else {
            self.middle = self.middle.get(steps..).unwrap_or_default();
        }
        self.end_left == 0
    }
}

/// Runs the messages through the lanes.
#[inline(always)]
fn run<'a, const N: usize>(lanes: &mut impl Lanes<N>, mut jobs: impl Iterator<Item = Job<'a>>) {
    let mut messages: [Option<Message<'_>>; N] = [const { None }; N];
    let mut steps = 0;
    loop {
        for (lane, place) in messages.iter_mut().enumerate() {
            if let Some(message) = place {
                if !message.advance(steps) {
                    continue;
                }
                *message.mac = truncated(lanes.state(lane));
            }
            *place = jobs.next().map(|job| Message::start(job, lane, lanes));
        }
        let Some(shortest) = messages
            .iter()
            .flatten()
            .map(Message::source)
            .min_by_key(|source| source.len())
        else {
            return;
        };
        // A lane without a message goes along with another one, for nothing.
        let mut sources = [shortest; N];
        for (source, message) in sources.iter_mut().zip(&messages) {
            if let Some(message) = message {
                *source = message.source();
            }
        }
        steps = shortest.len();
        lanes.advance(&sources, steps);
    }
}

/// The round keys as a lane takes them.
#[inline]
#[target_feature(enable = "aes")]
fn lane_keys([first, middle @ .., last]: &[u128; AES_128]) -> [__m128i; LANE_KEYS] {
    let mut round_keys = [_mm_xor_si128(load(*first), load(*last)); LANE_KEYS];
    for (place, round_key) in round_keys.iter_mut().zip(middle) {
        *place = load(*round_key);
    }
    round_keys
}

/// Lanes of VAES, with AVX-512 or with AVX2: round keys by round, so that those of four or two lanes are a vector.
#[repr(align(64))]
struct WideLanes<const AVX512: bool> {
    states: [u128; 16],
    round_keys: [[__m128i; 16]; LANE_KEYS],
}

impl<const AVX512: bool> WideLanes<AVX512> {
    #[inline]
    #[target_feature(enable = "sse2")]
    fn empty() -> Self {
        Self {
            states: [0; 16],
            round_keys: [[_mm_setzero_si128(); 16]; LANE_KEYS],
        }
    }
}

impl<const AVX512: bool> Lanes<16> for WideLanes<AVX512> {
    #[inline(always)]
    fn put(&mut self, lane: usize, state: u128, round_keys: [__m128i; LANE_KEYS]) {
        self.states[lane] = state;
        for (round, round_key) in self.round_keys.iter_mut().zip(round_keys) {
            round[lane] = round_key;
        }
    }

    #[inline(always)]
    fn advance(&mut self, sources: &[&[[u8; 16]]; 16], steps: usize) {
        if AVX512 {
            // SAFETY: lanes of this kind are used only where the processor has these instructions.
            unsafe { advance_avx512(self, sources, steps) }
        } else {
            // SAFETY: as above.
            unsafe { advance_vaes(self, sources, steps) }
        }
    }

    #[inline(always)]
    fn state(&self, lane: usize) -> u128 {
        self.states[lane]
    }
}

#[inline]
#[target_feature(enable = "avx512f,vaes")]
fn advance_avx512<const AVX512: bool>(lanes: &mut WideLanes<AVX512>, sources: &[&[[u8; 16]]; 16], steps: usize) {
    assert!(sources.iter().all(|source| source.len() >= steps));
    let [middle @ .., between] = lanes.round_keys.each_ref().map(|round_keys| vectors(round_keys));
    let mut states = vectors(&lanes.states);
    for step in 0..steps {
        let mut blocks = between;
        for (block, sources) in blocks.iter_mut().zip(sources.as_chunks::<4>().0) {
            // SAFETY: the sources have more than `step` blocks, as was seen above.
            let [a, b, c, d] = sources.map(|source| load(u128::from_le_bytes(*unsafe { source.get_unchecked(step) })));
            let four = _mm512_inserti32x4::<1>(_mm512_castsi128_si512(a), b);
            let four = _mm512_inserti32x4::<2>(four, c);
            *block = _mm512_xor_si512(*block, _mm512_inserti32x4::<3>(four, d));
        }
        for round_keys in &middle {
            for (state, round_key) in states.iter_mut().zip(round_keys) {
                *state = _mm512_aesenc_epi128(*state, *round_key);
            }
        }
        for (state, block) in states.iter_mut().zip(blocks) {
            *state = _mm512_aesenclast_epi128(*state, block);
        }
    }
    let (places, _) = lanes.states.as_chunks_mut::<4>();
    for (place, state) in places.iter_mut().zip(states) {
        // SAFETY: four lanes have the octets of a vector.
        unsafe { _mm512_storeu_si512(place.as_mut_ptr().cast(), state) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn vectors<T>(lanes: &[T; 16]) -> [__m512i; 4] {
    const { assert!(size_of::<T>() == 16) }
    let mut vectors = [_mm512_setzero_si512(); 4];
    for (vector, lanes) in vectors.iter_mut().zip(lanes.as_chunks::<4>().0) {
        // SAFETY: four lanes have the octets of a vector.
        *vector = unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) };
    }
    vectors
}

#[inline]
#[target_feature(enable = "avx2,vaes")]
fn advance_vaes<const AVX512: bool>(lanes: &mut WideLanes<AVX512>, sources: &[&[[u8; 16]]; 16], steps: usize) {
    assert!(sources.iter().all(|source| source.len() >= steps));
    let [middle @ .., between] = &lanes.round_keys;
    let mut states = [_mm256_setzero_si256(); 8];
    for (state, lanes) in states.iter_mut().zip(lanes.states.as_chunks().0) {
        *state = load_pair(lanes);
    }
    for step in 0..steps {
        for round_keys in middle {
            for (state, round_keys) in states.iter_mut().zip(round_keys.as_chunks().0) {
                *state = _mm256_aesenc_epi128(*state, load_pair(round_keys));
            }
        }
        let pairs = between.as_chunks().0.iter().zip(sources.as_chunks::<2>().0);
        for (state, (between, sources)) in states.iter_mut().zip(pairs) {
            // SAFETY: the sources have more than `step` blocks, as was seen above.
            let [a, b] = sources.map(|source| load(u128::from_le_bytes(*unsafe { source.get_unchecked(step) })));
            let last = _mm256_xor_si256(_mm256_set_m128i(b, a), load_pair(between));
            *state = _mm256_aesenclast_epi128(*state, last);
        }
    }
    let (places, _) = lanes.states.as_chunks_mut::<2>();
    for (place, state) in places.iter_mut().zip(states) {
        // SAFETY: two lanes have the octets of a vector.
        unsafe { _mm256_storeu_si256(place.as_mut_ptr().cast(), state) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_pair<T>(lanes: &[T; 2]) -> __m256i {
    const { assert!(size_of::<T>() == 16) }
    // SAFETY: two lanes have the octets of a vector.
    unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
}

/// Lanes of AES-NI: each with its round keys in a row.
struct NarrowLanes {
    states: [u128; 8],
    round_keys: [[__m128i; LANE_KEYS]; 8],
}

impl Lanes<8> for NarrowLanes {
    #[inline(always)]
    fn put(&mut self, lane: usize, state: u128, round_keys: [__m128i; LANE_KEYS]) {
        self.states[lane] = state;
        self.round_keys[lane] = round_keys;
    }

    #[inline(always)]
    fn advance(&mut self, sources: &[&[[u8; 16]]; 8], steps: usize) {
        // SAFETY: lanes of this kind are used only where the processor has these instructions.
        unsafe { advance_narrow(self, sources, steps) }
    }

    #[inline(always)]
    fn state(&self, lane: usize) -> u128 {
        self.states[lane]
    }
}

#[inline]
#[target_feature(enable = "aes")]
fn advance_narrow(lanes: &mut NarrowLanes, sources: &[&[[u8; 16]]; 8], steps: usize) {
    assert!(sources.iter().all(|source| source.len() >= steps));
    let mut states = lanes.states.map(|state| load(state));
    for step in 0..steps {
        for round in 0..LANE_KEYS - 1 {
            for (state, round_keys) in states.iter_mut().zip(&lanes.round_keys) {
                *state = _mm_aesenc_si128(*state, round_keys[round]);
            }
        }
        for ((state, [.., between]), source) in states.iter_mut().zip(&lanes.round_keys).zip(sources) {
            // SAFETY: the sources have more than `step` blocks, as was seen above.
            let block = load(u128::from_le_bytes(*unsafe { source.get_unchecked(step) }));
            *state = _mm_aesenclast_si128(*state, _mm_xor_si128(*between, block));
        }
    }
    lanes.states = states.map(|state| store(state));
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockCipherEncrypt, KeyInit};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::simd::features::Avx512;

    /// A key, a first block, those after it, the last one.
    type Message = ([u8; 16], u128, Vec<[u8; 16]>, Option<u128>);

    fn blocks((_, first, middle, last): &Message) -> Blocks<'_> {
        Blocks {
            first: *first,
            middle,
            last: *last,
        }
    }

    fn jobs<'a>(messages: &'a [Message], ciphers: &'a [AesNi], macs: &'a mut [Mac32]) -> impl Iterator<Item = Job<'a>> {
        let all = messages.iter().zip(ciphers).zip(macs);
        all.map(|((message, cipher), mac)| Job {
            cipher,
            blocks: blocks(message),
            mac,
        })
    }

    fn expected((key, first, middle, last): &Message) -> Mac32 {
        let cipher = aes::Aes128Enc::new(key.into());
        let mut state = *first;
        let others = middle.iter().map(|block| u128::from_le_bytes(*block)).chain(*last);
        for added in others.chain([0]) {
            let mut block = state.to_le_bytes().into();
            cipher.encrypt_block(&mut block);
            state = u128::from_le_bytes(block.into()) ^ added;
        }
        truncated(state)
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let middle =
            prop_oneof![3 => 0..5_usize, 1 => 0..100_usize].prop_flat_map(|blocks| vec(any::<[u8; 16]>(), blocks));
        (any::<[u8; 16]>(), any::<u128>(), middle, any::<Option<u128>>()).prop_map(|(key, first, middle, last)| {
            // Without a last block there is none in the middle.
            let middle = if last.is_some() { middle } else { Vec::new() };
            (key, first, middle, last)
        })
    }

    proptest! {
        #[test]
        fn all_instructions_do_what_the_aes_crate_does(messages in vec(any_message(), 0..70)) {
            if AesInstructions::detect().is_none() {
                return Ok(());
            }
            let ciphers: Vec<_> = messages.iter().filter_map(|(key, ..)| AesNi::aes_128(key)).collect();
            let expected: Vec<_> = messages.iter().map(expected).collect();
            let none = vec![Mac32::from_octets([0; 4]); messages.len()];
            let [mut narrow, mut pairs, mut wide] = [none.clone(), none.clone(), none];
            // SAFETY: the processor has the AES instructions.
            unsafe { batch_aes_ni(jobs(&messages, &ciphers, &mut narrow)) };
            prop_assert_eq!(&narrow, &expected);
            if Avx2::detect().and_then(Avx2::with_vaes).is_some() {
                // SAFETY: the processor has these instructions.
                unsafe { batch_vaes(jobs(&messages, &ciphers, &mut pairs)) };
                prop_assert_eq!(&pairs, &expected);
            }
            if Avx512::detect().is_some() {
                // SAFETY: the processor has these instructions.
                unsafe { batch_avx512(jobs(&messages, &ciphers, &mut wide)) };
                prop_assert_eq!(&wide, &expected);
            }
            for ((message, cipher), expected) in messages.iter().zip(&ciphers).zip(&expected) {
                prop_assert_eq!(truncated(mac(cipher, blocks(message))), *expected);
            }
        }
    }
}
