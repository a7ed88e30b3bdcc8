//! What a store knows of itself.

use crate::engine::{Engine, Table};
use crate::error::EngineError;

pub(crate) const FORMAT: &[u8] = b"format";
pub(crate) const DATA_KEY: &[u8] = b"data key";
pub(crate) const MASTER_KEY_ID: &[u8] = b"master key";
pub(crate) const TICK_MS: &[u8] = b"tick";
pub(crate) const MARK: &[u8] = b"mark";
pub(crate) const SERIAL: &[u8] = b"serial";

/// The format that this program writes.
pub(crate) const KNOWN_FORMAT: u64 = 1;

/// A number of 8 octets, most significant first.
pub(crate) fn number(engine: &dyn Engine, key: &[u8]) -> Result<Option<u64>, EngineError> {
    let Some(octets) = octets(engine, key)? else {
        return Ok(None);
    };
    let number = octets.first_chunk().filter(|_| octets.len() == 8);
    let number = number.ok_or_else(|| EngineError::Other("a number of the store's own is damaged".into()))?;
    Ok(Some(u64::from_be_bytes(*number)))
}

pub(crate) fn octets(engine: &dyn Engine, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
    let mut found = None;
    engine.get(Table::Meta, key, &mut |octets| found = Some(octets.to_vec()))?;
    Ok(found)
}
