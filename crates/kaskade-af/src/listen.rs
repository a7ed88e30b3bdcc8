//! TLS for an application of axum, which tells of the cipher suite and bounds connections.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use kaskade_net::log_limit;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::idle::Idle;
use crate::share::{Share, Shares};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(200);
/// One of so many parts of all connections is for one source.
const PARTS: usize = 8;
/// Connections that have shaken hands and wait for the application.
const WAITING: usize = 64;

/// Who is at the other end of a connection, and how it is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsPeer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// The code point of its cipher suite, the most significant octet first.
    pub cipher_suite: [u8; 2],
}

/// What the connections of a [`TlsListener`] may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsBounds {
    /// Connections at once; further ones wait in the system's queue.
    pub connections: usize,
    /// Of these, from one source: an IPv4 address, or 64 bits of an IPv6 one. Further ones are closed before their handshake.
    pub of_source: usize,
    /// How long nothing may come or go on a connection: then it is closed, also while a handler has not answered yet.
    pub idle: Duration,
}

impl TlsBounds {
    /// So many connections at once, an eighth of them from one source, each idle for a minute at most.
    pub fn new(connections: usize) -> Self {
        Self {
            connections,
            of_source: connections.div_ceil(PARTS),
            idle: Duration::from_secs(60),
        }
    }
}

/// A listener for `axum::serve` that secures connections by TLS. Handshakes happen beside each other, each in 10 s at most.
///
/// With `into_make_service_with_connect_info::<TlsPeer>()` handlers, and [`UaStar::TlsSuite`](crate::UaStar::TlsSuite), hear of the cipher suite.
#[derive(Debug)]
pub struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsConnection, TlsPeer)>,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    /// Secures the connections of a listening socket, at most so many at once, with the other bounds of [`TlsBounds::new`]. `config` says
    /// by which certificate; it should offer the protocols `h2` and `http/1.1` (ALPN).
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn new(socket: TcpListener, config: Arc<ServerConfig>, most_connections: usize) -> io::Result<Self> {
        Self::bounded(socket, config, TlsBounds::new(most_connections))
    }

    /// As [`TlsListener::new`], with all bounds.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn bounded(socket: TcpListener, config: Arc<ServerConfig>, bounds: TlsBounds) -> io::Result<Self> {
        Self::renewable(socket, move || config.clone(), bounds)
    }

    /// As [`TlsListener::bounded`]; `config` is asked for each connection, so that a certificate may be renewed while connections go on.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn renewable(
        socket: TcpListener,
        config: impl Fn() -> Arc<ServerConfig> + Send + 'static,
        bounds: TlsBounds,
    ) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let (tell, ready) = mpsc::channel(WAITING);
        let accepting = tokio::spawn(accept(socket, config, bounds, tell));
        Ok(Self {
            address,
            ready,
            accepting,
        })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    socket: TcpListener,
    config: impl Fn() -> Arc<ServerConfig> + Send,
    bounds: TlsBounds,
    tell: mpsc::Sender<(TlsConnection, TlsPeer)>,
) {
    let permits = Arc::new(Semaphore::new(bounds.connections.min(Semaphore::MAX_PERMITS)));
    let shares = Shares::new(bounds.of_source);
    while let Ok(permit) = permits.clone().acquire_owned().await {
        let (stream, address) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                log_limit!(warn, "a connection was not accepted", %error);
                sleep(PAUSE).await;
                continue;
            }
        };
        let Some(share) = shares.take(address.ip()) else {
            log_limit!(warn, "a source has too many connections", %address);
            continue;
        };
        let (acceptor, tell) = (TlsAcceptor::from(config()), tell.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let suite = stream.get_ref().1.negotiated_cipher_suite();
                    let peer = TlsPeer {
                        address,
                        cipher_suite: suite.map_or([0; 2], |suite| u16::from(suite.suite()).to_be_bytes()),
                    };
                    let connection = TlsConnection {
                        stream,
                        idle: Idle::new(bounds.idle),
                        _share: share,
                        _permit: permit,
                    };
                    let _ = tell.send((connection, peer)).await;
                }
                Ok(Err(error)) => log_limit!(info, "TLS handshake failed", %address, %error),
                Err(_) => log_limit!(info, "TLS handshake took too long", %address),
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsConnection;
    type Addr = TlsPeer;

    async fn accept(&mut self) -> (TlsConnection, TlsPeer) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The task that accepts ends with this listener only.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<TlsPeer> {
        Ok(TlsPeer {
            address: self.address,
            cipher_suite: [0; 2],
        })
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for TlsPeer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        *stream.remote_addr()
    }
}

/// A connection of a [`TlsListener`], which counts until it is closed, and fails when nothing came or went for too long.
#[derive(Debug)]
pub struct TlsConnection {
    stream: TlsStream<TcpStream>,
    idle: Idle,
    _share: Share,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for TlsConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        this.idle.read(cx, polled)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.stream).poll_write(cx, octets);
        this.idle.write(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        this.idle.flush(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.idle.flush(cx, polled)
    }
}
