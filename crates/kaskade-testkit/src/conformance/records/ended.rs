//! What has ended is absent at once, whether it is removed already or not; and kinds that nobody declared.

use kaskade_flow::Unit;
use kaskade_flow::record::{Expect, Kind, Record};
use kaskade_store::SqnScheme;
use kaskade_store::engine::Conflict;
use kaskade_store::records::{CommitError, RecordError, Records};
use kaskade_store::rows::SUBSCRIBER;

use super::kinds::{self, Newer, Pass, Session, Stranger, Thief};
use super::{Tried, at, supi, table};
use crate::conformance::Place;
use crate::subscribers::subscriber;

pub(super) fn run(place: &impl Fn() -> Place) {
    what_has_ended_is_not_in_the_way(&place());
    what_has_ended_and_cannot_be_read_is_left(&place());
    a_kind_that_nobody_declared_is_refused_alone(&place());
    a_kind_that_nobody_declared_is_not_read(&place());
}

fn what_has_ended_is_not_in_the_way(open: &Place) {
    let tried = Tried::with(open, &[Session::KIND, Pass::KIND]);
    let (changed, taken) = (supi(1), supi(2));
    tried.done(|unit| {
        unit.put(&changed, &Pass::new("its own", at(60)), Expect::Absent);
        unit.put(&taken, &Pass::new("passed on", at(60)), Expect::Absent);
    });
    let version = tried.version::<Pass>(&changed);
    let put = |key, serial: &str, expect| {
        let mut unit = Unit::new();
        unit.put(key, &Pass::new(serial, at(1000)), expect);
        tried.commit(unit)
    };
    let next = supi(3);
    let early = put(&next, "passed on", Expect::Absent);
    assert!(
        matches!(early, Err(CommitError::Conflict(Conflict::Taken(..)))),
        "before its end: {early:?}"
    );
    tried.pass(60);
    // No time for the sweeper, and the same if it was here.
    let outcome = put(&changed, "its own", Expect::Version(version));
    assert!(
        matches!(outcome, Err(CommitError::Conflict(Conflict::Changed(_)))),
        "{outcome:?}"
    );
    let mut unit = Unit::new();
    unit.remove::<Pass>(&changed, Expect::Version(version));
    let outcome = tried.commit(unit);
    assert!(
        matches!(outcome, Err(CommitError::Conflict(Conflict::Changed(_)))),
        "{outcome:?}"
    );
    put(&next, "passed on", Expect::Absent).expect("the key of one that has ended");
    put(&changed, "its own", Expect::Absent).expect("in the place of one that has ended");
    let find = |serial: &str| pollster::block_on(tried.records.find::<Pass>(0, serial.as_bytes())).expect("read");
    assert_eq!(find("passed on").expect("there").key, next);
    assert_eq!(find("its own").expect("there").key, changed);
    assert!(
        tried.row(table::<Pass>(), &kinds::octets(&taken)).is_none(),
        "gone with its key"
    );
    assert_eq!(tried.rows(table::<Pass>()), 2);
}

/// Neither in its place nor for its key: what a newer program wrote, or what was edited.
fn what_has_ended_and_cannot_be_read_is_left(open: &Place) {
    let key = (supi(1), 1);
    {
        let newer = Tried::with(open, &[Newer::KIND]);
        newer.done(|unit| unit.put(&key, &Newer, Expect::Any));
    }
    let tried = Tried::with(open, &[Session::KIND, Pass::KIND]);
    tried.done(|unit| unit.put(&supi(1), &Pass::new("of one", at(60)), Expect::Any));
    let place = kinds::octets(&supi(1));
    let row = tried.row(table::<Pass>(), &place).expect("there");
    let mut edited = tried.value(&row);
    if let Some(octet) = edited.octets.last_mut() {
        *octet ^= 1;
    }
    edited.links = vec![Pass::link("of one")];
    tried.plant(table::<Pass>(), &place, Some(edited));
    tried.pass(1000);
    let mut unit = Unit::new();
    unit.put(&key, &Session::of(1), Expect::Absent);
    let outcome = tried.commit(unit);
    assert!(
        matches!(
            outcome,
            Err(CommitError::Unreadable(RecordError::Version { found: 3, .. }))
        ),
        "{outcome:?}"
    );
    let mut unit = Unit::new();
    unit.put(&supi(2), &Pass::new("of one", at(2000)), Expect::Absent);
    let outcome = tried.commit(unit);
    assert!(
        matches!(outcome, Err(CommitError::Unreadable(RecordError::Changed(_)))),
        "{outcome:?}"
    );
    assert!(tried.row(table::<Session>(), &kinds::octets(&key)).is_some());
    assert!(tried.row(table::<Pass>(), &place).is_some());
}

/// By whatever way: a row of the store's own is no record of anybody's, nor is one of a kind that is declared otherwise.
fn a_kind_that_nobody_declared_is_not_read(open: &Place) {
    let tried = Tried::new(open);
    tried.store.add(&subscriber(1, SqnScheme::TimeBased)).expect("added");
    tried.done(|unit| unit.put(&(supi(1), 1), &Session::of(1), Expect::Any));
    fn refused<T>(read: Result<T, RecordError>, which: Kind) {
        match read {
            Err(RecordError::Undeclared(kind)) => assert_eq!(kind, which),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("`{}` was read", which.name),
        }
    }
    fn by_all_ways<R: Record>(records: &Records, key: &R::Key) {
        refused(records.peek::<R>(key), R::KIND);
        refused(pollster::block_on(records.read::<R>(key)), R::KIND);
        refused(pollster::block_on(records.find::<R>(0, b"index")), R::KIND);
        refused(
            pollster::block_on(records.find_all::<R>((0, b"index"), None, 9)),
            R::KIND,
        );
        refused(pollster::block_on(records.list::<R>(None, 9)), R::KIND);
    }
    by_all_ways::<Stranger>(&tried.records, &1);
    by_all_ways::<Thief>(&tried.records, &supi(1));
    by_all_ways::<kinds::Bare>(&tried.records, &(supi(1), 1));
    let of_one = pollster::block_on(tried.records.list_of::<kinds::Bare>(&supi(1), None, 9));
    refused(of_one, kinds::Bare::KIND);
    assert_eq!(
        tried.read::<Session>(&(supi(1), 1)).expect("there").record,
        Session::of(1)
    );
}

fn a_kind_that_nobody_declared_is_refused_alone(open: &Place) {
    let tried = Tried::new(open);
    let refused = |unit: Unit, which: Kind| {
        let outcome = tried.commit(unit);
        assert!(
            matches!(&outcome, Err(CommitError::Undeclared(kind)) if *kind == which),
            "{outcome:?}"
        );
    };
    let mut unit = Unit::new();
    unit.put(&(supi(1), 1), &Session::of(1), Expect::Any);
    unit.put(&1, &Stranger, Expect::Any);
    refused(unit, Stranger::KIND);
    assert!(tried.read::<Session>(&(supi(1), 1)).is_none(), "nothing of the unit");
    for expect in [Expect::Any, Expect::Absent] {
        let mut unit = Unit::new();
        unit.put(&supi(1), &Thief, expect);
        refused(unit, Thief::KIND);
    }
    let mut unit = Unit::new();
    unit.remove::<Thief>(&supi(1), Expect::Any);
    refused(unit, Thief::KIND);
    assert_eq!(tried.rows(SUBSCRIBER), 0);
    // Another protection than was declared.
    let mut unit = Unit::new();
    unit.put(&(supi(1), 1), &kinds::Bare, Expect::Any);
    refused(unit, kinds::Bare::KIND);
    tried.done(|unit| unit.put(&(supi(1), 1), &Session::of(1), Expect::Any));
    assert!(tried.store.failed().is_none());
}
