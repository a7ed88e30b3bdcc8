//! Gateways over TLS 1.3 with pre-shared keys.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use kaskade_net::node::RadSecPskListeners;
use kaskade_net::psk::{Profile, PskClient, PskIdentity, PskKey, PskStream};
use kaskade_net::sbi::limits::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::common::without_interop;

const KEY: [u8; 32] = [0x4b; 32];

fn identity(name: &str) -> PskIdentity {
    PskIdentity::new(name).unwrap()
}

fn with_keys(names: &[&str]) -> Clients {
    let with = |clients: Clients, name: &&str| clients.with_key(&identity(name), &KEY, name).unwrap();
    names.iter().fold(clients(), with)
}

fn options_with(clients: Clients) -> NodeOptions {
    let mut options = node_options(&store(), aaa_options());
    let role = options.aaa.as_mut().unwrap();
    role.clients = clients;
    role.radsec_psk = Some(RadSecPskListeners {
        listen: vec![([127, 0, 0, 1], 0).into()],
        limits: Limits::default(),
    });
    options
}

async fn connect(address: SocketAddr, name: &str, key: &[u8]) -> Option<PskStream<TcpStream>> {
    let client = PskClient::new(Profile::Tls13, identity(name), PskKey::from_octets(key).unwrap()).unwrap();
    client.connect(TcpStream::connect(address).await.unwrap()).await.ok()
}

async fn received(stream: &mut PskStream<TcpStream>) -> Option<Vec<u8>> {
    let receive = async {
        let mut packet = vec![0; 4];
        stream.read_exact(&mut packet).await.ok()?;
        packet.resize(usize::from(u16::from_be_bytes([packet[2], packet[3]])), 0);
        stream.read_exact(&mut packet[4..]).await.ok()?;
        Some(packet)
    };
    timeout(Duration::from_secs(10), receive).await.expect("in time")
}

async fn attach_over(stream: &mut PskStream<TcpStream>, device: &mut Device) -> Ended {
    let mut attach = Attach::begin(device, SharedSecret::radsec());
    loop {
        stream.write_all(attach.request()).await.unwrap();
        stream.flush().await.unwrap();
        attach = match attach.answered(&received(stream).await.expect("an answer")) {
            Progress::Asks(attach) => attach,
            Progress::Ended(ended) => return ended,
        };
    }
}

#[tokio::test]
async fn a_gateway_with_a_key_asks_over_tls() {
    let options = options_with(with_keys(&["twag", "hall"]));
    let node = Node::start(options).unwrap();
    let address = node.radius_psk_addresses()[0];
    let (mut device, mut stream) = (device(0), connect(address, "twag", &KEY).await.unwrap());
    for fast in [false, true] {
        let (peer, _) = attach_over(&mut stream, &mut device).await.comes_in();
        assert_eq!(peer.reauthentication, fast);
    }
    assert_eq!(node.watch().peers().connections, 1);
    // Another key, and a name that nobody has.
    let mut other = KEY;
    other[0] ^= 1;
    assert!(connect(address, "twag", &other).await.is_none());
    assert!(connect(address, "nobody", &KEY).await.is_none());
    // Who is a client no longer is heard no more, on a connection that there is either.
    let options = options_with(with_keys(&["hall"]));
    node.renew(&options).unwrap();
    let attach = Attach::begin(&mut device, SharedSecret::radsec());
    stream.write_all(attach.request()).await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(received(&mut stream).await, None);
    assert!(connect(address, "twag", &KEY).await.is_none());
    assert!(connect(address, "hall", &KEY).await.is_some());
    let mut without = options_with(clients());
    without.aaa.as_mut().unwrap().radsec_psk = None;
    assert!(node.renew(&without).is_err(), "it does not end so");
    node.shutdown().await;
    let short = clients().with_key(&identity("twag"), &[1; 15], "twag");
    assert!(short.unwrap_err().to_string().contains("16 to 64"));
}

#[tokio::test]
async fn a_client_of_openssl_shakes_hands_and_asks() {
    if without_interop() {
        return;
    }
    let node = Node::start(options_with(with_keys(&["twag"]))).unwrap();
    let address = node.radius_psk_addresses()[0].to_string();
    let exchange = kaskade_codec::radius::Exchange::new(SharedSecret::radsec(), b"twag");
    let sent = exchange.status(1, &[7; 16]).unwrap();
    let request = sent.octets().to_vec();
    let told = tokio::task::spawn_blocking(move || {
        let key = hex::encode(KEY);
        let mut client = Command::new("openssl")
            .args(["s_client", "-connect", &address, "-tls1_3", "-quiet"])
            .args(["-ciphersuites", "TLS_AES_128_GCM_SHA256"])
            .args(["-psk_identity", "twag", "-psk", &key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = client.stdin.take().unwrap();
        input.write_all(&request).unwrap();
        input.flush().unwrap();
        let mut head = [0; 20];
        let read = client.stdout.take().unwrap().read_exact(&mut head);
        let _ = client.kill();
        let _ = client.wait();
        read.map(|()| head)
    });
    let told = timeout(Duration::from_secs(30), told).await.unwrap().unwrap().unwrap();
    assert_eq!(told[..2], [2, 1], "Access-Accept of that request");
    node.shutdown().await;
}
