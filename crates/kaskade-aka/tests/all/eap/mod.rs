//! EAP-AKA' and EAP-AKA, both ends, with a home network and a card that are real.

mod bad_input;
mod memory;
mod model;
mod runs;
mod vectors;

use std::collections::BTreeMap;
use std::sync::Arc;

use kaskade_aka::arpf::{self, EapAkaAv, EapAkaPrimeAv};
use kaskade_aka::auc::{self, Credentials};
use kaskade_aka::eap_aka::identity::{Claim, epc_realm, permanent};
use kaskade_aka::eap_aka::names::{Pseudonyms, reauthentication_name};
use kaskade_aka::eap_aka::peer::{
    Peer, PeerAsk, PeerFailure, PeerInput, PeerMemory, PeerName, PeerOutput, PeerPolicy, PeerSuccess,
};
use kaskade_aka::eap_aka::server::{
    Authenticated, Begin, Names, Reauthentication, Server, ServerAsk, ServerInput, ServerOutput, UserFound, Vector,
    VectorRequest,
};
use kaskade_aka::eap_aka::{NetworkName, ServerPolicy};
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::{K, Opc, Rand, Sqn};
use kaskade_flow::refusal::Refusal;
use kaskade_flow::{Entropy, Machine, Moment, NoRandomness, Step, UnixMillis};
use kaskade_keys::id::EapIdentity;
use kaskade_keys::{ServingNetworkName, Supi};

pub(crate) const NOW: Moment = Moment::from_nanos(1_000_000_000);
pub(crate) const DATE: UnixMillis = UnixMillis::new(1_800_000_000_000);
pub(crate) const IMSI: &str = "001010000000001";

/// Different octets each time, the same in each test.
pub(crate) struct Drawn(pub(crate) u64);

impl Entropy for Drawn {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        for octet in octets {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *octet = (self.0 >> 56) as u8;
        }
        Ok(())
    }
}

/// A home network with one subscriber: AuC, names, and what waits for a fast re-authentication.
pub(crate) struct Home {
    pub(crate) credentials: Credentials,
    /// SEQ ‖ IND of the last vector.
    pub(crate) sqn: u64,
    pub(crate) pseudonyms: Pseudonyms,
    pub(crate) kept: BTreeMap<String, Reauthentication>,
    pub(crate) gives_pseudonyms: bool,
    pub(crate) gives_reauthentication: bool,
    /// What becomes of the user after the authentication.
    pub(crate) confirms: Result<(), Refusal>,
    pub(crate) entropy: Drawn,
    /// Every user who was asked for, and every vector that was made.
    pub(crate) asked: Vec<Claim>,
    pub(crate) vectors: Vec<VectorRequest>,
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]))
}

pub(crate) fn supi() -> Supi {
    format!("imsi-{IMSI}").parse().unwrap()
}

pub(crate) fn realm() -> String {
    epc_realm("001-01".parse().unwrap())
}

pub(crate) fn wlan() -> NetworkName {
    NetworkName::Access("WLAN".parse().unwrap())
}

pub(crate) fn serving_network() -> ServingNetworkName {
    "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap()
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            credentials: credentials(),
            sqn: 32 * 7,
            pseudonyms: Pseudonyms::new(&[0x77; 32]),
            kept: BTreeMap::new(),
            gives_pseudonyms: false,
            gives_reauthentication: false,
            confirms: Ok(()),
            entropy: Drawn(1),
            asked: Vec::new(),
            vectors: Vec::new(),
        }
    }

    pub(crate) fn with_names(mut self) -> Self {
        self.gives_pseudonyms = true;
        self.gives_reauthentication = true;
        self
    }

    fn reauthentication_name(&mut self, method: AkaMethod) -> Option<EapIdentity> {
        match self.gives_reauthentication {
            true => reauthentication_name(method, &realm(), &mut self.entropy).unwrap(),
            false => None,
        }
    }

    pub(crate) fn vector(&mut self, request: &VectorRequest) -> Option<Vector> {
        if let Some((rand, auts)) = &request.resynchronisation {
            self.sqn = auc::verify_auts(&self.credentials, rand, auts).ok()?.value();
        }
        self.sqn += 32;
        let entropy: &mut dyn Entropy = &mut self.entropy;
        let rand = Rand::from_octets(entropy.octets().unwrap());
        let sqn = Sqn::new(self.sqn).unwrap();
        Some(match request.method {
            AkaMethod::AkaPrime => {
                let permit = arpf::permit::<EapAkaPrimeAv>(|_| true).unwrap();
                let operation = match &request.network {
                    NetworkName::Access(identity) => EapAkaPrimeAv::AccessNetwork(identity),
                    NetworkName::Serving(name) => EapAkaPrimeAv::ServingNetwork(name),
                };
                Vector::AkaPrime(permit.vector(&operation, &self.credentials, &rand, sqn, &mut ()))
            }
            AkaMethod::Aka => {
                let permit = arpf::permit::<EapAkaAv>(|_| true).unwrap();
                Vector::Aka(permit.vector(&EapAkaAv, &self.credentials, &rand, sqn, &mut ()))
            }
        })
    }

    /// Answers what a server asks for; `None` for what has no answer.
    pub(crate) fn answer(&mut self, ask: ServerAsk) -> Option<ServerInput> {
        match ask {
            ServerAsk::User(claim) => {
                self.asked.push(claim.clone());
                Some(ServerInput::User(match claim {
                    Claim::Permanent(asked) if asked == supi() => UserFound::Subscriber(asked),
                    Claim::Permanent(_) | Claim::Concealed(_) => UserFound::Unknown,
                    Claim::Pseudonym(name) => match self.pseudonyms.open(&name, DATE) {
                        Some(supi) => UserFound::Subscriber(supi),
                        None => UserFound::Unknown,
                    },
                    Claim::Reauthentication(name) => match self.kept.remove(name.as_str()) {
                        Some(kept) => {
                            let next = self.reauthentication_name(kept.method);
                            UserFound::Reauthentication(Box::new(kept), next)
                        }
                        None => UserFound::Unknown,
                    },
                }))
            }
            ServerAsk::Vector(request) => {
                self.vectors.push(request.clone());
                let names = Names {
                    pseudonym: match self.gives_pseudonyms {
                        true => {
                            let until = UnixMillis::new(DATE.get() + 1000);
                            let made = self
                                .pseudonyms
                                .make(request.method, &request.supi, until, &mut self.entropy);
                            made.unwrap()
                        }
                        false => None,
                    },
                    reauthentication: self.reauthentication_name(request.method),
                };
                Some(match self.vector(&request) {
                    Some(vector) => ServerInput::Vector(vector, names),
                    None => ServerInput::Refused(Refusal::AutsRejected),
                })
            }
            ServerAsk::Confirm(_) => Some(ServerInput::Confirmed(self.confirms)),
            ServerAsk::Keep(kept) => {
                let before = self.kept.insert(kept.name.as_str().to_owned(), *kept);
                assert!(before.is_none(), "a name was given twice");
                None
            }
        }
    }
}

/// A device with a card.
pub(crate) struct Device {
    pub(crate) usim: Usim,
    pub(crate) policy: PeerPolicy,
    pub(crate) name: PeerName,
    pub(crate) memory: PeerMemory,
    pub(crate) entropy: Drawn,
    /// How often the card was asked.
    pub(crate) card: usize,
}

impl Device {
    pub(crate) fn new(policy: PeerPolicy) -> Self {
        Self {
            usim: Usim::new(&credentials().keys, UsimOptions::default()),
            policy,
            name: PeerName::Imsi(IMSI.parse().unwrap(), realm()),
            memory: PeerMemory::default(),
            entropy: Drawn(0x5555),
            card: 0,
        }
    }

    pub(crate) fn begin(&mut self) -> Peer {
        let memory = std::mem::take(&mut self.memory);
        Peer::begin(Arc::new(self.policy.clone()), self.name.clone(), memory, NOW)
    }

    pub(crate) fn answer(&mut self, ask: PeerAsk) -> PeerInput {
        let PeerAsk::Card { rand, autn } = ask;
        self.card += 1;
        PeerInput::Card(self.usim.authenticate(&rand, &autn).map(Into::into))
    }
}

/// How both ends came out of a run.
pub(crate) struct Ended {
    pub(crate) server: Result<Authenticated, Refusal>,
    pub(crate) peer: Result<PeerSuccess, PeerFailure>,
    /// Every packet, the server's first.
    pub(crate) packets: Vec<Vec<u8>>,
}

impl Ended {
    /// Both have the same keys.
    #[track_caller]
    pub(crate) fn agreed(self) -> (Authenticated, PeerSuccess) {
        let (server, peer) = match (self.server, self.peer) {
            (Ok(server), Ok(peer)) => (server, peer),
            (server, peer) => panic!("server {server:?}, peer {peer:?}"),
        };
        assert_eq!(server.msk, peer.msk);
        assert_eq!(server.emsk, peer.emsk);
        assert_eq!(server.k_ausf, peer.k_ausf);
        assert_eq!(server.session_id, peer.session_id);
        assert_eq!(server.peer_id, peer.peer_id);
        assert_eq!(
            (server.method, server.forward_secrecy, server.reauthentication),
            (peer.method, peer.forward_secrecy, peer.reauthentication)
        );
        (server, peer)
    }
}

/// What came out of a server's step, with all its questions answered.
pub(crate) struct ServerStep {
    pub(crate) next: Option<Server>,
    pub(crate) out: Option<ServerOutput>,
}

pub(crate) fn server_step(home: &mut Home, mut step: Step<Server>) -> ServerStep {
    loop {
        assert!(step.unit.is_none());
        let out = step.out.map(|out| out.made_durable().release_to_peer());
        match step.ask.and_then(|ask| home.answer(ask)) {
            Some(input) => {
                assert!(out.is_none(), "told before what was asked for is there");
                let entropy = &mut Drawn(home.entropy.0 ^ 0xaaaa);
                step = step.next.unwrap().handle(NOW, entropy, Some(input));
            }
            None => return ServerStep { next: step.next, out },
        }
    }
}

pub(crate) fn server_packet(home: &mut Home, server: Server, packet: Vec<u8>) -> ServerStep {
    let entropy = &mut Drawn(home.entropy.0 ^ packet.len() as u64);
    let step = server.handle(NOW, entropy, Some(ServerInput::Packet(packet)));
    server_step(home, step)
}

pub(crate) fn peer_packet(device: &mut Device, peer: Peer, packet: &[u8]) -> (Option<Peer>, Option<PeerOutput>) {
    let mut entropy = Drawn(device.entropy.0);
    let mut step = peer.handle(NOW, &mut entropy, Some(PeerInput::Packet(packet.to_vec())));
    while let Some(ask) = step.ask {
        let answer = device.answer(ask);
        step = step.next.unwrap().handle(NOW, &mut entropy, Some(answer));
    }
    device.entropy = entropy;
    (step.next, step.out.map(|out| out.made_durable().release_to_peer()))
}

/// EAP-Request/Identity, as an authenticator sends it.
pub(crate) const WHO: [u8; 5] = [1, 40, 0, 5, 1];

/// A server that begins with what a peer answers to [`WHO`].
pub(crate) fn begin(policy: ServerPolicy, network: NetworkName, response: &[u8]) -> Step<Server> {
    let begin = Begin {
        policy: Arc::new(policy),
        network,
        identifier: response[1],
    };
    Server::begin(begin, &response[5..], NOW)
}

/// A whole run, from EAP-Request/Identity on.
pub(crate) fn run(home: &mut Home, policy: ServerPolicy, network: NetworkName, device: &mut Device) -> Ended {
    let (peer, out) = {
        let peer = device.begin();
        peer_packet(device, peer, &WHO)
    };
    let Some(PeerOutput::Response(response)) = out else {
        panic!("no identity: {out:?}");
    };
    let step = server_step(home, begin(policy, network, &response));
    let mut ended = talk(home, step, device, peer.unwrap());
    ended.packets.insert(0, response.into());
    ended
}

/// From the server's first request to the end of both. An end that never comes is the deadline of whoever waits.
pub(crate) fn talk(home: &mut Home, mut server: ServerStep, device: &mut Device, peer: Peer) -> Ended {
    let mut peer = Some(peer);
    let mut packets = Vec::new();
    let (mut of_server, mut of_peer) = (None, None);
    for _ in 0..40 {
        let packet: Vec<u8> = match server.out.take() {
            Some(ServerOutput::Request(request)) => request.into(),
            Some(ServerOutput::Success(authenticated)) => {
                let packet = authenticated.packet.to_vec();
                of_server = Some(Ok(*authenticated));
                packet
            }
            Some(ServerOutput::Failure { packet, why }) => {
                of_server = Some(Err(why));
                packet.to_vec()
            }
            Some(ServerOutput::Discard(_)) | None => break,
        };
        packets.push(packet.clone());
        let Some(waiting) = peer.take() else { break };
        let (next, out) = peer_packet(device, waiting, &packet);
        peer = next;
        match out {
            Some(PeerOutput::Response(response)) => {
                packets.push(response.to_vec());
                match server.next.take() {
                    Some(next) => server = server_packet(home, next, response.into()),
                    None => break,
                }
            }
            Some(PeerOutput::Success(success)) => of_peer = Some(Ok(*success)),
            Some(PeerOutput::Failure(failure)) => of_peer = Some(Err(*failure)),
            Some(PeerOutput::Discard(_)) | None => break,
        }
    }
    // Who still waits is out of time.
    if let Some(next) = server.next {
        of_server = Some(Err(next.refused().unwrap_or(Refusal::PeerSilent)));
        assert!(next.handle(NOW, &mut Drawn(3), None).next.is_none());
    }
    if let Some(peer) = peer {
        let step = peer.handle(NOW, &mut Drawn(3), None);
        match step.out.map(|out| out.made_durable().release_to_peer()) {
            Some(PeerOutput::Failure(failure)) => of_peer = Some(Err(*failure)),
            out => panic!("a deadline gives {out:?}"),
        }
    }
    Ended {
        server: of_server.expect("the server has ended"),
        peer: of_peer.expect("the peer has ended"),
        packets,
    }
}

/// The permanent identity of the device.
pub(crate) fn permanent_identity(method: AkaMethod) -> EapIdentity {
    permanent(method, &IMSI.parse().unwrap(), &realm()).unwrap()
}

/// A run in 5GS: the AUSF has the SUPI and a vector before the first packet.
pub(crate) fn run_5gs(home: &mut Home, policy: ServerPolicy, network: NetworkName, device: &mut Device) -> Ended {
    let request = VectorRequest {
        supi: supi(),
        method: AkaMethod::AkaPrime,
        network: network.clone(),
        resynchronisation: None,
    };
    let Some(Vector::AkaPrime(vector)) = home.vector(&request) else {
        panic!("no vector");
    };
    let begin = Begin {
        policy: Arc::new(policy),
        network,
        identifier: 0,
    };
    let step = Server::begin_5gs(begin, supi(), vector, NOW, &mut Drawn(9)).expect("a policy of 5GS");
    let step = server_step(home, step);
    let peer = device.begin();
    talk(home, step, device, peer)
}

/// A device in 5GS.
pub(crate) fn device_5gs(policy: PeerPolicy) -> Device {
    let suci = "type0.rid0.schid0.userid0000000001@5gc.mnc001.mcc001.3gppnetwork.org";
    Device {
        name: PeerName::FiveGs(supi(), suci.parse().unwrap()),
        ..Device::new(policy)
    }
}
