//! The EMSK beyond the life of its process: a sealed record, only where the configuration wants one.

use alloc::vec::Vec;

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::event::{Fields, PeerId};
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

/// What an authentication was: what must still be so for its EMSK to go on after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who had the user authenticated, and may end the EMSK; `None` where nobody may.
    pub by: Option<PeerId>,
    /// The card, by a name that shows nothing of it, 16 octets; `None` where the subscribers are elsewhere.
    pub card: Option<[u8; 16]>,
}

/// An EMSK in a record, by SUPI and EMSKname: of one subscriber's the last one born goes on, the others are to be retired. Its octets are in the sealed part, under the type of the key, and come out as an [`Anchor`](super::Anchor).
///
/// ```text
/// version 2 ‖ method 1 ‖ Session-Id 33 ‖ born 8 ‖ until 8 ‖ who began it 8 ‖ card 16       in clear
/// EMSK 64                                                                               sealed
/// ```
///
/// Who began it and the card are zeros where they are not known. Version 1 ends before them.
#[derive(Debug)]
pub struct SealedRoot {
    born: UnixMillis,
    until: UnixMillis,
    origin: Origin,
    root: Root,
}

/// Octets in clear, of this version and of the first.
const CLEAR: usize = 74;
const CLEAR_1: usize = 50;

impl SealedRoot {
    /// An EMSK that exists, for a record; `None` for one that was not made yet.
    pub(super) fn of(root: &Root, born: UnixMillis, until: UnixMillis, origin: Origin) -> Option<Self> {
        Some(Self {
            born,
            until,
            origin,
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

    /// What the authentication was.
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// The EMSK, its life, and what the authentication was.
    pub(super) fn into_parts(self) -> (Root, UnixMillis, UnixMillis, Origin) {
        (self.root, self.born, self.until, self.origin)
    }
}

impl Record for SealedRoot {
    const KIND: Kind = Kind::new(51, "EMSK", 2, Protection::Sealed).reads_from(1);
    type Key = (Supi, [u8; 8]);

    fn encode(&self, clear: &mut Vec<u8>, secret: &mut SecretWriter) {
        clear.push(self.root.method() as u8);
        clear.extend(self.root.session().octets());
        clear.extend(self.born.get().to_be_bytes());
        clear.extend(self.until.get().to_be_bytes());
        clear.extend(self.origin.by.unwrap_or(PeerId::NOBODY).octets());
        clear.extend(self.origin.card.unwrap_or_default());
        self.root.seal(secret);
    }

    fn decode(version: u8, clear: &[u8], mut secret: SecretReader<'_>) -> Result<Self, RowError> {
        let is_first = version < Self::KIND.version;
        if clear.len() != if is_first { CLEAR_1 } else { CLEAR } {
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
        let origin = match is_first {
            true => Origin::default(),
            false => Origin {
                by: Some(PeerId::from_octets(fields.take())).filter(|by| *by != PeerId::NOBODY),
                card: Some(fields.take()).filter(|card| *card != [0; 16]),
            },
        };
        let root = Root::unseal(method, session, &mut secret)?;
        secret.end()?;
        Ok(Self {
            born,
            until,
            origin,
            root,
        })
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(self.until)
    }
}
