//! What other nodes have written: a subscriber's rows are looked at before a number is issued of them.
//!
//! A look is asked for with what the node has and with the mark of its clock, and counts only as long as both are the same: what a
//! commit of its own, or another look, has changed meanwhile is newer.

use kaskade_aka::sqn::{Glc, SqnIssuer, SqnRecord};
use kaskade_faults::fault;

use super::card::card_of;
use super::custody::Card;
use super::engine::{self, Engine, Version, Wanted};
use super::error::{EngineError, StoreError, read_error};
use super::hold::Hold;
use super::issuer::{Busy, Entry, Issuer};
use super::key::SubscriberKey;
use super::row::Row;
use super::rows::{Part, PartKey, SUBSCRIBER};
use super::sqn_row::{self, Life, Owner};
use super::store::SubscriberStore;

/// What a node has of a subscriber, and how far its clock may go, when it asks for the subscriber's rows.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) had: Option<Version>,
    pub(crate) mark: Option<Glc>,
}

impl Issuer {
    /// What this node has of a subscriber whose rows it is to ask for.
    pub(crate) fn asks(&self, key: &SubscriberKey) -> Asked {
        // The mark first: what is read after it was durable is read under it.
        let mark = self.mark();
        let mut shard = self.shard(key);
        let had = shard.entry(key).filter(|entry| entry.issuer.is_some());
        Asked {
            had: had.map(|entry| entry.version),
            mark,
        }
    }

    /// Takes over what a look at the rows of a loaded subscriber has shown: its record and whose it is, or that there is none.
    pub(crate) fn compare(&self, key: &SubscriberKey, asked: Asked, found: Option<(SqnRecord, Owner, Version)>) {
        let mut shard = self.shard(key);
        let Some(entry) = shard.entry(key) else { return };
        // Something else by now, or about to be: the answer is too old.
        let changes = matches!(entry.busy, Busy::Frozen(_)) || asked.had != Some(entry.version);
        if entry.issuer.is_none() || changes {
            return;
        }
        match found {
            Some(found) => entry.take_over(found, asked.mark),
            None if matches!(entry.busy, Busy::No) => shard.forget(key),
            None => entry.compared = None,
        }
    }

    /// The record of a subscriber, whose it is and its version, of one moment; `None` when there is no such subscriber. Blocks.
    pub(crate) fn look(
        &self,
        engine: &dyn Engine,
        key: &SubscriberKey,
    ) -> Result<Option<(SqnRecord, Owner, Version)>, StoreError> {
        let keys = [Part::Credentials, Part::Numbers].map(|part| PartKey::new(key, part));
        let wanted = keys.each_ref().map(|key| Wanted::Key(SUBSCRIBER, key));
        let rows = engine.read_blocking(&wanted).map_err(read_error)?;
        let mut rows = rows.into_iter();
        let (Some(credentials), numbers) = (rows.next().flatten(), rows.next().flatten()) else {
            return Ok(None);
        };
        let life = Row::decode(&credentials.octets)?.life;
        let numbers = numbers.ok_or_else(|| StoreError::changed(key))?;
        let (record, owner) = sqn_row::decode(self.keys(), key, &life, &numbers.octets)?;
        Ok(Some((record, owner, numbers.version)))
    }
}

impl Asked {
    /// The mark that was durable before.
    pub(crate) const fn mark(self) -> Option<Glc> {
        self.mark
    }

    /// Whether the entry is still what it was then.
    pub(crate) fn is_of(self, entry: &Entry) -> bool {
        self.had == entry.issuer.as_ref().map(|_| entry.version)
    }

    /// Whether there was something to compare.
    pub(crate) const fn is_loaded(self) -> bool {
        self.had.is_some()
    }
}

impl Entry {
    /// Takes over a row as it is durable, under a mark that was durable before it was read.
    pub(crate) fn take_over(&mut self, (record, owner, version): (SqnRecord, Owner, Version), mark: Option<Glc>) {
        match &mut self.issuer {
            Some(_) if self.version == version && self.owner.life == owner.life => {}
            Some(issuer) if self.owner.life == owner.life => issuer.renewed(record),
            _ => self.issuer = Some(SqnIssuer::load(record)),
        }
        (self.owner, self.version, self.compared) = (owner, version, mark);
    }
}

/// A question for a card that is not at hand. Whoever wants one wants a number of it next: both rows are asked for at once where nobody has
/// loaded or holds the subscriber.
pub(crate) struct Look<'s> {
    store: &'s SubscriberStore,
    key: SubscriberKey,
    asked: Asked,
    hold: Option<Hold<'s>>,
    compares: bool,
    keys: [PartKey; 2],
}

impl<'s> Look<'s> {
    /// Begins it.
    pub(crate) fn of(store: &'s SubscriberStore, key: SubscriberKey) -> Self {
        let asked = store.issuer.asks(&key);
        let compares = asked.is_loaded() && store.issuer.is_shared();
        let hold = (!compares)
            .then(|| store.issuer.hold(&key).ok())
            .flatten()
            .filter(|hold| !hold.is_loaded() && !fault!("numbers-asked-for-apart"));
        Self {
            keys: [Part::Credentials, Part::Numbers].map(|part| PartKey::new(&key, part)),
            store,
            key,
            asked,
            hold,
            compares,
        }
    }

    /// What is asked for: of these the first so many.
    pub(crate) fn wanted(&self) -> ([Wanted<'_>; 2], usize) {
        let both = self.hold.is_some() || self.compares;
        let wanted = self.keys.each_ref().map(|key| Wanted::Key(SUBSCRIBER, key));
        (wanted, if both { 2 } else { 1 })
    }

    /// The card, and the numbers taken over that were read beside it.
    pub(crate) fn found(self, rows: Result<Vec<Option<engine::Row>>, EngineError>) -> Result<Option<Card>, StoreError> {
        let (store, key, asked) = (self.store, &self.key, self.asked);
        let mut rows = rows.map_err(read_error)?.into_iter();
        let Some(row) = rows.next().flatten() else {
            if self.compares {
                store.issuer.compare(key, asked, None);
            }
            return Ok(None);
        };
        let card = card_of(key, &row.octets)?;
        if let Some(numbers) = rows.next().flatten() {
            match &self.hold {
                Some(hold) => hold.fill(&card.name.0, (&numbers.octets, numbers.version), asked),
                None => store.compare_with(key, asked, (&card.name.0, &numbers)),
            }
        }
        Ok(Some(card))
    }
}

impl SubscriberStore {
    /// Takes over the numbers that were read beside a card; where they are not whole, whoever loads them says so.
    fn compare_with(&self, key: &SubscriberKey, asked: Asked, (life, numbers): (&Life, &engine::Row)) {
        if let Ok((record, owner)) = sqn_row::decode(self.issuer.keys(), key, life, &numbers.octets) {
            self.issuer.compare(key, asked, Some((record, owner, numbers.version)));
        }
    }
}
