//! What a run takes that waits for its peer: below 1 KiB, whatever it has offered.

use std::sync::Arc;

use kaskade_aka::eap_aka::ForwardSecrecy;
use kaskade_codec::eap::IdRequest;

use super::*;

/// Octets of a server that has sent its challenge, on the heap and beside it.
fn pending(policy: ServerPolicy) -> u64 {
    let policy = Arc::new(policy);
    let mut home = Home::new().with_names();
    let identity = permanent_identity(AkaMethod::AkaPrime);
    let mut server = None;
    let measured = allocation_counter::measure(|| {
        let begin = Begin {
            policy: Arc::clone(&policy),
            network: wlan(),
            identifier: 7,
        };
        let step = Server::begin(begin, identity.as_str().as_bytes(), NOW);
        let supi = supi();
        let found = Some(ServerInput::User(UserFound::Subscriber(supi)));
        let step = step.next.unwrap().handle(NOW, &mut Drawn(1), found);
        let Some(ServerAsk::Vector(request)) = step.ask else {
            panic!()
        };
        let names = Names {
            pseudonym: home
                .pseudonyms
                .make(request.method, &request.supi, DATE, &mut Drawn(5))
                .unwrap(),
            reauthentication: reauthentication_name(request.method, &realm(), &mut Drawn(6)).unwrap(),
        };
        let vector = home.vector(&request).unwrap();
        drop(request);
        let input = Some(ServerInput::Vector(vector, names));
        server = step.next.unwrap().handle(NOW, &mut Drawn(2), input).next;
    });
    assert!(server.as_ref().unwrap().last_request().is_some());
    u64::try_from(measured.bytes_current).unwrap() + size_of::<Server>() as u64
}

/// Octets of a server after three rounds, each with the longest identity that is taken.
fn identifying() -> u64 {
    use kaskade_codec::eap::write;
    let policy = Arc::new(ServerPolicy::non_3gpp());
    let mut home = Home::new();
    let longest = |username: &str| -> EapIdentity {
        let realm = "x".repeat(253 - 1 - username.len());
        format!("{username}@{realm}").parse().unwrap()
    };
    let mut server = None;
    let measured = allocation_counter::measure(|| {
        let begin = Begin {
            policy: Arc::clone(&policy),
            network: wlan(),
            identifier: 7,
        };
        let mut step = Server::begin(begin, &[], NOW);
        for (identifier, username) in [(8, "8name"), (9, "7name"), (10, "6001010000000001")] {
            let packet = write::identity_response(AkaMethod::AkaPrime, identifier, &longest(username)).unwrap();
            let input = Some(ServerInput::Packet(packet));
            step = step.next.unwrap().handle(NOW, &mut Drawn(1), input);
            // The last is looked at below.
            if identifier < 10
                && let Some(ask) = step.ask.take()
            {
                let input = home.answer(ask);
                step = step.next.unwrap().handle(NOW, &mut Drawn(1), input);
            }
        }
        home.asked.clear();
        home.asked.shrink_to_fit();
        assert!(matches!(step.ask, Some(ServerAsk::User(Claim::Permanent(_)))));
        server = step.next;
    });
    assert!(server.is_some());
    u64::try_from(measured.bytes_current).unwrap() + size_of::<Server>() as u64
}

#[test]
fn a_run_that_asks_who_that_is_takes_less_than_1_kib() {
    let octets = identifying();
    println!("after three rounds: {octets} octets");
    assert!(octets < 1024, "{octets} octets");
    // What is longer is no identity: the next is asked for.
    let step = Server::begin(
        Begin {
            policy: Arc::new(ServerPolicy::non_3gpp()),
            network: wlan(),
            identifier: 7,
        },
        &[],
        NOW,
    );
    let long: EapIdentity = "7".repeat(257).parse().unwrap();
    let packet = kaskade_codec::eap::write::identity_response(AkaMethod::AkaPrime, 8, &long).unwrap();
    let input = Some(ServerInput::Packet(packet));
    let step = step.next.unwrap().handle(NOW, &mut Drawn(1), input);
    match step.out.map(|out| out.made_durable().release_to_peer()) {
        Some(ServerOutput::Request(request)) => {
            let next = kaskade_codec::eap::write::identity_request(AkaMethod::AkaPrime, 9, IdRequest::FullAuth);
            assert_eq!(request.to_vec(), next);
        }
        out => panic!("{out:?}"),
    }
}

#[test]
fn a_run_that_waits_takes_less_than_1_kib() {
    for (policy, what) in [
        (ServerPolicy::non_3gpp(), "EAP-AKA'"),
        (
            ServerPolicy::non_3gpp().with_forward_secrecy(ForwardSecrecy::offered()),
            "EAP-AKA' with forward secrecy",
        ),
    ] {
        let octets = pending(policy);
        println!("{what}: {octets} octets");
        assert!(octets < 1024, "{what}: {octets} octets");
    }
}
