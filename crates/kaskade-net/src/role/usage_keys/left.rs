//! What a process before this one has left: sealed EMSKs go on where the configuration wants that, and whose EMSK is gone is told.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kaskade_anchor::emsk::{Anchor, Custody, Holder, HolderId, Retired, SealedRoot, Why, retire_left};
use kaskade_faults::fault;
use kaskade_flow::record::Expect;
use kaskade_keys::Supi;
use kaskade_keys::id::RootKeyName;
use kaskade_store::records::{Found, RecordError};

use super::UsageKeys;
use crate::log_limit;
use crate::time::{moment, unix_millis};

/// Records that are read at once.
const PAGE: usize = 256;

/// Of one subscriber: more than two EMSKs with all their holders.
const OF_ONE: usize = 1024;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(10);

impl UsageKeys {
    /// Takes over what was left, and looks again where something could not be retired. Never ends.
    pub(super) async fn take_over(&self) {
        while let Err(error) = self.restore().await {
            log_limit!(error, "EMSKs of an earlier start are not taken over yet", %error);
            tokio::time::sleep(PAUSE).await;
        }
        *self.met() = None;
        self.left.store(true, Ordering::Relaxed);
        loop {
            if self.left.swap(false, Ordering::Relaxed)
                && let Err(error) = self.lost().await
            {
                log_limit!(error, "holders of lost EMSKs are not told yet", %error);
                self.left.store(true, Ordering::Relaxed);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// EMSKs in records: the last one of each subscriber goes on, if they are to outlive their process; all others end.
    async fn restore(&self) -> Result<(), RecordError> {
        let mut after = None;
        loop {
            let page = self.records.list::<SealedRoot>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let mut subscribers: Vec<Supi> = page.into_iter().map(|found| found.key.0).collect();
            subscribers.dedup();
            for supi in subscribers {
                self.restore_of(&supi).await?;
            }
        }
    }

    async fn restore_of(&self, supi: &Supi) -> Result<(), RecordError> {
        let mut roots = self.records.list_of::<SealedRoot>(supi, None, OF_ONE).await?;
        let holders = self.records.list_of::<Holder>(supi, None, OF_ONE).await?;
        roots.sort_by_key(|found| found.record.born());
        let (at, now) = (unix_millis(), moment());
        let subscriber = self.subscriber(supi);
        let goes_on = self.options.limits.custody == Custody::Sealed && self.may(supi).is_ok();
        let mut shard = self.shard(subscriber);
        let current = shard.look(subscriber, now, Anchor::name);
        // What began or ended since the start is newer than any record.
        let met = self.met().as_ref().is_some_and(|met| met.contains(&subscriber.0));
        let newest = match goes_on && current.is_none() && (!met || fault!("ended-emsk-restored")) {
            true => roots.pop(),
            false => None,
        };
        for found in roots.iter().filter(|found| Some(found.record.name()) != current) {
            let why = match goes_on {
                true => Why::Reauthenticated,
                false => Why::Lost,
            };
            let left = holders
                .iter()
                .filter(|holder| holder.record.emsk_name == found.record.name());
            self.retire_records(supi, found.record.name(), why, Custody::Sealed, left);
        }
        if let Some(found) = newest {
            let name = found.record.name();
            let own = holders.into_iter().filter(|holder| holder.record.emsk_name == name);
            let own = own.map(|holder| (HolderId::from_octets(holder.key.1), holder.record));
            let anchor = Anchor::restore(supi.clone(), found.record, own, self.options.limits, at, now);
            // There was none.
            let (gone, held) = shard.hold(subscriber, anchor, now);
            for anchor in gone {
                self.retire(anchor, Why::NoRoom);
            }
            if held.is_err() {
                self.left.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Holders whose EMSK nobody has any more are told, and what is left of it is removed.
    async fn lost(&self) -> Result<(), RecordError> {
        let mut after = None;
        loop {
            let page = self.records.list::<SealedRoot>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            let mut subscribers: Vec<Supi> = page.into_iter().map(|found| found.key.0).collect();
            subscribers.dedup();
            for supi in subscribers {
                self.lost_of(&supi).await?;
            }
            tokio::task::yield_now().await;
        }
        let mut after = None;
        loop {
            let page = self.records.list::<Holder>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let mut subscribers: Vec<Supi> = page.into_iter().map(|found| found.key.0).collect();
            subscribers.dedup();
            for supi in subscribers {
                self.lost_of(&supi).await?;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn lost_of(&self, supi: &Supi) -> Result<(), RecordError> {
        let mut of: BTreeMap<RootKeyName, Vec<Found<Holder>>> = BTreeMap::new();
        for found in self.records.list_of::<Holder>(supi, None, OF_ONE).await? {
            of.entry(found.record.emsk_name).or_default().push(found);
        }
        let sealed = self.records.list_of::<SealedRoot>(supi, None, OF_ONE).await?;
        let sealed: Vec<RootKeyName> = sealed.iter().map(|found| found.record.name()).collect();
        for name in &sealed {
            of.entry(*name).or_default();
        }
        let (subscriber, now) = (self.subscriber(supi), moment());
        let mut shard = self.shard(subscriber);
        let current = shard.look(subscriber, now, Anchor::name);
        for (name, holders) in &of {
            if Some(*name) != current && !fault!("lost-not-told") {
                let custody = match sealed.contains(name) {
                    true => Custody::Sealed,
                    false => Custody::Process,
                };
                self.retire_records(supi, *name, Why::Lost, custody, holders);
            }
        }
        Ok(())
    }

    /// Retires an EMSK that is in records alone, under the lock of its shard.
    fn retire_records<'f>(
        &self,
        supi: &Supi,
        name: RootKeyName,
        why: Why,
        custody: Custody,
        holders: impl IntoIterator<Item = &'f Found<Holder>>,
    ) {
        let retired = Retired {
            supi,
            name,
            custody,
            why,
            at: unix_millis(),
            about: self.audit.subject(supi),
        };
        let holders = holders.into_iter().map(|found| {
            let id = HolderId::from_octets(found.key.1);
            (id, found.record.clone(), Expect::Version(found.version))
        });
        let unit = retire_left(&retired, holders);
        if !unit.is_empty() {
            self.counters.retired(why);
            self.submit(unit);
        }
    }
}
