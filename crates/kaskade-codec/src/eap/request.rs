//! What a server of EAP-AKA or EAP-AKA' asks.

use alloc::vec::Vec;

use kaskade_crypto::{Autn, Rand};

use super::attribute::AttributeType as A;
use super::attributes::need;
use super::{AkaMethod, AkaPacket, EapError, Encrypted, IdRequest, Subtype, Unverified};

/// A request, as far as it may be believed.
#[derive(Debug)]
pub enum Request<'p> {
    /// Who are you? Not protected.
    Identity(IdRequest),
    /// The challenge of a full authentication.
    Challenge(Unverified<'p, Challenge<'p>>),
    /// A fast re-authentication.
    Reauthentication(Unverified<'p, Reauthentication<'p>>),
    /// How it ended.
    Notification(NotificationRequest<'p>),
}

/// Challenge: RAND and AUTN, and what is said with them (RFC 4187 9.3, RFC 9048 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'p> {
    /// AT_RAND.
    pub rand: Rand,
    /// AT_AUTN.
    pub autn: Autn,
    /// AT_KDF, the best first; none in EAP-AKA.
    pub kdf: Vec<u16>,
    /// AT_KDF_INPUT: the network name; none in EAP-AKA.
    pub kdf_input: Option<&'p [u8]>,
    /// AT_KDF_FS and AT_PUB_ECDHE, if both are there.
    pub forward_secrecy: Option<FsOffer<'p>>,
    /// AT_CHECKCODE: empty, or the hash of the identity rounds.
    pub checkcode: Option<&'p [u8]>,
    /// AT_RESULT_IND.
    pub result_ind: bool,
    /// AT_BIDDING with its bit D; none in EAP-AKA'.
    pub bidding: Option<bool>,
    /// AT_ENCR_DATA, as it came. Who writes a message gives what is to be enciphered.
    pub encrypted: Option<Encrypted<'p>>,
}

/// An ephemeral public key, and for which groups the server has one (RFC 9678 6.1, 6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsOffer<'p> {
    /// AT_KDF_FS, the best first.
    pub kdf_fs: Vec<u16>,
    /// AT_PUB_ECDHE: the key of the first group, with the zeros behind it that make whole words.
    pub public_key: &'p [u8],
}

/// Bit D of AT_BIDDING.
pub(super) const PREFERS_AKA_PRIME: u16 = 0x8000;

impl Unverified<'_, Challenge<'_>> {
    /// RAND, for the card.
    pub fn rand(&self) -> &Rand {
        &self.before_keys().rand
    }

    /// AUTN, for the card.
    pub fn autn(&self) -> &Autn {
        &self.before_keys().autn
    }

    /// AT_KDF: how the keys are derived, the best first.
    pub fn kdf(&self) -> &[u16] {
        &self.before_keys().kdf
    }

    /// AT_KDF_INPUT: what CK' and IK' are bound to.
    pub fn kdf_input(&self) -> Option<&[u8]> {
        self.before_keys().kdf_input
    }

    /// AT_KDF_FS: how the keys are derived with forward secrecy, the best first; nothing without AT_PUB_ECDHE.
    pub fn kdf_fs(&self) -> &[u16] {
        self.before_keys()
            .forward_secrecy
            .as_ref()
            .map_or(&[], |offer| &offer.kdf_fs)
    }
}

/// Re-authentication request (RFC 4187 9.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reauthentication<'p> {
    /// The octets of AT_MAC, which the Session-Id has.
    pub mac: [u8; 16],
    /// AT_COUNTER, AT_NONCE_S and AT_NEXT_REAUTH_ID.
    pub encrypted: Encrypted<'p>,
    /// AT_CHECKCODE.
    pub checkcode: Option<&'p [u8]>,
    /// AT_RESULT_IND.
    pub result_ind: bool,
}

/// Code of AT_NOTIFICATION (RFC 4187 10.19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotificationCode(pub u16);

impl NotificationCode {
    /// Success, after an authentication.
    pub const SUCCESS: Self = Self(32_768);
    /// General failure, before an authentication.
    pub const GENERAL_FAILURE: Self = Self(16_384);

    /// Bit S: it is no failure.
    pub const fn is_success(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// Bit P: it comes before an authentication, and without AT_MAC.
    pub const fn is_before_challenge(self) -> bool {
        self.0 & 0x4000 != 0
    }
}

/// Notification request (RFC 4187 9.10).
#[derive(Debug)]
pub enum NotificationRequest<'p> {
    /// Bit P is set: before the challenge, not protected.
    Bare(NotificationCode),
    /// After it, with AT_MAC; in a fast re-authentication AT_COUNTER is enciphered.
    Protected(Unverified<'p, (NotificationCode, Option<Encrypted<'p>>)>),
}

const CHALLENGE_AKA: &[A] = &[
    A::Rand,
    A::Autn,
    A::Mac,
    A::Iv,
    A::EncrData,
    A::Checkcode,
    A::ResultInd,
    A::Bidding,
];
const CHALLENGE_AKA_PRIME: &[A] = &[
    A::Rand,
    A::Autn,
    A::Mac,
    A::KdfInput,
    A::Kdf,
    A::Iv,
    A::EncrData,
    A::Checkcode,
    A::ResultInd,
    A::PubEcdhe,
    A::KdfFs,
];
const REAUTHENTICATION: &[A] = &[A::Mac, A::Iv, A::EncrData, A::Checkcode, A::ResultInd];
const NOTIFICATION: &[A] = &[A::Notification, A::Mac, A::Iv, A::EncrData];

impl<'p> AkaPacket<'p> {
    /// Reads it as what a server sent.
    ///
    /// # Errors
    /// [`EapError`].
    pub fn request(&self) -> Result<Request<'p>, EapError> {
        let (number, _) = self.split()?;
        match Subtype::of(number) {
            Some(Subtype::Identity) => self.identity_request().map(Request::Identity),
            Some(Subtype::Challenge) => self.challenge().map(Request::Challenge),
            Some(Subtype::Reauthentication) => self.reauthentication().map(Request::Reauthentication),
            Some(Subtype::Notification) => self.notification().map(Request::Notification),
            _ => Err(EapError::Subtype(number)),
        }
    }

    fn identity_request(&self) -> Result<IdRequest, EapError> {
        let read = self.read(Subtype::Identity, &[A::AnyIdReq, A::FullauthIdReq, A::PermanentIdReq])?;
        match (read.any_id_req, read.fullauth_id_req, read.permanent_id_req) {
            (true, false, false) => Ok(IdRequest::Any),
            (false, true, false) => Ok(IdRequest::FullAuth),
            (false, false, true) => Ok(IdRequest::Permanent),
            (any, full, permanent) => Err(EapError::IdRequests(
                [any, full, permanent].iter().filter(|there| **there).count(),
            )),
        }
    }

    fn challenge(&self) -> Result<Unverified<'p, Challenge<'p>>, EapError> {
        let subtype = Subtype::Challenge;
        let allowed = match self.method() {
            AkaMethod::Aka => CHALLENGE_AKA,
            AkaMethod::AkaPrime => CHALLENGE_AKA_PRIME,
        };
        let read = self.read(subtype, allowed)?;
        let encrypted = Encrypted::of(subtype, &read)?;
        let forward_secrecy = match (read.pub_ecdhe, read.kdf_fs.is_empty()) {
            (Some(public_key), false) => Some(FsOffer {
                kdf_fs: read.kdf_fs,
                public_key,
            }),
            // One without the other is as if the extension were not there (RFC 9678 6.1).
            _ => None,
        };
        let challenge = Challenge {
            rand: need(read.rand, A::Rand, subtype)?,
            autn: need(read.autn, A::Autn, subtype)?,
            kdf: read.kdf,
            kdf_input: read.kdf_input,
            forward_secrecy,
            checkcode: read.checkcode,
            result_ind: read.result_ind,
            bidding: read.bidding.map(|bits| bits & PREFERS_AKA_PRIME != 0),
            encrypted,
        };
        self.unverified(subtype, read.mac_at, challenge)
    }

    fn reauthentication(&self) -> Result<Unverified<'p, Reauthentication<'p>>, EapError> {
        let subtype = Subtype::Reauthentication;
        let read = self.read(subtype, REAUTHENTICATION)?;
        let request = Reauthentication {
            mac: need(self.mac(read.mac_at), A::Mac, subtype)?,
            encrypted: need(Encrypted::of(subtype, &read)?, A::EncrData, subtype)?,
            checkcode: read.checkcode,
            result_ind: read.result_ind,
        };
        self.unverified(subtype, read.mac_at, request)
    }

    fn notification(&self) -> Result<NotificationRequest<'p>, EapError> {
        let subtype = Subtype::Notification;
        let read = self.read(subtype, NOTIFICATION)?;
        let code = NotificationCode(need(read.notification, A::Notification, subtype)?);
        match (code.is_before_challenge(), read.mac_at) {
            (true, None) => Ok(NotificationRequest::Bare(code)),
            (true, Some(at)) => Err(EapError::NotAllowed {
                attribute: A::Mac,
                subtype,
                position: at.saturating_sub(4),
            }),
            (false, _) => self
                .unverified(subtype, read.mac_at, (code, Encrypted::of(subtype, &read)?))
                .map(NotificationRequest::Protected),
        }
    }
}
