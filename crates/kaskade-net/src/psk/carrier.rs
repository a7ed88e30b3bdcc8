//! What carries a connection: a stream, or datagrams. It fills and empties a [`Wire`].

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use kaskade_faults::fault;
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
pub(super) enum Datagrams {
    /// Through a socket that is connected with the peer.
    Connected(UdpSocket),
    /// Through the socket of a server, which sorts them by their sender.
    Sorted {
        inbound: mpsc::Receiver<Vec<u8>>,
        outbound: Shared<UdpSocket>,
        peer: SocketAddr,
    },
}

impl Datagrams {
    /// Those of one peer of a server.
    pub(super) fn sorted(inbound: mpsc::Receiver<Vec<u8>>, socket: Arc<UdpSocket>, peer: SocketAddr) -> Self {
        Self::Sorted {
            inbound,
            outbound: Shared::new(socket),
            peer,
        }
    }
}

/// A socket that many connections send through, each to its peer.
pub(super) trait Socket: Send + Sync + 'static {
    type Address;

    fn try_send(&self, octets: &[u8], to: &Self::Address) -> io::Result<usize>;

    /// Until there is room. Any number may wait at once.
    fn room(&self) -> impl Future<Output = io::Result<()>> + Send + Sync;
}

impl Socket for UdpSocket {
    type Address = SocketAddr;

    fn try_send(&self, octets: &[u8], to: &SocketAddr) -> io::Result<usize> {
        self.try_send_to(octets, *to)
    }

    fn room(&self) -> impl Future<Output = io::Result<()>> + Send + Sync {
        self.writable()
    }
}

type Room = Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>;

/// One connection's part in such a socket, with its own turn to wait: `poll_send_to` of tokio wakes only whoever called it last.
pub(super) struct Shared<S> {
    socket: Arc<S>,
    room: Option<Room>,
}

impl<S: Socket> Shared<S> {
    fn new(socket: Arc<S>) -> Self {
        Self { socket, room: None }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, octets: &[u8], to: &S::Address) -> Poll<io::Result<usize>> {
        loop {
            if let Some(room) = &mut self.room {
                if fault!("psk-sender-forgotten") {
                    return Poll::Pending;
                }
                let there = ready!(room.as_mut().poll(cx));
                self.room = None;
                there?;
            }
            match self.socket.try_send(octets, to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let socket = self.socket.clone();
                    self.room = Some(Box::pin(async move { socket.room().await }));
                }
                sent => return Poll::Ready(sent),
            }
        }
    }
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
                Self::Sorted { outbound, peer, .. } => outbound.poll_send(cx, octets, peer),
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::net::UnixDatagram;
    use tokio::time::timeout;

    use super::*;

    /// UDP on the loopback is never full; a socket of this kind is, once its reader has some datagrams to read.
    impl Socket for UnixDatagram {
        type Address = ();

        fn try_send(&self, octets: &[u8], (): &()) -> io::Result<usize> {
            self.try_send(octets)
        }

        fn room(&self) -> impl Future<Output = io::Result<()>> + Send + Sync {
            self.writable()
        }
    }

    #[tokio::test]
    async fn all_that_wait_for_a_full_socket_are_told_when_there_is_room() {
        let (near, far) = UnixDatagram::pair().unwrap();
        let socket = Arc::new(near);
        let mut sent = 0;
        while socket.try_send(&[0; 1024]).is_ok() {
            sent += 1;
        }
        let waiting: Vec<_> = (1..=4)
            .map(|peer| {
                let mut shared = Shared::new(socket.clone());
                tokio::spawn(async move { poll_fn(|cx| shared.poll_send(cx, &[peer; 1024], &())).await })
            })
            .collect();
        // Until all of them wait.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let mut datagram = [0; 1024];
        let mut from = Vec::new();
        for _ in 0..sent + waiting.len() {
            let read = timeout(Duration::from_secs(10), far.recv(&mut datagram)).await;
            read.expect("somebody waits for room that is there").unwrap();
            from.push(datagram[0]);
        }
        for sender in waiting {
            assert_eq!(sender.await.unwrap().unwrap(), 1024);
        }
        from.retain(|peer| *peer != 0);
        from.sort_unstable();
        assert_eq!(from, [1, 2, 3, 4]);
    }
}
