//! Many messages at once: those of the accelerated back end go into the lanes of its generators, sixteen at a time.

use super::f9::{BitString, HashKey};
use super::{CipherJob, Engine, MacJob, Nea1, Nia1, f8_iv, f9_iv};
use crate::cipher::Mac32;
use crate::simd::avx512::snow3g_hash;
use crate::simd::avx512::snow3g_lanes::{self, LANES};
use crate::simd::features::Avx512;
use crate::wipe::Wiped;

/// From so many messages on the lanes are quicker than one message after the other.
const FEWEST: usize = 3;

/// Ciphers all messages.
pub(super) fn apply(jobs: &mut [CipherJob<'_, Nea1>]) {
    let can_be_in_lanes = |job: &CipherJob<'_, Nea1>| proof(job.cipher.0.engine).filter(|_| !job.message.is_empty());
    let number = jobs.iter().filter_map(can_be_in_lanes).count();
    // The last few would have the lanes for themselves.
    let alone = Some(number % LANES).filter(|rest| *rest < FEWEST).unwrap_or(0);
    let mut in_lanes = number - alone;
    if let Some(proof) = jobs.iter().find_map(can_be_in_lanes) {
        let messages = jobs.iter_mut().filter(|job| can_be_in_lanes(job).is_some());
        let messages = messages.map(|job| (job.cipher.0.stages(f8_iv(&job.input)), &mut *job.message));
        snow3g_lanes::apply(proof, messages.take(in_lanes));
    }
    for job in jobs {
        if can_be_in_lanes(job).is_some() && in_lanes > 0 {
            in_lanes -= 1;
        } else {
            job.cipher.apply(&job.input, job.message);
        }
    }
}

/// Computes all codes: the lanes give the keys of the hashes.
pub(super) fn mac(jobs: &mut [MacJob<'_, Nia1>]) {
    let can_be_in_lanes = |job: &MacJob<'_, Nia1>| proof(job.algorithm.0.engine);
    for group in jobs.chunks_mut(LANES) {
        let number = group.iter().filter_map(can_be_in_lanes).count();
        let proof = group.iter().find_map(can_be_in_lanes).filter(|_| number >= FEWEST);
        let words = proof.map(|proof| {
            let mut stages = [const { Wiped([0; 16]) }; LANES];
            for (stages, job) in stages.iter_mut().zip(&*group) {
                *stages = job.algorithm.0.stages(f9_iv(&(&job.input).into()));
            }
            (proof, snow3g_lanes::five_words(proof, &stages))
        });
        for (number, job) in group.iter_mut().enumerate() {
            job.mac = match &words {
                Some((proof, words)) if can_be_in_lanes(job).is_some() => {
                    let key = HashKey::new(&words.0[number]);
                    let mac = snow3g_hash::mac(*proof, &key, BitString::whole(job.message));
                    Mac32::from_octets(mac.to_be_bytes())
                }
                _ => job.algorithm.mac(&job.input, job.message),
            };
        }
    }
}

fn proof(engine: Engine) -> Option<Avx512> {
    match engine {
        Engine::Portable | Engine::Avx2(_) => None,
        Engine::Avx512(proof) => Some(proof),
    }
}
