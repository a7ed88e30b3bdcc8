//! Why something of interception is not done: said to its principal alone.

use kaskade_anchor::interception::Warrants;
use kaskade_flow::record::RowError;
use kaskade_store::StoreError;
use kaskade_store::feed::FeedError;
use kaskade_store::records::{CommitError, DeclareError, RecordError};

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiError {
    /// There is no such target.
    #[error("there is no target with this XID")]
    NoSuchTarget,
    /// There is one of this XID.
    #[error("there is a target with this XID already")]
    XidTaken,
    /// There are as many as there may be.
    #[error("there are {0} targets, as many as there may be")]
    TooMany(usize),
    /// There are as many warrants about one target as there may be.
    #[error("there are {} warrants about this target, as many as there may be", Warrants::OF_ONE)]
    TooManyOfOne,
    /// The subscribers are elsewhere.
    #[error("a GPSI is found where the subscribers are, and there is no UDM over this store: name the SUPI")]
    GpsiElsewhere,
    /// The end is not behind the begin, or is over.
    #[error("the end must be behind the begin, and in the future")]
    Window,
    /// Operations that began before do not end.
    #[error("operations that began before it do not end: it is tried again")]
    Busy,
    /// Somebody else has the feed read.
    #[error("the feed is being verified already: ask again when that is done")]
    Verifying,
    /// Something in the store or the feed is not what this program writes.
    #[error("what was kept cannot be read: {0}")]
    Row(#[from] RowError),
    /// The feed.
    #[error("the feed: {0}")]
    Feed(#[from] FeedError),
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The store cannot have its records.
    #[error("the store: {0}")]
    Declare(#[from] DeclareError),
    /// What is sealed for interception does not open.
    #[error("what is sealed for interception does not open: edited, moved, or of another master key")]
    Sealed,
    /// A thread has ended.
    #[error("a thread of this program has died")]
    Died,
}

impl From<CommitError> for LiError {
    fn from(error: CommitError) -> Self {
        Self::Store(error.into())
    }
}

impl From<RecordError> for LiError {
    fn from(error: RecordError) -> Self {
        Self::Store(StoreError::Record(error))
    }
}
