//! A device with a card behind an access gateway, without a socket: who has one sends what is asked and brings what is answered.
#![allow(unreachable_pub, dead_code, reason = "tests of several programs use their parts")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kaskade_aka::eap_aka::identity::epc_realm;
use kaskade_aka::eap_aka::peer::{
    Peer, PeerAsk, PeerFailure, PeerInput, PeerMemory, PeerName, PeerOutput, PeerPolicy, PeerSuccess,
};
use kaskade_aka::usim::Usim;
use kaskade_codec::radius::{AttributeType, Exchange, Packet, Sent, Told};
use kaskade_crypto::radius::SharedSecret;
use kaskade_flow::Machine;
use kaskade_keys::eap::Msk;
use kaskade_keys::{Plmn, Supi};
use kaskade_net::random::{SystemEntropy, random_octets};
use kaskade_net::time::moment;

/// EAP-Request/Identity, as an access point sends it.
const WHO: [u8; 5] = [1, 40, 0, 5, 1];

/// A device with a card.
pub struct Device {
    pub usim: Usim,
    pub policy: PeerPolicy,
    pub name: PeerName,
    pub memory: PeerMemory,
    /// Challenges that the card was given.
    pub challenges: usize,
}

/// How an authentication came out at both ends.
pub struct Ended {
    pub peer: Result<PeerSuccess, PeerFailure>,
    pub accepted: Option<Accepted>,
    /// What the peer said who it is, first.
    pub identity: String,
    /// EAP packets of the server.
    pub asked: Vec<Vec<u8>>,
}

/// What a gateway was told.
pub struct Accepted {
    pub msk: Msk,
    pub cui: String,
    pub session_timeout: Option<u32>,
    pub eap_key_name: Option<Vec<u8>>,
}

impl Ended {
    /// The peer is in, with the key that its gateway has.
    #[track_caller]
    pub fn comes_in(self) -> (PeerSuccess, Accepted) {
        let (Ok(peer), Some(accepted)) = (self.peer, self.accepted) else {
            panic!("it is not let in: {:02x?}", self.asked.last());
        };
        assert_eq!(peer.msk, accepted.msk);
        assert_eq!(accepted.eap_key_name.as_deref(), Some(&peer.session_id.octets()[..]));
        (peer, accepted)
    }

    /// The peer is out, and so it is at its gateway.
    #[track_caller]
    pub fn stays_out(self) -> PeerFailure {
        assert!(self.accepted.is_none());
        self.peer.expect_err("it has failed")
    }
}

impl Device {
    /// With the card of an IMSI.
    pub fn new(usim: Usim, supi: &Supi, home: Plmn) -> Self {
        let Supi::Imsi(imsi) = supi else {
            panic!("{supi:?} is no IMSI");
        };
        Self {
            usim,
            policy: PeerPolicy::non_3gpp(),
            name: PeerName::Imsi(*imsi, epc_realm(home)),
            memory: PeerMemory::default(),
            challenges: 0,
        }
    }

    #[must_use]
    pub fn with_policy(mut self, policy: PeerPolicy) -> Self {
        self.policy = policy;
        self
    }

    pub fn begin(&mut self) -> Peer {
        let memory = std::mem::take(&mut self.memory);
        Peer::begin(Arc::new(self.policy.clone()), self.name.clone(), memory, moment())
    }

    /// What the peer makes of a packet.
    pub fn takes(&mut self, peer: Peer, packet: &[u8]) -> (Option<Peer>, Option<PeerOutput>) {
        let mut step = peer.handle(moment(), &mut SystemEntropy, Some(PeerInput::Packet(packet.to_vec())));
        while let Some(PeerAsk::Card { rand, autn }) = step.ask {
            self.challenges += 1;
            let answer = PeerInput::Card(self.usim.authenticate(&rand, &autn).map(Into::into));
            step = step.next.unwrap().handle(moment(), &mut SystemEntropy, Some(answer));
        }
        (step.next, step.out.map(|out| out.made_durable().release_to_peer()))
    }

    /// Begins, and says who it is.
    pub fn says_who(&mut self) -> (Peer, Vec<u8>) {
        let peer = self.begin();
        match self.takes(peer, &WHO) {
            (Some(peer), Some(PeerOutput::Response(response))) => (peer, response.into()),
            (_, other) => panic!("{other:?}"),
        }
    }
}

/// An access gateway with one user.
pub struct Gateway {
    pub exchange: Exchange,
    identifier: u8,
}

/// What a gateway is told.
pub enum Answer {
    Challenge(Vec<u8>),
    Accept(Vec<u8>, Accepted),
    Reject(Vec<u8>),
}

impl Gateway {
    pub fn new(secret: SharedSecret, user_name: &[u8]) -> Self {
        let exchange = Exchange::new(secret, user_name)
            .saying(AttributeType::CallingStationId, b"02-00-00-00-00-01")
            .saying(AttributeType::ChargeableUserIdentity, b"\0")
            .saying(AttributeType::EapKeyName, b"\0");
        Self {
            exchange,
            identifier: 0,
        }
    }

    /// What a proxy on the way has said: it is to come back.
    pub fn behind_a_proxy(mut self, states: &[&[u8]]) -> Self {
        for state in states {
            self.exchange = self.exchange.saying(AttributeType::ProxyState, state);
        }
        self
    }

    /// A request that no other one equals.
    pub fn sent(&mut self, eap: &[u8]) -> Sent {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        self.identifier = self.identifier.wrapping_add(1);
        let mut authenticator: [u8; 16] = random_octets().unwrap();
        authenticator[..8].copy_from_slice(&NUMBER.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        self.exchange.request(eap, self.identifier, &authenticator).unwrap()
    }

    /// What the answer to a request says.
    pub fn hears(&mut self, sent: &Sent, octets: &[u8]) -> Answer {
        let key_name = Packet::parse(octets).unwrap().once(AttributeType::EapKeyName).unwrap();
        match self.exchange.answer(sent, octets).unwrap() {
            Told::Challenge { eap, .. } => Answer::Challenge(eap),
            Told::Accept {
                eap,
                msk,
                cui,
                session_timeout,
                ..
            } => {
                let accepted = Accepted {
                    msk: msk.expect("a key"),
                    cui: String::from_utf8(cui.expect("who is charged")).unwrap(),
                    session_timeout,
                    eap_key_name: key_name.map(<[u8]>::to_vec),
                };
                Answer::Accept(eap.unwrap(), accepted)
            }
            Told::Reject { eap, .. } => Answer::Reject(eap.unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

/// A whole authentication on its way: somebody sends its request, and brings the answer.
pub struct Attach<'d> {
    device: &'d mut Device,
    peer: Peer,
    gateway: Gateway,
    sent: Sent,
    accepted: Option<Accepted>,
    identity: String,
    asked: Vec<Vec<u8>>,
}

/// How far it is.
pub enum Progress<'d> {
    Asks(Attach<'d>),
    Ended(Ended),
}

impl<'d> Attach<'d> {
    pub fn begin(device: &'d mut Device, secret: SharedSecret) -> Self {
        Self::begin_behind(device, secret, &[])
    }

    /// The same behind a proxy.
    pub fn begin_behind(device: &'d mut Device, secret: SharedSecret, states: &[&[u8]]) -> Self {
        let (peer, response) = device.says_who();
        let identity = String::from_utf8(response[5..].to_vec()).unwrap();
        let mut gateway = Gateway::new(secret, identity.as_bytes()).behind_a_proxy(states);
        let sent = gateway.sent(&response);
        Self {
            device,
            peer,
            gateway,
            sent,
            accepted: None,
            identity,
            asked: Vec::new(),
        }
    }

    /// What goes to the server.
    pub fn request(&self) -> &[u8] {
        self.sent.octets()
    }

    /// What came from there. Names and keys for the next one stay in the device.
    pub fn answered(mut self, octets: &[u8]) -> Progress<'d> {
        let packet = match self.gateway.hears(&self.sent, octets) {
            Answer::Challenge(packet) | Answer::Reject(packet) => packet,
            Answer::Accept(packet, accepted) => {
                self.accepted = Some(accepted);
                packet
            }
        };
        self.asked.push(packet.clone());
        let (next, out) = self.device.takes(self.peer, &packet);
        let mut peer = match (next, out) {
            (Some(peer), Some(PeerOutput::Response(response))) => {
                let sent = self.gateway.sent(&response);
                return Progress::Asks(Self { peer, sent, ..self });
            }
            (_, Some(PeerOutput::Success(success))) => Ok(*success),
            (_, Some(PeerOutput::Failure(failure))) => Err(*failure),
            (_, other) => panic!("{other:?} after {packet:02x?}"),
        };
        self.device.memory = std::mem::take(match &mut peer {
            Ok(success) => &mut success.memory,
            Err(failure) => &mut failure.memory,
        });
        Progress::Ended(Ended {
            peer,
            accepted: self.accepted,
            identity: self.identity,
            asked: self.asked,
        })
    }
}

/// EAP-Response/Identity.
pub fn identity_response(identity: &str) -> Vec<u8> {
    let length = u16::try_from(5 + identity.len()).unwrap().to_be_bytes();
    [&[2, 7, length[0], length[1], 1][..], identity.as_bytes()].concat()
}
