//! What a change of subscribers has left behind.

use std::time::Duration;

use kaskade_anchor::akma::{AfHolder, AkmaContext};
use kaskade_faults::fault;
use kaskade_keys::Supi;
use kaskade_store::StoreError;

use super::{Aanf, AanfError};
use crate::log_limit;
use crate::sbi::peer::Requester;
use crate::sbi::service::Caller;

/// Records that are read at once.
const PAGE: usize = 256;

/// Between two tries to look through the records.
const PAUSE: Duration = Duration::from_secs(10);

impl Aanf {
    /// Looks through the records until that is done.
    pub(super) async fn reconciled(&self) {
        while let Err(error) = self.reconcile().await {
            log_limit!(error, "keys of whoever has no AKMA any more are looked for again", %error);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Keys of subscribers who are gone, suspended or have no AKMA any more end, and who holds them is told: somebody may have changed that
    /// while no AAnF ran, or where the store could not take the end.
    async fn reconcile(&self) -> Result<(), AanfError> {
        if !self.is_home || fault!("application-keys-not-looked-through") {
            return Ok(());
        }
        let caller = Caller::new(Requester::group("AAnF"));
        let mut after: Option<Supi> = None;
        loop {
            let page = self.records.list::<AkmaContext>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for found in page.iter().filter(|found| !self.keeps(&found.key)) {
                self.disable(&caller, &found.key).await?;
            }
            tokio::task::yield_now().await;
        }
        // Keys live on below anchor keys that are gone.
        let mut after: Option<(Supi, [u8; 16])> = None;
        loop {
            let page = self.records.list::<AfHolder>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for found in page.iter().filter(|found| !self.keeps(&found.key.0)) {
                self.disable(&caller, &found.key.0).await?;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Whether a subscriber still has AKMA.
    fn keeps(&self, supi: &Supi) -> bool {
        match self.store.card(supi) {
            Ok(card) => card.is_some_and(|card| card.has_akma()),
            // Nothing is known against it.
            Err(error) => !matches!(error, StoreError::GsmOnly),
        }
    }
}
