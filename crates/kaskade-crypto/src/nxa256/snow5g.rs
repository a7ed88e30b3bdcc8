//! The keystream of SNOW 5G: 256-NEA4, 256-NIA4, 256-NCA4 (TS 35.240).
//!
//! ```text
//! two shift registers of 16 × 16 bits, A and B, and three registers of 128 bits, R1 to R3
//! z   = (R1 ⊞ B upper half) ⊕ R2                               16 octets of keystream
//! R1' = σ((A upper half ⊕ R3) ⊞ R2)    R2' = AES round of R1    R3' = AES round of R2
//! a'  = α·a[i] ⊕ b[i] ⊕ a[i + 7]        b'  = β·b[i] ⊕ a[i] ⊕ b[i + 8]     for i = 0..7, then both shift by 8
//! ```
//!
//! ⊞ adds eight numbers of 16 bits: so say the published test vectors. The structure is that of SNOW-Vi.

use aes::Block;
use aes::hazmat::cipher_round;

#[cfg(x86_back_ends)]
use super::frame::Job;
use super::frame::{Generator, Stream};
use crate::cipher::Key256;
use crate::cipher::engine::Engine;
#[cfg(x86_back_ends)]
use crate::simd;
use crate::wipe::Wiped;

/// 128 bits as numbers of 16 bits, the first octets in the first, least significant octet first.
pub(crate) type Lanes = [u16; 8];

/// x^16 of the field that A steps in, less its power 16.
pub(crate) const ALPHA: u16 = 0x4a6d;

/// The same of B.
pub(crate) const BETA: u16 = 0xcc87;

/// σ: which octet of its input each octet of its output is.
pub(crate) const SIGMA: [u8; 16] = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];

/// SNOW 5G under a key.
#[derive(Clone)]
pub(super) struct Snow5g {
    key: Key256,
    engine: Engine,
}

impl Generator for Snow5g {
    type Stream<'a> = Keystream;

    fn new(key: &Key256, engine: Engine) -> Self {
        Self {
            key: key.clone(),
            engine,
        }
    }

    fn engine(&self) -> Engine {
        self.engine
    }

    fn stream(&self, iv: &[u8; 16]) -> Keystream {
        let mut stream = Keystream {
            state: State::EMPTY,
            engine: self.engine,
        };
        stream.state.load(self.key.secret_octets(), iv);
        match self.engine {
            Engine::Portable => stream.state.initialise(),
            #[cfg(x86_back_ends)]
            Engine::Avx2(avx2) => simd::avx2::snow5g::initialise(avx2, &mut stream.state),
            #[cfg(x86_back_ends)]
            Engine::Avx512(avx512) => simd::avx512::snow5g::initialise(avx512, &mut stream.state),
        }
        stream
    }

    #[cfg(x86_back_ends)]
    fn apply_batch<'a>(mut jobs: impl Iterator<Item = Job<'a, Self>>) {
        loop {
            let group = [jobs.next(), jobs.next(), jobs.next(), jobs.next()];
            match group {
                [Some(a), Some(b), Some(c), Some(d)] => Self::apply_four([a, b, c, d]),
                rest => return rest.into_iter().flatten().for_each(Job::apply),
            }
        }
    }
}

impl Snow5g {
    #[cfg(x86_back_ends)]
    fn apply_four(jobs: [Job<'_, Self>; 4]) {
        if let Some(avx512) = Engine::all_avx512(jobs.iter().map(|job| job.generator.engine)) {
            let mut states = Self::states(&jobs);
            simd::avx512::snow5g::apply_four(avx512, &mut states, jobs.map(|job| job.message));
        } else {
            let [a, b, c, d] = jobs;
            Self::apply_two([a, b]);
            Self::apply_two([c, d]);
        }
    }

    #[cfg(x86_back_ends)]
    fn apply_two(jobs: [Job<'_, Self>; 2]) {
        if let [Engine::Avx2(avx2), Engine::Avx2(_)] = jobs.each_ref().map(|job| job.generator.engine) {
            let mut states = Self::states(&jobs);
            simd::avx2::snow5g::apply_two(avx2, &mut states, jobs.map(|job| job.message));
        } else {
            jobs.into_iter().for_each(Job::apply);
        }
    }

    #[cfg(x86_back_ends)]
    fn states<const N: usize>(jobs: &[Job<'_, Self>; N]) -> [State; N] {
        let mut states = [const { State::EMPTY }; N];
        for (state, job) in states.iter_mut().zip(jobs) {
            state.load(job.generator.key.secret_octets(), &job.iv);
        }
        states
    }
}

/// The keystream of one message.
pub(super) struct Keystream {
    state: State,
    engine: Engine,
}

impl Stream for Keystream {
    fn apply(&mut self, message: &mut [u8]) {
        match self.engine {
            Engine::Portable => self.state.apply(message),
            #[cfg(x86_back_ends)]
            Engine::Avx2(avx2) => simd::avx2::snow5g::apply(avx2, &mut self.state, message),
            #[cfg(x86_back_ends)]
            Engine::Avx512(avx512) => simd::avx512::snow5g::apply(avx512, &mut self.state, message),
        }
    }
}

/// a0 to a7, a8 to a15, b0 to b7, b8 to b15, R1, R2, R3. Wiped on drop.
pub(crate) struct State(pub(crate) Wiped<Lanes, 7>);

impl State {
    /// Before a key is loaded.
    const EMPTY: Self = Self(Wiped([[0; 8]; 7]));

    /// Key and IV in their places, before the first of the rounds that mix them.
    fn load(&mut self, key: &[u8; 32], iv: &[u8; 16]) {
        let (key, _) = key.as_chunks();
        let Wiped([a_low, a_high, _, b_high, ..]) = &mut self.0;
        *a_low = lanes(iv);
        *a_high = lanes(&key[0]);
        *b_high = lanes(&key[1]);
    }

    /// 16 rounds whose output goes back into A. The key, which is in the upper halves at first, is added again in the
    /// last two.
    fn initialise(&mut self) {
        let Wiped([_, key_0, _, key_1, ..]) = self.0;
        for round in 0..16 {
            let output = self.round();
            let Wiped([_, a_high, _, _, r1, ..]) = &mut self.0;
            add(a_high, &output);
            match round {
                14 => add(r1, &key_0),
                15 => add(r1, &key_1),
                _ => {}
            }
        }
    }

    fn apply(&mut self, message: &mut [u8]) {
        for block in message.chunks_mut(16) {
            for (octet, mask) in block.iter_mut().zip(octets(&self.round())) {
                *octet ^= mask;
            }
        }
    }

    /// One round: what comes out, and all registers one step further.
    fn round(&mut self) -> Lanes {
        let Wiped([a_low, a_high, b_low, b_high, r1, r2, r3]) = self.0;
        let output = each(|i| r1[i].wrapping_add(b_high[i]) ^ r2[i]);

        let a7_to_a14 = |i: usize| if i == 0 { a_low[7] } else { a_high[i - 1] };
        let sum = octets(&each(|i| (a_high[i] ^ r3[i]).wrapping_add(r2[i])));
        self.0.0 = [
            a_high,
            each(|i| times_x(a_low[i], ALPHA) ^ b_low[i] ^ a7_to_a14(i)),
            b_high,
            each(|i| times_x(b_low[i], BETA) ^ a_low[i] ^ b_high[i]),
            lanes(&SIGMA.map(|from| sum[usize::from(from)])),
            aes_round(&r1),
            aes_round(&r2),
        ];
        output
    }
}

/// The number after `number` in a field of 2^16 numbers; without a branch.
fn times_x(number: u16, reduction: u16) -> u16 {
    (number << 1) ^ ((number >> 15).wrapping_neg() & reduction)
}

/// One round of AES with a round key of zero.
fn aes_round(lanes_in: &Lanes) -> Lanes {
    let mut block = Block::from(octets(lanes_in));
    cipher_round(&mut block, &Block::default());
    lanes(&block.into())
}

fn add(sum: &mut Lanes, other: &Lanes) {
    *sum = each(|i| sum[i] ^ other[i]);
}

fn each(lane: impl Fn(usize) -> u16) -> Lanes {
    core::array::from_fn(lane)
}

fn lanes(octets: &[u8; 16]) -> Lanes {
    let (pairs, _) = octets.as_chunks();
    each(|i| u16::from_le_bytes(pairs[i]))
}

fn octets(lanes: &Lanes) -> [u8; 16] {
    core::array::from_fn(|i| lanes[i / 2].to_le_bytes()[i % 2])
}
