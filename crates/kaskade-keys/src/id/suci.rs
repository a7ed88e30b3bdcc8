//! SUCI: the concealed SUPI, and its SBI text form. The NAI form is in `suci_nai`, the NAS form in `suci_nas`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::str::FromStr;

use super::error::{ParseError, digits};
use super::suci_nai::without_padding;
use super::{Imsi, Nai, Plmn, RoutingIndicator, Supi};

/// The longest scheme output accepted, in octets: 3000 of a proprietary scheme plus an NAI as input
/// (TS 33.501 Annex C.1).
pub(super) const MAX_OUTPUT: usize = 3253;

const FORM: ParseError = ParseError::Form {
    field: "SUCI",
    expected: "suci-0-<MCC>-<MNC>-<routing indicator>-<scheme>-<key id>-<output> or suci-<1..7>-<realm>-…",
};

/// SUCI: the subscription concealed identifier (TS 23.003 2.2B, TS 33.501 6.12).
///
/// `Debug` shows network and scheme, not the output: under the null scheme that is the subscriber.
#[derive(Clone, PartialEq, Eq)]
pub struct Suci {
    /// The home network, of the kind that the SUPI type gives.
    pub home: SuciHome,
    /// Leads to the AUSF and UDM of the subscriber.
    pub routing_indicator: RoutingIndicator,
    /// Home network public key identifier, 0 under the null scheme.
    pub hn_key_id: HnKeyId,
    /// Scheme and output.
    pub output: SchemeOutput,
}

/// Home network identifier of a SUCI, by SUPI type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuciHome {
    /// SUPI type 0: IMSI.
    Imsi(Plmn),
    /// SUPI type 1: network-specific identifier, with its realm.
    NetworkSpecific(String),
    /// SUPI type 2: global line identifier, with its realm.
    GlobalLine(String),
    /// SUPI type 3: global cable identifier, with its realm.
    GlobalCable(String),
}

/// Protection scheme identifier, one nibble (TS 33.501 Annex C.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtectionScheme {
    /// 0x0: nothing concealed.
    Null,
    /// 0x1: ECIES profile A, X25519.
    ProfileA,
    /// 0x2: ECIES profile B, P-256.
    ProfileB,
    /// 0x3 to 0xB are reserved, 0xC to 0xF are the home operator's own.
    Other(u8),
}

/// Home network public key identifier, one octet; 0 only with the null scheme (TS 23.003 2.2B).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HnKeyId(pub u8);

/// What the protection scheme put out.
#[derive(Clone, PartialEq, Eq)]
pub enum SchemeOutput {
    /// Null scheme: MSIN digits, or the username of an NAI, in clear.
    Null(String),
    /// Profile A: ephemeral public key (32 octets) ‖ ciphertext ‖ MAC tag (8 octets).
    ProfileA(Vec<u8>),
    /// Profile B: compressed ephemeral public key (33 octets) ‖ ciphertext ‖ MAC tag (8 octets).
    ProfileB(Vec<u8>),
    /// Another scheme, and its octets.
    Other(u8, Vec<u8>),
}

impl ProtectionScheme {
    /// From the identifier.
    ///
    /// # Errors
    /// [`ParseError::Range`] above 0xF.
    pub fn from_id(id: u8) -> Result<Self, ParseError> {
        match id {
            0 => Ok(Self::Null),
            1 => Ok(Self::ProfileA),
            2 => Ok(Self::ProfileB),
            3..=0xF => Ok(Self::Other(id)),
            _ => {
                let actual = id.into();
                Err(ParseError::Range {
                    field: "protection scheme",
                    expected: "0 to 15",
                    actual,
                })
            }
        }
    }

    /// The identifier, 0x0 to 0xF.
    pub fn id(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::ProfileA => 1,
            Self::ProfileB => 2,
            Self::Other(id) => id,
        }
    }
}

impl SchemeOutput {
    /// The output of a scheme other than the null scheme.
    ///
    /// # Errors
    /// [`ParseError`] for the null scheme, whose output is text, and for an empty or overlong output.
    pub fn concealed(scheme: ProtectionScheme, octets: Vec<u8>) -> Result<Self, ParseError> {
        if octets.is_empty() || octets.len() > MAX_OUTPUT {
            let (expected, actual) = ("1 to 3253", octets.len());
            return Err(ParseError::Length {
                field: "scheme output",
                unit: "octets",
                expected,
                actual,
            });
        }
        match scheme {
            ProtectionScheme::Null => Err(ParseError::Form {
                field: "scheme output",
                expected: "text under the null scheme",
            }),
            ProtectionScheme::ProfileA => Ok(Self::ProfileA(octets)),
            ProtectionScheme::ProfileB => Ok(Self::ProfileB(octets)),
            ProtectionScheme::Other(id) => Ok(Self::Other(id, octets)),
        }
    }

    /// The scheme.
    pub fn scheme(&self) -> ProtectionScheme {
        match self {
            Self::Null(_) => ProtectionScheme::Null,
            Self::ProfileA(_) => ProtectionScheme::ProfileA,
            Self::ProfileB(_) => ProtectionScheme::ProfileB,
            Self::Other(id, _) => ProtectionScheme::Other(*id),
        }
    }
}

impl SuciHome {
    /// SUPI type, 0 to 3 (TS 23.003 2.2B).
    pub fn supi_type(&self) -> u8 {
        match self {
            Self::Imsi(_) => 0,
            Self::NetworkSpecific(_) => 1,
            Self::GlobalLine(_) => 2,
            Self::GlobalCable(_) => 3,
        }
    }

    pub(super) fn with_realm(supi_type: u8, realm: &str) -> Result<Self, ParseError> {
        if realm.is_empty() || realm.len() > 253 || !realm.bytes().all(|c| c.is_ascii_graphic() && c != b'@') {
            return Err(ParseError::Form {
                field: "realm of the SUCI",
                expected: "a domain name",
            });
        }
        match supi_type {
            1 => Ok(Self::NetworkSpecific(realm.into())),
            2 => Ok(Self::GlobalLine(realm.into())),
            3 => Ok(Self::GlobalCable(realm.into())),
            other => {
                let actual = other.into();
                Err(ParseError::Range {
                    field: "SUPI type",
                    expected: "0 to 3",
                    actual,
                })
            }
        }
    }
}

impl Suci {
    /// Puts a SUCI together.
    ///
    /// # Errors
    /// [`ParseError`] when the null scheme comes with a key identifier or another scheme without one, when the output
    /// of the null scheme is not an MSIN or username, or when IMSI digits are too many.
    pub fn new(
        home: SuciHome,
        routing_indicator: RoutingIndicator,
        hn_key_id: HnKeyId,
        output: SchemeOutput,
    ) -> Result<Self, ParseError> {
        const KEY_ID: &str = "home network public key identifier";
        let actual = hn_key_id.0.into();
        match &output {
            SchemeOutput::Null(_) if hn_key_id.0 != 0 => {
                return Err(ParseError::Range {
                    field: KEY_ID,
                    expected: "0 under the null scheme",
                    actual,
                });
            }
            SchemeOutput::Null(_) => {}
            _ if hn_key_id.0 == 0 => {
                return Err(ParseError::Range {
                    field: KEY_ID,
                    expected: "1 to 255",
                    actual,
                });
            }
            _ => {}
        }
        let suci = Self {
            home,
            routing_indicator,
            hn_key_id,
            output,
        };
        if let SchemeOutput::Null(clear) = &suci.output {
            suci.supi_from_clear(clear)?;
        }
        Ok(suci)
    }

    /// The null-scheme SUCI of a subscriber.
    ///
    /// # Errors
    /// [`ParseError`] when the IMSI is not of `plmn`.
    pub fn null(supi: &Supi, plmn: Option<Plmn>, routing_indicator: RoutingIndicator) -> Result<Self, ParseError> {
        let (home, clear) = Self::parts(supi, plmn)?;
        Self::new(home, routing_indicator, HnKeyId(0), SchemeOutput::Null(clear.into()))
    }

    /// Home network and clear part (MSIN digits or username) of a SUPI.
    ///
    /// # Errors
    /// [`ParseError`] when an IMSI comes without its PLMN or is not of it.
    pub fn parts(supi: &Supi, plmn: Option<Plmn>) -> Result<(SuciHome, &str), ParseError> {
        const NOT_HOME: ParseError = ParseError::Form {
            field: "IMSI",
            expected: "digits that begin with the home PLMN",
        };
        match supi {
            Supi::Imsi(imsi) => {
                let plmn = plmn.ok_or(NOT_HOME)?;
                Ok((SuciHome::Imsi(plmn), imsi.msin(plmn).ok_or(NOT_HOME)?))
            }
            Supi::NetworkSpecific(nai) => Ok((SuciHome::NetworkSpecific(nai.realm().into()), nai.username())),
            Supi::GlobalLine(nai) => Ok((SuciHome::GlobalLine(nai.realm().into()), nai.username())),
            Supi::GlobalCable(nai) => Ok((SuciHome::GlobalCable(nai.realm().into()), nai.username())),
        }
    }

    /// The input of the ECIES schemes: MSIN in packed BCD (an odd last nibble is 0xF), or the username's octets
    /// (TS 33.501 Annex C.3.2, TS 23.003 2.2B).
    ///
    /// # Errors
    /// As [`Suci::parts`].
    pub fn scheme_input(supi: &Supi, plmn: Option<Plmn>) -> Result<Vec<u8>, ParseError> {
        let (home, clear) = Self::parts(supi, plmn)?;
        Ok(match home {
            SuciHome::Imsi(_) => bcd(clear),
            _ => clear.as_bytes().into(),
        })
    }

    /// The SUPI that a deconcealed scheme input names: the inverse of [`Suci::scheme_input`]. Behind a realm, which has three digits of
    /// MNC whatever the network has, ten digits of MSIN say that there are two.
    ///
    /// # Errors
    /// [`ParseError`] when the octets are not an MSIN or username.
    pub fn supi_from_scheme_input(&self, input: &[u8]) -> Result<Supi, ParseError> {
        match self.home {
            SuciHome::Imsi(plmn) => {
                let msin = unbcd(input)?;
                imsi(without_padding(plmn, &msin), &msin)
            }
            _ => {
                let text = core::str::from_utf8(input).map_err(|_| ParseError::Form {
                    field: "scheme input",
                    expected: "an ASCII username",
                })?;
                self.supi_from_clear(text)
            }
        }
    }

    /// The SUPI, if the null scheme shows it.
    pub fn null_supi(&self) -> Option<Supi> {
        match &self.output {
            SchemeOutput::Null(clear) => self.supi_from_clear(clear).ok(),
            _ => None,
        }
    }

    fn supi_from_clear(&self, clear: &str) -> Result<Supi, ParseError> {
        let nai = |realm: &str| {
            if clear.contains('@') {
                return Err(ParseError::Form {
                    field: "username",
                    expected: "no realm",
                });
            }
            let mut text = String::with_capacity(clear.len() + 1 + realm.len());
            text.push_str(clear);
            text.push('@');
            text.push_str(realm);
            text.parse::<Nai>()
        };
        match &self.home {
            SuciHome::Imsi(plmn) => imsi(*plmn, clear),
            SuciHome::NetworkSpecific(realm) => nai(realm).map(Supi::NetworkSpecific),
            SuciHome::GlobalLine(realm) => nai(realm).map(Supi::GlobalLine),
            SuciHome::GlobalCable(realm) => nai(realm).map(Supi::GlobalCable),
        }
    }

    /// The SBI text form (TS 29.571, `SupiOrSuci`).
    pub fn sbi(&self) -> String {
        let mut text = String::from("suci-");
        let _ = match &self.home {
            SuciHome::Imsi(plmn) => write!(text, "0-{plmn}"),
            SuciHome::NetworkSpecific(realm) | SuciHome::GlobalLine(realm) | SuciHome::GlobalCable(realm) => {
                write!(text, "{}-{realm}", self.home.supi_type())
            }
        };
        let scheme = self.output.scheme().id();
        let _ = write!(text, "-{}-{scheme:x}-{}-", self.routing_indicator, self.hn_key_id.0);
        match &self.output {
            SchemeOutput::Null(clear) => text.push_str(clear),
            SchemeOutput::ProfileA(octets) | SchemeOutput::ProfileB(octets) | SchemeOutput::Other(_, octets) => {
                push_hex(&mut text, octets);
            }
        }
        text
    }
}

impl FromStr for Suci {
    type Err = ParseError;

    /// Reads the SBI form or the NAI form.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.strip_prefix("suci-") {
            Some(rest) => from_sbi(rest),
            None => Self::from_nai(text),
        }
    }
}

fn imsi(home: Plmn, msin: &str) -> Result<Supi, ParseError> {
    if msin.is_empty() {
        return Err(ParseError::Length {
            field: "MSIN",
            unit: "digits",
            expected: "1 to 10",
            actual: 0,
        });
    }
    Imsi::from_parts(home, msin).map(Supi::Imsi)
}

fn from_sbi(rest: &str) -> Result<Suci, ParseError> {
    let (supi_type, rest) = rest.split_once('-').ok_or(FORM)?;
    if supi_type == "0" {
        let mut parts = rest.splitn(6, '-');
        let mut part = || parts.next().ok_or(FORM);
        let home = SuciHome::Imsi(Plmn::new(part()?, part()?)?);
        return from_fields(home, part()?, part()?, part()?, part()?);
    }
    let [supi_type @ b'1'..=b'7'] = *supi_type.as_bytes() else {
        return Err(FORM);
    };
    let home = |realm| SuciHome::with_realm(supi_type - b'0', realm);
    // A username may hold hyphens, a realm rarely a label of digits: the first `-<ri>-0-0-` ends the realm.
    if let Some((realm, ri, clear)) = split_null(rest) {
        return from_fields(home(realm)?, ri, "0", "0", clear);
    }
    let mut parts = rest.rsplitn(5, '-');
    let mut part = || parts.next().ok_or(FORM);
    let (output, key_id, scheme, ri) = (part()?, part()?, part()?, part()?);
    from_fields(home(part()?)?, ri, scheme, key_id, output)
}

/// Splits `<realm>-<routing indicator>-0-0-<clear>` at its first fit.
fn split_null(text: &str) -> Option<(&str, &str, &str)> {
    // Fits may overlap: with routing indicator 0, `-0-0-0-`.
    text.match_indices('-').find_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        let clear = rest.strip_prefix("-0-0-")?;
        let (realm, ri) = before.rsplit_once('-')?;
        let is_ri = (1..=4).contains(&ri.len()) && ri.bytes().all(|c| c.is_ascii_digit());
        is_ri.then_some((realm, ri, clear))
    })
}

fn from_fields(home: SuciHome, ri: &str, scheme: &str, key_id: &str, output: &str) -> Result<Suci, ParseError> {
    let routing_indicator = ri.parse()?;
    let scheme = match *scheme.as_bytes() {
        [c] => char::from(c).to_digit(16).and_then(|id| u8::try_from(id).ok()),
        _ => None,
    };
    let scheme = ProtectionScheme::from_id(scheme.ok_or(FORM)?)?;
    digits("home network public key identifier", key_id.as_bytes())?;
    let hn_key_id = HnKeyId(key_id.parse().map_err(|_| ParseError::Length {
        field: "home network public key identifier",
        unit: "digits",
        expected: "1 to 3, up to 255",
        actual: key_id.len(),
    })?);
    let output = match scheme {
        ProtectionScheme::Null => SchemeOutput::Null(output.into()),
        scheme => SchemeOutput::concealed(scheme, hex(output)?)?,
    };
    Suci::new(home, routing_indicator, hn_key_id, output)
}

impl fmt::Debug for Suci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Suci({:?}, {:?}, key {}, …)",
            self.home,
            self.output.scheme(),
            self.hn_key_id.0
        )
    }
}

impl fmt::Debug for SchemeOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemeOutput({:?}, …)", self.scheme())
    }
}

/// Reads hexadecimal digits of either case.
pub(super) fn hex(text: &str) -> Result<Vec<u8>, ParseError> {
    const FIELD: &str = "scheme output";
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() || pairs.len() > MAX_OUTPUT {
        let (expected, actual) = ("an even number up to 6506", text.len());
        return Err(ParseError::Length {
            field: FIELD,
            unit: "hexadecimal digits",
            expected,
            actual,
        });
    }
    let digit = |c: u8, position| {
        let value = char::from(c).to_digit(16).and_then(|value| u8::try_from(value).ok());
        value.ok_or(ParseError::Character {
            field: FIELD,
            expected: "a hexadecimal digit",
            position,
        })
    };
    pairs
        .iter()
        .enumerate()
        .map(|(at, &[high, low])| Ok(digit(high, 2 * at)? << 4 | digit(low, 2 * at + 1)?))
        .collect()
}

pub(super) fn push_hex(text: &mut String, octets: &[u8]) {
    for octet in octets {
        let _ = write!(text, "{octet:02x}");
    }
}

/// Packs decimal digits, first digit in the low nibble.
pub(super) fn bcd(digits: &str) -> Vec<u8> {
    let nibble = |c: Option<&u8>| c.map_or(0xF, |c| c & 0xF);
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| nibble(pair.get(1)) << 4 | nibble(pair.first()))
        .collect()
}

/// Unpacks decimal digits; a filler 0xF may stand in the last high nibble only.
pub(super) fn unbcd(octets: &[u8]) -> Result<String, ParseError> {
    let mut digits = String::with_capacity(2 * octets.len());
    for (at, octet) in octets.iter().enumerate() {
        let last = at + 1 == octets.len();
        for (position, nibble) in [(2 * at, octet & 0xF), (2 * at + 1, octet >> 4)] {
            match nibble {
                0..=9 => digits.push(char::from(b'0' + nibble)),
                0xF if last && position % 2 == 1 => {}
                _ => {
                    return Err(ParseError::Character {
                        field: "MSIN",
                        expected: "a BCD digit",
                        position,
                    });
                }
            }
        }
    }
    Ok(digits)
}
