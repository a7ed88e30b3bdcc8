//! Kaskade's ciphers and codes behind one trait each, so that a comparison is written once.

use kaskade_crypto::aes::{Nea2, Nia2};
use kaskade_crypto::cipher::{
    BackEnd, BackEndNotAvailable, BitsBeyondMessage, CipherJob, Key128, Mac32, MacJob, MessageInput,
};
use kaskade_crypto::snow3g::{Nea1, Nia1};
use kaskade_crypto::zuc::{Nea3, Nia3};

use crate::ipsec_mb::Algorithm;

/// What every algorithm has.
pub trait Keyed: Sized {
    /// Its name for the peers.
    const ALGORITHM: Algorithm;

    /// Takes the key.
    fn with_back_end(key: &Key128, back_end: BackEnd) -> Result<Self, BackEndNotAvailable>;

    /// One for each back end that this processor can run, the fastest first.
    fn all(key: &[u8; 16]) -> Vec<(BackEnd, Self)> {
        let key = Key128::from_octets(key);
        let all: Vec<_> = BackEnd::ALL
            .into_iter()
            .rev()
            .filter_map(|back_end| Some((back_end, Self::with_back_end(&key, back_end).ok()?)))
            .collect();
        assert!(
            all.iter().any(|(back_end, _)| *back_end == BackEnd::Portable),
            "every processor runs the portable back end"
        );
        all
    }
}

/// A cipher.
pub trait Cipher: Keyed {
    /// Whole octets, in place.
    fn apply(&self, input: &MessageInput, message: &mut [u8]);
    /// A length in bits.
    fn apply_bits(&self, input: &MessageInput, message: &mut [u8], bits: usize) -> Result<(), BitsBeyondMessage>;
    /// Many messages.
    fn apply_batch(jobs: &mut [CipherJob<'_, Self>]);
}

/// A message authentication code.
pub trait Mac: Keyed {
    /// Whole octets.
    fn mac(&self, input: &MessageInput, message: &[u8]) -> Mac32;
    /// A length in bits.
    fn mac_bits(&self, input: &MessageInput, message: &[u8], bits: usize) -> Result<Mac32, BitsBeyondMessage>;
    /// Many messages.
    fn mac_batch(jobs: &mut [MacJob<'_, Self>]);
}

macro_rules! keyed {
    ($($Name:ident)*) => {$(
        impl Keyed for $Name {
            const ALGORITHM: Algorithm = Algorithm::$Name;

            fn with_back_end(key: &Key128, back_end: BackEnd) -> Result<Self, BackEndNotAvailable> {
                $Name::with_back_end(key, back_end)
            }
        }
    )*};
}

macro_rules! ciphers {
    ($($Name:ident)*) => {$(
        impl Cipher for $Name {
            #[inline(always)]
            fn apply(&self, input: &MessageInput, message: &mut [u8]) {
                $Name::apply(self, input, message);
            }

            #[inline(always)]
            fn apply_bits(
                &self,
                input: &MessageInput,
                message: &mut [u8],
                bits: usize,
            ) -> Result<(), BitsBeyondMessage> {
                $Name::apply_bits(self, input, message, bits)
            }

            #[inline(always)]
            fn apply_batch(jobs: &mut [CipherJob<'_, Self>]) {
                $Name::apply_batch(jobs);
            }
        }
    )*};
}

macro_rules! macs {
    ($($Name:ident)*) => {$(
        impl Mac for $Name {
            #[inline(always)]
            fn mac(&self, input: &MessageInput, message: &[u8]) -> Mac32 {
                $Name::mac(self, input, message)
            }

            #[inline(always)]
            fn mac_bits(
                &self,
                input: &MessageInput,
                message: &[u8],
                bits: usize,
            ) -> Result<Mac32, BitsBeyondMessage> {
                $Name::mac_bits(self, input, message, bits)
            }

            #[inline(always)]
            fn mac_batch(jobs: &mut [MacJob<'_, Self>]) {
                $Name::mac_batch(jobs);
            }
        }
    )*};
}

keyed!(Nea1 Nea2 Nea3 Nia1 Nia2 Nia3);
ciphers!(Nea1 Nea2 Nea3);
macs!(Nia1 Nia2 Nia3);
