//! Writing messages of EAP-AKA and EAP-AKA': one function for each, attributes in one order, AT_MAC over what is there.

use alloc::vec::Vec;

use kaskade_crypto::{Auts, Res};
use kaskade_keys::eap::AtMacKey;
use kaskade_keys::id::EapIdentity;

use super::attribute::AttributeType as A;
use super::request::PREFERS_AKA_PRIME;
use super::{
    AkaMethod, Challenge, ChallengeAnswer, Code, EapError, Hidden, IdRequest, NotificationCode, Sealing, Subtype,
};

/// The most octets of a message: what lower layers of EAP carry without fragments (RFC 3748 3.1).
pub const MOST: usize = 1020;

/// A message that is protected: under which keys, and what is hidden in it.
#[derive(Debug)]
pub struct Protection<'a, K> {
    /// The key of AT_MAC.
    pub key: &'a K,
    /// What is enciphered, and how; `None`: nothing.
    pub hidden: Option<(&'a Hidden, Sealing<'a>)>,
}

/// Identity request (RFC 4187 9.1).
pub fn identity_request(method: AkaMethod, identifier: u8, which: IdRequest) -> Vec<u8> {
    let mut message = begin(Code::Request, identifier, method, Subtype::Identity);
    let attribute = match which {
        IdRequest::Any => A::AnyIdReq,
        IdRequest::FullAuth => A::FullauthIdReq,
        IdRequest::Permanent => A::PermanentIdReq,
    };
    flag(&mut message, attribute);
    bare(message)
}

/// Identity response (RFC 4187 9.2).
///
/// # Errors
/// [`EapError::MessageTooLong`].
pub fn identity_response(method: AkaMethod, identifier: u8, identity: &EapIdentity) -> Result<Vec<u8>, EapError> {
    let mut message = begin(Code::Response, identifier, method, Subtype::Identity);
    text(&mut message, A::Identity, identity.as_str().as_bytes())?;
    ended(message)
}

/// Challenge request (RFC 4187 9.3, RFC 9048 3, RFC 9678 6). What `challenge` has enciphered is not written: `protection` has it.
///
/// # Errors
/// [`EapError`] when something is too long.
pub fn challenge(
    method: AkaMethod,
    identifier: u8,
    challenge: &Challenge<'_>,
    protection: &Protection<'_, impl AtMacKey>,
) -> Result<Vec<u8>, EapError> {
    let mut message = begin(Code::Request, identifier, method, Subtype::Challenge);
    octets_16(&mut message, A::Rand, challenge.rand.octets());
    octets_16(&mut message, A::Autn, challenge.autn.octets());
    if method == AkaMethod::AkaPrime {
        challenge.kdf.iter().for_each(|kdf| number(&mut message, A::Kdf, *kdf));
        if let Some(name) = challenge.kdf_input {
            text(&mut message, A::KdfInput, name)?;
        }
        if let Some(offer) = &challenge.forward_secrecy {
            offer.kdf_fs.iter().for_each(|id| number(&mut message, A::KdfFs, *id));
            key(&mut message, offer.public_key)?;
        }
    }
    common(&mut message, challenge.checkcode, challenge.result_ind)?;
    if let (Some(prefers), AkaMethod::Aka) = (challenge.bidding, method) {
        number(&mut message, A::Bidding, if prefers { PREFERS_AKA_PRIME } else { 0 });
    }
    protected(message, protection, &[])
}

/// Challenge response (RFC 4187 9.4).
///
/// # Errors
/// [`EapError`] when something is too long.
pub fn challenge_answer(
    method: AkaMethod,
    identifier: u8,
    answer: &ChallengeAnswer<'_>,
    key_of_mac: &impl AtMacKey,
) -> Result<Vec<u8>, EapError> {
    let mut message = begin(Code::Response, identifier, method, Subtype::Challenge);
    bits(&mut message, &answer.res);
    if let (Some(public_key), AkaMethod::AkaPrime) = (answer.public_key, method) {
        key(&mut message, public_key)?;
    }
    common(&mut message, answer.checkcode, answer.result_ind)?;
    let protection = Protection {
        key: key_of_mac,
        hidden: None,
    };
    protected(message, &protection, &[])
}

/// Challenge response that asks for another key derivation function (RFC 9048 3.2).
pub fn other_kdf(identifier: u8, kdf: u16) -> Vec<u8> {
    let mut message = begin(Code::Response, identifier, AkaMethod::AkaPrime, Subtype::Challenge);
    number(&mut message, A::Kdf, kdf);
    bare(message)
}

/// Challenge response that asks for another group (RFC 9678 6.2).
pub fn other_kdf_fs(identifier: u8, kdf_fs: u16) -> Vec<u8> {
    let mut message = begin(Code::Response, identifier, AkaMethod::AkaPrime, Subtype::Challenge);
    number(&mut message, A::KdfFs, kdf_fs);
    bare(message)
}

/// Re-authentication, in either direction: AT_CHECKCODE and AT_RESULT_IND beside what is hidden (RFC 4187 9.7, 9.8). `behind` is
/// NONCE_S in a response and empty in a request.
///
/// # Errors
/// [`EapError`] when something is too long.
pub fn reauthentication(
    (code, method, identifier): (Code, AkaMethod, u8),
    checkcode: Option<&[u8]>,
    result_ind: bool,
    protection: &Protection<'_, impl AtMacKey>,
    behind: &[u8],
) -> Result<Vec<u8>, EapError> {
    let mut message = begin(code, identifier, method, Subtype::Reauthentication);
    common(&mut message, checkcode, result_ind)?;
    protected(message, protection, behind)
}

/// Notification request before the challenge, not protected (RFC 4187 9.10).
pub fn notification(method: AkaMethod, identifier: u8, code: NotificationCode) -> Vec<u8> {
    let mut message = begin(Code::Request, identifier, method, Subtype::Notification);
    number(&mut message, A::Notification, code.0);
    bare(message)
}

/// Notification request after it (RFC 4187 9.10).
///
/// # Errors
/// [`EapError`] when something is too long.
pub fn protected_notification(
    method: AkaMethod,
    identifier: u8,
    code: NotificationCode,
    protection: &Protection<'_, impl AtMacKey>,
) -> Result<Vec<u8>, EapError> {
    let mut message = begin(Code::Request, identifier, method, Subtype::Notification);
    number(&mut message, A::Notification, code.0);
    protected(message, protection, &[])
}

/// Notification response to one before the challenge (RFC 4187 9.11).
pub fn notification_answer(method: AkaMethod, identifier: u8) -> Vec<u8> {
    bare(begin(Code::Response, identifier, method, Subtype::Notification))
}

/// Notification response to one after it (RFC 4187 9.11).
///
/// # Errors
/// [`EapError`] when something is too long.
pub fn protected_notification_answer(
    method: AkaMethod,
    identifier: u8,
    protection: &Protection<'_, impl AtMacKey>,
) -> Result<Vec<u8>, EapError> {
    let message = begin(Code::Response, identifier, method, Subtype::Notification);
    protected(message, protection, &[])
}

/// Synchronization-Failure, in EAP-AKA' with every AT_KDF of the challenge (RFC 4187 9.6, RFC 9048 3.2).
pub fn synchronization_failure(method: AkaMethod, identifier: u8, auts: &Auts, kdf: &[u16]) -> Vec<u8> {
    let mut message = begin(Code::Response, identifier, method, Subtype::SynchronizationFailure);
    message.extend([A::Auts.number(), 4]);
    message.extend(auts.octets());
    if method == AkaMethod::AkaPrime {
        kdf.iter().for_each(|kdf| number(&mut message, A::Kdf, *kdf));
    }
    bare(message)
}

/// Authentication-Reject (RFC 4187 9.5).
pub fn authentication_reject(method: AkaMethod, identifier: u8) -> Vec<u8> {
    bare(begin(Code::Response, identifier, method, Subtype::AuthenticationReject))
}

/// Client-Error (RFC 4187 9.9).
pub fn client_error(method: AkaMethod, identifier: u8, code: u16) -> Vec<u8> {
    let mut message = begin(Code::Response, identifier, method, Subtype::ClientError);
    number(&mut message, A::ClientErrorCode, code);
    bare(message)
}

fn begin(code: Code, identifier: u8, method: AkaMethod, subtype: Subtype) -> Vec<u8> {
    let mut message = Vec::with_capacity(256);
    message.extend([
        code as u8,
        identifier,
        0,
        0,
        method.eap_type() as u8,
        subtype as u8,
        0,
        0,
    ]);
    message
}

/// The length, of a message whose attributes are few and short.
fn bare(mut message: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&length);
    }
    message
}

/// The length, where it may be too long.
fn ended(message: Vec<u8>) -> Result<Vec<u8>, EapError> {
    match message.len() {
        0..=MOST => Ok(bare(message)),
        length => Err(EapError::MessageTooLong { length, most: MOST }),
    }
}

/// What is hidden, AT_MAC over all with zeros in its place, and `behind`.
fn protected(
    mut message: Vec<u8>,
    protection: &Protection<'_, impl AtMacKey>,
    behind: &[u8],
) -> Result<Vec<u8>, EapError> {
    if let Some((hidden, sealing)) = &protection.hidden {
        hidden.write(sealing, &mut message)?;
    }
    octets_16(&mut message, A::Mac, &[0; 16]);
    let mut message = ended(message)?;
    let mac = protection.key.at_mac(&[&message, behind]);
    if let Some(place) = message.last_chunk_mut::<16>() {
        *place = mac;
    }
    Ok(message)
}

fn common(message: &mut Vec<u8>, checkcode: Option<&[u8]>, result_ind: bool) -> Result<(), EapError> {
    if let Some(checkcode) = checkcode {
        let words = match checkcode.len() {
            0 => 1,
            20 => 6,
            32 => 9,
            length => {
                return Err(EapError::TooLong {
                    attribute: A::Checkcode,
                    length,
                });
            }
        };
        message.extend([A::Checkcode.number(), words, 0, 0]);
        message.extend(checkcode);
    }
    if result_ind {
        flag(message, A::ResultInd);
    }
    Ok(())
}

pub(super) fn flag(message: &mut Vec<u8>, attribute: A) {
    message.extend([attribute.number(), 1, 0, 0]);
}

pub(super) fn number(message: &mut Vec<u8>, attribute: A, number: u16) {
    let [high, low] = number.to_be_bytes();
    message.extend([attribute.number(), 1, high, low]);
}

pub(super) fn octets_16(message: &mut Vec<u8>, attribute: A, octets: &[u8; 16]) {
    message.extend([attribute.number(), 5, 0, 0]);
    message.extend(octets);
}

/// A text with its length before it and zeros behind it.
pub(super) fn text(message: &mut Vec<u8>, attribute: A, octets: &[u8]) -> Result<(), EapError> {
    let too_long = EapError::TooLong {
        attribute,
        length: octets.len(),
    };
    let padded = octets.len().next_multiple_of(4);
    let words = u8::try_from(padded.saturating_add(4) / 4).map_err(|_| too_long)?;
    let [high, low] = u16::try_from(octets.len()).map_err(|_| too_long)?.to_be_bytes();
    message.extend([attribute.number(), words, high, low]);
    message.extend(octets);
    message.resize(message.len().saturating_add(padded.saturating_sub(octets.len())), 0);
    Ok(())
}

/// A public key with zeros behind it.
fn key(message: &mut Vec<u8>, octets: &[u8]) -> Result<(), EapError> {
    let too_long = EapError::TooLong {
        attribute: A::PubEcdhe,
        length: octets.len(),
    };
    let padded = octets.len().saturating_add(2).next_multiple_of(4);
    let words = u8::try_from(padded / 4).map_err(|_| too_long)?;
    message.extend([A::PubEcdhe.number(), words]);
    message.extend(octets);
    let zeros = padded.saturating_sub(octets.len()).saturating_sub(2);
    message.resize(message.len().saturating_add(zeros), 0);
    Ok(())
}

fn bits(message: &mut Vec<u8>, res: &Res) {
    let octets = res.octets();
    let padded = octets.len().next_multiple_of(4);
    // 4 to 16 octets by the type.
    let words = u8::try_from(padded.saturating_add(4) / 4).unwrap_or(5);
    let [high, low] = u16::try_from(octets.len().saturating_mul(8))
        .unwrap_or(128)
        .to_be_bytes();
    message.extend([A::Res.number(), words, high, low]);
    message.extend(octets);
    message.resize(message.len().saturating_add(padded.saturating_sub(octets.len())), 0);
}
