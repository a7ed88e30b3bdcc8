//! Whose events are reported, by which warrant, from when until when.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::event::Fields;
use kaskade_flow::record::RowError;
use kaskade_keys::{Gpsi, Supi};

/// What a warrant is called between the functions of lawful interception: an XID, a UUID (ETSI TS 103 221-1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid(pub [u8; 16]);

/// Not an XID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an XID: a UUID such as 29f28e1c-f230-486a-a860-f5a784ab9172")]
pub struct NotAnXid;

impl FromStr for Xid {
    type Err = NotAnXid;

    fn from_str(text: &str) -> Result<Self, NotAnXid> {
        let groups = [8, 4, 4, 4, 12];
        let mut parts = text.split('-');
        let well_formed = groups
            .iter()
            .all(|len| parts.next().is_some_and(|part| part.len() == *len && part.is_ascii()));
        if !well_formed || parts.next().is_some() {
            return Err(NotAnXid);
        }
        let digits: String = text.split('-').collect();
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NotAnXid);
        }
        let number = u128::from_str_radix(&digits, 16).map_err(|_| NotAnXid)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Xid(…)")
    }
}

/// Whom a warrant is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A subscription.
    Supi(Supi),
    /// Whichever subscription has this GPSI at the time of an event.
    Gpsi(Gpsi),
}

impl Who {
    /// As people write it, unmasked: for the principal of interception alone.
    pub fn text(&self) -> String {
        match self {
            Self::Supi(supi) => supi.sbi(),
            Self::Gpsi(gpsi) => gpsi.as_str().into(),
        }
    }
}

impl FromStr for Who {
    type Err = kaskade_keys::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.starts_with("msisdn-") || text.starts_with("extid-") {
            true => text.parse().map(Self::Gpsi),
            false => text.parse().map(Self::Supi),
        }
    }
}

/// A target under one warrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What the warrant is called.
    pub xid: Xid,
    /// Whom it is about.
    pub who: Who,
    /// From when on.
    pub begin: UnixMillis,
    /// Until when; `None`: until it is removed.
    pub end: Option<UnixMillis>,
    /// When it was added.
    pub added: UnixMillis,
    /// Whether what was there at its begin is on record.
    pub is_started: bool,
}

impl Target {
    /// Whether its events are reported at this time.
    pub fn is_active(&self, at: UnixMillis) -> bool {
        let has_begun = self.begin <= at || fault!("interception-before-its-begin");
        let is_over = self.end.is_some_and(|end| end <= at) && !fault!("interception-after-its-end");
        has_begun && !is_over
    }

    /// Writes it: to be sealed.
    pub(super) fn put(&self, says: &mut SecretWriter) {
        let mut fixed = Vec::from(self.xid.0);
        fixed.extend(self.begin.get().to_be_bytes());
        fixed.extend(self.end.map_or(u64::MAX, UnixMillis::get).to_be_bytes());
        fixed.extend(self.added.get().to_be_bytes());
        fixed.push(u8::from(self.is_started));
        says.octets(&fixed);
        says.octets(self.who.text().as_bytes());
    }

    /// Reads it.
    pub(super) fn take(from: &mut SecretReader<'_>) -> Result<Self, RowError> {
        let fixed = from.octets()?;
        let fixed: &[u8; 41] = fixed.first_chunk().ok_or(RowError::Length)?;
        let mut fields = Fields::new(fixed);
        let xid = Xid(fields.take());
        let begin = UnixMillis::new(u64::from_be_bytes(fields.take()));
        let end = Some(u64::from_be_bytes(fields.take())).filter(|end| *end != u64::MAX);
        let added = UnixMillis::new(u64::from_be_bytes(fields.take()));
        let [is_started] = fields.take();
        let who = from.octets()?;
        let who = core::str::from_utf8(&who).ok().and_then(|who| who.parse().ok());
        Ok(Self {
            xid,
            who: who.ok_or(RowError::Field("target"))?,
            begin,
            end: end.map(UnixMillis::new),
            added,
            is_started: is_started != 0,
        })
    }
}

/// All targets.
#[derive(Clone, Debug, Default)]
pub struct Warrants {
    by_supi: BTreeMap<Supi, Vec<Target>>,
    by_gpsi: BTreeMap<Gpsi, Vec<Target>>,
}

impl Warrants {
    /// How many warrants one target may have: all of them have room in the row of an event.
    pub const OF_ONE: usize = 16;

    /// Adds one, or replaces the one of its XID.
    pub fn put(&mut self, target: Target) {
        self.remove(target.xid);
        match &target.who {
            Who::Supi(supi) => self.by_supi.entry(supi.clone()).or_default().push(target),
            Who::Gpsi(gpsi) => self.by_gpsi.entry(gpsi.clone()).or_default().push(target),
        }
    }

    /// Removes that of an XID.
    pub fn remove(&mut self, xid: Xid) {
        let stays = |targets: &mut Vec<Target>| {
            targets.retain(|target| target.xid != xid);
            !targets.is_empty()
        };
        self.by_supi.retain(|_, targets| stays(targets));
        self.by_gpsi.retain(|_, targets| stays(targets));
    }

    /// All of them.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.by_supi.values().chain(self.by_gpsi.values()).flatten()
    }

    /// That of an XID.
    pub fn get(&self, xid: Xid) -> Option<&Target> {
        self.targets().find(|target| target.xid == xid)
    }

    /// How many warrants there are about the same.
    pub fn about(&self, who: &Who) -> usize {
        let same = match who {
            Who::Supi(supi) => self.by_supi.get(supi),
            Who::Gpsi(gpsi) => self.by_gpsi.get(gpsi),
        };
        same.map_or(0, Vec::len)
    }

    /// The warrants by which an event of a subscriber is reported, in the order in which they were added.
    pub fn of(&self, supi: &Supi, gpsi: Option<&Gpsi>, at: UnixMillis) -> Vec<Xid> {
        let by_supi = self.by_supi.get(supi).into_iter().flatten();
        let by_gpsi = gpsi.and_then(|gpsi| self.by_gpsi.get(gpsi)).into_iter().flatten();
        let active = by_supi.chain(by_gpsi).filter(|target| target.is_active(at));
        match fault!("interception-by-one-warrant") {
            true => active.take(1).map(|target| target.xid).collect(),
            false => active.map(|target| target.xid).collect(),
        }
    }
}
