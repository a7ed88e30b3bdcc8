//! The HTTP/2 server: accept loop, TLS, limits, graceful shutdown (TS 29.500 5.2, RFC 9113).
//!
//! Clear text is HTTP/2 with prior knowledge; TLS is 1.3 with ALPN `h2`. An HTTP/1 client is told 505 and refused.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::executor::InConnection;
use super::message::{Reply, Request, STREAM_WINDOW};
use super::peer::Peer;
use super::preface::AfterPreface;
use super::tls::{self, ServerTls};

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// Limits of one server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerOptions {
    /// TLS 1.3; `None` is clear text with prior knowledge.
    pub tls: Option<ServerTls>,
    /// Connections at once; another is closed as soon as it is accepted.
    pub max_connections: usize,
    /// Streams at once in one connection.
    pub max_concurrent_streams: u32,
    /// All header fields of a request together, in octets as RFC 9113 6.5.2 counts them.
    pub max_header_list: u32,
    /// How often an idle peer is asked whether it is still there.
    pub keep_alive_interval: Duration,
    /// How long it may take to answer, and to shake hands at the beginning.
    pub patience: Duration,
    /// How long requests in progress may take after a shutdown began.
    pub drain: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 1024,
            max_concurrent_streams: 512,
            max_header_list: 16 * 1024,
            keep_alive_interval: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            drain: Duration::from_secs(5),
        }
    }
}

/// Tells servers to stop: no new connections, GOAWAY on the old ones, and an end after [`ServerOptions::drain`].
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Sender<bool>);

impl Shutdown {
    /// Not begun.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Begins the shutdown of everything that listens to it.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    fn listener(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Waits until the shutdown begins.
    pub async fn begun(&self) {
        begun(&mut self.listener()).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

async fn begun(listener: &mut watch::Receiver<bool>) {
    // An error means that nobody can begin it any more, so this never comes true.
    if listener.wait_for(|begun| *begun).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Opens a listening socket. Port 0 takes a free one.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Serves until the shutdown has begun and every connection is closed or [`ServerOptions::drain`] is over.
pub async fn serve<H: Handler>(listener: TcpListener, handler: Arc<H>, options: ServerOptions, shutdown: Shutdown) {
    let mut connections = JoinSet::new();
    let mut stop = shutdown.listener();
    let options = Arc::new(options);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if connections.len() < options.max_connections => {
                    let connection = Connection {
                        handler: handler.clone(),
                        options: options.clone(),
                        stop: shutdown.listener(),
                    };
                    connections.spawn(async move {
                        if let Err(error) = connection.run(stream, peer).await {
                            tracing::debug!(%peer, %error, "connection ended");
                        }
                    });
                }
                Ok((_, peer)) => tracing::warn!(%peer, "refused: too many connections"),
                Err(error) => {
                    // Out of descriptors, usually: others must close before there is a point in trying again.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = begun(&mut stop) => break,
        }
    }
    drop(listener);
    let drained = timeout(options.drain, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
    if drained.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "closing connections that did not finish"
        );
        connections.shutdown().await;
    }
}

struct Connection<H> {
    handler: Arc<H>,
    options: Arc<ServerOptions>,
    stop: watch::Receiver<bool>,
}

impl<H: Handler> Connection<H> {
    async fn run(self, stream: TcpStream, peer: SocketAddr) -> Result<(), ConnectionError> {
        stream.set_nodelay(true)?;
        match &self.options.tls {
            None => self.http2(stream, "http", Peer::at(peer.ip())).await,
            Some(tls) => {
                let stream = timeout(self.options.patience, tls.acceptor().accept(stream)).await??;
                let peer = tls::peer(&stream, peer.ip());
                self.http2(stream, "https", peer).await
            }
        }
    }

    async fn http2<I>(mut self, stream: I, scheme: &'static str, peer: Peer) -> Result<(), ConnectionError>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stream = timeout(self.options.patience, AfterPreface::read(stream)).await??;
        let mut builder = http2::Builder::new(InConnection);
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.options.max_concurrent_streams)
            .max_header_list_size(self.options.max_header_list)
            .keep_alive_interval(self.options.keep_alive_interval)
            .keep_alive_timeout(self.options.patience)
            // A body fits into its window, so that a peer never waits for one.
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(4 * 1024 * 1024)
            .max_send_buf_size(64 * 1024)
            .max_frame_size(16 * 1024);
        let handler = self.handler.clone();
        let peer = Arc::new(peer);
        let service = service_fn(move |request| {
            let (handler, peer) = (handler.clone(), peer.clone());
            async move {
                let reply = handler.handle(Request::new(request, scheme, peer)).await;
                Ok::<_, std::convert::Infallible>(reply.into_response())
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return Ok(ended?),
            () = begun(&mut self.stop) => connection.as_mut().graceful_shutdown(),
        }
        Ok(connection.await?)
    }
}

#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the peer took too long")]
    TooSlow(#[from] tokio::time::error::Elapsed),
    #[error("{0}")]
    Http2(#[from] hyper::Error),
}
