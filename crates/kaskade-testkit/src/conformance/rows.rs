//! Rows with versions, ends and links, and units that conflict.

use kaskade_store::engine::{
    Batch, Blocking, Change, Conflict, Cursor, Engine, Expect, Group, Link, Peek, Row, Serial, Table, UnitOutcome,
    Value, Version, Wanted,
};

use super::Place;

const FIRST: Table = Table::new(900, "first of a test");
const SECOND: Table = Table::new(901, "second of a test");

pub(super) fn run(place: &impl Fn() -> Place) {
    versions_are_of_commits(&place());
    units_conflict_alone(&place());
    a_unit_is_done_whole_or_not_at_all(&place());
    units_see_those_before_them(&place());
    links_lead_to_their_row(&place());
    a_link_is_of_one_row(&place());
    pages_of_links(&place());
    many_are_read_in_the_order_asked_for(&place());
    ends_come_in_order(&place());
    pages_of_a_prefix(&place());
    serials_are_durable(&place());
    what_has_ended_is_absent_to_units(&place());
    a_table_that_nobody_declared_is_refused_alone(&place());
    all_comes_back(&place());
}

/// An engine with the tables of these tests.
struct Tried<'p> {
    engine: std::sync::Arc<dyn Engine>,
    _open: &'p Place,
}

impl<'p> Tried<'p> {
    fn new(open: &'p Place) -> Self {
        let engine = open();
        engine.declare(&[FIRST, SECOND]).expect("declared");
        engine.declare(&[SECOND, FIRST]).expect("declared again");
        Self { engine, _open: open }
    }

    fn commit(&self, units: Vec<Batch>) -> Vec<UnitOutcome> {
        self.commit_at(0, units)
    }

    fn commit_at(&self, now: u64, units: Vec<Batch>) -> Vec<UnitOutcome> {
        let Serial(last) = self.serial(0);
        let group = Group {
            node: 0,
            serial: Serial(last + 1),
            now,
            units,
        };
        pollster::block_on(self.engine.commit(group)).expect("a commit")
    }

    fn serial(&self, node: u16) -> Serial {
        pollster::block_on(self.engine.serial(node)).expect("a serial")
    }

    /// By the two ways to a row, which agree.
    fn row(&self, table: Table, key: &[u8]) -> Option<Row> {
        let rows = pollster::block_on(self.engine.read(&[Wanted::Key(table, key)])).expect("read");
        let row = rows.into_iter().next().flatten();
        let mut peeked = None;
        match self.engine.peek(table, key, &mut |stored| {
            peeked = Some((stored.version, stored.expires, stored.octets.to_vec()));
        }) {
            Peek::NotHere => {}
            Peek::Failed(_) => unreachable!("reading works"),
            Peek::Found | Peek::Absent => {
                let read = row.as_ref().map(|row| (row.version, row.expires, row.octets.to_vec()));
                assert_eq!(peeked, read);
            }
        }
        row
    }

    fn version(&self, table: Table, key: &[u8]) -> Option<Version> {
        self.row(table, key).map(|row| row.version)
    }

    fn octets(&self, table: Table, key: &[u8]) -> Option<Vec<u8>> {
        self.row(table, key).map(|row| row.octets.into())
    }

    fn linked(&self, table: Table, index: u8, octets: &[u8]) -> Option<Vec<u8>> {
        let rows = pollster::block_on(self.engine.read(&[Wanted::Link(table, index, octets)])).expect("read");
        rows.into_iter().next().flatten().map(|row| row.key.into())
    }

    fn expired(&self, now: u64, limit: usize) -> Vec<(Table, Vec<u8>)> {
        self.expired_after(now, None, limit)
    }

    fn expired_after(&self, now: u64, after: Option<(u64, Table, &[u8])>, limit: usize) -> Vec<(Table, Vec<u8>)> {
        let cursor = Cursor::Expired { now, after };
        let rows = pollster::block_on(self.engine.page(cursor, limit)).expect("a page");
        rows.into_iter().map(|row| (row.table, row.key.into())).collect()
    }
}

fn change(table: Table, key: &[u8], expect: Expect, value: Option<Value>) -> Batch {
    let mut unit = Batch::default();
    unit.push(Change {
        table,
        key: key.into(),
        expect,
        value,
    });
    unit
}

fn says(octets: &[u8]) -> Option<Value> {
    Some(Value {
        octets: octets.into(),
        ..Value::default()
    })
}

fn linked(octets: &[u8], links: &[(u8, &[u8])]) -> Option<Value> {
    let links = links.iter().map(|(index, octets)| Link {
        index: *index,
        octets: (*octets).into(),
    });
    Some(Value {
        octets: octets.into(),
        expires: 0,
        links: links.collect(),
    })
}

fn until(expires: u64) -> Option<Value> {
    Some(Value {
        octets: b"mortal".as_slice().into(),
        expires,
        links: Vec::new(),
    })
}

fn both(mut first: Batch, second: Batch) -> Batch {
    first.append(second);
    first
}

fn versions_are_of_commits(open: &Place) {
    let tried = Tried::new(open);
    assert_eq!(tried.version(FIRST, b"a"), None);
    tried.commit(vec![change(FIRST, b"a", Expect::Any, says(b"1"))]);
    let first = tried.version(FIRST, b"a").expect("there");
    tried.commit(vec![change(FIRST, b"b", Expect::Any, says(b"1"))]);
    assert_eq!(tried.version(FIRST, b"a"), Some(first), "nobody has written it since");
    assert_ne!(tried.version(FIRST, b"b"), Some(first));
    tried.commit(vec![change(FIRST, b"a", Expect::Any, says(b"1"))]);
    assert_ne!(
        tried.version(FIRST, b"a"),
        Some(first),
        "the same again is another version"
    );
    tried.commit(vec![change(FIRST, b"a", Expect::Any, None)]);
    tried.commit(vec![change(FIRST, b"a", Expect::Any, says(b"1"))]);
    assert_ne!(
        tried.version(FIRST, b"a"),
        Some(first),
        "so is what was removed and came back"
    );
}

fn units_conflict_alone(open: &Place) {
    let tried = Tried::new(open);
    tried.commit(vec![change(FIRST, b"there", Expect::Any, says(b"1"))]);
    let version = tried.version(FIRST, b"there").expect("there");
    let stale = Expect::Version(Version(version.0 + 1));
    let outcomes = tried.commit(vec![
        change(FIRST, b"a", Expect::Absent, says(b"new")),
        change(FIRST, b"there", Expect::Absent, says(b"lost")),
        change(FIRST, b"there", stale, says(b"lost")),
        change(FIRST, b"not there", Expect::Version(version), says(b"lost")),
        change(FIRST, b"not there", Expect::Version(version), None),
        change(SECOND, b"there", Expect::Absent, says(b"of another table")),
        change(FIRST, b"b", Expect::Any, says(b"last")),
    ]);
    let name = FIRST.name();
    let expected = [
        UnitOutcome::Done,
        UnitOutcome::Conflict(Conflict::Present(name)),
        UnitOutcome::Conflict(Conflict::Changed(name)),
        UnitOutcome::Conflict(Conflict::Changed(name)),
        UnitOutcome::Conflict(Conflict::Changed(name)),
        UnitOutcome::Done,
        UnitOutcome::Done,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(tried.octets(FIRST, b"there").as_deref(), Some(&b"1"[..]));
    assert_eq!(tried.version(FIRST, b"there"), Some(version), "untouched");
    assert_eq!(tried.octets(FIRST, b"not there"), None);
    assert_eq!(tried.octets(FIRST, b"a").as_deref(), Some(&b"new"[..]));
    assert_eq!(tried.octets(FIRST, b"b").as_deref(), Some(&b"last"[..]));
    assert_eq!(
        tried.octets(SECOND, b"there").as_deref(),
        Some(&b"of another table"[..])
    );
    let outcomes = tried.commit(vec![change(FIRST, b"there", Expect::Version(version), None)]);
    assert_eq!(outcomes, [UnitOutcome::Done]);
    assert_eq!(tried.octets(FIRST, b"there"), None);
}

fn a_unit_is_done_whole_or_not_at_all(open: &Place) {
    let tried = Tried::new(open);
    tried.commit(vec![change(
        FIRST,
        b"there",
        Expect::Any,
        linked(b"1", &[(0, b"link")]),
    )]);
    let unit = both(
        both(
            change(FIRST, b"before", Expect::Absent, says(b"lost")),
            change(FIRST, b"there", Expect::Any, None),
        ),
        both(
            change(SECOND, b"there", Expect::Version(Version(7)), says(b"lost")),
            change(FIRST, b"after", Expect::Any, until(5)),
        ),
    );
    assert!(matches!(tried.commit(vec![unit])[..], [UnitOutcome::Conflict(_)]));
    assert_eq!(tried.octets(FIRST, b"before"), None);
    assert_eq!(tried.octets(FIRST, b"after"), None);
    assert!(tried.expired(u64::MAX, 10).is_empty());
    assert_eq!(tried.linked(FIRST, 0, b"link").as_deref(), Some(&b"there"[..]));
    // What a unit expects is what was before it, whatever of its changes come first.
    let unit = both(
        change(FIRST, b"x", Expect::Absent, says(b"1")),
        change(FIRST, b"x", Expect::Absent, says(b"2")),
    );
    assert_eq!(tried.commit(vec![unit]), [UnitOutcome::Done]);
    assert_eq!(tried.octets(FIRST, b"x").as_deref(), Some(&b"2"[..]), "the last counts");
}

fn units_see_those_before_them(open: &Place) {
    let tried = Tried::new(open);
    let outcomes = tried.commit(vec![
        change(FIRST, b"a", Expect::Absent, linked(b"1", &[(1, b"x")])),
        change(FIRST, b"a", Expect::Absent, says(b"2")),
        change(FIRST, b"b", Expect::Absent, linked(b"2", &[(1, b"x")])),
        change(FIRST, b"a", Expect::Any, None),
        change(FIRST, b"b", Expect::Absent, linked(b"3", &[(1, b"x")])),
        change(FIRST, b"a", Expect::Absent, says(b"4")),
    ]);
    let name = FIRST.name();
    let expected = [
        UnitOutcome::Done,
        UnitOutcome::Conflict(Conflict::Present(name)),
        UnitOutcome::Conflict(Conflict::Taken(name, 1)),
        UnitOutcome::Done,
        UnitOutcome::Done,
        UnitOutcome::Done,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(tried.octets(FIRST, b"a").as_deref(), Some(&b"4"[..]));
    assert_eq!(tried.linked(FIRST, 1, b"x").as_deref(), Some(&b"b"[..]));
}

fn links_lead_to_their_row(open: &Place) {
    let tried = Tried::new(open);
    let long = [7; 300];
    tried.commit(vec![
        change(
            FIRST,
            b"a",
            Expect::Any,
            linked(b"1", &[(0, b"x"), (1, b"y"), (2, &long)]),
        ),
        change(SECOND, b"b", Expect::Any, linked(b"2", &[(0, b"x")])),
    ]);
    assert_eq!(tried.linked(FIRST, 0, b"x").as_deref(), Some(&b"a"[..]));
    assert_eq!(tried.linked(FIRST, 1, b"y").as_deref(), Some(&b"a"[..]));
    assert_eq!(tried.linked(FIRST, 2, &long).as_deref(), Some(&b"a"[..]));
    assert_eq!(
        tried.linked(SECOND, 0, b"x").as_deref(),
        Some(&b"b"[..]),
        "of another table"
    );
    assert_eq!(tried.linked(FIRST, 1, b"x"), None, "of another index");
    // A row has the links of its last put, and none of before.
    tried.commit(vec![change(FIRST, b"a", Expect::Any, linked(b"1", &[(1, b"z")]))]);
    assert_eq!(tried.linked(FIRST, 0, b"x"), None);
    assert_eq!(tried.linked(FIRST, 1, b"y"), None);
    assert_eq!(tried.linked(FIRST, 1, b"z").as_deref(), Some(&b"a"[..]));
    let twice = both(
        change(FIRST, b"a", Expect::Any, linked(b"1", &[(1, b"first")])),
        change(FIRST, b"a", Expect::Any, linked(b"1", &[(1, b"last")])),
    );
    tried.commit(vec![twice]);
    assert_eq!(
        tried.linked(FIRST, 1, b"first"),
        None,
        "of several changes the last counts"
    );
    assert_eq!(tried.linked(FIRST, 1, b"last").as_deref(), Some(&b"a"[..]));
    tried.commit(vec![change(FIRST, b"a", Expect::Any, None)]);
    assert_eq!(tried.linked(FIRST, 1, b"last"), None, "gone with its row");
    assert_eq!(tried.linked(SECOND, 0, b"x").as_deref(), Some(&b"b"[..]));
}

fn many_are_read_in_the_order_asked_for(open: &Place) {
    let tried = Tried::new(open);
    tried.commit(vec![
        change(FIRST, b"a", Expect::Any, linked(b"1", &[(0, b"z")])),
        change(FIRST, b"b", Expect::Any, until(5)),
        change(SECOND, b"a", Expect::Any, says(b"3")),
    ]);
    let read = |wanted: &[Wanted<'_>]| pollster::block_on(tried.engine.read(wanted)).expect("read");
    let wanted = [
        Wanted::Key(SECOND, b"a"),
        Wanted::Key(FIRST, b"b"),
        Wanted::Key(FIRST, b"c"),
        Wanted::Link(FIRST, 0, b"z"),
        Wanted::Link(FIRST, 1, b"z"),
        Wanted::Key(FIRST, b"a"),
        Wanted::Key(SECOND, b"a"),
    ];
    let (a, b) = (tried.row(FIRST, b"a"), tried.row(FIRST, b"b"));
    let other = tried.row(SECOND, b"a");
    assert_eq!(b.as_ref().map(|row| row.expires), Some(5));
    assert_eq!(read(&wanted), [other.clone(), b, None, a.clone(), None, a, other]);
    assert_eq!(read(&[]), []);
}

fn a_link_is_of_one_row(open: &Place) {
    let tried = Tried::new(open);
    let taken = UnitOutcome::Conflict(Conflict::Taken(FIRST.name(), 0));
    tried.commit(vec![change(FIRST, b"a", Expect::Any, linked(b"1", &[(0, b"x")]))]);
    let other = || change(FIRST, b"b", Expect::Any, linked(b"2", &[(0, b"x")]));
    assert_eq!(tried.commit(vec![other()]), std::slice::from_ref(&taken));
    assert_eq!(tried.octets(FIRST, b"b"), None);
    let again = change(FIRST, b"a", Expect::Any, linked(b"2", &[(0, b"x")]));
    assert_eq!(tried.commit(vec![again]), [UnitOutcome::Done], "its own");
    let same = both(
        change(FIRST, b"c", Expect::Any, linked(b"1", &[(0, b"new")])),
        change(FIRST, b"d", Expect::Any, linked(b"1", &[(0, b"new")])),
    );
    assert_eq!(tried.commit(vec![same]), [taken], "two of one unit");
    // It passes on where the row that had it gives it up in the same unit, in whichever order.
    for (from, to) in [(&b"a"[..], &b"b"[..]), (b"b", b"a")] {
        let gives = change(FIRST, from, Expect::Any, says(b"3"));
        let takes = change(FIRST, to, Expect::Any, linked(b"4", &[(0, b"x")]));
        let unit = if from == b"a" {
            both(takes, gives)
        } else {
            both(gives, takes)
        };
        assert_eq!(tried.commit(vec![unit]), [UnitOutcome::Done]);
        assert_eq!(tried.linked(FIRST, 0, b"x").as_deref(), Some(to));
    }
}

fn pages_of_links(open: &Place) {
    let tried = Tried::new(open);
    tried.commit(vec![
        change(FIRST, b"3", Expect::Any, linked(b"", &[(1, b"a1"), (2, b"a2")])),
        change(FIRST, b"2", Expect::Any, linked(b"", &[(1, b"a2")])),
        change(
            FIRST,
            b"1",
            Expect::Any,
            linked(b"", &[(1, b"a3"), (1, b"b1"), (1, b"a")]),
        ),
        change(SECOND, b"4", Expect::Any, linked(b"", &[(1, b"a4")])),
    ]);
    let page = |after: Option<&[u8]>, prefix: &[u8], limit: usize| {
        let cursor = Cursor::Links {
            table: FIRST,
            index: 1,
            after,
            prefix,
        };
        let rows = pollster::block_on(tried.engine.page(cursor, limit)).expect("a page");
        rows.into_iter().map(|row| row.key.to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(
        page(None, b"", 100),
        [b"1", b"3", b"2", b"1", b"1"],
        "in the order of the links"
    );
    assert_eq!(page(None, b"a", 100), [b"1", b"3", b"2", b"1"], "that begin so");
    assert_eq!(
        page(Some(b"a"), b"a", 2),
        [b"3", b"2"],
        "above one, and no more than asked"
    );
    assert_eq!(page(Some(b"Z"), b"a2", 100), [b"2"]);
    assert!(page(Some(b"a3"), b"a", 100).is_empty());
    tried.commit(vec![change(FIRST, b"3", Expect::Any, None)]);
    assert_eq!(page(None, b"a", 100), [b"1", b"2", b"1"]);
}

fn ends_come_in_order(open: &Place) {
    let tried = Tried::new(open);
    tried.commit(vec![
        change(FIRST, b"a", Expect::Any, until(300)),
        change(SECOND, b"c", Expect::Any, until(100)),
        change(FIRST, b"b", Expect::Any, until(200)),
        change(FIRST, b"never", Expect::Any, says(b"immortal")),
        change(FIRST, b"late", Expect::Any, until(u64::MAX)),
    ]);
    assert!(tried.expired(99, 10).is_empty());
    assert_eq!(tried.expired(100, 10), [(SECOND, b"c".to_vec())], "at its end");
    let all = [(SECOND, b"c".to_vec()), (FIRST, b"b".to_vec()), (FIRST, b"a".to_vec())];
    assert_eq!(tried.expired(1000, 10), all);
    assert_eq!(tried.expired(1000, 2), all[..2], "no more than asked");
    let behind = |end, table, key| tried.expired_after(1000, Some((end, table, key)), 10);
    assert_eq!(behind(100, SECOND, b"c"), all[1..], "behind one");
    assert_eq!(behind(100, SECOND, b"d"), all[1..], "behind one that is not there");
    assert_eq!(behind(300, FIRST, b"A"), all[2..]);
    assert!(behind(300, FIRST, b"a").is_empty());
    assert!(behind(5000, FIRST, b"c").is_empty());
    assert_eq!(
        tried.row(FIRST, b"b").map(|row| row.expires),
        Some(200),
        "the engine removes nothing by itself"
    );
    tried.commit(vec![
        change(SECOND, b"c", Expect::Any, None),
        change(FIRST, b"b", Expect::Any, until(5000)),
        change(FIRST, b"a", Expect::Any, says(b"immortal now")),
    ]);
    assert!(tried.expired(1000, 10).is_empty());
    assert_eq!(tried.expired(5000, 10), [(FIRST, b"b".to_vec())]);
}

fn pages_of_a_prefix(open: &Place) {
    let tried = Tried::new(open);
    let keys: [&[u8]; 7] = [b"a", b"aa", b"ab", b"ab\0", b"ab\xff", b"ac", b"b"];
    tried.commit(
        keys.iter()
            .map(|key| change(FIRST, key, Expect::Any, says(key)))
            .collect(),
    );
    tried.commit(vec![change(SECOND, b"ab", Expect::Any, says(b"of another table"))]);
    let page = |after: Option<&[u8]>, prefix: &[u8], limit: usize| {
        let cursor = Cursor::Keys {
            table: FIRST,
            after,
            prefix,
        };
        let rows = pollster::block_on(tried.engine.page(cursor, limit)).expect("a page");
        for row in &rows {
            assert_eq!(row.octets, row.key);
        }
        rows.into_iter().map(|row| row.key.to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, b"", 100), keys);
    assert_eq!(page(None, b"ab", 100), keys[2..5]);
    assert_eq!(page(Some(b"ab"), b"ab", 1), keys[3..4]);
    assert_eq!(page(Some(b"a"), b"ab", 100), keys[2..5], "from before the prefix on");
    assert!(page(Some(b"b"), b"ab", 100).is_empty());
    assert!(page(None, b"c", 100).is_empty());
}

fn what_has_ended_is_absent_to_units(open: &Place) {
    let tried = Tried::new(open);
    let mortal = |links: &[(u8, &[u8])], expires| linked(b"mortal", links).map(|value| Value { expires, ..value });
    tried.commit(vec![
        change(FIRST, b"a", Expect::Any, mortal(&[(0, b"x"), (1, b"y")], 100)),
        change(FIRST, b"b", Expect::Any, mortal(&[(0, b"z")], 100)),
    ]);
    let version = tried.version(FIRST, b"a").expect("there");
    let name = FIRST.name();
    let takes = || change(FIRST, b"c", Expect::Absent, linked(b"new", &[(0, b"x")]));
    let renews = || change(FIRST, b"b", Expect::Absent, mortal(&[(0, b"new")], 500));
    let outcomes = tried.commit_at(99, vec![takes(), renews()]);
    let expected = [Conflict::Taken(name, 0), Conflict::Present(name)];
    assert_eq!(outcomes, expected.map(UnitOutcome::Conflict), "before their end");
    let outcomes = tried.commit_at(
        100,
        vec![
            change(FIRST, b"a", Expect::Version(version), says(b"lost")),
            change(FIRST, b"a", Expect::Version(version), None),
            renews(),
            takes(),
            renews(),
        ],
    );
    let expected = [
        UnitOutcome::Conflict(Conflict::Changed(name)),
        UnitOutcome::Conflict(Conflict::Changed(name)),
        UnitOutcome::Done,
        UnitOutcome::Done,
        UnitOutcome::Conflict(Conflict::Present(name)),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(tried.octets(FIRST, b"a"), None, "it went with the first of its links");
    assert_eq!(tried.linked(FIRST, 1, b"y"), None);
    assert_eq!(tried.linked(FIRST, 0, b"z"), None);
    assert_eq!(tried.linked(FIRST, 0, b"x").as_deref(), Some(&b"c"[..]));
    assert_eq!(tried.linked(FIRST, 0, b"new").as_deref(), Some(&b"b"[..]));
    assert!(tried.expired(499, 10).is_empty(), "and with its end");
    assert_eq!(tried.expired(500, 10), [(FIRST, b"b".to_vec())]);
    // A sweeper sees what it removes.
    let version = tried.version(FIRST, b"b").expect("there");
    let mut sweeps = Batch::seeing_ended();
    sweeps.append(change(FIRST, b"b", Expect::Version(version), None));
    assert_eq!(tried.commit_at(500, vec![sweeps]), [UnitOutcome::Done]);
    assert_eq!(tried.octets(FIRST, b"b"), None);
}

fn a_table_that_nobody_declared_is_refused_alone(open: &Place) {
    let tried = Tried::new(open);
    let strange = Table::new(902, "stranger of a test");
    let misnamed = Table::new(FIRST.number(), "another name");
    let outcomes = tried.commit(vec![
        both(
            change(FIRST, b"a", Expect::Any, says(b"lost")),
            change(strange, b"a", Expect::Any, says(b"lost")),
        ),
        change(misnamed, b"a", Expect::Absent, None),
        change(FIRST, b"b", Expect::Any, says(b"kept")),
    ]);
    let expected = [
        UnitOutcome::Conflict(Conflict::Undeclared(strange.name())),
        UnitOutcome::Conflict(Conflict::Undeclared(misnamed.name())),
        UnitOutcome::Done,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(tried.octets(FIRST, b"a"), None);
    assert_eq!(tried.octets(FIRST, b"b").as_deref(), Some(&b"kept"[..]));
    tried.engine.declare(&[strange]).expect("declared");
    let outcomes = tried.commit(vec![change(strange, b"a", Expect::Any, says(b"1"))]);
    assert_eq!(outcomes, [UnitOutcome::Done]);
}

fn serials_are_durable(open: &Place) {
    {
        let tried = Tried::new(open);
        assert_eq!(tried.serial(0), Serial(0));
        tried.commit(vec![change(FIRST, b"a", Expect::Any, says(b"1"))]);
        assert_eq!(tried.serial(0), Serial(1));
        // Of another node, and where the only unit conflicts.
        let group = Group {
            node: 3,
            serial: Serial(41),
            now: 0,
            units: vec![change(FIRST, b"a", Expect::Absent, says(b"2"))],
        };
        pollster::block_on(tried.engine.commit(group)).expect("a commit");
        assert_eq!((tried.serial(0), tried.serial(3)), (Serial(1), Serial(41)));
        assert_eq!(
            pollster::block_on(tried.engine.recover(3)).expect("nothing to mend"),
            Serial(41)
        );
    }
    let tried = Tried::new(open);
    assert_eq!((tried.serial(0), tried.serial(3)), (Serial(1), Serial(41)));
    assert_eq!(tried.octets(FIRST, b"a").as_deref(), Some(&b"1"[..]));
}

fn all_comes_back(open: &Place) {
    let value = || {
        Some(Value {
            octets: b"all".as_slice().into(),
            expires: 77,
            links: vec![Link {
                index: 9,
                octets: b"link".as_slice().into(),
            }],
        })
    };
    let before = {
        let tried = Tried::new(open);
        tried.commit(vec![change(SECOND, b"key", Expect::Any, value())]);
        tried.row(SECOND, b"key").expect("there")
    };
    let tried = Tried::new(open);
    assert_eq!(tried.row(SECOND, b"key"), Some(before));
    assert_eq!(tried.linked(SECOND, 9, b"link").as_deref(), Some(&b"key"[..]));
    assert_eq!(tried.expired(77, 10), [(SECOND, b"key".to_vec())]);
    assert_eq!(tried.engine.count(SECOND).expect("a number"), 1);
    assert_eq!(tried.engine.count(FIRST).expect("a number"), 0);
}
