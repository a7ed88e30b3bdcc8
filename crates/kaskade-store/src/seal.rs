//! K at rest: sealed in `kaskade-crypto`, where its octets are visible ([`kaskade_crypto::seal`]).
//!
//! The SUPI and the row's clear part are associated data: a row moved to another subscriber or changed in clear does
//! not open.

use aws_lc_rs::rand;
use kaskade_aka::auc::Credentials;
use kaskade_crypto::seal::{DataKey, OpenError, RANDOM_LEN, SealedSecrets, StoreKind};
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::key::SubscriberKey;
use crate::master_key::MasterKey;
use crate::model::Subscriber;
use crate::row::Row;
use crate::secrets::SubscriberSecrets;
use crate::sqn_row::Life;

/// Seals and opens the rows of one store.
pub(crate) struct Sealer(DataKey);

impl Sealer {
    /// Draws a data key: the sealer, and the data key sealed for the store.
    pub(crate) fn create(master: &MasterKey) -> Result<(Self, Vec<u8>), StoreError> {
        let mut data_key = Zeroizing::new([0; 32]);
        rand::fill(&mut data_key[..]).map_err(|_| StoreError::Random)?;
        let random = random()?;
        let (data_key, sealed) = master.with_root_key(|root| root.create_data_key(&data_key, &random));
        Ok((Self(data_key), sealed.into()))
    }

    /// Opens the data key of a store, and which kind of store it says that is; `None` when it was sealed with another
    /// master key or is damaged.
    pub(crate) fn open(master: &MasterKey, sealed: &[u8]) -> Option<(Self, StoreKind)> {
        master.with_root_key(|root| {
            let open = |kind| Some((Self(root.open_data_key_of(kind, sealed)?), kind));
            StoreKind::ALL.into_iter().find_map(open)
        })
    }

    /// A data key of one kind of store, sealed for another kind.
    pub(crate) fn reseal(
        master: &MasterKey,
        sealed: &[u8],
        (from, to): (StoreKind, StoreKind),
    ) -> Result<Vec<u8>, StoreError> {
        let random = random()?;
        let resealed = master.with_root_key(|root| root.reseal_data_key(sealed, (from, to), &random));
        resealed.map(Into::into).ok_or(StoreError::Unsealing)
    }

    /// What seals records of any kind.
    pub(crate) const fn data_key(&self) -> &DataKey {
        &self.0
    }

    /// The other keys that follow from the data key.
    pub(crate) const fn keys(&self) -> &StoreKeys {
        self.0.keys()
    }

    /// The row of a subscriber.
    pub(crate) fn seal(&self, key: &SubscriberKey, subscriber: &Subscriber) -> Result<Vec<u8>, StoreError> {
        let Subscriber {
            secrets,
            amf,
            methods,
            subscription,
            ..
        } = subscriber;
        let life = self.life(key, secrets);
        let mut row = Row::encode_clear(&secrets.layout(), (*methods, subscription), *amf, &life);
        self.0
            .append_sealed(&random()?, &mut row, owner(key), secrets)
            .map_err(|_| StoreError::Unsealing)?;
        Ok(row)
    }

    /// The secrets of a row.
    pub(crate) fn open_row(&self, key: &SubscriberKey, row: &Row<'_>) -> Result<SubscriberSecrets, StoreError> {
        Ok(self.0.open(&sealed(key, row))?)
    }

    /// The life of a subscriber's credential.
    pub(crate) fn life(&self, key: &SubscriberKey, secrets: &SubscriberSecrets) -> Life {
        self.0.life(key.octets(), secrets)
    }

    /// Seals the secrets of a row of an earlier format.
    #[cfg(test)]
    pub(crate) fn append_old(&self, row: &mut Vec<u8>, key: &SubscriberKey, secrets: &SubscriberSecrets) {
        let random = random().expect("random octets");
        self.0
            .append_sealed(&random, row, owner(key), secrets)
            .expect("a layout");
    }

    /// The secrets of a row of an earlier format.
    pub(crate) fn open_old(&self, sealed: &SealedSecrets<'_>) -> Result<SubscriberSecrets, StoreError> {
        Ok(self.0.open(sealed)?)
    }

    /// What the AuC needs of a row. No heap for an IMSI.
    #[inline]
    pub(crate) fn credentials(&self, key: &SubscriberKey, row: &Row<'_>) -> Result<Credentials, StoreError> {
        let keys = self.0.open_keys(&sealed(key, row))?.ok_or(StoreError::GsmOnly)?;
        Ok(Credentials { keys, amf: row.amf })
    }
}

/// Whom a seal binds a row to.
#[inline]
fn owner(key: &SubscriberKey) -> &[u8] {
    if fault!("row-not-bound-to-supi") {
        b""
    } else {
        key.octets()
    }
}

#[inline]
fn sealed<'a>(key: &'a SubscriberKey, row: &Row<'a>) -> SealedSecrets<'a> {
    SealedSecrets {
        layout: row.layout,
        clear: row.clear,
        owner: owner(key),
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
