//! Records on a disk that is full: refused and settled by what is durable, and back to work without a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::record::{Expect, Kind, Protection, Record, RowError};
use kaskade_flow::unit::{Lane, Outgoing};
use kaskade_flow::{Guarded, Unit};
use kaskade_store::engine::Conflict;
use kaskade_store::records::{CommitError, Found, Records, Taken};
use kaskade_store::{EngineError, MasterKey, StoreOptions, SubscriberStore};
use kaskade_testkit::memory::{Failure, MemoryEngine};

pub(crate) const LANE: Lane = Lane {
    number: 77,
    name: "lane of a test",
    version: 1,
    capacity: 100_000,
};

/// A number, sealed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) u64);

impl Record for Number {
    const KIND: Kind = Kind::new(777, "number of a test", 1, Protection::Sealed);
    type Key = u64;

    fn encode(&self, _: &mut Vec<u8>, secret: &mut SecretWriter) {
        secret.octets(&self.0.to_be_bytes());
    }

    fn decode(_: u8, _: &[u8], mut secret: SecretReader<'_>) -> Result<Self, RowError> {
        let octets = secret.octets()?;
        let number = octets[..].try_into().map_err(|_| RowError::Length)?;
        Ok(Self(u64::from_be_bytes(number)))
    }
}

pub(crate) fn message(order: u64, number: u64) -> Outgoing {
    let mut body = SecretWriter::new();
    body.octets(&number.to_be_bytes());
    Outgoing::new(LANE, &order, body)
}

pub(crate) fn said(mut body: SecretReader<'_>) -> u64 {
    let octets = body.octets().expect("octets");
    u64::from_be_bytes(octets[..].try_into().expect("8 octets"))
}

fn open(engine: &MemoryEngine) -> (SubscriberStore, Records) {
    let key = MasterKey::from_octets(&[1; 32]);
    let engine = Arc::new(engine.clone());
    let store = SubscriberStore::with_engine(engine, Path::new("memory"), &key, StoreOptions::default());
    let store = store.expect("a store");
    let records = store.records();
    records.declare(&[Number::KIND]).expect("declared");
    (store, records)
}

fn read(records: &Records, key: u64) -> Option<Found<Number>> {
    pollster::block_on(records.read(&key)).expect("read")
}

fn put(records: &Records, key: u64, number: u64, expect: Expect) -> Result<(), CommitError> {
    let mut unit = Unit::new();
    unit.put(&key, &Number(number), expect);
    unit.send(message(key, number));
    records.commit(unit, Guarded::new(())).wait().map(drop)
}

/// Asks until writing works again.
fn soon(mut ask: impl FnMut() -> Result<(), CommitError>) -> Result<(), CommitError> {
    let start = Instant::now();
    loop {
        match ask() {
            Err(CommitError::Write(_)) if start.elapsed() < Duration::from_secs(10) => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

fn delivered(records: &Records) -> Vec<u64> {
    let outbox = records.outbox();
    let mut all = Vec::new();
    while let Taken::Message(delivery) = pollster::block_on(outbox.take(&LANE)).expect("read") {
        all.push(said(delivery.body()));
        pollster::block_on(delivery.done()).expect("removed");
    }
    all
}

#[test]
fn a_full_disk_refuses_records_and_nothing_is_lost_or_repeated() {
    for failure in [Failure::Full, Failure::FullAfterWrite] {
        let engine = MemoryEngine::default();
        let (store, records) = open(&engine);
        put(&records, 1, 1, Expect::Absent).expect("done");
        let first = read(&records, 1).expect("there");
        engine.fail(failure);
        let refused = put(&records, 2, 2, Expect::Absent);
        assert!(
            matches!(&refused, Err(CommitError::Write(error)) if matches!(**error, EngineError::Full(_))),
            "{refused:?}"
        );
        assert_eq!(read(&records, 1).expect("reading goes on"), first);
        let taken = pollster::block_on(records.outbox().take(&LANE)).expect("read");
        let Taken::Message(delivery) = taken else {
            panic!("{taken:?}")
        };
        assert_eq!(said(delivery.body()), 1, "so does delivering");
        assert!(
            pollster::block_on(delivery.done()).is_err(),
            "what cannot be removed is told"
        );
        assert!(store.failed().is_none(), "a full disk is not the end");
        engine.fail(Failure::Never);
        let durable = failure == Failure::FullAfterWrite;
        match soon(|| put(&records, 2, 3, Expect::Absent)) {
            Err(CommitError::Conflict(Conflict::Present(_))) => assert!(durable, "it was refused, and is there"),
            Ok(()) => assert!(!durable, "it had become durable"),
            other => panic!("{other:?}"),
        }
        let expected = if durable { 2 } else { 3 };
        let second = read(&records, 2).expect("there");
        assert_eq!(second.record, Number(expected));
        assert!(second.version > first.version);
        assert_eq!(
            delivered(&records),
            [expected],
            "what was delivered does not come again"
        );
        soon(|| put(&records, 1, 4, Expect::Version(first.version))).expect("done");
        drop((records, store));
        let (_store, records) = open(&engine);
        assert_eq!(delivered(&records), [4], "nor in the next life");
        assert_eq!(read(&records, 1).expect("there").record, Number(4));
    }
}

#[test]
fn a_broken_disk_ends_it_and_says_so() {
    let engine = MemoryEngine::default();
    let (store, records) = open(&engine);
    put(&records, 1, 1, Expect::Absent).expect("done");
    engine.fail(Failure::Broken);
    assert!(matches!(put(&records, 1, 2, Expect::Any), Err(CommitError::Write(_))));
    let start = Instant::now();
    while store.failed().is_none() {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(store);
    assert!(matches!(put(&records, 1, 3, Expect::Any), Err(CommitError::Closed)));
    engine.fail(Failure::Never);
    let (_store, records) = open(&engine);
    assert_eq!(read(&records, 1).expect("there").record, Number(1));
    assert_eq!(delivered(&records), [1]);
}

/// The tables of kinds are not made, and nothing else suffers from it.
#[test]
fn declaring_on_a_full_disk_is_refused_and_ends_nothing() {
    use kaskade_store::engine::{Batch, Blocking, Engine, Table};
    use kaskade_testkit::power_loss::Disk;

    let (first, second) = (Table::new(900, "first of a test"), Table::new(901, "second of a test"));
    let disk = Disk::new(1);
    let engine = disk.open(1 << 20).expect("the engine");
    engine.declare(&[first]).expect("declared");
    let put = |table| {
        let mut unit = Batch::default();
        unit.put(table, b"key", b"row");
        engine.apply(&unit)
    };
    for recovers in [true, false] {
        put(first).expect("there is room");
        disk.fill(true);
        assert!(matches!(engine.declare(&[second]), Err(EngineError::Full(_))));
        disk.fill(false);
        if !recovers {
            // As the committer does.
            assert!(put(first).is_err());
        }
        pollster::block_on(engine.recover(0)).expect("room again");
        put(first).expect("it goes on");
        assert!(put(second).is_err(), "not there");
    }
    engine.declare(&[second]).expect("declared");
    put(second).expect("there");
}
