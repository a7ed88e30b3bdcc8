//! What became of a commit whose answer never came, or came with a warning.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kaskade_store::EngineError;
use kaskade_store::engine::{Engine, Serial, UnitOutcome};
use kaskade_store::postgres::PostgresOptions;
use kaskade_testkit::postgres::{Cluster, Proxy};

use super::server::{is_there, open, put, schema, until, waiting_for_a_standby};

/// From now on commits wait for a standby that there is not.
const NO_STANDBY: &str = "synchronous_standby_names = 'nobody'";
const NO_MORE: &str = "synchronous_standby_names = ''";

#[test]
fn a_lost_connection_is_settled_when_the_server_has_ended_with_it() {
    let Some(cluster) = Cluster::start() else { return };
    let way = Proxy::to(cluster.port());
    let engine = open(&way.of(&cluster, &cluster.place()));
    put(&engine, 1, b"before").expect("a commit");
    cluster.set(NO_STANDBY);
    let committing = {
        let engine = Arc::clone(&engine);
        thread::spawn(move || put(&engine, 2, b"unknown"))
    };
    until("a commit waits", || waiting_for_a_standby(&cluster) == "1");
    way.cut();
    let failed = committing.join().expect("no panic").expect_err("nobody knows");
    assert!(matches!(failed.error, EngineError::Away { .. }), "{}", failed.error);
    assert_eq!(failed.outcomes, [UnitOutcome::Done], "if it is durable");
    // Nothing goes on before that is known.
    let refused = put(&engine, 3, b"next").expect_err("an earlier one is open");
    assert!(matches!(refused.error, EngineError::Away { .. }), "{}", refused.error);
    let recovering = {
        let engine = Arc::clone(&engine);
        thread::spawn(move || pollster::block_on(engine.recover(0)))
    };
    thread::sleep(Duration::from_secs(1));
    assert!(!recovering.is_finished(), "the server works on it yet");
    cluster.set(NO_MORE);
    assert_eq!(recovering.join().expect("no panic").expect("it is known"), Serial(2));
    assert!(is_there(&engine, b"unknown").expect("read"));
    put(&engine, 3, b"next").expect("and on it goes");
}

/// Whoever cancels the wait for a standby gets "done", with a warning: the standby may not have it.
#[test]
fn a_commit_with_a_warning_is_not_done_until_a_standby_has_it() {
    let Some(cluster) = Cluster::start() else { return };
    let engine = open(&cluster.place());
    put(&engine, 1, b"before").expect("a commit");
    cluster.set(NO_STANDBY);
    let committing = {
        let engine = Arc::clone(&engine);
        thread::spawn(move || put(&engine, 2, b"warned"))
    };
    until("a commit waits", || waiting_for_a_standby(&cluster) == "1");
    cluster.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    let failed = committing.join().expect("no panic").expect_err("no standby has it");
    assert!(failed.error.to_string().contains("standby"), "{}", failed.error);
    let recovering = {
        let engine = Arc::clone(&engine);
        thread::spawn(move || pollster::block_on(engine.recover(0)))
    };
    thread::sleep(Duration::from_secs(1));
    assert!(!recovering.is_finished(), "no standby has it yet");
    cluster.set(NO_MORE);
    assert_eq!(recovering.join().expect("no panic").expect("it is known"), Serial(2));
    assert!(is_there(&engine, b"warned").expect("read"));
}

/// Neither a reload nor what a role has as its defaults takes away what a commit relies on.
#[test]
fn a_session_keeps_waiting_for_a_standby_and_hears_warnings_whatever_is_set() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.sql("ALTER ROLE kaskade SET client_min_messages = error");
    let engine = open(&cluster.place());
    put(&engine, 1, b"before").expect("a commit");
    cluster.set(&format!("synchronous_commit = off\n{NO_STANDBY}"));
    let committing = {
        let engine = Arc::clone(&engine);
        thread::spawn(move || put(&engine, 2, b"warned"))
    };
    until("a commit waits", || waiting_for_a_standby(&cluster) == "1");
    cluster.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    let failed = committing.join().expect("no panic").expect_err("no standby has it");
    assert!(failed.error.to_string().contains("standby"), "{}", failed.error);
    cluster.set(NO_MORE);
    assert_eq!(pollster::block_on(engine.recover(0)).expect("it is known"), Serial(2));
}

/// As after a fail-over to a standby that had not got all of it.
#[test]
fn a_server_that_has_lost_commits_is_used_no_more() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let engine = open(&place);
    put(&engine, 1, b"one").expect("a commit");
    put(&engine, 2, b"two").expect("a commit");
    cluster.sql(&format!("UPDATE {}.kaskade_serial SET serial = 1", schema(&place)));
    let lost = pollster::block_on(engine.recover(0)).expect_err("2 was acknowledged");
    assert!(
        lost.needs_restart() && lost.to_string().contains("skip-ahead"),
        "{lost}"
    );
    assert!(put(&engine, 3, b"three").is_err());
    assert!(matches!(engine.damage(), Some(EngineError::Unreliable { .. })));
}

/// A trigger of somebody else's: the server says that it is committed, but a row is missing.
#[test]
fn a_commit_that_wrote_too_few_rows_is_not_done() {
    let Some(cluster) = Cluster::shared() else { return };
    let place = cluster.place();
    let of = schema(&place);
    let engine = open(&place);
    put(&engine, 1, b"one").expect("a commit");
    cluster.sql(&format!(
        "CREATE FUNCTION {of}.leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; \
         CREATE TRIGGER leave_out BEFORE INSERT ON {of}.kaskade_row FOR EACH ROW EXECUTE FUNCTION {of}.leave_out()"
    ));
    let failed = put(&engine, 2, b"two").expect_err("it is not there");
    assert!(failed.error.needs_restart(), "{}", failed.error);
    assert!(
        pollster::block_on(engine.recover(0)).is_err(),
        "whatever the serial says"
    );
    assert!(put(&engine, 3, b"three").is_err());
}

/// The server died before the transaction was there, or behind it: the serial says which.
#[test]
fn a_server_that_crashes_in_a_commit_loses_it_whole_or_not_at_all() {
    let Some(cluster) = Cluster::start() else { return };
    let place: PostgresOptions = cluster.place();
    let engine = open(&place);
    let mut durable = 0;
    for round in 0..3_u8 {
        let committing = {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                let mut serial = durable;
                while put(&engine, serial + 1, &[round, u8::try_from(serial % 200).unwrap_or(0)]).is_ok() {
                    serial += 1;
                }
                serial
            })
        };
        thread::sleep(Duration::from_millis(200 + u64::from(round) * 37));
        cluster.crash();
        let acknowledged = committing.join().expect("no panic");
        assert!(acknowledged > durable, "some were made");
        cluster.start_again();
        let mut known = None;
        until("the server is back", || {
            known = pollster::block_on(engine.recover(0)).ok();
            known.is_some()
        });
        let Serial(known) = known.expect("known");
        assert!(
            known == acknowledged || known == acknowledged + 1,
            "{known} after {acknowledged}"
        );
        let last = [round, u8::try_from((known - 1) % 200).unwrap_or(0)];
        assert!(is_there(&engine, &last).expect("read"), "what the serial says is there");
        durable = known;
    }
}
