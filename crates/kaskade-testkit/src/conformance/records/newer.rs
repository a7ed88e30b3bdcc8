//! What a newer program wrote: named, and left as it is.

use kaskade_flow::Unit;
use kaskade_flow::record::{Expect, Record};
use kaskade_store::records::{CommitError, RecordError};

use super::kinds::{self, Newer, Session};
use super::{Tried, at, supi, table};
use crate::conformance::Place;

pub(super) fn run(place: &impl Fn() -> Place) {
    an_unknown_version_is_named_and_left(&place());
    an_unknown_kind_is_left(&place());
}

fn an_unknown_version_is_named_and_left(open: &Place) {
    let key = (supi(1), 1);
    {
        let newer = Tried::with(open, &[Newer::KIND]);
        newer.done(|unit| unit.put(&key, &Newer, Expect::Any));
    }
    let tried = Tried::new(open);
    let place = kinds::octets(&key);
    let row = tried.row(table::<Session>(), &place).expect("there");
    let named = |error: &RecordError| matches!(error, RecordError::Version { kind, found: 3, known: 2 } if *kind == Session::KIND.name);
    assert!(named(&tried.error::<Session>(&key)));
    let mut unit = Unit::new();
    unit.put(&key, &Session::of(1), Expect::Any);
    match tried.commit(unit) {
        Err(CommitError::Unreadable(error)) => assert!(named(&error), "{error}"),
        other => unreachable!("{other:?}"),
    }
    tried.pass(10_000);
    tried.done(|unit| unit.put(&(supi(2), 1), &Session::until(1, at(10_000)), Expect::Any));
    tried.until("what ended is removed", || tried.records.swept() == 1);
    assert_eq!(
        tried.row(table::<Session>(), &place),
        Some(row),
        "left, also at its end"
    );
    // An older version is read.
    tried.plant(table::<Session>(), &place, None);
    drop(tried);
    {
        let older = Tried::with(open, &[kinds::Older::KIND]);
        older.done(|unit| unit.put(&key, &kinds::Older(5), Expect::Any));
    }
    let tried = Tried::new(open);
    assert_eq!(tried.read::<Session>(&key).expect("there").record, Session::of(5));
}

fn an_unknown_kind_is_left(open: &Place) {
    let key = (supi(1), 1_u32);
    {
        let newer = Tried::with(open, &[Session::KIND]);
        newer.done(|unit| {
            for number in 0..300 {
                unit.put(&(supi(1), number), &Session::until(1, at(5)), Expect::Absent);
            }
        });
    }
    let later = {
        let tried = Tried::with(open, &[kinds::Badge::KIND, kinds::Fleeting::KIND]);
        tried.done(|unit| unit.put(&1, &kinds::Fleeting(at(10)), Expect::Absent));
        tried.pass(100);
        tried.until("what ended of a known kind is removed", || tried.records.swept() == 1);
        tried.records.now()
    };
    let tried = Tried::with(open, &[Session::KIND]);
    assert_eq!(tried.rows(table::<Session>()), 300, "left");
    assert!(tried.row(table::<Session>(), &kinds::octets(&key)).is_some());
    assert!(later > at(10));
}
