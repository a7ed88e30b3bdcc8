//! A proxy before an application that knows nothing of AKMA: it logs users in, and says who they are in header fields.

mod fields;
mod places;
mod progress;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse as _, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kaskade_faults::fault;
use kaskade_net::log_limit;

pub use self::fields::{A_KID, EXPIRY, USER};
use self::fields::{say, wants_web_socket, without_hops};
use self::places::Places;
use self::progress::Progress;
use crate::layer::SimLogin;
use crate::peer::address;
use crate::user::SimUser;

/// How long a connection to the application may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a connection to it is kept without use.
const IDLE: Duration = Duration::from_secs(30);
/// So many of these are kept.
const KEPT: usize = 64;

/// What is not spoken through the proxy.
const NO_WEB_SOCKET: (StatusCode, &str) = (
    StatusCode::NOT_IMPLEMENTED,
    "no WebSocket and no tunnel goes through this proxy: use plain requests\n",
);

/// What the application behind a proxy is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyOptions {
    /// Requests that it works on at once, from the request to the end of its answer, and an eighth of them of one user (one at least);
    /// further ones are answered 503.
    pub most_requests: usize,
    /// How long it may take until its answer begins, since it got the last octets of the request.
    pub patience: Duration,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self {
            most_requests: 1024,
            patience: Duration::from_secs(60),
        }
    }
}

/// Where requests go on cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected http://, a host and a port, without a path")]
pub struct NotAnUpstream;

/// Lets users log in and hands their requests on by HTTP/1.1: [`behind_login`] with a [`SimLogin`] before it.
///
/// # Errors
/// [`NotAnUpstream`].
pub fn proxy(login: SimLogin, upstream: &str) -> Result<Router, NotAnUpstream> {
    behind_login(upstream, ProxyOptions::default()).map(|router| router.layer(login))
}

/// Hands requests on by HTTP/1.1, of users that a layer before it has proved: [`SimLogin`], or `PskLogin`. Without one nobody gets through.
///
/// | Field of the request | What becomes of it |
/// |---|---|
/// | `Sim-User`, `Sim-A-Kid`, `Sim-Key-Expiry` | those of the proved user |
/// | `X-Forwarded-For`, `X-Forwarded-Proto` | address of the client, and `https` |
/// | all others that begin with `Sim-` or `X-Forwarded-`, also with other signs in place of the hyphens, and `X-Real-IP`, `Forwarded` | left out: only the client says them |
/// | `Authorization`, `Proxy-Authorization` | left out: it was meant for the proxy |
/// | `Connection`, what that names, and others of one connection only (RFC 9110 7.6.1) | left out |
/// | all others, the body, `Host` | as they are |
///
/// | The request or the application | The answer |
/// |---|---|
/// | the request wants a WebSocket, or a tunnel (`CONNECT`) | 501 |
/// | the application cannot be reached, or breaks off | 502 |
/// | too many requests are there, or too many of this user | 503 with `Retry-After` |
/// | the application takes too long | 504 |
///
/// Bodies are handed on as they come, both ways. The application is to listen where only this proxy reaches it, such as on the loopback: it
/// believes the fields.
///
/// # Errors
/// [`NotAnUpstream`].
pub fn behind_login(upstream: &str, options: ProxyOptions) -> Result<Router, NotAnUpstream> {
    let uri: Uri = upstream.parse().map_err(|_| NotAnUpstream)?;
    let parts = uri.into_parts();
    let is_bare = parts.path_and_query.as_ref().is_none_or(|path| path == "/");
    let authority = parts.authority.filter(|authority| !authority.as_str().contains('@'));
    let (Some(authority), Some(scheme)) = (authority, parts.scheme) else {
        return Err(NotAnUpstream);
    };
    if scheme != Scheme::HTTP || !is_bare {
        return Err(NotAnUpstream);
    }
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT));
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(KEPT)
        .build(connector);
    let upstream = Arc::new(Upstream {
        authority,
        client,
        places: Places::new(options.most_requests),
        patience: options.patience,
    });
    Ok(Router::new().fallback(pass).with_state(upstream))
}

struct Upstream {
    authority: Authority,
    client: Client<HttpConnector, Body>,
    places: Places,
    patience: Duration,
}

async fn pass(State(upstream): State<Arc<Upstream>>, user: SimUser, request: Request) -> Response {
    let is_tunnel = request.method() == Method::CONNECT || wants_web_socket(request.headers());
    if is_tunnel && !fault!("proxy-web-socket-half-open") {
        return NO_WEB_SOCKET.into_response();
    }
    let Some(place) = upstream.places.take(&user.a_kid) else {
        let retry = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, "too many requests: try again\n").into_response();
    };
    let progress = Progress::new();
    let Some(request) = upstream.handed_on(request, &user, &progress) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let answer = tokio::select! {
        answer = upstream.client.request(request) => answer,
        () = progress.stopped(upstream.patience) => {
            return (StatusCode::GATEWAY_TIMEOUT, "the application takes too long\n").into_response();
        }
    };
    match answer {
        Ok(response) => {
            let mut response = response.map(|body| place.kept_by(Body::new(body)));
            without_hops(response.headers_mut());
            *response.version_mut() = Version::HTTP_11;
            response
        }
        Err(error) => {
            log_limit!(warn, "the application behind the proxy does not answer", upstream = %upstream.authority, %error);
            (StatusCode::BAD_GATEWAY, "the application cannot be reached\n").into_response()
        }
    }
}

impl Upstream {
    /// The request as the application gets it; `None` where its target is none that can be handed on.
    fn handed_on(&self, mut request: Request, user: &SimUser, progress: &Progress) -> Option<Request> {
        let path = request.uri().path_and_query().cloned();
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
            .build()
            .ok()?;
        // HTTP/2 has the name in its own field.
        let host = request.uri().authority();
        let host = host.map(|authority| HeaderValue::try_from(authority.as_str()));
        if let Some(Ok(host)) = host {
            request.headers_mut().insert(header::HOST, host);
        }
        let peer = address(request.extensions());
        say(request.headers_mut(), user, peer);
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        Some(request.map(|body| progress.watch(body)))
    }
}
