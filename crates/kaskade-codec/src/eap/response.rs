//! What a peer of EAP-AKA or EAP-AKA' answers.

use alloc::vec::Vec;
use core::fmt;

use kaskade_crypto::{Auts, Res};

use super::attribute::AttributeType as A;
use super::attributes::need;
use super::{AkaMethod, AkaPacket, EapError, Encrypted, Subtype, Unverified};

/// A response, as far as it may be believed.
pub enum Response<'p> {
    /// AT_IDENTITY, not protected; `None` without one.
    Identity(Option<&'p [u8]>),
    /// The answer to a challenge.
    Challenge(Unverified<'p, ChallengeAnswer<'p>>),
    /// Another key derivation function is wanted: AT_KDF alone (RFC 9048 3.2). Not protected.
    OtherKdf(u16),
    /// Another group is wanted: AT_KDF_FS alone (RFC 9678 6.2). Not protected.
    OtherKdfFs(u16),
    /// The answer to a fast re-authentication.
    Reauthentication(Unverified<'p, ReauthenticationAnswer<'p>>),
    /// A notification was seen.
    Notification(NotificationAnswer<'p>),
    /// The SQN is not in the correct range. Not protected but by the AUTS itself.
    SynchronizationFailure {
        /// AT_AUTS.
        auts: Auts,
        /// Every AT_KDF of the challenge; none in EAP-AKA.
        kdf: Vec<u16>,
    },
    /// The challenge is not authentic. Not protected.
    AuthenticationReject,
    /// AT_CLIENT_ERROR_CODE: the peer ends. Not protected.
    ClientError(u16),
}

/// Without the identity.
impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity(_) => "Identity(…)",
            Self::Challenge(_) => "Challenge(…)",
            Self::OtherKdf(_) => "OtherKdf(…)",
            Self::OtherKdfFs(_) => "OtherKdfFs(…)",
            Self::Reauthentication(_) => "Reauthentication(…)",
            Self::Notification(_) => "Notification(…)",
            Self::SynchronizationFailure { .. } => "SynchronizationFailure(…)",
            Self::AuthenticationReject => "AuthenticationReject",
            Self::ClientError(_) => "ClientError(…)",
        })
    }
}

/// Challenge response (RFC 4187 9.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeAnswer<'p> {
    /// AT_RES.
    pub res: Res,
    /// AT_PUB_ECDHE, with the zeros behind the key.
    pub public_key: Option<&'p [u8]>,
    /// AT_CHECKCODE.
    pub checkcode: Option<&'p [u8]>,
    /// AT_RESULT_IND.
    pub result_ind: bool,
}

/// Re-authentication response (RFC 4187 9.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReauthenticationAnswer<'p> {
    /// AT_COUNTER and AT_COUNTER_TOO_SMALL.
    pub encrypted: Encrypted<'p>,
    /// AT_CHECKCODE.
    pub checkcode: Option<&'p [u8]>,
    /// AT_RESULT_IND.
    pub result_ind: bool,
}

/// Notification response (RFC 4187 9.11).
#[derive(Debug)]
pub enum NotificationAnswer<'p> {
    /// To one before the challenge.
    Bare,
    /// To one after it.
    Protected(Unverified<'p, Option<Encrypted<'p>>>),
}

const CHALLENGE_AKA: &[A] = &[A::Res, A::Mac, A::Checkcode, A::ResultInd];
const CHALLENGE_AKA_PRIME: &[A] = &[
    A::Res,
    A::Mac,
    A::Checkcode,
    A::ResultInd,
    A::PubEcdhe,
    A::Kdf,
    A::KdfFs,
];
const REAUTHENTICATION: &[A] = &[A::Mac, A::Iv, A::EncrData, A::Checkcode, A::ResultInd];

impl<'p> AkaPacket<'p> {
    /// Reads it as what a peer sent.
    ///
    /// # Errors
    /// [`EapError`].
    pub fn response(&self) -> Result<Response<'p>, EapError> {
        let (number, _) = self.split()?;
        let subtype = Subtype::of(number).ok_or(EapError::Subtype(number))?;
        match subtype {
            Subtype::Identity => Ok(Response::Identity(self.read(subtype, &[A::Identity])?.identity)),
            Subtype::Challenge => self.challenge_answer(),
            Subtype::Reauthentication => self.reauthentication_answer(),
            Subtype::Notification => self.notification_answer(),
            Subtype::SynchronizationFailure => self.synchronization_failure(),
            Subtype::AuthenticationReject => self.read(subtype, &[]).map(|_| Response::AuthenticationReject),
            Subtype::ClientError => {
                let code = self.read(subtype, &[A::ClientErrorCode])?.client_error_code;
                need(code, A::ClientErrorCode, subtype).map(Response::ClientError)
            }
        }
    }

    fn challenge_answer(&self) -> Result<Response<'p>, EapError> {
        let subtype = Subtype::Challenge;
        let allowed = match self.method() {
            AkaMethod::Aka => CHALLENGE_AKA,
            AkaMethod::AkaPrime => CHALLENGE_AKA_PRIME,
        };
        let read = self.read(subtype, allowed)?;
        if read.res.is_none() && read.mac_at.is_none() {
            match (read.kdf.as_slice(), read.kdf_fs.as_slice()) {
                ([kdf], []) => return Ok(Response::OtherKdf(*kdf)),
                ([], [kdf_fs]) => return Ok(Response::OtherKdfFs(*kdf_fs)),
                _ => {}
            }
        }
        if !read.kdf.is_empty() {
            // It asks for another function or answers the challenge, not both.
            return Err(EapError::NotAllowed {
                attribute: A::Kdf,
                subtype,
                position: super::message::BEFORE_ATTRIBUTES,
            });
        }
        let answer = ChallengeAnswer {
            res: need(read.res, A::Res, subtype)?,
            public_key: read.pub_ecdhe,
            checkcode: read.checkcode,
            result_ind: read.result_ind,
        };
        self.unverified(subtype, read.mac_at, answer).map(Response::Challenge)
    }

    fn reauthentication_answer(&self) -> Result<Response<'p>, EapError> {
        let subtype = Subtype::Reauthentication;
        let read = self.read(subtype, REAUTHENTICATION)?;
        let answer = ReauthenticationAnswer {
            encrypted: need(Encrypted::of(subtype, &read)?, A::EncrData, subtype)?,
            checkcode: read.checkcode,
            result_ind: read.result_ind,
        };
        self.unverified(subtype, read.mac_at, answer)
            .map(Response::Reauthentication)
    }

    fn notification_answer(&self) -> Result<Response<'p>, EapError> {
        let subtype = Subtype::Notification;
        let read = self.read(subtype, &[A::Mac, A::Iv, A::EncrData])?;
        Ok(Response::Notification(match read.mac_at {
            None => NotificationAnswer::Bare,
            at => NotificationAnswer::Protected(self.unverified(subtype, at, Encrypted::of(subtype, &read)?)?),
        }))
    }

    fn synchronization_failure(&self) -> Result<Response<'p>, EapError> {
        let subtype = Subtype::SynchronizationFailure;
        let allowed: &[A] = match self.method() {
            AkaMethod::Aka => &[A::Auts],
            AkaMethod::AkaPrime => &[A::Auts, A::Kdf],
        };
        let read = self.read(subtype, allowed)?;
        Ok(Response::SynchronizationFailure {
            auts: need(read.auts, A::Auts, subtype)?,
            kdf: read.kdf,
        })
    }
}
