//! Batches: messages of like length side by side in the lanes of the accelerated back ends.

use core::cmp::Reverse;

use super::lane::{CipherLane, IntegrityLane};
use super::{Engine, Nea3, Nia3, cipher_iv, integrity_iv};
use crate::cipher::{CipherJob, Mac32, MacJob};
use crate::simd::zuc::{avx2, avx512};

/// Jobs that are sorted by length together.
const SORTED: usize = 4 * avx512::LANES;

pub(super) fn cipher(jobs: &mut [CipherJob<'_, Nea3>]) {
    in_groups(
        jobs,
        |job| (job.cipher.engine, job.message.len()),
        |job| job.cipher.apply(&job.input, job.message),
        |engine, group| match engine {
            Engine::Portable => {}
            Engine::Avx2(features) => avx2::cipher(features, &mut cipher_lanes(group)),
            Engine::Avx512(features) => avx512::cipher(features, &mut cipher_lanes(group)),
        },
    );
}

pub(super) fn integrity(jobs: &mut [MacJob<'_, Nia3>]) {
    in_groups(
        jobs,
        |job| (job.algorithm.engine, job.message.len()),
        |job| job.mac = job.algorithm.mac(&job.input, job.message),
        |engine, group| match engine {
            Engine::Portable => {}
            Engine::Avx2(features) => set_macs(group, avx2::integrity(features, &integrity_lanes(group))),
            Engine::Avx512(features) => set_macs(group, avx512::integrity(features, &integrity_lanes(group))),
        },
    );
}

fn cipher_lanes<'a, const LANES: usize>(
    group: &'a mut [Option<&mut CipherJob<'_, Nea3>>],
) -> [CipherLane<'a, 16>; LANES] {
    let mut jobs = group.iter_mut().flatten();
    core::array::from_fn(|_| {
        jobs.next().map_or_else(CipherLane::unused, |job| CipherLane {
            key: job.cipher.key.secret_octets(),
            iv: cipher_iv(&job.input),
            message: &mut *job.message,
        })
    })
}

fn integrity_lanes<'a, const LANES: usize>(group: &[Option<&mut MacJob<'a, Nia3>>]) -> [IntegrityLane<'a>; LANES] {
    let mut jobs = group.iter().flatten();
    core::array::from_fn(|_| {
        jobs.next().map_or_else(IntegrityLane::unused, |job| IntegrityLane {
            key: job.algorithm.key.secret_octets(),
            iv: integrity_iv(&job.input),
            message: job.message,
        })
    })
}

fn set_macs<const LANES: usize>(group: &mut [Option<&mut MacJob<'_, Nia3>>], sums: [u32; LANES]) {
    for (job, sum) in group.iter_mut().flatten().zip(sums) {
        job.mac = Mac32::from_octets(sum.to_be_bytes());
    }
}

/// Those of the portable engine, and those that would be too few together, `alone`; the others `together`, as many at a
/// time as their engine has lanes, sorted by length so that lanes end at about the same time.
#[inline(always)]
fn in_groups<J>(
    jobs: &mut [J],
    engine_and_length: impl Fn(&J) -> (Engine, usize),
    alone: impl Fn(&mut J),
    together: impl Fn(Engine, &mut [Option<&mut J>]),
) {
    let engine_and_length = |job: &Option<&mut J>| job.as_deref().map(&engine_and_length);
    // Lanes, and how many messages are too few for them.
    let lanes = |engine| match engine {
        Engine::Portable => (1, 1),
        Engine::Avx2(_) => (avx2::LANES, avx2::FEW),
        Engine::Avx512(_) => (avx512::LANES, avx512::FEW),
    };
    for jobs in jobs.chunks_mut(SORTED) {
        let mut sorted = [const { None }; SORTED];
        let sorted = &mut sorted[..jobs.len()];
        for (place, job) in sorted.iter_mut().zip(jobs) {
            *place = Some(job);
        }
        // Engines differ in their lanes.
        let most = |job: &Option<&mut J>| engine_and_length(job).map(|(engine, _)| lanes(engine).0);
        sorted.sort_unstable_by_key(|job| (most(job), Reverse(engine_and_length(job).map(|(_, length)| length))));
        for jobs in sorted.chunk_by_mut(|a, b| most(a) == most(b)) {
            let Some((engine, _)) = engine_and_length(&jobs[0]) else {
                continue;
            };
            let (most, few) = lanes(engine);
            for group in jobs.chunks_mut(most) {
                if group.len() <= few {
                    group.iter_mut().flatten().for_each(|job| alone(job));
                } else {
                    together(engine, group);
                }
            }
        }
    }
}
