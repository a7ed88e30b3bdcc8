//! Over UDP sockets of the loopback.
#![allow(unreachable_pub, reason = "other modules of the tests use it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::radius::{Sent, Told};
use kaskade_net::radius::{Clients, RadiusOptions, RadiusServer, serve_udp};
use kaskade_net::sbi::server::Shutdown;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::toy::{Gateway, Toy, assert_in, client, server, server_with, sum};

/// A server with a socket.
pub struct Listening {
    pub server: Arc<RadiusServer<Toy>>,
    pub address: SocketAddr,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

impl Listening {
    pub async fn start(server: Arc<RadiusServer<Toy>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (socket.local_addr().unwrap(), Shutdown::new());
        let serving = tokio::spawn(serve_udp(
            socket,
            server.clone(),
            Duration::from_secs(5),
            shutdown.clone(),
        ));
        Self {
            server,
            address,
            shutdown,
            serving,
        }
    }

    pub async fn end(self) {
        self.shutdown.begin();
        timeout(Duration::from_secs(10), self.serving)
            .await
            .expect("it ends")
            .unwrap();
    }
}

pub async fn socket_to(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    socket
}

async fn received(socket: &UdpSocket, wait: Duration) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 5000];
    let length = timeout(wait, socket.recv(&mut buffer)).await.ok()?.unwrap();
    buffer.truncate(length);
    Some(buffer)
}

async fn exchanged(socket: &UdpSocket, sent: &Sent) -> Vec<u8> {
    socket.send(sent.octets()).await.unwrap();
    received(socket, Duration::from_secs(10)).await.expect("an answer")
}

/// A whole run; what comes at its end.
pub async fn run(gateway: &mut Gateway, socket: &UdpSocket) -> Told {
    let mut eap = gateway.identity();
    loop {
        let sent = gateway.sent(&eap);
        let octets = exchanged(socket, &sent).await;
        match gateway.exchange.answer(&sent, &octets).unwrap() {
            Told::Challenge { eap: asked, .. } => eap = Gateway::answer_of_peer(&asked, &gateway.name),
            end => return end,
        }
    }
}

#[tokio::test]
async fn peers_come_in_side_by_side() {
    let listening = Listening::start(server()).await;
    let mut runs = Vec::new();
    for number in 0..50 {
        let address = listening.address;
        runs.push(tokio::spawn(async move {
            let name = format!("user{number}");
            let mut gateway = Gateway::of(name.as_bytes());
            let socket = socket_to(address).await;
            assert_in(run(&mut gateway, &socket).await, name.as_bytes());
        }));
    }
    for run in runs {
        run.await.unwrap();
    }
    assert_eq!(sum(&listening.server, "accepts"), 50);
    listening.end().await;
}

#[tokio::test]
async fn a_datagram_that_is_none_hurts_nobody() {
    let listening = Listening::start(server()).await;
    let socket = socket_to(listening.address).await;
    let mut gateway = Gateway::of(b"alice");
    let good = gateway.sent(&gateway.identity());
    let mut unsigned = good.octets().to_vec();
    unsigned[30] ^= 1;
    let mut cut = good.octets().to_vec();
    cut.pop();
    for datagram in [&b""[..], &[1], &[1; 19], &[0; 4096], &[0xff; 9000], &cut, &unsigned] {
        socket.send(datagram).await.unwrap();
    }
    assert_eq!(
        received(&socket, Duration::from_millis(200)).await,
        None,
        "nobody hears of it"
    );
    let mut padded = good.octets().to_vec();
    padded.resize(6000, 0x5a);
    socket.send(&padded).await.unwrap();
    let told = received(&socket, Duration::from_secs(10))
        .await
        .expect("padding is not content");
    assert!(gateway.exchange.answer(&good, &told).is_ok());
    assert_eq!(
        sum(&listening.server, "malformed") + sum(&listening.server, "not_authentic"),
        7
    );
    listening.end().await;
}

#[tokio::test]
async fn who_is_no_client_hears_nothing() {
    let clients = Clients::new([("127.0.0.9".parse().unwrap(), client("another"))]).unwrap();
    let server = Arc::new(RadiusServer::new(Toy::default(), clients, RadiusOptions::default()));
    let listening = Listening::start(server).await;
    let socket = socket_to(listening.address).await;
    let mut gateway = Gateway::of(b"alice");
    let sent = gateway.sent(&gateway.identity());
    socket.send(sent.octets()).await.unwrap();
    assert_eq!(received(&socket, Duration::from_millis(200)).await, None);
    assert_eq!(
        (
            sum(&listening.server, "unknown_clients"),
            listening.server.eap().handled()
        ),
        (1, 0)
    );
    // A client is one as soon as it is added.
    listening.server.clients().replace(super::toy::clients());
    assert_in(run(&mut gateway, &socket).await, b"alice");
    listening.end().await;
}

#[tokio::test]
async fn what_is_in_work_is_answered_before_the_end() {
    let listening = Listening::start(server_with(Toy::closed(), RadiusOptions::default())).await;
    let socket = socket_to(listening.address).await;
    let mut gateway = Gateway::of(b"alice");
    let sent = gateway.sent(&gateway.identity());
    socket.send(sent.octets()).await.unwrap();
    while listening.server.eap().handled() == 0 {
        tokio::task::yield_now().await;
    }
    listening.shutdown.begin();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!listening.serving.is_finished());
    listening.server.eap().gate.add_permits(1);
    let told = received(&socket, Duration::from_secs(10)).await.expect("an answer");
    assert!(matches!(
        gateway.exchange.answer(&sent, &told).unwrap(),
        Told::Challenge { .. }
    ));
    listening.end().await;
}

#[tokio::test]
async fn so_many_requests_are_in_work_at_once_and_no_more() {
    let options = RadiusOptions {
        in_work: 8,
        ..RadiusOptions::default()
    };
    let listening = Listening::start(server_with(Toy::closed(), options)).await;
    let socket = socket_to(listening.address).await;
    for number in 0..40 {
        let mut gateway = Gateway::of(format!("user{number}").as_bytes());
        socket.send(gateway.sent(&gateway.identity()).octets()).await.unwrap();
    }
    let overloaded = || {
        let mut sums = listening.server.figures().refusals().sums();
        sums.find(|(why, _)| *why == kaskade_flow::Refusal::Overloaded)
            .unwrap()
            .1
    };
    let all_taken = timeout(Duration::from_secs(10), async {
        while overloaded() < 34 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    all_taken.await.expect("the rest is dropped");
    assert_eq!(
        (listening.server.eap().handled(), listening.server.kept()[2]),
        (6, 6),
        "three quarters for one client"
    );
    listening.server.eap().gate.add_permits(1000);
    let mut gateway = Gateway::of(b"alice");
    let socket = socket_to(listening.address).await;
    while listening.server.kept()[2] > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_in(run(&mut gateway, &socket).await, b"alice");
    listening.end().await;
}
