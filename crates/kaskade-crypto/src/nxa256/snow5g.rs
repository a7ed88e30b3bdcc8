//! The keystream of SNOW 5G: 256-NEA4, 256-NIA4, 256-NCA4 (TS 35.240).

pub(crate) mod state;

#[cfg(x86_back_ends)]
use super::frame::Job;
use super::frame::{Generator, Stream};
use crate::cipher::Key256;
use crate::cipher::engine::Engine;
#[cfg(x86_back_ends)]
use crate::simd::snow5g::{avx2, avx512};
use state::State;

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
            Engine::Avx2(avx2) => avx2::initialise(avx2, &mut stream.state),
            #[cfg(x86_back_ends)]
            Engine::Avx512(avx512) => avx512::initialise(avx512, &mut stream.state),
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
            avx512::apply_four(avx512, &mut states, jobs.map(|job| job.message));
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
            avx2::apply_two(avx2, &mut states, jobs.map(|job| job.message));
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
            Engine::Avx2(avx2) => avx2::apply(avx2, &mut self.state, message),
            #[cfg(x86_back_ends)]
            Engine::Avx512(avx512) => avx512::apply(avx512, &mut self.state, message),
        }
    }
}
