//! A store of the first version becomes one of this version, where it is.
//!
//! Its records of sequence numbers had no code and did not say whose they were. The format is raised first, so that a
//! program of the first version keeps its hands off; then the rows follow in commits of some thousand; at last the data
//! key is sealed anew, as the key of a store whose records have codes. Until then a start goes on where a crash ended it;
//! from then on a record without a code is refused. The data key stays the same: the one sealed for the first version, out of
//! a backup of it and put back by somebody who can write the file, is converted again.
//!
//! A row that does not open or read is left as it is: using it is an error, as it was.

use std::sync::Arc;

use kaskade_crypto::seal::StoreKind;

use crate::engine::{Batch, Blocking, Engine, Table};
use crate::error::{StoreError, read_error};
use crate::key::SubscriberKey;
use crate::master_key::MasterKey;
use crate::meta;
use crate::record::{self, Owner};
use crate::row::{self, Row};
use crate::seal::Sealer;

/// How many rows go into one commit.
const CHUNK: usize = 4096;

pub(crate) fn convert(engine: &dyn Engine, sealer: &Sealer, master_key: &MasterKey) -> Result<(), StoreError> {
    let commit = |batch: &Batch| engine.apply(batch).map_err(|error| StoreError::Write(Arc::new(error)));
    let mut batch = Batch::default();
    batch.put(Table::META, meta::FORMAT, &meta::KNOWN_FORMAT.to_be_bytes());
    commit(&batch)?;
    for table in [Table::SUBSCRIBERS, Table::REMOVED] {
        walk(engine, table, None, CHUNK, &mut |rows| {
            let mut batch = Batch::default();
            for (name, octets) in rows {
                let converted = match table {
                    Table::SUBSCRIBERS => subscriber(sealer, name, octets),
                    _ => removed(sealer, name, octets),
                };
                if let Some(converted) = converted {
                    batch.put(table, name, &converted);
                }
            }
            if batch.changes().is_empty() {
                return Ok(());
            }
            commit(&batch)
        })?;
    }
    let mut batch = Batch::default();
    for (key, name) in [meta::CODED_MARK, meta::CODED_TICK] {
        // The first version wrote its mark when it first issued a number, its tick at once.
        let none = (key == meta::MARK).then_some(0);
        let value = meta::number(engine, key).map_err(read_error)?.or(none);
        let value = value.ok_or(StoreError::ChangedMeta(name))?;
        batch.put(Table::META, key, &meta::coded(sealer.keys(), key, value));
    }
    let sealed = meta::octets(engine, meta::DATA_KEY)
        .map_err(read_error)?
        .unwrap_or_default();
    let sealed = Sealer::reseal(master_key, &sealed, StoreKind::Coded)?;
    batch.put(Table::META, meta::DATA_KEY, &sealed);
    commit(&batch)
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

fn subscriber(sealer: &Sealer, name: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
    let row = Row::decode(octets).ok()?;
    if row::is_coded(row.sqn) {
        return None;
    }
    let key = SubscriberKey::from(&SubscriberKey::supi(name).ok()?);
    let owner = Owner {
        life: sealer.life_of_row(&key, &row).ok()?,
        inherited: true,
    };
    let record = row::decode_sqn(row.sqn).ok()?;
    let (_, rest) = row::split(octets).ok()?;
    Some(record::join(sealer.keys(), &key, &record, owner, rest))
}

fn removed(sealer: &Sealer, name: &[u8], octets: &[u8]) -> Option<Vec<u8>> {
    if row::is_coded(octets) {
        return None;
    }
    let record = row::decode_sqn(octets).ok()?;
    Some(record::encode_life(sealer.keys(), name, &record))
}

#[cfg(test)]
mod tests;
