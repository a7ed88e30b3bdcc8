//! What goes by age: the wall clock may show what it likes; and what of a long log is read.

use std::fs;
use std::path::Path;

use crate::audit::{entries, open, options, reader, release_soon, segment};
use crate::common::{Hands, START, folder};
use kaskade_flow::event::{Action, Entry};
use kaskade_store::MasterKey;
use kaskade_store::audit::AuditLog;

const DAY: u64 = 86_400;

/// A log that keeps its segments for 400 days by the clocks of `hands`.
fn aging(folder: &Path, key: &MasterKey, hands: &Hands) -> AuditLog {
    let mut options = options(folder);
    options.clock = hands.options().clock;
    AuditLog::open(options, key).expect("a log")
}

/// Goes on into the next segment, which is when it is looked what is too old, and lets what is said to go go.
fn fill_a_segment(log: &AuditLog) {
    let before = log.head().expect("a head").segment;
    let mut number = 0;
    while log.head().expect("a head").segment == before {
        for _ in 0..500 {
            release_soon(log, number);
            number += 1;
        }
        log.flush().expect("on the disk");
    }
    settle(log);
}

/// One round says it, the next makes that durable.
fn settle(log: &AuditLog) {
    for _ in 0..3 {
        log.flush().expect("on the disk");
    }
}

fn removed(folder: &Path, key: &MasterKey) -> bool {
    let said = |entry: &Entry| matches!(entry, Entry::Event(event) if event.action() == Action::SegmentsRemoved);
    entries(folder, key).iter().any(said)
}

#[test]
fn no_wall_clock_takes_history_with_it() {
    let (folder, key) = folder();
    let hands = Hands::new();
    let kept = |when: &str| {
        let summary = reader(folder.path(), Some(&key))
            .verify(None, &mut |_, _| ())
            .expect(when);
        assert_eq!(summary.first_segment, 1, "{when}");
        assert!(!removed(folder.path(), &key), "{when}");
    };
    let log = aging(folder.path(), &key, &hands);
    fill_a_segment(&log);
    hands.set_wall(START + 3650 * DAY);
    fill_a_segment(&log);
    kept("ahead while it runs");
    hands.set_wall(START);
    fill_a_segment(&log);
    kept("back again");
    drop(log);
    for (wall, when) in [
        (START + 3650 * DAY, "ahead at a start"),
        (1, "at the epoch"),
        (START, "right"),
    ] {
        hands.set_wall(wall);
        let log = aging(folder.path(), &key, &hands);
        settle(&log);
        kept(when);
        drop(log);
        kept(when);
    }
}

#[test]
fn age_goes_on_over_restarts_whatever_the_wall_clock_shows() {
    let (folder, key) = folder();
    let hands = Hands::new();
    let log = aging(folder.path(), &key, &hands);
    fill_a_segment(&log);
    hands.pass(250 * DAY);
    fill_a_segment(&log);
    drop(log);
    // The machine begins its clock anew, and the wall clock goes back by a year.
    let hands = Hands::new();
    hands.set_wall(START - 365 * DAY);
    let log = aging(folder.path(), &key, &hands);
    settle(&log);
    hands.pass(149 * DAY);
    fill_a_segment(&log);
    assert!(
        segment(folder.path(), 1).exists() && !removed(folder.path(), &key),
        "399 days"
    );
    hands.pass(2 * DAY);
    fill_a_segment(&log);
    assert!(
        !segment(folder.path(), 1).exists() && segment(folder.path(), 2).exists(),
        "401 and 151 days"
    );
    drop(log);
    // So does one that is begun again after it.
    hands.set_wall(START);
    let log = aging(folder.path(), &key, &hands);
    hands.pass(248 * DAY);
    fill_a_segment(&log);
    assert!(segment(folder.path(), 2).exists(), "399 days");
    hands.pass(2 * DAY);
    fill_a_segment(&log);
    assert!(!segment(folder.path(), 2).exists() && segment(folder.path(), 3).exists());
    drop(log);
    reader(folder.path(), Some(&key))
        .verify(None, &mut |_, _| ())
        .expect("as it was written");
    drop(open(folder.path(), &key));
}

#[test]
fn what_the_writer_removes_while_the_log_is_read_is_not_missing() {
    let (folder, key) = folder();
    let mut options = options(folder.path());
    options.keep_bytes = 4 << 20;
    let log = AuditLog::open(options, &key).expect("a log");
    fill_a_segment(&log);
    fill_a_segment(&log);
    // Between the first segment and the second, the writer goes on: first until the second is gone, then until all are that were there.
    for goes in [2, 5] {
        let listed = reader(folder.path(), Some(&key));
        let mut calls = 0;
        let mut shown = Vec::new();
        let summary = listed.read(
            None,
            &mut |_, _| {
                calls += 1;
                while calls == 1
                    && segment(folder.path(), goes).exists() | (log.head().expect("a head").segment <= goes)
                {
                    fill_a_segment(&log);
                }
            },
            &mut |number, _| shown.push(number),
        );
        let summary = summary.unwrap_or_else(|wrong| panic!("segment {goes} was removed by the writer: {wrong}"));
        assert!(summary.first_segment > goes, "{summary:?}");
        assert!(shown.is_sorted_by(|one, next| one < next), "each entry once");
        assert_eq!(shown.last(), Some(&summary.entries));
        let first = reader(folder.path(), Some(&key))
            .verify(None, &mut |_, _| ())
            .expect("whole")
            .first_segment;
        assert_eq!(summary.first_segment, first);
    }
    drop(log);
    // Nobody said that this one goes.
    let first = reader(folder.path(), Some(&key))
        .verify(None, &mut |_, _| ())
        .expect("whole")
        .first_segment;
    std::fs::remove_file(segment(folder.path(), first)).expect("removed");
    let wrong = reader(folder.path(), Some(&key)).verify(None, &mut |_, _| ());
    assert_eq!(wrong.expect_err("missing").segment, first);
}

/// What comes behind a page is not even looked at: here it is damaged.
#[test]
fn what_is_not_wanted_is_not_read() {
    let (folder, key) = folder();
    let log = open(folder.path(), &key);
    for number in 1..=9 {
        release_soon(&log, number);
        log.flush().expect("on the disk");
    }
    drop(log);
    let path = segment(folder.path(), 1);
    let mut octets = fs::read(&path).expect("a segment");
    let last = octets.iter().rposition(|octet| *octet != 0).expect("entries");
    octets[last] ^= 1;
    fs::write(&path, octets).expect("written");
    let mut seen = Vec::new();
    let read = reader(folder.path(), Some(&key)).read_while(&mut |number, _| {
        seen.push(number);
        number < 4
    });
    read.expect("as far as it was wanted");
    assert_eq!(seen, [1, 2, 3, 4]);
    let whole = reader(folder.path(), Some(&key)).verify(None, &mut |_, _| ());
    assert!(whole.is_err(), "{whole:?}");
}
