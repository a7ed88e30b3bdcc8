//! Serving network name.

use core::fmt;
use core::str::FromStr;

use super::error::{ParseError, digits};
use super::{Nid, Plmn};

const FORM: ParseError = ParseError::Form {
    field: "serving network name",
    expected: "5G:mnc<3 digits>.mcc<3 digits>.3gppnetwork.org[:<11 hexadecimal digits>] or 5G:NSWO",
};
const SUFFIX: &str = ".3gppnetwork.org";

/// Serving network name: the network that a K_AUSF, RES* and K_SEAF are bound to (TS 33.501 6.1.1.4, TS 24.501 9.12.1).
///
/// ASCII, 32 octets for a PLMN, 44 with a NID, 7 for `5G:NSWO`; no terminating NUL. Enters KDFs as it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServingNetworkName {
    octets: [u8; 44],
    len: u8,
}

impl ServingNetworkName {
    /// The name of 5G non-seamless WLAN offload (TS 24.501 9.12.1, TS 33.501 Annex S).
    pub const NSWO: Self = {
        let mut octets = [0; 44];
        let text = *b"5G:NSWO";
        let mut at = 0;
        while at < text.len() {
            octets[at] = text[at];
            at += 1;
        }
        Self { octets, len: 7 }
    };

    /// The name of a PLMN, or of a stand-alone non-public network when there is a NID.
    pub fn new(plmn: Plmn, nid: Option<Nid>) -> Self {
        let mut octets = [0; 44];
        let mut len = 0;
        let mut put = |part: &[u8]| {
            octets[len..len + part.len()].copy_from_slice(part);
            len += part.len();
        };
        put(b"5G:mnc");
        put(&plmn.mnc_3_digits());
        put(b".mcc");
        put(plmn.mcc().as_bytes());
        put(SUFFIX.as_bytes());
        if let Some(nid) = nid {
            put(b":");
            put(nid.as_str().as_bytes());
        }
        Self {
            octets,
            len: if nid.is_some() { 44 } else { 32 },
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.kdf_octets()).unwrap_or("")
    }

    /// The octets that enter a KDF.
    #[inline]
    pub fn kdf_octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }

    /// Whether this is the name of `plmn`, with or without NID. A 2-digit MNC equals the same MNC with a leading 0,
    /// since the name does not tell them apart.
    pub fn is_of(&self, plmn: Plmn) -> bool {
        Self::new(plmn, None).kdf_octets() == &self.octets[..32]
    }
}

impl FromStr for ServingNetworkName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "5G:NSWO" {
            return Ok(Self::NSWO);
        }
        let rest = text.strip_prefix("5G:mnc").ok_or(FORM)?;
        let (mnc, rest) = rest.split_at_checked(3).ok_or(FORM)?;
        let (mcc, rest) = rest
            .strip_prefix(".mcc")
            .and_then(|rest| rest.split_at_checked(3))
            .ok_or(FORM)?;
        digits("MNC of the serving network name", mnc.as_bytes())?;
        digits("MCC of the serving network name", mcc.as_bytes())?;
        let nid = match rest.strip_prefix(SUFFIX).ok_or(FORM)? {
            "" => None,
            nid => {
                let nid = nid.strip_prefix(':').ok_or(FORM)?;
                let parsed: Nid = nid.parse()?;
                if parsed.as_str() != nid {
                    // The name is KDF input: lower case would give other keys than the peer's.
                    return Err(FORM);
                }
                Some(parsed)
            }
        };
        Ok(Self::new(Plmn::new(mcc, mnc)?, nid))
    }
}

impl fmt::Display for ServingNetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ServingNetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServingNetworkName({self})")
    }
}
