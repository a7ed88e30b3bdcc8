//! DTLS over UDP: one socket, a handshake for each peer that has shown that it is where it says.

mod cookie;
mod sorter;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use kaskade_faults::fault;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::carrier::{Datagrams, LARGEST_DATAGRAM};
use super::key::PskIdentity;
use super::server::PskServer;
use super::session::Session;

/// Longest message, in octets: it goes in one datagram that every network of IPv6 carries.
pub const MAX_MESSAGE: usize = 1_152;

/// Connections that wait to be accepted.
const BACKLOG: usize = 64;

/// A DTLS connection that rests on a pre-shared key: messages that arrive whole, in any order, or not at all.
pub struct PskDatagrams {
    session: Session<Datagrams>,
    /// Where a message is read that may be longer than what the caller has room for.
    room: Vec<u8>,
    /// Octets there of one that was longer.
    kept: Option<usize>,
}

impl PskDatagrams {
    pub(super) fn new(session: Session<Datagrams>) -> Self {
        Self {
            session,
            room: Vec::new(),
            kept: None,
        }
    }

    /// Whose key the client has proved to hold; `None` on the client's end.
    pub fn identity(&self) -> Option<&PskIdentity> {
        self.session.identity()
    }

    /// Code point of the cipher suite that was agreed, in IANA's registry.
    pub fn cipher_suite(&self) -> u16 {
        self.session.cipher_suite()
    }

    /// The next message; 0 octets when the peer has said that no more will come. [`MAX_MESSAGE`] octets are room for every message that
    /// [`send`](Self::send) takes.
    ///
    /// # Errors
    /// `InvalidInput` for a message that is longer than the room for it: it stays, and comes with the next call that has enough. Those of the
    /// socket; `ConnectionAborted` when the connection was closed to make room for others; `UnexpectedEof` when the peer has begun anew.
    pub async fn recv(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let Self { session, room, kept } = self;
        let len = match *kept {
            Some(len) => len,
            None if octets.len() >= LARGEST_DATAGRAM || fault!("psk-message-split") => {
                return poll_fn(|cx| session.poll_read(cx, octets)).await;
            }
            None => {
                room.resize(LARGEST_DATAGRAM, 0);
                match poll_fn(|cx| session.poll_read(cx, room)).await? {
                    0 => return Ok(0),
                    len => len,
                }
            }
        };
        let (Some(to), Some(message)) = (octets.get_mut(..len), room.get(..len)) else {
            *kept = Some(len);
            let what = format!("a message of {len} octets waits for more room than {}", octets.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        };
        to.copy_from_slice(message);
        *kept = None;
        Ok(len)
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
        poll_fn(|cx| self.session.poll_write(cx, octets)).await?;
        poll_fn(|cx| self.session.poll_flush(cx)).await
    }

    /// Says that no more will come.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.session.poll_shutdown(cx)).await
    }
}

impl fmt::Debug for PskDatagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskDatagrams")
            .field("identity", &self.identity())
            .finish_non_exhaustive()
    }
}

/// A UDP socket with its connections. Dropping it ends the handshakes and all connections that were not accepted; the others go on, and the
/// socket is free again within a second after the last of them has gone.
#[derive(Debug)]
pub struct PskDatagramServer {
    accepted: mpsc::Receiver<(PskDatagrams, SocketAddr)>,
}

impl PskDatagramServer {
    /// Serves on this socket; the profile of the server is one for datagrams, or every handshake fails.
    pub fn new(server: PskServer, socket: UdpSocket) -> Self {
        let (done, accepted) = mpsc::channel(BACKLOG);
        tokio::spawn(sorter::Sorter::new(server, socket, done).run());
        Self { accepted }
    }

    /// The next connection whose handshake is done.
    pub async fn accept(&mut self) -> Option<(PskDatagrams, SocketAddr)> {
        self.accepted.recv().await
    }
}
