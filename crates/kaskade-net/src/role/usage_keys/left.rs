//! What a process before this one has left: sealed EMSKs go on where the configuration wants that, and whose EMSK is gone is told.
//!
//! ```text
//! restore   the last EMSK of each subscriber, where its card is still the one that proved itself
//! lost      all that nobody has then: retired, once
//! ```

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kaskade_anchor::emsk::{Anchor, Custody, Holder, Origin, SealedRoot, Subscriber, Why};
use kaskade_faults::fault;
use kaskade_flow::Guarded;
use kaskade_flow::event::PeerId;
use kaskade_flow::record::Record;
use kaskade_keys::Supi;
use kaskade_store::records::{CommitError, Committing, RecordError};

use super::records::Subscribers;
use super::{EmskRecords, UsageKeys};
use crate::log_limit;
use crate::time::{moment, unix_millis};

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(10);

/// To whom something happened since the start, before all that was left is taken over: it is newer than any record.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// With whoever ended what it had begun, where only that is to end.
    by: HashSet<(Subscriber, Option<PeerId>)>,
    /// There was no room for all of them.
    is_full: bool,
}

impl Met {
    /// The most that are remembered. Beyond, nothing more is taken over: it is lost, as it is without custody.
    pub(super) const MOST: usize = 65_536;

    /// What they take at most, in octets.
    pub(super) const OCTETS: usize = 2 * Self::MOST * (size_of::<(Subscriber, Option<PeerId>)>() + 1);

    pub(super) fn add(&mut self, subscriber: Subscriber, by: Option<PeerId>) {
        let met = (subscriber, by);
        if self.is_full || self.by.contains(&met) {
            return;
        }
        if self.by.len() >= Self::MOST && !fault!("met-without-bound") {
            log_limit!(
                warn,
                "EMSKs of an earlier start that are not taken over yet are lost: too much happened since this start"
            );
            *self = Self {
                by: HashSet::new(),
                is_full: true,
            };
            return;
        }
        self.by.insert(met);
    }

    /// Whether an EMSK of this origin may still go on.
    fn spares(&self, subscriber: Subscriber, origin: Origin) -> bool {
        let by = origin.by.is_some_and(|by| self.by.contains(&(subscriber, Some(by))));
        !self.is_full && !by && !self.by.contains(&(subscriber, None))
    }
}

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

    /// EMSKs in records: the last one of each subscriber goes on, if they are to outlive their process.
    async fn restore(&self) -> Result<(), RecordError> {
        if self.options.limits.custody != Custody::Sealed {
            return Ok(());
        }
        let mut pages = Subscribers::<SealedRoot>::new();
        while let Some(page) = pages.next(&self.records).await? {
            for supi in page {
                self.restore_of(&supi).await?;
            }
        }
        Ok(())
    }

    async fn restore_of(&self, supi: &Supi) -> Result<(), RecordError> {
        let left = EmskRecords::of(&self.records, supi).await?;
        let born = |left: &EmskRecords| left.origin().map(|(born, _)| born);
        let last = left.into_iter().filter(EmskRecords::is_sealed).max_by_key(born);
        let Some((last, origin)) = last.and_then(|last| last.origin().map(|(_, origin)| (last, origin))) else {
            return Ok(());
        };
        if !self.fits(supi, origin) {
            return Ok(());
        }
        let (subscriber, now) = (self.subscriber(supi), moment());
        let mut shard = self.shard(subscriber);
        let is_there = shard.look(subscriber, now, Anchor::name).is_some();
        let spared = self.met().as_ref().is_none_or(|met| met.spares(subscriber, origin));
        if is_there || !spared && !fault!("ended-emsk-restored") {
            return Ok(());
        }
        if let Some(anchor) = last.into_anchor(self.options.limits, unix_millis(), now) {
            // There was none of this subscriber.
            let (gone, _) = shard.hold(subscriber, anchor, now);
            for anchor in gone {
                self.retire(anchor, Why::NoRoom);
            }
        }
        Ok(())
    }

    /// Whether keys may be given below an EMSK of this origin: where the subscribers are here, its card is there, and not suspended.
    fn fits(&self, supi: &Supi, origin: Origin) -> bool {
        if !self.is_home {
            return true;
        }
        let card = self.store.card(supi).ok().flatten();
        let is_it = |name| Some(name) == origin.card || fault!("emsk-of-another-card-restored");
        card.is_some_and(|card| !card.suspended && is_it(card.name.octets()))
    }

    /// What is in records and nobody has: holders are told, and what is left of it is removed.
    async fn lost(&self) -> Result<(), RecordError> {
        self.lost_among(Subscribers::<SealedRoot>::new()).await?;
        self.lost_among(Subscribers::<Holder>::new()).await
    }

    async fn lost_among<R, const N: usize>(&self, mut pages: Subscribers<R>) -> Result<(), RecordError>
    where
        R: Record<Key = (Supi, [u8; N])>,
    {
        while let Some(page) = pages.next(&self.records).await? {
            let mut ending = Vec::new();
            for supi in page {
                self.lost_of(&supi, &mut ending).await?;
            }
            for (why, ends) in ending {
                match ends.await {
                    Ok(_) => self.counters.retired(why),
                    // Another unit was there first: what it left is found now.
                    Err(CommitError::Conflict(_)) => self.left.store(true, Ordering::Relaxed),
                    Err(error) => self.is_left(&error),
                }
            }
        }
        Ok(())
    }

    async fn lost_of(&self, supi: &Supi, ending: &mut Vec<(Why, Committing<()>)>) -> Result<(), RecordError> {
        let left = EmskRecords::of(&self.records, supi).await?;
        let (subscriber, now) = (self.subscriber(supi), moment());
        let mut shard = self.shard(subscriber);
        let current = shard.look(subscriber, now, Anchor::name);
        let (at, about) = (unix_millis(), self.audit.subject(supi));
        for left in left {
            if Some(left.name()) == current || fault!("lost-not-told") {
                continue;
            }
            let why = match left.is_sealed() && current.is_some() {
                true => Why::Reauthenticated,
                false => Why::Lost,
            };
            let unit = left.retire(why, at, about);
            ending.push((why, self.records.commit(unit, Guarded::new(()))));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_remembered_until_all_is_taken_over() {
        let origin = |by| Origin { by, card: None };
        let [amf, other] = ["amf", "other"].map(PeerId::of);
        let mut met = Met::default();
        met.add(Subscriber(1), None);
        met.add(Subscriber(2), Some(amf));
        for (subscriber, by, spared) in [
            (1, None, false),
            (1, Some(amf), false),
            (2, Some(amf), false),
            (2, Some(other), true),
            (2, None, true),
            (3, Some(amf), true),
        ] {
            assert_eq!(
                met.spares(Subscriber(subscriber), origin(by)),
                spared,
                "{subscriber} {by:?}"
            );
        }
        for number in 0..Met::MOST as u128 {
            met.add(Subscriber(number), None);
        }
        assert!(met.by.is_empty() && met.is_full, "{}", met.by.len());
        met.add(Subscriber(7), None);
        assert!(met.by.is_empty());
        assert!(
            !met.spares(Subscriber(u128::MAX), origin(None)),
            "what was forgotten comes back"
        );
    }
}
