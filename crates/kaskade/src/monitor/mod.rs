//! What a node says about itself to whoever watches it: that it lives, whether it can do its work, and figures.
//!
//! | Path | Answer |
//! |---|---|
//! | `/health` | 200 as long as the process answers |
//! | `/ready` | 200 when a request would be served; 503 with the reasons why not |
//! | `/metrics` | figures, as Prometheus reads them |

mod exposition;
mod metrics;

use std::future::ready;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use kaskade::config::Role;
use kaskade_net::admin::{Answering, Body, Handler, Request, Response, Visitor};
use kaskade_net::node::Watch;
use kaskade_net::nrf::RegistrationState;
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;
use serde_json::json;
use tokio::sync::Semaphore;

/// A node, as it is watched.
#[derive(Clone)]
pub(crate) struct Monitor {
    watch: Watch,
    store: Arc<SubscriberStore>,
    store_file: PathBuf,
    audit: AuditLog,
    registrations: Vec<(Role, RegistrationState)>,
    /// Who looks at the store and the log takes a thread that the services need too: one at a time.
    looking: Arc<Semaphore>,
    /// Seconds since 1970.
    started: u64,
}

impl Monitor {
    /// Watches a node that has just started.
    pub(crate) fn new(
        watch: Watch,
        store: Arc<SubscriberStore>,
        store_file: PathBuf,
        audit: AuditLog,
        registrations: Vec<(Role, RegistrationState)>,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            watch,
            store,
            store_file,
            audit,
            registrations,
            looking: Arc::new(Semaphore::new(1)),
            started: now.map_or(0, |now| now.as_secs()),
        }
    }

    /// The answer to a path of this module; `None` for any other.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<Response> {
        let answer: fn(&Self) -> Response = match path {
            "/health" => |_| {
                json_answer(
                    StatusCode::OK,
                    &json!({ "status": "up", "version": env!("CARGO_PKG_VERSION") }),
                )
            },
            "/ready" => Self::ready,
            "/metrics" => |monitor| text_answer(StatusCode::OK, exposition::MEDIA_TYPE, monitor.metrics()),
            _ => return None,
        };
        let mut answer = match *method {
            Method::GET | Method::HEAD => answer(self),
            _ => {
                let mut refused = Response::new(Body::empty());
                *refused.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                refused
                    .headers_mut()
                    .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                refused
            }
        };
        if *method == Method::HEAD {
            *answer.body_mut() = Body::empty();
        }
        Some(answer)
    }

    /// Why no request would be served now.
    fn hindrances(&self) -> Vec<String> {
        let mut hindrances = Vec::new();
        if self.watch.is_stopping() {
            hindrances.push("the node is stopping".to_owned());
        }
        if self.watch.has_lost_a_part() {
            hindrances
                .push("a part of the node has ended by a failure, which the log tells: stop and start it".to_owned());
        }
        if let Some(stopped) = self.store.failed() {
            hindrances.push(format!("the subscriber store can write nothing any more: {stopped}"));
        }
        if let Err(error) = self.store.reads() {
            hindrances.push(format!("the subscriber store cannot be read: {error}"));
        }
        if let Err(full) = self.audit.admits() {
            hindrances.push(format!("nothing can be given out: {full}"));
        }
        hindrances
    }

    fn ready(&self) -> Response {
        let reasons = self.hindrances();
        let status = match reasons.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        json_answer(status, &json!({ "ready": reasons.is_empty(), "reasons": reasons }))
    }
}

/// What is said in place of a [`Monitor`] while a node waits for the server of its store.
#[derive(Clone)]
pub(crate) struct NotYet(Arc<Mutex<String>>);

impl NotYet {
    /// It waits because of this.
    pub(crate) fn because(why: String) -> Self {
        Self(Arc::new(Mutex::new(why)))
    }

    /// Because of this now.
    pub(crate) fn still(&self, why: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn answer(&self, path: &str) -> Response {
        let why = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match path {
            "/health" => json_answer(
                StatusCode::OK,
                &json!({ "status": "up", "version": env!("CARGO_PKG_VERSION") }),
            ),
            "/ready" => json_answer(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({ "ready": false, "reasons": [why] }),
            ),
            _ => json_answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "title": why })),
        }
    }
}

impl Handler for NotYet {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(ready(self.answer(request.uri().path())))
    }
}

impl Monitor {
    fn visited(&self, method: Method, path: String) -> Answering<'_> {
        if !matches!(&*path, "/ready" | "/metrics") {
            // However many threads wait for the disk: the process answers.
            return Box::pin(ready(self.answer(&method, &path).unwrap_or_else(nothing_there)));
        }
        let monitor = self.clone();
        Box::pin(async move {
            // Kept until the work is done, also for one who has gone meanwhile.
            let Ok(place) = Arc::clone(&monitor.looking).acquire_owned().await else {
                return failed();
            };
            // The store may wait for its disk.
            let answer = tokio::task::spawn_blocking(move || {
                let _place = place;
                monitor.answer(&method, &path)
            });
            match answer.await {
                Ok(answer) => answer.unwrap_or_else(nothing_there),
                Err(_) => failed(),
            }
        })
    }
}

fn failed() -> Response {
    json_answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "title": "failed" }))
}

fn nothing_there() -> Response {
    json_answer(
        StatusCode::NOT_FOUND,
        &json!({ "title": "there are /health, /ready and /metrics here" }),
    )
}

impl Handler for Monitor {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        self.visited(request.method().clone(), request.uri().path().to_owned())
    }
}

fn json_answer(status: StatusCode, value: &serde_json::Value) -> Response {
    text_answer(status, "application/json", format!("{value}\n"))
}

fn text_answer(status: StatusCode, media_type: &'static str, text: String) -> Response {
    let mut answer = Response::new(Body::whole(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
