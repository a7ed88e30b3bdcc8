//! The processes of the nodes as they are between two actions, and what issues their numbers, set up anew for each.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kaskade_aka::sqn::{Glc, GlobalCounter, IndPlaces, NodeIndex, SqnIssuer, SqnPolicy, SqnRecord};
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_keys::Supi;

use super::super::{NODE, Places, Shares};
use super::database::{NodeRows, Numbered, Of};
use super::search::Kept;
use super::{Card, Lease, NODES};
use crate::compare::Asked;
use crate::engine::{Batch, Change, Expect, Version};
use crate::issuer::{Busy, Entry, Issuer};
use crate::key::SubscriberKey;
use crate::locked::Locked;
use crate::master_key::MasterKey;
use crate::memory::MemoryEngine;
use crate::queue::{Effect, Queue, Request, Ticket};
use crate::rows::{Part, PartKey, SUBSCRIBER};
use crate::seal::Sealer;
use crate::sqn_row::Owner;

/// One that has a number of a node.
#[derive(Clone, Hash)]
pub(super) enum Process {
    Away,
    /// It has read the nodes, and is to become one of them.
    Joins(Rc<NodeRows>),
    /// It waits until all go by these shares.
    Waits(Rc<Shares>),
    /// The same; these leases it has read.
    Asks(Rc<Shares>, [Lease; NODES]),
    Runs(Kept<Running>),
}

#[derive(Clone, Hash)]
pub(super) struct Running {
    pub(super) counter: GlobalCounter,
    pub(super) now: Glc,
    /// `None` before the first one of this life.
    pub(super) mark: Option<Glc>,
    pub(super) said_mark: Glc,
    pub(super) places: IndPlaces,
    pub(super) shares: Rc<Shares>,
    /// It has not said yet that it goes by them.
    pub(super) says: bool,
    pub(super) entry: Option<Held>,
    /// The rows of the card are asked for.
    pub(super) reading: Option<Reading>,
    pub(super) auts: Option<Auts>,
    /// Waits for the committer.
    pub(super) queue: Option<Flight>,
    /// Of a commit whose outcome this process has not heard yet.
    pub(super) sent: Option<Sent>,
}

/// An [`Entry`] of the table.
#[derive(Clone, Hash)]
pub(super) struct Held {
    pub(super) issuer: Rc<SqnIssuer>,
    pub(super) version: Of,
    pub(super) compared: Option<Glc>,
}

/// What the server has answered, whenever it arrives.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) asked: Asked,
    pub(super) record: Rc<SqnRecord>,
    pub(super) version: Of,
}

/// Without the version that it had: see [`Of`].
impl Hash for Reading {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.asked.is_loaded(), self.asked.mark(), &self.record).hash(hasher);
    }
}

/// An AUTS that is looked into: the card is held.
#[derive(Clone, Hash)]
pub(super) enum Auts {
    Asks(Card, Reading),
    Knows(Card, Rc<NodeRows>),
}

/// A unit that writes the card's numbers.
#[derive(Clone, Hash)]
pub(super) struct Flight {
    pub(super) what: What,
    /// `None` for any.
    expect: Option<Of>,
    looks: Vec<(Box<[u8]>, Of)>,
}

#[derive(Clone, Debug, Hash)]
pub(super) enum What {
    Reserved(Rc<SqnRecord>, Of),
    /// And whether an epoch begins.
    Moved(Rc<SqnIssuer>, bool),
}

#[derive(Clone, Hash)]
pub(super) struct Sent {
    /// And the version that it wrote, if it happened.
    pub(super) numbers: Option<(What, Option<Of>)>,
    pub(super) mark: Option<Glc>,
}

impl Running {
    fn busy(&self) -> Busy {
        let sent = self.sent.as_ref().and_then(|sent| Some(&sent.numbers.as_ref()?.0));
        let ticket = Arc::<Ticket>::default;
        match self.queue.as_ref().map(|flight| &flight.what).or(sent) {
            Some(What::Reserved(..)) => Busy::Reserving(ticket()),
            Some(What::Moved(..)) => Busy::Frozen(ticket()),
            None if self.auts.is_some() || self.loads() => Busy::Held(ticket()),
            None => Busy::No,
        }
    }

    /// Whoever asks for the rows of a card that is not in the table holds it.
    fn loads(&self) -> bool {
        let reading = self.reading.as_ref();
        reading.is_some_and(|reading| !reading.asked.is_loaded())
    }

    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.busy(), Busy::No)
    }

    /// The versions that it knows of.
    pub(super) fn versions(&self, numbered: &mut Numbered) {
        let reading = |numbered: &mut Numbered, reading: &Reading| {
            reading.asked.had.iter().for_each(|had| numbered.card(*had));
            numbered.card(reading.version.0);
        };
        let what = |numbered: &mut Numbered, what: &What| {
            if let What::Reserved(_, of) = what {
                numbered.card(of.0);
            }
        };
        self.entry.iter().for_each(|held| numbered.card(held.version.0));
        self.reading.iter().for_each(|asked| reading(numbered, asked));
        match &self.auts {
            Some(Auts::Asks(_, asked)) => reading(numbered, asked),
            Some(Auts::Knows(_, rows)) => numbered.rows(rows),
            None => {}
        }
        if let Some(flight) = &self.queue {
            what(numbered, &flight.what);
            flight.expect.iter().for_each(|of| numbered.card(of.0));
            flight.looks.iter().for_each(|(key, of)| numbered.row(key, of.0));
        }
        if let Some((written, done)) = self.sent.as_ref().and_then(|sent| sent.numbers.as_ref()) {
            what(numbered, written);
            done.iter().for_each(|of| numbered.card(of.0));
        }
    }
}

impl What {
    pub(super) fn record(&self) -> Rc<SqnRecord> {
        match self {
            Self::Reserved(record, _) => Rc::clone(record),
            Self::Moved(issuer, _) => Rc::new(issuer.record().clone()),
        }
    }
}

impl Flight {
    pub(super) fn of(unit: &Batch, what: What) -> Self {
        let [change] = unit.changes() else {
            panic!("one row has the numbers: {unit:?}");
        };
        let expect = match change.expect {
            Expect::Any => None,
            Expect::Version(version) => Some(Of(version)),
            Expect::Absent => panic!("the card is there"),
        };
        let looks = unit.looks().iter().map(|(_, key, version)| (key.clone(), Of(*version)));
        Self {
            what,
            expect,
            looks: looks.collect(),
        }
    }

    /// What an engine looks at before it makes the unit happen.
    pub(super) fn unit(&self, key: &SubscriberKey) -> Batch {
        let mut unit = Batch::default();
        unit.push(Change {
            table: SUBSCRIBER,
            key: PartKey::new(key, Part::Numbers).to_vec().into(),
            expect: self.expect.map_or(Expect::Any, |of| Expect::Version(of.0)),
            value: None,
        });
        for (key, of) in &self.looks {
            unit.look(NODE, key, of.0);
        }
        unit
    }
}

/// What all processes have the same of.
pub(super) struct Machine {
    pub(super) policy: SqnPolicy,
    pub(super) key: SubscriberKey,
    owner: Owner,
    sealer: Arc<Locked<Sealer>>,
    pub(super) engine: MemoryEngine,
    pub(super) queue: Queue,
    /// Their counters only go on, so there is one for each moment.
    issuers: RefCell<HashMap<(usize, Glc), Issuer>>,
}

impl Machine {
    pub(super) fn new(policy: SqnPolicy) -> Self {
        let supi: Supi = "imsi-999700000000001".parse().expect("an IMSI");
        let (sealer, _) = Sealer::create(&MasterKey::from_octets(&[7; 32])).expect("random numbers");
        Self {
            policy,
            key: SubscriberKey::from(&supi),
            owner: Owner::default(),
            sealer: Arc::new(Locked::with(|| sealer)),
            engine: MemoryEngine::default(),
            queue: Queue::default(),
            issuers: RefCell::default(),
        }
    }

    pub(super) fn keys(&self) -> &StoreKeys {
        self.sealer.keys()
    }

    fn issuer(&self, node: usize, now: Glc) -> Issuer {
        let index = NodeIndex::new(u8::try_from(node).expect("few"), IndPlaces::COUNT).expect("few");
        let places = Some(Places::new(IndPlaces(0)));
        let issuer = Issuer::new(self.policy, (index, places), 64, Arc::clone(&self.sealer));
        issuer.set_now(now);
        issuer
    }

    /// Works on what issues the numbers of a process.
    pub(super) fn with<R>(&self, node: usize, process: &mut Running, work: impl FnOnce(&Issuer) -> R) -> R {
        let mut issuers = self.issuers.borrow_mut();
        let issuer = issuers
            .entry((node, process.now))
            .or_insert_with(|| self.issuer(node, process.now));
        let places = issuer.places.as_ref().expect("there are other nodes");
        places.0.store(process.places.0, Ordering::Release);
        if let Some(mark) = process.mark {
            issuer.settle(vec![Effect::Mark(mark)], Some(Version::default()));
        }
        let (busy, before) = (process.busy(), process.entry.take());
        if before.is_some() || matches!(busy, Busy::Held(_)) {
            let entry = Entry {
                issuer: before.as_ref().map(|held| SqnIssuer::clone(&held.issuer)),
                owner: self.owner,
                busy,
                version: before.as_ref().map(|held| held.version.0).unwrap_or_default(),
                compared: before.as_ref().and_then(|held| held.compared),
            };
            *issuer.shard(&self.key).entry_or_new(&self.key) = entry;
        }
        let done = work(issuer);
        let mut shard = issuer.shard(&self.key);
        process.entry = shard.entry(&self.key).and_then(|entry| {
            let issuer = entry.issuer.take()?;
            let same = before.filter(|held| *held.issuer == issuer);
            Some(Held {
                issuer: same.map_or_else(|| Rc::new(issuer), |held| held.issuer),
                version: Of(entry.version),
                compared: entry.compared,
            })
        });
        shard.forget(&self.key);
        drop(shard);
        process.mark = issuer.mark();
        process.places = places.get();
        done
    }

    /// The unit that was handed to the committer, if one was.
    pub(super) fn taken(&self) -> Option<Flight> {
        let mut requests = self.queue.take_now().requests;
        let request: &mut Request = requests.first_mut()?;
        match request.effects.pop() {
            Some(Effect::Reserved(_, record, of)) => {
                Some(Flight::of(&request.unit, What::Reserved(Rc::new(record), Of(of))))
            }
            _ => None,
        }
    }

    /// What becomes of a unit in the table.
    pub(super) fn effect(&self, what: What) -> Effect {
        match what {
            What::Reserved(record, of) => Effect::Reserved(self.key.clone(), SqnRecord::clone(&record), of.0),
            What::Moved(issuer, _) => {
                let replaced = (SqnIssuer::clone(&issuer), self.owner);
                Effect::Replaced(self.key.clone(), Some(Box::new(replaced)))
            }
        }
    }

    /// Whose the numbers are.
    pub(super) fn owner(&self) -> Owner {
        self.owner
    }
}
