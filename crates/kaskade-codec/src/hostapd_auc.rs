//! How hostapd's EAP server asks an AuC for vectors: datagrams of text on a Unix socket.
//!
//! ```text
//! AKA-REQ-AUTH <IMSI>                                        → AKA-RESP-AUTH <IMSI> <RAND> <AUTN> <IK> <CK> <RES>
//!                                                            → AKA-RESP-AUTH <IMSI> FAILURE
//! AKA-AUTS <IMSI> <AUTS> <RAND>                              no answer; the next request wants a vector that the card accepts
//! SIM-REQ-AUTH <IMSI> <HOW MANY>                             → SIM-RESP-AUTH <IMSI> FAILURE
//! ```
//!
//! Triplets of EAP-SIM are not served: the third is read so that it can be refused. IMSI in 5 to 15 decimal digits, all else in hexadecimal digits, most significant octet first; one space between two fields, none
//! around, no end of line. Source: `hostapd/hlr_auc_gw.txt` of hostap 2.10.
//!
//! A request does not say for which method the vector is: the socket it came by does, so that each method has one. The separation
//! bit of the AMF is 0 for EAP-AKA and 1 for EAP-AKA', whose peers look at it. CK and IK go to the EAP server themselves, which
//! TS 33.402 6.2 forbids for EAP-AKA': an interface for laboratories.
//!
//! `emit(parse(x))` gives `x` but for hexadecimal digits in upper case.

use alloc::vec::Vec;

use kaskade_crypto::{Autn, Auts, Ck, Ik, Rand, Res};
use kaskade_faults::fault;
use kaskade_keys::ParseError;
use kaskade_keys::id::Imsi;
use zeroize::Zeroizing;

use crate::hex;

const VECTOR: &[u8] = b"AKA-REQ-AUTH";
const RESYNCHRONISATION: &[u8] = b"AKA-AUTS";
const TRIPLETS: &[u8] = b"SIM-REQ-AUTH";
const ANSWER: &[u8] = b"AKA-RESP-AUTH ";
const ANSWER_OF_TRIPLETS: &[u8] = b"SIM-RESP-AUTH ";
const FAILURE: &[u8] = b"FAILURE";

/// Octets of the longest request: `AKA-AUTS` with an IMSI of 15 digits. A longer datagram is none.
pub const MOST: usize = 86;

/// Octets of the longest answer: that to an IMSI of 15 digits with a RES of 16 octets.
pub const MOST_OF_ANSWER: usize = 194;

/// What an EAP server asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// A vector for one authentication.
    Vector {
        /// Whose.
        imsi: Imsi,
    },
    /// The card found the SQN of its challenge out of range. Not answered.
    Resynchronisation {
        /// Whose.
        imsi: Imsi,
        /// What the card says, 14 octets.
        auts: Auts,
        /// RAND of the challenge, 16 octets.
        rand: Rand,
    },
    /// Triplets of EAP-SIM, which nobody here gives.
    Triplets {
        /// Whose.
        imsi: Imsi,
        /// How many, 1 to 9: one digit. hostapd asks for 2 or 3.
        count: u8,
    },
}

impl Request {
    /// Reads a datagram. Allocates nothing.
    ///
    /// # Errors
    /// [`RequestError`]; there is then no IMSI that a failure could be told of, and no answer.
    pub fn parse(datagram: &[u8]) -> Result<Self, RequestError> {
        if datagram.len() > MOST {
            return Err(RequestError::Long { has: datagram.len() });
        }
        let mut fields = datagram.split(|&octet| octet == b' ');
        let command = fields.next().unwrap_or_default();
        let expected = match command {
            VECTOR => 1,
            RESYNCHRONISATION => 3,
            TRIPLETS => 2,
            _ => return Err(RequestError::Command),
        };
        let has = fields.clone().count();
        match (fields.next(), fields.next(), fields.next()) {
            (Some(imsi), None, None) if expected == 1 => Ok(Self::Vector { imsi: read_imsi(imsi)? }),
            (Some(imsi), Some(auts), Some(rand)) if expected == 3 && has == 3 => Ok(Self::Resynchronisation {
                imsi: read_imsi(imsi)?,
                auts: Auts::from_octets(read(Field::Auts, auts)?),
                rand: Rand::from_octets(read(Field::Rand, rand)?),
            }),
            (Some(imsi), Some(count), None) if expected == 2 => Ok(Self::Triplets {
                imsi: read_imsi(imsi)?,
                count: read_count(count)?,
            }),
            _ => Err(RequestError::Fields { expected, has }),
        }
    }

    /// The datagram that refuses it, whatever the reason; `None` of what is not answered.
    #[must_use]
    pub fn failure(&self) -> Option<Vec<u8>> {
        let (answer, imsi) = match self {
            Self::Vector { imsi } => (ANSWER, imsi),
            Self::Triplets { imsi, .. } => (ANSWER_OF_TRIPLETS, imsi),
            Self::Resynchronisation { .. } => return None,
        };
        let mut datagram = Vec::with_capacity(MOST_OF_ANSWER);
        put(&mut datagram, &[answer, imsi.digits(), b" ", FAILURE]);
        Some(datagram)
    }

    /// Whose card it is about.
    #[must_use]
    pub const fn imsi(&self) -> &Imsi {
        match self {
            Self::Vector { imsi } | Self::Resynchronisation { imsi, .. } | Self::Triplets { imsi, .. } => imsi,
        }
    }

    /// The datagram, as hostapd sends it.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(MOST);
        match self {
            Self::Vector { imsi } => put(&mut datagram, &[VECTOR, b" ", imsi.digits()]),
            Self::Resynchronisation { imsi, auts, rand } => {
                put(&mut datagram, &[RESYNCHRONISATION, b" ", imsi.digits(), b" "]);
                hex::push(&mut datagram, auts.octets());
                datagram.push(b' ');
                hex::push(&mut datagram, rand.octets());
            }
            Self::Triplets { imsi, count } => {
                let digit = [b'0'.saturating_add(*count)];
                put(&mut datagram, &[TRIPLETS, b" ", imsi.digits(), b" ", &digit]);
            }
        }
        datagram
    }
}

fn read_count(digits: &[u8]) -> Result<u8, RequestError> {
    match digits {
        [digit @ b'1'..=b'9'] => Ok(digit.saturating_sub(b'0')),
        _ => Err(RequestError::Count),
    }
}

fn read_imsi(digits: &[u8]) -> Result<Imsi, RequestError> {
    let text = core::str::from_utf8(digits).map_err(|_| RequestError::ImsiNoText)?;
    text.parse().map_err(RequestError::Imsi)
}

fn read<const N: usize>(field: Field, digits: &[u8]) -> Result<[u8; N], RequestError> {
    let mut octets = [0; N];
    match hex::read(digits, &mut octets) {
        true => Ok(octets),
        false => Err(RequestError::Digits {
            field,
            expected: N.saturating_mul(2),
            has: digits.len(),
        }),
    }
}

/// What an EAP server gets of a vector.
#[derive(Clone, Copy, Debug)]
pub struct Vector<'a> {
    /// RAND, 16 octets.
    pub rand: &'a Rand,
    /// AUTN, 16 octets, with the separation bit of the socket's method in its AMF.
    pub autn: &'a Autn,
    /// IK, 16 octets.
    pub ik: &'a Ik,
    /// CK, 16 octets.
    pub ck: &'a Ck,
    /// XRES, 4 to 16 octets.
    pub xres: &'a Res,
}

impl Vector<'_> {
    /// The datagram that answers [`Request::Vector`]; it is wiped.
    #[must_use]
    pub fn emit(&self, imsi: &Imsi) -> Zeroizing<Vec<u8>> {
        // Room for all of it: octets that were moved could not be wiped.
        let mut datagram = Zeroizing::new(Vec::with_capacity(MOST_OF_ANSWER));
        put(&mut datagram, &[ANSWER, imsi.digits()]);
        let (mut first, mut second) = (self.ik.expose_to_eap_server(), self.ck.expose_to_eap_server());
        if fault!("ck-before-ik") {
            core::mem::swap(&mut first, &mut second);
        }
        let fields: [&[u8]; 5] = [
            self.rand.octets(),
            self.autn.octets(),
            first,
            second,
            self.xres.octets(),
        ];
        for field in fields {
            datagram.push(b' ');
            hex::push(&mut datagram, field);
        }
        datagram
    }
}

fn put(datagram: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| datagram.extend_from_slice(part));
}

/// A field in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// AUTS, 28 digits.
    Auts,
    /// RAND, 32 digits.
    Rand,
}

impl core::fmt::Display for Field {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Auts => "AUTS",
            Self::Rand => "RAND",
        })
    }
}

/// Why a datagram is no request. Holds nothing of the subscriber.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No request is so long.
    #[error("request to the AuC: {has} octets, at most {MOST} are expected")]
    Long {
        /// How many there are.
        has: usize,
    },
    /// None of the three.
    #[error("request to the AuC: it begins with neither AKA-REQ-AUTH nor AKA-AUTS nor SIM-REQ-AUTH")]
    Command,
    /// Too many fields or too few.
    #[error("request to the AuC: {has} fields behind the command, {expected} are expected, with one space before each")]
    Fields {
        /// How many belong to the command.
        expected: usize,
        /// How many there are.
        has: usize,
    },
    /// The IMSI is no text.
    #[error("request to the AuC: the IMSI is no text, 5 to 15 decimal digits are expected")]
    ImsiNoText,
    /// Triplets are not so many.
    #[error("request to the AuC: how many triplets is not one digit from 1 to 9")]
    Count,
    /// The IMSI is not of its form.
    #[error("request to the AuC: {0}")]
    Imsi(ParseError),
    /// A field is not of its form.
    #[error("request to the AuC: {field} has {has} characters, {expected} hexadecimal digits are expected")]
    Digits {
        /// Which.
        field: Field,
        /// How many digits there must be.
        expected: usize,
        /// How many characters there are.
        has: usize,
    },
}
