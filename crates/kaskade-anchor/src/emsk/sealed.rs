//! The EMSK beyond the life of its process: a sealed record, only where the configuration wants one.

use alloc::vec::Vec;

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::event::Fields;
use kaskade_flow::record::{Kind, Protection, Record, RowError};
use kaskade_keys::Supi;
use kaskade_keys::id::{RootKeyName, SessionId};

use super::{Method, Root};

/// Whether an EMSK outlives its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Custody {
    /// It dies with it.
    #[default]
    Process,
    /// It is kept sealed in the store.
    Sealed,
}

/// An EMSK in a record, by SUPI and EMSKname: of one subscriber's the last one born goes on, the others are to be retired. Its octets are in the sealed part, under the type of the key, and come out as an [`Anchor`](super::Anchor).
///
/// ```text
/// version 1 ‖ method 1 ‖ Session-Id 33 ‖ born 8 ‖ until 8       in clear
/// EMSK 64                                                       sealed
/// ```
#[derive(Debug)]
pub struct SealedRoot {
    born: UnixMillis,
    until: UnixMillis,
    root: Root,
}

impl SealedRoot {
    /// An EMSK that exists, for a record; `None` for one that was not made yet.
    pub(super) fn of(root: &Root, born: UnixMillis, until: UnixMillis) -> Option<Self> {
        Some(Self {
            born,
            until,
            root: root.to_be_sealed()?,
        })
    }

    /// EMSKname.
    pub fn name(&self) -> RootKeyName {
        self.root.name()
    }

    /// When the user was authenticated.
    pub const fn born(&self) -> UnixMillis {
        self.born
    }

    /// The EMSK, and its life.
    pub(super) fn into_parts(self) -> (Root, UnixMillis, UnixMillis) {
        (self.root, self.born, self.until)
    }
}

impl Record for SealedRoot {
    const KIND: Kind = Kind::new(51, "EMSK", 1, Protection::Sealed);
    type Key = (Supi, [u8; 8]);

    fn encode(&self, clear: &mut Vec<u8>, secret: &mut SecretWriter) {
        clear.push(self.root.method() as u8);
        clear.extend(self.root.session().octets());
        clear.extend(self.born.get().to_be_bytes());
        clear.extend(self.until.get().to_be_bytes());
        self.root.seal(secret);
    }

    fn decode(_: u8, clear: &[u8], mut secret: SecretReader<'_>) -> Result<Self, RowError> {
        if clear.len() != 50 {
            return Err(RowError::Length);
        }
        let mut fields = Fields::new(clear);
        let method = match fields.take() {
            [1] => Method::Eap,
            [2] => Method::FiveGAka,
            [_] => return Err(RowError::Field("method")),
        };
        let session = SessionId::from_octets(fields.take());
        let born = UnixMillis::new(u64::from_be_bytes(fields.take()));
        let until = UnixMillis::new(u64::from_be_bytes(fields.take()));
        let root = Root::unseal(method, session, &mut secret)?;
        secret.end()?;
        Ok(Self { born, until, root })
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(self.until)
    }
}
