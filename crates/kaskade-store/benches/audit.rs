//! What a release on record costs, beside what it must cost: `cargo bench -p kaskade-store --bench audit`.
//!
//! The bound is SHA-256 of 96 octets, which the chain takes, and a copy of them. The log lies in `KASKADE_BENCH_DIR`, or in the
//! folder for temporary files.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use kaskade_crypto::kdf::sha256;
use kaskade_flow::event::{Action, ENTRY_LEN, Event, Outcome, PeerId};
use kaskade_flow::{Cover, Guarded};
use kaskade_keys::Supi;
use kaskade_keys::derivation::Fingerprint;
use kaskade_store::MasterKey;
use kaskade_store::audit::{AuditLog, AuditOptions};

const BURST: u64 = 2000;
const BURSTS: u64 = 200;

fn main() {
    let folder = std::env::var_os("KASKADE_BENCH_DIR").map_or_else(tempfile::tempdir, tempfile::tempdir_in);
    let folder = folder.expect("a folder for the log");
    let key = MasterKey::create(&folder.path().join("master.key")).expect("a new master key");
    let log = AuditLog::open(AuditOptions::new(&folder.path().join("audit")), &key).expect("a log");
    let supi: Supi = "imsi-001010000000001".parse().expect("a SUPI");
    let peer = log.peer("amf.example.org");
    let fingerprint = Fingerprint::of_octets("K_SEAF", &[7; 32]);
    let event = |n: u64| {
        Event::new(Outcome::Released, Action::KeyReleased, log.now())
            .by(peer)
            .about(log.subject(&supi))
            .key("K_SEAF", fingerprint)
            .correlated(n)
    };

    let entry = event(0).encode();
    let mut copy = [0; ENTRY_LEN];
    let bound = each(|n| {
        copy.copy_from_slice(black_box(&entry));
        black_box(sha256(&[&n.to_be_bytes(), &copy]));
    });
    println!("  bound: SHA-256 of an entry and a copy   {bound:>7.1} ns");
    let subject = log.subject(&supi);
    let build = each(|n| {
        let event = Event::new(Outcome::Released, Action::KeyReleased, black_box(log.now()))
            .by(PeerId::from_octets(n.to_be_bytes()))
            .about(subject)
            .key("K_SEAF", fingerprint);
        black_box(&event);
    });
    println!("  an event is built, with the time        {build:>7.1} ns");
    let pseudonym = each(|_| {
        black_box(log.subject(black_box(&supi)));
    });
    println!("  pseudonym and masked SUPI               {pseudonym:>7.1} ns");
    let (mut spent, mut released) = (Duration::ZERO, 0_u64);
    for burst in 0..BURSTS {
        let start = Instant::now();
        for n in 0..BURST {
            let covered = log.covered(Cover::known_to_store(), event(burst << 32 | n), Guarded::new(n));
            released += u64::from(covered.is_ok());
        }
        spent += start.elapsed();
        log.flush().expect("on the disk");
    }
    let covered = nanos(spent) / (BURST * BURSTS) as f64;
    assert_eq!(released, BURST * BURSTS, "the log had no room");
    println!(
        "  covered: built, admitted, pushed        {covered:>7.1} ns   {:.1} times the bound",
        covered / bound
    );
    let start = Instant::now();
    let mut waited = 0_u64;
    for n in 0..2_000_000 {
        while log.covered(Cover::known_to_store(), event(n), Guarded::new(n)).is_err() {
            waited += 1;
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    log.flush().expect("on the disk");
    let rate = 2e9 / nanos(start.elapsed()) * 1e6;
    println!(
        "  chained, written and synced             {rate:>7.0} events per second ({waited} waits of 0.2 ms for room)"
    );
}

fn each(mut work: impl FnMut(u64)) -> f64 {
    const TURNS: u64 = 1_000_000;
    let start = Instant::now();
    (0..TURNS).for_each(&mut work);
    nanos(start.elapsed()) / TURNS as f64
}

fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
