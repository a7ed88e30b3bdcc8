//! The orders in which threads can run, searched: what issues sequence numbers, compiled once more on locks, threads and
//! atomics of `shuttle`, with one shard. Every lock taken and every atomic read of theirs is a place where another thread may go on; those of the
//! table of successes are not.
//!
//! The committer takes its steps between the others', each with ticks of the clock, a sweep and a number issued; commits may fail. No card
//! may ever see a number twice, nor may anybody wait for ever. `KASKADE_SCHEDULES` sets how many orders each scenario tries.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::panic,
    clippy::modulo_one,
    clippy::duplicate_mod,
    clippy::field_reassign_with_default,
    clippy::type_complexity,
    reason = "parts of the modules that are compiled again are not used here, and a test fails by panicking"
)]

mod sync {
    use std::time::Duration;

    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use shuttle::thread::{self, JoinHandle};

    pub(crate) const RETRY_AFTER: Duration = Duration::ZERO;
    pub(crate) const SHARDS: usize = 1;
}

mod stall;

#[path = "card.rs"]
mod card;
#[path = "challenge.rs"]
mod challenge;
#[path = "commit.rs"]
mod commit;
#[path = "compare.rs"]
mod compare;
#[path = "hold.rs"]
mod hold;
#[path = "issuer.rs"]
mod issuer;
#[path = "numbers.rs"]
mod numbers;
#[path = "provision.rs"]
mod provision;
#[path = "queue.rs"]
mod queue;
#[path = "records/mod.rs"]
mod records;
#[path = "store.rs"]
mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kaskade_aka::sqn::{Clocks, Seq, SqnLayout, SqnRecord, SqnScheme};
use kaskade_crypto::{Amf, K, Opc, Sqn};
use kaskade_keys::Supi;
use shuttle::rand::Rng as _;
use shuttle::scheduler::PctScheduler;
use shuttle::thread;

use crate::engine::{Batch, Blocking, CommitFailed, Engine, Group, Table, UnitOutcome};
use crate::error::{EngineError, StoreError};
use crate::master_key::MasterKey;
use crate::memory::MemoryEngine;
use crate::model::{AuthMethods, Subscriber, Subscription};
use crate::secrets::{OpOrOpc, SubscriberSecrets};
use crate::{
    audit, clock, custody, embedded, engine, error, failure, key, locked, master_key, meta, model, nodes, row, rows,
    seal, secrets, sqn_row, unlock,
};
use commit::Committer;
use store::{StoreOptions, SubscriberStore};

const START: u64 = 1_700_000_000;
const NODE: &str = "node";
/// Between which orders no more than this many times is switched by force.
const DEPTH: usize = 4;
const SCHEDULES: usize = 1500;

/// A disk that is full now and then.
struct Disk {
    memory: MemoryEngine,
    failing: AtomicBool,
}

impl Engine for Disk {
    crate::reads_from_memory!();
}

impl Disk {
    fn write(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        // Others may run while it writes.
        thread::yield_now();
        let outcome = match self.failing.load(Ordering::Relaxed) {
            true => shuttle::rand::thread_rng().gen_range(0..6),
            false => 5,
        };
        let mut outcomes = Vec::new();
        if outcome != 0 {
            outcomes = self.memory.write(group)?;
        }
        thread::yield_now();
        match outcome {
            0 | 1 => Err(CommitFailed {
                error: EngineError::Full(PathBuf::from("disk")),
                outcomes,
            }),
            _ => Ok(outcomes),
        }
    }
    fn mend(&self) -> Result<(), EngineError> {
        match self.failing.load(Ordering::Relaxed) && shuttle::rand::thread_rng().gen_bool(0.5) {
            true => Err(EngineError::Full(PathBuf::from("disk"))),
            false => Ok(()),
        }
    }
}

/// One world: a disk, a clock, and a store between them.
struct World {
    disk: Arc<Disk>,
    seconds: Arc<AtomicU64>,
    store: Arc<SubscriberStore>,
    issued: Arc<sync::Mutex<Vec<(u64, Sqn)>>>,
    over: Arc<AtomicBool>,
}

fn options(seconds: &Arc<AtomicU64>) -> StoreOptions {
    let seconds = Arc::clone(seconds);
    let mut options = StoreOptions::default();
    options.lead = Duration::from_secs(6);
    options.policy.delta = 40;
    options.policy.horizon = 16;
    options.policy.smallest_range = 2;
    options.policy.largest_range = 4;
    options.longest_outage = Duration::MAX;
    options.clock = Arc::new(move || {
        let now = Duration::from_secs(seconds.load(Ordering::Relaxed));
        Clocks {
            wall: now,
            monotonic: now,
        }
    });
    options
}

/// The content that each schedule starts with, and what was issued: subscribers 0 to 3, of which all but the first were imported, and
/// the last has got all that a card at 100 accepts.
fn prepared() -> (MemoryEngine, Vec<(u64, Sqn)>) {
    let engine = MemoryEngine::default();
    let key = MasterKey::from_octets(&[7; 32]);
    let seconds = Arc::new(AtomicU64::new(START));
    let store = crate::SubscriberStore::with_engine(
        Arc::new(engine.clone()),
        Path::new("model"),
        &key,
        std_options(&seconds),
    );
    let all = [
        subscriber(0, SqnScheme::TimeBased, 0),
        subscriber(1, SqnScheme::NonTimeBased, 100),
        subscriber(2, SqnScheme::TimeBased, 100),
        subscriber(3, SqnScheme::NonTimeBased, 100),
    ];
    let store = store.expect("a store");
    store.put_many(&all).expect("put");
    let issued = (0..45).map(|_| (3, store.next_sqn(&supi(3), NODE).expect("an SQN")));
    let issued = issued.collect();
    (engine, issued)
}

impl World {
    /// Opens the store on a disk, with a clock that stands still until the committer works.
    fn open(disk: Arc<Disk>, seconds: Arc<AtomicU64>) -> (Self, Committer) {
        let key = MasterKey::from_octets(&[7; 32]);
        let engine = Arc::clone(&disk) as Arc<dyn Engine>;
        let (store, mut committer) =
            SubscriberStore::without_thread(engine, Path::new("model"), &key, options(&seconds)).expect("a store");
        drop(store.queue.start_clock().expect("open"));
        committer.step(store.queue.take_now());
        let world = Self {
            disk,
            seconds,
            store: Arc::new(store),
            issued: Arc::default(),
            over: Arc::default(),
        };
        (world, committer)
    }

    fn new((prepared, issued): &(MemoryEngine, Vec<(u64, Sqn)>)) -> (Self, Committer) {
        // Rows are at hand, or must be waited for while others go on.
        let memory = prepared.copy();
        let disk = Disk {
            memory: if shuttle::rand::thread_rng().gen_bool(0.5) {
                memory.far()
            } else {
                memory
            },
            failing: AtomicBool::new(false),
        };
        let (world, committer) = Self::open(Arc::new(disk), Arc::new(AtomicU64::new(START + 2)));
        lock(&world.issued).clone_from(issued);
        (world, committer)
    }

    fn share(&self) -> Self {
        Self {
            disk: Arc::clone(&self.disk),
            seconds: Arc::clone(&self.seconds),
            store: Arc::clone(&self.store),
            issued: Arc::clone(&self.issued),
            over: Arc::clone(&self.over),
        }
    }

    /// Asks for one number; a full disk is an answer too.
    fn issue(&self, n: u64) {
        match self.store.next_sqn(&supi(n), NODE) {
            Ok(sqn) => lock(&self.issued).push((n, sqn)),
            Err(StoreError::Write(_) | StoreError::UnknownSubscriber) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Asks for one number, but does not wait.
    fn issue_now(&self, n: u64) {
        match self.store.next_sqn_now(&supi(n), NODE) {
            Ok(sqn) => lock(&self.issued).extend(sqn.map(|sqn| (n, sqn))),
            Err(StoreError::Write(_) | StoreError::UnknownSubscriber) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs `works`, each on a thread of its own, beside the committer; then looks at what was issued, also in a next life.
    fn run(self, mut committer: Committer, works: Vec<Box<dyn FnOnce(&World) + Send>>) {
        let mine = self.share();
        let committing = thread::spawn(move || {
            while !mine.over.load(Ordering::Relaxed) {
                // Much may happen between two steps of another thread.
                for _ in 0..shuttle::rand::thread_rng().gen_range(1..8) {
                    mine.seconds
                        .fetch_add(shuttle::rand::thread_rng().gen_range(1..3), Ordering::Relaxed);
                    committer.step(mine.store.queue.take_now());
                    mine.store.issuer.sweep_some();
                    mine.issue_now(shuttle::rand::thread_rng().gen_range(0..3));
                }
                thread::yield_now();
            }
            committer
        });
        let threads: Vec<_> = works
            .into_iter()
            .map(|work| {
                let mine = self.share();
                thread::spawn(move || work(&mine))
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        self.over.store(true, Ordering::Relaxed);
        let committer = committing.join().expect("no panic");
        assert!(self.store.failed().is_none());
        drop(committer);
        let mut issued = std::mem::take(&mut *lock(&self.issued));
        let memory = self.disk.memory.copy();
        // As after a power cut: what was on its way is lost, or durable already.
        drop(self);
        let reuses = next_life(memory, &mut issued);
        let mut seen = BTreeMap::new();
        for (n, sqn) in issued {
            let (Seq(seq), _) = SqnLayout::ANNEX_C3.split(sqn);
            let times = seen.entry((n, sqn)).or_insert(0);
            *times += 1;
            let allowed = 1 + reuses.get(&n).copied().unwrap_or(0);
            assert!(
                *times <= allowed,
                "SEQ {seq} of subscriber {n} was issued {times} times"
            );
        }
    }
}

/// What the next life issues, its clock back where all began; how often its records say that numbers were allowed once more. On locks of
/// the system: there is nothing to search.
fn next_life(memory: MemoryEngine, issued: &mut Vec<(u64, Sqn)>) -> BTreeMap<u64, u32> {
    let seconds = Arc::new(AtomicU64::new(START));
    let key = MasterKey::from_octets(&[7; 32]);
    let store =
        crate::SubscriberStore::without_thread(Arc::new(memory), Path::new("model"), &key, std_options(&seconds));
    let (store, mut committer) = store.expect("a store");
    let reuses = |n| Some((n, store.subscriber(&supi(n)).expect("read")?.sqn.back().reuses));
    let reuses = (0..4).filter_map(reuses).collect();
    // Far enough that a new epoch meets what it must skip.
    for _ in 0..60 {
        for n in 0..4 {
            loop {
                match store.next_sqn_now(&supi(n), NODE) {
                    Ok(Some(sqn)) => issued.push((n, sqn)),
                    Ok(None) => {
                        committer.step(store.queue.take_now());
                        continue;
                    }
                    Err(StoreError::UnknownSubscriber) => {}
                    Err(error) => panic!("{error}"),
                }
                break;
            }
        }
        seconds.fetch_add(1, Ordering::Relaxed);
        committer.step(store.queue.take_now());
    }
    reuses
}

/// The same options for the store on locks of the system.
fn std_options(seconds: &Arc<AtomicU64>) -> crate::StoreOptions {
    let StoreOptions {
        clock,
        policy,
        lead,
        longest_outage,
        ..
    } = options(seconds);
    crate::StoreOptions {
        clock,
        policy,
        lead,
        longest_outage,
        ..crate::StoreOptions::default()
    }
}

fn lock<T>(mutex: &sync::Mutex<T>) -> sync::MutexGuard<'_, T> {
    mutex.lock().expect("no panic under it")
}

fn supi(n: u64) -> Supi {
    format!("imsi-99970{n:010}").parse().expect("an IMSI")
}

fn subscriber(n: u64, scheme: SqnScheme, after: u64) -> Subscriber {
    card(n, n, SqnRecord::after(scheme, SqnLayout::ANNEX_C3, Seq(after)))
}

/// Subscriber `n` with the K of `card`.
fn card(n: u64, card: u64, sqn: SqnRecord) -> Subscriber {
    let octets = (u128::from(card) + 1).to_be_bytes();
    Subscriber {
        supi: supi(n),
        secrets: SubscriberSecrets::milenage(K::from_octets(&octets), OpOrOpc::Opc(Opc::from_octets(&octets))),
        amf: Amf::SEPARATION,
        methods: AuthMethods::FIVE_G_AKA,
        subscription: Subscription::default(),
        sqn,
    }
}

/// Searches the orders of one scenario.
fn search(failing: bool, works: impl Fn() -> Vec<Box<dyn FnOnce(&World) + Send>> + Send + Sync + 'static) {
    let (engine, issued) = prepared();
    let asked = std::env::var("KASKADE_SCHEDULES")
        .ok()
        .and_then(|number| number.parse().ok());
    let (schedules, seed) = match asked {
        Some(asked) => (asked, std::process::id().into()),
        // The same orders each time.
        None => (SCHEDULES, 1),
    };
    let works = Arc::new(works);
    // A few switches at any moment; and a long one at one moment of one thread.
    let schedulers: [Box<dyn shuttle::scheduler::Scheduler + Send>; 2] = [
        Box::new(PctScheduler::new_from_seed(seed, DEPTH, schedules / 4)),
        Box::new(stall::Stall::new(seed, schedules - schedules / 4)),
    ];
    for scheduler in schedulers {
        let mut config = shuttle::Config::new();
        config.stack_size = 1 << 18;
        let (prepared, works) = ((engine.copy(), issued.clone()), Arc::clone(&works));
        shuttle::Runner::new(scheduler, config).run(move || {
            let (world, committer) = World::new(&prepared);
            world.disk.failing.store(failing, Ordering::Relaxed);
            world.run(committer, works());
        });
    }
}

fn work(work: impl FnOnce(&World) + Send + 'static) -> Box<dyn FnOnce(&World) + Send> {
    Box::new(work)
}

fn asks(n: u64, times: usize) -> Box<dyn FnOnce(&World) + Send> {
    work(move |world| (0..times).for_each(|_| world.issue(n)))
}

#[test]
fn schedules_of_issuing() {
    search(false, || vec![asks(0, 2), asks(0, 3), asks(1, 3), asks(2, 2)]);
}

#[test]
fn schedules_of_issuing_with_a_full_disk() {
    search(true, || vec![asks(0, 3), asks(1, 6), asks(1, 4)]);
}

/// The card of subscriber `n` shows that it stands at `seq_ms`.
fn goes_back(n: u64, seq_ms: u64) -> Box<dyn FnOnce(&World) + Send> {
    work(move |world| {
        let sqn_ms = SqnLayout::ANNEX_C3.join(Seq(seq_ms), kaskade_aka::sqn::Ind(0));
        let rand = world.store.challenge(&supi(n), [0; 8]);
        match world.store.resynchronise(&supi(n), &rand, sqn_ms.expect("48 bits")) {
            Ok(_) | Err(StoreError::Write(_)) => {}
            Err(error) => panic!("{error}"),
        }
    })
}

/// The card is behind by more than Δ, so that numbers go down and meet again what was issued.
#[test]
fn schedules_of_resynchronising() {
    search(false, || vec![goes_back(2, 60), asks(2, 2), asks(2, 2)]);
}

/// The card has got all that it would accept, so that numbers come once more: as often as is durable, and no more often.
#[test]
fn schedules_of_using_again_with_a_full_disk() {
    search(true, || {
        let import = work(
            |world| match world.store.put_many([&subscriber(3, SqnScheme::NonTimeBased, 1000)]) {
                Ok(_) | Err(StoreError::Write(_)) => {}
                Err(error) => panic!("{error}"),
            },
        );
        vec![goes_back(3, 100), goes_back(3, 100), import, asks(3, 3), asks(3, 2)]
    });
}

/// The same card is provisioned again, to be counted another way, while numbers are issued for it.
#[test]
fn schedules_of_replacing() {
    search(false, || {
        let replace = |n| {
            work(move |world| {
                let same = subscriber(n, SqnScheme::NonTimeBased, 0);
                match world.store.put_many([&same]) {
                    Ok(_) | Err(StoreError::Write(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            })
        };
        vec![replace(0), replace(2), asks(0, 2), asks(2, 2)]
    });
}

#[test]
fn schedules_of_removing_and_adding_again_with_a_full_disk() {
    search(true, || {
        let again = work(|world| {
            let _ = world.store.remove(&supi(1));
            let _ = world.store.add(&subscriber(1, SqnScheme::TimeBased, 100));
        });
        vec![again, asks(1, 3), asks(1, 2)]
    });
}

/// Two imports that meet, in opposite order.
#[test]
fn schedules_of_imports_that_overlap() {
    search(false, || {
        let import = |order: [u64; 2]| {
            work(move |world| {
                let all = order.map(|n| subscriber(n, SqnScheme::NonTimeBased, 200));
                match world.store.put_many(&all) {
                    Ok(_) | Err(StoreError::Write(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            })
        };
        vec![import([0, 1]), import([1, 0]), asks(1, 2)]
    });
}

/// Two batches that are put together, in opposite order, and an import of the same.
#[test]
fn schedules_of_batches_that_overlap() {
    search(false, || {
        let batch = |order: [u64; 2]| {
            work(move |world| {
                let all = order.map(|n| subscriber(n, SqnScheme::NonTimeBased, 200));
                match world.store.put_together_on_record(&all, &|_, _| None) {
                    Ok(_) | Err(StoreError::Write(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            })
        };
        let import = work(|world| {
            let all = [1, 0].map(|n| subscriber(n, SqnScheme::NonTimeBased, 300));
            match world.store.put_many(&all) {
                Ok(_) | Err(StoreError::Write(_)) => {}
                Err(error) => panic!("{error}"),
            }
        });
        vec![batch([0, 1]), batch([1, 0]), import, asks(1, 2)]
    });
}

/// What is exported starts above everything that was issued, and is of one life: secrets and numbers belong together.
#[test]
fn schedules_of_exporting() {
    search(false, || {
        let export = work(|world| {
            let before: Vec<_> = lock(&world.issued).iter().filter(|(n, _)| *n == 0).copied().collect();
            let exported = world.store.subscriber(&supi(0)).expect("read").expect("there");
            let Seq(reserved) = exported.sqn.clone().into_parts().reserved;
            for (_, sqn) in before {
                let (Seq(seq), _) = SqnLayout::ANNEX_C3.split(sqn);
                assert!(reserved >= seq, "an export at {reserved} does not start above {seq}");
            }
            // The next card of this subscriber was given 5000 as its start.
            let keys = exported.credentials().expect("a USIM");
            let is_next = keys
                == card(0, 9, SqnRecord::blank(SqnScheme::TimeBased))
                    .credentials()
                    .expect("a USIM");
            assert_eq!(is_next, reserved >= 5000, "K of one card with the numbers of another");
        });
        let replace = work(|world| {
            let next = card(
                0,
                9,
                SqnRecord::after(SqnScheme::TimeBased, SqnLayout::ANNEX_C3, Seq(5000)),
            );
            world.store.put_many([&next]).expect("put");
        });
        vec![export, replace, asks(0, 2)]
    });
}
