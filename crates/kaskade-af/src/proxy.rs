//! A proxy before an application that knows nothing of AKMA: it logs users in, and says who they are in a header field.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse as _, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kaskade_faults::fault;
use kaskade_net::log_limit;
use tokio::time::timeout;

use crate::layer::SimLogin;
use crate::listen::TlsPeer;
use crate::user::SimUser;

/// Who the user is: GPSI, else SUPI. Without it the user is anonymous.
pub const USER: HeaderName = HeaderName::from_static("sim-user");
/// Until when the key of the user lives, as RFC 3339 writes it.
pub const EXPIRY: HeaderName = HeaderName::from_static("sim-key-expiry");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How long the application may take until its answer begins.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection to it is kept without use.
const IDLE: Duration = Duration::from_secs(30);

/// Where requests go on cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected http://, a host and a port, without a path")]
pub struct NotAnUpstream;

/// Lets users log in and hands their requests on by HTTP/1.1.
///
/// | Field of the request | What becomes of it |
/// |---|---|
/// | `Sim-User`, `Sim-Key-Expiry` | those of the proved user, whatever the client wrote, also with underscores in place of hyphens |
/// | `Authorization`, `Proxy-Authorization` | left out: it was meant for the proxy |
/// | `X-Forwarded-For`, `X-Forwarded-Proto`, `Forwarded` | address of the client and `https`; what the client wrote is left out |
/// | `Connection`, what that names, and others of one connection only (RFC 9110 7.6.1) | left out; so no WebSocket gets through |
/// | all others, the body, `Host` | as they are |
///
/// The upstream is to listen where only this proxy reaches it, such as on the loopback: it believes the fields.
///
/// # Errors
/// [`NotAnUpstream`].
pub fn proxy(login: SimLogin, upstream: &str) -> Result<Router, NotAnUpstream> {
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
    connector.set_connect_timeout(Some(Duration::from_secs(5)));
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(connector);
    let upstream = Arc::new(Upstream { authority, client });
    Ok(Router::new().fallback(pass).with_state(upstream).layer(login))
}

struct Upstream {
    authority: Authority,
    client: Client<HttpConnector, Body>,
}

async fn pass(State(upstream): State<Arc<Upstream>>, user: SimUser, mut request: Request) -> Response {
    let path = request.uri().path_and_query().cloned();
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(upstream.authority.clone())
        .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build();
    let Ok(uri) = uri else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    // HTTP/2 has the name in its own field.
    let host = request
        .uri()
        .authority()
        .map(|authority| HeaderValue::try_from(authority.as_str()));
    if let Some(Ok(host)) = host {
        request.headers_mut().insert(header::HOST, host);
    }
    let peer = request
        .extensions()
        .get::<ConnectInfo<TlsPeer>>()
        .map(|ConnectInfo(peer)| peer.address);
    to_upstream(request.headers_mut(), &user, peer);
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    match timeout(PATIENCE, upstream.client.request(request)).await {
        Ok(Ok(response)) => {
            let mut response = response.map(Body::new);
            without_hops(response.headers_mut());
            *response.version_mut() = Version::HTTP_11;
            response
        }
        Ok(Err(error)) => {
            log_limit!(warn, "the application behind the proxy does not answer", %error);
            (StatusCode::BAD_GATEWAY, "the application cannot be reached\n").into_response()
        }
        Err(_) => (StatusCode::GATEWAY_TIMEOUT, "the application takes too long\n").into_response(),
    }
}

/// The fields as the application gets them.
fn to_upstream(headers: &mut HeaderMap, user: &SimUser, peer: Option<SocketAddr>) {
    without_hops(headers);
    let ours = [USER, EXPIRY, FORWARDED_FOR, FORWARDED_PROTO];
    // A gateway such as CGI makes one variable of both spellings.
    let is_ours = |name: &HeaderName| {
        let name = name.as_str().replace('_', "-");
        ours.iter().any(|of| of.as_str() == name) && !fault!("proxy-header-of-a-client")
    };
    let also = [header::AUTHORIZATION, header::FORWARDED];
    let strip: Vec<_> = headers
        .keys()
        .filter(|name| is_ours(name) || also.contains(name))
        .cloned()
        .collect();
    for name in strip {
        headers.remove(name);
    }
    let mut put = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.append(name, value);
        }
    };
    if let Some(name) = user.name() {
        put(USER, &name);
    }
    put(EXPIRY, &user.expiry.to_string());
    put(FORWARDED_PROTO, "https");
    if let Some(peer) = peer {
        put(FORWARDED_FOR, &peer.ip().to_canonical().to_string());
    }
}

/// Takes out what is of one connection only (RFC 9110 7.6.1).
fn without_hops(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    let always = [
        header::CONNECTION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in always.into_iter().chain(named) {
        headers.remove(name);
    }
}
