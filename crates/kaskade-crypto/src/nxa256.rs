//! The 256-bit algorithms: NEA4 to NEA6, NIA4 to NIA6, NCA4 to NCA6 (TS 35.240, 35.243, 35.246).
//!
//! | Keystream | Ciphering | Integrity | Both at once | Source |
//! |---|---|---|---|---|
//! | SNOW 5G | [`Nea4`] | [`Nia4`] | [`Nca4`] | TS 35.240 |
//! | AES-256 in counter mode | [`Nea5`] | [`Nia5`] | [`Nca5`] | TS 35.243 |
//! | ZUC-256 | [`Nea6`] | [`Nia6`] | [`Nca6`] | TS 35.246 |
//!
//! The three families differ in the keystream only. One frame makes three algorithms of each:
//!
//! ```text
//! NEA   message ⊕ keystream
//! NIA   H, Q, P = three blocks of keystream
//!       s = 0; for each block b of the message, the last one filled with zeros: s = (s ⊕ b) · H
//!       tag = first octets of ((s ⊕ le64(0) ‖ le64(message bits)) · Q) ⊕ P
//! NCA   ciphertext = message ⊕ (the keystream that follows H, Q, P)
//!       tag = the same over associated data, then ciphertext, each filled with zeros to whole blocks,
//!             with le64(ciphertext bits) ‖ le64(associated data bits)
//! ```
//!
//! The product is that of POLYVAL (RFC 8452 3). With SNOW 5G and ZUC-256, H, Q and P are the first 48 octets of the
//! keystream. With AES-256 they come from counter blocks of their own: those of the IV with bit 0 of octet 0 set.
//!
//! # What is not published stays out
//!
//! How COUNT, BEARER, DIRECTION and the tag length are laid out in the 16 octets of the IV is said in texts that are not
//! published. So the IV is an argument here ([`Iv256`]), and no constructor makes one from a
//! [`MessageInput`](crate::cipher::MessageInput). The algorithms themselves are those of the published test vectors.
//!
//! Never use one IV for two messages under one key, also not for one message that is ciphered and another whose
//! integrity is protected: with SNOW 5G and ZUC-256 the keystream of the one is H, Q and P of the other.
//!
//! ```
//! use kaskade_crypto::cipher::Key256;
//! use kaskade_crypto::nxa256::{Iv256, Nca4, TagLength};
//!
//! let nca4 = Nca4::new(&Key256::from_octets(&[7; 32]));
//! let iv = Iv256::from_octets([0x44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0])?;
//! let mut message = *b"registration";
//! let tag = nca4.seal(&iv, b"header", &mut message, TagLength::from_bits(64)?);
//! nca4.open(&iv, b"header", &mut message, &tag)?;
//! assert_eq!(&message, b"registration");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aes256;
mod algorithms;
mod frame;
mod input;
mod job;
pub(crate) mod mac_key;
mod polyval;
pub(crate) mod snow5g;
mod tag;
mod zuc256;

pub use algorithms::{Nca4, Nca5, Nca6, Nea4, Nea5, Nea6, Nia4, Nia5, Nia6};
pub use input::{InvalidIv256, Iv256};
pub use job::{CipherJob256, MacJob256};
pub use tag::{InvalidTagLength, Tag, TagLength};
