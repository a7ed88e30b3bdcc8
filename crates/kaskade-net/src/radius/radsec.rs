//! Over TLS 1.3, with certificates at both ends (RFC 6614) or with pre-shared keys (RFC 8446 2.2, RFC 9257).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::radius::{PACKET_AT_MOST, Packet};
use kaskade_faults::fault;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::time::timeout;

use super::clients::Client;
#[cfg(feature = "psk")]
use super::clients::Clients;
use super::eap_server::EapServer;
use super::figures::Dropped;
use super::server::RadiusServer;
use super::udp::log_dropped;
#[cfg(feature = "psk")]
use crate::live::Live;
#[cfg(feature = "psk")]
use crate::psk::{self, ContextError, Profile, PskIdentity, PskLimits, PskServer};
use crate::sbi::accept::Origin;
use crate::sbi::connection::{ConnectionError, GRACE, idle, prepare, shake_hands};
use crate::sbi::doors::{Presence, Ticket};
use crate::sbi::limits::Limits;
use crate::sbi::peer::Peer;
#[cfg(feature = "psk")]
use crate::sbi::peer::Requester;
use crate::sbi::server::{House, Shutdown, begun};
use crate::sbi::tls::{ServerTls, peer};
use crate::sbi::watched::Watched;

/// Requests of one connection in work at once; the next waits in the socket. An identifier tells 256 apart.
const IN_WORK: u32 = 64;

/// How one listener serves.
#[derive(Clone, Debug)]
pub struct RadSecOptions {
    /// Whom clients find, and which authorities vouch for them. What replaces it counts from the next connection on.
    pub tls: ServerTls,
    /// What the clients may use.
    pub limits: Limits,
}

/// Serves until the shutdown has begun and every connection is closed or [`Limits::drain`] is over.
///
/// # Errors
/// `PermissionDenied` at once, when clients would need no certificate: the secret under TLS is known to all the world.
pub async fn serve_radsec<E: EapServer>(
    listener: TcpListener,
    server: Arc<RadiusServer<E>>,
    options: RadSecOptions,
    shutdown: Shutdown,
) -> io::Result<()> {
    if !options.tls.is_mutual() {
        let reason = "RADIUS over TLS is for clients with a certificate: name the authority that vouches for them";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let house = House::new(&options.limits.for_this_process());
    serve_radsec_in(&house, listener, server, Security::Certificates(options.tls), shutdown).await;
    Ok(())
}

/// How both ends know each other.
#[derive(Clone)]
pub(crate) enum Security {
    /// By certificates.
    Certificates(ServerTls),
    /// By pre-shared keys.
    #[cfg(feature = "psk")]
    Keys(PskServer),
}

impl Security {
    /// What is reloaded with its certificates.
    pub(crate) fn certificates(&self) -> Option<ServerTls> {
        match self {
            Self::Certificates(tls) => Some(tls.clone()),
            #[cfg(feature = "psk")]
            Self::Keys(_) => None,
        }
    }

    /// By the keys of clients, whichever there are when one comes.
    #[cfg(feature = "psk")]
    pub(crate) fn keys_of(clients: Live<Clients>, limits: &Limits) -> Result<Self, ContextError> {
        let of_peers = PskLimits {
            max_connections: limits.max_connections,
            max_connections_per_source: limits.max_connections_per_source,
            max_handshakes: limits.max_handshakes,
            max_handshakes_per_source: limits.max_handshakes_per_source,
            patience: limits.patience,
            ..PskLimits::default()
        };
        let keys = move |asked: &psk::Asked<'_>| clients.with(|clients| clients.key(asked.identity));
        PskServer::new(Profile::Tls13, None, Arc::new(keys), of_peers).map(Self::Keys)
    }
}

/// By what a peer is known.
enum Known {
    Certificate(Peer),
    #[cfg(feature = "psk")]
    Key(PskIdentity, Requester),
}

/// As [`serve_radsec`], sharing what the peers may use with other listeners.
pub(crate) async fn serve_radsec_in<E: EapServer>(
    house: &House,
    listener: TcpListener,
    server: Arc<RadiusServer<E>>,
    security: Security,
    shutdown: Shutdown,
) {
    let room = Arc::new(Room {
        server,
        security,
        limits: house.limits().clone(),
        shutdown: shutdown.clone(),
    });
    let serving = house
        .entrance()
        .serve(listener, shutdown, move |stream, origin, ticket| {
            room.clone().connection(stream, origin, ticket)
        });
    serving.await;
}

/// What all connections of a listener share.
struct Room<E: EapServer> {
    server: Arc<RadiusServer<E>>,
    security: Security,
    limits: Arc<Limits>,
    shutdown: Shutdown,
}

impl<E: EapServer> Room<E> {
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        origin: Origin,
        ticket: Ticket,
    ) -> Result<(), ConnectionError> {
        prepare(&stream)?;
        let Origin::Tcp(address) = origin else {
            return Err(ConnectionError::Stopping);
        };
        let stream = Watched::new(stream, self.limits.patience);
        match &self.security {
            Security::Certificates(tls) => {
                let tls = tls.for_radius();
                let stream = self.in_time(&ticket, shake_hands(&tls, stream)).await?;
                let known = Known::Certificate(peer(&stream, origin.ip()));
                self.serve(stream, known, address, ticket).await
            }
            #[cfg(feature = "psk")]
            Security::Keys(server) => {
                let accepted = async { server.accept(stream, address).await.map_err(wrong) };
                let stream = self.in_time(&ticket, accepted).await?;
                let identity = stream.identity().cloned().ok_or_else(|| wrong("nobody's key"))?;
                let known = Known::Key(identity, Requester::address(origin.ip()));
                self.serve(stream, known, address, ticket).await
            }
        }
    }

    /// A handshake, as long as there are time and room for it.
    async fn in_time<T, F>(
        &self,
        ticket: &Ticket,
        handshake: impl Future<Output = Result<T, F>>,
    ) -> Result<T, ConnectionError>
    where
        ConnectionError: From<F>,
    {
        tokio::select! {
            done = timeout(self.limits.patience, handshake) => Ok(done??),
            () = ticket.presence().shed() => Err(ConnectionError::Shed),
            () = self.shutdown.begun() => Err(ConnectionError::Stopping),
        }
    }

    /// Serves who has shaken hands.
    async fn serve<I: AsyncRead + AsyncWrite + Send + 'static>(
        self: Arc<Self>,
        stream: I,
        known: Known,
        address: SocketAddr,
        ticket: Ticket,
    ) -> Result<(), ConnectionError> {
        let client = self.client(&known)?;
        if !ticket.admit() {
            return Err(ConnectionError::NoRoom);
        }
        let (reader, writer) = split(stream);
        let connection = Connection {
            room: self,
            known,
            client,
            address,
            writer: Writer::new(writer),
            places: Arc::new(Semaphore::new(IN_WORK as usize)),
            ended: Arc::new(Notify::new()),
        };
        let reader = BufReader::with_capacity(PACKET_AT_MOST, reader);
        connection.serve(reader, ticket.presence()).await
    }

    /// Which client a peer is: nobody without a certificate, whatever the TLS has become, and nobody without a name of one.
    fn client(&self, known: &Known) -> io::Result<Arc<Client>> {
        let (client, requester, lacks) = match known {
            Known::Certificate(peer) => {
                let client = self.server.clients().with(|clients| clients.of_peer(peer));
                (client, peer.requester(), "name of a RADIUS client in its certificate")
            }
            #[cfg(feature = "psk")]
            Known::Key(identity, requester) => {
                let client = self.server.clients().with(|clients| clients.of_identity(identity));
                (client, requester, "key of a RADIUS client")
            }
        };
        client.ok_or_else(|| {
            self.server.unknown(requester);
            io::Error::new(io::ErrorKind::PermissionDenied, format!("{requester} has no {lacks}"))
        })
    }
}

struct Connection<E: EapServer, I> {
    room: Arc<Room<E>>,
    known: Known,
    /// Which client it was when it came; each packet asks again.
    client: Arc<Client>,
    address: SocketAddr,
    writer: Writer<I>,
    /// Of requests in work.
    places: Arc<Semaphore>,
    /// A request was wrong, or its answer could not be written.
    ended: Arc<Notify>,
}

impl<E: EapServer, I: AsyncRead + AsyncWrite + Send + 'static> Connection<E, I> {
    async fn serve(self, mut reader: BufReader<ReadHalf<I>>, presence: &Arc<Presence>) -> Result<(), ConnectionError> {
        let mut stop = self.room.shutdown.listener();
        let limit = self.room.limits.idle;
        let ended = tokio::select! {
            ended = self.read(&mut reader, presence) => ended,
            () = self.ended.notified() => return Err(wrong("a packet that is not RADIUS, or an answer that nobody reads").into()),
            () = presence.shed() => return Err(ConnectionError::Shed),
            () = begun(&mut stop) => Ok(()),
            () = idle(presence, limit) => Ok(()),
        };
        ended?;
        // What is in work is answered before the end: the listener gives that its time.
        let _ = self.places.acquire_many(IN_WORK).await;
        self.writer.shut_down().await;
        Ok(())
    }

    /// Takes packets, until the client has no more.
    async fn read(&self, reader: &mut BufReader<ReadHalf<I>>, presence: &Arc<Presence>) -> io::Result<()> {
        loop {
            let mut beginning = [0; 4];
            if reader.read(&mut beginning[..1]).await? == 0 {
                return Ok(());
            }
            // From here on somebody waits for an answer.
            let open = presence.open();
            let rest = async {
                reader.read_exact(&mut beginning[1..]).await?;
                let length = Packet::stated_length(beginning).map_err(wrong)?;
                let mut packet = vec![0; length];
                let (head, behind) = packet.split_at_mut(beginning.len());
                head.copy_from_slice(&beginning);
                reader.read_exact(behind).await?;
                Ok::<_, io::Error>(packet)
            };
            let packet = timeout(self.room.limits.patience, rest).await??;
            let client = match fault!("radsec-names-looked-at-once") {
                true => self.client.clone(),
                false => self.room.client(&self.known)?,
            };
            let Ok(place) = self.places.clone().acquire_owned().await else {
                return Ok(());
            };
            let work = self.room.server.work.admitted(client.requester().id()).await;
            let (room, address) = (self.room.clone(), self.address);
            let (writer, ended, presence) = (self.writer.clone(), self.ended.clone(), presence.clone());
            // It goes to its end whatever becomes of the connection.
            tokio::spawn(async move {
                let _held = (open, place);
                let answered = async {
                    let _working = presence.work();
                    room.server.answer(&packet, &client, address).await
                };
                let answered = answered.await;
                // Whoever does not read holds up nobody but itself.
                let _work = Some(work).filter(|_| fault!("radsec-unread-answers-hold-work"));
                match answered {
                    Ok(octets) => {
                        if !writer.told(&octets, room.limits.patience).await {
                            ended.notify_one();
                        }
                    }
                    Err(dropped) => {
                        log_dropped(&dropped, &client.requester().to_string(), address);
                        let wrong = matches!(dropped, Dropped::Malformed(_) | Dropped::NotAuthentic(_));
                        if wrong && !fault!("radsec-goes-on-after-a-wrong-packet") {
                            ended.notify_one();
                        }
                    }
                }
            });
        }
    }
}

/// The half of a connection that answers leave by; `None`: somebody did not read one in time.
struct Writer<I>(Arc<Mutex<Option<WriteHalf<I>>>>);

impl<I> Clone for Writer<I> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I: AsyncRead + AsyncWrite> Writer<I> {
    fn new(half: WriteHalf<I>) -> Self {
        Self(Arc::new(Mutex::new(Some(half))))
    }

    /// Writes an answer; whether it has left in time. After one that has not, nothing that follows could be understood.
    async fn told(&self, octets: &[u8], patience: Duration) -> bool {
        let mut half = self.0.lock().await;
        let Some(open) = half.as_mut() else { return false };
        let written = async {
            open.write_all(octets).await?;
            open.flush().await
        };
        let written = match fault!("radsec-answers-without-end") {
            true => Ok(written.await),
            false => timeout(patience, written).await,
        };
        let told = matches!(written, Ok(Ok(())));
        if !told {
            *half = None;
        }
        told
    }

    async fn shut_down(&self) {
        if let Some(open) = self.0.lock().await.as_mut() {
            let _ = timeout(GRACE, open.shutdown()).await;
        }
    }
}

/// The other end does not speak RADIUS: nothing that follows can be understood (RFC 6613 2.6.4).
fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn who_reads_an_octet_now_and_then_is_given_up() {
        let (near, mut far) = duplex(8);
        let writer = Writer::new(split(near).1);
        let reader = tokio::spawn(async move {
            let mut octet = [0];
            while far.read(&mut octet).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(writer.told(&[0; 20], Duration::from_secs(5)).await, "slow, but in time");
        assert!(!writer.told(&[0; 400], Duration::from_millis(100)).await);
        assert!(!writer.told(&[0], Duration::from_secs(5)).await, "nothing follows");
        reader.abort();
    }
}
