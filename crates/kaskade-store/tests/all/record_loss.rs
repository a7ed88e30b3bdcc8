//! Power that fails at any moment under records: no half unit, no version twice, no message lost or overtaken, no event told
//! twice or forgotten.
//!
//! `KASKADE_POWER_LOSSES` sets how often the power fails (100).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::record_outages::{LANE, Number, message, said};
use kaskade_flow::event::{Action, Event, Outcome};
use kaskade_flow::record::{Expect, Record, Version};
use kaskade_flow::{Guarded, Unit, UnixMillis};
use kaskade_store::engine::Engine;
use kaskade_store::records::{CommitError, EventLog, Records, Taken};
use kaskade_store::{MasterKey, StoreOptions, SubscriberStore};
use kaskade_testkit::conformance;
use kaskade_testkit::power_loss::Disk;
use kaskade_testkit::random::Random;

const CACHE: usize = 4 << 20;
/// Pairs of records that always change together.
const PAIRS: u64 = 4;

/// Each opening comes after a power cut.
#[test]
fn records_on_an_engine_that_forgets_what_was_not_synced() {
    conformance::records(|| {
        let disk = Disk::new(3);
        Box::new(move || {
            disk.restore_power();
            Arc::new(disk.open(64 << 20).expect("the engine")) as Arc<dyn Engine>
        })
    });
}

/// What was told so far, over all lives.
#[derive(Default)]
struct Told {
    last: u64,
    /// Of each pair: what it must say, and what else it may.
    says: BTreeMap<u64, (Option<u64>, BTreeSet<u64>)>,
    /// Which state each version of a record is.
    versions: BTreeMap<(u64, Version), u64>,
    /// Of each order key: what was surely sent, and is not done.
    sent: BTreeMap<u64, BTreeSet<u64>>,
    /// Messages that were surely done.
    done: BTreeSet<u64>,
    delivered: u64,
    /// Events of units that were surely done.
    events: BTreeSet<u64>,
}

/// A log that survives everything.
#[derive(Default)]
pub(crate) struct Log(pub(crate) Mutex<Vec<(u64, u16, u64)>>);

impl EventLog for Log {
    fn newest(&self) -> u64 {
        self.0.lock().unwrap().last().map_or(0, |(serial, ..)| *serial)
    }

    fn takes(&self, events: &[Event]) -> bool {
        let mut log = self.0.lock().unwrap();
        for event in events {
            let (serial, index) = event.commit().expect("of a commit");
            if log.last().is_none_or(|(last, at, _)| (*last, *at) < (serial, index)) {
                log.push((serial, index, event.at().get()));
            }
        }
        true
    }

    fn has_below(&self) -> u64 {
        let log = self.0.lock().unwrap();
        log.last().map_or(0, |(serial, ..)| *serial)
    }
}

#[test]
fn records_survive_power_loss() {
    let losses: u64 = std::env::var("KASKADE_POWER_LOSSES")
        .ok()
        .and_then(|losses| losses.parse().ok())
        .unwrap_or(100);
    let (disk, key, log) = (
        Disk::new(21),
        MasterKey::from_octets(&[3; 32]),
        Arc::new(Log::default()),
    );
    let (mut random, mut told) = (Random::new(21), Told::default());
    for life in 0..=losses {
        if life > 0 && life < losses {
            disk.cut_power_after(20 + random.below(600));
        }
        let engine = disk.open(CACHE).map_err(|_| ());
        let opened = engine.and_then(|engine| {
            let engine = Arc::new(engine);
            SubscriberStore::with_engine(engine, Path::new("disk"), &key, StoreOptions::default()).map_err(|_| ())
        });
        if let Ok(store) = opened {
            let records = store.records();
            if records.declare(&[Number::KIND]).is_ok() {
                records.hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
                look(&records, &mut told, life);
                if life == losses {
                    while deliver(&records, &mut Random::new(2), &mut told, true) {}
                } else {
                    while change(&records, &mut random, &mut told) {
                        deliver(&records, &mut random, &mut told, false);
                        if life == 0 && told.last > 20 {
                            break;
                        }
                    }
                }
            }
        } else {
            assert!(life > 0 && life < losses, "there was power");
        }
        disk.restore_power();
    }
    let left: Vec<_> = told.sent.values().flatten().collect();
    assert!(left.is_empty(), "never delivered: {left:?}");
    let log = log.0.lock().unwrap();
    let events: BTreeSet<u64> = log.iter().map(|(.., at)| *at).collect();
    assert_eq!(events.len(), log.len(), "an event was told twice");
    let forgotten: Vec<_> = told.events.difference(&events).collect();
    assert!(forgotten.is_empty(), "never told: {forgotten:?}");
    println!(
        "{losses} losses, {} units, {} delivered, {} lost writes",
        told.last,
        told.delivered,
        disk.lost()
    );
    assert!(
        told.last > 5 * losses && told.delivered > losses && disk.lost() > 100,
        "the test tests too little"
    );
}

/// Whether what is there is what was told.
fn look(records: &Records, told: &mut Told, life: u64) {
    for pair in 0..PAIRS {
        let [one, two] = [pair, pair + PAIRS].map(|key| pollster::block_on(records.read::<Number>(&key)));
        let (Ok(one), Ok(two)) = (one, two) else { return };
        let number = one.as_ref().map(|found| found.record.0);
        assert_eq!(
            number,
            two.as_ref().map(|found| found.record.0),
            "life {life}: half of a unit"
        );
        assert_eq!(one.as_ref().map(|found| found.version), two.map(|found| found.version));
        let (sure, perhaps) = told.says.entry(pair).or_default();
        assert!(
            number == *sure || number.is_some_and(|number| perhaps.contains(&number)),
            "life {life}: {number:?} in place of {sure:?}"
        );
        (*sure, *perhaps) = (number, BTreeSet::new());
        if let Some(found) = one {
            let before = told.versions.insert((pair, found.version), found.record.0);
            assert!(
                before.is_none_or(|before| before == found.record.0),
                "life {life}: a version twice"
            );
        }
    }
}

/// Changes one pair; whether the power is on.
fn change(records: &Records, random: &mut Random, told: &mut Told) -> bool {
    told.last += 1;
    let (pair, number) = (random.below(PAIRS), told.last);
    let mut unit = Unit::new();
    unit.put(&pair, &Number(number), Expect::Any);
    unit.send(message(pair, number));
    unit.event(Event::new(
        Outcome::Released,
        Action::KeyReleased,
        UnixMillis::new(number),
    ));
    unit.put(&(pair + PAIRS), &Number(number), Expect::Any);
    let outcome = records.commit(unit, Guarded::new(())).wait();
    let (sure, perhaps) = told.says.entry(pair).or_default();
    match outcome {
        Ok(_) => {
            (*sure, *perhaps) = (Some(number), BTreeSet::new());
            told.sent.entry(pair).or_default().insert(number);
            told.events.insert(number);
            true
        }
        Err(CommitError::Write(_) | CommitError::Unreadable(_)) => {
            perhaps.insert(number);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Delivers one message, if one waits.
fn deliver(records: &Records, random: &mut Random, told: &mut Told, all: bool) -> bool {
    let Ok(Taken::Message(delivery)) = pollster::block_on(records.outbox().take(&LANE)) else {
        return false;
    };
    let number = said(delivery.body());
    let order = u64::from_be_bytes(delivery.order().try_into().expect("8 octets"));
    let waiting = told.sent.entry(order).or_default();
    assert!(!told.done.contains(&number), "message {number} comes again");
    let overtaken = waiting.first().filter(|first| **first < number);
    assert!(overtaken.is_none(), "message {number} overtakes {overtaken:?}");
    told.delivered += 1;
    if !all && random.below(4) == 0 {
        delivery.failed(Duration::ZERO);
        return true;
    }
    // It may be gone from now on.
    waiting.remove(&number);
    if pollster::block_on(delivery.done()).is_ok() {
        told.done.insert(number);
    }
    true
}
