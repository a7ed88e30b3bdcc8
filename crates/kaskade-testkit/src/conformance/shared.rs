//! Several nodes that write to one place at the same time.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use kaskade_store::engine::{
    Batch, Blocking, Change, Conflict, Cursor, Engine, Expect, Group, Link, NodeLease, Row, Serial, Table, UnitOutcome,
    Value, Version, Wanted,
};

use super::Nodes;

const TABLE: Table = Table::new(900, "first of a test");
/// How many commits each of two nodes makes while the other does.
const COMMITS: u64 = 200;

pub(super) fn run(place: &impl Fn() -> Nodes) {
    each_sees_what_the_other_wrote(&place());
    units_conflict_with_those_of_others(&place());
    what_is_looked_at_stays(&place());
    one_ends_and_the_others_go_on(&place());
    none_of_many_at_once_is_lost(&place());
}

/// A node of a place.
struct Node {
    number: u16,
    engine: Arc<dyn Engine>,
}

impl Node {
    fn open(place: &Nodes, number: u16) -> Self {
        let engine = place(number);
        engine.declare(&[TABLE]).expect("declared");
        assert!(engine.is_shared(), "others may write");
        Self { number, engine }
    }

    fn commit_at(&self, now: u64, units: Vec<Batch>) -> Vec<UnitOutcome> {
        let Serial(last) = self.serial(self.number);
        let group = Group {
            node: self.number,
            serial: Serial(last + 1),
            now,
            units,
        };
        pollster::block_on(self.engine.commit(group)).expect("a commit")
    }

    fn commit(&self, units: Vec<Batch>) -> Vec<UnitOutcome> {
        self.commit_at(0, units)
    }

    fn serial(&self, node: u16) -> Serial {
        pollster::block_on(self.engine.serial(node)).expect("a serial")
    }

    fn row(&self, key: &[u8]) -> Option<Row> {
        self.find(Wanted::Key(TABLE, key))
    }

    fn find(&self, wanted: Wanted<'_>) -> Option<Row> {
        let rows = pollster::block_on(self.engine.read(&[wanted])).expect("read");
        rows.into_iter().next().flatten()
    }

    fn nodes(&self) -> Vec<(u16, bool)> {
        let nodes = pollster::block_on(self.engine.nodes()).expect("the nodes");
        assert!(
            nodes.iter().all(|NodeLease { who, .. }| !who.is_empty()),
            "each says who it is"
        );
        nodes.iter().map(|node| (node.node, node.lives)).collect()
    }
}

fn change(key: &[u8], expect: Expect, octets: Option<&[u8]>, links: &[&[u8]]) -> Batch {
    let links = links.iter().map(|octets| Link {
        index: 0,
        octets: (*octets).into(),
    });
    let links: Vec<_> = links.collect();
    let mut unit = Batch::default();
    unit.push(Change {
        table: TABLE,
        key: key.into(),
        expect,
        value: octets.map(|octets| Value {
            octets: octets.into(),
            expires: 0,
            links,
        }),
    });
    unit
}

/// A row that a unit only looks at has to be as it was, and stays so: looks of several are in nobody's way.
fn what_is_looked_at_stays(place: &Nodes) {
    let (first, second) = (Node::open(place, 0), Node::open(place, 1));
    assert_eq!(first.commit(vec![put(b"seen", b"1")]), [UnitOutcome::Done]);
    let seen = first.row(b"seen").expect("there");
    let looking = |key: &[u8], version| {
        let mut unit = put(key, b"done");
        unit.look(TABLE, b"seen", version);
        unit
    };
    let both = vec![looking(b"one", seen.version), looking(b"two", seen.version)];
    assert_eq!(first.commit(both), [UnitOutcome::Done, UnitOutcome::Done]);
    assert_eq!(
        second.commit(vec![looking(b"three", seen.version)]),
        [UnitOutcome::Done]
    );
    assert_eq!(second.row(b"seen").as_ref(), Some(&seen), "it stays");
    assert_eq!(second.commit(vec![put(b"seen", b"2")]), [UnitOutcome::Done]);
    let late = vec![looking(b"four", seen.version), put(b"five", b"done")];
    let changed = UnitOutcome::Conflict(Conflict::Changed(TABLE.name()));
    assert_eq!(first.commit(late), [changed, UnitOutcome::Done]);
    assert!(first.row(b"four").is_none() && first.row(b"five").is_some());
}

fn put(key: &[u8], octets: &[u8]) -> Batch {
    change(key, Expect::Any, Some(octets), &[])
}

fn each_sees_what_the_other_wrote(place: &Nodes) {
    let (first, second) = (Node::open(place, 0), Node::open(place, 1));
    assert_eq!(first.nodes(), [(0, true), (1, true)]);
    assert_eq!(second.nodes(), first.nodes());
    assert_eq!(first.commit(vec![put(b"a", b"1")]), [UnitOutcome::Done]);
    assert_eq!(second.row(b"a").map(|row| row.octets), Some(b"1"[..].into()));
    assert_eq!(second.commit(vec![put(b"a", b"2")]), [UnitOutcome::Done]);
    assert_eq!(first.row(b"a").map(|row| row.octets), Some(b"2"[..].into()));
    assert_eq!(first.row(b"a").map(|row| row.version), Some(Serial(1).version(1)));
    for node in [&first, &second] {
        assert_eq!((node.serial(0), node.serial(1)), (Serial(1), Serial(1)));
        assert_eq!(node.engine.count(TABLE).expect("a number"), 1);
    }
    second.commit(vec![change(b"a", Expect::Any, None, &[])]);
    assert_eq!(
        first.engine.count(TABLE).expect("a number"),
        0,
        "removed by another than has made it"
    );
}

fn units_conflict_with_those_of_others(place: &Nodes) {
    let (first, second) = (Node::open(place, 0), Node::open(place, 1));
    first.commit(vec![change(b"a", Expect::Absent, Some(b"1"), &[b"x"])]);
    let version = |node: &Node| node.row(b"a").map(|row| row.version).expect("there");
    let before = version(&second);
    assert_eq!(
        second.commit(vec![
            change(b"a", Expect::Absent, Some(b"lost"), &[]),
            change(b"a", Expect::Version(Version(before.0 + 64)), Some(b"lost"), &[]),
            change(b"b", Expect::Absent, Some(b"lost"), &[b"x"]),
            change(b"a", Expect::Version(before), Some(b"2"), &[b"x"]),
        ]),
        [
            UnitOutcome::Conflict(Conflict::Present(TABLE.name())),
            UnitOutcome::Conflict(Conflict::Changed(TABLE.name())),
            UnitOutcome::Conflict(Conflict::Taken(TABLE.name(), 0)),
            UnitOutcome::Done,
        ]
    );
    let stale = first.commit(vec![change(b"a", Expect::Version(before), Some(b"lost"), &[])]);
    assert_eq!(stale, [UnitOutcome::Conflict(Conflict::Changed(TABLE.name()))]);
    assert_eq!(first.row(b"a").map(|row| row.octets), Some(b"2"[..].into()));
    assert!(first.row(b"b").is_none());
}

fn one_ends_and_the_others_go_on(place: &Nodes) {
    let first = Node::open(place, 0);
    let third = Node::open(place, 2);
    third.commit(vec![put(b"a", b"1")]);
    drop(third);
    assert_eq!(first.nodes(), [(0, true), (2, false)]);
    first.commit(vec![put(b"b", b"2")]);
    let third = Node::open(place, 2);
    assert_eq!(first.nodes(), [(0, true), (2, true)]);
    assert_eq!(third.serial(2), Serial(1), "it goes on where it was");
    assert!(third.row(b"a").is_some() && third.row(b"b").is_some());
}

fn none_of_many_at_once_is_lost(place: &Nodes) {
    let nodes = [Node::open(place, 0), Node::open(place, 1)];
    let together = Barrier::new(nodes.len());
    let made: Vec<Made> = std::thread::scope(|scope| {
        let working = nodes.each_ref().map(|node| scope.spawn(|| node.work(&together)));
        let done = working.map(|one| one.join().expect("no panic"));
        done.map(|made| made.expect("no commit fails")).into()
    });
    let (Some(first), Some(node)) = (made.first(), nodes.first()) else {
        unreachable!("two nodes")
    };
    let counted: u64 = made.iter().map(|made| made.counted).sum();
    let total = node.row(b"counter").map_or(0, |row| number(&row.octets));
    assert_eq!(total, counted, "each that was told as done is in it");
    assert!(made.iter().all(|made| made.counted > 0), "both came through");
    for serial in 1..=COMMITS {
        let winners = made.iter().filter(|made| made.first_at.contains(&serial)).count();
        assert_eq!(winners, 1, "one of them was the first at row {serial}");
        let winner = u8::from(!first.first_at.contains(&serial));
        assert_eq!(
            node.row(&once(serial)).map(|row| row.octets),
            Some([winner][..].into()),
            "and the row says which"
        );
        let linked = node.find(Wanted::Link(TABLE, 0, &link(serial)));
        let expected = serial.is_multiple_of(2).then(|| [winner][..].into());
        assert_eq!(linked.map(|row| row.octets), expected);
        for number in [0, 1] {
            assert!(node.row(&own(number, serial)).is_some(), "whose own is there");
        }
    }
    assert_eq!(
        nodes.each_ref().map(|node| node.serial(node.number)),
        [Serial(COMMITS); 2]
    );
    let cursor = Cursor::Keys {
        table: TABLE,
        after: None,
        prefix: b"",
    };
    let all = pollster::block_on(node.engine.page(cursor, 10_000)).expect("a page");
    assert_eq!(node.engine.count(TABLE).expect("a number"), all.len() as u64);
}

/// What a node was told that it has done.
#[derive(Default)]
struct Made {
    counted: u64,
    first_at: BTreeSet<u64>,
}

impl Node {
    /// Changes rows that another changes at the same time, in another order.
    fn work(&self, together: &Barrier) -> Result<Made, String> {
        let (mut made, mut failed) = (Made::default(), None);
        for serial in 1..=COMMITS {
            // Whoever fails keeps nobody waiting.
            together.wait();
            if failed.is_none() {
                failed = self.one(serial, &mut made).err();
            }
        }
        failed.map_or(Ok(made), Err)
    }

    fn one(&self, serial: u64, made: &mut Made) -> Result<(), String> {
        let who = [u8::try_from(self.number).unwrap_or(u8::MAX)];
        let counter = self.row(b"counter");
        let one_more = counter.as_ref().map_or(0, |row| number(&row.octets)) + 1;
        let expect = counter.map_or(Expect::Absent, |row| Expect::Version(row.version));
        // The link goes from one row to the other, whoever has it.
        let (from, to) = match self.number {
            0 => (b"left", b"right".as_slice()),
            _ => (b"rest", b"left".as_slice()),
        };
        let mut moved = change(from, Expect::Any, None, &[]);
        moved.append(change(to, Expect::Any, Some(&who), &[b"between"]));
        // With links and without.
        let link = link(serial);
        let links: Vec<&[u8]> = serial.is_multiple_of(2).then_some(&link[..]).into_iter().collect();
        let mut units = vec![
            change(b"counter", expect, Some(&one_more.to_be_bytes()), &[]),
            change(&once(serial), Expect::Absent, Some(&who), &links),
            put(&own(self.number, serial), b""),
            put(b"any", &who),
            moved,
            change(&[b"gone", &who[..]].concat(), Expect::Any, None, &[]),
            put(&[b"gone", &[1 - who[0]][..]].concat(), b""),
        ];
        if self.number == 1 {
            units.reverse();
        }
        let group = Group {
            node: self.number,
            serial: Serial(serial),
            now: 0,
            units,
        };
        let committed = pollster::block_on(self.engine.commit(group));
        let mut outcomes = committed.map_err(|failed| failed.error.to_string())?;
        if self.number == 1 {
            outcomes.reverse();
        }
        let name = TABLE.name();
        let conflict = |conflict| UnitOutcome::Conflict(conflict);
        for (at, outcome) in outcomes.into_iter().enumerate() {
            match (at, outcome) {
                (0, UnitOutcome::Done) => made.counted += 1,
                (1, UnitOutcome::Done) => drop(made.first_at.insert(serial)),
                (_, UnitOutcome::Done) => {}
                (0 | 1, outcome) if outcome == conflict(Conflict::Present(name)) => {}
                (0, outcome) if outcome == conflict(Conflict::Changed(name)) => {}
                (4, outcome) if outcome == conflict(Conflict::Taken(name, 0)) => {}
                (at, outcome) => return Err(format!("unit {at}: {outcome:?}")),
            }
        }
        Ok(())
    }
}

fn once(serial: u64) -> Vec<u8> {
    [b"once", &serial.to_be_bytes()[..]].concat()
}

fn link(serial: u64) -> Vec<u8> {
    [b"link", &serial.to_be_bytes()[..]].concat()
}

fn own(node: u16, serial: u64) -> Vec<u8> {
    [b"own", &node.to_be_bytes()[..], &serial.to_be_bytes()].concat()
}

fn number(octets: &[u8]) -> u64 {
    octets.try_into().map_or(0, u64::from_be_bytes)
}
