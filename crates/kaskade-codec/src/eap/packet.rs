//! EAP packets (RFC 3748 4, 5).

use alloc::vec::Vec;
use core::fmt;

use kaskade_keys::id::EapIdentity;

use super::{AkaMethod, AkaPacket, EapError};

/// Code of an EAP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    /// Of the authenticator.
    Request = 1,
    /// Of the peer.
    Response = 2,
    /// The end that lets in.
    Success = 3,
    /// The end that does not.
    Failure = 4,
}

/// Type of a request or a response, as far as it is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Type {
    /// Identity (RFC 3748 5.1).
    Identity = 1,
    /// Notification: a text for people (RFC 3748 5.2).
    Notification = 2,
    /// NAK: another method is wanted (RFC 3748 5.3.1).
    Nak = 3,
    /// EAP-AKA (RFC 4187).
    Aka = 23,
    /// EAP-AKA' (RFC 9048).
    AkaPrime = 50,
}

/// An EAP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'p> {
    /// Of the authenticator.
    Request(Message<'p>),
    /// Of the peer.
    Response(Message<'p>),
    /// The peer is let in.
    Success {
        /// That of the response before it.
        identifier: u8,
    },
    /// The peer is not let in.
    Failure {
        /// That of the response before it.
        identifier: u8,
    },
}

/// A request or a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'p> {
    /// A response has that of its request.
    pub identifier: u8,
    /// What it is about.
    pub body: Body<'p>,
}

/// What a request or a response is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Body<'p> {
    /// A text for people, or an identity.
    Identity(&'p [u8]),
    /// A text for people; nothing in a response.
    Notification(&'p [u8]),
    /// The types of the methods that the peer would rather have; 0 or nothing: none.
    Nak(&'p [u8]),
    /// EAP-AKA or EAP-AKA'.
    Aka(AkaPacket<'p>),
    /// Another method, by its type.
    Other(u8),
}

/// Without the octets: they name a user.
impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(octets) => write!(f, "Identity({} octets)", octets.len()),
            Self::Notification(octets) => write!(f, "Notification({} octets)", octets.len()),
            Self::Nak(types) => write!(f, "Nak({types:?})"),
            Self::Aka(aka) => aka.fmt(f),
            Self::Other(number) => write!(f, "Other({number})"),
        }
    }
}

/// Octets of code, identifier and length.
const HEADER: u16 = 4;

impl<'p> Packet<'p> {
    /// Reads a packet; octets behind its length are left out.
    ///
    /// # Errors
    /// [`EapError`] with what is missing or not known.
    pub fn parse(octets: &'p [u8]) -> Result<Self, EapError> {
        let truncated = |expected: u16| EapError::Truncated {
            expected: usize::from(expected),
            actual: octets.len(),
        };
        let Some((&[code, identifier, high, low], _)) = octets.split_first_chunk::<4>() else {
            return Err(truncated(HEADER));
        };
        let length = u16::from_be_bytes([high, low]);
        let packet = octets.get(..usize::from(length)).ok_or(truncated(length))?;
        let least = |least| match length >= least {
            true => Ok(()),
            false => Err(EapError::Length { length, least }),
        };
        least(HEADER)?;
        match code {
            1 | 2 => least(5)?,
            3 | 4 => {}
            _ => return Err(EapError::Code(code)),
        }
        match code {
            3 => return Ok(Self::Success { identifier }),
            4 => return Ok(Self::Failure { identifier }),
            _ => {}
        }
        let Some((_, [kind, data @ ..])) = packet.split_first_chunk::<4>() else {
            return Err(truncated(5));
        };
        let body = match *kind {
            1 => Body::Identity(data),
            2 => Body::Notification(data),
            3 if code == Code::Response as u8 => Body::Nak(data),
            3 => return Err(EapError::Type(3)),
            23 => Body::Aka(AkaPacket::new(AkaMethod::Aka, packet)),
            50 => Body::Aka(AkaPacket::new(AkaMethod::AkaPrime, packet)),
            other => Body::Other(other),
        };
        let message = Message { identifier, body };
        Ok(match code {
            1 => Self::Request(message),
            _ => Self::Response(message),
        })
    }
}

/// EAP-Success (RFC 3748 4.2). 4 octets.
pub const fn success(identifier: u8) -> [u8; 4] {
    [Code::Success as u8, identifier, 0, 4]
}

/// EAP-Failure (RFC 3748 4.2). 4 octets.
pub const fn failure(identifier: u8) -> [u8; 4] {
    [Code::Failure as u8, identifier, 0, 4]
}

/// EAP-Response/NAK with the methods that are wanted instead, the best first (RFC 3748 5.3.1).
pub fn nak(identifier: u8, wanted: &[AkaMethod]) -> Vec<u8> {
    let mut types: Vec<u8> = wanted.iter().map(|method| method.eap_type() as u8).collect();
    if types.is_empty() {
        types.push(0);
    }
    message(Code::Response, identifier, Type::Nak, &types)
}

/// EAP-Request/Identity without a text for people (RFC 3748 5.1). 5 octets.
pub fn identity_request(identifier: u8) -> Vec<u8> {
    message(Code::Request, identifier, Type::Identity, &[])
}

/// EAP-Response/Identity (RFC 3748 5.1).
pub fn identity_response(identifier: u8, identity: &EapIdentity) -> Vec<u8> {
    message(Code::Response, identifier, Type::Identity, identity.as_str().as_bytes())
}

/// EAP-Response/Notification: the text was seen (RFC 3748 5.2).
pub fn notification_response(identifier: u8) -> Vec<u8> {
    message(Code::Response, identifier, Type::Notification, &[])
}

/// A packet of a type, with at most 65530 octets of data.
pub(super) fn message(code: Code, identifier: u8, kind: Type, data: &[u8]) -> Vec<u8> {
    let data = data.get(..65530).unwrap_or(data);
    let length = u16::try_from(data.len()).unwrap_or(65530).saturating_add(5);
    let [high, low] = length.to_be_bytes();
    let mut octets = Vec::with_capacity(usize::from(length));
    octets.extend([code as u8, identifier, high, low, kind as u8]);
    octets.extend(data);
    octets
}
