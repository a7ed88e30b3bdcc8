//! 128-NEA3 and 128-NIA3, known as EEA3 and EIA3 in 4G: ciphering and integrity on ZUC (TS 35.221, 35.222).
//!
//! The keystream generator is here as well for ZUC-256, on which the 256-bit algorithms 6 stand (TS 35.246).

#[cfg(x86_back_ends)]
mod batch;
pub(crate) mod integrity;
pub(crate) mod keystream;
#[cfg(x86_back_ends)]
pub(crate) mod lane;
mod sbox;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use core::fmt;

use crate::cipher::engine::Engine;
use crate::cipher::{
    self, BackEnd, BackEndNotAvailable, BitsBeyondMessage, CipherJob, Key128, Mac32, MacJob, MacMismatch, MessageInput,
    check_bits,
};
#[cfg(x86_back_ends)]
use crate::simd::zuc::{avx2, avx512};
use crate::wipe::Wiped;

pub(crate) use keystream::Keystream;

/// 128-NEA3 under one key: ciphers and deciphers, which are the same (TS 35.221 3).
pub struct Nea3 {
    key: Key128,
    engine: Engine,
}

/// 128-NIA3 under one key: message authentication codes of 4 octets (TS 35.221 4).
pub struct Nia3 {
    key: Key128,
    engine: Engine,
}

/// Under a key, for a back end.
macro_rules! keyed {
    ($($Name:ident = $label:literal)*) => {$(
        impl $Name {
            /// Takes the key, for the fastest back end of this processor.
            pub fn new(key: &Key128) -> Self {
                Self {
                    key: key.clone(),
                    engine: Engine::fastest(),
                }
            }

            /// Takes the key, for one back end.
            ///
            /// # Errors
            /// [`BackEndNotAvailable`] if the processor lacks the instructions.
            pub fn with_back_end(key: &Key128, back_end: BackEnd) -> Result<Self, BackEndNotAvailable> {
                Ok(Self {
                    key: key.clone(),
                    engine: Engine::of(back_end)?,
                })
            }

            /// Which back end computes.
            pub fn back_end(&self) -> BackEnd {
                self.engine.back_end()
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($label, "(…)"))
            }
        }
    )*};
}

keyed! {
    Nea3 = "128-NEA3"
    Nia3 = "128-NIA3"
}

impl Nea3 {
    /// Ciphers or deciphers whole octets in place.
    pub fn apply(&self, input: &MessageInput, message: &mut [u8]) {
        let (key, iv) = (self.key.secret_octets(), &cipher_iv(input));
        match self.engine {
            Engine::Portable => Keystream::zuc128(key, iv).add_to(message),
            #[cfg(x86_back_ends)]
            Engine::Avx2(features) => avx2::Keystream::zuc128(features, key, iv).add_to(message),
            #[cfg(x86_back_ends)]
            Engine::Avx512(features) => avx512::Keystream::zuc128(features, key, iv).add_to(message),
        }
    }

    /// Ciphers or deciphers the first `bits` in place, the most significant bit of an octet first. The bits after them
    /// in their last octet become 0, and the octets after that one stay.
    ///
    /// # Errors
    /// [`BitsBeyondMessage`] if the message is shorter; it is then as before.
    pub fn apply_bits(&self, input: &MessageInput, message: &mut [u8], bits: usize) -> Result<(), BitsBeyondMessage> {
        cipher::apply_bits(message, bits, |message| self.apply(input, message))
    }

    /// Does many messages, faster than one by one; their keys and lengths may differ.
    pub fn apply_batch(jobs: &mut [CipherJob<'_, Self>]) {
        #[cfg(x86_back_ends)]
        batch::cipher(jobs);
        #[cfg(not(x86_back_ends))]
        for job in jobs {
            job.cipher.apply(&job.input, job.message);
        }
    }
}

impl Nia3 {
    /// The code of whole octets.
    pub fn mac(&self, input: &MessageInput, message: &[u8]) -> Mac32 {
        self.mac_of_bits(input, message, 8 * message.len())
    }

    /// The code of the first `bits`, the most significant bit of an octet first. What follows them has no influence.
    ///
    /// # Errors
    /// [`BitsBeyondMessage`] if the message is shorter.
    pub fn mac_bits(&self, input: &MessageInput, message: &[u8], bits: usize) -> Result<Mac32, BitsBeyondMessage> {
        check_bits(bits, message.len())?;
        Ok(self.mac_of_bits(input, message, bits))
    }

    /// Compares the code of whole octets, in constant time.
    ///
    /// # Errors
    /// [`MacMismatch`] if it is another one.
    pub fn verify(&self, input: &MessageInput, message: &[u8], mac: &Mac32) -> Result<(), MacMismatch> {
        self.mac(input, message).check(mac)
    }

    /// Does many messages, faster than one by one; their keys and lengths may differ.
    pub fn mac_batch(jobs: &mut [MacJob<'_, Self>]) {
        #[cfg(x86_back_ends)]
        batch::integrity(jobs);
        #[cfg(not(x86_back_ends))]
        for job in jobs {
            job.mac = job.algorithm.mac(&job.input, job.message);
        }
    }

    fn mac_of_bits(&self, input: &MessageInput, message: &[u8], bits: usize) -> Mac32 {
        let (key, iv) = (self.key.secret_octets(), &integrity_iv(input));
        let sum = match self.engine {
            Engine::Portable => integrity::sum(&mut Keystream::zuc128(key, iv), &mut Wiped([0]), message, bits),
            #[cfg(x86_back_ends)]
            Engine::Avx2(features) => avx2::Keystream::zuc128(features, key, iv).integrity(message, bits),
            #[cfg(x86_back_ends)]
            Engine::Avx512(features) => avx512::Keystream::zuc128(features, key, iv).integrity(message, bits),
        };
        Mac32::from_octets(sum.to_be_bytes())
    }
}

/// The IV of 128-EEA3 (TS 35.221 3.3): the same half twice.
fn cipher_iv(input: &MessageInput) -> [u8; 16] {
    let [a, b, c, d] = input.count.to_be_bytes();
    let e = input.bearer.value() << 3 | input.direction.bit() << 2;
    [a, b, c, d, e, 0, 0, 0, a, b, c, d, e, 0, 0, 0]
}

/// The IV of 128-EIA3 (TS 35.221 4.3): the same half twice, with DIRECTION in two places of the second.
fn integrity_iv(input: &MessageInput) -> [u8; 16] {
    let [a, b, c, d] = input.count.to_be_bytes();
    let e = input.bearer.value() << 3;
    let direction = input.direction.bit() << 7;
    [a, b, c, d, e, 0, 0, 0, a ^ direction, b, c, d, e, 0, direction, 0]
}
