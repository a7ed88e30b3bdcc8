//! X25519 from x25519-dalek, P-256 from p256.

use p256::ecdh::diffie_hellman;
use p256::{PublicKey, SecretKey, elliptic_curve::sec1::ToSec1Point};
use subtle::Choice;
use x25519_dalek::StaticSecret;

use super::{Agreed, Agreement, HnPublicKey, has_known_form};
use crate::wipe::Wiped;

/// A private key of profile A.
pub(super) struct X25519Key(StaticSecret);

impl X25519Key {
    pub(super) fn new(octets: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*octets))
    }
}

impl Agreement for X25519Key {
    fn public_key(&self) -> HnPublicKey {
        HnPublicKey::from_x25519(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    fn agree(&self, public_key: &[u8]) -> Agreed {
        let Ok(public_key) = <[u8; 32]>::try_from(public_key) else {
            return Agreed::unusable();
        };
        let z = self.0.diffie_hellman(&public_key.into());
        Agreed::x25519(Wiped(*z.as_bytes()))
    }
}

/// A private key of profile B.
pub(super) struct P256Key {
    secret: SecretKey,
    public: PublicKey,
    compressed: [u8; 33],
}

impl P256Key {
    /// `None` when the number is zero or not below the order.
    pub(super) fn new(octets: &[u8; 32]) -> Option<Self> {
        let secret = SecretKey::from_slice(octets).ok()?;
        let public = secret.public_key();
        let compressed = compress(&public)?;
        Some(Self {
            secret,
            public,
            compressed,
        })
    }
}

impl Agreement for P256Key {
    fn public_key(&self) -> HnPublicKey {
        HnPublicKey::from_compressed_p256(self.compressed)
    }

    fn agree(&self, public_key: &[u8]) -> Agreed {
        let point = point(public_key);
        let usable = Choice::from(u8::from(point.is_some()));
        // For what is no point the same work is done with one that is.
        let z = diffie_hellman(
            self.secret.to_nonzero_scalar(),
            point.as_ref().unwrap_or(&self.public).as_affine(),
        );
        Agreed {
            z: Wiped((*z.raw_secret_bytes()).into()),
            usable,
        }
    }
}

/// Whether an X25519 public key gives zero with every private key.
pub(in super::super) fn is_of_low_order(public_key: &[u8; 32]) -> bool {
    // Every clamped scalar is a multiple of the cofactor, so that any one of them tells.
    !bool::from(X25519Key::new(&[0x55; 32]).agree(public_key).usable)
}

/// A point of P-256, compressed; `None` when it is none.
pub(in super::super) fn compressed_point(octets: &[u8]) -> Option<[u8; 33]> {
    compress(&point(octets)?)
}

fn compress(point: &PublicKey) -> Option<[u8; 33]> {
    point.to_sec1_point(true).as_bytes().try_into().ok()
}

fn point(octets: &[u8]) -> Option<PublicKey> {
    if !has_known_form(octets) {
        return None;
    }
    PublicKey::from_sec1_bytes(octets).ok()
}
