//! Hashes of what comes bit by bit: nothing of it has to be kept. AT_CHECKCODE is one (RFC 4187 10.13, RFC 9048 3.5.4).

use core::fmt;

use sha1::{Digest, Sha1};

use super::sha256::{Sha256, octets};

/// SHA-1 of what came so far. Nothing newer than EAP-AKA uses it.
#[derive(Clone, Default)]
pub struct RunningSha1(Sha1);

impl RunningSha1 {
    /// Adds octets.
    pub fn add(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    /// The hash so far: 20 octets.
    pub fn digest(&self) -> [u8; 20] {
        self.0.clone().finalize().into()
    }
}

/// SHA-256 of what came so far.
#[derive(Clone)]
pub struct RunningSha256(Sha256);

impl Default for RunningSha256 {
    fn default() -> Self {
        Self(Sha256::new())
    }
}

impl RunningSha256 {
    /// Adds octets.
    pub fn add(&mut self, octets: &[u8]) {
        self.0.absorb(octets);
    }

    /// The hash so far: 32 octets.
    pub fn digest(&self) -> [u8; 32] {
        octets(self.0.clone().finish())
    }
}

/// Without what came: it may name a user.
impl fmt::Debug for RunningSha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningSha1(…)")
    }
}

/// Without what came: it may name a user.
impl fmt::Debug for RunningSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningSha256(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kdf::{sha1, sha256};

    proptest! {
        #[test]
        fn parts_hash_as_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..6)) {
            let (mut of_sha1, mut of_sha256) = (RunningSha1::default(), RunningSha256::default());
            let mut whole = Vec::new();
            for part in &parts {
                of_sha1.add(part);
                of_sha256.add(part);
                whole.extend(part);
                prop_assert_eq!(of_sha1.digest(), sha1(&[&whole]));
                prop_assert_eq!(of_sha256.digest(), sha256(&[&whole]));
            }
        }
    }
}
