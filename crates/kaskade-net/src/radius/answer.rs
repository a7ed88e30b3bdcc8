//! The writer of answers: what is released leaves here, as octets for the gateway that asked.

use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::radius::{AccessRequest, AnswerWriter, AttributeType as A, Code, NoRoom, Packet, Salts};
use kaskade_flow::Durable;
use kaskade_flow::refusal::Radius;

use super::clients::Client;
use super::duplicates::Octets;
use super::eap_server::{Asked, Granted, Key};

/// What `Termination-Action` says: the gateway asks again at the end of the session (RFC 2865 5.29).
const RADIUS_REQUEST: u32 = 1;

/// Answers to one request.
pub(super) struct Answers<'a> {
    pub(super) client: &'a Client,
    pub(super) packet: &'a Packet<'a>,
}

impl Answers<'_> {
    /// Asks the peer something.
    pub(super) fn challenge(&self, state: &[u8], eap: Asked, timeout: Option<Duration>) -> Result<Octets, NoRoom> {
        let eap = match eap {
            Asked::Plain(eap) => eap,
            Asked::Released(eap) => eap.release_to_peer(),
        };
        self.asking(state, &eap, |answer| match timeout {
            Some(timeout) => answer.number(A::SessionTimeout, seconds(timeout)),
            None => Ok(()),
        })
    }

    /// Asks again what was asked before: the packet that came was of no use (RFC 3579 2.2).
    pub(super) fn again(&self, state: &[u8], asked: &[u8]) -> Result<Octets, NoRoom> {
        self.asking(state, asked, |answer| match Radius::Again.error_cause() {
            Some(cause) => answer.number(A::ErrorCause, cause),
            None => Ok(()),
        })
    }

    fn asking(
        &self,
        state: &[u8],
        eap: &[u8],
        more: impl FnOnce(&mut AnswerWriter) -> Result<(), NoRoom>,
    ) -> Result<Octets, NoRoom> {
        let mut answer = AnswerWriter::new(Code::AccessChallenge);
        answer.attribute(A::State, state)?;
        answer.eap(eap)?;
        more(&mut answer)?;
        self.finish(answer)
    }

    /// Lets the peer in.
    pub(super) fn accept(
        &self,
        request: &AccessRequest<'_>,
        granted: Durable<Granted>,
        salts: Salts,
    ) -> Result<Octets, NoRoom> {
        let granted = granted.release_to_peer();
        let mut answer = AnswerWriter::new(Code::AccessAccept);
        answer.eap(&granted.packet)?;
        let secret = self.client.secret();
        match &granted.key {
            Some(Key::Msk(msk)) => answer.msk(msk, self.packet, secret, salts)?,
            Some(Key::RMsk(r_msk)) => answer.r_msk(r_msk, self.packet, secret, salts)?,
            None => {}
        }
        for (attribute, value, wanted) in [
            (A::ChargeableUserIdentity, &granted.cui, request.wants_cui),
            (A::EapKeyName, &granted.eap_key_name, request.wants_eap_key_name),
        ] {
            if let Some(value) = value.as_ref().filter(|_| wanted) {
                answer.attribute(attribute, value)?;
            }
        }
        if let Some(session) = granted.session {
            answer.number(A::SessionTimeout, seconds(session))?;
            answer.number(A::TerminationAction, RADIUS_REQUEST)?;
        }
        self.finish(answer)
    }

    /// Does not let the peer in.
    pub(super) fn reject(&self, eap: &[u8]) -> Result<Octets, NoRoom> {
        let mut answer = AnswerWriter::new(Code::AccessReject);
        answer.eap(eap)?;
        self.finish(answer)
    }

    /// Says that the server lives (RFC 5997 4.2).
    pub(super) fn alive(&self) -> Result<Octets, NoRoom> {
        self.finish(AnswerWriter::new(Code::AccessAccept))
    }

    fn finish(&self, answer: AnswerWriter) -> Result<Octets, NoRoom> {
        answer.finish(self.packet, self.client.secret()).map(Arc::new)
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}
