//! Application functions are told of the end of their keys: messages of the outbox go to their URIs, in order, until they are worth nothing.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use kaskade_codec::sbi::akma::ServiceDisableNotif;
use kaskade_flow::UnixMillis;
use kaskade_store::records::{Delivery, Taken};
use tokio::task::JoinSet;

use super::Nef;
use super::notice::{Notice, TO_AFS};
use crate::log_limit;
use crate::role::usage_keys::CallbackRoot;
use crate::role::usage_keys::callbacks::{Callbacks, Turn};
use crate::sbi::client::SbiClient;
use crate::sbi::write;

/// What came of a message.
enum Came {
    Told,
    Refused(StatusCode),
    Failed(String),
}

/// The place of a message with its root; dropped without a word, it is as if nothing had been sent.
struct Place<'c> {
    callbacks: &'c Callbacks,
    root: CallbackRoot,
    is_over: bool,
}

impl Place<'_> {
    fn came(mut self, failed: bool) -> Duration {
        self.is_over = true;
        self.callbacks.came(&self.root, failed)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.callbacks.left(&self.root);
        }
    }
}

impl Nef {
    /// Delivers messages to application functions. Never ends; what is under way when it is dropped is delivered again.
    pub(super) async fn deliver(self: &Arc<Self>) {
        let outbox = self.records.outbox();
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            let changed = outbox.changed(&TO_AFS);
            let Some(place) = self.callbacks.place().await else {
                return;
            };
            let until = match outbox.take(&TO_AFS).await {
                Ok(Taken::Message(delivery)) => {
                    let nef = self.clone();
                    tasks.spawn(async move {
                        let _place = place;
                        nef.tell(delivery).await;
                    });
                    continue;
                }
                Ok(Taken::Nothing(until)) => until,
                Err(error) => {
                    log_limit!(error, "a message to an application function cannot be read", %error);
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
        let notice = match Notice::of_message(delivery.body()) {
            Ok(notice) => notice,
            Err(error) => return self.never(delivery, &error.to_string()),
        };
        let (root, path) = match CallbackRoot::of(&notice.uri) {
            Ok(parts) => parts,
            Err(error) => return self.never(delivery, &error.to_string()),
        };
        // What was allowed when the key was given may be so no more.
        if !self.policy.with(|policy| policy.may_be_told(&notice.af, &root)) {
            return self.never(delivery, "the configuration does not let it be told there any more");
        }
        let client = match self.callbacks.turn(&root) {
            Turn::Send(client) => client,
            Turn::Later(wait) => return delivery.failed(wait),
            Turn::Never(error) => return self.never(delivery, &error.to_string()),
        };
        let place = Place {
            callbacks: &self.callbacks,
            root: root.clone(),
            is_over: false,
        };
        let came = send(&client, &path, notice).await;
        let pause = place.came(matches!(came, Came::Failed(_)));
        match came {
            Came::Told => {
                self.counters.told.add_one();
                // Where it is not removed, it comes again.
                let _ = delivery.done().await;
            }
            Came::Refused(status) => self.never(delivery, &format!("{root} answered {status}")),
            Came::Failed(why) => {
                self.counters.not_told.add_one();
                log_limit!(warn, "an application function was not told of the end of keys, and is told later", %root, why);
                delivery.failed(pause);
            }
        }
    }

    /// A message that will never be delivered.
    fn never(&self, delivery: Delivery, why: &str) {
        self.counters.given_up.add_one();
        log_limit!(warn, "an application function is not told of the end of keys", why);
        drop(delivery.done());
    }
}

async fn send(client: &SbiClient, path: &str, notice: Notice) -> Came {
    let body = match write::body(&ServiceDisableNotif { a_kid: notice.a_kid }) {
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
