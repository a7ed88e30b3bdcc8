//! Stores as the first version left them.

use std::path::Path;
use std::sync::Arc;

use kaskade_aka::sqn::{Glc, Seq, SqnLayout, SqnPolicy, SqnRecord, SqnScheme};
use kaskade_crypto::store_keys::Purpose;
use kaskade_crypto::{Amf, K, Opc, Sqn};
use kaskade_keys::Supi;

use super::*;
use crate::master_key::MasterKey;
use crate::memory::{Failure, MemoryEngine};
use crate::model::{AuthMethods, Subscriber};
use crate::numbers_row::{encode_first_version, encode_sqn};
use crate::secrets::{OpOrOpc, SubscriberSecrets};
use crate::sqn_row::Owner;
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
        subscription: Subscription::default(),
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

/// A row as the first two formats had it: with a code, or as the first version without.
fn old_row(sealer: &Sealer, subscriber: &Subscriber, owner: Option<Owner>) -> Vec<u8> {
    let key = SubscriberKey::from(&subscriber.supi);
    let layout = subscriber.secrets.layout();
    let [amf0, amf1] = *subscriber.amf.octets();
    let version = if layout.number() <= 2 { 1 } else { 2 };
    let bits = subscriber
        .methods
        .numbers()
        .fold(0, |bits, number| bits | 1 << (number - 1));
    let mut rest = vec![version, layout.number(), bits, amf0, amf1, layout.flags()];
    layout.push_parameters(&mut rest);
    sealer.append_old(&mut rest, &key, &subscriber.secrets);
    let mut sqn = match owner {
        None => encode_first_version(&subscriber.sqn),
        Some(_) => encode_sqn(&subscriber.sqn),
    };
    if let Some(owner) = owner {
        sqn.extend_from_slice(&owner.life);
        sqn.push(u8::from(owner.inherited));
        let supi = key.octets();
        let len = u16::try_from(supi.len()).expect("short").to_be_bytes();
        let tag = rest.last_chunk::<16>().expect("a tag");
        let code = sealer
            .keys()
            .record_code(Purpose::Row, &[&len[..], supi, tag, &sqn].concat());
        sqn.extend_from_slice(&code);
    }
    [&[u8::try_from(sqn.len()).expect("short")], &sqn[..], &rest].concat()
}

/// How the store of before was.
#[derive(Clone, Copy, PartialEq)]
enum Was {
    First,
    Coded,
}

/// A store as an earlier program left it: `COUNT` subscribers that have come to 5000, and one that was removed there.
fn earlier(was: Was) -> MemoryEngine {
    let engine = MemoryEngine::default();
    drop(open(&engine).expect("a store"));
    let sealed = meta::octets(&engine, meta::DATA_KEY).expect("read").expect("there");
    let (sealer, _) = Sealer::open(&key(), &sealed).expect("the key");
    let highest = SqnRecord::after(SqnScheme::NonTimeBased, SqnLayout::ANNEX_C3, Seq(5000));
    let highest = highest.succeeding(
        &SqnRecord::blank(SqnScheme::NonTimeBased),
        Seq(0),
        &SqnPolicy::default(),
        Glc(1),
    );
    let mut batch = Batch::default();
    for n in 0..COUNT {
        let subscriber = Subscriber {
            sqn: highest.clone(),
            ..card(n, 1)
        };
        let key = SubscriberKey::from(&subscriber.supi);
        let life = sealer.life(&key, &subscriber.secrets);
        let inherited = true;
        let owner = (was == Was::Coded).then_some(Owner { life, inherited });
        batch.put(Table::SUBSCRIBERS, key.octets(), &old_row(&sealer, &subscriber, owner));
    }
    let removed = SubscriberKey::from(&supi(COUNT));
    let (kind, format, sqn) = match was {
        Was::First => (StoreKind::First, 1_u64, encode_first_version(&highest)),
        Was::Coded => {
            let sqn = sqn_row::encode_life(sealer.keys(), removed.octets(), &highest);
            (StoreKind::Coded, 2, sqn)
        }
    };
    batch.put(Table::REMOVED, removed.octets(), &sqn);
    batch.put(Table::META, meta::FORMAT, &format.to_be_bytes());
    if was == Was::First {
        for name in [meta::MARK, meta::TICK_MS] {
            if let Some(value) = meta::octets(&engine, name).expect("read") {
                // It had no mark before the first number.
                match value[..8] {
                    [0, 0, 0, 0, 0, 0, 0, 0] => batch.remove(Table::META, name),
                    ref number => batch.put(Table::META, name, number),
                }
            }
        }
    }
    let sealed = Sealer::reseal(&key(), &sealed, (StoreKind::Records, kind)).expect("sealed");
    batch.put(Table::META, meta::DATA_KEY, &sealed);
    engine.apply(&batch).expect("committed");
    engine
}

fn next(store: &SubscriberStore, n: u64) -> u64 {
    let sqn = store.next_sqn(&supi(n), "amf").expect("an SQN");
    SqnLayout::ANNEX_C3.split(sqn).0.0
}

#[test]
fn a_store_of_an_earlier_format_goes_on_where_it_was() {
    for was in [Was::First, Was::Coded] {
        let engine = earlier(was);
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
        assert_eq!(engine.count(Table::SUBSCRIBERS).expect("read"), 0);
        // Converted once: from now on nobody looks at the old table.
        let sealed = meta::octets(&engine, meta::DATA_KEY).expect("read").expect("there");
        let (sealer, kind) = Sealer::open(&key(), &sealed).expect("the key");
        assert_eq!(kind, StoreKind::Records);
        let mut batch = Batch::default();
        let old = old_row(&sealer, &card(3, 1), None);
        batch.put(Table::SUBSCRIBERS, SubscriberKey::from(&supi(3)).octets(), &old);
        engine.apply(&batch).expect("committed");
        assert!(next(&open(&engine).expect("a store"), 3) > 5000);
        for format in 1..meta::KNOWN_FORMAT {
            let mut batch = Batch::default();
            batch.put(Table::META, meta::FORMAT, &format.to_be_bytes());
            engine.apply(&batch).expect("committed");
            assert!(matches!(open(&engine), Err(StoreError::ChangedMeta("format"))));
        }
        let mut batch = Batch::default();
        let newer = meta::KNOWN_FORMAT + 1;
        batch.put(Table::META, meta::FORMAT, &newer.to_be_bytes());
        engine.apply(&batch).expect("committed");
        assert!(matches!(open(&engine), Err(StoreError::Format { found, .. }) if found == newer));
    }
}

/// A record without a code is no record of a store that has codes.
#[test]
fn a_record_without_a_code_is_not_converted() {
    let engine = earlier(Was::Coded);
    let sealed = meta::octets(&engine, meta::DATA_KEY).expect("read").expect("there");
    let (sealer, _) = Sealer::open(&key(), &sealed).expect("the key");
    let name = SubscriberKey::from(&supi(3));
    let mut batch = Batch::default();
    batch.put(Table::SUBSCRIBERS, name.octets(), &old_row(&sealer, &card(3, 1), None));
    engine.apply(&batch).expect("committed");
    let store = open(&engine).expect("converted");
    assert!(matches!(store.next_sqn(&supi(3), "amf"), Err(StoreError::Row(_))));
    assert!(store.contains(&supi(3)).expect("read"), "and it is not added anew");
    assert_eq!(store.len().expect("read"), COUNT);
    assert!(matches!(store.add(&card(3, 1)), Err(StoreError::Row(_))));
    assert_eq!(next(&store, 4), 5001);
}

#[test]
fn an_interrupted_conversion_goes_on() {
    for was in [Was::First, Was::Coded] {
        for commits in 0..6 {
            let engine = earlier(was);
            engine.fail_after(commits);
            let failed = open(&engine);
            assert_eq!(
                failed.is_err(),
                commits < if was == Was::First { 5 } else { 4 },
                "{commits} commits"
            );
            drop(failed);
            engine.fail(Failure::Never);
            let store = open(&engine).expect("goes on");
            for n in [0, 4095, 4096, COUNT - 1] {
                assert!((5001..5100).contains(&next(&store, n)), "after {commits} commits");
            }
            assert_eq!(store.len().expect("read"), COUNT);
            // The one that was removed.
            store.add(&card(COUNT, 1)).expect("added");
            assert!(next(&store, COUNT) > 5000);
        }
    }
}

#[test]
fn a_full_disk_stops_it_without_harm() {
    let engine = earlier(Was::First);
    engine.fail(Failure::Full);
    assert!(matches!(open(&engine), Err(StoreError::Write(_))));
    engine.fail(Failure::Never);
    assert_eq!(next(&open(&engine).expect("converted"), 7), 5001);
}

/// Nobody knows whose a record of the first version is: it binds every card of that SUPI that comes later, and a card that
/// is another one is served after one resynchronisation.
#[test]
fn a_record_of_the_first_version_may_be_any_cards() {
    let engine = earlier(Was::First);
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
