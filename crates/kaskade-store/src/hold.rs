//! A hold on a subscriber: nobody else changes it while its rows are read and a change is decided.
//!
//! Rows may lie on another machine, and no lock is kept while they are waited for. So whoever is to change a subscriber, or
//! loads one whose row is not at hand, marks its entry in the table first; others wait for that mark to go. What is durable
//! already is issued meanwhile. Without the mark a row that was read before another thread's change would be taken for what
//! is durable now, and its numbers issued again.

use std::sync::Arc;

use kaskade_aka::sqn::{SqnIssuer, SqnRecord};

use super::compare::Asked;
use super::engine::{Engine, Version};
use super::error::StoreError;
use super::issuer::{Busy, Entry, Issuer, waiting};
use super::key::SubscriberKey;
use super::queue::Ticket;
use super::sqn_row::{self, Life, Owner};

/// Until it is dropped only its holder changes the subscriber.
pub(crate) struct Hold<'i> {
    issuer: &'i Issuer,
    key: SubscriberKey,
    ticket: Arc<Ticket>,
}

impl Issuer {
    /// Takes hold of a subscriber, or says what must be done first.
    pub(crate) fn hold(&self, key: &SubscriberKey) -> Result<Hold<'_>, Arc<Ticket>> {
        let ticket = Arc::new(Ticket::default());
        let mut shard = self.shard(key);
        shard.make_room(self.now(), self.largest_shard());
        let entry = shard.entry_or_new(key);
        match &entry.busy {
            Busy::No => entry.busy = Busy::Held(Arc::clone(&ticket)),
            Busy::Reserving(ticket) | Busy::Frozen(ticket) | Busy::Held(ticket) => return Err(Arc::clone(ticket)),
        }
        Ok(Hold {
            issuer: self,
            key: key.clone(),
            ticket,
        })
    }

    /// Waits until it can take hold of a subscriber. Blocks.
    pub(crate) fn hold_blocking(&self, key: &SubscriberKey) -> Result<Hold<'_>, StoreError> {
        loop {
            match self.hold(key) {
                Ok(hold) => return Ok(hold),
                Err(ticket) => {
                    let _ = waiting(&ticket)?.wait();
                }
            }
        }
    }
}

impl Hold<'_> {
    /// Loads the subscriber's record where it is not in the table; whether there is such a subscriber. Blocks.
    pub(crate) fn load(&self, engine: &dyn Engine, card: Option<&Life>) -> Result<bool, StoreError> {
        if self.issuer.is_shared() {
            let asked = self.issuer.asks(&self.key);
            let found = self.issuer.look(engine, &self.key)?;
            return Ok(self.with(|entry| entry.loaded(asked, found)));
        }
        if self.with(|entry| entry.issuer.is_some()) {
            return Ok(true);
        }
        let found = self.issuer.load(engine, &self.key, card)?;
        Ok(self.with(|entry| match found {
            Some((record, owner)) => {
                entry.issuer = Some(SqnIssuer::load(record));
                entry.owner = owner;
                true
            }
            None => false,
        }))
    }

    /// Whether the subscriber's record is in the table.
    pub(crate) fn is_loaded(&self) -> bool {
        self.with(|entry| entry.issuer.is_some())
    }

    /// Takes the record that was read beside the card; where it is not whole, whoever loads it says so.
    pub(crate) fn fill(&self, card: &Life, (octets, version): (&[u8], Version), asked: Asked) {
        let mark = asked.mark().filter(|_| self.issuer.is_shared());
        let version = match self.issuer.is_shared() {
            true => version,
            false => Version::default(),
        };
        if let Ok((record, owner)) = sqn_row::decode(self.issuer.keys(), &self.key, card, octets) {
            self.with(|entry| entry.take_over((record, owner, version), mark));
        }
    }

    /// Works on the entry, under its lock.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Entry) -> R) -> R {
        let mut shard = self.issuer.shard(&self.key);
        work(shard.entry_or_new(&self.key))
    }

    /// Works on the entry, and freezes it under the same lock if that says so: nothing is issued any more until the effect with
    /// this ticket is settled.
    pub(crate) fn freeze<R, E>(
        self,
        ticket: &Arc<Ticket>,
        work: impl FnOnce(&Entry) -> Result<(R, bool), E>,
    ) -> Result<R, E> {
        self.with(|entry| {
            let (done, freezes) = work(entry)?;
            if freezes {
                entry.busy = Busy::Frozen(Arc::clone(ticket));
            }
            Ok(done)
        })
    }
}

/// Whoever stops in the middle leaves the subscriber as it is.
impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut shard = self.issuer.shard(&self.key);
        if let Some(entry) = shard.entry(&self.key)
            && matches!(&entry.busy, Busy::Held(ticket) if Arc::ptr_eq(ticket, &self.ticket))
        {
            entry.busy = Busy::No;
            if entry.issuer.is_none() {
                shard.forget(&self.key);
            }
        }
        drop(shard);
        self.ticket.finish(Ok(Version::default()));
    }
}

impl Entry {
    /// Takes over what its holder has found of a subscriber that others look at as well; whether there is one.
    pub(crate) fn loaded(&mut self, asked: Asked, found: Option<(SqnRecord, Owner, Version)>) -> bool {
        match found {
            // Whoever has looked meanwhile has seen no less.
            _ if self.issuer.is_some() && !asked.is_of(self) => {}
            Some(found) => self.take_over(found, asked.mark()),
            None => self.issuer = None,
        }
        self.issuer.is_some()
    }

    /// Of a subscriber that is not loaded.
    pub(crate) fn unloaded() -> Self {
        Self {
            issuer: None,
            owner: Owner::default(),
            busy: Busy::No,
            version: Version::default(),
            compared: None,
        }
    }
}
