//! A device from one registration to the next, against the home and serving network of kaskade-aka.

use kaskade_aka::auc::{self, Credentials};
use kaskade_aka::fivegs::ausf::Challenged;
use kaskade_aka::fivegs::keys::{FiveGsKeys, Selection};
use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::udm;
use kaskade_aka::fivegs::ue::UeReject;
use kaskade_aka::usim::UsimOptions;
use kaskade_aka::visit::{Fingerprints, VisitKeys};
use kaskade_anchor::emsk::{KeyOf, Root};
use kaskade_crypto::{Amf, Autn, K, Opc, Rand, Sqn};
use kaskade_keys::id::{Snssai, UsageData, UsageLabel};
use kaskade_keys::{Abba, ServingNetworkName, Supi, tree};
use kaskade_ue::card::{self, History};
use kaskade_ue::{Accepted, Answer, AwaitingSecurityMode, Challenge, Device};

fn credentials() -> Credentials {
    Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]))
}

fn supi() -> Supi {
    "imsi-001010000000001".parse().unwrap()
}

fn network() -> ServingNetworkName {
    "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap()
}

fn device(history: History<'_>) -> Device {
    let usim = card::usim(&credentials().keys, UsimOptions::default(), history).unwrap();
    Device::new(usim, supi())
}

fn sqn(seq: u64) -> Sqn {
    Sqn::new(seq << 5).unwrap()
}

fn asked(credentials: &Credentials, octet: u8, seq: u64) -> Challenge {
    let quintet = auc::quintet(credentials, &Rand::from_octets([octet; 16]), sqn(seq));
    Challenge {
        rand: quintet.rand,
        autn: quintet.autn,
        abba: Abba::INITIAL,
    }
}

fn accepted(device: Device, octet: u8, seq: u64) -> Accepted {
    let challenge = asked(&credentials(), octet, seq);
    match device.start(network()).challenge(challenge, &mut ()) {
        Answer::Accepted(accepted) => accepted,
        Answer::Failure(_, reject) | Answer::NotGenuine(_, reject) => panic!("{reject}"),
    }
}

fn registered(device: Device, octet: u8, seq: u64) -> Device {
    accepted(device, octet, seq)
        .kept()
        .0
        .security_mode(Selection::default())
}

#[test]
fn a_run_with_a_resynchronisation_ends_with_the_same_keys_on_both_sides() {
    let (mut there, mut here) = (Fingerprints::default(), Fingerprints::default());
    let challenge = |octet: u8, seq: u64, seen: &mut Fingerprints| {
        let rand = Rand::from_octets([octet; 16]);
        let he_av = udm::he_av_visited(&credentials(), &rand, sqn(seq), &network(), seen);
        let (se_av, challenged) = Challenged::new(he_av, supi(), network());
        (AwaitingResponse::new(se_av), challenged)
    };
    let asked = |awaiting: &AwaitingResponse| Challenge {
        rand: *awaiting.rand(),
        autn: *awaiting.autn(),
        abba: Abba::INITIAL,
    };
    // The card is ahead of the home network.
    let waiting = device(History::UpTo(sqn(500))).start(network());
    let (first, _) = challenge(1, 7, &mut Fingerprints::default());
    let Answer::Failure(waiting, UeReject::SynchronisationFailure(auts)) = waiting.challenge(asked(&first), &mut here)
    else {
        panic!("an SQN of before is accepted")
    };
    assert_eq!(here.iter().count(), 0, "keys of a challenge that was refused");
    let resynchronisation = first.synchronisation_failure(auts);
    let sqn_ms = auc::verify_auts(&credentials(), &resynchronisation.rand, &resynchronisation.auts);
    assert_eq!(sqn_ms, Ok(sqn(500)));

    let (second, challenged) = challenge(2, 501, &mut there);
    let Answer::Accepted(accepted) = waiting.challenge(asked(&second), &mut here) else {
        panic!("a fresh challenge is refused")
    };
    assert_eq!(accepted.card_state().seq_ms[0].0, 501);
    let (waiting, res_star) = accepted.kept();
    let home = second.response(res_star).unwrap();
    let confirmed = challenged.confirm(home.res_star()).unwrap();
    confirmed.visit_keys(&mut there);
    let anchored = home.accepted(supi(), confirmed.k_seaf.clone(), Abba::INITIAL);
    anchored.visit_keys(&mut there);
    FiveGsKeys::derive(&anchored.k_amf, &Selection::default()).visit_keys(&mut there);
    assert_eq!(waiting.k_seaf(), &confirmed.k_seaf);
    let device = waiting.security_mode(Selection::default());
    device.visit_keys(&mut here);

    let context = device.context().unwrap();
    assert_eq!(context.k_amf(), &anchored.k_amf);
    assert_eq!(context.serving_network_name(), &network());
    assert_eq!(device.anchor().unwrap().k_ausf(), &confirmed.k_ausf);
    let mut both = 0;
    for (name, fingerprint) in here.iter() {
        assert!(tree::parent(name).is_some(), "{name} has no row");
        if let Some(there) = there.of(name) {
            assert_eq!(there, fingerprint, "{name}");
            both += 1;
        }
    }
    assert!(both >= 17, "{both} keys on both sides");
}

#[test]
fn the_third_failure_in_a_row_is_not_genuine() {
    let another = Credentials::new(K::from_octets(&[0x47; 16]), Opc::from_octets(&[0xcd; 16]));
    let of_umts = Credentials {
        amf: Amf::from_octets([0, 0]),
        ..credentials()
    };
    let waiting = device(History::UpTo(sqn(500))).start(network());
    let Answer::Failure(waiting, UeReject::MacFailure) = waiting.challenge(asked(&another, 1, 501), &mut ()) else {
        panic!("the challenge of another card")
    };
    let Answer::Failure(waiting, reject) = waiting.challenge(asked(&of_umts, 2, 501), &mut ()) else {
        panic!("a vector of another generation")
    };
    assert_eq!(reject, UeReject::Non5gAuthenticationUnacceptable);
    let Answer::NotGenuine(device, UeReject::SynchronisationFailure(_)) =
        waiting.challenge(asked(&credentials(), 3, 7), &mut ())
    else {
        panic!("the third failure")
    };
    assert!(device.context().is_none() && device.anchor().is_none());
    assert_eq!(device.usim().sqn_ms(), sqn(500));
    // A new registration counts anew.
    let waiting = device.start(network());
    let Answer::Failure(waiting, _) = waiting.challenge(asked(&another, 1, 501), &mut ()) else {
        panic!("the first failure of another registration")
    };
    let answer = waiting.challenge(asked(&credentials(), 4, 501), &mut ());
    assert!(matches!(answer, Answer::Accepted(_)));
}

#[test]
fn keys_are_in_use_after_a_security_mode_command_and_not_before() {
    let device = registered(device(History::New), 1, 1);
    let (anchor, context) = (device.anchor().cloned(), device.context().cloned());
    assert!(anchor.is_some() && context.is_some());
    // A second run that nothing comes of: all as before, but the card has moved on.
    let waiting = accepted(device, 2, 2).kept().0;
    let device = waiting.abandon();
    assert_eq!((device.anchor(), device.context()), (anchor.as_ref(), context.as_ref()));
    assert_eq!(device.usim().sqn_ms(), sqn(2));
    let device = device.start(network()).abandon();
    assert_eq!((device.anchor(), device.context()), (anchor.as_ref(), context.as_ref()));
    // A third that is rejected: no context, and nothing of the new keys.
    let rejected = accepted(device, 3, 3).kept().0.rejected();
    assert_eq!((rejected.anchor(), rejected.context()), (anchor.as_ref(), None));
    // A fourth replaces what was there.
    let device = registered(rejected, 4, 4);
    assert!(device.anchor() != anchor.as_ref() && device.context() != context.as_ref());
}

#[test]
fn a_usage_key_is_the_one_of_the_home_network_and_changes_with_every_registration() {
    let slice: Snssai = "1-0000d1".parse().unwrap();
    let label: UsageLabel = "link@operator.example".parse().unwrap();
    let data = UsageData::slice(&slice, None);
    let of_usage = KeyOf::usage(label.clone(), data.clone());
    let of_domain = KeyOf::in_domain("slices.example".parse().unwrap(), label, data);
    let mut device = device(History::New);
    assert!(device.usage_key(&of_usage).is_none(), "a key before any registration");
    let mut names = Vec::new();
    for round in 1..=2 {
        let (rand, seq) = (Rand::from_octets([round; 16]), 2 * u64::from(round));
        let he_av = udm::he_av(&credentials(), &rand, sqn(seq), &network());
        let mut home = Root::of_5g_aka(he_av.k_ausf, supi(), &rand, &he_av.autn);
        // What nothing comes of leaves the keys as they are.
        let before = device.usage_key(&of_usage);
        device = accepted(device, 100 + round, seq - 1).kept().0.abandon();
        assert_eq!(device.usage_key(&of_usage), before);
        device = registered(device, round, seq);
        for of in [&of_usage, &of_domain] {
            let ours = device.usage_key(of).unwrap();
            assert_eq!(
                (ours.emsk_name, ours.name, ours.key),
                (home.name(), home.key_name(of), home.key(of))
            );
            names.push(ours.name);
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4);
}

#[test]
fn the_selection_and_the_abba_decide_the_keys_below() {
    let keys = |abba: &[u8], selection: Selection| {
        let challenge = Challenge {
            abba: Abba::from_octets(abba).unwrap(),
            ..asked(&credentials(), 1, 1)
        };
        let answer = device(History::New).start(network()).challenge(challenge, &mut ());
        let Answer::Accepted(accepted) = answer else {
            panic!("a fresh challenge")
        };
        let waiting: AwaitingSecurityMode = accepted.kept().0;
        waiting.security_mode(selection).context().unwrap().clone()
    };
    let usual = keys(&[0, 0], Selection::default());
    assert_ne!(usual.k_amf(), keys(&[0, 1], Selection::default()).k_amf());
    let mut other = Selection::default();
    other.nas.ciphering = kaskade_keys::CipheringAlgorithm::Nea1;
    let other = keys(&[0, 0], other);
    assert_eq!(
        (usual.k_amf(), &usual.keys().k_gnb),
        (other.k_amf(), &other.keys().k_gnb)
    );
    assert_ne!(usual.keys().nas.k_nas_enc, other.keys().nas.k_nas_enc);
}

#[test]
fn a_card_that_was_kept_refuses_the_challenge_that_it_has_answered() {
    let state = accepted(device(History::New), 1, 1).card_state();
    assert_eq!(state.supi, supi());
    let again = device(History::Kept(&state.seq_ms)).start(network());
    let answer = again.challenge(asked(&credentials(), 1, 1), &mut ());
    assert!(matches!(
        answer,
        Answer::Failure(_, UeReject::SynchronisationFailure(_))
    ));
}

#[test]
fn no_bit_of_a_challenge_may_change() {
    let Challenge { rand, autn, .. } = asked(&credentials(), 1, 1);
    for bit in 0..Autn::LEN * 8 {
        let mut octets = *autn.octets();
        octets[bit / 8] ^= 0x80 >> (bit % 8);
        let challenge = Challenge {
            rand,
            autn: Autn::from_octets(octets),
            abba: Abba::INITIAL,
        };
        let answer = device(History::New).start(network()).challenge(challenge, &mut ());
        assert!(matches!(answer, Answer::Failure(..)), "bit {bit}");
    }
}
