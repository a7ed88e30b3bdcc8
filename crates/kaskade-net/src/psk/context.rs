//! What OpenSSL is told once for a listener or a client: one version, no certificates, no way around the key.

use std::ffi::CString;

use kaskade_faults::fault;
use openssl::error::ErrorStack;
use openssl::ssl::{
    SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslRef, SslSessionCacheMode, SslVerifyMode,
};

use super::key::NotAPskIdentity;
use super::lookup::{Offer, Seat};
use super::native;
use super::profile::{Profile, SUITES_OF_1_3};

/// Groups of (EC)DHE.
const GROUPS: &str = "X25519:P-256";

/// Most octets of a hint, as OpenSSL bounds it.
const MAX_HINT: usize = 128;

/// A listener or client that cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// OpenSSL refuses, for want of memory or because it was built without what is needed.
    #[error("OpenSSL cannot serve this: {0}")]
    OpenSsl(#[from] ErrorStack),
    /// The identity does not go with the version.
    #[error("{0}")]
    Identity(#[from] NotAPskIdentity),
    /// A hint that cannot be said.
    #[error("a hint has 1 to {MAX_HINT} octets, none of them 0x00, and exists only in TLS 1.2 and DTLS 1.2")]
    Hint,
    /// Streams and datagrams were mixed up.
    #[error("DTLS goes over datagrams, TLS over a stream: choose another profile")]
    WrongCarrier,
    /// A server name that cannot be sent.
    #[error("the name of the server is no DNS name")]
    ServerName,
}

/// Of a server.
pub(super) fn server(profile: Profile, hint: Option<&str>) -> Result<SslContext, ContextError> {
    let method = match profile.is_for_datagrams() {
        true => SslMethod::dtls_server(),
        false => SslMethod::tls_server(),
    };
    let mut context = common(method, profile)?;
    if let Some(hint) = hint {
        if profile.suite().is_none() || !(1..=MAX_HINT).contains(&hint.len()) {
            return Err(ContextError::Hint);
        }
        native::set_identity_hint(&mut context, &CString::new(hint).map_err(|_| ContextError::Hint)?)?;
    }
    match profile {
        Profile::Tls13 => native::serve_keys(&mut context),
        Profile::Tls12(_) | Profile::Dtls12(_) => context.set_psk_server_callback(serve_key),
    }
    if profile.is_for_datagrams() {
        // The peer has shown that it is where it says before OpenSSL hears of it: see `datagrams/cookie.rs`.
        context.set_options(SslOptions::COOKIE_EXCHANGE);
        context.set_cookie_generate_cb(|_, cookie| {
            cookie[0] = 0;
            Ok(1)
        });
        context.set_cookie_verify_cb(|_, _| true);
    }
    Ok(context.build())
}

/// Of a client.
pub(super) fn client(profile: Profile) -> Result<SslContext, ContextError> {
    let method = match profile.is_for_datagrams() {
        true => SslMethod::dtls_client(),
        false => SslMethod::tls_client(),
    };
    let mut context = common(method, profile)?;
    // No certificate is trusted: a server that sends one instead of using the key is refused.
    context.set_verify(match fault!("psk-certificate-accepted") {
        true => SslVerifyMode::NONE,
        false => SslVerifyMode::PEER,
    });
    match profile {
        Profile::Tls13 => native::offer_keys(&mut context),
        Profile::Tls12(_) | Profile::Dtls12(_) => context.set_psk_client_callback(offer_key),
    }
    Ok(context.build())
}

fn common(method: SslMethod, profile: Profile) -> Result<SslContextBuilder, ContextError> {
    let mut context = SslContext::builder(method)?;
    context.set_security_level(2);
    if !fault!("psk-other-versions") {
        context.set_min_proto_version(Some(profile.version()))?;
    }
    context.set_max_proto_version(Some(profile.version()))?;
    match profile {
        Profile::Tls13 => {
            context.set_ciphersuites(SUITES_OF_1_3)?;
            context.set_num_tickets(0)?;
        }
        Profile::Tls12(suite) | Profile::Dtls12(suite) => match fault!("psk-other-suites") {
            true => context.set_cipher_list("PSK")?,
            false => context.set_cipher_list(suite.openssl_name())?,
        },
    }
    context.set_groups_list(GROUPS)?;
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    context.set_options(
        SslOptions::NO_TICKET
            | SslOptions::NO_COMPRESSION
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::CIPHER_SERVER_PREFERENCE
            | SslOptions::NO_QUERY_MTU,
    );
    context.set_mode(SslMode::ENABLE_PARTIAL_WRITE | SslMode::ACCEPT_MOVING_WRITE_BUFFER | SslMode::RELEASE_BUFFERS);
    Ok(context)
}

/// OpenSSL asks for the key of an identity, in TLS 1.2. No octets: it says `unknown_psk_identity`.
fn serve_key(ssl: &mut SslRef, identity: Option<&[u8]>, key: &mut [u8]) -> Result<usize, ErrorStack> {
    let octets =
        identity.and_then(|identity| Seat::of(ssl)?.with_key(identity, |found| put(key, found.expose_to_handshake())));
    Ok(octets.unwrap_or_default())
}

/// OpenSSL asks a client for its identity and key, in TLS 1.2. No octets: the handshake fails.
fn offer_key(ssl: &mut SslRef, hint: Option<&[u8]>, identity: &mut [u8], key: &mut [u8]) -> Result<usize, ErrorStack> {
    let octets = Offer::of(ssl).and_then(|offer| {
        if offer
            .hint
            .as_ref()
            .is_some_and(|wanted| hint != Some(wanted.as_bytes()) && !fault!("psk-hint-not-heard"))
        {
            return None;
        }
        // A zero octet ends it; one more is always there.
        let len = put(identity, offer.identity.as_octets())?;
        if let Some(end) = identity.get_mut(len) {
            *end = 0;
        }
        put(key, offer.key()?.expose_to_handshake())
    });
    Ok(octets.unwrap_or_default())
}

fn put(place: &mut [u8], octets: &[u8]) -> Option<usize> {
    place.get_mut(..octets.len())?.copy_from_slice(octets);
    Some(octets.len())
}
