//! A disk that is full or broken: errors, never an SQN twice; and back to work when there is room again.
#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking, and says what it could not do"
)]

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{credentials, split, subscriber, supi};
use kaskade_aka::sqn::{Seq, SqnLayout};
use kaskade_crypto::Sqn;
use kaskade_store::{
    EngineError, MasterKey, Resynchronised, SqnRecord, SqnScheme, StoreError, StoreOptions, SubscriberStore,
};
use kaskade_testkit::memory::{Failure, MemoryEngine};

const NODE: &str = "amf-1";

fn open(engine: &MemoryEngine) -> SubscriberStore {
    let key = MasterKey::from_octets(&[1; 32]);
    let engine = Arc::new(engine.clone());
    SubscriberStore::with_engine(engine, Path::new("memory"), &key, StoreOptions::default()).expect("a store")
}

/// Asks until it works or patience ends; every failure must be one of writing.
fn soon<R>(mut ask: impl FnMut() -> Result<R, StoreError>) -> R {
    let start = Instant::now();
    loop {
        match ask() {
            Ok(done) => return done,
            Err(StoreError::Write(_)) if start.elapsed() < Duration::from_secs(10) => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_full_disk_stops_and_never_repeats() {
    let engine = MemoryEngine::default();
    let mut seen = HashSet::new();
    let mut last = [0; 3];
    let store = open(&engine);
    for (number, scheme) in (0..).zip(SqnScheme::ALL) {
        store.add(&subscriber(number, scheme)).expect("added");
    }
    let mut take = |number: u64, sqn: Sqn| {
        assert!(seen.insert((number, sqn)), "twice");
        let (seq, _) = split(sqn);
        let last = &mut last[number as usize];
        assert!(seq > *last);
        *last = seq;
    };
    for number in 0..3 {
        take(number, store.next_sqn(&supi(number), NODE).expect("an SQN"));
    }
    for failure in [Failure::Full, Failure::FullAfterWrite] {
        engine.fail(failure);
        for number in 0..3 {
            let mut issued = 0;
            let error = loop {
                match store.next_sqn(&supi(number), NODE) {
                    Ok(sqn) => take(number, sqn),
                    Err(error) => break error,
                }
                issued += 1;
                assert!(issued < 20_000, "it goes on without a disk");
            };
            assert!(
                matches!(&error, StoreError::Write(cause) if matches!(**cause, EngineError::Full(_))),
                "{error}"
            );
            assert!(error.to_string().contains("full"), "{error}");
            assert!(matches!(
                store.next_sqn_now(&supi(number), NODE),
                Ok(None) | Err(StoreError::Write(_))
            ));
            assert!(credentials(&store, &supi(number)).expect("reading goes on").is_some());
        }
        assert!(matches!(
            store.add(&subscriber(9, SqnScheme::TimeBased)),
            Err(StoreError::Write(_))
        ));
        engine.fail(Failure::Never);
        for number in 0..3 {
            for _ in 0..500 {
                take(number, soon(|| store.next_sqn(&supi(number), NODE)));
            }
        }
        soon(|| match store.add(&subscriber(9, SqnScheme::TimeBased)) {
            Err(StoreError::AlreadyExists) => Ok(()),
            other => other,
        });
        assert!(store.remove(&supi(9)).expect("removed"));
    }
    drop(store);
    let store = open(&engine);
    for number in 0..3 {
        take(number, store.next_sqn(&supi(number), NODE).expect("an SQN"));
    }
}

/// While it is unknown whether a new epoch is durable, nothing is issued; afterwards what is durable counts.
#[test]
fn an_uncertain_resynchronisation_is_settled_by_what_is_durable() {
    for (failure, expected) in [(Failure::Full, 1_u64 << 40), (Failure::FullAfterWrite, 1000)] {
        let engine = MemoryEngine::default();
        let store = open(&engine);
        let mut wrong = subscriber(1, SqnScheme::NonTimeBased);
        wrong.sqn = SqnRecord::after(SqnScheme::NonTimeBased, SqnLayout::ANNEX_C3, Seq(1 << 40));
        store.add(&wrong).expect("added");
        let first = store.next_sqn(&supi(1), NODE).expect("an SQN");
        store.settle().expect("settled");
        engine.fail(failure);
        let seq_ms = Sqn::new(1000 << 5).expect("48 bits");
        let rand = store.challenge(&supi(1), [1; 8]);
        assert!(matches!(
            store.resynchronise(&supi(1), &rand, seq_ms),
            Err(StoreError::Write(_))
        ));
        // The range would allow it, the doubt does not.
        assert!(matches!(store.next_sqn_now(&supi(1), NODE), Err(StoreError::Write(_))));
        assert!(matches!(store.next_sqn(&supi(1), NODE), Err(StoreError::Write(_))));
        assert!(matches!(
            store.resynchronise(&supi(1), &rand, seq_ms),
            Err(StoreError::Write(_))
        ));
        engine.fail(Failure::Never);
        let sqn = soon(|| store.next_sqn(&supi(1), NODE));
        let (seq, _) = split(sqn);
        assert!(seq > expected && seq < expected + 100 && sqn != first, "{seq}");
        let done = store.resynchronise(&supi(1), &rand, seq_ms).expect("done");
        assert_eq!(done == Resynchronised::InStep, failure == Failure::FullAfterWrite);
    }
}

#[test]
fn a_broken_disk_stops_until_the_next_life() {
    let engine = MemoryEngine::default();
    let store = open(&engine);
    store.add(&subscriber(1, SqnScheme::NonTimeBased)).expect("added");
    let mut last = store.next_sqn(&supi(1), NODE).expect("an SQN");
    engine.fail(Failure::Broken);
    let mut turn = 0;
    while let Ok(sqn) = store.next_sqn(&supi(1), NODE) {
        assert!(sqn > last);
        last = sqn;
        turn += 1;
        assert!(turn < 10_000);
    }
    std::thread::sleep(Duration::from_millis(600));
    assert!(matches!(store.next_sqn(&supi(1), NODE), Err(StoreError::Write(_))));
    drop(store);
    engine.fail(Failure::Never);
    let store = open(&engine);
    assert!(store.next_sqn(&supi(1), NODE).expect("an SQN") > last);
}

/// A real file system of few megabytes. Needs the right to mount one.
#[test]
fn a_file_system_that_is_really_full() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
        .arg(folder.path())
        .output();
    match mounted {
        Err(_) => return kaskade_oracle::missing_program("mount", "apt-get install mount"),
        Ok(output) if !output.status.success() => return kaskade_oracle::not_here("the right to mount a file system"),
        Ok(_) => {}
    }
    let _unmount = Unmount(folder.path());
    let key = MasterKey::create(&folder.path().join("master.key")).expect("a new master key");
    let path = folder.path().join("store");
    let ballast = folder.path().join("ballast");
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a store");
    let mut last = [0; 3];
    let mut take = |number: u64, sqn: Sqn| {
        let (seq, _) = split(sqn);
        assert!(
            seq > last[number as usize],
            "{seq} of {number} follows {}",
            last[number as usize]
        );
        last[number as usize] = seq;
    };
    for (number, scheme) in (0..).zip(SqnScheme::ALL) {
        store.add(&subscriber(number, scheme)).expect("added");
        take(number, store.next_sqn(&supi(number), NODE).expect("an SQN"));
    }
    fs::write(&ballast, vec![1; 5 << 20]).expect("room for ballast");
    let mut added = 100;
    let error = loop {
        let more: Vec<_> = (added..added + 500)
            .map(|n| subscriber(n, SqnScheme::TimeBased))
            .collect();
        match store.put_many(&more) {
            Ok(count) => added += count,
            Err(error) => break error,
        }
        assert!(added < 1_000_000, "8 MB never fill");
    };
    assert!(
        matches!(&error, StoreError::Write(cause) if matches!(**cause, EngineError::Full(_))),
        "{error}"
    );
    for number in 0..3 {
        for _ in 0..2000 {
            match store.next_sqn(&supi(number), NODE) {
                Ok(sqn) => take(number, sqn),
                Err(StoreError::Write(_) | StoreError::Read(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    fs::remove_file(&ballast).expect("removed");
    std::thread::sleep(Duration::from_secs(1));
    for number in 0..3 {
        take(number, soon(|| store.next_sqn(&supi(number), NODE)));
    }
    assert!(credentials(&store, &supi(100)).expect("read").is_some());
    let more: Vec<_> = (added..added + 500)
        .map(|n| subscriber(n, SqnScheme::TimeBased))
        .collect();
    soon(|| store.put_many(&more));
    drop(store);
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("the store");
    for number in 0..3 {
        take(number, store.next_sqn(&supi(number), NODE).expect("an SQN"));
    }
    assert_eq!(store.len().expect("a number"), 3 + added - 100 + 500);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l".as_ref(), self.0]).status();
    }
}

#[test]
fn what_was_written_and_what_failed_is_counted() {
    let engine = MemoryEngine::default();
    let store = open(&engine);
    let before = store.figures();
    for number in 0..3 {
        store.add(&subscriber(number, SqnScheme::TimeBased)).expect("added");
    }
    let after = store.figures();
    assert!(
        after.commits > before.commits && after.units >= before.units + 3,
        "{after:?}"
    );
    assert_eq!(after.failures, before.failures);
    engine.fail(Failure::Full);
    store
        .add(&subscriber(3, SqnScheme::TimeBased))
        .expect_err("a full disk");
    assert!(store.figures().failures > after.failures);
    assert_eq!(store.waiting(), 0);
}
