//! A store goes to another engine, and its source retires in the same step: nobody issues numbers of both.
//!
//! ```text
//! 1  target   data key ‖ "is coming from there"    it does not open before its end
//! 2  source   "has gone there"                    it does not open any more
//! 3  target   every row, with links and end
//! 4  target   what the store knows of itself, and "has come from there"
//! ```
//!
//! Each is durable before the next begins. Whatever interrupts it, the same call goes on with it: what is there is written once more.
//! Where nobody can end it, as its target is lost, [`crate::skip_ahead`] takes the source back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kaskade_crypto::seal::{DataKey, StoreKind};
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::record::Kind;

use crate::MasterKey;
use crate::engine::{Batch, Blocking, Change, Engine, Expect, Portable, Serial, Table, Value, WholeRows};
use crate::error::{EngineError, StoreError, read_error};
use crate::meta;
use crate::nodes::{self, NODE};
use crate::records::{OnRecord, apply_on_record, table};
use crate::rows::{ROWS, SUBSCRIBER};
use crate::store::StoreOptions;
use crate::unlock::{Opener, State, data_key, unlock};

/// What a copy has made of the store, with its code; there is none where there never was one.
const COPY: &[u8] = b"copy";
const COPY_NAME: &str = "note of a copy";
const ID_LEN: usize = 16;
/// How many rows go into one commit.
const CHUNK: usize = 2048;

/// What a copy has made of a store. The row is what 1 ‖ identifier 16 ‖ milliseconds 8 ‖ name of the other store ‖ code 16.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Note {
    what: What,
    /// Of this copy, at both ends.
    id: [u8; ID_LEN],
    /// When it began.
    at: UnixMillis,
    /// The other store, as errors call it.
    other: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// It is being made out of the other.
    Coming = 0,
    /// It was.
    Came = 1,
    /// The other is made out of it.
    Gone = 2,
}

impl Note {
    fn encode(&self, keys: &StoreKeys) -> Vec<u8> {
        let name = self.other.display().to_string();
        let value = [
            &[self.what as u8],
            &self.id[..],
            &self.at.get().to_be_bytes(),
            name.as_bytes(),
        ]
        .concat();
        meta::with_code(keys, COPY, value)
    }

    fn decode(keys: &StoreKeys, octets: &[u8]) -> Option<Self> {
        let (what, rest) = meta::verified(keys, COPY, octets)?.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (at, name) = rest.split_first_chunk()?;
        Some(Self {
            what: *[What::Coming, What::Came, What::Gone].get(usize::from(*what))?,
            id: *id,
            at: UnixMillis::new(u64::from_be_bytes(*at)),
            other: String::from_utf8(name.to_vec()).ok()?.into(),
        })
    }

    /// That of a store, if there is one.
    fn of(engine: &dyn Engine, keys: &StoreKeys) -> Result<Option<Self>, StoreError> {
        let Some(octets) = meta::octets(engine, COPY).map_err(read_error)? else {
            return Ok(None);
        };
        let note = Self::decode(keys, &octets);
        note.map(Some).ok_or(StoreError::ChangedMeta(COPY_NAME))
    }
}

/// Refuses a store that is not yet whole, or that has gone elsewhere, but where that is known.
///
/// # Errors
/// [`StoreError::CopyUnfinished`], [`StoreError::Gone`].
pub(crate) fn refuse(engine: &dyn Engine, name: &Path, keys: &StoreKeys, state: State) -> Result<(), StoreError> {
    let Some(Note { what, at, other, .. }) = Note::of(engine, keys)? else {
        return Ok(());
    };
    let path = name.to_owned();
    match what {
        What::Came => Ok(()),
        What::Coming if fault!("part-of-a-copy-opens") => Ok(()),
        What::Coming => Err(StoreError::CopyUnfinished { path, from: other }),
        What::Gone if state == State::Gone => Ok(()),
        What::Gone => Err(StoreError::Gone { path, to: other, at }),
    }
}

/// Makes it a store like any other again.
pub(crate) fn forget(unit: &mut Batch) {
    unit.remove(Table::META, COPY);
}

/// A store and what errors call it.
pub struct Place<'p> {
    /// Where it lies.
    pub engine: &'p dyn Portable,
    /// Its name.
    pub name: &'p Path,
}

/// What [`copy`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Rows of all tables.
    pub rows: u64,
    /// Subscribers among them.
    pub subscribers: u64,
    /// Whether it went on where an earlier run was interrupted.
    pub resumed: bool,
    /// Whether an earlier run had ended it: nothing was left to do.
    pub had_ended: bool,
}

/// Why a store was not copied. The target does not open then, and the source does as long as it has not gone there.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// One of both.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target holds something else.
    #[error("{}: there is a store already, it stays as it is", .0.display())]
    NotEmpty(PathBuf),
    /// The source has gone to another target.
    #[error("{}: it has gone to {} already", path.display(), to.display())]
    Elsewhere {
        /// The source.
        path: PathBuf,
        /// Where it is.
        to: PathBuf,
    },
    /// The target holds a part of a copy that went on from another state of this store.
    #[error("{}: holds a part of another copy of this store: empty it, and run this again", .0.display())]
    AnotherCopy(PathBuf),
    /// Rows that nobody here knows.
    #[error("{}: has rows in a table that this program does not know ({table}): copy it with the program that made them", path.display())]
    UnknownTable {
        /// The source.
        path: PathBuf,
        /// What the engine calls it.
        table: String,
    },
    /// The source was kept by another node.
    #[error("{}: it was kept by node {kept_by}, and this is node {node}: copy it as that node", path.display())]
    OtherNode {
        /// The source.
        path: PathBuf,
        /// Whose audit log it knows.
        kept_by: u16,
        /// Who copies.
        node: u16,
    },
    /// Not all of it has arrived.
    #[error("{}: has {there} rows of `{table}`, and {} has {here}: nothing is given up, run this again", target.display(), path.display())]
    Incomplete {
        /// The source.
        path: PathBuf,
        /// The target.
        target: PathBuf,
        /// Of this table.
        table: &'static str,
        /// How many are in the source.
        here: u64,
        /// How many in the target.
        there: u64,
    },
}

impl From<EngineError> for CopyError {
    fn from(error: EngineError) -> Self {
        Self::Store(read_error(error))
    }
}

/// Copies a store into another engine, that is empty or holds the part that an earlier run has copied; nobody has either of them open
/// otherwise, and the source is not opened any more from then on. `kinds` are those of its records that the caller knows. The options say
/// as which node, by which clock, and whether it is on record; `record` says what the audit log is told of it: durable in the commit that ends
/// it. `progress` is told how many rows of how many are there. Blocks.
///
/// # Errors
/// [`CopyError`]. Whatever interrupts it, it goes on when it is called again.
pub fn copy(
    source: &Place<'_>,
    target: &Place<'_>,
    kinds: &[Kind],
    (master_key, options): (&MasterKey, &StoreOptions),
    record: &dyn Fn(&Copied) -> Option<OnRecord>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Copied, CopyError> {
    let node = options.node.index().into();
    let opener = Opener {
        master_key,
        node,
        clock: &*options.clock,
    };
    for place in [source, target] {
        nodes::alone(place.engine, place.name, node)?;
    }
    let sealer = unlock(
        source.engine,
        source.name,
        (&opener, State::Gone),
        None,
        &*options.converting,
    )?;
    let keys = sealer.keys();
    if meta::octets(source.engine, meta::SKIPPING)?.is_some() {
        return Err(StoreError::SkipUnfinished.into());
    }
    if !source.engine.is_shared() {
        let (_, keepers) = meta::tick_and_keepers(source.engine, keys)?;
        if let Some(&kept_by) = keepers.first().filter(|_| !keepers.contains(&node)) {
            let path = source.name.to_owned();
            return Err(CopyError::OtherNode { path, kept_by, node });
        }
    }
    let tables = all_tables(kinds);
    let known: Vec<Table> = tables.iter().copied().chain([Table::META, NODE]).collect();
    if let Some(table) = source.engine.has_besides(&known)? {
        let path = source.name.to_owned();
        return Err(CopyError::UnknownTable { path, table });
    }
    source.engine.declare(&tables)?;
    let mut copied = Copied::default();
    match is_copied(source, target, (keys, master_key), &tables)? {
        Stage::Ended => {
            copied.had_ended = true;
            copied.subscribers = source.engine.count(SUBSCRIBER)?.div_ceil(ROWS);
            return Ok(copied);
        }
        Stage::Begun => copied.resumed = true,
        Stage::Before => {}
    }
    target.engine.declare(&tables)?;
    let mut writer = Writer::new(source.engine, target.engine, node)?;
    if !copied.resumed {
        let mut id = [0; ID_LEN];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| StoreError::Random)?;
        let at = opener.now();
        let note = |what, place: &Place<'_>| {
            let other = place.name.to_owned();
            Note { what, id, at, other }.encode(keys)
        };
        let mut unit = Batch::default();
        for key in [meta::FORMAT, meta::MASTER_KEY_ID, meta::DATA_KEY] {
            let octets = meta::octets(source.engine, key)?.ok_or(StoreError::ChangedMeta("data key"))?;
            let is_new = target.engine.is_shared() && meta::octets(target.engine, key)?.is_none();
            unit.push(Change {
                table: Table::META,
                key: key.into(),
                // Another node may make a store there at the same time.
                expect: if is_new { Expect::Absent } else { Expect::Any },
                value: Some(Value {
                    octets: octets.into(),
                    ..Value::default()
                }),
            });
        }
        unit.put(Table::META, COPY, &note(What::Coming, source));
        writer.target(&unit)?;
        let mut unit = Batch::default();
        if options.unrecorded {
            meta::goes_unrecorded(source.engine, keys, node, at.get(), &mut unit)?;
        }
        if !fault!("copied-store-stays-open") {
            unit.put(Table::META, COPY, &note(What::Gone, target));
        }
        writer.source(&unit)?;
        // Nobody starts any more: whoever had by then is seen.
        if let Err(error) = nodes::alone(source.engine, source.name, node) {
            let mut unit = Batch::default();
            forget(&mut unit);
            writer.source(&unit)?;
            return Err(error.into());
        }
    }
    let mut total = 0;
    for table in &tables {
        total += source.engine.count(*table)?;
    }
    for table in &tables {
        rows(source.engine, *table, &mut |rows| {
            let mut unit = Batch::default();
            copied.rows += rows.len() as u64;
            rows.into_iter()
                .for_each(|(key, value)| put(&mut unit, *table, key, value));
            writer.target(&unit)?;
            progress(copied.rows, total);
            Ok(())
        })?;
        let (here, there) = (source.engine.count(*table)?, target.engine.count(*table)?);
        if here != there {
            return Err(CopyError::Incomplete {
                path: source.name.to_owned(),
                target: target.name.to_owned(),
                table: table.name(),
                here,
                there,
            });
        }
        if *table == SUBSCRIBER {
            copied.subscribers = here.div_ceil(ROWS);
        }
    }
    let mut unit = Batch::default();
    rows(source.engine, Table::META, &mut |rows| {
        let kept = rows.into_iter().filter(|(key, _)| **key != *COPY);
        kept.for_each(|(key, value)| put(&mut unit, Table::META, key, value));
        Ok(())
    })?;
    // Also of nodes whose rows stay behind.
    let mark = nodes::highest_mark_of(source.engine, keys)?;
    unit.put(Table::META, meta::MARK, &meta::coded(keys, meta::MARK, mark));
    let came = Note::of(target.engine, keys)?.ok_or(StoreError::ChangedMeta(COPY_NAME))?;
    let came = Note {
        what: What::Came,
        ..came
    };
    unit.put(Table::META, COPY, &came.encode(keys));
    writer.end(sealer.data_key(), unit, record(&copied))?;
    Ok(copied)
}

/// How far a copy is.
enum Stage {
    Before,
    Begun,
    Ended,
}

/// Whether the target has this copy of the source, or a part of it; an error where it is not to be touched.
fn is_copied(
    source: &Place<'_>,
    target: &Place<'_>,
    (keys, master_key): (&StoreKeys, &MasterKey),
    tables: &[Table],
) -> Result<Stage, CopyError> {
    let theirs = note_of_target(source, target, master_key)?;
    let ours = Note::of(source.engine, keys)?;
    match (ours, theirs) {
        (Some(ours), theirs) if ours.what == What::Gone => match theirs {
            Some(theirs) if theirs.id == ours.id && theirs.what == What::Coming => Ok(Stage::Begun),
            // Its end was durable, and nobody was told.
            Some(theirs) if theirs.id == ours.id && theirs.what == What::Came => Ok(Stage::Ended),
            _ => Err(CopyError::Elsewhere {
                path: source.name.to_owned(),
                to: ours.other,
            }),
        },
        (_, Some(Note { what: What::Coming, .. })) => {
            // It was interrupted before the source had gone, when nothing had come yet.
            target.engine.declare(tables)?;
            for table in tables {
                if target.engine.count(*table)? != 0 {
                    return Err(CopyError::AnotherCopy(target.name.to_owned()));
                }
            }
            Ok(Stage::Before)
        }
        (_, None) if target.engine.is_empty()? => Ok(Stage::Before),
        _ => Err(CopyError::NotEmpty(target.name.to_owned())),
    }
}

/// What a copy has made of the target, if that has the data key of the source.
fn note_of_target(source: &Place<'_>, target: &Place<'_>, master_key: &MasterKey) -> Result<Option<Note>, StoreError> {
    let sealed = |engine: &dyn Engine| meta::octets(engine, meta::DATA_KEY).map_err(read_error);
    if sealed(target.engine)? != sealed(source.engine)? {
        return Ok(None);
    }
    match data_key(target.engine, target.name, master_key)? {
        Some((sealer, StoreKind::Records)) => Note::of(target.engine, sealer.keys()),
        _ => Ok(None),
    }
}

/// All whose rows go along. Those of nodes stay: they are of a database.
fn all_tables(kinds: &[Kind]) -> Vec<Table> {
    let own = [SUBSCRIBER, Table::REMOVED, Table::LIVES, Table::OUTBOX, Table::EVENTS];
    own.into_iter().chain(kinds.iter().map(table)).collect()
}

/// Shows all rows of a table, many at once.
fn rows(
    engine: &dyn Portable,
    table: Table,
    visit: &mut dyn FnMut(WholeRows) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after: Option<Box<[u8]>> = None;
    loop {
        let rows = engine.whole(table, after.as_deref(), CHUNK).map_err(read_error)?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        visit(rows)?;
    }
}

fn put(unit: &mut Batch, table: Table, key: Box<[u8]>, value: Value) {
    let value = match fault!("copied-without-links") {
        true => Value {
            links: Vec::new(),
            ..value
        },
        false => value,
    };
    unit.push(Change {
        table,
        key,
        expect: Expect::Any,
        value: Some(value),
    });
}

/// Writes to both, as one node.
struct Writer<'w> {
    source: &'w dyn Engine,
    target: &'w dyn Engine,
    node: u16,
    /// The last commits of the node. That of the target goes on above the source's: events are named by them.
    last: (Serial, Serial),
}

impl<'w> Writer<'w> {
    fn new(source: &'w dyn Engine, target: &'w dyn Engine, node: u16) -> Result<Self, StoreError> {
        let serial = |engine: &dyn Engine| pollster::block_on(engine.serial(node)).map_err(read_error);
        let of_source = serial(source)?;
        let of_target = match serial(target)? {
            own if fault!("copied-with-serials-of-its-own") => own,
            own => own.max(of_source),
        };
        Ok(Self {
            source,
            target,
            node,
            last: (of_source, of_target),
        })
    }

    fn source(&mut self, unit: &Batch) -> Result<(), StoreError> {
        self.last.0.0 += 1;
        let done = self.source.apply_as(self.node, self.last.0, unit);
        done.map_err(|error| StoreError::Write(Arc::new(error)))
    }

    fn target(&mut self, unit: &Batch) -> Result<(), StoreError> {
        self.last.1.0 += 1;
        let done = self.target.apply_as(self.node, self.last.1, unit);
        done.map_err(|error| StoreError::Write(Arc::new(error)))
    }

    /// The last unit of the target.
    fn end(self, key: &DataKey, mut unit: Batch, record: Option<OnRecord>) -> Result<(), StoreError> {
        let done = apply_on_record(self.target, key, self.node, &mut unit, record);
        done.map_err(|error| StoreError::Write(Arc::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_and_every_edit_is_noticed() {
        let keys = StoreKeys::derive(&[1; 32]);
        for what in [What::Coming, What::Came, What::Gone] {
            let note = Note {
                what,
                id: [7; ID_LEN],
                at: UnixMillis::new(1_700_000_000_000),
                other: "postgresql://host/kaskade".into(),
            };
            let row = note.encode(&keys);
            assert_eq!(Note::decode(&keys, &row), Some(note));
            for at in 0..row.len() {
                let mut edited = row.clone();
                edited[at] ^= 1;
                assert_eq!(Note::decode(&keys, &edited), None, "octet {at}");
                assert_eq!(Note::decode(&keys, &row[..at]), None, "{at} octets");
            }
        }
    }
}
