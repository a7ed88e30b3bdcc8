//! Subscribers go in and come out as they were; what is wrong is refused and left as it is.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use crate::common::{credentials, folder, secret_octets, split, subscriber, supi};
use kaskade_aka::arpf::Method;
use kaskade_crypto::milenage::OperatorConstants;
use kaskade_crypto::{Amf, K, Op, Opc};
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::{Batch, Blocking, Table};
use kaskade_store::private::PrivateError;
use kaskade_store::rows::SUBSCRIBER;
use kaskade_store::{
    AuthMethods, EngineError, MasterKey, MasterKeyError, OpOrOpc, SqnScheme, StoreError, StoreOptions,
    SubscriberSecrets, SubscriberStore,
};
use kaskade_testkit::memory::MemoryEngine;

#[test]
fn comes_out_as_it_went_in() {
    let (folder, key) = folder();
    let path = folder.path().join("store");
    let mut own = subscriber(7, SqnScheme::General);
    let mut c = *OperatorConstants::STANDARD.c();
    c[3][0] = 0xaa;
    let constants = OperatorConstants::new(c, [8, 16, 24, 32, 40]).expect("distinct");
    own.secrets = SubscriberSecrets::Milenage {
        k: K::from_octets(&[0x5a; 16]),
        operator: OpOrOpc::Op(Op::from_octets(&[0x5b; 16])),
        constants,
    };
    own.amf = Amf::from_octets([0x80, 0x5a]);
    own.methods = AuthMethods::EAP_AKA_PRIME.and(Method::FiveGAka);
    own.supi = "nai-user@example.org".parse().expect("an NAI");
    let all = [
        subscriber(2, SqnScheme::TimeBased),
        subscriber(3, SqnScheme::NonTimeBased),
        own,
    ];
    {
        let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a new store");
        for subscriber in &all {
            store.add(subscriber).expect("added");
            assert!(matches!(store.add(subscriber), Err(StoreError::AlreadyExists)));
        }
    }
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("the same store");
    assert_eq!(store.len().expect("a number"), 3);
    for expected in &all {
        let found = store.subscriber(&expected.supi).expect("read").expect("there");
        assert_eq!(found.supi, expected.supi);
        assert_eq!(found.secrets, expected.secrets);
        assert_eq!((found.amf, found.methods), (expected.amf, expected.methods));
        assert_eq!(found.sqn.scheme(), expected.sqn.scheme());
        let credentials = credentials(&store, &expected.supi).expect("read").expect("there");
        let wanted = expected.credentials();
        assert_eq!(Some(credentials), wanted);
    }
    assert!(credentials(&store, &supi(99)).expect("read").is_none());
    assert!(matches!(
        store.next_sqn(&supi(99), "x"),
        Err(StoreError::UnknownSubscriber)
    ));
    let listed = store.list(None, 2).expect("listed");
    assert_eq!(
        listed.iter().map(|s| s.supi.clone()).collect::<Vec<_>>(),
        [supi(2), supi(3)]
    );
    let listed = store.list(Some(&supi(3)), 9).expect("listed");
    assert_eq!(listed.len(), 1);
    assert!(store.remove(&supi(2)).expect("removed"));
    assert!(!store.remove(&supi(2)).expect("nothing to remove"));
    assert!(credentials(&store, &supi(2)).expect("read").is_none());
    assert!(matches!(
        store.next_sqn_now(&supi(2), "x"),
        Err(StoreError::UnknownSubscriber)
    ));
    assert_eq!(store.len().expect("a number"), 2);
}

#[test]
fn replaces_many() {
    let (folder, key) = folder();
    let store =
        SubscriberStore::open(&folder.path().join("store"), &key, StoreOptions::default()).expect("a new store");
    let mut all: Vec<_> = (0..5000).map(|n| subscriber(n, SqnScheme::TimeBased)).collect();
    all.push(subscriber(17, SqnScheme::NonTimeBased));
    assert_eq!(store.put_many(&all).expect("put"), 5001);
    assert_eq!(store.len().expect("a number"), 5000);
    let last = store.subscriber(&supi(17)).expect("read").expect("there");
    assert_eq!(last.sqn.scheme(), SqnScheme::NonTimeBased);
    let mut changed = subscriber(17, SqnScheme::TimeBased);
    changed.secrets = SubscriberSecrets::milenage(K::from_octets(&[6; 16]), OpOrOpc::Opc(Opc::from_octets(&[7; 16])));
    let next = || split(store.next_sqn(&supi(17), "amf").expect("an SQN")).0;
    let before = next();
    // Another card begins anew, the same one does not.
    store.put_many([&changed]).expect("put");
    assert_eq!(next(), 1);
    store.put_many([&all[5000]]).expect("put");
    assert!(next() > before);
    store.put_many([&changed]).expect("put");
    assert!(next() > 1);
    let credentials = credentials(&store, &supi(17)).expect("read").expect("there");
    assert_eq!(Some(credentials), changed.credentials());
    assert!(store.held() < 200, "{} held", store.held());
}

#[test]
fn no_secret_is_in_the_file_or_in_debug() {
    let (folder, key) = folder();
    let path = folder.path().join("store");
    let subscriber = subscriber(3, SqnScheme::TimeBased);
    {
        let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a new store");
        store.add(&subscriber).expect("added");
    }
    let file = fs::read(&path).expect("the file");
    let secret = secret_octets(3);
    assert!(!file.windows(16).any(|window| window == secret));
    let text = format!("{subscriber:?}");
    assert!(!text.contains("0000000003") && text.contains("imsi-00101"), "{text}");
}

#[test]
fn another_master_key_is_refused() {
    let (folder, key) = folder();
    let path = folder.path().join("store");
    drop(SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a new store"));
    let other = MasterKey::create(&folder.path().join("other.key")).expect("another key");
    let error = SubscriberStore::open(&path, &other, StoreOptions::default()).expect_err("another key");
    assert!(matches!(&error, StoreError::WrongMasterKey { expected, given, .. }
        if *expected == key.identifier() && *given == other.identifier()));
    SubscriberStore::open(&path, &key, StoreOptions::default()).expect("the right key still opens it");
}

#[test]
fn a_second_opener_is_refused() {
    let (folder, key) = folder();
    let path = folder.path().join("store");
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a new store");
    let error = SubscriberStore::open(&path, &key, StoreOptions::default()).expect_err("open already");
    assert!(
        matches!(&error, StoreError::Read(cause) if matches!(**cause, EngineError::InUse(_))),
        "{error}"
    );
    assert!(error.to_string().contains("in use"), "{error}");
    drop(store);
    SubscriberStore::open(&path, &key, StoreOptions::default()).expect("closed meanwhile");
}

#[test]
fn a_damaged_file_is_reported_and_left_alone() {
    let (folder, key) = folder();
    let path = folder.path().join("store");
    for content in [
        &b"not a store at all, but longer than a header would be"[..],
        &[0; 4096],
        &[0xff; 100_000],
        &[],
    ] {
        fs::write(&path, content).expect("written");
        let error = SubscriberStore::open(&path, &key, StoreOptions::default()).expect_err("damaged");
        assert!(error.to_string().contains(path.to_str().expect("text")), "{error}");
        assert_eq!(fs::read(&path).expect("the file"), content);
    }
}

#[test]
fn a_truncated_store_is_reported_and_left_alone() {
    let (folder, key) = folder();
    let path = folder.path().join("store");
    {
        let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a new store");
        let all: Vec<_> = (0..2000).map(|n| subscriber(n, SqnScheme::TimeBased)).collect();
        store.put_many(&all).expect("put");
    }
    let whole = fs::read(&path).expect("the file");
    for keep in [whole.len() / 2, 8192, 5000, 64, 9] {
        let content = &whole[..keep];
        fs::write(&path, content).expect("written");
        let error = SubscriberStore::open(&path, &key, StoreOptions::default()).expect_err("truncated");
        assert!(
            error.to_string().contains(path.to_str().expect("text")),
            "{keep}: {error}"
        );
        assert_eq!(fs::read(&path).expect("the file"), content, "{keep}");
    }
}

#[test]
fn a_row_of_another_subscriber_does_not_open() {
    let (folder, key) = folder();
    let engine = MemoryEngine::default();
    let open = || {
        SubscriberStore::with_engine(Arc::new(engine.clone()), folder.path(), &key, StoreOptions::default())
            .expect("a store")
    };
    let store = open();
    for number in [1, 2] {
        store.add(&subscriber(number, SqnScheme::TimeBased)).expect("added");
    }
    let mut rows = Vec::new();
    engine
        .scan(SUBSCRIBER, None, &mut |key, row| {
            // The sequence numbers stand between.
            if key.last() == Some(&0) {
                rows.push((key.to_vec(), row.to_vec()));
            }
            true
        })
        .expect("scanned");
    let mut swapped = Batch::default();
    swapped.put(SUBSCRIBER, &rows[0].0, &rows[1].1);
    let mut other_amf = rows[1].1.clone();
    assert_eq!(other_amf[3..5], [0x80, 0]);
    other_amf[3] ^= 1;
    swapped.put(SUBSCRIBER, &rows[1].0, &other_amf);
    engine.apply(&swapped).expect("committed");
    assert!(matches!(credentials(&store, &supi(1)), Err(StoreError::Unsealing)));
    assert!(matches!(credentials(&store, &supi(2)), Err(StoreError::Unsealing)));
    let mut damaged = Batch::default();
    damaged.put(SUBSCRIBER, &rows[0].0, &rows[0].1[..20]);
    engine.apply(&damaged).expect("committed");
    assert!(matches!(credentials(&store, &supi(1)), Err(StoreError::Row(_))));
}

/// An empty store in place of one that was lost would issue its numbers again.
#[test]
fn what_is_not_there_is_made_only_when_asked_for() {
    let (folder, key) = folder();
    let path = folder.path().join("store");
    let mut existing = StoreOptions::default();
    existing.create = false;
    let missing =
        |error: StoreError| matches!(error, StoreError::Read(cause) if matches!(*cause, EngineError::Missing(_)));
    assert!(missing(
        SubscriberStore::open(&path, &key, existing.clone()).expect_err("none")
    ));
    let skipped = kaskade_store::skip_ahead(&path, &key, &StoreOptions::default(), &|_| None, &mut |_, _| {});
    assert!(missing(skipped.expect_err("none")), "whatever the options say");
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        1,
        "the master key"
    );
    // A store as its engine makes it, without a key of its own: what replaced one, or what a crash left of a new one.
    drop(EmbeddedEngine::open(&path, 1 << 20).expect("an engine"));
    let error = SubscriberStore::open(&path, &key, existing.clone()).expect_err("no key");
    assert!(matches!(error, StoreError::Blank(_)), "{error}");
    let skipped = kaskade_store::skip_ahead(&path, &key, &StoreOptions::default(), &|_| None, &mut |_, _| {});
    assert!(matches!(skipped, Err(StoreError::Blank(_))), "{skipped:?}");
    assert!(kaskade_store::is_blank(&path).expect("a store"));
    drop(SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a new one"));
    assert!(!kaskade_store::is_blank(&path).expect("a store"));
    drop(SubscriberStore::open(&path, &key, existing).expect("it is there"));
    // With rows, no key is made whatever the options say: it would hide them.
    for table in Table::PLAIN {
        let engine = Arc::new(MemoryEngine::default());
        let mut batch = Batch::default();
        batch.put(table, b"name", b"value");
        engine.apply(&batch).expect("a commit");
        let error = SubscriberStore::with_engine(engine, &path, &key, StoreOptions::default()).map(drop);
        assert!(matches!(error, Err(StoreError::NoDataKey(_))));
    }
}

#[test]
fn master_key_files() {
    let (folder, key) = folder();
    let path = folder.path().join("master.key");
    assert_eq!(MasterKey::open(&path).expect("intact").identifier(), key.identifier());
    assert_eq!(
        fs::metadata(&path).expect("a file").permissions().mode() & 0o7777,
        0o600
    );
    assert!(
        matches!(
            MasterKey::create(&path),
            Err(MasterKeyError::File(PrivateError::Io {
                kind: std::io::ErrorKind::AlreadyExists,
                ..
            }))
        ),
        "must not be overwritten"
    );
    assert!(matches!(
        MasterKey::open(folder.path()),
        Err(MasterKeyError::File(PrivateError::Kind { .. }))
    ));
    assert!(matches!(
        MasterKey::open(&folder.path().join("none")),
        Err(MasterKeyError::File(error)) if error.is_not_found()
    ));
    for mode in [0o640, 0o604, 0o660, 0o601] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        assert_eq!(
            MasterKey::open(&path).err(),
            Some(MasterKeyError::File(PrivateError::Mode {
                path: path.clone(),
                mode,
                expected: 0o600,
            }))
        );
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
    let whole = fs::read(&path).expect("the file");
    fs::write(&path, &whole[..47]).expect("written");
    assert!(matches!(
        MasterKey::open(&path),
        Err(MasterKeyError::Length {
            expected: 48,
            actual: 47,
            ..
        })
    ));
    for position in [0, 8, 39, 47] {
        let mut flipped = whole.clone();
        flipped[position] ^= 1;
        fs::write(&path, &flipped).expect("written");
        assert!(
            matches!(MasterKey::open(&path), Err(MasterKeyError::Damaged { .. })),
            "octet {position}"
        );
    }
}
