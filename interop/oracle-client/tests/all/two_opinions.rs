//! The two oracles agree with each other and with TS 35.208, so that a difference found with them is ours.

use kaskade_oracle::{Arg, Oracle, OsmoAucGen, octets};

const K: [u8; 16] = *b"\x46\x5b\x5c\xe8\xb1\x99\xb4\x9f\xaa\x5f\x0a\x2e\xe2\x38\xa6\xbc";
const OPC: [u8; 16] = *b"\xcd\x63\xcb\x71\x95\x4a\x9f\x4e\x48\xa5\x99\x4e\x37\xa0\x2b\xaf";
const RAND: [u8; 16] = *b"\x23\x55\x3c\xbe\x96\x37\xa8\x9d\x21\x8a\xe6\x4d\xae\x47\xbf\x35";
const SQN: [u8; 6] = *b"\xff\x9b\xb4\xd0\xb6\x07";
const AMF: [u8; 2] = *b"\xb9\xb9";

#[test]
fn reference_reproduces_ts_35_208_set_1() {
    let Some(oracle) = Oracle::start() else { return };
    let set = oracle.call(
        "milenage",
        &[(&K).into(), (&OPC).into(), (&RAND).into(), (&SQN).into(), (&AMF).into()],
    );
    assert_eq!(set["mac_a"], "4a9ffac354dfafb3");
    assert_eq!(set["mac_s"], "01cfaf9ec4e871e9");
    assert_eq!(set["res"], "a54211d5e3ba50bf");
    assert_eq!(set["ak_star"], "451e8beca43b");
}

#[test]
fn both_give_the_same_vector_for_every_kind_of_sqn() {
    let (Some(oracle), Some(auc)) = (Oracle::start(), OsmoAucGen::find()) else {
        return;
    };
    for sqn in [[0; 6], [0, 0, 0, 0, 0, 31], [0, 0, 0, 0, 1, 0], SQN, [0xff; 6]] {
        let set = oracle.call(
            "milenage",
            &[(&K).into(), (&OPC).into(), (&RAND).into(), (&sqn).into(), (&AMF).into()],
        );
        let vector = auc.run(&K, &OPC, &RAND, &sqn, &AMF);
        let concealed: Vec<u8> = sqn.iter().zip(octets(&set["ak"])).map(|(s, a)| s ^ a).collect();
        assert_eq!(vector.autn, [concealed, AMF.to_vec(), octets(&set["mac_a"])].concat());
        assert_eq!(vector.res, octets(&set["res"]));
        assert_eq!(vector.ck, octets(&set["ck"]));
        assert_eq!(vector.ik, octets(&set["ik"]));
        assert_eq!((vector.sres.len(), vector.kc.len()), (4, 8));
    }
}

#[test]
fn auts_of_the_reference_is_accepted_and_a_changed_one_is_not() {
    let (Some(oracle), Some(auc)) = (Oracle::start(), OsmoAucGen::find()) else {
        return;
    };
    let set = oracle.call(
        "milenage",
        &[
            (&K).into(),
            (&OPC).into(),
            (&RAND).into(),
            (&SQN).into(),
            Arg::Octets(&[0; 2]),
        ],
    );
    let mut auts = [0; 14];
    auts[..6].copy_from_slice(&octets(&set["ak_star"]));
    auts[6..].copy_from_slice(&octets(&set["mac_s"]));
    auts.iter_mut().zip(SQN).for_each(|(octet, sqn)| *octet ^= sqn);
    assert_eq!(auc.sqn_ms(&K, &OPC, &RAND, &auts), Some(SQN));
    auts[13] ^= 1;
    assert_eq!(auc.sqn_ms(&K, &OPC, &RAND, &auts), None);
}

#[test]
fn answers_may_be_octets_maps_lists_and_nothing() {
    let Some(oracle) = Oracle::start() else { return };
    // HMAC-SHA-256 with a one-octet key over FC 6A, one parameter and its length: TS 33.220 B.2.
    let key = oracle.octets("kdf", &[Arg::Octets(&[0]), Arg::Number(0x6a), Arg::Octets(&[1])]);
    assert_eq!(key.len(), 32);
    // A SUCI whose tag is wrong opens to nothing; profile A.
    assert!(
        oracle
            .call(
                "suci_open",
                &[Arg::Number(1), Arg::Octets(&[7; 32]), Arg::Octets(&[9; 45])]
            )
            .is_null()
    );
}

#[test]
#[should_panic(expected = "the oracle's function no_such_function failed")]
fn an_unknown_function_fails_the_test() {
    let oracle = Oracle::start();
    assert!(
        oracle.is_some(),
        "the oracle's function no_such_function failed: nothing to ask (skipped)"
    );
    let _ = oracle.map(|oracle| oracle.call("no_such_function", &[]));
}
