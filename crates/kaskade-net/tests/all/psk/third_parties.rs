//! Connections with OpenSSL's programs, in both directions and every profile.

use kaskade_net::psk::{Profile, PskDatagramServer, PskSuite};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use super::peers::{client_with, connect, datagram_profiles, honest_client, honest_server, options, stream_profiles};
use super::{IDENTITY, KEY, SUITE, accept, client, server};
use crate::common::without_interop;

fn code_point(profile: Profile) -> u16 {
    profile.suite().map_or(0x1301, PskSuite::code_point)
}

#[tokio::test]
async fn s_client_speaks_with_a_server() {
    if without_interop() {
        return;
    }
    for profile in stream_profiles() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut theirs = honest_client(listener.local_addr().unwrap(), profile);
        let mut ours = accept(&server(profile), &listener).await.unwrap();
        assert_eq!(ours.identity().unwrap().as_octets(), IDENTITY.as_bytes());
        assert_eq!(ours.cipher_suite(), code_point(profile), "{profile:?}");
        assert_eq!(ours.is_tls_1_3(), profile == Profile::Tls13);
        theirs.write("a question\n");
        let mut question = [0; 11];
        ours.read_exact(&mut question).await.unwrap();
        assert_eq!(&question, b"a question\n");
        ours.write_all(b"an answer\n").await.unwrap();
        ours.shutdown().await.unwrap();
        let left = theirs.end().await;
        assert_eq!(
            (left.output.as_str(), left.is_success),
            ("an answer\n", true),
            "{}",
            left.errors
        );
        assert!(!left.errors.contains("unexpected eof"), "{}", left.errors);
    }
}

#[tokio::test]
async fn a_client_speaks_with_s_server() {
    if without_interop() {
        return;
    }
    for profile in stream_profiles() {
        let (mut theirs, address) = honest_server(profile).await;
        let ours = client(profile).with_server_name("af.example").unwrap();
        let mut ours = ours.connect(connect(address).await).await.unwrap();
        assert_eq!((ours.identity(), ours.cipher_suite()), (None, code_point(profile)));
        ours.write_all(b"a question\n").await.unwrap();
        assert_eq!(theirs.read_to("\n").await, "a question\n");
        theirs.write("an answer\n");
        let mut answer = [0; 10];
        ours.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"an answer\n");
        ours.shutdown().await.unwrap();
        assert_eq!(ours.read(&mut answer).await.unwrap(), 0, "s_server says its end too");
    }
}

#[tokio::test]
async fn s_client_speaks_with_a_server_over_datagrams() {
    if without_interop() {
        return;
    }
    for profile in datagram_profiles() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let mut listening = PskDatagramServer::new(server(profile), socket);
        let mut theirs = honest_client(address, profile);
        let (mut ours, _) = listening.accept().await.unwrap();
        assert_eq!(ours.identity().unwrap().as_octets(), IDENTITY.as_bytes());
        assert_eq!(ours.cipher_suite(), code_point(profile), "{profile:?}");
        theirs.write("a question\n");
        let mut message = [0; 64];
        let len = ours.recv(&mut message).await.unwrap();
        assert_eq!(&message[..len], b"a question\n");
        ours.send(b"an answer\n").await.unwrap();
        assert_eq!(theirs.read_to("\n").await, "an answer\n");
        ours.shutdown().await.unwrap();
        assert!(theirs.end().await.is_success);
    }
}

#[tokio::test]
async fn a_client_speaks_with_s_server_over_datagrams() {
    if without_interop() {
        return;
    }
    for profile in datagram_profiles() {
        let (mut theirs, address) = honest_server(profile).await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(address).await.unwrap();
        let mut ours = client(profile).connect_datagrams(socket).await.unwrap();
        assert_eq!(ours.cipher_suite(), code_point(profile));
        ours.send(b"a question\n").await.unwrap();
        assert_eq!(theirs.read_to("\n").await, "a question\n");
        theirs.write("an answer\n");
        let mut message = [0; 64];
        let len = ours.recv(&mut message).await.unwrap();
        assert_eq!(&message[..len], b"an answer\n");
        ours.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn the_hint_is_said_and_heard() {
    if without_interop() {
        return;
    }
    let profile = Profile::Tls12(SUITE);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let key = hex::encode(KEY);
    let rest = ["-psk_identity", IDENTITY, "-psk", &key];
    let mut theirs = client_with(listener.local_addr().unwrap(), &[&options(profile)[..], &rest].concat());
    let ours = accept(&server(profile), &listener).await.unwrap();
    let text = theirs.read_to("PSK identity hint").await;
    assert!(text.contains("PSK identity hint: 3GPP-AKMA\n"), "{text}");
    drop(ours);

    let (_theirs, address) = honest_server(profile).await;
    let wants = |hint: &str| client(profile).with_hint(hint).unwrap();
    wants("3GPP-AKMA").connect(connect(address).await).await.unwrap();
    wants("3GPP-bootstrapping")
        .connect(connect(address).await)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn an_identity_of_128_octets_is_taken_in_1_2_and_one_of_1024_in_1_3() {
    if without_interop() {
        return;
    }
    for (profile, len) in [(Profile::Tls12(SUITE), 128), (Profile::Tls13, 1024)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let long = "i".repeat(len);
        let theirs = super::peers::client(listener.local_addr().unwrap(), profile, &long, &hex::encode(KEY));
        let keys = std::sync::Arc::new(|_: &kaskade_net::psk::Asked<'_>| Some(super::key()));
        let server = kaskade_net::psk::PskServer::new(profile, None, keys, super::short()).unwrap();
        let ours = accept(&server, &listener).await.unwrap();
        assert_eq!(ours.identity().unwrap().as_octets(), long.as_bytes());
        drop((ours, theirs));
    }
}
