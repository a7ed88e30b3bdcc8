//! A store goes to another engine: nothing is lost, nothing is issued twice, and only one of both opens.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::common::{Hands, folder, split, subscriber, supi};
use crate::record_loss::Log;
use kaskade_aka::sqn::NodeIndex;
use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::event::{Action, Event, Outcome};
use kaskade_flow::record::{Expect, Index, Kind, Protection, Record, RecordKey};
use kaskade_flow::unit::{Lane, Outgoing};
use kaskade_flow::{Guarded, Unit, UnixMillis};
use kaskade_keys::Supi;
use kaskade_store::copy::{Copied, CopyError, CopyFailed, Place, copy};
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::{Batch, Blocking, CommitFailed, Engine, Group, Portable, Table, UnitOutcome, WholeRows};
use kaskade_store::postgres::{PostgresEngine, PostgresOptions};
use kaskade_store::records::Taken;
use kaskade_store::rows::SUBSCRIBER;
use kaskade_store::{
    EngineError, MasterKey, OnRecord, RowError, SqnScheme, StoreError, StoreOptions, StoreState, SubscriberStore,
    skip_ahead_on, status_of,
};
use kaskade_testkit::memory::MemoryEngine;
use kaskade_testkit::postgres::Cluster;

use crate::postgres::as_node;

const NODE: &str = "amf";
const CACHE: usize = 4 << 20;
const SUBSCRIBERS: u64 = 9;
const LANE: Lane = Lane {
    number: 900,
    name: "lane of a test",
    version: 1,
    capacity: 8,
};

/// Sealed, ends, and is found by others.
#[derive(Debug, PartialEq, Eq)]
struct Ticket {
    serial: String,
    colour: String,
    until: u64,
}

impl Record for Ticket {
    const KIND: Kind = Kind::new(920, "ticket of a test", 1, Protection::Sealed);
    type Key = Supi;

    fn encode(&self, clear: &mut Vec<u8>, secret: &mut SecretWriter) {
        self.until.put(false, clear);
        secret.octets(&(self.serial.clone(), self.colour.clone()).to_octets());
    }

    fn decode(_: u8, clear: &[u8], mut secret: SecretReader<'_>) -> Result<Self, RowError> {
        let (serial, colour) = <(String, String)>::from_octets(&secret.octets()?)?;
        secret.end()?;
        let until = u64::from_octets(clear)?;
        Ok(Self { serial, colour, until })
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(self.until).filter(|until| *until != 0).map(UnixMillis::new)
    }

    fn indexes(&self, _: &Supi, put: &mut dyn FnMut(Index<'_>)) {
        put(Index::unique(0, self.serial.as_bytes()));
        put(Index::shared(1, self.colour.as_bytes()));
    }
}

fn ticket(number: u64, until: u64) -> Ticket {
    Ticket {
        serial: format!("serial {number}"),
        colour: ["red", "blue"][number as usize % 2].to_owned(),
        until,
    }
}

fn event(at: u64) -> Event {
    Event::new(Outcome::Changed, Action::StoreMoved, UnixMillis::new(at))
}

/// What cards have seen, of all stores.
#[derive(Default)]
struct Seen(BTreeSet<(u64, (u64, u8))>);

impl Seen {
    fn draw(&mut self, store: &SubscriberStore, times: u64) {
        for number in 0..SUBSCRIBERS {
            for _ in 0..times {
                let sqn = split(store.next_sqn(&supi(number), NODE).expect("an SQN"));
                assert!(self.0.insert((number, sqn)), "{number}: {sqn:?} twice");
            }
        }
    }
}

fn opened(engine: Arc<dyn Engine>, (key, options): (&MasterKey, StoreOptions)) -> Result<SubscriberStore, StoreError> {
    SubscriberStore::with_engine(engine, Path::new("store"), key, options)
}

fn fill(store: &SubscriberStore, hands: &Hands) {
    for number in 0..SUBSCRIBERS {
        let scheme = SqnScheme::ALL[number as usize % 3];
        store.add(&subscriber(number, scheme)).expect("added");
    }
    store.add(&subscriber(70, SqnScheme::TimeBased)).expect("added");
    store.next_sqn(&supi(70), NODE).expect("an SQN");
    store.remove(&supi(70)).expect("removed");
    let records = store.records();
    records.declare(&[Ticket::KIND]).expect("declared");
    let later = (hands.wall() + 3600) * 1000;
    for number in 0..3 {
        let mut unit = Unit::new();
        let until = [0, later, 1][number as usize];
        unit.put(&supi(number), &ticket(number, until), Expect::Absent);
        let mut body = SecretWriter::new();
        body.octets(&[number as u8]);
        unit.send(Outgoing::new(LANE, &"order".to_owned(), body));
        unit.event(event(number));
        drop(records.commit(unit, Guarded::new(())).wait().expect("done"));
    }
}

/// What [`fill`] made is there, and this many events wait for a log.
fn is_whole(store: &SubscriberStore, hands: &Hands, events: usize) {
    assert_eq!(store.len().expect("read"), SUBSCRIBERS);
    for number in 0..SUBSCRIBERS {
        let found = store.subscriber(&supi(number)).expect("read").expect("there");
        assert_eq!(found.sqn.scheme(), SqnScheme::ALL[number as usize % 3]);
    }
    let records = store.records();
    records.declare(&[Ticket::KIND]).expect("declared");
    let found = |number| pollster::block_on(records.read::<Ticket>(&supi(number))).expect("read");
    assert_eq!(found(0).expect("there").record, ticket(0, 0));
    assert!(found(1).expect("there").record.until > hands.wall() * 1000);
    assert!(found(2).is_none(), "it has ended");
    let by_serial = pollster::block_on(records.find::<Ticket>(0, b"serial 1")).expect("read");
    assert_eq!(by_serial.expect("there").key, supi(1));
    let red = pollster::block_on(records.find_all::<Ticket>((1, b"red"), None, 9)).expect("read");
    assert_eq!(red.len(), 1);
    assert_eq!(records.events_waiting(), events);
    match pollster::block_on(records.outbox().take(&LANE)).expect("read") {
        Taken::Message(message) => assert_eq!(message.body().octets().expect("a body")[..], [0]),
        other => panic!("{other:?}"),
    }
}

fn place<'p>(engine: &'p dyn Portable, name: &'p Path) -> Place<'p> {
    Place { engine, name }
}

fn copied(
    (source, target): (&dyn Portable, &dyn Portable),
    (key, options): (&MasterKey, StoreOptions),
) -> Result<Copied, CopyFailed> {
    let record = |done: &Copied| {
        Some(OnRecord {
            event: event(1_000_000 + done.rows),
            above: 0,
        })
    };
    let (source, target) = (place(source, Path::new("source")), place(target, Path::new("target")));
    copy(
        &source,
        &target,
        &[Ticket::KIND],
        (key, &options),
        &record,
        &mut |done, all| {
            assert!(done <= all);
        },
    )
}

/// Rows of all tables but those that a copy changes.
fn content(engine: &dyn Portable) -> Vec<(Table, WholeRows)> {
    let tables = [
        SUBSCRIBER,
        Table::LIVES,
        Table::OUTBOX,
        Table::new(920, "ticket of a test"),
    ];
    engine.declare(&tables).expect("declared");
    let of = |table| (table, engine.whole(table, None, 1000).expect("read"));
    tables.into_iter().map(of).collect()
}

fn of_node(hands: &Hands, node: u8) -> StoreOptions {
    let mut options = hands.options();
    options.node = NodeIndex::new(node, 32).expect("below");
    options
}

#[test]
fn a_store_goes_to_postgres_and_back_without_repeating_a_number() {
    let Some(cluster) = Cluster::shared() else { return };
    let ((folder, key), hands, mut seen) = (folder(), Hands::new(), Seen::default());
    let file = |name: &str| Arc::new(EmbeddedEngine::open(&folder.path().join(name), CACHE).expect("a file"));
    let server =
        |place: &PostgresOptions, node| Arc::new(PostgresEngine::open(&as_node(place, node)).expect("the engine"));
    let options = || of_node(&hands, 4);
    let first = file("first");
    let store = opened(first.clone(), (&key, options())).expect("a store");
    fill(&store, &hands);
    seen.draw(&store, 40);
    drop(store);
    let (database, before) = (cluster.place(), content(&*first));
    let second = server(&database, 4);
    let done = copied((&*first, &*second), (&key, options())).expect("copied");
    assert_eq!(
        (done.subscribers, done.resumed, done.had_ended),
        (SUBSCRIBERS, false, false)
    );
    assert_eq!(content(&*second), before, "links and ends are there as well");
    // Whoever was not told asks again.
    assert!(copied((&*first, &*second), (&key, options())).expect("was").had_ended);
    let gone = opened(first.clone(), (&key, options())).map(drop);
    assert!(
        matches!(&gone, Err(StoreError::Gone { to, .. }) if to == Path::new("target")),
        "{gone:?}"
    );
    let store = opened(second.clone(), (&key, options())).expect("it is there");
    is_whole(&store, &hands, 4);
    seen.draw(&store, 40);
    // Another node of the database issues as well, and its numbers count when all of it goes back.
    let another = opened(server(&database, 5), (&key, of_node(&hands, 5))).expect("a node");
    seen.draw(&another, 40);
    hands.pass(7);
    seen.draw(&another, 40);
    drop(store);
    let third = file("third");
    let beside = copied((&*second, &*third), (&key, options()));
    assert!(
        matches!(&beside, Err(CopyFailed { error: CopyError::Store(StoreError::Read(error)), has_gone: false }) if error.to_string().contains("by node 5")),
        "{beside:?}"
    );
    assert!(third.is_empty().expect("read"), "nothing has begun");
    drop(another);
    copied((&*second, &*third), (&key, options())).expect("copied");
    for (engine, node) in [(second, 4), (server(&database, 5), 5)] {
        let gone = opened(engine, (&key, of_node(&hands, node))).map(drop);
        assert!(matches!(gone, Err(StoreError::Gone { .. })), "{gone:?}");
    }
    let store = opened(third.clone(), (&key, options())).expect("it is there");
    is_whole(&store, &hands, 5);
    seen.draw(&store, 40);
    drop(store);
    // And into a database once more, of which several were nodes earlier.
    let fourth = server(&cluster.place(), 4);
    copied((&*third, &*fourth), (&key, options())).expect("copied");
    let store = opened(fourth, (&key, options())).expect("it is there");
    is_whole(&store, &hands, 6);
    seen.draw(&store, 40);
    let log = Arc::new(Log::default());
    store.records().hand_events_to(log.clone());
    let told: Vec<u64> = log.0.lock().expect("whole").iter().map(|(.., at)| *at).collect();
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(told[3..].iter().all(|at| *at > 1_000_000), "{told:?}");
}

/// Writes until so many commits of both are done, and the last of them perhaps without saying so.
struct Breaks {
    memory: MemoryEngine,
    left: Arc<AtomicI64>,
    is_durable: bool,
}

impl Engine for Breaks {
    kaskade_testkit::reads_from_memory!();
}

impl Breaks {
    /// Makes both ends.
    fn after(commits: i64, is_durable: bool) -> impl Fn(&MemoryEngine) -> Self {
        let left = Arc::new(AtomicI64::new(commits));
        move |memory| Self {
            memory: memory.clone(),
            left: left.clone(),
            is_durable,
        }
    }

    fn write(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 {
            return pollster::block_on(self.memory.commit(group.clone()));
        }
        if left == 0 && self.is_durable {
            pollster::block_on(self.memory.commit(group.clone()))?;
        }
        Err(EngineError::Failed.into())
    }

    fn mend(&self) -> Result<(), EngineError> {
        Err(EngineError::Failed)
    }
}

impl Portable for Breaks {
    fn whole(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<WholeRows, EngineError> {
        self.memory.whole(table, after, limit)
    }

    fn has_besides(&self, tables: &[Table]) -> Result<Option<String>, EngineError> {
        self.memory.has_besides(tables)
    }
}

#[test]
fn wherever_a_copy_is_interrupted_only_one_of_both_issues() {
    let key = MasterKey::from_octets(&[4; 32]);
    let mut interrupted = 0;
    for step in 0.. {
        let (done_at, is_durable) = (step / 2, step % 2 == 1);
        let (source, target, hands) = (MemoryEngine::default(), MemoryEngine::default(), Hands::new());
        let mut seen = Seen::default();
        let store = opened(Arc::new(source.clone()), (&key, hands.options())).expect("a store");
        fill(&store, &hands);
        seen.draw(&store, 20);
        drop(store);
        let breaks = Breaks::after(done_at, is_durable);
        let first = copied((&breaks(&source), &breaks(&target)), (&key, hands.options()));
        // Whoever opens one of both now issues of it.
        let mut open = 0;
        for engine in [&source, &target] {
            let mut options = hands.options();
            options.create = false;
            match opened(Arc::new(engine.clone()), (&key, options)) {
                Ok(store) => {
                    open += 1;
                    seen.draw(&store, 20);
                }
                Err(StoreError::Gone { .. } | StoreError::CopyUnfinished { .. } | StoreError::Blank(_)) => {}
                Err(error) => panic!("{step}: {error}"),
            }
        }
        assert!(open <= 1, "{step}: both open");
        let again = copied((&source, &target), (&key, hands.options())).expect("it goes on");
        if first.is_ok() {
            assert!(again.had_ended, "{step}");
            break;
        }
        interrupted += 1;
        let serial = |engine: &MemoryEngine| pollster::block_on(engine.serial(0)).expect("read");
        assert!(serial(&target) > serial(&source), "{step}: events are named by it");
        let gone = opened(Arc::new(source), (&key, hands.options())).map(drop);
        assert!(matches!(gone, Err(StoreError::Gone { .. })), "{step}: {gone:?}");
        let store = opened(Arc::new(target), (&key, hands.options())).expect("it is there");
        is_whole(&store, &hands, 4);
        seen.draw(&store, 20);
    }
    assert!(interrupted > 12, "{interrupted}");
}

#[test]
fn a_copy_that_is_refused_changes_nothing() {
    let (key, hands) = (MasterKey::from_octets(&[4; 32]), Hands::new());
    let (source, target) = (MemoryEngine::default(), MemoryEngine::default());
    let store = opened(Arc::new(source.clone()), (&key, hands.options())).expect("a store");
    fill(&store, &hands);
    drop(store);
    let is_refused = |(from, to): (&MemoryEngine, &MemoryEngine), options, why: &str| {
        let before = (from.rows(), to.rows());
        let failed = copied((from, to), (&key, options)).expect_err(why);
        let error = failed.to_string();
        assert!(error.contains(why), "{why}: {error}");
        assert_eq!((from.rows(), to.rows()), before, "{why}");
        assert!(!failed.has_gone, "{why}");
    };
    let other = MemoryEngine::default();
    drop(opened(Arc::new(other.clone()), (&key, hands.options())).expect("a store"));
    is_refused((&source, &other), hands.options(), "there is something already");
    let foreign = MemoryEngine::default();
    let another_key = MasterKey::from_octets(&[5; 32]);
    drop(opened(Arc::new(foreign.clone()), (&another_key, hands.options())).expect("a store"));
    is_refused((&source, &foreign), hands.options(), "there is something already");
    is_refused((&foreign, &target), hands.options(), "sealed with master key");
    is_refused((&target, &target.copy()), hands.options(), "holds nothing");
    is_refused(
        (&source, &target),
        of_node(&hands, 3),
        "kept by node 0, and this is node 3",
    );

    let unknown = source.copy();
    let of_a_newer_program = Table::new(999, "of a newer program");
    let mut unit = Batch::default();
    unit.put(of_a_newer_program, b"key", b"value");
    unknown.declare(&[of_a_newer_program]).expect("declared");
    unknown.apply(&unit).expect("put");
    is_refused((&unknown, &target), hands.options(), "of a newer program");

    // What had begun from another state of the store is not gone on with.
    let (old, half) = (source.copy(), MemoryEngine::default());
    let breaks = Breaks::after(4, true);
    copied((&breaks(&source), &breaks(&half)), (&key, hands.options())).expect_err("interrupted");
    is_refused((&old, &half), hands.options(), "a part of another copy");
    is_refused((&source, &target), hands.options(), "it has gone to target already");
    is_refused((&half, &target), hands.options(), "was interrupted");
    copied((&source, &half), (&key, hands.options())).expect("it goes on");
    is_refused((&source, &target), hands.options(), "it has gone to target already");
    is_refused((&half, &source), hands.options(), "there is something already");
}

/// The target is lost: the source goes on above all that was issued there.
#[test]
fn a_store_that_has_gone_is_taken_back_by_skipping_ahead() {
    let (key, hands, mut seen) = (MasterKey::from_octets(&[4; 32]), Hands::new(), Seen::default());
    let (source, target) = (MemoryEngine::default(), MemoryEngine::default());
    let store = opened(Arc::new(source.clone()), (&key, hands.options())).expect("a store");
    fill(&store, &hands);
    seen.draw(&store, 20);
    drop(store);
    copied((&source, &target), (&key, hands.options())).expect("copied");
    let store = opened(Arc::new(target), (&key, hands.options())).expect("it is there");
    seen.draw(&store, 300);
    drop(store);
    let skip =
        |options: &StoreOptions| skip_ahead_on(&source, Path::new("source"), &key, options, &|_| None, &mut |_, _| ());
    let before = source.rows();
    let refused = skip(&hands.options());
    assert!(matches!(refused, Err(StoreError::Gone { .. })), "{refused:?}");
    assert_eq!(source.rows(), before);
    let mut options = hands.options();
    options.take_back = true;
    assert_eq!(skip(&options).expect("skipped").subscribers, SUBSCRIBERS);
    let store = opened(Arc::new(source), (&key, hands.options())).expect("it is one again");
    seen.draw(&store, 300);
}

#[test]
fn a_part_of_a_copy_never_opens() {
    let (key, hands) = (MasterKey::from_octets(&[4; 32]), Hands::new());
    let (source, target) = (MemoryEngine::default(), MemoryEngine::default());
    let store = opened(Arc::new(source.clone()), (&key, hands.options())).expect("a store");
    fill(&store, &hands);
    drop(store);
    let breaks = Breaks::after(3, true);
    copied((&breaks(&source), &breaks(&target)), (&key, hands.options())).expect_err("interrupted");
    let opens = opened(Arc::new(target.clone()), (&key, hands.options())).map(drop);
    assert!(
        matches!(&opens, Err(StoreError::CopyUnfinished { from, .. }) if from == Path::new("source")),
        "{opens:?}"
    );
    let mut options = hands.options();
    options.take_back = true;
    let skipped = skip_ahead_on(&target, Path::new("target"), &key, &options, &|_| None, &mut |_, _| ());
    assert!(matches!(skipped, Err(StoreError::CopyUnfinished { .. })), "{skipped:?}");
    let status = |engine: &MemoryEngine| status_of(engine, Path::new("store"), &key).expect("read").state;
    assert!(matches!(status(&target), StoreState::Coming { from, .. } if from == Path::new("source")));
    assert!(matches!(status(&source), StoreState::Gone { to, .. } if to == Path::new("target")));
}

/// A database that is put back to the middle of a copy has lost what it issued since: going on would issue it again.
#[test]
fn what_had_come_whole_does_not_come_again() {
    let (key, hands) = (MasterKey::from_octets(&[4; 32]), Hands::new());
    let (source, target) = (MemoryEngine::default(), MemoryEngine::default());
    let store = opened(Arc::new(source.clone()), (&key, hands.options())).expect("a store");
    fill(&store, &hands);
    drop(store);
    let breaks = Breaks::after(5, true);
    let failed = copied((&breaks(&source), &breaks(&target)), (&key, hands.options())).expect_err("interrupted");
    assert!(failed.has_gone);
    let backup = target.copy();
    copied((&source, &target), (&key, hands.options())).expect("it goes on");
    let before = (source.rows(), backup.rows());
    let failed = copied((&source, &backup), (&key, hands.options())).expect_err("put back");
    assert!(matches!(failed.error, CopyError::PutBack(_)), "{failed}");
    assert_eq!((source.rows(), backup.rows()), before);
}

/// What would come to no end is refused while the source is in use.
#[test]
fn a_store_that_cannot_be_read_does_not_go() {
    let Some(cluster) = Cluster::shared() else { return };
    let (key, hands) = (MasterKey::from_octets(&[4; 32]), Hands::new());
    let database = cluster.place();
    let of = |options: &PostgresOptions| Arc::new(PostgresEngine::open(options).expect("the engine"));
    let source = of(&database);
    let store = opened(source.clone(), (&key, hands.options())).expect("a store");
    fill(&store, &hands);
    drop(store);
    let is_refused = |target: &dyn Portable, why: &str| {
        let failed = copied((&*source, target), (&key, hands.options())).expect_err(why);
        assert!(!failed.has_gone && failed.to_string().contains(why), "{failed}");
    };
    let schema = crate::postgres::schema(&database);
    let sql = |what: &str| cluster.sql(&format!("SET search_path = {schema}; {what}"));
    sql("UPDATE kaskade_count SET rows = rows + 1 WHERE number = 16");
    is_refused(
        &MemoryEngine::default(),
        "says that it has 19 rows of `subscriber`, and has 18",
    );
    sql("UPDATE kaskade_count SET rows = rows - 1 WHERE number = 16");
    sql(
        "UPDATE kaskade_row SET links = '\\x00ff' WHERE id = (SELECT id FROM kaskade_row WHERE links IS NOT NULL LIMIT 1)",
    );
    is_refused(&MemoryEngine::default(), "a row is damaged");
    assert!(
        opened(source.clone(), (&key, hands.options())).is_ok(),
        "it is used as before"
    );
}

/// What waits for the audit log of a node goes along, and what that node says later in the new place does not take its place.
#[test]
fn events_of_other_nodes_go_along() {
    let (key, hands) = (MasterKey::from_octets(&[4; 32]), Hands::new());
    let (source, target) = (MemoryEngine::default(), MemoryEngine::default());
    let store = opened(Arc::new(source.clone()), (&key, of_node(&hands, 0))).expect("a store");
    fill(&store, &hands);
    drop(store);
    let store = opened(Arc::new(source.clone()), (&key, of_node(&hands, 5))).expect("a store");
    for at in 0..4 {
        let mut unit = Unit::new();
        unit.event(event(500 + at));
        drop(store.records().commit(unit, Guarded::new(())).wait().expect("done"));
    }
    drop(store);
    let copied = copied((&source, &target), (&key, of_node(&hands, 0)));
    copied.expect("copied");
    let store = opened(Arc::new(target), (&key, of_node(&hands, 5))).expect("it is there");
    for at in 4..8 {
        let mut unit = Unit::new();
        unit.event(event(500 + at));
        drop(store.records().commit(unit, Guarded::new(())).wait().expect("done"));
    }
    let log = Arc::new(Log::default());
    store.records().hand_events_to(log.clone());
    let told: BTreeSet<u64> = log.0.lock().expect("whole").iter().map(|(.., at)| *at).collect();
    assert!((500..508).all(|at| told.contains(&at)), "{told:?}");
}
