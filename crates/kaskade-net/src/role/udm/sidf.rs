//! SIDF: from SUCI to SUPI (TS 33.501 6.12.4, Annex C).

use std::collections::BTreeMap;
use std::sync::Arc;

use kaskade_crypto::ecies::{self, EciesError, HnPrivateKey, Profile};
use kaskade_keys::{HnKeyId, SchemeOutput, Suci, Supi};
use kaskade_store::Locked;
use zeroize::Zeroize;

/// Why a SUCI was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SidfError {
    /// No key pair has this identifier, or it is of the other profile.
    #[error("no home network key pair has this identifier and profile")]
    UnknownKey,
    /// Another scheme than null, A and B.
    #[error("unsupported protection scheme")]
    UnsupportedScheme,
    /// It does not open. Why not is not told.
    #[error("the SUCI does not open")]
    NotDeconcealable,
}

/// The home network's private keys by identifier. Cheap to clone; clones share the keys.
///
/// ```
/// use kaskade_crypto::ecies::{HnPrivateKey, Profile};
/// use kaskade_keys::HnKeyId;
/// use kaskade_net::role::udm::HnKeyRing;
///
/// let key = HnPrivateKey::from_octets(Profile::A, &[0x42; 32])?;
/// let ring: HnKeyRing = [(HnKeyId(1), key)].into_iter().collect();
/// assert_eq!(ring.ids().collect::<Vec<_>>(), [HnKeyId(1)]);
/// # Ok::<(), kaskade_crypto::ecies::EciesError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct HnKeyRing {
    keys: Arc<BTreeMap<HnKeyId, Locked<HnPrivateKey>>>,
}

impl FromIterator<(HnKeyId, HnPrivateKey)> for HnKeyRing {
    fn from_iter<I: IntoIterator<Item = (HnKeyId, HnPrivateKey)>>(keys: I) -> Self {
        keys.into_iter().map(|(id, key)| (id, Locked::with(|| key))).collect()
    }
}

impl FromIterator<(HnKeyId, Locked<HnPrivateKey>)> for HnKeyRing {
    fn from_iter<I: IntoIterator<Item = (HnKeyId, Locked<HnPrivateKey>)>>(keys: I) -> Self {
        Self {
            keys: Arc::new(keys.into_iter().collect()),
        }
    }
}

impl HnKeyRing {
    /// The identifiers, in order.
    pub fn ids(&self) -> impl Iterator<Item = HnKeyId> + '_ {
        self.keys.keys().copied()
    }

    /// The SUPI of a SUCI.
    ///
    /// A SUCI that is too short, has an unusable ephemeral key, a wrong tag, or nothing sensible inside gives one and the same
    /// error, after one scalar multiplication.
    ///
    /// # Errors
    /// [`SidfError`].
    pub fn deconceal(&self, suci: &Suci) -> Result<Supi, SidfError> {
        let (profile, output) = match &suci.output {
            SchemeOutput::Null(_) => return suci.null_supi().ok_or(SidfError::NotDeconcealable),
            SchemeOutput::ProfileA(output) => (Profile::A, output),
            SchemeOutput::ProfileB(output) => (Profile::B, output),
            SchemeOutput::Other(..) => return Err(SidfError::UnsupportedScheme),
        };
        let key = self.keys.get(&suci.hn_key_id).filter(|key| key.profile() == profile);
        let key = key.ok_or(SidfError::UnknownKey)?;
        let mut plain = match ecies::deconceal(key, output) {
            Ok(plain) => plain,
            Err(EciesError::SchemeOutputTooShort { at_least, .. }) => {
                // As much work as for one that is long enough.
                let _ = ecies::deconceal(key, &vec![0; at_least]);
                return Err(SidfError::NotDeconcealable);
            }
            Err(_) => return Err(SidfError::NotDeconcealable),
        };
        let supi = suci.supi_from_scheme_input(&plain);
        plain.zeroize();
        supi.map_err(|_| SidfError::NotDeconcealable)
    }
}
