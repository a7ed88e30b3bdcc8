//! RADIUS as it carries EAP: packets, attributes, and what guards them (RFC 2865, RFC 3579, RFC 2548, RFC 4372, RFC 5997).
//!
//! | Part | What | Source |
//! |---|---|---|
//! | [`Packet`] | a checked view of a datagram: header, and attributes that fit | RFC 2865 3, 5 |
//! | [`AttributeType`] | the attributes that are known here, with the lengths of their values | RFC 2865 5 |
//! | [`AccessRequest`] | what an access gateway asks | RFC 2865 4.1, RFC 3579 3 |
//! | [`AnswerWriter`] | the answer of a server | RFC 2865 4.2 to 4.4 |
//! | [`Exchange`], [`Told`] | the gateway's end: requests, and what an answer says | RFC 3579 2 |
//!
//! ```text
//! Code (1) ‖ Identifier (1) ‖ Length (2) ‖ Authenticator (16) ‖ attributes: Type (1) ‖ Length (1) ‖ Value (0 to 253)
//! ```
//!
//! Lengths count the octets in front of them too. A packet has 20 to 4096 octets; what a datagram has behind them is padding. One
//! EAP packet lies in as many `EAP-Message` attributes as it needs, one after the other.
//!
//! A request is believed when its `Message-Authenticator` is right, which [`Packet::authenticate_request`] asks for in every one, as RFC
//! 3579 does for those with EAP and CVE-2024-3596 made necessary for all. It is the first attribute of what is written here.
//!
//! ```
//! use kaskade_codec::radius::{AnswerWriter, AccessRequest, Code, Exchange, Packet, Told};
//! use kaskade_crypto::radius::SharedSecret;
//!
//! let secret = SharedSecret::new(b"at least sixteen octets")?;
//! // The gateway's end.
//! let mut exchange = Exchange::new(secret.clone(), b"0001010000000001@wlan.mnc001.mcc001.3gppnetwork.org");
//! let sent = exchange.request(&[2, 7, 0, 6, 1, b'0'], 1, &[0x5a; 16])?;
//!
//! // The server's.
//! let packet = Packet::parse(sent.octets())?;
//! packet.authenticate_request(&secret)?;
//! let request = AccessRequest::of(&packet)?;
//! assert_eq!(request.eap.as_deref(), Some(&[2, 7, 0, 6, 1, b'0'][..]));
//! let mut answer = AnswerWriter::new(Code::AccessReject);
//! answer.eap(&[4, 7, 0, 4])?;
//! let octets = answer.finish(&packet, &secret)?;
//!
//! assert!(matches!(exchange.answer(&sent, &octets)?, Told::Reject { eap: Some(_), .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access_request;
mod answer;
mod attribute;
mod error;
mod exchange;
mod mppe;
mod packet;
mod writer;

use core::fmt;

pub use access_request::{AccessRequest, Gateway};
pub use answer::AnswerWriter;
pub use attribute::{Attribute, AttributeType, Attributes};
pub use error::{NoRoom, NotAuthentic, RadiusError};
pub use exchange::{AnswerError, Exchange, Sent, Told};
pub use mppe::Salts;
pub use packet::Packet;

/// Octets of a header: what a packet has at least.
pub const HEADER: usize = 20;
/// What a packet has at most (RFC 2865 3).
pub const PACKET_AT_MOST: usize = 4096;
/// What one attribute holds at most.
pub const VALUE_AT_MOST: usize = 253;

/// What a packet is (RFC 2865 3, RFC 5997 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Code {
    /// A gateway asks whether somebody may come in, or passes on what they say.
    AccessRequest = 1,
    /// They may.
    AccessAccept = 2,
    /// They may not.
    AccessReject = 3,
    /// The server asks them something.
    AccessChallenge = 11,
    /// Somebody asks whether the server lives.
    StatusServer = 12,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::AccessRequest,
        Self::AccessAccept,
        Self::AccessReject,
        Self::AccessChallenge,
        Self::StatusServer,
    ];

    /// The code of a number, if it is known here.
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::AccessRequest),
            2 => Some(Self::AccessAccept),
            3 => Some(Self::AccessReject),
            11 => Some(Self::AccessChallenge),
            12 => Some(Self::StatusServer),
            _ => None,
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessRequest => "Access-Request",
            Self::AccessAccept => "Access-Accept",
            Self::AccessReject => "Access-Reject",
            Self::AccessChallenge => "Access-Challenge",
            Self::StatusServer => "Status-Server",
        })
    }
}
