//! ERP at the server: packets of an independent script, SEQ, tags, cryptosuites, lifetimes, bootstrapping, duplicates.

use core::time::Duration;

use kaskade_anchor::emsk::{Anchor, Custody, Limits, Root, SealedRoot};
use kaskade_anchor::erp::{Bootstrap, ErAsk, ErFinish, ErInput, ErLeft, ErOptions, ErServer, ErServers, unknown_key};
use kaskade_codec::erp::{Code, Flags, Items, KeyNameNai, ReAuth};
use kaskade_crypto::seal::{RecordPlace, RootKey as Sealer};
use kaskade_crypto::{Autn, Rand};
use kaskade_flow::event::{Action, Outcome, PeerId};
use kaskade_flow::expiring::Missing;
use kaskade_flow::machine::{Machine, Step};
use kaskade_flow::record::Record;
use kaskade_flow::{Moment, Refusal};
use kaskade_keys::eap::Emsk;
use kaskade_keys::emsk::{RMsk, RRk};
use kaskade_keys::id::{Cryptosuite, ErpSequence, SessionId};
use proptest::prelude::*;

use crate::common::{
    AT, HOUR, NOW, Nothing, about, anchor, caller, case, life, octets, registry, root, root_of_5g_aka, supi, told,
};

pub(crate) fn r_rk() -> RRk {
    RRk::from_octets(&octets(&case("key", "rRK"), "output").try_into().unwrap())
}

pub(crate) fn options() -> ErOptions {
    ErOptions {
        suites: Cryptosuite::ALL.into_iter().rev().collect(),
        ..ErOptions::default()
    }
}

pub(crate) fn server(options: ErOptions) -> ErServer {
    ErServer::home(&mut anchor(), "example.org".parse().unwrap(), options)
        .unwrap()
        .unwrap()
}

fn input(initiate: Vec<u8>) -> Option<Box<ErInput>> {
    Some(Box::new(ErInput {
        initiate,
        at: AT,
        by: PeerId::of("ap"),
        about: about(),
        bootstrap: None,
    }))
}

fn at(server: ErServer, now: Moment, initiate: Vec<u8>) -> Step<ErServer> {
    server.handle(now, &mut Nothing, input(initiate))
}

fn initiate(seq: u16, suite: Cryptosuite, flags: Flags, identifier: u8) -> Vec<u8> {
    let initiate = ReAuth {
        code: Code::Initiate,
        identifier,
        flags,
        seq: ErpSequence::new(seq),
        key_name_nai: "3e027fa0d26cc5fc@example.org".parse().unwrap(),
        items: Items::default(),
    };
    let r_ik = r_rk().r_ik(suite);
    initiate.protect(suite, |covered| r_ik.tag(covered))
}

const SUITE: Cryptosuite = Cryptosuite::HmacSha256Of128;

fn plain(seq: u16) -> Vec<u8> {
    initiate(seq, SUITE, Flags::default(), 1)
}

/// The answer, the server after it, and whether it is on record.
fn answer(step: Step<ErServer>) -> (ErServer, ErFinish) {
    assert_eq!(
        step.unit.is_some(),
        step.ask.is_none(),
        "what grants something is on record"
    );
    (step.next.unwrap(), told(step.out))
}

/// The failure that the peer is told; nothing is granted by it.
fn failed(step: &Step<ErServer>) -> (ErLeft, Vec<u8>) {
    assert!(step.unit.is_none() && step.out.is_none());
    match &step.ask {
        Some(ErAsk::Fail { why, finish }) => (*why, finish.clone()),
        other => panic!("{other:?}"),
    }
}

fn left(step: Step<ErServer>) -> (ErServer, ErLeft) {
    assert!(step.unit.is_none() && step.out.is_none(), "it is left alone");
    let Some(ErAsk::Count(why)) = step.ask else { panic!() };
    (step.next.unwrap(), why)
}

fn finish_of(finish: &[u8], suite: Cryptosuite) -> ReAuth {
    let readings = ReAuth::read(finish).unwrap();
    let reading = readings
        .into_iter()
        .find(|reading| reading.protection.is_some_and(|tag| tag.suite == suite))
        .unwrap();
    let protection = reading.protection.unwrap();
    assert!(r_rk().r_ik(suite).verify(suite, protection.covered, protection.tag));
    reading.re_auth
}

#[test]
fn a_run_has_the_octets_of_an_independent_script() {
    let step = at(
        server(ErOptions::default()),
        NOW,
        octets(&case("packet", "Initiate/Re-auth"), "packet"),
    );
    let parts_of = |step: &Step<ErServer>| step.unit.is_some() && step.ask.is_none();
    assert!(parts_of(&step));
    let events = step.unit.unwrap().into_parts().unwrap().events;
    let finish = told(step.out);
    let granted = finish.granted;
    assert_eq!(
        granted.r_msk.expose_to_authenticator()[..],
        octets(&case("key", "rMSK of SEQ 0"), "output")
    );
    assert_eq!(
        (events[0].outcome(), events[0].action()),
        (Outcome::Released, Action::ReauthenticationKeyGiven)
    );
    assert_eq!(events[0].by(PeerId::of("ap")), events[0]);
    assert_eq!(granted.key_name_nai.to_string(), "3e027fa0d26cc5fc@example.org");
    assert_eq!(granted.lifetime, HOUR);
    // The packet asks for lifetimes; the one without them, to the octet.
    let mut without = octets(&case("packet", "Initiate/Re-auth"), "packet");
    without.truncate(39);
    without[5] = 0;
    let r_ik = r_rk().r_ik(SUITE);
    without.extend(&r_ik.tag(&without)[..16]);
    let (_, finish) = answer(at(server(ErOptions::default()), NOW, without));
    assert_eq!(finish.finish, octets(&case("packet", "Finish/Re-auth"), "packet"));
    // With lifetimes: the rRK lives for 10 hours here, and for one in the script.
    let mut short = Anchor::begin(supi(), root(), life(HOUR), Limits::default()).0;
    let options = ErOptions {
        r_msk_lifetime: Duration::from_secs(600),
        ..options()
    };
    let server = ErServer::home(&mut short, "example.org".parse().unwrap(), options)
        .unwrap()
        .unwrap();
    let flags = Flags {
        lifetimes: true,
        ..Flags::default()
    };
    let (_, finish) = answer(at(server, NOW, initiate(7, SUITE, flags, 1)));
    assert_eq!(
        finish.finish,
        octets(&case("packet", "Finish/Re-auth with lifetimes"), "packet")
    );
}

#[test]
fn every_cryptosuite_that_is_taken_works_under_one_seq() {
    let mut server = server(options());
    for (seq, suite) in (7..).zip(Cryptosuite::ALL) {
        let packet = initiate(seq, suite, Flags::default(), 9);
        if seq == 7 {
            assert_eq!(packet, octets(&case("packet", "Initiate/Re-auth of suite 1"), "packet"));
        }
        let finish;
        (server, finish) = answer(at(server, NOW, packet));
        assert_eq!(finish_of(&finish.finish, suite).seq, ErpSequence::new(seq));
        // One SEQ for all suites: rMSK does not depend on the suite.
        let other = Cryptosuite::ALL[usize::from(seq - 6) % 3];
        let why;
        (server, why) = left(at(server, NOW, initiate(seq, other, Flags::default(), 10)));
        assert_eq!(
            why,
            ErLeft::Replayed {
                seq,
                expected: u32::from(seq) + 1
            }
        );
    }
}

#[test]
fn seq_goes_up_and_is_never_there_twice() {
    let (server, first) = answer(at(server(ErOptions::default()), NOW, plain(0)));
    let late = NOW.after(Duration::from_secs(1)).unwrap();
    let (server, why) = left(at(server, late, plain(0)));
    assert_eq!(
        (why, why.refusal()),
        (ErLeft::Replayed { seq: 0, expected: 1 }, Refusal::EapPacketInvalid)
    );
    let (server, jump) = answer(at(server, late, plain(40)));
    assert_ne!(jump.granted.r_msk, first.granted.r_msk);
    let (server, why) = left(at(server, late, plain(39)));
    assert_eq!(why, ErLeft::Replayed { seq: 39, expected: 41 });
    // The last one; then only a full run goes on.
    let (mut server, last) = answer(at(server, late, plain(u16::MAX)));
    assert_eq!(
        last.granted.r_msk.expose_to_authenticator()[..],
        octets(&case("key", "rMSK of SEQ 65535"), "output")
    );
    let later = late.after(Duration::from_secs(1)).unwrap();
    for seq in [0, 1, 41, u16::MAX] {
        let why;
        (server, why) = left(at(server, later, plain(seq)));
        assert_eq!(why, ErLeft::Replayed { seq, expected: 65536 });
    }
}

#[test]
fn the_same_packet_again_has_the_same_answer_for_a_while() {
    let (server, first) = answer(at(server(ErOptions::default()), NOW, plain(3)));
    let soon = NOW.after(Duration::from_millis(100)).unwrap();
    let (server, again) = answer(at(server, soon, plain(3)));
    assert_eq!(again.finish, first.finish);
    assert_eq!(again.granted.r_msk, first.granted.r_msk);
    // Another packet of the same SEQ is none.
    let (server, why) = left(at(server, soon, initiate(3, SUITE, Flags::default(), 2)));
    assert_eq!(why, ErLeft::Replayed { seq: 3, expected: 4 });
    let late = NOW.after(Duration::from_millis(101)).unwrap();
    assert_eq!(
        left(at(server, late, plain(3))).1,
        ErLeft::Replayed { seq: 3, expected: 4 }
    );
}

#[test]
fn a_wrong_tag_changes_nothing() {
    let mut server = server(options());
    for suite in Cryptosuite::ALL {
        let good = initiate(5, suite, Flags::default(), 1);
        for at_octet in 0..good.len() {
            let mut bad = good.clone();
            bad[at_octet] ^= 1;
            let step = at(server, NOW, bad);
            assert!(step.unit.is_none() && step.out.is_none(), "octet {at_octet}");
            server = step.next.unwrap();
        }
    }
    // SEQ 0 is still there.
    answer(at(server, NOW, plain(0)));
}

#[test]
fn a_cryptosuite_that_is_not_taken_is_told_which_are() {
    let names = ErOptions {
        suites: vec![SUITE, Cryptosuite::HmacSha256Of256],
        ..ErOptions::default()
    };
    let refused = |step: Step<ErServer>| {
        let (why, finish) = failed(&step);
        assert_eq!((why, why.refusal()), (ErLeft::Suite, Refusal::MethodUnknown));
        let re_auth = finish_of(&finish, SUITE);
        assert!(re_auth.flags.failed);
        assert_eq!(re_auth.items.cryptosuites, Some(vec![2, 3]));
        (step.next.unwrap(), finish)
    };
    let weak = initiate(1, Cryptosuite::HmacSha256Of64, Flags::default(), 1);
    let (server, finish) = refused(at(server(names.clone()), NOW, weak.clone()));
    assert_eq!(
        finish,
        octets(&case("packet", "Finish/Re-auth that names suites"), "packet")
    );
    assert!(
        matches!(left(at(server, NOW, weak)).1, ErLeft::Replayed { .. }),
        "it was authentic, and counts"
    );
    // One that nobody knows; it is not authentic, and counts for nothing.
    let mut unknown = plain(1);
    unknown[38] = 77;
    let (server, _) = refused(at(crate::erp::server(names), NOW, unknown));
    answer(at(server, NOW, plain(0)));
}

#[test]
fn lifetimes_are_those_of_the_emsk_at_most() {
    let mut short = Anchor::begin(supi(), root(), life(HOUR), Limits::default()).0;
    let server = ErServer::home(&mut short, "example.org".parse().unwrap(), ErOptions::default())
        .unwrap()
        .unwrap();
    assert_eq!(server.deadline(), short.deadline());
    let flags = Flags {
        lifetimes: true,
        ..Flags::default()
    };
    let half = NOW.after(HOUR / 2).unwrap();
    let (server, finish) = answer(at(server, half, initiate(0, SUITE, flags, 1)));
    let items = finish_of(&finish.finish, SUITE).items;
    assert_eq!((items.r_rk_lifetime, items.r_msk_lifetime), (Some(1800), Some(1800)));
    assert_eq!(finish.granted.lifetime, HOUR / 2);
    // Over: the answer is that of a key that nobody has.
    let step = at(server, NOW.after(HOUR).unwrap(), plain(1));
    assert!(step.next.is_none());
    assert_eq!(failed(&step), (ErLeft::Over, unknown_key(&plain(1)).unwrap()));
    let step = crate::erp::server(options()).handle(NOW, &mut Nothing, None);
    assert!(step.next.is_none() && step.out.is_none());
}

#[test]
fn the_home_vouches_for_a_domain_with_a_dsrk() {
    let mut registry = registry();
    registry
        .add_domain(kaskade_anchor::emsk::Domain {
            domain: "example.org".parse().unwrap(),
            servers: vec![crate::common::principal("er")],
            lifetime: HOUR,
        })
        .unwrap();
    let admitted = registry
        .admit_domain(&caller("er"), &"example.org".parse().unwrap())
        .unwrap();
    let anchor = anchor();
    let bootstrap = || Bootstrap::of(&anchor, &admitted).unwrap();
    let flags = Flags {
        bootstrapping: true,
        ..Flags::default()
    };
    let with = |packet: Vec<u8>| {
        let mut input = input(packet).unwrap();
        input.bootstrap = Some(bootstrap());
        answer(server(options()).handle(NOW, &mut Nothing, Some(input))).1
    };
    let packet = initiate(2, SUITE, flags, 1);
    assert_eq!(
        packet,
        octets(&case("packet", "Initiate/Re-auth that bootstraps"), "packet")
    );
    let finish = with(packet);
    assert_eq!(
        finish.finish,
        octets(&case("packet", "Finish/Re-auth that bootstraps"), "packet")
    );
    assert_eq!(finish.granted.bootstrapped, Some("example.org".parse().unwrap()));
    // Only when the peer wants it.
    let finish = with(plain(2));
    assert_eq!(
        (
            finish_of(&finish.finish, SUITE).items.domain,
            finish.granted.bootstrapped
        ),
        (None, None)
    );

    // And the local server: the same rRK as the peer makes of the DSRK.
    let mut root = root();
    let domain: kaskade_keys::id::Fqdn = "example.org".parse().unwrap();
    let local = ErServer::local(&root.dsrk(&domain), root.name(), domain, options(), None).unwrap();
    let packet = octets(&case("packet", "Initiate/Re-auth to a local server"), "packet");
    answer(at(local, NOW, packet));
}

#[test]
fn only_an_eap_session_that_this_process_knows_from_its_birth_goes_on() {
    let mut of_5g_aka = Anchor::begin(supi(), root_of_5g_aka(), life(HOUR), Limits::default()).0;
    let realm = || "example.org".parse().unwrap();
    assert!(ErServer::home(&mut of_5g_aka, realm(), options()).unwrap().is_none());
    let limits = Limits {
        custody: Custody::Sealed,
        ..Limits::default()
    };
    let parts = Anchor::begin(supi(), root(), life(HOUR), limits)
        .1
        .unwrap()
        .into_parts()
        .unwrap();
    let value = parts.changes.into_iter().next().unwrap().value.unwrap();
    let (data_key, _) = Sealer::from_octets(&[1; 32]).create_data_key(&[2; 32], &[3; 12]);
    let place = RecordPlace {
        kind: 51,
        expires: 0,
        key: b"",
    };
    let version = SealedRoot::KIND.version;
    let row = data_key.seal_record(&[6; 12], &place, version, &value.clear, &value.secret);
    let opened = data_key.open_record(&place, &row).unwrap();
    let sealed = SealedRoot::decode(version, opened.clear, opened.secrets.reader()).unwrap();
    let mut restored = Anchor::restore(supi(), sealed, [], limits, AT, NOW);
    assert!(
        ErServer::home(&mut restored, realm(), options()).unwrap().is_none(),
        "its SEQ would begin anew"
    );
    let long = [["a"; 60].concat().as_str(); 4].join(".");
    assert!(ErServer::home(&mut anchor(), long.parse().unwrap(), options()).is_err());
}

#[test]
fn packets_of_others_get_nothing() {
    let other: KeyNameNai = "3e027fa0d26cc5fd@example.org".parse().unwrap();
    let elsewhere: KeyNameNai = "3e027fa0d26cc5fc@example.com".parse().unwrap();
    let mut server = server(options());
    for key_name_nai in [other, elsewhere] {
        let initiate = ReAuth {
            key_name_nai,
            ..ReAuth::read(&plain(0)).unwrap()[0].re_auth.clone()
        };
        let r_ik = r_rk().r_ik(SUITE);
        let packet = initiate.protect(SUITE, |covered| r_ik.tag(covered));
        let why;
        (server, why) = left(at(server, NOW, packet));
        assert_eq!(
            (why, why.refusal()),
            (ErLeft::AnotherKey, Refusal::ReauthenticationKeyUnknown)
        );
    }
    // A Finish of ours, sent back.
    let (server, finish) = answer(at(server, NOW, plain(0)));
    let (server, why) = left(at(server, NOW, finish.finish));
    assert_eq!(why, ErLeft::AnotherKey);
    assert!(matches!(left(at(server, NOW, vec![5, 1, 0, 4])).1, ErLeft::Form(_)));
}

#[test]
fn a_key_that_nobody_has_is_said_without_protection() {
    let finish = unknown_key(&plain(9)).unwrap();
    let readings = ReAuth::read(&finish).unwrap();
    let said = readings.iter().find(|reading| reading.protection.is_none()).unwrap();
    assert!(said.re_auth.flags.failed);
    assert_eq!((said.re_auth.seq, said.re_auth.identifier), (ErpSequence::new(9), 1));
    assert_eq!(said.re_auth.key_name_nai.to_string(), "3e027fa0d26cc5fc@example.org");
    assert_eq!(unknown_key(&finish), None, "a Finish has no answer");
    assert_eq!(unknown_key(&[]), None);
}

#[test]
fn a_server_knows_its_keys_by_name_until_their_emsk_ends() {
    const USER: u64 = 7;
    let mut servers = ErServers::new(4);
    let name = anchor().name();
    assert_eq!(servers.begin(name, NOW).unwrap_err(), Missing::Unknown);
    servers.add(USER, server(options()), "one", NOW).unwrap();
    let (found, of) = servers.begin(name, NOW).unwrap();
    assert_eq!(servers.begin(name, NOW).unwrap_err(), Missing::InWork);
    let (found, _) = answer(at(found, NOW, plain(0)));
    assert!(servers.end(name, Some((found, of)), NOW));
    let found = servers.begin(name, NOW).unwrap();
    assert!(servers.retire(USER), "while it is in work");
    assert!(!servers.end(name, Some(found), NOW));
    assert_eq!(servers.begin(name, NOW).unwrap_err(), Missing::Unknown);
    servers.add(USER, server(options()), "one", NOW).unwrap();
    assert!(servers.retire(USER) && servers.is_empty());
    servers.add(USER, server(options()), "one", NOW).unwrap();
    servers.sweep(NOW.after(10 * HOUR).unwrap());
    assert_eq!(servers.len(), 0);
}

fn of_another() -> ErServer {
    let session = SessionId::aka_prime(&Rand::from_octets([9; 16]), &Autn::from_octets([9; 16]));
    let root = Root::of_eap(Emsk::from_octets(&[9; 64]), session);
    let mut anchor = Anchor::begin(supi(), root, life(HOUR), Limits::default()).0;
    ErServer::home(&mut anchor, "example.org".parse().unwrap(), options())
        .unwrap()
        .unwrap()
}

#[test]
fn a_new_authentication_ends_the_rrk_of_the_one_before() {
    let mut servers = ErServers::new(4);
    let (name, new) = (anchor().name(), of_another().key_name_nai().name());
    servers.add(7, server(options()), (), NOW).unwrap();
    servers.add(7, of_another(), (), NOW).unwrap();
    assert_eq!(servers.begin(name, NOW).unwrap_err(), Missing::Unknown);
    assert_eq!(servers.len(), 1);
    // Also what is in work.
    let (found, ()) = servers.begin(new, NOW).unwrap();
    servers.add(7, server(options()), (), NOW).unwrap();
    assert!(!servers.end(new, Some((found, ())), NOW));
    assert!(servers.begin(name, NOW).is_ok());
}

/// rMSK follows from rRK and SEQ: the same SEQ again is the same key again.
#[test]
fn seq_never_begins_again_under_one_rrk() {
    let mut anchor = anchor();
    let realm = || "example.org".parse().unwrap();
    assert!(ErServer::home(&mut anchor, realm(), options()).unwrap().is_some());
    assert!(ErServer::home(&mut anchor, realm(), options()).unwrap().is_none());
    // The server of a domain that is given its DSRK again.
    let domain: kaskade_keys::id::Fqdn = "example.org".parse().unwrap();
    let mut root = root();
    let mut local = || ErServer::local(&root.dsrk(&domain), root.name(), domain.clone(), options(), None).unwrap();
    let packet = octets(&case("packet", "Initiate/Re-auth to a local server"), "packet");
    let name = local().key_name_nai().name();
    let mut servers = ErServers::new(4);
    servers.add(7, local(), (), NOW).unwrap();
    let (found, ()) = servers.begin(name, NOW).unwrap();
    assert!(servers.add(7, local(), (), NOW).is_err(), "it is in work");
    let (found, _) = answer(at(found, NOW, packet.clone()));
    assert!(servers.end(name, Some((found, ())), NOW));
    servers.add(7, local(), (), NOW).unwrap();
    let (found, ()) = servers.begin(name, NOW).unwrap();
    let late = NOW.after(Duration::from_secs(1)).unwrap();
    assert!(matches!(left(at(found, late, packet)).1, ErLeft::Replayed { .. }));
}

#[test]
fn an_rmsk_is_in_no_text() {
    let (_, finish) = answer(at(server(options()), NOW, plain(0)));
    let granted = finish.granted;
    let digits = hex::encode(granted.r_msk.expose_to_authenticator());
    let text = format!("{granted:?} {:?}", server(options()));
    assert!(text.contains("rMSK(…)") && text.contains("rRK(…)") && !text.contains(&digits[..8]));
    let _: RMsk = granted.r_msk;
}

proptest! {
    /// Whatever comes, nothing is granted without the tag, and the server goes on.
    #[test]
    fn whatever_comes_grants_nothing(octets: Vec<u8>, place in 0..55_usize, value: u8) {
        let mut near = plain(0);
        near[place] = value;
        let good = near == plain(0);
        for packet in [octets, near] {
            let step = at(server(options()), NOW, packet);
            prop_assert!(step.next.is_some());
            prop_assert!(step.out.is_none() || good);
        }
    }
}
