//! The gateway's end of one authentication: requests, and what an answer says.

use alloc::borrow::ToOwned as _;
use alloc::vec::Vec;

use kaskade_crypto::radius::{AUTHENTICATOR, SharedSecret};
use kaskade_keys::eap::Msk;
use zeroize::Zeroizing;

use super::error::{NoRoom, NotAuthentic, RadiusError};
use super::writer::Writer;
use super::{AttributeType as A, Code, Packet, mppe};

/// One authentication of one user, from a gateway to a server: it keeps name and `State`, and says the rest in every request.
///
/// The caller brings identifiers and random octets, sends [`Sent::octets`] and sends the very same again when no answer comes (RFC 5080
/// 2.2.1).
pub struct Exchange {
    secret: SharedSecret,
    user_name: Vec<u8>,
    attributes: Vec<(A, Vec<u8>)>,
    state: Option<Vec<u8>>,
}

/// A request that waits for its answer.
pub struct Sent {
    octets: Zeroizing<Vec<u8>>,
    identifier: u8,
    authenticator: [u8; AUTHENTICATOR],
}

impl Sent {
    /// What goes to the server, as often as it takes.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// By which the answer is found.
    pub const fn identifier(&self) -> u8 {
        self.identifier
    }
}

/// What a server says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// The peer is asked something.
    Challenge {
        /// The EAP request.
        eap: Vec<u8>,
        /// Seconds that the peer has for its answer.
        session_timeout: Option<u32>,
        /// 202: the EAP packet before was of no use, and this is the last request again (RFC 3579 2.2).
        error_cause: Option<u32>,
    },
    /// The peer may come in.
    Accept {
        /// EAP-Success.
        eap: Option<Vec<u8>>,
        /// The key that peer and gateway now share.
        msk: Option<Msk>,
        /// The name of the user for charging, if it was asked for.
        cui: Option<Vec<u8>>,
        /// Seconds of the session.
        session_timeout: Option<u32>,
        /// What happens at its end.
        termination_action: Option<u32>,
    },
    /// The peer may not come in.
    Reject {
        /// EAP-Failure.
        eap: Option<Vec<u8>>,
        /// Text for people.
        reply_message: Option<Vec<u8>>,
    },
}

/// Why an answer is not taken. The request goes on waiting for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is no packet.
    #[error("{0}")]
    Malformed(#[from] RadiusError),
    /// It answers another request.
    #[error("the answer has identifier {actual}, expected {expected}")]
    Identifier {
        /// What it has.
        actual: u8,
        /// That of the request.
        expected: u8,
    },
    /// It is not to be believed.
    #[error("{0}")]
    NotAuthentic(#[from] NotAuthentic),
    /// A challenge without EAP: there is nothing to answer.
    #[error("there is no EAP-Message in the Access-Challenge")]
    NoEap,
}

impl Exchange {
    /// Of a user, under the secret that gateway and server share.
    pub fn new(secret: SharedSecret, user_name: &[u8]) -> Self {
        Self {
            secret,
            user_name: user_name.to_owned(),
            attributes: Vec::new(),
            state: None,
        }
    }

    /// Says this in every request too: which gateway it is, a NUL for what it wants to know.
    #[must_use]
    pub fn saying(mut self, attribute: A, value: &[u8]) -> Self {
        self.attributes.push((attribute, value.to_owned()));
        self
    }

    /// Passes an EAP packet on; nothing starts EAP. `authenticator` consists of random octets, which no other request has.
    ///
    /// # Errors
    /// [`NoRoom`], also for a user's name of no octets or of more than 253.
    pub fn request(&self, eap: &[u8], identifier: u8, authenticator: &[u8; AUTHENTICATOR]) -> Result<Sent, NoRoom> {
        let mut writer = Writer::new(Code::AccessRequest);
        writer.attribute(A::UserName, &self.user_name)?;
        for (attribute, value) in &self.attributes {
            writer.attribute(*attribute, value)?;
        }
        if let Some(state) = &self.state {
            writer.attribute(A::State, state)?;
        }
        writer.eap(eap)?;
        self.sent(writer, identifier, authenticator)
    }

    /// Asks whether the server lives (RFC 5997).
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn status(&self, identifier: u8, authenticator: &[u8; AUTHENTICATOR]) -> Result<Sent, NoRoom> {
        self.sent(Writer::new(Code::StatusServer), identifier, authenticator)
    }

    fn sent(&self, writer: Writer, identifier: u8, authenticator: &[u8; AUTHENTICATOR]) -> Result<Sent, NoRoom> {
        let code = |packet: &[u8]| self.secret.message_authenticator(&[packet]);
        Ok(Sent {
            octets: writer.seal(identifier, authenticator, code),
            identifier,
            authenticator: *authenticator,
        })
    }

    /// Takes the answer to a request. A challenge leaves its `State` for the next one.
    ///
    /// # Errors
    /// [`AnswerError`]; nothing has changed then.
    pub fn answer(&mut self, request: &Sent, octets: &[u8]) -> Result<Told, AnswerError> {
        let packet = Packet::parse(octets)?;
        if packet.identifier() != request.identifier {
            return Err(AnswerError::Identifier {
                actual: packet.identifier(),
                expected: request.identifier,
            });
        }
        packet.authenticate_answer(&self.secret, &request.authenticator)?;
        let eap = packet.eap()?.map(|eap| eap.into_owned());
        let session_timeout = packet.number(A::SessionTimeout)?;
        match packet.code() {
            Some(Code::AccessChallenge) => {
                let eap = eap.ok_or(AnswerError::NoEap)?;
                let error_cause = packet.number(A::ErrorCause)?;
                self.state = packet.once(A::State)?.map(<[u8]>::to_vec);
                Ok(Told::Challenge {
                    eap,
                    session_timeout,
                    error_cause,
                })
            }
            Some(Code::AccessAccept) => Ok(Told::Accept {
                eap,
                msk: mppe::read(&packet, &self.secret, &request.authenticator)?,
                cui: packet.once(A::ChargeableUserIdentity)?.map(<[u8]>::to_vec),
                session_timeout,
                termination_action: packet.number(A::TerminationAction)?,
            }),
            Some(Code::AccessReject) => Ok(Told::Reject {
                eap,
                reply_message: packet.all(A::ReplyMessage).next().map(|text| text.value.to_vec()),
            }),
            _ => Err(RadiusError::Code {
                actual: packet.code_number(),
                expected: "2 (Access-Accept), 3 (Access-Reject) or 11 (Access-Challenge)",
            }
            .into()),
        }
    }
}

/// Without names, which may be identities.
impl core::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Exchange(…)")
    }
}

impl core::fmt::Debug for Sent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Sent({})", self.identifier)
    }
}

impl core::fmt::Debug for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Challenge { .. } => "Challenge",
            Self::Accept { .. } => "Accept",
            Self::Reject { .. } => "Reject",
        })
    }
}
