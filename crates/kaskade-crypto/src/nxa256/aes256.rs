//! The keystream of AES-256 in counter mode: 256-NEA5, 256-NIA5, 256-NCA5 (TS 35.243).
//!
//! A counter block is octets 0 to 11 of the IV and a counter from 0, big-endian.

use aes::Aes256Enc;
use ctr::Ctr32BE;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};

use super::frame::{Generator, Stream};
use super::input::Iv256;
use crate::cipher::Key256;
use crate::cipher::engine::Engine;
#[cfg(x86_back_ends)]
use crate::simd::aes::ctr::{self as aes_ctr, CounterBlock};
#[cfg(x86_back_ends)]
use crate::simd::aes::ni::{AES_256, AesNi};

/// Bit 0 of octet 0, which the counter blocks of H, Q and P have set.
const MAC_KEY_BIT: u8 = 1;

/// AES-256 under a key: its key schedule, wiped on drop.
#[derive(Clone)]
pub(super) struct Aes256 {
    schedule: Schedule,
    engine: Engine,
}

#[derive(Clone)]
enum Schedule {
    /// The `aes` crate, which has its own choice: instructions of other processors, or constant-time software.
    Portable(Aes256Enc),
    #[cfg(x86_back_ends)]
    Instructions(AesNi<AES_256>, Engine),
}

impl Schedule {
    fn new(key: &Key256, engine: Engine) -> Self {
        let portable = || Self::Portable(Aes256Enc::new(key.secret_octets().into()));
        match engine {
            Engine::Portable => portable(),
            #[cfg(x86_back_ends)]
            Engine::Avx2(_) | Engine::Avx512(_) => {
                let cipher = AesNi::aes_256(key.secret_octets());
                cipher.map_or_else(portable, |cipher| Self::Instructions(cipher, engine))
            }
        }
    }
}

impl Generator for Aes256 {
    type Stream<'a> = Keystream<'a>;

    fn new(key: &Key256, engine: Engine) -> Self {
        Self {
            schedule: Schedule::new(key, engine),
            engine,
        }
    }

    fn engine(&self) -> Engine {
        self.engine
    }

    fn stream(&self, iv: &[u8; 16]) -> Keystream<'_> {
        Keystream {
            schedule: &self.schedule,
            block: *iv,
        }
    }

    fn mac_iv(iv: &Iv256) -> [u8; 16] {
        let mut octets = *iv.octets();
        octets[0] |= MAC_KEY_BIT;
        octets
    }

    fn after_mac_key<'a>(&'a self, iv: &Iv256, _: Keystream<'a>) -> Keystream<'a> {
        self.stream(iv.octets())
    }
}

/// A keystream, which is asked for at once.
pub(super) struct Keystream<'a> {
    schedule: &'a Schedule,
    /// The counter block that is first, with a counter of zero.
    block: [u8; 16],
}

impl Stream for Keystream<'_> {
    fn apply(&mut self, message: &mut [u8]) {
        match self.schedule {
            Schedule::Portable(cipher) => {
                let mut ctr: Ctr32BE<&Aes256Enc> =
                    StreamCipherCoreWrapper::from_core(InnerIvInit::inner_iv_init(cipher, &self.block.into()));
                ctr.unchecked_apply_keystream(message);
            }
            #[cfg(x86_back_ends)]
            Schedule::Instructions(cipher, engine) => {
                aes_ctr::apply(cipher, *engine, CounterBlock::from_octets(&self.block), message);
            }
        }
    }
}
