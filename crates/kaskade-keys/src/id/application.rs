//! Names of application functions: a domain name, and the protocol that is spoken with it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::ParseError;
use crate::derivation::{Encoding, hex_array, kdf_parameters, text_parameters};

/// FQDN: a full domain name without a dot at its end. 1 to 253 octets (RFC 1035 2.3.1).
///
/// Enters KDFs as it is given: both sides must write it alike, upper case and lower.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fqdn(String);

impl Fqdn {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fqdn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const FIELD: &str = "domain name";
        if text.is_empty() || text.len() > 253 {
            return Err(ParseError::Length {
                field: FIELD,
                unit: "octets",
                expected: "1 to 253",
                actual: text.len(),
            });
        }
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
        if let Some(position) = text.bytes().position(|c| !allowed(c)) {
            return Err(ParseError::Character {
                field: FIELD,
                expected: "a letter, a digit, a hyphen or a dot",
                position,
            });
        }
        let label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
        if text.split('.').all(label) {
            Ok(Self(text.into()))
        } else {
            Err(ParseError::Form {
                field: FIELD,
                expected: "labels of 1 to 63 letters, digits and inner hyphens, with dots between",
            })
        }
    }
}

impl fmt::Display for Fqdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Ua and Ua* security protocol identifier: what is spoken with an application function. 5 octets, the first of which
/// names the organisation, 0x01 for 3GPP (TS 33.220 Annex H).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UaProtocolId([u8; 5]);

impl UaProtocolId {
    /// HTTP Digest of TS 24.109, when no other of these protocols carries it.
    pub const HTTP_DIGEST: Self = Self([1, 0, 0, 0, 2]);
    /// TLS 1.3 with a shared key (TS 33.222 5.4.0.2).
    pub const TLS_1_3_PSK: Self = Self([1, 0, 0, 0, 7]);
    /// The TMPI of GBA (TS 33.220 B.4); enters a KDF only.
    pub const TMPI: Self = Self([1, 0, 0, 1, 0]);

    /// TLS of TS 33.222 5.3 or 5.4, under a cipher suite.
    pub const fn tls(cipher_suite: [u8; 2]) -> Self {
        let [y, z] = cipher_suite;
        Self([1, 0, 1, y, z])
    }

    /// Whether TS 33.220 Annex H gives it to a protocol that has a name here: then it is no free one for another protocol.
    pub const fn is_assigned(&self) -> bool {
        matches!(self.0, [1, 0, 0, 0, 0..=7] | [1, 0, 0, 1, 0] | [1, 0, 1, ..])
    }

    /// As it enters a KDF.
    pub const fn from_octets(octets: [u8; 5]) -> Self {
        Self(octets)
    }

    /// As it enters a KDF.
    pub const fn octets(&self) -> &[u8; 5] {
        &self.0
    }
}

impl FromStr for UaProtocolId {
    type Err = ParseError;

    /// Reads 10 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        hex_array("Ua security protocol identifier", "5", text).map(Self)
    }
}

/// 10 hexadecimal digits.
impl fmt::Display for UaProtocolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Domain name and protocol, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Application(Vec<u8>);

impl Application {
    fn new(fqdn: &Fqdn, protocol: UaProtocolId) -> Self {
        let mut octets = Vec::with_capacity(fqdn.0.len() + 5);
        octets.extend_from_slice(fqdn.0.as_bytes());
        octets.extend_from_slice(&protocol.0);
        Self(octets)
    }

    /// A domain name and 10 hexadecimal digits; with a slash between, as people write it, it is the same.
    fn parse(field: &'static str, text: &str) -> Result<Self, ParseError> {
        const DIGITS: usize = 10;
        let without_slash = || {
            let (fqdn, protocol) = text.split_at_checked(text.len().checked_sub(DIGITS)?)?;
            let is_protocol = !fqdn.is_empty() && protocol.bytes().all(|c| c.is_ascii_hexdigit());
            is_protocol.then_some((fqdn, protocol))
        };
        let parts = text.split_once('/').or_else(without_slash);
        let (fqdn, protocol) = parts.ok_or(ParseError::Form {
            field,
            expected: "a domain name and 10 hexadecimal digits, with a slash between or without",
        })?;
        Ok(Self::new(&fqdn.parse()?, protocol.parse()?))
    }

    /// Domain name and protocol, as they were put together.
    fn parts(&self) -> (&str, UaProtocolId) {
        let (fqdn, protocol) = self.0.split_last_chunk().unwrap_or((&[], &[0; 5]));
        (core::str::from_utf8(fqdn).unwrap_or(""), UaProtocolId(*protocol))
    }
}

macro_rules! applications {
    ($( $(#[$meta:meta])* $Name:ident = $field:literal, $example:literal; )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $Name(Application);

        impl $Name {
            /// Puts the two together.
            pub fn new(fqdn: &Fqdn, protocol: UaProtocolId) -> Self {
                Self(Application::new(fqdn, protocol))
            }

            /// The octets that enter a KDF.
            pub fn octets(&self) -> &[u8] {
                &self.0.0
            }

            /// The domain name, in capital letters and small ones as it was given.
            pub fn fqdn(&self) -> &str {
                self.0.parts().0
            }

            /// What is spoken with it.
            pub fn protocol(&self) -> UaProtocolId {
                self.0.parts().1
            }
        }

        impl FromStr for $Name {
            type Err = ParseError;

            /// Reads `af.example.com0100000002`, and `af.example.com/0100000002`, as people write it.
            fn from_str(text: &str) -> Result<Self, ParseError> {
                Application::parse($field, text).map(Self)
            }
        }

        /// As it travels: domain name and 10 hexadecimal digits, without anything between.
        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (fqdn, protocol) = self.0.parts();
                write!(f, "{fqdn}{protocol}")
            }
        }

        kdf_parameters! {
            $Name: Encoding::Variable, |this| this.octets();
        }

        text_parameters! {
            $Name: "a domain name, a slash, and the protocol in 10 hexadecimal digits", $example, |text| text.parse();
        }
    )*};
}

applications! {
    /// AF_ID: an application function of AKMA: FQDN ‖ Ua* security protocol identifier, 6 to 258 octets (TS 33.535 A.4).
    ///
    /// How the 5 octets are written in a text, TS 29.535 leaves open: they are 10 hexadecimal digits behind the domain name, as a `NafId`
    /// has them in a member of its own (TS 29.309).
    AfId = "AF_ID", "af.example.com/0100000002";
    /// NAF_Id: an application function of GBA: FQDN ‖ Ua security protocol identifier, 6 to 258 octets (TS 33.220 B.3).
    NafId = "NAF_Id", "naf.example.com/0100000002";
}

/// BSF_Id: the BSF under the protocol of the TMPI: FQDN ‖ 01 00 00 01 00, 6 to 258 octets (TS 33.220 B.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BsfId(Application);

impl BsfId {
    /// Of a BSF.
    pub fn new(fqdn: &Fqdn) -> Self {
        Self(Application::new(fqdn, UaProtocolId::TMPI))
    }
}

kdf_parameters! {
    Fqdn: Encoding::Text, |this| this.0.as_bytes();
    BsfId: Encoding::Variable, |this| &this.0.0;
}

text_parameters! {
    Fqdn: "a domain name", "example.org", |text| text.parse();
    BsfId: "the domain name of the BSF", "bsf.mnc001.mcc001.pub.3gppnetwork.org", |text| text.parse().map(|fqdn| Self::new(&fqdn));
}
