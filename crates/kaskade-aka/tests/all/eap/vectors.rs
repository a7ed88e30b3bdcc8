//! Whole packets and keys against an independent script (`interop/oracle/eap_packets.py`), which starts from RFC 9048 Appendix D: what
//! both machines write is what it writes, octet by octet, and what it writes they take.

use std::sync::Arc;

use kaskade_aka::arpf::AvPrime;
use kaskade_aka::auc::Quintet;
use kaskade_aka::eap_aka::peer::{CardAnswer, PeerAsk};
use kaskade_aka::eap_aka::{ForwardSecrecy, group};
use kaskade_aka::usim::UsimError;
use kaskade_crypto::{Ak, Autn, Auts, Ck, Ik, Res};
use kaskade_flow::Guarded;
use kaskade_keys::eap::{CkIkPrime, Emsk, Msk};
use kaskade_keys::id::SessionId;
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_oracle::{octets, vectors};
use serde_json::Value;

use super::*;

/// Gives these octets and no others.
pub(super) struct Scripted(pub(super) Vec<u8>);

impl Entropy for Scripted {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        if self.0.len() < octets.len() {
            return Err(NoRandomness);
        }
        let rest = self.0.split_off(octets.len());
        octets.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

pub(super) struct Case(pub(super) Value);

impl Case {
    pub(super) fn octets(&self, member: &str) -> Vec<u8> {
        octets(&self.0[member])
    }

    pub(super) fn array<const N: usize>(&self, member: &str) -> [u8; N] {
        self.octets(member).try_into().unwrap()
    }

    pub(super) fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap()
    }

    pub(super) fn has(&self, member: &str) -> bool {
        self.0[member].is_string()
    }

    pub(super) fn name(&self) -> &str {
        self.text("name")
    }

    pub(super) fn method(&self) -> AkaMethod {
        match self.text("method") {
            "EAP-AKA" => AkaMethod::Aka,
            _ => AkaMethod::AkaPrime,
        }
    }

    pub(super) fn forward_secrecy(&self) -> ForwardSecrecy {
        match self.0["group"].as_u64() {
            Some(number) => ForwardSecrecy::Offered(vec![group(number as u16).unwrap()]),
            None => ForwardSecrecy::Off,
        }
    }

    pub(super) fn ck_ik(&self) -> (Ck, Ik) {
        (Ck::from_octets(&self.array("ck")), Ik::from_octets(&self.array("ik")))
    }

    pub(super) fn rand_autn(&self) -> (Rand, Autn) {
        (
            Rand::from_octets(self.array("rand")),
            Autn::from_octets(self.array("autn")),
        )
    }

    pub(super) fn vector(&self) -> Vector {
        let ((ck, ik), (rand, autn)) = (self.ck_ik(), self.rand_autn());
        let xres = Res::from_slice(&self.octets("res")).unwrap();
        match self.method() {
            AkaMethod::Aka => Vector::Aka(Quintet {
                rand,
                xres,
                ck,
                ik,
                ak: Ak::from_octets(&[0; 6]),
                autn,
            }),
            AkaMethod::AkaPrime => {
                let name = self.text("network_name").parse().unwrap();
                let ck_ik_prime: CkIkPrime =
                    CkIk::from_parts(&ck, &ik).ck_ik_prime_access(&name, &SqnXorAk::from(&autn));
                Vector::AkaPrime(AvPrime {
                    rand,
                    autn,
                    xres,
                    ck_ik_prime,
                })
            }
        }
    }

    pub(super) fn card(&self) -> Result<CardAnswer, UsimError> {
        if self.has("auts") {
            return Err(UsimError::SynchronisationFailure(Auts::from_octets(self.array("auts"))));
        }
        let (ck, ik) = self.ck_ik();
        let res = Res::from_slice(&self.octets("res")).unwrap();
        Ok(CardAnswer { res, ck, ik })
    }

    /// MSK and EMSK are those of the case.
    #[track_caller]
    pub(super) fn has_keys(&self, msk: &Msk, emsk: &Emsk) {
        assert_eq!(*msk, Msk::from_octets(&self.array("msk")), "{}", self.name());
        assert_eq!(*emsk, Emsk::from_octets(&self.array("emsk")), "{}", self.name());
    }
}

pub(super) fn cases() -> Vec<Case> {
    let file = vectors("eap-packets.json");
    let cases: Vec<Case> = file["cases"].as_array().unwrap().iter().cloned().map(Case).collect();
    assert_eq!(cases.len(), 12);
    cases
}

/// Gives a server something, answers what it asks for without randomness, and takes what comes out.
pub(super) struct Wire {
    pub(super) server: Option<Server>,
    pub(super) kept: Option<Reauthentication>,
    pub(super) entropy: Scripted,
}

impl Wire {
    pub(super) fn step(&mut self, case: &Case, mut step: Step<Server>) -> Option<ServerOutput> {
        while let Some(ask) = step.ask.take() {
            let input = match ask {
                ServerAsk::User(Claim::Reauthentication(name)) => {
                    let kept = self.kept.take().unwrap();
                    assert_eq!(kept.name, name);
                    let next = case.text("next_reauthentication").parse().unwrap();
                    ServerInput::User(UserFound::Reauthentication(Box::new(kept), Some(next)))
                }
                ServerAsk::User(Claim::Permanent(supi)) => ServerInput::User(UserFound::Subscriber(supi)),
                ServerAsk::User(claim) => panic!("{claim:?}"),
                ServerAsk::Vector(_) => {
                    let name = |member| case.has(member).then(|| case.text(member).parse().unwrap());
                    let names = Names {
                        pseudonym: name("pseudonym"),
                        reauthentication: name("reauthentication"),
                    };
                    ServerInput::Vector(case.vector(), names)
                }
                ServerAsk::Confirm(_) => {
                    ServerInput::Confirmed(match case.has("name_sent") && case.0["barred"] == true {
                        true => Err(Refusal::AccessBarred),
                        false => Ok(()),
                    })
                }
                ServerAsk::Keep(kept) => {
                    self.kept = Some(*kept);
                    break;
                }
            };
            step = step.next.unwrap().handle(NOW, &mut self.entropy, Some(input));
        }
        self.server = step.next;
        step.out
            .map(|out: Guarded<ServerOutput>| out.made_durable().release_to_peer())
    }

    pub(super) fn begin(&mut self, case: &Case, identity: &str, identifier: u8) -> Option<ServerOutput> {
        let mut policy = ServerPolicy::non_3gpp()
            .with_methods(&[case.method()])
            .with_forward_secrecy(case.forward_secrecy());
        if case.has("pseudonym") {
            policy = policy.with_result_indication();
        }
        if case.has("identity_request") {
            policy = policy.asking_always();
        }
        let begin = Begin {
            policy: Arc::new(policy),
            network: wlan(),
            identifier,
        };
        self.step(case, Server::begin(begin, identity.as_bytes(), NOW))
    }

    pub(super) fn packet(&mut self, case: &Case, packet: Vec<u8>) -> Option<ServerOutput> {
        let server = self.server.take().unwrap();
        let step = server.handle(NOW, &mut self.entropy, Some(ServerInput::Packet(packet)));
        self.step(case, step)
    }
}

#[track_caller]
pub(super) fn request(out: Option<ServerOutput>) -> Vec<u8> {
    match out {
        Some(ServerOutput::Request(request)) => request.into(),
        out => panic!("{out:?}"),
    }
}

#[test]
fn a_server_writes_and_takes_the_packets_of_the_reference() {
    let mut kept = None;
    for case in cases() {
        let mut entropy = Vec::new();
        for member in ["nonce_s", "private_key", "iv"] {
            if case.has(member) {
                entropy.extend(case.octets(member));
            }
        }
        let mut wire = Wire {
            server: None,
            kept: if case.has("name_sent") { kept.take() } else { None },
            entropy: Scripted(entropy),
        };
        let fast = case.has("name_sent");
        let identity = case.text(if fast { "name_sent" } else { "identity" }).to_owned();
        let mut sent = request(wire.begin(&case, &identity, 40));
        if case.has("identity_request") {
            assert_eq!(sent, case.octets("identity_request"), "{}", case.name());
            sent = request(wire.packet(&case, case.octets("identity_response")));
        }
        if case.has("server_public_key") {
            // The vector has one private key, the peer's: here it is the server's, and the other's public key the peer's.
            let (own, other) = (case.octets("peer_public_key"), case.octets("server_public_key"));
            assert!(sent.windows(own.len()).any(|window| window == own));
            let answer = with_public_key(&case, &own, &other);
            let Some(ServerOutput::Success(success)) = wire.packet(&case, answer) else {
                panic!("{}", case.name())
            };
            assert!(success.forward_secrecy);
            case.has_keys(&success.msk, &success.emsk);
            continue;
        }
        assert_eq!(sent, case.octets("request"), "{}", case.name());
        let out = wire.packet(&case, case.octets("response"));
        if case.has("auts") {
            // Another vector, here the same one again.
            assert_eq!(request(out)[1], 42);
            continue;
        }
        let out = match case.has("notification") && !fast {
            true => {
                assert_eq!(request(out), case.octets("notification"), "{}", case.name());
                wire.packet(&case, case.octets("notification_response"))
            }
            false => out,
        };
        let Some(ServerOutput::Success(success)) = out else {
            panic!("{}: {out:?}", case.name())
        };
        case.has_keys(&success.msk, &success.emsk);
        let (rand, autn) = case.rand_autn();
        match (fast, case.method()) {
            (false, AkaMethod::Aka) => assert_eq!(success.session_id, SessionId::aka(&rand, &autn)),
            (false, AkaMethod::AkaPrime) => assert_eq!(success.session_id, SessionId::aka_prime(&rand, &autn)),
            (true, _) => {
                let mac = case.octets("request").split_off(sent.len() - 16);
                let expected = [&success.session_id.octets()[..1], &case.octets("nonce_s"), &mac].concat();
                assert_eq!(success.session_id.octets()[..], expected);
            }
        }
        // The names of the second case of each method are used by its last.
        kept = wire.kept.or(kept);
    }
}

/// The answer of a peer with another public key: AT_MAC is made anew by the independent key of the case.
fn with_public_key(case: &Case, own: &[u8], other: &[u8]) -> Vec<u8> {
    use kaskade_keys::eap::{AtMacKey, KAut};
    let mut answer = case.octets("response");
    let at = answer.windows(own.len()).position(|window| window == own).unwrap();
    answer[at..at + own.len()].copy_from_slice(other);
    let end = answer.len() - 16;
    answer[end..].fill(0);
    let mac = KAut::from_octets(&case.array("k_aut")).at_mac(&[&answer]);
    answer[end..].copy_from_slice(&mac);
    answer
}

/// A peer on a wire, whose card gives what the case says.
pub(super) struct Terminal {
    pub(super) peer: Option<Peer>,
    pub(super) entropy: Scripted,
}

impl Terminal {
    pub(super) fn new(case: &Case, memory: PeerMemory, entropy: Vec<u8>) -> Self {
        let mut policy = PeerPolicy::non_3gpp()
            .with_methods(&[case.method()])
            .expecting(wlan())
            .with_forward_secrecy(case.forward_secrecy());
        if case.has("pseudonym") {
            policy = policy.with_result_indication();
        }
        let name = PeerName::Imsi(IMSI.parse().unwrap(), realm());
        Self {
            peer: Some(Peer::begin(Arc::new(policy), name, memory, NOW)),
            entropy: Scripted(entropy),
        }
    }

    pub(super) fn packet(&mut self, case: &Case, packet: Vec<u8>) -> PeerOutput {
        let input = Some(PeerInput::Packet(packet));
        let mut step = self.peer.take().unwrap().handle(NOW, &mut self.entropy, input);
        while let Some(PeerAsk::Card { rand, autn }) = step.ask {
            assert_eq!((rand, autn), case.rand_autn());
            let input = Some(PeerInput::Card(case.card()));
            step = step.next.unwrap().handle(NOW, &mut self.entropy, input);
        }
        self.peer = step.next;
        step.out.unwrap().made_durable().release_to_peer()
    }

    #[track_caller]
    pub(super) fn answers(&mut self, case: &Case, packet: Vec<u8>, expected: &[u8]) {
        match self.packet(case, packet) {
            PeerOutput::Response(response) => assert_eq!(response[..], *expected, "{}", case.name()),
            out => panic!("{}: {out:?}", case.name()),
        }
    }

    #[track_caller]
    pub(super) fn succeeds(mut self, case: &Case, identifier: u8) -> PeerSuccess {
        match self.packet(case, vec![3, identifier, 0, 4]) {
            PeerOutput::Success(success) => {
                case.has_keys(&success.msk, &success.emsk);
                *success
            }
            out => panic!("{}: {out:?}", case.name()),
        }
    }
}

/// Whose identity is that of the reference, which has no realm: it came as a pseudonym.
pub(super) fn memory(case: &Case) -> PeerMemory {
    PeerMemory {
        pseudonym: Some(case.text("identity").parse().unwrap()),
        reauthentication: None,
    }
}

pub(super) fn said(identity: &str) -> Vec<u8> {
    let mut octets = vec![2, 40, 0, identity.len() as u8 + 5, 1];
    octets.extend(identity.as_bytes());
    octets
}

#[test]
fn a_peer_writes_and_takes_the_packets_of_the_reference() {
    let mut remembered = None;
    for case in cases() {
        let fast = case.has("name_sent");
        let private_key = match case.has("private_key") {
            true => case.octets("private_key"),
            false => Vec::default(),
        };
        if fast {
            let success = fast_reauthentication(&case, remembered.take().unwrap());
            // The same request again, of which the number is not fresh.
            let mut terminal = Terminal::new(&case, success.memory, case.octets("iv"));
            terminal.answers(&case, WHO.to_vec(), &said(case.text("next_reauthentication")));
            terminal.answers(&case, case.octets("request"), &case.octets("too_small_response"));
            continue;
        }
        let mut terminal = Terminal::new(&case, memory(&case), private_key);
        terminal.answers(&case, WHO.to_vec(), &said(case.text("identity")));
        let mut last = 41;
        if case.has("identity_request") {
            terminal.answers(
                &case,
                case.octets("identity_request"),
                &case.octets("identity_response"),
            );
            last = 42;
        }
        terminal.answers(&case, case.octets("request"), &case.octets("response"));
        if case.has("auts") {
            continue;
        }
        if case.has("notification") {
            terminal.answers(
                &case,
                case.octets("notification"),
                &case.octets("notification_response"),
            );
            last = 42;
        }
        let success = terminal.succeeds(&case, last);
        assert_eq!(success.forward_secrecy, case.has("private_key"));
        if case.has("reauthentication") {
            let kept = success.memory.reauthentication.as_ref().unwrap();
            assert_eq!(kept.name.as_str(), case.text("reauthentication"));
            let pseudonym = success.memory.pseudonym.as_ref().unwrap();
            assert_eq!(pseudonym.as_str(), format!("{}@{}", case.text("pseudonym"), realm()));
            remembered = Some(success.memory);
        }
    }
}

/// It succeeds; told instead that the user is barred, it answers that.
fn fast_reauthentication(case: &Case, memory: PeerMemory) -> PeerSuccess {
    let iv = case.octets("iv");
    let mut terminal = Terminal::new(case, memory, iv.clone());
    terminal.answers(case, WHO.to_vec(), &said(case.text("name_sent")));
    terminal.answers(case, case.octets("request"), &case.octets("response"));
    let success = terminal.succeeds(case, 41);
    assert!(success.reauthentication);
    success
}
