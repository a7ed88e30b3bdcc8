//! 128-NEA2 (TS 33.401 B.1.3).

use super::header;
use crate::block_cipher::Aes128;
use crate::cipher::engine::Engine;
use crate::cipher::{self, BackEnd, BackEndNotAvailable, BitsBeyondMessage, CipherJob, Key128, MessageInput};
#[cfg(x86_back_ends)]
use crate::simd::aes::ctr::{self as aes_ctr, CounterBlock};

/// 128-NEA2, 128-EEA2: AES-128 in counter mode with one key (TS 33.401 B.1.3). Wiped on drop.
///
/// Ciphering and deciphering are the same.
#[derive(Clone)]
pub struct Nea2 {
    cipher: Aes128,
    engine: Engine,
}

impl Nea2 {
    /// Computes the key schedule for the fastest back end of this processor.
    pub fn new(key: &Key128) -> Self {
        let engine = Engine::fastest();
        Aes128::within(key.secret_octets(), |cipher| Self { cipher, engine })
    }

    /// Computes the key schedule for one back end.
    ///
    /// # Errors
    ///
    /// When this processor lacks the instructions of the back end.
    pub fn with_back_end(key: &Key128, back_end: BackEnd) -> Result<Self, BackEndNotAvailable> {
        Aes128::with_back_end(key.secret_octets(), back_end).map(|(cipher, engine)| Self { cipher, engine })
    }

    /// Which back end computes.
    pub fn back_end(&self) -> BackEnd {
        self.cipher.back_end(self.engine)
    }

    /// Ciphers or deciphers whole octets in place.
    #[inline]
    pub fn apply(&self, input: &MessageInput, message: &mut [u8]) {
        let header = header(input);
        match &self.cipher {
            #[cfg(x86_back_ends)]
            Aes128::Instructions(cipher) => {
                aes_ctr::apply(cipher, self.engine, CounterBlock::from_zero(header), message);
            }
            Aes128::Portable(cipher) => cipher.apply_ctr(&u128::from(header).to_le_bytes(), message),
        }
    }

    /// Ciphers or deciphers the first `bits` bits in place.
    ///
    /// Within the octet of the last bit, the bits after it become 0; the octets after that one stay.
    ///
    /// # Errors
    ///
    /// When the message has fewer bits; then nothing is changed.
    pub fn apply_bits(&self, input: &MessageInput, message: &mut [u8], bits: usize) -> Result<(), BitsBeyondMessage> {
        cipher::apply_bits(message, bits, |message| self.apply(input, message))
    }

    /// Ciphers or deciphers the message of each job in place; any keys, any lengths.
    pub fn apply_batch(jobs: &mut [CipherJob<'_, Self>]) {
        for job in jobs {
            job.cipher.apply(&job.input, job.message);
        }
    }
}

impl core::fmt::Debug for Nea2 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("128-NEA2(…)")
    }
}
