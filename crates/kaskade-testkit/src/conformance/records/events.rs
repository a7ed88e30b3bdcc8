//! Events of units: each is told once, in order, or again after a crash.

use std::sync::{Arc, Mutex, PoisonError};

use kaskade_flow::event::{Action, Event, Outcome};
use kaskade_flow::record::Expect;
use kaskade_flow::{Unit, UnixMillis};
use kaskade_store::engine::{Cursor, Table, Value};
use kaskade_store::records::EventLog;

use super::kinds::Badge;
use super::{Tried, supi};
use crate::conformance::Place;

/// A log in memory.
#[derive(Default)]
struct Log(Mutex<Content>);

#[derive(Default)]
struct Content {
    events: Vec<(u64, u64, u16)>,
    full: bool,
    below: u64,
}

impl Log {
    fn content(&self) -> std::sync::MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The moments of all events.
    fn moments(&self) -> Vec<u64> {
        self.content().events.iter().map(|(at, ..)| *at).collect()
    }
}

impl EventLog for Log {
    fn takes(&self, events: &[Event]) -> bool {
        let mut content = self.content();
        if content.full {
            return false;
        }
        for event in events {
            let (serial, index) = event.commit().expect("of a commit");
            let last = content.events.last().map(|(_, serial, index)| (*serial, *index));
            if last.is_none_or(|last| last < (serial, index)) {
                content.events.push((event.at().get(), serial, index));
            }
        }
        true
    }

    fn has_below(&self) -> u64 {
        self.content().below
    }

    fn newest(&self) -> u64 {
        self.content().events.last().map_or(0, |(_, serial, _)| *serial)
    }
}

fn event(at: u64) -> Event {
    Event::new(Outcome::Released, Action::KeyReleased, UnixMillis::new(at))
}

impl Tried {
    fn tells(&self, moments: impl IntoIterator<Item = u64>) {
        self.done(|unit| moments.into_iter().for_each(|at| unit.event(event(at))));
    }
}

pub(super) fn run(place: &impl Fn() -> Place) {
    events_are_told_in_order_and_then_forgotten(&place());
    what_was_not_told_is_told_in_the_next_life(&place());
    an_edited_event_is_not_told(&place());
    a_store_out_of_a_backup_tells_what_is_new(&place());
}

/// Its serials are lower than those that the log has seen: what it commits is told all the same.
fn a_store_out_of_a_backup_tells_what_is_new(open: &Place) {
    let log = Arc::new(Log::default());
    log.content().events.push((1, 1_000_000, 3));
    let tried = Tried::new(open);
    tried.records.hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
    tried.tells([2, 3]);
    assert_eq!(log.moments(), [1, 2, 3]);
    tried.tells([4]);
    assert_eq!(log.moments(), [1, 2, 3, 4]);
}

fn events_are_told_in_order_and_then_forgotten(open: &Place) {
    let tried = Tried::new(open);
    let log = Arc::new(Log::default());
    tried.tells([1, 2]);
    tried.records.hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
    assert_eq!(log.moments(), [1, 2], "those of before are told");
    let mut unit = Unit::new();
    unit.put(&supi(1), &Badge::new("serial", "red"), Expect::Absent);
    unit.event(event(3));
    tried.commit(unit).expect("done");
    let mut unit = Unit::new();
    unit.put(&supi(1), &Badge::new("serial", "red"), Expect::Absent);
    unit.event(event(4));
    assert!(tried.commit(unit).is_err());
    assert_eq!(log.moments(), [1, 2, 3], "a unit that is not done tells nothing");
    log.content().full = true;
    tried.tells([5]);
    tried.tells([6]);
    assert_eq!(log.moments(), [1, 2, 3]);
    assert_eq!(tried.records.events_waiting(), 5);
    log.content().full = false;
    tried.until("there is room again", || log.moments() == [1, 2, 3, 5, 6]);
    tried.tells([7]);
    let (_, last, _) = *log.content().events.last().expect("events");
    assert_eq!(tried.rows(Table::EVENTS), 6);
    log.content().below = last;
    tried.until("what the log has is forgotten", || tried.rows(Table::EVENTS) == 1);
    // Rows are seen a moment before whoever asked for their commit hears of it.
    tried.until("and is not counted", || tried.records.events_waiting() == 1);
    assert_eq!(log.moments(), [1, 2, 3, 5, 6, 7]);
}

fn what_was_not_told_is_told_in_the_next_life(open: &Place) {
    let log = Arc::new(Log::default());
    {
        let tried = Tried::new(open);
        tried.records.hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
        tried.tells([1, 2]);
        log.content().full = true;
        tried.tells([3]);
    }
    assert_eq!(log.moments(), [1, 2]);
    log.content().full = false;
    let tried = Tried::new(open);
    assert_eq!(tried.records.events_waiting(), 3);
    tried.records.hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
    assert_eq!(log.moments(), [1, 2, 3], "once");
    tried.tells([4]);
    assert_eq!(log.moments(), [1, 2, 3, 4]);
}

fn an_edited_event_is_not_told(open: &Place) {
    {
        let tried = Tried::new(open);
        tried.tells([1, 2]);
        let cursor = Cursor::Keys {
            table: Table::EVENTS,
            after: None,
            prefix: &[],
        };
        let rows = pollster::block_on(tried.engine.page(cursor, 10)).expect("a page");
        let row = rows.first().expect("two");
        let mut octets = row.octets.to_vec();
        if let Some(octet) = octets.get_mut(10) {
            *octet ^= 1;
        }
        let value = Value {
            octets: octets.into(),
            ..Value::default()
        };
        tried.plant(Table::EVENTS, &row.key, Some(value));
    }
    let tried = Tried::new(open);
    let log = Arc::new(Log::default());
    tried.records.hand_events_to(Arc::clone(&log) as Arc<dyn EventLog>);
    assert_eq!(log.moments(), [2]);
    assert_eq!(tried.records.events_unreadable(), 1);
    assert_eq!(tried.rows(Table::EVENTS), 2, "left as it is");
}
