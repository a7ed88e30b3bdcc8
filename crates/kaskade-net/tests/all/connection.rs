//! What a peer sees of the connection: HTTP/2 only, limits, and an orderly end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::common::http::{Ask, curl, send, try_curl};
use crate::common::{Home, Link, answer, snn, supi, ue, without_interop};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kaskade_net::role::seaf::{AusfClient, AusfClientError};
use kaskade_net::sbi::client::{ClientError, ClientOptions, SbiClient};
use kaskade_net::sbi::message::Reply;
use kaskade_net::sbi::server::{Handler, ServerOptions, Shutdown, bind, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

type Connection = (SendRequest<Full<Bytes>>, JoinHandle<Result<(), hyper::Error>>);

async fn connect(url: &str) -> Connection {
    let stream = TcpStream::connect(address(url)).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    (sender, tokio::spawn(connection))
}

fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(format!("{url}/")).body(Full::default()).unwrap()
}

/// What the server sends to somebody who sends `octets`, until it closes.
async fn told_to(url: &str, octets: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address(url)).await.unwrap();
    stream.write_all(octets).await.unwrap();
    let mut told = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut told));
    read.await.expect("the server closes").ok();
    told
}

#[tokio::test]
async fn an_http_1_client_is_told_that_it_is_one() {
    let home = Home::start(Link::Local);
    for octets in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"POST /nausf-auth/v1/ue-authentications HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    ] {
        let told = told_to(home.ausf_url(), octets).await;
        assert!(told.starts_with(b"HTTP/1.1 505 "), "{}", String::from_utf8_lossy(&told));
    }
    if !without_interop() {
        let (status, _) = try_curl(home.ausf_url(), &Ask::bare("GET", "/"), &["--http1.1"]).await;
        assert_eq!(status, 0, "curl understands the refusal");
    }
    // Others are served.
    assert_eq!(send(home.ausf_url(), &Ask::bare("GET", "/")).await.status, 400);
}

#[tokio::test]
async fn a_broken_connection_harms_nobody() {
    let home = Home::start(Link::Local);
    let (mut sender, _connection) = connect(home.ausf_url()).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for rest in [
        &[0xFF; 64][..],
        &[0; 9],
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff",
    ] {
        let mut octets = preface.to_vec();
        octets.extend_from_slice(rest);
        told_to_and_closed(home.ausf_url(), &octets).await;
    }
    assert_eq!(sender.send_request(get(home.ausf_url())).await.unwrap().status(), 400);
}

/// Sends octets, closes the own side, and waits for the end.
async fn told_to_and_closed(url: &str, octets: &[u8]) {
    let mut stream = TcpStream::connect(address(url)).await.unwrap();
    stream.write_all(octets).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut told = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut told));
    end.await.expect("the server closes").ok();
}

#[tokio::test]
async fn somebody_who_says_nothing_is_dropped() {
    let home = Home::start_with(Link::Local, |setup| {
        setup.server.limits.patience = Duration::from_millis(200);
    });
    let begin = Instant::now();
    for octets in [&b""[..], b"PRI * HTTP/2"] {
        assert!(told_to(home.ausf_url(), octets).await.is_empty());
    }
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn connections_are_bounded() {
    let home = Home::start_with(Link::Local, |setup| setup.server.limits.max_connections = 3);
    let url = home.ausf_url();
    let mut held = Vec::new();
    for _ in 0..3 {
        let (mut sender, connection) = connect(url).await;
        assert_eq!(sender.send_request(get(url)).await.unwrap().status(), 400);
        held.push((sender, connection));
    }
    let mut refused = TcpStream::connect(address(url)).await.unwrap();
    assert_eq!(refused.read(&mut [0; 64]).await.unwrap_or(0), 0, "closed at once");
    let (sender, connection) = held.pop().unwrap();
    drop(sender);
    connection.await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (mut sender, _connection) = connect(url).await;
    assert_eq!(sender.send_request(get(url)).await.unwrap().status(), 400);
}

#[tokio::test]
async fn headers_are_bounded() {
    let home = Home::start(Link::Local);
    let url = home.ausf_url();
    let (mut sender, _connection) = connect(url).await;
    let mut request = get(url);
    request
        .headers_mut()
        .insert("x-long", "y".repeat(20_000).parse().unwrap());
    let status = sender
        .send_request(request)
        .await
        .map(|response| response.status().as_u16());
    assert!(matches!(status, Ok(431) | Err(_)), "{status:?}");
    assert_eq!(send(url, &Ask::bare("GET", "/")).await.status, 400);
}

#[tokio::test]
async fn a_large_body_without_length_is_refused_early() {
    let home = Home::start(Link::Local);
    if without_interop() {
        return;
    }
    // "chunked" makes curl leave content-length out.
    let ask = Ask::json("POST", "/nausf-auth/v1/ue-authentications", "x".repeat(900_000));
    let told = curl(home.ausf_url(), &ask, &["-H", "transfer-encoding: chunked"]).await;
    assert_eq!(told.status, 413);
}

#[tokio::test]
async fn shutdown_lets_requests_finish_and_takes_no_new_ones() {
    let home = Home::start(Link::Local);
    let url = home.ausf_url().to_owned();
    let seaf = home.seaf();
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    answer(&mut ue(0), &challenge);
    let (mut idle, idle_connection) = connect(&url).await;
    assert_eq!(idle.send_request(get(&url)).await.unwrap().status(), 400);
    // A request whose body is on its way.
    let unfinished = Slow::begin(&url).await;
    let begun = Instant::now();
    let stopping = tokio::spawn(home.udm.shutdown());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(address(&url)).await.is_err(), "no new connection");
    assert!(idle.send_request(get(&url)).await.is_err(), "GOAWAY on an idle one");
    assert_eq!(unfinished.finish().await, 201, "a request that had begun");
    stopping.await.unwrap();
    idle_connection.await.unwrap().ok();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // The own client tells the difference.
    let gone = AusfClient::new(&url, ClientOptions::default()).unwrap();
    let error = gone.authenticate(supi(0), snn()).await.unwrap_err();
    assert!(matches!(error, AusfClientError::Client(_)), "{error}");
}

/// A body that comes in pieces.
struct Pieces(mpsc::Receiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| Some(Ok(Frame::data(piece?))))
    }
}

/// A POST whose body is not there yet.
struct Slow {
    body: mpsc::Sender<Bytes>,
    response: JoinHandle<u16>,
}

impl Slow {
    async fn begin(url: &str) -> Self {
        let (body, pieces) = mpsc::channel(4);
        let first = r#"{"supiOrSuci":"imsi-001010000000000","servingNetworkName":"#;
        body.send(Bytes::from_static(first.as_bytes())).await.unwrap();
        let socket = TcpStream::connect(address(url)).await.unwrap();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = Request::post(format!("{url}/nausf-auth/v1/ue-authentications"))
            .header("content-type", "application/json")
            .body(Pieces(pieces))
            .unwrap();
        let response = tokio::spawn(async move { sender.send_request(request).await.unwrap().status().as_u16() });
        tokio::time::sleep(Duration::from_millis(100)).await;
        Self { body, response }
    }

    async fn finish(self) -> u16 {
        let rest = r#""5G:mnc001.mcc001.3gppnetwork.org"}"#;
        self.body.send(Bytes::from_static(rest.as_bytes())).await.unwrap();
        drop(self.body);
        self.response.await.unwrap()
    }
}

/// Answers everything with 204.
struct Nothing;

impl Handler for Nothing {
    fn handle(&self, _: kaskade_net::sbi::message::Request) -> kaskade_net::sbi::service::Replying<'_> {
        Box::pin(async move { Reply::no_content() })
    }
}

#[tokio::test]
async fn the_client_connects_again() {
    let mut at: SocketAddr = ([127, 0, 0, 1], 0).into();
    let mut client: Option<SbiClient> = None;
    for _ in 0..3 {
        let listener = bind(at).unwrap();
        at = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let serving = tokio::spawn(serve(
            listener,
            Arc::new(Nothing),
            ServerOptions::default(),
            shutdown.clone(),
        ));
        let client = client.get_or_insert_with(|| crate::common::client(&format!("http://{at}")));
        // At once, and several together: they share the new connection.
        let requests = (0..10).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                client
                    .send(Method::GET, "/x", None)
                    .await
                    .map(|answer| answer.status.as_u16())
            })
        });
        for request in requests.collect::<Vec<_>>() {
            assert_eq!(request.await.unwrap().unwrap(), 204);
        }
        shutdown.begin();
        serving.await.unwrap().unwrap();
    }
    let error = client.unwrap().send(Method::GET, "/x", None).await.unwrap_err();
    assert!(matches!(error, ClientError::Connect { .. }), "{error}");
}

/// Never answers.
struct Silence;

impl Handler for Silence {
    fn handle(&self, _: kaskade_net::sbi::message::Request) -> kaskade_net::sbi::service::Replying<'_> {
        Box::pin(async move { std::future::pending().await })
    }
}

#[tokio::test]
async fn the_client_does_not_wait_for_ever() {
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(
        listener,
        Arc::new(Silence),
        ServerOptions::default(),
        Shutdown::new(),
    ));
    let mut options = ClientOptions::default();
    options.timeout = Duration::from_millis(200);
    let error = SbiClient::new(&url, options)
        .unwrap()
        .send(Method::GET, "/x", None)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
}

/// Panics on `/panic`.
struct Panics;

impl Handler for Panics {
    fn handle(&self, request: kaskade_net::sbi::message::Request) -> kaskade_net::sbi::service::Replying<'_> {
        Box::pin(async move {
            assert_ne!(request.path(), "/panic");
            Reply::no_content()
        })
    }
}

#[tokio::test]
async fn a_handler_that_panics_loses_its_stream_only() {
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(
        listener,
        Arc::new(Panics),
        ServerOptions::default(),
        Shutdown::new(),
    ));
    let (mut sender, _connection) = connect(&url).await;
    let panic = Request::get(format!("{url}/panic")).body(Full::default()).unwrap();
    assert!(sender.send_request(panic).await.is_err());
    assert_eq!(sender.send_request(get(&url)).await.unwrap().status(), 204);
}

#[test]
fn urls_that_are_none_are_refused() {
    for url in ["", "127.0.0.1:80", "ftp://x", "http://", "https://127.0.0.1", "/x"] {
        assert!(SbiClient::new(url, ClientOptions::default()).is_err(), "{url}");
    }
}
