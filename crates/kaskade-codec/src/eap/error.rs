//! What is wrong with a packet.

use super::{AttributeType, Subtype};

/// What is wrong with an EAP packet. Positions count octets from the first of the packet; in deciphered attributes from the first of
/// those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EapError {
    /// Fewer octets than the header has, or than it says.
    #[error("EAP: {actual} octets, but {expected} are needed")]
    Truncated {
        /// How many there should be at least.
        expected: usize,
        /// How many there are.
        actual: usize,
    },
    /// The length in the header is less than the packet's form needs.
    #[error("EAP: the header says {length} octets, and at least {least} are needed")]
    Length {
        /// What the header says.
        length: u16,
        /// The least.
        least: u16,
    },
    /// No code of RFC 3748.
    #[error("EAP: code {0} is not known")]
    Code(u8),
    /// A type where it must not be, such as a NAK in a request.
    #[error("EAP: type {0} cannot be in such a packet")]
    Type(u8),
    /// No subtype of EAP-AKA, or not in this direction.
    #[error("EAP-AKA: subtype {0} is not known in this direction")]
    Subtype(u8),
    /// An attribute says that it has no octets, not even those that say so.
    #[error("EAP-AKA: the attribute {attribute} at octet {position} has length 0")]
    ZeroLength {
        /// Its number.
        attribute: u8,
        /// Where it begins.
        position: usize,
    },
    /// An attribute does not end within the packet.
    #[error(
        "EAP-AKA: the attribute {attribute} at octet {position} has {length} octets, of which {available} are there"
    )]
    BeyondPacket {
        /// Its number.
        attribute: u8,
        /// Where it begins.
        position: usize,
        /// How many octets it says that it has.
        length: usize,
        /// How many octets follow.
        available: usize,
    },
    /// An attribute has a length that its kind does not have.
    #[error("EAP-AKA: {attribute} at octet {position} has {length} octets, expected {}", .attribute.shape().lengths())]
    AttributeLength {
        /// Which.
        attribute: AttributeType,
        /// Where it begins.
        position: usize,
        /// How many octets it has, with number and length.
        length: usize,
    },
    /// The length within an attribute does not go with the attribute's own.
    #[error(
        "EAP-AKA: {attribute} at octet {position} says that its value has {value} {unit}, which its {length} octets do not have"
    )]
    ValueLength {
        /// Which.
        attribute: AttributeType,
        /// Where it begins.
        position: usize,
        /// How long it says that its value is.
        value: u16,
        /// In bits or octets.
        unit: &'static str,
        /// How many octets the attribute has.
        length: usize,
    },
    /// AT_PADDING has something else than zeros, or is not the last.
    #[error("EAP-AKA: AT_PADDING at octet {position} is not zeros at the end")]
    Padding {
        /// Where it begins.
        position: usize,
    },
    /// The same attribute again.
    #[error("EAP-AKA: {attribute} at octet {position} is there for the second time")]
    Duplicate {
        /// Which.
        attribute: AttributeType,
        /// Where the second begins.
        position: usize,
    },
    /// An attribute that must be understood, and is not.
    #[error("EAP-AKA: the attribute {attribute} at octet {position} must be understood and is not known")]
    Unknown {
        /// Its number, below 128.
        attribute: u8,
        /// Where it begins.
        position: usize,
    },
    /// An attribute that this message does not have.
    #[error("EAP-AKA: {attribute} at octet {position} cannot be in this {subtype}")]
    NotAllowed {
        /// Which.
        attribute: AttributeType,
        /// In which message.
        subtype: Subtype,
        /// Where it begins.
        position: usize,
    },
    /// An attribute that this message must have.
    #[error("EAP-AKA: {attribute} is missing in this {subtype}")]
    Missing {
        /// Which.
        attribute: AttributeType,
        /// In which message.
        subtype: Subtype,
    },
    /// Not exactly one of AT_PERMANENT_ID_REQ, AT_ANY_ID_REQ and AT_FULLAUTH_ID_REQ.
    #[error("EAP-AKA: {0} requests for an identity in one message, expected 1")]
    IdRequests(usize),
    /// A text that goes into an attribute is longer than that can be.
    #[error("EAP-AKA: {attribute} cannot hold {length} octets")]
    TooLong {
        /// Which.
        attribute: AttributeType,
        /// How many octets it was to hold.
        length: usize,
    },
    /// A message of more octets than EAP carries without fragments.
    #[error("EAP-AKA: a message of {length} octets, and at most {most} are carried")]
    MessageTooLong {
        /// How many it would have.
        length: usize,
        /// The most.
        most: usize,
    },
}
