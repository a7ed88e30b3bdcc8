//! The keystream of ZUC-256: 256-NEA6, 256-NIA6, 256-NCA6 (TS 35.246).

#[cfg(x86_back_ends)]
use super::frame::Job;
use super::frame::{Generator, Stream};
use crate::cipher::Key256;
use crate::cipher::engine::Engine;
#[cfg(x86_back_ends)]
use crate::simd::zuc::{avx2, avx512};
use crate::zuc;
#[cfg(x86_back_ends)]
use crate::zuc::lane::CipherLane;

/// ZUC-256 under a key.
#[derive(Clone)]
pub(super) struct Zuc256 {
    key: Key256,
    engine: Engine,
}

impl Generator for Zuc256 {
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
        let key = self.key.secret_octets();
        match self.engine {
            Engine::Portable => Keystream::Portable(zuc::Keystream::zuc256(key, iv)),
            #[cfg(x86_back_ends)]
            Engine::Avx2(features) => Keystream::Avx2(avx2::Keystream::zuc256(features, key, iv)),
            #[cfg(x86_back_ends)]
            Engine::Avx512(features) => Keystream::Avx512(avx512::Keystream::zuc256(features, key, iv)),
        }
    }

    #[cfg(x86_back_ends)]
    fn apply_batch<'a>(mut jobs: impl Iterator<Item = Job<'a, Self>>) {
        loop {
            let mut group: [_; avx512::LANES] = core::array::from_fn(|_| jobs.next());
            let count = group.iter().flatten().count();
            let engines = || group.iter().flatten().map(|job| job.generator.engine);
            if let Some(features) = Engine::all_avx512(engines())
                && count > avx512::FEW
            {
                avx512::cipher_256(features, &mut lanes(&mut group));
            } else if let Some(features) = Engine::all_avx2(engines()) {
                for group in group[..count].chunks_mut(avx2::LANES) {
                    if group.len() > avx2::FEW {
                        avx2::cipher_256(features, &mut lanes(group));
                    } else {
                        group.iter_mut().filter_map(Option::take).for_each(Job::apply);
                    }
                }
            } else {
                group.into_iter().flatten().for_each(Job::apply);
            }
            if count < avx512::LANES {
                return;
            }
        }
    }
}

#[cfg(x86_back_ends)]
fn lanes<'a, const LANES: usize>(group: &'a mut [Option<Job<'_, Zuc256>>]) -> [CipherLane<'a, 32>; LANES] {
    let mut jobs = group.iter_mut().flatten();
    core::array::from_fn(|_| {
        jobs.next().map_or_else(CipherLane::unused, |job| CipherLane {
            key: job.generator.key.secret_octets(),
            iv: job.iv,
            message: &mut *job.message,
        })
    })
}

/// The keystream of one message.
pub(super) enum Keystream {
    Portable(zuc::Keystream),
    #[cfg(x86_back_ends)]
    Avx2(avx2::Keystream),
    #[cfg(x86_back_ends)]
    Avx512(avx512::Keystream),
}

impl Stream for Keystream {
    fn apply(&mut self, message: &mut [u8]) {
        match self {
            Self::Portable(keystream) => keystream.add_to(message),
            #[cfg(x86_back_ends)]
            Self::Avx2(keystream) => keystream.add_to(message),
            #[cfg(x86_back_ends)]
            Self::Avx512(keystream) => keystream.add_to(message),
        }
    }
}
