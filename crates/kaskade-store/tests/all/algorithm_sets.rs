//! Every algorithm set is sealed and comes back; rows of the first programs are read and written as they were.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::common::{credentials, folder, subscriber, supi};
use kaskade_aka::arpf::Method;
use kaskade_aka::auc::{AlgorithmKeys, GsmAlgorithm, GsmKeys};
use kaskade_crypto::gsm::Ki;
use kaskade_crypto::milenage::OperatorConstants;
use kaskade_crypto::tuak::{Iterations, Parameters, TuakKey, VectorRes};
use kaskade_crypto::xor_test::{ResLength, TestK};
use kaskade_crypto::{Amf, K, K256, Op, Opc, Top, Topc};
use kaskade_keys::Gpsi;
use kaskade_store::engine::{Batch, Blocking, Table};
use kaskade_store::row::Row;
use kaskade_store::rows::SUBSCRIBER;
use kaskade_store::{
    AuthMethods, BestSubscription, EpsProfile, MasterKey, OpOrOpc, RowError, SqnScheme, StoreError, StoreOptions,
    Subscriber, SubscriberSecrets, SubscriberStore, Subscription, TopOrTopc,
};
use kaskade_testkit::memory::MemoryEngine;
use proptest::prelude::*;

fn any_secrets() -> impl Strategy<Value = SubscriberSecrets> {
    let k = || any::<[u8; 16]>().prop_map(|k| K::from_octets(&k));
    let milenage = (k(), any::<bool>(), any::<[u8; 16]>(), 0_u8..128).prop_map(|(k, op, code, r1)| {
        let mut r = *OperatorConstants::STANDARD.r();
        r[0] = r1;
        SubscriberSecrets::Milenage {
            k,
            operator: if op {
                OpOrOpc::Op(Op::from_octets(&code))
            } else {
                OpOrOpc::Opc(Opc::from_octets(&code))
            },
            constants: OperatorConstants::new(*OperatorConstants::STANDARD.c(), r).expect("c1 differs from all others"),
        }
    });
    let long = any::<[u8; 32]>().prop_map(|k| TuakKey::from(K256::from_octets(&k)));
    let key = prop_oneof![k().prop_map(TuakKey::from), long];
    let res = prop::sample::select(vec![VectorRes::Octets4, VectorRes::Octets8, VectorRes::Octets16]);
    let tuak = (key, any::<bool>(), any::<[u8; 32]>(), res, 1..=u8::MAX).prop_map(|(k, top, code, res, count)| {
        SubscriberSecrets::Tuak {
            k,
            operator: if top {
                TopOrTopc::Top(Top::from_octets(&code))
            } else {
                TopOrTopc::Topc(Topc::from_octets(&code))
            },
            parameters: Parameters {
                res,
                iterations: Iterations::new(count).expect("not 0"),
            },
        }
    });
    let xor = (any::<[u8; 16]>(), 4_usize..=16).prop_map(|(k, octets)| SubscriberSecrets::Xor {
        k: TestK::from_octets(&k),
        res_length: ResLength::new(octets).expect("in range"),
    });
    let ki = any::<[u8; 16]>().prop_map(|ki| Ki::from_octets(&ki));
    let gsm = (ki, prop::sample::select(GsmAlgorithm::ALL.to_vec()))
        .prop_map(|(k, algorithm)| SubscriberSecrets::Gsm(GsmKeys { k, algorithm }));
    prop_oneof![
        k().prop_map(|k| SubscriberSecrets::milenage(k, OpOrOpc::Opc(Opc::from_octets(&[7; 16])))),
        milenage,
        tuak,
        xor,
        gsm
    ]
}

fn open(engine: &MemoryEngine) -> SubscriberStore {
    let key = MasterKey::from_octets(&[0x4d; 32]);
    SubscriberStore::with_engine(
        Arc::new(engine.clone()),
        Path::new("memory"),
        &key,
        StoreOptions::default(),
    )
    .expect("a store")
}

fn rows(engine: &MemoryEngine) -> Vec<Vec<u8>> {
    keyed_rows(engine).into_iter().map(|(_, row)| row).collect()
}

fn keyed_rows(engine: &MemoryEngine) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let scanned = engine.scan(SUBSCRIBER, None, &mut |key, row| {
        // The sequence numbers stand between.
        if key.last() == Some(&0) {
            rows.push((key.to_vec(), row.to_vec()));
        }
        true
    });
    scanned.expect("scanned");
    rows
}

proptest! {
    #[test]
    fn every_set_comes_back(all in prop::collection::vec(any_secrets(), 1..6)) {
        let engine = MemoryEngine::default();
        let store = open(&engine);
        let all: Vec<Subscriber> = (0..)
            .zip(all)
            .map(|(number, secrets)| Subscriber { secrets, ..subscriber(number, SqnScheme::TimeBased) })
            .collect();
        for subscriber in &all {
            store.add(subscriber).expect("added");
        }
        drop(store);
        let store = open(&engine);
        for expected in &all {
            let found = store.subscriber(&expected.supi).expect("read").expect("there");
            prop_assert_eq!(&found.secrets, &expected.secrets);
            match (credentials(&store, &expected.supi), expected.credentials()) {
                (Ok(found), wanted @ Some(_)) => prop_assert_eq!(found, wanted),
                (Err(StoreError::GsmOnly), None) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
        for (row, subscriber) in rows(&engine).iter().zip(&all) {
            let row = Row::decode(row).expect("a row");
            prop_assert_eq!(row.layout.algorithm, subscriber.secrets.algorithm());
            prop_assert_eq!(row.subscription(), Ok(Subscription::default()));
        }
    }
}

#[test]
fn no_secret_of_any_set_is_in_the_file_or_in_debug() {
    let (folder, key) = folder();
    let path = folder.path().join("store");
    // Octets that stand nowhere else in a file.
    let [a, b, c] = [0_u8, 1, 2].map(|from| core::array::from_fn::<u8, 32, _>(|at| (at as u8 * 3 + from) ^ 0x9c));
    let half = |octets: [u8; 32]| *octets.first_chunk::<16>().expect("16 of 32");
    let all = [
        SubscriberSecrets::Tuak {
            k: K256::from_octets(&a).into(),
            operator: TopOrTopc::Top(Top::from_octets(&b)),
            parameters: Parameters::default(),
        },
        SubscriberSecrets::Xor {
            k: TestK::from_octets(&half(c)),
            res_length: ResLength::LONGEST,
        },
        SubscriberSecrets::Gsm(GsmKeys {
            k: Ki::from_octets(&half(a)),
            algorithm: GsmAlgorithm::Comp128v1,
        }),
    ];
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a new store");
    for (number, secrets) in (0..).zip(all.clone()) {
        let subscriber = Subscriber {
            secrets,
            ..subscriber(number, SqnScheme::TimeBased)
        };
        let text = format!("{subscriber:?}");
        assert!(
            ["K(…)", "K-256(…)", "Ki(…)"].iter().any(|name| text.contains(name)),
            "{text}"
        );
        assert!(!text.contains("156") && !text.contains("9c9f"), "{text}");
        store.add(&subscriber).expect("added");
    }
    drop(store);
    let file = fs::read(&path).expect("the file");
    for secret in [a, b, c].iter().flat_map(|octets| octets.windows(16)) {
        assert!(!file.windows(16).any(|window| window == secret));
    }
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("again");
    assert!(matches!(credentials(&store, &supi(2)), Err(StoreError::GsmOnly)));
}

/// What the first version of this program wrote: three subscribers of MILENAGE, with OPc, with OP, with own constants.
const FIRST_VERSION: [(Table, &str, &str); 7] = [
    (
        Table::SUBSCRIBERS,
        "011121211111111120",
        "0601020500010001010180000085fa66dfbd758775c59121480a9671e66106ed093372d606251a085019ecc69929545457eece3f1ae0e5\
         2d4fb62a617f46104349ffe967d4739fbc99",
    ),
    (
        Table::SUBSCRIBERS,
        "011121211111111130",
        "060102050001000101018000018b3ad692d6eacdd80a1d3531a89cd79bc1476a196355300f52c8c8f8f2c48a832b03ba1c7e750ad5511e\
         e294ef360a745baf2ed86bca3906f935cca9ec8b57d5626f79f53b7b7607de136458",
    ),
    (
        Table::SUBSCRIBERS,
        "011121211111111140",
        "060102050001000102018000000000000000000000000000000000000000000000000000000000000000000001000000000000000000000\
         00000000002aa0000000000000000000000000000040000000000000000000000000000000808101820285e830519d2b03e709a118d392d\
         8af687ae894acf13c6c5c0809af94c639fe3a5dd6e12c76821454799e3e9695c1126150f530632d0d44067a7b09753",
    ),
    (
        Table::META,
        "64617461206b6579",
        "b41d6baf4a06790747ec631b1c681a14e6addb6b42ea20be77e119485336fe480cabc32399e982286e13ae804c29954140e4d9aca648a3\
         af65f27e6c",
    ),
    (Table::META, "666f726d6174", "0000000000000001"),
    (Table::META, "6d6173746572206b6579", "33313666666139646635346130386235"),
    (Table::META, "7469636b", "00000000000003e8"),
];

#[test]
fn rows_of_the_first_version_are_read_and_written_as_they_were() {
    let octets = |text: &str| hex::decode(text).expect("hex");
    let engine = MemoryEngine::default();
    let mut batch = Batch::default();
    for (table, key, value) in FIRST_VERSION {
        batch.put(table, &octets(key), &octets(value));
    }
    engine.apply(&batch).expect("committed");
    let store = open(&engine);
    let mut c = *OperatorConstants::STANDARD.c();
    c[3][0] = 0xaa;
    let constants = OperatorConstants::new(c, [8, 16, 24, 32, 40]).expect("distinct");
    let k = || K::from_octets(&[0x11; 16]);
    let expected = [
        SubscriberSecrets::milenage(k(), OpOrOpc::Opc(Opc::from_octets(&[0x22; 16]))),
        SubscriberSecrets::milenage(k(), OpOrOpc::Op(Op::from_octets(&[0x33; 16]))),
        SubscriberSecrets::Milenage {
            k: k(),
            operator: OpOrOpc::Opc(Opc::from_octets(&[0x44; 16])),
            constants,
        },
    ];
    let found = store.list(None, 9).expect("listed");
    assert_eq!(found.len(), 3);
    let before = rows(&engine);
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.secrets, expected);
        assert_eq!(found.amf, Amf::SEPARATION);
        let credentials = credentials(&store, &found.supi).expect("read").expect("there");
        assert!(matches!(credentials.keys, AlgorithmKeys::Milenage { .. }));
        assert_eq!(Some(credentials), found.credentials());
    }
    store.put_many(&found).expect("replaced");
    for (before, after) in before.iter().zip(rows(&engine)) {
        let (before, after) = (Row::decode(before).expect("a row"), Row::decode(&after).expect("a row"));
        assert_eq!(before.clear, after.clear);
        assert_eq!(before.sealed.len(), after.sealed.len());
    }
}

#[test]
fn rows_say_what_is_wrong_with_them() {
    // Version, algorithm, number of methods, AMF, flags.
    let decoded = |clear: &[u8]| Row::decode(clear).map(drop);
    assert_eq!(decoded(&[3, 1, 1, 0x80, 0, 0]), Err(RowError::Version(3)));
    assert_eq!(decoded(&[1, 1, 1, 0x80, 0, 0]), Err(RowError::Version(1)));
    assert_eq!(decoded(&[2, 8, 1, 0x80, 0, 0]), Err(RowError::Field("algorithm")));
    assert_eq!(decoded(&[2, 1, 1, 0x80, 0, 2]), Err(RowError::Field("flags")));
    assert_eq!(decoded(&[2, 3, 1, 0x80, 0, 4, 8, 1]), Err(RowError::Field("flags")));
    assert_eq!(decoded(&[2, 4, 1, 0x80, 0, 1, 8]), Err(RowError::Field("flags")));
    assert_eq!(
        decoded(&[2, 3, 1, 0x80, 0, 0, 6, 1]),
        Err(RowError::Field("octets of RES"))
    );
    assert_eq!(
        decoded(&[2, 3, 1, 0x80, 0, 0, 8, 0]),
        Err(RowError::Field("iterations"))
    );
    assert_eq!(
        decoded(&[2, 4, 1, 0x80, 0, 0, 17]),
        Err(RowError::Field("octets of RES"))
    );
    assert_eq!(decoded(&[2, 5, 1, 0x80, 0, 0]), Err(RowError::Length));
    // COMP128v1, then life, methods, length of fields, nonce, secrets, tag.
    let whole = |methods: &[u8], fields: &[u8]| {
        let (count, len) = (methods.len() as u8, fields.len() as u8);
        let clear = [&[2, 5, count, 0x80, 0, 0][..], &[7; 16], methods, &[len], fields];
        [clear.concat(), vec![0; 12 + 16 + 16]].concat()
    };
    assert!(Row::decode(&whole(&[2, 1], &[])).is_ok());
    for methods in [&[1, 1][..], &[0], &[7]] {
        assert_eq!(decoded(&whole(methods, &[])), Err(RowError::Field("methods")));
    }
    let read = |fields: &[u8]| Row::decode(&whole(&[], fields)).expect("a row").subscription();
    assert!(read(&[2, 2, 0xf1, 0xff, 3, 0, 4, 1, 1]).expect("fields").akma_allowed);
    for (fields, what) in [
        (&[3, 0, 2, 2, 0xf1, 0xff][..], "order of fields"),
        (&[3, 0, 3, 0], "order of fields"),
        (&[1, 2, b'x', b'y'], "GPSI"),
        (&[2, 1, 0xf1], "routing indicator"),
        (&[3, 1, 1], "an unknown field"),
        (&[4, 1, 2], "an unknown field"),
        (&[5, 1, b' '], "EPS profile"),
        (&[6, 1, 1], "an unknown field"),
        (&[7, 0], "an unknown field"),
    ] {
        assert_eq!(read(fields), Err(RowError::Field(what)), "{fields:?}");
    }
    assert_eq!(read(&[3, 1]), Err(RowError::Length));
}

/// What a subscription allows comes back, and nothing of it can be edited.
#[test]
fn a_subscription_comes_back_and_is_bound_to_its_row() {
    let engine = MemoryEngine::default();
    let store = open(&engine);
    let gpsi: Gpsi = "msisdn-491701234567".parse().expect("a GPSI");
    let mut whole = subscriber(1, SqnScheme::TimeBased);
    whole.methods = AuthMethods::EAP_AKA_PRIME.and(Method::FiveGAka);
    whole.subscription = Subscription {
        gpsi: Some(gpsi.clone()),
        routing_indicator: Some("17".parse().expect("digits")),
        akma_allowed: true,
        best: Some(BestSubscription { separated_umts: true }),
        eps: EpsProfile::new("default"),
        suspended: true,
    };
    store.add(&whole).expect("added");
    let found = store.subscriber(&whole.supi).expect("read").expect("there");
    assert_eq!(found.methods.first(), Some(Method::EapAkaPrime));
    assert_eq!(
        (found.methods, &found.subscription),
        (whole.methods, &whole.subscription)
    );
    assert_eq!(store.supi_of(&gpsi).expect("read"), Some(whole.supi.clone()));
    // A GPSI is of one subscriber.
    let mut other = subscriber(2, SqnScheme::TimeBased);
    other.subscription.gpsi = Some(gpsi.clone());
    let taken = |result: Result<(), StoreError>, of: &Subscriber, by: &Subscriber| {
        let Err(StoreError::GpsiTaken { supi, gpsi, owner }) = result else {
            unreachable!("{result:?}");
        };
        assert_eq!(
            (supi, Some(gpsi), owner),
            (of.supi.clone(), of.subscription.gpsi.clone(), by.supi.clone())
        );
    };
    taken(store.add(&other), &other, &whole);
    // Also where two come together, and beside one that gives up what another gets.
    let mut twin = subscriber(3, SqnScheme::TimeBased);
    twin.subscription.gpsi = Some("msisdn-12345".parse().expect("a GPSI"));
    let mut third = subscriber(4, SqnScheme::TimeBased);
    third.subscription.gpsi = twin.subscription.gpsi.clone();
    taken(store.put_many([&twin, &third]).map(drop), &third, &twin);
    store.add(&twin).expect("alone");
    let mut bare = subscriber(1, SqnScheme::TimeBased);
    bare.subscription.gpsi = None;
    taken(store.put_many([&other, &bare, &third]).map(drop), &third, &twin);
    store.remove(&twin.supi).expect("removed");
    assert!(!store.contains(&other.supi).expect("read"));
    assert!(store.next_sqn(&other.supi, "node").is_err());
    assert_eq!(store.supi_of(&gpsi).expect("read"), Some(whole.supi.clone()));
    // It goes with the subscriber that has it.
    let mut without = subscriber(1, SqnScheme::TimeBased);
    without.subscription.gpsi = None;
    store.put_many([&without]).expect("replaced");
    assert_eq!(store.supi_of(&gpsi).expect("read"), None);
    store.add(&other).expect("free now");
    store.next_sqn(&other.supi, "node").expect("an SQN");
    assert_eq!(store.supi_of(&gpsi).expect("read"), Some(other.supi.clone()));
    // In clear, and yet not to be edited.
    let (key, row) = keyed_rows(&engine).pop().expect("a row");
    let mut edited = row.clone();
    let at = row.windows(5).position(|part| part == b"49170").expect("in clear");
    edited[at] = b'3';
    let mut batch = Batch::default();
    batch.put(SUBSCRIBER, &key, &edited);
    engine.apply(&batch).expect("committed");
    assert!(matches!(credentials(&store, &other.supi), Err(StoreError::Unsealing)));
}
