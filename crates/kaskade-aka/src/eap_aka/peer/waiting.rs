//! Before the challenge is answered: identity rounds, notifications, and which request came (RFC 4187 4.1, 6.1).

use alloc::boxed::Box;

use kaskade_codec::eap::{
    AkaPacket, IdRequest, NotificationRequest, Request, identity_response, nak, notification_response, write,
};
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Step};

use super::common::{Came, Common, Ending, again, discard};
use super::{Peer, State};

/// No challenge was answered yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) common: Common,
}

impl Waiting {
    pub(super) fn packet(mut self: Box<Self>, packet: &[u8], entropy: &mut dyn Entropy) -> Step<Peer> {
        match self.common.came(packet) {
            Came::Aka(identifier, aka) => {
                self.common.method = Some(aka.method());
                match aka.request() {
                    Ok(Request::Identity(asked)) => self.identify(identifier, aka, asked),
                    Ok(Request::Challenge(challenge)) => self.common.challenged(identifier, &challenge, packet),
                    Ok(Request::Reauthentication(request)) => {
                        self.common.reauthentication(identifier, request, entropy)
                    }
                    Ok(Request::Notification(NotificationRequest::Bare(code))) => {
                        self.common.notification = Some(code);
                        let told = self
                            .common
                            .answer(identifier, write::notification_answer(aka.method(), identifier));
                        let why = Refusal::AuthenticationRejected;
                        let common = self.common;
                        Peer::to(State::Ending(Box::new(Ending { common, why }))).telling(told)
                    }
                    // One that says that it comes after the challenge.
                    Ok(Request::Notification(NotificationRequest::Protected(_))) | Err(_) => {
                        self.common.client_error(identifier, Refusal::PacketNotUsable)
                    }
                }
            }
            Came::Identity(identifier) => match self.common.identity(IdRequest::Any) {
                Some(identity) => {
                    let response = identity_response(identifier, &identity);
                    self.common.sends(identity);
                    let told = self.common.answer(identifier, response);
                    Peer::to(State::Waiting(self)).telling(told)
                }
                None => discard(State::Waiting(self)),
            },
            Came::OtherMethod(identifier) => {
                let response = nak(identifier, &self.common.policy.methods());
                let told = self.common.answer(identifier, response);
                Peer::to(State::Waiting(self)).telling(told)
            }
            Came::Notification(identifier) => {
                let told = self.common.answer(identifier, notification_response(identifier));
                Peer::to(State::Waiting(self)).telling(told)
            }
            Came::Again(response) => again(State::Waiting(self), response),
            Came::Failure => self.common.failed(Refusal::AuthenticationRejected),
            // Nobody was authenticated yet.
            Came::Success | Came::Discard => discard(State::Waiting(self)),
        }
    }

    /// ANY comes first, then FULLAUTH, then PERMANENT, and never back (RFC 4187 4.1.6).
    fn identify(mut self: Box<Self>, identifier: u8, aka: AkaPacket<'_>, asked: IdRequest) -> Step<Peer> {
        let common = &mut self.common;
        if common.asked.is_some_and(|before| before >= asked) {
            return self.common.client_error(identifier, Refusal::PacketNotUsable);
        }
        let Some(identity) = common.identity(asked) else {
            return self.common.client_error(identifier, Refusal::PacketNotUsable);
        };
        match write::identity_response(aka.method(), identifier, &identity) {
            Ok(response) => {
                common.rounds.add(aka.method(), aka.octets(), &response);
                common.asked = Some(asked);
                common.sends(identity);
                let told = common.answer(identifier, response);
                Peer::to(State::Waiting(self)).telling(told)
            }
            Err(_) => self.common.client_error(identifier, Refusal::PacketNotUsable),
        }
    }
}
