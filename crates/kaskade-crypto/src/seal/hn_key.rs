//! Private keys of the home network at rest.

use alloc::vec::Vec;

use super::{RANDOM_LEN, Sealer, parts};
use crate::ecies::{EciesError, HnPrivateKey, Profile};
use crate::wipe::Wiped;

/// Seals and opens private keys of the home network. Its octets leave nobody.
pub struct HnKeySealer(Sealer);

/// Why a sealed private key does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HnOpenError {
    /// Changed, moved, or sealed under another root key.
    #[error("does not open: changed, moved, or sealed under another key")]
    NotAuthentic,
    /// It opens, but is no key of this profile.
    #[error(transparent)]
    Key(#[from] EciesError),
}

impl HnKeySealer {
    pub(super) fn new(octets: &[u8; 32]) -> Self {
        Self(Sealer::new(octets))
    }

    /// nonce 12 ‖ private key 32 ‖ tag 16, bound to `associated`: what stands in clear beside it.
    pub fn seal(&self, random: &[u8; RANDOM_LEN], associated: &[u8], key: &HnPrivateKey) -> Vec<u8> {
        let mut clear = Wiped(*key.secret_octets());
        self.0.sealed(random, associated, &mut clear.0)
    }

    /// Opens what [`HnKeySealer::seal`] gave.
    ///
    /// # Errors
    /// When it was changed, moved, or sealed under another root key, or is no key of this profile.
    pub fn open(&self, profile: Profile, associated: &[u8], sealed: &[u8]) -> Result<HnPrivateKey, HnOpenError> {
        let (nonce, octets, tag) = parts(sealed).ok_or(HnOpenError::NotAuthentic)?;
        let octets: &[u8; 32] = octets.try_into().map_err(|_| HnOpenError::NotAuthentic)?;
        let mut clear = Wiped(*octets);
        self.0
            .gcm
            .open(nonce, [associated, &[]], &mut clear.0, tag)
            .map_err(|_| HnOpenError::NotAuthentic)?;
        Ok(HnPrivateKey::from_octets(profile, &clear.0)?)
    }
}

impl core::fmt::Debug for HnKeySealer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HnKeySealer(…)")
    }
}
