//! Why octets are no packet, why a packet is not believed, and why something has no room in one.
//!
//! None of these texts shows the value of an attribute: it may be an identity.

use super::{AttributeType, HEADER, PACKET_AT_MOST};

/// Why octets are not the packet that they should be, and where. Positions count octets of the packet from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RadiusError {
    /// Not even a header.
    #[error("{actual} octets are no RADIUS packet: its header has {HEADER}")]
    NoHeader {
        /// How many octets there are.
        actual: usize,
    },
    /// A length that no packet has.
    #[error("the packet says it has {said} octets, expected {HEADER} to {PACKET_AT_MOST}")]
    Length {
        /// What it says.
        said: usize,
    },
    /// The datagram ends before the packet does.
    #[error("the packet says it has {said} octets, {actual} have come")]
    Truncated {
        /// What it says.
        said: usize,
        /// How many octets there are.
        actual: usize,
    },
    /// An attribute that is shorter than its number and its length.
    #[error("attribute {attribute} at octet {position} says it has {length} octets, expected 2 to 255")]
    AttributeLength {
        /// Its number.
        attribute: u8,
        /// Where it begins.
        position: usize,
        /// What it says.
        length: u8,
    },
    /// An attribute that ends behind the packet.
    #[error("attribute {attribute} at octet {position} needs {length} octets, {available} are left")]
    BeyondPacket {
        /// Its number.
        attribute: u8,
        /// Where it begins.
        position: usize,
        /// How many octets it needs.
        length: usize,
        /// How many there are.
        available: usize,
    },
    /// A value of a length that its attribute does not have.
    #[error(
        "the value of {attribute} at octet {position} has {actual} octets, expected {least} to {most}",
        least = attribute.lengths().0,
        most = attribute.lengths().1
    )]
    ValueLength {
        /// Which attribute.
        attribute: AttributeType,
        /// Where it begins.
        position: usize,
        /// How many octets its value has.
        actual: usize,
    },
    /// A second one of an attribute that a packet has once.
    #[error("{attribute} at octet {position} is the second one, expected one at the most")]
    Repeated {
        /// Which attribute.
        attribute: AttributeType,
        /// Where the second one begins.
        position: usize,
    },
    /// A part of an EAP packet behind something else than the part before it (RFC 3579 3.1).
    #[error("EAP-Message at octet {position} does not stand beside the one before it")]
    Apart {
        /// Where it begins.
        position: usize,
    },
    /// An empty part beside others: alone it starts EAP, there it is nothing (RFC 3579 2.1).
    #[error("EAP-Message at octet {position} is empty, and not the only one")]
    EmptyPart {
        /// Where it begins.
        position: usize,
    },
    /// A packet of another kind than the one expected.
    #[error("the packet has code {actual}, expected {expected}")]
    Code {
        /// What it has.
        actual: u8,
        /// What would do.
        expected: &'static str,
    },
    /// A vendor's attribute that does not fit into its `Vendor-Specific` (RFC 2865 5.26).
    #[error("an attribute of vendor {vendor} at octet {position} does not fit into its Vendor-Specific")]
    Vendor {
        /// The vendor's number at IANA.
        vendor: u32,
        /// Where the Vendor-Specific begins.
        position: usize,
    },
}

/// Why a packet is not believed. Whoever sent it hears nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAuthentic {
    /// It has no `Message-Authenticator`.
    #[error("there is no Message-Authenticator, which every packet needs here")]
    Missing,
    /// It has several.
    #[error("there are several Message-Authenticators")]
    Repeated,
    /// It is not that of the packet under this secret.
    #[error("the Message-Authenticator is wrong: another secret, or a packet that was changed")]
    Wrong,
    /// An answer is not bound to its request under this secret.
    #[error("the Response Authenticator is wrong: another secret, another request, or a packet that was changed")]
    Response,
}

/// A packet has no room for something: it would have more than [`PACKET_AT_MOST`] octets, or an attribute more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{attribute} has no room: {actual} octets of value in a packet of {PACKET_AT_MOST} octets at the most")]
pub struct NoRoom {
    /// What has no room.
    pub attribute: AttributeType,
    /// The octets of its value.
    pub actual: usize,
}
