//! 128-NIA2 (TS 33.401 B.2.3).

use super::cmac::{self, Blocks, Subkeys, truncated};
use super::header;
use crate::block_cipher::Aes128;
use crate::cipher::engine::Engine;
use crate::cipher::{
    BackEnd, BackEndNotAvailable, BitsBeyondMessage, Key128, Mac32, MacJob, MacMismatch, MessageInput, check_bits,
};
#[cfg(x86_back_ends)]
use crate::simd::aes::cmac as instructions;

/// 128-NIA2, 128-EIA2: AES-CMAC with one key (TS 33.401 B.2.3). Wiped on drop.
#[derive(Clone)]
pub struct Nia2 {
    cipher: Aes128,
    engine: Engine,
    subkeys: Subkeys,
}

impl Nia2 {
    /// Computes the key schedule and the subkeys of CMAC for the fastest back end of this processor.
    pub fn new(key: &Key128) -> Self {
        Self::from_cipher((Aes128::new(key.secret_octets()), Engine::fastest()))
    }

    /// Computes the key schedule and the subkeys of CMAC for one back end.
    ///
    /// # Errors
    ///
    /// When this processor lacks the instructions of the back end.
    pub fn with_back_end(key: &Key128, back_end: BackEnd) -> Result<Self, BackEndNotAvailable> {
        Aes128::with_back_end(key.secret_octets(), back_end).map(Self::from_cipher)
    }

    fn from_cipher((cipher, engine): (Aes128, Engine)) -> Self {
        Self {
            subkeys: cmac::subkeys(&cipher),
            cipher,
            engine,
        }
    }

    /// Which back end computes.
    pub fn back_end(&self) -> BackEnd {
        self.cipher.back_end(self.engine)
    }

    /// The code of whole octets.
    #[inline]
    pub fn mac(&self, input: &MessageInput, message: &[u8]) -> Mac32 {
        self.mac_of(Blocks::new(header(input), message, 0, &self.subkeys))
    }

    /// The code of the first `bits` bits of a message.
    ///
    /// # Errors
    ///
    /// When the message has fewer bits.
    pub fn mac_bits(&self, input: &MessageInput, message: &[u8], bits: usize) -> Result<Mac32, BitsBeyondMessage> {
        check_bits(bits, message.len())?;
        let (message, _) = message.split_at(bits.div_ceil(8));
        let unused = bits.wrapping_neg() % 8;
        Ok(self.mac_of(Blocks::new(header(input), message, unused, &self.subkeys)))
    }

    /// Compares the code of whole octets with the one received, in constant time.
    ///
    /// # Errors
    ///
    /// When the codes differ.
    pub fn verify(&self, input: &MessageInput, message: &[u8], mac: &Mac32) -> Result<(), MacMismatch> {
        self.mac(input, message).check(mac)
    }

    /// Writes the code of each job; any keys, any lengths.
    pub fn mac_batch(jobs: &mut [MacJob<'_, Self>]) {
        #[cfg(x86_back_ends)]
        if let Some(engine) = jobs.first().map(|job| job.algorithm.engine) {
            let same = |job: &MacJob<'_, Self>| job.algorithm.engine.back_end() == engine.back_end();
            if jobs.iter().all(same) {
                SideBySide::run(engine, jobs);
            } else {
                let engines = BackEnd::ALL
                    .into_iter()
                    .filter_map(|back_end| Engine::of(back_end).ok());
                engines.for_each(|engine| SideBySide::run(engine, jobs));
            }
        }
        #[cfg(not(x86_back_ends))]
        jobs.iter_mut().for_each(alone);
    }

    #[inline(always)]
    fn mac_of(&self, blocks: Blocks<'_>) -> Mac32 {
        truncated(blocks.mac(&self.cipher))
    }
}

/// The jobs of one engine that run side by side; those of the portable back end are done on the way.
#[cfg(x86_back_ends)]
struct SideBySide<'j, 'a> {
    jobs: core::slice::IterMut<'j, MacJob<'a, Nia2>>,
    engine: BackEnd,
}

#[cfg(x86_back_ends)]
impl<'j, 'a> SideBySide<'j, 'a> {
    /// Writes the code of each job of this engine.
    fn run(engine: Engine, jobs: &'j mut [MacJob<'a, Nia2>]) {
        let jobs = Self {
            jobs: jobs.iter_mut(),
            engine: engine.back_end(),
        };
        instructions::mac_batch(engine, jobs);
    }
}

#[cfg(x86_back_ends)]
impl<'j> Iterator for SideBySide<'j, '_> {
    type Item = instructions::Job<'j>;

    // Part of the loop that runs the lanes: a job that went through memory would be waited for.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let job = self.jobs.next()?;
            let Nia2 {
                cipher,
                engine,
                subkeys,
            } = job.algorithm;
            if engine.back_end() != self.engine {
                continue;
            }
            let Aes128::Instructions(cipher) = cipher else {
                alone(job);
                continue;
            };
            return Some(instructions::Job {
                cipher,
                blocks: Blocks::new(header(&job.input), job.message, 0, subkeys),
                mac: &mut job.mac,
            });
        }
    }
}

fn alone(job: &mut MacJob<'_, Nia2>) {
    job.mac = job.algorithm.mac(&job.input, job.message);
}

impl core::fmt::Debug for Nia2 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("128-NIA2(…)")
    }
}
