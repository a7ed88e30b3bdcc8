//! EAP: packets, and both machines of EAP-AKA' and EAP-AKA with messages in any order.

use std::collections::BTreeMap;
use std::sync::Arc;

use kaskade_aka::arpf::{self, EapAkaAv, EapAkaPrimeAv};
use kaskade_aka::auc::{self, Credentials};
use kaskade_aka::eap_aka::identity::{Claim, epc_realm};
use kaskade_aka::eap_aka::names::{Pseudonyms, reauthentication_name};
use kaskade_aka::eap_aka::peer::{Peer, PeerAsk, PeerInput, PeerMemory, PeerName, PeerOutput, PeerPolicy, PeerSuccess};
use kaskade_aka::eap_aka::server::{
    Authenticated, Begin, Names, Reauthentication, Server, ServerAsk, ServerInput, ServerOutput, UserFound, Vector,
};
use kaskade_aka::eap_aka::{ForwardSecrecy, NetworkName, ServerPolicy};
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::eap::{AkaMethod, Body, Encrypted, NotificationRequest, Packet, Request, Response, write};
use kaskade_crypto::{K, Opc, Rand, Sqn};
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Machine, Moment, NoRandomness, Step, UnixMillis};
use kaskade_keys::Plmn;
use kaskade_keys::eap::{KAut, KEncr};
use kaskade_keys::id::{AccessNetworkIdentity, Imsi};

/// K_aut and K_encr of RFC 9048 Appendix D case 1: seeds that are authentic have them.
fn keys() -> (KAut, KEncr) {
    let octets = |high: u128, low: u128| {
        let mut octets = [0; 32];
        octets[..16].copy_from_slice(&high.to_be_bytes());
        octets[16..].copy_from_slice(&low.to_be_bytes());
        octets
    };
    let k_aut = octets(
        0x0842_ea72_2ff6_835b_fa20_3249_9fc3_ec23,
        0xc2f0_e388_b4f0_7543_ffc6_77f1_696d_71ea,
    );
    let k_encr = 0x766f_a0a6_c317_174b_812d_52fb_cd11_a179_u128.to_be_bytes();
    (KAut::from_octets(&k_aut), KEncr::from_octets(&k_encr))
}

/// An EAP packet. RFC 3748, RFC 4187, RFC 9048.
pub fn eap_packet(data: &[u8]) -> bool {
    let packet = match Packet::parse(data) {
        Ok(packet) => packet,
        Err(_) => return false,
    };
    let length = usize::from(u16::from_be_bytes([data[2], data[3]]));
    assert!(length <= data.len());
    // What lies behind the packet changes nothing.
    assert_eq!(Packet::parse(&data[..length]), Ok(packet));
    let (k_aut, k_encr) = keys();
    let opens = |encrypted: Option<Encrypted<'_>>| encrypted.is_none_or(|encrypted| encrypted.open(&k_encr).is_ok());
    match packet {
        Packet::Request(message) => match message.body {
            Body::Aka(aka) => match aka.request() {
                Ok(Request::Identity(which)) => {
                    let again = write::identity_request(aka.method(), message.identifier, which);
                    assert!(matches!(Packet::parse(&again), Ok(Packet::Request(_))));
                    true
                }
                Ok(Request::Challenge(challenge)) => {
                    let challenge = challenge.verify(&k_aut, &[]);
                    challenge.is_ok_and(|challenge| opens(challenge.encrypted))
                }
                Ok(Request::Reauthentication(request)) => {
                    let request = request.verify(&k_aut, &[]);
                    request.is_ok_and(|request| opens(Some(request.encrypted)))
                }
                Ok(Request::Notification(NotificationRequest::Bare(_))) => true,
                Ok(Request::Notification(NotificationRequest::Protected(notification))) => {
                    let notification = notification.verify(&k_aut, &[]);
                    notification.is_ok_and(|(_, encrypted)| opens(encrypted))
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    false
                }
            },
            _ => true,
        },
        Packet::Response(message) => match message.body {
            Body::Aka(aka) => match aka.response() {
                Ok(Response::Challenge(answer)) => answer.verify(&k_aut, &[]).is_ok(),
                Ok(Response::Reauthentication(answer)) => {
                    let answer = answer.verify(&k_aut, &[0; 16]);
                    answer.is_ok_and(|answer| opens(Some(answer.encrypted)))
                }
                Ok(_) => true,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    false
                }
            },
            _ => true,
        },
        Packet::Success { .. } | Packet::Failure { .. } => true,
    }
}

const NOW: Moment = Moment::from_nanos(1);
const DATE: UnixMillis = UnixMillis::new(1);
const IMSI: &str = "001010000000001";

struct Drawn(u64);

impl Entropy for Drawn {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        for octet in octets {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            [*octet, ..] = self.0.to_be_bytes();
        }
        Ok(())
    }
}

/// Both ends, and what was on the wire between them.
struct Wire {
    credentials: Credentials,
    sqn: u64,
    pseudonyms: Pseudonyms,
    kept: BTreeMap<String, Reauthentication>,
    usim: Usim,
    memory: PeerMemory,
    entropy: Drawn,
    server: Option<Server>,
    peer: Option<Peer>,
    of_server: Vec<Vec<u8>>,
    of_peer: Vec<Vec<u8>>,
    servers: Vec<Authenticated>,
    peers: Vec<PeerSuccess>,
}

/// Server and peer of EAP-AKA' and EAP-AKA: the first octet says what both have, then come orders of two octets or more. Accepts what
/// leads to keys.
pub fn eap_machines(data: &[u8]) -> bool {
    let Some((&has, mut orders)) = data.split_first() else {
        return false;
    };
    let mut wire = Wire::new();
    let (server, peer) = policies(has);
    for _ in 0..64 {
        let Some((&[order, which], rest)) = orders.split_first_chunk::<2>() else {
            break;
        };
        orders = rest;
        let index = usize::from(which);
        match order % 8 {
            0 => wire.begin_peer(&peer),
            1 => wire.begin_server(&server, index),
            2 | 3 => {
                if let Some(mut packet) = wire.of_peer.get(index).cloned() {
                    let expected = wire
                        .server
                        .as_ref()
                        .and_then(Server::last_request)
                        .map(|request| request[1]);
                    if let (3, Some(expected), [_, identifier, ..]) = (order % 8, expected, packet.as_mut_slice()) {
                        *identifier = expected;
                    }
                    wire.give_server(Some(packet));
                }
            }
            4 => {
                if let Some(packet) = wire.of_server.get(index).cloned() {
                    wire.give_peer(Some(packet));
                }
            }
            5 | 6 => {
                let (packet, rest) = orders.split_at_checked(index).unwrap_or((orders, &[]));
                orders = rest;
                match order % 8 {
                    5 => wire.give_server(Some(packet.to_vec())),
                    _ => wire.give_peer(Some(packet.to_vec())),
                }
            }
            _ if which % 2 == 0 => wire.give_server(None),
            _ => wire.give_peer(None),
        }
        wire.holds();
    }
    !wire.servers.is_empty() && !wire.peers.is_empty()
}

/// What both ends have, by the bits of an octet.
fn policies(has: u8) -> (ServerPolicy, PeerPolicy) {
    let (mut server, mut peer) = (ServerPolicy::non_3gpp(), PeerPolicy::non_3gpp());
    if has & 0x01 != 0 {
        (server, peer) = (server.with_result_indication(), peer.with_result_indication());
    }
    if has & 0x02 != 0 {
        server = server.with_forward_secrecy(ForwardSecrecy::offered());
    }
    if has & 0x04 != 0 {
        peer = peer.with_forward_secrecy(ForwardSecrecy::offered());
    }
    if has & 0x08 != 0 {
        peer = peer.with_methods(&[AkaMethod::Aka]);
    }
    if has & 0x10 != 0 {
        server = server.asking_always();
    }
    if has & 0x20 != 0 {
        server = server.offering_before_kdf_1(&[7]);
    }
    if has & 0x40 != 0 {
        peer = peer.conservative();
    }
    if has & 0x80 != 0 {
        server = server.with_methods(&[AkaMethod::Aka]);
    }
    (server, peer)
}

impl Wire {
    fn new() -> Self {
        let credentials = Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]));
        Self {
            usim: Usim::new(&credentials.keys, UsimOptions::default()),
            credentials,
            sqn: 32,
            pseudonyms: Pseudonyms::new(&[7; 32]),
            kept: BTreeMap::new(),
            memory: PeerMemory::default(),
            entropy: Drawn(1),
            server: None,
            peer: None,
            of_server: Vec::new(),
            of_peer: Vec::new(),
            servers: Vec::new(),
            peers: Vec::new(),
        }
    }

    fn realm() -> String {
        "001-01".parse::<Plmn>().map(epc_realm).unwrap_or_default()
    }

    fn begin_peer(&mut self, policy: &PeerPolicy) {
        self.give_peer(None);
        let Ok(imsi) = IMSI.parse::<Imsi>() else { return };
        let memory = core::mem::take(&mut self.memory);
        let name = PeerName::Imsi(imsi, Self::realm());
        self.peer = Some(Peer::begin(Arc::new(policy.clone()), name, memory, NOW));
        self.give_peer(Some(vec![1, 40, 0, 5, 1]));
    }

    fn begin_server(&mut self, policy: &ServerPolicy, index: usize) {
        let identity = self.of_peer.get(index).cloned().unwrap_or_default();
        let Ok(network) = "WLAN".parse::<AccessNetworkIdentity>() else {
            return;
        };
        let begin = Begin {
            policy: Arc::new(policy.clone()),
            network: NetworkName::Access(network),
            identifier: identity.get(1).copied().unwrap_or(40),
        };
        let step = Server::begin(begin, identity.get(5..).unwrap_or_default(), NOW);
        self.server_said(step);
    }

    fn give_server(&mut self, packet: Option<Vec<u8>>) {
        if let Some(server) = self.server.take() {
            let step = server.handle(NOW, &mut self.entropy, packet.map(ServerInput::Packet));
            self.server_said(step);
        }
    }

    fn server_said(&mut self, mut step: Step<Server>) {
        while let Some(ask) = step.ask.take() {
            let (Some(input), Some(server)) = (self.answer(ask), step.next.take()) else {
                break;
            };
            step = server.handle(NOW, &mut self.entropy, Some(input));
        }
        self.server = step.next;
        match step.out.map(|out| out.made_durable().release_to_peer()) {
            Some(ServerOutput::Request(request)) => self.of_server.push(request.into()),
            Some(ServerOutput::Success(success)) => {
                self.of_server.push(success.packet.into());
                self.servers.push(*success);
            }
            Some(ServerOutput::Failure { packet, .. }) => self.of_server.push(packet.into()),
            Some(ServerOutput::Discard(_)) | None => {}
        }
    }

    fn answer(&mut self, ask: ServerAsk) -> Option<ServerInput> {
        match ask {
            ServerAsk::User(claim) => Some(ServerInput::User(match claim {
                Claim::Permanent(supi) if supi.value() == IMSI => UserFound::Subscriber(supi),
                Claim::Permanent(_) | Claim::Concealed(_) => UserFound::Unknown,
                Claim::Pseudonym(name) => match self.pseudonyms.open(&name, DATE) {
                    Some(supi) => UserFound::Subscriber(supi),
                    None => UserFound::Unknown,
                },
                Claim::Reauthentication(name) => match self.kept.remove(name.as_str()) {
                    Some(kept) => {
                        let next = reauthentication_name(kept.method, &Self::realm(), &mut self.entropy);
                        UserFound::Reauthentication(Box::new(kept), next.ok().flatten())
                    }
                    None => UserFound::Unknown,
                },
            })),
            ServerAsk::Vector(request) => {
                if let Some((rand, auts)) = &request.resynchronisation {
                    match auc::verify_auts(&self.credentials, rand, auts) {
                        Ok(sqn) => self.sqn = sqn.value(),
                        Err(_) => return Some(ServerInput::Refused(Refusal::AutsRejected)),
                    }
                }
                self.sqn = self.sqn.saturating_add(32);
                let entropy: &mut dyn Entropy = &mut self.entropy;
                let rand = Rand::from_octets(entropy.octets().ok()?);
                let sqn = Sqn::new(self.sqn)?;
                let vector = match (request.method, &request.network) {
                    (AkaMethod::Aka, _) => {
                        let permit = arpf::permit::<EapAkaAv>(|_| true).ok()?;
                        Vector::Aka(permit.vector(&EapAkaAv, &self.credentials, &rand, sqn, &mut ()))
                    }
                    (AkaMethod::AkaPrime, NetworkName::Access(identity)) => {
                        let permit = arpf::permit::<EapAkaPrimeAv<'_>>(|_| true).ok()?;
                        let operation = EapAkaPrimeAv::AccessNetwork(identity);
                        Vector::AkaPrime(permit.vector(&operation, &self.credentials, &rand, sqn, &mut ()))
                    }
                    (AkaMethod::AkaPrime, NetworkName::Serving(_)) => {
                        return Some(ServerInput::Refused(Refusal::NoVector));
                    }
                };
                let pseudonym = self
                    .pseudonyms
                    .make(request.method, &request.supi, DATE, &mut self.entropy);
                let reauthentication = reauthentication_name(request.method, &Self::realm(), &mut self.entropy);
                let names = Names {
                    pseudonym: pseudonym.ok().flatten(),
                    reauthentication: reauthentication.ok().flatten(),
                };
                Some(ServerInput::Vector(vector, names))
            }
            ServerAsk::Confirm(_) => Some(ServerInput::Confirmed(Ok(()))),
            ServerAsk::Keep(kept) => {
                let name = kept.name.as_str().to_owned();
                assert!(self.kept.insert(name, *kept).is_none(), "a name was given twice");
                None
            }
        }
    }

    fn give_peer(&mut self, packet: Option<Vec<u8>>) {
        let Some(peer) = self.peer.take() else { return };
        let mut step = peer.handle(NOW, &mut self.entropy, packet.map(PeerInput::Packet));
        while let Some(PeerAsk::Card { rand, autn }) = step.ask.take() {
            let Some(peer) = step.next.take() else { break };
            let answer = self.usim.authenticate(&rand, &autn).map(Into::into);
            step = peer.handle(NOW, &mut self.entropy, Some(PeerInput::Card(answer)));
        }
        self.peer = step.next;
        match step.out.map(|out| out.made_durable().release_to_peer()) {
            Some(PeerOutput::Response(response)) => self.of_peer.push(response.into()),
            Some(PeerOutput::Success(mut success)) => {
                self.memory = core::mem::take(&mut success.memory);
                self.peers.push(*success);
            }
            Some(PeerOutput::Failure(failure)) => self.memory = failure.memory,
            Some(PeerOutput::Discard(_)) | None => {}
        }
    }

    /// One session, one set of keys; and no session twice.
    fn holds(&self) {
        for (at, server) in self.servers.iter().enumerate() {
            let again = self.servers[..at]
                .iter()
                .any(|before| before.session_id == server.session_id);
            assert!(!again, "a session comes twice");
            for peer in self.peers.iter().filter(|peer| peer.session_id == server.session_id) {
                assert!(peer.msk == server.msk && peer.emsk == server.emsk && peer.peer_id == server.peer_id);
            }
        }
    }
}
