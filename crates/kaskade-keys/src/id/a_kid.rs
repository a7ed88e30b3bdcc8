//! The AKMA key identifier: what a UE calls its K_AKMA by, towards application functions.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::str::FromStr;

use super::error::{ParseError, digits};
use super::{Nid, Plmn, RoutingIndicator};
use crate::akma::ATid;

const FORM: ParseError = ParseError::Form {
    field: "A-KID",
    expected: "rid<1 to 4 digits>.atid<43 characters of base64url>@<home realm>",
};

/// A-KID: `username@realm` with routing indicator and A-TID in the username, and the home network as the realm (TS 33.535 6.1).
///
/// The specification leaves open how the two are written in the username. Project profile "A-KID house form", version 1:
/// `rid<routing indicator>.atid<A-TID in base64url without padding>@<realm>`, 68 to 103 octets in capital letters and small ones as they are
/// here, but for the realm, which is a name of the DNS.
///
/// Two are equal when A-TID and realm are: the routing indicator leads to an AAnF and may differ between UE and UDM for a while. It
/// travels in clear, and names a subscriber until the next authentication: `Debug` masks it.
///
/// ```
/// use kaskade_keys::{AKid, HomeRealm, RoutingIndicator};
/// use kaskade_keys::akma::ATid;
///
/// let realm = HomeRealm::new("001-01".parse()?, None);
/// let a_kid = AKid::new(RoutingIndicator::DEFAULT, &ATid::from_octets(&[0; 32]), realm);
/// let text = format!("rid0.atid{}@5gc.mnc001.mcc001.3gppnetwork.org", "A".repeat(43));
/// assert_eq!(a_kid.encode(), text);
/// assert_eq!(text.parse(), Ok(a_kid));
/// # Ok::<(), kaskade_keys::ParseError>(())
/// ```
#[derive(Clone)]
pub struct AKid {
    routing_indicator: RoutingIndicator,
    a_tid: ATid,
    realm: HomeRealm,
}

impl AKid {
    /// Puts the three together.
    pub fn new(routing_indicator: RoutingIndicator, a_tid: &ATid, realm: HomeRealm) -> Self {
        Self {
            routing_indicator,
            a_tid: a_tid.clone(),
            realm,
        }
    }

    /// Reads the house form.
    ///
    /// # Errors
    /// [`ParseError`] that names the part which is wrong.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let (username, realm) = text.split_once('@').ok_or(FORM)?;
        let (routing_indicator, a_tid) = username
            .strip_prefix("rid")
            .and_then(|rest| rest.split_once(".atid"))
            .ok_or(FORM)?;
        Ok(Self {
            routing_indicator: routing_indicator.parse()?,
            a_tid: ATid::from_octets(&base64url::read(a_tid)?),
            realm: realm.parse()?,
        })
    }

    /// The house form.
    pub fn encode(&self) -> String {
        self.to_string()
    }

    /// The short form, for records: routing indicator 2 in the form of NAS ‖ A-TID 32 ‖ [realm](HomeRealm::octets) 3 or 14.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = self.routing_indicator.nas_octets().to_vec();
        octets.extend(self.a_tid.expose_in_a_kid());
        octets.extend(self.realm.octets());
        octets
    }

    /// Reads the short form.
    ///
    /// # Errors
    /// [`ParseError`] that names the part which is wrong.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ParseError> {
        let too_short = || ParseError::Length {
            field: "A-KID",
            unit: "octets",
            expected: "37 or 48",
            actual: octets.len(),
        };
        let (routing_indicator, rest) = octets.split_first_chunk().ok_or_else(too_short)?;
        let (a_tid, realm) = rest.split_first_chunk().ok_or_else(too_short)?;
        Ok(Self {
            routing_indicator: RoutingIndicator::from_nas_octets(*routing_indicator)?,
            a_tid: ATid::from_octets(a_tid),
            realm: HomeRealm::from_octets(realm)?,
        })
    }

    /// Which AAnF it leads to, within its home network.
    pub const fn routing_indicator(&self) -> RoutingIndicator {
        self.routing_indicator
    }

    /// What names K_AKMA.
    pub const fn a_tid(&self) -> &ATid {
        &self.a_tid
    }

    /// The home network.
    pub const fn realm(&self) -> HomeRealm {
        self.realm
    }

    /// What is left of it in logs: routing indicator and realm.
    pub fn masked(&self) -> String {
        alloc::format!("rid{}.atid***@{}", self.routing_indicator, self.realm)
    }
}

/// By A-TID and realm.
impl PartialEq for AKid {
    fn eq(&self, other: &Self) -> bool {
        self.a_tid == other.a_tid && self.realm == other.realm
    }
}

impl Eq for AKid {}

impl FromStr for AKid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Display for AKid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rid{}.atid", self.routing_indicator)?;
        base64url::write(self.a_tid.expose_in_a_kid(), f)?;
        write!(f, "@{}", self.realm)
    }
}

impl fmt::Debug for AKid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AKid({})", self.masked())
    }
}

/// The home network of a subscriber as a realm: `5gc.mnc<3 digits>.mcc<3 digits>.3gppnetwork.org`, of a stand-alone non-public network
/// `5gc.nid<11 hexadecimal digits>.mnc….mcc….3gppnetwork.org` (TS 23.003 28.7.3).
///
/// A name of the DNS, in which capital letters are small ones. An MNC of two digits equals that of three with a leading 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HomeRealm {
    mnc: [u8; 3],
    mcc: [u8; 3],
    nid: Option<Nid>,
}

impl HomeRealm {
    /// Of a PLMN, or of a stand-alone non-public network when there is a NID.
    pub fn new(plmn: Plmn, nid: Option<Nid>) -> Self {
        let mut mcc = [b'0'; 3];
        mcc.copy_from_slice(plmn.mcc().as_bytes());
        Self {
            mnc: plmn.mnc_3_digits(),
            mcc,
            nid,
        }
    }

    /// Whether it is that of `plmn`, with or without NID.
    pub fn is_of(&self, plmn: Plmn) -> bool {
        let other = Self::new(plmn, self.nid);
        *self == other
    }

    /// Of a stand-alone non-public network.
    pub const fn nid(&self) -> Option<Nid> {
        self.nid
    }

    /// The short form, for records: 3 octets with the digits of MCC and MNC, and the 11 digits of the NID where there is one.
    pub fn octets(&self) -> Vec<u8> {
        let ([a, b, c], [d, e, f]) = (self.mcc, self.mnc);
        let mut octets: Vec<u8> = [(a, b), (c, d), (e, f)]
            .into_iter()
            .map(|(high, low)| (high & 0xf) << 4 | (low & 0xf))
            .collect();
        octets.extend(self.nid.iter().flat_map(|nid| nid.as_str().bytes()));
        octets
    }

    /// Reads the short form.
    ///
    /// # Errors
    /// [`ParseError`] when it is none.
    pub fn from_octets(octets: &[u8]) -> Result<Self, ParseError> {
        const OCTETS: ParseError = ParseError::Form {
            field: "home realm",
            expected: "3 octets with six digits, and the 11 digits of a NID or nothing",
        };
        let (plmn, nid) = octets.split_first_chunk::<3>().ok_or(OCTETS)?;
        let mut digits = [0; 6];
        let nibbles = plmn.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
        for (digit, nibble) in digits.iter_mut().zip(nibbles) {
            *digit = match nibble {
                0..=9 => b'0' + nibble,
                _ => return Err(OCTETS),
            };
        }
        let [a, b, c, d, e, f] = digits;
        let nid = match nid {
            [] => None,
            nid => Some(core::str::from_utf8(nid).map_err(|_| OCTETS)?.parse()?),
        };
        Ok(Self {
            mnc: [d, e, f],
            mcc: [a, b, c],
            nid,
        })
    }
}

impl FromStr for HomeRealm {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const REALM: ParseError = ParseError::Form {
            field: "home realm",
            expected: "5gc.[nid<11 hexadecimal digits>.]mnc<3 digits>.mcc<3 digits>.3gppnetwork.org",
        };
        let text = text.to_ascii_lowercase();
        let rest = text.strip_prefix("5gc.").ok_or(REALM)?;
        let (nid, rest) = match rest.strip_prefix("nid") {
            Some(rest) => {
                let (nid, rest) = rest.split_once('.').ok_or(REALM)?;
                (Some(nid.parse()?), rest)
            }
            None => (None, rest),
        };
        let (mnc, rest) = rest
            .strip_prefix("mnc")
            .and_then(|rest| rest.split_once(".mcc"))
            .ok_or(REALM)?;
        let mcc = rest.strip_suffix(".3gppnetwork.org").ok_or(REALM)?;
        let part = |field, text: &str| {
            digits(field, text.as_bytes())?;
            <[u8; 3]>::try_from(text.as_bytes()).map_err(|_| REALM)
        };
        Ok(Self {
            mnc: part("MNC of the home realm", mnc)?,
            mcc: part("MCC of the home realm", mcc)?,
            nid,
        })
    }
}

impl fmt::Display for HomeRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("5gc.")?;
        if let Some(nid) = &self.nid {
            f.write_str("nid")?;
            for digit in nid.as_str().chars() {
                f.write_char(digit.to_ascii_lowercase())?;
            }
            f.write_str(".")?;
        }
        let [mnc, mcc] = [&self.mnc, &self.mcc].map(|digits| core::str::from_utf8(digits).unwrap_or(""));
        write!(f, "mnc{mnc}.mcc{mcc}.3gppnetwork.org")
    }
}

impl fmt::Debug for HomeRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HomeRealm({self})")
    }
}

/// 32 octets in base64url without padding (RFC 4648 5): 43 characters, each value in one way only.
mod base64url {
    use core::fmt;

    use super::ParseError;

    const LEN: usize = 43;
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// 6 bits of one character.
    const fn value(c: u8) -> Option<u32> {
        Some(match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        } as u32)
    }

    pub(super) fn write(octets: &[u8; 32], to: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for chunk in octets.chunks(3) {
            let at = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
            let bits = at(0) << 16 | at(1) << 8 | at(2);
            // One character more than there are octets.
            for place in 0..=chunk.len() {
                let six = (bits >> (18 - 6 * place)) & 0x3f;
                let c = ALPHABET.get(usize::try_from(six).unwrap_or(0)).copied().unwrap_or(b'A');
                to.write_char(char::from(c))?;
            }
        }
        Ok(())
    }

    pub(super) fn read(text: &str) -> Result<[u8; 32], ParseError> {
        const FIELD: &str = "A-TID";
        if text.len() != LEN {
            return Err(ParseError::Length {
                field: FIELD,
                unit: "octets",
                expected: "43",
                actual: text.len(),
            });
        }
        let mut octets = [0; 32];
        let mut out = octets.iter_mut();
        let (mut bits, mut held) = (0_u32, 0_u32);
        for (position, c) in text.bytes().enumerate() {
            let six = value(c).ok_or(ParseError::Character {
                field: FIELD,
                expected: "a letter, a digit, a hyphen or an underscore",
                position,
            })?;
            bits = bits << 6 | six;
            held += 6;
            if held >= 8 {
                held -= 8;
                if let Some(octet) = out.next() {
                    *octet = u8::try_from(bits >> held & 0xff).unwrap_or(0);
                }
                bits &= (1 << held) - 1;
            }
        }
        match bits {
            0 => Ok(octets),
            _ => Err(ParseError::Form {
                field: FIELD,
                expected: "43 characters of base64url, of which the last one ends in two bits of 0",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// The A-TID of the UE of case 1 of RFC 9048, as other programs write it in base64url.
    const TEXT: &str = "rid12.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
    const A_TID: [u8; 32] = [
        0xdb, 0x2c, 0x71, 0xe4, 0x66, 0xd1, 0x9a, 0x46, 0x07, 0x3c, 0x9b, 0x1a, 0xea, 0x2c, 0x55, 0x81, 0xba, 0xbc,
        0x39, 0x5e, 0x43, 0x18, 0x20, 0x98, 0xcb, 0x70, 0x72, 0x76, 0xcf, 0xca, 0x7d, 0xff,
    ];

    #[test]
    fn an_a_kid_is_written_in_one_way() {
        let a_kid = AKid::new(
            "12".parse().unwrap(),
            &ATid::from_octets(&A_TID),
            HomeRealm::new("001-01".parse().unwrap(), None),
        );
        assert_eq!(a_kid.encode(), TEXT);
        assert_eq!(AKid::parse(TEXT), Ok(a_kid.clone()));
        assert_eq!(a_kid.a_tid().expose_in_a_kid(), &A_TID);
        assert_eq!(a_kid.routing_indicator().as_str(), "12");
        assert!(!format!("{a_kid:?}").contains("2yxx5"), "masked");
    }

    #[test]
    fn the_short_form_reads_back_and_nothing_else_is_read() {
        let alone = TEXT.replace("5gc.", "5gc.nid0123456789a.").replace("rid12", "rid1234");
        for (text, len) in [(TEXT, 37), (&alone, 48)] {
            let a_kid = AKid::parse(text).unwrap();
            let octets = a_kid.octets();
            assert_eq!(octets.len(), len);
            assert_eq!(AKid::from_octets(&octets).unwrap().encode(), text);
            for short in (0..len).filter(|short| *short != 37) {
                assert!(AKid::from_octets(&octets[..short]).is_err(), "{short} octets of {text}");
            }
            for (place, wrong) in [(0, 0xff), (34, 0xa0), (36, 0x0a)] {
                let mut octets = octets.clone();
                octets[place] = wrong;
                assert!(AKid::from_octets(&octets).is_err(), "octet {place} of {text}");
            }
            assert!(
                AKid::from_octets(&[&octets[..], b"0"].concat()).is_err(),
                "longer than {text}"
            );
        }
    }

    #[test]
    fn a_tid_and_realm_are_what_counts() {
        let a_kid = AKid::parse(TEXT).unwrap();
        assert_eq!(
            AKid::parse(&TEXT.replace("rid12", "rid9")),
            Ok(a_kid.clone()),
            "the way there"
        );
        assert_eq!(
            AKid::parse(&TEXT.replace("5gc.mnc", "5GC.MNC")),
            Ok(a_kid.clone()),
            "a name of the DNS"
        );
        assert_ne!(AKid::parse(&TEXT.replace("mcc001", "mcc002")), Ok(a_kid.clone()));
        assert_ne!(AKid::parse(&TEXT.replace("atid2", "atid3")), Ok(a_kid));
    }

    #[test]
    fn a_stand_alone_network_has_its_nid_in_the_realm() {
        let realm = HomeRealm::new("310-410".parse().unwrap(), Some("0000000000A".parse().unwrap()));
        assert_eq!(realm.to_string(), "5gc.nid0000000000a.mnc410.mcc310.3gppnetwork.org");
        assert_eq!(realm.to_string().to_uppercase().parse(), Ok(realm));
        assert!(realm.is_of("310-410".parse().unwrap()) && !realm.is_of("310-411".parse().unwrap()));
    }

    #[test]
    fn bad_identifiers_are_refused_by_part() {
        let field = |text: &str| match AKid::parse(text).unwrap_err() {
            ParseError::Length { field, .. }
            | ParseError::Character { field, .. }
            | ParseError::Form { field, .. }
            | ParseError::Range { field, .. } => field,
        };
        for (text, of) in [
            (String::new(), "A-KID"),
            (TEXT.replace('@', ""), "A-KID"),
            (TEXT.replace("rid", "RID"), "A-KID"),
            (TEXT.replace("rid12", "rid"), "routing indicator"),
            (TEXT.replace("rid12", "rid12345"), "routing indicator"),
            (TEXT.replace("rid12", "ridx"), "routing indicator"),
            (TEXT.replace("Kff8", "Kff"), "A-TID"),
            (TEXT.replace("Kff8", "Kff8="), "A-TID"),
            (TEXT.replace("Kff8", "Kff/"), "A-TID"),
            // The same octets written otherwise would be another text of one identifier.
            (TEXT.replace("Kff8", "Kff9"), "A-TID"),
            (TEXT.replace("mnc001", "mnc01"), "home realm"),
            (TEXT.replace("mnc001", "mncabc"), "MNC of the home realm"),
            (TEXT.replace("3gppnetwork.org", "example.org"), "home realm"),
            (TEXT.replace("5gc.", "5gc.nid12."), "NID"),
        ] {
            assert_eq!(field(&text), of, "{text}");
        }
    }
}
