//! Where keys come to their end, the UDM is asked to have the user authenticated again (TS 33.501 6.1.5).
//!
//! ```text
//! request for a key that is over, or nearly ──┐
//! K_AKMA that ends soon, with keys below it ──┴─ once in an interval, as far as the budget goes ── queue ── UDM: trigger-auth
//! ```
//!
//! No request waits for it, and nothing of it is kept: what a restart or a full queue loses, the next request for a key asks for again.

use std::collections::{HashSet, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaskade_anchor::akma::{Admitted, AfHolder, AkmaContext, State};
use kaskade_codec::sbi::nudm_uecm::AuthTriggerInfo;
use kaskade_faults::fault;
use kaskade_flow::{Moment, Refusal, UnixMillis};
use kaskade_keys::{AKid, RoutingIndicator, Supi};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::figures::Asked;
use super::{Aanf, AanfError};
use crate::log_limit;
use crate::role::budget::Rate;
use crate::role::udm::Uecm;
use crate::sbi::peer::Requester;
use crate::sbi::service::{Caller, Elsewhere, NotDone};
use crate::services::nudm_uecm::{Client, NudmUecm};
use crate::time::{moment, unix_millis};

/// Requests that wait, and those under way at once.
const WAITING: usize = 1024;
const MOST: usize = 8;

/// Records that are read at once.
const PAGE: usize = 256;

/// A call that is on its way.
pub type Triggering<'a> = Pin<Box<dyn Future<Output = Result<(), NotDone>> + Send + 'a>>;

/// Whoever has subscribers authenticated again: a UDM, in this process or elsewhere.
pub trait Reauthenticator: Send + Sync + 'static {
    /// Asks for it (TS 29.503, `trigger-auth`), for a subscriber to whose UDM this routing indicator leads.
    fn trigger<'a>(&'a self, caller: &'a Caller, supi: &'a Supi, indicator: RoutingIndicator) -> Triggering<'a>;
}

fn about(supi: &Supi) -> AuthTriggerInfo {
    AuthTriggerInfo {
        supi: Some(supi.clone()),
    }
}

impl Reauthenticator for Arc<Uecm> {
    fn trigger<'a>(&'a self, caller: &'a Caller, supi: &'a Supi, _: RoutingIndicator) -> Triggering<'a> {
        Box::pin(self.trigger_auth(caller, supi.clone(), about(supi)))
    }
}

/// How many forms there are of the operation.
const FORMS: usize = 4;

/// Releases differ in path and method of the operation: the form that a UDM takes is found, and used from then on.
#[derive(Debug, Default)]
pub struct FormOfTrigger(AtomicUsize);

impl FormOfTrigger {
    /// Asks a UDM elsewhere.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn trigger(&self, udm: &Client, caller: &Caller, supi: &Supi) -> Result<(), NotDone> {
        let first = self.0.load(Ordering::Relaxed);
        let mut turn = 0;
        loop {
            let form = (first + turn) % FORMS;
            let (supi, info) = (supi.clone(), about(supi));
            let done = match form {
                0 => udm.trigger_auth(caller, supi, info).await,
                1 => udm.trigger_auth_by_get(caller, supi, info).await,
                2 => udm.auth_trigger(caller, supi, info).await,
                _ => udm.auth_trigger_by_get(caller, supi, info).await,
            };
            turn += 1;
            match done {
                Err(error) if turn < FORMS && is_of_another_form(&error) && !fault!("one-form-of-trigger-auth") => {}
                done => {
                    if done.is_ok() {
                        self.0.store(form, Ordering::Relaxed);
                    }
                    return done;
                }
            }
        }
    }
}

/// A UDM elsewhere.
#[derive(Debug)]
pub struct UdmElsewhere {
    client: Client,
    form: FormOfTrigger,
}

impl UdmElsewhere {
    /// The one that this client reaches.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            form: FormOfTrigger::default(),
        }
    }
}

/// Whether a UDM does not know the operation in this form.
fn is_of_another_form(error: &NotDone) -> bool {
    match error.seen() {
        // What is said of the subscriber has a cause.
        Some(Elsewhere::Refused(heard)) => match heard.status.as_u16() {
            405 | 501 => true,
            404 => !matches!(error.why(), Refusal::ContextNotFound | Refusal::UserNotFound),
            _ => false,
        },
        _ => false,
    }
}

impl Reauthenticator for UdmElsewhere {
    fn trigger<'a>(&'a self, caller: &'a Caller, supi: &'a Supi, _: RoutingIndicator) -> Triggering<'a> {
        Box::pin(self.form.trigger(&self.client, caller, supi))
    }
}

/// How often, and how early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReauthenticationLimits {
    /// Between two requests for one subscriber.
    pub interval: Duration,
    /// How long before the end of a key it is time.
    pub ahead: Duration,
    /// All subscribers together.
    pub rate: Rate,
    /// Subscribers that are remembered: while there are so many, nobody else is asked for.
    pub most: usize,
}

impl Default for ReauthenticationLimits {
    /// Once in ten minutes, five minutes before the end, ten in a second, 65 536 subscribers.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(600),
            ahead: Duration::from_secs(300),
            rate: Rate::per_second(10, 100).unwrap_or(Rate::UNLIMITED),
            most: 65_536,
        }
    }
}

impl ReauthenticationLimits {
    /// What is remembered takes at most, in octets: a SUPI twice, and what waits.
    pub const fn octets_at_most(&self) -> usize {
        const EACH: usize = 2 * (size_of::<Supi>() + 64) + 32;
        self.most
            .saturating_mul(EACH)
            .saturating_add(WAITING * EACH + MOST * 96 * 1024)
    }
}

/// Whom an AAnF asks, and how often.
#[derive(Clone)]
pub struct ReauthenticationOptions {
    /// Whom.
    pub udm: Arc<dyn Reauthenticator>,
    /// How often.
    pub limits: ReauthenticationLimits,
}

/// A subscriber to be authenticated again.
struct Due {
    supi: Supi,
    indicator: RoutingIndicator,
}

/// Who was asked for in the last interval.
#[derive(Default)]
struct Recent {
    known: HashSet<Supi>,
    /// In the order of their times, which is that in which they came.
    until: VecDeque<(Moment, Supi)>,
    /// The bucket of all.
    full_at: u64,
}

impl Recent {
    /// Forgets whose interval is over.
    fn sweep(&mut self, now: Moment) {
        while let Some((until, _)) = self.until.front()
            && *until <= now
        {
            if let Some((_, supi)) = self.until.pop_front() {
                self.known.remove(&supi);
            }
        }
    }
}

/// Re-authentications that an AAnF asks for.
pub(super) struct Reauthentications {
    options: ReauthenticationOptions,
    caller: Caller,
    recent: Mutex<Recent>,
    give: mpsc::Sender<Due>,
    take: Mutex<Option<mpsc::Receiver<Due>>>,
}

impl Reauthentications {
    pub(super) fn new(options: ReauthenticationOptions) -> Self {
        let (give, take) = mpsc::channel(WAITING);
        Self {
            options,
            caller: Caller::new(Requester::group("AAnF")),
            recent: Mutex::default(),
            give,
            take: Mutex::new(Some(take)),
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn limits(&self) -> &ReauthenticationLimits {
        &self.options.limits
    }

    /// A subscriber is to be asked for; false where there is no room for that. Never waits.
    fn due(&self, supi: &Supi, indicator: RoutingIndicator, now: Moment) -> bool {
        let limits = self.limits();
        let mut recent = self.recent();
        recent.sweep(now);
        if recent.known.contains(supi) && !fault!("reauthentication-again-and-again") {
            return true;
        }
        if recent.known.len() >= limits.most && !fault!("reauthentications-without-bound") {
            return false;
        }
        let Ok(place) = self.give.try_reserve() else {
            return false;
        };
        if limits.rate.take(&mut recent.full_at, now.as_nanos()).is_err() {
            return false;
        }
        // What never comes is never forgotten.
        let Some(until) = now.after(limits.interval) else {
            return false;
        };
        recent.known.insert(supi.clone());
        recent.until.push_back((until, supi.clone()));
        place.send(Due {
            supi: supi.clone(),
            indicator,
        });
        true
    }
}

impl Aanf {
    /// Whoever was admitted has no key any more, or soon none: the user is to be authenticated again. Nobody waits for that.
    pub(super) async fn looks_ahead(&self, state: &State, a_kid: &AKid, admitted: &Admitted, at: UnixMillis) {
        let Some(again) = &self.reauthentications else { return };
        let Some(context) = state.context() else { return };
        if !state.needs_authentication(a_kid, admitted, again.limits().ahead, at) {
            return;
        }
        let (supi, indicator) = (state.supi(), context.a_kid.routing_indicator());
        if !again.due(supi, indicator, moment()) {
            self.counters.asks(Asked::LeftOut);
        }
        if fault!("reauthentication-holds-up-the-answer") {
            let _ = again.options.udm.trigger(&again.caller, supi, indicator).await;
        }
    }

    /// Asks for what is due. Never ends.
    pub(super) async fn asks_again(self: &Arc<Self>) {
        let take = |again: &Reauthentications| again.take.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut due) = self.reauthentications.as_ref().and_then(take) else {
            return std::future::pending().await;
        };
        let looking = async {
            match self.options.lifetime {
                Some(_) if !fault!("anchor-keys-end-unasked") => self.looks_around().await,
                _ => std::future::pending().await,
            }
        };
        let asking = async {
            let mut tasks = JoinSet::new();
            while let Some(due) = due.recv().await {
                while tasks.len() >= MOST {
                    tasks.join_next().await;
                }
                let aanf = self.clone();
                tasks.spawn(async move { aanf.ask(due).await });
            }
        };
        tokio::select! {
            () = looking => {}
            () = asking => {}
        }
    }

    async fn ask(&self, Due { supi, indicator }: Due) {
        let Some(again) = &self.reauthentications else { return };
        let told = again.options.udm.trigger(&again.caller, &supi, indicator).await;
        let asked = match &told {
            Ok(()) => Asked::Taken,
            Err(error) if is_answer(error) => Asked::Refused,
            Err(_) => Asked::Failed,
        };
        self.counters.asks(asked);
        if let Err(error) = told {
            log_limit!(info, "the UDM has nobody authenticate a subscriber again", supi = %supi.masked(), %error);
        }
    }

    /// Looks again and again for K_AKMAs that end soon with keys below them.
    async fn looks_around(&self) {
        let Some(again) = &self.reauthentications else { return };
        // So often that none is missed.
        let pause = again
            .limits()
            .interval
            .min(again.limits().ahead / 2)
            .max(Duration::from_secs(1));
        loop {
            if let Err(error) = self.look_around(again).await {
                log_limit!(error, "anchor keys that end soon are looked for again", %error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn look_around(&self, again: &Reauthentications) -> Result<(), AanfError> {
        let mut after: Option<(Supi, [u8; 16])> = None;
        let mut last_seen: Option<Supi> = None;
        loop {
            let page = self.records.list::<AfHolder>(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let soon = unix_millis().after(again.limits().ahead);
            for found in page.iter().filter(|found| !found.record.is_revoked()) {
                // Holders of one subscriber lie side by side.
                let supi = &found.key.0;
                if last_seen.as_ref() == Some(supi) {
                    continue;
                }
                let context = self.records.read::<AkmaContext>(supi).await?.map(|found| found.record);
                let Some(context) = context.filter(|context| context.a_kid == found.record.a_kid) else {
                    continue;
                };
                last_seen = Some(supi.clone());
                let ends = context.until.is_some_and(|until| until <= soon);
                if ends && self.may(supi).is_ok() && !again.due(supi, context.a_kid.routing_indicator(), moment()) {
                    self.counters.asks(Asked::LeftOut);
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Whether a UDM has answered, and not only failed.
fn is_answer(error: &NotDone) -> bool {
    match error.seen() {
        Some(Elsewhere::Refused(heard)) => heard.status.is_client_error(),
        Some(_) => false,
        None => matches!(
            error.why(),
            Refusal::UserNotFound | Refusal::AccessBarred | Refusal::ContextNotFound | Refusal::InWork
        ),
    }
}
