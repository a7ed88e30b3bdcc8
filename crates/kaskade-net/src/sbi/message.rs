//! One request with the checks that HTTP asks for, and one reply.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use zeroize::Zeroize;

use super::peer::Peer;
use super::problem::Problem;

/// The largest request body, in octets. The largest legal one is a SUCI of 3253 octets of scheme output in hexadecimal.
pub const MAX_BODY: usize = STREAM_WINDOW as usize - 1;

/// Flow-control window of a stream: a body fits into it, so that nobody waits for more.
pub(super) const STREAM_WINDOW: u32 = 64 * 1024 + 1;

/// How long a peer may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A request whose body has not been read yet.
pub struct Request {
    inner: hyper::Request<Incoming>,
    scheme: &'static str,
    peer: Arc<Peer>,
}

impl Request {
    /// Takes what came in over a connection of this scheme (`http` or `https`) from this peer.
    pub(super) fn new(inner: hyper::Request<Incoming>, scheme: &'static str, peer: Arc<Peer>) -> Self {
        Self { inner, scheme, peer }
    }

    /// Who sent it.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The method.
    pub fn method(&self) -> &Method {
        self.inner.method()
    }

    /// The path, without query.
    pub fn path(&self) -> &str {
        self.inner.uri().path()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Scheme and authority that the peer used: the root of URIs in the answer. `None` without an authority.
    pub fn root(&self) -> Option<(&'static str, &str)> {
        let authority = match self.inner.uri().authority() {
            Some(authority) => authority.as_str(),
            None => self.inner.headers().get(header::HOST)?.to_str().ok()?,
        };
        Some((self.scheme, authority))
    }

    /// Checks that the peer takes an answer of this kind.
    ///
    /// A peer that lists `application/json` is taken to understand `application/3gppHal+json` too: 3GPP clients in use
    /// name only one of them.
    ///
    /// # Errors
    /// 406 when `accept` excludes it.
    pub fn accepts(&self, content: Content) -> Result<(), Problem> {
        let mut listed = false;
        for value in self.inner.headers().get_all(header::ACCEPT) {
            let Ok(value) = value.to_str() else { continue };
            for range in value.split(',') {
                let mut parts = range.split(';').map(str::trim);
                let kind = parts.next().unwrap_or("");
                if kind.is_empty() {
                    continue;
                }
                listed = true;
                let refused = parts.any(|part| {
                    let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
                    weight.is_some_and(|weight| weight.parse() == Ok(0.0))
                });
                let matches = [content.media_type(), "application/json", "application/*", "*/*"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(kind));
                if matches && !refused {
                    return Ok(());
                }
            }
        }
        if listed {
            return Err(Problem::http(
                StatusCode::NOT_ACCEPTABLE,
                "the answer is of none of the accepted media types",
            ));
        }
        Ok(())
    }

    /// Reads a JSON body. A body that came in one piece is not copied.
    ///
    /// # Errors
    /// 415 for another content type, 413 above [`MAX_BODY`], 408 when the body does not come, 400 when the stream breaks.
    pub async fn json_body(&mut self) -> Result<Bytes, Problem> {
        let headers = self.inner.headers();
        if !is_json(headers.get(header::CONTENT_TYPE)) {
            return Err(Problem::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be application/json",
            ));
        }
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Problem::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "no content coding is supported",
            ));
        }
        let body = self.inner.body_mut();
        if body.size_hint().lower() > MAX_BODY as u64 {
            return Err(too_large());
        }
        match tokio::time::timeout(BODY_TIMEOUT, collect(body, MAX_BODY)).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(CollectError::TooLarge)) => Err(too_large()),
            Ok(Err(CollectError::Broken)) => Err(Problem::http(StatusCode::BAD_REQUEST, "the body broke off")),
            Err(_) => Err(Problem::http(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not come in time",
            )),
        }
    }

    /// Reads what is left of the body of a refused request, within bounds.
    ///
    /// HTTP/2 resets the stream of an answer that came before the end of the request, and some clients then lose the
    /// answer.
    pub(crate) async fn discard_body(&mut self) {
        let body = self.inner.body_mut();
        let rest = async {
            let mut left = DISCARD_MAX;
            while !body.is_end_stream() {
                let Some(Ok(frame)) = body.frame().await else { break };
                let len = frame.data_ref().map_or(0, Bytes::len);
                if len > left {
                    break;
                }
                left -= len;
            }
        };
        let _ = tokio::time::timeout(DISCARD_TIMEOUT, rest).await;
    }
}

/// How much of a refused body is read, and for how long.
const DISCARD_MAX: usize = 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

fn too_large() -> Problem {
    Problem::http(StatusCode::PAYLOAD_TOO_LARGE, "the body has more than 65536 octets")
}

fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let Some(value) = content_type.and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let media_type = value.split(';').next().unwrap_or("").trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// Why a body could not be read.
pub(super) enum CollectError {
    /// More than the limit.
    TooLarge,
    /// The stream ended early.
    Broken,
}

/// Reads a body of at most `limit` octets; one frame is taken as it is.
pub(super) async fn collect(body: &mut Incoming, limit: usize) -> Result<Bytes, CollectError> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| CollectError::Broken)?.into_data() else {
            continue;
        };
        let so_far = rest.as_ref().map_or(first.len(), BytesMut::len);
        if so_far + data.len() > limit {
            return Err(CollectError::TooLarge);
        }
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut whole = BytesMut::with_capacity(limit.min(2 * (first.len() + data.len())));
                whole.extend_from_slice(&first);
                whole.extend_from_slice(&data);
                rest = Some(whole);
            }
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

/// Wipes a body that held secrets, as far as nobody else holds the same memory.
pub(crate) fn wipe(body: Bytes) {
    if let Ok(mut octets) = body.try_into_mut() {
        octets.as_mut().zeroize();
    }
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
    allow: Option<&'static str>,
    retry_after: Option<u32>,
}

/// A buffer that is wiped when the last reader is done with it.
struct Wiped(Vec<u8>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Takes a body that holds secrets: its buffer is wiped after it is sent.
pub(crate) fn secret_body(body: Vec<u8>) -> Bytes {
    Bytes::from_owner(Wiped(body))
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
        }
    }

    /// A reply whose body holds secrets: the buffer is wiped after it is sent.
    pub fn secret(status: StatusCode, content: Content, body: Vec<u8>) -> Self {
        Self::new(status, content, secret_body(body))
    }

    /// Adds `Location`.
    #[must_use]
    pub fn with_location(mut self, uri: Option<HeaderValue>) -> Self {
        self.location = uri;
        self
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn into_response(self) -> hyper::Response<Full<Bytes>> {
        let mut response = hyper::Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(content) = self.content {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content.media_type()));
        }
        if let Some(location) = self.location {
            headers.insert(header::LOCATION, location);
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let mut reply = Self::new(problem.status, Content::Problem, problem.json());
        reply.allow = problem.allow;
        reply.retry_after = problem.retry_after;
        reply
    }
}
