//! Vectors out of a store in PostgreSQL, beside `pgbench` in the same cluster and with as many clients:
//! `cargo bench -p kaskade-store --bench postgres [-- 1000 1000000]`.
//!
//! A vector is what the UDM does for one, without HTTP: card and sequence number of a random subscriber, a RAND, MILENAGE, XRES* and
//! K_AUSF. `pgbench` reads one row of a random subscriber by its primary key, and in its own table (`-S`): as prepared statements. Server,
//! nodes and `pgbench` share the machine; all three take turns, and what is compared are medians.
#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a benchmark prints, on machines of 64 bits"
)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use kaskade_aka::arpf::{self, FiveGHeAv};
use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_crypto::{K, Opc};
use kaskade_keys::{Plmn, ServingNetworkName, Supi};
use kaskade_store::postgres::{PostgresEngine, PostgresOptions};
use kaskade_store::{MasterKey, OpOrOpc, SqnScheme, StoreOptions, Subscriber, SubscriberSecrets, SubscriberStore};
use kaskade_testkit::postgres::Cluster;
use kaskade_testkit::random::Random;
use kaskade_testkit::subscribers::{self, supi};

const NODE: &str = "5G:mnc001.mcc001.3gppnetwork.org";
/// How many ask at once.
const CLIENTS: [usize; 3] = [1, 16, 64];
/// What is asked of vectors beside either kind of point reads.
const AT_LEAST: f64 = 0.6;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
/// How many fill the store, each with so many subscribers at once.
const FILLERS: usize = 16;
const CHUNK: usize = 2000;
/// Of pgbench's own tables: 100 000 rows each.
const SCALE: &str = "10";
/// What a server of this size is given; the test kit's has less.
const SETTINGS: &str = "shared_buffers = 1GB\nmax_wal_size = 4GB\n";

fn main() {
    let sizes: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1000] } else { sizes };
    let mut missed = 0;
    for size in &sizes {
        let Some(cluster) = Cluster::start() else { return };
        prepare(&cluster);
        let bench = Bench::of(&cluster, &cluster.place(), *size);
        missed += bench.table("no standby", &CLIENTS);
    }
    let Some(pair) = Cluster::with_standby() else { return };
    prepare(pair.primary());
    let bench = Bench::of(pair.primary(), &pair.place(), sizes.first().copied().unwrap_or(1000));
    missed += bench.table("a synchronous standby on this machine", &CLIENTS[1..2]);
    match missed {
        0 => println!("every bound holds"),
        missed => println!("{missed} bounds missed"),
    }
}

fn prepare(cluster: &Cluster) {
    cluster.set(SETTINGS);
    cluster.crash();
    cluster.start_again();
    let made = cluster.client("pgbench").args(["-i", "-q", "-s", SCALE]).output();
    assert!(made.is_ok_and(|made| made.status.success()), "pgbench makes its tables");
}

/// A store with its subscribers, and the cluster that it is in.
struct Bench<'c> {
    cluster: &'c Cluster,
    store: SubscriberStore,
    supis: Vec<Supi>,
    /// A folder with the script for pgbench and the master key.
    folder: tempfile::TempDir,
    loaded: f64,
}

impl<'c> Bench<'c> {
    fn of(cluster: &'c Cluster, place: &PostgresOptions, size: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = MasterKey::create(&folder.path().join("master.key")).expect("a new master key");
        let engine = Arc::new(PostgresEngine::open(place).expect("the engine"));
        let store = SubscriberStore::with_engine(engine, Path::new("bench"), &key, StoreOptions::default());
        let store = store.expect("the store");
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for filler in 0..FILLERS {
                let store = &store;
                scope.spawn(move || {
                    for first in (0..size).step_by(CHUNK).skip(filler).step_by(FILLERS) {
                        let chunk: Vec<_> = (first..size.min(first + CHUNK as u64)).map(subscriber).collect();
                        store.put_many(&chunk).expect("put");
                    }
                });
            }
        });
        let loaded = begun.elapsed().as_secs_f64();
        let (_, schema) = place
            .server
            .split_once("search_path=")
            .expect("a place of the test kit");
        let table = format!("{}.kaskade_row", schema.trim_end_matches('\''));
        cluster.sql(&format!("VACUUM ANALYZE {table}"));
        cluster.sql("CHECKPOINT");
        std::fs::write(folder.path().join("row.sql"), script(&table, size)).expect("written");
        let bench = Self {
            cluster,
            store,
            supis: (0..size).map(supi).collect(),
            folder,
            loaded,
        };
        bench.check(&table);
        bench
    }

    /// Both look for rows that there are.
    fn check(&self, table: &str) {
        let found = |n: usize| {
            self.cluster.sql(&format!(
                "SELECT count(*) FROM {table} WHERE id = {}",
                id_of(&n.to_string())
            ))
        };
        assert!(found(0) == "1" && found(self.supis.len()) == "0", "the script's rows");
    }

    /// A table by number of clients; how many bounds are missed.
    fn table(&self, what: &str, clients: &[usize]) -> usize {
        println!(
            "{} subscribers, {what}; filled with {:.0} per second",
            self.supis.len(),
            self.supis.len() as f64 / self.loaded
        );
        println!(
            "{:>7} {:>10} {:>9} {:>9} {:>7} {:>12} {:>6} {:>12} {:>6} {:>8}",
            "clients",
            "vectors/s",
            "p50 us",
            "p99 us",
            "waited",
            "pgbench row",
            "ratio",
            "pgbench -S",
            "ratio",
            "at least"
        );
        clients.iter().filter(|clients| !self.row(**clients)).count()
    }

    /// Whether it holds.
    fn row(&self, clients: usize) -> bool {
        let own = self.folder.path().join("row.sql").display().to_string();
        let (mut vectors, mut rows, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        let (mut times, mut waited) = (Vec::new(), 0);
        self.vectors(clients, ROUND / 4, 0);
        for round in 0..ROUNDS {
            for turn in 0..3 {
                // Nobody is always behind the same one.
                match (round + turn) % 3 {
                    0 => {
                        let mut done = self.vectors(clients, ROUND, round as u64 + 1);
                        vectors.push(done.per_second);
                        times.append(&mut done.nanoseconds);
                        waited += done.waited;
                    }
                    1 => rows.push(self.pgbench(clients, &["-f", &own])),
                    _ => plain.push(self.pgbench(clients, &["-S"])),
                }
            }
        }
        times.sort_unstable();
        let at = |share: usize| f64::from(times[(times.len() * share / 100).min(times.len() - 1)]) / 1e3;
        let (vectors, rows, plain) = (median(vectors), median(rows), median(plain));
        let holds = vectors >= AT_LEAST * rows && vectors >= AT_LEAST * plain;
        println!(
            "{clients:>7} {vectors:>10.0} {:>9.1} {:>9.1} {:>6.2}% {rows:>12.0} {:>6.3} {plain:>12.0} {:>6.3} {AT_LEAST:>8.2} {}",
            at(50),
            at(99),
            100.0 * waited as f64 / times.len() as f64,
            vectors / rows,
            vectors / plain,
            if holds { "ok" } else { "MISSED" }
        );
        holds
    }

    /// As many as there are in this time, by so many threads.
    fn vectors(&self, clients: usize, time: Duration, seed: u64) -> Done {
        let (stop, waited) = (AtomicBool::new(false), AtomicU64::new(0));
        let begin = Barrier::new(clients + 1);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..clients)
                .map(|client| {
                    let (stop, waited, begin) = (&stop, &waited, &begin);
                    scope.spawn(move || {
                        let mut times = Vec::with_capacity(1 << 16);
                        let mut random = scatter(seed << 32 | client as u64);
                        begin.wait();
                        while !stop.load(Ordering::Relaxed) {
                            random = scatter(random);
                            let supi = &self.supis[(random % self.supis.len() as u64) as usize];
                            let begun = Instant::now();
                            std::hint::black_box(vector(&self.store, supi, waited));
                            times.push(u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX));
                        }
                        times
                    })
                })
                .collect();
            begin.wait();
            let begun = Instant::now();
            std::thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
            let nanoseconds: Vec<u32> = threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("a client"))
                .collect();
            Done {
                per_second: nanoseconds.len() as f64 / begun.elapsed().as_secs_f64(),
                nanoseconds,
                waited: waited.load(Ordering::Relaxed),
            }
        })
    }

    /// Transactions per second, without the time in which connections are made.
    fn pgbench(&self, clients: usize, what: &[&str]) -> f64 {
        let mut pgbench = self.cluster.client("pgbench");
        pgbench.args(["-n", "-M", "prepared", "-c", &clients.to_string()]);
        pgbench.args(["-j", &clients.min(2).to_string(), "-T", &ROUND.as_secs().to_string()]);
        let done = pgbench.args(what).output().expect("pgbench");
        let said = String::from_utf8_lossy(&done.stdout);
        let per_second = said
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        assert!(per_second.is_some(), "{said}{}", String::from_utf8_lossy(&done.stderr));
        per_second.unwrap_or_default()
    }
}

/// What a round came to.
struct Done {
    per_second: f64,
    nanoseconds: Vec<u32>,
    /// How many had to wait for a write.
    waited: u64,
}

/// A vector of 5G AKA, as the UDM makes it.
fn vector(store: &SubscriberStore, supi: &Supi, waited: &AtomicU64) -> HeAv5g {
    let card = store.card(supi).expect("read").expect("a subscriber");
    assert!(!card.suspended, "none is");
    let permit = arpf::permit::<FiveGHeAv>(|method| card.methods.contains(method)).expect("5G AKA");
    let sqn = match store.next_sqn_of_now(supi, &card.name, NODE).expect("an SQN") {
        Some((sqn, _)) => sqn,
        None => {
            waited.fetch_add(1, Ordering::Relaxed);
            store.next_sqn_of(supi, &card.name, NODE).expect("an SQN").0
        }
    };
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).expect("random octets");
    let rand = store.challenge(supi, random);
    let quintet = store.custody().quintet(&card.sealed, &rand, sqn, permit.amf(card.amf));
    let operation = FiveGHeAv {
        serving_network_name: ServingNetworkName::new(Plmn::new("001", "01").expect("a PLMN"), None),
    };
    permit.of_quintet(&operation, quintet.wait().expect("a quintet"), &mut ())
}

/// One row of one of so many subscribers, by its primary key.
fn script(table: &str, size: u64) -> String {
    format!(
        "\\set n random(0, {})\nSELECT id, version, ends, octets FROM {table} WHERE id = {};\n",
        size - 1,
        id_of(":n")
    )
}

/// SQL: the name of the row with the credentials of a subscriber by number.
fn id_of(number: &str) -> String {
    // Digits of the IMSI are nibbles, one more each.
    let key = format!(
        "decode('0111212' || translate(lpad({number}::text, 10, '0'), '0123456789', '123456789a') || '0', 'hex')"
    );
    format!("substr(sha256({key}), 1, 4) || '\\x0010'::bytea || {key} || '\\x00'::bytea")
}

fn subscriber(number: u64) -> Subscriber {
    let octets = subscribers::secret_octets(number);
    Subscriber {
        secrets: SubscriberSecrets::milenage(K::from_octets(&octets), OpOrOpc::Opc(Opc::from_octets(&octets))),
        ..subscribers::subscriber(number, SqnScheme::TimeBased)
    }
}

/// The same sequence in every run.
const fn scatter(n: u64) -> u64 {
    Random::new(n).next()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
