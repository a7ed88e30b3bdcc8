//! The algorithms by their 3GPP names: the frame over each of the keystreams.

use core::fmt;

use super::aes256::Aes256;
use super::frame::{self, Generator};
use super::input::Iv256;
use super::job::{CipherJob256, MacJob256};
use super::snow5g::Snow5g;
use super::tag::{Tag, TagLength};
use super::zuc256::Zuc256;
use crate::cipher::engine::Engine;
use crate::cipher::{BackEnd, BackEndNotAvailable, Key256, MacMismatch};

/// A generator under a key, in the role of one algorithm.
macro_rules! keyed {
    ($Name:ident = $name:literal, $what:literal, $Generator:ident, $keystream:literal, $source:literal) => {
        #[doc = concat!($name, ": ", $what, " with ", $keystream, ", under a key of 32 octets (", $source, ").")]
        ///
        /// Wiped on drop.
        #[derive(Clone)]
        pub struct $Name($Generator);

        impl $Name {
            /// Takes the key, for the fastest back end of this processor.
            pub fn new(key: &Key256) -> Self {
                Self($Generator::new(key, Engine::fastest()))
            }

            /// Takes the key, for one back end.
            pub fn with_back_end(key: &Key256, back_end: BackEnd) -> Result<Self, BackEndNotAvailable> {
                Engine::of(back_end).map(|engine| Self($Generator::new(key, engine)))
            }

            /// Which back end computes.
            pub fn back_end(&self) -> BackEnd {
                self.0.engine().back_end()
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($name, "(…)"))
            }
        }
    };
}

macro_rules! family {
    ($Generator:ident, $keystream:literal, $source:literal:
     $Nea:ident = $nea:literal, $Nia:ident = $nia:literal, $Nca:ident = $nca:literal) => {
        keyed!($Nea = $nea, "ciphering", $Generator, $keystream, $source);
        keyed!($Nia = $nia, "integrity", $Generator, $keystream, $source);
        keyed!(
            $Nca = $nca,
            "ciphering and integrity at once",
            $Generator,
            $keystream,
            $source
        );

        impl $Nea {
            /// Ciphers or deciphers in place, whole octets, fewer than 2^36.
            pub fn apply(&self, iv: &Iv256, message: &mut [u8]) {
                frame::apply(&self.0, iv, message);
            }

            /// Ciphers or deciphers many messages, of any lengths and keys.
            pub fn apply_batch(jobs: &mut [CipherJob256<'_, Self>]) {
                frame::apply_batch(jobs, |algorithm| &algorithm.0);
            }
        }

        impl $Nia {
            /// The tag of a message of whole octets.
            pub fn mac(&self, iv: &Iv256, message: &[u8], length: TagLength) -> Tag {
                frame::mac(&self.0, iv, message, length)
            }

            /// Checks a tag, in constant time. Its length is the sender's choice: see [`Tag::from_octets`].
            pub fn verify(&self, iv: &Iv256, message: &[u8], tag: &Tag) -> Result<(), MacMismatch> {
                frame::expect(&self.mac(iv, message, tag.length()), tag)
            }

            /// Computes the tags of many messages, of any lengths and keys.
            pub fn mac_batch(jobs: &mut [MacJob256<'_, Self>]) {
                frame::mac_batch(jobs, |algorithm| &algorithm.0);
            }
        }

        impl $Nca {
            /// Ciphers `message` in place, and makes the tag over `aad` (the associated data, which is not ciphered) and
            /// the ciphertext. Whole octets, fewer than 2^36.
            pub fn seal(&self, iv: &Iv256, aad: &[u8], message: &mut [u8], length: TagLength) -> Tag {
                frame::seal(&self.0, iv, aad, message, length)
            }

            /// Checks the tag over `aad` and the ciphertext in `message`, in constant time, then deciphers in place.
            ///
            /// `message` is unchanged if the tag does not match. The tag's length is the sender's choice: see
            /// [`Tag::from_octets`].
            pub fn open(&self, iv: &Iv256, aad: &[u8], message: &mut [u8], tag: &Tag) -> Result<(), MacMismatch> {
                frame::open(&self.0, iv, aad, message, tag)
            }
        }
    };
}

family!(Snow5g, "SNOW 5G", "TS 35.240": Nea4 = "256-NEA4", Nia4 = "256-NIA4", Nca4 = "256-NCA4");
family!(Aes256, "AES-256", "TS 35.243": Nea5 = "256-NEA5", Nia5 = "256-NIA5", Nca5 = "256-NCA5");
family!(Zuc256, "ZUC-256", "TS 35.246": Nea6 = "256-NEA6", Nia6 = "256-NIA6", Nca6 = "256-NCA6");
