//! Holders are told of the end of their keys: messages of the outbox go to their callbacks, in order, until they are worth nothing.
//!
//! What fails of one holder at one callback root holds up nobody else, nor the same holder at another root.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::{Method, StatusCode};
use kaskade_anchor::emsk::{Retirement, TO_HOLDERS};
use kaskade_codec::sbi::usage_keys::KeyEnded;
use kaskade_codec::sbi::values::Text;
use kaskade_faults::fault;
use kaskade_flow::{Moment, UnixMillis};
use kaskade_store::records::{Delivery, Taken};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{CallbackRoot, UsageKeys};
use crate::log_limit;
use crate::sbi::client::{ClientError, ClientOptions, SbiClient};
use crate::sbi::write;
use crate::time::moment;

/// Messages under way at once, to all and to one holder at one root.
const MOST: usize = 32;
const MOST_OF_ONE: u32 = 4;

/// Roots that are remembered, and holders at them.
const MOST_ROOTS: usize = 1024;
const MOST_PLACES: usize = 4096;

/// After a failure: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Before a message is looked at again whose holder is busy.
const BUSY: Duration = Duration::from_millis(200);

/// What messages under way take at most, in octets: each with its task and connection, and what is remembered of roots.
pub const CALLBACKS_OCTETS: usize = MOST * 96 * 1024 + MOST_ROOTS * 1024 + MOST_PLACES * 768;

/// Whom messages go to.
pub(super) struct Callbacks {
    options: ClientOptions,
    places: Arc<Semaphore>,
    clients: Mutex<HashMap<CallbackRoot, SbiClient>>,
    known: Mutex<HashMap<At, Known>>,
}

/// A holder at one of its roots.
#[derive(Clone, PartialEq, Eq, Hash)]
struct At {
    root: CallbackRoot,
    holder: String,
}

/// What is known of it.
#[derive(Default)]
struct Known {
    under_way: u32,
    failures: u32,
    /// Nothing is sent before then.
    quiet_until: Option<Moment>,
}

/// What to do with a message.
enum Turn {
    Send(SbiClient),
    Later(Duration),
    Never(ClientError),
}

/// What came of one.
enum Came {
    Told,
    Refused(StatusCode),
    Failed(String),
}

impl Callbacks {
    pub(super) fn new(options: ClientOptions) -> Self {
        Self {
            options,
            places: Arc::new(Semaphore::new(MOST)),
            clients: Mutex::default(),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<At, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections to a root are everybody's who is told there.
    fn client(&self, root: &CallbackRoot) -> Result<SbiClient, ClientError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(root) {
            return Ok(client.clone());
        }
        if clients.len() >= MOST_ROOTS {
            // What is under way has its own.
            clients.clear();
        }
        let client = SbiClient::new(&root.to_string(), self.options.clone())?;
        clients.insert(root.clone(), client.clone());
        Ok(client)
    }

    /// A place with a holder, or when there may be one.
    fn turn(&self, at: &At) -> Turn {
        let now = moment();
        let mut known = self.known();
        if known.len() >= MOST_PLACES && !known.contains_key(at) {
            known.retain(|_, known| known.under_way > 0);
        }
        let known = known.entry(at.clone()).or_default();
        if let Some(until) = known.quiet_until.filter(|until| *until > now) {
            return Turn::Later(until.since(now));
        }
        if known.under_way >= MOST_OF_ONE {
            return Turn::Later(BUSY);
        }
        match self.client(&at.root) {
            Ok(client) => {
                known.under_way += 1;
                Turn::Send(client)
            }
            Err(error) => Turn::Never(error),
        }
    }

    /// Gives a place back; after a failure the pause before the next message to that holder there.
    fn came(&self, at: &At, failed: bool) -> Duration {
        let mut known = self.known();
        let known = known.entry(at.clone()).or_default();
        known.under_way = known.under_way.saturating_sub(1);
        if !failed {
            (known.failures, known.quiet_until) = (0, None);
            return Duration::ZERO;
        }
        let pause = FIRST_PAUSE
            .saturating_mul(1 << known.failures.min(16))
            .min(LONGEST_PAUSE);
        known.failures = known.failures.saturating_add(1);
        known.quiet_until = moment().after(pause);
        pause
    }
}

/// The place of a message with its holder; dropped without a word, it is as if nothing had been sent.
struct Place<'k> {
    keys: &'k UsageKeys,
    at: At,
    is_over: bool,
}

impl Place<'_> {
    fn came(mut self, failed: bool) -> Duration {
        self.is_over = true;
        self.keys.callbacks.came(&self.at, failed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(known) = self.keys.callbacks.known().get_mut(&self.at)
        {
            known.under_way = known.under_way.saturating_sub(1);
        }
    }
}

impl UsageKeys {
    /// Delivers messages to holders. Never ends; what is under way when it is dropped is delivered again.
    pub(super) async fn deliver(self: &Arc<Self>) {
        let outbox = self.records.outbox();
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            let changed = outbox.changed(&TO_HOLDERS);
            let Ok(place) = self.callbacks.places.clone().acquire_owned().await else {
                return;
            };
            let until = match outbox.take(&TO_HOLDERS).await {
                Ok(Taken::Message(delivery)) => {
                    let keys = self.clone();
                    tasks.spawn(async move {
                        let _place = place;
                        keys.tell(delivery).await;
                    });
                    continue;
                }
                Ok(Taken::Nothing(until)) => until,
                Err(error) => {
                    log_limit!(error, "a message to a holder cannot be read", %error);
                    None
                }
            };
            drop(place);
            tokio::select! {
                () = changed => {}
                () = self.sleep_until(until) => {}
            }
        }
    }

    /// Until a moment of the store's clock, a minute at most.
    async fn sleep_until(&self, until: Option<UnixMillis>) {
        const LONGEST: Duration = Duration::from_secs(60);
        let wait = until.map_or(LONGEST, |until| {
            Duration::from_millis(until.get().saturating_sub(self.records.now().get()))
        });
        tokio::time::sleep(wait.clamp(Duration::from_millis(1), LONGEST)).await;
    }

    /// Delivers one message.
    async fn tell(&self, delivery: Delivery) {
        let retirement = match Retirement::read(delivery.body()) {
            Ok(retirement) => retirement,
            Err(error) => return self.never(delivery, &error.to_string()),
        };
        let holder = &retirement.holder;
        let Some(callback) = &holder.callback else {
            return self.never(delivery, "it has no callback");
        };
        let (root, path) = match CallbackRoot::of(callback.as_str()) {
            Ok(parts) => parts,
            Err(error) => return self.never(delivery, &error.to_string()),
        };
        // What was allowed when the key was given may be so no more.
        if !self.policy.with(|policy| policy.may_be_told(&holder.principal, &root)) {
            return self.never(
                delivery,
                "the configuration does not let its holder be told there any more",
            );
        }
        let at = At {
            holder: match fault!("one-failing-holder-holds-up-all") {
                true => String::new(),
                false => holder.principal.clone(),
            },
            root,
        };
        let client = match self.callbacks.turn(&at) {
            Turn::Send(client) => client,
            Turn::Later(wait) => return delivery.failed(wait),
            Turn::Never(error) => return self.never(delivery, &error.to_string()),
        };
        let place = Place {
            keys: self,
            at,
            is_over: false,
        };
        let came = send(&client, &path, &retirement).await;
        let failed = matches!(came, Came::Failed(_));
        let root = place.at.root.clone();
        let pause = place.came(failed);
        match came {
            Came::Told => {
                self.counters.told.add_one();
                // Where it is not removed, it comes again.
                let _ = delivery.done().await;
            }
            Came::Refused(status) => self.never(delivery, &format!("{root} answered {status}")),
            Came::Failed(why) => {
                self.counters.not_told.add_one();
                log_limit!(warn, "a holder was not told of the end of its key, and is told later", %root, why);
                delivery.failed(pause);
            }
        }
    }

    /// A message that will never be delivered.
    fn never(&self, delivery: Delivery, why: &str) {
        self.counters.given_up.add_one();
        log_limit!(warn, "a holder is not told of the end of its key", why);
        drop(delivery.done());
    }
}

async fn send(client: &SbiClient, path: &str, retirement: &Retirement) -> Came {
    let Retirement { supi, why, holder } = retirement;
    let ended = KeyEnded {
        supi: supi.clone(),
        emsk_name: holder.emsk_name,
        key_name: holder.key_name,
        label: holder.label.clone(),
        domain: holder.domain.clone(),
        reason: Text(why.name().to_owned()),
    };
    let body = match write::body(&ended) {
        Ok(body) => body,
        Err(error) => return Came::Failed(error.to_string()),
    };
    match client.send(Method::POST, path, Some(body)).await {
        Ok(answer) if answer.status.is_success() => Came::Told,
        Ok(answer) => match answer.status {
            // It may be otherwise later.
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Came::Failed(answer.status.to_string()),
            status if status.is_client_error() || status.is_redirection() => Came::Refused(status),
            status => Came::Failed(status.to_string()),
        },
        Err(error) => Came::Failed(error.to_string()),
    }
}
