//! What every stage of a server has, and how a run is refused.

use alloc::boxed::Box;
use alloc::sync::Arc;

use kaskade_codec::eap::{AkaMethod, AkaPacket, Body, EapError, NotificationCode, Packet, write};
use kaskade_flow::refusal::{Eap, Notification, Refusal, Told};
use kaskade_flow::{Guarded, Moment, Step};
use kaskade_keys::Supi;
use kaskade_keys::id::EapIdentity;

use super::result::Notifying;
use super::{Begin, Server, ServerOutput, State};
use crate::eap_aka::network::NetworkName;
use crate::eap_aka::policy::ServerPolicy;

/// What every stage has.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) policy: Arc<ServerPolicy>,
    pub(super) network: NetworkName,
    pub(super) method: AkaMethod,
    /// Whether the peer has answered in the method, so that it wants no other.
    pub(super) method_taken: bool,
    /// Of the last request.
    pub(super) identifier: u8,
    /// Of the last answer, which EAP-Failure has too.
    answered: u8,
    pub(super) until: Option<Moment>,
}

/// Who is being authenticated, and as whom the peer has said that it is.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) supi: Supi,
    pub(super) peer_id: EapIdentity,
}

impl User {
    /// The identity that the keys of a full authentication are bound to: in a serving network EAP-AKA' has the SUPI, whatever the peer has
    /// said (TS 33.501 F.3).
    pub(super) fn bound(&self, common: &Common) -> EapIdentity {
        let by_method =
            common.method == AkaMethod::AkaPrime || kaskade_faults::fault!("eap-supi-bound-in-either-method");
        match common.network.binds_supi() && by_method {
            true => EapIdentity::from(&self.supi),
            false => self.peer_id.clone(),
        }
    }
}

/// What a packet of the peer is to a stage.
pub(super) enum Came<'p> {
    /// A message of the method, in answer to the last request.
    Aka(AkaPacket<'p>),
    /// Another method is wanted.
    Nak(&'p [u8]),
    /// Not to be used: nothing changes.
    Discard(Refusal),
}

impl Common {
    pub(super) fn new(begin: Begin, now: Moment) -> Self {
        let Begin {
            policy,
            network,
            identifier,
        } = begin;
        Self {
            method: policy.methods.first().copied().unwrap_or(AkaMethod::AkaPrime),
            method_taken: false,
            identifier,
            answered: identifier,
            until: now.after(policy.lifetime),
            policy,
            network,
        }
    }

    /// The identifier of the next request.
    pub(super) fn next_identifier(&mut self) -> u8 {
        self.identifier = self.identifier.wrapping_add(1);
        self.identifier
    }

    /// Takes a packet, if it answers the last request by its identifier and in its method.
    pub(super) fn came<'p>(&mut self, packet: &'p [u8]) -> Came<'p> {
        match Packet::parse(packet) {
            Ok(Packet::Response(message))
                if message.identifier == self.identifier || kaskade_faults::fault!("eap-identifier-not-compared") =>
            {
                self.answered = message.identifier;
                match message.body {
                    Body::Aka(aka) if aka.method() == self.method => Came::Aka(aka),
                    Body::Nak(types) if !self.method_taken => Came::Nak(types),
                    _ => Came::Discard(Refusal::EapPacketInvalid),
                }
            }
            _ => Came::Discard(Refusal::EapPacketInvalid),
        }
    }

    /// The method that a NAK asks for, if it is one of the policy's.
    pub(super) fn wanted(&self, types: &[u8]) -> Option<AkaMethod> {
        types
            .iter()
            .filter_map(|number| AkaMethod::of_type(*number))
            .find(|method| *method != self.method && self.policy.methods.contains(method))
    }

    /// The run is refused before the peer is authenticated: by a notification, of which the peer's answer ends the run.
    pub(super) fn refuse(mut self, why: Refusal) -> Step<Server> {
        if told(why) == Eap::Failure {
            return self.fail(why);
        }
        let code = NotificationCode(Notification::General.code(false));
        let identifier = self.next_identifier();
        let request: Box<[u8]> = write::notification(self.method, identifier, code).into();
        let told = Guarded::new(ServerOutput::Request(request.clone()));
        let common = self;
        Server::to(State::Notifying(Notifying { common, why, request })).telling(told)
    }

    /// EAP-Failure at once.
    pub(super) fn fail(self, why: Refusal) -> Step<Server> {
        let identifier = match kaskade_faults::fault!("eap-failure-with-another-identifier") {
            true => self.identifier,
            false => self.answered,
        };
        let packet = kaskade_codec::eap::failure(identifier);
        Step::end().telling(Guarded::new(ServerOutput::Failure { packet, why }))
    }
}

/// What the table of refusals tells over EAP; where it says that it cannot happen, a notification of general failure.
pub(super) fn told(why: Refusal) -> Eap {
    match why.verdict().eap {
        Told::Answer(eap) => eap,
        Told::CannotHappen => Eap::Notify(Notification::General),
    }
}

/// Which refusal a message that cannot be read is (RFC 4187 6.3, 8.1).
pub(super) fn unreadable(error: EapError) -> Refusal {
    match error {
        EapError::Missing { .. } => Refusal::IeMissing,
        EapError::Unknown { .. } | EapError::NotAllowed { .. } => Refusal::IeUnknown,
        _ => Refusal::EapPacketInvalid,
    }
}

/// The stage goes on as it was, and the peer is told nothing.
pub(super) fn discard(state: State, why: Refusal) -> Step<Server> {
    Server::to(state).telling(Guarded::new(ServerOutput::Discard(why)))
}

/// The stage waits for the answer to a request.
pub(super) fn requesting(state: State, request: Box<[u8]>) -> Step<Server> {
    Server::to(state).telling(Guarded::new(ServerOutput::Request(request)))
}
