//! What waits for the thread that writes, and where those meet who wait for it.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use kaskade_aka::sqn::{Glc, SqnIssuer, SqnRecord};
use kaskade_flow::UnixMillis;
use kaskade_flow::event::Event;

use super::engine::{Batch, Conflict, Engine, Version};
use super::error::{EngineError, RecordError, StoreError};
use super::key::SubscriberKey;
use super::sqn_row::Owner;
use super::sync::{Condvar, Mutex, MutexGuard};
use crate::figures::Counted;

/// Why what a caller wanted is not durable.
#[derive(Clone, Debug)]
pub(crate) enum Undone {
    /// Something was not as the unit expects; all else of the commit is done.
    Conflict(Conflict),
    /// What it would have written over cannot be read here.
    Unreadable(RecordError),
    /// The engine failed.
    Failed(Arc<EngineError>),
}

impl From<Undone> for StoreError {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Conflict(conflict) => Self::Conflict(conflict),
            Undone::Unreadable(error) => Self::Record(error),
            Undone::Failed(error) => Self::Write(error),
        }
    }
}

/// What became of a unit: the version of what it wrote, or why nothing.
pub(crate) type Outcome = Result<Version, Undone>;
/// Hears of it, on the thread that writes: it must not wait.
pub(crate) type Listener = Box<dyn FnOnce(Outcome) + Send>;
/// Hears whether a unit is durable, once that is known: before whoever waits for it, or long after.
pub(crate) type Settled = Box<dyn FnOnce(bool) + Send>;
/// Looks at what a unit writes over before it does, at the moment of its commit.
pub(crate) type Check = Box<dyn FnOnce(&dyn Engine, UnixMillis) -> Result<(), RecordError> + Send>;

/// Where those who wait for one commit meet its outcome.
#[derive(Default)]
pub(crate) struct Ticket {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
    listener: Option<Listener>,
}

impl Ticket {
    /// One whose outcome `listener` hears.
    pub(crate) fn heard_by(listener: Listener) -> Self {
        let ticket = Self::default();
        lock(&ticket.state).listener = Some(listener);
        ticket
    }

    /// Blocks until the commit is done.
    pub(crate) fn wait(&self) -> Result<(), StoreError> {
        let mut state = lock(&self.state);
        loop {
            match &state.outcome {
                Some(done) => return done.clone().map(drop).map_err(StoreError::from),
                None => state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The outcome, or the task is woken when there is one. Of several tasks the last is.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Outcome> {
        let mut state = lock(&self.state);
        match &state.outcome {
            Some(done) => Poll::Ready(done.clone()),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Why it failed, when it is done and failed.
    pub(crate) fn failure(&self) -> Option<Undone> {
        match &lock(&self.state).outcome {
            Some(Err(undone)) => Some(undone.clone()),
            _ => None,
        }
    }

    /// The first outcome counts.
    pub(crate) fn finish(&self, result: Outcome) {
        let mut state = lock(&self.state);
        if state.outcome.is_some() {
            return;
        }
        state.outcome = Some(result.clone());
        let (waker, listener) = (state.waker.take(), state.listener.take());
        drop(state);
        self.ready.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(listener) = listener {
            listener(result);
        }
    }
}

/// What follows in memory from a commit that is durable.
pub(crate) enum Effect {
    /// A range or a longer horizon in place of the row of this version: issuing went on meanwhile.
    Reserved(SubscriberKey, SqnRecord, Version),
    /// Another issuer, or none: issuing had stopped meanwhile.
    Replaced(SubscriberKey, Option<Box<(SqnIssuer, Owner)>>),
    /// The clock may go on to here.
    Mark(Glc),
    /// What the records look at before.
    Checked(Option<Check>),
    /// What the records draw from it.
    Settled(Settled),
    /// What happened: durable with it, and then in the audit log.
    Events(Vec<Event>),
}

/// What one caller wants durable.
pub(crate) struct Request {
    pub(crate) unit: Batch,
    pub(crate) effects: Vec<Effect>,
    pub(crate) ticket: Arc<Ticket>,
}

/// Nobody waits for ever for a committer that died.
impl Drop for Request {
    fn drop(&mut self) {
        self.ticket.finish(Err(Undone::Failed(Arc::new(EngineError::Failed))));
    }
}

/// Where requests wait for the committer.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    /// What has come of them.
    pub(crate) counted: Counted,
}

#[derive(Default)]
struct Waiting {
    requests: Vec<Request>,
    start_clock: bool,
    closed: bool,
}

impl Queue {
    /// Hands a request to the committer.
    pub(crate) fn submit(&self, request: Request) -> Result<(), StoreError> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        waiting.requests.push(request);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Asks for the clock's first durable mark; the ticket is done when there is one.
    pub(crate) fn start_clock(&self) -> Result<Arc<Ticket>, StoreError> {
        lock(&self.waiting).start_clock = true;
        let ticket = Arc::new(Ticket::default());
        let request = Request {
            unit: Batch::default(),
            effects: Vec::new(),
            ticket: Arc::clone(&ticket),
        };
        self.submit(request)?;
        Ok(ticket)
    }

    /// No more requests; the committer ends when it has done what waits.
    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.arrived.notify_all();
    }

    /// No more requests, and those that wait have failed.
    pub(crate) fn abandon(&self) {
        self.close();
        drop(std::mem::take(&mut lock(&self.waiting).requests));
    }

    /// Waits for requests, at most for `patience`.
    pub(crate) fn take(&self, patience: Duration) -> Taken {
        let waiting = lock(&self.waiting);
        let (waiting, _) = self
            .arrived
            .wait_timeout_while(waiting, patience, |waiting| {
                waiting.requests.is_empty() && !waiting.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        Self::taken(waiting)
    }

    /// How many requests wait.
    pub(crate) fn len(&self) -> usize {
        lock(&self.waiting).requests.len()
    }

    /// Whether any request waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !lock(&self.waiting).requests.is_empty()
    }

    /// What waits now.
    #[cfg(test)]
    #[allow(dead_code, reason = "`schedule` has a committer that does not wait")]
    pub(crate) fn take_now(&self) -> Taken {
        Self::taken(lock(&self.waiting))
    }

    fn taken(mut waiting: MutexGuard<'_, Waiting>) -> Taken {
        Taken {
            requests: std::mem::take(&mut waiting.requests),
            start_clock: waiting.start_clock,
            closed: waiting.closed,
        }
    }
}

/// What the committer finds when it looks.
pub(crate) struct Taken {
    pub(crate) requests: Vec<Request>,
    /// Whether anybody has asked for the clock yet.
    pub(crate) start_clock: bool,
    pub(crate) closed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
