//! Vectors per second of a store in PostgreSQL, beside point reads by its own pgbench with as many clients on the same cluster:
//! `cargo bench -p kaskade-store --bench postgres [-- SUBSCRIBERS CLIENTS]`.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use kaskade_aka::sqn::SqnScheme;
use kaskade_crypto::Rand;
use kaskade_store::postgres::PostgresEngine;
use kaskade_store::{MasterKey, Now, StoreOptions, SubscriberStore};
use kaskade_testkit::postgres::Cluster;
use kaskade_testkit::subscribers::{subscriber, supi};

const NODE: &str = "5G:mnc001.mcc001.3gppnetwork.org";
const RUN: Duration = Duration::from_secs(5);

fn main() {
    let mut asked = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let (size, clients) = (asked.next().unwrap_or(1000), asked.next().unwrap_or(8));
    let Some(cluster) = Cluster::start() else { return };
    let place = cluster.place();
    let engine = PostgresEngine::open(&place).expect("the engine");
    let name = engine.name().to_owned();
    let key = MasterKey::from_octets(&[7; 32]);
    let store = SubscriberStore::with_engine(Arc::new(engine), &name, &key, StoreOptions::default()).expect("a store");
    for first in (0..size).step_by(20_000) {
        let chunk: Vec<_> = (first..size.min(first + 20_000))
            .map(|n| subscriber(n, SqnScheme::TimeBased))
            .collect();
        store.put_many(&chunk).expect("put");
    }
    let (_, schema) = place.server.split_once("search_path=").expect("a schema");
    let schema = schema.trim_end_matches('\'');
    cluster.sql(&format!(
        "CREATE TABLE points AS SELECT row_number() OVER () AS n, octets FROM {schema}.kaskade_row; \
         ALTER TABLE points ADD PRIMARY KEY (n); VACUUM ANALYZE"
    ));
    for round in 0..3 {
        let reads = cluster.pgbench(
            &format!("\\set n random(1, {size})\nSELECT octets FROM points WHERE n = :n;\n"),
            clients,
            RUN.as_secs(),
        );
        let (vectors, p99) = vectors(&store, size, clients);
        println!(
            "{size} subscribers, {clients} clients, round {round}: {vectors:.0} vectors per second, p99 {:.2} ms; pgbench {reads:.0} reads per \
             second; {:.2} of it",
            p99.as_secs_f64() * 1e3,
            vectors / reads
        );
    }
}

/// Vectors per second, and what 99 of 100 take at most.
fn vectors(store: &SubscriberStore, size: u64, clients: u64) -> (f64, Duration) {
    let begun = Instant::now();
    let one = |client: u64| {
        let (mut took, mut n) = (Vec::new(), client.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        while begun.elapsed() < RUN {
            n = n
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let supi = supi((n >> 33) % size);
            let at = Instant::now();
            let card = store.card(&supi).expect("read").expect("there");
            let (sqn, _) = match store.next_sqn_of_now(&supi, &card.name, NODE).expect("a number") {
                Some(issued) => issued,
                None => store.next_sqn_of(&supi, &card.name, NODE).expect("a number"),
            };
            let rand = Rand::from_octets([7; 16]);
            match store.custody().quintet(&card.sealed, &rand, sqn, card.amf) {
                Now::Ready(quintet) => drop(quintet.expect("a quintet")),
                Now::Later(_) => unreachable!("K is in memory"),
            }
            took.push(at.elapsed());
        }
        took
    };
    let mut all: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|client| scope.spawn(move || one(client))).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    all.sort_unstable();
    let p99 = all.get(all.len() * 99 / 100).copied().unwrap_or_default();
    #[allow(clippy::cast_precision_loss, reason = "some hundred thousand")]
    let rate = all.len() as f64 / begun.elapsed().as_secs_f64();
    (rate, p99)
}
