//! What names an EAP session, and what enters the keys of ERP.

use kaskade_crypto::{Autn, Rand};

use super::{NonceS, ParseError};
use crate::derivation::{Encoding, kdf_parameters, text_parameters};

/// Session-Id of an EAP session: type ‖ RAND ‖ AUTN, or type ‖ NONCE_S ‖ MAC. 33 octets (RFC 5247 1.4, RFC 4187, RFC 8940).
///
/// Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 33]);

impl SessionId {
    const AKA: u8 = 0x17;
    const AKA_PRIME: u8 = 0x32;
    /// No method of EAP has the type 0.
    const FIVE_G_AKA: u8 = 0;

    /// Of a full authentication by EAP-AKA.
    pub fn aka(rand: &Rand, autn: &Autn) -> Self {
        Self::new(Self::AKA, rand.octets(), autn.octets())
    }

    /// Of a full authentication by EAP-AKA'.
    pub fn aka_prime(rand: &Rand, autn: &Autn) -> Self {
        Self::new(Self::AKA_PRIME, rand.octets(), autn.octets())
    }

    /// Of a run of 5G AKA, which is no EAP session: 0 ‖ RAND ‖ AUTN (project profile 5G-AKA-EMSK-1).
    pub fn five_g_aka(rand: &Rand, autn: &Autn) -> Self {
        Self::new(Self::FIVE_G_AKA, rand.octets(), autn.octets())
    }

    /// As a record of this project has it.
    pub const fn from_octets(octets: [u8; 33]) -> Self {
        Self(octets)
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

impl Cryptosuite {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::HmacSha256Of64, Self::HmacSha256Of128, Self::HmacSha256Of256];

    /// The one of this number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| *suite as u8 == number)
    }

    /// Octets of its tag.
    pub const fn tag_octets(self) -> usize {
        match self {
            Self::HmacSha256Of64 => 8,
            Self::HmacSha256Of128 => 16,
            Self::HmacSha256Of256 => 32,
        }
    }
}

kdf_parameters! {
    Cryptosuite: Encoding::Octets(1), |this| &[*this as u8];
}

text_parameters! {
    Cryptosuite: "1, 2 or 3: HMAC-SHA-256 with 64, 128 or 256 bits", "2", |text| match text {
        "1" => Ok(Self::HmacSha256Of64),
        "2" => Ok(Self::HmacSha256Of128),
        "3" => Ok(Self::HmacSha256Of256),
        _ => Err(ParseError::Form { field: "cryptosuite", expected: "1, 2 or 3" }),
    };
}
