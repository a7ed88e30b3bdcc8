//! Vectors are asked by operation: each decides method, separation bit and result, as captures and RFC 9048 have them.

use crate::parties::{credentials, home, rand, sqn, subscription, usim};
use kaskade_aka::algorithm::{GsmAlgorithm, GsmKeys};
use kaskade_aka::arpf::{
    self, AucError, EapAkaAv, EapAkaPrimeAv, EapAkaPrimeQuintet, EpsAv, FiveGHeAv, GsmTriplet, Method, Operation,
    Permit, Service, UmtsAv,
};
use kaskade_aka::auc::{self, Credentials, Quintet};
use kaskade_aka::fivegs::udm;
use kaskade_aka::usim::{UsimError, UsimOptions};
use kaskade_aka::visit::Fingerprints;
use kaskade_crypto::gsm::{Ki, SresFunction};
use kaskade_crypto::{Ak, Amf, Autn, Ck, Ik, Rand, Res, Sqn};
use kaskade_keys::Plmn;
use kaskade_keys::derivation::Fingerprint;
use kaskade_keys::eap::CkIkPrime;
use kaskade_keys::eps::KAsme;
use kaskade_keys::id::{AccessNetworkIdentity, ServingNetworkIdentity};
use kaskade_oracle::{Arg, Oracle};
use kaskade_oracle::{octets, vectors};
use serde_json::Value;

const METHODS: [Method; 6] = [
    Method::FiveGAka,
    Method::EapAkaPrime,
    Method::EpsAka,
    Method::EapAka,
    Method::UmtsAka,
    Method::GsmAka,
];

fn allowed<O: Service>() -> Permit<O> {
    arpf::permit(|method| method == O::METHOD).expect("its own method")
}

fn eps() -> EpsAv {
    EpsAv {
        serving_network: "001-01".parse::<Plmn>().expect("a PLMN").into(),
    }
}

fn of_5g() -> FiveGHeAv {
    FiveGHeAv {
        serving_network_name: home(),
    }
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    octets(value).try_into().expect("its length")
}

fn cases(file: &str) -> Vec<Value> {
    vectors(file)["cases"].as_array().expect("cases").clone()
}

/// AUTN of a vector, which a card of the subscription accepts, and the keys that were seen.
fn autn<O: Operation>(operation: &O, amf: [u8; 2], of: impl Fn(&O::Vector) -> Autn) -> (Autn, Fingerprints) {
    let subscription = Credentials {
        amf: Amf::from_octets(amf),
        ..subscription()
    };
    let mut seen = Fingerprints::default();
    let vector = allowed::<O>().vector(operation, &subscription, &rand(1), sqn(1, 0), &mut seen);
    let autn = of(&vector);
    let mut card = usim(&subscription, UsimOptions::default());
    assert!(card.authenticate(&rand(1), &autn).is_ok());
    (autn, seen)
}

#[test]
fn the_operation_decides_the_separation_bit_and_the_method() {
    for amf in [[0, 0], [0x80, 0], [0x7f, 0xff], [0xff, 0xff], [0x12, 0x34]] {
        let (name, access) = (home(), "WLAN".parse::<AccessNetworkIdentity>().expect("a name"));
        let set = [
            (autn(&of_5g(), amf, |vector| vector.autn), "K_AUSF"),
            (autn(&eps(), amf, |vector| vector.autn), "K_ASME"),
            (
                autn(&EapAkaPrimeAv::ServingNetwork(&name), amf, |vector| vector.autn),
                "CK'||IK'",
            ),
            (
                autn(&EapAkaPrimeAv::AccessNetwork(&access), amf, |vector| vector.autn),
                "CK'||IK'",
            ),
            (autn(&EapAkaPrimeQuintet, amf, |vector| vector.autn), "CK||IK"),
        ];
        let clear = [
            (autn(&UmtsAv, amf, |vector| vector.autn), "CK||IK"),
            (autn(&EapAkaAv, amf, |vector| vector.autn), "CK||IK"),
        ];
        let expected = |bit: u8| Amf::from_octets([amf[0] & 0x7f | bit, amf[1]]);
        for ((autn, seen), key) in set {
            assert_eq!(autn.amf(), expected(0x80), "{key}");
            assert!(seen.of(key).is_some() && seen.of("CK||IK").is_some(), "{key}");
        }
        assert_eq!(EapAkaPrimeQuintet::METHOD, EapAkaPrimeAv::METHOD);
        for ((autn, seen), key) in clear {
            assert_eq!(autn.amf(), expected(0), "{key}");
            assert!(seen.of(key).is_some() && seen.of("K_ASME").is_none(), "{key}");
        }
    }
    let methods = [
        FiveGHeAv::METHOD,
        EapAkaPrimeAv::METHOD,
        EpsAv::METHOD,
        EapAkaAv::METHOD,
        UmtsAv::METHOD,
        GsmTriplet::METHOD,
    ];
    assert_eq!(methods, METHODS);
}

#[test]
fn each_method_allows_its_own_operation_and_no_other() {
    fn allows<O: Service>() -> [bool; 6] {
        METHODS.map(
            |of_subscription| match arpf::permit::<O>(|wanted| wanted == of_subscription) {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.0, O::METHOD);
                    assert!(error.to_string().contains(&O::METHOD.to_string()));
                    false
                }
            },
        )
    }
    let all = [
        allows::<FiveGHeAv>(),
        allows::<EapAkaPrimeAv<'_>>(),
        allows::<EpsAv>(),
        allows::<EapAkaAv>(),
        allows::<UmtsAv>(),
        allows::<GsmTriplet>(),
    ];
    for (row, allows) in all.iter().enumerate() {
        for (column, is) in allows.iter().enumerate() {
            assert_eq!(*is, row == column, "{row} by {}", METHODS[column]);
        }
    }
}

#[test]
fn captured_eps_runs_are_made_again() {
    let mut made = 0;
    for case in cases("kdf-eps.json").iter().filter(|case| case["opc"].is_string()) {
        // The separation bit is the operation's: the subscription has none.
        let card = credentials(&array(&case["k"]), &array(&case["opc"]), [0, 0]);
        let operation = EpsAv {
            serving_network: ServingNetworkIdentity(Plmn::from_nas_octets(array(&case["sn_id"])).expect("a PLMN")),
        };
        let (rand, sqn) = (
            Rand::from_octets(array(&case["rand"])),
            Sqn::from_octets(array(&case["sqn"])),
        );
        let mut seen = Fingerprints::default();
        let vector = allowed::<EpsAv>().vector(&operation, &card, &rand, sqn, &mut seen);
        assert_eq!(*vector.autn.octets(), array::<16>(&case["autn"]), "{}", case["name"]);
        let k_asme = KAsme::from_octets(&array(&case["output"]));
        assert_eq!(vector.k_asme, k_asme, "{}", case["name"]);
        assert_eq!(seen.of("K_ASME"), Some(Fingerprint::of(&k_asme)));
        assert_eq!(vector.rand, rand);
        made += 1;
    }
    assert!(made >= 8, "{made} runs");
}

#[test]
fn captured_5g_vectors_are_made_again() {
    let mut made = 0;
    for case in cases("kdf-5gs.json").iter().filter(|case| case["sqn"].is_string()) {
        let (Value::String(name), Value::String(_)) = (&case["serving_network_name"], &case["opc"]) else {
            continue;
        };
        // One recording has a name that TS 24.501 does not know.
        let Ok(serving_network_name) = name.parse() else {
            continue;
        };
        let autn = Autn::from_octets(array(&case["autn"]));
        let [_, low] = *autn.amf().octets();
        let card = credentials(&array(&case["k"]), &array(&case["opc"]), [0, low]);
        let operation = FiveGHeAv { serving_network_name };
        let (rand, sqn) = (
            Rand::from_octets(array(&case["rand"])),
            Sqn::from_octets(array(&case["sqn"])),
        );
        let vector = allowed::<FiveGHeAv>().vector(&operation, &card, &rand, sqn, &mut ());
        if !autn.amf().separation_bit() {
            // A recording that no UE would take; the keys do not depend on the bit.
            assert_ne!(vector.autn, autn);
        } else {
            assert_eq!(vector.autn, autn, "{}", case["name"]);
        }
        if case["k_ausf"].is_string() {
            let k_ausf = array::<32>(&case["k_ausf"]);
            assert_eq!(*vector.k_ausf.expose_to_operator(), k_ausf, "{}", case["name"]);
        }
        for res_star in ["xres_star", "res_star"]
            .iter()
            .filter(|field| case[**field].is_string())
        {
            let res_star = array::<16>(&case[*res_star]);
            assert_eq!(*vector.xres_star.expose_to_ausf(), res_star, "{}", case["name"]);
        }
        let with_the_bit = Credentials {
            amf: vector.autn.amf(),
            ..card
        };
        let alone = udm::he_av(&with_the_bit, &rand, sqn, &operation.serving_network_name);
        assert_eq!((alone.autn, &alone.xres_star), (vector.autn, &vector.xres_star));
        made += 1;
    }
    assert!(made >= 9, "{made} vectors");
}

#[test]
fn av_prime_is_that_of_rfc_9048() {
    let mut made = 0;
    for case in cases("eap-aka-prime.json")
        .iter()
        .filter(|case| case["ck_prime"].is_string())
    {
        let (Value::String(network), Value::String(_)) = (&case["network_name"], &case["autn"]) else {
            continue;
        };
        let quintet = Quintet {
            rand: Rand::from_octets(array(&case["rand"])),
            xres: Res::from_slice(&octets(&case["res"])).expect("a RES"),
            ck: Ck::from_octets(&array(&case["ck"])),
            ik: Ik::from_octets(&array(&case["ik"])),
            ak: Ak::from_octets(&[0; 6]),
            autn: Autn::from_octets(array(&case["autn"])),
        };
        let access: AccessNetworkIdentity = network.parse().expect("a name");
        let vector = EapAkaPrimeAv::AccessNetwork(&access).bind(quintet, &mut ());
        let expected = [octets(&case["ck_prime"]), octets(&case["ik_prime"])].concat();
        let expected = CkIkPrime::from_octets(&expected.try_into().expect("32 octets"));
        assert_eq!(vector.ck_ik_prime, expected, "{}", case["name"]);
        assert_eq!(vector.xres.octets(), octets(&case["res"]));
        made += 1;
    }
    assert!(made >= 2, "{made} cases");
}

#[test]
fn av_prime_of_5gs_is_what_the_reference_derives() {
    let Some(oracle) = Oracle::start() else { return };
    let name = home();
    for octet in 0..8 {
        let card = credentials(&[octet; 16], &[0xcd; 16], [0, 0]);
        let operation = EapAkaPrimeAv::ServingNetwork(&name);
        let vector = allowed().vector(&operation, &card, &rand(octet), sqn(7, 3), &mut ());
        let quintet = auc::quintet(&card, &rand(octet), sqn(7, 3));
        let ck_ik = [*quintet.ck.expose_to_operator(), *quintet.ik.expose_to_operator()].concat();
        let s = [
            Arg::Octets(&ck_ik),
            Arg::Number(0x20),
            Arg::Octets(name.as_str().as_bytes()),
            Arg::Octets(&vector.autn.octets()[..6]),
        ];
        let expected = CkIkPrime::from_octets(&oracle.octets("kdf", &s).try_into().expect("32 octets"));
        assert_eq!(vector.ck_ik_prime, expected);
        assert_eq!(vector.xres, quintet.xres);
    }
}

#[test]
fn an_auts_is_verified_by_the_operation_that_it_answers() {
    let mut card = usim(&subscription(), UsimOptions::default());
    let permit = allowed::<UmtsAv>();
    let challenge = |seq| permit.vector(&UmtsAv, &subscription(), &rand(5), sqn(seq, 0), &mut ());
    assert!(card.authenticate(&rand(5), &challenge(9).autn).is_ok());
    let Err(UsimError::SynchronisationFailure(auts)) = card.authenticate(&rand(5), &challenge(8).autn) else {
        panic!("an SQN of before is accepted")
    };
    assert_eq!(permit.verify_auts(&subscription(), &rand(5), &auts), Ok(sqn(9, 0)));
    assert_eq!(
        permit.verify_auts(&subscription(), &rand(6), &auts),
        Err(AucError::WrongMacS)
    );
}

#[test]
fn a_triplet_is_what_the_card_answers_in_2g() {
    let permit = allowed::<GsmTriplet>();
    let card = usim(&subscription(), UsimOptions::default());
    let triplet = permit.of_usim(&subscription(), &rand(3), SresFunction::Folded);
    let answer = card.authenticate_gsm(&rand(3));
    assert!(triplet.sres == answer.sres && triplet.kc == answer.kc);
    let keys = GsmKeys {
        k: Ki::from_octets(&[0x46; 16]),
        algorithm: GsmAlgorithm::Comp128v3,
    };
    let (of_sim, alone) = (permit.of_sim(&keys, &rand(3)), keys.triplet(&rand(3)));
    assert!(of_sim.sres == alone.sres && of_sim.kc == alone.kc && of_sim.kc != triplet.kc);
}
