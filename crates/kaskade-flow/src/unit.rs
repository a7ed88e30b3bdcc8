//! What happens together: changes of records, messages to others, events, in one commit or not at all.
//!
//! A unit is encoded when something is put into it, so that nothing generic is left, and sealed by the store. It is wiped when
//! dropped.

use alloc::vec::Vec;

use kaskade_crypto::seal::SecretWriter;

use crate::UnixMillis;
use crate::event::Event;
use crate::record::{Expect, Index, Kind, Protection, Record, RecordKey};

/// Changes that happen together.
#[derive(Debug, Default)]
#[must_use = "a unit that nobody commits is lost"]
pub struct Unit {
    changes: Vec<Change>,
    messages: Vec<Outgoing>,
    events: Vec<Event>,
    fault: Option<UnitError>,
}

/// What is in a unit, for the store.
#[derive(Debug)]
pub struct Parts {
    /// What becomes of records.
    pub changes: Vec<Change>,
    /// What is sent.
    pub messages: Vec<Outgoing>,
    /// What the audit log is told.
    pub events: Vec<Event>,
}

/// What a unit does with one record, for the store.
#[derive(Debug)]
pub struct Change {
    /// Of which kind.
    pub kind: Kind,
    /// Its key.
    pub key: Vec<u8>,
    /// What must be there before.
    pub expect: Expect,
    /// What it becomes, `None` to remove it.
    pub value: Option<Encoded>,
}

/// A record as octets, not sealed yet.
#[derive(Debug)]
pub struct Encoded {
    /// What is in clear.
    pub clear: Vec<u8>,
    /// What is to be sealed.
    pub secret: SecretWriter,
    /// From when on it counts as removed: milliseconds since the Unix epoch, 0 for never.
    pub expires: u64,
    /// Index and key in it.
    pub links: Vec<(u8, Vec<u8>)>,
}

/// Why a unit cannot be committed, whatever is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// A record of a kind that is not sealed wrote secrets.
    #[error("`{0}`: its kind is not sealed, and it has secrets")]
    Unsealed(&'static str),
    /// A record has a key or another part that is longer than rows may be.
    #[error("`{0}`: too long")]
    TooLong(&'static str),
}

/// The longest key, and the longest key in an index: octets.
pub const LONGEST_KEY: usize = 1024;
/// The longest record and the longest message: octets.
pub const LONGEST_RECORD: usize = 1 << 20;

impl Unit {
    /// With nothing in it.
    pub const fn new() -> Self {
        Self {
            changes: Vec::new(),
            messages: Vec::new(),
            events: Vec::new(),
            fault: None,
        }
    }

    /// Writes a record. Of several changes to one record the last counts.
    pub fn put<R: Record>(&mut self, key: &R::Key, record: &R, expect: Expect) {
        let kind = R::KIND;
        let octets = key.to_octets();
        let (mut clear, mut secret) = (Vec::new(), SecretWriter::new());
        record.encode(&mut clear, &mut secret);
        if kind.protection != Protection::Sealed && !secret.is_empty() {
            self.fault = Some(UnitError::Unsealed(kind.name));
        }
        let mut links = Vec::new();
        record.indexes(key, &mut |index: Index<'_>| {
            links.push((index.number, index.stored(&octets)));
        });
        let long = |octets: &Vec<u8>| octets.len() > LONGEST_KEY;
        if long(&octets) || links.iter().any(|(_, link)| long(link)) || clear.len() + secret.len() > LONGEST_RECORD {
            self.fault = Some(UnitError::TooLong(kind.name));
        }
        self.changes.push(Change {
            kind,
            key: octets,
            expect,
            value: Some(Encoded {
                clear,
                secret,
                // 0 is never.
                expires: record.expires().map_or(0, |end| end.get().max(1)),
                links,
            }),
        });
    }

    /// Removes a record.
    pub fn remove<R: Record>(&mut self, key: &R::Key, expect: Expect) {
        self.changes.push(Change {
            kind: R::KIND,
            key: key.to_octets(),
            expect,
            value: None,
        });
    }

    /// Sends a message once the rest of the unit is durable: it waits in an outbox until it is delivered.
    pub fn send(&mut self, message: Outgoing) {
        if message.order.len() > LONGEST_KEY || message.body.len() > LONGEST_RECORD {
            self.fault = Some(UnitError::TooLong(message.lane.name));
        }
        self.messages.push(message);
    }

    /// Says in the audit log what happens: it is durable with the rest of the unit.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.messages.is_empty() && self.events.is_empty() && self.fault.is_none()
    }

    /// What is in it, for the store.
    ///
    /// # Errors
    /// [`UnitError`] when it can never be committed.
    pub fn into_parts(self) -> Result<Parts, UnitError> {
        match self.fault {
            None => Ok(Parts {
                changes: self.changes,
                messages: self.messages,
                events: self.events,
            }),
            Some(fault) => Err(fault),
        }
    }
}

/// Where messages wait until they are delivered, such as those to one network function. Number and name are for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its number, which no other lane has.
    pub number: u16,
    /// Its name.
    pub name: &'static str,
    /// The version of its messages that is written; no other is read.
    pub version: u8,
    /// How many messages wait in it at most: a unit with another is refused.
    pub capacity: usize,
}

/// A message that waits in an outbox.
#[derive(Debug)]
pub struct Outgoing {
    /// Where it waits.
    pub lane: Lane,
    /// Messages with the same order key are delivered one after the other, in the order of their commits.
    pub order: Vec<u8>,
    /// Whether it takes the place of those with its order key that are not delivered yet.
    pub supersedes: bool,
    /// From when on it is worth nothing any more.
    pub until: Option<UnixMillis>,
    /// What it says; sealed.
    pub body: SecretWriter,
}

impl Outgoing {
    /// A message of a lane, after those with the same order key.
    pub fn new(lane: Lane, order: &impl RecordKey, body: SecretWriter) -> Self {
        Self {
            lane,
            order: order.to_octets(),
            supersedes: false,
            until: None,
            body,
        }
    }

    /// Takes the place of what was not delivered yet.
    #[must_use]
    pub fn superseding(self) -> Self {
        Self {
            supersedes: true,
            ..self
        }
    }

    /// Is worth nothing any more from then on.
    #[must_use]
    pub fn until(self, end: UnixMillis) -> Self {
        Self {
            until: Some(end),
            ..self
        }
    }
}
