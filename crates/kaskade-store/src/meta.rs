//! What a store knows of itself.

use std::sync::Arc;

use kaskade_crypto::store_keys::{Purpose, StoreKeys};
use kaskade_faults::fault;

use crate::audit::Anchor;
use crate::engine::{Batch, Blocking, Engine, Table};
use crate::error::{EngineError, StoreError};

pub(crate) const FORMAT: &[u8] = b"format";
pub(crate) const DATA_KEY: &[u8] = b"data key";
pub(crate) const MASTER_KEY_ID: &[u8] = b"master key";
pub(crate) const TICK_MS: &[u8] = b"tick";
/// Of node 0. It is 0 as long as there is none yet, so that one that is gone is noticed.
pub(crate) const MARK: &[u8] = b"mark";
/// With the names that errors give them.
pub(crate) const CODED_MARK: (&[u8], &str) = (MARK, "clock mark");
pub(crate) const CODED_TICK: (&[u8], &str) = (TICK_MS, "length of a tick");
const HEAD_NAME: &str = "head of the audit log";
const UNRECORDED_NAME: &str = "time since when no audit log is written";

/// How far the audit log of node 0 had come, with its code; empty when it never was kept.
const AUDIT_HEAD: &[u8] = b"audit head";

/// Since when node 0 may have changed the store without an audit log, with its code; 0 when it has one.
const UNRECORDED: &[u8] = b"unrecorded";

/// How far [`crate::skip_ahead`] has come, with its code.
pub(crate) const SKIPPING: &[u8] = b"skip ahead";

/// The format that this program writes: subscribers and their sequence numbers are rows of their own.
pub(crate) const KNOWN_FORMAT: u64 = 3;
/// That of a store which has gone elsewhere: no program opens it by mistake.
pub(crate) const GONE_FORMAT: u64 = 1 << 32;
/// The format of the first version; this and the one after it are converted when they are opened.
pub(crate) const FIRST_FORMAT: u64 = 1;

/// Where the clock's mark of a node stands.
pub(crate) fn mark_key(node: u16) -> Vec<u8> {
    key_of(MARK, node)
}

/// Where the head of the audit log of a node stands: every node has a log of its own.
pub(crate) fn audit_head_key(node: u16) -> Vec<u8> {
    match fault!("audit-head-of-any-node") {
        true => AUDIT_HEAD.to_vec(),
        false => key_of(AUDIT_HEAD, node),
    }
}

/// Where it stands since when a node has had no audit log.
pub(crate) fn unrecorded_key(node: u16) -> Vec<u8> {
    key_of(UNRECORDED, node)
}

fn key_of(name: &[u8], node: u16) -> Vec<u8> {
    match node {
        0 => name.to_vec(),
        node => [name, b" ", &node.to_be_bytes()].concat(),
    }
}

/// The highest clock mark of any node; 0 when there is none yet.
///
/// # Errors
/// [`StoreError::ChangedMeta`] when one is not as it was written, or that of node 0, which every store has, is gone.
pub(crate) fn highest_mark(engine: &dyn Engine, keys: &StoreKeys) -> Result<u64, StoreError> {
    let mut highest = coded_number(engine, keys, CODED_MARK)?;
    let mut others = Vec::new();
    let scan = engine.scan(Table::META, Some(MARK), &mut |key, _| {
        let of_a_mark = key.starts_with(MARK);
        if of_a_mark {
            others.push(key.to_vec());
        }
        of_a_mark
    });
    scan.map_err(|error| StoreError::Read(Arc::new(error)))?;
    for key in others {
        highest = highest.max(coded_number(engine, keys, (&key, CODED_MARK.1))?);
    }
    Ok(highest)
}

/// A number of 8 octets, most significant first.
pub(crate) fn number(engine: &dyn Engine, key: &[u8]) -> Result<Option<u64>, EngineError> {
    let Some(octets) = octets(engine, key)? else {
        return Ok(None);
    };
    let number = octets.first_chunk().filter(|_| octets.len() == 8);
    let number = number.ok_or_else(|| EngineError::Other("a number of the store's own is damaged".into()))?;
    Ok(Some(u64::from_be_bytes(*number)))
}

/// A number that sequence numbers depend on, with its code: 8 octets ‖ code 16.
pub(crate) fn coded(keys: &StoreKeys, key: &[u8], value: u64) -> Vec<u8> {
    with_code(keys, key, value.to_be_bytes().to_vec())
}

/// Reads what [`coded`] wrote, when it is there and as it was written.
pub(crate) fn coded_number(
    engine: &dyn Engine,
    keys: &StoreKeys,
    (key, name): (&[u8], &'static str),
) -> Result<u64, StoreError> {
    let octets = octets(engine, key).map_err(|error| StoreError::Read(Arc::new(error)))?;
    let value = octets.as_deref().and_then(|octets| verified(keys, key, octets));
    let value = value.and_then(|value| value.try_into().ok());
    value.map(u64::from_be_bytes).ok_or(StoreError::ChangedMeta(name))
}

/// The length of a tick in milliseconds, and the nodes that keep what they know of their audit logs. The row of it is
/// milliseconds 8 ‖ node 2 each ‖ code 16: a store without one does not open, so that whoever removes the rows of such a node is found.
pub(crate) fn tick_and_keepers(engine: &dyn Engine, keys: &StoreKeys) -> Result<(u64, Vec<u16>), StoreError> {
    let octets = octets(engine, TICK_MS).map_err(|error| StoreError::Read(Arc::new(error)))?;
    let read = |octets: &[u8]| {
        let (tick, nodes) = verified(keys, TICK_MS, octets)?.split_first_chunk()?;
        let (nodes, rest) = nodes.as_chunks();
        let nodes = nodes.iter().map(|node| u16::from_be_bytes(*node)).collect();
        rest.is_empty().then_some((u64::from_be_bytes(*tick), nodes))
    };
    octets
        .as_deref()
        .and_then(read)
        .ok_or(StoreError::ChangedMeta(CODED_TICK.1))
}

/// The row of the tick.
pub(crate) fn coded_tick(keys: &StoreKeys, tick: u64, keepers: &[u16]) -> Vec<u8> {
    let nodes = keepers.iter().flat_map(|node| node.to_be_bytes());
    with_code(keys, TICK_MS, tick.to_be_bytes().into_iter().chain(nodes).collect())
}

/// Has both rows of a node's audit log in this unit, if they were never written, and from then on a store without them is not as it
/// was written. Before what is put there.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn keep_of_log(
    engine: &dyn Engine,
    keys: &StoreKeys,
    node: u16,
    unit: &mut Batch,
) -> Result<(), StoreError> {
    let (tick, mut keepers) = tick_and_keepers(engine, keys)?;
    if keepers.contains(&node) {
        return Ok(());
    }
    // What an earlier program wrote stays.
    let head = audit_head(engine, keys, node)?;
    put_head(keys, node, head.as_ref(), unit);
    let since = unrecorded_since(engine, keys, node)?.unwrap_or(0);
    put_unrecorded(keys, node, since, unit);
    keepers.push(node);
    unit.put(Table::META, TICK_MS, &coded_tick(keys, tick, &keepers));
    Ok(())
}

pub(crate) fn put_head(keys: &StoreKeys, node: u16, head: Option<&Anchor>, unit: &mut Batch) {
    let key = audit_head_key(node);
    let value = head.map_or_else(Vec::new, |head| head.encode().to_vec());
    unit.put(Table::META, &key, &with_code(keys, &key, value));
}

/// Has in this unit that from then on the store may be changed without an audit log, if it does not say so already; whether it has.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn goes_unrecorded(
    engine: &dyn Engine,
    keys: &StoreKeys,
    node: u16,
    at: u64,
    unit: &mut Batch,
) -> Result<bool, StoreError> {
    if unrecorded_since(engine, keys, node)?.is_some() || fault!("audit-off-not-noted") {
        return Ok(false);
    }
    keep_of_log(engine, keys, node, unit)?;
    put_unrecorded(keys, node, at, unit);
    Ok(true)
}

pub(crate) fn put_unrecorded(keys: &StoreKeys, node: u16, since: u64, unit: &mut Batch) {
    let key = unrecorded_key(node);
    unit.put(Table::META, &key, &coded(keys, &key, since));
}

/// How far the audit log had come; `None` when that was never written.
///
/// # Errors
/// [`StoreError::ChangedMeta`] when it is not as it was written, or gone.
pub(crate) fn audit_head(engine: &dyn Engine, keys: &StoreKeys, node: u16) -> Result<Option<Anchor>, StoreError> {
    let key = audit_head_key(node);
    let read = |value: &[u8]| match value {
        [] => Some(None),
        value => Anchor::decode(value.try_into().ok()?).map(Some),
    };
    let head = of_log(engine, keys, node, (&key, HEAD_NAME), read)?;
    Ok(head.flatten())
}

/// Since when the store may have been changed without an audit log, in milliseconds since 1970; `None` when it was not.
///
/// # Errors
/// As [`audit_head`].
pub(crate) fn unrecorded_since(engine: &dyn Engine, keys: &StoreKeys, node: u16) -> Result<Option<u64>, StoreError> {
    let key = unrecorded_key(node);
    let read = |value: &[u8]| value.try_into().ok().map(u64::from_be_bytes);
    let since = of_log(engine, keys, node, (&key, UNRECORDED_NAME), read)?;
    Ok(since.filter(|since| *since != 0))
}

/// A row of a node's audit log: there may be none only as long as the node never kept any.
fn of_log<T>(
    engine: &dyn Engine,
    keys: &StoreKeys,
    node: u16,
    (key, name): (&[u8], &'static str),
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let octets = octets(engine, key).map_err(|error| StoreError::Read(Arc::new(error)))?;
    let Some(octets) = octets else {
        let (_, keepers) = tick_and_keepers(engine, keys)?;
        return match keepers.contains(&node) && !fault!("audit-rows-may-be-gone") {
            true => Err(StoreError::ChangedMeta(name)),
            false => Ok(None),
        };
    };
    let value = verified(keys, key, &octets).and_then(read);
    value.map(Some).ok_or(StoreError::ChangedMeta(name))
}

/// A value of the store's own and its code: value ‖ code 16.
pub(crate) fn with_code(keys: &StoreKeys, key: &[u8], mut value: Vec<u8>) -> Vec<u8> {
    let code = keys.record_code(Purpose::Meta, &[key, &value].concat());
    value.extend_from_slice(&code);
    value
}

/// The value in what [`with_code`] gave; `None` when it is not as it was written.
pub(crate) fn verified<'o>(keys: &StoreKeys, key: &[u8], octets: &'o [u8]) -> Option<&'o [u8]> {
    let (value, code) = octets.split_last_chunk()?;
    let good = keys.verify_record(Purpose::Meta, &[key, value].concat(), code);
    good.then_some(value)
}

pub(crate) fn octets(engine: &dyn Engine, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
    let mut found = None;
    engine.get(Table::META, key, &mut |octets| found = Some(octets.to_vec()))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::master_key::MasterKey;
    use crate::memory::MemoryEngine;
    use crate::seal::Sealer;
    use crate::store::{StoreOptions, SubscriberStore};

    /// A store of a program that kept a head without saying so in the row of the tick: what it has is taken, and from the next head on
    /// it must be there.
    #[test]
    fn a_store_of_an_earlier_program_keeps_its_head_as_well() {
        let (engine, key) = (MemoryEngine::default(), MasterKey::from_octets(&[5; 32]));
        let store = SubscriberStore::with_engine(
            Arc::new(engine.clone()),
            Path::new("memory"),
            &key,
            StoreOptions::default(),
        );
        drop(store.expect("a store"));
        let sealed = octets(&engine, DATA_KEY).expect("read").expect("there");
        let (sealer, _) = Sealer::open(&key, &sealed).expect("the key");
        let keys = sealer.keys();
        let anchor = |entries| Anchor {
            log: [7; 16],
            segment: 1,
            entries,
            hash: [8; 32],
        };
        let mut unit = Batch::default();
        unit.put(Table::META, TICK_MS, &coded(keys, TICK_MS, 1000));
        put_head(keys, 0, Some(&anchor(3)), &mut unit);
        unit.remove(Table::META, UNRECORDED);
        engine.apply(&unit).expect("as it was");
        assert_eq!(tick_and_keepers(&engine, keys).expect("read"), (1000, Vec::new()));
        assert_eq!(audit_head(&engine, keys, 0).expect("read"), Some(anchor(3)));
        assert_eq!(unrecorded_since(&engine, keys, 0).expect("read"), None);
        let mut unit = Batch::default();
        keep_of_log(&engine, keys, 0, &mut unit).expect("read");
        engine.apply(&unit).expect("written");
        assert_eq!(tick_and_keepers(&engine, keys).expect("read"), (1000, vec![0]));
        assert_eq!(audit_head(&engine, keys, 0).expect("read"), Some(anchor(3)));
        for row in [AUDIT_HEAD, UNRECORDED] {
            let mut unit = Batch::default();
            unit.remove(Table::META, row);
            engine.apply(&unit).expect("removed");
        }
        for read in [
            audit_head(&engine, keys, 0).map(drop),
            unrecorded_since(&engine, keys, 0).map(drop),
        ] {
            assert!(matches!(read, Err(StoreError::ChangedMeta(_))), "{read:?}");
        }
        // Another node has kept none.
        assert_eq!(audit_head(&engine, keys, 1).expect("read"), None);
    }
}
