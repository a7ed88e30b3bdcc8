//! The accept loop of a listener: whom the doors let in, each in a task of its own, and an end that is orderly.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::ConnectionError;
use super::doors::{Doors, Ticket};
use super::limits::{Limits, MAX_ENDING};
use super::server::{Shutdown, begun};
use crate::log_limit;

/// Something that connections come from.
pub(crate) trait Accept: Send + Sync {
    /// The stream of a connection.
    type Io: Send + 'static;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Io, Origin)>> + Send;
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An address of the network.
    Tcp(SocketAddr),
    /// A process of this machine.
    Unix,
}

impl Origin {
    pub(crate) fn ip(self) -> IpAddr {
        match self {
            Self::Tcp(address) => address.ip(),
            Self::Unix => Ipv4Addr::LOCALHOST.into(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("a process of this machine"),
        }
    }
}

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Origin)> {
        let (stream, address) = TcpListener::accept(self).await?;
        Ok((stream, Origin::Tcp(address)))
    }
}

impl Accept for UnixListener {
    type Io = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Origin)> {
        let (stream, _) = UnixListener::accept(self).await?;
        Ok((stream, Origin::Unix))
    }
}

/// Who may come in, over all listeners that share it.
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    pub(crate) doors: Arc<Doors>,
    /// One for each task of a connection, also of those that were closed and have not noticed yet.
    places: Arc<Semaphore>,
    /// How long connections may take to end.
    drain: Duration,
}

impl Entrance {
    pub(crate) fn new(limits: &Limits) -> Self {
        let guests = limits.max_connections.saturating_add(limits.max_handshakes);
        // More than the doors let in: where all are taken, somebody was closed, and a place comes free.
        let places = guests.saturating_add(MAX_ENDING);
        Self {
            doors: Doors::new(limits.clone()),
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            drain: limits.drain,
        }
    }

    /// Serves until the shutdown has begun and every connection is closed or the time for that is over.
    pub(crate) async fn serve<L, S, F>(self, listener: L, shutdown: Shutdown, serve: S)
    where
        L: Accept,
        S: Fn(L::Io, Origin, Ticket) -> F + Send,
        F: Future<Output = Result<(), ConnectionError>> + Send + 'static,
    {
        let mut connections = JoinSet::new();
        let mut stop = shutdown.listener();
        loop {
            let accepted = async {
                let place = self.places.clone().acquire_owned().await;
                (listener.accept().await, place)
            };
            tokio::select! {
                (accepted, place) = accepted => match accepted {
                    Ok((stream, peer)) => {
                        let connection = serve(stream, peer, self.doors.knock(peer.ip()));
                        connections.spawn(async move {
                            let _place = place;
                            match connection.await {
                                Ok(()) => {}
                                Err(error @ (ConnectionError::NoRoom | ConnectionError::Shed)) => {
                                    log_limit!(warn, "too many connections", %peer, %error);
                                }
                                Err(error) if error.is_misfit() => {
                                    log_limit!(warn, "a peer could not connect", %peer, %error);
                                }
                                Err(error) => tracing::debug!(%peer, %error, "connection ended"),
                            }
                        });
                    }
                    Err(error) => {
                        // Out of descriptors, usually: others must close before there is a point in trying again.
                        log_limit!(warn, "accept failed", %error);
                        self.doors.relieve();
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                () = begun(&mut stop) => break,
            }
        }
        drop(listener);
        let drained = timeout(self.drain, async { while connections.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "closing connections that did not finish"
            );
            connections.shutdown().await;
        }
    }
}
