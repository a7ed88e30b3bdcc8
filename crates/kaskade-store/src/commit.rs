//! Group commit: one thread gathers what waits, makes it durable in one go, and wakes all.
//!
//! The same thread moves the clock and extends its durable mark ahead of time, so that neither costs a vector anything.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use kaskade_aka::sqn::{ClockState, Glc, GlobalCounter};
use kaskade_faults::fault;

use super::clock::Clock;
use super::engine::{Batch, Engine, Table};
use super::error::{EngineError, StoreError};
use super::failure::Failure;
use super::issuer::{Effect, Issuer};
use super::meta;
use super::sync::{Condvar, Mutex, MutexGuard, RETRY_AFTER};

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

    /// The first outcome counts.
    fn finish(&self, result: Result<(), Arc<EngineError>>) {
        lock(&self.outcome).get_or_insert(result);
        self.ready.notify_all();
    }
}

/// What one caller wants durable.
pub(crate) struct Request {
    pub(crate) batch: Batch,
    pub(crate) effects: Vec<Effect>,
    pub(crate) ticket: Arc<Ticket>,
}

/// Nobody waits for ever for a committer that died.
impl Drop for Request {
    fn drop(&mut self) {
        self.ticket.finish(Err(Arc::new(EngineError::Failed)));
    }
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

    /// No more requests, and those that wait have failed.
    fn abandon(&self) {
        self.close();
        drop(std::mem::take(&mut lock(&self.waiting).requests));
    }

    /// Waits for requests, at most for `patience`.
    fn take(&self, patience: Duration) -> Taken {
        let waiting = lock(&self.waiting);
        let (waiting, _) = self
            .arrived
            .wait_timeout_while(waiting, patience, |waiting| {
                waiting.requests.is_empty() && !waiting.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        Self::taken(waiting)
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
    requests: Vec<Request>,
    /// Whether anybody has asked for the clock yet.
    start_clock: bool,
    closed: bool,
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
    /// Where it says that it has stopped for good.
    pub(crate) failure: Arc<Failure>,
    /// How long an outage may last that is not a full disk.
    pub(crate) longest_outage: Duration,
}

/// After a failed commit: what is not known to be durable or not.
pub(crate) struct Outage {
    unsettled: Vec<(u64, Vec<Effect>)>,
    since: Instant,
}

impl Committer {
    /// Works until the queue is closed and empty. If it dies before, nobody waits for it, and the failure is told.
    pub(crate) fn run(mut self) {
        let (queue, failure) = (Arc::clone(&self.queue), Arc::clone(&self.failure));
        let work = || {
            let mut swept = Instant::now();
            loop {
                let taken = self.queue.take(self.patience);
                let closed = taken.closed;
                self.step(taken);
                if swept.elapsed() >= self.patience {
                    swept = Instant::now();
                    self.issuer.sweep_some();
                }
                if closed && lock(&self.queue.waiting).requests.is_empty() {
                    return;
                }
            }
        };
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            queue.abandon();
            failure.report(&Arc::new(EngineError::Other("the thread that writes has died".into())));
        }
    }

    /// Moves the clock and commits what was taken from the queue.
    pub(crate) fn step(&mut self, taken: Taken) {
        let mark = self.move_clock(taken.start_clock);
        if self.pause.as_ref().is_some_and(|(_, until)| Instant::now() >= *until) && self.failure.get().is_none() {
            self.pause = None;
            self.end_outage();
        }
        if mark.is_some() || !taken.requests.is_empty() {
            self.commit(taken.requests, mark);
        }
    }

    /// Advances GLC; the mark that should become durable, when it is time.
    fn move_clock(&mut self, started: bool) -> Option<Glc> {
        let clocks = self.clock.clocks();
        let (now, state) = self.counter.advance(clocks);
        self.issuer.set_counter(self.counter.elapsed(), clocks.monotonic);
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

    fn commit(&mut self, mut requests: Vec<Request>, mark: Option<Glc>) {
        if let Some((error, _)) = &self.pause {
            // Not written at all: known to have failed.
            for request in &mut requests {
                self.issuer.settle(std::mem::take(&mut request.effects), false);
                request.ticket.finish(Err(Arc::clone(error)));
            }
            return;
        }
        let (mut batch, mut effects) = (Batch::default(), Vec::new());
        for request in &mut requests {
            batch.append(std::mem::take(&mut request.batch));
            effects.append(&mut request.effects);
            if fault!("answer-before-durable") {
                request.ticket.finish(Ok(()));
            }
        }
        let mut result = Ok(());
        if mark.is_some() || !batch.changes().is_empty() {
            let serial = self.serial + 1;
            batch.put(Table::Meta, meta::SERIAL, &serial.to_be_bytes());
            if let Some(mark) = mark {
                batch.put(
                    Table::Meta,
                    meta::MARK,
                    &meta::coded(self.issuer.keys(), meta::MARK, mark.0),
                );
                effects.push(Effect::Mark(mark));
                if fault!("mark-before-durable") {
                    self.issuer.settle(vec![Effect::Mark(mark)], true);
                }
            }
            if fault!("settled-before-durable") {
                self.issuer.settle(std::mem::take(&mut effects), true);
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
        for request in requests {
            request.ticket.finish(result.clone());
        }
        if mark.is_some() && result.is_ok() {
            self.move_clock(true);
        }
    }

    fn begin_outage(&mut self, error: EngineError, serial: u64, effects: Vec<Effect>) -> Result<(), Arc<EngineError>> {
        let error = Arc::new(error);
        self.outage = Some(Outage {
            unsettled: vec![(serial, effects)],
            since: Instant::now(),
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
                    let durable = serial <= self.serial || fault!("outage-settled-as-durable");
                    self.issuer
                        .settle(effects, durable && !fault!("outage-settled-as-lost"));
                }
            }
            Err(error) => {
                // A full disk gets room again, and a file may open later; what is not known now never will be.
                let lasting = !matches!(error, EngineError::Full(_)) && outage.since.elapsed() >= self.longest_outage;
                let error = Arc::new(error);
                if error.needs_restart() || lasting {
                    self.failure.report(&error);
                }
                self.pause = Some((error, Instant::now() + RETRY_AFTER));
                self.outage = Some(outage);
            }
        }
    }
}
