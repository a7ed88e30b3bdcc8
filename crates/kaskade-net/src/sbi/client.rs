//! The HTTP/2 client: one multiplexed connection per peer, made when needed and made again when it is lost.

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{self, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::{Durable, Moment};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::body::{CollectError, MAX_BODY, STREAM_WINDOW, collect};
use super::limits::CONNECTION_WINDOW;
use super::misfit::{Heard, Listening, ServerMisfit};
use super::tls::ClientTls;
use super::write::wipe;
use crate::time::moment;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL of the peer cannot be used.
    #[error("{0}")]
    Url(&'static str),
    /// No connection.
    #[error("no connection to {peer}: {source}")]
    Connect {
        /// Whom.
        peer: String,
        /// Why not.
        source: io::Error,
    },
    /// No answer in time.
    #[error("{peer} did not answer in {after:?}")]
    Timeout {
        /// Who.
        peer: String,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke, or the peer does not follow HTTP/2.
    #[error("{peer}: {source}")]
    Http2 {
        /// Who.
        peer: String,
        /// What happened.
        source: hyper::Error,
    },
    /// The answer cannot be used.
    #[error("{peer}: the answer {what}")]
    Answer {
        /// Who.
        peer: String,
        /// What is wrong with it.
        what: Cow<'static, str>,
    },
}

impl ClientError {
    /// Why one's own client is refused (TS 29.509 6.1.7.3).
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::Url(_) | Self::Connect { .. } => Refusal::PeerUnreachable,
            _ => Refusal::PeerSilent,
        }
    }

    /// Whether a connection that failed so may succeed a moment later.
    fn may_pass(&self) -> bool {
        match self {
            Self::Url(_) => false,
            Self::Connect { source, .. } => !ServerMisfit::is_in(source),
            _ => true,
        }
    }
}

/// How to reach a peer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// TLS; needed for `https`.
    pub tls: Option<ClientTls>,
    /// The own address to connect from; `None` lets the system choose. A peer without certificates knows a client by it.
    pub source: Option<IpAddr>,
    /// How long an answer may take, connecting included.
    pub timeout: Duration,
    /// How often to try to connect for one request.
    pub attempts: u32,
    /// `Authorization`, such as `Bearer` and an access token, where the peer asks for one.
    pub authorization: Option<HeaderValue>,
    /// Let `http` leave this machine: HTTP/2 in clear shows every key to whoever is on the path.
    pub insecure_h2c: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            tls: None,
            source: None,
            timeout: Duration::from_secs(3),
            attempts: 3,
            authorization: None,
            insecure_h2c: false,
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// `Location`.
    pub location: Option<HeaderValue>,
    /// `content-type`.
    pub content_type: Option<HeaderValue>,
    /// `Retry-After` in seconds; a date is not read.
    pub retry_after: Option<u32>,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// What the peer tells in its answer, whose body may hold secrets and is wiped: for whoever passes it on.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn told<T, E>(self, read: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<Durable<T>, E> {
        self.heard(read).map(Durable::told_by_peer)
    }

    /// The same, for whoever it is meant for.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn heard<T, E>(self, read: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<T, E> {
        let told = read(&self.body);
        wipe(self.body);
        told
    }

    /// The URI that `Location` gives, if it is one.
    pub(super) fn location_uri(&self) -> Option<Uri> {
        self.location.as_ref()?.to_str().ok()?.parse().ok()
    }
}

/// A client of one peer. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct SbiClient(Arc<Inner>);

struct Inner {
    scheme: Scheme,
    authority: Authority,
    address: String,
    prefix: String,
    options: ClientOptions,
    sender: RwLock<Option<Sender>>,
    connecting: tokio::sync::Mutex<()>,
}

/// A connection, and what was heard of it.
#[derive(Clone)]
struct Sender {
    requests: SendRequest<Full<Bytes>>,
    heard: Heard,
}

impl SbiClient {
    /// Takes the peer's apiRoot: `http://host:port` or `https://host:port`, and a path prefix if it has one. Connects
    /// with the first request.
    ///
    /// # Errors
    /// [`ClientError::Url`] when it is no such URL, or `https` without TLS options.
    pub fn new(api_root: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let (scheme, authority, prefix) = parts(api_root)?;
        let port = if scheme == Scheme::HTTPS { 443 } else { 80 };
        if scheme == Scheme::HTTPS && options.tls.is_none() {
            return Err(ClientError::Url("an https URL needs a certificate authority"));
        }
        if scheme == Scheme::HTTP && !options.insecure_h2c && is_elsewhere(authority.host()) {
            return Err(ClientError::Url(CLEAR_TEXT));
        }
        Ok(Self(Arc::new(Inner {
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(port)),
            prefix,
            scheme,
            authority,
            options,
            sender: RwLock::new(None),
            connecting: tokio::sync::Mutex::new(()),
        })))
    }

    /// Scheme and authority, such as `http://127.0.0.1:7777`.
    pub fn root(&self) -> String {
        format!("{}://{}{}", self.0.scheme, self.0.authority, self.0.prefix)
    }

    /// The path of the apiRoot, without a slash at its end.
    pub(crate) fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// Sends one request under the apiRoot and waits for the whole answer.
    ///
    /// # Errors
    /// [`ClientError`]; a request that may have reached the peer is not sent again.
    pub async fn send(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, ClientError> {
        self.ask((method, JSON), &self.below_root(path), body, None).await
    }

    /// Sends a JSON Patch (RFC 6902) under the apiRoot.
    ///
    /// # Errors
    /// As [`SbiClient::send`].
    pub async fn patch(&self, path: &str, body: Option<Bytes>) -> Result<Answer, ClientError> {
        let patch = (Method::PATCH, "application/json-patch+json");
        self.ask(patch, &self.below_root(path), body, None).await
    }

    /// Sends a form (`application/x-www-form-urlencoded`) under the apiRoot, such as to a token endpoint (RFC 6749 4.4.2).
    ///
    /// # Errors
    /// As [`SbiClient::send`].
    pub async fn form(&self, path: &str, body: Bytes) -> Result<Answer, ClientError> {
        let form = (Method::POST, "application/x-www-form-urlencoded");
        self.ask(form, &self.below_root(path), Some(body), None).await
    }

    /// A path under the apiRoot.
    fn below_root<'p>(&self, path: &'p str) -> Cow<'p, str> {
        match self.0.prefix.is_empty() {
            true => Cow::Borrowed(path),
            false => Cow::Owned(format!("{}{path}", self.0.prefix)),
        }
    }

    /// Sends one request to the path of a URI that the peer gave, such as a link.
    ///
    /// # Errors
    /// As [`SbiClient::send`], and [`ClientError::Answer`] when `uri` is no URI.
    pub async fn follow(&self, method: Method, uri: &str, body: Option<Bytes>) -> Result<Answer, ClientError> {
        let link = uri
            .parse::<Uri>()
            .map_err(|_| self.0.answer("has a link that is no URI"))?;
        self.ask((method, JSON), link.path(), body, None).await
    }

    /// Sends one request to a path, which is the whole where the peer gave it, and waits until a deadline at most.
    pub(super) async fn exchange_until(
        &self,
        method: Method,
        (path, whole): (&str, bool),
        body: Option<Bytes>,
        deadline: Option<Moment>,
    ) -> Result<Answer, ClientError> {
        let path = match whole {
            true => Cow::Borrowed(path),
            false => self.below_root(path),
        };
        // No service of this program takes a patch in another form (TS 29.501 4.6.1.1.3.2).
        let media_type = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => JSON,
        };
        self.ask((method, media_type), &path, body, deadline).await
    }

    async fn ask(
        &self,
        method: (Method, &'static str),
        path: &str,
        body: Option<Bytes>,
        deadline: Option<Moment>,
    ) -> Result<Answer, ClientError> {
        let mut after = self.0.options.timeout;
        if let Some(deadline) = deadline {
            after = after.min(deadline.since(moment()));
        }
        match timeout(after, self.0.exchange(method, path, body)).await {
            Ok(result) => result,
            Err(_) => Err(ClientError::Timeout {
                peer: self.0.authority.to_string(),
                after,
            }),
        }
    }
}

/// An apiRoot as it stands in links (TS 29.501 4.4.1): scheme, authority, and its path without a slash at the end.
///
/// # Errors
/// [`ClientError::Url`] when it is no `http` or `https` URL, or has a query.
pub fn api_root(text: &str) -> Result<String, ClientError> {
    let (scheme, authority, prefix) = parts(text)?;
    Ok(format!("{scheme}://{authority}{prefix}"))
}

fn parts(api_root: &str) -> Result<(Scheme, Authority, String), ClientError> {
    let uri: Uri = api_root.parse().map_err(|_| ClientError::Url("not a URL"))?;
    let parts = uri.into_parts();
    let authority = parts.authority.ok_or(ClientError::Url("the URL names no host"))?;
    let scheme = match parts.scheme {
        Some(scheme) if scheme == Scheme::HTTP || scheme == Scheme::HTTPS => scheme,
        _ => return Err(ClientError::Url("the URL must begin with http:// or https://")),
    };
    let path = parts.path_and_query.as_ref();
    if path.is_some_and(|path| path.query().is_some()) {
        return Err(ClientError::Url("the URL has a query, which an apiRoot has not"));
    }
    let prefix = path.map_or("", PathAndQuery::path).trim_end_matches('/').to_owned();
    Ok((scheme, authority, prefix))
}

/// Of nearly all bodies.
const JSON: &str = "application/json";

const CLEAR_TEXT: &str =
    "http leads to another machine, and keys would travel in clear: use https, or allow it with insecure_h2c";

/// Whether a host of a URL is an address of another machine.
fn is_elsewhere(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| !address.to_canonical().is_loopback()) && !fault!("client-in-clear-anywhere")
}

impl Inner {
    fn answer(&self, what: impl Into<Cow<'static, str>>) -> ClientError {
        ClientError::Answer {
            peer: self.authority.to_string(),
            what: what.into(),
        }
    }

    /// By a method, with a body of this media type.
    async fn exchange(
        &self,
        (method, media_type): (Method, &'static str),
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, ClientError> {
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|_| ClientError::Url("the path is no path"))?;
        let has_body = body.is_some();
        let mut request = Request::new(Full::new(body.unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        if has_body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        headers.insert(
            header::ACCEPT,
            HeaderValue::from_static("application/json, application/3gppHal+json, application/problem+json"),
        );
        if let Some(authorization) = &self.options.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        let http2 = |source| ClientError::Http2 {
            peer: self.authority.to_string(),
            source,
        };
        let mut attempt = 0;
        let response = loop {
            let mut sender = self.connection().await?;
            attempt += 1;
            match sender.requests.try_send_request(request).await {
                Ok(response) => break response,
                Err(mut error) => {
                    let connect = |source| ClientError::Connect {
                        peer: self.authority.to_string(),
                        source,
                    };
                    if let Some(misfit) = sender.heard.misfit() {
                        // To try again would not help.
                        return Err(connect(misfit));
                    }
                    match error.take_message() {
                        // It never left: the connection was closing.
                        Some(unsent) if attempt < self.options.attempts => {
                            self.forget_connection();
                            request = unsent;
                        }
                        _ => {
                            let silence = sender.heard.silence(self.scheme == Scheme::HTTP);
                            return Err(silence.map_or_else(|| http2(error.into_error()), connect));
                        }
                    }
                }
            }
        };
        let (mut parts, mut body) = response.into_parts();
        let body = if body.is_end_stream() {
            Bytes::new()
        } else {
            collect(&mut body, MAX_BODY).await.map_err(|error| match error {
                CollectError::TooLarge => self.answer("is too large"),
                CollectError::Broken => self.answer("broke off"),
            })?
        };
        Ok(Answer {
            status: parts.status,
            retry_after: parts
                .headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok()),
            location: parts.headers.remove(header::LOCATION),
            content_type: parts.headers.remove(header::CONTENT_TYPE),
            body,
        })
    }

    fn live_connection(&self) -> Option<Sender> {
        let sender = self.sender.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        sender.as_ref().filter(|sender| !sender.requests.is_closed()).cloned()
    }

    fn forget_connection(&self) {
        *self.sender.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }

    async fn connection(&self) -> Result<Sender, ClientError> {
        if let Some(sender) = self.live_connection() {
            return Ok(sender);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(sender) = self.live_connection() {
            return Ok(sender);
        }
        let mut pause = Duration::from_millis(20);
        let mut attempt = 1;
        let sender = loop {
            // On the heap: TLS and HTTP/2 beginning would be a part of every request that waits.
            match Box::pin(self.connect()).await {
                Ok(sender) => break sender,
                Err(error) if attempt >= self.options.attempts || !error.may_pass() => return Err(error),
                Err(_) => {
                    attempt += 1;
                    tokio::time::sleep(pause).await;
                    pause *= 4;
                }
            }
        };
        *self.sender.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(sender.clone());
        Ok(sender)
    }

    async fn connect(&self) -> Result<Sender, ClientError> {
        let error = |source| ClientError::Connect {
            peer: self.authority.to_string(),
            source,
        };
        let stream = self.tcp().await.map_err(error)?;
        stream.set_nodelay(true).map_err(error)?;
        if self.scheme == Scheme::HTTP && !self.options.insecure_h2c {
            // A name says where it leads only now.
            let peer = stream.peer_addr().map_err(error)?;
            if !peer.ip().to_canonical().is_loopback() {
                return Err(ClientError::Url(CLEAR_TEXT));
            }
        }
        let tls = self.options.tls.as_ref().filter(|_| self.scheme == Scheme::HTTPS);
        let Some(tls) = tls else {
            return self.handshake(stream).await;
        };
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ClientError::Url("the host of the URL cannot be in a certificate"))?;
        let stream = tls.connector().connect(name, stream).await;
        let stream = stream.map_err(|failed| error(ServerMisfit::explain(failed)))?;
        self.handshake(stream).await
    }

    async fn tcp(&self) -> io::Result<TcpStream> {
        let Some(source) = self.options.source else {
            return TcpStream::connect(&self.address).await;
        };
        let mut failed = io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "no address of the own address's family",
        );
        for address in tokio::net::lookup_host(&self.address).await? {
            let socket = match (address, source) {
                (SocketAddr::V4(_), IpAddr::V4(_)) => TcpSocket::new_v4()?,
                (SocketAddr::V6(_), IpAddr::V6(_)) => TcpSocket::new_v6()?,
                _ => continue,
            };
            socket.bind(SocketAddr::new(source, 0))?;
            match socket.connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn handshake<I>(&self, stream: I) -> Result<Sender, ClientError>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let heard = Heard::default();
        let stream = Listening::new(stream, heard.clone());
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(5))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| ClientError::Http2 {
                peer: self.authority.to_string(),
                source,
            })?;
        let peer = self.authority.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
        Ok(Sender { requests, heard })
    }
}

impl std::fmt::Debug for SbiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SbiClient({})", self.root())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_root_ends_without_a_slash() {
        for (text, root) in [
            ("http://127.0.0.1:7777", "http://127.0.0.1:7777"),
            ("http://127.0.0.1:7777/", "http://127.0.0.1:7777"),
            ("https://ausf.example.org/a//", "https://ausf.example.org/a"),
        ] {
            assert_eq!(api_root(text).unwrap(), root);
        }
    }
}
