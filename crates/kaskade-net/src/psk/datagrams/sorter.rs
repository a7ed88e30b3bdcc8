//! Whose a datagram is: of a connection, of a handshake, of neither.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kaskade_faults::fault;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::PskDatagrams;
use super::cookie::{Cookies, Hello};
use crate::log_limit;
use crate::psk::carrier::{Datagrams, LARGEST_DATAGRAM};
use crate::psk::error::HandshakeError;
use crate::psk::server::PskServer;

/// Datagrams of one peer that wait to be read; more are lost, as on the way.
const QUEUE: usize = 32;

/// How often peers that have gone are forgotten.
const SWEEP: Duration = Duration::from_secs(1);

/// Where datagrams go: to a handshake, and then to the connection that comes of it.
struct End {
    inbound: mpsc::Sender<Vec<u8>>,
    /// Of the ClientHello that it began with.
    random: [u8; 32],
    is_established: Arc<AtomicBool>,
}

impl End {
    fn is_of(&self, hello: &Hello<'_>) -> bool {
        self.random == *hello.random
    }

    /// A full queue loses it.
    fn give(&self, datagram: &[u8]) {
        let _ = self.inbound.try_send(datagram.to_vec());
    }
}

/// What is behind one address.
#[derive(Default)]
struct Peer {
    connection: Option<End>,
    /// Of a peer that is new, or begins anew. Anyone may say its ClientHello once more; only the peer has the key, so its older self stays
    /// until the handshake is done (RFC 6347 4.2.8).
    handshake: Option<End>,
}

impl Peer {
    /// Takes notice of what became of the handshake, and of who has gone.
    fn settle(&mut self) {
        let is_done = |end: &mut End| end.is_established.load(Ordering::Acquire);
        if let Some(newer) = self.handshake.take_if(is_done) {
            self.connection = Some(newer);
        }
        for end in [&mut self.connection, &mut self.handshake] {
            end.take_if(|end| end.inbound.is_closed());
        }
    }

    fn ends(&self) -> impl Iterator<Item = &End> {
        [&self.connection, &self.handshake].into_iter().flatten()
    }

    /// Gives a datagram to whom it may be for. False for the ClientHello of somebody who is not there yet.
    fn give(&self, datagram: &[u8], hello: Option<&Hello<'_>>) -> bool {
        let Some(hello) = hello else {
            // Of handshake and connection one cannot tell it apart; what is not protected by its key a connection does not use.
            self.ends().for_each(|end| end.give(datagram));
            return true;
        };
        if let Some(handshake) = self.handshake.as_ref().filter(|end| end.is_of(hello)) {
            handshake.give(datagram);
            return true;
        }
        // That of the connection itself has been used.
        let is_known = |end: &End| end.is_of(hello) || fault!("psk-older-self-stays");
        self.connection.as_ref().is_some_and(is_known)
    }
}

/// Sorts datagrams by their sender.
pub(super) struct Sorter {
    server: PskServer,
    socket: Arc<UdpSocket>,
    cookies: Cookies,
    /// As many as have a place, and those that left theirs within the last [`SWEEP`].
    peers: HashMap<SocketAddr, Peer>,
    done: mpsc::Sender<(PskDatagrams, SocketAddr)>,
    /// Whether anybody accepts.
    is_open: bool,
}

impl Sorter {
    pub(super) fn new(server: PskServer, socket: UdpSocket, done: mpsc::Sender<(PskDatagrams, SocketAddr)>) -> Self {
        Self {
            server,
            socket: Arc::new(socket),
            cookies: Cookies::new(),
            peers: HashMap::new(),
            done,
            is_open: true,
        }
    }

    /// As long as anybody accepts, or has accepted somebody who is still there.
    pub(super) async fn run(mut self) {
        let mut datagram = [0; LARGEST_DATAGRAM];
        let mut sweep = tokio::time::interval(SWEEP);
        while self.is_open || !self.peers.is_empty() {
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
                _ = sweep.tick() => self.sweep(),
                () = self.done.closed(), if self.is_open => {
                    self.is_open = false;
                    self.sweep();
                    if fault!("psk-accepted-end-with-server") {
                        return;
                    }
                }
            }
        }
    }

    fn sweep(&mut self) {
        let is_open = self.is_open;
        self.peers.retain(|_, peer| {
            peer.settle();
            peer.handshake.take_if(|_| !is_open);
            peer.ends().next().is_some()
        });
    }

    async fn sort(&mut self, datagram: &[u8], address: SocketAddr) {
        let hello = Hello::read(datagram);
        if let Some(peer) = self.peers.get_mut(&address) {
            peer.settle();
            if peer.give(datagram, hello.as_ref()) {
                return;
            }
        }
        let Some(hello) = hello.filter(|_| self.is_open) else {
            return;
        };
        if self.cookies.are_right(&hello, address) {
            self.begin(&hello, datagram, address);
        } else if let Some(answer) = self.cookies.ask(&hello, address) {
            let _ = self.socket.send_to(&answer, address).await;
        }
    }

    /// The handshake of a peer, in a task. One of the same address that is not done gives way.
    fn begin(&mut self, hello: &Hello<'_>, datagram: &[u8], address: SocketAddr) {
        let (inbound, queue) = mpsc::channel(QUEUE);
        let is_established = Arc::new(AtomicBool::new(false));
        let end = End {
            inbound,
            random: *hello.random,
            is_established: is_established.clone(),
        };
        end.give(datagram);
        let carrier = Datagrams::sorted(queue, self.socket.clone(), address);
        let (server, done) = (self.server.clone(), self.done.clone());
        let ticket = server.knock(address);
        let seat = server.seat(address);
        let tls = server.begin::<Datagrams>(&seat).and_then(|tls| hello.prime(tls));
        tokio::spawn(async move {
            let session = match tls {
                Ok(tls) => tokio::select! {
                    session = server.shake_hands(tls, carrier, seat, ticket) => session,
                    () = done.closed() => Err(HandshakeError::Stopping),
                },
                Err(error) => Err(error),
            };
            match session {
                Ok(session) => {
                    is_established.store(true, Ordering::Release);
                    // Dropped where nobody accepts any more.
                    let _ = done.send((PskDatagrams::new(session), address)).await;
                }
                Err(error @ (HandshakeError::NoRoom | HandshakeError::Shed)) => {
                    log_limit!(warn, "too many connections", peer = %address, %error);
                }
                Err(error) => tracing::debug!(peer = %address, %error, "no DTLS connection"),
            }
        });
        let peer = self.peers.entry(address).or_default();
        peer.handshake = Some(end);
        if fault!("psk-replayed-hello-ends-connection") {
            peer.connection = None;
        }
    }
}
