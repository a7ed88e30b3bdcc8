//! Peers that stall, that are many, and lookups that take their time.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kaskade_net::psk::{Asked, HandshakeError, Profile, PskKey, PskLimits, PskServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::timeout;

use super::{One, SUITE, client, key, shake, shake_from, somewhere};

fn with(limits: PskLimits, profile: Profile) -> PskServer {
    PskServer::new(profile, None, Arc::new(One::default()), limits).unwrap()
}

/// What a client says first.
async fn first_flight(profile: Profile) -> Vec<u8> {
    let (ours, mut theirs) = tokio::io::duplex(4096);
    let client = client(profile);
    let mut flight = vec![0; 4096];
    let len = tokio::select! {
        _ = client.connect(ours) => panic!("a handshake without a server"),
        len = theirs.read(&mut flight) => len.unwrap(),
    };
    flight.truncate(len);
    flight
}

#[tokio::test]
async fn a_peer_that_stalls_loses_its_place_in_time() {
    let mut limits = PskLimits::default();
    limits.patience = Duration::from_millis(300);
    for profile in [Profile::Tls13, Profile::Tls12(SUITE)] {
        let server = with(limits.clone(), profile);
        let flight = first_flight(profile).await;
        // Nothing; a part of the first message; all of it and no more.
        for said in [0, 3, flight.len() / 2, flight.len()] {
            let (mut ours, theirs) = tokio::io::duplex(4096);
            ours.write_all(&flight[..said]).await.unwrap();
            let start = Instant::now();
            let accepting = server.accept(theirs, somewhere());
            let error = timeout(Duration::from_secs(20), accepting)
                .await
                .expect("the handshake never ends")
                .unwrap_err();
            assert!(matches!(error, HandshakeError::TooSlow), "{error}");
            assert!(start.elapsed() >= limits.patience);
            assert_eq!(server.counts(), [0, 0]);
        }
    }
}

/// Handshakes of peers that say nothing.
fn silent(server: &PskServer, many: usize) -> (Vec<DuplexStream>, Vec<tokio::task::JoinHandle<HandshakeError>>) {
    let begin = |_| {
        let (ours, theirs) = tokio::io::duplex(64);
        let server = server.clone();
        (
            ours,
            tokio::spawn(async move { server.accept(theirs, somewhere()).await.unwrap_err() }),
        )
    };
    (0..many).map(begin).unzip()
}

#[tokio::test]
async fn the_oldest_of_too_many_handshakes_gives_way() {
    let mut limits = PskLimits::default();
    limits.max_handshakes = 4;
    limits.max_handshakes_per_source = 4;
    let server = with(limits, Profile::Tls13);
    let (_peers, mut handshakes) = silent(&server, 10);
    for shed in handshakes.drain(..6) {
        let error = timeout(Duration::from_secs(5), shed)
            .await
            .expect("it keeps its place")
            .unwrap();
        assert!(matches!(error, HandshakeError::Shed), "{error}");
    }
    assert_eq!(server.counts(), [4, 0]);
    let (ours, theirs) = shake(&client(Profile::Tls13), &server).await;
    assert_eq!(server.counts(), [3, 1], "one more gave way");
    drop((ours.unwrap(), theirs.unwrap()));
    handshakes.iter().for_each(tokio::task::JoinHandle::abort);
    for handshake in handshakes {
        let _ = handshake.await;
    }
    assert_eq!(server.counts(), [0, 0]);
}

/// Keys that take their time, and how many are looked up at once.
#[derive(Default)]
struct Slow {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl kaskade_net::psk::PskKeys for Slow {
    fn key(&self, _: &Asked<'_>) -> Option<PskKey> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
        self.now.fetch_sub(1, Ordering::SeqCst);
        Some(key())
    }
}

#[tokio::test]
async fn lookups_take_turns_and_silence_takes_none() {
    let mut limits = PskLimits::default();
    limits.max_lookups = 2;
    let keys = Arc::new(Slow::default());
    let server = PskServer::new(Profile::Tls13, None, keys.clone(), limits).unwrap();
    let (_peers, _handshakes) = silent(&server, 20);
    let clients = (0..8).map(|_| {
        let server = server.clone();
        tokio::spawn(async move {
            let (ours, theirs) = shake(&client(Profile::Tls13), &server).await;
            ours.unwrap();
            theirs.unwrap();
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    assert_eq!(keys.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_lookup_that_does_not_end_holds_no_place_of_a_peer() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let keys = move |_: &Asked<'_>| {
        let _ = wait.lock().unwrap().recv();
        Some(key())
    };
    let mut limits = PskLimits::default();
    limits.patience = Duration::from_millis(300);
    limits.max_lookups = 1;
    let server = PskServer::new(Profile::Tls13, None, Arc::new(keys), limits).unwrap();
    for _ in 0..2 {
        let (ours, theirs) = shake(&client(Profile::Tls13).with_patience(Duration::from_secs(20)), &server).await;
        assert!(matches!(theirs.unwrap_err(), HandshakeError::TooSlow));
        assert!(ours.is_err());
        assert_eq!(server.counts(), [0, 0]);
    }
    drop(go);
    let (ours, theirs) = shake(&client(Profile::Tls13), &server).await;
    ours.unwrap();
    theirs.unwrap();
}

#[tokio::test]
async fn the_peer_that_was_useful_longest_ago_gives_way() {
    let mut limits = PskLimits::default();
    limits.max_connections = 2;
    limits.max_connections_per_source = 2;
    let server = with(limits, Profile::Tls13);
    let mut held = Vec::new();
    for _ in 0..2 {
        let (ours, theirs) = shake(&client(Profile::Tls13), &server).await;
        held.push((ours.unwrap(), theirs.unwrap()));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The first is used once more.
    let (ours, theirs) = &mut held[0];
    ours.write_all(b"again").await.unwrap();
    theirs.read_exact(&mut [0; 5]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (ours, theirs) = shake(&client(Profile::Tls13), &server).await;
    let newest = (ours.unwrap(), theirs.unwrap());
    assert_eq!(server.counts(), [0, 2]);
    let mut octet = [0; 1];
    let idle = held[1].1.read(&mut octet);
    let error = timeout(Duration::from_secs(5), idle)
        .await
        .expect("it stays")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    held[0].0.write_all(b"still").await.unwrap();
    held[0].1.read_exact(&mut [0; 5]).await.unwrap();
    drop((held, newest));
    assert_eq!(server.counts(), [0, 0]);
}

#[tokio::test]
async fn who_only_writes_is_told_that_its_place_was_taken() {
    let mut limits = PskLimits::default();
    limits.max_connections = 1;
    limits.max_connections_per_source = 1;
    let server = with(limits, Profile::Tls13);
    let (ours, theirs) = shake(&client(Profile::Tls13), &server).await;
    let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
    let (mut read, mut write) = tokio::io::split(theirs);
    // Somebody has read, and does so no more.
    let reading = tokio::spawn(async move {
        let nothing = timeout(Duration::from_millis(50), read.read(&mut [0; 16])).await;
        assert!(nothing.is_err());
        read
    });
    let read = reading.await.unwrap();
    // The pipe takes 4096 octets.
    let writing = tokio::spawn(async move { write.write_all(&[7; 100_000]).await.unwrap_err() });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let newest = shake(&client(Profile::Tls13), &server).await;
    let error = timeout(Duration::from_secs(10), writing)
        .await
        .expect("it stays")
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    drop((ours, read, newest.0.unwrap(), newest.1.unwrap()));
    assert_eq!(server.counts(), [0, 0]);
}

#[tokio::test]
async fn a_source_that_keeps_lookups_busy_leaves_places_to_others() {
    let busy = somewhere();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let keys = move |asked: &Asked<'_>| {
        if asked.peer == busy {
            let _ = wait.lock().unwrap().recv();
        }
        Some(key())
    };
    let mut limits = PskLimits::default();
    limits.patience = Duration::from_secs(20);
    limits.max_lookups = 4;
    limits.max_lookups_per_source = 2;
    let server = PskServer::new(Profile::Tls13, None, Arc::new(keys), limits).unwrap();
    let stuck: Vec<_> = (0..6)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move { shake_from(&client(Profile::Tls13), &server, busy).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let other = ([192, 0, 2, 2], 1).into();
    let client = client(Profile::Tls13);
    let shaken = timeout(Duration::from_secs(10), shake_from(&client, &server, other)).await;
    let (ours, theirs) = shaken.expect("one source has all threads");
    drop((ours.unwrap(), theirs.unwrap(), go));
    for handshake in stuck {
        let (ours, theirs) = handshake.await.unwrap();
        drop((ours.unwrap(), theirs.unwrap()));
    }
}
