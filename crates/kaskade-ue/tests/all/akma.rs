//! K_AKMA and A-KID at the device: of the K_AUSF that is stored, and the same as in the home network.

use kaskade_aka::auc::{self, Credentials};
use kaskade_aka::fivegs::keys::Selection;
use kaskade_aka::fivegs::udm;
use kaskade_aka::usim::UsimOptions;
use kaskade_aka::visit::{Fingerprints, VisitKeys as _};
use kaskade_crypto::{K, KeyMaterial as _, Opc, Rand, Sqn};
use kaskade_keys::akma::{KAf, KAkma};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{AKid, AfId};
use kaskade_keys::{Abba, HomeRealm, ServingNetworkName, Supi};
use kaskade_ue::card::{self, History};
use kaskade_ue::{Accepted, Akma, Answer, Challenge, Device, Home, NoAkma};
use serde_json::Value;

fn credentials() -> Credentials {
    Credentials::new(K::from_octets(&[0x46; 16]), Opc::from_octets(&[0xcd; 16]))
}

fn supi() -> Supi {
    "imsi-001010000000001".parse().unwrap()
}

fn network() -> ServingNetworkName {
    "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap()
}

fn home(routing_indicator: &str) -> Home {
    Home {
        routing_indicator: routing_indicator.parse().unwrap(),
        realm: HomeRealm::new("001-01".parse().unwrap(), None),
    }
}

fn device() -> Device {
    let usim = card::usim(&credentials().keys, UsimOptions::default(), History::New).unwrap();
    Device::new(usim, supi())
}

/// A challenge that the device answers, and what the home network has then.
fn accepted(device: Device, octet: u8, seq: u64) -> (Accepted, KAusf) {
    let (rand, sqn) = (Rand::from_octets([octet; 16]), Sqn::new(seq << 5).unwrap());
    let at_home = udm::he_av(&credentials(), &rand, sqn, &network());
    let quintet = auc::quintet(&credentials(), &rand, sqn);
    let challenge = Challenge {
        rand: quintet.rand,
        autn: quintet.autn,
        abba: Abba::INITIAL,
    };
    match device.start(network()).challenge(challenge, &mut ()) {
        Answer::Accepted(accepted) => (accepted, at_home.k_ausf),
        Answer::Failure(_, reject) | Answer::NotGenuine(_, reject) => panic!("{reject}"),
    }
}

fn text<'c>(case: &'c Value, field: &str) -> &'c str {
    case[field].as_str().unwrap()
}

fn octets(case: &Value, field: &str) -> [u8; 32] {
    hex::decode(text(case, field)).unwrap().try_into().unwrap()
}

#[test]
fn a_pair_and_the_keys_below_it_are_the_published_ones() {
    let cases = kaskade_oracle::vectors("rows-apps.json");
    let cases = cases["cases"].as_array().unwrap();
    let case = cases
        .iter()
        .find(|case| text(case, "child") == "K_AKMA" && text(case, "name").ends_with("after RFC 9048 case 1"));
    let case = case.unwrap();
    let akma = Akma::of(&KAusf::from_octets(&octets(case, "key")), &supi(), home("678"));
    assert_eq!(akma.k_akma(), &KAkma::from_octets(&octets(case, "output")));
    let name = "rid678.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
    assert_eq!(akma.a_kid().to_string(), name);
    let mut count = 0;
    for case in cases.iter().filter(|case| text(case, "child") == "K_AF") {
        let af_id: AfId = text(&case["inputs"], "af-id").parse().unwrap();
        assert_eq!(akma.k_af(&af_id), KAf::from_octets(&octets(case, "output")));
        count += 1;
    }
    assert!(count >= 3, "{count} keys of application functions");
}

#[test]
fn a_pair_is_of_the_k_ausf_that_is_stored() {
    let device = device().with_home(home("12"));
    assert_eq!(device.akma(), Err(NoAkma::NoKAusf));
    let (accepted, at_home) = accepted(device, 1, 1);
    let expected = Akma::of(&at_home, &supi(), home("12"));
    assert_eq!(accepted.device().akma(), Err(NoAkma::NoKAusf));
    let (waiting, _) = accepted.kept();
    assert_eq!(
        waiting.device().akma(),
        Err(NoAkma::NoKAusf),
        "before the security mode command"
    );
    let device = waiting.security_mode(Selection::default());
    assert_eq!(device.akma(), Ok(expected.clone()));

    // While the next one runs, and after it came to nothing.
    let asked = device.start(network());
    assert_eq!(asked.device().akma(), Ok(expected.clone()));
    let (accepted, _) = self::accepted(asked.abandon(), 2, 2);
    assert_eq!(accepted.device().akma(), Ok(expected.clone()));
    let (waiting, _) = accepted.kept();
    assert_eq!(waiting.device().akma(), Ok(expected.clone()));
    let device = waiting.abandon();
    assert_eq!(device.akma(), Ok(expected.clone()));

    // The next that comes to an end has another pair.
    let (accepted, at_home) = self::accepted(device, 3, 3);
    let device = accepted.kept().0.security_mode(Selection::default());
    let newer = device.akma().unwrap();
    assert_eq!(newer, Akma::of(&at_home, &supi(), home("12")));
    assert!(newer.a_kid() != expected.a_kid() && newer.k_akma() != expected.k_akma());
}

#[test]
fn one_k_ausf_has_one_a_kid() {
    let text = |device: &Device| device.akma().unwrap().a_kid().to_string();
    let (waiting, _) = accepted(device(), 1, 1).0.kept();
    let device = waiting.security_mode(Selection::default()).with_home(home("12"));
    assert_eq!(device.akma(), Err(NoAkma::NoHome), "the card said nothing in time");
    let device = accepted(device, 2, 2).0.kept().0.security_mode(Selection::default());
    let before = text(&device);
    assert!(before.starts_with("rid12.atid"), "{before}");
    // A parameters update gives another routing indicator.
    let device = device.with_home(home("345"));
    assert_eq!(text(&device), before);
    let device = accepted(device, 3, 3).0.kept().0.security_mode(Selection::default());
    assert!(text(&device).starts_with("rid345.atid"));
}

#[test]
fn names_and_keys_are_silent_and_seen_by_name() {
    let akma = Akma::of(&KAusf::from_octets(&[7; 32]), &supi(), home("0"));
    let text = format!("{akma:?}");
    let a_kid: AKid = akma.a_kid().to_string().parse().unwrap();
    assert_eq!(&a_kid, akma.a_kid());
    let a_tid = akma.a_kid().to_string();
    assert!(!text.contains(&a_tid[9..40]) && text.contains("K_AKMA(…)"), "{text}");
    let mut seen = Fingerprints::default();
    akma.visit_keys(&mut seen);
    assert_eq!(seen.of("K_AKMA"), Some(akma.k_akma().fingerprint()));
    assert_eq!(seen.of("A-TID"), Some(akma.a_tid().fingerprint()));
}
