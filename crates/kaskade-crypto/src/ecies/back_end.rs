//! Where the curves come from: two back ends behind one trait, with the same results.

#[cfg(feature = "aws-lc")]
mod aws_lc;
mod rust_crypto;

use alloc::boxed::Box;

use subtle::{Choice, ConstantTimeEq};

use super::{HnPublicKey, Profile};
use crate::wipe::Wiped;

pub(super) use rust_crypto::{compressed_point, is_of_low_order};

/// A library of curves. Both give the same results; they differ in speed and in what they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackEnd {
    /// x25519-dalek and p256: pure Rust, without the standard library.
    RustCrypto,
    /// aws-lc-rs, with the feature `aws-lc`: two to four times as fast.
    #[cfg(feature = "aws-lc")]
    AwsLc,
}

impl BackEnd {
    /// Every back end of this build, for tests and measurements.
    pub const ALL: &'static [Self] = &[
        Self::RustCrypto,
        #[cfg(feature = "aws-lc")]
        Self::AwsLc,
    ];

    /// Parses a private key; `None` when it is out of range.
    pub(crate) fn private_key(self, profile: Profile, octets: &[u8; 32]) -> Option<Box<dyn Agreement>> {
        match (self, profile) {
            (Self::RustCrypto, Profile::A) => Some(Box::new(rust_crypto::X25519Key::new(octets))),
            (Self::RustCrypto, Profile::B) => Some(Box::new(rust_crypto::P256Key::new(octets)?)),
            #[cfg(feature = "aws-lc")]
            (Self::AwsLc, _) => Some(Box::new(aws_lc::Key::new(profile, octets)?)),
        }
    }
}

/// The fastest of this build.
impl Default for BackEnd {
    fn default() -> Self {
        #[cfg(feature = "aws-lc")]
        return Self::AwsLc;
        #[cfg(not(feature = "aws-lc"))]
        return Self::RustCrypto;
    }
}

/// A private key that can agree on a secret with a public key.
pub(crate) trait Agreement: Send + Sync {
    /// The public key that belongs to it.
    fn public_key(&self) -> HnPublicKey;

    /// One scalar multiplication, whatever the public key is like.
    fn agree(&self, public_key: &[u8]) -> Agreed;
}

/// Z, and whether it may be used: it may not when the public key is no point, or is of low order.
pub(crate) struct Agreed {
    pub(crate) z: Wiped<u8, 32>,
    pub(crate) usable: Choice,
}

impl Agreed {
    /// An X25519 output: all zero means a point of low order (RFC 7748 6.1).
    fn x25519(z: Wiped<u8, 32>) -> Self {
        let usable = !z.0[..].ct_eq(&[0; 32][..]);
        Self { z, usable }
    }

    /// For a public key that cannot be used.
    fn unusable() -> Self {
        Self {
            z: Wiped([0; 32]),
            usable: Choice::from(0),
        }
    }
}

/// Whether a point of P-256 is written in a form that the scheme has: compressed, or uncompressed on import.
///
/// The back ends would take other forms too, and not the same ones.
fn has_known_form(octets: &[u8]) -> bool {
    matches!(
        (octets.first(), octets.len()),
        (Some(0x02 | 0x03), 33) | (Some(0x04), 65)
    )
}
