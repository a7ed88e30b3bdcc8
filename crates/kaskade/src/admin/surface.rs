//! From a request over HTTP to an operation, and from what came of it to an answer.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request;
use hyper::{Method, StatusCode};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_net::admin::{Answering, Body, Handler, Request, Response, Unreadable, Upload, Visitor};
use kaskade_net::live::Live;
pub(super) use kaskade_net::sbi::write::wipe as wiped;
use kaskade_store::locked::scrubbed;
use tokio::task::JoinError;
use zeroize::Zeroizing;

use super::not_done::ProblemDetails;
use super::operation::{ALL, Given, Kind, ROOT, Row, Work};
use super::places::{Going, INSIDE, Place, Places, STREAMS, stopping};
use super::principal::Roles;
use super::{Admin, NotDone, Principal, Role, body};

/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What all of this takes in memory at most, in octets: bodies of requests, and imports with a batch on its way.
pub(crate) const OCTETS: usize = INSIDE * body::MOST + STREAMS * (4 << 20);

/// What serves administration of one node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Surface(Arc<Parts>);

struct Parts {
    admin: Arc<Admin>,
    roles: Live<Roles>,
    places: Places,
}

impl Handler for Surface {
    fn handle(&self, visitor: Arc<Visitor>, mut request: Request) -> Answering<'_> {
        // What has begun goes to its end, also when the peer gives up.
        let surface = self.clone();
        let working = tokio::spawn(async move {
            let by = surface.0.roles.now().principal(&visitor);
            request.extensions_mut().insert(visitor);
            surface.answer(&by, request).await
        });
        Box::pin(async move { working.await.unwrap_or_else(|lost| problem(&lost_task(&lost), None)) })
    }
}

impl Surface {
    pub(crate) fn new(admin: Admin, roles: Roles) -> Self {
        Self(Arc::new(Parts {
            admin: Arc::new(admin),
            roles: Live::new(roles),
            places: Places::new(),
        }))
    }

    /// From now on names have these roles.
    pub(super) fn renew(&self, roles: Roles) {
        self.0.roles.replace(roles);
    }

    pub(super) fn admin(&self) -> &Arc<Admin> {
        &self.0.admin
    }

    /// A place for something that goes on after its answer has begun.
    pub(super) fn stream(&self, by: &Principal) -> Result<Going, NotDone> {
        self.0.places.stream(by)
    }

    /// Whether a visitor may still do what needs this role: roles change while something goes on.
    pub(super) fn still_may(&self, visitor: &Visitor, role: Role) -> bool {
        self.0.roles.now().principal(visitor).may(role)
    }

    /// From now on nothing begins: whatever is asked for is answered so.
    pub(super) fn close(&self) {
        self.0.places.close();
    }

    /// Waits until nothing begins any more.
    pub(super) async fn closing(&self) {
        self.0.places.closing().await;
    }

    /// Waits for what has begun.
    pub(super) async fn empty(&self) {
        self.0.places.empty().await;
    }

    /// Answers one request of this principal.
    async fn answer(&self, by: &Principal, request: Request) -> Response {
        let only_header = request.method() == Method::HEAD;
        let (head, body) = request.into_parts();
        let mut body = Some(body);
        let served = self.serve(by, &head, &mut body).await;
        if let Some(unread) = body {
            // A peer in the midst of its body may not hear the answer.
            unread.pass_over().await;
        }
        let reply = match served {
            Ok(reply) => reply,
            Err(Failed { not_done, allow }) => problem(&not_done, allow.as_deref()),
        };
        match only_header {
            true => reply.map(|_| Body::empty()),
            false => reply,
        }
    }

    async fn serve(
        &self,
        by: &Principal,
        head: &request::Parts,
        body: &mut Option<Upload>,
    ) -> Result<Response, Failed> {
        let path = segments(head.uri.path())?;
        let (row, variable) = find(&head.method, &path)?;
        if !by.may(row.role) && !fault!("admin-role-not-asked") {
            self.admin().refused(by, row.action, Refusal::PeerNotAuthorized);
            let detail = match by.is_in_clear() {
                true => "in clear nobody administers: come with a certificate, or over the socket".to_owned(),
                false => format!("this is for the role {} and above", row.role.name()),
            };
            return Err(NotDone::because(Refusal::PeerNotAuthorized, detail).into());
        }
        // A body that is on its way takes a place of whoever sends it.
        let _inside = self.0.places.enter(by)?;
        accepts(&head.headers)?;
        let query = head.uri.query().unwrap_or_default().to_owned();
        match &row.kind {
            Kind::Whole {
                serve, has_body, work, ..
            } => {
                let octets = match has_body {
                    true => Some(self.body(&head.headers, body).await?),
                    false => None,
                };
                let (admin, by, serve, variable) = (self.admin().clone(), by.clone(), *serve, variable.to_owned());
                let done = self
                    .at(self.0.places.work(*work).await?, move || {
                        let given = Given {
                            variable: &variable,
                            query: &query,
                            body: octets.as_deref().map(Vec::as_slice),
                        };
                        serve(&admin, &by, &given)
                    })
                    .await?;
                Ok(whole(row, done))
            }
            Kind::Import => Ok(self.import(by, head, &query, body).await?),
            Kind::Export => Ok(self.export(by, head, &query).await?),
        }
    }

    /// Works on a thread that may wait.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, NotDone> + Send + 'static,
    ) -> Result<T, NotDone> {
        self.at(self.0.places.work(Work::Short).await?, work).await
    }

    /// The same for what ends something that has begun, also when nothing new begins.
    pub(super) async fn last_work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, NotDone> + Send + 'static,
    ) -> Result<T, NotDone> {
        self.at(self.0.places.last_work(Work::Short).await?, work).await
    }

    /// Works at a place, which is taken until it is done, whoever waits for that. What it leaves on the stack is wiped.
    async fn at<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> Result<T, NotDone> + Send + 'static,
    ) -> Result<T, NotDone> {
        let work = move || {
            let _place = place;
            scrubbed(work)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|lost| lost_task(&lost))?
    }

    /// The whole body, in a buffer that is wiped.
    async fn body(&self, headers: &HeaderMap, body: &mut Option<Upload>) -> Result<Zeroizing<Vec<u8>>, NotDone> {
        media_type(headers, &["application/json"])?;
        let upload = body.as_mut().ok_or(Refusal::Internal)?;
        // With room for the largest: one that grows leaves copies behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(body::MOST));
        let whole = async {
            while let Some(data) = upload.next().await? {
                if octets.len() + data.len() > body::MOST {
                    return Err(Unreadable::TooLarge(body::MOST));
                }
                octets.extend_from_slice(&data);
                wiped(data);
            }
            Ok(())
        };
        let whole = tokio::time::timeout(PATIENCE, whole).await;
        let whole = whole.unwrap_or(Err(Unreadable::TooSlow));
        if !matches!(whole, Err(Unreadable::TooLarge(_))) {
            // There is no rest that is worth waiting for.
            *body = None;
        }
        whole.map_err(unreadable)?;
        Ok(octets)
    }
}

/// Why a body is refused that does not come.
pub(super) fn unreadable(why: Unreadable) -> NotDone {
    let refusal = match why {
        Unreadable::TooLarge(_) => Refusal::TooLarge,
        Unreadable::TooSlow => Refusal::TooSlow,
        _ => Refusal::Unreadable,
    };
    NotDone::because(refusal, why.to_string())
}

/// Why a task has no result: it was never begun, or it panicked, which the log has.
fn lost_task(lost: &JoinError) -> NotDone {
    match lost.is_panic() {
        true => NotDone::because(
            Refusal::Internal,
            "the operation came to no end: the log of the node says why",
        ),
        false => stopping(),
    }
}

/// A refusal, and the methods that there are instead.
struct Failed {
    not_done: NotDone,
    allow: Option<String>,
}

impl From<NotDone> for Failed {
    fn from(not_done: NotDone) -> Self {
        Self { not_done, allow: None }
    }
}

impl From<Refusal> for Failed {
    fn from(why: Refusal) -> Self {
        NotDone::because(why, "").into()
    }
}

/// The segments of a path below [`ROOT`], each without its escapes: a `/` that was one belongs to its segment.
fn segments(path: &str) -> Result<Vec<String>, NotDone> {
    let below = path
        .strip_prefix(ROOT)
        .ok_or_else(|| NotDone::because(Refusal::ApiUnknown, format!("everything is below {ROOT}")))?;
    let decoded = below.split('/').map(kaskade_codec::sbi::path::decode);
    let decoded: Option<Vec<_>> = decoded.map(|segment| segment.map(Into::into)).collect();
    decoded.ok_or_else(|| NotDone::because(Refusal::ResourceNotFound, "the path is not well formed"))
}

/// The operation of a path and method, and the variable in the path. A path that says more by name goes first.
fn find<'p>(method: &Method, path: &'p [String]) -> Result<(&'static Row, &'p str), Failed> {
    let fitting: Vec<(&Row, &str)> = ALL.iter().filter_map(|row| Some((row, row.matches(path)?))).collect();
    let by_name = fitting.iter().any(|(_, variable)| variable.is_empty());
    let fitting = || (fitting.iter()).filter(|(_, variable)| variable.is_empty() == by_name);
    let asked = if *method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    // An export is on record as given out: who asks for its header only gets nothing.
    let is_asked = |row: &Row| row.method == asked && (*method != Method::HEAD || !matches!(row.kind, Kind::Export));
    if let Some(found) = fitting().find(|(row, _)| is_asked(row)) {
        return Ok(*found);
    }
    let methods: Vec<&str> = fitting().map(|(row, _)| row.method).collect();
    match methods.is_empty() {
        true => Err(Refusal::ResourceNotFound.into()),
        false => Err(Failed {
            not_done: NotDone::because(Refusal::CommandUnsupported, "the resource does not have this method"),
            allow: Some(methods.join(", ")),
        }),
    }
}

/// Whether the peer takes JSON.
fn accepts(headers: &HeaderMap) -> Result<(), NotDone> {
    let mut all = headers.get_all(header::ACCEPT).iter().peekable();
    if all.peek().is_none() {
        return Ok(());
    }
    let taken = all.filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            let json = matches!(
                &*kind,
                "*/*" | "application/*" | "application/json" | "application/x-ndjson"
            );
            json && !refused
        })
    });
    match taken {
        true => Ok(()),
        false => Err(NotDone::because(
            Refusal::NotAcceptable,
            "the answer is of none of the accepted media types",
        )),
    }
}

/// Which of these media types a body has, in UTF-8.
pub(super) fn media_type(headers: &HeaderMap, expected: &[&'static str]) -> Result<&'static str, NotDone> {
    let unsupported = |detail: String| NotDone::because(Refusal::MediaTypeUnsupported, detail);
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported("no content coding is supported".into()));
    }
    let mut all = headers.get_all(header::CONTENT_TYPE).iter();
    let given = all.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if all.next().is_some() {
        return Err(NotDone::because(
            Refusal::Unreadable,
            "content-type stands more than once in the header",
        ));
    }
    let mut parts = given.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let other_charset = parts.any(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        name.eq_ignore_ascii_case("charset") && !value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    let found = expected.iter().find(|expected| expected.eq_ignore_ascii_case(kind));
    match found {
        Some(found) if !other_charset => Ok(found),
        _ => Err(unsupported(format!(
            "the body must be {} in UTF-8",
            expected.join(" or ")
        ))),
    }
}

fn whole(row: &Row, body: Option<Vec<u8>>) -> Response {
    let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::OK);
    match body {
        Some(body) => reply(status, "application/json", Body::whole(body)),
        None => {
            let mut reply = Response::new(Body::empty());
            *reply.status_mut() = status;
            reply
        }
    }
}

/// An answer with a body.
pub(super) fn reply(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// `application/problem+json`.
fn problem(not_done: &NotDone, allow: Option<&str>) -> Response {
    let status = StatusCode::from_u16(not_done.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&ProblemDetails::from(not_done)).unwrap_or_default();
    let mut reply = reply(status, "application/problem+json", Body::whole(body));
    let headers = reply.headers_mut();
    if let Some(allow) = allow.and_then(|allow| HeaderValue::from_str(allow).ok()) {
        headers.insert(header::ALLOW, allow);
    }
    if let Some(seconds) = not_done.retry_after() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    reply
}
