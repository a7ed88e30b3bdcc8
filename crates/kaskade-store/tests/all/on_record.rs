//! Changes of subscribers and of the whole store: wherever the power fails, no change is without its event and no event without its
//! change.
//!
//! `KASKADE_POWER_LOSSES` sets how often the power fails (100).

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::common::{folder, subscriber, supi};
use crate::record_loss::Log;
use kaskade_crypto::Amf;
use kaskade_flow::UnixMillis;
use kaskade_flow::event::{Action, Event, Outcome};
use kaskade_store::audit::AuditLog;
use kaskade_store::engine::{Blocking, Table};
use kaskade_store::records::EventLog;
use kaskade_store::{
    MasterKey, OnRecord, SqnScheme, StoreError, StoreOptions, Subscriber, SubscriberStore, skip_ahead_on,
};
use kaskade_testkit::memory::MemoryEngine;
use kaskade_testkit::power_loss::Disk;
use kaskade_testkit::random::Random;

const CACHE: usize = 4 << 20;

fn losses() -> u64 {
    let losses = std::env::var("KASKADE_POWER_LOSSES").ok();
    losses.and_then(|losses| losses.parse().ok()).unwrap_or(100)
}

fn key() -> MasterKey {
    MasterKey::from_octets(&[3; 32])
}

/// What is told of a change; tests know it by its moment.
fn event(number: u64) -> Option<Event> {
    let at = UnixMillis::new(number);
    Some(Event::new(Outcome::Changed, Action::SubscriberChanged, at))
}

fn numbers(log: &Log) -> BTreeSet<u64> {
    let log = log.0.lock().unwrap();
    let numbers: BTreeSet<u64> = log.iter().map(|(.., at)| *at).collect();
    assert_eq!(numbers.len(), log.len(), "an event was told twice");
    numbers
}

fn open(disk: &Disk, options: StoreOptions) -> Result<SubscriberStore, StoreError> {
    let engine = disk.open(CACHE).map_err(|error| StoreError::Read(Arc::new(error)))?;
    SubscriberStore::with_engine(Arc::new(engine), Path::new("disk"), &key(), options)
}

type Deed = fn(&SubscriberStore, u64) -> Result<(), StoreError>;

/// One change of subscriber `base` or those behind it, and its place in the life of that subscriber.
const CHANGES: [Deed; 5] = [
    |store, base| store.add_on_record(&blank(base), event(base)),
    |store, base| {
        let many: Vec<Subscriber> = (base + 1..base + 4).map(blank).collect();
        // One has an entry, and the others are in its commit.
        let told = |one: &Subscriber, _| (one.supi == supi(base + 3)).then(|| event(base + 1)).flatten();
        Ok(store.put_many_on_record(&many, &told).map(drop)?)
    },
    |store, base| {
        let changed = Subscriber {
            amf: Amf::from_octets([0x80, 0x07]),
            ..blank(base)
        };
        Ok(store
            .put_many_on_record([&changed], &|_, _| event(base + 2))
            .map(drop)?)
    },
    |store, base| store.allow_reuse_on_record(&supi(base), event(base + 3)),
    |store, base| store.remove_on_record(&supi(base + 1), event(base + 4)).map(drop),
];

/// What is to be seen of each of [`CHANGES`].
const SEEN: [fn(&SubscriberStore, u64) -> bool; 5] = [
    |store, base| store.contains(&supi(base)).expect("read"),
    // The other one is removed again.
    |store, base| {
        let [two, three] = [2, 3].map(|more| store.contains(&supi(base + more)).expect("read"));
        assert_eq!(two, three, "one commit");
        two
    },
    |store, base| found(store, base).is_some_and(|found| found.amf.octets() == &[0x80, 0x07]),
    |store, base| found(store, base).is_some_and(|found| found.sqn.back().granted),
    |store, base| store.contains(&supi(base + 2)).expect("read") && !store.contains(&supi(base + 1)).expect("read"),
];

fn blank(number: u64) -> Subscriber {
    subscriber(number, SqnScheme::NonTimeBased)
}

fn found(store: &SubscriberStore, number: u64) -> Option<Subscriber> {
    store.subscriber(&supi(number)).expect("read")
}

#[test]
fn no_change_of_a_subscriber_is_without_its_event() {
    let (disk, log, mut random) = (Disk::new(7), Arc::new(Log::default()), Random::new(7));
    drop(open(&disk, StoreOptions::default()).expect("a store"));
    let (mut in_doubt, mut kept) = (0, 0);
    for life in 0..losses() {
        let base = (life + 1) * 10;
        disk.cut_power_after(20 + random.below(120));
        let mut told = 0;
        if let Ok(store) = open(&disk, StoreOptions::default()) {
            // A log that has no room until the next life.
            while told < CHANGES.len() && CHANGES[told](&store, base).is_ok() {
                told += 1;
            }
        }
        disk.restore_power();
        let store = open(&disk, StoreOptions::default()).expect("power");
        store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
        let events = numbers(&log);
        for (place, seen) in SEEN.iter().enumerate() {
            let is_told = events.contains(&(base + place as u64));
            assert_eq!(
                seen(&store, base),
                is_told,
                "life {life}, change {place} of {told} that were told"
            );
            assert!(is_told || place >= told, "life {life}: change {place} is lost");
            in_doubt += u64::from(is_told && place >= told);
            kept += u64::from(is_told);
        }
    }
    println!("{kept} changes, {in_doubt} of which nobody was told");
    assert!(kept > losses() && in_doubt > 0, "the test tests too little");
}

#[test]
fn a_store_is_not_made_without_its_event() {
    let making = |above| {
        let mut options = StoreOptions::default();
        let event = event(77).expect("an event");
        options.making = Some(OnRecord { event, above });
        options
    };
    let (mut made, mut not_made) = (0, 0);
    for operations in 1..200 {
        let disk = Disk::new(operations);
        // An empty file of the engine's is there.
        drop(disk.open(CACHE).expect("the engine"));
        disk.cut_power_after(operations);
        drop(open(&disk, making(1000)));
        disk.restore_power();
        let mut options = StoreOptions::default();
        options.create = false;
        // A log that has come further than the store that is lost.
        let log = Arc::new(Log::default());
        log.0.lock().unwrap().push((1000, 0, 1));
        match open(&disk, options) {
            Ok(store) => {
                store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
                assert_eq!(numbers(&log), BTreeSet::from([1, 77]), "{operations}");
                // What comes then is told too.
                store.add_on_record(&blank(1), event(78)).expect("added");
                assert_eq!(numbers(&log), BTreeSet::from([1, 77, 78]), "{operations}");
                made += 1;
            }
            Err(StoreError::Blank(_)) => not_made += 1,
            Err(error) => panic!("{operations}: {error}"),
        }
    }
    assert!(made > 0 && not_made > 0, "{made} made, {not_made} not");
}

#[test]
fn no_skip_ahead_is_without_its_event() {
    let (mut done, mut unfinished) = (0, 0);
    for operations in 1..120 {
        let disk = Disk::new(operations);
        let store = open(&disk, StoreOptions::default()).expect("a store");
        store.add_on_record(&blank(1), event(5)).expect("added");
        drop(store);
        let skip = || {
            let engine = disk.open(CACHE).ok()?;
            let record = |_: &_| {
                let event = event(99)?;
                Some(OnRecord { event, above: 500 })
            };
            let options = StoreOptions::default();
            skip_ahead_on(&engine, Path::new("disk"), &key(), &options, &record, &mut |_, _| ()).ok()
        };
        disk.cut_power_after(operations);
        let told = skip().is_some();
        disk.restore_power();
        let log = Arc::new(Log::default());
        match open(&disk, StoreOptions::default()) {
            Ok(store) => {
                let ahead = found(&store, 1).expect("there").sqn.reserved().0 >= kaskade_store::SKIPPED_SEQ;
                store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
                let events = numbers(&log);
                assert!(events.contains(&5), "what waits comes first");
                assert_eq!(events.contains(&99), ahead, "{operations}");
                assert!(ahead || !told, "{operations}: it was told");
                done += u64::from(ahead);
            }
            Err(StoreError::SkipUnfinished) => {
                skip().expect("it goes on");
                let store = open(&disk, StoreOptions::default()).expect("a store");
                store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
                assert_eq!(numbers(&log), BTreeSet::from([5, 99]), "{operations}");
                unfinished += 1;
            }
            Err(error) => panic!("{operations}: {error}"),
        }
    }
    assert!(done > 0 && unfinished > 0, "{done} done, {unfinished} not");
}

#[test]
fn nothing_is_changed_that_would_not_be_on_record() {
    const MOST: u64 = 1 << 16;
    let (folder, key) = folder();
    let path = folder.path().join("subscribers.redb");
    let store = SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a store");
    let mut unit = kaskade_flow::Unit::new();
    (0..MOST - 1).for_each(|number| unit.event(event(number).expect("an event")));
    let events = store.records().commit(unit, kaskade_flow::Guarded::new(()));
    events.wait().expect("room for so many").release_to_peer();
    store.add_on_record(&blank(1), event(1)).expect("the last place");
    let refused = |done: Result<(), StoreError>| assert!(matches!(done, Err(StoreError::NotOnRecord)), "{done:?}");
    refused(store.add_on_record(&blank(2), event(2)));
    refused(
        store
            .put_many_on_record([&blank(1), &blank(3)], &|_, _| event(2))
            .map(drop)
            .map_err(StoreError::from),
    );
    refused(store.remove_on_record(&supi(1), event(2)).map(drop));
    refused(store.allow_reuse_on_record(&supi(1), event(2)));
    assert_eq!(store.list(None, 9).expect("read").len(), 1);
    // Nobody waits for what was refused, and without a record there is no need of room.
    store
        .next_sqn(&supi(1), "5G:mnc001.mcc001.3gppnetwork.org")
        .expect("a number");
    store.add(&blank(2)).expect("added");
    // Nor does it wait for a log that takes nothing.
    store.records().hand_events_to(Arc::new(Stuck));
    let begin = std::time::Instant::now();
    store.add(&blank(3)).expect("added");
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn what_waits_for_a_log_is_not_given_to_none() {
    let (folder, key) = folder();
    let path = folder.path().join("subscribers.redb");
    let open = || SubscriberStore::open(&path, &key, StoreOptions::default()).expect("a store");
    // A life with a log that took nothing before its end, and two without one.
    open().add_on_record(&blank(1), event(1)).expect("added");
    for life in 2..4 {
        let store = open();
        store.records().hand_events_to(Arc::new(AuditLog::off()));
        store.add_on_record(&blank(life), event(life)).expect("added");
        assert_eq!(
            store.records().offer_events(),
            0,
            "what happens without a log waits for none"
        );
    }
    let (store, log) = (open(), Arc::new(Log::default()));
    store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
    assert!(numbers(&log).contains(&1), "{:?}", numbers(&log));
}

/// A log that takes nothing.
struct Stuck;

impl EventLog for Stuck {
    fn newest(&self) -> u64 {
        0
    }

    fn takes(&self, _: &[Event]) -> bool {
        false
    }

    fn has_below(&self) -> u64 {
        0
    }
}

/// A log with room for so many, which takes all that it is offered at once or nothing, as [`AuditLog`](kaskade_store::audit::AuditLog).
struct Narrow(Mutex<usize>);

impl EventLog for Narrow {
    fn newest(&self) -> u64 {
        0
    }

    fn takes(&self, events: &[Event]) -> bool {
        let mut room = self.0.lock().expect("whole");
        let left = room.checked_sub(events.len());
        *room = left.unwrap_or(*room);
        left.is_some()
    }

    fn has_below(&self) -> u64 {
        0
    }
}

/// Whoever waits for an entry waits for no later ones.
#[test]
fn later_events_are_not_waited_for() {
    let (folder, key) = folder();
    let store = SubscriberStore::open(&folder.path().join("s.redb"), &key, StoreOptions::default()).expect("a store");
    let log = Arc::new(Narrow(Mutex::new(0)));
    store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
    assert_eq!(store.records().offer_events_until(store.records().events_so_far()), 0);
    store
        .put_many_on_record(&(1..=3).map(blank).collect::<Vec<_>>(), &|_, _| event(1))
        .expect("put");
    let ours = store.records().events_so_far();
    store
        .put_many_on_record(&(4..=9).map(blank).collect::<Vec<_>>(), &|_, _| event(2))
        .expect("put");
    assert_eq!(
        (store.records().offer_events_until(ours), store.records().offer_events()),
        (3, 9)
    );
    *log.0.lock().expect("whole") = 4;
    assert_eq!(
        (store.records().offer_events_until(ours), store.records().offer_events()),
        (0, 5)
    );
}

/// Room for fewer than are handed over at once is used up too: a log with some left is not full, and nothing says so.
#[test]
fn a_log_gets_as_many_as_it_has_room_for() {
    let (folder, key) = folder();
    let store = SubscriberStore::open(&folder.path().join("s.redb"), &key, StoreOptions::default()).expect("a store");
    let log = Arc::new(Narrow(Mutex::new(100)));
    store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
    let many: Vec<Subscriber> = (1..=300).map(blank).collect();
    store.put_many_on_record(&many, &|_, _| event(1)).expect("put");
    for (room, left) in [(0, 200), (1, 199), (140, 59), (59, 0)] {
        *log.0.lock().expect("whole") += room;
        assert_eq!(store.records().offer_events(), left);
        assert_eq!(*log.0.lock().expect("whole"), 0);
    }
}

#[test]
fn an_import_that_breaks_off_is_on_record_for_each_subscriber_that_it_put() {
    const MANY: u64 = 5000;
    let many: Vec<Subscriber> = (1..=MANY).map(blank).collect();
    let told = |one: &Subscriber, known: bool| {
        assert!(!known);
        let digits = one.supi.value();
        event(digits.parse().expect("digits"))
    };
    let mut broken = 0;
    for operations in [40, 80, 120, 160, 240, 400, 600] {
        let disk = Disk::new(operations);
        drop(open(&disk, StoreOptions::default()).expect("a store"));
        disk.cut_power_after(operations);
        if let Ok(store) = open(&disk, StoreOptions::default()) {
            let _ = store.put_many_on_record(&many, &told);
        }
        disk.restore_power();
        let store = open(&disk, StoreOptions::default()).expect("power");
        let log = Arc::new(Log::default());
        store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
        let there = store.list(None, usize::MAX).expect("read");
        let there: BTreeSet<u64> = there
            .iter()
            .map(|one| one.supi.value().parse().expect("digits"))
            .collect();
        assert_eq!(numbers(&log), there, "{operations}: who is there, and who is on record");
        broken += u64::from(!there.is_empty() && there.len() < many.len());
    }
    assert!(broken > 0, "none broke off in the middle");
}

/// Subscribers that are put together are in wholly or not at all, whatever fails, and whoever of them is busy meanwhile.
#[test]
fn what_is_put_together_is_in_wholly_or_not_at_all() {
    const MANY: u64 = 1000;
    let with = |number: u64, gpsi: u64| {
        let mut one = blank(number);
        one.subscription.gpsi = Some(format!("msisdn-49170{gpsi:07}").parse().expect("a GPSI"));
        one
    };
    let told = |one: &Subscriber, _| event(one.supi.value().parse().expect("digits"));
    let (mut all, mut none) = (0, 0);
    for operations in (10..250).step_by(8) {
        let disk = Disk::new(operations);
        let store = open(&disk, StoreOptions::default()).expect("a store");
        store.put_many(&[with(1, 1), with(2, 2)]).expect("put");
        drop(store);
        disk.cut_power_after(operations);
        // The first two exchange their GPSIs.
        let mut many = vec![with(1, 2), with(2, 1)];
        many.extend((3..=MANY).map(|number| with(number, number)));
        if let Ok(store) = open(&disk, StoreOptions::default()) {
            let _ = store.put_together_on_record(&many, &told);
        }
        disk.restore_power();
        let store = open(&disk, StoreOptions::default()).expect("power");
        let log = Arc::new(Log::default());
        store.records().hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
        let there = store.list(None, usize::MAX).expect("read");
        let is_in = there.len() as u64 == MANY;
        assert!(is_in || there.len() == 2, "{} of {MANY}", there.len());
        assert_eq!(numbers(&log).len() as u64, if is_in { MANY } else { 0 });
        let owner = |gpsi| {
            store
                .supi_of(&with(1, gpsi).subscription.gpsi.expect("one"))
                .expect("read")
        };
        let (first, second) = if is_in { (2, 1) } else { (1, 2) };
        assert_eq!([owner(1), owner(2)], [Some(supi(first)), Some(supi(second))]);
        *(if is_in { &mut all } else { &mut none }) += 1;
    }
    assert!(all > 0 && none > 0, "{all} wholly, {none} not at all");

    let (folder, key) = folder();
    let store = SubscriberStore::open(&folder.path().join("s.redb"), &key, StoreOptions::default()).expect("a store");
    let mut unit = kaskade_flow::Unit::new();
    (0..(1 << 16) - 10).for_each(|number| unit.event(event(number).expect("an event")));
    let events = store.records().commit(unit, kaskade_flow::Guarded::new(()));
    events.wait().expect("room for so many").release_to_peer();
    let many: Vec<Subscriber> = (1..=20).map(blank).collect();
    let put = |many: &[Subscriber]| store.put_together_on_record(many, &told);
    assert!(matches!(put(&many), Err(StoreError::NotOnRecord)), "room for ten");
    assert_eq!(store.list(None, 99).expect("read").len(), 0);
    assert_eq!(put(&many[..10]).expect("room for ten"), 10);
    // Nobody waits for what was refused.
    store
        .next_sqn(&supi(1), "5G:mnc001.mcc001.3gppnetwork.org")
        .expect("a number");
}

/// What is done to the store as a whole without an audit log is noted with it, not behind it: a kill in between leaves no change
/// that nobody knows of.
#[test]
fn what_changes_the_whole_store_without_a_log_says_so_first() {
    let (engine, key) = (MemoryEngine::default(), key());
    let open = |unrecorded| {
        let mut options = StoreOptions::default();
        options.unrecorded = unrecorded;
        SubscriberStore::with_engine(Arc::new(engine.clone()), Path::new("memory"), &key, options).expect("a store")
    };
    let store = open(true);
    assert!(store.unrecorded_since().expect("read").is_some(), "made without a log");
    store.is_recorded_again().expect("written");
    store.add(&blank(1)).expect("added");
    drop(store);
    let said = || {
        let mut said = Vec::new();
        let read = engine.get(Table::META, b"unrecorded", &mut |octets| said = octets.to_vec());
        read.expect("read");
        said
    };
    let before = said();
    let mut options = StoreOptions::default();
    options.unrecorded = true;
    let mut moved = 0;
    let mut progress = |done, _| {
        moved = done;
        assert_ne!(said(), before, "{done} are moved");
    };
    skip_ahead_on(&engine, Path::new("memory"), &key, &options, &|_| None, &mut progress).expect("done");
    assert!(moved > 0);
    assert!(open(false).unrecorded_since().expect("read").is_some());
}

/// Whoever puts many learns how many are in, to one, though the last commits failed.
#[test]
fn who_puts_many_learns_how_many_are_in() {
    let (folder, key) = folder();
    let store = SubscriberStore::open(&folder.path().join("s.redb"), &key, StoreOptions::default()).expect("a store");
    let with = |number: u64| {
        let mut one = blank(number);
        one.subscription.gpsi = Some("msisdn-491701234567".parse().expect("a GPSI"));
        one
    };
    store.add(&with(1)).expect("added");
    // The third commit has somebody else's GPSI.
    let many: Vec<Subscriber> = (2..5000).map(blank).chain([with(5000)]).collect();
    let stopped = store.put_many_on_record(&many, &|_, _| event(1)).expect_err("taken");
    assert!(matches!(stopped.error, StoreError::GpsiTaken { .. }), "{stopped}");
    assert_eq!(stopped.done, 4096);
    assert_eq!(store.list(None, usize::MAX).expect("read").len(), 1 + 4096);
}

/// Many more than may wait for the log: it is waited for, and no room is kept for what it has.
#[test]
fn an_import_goes_at_the_speed_of_the_log() {
    use kaskade_store::audit::{AuditLog, AuditOptions, LogReader};
    const MANY: u64 = 70_000;
    let (folder, key) = folder();
    let path = folder.path().join("audit");
    let options = AuditOptions::new(&path);
    let log = AuditLog::open(options, &key).expect("a log");
    let store = SubscriberStore::open(&folder.path().join("subscribers.redb"), &key, StoreOptions::default());
    let store = store.expect("a store");
    store.records().hand_events_to(Arc::new(log.clone()));
    let put = store.put_many_on_record(&(1..=MANY).map(blank).collect::<Vec<_>>(), &|one, _| {
        Some(event(1)?.about(log.subject(&one.supi)))
    });
    assert_eq!(put.expect("room"), MANY);
    while store.records().offer_events() > 0 {
        log.flush().expect("room");
    }
    drop(store);
    log.close();
    let reader = LogReader::open(&path, Some(&key)).expect("a log");
    let mut subjects = BTreeSet::new();
    let read = reader.read(None, &mut |_, _| (), &mut |_, entry| {
        if let kaskade_flow::event::Entry::Event(event) = entry
            && event.action() == Action::SubscriberChanged
        {
            subjects.insert(event.subject().pseudonym());
        }
    });
    read.expect("as it was written");
    assert_eq!(subjects.len() as u64, MANY);
    assert!(subjects.contains(&reader.pseudonym(&supi(MANY)).expect("the key")));
}
