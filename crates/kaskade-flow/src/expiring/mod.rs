//! A bounded table in which everything expires and has an owner: the requester that made it.
//!
//! Nobody sees, takes or pushes out what belongs to another. Of one user an owner has a bounded number, and its oldest goes
//! first. Of the whole an owner has at most [`SHARE`] times what is left free, so that there is room for others however much
//! one of them asks for: one owner alone comes to three quarters, two to three sevenths each. Whoever is above it loses two
//! of its own for each new one.
//!
//! An entry may be *in work*: its value is out, at whoever deals with a message for it, and a second message is refused. It
//! keeps its place and counts in its owner's share until it is put back or removed; meanwhile it neither expires nor makes
//! room for another. What its owner forgets meanwhile cannot be put back.
//!
//! A user's entries are all in one [`Table`], so that the bound per user needs no second lock. Which one that is follows from
//! a hash of the user under a key that the caller brings, and tells nobody anything.

mod due;
mod index;
#[cfg(any(test, feature = "std"))]
mod locked;
mod slab;
mod table;

pub use table::Table;

#[cfg(any(test, feature = "std"))]
pub use locked::Expiring;

/// Tables of an `Expiring`: as many as one base64url character tells apart.
pub const SHARDS: u8 = 64;
/// How many times what is left free an owner may have.
pub const SHARE: usize = 3;

/// The bounds of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// All entries; of an `Expiring` roughly, as each of its tables has its part.
    pub all: usize,
    /// Entries of one user and owner that are not in work.
    pub per_user: usize,
}

/// Every place is taken, by others or by what is in work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room")]
pub struct Full;

/// Why an entry is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// There is none, not any more, or it is another's.
    #[error("there is no such entry")]
    Unknown,
    /// Another message for it is in work.
    #[error("another message for it is in work")]
    InWork,
}

/// Who owns an entry.
pub trait Owner: Copy + Ord {
    /// Whether there are others, for whom there must be room.
    const SHARES: bool = true;

    /// 64 bits that tell owners apart.
    fn bits(self) -> u64;
}

impl Owner for u64 {
    fn bits(self) -> u64 {
        self
    }
}

/// The one owner of a table that nobody shares, and all of which it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Everybody;

impl Owner for Everybody {
    const SHARES: bool = false;

    fn bits(self) -> u64 {
        0
    }
}
