//! Conversions between UMTS and GSM: the published answers of TS 55.205 and Osmocom, by row, and by type.
#![allow(clippy::unwrap_used, missing_docs)]

use kaskade_crypto::gsm::{self, Kc};
use kaskade_crypto::{Ck, Ik};
use kaskade_keys::derivation::NamedKey;
use kaskade_keys::gsm::{CkIkGsm, KcFourTimes, ROW_CK_IK_GSM, ROW_SRES, row_kc};
use kaskade_keys::id::SrvccNonce;
use kaskade_keys::tree;
use kaskade_keys::umts::CkIk;
use serde_json::Value;

fn cases() -> Vec<Value> {
    let file = kaskade_oracle::vectors("conversion-2g3g.json");
    file["cases"].as_array().unwrap().clone()
}

fn octets(case: &Value, field: &str) -> Option<Vec<u8>> {
    case[field].as_str().map(|text| hex::decode(text).unwrap())
}

fn named(name: &str, octets: &[u8]) -> NamedKey {
    NamedKey::from_octets(name, octets).unwrap()
}

#[test]
fn rows_give_the_published_kc_and_sres() {
    let mut compared = (0, 0);
    for case in cases() {
        if let (Some(ck), Some(ik), Some(kc)) = (
            octets(&case, "derived_ck"),
            octets(&case, "derived_ik"),
            octets(&case, "kc"),
        ) {
            let ck_ik = [ck, ik].concat();
            let derived = row_kc::transcript().derive(&named("CK||IK", &ck_ik)).unwrap();
            assert_eq!(derived, named("Kc", &kc), "{}", case["name"]);
            let typed = CkIk::from_octets(&ck_ik.try_into().unwrap()).kc();
            assert_eq!(typed.expose_to_operator()[..], kc, "{}", case["name"]);
            compared.0 += 1;
        }
        if let (Some(res), Some(sres)) = (octets(&case, "derived_res"), octets(&case, "sres_1_xor_folded")) {
            let transcript = ROW_SRES.transcript(|_| Err(())).unwrap();
            let derived = transcript.derive(&named("RES", &res)).unwrap();
            assert_eq!(derived, named("SRES", &sres), "{}", case["name"]);
            compared.1 += 1;
        }
    }
    assert!(compared.0 >= 3 && compared.1 >= 3, "{compared:?}");
}

#[test]
fn a_gsm_subscribers_keys_come_from_kc_alone() {
    let kc = Kc::from_octets(&[0xea, 0xe4, 0xbe, 0x82, 0x3a, 0xf9, 0xa0, 0x8b]);
    let both = CkIkGsm::from_kc(&kc);
    assert_eq!(
        both.expose_to_operator()[..],
        [*gsm::c4(&kc).expose_to_operator(), *gsm::c5(&kc).expose_to_operator()].concat()
    );
    let transcript = ROW_CK_IK_GSM.transcript(|_| Err(())).unwrap();
    assert_eq!(
        transcript.derive(&named("Kc", kc.expose_to_operator())).unwrap(),
        named("CK||IK (GSM)", both.expose_to_operator())
    );
    let four = KcFourTimes::from_kc(&kc);
    let repeated = kc.expose_to_operator().repeat(4);
    assert_eq!(four, KcFourTimes::from_octets(&repeated.try_into().unwrap()));
    let nonces = [[1; 16], [2; 16]].map(SrvccNonce::from_octets);
    let [first, second] = nonces.map(|nonce| four.kc_prime(&nonce));
    assert_ne!(first, second);
    assert_eq!(first.ck_ik().expose_to_operator()[..8], *first.expose_to_operator());
}

#[test]
fn kc_does_not_bring_its_parents_down() {
    let of_kc = tree::fallen(&["Kc"]);
    assert!(of_kc.contains(&"CK||IK (GSM)") && of_kc.contains(&"Kc'"));
    assert!(!of_kc.contains(&"CK||IK") && !of_kc.contains(&"K_ASME"));
}

#[test]
fn voice_that_comes_back_takes_its_keys_as_they_are() {
    let ck_ik = CkIk::from_parts(&Ck::from_octets(&[1; 16]), &Ik::from_octets(&[2; 16]));
    let of_ps = ck_ik.ck_ik_prime_ps(&SrvccNonce::from_octets([3; 16]));
    assert_eq!(of_ps.k_asme().expose_to_operator(), of_ps.expose_to_operator());
    assert_ne!(
        of_ps.expose_to_operator(),
        ck_ik
            .ck_ik_prime_cs(&SrvccNonce::from_octets([3; 16]))
            .expose_to_operator()
    );
}
