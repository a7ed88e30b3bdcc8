//! Calls of OpenSSL for which the `openssl` crate has no safe form: external keys of TLS 1.3 under identities of any octets, and the
//! identity hint of TLS 1.2, which AKMA fills with `3GPP-AKMA`.
//!
//! The only unsafe code of this crate. The two callbacks read what OpenSSL lends them for the time of the call, and hand over one
//! session each; nothing of them is kept, and nothing panics through OpenSSL's frames.
#![allow(
    unsafe_code,
    reason = "OpenSSL's functions take pointers; the crate that wraps them leaves these out"
)]

use std::ffi::{CStr, c_char, c_int, c_uchar};
use std::panic::{AssertUnwindSafe, catch_unwind};

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslRef, SslSession};
use openssl_sys::{EVP_MD, SSL, SSL_CIPHER, SSL_CTX, SSL_SESSION, TLS1_3_VERSION};

use super::key::PskKey;
use super::lookup::{Offer, Seat};

type FindSession = unsafe extern "C" fn(*mut SSL, *const c_uchar, usize, *mut *mut SSL_SESSION) -> c_int;
type UseSession =
    unsafe extern "C" fn(*mut SSL, *const EVP_MD, *mut *const c_uchar, *mut usize, *mut *mut SSL_SESSION) -> c_int;

// As ssl.h declares them in OpenSSL 1.1.1 and 3.
unsafe extern "C" {
    fn SSL_CTX_use_psk_identity_hint(ctx: *mut SSL_CTX, hint: *const c_char) -> c_int;
    fn SSL_CTX_set_psk_find_session_callback(ctx: *mut SSL_CTX, callback: Option<FindSession>);
    fn SSL_CTX_set_psk_use_session_callback(ctx: *mut SSL_CTX, callback: Option<UseSession>);
    fn SSL_CIPHER_find(ssl: *mut SSL, code_point: *const c_uchar) -> *const SSL_CIPHER;
    fn SSL_SESSION_new() -> *mut SSL_SESSION;
    fn SSL_SESSION_set1_master_key(session: *mut SSL_SESSION, key: *const c_uchar, len: usize) -> c_int;
    fn SSL_SESSION_set_cipher(session: *mut SSL_SESSION, cipher: *const SSL_CIPHER) -> c_int;
    fn SSL_SESSION_set_protocol_version(session: *mut SSL_SESSION, version: c_int) -> c_int;
}

/// `TLS_AES_128_GCM_SHA256`: the cipher suite that says SHA-256 (RFC 8446 4.2.11). Others with that hash may be negotiated.
const WITH_SHA256: [u8; 2] = [0x13, 0x01];

/// What a server of TLS 1.2 says before the client names its key, at most 128 octets.
pub(super) fn set_identity_hint(context: &mut SslContextBuilder, hint: &CStr) -> Result<(), ErrorStack> {
    // SAFETY: both pointers are valid for the call, and OpenSSL copies the text.
    match unsafe { SSL_CTX_use_psk_identity_hint(context.as_ptr(), hint.as_ptr()) } {
        1 => Ok(()),
        _ => Err(ErrorStack::get()),
    }
}

/// A server of TLS 1.3 takes the keys of the [`Seat`] of each handshake.
pub(super) fn serve_keys(context: &mut SslContextBuilder) {
    // SAFETY: the context is valid, and the callback has the type that OpenSSL expects.
    unsafe { SSL_CTX_set_psk_find_session_callback(context.as_ptr(), Some(find_session)) }
}

/// A client of TLS 1.3 offers the key of the [`Offer`] of each handshake.
pub(super) fn offer_keys(context: &mut SslContextBuilder) {
    // SAFETY: as above.
    unsafe { SSL_CTX_set_psk_use_session_callback(context.as_ptr(), Some(use_session)) }
}

/// The session that stands for an external key.
fn session(ssl: &SslRef, key: &PskKey) -> Option<SslSession> {
    let octets = key.expose_to_handshake();
    // SAFETY: a new session is ours until it is handed over, and `SslSession` frees it before. OpenSSL copies the key and wipes its copy
    // with the session. What `SSL_CIPHER_find` gives is part of the library, and lasts.
    unsafe {
        let new = SSL_SESSION_new();
        if new.is_null() {
            return None;
        }
        let session = SslSession::from_ptr(new);
        let cipher = SSL_CIPHER_find(ssl.as_ptr(), WITH_SHA256.as_ptr());
        let is_complete = !cipher.is_null()
            && SSL_SESSION_set1_master_key(new, octets.as_ptr(), octets.len()) == 1
            && SSL_SESSION_set_cipher(new, cipher) == 1
            && SSL_SESSION_set_protocol_version(new, TLS1_3_VERSION) == 1;
        is_complete.then_some(session)
    }
}

/// Overwrites what OpenSSL keeps of an external key of TLS 1.3 when the handshake is done: the key schedule puts the master secret of the
/// connection over the session's octets, and leaves those of a longer key behind it. Neither is used any more.
pub(super) fn forget_key(ssl: &SslRef) {
    const NOTHING: [u8; PskKey::MAX] = [0; PskKey::MAX];
    if let Some(session) = ssl.session() {
        // SAFETY: the session is valid, and nobody else works with it, since there are neither tickets nor a cache. OpenSSL copies the octets
        // into its own array, whose length it checks.
        unsafe { SSL_SESSION_set1_master_key(session.as_ptr(), NOTHING.as_ptr(), NOTHING.len()) };
    }
}

/// Hands a session over to OpenSSL.
fn give(session: SslSession) -> *mut SSL_SESSION {
    let pointer = session.as_ptr();
    std::mem::forget(session);
    pointer
}

/// OpenSSL asks for the key of an identity. 1 with no session: there is none; 0: the handshake fails.
unsafe extern "C" fn find_session(
    ssl: *mut SSL,
    identity: *const c_uchar,
    len: usize,
    found: *mut *mut SSL_SESSION,
) -> c_int {
    let answer = catch_unwind(AssertUnwindSafe(|| {
        if identity.is_null() || len == 0 {
            return None;
        }
        // SAFETY: OpenSSL lends its state and `len` octets for the time of this call.
        let (ssl, identity) = unsafe { (SslRef::from_ptr(ssl), std::slice::from_raw_parts(identity, len)) };
        Seat::of(ssl)?.with_key(identity, |key| session(ssl, key))
    }));
    match answer {
        Ok(Some(session)) => {
            // SAFETY: OpenSSL lends the place for its answer, and owns the session from here on.
            unsafe { *found = give(session) };
            1
        }
        _ => 0,
    }
}

/// OpenSSL asks a client for its key. 0: the handshake fails.
unsafe extern "C" fn use_session(
    ssl: *mut SSL,
    _hash: *const EVP_MD,
    identity: *mut *const c_uchar,
    len: *mut usize,
    used: *mut *mut SSL_SESSION,
) -> c_int {
    let answer = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: OpenSSL lends its state for the time of this call.
        let ssl = unsafe { SslRef::from_ptr(ssl) };
        let offer = Offer::of(ssl)?;
        session(ssl, &*offer.key()?).map(|session| (session, offer.identity.as_octets()))
    }));
    match answer {
        Ok(Some((session, octets))) => {
            // SAFETY: OpenSSL lends the places for its answer, and owns the session from here on. It copies the identity at once; the octets
            // are the offer's, which its state holds.
            unsafe {
                *identity = octets.as_ptr();
                *len = octets.len();
                *used = give(session);
            }
            1
        }
        _ => 0,
    }
}

/// Asks the peer of TLS 1.3 for new keys, as any peer may at any time (RFC 8446 4.6.3).
#[cfg(test)]
pub(super) fn ask_for_new_keys(ssl: &SslRef) {
    unsafe extern "C" {
        fn SSL_key_update(ssl: *mut SSL, kind: c_int) -> c_int;
    }
    const REQUESTED: c_int = 1;
    // SAFETY: the state is valid; OpenSSL notes the wish in it.
    assert_eq!(unsafe { SSL_key_update(ssl.as_ptr(), REQUESTED) }, 1);
}
