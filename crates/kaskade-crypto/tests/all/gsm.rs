//! Triplets and conversions against the test sets of TS 55.205 and of the Osmocom project.

use crate::known_answers::{Case, load};
use kaskade_crypto::gsm::{self, Kc, Kc128, Ki, SresFunction, Triplet};
use kaskade_crypto::milenage::Milenage;
use kaskade_crypto::{Ck, Ik, K, Opc, Rand, Res};
use proptest::prelude::*;

fn keys(case: &Case, ck: &str, ik: &str) -> (Ck, Ik) {
    (Ck::from_octets(&case.octets(ck)), Ik::from_octets(&case.octets(ik)))
}

#[test]
fn every_known_answer_agrees() {
    let cases = load("conversion-2g3g.json");
    let (mut milenage, mut conversions, mut c3_only) = (0, 0, 0);
    for case in &cases {
        let compare = |field: &str, ours: &[u8]| {
            assert_eq!(hex::encode(ours), case.text(field), "{} {field}", case.name());
        };
        if case.has("k") {
            let set = Milenage::new(
                &K::from_octets(&case.octets("k")),
                &Opc::from_octets(&case.octets("opc")),
            );
            let rand = Rand::from_octets(case.octets("rand"));
            let (res, ck, ik, _) = set.f2345(&rand);
            compare("derived_res", res.octets());
            compare("derived_ck", ck.expose_to_operator());
            compare("derived_ik", ik.expose_to_operator());
            for (field, function) in [
                ("sres_1_xor_folded", SresFunction::Folded),
                ("sres_2_truncated", SresFunction::Truncated),
            ] {
                let triplet = Triplet::from_vector(&rand, &res, &ck, &ik, function);
                assert_eq!(triplet.rand, rand);
                compare(field, triplet.sres.expose_to_serving_network());
                compare("kc", triplet.kc.expose_to_serving_network());
            }
            milenage += 1;
            continue;
        }
        let (ck, ik) = keys(case, "ck", "ik");
        compare("kc", gsm::c3(&ck, &ik).expose_to_operator());
        if case.has("res") {
            assert_eq!(case.text("sres_method"), "xor-folded");
            let res = Res::from_slice(&case.vec("res")).expect("8 octets");
            compare("sres", gsm::c2(&res).expose_to_serving_network());
            conversions += 1;
        } else {
            c3_only += 1;
        }
    }
    assert_eq!((cases.len(), milenage, conversions, c3_only), (18, 14, 3, 1));
}

/// K, RAND, then SRES and Kc of v1, v2 and v3, as `osmo-auc-gen` of libosmocore 1.7.0 gives them.
const COMP128: [(&str, &str, [&str; 3]); 4] = [
    (
        "00112233445566778899aabbccddeeff",
        "0c63a85413e6a4ced986fbe5ce9b625e",
        [
            "935ca803997d666ea50b7400",
            "f1b35b816798118c7ed7b000",
            "f1b35b816798118c7ed7b091",
        ],
    ),
    (
        "465b5ce8b199b49faa5f0a2ee238a6bc",
        "23553cbe9637a89d218ae64dae47bf35",
        [
            "27c443cae8d311d150017400",
            "f7e9681063760252cb4ac000",
            "f7e9681063760252cb4ac140",
        ],
    ),
    (
        "00000000000000000000000000000000",
        "00000000000000000000000000000000",
        [
            "09e55da4174757783dc40400",
            "b24c2dac7c82c3ec44953400",
            "b24c2dac7c82c3ec44953561",
        ],
    ),
    (
        "ffffffffffffffffffffffffffffffff",
        "0123456789abcdeffedcba9876543210",
        [
            "1857514b6c9195e0f26c1000",
            "0e5ad545a34f32e320ea4800",
            "0e5ad545a34f32e320ea485d",
        ],
    ),
];

#[test]
fn comp128_gives_the_recorded_triplets() {
    for (k, rand, expected) in COMP128 {
        let octets = |text: &str| <[u8; 16]>::try_from(hex::decode(text).expect("hex")).expect("16 octets");
        let (k, rand) = (Ki::from_octets(&octets(k)), Rand::from_octets(octets(rand)));
        for (algorithm, expected) in [gsm::comp128v1, gsm::comp128v2, gsm::comp128v3].iter().zip(expected) {
            let Triplet { rand: of, sres, kc } = algorithm(&k, &rand);
            assert_eq!(of, rand);
            let ours = [&sres.expose_to_serving_network()[..], kc.expose_to_serving_network()].concat();
            assert_eq!(hex::encode(ours), expected);
        }
    }
}

#[test]
fn triplets_are_silent() {
    let triplet = gsm::comp128v3(&Ki::from_octets(&[1; 16]), &Rand::from_octets([2; 16]));
    let kc128 = Kc128::from_octets(&[1; 16]);
    assert_eq!(
        format!("{:?} {:?} {kc128:?}", triplet.sres, triplet.kc),
        "SRES(…) Kc(…) Kc128(…)"
    );
}

proptest! {
    #[test]
    fn c3_undoes_c4_and_c5(kc: [u8; 8]) {
        let kc = Kc::from_octets(&kc);
        prop_assert_eq!(gsm::c3(&gsm::c4(&kc), &gsm::c5(&kc)), kc);
    }

    #[test]
    fn c4_and_c5_are_made_of_kc(kc: [u8; 8]) {
        let key = Kc::from_octets(&kc);
        let [a, b] = [0, 4].map(|at| u32::from_be_bytes([kc[at], kc[at + 1], kc[at + 2], kc[at + 3]]));
        let sum = (a ^ b).to_be_bytes();
        let (ck, ik) = (gsm::c4(&key), gsm::c5(&key));
        prop_assert_eq!(&ck.expose_to_operator()[..], [kc, kc].concat());
        prop_assert_eq!(&ik.expose_to_operator()[..], [&sum[..], &kc, &sum].concat());
    }

    #[test]
    fn c2_adds_the_words_of_res(res in prop::collection::vec(any::<u8>(), 4..=16)) {
        let mut sum = [0; 4];
        for (index, octet) in res.iter().enumerate() {
            sum[index % 4] ^= octet;
        }
        let res = Res::from_slice(&res).expect("4 to 16 octets");
        let (folded, cut) = (gsm::c2(&res), SresFunction::Truncated.sres(&res));
        prop_assert_eq!(folded.expose_to_serving_network(), &sum);
        prop_assert_eq!(&cut.expose_to_serving_network()[..], &res.octets()[..4]);
    }

    #[test]
    fn v2_is_v3_with_a_shorter_kc_and_v1_ends_in_zeros(k: [u8; 16], rand: [u8; 16]) {
        let (k, rand) = (Ki::from_octets(&k), Rand::from_octets(rand));
        let [v1, v2, v3] = [gsm::comp128v1, gsm::comp128v2, gsm::comp128v3].map(|algorithm| algorithm(&k, &rand));
        let kc = |triplet: &Triplet| u64::from_be_bytes(*triplet.kc.expose_to_operator());
        prop_assert_eq!(&v2.sres, &v3.sres);
        prop_assert_eq!(kc(&v2), kc(&v3) & !0x3ff);
        prop_assert_eq!(kc(&v1) & 0x3ff, 0);
    }
}
