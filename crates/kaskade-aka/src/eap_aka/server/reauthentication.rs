//! A fast re-authentication: no vector, the keys of an earlier run (RFC 4187 5, RFC 9048 3.3).

use alloc::boxed::Box;

use kaskade_codec::eap::write::{self, Protection};
use kaskade_codec::eap::{AkaMethod, Code, Hidden, Response, Sealing};
use kaskade_faults::fault;
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Step};
use kaskade_keys::Supi;
use kaskade_keys::id::{EapCounter, EapIdentity, NonceS, SessionId};

use super::common::{Came, Common, User, discard, requesting, unreadable};
use super::result::Outcome;
use super::{Fetching, Reauthentication, Server, State};
use crate::eap_aka::checkcode::Checkcode;

/// The peer was asked for a fast re-authentication.
#[derive(Debug)]
pub(super) struct Reauthenticating {
    pub(super) common: Common,
    before: Reauthentication,
    /// What the peer sent: the keys are bound to it.
    sent: EapIdentity,
    counter: EapCounter,
    nonce_s: NonceS,
    checkcode: Checkcode,
    /// The name for the time after this one.
    name: Option<EapIdentity>,
    mac: [u8; 16],
    pub(super) request: Box<[u8]>,
}

impl Reauthenticating {
    /// Asks for it, unless it cannot be: then a full authentication of the same user follows.
    pub(super) fn begin(
        mut common: Common,
        checkcode: Checkcode,
        sent: EapIdentity,
        before: Reauthentication,
        name: Option<EapIdentity>,
        entropy: &mut dyn Entropy,
    ) -> Step<Server> {
        // A name that somebody else was given, by a driver that mixed them up, must not lead to this user.
        if username(&before.name) != username(&sent) {
            return common.refuse(Refusal::Internal);
        }
        let elsewhere = common.method == AkaMethod::AkaPrime && before.network != common.network;
        let spent = before.done >= common.policy.reauthentications;
        let open = common.policy.forward_secrecy.is_required() && !before.forward_secrecy;
        if elsewhere || spent || open || before.method != common.method {
            let supi = before.supi;
            return Fetching::fetch(common, User { supi, peer_id: sent }, checkcode);
        }
        let (nonce_s, iv) = match (entropy.octets(), entropy.octets()) {
            (Ok(nonce_s), Ok(iv)) => (NonceS::from_octets(nonce_s), iv),
            _ => return common.refuse(Refusal::NoRandomness),
        };
        let counter = EapCounter::new(before.done.saturating_add(1));
        let hidden = Hidden {
            counter: Some(counter),
            nonce_s: Some(nonce_s),
            next_reauth_id: name.clone(),
            ..Hidden::default()
        };
        let sealing = Sealing {
            k_encr: &before.messages.k_encr,
            iv,
        };
        let identifier = common.next_identifier();
        let protection = Protection {
            key: &before.messages.k_aut,
            hidden: Some((&hidden, sealing)),
        };
        let written = write::reauthentication(
            (Code::Request, common.method, identifier),
            Some(checkcode.octets()),
            common.policy.result_ind,
            &protection,
            &[],
        );
        let (request, mac): (Box<[u8]>, [u8; 16]) = match written {
            Ok(request) => match request.last_chunk() {
                Some(mac) => {
                    let mac = *mac;
                    (request.into(), mac)
                }
                None => return common.refuse(Refusal::Internal),
            },
            Err(_) => return common.refuse(Refusal::Internal),
        };
        let stage = Self {
            common,
            before,
            sent,
            counter,
            nonce_s,
            checkcode,
            name,
            mac,
            request: request.clone(),
        };
        requesting(State::Reauthenticating(Box::new(stage)), request)
    }

    pub(super) fn supi(&self) -> &Supi {
        &self.before.supi
    }

    pub(super) fn packet(mut self: Box<Self>, packet: &[u8]) -> Step<Server> {
        let aka = match self.common.came(packet) {
            Came::Aka(aka) => aka,
            Came::Nak(_) => return discard(State::Reauthenticating(self), Refusal::EapPacketInvalid),
            Came::Discard(why) => return discard(State::Reauthenticating(self), why),
        };
        let response = match aka.response().map_err(unreadable) {
            Ok(response) => response,
            Err(why @ Refusal::EapPacketInvalid) => return discard(State::Reauthenticating(self), why),
            Err(why) => return self.common.refuse(why),
        };
        self.common.method_taken = true;
        let answer = match response {
            Response::Reauthentication(answer) => answer,
            Response::ClientError(_) | Response::AuthenticationReject => {
                return self.common.refuse(Refusal::UeRefused);
            }
            _ => return discard(State::Reauthenticating(self), Refusal::EapPacketInvalid),
        };
        let Self {
            common,
            before,
            sent,
            counter,
            nonce_s,
            checkcode,
            name,
            mac,
            ..
        } = *self;
        let answer = match answer.verify(&before.messages.k_aut, nonce_s.octets()) {
            Ok(answer) => answer,
            Err(_) => return common.refuse(Refusal::MacFailure),
        };
        let hidden = match answer.encrypted.open(&before.messages.k_encr) {
            Ok(hidden) => hidden,
            Err(_) => return common.refuse(Refusal::IeIncorrect),
        };
        if hidden.counter != Some(counter) && !fault!("eap-counter-not-compared") {
            return common.refuse(Refusal::IeIncorrect);
        }
        if !checkcode.agrees(answer.checkcode) {
            return common.refuse(Refusal::IeIncorrect);
        }
        let supi = before.supi.clone();
        if hidden.counter_too_small {
            // The peer has seen this number: a full authentication at once, bound to the name that was sent (RFC 4187 5.5).
            return Fetching::fetch(common, User { supi, peer_id: sent }, checkcode);
        }
        let session_id = match common.method {
            AkaMethod::Aka => SessionId::aka_reauthentication(&nonce_s, &mac),
            AkaMethod::AkaPrime => SessionId::aka_prime_reauthentication(&nonce_s, &mac),
        };
        let exported = before.root.reauthenticated(&sent, counter, &nonce_s);
        let messages = before.messages.clone();
        let forward_secrecy = before.forward_secrecy;
        let keep = name.map(|name| {
            Box::new(Reauthentication {
                name,
                done: counter.value(),
                ..before
            })
        });
        let protected_result = common.policy.result_ind && answer.result_ind;
        Outcome {
            user: User { supi, peer_id: sent },
            messages,
            exported,
            session_id,
            forward_secrecy,
            counter: Some(counter),
            keep,
            protected_result,
        }
        .confirm(common)
    }
}

/// The peer may change the realm, but not the user name.
fn username(identity: &EapIdentity) -> &str {
    let text = identity.as_str();
    text.rsplit_once('@').map_or(text, |(username, _)| username)
}
