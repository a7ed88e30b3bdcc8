//! No SQN twice, and none that was answered lost: over many lives of a process that is killed under load.
//!
//! The test starts itself as a child. The child opens the store, asks for SQN from several threads and writes each
//! that it got to its standard output, as a server would answer. The parent kills it at a random moment, starts it
//! again on the same store, and checks everything that it was told. `KASKADE_CRASH_KILLS` sets how often (50, and 20 where numbers
//! come once more), and `KASKADE_CRASH_LIFE_MS` how long each works at most (120).
//!
//! An SQN comes once more where the policy says so: to a card that proved that it went back and to which nothing else was left. That
//! can also happen to a card that got few, after imports far apart: `once_more` shows how, and accounts for each number at each
//! moment at which power may fail. What is checked here of one that comes once more: it is in the window of an AUTS that was on its
//! way before, and the store's record counts at least as many times.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, and the child speaks"
)]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crate::common::{credentials, split, subscriber, supi};
use kaskade_aka::sqn::{Seq, SqnError, SqnLayout};
use kaskade_store::{MasterKey, Resynchronised, SqnRecord, SqnScheme, StoreError, StoreOptions, SubscriberStore};
use kaskade_testkit::random::Random;

const CHILD: &str = "KASKADE_CRASH_CHILD";
const SUBSCRIBERS: u64 = 300;
const THREADS: u64 = 6;
const NODES: [&str; 3] = ["amf-1", "amf-2", "5G:mnc001.mcc001.3gppnetwork.org"];

const LIFE: &str = "KASKADE_CRASH_LIFE";

/// Where the cards stand that fall behind.
#[derive(Clone, Copy)]
struct Cards {
    /// The test that the child runs.
    test: &'static str,
    delta: u64,
    /// How far they come in a life: what they accepted once is behind them.
    steps: u64,
}

const MOVING: Cards = Cards {
    test: "crash::survives_being_killed",
    delta: 2000,
    steps: 500,
};
/// They begin at 0 again each time, and accept so little that it is spent in a moment.
const STANDING: Cards = Cards {
    test: "crash::survives_being_killed_where_numbers_come_once_more",
    delta: 16,
    steps: 0,
};

/// One life: what was answered until the kill.
#[derive(Default)]
struct Told {
    /// Subscriber and SQN as a number.
    issued: Vec<(u64, u64)>,
    /// Subscriber and SEQ_MS of an AUTS, said before the store is asked.
    shown: Vec<(u64, u64)>,
    raised: u64,
    epochs: u64,
    loads: u64,
}

/// SEQ_MS of the cards that fall behind, within this life.
static CARD: AtomicU64 = AtomicU64::new(0);

/// Subscribers whose card is often more than Δ behind: their SQN may go down, but never to one that was issued.
fn falls_behind(number: u64) -> bool {
    number % 25 == 7
}

#[test]
fn survives_being_killed() {
    survives(MOVING, 50, |sums, kills| {
        sums.answered >= 200 * kills && sums.raised >= 2 * kills && sums.epochs >= kills / 2
    });
}

#[test]
fn survives_being_killed_where_numbers_come_once_more() {
    survives(STANDING, 20, |sums, kills| {
        sums.answered >= 100 * kills && sums.again >= kills
    });
}

/// What was answered in all lives.
#[derive(Default)]
struct Sums {
    answered: u64,
    /// How many SQN came once more.
    again: u64,
    raised: u64,
    epochs: u64,
    loads: u64,
}

fn survives(cards: Cards, kills: u64, is_enough: impl Fn(&Sums, u64) -> bool) {
    if let Ok(folder) = std::env::var(CHILD) {
        serve(Path::new(&folder), cards);
    }
    let kills: u64 = std::env::var("KASKADE_CRASH_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(kills);
    let longest = std::env::var("KASKADE_CRASH_LIFE_MS")
        .ok()
        .and_then(|longest| longest.parse().ok())
        .unwrap_or(120);
    let (folder, _key) = crate::common::folder();
    let seed = std::process::id().into();
    let mut random = Random::new(seed);
    println!("seed {seed}");
    // How often each was issued.
    let mut seen: HashMap<(u64, u64), u32> = HashMap::new();
    let mut highest: HashMap<(u64, u8), u64> = HashMap::new();
    let mut shown: HashSet<(u64, u64)> = HashSet::new();
    let mut sums = Sums::default();
    let mut life = 0;
    // On a busy machine lives are poor: then there are more of them.
    while life < kills || (life < 20 * kills && !is_enough(&sums, kills)) {
        // Some die while the store opens or loads, the others under load.
        let under_load = life % 4 != 0;
        let patience = Duration::from_micros(random.below(if under_load { longest * 1000 } else { 20_000 }));
        let told = live(folder.path(), cards, life, under_load, patience);
        let mut highest_now = highest.clone();
        shown.extend(told.shown);
        let mut once_more: HashMap<u64, u32> = HashMap::new();
        for (subscriber, sqn) in told.issued {
            let (seq, ind) = split(kaskade_crypto::Sqn::new(sqn).expect("48 bits"));
            let times = seen.entry((subscriber, sqn)).or_insert(0);
            *times += 1;
            if *times > 1 {
                let is_allowed =
                    |(of, seq_ms): &(u64, u64)| *of == subscriber && *seq_ms < seq && seq <= *seq_ms + cards.delta;
                assert!(
                    falls_behind(subscriber) && shown.iter().any(is_allowed),
                    "life {life}: SQN {sqn:#x} of {subscriber} is issued twice"
                );
                let most = once_more.entry(subscriber).or_insert(0);
                *most = (*times - 1).max(*most);
                sums.again += 1;
            }
            let before = highest.get(&(subscriber, ind)).filter(|_| !falls_behind(subscriber));
            assert!(
                before.is_none_or(|before| seq > *before),
                "life {life}: SEQ {seq} of {subscriber} is below {before:?}"
            );
            let now = highest_now.entry((subscriber, ind)).or_insert(seq);
            *now = seq.max(*now);
            sums.answered += 1;
        }
        if !once_more.is_empty() {
            // What is durable now, and no line of the child that the kill may have cut.
            let store = open(folder.path(), cards);
            for (subscriber, times) in once_more {
                let reuses = reuses(&store, subscriber);
                assert!(
                    times <= reuses,
                    "life {life}: an SQN of {subscriber} came {times} times more, and {reuses} are on record"
                );
            }
        }
        highest = highest_now;
        sums.raised += told.raised;
        sums.epochs += told.epochs;
        sums.loads += told.loads;
        life += 1;
    }
    // And the store is whole: it opens, and every subscriber that was answered is there.
    let store = open(folder.path(), cards);
    for (number, _) in highest.into_keys() {
        assert!(credentials(&store, &supi(number)).expect("read").is_some());
    }
    let reuses: u32 = (0..SUBSCRIBERS)
        .filter(|n| falls_behind(*n))
        .map(|n| reuses(&store, n))
        .sum();
    println!(
        "{life} kills, {} SQN answered, {} raised, {} new epochs, {} loads, {} SQN once more, allowed {reuses} times",
        sums.answered, sums.raised, sums.epochs, sums.loads, sums.again
    );
    assert!(is_enough(&sums, kills), "the test tests too little");
}

/// How often numbers of a subscriber were allowed once more.
fn reuses(store: &SubscriberStore, number: u64) -> u32 {
    let record = store.subscriber(&supi(number)).expect("read").expect("there").sqn;
    record.back().reuses
}

fn open(folder: &Path, cards: Cards) -> SubscriberStore {
    let key = MasterKey::open(&folder.join("master.key")).expect("the master key");
    SubscriberStore::open(&folder.join("store"), &key, options(cards)).expect("the store")
}

/// Starts the child, kills it `patience` after its start or its first answer, and reads what it said.
fn live(folder: &Path, cards: Cards, life: u64, under_load: bool, patience: Duration) -> Told {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args([cards.test, "--exact", "--nocapture", "--quiet"])
        .env(CHILD, folder)
        .env(LIFE, life.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the child");
    let stdout = child.stdout.take().expect("piped");
    let mut stderr = child.stderr.take().expect("piped");
    let (first, answered) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut told = Told::default();
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("text");
            // The last line may be cut by the kill: what the peer did not get whole was not answered.
            let Some(line) = line.strip_suffix(';') else { continue };
            if line.starts_with("sqn") {
                let _ = first.send(());
            }
            let mut words = line.split(' ');
            let word = words.next();
            let mut number = || words.next().and_then(|word| word.parse().ok());
            match word {
                Some("sqn") => told.issued.extend((|| Some((number()?, number()?)))()),
                Some("auts") => told.shown.extend((|| Some((number()?, number()?)))()),
                Some("raised") => told.raised += 1,
                Some("epoch") => told.epochs += 1,
                Some("load") => told.loads += 1,
                _ => {}
            }
        }
        told
    });
    if under_load {
        // Also ends when the child dies by itself.
        let _ = answered.recv_timeout(Duration::from_secs(60));
    }
    std::thread::sleep(patience);
    // SIGKILL.
    child.kill().expect("killed");
    let status = child.wait().expect("dead");
    let told = reader.join().expect("read");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut said).expect("text");
    assert_eq!(status.signal(), Some(9), "the child died by itself: {said}");
    told
}

fn options(cards: Cards) -> StoreOptions {
    let mut options = StoreOptions::default();
    // Small, so that marks and ranges are written and lost all the time.
    options.lead = Duration::from_millis(200);
    options.tick = Some(Duration::from_millis(20));
    options.policy.smallest_range = 4;
    options.policy.largest_range = 512;
    options.policy.horizon = 50;
    options.policy.delta = cards.delta;
    options.held_ranges = 64;
    options
}

/// The child.
fn serve(folder: &Path, cards: Cards) -> ! {
    let store = open(folder, cards);
    if store.len().expect("a number") < SUBSCRIBERS {
        let all: Vec<_> = (0..SUBSCRIBERS).map(|n| subscriber(n, scheme(n))).collect();
        store.put_many(&all).expect("put");
        say("load;\n");
    }
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || work(store, cards, thread));
        }
    });
    unreachable!("the threads work for ever");
}

fn work(store: &SubscriberStore, cards: Cards, thread: u64) {
    let life: u64 = std::env::var(LIFE).expect("set").parse().expect("a number");
    let mut random = Random::new(u64::from(std::process::id()) * 100 + thread);
    loop {
        // Some subscribers are much hotter than a tick allows.
        let number = match random.below(8) {
            0 => random.below(6),
            1 => 7 + 25 * random.below(SUBSCRIBERS / 25),
            _ => random.below(SUBSCRIBERS),
        };
        let node = NODES[random.below(3) as usize];
        let next = issue(store, number, node);
        if random.below(if falls_behind(number) { 4 } else { 30 }) != 0 {
            continue;
        }
        let (next, _) = split(kaskade_crypto::Sqn::new(next).expect("48 bits"));
        let seq_ms = match random.below(3) {
            0 | 1 if falls_behind(number) => {
                let step = CARD.fetch_add(1, Ordering::Relaxed).min(cards.steps.saturating_sub(1));
                let seq_ms = life * cards.steps + step;
                // Before what may follow from it is durable.
                say(&format!("auts {number} {seq_ms};\n"));
                seq_ms
            }
            _ if falls_behind(number) => {
                // Imported again, with far too high an SQN.
                let mut wrong = subscriber(number, scheme(number));
                let highest = Seq((life + 1) << 24 | random.below(1 << 24));
                wrong.sqn = SqnRecord::after(scheme(number), SqnLayout::ANNEX_C3, highest);
                store.put_many([&wrong]).expect("put");
                say("load;\n");
                continue;
            }
            // In step as long as nobody else is faster.
            0 if number >= 6 => next.saturating_sub(random.below(cards.delta / 2)),
            _ => next + random.below(1000),
        };
        let sqn_ms = kaskade_crypto::Sqn::new(seq_ms << 5).expect("48 bits");
        match store.resynchronise(&supi(number), &store.challenge(&supi(number), [0; 8]), sqn_ms) {
            Ok(Resynchronised::Raised) => say("raised;\n"),
            Ok(Resynchronised::NewEpoch) => say("epoch;\n"),
            Ok(_) | Err(StoreError::Sqn(SqnError::WindowSpent)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn issue(store: &SubscriberStore, number: u64, node: &str) -> u64 {
    let now = store.next_sqn_now(&supi(number), node).expect("an SQN");
    let sqn = now
        .unwrap_or_else(|| store.next_sqn(&supi(number), node).expect("an SQN"))
        .value();
    say(&format!("sqn {number} {sqn};\n"));
    sqn
}

fn scheme(number: u64) -> SqnScheme {
    SqnScheme::ALL[(number % 3) as usize]
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // One write per line: a kill cuts at most the last.
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .expect("the parent listens");
}
