//! The audit log against where it is known from elsewhere to have been.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::audit::{contents, copy_log, open, options, reader, release, release_soon, segment};
use crate::common::{Hands, folder, subscriber, supi};
use kaskade_flow::UnixMillis;
use kaskade_store::audit::{Anchor, AuditError, AuditLog, What, Wrong};
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::{Batch, Blocking, Serial, Table};
use kaskade_store::{
    MasterKey, NodeIndex, SqnScheme, StoreError, StoreOptions, SubscriberStore, keep_audit_head, kept_audit_head,
};
use kaskade_testkit::memory::MemoryEngine;

fn open_known(folder: &Path, key: &MasterKey, known: Anchor) -> Result<AuditLog, AuditError> {
    let mut options = options(folder);
    options.known = Some(known);
    AuditLog::open(options, key)
}

fn refused(folder: &Path, key: &MasterKey, known: Anchor) -> What {
    let before = contents(folder);
    let what = match open_known(folder, key, known) {
        Err(AuditError::Wrong(Wrong { what, .. })) => what,
        other => panic!("{other:?}"),
    };
    assert!(before == contents(folder), "{what}: overwritten");
    what
}

/// Where one segment ends and the next begins: the heads that are published before and after a rotation, as they are on the disk.
fn boundary(folder: &Path) -> [Anchor; 2] {
    let octets = fs::read(segment(folder, 2)).expect("a second segment");
    let entries = u64::from_be_bytes(octets[40..48].try_into().unwrap());
    let head = |segment, hash: &[u8]| Anchor {
        log: octets[16..32].try_into().unwrap(),
        segment,
        entries,
        hash: hash.try_into().unwrap(),
    };
    [head(1, &octets[48..80]), head(2, &octets[128..160])]
}

#[test]
fn heads_before_and_after_a_rotation_accuse_nobody() {
    let (folder, key) = folder();
    let log = open(folder.path(), &key);
    for number in 0..15_000 {
        release_soon(&log, number);
    }
    log.flush().expect("on the disk");
    let now = log.head().expect("a head");
    assert_eq!(now.segment, 2);
    let [before, after] = boundary(folder.path());
    assert!(before.entries > 10_000 && before.hash != after.hash);
    let verify = |known: Anchor| reader(folder.path(), Some(&key)).verify(Some(&known), &mut |_, _| ());
    for known in [before, after, now] {
        verify(known).expect("as it was written");
    }
    drop(log);
    for known in [before, after, now] {
        drop(open_known(folder.path(), &key, known).expect("it goes on"));
        let wrong = verify(Anchor { hash: [7; 32], ..known }).expect_err("another chain");
        assert_eq!(wrong.what, What::Anchor(known.entries));
        assert_eq!(
            refused(folder.path(), &key, Anchor { hash: [7; 32], ..known }),
            What::Anchor(known.entries)
        );
    }
    // Nothing was known of the second segment but its head.
    fs::remove_file(segment(folder.path(), 2)).expect("removed");
    verify(before).expect("it ended there once");
    assert_eq!(verify(after).expect_err("cut").what, What::NoNext(2));
    assert_eq!(refused(folder.path(), &key, after), What::NoNext(2));
    assert!(matches!(refused(folder.path(), &key, now), What::Cut { expected, .. } if expected == now.entries));
}

#[test]
fn a_log_that_was_put_back_begun_anew_or_exchanged_is_not_opened() {
    let (home, key) = folder();
    let log = open(home.path(), &key);
    release(&log, 1).expect("room");
    log.flush().expect("on the disk");
    let (older, _) = folder();
    copy_log(home.path(), older.path());
    release(&log, 2).expect("room");
    log.flush().expect("on the disk");
    let known = log.head().expect("a head");
    drop(log);
    drop(open_known(home.path(), &key, known).expect("the log itself"));

    assert!(matches!(refused(older.path(), &key, known), What::Cut { .. }));
    // However far it goes on then, it goes on elsewhere.
    let log = open(older.path(), &key);
    for number in 0..20 {
        release(&log, number).expect("room");
        log.flush().expect("on the disk");
    }
    drop(log);
    assert_eq!(refused(older.path(), &key, known), What::Anchor(known.entries));

    let (other, _) = folder();
    drop(open(other.path(), &key));
    assert!(matches!(refused(other.path(), &key, known), What::OtherLog { .. }));
    let (nothing, _) = folder();
    let missing = open_known(nothing.path(), &key, known);
    assert!(
        matches!(&missing, Err(AuditError::Wrong(wrong)) if wrong.what == What::Missing),
        "{missing:?}"
    );
    open(nothing.path(), &key);
}

#[test]
fn each_of_two_nodes_keeps_the_head_of_its_own_log() {
    const NODE: &str = "5G:mnc001.mcc001.3gppnetwork.org";
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let (homes, key) = ([folder().0, folder().0], MasterKey::from_octets(&[5; 32]));
    let opened = |index, of| {
        let mut options = hands.options();
        options.node = NodeIndex::new(index, of).expect("a node");
        SubscriberStore::with_engine(Arc::new(engine.clone()), Path::new("memory"), &key, options).expect("a store")
    };
    let stores = [opened(0, 2), opened(1, 2)];
    let logs = [0, 1].map(|node: usize| open(homes[node].path(), &key));
    stores[0].add(&subscriber(1, SqnScheme::NonTimeBased)).expect("added");
    // Both write their marks, and the head with it: twice, and the second has come further meanwhile.
    for round in 0..2 {
        for node in [0, 1] {
            stores[node].keep_head_of(&logs[node]);
            for number in 0..=(node * 3 + round) as u64 {
                release(&logs[node], number).expect("room");
            }
            logs[node].flush().expect("on the disk");
        }
        hands.pass(61);
        for store in &stores {
            store.next_sqn(&supi(1), NODE).expect("a number");
            store.settle().expect("settled");
            store.settle().expect("settled");
        }
        let kept = [0, 1].map(|node: usize| stores[node].audit_head().expect("read").expect("kept"));
        for node in [0, 1] {
            assert_eq!(Some(kept[node]), logs[node].head(), "node {node}, round {round}");
        }
        assert_ne!(kept[0].log, kept[1].log);
        assert_ne!(kept[0].entries, kept[1].entries);
    }
    let kept = [0, 1].map(|node: usize| stores[node].audit_head().expect("read").expect("kept"));
    drop(stores);
    drop(logs);
    // A node that never kept one has none, and a log goes on from its own head alone.
    assert_eq!(opened(2, 3).audit_head().expect("read"), None);
    for (node, home) in homes.iter().enumerate() {
        assert!(matches!(
            refused(home.path(), &key, kept[1 - node]),
            What::OtherLog { .. }
        ));
        drop(open_known(home.path(), &key, kept[node]).expect("its own"));
    }
    // Whoever puts the head of one node in the place of the other's is found.
    let mut rows = Vec::new();
    let collect = &mut |row: &[u8], octets: &[u8]| {
        if row.starts_with(b"audit head") {
            rows.push((row.to_vec(), octets.to_vec()));
        }
        true
    };
    engine.scan(Table::META, None, collect).expect("read");
    let [(first, one), (second, other)] = rows.try_into().expect("one for each node");
    let mut batch = Batch::default();
    batch.put(Table::META, &first, &other);
    batch.put(Table::META, &second, &one);
    engine.apply(&batch).expect("exchanged");
    for node in [0, 1] {
        let read = opened(node, 2).audit_head();
        assert!(matches!(read, Err(StoreError::ChangedMeta(_))), "node {node}: {read:?}");
    }
}

#[test]
fn the_store_keeps_the_head_of_its_log_in_what_it_commits() {
    let (folder, key) = folder();
    let path = folder.path().join("subscribers.redb");
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a store");
    let log = open(&folder.path().join("audit"), &key);
    release(&log, 1).expect("room");
    log.flush().expect("on the disk");
    store.keep_head_of(&log);
    let known = log.head();
    // No number was issued: the clock has no mark yet.
    let add = |number| store.add(&subscriber(number, SqnScheme::NonTimeBased)).expect("added");
    add(1);
    assert_eq!(store.audit_head().expect("read"), known);
    release(&log, 2).expect("room");
    log.flush().expect("on the disk");
    let (later, mut number) = (log.head(), 2);
    while store.audit_head().expect("read") != later {
        add(number);
        number += 1;
        assert!(number < 100_000, "never");
    }
}

#[test]
fn what_a_store_keeps_of_its_log() {
    let (folder, key) = folder();
    let path = folder.path().join("subscribers.redb");
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a store");
    assert_eq!(store.unrecorded_since().expect("read"), None);
    store.goes_unrecorded(UnixMillis::new(5)).expect("written");
    store.goes_unrecorded(UnixMillis::new(9)).expect("written");
    assert_eq!(
        store.unrecorded_since().expect("read"),
        Some(UnixMillis::new(5)),
        "the first"
    );
    store.is_recorded_again().expect("written");
    assert_eq!(store.unrecorded_since().expect("read"), None);
    let log = open(&folder.path().join("audit"), &key);
    store.keep_head_of(&log);
    release(&log, 1).expect("room");
    let opened = log.head().expect("a head");
    log.close();
    release(&log, 2).expect_err("it is closed");
    store.keep_audit_head().expect("written");
    let kept = store.audit_head().expect("read").expect("a head");
    assert!(kept.entries > opened.entries);
    drop((store, log));
    let summary = reader(&folder.path().join("audit"), Some(&key))
        .verify(Some(&kept), &mut |_, _| ())
        .expect("as it was written");
    assert!(summary.closed && summary.anchor == kept, "to the last entry");
}

/// Whoever writes the file removes what the store knows of its log: as it is gone, so is the store's word for it.
#[test]
fn a_store_that_kept_a_head_and_has_none_is_not_as_it_was_written() {
    let (folder, key) = folder();
    let path = folder.path().join("subscribers.redb");
    let open_store = || SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a store");
    let rows: [&[u8]; 2] = [b"audit head", b"unrecorded"];
    let remove = |row: &[u8]| {
        let engine = EmbeddedEngine::open_existing(&path, 1 << 20).expect("an engine");
        let mut batch = Batch::default();
        batch.remove(Table::META, row);
        engine.apply(&batch).expect("removed");
    };
    let all_say_so = |what: &str| {
        let store = open_store();
        let log = store
            .audit_head()
            .map(drop)
            .and_then(|()| store.unrecorded_since().map(drop));
        assert!(matches!(log, Err(StoreError::ChangedMeta(_))), "{what}: {log:?}");
        drop(store);
        let kept = kept_audit_head(&path, &key, NodeIndex::ONLY);
        assert!(matches!(kept, Err(StoreError::ChangedMeta(_))), "{what}: {kept:?}");
    };
    // From the first moment of a store on.
    drop(open_store());
    assert_eq!(kept_audit_head(&path, &key, NodeIndex::ONLY).expect("read"), None);
    let anchor = Anchor {
        log: [7; 16],
        segment: 1,
        entries: 9,
        hash: [8; 32],
    };
    for row in rows {
        remove(row);
        all_say_so("a store that kept none yet");
        // Whoever accepts that goes on, and the next log says what nobody knows.
        keep_audit_head(&path, &key, NodeIndex::ONLY, &anchor).expect("accepted");
        let store = open_store();
        assert_eq!(store.audit_head().expect("read"), Some(anchor));
        let since = store.unrecorded_since().expect("read");
        assert_eq!(since.is_some(), row == b"unrecorded", "{row:?}");
        store.is_recorded_again().expect("written");
        assert_eq!(store.unrecorded_since().expect("read"), None);
        drop(store);
        remove(row);
        all_say_so("a store that kept one");
        keep_audit_head(&path, &key, NodeIndex::ONLY, &anchor).expect("accepted");
    }
}

#[test]
fn a_store_is_not_brought_to_the_end_of_its_commits() {
    let (engine, hands) = (MemoryEngine::default(), Hands::new());
    let key = MasterKey::from_octets(&[5; 32]);
    let open_store =
        || SubscriberStore::with_engine(Arc::new(engine.clone()), Path::new("memory"), &key, hands.options());
    drop(open_store().expect("a store"));
    engine
        .apply_as(0, Serial(u64::MAX - 1), &Batch::default())
        .expect("raised");
    let opened = open_store();
    assert!(matches!(opened, Err(StoreError::ChangedMeta(_))), "{opened:?}");
}
