//! One process at a time: leases, and those who were taken over.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use kaskade_store::EngineError;
use kaskade_store::engine::{Engine, Serial};
use kaskade_store::postgres::PostgresEngine;
use kaskade_testkit::postgres::{Cluster, Direction, Proxy};

use super::server::{is_there, is_there_by_the_short_way, open, put, schema, until};

#[test]
fn a_second_process_does_not_get_a_store_that_lives() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let first = open(&place);
    match PostgresEngine::open(&place).map(drop) {
        Err(EngineError::InUse(by)) => {
            let by = by.display().to_string();
            assert!(by.contains(&format!("process {}", std::process::id())), "{by}");
        }
        other => panic!("{other:?}"),
    }
    put(&first, 1, b"key").expect("the first goes on");
    let begun = Instant::now();
    drop(first);
    // One that has ended in order is not waited for.
    let second = open(&place);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(is_there(&second, b"key").expect("read"));
}

#[test]
fn a_process_that_died_is_waited_for_as_long_as_its_lease_lasts() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    drop(open(&place));
    let of = schema(&place);
    cluster.sql(&format!(
        "UPDATE {of}.kaskade_lease SET holder = 'dead', until = clock_timestamp() + interval '2 seconds'"
    ));
    let begun = Instant::now();
    let next = open(&place);
    assert!(begun.elapsed() > Duration::from_millis(1500), "{:?}", begun.elapsed());
    put(&next, 1, b"key").expect("a commit");
}

#[test]
fn whoever_was_taken_over_writes_no_more() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let engine = open(&place);
    put(&engine, 1, b"before").expect("a commit");
    let of = schema(&place);
    cluster.sql(&format!(
        "UPDATE {of}.kaskade_lease SET holder = 'another', epoch = epoch + 1"
    ));
    let failed = put(&engine, 2, b"after").expect_err("another has it");
    assert!(matches!(failed.error, EngineError::TakenOver(_)), "{}", failed.error);
    assert_eq!(cluster.sql(&format!("SELECT count(*) FROM {of}.kaskade_row")), "1");
    assert!(matches!(engine.damage(), Some(EngineError::TakenOver(_))));
    assert!(is_there(&engine, b"before").is_err(), "nor does it read");
    assert!(pollster::block_on(engine.recover(0)).is_err());
}

/// Between the two flights of a commit: its transaction is open, and the server hears no more of it.
#[test]
fn a_machine_that_died_in_a_commit_does_not_lock_out_its_successor() {
    let Some(cluster) = Cluster::start() else { return };
    let (way, place) = (Proxy::to(cluster.port()), cluster.place());
    let engine = open(&way.of(&cluster, &place));
    put(&engine, 1, b"before").expect("a commit");
    let of = schema(&place);
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR KEY SHARE'";
    let committing = std::thread::scope(|scope| {
        scope.spawn(|| {
            cluster.sql(&format!(
                "BEGIN; SELECT 1 FROM {of}.kaskade_lease FOR UPDATE; SELECT pg_sleep(4); COMMIT"
            ))
        });
        until("the row of the lease is held", || cluster.sql(sleeps) == "1");
        let engine = Arc::clone(&engine);
        let committing = std::thread::spawn(move || put(&engine, 2, b"unknown"));
        until("the first flight waits", || cluster.sql(waits) != "0");
        std::thread::sleep(Duration::from_millis(200));
        way.silence(Direction::ToServer);
        committing
    });
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || drop(tell.send(PostgresEngine::open(&place))));
    let next = told.recv_timeout(Duration::from_secs(15)).expect("in time");
    let next = next.expect("the next process has it");
    way.cut();
    assert!(committing.join().expect("no panic").is_err());
    assert!(!is_there(&next, b"unknown").expect("read"));
}

#[test]
fn another_epoch_of_the_same_process_is_no_other_process() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let engine = open(&place);
    put(&engine, 1, b"before").expect("a commit");
    cluster.sql(&format!(
        "UPDATE {}.kaskade_lease SET epoch = epoch + 1",
        schema(&place)
    ));
    let failed = put(&engine, 2, b"after").expect_err("of an old epoch");
    assert!(matches!(failed.error, EngineError::Away { .. }), "{}", failed.error);
    assert_eq!(pollster::block_on(engine.recover(0)).expect("it goes on"), Serial(1));
    put(&engine, 2, b"after").expect("in the new epoch");
}

/// Nobody commits, and the server lets nobody renew the lease: what is read then may be another's already.
#[test]
fn what_is_read_without_a_lease_does_not_count() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let engine = open(&place);
    put(&engine, 1, b"key").expect("a commit");
    let of = schema(&place);
    let why = std::thread::scope(|scope| {
        let holds = scope.spawn(|| {
            cluster.sql(&format!(
                "BEGIN; SELECT 1 FROM {of}.kaskade_lease FOR UPDATE; SELECT pg_sleep(9); COMMIT"
            ))
        });
        // Whenever that has begun, a lease runs out before it ends.
        while !holds.is_finished() {
            match is_there(&engine, b"key") {
                Ok(true) => std::thread::sleep(Duration::from_millis(20)),
                Err(EngineError::Away { why, .. }) => {
                    let short = is_there_by_the_short_way(&engine, b"key");
                    assert!(short.is_err(), "nor by the other way");
                    return Some(why);
                }
                other => panic!("{other:?}"),
            }
        }
        None
    });
    let why = why.expect("it is read for the whole time");
    assert!(why.contains("lease"), "{why}");
    until("it is renewed", || is_there(&engine, b"key").is_ok());
}

/// All answers come by one connection, which only a thread that waits asks on; one that is lost is no failure, and is made again.
#[test]
fn a_thread_that_waits_asks_by_itself() {
    let Some(cluster) = Cluster::start() else { return };
    let engine = open(&cluster.place());
    put(&engine, 1, b"key").expect("a commit");
    let asked = "query LIKE 'SELECT id, version, ends, octets FROM kaskade_row WHERE id = ANY%'";
    let last = || {
        assert!(is_there_by_the_short_way(&engine, b"key").expect("read"));
        cluster.sql(&format!(
            "SELECT pid FROM pg_stat_activity WHERE {asked} ORDER BY query_start DESC LIMIT 1"
        ))
    };
    // Of the others two take turns.
    let one = || (0..10).map(|_| last()).collect::<std::collections::BTreeSet<_>>().len() == 1;
    until("one connection answers", one);
    for _ in 0..3 {
        cluster.sql(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {asked}"
        ));
        assert!(is_there_by_the_short_way(&engine, b"key").expect("read"));
    }
    until("it is there again", one);
}
