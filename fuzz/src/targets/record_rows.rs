//! Rows of records, of the outbox and of events; and rows as the embedded engine lays them into its file.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::event::{Action, Event, Outcome};
use kaskade_flow::record::{Expect, Index, Kind, Protection, Record, RowError};
use kaskade_flow::unit::{Lane, Outgoing};
use kaskade_flow::{Guarded, Unit, UnixMillis};
use kaskade_keys::fivegs::KAusf;
use kaskade_store::embedded::{decode_row, encode_row};
use kaskade_store::engine::{Batch, Blocking, Change, Cursor, Engine, Link, Serial, Table, Value};
use kaskade_store::records::{EventLog, Records, Taken};
use kaskade_store::{MasterKey, StoreOptions, SubscriberStore};
use kaskade_testkit::memory::MemoryEngine;

/// A row as the embedded engine has it in its file: what is read is written alike.
pub fn file_rows(data: &[u8]) -> bool {
    let row = decode_row(data);
    if let Some((version, value)) = &row {
        assert_eq!(encode_row(*version, value), data, "a row has one form");
    }
    row.is_some()
}

/// A record with something in clear and secrets beside it, found by an index.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept<const SEALED: bool> {
    clear: Vec<u8>,
    key: KAusf,
    nonce: Vec<u8>,
}

impl<const SEALED: bool> Kept<SEALED> {
    fn new() -> Self {
        Self {
            clear: b"in clear".to_vec(),
            key: KAusf::from_octets(&[0x33; 32]),
            nonce: vec![0x44; if SEALED { 5 } else { 0 }],
        }
    }
}

impl<const SEALED: bool> Record for Kept<SEALED> {
    const KIND: Kind = match SEALED {
        true => Kind::new(930, "sealed in fuzzing", 2, Protection::Sealed).reads_from(1),
        false => Kind::new(931, "coded in fuzzing", 2, Protection::Coded).reads_from(1),
    };
    type Key = u32;

    fn encode(&self, clear: &mut Vec<u8>, secret: &mut SecretWriter) {
        clear.extend_from_slice(&self.clear);
        if SEALED {
            secret.key(&self.key);
            secret.octets(&self.nonce);
        }
    }

    fn decode(_: u8, clear: &[u8], mut secret: SecretReader<'_>) -> Result<Self, RowError> {
        let mut kept = Self::new();
        kept.clear = clear.to_vec();
        if SEALED {
            (kept.key, kept.nonce) = (secret.key()?, secret.octets()?.to_vec());
        }
        secret.end()?;
        Ok(kept)
    }

    fn indexes(&self, _: &u32, put: &mut dyn FnMut(Index<'_>)) {
        put(Index::unique(0, &self.clear));
    }
}

const LANE: Lane = Lane {
    number: 930,
    name: "lane in fuzzing",
    version: 1,
    capacity: 8,
};

/// A log that counts.
#[derive(Default)]
struct Log(Mutex<usize>);

impl EventLog for Log {
    fn takes(&self, events: &[Event]) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += events.len();
        true
    }

    fn has_below(&self) -> u64 {
        0
    }

    fn newest(&self) -> u64 {
        0
    }
}

/// A row that the input changes.
struct Original {
    table: Table,
    key: Vec<u8>,
    value: Value,
}

struct Rows {
    engine: MemoryEngine,
    rows: [Original; 4],
}

fn store(engine: MemoryEngine) -> SubscriberStore {
    let master_key = MasterKey::from_octets(&[0x4d; 32]);
    let store = SubscriberStore::with_engine(
        Arc::new(engine),
        Path::new("fuzz"),
        &master_key,
        StoreOptions::default(),
    );
    let store = store.expect("whatever a row says, the others are there");
    let kinds = [Kept::<true>::KIND, Kept::<false>::KIND];
    store.records().declare(&kinds).expect("memory can be written");
    store
}

/// A store with one of each.
static ROWS: LazyLock<Rows> = LazyLock::new(|| {
    let engine = MemoryEngine::default();
    let mut unit = Unit::new();
    unit.put(&1, &Kept::<true>::new(), Expect::Absent);
    unit.put(&1, &Kept::<false>::new(), Expect::Absent);
    let mut body = SecretWriter::new();
    body.octets(b"a message");
    unit.send(Outgoing::new(LANE, &"order".to_owned(), body));
    unit.event(Event::new(Outcome::Noted, Action::Other, UnixMillis::new(1)));
    let opened = store(engine.clone());
    let committed = opened.records().commit(unit, Guarded::new(())).wait();
    committed.expect("memory can be written").release_to_peer();
    drop(opened);
    let kind = |kind: Kind| Table::new(kind.number, kind.name);
    let tables = [
        kind(Kept::<true>::KIND),
        kind(Kept::<false>::KIND),
        Table::OUTBOX,
        Table::EVENTS,
    ];
    let rows = tables.map(|table| {
        let cursor = Cursor::Keys {
            table,
            after: None,
            prefix: &[],
        };
        let mut rows = pollster::block_on(engine.page(cursor, 9)).expect("memory can be read");
        let row = rows.pop().expect("one of each");
        let links = [Link {
            index: 0,
            octets: b"in clear".to_vec().into(),
        }];
        Original {
            table,
            key: row.key.to_vec(),
            value: Value {
                octets: row.octets,
                expires: row.expires,
                links: links.into_iter().filter(|_| table.number() >= 930).collect(),
            },
        }
    });
    Rows { engine, rows }
});

/// A row that was tampered with, as it is met at the next start. The first octet says which, the second from where on the rest of the
/// input is laid over its key and its octets by exclusive or; what is longer is appended. It is read only if nothing has changed.
pub fn record_rows(data: &[u8]) -> bool {
    let Some((&[which, start], changes)) = data.split_first_chunk() else {
        return false;
    };
    let Rows { engine, rows } = &*ROWS;
    let which = usize::from(which) % rows.len();
    let original = &rows[which];
    let whole = [&original.key[..], &original.value.octets].concat();
    let mut changed = whole.clone();
    let start = usize::from(start) % changed.len();
    let over = changed.iter_mut().skip(start).zip(changes);
    over.for_each(|(octet, change)| *octet ^= change);
    changed.extend(changes.iter().skip(whole.len() - start));
    let (key, octets) = changed.split_at(original.key.len());

    let engine = engine.copy();
    let mut batch = Batch::default();
    batch.remove(original.table, &original.key);
    batch.push(Change {
        table: original.table,
        key: key.into(),
        expect: Expect::Any,
        value: Some(Value {
            octets: octets.into(),
            ..original.value.clone()
        }),
    });
    let Serial(last) = pollster::block_on(engine.serial(63)).expect("memory can be read");
    engine
        .apply_as(63, Serial(last + 1), &batch)
        .expect("memory can be written");
    let store = store(engine);
    let records = store.records();
    let found = [
        is_kept::<true>(&records),
        is_kept::<false>(&records),
        is_delivered(&records),
        is_told(&records),
    ];
    let is_untouched = changed == whole;
    for (row, found) in found.into_iter().enumerate() {
        assert_eq!(
            found,
            row != which || is_untouched,
            "row {row}: an untouched one is read, and no other"
        );
    }
    assert!(store.failed().is_none(), "the thread that writes goes on");
    is_untouched
}

/// By all ways to a record, which agree.
fn is_kept<const SEALED: bool>(records: &Records) -> bool {
    let same = |record: &Kept<SEALED>| assert_eq!(*record, Kept::new());
    let read = pollster::block_on(records.read::<Kept<SEALED>>(&1));
    let found = pollster::block_on(records.find::<Kept<SEALED>>(0, b"in clear"));
    let listed = pollster::block_on(records.list::<Kept<SEALED>>(None, 9));
    let read = read.ok().flatten().inspect(|found| same(&found.record)).is_some();
    let found = found.ok().flatten().inspect(|found| same(&found.record)).is_some();
    let listed = listed.is_ok_and(|all| {
        all.iter().for_each(|found| same(&found.record));
        !all.is_empty()
    });
    assert_eq!((read, read), (found, listed));
    read
}

fn is_delivered(records: &Records) -> bool {
    match pollster::block_on(records.outbox().take(&LANE)) {
        Ok(Taken::Message(delivery)) => {
            assert_eq!(**delivery.body().octets().expect("octets"), *b"a message");
            true
        }
        Ok(Taken::Nothing(_)) | Err(_) => false,
    }
}

fn is_told(records: &Records) -> bool {
    let log = Arc::new(Log::default());
    records.hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
    let told = *log.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(told + usize::try_from(records.events_unreadable()).unwrap_or(usize::MAX) <= 1);
    told == 1
}
