//! Holders of keys are told of the end of their keys: messages of an outbox go to their callbacks, in order, until they are worth nothing.
//!
//! What fails of one holder at one callback root holds up nobody else, nor the same holder at another root. Whoever has such holders is a
//! [`Teller`]; who may be told where is the configuration's matter, asked again for each message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kaskade_anchor::emsk::Callback;
use kaskade_crypto::seal::SecretReader;
use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_flow::unit::Lane;
use kaskade_store::records::{Delivery, Records};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::lane;
use super::usage_keys::CallbackRoot;
use crate::log_limit;
use crate::sbi::client::{ClientError, ClientOptions, SbiClient};
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

/// Who has holders, and tells them.
pub(super) trait Teller: Send + Sync + 'static {
    /// Where the messages wait.
    const LANE: Lane;

    /// What they are about, for the log.
    const WHAT: &'static str = "the end of its key";

    /// Whom messages go to.
    fn callbacks(&self) -> &Callbacks;

    /// The store that they wait in.
    fn records(&self) -> &Records;

    /// Reads a message.
    ///
    /// # Errors
    /// Why it is none, or can never be sent.
    fn message(&self, body: SecretReader<'_>) -> Result<Message, String>;

    /// Whether whoever is called so may be told there, by now.
    fn may_be_told(&self, holder: &str, root: &CallbackRoot) -> bool;

    /// Counts what became of a message.
    fn count(&self, came: Told);
}

/// A message to a holder.
pub(super) struct Message {
    /// What the holder is called.
    pub(super) holder: String,
    /// Where it goes.
    pub(super) callback: Callback,
    /// What it says.
    pub(super) body: Bytes,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The holder has heard it.
    Now,
    /// It has not, and is told later.
    Later,
    /// It never will.
    Never,
}

/// The place of a message with its holder; dropped without a word, it is as if nothing had been sent.
struct Place<'k> {
    callbacks: &'k Callbacks,
    at: At,
    is_over: bool,
}

impl Place<'_> {
    fn came(mut self, failed: bool) -> Duration {
        self.is_over = true;
        self.callbacks.came(&self.at, failed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(known) = self.callbacks.known().get_mut(&self.at)
        {
            known.under_way = known.under_way.saturating_sub(1);
        }
    }
}

/// Delivers messages to holders. Never ends; what is under way when it is dropped is delivered again.
pub(super) async fn deliver<T: Teller>(teller: &Arc<T>) {
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        let Ok(place) = teller.callbacks().places.clone().acquire_owned().await else {
            return;
        };
        let delivery = lane::next(teller.records(), &T::LANE, T::WHAT).await;
        let teller = teller.clone();
        tasks.spawn(async move {
            let _place = place;
            tell(&*teller, delivery).await;
        });
    }
}

/// Delivers one message.
async fn tell<T: Teller>(teller: &T, delivery: Delivery) {
    let Message { holder, callback, body } = match teller.message(delivery.body()) {
        Ok(message) => message,
        Err(error) => return never(teller, delivery, &error),
    };
    let (root, path) = match CallbackRoot::of(callback.as_str()) {
        Ok(parts) => parts,
        Err(error) => return never(teller, delivery, &error.to_string()),
    };
    // What was allowed when the key was given may be so no more.
    if !teller.may_be_told(&holder, &root) {
        let why = "the configuration does not let its holder be told there any more";
        return never(teller, delivery, why);
    }
    let at = At {
        holder: match fault!("one-failing-holder-holds-up-all") {
            true => String::new(),
            false => holder,
        },
        root,
    };
    let client = match teller.callbacks().turn(&at) {
        Turn::Send(client) => client,
        Turn::Later(wait) => return delivery.failed(wait),
        Turn::Never(error) => return never(teller, delivery, &error.to_string()),
    };
    let place = Place {
        callbacks: teller.callbacks(),
        at,
        is_over: false,
    };
    let came = send(&client, &path, body).await;
    let failed = matches!(came, Came::Failed(_));
    let root = place.at.root.clone();
    let pause = place.came(failed);
    match came {
        Came::Told => {
            teller.count(Told::Now);
            // Where it is not removed, it comes again.
            let _ = delivery.done().await;
        }
        Came::Refused(status) => never(teller, delivery, &format!("{root} answered {status}")),
        Came::Failed(why) => {
            teller.count(Told::Later);
            log_limit!(warn, "a callback was not told, and is told later", what = T::WHAT, %root, why);
            delivery.failed(pause);
        }
    }
}

/// A message that will never be delivered.
fn never<T: Teller>(teller: &T, delivery: Delivery, why: &str) {
    teller.count(Told::Never);
    log_limit!(warn, "a callback is not told", what = T::WHAT, why);
    drop(delivery.done());
}

async fn send(client: &SbiClient, path: &str, body: Bytes) -> Came {
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
