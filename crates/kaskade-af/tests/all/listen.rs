//! What a few who connect cannot take from all others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaskade_af::{LoginOptions, TlsBounds, TlsListener, TlsPeer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::common::{Home, Ue, app, client, tls};

/// Long enough for a slow machine.
const SOON: Duration = Duration::from_secs(20);

struct Site {
    address: SocketAddr,
    connector: TlsConnector,
}

impl Site {
    async fn start(bounds: TlsBounds) -> Self {
        let (certificate, config) = tls();
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let listener = TlsListener::bounded(socket, config, bounds).unwrap();
        let app = app(&client(&Home::new(&[Ue::new(1)])), LoginOptions::default());
        let service = app.into_make_service_with_connect_info::<TlsPeer>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            address,
            connector: TlsConnector::from(Arc::new(config)),
        }
    }

    /// A connection that has shaken hands, unless it is closed before.
    async fn connect(&self) -> Option<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("af.example").unwrap();
        let connecting = self.connector.connect(name, stream);
        timeout(SOON, connecting).await.expect("an end of the handshake").ok()
    }
}

/// Whether a connection answers a request.
async fn answers(stream: &mut TlsStream<TcpStream>) -> bool {
    let request = b"GET / HTTP/1.1\r\nHost: af.example\r\n\r\n";
    if stream.write_all(request).await.is_err() {
        return false;
    }
    let (mut told, mut octets) = (Vec::new(), [0; 4096]);
    while !told.ends_with(b"HTTP Digest)\n") {
        let read = timeout(SOON, stream.read(&mut octets))
            .await
            .expect("an answer or an end");
        match read {
            Ok(count) if count > 0 => told.extend(octets.iter().take(count)),
            _ => return false,
        }
    }
    told.starts_with(b"HTTP/1.1 401")
}

#[tokio::test]
async fn an_idle_connection_ends_and_leaves_its_place() {
    let mut bounds = TlsBounds::new(1);
    bounds.idle = Duration::from_secs(2);
    let site = Site::start(bounds).await;
    let begun = Instant::now();
    let mut first = site.connect().await.unwrap();
    // Of use for longer than it may be idle.
    while begun.elapsed() < Duration::from_secs(3) {
        assert!(answers(&mut first).await);
        sleep(Duration::from_millis(300)).await;
    }
    let mut octets = [0; 16];
    let end = timeout(SOON, first.read(&mut octets)).await.expect("an end");
    assert!(!end.is_ok_and(|count| count > 0));
    // The only place there is.
    let mut second = site.connect().await.unwrap();
    assert!(answers(&mut second).await);
}

#[tokio::test]
async fn one_source_does_not_take_all_connections() {
    let mut bounds = TlsBounds::new(8);
    assert_eq!(bounds.of_source, 1);
    bounds.of_source = 2;
    let site = Site::start(bounds).await;
    let mut first = site.connect().await.unwrap();
    let mut second = site.connect().await.unwrap();
    assert!(site.connect().await.is_none());
    assert!(answers(&mut first).await && answers(&mut second).await);
    drop(second);
    // The server hears of it a moment later.
    let begun = Instant::now();
    let mut third = loop {
        match site.connect().await {
            Some(stream) => break stream,
            None => assert!(begun.elapsed() < SOON),
        }
        sleep(Duration::from_millis(20)).await;
    };
    assert!(answers(&mut third).await && answers(&mut first).await);
}
