//! An application function and a UE that secure a connection with K_AF of AKMA: `docs/psk.md` tells more.
//!
//! ```text
//! cargo run -p kaskade-net --features psk --example psk            both ends, one after the other in each profile
//! cargo run -p kaskade-net --features psk --example psk serve      waits on 127.0.0.1:4433 for `openssl s_client`
//! ```
#![allow(clippy::print_stdout, reason = "it prints")]

use std::error::Error;
use std::sync::Arc;

use kaskade_flow::UnixMillis;
use kaskade_keys::akma::{ATid, KAkma};
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};
use kaskade_keys::{AKid, HomeRealm};
use kaskade_net::psk::{AfKey, AkmaProtocol, PskClient, PskDatagramServer, PskLimits, PskServer, PskSuite};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Handle;

/// What the UE has after an authentication, and its AAnF too; here it is made up.
fn of_the_ue() -> Result<(AKid, KAkma), Box<dyn Error>> {
    let realm = HomeRealm::new("001-01".parse()?, None);
    let a_kid = AKid::new("678".parse()?, &ATid::from_octets(&[0x4a; 32]), realm);
    Ok((a_kid, KAkma::from_octets(&[0x4b; 32])))
}

fn af() -> Result<Fqdn, Box<dyn Error>> {
    Ok("af.example".parse()?)
}

/// The application function.
fn server(protocol: AkmaProtocol) -> Result<PskServer, Box<dyn Error>> {
    // A real one asks its AAnF or NEF here.
    let aanf = Arc::new(of_the_ue()?);
    let keys = move |a_kid: AKid, af_id: AfId| {
        let aanf = aanf.clone();
        async move {
            let (known, k_akma) = &*aanf;
            (a_kid == *known).then(|| AfKey {
                k_af: k_akma.k_af(&af_id),
                expires: UnixMillis::new(u64::MAX),
            })
        }
    };
    Ok(protocol.server(&af()?, keys, Handle::current(), PskLimits::default())?)
}

/// The UE: K_AF of this application function for what it speaks opens nothing else.
fn client(protocol: AkmaProtocol) -> Result<PskClient, Box<dyn Error>> {
    let (a_kid, k_akma) = of_the_ue()?;
    let k_af = k_akma.k_af(&protocol.af_id(&af()?));
    Ok(protocol.client(&af()?, &a_kid, &k_af)?)
}

async fn over_tcp(protocol: AkmaProtocol) -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let (accepted, peer) = listener.accept().await?;
    let (server, client) = (server(protocol)?, client(protocol)?);
    let (at_af, at_ue) = tokio::join!(server.accept(accepted, peer), client.connect(stream));
    let (mut at_af, mut at_ue) = (at_af?, at_ue?);
    at_ue.write_all(b"a question").await?;
    at_ue.shutdown().await?;
    let mut text = String::new();
    at_af.read_to_string(&mut text).await?;
    let suite = at_af.cipher_suite();
    Ok(format!(
        "{:?}: suite {suite:#06x}, the application function read {text:?}",
        protocol.profile()
    ))
}

async fn over_udp(protocol: AkmaProtocol) -> Result<String, Box<dyn Error>> {
    let (near, far) = (
        UdpSocket::bind("127.0.0.1:0").await?,
        UdpSocket::bind("127.0.0.1:0").await?,
    );
    near.connect(far.local_addr()?).await?;
    let mut listening = PskDatagramServer::new(server(protocol)?, far);
    let client = client(protocol)?;
    let (accepted, at_ue) = tokio::join!(listening.accept(), client.connect_datagrams(near));
    let ((mut at_af, _), mut at_ue) = (accepted.ok_or("the server has ended")?, at_ue?);
    at_ue.send(b"a question").await?;
    let mut text = [0; 64];
    let len = at_af.recv(&mut text).await?;
    let text = String::from_utf8_lossy(&text[..len]).into_owned();
    let suite = at_af.cipher_suite();
    Ok(format!(
        "{:?}: suite {suite:#06x}, the application function read {text:?}",
        protocol.profile()
    ))
}

/// Both ends in each profile; a line of each.
pub(crate) async fn both_ends() -> Result<Vec<String>, Box<dyn Error>> {
    // No source here gives an identifier of DTLS: this is one that both ends have agreed on.
    let ua = UaProtocolId::from_octets([0xff, 0, 0, 0, 1]);
    Ok(vec![
        over_tcp(AkmaProtocol::tls_1_3()).await?,
        over_tcp(AkmaProtocol::tls_1_2(PskSuite::EcdheChaCha20Poly1305)).await?,
        over_udp(AkmaProtocol::dtls_1_2(PskSuite::Aes128Ccm8, ua)?).await?,
    ])
}

/// Answers whoever holds the key, until it is stopped.
pub(crate) async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let server = server(AkmaProtocol::tls_1_3())?;
    println!("waiting on {} for 3GPP-AKMA{}", listener.local_addr()?, of_the_ue()?.0);
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
