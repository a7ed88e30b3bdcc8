//! Every order of messages: one server, one peer, and an attacker who owns the wire between them. The machines are the real ones.
//!
//! The attacker keeps what it has seen and gives it to either end at any time, as it was or with another identifier, drops it, changes the
//! order, and makes packets of its own that need no key. All traces up to a depth are tried, each state once: a machine cannot
//! be copied, so a trace is repeated from its beginning. After each step must hold:
//!
//! | Promise | |
//! |---|---|
//! | keys | sessions of one Session-Id have the same keys on both ends, by the better method and with the same forward secrecy |
//! | replay | no Session-Id comes twice at one end, and the server succeeds only after the card has taken that challenge |
//! | result | where both want it protected, the peer succeeds only after the server's driver has confirmed |
//! | identity | who has a pseudonym never shows the permanent identity |

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kaskade_aka::eap_aka::ForwardSecrecy;
use kaskade_codec::eap::{AkaMethod, IdRequest, NotificationCode, write};
use kaskade_keys::id::SessionId;

use super::*;

/// What the attacker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// A peer begins, and is asked who it is.
    BeginPeer,
    /// A server begins with a packet of the peer, or with a forged identity.
    BeginServer(usize),
    BeginServerForged,
    /// A packet that was seen goes to one of them, with the identifier that it expects, if that is said.
    ToServer(usize, bool),
    ToPeer(usize, bool),
    /// A packet of the attacker's own.
    ForgedToServer(usize),
    ForgedToPeer(usize),
}

/// What is tried.
#[derive(Clone)]
struct Setting {
    server: ServerPolicy,
    peer: PeerPolicy,
    /// Both ends have forward secrecy.
    forward_secrecy: bool,
    /// Runs before that the attacker only listened to: by the first the peer has names.
    before: usize,
    /// Whether it still has that of a fast re-authentication.
    fast: bool,
    /// How many runs each end begins.
    runs: usize,
    /// The longest trace.
    depth: usize,
}

struct World {
    setting: Setting,
    home: Home,
    device: Device,
    server: Option<Server>,
    peer: Option<Peer>,
    /// Packets that were seen, and whose.
    of_server: Vec<Vec<u8>>,
    of_peer: Vec<Vec<u8>>,
    /// The last identifier that each side has given.
    asked: u8,
    begun: (usize, usize),
    servers: Vec<Authenticated>,
    peers: Vec<PeerSuccess>,
    /// Challenges that the card has taken.
    taken: BTreeSet<[u8; 16]>,
    confirmed: usize,
    /// Successes of a peer after which nobody has confirmed.
    unconfirmed: usize,
}

/// Packets that nobody needs a key for.
fn forged_for_peer(identifier: u8, sent: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut forged = vec![
        vec![3, identifier.wrapping_sub(1), 0, 4],
        vec![4, identifier.wrapping_sub(1), 0, 4],
        write::identity_request(AkaMethod::AkaPrime, identifier, IdRequest::Permanent),
        write::identity_request(AkaMethod::Aka, identifier, IdRequest::Any),
        write::notification(AkaMethod::AkaPrime, identifier, NotificationCode(0xc000)),
    ];
    // The last challenge with another network name, and with another code.
    if let Some(challenge) = sent.iter().rev().find(|packet| packet.get(5) == Some(&1)) {
        let mut changed = challenge.clone();
        if let Some(at) = changed.windows(4).position(|window| window == b"WLAN") {
            changed[at] = b'X';
        }
        forged.push(changed);
        let mut changed = challenge.clone();
        *changed.last_mut().unwrap() ^= 1;
        forged.push(changed);
    }
    forged
}

fn forged_for_server(identifier: u8, sent: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut forged = vec![
        kaskade_codec::eap::nak(identifier, &[AkaMethod::Aka]),
        write::notification_answer(AkaMethod::AkaPrime, identifier),
        write::other_kdf(identifier, 1),
        write::other_kdf_fs(identifier, 2),
        write::client_error(AkaMethod::AkaPrime, identifier, 0),
    ];
    if let Some(answer) = sent.iter().rev().find(|packet| packet.get(5) == Some(&1)) {
        let mut changed = answer.clone();
        changed[12] ^= 1;
        forged.push(changed);
    }
    forged
}

impl World {
    fn new(setting: &Setting) -> Self {
        let home = match setting.before {
            0 => Home::new(),
            _ => Home::new().with_names(),
        };
        let mut world = Self {
            home,
            device: Device::new(setting.peer.clone()),
            setting: setting.clone(),
            server: None,
            peer: None,
            of_server: Vec::new(),
            of_peer: Vec::new(),
            asked: 40,
            begun: (0, 0),
            servers: Vec::new(),
            peers: Vec::new(),
            taken: BTreeSet::new(),
            confirmed: 0,
            unconfirmed: 0,
        };
        for _ in 0..setting.before {
            world.honest_run();
        }
        if !setting.fast {
            world.device.memory.reauthentication = None;
        }
        world
    }

    /// A run that the attacker only listens to.
    fn honest_run(&mut self) {
        let ended = run(&mut self.home, self.setting.server.clone(), wlan(), &mut self.device);
        for (packet, of_peer) in ended.packets.iter().zip([true, false].into_iter().cycle()) {
            match of_peer {
                true => see(&mut self.of_peer, packet.clone()),
                false => see(&mut self.of_server, packet.clone()),
            }
        }
        let (server, mut peer) = ended.agreed();
        self.taken.insert(server.session_id.octets()[1..17].try_into().unwrap());
        self.device.memory = std::mem::take(&mut peer.memory);
        self.confirmed += 1;
        self.servers.push(server);
        self.peers.push(peer);
    }

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.begun.1 < self.setting.runs {
            actions.push(Action::BeginPeer);
        }
        if self.begun.0 < self.setting.runs {
            let identities = self.of_peer.iter().enumerate().filter(|(_, packet)| packet[4] == 1);
            actions.extend(identities.map(|(index, _)| Action::BeginServer(index)));
            actions.push(Action::BeginServerForged);
        }
        if let Some(expected) = self
            .server
            .as_ref()
            .and_then(Server::last_request)
            .map(|request| request[1])
        {
            for (index, packet) in self.of_peer.iter().enumerate().filter(|(_, packet)| packet[4] != 1) {
                actions.push(Action::ToServer(index, packet[1] != expected));
            }
            let forged = forged_for_server(expected, &self.of_peer);
            actions.extend((0..forged.len()).map(Action::ForgedToServer));
        }
        if self.peer.is_some() {
            for index in 0..self.of_server.len() {
                actions.push(Action::ToPeer(index, false));
                actions.push(Action::ToPeer(index, true));
            }
            let forged = forged_for_peer(self.asked.wrapping_add(1), &self.of_server);
            actions.extend((0..forged.len()).map(Action::ForgedToPeer));
        }
        actions
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::BeginPeer => {
                self.begun.1 += 1;
                // One that is given up has its deadline.
                if let Some(peer) = self.peer.take() {
                    let step = peer.handle(NOW, &mut Drawn(1), None);
                    self.peer_said(step.out.map(|out| out.made_durable().release_to_peer()));
                }
                let peer = self.device.begin();
                let (next, out) = peer_packet(&mut self.device, peer, &WHO);
                self.peer = next;
                self.asked = WHO[1];
                self.peer_said(out);
            }
            Action::BeginServer(index) => self.begin_server(self.of_peer[index].clone()),
            Action::BeginServerForged => {
                let mut identity = vec![2, 40, 0, 0, 1];
                identity.extend(permanent_identity(AkaMethod::Aka).as_str().as_bytes());
                self.begin_server(identity);
            }
            Action::ToServer(index, rewritten) => {
                let mut packet = self.of_peer[index].clone();
                if let (true, Some(request)) = (rewritten, self.server.as_ref().and_then(Server::last_request)) {
                    packet[1] = request[1];
                }
                self.give_server(packet);
            }
            Action::ForgedToServer(which) => {
                if let Some(request) = self.server.as_ref().and_then(Server::last_request) {
                    let forged = forged_for_server(request[1], &self.of_peer);
                    self.give_server(forged[which].clone());
                }
            }
            Action::ToPeer(index, rewritten) => {
                let mut packet = self.of_server[index].clone();
                if rewritten {
                    packet[1] = match packet[0] {
                        1 => self.asked.wrapping_add(1),
                        _ => self.asked,
                    };
                }
                self.give_peer(&packet);
            }
            Action::ForgedToPeer(which) => {
                let forged = forged_for_peer(self.asked.wrapping_add(1), &self.of_server);
                self.give_peer(&forged[which]);
            }
        }
    }

    fn begin_server(&mut self, identity: Vec<u8>) {
        self.begun.0 += 1;
        let begin = Begin {
            policy: Arc::new(self.setting.server.clone()),
            network: wlan(),
            identifier: identity[1],
        };
        let step = Server::begin(begin, &identity[5..], NOW);
        self.server_said(step);
    }

    fn give_server(&mut self, packet: Vec<u8>) {
        if let Some(server) = self.server.take() {
            let mut entropy = Drawn(self.begun.0 as u64 * 1000 + packet.len() as u64);
            let step = server.handle(NOW, &mut entropy, Some(ServerInput::Packet(packet)));
            self.server_said(step);
        }
    }

    fn server_said(&mut self, mut step: Step<Server>) {
        while let Some(ask) = step.ask.take() {
            self.confirmed += usize::from(matches!(ask, ServerAsk::Confirm(_)));
            match self.home.answer(ask) {
                Some(input) => {
                    let mut entropy = Drawn(self.begun.0 as u64 * 77);
                    step = step.next.unwrap().handle(NOW, &mut entropy, Some(input));
                }
                None => break,
            }
        }
        self.server = step.next;
        match step.out.map(|out| out.made_durable().release_to_peer()) {
            Some(ServerOutput::Request(request)) => see(&mut self.of_server, request.into()),
            Some(ServerOutput::Success(success)) => {
                see(&mut self.of_server, success.packet.to_vec());
                self.servers.push(*success);
            }
            Some(ServerOutput::Failure { packet, .. }) => see(&mut self.of_server, packet.to_vec()),
            Some(ServerOutput::Discard(_)) | None => {}
        }
    }

    fn give_peer(&mut self, packet: &[u8]) {
        let Some(peer) = self.peer.take() else { return };
        if packet[0] == 1 {
            self.asked = packet[1];
        }
        let mut entropy = Drawn(self.begun.1 as u64 * 3001);
        let mut step = peer.handle(NOW, &mut entropy, Some(PeerInput::Packet(packet.to_vec())));
        while let Some(PeerAsk::Card { rand, autn }) = step.ask {
            let answer = self.device.usim.authenticate(&rand, &autn);
            if answer.is_ok() {
                assert!(
                    self.taken.insert(*rand.octets()),
                    "the card has taken a challenge twice"
                );
            }
            let input = Some(PeerInput::Card(answer.map(Into::into)));
            step = step.next.unwrap().handle(NOW, &mut entropy, input);
        }
        self.peer = step.next;
        self.peer_said(step.out.map(|out| out.made_durable().release_to_peer()));
    }

    fn peer_said(&mut self, out: Option<PeerOutput>) {
        match out {
            Some(PeerOutput::Response(response)) => see(&mut self.of_peer, response.into()),
            Some(PeerOutput::Success(mut success)) => {
                self.device.memory = std::mem::take(&mut success.memory);
                self.unconfirmed += usize::from(self.confirmed <= self.peers.len());
                self.peers.push(*success);
            }
            Some(PeerOutput::Failure(failure)) => self.device.memory = failure.memory,
            Some(PeerOutput::Discard(_)) | None => {}
        }
    }

    /// What must hold; the promise that does not.
    fn broken(&self) -> Option<&'static str> {
        for server in &self.servers {
            for peer in &self.peers {
                let same = server.session_id == peer.session_id;
                if same && (server.msk != peer.msk || server.emsk != peer.emsk || server.peer_id != peer.peer_id) {
                    return Some("keys: one session has different ones");
                }
                if same && (server.method, server.forward_secrecy) != (peer.method, peer.forward_secrecy) {
                    return Some("keys: the ends do not agree on how");
                }
            }
            let rand: [u8; 16] = server.session_id.octets()[1..17].try_into().unwrap();
            if !server.reauthentication && !self.taken.contains(&rand) {
                return Some("replay: the server succeeds without the card");
            }
        }
        let methods = self
            .servers
            .iter()
            .map(|server| server.method)
            .chain(self.peers.iter().map(|peer| peer.method));
        if methods.into_iter().any(|method| method == AkaMethod::Aka) {
            return Some("keys: both have EAP-AKA' and end in EAP-AKA");
        }
        let mut secret = self.servers.iter().map(|server| server.forward_secrecy);
        let mut secret_of_peers = self.peers.iter().map(|peer| peer.forward_secrecy);
        if self.setting.forward_secrecy && !(secret.all(|secret| secret) && secret_of_peers.all(|secret| secret)) {
            return Some("keys: both have forward secrecy, and there is none");
        }
        let servers: Vec<&SessionId> = self.servers.iter().map(|server| &server.session_id).collect();
        let peers: Vec<&SessionId> = self.peers.iter().map(|peer| &peer.session_id).collect();
        for sessions in [servers, peers] {
            if sessions.iter().collect::<HashSet<_>>().len() != sessions.len() {
                return Some("replay: a session comes twice");
            }
        }
        if self.unconfirmed > 0 && self.setting.server_wants_result() {
            return Some("result: the peer succeeds, and nobody has confirmed");
        }
        let digits = IMSI.as_bytes();
        let shown = |packet: &Vec<u8>| packet.windows(digits.len()).any(|window| window == digits);
        // What the run before shows is the identity of a peer that has no name yet.
        if self.setting.before > 0 && self.of_peer.iter().skip(1).any(shown) {
            return Some("identity: the permanent one is to be seen after a pseudonym");
        }
        None
    }

    /// Two worlds of one value go on alike.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{:?}{:?}", self.server, self.peer).hash(&mut hasher);
        (&self.of_server, &self.of_peer, self.asked, self.begun).hash(&mut hasher);
        (
            self.home.sqn,
            self.home.entropy.0,
            self.device.usim.sqn_ms().value(),
            self.confirmed,
        )
            .hash(&mut hasher);
        format!("{:?}{:?}", self.device.memory, self.home.kept.keys()).hash(&mut hasher);
        let sessions = self.servers.iter().map(|server| server.session_id);
        sessions
            .chain(self.peers.iter().map(|peer| peer.session_id))
            .for_each(|session| session.hash(&mut hasher));
        hasher.finish()
    }
}

impl Setting {
    fn server_wants_result(&self) -> bool {
        format!("{:?}", self.server).contains("result_ind: true")
            && format!("{:?}", self.peer).contains("result_ind: true")
    }
}

/// Keeps a packet that was not seen yet.
fn see(seen: &mut Vec<Vec<u8>>, packet: Vec<u8>) {
    if !seen.contains(&packet) {
        seen.push(packet);
    }
}

/// Tries all traces. The number of states, and of those in which both ends have keys.
fn explore(setting: &Setting) -> (usize, usize) {
    let mut known = HashSet::new();
    let mut queue = VecDeque::from([Vec::<Action>::new()]);
    let (mut states, mut successes) = (0, 0);
    while let Some(trace) = queue.pop_front() {
        let mut world = World::new(setting);
        for action in &trace {
            world.apply(*action);
        }
        if let Some(promise) = world.broken() {
            panic!("{promise}, after {trace:?}");
        }
        if !known.insert(world.fingerprint()) {
            continue;
        }
        states += 1;
        successes += usize::from(world.servers.len().min(world.peers.len()) > setting.before);
        if trace.len() < setting.depth {
            for action in world.actions() {
                let mut longer = trace.clone();
                longer.push(action);
                queue.push_back(longer);
            }
        }
    }
    (states, successes)
}

#[test]
fn whatever_the_attacker_does_a_full_authentication_is_safe() {
    let setting = Setting {
        server: ServerPolicy::non_3gpp(),
        peer: PeerPolicy::non_3gpp(),
        forward_secrecy: false,
        before: 0,
        fast: false,
        runs: 2,
        depth: 7,
    };
    let (states, successes) = explore(&setting);
    println!("{states} states, {successes} with keys at both ends");
    assert!(states > 1000 && successes > 3);
}

#[test]
fn whatever_the_attacker_does_a_protected_result_is_awaited() {
    let setting = Setting {
        server: ServerPolicy::non_3gpp().with_result_indication(),
        peer: PeerPolicy::non_3gpp().with_result_indication(),
        forward_secrecy: false,
        before: 0,
        fast: false,
        runs: 1,
        depth: 9,
    };
    let (states, successes) = explore(&setting);
    println!("{states} states, {successes} with keys at both ends");
    assert!(states > 1000 && successes > 3);
}

#[test]
fn whatever_the_attacker_does_a_name_hides_the_user_and_serves_once() {
    for fast in [false, true] {
        let setting = Setting {
            server: ServerPolicy::non_3gpp(),
            peer: PeerPolicy::non_3gpp().conservative(),
            forward_secrecy: false,
            before: 2,
            fast,
            runs: 2,
            depth: 6,
        };
        let (states, successes) = explore(&setting);
        println!("fast {fast}: {states} states, {successes} with keys at both ends");
        assert!(states > 1000 && successes > 3);
    }
}

#[test]
fn whatever_the_attacker_does_forward_secrecy_stays() {
    let setting = Setting {
        server: ServerPolicy::non_3gpp().with_forward_secrecy(ForwardSecrecy::offered()),
        peer: PeerPolicy::non_3gpp().with_forward_secrecy(ForwardSecrecy::offered()),
        forward_secrecy: true,
        before: 0,
        fast: false,
        runs: 1,
        depth: 6,
    };
    let (states, successes) = explore(&setting);
    println!("{states} states, {successes} with keys at both ends");
    assert!(states > 300 && successes > 0);
}
