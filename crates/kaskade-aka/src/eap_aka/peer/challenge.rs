//! A challenge: negotiated, shown to the card, checked, answered (RFC 4187 4.2, 6.3.1; RFC 9048 3; RFC 9678 6).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use kaskade_codec::eap::{
    AkaMethod, AkaPacket, Body, Challenge, ChallengeAnswer, Encrypted, Packet, Request, Unverified, write,
};
use kaskade_crypto::ecdh::Group;
use kaskade_faults::fault;
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Step};
use kaskade_keys::eap::CkIkPrime;
use kaskade_keys::id::{EapIdentity, SessionId};
use kaskade_keys::umts::{CkIk, SqnXorAk};

use super::answered::Answered;
use super::common::{Choice, Common, ListChanged};
use super::waiting::Waiting;
use super::{CardAnswer, Peer, PeerAsk, PeerReauthentication, State};
use crate::eap_aka::keys::{FullKeys, ephemeral, public_key_in};
use crate::eap_aka::network::NetworkName;
use crate::eap_aka::policy::{KDF_SHA_256, group, kdf_fs};
use crate::usim::UsimError;

/// The card was asked.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) common: Common,
    identifier: u8,
    /// The challenge as it came: read again when there are keys to check it with.
    packet: Vec<u8>,
    network: Option<NetworkName>,
    group: Option<Group>,
}

/// Why a challenge is not answered.
enum No {
    /// As an incorrect AUTN: Authentication-Reject.
    Reject(Refusal),
    /// As an incorrect AT_MAC: Client-Error.
    ClientError(Refusal),
    /// Something else is asked for first.
    Ask(Vec<u8>),
}

impl From<ListChanged> for No {
    fn from(_: ListChanged) -> Self {
        Self::ClientError(Refusal::PacketNotUsable)
    }
}

/// Another network than the home network's, or than the expected one.
const NOT_AUTHENTIC: No = No::Reject(Refusal::NetworkNotAuthentic);
const NOT_USABLE: No = No::ClientError(Refusal::PacketNotUsable);

impl Common {
    fn no(mut self, identifier: u8, no: No) -> Step<Peer> {
        match no {
            No::Reject(why) => self.reject(identifier, why),
            No::ClientError(why) => self.client_error(identifier, why),
            No::Ask(response) => {
                let told = self.answer(identifier, response);
                Peer::to(State::Waiting(Box::new(Waiting { common: self }))).telling(told)
            }
        }
    }

    /// Looks at a challenge as far as that goes without keys, and asks the card.
    pub(super) fn challenged(
        mut self,
        identifier: u8,
        challenge: &Unverified<'_, Challenge<'_>>,
        packet: &[u8],
    ) -> Step<Peer> {
        let before = match self.method {
            Some(AkaMethod::AkaPrime) => self.before_the_card(identifier, challenge),
            _ => Ok((None, None)),
        };
        let (network, group) = match before {
            Ok(before) => before,
            Err(no) => return self.no(identifier, no),
        };
        let ask = PeerAsk::Card {
            rand: *challenge.rand(),
            autn: *challenge.autn(),
        };
        let stage = Asking {
            common: self,
            identifier,
            packet: packet.to_vec(),
            network,
            group,
        };
        Peer::to(State::Asking(Box::new(stage))).asking(ask)
    }

    /// EAP-AKA': the function, the network name, the group, and the separation bit. None of that costs the card an SQN.
    fn before_the_card(
        &mut self,
        identifier: u8,
        challenge: &Unverified<'_, Challenge<'_>>,
    ) -> Result<(Option<NetworkName>, Option<Group>), No> {
        let received = challenge
            .kdf_input()
            .filter(|name| !name.is_empty())
            .ok_or(NOT_AUTHENTIC)?;
        let best = |list: &[u16]| list.contains(&KDF_SHA_256).then_some(KDF_SHA_256);
        match self.kdf.offered(challenge.kdf(), |kdf| kdf == KDF_SHA_256, best)? {
            Choice::First(_) => {}
            Choice::Ask(kdf) => return Err(No::Ask(write::other_kdf(identifier, kdf))),
            Choice::None => return Err(NOT_AUTHENTIC),
        }
        let expected = self.policy.network.as_ref().is_none_or(|name| name.agrees(received));
        if !expected && !fault!("eap-network-name-not-compared") {
            return Err(NOT_AUTHENTIC);
        }
        let network = NetworkName::of_octets(received).ok_or(NOT_AUTHENTIC)?;
        let group = self.group(identifier, challenge.kdf_fs())?;
        if !challenge.autn().amf().separation_bit() && !fault!("eap-separation-bit-not-looked-at") {
            return Err(NOT_AUTHENTIC);
        }
        Ok((Some(network), group))
    }

    /// The group of forward secrecy; `None`: without it.
    fn group(&mut self, identifier: u8, offered: &[u16]) -> Result<Option<Group>, No> {
        let groups = self.policy.forward_secrecy.groups();
        let choice = match (groups, offered) {
            ([], _) => Choice::None,
            // A list that was there before and is gone has changed.
            (_, []) if self.kdf_fs.is_open() => Choice::None,
            _ => {
                let usable = |id| group(id).is_some_and(|group| groups.contains(&group));
                let best = |list: &[u16]| groups.iter().map(|group| kdf_fs(*group)).find(|id| list.contains(id));
                self.kdf_fs.offered(offered, usable, best)?
            }
        };
        match choice {
            Choice::First(id) => Ok(group(id)),
            Choice::Ask(id) => Err(No::Ask(write::other_kdf_fs(identifier, id))),
            Choice::None if self.policy.forward_secrecy.is_required() && !fault!("eap-forward-secrecy-optional") => {
                Err(No::Reject(Refusal::ForwardSecrecyRequired))
            }
            Choice::None => Ok(None),
        }
    }

    /// The identity that the keys are bound to.
    fn bound_identity(&self, network: Option<&NetworkName>) -> Option<EapIdentity> {
        match network.is_some_and(NetworkName::binds_supi) {
            true => Some(EapIdentity::from(&self.supi())),
            false => self.sent.clone(),
        }
    }
}

impl Asking {
    pub(super) fn card(
        self: Box<Self>,
        answer: Result<CardAnswer, UsimError>,
        entropy: &mut dyn Entropy,
    ) -> Step<Peer> {
        let Self {
            mut common,
            identifier,
            packet,
            network,
            group,
        } = *self;
        let method = common.method.unwrap_or(AkaMethod::AkaPrime);
        let card = match answer {
            Ok(card) => card,
            Err(UsimError::SynchronisationFailure(auts)) if common.resynchronised < 2 => {
                common.resynchronised += 1;
                let response = write::synchronization_failure(method, identifier, &auts, common.kdf.settled());
                return common.no(identifier, No::Ask(response));
            }
            Err(_) => return common.no(identifier, NOT_AUTHENTIC),
        };
        let Some((challenge, aka)) = reread(&packet) else {
            return common.no(identifier, NOT_USABLE);
        };
        match common.check(challenge, &card, network.as_ref(), group, entropy) {
            Ok(checked) => checked.answer(common, (identifier, aka.method()), network, &card),
            Err(no) => common.no(identifier, no),
        }
    }
}

/// The challenge that was kept.
fn reread(packet: &[u8]) -> Option<(Unverified<'_, Challenge<'_>>, AkaPacket<'_>)> {
    let Ok(Packet::Request(message)) = Packet::parse(packet) else {
        return None;
    };
    match message.body {
        Body::Aka(aka) => match aka.request() {
            Ok(Request::Challenge(challenge)) => Some((challenge, aka)),
            _ => None,
        },
        _ => None,
    }
}

/// A challenge that is authentic, and the keys that come of it.
struct Checked<'p> {
    challenge: Challenge<'p>,
    identity: EapIdentity,
    keys: FullKeys,
    public_key: Option<kaskade_crypto::ecdh::PublicKey>,
    names: (Option<EapIdentity>, Option<EapIdentity>),
}

impl Common {
    /// Derives the keys, and believes the challenge when its AT_MAC is theirs.
    fn check<'p>(
        &self,
        challenge: Unverified<'p, Challenge<'p>>,
        card: &CardAnswer,
        network: Option<&NetworkName>,
        group: Option<Group>,
        entropy: &mut dyn Entropy,
    ) -> Result<Checked<'p>, No> {
        let identity = self.bound_identity(network).ok_or(NOT_USABLE)?;
        let sqn_xor_ak = SqnXorAk::from(challenge.autn());
        let ck_ik_prime = network.map(|network| {
            let ck_ik = CkIk::from_parts(&card.ck, &card.ik);
            match network {
                NetworkName::Serving(name) => ck_ik.ck_ik_prime(name, &sqn_xor_ak),
                NetworkName::Access(name) => ck_ik.ck_ik_prime_access(name, &sqn_xor_ak),
            }
        });
        let keys = match &ck_ik_prime {
            Some(ck_ik_prime) => FullKeys::aka_prime(ck_ik_prime, &identity),
            None => FullKeys::aka(&card.ck, &card.ik, &identity),
        };
        let challenge = challenge.verify(&keys.messages.k_aut, &[]).map_err(|_| NOT_USABLE)?;
        // EAP-AKA although the server has EAP-AKA', and so has the peer: somebody has bid down (RFC 9048 4).
        let bid_down = challenge.bidding == Some(true) && self.policy.methods.contains(&AkaMethod::AkaPrime);
        if bid_down && !fault!("eap-bidding-down-allowed") {
            return Err(NOT_AUTHENTIC);
        }
        let agrees = self.rounds.code().agrees(challenge.checkcode);
        if !agrees && !fault!("eap-checkcode-not-compared") {
            return Err(NOT_USABLE);
        }
        let names = match &challenge.encrypted {
            Some(encrypted) => names(encrypted, &keys)?,
            None => (None, None),
        };
        let offer = challenge.forward_secrecy.as_ref();
        let (keys, public_key) = match (group, offer, &ck_ik_prime) {
            (Some(group), Some(offer), Some(ck_ik_prime)) => {
                let (keys, public_key) = exchange(group, offer.public_key, keys, ck_ik_prime, &identity, entropy)?;
                (keys, Some(public_key))
            }
            _ => (keys, None),
        };
        Ok(Checked {
            challenge,
            identity,
            keys,
            public_key,
            names,
        })
    }
}

fn names(encrypted: &Encrypted<'_>, keys: &FullKeys) -> Result<(Option<EapIdentity>, Option<EapIdentity>), No> {
    let hidden = encrypted.open(&keys.messages.k_encr).map_err(|_| NOT_USABLE)?;
    Ok((hidden.next_pseudonym, hidden.next_reauth_id))
}

/// The keys with what both ephemeral keys agree on, and the own public key.
fn exchange(
    group: Group,
    received: &[u8],
    keys: FullKeys,
    ck_ik_prime: &CkIkPrime,
    identity: &EapIdentity,
    entropy: &mut dyn Entropy,
) -> Result<(FullKeys, kaskade_crypto::ecdh::PublicKey), No> {
    let received = public_key_in(group, received).ok_or(NOT_USABLE)?;
    let key = ephemeral(group, entropy).ok_or(No::ClientError(Refusal::NoRandomness))?;
    let public_key = key.public_key();
    let agreed = key.agree(received).map_err(|_| NOT_USABLE)?;
    Ok((keys.with_forward_secrecy(ck_ik_prime, &agreed, identity), public_key))
}

impl Checked<'_> {
    fn answer(
        self,
        mut common: Common,
        (identifier, method): (u8, AkaMethod),
        network: Option<NetworkName>,
        card: &CardAnswer,
    ) -> Step<Peer> {
        let Self {
            challenge,
            identity,
            keys,
            public_key,
            names: (pseudonym, reauthentication),
        } = self;
        let protected_result = challenge.result_ind && common.policy.result_ind;
        let checkcode = common.rounds.code();
        let answer = ChallengeAnswer {
            res: card.res.clone(),
            public_key: public_key.as_ref().map(kaskade_crypto::ecdh::PublicKey::octets),
            checkcode: challenge.checkcode.is_some().then(|| checkcode.octets()),
            result_ind: protected_result,
        };
        let Ok(response) = write::challenge_answer(method, identifier, &answer, &keys.messages.k_aut) else {
            return common.no(identifier, NOT_USABLE);
        };
        let session_id = match method {
            AkaMethod::Aka => SessionId::aka(&challenge.rand, &challenge.autn),
            AkaMethod::AkaPrime => SessionId::aka_prime(&challenge.rand, &challenge.autn),
        };
        let forward_secrecy = public_key.is_some();
        let told = common.answer(identifier, response);
        let has_k_ausf = network.is_some_and(|network| network.has_k_ausf());
        let stage = Answered {
            pseudonym: pseudonym.and_then(|pseudonym| common.whole(&pseudonym)),
            reauthentication: reauthentication.map(|name| PeerReauthentication {
                name,
                method,
                counter: 0,
                messages: keys.messages.clone(),
                root: keys.root,
                forward_secrecy,
            }),
            common,
            messages: keys.messages,
            exported: keys.exported,
            session_id,
            peer_id: identity,
            forward_secrecy,
            has_k_ausf,
            counter: None,
            protected_result,
            notified: None,
        };
        Peer::to(State::Answered(Box::new(stage))).telling(told)
    }
}

impl Common {
    /// A pseudonym with the realm of the home network: it comes without (RFC 4187 4.1.1.7).
    fn whole(&self, pseudonym: &EapIdentity) -> Option<EapIdentity> {
        let realm = match &self.name {
            super::PeerName::Imsi(_, realm) => realm,
            super::PeerName::FiveGs(..) => return None,
        };
        let mut text = String::from(pseudonym.as_str());
        if !text.contains('@') {
            text.push('@');
            text.push_str(realm);
        }
        text.parse().ok()
    }
}
