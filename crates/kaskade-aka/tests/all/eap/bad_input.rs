//! What must not work: changed, replayed and forged packets get the answer that the specifications define, and nothing changes.

use kaskade_aka::eap_aka::ForwardSecrecy;
use kaskade_codec::eap::{AkaMethod, IdRequest, NotificationCode, write};
use kaskade_keys::eap::{AtMacKey, KAut};

use super::vectors::{Case, Scripted, Terminal, Wire, cases, memory, request, said};
use super::*;

/// The challenge of EAP-AKA' and its answer, of the reference.
fn plain() -> Case {
    cases().into_iter().next().unwrap()
}

/// A server that has sent the challenge of a case.
fn challenged(case: &Case) -> Wire {
    let mut wire = Wire {
        server: None,
        kept: None,
        entropy: Scripted(match case.has("private_key") {
            true => case.octets("private_key"),
            false => Vec::new(),
        }),
    };
    request(wire.begin(case, case.text("identity"), 40));
    wire
}

/// A peer that has said who it is.
fn identified(case: &Case) -> Terminal {
    let private_key = case.has("private_key").then(|| case.octets("private_key"));
    let mut terminal = Terminal::new(case, memory(case), private_key.unwrap_or_default());
    terminal.answers(case, WHO.to_vec(), &said(case.text("identity")));
    terminal
}

/// With the AT_MAC that K_aut of the case gives, at the end.
fn with_mac(case: &Case, mut packet: Vec<u8>) -> Vec<u8> {
    let [high, low] = (packet.len() as u16).to_be_bytes();
    packet[2..4].copy_from_slice(&[high, low]);
    let end = packet.len() - 16;
    packet[end..].fill(0);
    let mac = KAut::from_octets(&case.array("k_aut")).at_mac(&[&packet]);
    packet[end..].copy_from_slice(&mac);
    packet
}

const GENERAL_FAILURE: [u8; 12] = [1, 42, 0, 12, 50, 12, 0, 0, 12, 1, 0x40, 0];
const CLIENT_ERROR: [u8; 12] = [2, 41, 0, 12, 50, 14, 0, 0, 22, 1, 0, 0];
const AUTHENTICATION_REJECT: [u8; 8] = [2, 41, 0, 8, 50, 2, 0, 0];

/// The server refuses: a notification before the challenge, and EAP-Failure when it is answered.
#[track_caller]
fn refused(case: &Case, mut wire: Wire, packet: Vec<u8>, why: Refusal) {
    assert_eq!(request(wire.packet(case, packet)), GENERAL_FAILURE);
    assert_eq!(wire.server.as_ref().unwrap().refused(), Some(why));
    let acknowledged = write::notification_answer(AkaMethod::AkaPrime, 42);
    match wire.packet(case, acknowledged) {
        Some(ServerOutput::Failure { packet, why: told }) => {
            assert_eq!((packet, told), ([4, 42, 0, 4], why));
        }
        out => panic!("{out:?}"),
    }
    assert!(wire.server.is_none() && wire.kept.is_none());
}

/// The server does not use it: nothing is told, and the right answer is taken afterwards.
#[track_caller]
fn ignored(case: &Case, wire: &mut Wire, packet: Vec<u8>) {
    let before = wire.server.as_ref().unwrap().last_request().unwrap();
    match wire.packet(case, packet) {
        Some(ServerOutput::Discard(Refusal::EapPacketInvalid)) => {}
        out => panic!("{out:?}"),
    }
    assert_eq!(wire.server.as_ref().unwrap().last_request().unwrap(), before);
}

#[track_caller]
fn accepted(case: &Case, mut wire: Wire) {
    match wire.packet(case, case.octets("response")) {
        Some(ServerOutput::Success(success)) => case.has_keys(&success.msk, &success.emsk),
        out => panic!("{out:?}"),
    }
}

#[test]
fn no_change_of_an_answer_is_taken_by_a_server() {
    for case in cases()
        .iter()
        .filter(|case| !case.has("name_sent") && !case.has("auts"))
    {
        if case.has("identity_request") || case.has("pseudonym") || case.has("server_public_key") {
            continue;
        }
        let right = case.octets("response");
        for at in 0..right.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut packet = right.clone();
                packet[at] ^= change;
                let mut wire = challenged(case);
                match wire.packet(case, packet) {
                    Some(ServerOutput::Discard(_)) => accepted(case, wire),
                    Some(ServerOutput::Request(notification)) => assert_eq!(notification[5], 12, "octet {at}"),
                    Some(ServerOutput::Failure { .. }) => {}
                    out => panic!("octet {at} ^ {change:02x}: {out:?}"),
                }
            }
        }
        for length in 0..right.len() {
            let mut wire = challenged(case);
            ignored(case, &mut wire, right[..length].to_vec());
            accepted(case, wire);
        }
    }
}

#[test]
fn no_change_of_a_challenge_is_answered_by_a_peer() {
    for case in cases()
        .iter()
        .filter(|case| !case.has("name_sent") && !case.has("auts"))
    {
        if case.has("identity_request") {
            continue;
        }
        let right = case.octets("request");
        for at in 0..right.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut packet = right.clone();
                packet[at] ^= change;
                let mut terminal = identified(case);
                match peer_says(&mut terminal, case, packet) {
                    PeerOutput::Discard(_) => {}
                    // Client-Error, Authentication-Reject, or a group that is wanted instead.
                    PeerOutput::Response(response) => {
                        let alone = response[..].get(5) == Some(&1) && response.len() == 12;
                        // The identifier of the request before: its answer again.
                        let again = response[..] == said(case.text("identity"));
                        assert!(
                            again || response[4] == 3 || matches!(response[5], 2 | 14) || alone,
                            "octet {at} ^ {change:02x}"
                        );
                    }
                    out => panic!("octet {at} ^ {change:02x}: {out:?}"),
                }
            }
        }
    }
}

/// The card of a case answers whatever it is asked: its RAND and AUTN may be changed here.
fn peer_says(terminal: &mut Terminal, case: &Case, packet: Vec<u8>) -> PeerOutput {
    let input = Some(PeerInput::Packet(packet));
    let mut step = terminal.peer.take().unwrap().handle(NOW, &mut terminal.entropy, input);
    while let Some(PeerAsk::Card { rand, autn }) = step.ask {
        let authentic = (rand, autn) == case.rand_autn();
        let input = match authentic {
            true => case.card(),
            false => Err(kaskade_aka::usim::UsimError::MacFailure),
        };
        step = step
            .next
            .unwrap()
            .handle(NOW, &mut terminal.entropy, Some(PeerInput::Card(input)));
    }
    terminal.peer = step.next;
    step.out.unwrap().made_durable().release_to_peer()
}

#[test]
fn every_length_of_every_attribute_is_looked_at() {
    let case = plain();
    // AT_RES at 8 (3 words), AT_CHECKCODE at 20 (1 word), AT_MAC at 24 (5 words).
    for at in [9, 21, 25] {
        let right = case.octets("response");
        for length in 0..=255 {
            let mut packet = right.clone();
            if packet[at] == length {
                continue;
            }
            packet[at] = length;
            let mut wire = challenged(&case);
            match wire.packet(&case, packet) {
                Some(ServerOutput::Discard(Refusal::EapPacketInvalid)) => accepted(&case, wire),
                // A length that AT_CHECKCODE has, too: it takes the octets of AT_MAC, which is missing then.
                Some(ServerOutput::Request(notification)) if (at, length) == (21, 6) => {
                    assert_eq!(notification[..], GENERAL_FAILURE);
                }
                out => panic!("octet {at}, length {length}: {out:?}"),
            }
        }
    }
}

#[test]
fn a_wrong_code_is_a_failure() {
    let case = plain();
    let mut packet = case.octets("response");
    *packet.last_mut().unwrap() ^= 1;
    refused(&case, challenged(&case), packet, Refusal::MacFailure);
    let mut packet = case.octets("request");
    *packet.last_mut().unwrap() ^= 1;
    let mut terminal = identified(&case);
    terminal.answers(&case, packet, &CLIENT_ERROR);
    // It ends with EAP-Failure alone.
    assert!(matches!(
        terminal.packet(&case, vec![3, 41, 0, 4]),
        PeerOutput::Discard(_)
    ));
    match terminal.packet(&case, vec![4, 41, 0, 4]) {
        PeerOutput::Failure(failure) => {
            assert_eq!(failure.why, Refusal::PacketNotUsable);
            assert_eq!(failure.memory.pseudonym, memory(&case).pseudonym, "as before");
        }
        out => panic!("{out:?}"),
    }
}

#[test]
fn a_res_of_another_length_is_wrong() {
    let case = plain();
    for (octets, words) in [(4, 2), (7, 3), (9, 4), (16, 5)] {
        let mut packet = case.octets("response")[..8].to_vec();
        packet.extend([3, words, 0, octets * 8]);
        // The right octets, and zeros.
        let mut res = case.octets("res");
        res.resize(usize::from(words - 1) * 4, 0);
        packet.extend(res);
        packet.extend(&case.octets("response")[20..]);
        let packet = with_mac(&case, packet);
        refused(&case, challenged(&case), packet, Refusal::AuthenticationRejected);
    }
    let mut packet = case.octets("response");
    packet[12] ^= 1;
    let packet = with_mac(&case, packet);
    refused(&case, challenged(&case), packet, Refusal::AuthenticationRejected);
}

#[test]
fn an_identifier_that_was_is_not_taken_again() {
    let case = plain();
    let mut wire = challenged(&case);
    for identifier in [0, 40, 42, 255] {
        let mut packet = case.octets("response");
        packet[1] = identifier;
        ignored(&case, &mut wire, packet);
    }
    accepted(&case, wire);
    // A peer gives the answer again, and does not ask the card again.
    let mut terminal = identified(&case);
    terminal.answers(&case, case.octets("request"), &case.octets("response"));
    for _ in 0..3 {
        let mut step = terminal.peer.take().unwrap().handle(
            NOW,
            &mut Scripted(Vec::new()),
            Some(PeerInput::Packet(case.octets("request"))),
        );
        assert!(step.ask.is_none());
        match step.out.take().unwrap().made_durable().release_to_peer() {
            PeerOutput::Response(response) => assert_eq!(response[..], case.octets("response")),
            out => panic!("{out:?}"),
        }
        terminal.peer = step.next;
    }
    terminal.succeeds(&case, 41);
}

#[test]
fn a_function_that_was_not_offered_cannot_be_asked_for() {
    let case = plain();
    for kdf in [0, 1, 2, 0xffff] {
        refused(&case, challenged(&case), write::other_kdf(41, kdf), Refusal::MacFailure);
    }
    for group in [0, 1, 2, 9] {
        refused(
            &case,
            challenged(&case),
            write::other_kdf_fs(41, group),
            Refusal::MacFailure,
        );
    }
}

/// The challenge of the case with another AT_KDF, which stand at octet 48, and another AT_KDF_INPUT behind them.
fn challenge(case: &Case, kdf: &[u16], network: &[u8]) -> Vec<u8> {
    let right = case.octets("request");
    let mut packet = right[..48].to_vec();
    for kdf in kdf {
        packet.extend([24, 1]);
        packet.extend(kdf.to_be_bytes());
    }
    packet.extend([23, 1 + network.len().div_ceil(4) as u8, 0, network.len() as u8]);
    packet.extend(network);
    packet.resize(packet.len().next_multiple_of(4), 0);
    packet.extend(&right[60..]);
    with_mac(case, packet)
}

#[test]
fn a_challenge_of_unknown_functions_is_not_of_the_home_network() {
    let case = plain();
    assert_eq!(challenge(&case, &[1], b"WLAN"), case.octets("request"));
    for kdf in [&[][..], &[2], &[0, 7, 0xffff]] {
        identified(&case).answers(&case, challenge(&case, kdf, b"WLAN"), &AUTHENTICATION_REJECT);
    }
    // Twice the same, before anything was asked for.
    for kdf in [&[1, 1][..], &[2, 1, 2]] {
        identified(&case).answers(&case, challenge(&case, kdf, b"WLAN"), &CLIENT_ERROR);
    }
}

#[test]
fn a_list_that_changes_is_as_a_wrong_code() {
    let case = plain();
    let asked = [2, 41, 0, 12, 50, 1, 0, 0, 24, 1, 0, 1];
    for second in [&[1][..], &[2, 1], &[1, 2], &[1, 1, 2], &[1, 3, 1], &[1, 2, 1, 1]] {
        let mut terminal = identified(&case);
        terminal.answers(&case, challenge(&case, &[2, 1], b"WLAN"), &asked);
        let mut packet = challenge(&case, second, b"WLAN");
        packet[1] = 42;
        let packet = with_mac(&case, packet);
        let mut error = CLIENT_ERROR;
        error[1] = 42;
        terminal.answers(&case, packet, &error);
    }
    // The one that must come.
    let mut terminal = identified(&case);
    terminal.answers(&case, challenge(&case, &[2, 1], b"WLAN"), &asked);
    let mut packet = challenge(&case, &[1, 2, 1], b"WLAN");
    packet[1] = 42;
    match terminal.packet(&case, with_mac(&case, packet)) {
        PeerOutput::Response(response) => assert_eq!((response[1], response[8]), (42, 3), "with RES"),
        out => panic!("{out:?}"),
    }
}

#[test]
fn a_network_name_that_is_not_expected_is_refused_before_the_card_is_asked() {
    let case = plain();
    for network in [&b"HRPD"[..], b"wlan", b"WLAN2", b"", b"5G:NSWO", b":WLAN", &[0xff; 4]] {
        let mut terminal = identified(&case);
        let input = Some(PeerInput::Packet(challenge(&case, &[1], network)));
        let step = terminal
            .peer
            .take()
            .unwrap()
            .handle(NOW, &mut Scripted(Vec::new()), input);
        assert!(step.ask.is_none(), "{network:?}");
        match step.out.unwrap().made_durable().release_to_peer() {
            PeerOutput::Response(response) => assert_eq!(response[..], AUTHENTICATION_REJECT),
            out => panic!("{out:?}"),
        }
    }
    // A field more is not looked at; the keys are bound to all of it, and this challenge is of the other name.
    identified(&case).answers(&case, challenge(&case, &[1], b"WLAN:more"), &CLIENT_ERROR);
    // A peer that takes any name finds that the keys are others.
    let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
    let peer = device.begin();
    let (peer, out) = peer_packet(&mut device, peer, &WHO);
    let Some(PeerOutput::Response(response)) = out else {
        panic!("{out:?}")
    };
    let step = server_step(&mut home, begin(ServerPolicy::non_3gpp(), wlan(), &response));
    let Some(ServerOutput::Request(request)) = step.out else {
        panic!("{:?}", step.out)
    };
    let mut changed = request.to_vec();
    let at = changed.windows(4).position(|window| window == b"WLAN").unwrap();
    changed[at..at + 4].copy_from_slice(b"HRPD");
    let (_, out) = peer_packet(&mut device, peer.unwrap(), &changed);
    let Some(PeerOutput::Response(response)) = out else {
        panic!("{out:?}")
    };
    assert_eq!(response[5], 14, "Client-Error");
}

#[test]
fn a_vector_without_the_separation_bit_is_not_for_aka_prime() {
    let case = plain();
    let mut packet = case.octets("request");
    // AMF is octets 6 and 7 of AUTN, which stands at octet 32.
    packet[38] &= 0x7f;
    let mut terminal = identified(&case);
    let input = Some(PeerInput::Packet(with_mac(&case, packet)));
    let step = terminal
        .peer
        .take()
        .unwrap()
        .handle(NOW, &mut Scripted(Vec::new()), input);
    assert!(step.ask.is_none(), "the card is not asked");
    match step.out.unwrap().made_durable().release_to_peer() {
        PeerOutput::Response(response) => assert_eq!(response[..], AUTHENTICATION_REJECT),
        out => panic!("{out:?}"),
    }
}

#[test]
fn ephemeral_keys_that_give_nothing_secret_end_the_run() {
    for case in cases().iter().filter(|case| case.has("private_key")) {
        let (own, other) = (case.octets("peer_public_key"), case.octets("server_public_key"));
        for bad in [vec![0; own.len()], vec![0xff; own.len()]] {
            // X25519 takes any octets that are not of low order.
            if own.len() == 32 && bad[0] == 0xff {
                continue;
            }
            let replaced = |packet: Vec<u8>, key: &[u8]| {
                let at = packet.windows(key.len()).position(|window| window == key).unwrap();
                let mut packet = packet;
                packet[at..at + key.len()].copy_from_slice(&bad);
                with_mac(case, packet)
            };
            identified(case).answers(case, replaced(case.octets("request"), &other), &CLIENT_ERROR);
            refused(
                case,
                challenged(case),
                replaced(case.octets("response"), &own),
                Refusal::IeIncorrect,
            );
        }
        // Without its own key, where it need not be: the keys of EAP-AKA'.
        let mut without = case.octets("response");
        let at = without.windows(own.len()).position(|window| window == own).unwrap();
        without.drain(at - 2..at + 34);
        match challenged(case).packet(case, with_mac(case, without)) {
            Some(ServerOutput::Success(success)) => assert!(!success.forward_secrecy),
            out => panic!("{out:?}"),
        }
    }
    let off = ForwardSecrecy::Off;
    assert!(off.groups().is_empty());
}

#[test]
fn an_end_counts_only_where_it_may_come() {
    let case = plain();
    // Before the challenge, and with another identifier after it.
    let mut terminal = identified(&case);
    for end in [[3, 40, 0, 4], [3, 41, 0, 4], [4, 41, 0, 4]] {
        assert!(matches!(terminal.packet(&case, end.to_vec()), PeerOutput::Discard(_)));
    }
    terminal.answers(&case, case.octets("request"), &case.octets("response"));
    for end in [[3, 40, 0, 4], [3, 42, 0, 4], [4, 40, 0, 4]] {
        assert!(matches!(terminal.packet(&case, end.to_vec()), PeerOutput::Discard(_)));
    }
    terminal.succeeds(&case, 41);
    // Where a protected result was agreed, not before that; and no failure after it.
    let case = cases().into_iter().nth(1).unwrap();
    let mut terminal = identified(&case);
    terminal.answers(&case, case.octets("request"), &case.octets("response"));
    assert!(matches!(
        terminal.packet(&case, vec![3, 41, 0, 4]),
        PeerOutput::Discard(_)
    ));
    terminal.answers(
        &case,
        case.octets("notification"),
        &case.octets("notification_response"),
    );
    assert!(matches!(
        terminal.packet(&case, vec![4, 42, 0, 4]),
        PeerOutput::Discard(_)
    ));
    terminal.succeeds(&case, 42);
}

#[test]
fn rounds_for_an_identity_go_one_way() {
    let case = plain();
    use IdRequest::{Any, FullAuth, Permanent};
    for (first, second) in [
        (Any, Any),
        (FullAuth, Any),
        (FullAuth, FullAuth),
        (Permanent, FullAuth),
        (Permanent, Any),
    ] {
        let mut terminal = identified(&case);
        let packet = |identifier, which| write::identity_request(AkaMethod::AkaPrime, identifier, which);
        assert!(matches!(
            terminal.packet(&case, packet(41, first)),
            PeerOutput::Response(_)
        ));
        let mut error = CLIENT_ERROR;
        error[1] = 42;
        terminal.answers(&case, packet(42, second), &error);
    }
}

#[test]
fn rounds_that_somebody_has_changed_are_noticed() {
    for case in cases().iter().filter(|case| case.has("identity_request")) {
        // The peer saw no round.
        let mut terminal = identified(case);
        match terminal.packet(case, case.octets("request")) {
            PeerOutput::Response(response) => assert_eq!(response[5], 14, "Client-Error"),
            out => panic!("{out:?}"),
        }
    }
}

#[test]
fn a_notification_of_failure_before_the_challenge_is_acknowledged() {
    let case = plain();
    let mut terminal = identified(&case);
    let packet = write::notification(AkaMethod::AkaPrime, 41, NotificationCode::GENERAL_FAILURE);
    terminal.answers(&case, packet, &[2, 41, 0, 8, 50, 12, 0, 0]);
    match terminal.packet(&case, vec![4, 41, 0, 4]) {
        PeerOutput::Failure(failure) => assert_eq!(failure.notification, Some(NotificationCode::GENERAL_FAILURE)),
        out => panic!("{out:?}"),
    }
}

#[test]
fn a_synchronisation_failure_with_other_functions_is_as_a_wrong_code() {
    let case = cases().into_iter().find(|case| case.has("auts")).unwrap();
    let auts = kaskade_crypto::Auts::from_octets(case.array("auts"));
    for kdf in [&[][..], &[2], &[1, 1]] {
        let packet = write::synchronization_failure(AkaMethod::AkaPrime, 41, &auts, kdf);
        refused(&case, challenged(&case), packet, Refusal::MacFailure);
    }
}

#[test]
fn a_peer_that_says_no_is_told_failure_at_once() {
    let case = plain();
    for packet in [
        write::authentication_reject(AkaMethod::AkaPrime, 41),
        write::client_error(AkaMethod::AkaPrime, 41, 0),
    ] {
        match challenged(&case).packet(&case, packet) {
            Some(ServerOutput::Failure { packet, why }) => {
                assert_eq!((packet, why), ([4, 41, 0, 4], Refusal::UeRefused));
            }
            out => panic!("{out:?}"),
        }
    }
}

#[test]
fn a_number_that_was_not_asked_for_is_refused() {
    let case = cases().into_iter().find(|case| case.has("name_sent")).unwrap();
    let names = cases().into_iter().find(|case| case.has("reauthentication")).unwrap();
    let kept = || {
        let mut wire = Wire {
            server: None,
            kept: None,
            entropy: Scripted(names.octets("iv")),
        };
        request(wire.begin(&names, names.text("identity"), 40));
        request(wire.packet(&names, names.octets("response")));
        assert!(matches!(
            wire.packet(&names, names.octets("notification_response")),
            Some(ServerOutput::Success(_))
        ));
        wire.kept
    };
    let k_encr = kaskade_keys::eap::KEncr::from_octets(&case.array("k_encr"));
    let k_aut = KAut::from_octets(&case.array("k_aut"));
    for (counter, taken) in [(Some(1), true), (Some(0), false), (Some(2), false), (None, false)] {
        let hidden = kaskade_codec::eap::Hidden {
            counter: counter.map(kaskade_keys::id::EapCounter::new),
            counter_too_small: counter.is_none(),
            ..Default::default()
        };
        let sealing = kaskade_codec::eap::Sealing {
            k_encr: &k_encr,
            iv: [9; 16],
        };
        let protection = write::Protection {
            key: &k_aut,
            hidden: Some((&hidden, sealing)),
        };
        let head = (kaskade_codec::eap::Code::Response, AkaMethod::AkaPrime, 41);
        let nonce_s = case.octets("nonce_s");
        let answer = write::reauthentication(head, None, false, &protection, &nonce_s).unwrap();
        let mut wire = Wire {
            server: None,
            kept: kept(),
            entropy: Scripted([nonce_s, case.octets("iv")].concat()),
        };
        request(wire.begin(&case, case.text("name_sent"), 40));
        match (wire.packet(&case, answer), taken) {
            (Some(ServerOutput::Success(success)), true) => case.has_keys(&success.msk, &success.emsk),
            (Some(ServerOutput::Request(notification)), false) => assert_eq!(notification[..], GENERAL_FAILURE),
            (out, _) => panic!("{counter:?}: {out:?}"),
        }
    }
}

/// Each vector costs the card a number: whoever says that another method is wanted gets one more, once.
#[test]
fn another_method_is_taken_once() {
    let (mut home, mut device) = (Home::new(), Device::new(PeerPolicy::non_3gpp()));
    let (_, out) = {
        let peer = device.begin();
        peer_packet(&mut device, peer, &WHO)
    };
    let Some(PeerOutput::Response(identity)) = out else {
        panic!("no identity");
    };
    let mut step = server_step(&mut home, begin(ServerPolicy::non_3gpp(), wlan(), &identity));
    for wanted in [AkaMethod::Aka, AkaMethod::AkaPrime, AkaMethod::Aka, AkaMethod::AkaPrime] {
        let server = step.next.take().unwrap();
        let identifier = server.last_request().unwrap()[1];
        step = server_packet(&mut home, server, kaskade_codec::eap::nak(identifier, &[wanted]));
    }
    assert_eq!(home.vectors.len(), 2, "one of each method");
}
