//! After a backup was put back: every subscriber goes on above what the lost store may have issued since.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kaskade_aka::sqn::{Generator, SqnRecord};
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;

use crate::convert::walk;
use crate::copy;
use crate::embedded::EmbeddedEngine;
use crate::engine::{Batch, Blocking, Engine, Serial, Table};
use crate::error::{EngineError, StoreError, read_error};
use crate::key::SubscriberKey;
use crate::master_key::MasterKey;
use crate::meta;
use crate::nodes;
use crate::records::{OnRecord, apply_on_record};
use crate::row::Row;
use crate::rows::{Part, PartKey, ROWS, SUBSCRIBER};
use crate::sqn_row::{self, Owner};
use crate::status::StoreState;
use crate::store::StoreOptions;
use crate::unlock::{Opener, State, unlock};

/// By how many SEQ everybody goes ahead at least.
pub const SKIPPED_SEQ: u64 = 1 << 20;
/// How many further SEQ that are for each minute of the wall clock, as the same backup may be put back twice: a subscriber gets no
/// more vectors in a minute, with the burst, than the budgets give by default.
const SEQ_PER_MINUTE: u64 = 1 << 10;
/// The part of Δ, of what a card accepts at once, after which that begins again: 22 days with the default of 2^28.
const PART: u64 = 8;
/// The part of Δ within which subscribers of the general scheme go ahead by different SEQ1, two minutes each: four with the
/// default.
const PART_GENERAL: u64 = 4;
/// How far the mark of the clock goes beyond itself and beyond the wall clock.
pub const SKIPPED_TIME: Duration = Duration::from_secs(86_400);

/// How many rows go into one commit.
const CHUNK: usize = 4096;
/// The tables with records of sequence numbers, in the order in which they are taken.
const TABLES: [Table; 3] = [SUBSCRIBER, Table::LIVES, Table::REMOVED];

/// What [`skip_ahead`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Subscribers that went ahead.
    pub subscribers: u64,
    /// Cards that were removed or replaced, which may come back, and went ahead.
    pub lives: u64,
    /// Rows that are not whole: they were left as they are, and nothing is issued of them.
    pub damaged: u64,
    /// Whether it went on where an earlier run was interrupted.
    pub resumed: bool,
}

/// Moves the sequence numbers of every subscriber, of whichever scheme, at least [`SKIPPED_SEQ`] ahead, and the clock's mark to
/// [`SKIPPED_TIME`] beyond itself and the wall clock. How far beyond that depends on the minute and on Δ, so that a backup
/// that is put back a second time soon, two minutes later or more, goes on elsewhere than the first time. The store is not open otherwise meanwhile.
///
/// Each commit says how far it has come, so that a run after a crash goes on there. `progress` is told how many rows of how
/// many are done, and `record` says what the audit log is told of it: durable in the commit that ends it.
///
/// # Errors
/// As [`crate::SubscriberStore::open`], also when there is no store, and when writing fails.
pub fn skip_ahead(
    path: &Path,
    master_key: &MasterKey,
    options: &StoreOptions,
    record: &dyn Fn(&Skipped) -> Option<OnRecord>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Skipped, StoreError> {
    let engine = EmbeddedEngine::open_existing(path, options.cache_bytes).map_err(read_error)?;
    skip_ahead_on(&engine, path, master_key, options, record, progress)
}

/// [`skip_ahead`] of a store on any engine; `name` is what errors call it.
///
/// # Errors
/// As [`skip_ahead`].
pub fn skip_ahead_on(
    engine: &dyn Engine,
    name: &Path,
    master_key: &MasterKey,
    options: &StoreOptions,
    record: &dyn Fn(&Skipped) -> Option<OnRecord>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Skipped, StoreError> {
    let node = options.node.index().into();
    let opener = Opener {
        master_key,
        node,
        clock: &*options.clock,
    };
    let state = match options.take_back {
        true => State::Gone,
        false => State::Open,
    };
    let sealer = unlock(engine, name, (&opener, state), None, &*options.converting)?;
    nodes::alone(engine, name, node)?;
    let keys = sealer.keys();
    let minutes = options.clock.clocks().wall.as_secs() / 60;
    let delta = options.policy.delta;
    let seq = SKIPPED_SEQ + minutes % (delta / PART / SEQ_PER_MINUTE).max(1) * SEQ_PER_MINUTE;
    let by = |record: &SqnRecord| match record.generator() {
        _ if fault!("skip-leaves-records") => 0,
        _ if fault!("skip-always-equal") => SKIPPED_SEQ,
        // SEQ2 goes back to the clock from there, so that SEQ1 must differ.
        Generator::General { seq2_bits, .. } => {
            let rounds = ((delta / PART_GENERAL) >> seq2_bits).max(1);
            SKIPPED_SEQ + ((minutes / 2 % rounds) << seq2_bits)
        }
        _ => seq,
    };
    let commit = |batch: &Batch| {
        let Serial(last) = pollster::block_on(engine.serial(node)).map_err(read_error)?;
        let done = engine.apply_as(node, Serial(last + 1), batch);
        done.map_err(|error| StoreError::Write(Arc::new(error)))
    };
    let mut total = 0;
    for table in TABLES {
        let rows = engine.count(table).map_err(read_error)?;
        total += if table == SUBSCRIBER { rows / ROWS } else { rows };
    }
    if options.unrecorded {
        let mut batch = Batch::default();
        if meta::goes_unrecorded(engine, keys, node, opener.now().get(), &mut batch)? {
            commit(&batch)?;
        }
    }
    let mut skipped = Skipped::default();
    let mut done = 0;
    let (first, mut after) = match meta::octets(engine, meta::SKIPPING).map_err(read_error)? {
        Some(position) => {
            skipped.resumed = true;
            resumed(keys, &position)?
        }
        None => {
            let mut batch = Batch::default();
            let (tick_ms, _) = meta::tick_and_keepers(engine, keys)?;
            let tick_ms = tick_ms.max(1);
            let ticks = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / tick_ms;
            let mark = meta::highest_mark(engine, keys)?;
            let mark = mark.max(ticks(options.clock.clocks().wall));
            let mark = mark.saturating_add(ticks(SKIPPED_TIME));
            if !fault!("skip-leaves-clock") {
                batch.put(Table::META, meta::MARK, &meta::coded(keys, meta::MARK, mark));
            }
            batch.put(Table::META, meta::SKIPPING, &position(keys, 0, &[]));
            if matches!(copy::state_of(engine, keys)?, StoreState::Gone { .. }) {
                copy::forget(&mut batch);
            }
            commit(&batch)?;
            nodes::alone(engine, name, node)?;
            (0, None)
        }
    };
    for (index, table) in TABLES.iter().enumerate().skip(first) {
        walk(engine, *table, after.take(), CHUNK, &mut |rows| {
            let mut batch = Batch::default();
            let mut moved = 0;
            for (name, octets) in rows {
                let ahead = match *table {
                    // What it is stands before its numbers, which are counted.
                    SUBSCRIBER if name.last() == Some(&(Part::Credentials as u8)) => continue,
                    SUBSCRIBER => numbers(engine, keys, (name, octets)).map_err(read_error)?.map(|found| {
                        let (key, record, owner) = found;
                        let by = by(&record);
                        sqn_row::encode(keys, &key, &record.advanced(by), &owner)
                    }),
                    _ => sqn_row::decode_life(keys, name, octets).ok().map(|record| {
                        let by = by(&record);
                        sqn_row::encode_life(keys, name, &record.advanced(by))
                    }),
                };
                done += 1;
                match ahead {
                    Some(ahead) => {
                        batch.put(*table, name, &ahead);
                        moved += 1;
                    }
                    None => skipped.damaged += 1,
                }
            }
            if let Some((last, _)) = rows.last() {
                batch.put(Table::META, meta::SKIPPING, &position(keys, index, last));
            }
            commit(&batch)?;
            match *table {
                SUBSCRIBER => skipped.subscribers += moved,
                _ => skipped.lives += moved,
            }
            progress(done, total);
            Ok(())
        })?;
    }
    let mut batch = Batch::default();
    batch.remove(Table::META, meta::SKIPPING);
    apply_on_record(engine, sealer.data_key(), node, &mut batch, record(&skipped))
        .map_err(|error| StoreError::Write(Arc::new(error)))?;
    Ok(skipped)
}

/// Whose numbers a row is, when it is whole: what it is of stands in the row beside it.
fn numbers(
    engine: &dyn Engine,
    keys: &StoreKeys,
    (name, octets): (&[u8], &[u8]),
) -> Result<Option<(SubscriberKey, SqnRecord, Owner)>, EngineError> {
    let Ok((key, _)) = PartKey::read(name) else {
        return Ok(None);
    };
    let mut life = None;
    engine.get(SUBSCRIBER, &PartKey::new(&key, Part::Credentials), &mut |octets| {
        life = Row::decode(octets).ok().map(|row| row.life);
    })?;
    let found = life.and_then(|life| sqn_row::decode(keys, &key, &life, octets).ok());
    Ok(found.map(|(record, owner)| (key, record, owner)))
}

/// Which table, and the last row of it that is done.
fn position(keys: &StoreKeys, table: usize, last: &[u8]) -> Vec<u8> {
    let position = [&[u8::try_from(table).unwrap_or(u8::MAX)], last].concat();
    meta::with_code(keys, meta::SKIPPING, position)
}

fn resumed(keys: &StoreKeys, position: &[u8]) -> Result<(usize, Option<Vec<u8>>), StoreError> {
    let position = meta::verified(keys, meta::SKIPPING, position);
    match position.and_then(<[u8]>::split_first) {
        Some((table, last)) if usize::from(*table) < TABLES.len() => {
            let last = Some(last.to_vec()).filter(|last| !last.is_empty());
            Ok((usize::from(*table), last))
        }
        _ => Err(StoreError::ChangedMeta("place where `skip-ahead` was interrupted")),
    }
}
