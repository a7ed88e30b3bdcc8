//! The HTTP/2 server: accept loop and graceful shutdown (TS 29.500 5.2, RFC 9113).
//!
//! Clear text is HTTP/2 with prior knowledge; TLS is 1.3 with ALPN `h2`. An HTTP/1 client is told 505 and refused.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use kaskade_faults::fault;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use super::accept::Entrance;
use super::budget::Ledger;
use super::connection::Connection;
use super::limits::Limits;
use super::message::{Reply, Request};
use super::service::Replying;
use super::tls::ServerTls;

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. The box is the only one of the request.
    fn handle(&self, request: Request) -> Replying<'_>;

    /// Hears of each reply, also where nobody asked it for one.
    fn replied(&self, _: &Reply) {}
}

/// How one server listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerOptions {
    /// TLS 1.3; `None` is clear text with prior knowledge.
    pub tls: Option<ServerTls>,
    /// Serve clear text on addresses of other machines too: every key is then shown to whoever is on the path.
    pub insecure_h2c: bool,
    /// What the peers may use.
    pub limits: Limits,
}

impl ServerOptions {
    /// Whether keys would travel in clear to other machines from this address: without TLS, and not on the loopback.
    pub fn is_exposed(&self, address: SocketAddr) -> bool {
        self.tls.is_none() && !address.ip().to_canonical().is_loopback() && !fault!("clear-text-anywhere")
    }
}

/// What the listeners of a node share: doors, and octets.
#[derive(Clone, Debug)]
pub(crate) struct House {
    entrance: Entrance,
    ledger: Arc<Ledger>,
    limits: Arc<Limits>,
}

/// What the peers of a house use now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HouseFigures {
    /// Connections that have not finished their handshake.
    pub handshakes: usize,
    /// Connections.
    pub connections: usize,
    /// Octets of requests that wait.
    pub octets: usize,
}

impl House {
    /// What its peers use now.
    pub(crate) fn figures(&self) -> HouseFigures {
        let [handshakes, connections] = self.entrance.doors.counts();
        HouseFigures {
            handshakes,
            connections,
            octets: self.ledger.used(),
        }
    }

    /// Its doors.
    pub(crate) fn entrance(&self) -> Entrance {
        self.entrance.clone()
    }

    /// What its peers may use.
    pub(crate) fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            entrance: Entrance::new(limits),
            ledger: Ledger::new(limits),
            limits: Arc::new(limits.clone()),
        }
    }
}

/// Tells servers to stop: no new connections, GOAWAY on the old ones, and an end after [`Limits::drain`].
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

    pub(crate) fn listener(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
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

pub(crate) async fn begun(listener: &mut watch::Receiver<bool>) {
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

/// Serves until the shutdown has begun and every connection is closed or [`Limits::drain`] is over.
///
/// # Errors
/// `PermissionDenied` at once, when the listener has no TLS, is open to other machines, and
/// [`insecure_h2c`](ServerOptions::insecure_h2c) does not allow that.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    handler: Arc<H>,
    options: ServerOptions,
    shutdown: Shutdown,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    if options.is_exposed(address) && !options.insecure_h2c {
        let reason = format!("{address}: HTTP/2 in clear is for the loopback only, unless insecure_h2c allows more");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let house = House::new(&options.limits.for_this_process());
    serve_in(house, listener, handler, options.tls, shutdown).await;
    Ok(())
}

/// As [`serve`], sharing what the peers may use with other listeners.
pub(crate) async fn serve_in<H: Handler>(
    house: House,
    listener: TcpListener,
    handler: Arc<H>,
    tls: Option<ServerTls>,
    shutdown: Shutdown,
) {
    let House {
        entrance,
        ledger,
        limits,
    } = house;
    let stop = shutdown.clone();
    let serving = entrance.serve(listener, shutdown, move |stream, peer, ticket| {
        let connection = Connection {
            handler: handler.clone(),
            tls: tls.clone(),
            limits: limits.clone(),
            account: ledger.account(),
            ticket,
            stop: stop.listener(),
        };
        connection.run(stream, peer.ip())
    });
    serving.await;
}
