//! Rows of the subscriber store.

use kaskade_aka::sqn::{ClockView, Glc, Next, SqnIssuer, SqnPolicy};
use kaskade_keys::Supi;
use kaskade_store::engine::{Batch, Blocking};
use kaskade_store::row::{Row, decode_sqn, encode_sqn};
use kaskade_store::rows::SUBSCRIBER;
use kaskade_store::{MasterKey, SqnRecord, SqnScheme, StoreOptions, SubscriberStore};
use kaskade_testkit::memory::MemoryEngine;
use kaskade_testkit::subscribers::{credentials, subscriber};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// A subscriber's row, and a record of sequence numbers, as octets: both decoders get the input.
pub fn store_rows(data: &[u8]) -> bool {
    let row = Row::decode(data);
    if let Ok(row) = &row {
        let parts = [row.clear, row.nonce, row.sealed, row.tag].concat();
        assert!(data.ends_with(&parts), "the parts of a row are what the row holds");
        let _ = row.subscription();
    }
    let record = decode_sqn(data);
    if let Ok(record) = &record {
        assert_eq!(decode_sqn(&encode_sqn(record)).as_ref(), Ok(record));
        issues_upwards(record);
    }
    row.is_ok() || record.is_ok()
}

/// Whatever state a row holds, the numbers that follow from it differ, and none is out of range.
fn issues_upwards(record: &SqnRecord) {
    let mut issuer = SqnIssuer::load(record.clone());
    let policy = SqnPolicy::default();
    let clock = ClockView::of_one(Glc(1_000_000), Glc(1_000_060));
    let mut issued = Vec::new();
    for _ in 0..4 {
        if let Ok(Next::Issued { seq, .. }) = issuer.next(clock, &policy) {
            assert!(seq <= record.layout().max_seq());
            assert!(!issued.contains(&seq), "{seq:?} twice");
            issued.push(seq);
        } else if let Ok(reservation) = issuer.reservation(clock, &policy) {
            issuer.reserved(reservation);
        }
    }
}

struct Sealed {
    engine: MemoryEngine,
    store: SubscriberStore,
    supi: Supi,
    key: Vec<u8>,
    row: Vec<u8>,
}

/// A store with one subscriber, whose row the input changes.
static SEALED: LazyLock<Mutex<Sealed>> = LazyLock::new(|| {
    let engine = MemoryEngine::default();
    let master_key = MasterKey::from_octets(&[0x4d; 32]);
    let name = Path::new("fuzz");
    let store = SubscriberStore::with_engine(Arc::new(engine.clone()), name, &master_key, StoreOptions::default());
    let store = store.expect("an empty engine makes a new store");
    let subscriber = subscriber(1, SqnScheme::TimeBased);
    store.add(&subscriber).expect("the store is empty");
    let supi = subscriber.supi;
    let (mut key, mut row) = (Vec::new(), Vec::new());
    let found = engine.scan(SUBSCRIBER, None, &mut |found_key, found_row| {
        (key, row) = (found_key.to_vec(), found_row.to_vec());
        // Its sequence numbers come next.
        false
    });
    found.expect("memory can be read");
    Mutex::new(Sealed {
        engine,
        store,
        supi,
        key,
        row,
    })
});

/// A sealed row that was tampered with. The input is laid over it by exclusive or, and what is longer is appended; its first
/// octet says from where on. The row opens only if nothing has changed.
pub fn sealed_record(data: &[u8]) -> bool {
    let Some((start, changes)) = data.split_first() else {
        return false;
    };
    let sealed = SEALED.lock().unwrap_or_else(PoisonError::into_inner);
    let start = usize::from(*start) % sealed.row.len();
    let mut row = sealed.row.clone();
    row.iter_mut()
        .skip(start)
        .zip(changes)
        .for_each(|(octet, change)| *octet ^= change);
    row.extend(changes.iter().skip(sealed.row.len() - start));
    let mut batch = Batch::default();
    batch.put(SUBSCRIBER, &sealed.key, &row);
    sealed.engine.apply(&batch).expect("memory can be written");
    let opened = matches!(credentials(&sealed.store, &sealed.supi), Ok(Some(_)));
    assert_eq!(opened, row == sealed.row, "an untouched row opens, and no other");
    opened
}
