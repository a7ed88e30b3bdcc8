//! Durable things: what a kind of record is, and how its key and its octets are made.
//!
//! A domain declares a [`Kind`] and a [`Record`]; the store seals it, keeps its version and its end, and finds it by key and by
//! index. Nothing else of the store has to know the kind.
//!
//! ```
//! use kaskade_crypto::seal::{SecretReader, SecretWriter};
//! use kaskade_flow::UnixMillis;
//! use kaskade_flow::record::{Index, Kind, Protection, Record, RowError};
//! use kaskade_keys::Supi;
//!
//! /// Where a subscriber is served, until when.
//! struct Served {
//!     by: String,
//!     until: UnixMillis,
//! }
//!
//! impl Record for Served {
//!     const KIND: Kind = Kind::new(4711, "served", 1, Protection::Coded);
//!     type Key = Supi;
//!
//!     fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
//!         clear.extend(self.until.get().to_be_bytes());
//!         clear.extend(self.by.as_bytes());
//!     }
//!
//!     fn decode(_version: u8, clear: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
//!         let (until, by) = clear.split_first_chunk().ok_or(RowError::Length)?;
//!         let by = core::str::from_utf8(by).map_err(|_| RowError::Field("name"))?;
//!         Ok(Self { by: by.into(), until: UnixMillis::new(u64::from_be_bytes(*until)) })
//!     }
//!
//!     fn expires(&self) -> Option<UnixMillis> {
//!         Some(self.until)
//!     }
//!
//!     fn indexes(&self, _: &Supi, put: &mut dyn FnMut(Index<'_>)) {
//!         put(Index::shared(0, self.by.as_bytes()));
//!     }
//! }
//! ```

mod key;
mod octets;
mod parts;

pub use key::SubscriberKey;
pub use octets::{OfSubscriber, RecordKey};
pub use parts::{part, put_part, put_text, text};

use alloc::vec::Vec;

use kaskade_crypto::seal::{ItemError, SecretReader, SecretWriter};
use kaskade_crypto::subscription::LayoutError;

use crate::UnixMillis;

/// How the store keeps the rows of a kind from being read or changed by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// In clear, with a code: there are no secrets in them.
    Coded,
    /// With a sealed part, and a tag over all.
    Sealed,
    /// The kind seals and codes its rows itself.
    Own,
}

/// A kind of record. Number and name are for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its number, which no other kind has. Those below 32 are the store's own.
    pub number: u16,
    /// Its name, which no other kind has.
    pub name: &'static str,
    /// The version that is written.
    pub version: u8,
    /// The oldest version that is read.
    pub oldest: u8,
    /// How its rows are protected.
    pub protection: Protection,
}

impl Kind {
    /// A kind of which only this version is read.
    pub const fn new(number: u16, name: &'static str, version: u8, protection: Protection) -> Self {
        Self {
            number,
            name,
            version,
            oldest: version,
            protection,
        }
    }

    /// The same, of which versions from this one on are read.
    #[must_use]
    pub const fn reads_from(self, oldest: u8) -> Self {
        Self { oldest, ..self }
    }

    /// Whether a version is read.
    pub const fn reads(&self, version: u8) -> bool {
        self.oldest <= version && version <= self.version
    }
}

/// Something durable.
pub trait Record: Sized + Send + 'static {
    /// Which kind it is.
    const KIND: Kind;
    /// What it is found by. It begins with the SUPI where it belongs to a subscriber.
    type Key: RecordKey;

    /// Appends what it says to the part in clear and to the secret part. Keys are secret, and go in by their types.
    fn encode(&self, clear: &mut Vec<u8>, secret: &mut SecretWriter);

    /// Reads what [`Record::encode`] of this version wrote.
    ///
    /// # Errors
    /// [`RowError`] when it is not what this version writes.
    fn decode(version: u8, clear: &[u8], secret: SecretReader<'_>) -> Result<Self, RowError>;

    /// From when on it counts as removed; `None` for never.
    fn expires(&self) -> Option<UnixMillis> {
        None
    }

    /// Tells all other keys that it is found by.
    fn indexes(&self, _key: &Self::Key, _put: &mut dyn FnMut(Index<'_>)) {}
}

/// Another key of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index<'a> {
    /// Which index of the kind.
    pub number: u8,
    /// The key in it.
    pub octets: &'a [u8],
    /// Whether no two records may have it: one that takes another's conflicts.
    pub unique: bool,
}

impl<'a> Index<'a> {
    /// A key that one record has.
    pub const fn unique(number: u8, octets: &'a [u8]) -> Self {
        Self {
            number,
            octets,
            unique: true,
        }
    }

    /// A key that many records may have.
    pub const fn shared(number: u8, octets: &'a [u8]) -> Self {
        Self {
            number,
            octets,
            unique: false,
        }
    }

    /// As the store keeps it: of one that many may have, the record's own key is the end.
    pub fn stored(&self, key: &[u8]) -> Vec<u8> {
        match self.unique {
            true => self.octets.to_vec(),
            false => [&Self::shared_prefix(self.octets)[..], key].concat(),
        }
    }

    /// What the links of all records with a key that many may have begin with.
    pub fn shared_prefix(octets: &[u8]) -> Vec<u8> {
        let mut prefix = Vec::with_capacity(octets.len() + 2);
        octets::put_delimited(octets, &mut prefix);
        prefix
    }
}

/// Which commit wrote a row: never the same for two states of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// What a row must be for a change to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it is.
    #[default]
    Any,
    /// Not there.
    Absent,
    /// There, and of this version.
    Version(Version),
}

/// Why octets are not a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// It ends too early or goes on too long.
    #[error("a row has the wrong length")]
    Length,
    /// Written by a later version, or damaged.
    #[error("a row has the unknown version {0}")]
    Version(u8),
    /// A field has a value that it cannot have.
    #[error("a row is damaged: {0}")]
    Field(&'static str),
    /// Of its secrets.
    #[error("a row is damaged: {0}")]
    Secret(#[from] ItemError),
}

impl From<LayoutError> for RowError {
    fn from(error: LayoutError) -> Self {
        match error {
            LayoutError::Field(field) => Self::Field(field),
            _ => Self::Length,
        }
    }
}
