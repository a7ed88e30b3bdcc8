//! The life of one connection of administration.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::{Body, Handler, Limits, Response, Upload, Visitor, remote};
use crate::sbi::connection::{ConnectionError, GRACE, MAX_RESETS, MAX_UNSEEN_RESETS, idle, prepare, shake_hands};
use crate::sbi::doors::Ticket;
use crate::sbi::limits::CONNECTION_WINDOW;
use crate::sbi::server::{Shutdown, begun};
use crate::sbi::tls::{ServerTls, peer};
use crate::sbi::watched::Watched;

/// The most fields of a head.
const MAX_FIELDS: usize = 64;

/// Flow-control window of a request, in octets: an import has one, and all requests of a connection share the connection's.
const STREAM_WINDOW: u32 = 64 * 1024;

/// What receives the visitors of one listener.
pub(super) struct Reception<H> {
    pub(super) handler: Arc<H>,
    pub(super) limits: Limits,
    pub(super) shutdown: Shutdown,
}

impl<H: Handler> Reception<H> {
    pub(super) async fn tcp(
        self: Arc<Self>,
        stream: TcpStream,
        address: IpAddr,
        tls: Option<ServerTls>,
        ticket: Ticket,
    ) -> Result<(), ConnectionError> {
        prepare(&stream)?;
        let stream = Watched::new(stream, self.limits.patience);
        let Some(tls) = tls else {
            return self.unless_shed(stream, remote(address), ticket).await;
        };
        let presence = ticket.presence().clone();
        let stream = tokio::select! {
            done = timeout(self.limits.patience, shake_hands(&tls, stream)) => done??,
            () = presence.shed() => return Err(ConnectionError::Shed),
            () = self.shutdown.begun() => return Err(ConnectionError::Stopping),
        };
        let visitor = Visitor::Remote {
            peer: peer(&stream, address),
            tls: true,
        };
        self.unless_shed(stream, visitor, ticket).await
    }

    pub(super) async fn unix(self: Arc<Self>, stream: UnixStream, ticket: Ticket) -> Result<(), ConnectionError> {
        let credentials = stream.peer_cred()?;
        let visitor = Visitor::Local {
            uid: credentials.uid(),
            gid: credentials.gid(),
            pid: credentials.pid(),
        };
        let stream = Watched::new(stream, self.limits.patience);
        self.unless_shed(stream, visitor, ticket).await
    }

    async fn unless_shed<I>(self: Arc<Self>, stream: I, visitor: Visitor, ticket: Ticket) -> Result<(), ConnectionError>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if !ticket.admit() {
            return Err(ConnectionError::NoRoom);
        }
        let presence = ticket.presence().clone();
        tokio::select! {
            ended = self.http(stream, visitor, &ticket) => ended,
            () = presence.shed() => Err(ConnectionError::Shed),
        }
    }

    async fn http<I>(self: Arc<Self>, stream: I, visitor: Visitor, ticket: &Ticket) -> Result<(), ConnectionError>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let limits = &self.limits;
        let mut builder = auto::Builder::new(InTime(limits.life));
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.patience)
            .half_close(false)
            .max_buf_size(usize::try_from(limits.head).unwrap_or(usize::MAX))
            .max_headers(MAX_FIELDS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(limits.head)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_stream_window_size(STREAM_WINDOW)
            .max_pending_accept_reset_streams(MAX_UNSEEN_RESETS)
            .max_local_error_reset_streams(MAX_RESETS)
            .max_send_buf_size(64 * 1024);
        let (visitor, presence) = (Arc::new(visitor), ticket.presence().clone());
        let reception = self.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (reception, visitor, presence) = (reception.clone(), visitor.clone(), presence.clone());
            async move {
                let open = presence.open();
                let _work = presence.work();
                let Limits { patience, life, .. } = reception.limits;
                let answering = reception
                    .handler
                    .handle(visitor, request.map(|body| Upload::new(body, patience)));
                let answer = timeout(life, answering).await;
                let answer = answer.unwrap_or_else(|_| too_long());
                Ok::<_, Infallible>(answer.map(|body| body.holding(open)))
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut stop = self.shutdown.listener();
        let presence = ticket.presence();
        tokio::select! {
            biased;
            ended = connection.as_mut() => return Ok(ended?),
            () = begun(&mut stop) => {}
            () = idle(presence, limits.idle) => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            ended = connection.as_mut() => Ok(ended?),
            () = idle(presence, GRACE) => Ok(()),
        }
    }
}

fn too_long() -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer
}

/// Runs the streams of HTTP/2, each for so long at most: an answer that nobody reads ends with it.
#[derive(Clone, Copy, Debug)]
struct InTime(Duration);

impl<F> Executor<F> for InTime
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(timeout(self.0, future));
    }
}
