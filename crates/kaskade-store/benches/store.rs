//! What the store costs, by number of subscribers: `cargo bench -p kaskade-store --bench store [-- 1000 100000 1000000]`.
//!
//! The store lies in `KASKADE_BENCH_DIR`, or in the folder for temporary files.
#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a benchmark prints, on machines of 64 bits"
)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kaskade_crypto::{K, Opc};
use kaskade_keys::Supi;
use kaskade_store::{
    MasterKey, OpOrOpc, Resynchronised, SqnRecord, SqnScheme, StoreOptions, Subscriber, SubscriberSecrets,
    SubscriberStore,
};
use kaskade_testkit::subscribers::{self, credentials, supi};

const NODE: &str = "5G:mnc001.mcc001.3gppnetwork.org";

fn main() {
    let sizes: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes.is_empty() {
        vec![1000, 100_000, 1_000_000]
    } else {
        sizes
    };
    let [size] = sizes[..] else {
        // A process of its own for each: memory that was freed would count for the next.
        let this = std::env::current_exe().expect("this benchmark");
        for size in sizes {
            std::process::Command::new(&this)
                .arg(size.to_string())
                .status()
                .expect("a run");
        }
        return;
    };
    let folder = std::env::var_os("KASKADE_BENCH_DIR").map_or_else(tempfile::tempdir, tempfile::tempdir_in);
    let folder = folder.expect("a folder for the store");
    let key = MasterKey::create(&folder.path().join("master.key")).expect("a new master key");
    println!("{size} subscribers");
    run(&folder.path().join("store"), &key, size);
}

fn run(path: &Path, key: &MasterKey, size: u64) {
    let open = || SubscriberStore::open(path, key, StoreOptions::default()).expect("the store");
    let resident = resident_bytes();
    let store = open();
    let (load, ()) = timed(|| {
        for first in (0..size).step_by(20_000) {
            let chunk: Vec<_> = (first..size.min(first + 20_000)).map(subscriber).collect();
            store.put_many(&chunk).expect("put");
        }
    });
    let per = |bytes: u64| bytes as f64 / size as f64;
    println!(
        "  bulk load            {:>10.2} s   {:.0} per second",
        load.as_secs_f64(),
        size as f64 / load.as_secs_f64()
    );
    drop(store);
    println!(
        "  on disk              {:>10.1} octets per subscriber",
        per(std::fs::metadata(path).expect("a file").len())
    );
    let (opening, store) = timed(open);
    println!("  open                 {:>10.2} ms", opening.as_secs_f64() * 1e3);

    let supis: Vec<Supi> = (0..200_000.min(size * 20)).map(|n| supi(scatter(n) % size)).collect();
    for supi in supis.iter().take(1000) {
        store.next_sqn(supi, NODE).expect("an SQN");
    }
    for round in ["cold", "warm"] {
        let opened = percentiles(&supis, |supi| {
            assert!(credentials(&store, supi).expect("read").is_some());
        });
        println!("  credentials ({round})   {opened}");
    }
    println!(
        "  resident             {:>10.1} octets per subscriber (with the cache)",
        per(resident_bytes() - resident)
    );
    let mut waited = 0;
    let sqn = percentiles(&supis, |supi| {
        if store.next_sqn_now(supi, NODE).expect("an SQN").is_none() {
            waited += 1;
            store.next_sqn(supi, NODE).expect("an SQN");
        }
    });
    println!(
        "  next_sqn_now         {sqn}   ({waited} had to wait, {} held)",
        store.held()
    );
    let both = percentiles(&supis, |supi| {
        assert!(credentials(&store, supi).expect("read").is_some());
        store.next_sqn_now(supi, NODE).expect("an SQN");
    });
    println!("  both                 {both}");
    reservations(&store, size);
    crash(&store, path, key);
}

/// Counter subscribers, each SQN of which needs a range, asked for by many threads.
fn reservations(store: &SubscriberStore, size: u64) {
    let count = size.min(100_000);
    let counters: Vec<_> = (0..count)
        .map(|n| {
            let mut subscriber = subscriber(size + n);
            subscriber.sqn = SqnRecord::blank(SqnScheme::NonTimeBased);
            subscriber
        })
        .collect();
    store.put_many(&counters).expect("put");
    let raised = AtomicU64::new(1 << 13);
    for threads in [1, 8, 32, 128] {
        let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let start = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (done, stop, counters, raised) = (&done, &stop, &counters, &raised);
                scope.spawn(move || {
                    let mut n = thread;
                    while !stop.load(Ordering::Relaxed) {
                        let supi = &counters[(scatter(n) % count) as usize].supi;
                        // SEQ_MS above all that came before: each of them is one durable write.
                        let seq = raised.fetch_add(1 << 13, Ordering::Relaxed);
                        let sqn_ms = kaskade_crypto::Sqn::new(seq << 5).expect("48 bits");
                        let outcome = store
                            .resynchronise(supi, &store.challenge(supi, [0; 8]), sqn_ms)
                            .expect("resynchronised");
                        done.fetch_add(u64::from(outcome == Resynchronised::Raised), Ordering::Relaxed);
                        n += threads;
                    }
                });
            }
            std::thread::sleep(Duration::from_secs(2));
            stop.store(true, Ordering::Relaxed);
        });
        let rate = done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
        println!("  durable writes       {rate:>10.0} per second with {threads} threads");
    }
    let few: Vec<_> = counters.iter().take(100).collect();
    for _ in 0..5000 {
        // The ranges grow to what is asked for.
        for counter in &few {
            store.next_sqn(&counter.supi, NODE).expect("an SQN");
        }
    }
    let start = Instant::now();
    let mut issued = 0_u64;
    while start.elapsed() < Duration::from_secs(2) {
        for counter in &few {
            store.next_sqn(&counter.supi, NODE).expect("an SQN");
            issued += 1;
        }
    }
    println!(
        "  counter SQN          {:>10.0} per second, one thread, ranges",
        issued as f64 / start.elapsed().as_secs_f64()
    );
    let hot = supi(0);
    let start = Instant::now();
    let mut issued = 0_u64;
    while start.elapsed() < Duration::from_secs(2) {
        store.next_sqn(&hot, NODE).expect("an SQN");
        issued += 1;
    }
    println!(
        "  one hot subscriber   {:>10.0} per second, time-based",
        issued as f64 / start.elapsed().as_secs_f64()
    );
}

/// How long a start takes after the process was killed: a copy of the file as it is while it is open.
fn crash(store: &SubscriberStore, path: &Path, key: &MasterKey) {
    store.settle().expect("settled");
    let copy = path.with_extension("copy");
    std::fs::copy(path, &copy).expect("copied");
    let written = std::fs::File::open(&copy).and_then(|file| file.sync_all());
    written.expect("the copy is on the disk, its writing is not what is measured");
    let (opening, killed) = timed(|| SubscriberStore::open(&copy, key, StoreOptions::default()));
    killed.expect("the copy");
    println!("  open after a kill    {:>10.2} ms", opening.as_secs_f64() * 1e3);
}

fn subscriber(number: u64) -> Subscriber {
    let octets = subscribers::secret_octets(number);
    Subscriber {
        secrets: SubscriberSecrets::milenage(K::from_octets(&octets), OpOrOpc::Opc(Opc::from_octets(&octets))),
        ..subscribers::subscriber(number, SqnScheme::TimeBased)
    }
}

/// SplitMix64: the same sequence in every run.
fn scatter(n: u64) -> u64 {
    let z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn timed<R>(work: impl FnOnce() -> R) -> (Duration, R) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn percentiles(supis: &[Supi], mut work: impl FnMut(&Supi)) -> String {
    let start = Instant::now();
    let mut times: Vec<u64> = supis
        .iter()
        .map(|supi| {
            let start = Instant::now();
            work(supi);
            start.elapsed().as_nanos() as u64
        })
        .collect();
    let mean = start.elapsed().as_nanos() as u64 / times.len() as u64;
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 1000).min(times.len() - 1)];
    format!(
        "{:>6} ns p50 {:>7} ns p99 {:>7} ns p99.9 {mean:>6} ns mean",
        at(500),
        at(990),
        at(999)
    )
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4096
}
