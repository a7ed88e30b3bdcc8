//! What carries a connection: a stream, or datagrams. It fills and empties a [`Wire`].

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::wire::Wire;

/// Moves octets between a [`Wire`] and the network.
pub(super) trait Carrier: Send {
    /// A read takes one datagram, and a write makes one.
    const DATAGRAMS: bool;

    /// Takes something that has come, or its end.
    fn poll_take(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<io::Result<()>>;

    /// Sends all that waits.
    fn poll_give(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<io::Result<()>>;

    /// Ends this end's direction, after all was sent.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// Octets that are taken at once.
const PIECE: usize = 8 * 1024;

/// A stream of octets.
#[derive(Debug)]
pub(super) struct Octets<I>(pub(super) I);

impl<I: AsyncRead + AsyncWrite + Unpin + Send> Carrier for Octets<I> {
    const DATAGRAMS: bool = false;

    fn poll_take(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<io::Result<()>> {
        let mut piece = [0; PIECE];
        let mut buffer = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        match buffer.filled() {
            [] => wire.end(),
            octets => wire.put(octets.to_vec()),
        }
        Poll::Ready(Ok(()))
    }

    fn poll_give(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<io::Result<()>> {
        while let Some(octets) = wire.first_out() {
            let len = ready!(Pin::new(&mut self.0).poll_write(cx, octets))?;
            if len == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            wire.gone(len);
        }
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Largest datagram that is read: more than any record has.
pub(super) const LARGEST_DATAGRAM: usize = 4 * 1024;

/// Datagrams of one peer.
#[derive(Debug)]
pub(super) enum Datagrams {
    /// Through a socket that is connected with the peer.
    Connected(UdpSocket),
    /// Through the socket of a server, which sorts them by their sender.
    Sorted {
        inbound: mpsc::Receiver<Vec<u8>>,
        socket: Arc<UdpSocket>,
        peer: SocketAddr,
    },
}

impl Carrier for Datagrams {
    const DATAGRAMS: bool = true;

    fn poll_take(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<io::Result<()>> {
        match self {
            Self::Connected(socket) => {
                let mut piece = [0; LARGEST_DATAGRAM];
                let mut buffer = ReadBuf::new(&mut piece);
                ready!(socket.poll_recv(cx, &mut buffer))?;
                wire.put(buffer.filled().to_vec());
            }
            Self::Sorted { inbound, .. } => match ready!(inbound.poll_recv(cx)) {
                Some(datagram) => wire.put(datagram),
                None => wire.end(),
            },
        }
        Poll::Ready(Ok(()))
    }

    fn poll_give(&mut self, cx: &mut Context<'_>, wire: &mut Wire) -> Poll<io::Result<()>> {
        while let Some(octets) = wire.first_out() {
            let sent = ready!(match self {
                Self::Connected(socket) => socket.poll_send(cx, octets),
                Self::Sorted { socket, peer, .. } => socket.poll_send_to(cx, octets, *peer),
            });
            wire.gone(octets_of(sent)?);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// That nobody listens now is no error of this datagram: it may be lost like any other.
fn octets_of(sent: io::Result<usize>) -> io::Result<usize> {
    match sent {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(0),
        other => other,
    }
}
