//! Drives a handshake: waits for the peer without a thread, and lets OpenSSL work on one where it may ask for a key.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use kaskade_faults::fault;
use openssl::ssl::{Error as SslError, ErrorCode, Ssl, SslRef, SslStream};
use tokio::time::timeout;

use super::carrier::Carrier;
use super::error::HandshakeError;
use super::native;
use super::profile::Profile;
use super::shares::Share;
use super::wire::Wire;

/// How often OpenSSL looks whether its timer of DTLS, which begins with 1 s, has run out (RFC 6347 4.2.4.1).
const LOOK: Duration = Duration::from_millis(250);

/// Largest datagram that is written, in octets with the record's header.
const MTU: u32 = 1_280;

/// OpenSSL's state with the buffers that it works on.
pub(super) type Tls = SslStream<Wire>;

/// OpenSSL's state for a handshake over such a carrier.
pub(super) fn begin<C: Carrier>(mut ssl: Ssl) -> Result<Tls, HandshakeError> {
    if C::DATAGRAMS {
        ssl.set_mtu(MTU)?;
    }
    Ok(Tls::new(ssl, Wire::new(C::DATAGRAMS))?)
}

/// Shakes hands to the end. `share` is of the threads where a server may wait for keys; a client, who has its key, works where it is.
///
/// Dropping it leaves a thread that is at work to its end, with its place; nothing else stays.
pub(super) async fn shake_hands<C: Carrier>(
    mut tls: Tls,
    carrier: &mut C,
    share: Option<&Arc<Share>>,
) -> Result<Tls, HandshakeError> {
    let is_server = share.is_some();
    let mut must_wait = is_server;
    loop {
        if must_wait {
            wait(&mut tls, carrier).await?;
        }
        must_wait = true;
        let (back, done) = match share {
            Some(share) => on_a_thread(tls, share).await?,
            None => {
                let done = tls.do_handshake();
                (tls, done)
            }
        };
        tls = back;
        let given = poll_fn(|cx| carrier.poll_give(cx, tls.get_mut())).await;
        match done {
            Ok(()) => {
                given?;
                return Ok(tls);
            }
            Err(error) if error.code() == ErrorCode::WANT_READ => given?,
            Err(error) => return Err(HandshakeError::of(&error, tls.get_ref().has_ended())),
        }
    }
}

/// What OpenSSL keeps of the key when the handshake is done. In TLS 1.2 it has the master secret only.
pub(super) fn forget_key(profile: Profile, ssl: &SslRef) {
    if profile == Profile::Tls13 && !fault!("psk-key-outlives-handshake") {
        native::forget_key(ssl);
    }
}

/// Until OpenSSL has something to do: a whole record, a datagram, or its timer.
async fn wait<C: Carrier>(tls: &mut Tls, carrier: &mut C) -> Result<(), HandshakeError> {
    while !tls.get_ref().has_work() {
        let more = poll_fn(|cx| carrier.poll_take(cx, tls.get_mut()));
        if !C::DATAGRAMS {
            more.await?;
        } else if let Ok(taken) = timeout(LOOK, more).await {
            match taken {
                // The peer is not there yet, or not any more: it may come.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    tokio::time::sleep(LOOK).await;
                    return Ok(());
                }
                taken => taken?,
            }
        } else {
            return Ok(());
        }
    }
    Ok(())
}

/// One step on a thread that may wait, when there is a place.
async fn on_a_thread(mut tls: Tls, share: &Arc<Share>) -> Result<(Tls, Result<(), SslError>), HandshakeError> {
    let place = share.place().await.ok_or(HandshakeError::Stopping)?;
    let step = tokio::task::spawn_blocking(move || {
        // Until the step is done, whether or not somebody waits for it.
        let _place = place;
        let done = tls.do_handshake();
        (tls, done)
    });
    step.await.map_err(|_| HandshakeError::Stopping)
}
