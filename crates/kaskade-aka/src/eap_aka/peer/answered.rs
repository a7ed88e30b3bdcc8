//! The challenge is answered: notifications and the end (RFC 4187 6).

use alloc::boxed::Box;

use kaskade_codec::eap::write::{self, Protection};
use kaskade_codec::eap::{
    AkaMethod, Encrypted, Hidden, NotificationCode, NotificationRequest, Request, Sealing, Unverified,
    notification_response,
};
use kaskade_faults::fault;
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Guarded, Step};
use kaskade_keys::id::{EapCounter, EapIdentity, SessionId};

use super::common::{Came, Common, again, discard};
use super::{Peer, PeerMemory, PeerOutput, PeerReauthentication, PeerSuccess, State};
use crate::eap_aka::keys::{Exported, MessageKeys};

/// The peer has keys, and waits for the end.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) common: Common,
    pub(super) messages: MessageKeys,
    pub(super) exported: Exported,
    pub(super) session_id: SessionId,
    pub(super) peer_id: EapIdentity,
    pub(super) forward_secrecy: bool,
    pub(super) has_k_ausf: bool,
    /// Of a fast re-authentication.
    pub(super) counter: Option<EapCounter>,
    /// Whether EAP-Success counts only after a protected notification.
    pub(super) protected_result: bool,
    /// What the server has notified of.
    pub(super) notified: Option<NotificationCode>,
    /// For the next run; `None`: that of before stays.
    pub(super) pseudonym: Option<EapIdentity>,
    pub(super) reauthentication: Option<PeerReauthentication>,
}

impl Answered {
    pub(super) fn packet(mut self: Box<Self>, packet: &[u8], entropy: &mut dyn Entropy) -> Step<Peer> {
        match self.common.came(packet) {
            Came::Aka(identifier, aka) if self.notified.is_none() => match aka.request() {
                Ok(Request::Notification(NotificationRequest::Protected(notification))) => {
                    self.notification(identifier, aka.method(), notification, entropy)
                }
                Ok(Request::Notification(NotificationRequest::Bare(code))) if !code.is_success() => {
                    // The server has not accepted the answer.
                    self.notified = Some(code);
                    let told = self
                        .common
                        .answer(identifier, write::notification_answer(aka.method(), identifier));
                    Peer::to(State::Answered(self)).telling(told)
                }
                _ => self.common.client_error(identifier, Refusal::PacketNotUsable),
            },
            Came::Notification(identifier) => {
                let told = self.common.answer(identifier, notification_response(identifier));
                Peer::to(State::Answered(self)).telling(told)
            }
            Came::Again(response) => again(State::Answered(self), response),
            Came::Success => match self.notified {
                Some(NotificationCode::SUCCESS) => self.succeed(),
                Some(code) if code.is_success() && !self.protected_result => self.succeed(),
                None if !self.protected_result || fault!("eap-result-not-awaited") => self.succeed(),
                // Not protected, where protection was agreed; or after a failure.
                _ => discard(State::Answered(self)),
            },
            Came::Failure => match self.notified {
                // The server has said by a protected notification that it is none (RFC 4187 6.3.3).
                Some(code) if code.is_success() => discard(State::Answered(self)),
                notified => {
                    self.common.notification = notified;
                    self.common.failed(Refusal::AuthenticationRejected)
                }
            },
            _ => discard(State::Answered(self)),
        }
    }

    fn notification(
        mut self: Box<Self>,
        identifier: u8,
        method: AkaMethod,
        notification: Unverified<'_, (NotificationCode, Option<Encrypted<'_>>)>,
        entropy: &mut dyn Entropy,
    ) -> Step<Peer> {
        const NOT_USABLE: Refusal = Refusal::PacketNotUsable;
        let Ok((code, encrypted)) = notification.verify(&self.messages.k_aut, &[]) else {
            return self.common.client_error(identifier, NOT_USABLE);
        };
        // In a fast re-authentication its number is in it, so that one of another run is of no use.
        let counter = encrypted.map(|encrypted| encrypted.open(&self.messages.k_encr));
        let counter = match counter.transpose() {
            Ok(hidden) => hidden.and_then(|hidden| hidden.counter),
            Err(_) => return self.common.client_error(identifier, NOT_USABLE),
        };
        if self.counter.is_some() && counter != self.counter {
            return self.common.client_error(identifier, NOT_USABLE);
        }
        if code == NotificationCode::SUCCESS && !self.protected_result {
            return self.common.client_error(identifier, NOT_USABLE);
        }
        let hidden = Hidden {
            counter: self.counter,
            ..Hidden::default()
        };
        let sealing = match self.counter.map(|_| entropy.octets()) {
            Some(Ok(iv)) => Some(Sealing {
                k_encr: &self.messages.k_encr,
                iv,
            }),
            Some(Err(_)) => return self.common.client_error(identifier, Refusal::NoRandomness),
            None => None,
        };
        let protection = Protection {
            key: &self.messages.k_aut,
            hidden: sealing.map(|sealing| (&hidden, sealing)),
        };
        match write::protected_notification_answer(method, identifier, &protection) {
            Ok(response) => {
                self.notified = Some(code);
                let told = self.common.answer(identifier, response);
                Peer::to(State::Answered(self)).telling(told)
            }
            Err(_) => self.common.client_error(identifier, NOT_USABLE),
        }
    }

    fn succeed(self: Box<Self>) -> Step<Peer> {
        let Self {
            common,
            exported,
            session_id,
            peer_id,
            forward_secrecy,
            has_k_ausf,
            counter,
            pseudonym,
            reauthentication,
            ..
        } = *self;
        let Common { memory, method, .. } = common;
        let success = PeerSuccess {
            method: method.unwrap_or(AkaMethod::AkaPrime),
            k_ausf: has_k_ausf.then(|| exported.emsk.k_ausf()),
            msk: exported.msk,
            emsk: exported.emsk,
            session_id,
            peer_id,
            forward_secrecy,
            reauthentication: counter.is_some(),
            memory: PeerMemory {
                pseudonym: pseudonym.or(memory.pseudonym),
                reauthentication,
            },
        };
        Step::end().telling(Guarded::new(PeerOutput::Success(Box::new(success))))
    }
}
