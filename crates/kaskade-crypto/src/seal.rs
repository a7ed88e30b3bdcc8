//! K and its like at rest: AES-256-GCM in the crate where their octets are visible, so that they leave it sealed or not
//! at all.
//!
//! ```text
//! root key (a file's) ─┬─ seals ── data key (in the store) ─┬─ seals ── the secrets of one subscriber
//!                      │                                    └─ HMAC ── the other keys of the store
//!                      ├─ HMAC-SHA-256("kaskade seal 1 " ‖ purpose) ── seals ── exported subscribers
//!                      ├─ the same, for another purpose ── seals ── private keys of the home network
//!                      ├─ the same ── the names that users of EAP-AKA are given
//!                      ├─ the same ── seals and codes records of lawful interception
//!                      └─ HMAC-SHA-256("kaskade audit log 1 " ‖ log) ── the codes of an audit log
//! sealed = nonce 12 ‖ ciphertext ‖ tag 16
//! ```
//!
//! | Key | Seals and opens | Besides |
//! |---|---|---|
//! | [`RootKey`] | data keys | its public identifier |
//! | [`DataKey`] | [`SubscriberSecrets`] in rows, [`SecretWriter`]s in other records | [`DataKey::keys`]: the codes of the store |
//! | [`ExportKey`] | [`SubscriberSecrets`] in files | |
//! | [`HnKeySealer`] | [`HnPrivateKey`] | |
//! | [`InterceptionKeys`] | [`SecretWriter`]s of lawful interception | the codes of their chain |
//! | [`TokenKey`] | texts in tokens that travel, none of them a key | |
//!
//! **What opens is a typed value, never octets**, and what was sealed as the K of one algorithm set does not open as that
//! of another: two sets give their K away by their very definition. So there is no way through here from a K to its
//! octets but one, which no seal can close: whoever chose the root key or the data key by its octets can open with
//! another program what was sealed under it.
//!
//! **Nonces are not the caller's.** A nonce is the first 12 octets of HMAC-SHA-256(random ‖ associated ‖ clear) under a key of its
//! own: a caller who gives the same random octets twice makes no two ciphertexts of which one opens the other. With 2^32
//! rows under one data key two nonces are equal with probability 2^-33.
//!
//! **Where a key lies.** All of a key's state is in the value itself, at most some hundred octets, and nothing on the
//! heap: to keep it on a locked page, put the value there (`Locked<DataKey>`). Moving a value leaves the octets where it
//! was; make it in its place, or early in the life of the process.

mod data;
mod export;
pub(crate) mod gcm;
mod hn_key;
mod interception;
mod items;
mod names;
mod record;
mod token;

use alloc::vec::Vec;

pub use data::{DataKey, SealedSecrets};
pub use export::ExportKey;
pub use hn_key::{HnKeySealer, HnOpenError};
pub use interception::InterceptionKeys;
pub use items::{ItemError, Origin, SecretReader, SecretWriter};
pub use names::NameKeys;
pub use record::{OpenedRecord, OpenedSecrets, RecordChanged, RecordPlace, open_own_record};
pub use token::TokenKey;

use crate::kdf::{HmacKey, Secret32};
use crate::store_keys::StoreKeys;
use crate::subscription::LayoutError;
use crate::wipe::Wiped;
use gcm::Gcm;

#[cfg(doc)]
use crate::{ecies::HnPrivateKey, subscription::SubscriberSecrets};

/// Octets of a nonce.
pub const NONCE_LEN: usize = gcm::NONCE;
/// Octets of a tag.
pub const TAG_LEN: usize = gcm::TAG;
/// Octets of the random numbers that every sealing takes.
pub const RANDOM_LEN: usize = 12;
/// Octets of a sealed data key.
pub const SEALED_DATA_KEY_LEN: usize = NONCE_LEN + DATA_KEY_LEN + TAG_LEN;

const DATA_KEY_LEN: usize = 32;

/// Which kind of store a data key is sealed for. It tells whether records without a code are taken there. Whoever has a data
/// key as it was sealed for the first version, out of a backup, can put it back: that store is then converted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Of the first version, or not wholly converted yet.
    First,
    /// Every record of sequence numbers has a code.
    Coded,
    /// Subscribers and sequence numbers are records of their own.
    Records,
}

impl StoreKind {
    /// All of them, the newest first.
    pub const ALL: [Self; 3] = [Self::Records, Self::Coded, Self::First];

    const fn label(self) -> &'static [u8] {
        match self {
            Self::First => b"kaskade data key 1",
            Self::Coded => b"kaskade data key 2",
            Self::Records => b"kaskade data key 3",
        }
    }
}
const IDENTIFIER_LABEL: &[u8] = b"kaskade master key identifier";

/// Why something sealed does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Changed, moved, or sealed under another key.
    #[error("does not open: changed, moved, or sealed under another key")]
    NotAuthentic,
    /// It opens, but what is in it is not the secrets of a subscriber.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// It opens, but was written by a later version.
    #[error("written by a later version: kind {0}")]
    Kind(u8),
}

impl From<gcm::NotAuthentic> for OpenError {
    fn from(_: gcm::NotAuthentic) -> Self {
        Self::NotAuthentic
    }
}

/// The key above all others, such as a master key file's: it seals the data key and gives the keys of files.
///
/// ```
/// use kaskade_crypto::seal::RootKey;
///
/// let root = RootKey::from_octets(&[7; 32]);
/// // Octets from the system's random numbers, which this crate does not draw.
/// let (data_key, sealed) = root.create_data_key(&[0x5a; 32], &[1; 12]);
/// let again = root.open_data_key(&sealed).expect("sealed under this key");
/// assert_eq!(again.keys().life(&[b"a part"]), data_key.keys().life(&[b"a part"]));
/// assert!(RootKey::from_octets(&[8; 32]).open_data_key(&sealed).is_none());
/// ```
pub struct RootKey {
    sealer: Sealer,
    hmac: HmacKey,
}

impl RootKey {
    /// Takes 32 octets.
    pub fn from_octets(octets: &[u8; 32]) -> Self {
        Self {
            sealer: Sealer::new(octets),
            hmac: HmacKey::new(octets),
        }
    }

    /// A public identifier of the key, 8 octets: tells keys apart and nothing else.
    pub fn identifier(&self) -> [u8; 8] {
        *self.hmac.mac(IDENTIFIER_LABEL).high_64()
    }

    /// Makes a data key of 32 random octets, and seals it with `random` for a new store.
    pub fn create_data_key(
        &self,
        octets: &[u8; DATA_KEY_LEN],
        random: &[u8; RANDOM_LEN],
    ) -> (DataKey, [u8; SEALED_DATA_KEY_LEN]) {
        (
            DataKey::new(octets),
            self.seal_data_key(octets, StoreKind::Records, random),
        )
    }

    /// Opens the data key of a store; `None` when it was sealed with another root key, for another kind of store, or is
    /// damaged.
    pub fn open_data_key_of(&self, kind: StoreKind, sealed: &[u8]) -> Option<DataKey> {
        self.data_key_octets(kind, sealed).map(|key| DataKey::new(&key.0))
    }

    /// [`RootKey::open_data_key_of`] for a store of the newest kind.
    pub fn open_data_key(&self, sealed: &[u8]) -> Option<DataKey> {
        self.open_data_key_of(StoreKind::Records, sealed)
    }

    /// Seals the data key of a store of one kind for one of another.
    pub fn reseal_data_key(
        &self,
        sealed: &[u8],
        (from, to): (StoreKind, StoreKind),
        random: &[u8; RANDOM_LEN],
    ) -> Option<[u8; SEALED_DATA_KEY_LEN]> {
        let key = self.data_key_octets(from, sealed)?;
        Some(self.seal_data_key(&key.0, to, random))
    }

    fn seal_data_key(
        &self,
        octets: &[u8; DATA_KEY_LEN],
        kind: StoreKind,
        random: &[u8; RANDOM_LEN],
    ) -> [u8; SEALED_DATA_KEY_LEN] {
        let mut sealed = [0; SEALED_DATA_KEY_LEN];
        let mut clear = Wiped(*octets);
        let (nonce, tag) = self.sealer.seal(random, [kind.label(), &[]], &mut clear.0);
        let (of_nonce, rest) = sealed.split_at_mut(NONCE_LEN);
        let (of_key, of_tag) = rest.split_at_mut(DATA_KEY_LEN);
        of_nonce.copy_from_slice(&nonce);
        of_key.copy_from_slice(&clear.0);
        of_tag.copy_from_slice(&tag);
        sealed
    }

    fn data_key_octets(&self, kind: StoreKind, sealed: &[u8]) -> Option<Wiped<u8, DATA_KEY_LEN>> {
        let (nonce, rest) = sealed.split_first_chunk()?;
        let (key, tag) = rest.split_first_chunk()?;
        let mut key: Wiped<u8, DATA_KEY_LEN> = Wiped(*key);
        let tag = tag.try_into().ok()?;
        self.sealer.gcm.open(nonce, [kind.label(), &[]], &mut key.0, tag).ok()?;
        Some(key)
    }

    /// The key of exported subscribers.
    pub fn export_key(&self) -> ExportKey {
        ExportKey::new(self.of_purpose(b"exported subscriber").all())
    }

    /// The key of the home network's private keys.
    pub fn hn_key_sealer(&self) -> HnKeySealer {
        HnKeySealer::new(self.of_purpose(b"home network key").all())
    }

    /// The keys of the names that a server gives to its users. Pseudonyms of one generation are nothing to another.
    pub fn name_keys(&self, generation: u32) -> NameKeys {
        NameKeys::derive(self.of_purpose(b"names of EAP-AKA users").all(), generation)
    }

    /// The keys of lawful interception: what they seal opens under no other key.
    pub fn interception_keys(&self) -> InterceptionKeys {
        InterceptionKeys::derive(self.of_purpose(b"lawful interception").all())
    }

    /// The keys of one audit log, which is known by 16 octets: for its codes and pseudonyms.
    pub fn audit_keys(&self, log: &[u8; 16]) -> StoreKeys {
        StoreKeys::derive(self.hmac.mac_parts(&[b"kaskade audit log 1 ", log]).all())
    }

    fn of_purpose(&self, purpose: &[u8]) -> Secret32 {
        self.hmac.mac_parts(&[b"kaskade seal 1 ", purpose])
    }
}

impl core::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RootKey(…)")
    }
}

/// A key of AES-256-GCM, with the key that its nonces come from.
struct Sealer {
    gcm: Gcm,
    nonces: HmacKey,
}

impl Sealer {
    fn new(key: &[u8; 32]) -> Self {
        Self {
            gcm: Gcm::new(key),
            nonces: HmacKey::new(HmacKey::new(key).mac(b"kaskade seal nonce 1").all()),
        }
    }

    /// Ciphers in place; the nonce and the tag.
    fn seal(
        &self,
        random: &[u8; RANDOM_LEN],
        associated: [&[u8]; 2],
        clear: &mut [u8],
    ) -> ([u8; NONCE_LEN], [u8; TAG_LEN]) {
        let [first, second] = associated;
        let lengths = [first.len() as u64, second.len() as u64].map(u64::to_be_bytes);
        let [of_first, of_second] = &lengths;
        let output = self
            .nonces
            .mac_parts(&[random, of_first, first, of_second, second, clear]);
        let mut nonce = [0; NONCE_LEN];
        for (place, octet) in nonce.iter_mut().zip(output.all()) {
            *place = *octet;
        }
        let tag = self.gcm.seal(&nonce, associated, clear);
        (nonce, tag)
    }

    /// nonce ‖ ciphertext ‖ tag.
    fn sealed(&self, random: &[u8; RANDOM_LEN], associated: &[u8], clear: &mut [u8]) -> Vec<u8> {
        let (nonce, tag) = self.seal(random, [associated, &[]], clear);
        [&nonce[..], clear, &tag].concat()
    }
}

/// Nonce, ciphertext and tag of what [`Sealer::sealed`] gave.
fn parts(sealed: &[u8]) -> Option<(&[u8; NONCE_LEN], &[u8], &[u8; TAG_LEN])> {
    let (nonce, rest) = sealed.split_first_chunk()?;
    let (octets, tag) = rest.split_last_chunk()?;
    Some((nonce, octets, tag))
}
