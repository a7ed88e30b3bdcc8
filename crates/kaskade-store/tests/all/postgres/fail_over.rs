//! Nodes that write while one server dies and its standby takes over.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kaskade_store::engine::{
    Batch, Blocking, Change, Conflict, Cursor, Engine, Expect, Group, Serial, Table, UnitOutcome, Value, Wanted,
};
use kaskade_store::postgres::{PostgresEngine, PostgresOptions};
use kaskade_testkit::postgres::{Cluster, Proxy};

use super::server::{as_node, is_there, open, put, schema, until};

const TABLE: Table = Table::new(900, "first of a test");
/// How long a fail-over may take until both nodes write again.
const PATIENCE: Duration = Duration::from_secs(60);

fn change(key: &[u8], expect: Expect, octets: &[u8]) -> Batch {
    let mut unit = Batch::default();
    unit.push(Change {
        table: TABLE,
        key: key.into(),
        expect,
        value: Some(Value {
            octets: octets.into(),
            ..Value::default()
        }),
    });
    unit
}

/// The name of what a node does in one commit.
fn name(node: u16, serial: u64) -> Vec<u8> {
    [b"of ", &node.to_be_bytes()[..], &serial.to_be_bytes()].concat()
}

fn number(octets: &[u8]) -> u64 {
    octets.try_into().map_or(0, u64::from_be_bytes)
}

/// A node that commits one numbered unit after the other.
struct Node<'t> {
    number: u16,
    engine: PostgresEngine,
    told: &'t AtomicU64,
    /// The serials that are durable as it was told, and whether the common counter was raised in each.
    done: BTreeMap<u64, bool>,
    serial: u64,
    /// How often it got no answer.
    broke: usize,
}

impl Node<'_> {
    fn run(mut self, ended: &AtomicBool) -> Self {
        while !ended.load(Ordering::SeqCst) {
            self.one();
        }
        self
    }

    fn counter(&self) -> Option<(Expect, u64)> {
        let rows = pollster::block_on(self.engine.read(&[Wanted::Key(TABLE, b"counter")])).ok()?;
        Some(match rows.into_iter().next().flatten() {
            Some(row) => (Expect::Version(row.version), number(&row.octets)),
            None => (Expect::Absent, 0),
        })
    }

    fn one(&mut self) {
        let Some((expect, counted)) = self.counter() else {
            self.broke += 1;
            thread::sleep(Duration::from_millis(50));
            return;
        };
        let serial = self.serial + 1;
        let group = Group {
            node: self.number,
            serial: Serial(serial),
            now: 0,
            units: vec![
                change(&name(self.number, serial), Expect::Absent, b""),
                change(b"counter", expect, &(counted + 1).to_be_bytes()),
            ],
        };
        let outcomes = match pollster::block_on(self.engine.commit(group)) {
            Ok(outcomes) => outcomes,
            Err(failed) => {
                assert!(!failed.error.needs_restart(), "{}", failed.error);
                self.broke += 1;
                let begun = Instant::now();
                let Serial(last) = loop {
                    match pollster::block_on(self.engine.recover(self.number)) {
                        Ok(last) => break last,
                        Err(error) => assert!(!error.needs_restart() && begun.elapsed() < PATIENCE, "{error}"),
                    }
                    thread::sleep(Duration::from_millis(50));
                };
                assert!(last == serial || last + 1 == serial, "{last} after {serial}");
                if last != serial {
                    return;
                }
                failed.outcomes
            }
        };
        let raised = match &outcomes[..] {
            [UnitOutcome::Done, UnitOutcome::Done] => true,
            [
                UnitOutcome::Done,
                UnitOutcome::Conflict(Conflict::Present(_) | Conflict::Changed(_)),
            ] => false,
            other => panic!("{other:?}"),
        };
        self.done.insert(serial, raised);
        self.serial = serial;
        self.told.store(serial, Ordering::SeqCst);
    }
}

/// Waits until both nodes have made so many more commits.
fn more(told: &[AtomicU64; 2], count: u64) {
    let now = || told.each_ref().map(|told| told.load(Ordering::SeqCst));
    let (before, begun) = (now(), Instant::now());
    while !now().iter().zip(before).all(|(now, before)| *now >= before + count) {
        assert!(begun.elapsed() < PATIENCE, "{:?} after {before:?}", now());
        thread::sleep(Duration::from_millis(10));
    }
}

/// What was told as done is there, what was not told is settled by the serial, and nothing is there twice: whichever server dies.
#[test]
fn a_fail_over_loses_nothing_that_was_told_as_done() {
    let rounds = std::env::var("KASKADE_FAIL_OVERS").map_or(1, |rounds| rounds.parse().expect("a number"));
    let Some(pair) = Cluster::with_standby() else { return };
    let place: PostgresOptions = pair.place();
    let (told, ended) = (<[AtomicU64; 2]>::default(), AtomicBool::new(false));
    let nodes = [0, 1].map(|number| {
        let engine = PostgresEngine::open(&as_node(&place, number)).expect("the engine");
        engine.declare(&[TABLE]).expect("declared");
        Node {
            number,
            engine,
            told: &told[usize::from(number)],
            done: BTreeMap::new(),
            serial: 0,
            broke: 0,
        }
    });
    let nodes = thread::scope(|scope| {
        let running = nodes.map(|node| scope.spawn(|| node.run(&ended)));
        // Whatever fails here, they end.
        let failing_over = scope.spawn(|| {
            for _ in 0..rounds {
                more(&told, 50);
                pair.primary().kill();
                thread::sleep(Duration::from_millis(300));
                pair.promote();
                more(&told, 50);
                pair.rejoin();
                more(&told, 50);
            }
        });
        let failed_over = failing_over.join();
        ended.store(true, Ordering::SeqCst);
        let nodes = running.map(|node| node.join().expect("no panic"));
        failed_over.expect("no panic");
        nodes
    });
    let raised: usize = nodes
        .iter()
        .flat_map(|node| node.done.values())
        .filter(|raised| **raised)
        .count();
    let [first, _] = &nodes;
    let (_, counted) = first.counter().expect("read");
    assert_eq!(counted, raised as u64, "each is in it once");
    let mut count = 1;
    for node in &nodes {
        let cursor = Cursor::Keys {
            table: TABLE,
            after: None,
            prefix: &name(node.number, 0)[..5],
        };
        let rows = pollster::block_on(first.engine.page(cursor, usize::MAX)).expect("a page");
        let there: Vec<_> = rows.iter().map(|row| row.key.to_vec()).collect();
        let told: Vec<_> = node.done.keys().map(|serial| name(node.number, *serial)).collect();
        assert_eq!(there, told, "what was told of node {}, and nothing else", node.number);
        assert_eq!(node.serial, node.done.len() as u64);
        assert!(node.broke >= rounds, "it noticed each");
        count += there.len() as u64;
    }
    assert_eq!(first.engine.count(TABLE).expect("a number"), count);
    // So has the one that was killed, as a standby.
    let rows = format!("SELECT count(*) FROM {}.kaskade_row", schema(&place));
    assert_eq!(pair.standby().sql("SELECT pg_is_in_recovery()"), "t");
    until("the standby shows all of it", || {
        pair.standby().sql(&rows) == count.to_string()
    });
    drop(nodes);
    drop(open(&place));
}

/// It takes changes, stands first in the list, and knows nothing of what came after it.
#[test]
fn a_primary_that_came_back_by_itself_is_not_used() {
    let Some(pair) = Cluster::with_standby() else { return };
    let (ways, place) = (pair.ways(), pair.place());
    let engine = open(&pair.by(&ways, &place));
    put(&engine, 1, b"before").expect("a commit");
    pair.primary().kill();
    pair.promote();
    until("it goes on", || {
        pollster::block_on(engine.recover(0)).is_ok() && put(&engine, 2, b"after").is_ok()
    });
    pair.stray();
    assert_eq!(
        pair.standby().sql("SELECT pg_is_in_recovery()"),
        "f",
        "it takes changes"
    );
    for _ in 0..3 {
        ways.iter().for_each(Proxy::cut);
        let mut reads = 0;
        until("it reads", || {
            // Whether or not it is there is asked of the right one, or nobody answers.
            if let Ok(there) = is_there(&engine, b"after") {
                assert!(there, "the one that came back has no such row");
                reads += 1;
            }
            reads == 20
        });
    }
    until("it writes", || {
        pollster::block_on(engine.recover(0)).is_ok() && put(&engine, 3, b"more").is_ok()
    });
    // Nor does a process that has seen neither.
    let other = open(&as_node(&place, 1));
    assert!(is_there(&other, b"more").expect("read"));
}
