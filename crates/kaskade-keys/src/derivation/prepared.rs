//! A key that several derivations share.

use core::fmt;
use core::marker::PhantomData;

use kaskade_crypto::KeyMaterial;
use kaskade_crypto::kdf::{Fc, HmacKey, KdfInput, KdfOutput};

/// A key with its HMAC pads absorbed: derive several keys from it for the price of one preparation.
///
/// ```
/// use kaskade_keys::derivation::Prepared;
/// use kaskade_keys::{CipheringAlgorithm, IntegrityAlgorithm, fivegs::KAmf};
///
/// let k_amf = KAmf::from_octets(&[7; 32]);
/// let prepared = Prepared::new(&k_amf);
/// let k_nas_enc = prepared.k_nas_enc(CipheringAlgorithm::Nea2);
/// let k_nas_int = prepared.k_nas_int(IntegrityAlgorithm::Nia2);
/// assert_eq!(k_nas_enc, k_amf.k_nas_enc(CipheringAlgorithm::Nea2));
/// # let _ = k_nas_int;
/// ```
pub struct Prepared<P> {
    hmac: HmacKey,
    parent: PhantomData<fn(&P)>,
}

/// A key that rows start from.
pub trait Parent: KeyMaterial + Sized {
    /// Absorbs the pads: 2 SHA-256 compressions.
    fn prepare(&self) -> Prepared<Self>;
}

impl<P: Parent> Prepared<P> {
    /// Absorbs the pads: 2 SHA-256 compressions.
    #[inline]
    pub fn new(parent: &P) -> Self {
        parent.prepare()
    }
}

impl<P> Prepared<P> {
    #[inline]
    pub(crate) fn from_octets(octets: &[u8]) -> Self {
        Self::from_hmac(HmacKey::new(octets))
    }

    #[inline]
    pub(crate) fn from_hmac(hmac: HmacKey) -> Self {
        Self {
            hmac,
            parent: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) fn derive(&self, fc: Fc, parameters: impl FnOnce(&mut KdfInput<'_>)) -> KdfOutput {
        self.hmac.derive(fc, parameters)
    }
}

impl<P: KeyMaterial> fmt::Debug for Prepared<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({})", P::NAME)
    }
}
