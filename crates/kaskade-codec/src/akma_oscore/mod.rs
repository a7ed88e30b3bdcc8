//! The set-up of OSCORE with K_AF, for both ends (TS 33.535 Annex D): the project profile AKMA-OSCORE-P1.
//!
//! ```text
//! UE  ── POST /akma     [protocol identifier, A-KID, N1, AF-SID] ──▶ AF
//! UE  ◀── 2.01 Created  [N2, UE-SID] ─────────────────────────────── AF
//! ```
//!
//! | Member | CBOR | What |
//! |---|---|---|
//! | protocol identifier | 5 octets | Ua* security protocol identifier that K_AF is for; the operator says it, since none is confirmed for OSCORE |
//! | A-KID | text | whose K_AF |
//! | N1, N2 | 8 octets | random octets of UE and AF, so that no context comes twice |
//! | AF-SID | 1 to 7 octets | sender ID of the AF, which the UE chooses: the AF's messages have it |
//! | UE-SID | 1 to 7 octets, another one | sender ID of the UE, which the AF chooses: the UE's messages have it |
//!
//! Arrays of definite length, heads in their shortest form. Of that and K_AF comes the security context of RFC 8613 3.1, with the algorithms that RFC 8613 3.2 has by default (AES-CCM-16-64-128, HKDF
//! with SHA-256) and without ID context:
//!
//! | Parameter | What |
//! |---|---|
//! | master secret | 16 octets out of K_AF, the row of [`KAf::oscore_master_secret`] |
//! | master salt | the payload of the request and that of the answer, as they were sent |
//! | sender ID, recipient ID | UE-SID and AF-SID at the UE, AF-SID and UE-SID at the AF |
//!
//! The set-up proves nothing: who has the key is seen by the first message of OSCORE. What K_AF once protected, whoever learns it later reads.

mod cbor;

use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use kaskade_keys::akma::{KAf, OscoreMasterSecret};
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};
use kaskade_keys::{AKid, ParseError};

use cbor::{ARRAY, OCTETS, Reader, TEXT};

/// The path of the set-up, without a slash.
pub const PATH: &str = "akma";

/// Octets of N1 and N2.
pub const NONCE: usize = 8;

/// Octets of the longest sender ID: the nonce of AES-CCM-16-64-128 has 13 octets, 6 of which are taken (RFC 8613 3.3).
pub const LONGEST_ID: usize = 7;

/// Why octets are no message of the set-up, or two ends cannot speak.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetUpError {
    /// It ends before a member does.
    #[error("{what}: it ends before that")]
    Short {
        /// The member.
        what: &'static str,
    },
    /// A member is of another type.
    #[error("{what}: another type of CBOR")]
    Kind {
        /// The member.
        what: &'static str,
    },
    /// A length that is not written in its shortest form, is indefinite, or is 65 536 and more.
    #[error("{what}: a length that is not in its shortest form")]
    Head {
        /// The member.
        what: &'static str,
    },
    /// The array has another number of members.
    #[error("{what}: {has} members, expected {members}")]
    Members {
        /// Which message.
        what: &'static str,
        /// How many there are.
        has: usize,
        /// How many there must be.
        members: usize,
    },
    /// A member has another length.
    #[error("{what}: {has} octets, expected {expected}")]
    Length {
        /// The member.
        what: &'static str,
        /// How many it has.
        has: usize,
        /// How many it may have.
        expected: &'static str,
    },
    /// Something stands behind the array.
    #[error("{count} octets behind the message")]
    Behind {
        /// How many.
        count: usize,
    },
    /// The A-KID is none.
    #[error("A-KID: {0}")]
    AKid(ParseError),
    /// The protocol identifier is that of another protocol (TS 33.220 Annex H).
    #[error("the Ua* security protocol identifier {0} is that of another protocol: a key for one opens no other")]
    Protocol(UaProtocolId),
    /// UE-SID and AF-SID are the same: both ends would use one key.
    #[error("UE-SID and AF-SID are the same")]
    SameId,
}

/// A sender ID or recipient ID: 1 to 7 octets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId {
    octets: [u8; LONGEST_ID],
    length: u8,
}

impl ContextId {
    /// Of octets.
    ///
    /// # Errors
    /// [`SetUpError::Length`].
    pub fn new(octets: &[u8]) -> Result<Self, SetUpError> {
        Self::read("sender ID", octets)
    }

    fn read(what: &'static str, octets: &[u8]) -> Result<Self, SetUpError> {
        let wrong = SetUpError::Length {
            what,
            has: octets.len(),
            expected: "1 to 7",
        };
        let mut all = [0; LONGEST_ID];
        match (all.get_mut(..octets.len()), u8::try_from(octets.len())) {
            (Some(own), Ok(length @ 1..)) => {
                own.copy_from_slice(octets);
                Ok(Self { octets: all, length })
            }
            _ => Err(wrong),
        }
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.length.into()).unwrap_or(&[])
    }
}

/// Hexadecimal digits.
impl fmt::Debug for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.octets().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// What OSCORE starts from, at one end (RFC 8613 3.1). The master secret is silent and wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecurityContext {
    /// 16 octets.
    pub master_secret: OscoreMasterSecret,
    /// The payloads of both messages.
    pub master_salt: Vec<u8>,
    /// By what this end's messages are known.
    pub sender_id: ContextId,
    /// By what the other end's messages are known.
    pub recipient_id: ContextId,
}

/// Without the salt, which has the A-KID in it.
impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityContext")
            .field("sender_id", &self.sender_id)
            .field("recipient_id", &self.recipient_id)
            .finish_non_exhaustive()
    }
}

/// What a UE asks with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUpRequest {
    /// What K_AF is for.
    pub protocol: UaProtocolId,
    /// Whose K_AF.
    pub a_kid: AKid,
    /// Random octets of the UE.
    pub n1: [u8; NONCE],
    /// By what messages of the AF are to be known.
    pub af_sid: ContextId,
}

const REQUEST: &str = "request";
const PROTOCOL: &str = "protocol identifier";
const N1: &str = "N1";
const AF_SID: &str = "AF-SID";

impl SetUpRequest {
    /// As it travels.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        cbor::head(&mut out, ARRAY, 4);
        cbor::item(&mut out, OCTETS, self.protocol.octets());
        cbor::item(&mut out, TEXT, self.a_kid.to_string().as_bytes());
        cbor::item(&mut out, OCTETS, &self.n1);
        cbor::item(&mut out, OCTETS, self.af_sid.octets());
        out
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub fn read(payload: &[u8]) -> Result<Self, SetUpError> {
        let mut reader = Reader::new(payload);
        reader.array(4, REQUEST)?;
        let protocol = UaProtocolId::from_octets(fixed(PROTOCOL, "5", reader.item(OCTETS, PROTOCOL)?)?);
        let a_kid = AKid::parse(text(reader.item(TEXT, "A-KID")?)?).map_err(SetUpError::AKid)?;
        let n1 = fixed(N1, "8", reader.item(OCTETS, N1)?)?;
        let af_sid = ContextId::read(AF_SID, reader.item(OCTETS, AF_SID)?)?;
        reader.end()?;
        Ok(Self {
            protocol,
            a_kid,
            n1,
            af_sid,
        })
    }
}

/// What an AF answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUpAnswer {
    /// Random octets of the AF.
    pub n2: [u8; NONCE],
    /// By what messages of the UE are to be known.
    pub ue_sid: ContextId,
}

const ANSWER: &str = "answer";
const N2: &str = "N2";
const UE_SID: &str = "UE-SID";

impl SetUpAnswer {
    /// As it travels.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        cbor::head(&mut out, ARRAY, 2);
        cbor::item(&mut out, OCTETS, &self.n2);
        cbor::item(&mut out, OCTETS, self.ue_sid.octets());
        out
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub fn read(payload: &[u8]) -> Result<Self, SetUpError> {
        let mut reader = Reader::new(payload);
        reader.array(2, ANSWER)?;
        let n2 = fixed(N2, "8", reader.item(OCTETS, N2)?)?;
        let ue_sid = ContextId::read(UE_SID, reader.item(OCTETS, UE_SID)?)?;
        reader.end()?;
        Ok(Self { n2, ue_sid })
    }
}

fn fixed<const N: usize>(what: &'static str, expected: &'static str, octets: &[u8]) -> Result<[u8; N], SetUpError> {
    octets.try_into().map_err(|_| SetUpError::Length {
        what,
        has: octets.len(),
        expected,
    })
}

fn text(octets: &[u8]) -> Result<&str, SetUpError> {
    core::str::from_utf8(octets).map_err(|_| SetUpError::Kind { what: "A-KID" })
}

/// An application function under OSCORE: what K_AF is derived of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OscoreAf {
    af: Fqdn,
    protocol: UaProtocolId,
}

impl OscoreAf {
    /// With the Ua* security protocol identifier that UE, AF and AAnF have for OSCORE, such as one of an organisation of one's own.
    ///
    /// # Errors
    /// [`SetUpError::Protocol`] for an identifier that TS 33.220 Annex H gives to something else.
    pub fn new(af: Fqdn, protocol: UaProtocolId) -> Result<Self, SetUpError> {
        match protocol.is_assigned() {
            true => Err(SetUpError::Protocol(protocol)),
            false => Ok(Self { af, protocol }),
        }
    }

    /// The identifier.
    pub const fn protocol(&self) -> UaProtocolId {
        self.protocol
    }

    /// What its K_AF is derived of.
    pub fn af_id(&self) -> AfId {
        AfId::new(&self.af, self.protocol)
    }
}

/// A UE that has asked.
#[derive(Clone)]
pub struct UeSetUp {
    request: Vec<u8>,
    af_sid: ContextId,
}

impl UeSetUp {
    /// Asks for a context: with 8 random octets, and a sender ID for the AF by which the UE knows its messages from those of others.
    pub fn begin(af: &OscoreAf, a_kid: &AKid, n1: [u8; NONCE], af_sid: ContextId) -> Self {
        let request = SetUpRequest {
            protocol: af.protocol,
            a_kid: a_kid.clone(),
            n1,
            af_sid,
        };
        Self {
            request: request.encode(),
            af_sid,
        }
    }

    /// The payload of POST /akma.
    pub fn payload(&self) -> &[u8] {
        &self.request
    }

    /// The context, of the payload of 2.01 Created and K_AF for [`OscoreAf::af_id`].
    ///
    /// # Errors
    /// [`SetUpError`].
    pub fn end(self, k_af: &KAf, answer: &[u8]) -> Result<SecurityContext, SetUpError> {
        let SetUpAnswer { ue_sid, .. } = SetUpAnswer::read(answer)?;
        context(k_af, (self.request, answer), (ue_sid, self.af_sid))
    }
}

/// An AF that was asked.
#[derive(Clone)]
pub struct AfSetUp {
    payload: Vec<u8>,
    request: SetUpRequest,
}

impl AfSetUp {
    /// Reads the payload of POST /akma.
    ///
    /// # Errors
    /// [`SetUpError`]; [`SetUpError::Protocol`] for another protocol identifier than this function's.
    pub fn begin(af: &OscoreAf, payload: &[u8]) -> Result<Self, SetUpError> {
        let request = SetUpRequest::read(payload)?;
        if request.protocol != af.protocol {
            return Err(SetUpError::Protocol(request.protocol));
        }
        Ok(Self {
            payload: payload.to_vec(),
            request,
        })
    }

    /// Whose K_AF is to be asked for.
    pub const fn a_kid(&self) -> &AKid {
        &self.request.a_kid
    }

    /// The payload of 2.01 Created, and the context: with 8 random octets, and a sender ID for the UE that no other context of this function has as
    /// its recipient ID.
    ///
    /// # Errors
    /// [`SetUpError::SameId`] for the one that the UE has chosen for the AF: take another one.
    pub fn end(self, k_af: &KAf, n2: [u8; NONCE], ue_sid: ContextId) -> Result<(Vec<u8>, SecurityContext), SetUpError> {
        let answer = SetUpAnswer { n2, ue_sid }.encode();
        let context = context(k_af, (self.payload, &answer), (self.request.af_sid, ue_sid))?;
        Ok((answer, context))
    }
}

fn context(
    k_af: &KAf,
    (mut master_salt, answer): (Vec<u8>, &[u8]),
    (sender_id, recipient_id): (ContextId, ContextId),
) -> Result<SecurityContext, SetUpError> {
    if sender_id == recipient_id && !kaskade_faults::fault!("oscore-one-key-for-both-ends") {
        return Err(SetUpError::SameId);
    }
    if !kaskade_faults::fault!("oscore-context-comes-again") {
        master_salt.extend_from_slice(answer);
    }
    Ok(SecurityContext {
        master_secret: k_af.oscore_master_secret(),
        master_salt,
        sender_id,
        recipient_id,
    })
}

#[cfg(test)]
mod tests;
