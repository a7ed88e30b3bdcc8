//! The fields of a request as the application behind the proxy gets them.

use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use kaskade_faults::fault;

use crate::user::SimUser;

/// Who the user is: GPSI, else SUPI. Without it the user is anonymous.
pub const USER: HeaderName = HeaderName::from_static("sim-user");
/// The A-KID, which changes with each authentication of the device: it names a login, and no user.
pub const A_KID: HeaderName = HeaderName::from_static("sim-a-kid");
/// Until when the key of the user lives, as RFC 3339 writes it.
pub const EXPIRY: HeaderName = HeaderName::from_static("sim-key-expiry");

/// What begins so is the proxy's to say.
const OURS: [&str; 2] = ["sim-", "x-forwarded-"];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Says of a request who sends it, and takes out what its sender says of that.
pub(super) fn say(headers: &mut HeaderMap, user: &SimUser, peer: Option<SocketAddr>) {
    without_hops(headers);
    let is_ours = |name: &str| OURS.iter().any(|ours| name.starts_with(ours)) || name == REAL_IP.as_str();
    // A gateway such as CGI makes one variable of both spellings.
    let strip: Vec<_> = headers
        .keys()
        .filter(|name| is_ours(&name.as_str().replace('_', "-")) && !fault!("proxy-header-of-a-client"))
        .cloned()
        .chain([header::AUTHORIZATION, header::FORWARDED])
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
    put(A_KID, &user.a_kid.to_string());
    put(EXPIRY, &user.expiry.to_string());
    put(FORWARDED_PROTO, "https");
    if let Some(peer) = peer {
        put(FORWARDED_FOR, &peer.ip().to_canonical().to_string());
    }
}

/// Takes out what is of one connection only (RFC 9110 7.6.1).
pub(super) fn without_hops(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = words(headers, &header::CONNECTION)
        .filter_map(|name| HeaderName::try_from(name).ok())
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

/// Whether a request wants a WebSocket (RFC 6455 4.1).
pub(super) fn wants_web_socket(headers: &HeaderMap) -> bool {
    words(headers, &header::UPGRADE).any(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// The members of a list in a field.
fn words<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}
