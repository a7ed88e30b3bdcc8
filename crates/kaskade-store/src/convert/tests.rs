//! Stores as the first version left them.

use std::path::Path;
use std::sync::Arc;

use kaskade_aka::sqn::{Glc, Seq, SqnLayout, SqnPolicy, SqnRecord, SqnScheme};
use kaskade_crypto::{Amf, K, Opc, Sqn};
use kaskade_keys::Supi;

use super::*;
use crate::memory::{Failure, MemoryEngine};
use crate::model::{AuthMethods, Subscriber};
use crate::secrets::{OpOrOpc, SubscriberSecrets};
use crate::store::{StoreOptions, SubscriberStore};

const COUNT: u64 = 5000;

fn supi(n: u64) -> Supi {
    format!("imsi-00101{n:010}").parse().expect("an IMSI")
}

fn card(n: u64, k: u8) -> Subscriber {
    Subscriber {
        supi: supi(n),
        secrets: SubscriberSecrets::milenage(K::from_octets(&[k; 16]), OpOrOpc::Opc(Opc::from_octets(&[k; 16]))),
        amf: Amf::SEPARATION,
        methods: AuthMethods::FIVE_G_AKA,
        sqn: SqnRecord::blank(SqnScheme::NonTimeBased),
    }
}

fn key() -> MasterKey {
    MasterKey::from_octets(&[1; 32])
}

fn open(engine: &MemoryEngine) -> Result<SubscriberStore, StoreError> {
    SubscriberStore::with_engine(
        Arc::new(engine.clone()),
        Path::new("memory"),
        &key(),
        StoreOptions::default(),
    )
}

/// A store as the first version left it: `COUNT` subscribers that have come to 5000, and one that was removed there.
fn first_version() -> MemoryEngine {
    let engine = MemoryEngine::default();
    let store = open(&engine).expect("a store");
    store
        .put_many(&(0..COUNT).map(|n| card(n, 1)).collect::<Vec<_>>())
        .expect("put");
    drop(store);
    let highest = SqnRecord::after(SqnScheme::NonTimeBased, SqnLayout::ANNEX_C3, Seq(5000));
    let highest = highest.succeeding(
        &SqnRecord::blank(SqnScheme::NonTimeBased),
        Seq(0),
        &SqnPolicy::default(),
        Glc(1),
    );
    let sqn = row::encode_first_version(&highest);
    walk(&engine, Table::SUBSCRIBERS, None, CHUNK, &mut |rows| {
        let mut batch = Batch::default();
        for (name, octets) in rows {
            let (_, rest) = row::split(octets).expect("a row");
            let len = u8::try_from(sqn.len()).expect("short");
            batch.put(Table::SUBSCRIBERS, name, &[&[len], &sqn[..], rest].concat());
        }
        engine.apply(&batch).map_err(|error| StoreError::Write(Arc::new(error)))
    })
    .expect("walked");
    let mut batch = Batch::default();
    batch.put(Table::REMOVED, SubscriberKey::from(&supi(COUNT)).octets(), &sqn);
    batch.put(Table::META, meta::FORMAT, &meta::FIRST_FORMAT.to_be_bytes());
    for name in [meta::MARK, meta::TICK_MS] {
        if let Some(value) = meta::octets(&engine, name).expect("read") {
            // It had no mark before the first number.
            match value[..8] {
                [0, 0, 0, 0, 0, 0, 0, 0] => batch.remove(Table::META, name),
                ref number => batch.put(Table::META, name, number),
            }
        }
    }
    let sealed = meta::octets(&engine, meta::DATA_KEY).expect("read").expect("there");
    let sealed = Sealer::reseal(&key(), &sealed, StoreKind::First).expect("sealed");
    batch.put(Table::META, meta::DATA_KEY, &sealed);
    engine.apply(&batch).expect("committed");
    engine
}

fn next(store: &SubscriberStore, n: u64) -> u64 {
    let sqn = store.next_sqn(&supi(n), "amf").expect("an SQN");
    SqnLayout::ANNEX_C3.split(sqn).0.0
}

#[test]
fn a_store_of_the_first_version_goes_on_where_it_was() {
    let engine = first_version();
    let store = open(&engine).expect("converted");
    for n in (0..COUNT).step_by(7) {
        assert_eq!(next(&store, n), 5001);
    }
    assert_eq!(store.len().expect("read"), COUNT);
    drop(store);
    assert_eq!(
        meta::number(&engine, meta::FORMAT).expect("read"),
        Some(meta::KNOWN_FORMAT)
    );
    // Converted once: from now on nothing without a code is taken.
    let (name, octets) = {
        let mut rows = Vec::new();
        walk(&engine, Table::SUBSCRIBERS, None, 1, &mut |found| {
            rows.extend_from_slice(found);
            Ok(())
        })
        .expect("read");
        rows.swap_remove(3)
    };
    let (_, rest) = row::split(&octets).expect("a row");
    let sqn = row::encode_first_version(&SqnRecord::blank(SqnScheme::NonTimeBased));
    let old = [&[u8::try_from(sqn.len()).expect("short")], &sqn[..], rest].concat();
    let mut batch = Batch::default();
    batch.put(Table::SUBSCRIBERS, &name, &old);
    engine.apply(&batch).expect("committed");
    let store = open(&engine).expect("a store");
    assert!(matches!(
        store.next_sqn(&supi(3), "amf"),
        Err(StoreError::Changed { .. })
    ));
    drop(store);
    let mut batch = Batch::default();
    batch.put(Table::META, meta::FORMAT, &meta::FIRST_FORMAT.to_be_bytes());
    engine.apply(&batch).expect("committed");
    assert!(matches!(open(&engine), Err(StoreError::ChangedMeta("format"))));
}

#[test]
fn an_interrupted_conversion_goes_on() {
    for commits in 0..5 {
        let engine = first_version();
        let sealed = meta::octets(&engine, meta::DATA_KEY).expect("read").expect("there");
        let (sealer, _) = Sealer::open(&key(), &sealed).expect("the key");
        let (mut left, mut failed) = (commits, false);
        for table in [Table::SUBSCRIBERS, Table::REMOVED] {
            let done = walk(&engine, table, None, 1500, &mut |rows| {
                left -= 1;
                if left < 0 {
                    return Err(StoreError::Closed);
                }
                let mut batch = Batch::default();
                for (name, octets) in rows {
                    let converted = match table {
                        Table::SUBSCRIBERS => subscriber(&sealer, name, octets),
                        _ => removed(&sealer, name, octets),
                    };
                    batch.put(table, name, &converted.expect("converted"));
                }
                batch.put(Table::META, meta::FORMAT, &meta::KNOWN_FORMAT.to_be_bytes());
                engine.apply(&batch).map_err(|error| StoreError::Write(Arc::new(error)))
            });
            failed |= done.is_err();
        }
        assert!(failed, "there is one commit more");
        let store = open(&engine).expect("goes on");
        for n in [0, 1499, 1500, 3000, COUNT - 1] {
            assert_eq!(next(&store, n), 5001, "after {commits} commits");
        }
    }
}

#[test]
fn a_full_disk_stops_it_without_harm() {
    let engine = first_version();
    engine.fail(Failure::Full);
    assert!(matches!(open(&engine), Err(StoreError::Write(_))));
    engine.fail(Failure::Never);
    assert_eq!(next(&open(&engine).expect("converted"), 7), 5001);
}

/// Nobody knows whose a record of the first version is: it binds every card of that SUPI that comes later, and a card that
/// is another one is served after one resynchronisation.
#[test]
fn a_record_of_the_first_version_may_be_any_cards() {
    let engine = first_version();
    let store = open(&engine).expect("converted");
    // Removed before: whichever is added may be that card.
    for k in [7, 8, 7] {
        store.add(&card(COUNT, k)).expect("added");
        assert!(next(&store, COUNT) > 5000, "card {k}");
        store.remove(&supi(COUNT)).expect("removed");
    }
    // Replaced since: the one before it may have been any of those that come later.
    for k in [2, 3, 1, 2] {
        store.put_many([&card(5, k)]).expect("replaced");
        assert!(next(&store, 5) > 5000, "card {k}");
    }
    // A new card of a SUPI that the first version did not know begins anew.
    store.add(&card(COUNT + 1, 9)).expect("added");
    assert_eq!(next(&store, COUNT + 1), 1);
    // One that stands elsewhere, far beyond Δ.
    let rand = store.challenge(&supi(5), [1; 8]);
    store
        .resynchronise(&supi(5), &rand, Sqn::new(1 << 40).expect("48 bits"))
        .expect("ahead");
    let rand = store.challenge(&supi(5), [1; 8]);
    store
        .resynchronise(&supi(5), &rand, Sqn::new(0).expect("48 bits"))
        .expect("back");
    assert!(next(&store, 5) < 10_000);
}
