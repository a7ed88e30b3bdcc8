//! The suite that every engine must pass, and a store on that engine with it. It panics on the first failure.
//!
//! ```
//! use std::sync::Arc;
//! use kaskade_store::engine::Engine;
//! use kaskade_testkit::conformance;
//! use kaskade_testkit::memory::MemoryEngine;
//!
//! conformance::rows(|| {
//!     let place = MemoryEngine::default();
//!     Box::new(move || Arc::new(place.clone()) as Arc<dyn Engine>)
//! });
//! ```

mod records;
mod rows;
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kaskade_aka::sqn::{Seq, SqnRecord, SqnScheme};
use kaskade_crypto::Sqn;
use kaskade_keys::Supi;
use kaskade_store::engine::{Batch, Blocking, Engine, Table};
use kaskade_store::{MasterKey, Resynchronised, StoreOptions, Subscriber, SubscriberStore};

use crate::subscribers::{self, credentials};

/// Opens one place: every call finds what was committed there before. The engine of the call before is dropped first.
pub type Place = Box<dyn Fn() -> Arc<dyn Engine>>;

/// Opens one place as the node of this number: every call finds what was committed there before. Engines of several nodes are open at
/// the same time, and no two of one.
pub type Nodes = Box<dyn Fn(u16) -> Arc<dyn Engine>>;

/// Runs those of engines that several nodes write to at the same time; `place` makes a new, empty place each time.
///
/// # Panics
/// When a promise is broken.
pub fn shared(place: impl Fn() -> Nodes) {
    shared::run(&place);
}

/// Runs those of records; `place` makes a new, empty place each time.
///
/// # Panics
/// When a promise is broken.
pub fn records(place: impl Fn() -> Place) {
    records::run(&place);
}

/// Runs all checks of engines, and of subscribers on them; `place` makes a new, empty place each time.
///
/// # Panics
/// When the engine breaks a promise.
pub fn run(place: impl Fn() -> Place) {
    rows(&place);
    subscribers(&place);
}

/// Runs those of engines alone; `place` makes a new, empty place each time.
///
/// # Panics
/// When the engine breaks a promise.
pub fn rows(place: impl Fn() -> Place) {
    rows::run(&place);
    finds_what_was_put(&place());
    keeps_tables_apart(&place());
    scans_in_order(&place());
    applies_a_batch_in_order(&place());
    counts(&place());
    is_empty_until_a_table_has_a_row(&place);
    takes_long_keys_and_values(&place());
    survives_being_opened_again(&place());
    shows_whole_batches_to_readers(&place());
}

/// Runs those of subscribers and their sequence numbers; `place` makes a new, empty place each time.
///
/// # Panics
/// When a promise is broken.
pub fn subscribers(place: impl Fn() -> Place) {
    subscribers_come_back(&place());
    sqn_never_repeat(&place());
    sqn_never_repeat_while_entries_are_swept(&place());
    resynchronisation_is_durable(&place());
}

fn finds_what_was_put(open: &Place) {
    let engine = open();
    assert_eq!(
        value(&*engine, Table::SUBSCRIBERS, b"a"),
        None,
        "an empty place has no keys"
    );
    put(&*engine, Table::SUBSCRIBERS, &[(b"a", b"1"), (b"b", b"")]);
    assert_eq!(value(&*engine, Table::SUBSCRIBERS, b"a").as_deref(), Some(&b"1"[..]));
    assert_eq!(
        value(&*engine, Table::SUBSCRIBERS, b"b").as_deref(),
        Some(&b""[..]),
        "an empty value is a value"
    );
    put(&*engine, Table::SUBSCRIBERS, &[(b"a", b"two")]);
    assert_eq!(
        value(&*engine, Table::SUBSCRIBERS, b"a").as_deref(),
        Some(&b"two"[..]),
        "a put replaces"
    );
    remove(&*engine, Table::SUBSCRIBERS, b"a");
    assert_eq!(value(&*engine, Table::SUBSCRIBERS, b"a"), None, "a removed key is gone");
    remove(&*engine, Table::SUBSCRIBERS, b"a");
}

fn keeps_tables_apart(open: &Place) {
    let engine = open();
    for (table, text) in Table::PLAIN.into_iter().zip([b"1", b"2", b"3", b"4"]) {
        put(&*engine, table, &[(b"key", text)]);
    }
    remove(&*engine, Table::REMOVED, b"key");
    let found = Table::PLAIN.map(|table| value(&*engine, table, b"key"));
    let expected = [Some(&b"1"[..]), None, Some(b"3"), Some(b"4")];
    assert_eq!(found.each_ref().map(Option::as_deref), expected);
    assert_eq!(keys(&*engine, Table::REMOVED, None, usize::MAX), Vec::<Vec<u8>>::new());
}

fn scans_in_order(open: &Place) {
    let engine = open();
    let entries: BTreeMap<Vec<u8>, Vec<u8>> = (0..500_u16)
        .map(|n| (n.wrapping_mul(7919).to_be_bytes().to_vec(), n.to_be_bytes().to_vec()))
        .collect();
    let mut batch = Batch::default();
    for (key, value) in &entries {
        batch.put(Table::SUBSCRIBERS, key, value);
    }
    batch.put(Table::META, b"another table", b"");
    commit(&*engine, &batch);
    let mut found = BTreeMap::new();
    let scan = engine.scan(Table::SUBSCRIBERS, None, &mut |key, value| {
        assert!(
            found.keys().all(|before: &Vec<u8>| before.as_slice() < key),
            "keys ascend"
        );
        found.insert(key.to_vec(), value.to_vec());
        true
    });
    scan.expect("a scan");
    assert_eq!(found, entries);
    let all: Vec<_> = entries.into_keys().collect();
    let (Some(after), Some(rest)) = (all.get(99), all.get(100..110)) else {
        unreachable!("500 keys")
    };
    assert_eq!(
        keys(&*engine, Table::SUBSCRIBERS, Some(after), 10),
        rest,
        "after a key, and no further than asked"
    );
    let between = [after.as_slice(), &[0]].concat();
    assert_eq!(
        keys(&*engine, Table::SUBSCRIBERS, Some(&between), 10),
        rest,
        "after a key that is not there"
    );
    assert!(keys(&*engine, Table::SUBSCRIBERS, all.last().map(Vec::as_slice), 10).is_empty());
}

fn applies_a_batch_in_order(open: &Place) {
    let engine = open();
    let mut batch = Batch::default();
    batch.put(Table::META, b"a", b"1");
    batch.put(Table::META, b"a", b"2");
    batch.put(Table::META, b"b", b"1");
    batch.remove(Table::META, b"b");
    batch.remove(Table::META, b"c");
    batch.put(Table::META, b"c", b"3");
    commit(&*engine, &batch);
    let found = [b"a", b"b", b"c"].map(|key| value(&*engine, Table::META, key));
    assert_eq!(found, [Some(b"2".to_vec()), None, Some(b"3".to_vec())]);
    commit(&*engine, &Batch::default());
}

fn counts(open: &Place) {
    let engine = open();
    assert_eq!(engine.count(Table::SUBSCRIBERS).expect("a number"), 0);
    put(
        &*engine,
        Table::SUBSCRIBERS,
        &[(b"a", b"1"), (b"b", b"1"), (b"a", b"2")],
    );
    assert_eq!(engine.count(Table::SUBSCRIBERS).expect("a number"), 2);
    remove(&*engine, Table::SUBSCRIBERS, b"b");
    assert_eq!(engine.count(Table::SUBSCRIBERS).expect("a number"), 1);
    assert_eq!(engine.count(Table::LIVES).expect("a number"), 0);
}

/// Once something was committed, the engine may have rows of its own.
fn is_empty_until_a_table_has_a_row(place: &impl Fn() -> Place) {
    const UNDECLARED: Table = Table::new(902, "of a program that is gone");
    let is = |engine: &dyn Engine| engine.is_empty().expect("read");
    for table in [UNDECLARED, Table::META] {
        let open = place();
        assert!(is(&*open()));
        let engine = open();
        engine.declare(&[UNDECLARED]).expect("declared");
        assert!(is(&*engine));
        put(&*engine, table, &[(b"key", b"")]);
        assert!(!is(&*engine));
        drop(engine);
        assert!(!is(&*open()), "to one who declares nothing either");
    }
}

fn takes_long_keys_and_values(open: &Place) {
    let engine = open();
    for len in [1, 254, 255, 256, 4096, 70_000] {
        let (key, text) = (vec![b'k'; len.min(255)], vec![b'v'; len]);
        put(&*engine, Table::SUBSCRIBERS, &[(&key, &text)]);
        assert_eq!(value(&*engine, Table::SUBSCRIBERS, &key), Some(text), "{len} octets");
    }
}

fn survives_being_opened_again(open: &Place) {
    for round in 0..5_u8 {
        let engine = open();
        let expected: Vec<Vec<u8>> = (0..round).map(|n| vec![n]).collect();
        assert_eq!(
            keys(&*engine, Table::SUBSCRIBERS, None, usize::MAX),
            expected,
            "what was committed is there"
        );
        put(&*engine, Table::SUBSCRIBERS, &[(&[round], b"x")]);
    }
}

fn shows_whole_batches_to_readers(open: &Place) {
    let engine = open();
    let done = AtomicBool::new(false);
    let pair = |n: u32| {
        let mut batch = Batch::default();
        batch.put(Table::SUBSCRIBERS, b"first", &n.to_be_bytes());
        batch.put(Table::SUBSCRIBERS, b"second", &n.to_be_bytes());
        batch
    };
    commit(&*engine, &pair(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let mut seen = Vec::new();
                    let scan = engine.scan(Table::SUBSCRIBERS, None, &mut |_, value| {
                        seen.push(value.to_vec());
                        true
                    });
                    scan.expect("a scan");
                    assert!(
                        seen.len() == 2 && seen.first() == seen.last(),
                        "a scan sees a batch whole or not at all"
                    );
                }
            });
        }
        for n in 1..100 {
            commit(&*engine, &pair(n));
            let seen = value(&*engine, Table::SUBSCRIBERS, b"second");
            assert_eq!(
                seen.as_deref(),
                Some(&n.to_be_bytes()[..]),
                "a commit that has returned is seen"
            );
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn subscribers_come_back(open: &Place) {
    {
        let store = store(open);
        let all: Vec<_> = (0..3000).map(|n| subscriber(n, SqnScheme::ALL[n % 3])).collect();
        assert_eq!(store.put_many(&all).expect("put"), 3000);
        assert!(store.remove(&supi(5)).expect("removed"));
    }
    let store = store(open);
    assert_eq!(store.len().expect("a number"), 2999);
    assert!(credentials(&store, &supi(5)).expect("read").is_none());
    let mut listed = Vec::new();
    loop {
        let page = store.list(listed.last(), 1000).expect("listed");
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|subscriber| subscriber.supi));
    }
    let expected: Vec<Supi> = (0..3000).filter(|n| *n != 5).map(supi).collect();
    assert_eq!(listed, expected, "all, in order");
    let found = credentials(&store, &supi(17)).expect("read").expect("there");
    assert_eq!(Some(found), subscriber(17, SqnScheme::TimeBased).credentials());
}

fn sqn_never_repeat(open: &Place) {
    let mut seen: BTreeMap<usize, BTreeSet<Sqn>> = BTreeMap::new();
    for life in 0..4 {
        let store = store(open);
        if life == 0 {
            let all: Vec<_> = (0..30).map(|n| subscriber(n, SqnScheme::ALL[n % 3])).collect();
            store.put_many(&all).expect("put");
        }
        if life == 2 {
            // The same SUPI, K and starting point again.
            for n in 0..30 {
                store.remove(&supi(n)).expect("removed");
                store
                    .add(&subscriber(n, SqnScheme::ALL[(n + 1) % 3]))
                    .expect("added again");
            }
        }
        let issued = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let store = &store;
                    scope.spawn(move || {
                        let node = format!("node {thread}");
                        let issue = |n: usize| (n, store.next_sqn(&supi(n), &node).expect("an SQN"));
                        (0..3000)
                            .map(|turn| issue(turn % if thread == 0 { 3 } else { 30 }))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("no panic"))
                .collect::<Vec<_>>()
        });
        let before: BTreeMap<usize, Option<Sqn>> = seen.iter().map(|(n, sqn)| (*n, sqn.last().copied())).collect();
        for (n, sqn) in issued {
            let before = before.get(&n).copied().flatten();
            assert!(
                before.is_none_or(|before| sqn > before),
                "above all of the earlier lives"
            );
            assert!(
                seen.entry(n).or_default().insert(sqn),
                "{sqn:?} of subscriber {n} was issued twice"
            );
        }
    }
}

/// A tick of 1 ms drops idle entries all the time, while more threads than processors ask for their numbers: whatever is
/// read before the shard is locked is stale when it counts. There are many subscribers, so that shards are swept to make
/// room, and some are asked for much more often, so that threads meet.
fn sqn_never_repeat_while_entries_are_swept(open: &Place) {
    const SUBSCRIBERS: usize = 30_000;
    const OFTEN: usize = 300;
    const THREADS: usize = 12;
    const LASTS: Duration = Duration::from_secs(3);
    let mut options = StoreOptions::default();
    options.tick = Some(Duration::from_millis(1));
    let store = SubscriberStore::with_engine(open(), Path::new("conformance"), &key(), options).expect("a store");
    let all: Vec<_> = (0..SUBSCRIBERS).map(|n| subscriber(n, SqnScheme::TimeBased)).collect();
    store.put_many(&all).expect("put");
    let supis: Vec<Supi> = (0..SUBSCRIBERS).map(supi).collect();
    let start = Instant::now();
    let mut issued: Vec<(usize, Sqn)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (store, supis) = (&store, &supis);
                scope.spawn(move || {
                    let mut random = thread as u64;
                    let mut issued = Vec::new();
                    while start.elapsed() < LASTS {
                        random = random
                            .wrapping_mul(0x5851_f42d_4c95_7f2d)
                            .wrapping_add(0x1405_7b7e_f767_814f);
                        let n = usize::try_from(random >> 33).unwrap_or(0);
                        let n = n % if n.is_multiple_of(2) { OFTEN } else { SUBSCRIBERS };
                        let supi = supis.get(n).expect("below");
                        issued.push((n, store.next_sqn(supi, "node").expect("an SQN")));
                    }
                    issued
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    issued.sort_unstable();
    let twice = issued.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert_eq!(twice, 0, "of {} SQN were issued twice", issued.len());
}

fn resynchronisation_is_durable(open: &Place) {
    let far = Sqn::new((1 << 40) + 5).expect("48 bits");
    for scheme in SqnScheme::ALL {
        let n = scheme as usize;
        {
            let store = store(open);
            store.add(&subscriber(n, scheme)).expect("added");
            store.next_sqn(&supi(n), "node").expect("an SQN");
            assert_eq!(
                store
                    .resynchronise(&supi(n), &store.challenge(&supi(n), [0; 8]), far)
                    .expect("done"),
                Resynchronised::Raised
            );
        }
        let store = store(open);
        let next = store.next_sqn(&supi(n), "node").expect("an SQN");
        assert!(
            next > far && next.value() - far.value() < 1 << 30,
            "{next:?} follows {far:?}"
        );
        assert_eq!(
            store
                .resynchronise(&supi(n), &store.challenge(&supi(n), [0; 8]), far)
                .expect("done"),
            Resynchronised::InStep,
            "the same AUTS again"
        );
    }
}

fn store(open: &Place) -> SubscriberStore {
    SubscriberStore::with_engine(open(), Path::new("conformance"), &key(), StoreOptions::default()).expect("a store")
}

fn key() -> MasterKey {
    MasterKey::from_octets(&[0x5a; 32])
}

fn supi(n: usize) -> Supi {
    subscribers::supi(n as u64)
}

fn subscriber(n: usize, scheme: SqnScheme) -> Subscriber {
    let mut subscriber = subscribers::subscriber(n as u64, scheme);
    if n % 7 == 6 {
        subscriber.sqn = SqnRecord::after(scheme, subscriber.sqn.layout(), Seq(1000));
    }
    subscriber
}

fn put(engine: &dyn Engine, table: Table, entries: &[(&[u8], &[u8])]) {
    let mut batch = Batch::default();
    for (key, value) in entries {
        batch.put(table, key, value);
    }
    commit(engine, &batch);
}

fn remove(engine: &dyn Engine, table: Table, key: &[u8]) {
    let mut batch = Batch::default();
    batch.remove(table, key);
    commit(engine, &batch);
}

fn commit(engine: &dyn Engine, batch: &Batch) {
    engine.apply(batch).expect("a commit");
}

fn value(engine: &dyn Engine, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    let there = engine
        .get(table, key, &mut |value| found = Some(value.to_vec()))
        .expect("a read");
    assert_eq!(there, found.is_some());
    found
}

fn keys(engine: &dyn Engine, table: Table, after: Option<&[u8]>, limit: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let scan = engine.scan(table, after, &mut |key, _| {
        found.push(key.to_vec());
        found.len() < limit
    });
    scan.expect("a scan");
    found
}
