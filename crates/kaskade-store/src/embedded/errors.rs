//! What redb and the system say, in the words of an engine.

use std::io::ErrorKind;

use redb::DatabaseError;

use super::EmbeddedEngine;
use super::gate::Panicked;
use super::snapshot::Unread;
use crate::engine::Engine;
use crate::error::EngineError;

impl EmbeddedEngine {
    pub(super) fn io(&self, source: std::io::Error) -> EngineError {
        match is_full(&source) {
            true => EngineError::Full(self.path.clone()),
            false => EngineError::Io {
                path: self.path.clone(),
                source,
            },
        }
    }

    pub(super) fn database_error(&self, error: DatabaseError) -> EngineError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => EngineError::InUse(self.path.clone()),
            DatabaseError::UpgradeRequired(version) => self.corrupt(format!("file format {version} is too old")),
            DatabaseError::RepairAborted => self.corrupt("repair was aborted".into()),
            error => self.error(error),
        }
    }

    pub(super) fn error(&self, error: impl Into<redb::Error>) -> EngineError {
        match error.into() {
            redb::Error::Io(error) if error.kind() == ErrorKind::InvalidData => self.damaged(error.to_string()),
            redb::Error::Io(source) => self.io(source),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => self.damage().unwrap_or(EngineError::Failed),
            redb::Error::Corrupted(what) => self.damaged(what),
            error @ redb::Error::TableTypeMismatch { .. } => self.corrupt(error.to_string()),
            error => EngineError::Other(error.to_string()),
        }
    }

    pub(super) fn corrupt(&self, what: String) -> EngineError {
        EngineError::Corrupt {
            path: self.path.clone(),
            what,
        }
    }

    pub(super) fn unread(&self, error: Unread) -> EngineError {
        match error {
            Unread::Storage(error) => self.error(error),
            Unread::Damaged(table) => self.corrupt(format!("a row of its table `{}` is damaged", table.name())),
            Unread::Undeclared(table) => EngineError::Other(format!("the table `{}` was not declared", table.name())),
        }
    }

    pub(super) fn panicked(&self, Panicked(place): &Panicked) -> EngineError {
        self.damaged(format!("its pages contradict each other ({place})"))
    }

    /// From now on nothing of it is used any more.
    pub(super) fn damaged(&self, what: impl Into<String>) -> EngineError {
        self.known.damaged(what);
        self.damage().unwrap_or(EngineError::Failed)
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}
