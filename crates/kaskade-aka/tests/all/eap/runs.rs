//! Peer against server: every way that a run can go.

use kaskade_aka::eap_aka::identity::Claim;
use kaskade_aka::eap_aka::peer::PeerPolicy;
use kaskade_aka::eap_aka::server::ServerAsk;
use kaskade_aka::eap_aka::{ForwardSecrecy, NetworkName, ServerPolicy};
use kaskade_codec::eap::{AkaMethod, NotificationCode, write};
use kaskade_crypto::ecdh::Group;
use kaskade_flow::refusal::Refusal;
use kaskade_keys::ServingNetworkName;

use super::*;

fn aka_only() -> PeerPolicy {
    PeerPolicy::non_3gpp().with_methods(&[AkaMethod::Aka])
}

/// Whether the user's number is to be seen in a packet.
fn shows_user(packets: &[Vec<u8>]) -> bool {
    let digits = IMSI.as_bytes();
    packets
        .iter()
        .any(|packet| packet.windows(digits.len()).any(|window| window == digits))
}

#[test]
fn a_full_authentication_by_either_method() {
    for (peer, method) in [
        (PeerPolicy::non_3gpp(), AkaMethod::AkaPrime),
        (aka_only(), AkaMethod::Aka),
    ] {
        let (mut home, mut device) = (Home::new(), Device::new(peer));
        let (server, peer) = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device).agreed();
        assert_eq!((server.method, &server.supi), (method, &supi()));
        assert_eq!(peer.peer_id, permanent_identity(method));
        assert!(server.k_ausf.is_none() && !server.forward_secrecy && !server.reauthentication);
        assert_eq!(home.asked, [Claim::Permanent(supi())]);
        assert_eq!(device.card, 1);
    }
}

#[test]
fn a_pseudonym_and_then_fast_re_authentications() {
    for (policy, method) in [
        (PeerPolicy::non_3gpp(), AkaMethod::AkaPrime),
        (aka_only(), AkaMethod::Aka),
    ] {
        let (mut home, mut device) = (Home::new().with_names(), Device::new(policy));
        let server_policy = || ServerPolicy::non_3gpp().with_reauthentications(3);
        let (_, peer) = run(&mut home, server_policy(), wlan(), &mut device).agreed();
        let pseudonym = peer.memory.pseudonym.clone().expect("a pseudonym");
        assert!(pseudonym.as_str().ends_with(&realm()) && !pseudonym.as_str().contains(IMSI));
        device.memory = peer.memory;
        let mut sessions = vec![peer.session_id];
        for number in 1..=3 {
            let ended = run(&mut home, server_policy(), wlan(), &mut device);
            assert!(!shows_user(&ended.packets), "{method} {number}");
            let (server, peer) = ended.agreed();
            assert!(server.reauthentication, "{method} {number}");
            assert!(!sessions.contains(&server.session_id));
            sessions.push(server.session_id);
            assert_eq!(peer.memory.pseudonym.as_ref(), Some(&pseudonym), "it stays");
            device.memory = peer.memory;
        }
        assert_eq!((device.card, home.vectors.len()), (1, 1), "the card is not asked");
        // The fourth is a full one, at once, bound to the name that was sent.
        let ended = run(&mut home, server_policy(), wlan(), &mut device);
        assert!(!shows_user(&ended.packets));
        let (server, peer) = ended.agreed();
        assert!(!server.reauthentication && server.peer_id.as_str().starts_with(['4', '8']));
        assert_eq!(device.card, 2);
        // Without the keys the pseudonym still hides who that is.
        device.memory = PeerMemory {
            reauthentication: None,
            ..peer.memory
        };
        let ended = run(&mut home, server_policy(), wlan(), &mut device);
        assert!(!shows_user(&ended.packets));
        let (server, _) = ended.agreed();
        assert_eq!(server.supi, supi());
        assert!(matches!(home.asked.last(), Some(Claim::Pseudonym(_))));
    }
}

#[test]
fn names_that_nobody_knows_any_more_lead_to_rounds_for_others() {
    let (mut home, mut device) = (Home::new().with_names(), Device::new(PeerPolicy::non_3gpp()));
    let (_, peer) = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device).agreed();
    device.memory = peer.memory;
    // The table is lost: FULLAUTH brings the pseudonym.
    home.kept.clear();
    let ended = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device);
    assert!(!shows_user(&ended.packets));
    let (server, peer) = ended.agreed();
    assert!(!server.reauthentication && server.peer_id.as_str().starts_with('7'));
    device.memory = peer.memory;
    // The key of the pseudonyms, too: PERMANENT.
    home.kept.clear();
    home.pseudonyms = Pseudonyms::new(&[0x78; 32]);
    let ended = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device);
    assert!(shows_user(&ended.packets));
    let (server, peer) = ended.agreed();
    assert_eq!(server.peer_id, permanent_identity(AkaMethod::AkaPrime));
    // A conservative peer does not give it.
    home.kept.clear();
    home.pseudonyms = Pseudonyms::new(&[0x79; 32]);
    device.memory = peer.memory;
    device.policy = PeerPolicy::non_3gpp().conservative();
    let ended = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device);
    assert!(!shows_user(&ended.packets));
    let failure = ended.peer.expect_err("no identity, no access");
    assert_eq!(ended.server.expect_err("nor here"), Refusal::UeRefused);
    assert!(failure.memory.pseudonym.is_some() && failure.memory.reauthentication.is_none());
}

#[test]
fn a_server_that_always_asks_takes_what_aka_identity_says() {
    let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
    let policy = ServerPolicy::non_3gpp().asking_always();
    let ended = run(&mut home, policy, wlan(), &mut device);
    // Identity, ANY, identity, challenge, answer, success.
    assert_eq!(ended.packets.len(), 6);
    ended.agreed();
}

#[test]
fn fast_re_authentication_is_not_for_another_network() {
    let (mut home, mut device) = (Home::new().with_names(), Device::new(PeerPolicy::non_3gpp()));
    let (_, peer) = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device).agreed();
    device.memory = peer.memory;
    let ethernet = NetworkName::Access("ETHERNET".parse().unwrap());
    let (server, _) = run(&mut home, ServerPolicy::non_3gpp(), ethernet, &mut device).agreed();
    assert!(!server.reauthentication);
    assert_eq!(device.card, 2);
}

#[test]
fn a_card_that_is_ahead_gets_another_vector() {
    for (policy, method) in [
        (PeerPolicy::non_3gpp(), AkaMethod::AkaPrime),
        (aka_only(), AkaMethod::Aka),
    ] {
        let (mut home, mut device) = (Home::new().with_names(), Device::new(policy));
        let ahead = auc::quintet(
            &credentials(),
            &Rand::from_octets([8; 16]),
            Sqn::new(32 * 1000).unwrap(),
        );
        device.usim.authenticate(&ahead.rand, &ahead.autn).unwrap();
        let (server, _) = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device).agreed();
        assert_eq!(server.method, method);
        assert_eq!(device.card, 2);
        assert!(home.vectors[0].resynchronisation.is_none() && home.vectors[1].resynchronisation.is_some());
        assert_eq!(home.sqn, 32 * 1001);
    }
}

#[test]
fn a_card_that_is_never_content_ends_the_run() {
    let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
    let ahead = auc::quintet(
        &credentials(),
        &Rand::from_octets([8; 16]),
        Sqn::new(32 * 1000).unwrap(),
    );
    device.usim.authenticate(&ahead.rand, &ahead.autn).unwrap();
    // The AuC is not moved: each vector is as old as the last.
    struct Stubborn(Home);
    impl Stubborn {
        fn step(&mut self, mut step: Step<Server>) -> ServerStep {
            while let Some(ask) = step.ask.take() {
                let ask = match ask {
                    ServerAsk::Vector(request) => ServerAsk::Vector(VectorRequest {
                        resynchronisation: None,
                        ..request
                    }),
                    ask => ask,
                };
                let input = self.0.answer(ask);
                step = step.next.unwrap().handle(NOW, &mut Drawn(4), input);
            }
            ServerStep {
                next: step.next,
                out: step.out.map(|out| out.made_durable().release_to_peer()),
            }
        }
    }
    let mut home = Stubborn(std::mem::replace(&mut home, Home::new()));
    let (mut peer, out) = {
        let peer = device.begin();
        peer_packet(&mut device, peer, &WHO)
    };
    let Some(PeerOutput::Response(response)) = out else {
        panic!()
    };
    let mut server = home.step(begin(ServerPolicy::non_3gpp(), wlan(), &response));
    for _ in 0..10 {
        match server.out.take() {
            Some(ServerOutput::Request(request)) => {
                let (next, out) = peer_packet(&mut device, peer.take().unwrap(), &request);
                peer = next;
                let Some(PeerOutput::Response(response)) = out else {
                    panic!("{out:?}")
                };
                let step =
                    server
                        .next
                        .take()
                        .unwrap()
                        .handle(NOW, &mut Drawn(5), Some(ServerInput::Packet(response.into())));
                server = home.step(step);
            }
            Some(ServerOutput::Failure { why, .. }) => {
                assert_eq!(why, Refusal::AutsRejected);
                assert_eq!(home.0.vectors.len(), 2, "one AUTS, one more vector");
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("without end");
}

#[test]
fn both_sides_want_a_protected_result() {
    let peer = PeerPolicy::non_3gpp().with_result_indication();
    let server = || ServerPolicy::non_3gpp().with_result_indication();
    let (mut home, mut device) = (Home::new().with_names(), Device::new(peer));
    let ended = run(&mut home, server(), wlan(), &mut device);
    // Identity, challenge, answer, notification, answer, success.
    assert_eq!(ended.packets.len(), 6);
    let (_, peer) = ended.agreed();
    device.memory = peer.memory;
    // In a fast re-authentication too, with its number.
    let ended = run(&mut home, server(), wlan(), &mut device);
    assert_eq!(ended.packets.len(), 6);
    let (server_side, _) = ended.agreed();
    assert!(server_side.reauthentication);
    // Whoever does not want it gets none.
    let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
    assert_eq!(run(&mut home, server(), wlan(), &mut device).packets.len(), 4);
}

fn request_of(step: &ServerStep) -> Vec<u8> {
    match &step.out {
        Some(ServerOutput::Request(request)) => request.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn response_of(out: Option<PeerOutput>) -> Vec<u8> {
    match out {
        Some(PeerOutput::Response(response)) => response.into(),
        other => panic!("{other:?}"),
    }
}

/// Neither Client-Error nor Authentication-Reject is protected.
#[test]
fn a_forged_error_undoes_no_protected_success() {
    let policy = PeerPolicy::non_3gpp().with_result_indication();
    let (mut home, mut device) = (Home::new(), Device::new(policy));
    let peer = device.begin();
    let (peer, out) = peer_packet(&mut device, peer, &WHO);
    let policy = ServerPolicy::non_3gpp().with_result_indication();
    let step = server_step(&mut home, begin(policy, wlan(), &response_of(out)));
    let (peer, out) = peer_packet(&mut device, peer.unwrap(), &request_of(&step));
    let step = server_packet(&mut home, step.next.unwrap(), response_of(out));
    let notification = request_of(&step);
    let mut server = step.next.unwrap();
    for forged in [
        write::client_error(AkaMethod::AkaPrime, notification[1], 0),
        write::authentication_reject(AkaMethod::AkaPrime, notification[1]),
    ] {
        let step = server_packet(&mut home, server, forged);
        assert!(matches!(step.out, Some(ServerOutput::Discard(_))), "{:?}", step.out);
        server = step.next.unwrap();
    }
    let (_, out) = peer_packet(&mut device, peer.unwrap(), &notification);
    let step = server_packet(&mut home, server, response_of(out));
    assert!(matches!(step.out, Some(ServerOutput::Success(_))));
}

/// Has no random octets.
struct Dry;

impl Entropy for Dry {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

/// A peer discards the failure of another packet (RFC 3748 4.2).
#[test]
fn a_failure_has_the_identifier_of_what_it_answers() {
    let (mut home, mut device) = (Home::new().with_names(), Device::new(PeerPolicy::non_3gpp()));
    let (_, success) = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device).agreed();
    device.memory = success.memory;
    let peer = device.begin();
    let (peer, out) = peer_packet(&mut device, peer, &WHO);
    let step = server_step(&mut home, begin(ServerPolicy::non_3gpp(), wlan(), &response_of(out)));
    let (_, out) = peer_packet(&mut device, peer.unwrap(), &request_of(&step));
    let answer = response_of(out);
    let identifier = answer[1];
    let step = step
        .next
        .unwrap()
        .handle(NOW, &mut Dry, Some(ServerInput::Packet(answer)));
    assert!(matches!(step.ask, Some(ServerAsk::Confirm(_))));
    // The notification of it would be enciphered.
    let refused = ServerInput::Confirmed(Err(Refusal::AccessBarred));
    let step = step.next.unwrap().handle(NOW, &mut Dry, Some(refused));
    match step.out.map(|out| out.made_durable().release_to_peer()) {
        Some(ServerOutput::Failure { packet, why }) => {
            assert_eq!((packet, why), ([4, identifier, 0, 4], Refusal::AccessBarred));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_user_who_may_not_is_told_why_under_protection() {
    for (why, code) in [
        (Refusal::AccessBarred, 1026),
        (Refusal::ServiceNotSubscribed, 1031),
        (Refusal::Internal, 0),
    ] {
        for fast in [false, true] {
            let (mut home, mut device) = (Home::new().with_names(), Device::new(PeerPolicy::non_3gpp()));
            if fast {
                let (_, peer) = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device).agreed();
                device.memory = peer.memory;
            }
            home.confirms = Err(why);
            let kept = home.kept.len();
            let ended = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device);
            assert_eq!(ended.server.expect_err("may not"), why);
            let failure = ended.peer.expect_err("may not");
            assert_eq!(failure.notification, Some(NotificationCode(code)));
            // What was used is gone, and nothing new was kept.
            assert_eq!(home.kept.len(), if fast { kept - 1 } else { kept });
            assert!(failure.memory.reauthentication.is_none());
        }
    }
}

#[test]
fn a_peer_that_has_only_the_other_method_says_so() {
    let (mut home, mut device) = (Home::new(), Device::new(aka_only()));
    // An identity of no method: the server begins with the better one.
    device.name = PeerName::Imsi(IMSI.parse().unwrap(), realm());
    let policy = ServerPolicy::non_3gpp();
    let step = server_step(&mut home, begin(policy, wlan(), &[2, 40, 0, 6, 1, b'x']));
    let peer = device.begin();
    let ended = talk(&mut home, step, &mut device, peer);
    assert_eq!(ended.packets[1][4], 3, "a NAK");
    let (server, _) = ended.agreed();
    assert_eq!(server.method, AkaMethod::Aka);
}

#[test]
fn a_peer_with_both_methods_is_not_bid_down() {
    // The server has both and says so; somebody has made the peer's identity one of EAP-AKA.
    let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
    let mut response = vec![2, 40, 0, 0, 1];
    response.extend(permanent_identity(AkaMethod::Aka).as_str().as_bytes());
    let policy = ServerPolicy::non_3gpp().asking_always();
    let step = server_step(&mut home, begin(policy, wlan(), &response));
    let peer = device.begin();
    let ended = talk(&mut home, step, &mut device, peer);
    assert_eq!(ended.server.expect_err("bid down"), Refusal::UeRefused);
    assert_eq!(ended.peer.expect_err("bid down").why, Refusal::NetworkNotAuthentic);
    // A server that has nothing else is fine.
    let policy = ServerPolicy::non_3gpp().with_methods(&[AkaMethod::Aka]);
    let mut device = Device::new(PeerPolicy::non_3gpp());
    let step = server_step(&mut home, begin(policy.asking_always(), wlan(), &response));
    let peer = device.begin();
    talk(&mut home, step, &mut device, peer).agreed();
}

#[test]
fn the_key_derivation_function_is_negotiated() {
    for others in [&[7_u16][..], &[0xffff, 2, 9]] {
        let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
        let policy = ServerPolicy::non_3gpp().offering_before_kdf_1(others);
        let ended = run(&mut home, policy, wlan(), &mut device);
        // Identity, challenge, other function, challenge, answer, success.
        assert_eq!(ended.packets.len(), 6);
        ended.agreed();
        assert_eq!(
            (device.card, home.vectors.len()),
            (1, 1),
            "the card sees the challenge once"
        );
    }
    // With an AUTS after it.
    let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
    let ahead = auc::quintet(
        &credentials(),
        &Rand::from_octets([8; 16]),
        Sqn::new(32 * 1000).unwrap(),
    );
    device.usim.authenticate(&ahead.rand, &ahead.autn).unwrap();
    let policy = ServerPolicy::non_3gpp().offering_before_kdf_1(&[7]);
    run(&mut home, policy, wlan(), &mut device).agreed();
    assert_eq!(device.card, 2);
}

#[test]
fn forward_secrecy_where_both_have_it() {
    use Group::{P256, X25519};
    let offered = |groups: &[Group]| ForwardSecrecy::Offered(groups.to_vec());
    for (server, peer, packets, has) in [
        (offered(&[X25519, P256]), offered(&[X25519, P256]), 4, true),
        (offered(&[X25519, P256]), offered(&[P256]), 6, true),
        (offered(&[P256]), offered(&[X25519, P256]), 4, true),
        (offered(&[P256]), offered(&[X25519]), 4, false),
        (offered(&[X25519]), ForwardSecrecy::Off, 4, false),
        (ForwardSecrecy::Off, offered(&[X25519]), 4, false),
        (ForwardSecrecy::Required(vec![X25519]), offered(&[X25519]), 4, true),
        (offered(&[X25519, P256]), ForwardSecrecy::Required(vec![P256]), 6, true),
    ] {
        let (mut home, mut device) = (
            Home::new().with_names(),
            Device::new(PeerPolicy::non_3gpp().with_forward_secrecy(peer.clone())),
        );
        let policy = || ServerPolicy::non_3gpp().with_forward_secrecy(server.clone());
        let ended = run(&mut home, policy(), wlan(), &mut device);
        assert_eq!(ended.packets.len(), packets, "{server:?} {peer:?}");
        let (authenticated, success) = ended.agreed();
        assert_eq!(authenticated.forward_secrecy, has, "{server:?} {peer:?}");
        assert_eq!(device.card, 1);
        // A fast re-authentication starts from those keys, without another exchange.
        device.memory = success.memory;
        let (authenticated, _) = run(&mut home, policy(), wlan(), &mut device).agreed();
        assert_eq!(
            (authenticated.reauthentication, authenticated.forward_secrecy),
            (true, has)
        );
    }
}

#[test]
fn forward_secrecy_that_is_required_and_missing_is_refused() {
    let required = || ForwardSecrecy::Required(Group::ALL.to_vec());
    let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
    let policy = ServerPolicy::non_3gpp().with_forward_secrecy(required());
    let ended = run(&mut home, policy, wlan(), &mut device);
    assert_eq!(ended.server.expect_err("without"), Refusal::ForwardSecrecyRequired);
    assert_eq!(
        ended.peer.expect_err("without").notification,
        Some(NotificationCode::GENERAL_FAILURE)
    );
    let (mut home, mut device) = (
        Home::new(),
        Device::new(PeerPolicy::non_3gpp().with_forward_secrecy(required())),
    );
    let ended = run(&mut home, ServerPolicy::non_3gpp(), wlan(), &mut device);
    assert_eq!(ended.server.expect_err("without"), Refusal::UeRefused);
    assert_eq!(ended.peer.expect_err("without").why, Refusal::ForwardSecrecyRequired);
    assert_eq!(device.card, 0);
}

/// Neither by the older method nor by the keys of a run without.
#[test]
fn forward_secrecy_that_is_required_cannot_be_evaded() {
    let required = ForwardSecrecy::Required(Group::ALL.to_vec());
    let policy = || PeerPolicy::non_3gpp().with_forward_secrecy(required.clone());
    let (mut home, mut device) = (Home::new(), Device::new(policy()));
    let aka = ServerPolicy::non_3gpp().with_methods(&[AkaMethod::Aka]);
    let ended = run(&mut home, aka, wlan(), &mut device);
    assert!(ended.server.is_err() && ended.peer.is_err());
    assert_eq!(device.card, 0, "the older method is not begun");

    let without = |home: &mut Home, device: &mut Device| {
        let (_, success) = run(home, ServerPolicy::non_3gpp(), wlan(), device).agreed();
        assert!(!success.forward_secrecy && success.memory.reauthentication.is_some());
        device.memory = success.memory;
    };
    let (mut home, mut device) = (Home::new().with_names(), Device::new(PeerPolicy::non_3gpp()));
    without(&mut home, &mut device);
    device.policy = policy();
    let offering = ServerPolicy::non_3gpp().with_forward_secrecy(ForwardSecrecy::offered());
    let (_, success) = run(&mut home, offering, wlan(), &mut device).agreed();
    assert!(success.forward_secrecy && !success.reauthentication, "a full one");

    let (mut home, mut device) = (Home::new().with_names(), Device::new(PeerPolicy::non_3gpp()));
    without(&mut home, &mut device);
    device.policy = PeerPolicy::non_3gpp().with_forward_secrecy(ForwardSecrecy::offered());
    let requiring = ServerPolicy::non_3gpp().with_forward_secrecy(required);
    let (_, success) = run(&mut home, requiring, wlan(), &mut device).agreed();
    assert!(success.forward_secrecy && !success.reauthentication, "a full one");
}

#[test]
fn in_5gs_the_supi_is_bound_and_no_name_is_given() {
    let network = NetworkName::from(serving_network());
    let (mut home, mut device) = (
        Home::new().with_names(),
        device_5gs(PeerPolicy::five_gs(network.clone())),
    );
    let ended = run_5gs(&mut home, ServerPolicy::five_gs(), network.clone(), &mut device);
    assert_eq!(ended.packets.len(), 3, "challenge, answer, success");
    assert!(!shows_user(&ended.packets));
    let (server, peer) = ended.agreed();
    assert_eq!(server.k_ausf, Some(server.emsk.k_ausf()));
    assert_eq!(server.peer_id.as_str(), IMSI, "as TS 33.501 F.3 has it");
    assert!(peer.memory.pseudonym.is_none() && peer.memory.reauthentication.is_none());
    assert!(home.kept.is_empty());
    // A card that is ahead, there too.
    let ahead = auc::quintet(
        &credentials(),
        &Rand::from_octets([8; 16]),
        Sqn::new(32 * 1000).unwrap(),
    );
    device.usim.authenticate(&ahead.rand, &ahead.autn).unwrap();
    let (server, _) = run_5gs(&mut home, ServerPolicy::five_gs(), network.clone(), &mut device).agreed();
    assert!(server.k_ausf.is_some());
    // Forward secrecy is a private extension, and off unless named so.
    let plain = ServerPolicy::five_gs().with_forward_secrecy(ForwardSecrecy::offered());
    device.policy = PeerPolicy::five_gs(network.clone()).with_private_5gs_forward_secrecy(ForwardSecrecy::offered());
    let (server, _) = run_5gs(&mut home, plain, network.clone(), &mut device).agreed();
    assert!(!server.forward_secrecy);
    let private = ServerPolicy::five_gs().with_private_5gs_forward_secrecy(ForwardSecrecy::offered());
    let (server, _) = run_5gs(&mut home, private, network, &mut device).agreed();
    assert!(server.forward_secrecy && server.k_ausf == Some(server.emsk.k_ausf()));
}

/// EAP-AKA is bound to what the peer has said, whatever the network is called (RFC 4187 7).
#[test]
fn another_method_in_a_serving_network_is_bound_to_its_own_identity() {
    let network = NetworkName::from(serving_network());
    let (mut home, mut device) = (Home::new().with_names(), Device::new(PeerPolicy::non_3gpp()));
    home.gives_reauthentication = false;
    let (server, peer) = run(&mut home, ServerPolicy::non_3gpp(), network.clone(), &mut device).agreed();
    assert_eq!((server.method, server.peer_id.as_str()), (AkaMethod::AkaPrime, IMSI));
    // It comes back under its pseudonym of EAP-AKA', and has only the other method by then.
    (device.memory, device.policy) = (peer.memory, aka_only());
    let ended = run(&mut home, ServerPolicy::non_3gpp(), network, &mut device);
    assert_eq!(ended.packets[0][5], b'7');
    let (server, _) = ended.agreed();
    assert!(server.method == AkaMethod::Aka && server.peer_id.as_str().starts_with('7'));
}

#[test]
fn offload_to_a_wlan_has_no_k_ausf() {
    let network = NetworkName::from(ServingNetworkName::NSWO);
    let (mut home, mut device) = (Home::new(), device_5gs(PeerPolicy::five_gs(network.clone())));
    let (server, _) = run_5gs(&mut home, ServerPolicy::five_gs(), network, &mut device).agreed();
    assert!(server.k_ausf.is_none());
    assert_eq!(server.peer_id.as_str(), IMSI);
}

#[test]
fn a_5gs_peer_gives_its_suci_and_nothing_else() {
    let network = NetworkName::from(serving_network());
    let mut device = device_5gs(PeerPolicy::five_gs(network));
    let peer = device.begin();
    let (peer, out) = peer_packet(&mut device, peer, &WHO);
    let Some(PeerOutput::Response(response)) = out else {
        panic!("{out:?}")
    };
    assert!(response[5..].starts_with(b"type0.rid0"));
    let request = kaskade_codec::eap::write::identity_request;
    let mut peer = peer.unwrap();
    for (identifier, which) in [
        (41, kaskade_codec::eap::IdRequest::Any),
        (42, kaskade_codec::eap::IdRequest::FullAuth),
    ] {
        let (next, out) = peer_packet(&mut device, peer, &request(AkaMethod::AkaPrime, identifier, which));
        let Some(PeerOutput::Response(response)) = out else {
            panic!("{out:?}")
        };
        assert!(response[12..].starts_with(b"type0.rid0"), "{which:?}");
        peer = next.unwrap();
    }
    let permanent = request(AkaMethod::AkaPrime, 43, kaskade_codec::eap::IdRequest::Permanent);
    let (_, out) = peer_packet(&mut device, peer, &permanent);
    let Some(PeerOutput::Response(response)) = out else {
        panic!("{out:?}")
    };
    assert_eq!(
        response[..],
        [2, 43, 0, 12, 50, 14, 0, 0, 22, 1, 0, 0],
        "Client-Error 0"
    );
}

#[test]
fn an_identity_says_by_its_form_what_it_is() {
    let claim = |identity: &str| {
        let mut response = vec![2, 40, 0, 0, 1];
        response.extend(identity.as_bytes());
        begin(ServerPolicy::non_3gpp(), wlan(), &response).ask
    };
    let realms = ["nai.epc", "wlan", "5gc"].map(|first| format!("{first}.mnc001.mcc001.3gppnetwork.org"));
    for realm in realms.iter().map(|realm| format!("@{realm}")).chain([String::new()]) {
        for first in ["0", "6"] {
            let identity = format!("{first}{IMSI}{realm}");
            assert_eq!(
                claim(&identity),
                Some(ServerAsk::User(Claim::Permanent(supi()))),
                "{identity}"
            );
        }
        for first in ["2", "7"] {
            let identity: EapIdentity = format!("{first}abc{realm}").parse().unwrap();
            let expected = Claim::Pseudonym(identity.clone());
            assert_eq!(claim(identity.as_str()), Some(ServerAsk::User(expected)));
        }
        for first in ["4", "8"] {
            let identity: EapIdentity = format!("{first}abc{realm}").parse().unwrap();
            let expected = Claim::Reauthentication(identity.clone());
            assert_eq!(claim(identity.as_str()), Some(ServerAsk::User(expected)));
        }
    }
    for realm in ["5gc", "5gc-nswo"] {
        let suci = format!("type0.rid0.schid0.userid0000000001@{realm}.mnc001.mcc001.3gppnetwork.org");
        assert!(matches!(claim(&suci), Some(ServerAsk::User(Claim::Concealed(_)))));
    }
    // No identity of these methods: the peer is asked.
    for other in [
        "",
        "1001010000000001",
        "anonymous@example.org",
        "0",
        "0imsi@example.org",
        "\u{e9}",
        &"0".repeat(254),
    ] {
        assert!(claim(other).is_none(), "{other}");
    }
}

#[test]
fn nothing_that_is_printed_names_the_user() {
    let (mut home, mut device) = (Home::new().with_names(), Device::new(PeerPolicy::non_3gpp()));
    let (mut server, mut printed) = (None, Vec::new());
    let mut peer = Some(device.begin());
    let mut packet = WHO.to_vec();
    for _ in 0..4 {
        let (next, out) = peer_packet(&mut device, peer.take().unwrap(), &packet);
        printed.push(format!("{next:?} {out:?}"));
        peer = next;
        let Some(PeerOutput::Response(response)) = out else {
            break;
        };
        let input = ServerInput::Packet(response.to_vec());
        printed.push(format!("{input:?}"));
        let step = match server.take() {
            None => server_step(&mut home, begin(ServerPolicy::non_3gpp(), wlan(), &response)),
            Some(server) => server_packet(&mut home, server, response.into()),
        };
        printed.push(format!("{:?} {:?}", step.next, step.out));
        server = step.next;
        packet = match step.out {
            Some(ServerOutput::Request(request)) => request.into(),
            Some(ServerOutput::Success(success)) => success.packet.to_vec(),
            out => panic!("{out:?}"),
        };
    }
    printed.push(format!("{:?} {:?}", home.asked, home.vectors));
    assert!(printed.len() > 6);
    let digits: Vec<String> = IMSI.bytes().map(|digit| digit.to_string()).collect();
    for text in printed {
        assert!(!text.contains(IMSI) && !text.contains(&digits.join(", ")), "{text}");
    }
}
