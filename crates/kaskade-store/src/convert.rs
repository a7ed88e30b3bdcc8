//! A store of an earlier format becomes one of this format, where it is.
//!
//! | Format | What of it changes |
//! |---|---|
//! | 1 | records of sequence numbers had no code and did not say whose they were; neither had mark and tick |
//! | 2 | a subscriber was one row, with its sequence numbers in front |
//! | 3 | this one: a subscriber has two rows in a table of their own, see `rows` |
//!
//! The format is raised first, so that an earlier program keeps its hands off; then the rows move in commits of some thousand,
//! each gone from its old table when it is in the new one; at last the data key is sealed anew, as the key of a store of this
//! format. Until then a start goes on where a crash ended it; from then on the old table is not looked at any more. The data
//! key stays the same: one sealed for an earlier format, out of a backup of it and put back by somebody who can write the
//! file, is converted again.
//!
//! A row that does not open or read moves as it is: using it is an error, as it was.

mod old;

use std::sync::Arc;

use kaskade_crypto::seal::StoreKind;
use kaskade_flow::event::{Action, Event, Outcome};

use crate::engine::{Batch, Blocking, Engine, Expect, Table};
use crate::error::{StoreError, read_error};
use crate::key::SubscriberKey;
use crate::meta;
use crate::model::{Subscriber, Subscription};
use crate::numbers_row::{SQN_VERSION_FIRST, decode_sqn};
use crate::records::{OnRecord, apply_on_record};
use crate::row::DAMAGED_BEFORE;
use crate::rows::{Part, SUBSCRIBER, put_credentials, put_numbers};
use crate::seal::Sealer;
use crate::sqn_row;
use crate::unlock::Opener;
use old::OldRow;

/// How many rows go into one commit.
const CHUNK: usize = 4096;

/// How far a store of an earlier format is converted, at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The format that it had.
    pub from: u64,
    /// The format that it gets.
    pub to: u64,
    /// How many subscribers are converted.
    pub done: u64,
    /// Of how many at this start: those of one that was interrupted do not count.
    pub total: u64,
    /// Whether all is converted.
    pub is_complete: bool,
}

/// Converts a store of this kind, and tells after each commit how far that is. Whoever calls has declared the tables.
pub(crate) fn convert(
    engine: &dyn Engine,
    sealer: &Sealer,
    opener: &Opener<'_>,
    kind: StoreKind,
    tell: &dyn Fn(Conversion),
) -> Result<(), StoreError> {
    let mut conversion = Conversion {
        from: match kind {
            StoreKind::First => meta::FIRST_FORMAT,
            StoreKind::Coded => meta::FIRST_FORMAT + 1,
            StoreKind::Records => return Ok(()),
        },
        to: meta::KNOWN_FORMAT,
        done: 0,
        total: engine.count(Table::SUBSCRIBERS).map_err(read_error)?,
        is_complete: false,
    };
    tell(conversion);
    let commit = |batch: &Batch| engine.apply(batch).map_err(|error| StoreError::Write(Arc::new(error)));
    let mut batch = Batch::default();
    batch.put(Table::META, meta::FORMAT, &meta::KNOWN_FORMAT.to_be_bytes());
    commit(&batch)?;
    let first = kind == StoreKind::First;
    walk(engine, Table::SUBSCRIBERS, None, CHUNK, &mut |rows| {
        let mut batch = Batch::default();
        for (name, octets) in rows {
            move_row(sealer, &mut batch, (name, octets), first)?;
            batch.remove(Table::SUBSCRIBERS, name);
        }
        commit(&batch)?;
        conversion.done += rows.len() as u64;
        tell(conversion);
        Ok(())
    })?;
    if first {
        walk(engine, Table::REMOVED, None, CHUNK, &mut |rows| {
            let mut batch = Batch::default();
            for (name, octets) in rows {
                if let Some(coded) = removed(sealer, name, octets) {
                    batch.put(Table::REMOVED, name, &coded);
                }
            }
            commit(&batch)
        })?;
    }
    let mut batch = Batch::default();
    if first {
        for (key, name) in [meta::CODED_MARK, meta::CODED_TICK] {
            // The first version wrote its mark when it first issued a number, its tick at once.
            let none = (key == meta::MARK).then_some(0);
            let value = meta::number(engine, key).map_err(read_error)?.or(none);
            let value = value.ok_or(StoreError::ChangedMeta(name))?;
            batch.put(Table::META, key, &meta::coded(sealer.keys(), key, value));
        }
    }
    let sealed = meta::octets(engine, meta::DATA_KEY)
        .map_err(read_error)?
        .unwrap_or_default();
    let sealed = Sealer::reseal(opener.master_key, &sealed, (kind, StoreKind::Records))?;
    batch.put(Table::META, meta::DATA_KEY, &sealed);
    // Whichever command opened the store: the audit log takes it from there. Nothing older waits for it, as no earlier format had events.
    let count = u32::try_from(conversion.done).unwrap_or(u32::MAX);
    let event = Event::new(Outcome::Changed, Action::StoreConverted, opener.now()).times(count);
    let record = Some(OnRecord { event, above: 0 });
    apply_on_record(engine, sealer.data_key(), opener.node, &mut batch, record)
        .map_err(|error| StoreError::Write(Arc::new(error)))?;
    conversion.is_complete = true;
    tell(conversion);
    Ok(())
}

/// Names and values of some rows.
pub(crate) type Rows = [(Vec<u8>, Vec<u8>)];

/// Shows `visit` all rows of a table above `after`, so many at a time; it may change them.
pub(crate) fn walk(
    engine: &dyn Engine,
    table: Table,
    after: Option<Vec<u8>>,
    chunk: usize,
    visit: &mut dyn FnMut(&Rows) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = after;
    loop {
        let mut rows = Vec::with_capacity(chunk);
        let scan = engine.scan(table, after.as_deref(), &mut |name, octets| {
            rows.push((name.to_vec(), octets.to_vec()));
            rows.len() < chunk
        });
        scan.map_err(read_error)?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        visit(&rows)?;
    }
}

/// Puts the rows that one row of an earlier format becomes.
fn move_row(sealer: &Sealer, batch: &mut Batch, (name, octets): (&[u8], &[u8]), first: bool) -> Result<(), StoreError> {
    let supi = SubscriberKey::supi(name);
    let read = supi.as_ref().ok().and_then(|supi| {
        let key = SubscriberKey::from(supi);
        let row = OldRow::decode(octets).ok()?;
        let secrets = sealer.open_old(&row.secrets(&key)).ok()?;
        let life = sealer.life(&key, &secrets);
        let (sqn, owner) = row.numbers(sealer.keys(), &key, (first, life))?;
        let subscriber = Subscriber {
            supi: supi.clone(),
            secrets,
            amf: row.amf,
            methods: row.methods,
            subscription: Subscription::default(),
            sqn,
        };
        Some((key, subscriber, owner))
    });
    let Some((key, subscriber, owner)) = read else {
        let damaged = [name, &[Part::Credentials as u8]].concat();
        batch.put(SUBSCRIBER, &damaged, &[&[DAMAGED_BEFORE], octets].concat());
        // Each subscriber has two rows: they are counted.
        batch.put(SUBSCRIBER, &[name, &[Part::Numbers as u8]].concat(), &[]);
        return Ok(());
    };
    put_credentials(batch, &key, &sealer.seal(&key, &subscriber)?, &subscriber.subscription);
    put_numbers(
        batch,
        &key,
        &sqn_row::encode(sealer.keys(), &key, &subscriber.sqn, &owner),
        Expect::Any,
    );
    Ok(())
}

fn removed(sealer: &Sealer, name: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
    if octets.first() != Some(&SQN_VERSION_FIRST) {
        return None;
    }
    let record = decode_sqn(octets).ok()?;
    Some(sqn_row::encode_life(sealer.keys(), name, &record))
}

#[cfg(test)]
mod tests;
