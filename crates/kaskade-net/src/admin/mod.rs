//! The server of what an administrator asks: HTTP/1.1 and HTTP/2, over TCP, TLS or a Unix socket.
//!
//! | Part | What |
//! |---|---|
//! | [`Listener`] | where it listens; in clear on the loopback and on Unix sockets only |
//! | [`Visitor`] | who asks: a user of this machine, or whoever is at the other end of a connection |
//! | [`Upload`] | the body of a request, as a stream or as a whole |
//! | [`Body`] | the body of an answer, as a stream or as a whole |
//! | [`serve`] | serves until a shutdown |
//!
//! What a request may ask for, and who may, is the [`Handler`]'s. The limits are its own: whoever fills them takes nothing from the
//! services of the network functions.

mod body;
mod connection;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};

pub use body::{Body, Producer, Unreadable, Upload};

use crate::sbi::accept::Entrance;
use crate::sbi::limits;
use crate::sbi::peer::{Peer, Requester};
use crate::sbi::server::{ServerOptions, Shutdown, bind};
use crate::sbi::tls::ServerTls;
use connection::Reception;

/// A request, with its head and its body.
pub type Request = hyper::Request<Upload>;

/// An answer.
pub type Response = hyper::Response<Body>;

/// An answer that is on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. The future is dropped when the peer gives up its request: what must go to its end needs a task.
    fn handle(&self, visitor: Arc<Visitor>, request: Request) -> Answering<'_>;
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Visitor {
    /// A process of this machine, over a Unix socket: the kernel says whose.
    Local {
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its process, where the kernel says so.
        pid: Option<i32>,
    },
    /// A peer over the network.
    Remote {
        /// Its certificate, if the listener asks for one, and its address.
        peer: Peer,
        /// Whether the connection is encrypted.
        tls: bool,
    },
}

impl Visitor {
    /// Who that is, as the services and the audit log know it.
    pub fn requester(&self) -> Requester {
        match self {
            Self::Local { uid, .. } => Requester::user(*uid),
            Self::Remote { peer, .. } => peer.requester().clone(),
        }
    }
}

impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { uid, .. } => write!(f, "uid {uid}"),
            Self::Remote { peer, .. } => peer.requester().fmt(f),
        }
    }
}

/// How much visitors may use together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once; for another, the one that was useful longest ago is closed.
    pub connections: usize,
    /// Connections that have not finished their handshake.
    pub handshakes: usize,
    /// Requests at once in one connection of HTTP/2.
    pub streams: u32,
    /// The head of a request, in octets.
    pub head: u32,
    /// How long a handshake or the head of a request may take, a pause within a body, and a peer that does not read.
    pub patience: Duration,
    /// After this long without a request a connection is closed.
    pub idle: Duration,
    /// How long one request may take in all.
    pub life: Duration,
    /// How long requests in progress may take after a shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            // As many: a portal or a shell may open all of its connections at once.
            handshakes: 64,
            streams: 16,
            head: 16 * 1024,
            patience: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            life: Duration::from_secs(3600),
            drain: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// The most memory that visitors of one listener can take without a request, in octets.
    pub const fn octets(&self) -> usize {
        let handshakes = self.handshakes.saturating_add(limits::MAX_ENDING);
        (self.connections.saturating_mul(limits::CONNECTION_OCTETS))
            .saturating_add(handshakes.saturating_mul(limits::HANDSHAKE_OCTETS))
    }

    /// File descriptors of one listener with all of its visitors.
    pub const fn descriptors(&self) -> usize {
        (self.connections.saturating_add(self.handshakes)).saturating_add(limits::MAX_ENDING + 1)
    }

    /// What the doors ask for: one source may have all places, since all administration may come from one machine.
    fn of_doors(&self) -> limits::Limits {
        limits::Limits {
            max_connections: self.connections,
            max_connections_per_source: self.connections,
            max_handshakes: self.handshakes,
            max_handshakes_per_source: self.handshakes,
            drain: self.drain,
            ..limits::Limits::default()
        }
    }
}

/// Where administration is asked for.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp {
        listener: TcpListener,
        tls: Option<ServerTls>,
    },
    Unix(UnixListener),
}

impl Listener {
    /// An address of the network. Port 0 takes a free one.
    ///
    /// # Errors
    /// When it cannot be bound; `PermissionDenied` where an address of other machines has no TLS.
    pub fn tcp(address: SocketAddr, tls: Option<ServerTls>) -> io::Result<Self> {
        let options = ServerOptions {
            tls: tls.map(ServerTls::with_http_1),
            ..ServerOptions::default()
        };
        if options.is_exposed(address) {
            let reason =
                format!("{address} is open to other machines: administration in clear is for the loopback only");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        let (listener, tls) = (bind(address)?, options.tls);
        Ok(Self(Kind::Tcp { listener, tls }))
    }

    /// A Unix socket, which its owner has made and will remove.
    pub const fn unix(listener: UnixListener) -> Self {
        Self(Kind::Unix(listener))
    }

    /// The address of the network, with the port that it got.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Tcp { listener, .. } => listener.local_addr().ok(),
            Kind::Unix(_) => None,
        }
    }

    /// Its TLS, to be replaced.
    pub const fn tls(&self) -> Option<&ServerTls> {
        match &self.0 {
            Kind::Tcp { tls, .. } => tls.as_ref(),
            Kind::Unix(_) => None,
        }
    }
}

/// Serves until the shutdown has begun and every connection is closed or [`Limits::drain`] is over.
pub async fn serve<H: Handler>(listener: Listener, handler: Arc<H>, limits: Limits, shutdown: Shutdown) {
    let entrance = Entrance::new(&limits.of_doors());
    let reception = Arc::new(Reception {
        handler,
        limits,
        shutdown: shutdown.clone(),
    });
    match listener.0 {
        Kind::Tcp { listener, tls } => {
            let serving = entrance.serve(listener, shutdown, move |stream, origin, ticket| {
                let (reception, tls) = (reception.clone(), tls.clone());
                async move { reception.tcp(stream, origin.ip(), tls, ticket).await }
            });
            serving.await;
        }
        Kind::Unix(listener) => {
            let serving = entrance.serve(listener, shutdown, move |stream, _, ticket| {
                let reception = reception.clone();
                async move { reception.unix(stream, ticket).await }
            });
            serving.await;
        }
    }
}

/// A peer without a certificate.
fn remote(address: IpAddr) -> Visitor {
    Visitor::Remote {
        peer: Peer::at(address),
        tls: false,
    }
}
