//! What the audit log holds: entries of 96 octets, without heap.
//!
//! An [`Event`] says who got, changed or was refused what, about whom. Peers are eight octets in it; a [`Name`] introduces
//! each once in a segment of the log. A [`Gap`] says from when until when entries may be missing, or how many do.
//!
//! ```text
//! event  version 1 ‖ outcome 1 ‖ action 2 ‖ reason 2 ‖ index 2 ‖ at 8 ‖ peer 8 ‖ pseudonym 8 ‖ masked subject 24
//!        ‖ name of the key 16 ‖ fingerprint 4 ‖ correlation 8 ‖ serial 8 ‖ count 4
//! name   version 1 ‖ 16 ‖ part 2 ‖ parts 2 ‖ octets 2 ‖ peer 8 ‖ text 80
//! gap    version 1 ‖ 17 ‖ reason 2 ‖ 0 4 ‖ from 8 ‖ until 8 ‖ lost 8 ‖ at most ms 8 ‖ refusals from 8 or 0 ‖ 0 48
//! ```
//!
//! Numbers are most significant octet first, times are milliseconds since 1970-01-01 UTC, text is ASCII with zeros behind it.
//!
//! ```
//! use kaskade_flow::UnixMillis;
//! use kaskade_flow::event::{Action, Entry, Event, Outcome, PeerId, Subject};
//! use kaskade_keys::Supi;
//! use kaskade_keys::derivation::Fingerprint;
//!
//! let supi: Supi = "imsi-001010000000001".parse().expect("a SUPI");
//! let event = Event::new(Outcome::Released, Action::VectorGiven, UnixMillis::new(1_700_000_000_000))
//!     .by(PeerId::of("ausf.example.org"))
//!     .about(Subject::new([1; 8], &supi))
//!     .key("K_AUSF", Fingerprint::of_octets("K_AUSF", &[7; 32]));
//! assert_eq!(Entry::decode(&event.encode()), Ok(Entry::Event(event)));
//! assert_eq!(event.subject().masked(), "imsi-00101********01");
//! ```

mod code;
mod names;
mod subject;

pub use code::Fields;
pub use names::{Action, GapReason, Outcome, Reason};
pub use subject::{PeerId, Subject};

use core::fmt;

use kaskade_keys::derivation::Fingerprint;

use crate::Refusal;
use crate::moment::UnixMillis;
use code::{Writer, text};

/// Octets of an entry.
pub const ENTRY_LEN: usize = 96;
/// Octets of a name that one entry holds.
pub const NAME_PART_LEN: usize = 80;
/// The most entries that a name takes: what is longer is cut.
pub const NAME_PARTS: usize = 4;

/// The version of entries that this program writes and reads.
const VERSION: u8 = 1;
const NAME: u8 = 16;
const GAP: u8 = 17;

/// One thing that happened: 96 octets in the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event {
    outcome: Outcome,
    action: Action,
    reason: Reason,
    at: UnixMillis,
    peer: PeerId,
    subject: Subject,
    key: [u8; 16],
    fingerprint: [u8; 4],
    correlation: u64,
    serial: u64,
    index: u16,
    count: u32,
}

impl Event {
    /// What happened, and when, once.
    #[inline]
    pub const fn new(outcome: Outcome, action: Action, at: UnixMillis) -> Self {
        Self {
            outcome,
            action,
            reason: Reason::None,
            at,
            peer: PeerId::NOBODY,
            subject: Subject::NOBODY,
            key: [0; 16],
            fingerprint: [0; 4],
            correlation: 0,
            serial: 0,
            index: 0,
            count: 1,
        }
    }

    /// Who asked.
    #[inline]
    pub const fn by(mut self, peer: PeerId) -> Self {
        self.peer = peer;
        self
    }

    /// Whom it is about.
    #[inline]
    pub const fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Why, or with which result.
    #[inline]
    pub const fn because(mut self, reason: Reason) -> Self {
        self.reason = reason;
        self
    }

    /// Which key: of its name the first 16 octets, and its fingerprint.
    #[inline]
    pub fn key(mut self, name: &str, fingerprint: Fingerprint) -> Self {
        self.key = text(name);
        self.fingerprint = fingerprint.octets();
        self
    }

    /// The same as what is about to happen.
    #[inline]
    pub const fn announced(mut self) -> Self {
        self.outcome = Outcome::Noted;
        self
    }

    /// The same as what has not happened, for this reason.
    #[inline]
    pub const fn not_done(mut self, why: Refusal) -> Self {
        self.outcome = Outcome::Refused;
        self.reason = Reason::Refused(why);
        self
    }

    /// What belongs together has the same number; 0 for none.
    #[inline]
    pub const fn correlated(mut self, correlation: u64) -> Self {
        self.correlation = correlation;
        self
    }

    /// How often it happened.
    #[inline]
    pub const fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// It is in the same commit of the store as what it tells: the commit's serial, from 1 on, and its place there.
    #[inline]
    pub const fn committed(mut self, serial: u64, index: u16) -> Self {
        self.serial = serial;
        self.index = index;
        self
    }

    /// What came of it.
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What was done or asked for.
    pub const fn action(&self) -> Action {
        self.action
    }

    /// Why, or with which result.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// When.
    pub const fn at(&self) -> UnixMillis {
        self.at
    }

    /// Who asked.
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Whom it is about.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The name of the key and the octets of its fingerprint; `None` without a key.
    pub fn key_name(&self) -> Option<(&str, [u8; 4])> {
        let name = code::shown(&self.key);
        (!name.is_empty()).then_some((name, self.fingerprint))
    }

    /// What belongs together has the same number; 0 for none.
    pub const fn correlation(&self) -> u64 {
        self.correlation
    }

    /// How often it happened.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The serial of the store's commit that it came with, and its place there.
    pub const fn commit(&self) -> Option<(u64, u16)> {
        match self.serial {
            0 => None,
            serial => Some((serial, self.index)),
        }
    }

    /// Its octets.
    #[inline]
    pub fn encode(&self) -> [u8; ENTRY_LEN] {
        let mut out = Writer::new(VERSION, self.outcome.number());
        out.put(self.action.number().to_be_bytes());
        out.put(self.reason.number().to_be_bytes());
        out.put(self.index.to_be_bytes());
        out.put(self.at.get().to_be_bytes());
        out.put(self.peer.octets());
        out.put(self.subject.pseudonym());
        out.put(*self.subject.octets());
        out.put(self.key);
        out.put(self.fingerprint);
        out.put(self.correlation.to_be_bytes());
        out.put(self.serial.to_be_bytes());
        out.put(self.count.to_be_bytes());
        out.octets()
    }

    fn decode(outcome: Outcome, from: &mut Fields<'_>) -> Result<Self, EventError> {
        let action = u16::from_be_bytes(from.take());
        let reason = u16::from_be_bytes(from.take());
        let event = Self {
            outcome,
            action: Action::of(action).ok_or(EventError::Number {
                what: "action",
                number: action,
            })?,
            reason: Reason::of(reason).ok_or(EventError::Number {
                what: "reason",
                number: reason,
            })?,
            index: u16::from_be_bytes(from.take()),
            at: UnixMillis::new(u64::from_be_bytes(from.take())),
            peer: PeerId::from_octets(from.take()),
            subject: Subject::from_octets(from.take(), from.take())?,
            key: code::checked(from.take(), "key name")?,
            fingerprint: from.take(),
            correlation: u64::from_be_bytes(from.take()),
            serial: u64::from_be_bytes(from.take()),
            count: u32::from_be_bytes(from.take()),
        };
        if event.serial == 0 && event.index != 0 {
            return Err(EventError::Form("a place in a commit without its serial"));
        }
        if event.key == [0; 16] && event.fingerprint != [0; 4] {
            return Err(EventError::Form("a fingerprint without the name of its key"));
        }
        Ok(event)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Event({} {} at {})",
            self.action.name(),
            self.outcome.name(),
            self.at.get()
        )
    }
}

/// A part of a peer's name: a name that is longer than 80 octets takes more entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    peer: PeerId,
    part: u16,
    parts: u16,
    len: u16,
    text: [u8; NAME_PART_LEN],
}

impl Name {
    /// The entries that introduce a peer, at most [`NAME_PARTS`]. What is no printable ASCII becomes `?`.
    pub fn parts(peer: PeerId, name: &str) -> impl Iterator<Item = Self> + '_ {
        let octets = name.as_bytes();
        let octets = octets.get(..NAME_PART_LEN * NAME_PARTS).unwrap_or(octets);
        let parts = octets.len().div_ceil(NAME_PART_LEN);
        octets.chunks(NAME_PART_LEN).zip(0..).map(move |(chunk, part)| {
            let mut text = [0; NAME_PART_LEN];
            for (to, from) in text.iter_mut().zip(chunk) {
                *to = code::printable(*from);
            }
            Self {
                peer,
                part,
                parts: u16::try_from(parts).unwrap_or(u16::MAX),
                len: u16::try_from(chunk.len()).unwrap_or(u16::MAX),
                text,
            }
        })
    }

    /// Whose name it is.
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Which part it is, counted from 0.
    pub const fn part(&self) -> u16 {
        self.part
    }

    /// The text of this part.
    pub fn text(&self) -> &str {
        code::shown(&self.text)
    }

    /// Its octets.
    pub fn encode(&self) -> [u8; ENTRY_LEN] {
        let mut out = Writer::new(VERSION, NAME);
        out.put(self.part.to_be_bytes());
        out.put(self.parts.to_be_bytes());
        out.put(self.len.to_be_bytes());
        out.put(self.peer.octets());
        out.put(self.text);
        out.octets()
    }

    fn decode(from: &mut Fields<'_>) -> Result<Self, EventError> {
        let name = Self {
            part: u16::from_be_bytes(from.take()),
            parts: u16::from_be_bytes(from.take()),
            len: u16::from_be_bytes(from.take()),
            peer: PeerId::from_octets(from.take()),
            text: code::checked(from.take(), "name")?,
        };
        if usize::from(name.len) != name.text().len() || name.len == 0 {
            return Err(EventError::Form("a name of another length than it says"));
        }
        if name.part >= name.parts || usize::from(name.parts) > NAME_PARTS {
            return Err(EventError::Form("a part of a name that has fewer"));
        }
        Ok(name)
    }
}

/// Entries that are missing, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// What happened later than this,
    pub from: UnixMillis,
    /// and until this.
    pub until: UnixMillis,
    /// How many entries are missing; `None` when nobody can know.
    pub lost: Option<u64>,
    /// Of the time between, how much at most has no entries: milliseconds.
    pub at_most_ms: u64,
    /// Refusals are counted for a while before they are written: those from then on until the log was opened again may be missing.
    pub refusals: Option<UnixMillis>,
}

impl Gap {
    /// Its octets.
    pub fn encode(&self) -> [u8; ENTRY_LEN] {
        let mut out = Writer::new(VERSION, GAP);
        out.put(self.reason.number().to_be_bytes());
        out.put([0; 4]);
        out.put(self.from.get().to_be_bytes());
        out.put(self.until.get().to_be_bytes());
        out.put(self.lost.unwrap_or(u64::MAX).to_be_bytes());
        out.put(self.at_most_ms.to_be_bytes());
        out.put(self.refusals.map_or(0, UnixMillis::get).to_be_bytes());
        out.octets()
    }

    fn decode(from: &mut Fields<'_>) -> Result<Self, EventError> {
        let reason = u16::from_be_bytes(from.take());
        let zeros: [u8; 4] = from.take();
        let gap = Self {
            reason: GapReason::of(reason).ok_or(EventError::Number {
                what: "reason of a gap",
                number: reason,
            })?,
            from: UnixMillis::new(u64::from_be_bytes(from.take())),
            until: UnixMillis::new(u64::from_be_bytes(from.take())),
            lost: Some(u64::from_be_bytes(from.take())).filter(|lost| *lost != u64::MAX),
            at_most_ms: u64::from_be_bytes(from.take()),
            refusals: Some(u64::from_be_bytes(from.take()))
                .filter(|at| *at != 0)
                .map(UnixMillis::new),
        };
        if zeros != [0; 4] || from.rest().iter().any(|octet| *octet != 0) {
            return Err(EventError::Form("octets behind a gap"));
        }
        if gap.from > gap.until {
            return Err(EventError::Form("a gap that ends before it begins"));
        }
        Ok(gap)
    }
}

/// One entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Something happened.
    Event(Event),
    /// A peer is introduced.
    Name(Name),
    /// Entries are missing.
    Gap(Gap),
}

impl Entry {
    /// Reads the octets of an entry.
    ///
    /// # Errors
    /// [`EventError`] says what is wrong.
    pub fn decode(octets: &[u8; ENTRY_LEN]) -> Result<Self, EventError> {
        let mut from = Fields::new(octets);
        let [version, kind] = from.take();
        if version != VERSION {
            return Err(EventError::Version(version));
        }
        match (kind, Outcome::of(kind)) {
            (_, Some(outcome)) => Event::decode(outcome, &mut from).map(Self::Event),
            (NAME, _) => Name::decode(&mut from).map(Self::Name),
            (GAP, _) => Gap::decode(&mut from).map(Self::Gap),
            _ => Err(EventError::Number {
                what: "kind of entry",
                number: kind.into(),
            }),
        }
    }

    /// Its octets.
    pub fn encode(&self) -> [u8; ENTRY_LEN] {
        match self {
            Self::Event(event) => event.encode(),
            Self::Name(name) => name.encode(),
            Self::Gap(gap) => gap.encode(),
        }
    }
}

/// Why octets are no entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// A newer program wrote it.
    #[error("entry of version {0}, this program knows version {VERSION}")]
    Version(u8),
    /// A number that stands for nothing here: a newer program may know it.
    #[error("{what} {number}, which this program does not know")]
    Number {
        /// Of what.
        what: &'static str,
        /// Which.
        number: u16,
    },
    /// Text that is no printable ASCII, or not followed by zeros.
    #[error("the {0} is no text")]
    Text(&'static str),
    /// Parts that contradict each other.
    #[error("{0}")]
    Form(&'static str),
}

#[cfg(test)]
mod tests;
