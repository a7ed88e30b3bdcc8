//! SNOW 3G: 128-NEA1 and 128-NIA1, UEA2 and UIA2 (TS 35.215, 35.216).
//!
//! | Type | Algorithm | Its other names |
//! |---|---|---|
//! | [`Nea1`] | f8: ciphering by the keystream of SNOW 3G | 128-NEA1, 128-EEA1, [`Uea2`] |
//! | [`Nia1`] | f9: a MAC of 32 bits, a polynomial over GF(2^64) keyed by SNOW 3G | 128-NIA1, 128-EIA1 |
//! | [`Uia2`] | the same with FRESH in place of BEARER | UIA2 |
//!
//! Messages are strings of bits, most significant bit of an octet first; the functions without `_bits` take whole
//! octets. No table is read at a place that depends on a secret: the portable code computes the S-boxes, the
//! accelerated ones keep them in registers.
//!
//! ```
//! use kaskade_crypto::cipher::{Bearer, Direction, Key128, MessageInput};
//! use kaskade_crypto::snow3g::{Nea1, Nia1};
//!
//! let input = MessageInput {
//!     count: 7,
//!     bearer: Bearer::new(1).expect("below 32"),
//!     direction: Direction::Uplink,
//! };
//! let (cipher, integrity) = (Nea1::new(&Key128::from_octets(&[1; 16])), Nia1::new(&Key128::from_octets(&[2; 16])));
//! let mut message = *b"a message";
//! cipher.apply(&input, &mut message);
//! let mac = integrity.mac(&input, &message);
//!
//! integrity.verify(&input, &message, &mac).expect("the message that was protected");
//! cipher.apply(&input, &mut message);
//! assert_eq!(&message, b"a message");
//! ```

#[cfg(x86_back_ends)]
mod batch;
pub(crate) mod f9;
pub(crate) mod field;
#[cfg(x86_back_ends)]
pub(crate) mod places;
mod portable;
pub(crate) mod sboxes;
#[cfg(test)]
mod tests;

use core::fmt;

use zeroize::ZeroizeOnDrop;

use crate::cipher::engine::Engine;
use crate::cipher::{
    self, BackEnd, BackEndNotAvailable, BitsBeyondMessage, CipherJob, Direction, Key128, Mac32, MacJob, MacMismatch,
    MessageInput, check_bits,
};
#[cfg(x86_back_ends)]
use crate::simd;
use crate::wipe::Wiped;
use f9::{BitString, HashKey};
use portable::Generator;

/// The stages s0 to s15 of the LFSR.
type Stages = Wiped<u32, 16>;

/// The four words of an initialisation vector, IV0 first.
type Iv = [u32; 4];

/// 128-NEA1, in LTE 128-EEA1, in UMTS UEA2: f8 on SNOW 3G (TS 35.215 3, TS 33.501 D.2.1.2, TS 33.401 B.1.2).
///
/// Holds its key of 16 octets, which is wiped on drop.
#[derive(Clone)]
pub struct Nea1(Keyed);

/// UEA2: what 128-NEA1 was called first. COUNT-C, BEARER and DIRECTION are its inputs (TS 35.215 3).
pub type Uea2 = Nea1;

/// 128-NIA1, in LTE 128-EIA1: f9 on SNOW 3G with FRESH = BEARER ‖ 0^27 (TS 33.501 D.3.1.2, TS 33.401 B.2.2).
///
/// Holds its key of 16 octets, which is wiped on drop.
#[derive(Clone)]
pub struct Nia1(Keyed);

/// UIA2: f9 on SNOW 3G, with FRESH (TS 35.215 4).
///
/// Holds its key of 16 octets, which is wiped on drop.
#[derive(Clone)]
pub struct Uia2(Keyed);

/// What makes the protection of one message by [`Uia2`] its own (TS 35.215 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FreshInput {
    /// COUNT-I: 32 bits.
    pub count: u32,
    /// FRESH: 32 random bits of the network.
    pub fresh: u32,
    /// DIRECTION: 1 bit.
    pub direction: Direction,
}

impl From<&MessageInput> for FreshInput {
    /// FRESH is BEARER in its five most significant bits (TS 33.401 B.2.2).
    fn from(input: &MessageInput) -> Self {
        Self {
            count: input.count,
            fresh: u32::from(input.bearer.value()) << 27,
            direction: input.direction,
        }
    }
}

/// Computes on the fastest back end of this processor, and names what the three algorithms have in common.
macro_rules! keyed {
    ($($Name:ident = $label:literal)*) => {$(
        impl $Name {
            /// Takes the key, for the fastest back end of this processor.
            pub fn new(key: &Key128) -> Self {
                Self(Keyed::new(key, Engine::fastest()))
            }

            /// Takes the key, for one back end.
            ///
            /// # Errors
            /// [`BackEndNotAvailable`] if this processor has not the instructions.
            pub fn with_back_end(key: &Key128, back_end: BackEnd) -> Result<Self, BackEndNotAvailable> {
                Ok(Self(Keyed::new(key, Engine::of(back_end)?)))
            }

            /// The back end that computes.
            pub fn back_end(&self) -> BackEnd {
                self.0.engine.back_end()
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($label, "(…)"))
            }
        }

        impl ZeroizeOnDrop for $Name {}
    )*};
}

keyed! {
    Nea1 = "128-NEA1"
    Nia1 = "128-NIA1"
    Uia2 = "UIA2"
}

impl Nea1 {
    /// Ciphers or deciphers a message of whole octets, in place.
    pub fn apply(&self, input: &MessageInput, message: &mut [u8]) {
        self.0.apply(f8_iv(input), message);
    }

    /// Ciphers or deciphers the first `bits` bits of a message, in place. The bits after the last one become 0 within
    /// its octet; octets after that one stay as they are.
    ///
    /// # Errors
    /// [`BitsBeyondMessage`] if the message is shorter; it is then unchanged.
    pub fn apply_bits(&self, input: &MessageInput, message: &mut [u8], bits: usize) -> Result<(), BitsBeyondMessage> {
        cipher::apply_bits(message, bits, |message| self.apply(input, message))
    }

    /// Ciphers or deciphers many messages, each as [`Nea1::apply`] does, of any lengths and keys.
    pub fn apply_batch(jobs: &mut [CipherJob<'_, Self>]) {
        #[cfg(x86_back_ends)]
        batch::apply(jobs);
        #[cfg(not(x86_back_ends))]
        for job in jobs {
            job.cipher.apply(&job.input, job.message);
        }
    }
}

impl Nia1 {
    /// The code of a message of whole octets.
    pub fn mac(&self, input: &MessageInput, message: &[u8]) -> Mac32 {
        self.0.mac(&input.into(), BitString::whole(message))
    }

    /// The code of the first `bits` bits of a message; what follows them does not matter.
    ///
    /// # Errors
    /// [`BitsBeyondMessage`] if the message is shorter.
    pub fn mac_bits(&self, input: &MessageInput, message: &[u8], bits: usize) -> Result<Mac32, BitsBeyondMessage> {
        check_bits(bits, message.len())?;
        Ok(self.0.mac(&input.into(), BitString::of(message, bits)))
    }

    /// Checks the code of a message of whole octets, in constant time.
    ///
    /// # Errors
    /// [`MacMismatch`] if it is not the code of this message.
    pub fn verify(&self, input: &MessageInput, message: &[u8], mac: &Mac32) -> Result<(), MacMismatch> {
        self.mac(input, message).check(mac)
    }

    /// Computes the codes of many messages, each as [`Nia1::mac`] does, of any lengths and keys.
    pub fn mac_batch(jobs: &mut [MacJob<'_, Self>]) {
        #[cfg(x86_back_ends)]
        batch::mac(jobs);
        #[cfg(not(x86_back_ends))]
        for job in jobs {
            job.mac = job.algorithm.mac(&job.input, job.message);
        }
    }
}

impl Uia2 {
    /// The code of a message of whole octets.
    pub fn mac(&self, input: &FreshInput, message: &[u8]) -> Mac32 {
        self.0.mac(input, BitString::whole(message))
    }

    /// The code of the first `bits` bits of a message; what follows them does not matter.
    ///
    /// # Errors
    /// [`BitsBeyondMessage`] if the message is shorter.
    pub fn mac_bits(&self, input: &FreshInput, message: &[u8], bits: usize) -> Result<Mac32, BitsBeyondMessage> {
        check_bits(bits, message.len())?;
        Ok(self.0.mac(input, BitString::of(message, bits)))
    }

    /// Checks the code of a message of whole octets, in constant time.
    ///
    /// # Errors
    /// [`MacMismatch`] if it is not the code of this message.
    pub fn verify(&self, input: &FreshInput, message: &[u8], mac: &Mac32) -> Result<(), MacMismatch> {
        self.mac(input, message).check(mac)
    }
}

/// TS 35.215 3.4.
fn f8_iv(input: &MessageInput) -> Iv {
    let bearer_direction = u32::from(input.bearer.value()) << 27 | u32::from(input.direction.bit()) << 26;
    [bearer_direction, input.count, bearer_direction, input.count]
}

/// TS 35.215 4.4.
fn f9_iv(input: &FreshInput) -> Iv {
    let FreshInput {
        count,
        fresh,
        direction,
    } = *input;
    let direction = u32::from(direction.bit());
    [fresh ^ direction << 15, count ^ direction << 31, fresh, count]
}

/// A key, and who computes with it.
#[derive(Clone)]
struct Keyed {
    /// K0, the last four octets of the key, to K3 (TS 35.215 3.4).
    key: Wiped<u32, 4>,
    engine: Engine,
}

impl Keyed {
    fn new(key: &Key128, engine: Engine) -> Self {
        let mut words = Wiped([0; 4]);
        for (word, octets) in words.0.iter_mut().rev().zip(key.secret_octets().as_chunks().0) {
            *word = u32::from_be_bytes(*octets);
        }
        Self { key: words, engine }
    }

    /// The LFSR before its initialisation (TS 35.216 4.1).
    fn stages(&self, [iv0, iv1, iv2, iv3]: Iv) -> Stages {
        let [k0, k1, k2, k3] = self.key.0;
        let mut stages = Wiped([!k0, !k1, !k2, !k3, k0, k1, k2, k3, !k0, !k1, !k2, !k3, k0, k1, k2, k3]);
        for (number, word) in [(15, iv0), (12, iv1), (10, iv2), (9, iv3)] {
            stages.0[number] ^= word;
        }
        stages
    }

    fn apply(&self, iv: Iv, message: &mut [u8]) {
        if message.is_empty() {
            return;
        }
        let stages = self.stages(iv);
        match self.engine {
            Engine::Portable => Generator::new(&stages).apply(message),
            #[cfg(x86_back_ends)]
            Engine::Avx2(proof) => simd::snow3g::avx2::apply(proof, &stages.0, message),
            #[cfg(x86_back_ends)]
            Engine::Avx512(proof) => simd::snow3g::avx512::apply(proof, &stages.0, message),
        }
    }

    fn mac(&self, input: &FreshInput, message: BitString<'_>) -> Mac32 {
        let stages = self.stages(f9_iv(input));
        let mac = match self.engine {
            Engine::Portable => {
                let mut generator = Generator::new(&stages);
                let (first, second) = (generator.three_words(), generator.three_words());
                let words = Wiped([first.0[0], first.0[1], first.0[2], second.0[0], second.0[1]]);
                let key = HashKey::new(&words.0);
                f9::mac(&key, message)
            }
            #[cfg(x86_back_ends)]
            Engine::Avx2(proof) => {
                let key = HashKey::new(&simd::snow3g::avx2::five_words(proof, &stages.0).0);
                simd::snow3g::avx2::mac(proof, &key, message)
            }
            #[cfg(x86_back_ends)]
            Engine::Avx512(proof) => {
                let key = HashKey::new(&simd::snow3g::avx512::five_words(proof, &stages.0).0);
                simd::snow3g::avx512::mac(proof, &key, message)
            }
        };
        Mac32::from_octets(mac.to_be_bytes())
    }
}
