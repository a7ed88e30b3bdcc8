//! Events of units: durable in the same commit, then handed to the audit log, and forgotten when it has them on its disk.
//!
//! ```text
//! key   node 2 ‖ serial 8 ‖ index 2, of the first event of the row
//! row   as a coded record: the events, 96 octets each, whose indexes follow each other; version 1 had one
//! ```
//!
//! After a crash those that are left are handed over again, in order: the log skips what it has, by serial and index.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kaskade_crypto::seal::DataKey;
use kaskade_faults::fault;
use kaskade_flow::event::{ENTRY_LEN, Entry, Event};
use kaskade_flow::record::{Expect, Kind, Protection, RecordKey};

use super::super::engine::{Batch, Blocking, Change, Engine, Serial, Table, Value};
use super::super::error::EngineError;
use super::super::queue::Effect;
use super::{CommitError, Records, opened, place};
use crate::audit::AuditLog;

/// Events that the audit log does not have yet.
const EVENTS: Kind = Kind::new(Table::EVENTS.number(), Table::EVENTS.name(), 2, Protection::Coded).reads_from(1);
/// How many wait for the audit log at most: a unit with another is refused. So many have a place in one commit, too.
pub(super) const MOST_EVENTS: usize = 1 << 16;
/// How many are handed over at once.
const HANDED: usize = 256;
/// How many rows are forgotten at once.
const FORGOTTEN: usize = 1024;
/// Of a few events each has a row of its own; of more, so many together.
const FEW: usize = 16;
const PACKED: usize = 256;
/// For how long a change waits for a log that takes nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where events go once they are durable.
pub trait EventLog: Send + Sync + 'static {
    /// Takes events that are durable, in order; those that it has already it skips. Whether it took them: where it has no room
    /// they are offered again. Does not wait.
    fn takes(&self, events: &[Event]) -> bool;

    /// The serial below which it has all events on its disk.
    fn has_below(&self) -> u64;

    /// The highest serial of an event that it has taken; 0 when it has none. A store that came out of a backup has lower ones,
    /// and goes on above it: what it commits now would else be taken for what the log has.
    fn newest(&self) -> u64;

    /// Whether anything is kept of what it takes. Where nothing is, what an earlier life left waits for the next log.
    fn keeps(&self) -> bool {
        true
    }
}

impl EventLog for AuditLog {
    fn takes(&self, events: &[Event]) -> bool {
        self.events_committed(events).is_ok()
    }

    fn has_below(&self) -> u64 {
        match self.head() {
            // Without a log there is nothing to wait for.
            None => u64::MAX,
            Some(_) => self.last_committed().unwrap_or(0),
        }
    }

    fn newest(&self) -> u64 {
        self.newest_committed()
    }

    fn keeps(&self) -> bool {
        self.is_on()
    }
}

/// What waits for the log.
#[derive(Default)]
pub(super) struct State(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    log: Option<Arc<dyn EventLog>>,
    /// Not taken yet.
    offered: VecDeque<Event>,
    /// Rows of the store: serial and index of the first, and how many events.
    stored: VecDeque<(u64, u16, usize)>,
    /// Events in all of them.
    events: usize,
    /// Of units on their way.
    asked: usize,
    /// Rows are being forgotten.
    forgetting: bool,
    unreadable: u64,
}

impl Waiting {
    /// Neither offers nor forgets what is there: its rows stay in the store until it is opened with a log.
    fn leave_to_the_next(&mut self) {
        self.offered.clear();
        self.stored.clear();
        self.events = 0;
    }
}

impl State {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Key = (u16, u64, u16);

/// The events that there were at some time: whoever waits for those waits for no later ones.
#[derive(Clone, Copy, Debug)]
pub struct EventsSoFar(Option<(u64, u16)>);

/// The row of events of a commit that follow each other.
fn row(data_key: &DataKey, key: Key, events: &[Event]) -> Change {
    let key = key.to_octets();
    let clear: Vec<u8> = events.iter().flat_map(Event::encode).collect();
    let octets = data_key.code_record(&place(&EVENTS, 0, &key), EVENTS.version, &clear);
    Change {
        table: Table::EVENTS,
        key: key.into(),
        expect: Expect::Any,
        value: Some(Value {
            octets: octets.into(),
            ..Value::default()
        }),
    }
}

/// Room for events; given back when it is dropped.
pub(crate) struct EventRoom {
    records: Records,
    events: usize,
}

impl EventRoom {
    /// Room for one more; whether there is.
    pub(crate) fn grow(&mut self) -> bool {
        let is_there = self.records.reserve_events(1).is_ok();
        self.events += usize::from(is_there);
        is_there
    }

    /// The effects by which a change carries its events.
    pub(crate) fn effects(self, events: Vec<Event>) -> [Effect; 2] {
        let settled = Effect::Settled(Box::new(move |_| drop(self)));
        [settled, Effect::Events(events)]
    }
}

impl Drop for EventRoom {
    fn drop(&mut self) {
        self.records.unreserve_events(self.events);
    }
}

/// How many events of a request have one row.
const fn per_row(events: usize) -> usize {
    if events > FEW { PACKED } else { 1 }
}

/// The events of a row: all of them, with the indexes that follow the row's own.
fn decoded(clear: &[u8], serial: u64, index: u16) -> Option<Vec<Event>> {
    let (entries, rest) = clear.as_chunks::<ENTRY_LEN>();
    if entries.is_empty() || !rest.is_empty() || usize::from(u16::MAX - index) < entries.len() - 1 {
        return None;
    }
    let event = |(octets, index): (&[u8; ENTRY_LEN], u16)| match Entry::decode(octets) {
        Ok(Entry::Event(event)) if event.commit() == Some((serial, index)) => Some(event),
        _ => None,
    };
    entries.iter().zip(index..=u16::MAX).map(event).collect()
}

/// What the audit log is told of a change of the store as a whole, while the store is not open: durable in the commit that ends the
/// change, and handed to the log at the next opening ([`Records::hand_events_to`]).
#[derive(Clone, Copy, Debug)]
pub struct OnRecord {
    /// What happened.
    pub event: Event,
    /// The highest serial of an event that the log has ([`AuditLog::newest_committed`]): a store that comes out of a backup, or begins
    /// anew, has lower ones.
    pub above: u64,
}

/// Makes a unit durable, as the next commit of a node, with what the log is told of it. For whoever has the store alone.
pub(crate) fn apply_on_record(
    engine: &dyn Engine,
    data_key: &DataKey,
    node: u16,
    unit: &mut Batch,
    record: Option<OnRecord>,
) -> Result<(), EngineError> {
    let Some(OnRecord { event, above }) = record else {
        let Serial(last) = pollster::block_on(engine.serial(node))?;
        return engine.apply_as(node, Serial(last + 1), unit);
    };
    engine.declare(&[Table::EVENTS])?;
    let Serial(last) = pollster::block_on(engine.serial(node))?;
    let serial = last.max(above) + 1;
    unit.push(row(data_key, (node, serial, 0), &[event.committed(serial, 0)]));
    engine.apply_as(node, Serial(serial), unit)
}

impl Records {
    /// Says where events go: at once those that are left from an earlier life.
    pub fn hand_events_to(&self, log: Arc<dyn EventLog>) {
        if !fault!("serials-not-raised") {
            self.0.least_serial.fetch_max(log.newest(), Ordering::AcqRel);
        }
        let mut waiting = self.0.events.waiting();
        if !log.keeps() && !fault!("events-given-to-no-log") {
            waiting.leave_to_the_next();
        }
        waiting.log = Some(log);
        drop(waiting);
        self.hand_over();
    }

    /// What the next commit's serial is above, whatever the store's own last one was.
    pub(crate) fn least_serial(&self) -> Serial {
        Serial(self.0.least_serial.load(Ordering::Acquire))
    }

    /// How many events are in the store because the audit log has not all of them on its disk yet.
    pub fn events_waiting(&self) -> usize {
        self.0.events.waiting().events
    }

    /// Offers what waits to the log once more; how many it has still not taken.
    pub fn offer_events(&self) -> usize {
        self.hand_over();
        self.0.events.waiting().offered.len()
    }

    /// Which events there are so far, for [`Records::offer_events_until`].
    pub fn events_so_far(&self) -> EventsSoFar {
        let waiting = self.0.events.waiting();
        EventsSoFar(waiting.offered.back().and_then(Event::commit))
    }

    /// The same as [`Records::offer_events`]; how many of those that there were then it has still not taken.
    pub fn offer_events_until(&self, then: EventsSoFar) -> usize {
        self.hand_over();
        let waiting = self.0.events.waiting();
        match fault!("events-of-others-waited-for") {
            true => waiting.offered.len(),
            false => waiting.offered.partition_point(|event| event.commit() <= then.0),
        }
    }

    /// Waits for room for so many events, as long as the log goes on taking some. Whether there is room then, who reserves it learns.
    pub(crate) fn wait_for_event_room(&self, count: usize) {
        let (mut least, mut since) = (usize::MAX, Instant::now());
        loop {
            let (taken, has_log) = {
                let waiting = self.0.events.waiting();
                (waiting.events + waiting.asked, waiting.log.is_some())
            };
            if taken + count <= MOST_EVENTS || !has_log || since.elapsed() >= PATIENCE {
                return;
            }
            if taken < least {
                (least, since) = (taken, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(5));
            self.hand_over();
        }
    }

    /// How many rows of events cannot be read: they are left as they are.
    pub fn events_unreadable(&self) -> u64 {
        self.0.events.waiting().unreadable
    }

    /// Reads what waits since an earlier life.
    pub(super) fn load_events(&self) -> Result<(), EngineError> {
        let mut waiting = self.0.events.waiting();
        let data_key = self.data_key();
        let mut read = |key: &[u8], row: &[u8]| {
            let Ok((node, serial, index)) = Key::from_octets(key) else {
                waiting.unreadable += 1;
                return true;
            };
            if node != self.0.node {
                return true;
            }
            let event = opened(data_key, &EVENTS, (key, 0), row).ok();
            match event.and_then(|row| decoded(row.clear, serial, index)) {
                Some(events) => {
                    waiting.stored.push_back((serial, index, events.len()));
                    waiting.events += events.len();
                    waiting.offered.extend(events);
                }
                None => waiting.unreadable += 1,
            }
            true
        };
        self.0.engine.scan(Table::EVENTS, None, &mut read)
    }

    /// Takes room for events of a unit.
    pub(super) fn reserve_events(&self, count: usize) -> Result<(), CommitError> {
        let mut waiting = self.0.events.waiting();
        if count > 0 && waiting.events + waiting.asked + count > MOST_EVENTS {
            return Err(CommitError::EventsFull(waiting.events));
        }
        waiting.asked += count;
        Ok(())
    }

    /// Room for an event that a change of the store's own carries; `None` when too many wait for the log.
    pub(crate) fn event_room(&self) -> Option<EventRoom> {
        self.event_rooms(1)
    }

    /// The same for so many, or for none of them.
    pub(crate) fn event_rooms(&self, events: usize) -> Option<EventRoom> {
        self.reserve_events(events).ok()?;
        Some(EventRoom {
            records: self.clone(),
            events,
        })
    }

    /// Gives it back.
    pub(super) fn unreserve_events(&self, count: usize) {
        let mut waiting = self.0.events.waiting();
        waiting.asked = waiting.asked.saturating_sub(count);
    }

    /// Puts events into their unit, on the thread that writes: only there the serial is known. `index` is the place of the next.
    pub(crate) fn put_events(&self, events: &mut [Event], serial: Serial, index: &mut u16, unit: &mut Batch) {
        for some in events.chunks_mut(per_row(events.len())) {
            let first = *index;
            for event in some.iter_mut() {
                *event = event.committed(serial.0, *index);
                *index = index.saturating_add(1);
            }
            if !fault!("event-beside-its-commit") {
                unit.push(row(self.data_key(), (self.0.node, serial.0, first), some));
            }
        }
    }

    /// They are durable, or are not. On the thread that writes, in the order of the commits.
    pub(crate) fn events_settled(&self, events: Vec<Event>, done: bool) {
        if !done {
            return;
        }
        let mut waiting = self.0.events.waiting();
        waiting.events += events.len();
        let rows = events.chunks(per_row(events.len()));
        let rows = rows.filter_map(|row| row.first()?.commit().map(|(serial, index)| (serial, index, row.len())));
        waiting.stored.extend(rows);
        waiting.offered.extend(events);
        drop(waiting);
        self.hand_over();
    }

    /// Offers what was not taken yet, and forgets what the log has.
    pub(super) fn hand_over(&self) {
        let mut waiting = self.0.events.waiting();
        let Some(log) = waiting.log.clone() else { return };
        let mut most = HANDED;
        loop {
            let (front, _) = waiting.offered.as_slices();
            let some = front.len().min(most);
            match front.get(..some) {
                None | Some([]) => break,
                Some(events) if log.takes(events) => drop(waiting.offered.drain(..some)),
                // Room for fewer is used too: a log in which there is none left says so.
                Some(_) if some > 1 && !fault!("events-all-or-none") => most = some / 2,
                Some(_) => break,
            }
        }
        let below = log.has_below();
        let first = waiting
            .offered
            .front()
            .and_then(Event::commit)
            .map_or(u64::MAX, |(serial, _)| serial);
        let gone = waiting.stored.iter().take(FORGOTTEN);
        let gone: Vec<_> = gone
            .copied()
            .take_while(|(serial, ..)| *serial < below.min(first))
            .collect();
        if gone.is_empty() || waiting.forgetting {
            return;
        }
        waiting.forgetting = true;
        drop(waiting);
        let mut batch = Batch::default();
        for (serial, index, _) in &gone {
            let key: Key = (self.0.node, *serial, *index);
            batch.push(Change {
                table: Table::EVENTS,
                key: key.to_octets().into(),
                expect: Expect::Any,
                value: None,
            });
        }
        let (records, count) = (self.clone(), gone.len());
        let queued = self.queue_own(
            batch,
            Box::new(move |done| {
                let mut waiting = records.0.events.waiting();
                waiting.forgetting = false;
                if done {
                    // Another log may have come meanwhile.
                    let count = count.min(waiting.stored.len());
                    let gone: usize = waiting.stored.drain(..count).map(|(.., events)| events).sum();
                    waiting.events = waiting.events.saturating_sub(gone);
                }
            }),
        );
        if queued.is_err() {
            self.0.events.waiting().forgetting = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use kaskade_flow::UnixMillis;
    use kaskade_flow::event::{Action, Outcome};

    use super::*;
    use crate::master_key::MasterKey;
    use crate::seal::Sealer;

    /// Rows as they are read: of the first version, which had one event, of this one, and not of the next.
    #[test]
    fn rows_of_both_versions_are_read() {
        let (sealer, _) = Sealer::create(&MasterKey::from_octets(&[5; 32])).expect("a data key");
        let data_key = sealer.data_key();
        let event =
            |index| Event::new(Outcome::Changed, Action::SubscriberAdded, UnixMillis::new(7)).committed(9, index);
        let key = Key::to_octets(&(0, 9, 3));
        let read = |row: &[u8]| decoded(opened(data_key, &EVENTS, (&key, 0), row).ok()?.clear, 9, 3);
        let coded = |version, events: &[Event]| {
            let clear: Vec<u8> = events.iter().flat_map(Event::encode).collect();
            data_key.code_record(&place(&EVENTS, 0, &key), version, &clear)
        };
        assert_eq!(read(&coded(1, &[event(3)])), Some(vec![event(3)]));
        let written = row(data_key, (0, 9, 3), &[event(3), event(4)])
            .value
            .expect("a row")
            .octets;
        assert_eq!(written.first(), Some(&2));
        assert_eq!(read(&written), Some(vec![event(3), event(4)]));
        assert_eq!(read(&coded(3, &[event(3)])), None, "of a newer program");
        assert_eq!(read(&coded(2, &[event(3), event(5)])), None, "not what follows");
        assert_eq!(read(&coded(2, &[])), None);
    }
}
