//! Provisioning: subscribers come, change and go, without an SQN ever going back for a card.
//!
//! Sequence numbers belong to a life: a SUPI with one algorithm set, K and OPc or TOPc. Another credential begins a new
//! one, and what the old one issued is remembered under its name, for the day when the same card comes back. Nothing that
//! is remembered is ever forgotten.
//!
//! A store of the first version remembered one record per SUPI and not whose it was. Such a record may be any card's, so
//! every life of that SUPI that begins later starts above it.

use std::sync::Arc;

use kaskade_aka::sqn::{Glc, SqnIssuer, SqnRecord};
use kaskade_faults::fault;
use kaskade_keys::Supi;

use super::commit::{Request, Ticket};
use super::engine::{Batch, Table};
use super::error::StoreError;
use super::issuer::{Busy, Effect, Issuer, waiting};
use super::key::SubscriberKey;
use super::model::Subscriber;
use super::rows;
use super::sqn_row::{self, Life, Owner};
use super::store::SubscriberStore;

/// How many subscribers go into one commit of [`SubscriberStore::put_many`].
const CHUNK: usize = 2048;

impl SubscriberStore {
    /// Adds a subscriber; durable before it returns. Blocks.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when there is one with this SUPI.
    pub fn add(&self, subscriber: &Subscriber) -> Result<(), StoreError> {
        self.put(std::iter::once(subscriber), true).map(drop)
    }

    /// Adds subscribers or replaces those that exist, in commits of some thousand; how many. Blocks.
    ///
    /// The SQN of one that is replaced by the same card never goes back: it starts above both what was issued and what is
    /// given here. Another card begins where it is given.
    ///
    /// # Errors
    /// When writing fails: those of the earlier commits stay.
    pub fn put_many<'a>(&self, subscribers: impl IntoIterator<Item = &'a Subscriber>) -> Result<u64, StoreError> {
        self.put(subscribers.into_iter(), false)
    }

    /// Removes a subscriber, durable before it returns; whether there was one. Blocks.
    ///
    /// What was issued is remembered, so that the same card never sees an SQN twice.
    ///
    /// # Errors
    /// When writing fails.
    pub fn remove(&self, supi: &Supi) -> Result<bool, StoreError> {
        let key = SubscriberKey::from(supi);
        loop {
            let mut shard = self.issuer.shard(&key);
            let now = self.issuer.now();
            let Some(entry) = self.issuer.entry(&mut shard, &*self.engine, (&key, None), now)? else {
                return Ok(false);
            };
            if let Busy::Reserving(ticket) | Busy::Frozen(ticket) = &entry.busy {
                let ticket = waiting(ticket)?;
                drop(shard);
                let _ = ticket.wait();
                continue;
            }
            let Some(issuer) = &entry.issuer else { return Ok(false) };
            let over = self.portable(issuer);
            let mut batch = Batch::default();
            rows::remove(&mut batch, &key);
            if !fault!("removed-forgotten") {
                self.remember(&mut batch, &key, entry.owner, &over);
            }
            let ticket = Arc::new(Ticket::default());
            self.queue.submit(Request {
                unit: batch,
                effects: vec![Effect::Replaced(key.clone(), None)],
                ticket: Arc::clone(&ticket),
            })?;
            Issuer::freeze(&mut shard, &key, &ticket);
            drop(shard);
            return ticket.wait().map(|()| true);
        }
    }

    fn put<'a>(&self, subscribers: impl Iterator<Item = &'a Subscriber>, only_new: bool) -> Result<u64, StoreError> {
        let mut subscribers = subscribers.fuse();
        let mut done = 0;
        let mut chunk = Chunk::default();
        loop {
            // All are at hand before the first is frozen: the iterator may take its time, or ask this store.
            let some: Vec<_> = subscribers.by_ref().take(CHUNK).collect();
            if some.is_empty() {
                return Ok(done);
            }
            for subscriber in some {
                if let Err(error) = self.put_one(subscriber, only_new, &mut chunk, &mut done) {
                    // What is frozen by this chunk must not stay so.
                    self.flush(&mut chunk, &mut done)?;
                    return Err(error);
                }
            }
            self.flush(&mut chunk, &mut done)?;
        }
    }

    fn put_one(
        &self,
        subscriber: &Subscriber,
        only_new: bool,
        chunk: &mut Chunk,
        done: &mut u64,
    ) -> Result<(), StoreError> {
        let key = SubscriberKey::from(&subscriber.supi);
        let row = self.sealer.seal(&key, subscriber)?;
        let life = self.sealer.life(&key, &subscriber.secrets);
        loop {
            let early = fault!("clock-before-lock-put").then(|| self.issuer.now());
            let mut shard = self.issuer.shard(&key);
            let now = early.unwrap_or_else(|| self.issuer.now());
            let entry = self.issuer.entry(&mut shard, &*self.engine, (&key, None), now)?;
            if let Some(Busy::Reserving(ticket) | Busy::Frozen(ticket)) = entry.as_ref().map(|entry| &entry.busy) {
                // The same SUPI twice in one chunk waits for the chunk itself.
                let own = Arc::ptr_eq(ticket, &chunk.ticket);
                let ticket = waiting(ticket)?;
                drop(shard);
                // Who waits holds nothing that another may wait for.
                if own || !fault!("put-waits-while-holding") {
                    self.flush(chunk, done)?;
                }
                if !own {
                    let _ = ticket.wait();
                }
                continue;
            }
            if only_new && entry.is_some() {
                return Err(StoreError::AlreadyExists);
            }
            let given = Given {
                record: &subscriber.sqn,
                life,
                now,
            };
            let old = entry.and_then(|entry| Some((entry.issuer.as_ref()?, entry.owner)));
            let (record, owner) = match old {
                Some((old, owner)) if owner.life == life => {
                    let record = self.succeed(given, old).of_the_same_card(old.record());
                    (record, owner)
                }
                Some((old, owner)) => {
                    let over = self.portable(old);
                    self.remember(&mut chunk.batch, &key, owner, &over);
                    let known = owner.inherited.then_some(over);
                    self.begin(&mut chunk.batch, &key, given, known)?
                }
                None => self.begin(&mut chunk.batch, &key, given, None)?,
            };
            rows::put_credentials(&mut chunk.batch, &key, &row, &subscriber.subscription);
            let numbers = sqn_row::encode(self.issuer.keys(), &key, &record, &owner);
            rows::put_numbers(&mut chunk.batch, &key, &numbers);
            Issuer::freeze(&mut shard, &key, &chunk.ticket);
            chunk
                .effects
                .push(Effect::Replaced(key, Some(Box::new((SqnIssuer::load(record), owner)))));
            return Ok(());
        }
    }

    /// Writes down what a life that is over has issued.
    fn remember(&self, batch: &mut Batch, key: &SubscriberKey, owner: Owner, over: &SqnRecord) {
        let mut put =
            |table, name: &[u8]| batch.put(table, name, &sqn_row::encode_life(self.issuer.keys(), name, over));
        put(Table::LIVES, &owner.life);
        if owner.inherited {
            // It may have numbers of any credential that this SUPI ever had.
            put(Table::REMOVED, key.octets());
        }
    }

    /// The record of a life that begins or begins again. `unowned` is what a record of the first version knows of this
    /// SUPI, if that is on its way to the disk.
    fn begin(
        &self,
        batch: &mut Batch,
        key: &SubscriberKey,
        given: Given<'_>,
        unowned: Option<SqnRecord>,
    ) -> Result<(SqnRecord, Owner), StoreError> {
        let owner = Owner {
            life: given.life,
            inherited: false,
        };
        let engine = &*self.engine;
        let own = match fault!("life-forgotten") {
            true => None,
            false => self.issuer.life(engine, Table::LIVES, &given.life)?,
        };
        if let Some(own) = own {
            batch.remove(Table::LIVES, &given.life);
            let own = SqnIssuer::load(own);
            let record = self.succeed(given, &own).of_the_same_card(own.record());
            return Ok((record, owner));
        }
        let before = match unowned {
            Some(unowned) => Some(unowned),
            None => self.issuer.life(engine, Table::REMOVED, key.octets())?,
        };
        let record = match before {
            Some(before) => self.succeed(given, &SqnIssuer::load(before)),
            None => given.record.clone().anchored(given.now, &self.issuer.policy),
        };
        Ok((record, owner))
    }

    fn succeed(&self, given: Given<'_>, old: &SqnIssuer) -> SqnRecord {
        let (policy, now) = (&self.issuer.policy, given.now);
        given
            .record
            .clone()
            .succeeding(old.record(), old.highest_issued(now), policy, now)
    }

    fn flush(&self, chunk: &mut Chunk, done: &mut u64) -> Result<(), StoreError> {
        let Chunk { batch, effects, ticket } = std::mem::take(chunk);
        if effects.is_empty() {
            return Ok(());
        }
        let count = effects.len() as u64;
        self.queue.submit(Request {
            unit: batch,
            effects,
            ticket: Arc::clone(&ticket),
        })?;
        ticket.wait()?;
        *done += count;
        Ok(())
    }
}

/// Subscribers on their way into one commit.
#[derive(Default)]
struct Chunk {
    batch: Batch,
    effects: Vec<Effect>,
    ticket: Arc<Ticket>,
}

/// What is to be put.
#[derive(Clone, Copy)]
struct Given<'s> {
    record: &'s SqnRecord,
    life: Life,
    now: Glc,
}
