//! The AAnF is told: messages of the outbox, those of one subscriber one after the other, until it has taken them.
//!
//! An AAnF that is away is asked by one message at a time, after pauses that double up to five minutes; one that refuses a message hears it
//! again after five minutes, and the others go on. Of several, as an NRF knows them, one that is away holds up nobody else: a message to it
//! waits for half a minute. Nothing is given up: a later authentication takes the place of what waits.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use kaskade_anchor::anchor_key::{AnchorKey, TO_AANF, ToAanf};
use kaskade_codec::sbi::akma::{AkmaKeyInfo, CtxRemove};
use kaskade_faults::fault;
use kaskade_flow::{Moment, Refusal};
use kaskade_store::records::Delivery;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Akma;
use crate::log_limit;
use crate::role::lane;
use crate::sbi::service::{Elsewhere, NotDone};
use crate::time::moment;

/// Messages under way at once.
const MOST: usize = 32;

/// After a failure: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Where there are several AAnFs: before one that was not reached, or for which the NRF knew none, is told again.
const PAUSE_OF_MANY: Duration = Duration::from_secs(30);

/// What messages under way take at most, in octets: each with its task, its body and an answer.
pub const ANCHOR_KEYS_OCTETS: usize = MOST * 96 * 1024;

/// What is known of the AAnF.
#[derive(Debug, Default)]
pub(super) struct Peer {
    failures: u32,
    /// Nothing is sent before then.
    quiet_until: Option<Moment>,
}

/// What came of a message.
enum Came {
    Told,
    /// The AAnF is there, and does not take this one.
    Refused(NotDone),
    /// It is away, or has troubles of its own.
    Failed(NotDone),
}

impl Came {
    fn of(told: Result<(), NotDone>, is_removal: bool) -> Self {
        let Err(error) = told else { return Self::Told };
        match error.seen() {
            // There is nothing to be removed.
            Some(Elsewhere::Refused(heard)) if is_removal && heard.status == StatusCode::NOT_FOUND => Self::Told,
            Some(Elsewhere::Refused(heard))
                if heard.status.is_client_error()
                    && heard.status != StatusCode::REQUEST_TIMEOUT
                    && heard.status != StatusCode::TOO_MANY_REQUESTS =>
            {
                Self::Refused(error)
            }
            // The AAnF of this process has nothing against others either.
            None if !is_about_all(error.why()) => Self::Refused(error),
            _ => Self::Failed(error),
        }
    }
}

/// Whether an AAnF that refuses one message for this would refuse any.
const fn is_about_all(why: Refusal) -> bool {
    matches!(
        why,
        Refusal::StoreFull
            | Refusal::StoreAway
            | Refusal::StoreFailed
            | Refusal::AuditFull
            | Refusal::AuditStalled
            | Refusal::AuditFailed
            | Refusal::NoRandomness
            | Refusal::Stopping
            | Refusal::BudgetSpent
            | Refusal::Overloaded
            | Refusal::Internal
            | Refusal::PeerUnreachable
    )
}

impl Akma {
    fn peer(&self) -> MutexGuard<'_, Peer> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to wait before the AAnF is asked again, and whether it did not answer the last time.
    fn quiet(&self) -> (Duration, bool) {
        let (peer, now) = (self.peer(), moment());
        let wait = peer.quiet_until.map_or(Duration::ZERO, |until| until.since(now));
        (wait, peer.failures > 0)
    }

    /// The AAnF answers.
    fn answers(&self) {
        *self.peer() = Peer::default();
    }

    /// It does not, or has troubles of its own, and may have said how long: the pause before it is asked again.
    fn fails(&self, retry_after: Option<Duration>) -> Duration {
        let mut peer = self.peer();
        let now = moment();
        // What was under way together fails together, and counts once.
        if let Some(until) = peer.quiet_until.filter(|until| *until > now) {
            return until.since(now);
        }
        let usual = FIRST_PAUSE.saturating_mul(1 << peer.failures.min(16));
        let pause = retry_after.unwrap_or(usual).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        peer.failures = peer.failures.saturating_add(1);
        peer.quiet_until = now.after(pause);
        pause
    }

    /// Delivers messages to the AAnF. Never ends; what is under way when it is dropped is delivered again.
    pub(super) async fn deliver(self: &Arc<Self>) {
        let places = Arc::new(Semaphore::new(MOST));
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            let (wait, _) = self.quiet();
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
                continue;
            }
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            let delivery = lane::next(&self.records, &TO_AANF, "for the AAnF").await;
            // One that was under way may have failed meanwhile.
            let (wait, is_probe) = self.quiet();
            if !wait.is_zero() {
                delivery.failed(wait);
                continue;
            }
            let akma = self.clone();
            let told = async move {
                let _place = place;
                akma.tell(delivery).await;
            };
            match is_probe {
                true => told.await,
                false => drop(tasks.spawn(told)),
            }
        }
    }

    /// Delivers one message.
    async fn tell(&self, delivery: Delivery) {
        let message = match ToAanf::read(delivery.body()) {
            Ok(message) => message,
            Err(error) => {
                // It was written by this program: what it says is lost, and the next authentication says it anew.
                log_limit!(error, "a message to the AAnF is not one, and is dropped", %error);
                drop(delivery.done());
                return;
            }
        };
        let supi = message.supi().clone();
        let (told, is_removal) = match message {
            ToAanf::Register(supi, AnchorKey { k_akma, a_kid }, serving) => {
                let info = AkmaKeyInfo {
                    supi: Some(supi),
                    gpsi: None,
                    a_kid,
                    k_akma,
                };
                (self.aanf.register(&self.caller, info, serving).await, false)
            }
            ToAanf::Remove(supi, indicator) => {
                let removal = CtxRemove { supi };
                (self.aanf.remove(&self.caller, removal, indicator).await, true)
            }
        };
        match Came::of(told, is_removal) {
            Came::Told => {
                self.answers();
                match is_removal {
                    true => self.counters.removed.add_one(),
                    false => self.counters.registered.add_one(),
                }
                // Where it is not removed, it comes again.
                let _ = delivery.done().await;
            }
            Came::Refused(error) => {
                self.answers();
                self.counters.later.add_one();
                log_limit!(warn, "the AAnF refuses an anchor key, and is told it later", supi = %supi.masked(), %error);
                delivery.failed(LONGEST_PAUSE);
            }
            Came::Failed(error) => {
                let pause = match self.aanf.is_one() {
                    true => self.fails(error.retry_after()),
                    false if fault!("one-aanf-holds-up-all") => self.fails(Some(LONGEST_PAUSE)),
                    false => error.retry_after().unwrap_or(PAUSE_OF_MANY).min(LONGEST_PAUSE),
                };
                self.counters.later.add_one();
                log_limit!(warn, "the AAnF does not take an anchor key, and is told it later", supi = %supi.masked(), %error);
                match fault!("anchor-key-told-once") {
                    true => drop(delivery.done()),
                    false => delivery.failed(pause),
                }
            }
        }
    }
}
