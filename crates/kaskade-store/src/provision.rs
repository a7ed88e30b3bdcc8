//! Provisioning: subscribers come, change and go, without an SQN ever going back for a card.
//!
//! Sequence numbers belong to a life: a SUPI with one algorithm set, K and OPc or TOPc. Another credential begins a new
//! one, and what the old one issued is remembered under its name, for the day when the same card comes back. Nothing that
//! is remembered is ever forgotten.
//!
//! A store of the first version remembered one record per SUPI and not whose it was. Such a record may be any card's, so
//! every life of that SUPI that begins later starts above it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use kaskade_aka::sqn::{ClockView, Glc, SqnIssuer, SqnRecord};
use kaskade_faults::fault;
use kaskade_flow::Unit;
use kaskade_flow::event::Event;
use kaskade_keys::{Gpsi, Supi};

use super::custody::Sealed;
use super::engine::{Batch, Conflict, Expect, Table, Version};
use super::error::{Partly, StoreError};
use super::hold::Hold;
use super::issuer::waiting;
use super::key::SubscriberKey;
use super::model::Subscriber;
use super::nodes::{self, Nodes};
use super::numbers::RACES;
use super::queue::{Effect, Request, Ticket};
use super::records::EventRoom;
use super::rows::{self, BY_GPSI, SUBSCRIBER};
use super::sqn_row::{self, Life, Owner};
use super::store::SubscriberStore;

/// How many subscribers go into one commit of [`SubscriberStore::put_many`].
const CHUNK: usize = 2048;

/// What the audit log is told of a subscriber that is put, and whether it was there.
type Told<'e> = &'e dyn Fn(&Subscriber, bool) -> Option<Event>;

impl SubscriberStore {
    /// Adds a subscriber; durable before it returns. Blocks.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when there is one with this SUPI, [`StoreError::GpsiTaken`] when another has its GPSI.
    pub fn add(&self, subscriber: &Subscriber) -> Result<(), StoreError> {
        self.add_on_record(subscriber, None)
    }

    /// [`SubscriberStore::add`], with what the audit log is told of it: durable in the same commit, and handed to the log behind it
    /// ([`crate::Records::hand_events_to`]). Blocks.
    ///
    /// # Errors
    /// As [`SubscriberStore::add`]; [`StoreError::NotOnRecord`] when too many events wait for the log.
    pub fn add_on_record(&self, subscriber: &Subscriber, event: Option<Event>) -> Result<(), StoreError> {
        self.put(std::iter::once(subscriber), How::New, &|_, _| event, &mut 0)
    }

    /// Changes what a subscriber that exists is allowed, with what the audit log is told of it, durable in the same commit. Its
    /// sequence numbers stay as they are, whatever is given of them. Blocks.
    ///
    /// # Errors
    /// [`StoreError::UnknownSubscriber`] when there is none with this SUPI and this card, [`StoreError::GpsiTaken`] when another has
    /// its GPSI, [`StoreError::NotOnRecord`] when too many events wait for the log.
    pub fn change_on_record(&self, subscriber: &Subscriber, event: Option<Event>) -> Result<(), StoreError> {
        self.put(std::iter::once(subscriber), How::Changed, &|_, _| event, &mut 0)
    }

    /// Adds subscribers or replaces those that exist, in commits of some thousand; how many. Blocks.
    ///
    /// The SQN of one that is replaced by the same card never goes back: it starts above both what was issued and what is
    /// given here. Another card begins where it is given.
    ///
    /// # Errors
    /// When writing fails, and [`StoreError::GpsiTaken`]: those of the earlier commits stay.
    pub fn put_many<'a>(&self, subscribers: impl IntoIterator<Item = &'a Subscriber>) -> Result<u64, StoreError> {
        Ok(self.put_many_on_record(subscribers, &|_, _| None)?)
    }

    /// [`SubscriberStore::put_many`], with what the audit log is told of each subscriber, given whether it was there: durable in the
    /// commit that it is put by. Where the log is slower it is waited for. Blocks.
    ///
    /// # Errors
    /// As [`SubscriberStore::put_many`], with how many those are; [`StoreError::NotOnRecord`] when too many events wait for the log.
    pub fn put_many_on_record<'a>(
        &self,
        subscribers: impl IntoIterator<Item = &'a Subscriber>,
        event: Told<'_>,
    ) -> Result<u64, Partly> {
        let mut done = 0;
        match self.put(subscribers.into_iter(), How::NewOrReplaced, event, &mut done) {
            Ok(()) => Ok(done),
            Err(error) => Err(Partly { done, error }),
        }
    }

    /// [`SubscriberStore::put_many_on_record`] of so few that they go into one commit: all of them, or none. Of one that is there twice
    /// the last counts. How many. Blocks.
    ///
    /// # Errors
    /// As [`SubscriberStore::put_many`], and [`StoreError::NotOnRecord`] when the log has no room for all of them: none is put then.
    pub fn put_together_on_record(&self, subscribers: &[Subscriber], event: Told<'_>) -> Result<u64, StoreError> {
        let mut races = 0..RACES;
        loop {
            match self.put_together_once(subscribers, event) {
                Err(error) if self.lost_a_race(&error) && races.next().is_some() => {}
                put => return put,
            }
        }
    }

    fn put_together_once(&self, subscribers: &[Subscriber], event: Told<'_>) -> Result<u64, StoreError> {
        if fault!("put-together-in-parts") {
            return Ok(self.put_many_on_record(subscribers, event)?);
        }
        // Before anything of a subscriber is read.
        let others = self.other_nodes()?;
        // In the order of the keys: who holds one and waits for another waits for nobody who waits for it.
        let mut sealed = BTreeMap::new();
        for subscriber in subscribers {
            let Sealed { row, life } = self.custody.seal(subscriber).wait()?;
            sealed.insert(SubscriberKey::from(&subscriber.supi), (subscriber, row, life));
        }
        if sealed.values().any(|(one, ..)| event(one, false).is_some()) {
            self.records.wait_for_event_room(sealed.len());
        }
        // Whatever may be refused is refused before the first is frozen.
        let mut all = Vec::with_capacity(sealed.len());
        for (key, (subscriber, row, life)) in sealed {
            let hold = self.issuer.hold_blocking(&key)?;
            let held = self.look(subscriber, hold, How::NewOrReplaced, (row, life))?;
            let told = event(subscriber, held.there);
            all.push((held, told));
        }
        let mut chunk = Chunk::new(event);
        chunk.others = others;
        let events = all.iter().filter(|(_, told)| told.is_some()).count();
        if events > 0 {
            chunk.room = Some(self.records.event_rooms(events).ok_or(StoreError::NotOnRecord)?);
        }
        for (held, told) in all {
            self.freeze(held, How::NewOrReplaced, told, &mut chunk, None)?;
        }
        let mut done = 0;
        self.flush(&mut chunk, &mut done)?;
        Ok(done)
    }

    /// Removes a subscriber, durable before it returns; whether there was one. Blocks.
    ///
    /// What was issued is remembered, so that the same card never sees an SQN twice.
    ///
    /// # Errors
    /// When writing fails.
    pub fn remove(&self, supi: &Supi) -> Result<bool, StoreError> {
        self.remove_on_record(supi, None)
    }

    /// [`SubscriberStore::remove`], with what the audit log is told of it: durable in the same commit. Blocks.
    ///
    /// # Errors
    /// As [`SubscriberStore::remove`]; [`StoreError::NotOnRecord`] when too many events wait for the log.
    pub fn remove_on_record(&self, supi: &Supi, event: Option<Event>) -> Result<bool, StoreError> {
        let mut races = 0..RACES;
        loop {
            let mut unit = Unit::new();
            event.into_iter().for_each(|event| unit.event(event));
            match self.remove_with(supi, unit) {
                Err(error) if self.lost_a_race(&error) && races.next().is_some() => {}
                removed => return removed,
            }
        }
    }

    /// Removes a subscriber together with what a unit says: both in one commit, durable before it returns, or neither; whether there was
    /// one. Blocks.
    ///
    /// # Errors
    /// As [`SubscriberStore::remove_on_record`]; those of a unit, [`StoreError::Conflict`] among them: then the subscriber is still there.
    pub fn remove_with(&self, supi: &Supi, with: Unit) -> Result<bool, StoreError> {
        let key = SubscriberKey::from(supi);
        let hold = self.issuer.hold_blocking(&key)?;
        if !hold.load(&*self.engine, None)? {
            return Ok(false);
        }
        let others = self.other_nodes()?;
        let ticket = Arc::new(Ticket::default());
        hold.freeze(&ticket, |entry| {
            let issuer = entry.issuer.as_ref().ok_or(StoreError::UnknownSubscriber)?;
            let over = issuer.portable(self.issuer.clock_of_all(others.as_ref()).highest);
            let mut unit = Batch::default();
            rows::remove(&mut unit, &key, self.issuer.expects(entry.version));
            if let Some(others) = &others {
                others.stay(&mut unit, self.issuer.node.index());
            }
            if !fault!("removed-forgotten") {
                self.remember(&mut unit, &key, entry.owner, &over);
            }
            let effects = vec![Effect::Replaced(key.clone(), None)];
            self.records.enter_with(with, unit, effects, Arc::clone(&ticket))?;
            Ok::<_, StoreError>(((), true))
        })?;
        ticket.wait().map(|()| true)
    }

    /// `done` counts those that are durable, also where it fails.
    fn put<'a>(
        &self,
        subscribers: impl Iterator<Item = &'a Subscriber>,
        how: How,
        event: Told<'_>,
        done: &mut u64,
    ) -> Result<(), StoreError> {
        let mut subscribers = subscribers.fuse();
        let mut chunk = Chunk::new(event);
        loop {
            // All are at hand before the first is frozen: the iterator may take its time, or ask this store.
            let some: Vec<_> = subscribers.by_ref().take(CHUNK).collect();
            if some.is_empty() {
                return Ok(());
            }
            // Only what is told has to wait for the log.
            if some.iter().any(|one| event(one, false).is_some()) || fault!("room-for-no-event") {
                self.records.wait_for_event_room(some.len());
            }
            let (before, mut races) = (*done, 0..RACES);
            loop {
                match self.put_some(&some, how, &mut chunk, done) {
                    // Another node was first: all of them again.
                    Err(error) if self.lost_a_race(&error) && races.next().is_some() => *done = before,
                    put => break put?,
                }
            }
        }
    }

    fn put_some(
        &self,
        some: &[&Subscriber],
        how: How,
        chunk: &mut Chunk<'_>,
        done: &mut u64,
    ) -> Result<(), StoreError> {
        chunk.others = self.other_nodes()?;
        for subscriber in some {
            if let Err(error) = self.put_one(subscriber, how, chunk, done) {
                // What is frozen by this chunk must not stay so.
                self.flush(chunk, done)?;
                return Err(error);
            }
        }
        self.flush(chunk, done)
    }

    fn put_one(
        &self,
        subscriber: &Subscriber,
        how: How,
        chunk: &mut Chunk<'_>,
        done: &mut u64,
    ) -> Result<(), StoreError> {
        let key = SubscriberKey::from(&subscriber.supi);
        let Sealed { row, life } = self.custody.seal(subscriber).wait()?;
        let early = fault!("clock-before-lock-put").then(|| self.issuer.now());
        let hold = loop {
            let ticket = match self.issuer.hold(&key) {
                Ok(hold) => break hold,
                Err(ticket) => ticket,
            };
            // The same SUPI twice in one chunk waits for the chunk itself.
            let own = Arc::ptr_eq(&ticket, &chunk.ticket);
            let ticket = waiting(&ticket)?;
            // Who waits holds nothing that another may wait for.
            if own || !fault!("put-waits-while-holding") {
                self.flush(chunk, done)?;
            }
            if !own {
                let _ = ticket.wait();
            }
        };
        let held = self.look(subscriber, hold, how, (row, life))?;
        let event = (chunk.event)(subscriber, held.there);
        if event.is_some() {
            // Before anything is frozen.
            match &mut chunk.room {
                Some(room) => {
                    if !room.grow() {
                        return Err(StoreError::NotOnRecord);
                    }
                }
                none => *none = Some(self.records.event_room().ok_or(StoreError::NotOnRecord)?),
            }
        }
        self.freeze(held, how, event, chunk, early)
    }

    /// Reads what is known of a subscriber that nobody else changes, before anything is frozen.
    fn look<'s>(
        &'s self,
        subscriber: &'s Subscriber,
        hold: Hold<'s>,
        how: How,
        (row, life): (Vec<u8>, Life),
    ) -> Result<Held<'s>, StoreError> {
        let there = hold.load(&*self.engine, None)?;
        let seen = hold.with(|entry| entry.issuer.as_ref().map(|_| entry.version));
        match how {
            How::New if there => return Err(StoreError::AlreadyExists),
            How::Changed if !there => return Err(StoreError::UnknownSubscriber),
            _ => {}
        }
        let before = Before {
            own: match fault!("life-forgotten") {
                true => None,
                false => self.issuer.life(&*self.engine, Table::LIVES, &life)?,
            },
            unowned: self.issuer.life(
                &*self.engine,
                Table::REMOVED,
                SubscriberKey::from(&subscriber.supi).octets(),
            )?,
        };
        Ok(Held {
            subscriber,
            hold,
            there,
            seen,
            row,
            life,
            before,
        })
    }

    /// Freezes it until the chunk's commit is settled, and puts it into that.
    fn freeze(
        &self,
        held: Held<'_>,
        how: How,
        event: Option<Event>,
        chunk: &mut Chunk<'_>,
        early: Option<Glc>,
    ) -> Result<(), StoreError> {
        let Held {
            subscriber,
            hold,
            there: _,
            seen,
            row,
            life,
            before,
        } = held;
        let key = SubscriberKey::from(&subscriber.supi);
        let ticket = Arc::clone(&chunk.ticket);
        hold.freeze(&ticket, |entry| {
            // Whoever issues here has seen what another node wrote since.
            if entry.issuer.as_ref().map(|_| entry.version) != seen {
                return Err(StoreError::Conflict(Conflict::Changed(SUBSCRIBER.name())));
            }
            // Under the lock, as it decides what is issued already.
            let mut clock = self.issuer.clock_of_all(chunk.others.as_ref());
            if let Some(early) = early {
                clock.now = early;
            }
            let given = Given {
                record: &subscriber.sqn,
                life,
                clock,
            };
            let expect = match &entry.issuer {
                Some(_) => self.issuer.expects(entry.version),
                None if self.issuer.is_shared() => Expect::Absent,
                None => Expect::Any,
            };
            let old = entry.issuer.as_ref().map(|old| (old, entry.owner));
            if how == How::Changed {
                let (issuer, owner) = old
                    .filter(|(_, owner)| owner.life == life)
                    .ok_or(StoreError::UnknownSubscriber)?;
                rows::put_credentials(&mut chunk.batch, &key, &row, &subscriber.subscription);
                if self.issuer.is_shared() {
                    // As they are: whoever else writes this subscriber has to look again.
                    let numbers = sqn_row::encode(self.issuer.keys(), &key, issuer.record(), &owner);
                    rows::put_numbers(&mut chunk.batch, &key, &numbers, expect);
                }
                let effect = Effect::Replaced(key.clone(), Some(Box::new((issuer.clone(), owner))));
                chunk.effects.push(effect);
                return Ok(((), true));
            }
            let (record, owner) = match old {
                Some((old, owner)) if owner.life == life => {
                    let record = self.succeed(given, old).of_the_same_card(old.record());
                    (record, owner)
                }
                Some((old, owner)) => {
                    let over = old.portable(clock.highest);
                    self.remember(&mut chunk.batch, &key, owner, &over);
                    let unowned = if owner.inherited { Some(over) } else { before.unowned };
                    self.begin(&mut chunk.batch, given, Before { unowned, ..before })
                }
                None => self.begin(&mut chunk.batch, given, before),
            };
            rows::put_credentials(&mut chunk.batch, &key, &row, &subscriber.subscription);
            let numbers = sqn_row::encode(self.issuer.keys(), &key, &record, &owner);
            rows::put_numbers(&mut chunk.batch, &key, &numbers, expect);
            let loaded = SqnIssuer::load(record);
            let effect = Effect::Replaced(key.clone(), Some(Box::new((loaded, owner))));
            chunk.effects.push(effect);
            Ok::<_, StoreError>(((), true))
        })?;
        chunk.events.extend(event);
        let gpsi = subscriber.subscription.gpsi.clone();
        chunk.gpsis.push((subscriber.supi.clone(), gpsi));
        Ok(())
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
        if self.issuer.is_shared() && !fault!("end-of-a-life-not-told") {
            nodes::ended_a_life(batch, self.issuer.node.index());
        }
    }

    /// The record of a life that begins or begins again.
    fn begin(&self, batch: &mut Batch, given: Given<'_>, before: Before) -> (SqnRecord, Owner) {
        let owner = Owner {
            life: given.life,
            inherited: false,
        };
        if let Some(own) = before.own {
            batch.remove(Table::LIVES, &given.life);
            let own = SqnIssuer::load(own);
            let record = self.succeed(given, &own).of_the_same_card(own.record());
            return (record, owner);
        }
        let record = match before.unowned {
            Some(before) => self.succeed(given, &SqnIssuer::load(before)),
            None => given.record.clone().anchored(given.clock.now, &self.issuer.policy),
        };
        (record, owner)
    }

    fn succeed(&self, given: Given<'_>, old: &SqnIssuer) -> SqnRecord {
        let (policy, clock) = (&self.issuer.policy, given.clock);
        given
            .record
            .clone()
            .succeeding(old.record(), old.highest_issued(clock, policy), policy, clock.now)
    }

    fn flush(&self, chunk: &mut Chunk<'_>, done: &mut u64) -> Result<(), StoreError> {
        let Chunk {
            mut batch,
            mut effects,
            ticket,
            gpsis,
            event: _,
            events,
            room,
            others,
        } = std::mem::replace(chunk, Chunk::new(chunk.event));
        let count = effects.len();
        if count == 0 {
            chunk.others = others;
            return Ok(());
        }
        others
            .iter()
            .for_each(|others| others.stay(&mut batch, self.issuer.node.index()));
        if let Some(room) = room {
            effects.extend(room.effects(events));
        }
        self.queue.submit(Request {
            unit: batch,
            effects,
            ticket: Arc::clone(&ticket),
        })?;
        ticket.wait().map_err(|error| match error {
            StoreError::Conflict(Conflict::Taken(_, BY_GPSI)) => self.taken(&gpsis).unwrap_or(error),
            error => error,
        })?;
        *done += count as u64;
        chunk.others = self.other_nodes()?;
        Ok(())
    }

    /// Whose GPSI is another's: an engine says that there is one, and not which.
    fn taken(&self, gpsis: &[(Supi, Option<Gpsi>)]) -> Option<StoreError> {
        let together: HashSet<&Supi> = gpsis.iter().map(|(supi, _)| supi).collect();
        let mut given: HashMap<&Gpsi, &Supi> = HashMap::new();
        for (supi, gpsi) in gpsis {
            let Some(gpsi) = gpsi else { continue };
            let owner = match given.insert(gpsi, supi) {
                Some(earlier) => Some(earlier.clone()),
                // Who comes in the same commit gives up what it had.
                None => self.supi_of(gpsi).ok()?.filter(|owner| !together.contains(owner)),
            };
            if let Some(owner) = owner {
                return Some(StoreError::GpsiTaken {
                    supi: supi.clone(),
                    gpsi: gpsi.clone(),
                    owner,
                });
            }
        }
        None
    }
}

/// What may be there before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Nothing.
    New,
    /// Whatever.
    NewOrReplaced,
    /// The same card, whose numbers stay.
    Changed,
}

/// Subscribers on their way into one commit.
struct Chunk<'e> {
    batch: Batch,
    effects: Vec<Effect>,
    ticket: Arc<Ticket>,
    /// Who is to have which.
    gpsis: Vec<(Supi, Option<Gpsi>)>,
    /// What the audit log is told of a subscriber.
    event: Told<'e>,
    /// What it is told of these.
    events: Vec<Event>,
    /// Where that has its place, once there is a subscriber.
    room: Option<EventRoom>,
    /// What other nodes may have issued.
    others: Option<Nodes>,
}

impl<'e> Chunk<'e> {
    fn new(event: Told<'e>) -> Self {
        Self {
            batch: Batch::default(),
            effects: Vec::new(),
            ticket: Arc::default(),
            gpsis: Vec::new(),
            event,
            events: Vec::new(),
            room: None,
            others: None,
        }
    }
}

/// A subscriber that nobody else changes, on its way into a commit.
struct Held<'s> {
    subscriber: &'s Subscriber,
    hold: Hold<'s>,
    /// Whether it was there.
    there: bool,
    /// Which row of it was.
    seen: Option<Version>,
    row: Vec<u8>,
    life: Life,
    before: Before,
}

/// What is to be put.
#[derive(Clone, Copy)]
struct Given<'s> {
    record: &'s SqnRecord,
    life: Life,
    clock: ClockView,
}

/// What is remembered of before.
struct Before {
    /// What the life that is to begin had issued when it was over.
    own: Option<SqnRecord>,
    /// What a record of the first version knows of this SUPI, whosever it was.
    unowned: Option<SqnRecord>,
}
