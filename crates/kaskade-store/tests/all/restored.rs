//! A backup that was put back, and files that were edited.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::common::{Hands, folder, split, subscriber, supi};
use kaskade_aka::sqn::SqnScheme;
use kaskade_store::engine::{Batch, Blocking, Table};
use kaskade_store::rows::SUBSCRIBER;
use kaskade_store::{MasterKey, StoreError, SubscriberStore, skip_ahead, skip_ahead_on};
use kaskade_testkit::memory::{Failure, MemoryEngine};

const NODE: &str = "amf";

fn sqn(store: &SubscriberStore, number: u64) -> (u64, u8) {
    split(store.next_sqn(&supi(number), NODE).expect("an SQN"))
}

/// A backup of a few seconds ago is put back: hot and calm subscribers, of each scheme, and one that was removed.
#[test]
fn a_backup_put_back_repeats_nothing_after_skipping_ahead() {
    for skip in [false, true] {
        let (folder, key) = folder();
        let (path, backup) = (folder.path().join("store"), folder.path().join("backup"));
        let hands = Hands::new();
        let store = SubscriberStore::open(&path, &key, hands.options()).expect("a store");
        let all: Vec<_> = (0..300)
            .map(|n| subscriber(n, SqnScheme::ALL[n as usize % 3]))
            .collect();
        store.put_many(&all).expect("put");
        store.add(&subscriber(300, SqnScheme::TimeBased)).expect("added");
        for number in 0..301 {
            sqn(&store, number);
        }
        store.remove(&supi(300)).expect("removed");
        drop(store);
        fs::copy(&path, &backup).expect("copied");
        hands.pass(10);
        let store = SubscriberStore::open(&path, &key, hands.options()).expect("a store");
        store.add(&subscriber(300, SqnScheme::TimeBased)).expect("added again");
        let mut lost = Vec::new();
        for number in 0..301 {
            for _ in 0..if number % 10 == 0 { 200 } else { 1 } {
                lost.push((number, sqn(&store, number)));
            }
        }
        drop(store);
        hands.pass(10);
        fs::copy(&backup, &path).expect("put back");
        if skip {
            let mut seen = (0, 0);
            let done = skip_ahead(&path, &key, &hands.options(), &|_| None, &mut |done, all| {
                seen = (done, all);
            })
            .expect("skipped");
            assert_eq!(
                (done.subscribers, done.lives, done.damaged, done.resumed),
                (300, 1, 0, false)
            );
            assert_eq!(seen, (301, 301));
        }
        let store = SubscriberStore::open(&path, &key, hands.options()).expect("a store");
        store.add(&subscriber(300, SqnScheme::TimeBased)).expect("added again");
        let mut repeated = 0;
        for number in 0..301 {
            for _ in 0..if number % 10 == 0 { 200 } else { 1 } {
                repeated += usize::from(lost.contains(&(number, sqn(&store, number))));
            }
        }
        assert_eq!(repeated == 0, skip, "{repeated} repeated");
    }
}

/// The backup was no good after all, and is put back once more.
#[test]
fn one_backup_put_back_twice_goes_on_elsewhere() {
    let (folder, key) = folder();
    let (path, backup) = (folder.path().join("store"), folder.path().join("backup"));
    let hands = Hands::new();
    let store = SubscriberStore::open(&path, &key, hands.options()).expect("a store");
    for (number, scheme) in (0..).zip(SqnScheme::ALL) {
        store.add(&subscriber(number, scheme)).expect("added");
        sqn(&store, number);
    }
    drop(store);
    fs::copy(&path, &backup).expect("copied");
    let mut seen = std::collections::BTreeSet::new();
    for turn in 0..4 {
        fs::copy(&backup, &path).expect("put back");
        skip_ahead(&path, &key, &hands.options(), &|_| None, &mut |_, _| ()).expect("skipped");
        let store = SubscriberStore::open(&path, &key, hands.options()).expect("a store");
        for number in 0..SqnScheme::ALL.len() as u64 {
            // The burst, and what comes in two minutes at the rate that one subscriber may have.
            for _ in 0..512 + 2 * 60 * 8 {
                let sqn = sqn(&store, number);
                assert!(seen.insert((number, sqn)), "turn {turn}: subscriber {number}, {sqn:?}");
            }
        }
        drop(store);
        hands.pass(120);
    }
}

/// A skip that is interrupted anywhere goes on there, and nobody is served before it is done.
#[test]
fn an_interrupted_skip_goes_on() {
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let key = MasterKey::from_octets(&[1; 32]);
    let open = || SubscriberStore::with_engine(Arc::new(engine.clone()), Path::new("memory"), &key, hands.options());
    let store = open().expect("a store");
    let all: Vec<_> = (0..9000).map(|n| subscriber(n, SqnScheme::NonTimeBased)).collect();
    store.put_many(&all).expect("put");
    let before: Vec<_> = (0..9000)
        .map(|n| store.subscriber(&supi(n)).expect("read").expect("there").sqn.reserved())
        .collect();
    store.next_sqn(&supi(0), NODE).expect("an SQN");
    store.settle().expect("settled");
    let before_mark = hands.wall() + 60;
    drop(store);
    let name = Path::new("memory");
    let mut options = hands.options();
    let mut interrupted = |done, _| {
        if done >= 4096 {
            engine.fail(Failure::Full);
        }
    };
    let failed = skip_ahead_on(&engine, name, &key, &options, &|_| None, &mut interrupted);
    assert!(matches!(failed, Err(StoreError::Write(_))), "{failed:?}");
    engine.fail(Failure::Never);
    assert!(matches!(open(), Err(StoreError::SkipUnfinished)));
    let done = skip_ahead_on(&engine, name, &key, &options, &|_| None, &mut |_, _| ()).expect("done");
    assert!(done.resumed);
    let mut mark = 0;
    let mut visit = |octets: &[u8]| mark = u64::from_be_bytes(*octets.first_chunk().expect("a number"));
    engine.get(Table::META, b"mark", &mut visit).expect("read");
    assert_eq!(mark, hands.wall().max(before_mark) + 86_400, "the clock goes ahead too");
    assert_eq!(done.subscribers, 9000 - 4096);
    options.tick = None;
    let store = open().expect("a store");
    let mut moved = None;
    for (n, before) in (0..).zip(before).skip(1) {
        let after = store.subscriber(&supi(n)).expect("read").expect("there").sqn.reserved();
        let by = after.0 - before.0;
        assert!(by >= 1 << 20 && by == *moved.get_or_insert(by), "subscriber {n}: {by}");
    }
}

fn row(engine: &MemoryEngine, table: Table, position: usize) -> (Vec<u8>, Vec<u8>) {
    let mut rows = Vec::new();
    engine
        .scan(table, None, &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            true
        })
        .expect("read");
    rows.swap_remove(position)
}

fn put(engine: &MemoryEngine, table: Table, key: &[u8], value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(table, key, value);
    engine.apply(&batch).expect("committed");
}

#[test]
fn an_edited_or_moved_record_is_noticed_and_left_as_it_is() {
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let key = MasterKey::from_octets(&[1; 32]);
    let open = || SubscriberStore::with_engine(Arc::new(engine.clone()), Path::new("memory"), &key, hands.options());
    let store = open().expect("a store");
    let all: Vec<_> = (0..2).map(|n| subscriber(n, SqnScheme::NonTimeBased)).collect();
    store.put_many(&all).expect("put");
    sqn(&store, 0);
    drop(store);
    // The rows of one subscriber stand beside each other: what it is, then its numbers.
    let (name, good) = row(&engine, SUBSCRIBER, 1);
    let (_, other) = row(&engine, SUBSCRIBER, 3);
    let mut edited = good.clone();
    edited[4] ^= 1;
    for bad in [edited, other] {
        put(&engine, SUBSCRIBER, &name, &bad);
        let store = open().expect("a store");
        let error = store.next_sqn(&supi(0), NODE).expect_err("noticed");
        assert!(
            matches!(&error, StoreError::Changed { supi } if supi.contains("00101")),
            "{error}"
        );
        assert!(store.subscriber(&supi(0)).is_err());
        assert!(store.put_many([&subscriber(0, SqnScheme::NonTimeBased)]).is_err());
        assert!(store.remove(&supi(0)).is_err());
        sqn(&store, 1);
        drop(store);
        assert_eq!(row(&engine, SUBSCRIBER, 1).1, bad, "left as it is");
    }
    put(&engine, SUBSCRIBER, &name, &good);
    sqn(&open().expect("a store"), 0);
    // The clock's mark.
    let mut mark = None;
    engine
        .get(Table::META, b"mark", &mut |value| mark = Some(value.to_vec()))
        .expect("read");
    let mark = mark.expect("one");
    let mut back = mark.clone();
    back[6] ^= 1;
    for bad in [back, mark[..8].to_vec()] {
        put(&engine, Table::META, b"mark", &bad);
        assert!(matches!(open(), Err(StoreError::ChangedMeta(_))));
    }
    put(&engine, Table::META, b"mark", &mark);
    // Either of them is gone.
    for name in [&b"mark"[..], b"tick"] {
        let mut good = None;
        engine
            .get(Table::META, name, &mut |value| good = Some(value.to_vec()))
            .expect("read");
        let mut batch = Batch::default();
        batch.remove(Table::META, name);
        engine.apply(&batch).expect("committed");
        assert!(matches!(open(), Err(StoreError::ChangedMeta(_))));
        let skipped = skip_ahead_on(
            &engine,
            Path::new("memory"),
            &key,
            &hands.options(),
            &|_| None,
            &mut |_, _| (),
        );
        assert!(matches!(skipped, Err(StoreError::ChangedMeta(_))));
        put(&engine, Table::META, name, &good.expect("one"));
    }
    drop(open().expect("whole again"));
    // Where a skip was interrupted: nothing that only looks so.
    for bad in [&[3_u8][..], &[0], &[0; 17], &[]] {
        put(&engine, Table::META, b"skip ahead", bad);
        let skipped = skip_ahead_on(
            &engine,
            Path::new("memory"),
            &key,
            &hands.options(),
            &|_| None,
            &mut |_, _| (),
        );
        assert!(matches!(skipped, Err(StoreError::ChangedMeta(_))), "{bad:?}");
        assert!(matches!(open(), Err(StoreError::SkipUnfinished)));
    }
    let mut batch = Batch::default();
    batch.remove(Table::META, b"skip ahead");
    engine.apply(&batch).expect("committed");
    // What is damaged does not count as gone ahead.
    let mut damaged = good.clone();
    damaged[4] ^= 1;
    put(&engine, SUBSCRIBER, &name, &damaged);
    let skipped = skip_ahead_on(
        &engine,
        Path::new("memory"),
        &key,
        &hands.options(),
        &|_| None,
        &mut |_, _| (),
    )
    .expect("done");
    assert_eq!((skipped.subscribers, skipped.lives, skipped.damaged), (1, 0, 1));
    // A store that has issued nothing yet has its mark as well.
    let fresh = MemoryEngine::default();
    let open_fresh =
        || SubscriberStore::with_engine(Arc::new(fresh.clone()), Path::new("memory"), &key, hands.options());
    drop(open_fresh().expect("a store"));
    let mut batch = Batch::default();
    batch.remove(Table::META, b"mark");
    fresh.apply(&batch).expect("committed");
    assert!(matches!(open_fresh(), Err(StoreError::ChangedMeta(_))));
    // The format of the first version, which had no codes.
    put(&engine, Table::META, b"format", &1_u64.to_be_bytes());
    assert!(matches!(open(), Err(StoreError::ChangedMeta("format"))));
}

/// Rows of a table that is not of the first formats are rows, too.
#[test]
fn no_data_key_is_made_over_rows_of_any_table() {
    use kaskade_store::engine::{Batch, Blocking, Engine, Group, Table};
    use kaskade_store::{StoreError, SubscriberStore, embedded::EmbeddedEngine};
    use kaskade_testkit::memory::MemoryEngine;

    let engine = MemoryEngine::default();
    let (_folder, key) = crate::common::folder();
    let open = || {
        let engine = std::sync::Arc::new(engine.clone());
        SubscriberStore::with_engine(
            engine,
            std::path::Path::new("memory"),
            &key,
            kaskade_store::StoreOptions::default(),
        )
    };
    let store = open().expect("a store");
    store
        .add(&crate::common::subscriber(1, kaskade_store::SqnScheme::NonTimeBased))
        .expect("added");
    drop(store);
    let mut unit = Batch::default();
    let mut all = |key: &[u8], _: &[u8]| {
        unit.remove(Table::META, key);
        true
    };
    engine.scan(Table::META, None, &mut all).expect("read");
    engine.apply(&unit).expect("removed");
    assert!(matches!(open(), Err(StoreError::NoDataKey(_))));
    // A file whose tables nobody declares in this life.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store");
    let table = Table::new(900, "of a test");
    {
        let engine = EmbeddedEngine::open(&path, 1 << 20).expect("the engine");
        engine.declare(&[table]).expect("declared");
        assert!(engine.is_empty().expect("read"));
        let mut unit = Batch::default();
        unit.put(table, b"key", b"row");
        let group = Group {
            units: vec![unit],
            ..Group::default()
        };
        pollster::block_on(engine.commit(group)).expect("a commit");
    }
    assert!(!kaskade_store::is_blank(&path).expect("read"));
}
