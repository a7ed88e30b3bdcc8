//! What is answered on the socket of interception, and to whom.
//!
//! | Method and path | Answer |
//! |---|---|
//! | `GET /li/v1/targets` | all targets |
//! | `POST /li/v1/targets` | adds one: 201 |
//! | `DELETE /li/v1/targets/{xid}` | removes it: 204 |
//! | `GET /li/v1/feed?from=N` | records from a number on, a line each; at most 1000 |
//! | `GET /li/v1/verify` | reads all of the feed |
//! | `GET /li/v1/status` | how far the feed has come, what waits, and why |

use std::sync::Arc;

use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use kaskade_faults::fault;
use kaskade_flow::{Refusal, UnixMillis};
use kaskade_net::admin::{Answering, Body, Handler, Request, Response, Visitor};
use kaskade_net::role::li::{Li, LiError, NewTarget};
use kaskade_net::time::unix_millis;
use serde::Serialize;
use zeroize::Zeroizing;

use super::profile::{NewTargetBody, Numbered, StatusView, TargetView, Targets, read_time};
use crate::admin::NotDone;
use crate::admin::not_done::ProblemDetails;

/// What is below it.
pub(crate) const ROOT: &str = "/li/v1";
/// Records of one answer.
const PAGE: usize = 1_000;
/// Octets of a body.
const LONGEST: usize = 4_096;

/// Answers those users of the machine who may.
pub(crate) struct Desk {
    li: Arc<Li>,
    users: Vec<u32>,
}

impl Desk {
    pub(crate) fn new(li: Arc<Li>, users: Vec<u32>) -> Self {
        Self { li, users }
    }

    /// The user who asks, if it is one who may.
    fn user(&self, visitor: &Visitor) -> Result<u32, NotDone> {
        match visitor {
            Visitor::Local { uid, .. } if self.users.contains(uid) || fault!("interception-for-anybody") => Ok(*uid),
            _ => Err(NotDone::because(
                Refusal::PeerNotAuthorized,
                "this is for the users under li.users",
            )),
        }
    }

    async fn answer(&self, visitor: &Visitor, request: Request) -> Result<Response, NotDone> {
        let by = self.user(visitor)?;
        let (head, upload) = request.into_parts();
        let path = head.uri.path().strip_prefix(ROOT).unwrap_or_default();
        match (&head.method, path) {
            (&Method::GET, "/targets") => {
                let now = unix_millis();
                let targets = self.li.targets();
                let targets = targets.iter().map(|target| TargetView::of(target, now)).collect();
                json(StatusCode::OK, &Targets { targets })
            }
            (&Method::POST, "/targets") => {
                let octets = upload.whole(LONGEST).await;
                let octets = octets.map_err(|why| NotDone::because(Refusal::Unreadable, why.to_string()))?;
                let (li, new) = (self.li.clone(), new_target(&octets)?);
                let target = to_its_end(async move { li.add(new, by).await }).await?;
                json(StatusCode::CREATED, &TargetView::of(&target, unix_millis()))
            }
            (&Method::DELETE, path) => {
                let xid = path.strip_prefix("/targets/").unwrap_or_default();
                let xid = xid.parse().map_err(|error| wrong("{xid}", &error))?;
                let li = self.li.clone();
                to_its_end(async move { li.remove(xid, by).await }).await?;
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = StatusCode::NO_CONTENT;
                Ok(answer)
            }
            (&Method::GET, "/feed") => {
                let from = head.uri.query().and_then(|query| query.strip_prefix("from="));
                let from = from.unwrap_or("1").parse();
                let from = from.map_err(|_| wrong("?from", &"expected a number"))?;
                let records = self.li.feed(from, PAGE).await.map_err(not_done)?;
                let mut lines = Zeroizing::new(Vec::new());
                for (number, record) in &records {
                    serde_json::to_writer(&mut *lines, &Numbered(*number, record)).map_err(|_| Refusal::Internal)?;
                    lines.push(b'\n');
                }
                Ok(reply(
                    StatusCode::OK,
                    "application/x-ndjson",
                    Body::whole(bytes::Bytes::from_owner(lines)),
                ))
            }
            (&Method::GET, "/verify") => {
                self.li.verify().await.map_err(not_done)?;
                json(StatusCode::OK, &StatusView::from(self.li.status()))
            }
            (&Method::GET, "/status") => json(StatusCode::OK, &StatusView::from(self.li.status())),
            _ => Err(Refusal::ResourceNotFound.into()),
        }
    }
}

impl Handler for Desk {
    fn handle(&self, visitor: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            match self.answer(&visitor, request).await {
                Ok(answer) => answer,
                Err(why) => {
                    let status = StatusCode::from_u16(why.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                    let body = serde_json::to_vec(&ProblemDetails::from(&why)).unwrap_or_default();
                    reply(status, "application/problem+json", Body::whole(body))
                }
            }
        })
    }
}

/// Does it also when whoever asked goes away meanwhile: a change that is committed counts.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, LiError>> + Send + 'static,
) -> Result<T, NotDone> {
    let done = tokio::spawn(work).await;
    done.unwrap_or(Err(LiError::Died)).map_err(not_done)
}

fn new_target(octets: &[u8]) -> Result<NewTarget, NotDone> {
    let body: NewTargetBody =
        serde_json::from_slice(octets).map_err(|error| NotDone::because(Refusal::Unreadable, error.to_string()))?;
    let at = |param: &'static str, text: &Option<String>| -> Result<Option<UnixMillis>, NotDone> {
        let Some(text) = text else { return Ok(None) };
        let at = read_time(text).ok_or_else(|| wrong(param, &"expected a time such as 2026-01-31T23:59:59Z"));
        at.map(Some)
    };
    Ok(NewTarget {
        xid: body.xid.parse().map_err(|error| wrong("/xid", &error))?,
        who: body.target.parse().map_err(|error| wrong("/target", &error))?,
        begin: at("/begin", &body.begin)?,
        end: at("/end", &body.end)?,
    })
}

fn wrong(param: &str, why: &impl std::fmt::Display) -> NotDone {
    NotDone::of(Refusal::IeIncorrect, param, why.to_string())
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_done(error: LiError) -> NotDone {
    let why = match &error {
        LiError::NoSuchTarget => Refusal::DataNotFound,
        LiError::XidTaken => Refusal::AlreadyExists,
        LiError::TooMany(_) | LiError::TooManyOfOne => Refusal::BudgetSpent,
        LiError::GpsiElsewhere | LiError::Window => Refusal::IeIncorrect,
        LiError::Busy | LiError::Verifying => Refusal::InWork,
        LiError::Store(error) => error.refusal().unwrap_or(Refusal::StoreFailed),
        _ => Refusal::StoreFailed,
    };
    NotDone::because(why, error.to_string())
}

fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, NotDone> {
    let body = serde_json::to_vec(value).map_err(|_| Refusal::Internal)?;
    Ok(reply(status, "application/json", Body::whole(body)))
}

fn reply(status: StatusCode, media_type: &'static str, body: Body) -> Response {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
