//! SQN as callers of the store see them: clocks that step, nodes that share, threads that compete.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::{Hands, START, split, subscriber, supi};
use kaskade_aka::sqn::{Seq, SqnLayout};
use kaskade_crypto::Sqn;
use kaskade_store::engine::{CommitFailed, Engine, Group, UnitOutcome};
use kaskade_store::{
    EngineError, MasterKey, NodeIndex, Resynchronised, SqnRecord, SqnScheme, StoreError, StoreOptions, SubscriberStore,
};
use kaskade_testkit::memory::MemoryEngine;

const NODE: &str = "amf-1";

fn open(engine: &MemoryEngine, options: StoreOptions) -> Result<SubscriberStore, StoreError> {
    open_any(Arc::new(engine.clone()), options)
}

fn open_any(engine: Arc<dyn Engine>, options: StoreOptions) -> Result<SubscriberStore, StoreError> {
    let key = MasterKey::from_octets(&[1; 32]);
    SubscriberStore::with_engine(engine, Path::new("memory"), &key, options)
}

fn next(store: &SubscriberStore, number: u64) -> u64 {
    split(store.next_sqn(&supi(number), NODE).expect("an SQN")).0
}

fn seq(value: u64) -> Sqn {
    Sqn::new(value << 5).expect("48 bits")
}

/// Counts the commits that change something.
struct Counting {
    memory: MemoryEngine,
    commits: Arc<AtomicU64>,
}

impl Engine for Counting {
    kaskade_testkit::reads_from_memory!();
}

impl Counting {
    fn new(commits: &Arc<AtomicU64>) -> Self {
        Self {
            memory: MemoryEngine::default(),
            commits: Arc::clone(commits),
        }
    }
    fn write(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.memory.write(group)
    }
    fn mend(&self) -> Result<(), EngineError> {
        Ok(())
    }
}

#[test]
fn a_default_subscriber_costs_no_write() {
    let (hands, commits) = (Hands::new(), Arc::new(AtomicU64::new(0)));
    let engine = Counting::new(&commits);
    let store = open_any(Arc::new(engine), hands.options()).expect("a store");
    let all: Vec<_> = (0..2000).map(|n| subscriber(n, SqnScheme::default())).collect();
    store.put_many(&all).expect("put");
    next(&store, 0);
    let before = commits.load(Ordering::SeqCst);
    for _ in 0..20 {
        for number in 0..2000 {
            let sqn = store.next_sqn_now(&supi(number), NODE).expect("an SQN");
            assert!(sqn.is_some(), "had to wait");
        }
        hands.pass(30);
        store.settle().expect("settled");
        store.settle().expect("settled");
    }
    let marks = commits.load(Ordering::SeqCst) - before;
    assert!(marks <= 21, "{marks} commits for 40000 vectors in 600 s");
}

#[test]
fn a_blank_card_starts_at_one_and_an_imported_one_above() {
    for scheme in [SqnScheme::TimeBased, SqnScheme::NonTimeBased] {
        let store = open(&MemoryEngine::default(), Hands::new().options()).expect("a store");
        store.add(&subscriber(1, scheme)).expect("added");
        assert_eq!(next(&store, 1), 1);
        let mut imported = subscriber(2, scheme);
        imported.sqn = SqnRecord::after(scheme, SqnLayout::ANNEX_C3, Seq(123_456));
        store.add(&imported).expect("added");
        assert_eq!(next(&store, 2), 123_457);
    }
}

#[test]
fn what_is_exported_goes_on_above() {
    for scheme in SqnScheme::ALL {
        let hands = Hands::new();
        let first = open(&MemoryEngine::default(), hands.options()).expect("a store");
        first.add(&subscriber(1, scheme)).expect("added");
        let last = (0..100).map(|_| next(&first, 1)).max().expect("some");
        let exported = first.subscriber(&supi(1)).expect("read").expect("there");
        // Another store, another clock.
        let other = Hands::new();
        other.set_wall(START - 1_000_000);
        let second = open(&MemoryEngine::default(), other.options()).expect("a store");
        second.add(&exported).expect("added");
        let after = next(&second, 1);
        assert!(after > last && after - last < 1 << 25, "{after} follows {last}");
    }
}

#[test]
fn a_wall_clock_that_steps_back_changes_nothing() {
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let mut last = 0;
    let mut up = |seq: u64| {
        assert!(seq > last, "{seq} follows {last}");
        last = seq;
    };
    let store = open(&engine, hands.options()).expect("a store");
    store.add(&subscriber(1, SqnScheme::TimeBased)).expect("added");
    up(next(&store, 1));
    hands.pass(1000);
    store.settle().expect("settled");
    up(next(&store, 1));
    hands.set_wall(START - 500_000);
    store.settle().expect("settled");
    up(next(&store, 1));
    drop(store);
    let store = open(&engine, hands.options()).expect("a store");
    up(next(&store, 1));
    hands.pass(10);
    store.settle().expect("settled");
    up(next(&store, 1));
    assert!(last < 2000, "{last}");
}

#[test]
fn a_wall_clock_that_jumps_far_ahead_is_refused_or_distrusted() {
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let store = open(&engine, hands.options()).expect("a store");
    store.add(&subscriber(1, SqnScheme::TimeBased)).expect("added");
    next(&store, 1);
    // While it runs: it goes on without the wall clock, and says so.
    hands.set_wall(START + 500 * 86_400);
    hands.pass(100);
    store.settle().expect("settled");
    assert!(store.distrusts_clock());
    assert!(next(&store, 1) < 1000);
    drop(store);
    // At the start: refused, unless it is allowed.
    let error = open(&engine, hands.options()).expect_err("far ahead");
    assert!(
        matches!(error, StoreError::Clock(clock) if clock.days >= 499),
        "{error}"
    );
    let mut options = hands.options();
    options.longest_jump = None;
    let store = open(&engine, options).expect("allowed");
    assert!(!store.distrusts_clock());
    // Even then no card is left behind: what was idle is taken out of DIF.
    let after = next(&store, 1);
    assert!(after > 1 && after < 1 << 25, "{after}");
}

#[test]
fn a_tick_of_another_length_is_refused() {
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let mut options = hands.options();
    options.tick = Some(Duration::from_millis(100));
    drop(open(&engine, options.clone()).expect("a store"));
    options.tick = Some(Duration::from_secs(1));
    let error = open(&engine, options.clone()).expect_err("another tick");
    assert!(
        matches!(
            error,
            StoreError::Tick {
                store_ms: 100,
                asked_ms: 1000
            }
        ),
        "{error}"
    );
    options.tick = None;
    open(&engine, options).expect("whatever it has");
}

#[test]
fn nodes_that_share_a_subscriber_never_meet() {
    let mut seen = HashSet::new();
    for index in 0..3 {
        let hands = Hands::new();
        let mut options = hands.options();
        options.node = NodeIndex::new(index, 3).expect("below");
        let store = open(&MemoryEngine::default(), options).expect("a store");
        store.add(&subscriber(1, SqnScheme::TimeBased)).expect("added");
        for turn in 0..500 {
            let sqn = store.next_sqn(&supi(1), &format!("amf-{}", turn % 20)).expect("an SQN");
            assert!(seen.insert(sqn), "{sqn:?} from two nodes");
            assert_eq!(split(sqn).1 % 3, index);
        }
    }
}

#[test]
fn the_same_requesting_node_gets_the_same_ind() {
    let store = open(&MemoryEngine::default(), Hands::new().options()).expect("a store");
    store.add(&subscriber(1, SqnScheme::TimeBased)).expect("added");
    let ind = |node: &str| split(store.next_sqn(&supi(1), node).expect("an SQN")).1;
    let inds: HashSet<u8> = (0..200).map(|n| ind(&format!("node {n}"))).collect();
    assert_eq!(inds.len(), 32, "names spread over all values");
    assert_eq!(ind("node 7"), ind("node 7"));
}

#[test]
fn threads_that_compete_for_one_subscriber() {
    for scheme in SqnScheme::ALL {
        let store = open(&MemoryEngine::default(), StoreOptions::default()).expect("a store");
        store.add(&subscriber(1, scheme)).expect("added");
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let work = || {
                let mut last = 0;
                let mut up = |seq| {
                    assert!(seq > last);
                    last = seq;
                    seq
                };
                (0..5000).map(|_| up(next(&store, 1))).collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "twice");
        assert_eq!(all.len(), 40_000);
    }
}

#[test]
fn ranges_in_memory_are_bounded_and_giving_them_up_repeats_nothing() {
    let mut options = StoreOptions::default();
    options.held_ranges = 1;
    let store = open(&MemoryEngine::default(), options).expect("a store");
    let numbers = 0..60_000;
    let all: Vec<_> = numbers
        .clone()
        .map(|n| subscriber(n, SqnScheme::NonTimeBased))
        .collect();
    store.put_many(&all).expect("put");
    let mut last = vec![0; 100];
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                (thread..60_000)
                    .step_by(8)
                    .for_each(|number| assert!(next(store, number) > 0));
            });
        }
        for turn in 0..1000 {
            let number = turn % 100;
            let seq = next(&store, number as u64);
            assert!(seq > last[number]);
            last[number] = seq;
        }
    });
    // Of 60000: 1024 shards of at most 16, twice that until the next sweep.
    assert!(store.held() <= 1024 * 32, "{} held", store.held());
    for (number, last) in (0..).zip(last) {
        assert!(next(&store, number) > last);
    }
}

#[test]
fn resynchronisation() {
    for scheme in SqnScheme::ALL {
        let engine = MemoryEngine::default();
        let store = open(&engine, Hands::new().options()).expect("a store");
        let mut wrong = subscriber(1, scheme);
        wrong.sqn = SqnRecord::after(scheme, SqnLayout::ANNEX_C3, Seq(1 << 40));
        store.add(&wrong).expect("added");
        let first = next(&store, 1);
        assert!(first > 1 << 40);
        let resynchronise = |seq_ms| {
            let rand = store.challenge(&supi(1), [1; 8]);
            store.resynchronise(&supi(1), &rand, seq(seq_ms)).expect("done")
        };
        // The card is far below: a wrong import.
        assert_eq!(resynchronise(1000), Resynchronised::NewEpoch);
        let low = next(&store, 1);
        assert!(low > 1000 && low < 1 << 25, "{low}");
        assert_eq!(resynchronise(1000), Resynchronised::InStep);
        assert_eq!(
            resynchronise(900),
            Resynchronised::InStep,
            "an older AUTS of the same card"
        );
        // The card is ahead.
        assert_eq!(resynchronise(1 << 30), Resynchronised::Raised);
        assert!(next(&store, 1) > 1 << 30);
        let rand = store.challenge(&supi(1), [1; 8]);
        assert!(matches!(
            store.resynchronise(&supi(1), &rand, Sqn::MAX),
            Err(StoreError::Sqn(kaskade_aka::sqn::SqnError::Exhausted))
        ));
        assert!(matches!(
            store.resynchronise(&supi(2), &rand, seq(1)),
            Err(StoreError::UnknownSubscriber)
        ));
        let before = next(&store, 1);
        drop(store);
        let store = open(&engine, Hands::new().options()).expect("a store");
        assert!(next(&store, 1) > before);
    }
}

#[test]
fn removed_and_added_again_goes_on_above() {
    for scheme in SqnScheme::ALL {
        let engine = MemoryEngine::default();
        let mut last = 0;
        for _ in 0..3 {
            let store = open(&engine, Hands::new().options()).expect("a store");
            store.add(&subscriber(1, scheme)).expect("added");
            for _ in 0..50 {
                let seq = next(&store, 1);
                assert!(seq > last, "{seq} follows {last}");
                last = seq;
            }
            assert!(store.remove(&supi(1)).expect("removed"));
        }
    }
}
