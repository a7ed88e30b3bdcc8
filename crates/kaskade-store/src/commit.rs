//! Group commit: one thread gathers what waits, makes it durable in one go, and wakes all.
//!
//! The same thread moves the clock and extends its durable mark ahead of time, so that neither costs a vector anything.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kaskade_aka::sqn::{ClockState, Glc, GlobalCounter};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;

use super::audit::{Anchor, AuditLog};
use super::clock::Clock;
use super::engine::{Batch, Engine, Group, Serial, Table, UnitOutcome, Version};
use super::error::{EngineError, LOST_COMMITS};
use super::failure::Failure;
use super::issuer::Issuer;
use super::meta;
use super::nodes::{self, LOOK_AT_SHARES, Said, Shares};
use super::queue::{Effect, Queue, Request, Taken, Undone};
use super::records::Records;
use super::sync::RETRY_AFTER;

/// How often the head of the audit log is kept in a commit that is made anyhow,
const HEAD_BESIDE: Duration = Duration::from_secs(1);
/// and while there is none, in one of its own.
const HEAD_ALONE: Duration = Duration::from_secs(10);

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
    /// The log whose head is kept beside the clock's mark.
    pub(crate) audit: Arc<OnceLock<AuditLog>>,
    /// Which of the home network's nodes this is.
    pub(crate) node: u16,
    /// Counts the commits: tells after a failure whether the last one is durable.
    pub(crate) serial: Serial,
    /// What was last kept of it, and when.
    pub(crate) head_kept: Option<(Anchor, Instant)>,
    /// What is open after a failed commit.
    pub(crate) outage: Option<Outage>,
    /// The last failure, and until when nothing is tried again.
    pub(crate) pause: Option<(Arc<EngineError>, Instant)>,
    /// Where it says that it has stopped for good.
    pub(crate) failure: Arc<Failure>,
    /// How long an outage may last that is not a full disk.
    pub(crate) longest_outage: Duration,
    /// By which shares this node goes, where there are others.
    pub(crate) shares: Option<Shares>,
    /// When it looked at them last.
    pub(crate) looked_at_shares: Instant,
    /// Whether it has not said yet that it goes by them.
    pub(crate) says_shares: bool,
    /// The mark that it has said before there was one of this life.
    pub(crate) said_mark: Glc,
    /// What ends in its time is swept by the same thread.
    pub(crate) records: Records,
}

/// After a failed commit: what is not known to be durable or not.
pub(crate) struct Outage {
    serial: Serial,
    unsettled: Vec<Unsettled>,
    since: Instant,
}

/// What follows from one unit, and whether it is done if the commit is durable.
struct Unsettled {
    effects: Vec<Effect>,
    done: bool,
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
                self.sweep(&mut swept, Instant::now());
                if closed && !self.queue.is_waiting() {
                    return;
                }
            }
        };
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            queue.abandon();
            failure.report(&Arc::new(EngineError::Other("the thread that writes has died".into())));
        }
    }

    /// Removes what need not be held any longer: now and then, and what has ended at once as long as there is more of it and nobody
    /// waits.
    pub(crate) fn sweep(&self, swept: &mut Instant, now: Instant) {
        if now.saturating_duration_since(*swept) >= self.patience {
            *swept = now;
            self.issuer.sweep_some();
            if self.pause.is_none() {
                self.records.sweep_some();
            }
        } else if self.pause.is_none() && self.records.sweeps_on() && !self.queue.is_waiting() {
            self.records.sweep_some();
        }
    }

    /// Moves the clock and commits what was taken from the queue.
    pub(crate) fn step(&mut self, taken: Taken) {
        if self.failure.get().is_none()
            && let Some(damage) = self.engine.damage()
        {
            // Whoever reads notices it first.
            self.failure.report(&Arc::new(damage));
        }
        self.look_at_shares();
        let mark = self.move_clock(taken.start_clock);
        if self.pause.as_ref().is_some_and(|(_, until)| Instant::now() >= *until) && self.failure.get().is_none() {
            self.pause = None;
            self.end_outage();
        }
        if mark.is_some() || !taken.requests.is_empty() || self.head_to_keep(HEAD_ALONE).is_some() || self.says_shares {
            self.commit(taken.requests, mark);
        }
    }

    /// The head of the audit log, where it has moved and none was kept for so long.
    fn head_to_keep(&self, after: Duration) -> Option<Anchor> {
        let head = self.audit.get()?.head()?;
        let due = match &self.head_kept {
            Some((kept, at)) => *kept != head && at.elapsed() >= after,
            None => true,
        };
        (due && !fault!("audit-head-with-mark-only")).then_some(head)
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
                self.issuer.settle(std::mem::take(&mut request.effects), None);
                request.ticket.finish(Err(Undone::Failed(Arc::clone(error))));
            }
            return;
        }
        let now = self.records.now();
        requests.retain_mut(|request| self.may_happen(request, now));
        let (mut units, mut effects) = (Vec::new(), Vec::new());
        let (serial, mut index) = (self.next_serial(), 0);
        for request in &mut requests {
            self.put_events(request, serial, &mut index);
            units.push(std::mem::take(&mut request.unit));
            effects.push(std::mem::take(&mut request.effects));
            if fault!("answer-before-durable") {
                request.ticket.finish(Ok(Version::default()));
            }
        }
        let head = match mark {
            Some(_) => self.audit.get().and_then(AuditLog::head),
            None => self.head_to_keep(HEAD_BESIDE),
        };
        let unit = head.and_then(|head| self.unit_of_head(&head));
        let head = head.filter(|_| unit.is_some());
        if let Some(unit) = unit {
            units.push(unit);
            effects.push(Vec::new());
        }
        if let Some(mark) = mark {
            let mut unit = Batch::default();
            let key = meta::mark_key(self.node);
            unit.put(Table::META, &key, &meta::coded(self.issuer.keys(), &key, mark.0));
            self.say(&mut unit, mark);
            units.push(unit);
            effects.push(vec![Effect::Mark(mark)]);
            if fault!("mark-before-durable") {
                self.issuer.settle(vec![Effect::Mark(mark)], Some(Version::default()));
            }
        }
        if mark.is_none() && self.says_shares {
            let mut unit = Batch::default();
            self.say(&mut unit, self.issuer.mark().unwrap_or(self.said_mark));
            units.push(unit);
            effects.push(Vec::new());
        }
        if fault!("settled-before-durable") {
            self.issuer.settle(
                effects.iter_mut().flat_map(std::mem::take).collect(),
                Some(Version::default()),
            );
        }
        let result = match units.iter().all(Batch::is_empty) {
            true => {
                self.settle(Vec::new(), effects, serial);
                Ok(Vec::new())
            }
            false => {
                let count = units.len();
                let written = self.write((serial, now), units, effects);
                self.queue.counted.commit(count, written.is_ok());
                written
            }
        };
        let marked = mark.is_some() && result.is_ok();
        self.says_shares &= result.is_err();
        if let Some(head) = head.filter(|_| result.is_ok()) {
            self.head_kept = Some((head, Instant::now()));
        }
        let version = self.serial.version(self.node);
        let mut outcomes = result.as_deref().unwrap_or_default().iter();
        for request in requests {
            let done = match (&result, outcomes.next()) {
                (Err(error), _) => Err(Undone::Failed(Arc::clone(error))),
                (Ok(_), Some(UnitOutcome::Conflict(conflict))) if !fault!("conflict-settled-as-done") => {
                    Err(Undone::Conflict(*conflict))
                }
                (Ok(_), _) => Ok(version),
            };
            request.ticket.finish(done);
        }
        if marked {
            self.move_clock(true);
        }
    }

    /// Keeps the head of the audit log; `None` where nothing can be read, and it is tried again.
    fn unit_of_head(&self, head: &Anchor) -> Option<Batch> {
        let mut unit = Batch::default();
        if self.head_kept.is_none() {
            meta::keep_of_log(&*self.engine, self.issuer.keys(), self.node, &mut unit).ok()?;
        }
        meta::put_head(self.issuer.keys(), self.node, Some(head), &mut unit);
        Some(unit)
    }

    /// Puts what a request tells the audit log into its unit.
    fn put_events(&self, request: &mut Request, serial: Serial, index: &mut u16) {
        for effect in &mut request.effects {
            let Effect::Events(events) = effect else { continue };
            let mut events = std::mem::take(events);
            self.records.put_events(&mut events, serial, index, &mut request.unit);
            let records = self.records.clone();
            *effect = Effect::Settled(Box::new(move |done| records.events_settled(events, done)));
        }
    }

    /// Whether what a request writes over can be read; one that would destroy what this program does not understand has its
    /// answer.
    fn may_happen(&self, request: &mut Request, now: UnixMillis) -> bool {
        for effect in &mut request.effects {
            let Effect::Checked(check) = effect else { continue };
            let Some(Err(error)) = check.take().map(|check| check(&*self.engine, now)) else {
                continue;
            };
            self.issuer.settle(std::mem::take(&mut request.effects), None);
            request.ticket.finish(Err(Undone::Unreadable(error)));
            return false;
        }
        true
    }

    /// Above the last commit's, and above what the audit log has of a life that the store does not know any more.
    fn next_serial(&self) -> Serial {
        Serial(self.serial.max(self.records.least_serial()).0 + 1)
    }

    /// Makes units durable, and draws the consequences.
    fn write(
        &mut self,
        (serial, now): (Serial, UnixMillis),
        units: Vec<Batch>,
        effects: Vec<Vec<Effect>>,
    ) -> Result<Vec<UnitOutcome>, Arc<EngineError>> {
        let group = Group {
            node: self.node,
            serial,
            now: now.get(),
            units,
        };
        match pollster::block_on(self.engine.commit(group)) {
            Ok(outcomes) => {
                self.serial = serial;
                self.settle(outcomes.clone(), effects, serial);
                Ok(outcomes)
            }
            Err(failed) => {
                let error = Arc::new(failed.error);
                let mut done = failed.outcomes.iter().map(|outcome| *outcome == UnitOutcome::Done);
                let unsettled = effects.into_iter().map(|effects| Unsettled {
                    effects,
                    done: done.next().unwrap_or(true),
                });
                self.outage = Some(Outage {
                    serial,
                    unsettled: unsettled.collect(),
                    since: Instant::now(),
                });
                self.pause = Some((Arc::clone(&error), Instant::now() + RETRY_AFTER));
                self.end_outage();
                // Durable in spite of the error?
                match self.outage.is_none() && self.serial >= serial {
                    true => Ok(failed.outcomes),
                    false => Err(error),
                }
            }
        }
    }

    fn settle(&self, outcomes: Vec<UnitOutcome>, effects: Vec<Vec<Effect>>, serial: Serial) {
        let (mut outcomes, version) = (outcomes.into_iter(), serial.version(self.node));
        for effects in effects {
            let done = outcomes.next().is_none_or(|outcome| outcome == UnitOutcome::Done);
            self.issuer.settle(effects, done.then_some(version));
        }
    }

    /// Says to the other nodes how far the clock of this one may go, and by which shares it goes.
    fn say(&self, unit: &mut Batch, mark: Glc) {
        let Some(shares) = &self.shares else { return };
        let said = Said {
            mark: mark.0,
            generation: shares.generation,
        };
        nodes::say(unit, self.issuer.keys(), self.issuer.node.index(), said);
    }

    /// Looks whether the shares of the nodes are others by now, and goes by them.
    fn look_at_shares(&mut self) {
        let (Some(known), Some(places)) = (&self.shares, &self.issuer.places) else {
            return;
        };
        if self.looked_at_shares.elapsed() < LOOK_AT_SHARES || self.pause.is_some() {
            return;
        }
        self.looked_at_shares = Instant::now();
        let Some(shares) = nodes::shares(&*self.engine, self.issuer.keys()) else {
            return;
        };
        if shares.generation <= known.generation {
            return;
        }
        // A place that is given up is not issued at any more when that is said.
        places.keep(shares.of(self.issuer.node.index()));
        self.issuer.all_have_seen();
        self.shares = Some(shares);
        self.says_shares = true;
    }

    /// Tries to make the engine usable again, and settles what was left open by what is durable.
    fn end_outage(&mut self) {
        let Some(mut outage) = self.outage.take() else { return };
        let recovered = pollster::block_on(self.engine.recover(self.node)).and_then(|durable| {
            if durable < self.serial && !fault!("lost-commits-not-noticed") {
                return Err(EngineError::Unreliable {
                    server: "the store".into(),
                    why: LOST_COMMITS.into(),
                });
            }
            Ok(durable)
        });
        match recovered {
            Ok(durable) => {
                self.serial = durable;
                let durable = outage.serial <= durable || fault!("outage-settled-as-durable");
                let version = outage.serial.version(self.node);
                for Unsettled { effects, done } in outage.unsettled {
                    let done = durable && done && !fault!("outage-settled-as-lost");
                    self.issuer.settle(effects, done.then_some(version));
                }
            }
            Err(error) => {
                // A full disk gets room again, a server comes back, and a file may open later; what is not known now never will be.
                if error.passes() {
                    // What is not of that kind has its time from then on.
                    outage.since = Instant::now();
                }
                let lasting = !error.passes() && outage.since.elapsed() >= self.longest_outage;
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
