//! One lane: whose turn it is.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::task::Waker;

use kaskade_faults::fault;
use kaskade_flow::UnixMillis;

use super::LaneCount;

/// The most tasks that wait for one lane; the longest waiting is woken for one more.
const WAITING: usize = 64;

/// What waits in one lane.
#[derive(Default)]
pub(super) struct LaneState {
    /// What who used it first calls it.
    pub(super) name: Option<&'static str>,
    orders: HashMap<Vec<u8>, VecDeque<Entry>>,
    /// Of each order key whose first message may be delivered: from when on, its number.
    due: BTreeMap<(UnixMillis, u64), Vec<u8>>,
    len: usize,
    unreadable: usize,
    pub(super) dropped: u64,
    /// Gone here, but not from the store.
    pub(super) left: Vec<(Vec<u8>, u64)>,
    pub(super) changes: u64,
    wakers: Vec<Waker>,
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    number: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not known to be durable yet.
    Pending,
    /// Waits, until then at least.
    Ready(UnixMillis),
    /// Is being delivered.
    Out,
    /// Is being delivered, and another has taken its place.
    Superseded,
    /// Cannot be read.
    Unreadable,
}

/// What to do next.
pub(super) enum Next {
    /// Deliver this: order key and number.
    Message(Vec<u8>, u64),
    /// Nothing, until then at least.
    At(Option<UnixMillis>),
}

impl Entry {
    pub(super) const fn pending(number: u64) -> Self {
        let stage = Stage::Pending;
        Self { number, stage }
    }

    pub(super) const fn ready(number: u64, from: u64) -> Self {
        let stage = Stage::Ready(UnixMillis::new(from));
        Self { number, stage }
    }
}

impl LaneState {
    pub(super) const fn len(&self) -> usize {
        self.len + self.left.len()
    }

    pub(super) const fn count(&self) -> LaneCount {
        LaneCount {
            waiting: self.len,
            dropped: self.dropped,
            unreadable: self.unreadable,
        }
    }

    /// Puts a message behind those with its order key.
    pub(super) fn push(&mut self, order: Vec<u8>, entry: Entry) {
        self.len += 1;
        let queue = self.orders.entry(order.clone()).or_default();
        queue.push_back(entry);
        if queue.len() == 1 || fault!("outbox-order-broken") {
            self.make_due(order, entry);
        }
    }

    /// The numbers of all with this order key.
    pub(super) fn numbers(&self, order: &[u8]) -> impl Iterator<Item = u64> + '_ {
        self.orders.get(order).into_iter().flatten().map(|entry| entry.number)
    }

    pub(super) fn settle(&mut self, order: &[u8], number: u64, now: UnixMillis, done: bool) {
        match done {
            true => self.restage(order, number, |stage| match stage {
                Stage::Pending => Stage::Ready(now),
                other => other,
            }),
            false => self.forget(order, number),
        }
    }

    /// Another has taken the place of this message: what is being delivered is the last of it.
    pub(super) fn supersede(&mut self, order: &[u8], number: u64) {
        match self.stage(order, number) {
            Some(Stage::Out | Stage::Superseded) => self.restage(order, number, |_| Stage::Superseded),
            Some(_) => self.forget(order, number),
            None => {}
        }
    }

    /// The next message that may be delivered.
    pub(super) fn next(&mut self, now: UnixMillis) -> Next {
        let Some((&(from, number), order)) = self.due.first_key_value() else {
            return Next::At(None);
        };
        if from > now {
            return Next::At(Some(from));
        }
        let order = order.clone();
        self.restage(&order, number, |_| Stage::Out);
        Next::Message(order, number)
    }

    /// Was not delivered, and may be from then on.
    pub(super) fn give_back(&mut self, order: &[u8], number: u64, from: UnixMillis) {
        match self.stage(order, number) {
            Some(Stage::Superseded) => self.forget(order, number),
            _ => self.restage(order, number, |_| Stage::Ready(from)),
        }
    }

    pub(super) fn hold(&mut self, order: &[u8], number: u64) {
        match self.stage(order, number) {
            Some(Stage::Superseded) => self.forget(order, number),
            Some(stage) if stage != Stage::Unreadable => {
                self.unreadable += 1;
                self.restage(order, number, |_| Stage::Unreadable);
            }
            _ => {}
        }
    }

    /// Is worth nothing any more: whether it is gone with that.
    pub(super) fn end(&mut self, order: &[u8], number: u64) -> bool {
        let gone = matches!(self.stage(order, number), Some(Stage::Ready(_)));
        if gone {
            self.dropped += 1;
            self.forget(order, number);
        }
        gone
    }

    pub(super) fn forget(&mut self, order: &[u8], number: u64) {
        let Some(queue) = self.orders.get_mut(order) else {
            return;
        };
        let Some(at) = queue.iter().position(|entry| entry.number == number) else {
            return;
        };
        let gone = queue.remove(at);
        self.len -= 1;
        match gone.map(|gone| gone.stage) {
            Some(Stage::Ready(from)) => drop(self.due.remove(&(from, number))),
            Some(Stage::Unreadable) => self.unreadable -= 1,
            _ => {}
        }
        match queue.front().copied() {
            None => drop(self.orders.remove(order)),
            Some(front) if at == 0 => self.make_due(order.to_vec(), front),
            Some(_) => {}
        }
    }

    /// Wakes those who wait; they are given back to be woken without the lock.
    pub(super) fn changed(&mut self) -> Vec<Waker> {
        self.changes += 1;
        std::mem::take(&mut self.wakers)
    }

    pub(super) fn wait(&mut self, waker: &Waker) {
        if self.wakers.iter().any(|other| other.will_wake(waker)) {
            return;
        }
        if self.wakers.len() >= WAITING {
            self.wakers.remove(0).wake();
        }
        self.wakers.push(waker.clone());
    }

    fn stage(&self, order: &[u8], number: u64) -> Option<Stage> {
        let mut queue = self.orders.get(order)?.iter();
        queue.find(|entry| entry.number == number).map(|entry| entry.stage)
    }

    fn restage(&mut self, order: &[u8], number: u64, next: impl FnOnce(Stage) -> Stage) {
        let Some(queue) = self.orders.get_mut(order) else {
            return;
        };
        let Some((at, entry)) = queue.iter_mut().enumerate().find(|(_, entry)| entry.number == number) else {
            return;
        };
        if let Stage::Ready(from) = entry.stage {
            self.due.remove(&(from, number));
        }
        entry.stage = next(entry.stage);
        let entry = *entry;
        if at == 0 || fault!("outbox-order-broken") {
            self.make_due(order.to_vec(), entry);
        }
    }

    fn make_due(&mut self, order: Vec<u8>, entry: Entry) {
        if let Stage::Ready(from) = entry.stage {
            self.due.insert((from, entry.number), order);
        }
    }
}
