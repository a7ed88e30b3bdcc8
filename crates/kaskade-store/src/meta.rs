//! What a store knows of itself.

use std::sync::Arc;

use kaskade_crypto::store_keys::{Purpose, StoreKeys};
use kaskade_faults::fault;

use crate::audit::Anchor;
use crate::engine::{Blocking, Engine, Table};
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

/// How far the audit log of node 0 had come, with its code.
const AUDIT_HEAD: &[u8] = b"audit head";

/// Since when node 0 may have changed the store without an audit log, with its code.
const UNRECORDED: &[u8] = b"unrecorded";

/// How far [`crate::skip_ahead`] has come, with its code.
pub(crate) const SKIPPING: &[u8] = b"skip ahead";

/// The format that this program writes: subscribers and their sequence numbers are rows of their own.
pub(crate) const KNOWN_FORMAT: u64 = 3;
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

/// How far the audit log had come; `None` when that was never written.
///
/// # Errors
/// [`StoreError::ChangedMeta`] when it is not as it was written.
pub(crate) fn audit_head(engine: &dyn Engine, keys: &StoreKeys, node: u16) -> Result<Option<Anchor>, StoreError> {
    let key = audit_head_key(node);
    let octets = octets(engine, &key).map_err(|error| StoreError::Read(Arc::new(error)))?;
    let Some(octets) = octets else { return Ok(None) };
    let anchor = verified(keys, &key, &octets).and_then(|value| Anchor::decode(value.try_into().ok()?));
    anchor.map(Some).ok_or(StoreError::ChangedMeta("head of the audit log"))
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
