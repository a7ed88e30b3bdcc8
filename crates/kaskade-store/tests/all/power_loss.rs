//! Power that fails at any moment: what was answered is kept, and no SQN comes twice.
//!
//! `KASKADE_POWER_LOSSES` sets how often the power fails in each run (100).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::common::{Hands, credentials, split, subscriber, supi};
use kaskade_aka::sqn::{Reuse, Seq, SqnError, SqnLayout};
use kaskade_crypto::Sqn;
use kaskade_store::engine::{Batch, Blocking, CommitFailed, Engine, Group, Table, UnitOutcome};
use kaskade_store::{
    EngineError, MasterKey, Resynchronised, SqnRecord, SqnScheme, StoreError, StoreOptions, SubscriberStore,
};
use kaskade_testkit::conformance;
use kaskade_testkit::memory::MemoryEngine;
use kaskade_testkit::power_loss::Disk;
use kaskade_testkit::random::Random;

const SUBSCRIBERS: u64 = 12;
const DELTA: u64 = 200;
const CACHE: usize = 4 << 20;

/// Each opening comes after a power cut.
#[test]
fn an_engine_that_forgets_what_was_not_synced() {
    conformance::run(|| {
        let disk = Disk::new(1);
        Box::new(move || {
            disk.restore_power();
            Arc::new(disk.open(64 << 20).expect("the engine")) as Arc<dyn Engine>
        })
    });
}

/// A batch is there whole or not at all, and there when its commit has returned, wherever the power is cut.
#[test]
fn a_commit_is_whole_wherever_the_power_fails() {
    for operations in 1..200 {
        let disk = Disk::new(operations);
        let batch = |n: u64| {
            let mut batch = Batch::default();
            for key in 0..20_u64 {
                batch.put(Table::SUBSCRIBERS, &(key * n % 31).to_be_bytes(), &[n as u8; 300]);
            }
            batch.put(Table::META, b"n", &n.to_be_bytes());
            batch
        };
        let engine = disk.open(CACHE).expect("the engine");
        engine.apply(&batch(1)).expect("a commit");
        disk.cut_power_after(operations);
        let mut durable = 1;
        while engine.apply(&batch(durable + 1)).is_ok() {
            durable += 1;
        }
        drop(engine);
        disk.restore_power();
        let engine = disk.open(CACHE).expect("the engine again");
        let mut found = 0;
        let get = engine.get(Table::META, b"n", &mut |octets| {
            found = u64::from_be_bytes(octets.try_into().expect("8 octets"));
        });
        assert!(get.expect("read"), "it was committed");
        assert!(
            found == durable || found == durable + 1,
            "{durable} was committed, {found} is there"
        );
        let mut expected = vec![None; 31];
        for n in 1..=found {
            (0..20).for_each(|key| expected[(key * n % 31) as usize] = Some(n as u8));
        }
        for (key, expected) in (0_u64..).zip(expected) {
            let mut value = None;
            let get = engine.get(Table::SUBSCRIBERS, &key.to_be_bytes(), &mut |octets| {
                value = octets.first().copied();
            });
            get.expect("read");
            assert_eq!(value, expected, "key {key} at {operations}");
        }
    }
}

#[test]
fn a_failed_sync_is_never_forgotten() {
    let disk = Disk::new(5);
    let engine = disk.open(CACHE).expect("the engine");
    let mut batch = Batch::default();
    batch.put(Table::META, b"a", b"1");
    // A full disk would be recovered from. Here the sync fails while the engine is closed and opened again.
    engine.apply(&batch).expect("a commit");
    disk.fail_syncs(true);
    assert!(matches!(
        pollster::block_on(engine.recover(0)),
        Err(EngineError::Failed | EngineError::Io { .. })
    ));
    disk.fail_syncs(false);
    assert!(
        matches!(pollster::block_on(engine.recover(0)), Err(EngineError::Failed)),
        "nobody knows"
    );
    assert!(engine.apply(&batch).is_err());
    drop(engine);
    disk.restore_power();
    let engine = disk.open(CACHE).expect("the next life");
    engine.apply(&batch).expect("works");
}

/// Something with power.
pub(crate) trait Powered {
    fn open(&self) -> Result<Arc<dyn Engine>, EngineError>;
    fn cut_after(&self, operations: u64);
    fn restore(&self);
    /// How many operations a commit takes, about.
    fn commit(&self) -> u64;
}

impl Powered for Disk {
    fn open(&self) -> Result<Arc<dyn Engine>, EngineError> {
        Ok(Arc::new(self.open(CACHE)?))
    }
    fn cut_after(&self, operations: u64) {
        self.cut_power_after(operations);
    }
    fn restore(&self) {
        self.restore_power();
    }
    fn commit(&self) -> u64 {
        6
    }
}

/// The model of an engine: a commit at which the power is cut is durable or not, and nothing works after it.
#[derive(Clone, Default)]
pub(crate) struct Model {
    memory: MemoryEngine,
    left: Arc<AtomicI64>,
    /// Whether that commit is durable; `None` for now this, now that.
    pub(crate) lands: Option<bool>,
}

impl Model {
    fn dead() -> EngineError {
        EngineError::Io {
            path: PathBuf::from("model"),
            source: std::io::Error::other("no power"),
        }
    }
}

impl Powered for Model {
    fn open(&self) -> Result<Arc<dyn Engine>, EngineError> {
        Ok(Arc::new(self.clone()))
    }
    fn cut_after(&self, operations: u64) {
        self.left.store(operations as i64, Ordering::SeqCst);
    }
    fn restore(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }
    fn commit(&self) -> u64 {
        1
    }
}

impl Engine for Model {
    kaskade_testkit::reads_from_memory!();
}

impl Model {
    fn write(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        // Else the last one is durable or not by the number of its changes.
        let changes: usize = group.units.iter().map(|unit| unit.changes().len()).sum();
        let lands = self.lands.unwrap_or(changes.is_multiple_of(2));
        let mut outcomes = Vec::new();
        if left > 1 || (left == 1 && lands) {
            outcomes = self.memory.write(group)?;
        }
        if left > 1 {
            Ok(outcomes)
        } else {
            Err(Self::dead().into())
        }
    }
    fn mend(&self) -> Result<(), EngineError> {
        Err(EngineError::Failed)
    }
}

#[test]
fn a_store_survives_power_loss() {
    let disk = Disk::new(7);
    survive(&disk, 7);
    assert!(disk.lost() > 100, "only {} writes were lost", disk.lost());
}

#[test]
fn a_store_on_a_model_survives_power_loss() {
    let model = Model::default();
    model.restore();
    survive(&model, 11);
}

/// What was answered so far.
#[derive(Default)]
struct Told {
    issued: HashSet<(u64, Sqn)>,
    /// What every further SEQ must be above.
    floor: [u64; SUBSCRIBERS as usize],
    /// Whether the subscriber is there; `None` when an answer is missing.
    there: [Option<bool>; SUBSCRIBERS as usize],
    /// Where the card stands that was imported too high.
    behind: [Option<u64>; SUBSCRIBERS as usize],
    raised: u64,
    epochs: u64,
    /// Whose card answers next, with an AUTS from where it stands.
    answers: Option<u64>,
}

fn scheme(n: u64) -> SqnScheme {
    SqnScheme::ALL[(n % 3) as usize]
}

fn options(hands: &Hands) -> StoreOptions {
    let mut options = hands.options();
    options.lead = Duration::from_secs(4);
    options.policy.delta = DELTA;
    // Whatever is issued twice here is a fault: no number is ever used again.
    options.policy.reuse = Reuse::Never;
    options.policy.horizon = 50;
    options.policy.smallest_range = 4;
    options.policy.largest_range = 16;
    options
}

fn survive(power: &dyn Powered, seed: u64) {
    let losses: u64 = std::env::var("KASKADE_POWER_LOSSES")
        .ok()
        .and_then(|losses| losses.parse().ok())
        .unwrap_or(100);
    let mut random = Random::new(seed);
    let mut told = Told::default();
    let key = MasterKey::from_octets(&[3; 32]);
    for life in 0..losses {
        // The clock starts where it once stood: only what is durable protects.
        let hands = Hands::new();
        if life > 0 {
            power.cut_after(power.commit() * (1 + random.below(100)));
        }
        let opened = power.open().map_err(|_| ()).and_then(|engine| {
            SubscriberStore::with_engine(engine, Path::new("store"), &key, options(&hands)).map_err(|_| ())
        });
        if let Ok(store) = opened {
            if life == 0 {
                let all: Vec<_> = (0..SUBSCRIBERS).map(|n| subscriber(n, scheme(n))).collect();
                store.put_many(&all).expect("put");
                told.there = [Some(true); SUBSCRIBERS as usize];
                power.cut_after(power.commit() * (1 + random.below(100)));
            }
            check_who_is_there(&store, &mut told, life);
            for _ in 0..2000 {
                hands.pass(random.below(3) / 2);
                if !ask(&store, &mut random, &mut told, life) {
                    break;
                }
            }
        } else {
            assert!(life > 0, "the first opening has power");
        }
        power.restore();
    }
    println!(
        "{losses} losses, {} SQN, {} raised, {} new epochs",
        told.issued.len(),
        told.raised,
        told.epochs
    );
    assert!(
        told.issued.len() as u64 > 20 * losses && told.raised > losses / 4 && told.epochs > losses / 2,
        "the test tests too little"
    );
}

fn check_who_is_there(store: &SubscriberStore, told: &mut Told, life: u64) {
    for n in 0..SUBSCRIBERS {
        let there = credentials(store, &supi(n)).expect("read").is_some();
        let expected = told.there[n as usize].replace(there);
        assert!(
            expected.is_none_or(|expected| expected == there),
            "life {life}: subscriber {n} is {}there",
            if there { "" } else { "not " }
        );
    }
}

/// Asks for one thing; whether the power is still on.
fn ask(store: &SubscriberStore, random: &mut Random, told: &mut Told, life: u64) -> bool {
    let answers = told.answers.take();
    let n = answers.unwrap_or_else(|| random.below(SUBSCRIBERS));
    let index = n as usize;
    let done = match answers.map_or_else(|| random.below(18), |_| 0) {
        0 | 4 if told.there[index] == Some(true) => {
            // A card that is ahead, or far behind: as it was before an import, or gone back by itself.
            let floor = told.floor[index];
            let seq_ms = match told.behind[index].take() {
                Some(card) => card,
                None if random.below(3) == 0 => floor.saturating_sub(DELTA + 1 + random.below(2 * DELTA)),
                None => floor + random.below(2 * DELTA),
            };
            let sqn_ms = Sqn::new(seq_ms << 5).expect("48 bits");
            let done = store.resynchronise(&supi(n), &store.challenge(&supi(n), [0; 8]), sqn_ms);
            match &done {
                Ok(Resynchronised::Raised) => {
                    told.raised += 1;
                    told.floor[index] = seq_ms;
                }
                Ok(Resynchronised::InStep | Resynchronised::NotFollowed(_))
                | Err(StoreError::Sqn(SqnError::WindowSpent)) => {}
                Ok(_) => {
                    told.epochs += 1;
                    told.floor[index] = seq_ms;
                }
                // It may have become durable.
                Err(_) => told.floor[index] = told.floor[index].min(seq_ms),
            }
            match done {
                Err(StoreError::Sqn(SqnError::WindowSpent)) => Ok(()),
                other => other.map(drop),
            }
        }
        1 => {
            told.there[index] = None;
            let done = store.remove(&supi(n));
            told.there[index] = done.is_ok().then_some(false);
            done.map(drop)
        }
        2 | 3 => {
            let mut again = subscriber(n, scheme(n + life));
            // Imported too high now and then, so that cards are behind.
            if random.below(3) > 0 {
                told.behind[index] = Some(told.floor[index]);
                told.answers = (random.below(3) > 0).then_some(n);
                again.sqn = SqnRecord::after(
                    again.sqn.scheme(),
                    SqnLayout::ANNEX_C3,
                    Seq(told.floor[index] + 10 * DELTA),
                );
            }
            told.there[index] = None;
            let done = store.put_many([&again]);
            told.there[index] = done.is_ok().then_some(true);
            done.map(drop)
        }
        _ => match store.next_sqn(&supi(n), "amf-1") {
            Ok(sqn) => {
                let (seq, _) = split(sqn);
                assert!(
                    told.issued.insert((n, sqn)),
                    "life {life}: SEQ {seq} of {n} was issued twice"
                );
                assert!(
                    seq > told.floor[index],
                    "life {life}: SEQ {seq} of {n} is not above {}",
                    told.floor[index]
                );
                told.floor[index] = seq;
                Ok(())
            }
            Err(StoreError::UnknownSubscriber) if told.there[index] != Some(true) => Ok(()),
            Err(error) => Err(error),
        },
    };
    match done {
        Ok(()) => true,
        Err(StoreError::Write(_) | StoreError::Read(_) | StoreError::Closed) => false,
        Err(error) => panic!("life {life}: {error}"),
    }
}
