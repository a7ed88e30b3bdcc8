//! The data key of a store: it seals the secrets of subscribers, and tags what else is the store's.

use alloc::vec::Vec;

use super::{NONCE_LEN, OpenError, RANDOM_LEN, Sealer, TAG_LEN};
use crate::store_keys::{LIFE_LEN, StoreKeys};
use crate::subscription::{AlgorithmKeys, Layout, LayoutError, SecretBuffer, SubscriberSecrets};

/// Where the clear part of a row says which algorithm set its secrets are of.
const NUMBER_AT: usize = 1;
/// Where it has the flags of their layout.
const FLAGS_AT: usize = 5;

/// The key of one store. Its octets leave nobody but sealed under the root key.
///
/// Whoever needs a tag that only this store can make takes one of [`DataKey::keys`].
pub struct DataKey {
    pub(super) sealer: Sealer,
    pub(super) keys: StoreKeys,
}

/// The sealed secrets of one subscriber, in their row.
#[derive(Clone, Copy, Debug)]
pub struct SealedSecrets<'a> {
    /// How they are to be read, out of the clear part.
    pub layout: Layout,
    /// The clear part: octet 1 is the number of the set, octet 5 the flags of the layout.
    pub clear: &'a [u8],
    /// Whose they are: a row moved to another subscriber does not open.
    pub owner: &'a [u8],
    /// The nonce.
    pub nonce: &'a [u8; NONCE_LEN],
    /// The ciphertext.
    pub octets: &'a [u8],
    /// The tag.
    pub tag: &'a [u8; TAG_LEN],
}

impl DataKey {
    pub(super) fn new(octets: &[u8; 32]) -> Self {
        Self {
            sealer: Sealer::new(octets),
            keys: StoreKeys::derive(octets),
        }
    }

    /// Appends nonce ‖ sealed secrets ‖ tag to a row, which holds its clear part and nothing else.
    ///
    /// # Errors
    /// [`LayoutError::Field`] when the clear part does not say what the secrets are; the row is as it was then.
    pub fn append_sealed(
        &self,
        random: &[u8; RANDOM_LEN],
        row: &mut Vec<u8>,
        owner: &[u8],
        secrets: &SubscriberSecrets,
    ) -> Result<(), LayoutError> {
        says(row, &secrets.layout())?;
        let mut buffer = SecretBuffer::new();
        secrets.put_sealed(&mut buffer);
        let (nonce, tag) = self.sealer.seal(random, [row, owner], buffer.octets_mut());
        row.reserve_exact(NONCE_LEN + buffer.octets().len() + TAG_LEN);
        row.extend_from_slice(&nonce);
        row.extend_from_slice(buffer.octets());
        row.extend_from_slice(&tag);
        Ok(())
    }

    /// The secrets of a row.
    ///
    /// # Errors
    /// When the row does not open, or says otherwise than `layout` what is in it.
    pub fn open(&self, sealed: &SealedSecrets<'_>) -> Result<SubscriberSecrets, OpenError> {
        Ok(sealed.layout.open(self.opened(sealed)?.octets())?)
    }

    /// What the AuC needs of a row; `None` of a GSM-only subscriber. No heap for rows of the usual length.
    ///
    /// # Errors
    /// As [`DataKey::open`].
    #[inline]
    pub fn open_keys(&self, sealed: &SealedSecrets<'_>) -> Result<Option<AlgorithmKeys>, OpenError> {
        Ok(sealed.layout.algorithm_keys(self.opened(sealed)?.octets())?)
    }

    /// The life of a credential of `owner`: the same for all ways to say the same card, whether with OP or OPc.
    pub fn life(&self, owner: &[u8], secrets: &SubscriberSecrets) -> [u8; LIFE_LEN] {
        let mut buffer = SecretBuffer::new();
        secrets.put_sealed(&mut buffer);
        self.life_in(owner, &secrets.layout(), buffer.octets())
    }

    /// The life of the credential of a row.
    ///
    /// # Errors
    /// As [`DataKey::open`].
    pub fn life_of(&self, sealed: &SealedSecrets<'_>) -> Result<[u8; LIFE_LEN], OpenError> {
        let buffer = self.opened(sealed)?;
        Ok(self.life_in(sealed.owner, &sealed.layout, buffer.octets()))
    }

    fn life_in(&self, owner: &[u8], layout: &Layout, octets: &[u8]) -> [u8; LIFE_LEN] {
        let (set, credential) = layout.credential(octets);
        self.keys.life(&[owner, &set, credential])
    }

    #[inline]
    fn opened(&self, sealed: &SealedSecrets<'_>) -> Result<SecretBuffer, OpenError> {
        says(sealed.clear, &sealed.layout)?;
        let mut buffer = SecretBuffer::zeros(sealed.octets.len()).ok_or(LayoutError::Length)?;
        buffer.octets_mut().copy_from_slice(sealed.octets);
        self.sealer.gcm.open(
            sealed.nonce,
            [sealed.clear, sealed.owner],
            buffer.octets_mut(),
            sealed.tag,
        )?;
        Ok(buffer)
    }

    /// The other keys that follow from the data key.
    pub const fn keys(&self) -> &StoreKeys {
        &self.keys
    }
}

/// What opens as the K of a set is what was sealed as the K of that set: the seal authenticates what is looked at here.
#[inline]
fn says(clear: &[u8], layout: &Layout) -> Result<(), LayoutError> {
    let of_layout = [layout.number(), layout.flags()];
    match (clear.get(NUMBER_AT), clear.get(FLAGS_AT)) {
        (Some(number), Some(flags)) if [*number, *flags] == of_layout => Ok(()),
        _ => Err(LayoutError::Field("layout")),
    }
}

impl core::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("DataKey(…)")
    }
}
