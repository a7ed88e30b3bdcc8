//! Messages of EAP-AKA and EAP-AKA': what both directions share.

use core::fmt;

use super::attribute::AttributeType;
use super::attributes::{Attributes, need};
use super::{EapError, Type, Unverified};

/// One of the two methods; EAP-AKA' with forward secrecy is EAP-AKA' with two more attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AkaMethod {
    /// EAP-AKA, type 23 (RFC 4187).
    Aka,
    /// EAP-AKA', type 50 (RFC 9048).
    AkaPrime,
}

impl AkaMethod {
    /// Both, the better first.
    pub const ALL: [Self; 2] = [Self::AkaPrime, Self::Aka];

    /// The type of its packets.
    pub const fn eap_type(self) -> Type {
        match self {
            Self::Aka => Type::Aka,
            Self::AkaPrime => Type::AkaPrime,
        }
    }

    /// The method of a type.
    pub const fn of_type(number: u8) -> Option<Self> {
        match number {
            23 => Some(Self::Aka),
            50 => Some(Self::AkaPrime),
            _ => None,
        }
    }
}

impl fmt::Display for AkaMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aka => "EAP-AKA",
            Self::AkaPrime => "EAP-AKA'",
        })
    }
}

/// Subtype of a message (RFC 4187 11, IANA).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Subtype {
    /// The challenge of a full authentication, and its answer.
    Challenge = 1,
    /// The peer finds the challenge not authentic.
    AuthenticationReject = 2,
    /// The SQN of the challenge is not in the correct range.
    SynchronizationFailure = 4,
    /// A round for an identity.
    Identity = 5,
    /// A notification, and its acknowledgement.
    Notification = 12,
    /// A fast re-authentication, and its answer.
    Reauthentication = 13,
    /// The peer cannot use what came.
    ClientError = 14,
}

impl Subtype {
    pub(super) const fn of(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Challenge,
            2 => Self::AuthenticationReject,
            4 => Self::SynchronizationFailure,
            5 => Self::Identity,
            12 => Self::Notification,
            13 => Self::Reauthentication,
            14 => Self::ClientError,
            _ => return None,
        })
    }
}

impl fmt::Display for Subtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Challenge => "Challenge",
            Self::AuthenticationReject => "Authentication-Reject",
            Self::SynchronizationFailure => "Synchronization-Failure",
            Self::Identity => "AKA-Identity",
            Self::Notification => "AKA-Notification",
            Self::Reauthentication => "Re-authentication",
            Self::ClientError => "Client-Error",
        })
    }
}

/// Which identity a server asks for (RFC 4187 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdRequest {
    /// Any, one of a fast re-authentication too: AT_ANY_ID_REQ.
    Any,
    /// A pseudonym or the permanent one: AT_FULLAUTH_ID_REQ.
    FullAuth,
    /// The permanent one: AT_PERMANENT_ID_REQ.
    Permanent,
}

/// A packet of EAP-AKA or EAP-AKA', whose attributes are not read yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AkaPacket<'p> {
    method: AkaMethod,
    /// As long as its header says, and no longer.
    octets: &'p [u8],
}

/// Octets before the attributes: header, type, subtype, 2 reserved.
pub(super) const BEFORE_ATTRIBUTES: usize = 8;

impl<'p> AkaPacket<'p> {
    pub(super) fn new(method: AkaMethod, octets: &'p [u8]) -> Self {
        Self { method, octets }
    }

    /// The method of its type.
    pub const fn method(&self) -> AkaMethod {
        self.method
    }

    /// The whole packet without what lies behind its length: what AT_CHECKCODE is a hash of.
    pub const fn octets(&self) -> &'p [u8] {
        self.octets
    }

    /// What it is; `None` for what is none that is known.
    pub fn subtype(&self) -> Option<Subtype> {
        self.split().ok().and_then(|(subtype, _)| Subtype::of(subtype))
    }

    /// The subtype as it stands there, and the attributes behind it.
    pub(super) fn split(&self) -> Result<(u8, &'p [u8]), EapError> {
        match self.octets.split_first_chunk::<BEFORE_ATTRIBUTES>() {
            Some((&[_, _, _, _, _, subtype, _, _], attributes)) => Ok((subtype, attributes)),
            None => Err(EapError::Truncated {
                expected: BEFORE_ATTRIBUTES,
                actual: self.octets.len(),
            }),
        }
    }

    pub(super) fn read(&self, subtype: Subtype, allowed: &[AttributeType]) -> Result<Attributes<'p>, EapError> {
        let (_, attributes) = self.split()?;
        Attributes::read(subtype, allowed, attributes, BEFORE_ATTRIBUTES)
    }

    pub(super) fn unverified<T>(
        &self,
        subtype: Subtype,
        mac_at: Option<usize>,
        content: T,
    ) -> Result<Unverified<'p, T>, EapError> {
        Ok(Unverified::new(
            self.octets,
            need(mac_at, AttributeType::Mac, subtype)?,
            content,
        ))
    }

    /// The code that stands in the packet, where it begins there.
    pub(super) fn mac(&self, mac_at: Option<usize>) -> Option<[u8; 16]> {
        let (_, rest) = self.octets.split_at_checked(mac_at?)?;
        rest.first_chunk().copied()
    }
}

impl fmt::Debug for AkaPacket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} octets)", self.method, self.octets.len())
    }
}
