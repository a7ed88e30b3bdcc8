//! DTLS: peers that lie about their address, datagrams that are lost, and peers that begin anew.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaskade_net::psk::{
    HandshakeError, MAX_MESSAGE, Profile, PskClient, PskDatagramServer, PskDatagrams, PskServer, PskSuite,
};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::{IDENTITY, SUITE, client, identity, key, server, short, wrong_key};

const PROFILE: Profile = Profile::Dtls12(SUITE);
const LONG: Duration = Duration::from_secs(20);

async fn bound() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

async fn towards(address: SocketAddr) -> UdpSocket {
    let socket = bound().await;
    socket.connect(address).await.unwrap();
    socket
}

async fn listening(server: &PskServer) -> (PskDatagramServer, SocketAddr) {
    let socket = bound().await;
    let address = socket.local_addr().unwrap();
    (PskDatagramServer::new(server.clone(), socket), address)
}

async fn both(
    listening: &mut PskDatagramServer,
    client: &PskClient,
    socket: UdpSocket,
) -> (PskDatagrams, PskDatagrams) {
    let (ours, theirs) = tokio::join!(client.connect_datagrams(socket), timeout(LONG, listening.accept()));
    (ours.unwrap(), theirs.unwrap().unwrap().0)
}

/// A message there and back.
async fn echo(ours: &mut PskDatagrams, theirs: &mut PskDatagrams) {
    let mut message = [0; 2048];
    ours.send(&[7; MAX_MESSAGE]).await.unwrap();
    let len = timeout(LONG, theirs.recv(&mut message)).await.unwrap().unwrap();
    assert_eq!(message[..len], [7; MAX_MESSAGE]);
    theirs.send(&message[..1]).await.unwrap();
    assert_eq!(timeout(LONG, ours.recv(&mut message)).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn messages_go_both_ways_and_their_end_is_said() {
    for profile in [PROFILE, Profile::Dtls12(PskSuite::Aes128Ccm8)] {
        let server = server(profile);
        let (mut listening, address) = listening(&server).await;
        let (mut ours, mut theirs) = both(&mut listening, &client(profile), towards(address).await).await;
        assert_eq!(theirs.identity().unwrap().as_octets(), IDENTITY.as_bytes());
        echo(&mut ours, &mut theirs).await;
        for len in [0, MAX_MESSAGE + 1] {
            let error = ours.send(&vec![0; len]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        ours.shutdown().await.unwrap();
        assert_eq!(timeout(LONG, theirs.recv(&mut [0; 16])).await.unwrap().unwrap(), 0);
        assert_eq!(server.counts(), [0, 1]);
        drop(theirs);
        assert_eq!(server.counts(), [0, 0]);
    }
}

/// A datagram that a socket gets.
async fn datagram(socket: &UdpSocket) -> Vec<u8> {
    let mut octets = vec![0; 4096];
    let len = timeout(LONG, socket.recv(&mut octets)).await.unwrap().unwrap();
    octets.truncate(len);
    octets
}

/// The first two messages of a client, as if it had the address of this socket, which is connected with a server.
async fn hellos(socket: &UdpSocket) -> [Vec<u8>; 2] {
    let middle = bound().await;
    let theirs = towards(middle.local_addr().unwrap()).await;
    let from = theirs.local_addr().unwrap();
    let client = client(PROFILE);
    let watching = async {
        let first = datagram(&middle).await;
        socket.send(&first).await.unwrap();
        middle.send_to(&datagram(socket).await, from).await.unwrap();
        [first, datagram(&middle).await]
    };
    tokio::select! {
        _ = client.connect_datagrams(theirs) => panic!("a handshake without a server"),
        hellos = watching => hellos,
    }
}

#[tokio::test]
async fn nothing_is_kept_of_who_has_not_shown_where_it_is() {
    let server = server(PROFILE);
    let (_listening, address) = listening(&server).await;
    let [first, second] = hellos(&towards(address).await).await;
    let liar = towards(address).await;
    for _ in 0..50 {
        liar.send(&first).await.unwrap();
        let answer = datagram(&liar).await;
        assert_eq!((answer[0], answer[13]), (22, 3), "HelloVerifyRequest");
        assert!(answer.len() < first.len(), "an answer is no amplification");
    }
    // A cookie of another address.
    liar.send(&second).await.unwrap();
    assert_eq!(datagram(&liar).await[13], 3);
    // What is no ClientHello gets nothing, and keeps nothing.
    for other in [&b"nonsense"[..], &[], &first[..40], &[23; 600], &[22; 4000]] {
        liar.send(other).await.unwrap();
    }
    let mut octets = [0; 64];
    assert!(
        timeout(Duration::from_millis(300), liar.recv(&mut octets))
            .await
            .is_err()
    );
    assert_eq!(server.counts(), [0, 0]);
}

/// A server that gets and sends only what `is_lost` lets through: the direction, and the number of the datagram.
async fn lossy(server: SocketAddr, is_lost: fn(bool, usize) -> bool) -> SocketAddr {
    let (near, far) = (bound().await, towards(server).await);
    let address = near.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut of_client, mut of_server, mut client) = ([0; 4096], [0; 4096], None);
        let mut counts = [0, 0];
        loop {
            tokio::select! {
                Ok((len, from)) = near.recv_from(&mut of_client) => {
                    client = Some(from);
                    counts[0] += 1;
                    if !is_lost(true, counts[0]) {
                        far.send(&of_client[..len]).await.unwrap();
                    }
                }
                Ok(len) = far.recv(&mut of_server) => {
                    counts[1] += 1;
                    if let Some(to) = client && !is_lost(false, counts[1]) {
                        near.send_to(&of_server[..len], to).await.unwrap();
                    }
                }
                else => break,
            }
        }
    });
    address
}

#[tokio::test]
async fn what_is_lost_is_sent_again() {
    let losses: [fn(bool, usize) -> bool; 3] = [
        |from_client, number| from_client && number == 1,
        |from_client, number| !from_client && number == 2,
        |from_client, number| from_client && number == 3,
    ];
    let losing = losses.map(|is_lost| async move {
        let server = server(PROFILE);
        let (mut listening, address) = listening(&server).await;
        let address = lossy(address, is_lost).await;
        let client = client(PROFILE).with_patience(LONG);
        let (mut ours, mut theirs) = both(&mut listening, &client, towards(address).await).await;
        echo(&mut ours, &mut theirs).await;
    });
    let [a, b, c] = losing;
    tokio::join!(a, b, c);
}

#[tokio::test]
async fn a_client_that_comes_before_its_server_waits() {
    let address = bound().await.local_addr().unwrap();
    let server = server(PROFILE);
    let client = client(PROFILE).with_patience(LONG);
    let socket = towards(address).await;
    let late = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let mut listening = PskDatagramServer::new(server, UdpSocket::bind(address).await.unwrap());
        timeout(LONG, listening.accept()).await.unwrap().unwrap()
    };
    let (ours, _theirs) = tokio::join!(client.connect_datagrams(socket), late);
    ours.unwrap();
}

#[tokio::test]
async fn a_peer_that_begins_anew_takes_its_own_place() {
    let server = server(PROFILE);
    let (mut listening, address) = listening(&server).await;
    let socket = towards(address).await;
    let at = socket.local_addr().unwrap();
    let (mut ours, mut theirs) = both(&mut listening, &client(PROFILE), socket).await;
    echo(&mut ours, &mut theirs).await;
    // It restarts without a word: same address, and somebody waits for its older self.
    drop(ours);
    let socket = UdpSocket::bind(at).await.unwrap();
    socket.connect(address).await.unwrap();
    let (mut ours, mut newer) = both(&mut listening, &client(PROFILE), socket).await;
    echo(&mut ours, &mut newer).await;
    let error = timeout(LONG, theirs.recv(&mut [0; 16])).await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::UnexpectedEof, "the peer has begun a new connection")
    );
}

/// A way to a server that keeps what the client sends, and says it once more on request: its number, from 0.
async fn recording(server: SocketAddr) -> (SocketAddr, tokio::sync::mpsc::Sender<usize>) {
    let (near, far) = (bound().await, towards(server).await);
    let address = near.local_addr().unwrap();
    let (again, mut asked) = tokio::sync::mpsc::channel::<usize>(1);
    tokio::spawn(async move {
        let (mut of_client, mut of_server, mut client) = ([0; 4096], [0; 4096], None);
        let mut record: Vec<Vec<u8>> = Vec::new();
        loop {
            tokio::select! {
                Ok((len, from)) = near.recv_from(&mut of_client) => {
                    client = Some(from);
                    far.send(&of_client[..len]).await.unwrap();
                    record.push(of_client[..len].to_vec());
                }
                Ok(len) = far.recv(&mut of_server) => {
                    near.send_to(&of_server[..len], client.unwrap()).await.unwrap();
                }
                Some(number) = asked.recv() => { far.send(&record[number]).await.unwrap(); }
                else => break,
            }
        }
    });
    (address, again)
}

#[tokio::test]
async fn a_hello_that_somebody_says_once_more_ends_nothing() {
    let server = server(PROFILE);
    let (mut listening, address) = listening(&server).await;
    let (way, again) = recording(address).await;
    let (first, _older) = both(&mut listening, &client(PROFILE), towards(way).await).await;
    // The second message has the cookie.
    for _ in 0..2 {
        again.send(1).await.unwrap();
    }
    drop(first);
    let (mut ours, mut theirs) = both(&mut listening, &client(PROFILE), towards(way).await).await;
    echo(&mut ours, &mut theirs).await;
    // Of the older connection, while its cookie is good; nobody goes on with that handshake.
    again.send(1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.counts()[0], 1, "it was taken for a client that begins anew");
    for _ in 0..3 {
        echo(&mut ours, &mut theirs).await;
    }
    // The client itself begins anew, and does not wait for that handshake's end.
    let (mut ours, mut newer) = both(&mut listening, &client(PROFILE), towards(way).await).await;
    echo(&mut ours, &mut newer).await;
    assert_eq!(
        timeout(LONG, theirs.recv(&mut [0; 16]))
            .await
            .unwrap()
            .unwrap_err()
            .kind(),
        ErrorKind::UnexpectedEof
    );
}

#[tokio::test]
async fn a_message_is_not_cut_to_the_room_that_there_is() {
    let server = server(PROFILE);
    let (mut listening, address) = listening(&server).await;
    let (mut ours, mut theirs) = both(&mut listening, &client(PROFILE), towards(address).await).await;
    ours.send(b"a longer message").await.unwrap();
    ours.send(b"short").await.unwrap();
    let mut small = [0; 5];
    for room in [5, 0, 15] {
        let error = timeout(LONG, theirs.recv(&mut vec![0; room]))
            .await
            .unwrap()
            .unwrap_err();
        let text = format!("a message of 16 octets waits for more room than {room}");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidInput, text));
    }
    let mut octets = [0; 16];
    assert_eq!(theirs.recv(&mut octets).await.unwrap(), 16);
    assert_eq!(&octets, b"a longer message");
    assert_eq!(timeout(LONG, theirs.recv(&mut small)).await.unwrap().unwrap(), 5);
    assert_eq!(&small, b"short");
}

#[tokio::test]
async fn what_was_accepted_outlives_its_listener() {
    let server = server(PROFILE);
    let (mut listening, address) = listening(&server).await;
    let (mut ours, mut theirs) = both(&mut listening, &client(PROFILE), towards(address).await).await;
    let (not_accepted, in_handshake) = (client(PROFILE), towards(address).await);
    let mut not_accepted = not_accepted.connect_datagrams(towards(address).await).await.unwrap();
    let [_, second] = hellos(&in_handshake).await;
    in_handshake.send(&second).await.unwrap();
    datagram(&in_handshake).await;
    assert_eq!(server.counts(), [1, 2]);
    drop(listening);
    for _ in 0..3 {
        echo(&mut ours, &mut theirs).await;
    }
    assert_eq!(server.counts(), [0, 1]);
    // Nobody new is heard.
    let late = client(PROFILE).with_patience(Duration::from_millis(500));
    let late = late.connect_datagrams(towards(address).await).await.unwrap_err();
    assert!(matches!(late, HandshakeError::TooSlow), "{late}");
    let _ = not_accepted.send(b"nobody").await;
    ours.shutdown().await.unwrap();
    assert_eq!(timeout(LONG, theirs.recv(&mut [0; 16])).await.unwrap().unwrap(), 0);
    drop(theirs);
    let free = timeout(LONG, async {
        while UdpSocket::bind(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    free.await.expect("the socket stays after its last connection");
}

#[tokio::test]
async fn a_wrong_key_and_an_unknown_identity_get_no_answer() {
    let mut limits = short();
    limits.patience = Duration::from_millis(1_500);
    let server = PskServer::new(PROFILE, None, Arc::new(super::One::default()), limits).unwrap();
    let (_listening, address) = listening(&server).await;
    let refused = [(IDENTITY, wrong_key()), ("somebody else", key())].map(|(name, key)| async move {
        let client = PskClient::new(PROFILE, identity(name), key).unwrap();
        let client = client.with_patience(Duration::from_secs(3));
        client.connect_datagrams(towards(address).await).await.unwrap_err()
    });
    let [a, b] = refused;
    let (wrong, unknown) = tokio::join!(a, b);
    assert!(matches!(wrong, HandshakeError::TooSlow), "{wrong}");
    assert!(matches!(unknown, HandshakeError::TooSlow), "{unknown}");
    assert_eq!(server.counts(), [0, 0], "their places are free");
}

#[tokio::test]
async fn too_many_handshakes_over_datagrams_give_way() {
    let mut limits = short();
    limits.max_handshakes = 2;
    limits.max_handshakes_per_source = 2;
    let server = PskServer::new(PROFILE, None, Arc::new(super::One::default()), limits).unwrap();
    let (mut listening, address) = listening(&server).await;
    // They have shown where they are, and say no more.
    let mut stalled = Vec::new();
    for _ in 0..5 {
        let socket = towards(address).await;
        let [_, second] = hellos(&socket).await;
        socket.send(&second).await.unwrap();
        datagram(&socket).await;
        stalled.push(socket);
        assert!(server.counts()[0] <= 2);
    }
    let (mut ours, mut theirs) = both(&mut listening, &client(PROFILE), towards(address).await).await;
    echo(&mut ours, &mut theirs).await;
}
