//! What tells apart the keys of accesses and of mobility.

use core::net::IpAddr;

use super::ParseError;
use crate::derivation::{Encoding, kdf_parameters, text_parameters};

/// DIRECTION of a horizontal derivation of K_AMF, with the NAS COUNT that goes with it (TS 33.501 A.13). One octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HorizontalDirection {
    /// Mobility registration, or a change of K_AMF on an initial NAS message: with the uplink NAS COUNT of that message.
    Uplink = 0x00,
    /// Handover: with the downlink NAS COUNT of 3GPP access.
    Downlink = 0x01,
}

/// What a key of a trusted non-3GPP access is for (TS 33.501 Table A.22-1). One octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TrustedAccessUsage {
    /// IPsec between UE and TNGF.
    Ipsec = 0x01,
    /// The access point.
    Tnap = 0x02,
    /// The root of fast transitions between access points.
    FastTransition = 0x03,
}

/// An address of an IAB-donor-CU or of an IAB-node's DU: 4 octets of IPv4 or 16 of IPv6 (TS 33.501 A.23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IabAddress(pub IpAddr);

impl IabAddress {
    fn with<R>(self, with: impl FnOnce(&[u8]) -> R) -> R {
        match self.0 {
            IpAddr::V4(address) => with(&address.octets()),
            IpAddr::V6(address) => with(&address.octets()),
        }
    }
}

impl crate::derivation::KdfParameter for IabAddress {
    const ENCODING: Encoding = Encoding::Variable;

    fn with_octets<R>(&self, with: impl FnOnce(&[u8]) -> R) -> R {
        self.with(with)
    }
}

kdf_parameters! {
    HorizontalDirection: Encoding::Octets(1), |this| &[*this as u8];
    TrustedAccessUsage: Encoding::Octets(1), |this| &[*this as u8];
}

text_parameters! {
    HorizontalDirection: "uplink (mobility registration) or downlink (handover)", "downlink", |text| match text {
        "uplink" | "0" => Ok(Self::Uplink),
        "downlink" | "1" => Ok(Self::Downlink),
        _ => Err(ParseError::Form { field: "DIRECTION", expected: "uplink or downlink" }),
    };
    IabAddress: "an IPv4 or IPv6 address", "192.0.2.1", |text| {
        text.parse().map(Self).map_err(|_| ParseError::Form {
            field: "IAB address",
            expected: "an IPv4 or IPv6 address",
        })
    };
}
