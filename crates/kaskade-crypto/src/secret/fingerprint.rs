//! Names of secret values that two holders can compare.

use core::fmt;

use super::KeyMaterial;
use crate::kdf::sha256;

/// A short public name of a secret value: 4 octets of SHA-256 over a label, the key's name and its octets.
///
/// A project profile, version 1, not a 3GPP function. Two holders compare fingerprints to learn whether they have the
/// same key; 32 bits tell nothing useful about a key of 128 bits or more.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 4]);

impl Fingerprint {
    /// Of a key.
    pub fn of<T: KeyMaterial>(key: &T) -> Self {
        key.fingerprint()
    }

    /// Of the octets of the key of this name, which a caller has who goes by rows instead of types.
    pub fn of_octets(name: &str, octets: &[u8]) -> Self {
        let digest = sha256(&[b"kaskade fingerprint 1", name.as_bytes(), &[0], octets]);
        let [a, b, c, d, ..] = digest;
        Self([a, b, c, d])
    }

    /// Its octets, 4.
    pub const fn octets(self) -> [u8; 4] {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}
