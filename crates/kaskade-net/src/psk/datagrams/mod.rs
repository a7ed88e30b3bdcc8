//! DTLS over UDP: one socket, a handshake for each peer that has shown that it is where it says.

mod cookie;

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kaskade_faults::fault;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::cookie::{Cookies, Hello};
use super::carrier::{Datagrams, LARGEST_DATAGRAM};
use super::error::HandshakeError;
use super::key::PskIdentity;
use super::server::PskServer;
use super::session::Session;
use crate::log_limit;

/// Longest message, in octets: it goes in one datagram that every network of IPv6 carries.
pub const MAX_MESSAGE: usize = 1_152;

/// Datagrams of one peer that wait to be read; more are lost, as on the way.
const QUEUE: usize = 32;

/// Connections that wait to be accepted.
const BACKLOG: usize = 64;

/// How often peers that have gone are forgotten.
const SWEEP: Duration = Duration::from_secs(1);

/// A DTLS connection that rests on a pre-shared key: messages that arrive whole, in any order, or not at all.
pub struct PskDatagrams(pub(super) Session<Datagrams>);

impl PskDatagrams {
    /// Whose key the client has proved to hold; `None` on the client's end.
    pub fn identity(&self) -> Option<&PskIdentity> {
        self.0.identity()
    }

    /// Code point of the cipher suite that was agreed, in IANA's registry.
    pub fn cipher_suite(&self) -> u16 {
        self.0.cipher_suite()
    }

    /// The next message, as much of it as fits; 0 octets when the peer has said that no more will come.
    ///
    /// # Errors
    /// Those of the socket, or `ConnectionAborted` when the connection was closed to make room for others.
    pub async fn recv(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.0.poll_read(cx, octets)).await
    }

    /// Sends a message of 1 to [`MAX_MESSAGE`] octets.
    ///
    /// # Errors
    /// `InvalidInput` for another length; those of the socket.
    pub async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        if !(1..=MAX_MESSAGE).contains(&octets.len()) {
            let what = format!(
                "a message over DTLS has 1 to {MAX_MESSAGE} octets, not {}",
                octets.len()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        poll_fn(|cx| self.0.poll_write(cx, octets)).await?;
        poll_fn(|cx| self.0.poll_flush(cx)).await
    }

    /// Says that no more will come.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.0.poll_shutdown(cx)).await
    }
}

impl fmt::Debug for PskDatagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskDatagrams")
            .field("identity", &self.identity())
            .finish_non_exhaustive()
    }
}

/// A UDP socket with its connections. Dropping it ends all of them that were not accepted.
#[derive(Debug)]
pub struct PskDatagramServer {
    accepted: mpsc::Receiver<(PskDatagrams, SocketAddr)>,
    sorting: JoinHandle<()>,
}

impl PskDatagramServer {
    /// Serves on this socket; the profile of the server is one for datagrams, or every handshake fails.
    pub fn new(server: PskServer, socket: UdpSocket) -> Self {
        let (done, accepted) = mpsc::channel(BACKLOG);
        let sorter = Sorter {
            server,
            socket: Arc::new(socket),
            cookies: Cookies::new(),
            peers: HashMap::new(),
            done,
        };
        Self {
            accepted,
            sorting: tokio::spawn(sorter.run()),
        }
    }

    /// The next connection whose handshake is done.
    pub async fn accept(&mut self) -> Option<(PskDatagrams, SocketAddr)> {
        self.accepted.recv().await
    }
}

impl Drop for PskDatagramServer {
    fn drop(&mut self) {
        self.sorting.abort();
    }
}

/// Where the datagrams of a peer go.
struct Peer {
    inbound: mpsc::Sender<Vec<u8>>,
    is_established: Arc<AtomicBool>,
}

/// Sorts datagrams by their sender.
struct Sorter {
    server: PskServer,
    socket: Arc<UdpSocket>,
    cookies: Cookies,
    /// As many as have a place, and those that left theirs within the last [`SWEEP`].
    peers: HashMap<SocketAddr, Peer>,
    done: mpsc::Sender<(PskDatagrams, SocketAddr)>,
}

impl Sorter {
    async fn run(mut self) {
        let mut datagram = [0; LARGEST_DATAGRAM];
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                received = self.socket.recv_from(&mut datagram) => match received {
                    Ok((len, peer)) => self.sort(&datagram[..len], peer).await,
                    // Of an earlier answer that nobody wanted.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                    Err(error) => {
                        log_limit!(warn, "a datagram could not be read", %error);
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                _ = sweep.tick() => self.peers.retain(|_, peer| !peer.inbound.is_closed()),
            }
        }
    }

    async fn sort(&mut self, datagram: &[u8], address: SocketAddr) {
        let known = self.peers.get(&address).filter(|peer| !peer.inbound.is_closed());
        let hello = Hello::read(datagram);
        if let Some(peer) = known
            && (hello.is_none() || !peer.is_established.load(Ordering::Relaxed) || fault!("psk-older-self-stays"))
        {
            // A full queue loses it.
            let _ = peer.inbound.try_send(datagram.to_vec());
            return;
        }
        // A peer that begins anew takes the place of its older self only once it has shown that it is there (RFC 6347 4.2.8).
        let Some(hello) = hello else { return };
        if self.cookies.are_right(&hello, address) {
            self.begin(&hello, datagram, address);
        } else if let Some(answer) = self.cookies.ask(&hello, address) {
            let _ = self.socket.send_to(&answer, address).await;
        }
    }

    /// The handshake of a peer, in a task.
    fn begin(&mut self, hello: &Hello<'_>, datagram: &[u8], address: SocketAddr) {
        let (inbound, queue) = mpsc::channel(QUEUE);
        let is_established = Arc::new(AtomicBool::new(false));
        let _ = inbound.try_send(datagram.to_vec());
        let carrier = Datagrams::Sorted {
            inbound: queue,
            socket: self.socket.clone(),
            peer: address,
        };
        let (server, done) = (self.server.clone(), self.done.clone());
        let ticket = server.knock(address);
        let seat = server.seat(address);
        let tls = server.begin::<Datagrams>(&seat).and_then(|tls| hello.prime(tls));
        let established = is_established.clone();
        tokio::spawn(async move {
            let session = match tls {
                Ok(tls) => server.shake_hands(tls, carrier, seat, ticket).await,
                Err(error) => Err(error),
            };
            match session {
                Ok(session) => {
                    established.store(true, Ordering::Relaxed);
                    // Dropped where nobody accepts any more.
                    let _ = done.send((PskDatagrams(session), address)).await;
                }
                Err(error @ (HandshakeError::NoRoom | HandshakeError::Shed)) => {
                    log_limit!(warn, "too many connections", peer = %address, %error);
                }
                Err(error) => tracing::debug!(peer = %address, %error, "no DTLS connection"),
            }
        });
        let peer = Peer {
            inbound,
            is_established,
        };
        self.peers.insert(address, peer);
    }
}
