//! TLS for an application of axum, which tells of the cipher suite.

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

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(200);
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
    /// Secures the connections of a listening socket, at most so many at once. `config` says by which certificate; it should offer the
    /// protocols `h2` and `http/1.1` (ALPN).
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn new(socket: TcpListener, config: Arc<ServerConfig>, most_connections: usize) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let (tell, ready) = mpsc::channel(WAITING);
        let permits = Arc::new(Semaphore::new(most_connections));
        let accepting = tokio::spawn(accept(socket, TlsAcceptor::from(config), permits, tell));
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
    acceptor: TlsAcceptor,
    permits: Arc<Semaphore>,
    tell: mpsc::Sender<(TlsConnection, TlsPeer)>,
) {
    while let Ok(permit) = permits.clone().acquire_owned().await {
        let (stream, address) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                log_limit!(warn, "a connection was not accepted", %error);
                sleep(PAUSE).await;
                continue;
            }
        };
        let (acceptor, tell) = (acceptor.clone(), tell.clone());
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

/// A connection of a [`TlsListener`], which counts until it is closed.
#[derive(Debug)]
pub struct TlsConnection {
    stream: TlsStream<TcpStream>,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for TlsConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
