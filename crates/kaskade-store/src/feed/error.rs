//! Why a feed refused, and what is wrong with one.

use std::path::{Path, PathBuf};

use crate::private::PrivateError;

/// Why a feed does not open, take a record or give one.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// A file or folder is not ours, lets others in, or cannot be read or written.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// Another process has it open.
    #[error("{}: in use: another process has the feed open", .0.display())]
    InUse(PathBuf),
    /// It has as many octets as it may.
    #[error("the feed has as many octets as it may, {0}: archive it, and begin another one")]
    Full(u64),
    /// The disk failed before: what is on it is not known until a restart.
    #[error("the feed stopped after its disk failed ({0}); restart to recover")]
    Failed(String),
    /// It is not as it was written.
    #[error("{0}")]
    Wrong(#[from] Wrong),
    /// The system gave no random numbers.
    #[error("no random numbers from the system")]
    Random,
}

/// The first place of a feed that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: segment {segment}{}: {what}", path.display(), at(record))]
pub struct Wrong {
    /// Which segment, counted from 1.
    pub segment: u64,
    /// Its file.
    pub path: PathBuf,
    /// The first record that is in doubt, counted from 1 over the whole feed.
    pub record: Option<u64>,
    /// What is wrong.
    pub what: WrongWhat,
}

fn at(record: &Option<u64>) -> String {
    record.map_or_else(String::new, |record| format!(", record {record}"))
}

/// What is wrong with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongWhat {
    /// There is no such file.
    #[error("the segment is missing")]
    Missing,
    /// It ends too early.
    #[error("cut: there were records up to {expected}, the last one here is {found}")]
    Cut {
        /// The number of the last record that was there.
        expected: u64,
        /// The last that is there.
        found: u64,
    },
    /// The hash does not follow.
    #[error("edited: the chain of hashes breaks here")]
    Edited,
    /// The code is not one that the master key makes.
    #[error("forged, or of another master key: the code is wrong")]
    Forged,
    /// It does not follow on the one before.
    #[error("it does not go on where the one before ends")]
    NotNext,
    /// Of another feed than the one that is known.
    #[error("of another feed")]
    OtherFeed,
    /// Not what a feed looks like.
    #[error("{0}")]
    Form(&'static str),
}

impl Wrong {
    pub(super) fn new(segment: u64, path: &Path, record: Option<u64>, what: WrongWhat) -> Self {
        Self {
            segment,
            path: path.into(),
            record,
            what,
        }
    }
}
