//! Many messages at once: those of an accelerated back end go into the lanes of its generators.

use super::f9::{BitString, HashKey};
use super::{CipherJob, Engine, MacJob, Nea1, Nia1, Stages, f8_iv, f9_iv};
use crate::cipher::Mac32;
use crate::simd::features::{Avx2, Avx512};
use crate::simd::snow3g::{avx2, avx512};
use crate::wipe::Wiped;

/// From so many messages on the lanes are quicker than one message after the other.
const FEWEST: usize = 3;

/// The most lanes of any back end.
const MOST: usize = avx512::LANES;

/// The first five words of some keystreams.
type FiveWords = Wiped<[u32; 5], MOST>;

/// Ciphers all messages.
pub(super) fn apply(jobs: &mut [CipherJob<'_, Nea1>]) {
    let mut on_avx512 = in_lanes::<Avx512>(jobs);
    let mut on_avx2 = in_lanes::<Avx2>(jobs);
    for job in jobs {
        let done = match job.cipher.0.engine {
            _ if job.message.is_empty() => continue,
            Engine::Portable => &mut 0,
            Engine::Avx2(_) => &mut on_avx2,
            Engine::Avx512(_) => &mut on_avx512,
        };
        if *done > 0 {
            *done -= 1;
        } else {
            job.cipher.apply(&job.input, job.message);
        }
    }
}

/// Ciphers the first messages of one back end, as many as it gives.
fn in_lanes<B: Lanes>(jobs: &mut [CipherJob<'_, Nea1>]) -> usize {
    let proof = |job: &CipherJob<'_, Nea1>| B::of(job.cipher.0.engine).filter(|_| !job.message.is_empty());
    let number = jobs.iter().filter_map(proof).count();
    // The last few would have the lanes for themselves.
    let alone = Some(number % B::LANES).filter(|rest| *rest < FEWEST).unwrap_or(0);
    if let Some(found) = jobs.iter().find_map(proof) {
        let messages = jobs.iter_mut().filter(|job| proof(job).is_some());
        let messages = messages.map(|job| (job.cipher.0.stages(f8_iv(&job.input)), &mut *job.message));
        found.apply(messages.take(number - alone));
    }
    number - alone
}

/// Computes all codes.
pub(super) fn mac(jobs: &mut [MacJob<'_, Nia1>]) {
    on::<Avx512>(jobs);
    on::<Avx2>(jobs);
    for job in jobs {
        if let Engine::Portable = job.algorithm.0.engine {
            job.mac = job.algorithm.mac(&job.input, job.message);
        }
    }
}

/// Computes the codes of one back end: the lanes give the keys of the hashes.
fn on<B: Lanes>(jobs: &mut [MacJob<'_, Nia1>]) {
    let mut jobs = jobs.iter_mut().filter(|job| B::of(job.algorithm.0.engine).is_some());
    loop {
        let mut group = [const { None }; MOST];
        let group = &mut group[..B::LANES];
        for (place, job) in group.iter_mut().zip(&mut jobs) {
            *place = Some(job);
        }
        let number = group.iter().flatten().count();
        let proof = group.iter().flatten().find_map(|job| B::of(job.algorithm.0.engine));
        match proof.filter(|_| number >= FEWEST) {
            Some(proof) => {
                let stages = |job: &&mut MacJob<'_, Nia1>| job.algorithm.0.stages(f9_iv(&(&job.input).into()));
                let words = proof.five_words(group.iter().flatten().map(stages));
                for (job, words) in group.iter_mut().flatten().zip(&words.0) {
                    let mac = proof.mac(&HashKey::new(words), BitString::whole(job.message));
                    job.mac = Mac32::from_octets(mac.to_be_bytes());
                }
            }
            None => {
                for job in group.iter_mut().flatten() {
                    job.mac = job.algorithm.mac(&job.input, job.message);
                }
            }
        }
        if number < B::LANES {
            return;
        }
    }
}

/// A back end with lanes.
trait Lanes: Copy {
    /// How many messages are side by side.
    const LANES: usize;

    /// The proof that there are such lanes.
    fn of(engine: Engine) -> Option<Self>;

    /// Adds to each message the keystream that starts from its stages.
    fn apply<'m>(self, messages: impl Iterator<Item = (Stages, &'m mut [u8])>);

    /// The first five words of at most as many keystreams as there are lanes.
    fn five_words(self, stages: impl Iterator<Item = Stages>) -> FiveWords;

    /// MAC-I of a message.
    fn mac(self, key: &HashKey, message: BitString<'_>) -> u32;
}

/// What goes into all lanes.
fn filled<const LANES: usize>(stages: impl Iterator<Item = Stages>) -> [Stages; LANES] {
    let mut all = [const { Wiped([0; 16]) }; LANES];
    for (place, stages) in all.iter_mut().zip(stages) {
        *place = stages;
    }
    all
}

impl Lanes for Avx512 {
    const LANES: usize = avx512::LANES;

    fn of(engine: Engine) -> Option<Self> {
        engine.avx512()
    }

    fn apply<'m>(self, messages: impl Iterator<Item = (Stages, &'m mut [u8])>) {
        avx512::apply_lanes(self, messages);
    }

    fn five_words(self, stages: impl Iterator<Item = Stages>) -> FiveWords {
        avx512::five_words_of_lanes(self, &filled(stages))
    }

    fn mac(self, key: &HashKey, message: BitString<'_>) -> u32 {
        avx512::mac(self, key, message)
    }
}

impl Lanes for Avx2 {
    const LANES: usize = avx2::LANES;

    fn of(engine: Engine) -> Option<Self> {
        engine.avx2()
    }

    fn apply<'m>(self, messages: impl Iterator<Item = (Stages, &'m mut [u8])>) {
        avx2::apply_lanes(self, messages);
    }

    fn five_words(self, stages: impl Iterator<Item = Stages>) -> FiveWords {
        let words = avx2::five_words_of_lanes(self, &filled(stages));
        let mut all = Wiped([[0; 5]; MOST]);
        all.0[..Self::LANES].copy_from_slice(&words.0);
        all
    }

    fn mac(self, key: &HashKey, message: BitString<'_>) -> u32 {
        avx2::mac(self, key, message)
    }
}
