//! The EMSKs that a process holds: one for each subscriber, as many as there is room for, none beyond its life.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use kaskade_flow::Moment;
use kaskade_flow::expiring::{Bounds, Everybody, Full, Missing, Table};
use kaskade_flow::machine::Machine;

use super::Anchor;

/// A subscriber in a table: a keyed hash of the SUPI. 16 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subscriber(pub u128);

impl Subscriber {
    const fn bits(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0.to_be_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// All of them. Who shares it between threads puts it behind a lock, or several by the subscriber.
///
/// What is in work is with whoever deals with a request for it ([`Anchors::begin`], [`Anchors::end`]); a second one is refused
/// meanwhile. What is retired while it is in work comes back from [`Anchors::end`], and is to be retired then.
pub struct Anchors {
    table: Table<Everybody, (Subscriber, Anchor)>,
    current: BTreeMap<Subscriber, Current>,
    serial: u64,
    /// Of all that are current.
    holders: usize,
}

/// Which EMSK is a subscriber's own, and how many hold keys below it as far as is known.
#[derive(Clone, Copy)]
struct Current {
    serial: u64,
    holders: usize,
}

/// An anchor in work.
#[must_use = "what is in work must be ended"]
#[derive(Debug)]
pub struct Begun {
    subscriber: Subscriber,
    serial: u64,
}

impl Begun {
    const fn id(&self) -> u128 {
        id(self.subscriber, self.serial)
    }

    const fn into_parts(self) -> (Subscriber, u64) {
        (self.subscriber, self.serial)
    }
}

/// No two entries have one, also of one subscriber.
const fn id(subscriber: Subscriber, serial: u64) -> u128 {
    (subscriber.bits() as u128) << 64 | serial as u128
}

impl Anchors {
    /// Room for so many.
    pub fn new(most: usize) -> Self {
        Self {
            table: Table::new(Bounds { all: most, per_user: 1 }),
            current: BTreeMap::new(),
            serial: 0,
            holders: 0,
        }
    }

    /// How many there are, with those in work.
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many hold keys below them, all together; of one in work as many as did before.
    pub const fn holders(&self) -> usize {
        self.holders
    }

    /// The most octets that one takes in a table beside itself.
    pub const ENTRY_OCTETS: usize = 256;

    /// Shows those that are not in work, until `visit` says no.
    pub fn each(&self, now: Moment, visit: &mut dyn FnMut(&Anchor) -> bool) -> bool {
        self.table.each(now, &mut |_, (_, anchor), _| visit(anchor))
    }

    /// The EMSKname of a subscriber's EMSK that is not in work, and what `look` sees of it.
    pub fn look<T>(&mut self, subscriber: Subscriber, now: Moment, look: impl FnOnce(&Anchor) -> T) -> Option<T> {
        let (begun, anchor) = self.begin(subscriber, now).ok()?;
        let seen = look(&anchor);
        // It was there just now.
        drop(self.end(begun, Some(anchor), now));
        Some(seen)
    }

    /// Holds an EMSK. What it takes the place of comes out, and is to be retired: the one that the subscriber had, unless it is in
    /// work, and where there is no more room the oldest of others. What is over comes out too.
    ///
    /// # Errors
    /// [`Full`], with what came out: all that there are, are in work. The EMSK is not held.
    pub fn hold(&mut self, subscriber: Subscriber, anchor: Anchor, now: Moment) -> (Vec<Anchor>, Result<(), Full>) {
        let mut gone = Vec::new();
        gone.extend(self.retire(subscriber, now).ok());
        self.serial += 1;
        let (deadline, holders) = (anchor.deadline(), anchor.holders_len());
        let mut out = Vec::new();
        let held = self.table.insert_telling(
            subscriber.bits(),
            Everybody,
            id(subscriber, self.serial),
            (subscriber, anchor),
            deadline,
            now,
            &mut |entry| out.push(entry),
        );
        self.forget(out, &mut gone);
        if held.is_ok() {
            self.make_current(subscriber, self.serial, holders);
        }
        (gone, held)
    }

    /// Takes an EMSK to work with it.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn begin(&mut self, subscriber: Subscriber, now: Moment) -> Result<(Begun, Anchor), Missing> {
        let begun = self.current(subscriber)?;
        match self.table.begin(begun.id(), Everybody, now) {
            Ok((_, anchor)) => Ok((begun, anchor)),
            Err(missing) => Err(self.missed(subscriber, missing)),
        }
    }

    /// Ends the work: puts it back, or not, where its life is over. What was retired meanwhile comes out, and is to be retired; the
    /// key that it gave is not to be told then.
    #[must_use = "what comes back was retired meanwhile: its holders are to be told"]
    pub fn end(&mut self, begun: Begun, anchor: Option<Anchor>, now: Moment) -> Option<Anchor> {
        let (subscriber, serial) = begun.into_parts();
        let id = id(subscriber, serial);
        let is_current = self.current.get(&subscriber).map(|current| current.serial) == Some(serial);
        let Some(anchor) = anchor else {
            self.table.end(id, None, now);
            if is_current {
                self.forget_current(subscriber);
            }
            return None;
        };
        if !is_current {
            self.table.end(id, None, now);
            return Some(anchor);
        }
        let deadline = anchor.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.table.end(id, None, now);
            self.forget_current(subscriber);
            return None;
        }
        self.make_current(subscriber, serial, anchor.holders_len());
        self.table.end(id, Some(((subscriber, anchor), deadline)), now);
        None
    }

    /// Takes out an EMSK that ends before its time, to be retired.
    ///
    /// # Errors
    /// [`Missing::InWork`]: whoever works with it gets it back from [`Anchors::end`].
    pub fn retire(&mut self, subscriber: Subscriber, now: Moment) -> Result<Anchor, Missing> {
        let begun = self.current(subscriber)?;
        let taken = self.table.take(begun.id(), Everybody, now);
        self.forget_current(subscriber);
        if matches!(taken, Err(Missing::InWork)) {
            self.table.forget(subscriber.bits(), Everybody);
        }
        taken.map(|(_, anchor)| anchor)
    }

    /// Removes those whose life is over; nobody is to be told of them.
    pub fn sweep(&mut self, now: Moment) -> usize {
        let (mut out, mut over) = (Vec::new(), Vec::new());
        self.table.sweep(now, &mut |entry| out.push(entry));
        self.forget(out, &mut over);
        over.len()
    }

    fn make_current(&mut self, subscriber: Subscriber, serial: u64, holders: usize) {
        let before = self.current.insert(subscriber, Current { serial, holders });
        let before = before.map_or(0, |before| before.holders);
        self.holders = self.holders.saturating_sub(before).saturating_add(holders);
    }

    fn forget_current(&mut self, subscriber: Subscriber) {
        let before = self.current.remove(&subscriber);
        self.holders = self.holders.saturating_sub(before.map_or(0, |before| before.holders));
    }

    fn current(&self, subscriber: Subscriber) -> Result<Begun, Missing> {
        let Current { serial, .. } = *self.current.get(&subscriber).ok_or(Missing::Unknown)?;
        Ok(Begun { subscriber, serial })
    }

    /// What is not there is nobody's current one.
    fn missed(&mut self, subscriber: Subscriber, missing: Missing) -> Missing {
        if missing == Missing::Unknown {
            self.forget_current(subscriber);
        }
        missing
    }

    fn forget(&mut self, out: Vec<(Subscriber, Anchor)>, gone: &mut Vec<Anchor>) {
        for (subscriber, anchor) in out {
            self.forget_current(subscriber);
            gone.push(anchor);
        }
    }
}
