//! The life of one connection: handshake, requests, and an end that is forced or orderly.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::body::STREAM_WINDOW;
use super::budget::{Account, Full, Held, Paid};
use super::doors::{Presence, Ticket};
use super::executor::InConnection;
use super::limits::{CONNECTION_WINDOW, Limits};
use super::message::{Reply, Request};
use super::misfit::Misfit;
use super::peer::Peer;
use super::preface::AfterPreface;
use super::problem::Problem;
use super::server::{Handler, begun};
use super::tls::{self, ServerTls};
use super::watched::Watched;

/// When TCP asks a peer that says nothing whether it is still there, and how often. HTTP/2 PING does not serve: clients in
/// use do not answer it while they are idle.
const KEEP_ALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(15));

/// How long a connection without requests stays after GOAWAY, for what is on its way.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

/// Streams that a peer may open and reset before anybody has looked at them (CVE-2023-44487), and those that its errors may
/// make us reset: more close the connection.
pub(crate) const MAX_UNSEEN_RESETS: usize = 20;
pub(crate) const MAX_RESETS: usize = 1024;

pub(super) struct Connection<H> {
    pub(super) handler: Arc<H>,
    pub(super) tls: Option<ServerTls>,
    pub(super) limits: Arc<Limits>,
    pub(super) account: Arc<Account>,
    pub(super) ticket: Ticket,
    pub(super) stop: watch::Receiver<bool>,
}

impl<H: Handler> Connection<H> {
    pub(super) async fn run(self, stream: TcpStream, address: IpAddr) -> Result<(), ConnectionError> {
        prepare(&stream)?;
        let patience = self.limits.patience;
        let stream = Watched::new(stream, patience);
        let presence = self.ticket.presence().clone();
        tokio::select! {
            ended = self.shake_hands_and_serve(stream, address) => ended,
            () = presence.shed() => Err(ConnectionError::Shed),
        }
    }

    async fn shake_hands_and_serve(
        mut self,
        stream: Watched<TcpStream>,
        address: IpAddr,
    ) -> Result<(), ConnectionError> {
        match self.tls.clone() {
            None => {
                let stream = self.in_time(AfterPreface::read(stream)).await?;
                self.http2(stream, "http", Peer::at(address)).await
            }
            Some(tls) => {
                let handshake = async {
                    let stream = shake_hands(&tls, stream).await?;
                    let peer = tls::peer(&stream, address);
                    Ok((AfterPreface::read(stream).await?, peer))
                };
                let (stream, peer) = self.in_time(handshake).await?;
                self.http2(stream, "https", peer).await
            }
        }
    }

    /// A handshake may take so long in all, and ends when the server does.
    async fn in_time<T>(&mut self, handshake: impl Future<Output = io::Result<T>>) -> Result<T, ConnectionError> {
        let patience = match fault!("handshake-without-deadline") {
            true => Duration::from_secs(3600),
            false => self.limits.patience,
        };
        tokio::select! {
            done = timeout(patience, handshake) => Ok(done??),
            () = begun(&mut self.stop) => Err(ConnectionError::Stopping),
        }
    }

    async fn http2<I>(mut self, stream: I, scheme: &'static str, peer: Peer) -> Result<(), ConnectionError>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if !self.ticket.admit() {
            return Err(ConnectionError::NoRoom);
        }
        let mut builder = http2::Builder::new(InConnection);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.max_concurrent_streams)
            .max_header_list_size(self.limits.max_header_list)
            .max_pending_accept_reset_streams(MAX_UNSEEN_RESETS)
            .max_local_error_reset_streams(MAX_RESETS)
            // A legal body fits into its window, so that a peer never waits for one.
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(16 * 1024)
            .max_frame_size(16 * 1024);
        let (handler, peer) = (self.handler.clone(), Arc::new(peer));
        let (account, presence) = (self.account.clone(), self.ticket.presence().clone());
        let service = service_fn(move |request| {
            let (handler, peer) = (handler.clone(), peer.clone());
            let (account, presence) = (account.clone(), presence.clone());
            async move {
                let open = presence.open();
                let only_header = request.method() == Method::HEAD;
                let (reply, paid) = match Request::read(request, scheme, peer, &account).await {
                    Ok((request, paid)) => {
                        let _work = presence.work();
                        (handler.handle(request).await, paid)
                    }
                    Err(full) => refuse(full, &account)?,
                };
                handler.replied(&reply);
                // RFC 9110 9.3.2.
                let reply = if only_header { reply.without_body() } else { reply };
                Ok::<_, TooManyRefusals>(reply.into_response(Held {
                    _open: open,
                    _paid: paid,
                }))
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let presence = self.ticket.presence().clone();
        tokio::select! {
            biased;
            ended = connection.as_mut() => return Ok(ended?),
            () = begun(&mut self.stop) => {}
            () = idle(&presence, self.limits.idle) => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            ended = connection.as_mut() => Ok(ended?),
            // hyper waits until the peer has answered a PING, which some do not.
            () = idle(&presence, GRACE), if !fault!("shutdown-waits-for-ping") => Ok(()),
        }
    }
}

/// Sends small answers at once, and asks a silent peer whether it is still there.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&KEEP_ALIVE)
}

/// The handshake of TLS; an error says what does not fit, where that is known.
pub(crate) async fn shake_hands<I>(tls: &ServerTls, stream: I) -> io::Result<TlsStream<I>>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let stream = tls.acceptor().accept(stream).await;
    stream.map_err(|error| match Misfit::of_handshake(&error) {
        Some(misfit) => misfit.into_error(),
        None => error,
    })
}

/// 503, as long as the peer reads what it is told.
fn refuse(full: Full, account: &Arc<Account>) -> Result<(Reply, Paid), TooManyRefusals> {
    crate::log_limit!(warn, "refused: too many octets in requests that wait", of = ?full);
    let unpaid = account.unpaid().ok_or(TooManyRefusals)?;
    let problem = Problem::from(Refusal::Overloaded)
        .with_detail("too many requests wait for their body, or for their answer to be read");
    Ok((problem.into(), Paid::Unpaid(unpaid)))
}

/// Comes true when there was nothing to do for so long.
pub(crate) async fn idle(presence: &Presence, limit: Duration) {
    let mut since = tokio::time::Instant::now();
    loop {
        // Requests come and go far more often than anybody looks.
        sleep(
            limit
                .min(Duration::from_secs(5))
                .min((limit / 5).max(Duration::from_millis(5))),
        )
        .await;
        match presence.idle_for() {
            Some(idle) if idle >= limit && since.elapsed() >= limit => return,
            Some(_) => {}
            None => since = tokio::time::Instant::now(),
        }
    }
}

/// The stream is reset: its connection has refusals that nobody reads.
#[derive(Debug, thiserror::Error)]
#[error("too many refusals that nobody reads")]
struct TooManyRefusals;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the peer took too long to shake hands")]
    TooSlow(#[from] tokio::time::error::Elapsed),
    #[error("the server stops")]
    Stopping,
    #[error("closed to make room for others")]
    Shed,
    #[error("refused: too many connections")]
    NoRoom,
    #[error("{0}")]
    Http2(#[from] hyper::Error),
    #[error("{0}")]
    Http(#[from] Box<dyn std::error::Error + Send + Sync>),
}

impl ConnectionError {
    /// Whether the two ends do not fit together, which somebody has to mend.
    pub(crate) fn is_misfit(&self) -> bool {
        let Self::Io(error) = self else { return false };
        error.get_ref().is_some_and(|inner| inner.is::<Misfit>())
    }
}
