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
    // A gateway such as CGI makes one variable of `Sim-User`, `Sim_User` and `Sim.User`.
    let strip: Vec<_> = headers
        .keys()
        .filter(|name| is_ours(&folded(name)) && !fault!("proxy-header-of-a-client"))
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

/// A name as a gateway such as CGI reads it: what is neither a letter nor a digit is all one.
fn folded(name: &HeaderName) -> String {
    name.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// Takes out what is of one connection only (RFC 9110 7.6.1).
pub(super) fn without_hops(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = words(headers, &header::CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
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
    words(headers, &header::UPGRADE).any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

/// The members of a list in a field. One that is no text takes none of the others with it.
fn words<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|octet| *octet == b','))
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connection_names_goes_also_beside_a_name_that_is_no_text() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(b"x-private, \xff, x-other").expect("a value");
        headers.insert(header::CONNECTION, value);
        for name in ["x-private", "x-other", "x-own"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        without_hops(&mut headers);
        let left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-own"]);

        let value = HeaderValue::from_bytes(b"\xff, WebSocket").expect("a value");
        headers.insert(header::UPGRADE, value);
        assert!(wants_web_socket(&headers));
    }
}
