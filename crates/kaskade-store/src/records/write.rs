//! From a unit to its outcome.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use kaskade_faults::fault;
use kaskade_flow::record::{Expect, Kind, Version};
use kaskade_flow::unit::{Change as UnitChange, Parts, Unit};
use kaskade_flow::{Durable, Guarded, UnixMillis};

use super::super::engine::{Batch, Change, Engine, Link, Peek, Wanted};
use super::super::queue::{Effect, Outcome, Request, Settled, Ticket, Undone};
use super::{CommitError, RecordError, Records, opened, sealed, table};

impl Records {
    /// Makes a unit durable, and with it what rests on it. The unit is on its way when this returns, whatever becomes of the
    /// future.
    pub fn commit<T>(&self, unit: Unit, result: Guarded<T>) -> Committing<T> {
        let ticket = Arc::new(Ticket::default());
        let state = match self.enter(unit, Arc::clone(&ticket)) {
            Ok(()) => State::Waiting(ticket),
            Err(error) => State::Refused(Some(error)),
        };
        Committing {
            state,
            result: Some(result),
        }
    }

    /// The same for callers that must not wait: `settled` is called on the thread that writes, and must not wait either.
    ///
    /// # Errors
    /// [`CommitError`] when the unit was refused at once; `settled` is not called then.
    pub fn submit(
        &self,
        unit: Unit,
        settled: impl FnOnce(Result<Version, CommitError>) + Send + 'static,
    ) -> Result<(), CommitError> {
        let ticket = Ticket::heard_by(Box::new(|outcome: Outcome| settled(outcome.map_err(CommitError::from))));
        self.enter(unit, Arc::new(ticket))
    }

    fn enter(&self, unit: Unit, ticket: Arc<Ticket>) -> Result<(), CommitError> {
        self.enter_with(unit, Batch::default(), Vec::new(), ticket)
    }

    /// The same, in one commit with changes of the store's own and what follows of those.
    pub(crate) fn enter_with(
        &self,
        unit: Unit,
        mut batch: Batch,
        mut effects: Vec<Effect>,
        ticket: Arc<Ticket>,
    ) -> Result<(), CommitError> {
        let Parts {
            changes,
            messages,
            events,
        } = unit.into_parts()?;
        for UnitChange { kind, .. } in &changes {
            if self.kind(kind.number) != Some(*kind) && !fault!("undeclared-kind-committed") {
                return Err(CommitError::Undeclared(*kind));
            }
        }
        let mut written_over = Vec::new();
        for UnitChange {
            kind,
            key,
            expect,
            value,
        } in changes
        {
            let value = value
                .map(|value| sealed(self.data_key(), &kind, &key, value))
                .transpose()?;
            if let Some(value) = &value {
                written_over.push(WrittenOver {
                    kind,
                    key: key.clone(),
                    is_any: expect == Expect::Any,
                    links: value.links.clone(),
                });
            }
            batch.push(Change {
                table: table(&kind),
                key: key.into(),
                expect,
                value,
            });
        }
        if !written_over.is_empty() && !fault!("damaged-row-written-over") {
            let records = self.clone();
            effects.push(Effect::Checked(Some(Box::new(move |engine, now| {
                let mut seen = written_over.iter();
                seen.try_for_each(|over| records.readable(engine, over, now))
            }))));
        }
        let count = events.len();
        self.reserve_events(count)?;
        if count > 0 {
            let records = self.clone();
            effects.push(Effect::Settled(Box::new(move |_| records.unreserve_events(count))));
            effects.push(Effect::Events(events));
        }
        let entered = match messages.is_empty() {
            true => self.queue(batch, effects, ticket),
            false => self.send(messages, batch, effects, ticket),
        };
        if entered.is_err() {
            self.unreserve_events(count);
        }
        entered
    }

    /// Hands a unit to the committer.
    pub(super) fn queue(&self, unit: Batch, effects: Vec<Effect>, ticket: Arc<Ticket>) -> Result<(), CommitError> {
        let request = Request { unit, effects, ticket };
        self.0.queue.submit(request).map_err(|_| CommitError::Closed)
    }

    /// Hands over changes of the store's own, which nobody waits for.
    pub(super) fn queue_own(&self, unit: Batch, settled: Settled) -> Result<(), CommitError> {
        self.queue(unit, vec![Effect::Settled(settled)], Arc::default())
    }

    /// Whether the records that are there, if any, can be read: the one in its place, if it is written over whatever it is or has
    /// ended, and those that have ended and have one of its links.
    fn readable(&self, engine: &dyn Engine, over: &WrittenOver, now: UnixMillis) -> Result<(), RecordError> {
        let WrittenOver { kind, key, .. } = over;
        let goes = |expires: u64| over.is_any || (expires != 0 && expires <= now.get());
        let is_whole =
            |key: &[u8], expires: u64, octets: &[u8]| opened(self.data_key(), kind, (key, expires), octets).map(drop);
        let mut wanted: Vec<_> = over
            .links
            .iter()
            .map(|link| Wanted::Link(table(kind), link.index, &link.octets))
            .collect();
        let mut found = Ok(());
        let peek = engine.peek(table(kind), key, &mut |row| {
            if goes(row.expires) {
                found = is_whole(key, row.expires, row.octets);
            }
        });
        match peek {
            Peek::Found | Peek::Absent => found?,
            Peek::Failed(error) => return Err(error.into()),
            Peek::NotHere => wanted.push(Wanted::Key(table(kind), key)),
        }
        if wanted.is_empty() {
            return Ok(());
        }
        for row in pollster::block_on(engine.read(&wanted))?.into_iter().flatten() {
            let is_its_place = *row.key == **key;
            if (is_its_place && goes(row.expires)) || (row.expires != 0 && row.expires <= now.get()) {
                is_whole(&row.key, row.expires, &row.octets)?;
            }
        }
        Ok(())
    }
}

impl From<Undone> for CommitError {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Conflict(conflict) => Self::Conflict(conflict),
            Undone::Unreadable(error) => Self::Unreadable(error),
            Undone::Failed(error) => Self::Write(error),
        }
    }
}

/// What a put may write over.
struct WrittenOver {
    kind: Kind,
    key: Vec<u8>,
    /// Whatever is there, and not only what has ended.
    is_any: bool,
    links: Vec<Link>,
}

/// A unit on its way: the outcome, and the result that rests on it.
#[must_use = "the outcome is not known before it has been waited for"]
pub struct Committing<T> {
    state: State,
    result: Option<Guarded<T>>,
}

enum State {
    Refused(Option<CommitError>),
    Waiting(Arc<Ticket>),
}

impl<T> Committing<T> {
    /// Waits on this thread.
    ///
    /// # Errors
    /// As the future gives.
    pub fn wait(self) -> Result<Durable<T>, CommitError> {
        pollster::block_on(self)
    }
}

// Nothing in it is pinned.
impl<T> Unpin for Committing<T> {}

impl<T> Future for Committing<T> {
    type Output = Result<Durable<T>, CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &mut self.state {
            State::Refused(error) => Err(error.take().unwrap_or(CommitError::Closed)),
            State::Waiting(ticket) => match ticket.poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(outcome) => outcome.map_err(CommitError::from),
            },
        };
        let done = outcome.and_then(|_| self.result.take().ok_or(CommitError::Closed));
        Poll::Ready(done.map(Guarded::made_durable))
    }
}

impl<T> core::fmt::Debug for Committing<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Committing(…)")
    }
}
