//! A fast re-authentication: the card is not asked (RFC 4187 5).

use alloc::boxed::Box;

use kaskade_codec::eap::write::{self, Protection};
use kaskade_codec::eap::{AkaMethod, Code, Hidden, Reauthentication, Sealing, Unverified};
use kaskade_faults::fault;
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Step};
use kaskade_keys::id::SessionId;

use super::answered::Answered;
use super::common::Common;
use super::waiting::Waiting;
use super::{Peer, PeerReauthentication, State};

impl Common {
    pub(super) fn reauthentication(
        mut self,
        identifier: u8,
        request: Unverified<'_, Reauthentication<'_>>,
        entropy: &mut dyn Entropy,
    ) -> Step<Peer> {
        const NOT_USABLE: Refusal = Refusal::PacketNotUsable;
        let asked_for = |before: &PeerReauthentication| {
            self.sent.as_ref() == Some(&before.name) && self.method == Some(before.method)
        };
        let before = match self.memory.reauthentication.take() {
            Some(before) if asked_for(&before) => before,
            other => {
                self.memory.reauthentication = other;
                return self.client_error(identifier, NOT_USABLE);
            }
        };
        let Ok(request) = request.verify(&before.messages.k_aut, &[]) else {
            return self.client_error(identifier, NOT_USABLE);
        };
        let hidden = match request.encrypted.open(&before.messages.k_encr) {
            Ok(hidden) => hidden,
            Err(_) => return self.client_error(identifier, NOT_USABLE),
        };
        let (Some(counter), Some(nonce_s)) = (hidden.counter, hidden.nonce_s) else {
            return self.client_error(identifier, NOT_USABLE);
        };
        let checkcode = self.rounds.code();
        if !checkcode.agrees(request.checkcode) {
            return self.client_error(identifier, NOT_USABLE);
        }
        let fresh = counter.value() > before.counter || fault!("eap-counter-not-fresh");
        let protected_result = fresh && request.result_ind && self.policy.result_ind;
        let Ok(iv) = entropy.octets() else {
            return self.client_error(identifier, Refusal::NoRandomness);
        };
        let answer = Hidden {
            counter: Some(counter),
            counter_too_small: !fresh,
            ..Hidden::default()
        };
        let sealing = Sealing {
            k_encr: &before.messages.k_encr,
            iv,
        };
        let protection = Protection {
            key: &before.messages.k_aut,
            hidden: Some((&answer, sealing)),
        };
        let written = write::reauthentication(
            (Code::Response, before.method, identifier),
            request.checkcode.map(|_| checkcode.octets()),
            protected_result,
            &protection,
            nonce_s.octets(),
        );
        let Ok(response) = written else {
            return self.client_error(identifier, NOT_USABLE);
        };
        let told = self.answer(identifier, response);
        if !fresh {
            // A challenge follows, without a round for the identity.
            return Peer::to(State::Waiting(Box::new(Waiting { common: self }))).telling(told);
        }
        let name = before.name;
        let stage = Answered {
            pseudonym: None,
            exported: before.root.reauthenticated(&name, counter, &nonce_s),
            session_id: match before.method {
                AkaMethod::Aka => SessionId::aka_reauthentication(&nonce_s, &request.mac),
                AkaMethod::AkaPrime => SessionId::aka_prime_reauthentication(&nonce_s, &request.mac),
            },
            messages: before.messages.clone(),
            forward_secrecy: before.forward_secrecy,
            reauthentication: hidden.next_reauth_id.map(|next| PeerReauthentication {
                name: next,
                method: before.method,
                counter: counter.value(),
                messages: before.messages,
                root: before.root,
                forward_secrecy: before.forward_secrecy,
            }),
            common: self,
            peer_id: name,
            has_k_ausf: false,
            counter: Some(counter),
            protected_result,
            notified: None,
        };
        Peer::to(State::Answered(Box::new(stage))).telling(told)
    }
}
