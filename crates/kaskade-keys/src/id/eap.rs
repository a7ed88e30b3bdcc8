//! What names an EAP session, and what enters the keys below its EMSK.

use alloc::vec::Vec;

use kaskade_crypto::kdf::HmacKey;
use kaskade_crypto::{Autn, Rand};

use super::{NonceS, ParseError};
use crate::derivation::{Encoding, hex, kdf_parameters, text_parameters};

/// Session-Id of an EAP session: type ‖ RAND ‖ AUTN, or type ‖ NONCE_S ‖ MAC. 33 octets (RFC 5247 1.4, RFC 4187, RFC 8940).
///
/// Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 33]);

impl SessionId {
    const AKA: u8 = 0x17;
    const AKA_PRIME: u8 = 0x32;

    /// Of a full authentication by EAP-AKA.
    pub fn aka(rand: &Rand, autn: &Autn) -> Self {
        Self::new(Self::AKA, rand.octets(), autn.octets())
    }

    /// Of a full authentication by EAP-AKA'.
    pub fn aka_prime(rand: &Rand, autn: &Autn) -> Self {
        Self::new(Self::AKA_PRIME, rand.octets(), autn.octets())
    }

    /// Of a fast re-authentication by EAP-AKA; `mac` is that of the server's AT_MAC.
    pub fn aka_reauthentication(nonce_s: &NonceS, mac: &[u8; 16]) -> Self {
        Self::new(Self::AKA, nonce_s.octets(), mac)
    }

    /// Of a fast re-authentication by EAP-AKA'; `mac` is that of the server's AT_MAC.
    pub fn aka_prime_reauthentication(nonce_s: &NonceS, mac: &[u8; 16]) -> Self {
        Self::new(Self::AKA_PRIME, nonce_s.octets(), mac)
    }

    fn new(method: u8, first: &[u8; 16], second: &[u8; 16]) -> Self {
        let mut octets = [method; 33];
        octets[1..17].copy_from_slice(first);
        octets[17..].copy_from_slice(second);
        Self(octets)
    }

    /// The 33 octets.
    pub const fn octets(&self) -> &[u8; 33] {
        &self.0
    }

    /// EMSKname: what ERP calls the EMSK of this session. 8 octets (RFC 5295 3.2, RFC 6696 4).
    pub fn emsk_name(&self) -> [u8; 8] {
        let output = HmacKey::new(&self.0).mac(b"EMSK\0\0\x08\x01");
        *output.high_64()
    }
}

/// Optional data of a usage of the EMSK, so that several keys have one label (RFC 5295 3.1). 0 to 255 octets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UsageData(Vec<u8>);

impl UsageData {
    /// Takes 0 to 255 octets.
    ///
    /// # Errors
    /// [`ParseError::Length`] for more.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ParseError> {
        if octets.len() > 255 {
            return Err(ParseError::Length {
                field: "usage data",
                unit: "octets",
                expected: "at most 255",
                actual: octets.len(),
            });
        }
        Ok(Self(octets.into()))
    }
}

/// Cryptosuite of ERP: how its messages are protected. One octet (RFC 6696 5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cryptosuite {
    /// HMAC-SHA-256, tag of 64 bits.
    HmacSha256Of64 = 1,
    /// HMAC-SHA-256, tag of 128 bits; every implementation has it.
    HmacSha256Of128 = 2,
    /// HMAC-SHA-256, tag of 256 bits.
    HmacSha256Of256 = 3,
}

kdf_parameters! {
    UsageData: Encoding::Variable, |this| &this.0;
    Cryptosuite: Encoding::Octets(1), |this| &[*this as u8];
}

text_parameters! {
    UsageData: "0 to 255 octets in hexadecimal", "0a0b", |text| Self::from_octets(&hex("usage data", text)?);
    Cryptosuite: "1, 2 or 3: HMAC-SHA-256 with 64, 128 or 256 bits", "2", |text| match text {
        "1" => Ok(Self::HmacSha256Of64),
        "2" => Ok(Self::HmacSha256Of128),
        "3" => Ok(Self::HmacSha256Of256),
        _ => Err(ParseError::Form { field: "cryptosuite", expected: "1, 2 or 3" }),
    };
}
