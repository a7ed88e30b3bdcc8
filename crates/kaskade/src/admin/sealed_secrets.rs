//! The secrets of a subscriber as they leave the store: sealed under the master key, bound to the SUPI.

use anyhow::{Context, Result, anyhow};
use kaskade_crypto::seal::{ExportKey, OpenError, RANDOM_LEN};
use kaskade_keys::Supi;
use kaskade_store::{Locked, MasterKey, SubscriberSecrets};

/// Seals and opens the field `sealed` of subscriber files.
pub(crate) struct SealedSecrets(Locked<ExportKey>);

impl SealedSecrets {
    pub(crate) fn new(master: &MasterKey) -> Self {
        Self(Locked::with(|| master.export_key()))
    }

    pub(crate) fn seal(&self, supi: &Supi, secrets: &SubscriberSecrets) -> Result<Vec<u8>> {
        let mut random = [0; RANDOM_LEN];
        getrandom::fill(&mut random).map_err(|error| anyhow!("no random numbers: {error}"))?;
        Ok(self.0.seal(&random, supi.sbi().as_bytes(), secrets))
    }

    pub(crate) fn open(&self, supi: &Supi, sealed: &[u8]) -> Result<SubscriberSecrets> {
        self.0
            .open(supi.sbi().as_bytes(), sealed)
            .map_err(|error| match error {
                OpenError::NotAuthentic => anyhow!(
                    "sealed does not open: it was exported under another master key, for another SUPI, or was changed"
                ),
                other => anyhow!(other),
            })
            .context("the field `sealed`")
    }
}
