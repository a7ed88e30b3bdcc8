//! Whatever octets of a store's file are changed: an error that names the file, or answers that are right. Never a panic, never the
//! end of the process, never a number twice.
//!
//! Each run is a child process, as what redb does in a destructor may end it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use kaskade_keys::Supi;
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::{EngineError, MasterKey, SqnScheme, StoreError, StoreOptions, SubscriberStore};
use kaskade_testkit::random::Random;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use crate::common::{credentials, folder, split, subscriber, supi};

const CHILD: &str = "KASKADE_DAMAGED_STORE";
/// How many single bits of each page are changed, besides its first octets.
const BITS: &str = "KASKADE_DAMAGED_BITS";
const PAGE: usize = 4096;
const NODE: &str = "node";

/// A store as it was closed.
struct Whole {
    folder: tempfile::TempDir,
    key: MasterKey,
    octets: Vec<u8>,
    /// What each subscriber is answered.
    next: Vec<(Supi, u64)>,
}

impl Whole {
    fn path(&self) -> PathBuf {
        self.folder.path().join("subscribers.redb")
    }

    fn put(&self, octets: &[u8]) {
        // Another file: one that is open elsewhere stays as it is.
        let _ = fs::remove_file(self.path());
        fs::write(self.path(), octets).expect("written");
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o600)).expect("private");
    }

    fn open(&self, cache_bytes: usize) -> Result<SubscriberStore, StoreError> {
        let mut options = StoreOptions::default();
        (options.create, options.cache_bytes) = (false, cache_bytes);
        SubscriberStore::open(&self.path(), &self.key, options)
    }

    /// One of today's, or one that an earlier program made.
    fn of(name: &str) -> Self {
        let (folder, mut key) = folder();
        let path = folder.path().join("subscribers.redb");
        if name == "today" {
            let mut options = StoreOptions::default();
            options.create = true;
            let store = SubscriberStore::open(&path, &key, options).expect("a new store");
            let scheme = |number| match number % 2 {
                0 => SqnScheme::TimeBased,
                _ => SqnScheme::NonTimeBased,
            };
            let all: Vec<_> = (0..120).map(|number| subscriber(number, scheme(number))).collect();
            store.put_many(&all).expect("put");
            for number in 0..40 {
                store.next_sqn(&supi(number), NODE).expect("an SQN");
            }
        } else {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores").join(name);
            for file in ["master.key", "subscribers.redb"] {
                fs::copy(from.join(file), folder.path().join(file)).expect("copied");
                fs::set_permissions(folder.path().join(file), fs::Permissions::from_mode(0o600)).expect("private");
            }
            key = MasterKey::open(&folder.path().join("master.key")).expect("the key");
        }
        let octets = fs::read(&path).expect("the file");
        let next = Vec::new();
        let mut whole = Self {
            folder,
            key,
            octets,
            next,
        };
        let store = whole.open(1 << 20).expect("whole");
        let supis = store
            .list(None, 1000)
            .expect("listed")
            .into_iter()
            .map(|found| found.supi);
        whole.next = supis
            .map(|supi| (supi.clone(), next_seq(&store, &supi).expect("an SQN")))
            .collect();
        whole
    }

    /// The pages that hold anything.
    fn pages(&self) -> Vec<usize> {
        let pages = self.octets.chunks(PAGE).enumerate();
        pages
            .filter(|(_, page)| page.iter().any(|octet| *octet != 0))
            .map(|(number, _)| number)
            .collect()
    }

    /// An authentication of a dozen subscribers: right answers, or the first error.
    fn ask(&self, store: &SubscriberStore) -> Result<(), StoreError> {
        for (supi, at_least) in self.next.iter().step_by(self.next.len().div_ceil(12)) {
            match credentials(store, supi) {
                Ok(None) => panic!("{supi:?} is unknown"),
                Ok(Some(_)) | Err(StoreError::GsmOnly) => {}
                Err(error) => return Err(error),
            }
            let next = next_seq(store, supi)?;
            assert!(next >= *at_least, "{supi:?}: {next} was issued before");
        }
        Ok(())
    }
}

fn next_seq(store: &SubscriberStore, supi: &Supi) -> Result<u64, StoreError> {
    store.next_sqn(supi, NODE).map(|sqn| split(sqn).0)
}

#[track_caller]
fn names_the_file(error: &StoreError) {
    let text = error.to_string();
    assert!(text.contains("subscribers.redb"), "{text}");
}

/// What is written over the octets of a page.
fn damages(octets: &[u8], page: usize, bits: u64, random: &mut Random) -> Vec<(usize, Vec<u8>)> {
    let begin = page * PAGE;
    let mut damages = vec![
        (begin, vec![0xff; 4]),
        (begin + 2, vec![0xff; 2]),
        (begin + 4, vec![0; 60]),
    ];
    if page == 0 {
        damages.extend((0..8).map(|bit| (9, vec![octets[9] ^ 1 << bit])));
    }
    for _ in 0..bits {
        let place = begin + usize::try_from(random.next() >> 33).expect("fits") % PAGE;
        damages.push((place, vec![octets[place] ^ 1 << (random.next() >> 61)]));
    }
    damages
}

/// Runs a test of this module again, with a store.
fn in_a_child(test: &str, store: &str) -> String {
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args([&format!("damaged::{test}"), "--exact", "--nocapture", "--quiet"])
        .env(CHILD, store)
        .output()
        .expect("a child");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr),
    );
    assert!(child.status.success(), "{store}: {}\n{stdout}\n{stderr}", child.status);
    assert!(!stderr.contains("panicked"), "{store}: {stderr}");
    stdout.into_owned()
}

fn bits() -> u64 {
    std::env::var(BITS).ok().and_then(|bits| bits.parse().ok()).unwrap_or(2)
}

#[test]
fn whatever_is_damaged_is_named() {
    let Ok(name) = std::env::var(CHILD) else {
        let run = |store| move || in_a_child("whatever_is_damaged_is_named", store);
        let runs = ["first", "second", "today"].map(|store| std::thread::spawn(run(store)));
        for run in runs {
            let told = run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            assert!(told.contains("refused"), "{told}");
            print!("{told}");
        }
        return;
    };
    let whole = Whole::of(&name);
    let whole_list = whole.next.len();
    let (mut refused, mut right) = (0, 0);
    let mut random = Random::new(7);
    for page in whole.pages() {
        for (place, octets) in damages(&whole.octets, page, bits(), &mut random) {
            let mut damaged = whole.octets.clone();
            damaged[place..place + octets.len()].copy_from_slice(&octets);
            if damaged == whole.octets {
                continue;
            }
            whole.put(&damaged);
            match whole.open(1 << 20) {
                Ok(store) => {
                    whole.ask(&store).expect("a file that is opened is whole");
                    assert_eq!(store.list(None, 1000).expect("whole").len(), whole_list);
                    right += 1;
                }
                Err(error) => {
                    names_the_file(&error);
                    assert_eq!(fs::read(whole.path()).expect("there"), damaged, "it is left as it is");
                    refused += 1;
                }
            }
        }
    }
    println!(
        "{name}: refused {refused}, right {right} of {} pages",
        whole.pages().len()
    );
    assert!(
        refused > 3 * whole.pages().len() / 2,
        "what is in use was hardly damaged"
    );
}

/// The last commit but one of a file that was closed is no state to go on from.
#[test]
fn a_header_that_leads_to_an_older_state_is_refused() {
    let whole = Whole::of("today");
    let mut octets = whole.octets.clone();
    octets[9] ^= 1;
    whole.put(&octets);
    let refused = whole.open(1 << 20).expect_err("refused");
    assert!(refused.to_string().contains("older state"), "{refused}");
    names_the_file(&refused);
}

/// Nor is that of one that was not: a number that its last commit reserved may have been given out.
#[test]
fn the_last_commit_counts_whatever_the_header_says() {
    let whole = Whole::of("today");
    let store = whole.open(1 << 20).expect("whole");
    store
        .put_many(&[subscriber(500, SqnScheme::NonTimeBased)])
        .expect("put");
    let issued = next_seq(&store, &supi(500)).expect("an SQN");
    let mut octets = fs::read(whole.path()).expect("there");
    assert_eq!(octets[9] & 2, 2, "it is open");
    for _ in 0..2 {
        whole.put(&octets);
        let after = whole.open(1 << 20).expect("as after a crash");
        assert!(next_seq(&after, &supi(500)).expect("there") > issued);
        drop(after);
        octets[9] ^= 1;
    }
}

/// A file that fails one of its reads, counted from the first.
#[derive(Debug)]
struct Failing {
    file: InMemoryBackend,
    reads: Arc<AtomicU64>,
    fails: u64,
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self.reads.fetch_add(1, Ordering::Relaxed) == self.fails {
            true => Err(io::Error::other("the disk does not read")),
            false => self.file.read(offset, out),
        }
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }
}

/// A disk that does not read says nothing about which commit was the last.
#[test]
fn what_cannot_be_read_is_no_older_state() {
    let whole = Whole::of("today");
    let store = whole.open(1 << 20).expect("whole");
    store
        .put_many(&[subscriber(500, SqnScheme::NonTimeBased)])
        .expect("put");
    let mut octets = fs::read(whole.path()).expect("there");
    drop(store);
    // As a crash leaves it in the middle of that commit.
    octets[9] ^= 1;
    let reads = Arc::new(AtomicU64::new(0));
    let open = |fails| {
        reads.store(0, Ordering::Relaxed);
        let (reads, octets) = (Arc::clone(&reads), octets.clone());
        let plug = move || {
            let file = InMemoryBackend::new();
            file.set_len(octets.len() as u64).expect("grows");
            file.write(0, &octets).expect("written");
            let reads = Arc::clone(&reads);
            Box::new(Failing { file, reads, fails }) as Box<dyn StorageBackend>
        };
        EmbeddedEngine::plugged(Path::new("plugged"), plug, 1 << 20)
    };
    assert!(open(u64::MAX).is_ok());
    let all = reads.load(Ordering::Relaxed);
    assert!(all > 10, "{all}");
    for fails in 0..all {
        match open(fails) {
            Ok(_) => panic!("{fails}: opened, and one read failed"),
            Err(error) => assert!(matches!(error, EngineError::Io { .. }), "{fails}: {error}"),
        }
    }
}

#[test]
fn damage_that_comes_while_it_runs_stops_it() {
    let Ok(name) = std::env::var(CHILD) else {
        print!("{}", in_a_child("damage_that_comes_while_it_runs_stops_it", "today"));
        return;
    };
    let whole = Whole::of(&name);
    let mut noticed = 0;
    for page in whole.pages() {
        for (at, octets) in [(0, &[0xff; 4][..]), (2, &[0xff; 2]), (100, &[0x55; 800])] {
            whole.put(&whole.octets);
            // Nothing is kept in memory: all is read again.
            let store = whole.open(0).expect("whole");
            let (tell, told) = mpsc::channel();
            store.when_failed(move |why| drop(tell.send(why)));
            let file = File::options().write(true).open(whole.path()).expect("the file");
            file.write_all_at(octets, (page * PAGE + at) as u64).expect("damaged");
            let asked = whole.ask(&store).and_then(|()| store.list(None, 1000).map(drop));
            let added = asked.and_then(|()| store.put_many(&[subscriber(500, SqnScheme::NonTimeBased)]).map(drop));
            if let Err(error) = added {
                names_the_file(&error);
                noticed += 1;
                let why = told.recv_timeout(Duration::from_secs(20)).expect("it is told");
                assert!(why.to_string().contains("subscribers.redb"), "{why}");
                // Nobody gets anything any more.
                let vector = credentials(&store, &whole.next[0].0).map(|found| found.is_some());
                names_the_file(&vector.expect_err("no vector"));
                assert!(store.put_many(&[subscriber(501, SqnScheme::NonTimeBased)]).is_err());
            }
            drop(store);
        }
    }
    println!("{name}: noticed {noticed}");
    assert!(noticed >= 3, "what is in use was hardly damaged");
}

#[test]
fn a_check_changes_nothing() {
    let whole = Whole::of("today");
    whole.put(&whole.octets);
    let (told, seen) = mpsc::channel();
    let tell = Arc::new(move |done, all| told.send((done, all)).unwrap_or(()));
    EmbeddedEngine::check(&whole.path(), tell.clone()).expect("whole");
    assert_eq!(fs::read(whole.path()).expect("there"), whole.octets);
    let (done, all) = seen.try_iter().last().expect("told");
    assert!(done > 0 && done <= all && all == whole.octets.len() as u64);
    let store = whole.open(1 << 20).expect("nobody has it open any more");
    EmbeddedEngine::check(&whole.path(), tell.clone()).expect_err("in use");
    drop(store);
    EmbeddedEngine::check(&whole.folder.path().join("nothing"), tell).expect_err("there is none");
}

#[test]
fn what_does_not_open_is_not_called_whole() {
    let whole = Whole::of("today");
    let changed = |at: usize, octet: u8| {
        let mut octets = whole.octets.clone();
        octets[at] = octet;
        octets
    };
    let mut other = b"SQLite format 3\0".to_vec();
    other.resize(100_000, 0);
    let mut files = vec![vec![0; 320], vec![0; whole.octets.len()], other];
    // The versions of both slots of the header.
    for at in [64, 192] {
        files.extend([0, 1, 2, 0xff].map(|octet| changed(at, octet)));
    }
    for octets in files {
        whole.put(&octets);
        let told = EmbeddedEngine::check(&whole.path(), Arc::new(|_, _| ())).expect_err("it does not open");
        assert!(matches!(told, EngineError::Corrupt { .. }), "{told}");
        match whole.open(1 << 20) {
            Err(StoreError::Read(error)) => assert!(matches!(*error, EngineError::Corrupt { .. }), "{error}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it is open"),
        }
    }
}
