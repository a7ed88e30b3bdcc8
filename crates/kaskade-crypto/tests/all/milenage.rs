//! MILENAGE against the conformance sets of TS 35.208, other people's test data, and an independent implementation.

use crate::known_answers::{Case, load};
use kaskade_crypto::milenage::{
    InvalidConstants, LengthsDiffer, Milenage, MilenageVector, OperatorConstants, Request, opc, vectors,
};
use kaskade_crypto::{Ak, Amf, Auts, K, KeyMaterial, Op, Opc, Rand, Sqn};
use oxirush_security::milenage as other;
use proptest::prelude::*;

fn subscription(case: &Case) -> (K, Opc, Rand) {
    (
        K::from_octets(&case.octets("k")),
        Opc::from_octets(&case.octets("opc")),
        Rand::from_octets(case.octets("rand")),
    )
}

#[test]
fn every_known_answer_agrees() {
    let cases = load("milenage.json");
    assert_eq!(cases.len(), 23);
    let mut compared = 0;
    let mut compare = |case: &Case, field: &str, ours: &[u8]| {
        if let Some(expected) = case.find(field) {
            assert_eq!(hex::encode(ours), hex::encode(expected), "{} {field}", case.name());
            compared += 1;
        }
    };
    for case in &cases {
        let (k, opc_of_card, rand) = subscription(case);
        if let Some(op) = case.find("op") {
            let op = Op::from_octets(&op.try_into().expect("16 octets"));
            assert_eq!(opc(&k, &op), opc_of_card, "{}", case.name());
        }
        let milenage = Milenage::new(&k, &opc_of_card);
        let (res, ck, ik, ak) = milenage.f2345(&rand);
        compare(case, "f2_res", res.octets());
        compare(case, "f2_res", milenage.f2(&rand).octets());
        compare(case, "f3_ck", ck.expose_to_operator());
        compare(case, "f3_ck", milenage.f3(&rand).expose_to_operator());
        compare(case, "f4_ik", ik.expose_to_operator());
        compare(case, "f4_ik", milenage.f4(&rand).expose_to_operator());
        compare(case, "f5_ak", ak.expose_to_operator());
        compare(case, "f5_ak", milenage.f5(&rand).expose_to_operator());
        compare(case, "f5star_ak", milenage.f5_star(&rand).expose_to_operator());
        let Some(sqn) = case.find("sqn") else {
            continue;
        };
        let sqn = Sqn::from_octets(sqn.try_into().expect("6 octets"));
        let amf = Amf::from_octets(case.octets("amf"));
        compare(case, "f1_mac_a", milenage.f1(&rand, sqn, amf).octets());
        compare(case, "f1star_mac_s", milenage.f1_star(&rand, sqn, amf).octets());
        let vector = milenage.vector(&rand, sqn, amf);
        compare(case, "autn", vector.autn().octets());
        compare(case, "f1_mac_a", vector.mac_a.octets());
        assert_eq!((&vector.res, &vector.ck, &vector.ik, &vector.ak), (&res, &ck, &ik, &ak));
        assert_eq!(Sqn::from_xor_ak(vector.autn().sqn_xor_ak(), &ak), sqn);
        assert_eq!(vector.autn().amf(), amf);
    }
    // 15 full sets of 12 values, one of them with AUTN, and 9 + 3 · 7 of the partial ones: a renamed field would lower this.
    assert_eq!(compared, 15 * 12 + 1 + 9 + 3 * 7);
}

#[test]
fn auts_is_accepted_or_refused_as_recorded() {
    let (mut accepted, mut refused) = (0, 0);
    for case in load("milenage.json") {
        let Some(auts) = case.find("auts") else {
            continue;
        };
        let (k, opc, rand) = subscription(&case);
        let milenage = Milenage::new(&k, &opc);
        let auts = Auts::from_octets(auts.try_into().expect("14 octets"));
        let sqn_ms = milenage.verify_auts(&rand, &auts);
        if case.text("auts_result") == "valid" {
            let sqn_ms = sqn_ms.expect("a valid AUTS");
            if let Some(expected) = case.find("auts_sqn_ms") {
                assert_eq!(hex::encode(sqn_ms.octets()), hex::encode(expected), "{}", case.name());
            }
            assert_eq!(milenage.auts(&rand, sqn_ms), auts, "{}", case.name());
            accepted += 1;
            for bit in 0..Auts::LEN * 8 {
                let mut octets = *auts.octets();
                octets[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(milenage.verify_auts(&rand, &Auts::from_octets(octets)), None);
            }
        } else {
            assert_eq!(sqn_ms, None, "{}", case.name());
            refused += 1;
        }
    }
    assert_eq!((accepted, refused), (3, 1));
}

#[test]
fn constants_are_checked() {
    let standard = OperatorConstants::STANDARD;
    assert_eq!(OperatorConstants::new(*standard.c(), *standard.r()), Ok(standard));
    assert_eq!(
        OperatorConstants::new(*standard.c(), [64, 0, 32, 128, 96]),
        Err(InvalidConstants::Rotation {
            index: 4,
            rotation: 128
        })
    );
    // Equal c is allowed while r differs, and the other way round.
    assert!(OperatorConstants::new([[7; 16]; 5], [0, 1, 2, 3, 127]).is_ok());
    assert_eq!(
        OperatorConstants::new([[7; 16]; 5], [0, 1, 2, 3, 1]),
        Err(InvalidConstants::EqualPairs { first: 2, second: 5 })
    );
    assert_eq!(
        OperatorConstants::new([[7; 16]; 5], [9, 1, 2, 9, 1]),
        Err(InvalidConstants::EqualPairs { first: 1, second: 4 })
    );
}

#[test]
fn a_batch_refuses_slices_of_different_length() {
    let mut places = [None, None];
    assert_eq!(vectors(&[], &mut places), Err(LengthsDiffer { requests: 0, places: 2 }));
    assert_eq!(vectors(&[], &mut []), Ok(()));
}

#[test]
fn secrets_are_not_printed() {
    let milenage = Milenage::new(&K::from_octets(&[0xab; 16]), &Opc::from_octets(&[0xcd; 16]));
    assert_eq!(format!("{milenage:?}"), "Milenage(…)");
    let vector = milenage.vector(&Rand::from_octets([1; 16]), Sqn::MAX, Amf::SEPARATION);
    let printed = format!("{vector:?}");
    assert!(printed.contains("CK(…)") && printed.contains("RES(…)"), "{printed}");
}

/// Our vector, and the one of the other implementation, in the same order: MAC-A, RES, CK, IK, AUTN, AK*, MAC-S.
fn both(
    k: [u8; 16],
    op: [u8; 16],
    rand: [u8; 16],
    sqn: u64,
    amf: [u8; 2],
    constants: Option<([[u8; 16]; 5], [u8; 5])>,
) -> ([Vec<u8>; 7], [Vec<u8>; 7]) {
    let sqn = Sqn::new(sqn).expect("48 bits");
    let (our_k, our_rand, our_amf) = (K::from_octets(&k), Rand::from_octets(rand), Amf::from_octets(amf));
    let our_opc = opc(&our_k, &Op::from_octets(&op));
    let our_constants = constants.map_or(OperatorConstants::STANDARD, |(c, r)| {
        OperatorConstants::new(c, r).expect("valid constants")
    });
    let ours = Milenage::with_constants(&our_k, &our_opc, &our_constants);
    let vector = ours.vector(&our_rand, sqn, our_amf);
    let our_values = [
        ours.f1(&our_rand, sqn, our_amf).octets().to_vec(),
        vector.res.octets().to_vec(),
        vector.ck.expose_to_operator().to_vec(),
        vector.ik.expose_to_operator().to_vec(),
        vector.autn().octets().to_vec(),
        ours.f5_star(&our_rand).expose_to_operator().to_vec(),
        ours.f1_star(&our_rand, sqn, our_amf).octets().to_vec(),
    ];

    let their_k = other::K::new(&k);
    let their_opc = other::Opc::from_op(&their_k, &other::Op::new(&op));
    let their_constants = constants.map_or_else(other::Constants::default, |(c, r)| {
        other::Constants::new(c, r).expect("valid constants")
    });
    let theirs = other::Milenage::with_constants(&their_k, &their_opc, their_constants);
    let their_rand = oxirush_security::Rand::new(&rand);
    let (their_sqn, their_amf) = (
        other::Sqn::try_from(sqn.value()).expect("48 bits"),
        other::Amf::new(&amf),
    );
    let vector = theirs.authentication_vector(&their_rand, &their_sqn, &their_amf);
    let their_values = [
        theirs.f1(&their_rand, &their_sqn, &their_amf).as_octets().to_vec(),
        vector.xres().as_octets().to_vec(),
        vector.ck().as_octets().to_vec(),
        vector.ik().as_octets().to_vec(),
        vector.autn().as_octets().to_vec(),
        theirs.f5_star(&their_rand).as_octets().to_vec(),
        theirs.f1_star(&their_rand, &their_sqn, &their_amf).as_octets().to_vec(),
    ];
    (our_values, their_values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_sets_agree_with_an_independent_implementation(
        k: [u8; 16], op: [u8; 16], rand: [u8; 16], sqn in 0_u64..1 << 48, amf: [u8; 2],
    ) {
        let (ours, theirs) = both(k, op, rand, sqn, amf, None);
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn random_constants_agree_with_an_independent_implementation(
        k: [u8; 16], op: [u8; 16], rand: [u8; 16], sqn in 0_u64..1 << 48, amf: [u8; 2],
        c: [[u8; 16]; 5], r in proptest::array::uniform5(0_u8..128),
    ) {
        let (ours, theirs) = both(k, op, rand, sqn, amf, Some((c, r)));
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn a_resynchronisation_gives_the_sqn_of_the_usim(
        k: [u8; 16], opc: [u8; 16], rand: [u8; 16], sqn in 0_u64..1 << 48,
    ) {
        let milenage = Milenage::new(&K::from_octets(&k), &Opc::from_octets(&opc));
        let (rand, sqn) = (Rand::from_octets(rand), Sqn::new(sqn).expect("48 bits"));
        let auts = milenage.auts(&rand, sqn);
        prop_assert_eq!(milenage.verify_auts(&rand, &auts), Some(sqn));
        prop_assert_eq!(auts.mac_s(), milenage.f1_star(&rand, sqn, Amf::RESYNCHRONISATION));
    }

    #[test]
    fn a_batch_gives_what_each_gives_alone(
        subscriptions in proptest::collection::vec(any::<([u8; 16], [u8; 16], [u8; 16], u64, [u8; 2], bool)>(), 0..40),
    ) {
        let own_constants = OperatorConstants::new([[3; 16]; 5], [1, 2, 3, 4, 5]).expect("valid constants");
        let keys: Vec<_> = subscriptions
            .iter()
            .map(|(k, opc, ..)| (K::from_octets(k), Opc::from_octets(opc)))
            .collect();
        let requests: Vec<_> = subscriptions
            .iter()
            .zip(&keys)
            .map(|((_, _, rand, sqn, amf, own), (k, opc))| Request {
                k,
                opc,
                constants: if *own { &own_constants } else { &OperatorConstants::STANDARD },
                rand: Rand::from_octets(*rand),
                sqn: Sqn::new(sqn >> 16).expect("48 bits"),
                amf: Amf::from_octets(*amf),
            })
            .collect();
        let mut places: Vec<Option<MilenageVector>> = vec![None; requests.len()];
        prop_assert_eq!(vectors(&requests, &mut places), Ok(()));
        for (request, place) in requests.iter().zip(places) {
            let alone = Milenage::with_constants(request.k, request.opc, request.constants)
                .vector(&request.rand, request.sqn, request.amf);
            prop_assert_eq!(place, Some(alone));
        }
    }
}

#[test]
fn ak_hides_sqn_both_ways() {
    let ak = Ak::from_octets(&[0xff; 6]);
    let sqn = Sqn::new(0x0102_0304_0506).expect("48 bits");
    assert_eq!(sqn.xor_ak(&ak), [0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9]);
    assert_eq!(Sqn::from_xor_ak(sqn.xor_ak(&ak), &ak), sqn);
    assert_eq!(Ak::NAME, "AK");
}
