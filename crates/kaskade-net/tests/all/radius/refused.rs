//! What is not answered, and what is refused.

use kaskade_codec::radius::{AttributeType, NotAuthentic, RadiusError, Told};
use kaskade_crypto::radius::SharedSecret;
use kaskade_flow::Refusal;
use kaskade_flow::refusal::Radius;
use kaskade_net::radius::{Dropped, RadiusOptions};

use super::toy::{Gateway, Toy, assert_in, assert_rejected, client, response, secret, server, server_with, sum};

fn refusals(server: &kaskade_net::radius::RadiusServer<Toy>, why: Refusal) -> u64 {
    let mut sums = server.figures().refusals().sums();
    sums.find(|(own, _)| *own == why).unwrap().1
}

#[tokio::test]
async fn who_has_no_secret_hears_nothing_and_changes_nothing() {
    let (server, client) = (server(), client("twag"));
    let mut gateway = Gateway::of(b"alice");
    let good = gateway.sent(&gateway.identity()).octets().to_vec();
    // Without its code: it is the first attribute.
    let mut bare = [&good[..20], &good[38..]].concat();
    let length = u16::try_from(bare.len()).unwrap().to_be_bytes();
    bare[2..4].copy_from_slice(&length);
    let mut wrong = good.clone();
    wrong[25] ^= 1;
    let mut twice = [&good[..38], &good[20..]].concat();
    let length = u16::try_from(twice.len()).unwrap().to_be_bytes();
    twice[2..4].copy_from_slice(&length);
    for (packet, error) in [
        (bare, NotAuthentic::Missing),
        (wrong, NotAuthentic::Wrong),
        (twice, NotAuthentic::Repeated),
    ] {
        for _ in 0..2 {
            let told = server.answer(&packet, &client, gateway.from).await;
            assert_eq!(told, Err(Dropped::NotAuthentic(error)));
        }
    }
    let stranger = Gateway::under(SharedSecret::new(b"another secret").unwrap(), b"alice").sent(b"");
    let told = server.answer(stranger.octets(), &client, gateway.from).await;
    assert_eq!(told, Err(Dropped::NotAuthentic(NotAuthentic::Wrong)));
    assert_eq!(
        (server.eap().handled(), server.kept()),
        (0, [0; 3]),
        "not even as what could be copied"
    );
    assert_eq!(sum(&server, "not_authentic"), 7);
    assert_eq!(refusals(&server, Refusal::IeMissing), 2);
    assert_eq!(refusals(&server, Refusal::IeIncorrect), 5);
    // The good one is answered still.
    assert!(server.answer(&good, &client, gateway.from).await.is_ok());
    assert!(server.client([192, 0, 2, 1].into()).is_none());
    assert_eq!(
        (
            sum(&server, "unknown_clients"),
            refusals(&server, Refusal::PeerNotAuthorized)
        ),
        (1, 1)
    );
    assert_eq!(server.eap().refused.lock().unwrap().len(), 8, "each is told on");
}

#[tokio::test]
async fn what_is_no_packet_is_dropped_and_counted() {
    let (server, client) = (server(), client("twag"));
    let mut gateway = Gateway::of(b"alice").saying(AttributeType::NasIdentifier, b"twag");
    let good = gateway.sent(&gateway.identity()).octets().to_vec();
    let mut dropped = 0;
    for end in 0..good.len() {
        let told = server.answer(&good[..end], &client, gateway.from).await;
        assert!(matches!(
            told,
            Err(Dropped::Malformed(
                RadiusError::NoHeader { .. } | RadiusError::Truncated { .. }
            ))
        ));
        dropped += 1;
    }
    let mut long = vec![0; 5000];
    long[..4].copy_from_slice(&[1, 1, 0x13, 0x88]);
    let mut empty_attribute = good.clone();
    empty_attribute[39] = 0;
    let mut short_attribute = good.clone();
    short_attribute[39] = 1;
    for packet in [long, empty_attribute, short_attribute] {
        let told = server.answer(&packet, &client, gateway.from).await;
        assert!(matches!(told, Err(Dropped::Malformed(_))), "{told:?}");
        dropped += 1;
    }
    for code in [0, 2, 3, 4, 5, 11, 13, 40, 43, 255] {
        let mut packet = good.clone();
        packet[0] = code;
        assert_eq!(
            server.answer(&packet, &client, gateway.from).await,
            Err(Dropped::Code(code))
        );
    }
    // Authentic, and not as RFC 3579 3.1 has it: parts of EAP that something stands between.
    let mut apart = Gateway::of(b"alice")
        .saying(AttributeType::EapMessage, &[2])
        .saying(AttributeType::NasIdentifier, b"x");
    let told = apart.ask(&server, &client, &[1]).await;
    assert!(
        matches!(told, Err(Dropped::Malformed(RadiusError::Apart { .. }))),
        "{told:?}"
    );
    let mut twice = Gateway::of(b"alice")
        .saying(AttributeType::State, &[2])
        .saying(AttributeType::State, &[2]);
    let told = twice.ask(&server, &client, &[1]).await;
    let attribute = AttributeType::State;
    assert!(matches!(told, Err(Dropped::Malformed(RadiusError::Repeated { attribute: a, .. })) if a == attribute));
    assert_eq!(sum(&server, "malformed"), dropped + 2);
    assert_eq!((server.eap().handled(), server.kept()), (0, [0; 3]));
}

#[tokio::test]
async fn a_packet_of_no_use_is_followed_by_the_last_challenge_five_times() {
    let (server, client) = (server(), client("twag"));
    let mut gateway = Gateway::of(b"alice");
    let asked = gateway.challenged(&server, &client, &gateway.identity()).await;
    for _ in 0..5 {
        let told = gateway
            .ask(&server, &client, &response(asked[1].wrapping_add(9), 255, &[!1]))
            .await
            .unwrap();
        let Told::Challenge { eap, error_cause, .. } = told else {
            unreachable!("{told:?}")
        };
        assert_eq!((eap, error_cause), (asked.clone(), Some(202)));
    }
    assert_eq!(
        (
            sum(&server, "repeated_challenges"),
            refusals(&server, Refusal::EapPacketInvalid)
        ),
        (5, 5)
    );
    // The run goes on when its peer says what it should, and then it may be wrong five times more.
    let asked = gateway
        .challenged(&server, &client, &Gateway::answer_of_peer(&asked, b"alice"))
        .await;
    for _ in 0..5 {
        assert_eq!(gateway.challenged(&server, &client, &[9, 9]).await, asked);
    }
    assert_rejected(&gateway.ask(&server, &client, &[9, 9]).await.unwrap(), 9);
    let last = Gateway::answer_of_peer(&asked, b"alice");
    assert_rejected(&gateway.ask(&server, &client, &last).await.unwrap(), last[1]);
    // Where nothing was asked before, nothing can be asked again.
    let mut fresh = Gateway::of(b"alice");
    let told = fresh.ask(&server, &client, &[9, 9]).await;
    assert_eq!(told, Err(Dropped::NotTaken(Refusal::EapPacketInvalid)));
}

#[tokio::test]
async fn each_reason_is_told_as_its_row_says() {
    let (server, client) = (server(), client("twag"));
    for why in Refusal::ALL {
        *server.eap().refusal.lock().unwrap() = *why;
        let column = why.verdict().radius.answer();
        let mut gateway = Gateway::of(b"refused");
        match (column, gateway.ask(&server, &client, &gateway.identity()).await) {
            (Some(Radius::Reject), Ok(told)) => assert_rejected(&told, 0),
            (Some(Radius::Again | Radius::Discard) | None, Err(Dropped::NotTaken(told))) => assert_eq!(told, *why),
            (column, told) => panic!("{why:?}: {column:?}, {told:?}"),
        }
        let mut gateway = Gateway::of(b"refused in the middle");
        let asked = gateway.challenged(&server, &client, &gateway.identity()).await;
        let before = server.kept()[0];
        let told = gateway.ask(&server, &client, &response(asked[1], 255, &[!1])).await;
        let goes_on = server.kept()[0] == before;
        match (column, told) {
            (Some(Radius::Reject), Ok(told)) => {
                assert_rejected(&told, asked[1]);
                assert!(!goes_on, "{why:?}");
            }
            (Some(Radius::Again), Ok(Told::Challenge { eap, .. })) => assert_eq!((eap, goes_on), (asked, true)),
            (Some(Radius::Discard) | None, Err(Dropped::NotTaken(told))) => assert_eq!((told, goes_on), (*why, true)),
            (column, told) => panic!("{why:?}: {column:?}, {told:?}"),
        }
    }
}

/// The gateway asks another server, to whom the run is nothing new; a no of this one would come first.
#[tokio::test]
async fn a_copy_of_what_ended_a_run_without_an_answer_gets_none_either() {
    let (server, client) = (server(), client("twag"));
    *server.eap().refusal.lock().unwrap() = Refusal::BudgetSpent;
    let mut gateway = Gateway::of(b"lost in the middle");
    let asked = gateway.challenged(&server, &client, &gateway.identity()).await;
    let answer = response(asked[1], 255, &[!1]);
    let sent = gateway.sent(&answer);
    let told = server.answer(sent.octets(), &client, gateway.from).await;
    assert_eq!(told, Err(Dropped::NotTaken(Refusal::BudgetSpent)));
    assert_eq!(
        server.kept(),
        [0, 2, 0],
        "the run is over, and that is known of its last packet"
    );
    for _ in 0..3 {
        let told = server.answer(sent.octets(), &client, gateway.from).await;
        assert_eq!(told, Err(Dropped::Copy));
    }
    assert_eq!((server.eap().handled(), sum(&server, "copies_dropped")), (2, 3));
    // Where the run goes on, a copy is a new attempt.
    let mut gateway = Gateway::of(b"refused in the middle");
    let asked = gateway.challenged(&server, &client, &gateway.identity()).await;
    let sent = gateway.sent(&response(asked[1], 255, &[!1]));
    for _ in 0..2 {
        let told = server.answer(sent.octets(), &client, gateway.from).await;
        assert_eq!(told, Err(Dropped::NotTaken(Refusal::BudgetSpent)));
    }
    // And where there was none.
    let mut gateway = Gateway::of(b"refused");
    let sent = gateway.sent(&gateway.identity());
    for _ in 0..2 {
        let told = server.answer(sent.octets(), &client, gateway.from).await;
        assert_eq!(told, Err(Dropped::NotTaken(Refusal::BudgetSpent)));
    }
    assert_eq!(sum(&server, "not_taken"), 5);
}

#[tokio::test]
async fn a_request_without_eap_is_dropped() {
    let (server, client) = (server(), client("twag"));
    // An Access-Request whose only attribute is its code.
    let mut packet = [&[1, 1, 0, 38][..], &[5; 16], &[80, 18], &[0; 16]].concat();
    let code = secret().message_authenticator(&[&packet]);
    packet[22..].copy_from_slice(&code);
    let from = ([127, 0, 0, 1], 40_000).into();
    let told = server.answer(&packet, &client, from).await;
    assert_eq!(told, Err(Dropped::Refused(Refusal::IeMissing)));
    assert_eq!(server.kept(), [0; 3]);
}

#[tokio::test]
async fn an_answer_without_room_for_what_proxies_gave_is_none() {
    let (server, client) = (server(), client("proxy"));
    let mut gateway = (0..15).fold(Gateway::of(b"a"), |gateway, _| {
        gateway.saying(AttributeType::ProxyState, &[1; 253])
    });
    gateway = gateway.saying(AttributeType::ProxyState, &[1; 210]);
    let told = gateway.ask(&server, &client, &gateway.identity()).await;
    assert_eq!(told, Err(Dropped::Refused(Refusal::IeIncorrect)));
    assert_eq!(server.kept(), [0; 3], "and no run waits for what it was not asked");
    assert_in(Gateway::of(b"a").run(&server, &client).await, b"a");
}

#[tokio::test]
async fn without_room_for_another_request_it_is_dropped() {
    let options = RadiusOptions {
        answers: 16,
        ..RadiusOptions::default()
    };
    let server = server_with(Toy::closed(), options);
    // All places are in work: there is nothing that may go.
    let mut waiting = Vec::new();
    let mut full = 0;
    for number in 0..64_u16 {
        let mut gateway = Gateway::of(b"alice");
        gateway.from.set_port(50_000 + number);
        let (sent, from) = (gateway.sent(&gateway.identity()), gateway.from);
        let (server, client) = (server.clone(), super::toy::client("twag"));
        let mut work = Box::pin(async move { server.answer(sent.octets(), &client, from).await });
        tokio::select! {
            biased;
            told = &mut work => {
                assert_eq!(told, Err(Dropped::Refused(Refusal::Overloaded)));
                full += 1;
            }
            () = std::future::ready(()) => waiting.push(work),
        }
    }
    assert!(full >= 48 && !waiting.is_empty(), "{full}");
    server.eap().gate.add_permits(64);
    for work in waiting {
        assert!(work.await.is_ok());
    }
}
