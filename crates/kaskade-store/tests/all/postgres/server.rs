//! What these tests ask of an engine and of its server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kaskade_store::EngineError;
use kaskade_store::engine::{Batch, CommitFailed, Engine, Group, Serial, Table, UnitOutcome, Wanted};
use kaskade_store::postgres::{PostgresEngine, PostgresOptions};
use kaskade_testkit::postgres::{Cluster, schema_of};

pub(super) const TABLE: Table = Table::META;

pub(super) fn open(options: &PostgresOptions) -> Arc<PostgresEngine> {
    Arc::new(PostgresEngine::open(options).expect("the engine"))
}

/// A place as another node has it.
pub(crate) fn as_node(place: &PostgresOptions, node: u16) -> PostgresOptions {
    let mut place = place.clone();
    place.node = node;
    place
}

/// The schema of a place.
pub(crate) fn schema(place: &PostgresOptions) -> String {
    schema_of(place).expect("a schema").to_owned()
}

pub(super) fn put(engine: &PostgresEngine, serial: u64, key: &[u8]) -> Result<Vec<UnitOutcome>, CommitFailed> {
    put_as(engine, 0, serial, key)
}

pub(super) fn put_as(
    engine: &PostgresEngine,
    node: u16,
    serial: u64,
    key: &[u8],
) -> Result<Vec<UnitOutcome>, CommitFailed> {
    let mut unit = Batch::default();
    unit.put(TABLE, key, b"there");
    let group = Group {
        node,
        serial: Serial(serial),
        now: 0,
        units: vec![unit],
    };
    pollster::block_on(engine.commit(group))
}

/// By the way of those who must not block, and then by that of a thread that may.
pub(super) fn is_there(engine: &PostgresEngine, key: &[u8]) -> Result<bool, EngineError> {
    pollster::block_on(engine.read(&[Wanted::Key(TABLE, key)]))?;
    is_there_by_the_short_way(engine, key)
}

pub(super) fn is_there_by_the_short_way(engine: &PostgresEngine, key: &[u8]) -> Result<bool, EngineError> {
    let rows = engine.read_blocking(&[Wanted::Key(TABLE, key)])?;
    Ok(rows.into_iter().flatten().next().is_some())
}

/// Waits until it is so, for a quarter of a minute.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(15), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many commits wait for a standby.
pub(super) fn waiting_for_a_standby(cluster: &Cluster) -> String {
    cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
}
