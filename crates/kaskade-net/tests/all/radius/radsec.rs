//! Over TLS 1.3, with certificates at both ends.
#![allow(unreachable_pub, reason = "other modules of the tests use it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::radius::{AttributeType, Sent, Told};
use kaskade_crypto::radius::SharedSecret;
use kaskade_net::radius::{Clients, RadSecOptions, RadiusOptions, RadiusServer, serve_radsec};
use kaskade_net::sbi::limits::Limits;
use kaskade_net::sbi::server::{Shutdown, bind};
use kaskade_net::sbi::tls::ServerTls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::toy::{Gateway, Toy, assert_in, clients, server, server_with, sum};
use crate::tls::Pki;

struct Listening {
    server: Arc<RadiusServer<Toy>>,
    tls: ServerTls,
    address: SocketAddr,
    shutdown: Shutdown,
    serving: JoinHandle<std::io::Result<()>>,
}

/// Clients with these names in their certificates; without any, whoever has a certificate.
fn named(names: &[&str]) -> Clients {
    let named = |clients: Clients, name: &&str| clients.with_certificate(name, name);
    names.iter().fold(clients(), named)
}

impl Listening {
    fn start(server: Arc<RadiusServer<Toy>>, pki: &Pki, names: &[&str]) -> Self {
        let options = RadSecOptions {
            tls: pki.server(true),
            limits: Limits::default(),
        };
        let tls = options.tls.clone();
        server.clients().replace(named(names));
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), Shutdown::new());
        let serving = tokio::spawn(serve_radsec(listener, server.clone(), options, shutdown.clone()));
        Self {
            server,
            tls,
            address,
            shutdown,
            serving,
        }
    }

    async fn end(self) {
        self.shutdown.begin();
        let ended = timeout(Duration::from_secs(10), self.serving).await.expect("it ends");
        ended.unwrap().unwrap();
    }
}

/// A client of the public Internet's TLS library, with a certificate or without.
pub async fn connect(pki: &Pki, identity: Option<&str>, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(pki.path("ca.pem")).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let chain = vec![CertificateDer::from_pem_file(pki.path(&format!("{name}.pem"))).unwrap()];
            let key = PrivateKeyDer::from_pem_file(pki.path(&format!("{name}.key"))).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config))
        .connect("localhost".try_into().unwrap(), stream)
        .await
}

fn gateway(name: &[u8]) -> Gateway {
    Gateway::under(SharedSecret::radsec(), name)
}

/// A packet, or `None` when the connection is at its end.
pub async fn received(stream: &mut TlsStream<TcpStream>) -> Option<Vec<u8>> {
    let receive = async {
        let mut packet = vec![0; 4];
        stream.read_exact(&mut packet).await.ok()?;
        packet.resize(usize::from(u16::from_be_bytes([packet[2], packet[3]])), 0);
        stream.read_exact(&mut packet[4..]).await.ok()?;
        Some(packet)
    };
    timeout(Duration::from_secs(10), receive).await.expect("in time")
}

async fn exchanged(stream: &mut TlsStream<TcpStream>, sent: &Sent) -> Vec<u8> {
    stream.write_all(sent.octets()).await.unwrap();
    received(stream).await.expect("an answer")
}

async fn run(gateway: &mut Gateway, stream: &mut TlsStream<TcpStream>) -> Told {
    let mut eap = gateway.identity();
    loop {
        let sent = gateway.sent(&eap);
        let octets = exchanged(stream, &sent).await;
        match gateway.exchange.answer(&sent, &octets).unwrap() {
            Told::Challenge { eap: asked, .. } => eap = Gateway::answer_of_peer(&asked, &gateway.name),
            end => return end,
        }
    }
}

#[tokio::test]
async fn a_client_with_a_certificate_is_served() {
    let pki = Pki::new();
    let listening = Listening::start(server(), &pki, &["localhost"]);
    let mut stream = connect(&pki, Some("client"), listening.address).await.unwrap();
    for name in [&b"alice"[..], b"bob"] {
        assert_in(run(&mut gateway(name), &mut stream).await, name);
    }
    // All requests at once, in any pieces.
    let mut many: Vec<_> = (0..100)
        .map(|number| gateway(format!("user{number}").as_bytes()))
        .collect();
    let sent: Vec<_> = many
        .iter_mut()
        .map(|gateway| gateway.sent(&gateway.identity()))
        .collect();
    let octets: Vec<u8> = sent.iter().flat_map(|sent| sent.octets().to_vec()).collect();
    for piece in octets.chunks(1001) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
    }
    for _ in 0..100 {
        assert_eq!(received(&mut stream).await.unwrap()[0], 11);
    }
    assert_eq!(sum(&listening.server, "accepts"), 2);
    drop(stream);
    listening.end().await;
}

#[tokio::test]
async fn a_client_without_a_certificate_or_without_its_name_is_not() {
    let pki = Pki::new();
    let listening = Listening::start(server(), &pki, &["twag.example.org"]);
    let another = Pki::new();
    for (pki, identity) in [(&pki, None), (&pki, Some("client"))] {
        let told = async {
            let mut stream = connect(pki, identity, listening.address).await.ok()?;
            let mut gateway = gateway(b"alice");
            let sent = gateway.sent(&gateway.identity());
            stream.write_all(sent.octets()).await.ok()?;
            received(&mut stream).await
        };
        assert_eq!(told.await, None);
    }
    assert!(
        connect(&another, Some("client"), listening.address).await.is_err(),
        "it does not trust the server"
    );
    assert_eq!(listening.server.eap().handled(), 0);
    assert_eq!(sum(&listening.server, "unknown_clients"), 1);
    listening.end().await;
    // A listener that would let everybody in does not begin.
    let options = RadSecOptions {
        tls: pki.server(false),
        limits: Limits::default(),
    };
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let told = serve_radsec(listener, server(), options, Shutdown::new())
        .await
        .unwrap_err();
    assert_eq!(told.kind(), std::io::ErrorKind::PermissionDenied);
    assert!(told.to_string().contains("name the authority"), "{told}");
}

#[tokio::test]
async fn names_and_certificates_are_replaced_while_it_runs() {
    let pki = Pki::new();
    let listening = Listening::start(server(), &pki, &["localhost"]);
    let mut stream = connect(&pki, Some("client"), listening.address).await.unwrap();
    assert_in(run(&mut gateway(b"alice"), &mut stream).await, b"alice");
    // Who is a client no more is not heard on a connection that there is either.
    listening.server.clients().replace(named(&["twag.example.org"]));
    let mut bob = gateway(b"bob");
    stream.write_all(bob.sent(&bob.identity()).octets()).await.unwrap();
    assert_eq!(received(&mut stream).await, None);
    assert_eq!(sum(&listening.server, "unknown_clients"), 1);
    listening.server.clients().replace(named(&[]));
    // Another authority, and another certificate of the server.
    let another = Pki::new();
    listening.tls.replace_by(&another.server(true));
    assert!(connect(&pki, Some("client"), listening.address).await.is_err());
    let mut stream = connect(&another, Some("client"), listening.address).await.unwrap();
    assert_in(run(&mut bob, &mut stream).await, b"bob");
    // Where clients need a certificate no longer, nobody without one is a client all the same.
    listening.tls.replace_by(&another.server(false));
    let mut stream = connect(&another, None, listening.address).await.unwrap();
    let mut carol = gateway(b"carol");
    let sent = carol.sent(&carol.identity());
    // The other end may be gone before this is written.
    let _ = stream.write_all(sent.octets()).await;
    assert_eq!(received(&mut stream).await, None);
    assert_eq!(sum(&listening.server, "unknown_clients"), 2);
    listening.end().await;
}

#[tokio::test]
async fn a_packet_that_is_none_ends_the_connection() {
    let pki = Pki::new();
    let listening = Listening::start(server(), &pki, &[]);
    let mut signed = gateway(b"alice");
    let good = signed.sent(&signed.identity()).octets().to_vec();
    let mut unsigned = good.clone();
    unsigned[30] ^= 1;
    let mut empty_attribute = good.clone();
    empty_attribute[39] = 0;
    for wrong in [
        &[1, 1, 0, 19][..],
        &[1, 1, 0x10, 1],
        b"GET / HTTP/1.1\r\n\r\n",
        &unsigned,
        &empty_attribute,
    ] {
        let mut stream = connect(&pki, Some("client"), listening.address).await.unwrap();
        assert_eq!(exchanged(&mut stream, &signed.sent(&signed.identity())).await[0], 11);
        stream.write_all(wrong).await.unwrap();
        assert_eq!(received(&mut stream).await, None, "{wrong:02x?}");
    }
    // What is only not served leaves it open.
    let mut accounting = good.clone();
    accounting[0] = 4;
    let mut stream = connect(&pki, Some("client"), listening.address).await.unwrap();
    stream.write_all(&accounting).await.unwrap();
    assert_in(run(&mut gateway(b"alice"), &mut stream).await, b"alice");
    listening.end().await;
}

#[tokio::test]
async fn work_goes_to_its_end_when_the_connection_does_not() {
    let pki = Pki::new();
    let listening = Listening::start(server_with(Toy::closed(), RadiusOptions::default()), &pki, &[]);
    let gate = listening.server.eap().gate.clone();
    gate.add_permits(1);
    let mut gateway = gateway(b"alice");
    let mut stream = connect(&pki, Some("client"), listening.address).await.unwrap();
    let sent = gateway.sent(&gateway.identity());
    let told = exchanged(&mut stream, &sent).await;
    let Told::Challenge { eap: asked, .. } = gateway.exchange.answer(&sent, &told).unwrap() else {
        unreachable!()
    };
    let answer = Gateway::answer_of_peer(&asked, b"alice");
    stream.write_all(gateway.sent(&answer).octets()).await.unwrap();
    while listening.server.eap().handled() < 2 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(stream);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(listening.server.kept()[2], 1, "it is in work");
    gate.add_permits(2);
    while listening.server.kept()[2] > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(listening.server.kept()[0], 1, "the run waits for its peer");
    // The same client comes back: the run has gone on, so what it says is what was asked last.
    let mut stream = connect(&pki, Some("client"), listening.address).await.unwrap();
    let last = super::toy::response(answer[1].wrapping_add(1), 255, &[!2]);
    let sent = gateway.sent(&last);
    let told = exchanged(&mut stream, &sent).await;
    assert_in(gateway.exchange.answer(&sent, &told).unwrap(), b"alice");
    listening.end().await;
}

#[tokio::test]
async fn what_is_in_work_is_answered_before_the_end() {
    let pki = Pki::new();
    let listening = Listening::start(server_with(Toy::closed(), RadiusOptions::default()), &pki, &[]);
    let mut gateway = gateway(b"alice");
    let mut stream = connect(&pki, Some("client"), listening.address).await.unwrap();
    let sent = gateway.sent(&gateway.identity());
    stream.write_all(sent.octets()).await.unwrap();
    while listening.server.eap().handled() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    listening.shutdown.begin();
    tokio::time::sleep(Duration::from_millis(50)).await;
    listening.server.eap().gate.add_permits(1);
    let told = received(&mut stream).await.expect("an answer");
    assert!(matches!(
        gateway.exchange.answer(&sent, &told).unwrap(),
        Told::Challenge { .. }
    ));
    assert_eq!(received(&mut stream).await, None, "and then the connection ends");
    listening.end().await;
}

/// Proxies that want much back, and a gateway that never reads.
#[tokio::test]
async fn who_does_not_read_its_answers_holds_no_place_of_others() {
    let pki = Pki::new();
    let options = RadiusOptions {
        in_work: 8,
        ..RadiusOptions::default()
    };
    let listening = Listening::start(server_with(Toy::default(), options), &pki, &[]);
    let mut deaf = connect(&pki, Some("client"), listening.address).await.unwrap();
    let mut sent = 0;
    // Until neither end takes any more.
    loop {
        let mut large = (0..14).fold(gateway(b"alice"), |gateway, _| {
            gateway.saying(AttributeType::ProxyState, &[1; 250])
        });
        let request = large.sent(&large.identity());
        match timeout(Duration::from_secs(1), deaf.write_all(request.octets())).await {
            Ok(written) => written.unwrap(),
            Err(_) => break,
        }
        sent += 1;
        assert!(sent < 20_000, "its answers are nowhere");
    }
    assert_eq!(listening.server.kept()[2], 0, "nothing is in work");
    let mut stream = connect(&pki, Some("client"), listening.address).await.unwrap();
    assert_in(run(&mut gateway(b"bob"), &mut stream).await, b"bob");
    drop((deaf, stream));
    listening.end().await;
}
