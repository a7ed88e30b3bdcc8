//! Parsers of what a peer sends beside bodies and paths, for fuzzing and for nobody else.

use std::net::{IpAddr, Ipv4Addr};

use hyper::header::{self, HeaderMap, HeaderValue};
use rustls::pki_types::CertificateDer;

use super::message::Content;
use super::peer::Peer;
use super::token::{self, Token};
use super::{head, media_type, peer};

/// Whether the value of a `content-type` is JSON in UTF-8.
pub fn is_json(content_type: &[u8]) -> bool {
    media_type::is_json(content_type)
}

/// Whether a request with these values of `accept` takes an answer of this kind; `None` where HTTP/2 lets no such value in.
pub fn accepts(values: &[&[u8]], content: Content) -> Option<bool> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(header::ACCEPT, HeaderValue::from_bytes(value).ok()?);
    }
    Some(head::accepts(&headers, content))
}

/// A peer with this certificate, in DER.
pub fn peer_with(certificate: &[u8]) -> Peer {
    Peer::with_certificate(IpAddr::V4(Ipv4Addr::LOCALHOST), &CertificateDer::from(certificate))
}

/// The common name of a subject, in DER without its tag and length.
pub fn common_name(subject: &[u8]) -> Option<String> {
    peer::common_name(subject)
}

/// A text of a peer as the log shows it.
pub fn shown(text: &str) -> String {
    peer::shown(text)
}

/// The token of this text, whoever signed it.
pub fn unsigned_token(text: &str) -> Option<Token> {
    token::unsigned(text).ok()
}
