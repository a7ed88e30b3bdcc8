//! K at rest: AES-256-GCM under a data key that is itself sealed with the master key.
//!
//! ```text
//! master key (file) ── seals ── data key (in the store) ── seals ── the secrets of one subscriber
//! ```
//!
//! The SUPI and the row's clear part are associated data: a row moved to another subscriber or changed in clear does
//! not open. Nonces are random; with 2^32 rows under one data key two are equal with probability 2^-33.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use kaskade_aka::auc::Credentials;
use kaskade_crypto::store_keys::StoreKeys;
use zeroize::{Zeroize, Zeroizing};

use crate::error::StoreError;
use crate::key::SubscriberKey;
use crate::master_key::MasterKey;
use crate::model::Subscriber;
use crate::row::{NONCE_LEN, Row, TAG_LEN};
use crate::secrets::{Layout, SubscriberSecrets};

/// Longest associated data without heap: a row's clear part with constants, and an IMSI's key.
const ASSOCIATED_LEN: usize = 128;
const DATA_KEY_LEN: usize = 32;
const DATA_KEY_LABEL: &[u8] = b"kaskade data key 1";

/// Seals and opens the rows of one store.
pub(crate) struct Sealer(LessSafeKey, StoreKeys);

impl Sealer {
    /// Draws a data key: the sealer, and the data key sealed for the store.
    pub(crate) fn create(master: &MasterKey) -> Result<(Self, Vec<u8>), StoreError> {
        let mut data_key = Zeroizing::new([0; DATA_KEY_LEN]);
        rand::fill(&mut data_key[..]).map_err(|_| StoreError::Random)?;
        let sealer = Self::from_key(&data_key)?;
        let nonce = nonce()?;
        let mut sealed = nonce.to_vec();
        let tag = Self::from_key(master.expose_to_seal())?
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(DATA_KEY_LABEL),
                &mut data_key[..],
            )
            .map_err(|_| StoreError::Unsealing)?;
        sealed.extend_from_slice(&data_key[..]);
        sealed.extend_from_slice(tag.as_ref());
        Ok((sealer, sealed))
    }

    /// Opens the data key of a store; `None` when it was sealed with another master key or is damaged.
    pub(crate) fn open(master: &MasterKey, sealed: &[u8]) -> Option<Self> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let (cipher, tag) = rest.split_first_chunk::<DATA_KEY_LEN>()?;
        let mut data_key = Zeroizing::new(*cipher);
        let master = Self::from_key(master.expose_to_seal()).ok()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let associated = Aad::from(DATA_KEY_LABEL);
        master
            .0
            .open_in_place_separate_tag(nonce, associated, tag, &mut data_key[..])
            .ok()?;
        Self::from_key(&data_key).ok()
    }

    fn from_key(key: &[u8; DATA_KEY_LEN]) -> Result<Self, StoreError> {
        let keys = StoreKeys::derive(key);
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| StoreError::Unsealing)?;
        Ok(Self(LessSafeKey::new(key), keys))
    }

    /// The other keys that follow from the data key.
    pub(crate) const fn keys(&self) -> &StoreKeys {
        &self.1
    }

    /// The row of a subscriber, without the record of its sequence numbers.
    pub(crate) fn seal(&self, key: &SubscriberKey, subscriber: &Subscriber) -> Result<Vec<u8>, StoreError> {
        let Subscriber {
            secrets, amf, methods, ..
        } = subscriber;
        let layout = secrets.layout();
        let mut row = Row::encode_clear(&layout, *methods, *amf);
        let clear = row.len();
        let nonce = nonce()?;
        row.reserve_exact(NONCE_LEN + layout.sealed_len() + TAG_LEN);
        row.extend_from_slice(&nonce);
        // Sealed where it stands: `reserve_exact` above keeps clear text from being left in a smaller buffer.
        secrets.push_sealed(&mut row);
        let (head, secrets) = row.split_at_mut(clear + NONCE_LEN);
        let clear = head.get(..clear).unwrap_or_default();
        let sealed = with_associated(key, clear, |associated| {
            self.0
                .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), secrets)
        });
        match sealed {
            Ok(tag) => row.extend_from_slice(tag.as_ref()),
            Err(_) => {
                row.zeroize();
                return Err(StoreError::Unsealing);
            }
        }
        Ok(row)
    }

    /// The secrets of a row.
    pub(crate) fn open_row(&self, key: &SubscriberKey, row: &Row<'_>) -> Result<SubscriberSecrets, StoreError> {
        self.opened(key, row, |octets| Ok(row.layout.open(octets)?))
    }

    /// What the AuC needs of a row. No heap for an IMSI.
    #[inline]
    pub(crate) fn credentials(&self, key: &SubscriberKey, row: &Row<'_>) -> Result<Credentials, StoreError> {
        let keys = self.opened(key, row, |octets| Ok(row.layout.algorithm_keys(octets)?))?;
        let keys = keys.ok_or(StoreError::GsmOnly)?;
        Ok(Credentials { keys, amf: row.amf })
    }

    /// Opens the sealed octets of a row for `read`, and wipes them.
    #[inline]
    fn opened<R>(
        &self,
        key: &SubscriberKey,
        row: &Row<'_>,
        read: impl FnOnce(&[u8]) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let mut buffer = Zeroizing::new([0; Layout::LONGEST]);
        let secrets = buffer.get_mut(..row.sealed.len()).ok_or(StoreError::Unsealing)?;
        with_associated(key, row.clear, |associated| {
            let nonce = Nonce::assume_unique_for_key(*row.nonce);
            self.0
                .open_separate_gather(nonce, Aad::from(associated), row.sealed, row.tag, secrets)
        })
        .map_err(|_| StoreError::Unsealing)?;
        read(secrets)
    }
}

/// Clear part ‖ SUPI key.
#[inline]
fn with_associated<R>(key: &SubscriberKey, clear: &[u8], work: impl FnOnce(&[u8]) -> R) -> R {
    let (middle, end) = (clear.len(), clear.len() + key.octets().len());
    let mut buffer = [0; ASSOCIATED_LEN];
    if let Some(associated) = buffer.get_mut(..end) {
        let (head, tail) = associated.split_at_mut(middle);
        head.copy_from_slice(clear);
        tail.copy_from_slice(key.octets());
        work(associated)
    } else {
        work(&[clear, key.octets()].concat())
    }
}

fn nonce() -> Result<[u8; NONCE_LEN], StoreError> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| StoreError::Random)?;
    Ok(nonce)
}
