//! What every stage of a peer has, and how it ends.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use kaskade_codec::eap::{AkaMethod, AkaPacket, Body, IdRequest, NotificationCode, Packet, write};
use kaskade_faults::fault;
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Guarded, Moment, Step};
use kaskade_keys::Supi;
use kaskade_keys::id::EapIdentity;

use super::{Peer, PeerFailure, PeerMemory, PeerName, PeerOutput, PeerPolicy, State};
use crate::eap_aka::checkcode::Rounds;
use crate::eap_aka::identity;

/// What every stage has.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) policy: Arc<PeerPolicy>,
    pub(super) name: PeerName,
    pub(super) memory: PeerMemory,
    /// The method that the server has begun.
    pub(super) method: Option<AkaMethod>,
    /// The identity that was sent last.
    pub(super) sent: Option<EapIdentity>,
    /// Whether the name of a fast re-authentication was sent: it serves once, whatever becomes of it.
    pub(super) name_spent: bool,
    /// What AKA-Identity asked for last.
    pub(super) asked: Option<IdRequest>,
    pub(super) rounds: Rounds,
    pub(super) last: Option<Last>,
    pub(super) kdf: Negotiation,
    pub(super) kdf_fs: Negotiation,
    /// How often the card has found a challenge out of range.
    pub(super) resynchronised: u8,
    pub(super) notification: Option<NotificationCode>,
    pub(super) until: Option<Moment>,
}

/// Identifier of the last request, and what was answered. `Debug` does not show it: it may name the user.
pub(super) struct Last {
    identifier: u8,
    response: Box<[u8]>,
}

impl core::fmt::Debug for Last {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Last({}, {} octets)", self.identifier, self.response.len())
    }
}

/// What the server has offered, and what was asked for.
#[derive(Debug, Default)]
pub(super) enum Negotiation {
    /// Nothing yet.
    #[default]
    Open,
    /// Another than the first was asked for: the next list has that in front of this one.
    Asked(u16, Vec<u16>),
    /// This list stands.
    Settled(Vec<u16>),
}

/// A list that is not what it must be: as a wrong AT_MAC (RFC 9048 3.2).
pub(super) struct ListChanged;

impl Negotiation {
    /// Looks at a list. The value to ask for, if it is not the first that can be used; the first, once it is settled; nothing if none
    /// can be used.
    pub(super) fn offered(
        &mut self,
        list: &[u16],
        usable: impl Fn(u16) -> bool,
        best: impl Fn(&[u16]) -> Option<u16>,
    ) -> Result<Choice, ListChanged> {
        match core::mem::take(self) {
            Self::Open => {
                let repeated = list.iter().enumerate().any(|(at, value)| list[..at].contains(value));
                if repeated {
                    return Err(ListChanged);
                }
                match list.first() {
                    Some(first) if usable(*first) => {
                        *self = Self::Settled(list.to_vec());
                        Ok(Choice::First(*first))
                    }
                    _ => match best(list) {
                        Some(other) => {
                            *self = Self::Asked(other, list.to_vec());
                            Ok(Choice::Ask(other))
                        }
                        None => Ok(Choice::None),
                    },
                }
            }
            Self::Asked(asked, before) => {
                let expected = list
                    .split_first()
                    .is_some_and(|(first, rest)| *first == asked && rest == before);
                match expected || fault!("eap-negotiation-not-compared") {
                    true => {
                        *self = Self::Settled(list.to_vec());
                        list.first().map(|first| Choice::First(*first)).ok_or(ListChanged)
                    }
                    false => Err(ListChanged),
                }
            }
            Self::Settled(before) => {
                let same = list == before;
                *self = Self::Settled(before);
                match list.first() {
                    Some(first) if same => Ok(Choice::First(*first)),
                    _ => Err(ListChanged),
                }
            }
        }
    }

    /// Whether no list has come yet.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// The list that stands.
    pub(super) fn settled(&self) -> &[u16] {
        match self {
            Self::Settled(list) => list,
            Self::Open | Self::Asked(..) => &[],
        }
    }
}

/// What follows from a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The first, which can be used.
    First(u16),
    /// Another has to be asked for.
    Ask(u16),
    /// None can be used.
    None,
}

/// What a packet of the server is to a peer.
pub(super) enum Came<'p> {
    /// A request of the method.
    Aka(u8, AkaPacket<'p>),
    /// A request for an identity, before any method.
    Identity(u8),
    /// A text for people.
    Notification(u8),
    /// A method that is not taken.
    OtherMethod(u8),
    /// The end.
    Success,
    /// The end.
    Failure,
    /// The last request again: it has its answer.
    Again(Box<[u8]>),
    /// Not to be used.
    Discard,
}

impl Common {
    pub(super) fn new(policy: Arc<PeerPolicy>, name: PeerName, memory: PeerMemory, now: Moment) -> Self {
        Self {
            until: now.after(policy.lifetime),
            policy,
            name,
            memory,
            method: None,
            sent: None,
            name_spent: false,
            asked: None,
            rounds: Rounds::default(),
            last: None,
            kdf: Negotiation::default(),
            kdf_fs: Negotiation::default(),
            resynchronised: 0,
            notification: None,
        }
    }

    /// The SUPI.
    pub(super) fn supi(&self) -> Supi {
        match &self.name {
            PeerName::Imsi(imsi, _) => Supi::Imsi(*imsi),
            PeerName::FiveGs(supi, _) => supi.clone(),
        }
    }

    /// Takes a packet. One with the identifier of the last request is that one again (RFC 3748 4.1); an end has the identifier of the
    /// last answer (RFC 3748 4.2).
    pub(super) fn came<'p>(&self, packet: &'p [u8]) -> Came<'p> {
        let last = |identifier| self.last.as_ref().filter(|last| last.identifier == identifier);
        match Packet::parse(packet) {
            Ok(Packet::Request(message)) => {
                if let Some(last) = last(message.identifier)
                    && !fault!("eap-request-taken-twice")
                {
                    return Came::Again(last.response.clone());
                }
                let identifier = message.identifier;
                match message.body {
                    Body::Identity(_) if self.method.is_none() => Came::Identity(identifier),
                    Body::Notification(_) => Came::Notification(identifier),
                    Body::Aka(aka) => match self.method {
                        Some(method) if method == aka.method() => Came::Aka(identifier, aka),
                        None if self.policy.methods().contains(&aka.method()) => Came::Aka(identifier, aka),
                        None => Came::OtherMethod(identifier),
                        Some(_) => Came::Discard,
                    },
                    Body::Other(_) if self.method.is_none() => Came::OtherMethod(identifier),
                    Body::Identity(_) | Body::Nak(_) | Body::Other(_) => Came::Discard,
                }
            }
            Ok(Packet::Success { identifier }) if last(identifier).is_some() => Came::Success,
            Ok(Packet::Failure { identifier }) if last(identifier).is_some() => Came::Failure,
            _ => Came::Discard,
        }
    }

    /// The identity that a request gets; `None`: it gets none (RFC 4187 4.1.6, TS 33.501 F.2).
    pub(super) fn identity(&self, asked: IdRequest) -> Option<EapIdentity> {
        let method = self.method.or(self.policy.methods().first().copied())?;
        let (imsi, realm) = match (&self.name, asked) {
            (PeerName::FiveGs(..), IdRequest::Permanent) => return None,
            (PeerName::FiveGs(_, suci), _) => return Some(suci.clone()),
            (PeerName::Imsi(imsi, realm), _) => (imsi, realm),
        };
        let permanent = || identity::permanent(method, imsi, realm);
        let pseudonym = self.memory.pseudonym.clone();
        let before = self.memory.reauthentication.as_ref();
        let before = before.filter(|before| self.policy.takes_keys(before.forward_secrecy));
        let reauthentication = || Some(before?.name.clone());
        match asked {
            IdRequest::Any => reauthentication().or(pseudonym).or_else(permanent),
            IdRequest::FullAuth => pseudonym.or_else(permanent),
            IdRequest::Permanent
                if pseudonym.is_some() && self.policy.conservative && !fault!("eap-permanent-identity-given") =>
            {
                None
            }
            IdRequest::Permanent => permanent(),
        }
    }

    /// An identity is sent.
    pub(super) fn sends(&mut self, identity: EapIdentity) {
        let name = self.memory.reauthentication.as_ref().map(|before| &before.name);
        self.name_spent |= name == Some(&identity);
        self.sent = Some(identity);
    }

    /// Answers a request: the stage waits for the next.
    pub(super) fn answer(&mut self, identifier: u8, response: Vec<u8>) -> Guarded<PeerOutput> {
        let response: Box<[u8]> = response.into();
        let told = Guarded::new(PeerOutput::Response(response.clone()));
        self.last = Some(Last { identifier, response });
        told
    }

    /// Client-Error: what came cannot be used (RFC 4187 6.3.1).
    pub(super) fn client_error(mut self, identifier: u8, why: Refusal) -> Step<Peer> {
        let method = self.method.unwrap_or(AkaMethod::AkaPrime);
        let told = self.answer(identifier, write::client_error(method, identifier, 0));
        Peer::to(State::Ending(Box::new(Ending { common: self, why }))).telling(told)
    }

    /// Authentication-Reject: the network is not authentic (RFC 4187 6.3.1).
    pub(super) fn reject(mut self, identifier: u8, why: Refusal) -> Step<Peer> {
        let method = self.method.unwrap_or(AkaMethod::AkaPrime);
        let told = self.answer(identifier, write::authentication_reject(method, identifier));
        Peer::to(State::Ending(Box::new(Ending { common: self, why }))).telling(told)
    }

    /// The run is over.
    pub(super) fn failed(self, why: Refusal) -> Step<Peer> {
        let mut memory = self.memory;
        if self.name_spent {
            memory.reauthentication = None;
        }
        Step::end().telling(Guarded::new(PeerOutput::Failure(Box::new(PeerFailure {
            why,
            notification: self.notification,
            memory,
        }))))
    }
}

/// The stage goes on as it was.
pub(super) fn discard(state: State) -> Step<Peer> {
    Peer::to(state).telling(Guarded::new(PeerOutput::Discard(Refusal::EapPacketInvalid)))
}

/// The stage goes on as it was, and the last answer is sent again.
pub(super) fn again(state: State, response: Box<[u8]>) -> Step<Peer> {
    Peer::to(state).telling(Guarded::new(PeerOutput::Response(response)))
}

/// The peer has said no, and waits for the end.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) common: Common,
    pub(super) why: Refusal,
}

impl Ending {
    pub(super) fn packet(self: Box<Self>, packet: &[u8]) -> Step<Peer> {
        match self.common.came(packet) {
            Came::Failure => {
                let Self { common, why } = *self;
                common.failed(why)
            }
            Came::Again(response) => again(State::Ending(self), response),
            _ => discard(State::Ending(self)),
        }
    }
}
