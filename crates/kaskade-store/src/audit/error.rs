//! Why the audit log refused, and what is wrong with one.

use std::path::{Path, PathBuf};

use kaskade_flow::Refusal;
use kaskade_flow::event::EventError;

use super::format::{Bad, VERSION};
use crate::private::PrivateError;

/// Why nothing may be given out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFull {
    /// No room in the memory or on the disk that is kept for it.
    #[error("the audit log has no room")]
    NoRoom,
    /// The disk has taken nothing for a second.
    #[error("the audit log waits for the disk")]
    Stalled,
    /// The disk failed: what is on it is not known until a restart.
    #[error("the audit log stopped after its disk failed; restart to recover")]
    Failed,
    /// It was closed in order.
    #[error("the audit log is closed: the program is stopping")]
    Stopping,
}

impl AuditFull {
    /// Why it is refused then.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::NoRoom => Refusal::AuditFull,
            // It is over in a moment, or becomes a failure.
            Self::Stalled => Refusal::AuditStalled,
            Self::Failed => Refusal::AuditFailed,
            Self::Stopping => Refusal::Stopping,
        }
    }
}

/// Why an audit log does not open.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A file or folder is not ours, lets others in, or cannot be read or written.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// Another process writes it.
    #[error("{}: in use: a node or another command has it open", .0.display())]
    InUse(PathBuf),
    /// It was written under another master key.
    #[error("{}: written under master key {expected}, but the key given is {given}", path.display())]
    WrongMasterKey {
        /// The segment.
        path: PathBuf,
        /// Identifier of the key that it was written under.
        expected: String,
        /// Identifier of the key that was given.
        given: String,
    },
    /// It is not as it was written. It is left as it is.
    #[error("{0}. Nothing of it was changed")]
    Wrong(#[from] Wrong),
    /// The system gave no random numbers, or no thread.
    #[error("audit log: {0}")]
    System(String),
}

impl AuditError {
    /// Whether the disk has no room for it.
    pub const fn is_no_room(&self) -> bool {
        matches!(self, Self::Private(error) if error.is_no_room())
    }

    /// What is refused by it; `None` where it is no matter of the disk.
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            _ if self.is_no_room() => Some(Refusal::AuditFull),
            _ => None,
        }
    }
}

/// The first place of a log that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which segment, counted from 1.
    pub segment: u64,
    /// Its file.
    pub path: PathBuf,
    /// The first entry that is in doubt, counted from 1 over the whole log.
    pub entry: Option<u64>,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum What {
    /// There is no such file.
    #[error("the segment is missing, and no entry says that it was removed")]
    Missing,
    /// It ends too early.
    #[error("cut: there were entries up to {expected}, the last one here is {found}")]
    Cut {
        /// The number of the last entry that was there.
        expected: u64,
        /// The last that is there.
        found: u64,
    },
    /// The chain of hashes breaks.
    #[error("edited: the chain of hashes breaks here")]
    Edited,
    /// The chain is whole, but was not made with the master key.
    #[error("forged: the chain was computed anew by somebody without the master key")]
    Forged,
    /// It does not follow the segment before it.
    #[error("does not follow the segment before it: reordered, replaced, or the end of that one was cut")]
    NotNext,
    /// It says that it is another segment than its name says.
    #[error("is segment {0} under another name: reordered")]
    Renamed(u64),
    /// It belongs to another log.
    #[error("is of another log: {found}, this one is {expected}")]
    OtherLog {
        /// Which log this is.
        expected: String,
        /// Which log the segment is of.
        found: String,
    },
    /// A newer program wrote it.
    #[error("version {0} of the log, this program knows up to {VERSION}: use the newer program")]
    Newer(u32),
    /// A program before the first release wrote it.
    #[error("version {0} of the log, this program knows {VERSION}")]
    Older(u32),
    /// It is no segment at all.
    #[error("no segment of an audit log, or its beginning was overwritten")]
    NoSegment,
    /// The parts contradict each other.
    #[error("edited: {0}")]
    Form(&'static str),
    /// An entry that cannot be read though it is as it was written.
    #[error("{0}")]
    Entry(#[from] EventError),
    /// A later segment is known from elsewhere, and there is none.
    #[error("cut: there were segments up to {0}, this is the last one here")]
    NoNext(u64),
    /// The end is not the one that was anchored elsewhere.
    #[error("not the log that the subscriber store knows: at entry {0} the chain is another one")]
    Anchor(u64),
    /// The system refused to read it.
    #[error("{0}")]
    Read(String),
}

impl Wrong {
    /// A segment, or a whole folder, that is of another log.
    pub(super) fn other_log(segment: u64, path: &Path, found: &[u8; 16], expected: &[u8; 16]) -> Self {
        let hex = |log: &[u8; 16]| log.iter().map(|octet| format!("{octet:02x}")).collect();
        let what = What::OtherLog {
            expected: hex(expected),
            found: hex(found),
        };
        Self::new(segment, path, None, what)
    }

    pub(super) fn new(segment: u64, path: &Path, entry: Option<u64>, what: What) -> Self {
        Self {
            segment,
            path: path.into(),
            entry,
            what,
        }
    }
}

impl core::fmt::Display for Wrong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: segment {}", self.path.display(), self.segment)?;
        if let Some(entry) = self.entry {
            write!(f, ", entry {entry}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl core::error::Error for Wrong {}

impl From<Bad> for What {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Magic => Self::NoSegment,
            Bad::Version(version) if version < VERSION => Self::Older(version),
            Bad::Version(version) => Self::Newer(version),
            Bad::Hash => Self::Edited,
            Bad::Code => Self::Forged,
            Bad::Form(what) => Self::Form(what),
        }
    }
}
