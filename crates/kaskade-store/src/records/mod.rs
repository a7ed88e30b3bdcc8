//! Records: durable things of any kind, changed in units, many units in one commit.
//!
//! ```text
//! domain ── Unit ── sealed here, in the caller's thread ── queue ── committer: one group, an outcome for each ── caller
//! ```
//!
//! Whoever wants a kind declares it; its [`Record`] says how it is encoded, when it ends and what it is found by. The store
//! seals it and binds the row to its place: one that was moved, edited or given another end is named when it is read, and
//! never written over ([`RecordError`]). So is one of a version that this program does not know.

mod events;
mod outbox;
mod read;
mod sweep;
mod write;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::rand;
use kaskade_crypto::seal::{DataKey, OpenedRecord, RANDOM_LEN, RecordPlace, open_own_record};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::record::{Kind, Protection};
use kaskade_flow::unit::Encoded;

use super::clock::Clock;
use super::engine::{Engine, Link, Table, Value};
use super::error::EngineError;
use super::issuer::Issuer;
use super::locked::Locked;
use super::queue::Queue;
use super::seal::Sealer;

pub use super::error::{CommitError, DeclareError, RecordError};
pub use events::{EventLog, EventsSoFar, OnRecord};
pub(crate) use events::{EventRoom, apply_on_record};
pub use outbox::{Changed, Delivery, LaneCount, Outbox, Taken};
pub use read::{AtHand, Found};
pub use write::Committing;

#[cfg(doc)]
use kaskade_flow::record::Record;

/// The lowest number of a kind that is not the store's own.
const FIRST_NUMBER: u16 = 32;
/// Messages in the outbox.
const OUTBOX: Kind = Kind::new(Table::OUTBOX.number(), Table::OUTBOX.name(), 1, Protection::Sealed);

/// All kinds of records of one store. Clones are the same.
#[derive(Clone)]
pub struct Records(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    queue: Arc<Queue>,
    issuer: Arc<Issuer>,
    sealer: Arc<Locked<Sealer>>,
    clock: Arc<dyn Clock>,
    node: u16,
    kinds: RwLock<BTreeMap<u16, Kind>>,
    outbox: outbox::State,
    events: events::State,
    least_serial: AtomicU64,
    sweeper: sweep::Sweeper,
}

impl Records {
    /// Those of a store that is being opened: makes its own tables, and reads what waits in its outbox.
    pub(crate) fn open(
        (engine, queue): (Arc<dyn Engine>, Arc<Queue>),
        issuer: Arc<Issuer>,
        sealer: Arc<Locked<Sealer>>,
        clock: Arc<dyn Clock>,
        node: u16,
    ) -> Result<Self, EngineError> {
        engine.declare(&[Table::OUTBOX, Table::EVENTS])?;
        let records = Self(Arc::new(Inner {
            engine,
            queue,
            issuer,
            sealer,
            clock,
            node,
            kinds: RwLock::default(),
            outbox: outbox::State::default(),
            events: events::State::default(),
            least_serial: AtomicU64::new(0),
            sweeper: sweep::Sweeper::default(),
        }));
        records.load_outbox()?;
        records.load_events()?;
        Ok(records)
    }

    /// Makes the tables of kinds that are to be used, where they are not there yet. Blocks.
    ///
    /// # Errors
    /// [`DeclareError`] when two kinds have one number or one name, or writing fails.
    pub fn declare(&self, kinds: &[Kind]) -> Result<(), DeclareError> {
        let mut known = self.0.kinds.write().unwrap_or_else(PoisonError::into_inner);
        if kinds.iter().all(|kind| known.get(&kind.number) == Some(kind)) {
            return Ok(());
        }
        let mut all = known.clone();
        for kind in kinds {
            if kind.number < FIRST_NUMBER {
                return Err(DeclareError::Own(*kind));
            }
            let other = all
                .values()
                .find(|other| other.name == kind.name || other.number == kind.number);
            match other {
                Some(other) if other != kind => return Err(DeclareError::Twice(*kind, *other)),
                _ => all.insert(kind.number, *kind),
            };
        }
        let tables: Vec<Table> = kinds.iter().map(table).collect();
        self.0
            .engine
            .declare(&tables)
            .map_err(|error| DeclareError::Write(Arc::new(error)))?;
        *known = all;
        Ok(())
    }

    /// Now, by the home network's counter: it goes on when the wall clock is put back, and does not follow it far ahead. What
    /// ends is measured by it.
    pub fn now(&self) -> UnixMillis {
        let Inner { issuer, clock, .. } = &*self.0;
        UnixMillis::new(issuer.counter_nanos(clock.clocks().monotonic) / 1_000_000)
    }

    /// Lets the generator of random octets collect its seed, which takes tens of milliseconds and is part of the first commit otherwise.
    /// Blocks. Where there is none, each commit says so.
    pub fn seed_generator(&self) {
        let _ = rand::fill(&mut [0; RANDOM_LEN]);
    }

    /// The messages that wait until they are delivered.
    pub fn outbox(&self) -> Outbox {
        Outbox::of(self.clone())
    }

    fn kind(&self, number: u16) -> Option<Kind> {
        let kinds = self.0.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.get(&number).copied()
    }

    fn data_key(&self) -> &DataKey {
        self.0.sealer.data_key()
    }
}

impl core::fmt::Debug for Records {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

/// The table of a kind.
pub(crate) const fn table(kind: &Kind) -> Table {
    Table::new(kind.number, kind.name)
}

fn place<'a>(kind: &Kind, expires: u64, key: &'a [u8]) -> RecordPlace<'a> {
    RecordPlace {
        kind: kind.number,
        expires,
        key: if fault!("record-not-bound-to-key") { b"" } else { key },
    }
}

/// The row of an encoded record.
fn sealed(data_key: &DataKey, kind: &Kind, key: &[u8], encoded: Encoded) -> Result<Value, CommitError> {
    let Encoded {
        clear,
        secret,
        expires,
        links,
    } = encoded;
    let place = place(kind, expires, key);
    let octets = match kind.protection {
        Protection::Sealed => {
            let mut random = [0; RANDOM_LEN];
            rand::fill(&mut random).map_err(|_| CommitError::Random)?;
            data_key.seal_record(&random, &place, kind.version, &clear, &secret)
        }
        Protection::Coded => data_key.code_record(&place, kind.version, &clear),
        Protection::Own => [&[kind.version][..], &clear].concat(),
    };
    let links = links.into_iter().map(|(index, octets)| Link {
        index,
        octets: octets.into(),
    });
    Ok(Value {
        octets: octets.into(),
        expires,
        links: links.collect(),
    })
}

/// What is in a row.
fn opened<'r>(
    data_key: &DataKey,
    kind: &Kind,
    (key, expires): (&[u8], u64),
    row: &'r [u8],
) -> Result<OpenedRecord<'r>, RecordError> {
    let changed = RecordError::Changed(kind.name);
    let found = *row.first().ok_or_else(|| changed.clone())?;
    if !kind.reads(found) && !fault!("unknown-version-read") {
        return Err(RecordError::Version {
            kind: kind.name,
            found,
            known: kind.version,
        });
    }
    let place = place(kind, expires, key);
    let opened = match kind.protection {
        Protection::Sealed => data_key.open_record(&place, row),
        Protection::Coded => data_key.open_coded_record(&place, row),
        Protection::Own => open_own_record(row),
    };
    opened.map_err(|_| changed)
}
