//! Stores that earlier programs made, as files: two of each kind of record, one removed, one that has another card now.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use kaskade_aka::sqn::SqnLayout;
use kaskade_crypto::{K, Opc};
use kaskade_keys::Supi;
use kaskade_store::{
    Algorithm, Conversion, MasterKey, NodeIndex, OpOrOpc, StoreError, StoreOptions, Subscriber, SubscriberSecrets,
    SubscriberStore, kept_audit_head,
};

/// A copy of a store, as private as it must be.
fn copy(of: &str) -> (tempfile::TempDir, MasterKey) {
    let folder = tempfile::tempdir().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores").join(of);
    for name in ["master.key", "subscribers.redb"] {
        let to = folder.path().join(name);
        fs::copy(from.join(name), &to).expect("copied");
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("private");
    }
    let key = MasterKey::open(&folder.path().join("master.key")).expect("the key");
    (folder, key)
}

fn open(folder: &Path, key: &MasterKey) -> Result<SubscriberStore, StoreError> {
    let mut options = StoreOptions::default();
    options.create = false;
    SubscriberStore::open(&folder.join("subscribers.redb"), key, options)
}

fn supi(text: &str) -> Supi {
    text.parse().expect("a SUPI")
}

fn next(store: &SubscriberStore, text: &str) -> u64 {
    let sqn = store.next_sqn(&supi(text), "node").expect("an SQN");
    SqnLayout::ANNEX_C3.split(sqn).0.0
}

/// The card that `imsi-001010000000006` had, and `…7` after another one.
fn back(text: &str, k: &str, opc: &str, sqn_of: &Subscriber) -> Subscriber {
    let octets = |text: &str| hex::decode(text).expect("hex").try_into().expect("16 octets");
    Subscriber {
        supi: supi(text),
        secrets: SubscriberSecrets::milenage(K::from_octets(&octets(k)), OpOrOpc::Opc(Opc::from_octets(&octets(opc)))),
        amf: sqn_of.amf,
        methods: sqn_of.methods,
        subscription: sqn_of.subscription.clone(),
        sqn: kaskade_store::SqnRecord::blank(kaskade_store::SqnScheme::NonTimeBased),
    }
}

#[test]
fn what_earlier_programs_left_goes_on() {
    for of in ["first", "second"] {
        let (folder, key) = copy(of);
        let store = open(folder.path(), &key).expect("converted");
        assert_eq!(store.len().expect("read"), 7, "{of}");
        let listed = store.list(None, 100).expect("listed");
        let found: Vec<Supi> = listed.into_iter().map(|subscriber| subscriber.supi).collect();
        let imsis = [1, 2, 3, 4, 5, 7].map(|n| supi(&format!("imsi-00101000000000{n}")));
        assert_eq!(found, [&imsis[..], &[supi("nai-probe@example.org")]].concat());
        let tuak = store
            .subscriber(&supi("imsi-001010000000003"))
            .expect("read")
            .expect("there");
        assert!(matches!(tuak.secrets.layout().algorithm, Algorithm::Umts(_)));
        assert_eq!(tuak.secrets.layout().number(), 3);
        let with_op = store
            .subscriber(&supi("imsi-001010000000002"))
            .expect("read")
            .expect("there");
        assert!(with_op.secrets.layout().has_operator);
        assert_eq!(with_op.amf.octets(), &[0xb9, 0xb9]);
        // They began above these, by the file that was imported.
        assert_eq!(next(&store, "imsi-001010000000002"), 0x2000 / 32 + 1);
        assert_eq!(next(&store, "imsi-001010000000004"), 0x6000 / 32 + 1);
        assert_eq!(next(&store, "nai-probe@example.org"), 0x8000 / 32 + 1);
        assert!(next(&store, "imsi-001010000000001") > 1000, "by the clock");
        assert!(next(&store, "imsi-001010000000003") > 0x4000 / 32);
        assert_eq!(
            next(&store, "imsi-001010000000007") < 0xc000 / 32,
            of == "second",
            "{of}: another card"
        );
        // The card that was removed, and the one that was replaced, go on above what they had.
        let first = ("465b5ce8b199b49faa5f0a2ee238a6bc", "e8ed289deba952e4283b54e88e6183ca");
        store
            .add(&back("imsi-001010000000006", first.0, first.1, &with_op))
            .expect("added");
        assert!(next(&store, "imsi-001010000000006") > 0xa000 / 32);
        store
            .put_many([&back("imsi-001010000000007", first.0, first.1, &with_op)])
            .expect("replaced");
        assert!(next(&store, "imsi-001010000000007") > 0xc000 / 32);
        drop(store);
        // Converted once, and kept.
        let store = open(folder.path(), &key).expect("open");
        assert_eq!(store.len().expect("read"), 8);
        assert!(next(&store, "imsi-001010000000002") > 0x2000 / 32 + 1);
    }
}

/// Whoever opens it is told, once for each start that converts, and looking for the head of an audit log does not.
#[test]
fn a_conversion_is_told() {
    for (of, from) in [("first", 1), ("second", 2)] {
        let (folder, key) = copy(of);
        let path = folder.path().join("subscribers.redb");
        assert!(kept_audit_head(&path, &key, NodeIndex::ONLY).expect("read").is_none());
        for expected in [true, false] {
            let told = Arc::new(Mutex::new(Vec::new()));
            let to = Arc::clone(&told);
            let mut options = StoreOptions::default();
            options.create = false;
            options.converting = Arc::new(move |conversion| to.lock().expect("whole").push(conversion));
            let hands = crate::common::Hands::new();
            hands.set_wall(2_000_000_000);
            let clock = hands.clone();
            options.clock = Arc::new(move || clock.clocks());
            let store = SubscriberStore::open(&path, &key, options).expect("opens");
            // On record in the commit that ends it, though no log is open.
            let log = Arc::new(crate::record_loss::Log::default());
            store
                .records()
                .hand_events_to(Arc::clone(&log) as Arc<dyn kaskade_store::records::EventLog>);
            let events: Vec<u64> = log.0.lock().expect("whole").iter().map(|(.., at)| *at).collect();
            assert_eq!(
                events,
                [2_000_000_000_000],
                "{of}: `store-converted`, once, by the store's clock"
            );
            drop(store);
            let told = told.lock().expect("whole");
            assert_eq!(!told.is_empty(), expected, "{of}: {told:?}");
            let Some((last, before)) = told.split_last() else {
                continue;
            };
            let all = Conversion {
                from,
                to: 3,
                done: 7,
                total: 7,
                is_complete: true,
            };
            assert_eq!(*last, all);
            assert!(before.iter().all(|conversion| !conversion.is_complete) && before[0].done == 0);
        }
    }
}
