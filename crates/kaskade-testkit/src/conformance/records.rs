//! Records of throw-away kinds, over any engine: sealed, coded, expiring, indexed, conditional, with an outbox.

mod ended;
mod events;
mod kinds;
mod machine;
mod newer;
mod outbox;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use kaskade_flow::record::{Expect, Kind, Record, Version};
use kaskade_flow::unit::UnitError;
use kaskade_flow::{Guarded, Unit, UnixMillis};
use kaskade_keys::Supi;
use kaskade_store::engine::{
    Batch, Blocking, Change, Conflict, Engine, Group, Link, Row, Serial, Table, Value, Wanted,
};
use kaskade_store::records::{AtHand, CommitError, DeclareError, Found, RecordError, Records};
use kaskade_store::{MasterKey, SubscriberStore};

use super::Place;
use crate::clock::{Hands, START};
use crate::subscribers::supi;
use kinds::{Badge, Careless, Note, Session};

pub(super) fn run(place: &impl Fn() -> Place) {
    what_was_put_is_read(&place());
    only_what_is_as_expected_is_changed(&place());
    one_conflict_fails_nobody_else(&place());
    units_are_whole(&place());
    indexes_lead_to_their_records(&place());
    pages_are_in_order(&place());
    what_has_ended_is_absent_and_then_gone(&place());
    what_was_edited_or_moved_is_named_and_left(&place());
    newer::run(place);
    ended::run(place);
    impossible_units_are_refused(&place());
    a_unit_is_on_its_way_whatever_becomes_of_the_future(&place());
    kinds_are_not_mixed_up(&place());
    outbox::run(place);
    events::run(place);
    machine::run(&place());
}

/// A store on an engine, with a clock that stands still.
pub(super) struct Tried {
    engine: Arc<dyn Engine>,
    store: SubscriberStore,
    records: Records,
    hands: Hands,
}

impl Tried {
    fn new(open: &Place) -> Self {
        let all = [Session::KIND, Badge::KIND, Note::KIND, Careless::KIND];
        let tried = Self::with(open, &all);
        tried.records.declare(&all).expect("declared again");
        tried
    }

    /// With a program that knows these kinds.
    fn with(open: &Place, kinds: &[Kind]) -> Self {
        let engine = open();
        let hands = Hands::new();
        let key = MasterKey::from_octets(&[5; 32]);
        let store = SubscriberStore::with_engine(Arc::clone(&engine), Path::new("conformance"), &key, hands.options());
        let store = store.expect("a store");
        let records = store.records();
        records.declare(kinds).expect("declared");
        Self {
            engine,
            store,
            records,
            hands,
        }
    }

    /// The clock goes on.
    fn pass(&self, seconds: u64) {
        self.hands.pass(seconds);
        self.store.settle().expect("settled");
    }

    fn commit(&self, unit: Unit) -> Result<(), CommitError> {
        self.records
            .commit(unit, Guarded::new(7))
            .wait()
            .map(|done| drop(done.map(|told| assert_eq!(told, 7))))
    }

    fn done(&self, fill: impl FnOnce(&mut Unit)) {
        let mut unit = Unit::new();
        fill(&mut unit);
        self.commit(unit).expect("done");
    }

    /// By the two ways to a record, which agree.
    fn read<R: Record + PartialEq + core::fmt::Debug>(&self, key: &R::Key) -> Option<Found<R>> {
        let read = pollster::block_on(self.records.read::<R>(key)).expect("read");
        match self.records.peek::<R>(key).expect("peeked") {
            AtHand::NotHere => {}
            AtHand::Absent => assert!(read.is_none()),
            AtHand::Found(record, version) => {
                let read = read.as_ref().expect("there");
                assert_eq!((&read.record, read.version), (&record, version));
            }
        }
        read
    }

    fn version<R: Record + PartialEq + core::fmt::Debug>(&self, key: &R::Key) -> Version {
        self.read::<R>(key).expect("there").version
    }

    fn error<R: Record>(&self, key: &R::Key) -> RecordError {
        let read = pollster::block_on(self.records.read::<R>(key));
        let peek = self.records.peek::<R>(key);
        assert!(matches!(peek, Err(_) | Ok(AtHand::NotHere)));
        read.err().expect("an error")
    }

    fn row(&self, table: Table, key: &[u8]) -> Option<Row> {
        let rows = pollster::block_on(self.engine.read(&[Wanted::Key(table, key)])).expect("read");
        rows.into_iter().next().flatten()
    }

    /// Changes a row behind the store's back, as somebody with the file would.
    fn plant(&self, table: Table, key: &[u8], value: Option<Value>) {
        let mut unit = Batch::default();
        unit.push(Change {
            table,
            key: key.into(),
            expect: Expect::Any,
            value,
        });
        // As another node: the store counts its own commits.
        let Serial(last) = pollster::block_on(self.engine.serial(63)).expect("a serial");
        let group = Group {
            node: 63,
            serial: Serial(last + 1),
            now: 0,
            units: vec![unit],
        };
        pollster::block_on(self.engine.commit(group)).expect("planted");
    }

    /// What a row says and its end, without links.
    fn value(&self, row: &Row) -> Value {
        Value {
            octets: row.octets.clone(),
            expires: row.expires,
            links: Vec::new(),
        }
    }

    /// How many rows a table has.
    fn rows(&self, table: Table) -> u64 {
        self.engine.count(table).expect("a number")
    }

    /// Waits until something is so.
    fn until(&self, what: &str, so: impl Fn() -> bool) {
        let start = Instant::now();
        while !so() {
            assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// So many seconds after the start.
fn at(seconds: u64) -> UnixMillis {
    UnixMillis::new((START + seconds) * 1000)
}

fn table<R: Record>() -> Table {
    Table::new(R::KIND.number, R::KIND.name)
}

fn what_was_put_is_read(open: &Place) {
    let key = (supi(1), 9);
    let version = {
        let tried = Tried::new(open);
        assert!(tried.read::<Session>(&key).is_none());
        tried.done(|unit| {
            unit.put(&key, &Session::of(1), Expect::Any);
            unit.put(&supi(1), &Badge::new("first", "red"), Expect::Any);
            unit.put(&"note".to_owned(), &Note("as it is".into()), Expect::Any);
        });
        let found = tried.read::<Session>(&key).expect("there");
        assert_eq!((&found.key, &found.record), (&key, &Session::of(1)));
        assert_eq!(tried.version::<Badge>(&supi(1)), found.version, "one commit");
        tried.done(|unit| unit.put(&key, &Session::of(2), Expect::Any));
        let again = tried.read::<Session>(&key).expect("there");
        assert_eq!(again.record, Session::of(2));
        assert!(again.version > found.version);
        // What is secret is nowhere in clear.
        let row = tried.row(table::<Session>(), &kinds::octets(&key)).expect("a row");
        assert!(!row.octets.windows(8).any(|window| window == [2; 8]));
        again.version
    };
    let tried = Tried::new(open);
    let found = tried.read::<Session>(&key).expect("still there");
    assert_eq!((found.record, found.version), (Session::of(2), version));
    assert_eq!(
        tried.read::<Badge>(&supi(1)).expect("there").record,
        Badge::new("first", "red")
    );
    assert_eq!(
        tried.read::<Note>(&"note".to_owned()).expect("there").record,
        Note("as it is".into())
    );
    tried.done(|unit| unit.remove::<Session>(&key, Expect::Any));
    assert!(tried.read::<Session>(&key).is_none());
    tried.done(|unit| unit.remove::<Session>(&key, Expect::Any));
    assert_ne!(tried.version::<Badge>(&supi(1)), version);
}

fn only_what_is_as_expected_is_changed(open: &Place) {
    let tried = Tried::new(open);
    let key = (supi(1), 1);
    let put = |session: &Session, expect| {
        let mut unit = Unit::new();
        unit.put(&key, session, expect);
        tried.commit(unit)
    };
    let conflict = |outcome: Result<(), CommitError>| match outcome {
        Err(CommitError::Conflict(conflict)) => conflict,
        other => unreachable!("{other:?}"),
    };
    let name = Session::KIND.name;
    assert_eq!(
        conflict(put(&Session::of(1), Expect::Version(Version(1)))),
        Conflict::Changed(name)
    );
    assert!(tried.read::<Session>(&key).is_none());
    put(&Session::of(1), Expect::Absent).expect("new");
    assert_eq!(conflict(put(&Session::of(2), Expect::Absent)), Conflict::Present(name));
    let first = tried.version::<Session>(&key);
    put(&Session::of(3), Expect::Version(first)).expect("as it was");
    assert_eq!(
        conflict(put(&Session::of(4), Expect::Version(first))),
        Conflict::Changed(name)
    );
    assert_eq!(tried.read::<Session>(&key).expect("there").record, Session::of(3));
    let remove = |expect| {
        let mut unit = Unit::new();
        unit.remove::<Session>(&key, expect);
        tried.commit(unit)
    };
    assert_eq!(conflict(remove(Expect::Version(first))), Conflict::Changed(name));
    remove(Expect::Version(tried.version::<Session>(&key))).expect("as it was");
    assert!(tried.read::<Session>(&key).is_none());
}

/// Many units at once, of which every other one conflicts.
fn one_conflict_fails_nobody_else(open: &Place) {
    let tried = Tried::new(open);
    tried.done(|unit| unit.put(&(supi(0), 0), &Session::of(0), Expect::Absent));
    let (tell, outcomes) = channel();
    for number in 1..=200_u32 {
        let mut unit = Unit::new();
        unit.put(&(supi(1), number), &Session::of(1), Expect::Absent);
        if number % 2 == 0 {
            unit.put(&(supi(0), 0), &Session::of(9), Expect::Absent);
        }
        let tell = tell.clone();
        let submitted = tried.records.submit(unit, move |outcome| {
            tell.send((number, outcome.is_ok())).expect("somebody listens");
        });
        submitted.expect("on its way");
    }
    drop(tell);
    let mut heard = 0;
    for (number, done) in outcomes {
        heard += 1;
        assert_eq!(done, number % 2 == 1, "unit {number}");
        assert_eq!(
            tried.read::<Session>(&(supi(1), number)).is_some(),
            done,
            "unit {number}"
        );
    }
    assert_eq!(heard, 200, "each has its outcome, once");
    assert_eq!(
        tried.read::<Session>(&(supi(0), 0)).expect("there").record,
        Session::of(0)
    );
}

fn units_are_whole(open: &Place) {
    let tried = Tried::new(open);
    tried.done(|unit| unit.put(&supi(1), &Badge::new("taken", "red"), Expect::Absent));
    let mut unit = Unit::new();
    unit.put(&(supi(2), 1), &Session::of(1), Expect::Any);
    unit.put(&supi(2), &Badge::new("taken", "red"), Expect::Any);
    unit.remove::<Badge>(&supi(3), Expect::Any);
    let outcome = tried.commit(unit);
    assert!(matches!(outcome, Err(CommitError::Conflict(Conflict::Taken(name, 0))) if name == Badge::KIND.name));
    assert!(tried.read::<Session>(&(supi(2), 1)).is_none());
    assert!(tried.read::<Badge>(&supi(2)).is_none());
    tried.commit(Unit::new()).expect("nothing is easily done");
}

fn indexes_lead_to_their_records(open: &Place) {
    let tried = Tried::new(open);
    let find = |serial: &str| pollster::block_on(tried.records.find::<Badge>(0, serial.as_bytes())).expect("read");
    let all = |colour: &str, after: Option<&Supi>, limit| {
        let found = tried.records.find_all::<Badge>((1, colour.as_bytes()), after, limit);
        let found = pollster::block_on(found).expect("read");
        found.into_iter().map(|found| found.key).collect::<Vec<_>>()
    };
    tried.done(|unit| {
        for number in [3, 1, 2] {
            unit.put(
                &supi(number),
                &Badge::new(&format!("serial {number}"), "red"),
                Expect::Absent,
            );
        }
        unit.put(&supi(4), &Badge::new("serial 4", "reddish"), Expect::Absent);
    });
    assert_eq!(find("serial 2").expect("there").key, supi(2));
    assert!(find("serial 9").is_none());
    assert_eq!(all("red", None, 10), [supi(1), supi(2), supi(3)]);
    assert_eq!(all("red", None, 2), [supi(1), supi(2)]);
    assert_eq!(all("red", Some(&supi(1)), 10), [supi(2), supi(3)]);
    assert_eq!(all("reddish", None, 10), [supi(4)]);
    tried.done(|unit| unit.put(&supi(2), &Badge::new("serial 9", "reddish"), Expect::Any));
    assert!(find("serial 2").is_none(), "a record has the keys of its last state");
    assert_eq!(find("serial 9").expect("there").key, supi(2));
    assert_eq!(all("red", None, 10), [supi(1), supi(3)]);
    assert_eq!(all("reddish", None, 10), [supi(2), supi(4)]);
    tried.done(|unit| unit.remove::<Badge>(&supi(2), Expect::Any));
    assert!(find("serial 9").is_none());
    assert_eq!(all("reddish", None, 10), [supi(4)]);
}

fn pages_are_in_order(open: &Place) {
    let tried = Tried::new(open);
    let nai: Supi = "nai-a@b".parse().expect("a SUPI");
    let longer: Supi = "nai-a@bc".parse().expect("a SUPI");
    let keys: Vec<(Supi, u32)> = [supi(1), supi(2), supi(10), nai.clone(), longer]
        .into_iter()
        .flat_map(|supi| [(supi.clone(), 1), (supi.clone(), 2), (supi, 256)])
        .collect();
    tried.done(|unit| {
        for key in keys.iter().rev() {
            unit.put(key, &Session::of(1), Expect::Absent);
        }
        // One that has ended in between.
        unit.put(&(supi(2), 7), &Session::until(1, at(0)), Expect::Absent);
    });
    let list = |after: Option<&(Supi, u32)>, limit| {
        let found = pollster::block_on(tried.records.list::<Session>(after, limit)).expect("read");
        found.into_iter().map(|found| found.key).collect::<Vec<_>>()
    };
    let of = |supi: &Supi, after: Option<&(Supi, u32)>, limit| {
        let found = pollster::block_on(tried.records.list_of::<Session>(supi, after, limit)).expect("read");
        found.into_iter().map(|found| found.key).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 100), keys, "in the order of the SUPI");
    assert_eq!(list(keys.get(3), 5), keys[4..9]);
    assert!(list(keys.last(), 5).is_empty());
    assert_eq!(of(&supi(2), None, 100), keys[3..6]);
    assert_eq!(
        of(&nai, None, 100),
        keys[9..12],
        "and of nobody whose name only begins so"
    );
    assert_eq!(of(&nai, keys.get(9), 1), keys[10..11]);
    assert!(of(&supi(3), None, 100).is_empty());
}

fn what_has_ended_is_absent_and_then_gone(open: &Place) {
    let tried = Tried::new(open);
    let (early, late) = ((supi(1), 1), (supi(1), 2));
    tried.done(|unit| {
        unit.put(&early, &Session::until(1, at(60)), Expect::Any);
        unit.put(&late, &Session::until(1, at(600)), Expect::Any);
        for number in 0..700 {
            unit.put(&(supi(2), number), &Session::until(1, at(60)), Expect::Any);
        }
        unit.put(&supi(1), &Badge::new("never", "ends"), Expect::Any);
    });
    assert!(tried.read::<Session>(&early).is_some());
    tried.pass(59);
    assert!(tried.read::<Session>(&early).is_some());
    let version = tried.version::<Session>(&early);
    tried.pass(1);
    assert!(tried.read::<Session>(&early).is_none(), "at its end");
    let all = pollster::block_on(tried.records.list::<Session>(None, 2000)).expect("read");
    assert_eq!(all.len(), 1);
    tried.until("all that ended is removed", || tried.rows(table::<Session>()) == 1);
    tried.until("and counted", || tried.records.swept() == 701);
    assert!(tried.read::<Session>(&late).is_some());
    assert!(tried.read::<Badge>(&supi(1)).is_some());
    // One that was given more time in time stays.
    tried.done(|unit| unit.put(&late, &Session::until(1, at(6000)), Expect::Any));
    tried.pass(1000);
    tried.done(|unit| unit.put(&early, &Session::until(1, at(1061)), Expect::Absent));
    tried.pass(1);
    tried.until("swept again", || tried.rows(table::<Session>()) == 1);
    assert!(tried.read::<Session>(&late).is_some());
    let mut unit = Unit::new();
    unit.put(&early, &Session::of(1), Expect::Version(version));
    assert!(tried.commit(unit).is_err(), "it is another, if it comes again");
}

fn what_was_edited_or_moved_is_named_and_left(open: &Place) {
    let tried = Tried::new(open);
    let key = (supi(1), 1);
    let place = kinds::octets(&key);
    let other = kinds::octets(&(supi(1), 2_u32));
    let sessions = table::<Session>();
    tried.done(|unit| {
        unit.put(&key, &Session::until(1, at(60)), Expect::Any);
        unit.put(&supi(1), &Badge::new("serial", "red"), Expect::Any);
        unit.put(&supi(2), &Badge::new("another", "red"), Expect::Any);
    });
    let whole = tried.row(sessions, &place).expect("there");
    let value = |octets: &[u8], expires| {
        Some(Value {
            octets: octets.into(),
            expires,
            links: Vec::new(),
        })
    };
    let named = |key: &(Supi, u32), place: &[u8], what: &str| {
        let before = tried.row(sessions, place).expect("there");
        let error = tried.error::<Session>(key);
        assert!(
            matches!(error, RecordError::Changed(name) if name == Session::KIND.name),
            "{what}: {error}"
        );
        assert!(
            pollster::block_on(tried.records.list::<Session>(None, 10)).is_err(),
            "{what}"
        );
        let mut unit = Unit::new();
        unit.put(key, &Session::of(2), Expect::Any);
        let outcome = tried.commit(unit);
        assert!(
            matches!(outcome, Err(CommitError::Unreadable(RecordError::Changed(_)))),
            "{what}: {outcome:?}"
        );
        assert_eq!(tried.row(sessions, place), Some(before), "{what}: left as it is");
    };
    for position in 0..whole.octets.len() {
        // The first octet is the version.
        let mut edited = whole.octets.to_vec();
        if let Some(octet) = edited.get_mut(position).filter(|_| position > 0) {
            *octet ^= 1;
            tried.plant(sessions, &place, value(&edited, whole.expires));
            assert!(
                matches!(tried.error::<Session>(&key), RecordError::Changed(_)),
                "octet {position}"
            );
        }
    }
    tried.plant(sessions, &place, value(&whole.octets[..9], whole.expires));
    named(&key, &place, "cut");
    tried.plant(sessions, &place, value(&[], whole.expires));
    named(&key, &place, "emptied");
    tried.plant(sessions, &place, value(&whole.octets, whole.expires + 60_000));
    named(&key, &place, "another end");
    tried.plant(sessions, &place, value(&whole.octets, 0));
    named(&key, &place, "no end");
    tried.plant(sessions, &place, None);
    tried.plant(sessions, &other, value(&whole.octets, whole.expires));
    named(&(supi(1), 2), &other, "moved to another key");
    // What ends, but not as it was written, is not removed.
    tried.plant(sessions, &other, value(&whole.octets, 1));
    tried.done(|unit| unit.put(&key, &Session::until(1, at(1)), Expect::Any));
    tried.pass(10);
    tried.until("what ended is removed", || tried.records.swept() == 1);
    named(&(supi(1), 2), &other, "an end of its own");
    // A record of one subscriber for another, also in clear.
    let badges = table::<Badge>();
    let badge = tried.row(badges, &kinds::octets(&supi(1))).expect("there");
    tried.plant(badges, &kinds::octets(&supi(3)), value(&badge.octets, 0));
    assert!(matches!(tried.error::<Badge>(&supi(3)), RecordError::Changed(_)));
    // An index that leads elsewhere.
    let another = tried.row(badges, &kinds::octets(&supi(2))).expect("there");
    let mut turned = value(&another.octets, 0);
    if let Some(value) = &mut turned {
        value.links = vec![Link {
            index: 0,
            octets: b"of a third".as_slice().into(),
        }];
    }
    tried.plant(badges, &kinds::octets(&supi(2)), turned);
    let found = pollster::block_on(tried.records.find::<Badge>(0, b"of a third"));
    assert!(
        matches!(found, Err(RecordError::Index(name, 0)) if name == Badge::KIND.name),
        "{found:?}"
    );
}

fn impossible_units_are_refused(open: &Place) {
    let tried = Tried::new(open);
    let refused = |fill: &dyn Fn(&mut Unit)| {
        let mut unit = Unit::new();
        fill(&mut unit);
        match tried.commit(unit) {
            Err(CommitError::Unit(error)) => error,
            other => unreachable!("{other:?}"),
        }
    };
    let careless = refused(&|unit| unit.put(&1, &Careless, Expect::Any));
    assert_eq!(
        careless,
        UnitError::Unsealed(Careless::KIND.name),
        "secrets would be in clear"
    );
    let long = "x".repeat(kaskade_flow::unit::LONGEST_KEY + 1);
    assert_eq!(
        refused(&|unit| unit.put(&long, &Note("".into()), Expect::Any)),
        UnitError::TooLong(Note::KIND.name)
    );
    assert_eq!(tried.rows(table::<Careless>()) + tried.rows(table::<Note>()), 0);
}

fn a_unit_is_on_its_way_whatever_becomes_of_the_future(open: &Place) {
    let tried = Tried::new(open);
    let mut unit = Unit::new();
    unit.put(&(supi(1), 1), &Session::of(1), Expect::Any);
    drop(tried.records.commit(unit, Guarded::new(())));
    tried.store.settle().expect("settled");
    assert!(tried.read::<Session>(&(supi(1), 1)).is_some());
}

fn kinds_are_not_mixed_up(open: &Place) {
    let tried = Tried::new(open);
    let records = &tried.records;
    let same_number = Kind {
        name: "another name",
        ..Session::KIND
    };
    let same_name = Kind {
        number: 999,
        ..Session::KIND
    };
    assert!(matches!(records.declare(&[same_number]), Err(DeclareError::Twice(..))));
    assert!(matches!(records.declare(&[same_name]), Err(DeclareError::Twice(..))));
    let own = Kind {
        number: 31,
        ..Session::KIND
    };
    assert!(matches!(records.declare(&[own]), Err(DeclareError::Own(_))));
}
