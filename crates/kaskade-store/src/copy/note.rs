//! What stands in a store of a copy that was made of it, or out of it.

use std::path::{Path, PathBuf};

use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;

use crate::engine::{Batch, Engine, Table};
use crate::error::{StoreError, read_error};
use crate::meta;
use crate::status::StoreState;
use crate::unlock::State;

/// The key of the row; there is none where there never was a copy.
pub(super) const COPY: &[u8] = b"copy";
pub(super) const COPY_NAME: &str = "note of a copy";
pub(super) const ID_LEN: usize = 16;

/// What a copy has made of a store. The row is what 1 ‖ identifier 16 ‖ milliseconds 8 ‖ name of the other store ‖ code 16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) what: What,
    /// Of this copy, at both ends.
    pub(super) id: [u8; ID_LEN],
    /// When it began.
    pub(super) at: UnixMillis,
    /// The other store, as errors call it.
    pub(super) other: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It is being made out of the other.
    Coming = 0,
    /// It was.
    Came = 1,
    /// The other is being made out of it.
    Gone = 2,
    /// The other was.
    Arrived = 3,
}

impl Note {
    pub(super) fn encode(&self, keys: &StoreKeys) -> Vec<u8> {
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
            what: *[What::Coming, What::Came, What::Gone, What::Arrived].get(usize::from(*what))?,
            id: *id,
            at: UnixMillis::new(u64::from_be_bytes(*at)),
            other: String::from_utf8(name.to_vec()).ok()?.into(),
        })
    }

    /// That of a store, if there is one.
    pub(super) fn of(engine: &dyn Engine, keys: &StoreKeys) -> Result<Option<Self>, StoreError> {
        let Some(octets) = meta::octets(engine, COPY).map_err(read_error)? else {
            return Ok(None);
        };
        let note = Self::decode(keys, &octets);
        note.map(Some).ok_or(StoreError::ChangedMeta(COPY_NAME))
    }

    /// What it becomes.
    pub(super) fn becoming(&self, what: What) -> Self {
        Self { what, ..self.clone() }
    }

    /// Puts it, and with it the format by which every program knows whether it opens the store.
    pub(super) fn put(&self, unit: &mut Batch, keys: &StoreKeys) {
        let format = match self.what {
            What::Gone | What::Arrived => meta::GONE_FORMAT,
            What::Coming | What::Came => meta::KNOWN_FORMAT,
        };
        if !fault!("copied-store-opens-elsewhere") {
            unit.put(Table::META, meta::FORMAT, &format.to_be_bytes());
        }
        unit.put(Table::META, COPY, &self.encode(keys));
    }
}

/// What a copy has made of a store.
///
/// # Errors
/// When reading fails, or what it says of that is not as it was written.
pub(crate) fn state_of(engine: &dyn Engine, keys: &StoreKeys) -> Result<StoreState, StoreError> {
    let note = Note::of(engine, keys)?;
    let format = meta::number(engine, meta::FORMAT).map_err(read_error)?;
    let state = match note.map(|Note { what, at, other, .. }| (what, at, other)) {
        None | Some((What::Came, ..)) => StoreState::Open,
        Some((What::Coming, at, from)) => StoreState::Coming { from, at },
        Some((What::Gone | What::Arrived, at, to)) => StoreState::Gone { to, at },
    };
    // One without the other: somebody has taken the note away.
    match matches!(state, StoreState::Gone { .. }) == (format == Some(meta::GONE_FORMAT)) {
        true => Ok(state),
        false => Err(StoreError::ChangedMeta(COPY_NAME)),
    }
}

/// Refuses a store that is not yet whole, or that has gone elsewhere, but where that is known.
///
/// # Errors
/// [`StoreError::CopyUnfinished`], [`StoreError::Gone`].
pub(crate) fn refuse(engine: &dyn Engine, name: &Path, keys: &StoreKeys, may_be: State) -> Result<(), StoreError> {
    let path = name.to_owned();
    match state_of(engine, keys)? {
        StoreState::Coming { .. } if fault!("part-of-a-copy-opens") => Ok(()),
        StoreState::Coming { from, .. } => Err(StoreError::CopyUnfinished { path, from }),
        StoreState::Gone { to, at } if may_be != State::Gone => Err(StoreError::Gone { path, to, at }),
        _ => Ok(()),
    }
}

/// Makes it a store like any other again.
pub(crate) fn forget(unit: &mut Batch) {
    unit.put(Table::META, meta::FORMAT, &meta::KNOWN_FORMAT.to_be_bytes());
    unit.remove(Table::META, COPY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_and_every_edit_is_noticed() {
        let keys = StoreKeys::derive(&[1; 32]);
        for what in [What::Coming, What::Came, What::Gone, What::Arrived] {
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
