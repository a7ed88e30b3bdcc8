//! Sequence numbers: what the network functions ask for, and what an AUTS changes.

use std::sync::Arc;

use kaskade_aka::sqn::{ClockView, Proof, Resynchronisation, SqnIssuer};
use kaskade_crypto::{Rand, Sqn};
use kaskade_faults::fault;
use kaskade_flow::Cover;
use kaskade_flow::event::Event;
use kaskade_keys::Supi;

use super::challenge::NotFollowed;
use super::custody::CardName;
use super::engine::Conflict;
use super::error::StoreError;
use super::issuer::Attempt;
use super::key::SubscriberKey;
use super::nodes::{NODE, Nodes};
use super::queue::{Effect, Request, Ticket};
use super::rows::SUBSCRIBER;
use super::sqn_row::Life;
use super::store::{Resynchronised, SubscriberStore};

/// How often another node may be first.
pub(crate) const RACES: usize = 32;

impl SubscriberStore {
    /// The next SQN for a vector that `requesting_node` asked for, when none of it has to become durable first; never
    /// blocks on the disk. `None`: call [`SubscriberStore::next_sqn`], which waits for the write that is under way.
    ///
    /// # Errors
    /// [`StoreError::UnknownSubscriber`]; [`StoreError::Sqn`] when the SQN are used up; [`StoreError::Write`] when what
    /// it needs could not be written.
    #[inline]
    pub fn next_sqn_now(&self, supi: &Supi, requesting_node: &str) -> Result<Option<Sqn>, StoreError> {
        self.issue_now(&SubscriberKey::from(supi), requesting_node, None)
    }

    /// The next SQN for a vector that `requesting_node` asked for. Blocks while what it needs becomes durable.
    ///
    /// # Errors
    /// As [`SubscriberStore::next_sqn_now`]. No SQN is given out whose reservation could not be written.
    pub fn next_sqn(&self, supi: &Supi, requesting_node: &str) -> Result<Sqn, StoreError> {
        self.issue(&SubscriberKey::from(supi), requesting_node, None)
    }

    /// [`SubscriberStore::next_sqn_now`] for a vector with the K of this card, which [`SubscriberStore::card`] gave. The SQN is
    /// durable as used already: its cover says so.
    ///
    /// # Errors
    /// [`StoreError::AnotherCard`] when the subscriber has another one by now: a K and the SQN of another would be a
    /// vector that may repeat one of before.
    #[inline]
    pub fn next_sqn_of_now(
        &self,
        supi: &Supi,
        card: &CardName,
        requesting_node: &str,
    ) -> Result<Option<(Sqn, Cover)>, StoreError> {
        let issued = self.issue_now(&SubscriberKey::from(supi), requesting_node, Some(&card.0))?;
        Ok(issued.map(|sqn| (sqn, Cover::known_to_store())))
    }

    /// [`SubscriberStore::next_sqn`] for a vector with the K of this card. Blocks while what it needs becomes durable.
    ///
    /// # Errors
    /// As [`SubscriberStore::next_sqn_of_now`].
    pub fn next_sqn_of(&self, supi: &Supi, card: &CardName, requesting_node: &str) -> Result<(Sqn, Cover), StoreError> {
        let sqn = self.issue(&SubscriberKey::from(supi), requesting_node, Some(&card.0))?;
        Ok((sqn, Cover::known_to_store()))
    }

    fn issue_now(
        &self,
        key: &SubscriberKey,
        requesting_node: &str,
        card: Option<&Life>,
    ) -> Result<Option<Sqn>, StoreError> {
        if self.issuer.is_shared() && card.is_none() {
            return Ok(None);
        }
        match self
            .issuer
            .attempt((&*self.engine, &self.queue), key, requesting_node, card)?
        {
            Attempt::Issued(sqn) => Ok(Some(sqn)),
            Attempt::Wait(_) | Attempt::Load => Ok(None),
        }
    }

    fn issue(&self, key: &SubscriberKey, requesting_node: &str, card: Option<&Life>) -> Result<Sqn, StoreError> {
        let mut races = 0..RACES;
        if self.issuer.is_shared() && card.is_none() {
            // Nobody has looked at the rows for this number.
            self.load(key, card)?;
        }
        loop {
            match self
                .issuer
                .attempt((&*self.engine, &self.queue), key, requesting_node, card)?
            {
                Attempt::Issued(sqn) => return Ok(sqn),
                Attempt::Wait(ticket) => match ticket.wait() {
                    // Another node was first: its row is looked at.
                    Err(error) if self.lost_a_race(&error) && races.next().is_some() => {}
                    waited => waited?,
                },
                Attempt::Load => self.load(key, card)?,
            }
        }
    }

    /// Whether somebody else's commit came before one of this node, which is to be tried again then.
    pub(crate) fn lost_a_race(&self, error: &StoreError) -> bool {
        let of = |table: &str| [SUBSCRIBER.name(), NODE.name()].contains(&table);
        let lost = match error {
            StoreError::Conflict(Conflict::Changed(table) | Conflict::Present(table)) => of(table),
            _ => false,
        };
        lost && self.issuer.is_shared()
    }

    /// What other nodes may have issued; `None` where there are none. Blocks.
    pub(crate) fn other_nodes(&self) -> Result<Option<Nodes>, StoreError> {
        let shared = self.issuer.is_shared();
        shared
            .then(|| Nodes::read(&*self.engine, self.sealer.keys()))
            .transpose()
    }

    /// Loads the record of a subscriber whose row is not at hand.
    fn load(&self, key: &SubscriberKey, card: Option<&Life>) -> Result<(), StoreError> {
        if fault!("loaded-without-a-hold") {
            let found = self.issuer.load(&*self.engine, key, card)?;
            let (record, owner) = found.ok_or(StoreError::UnknownSubscriber)?;
            let mut shard = self.issuer.shard(key);
            let entry = shard.entry_or_new(key);
            (entry.issuer, entry.owner) = (Some(SqnIssuer::load(record)), owner);
            return Ok(());
        }
        let asked = self.issuer.asks(key);
        if asked.is_loaded() && self.issuer.is_shared() {
            let found = self.issuer.look(&*self.engine, key)?;
            self.issuer.compare(key, asked, found);
            return Ok(());
        }
        let hold = self.issuer.hold_blocking(key)?;
        match hold.load(&*self.engine, card)? {
            true => Ok(()),
            false => Err(StoreError::UnknownSubscriber),
        }
    }

    /// Takes SQN_MS of an AUTS whose MAC-S was verified, and the RAND that it answers; what changes is durable before it
    /// returns. Blocks.
    ///
    /// # Errors
    /// [`StoreError::UnknownSubscriber`]; [`StoreError::Sqn`] when the card accepts nothing that is left to issue.
    pub fn resynchronise(&self, supi: &Supi, rand: &Rand, sqn_ms: Sqn) -> Result<Resynchronised, StoreError> {
        self.follow(supi, None, (rand, sqn_ms), &|_| None)
    }

    /// [`SubscriberStore::resynchronise`] for an AUTS that was verified with the K of this card. Blocks.
    ///
    /// # Errors
    /// [`StoreError::AnotherCard`] when the subscriber has another one by now.
    pub fn resynchronise_card(
        &self,
        supi: &Supi,
        card: &CardName,
        rand: &Rand,
        sqn_ms: Sqn,
    ) -> Result<Resynchronised, StoreError> {
        self.follow(supi, Some(&card.0), (rand, sqn_ms), &|_| None)
    }

    /// [`SubscriberStore::resynchronise_card`], with what the audit log is told of a change: durable in the same commit, and
    /// handed to the log behind it ([`crate::Records::hand_events_to`]). Blocks.
    ///
    /// # Errors
    /// As [`SubscriberStore::resynchronise_card`]; [`StoreError::NotOnRecord`] when too many events wait for the log.
    pub fn resynchronise_on_record(
        &self,
        supi: &Supi,
        card: &CardName,
        (rand, sqn_ms): (&Rand, Sqn),
        event: &dyn Fn(Resynchronised) -> Option<Event>,
    ) -> Result<Resynchronised, StoreError> {
        self.follow(supi, Some(&card.0), (rand, sqn_ms), event)
    }

    fn follow(
        &self,
        supi: &Supi,
        card: Option<&Life>,
        (rand, sqn_ms): (&Rand, Sqn),
        event: &dyn Fn(Resynchronised) -> Option<Event>,
    ) -> Result<Resynchronised, StoreError> {
        let key = SubscriberKey::from(supi);
        self.change(&key, card, event, |issuer, clock| {
            // Under the lock, as a success of meanwhile counts.
            let now = self.moment();
            let made_by = self.issuer.is_shared().then(|| self.issuer.node.index());
            let fresh = self.watch.fresh(self.sealer.keys(), (&key, made_by), rand, now);
            let proof = match fresh {
                Ok(made) => Proof::Fresh {
                    made: if fault!("auts-followed-twice") { now.0 } else { made.0 },
                    now: now.0,
                },
                Err(_) => Proof::Stale {
                    made: self.sealer.keys().recognise(key.octets(), rand),
                },
            };
            if let Ok(made) = fresh {
                self.watch.pass(made);
            }
            let (seq_ms, _) = issuer.record().layout().split(sqn_ms);
            Ok(match issuer.resynchronise(seq_ms, proof, clock, &self.issuer.policy)? {
                Resynchronisation::InStep => (Resynchronised::InStep, None),
                Resynchronisation::Stale => {
                    let why = fresh.err().unwrap_or(NotFollowed::Used);
                    (Resynchronised::NotFollowed(why), None)
                }
                Resynchronisation::BelowShown => (Resynchronised::NotFollowed(NotFollowed::BelowShown), None),
                Resynchronisation::Limited => (Resynchronised::NotFollowed(NotFollowed::TooOften), None),
                Resynchronisation::Raised(moved) => (Resynchronised::Raised, Some(moved.into_issuer())),
                Resynchronisation::NewEpoch(moved) => (Resynchronised::NewEpoch, Some(moved.into_issuer())),
                Resynchronisation::Reused(moved) => (Resynchronised::Reused, Some(moved.into_issuer())),
            })
        })
    }

    /// Lets the next fresh AUTS of a card be followed wherever it is, once, even where the policy says never to use
    /// numbers again or it was followed too often; durable before it returns. Blocks.
    ///
    /// # Errors
    /// [`StoreError::UnknownSubscriber`].
    pub fn allow_reuse(&self, supi: &Supi) -> Result<(), StoreError> {
        self.allow_reuse_on_record(supi, None)
    }

    /// [`SubscriberStore::allow_reuse`], with what the audit log is told of it: durable in the same commit. Blocks.
    ///
    /// # Errors
    /// As [`SubscriberStore::allow_reuse`]; [`StoreError::NotOnRecord`] when too many events wait for the log.
    pub fn allow_reuse_on_record(&self, supi: &Supi, event: Option<Event>) -> Result<(), StoreError> {
        self.change(&SubscriberKey::from(supi), None, &|()| event, |issuer, _| {
            let mut granted = issuer.clone();
            granted.reserved(issuer.record().clone().granted());
            Ok(((), Some(granted)))
        })
    }

    /// Takes another issuer for a subscriber, if `decide` gives one, and makes its record durable. Nothing is issued
    /// meanwhile. Blocks.
    fn change<R: Copy>(
        &self,
        key: &SubscriberKey,
        card: Option<&Life>,
        event: &dyn Fn(R) -> Option<Event>,
        decide: impl Fn(&SqnIssuer, ClockView) -> Result<(R, Option<SqnIssuer>), StoreError>,
    ) -> Result<R, StoreError> {
        let mut races = 0..RACES;
        loop {
            match self.change_once(key, card, event, &decide) {
                Err(error) if self.lost_a_race(&error) && races.next().is_some() => {}
                changed => return changed,
            }
        }
    }

    fn change_once<R: Copy>(
        &self,
        key: &SubscriberKey,
        card: Option<&Life>,
        event: &dyn Fn(R) -> Option<Event>,
        decide: &impl Fn(&SqnIssuer, ClockView) -> Result<(R, Option<SqnIssuer>), StoreError>,
    ) -> Result<R, StoreError> {
        let early = fault!("clock-before-lock-resynchronise").then(|| self.issuer.clock());
        while self.issuer.clock().is_none() {
            self.queue.start_clock()?.wait()?;
        }
        let hold = self.issuer.hold_blocking(key)?;
        if !hold.load(&*self.engine, card)? {
            return Err(StoreError::UnknownSubscriber);
        }
        let others = self.other_nodes()?;
        let ticket = Arc::new(Ticket::default());
        let (done, waits) = hold.freeze(&ticket, |entry| {
            // Under the lock: what it decides holds while nothing is issued.
            let clock = early
                .flatten()
                .unwrap_or_else(|| self.issuer.clock_of_all(others.as_ref()));
            entry.belongs_to(card)?;
            let owner = entry.owner;
            let issuer = entry.issuer.as_ref().ok_or(StoreError::UnknownSubscriber)?;
            let (done, changed) = decide(issuer, clock)?;
            let Some(changed) = changed else {
                return Ok::<_, StoreError>(((done, false), false));
            };
            let unit = self.issuer.unit_of_move(key, entry, changed.record(), others.as_ref());
            let mut effects = vec![Effect::Replaced(key.clone(), Some(Box::new((changed, owner))))];
            if let Some(event) = event(done) {
                let room = self.records.event_room().ok_or(StoreError::NotOnRecord)?;
                effects.extend(room.effects(vec![event]));
            }
            self.queue.submit(Request {
                unit,
                effects,
                ticket: Arc::clone(&ticket),
            })?;
            Ok(((done, true), true))
        })?;
        if waits {
            ticket.wait()?;
        }
        Ok(done)
    }
}
