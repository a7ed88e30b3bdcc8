//! Nonces that make a derivation new each time, and the SN id.

use super::Plmn;
use crate::derivation::{Encoding, hex_array, kdf_parameters, text_parameters};

macro_rules! nonces {
    ($( $(#[$meta:meta])* $Name:ident($len:literal) = $form:literal, $field:literal, $expected:literal, $example:literal; )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $Name([u8; $len]);

        impl $Name {
            /// As it travels.
            pub const fn from_octets(octets: [u8; $len]) -> Self {
                Self(octets)
            }

            /// As it travels.
            pub const fn octets(&self) -> &[u8; $len] {
                &self.0
            }
        }

        kdf_parameters! {
            $Name: Encoding::Octets($len), |this| this.octets();
        }

        text_parameters! {
            $Name: $form, $example, |text| hex_array($field, $expected, text).map(Self);
        }
    )*};
}

nonces! {
    /// NONCE_MME: 32 bits of the MME (TS 33.401 A.10, A.11). 4 octets.
    NonceMme(4) = "4 octets in hexadecimal", "NONCE_MME", "4", "e14aa3f0";
    /// NONCE_UE: 32 bits of the UE (TS 33.401 A.11). 4 octets.
    NonceUe(4) = "4 octets in hexadecimal", "NONCE_UE", "4", "5f2c7d10";
    /// NONCE of a voice call that changes between the packet and the circuit switched domain: NONCE_MSC of the MSC
    /// server, or that of the SGSN (TS 33.102 B.3, B.4, B.6). 16 octets.
    SrvccNonce(16) = "16 octets in hexadecimal", "NONCE", "16", "6f1d0c8e5a3b49720f1e2d3c4b5a6978";
    /// NONCE_S: of the server, in a fast re-authentication of EAP-AKA and EAP-AKA' (RFC 4187 10.16). 16 octets.
    NonceS(16) = "16 octets in hexadecimal", "NONCE_S", "16", "0123456789abcdeffedcba9876543210";
    /// Nonce_1 of a PC5 link, of the UE that starts it (TS 33.536 5.3.3.1); of a remote UE (TS 33.503 A.4). 16 octets.
    Nonce1(16) = "16 octets in hexadecimal", "Nonce_1", "16", "101112131415161718191a1b1c1d1e1f";
    /// Nonce_2 of a PC5 link, of the UE that answers (TS 33.536 5.3.3.1); of the AUSF (TS 33.503 A.4). 16 octets.
    Nonce2(16) = "16 octets in hexadecimal", "Nonce_2", "16", "202122232425262728292a2b2c2d2e2f";
    /// K_NRP freshness parameter 1, of the remote UE (TS 33.503 A.8). 16 octets.
    Freshness1(16) = "16 octets in hexadecimal", "K_NRP freshness parameter 1", "16", "303132333435363738393a3b3c3d3e3f";
    /// K_NRP freshness parameter 2, of the key management (TS 33.503 A.8). 16 octets.
    Freshness2(16) = "16 octets in hexadecimal", "K_NRP freshness parameter 2", "16", "404142434445464748494a4b4c4d4e4f";
    /// Relay service code: what a UE-to-network relay offers (TS 33.503 A.2, A.5, A.8). 3 octets.
    RelayServiceCode(3) = "3 octets in hexadecimal", "relay service code", "3", "00a1b2";
    /// UTC-based counter of a message on PC5 (TS 33.503 A.5). 4 octets.
    UtcCounter(4) = "4 octets in hexadecimal", "UTC-based counter", "4", "67fa10c0";
    /// Group member identity: the layer 2 address of the UE that sends to a group (TS 33.303 A.3). 3 octets.
    GroupMemberIdentity(3) = "3 octets in hexadecimal", "group member identity", "3", "0a0b0c";
    /// PTK identity: makes a PTK new (TS 33.303 A.3). 2 octets.
    PtkIdentity(2) = "2 octets in hexadecimal", "PTK identity", "2", "0001";
    /// Group identity: the layer 2 address of a group (TS 33.303 A.3). 3 octets.
    GroupIdentity(3) = "3 octets in hexadecimal", "group identity", "3", "0d0e0f";
    /// Ranging/SL Positioning application identifier: what a link is for (TS 33.533 A.2). 3 octets.
    RangingApplicationId(3) = "3 octets in hexadecimal", "Ranging/SL Positioning application identifier", "3", "000001";
    /// K_SLP nonce 1 (TS 33.533 A.2). 16 octets.
    SlpNonce1(16) = "16 octets in hexadecimal", "K_SLP nonce 1", "16", "505152535455565758595a5b5c5d5e5f";
    /// K_SLP nonce 2 (TS 33.533 A.2). 16 octets.
    SlpNonce2(16) = "16 octets in hexadecimal", "K_SLP nonce 2", "16", "606162636465666768696a6b6c6d6e6f";
    /// SLPTK identity: numbers the SLPTKs of a group member (TS 33.533 A.3). 2 octets.
    SlptkIdentity(2) = "2 octets in hexadecimal", "SLPTK identity", "2", "0001";
    /// RESP: the response of HTTP Digest with SHA-256 (TS 33.220 B.5). 32 octets.
    DigestResponse(32) = "32 octets in hexadecimal", "RESP", "32",
        "707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f";
}

/// SN id: the PLMN identity of the serving network, coded as in NAS. 3 octets (TS 33.401 A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServingNetworkIdentity(pub Plmn);

kdf_parameters! {
    ServingNetworkIdentity: Encoding::Octets(3), |this| &this.0.nas_octets();
}

text_parameters! {
    ServingNetworkIdentity: "MCC-MNC", "001-01", |text| text.parse::<Plmn>().map(Self);
}

impl From<Plmn> for ServingNetworkIdentity {
    fn from(plmn: Plmn) -> Self {
        Self(plmn)
    }
}
