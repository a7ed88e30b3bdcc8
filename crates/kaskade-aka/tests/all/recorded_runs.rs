//! Runs of 5G AKA that other people recorded or published: every party of ours gives the same values.
#![allow(clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../kaskade-crypto/tests/all/known_answers/mod.rs"]
mod known_answers;

use kaskade_aka::auc::{self, AucError, Credentials};
use kaskade_aka::fivegs::ausf::Challenged;
use kaskade_aka::fivegs::keys::{Algorithms, FiveGsKeys, Selection};
use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::udm;
use kaskade_aka::fivegs::ue::Ue;
use kaskade_aka::sqn::{Seq, SqnLayout};
use kaskade_aka::usim::{Usim, UsimError, UsimOptions};
use kaskade_aka::visit::{RevealedKeys, VisitKeys};
use kaskade_crypto::{Autn, Auts, Rand, Sqn};
use kaskade_keys::{Abba, NasCount, ServingNetworkName, Supi};
use known_answers::{Case, load};

/// Names that a vector may have for one of our keys.
const NAMES: &[(&str, &str)] = &[
    ("ck", "CK"),
    ("ik", "IK"),
    ("ak", "AK"),
    ("res", "RES"),
    ("xres_star", "XRES*"),
    ("res_star", "RES*"),
    ("hxres_star", "HXRES*"),
    ("hxres_star", "HRES*"),
    ("k_ausf", "K_AUSF"),
    ("derived_k_ausf", "K_AUSF"),
    ("k_seaf", "K_SEAF"),
    ("derived_k_seaf", "K_SEAF"),
    ("derived_k_amf", "K_AMF"),
    ("k_gnb", "K_gNB"),
];

/// A card that takes any SQN above the highest before: one recorded run starts at SQN 1, others far up.
fn plain_counter() -> UsimOptions {
    UsimOptions {
        layout: SqnLayout::new(0).expect("no IND"),
        delta: None,
        ..UsimOptions::default()
    }
}

fn subscription(case: &Case, amf: [u8; 2]) -> Credentials {
    crate::parties::credentials(&case.octets("k"), &case.octets("opc"), amf)
}

/// Compares what was seen with what the case records, and counts.
fn compare(case: &Case, party: &str, seen: &RevealedKeys) -> usize {
    let mut compared = 0;
    for (field, name) in NAMES {
        if let (Some(expected), Some(key)) = (case.find(field), seen.of(name)) {
            let actual = hex::encode(key.expose_to_operator());
            assert_eq!(actual, hex::encode(expected), "{}: {name} of {party}", case.name());
            compared += 1;
        }
    }
    compared
}

#[test]
fn every_party_gives_the_recorded_values() {
    let (mut runs, mut on_the_network, mut in_the_ue) = (0, 0, 0);
    for case in load("kdf-5gs.json").iter().filter(|case| case.has("k")) {
        // Two sources have names that are no serving network names; their MILENAGE part is compared all the same.
        let name = case.text("serving_network_name").parse::<ServingNetworkName>();
        let autn = Autn::from_octets(case.octets("autn"));
        let (rand, credentials) = (
            Rand::from_octets(case.octets("rand")),
            subscription(case, *autn.amf().octets()),
        );
        let ak = auc::quintet(&credentials, &rand, Sqn::MAX).ak;
        let sqn = Sqn::from_xor_ak(autn.sqn_xor_ak(), &ak);
        if let Some(recorded) = case.find("sqn") {
            assert_eq!(hex::encode(sqn.octets()), hex::encode(recorded), "{}", case.name());
        }
        let quintet = auc::quintet(&credentials, &rand, sqn);
        assert_eq!(quintet.autn, autn, "{}", case.name());
        let Ok(name) = name else {
            let mut seen = RevealedKeys::to_operator();
            quintet.visit_keys(&mut seen);
            compare(case, "the AuC", &seen);
            continue;
        };

        // Where the case names no subscriber, K_AMF is not recorded.
        let supi: Supi = match case.has("supi") {
            true => format!("imsi-{}", case.text("supi")).parse().expect("a SUPI"),
            false => crate::parties::supi(),
        };
        let abba = Abba::from_octets(&case.find("abba").unwrap_or(vec![0, 0])).expect("an ABBA");
        let count = case
            .find("uplink_nas_count")
            .map_or([0; 4], |_| case.octets("uplink_nas_count"));
        let selection = Selection::same(
            Algorithms::AES,
            NasCount::new(u32::from_be_bytes(count)).expect("24 bits"),
        );

        let (mut network, mut device) = (RevealedKeys::to_operator(), RevealedKeys::to_operator());
        let he_av = udm::he_av_visited(&credentials, &rand, sqn, &name, &mut network);
        let (se_av, challenged) = Challenged::new(he_av, supi.clone(), name);
        se_av.visit_keys(&mut network);
        let awaiting = AwaitingResponse::new(se_av);
        let mut ue = Ue::new(crate::parties::usim(&credentials, plain_counter()), supi);
        let authenticated = ue
            .challenge_visited(awaiting.rand(), awaiting.autn(), &name, &abba, &mut device)
            .expect("the recorded challenge is fresh");
        let awaiting = awaiting.response(authenticated.res_star).expect("the right RES*");
        awaiting.visit_keys(&mut network);
        let confirmed = challenged.confirm(awaiting.res_star()).expect("the right RES*");
        confirmed.visit_keys(&mut network);
        let anchored = awaiting.accepted(confirmed.supi, confirmed.k_seaf, abba);
        anchored.visit_keys(&mut network);
        FiveGsKeys::derive(&anchored.k_amf, &selection).visit_keys(&mut network);
        FiveGsKeys::derive(&authenticated.k_amf, &selection).visit_keys(&mut device);

        on_the_network += compare(case, "the network", &network);
        in_the_ue += compare(case, "the UE", &device);
        runs += 1;
    }
    // A renamed field or a lost case would lower these.
    assert_eq!((runs, on_the_network, in_the_ue), (16, 69, 63));
}

#[test]
fn recorded_auts_are_accepted_and_made() {
    let (mut accepted, mut refused) = (0, 0);
    for case in load("milenage.json").iter().filter(|case| case.has("auts")) {
        let (rand, credentials) = (Rand::from_octets(case.octets("rand")), subscription(case, [0x80, 0]));
        let auts = Auts::from_octets(case.octets("auts"));
        let sqn_ms = match auc::verify_auts(&credentials, &rand, &auts) {
            Ok(sqn_ms) => sqn_ms,
            Err(error) => {
                assert_eq!((case.text("auts_result"), error), ("mac-failure", AucError::WrongMacS));
                refused += 1;
                continue;
            }
        };
        assert_eq!(case.text("auts_result"), "valid", "{}", case.name());
        if let Some(recorded) = case.find("auts_sqn_ms") {
            assert_eq!(hex::encode(sqn_ms.octets()), hex::encode(recorded), "{}", case.name());
        }
        // A card that has accepted this SQN_MS answers a stale challenge with the recorded AUTS.
        let mut usim = Usim::restore(&credentials.keys, plain_counter(), &[Seq(sqn_ms.value())]).expect("one entry");
        let stale = auc::quintet(&credentials, &rand, sqn_ms);
        let answer = usim.authenticate(&rand, &stale.autn).map(|_| "accepted");
        assert_eq!(answer, Err(UsimError::SynchronisationFailure(auts)), "{}", case.name());
        accepted += 1;
    }
    assert_eq!((accepted, refused), (3, 1));
}
