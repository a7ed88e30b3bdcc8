//! K at rest: sealed in `kaskade-crypto`, where its octets are visible ([`kaskade_crypto::seal`]).
//!
//! The SUPI and the row's clear part are associated data: a row moved to another subscriber or changed in clear does
//! not open.

use aws_lc_rs::rand;
use kaskade_aka::auc::Credentials;
use kaskade_crypto::seal::{DataKey, OpenError, RANDOM_LEN, SealedSecrets};
use kaskade_crypto::store_keys::StoreKeys;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::key::SubscriberKey;
use crate::master_key::MasterKey;
use crate::model::Subscriber;
use crate::row::Row;
use crate::secrets::SubscriberSecrets;

/// Seals and opens the rows of one store.
pub(crate) struct Sealer(DataKey);

impl Sealer {
    /// Draws a data key: the sealer, and the data key sealed for the store.
    pub(crate) fn create(master: &MasterKey) -> Result<(Self, Vec<u8>), StoreError> {
        let mut data_key = Zeroizing::new([0; 32]);
        rand::fill(&mut data_key[..]).map_err(|_| StoreError::Random)?;
        let (data_key, sealed) = master.root_key().create_data_key(&data_key, &random()?);
        Ok((Self(data_key), sealed.into()))
    }

    /// Opens the data key of a store; `None` when it was sealed with another master key or is damaged.
    pub(crate) fn open(master: &MasterKey, sealed: &[u8]) -> Option<Self> {
        master.root_key().open_data_key(sealed).map(Self)
    }

    /// The other keys that follow from the data key.
    pub(crate) const fn keys(&self) -> &StoreKeys {
        self.0.keys()
    }

    /// The row of a subscriber, without the record of its sequence numbers.
    pub(crate) fn seal(&self, key: &SubscriberKey, subscriber: &Subscriber) -> Result<Vec<u8>, StoreError> {
        let Subscriber {
            secrets, amf, methods, ..
        } = subscriber;
        let mut row = Row::encode_clear(&secrets.layout(), *methods, *amf);
        self.0
            .append_sealed(&random()?, &mut row, key.octets(), secrets)
            .map_err(|_| StoreError::Unsealing)?;
        Ok(row)
    }

    /// The secrets of a row.
    pub(crate) fn open_row(&self, key: &SubscriberKey, row: &Row<'_>) -> Result<SubscriberSecrets, StoreError> {
        Ok(self.0.open(&sealed(key, row))?)
    }

    /// What the AuC needs of a row. No heap for an IMSI.
    #[inline]
    pub(crate) fn credentials(&self, key: &SubscriberKey, row: &Row<'_>) -> Result<Credentials, StoreError> {
        let keys = self.0.open_keys(&sealed(key, row))?.ok_or(StoreError::GsmOnly)?;
        Ok(Credentials { keys, amf: row.amf })
    }
}

#[inline]
fn sealed<'a>(key: &'a SubscriberKey, row: &Row<'a>) -> SealedSecrets<'a> {
    SealedSecrets {
        layout: row.layout,
        clear: row.clear,
        owner: key.octets(),
        nonce: row.nonce,
        octets: row.sealed,
        tag: row.tag,
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Layout(layout) => Self::Row(layout.into()),
            _ => Self::Unsealing,
        }
    }
}

fn random() -> Result<[u8; RANDOM_LEN], StoreError> {
    let mut random = [0; RANDOM_LEN];
    rand::fill(&mut random).map_err(|_| StoreError::Random)?;
    Ok(random)
}
