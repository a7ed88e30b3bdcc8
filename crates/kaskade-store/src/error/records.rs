//! Why records are not read or not written.

use std::sync::Arc;

use kaskade_flow::record::{Kind, RowError};
use kaskade_flow::unit::UnitError;

use super::{EngineError, StoreError};
use crate::engine::Conflict;

/// Why a record is not read. What is in the store stays as it is.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The engine failed to read.
    #[error("reading the store: {0}")]
    Read(Arc<EngineError>),
    /// It is not as it was written: edited, moved from another place, or of another store.
    #[error("`{0}`: a record is not what was written there: the file was changed")]
    Changed(&'static str),
    /// A newer program wrote it, or one so old that this one does not read it any more.
    #[error("`{kind}`: a record of version {found}, this program knows up to {known}")]
    Version {
        /// Which kind.
        kind: &'static str,
        /// Its version.
        found: u8,
        /// The newest that is known here.
        known: u8,
    },
    /// Nobody declared this kind, or not with this number, name, version and protection; those of the store itself are nobody's.
    #[error("`{}` ({}): no such kind was declared", .0.name, .0.number)]
    Undeclared(Kind),
    /// The number of this lane is that of another one.
    #[error("lane `{0}`: its number is that of lane `{1}`")]
    OtherLane(&'static str, &'static str),
    /// It is as it was written, and yet not what its kind writes.
    #[error("`{0}`: {1}")]
    Row(&'static str, RowError),
    /// An index leads to a record that does not have this key in it: the file was changed.
    #[error("`{0}`: index {1} leads to a record without that key: the file was changed")]
    Index(&'static str, u8),
}

impl From<EngineError> for RecordError {
    fn from(error: EngineError) -> Self {
        Self::Read(Arc::new(error))
    }
}

/// Why a unit is not done: nothing of it is, unless [`CommitError::Write`] says that this is not known.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Something was not as the unit expects: read it again.
    #[error("{0}")]
    Conflict(#[from] Conflict),
    /// Nobody declared this kind, or not with this number, name, version and protection; those of the store itself are nobody's.
    #[error("`{}` ({}): no such kind was declared", .0.name, .0.number)]
    Undeclared(Kind),
    /// It can never be done.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// What it would write over cannot be read here, and is left as it is.
    #[error("not written over: {0}")]
    Unreadable(RecordError),
    /// The number of this lane is that of another one.
    #[error("lane `{0}`: its number is that of lane `{1}`")]
    OtherLane(&'static str, &'static str),
    /// So many messages wait already.
    #[error("lane `{0}`: full, {1} messages wait")]
    LaneFull(&'static str, usize),
    /// So many events wait for the audit log already: nothing is given out that would not be on record.
    #[error("{0} events wait for the audit log")]
    EventsFull(usize),
    /// The engine failed to write. Whether the unit is durable is known after the next start at the latest; nothing that
    /// depends on it may be told.
    #[error("writing the store: {0}")]
    Write(Arc<EngineError>),
    /// The system gave no random numbers.
    #[error("no random numbers from the system")]
    Random,
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// Why kinds are not declared.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeclareError {
    /// Its number is one of the store's own.
    #[error("`{}`: the number {} is the store's own", .0.name, .0.number)]
    Own(Kind),
    /// Two kinds have the same number or name.
    #[error("`{}` ({}) and `{}` ({}) are not the same kind", .0.name, .0.number, .1.name, .1.number)]
    Twice(Kind, Kind),
    /// The engine failed.
    #[error("writing the store: {0}")]
    Write(Arc<EngineError>),
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(conflict) => Self::Conflict(conflict),
            CommitError::Unreadable(error) => Self::Record(error),
            CommitError::Write(error) => Self::Write(error),
            CommitError::Random => Self::Random,
            CommitError::Closed => Self::Closed,
            CommitError::EventsFull(_) => Self::NotOnRecord,
            error => Self::Unit(error),
        }
    }
}
