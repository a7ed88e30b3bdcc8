//! One request with the checks that HTTP asks for, and one reply.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use kaskade_codec::sbi::Body;
use kaskade_faults::fault;
use kaskade_flow::refusal::Bearer;
use kaskade_flow::{Durable, Refusal};

use super::body::{Unread, read_body};
use super::budget::{Account, Full, Held, Paid, holding};
use super::head::{Authorization, ContentType, Head};
use super::limits::STREAM_OCTETS;
use super::peer::Peer;
use super::problem::Problem;
use super::service::Operation;
use super::write::{self, Unwritable};

pub use super::body::{BODY_TIMEOUT, MAX_BODY};

/// A request that was read to its end.
pub struct Request {
    head: Head,
    body: Result<Bytes, Unread>,
    scheme: &'static str,
    peer: Arc<Peer>,
}

impl Request {
    /// Takes what came in over a connection of this scheme (`http` or `https`) from this peer, and reads its body, which
    /// the account of the connection pays for.
    ///
    /// # Errors
    /// [`Full`] when there is no room for it.
    pub(super) async fn read(
        inner: hyper::Request<Incoming>,
        scheme: &'static str,
        peer: Arc<Peer>,
        account: &Arc<Account>,
    ) -> Result<(Self, Paid), Full> {
        let (head, body) = split(inner);
        let (body, paid) = read_body(body, STREAM_OCTETS + head.octets(), account).await?;
        let request = Self {
            head,
            body,
            scheme,
            peer,
        };
        Ok((request, paid))
    }

    /// Who sent it.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What proves who sent it, beside the connection.
    pub fn authorization(&self) -> &Authorization {
        &self.head.authorization
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path, without query.
    pub fn path(&self) -> &str {
        &self.head.path
    }

    /// Takes the path out.
    pub(super) fn take_path(&mut self) -> Box<str> {
        std::mem::take(&mut self.head.path)
    }

    /// Puts a body back that was taken out.
    pub(super) fn put_back(&mut self, body: Bytes) {
        self.body = Ok(body);
    }

    /// Scheme and authority that the peer used: the root of URIs in the answer. `None` without an
    /// authority, or with one that is longer than any name.
    pub fn root(&self) -> Option<(&'static str, &str)> {
        Some((self.scheme, self.head.authority.as_deref()?))
    }

    /// Checks that the peer takes an answer of this kind.
    ///
    /// A peer that lists `application/json` is taken to understand `application/3gppHal+json` too: 3GPP clients in use
    /// name only one of them.
    ///
    /// # Errors
    /// 406 when `accept` excludes it.
    pub fn accepts(&self, content: Content) -> Result<(), Problem> {
        if !self.head.accepts(content) {
            return Err(refused(
                Refusal::NotAcceptable,
                "the answer is of none of the accepted media types",
            ));
        }
        Ok(())
    }

    /// The JSON body, for whoever asks first.
    ///
    /// # Errors
    /// 415 for another content type or charset, 400 for several, 413 above [`MAX_BODY`], 408 when the body did not come, 400 when the
    /// stream broke.
    pub fn json_body(&mut self) -> Result<Bytes, Problem> {
        let expected = "the body must be application/json in UTF-8";
        self.body_of(ContentType::Json, expected)
    }

    /// The body, a form (RFC 6749 B), for whoever asks first.
    ///
    /// # Errors
    /// As [`Request::json_body`].
    pub(crate) fn form_body(&mut self) -> Result<Bytes, Problem> {
        let expected = "the body must be application/x-www-form-urlencoded in UTF-8";
        self.body_of(ContentType::Form, expected)
    }

    fn body_of(&mut self, wanted: ContentType, expected: &'static str) -> Result<Bytes, Problem> {
        match self.head.content_type {
            is if is == wanted => {}
            // What is patched here is small enough to be merged (TS 29.501 4.6.1.1.3).
            ContentType::MergePatch if wanted == ContentType::Json && self.head.method == Method::PATCH => {}
            // RFC 9110 8.3: there is one. Whoever sends two could mean either.
            ContentType::Several => {
                return Err(refused(
                    Refusal::Unreadable,
                    "content-type stands more than once in the header",
                ));
            }
            _ => return Err(refused(Refusal::MediaTypeUnsupported, expected)),
        }
        if self.head.coded {
            return Err(refused(Refusal::MediaTypeUnsupported, "no content coding is supported"));
        }
        match std::mem::replace(&mut self.body, Ok(Bytes::new())) {
            Ok(body) => Ok(body),
            Err(Unread::TooLarge) => Err(refused(Refusal::TooLarge, "the body has more than 65536 octets")),
            Err(Unread::Broken) => Err(refused(Refusal::Unreadable, "the body broke off")),
            Err(Unread::TooSlow) => Err(refused(Refusal::TooSlow, "the body did not come in time")),
        }
    }
}

fn refused(why: Refusal, detail: &'static str) -> Problem {
    Problem::from(why).with_detail(detail)
}

/// What is kept of a header, which is let go here and not in a future that waits.
fn split(inner: hyper::Request<Incoming>) -> (Head, Incoming) {
    let (head, body) = inner.into_parts();
    (Head::of(&head), body)
}

/// What the body of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `application/json`.
    Json,
    /// `application/3gppHal+json`: JSON with `_links` (TS 29.501 4.5.4).
    Hal,
    /// `application/problem+json` (RFC 9457).
    Problem,
}

impl Content {
    /// All of them, in their order.
    pub(super) const ALL: [Self; 3] = [Self::Json, Self::Hal, Self::Problem];

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Hal => "application/3gppHal+json",
            Self::Problem => "application/problem+json",
        }
    }
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    content: Option<Content>,
    body: Bytes,
    location: Option<HeaderValue>,
    allow: Option<Cow<'static, str>>,
    retry_after: Option<u32>,
    challenge: Option<(Bearer, Option<&'static str>)>,
    /// How a client of the token endpoint is asked for its secret.
    basic: bool,
    /// It is not to be kept on the way (RFC 6749 5.1).
    no_store: bool,
    /// What was asked for, as far as that was found.
    operation: Option<&'static Operation>,
    /// Why it was refused, if it was.
    why: Option<Refusal>,
}

impl Reply {
    /// 204, without body.
    pub const fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            content: None,
            body: Bytes::new(),
            location: None,
            allow: None,
            retry_after: None,
            challenge: None,
            basic: false,
            no_store: false,
            operation: None,
            why: None,
        }
    }

    /// A reply with a body.
    pub fn new(status: StatusCode, content: Content, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content: Some(content),
            body: body.into(),
            location: None,
            allow: None,
            retry_after: None,
            challenge: None,
            basic: false,
            no_store: false,
            operation: None,
            why: None,
        }
    }

    /// A reply with this body. Where it holds secrets, its buffer is wiped after it is sent.
    pub(super) fn of<T: Body>(status: StatusCode, content: Content, body: &T) -> Result<Self, Unwritable> {
        Ok(Self::new(status, content, write::body(body)?))
    }

    /// A reply whose body is released.
    pub(super) fn released<T: Body>(
        status: StatusCode,
        content: Content,
        body: Durable<T>,
    ) -> Result<Self, Unwritable> {
        Self::of(status, content, &body.release_to_peer())
    }

    /// Adds `Location`.
    #[must_use]
    pub fn with_location(mut self, uri: Option<HeaderValue>) -> Self {
        self.location = uri;
        self
    }

    /// Not to be kept on the way (RFC 6749 5.1).
    #[must_use]
    pub(crate) const fn not_stored(mut self) -> Self {
        self.no_store = true;
        self
    }

    /// With the question for a client's secret (RFC 6749 5.2, RFC 7617 2).
    #[must_use]
    pub(crate) const fn asking_for_secret(mut self) -> Self {
        self.basic = true;
        self
    }

    /// Says why it was refused, for whoever counts that.
    #[must_use]
    pub(crate) const fn because(mut self, why: Refusal) -> Self {
        self.why = Some(why);
        self
    }

    /// To a request for this operation.
    pub(super) const fn to(mut self, operation: &'static Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// What was asked for, as far as that was found.
    pub(super) const fn operation(&self) -> Option<&'static Operation> {
        self.operation
    }

    /// Why it was refused, if it was.
    pub(super) const fn why(&self) -> Option<Refusal> {
        self.why
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn without_body(mut self) -> Self {
        self.body = Bytes::new();
        self
    }

    /// The answer, whose body keeps `held` until it has left.
    pub(super) fn into_response(mut self, held: Held) -> hyper::Response<http_body_util::Full<Bytes>> {
        let body = std::mem::take(&mut self.body);
        let body = http_body_util::Full::new(holding(body, held));
        let mut response = hyper::Response::new(body);
        *response.status_mut() = self.status;
        self.write_headers(response.headers_mut());
        response
    }

    fn write_headers(self, headers: &mut HeaderMap) {
        if let Some(content) = self.content {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content.media_type()));
        }
        if let Some(location) = self.location {
            headers.insert(header::LOCATION, location);
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some((bearer, scope)) = self.challenge
            && let Ok(challenge) = HeaderValue::from_str(&challenge(bearer, scope))
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.basic {
            let challenge = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if fault!("server-named") {
            headers.insert(header::SERVER, HeaderValue::from_static("kaskade/0.1.0"));
        }
        if self.no_store {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

/// `WWW-Authenticate` (RFC 6750 3): what is wrong with a token, nothing where there was none; and the scope that is needed.
///
/// There is no realm: what tokens are for is their scope and who is asked.
fn challenge(bearer: Bearer, scope: Option<&str>) -> String {
    let parameters = [("error", bearer.error()), ("scope", scope)];
    let given = parameters
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}=\"{}\"", value?)));
    format!("Bearer {}", given.collect::<Vec<_>>().join(", "))
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        // Nothing to give is no error to HTTP, and has no body.
        if problem.status == StatusCode::NO_CONTENT {
            let mut reply = Self::no_content();
            reply.why = Some(problem.why);
            return reply;
        }
        let mut reply = Self::new(problem.status, Content::Problem, problem.json());
        reply.why = Some(problem.why);
        reply.allow = problem.allow;
        reply.retry_after = problem.retry_after;
        reply.challenge = problem.bearer.map(|bearer| (bearer, problem.scope));
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(why: Refusal) -> (u16, HeaderMap, bool) {
        let reply = Reply::from(Problem::from(why).with_scope("nudm-ueau"));
        let (status, mut headers, empty) = (reply.status.as_u16(), HeaderMap::new(), reply.body.is_empty());
        reply.write_headers(&mut headers);
        (status, headers, empty)
    }

    #[test]
    fn a_refused_token_is_answered_with_a_challenge() {
        for (why, status, challenge) in [
            (Refusal::TokenMissing, 401, r#"Bearer scope="nudm-ueau""#),
            (
                Refusal::TokenInvalid,
                401,
                r#"Bearer error="invalid_token", scope="nudm-ueau""#,
            ),
            (
                Refusal::TokenExpired,
                401,
                r#"Bearer error="invalid_token", scope="nudm-ueau""#,
            ),
            (
                Refusal::ScopeInsufficient,
                403,
                r#"Bearer error="insufficient_scope", scope="nudm-ueau""#,
            ),
        ] {
            let (found, headers, empty) = told(why);
            assert_eq!(
                (found, &headers[header::WWW_AUTHENTICATE]),
                (status, &HeaderValue::from_static(challenge)),
                "{why}"
            );
            assert!(!empty);
        }
        assert!(
            told(Refusal::PeerNotAuthorized)
                .1
                .get(header::WWW_AUTHENTICATE)
                .is_none()
        );
    }

    #[test]
    fn nothing_to_give_has_no_body() {
        let (status, headers, empty) = told(Refusal::AkmaKeyUnknown);
        assert_eq!((status, headers.len(), empty), (204, 0, true));
    }
}
