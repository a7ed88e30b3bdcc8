//! What a connection does after its handshake.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use kaskade_flow::Entropy as _;
use kaskade_net::psk::{Asked, Profile, PskClient, PskKey, PskServer, PskStream, PskSuite};
use kaskade_net::random::SystemEntropy;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::peers::honest_client;
use super::{SUITE, accept, client, connected, server, shake, somewhere};
use crate::common::without_interop;

const STREAMS: [Profile; 3] = [
    Profile::Tls13,
    Profile::Tls12(SUITE),
    Profile::Tls12(PskSuite::Aes128Ccm8),
];

#[tokio::test]
async fn much_goes_through_a_narrow_pipe_in_both_directions() {
    for profile in STREAMS {
        let (mut client, mut server) = connected(profile).await;
        let sent: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
        for _ in 0..2 {
            let mut came = vec![0; sent.len()];
            let (write, read) = tokio::join!(
                async {
                    client.write_all(&sent).await?;
                    client.flush().await
                },
                server.read_exact(&mut came)
            );
            write.unwrap();
            read.unwrap();
            assert!(came == sent);
            std::mem::swap(&mut client, &mut server);
        }
    }
}

/// A pipe of which no read goes beyond an octet, so that it ends there; it counts what was read.
struct Cut {
    pipe: DuplexStream,
    at: usize,
    read: Arc<AtomicUsize>,
}

impl AsyncRead for Cut {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.read.load(Ordering::Relaxed);
        let most = match self.at.checked_sub(read) {
            Some(left) if left > 0 => left,
            _ => usize::MAX,
        };
        let mut part = octets.take(most);
        ready!(Pin::new(&mut self.pipe).poll_read(cx, &mut part))?;
        let len = part.filled().len();
        octets.initialize_unfilled_to(len);
        octets.advance(len);
        self.read.store(read + len, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_read_may_end_anywhere_in_a_handshake() {
    for profile in STREAMS {
        let (client, server) = (client(profile), server(profile));
        let client = client.with_patience(Duration::from_secs(5));
        let (mut at, mut all) = (1, usize::MAX);
        while at < all {
            let (ours, pipe) = tokio::io::duplex(4096);
            let read = Arc::<AtomicUsize>::default();
            let cut = Cut {
                pipe,
                at,
                read: read.clone(),
            };
            let (ours, theirs) = tokio::join!(client.connect(ours), server.accept(cut, somewhere()));
            drop((
                ours.unwrap_or_else(|error| panic!("{profile:?}, {at}: {error}")),
                theirs.unwrap(),
            ));
            all = read.load(Ordering::Relaxed);
            at += 1;
        }
    }
}

#[tokio::test]
async fn one_task_reads_while_another_writes() {
    for profile in STREAMS {
        let (client, server) = connected(profile).await;
        let mut tasks = tokio::task::JoinSet::new();
        for end in [client, server] {
            let (mut read, mut write) = tokio::io::split(end);
            tasks.spawn(async move {
                write.write_all(&vec![7; 1_000_000]).await.unwrap();
                write.flush().await.unwrap();
            });
            tasks.spawn(async move {
                let mut came = vec![0; 1_000_000];
                read.read_exact(&mut came).await.unwrap();
            });
        }
        let done = timeout(Duration::from_secs(30), async {
            while tasks.join_next().await.transpose().unwrap().is_some() {}
        });
        done.await.expect("somebody waits for nothing");
    }
}

#[tokio::test]
async fn who_does_not_read_is_not_written_to() {
    let (mut client, _server) = connected(Profile::Tls13).await;
    let mut written = 0;
    // The pipe takes 4096 octets, and one record waits.
    while let Ok(len) = timeout(Duration::from_millis(200), client.write(&[7; 1024])).await {
        written += len.unwrap();
        assert!(written < 32 * 1024);
    }
    assert!(written >= 4096);
}

#[tokio::test]
async fn an_end_that_was_said_is_no_end_that_was_cut() {
    for profile in STREAMS {
        let (mut client, mut server) = connected(profile).await;
        client.write_all(b"last words").await.unwrap();
        client.shutdown().await.unwrap();
        let mut words = Vec::new();
        server.read_to_end(&mut words).await.unwrap();
        assert_eq!(words, b"last words");
        // The other direction is still open.
        server.write_all(b"an answer").await.unwrap();
        server.shutdown().await.unwrap();
        words.clear();
        client.read_to_end(&mut words).await.unwrap();
        assert_eq!(words, b"an answer");
        assert_eq!(client.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);

        let (client, mut server) = connected(profile).await;
        drop(client);
        let error = server.read(&mut [0; 16]).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::UnexpectedEof, "the peer closed without close_notify")
        );
    }
}

#[tokio::test]
async fn an_octet_that_was_changed_ends_the_connection() {
    let (ours, mut near) = tokio::io::duplex(4096);
    let (mut far, theirs) = tokio::io::duplex(4096);
    let (client, server) = (client(Profile::Tls13), server(Profile::Tls13));
    let shaking = async { tokio::join!(client.connect(ours), server.accept(theirs, somewhere())) };
    let copying = tokio::io::copy_bidirectional(&mut near, &mut far);
    let (mut at_client, mut at_server) = tokio::select! {
        (client, server) = shaking => (client.unwrap(), server.unwrap()),
        _ = copying => panic!("the pipe ended"),
    };
    at_client.write_all(b"a message").await.unwrap();
    at_client.flush().await.unwrap();
    let mut record = [0; 256];
    let len = near.read(&mut record).await.unwrap();
    record[len - 1] ^= 1;
    far.write_all(&record[..len]).await.unwrap();
    let error = at_server.read(&mut [0; 16]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(
        at_server.read(&mut [0; 16]).await.unwrap_err().kind(),
        ErrorKind::InvalidData,
        "for good"
    );
    assert!(at_server.write(b"more").await.is_err());
}

/// Both ends of a connection under a key that nobody else has, and that key, to be looked for.
async fn connected_under_a_new_key(
    profile: Profile,
    octets: usize,
) -> (PskStream<DuplexStream>, PskStream<DuplexStream>, crate::wiped::Masked) {
    // Never on a stack that nobody wipes.
    let mut octets = zeroize::Zeroizing::new(vec![0; octets]);
    SystemEntropy.fill(&mut octets).unwrap();
    let masked = crate::wiped::Masked::of(&octets);
    let keys = {
        let masked = crate::wiped::Masked::of(&octets);
        move |_: &Asked<'_>| {
            let octets = zeroize::Zeroizing::new(masked.unmasked());
            PskKey::from_octets(&octets).ok()
        }
    };
    let key = PskKey::from_octets(&octets).unwrap();
    drop(octets);
    let server = PskServer::new(profile, None, Arc::new(keys), super::short()).unwrap();
    let client = PskClient::new(profile, super::identity("one whose key is looked for"), key).unwrap();
    let (at_client, at_server) = shake(&client, &server).await;
    (at_client.unwrap(), at_server.unwrap(), masked)
}

#[tokio::test]
async fn nothing_of_a_key_is_left_after_a_handshake() {
    for profile in STREAMS {
        let (at_client, at_server, masked) = connected_under_a_new_key(profile, 32).await;
        drop((at_client, at_server));
        assert_eq!(masked.places(), Vec::<String>::new(), "{profile:?}");
    }
}

#[tokio::test]
async fn a_connection_does_not_hold_its_key() {
    for profile in STREAMS {
        // 64 octets: OpenSSL puts something shorter over them.
        for octets in [16, 32, 64] {
            let (mut at_client, mut at_server, masked) = connected_under_a_new_key(profile, octets).await;
            assert_eq!(masked.places(), Vec::<String>::new(), "{profile:?}, {octets}");
            at_client.write_all(b"still there").await.unwrap();
            at_server.read_exact(&mut [0; 11]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn s_client_is_told_the_end() {
    if without_interop() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = honest_client(listener.local_addr().unwrap(), Profile::Tls13);
    let mut ours = accept(&server(Profile::Tls13), &listener).await.unwrap();
    ours.shutdown().await.unwrap();
    let left = theirs.end().await;
    assert!(
        left.is_success && !left.errors.contains("unexpected eof"),
        "{}",
        left.errors
    );
}
