//! The challenge of a full authentication, and what a peer answers (RFC 4187 4.2, RFC 9048 3, RFC 9678 6).

use alloc::boxed::Box;
use alloc::vec::Vec;

use kaskade_codec::eap::write::{self, Protection};
use kaskade_codec::eap::{
    AkaMethod, Challenge, ChallengeAnswer, EapError, FsOffer, Hidden, Response, Sealing, Unverified,
};
use kaskade_crypto::ecdh::{EphemeralKey, Group};
use kaskade_crypto::{Autn, Auts, Rand, Res};
use kaskade_faults::fault;
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Step};
use kaskade_keys::eap::CkIkPrime;
use kaskade_keys::id::{EapIdentity, SessionId};

use super::common::{Came, Common, User, discard, requesting, unreadable};
use super::result::Outcome;
use super::{Before, Fetching, Names, Reauthentication, Server, ServerAsk, State, Vector, VectorRequest};
use crate::eap_aka::checkcode::Checkcode;
use crate::eap_aka::keys::{FullKeys, ephemeral, public_key_in};
use crate::eap_aka::policy::{KDF_SHA_256, Profile, group, kdf_fs};

/// The peer has the challenge.
#[derive(Debug)]
pub(super) struct Challenged {
    pub(super) common: Common,
    pub(super) user: User,
    rand: Rand,
    autn: Autn,
    xres: Res,
    keys: FullKeys,
    /// Whether the peer has asked for KDF 1, which it may once.
    kdf_asked: bool,
    exchange: Option<Box<Exchange>>,
    checkcode: Checkcode,
    names: Names,
    /// Of AT_ENCR_DATA. What was sent is written again where it is needed: that takes less than to keep it.
    iv: [u8; 16],
    /// Whether this challenge is the one after an AUTS, which comes once.
    resynchronised: bool,
}

/// An exchange of ephemeral keys that is offered.
#[derive(Debug)]
struct Exchange {
    key: EphemeralKey,
    ck_ik_prime: CkIkPrime,
    /// The group that the peer has asked for, which it may once.
    asked: Option<Group>,
}

impl Fetching {
    /// Makes the challenge of a vector.
    pub(super) fn challenge(self, vector: Vector, names: Names, entropy: &mut dyn Entropy) -> Step<Server> {
        let Self {
            mut common,
            user,
            checkcode,
            before,
        } = self;
        let identity = user.bound(&common);
        let (rand, autn, xres, keys, ck_ik_prime) = match (vector, common.method) {
            (Vector::AkaPrime(vector), AkaMethod::AkaPrime) => {
                let keys = FullKeys::aka_prime(&vector.ck_ik_prime, &identity);
                (vector.rand, vector.autn, vector.xres, keys, Some(vector.ck_ik_prime))
            }
            (Vector::Aka(vector), AkaMethod::Aka) => {
                let keys = FullKeys::aka(&vector.ck, &vector.ik, &identity);
                (vector.rand, vector.autn, vector.xres, keys, None)
            }
            // A vector of the other method.
            (Vector::AkaPrime(_) | Vector::Aka(_), _) => return common.refuse(Refusal::NoVector),
        };
        let asked = before.and_then(|before| before.group_asked);
        let first = asked.or(common.policy.forward_secrecy.groups().first().copied());
        let exchange = match (ck_ik_prime, first) {
            (Some(ck_ik_prime), Some(group)) => match ephemeral(group, entropy) {
                Some(key) => Some(Box::new(Exchange {
                    key,
                    ck_ik_prime,
                    asked,
                })),
                None => return common.refuse(Refusal::NoRandomness),
            },
            _ => None,
        };
        common.next_identifier();
        let stage = Challenged {
            names: match common.policy.profile {
                Profile::NonThreeGpp => names,
                Profile::FiveGs => Names::default(),
            },
            common,
            user,
            rand,
            autn,
            xres,
            keys,
            kdf_asked: before.is_some_and(|before| before.kdf_asked),
            exchange,
            checkcode,
            iv: [0; 16],
            resynchronised: before.is_some(),
        };
        Box::new(stage).send(entropy)
    }
}

impl Challenged {
    /// AT_KDF of the challenge.
    fn kdf(&self) -> Vec<u16> {
        let asked = self.kdf_asked.then_some(KDF_SHA_256);
        match self.common.method {
            AkaMethod::Aka => Vec::new(),
            AkaMethod::AkaPrime => asked
                .into_iter()
                .chain(self.common.policy.kdf.iter().copied())
                .collect(),
        }
    }

    /// AT_KDF_FS of the challenge.
    fn kdf_fs(&self, exchange: &Exchange) -> Vec<u16> {
        let groups = self.common.policy.forward_secrecy.groups();
        exchange
            .asked
            .iter()
            .chain(groups)
            .map(|group| kdf_fs(*group))
            .collect()
    }

    /// The challenge, the same whenever it is written.
    pub(super) fn write(&self) -> Result<Vec<u8>, EapError> {
        let hidden = Hidden {
            next_pseudonym: self.names.pseudonym.clone(),
            next_reauth_id: self.names.reauthentication.clone(),
            ..Hidden::default()
        };
        let sealing = Sealing {
            k_encr: &self.keys.messages.k_encr,
            iv: self.iv,
        };
        let public_key = self.exchange.as_ref().map(|exchange| exchange.key.public_key());
        let challenge = Challenge {
            rand: self.rand,
            autn: self.autn,
            kdf: self.kdf(),
            kdf_input: match self.common.method {
                AkaMethod::AkaPrime => Some(self.common.network.as_str().as_bytes()),
                AkaMethod::Aka => None,
            },
            forward_secrecy: match (&self.exchange, &public_key) {
                (Some(exchange), Some(public_key)) => Some(FsOffer {
                    kdf_fs: self.kdf_fs(exchange),
                    public_key: public_key.octets(),
                }),
                _ => None,
            },
            checkcode: Some(self.checkcode.octets()),
            result_ind: self.common.policy.result_ind,
            bidding: Some(self.common.policy.prefers_aka_prime()),
            encrypted: None,
        };
        let protection = Protection {
            key: &self.keys.messages.k_aut,
            hidden: (!hidden.is_empty()).then_some((&hidden, sealing)),
        };
        write::challenge(self.common.method, self.common.identifier, &challenge, &protection)
    }

    /// Sends it.
    fn send(mut self: Box<Self>, entropy: &mut dyn Entropy) -> Step<Server> {
        if self.names != Names::default() {
            match entropy.octets() {
                Ok(iv) => self.iv = iv,
                Err(_) => return self.common.refuse(Refusal::NoRandomness),
            }
        }
        match self.write() {
            Ok(request) => requesting(State::Challenged(self), request.into()),
            // Names that are too long for a packet.
            Err(_) => self.common.refuse(Refusal::Internal),
        }
    }

    pub(super) fn packet(mut self: Box<Self>, packet: &[u8], entropy: &mut dyn Entropy) -> Step<Server> {
        let aka = match self.common.came(packet) {
            Came::Aka(aka) => aka,
            Came::Nak(types) => return self.other_method(types),
            Came::Discard(why) => return discard(State::Challenged(self), why),
        };
        let response = match aka.response().map_err(unreadable) {
            Ok(response) => response,
            Err(why @ Refusal::EapPacketInvalid) => return discard(State::Challenged(self), why),
            Err(why) => return self.common.refuse(why),
        };
        self.common.method_taken = true;
        match response {
            Response::Challenge(answer) => self.answered(answer),
            Response::OtherKdf(kdf) => self.other_kdf(kdf, entropy),
            Response::OtherKdfFs(kdf_fs) => self.other_kdf_fs(kdf_fs, entropy),
            Response::SynchronizationFailure { auts, kdf } => self.resynchronise(auts, &kdf),
            Response::AuthenticationReject | Response::ClientError(_) => self.common.refuse(Refusal::UeRefused),
            Response::Identity(_) | Response::Reauthentication(_) | Response::Notification(_) => {
                discard(State::Challenged(self), Refusal::EapPacketInvalid)
            }
        }
    }

    /// AT_MAC first; what is behind it is believed then.
    fn answered(self: Box<Self>, answer: Unverified<'_, ChallengeAnswer<'_>>) -> Step<Server> {
        let Self {
            common,
            user,
            rand,
            autn,
            xres,
            keys,
            exchange,
            checkcode,
            names,
            ..
        } = *self;
        let answer = match answer.verify(&keys.messages.k_aut, &[]) {
            Ok(answer) => answer,
            Err(_) => return common.refuse(Refusal::MacFailure),
        };
        if !checkcode.agrees(answer.checkcode) && !fault!("eap-checkcode-not-compared") {
            return common.refuse(Refusal::IeIncorrect);
        }
        if answer.res != xres {
            return common.refuse(Refusal::AuthenticationRejected);
        }
        let user = User {
            peer_id: user.bound(&common),
            supi: user.supi,
        };
        let (keys, forward_secrecy) = match (exchange, answer.public_key) {
            (Some(exchange), Some(public_key)) => match exchange.agree(public_key, keys, &user.peer_id) {
                Some(keys) => (keys, true),
                None => return common.refuse(Refusal::IeIncorrect),
            },
            _ if common.policy.forward_secrecy.is_required() && !fault!("eap-forward-secrecy-optional") => {
                return common.refuse(Refusal::ForwardSecrecyRequired);
            }
            _ => (keys, false),
        };
        let session_id = match common.method {
            AkaMethod::Aka => SessionId::aka(&rand, &autn),
            AkaMethod::AkaPrime => SessionId::aka_prime(&rand, &autn),
        };
        let keep = names.reauthentication.map(|name| {
            Box::new(Reauthentication {
                name,
                supi: user.supi.clone(),
                done: 0,
                method: common.method,
                network: common.network.clone(),
                messages: keys.messages.clone(),
                root: keys.root,
                forward_secrecy,
            })
        });
        let protected_result = common.policy.result_ind && answer.result_ind;
        Outcome {
            user,
            messages: keys.messages,
            exported: keys.exported,
            session_id,
            forward_secrecy,
            counter: None,
            keep,
            protected_result,
        }
        .confirm(common)
    }

    /// Another key derivation function is wanted: the same challenge, with that in front (RFC 9048 3.2).
    fn other_kdf(mut self: Box<Self>, kdf: u16, entropy: &mut dyn Entropy) -> Step<Server> {
        let offered = self.kdf().iter().skip(1).any(|offered| *offered == kdf);
        if self.kdf_asked || !offered || kdf != KDF_SHA_256 {
            return self.common.refuse(Refusal::MacFailure);
        }
        self.kdf_asked = true;
        self.common.next_identifier();
        self.send(entropy)
    }

    /// Another group is wanted: the same challenge, with a key of that in front (RFC 9678 6.2).
    fn other_kdf_fs(mut self: Box<Self>, kdf_fs: u16, entropy: &mut dyn Entropy) -> Step<Server> {
        let groups = self.common.policy.forward_secrecy.groups();
        let wanted = group(kdf_fs).filter(|wanted| groups.iter().skip(1).any(|offered| offered == wanted));
        let (Some(exchange), Some(wanted)) = (
            self.exchange.as_mut().filter(|exchange| exchange.asked.is_none()),
            wanted,
        ) else {
            return self.common.refuse(Refusal::MacFailure);
        };
        let Some(key) = ephemeral(wanted, entropy) else {
            return self.common.refuse(Refusal::NoRandomness);
        };
        (exchange.key, exchange.asked) = (key, Some(wanted));
        self.common.next_identifier();
        self.send(entropy)
    }

    /// The SQN is out of range: another vector, once in a run. AT_KDF must be those of the challenge, or somebody has changed them
    /// (RFC 9048 3.2).
    fn resynchronise(self: Box<Self>, auts: Auts, kdf: &[u16]) -> Step<Server> {
        if kdf != self.kdf() {
            return self.common.refuse(Refusal::MacFailure);
        }
        if self.resynchronised && !fault!("eap-resynchronised-without-end") {
            return self.common.refuse(Refusal::AutsRejected);
        }
        let Self {
            common,
            user,
            rand,
            kdf_asked,
            exchange,
            checkcode,
            ..
        } = *self;
        let request = VectorRequest {
            supi: user.supi.clone(),
            method: common.method,
            network: common.network.clone(),
            resynchronisation: Some((rand, auts)),
        };
        let before = Some(Before {
            kdf_asked,
            group_asked: exchange.and_then(|exchange| exchange.asked),
        });
        let stage = Fetching {
            common,
            user,
            checkcode,
            before,
        };
        Server::to(State::Fetching(Box::new(stage))).asking(ServerAsk::Vector(request))
    }

    /// The peer wants the other method: a vector of that.
    fn other_method(self: Box<Self>, types: &[u8]) -> Step<Server> {
        let Self { mut common, user, .. } = *self;
        match common.wanted(types) {
            Some(method) => {
                common.method = method;
                // Once: a vector costs the card a number.
                common.method_taken = !fault!("eap-nak-again");
                Fetching::fetch(common, user, Checkcode::NO_ROUND)
            }
            None => common.fail(Refusal::MethodUnknown),
        }
    }
}

impl Exchange {
    /// The keys with what both ephemeral keys agree on. `None` for a public key that cannot be one.
    fn agree(self, public_key: &[u8], keys: FullKeys, identity: &EapIdentity) -> Option<FullKeys> {
        let public_key = public_key_in(self.key.group(), public_key)?;
        let agreed = self.key.agree(public_key).ok()?;
        Some(keys.with_forward_secrecy(&self.ck_ik_prime, &agreed, identity))
    }
}
