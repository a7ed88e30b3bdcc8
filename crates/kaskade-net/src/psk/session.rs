//! A connection after its handshake: what is read and written is protected, and its end is said.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use kaskade_faults::fault;
use openssl::ssl::{ErrorCode, SslVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::carrier::{Carrier, Octets};
use super::connections::{Ended, KeyEnd};
use super::handshake::Tls;
use super::key::PskIdentity;
use super::tasks::{Direction, Tasks};
use crate::sbi::doors::{Presence, Ticket};

/// Octets that may wait to be sent before more is read: a peer that asks for answers must read them.
const MOST_WAITING: usize = 64 * 1024;

/// Most octets of one record (RFC 8446 5.1).
const RECORD: usize = 16 * 1024;

/// A place of a server, which the newest may take from whoever was useful longest ago.
pub(super) struct Place {
    presence: Arc<Presence>,
    shed: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    /// Leaves with the connection.
    _ticket: Ticket,
}

impl Place {
    pub(super) fn new(ticket: Ticket) -> Self {
        let presence = ticket.presence().clone();
        let waiting = presence.clone();
        Self {
            presence,
            shed: Box::pin(async move { waiting.shed().await }),
            _ticket: ticket,
        }
    }

    /// Whether it was taken.
    fn is_taken(&mut self, cx: &mut Context<'_>) -> bool {
        self.shed.as_mut().poll(cx).is_ready()
    }
}

/// A connection, over whatever carries it.
pub(super) struct Session<C> {
    tls: Tls,
    carrier: C,
    identity: Option<PskIdentity>,
    place: Option<Place>,
    /// Its key ends.
    end: Option<Ended>,
    tasks: Tasks,
    /// It was closed to make room, its key has ended, or OpenSSL found it broken.
    broken: Option<io::ErrorKind>,
    said_end: bool,
}

impl<C: Carrier> Session<C> {
    pub(super) fn new(tls: Tls, carrier: C, identity: Option<PskIdentity>, place: Option<Place>) -> Self {
        Self {
            tls,
            carrier,
            identity,
            place,
            end: None,
            tasks: Tasks::new(),
            broken: None,
            said_end: false,
        }
    }

    /// Ends with its key.
    pub(super) fn until(mut self, end: KeyEnd) -> Self {
        self.end = end.waited_for();
        self
    }

    pub(super) fn identity(&self) -> Option<&PskIdentity> {
        self.identity.as_ref()
    }

    pub(super) fn cipher_suite(&self) -> u16 {
        let cipher = self.tls.ssl().current_cipher();
        cipher.map_or(0, |cipher| u16::from_be_bytes(cipher.protocol_id()))
    }

    pub(super) fn is_1_3(&self) -> bool {
        self.tls.ssl().version2() == Some(SslVersion::TLS1_3)
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(place) = &mut self.place
            && self.broken.is_none()
            && !fault!("psk-place-kept")
            && place.is_taken(cx)
        {
            self.broken = Some(io::ErrorKind::ConnectionAborted);
        }
        if let Some(end) = &mut self.end
            && self.broken.is_none()
            && !fault!("psk-connection-outlives-key")
            && end.as_mut().poll(cx).is_ready()
        {
            self.broken = Some(io::ErrorKind::TimedOut);
        }
        match self.broken {
            Some(io::ErrorKind::ConnectionAborted) => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "closed to make room for others",
            )),
            Some(io::ErrorKind::TimedOut) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the pre-shared key has ended"))
            }
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }

    fn was_useful(&self) {
        if let Some(place) = &self.place {
            drop(place.presence.work());
        }
    }

    /// 0 octets: the peer has said that nothing more will come.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, octets: &mut [u8]) -> Poll<io::Result<usize>> {
        let waker = self.tasks.waits(Direction::Read, cx);
        let cx = &mut Context::from_waker(&waker);
        self.check(cx)?;
        loop {
            let before = self.tls.get_ref().waiting();
            let error = match self.tls.ssl_read(octets) {
                Ok(len) => {
                    self.was_useful();
                    return Poll::Ready(Ok(len));
                }
                Err(error) => error,
            };
            // What OpenSSL answers by itself: new keys, or the last messages of a handshake once more.
            if (self.tls.get_ref().waiting() > before || fault!("psk-writer-forgotten"))
                && self.carrier.poll_give(cx, self.tls.get_mut())?.is_pending()
                && self.tls.get_ref().waiting() > MOST_WAITING
            {
                return Poll::Pending;
            }
            match error.code() {
                ErrorCode::WANT_READ => ready!(self.carrier.poll_take(cx, self.tls.get_mut()))?,
                ErrorCode::ZERO_RETURN => return Poll::Ready(Ok(0)),
                _ => {
                    let (kind, what) = match self.tls.get_ref().has_ended() {
                        true if C::DATAGRAMS => (io::ErrorKind::UnexpectedEof, "the peer has begun a new connection"),
                        true => (io::ErrorKind::UnexpectedEof, "the peer closed without close_notify"),
                        false => (
                            io::ErrorKind::InvalidData,
                            "the peer sent what is not protected by the key",
                        ),
                    };
                    self.broken = Some(kind);
                    return Poll::Ready(Err(io::Error::new(kind, what)));
                }
            }
        }
    }

    /// Takes octets once all earlier ones have gone.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let waker = self.tasks.waits(Direction::Write, cx);
        let cx = &mut Context::from_waker(&waker);
        self.check(cx)?;
        if self.said_end {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        loop {
            ready!(self.carrier.poll_give(cx, self.tls.get_mut()))?;
            match self.tls.ssl_write(&octets[..octets.len().min(RECORD)]) {
                Ok(len) => {
                    self.was_useful();
                    // What does not go now goes with the next write, or the flush.
                    let _ = self.carrier.poll_give(cx, self.tls.get_mut())?;
                    return Poll::Ready(Ok(len));
                }
                Err(error) if error.code() == ErrorCode::WANT_READ => {
                    ready!(self.carrier.poll_take(cx, self.tls.get_mut()))?;
                }
                Err(_) => {
                    self.broken = Some(io::ErrorKind::BrokenPipe);
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
            }
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waker = self.tasks.waits(Direction::Write, cx);
        let cx = &mut Context::from_waker(&waker);
        self.check(cx)?;
        self.carrier.poll_give(cx, self.tls.get_mut())
    }

    /// Says `close_notify`, once.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waker = self.tasks.waits(Direction::Write, cx);
        let cx = &mut Context::from_waker(&waker);
        self.check(cx)?;
        if !self.said_end {
            self.said_end = true;
            if !fault!("psk-end-not-said") && self.tls.shutdown().is_err() {
                self.broken = Some(io::ErrorKind::BrokenPipe);
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
        }
        ready!(self.carrier.poll_give(cx, self.tls.get_mut()))?;
        self.carrier.poll_close(cx)
    }
}

/// A TLS connection that rests on a pre-shared key.
///
/// Ends with `close_notify` in both directions: `shutdown` says it, and a read gives 0 octets only after the peer has said it. A peer that
/// goes without it is an error of kind `UnexpectedEof`, since somebody else may have cut the connection.
pub struct PskStream<I>(pub(super) Session<Octets<I>>);

impl<I: AsyncRead + AsyncWrite + Unpin + Send> PskStream<I> {
    /// Whose key the client has proved to hold; `None` on the client's end.
    pub fn identity(&self) -> Option<&PskIdentity> {
        self.0.identity()
    }

    /// Code point of the cipher suite that was agreed, in IANA's registry.
    pub fn cipher_suite(&self) -> u16 {
        self.0.cipher_suite()
    }

    /// TLS 1.3, not 1.2.
    pub fn is_tls_1_3(&self) -> bool {
        self.0.is_1_3()
    }
}

impl<I> fmt::Debug for PskStream<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskStream")
            .field("identity", &self.0.identity)
            .finish_non_exhaustive()
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin + Send> AsyncRead for PskStream<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let len = ready!(self.get_mut().0.poll_read(cx, buffer.initialize_unfilled()))?;
        buffer.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin + Send> AsyncWrite for PskStream<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().0.poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().0.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().0.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::task::Waker;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, split};
    use tokio::time::timeout;

    use super::*;
    use crate::psk::{Asked, Profile, PskClient, PskKey, PskLimits, PskServer, native};

    /// Lets nothing out while it is shut, and tells whoever asked last when it opens, as a socket does.
    #[derive(Default)]
    struct Gate {
        is_shut: bool,
        last: Option<Waker>,
    }

    struct Gated(DuplexStream, Arc<Mutex<Gate>>);

    impl AsyncRead for Gated {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, octets)
        }
    }

    impl AsyncWrite for Gated {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
            {
                let mut gate = self.1.lock().unwrap();
                if gate.is_shut {
                    gate.last = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
            Pin::new(&mut self.0).poll_write(cx, octets)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    #[tokio::test]
    async fn who_reads_an_order_of_new_keys_does_not_take_the_turn_of_who_writes() {
        let key = || PskKey::from_octets(&[7; 32]).unwrap();
        let server = PskServer::new(
            Profile::Tls13,
            None,
            Arc::new(move |_: &Asked<'_>| Some(key())),
            PskLimits::default(),
        );
        let client = PskClient::new(Profile::Tls13, PskIdentity::new("one").unwrap(), key()).unwrap();
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let gate = Arc::<Mutex<Gate>>::default();
        let somewhere = ([192, 0, 2, 1], 1).into();
        let server = server.unwrap();
        let (at_client, at_server) = tokio::join!(
            client.connect(ours),
            server.accept(Gated(theirs, gate.clone()), somewhere)
        );
        let (mut at_client, at_server) = (at_client.unwrap(), at_server.unwrap());
        let (mut reader, mut writer) = split(at_server);

        gate.lock().unwrap().is_shut = true;
        let writing = tokio::spawn(async move {
            writer.write_all(&[7; 100_000]).await.unwrap();
            writer.flush().await.unwrap();
        });
        while gate.lock().unwrap().last.is_none() {
            tokio::task::yield_now().await;
        }
        // The answer to this waits behind what is written; who has read it has done its work.
        native::ask_for_new_keys(at_client.0.tls.ssl());
        at_client.write_all(b"x").await.unwrap();
        let reading = tokio::spawn(async move {
            reader.read_exact(&mut [0]).await.unwrap();
            reader
        });
        let _reader = timeout(Duration::from_secs(10), reading).await.unwrap().unwrap();
        let last = {
            let mut gate = gate.lock().unwrap();
            gate.is_shut = false;
            gate.last.take()
        };
        last.unwrap().wake();
        let mut came = vec![0; 100_000];
        let reading = timeout(Duration::from_secs(10), at_client.read_exact(&mut came)).await;
        reading.expect("the writer waits for nothing").unwrap();
        writing.await.unwrap();
    }
}
