//! What these tests ask of an engine, and what they do to the way to its server.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kaskade_store::EngineError;
use kaskade_store::engine::{Batch, CommitFailed, Engine, Group, Serial, Table, UnitOutcome, Wanted};
use kaskade_store::postgres::{PostgresEngine, PostgresOptions};
use kaskade_testkit::postgres::Cluster;

pub(super) const TABLE: Table = Table::META;

pub(super) fn open(options: &PostgresOptions) -> Arc<PostgresEngine> {
    Arc::new(PostgresEngine::open(options).expect("the engine"))
}

/// A place as another node has it.
pub(super) fn as_node(place: &PostgresOptions, node: u16) -> PostgresOptions {
    let mut place = place.clone();
    place.node = node;
    place
}

/// The schema of a place.
pub(super) fn schema(place: &PostgresOptions) -> String {
    let (_, schema) = place.server.split_once("search_path=").expect("a schema");
    schema.trim_end_matches('\'').to_owned()
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

pub(super) fn is_there(engine: &PostgresEngine, key: &[u8]) -> Result<bool, EngineError> {
    let rows = pollster::block_on(engine.read(&[Wanted::Key(TABLE, key)]))?;
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

/// A way to a server that can be cut: the server does not notice while it works on something.
pub(super) struct Way {
    pub(super) port: u16,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    dead: Arc<AtomicBool>,
}

impl Way {
    pub(super) fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let streams = Arc::<Mutex<Vec<TcpStream>>>::default();
        let dead = Arc::<AtomicBool>::default();
        let (all, is_dead) = (Arc::clone(&streams), Arc::clone(&dead));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(near), Ok(far)) = (stream, TcpStream::connect(("127.0.0.1", server))) else {
                    continue;
                };
                let mut all = all.lock().expect("not poisoned");
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut to) = (from.try_clone().expect("a copy"), to.try_clone().expect("a copy"));
                    let is_dead = Arc::clone(&is_dead);
                    let of_client = to.peer_addr().is_ok_and(|address| address.port() == server);
                    std::thread::spawn(move || {
                        let mut octets = [0; 4096];
                        while let Ok(count @ 1..) = from.read(&mut octets) {
                            let lost = of_client && is_dead.load(Ordering::Acquire);
                            if lost || to.write_all(&octets[..count]).is_err() {
                                return;
                            }
                        }
                    });
                }
                all.extend([near, far]);
            }
        });
        Self { port, streams, dead }
    }

    /// A place of the server by this way.
    pub(super) fn of(&self, cluster: &Cluster, place: &PostgresOptions) -> PostgresOptions {
        let socket = format!("host={}", cluster.socket_folder().display());
        let port = format!("port={}", cluster.port());
        let server = place.server.replace(&socket, "host=127.0.0.1");
        let mut way = place.clone();
        way.server = server.replace(&port, &format!("port={}", self.port));
        way
    }

    /// From now on the server hears nothing, as of a machine without power: no connection ends.
    pub(super) fn die(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// Breaks all connections that there are.
    pub(super) fn cut(&self) {
        for stream in self.streams.lock().expect("not poisoned").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
