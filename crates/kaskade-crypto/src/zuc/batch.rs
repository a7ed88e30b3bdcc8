//! Batches: messages of like length side by side in the lanes of the accelerated back end.

use core::cmp::Reverse;

use super::{Engine, Nea3, Nia3, cipher_iv, integrity_iv};
use crate::cipher::{CipherJob, Mac32, MacJob};
use crate::simd::avx512::zuc::{self as avx512, CipherLane, FEW, IntegrityLane, LANES};
use crate::simd::features::Avx512;

/// Jobs that are sorted by length together.
const SORTED: usize = 4 * LANES;

pub(super) fn cipher(jobs: &mut [CipherJob<'_, Nea3>]) {
    in_groups(
        jobs,
        |job| (job.cipher.engine, job.message.len()),
        |job| job.cipher.apply(&job.input, job.message),
        |features, group| {
            let mut group = group.iter_mut().flatten();
            let mut lanes: [_; LANES] = core::array::from_fn(|_| match group.next() {
                Some(job) => CipherLane {
                    key: job.cipher.key.secret_octets(),
                    iv: cipher_iv(&job.input),
                    message: &mut *job.message,
                },
                None => CipherLane {
                    key: &[0; 16],
                    iv: [0; 16],
                    message: &mut [],
                },
            });
            avx512::cipher(features, &mut lanes);
        },
    );
}

pub(super) fn integrity(jobs: &mut [MacJob<'_, Nia3>]) {
    in_groups(
        jobs,
        |job| (job.algorithm.engine, job.message.len()),
        |job| job.mac = job.algorithm.mac(&job.input, job.message),
        |features, group| {
            let lanes: [_; LANES] = core::array::from_fn(|i| match group.get(i) {
                Some(Some(job)) => IntegrityLane {
                    key: job.algorithm.key.secret_octets(),
                    iv: integrity_iv(&job.input),
                    message: job.message,
                },
                _ => IntegrityLane {
                    key: &[0; 16],
                    iv: [0; 16],
                    message: &[],
                },
            });
            let sums = avx512::integrity(features, &lanes);
            for (job, sum) in group.iter_mut().flatten().zip(sums) {
                job.mac = Mac32::from_octets(sum.to_be_bytes());
            }
        },
    );
}

/// Those of the portable engine, and those that would be too few together, `alone`; the others `together`, at most
/// [`LANES`] at a time, sorted by length so that lanes end at about the same time.
#[inline(always)]
fn in_groups<J>(
    jobs: &mut [J],
    engine_and_length: impl Fn(&J) -> (Engine, usize),
    alone: impl Fn(&mut J),
    together: impl Fn(Avx512, &mut [Option<&mut J>]),
) {
    for jobs in jobs.chunks_mut(SORTED) {
        let mut accelerated = [const { None }; SORTED];
        let (mut count, mut found) = (0, None);
        for job in jobs {
            match engine_and_length(job).0 {
                Engine::Portable | Engine::Avx2(_) => alone(job),
                Engine::Avx512(features) => {
                    found = Some(features);
                    accelerated[count] = Some(job);
                    count += 1;
                }
            }
        }
        let Some(features) = found else { continue };
        let accelerated = &mut accelerated[..count];
        accelerated.sort_unstable_by_key(|job| Reverse(job.as_deref().map(|job| engine_and_length(job).1)));
        for group in accelerated.chunks_mut(LANES) {
            if group.len() <= FEW {
                group.iter_mut().flatten().for_each(|job| alone(job));
            } else {
                together(features, group);
            }
        }
    }
}
