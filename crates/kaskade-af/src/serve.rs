//! A server of HTTP/1.1 and HTTP/2 for an application of axum that faces everybody: `axum::serve` with bounds.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use kaskade_faults::fault;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_service::Service as _;

/// What requests may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpBounds {
    /// How long the head of a request may take; in HTTP/1.1 also how long a connection waits for its next request.
    pub head: Duration,
    /// Octets of the head of a request, 8 192 or more.
    pub head_octets: usize,
    /// Requests at once on one connection of HTTP/2.
    pub streams: u32,
    /// How long requests may go on when the server is to end.
    pub grace: Duration,
}

impl Default for HttpBounds {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(20),
            head_octets: 32_768,
            streams: 64,
            grace: Duration::from_secs(10),
        }
    }
}

/// Serves an application on a listener, such as a [`TlsListener`](crate::TlsListener), until `ended` comes true: then nobody is let in any
/// more, requests in progress have their time, and what is left is cut off. Handlers find the peer in `ConnectInfo` of what the listener calls an
/// address.
pub async fn serve<L>(mut listener: L, app: Router, bounds: HttpBounds, ended: impl Future<Output = ()> + Send)
where
    L: Listener,
    L::Addr: Clone + Sync + 'static,
{
    let server = Arc::new(server(bounds));
    let (tell, told) = watch::channel(false);
    let (mut connections, mut ended) = (JoinSet::new(), pin!(ended));
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = &mut ended => break,
        };
        connections.spawn(connection(server.clone(), stream, address, app.clone(), told.clone()));
    }
    drop(listener);
    let _ = tell.send(true);
    let at_rest = async { while connections.join_next().await.is_some() {} };
    if timeout(bounds.grace, at_rest).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests are cut off: they took longer than the end may"
        );
    }
    connections.shutdown().await;
}

fn server(bounds: HttpBounds) -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    let head = match fault!("af-head-without-end") {
        true => Duration::from_secs(3600),
        false => bounds.head,
    };
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(bounds.head_octets.max(8192));
    let head_octets = u32::try_from(bounds.head_octets).unwrap_or(u32::MAX);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_header_list_size(head_octets)
        .max_concurrent_streams(bounds.streams);
    server
}

async fn connection<I, A>(
    server: Arc<Builder<TokioExecutor>>,
    stream: I,
    address: A,
    app: Router,
    mut told: watch::Receiver<bool>,
) where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    A: Clone + Send + Sync + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut app, mut request) = (app.clone(), request.map(Body::new));
        request.extensions_mut().insert(ConnectInfo(address.clone()));
        async move { Ok::<Response<Body>, Infallible>(app.call(request).await.unwrap_or_else(|never| match never {})) }
    });
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    let ended = async move {
        let _ = told.wait_for(|is_ended| *is_ended).await;
    };
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = ended => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended");
    }
}
