//! A store goes to another engine, and its source retires in the same step: nobody issues numbers of both.
//!
//! ```text
//! 1  target   data key ‖ "is coming from there"    it does not open before its end
//! 2  source   "has gone there"                     it does not open any more, also not for an earlier program
//! 3  target   every row, with links and end
//! 4  target   what the store knows of itself, "has come from there"
//! 5  source   "is there"
//! ```
//!
//! Each is durable before the next begins. Whatever interrupts it, the same call goes on with it: what is there is written once more.
//! Where nobody can end it, as its target is lost, [`crate::skip_ahead`] takes the source back.

mod note;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kaskade_aka::sqn::IndPlaces;
use kaskade_crypto::seal::{DataKey, StoreKind};
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;
use kaskade_flow::record::Kind;

use crate::MasterKey;
use crate::clock::millis;
use crate::engine::{Batch, Blocking, Change, Engine, Expect, Portable, Serial, Table, Value, WholeRows};
use crate::error::{EngineError, StoreError, read_error};
use crate::meta;
use crate::nodes::{self, NODE};
use crate::records::{OnRecord, apply_on_record, table};
use crate::rows::{ROWS, SUBSCRIBER};
use crate::store::StoreOptions;
use crate::unlock::{Opener, State, data_key, unlock};
use note::{COPY, COPY_NAME, ID_LEN, Note, What};
pub(crate) use note::{forget, refuse, state_of};

/// How many rows go into one commit.
const CHUNK: usize = 2048;

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

/// A copy that came to no end.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct CopyFailed {
    /// Why.
    #[source]
    pub error: CopyError,
    /// Whether the source may have gone: then neither opens before the same call has come to its end. Otherwise nothing was copied.
    pub has_gone: bool,
}

/// Why a store was not copied.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// One of both.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target holds something else.
    #[error("{}: there is something already, it stays as it is", .0.display())]
    NotEmpty(PathBuf),
    /// The source has gone to another target.
    #[error("{}: it has gone to {} already", path.display(), to.display())]
    Elsewhere {
        /// The source.
        path: PathBuf,
        /// Where it is.
        to: PathBuf,
    },
    /// The target holds a part of a copy that began from another state of this store.
    #[error("{}: holds a part of another copy of this store", .0.display())]
    AnotherCopy(PathBuf),
    /// All of it was there once, and the target was put back to a moment before.
    #[error("{}: it had come whole, and was put back to a moment before that: sequence numbers that it issued are lost", .0.display())]
    PutBack(PathBuf),
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
    /// A store does not count its rows right.
    #[error("{}: says that it has {said} rows of `{table}`, and has {found}", path.display())]
    Miscounted {
        /// Which store.
        path: PathBuf,
        /// Of this table.
        table: &'static str,
        /// How many it counts.
        said: u64,
        /// How many there are.
        found: u64,
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
/// [`CopyFailed`]. Whatever interrupts it, it goes on when it is called again.
pub fn copy(
    source: &Place<'_>,
    target: &Place<'_>,
    kinds: &[Kind],
    (master_key, options): (&MasterKey, &StoreOptions),
    record: &dyn Fn(&Copied) -> Option<OnRecord>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Copied, CopyFailed> {
    let mut has_gone = false;
    let ends = (source, target);
    let copied = copy_all(ends, kinds, (master_key, options), record, (progress, &mut has_gone));
    copied.map_err(|error| CopyFailed { error, has_gone })
}

fn copy_all(
    (source, target): (&Place<'_>, &Place<'_>),
    kinds: &[Kind],
    (master_key, options): (&MasterKey, &StoreOptions),
    record: &dyn Fn(&Copied) -> Option<OnRecord>,
    (progress, has_gone): (&mut dyn FnMut(u64, u64), &mut bool),
) -> Result<Copied, CopyError> {
    let node = options.node.index().into();
    let opener = Opener {
        master_key,
        node,
        clock: &*options.clock,
    };
    let as_source = (&opener, State::Gone);
    let sealer = unlock(source.engine, source.name, as_source, None, &*options.converting)?;
    let keys = sealer.keys();
    let tables = all_tables(kinds);
    suits(source, (keys, options), (node, &tables))?;
    source.engine.declare(&tables)?;
    let stage = is_copied(source, target, (keys, master_key), &tables)?;
    *has_gone = matches!(stage, Stage::Begun(_));
    for place in [source, target] {
        nodes::alone(place.engine, place.name, node)?;
    }
    target.engine.declare(&tables)?;
    let mut writer = Writer::new(source.engine, target.engine, node)?;
    let mut copied = Copied::default();
    let note = match stage {
        Stage::Ended(note) => {
            copied.had_ended = true;
            copied.subscribers = source.engine.count(SUBSCRIBER)?.div_ceil(ROWS);
            writer.note(&note.becoming(What::Arrived), keys)?;
            return Ok(copied);
        }
        Stage::Begun(note) => {
            copied.resumed = true;
            note
        }
        Stage::Before { is_blank } => {
            // What cannot be read or counted is found while the source is still in use.
            for table in &tables {
                reads(source, *table)?;
            }
            reads_all(source.engine, Table::META)?;
            let note = begin(&mut writer, (source, target), is_blank, (keys, &opener))?;
            *has_gone = true;
            retire(&mut writer, source, (&note, keys))
                .inspect_err(|(_, undone)| *has_gone = !undone)
                .map_err(|(error, _)| error)?;
            note
        }
    };
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
        let (found, said) = (source.engine.count(*table)?, target.engine.count(*table)?);
        if found != said {
            return Err(CopyError::Miscounted {
                path: target.name.to_owned(),
                table: table.name(),
                said,
                found,
            });
        }
        if *table == SUBSCRIBER {
            copied.subscribers = found.div_ceil(ROWS);
        }
    }
    let mut unit = Batch::default();
    rows(source.engine, Table::META, &mut |rows| {
        let kept = rows
            .into_iter()
            .filter(|(key, _)| ![COPY, meta::FORMAT].contains(&&**key));
        kept.for_each(|(key, value)| put(&mut unit, Table::META, key, value));
        Ok(())
    })?;
    // Also of nodes whose rows stay behind.
    let mark = nodes::highest_mark_of(source.engine, keys)?;
    unit.put(Table::META, meta::MARK, &meta::coded(keys, meta::MARK, mark));
    if options.unrecorded {
        meta::goes_unrecorded(source.engine, keys, node, opener.now().get(), &mut unit)?;
    }
    writer.serials()?;
    let theirs = Note::of(target.engine, keys)?.filter(|theirs| theirs.id == note.id);
    let came = theirs.ok_or(StoreError::ChangedMeta(COPY_NAME))?.becoming(What::Came);
    came.put(&mut unit, keys);
    // Whoever has taken the source back meanwhile has ended this process's lease.
    if Note::of(source.engine, keys)?.as_ref() != Some(&note) {
        return Err(StoreError::ChangedMeta(COPY_NAME).into());
    }
    writer.note(&note, keys)?;
    writer.end(sealer.data_key(), unit, record(&copied))?;
    *has_gone = false;
    // Where this is not done the next call does it.
    let _ = writer.note(&note.becoming(What::Arrived), keys);
    Ok(copied)
}

/// Whether a store can be copied by this program, as this node.
fn suits(
    source: &Place<'_>,
    (keys, options): (&StoreKeys, &StoreOptions),
    (node, tables): (u16, &[Table]),
) -> Result<(), CopyError> {
    let path = || source.name.to_owned();
    if meta::octets(source.engine, meta::SKIPPING)?.is_some() {
        return Err(StoreError::SkipUnfinished.into());
    }
    let (store_ms, keepers) = meta::tick_and_keepers(source.engine, keys)?;
    if let Some(asked_ms) = options.tick.map(millis)
        && asked_ms != store_ms
    {
        return Err(StoreError::Tick { store_ms, asked_ms }.into());
    }
    if let Some(&kept_by) = keepers.first().filter(|_| !keepers.contains(&node)) {
        let path = path();
        return Err(CopyError::OtherNode { path, kept_by, node });
    }
    let known: Vec<Table> = tables.iter().copied().chain([Table::META, NODE]).collect();
    match source.engine.has_besides(&known)? {
        Some(table) => Err(CopyError::UnknownTable { path: path(), table }),
        None => Ok(()),
    }
}

/// How far a copy is.
enum Stage {
    Before {
        /// Whether there is nothing at all in the target.
        is_blank: bool,
    },
    Begun(Note),
    Ended(Note),
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
        (Some(ours), theirs) if matches!(ours.what, What::Gone | What::Arrived) => {
            let theirs = theirs.filter(|theirs| theirs.id == ours.id);
            match theirs.map(|theirs| theirs.what) {
                Some(What::Coming) if ours.what == What::Arrived => Err(CopyError::PutBack(target.name.to_owned())),
                Some(What::Coming) => Ok(Stage::Begun(ours)),
                // Its end was durable, and perhaps nobody was told.
                Some(What::Came) => Ok(Stage::Ended(ours)),
                _ => Err(CopyError::Elsewhere {
                    path: source.name.to_owned(),
                    to: ours.other,
                }),
            }
        }
        (_, Some(Note { what: What::Coming, .. })) => {
            // It was interrupted before the source had gone, when nothing had come yet.
            target.engine.declare(tables)?;
            for table in tables {
                if target.engine.count(*table)? != 0 {
                    return Err(CopyError::AnotherCopy(target.name.to_owned()));
                }
            }
            Ok(Stage::Before { is_blank: false })
        }
        (_, None) if target.engine.is_empty()? => Ok(Stage::Before { is_blank: true }),
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

/// Makes the target one that comes from the source; what the source is to say of that.
fn begin(
    writer: &mut Writer<'_>,
    (source, target): (&Place<'_>, &Place<'_>),
    is_blank: bool,
    (keys, opener): (&StoreKeys, &Opener<'_>),
) -> Result<Note, CopyError> {
    let mut id = [0; ID_LEN];
    aws_lc_rs::rand::fill(&mut id).map_err(|_| StoreError::Random)?;
    let note = |what, place: &Place<'_>| Note {
        what,
        id,
        at: opener.now(),
        other: place.name.to_owned(),
    };
    let mut unit = Batch::default();
    for key in [meta::MASTER_KEY_ID, meta::DATA_KEY] {
        let octets = meta::octets(source.engine, key)?.ok_or(StoreError::ChangedMeta("data key"))?;
        unit.push(Change {
            table: Table::META,
            key: key.into(),
            // Another node may make a store there at the same time.
            expect: if is_blank { Expect::Absent } else { Expect::Any },
            value: Some(Value {
                octets: octets.into(),
                ..Value::default()
            }),
        });
    }
    let coming = note(What::Coming, source);
    coming.put(&mut unit, keys);
    writer.target(&unit)?;
    // Whoever came at the same time is seen now, and finds this.
    nodes::alone(target.engine, target.name, opener.node)?;
    Ok(note(What::Gone, target))
}

/// Makes the source one that has gone. With an error comes whether it is as it was.
fn retire(
    writer: &mut Writer<'_>,
    source: &Place<'_>,
    (note, keys): (&Note, &StoreKeys),
) -> Result<(), (CopyError, bool)> {
    let unsure = |error: StoreError| (CopyError::Store(error), false);
    let before = Note::of(source.engine, keys).map_err(|error| (error.into(), true))?;
    if fault!("copied-store-stays-open") {
        return Ok(());
    }
    writer.note(note, keys).map_err(unsure)?;
    // Nobody starts any more: whoever had by then is seen.
    if let Err(error) = nodes::alone(source.engine, source.name, writer.node) {
        let mut unit = Batch::default();
        forget(&mut unit);
        if let Some(before) = before {
            before.put(&mut unit, keys);
        }
        writer.source(&unit).map_err(unsure)?;
        return Err((error.into(), true));
    }
    Ok(())
}

/// All whose rows go along. Those of nodes stay: they are of a database.
fn all_tables(kinds: &[Kind]) -> Vec<Table> {
    let own = [SUBSCRIBER, Table::REMOVED, Table::LIVES, Table::OUTBOX, Table::EVENTS];
    own.into_iter().chain(kinds.iter().map(table)).collect()
}

/// Reads a table of the source, and counts.
fn reads(source: &Place<'_>, table: Table) -> Result<(), CopyError> {
    let (found, said) = (reads_all(source.engine, table)?, source.engine.count(table)?);
    match found == said {
        true => Ok(()),
        false => Err(CopyError::Miscounted {
            path: source.name.to_owned(),
            table: table.name(),
            said,
            found,
        }),
    }
}

fn reads_all(engine: &dyn Portable, table: Table) -> Result<u64, StoreError> {
    let mut found = 0;
    if fault!("copied-without-a-look") {
        return engine.count(table).map_err(read_error);
    }
    rows(engine, table, &mut |rows| {
        found += rows.len() as u64;
        Ok(())
    })?;
    Ok(found)
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

    /// Says it in the source.
    fn note(&mut self, note: &Note, keys: &StoreKeys) -> Result<(), StoreError> {
        let mut unit = Batch::default();
        note.put(&mut unit, keys);
        self.source(&unit)
    }

    /// The serials of other nodes go on above those that they have had: events that wait for their logs are named by them.
    fn serials(&self) -> Result<(), StoreError> {
        let serial = |engine: &dyn Engine, node| pollster::block_on(engine.serial(node)).map_err(read_error);
        for node in (0..IndPlaces::COUNT).map(u16::from).filter(|node| *node != self.node) {
            let last = serial(self.source, node)?;
            if last > serial(self.target, node)? && !fault!("serials-of-other-nodes-left-behind") {
                let done = self.target.apply_as(node, last, &Batch::default());
                done.map_err(|error| StoreError::Write(Arc::new(error)))?;
            }
        }
        Ok(())
    }

    /// The last unit of the target.
    fn end(&self, key: &DataKey, mut unit: Batch, record: Option<OnRecord>) -> Result<(), StoreError> {
        let done = apply_on_record(self.target, key, self.node, &mut unit, record);
        done.map_err(|error| StoreError::Write(Arc::new(error)))
    }
}
