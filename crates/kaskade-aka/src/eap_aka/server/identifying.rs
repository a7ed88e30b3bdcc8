//! Who is there: rounds with the peer, and what the driver knows of a name (RFC 4187 4.1).

use alloc::boxed::Box;

use kaskade_codec::eap::{IdRequest, Response, write};
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Step};
use kaskade_keys::id::EapIdentity;

use super::common::{Came, Common, User, discard, requesting, unreadable};
use super::reauthentication::Reauthenticating;
use super::{Fetching, Server, ServerAsk, State, UserFound, VectorRequest};
use crate::eap_aka::checkcode::{Checkcode, Rounds};
use crate::eap_aka::identity::{self, Claim};

/// The peer was asked who it is.
#[derive(Debug)]
pub(super) struct Identifying {
    pub(super) common: Common,
    rounds: Rounds,
    asked: IdRequest,
    pub(super) request: Box<[u8]>,
}

/// The driver was asked who that is.
#[derive(Debug)]
pub(super) struct LookingUp {
    pub(super) common: Common,
    rounds: Rounds,
    sent: EapIdentity,
    /// What the peer is asked for, if nobody has this name; `None`: it was the last that can be asked for.
    next: Option<IdRequest>,
}

impl Identifying {
    pub(super) fn begin(mut common: Common, sent: &[u8]) -> Step<Server> {
        match identity::identity(sent).and_then(|sent| Some((identity::read(&sent)?, sent))) {
            Some((read, sent)) => {
                if common.policy.methods.contains(&read.method) {
                    common.method = read.method;
                }
                let rounds = Rounds::default();
                match common.policy.always_ask {
                    true => Self::ask(common, rounds, IdRequest::Any),
                    false => LookingUp::look_up(common, rounds, sent, read.claim),
                }
            }
            None => Self::ask(common, Rounds::default(), IdRequest::Any),
        }
    }

    /// Asks the peer.
    fn ask(mut common: Common, rounds: Rounds, asked: IdRequest) -> Step<Server> {
        let identifier = common.next_identifier();
        let request: Box<[u8]> = write::identity_request(common.method, identifier, asked).into();
        let stage = Self {
            common,
            rounds,
            asked,
            request: request.clone(),
        };
        requesting(State::Identifying(stage), request)
    }

    pub(super) fn packet(mut self, packet: &[u8]) -> Step<Server> {
        let aka = match self.common.came(packet) {
            Came::Aka(aka) => aka,
            Came::Nak(types) => return self.other_method(types),
            Came::Discard(why) => return discard(State::Identifying(self), why),
        };
        let sent = match aka.response() {
            Ok(Response::Identity(sent)) => sent,
            Ok(Response::ClientError(_) | Response::AuthenticationReject) => {
                return self.common.refuse(Refusal::UeRefused);
            }
            Ok(_) => return discard(State::Identifying(self), Refusal::EapPacketInvalid),
            Err(error) => {
                return match unreadable(error) {
                    Refusal::EapPacketInvalid => discard(State::Identifying(self), Refusal::EapPacketInvalid),
                    why => self.common.refuse(why),
                };
            }
        };
        let Self {
            mut common,
            mut rounds,
            asked,
            request,
        } = self;
        common.method_taken = true;
        rounds.add(common.method, &request, aka.octets());
        let next = match asked {
            IdRequest::Any => Some(IdRequest::FullAuth),
            IdRequest::FullAuth => Some(IdRequest::Permanent),
            IdRequest::Permanent => None,
        };
        let read = sent
            .and_then(identity::identity)
            .and_then(|sent| Some((identity::read(&sent)?.claim, sent)));
        match (read, next) {
            (Some((claim, sent)), _) => {
                // What was not asked for is not taken.
                let fits = match (&claim, asked) {
                    (_, IdRequest::Any) => true,
                    (Claim::Reauthentication(_), IdRequest::FullAuth) => false,
                    (_, IdRequest::FullAuth) => true,
                    (claim, IdRequest::Permanent) => matches!(claim, Claim::Permanent(_) | Claim::Concealed(_)),
                };
                match fits {
                    true => LookingUp::look_up(common, rounds, sent, claim),
                    false => common.refuse(Refusal::UserNotFound),
                }
            }
            (None, Some(next)) => Self::ask(common, rounds, next),
            (None, None) => common.refuse(Refusal::UserNotFound),
        }
    }

    /// The peer wants the other method: the rounds begin again in that.
    fn other_method(self, types: &[u8]) -> Step<Server> {
        let mut common = self.common;
        match common.wanted(types) {
            Some(method) => {
                common.method = method;
                common.method_taken = true;
                Self::ask(common, Rounds::default(), IdRequest::Any)
            }
            None => common.fail(Refusal::MethodUnknown),
        }
    }
}

impl LookingUp {
    fn look_up(common: Common, rounds: Rounds, sent: EapIdentity, claim: Claim) -> Step<Server> {
        let next = match &claim {
            // Who says so permanently, and is unknown, is unknown.
            Claim::Permanent(_) | Claim::Concealed(_) => None,
            Claim::Pseudonym(_) => Some(IdRequest::Permanent),
            // ANY would bring the same name again.
            Claim::Reauthentication(_) => Some(IdRequest::FullAuth),
        };
        let stage = Self {
            common,
            rounds,
            sent,
            next,
        };
        Server::to(State::LookingUp(stage)).asking(ServerAsk::User(claim))
    }

    pub(super) fn found(self, found: UserFound, entropy: &mut dyn Entropy) -> Step<Server> {
        let Self {
            common,
            rounds,
            sent,
            next,
        } = self;
        let checkcode = rounds.code();
        match (found, next) {
            (UserFound::Subscriber(supi), _) => Fetching::fetch(common, User { supi, peer_id: sent }, checkcode),
            (UserFound::Reauthentication(before, name), _) => {
                Reauthenticating::begin(common, checkcode, sent, *before, name, entropy)
            }
            (UserFound::Unknown, Some(next)) => Identifying::ask(common, rounds, next),
            (UserFound::Unknown, None) => common.refuse(Refusal::UserNotFound),
        }
    }
}

impl Fetching {
    /// Asks for a vector of a user.
    pub(super) fn fetch(common: Common, user: User, checkcode: Checkcode) -> Step<Server> {
        let request = VectorRequest {
            supi: user.supi.clone(),
            method: common.method,
            network: common.network.clone(),
            resynchronisation: None,
        };
        let stage = Self {
            common,
            user,
            checkcode,
            before: None,
        };
        Server::to(State::Fetching(Box::new(stage))).asking(ServerAsk::Vector(request))
    }
}
