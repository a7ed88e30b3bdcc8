//! What becomes of a packet, without a socket: runs, copies, sessions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kaskade_codec::radius::{AttributeType, Packet, Told};
use kaskade_flow::{Moment, Refusal};
use kaskade_net::radius::{Client, Dropped, RadiusOptions, RadiusServer};

use super::toy::{Gateway, Toy, assert_in, assert_rejected, client, clients, cui, response, server, server_with, sum};

#[tokio::test]
async fn a_peer_comes_in_after_two_rounds() {
    let (server, client) = (server(), client("twag"));
    let mut gateway = Gateway::of(b"alice@example.org")
        .saying(AttributeType::ChargeableUserIdentity, &[0])
        .saying(AttributeType::EapKeyName, &[0]);
    let told = gateway.run(&server, &client).await;
    let Told::Accept {
        cui: told_cui,
        session_timeout,
        termination_action,
        ..
    } = &told
    else {
        unreachable!()
    };
    assert_eq!(*told_cui, Some(cui(b"alice@example.org")));
    assert_eq!((*session_timeout, *termination_action), (Some(3600), Some(1)));
    assert_in(told, b"alice@example.org");
    // Who does not ask for a name of the user is told none.
    let mut other = Gateway::of(b"bob");
    other.from.set_port(40_001);
    let told = other.run(&server, &client).await;
    assert!(matches!(&told, Told::Accept { cui: None, .. }));
    assert_in(told, b"bob");
    for (name, count) in [("challenges", 4), ("accepts", 2), ("rejects", 0)] {
        assert_eq!(sum(&server, name), count, "{name}");
    }
    let all: u64 = server.figures().sums().map(|(_, count)| count).sum();
    assert_eq!(all, 6, "each packet is counted once");
    assert_eq!(
        server.kept(),
        [0, 6, 0],
        "no run waits, and the answers are kept for copies"
    );
}

#[tokio::test]
async fn a_gateway_that_knows_no_name_is_told_what_to_ask() {
    let (server, client) = (server(), client("twag"));
    // It says the address of the peer in the place of a name (RFC 3579 2.1).
    let mut gateway = Gateway::of(b"02-00-00-00-00-01");
    let start = gateway.sent(b"");
    let told = server.answer(start.octets(), &client, gateway.from).await.unwrap();
    let packet = Packet::parse(&told).unwrap();
    assert_eq!(packet.eap().unwrap().as_deref(), Some(&[1, 1, 0, 5, 1][..]));
    let state = packet.once(AttributeType::State).unwrap().unwrap();
    let with_state = |name| Gateway::of(name).saying(AttributeType::State, state);
    let mut named = with_state(b"alice");
    named.from.set_port(40_001);
    let identity = response(1, 1, b"alice");
    let asked = named.challenged(&server, &client, &identity).await;
    // From now on it is her session.
    let answer = Gateway::answer_of_peer(&asked, b"alice");
    let mut other = with_state(b"mallory");
    other.from.set_port(40_002);
    assert_rejected(&other.ask(&server, &client, &answer).await.unwrap(), answer[1]);
    let mut named = Gateway::of(b"alice").saying(AttributeType::State, state);
    named.from.set_port(40_003);
    let sent = named.sent(&answer);
    let told = server.answer(sent.octets(), &client, named.from).await.unwrap();
    let asked = Packet::parse(&told).unwrap().eap().unwrap().unwrap().into_owned();
    let sent = named.sent(&Gateway::answer_of_peer(&asked, b"alice"));
    let told = server.answer(sent.octets(), &client, named.from).await.unwrap();
    assert_in(named.exchange.answer(&sent, &told).unwrap(), b"alice");
}

#[tokio::test]
async fn a_wrong_answer_of_the_peer_is_a_reject() {
    let (server, client) = (server(), client("twag"));
    let mut gateway = Gateway::of(b"alice");
    let asked = gateway.challenged(&server, &client, &gateway.identity()).await;
    let wrong = response(asked[1], 255, &[7]);
    assert_rejected(&gateway.ask(&server, &client, &wrong).await.unwrap(), asked[1]);
    assert!(
        server.eap().refused.lock().unwrap().is_empty(),
        "it knows itself what it refuses"
    );
    // The run is over: its State names nothing.
    assert_rejected(&gateway.ask(&server, &client, &wrong).await.unwrap(), asked[1]);
    assert_eq!(*server.eap().refused.lock().unwrap(), [Refusal::ContextNotFound]);
}

#[tokio::test]
async fn a_copy_of_a_request_gets_the_same_answer_and_does_nothing() {
    static NOW: AtomicU64 = AtomicU64::new(1_000_000_000_000);
    let clock = || Moment::from_nanos(NOW.load(Ordering::SeqCst));
    let server = RadiusServer::with_clock(Toy::default(), clients(), RadiusOptions::default(), clock);
    let client = client("twag");
    let mut gateway = Gateway::of(b"alice");
    let sent = gateway.sent(&gateway.identity());
    let first = server.answer(sent.octets(), &client, gateway.from).await.unwrap();
    for _ in 0..5 {
        let again = server.answer(sent.octets(), &client, gateway.from).await.unwrap();
        assert_eq!(again, first);
    }
    assert_eq!((server.eap().handled(), server.kept()[0]), (1, 1), "one run");
    assert_eq!(sum(&server, "copies_answered"), 5);
    // The same octets from another port are another gateway's, and so are those of another client.
    let elsewhere = ([127, 0, 0, 1], 40_001).into();
    let other = server.answer(sent.octets(), &client, elsewhere).await.unwrap();
    assert_ne!(other, first);
    let other = server
        .answer(sent.octets(), &self::client("other"), gateway.from)
        .await
        .unwrap();
    assert_ne!(other, first);
    assert_eq!(server.eap().handled(), 3);
    // Another request with the identifier of the first takes its place.
    let newer = gateway
        .exchange
        .request(&gateway.identity(), sent.identifier(), &[0xa5; 16])
        .unwrap();
    let newer_told = server.answer(newer.octets(), &client, gateway.from).await.unwrap();
    assert_eq!(
        server.answer(newer.octets(), &client, gateway.from).await.unwrap(),
        newer_told
    );
    assert_eq!(server.eap().handled(), 4);
    assert_ne!(
        server.answer(sent.octets(), &client, gateway.from).await.unwrap(),
        first
    );
    assert_eq!(server.eap().handled(), 5);
    // And after some seconds nothing is kept.
    NOW.fetch_add(11_000_000_000, Ordering::SeqCst);
    server.answer(sent.octets(), &client, gateway.from).await.unwrap();
    assert_eq!(server.eap().handled(), 6);
    NOW.fetch_add(100_000_000_000, Ordering::SeqCst);
    server.sweep();
    assert_eq!(server.kept(), [0; 3]);
}

#[tokio::test]
async fn a_copy_of_a_request_in_work_is_dropped() {
    let (server, client) = (server_with(Toy::closed(), RadiusOptions::default()), client("twag"));
    let mut gateway = Gateway::of(b"alice");
    let (sent, from) = (gateway.sent(&gateway.identity()), gateway.from);
    let mut first = Box::pin(server.answer(sent.octets(), &client, from));
    tokio::select! { biased; _ = &mut first => unreachable!("the gate is closed"), () = std::future::ready(()) => {} }
    for _ in 0..3 {
        assert_eq!(server.answer(sent.octets(), &client, from).await, Err(Dropped::Copy));
    }
    server.eap().gate.add_permits(1);
    let told = first.await.unwrap();
    assert_eq!(server.answer(sent.octets(), &client, from).await.unwrap(), told);
    assert_eq!((server.eap().handled(), sum(&server, "copies_dropped")), (1, 3));
}

#[tokio::test]
async fn work_that_is_dropped_leaves_nothing_in_work() {
    let (server, client) = (server_with(Toy::closed(), RadiusOptions::default()), client("twag"));
    let mut gateway = Gateway::of(b"alice");
    let sent = gateway.sent(&gateway.identity());
    let work = server.answer(sent.octets(), &client, gateway.from);
    tokio::select! { biased; _ = work => unreachable!("the gate is closed"), () = std::future::ready(()) => {} }
    assert_eq!(server.kept(), [0; 3]);
    server.eap().gate.add_permits(1);
    let told = server
        .answer(sent.octets(), &client, gateway.from)
        .await
        .expect("a copy is a new attempt");
    gateway.exchange.answer(&sent, &told).unwrap();
    assert_eq!(server.kept()[0], 1);
    // The same of a run that waits: it is lost, and nothing is stuck.
    let asked = gateway.sent(&response(1, 255, &[!1]));
    let work = server.answer(asked.octets(), &client, gateway.from);
    tokio::select! { biased; _ = work => unreachable!("the gate is closed"), () = std::future::ready(()) => {} }
    assert_eq!(server.kept()[0], 0);
}

#[tokio::test]
async fn a_second_packet_for_a_session_in_work_is_dropped() {
    let (server, client) = (server_with(Toy::closed(), RadiusOptions::default()), client("twag"));
    server.eap().gate.add_permits(1);
    let mut gateway = Gateway::of(b"alice");
    let asked = gateway.challenged(&server, &client, &gateway.identity()).await;
    let answer = Gateway::answer_of_peer(&asked, b"alice");
    let (sent, from) = (gateway.sent(&answer), gateway.from);
    let mut first = Box::pin(server.answer(sent.octets(), &client, from));
    tokio::select! { biased; _ = &mut first => unreachable!("the gate is closed"), () = std::future::ready(()) => {} }
    let told = gateway.ask(&server, &client, &answer).await;
    assert_eq!(told, Err(Dropped::Refused(Refusal::InWork)));
    server.eap().gate.add_permits(2);
    let told = first.await.unwrap();
    let Told::Challenge { eap, .. } = gateway.exchange.answer(&sent, &told).unwrap() else {
        unreachable!()
    };
    let last = Gateway::answer_of_peer(&eap, b"alice");
    assert_in(gateway.ask(&server, &client, &last).await.unwrap(), b"alice");
}

#[tokio::test]
async fn a_state_is_of_use_to_nobody_else() {
    let (server, twag) = (server(), client("twag"));
    let station = |mac: &[u8]| Gateway::of(b"alice").saying(AttributeType::CallingStationId, mac);
    let mut alice = station(b"02-00-00-00-00-01");
    let sent = alice.sent(&alice.identity());
    let told = server.answer(sent.octets(), &twag, alice.from).await.unwrap();
    let Told::Challenge { eap: asked, .. } = alice.exchange.answer(&sent, &told).unwrap() else {
        unreachable!()
    };
    let answer = Gateway::answer_of_peer(&asked, b"alice");
    let state = Packet::parse(&told)
        .unwrap()
        .once(AttributeType::State)
        .unwrap()
        .unwrap()
        .to_vec();

    let another_user = Gateway::of(b"mallory").saying(AttributeType::CallingStationId, b"02-00-00-00-00-01");
    let another_place = station(b"02-00-00-00-00-02");
    let no_place = Gateway::of(b"alice");
    let another_client: (Gateway, Client) = (station(b"02-00-00-00-00-01"), client("other"));
    let same = [another_user, another_place, no_place].map(|gateway| (gateway, client("twag")));
    for (gateway, client) in same.into_iter().chain([another_client]) {
        let mut gateway = gateway.saying(AttributeType::State, &state);
        assert_rejected(&gateway.ask(&server, &client, &answer).await.unwrap(), answer[1]);
    }
    // A State that is none, cut or long.
    for wrong in [&state[..16], &[&state[..], &[0]].concat(), &[7; 17], b"x"] {
        let mut gateway = station(b"02-00-00-00-00-01").saying(AttributeType::State, wrong);
        assert_rejected(&gateway.ask(&server, &twag, &answer).await.unwrap(), answer[1]);
    }
    assert_eq!(server.eap().handled(), 1, "none of them came to the method");
    // And hers is none the worse.
    let asked = alice.challenged(&server, &twag, &answer).await;
    let last = Gateway::answer_of_peer(&asked, b"alice");
    assert_in(alice.ask(&server, &twag, &last).await.unwrap(), b"alice");
}

#[tokio::test]
async fn no_two_sessions_have_one_state() {
    let (server, client) = (server(), client("twag"));
    let mut states = std::collections::HashSet::new();
    for number in 0..500 {
        let mut gateway = Gateway::of(format!("user{number}").as_bytes());
        let sent = gateway.sent(&gateway.identity());
        let told = server.answer(sent.octets(), &client, gateway.from).await.unwrap();
        let packet = Packet::parse(&told).unwrap();
        assert!(states.insert(packet.once(AttributeType::State).unwrap().unwrap().to_vec()));
    }
}

#[tokio::test]
async fn a_run_has_its_time() {
    static NOW: AtomicU64 = AtomicU64::new(1_000_000_000_000);
    let clock = || Moment::from_nanos(NOW.load(Ordering::SeqCst));
    let options = RadiusOptions {
        lifetime: Duration::from_secs(30),
        ..RadiusOptions::default()
    };
    let server = RadiusServer::with_clock(Toy::default(), clients(), options, clock);
    let client = client("twag");
    let mut gateway = Gateway::of(b"alice");
    let asked = gateway.challenged(&server, &client, &gateway.identity()).await;
    NOW.fetch_add(29_000_000_000, Ordering::SeqCst);
    let asked = gateway
        .challenged(&server, &client, &Gateway::answer_of_peer(&asked, b"alice"))
        .await;
    NOW.fetch_add(31_000_000_000, Ordering::SeqCst);
    let last = Gateway::answer_of_peer(&asked, b"alice");
    assert_rejected(&gateway.ask(&server, &client, &last).await.unwrap(), last[1]);
}

#[tokio::test]
async fn one_client_pushes_nobody_elses_run_out() {
    let options = RadiusOptions {
        pending: 640,
        ..RadiusOptions::default()
    };
    let server = server_with(Toy::default(), options);
    let (loud, quiet) = (client("loud"), client("quiet"));
    let mut alice = Gateway::of(b"alice");
    let asked = alice.challenged(&server, &quiet, &alice.identity()).await;
    for number in 0..5000 {
        let mut gateway = Gateway::of(format!("user{number}").as_bytes());
        gateway.challenged(&server, &loud, &gateway.identity()).await;
    }
    assert!(server.kept()[0] <= 640, "{:?}", server.kept());
    let asked = alice
        .challenged(&server, &quiet, &Gateway::answer_of_peer(&asked, b"alice"))
        .await;
    let last = Gateway::answer_of_peer(&asked, b"alice");
    assert_in(alice.ask(&server, &quiet, &last).await.unwrap(), b"alice");
}

#[tokio::test]
async fn what_proxies_gave_is_in_every_answer() {
    let (server, client) = (server(), client("proxy"));
    let states: Vec<Vec<u8>> = (0..5_u8).map(|n| vec![n ^ 3; 4]).collect();
    let mut gateway = Gateway::of(b"alice");
    for state in &states {
        gateway = gateway.saying(AttributeType::ProxyState, state);
    }
    let mut eap = gateway.identity();
    let mut codes = Vec::new();
    loop {
        let sent = gateway.sent(&eap);
        let octets = server.answer(sent.octets(), &client, gateway.from).await.unwrap();
        let packet = Packet::parse(&octets).unwrap();
        let kept: Vec<_> = packet
            .all(AttributeType::ProxyState)
            .map(|state| state.value.to_vec())
            .collect();
        assert_eq!(kept, states, "{packet:?}");
        assert_eq!(
            packet.attributes().next().unwrap().kind(),
            Some(AttributeType::MessageAuthenticator)
        );
        codes.push(packet.code_number());
        match gateway.exchange.answer(&sent, &octets).unwrap() {
            // The second time round the peer is wrong.
            Told::Challenge { eap: asked, .. } if codes.len() > 4 => eap = response(asked[1], 255, &[9]),
            Told::Challenge { eap: asked, .. } => eap = Gateway::answer_of_peer(&asked, b"alice"),
            Told::Accept { .. } => eap = gateway.identity(),
            _ => break,
        }
        if codes.last() == Some(&2) {
            let fresh = Gateway::of(b"alice");
            gateway = states
                .iter()
                .fold(fresh, |gateway, state| gateway.saying(AttributeType::ProxyState, state));
            gateway.from.set_port(40_009);
        }
    }
    assert_eq!(codes, [11, 11, 2, 11, 11, 3]);
}

#[tokio::test]
async fn status_is_told_to_who_has_the_secret() {
    let (server, client) = (server(), client("monitor"));
    let mut gateway = Gateway::of(b"nobody");
    let from = gateway.from;
    let sent = gateway.exchange.status(1, &[7; 16]).unwrap();
    let told = server.answer(sent.octets(), &client, from).await.unwrap();
    assert!(matches!(
        gateway.exchange.answer(&sent, &told).unwrap(),
        Told::Accept {
            eap: None,
            msk: None,
            ..
        }
    ));
    assert_eq!((sum(&server, "status"), server.eap().handled()), (1, 0));
    let other = Client::new(
        "monitor",
        kaskade_crypto::radius::SharedSecret::new(b"another secret").unwrap(),
    );
    assert!(matches!(
        server.answer(sent.octets(), &other, from).await,
        Err(Dropped::NotAuthentic(_))
    ));
}
