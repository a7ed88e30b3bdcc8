//! When a store must end: a disk of which nobody knows what is on it, and not a disk that is full.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crate::common::{subscriber, supi};
use kaskade_store::engine::{CommitFailed, Engine, Group, Serial, UnitOutcome};
use kaskade_store::{EngineError, MasterKey, SqnScheme, StoreError, StoreOptions, SubscriberStore};
use kaskade_testkit::memory::{Failure, MemoryEngine};

const NODE: &str = "amf-1";
const SOON: Duration = Duration::from_secs(10);

/// An engine whose commits and recoveries end as they are told to.
#[derive(Clone, Default)]
struct Scripted {
    memory: MemoryEngine,
    commit: Arc<AtomicU8>,
    recover: Arc<AtomicU8>,
    recoveries: Arc<AtomicUsize>,
}

const FINE: u8 = 0;
const IO: u8 = 1;
const FULL: u8 = 2;
const PANIC: u8 = 3;
const CORRUPT: u8 = 4;
const FORGETFUL: u8 = 5;

fn outcome(script: &AtomicU8) -> Result<(), EngineError> {
    let path = PathBuf::from("scripted");
    match script.load(Ordering::SeqCst) {
        FINE => Ok(()),
        IO => Err(EngineError::Io {
            path,
            source: std::io::Error::other("no answer from the disk"),
        }),
        FULL => Err(EngineError::Full(path)),
        CORRUPT => Err(EngineError::Corrupt {
            path,
            what: "a page".into(),
        }),
        _ => panic!("a fault in the engine"),
    }
}

impl Engine for Scripted {
    kaskade_testkit::reads_from_memory!();
}

impl Scripted {
    fn write(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        if self.commit.load(Ordering::SeqCst) == FORGETFUL {
            let nothing = Group {
                node: group.node,
                serial: Serial::default(),
                now: group.now,
                units: Vec::new(),
            };
            self.memory.write(&nothing)?;
            return Err(EngineError::Full(PathBuf::from("scripted")).into());
        }
        outcome(&self.commit)?;
        self.memory.write(group)
    }
    fn mend(&self) -> Result<(), EngineError> {
        self.recoveries.fetch_add(1, Ordering::SeqCst);
        outcome(&self.recover)
    }
}

fn open(engine: Arc<dyn Engine>, longest_outage: Duration) -> SubscriberStore {
    let mut options = StoreOptions::default();
    options.longest_outage = longest_outage;
    let key = MasterKey::from_octets(&[1; 32]);
    SubscriberStore::with_engine(engine, Path::new("memory"), &key, options).expect("a store")
}

/// A store with one subscriber, and the news of its failure, as text.
fn watched(engine: Arc<dyn Engine>, longest_outage: Duration) -> (SubscriberStore, mpsc::Receiver<String>) {
    let store = open(engine, longest_outage);
    store.add(&subscriber(1, SqnScheme::NonTimeBased)).expect("added");
    store.next_sqn(&supi(1), NODE).expect("an SQN");
    let (tell, told) = mpsc::channel();
    store.when_failed(move |why| tell.send(why.to_string()).expect("somebody listens"));
    assert!(store.failed().is_none());
    (store, told)
}

/// Issues until the range is used up and the disk is asked; the error.
fn until_refused(store: &SubscriberStore) -> StoreError {
    for _ in 0..20_000 {
        if let Err(error) = store.next_sqn(&supi(1), NODE) {
            return error;
        }
    }
    panic!("it goes on without a disk");
}

#[test]
fn a_broken_disk_is_told_once_and_for_all() {
    let engine = MemoryEngine::default();
    let (store, told) = watched(Arc::new(engine.clone()), SOON);
    engine.fail(Failure::Broken);
    assert!(matches!(until_refused(&store), StoreError::Write(_)));
    let why = told.recv_timeout(SOON).expect("told");
    assert!(
        why.starts_with("writing stopped until a restart: ") && why.contains("restart to recover"),
        "{why}"
    );
    assert!(matches!(&store.failed(), Some(stopped) if matches!(*stopped.0, EngineError::Failed)));
    // Also who asks late is told; nobody is told twice; and a disk that comes back changes nothing in this life.
    let (tell, late) = mpsc::channel();
    store.when_failed(move |_| tell.send(()).expect("somebody listens"));
    late.recv_timeout(SOON).expect("told at once");
    engine.fail(Failure::Never);
    std::thread::sleep(Duration::from_millis(500));
    assert!(matches!(until_refused(&store), StoreError::Write(_)));
    assert!(store.failed().is_some() && told.try_recv().is_err());
    drop(store);
    let store = open(Arc::new(engine), SOON);
    store.next_sqn(&supi(1), NODE).expect("the next life works");
}

#[test]
fn a_full_disk_is_no_failure_however_long_it_lasts() {
    for failure in [Failure::Full, Failure::FullAfterWrite] {
        let engine = MemoryEngine::default();
        let (store, told) = watched(Arc::new(engine.clone()), Duration::ZERO);
        engine.fail(failure);
        assert!(matches!(until_refused(&store), StoreError::Write(_)));
        assert!(told.recv_timeout(Duration::from_secs(1)).is_err() && store.failed().is_none());
        engine.fail(Failure::Never);
        let start = std::time::Instant::now();
        while store.next_sqn(&supi(1), NODE).is_err() {
            assert!(start.elapsed() < SOON, "it does not go on");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(store.failed().is_none());
    }
}

/// What it says is its last commit lies below one that it had acknowledged.
#[test]
fn an_engine_that_has_lost_commits_is_used_no_more() {
    let engine = Scripted::default();
    let (store, told) = watched(Arc::new(engine.clone()), SOON);
    engine.commit.store(FORGETFUL, Ordering::SeqCst);
    assert!(matches!(until_refused(&store), StoreError::Write(_)));
    let why = told.recv_timeout(SOON).expect("told");
    assert!(why.contains("skip-ahead"), "{why}");
    assert!(store.failed().is_some());
}

/// The commit was refused for room, and what follows is not a matter of room.
#[test]
fn an_outage_of_another_kind_may_end_by_itself_but_not_last() {
    let engine = Scripted::default();
    let (store, told) = watched(Arc::new(engine.clone()), SOON);
    engine.commit.store(FULL, Ordering::SeqCst);
    engine.recover.store(IO, Ordering::SeqCst);
    until_refused(&store);
    while engine.recoveries.load(Ordering::SeqCst) < 4 {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(store.failed().is_none(), "it has not lasted long");
    engine.commit.store(FINE, Ordering::SeqCst);
    engine.recover.store(FINE, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(500));
    store.next_sqn(&supi(1), NODE).expect("it goes on");
    assert!(told.try_recv().is_err());
    drop(store);

    let engine = Scripted::default();
    let (store, told) = watched(Arc::new(engine.clone()), Duration::from_millis(500));
    engine.commit.store(FULL, Ordering::SeqCst);
    engine.recover.store(IO, Ordering::SeqCst);
    until_refused(&store);
    let why = told.recv_timeout(SOON).expect("told");
    assert!(why.contains("no answer from the disk"), "{why}");
}

/// An hour without a server, and then one that says something else once.
#[test]
fn a_long_outage_does_not_make_the_next_error_a_lasting_one() {
    let engine = Scripted::default();
    let (store, told) = watched(Arc::new(engine.clone()), Duration::from_secs(2));
    engine.commit.store(FULL, Ordering::SeqCst);
    engine.recover.store(FULL, Ordering::SeqCst);
    until_refused(&store);
    std::thread::sleep(Duration::from_secs(3));
    let before = engine.recoveries.load(Ordering::SeqCst);
    engine.recover.store(IO, Ordering::SeqCst);
    while engine.recoveries.load(Ordering::SeqCst) < before + 2 && store.failed().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(store.failed().is_none(), "it has not lasted long");
    engine.commit.store(FINE, Ordering::SeqCst);
    engine.recover.store(FINE, Ordering::SeqCst);
    let start = std::time::Instant::now();
    while store.next_sqn(&supi(1), NODE).is_err() {
        assert!(start.elapsed() < SOON, "it does not go on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(told.try_recv().is_err());
}

#[test]
fn a_damaged_file_is_a_failure_at_once() {
    let engine = Scripted::default();
    let (store, told) = watched(Arc::new(engine.clone()), Duration::from_secs(3600));
    engine.commit.store(FULL, Ordering::SeqCst);
    engine.recover.store(CORRUPT, Ordering::SeqCst);
    until_refused(&store);
    let why = told.recv_timeout(SOON).expect("told");
    assert!(why.contains("damaged"), "{why}");
}

/// A thread that waits for a commit hears of it, when the thread that commits is gone.
#[test]
fn a_dead_committer_leaves_nobody_waiting() {
    let engine = Scripted::default();
    let (store, told) = watched(Arc::new(engine.clone()), SOON);
    engine.commit.store(PANIC, Ordering::SeqCst);
    let (tell, done) = mpsc::channel();
    let store = Arc::new(store);
    let asking = Arc::clone(&store);
    let thread = std::thread::spawn(move || tell.send(until_refused(&asking)).expect("somebody listens"));
    let error = done.recv_timeout(SOON).expect("an answer");
    assert!(matches!(error, StoreError::Write(_) | StoreError::Closed), "{error}");
    thread.join().expect("no panic");
    let why = told.recv_timeout(SOON).expect("told");
    assert!(why.contains("has died"), "{why}");
    assert!(matches!(
        store.add(&subscriber(2, SqnScheme::TimeBased)),
        Err(StoreError::Closed)
    ));
    assert!(matches!(store.settle(), Err(StoreError::Closed)));
}
