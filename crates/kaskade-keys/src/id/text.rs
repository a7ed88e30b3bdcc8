//! Names and labels of variable length that enter derivations as they are.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::{ParseError, Supi};
use crate::derivation::{Encoding, kdf_parameters, text_parameters};

macro_rules! texts {
    ($( $(#[$meta:meta])* $Name:ident = $field:literal, 1 to $most:literal, $expected:literal, $example:literal; )*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $Name(String);

        impl $Name {
            /// The most octets that it may have.
            pub const MOST: usize = $most;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $Name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                checked($field, $expected, $most, text).map(Self)
            }
        }

        kdf_parameters! {
            $Name: Encoding::Text, |this| this.0.as_bytes();
        }

        text_parameters! {
            $Name: "text of visible ASCII characters", $example, |text| text.parse();
        }
    )*};
}

/// Visible ASCII and spaces, of 1 to `most` octets. Other characters would need Unicode normalisation form KC before they
/// enter a KDF (TS 33.220 B.2.1.2) and are refused.
pub(super) fn checked(
    field: &'static str,
    expected: &'static str,
    most: usize,
    text: &str,
) -> Result<String, ParseError> {
    if text.is_empty() || text.len() > most {
        return Err(ParseError::Length {
            field,
            unit: "octets",
            expected,
            actual: text.len(),
        });
    }
    if let Some(position) = text.bytes().position(|c| !matches!(c, b' '..=b'~')) {
        return Err(ParseError::Character {
            field,
            expected: "a visible ASCII character",
            position,
        });
    }
    Ok(text.into())
}

texts! {
    /// Access network identity: the network name of EAP-AKA' outside 5GS, such as `WLAN` (TS 33.402 A.2, TS 24.302).
    /// 1 to 255 octets.
    AccessNetworkIdentity = "access network identity", 1 to 255, "1 to 255", "WLAN";

    /// Identity of an EAP peer, as it was sent last: permanent identity, pseudonym or re-authentication identity, with
    /// its realm. In 5GS the SUPI's octets of a KDF. 1 to 1016 octets, as AT_IDENTITY carries at most (RFC 4187 10.5).
    ///
    /// `Debug` shows the realm only.
    EapIdentity = "EAP identity", 1 to 1016, "1 to 1016", "0555444333222111";

    /// IMPI: the private identity of IMS; without ISIM made of the IMSI (TS 33.220 B.3). 1 to 255 octets.
    ///
    /// `Debug` shows the realm only.
    Impi = "IMPI", 1 to 255, "1 to 255", "001010000000001@ims.mnc001.mcc001.3gppnetwork.org";

    /// EMSE_Id: names the enterprise's endpoint (TR 33.863 6.10). 1 to 255 octets.
    EmseId = "EMSE_Id", 1 to 255, "1 to 255", "meter-reading.example.com";

    /// The label of the keys of TR 33.863 6.10, `e2m_CIoT` unless agreed otherwise. 1 to 64 octets.
    E2mLabel = "label", 1 to 64, "1 to 64", "e2m_CIoT";
}

impl From<&Supi> for EapIdentity {
    /// What EAP-AKA' uses in 5GS: the SUPI as it enters a KDF, without prefix (TS 33.501 F.3).
    fn from(supi: &Supi) -> Self {
        Self(supi.value().into())
    }
}

impl Default for E2mLabel {
    fn default() -> Self {
        Self("e2m_CIoT".into())
    }
}

/// Names a subscriber's text by its kind and realm.
fn masked(f: &mut fmt::Formatter<'_>, kind: &str, text: &str) -> fmt::Result {
    let realm = text.rsplit_once('@').map_or("", |(_, realm)| realm);
    write!(f, "{kind}(…@{realm})")
}

impl fmt::Debug for EapIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(f, "EapIdentity", &self.0)
    }
}

impl fmt::Debug for Impi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(f, "Impi", &self.0)
    }
}

macro_rules! open {
    ($($Name:ident),*) => {$(
        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($Name), "({})"), self.0)
            }
        }
    )*};
}

open!(AccessNetworkIdentity, EmseId, E2mLabel);
