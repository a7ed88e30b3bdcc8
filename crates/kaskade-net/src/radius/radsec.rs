//! Over TLS 1.3, with certificates at both ends (RFC 6614).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use kaskade_codec::radius::{PACKET_AT_MOST, Packet};
use kaskade_faults::fault;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::time::timeout;

use super::clients::Client;
use super::eap_server::EapServer;
use super::figures::Dropped;
use super::server::RadiusServer;
use super::udp::log_dropped;
use crate::sbi::accept::{Entrance, Origin};
use crate::sbi::connection::{ConnectionError, GRACE, idle, prepare, shake_hands};
use crate::sbi::doors::{Presence, Ticket};
use crate::sbi::limits::Limits;
use crate::sbi::peer::Peer;
use crate::sbi::server::{Shutdown, begun};
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
    let limits = options.limits.for_this_process();
    let house = Arc::new(House {
        server,
        tls: options.tls,
        limits: limits.clone(),
        shutdown: shutdown.clone(),
    });
    let serving = Entrance::new(&limits).serve(listener, shutdown, move |stream, origin, ticket| {
        house.clone().connection(stream, origin, ticket)
    });
    serving.await;
    Ok(())
}

/// What all connections of a listener share.
struct House<E: EapServer> {
    server: Arc<RadiusServer<E>>,
    tls: ServerTls,
    limits: Limits,
    shutdown: Shutdown,
}

impl<E: EapServer> House<E> {
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        origin: Origin,
        ticket: Ticket,
    ) -> Result<(), ConnectionError> {
        prepare(&stream)?;
        let (presence, tls) = (ticket.presence().clone(), self.tls.for_radius());
        let stream = Watched::new(stream, self.limits.patience);
        let stream = tokio::select! {
            done = timeout(self.limits.patience, shake_hands(&tls, stream)) => done??,
            () = presence.shed() => return Err(ConnectionError::Shed),
            () = self.shutdown.begun() => return Err(ConnectionError::Stopping),
        };
        let peer = peer(&stream, origin.ip());
        let client = self.client(&peer)?;
        if !ticket.admit() {
            return Err(ConnectionError::NoRoom);
        }
        let Origin::Tcp(address) = origin else {
            return Err(ConnectionError::Stopping);
        };
        let (reader, writer) = split(stream);
        let connection = Connection {
            house: self,
            peer,
            client,
            address,
            writer: Arc::new(Mutex::new(writer)),
            places: Arc::new(Semaphore::new(IN_WORK as usize)),
            ended: Arc::new(Notify::new()),
        };
        connection
            .serve(BufReader::with_capacity(PACKET_AT_MOST, reader), &presence)
            .await
    }

    /// Which client a peer is: nobody without a certificate, whatever the TLS has become, and nobody without a name of one.
    fn client(&self, peer: &Peer) -> io::Result<Arc<Client>> {
        let client = self.server.clients().with(|clients| clients.of_peer(peer));
        client.ok_or_else(|| {
            self.server.unknown(peer.requester());
            let reason = format!("{} has no name of a RADIUS client in its certificate", peer.requester());
            io::Error::new(io::ErrorKind::PermissionDenied, reason)
        })
    }
}

struct Connection<E: EapServer, I> {
    house: Arc<House<E>>,
    peer: Peer,
    /// Which client it was when it came; each packet asks again.
    client: Arc<Client>,
    address: SocketAddr,
    writer: Arc<Mutex<WriteHalf<I>>>,
    /// Of requests in work.
    places: Arc<Semaphore>,
    /// A request was wrong, or its answer could not be written.
    ended: Arc<Notify>,
}

impl<E: EapServer, I: AsyncRead + AsyncWrite + Send + 'static> Connection<E, I> {
    async fn serve(self, mut reader: BufReader<ReadHalf<I>>, presence: &Arc<Presence>) -> Result<(), ConnectionError> {
        let mut stop = self.house.shutdown.listener();
        let limit = self.house.limits.idle;
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
        let _ = timeout(GRACE, self.writer.lock().await.shutdown()).await;
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
            let packet = timeout(self.house.limits.patience, rest).await??;
            let client = match fault!("radsec-names-looked-at-once") {
                true => self.client.clone(),
                false => self.house.client(&self.peer)?,
            };
            let Ok(place) = self.places.clone().acquire_owned().await else {
                return Ok(());
            };
            let work = self.house.server.work.admitted(client.requester().id()).await;
            let (house, address) = (self.house.clone(), self.address);
            let (writer, ended, presence) = (self.writer.clone(), self.ended.clone(), presence.clone());
            // It goes to its end whatever becomes of the connection.
            tokio::spawn(async move {
                let _held = (open, place, work);
                let _working = presence.work();
                match house.server.answer(&packet, &client, address).await {
                    Ok(octets) => {
                        let mut writer = writer.lock().await;
                        let written = async {
                            writer.write_all(&octets).await?;
                            writer.flush().await
                        };
                        if written.await.is_err() {
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

/// The other end does not speak RADIUS: nothing that follows can be understood (RFC 6613 2.6.4).
fn wrong(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
