//! TLS at one end and clear text at the other, certificates that are missing: both ends say what is wrong and what to do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kaskade_codec::sbi::NfInstanceId;
use kaskade_net::node::{AusfRole, Node, NodeOptions, RemoteUdm};
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_net::role::seaf::AusfClient;
use kaskade_net::sbi::client::{ClientError, ClientOptions, SbiClient};
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::sbi::tls::ClientTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::common::log::Log;
use crate::common::raw::{self, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, frame, hello};
use crate::common::{Home, Link, in_own_process, plmn, snn, supi};
use crate::tls::Pki;

fn home(pki: &Pki, tls: Option<bool>) -> Home {
    Home::start_with(Link::Local, |setup| {
        setup.server.tls = tls.map(|mutual| pki.server(mutual));
    })
}

async fn refused(url: &str, options: ClientOptions) -> String {
    let seaf = AusfClient::new(url, options).unwrap();
    let error = seaf.authenticate(supi(0), snn()).await.unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn tls_and_clear_text_are_told_apart_at_both_ends() {
    if in_own_process("misfits::tls_and_clear_text_are_told_apart_at_both_ends") {
        return;
    }
    let (log, _guard) = Log::begin("info");
    let (pki, other) = (Pki::new(), Pki::new());
    let clear = home(&pki, None);
    let url = clear.ausf_url().replace("http://", "https://");
    let said = refused(&url, pki.client(None)).await;
    assert!(said.contains("it speaks no TLS: use http://"), "{said}");
    log.says(&[
        "a peer could not connect",
        "127.0.0.1",
        "speaks TLS",
        "http://",
        "tls.cert",
    ])
    .await;

    let tls = home(&pki, Some(false));
    let url = tls.ausf_url().replace("https://", "http://");
    let said = refused(&url, ClientOptions::default()).await;
    assert!(
        said.contains("no connection to ") && said.contains("https://"),
        "{said}"
    );
    log.says(&["a peer could not connect", "speaks no TLS", "https://"])
        .await;
    let said = refused(tls.ausf_url(), other.client(None)).await;
    assert!(said.contains("no authority that is trusted here"), "{said}");
    log.says(&["the peer refuses this port's certificate: it does not know the authority that signed tls.cert"])
        .await;
    // The right name is not the right authority, and nobody says more than that a signature is wrong.
    let named = Pki::of_authority("the same");
    let tls = home(&named, Some(true));
    let said = refused(tls.ausf_url(), Pki::of_authority("the same").client(None)).await;
    assert!(said.contains("its certificate is refused: a signature of it"), "{said}");
    log.says(&["a peer could not connect", "TLS: received fatal alert: DecryptError"])
        .await;

    let mutual = home(&pki, Some(true));
    let said = refused(mutual.ausf_url(), pki.client(None)).await;
    assert!(said.contains("certificate"), "{said}");
    log.says(&["the peer has no certificate", "tls.client_ca"]).await;
    let said = refused(mutual.ausf_url(), pki.client(Some("server"))).await;
    assert!(said.contains("certificate"), "{said}");
    log.says(&["the peer's certificate is refused", "extended key usage"])
        .await;
    let mut stranger = pki.client(None);
    stranger.tls = Some(ClientTls::new(&pki.path("ca.pem"), Some(&other.identity("client"))).unwrap());
    let said = refused(mutual.ausf_url(), stranger).await;
    assert!(said.contains("does not know the authority"), "{said}");
    log.says(&["the peer's certificate is refused: tls.client_ca does not hold"])
        .await;
}

/// A way to this server, and how often it was gone.
async fn counted(to: &str) -> (String, Arc<AtomicU32>) {
    let (scheme, to) = to.split_once("://").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}", listener.local_addr().unwrap());
    let (to, count) = (to.to_owned(), Arc::new(AtomicU32::new(0)));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((mut one, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            let mut other = TcpStream::connect(&to).await.unwrap();
            // However it ends.
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut one, &mut other).await });
        }
    });
    (url, count)
}

#[tokio::test]
async fn what_trying_again_does_not_mend_is_tried_once() {
    let (pki, other) = (Pki::new(), Pki::new());
    let (tls, clear) = (home(&pki, Some(false)), home(&pki, None));
    let mutual = home(&pki, Some(true));
    let clear = clear.ausf_url().replace("http://", "https://");
    let stranger = |mut options: ClientOptions| {
        options.tls = Some(ClientTls::new(&pki.path("ca.pem"), Some(&other.identity("client"))).unwrap());
        options
    };
    for (to, options) in [
        (tls.ausf_url(), other.client(None)),
        (&*clear, pki.client(None)),
        (mutual.ausf_url(), pki.client(None)),
        (mutual.ausf_url(), stranger(pki.client(None))),
        (mutual.ausf_url(), pki.client(Some("server"))),
    ] {
        let (url, count) = counted(to).await;
        let said = refused(&url, options).await;
        assert_eq!(count.load(Ordering::Relaxed), 1, "{said}");
    }
    // What may pass is tried again: somebody who closes every connection in the middle of the handshake.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let closes = tokio::spawn(async move {
        for _ in 0..3 {
            drop(listener.accept().await.unwrap());
        }
    });
    refused(&url, pki.client(None)).await;
    closes.await.unwrap();
}

/// Somebody who reads the first octets, says something, and waits until the other end closes.
async fn somebody(says: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 4096];
            // Whatever the other end does is its own.
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(says).await;
            let _ = stream.shutdown().await;
            while matches!(stream.read(&mut heard).await, Ok(1..)) {}
        }
    });
    url
}

#[tokio::test]
async fn the_own_client_says_what_the_other_end_speaks() {
    for (says, what) in [
        (&b"\x15\x03\x03\x00\x02\x02\x46"[..], "it speaks TLS: use https://"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it speaks HTTP/1 and not HTTP/2"),
        (b"", "before it said anything; a port with TLS"),
    ] {
        let client = SbiClient::new(&somebody(says).await, ClientOptions::default()).unwrap();
        let error = client.send(hyper::Method::GET, "/", None).await.unwrap_err();
        assert!(matches!(error, ClientError::Connect { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn an_ausf_says_why_it_has_no_vector() {
    if in_own_process("misfits::an_ausf_says_why_it_has_no_vector") {
        return;
    }
    let (log, _guard) = Log::begin("info");
    let pki = Pki::new();
    let udm = home(&pki, Some(false));
    let url = udm.ausf_url().replace("https://", "http://");
    let ausf = AusfRole {
        options: AusfOptions::new(
            NfInstanceId::from_random([1; 16]),
            ServingNetworkPolicy::plmns([plmn()]),
        ),
        listen: ([127, 0, 0, 1], 0).into(),
        server: ServerOptions::default(),
        udm: Some(RemoteUdm {
            url,
            options: ClientOptions::default(),
        }),
        akma: None,
    };
    let node = Node::start(NodeOptions {
        ausf: Some(ausf),
        ..NodeOptions::default()
    })
    .unwrap();
    let said = refused(node.ausf_url().unwrap(), ClientOptions::default()).await;
    assert!(said.contains("504"), "{said}");
    log.says(&["no vector from the UDM", "https://"]).await;
}

/// A header block of a request whose path is these octets.
fn request(path: &[u8], more: &[u8]) -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend_from_slice(path);
    block.extend_from_slice(more);
    block
}

/// Which of its requests a peer loses by a header that cannot be read: h2 ends the connection, and no other.
#[tokio::test]
async fn a_header_that_cannot_be_read_costs_no_other_connection() {
    let home = Home::start(Link::Local);
    let other = home.seaf();
    other.authenticate(supi(0), snn()).await.unwrap();
    let literal = |name: &[u8], value: &[u8]| {
        let octets = [
            &[0, u8::try_from(name.len()).unwrap()],
            name,
            &[u8::try_from(value.len()).unwrap()],
            value,
        ];
        octets.concat()
    };
    for (block, ends) in [
        (request(b"/\xff", b""), true),
        (request(b"/", &literal(b":authority", b"\xff")), true),
        (request(b"/", &literal(b":other", b"x")), true),
        (request(b"/", &literal(b"Upper", b"x")), true),
        (request(b"/", &literal(b"x", b"\0")), true),
        // What can be read and is wrong costs its stream alone.
        (request(b"/", &literal(b":path", b"/")), false),
        (request(b"/", &literal(b"connection", b"close")), false),
    ] {
        let mut octets = hello(None);
        octets.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1, &block));
        let mut stream = raw::say(home.ausf_url(), &octets).await;
        let (frames, closed) = raw::frames(&mut stream, Duration::from_millis(300)).await;
        let kinds: Vec<u8> = frames.iter().map(|(kind, ..)| *kind).collect();
        assert_eq!(
            (kinds.contains(&GOAWAY), closed),
            (ends, ends),
            "{block:02x?}: {kinds:?}"
        );
        assert_eq!(kinds.contains(&RST_STREAM), !ends, "{block:02x?}: {kinds:?}");
        other.authenticate(supi(0), snn()).await.unwrap();
    }
}
