//! Several nodes: numbers, those who died, and what a commit that waits keeps others from.

use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kaskade_store::EngineError;
use kaskade_store::engine::{Batch, Blocking, Engine, Group, Serial, UnitOutcome};
use kaskade_store::postgres::{PostgresEngine, migrate};
use kaskade_testkit::postgres::{Cluster, Direction, Proxy};

use super::server::{TABLE, as_node, is_there, open, put, put_as, schema, until, waiting_for_a_standby};

/// SQL: the id of the row with the key "key" in the first table (`ids`, in the engine).
const KEY: &str = r"'\x2c70e12b00006b6579'";

/// How many wait for somebody else's lock, at `what` in their statement.
fn waiting(cluster: &Cluster, what: &str) -> String {
    cluster.sql(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{what}%'"
    ))
}

/// Somebody else has all rows of a place, does something after a while, and ends.
fn holding_rows(cluster: &Cluster, of: &str, seconds: u32, then: &str) -> Child {
    let child = cluster
        .psql(&format!(
            "BEGIN; SELECT 1 FROM {of}.kaskade_row FOR UPDATE; SELECT pg_sleep({seconds}); {then} COMMIT"
        ))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("psql runs");
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    until("the rows are held", || cluster.sql(asleep) == "1");
    child
}

/// Ends that at once, without what it was to do.
fn release(cluster: &Cluster, mut holding: Child) {
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    holding.wait().expect("it ends");
}

/// A task may do so much before others have their turn; who blocks gives them none.
#[test]
fn whoever_blocks_in_a_task_has_every_answer() {
    let Some(cluster) = Cluster::shared() else { return };
    let engine = open(&cluster.place());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            for serial in 1..=200 {
                put(&engine, serial, b"key").expect("a commit");
                assert!(is_there(&engine, b"key").expect("read"));
            }
        });
        let _ = tell.send(());
    });
    told.recv_timeout(Duration::from_secs(60)).expect("all of them");
}

#[test]
fn a_number_is_of_one_process() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let (first, third) = (open(&place), open(&as_node(&place, 3)));
    match PostgresEngine::open(&as_node(&place, 3)).map(drop) {
        Err(EngineError::InUse(by)) => {
            let by = by.display().to_string();
            assert!(by.contains("as node 3") && by.contains("process"), "{by}");
        }
        other => panic!("{other:?}"),
    }
    put(&first, 1, b"of the first").expect("a commit");
    put_as(&third, 3, 1, b"of the third").expect("a commit");
    assert!(is_there(&first, b"of the third").expect("read"));
}

#[test]
fn a_node_that_died_gives_its_number_back_while_the_other_goes_on() {
    let Some(cluster) = Cluster::shared() else { return };
    let (way, place) = (Proxy::to(cluster.port()), cluster.place());
    let second = as_node(&place, 1);
    let (engine, dead) = (open(&place), open(&way.of(cluster, &second)));
    put_as(&dead, 1, 1, b"before").expect("a commit");
    way.silence(Direction::ToServer);
    let begun = Instant::now();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || drop(tell.send(PostgresEngine::open(&second))));
    let mut serial = 0;
    let next = loop {
        serial += 1;
        let one = Instant::now();
        put(&engine, serial, &serial.to_be_bytes()).expect("the other goes on");
        assert!(one.elapsed() < Duration::from_secs(2), "{:?}", one.elapsed());
        if let Ok(next) = told.try_recv() {
            break next.expect("its number is free");
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "in time");
        thread::sleep(Duration::from_millis(20));
    };
    assert!(begun.elapsed() > Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(pollster::block_on(next.serial(1)).expect("a serial"), Serial(1));
    put_as(&next, 1, 2, b"after").expect("a commit");
    way.cut();
}

/// PostgreSQL tells a commit that its standby has it when it has.
#[test]
fn reads_go_on_while_a_commit_waits_for_a_standby() {
    let Some(cluster) = Cluster::start() else { return };
    let place = cluster.place();
    let (engine, other) = (open(&place), open(&as_node(&place, 1)));
    put(&engine, 1, b"before").expect("a commit");
    cluster.set("synchronous_standby_names = 'nobody'");
    thread::scope(|scope| {
        let committing = scope.spawn(|| put(&engine, 2, b"waits"));
        until("a commit waits", || waiting_for_a_standby(&cluster) == "1");
        let begun = Instant::now();
        let mut read = Ok([true, false]);
        while begun.elapsed() < Duration::from_secs(9) && matches!(read, Ok([true, false])) {
            read = [&engine, &other].iter().try_fold([true, false], |_, engine| {
                Ok::<_, EngineError>([is_there(engine, b"before")?, is_there(engine, b"waits")?])
            });
            thread::sleep(Duration::from_millis(100));
        }
        let (after, waits) = (begun.elapsed(), !committing.is_finished());
        let nodes = pollster::block_on(other.nodes());
        // Whatever came of it, the commit ends.
        cluster.set("synchronous_standby_names = ''");
        let done = committing.join().expect("no panic");
        assert!(matches!(read, Ok([true, false])), "after {after:?}: {read:?}");
        assert!(waits, "no standby has it");
        let nodes = nodes.expect("the nodes");
        assert!(nodes.len() == 2 && nodes.iter().all(|node| node.lives), "{nodes:?}");
        assert_eq!(done.expect("a standby is not needed"), [UnitOutcome::Done]);
    });
    assert!(is_there(&other, b"waits").expect("read"));
}

/// Its transaction has looked at the lease, and waits for a row that somebody else has: the server does not hear that the connection broke.
#[test]
fn another_epoch_begins_when_the_commits_of_the_last_have_ended() {
    let Some(cluster) = Cluster::start() else { return };
    let (way, place) = (Proxy::to(cluster.port()), cluster.place());
    let engine = open(&way.of(&cluster, &place));
    put(&engine, 1, b"key").expect("a commit");
    let holding = holding_rows(&cluster, &schema(&place), 30, "");
    thread::scope(|scope| {
        let committing = scope.spawn(|| put(&engine, 2, b"key"));
        until("it waits for the row", || waiting(&cluster, "kaskade_row") == "1");
        way.cut();
        committing.join().expect("no panic").expect_err("nobody knows");
        let recovering = scope.spawn(|| pollster::block_on(engine.recover(0)));
        until("it waits for the lease", || {
            assert!(!recovering.is_finished(), "the server works on it yet");
            waiting(&cluster, "FROM kaskade_lease WHERE node = $1 FOR UPDATE") == "1"
        });
        release(&cluster, holding);
        let settled = recovering.join().expect("no panic").expect("it is known");
        assert_eq!(settled, Serial(1));
    });
    put(&engine, 2, b"key").expect("and on it goes");
}

#[test]
fn a_node_is_taken_over_when_its_last_commit_has_ended() {
    let Some(cluster) = Cluster::start() else { return };
    let (way, place) = (Proxy::to(cluster.port()), cluster.place());
    let engine = open(&way.of(&cluster, &place));
    put(&engine, 1, b"key").expect("a commit");
    let holding = holding_rows(&cluster, &schema(&place), 30, "");
    thread::scope(|scope| {
        let committing = scope.spawn(|| put(&engine, 2, b"key"));
        until("it waits for the row", || waiting(&cluster, "kaskade_row") == "1");
        way.silence(Direction::ToServer);
        way.cut();
        committing.join().expect("no panic").expect_err("nobody knows");
        let of = schema(&place);
        cluster.sql(&format!("UPDATE {of}.kaskade_lease SET until = '-infinity'"));
        let taking = scope.spawn(|| PostgresEngine::open(&place));
        until("it waits for the lease", || {
            assert!(!taking.is_finished(), "a commit of before is on its way");
            waiting(&cluster, "FROM kaskade_lease WHERE node = $1 FOR UPDATE") == "1"
        });
        release(&cluster, holding);
        let next = taking.join().expect("no panic").expect("the number is free");
        assert_eq!(pollster::block_on(next.serial(0)).expect("a serial"), Serial(1));
        put(&next, 2, b"key").expect("a commit");
    });
}

/// A unit removes two rows, of which one is not there, and waits for the other, while somebody makes the first.
#[test]
fn a_row_that_is_made_while_it_is_removed() {
    let Some(cluster) = Cluster::start() else { return };
    let place = cluster.place();
    let of = schema(&place);
    let engine = open(&place);
    put(&engine, 1, b"there").expect("a commit");
    let making = holding_rows(
        &cluster,
        &of,
        2,
        &format!(
            "INSERT INTO {of}.kaskade_row VALUES ({KEY}, 0, NULL, NULL, ''); \
             INSERT INTO {of}.kaskade_count (node, number, rows) VALUES (1, 0, 1);"
        ),
    );
    let mut unit = Batch::default();
    unit.remove(TABLE, b"there");
    unit.remove(TABLE, b"key");
    let group = Group {
        node: 0,
        serial: Serial(2),
        now: 0,
        units: vec![unit],
    };
    let done = pollster::block_on(engine.commit(group)).expect("a commit");
    assert_eq!(done, [UnitOutcome::Done]);
    assert!(making.wait_with_output().expect("it ends").status.success());
    assert!(!is_there(&engine, b"there").expect("read"));
    assert!(
        !is_there(&engine, b"key").expect("read"),
        "made before the other was free"
    );
    assert_eq!(engine.count(TABLE).expect("a number"), 0);
}

/// As the first version of this program made them, with a node that has died.
#[test]
fn tables_of_the_first_version_become_those_of_this_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.empty_place();
    let of = schema(&place);
    cluster.sql(&format!("SET search_path = {of};
        CREATE TABLE kaskade_schema (one integer PRIMARY KEY, version integer NOT NULL);
        INSERT INTO kaskade_schema VALUES (0, 1);
        CREATE TABLE kaskade_row (id bytea PRIMARY KEY, version bigint NOT NULL, ends bigint, links bytea, octets bytea NOT NULL) \
            WITH (fillfactor = 80);
        CREATE INDEX kaskade_row_in_order ON kaskade_row (substr(id, 5));
        CREATE INDEX kaskade_row_ends ON kaskade_row (ends, substr(id, 5)) WHERE ends IS NOT NULL;
        CREATE TABLE kaskade_link (id bytea PRIMARY KEY, row_id bytea NOT NULL);
        CREATE INDEX kaskade_link_in_order ON kaskade_link (substr(id, 5));
        CREATE TABLE kaskade_count (number integer PRIMARY KEY, rows bigint NOT NULL);
        CREATE TABLE kaskade_serial (node integer PRIMARY KEY, serial bigint NOT NULL);
        CREATE TABLE kaskade_lease (one integer PRIMARY KEY, holder bytea NOT NULL, who text NOT NULL, epoch bigint NOT NULL, \
            until timestamptz NOT NULL);
        INSERT INTO kaskade_lease VALUES (0, 'dead', 'process 7 on its own machine', 41, clock_timestamp() + interval '2 seconds');
        INSERT INTO kaskade_serial VALUES (0, 12);
        INSERT INTO kaskade_count VALUES (0, 1);
        INSERT INTO kaskade_row VALUES ({KEY}, 0, NULL, NULL, 'there')"));

    match PostgresEngine::open(&place).map(drop) {
        Err(EngineError::Refused { why, .. }) => assert!(why.contains("of version 1, this program needs 2"), "{why}"),
        other => panic!("{other:?}"),
    }
    let made = migrate(&place).expect("migrated");
    assert_eq!((made.from, made.to), (1, 2));
    let other = open(&as_node(&place, 1));
    let nodes = pollster::block_on(other.nodes()).expect("the nodes");
    assert_eq!(
        nodes.first().map(|node| (node.node, &*node.who)),
        Some((0, "process 7 on its own machine"))
    );
    let engine = open(&place);
    assert!(is_there(&engine, b"key").expect("read"));
    assert_eq!(pollster::block_on(engine.serial(0)).expect("a serial"), Serial(12));
    assert_eq!(
        cluster.sql(&format!("SELECT epoch FROM {of}.kaskade_lease WHERE node = 0")),
        "42"
    );
    put(&engine, 13, b"another").expect("a commit");
    put_as(&other, 1, 1, b"a third").expect("a commit");
    assert_eq!(engine.count(TABLE).expect("a number"), 3);
}
