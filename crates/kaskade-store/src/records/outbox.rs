//! The outbox: messages that were made durable with what they tell, and wait until they are delivered.
//!
//! ```text
//! key   lane 2 ‖ order key, delimited ‖ number 8 ‖ node 2
//! row   as a sealed record: version of the lane 1 in clear, the body sealed
//! ```
//!
//! In each lane those with the same order key are delivered one after the other; different ones go on side by side. What is
//! not told to be [done](Delivery::done) is delivered again, also after a restart: whoever receives them knows them by what is
//! in them. Here are only their keys; the bodies are in the store.

mod lane;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use kaskade_crypto::seal::{OpenedSecrets, SecretReader};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::record::{Expect, RecordKey};
use kaskade_flow::unit::{Encoded, Lane, Outgoing};

use super::super::engine::{Batch, Blocking, Change, Peek, Row, Table, Wanted};
use super::super::error::EngineError;
use super::super::queue::{Effect, Ticket};
use super::{CommitError, OUTBOX, RecordError, Records, opened, sealed};
use lane::{Entry, LaneState, Next};

/// How many that are left are removed with one that is done.
const LEFT: usize = 64;
/// A message's number is a moment in milliseconds and so many bits more.
const NUMBER_BITS: u32 = 12;

/// Which lanes there are, and what waits in them.
#[derive(Default)]
pub(super) struct State(Mutex<Lanes>);

#[derive(Default)]
struct Lanes {
    lanes: BTreeMap<u16, LaneState>,
    last: u64,
}

impl State {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    /// What waits in a lane, or the name of the one that has its number already.
    fn of(&mut self, lane: &Lane) -> Result<&mut LaneState, &'static str> {
        let state = self.lanes.entry(lane.number).or_default();
        match *state.name.get_or_insert(lane.name) {
            known if known != lane.name && !fault!("lanes-mixed-up") => Err(known),
            _ => Ok(state),
        }
    }

    /// A number that no message has had: it also grows when the clock is put back.
    fn number(&mut self, now: UnixMillis) -> u64 {
        self.last = (now.get() << NUMBER_BITS).max(self.last + 1);
        self.last
    }
}

type Key = (u16, Vec<u8>, (u64, u16));

/// The outbox of a store.
#[derive(Clone, Debug)]
pub struct Outbox(Records);

/// What there is to deliver.
#[derive(Debug)]
pub enum Taken {
    /// This.
    Message(Delivery),
    /// Nothing, until something [changes](Outbox::changed), or until this moment.
    Nothing(Option<UnixMillis>),
}

/// What is in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCount {
    /// Messages that wait or are being delivered.
    pub waiting: usize,
    /// Messages that were dropped, because they were worth nothing any more, since the start.
    pub dropped: u64,
    /// Messages that cannot be read, and keep those behind them waiting.
    pub unreadable: usize,
}

impl Records {
    /// Reads what waits since an earlier life.
    pub(super) fn load_outbox(&self) -> Result<(), EngineError> {
        let mut lanes = self.0.outbox.lanes();
        let mut read = |key: &[u8]| {
            // What was damaged is left as it is.
            if let Ok((lane, order, (number, node))) = Key::from_octets(key)
                && node == self.0.node
            {
                lanes.last = lanes.last.max(number);
                let entry = Entry::ready(number, 0);
                lanes.lanes.entry(lane).or_default().push(order, entry);
            }
            true
        };
        self.0.engine.scan(Table::OUTBOX, None, &mut |key, _| read(key))
    }

    /// Enters messages of a unit, and hands it to the committer: both under the lock, so that their order is one.
    pub(super) fn send(
        &self,
        messages: Vec<Outgoing>,
        mut batch: Batch,
        mut effects: Vec<Effect>,
        ticket: Arc<Ticket>,
    ) -> Result<(), CommitError> {
        let mut lanes = self.0.outbox.lanes();
        let now = self.now();
        let mut asked: BTreeMap<u16, usize> = BTreeMap::new();
        for message in &messages {
            let lane = message.lane;
            let asked = asked.entry(lane.number).or_default();
            *asked += 1;
            let of = lanes
                .of(&lane)
                .map_err(|known| CommitError::OtherLane(lane.name, known));
            let waiting = of?.len();
            if waiting + *asked > lane.capacity {
                return Err(CommitError::LaneFull(lane.name, waiting));
            }
        }
        let (mut entered, mut gone) = (Vec::new(), Vec::new());
        for message in messages {
            let number = lanes.number(now);
            let Outgoing {
                lane,
                order,
                supersedes,
                until,
                body,
            } = message;
            if supersedes && !fault!("superseded-delivered") {
                let state = lanes.lanes.get(&lane.number);
                let earlier = state.into_iter().flat_map(|state| state.numbers(&order));
                let before = gone.len();
                gone.extend(earlier.map(|number| (lane.number, order.clone(), number)));
                // Those of this very unit too.
                gone.extend(entered.extract_if(.., |(of, its, _): &mut Place| (*of, &*its) == (lane.number, &order)));
                for (lane, order, number) in gone.iter().skip(before) {
                    batch.push(removal(&(*lane, order.clone(), (*number, self.0.node))));
                }
            }
            let key = (lane.number, order.clone(), (number, self.0.node)).to_octets();
            let encoded = Encoded {
                clear: vec![lane.version],
                secret: body,
                expires: until.map_or(0, |until| until.get().max(1)),
                links: Vec::new(),
            };
            batch.push(Change {
                table: Table::OUTBOX,
                value: Some(sealed(self.data_key(), &OUTBOX, &key, encoded)?),
                key: key.into(),
                expect: Expect::Any,
            });
            entered.push((lane.number, order, number));
        }
        let records = self.clone();
        let places = entered.clone();
        effects.push(Effect::Settled(Box::new(move |done| {
            records.settle(&places, &gone, done);
        })));
        self.queue(batch, effects, ticket)?;
        for (lane, order, number) in entered {
            lanes.lanes.entry(lane).or_default().push(order, Entry::pending(number));
        }
        Ok(())
    }

    /// What was entered is durable, or is not.
    fn settle(&self, entered: &[Place], gone: &[Place], done: bool) {
        let now = self.now();
        let mut lanes = self.0.outbox.lanes();
        let mut woken = Vec::new();
        for (lane, order, number) in entered {
            if let Some(lane) = lanes.lanes.get_mut(lane) {
                lane.settle(order, *number, now, done);
                woken.append(&mut lane.changed());
            }
        }
        for (lane, order, number) in gone.iter().filter(|_| done) {
            if let Some(lane) = lanes.lanes.get_mut(lane) {
                lane.supersede(order, *number);
            }
        }
        drop(lanes);
        woken.into_iter().for_each(std::task::Waker::wake);
    }

    /// Removes messages that were delivered or are worth nothing any more. If that fails it is tried again by the sweeper.
    pub(super) fn remove_messages(&self, places: Vec<Place>) -> Result<Arc<Ticket>, CommitError> {
        let mut batch = Batch::default();
        for (lane, order, number) in &places {
            batch.push(removal(&(*lane, order.clone(), (*number, self.0.node))));
        }
        let records = self.clone();
        let effect = Effect::Settled(Box::new(move |done| {
            if !done {
                records.keep_to_remove(places);
            }
        }));
        let ticket = Arc::new(Ticket::default());
        let queued = self.queue(batch, vec![effect], Arc::clone(&ticket));
        queued.map(|()| ticket)
    }

    fn keep_to_remove(&self, places: Vec<Place>) {
        let mut lanes = self.0.outbox.lanes();
        for (lane, order, number) in places {
            lanes.lanes.entry(lane).or_default().left.push((order, number));
        }
    }

    /// Tries again to remove what could not be removed.
    pub(super) fn remove_left(&self, most: usize) {
        let places = self.take_left(most);
        if !places.is_empty() {
            // A store that is closing leaves them to the next life.
            let _ = self.remove_messages(places);
        }
    }

    fn take_left(&self, most: usize) -> Vec<Place> {
        let mut lanes = self.0.outbox.lanes();
        let mut places = Vec::new();
        for (number, lane) in &mut lanes.lanes {
            let some = lane.left.len().min(most.saturating_sub(places.len()));
            places.extend(
                lane.left
                    .drain(..some)
                    .map(|(order, message)| (*number, order, message)),
            );
        }
        places
    }

    /// Drops a message that has come to its end, unless it is being delivered. Whether it is gone.
    pub(super) fn message_ended(&self, key: &[u8]) -> Option<Place> {
        let (lane, order, (number, node)) = Key::from_octets(key).ok()?;
        if node != self.0.node {
            return None;
        }
        let mut lanes = self.0.outbox.lanes();
        let state = lanes.lanes.get_mut(&lane)?;
        let dropped = state.end(&order, number);
        // What waited behind it may be due now.
        let woken = if dropped { state.changed() } else { Vec::new() };
        drop(lanes);
        woken.into_iter().for_each(std::task::Waker::wake);
        dropped.then_some((lane, order, number))
    }
}

/// Lane, order key and number of a message.
pub(super) type Place = (u16, Vec<u8>, u64);

fn removal(key: &Key) -> Change {
    Change {
        table: Table::OUTBOX,
        key: key.to_octets().into(),
        expect: Expect::Any,
        value: None,
    }
}

impl Outbox {
    pub(super) const fn of(records: Records) -> Self {
        Self(records)
    }

    /// The next message of a lane. While it is being delivered no other with its order key is given out.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be read: it is left as it is, and those with its order key wait behind it.
    pub async fn take(&self, lane: &Lane) -> Result<Taken, RecordError> {
        loop {
            let now = self.0.now();
            let next = {
                let mut lanes = self.0.0.outbox.lanes();
                let of = lanes.of(lane).map_err(|known| RecordError::OtherLane(lane.name, known));
                of?.next(now)
            };
            let (order, number) = match next {
                Next::Message(order, number) => (order, number),
                Next::At(until) => return Ok(Taken::Nothing(until)),
            };
            // Whoever gives up waiting gives it back.
            let mut delivery = Delivery {
                outbox: self.clone(),
                lane: *lane,
                order,
                number,
                until: None,
                body: OpenedSecrets::default(),
                open: true,
            };
            let Some(row) = self.row(&delivery.key()).await? else {
                delivery.forget();
                continue;
            };
            if row.expires != 0 && row.expires <= self.0.now().get() {
                delivery.ended();
                continue;
            }
            match self.0.message(lane, &row) {
                Ok(body) => {
                    delivery.until = (row.expires != 0).then_some(UnixMillis::new(row.expires));
                    delivery.body = body;
                    return Ok(Taken::Message(delivery));
                }
                Err(error) => {
                    delivery.unreadable();
                    return Err(error);
                }
            }
        }
    }

    /// Resolves when a lane has changed since this call: ask for it, then [`take`](Self::take), then wait.
    pub fn changed(&self, lane: &Lane) -> Changed {
        let mut lanes = self.0.0.outbox.lanes();
        Changed {
            outbox: self.clone(),
            lane: lane.number,
            seen: lanes.lanes.entry(lane.number).or_default().changes,
        }
    }

    /// What is in a lane.
    pub fn count(&self, lane: &Lane) -> LaneCount {
        let lanes = self.0.0.outbox.lanes();
        lanes
            .lanes
            .get(&lane.number)
            .map_or_else(LaneCount::default, LaneState::count)
    }

    async fn row(&self, key: &[u8]) -> Result<Option<Row>, RecordError> {
        let engine = &self.0.0.engine;
        let mut found = None;
        let peek = engine.peek(Table::OUTBOX, key, &mut |row| {
            found = Some(Row {
                table: Table::OUTBOX,
                key: key.into(),
                version: row.version,
                expires: row.expires,
                octets: row.octets.into(),
            });
        });
        match peek {
            Peek::Found | Peek::Absent => Ok(found),
            Peek::Failed(error) => Err(error.into()),
            Peek::NotHere => {
                let rows = engine.read(&[Wanted::Key(Table::OUTBOX, key)]).await?;
                Ok(rows.into_iter().next().flatten())
            }
        }
    }
}

impl Records {
    fn message(&self, lane: &Lane, row: &Row) -> Result<OpenedSecrets, RecordError> {
        let opened = opened(self.data_key(), &OUTBOX, (&row.key, row.expires), &row.octets)?;
        match *opened.clear {
            [version] if version == lane.version => Ok(opened.secrets),
            [found, ..] => Err(RecordError::Version {
                kind: lane.name,
                found,
                known: lane.version,
            }),
            [] => Err(RecordError::Changed(OUTBOX.name)),
        }
    }
}

/// A message that is being delivered. Dropped without a word it is delivered again.
#[must_use = "a message that is not told to be done is delivered again"]
pub struct Delivery {
    outbox: Outbox,
    lane: Lane,
    order: Vec<u8>,
    number: u64,
    until: Option<UnixMillis>,
    body: OpenedSecrets,
    /// Whether nothing has been said of it yet.
    open: bool,
}

impl Delivery {
    /// What it says.
    pub fn body(&self) -> SecretReader<'_> {
        self.body.reader()
    }

    /// Its order key.
    pub fn order(&self) -> &[u8] {
        &self.order
    }

    /// From when on it is worth nothing any more.
    pub const fn until(&self) -> Option<UnixMillis> {
        self.until
    }

    /// Which message it is: the same whenever it is delivered again, and higher than those before it with its order key.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// It was delivered, or will never be: it is removed. That is on its way when this returns; the next with its order key may
    /// follow.
    pub fn done(mut self) -> Done {
        let mut places = vec![(self.lane.number, self.order.clone(), self.number)];
        self.forget();
        // And what could not be removed before.
        places.extend(self.outbox.0.take_left(LEFT));
        Done(self.outbox.0.remove_messages(places))
    }

    /// It was not: it is tried again after this time at the earliest, and those with its order key wait for it.
    pub fn failed(mut self, retry_after: Duration) {
        self.open = false;
        let at = self.outbox.0.now().after(retry_after);
        self.change(|lane, order, number| lane.give_back(order, number, at));
    }

    fn forget(&mut self) {
        self.open = false;
        self.change(LaneState::forget);
    }

    fn ended(&mut self) {
        let place = (self.lane.number, self.order.clone(), self.number);
        self.forget();
        self.change(|lane, _, _| lane.dropped += 1);
        // The sweeper removes it otherwise.
        let _ = self.outbox.0.remove_messages(vec![place]);
    }

    fn unreadable(&mut self) {
        self.open = false;
        self.change(LaneState::hold);
    }

    fn change(&self, change: impl FnOnce(&mut LaneState, &[u8], u64)) {
        let mut lanes = self.outbox.0.0.outbox.lanes();
        let lane = lanes.lanes.entry(self.lane.number).or_default();
        change(lane, &self.order, self.number);
        let woken = lane.changed();
        drop(lanes);
        woken.into_iter().for_each(std::task::Waker::wake);
    }

    fn key(&self) -> Vec<u8> {
        let node = self.outbox.0.0.node;
        (self.lane.number, self.order.clone(), (self.number, node)).to_octets()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.open {
            let now = self.outbox.0.now();
            self.change(|lane, order, number| lane.give_back(order, number, now));
        }
    }
}

impl core::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Delivery({} {})", self.lane.name, self.number)
    }
}

/// The removal of a message, on its way.
#[must_use = "whether it is removed is not known before"]
pub struct Done(Result<Arc<Ticket>, CommitError>);

impl Future for Done {
    type Output = Result<(), CommitError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &self.0 {
            Err(error) => Poll::Ready(Err(error.clone())),
            Ok(ticket) => ticket
                .poll(context)
                .map(|outcome| outcome.map(drop).map_err(CommitError::from)),
        }
    }
}

impl core::fmt::Debug for Done {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Done(…)")
    }
}

/// Resolves when a lane has changed.
#[derive(Debug)]
pub struct Changed {
    outbox: Outbox,
    lane: u16,
    seen: u64,
}

impl Future for Changed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut lanes = self.outbox.0.0.outbox.lanes();
        let lane = lanes.lanes.entry(self.lane).or_default();
        if lane.changes != self.seen {
            return Poll::Ready(());
        }
        lane.wait(context.waker());
        Poll::Pending
    }
}
