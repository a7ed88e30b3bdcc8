//! ERP at the peer, against the server of this crate: both ends have one rMSK; whatever else comes, the peer waits or goes to full EAP.

use core::time::Duration;

use kaskade_anchor::emsk::Root;
use kaskade_anchor::erp::{
    Authenticated, Bootstrap, ErAsk, ErFinish, ErGranted, ErInput, ErOptions, ErServer, FullRun, Peer, PeerOptions,
    PeerStep, Waiting, unknown_key,
};
use kaskade_codec::erp::{Flags, ReAuthStart};
use kaskade_flow::Moment;
use kaskade_flow::event::PeerId;
use kaskade_flow::machine::Machine;
use kaskade_keys::id::{Cryptosuite, Fqdn};

use crate::common::{AT, NOW, Nothing, about, anchor, caller, principal, registry, root, root_of_5g_aka, told};
use crate::erp::{options, server};

fn peer(suite: Cryptosuite) -> Peer {
    let options = PeerOptions {
        suite,
        ..PeerOptions::default()
    };
    Peer::home(&root(), "example.org".parse().unwrap(), options)
        .unwrap()
        .unwrap()
}

const BOTH: Flags = Flags {
    failed: false,
    bootstrapping: true,
    lifetimes: true,
};

/// What the server says, and what it grants.
fn serve(server: ErServer, packet: &[u8], bootstrap: Option<Bootstrap>) -> (ErServer, Vec<u8>, Option<ErGranted>) {
    let input = ErInput {
        initiate: packet.to_vec(),
        at: AT,
        by: PeerId::of("ap"),
        about: about(),
        bootstrap,
    };
    let step = server.handle(NOW, &mut Nothing, Some(Box::new(input)));
    let (finish, granted) = match (step.out, step.ask) {
        (Some(out), None) => {
            let ErFinish { finish, granted } = told(Some(out));
            (finish, Some(granted))
        }
        (None, Some(ErAsk::Fail { finish, .. })) => (finish, None),
        (_, ask) => panic!("{ask:?}"),
    };
    (step.next.unwrap(), finish, granted)
}

fn done(step: PeerStep) -> (Box<Peer>, Box<Authenticated>) {
    match step {
        PeerStep::Done(peer, authenticated) => (peer, authenticated),
        other => panic!("{other:?}"),
    }
}

fn waits(step: PeerStep) -> Box<Waiting> {
    match step {
        PeerStep::Wait(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_ends_have_one_rmsk_again_and_again() {
    for suite in Cryptosuite::ALL {
        let (mut peer, mut server) = (Box::new(peer(suite)), server(options()));
        let mut last = None;
        for round in 0..3_u8 {
            let start = (round == 1).then_some(ReAuthStart {
                identifier: 99,
                domain: None,
            });
            let (waiting, packet) = peer.start(start.as_ref(), Flags::default(), NOW).unwrap();
            let (finish, granted);
            (server, finish, granted) = serve(server, &packet, None);
            let authenticated;
            (peer, authenticated) = done(waiting.receive(&finish, &root(), NOW));
            assert_eq!(authenticated.r_msk, granted.unwrap().r_msk);
            assert_ne!(last.replace(authenticated.r_msk.clone()), Some(authenticated.r_msk));
        }
    }
}

#[test]
fn a_server_that_takes_other_cryptosuites_is_asked_once_more() {
    let strong = |suites| ErOptions {
        suites,
        ..ErOptions::default()
    };
    let names = strong(vec![Cryptosuite::HmacSha256Of256, Cryptosuite::HmacSha256Of128]);
    let (waiting, packet) = peer(Cryptosuite::HmacSha256Of64).start(None, BOTH, NOW).unwrap();
    let (server_after, finish, _) = serve(server(names), &packet, None);
    let PeerStep::Send(waiting, second) = waiting.receive(&finish, &root(), NOW) else {
        panic!()
    };
    assert_ne!(
        (packet[1], &packet[6..8]),
        (second[1], &second[6..8]),
        "another identifier and SEQ"
    );
    let (_, finish, granted) = serve(server_after, &second, None);
    let (_, authenticated) = done(waiting.receive(&finish, &root(), NOW));
    assert_eq!(authenticated.r_msk, granted.unwrap().r_msk);
    assert!(authenticated.r_rk_lifetime.is_some() && authenticated.r_msk_lifetime.is_some());

    // One that takes only the weakest is not asked with it.
    let (waiting, packet) = peer(Cryptosuite::HmacSha256Of128).start(None, BOTH, NOW).unwrap();
    let (_, finish, _) = serve(server(strong(vec![Cryptosuite::HmacSha256Of64])), &packet, None);
    let step = waiting.receive(&finish, &root(), NOW);
    assert!(matches!(step, PeerStep::FullRun(FullRun::Refused)));
}

#[test]
fn the_same_packet_goes_out_again_and_then_there_is_a_full_run() {
    let (waiting, packet) = peer(Cryptosuite::HmacSha256Of128).start(None, BOTH, NOW).unwrap();
    let mut now = waiting.deadline().unwrap();
    assert_eq!(now, NOW.after(Duration::from_secs(1)).unwrap());
    let mut waiting = waiting;
    for _ in 0..2 {
        let PeerStep::Send(again, same) = waiting.time_out(now) else {
            panic!()
        };
        assert_eq!(same, packet, "same identifier, same SEQ");
        now = again.deadline().unwrap();
        waiting = again;
    }
    assert!(matches!(waiting.time_out(now), PeerStep::FullRun(FullRun::NoAnswer)));
}

#[test]
fn what_is_not_the_answer_leaves_everything_as_it_was() {
    let (mut waiting, packet) = peer(Cryptosuite::HmacSha256Of128)
        .start(None, Flags::default(), NOW)
        .unwrap();
    let (_, finish, granted) = serve(server(options()), &packet, None);
    for at in 0..finish.len() {
        let mut bad = finish.clone();
        bad[at] ^= 1;
        waiting = waits(waiting.receive(&bad, &root(), NOW));
    }
    waiting = waits(waiting.receive(&packet, &root(), NOW));
    waiting = waits(waiting.receive(&[], &root(), NOW));
    // The Finish of another round.
    let (other, second) = peer(Cryptosuite::HmacSha256Of128).start(None, BOTH, NOW).unwrap();
    drop(other);
    let (_, other, _) = serve(server(options()), &second, None);
    assert_ne!(other, finish);
    // Nor one by a weaker cryptosuite than it asked with.
    let (weak, weaker) = peer(Cryptosuite::HmacSha256Of64)
        .start(None, Flags::default(), NOW)
        .unwrap();
    drop(weak);
    let (_, of_weaker, _) = serve(server(options()), &weaker, None);
    waiting = waits(waiting.receive(&of_weaker, &root(), NOW));
    let (_, authenticated) = done(waiting.receive(&finish, &root(), NOW));
    assert_eq!(authenticated.r_msk, granted.unwrap().r_msk);
}

#[test]
fn a_key_that_the_server_does_not_have_means_a_full_run() {
    let (waiting, packet) = peer(Cryptosuite::HmacSha256Of128).start(None, BOTH, NOW).unwrap();
    let step = waiting.receive(&unknown_key(&packet).unwrap(), &root(), NOW);
    assert!(matches!(step, PeerStep::FullRun(FullRun::Refused)));
    assert!(
        Peer::home(
            &root_of_5g_aka(),
            "example.org".parse().unwrap(),
            PeerOptions::default()
        )
        .unwrap()
        .is_none()
    );
}

fn bootstrapped(finish_changed: impl Fn(&mut Vec<u8>)) -> (Root, PeerStep) {
    let mut registry = registry();
    let domain: Fqdn = "local.example".parse().unwrap();
    registry
        .add_domain(kaskade_anchor::emsk::Domain {
            domain: domain.clone(),
            servers: vec![principal("er")],
            lifetime: Duration::from_secs(60),
        })
        .unwrap();
    let admitted = registry.admit_domain(&caller("er"), &domain).unwrap();
    let (waiting, packet) = peer(Cryptosuite::HmacSha256Of128).start(None, BOTH, NOW).unwrap();
    let (_, finish, _) = serve(server(options()), &packet, Bootstrap::of(&anchor(), &admitted));
    let mut finish = finish;
    finish_changed(&mut finish);
    let root = root();
    let step = waiting.receive(&finish, &root, NOW);
    (root, step)
}

#[test]
fn a_peer_bootstraps_at_the_home_and_goes_on_at_the_local_server() {
    let (mut root, step) = bootstrapped(|_| {});
    let domain = done(step).1.domain.unwrap();
    assert_eq!(domain.as_str(), "local.example");
    let local = Peer::local(&mut root, domain.clone(), PeerOptions::default()).unwrap();
    assert_eq!(local.key_name_nai().realm(), &domain);
    let server = ErServer::local(&root.dsrk(&domain), root.name(), domain, ErOptions::default(), None).unwrap();
    let (waiting, packet) = local.start(None, BOTH, NOW).unwrap();
    let (_, finish, granted) = serve(server, &packet, None);
    let (_, authenticated) = done(waiting.receive(&finish, &root, NOW));
    assert_eq!(authenticated.r_msk, granted.unwrap().r_msk);
    assert!(authenticated.domain.is_none(), "it vouches for nobody");
    assert!(authenticated.r_rk_lifetime.is_none(), "this one has no end");
}

#[test]
fn a_domain_that_the_home_does_not_vouch_for_is_not_believed() {
    use kaskade_codec::erp::ReAuth;
    let resigned = |change: &dyn Fn(&mut ReAuth)| {
        bootstrapped(|finish| {
            let reading = ReAuth::read(finish).unwrap().remove(0);
            let mut re_auth = reading.re_auth.clone();
            change(&mut re_auth);
            let r_ik = crate::erp::r_rk().r_ik(Cryptosuite::HmacSha256Of128);
            *finish = re_auth.protect(Cryptosuite::HmacSha256Of128, |covered| r_ik.tag(covered));
        })
        .1
    };
    assert!(done(resigned(&|_| {})).1.domain.is_some());
    let changes: [&dyn Fn(&mut ReAuth); 4] = [
        &|finish| finish.items.domain = Some("evil.example".parse().unwrap()),
        &|finish| finish.items.authorization = None,
        &|finish| finish.items.authorization.as_mut().unwrap()[3] ^= 1,
        &|finish| finish.flags.bootstrapping = false,
    ];
    for change in changes {
        assert!(done(resigned(change)).1.domain.is_none());
    }
}

#[test]
fn all_seq_used_means_a_full_run() {
    let mut peer = Box::new(peer(Cryptosuite::HmacSha256Of128));
    let mut server = server(ErOptions {
        suites: vec![Cryptosuite::HmacSha256Of128],
        ..ErOptions::default()
    });
    for _ in 0..=u16::MAX {
        let (waiting, packet) = peer.start(None, Flags::default(), NOW).unwrap();
        let finish;
        (server, finish, _) = serve(server, &packet, None);
        peer = done(waiting.receive(&finish, &root(), Moment::from_nanos(1))).0;
    }
    assert_eq!(peer.start(None, Flags::default(), NOW).unwrap_err(), FullRun::Spent);
    drop(server);
}
