//! Group commit: one thread gathers what waits, makes it durable in one go, and wakes all.
//!
//! The same thread moves the clock and extends its durable mark ahead of time, so that neither costs a vector anything.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kaskade_aka::sqn::{ClockState, Glc, GlobalCounter};

use crate::clock::Clock;
use crate::engine::{Batch, Engine, Table};
use crate::error::{EngineError, StoreError};
use crate::issuer::{Effect, Issuer};
use crate::meta;

/// Where the threads that wait for one commit meet its outcome.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    outcome: Mutex<Option<Result<(), Arc<EngineError>>>>,
    ready: Condvar,
}

impl Ticket {
    /// Blocks until the commit is done.
    pub(crate) fn wait(&self) -> Result<(), StoreError> {
        let mut outcome = lock(&self.outcome);
        loop {
            match &*outcome {
                Some(done) => return done.clone().map_err(StoreError::Write),
                None => outcome = self.ready.wait(outcome).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Why it failed, when it is done and failed.
    pub(crate) fn failure(&self) -> Option<Arc<EngineError>> {
        match &*lock(&self.outcome) {
            Some(Err(error)) => Some(Arc::clone(error)),
            _ => None,
        }
    }

    fn finish(&self, result: Result<(), Arc<EngineError>>) {
        *lock(&self.outcome) = Some(result);
        self.ready.notify_all();
    }
}

/// What one caller wants durable.
pub(crate) struct Request {
    pub(crate) batch: Batch,
    pub(crate) effects: Vec<Effect>,
    pub(crate) ticket: Arc<Ticket>,
}

/// Where requests wait for the committer.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
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
            batch: Batch::default(),
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

    fn take(&self, patience: Duration) -> (Vec<Request>, bool, bool) {
        let waiting = lock(&self.waiting);
        let (mut waiting, _) = self
            .arrived
            .wait_timeout_while(waiting, patience, |waiting| {
                waiting.requests.is_empty() && !waiting.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        (
            std::mem::take(&mut waiting.requests),
            waiting.start_clock,
            waiting.closed,
        )
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The committer thread's own state.
pub(crate) struct Committer {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counter: GlobalCounter,
    /// How far ahead of the clock its mark is made durable.
    pub(crate) lead: Duration,
    /// How often the clock is read when nothing waits.
    pub(crate) patience: Duration,
    /// Counts the batches: tells after a failure whether the last one is durable.
    pub(crate) serial: u64,
    /// What is open after a failed commit.
    pub(crate) outage: Option<Outage>,
    /// The last failure, and until when nothing is tried again.
    pub(crate) pause: Option<(Arc<EngineError>, Instant)>,
}

/// After a failed commit: what is not known to be durable or not.
pub(crate) struct Outage {
    unsettled: Vec<(u64, Vec<Effect>)>,
}

const RETRY_AFTER: Duration = Duration::from_millis(200);

impl Committer {
    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let (mut started, mut swept) = (false, Instant::now());
        loop {
            let (requests, start, closed) = self.queue.take(self.patience);
            started |= start;
            let mark = self.move_clock(started);
            if self.pause.as_ref().is_some_and(|(_, until)| Instant::now() >= *until) {
                self.pause = None;
                self.end_outage();
            }
            if mark.is_some() || !requests.is_empty() {
                self.commit(requests, mark);
            }
            if swept.elapsed() >= self.patience {
                swept = Instant::now();
                self.issuer.sweep_some();
            }
            if closed && lock(&self.queue.waiting).requests.is_empty() {
                return;
            }
        }
    }

    /// Advances GLC; the mark that should become durable, when it is time.
    fn move_clock(&mut self, started: bool) -> Option<Glc> {
        let (now, state) = self.counter.advance(self.clock.clocks());
        self.issuer.distrusts_wall(state == ClockState::DistrustingWall);
        if !started {
            self.issuer.set_now(now);
            return None;
        }
        let ahead = self.counter.mark_ahead(self.lead);
        let durable = self.issuer.mark();
        let Some(durable) = durable else { return Some(ahead) };
        self.issuer.set_now(now.min(durable));
        let left = durable.0.saturating_sub(now.0);
        (left.saturating_mul(2) <= ahead.0.saturating_sub(now.0)).then_some(ahead)
    }

    fn commit(&mut self, requests: Vec<Request>, mark: Option<Glc>) {
        if let Some((error, _)) = &self.pause {
            // Not written at all: known to have failed.
            let error = Arc::clone(error);
            for request in requests {
                self.issuer.settle(request.effects, false);
                request.ticket.finish(Err(Arc::clone(&error)));
            }
            return;
        }
        let (mut batch, mut effects, mut tickets) = (Batch::default(), Vec::new(), Vec::with_capacity(requests.len()));
        for request in requests {
            batch.append(request.batch);
            effects.extend(request.effects);
            tickets.push(request.ticket);
        }
        let mut result = Ok(());
        if mark.is_some() || !batch.changes().is_empty() {
            let serial = self.serial + 1;
            batch.put(Table::Meta, meta::SERIAL, &serial.to_be_bytes());
            if let Some(mark) = mark {
                batch.put(Table::Meta, meta::MARK, &mark.0.to_be_bytes());
                effects.push(Effect::Mark(mark));
            }
            result = match self.engine.commit(&batch) {
                Ok(()) => {
                    self.serial = serial;
                    self.issuer.settle(effects, true);
                    Ok(())
                }
                Err(error) => self.begin_outage(error, serial, effects),
            };
        }
        for ticket in tickets {
            ticket.finish(result.clone());
        }
        if mark.is_some() && result.is_ok() {
            self.move_clock(true);
        }
    }

    fn begin_outage(&mut self, error: EngineError, serial: u64, effects: Vec<Effect>) -> Result<(), Arc<EngineError>> {
        let error = Arc::new(error);
        self.outage = Some(Outage {
            unsettled: vec![(serial, effects)],
        });
        self.pause = Some((Arc::clone(&error), Instant::now() + RETRY_AFTER));
        self.end_outage();
        // Durable in spite of the error?
        if self.outage.is_none() && self.serial >= serial {
            Ok(())
        } else {
            Err(error)
        }
    }

    /// Tries to make the engine usable again, and settles what was left open by what is durable.
    fn end_outage(&mut self) {
        let Some(outage) = self.outage.take() else { return };
        let known = self
            .engine
            .recover()
            .and_then(|()| meta::number(&*self.engine, meta::SERIAL));
        match known {
            Ok(durable) => {
                self.serial = durable.unwrap_or(0);
                for (serial, effects) in outage.unsettled {
                    self.issuer.settle(effects, serial <= self.serial);
                }
            }
            Err(error) => {
                self.pause = Some((Arc::new(error), Instant::now() + RETRY_AFTER));
                self.outage = Some(outage);
            }
        }
    }
}
