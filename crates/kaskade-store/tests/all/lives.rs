//! Sequence numbers belong to a card: another one begins anew, and the same one never sees a number twice.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::common::{Hands, START, split, supi};
use kaskade_aka::auc::{GsmAlgorithm, GsmKeys};
use kaskade_aka::sqn::{Seq, SqnLayout};
use kaskade_crypto::gsm::Ki;
use kaskade_crypto::milenage::OperatorConstants;
use kaskade_crypto::tuak::{Iterations, Parameters, TuakKey, VectorRes};
use kaskade_crypto::xor_test::{ResLength, TestK};
use kaskade_crypto::{Amf, K, K256, Op, Opc, Top, Topc};
use kaskade_store::{
    AuthMethods, MasterKey, OpOrOpc, SqnRecord, SqnScheme, StoreError, Subscriber, SubscriberSecrets, SubscriberStore,
    Subscription, TopOrTopc,
};
use kaskade_testkit::memory::MemoryEngine;
use proptest::prelude::*;

fn open(engine: &MemoryEngine, hands: &Hands) -> SubscriberStore {
    let key = MasterKey::from_octets(&[1; 32]);
    SubscriberStore::with_engine(Arc::new(engine.clone()), Path::new("memory"), &key, hands.options()).expect("a store")
}

fn card(number: u64, secrets: SubscriberSecrets, sqn: SqnRecord) -> Subscriber {
    Subscriber {
        supi: supi(number),
        secrets,
        amf: Amf::SEPARATION,
        methods: AuthMethods::FIVE_G_AKA,
        subscription: Subscription::default(),
        sqn,
    }
}

fn next(store: &SubscriberStore, number: u64) -> u64 {
    split(store.next_sqn(&supi(number), "amf").expect("an SQN")).0
}

fn milenage(k: u8) -> SubscriberSecrets {
    SubscriberSecrets::milenage(K::from_octets(&[k; 16]), OpOrOpc::Opc(Opc::from_octets(&[k; 16])))
}

fn far(scheme: SqnScheme) -> SqnRecord {
    // `--sqn 000200000000`: SEQ 2^28, which is Δ.
    SqnRecord::after(scheme, SqnLayout::ANNEX_C3, Seq(1 << 28))
}

#[test]
fn a_vector_is_never_made_of_two_cards() {
    let (hands, engine) = (Hands::new(), MemoryEngine::default());
    let store = open(&engine, &hands);
    let blank = || SqnRecord::blank(SqnScheme::TimeBased);
    let name = |store: &SubscriberStore| store.card(&supi(1)).expect("read").expect("there").name;
    let another =
        |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::AnotherCard)), "{result:?}");
    store.add(&card(1, milenage(1), blank())).expect("added");
    let first = name(&store);
    store.next_sqn_of(&supi(1), &first, "amf").expect("its own");
    // Between the reading of K and the number another card takes its place: with numbers in memory, and without.
    for hold in [true, false] {
        store.put_many([&card(1, milenage(2), blank())]).expect("replaced");
        if hold {
            next(&store, 1);
        }
        another(store.next_sqn_of(&supi(1), &first, "amf").map(drop));
        another(store.next_sqn_of_now(&supi(1), &first, "amf").map(drop));
        let rand = store.challenge(&supi(1), [7; 8]);
        let sqn = store.next_sqn(&supi(1), "amf").expect("an SQN");
        another(store.resynchronise_card(&supi(1), &first, &rand, sqn).map(drop));
        let second = name(&store);
        assert_ne!(first, second);
        store.next_sqn_of(&supi(1), &second, "amf").expect("its own");
        // The same card again, given as OP or by another path, is itself.
        store.remove(&supi(1)).expect("removed");
        store.add(&card(1, milenage(1), blank())).expect("added");
        assert_eq!(name(&store), first);
        store.next_sqn_of(&supi(1), &first, "amf").expect("its own");
        another(store.next_sqn_of(&supi(1), &second, "amf").map(drop));
    }
    drop(store);
    let store = open(&engine, &hands);
    store
        .next_sqn_of(&supi(1), &first, "amf")
        .expect("known after a start too");
}

#[test]
fn a_new_card_begins_anew_by_whatever_path() {
    for scheme in SqnScheme::ALL {
        let blank = || SqnRecord::blank(scheme);
        let low = |seq: u64| assert!(seq < 1 << 25, "{scheme}: {seq}");
        let high = |seq: u64| assert!(seq > 1 << 28, "{scheme}: {seq}");
        let hands = Hands::new();
        let store = open(&MemoryEngine::default(), &hands);
        store.add(&card(1, milenage(1), far(scheme))).expect("added");
        high(next(&store, 1));
        // Replaced, or imported again.
        store.put_many([&card(1, milenage(2), blank())]).expect("replaced");
        low(next(&store, 1));
        // Removed and added.
        store.remove(&supi(1)).expect("removed");
        store.add(&card(1, milenage(3), blank())).expect("added");
        low(next(&store, 1));
        // The first card comes back, after all the others: above all that it had, whatever is said of its SQN.
        store.put_many([&card(1, milenage(1), blank())]).expect("replaced");
        high(next(&store, 1));
        // Another subscriber with the same K is another life.
        store.add(&card(2, milenage(1), blank())).expect("added");
        low(next(&store, 2));
    }
}

#[test]
fn numbers_that_were_never_issued_are_not_lost_to_a_card_that_is_given_again() {
    let hands = Hands::new();
    let store = open(&MemoryEngine::default(), &hands);
    store
        .add(&card(1, milenage(1), far(SqnScheme::NonTimeBased)))
        .expect("added");
    next(&store, 1);
    // The operator meant 0. The card is there in fact, and its AUTS says so.
    let blank = SqnRecord::blank(SqnScheme::NonTimeBased);
    store.put_many([&card(1, milenage(1), blank)]).expect("replaced");
    assert!(next(&store, 1) > 1 << 28);
    let rand = store.challenge(&supi(1), [1; 8]);
    let zero = kaskade_crypto::Sqn::new(0).expect("48 bits");
    let done = store.resynchronise(&supi(1), &rand, zero).expect("done");
    assert_eq!(done, kaskade_store::Resynchronised::NewEpoch);
    assert_eq!(next(&store, 1), 1);
}

/// All ways to say the same card, and cards that only look alike.
#[test]
fn what_is_the_same_card() {
    let k = || K::from_octets(&[1; 16]);
    let op = || Op::from_octets(&[2; 16]);
    let opc = Opc::derive(&k(), &op());
    let tuak_k = || TuakKey::K128(k());
    let top = || Top::from_octets(&[3; 32]);
    let parameters = |res, iterations| Parameters {
        res: VectorRes::new(res).expect("a length"),
        iterations: Iterations::new(iterations).expect("some"),
    };
    let topc = Topc::derive(&tuak_k(), &top(), Iterations::new(1).expect("one"));
    let tuak = |k, operator, parameters| SubscriberSecrets::Tuak {
        k,
        operator,
        parameters,
    };
    let xor = |res| SubscriberSecrets::Xor {
        k: TestK::from_octets(&[1; 16]),
        res_length: ResLength::new(res).expect("a length"),
    };
    let mut own = *OperatorConstants::STANDARD.c();
    own[0][0] ^= 1;
    let own = OperatorConstants::new(own, *OperatorConstants::STANDARD.r()).expect("constants");
    let groups: Vec<Vec<SubscriberSecrets>> = vec![
        vec![
            SubscriberSecrets::milenage(k(), OpOrOpc::Op(op())),
            SubscriberSecrets::milenage(k(), OpOrOpc::Opc(opc.clone())),
        ],
        vec![SubscriberSecrets::milenage(
            k(),
            OpOrOpc::Opc(Opc::from_octets(&[9; 16])),
        )],
        vec![SubscriberSecrets::milenage(
            K::from_octets(&[9; 16]),
            OpOrOpc::Opc(opc.clone()),
        )],
        vec![SubscriberSecrets::Milenage {
            k: k(),
            operator: OpOrOpc::Opc(opc),
            constants: own,
        }],
        vec![
            tuak(tuak_k(), TopOrTopc::Top(top()), parameters(8, 1)),
            tuak(tuak_k(), TopOrTopc::Topc(topc.clone()), parameters(8, 1)),
            tuak(tuak_k(), TopOrTopc::Topc(topc.clone()), parameters(16, 1)),
        ],
        vec![tuak(tuak_k(), TopOrTopc::Topc(topc.clone()), parameters(8, 2))],
        vec![tuak(
            TuakKey::K256(K256::from_octets(&[1; 32])),
            TopOrTopc::Topc(topc),
            parameters(8, 1),
        )],
        vec![xor(8), xor(16)],
        vec![SubscriberSecrets::Gsm(GsmKeys {
            k: Ki::from_octets(&[1; 16]),
            algorithm: GsmAlgorithm::Comp128v1,
        })],
    ];
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let store = open(&engine, &hands);
    let mut last: HashMap<usize, u64> = HashMap::new();
    for round in 0..3 {
        for (group, ways) in groups.iter().enumerate() {
            for secrets in ways {
                let blank = SqnRecord::blank(SqnScheme::NonTimeBased);
                store.put_many([&card(1, secrets.clone(), blank)]).expect("put");
                let seq = next(&store, 1);
                let before = last.insert(group, seq);
                match before {
                    None => assert_eq!(seq, 1, "a card of its own: {group}"),
                    Some(before) => assert!(seq > before, "round {round}, {group}: {seq} follows {before}"),
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put { card: u8, seq: Option<u64> },
    Remove,
    Issue(u8),
    Pass(u16),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u8, proptest::option::of(0..2000_u64)).prop_map(|(card, seq)| Step::Put { card, seq }),
        1 => Just(Step::Remove),
        4 => (1..60_u8).prop_map(Step::Issue),
        1 => (0..400_u16).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Replace, remove, add, import, in any order, with restarts: a card never sees a number twice.
    #[test]
    fn no_card_ever_sees_a_number_twice(
        scheme in prop::sample::select(SqnScheme::ALL.to_vec()),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let (engine, hands) = (MemoryEngine::default(), Hands::new());
        hands.set_wall(START);
        let mut store = open(&engine, &hands);
        let mut present = None;
        let mut highest: HashMap<u8, u64> = HashMap::new();
        for step in steps {
            match step {
                Step::Put { card: number, seq } => {
                    let blank = SqnRecord::blank(scheme);
                    let sqn = seq.map_or(blank, |seq| SqnRecord::after(scheme, SqnLayout::ANNEX_C3, Seq(seq)));
                    store.put_many([&card(1, milenage(number), sqn)]).expect("put");
                    present = Some(number);
                }
                Step::Remove => {
                    store.remove(&supi(1)).expect("removed");
                    present = None;
                }
                Step::Issue(times) => {
                    let Some(number) = present else { continue };
                    for _ in 0..times {
                        let seq = next(&store, 1);
                        let before = highest.insert(number, seq);
                        prop_assert!(before.is_none_or(|before| seq > before), "{seq} follows {before:?}");
                    }
                }
                Step::Pass(seconds) => {
                    hands.pass(seconds.into());
                    store.settle().expect("settled");
                }
                Step::Restart => {
                    drop(store);
                    store = open(&engine, &hands);
                }
            }
        }
    }
}
