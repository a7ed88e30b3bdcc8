//! Why the store refused.

mod records;

use std::path::PathBuf;
use std::sync::Arc;

use kaskade_aka::sqn::{ClockTooFarAhead, SqnError};
pub use kaskade_flow::record::RowError;
use kaskade_flow::{Refusal, UnixMillis};
use kaskade_keys::{Gpsi, Supi};

use crate::engine::Conflict;
use crate::key::SubscriberKey;
use crate::private::PrivateError;

pub use records::{CommitError, DeclareError, RecordError};

/// What a caller of the store gets. Says no secret, and names subscribers masked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The subscriber has another card than the one that was read: read it again.
    #[error("the subscriber was given another card meanwhile")]
    AnotherCard,
    /// No subscriber has this SUPI.
    #[error("unknown subscriber")]
    UnknownSubscriber,
    /// A subscriber has this SUPI already.
    #[error("a subscriber with this SUPI exists already")]
    AlreadyExists,
    /// Another subscriber has this GPSI, which no two may have.
    #[error("{} cannot have {}: {} has it", supi.masked(), gpsi.masked(), owner.masked())]
    GpsiTaken {
        /// Who was to get it.
        supi: Supi,
        /// What it is.
        gpsi: Gpsi,
        /// Who has it, or comes with it in the same commit.
        owner: Supi,
    },
    /// The subscriber has a GSM-only card: there are triplets of it, but no vectors.
    #[error("the subscriber has a GSM-only card")]
    GsmOnly,
    /// The master key file was refused.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The store was sealed with another master key.
    #[error(
        "{}: sealed with master key {expected}, but the key given is {given}",
        path.display()
    )]
    WrongMasterKey {
        /// The store.
        path: PathBuf,
        /// Identifier of the key that sealed it.
        expected: String,
        /// Identifier of the key that was given.
        given: String,
    },
    /// The store has no data key: nothing in it opens, and a new key would hide what was there.
    #[error("{}: has no data key, without which nothing in it opens: it was emptied or replaced", .0.display())]
    NoDataKey(PathBuf),
    /// The store holds nothing at all, not even a data key, and none is to be made.
    #[error("{}: holds nothing, not even a data key: its making was interrupted, or it took the place of another", .0.display())]
    Blank(PathBuf),
    /// A row cannot be opened: it was damaged, or moved from another subscriber or store.
    #[error("a sealed row does not open: damaged, or not of this subscriber")]
    Unsealing,
    /// A row's sequence numbers are not as they were written: edited, or moved from another row.
    #[error(
        "the sequence numbers of {supi} are not as they were written: the file was changed. Put a backup back and run \
         `kaskade store skip-ahead`"
    )]
    Changed {
        /// The subscriber, masked.
        supi: String,
    },
    /// The sequence numbers of a card that was replaced or removed are not as they were written.
    #[error(
        "the sequence numbers of a card that was replaced or removed are not as they were written: the file was \
         changed. Put a backup back and run `kaskade store skip-ahead`"
    )]
    ChangedLife,
    /// What the store knows of itself is not as it was written.
    #[error("the store's own {0} is not as it was written: the file was changed. Put a backup back")]
    ChangedMeta(&'static str),
    /// A run of [`crate::skip_ahead`] was interrupted: some sequence numbers are not ahead yet.
    #[error("`kaskade store skip-ahead` was interrupted: run it again, it goes on where it was")]
    SkipUnfinished,
    /// It is being made out of another, and not all of that has come.
    #[error(
        "{}: a copy of {} into it was interrupted: run `kaskade store copy` again, it goes on where it was",
        path.display(),
        from.display()
    )]
    CopyUnfinished {
        /// The store.
        path: PathBuf,
        /// What it is made out of.
        from: PathBuf,
    },
    /// It has become another store, which issues its sequence numbers.
    #[error("{}: it has gone to {}, and does not open any more", path.display(), to.display())]
    Gone {
        /// The store.
        path: PathBuf,
        /// Where it is.
        to: PathBuf,
        /// Since when.
        at: UnixMillis,
    },
    /// A row is damaged.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The store's format is not one that this program knows.
    #[error("{}: store format {found}, this program knows up to {known}", path.display())]
    Format {
        /// The store.
        path: PathBuf,
        /// The format it says it has.
        found: u64,
        /// The newest that is known here.
        known: u64,
    },
    /// The store was made for another length of the clock's tick, which its sequence numbers depend on.
    #[error("the store counts time in ticks of {store_ms} ms, the configuration says {asked_ms} ms")]
    Tick {
        /// The store's tick in milliseconds.
        store_ms: u64,
        /// What was asked for.
        asked_ms: u64,
    },
    /// The clock.
    #[error(transparent)]
    Clock(#[from] ClockTooFarAhead),
    /// The SQN policy refuses.
    #[error(transparent)]
    Sqn(#[from] SqnError),
    /// This node owns no IND in the subscriber's layout.
    #[error("there are more nodes than IND values")]
    NoInd,
    /// The engine failed to read.
    #[error("reading the store: {0}")]
    Read(Arc<EngineError>),
    /// The engine failed to write: nothing that depended on it was given out.
    #[error("writing the store: {0}")]
    Write(Arc<EngineError>),
    /// Something was changed meanwhile: read it again.
    #[error("{0}")]
    Conflict(#[from] Conflict),
    /// A record.
    #[error(transparent)]
    Record(RecordError),
    /// A unit was refused.
    #[error(transparent)]
    Unit(CommitError),
    /// Too many events wait for the audit log: what would be one more is not done.
    #[error("the audit log has no room, and too many events wait for it")]
    NotOnRecord,
    /// The system gave no random numbers.
    #[error("no random numbers from the system")]
    Random,
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// What is refused by it; `None` where the store is not even open: that concerns whoever starts it.
    pub fn refusal(&self) -> Option<Refusal> {
        Some(match self {
            Self::AnotherCard => Refusal::CardReplaced,
            Self::UnknownSubscriber => Refusal::UserNotFound,
            Self::AlreadyExists | Self::GpsiTaken { .. } => Refusal::AlreadyExists,
            Self::GsmOnly => Refusal::MethodNotAllowed,
            Self::Sqn(_) => Refusal::NumbersSpent,
            Self::Conflict(_) => Refusal::RevisionConflict,
            Self::NotOnRecord => Refusal::AuditFull,
            Self::Random => Refusal::NoRandomness,
            Self::Closed => Refusal::Stopping,
            Self::Read(error) | Self::Write(error) => match **error {
                EngineError::Full(_) => Refusal::StoreFull,
                EngineError::Away { .. } => Refusal::StoreAway,
                EngineError::Io { .. }
                | EngineError::Failed
                | EngineError::Corrupt { .. }
                | EngineError::Refused { .. }
                | EngineError::TakenOver(_)
                | EngineError::Unreliable { .. } => Refusal::StoreFailed,
                _ => return None,
            },
            Self::Unsealing
            | Self::Changed { .. }
            | Self::ChangedLife
            | Self::ChangedMeta(_)
            | Self::Row(_)
            | Self::NoInd
            | Self::Record(_)
            | Self::Unit(_) => Refusal::StoreFailed,
            Self::MasterKey(_)
            | Self::WrongMasterKey { .. }
            | Self::NoDataKey(_)
            | Self::Blank(_)
            | Self::SkipUnfinished
            | Self::CopyUnfinished { .. }
            | Self::Gone { .. }
            | Self::Format { .. }
            | Self::Tick { .. }
            | Self::Clock(_) => return None,
        })
    }

    pub(crate) fn changed(key: &SubscriberKey) -> Self {
        let supi = SubscriberKey::supi(key.octets());
        Self::Changed {
            supi: supi.map_or_else(|_| "a subscriber".into(), |supi| supi.masked().to_string()),
        }
    }
}

/// What an engine has done that knows of fewer commits than it said are durable.
pub(crate) const LOST_COMMITS: &str = "it has lost commits that it said are durable, and sequence numbers with them: run \
     `kaskade store skip-ahead --yes` before a node starts again";

/// Why the engine below the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The file is not ours, or lets others in.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// There is no such file, where one is expected.
    #[error("{}: there is no store", .0.display())]
    Missing(PathBuf),
    /// Another process has the store open.
    #[error("{}: in use: a node or another command has it open", .0.display())]
    InUse(PathBuf),
    /// Not a store, or damaged. It is left as it is.
    #[error(
        "{}: damaged or not a store: {what}: put a backup back and run `kaskade store skip-ahead --yes`; `kaskade store check FILE` \
         says whether a backup is whole",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the engine found.
        what: String,
    },
    /// The disk is full.
    #[error("{}: the disk is full", .0.display())]
    Full(PathBuf),
    /// Reading or writing the file failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// An earlier failure left it unknown what is on the disk: restart to recover.
    #[error("stopped after an earlier write failure; restart to recover")]
    Failed,
    /// The server of the store cannot be reached for the moment, or does not work.
    #[error("{server}: cannot be reached: {why}")]
    Away {
        /// Which.
        server: String,
        /// What was tried, and what came of it.
        why: String,
    },
    /// The server of the store lets nobody in with this configuration, or has no store for this program.
    #[error("{server}: {why}")]
    Refused {
        /// Which.
        server: String,
        /// Why.
        why: String,
    },
    /// Another process has taken the store over: this one writes no more.
    #[error("{}: another process has taken it over, and this one must not write any more", .0.display())]
    TakenOver(PathBuf),
    /// The server of the store does not keep what it said is durable: nothing is read or written any more.
    #[error("{server}: {why}")]
    Unreliable {
        /// Which.
        server: String,
        /// What it did, and what mends it.
        why: String,
    },
    /// The engine refused for a reason of its own.
    #[error("{0}")]
    Other(String),
}

impl EngineError {
    /// Whether it passes by itself, however long it lasts: a disk gets room again, a server comes back.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Away { .. })
    }

    /// Whether this process cannot go on: what is on the disk is not known, it is damaged, another process has it, or the server does not
    /// keep it.
    pub fn needs_restart(&self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Corrupt { .. } | Self::TakenOver(_) | Self::Unreliable { .. }
        )
    }
}

/// Why a master key file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// The file cannot be read or made, is not ours, or lets others in.
    #[error("master key {0}")]
    File(#[from] PrivateError),
    /// Not the right number of octets.
    #[error("master key {}: {actual} octets, expected {expected}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        actual: u64,
    },
    /// Not a master key file, or damaged.
    #[error("master key {}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part is wrong.
        what: &'static str,
    },
    /// The system gave no random numbers.
    #[error("master key: no random numbers from the system")]
    Random,
}

pub(crate) fn read_error(error: EngineError) -> StoreError {
    StoreError::Read(Arc::new(error))
}

/// Why [`crate::SubscriberStore::put_many_on_record`] stopped, and how many subscribers of the earlier commits stay.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}, after {done} subscribers")]
pub struct Partly {
    /// How many.
    pub done: u64,
    /// Why.
    #[source]
    pub error: StoreError,
}

impl From<Partly> for StoreError {
    fn from(Partly { error, .. }: Partly) -> Self {
        error
    }
}
