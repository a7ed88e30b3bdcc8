//! An application function and a UE that secure a connection with K_AF of AKMA: `docs/psk.md` tells more.
//!
//! ```text
//! cargo run -p kaskade-net --features psk --example psk            both ends, one after the other in each profile
//! cargo run -p kaskade-net --features psk --example psk serve      waits on 127.0.0.1:4433 for `openssl s_client`
//! ```
#![allow(clippy::print_stdout, reason = "it prints")]

use std::error::Error;
use std::sync::Arc;

use kaskade_keys::akma::KAkma;
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};
use kaskade_net::psk::{
    Asked, Profile, PskClient, PskDatagramServer, PskIdentity, PskKey, PskLimits, PskServer, PskSuite,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// `3GPP-AKMA` and the A-KID that both ends know.
const IDENTITY: &str = "3GPP-AKMArid678.atidExample@5gc.mnc001.mcc001.3gppnetwork.org";

/// K_AF of this application function for what a profile speaks: a key of one profile opens nothing else.
fn k_af(profile: Profile) -> Result<PskKey, Box<dyn Error>> {
    // K_AKMA is the AAnF's and the UE's; here it is made up, and so is the identifier for DTLS.
    let k_akma = KAkma::from_octets(&[0x4b; 32]);
    let protocol = profile.ua_protocol();
    let protocol = protocol.unwrap_or(UaProtocolId::from_octets([0xff, 0, 0, 0, 1]));
    let af_id = AfId::new(&"af.example".parse::<Fqdn>()?, protocol);
    Ok(PskKey::from_octets(k_akma.k_af(&af_id).expose_to_af())?)
}

/// The application function.
fn server(profile: Profile) -> Result<PskServer, Box<dyn Error>> {
    let keys = move |asked: &Asked<'_>| {
        // A real one asks its AAnF or NEF here.
        let is_known = asked.identity.as_octets() == IDENTITY.as_bytes();
        is_known.then(|| k_af(asked.profile).ok()).flatten()
    };
    let hint = profile.suite().map(|_| "3GPP-AKMA");
    Ok(PskServer::new(profile, hint, Arc::new(keys), PskLimits::default())?)
}

/// The UE.
fn client(profile: Profile) -> Result<PskClient, Box<dyn Error>> {
    Ok(PskClient::new(profile, PskIdentity::new(IDENTITY)?, k_af(profile)?)?.with_server_name("af.example")?)
}

async fn over_tcp(profile: Profile) -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let (accepted, peer) = listener.accept().await?;
    let (server, client) = (server(profile)?, client(profile)?);
    let (at_af, at_ue) = tokio::join!(server.accept(accepted, peer), client.connect(stream));
    let (mut at_af, mut at_ue) = (at_af?, at_ue?);
    at_ue.write_all(b"a question").await?;
    at_ue.shutdown().await?;
    let mut text = String::new();
    at_af.read_to_string(&mut text).await?;
    let suite = at_af.cipher_suite();
    Ok(format!(
        "{profile:?}: suite {suite:#06x}, the application function read {text:?}"
    ))
}

async fn over_udp(profile: Profile) -> Result<String, Box<dyn Error>> {
    let (near, far) = (
        UdpSocket::bind("127.0.0.1:0").await?,
        UdpSocket::bind("127.0.0.1:0").await?,
    );
    near.connect(far.local_addr()?).await?;
    let mut listening = PskDatagramServer::new(server(profile)?, far);
    let client = client(profile)?;
    let (accepted, at_ue) = tokio::join!(listening.accept(), client.connect_datagrams(near));
    let ((mut at_af, _), mut at_ue) = (accepted.ok_or("the server has ended")?, at_ue?);
    at_ue.send(b"a question").await?;
    let mut text = [0; 64];
    let len = at_af.recv(&mut text).await?;
    let text = String::from_utf8_lossy(&text[..len]).into_owned();
    let suite = at_af.cipher_suite();
    Ok(format!(
        "{profile:?}: suite {suite:#06x}, the application function read {text:?}"
    ))
}

/// Both ends in each profile; a line of each.
pub(crate) async fn both_ends() -> Result<Vec<String>, Box<dyn Error>> {
    Ok(vec![
        over_tcp(Profile::Tls13).await?,
        over_tcp(Profile::Tls12(PskSuite::EcdheChaCha20Poly1305)).await?,
        over_udp(Profile::Dtls12(PskSuite::Aes128Ccm8)).await?,
    ])
}

/// Answers whoever holds the key, until it is stopped.
pub(crate) async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let server = server(Profile::Tls13)?;
    println!("waiting on {} for {IDENTITY}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        let server = server.clone();
        tokio::spawn(async move {
            match server.accept(stream, peer).await {
                Ok(mut stream) => {
                    println!("{peer} holds the key");
                    let _ = stream.write_all(b"welcome\n").await;
                    let _ = stream.shutdown().await;
                }
                Err(error) => println!("{peer}: {error}"),
            }
        });
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => {
            both_ends().await?.iter().for_each(|line| println!("{line}"));
            Ok(())
        }
        Some("serve") => serve(TcpListener::bind("127.0.0.1:4433").await?).await,
        Some(other) => Err(format!("{other:?} is neither nothing nor \"serve\"").into()),
    }
}
