//! A server with bounds: heads that do not end, heads that are too large, and an end in order.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use kaskade_af::{HttpBounds, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// Long enough for a slow machine.
const SOON: Duration = Duration::from_secs(20);

async fn start(bounds: HttpBounds) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let slow = || async {
        sleep(Duration::from_millis(700)).await;
        "at last"
    };
    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
    let app = Router::new().route("/", get(peer)).route("/slow", get(slow));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (tell, told) = oneshot::channel::<()>();
    let ended = async move {
        let _ = told.await;
    };
    (address, tell, tokio::spawn(serve(socket, app, bounds, ended)))
}

async fn send(address: SocketAddr, octets: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(octets).await.unwrap();
    stream
}

async fn all(stream: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut octets)).await.expect("an end");
    String::from_utf8(octets).unwrap()
}

#[tokio::test]
async fn a_head_has_an_end() {
    let mut bounds = HttpBounds::default();
    bounds.head = Duration::from_millis(500);
    let (address, _tell, _serving) = start(bounds).await;
    let mut stream = send(address, b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    let begun = Instant::now();
    let mut octets = [0; 256];
    // One octet after the other, so that it is never idle.
    let closed = loop {
        let _ = stream.write_all(b"x").await;
        match timeout(Duration::from_millis(100), stream.read(&mut octets)).await {
            Err(_) if begun.elapsed() < SOON => {}
            Err(_) => break false,
            Ok(Ok(0) | Err(_)) => break true,
            Ok(Ok(_)) => {}
        }
    };
    assert!(closed, "a head is read for ever");
}

#[tokio::test]
async fn a_head_has_a_size() {
    let (address, _tell, _serving) = start(HttpBounds::default()).await;
    let of = |octets: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n",
            "x".repeat(octets)
        )
    };
    let told = all(&mut send(address, of(16_000).as_bytes()).await).await;
    assert!(
        told.starts_with("HTTP/1.1 200") && told.ends_with("127.0.0.1"),
        "{told}"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be closed before all of it is written.
    let _ = stream.write_all(of(60_000).as_bytes()).await;
    let mut octets = [0; 12];
    let read = timeout(SOON, stream.read_exact(&mut octets)).await.expect("an end");
    assert!(read.is_err() || &octets == b"HTTP/1.1 431", "{octets:?}");
}

#[tokio::test]
async fn an_end_leaves_requests_their_time_and_no_more() {
    let (address, tell, serving) = start(HttpBounds::default()).await;
    let mut idle = send(address, b"").await;
    let mut slow = send(address, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    sleep(Duration::from_millis(200)).await;
    tell.send(()).unwrap();
    let told = all(&mut slow).await;
    assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("at last"), "{told}");
    timeout(SOON, serving).await.expect("an end").unwrap();
    assert_eq!(all(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());

    let mut bounds = HttpBounds::default();
    bounds.grace = Duration::from_millis(50);
    let (address, tell, serving) = start(bounds).await;
    let mut slow = send(address, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    sleep(Duration::from_millis(200)).await;
    tell.send(()).unwrap();
    timeout(SOON, serving).await.expect("an end").unwrap();
    assert_eq!(all(&mut slow).await, "");
}
