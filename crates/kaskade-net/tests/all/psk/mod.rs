//! TLS and DTLS with pre-shared keys: OpenSSL's own programs at the other end, and peers that do what they should not.

mod akma;
mod datagrams;
mod documented;
mod limits;
mod peers;
mod refusals;
mod streams;
mod third_parties;
mod usage;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kaskade_net::psk::{
    Asked, HandshakeError, Profile, PskClient, PskIdentity, PskKey, PskLimits, PskServer, PskStream, PskSuite,
};
use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpStream};

/// A name as AKMA makes them.
const IDENTITY: &str = "3GPP-AKMArid678.atid0123456789abcdef@5gc.mnc001.mcc001.3gppnetwork.org";

/// The key of [`IDENTITY`].
const KEY: [u8; 32] = *b"K_AF of an application function!";

const SUITE: PskSuite = PskSuite::EcdheChaCha20Poly1305;

fn key() -> PskKey {
    PskKey::from_octets(&KEY).unwrap()
}

fn wrong_key() -> PskKey {
    PskKey::from_octets(&[0x5a; 32]).unwrap()
}

fn identity(text: &str) -> PskIdentity {
    PskIdentity::new(text).unwrap()
}

/// One peer's key, and how often it was asked for.
#[derive(Default)]
struct One {
    asked: AtomicUsize,
}

impl One {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl kaskade_net::psk::PskKeys for One {
    fn key(&self, asked: &Asked<'_>) -> Option<PskKey> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        (asked.identity.as_octets() == IDENTITY.as_bytes()).then(key)
    }
}

fn short() -> PskLimits {
    let mut limits = PskLimits::default();
    limits.patience = Duration::from_secs(20);
    limits
}

fn server(profile: Profile) -> PskServer {
    let hint = profile.suite().map(|_| "3GPP-AKMA");
    PskServer::new(profile, hint, Arc::new(One::default()), short()).unwrap()
}

fn client(profile: Profile) -> PskClient {
    PskClient::new(profile, identity(IDENTITY), key()).unwrap()
}

fn somewhere() -> SocketAddr {
    ([192, 0, 2, 1], 1).into()
}

/// Both ends within this process.
async fn shake(
    client: &PskClient,
    server: &PskServer,
) -> (
    Result<PskStream<DuplexStream>, HandshakeError>,
    Result<PskStream<DuplexStream>, HandshakeError>,
) {
    shake_from(client, server, somewhere()).await
}

/// The same, with a client that is at this address.
async fn shake_from(
    client: &PskClient,
    server: &PskServer,
    address: SocketAddr,
) -> (
    Result<PskStream<DuplexStream>, HandshakeError>,
    Result<PskStream<DuplexStream>, HandshakeError>,
) {
    let (ours, theirs) = tokio::io::duplex(4096);
    tokio::join!(client.connect(ours), server.accept(theirs, address))
}

/// Both ends of a connection.
async fn connected(profile: Profile) -> (PskStream<DuplexStream>, PskStream<DuplexStream>) {
    let (client, server) = shake(&client(profile), &server(profile)).await;
    (client.unwrap(), server.unwrap())
}

/// The next peer of a listening socket.
async fn accept(server: &PskServer, listener: &TcpListener) -> Result<PskStream<TcpStream>, HandshakeError> {
    let (stream, peer) = listener.accept().await.unwrap();
    server.accept(stream, peer).await
}
