//! EAP packets, and the messages of EAP-AKA, EAP-AKA' and EAP-AKA' with forward secrecy (RFC 3748, 4187, 9048, 9678).
//!
//! ```text
//! octets ── Packet ──┬─ Identity, NAK, Notification, Success, Failure
//!                    └─ AkaPacket ──┬─ Request:  Identity, Challenge, Reauthentication, Notification
//!                                   └─ Response: the same, and Synchronization-Failure, Authentication-Reject, Client-Error
//! ```
//!
//! **Nothing is believed before AT_MAC is checked.** What has an AT_MAC is an [`Unverified`], which shows what is needed to find the
//! keys (RAND, AUTN, AT_KDF, AT_KDF_INPUT, AT_KDF_FS) and nothing else. [`Unverified::verify`] consumes it and gives the message.
//!
//! | Received | What becomes of it |
//! |---|---|
//! | attributes in any order | read; only AT_KDF and AT_KDF_FS may be there several times, and have an order |
//! | unknown attribute 128 to 255 | skipped |
//! | unknown attribute 0 to 127, or a known one that this message does not have | [`EapError`] |
//! | known attribute 128 to 255 that this message does not have | skipped, but its length must be right |
//! | octets behind the length of the packet | left out: the padding of a lower layer |
//! | reserved octets, padding of texts | not looked at |
//!
//! What is written has one order, zeros in reserved octets, and no attribute that its message does not have. Nothing here draws
//! random numbers: the initialisation vector of AT_ENCR_DATA is an argument.
//!
//! ```
//! use kaskade_codec::eap::{AkaMethod, Body, IdRequest, Packet, Request, write};
//!
//! let octets = write::identity_request(AkaMethod::AkaPrime, 7, IdRequest::Any);
//! let Packet::Request(message) = Packet::parse(&octets)? else { unreachable!() };
//! let Body::Aka(aka) = message.body else { unreachable!() };
//! assert!(matches!(aka.request()?, Request::Identity(IdRequest::Any)));
//! # Ok::<(), kaskade_codec::eap::EapError>(())
//! ```

mod attribute;
mod attributes;
mod error;
mod hidden;
mod message;
mod packet;
mod request;
mod response;
mod verify;
pub mod write;

pub use attribute::{AttributeType, Shape};
pub use error::EapError;
pub use hidden::{Encrypted, Hidden, Sealing};
pub use message::{AkaMethod, AkaPacket, IdRequest, Subtype};
pub use packet::{
    Body, Code, Message, Packet, Type, failure, identity_request, identity_response, nak, notification_response,
    success,
};
pub use request::{Challenge, FsOffer, NotificationCode, NotificationRequest, Reauthentication, Request};
pub use response::{ChallengeAnswer, NotificationAnswer, ReauthenticationAnswer, Response};
pub use verify::{Unverified, WrongMac};
