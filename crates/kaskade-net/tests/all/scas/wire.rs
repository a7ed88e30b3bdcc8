//! A wire with somebody on it, who listens, changes what goes over it, and says it again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The way to a server, with somebody on it.
pub(super) struct Wire {
    server: SocketAddr,
    address: SocketAddr,
    on_it: Arc<OnIt>,
}

/// What whoever is on the wire knows and does.
#[derive(Default)]
struct OnIt {
    /// Of each connection, what the client said.
    said: Mutex<Vec<Vec<u8>>>,
    answered: Mutex<Vec<u8>>,
    changes: AtomicBool,
}

impl Wire {
    /// To the server at this URL.
    pub(super) async fn to(url: &str) -> Self {
        let server = crate::common::raw::address(url);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, on_it) = (listener.local_addr().unwrap(), Arc::<OnIt>::default());
        let of_it = on_it.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else {
                    continue;
                };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                let connection = {
                    let mut said = of_it.said.lock().unwrap();
                    said.push(Vec::new());
                    said.len() - 1
                };
                tokio::spawn(of_it.clone().forward(from_client, to_server, Some(connection)));
                tokio::spawn(of_it.clone().forward(from_server, to_client, None));
            }
        });
        Self { server, address, on_it }
    }

    /// The server's apiRoot over this wire.
    pub(super) fn root(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Whether this went over the wire, in either direction.
    pub(super) fn has_heard(&self, octets: &[u8]) -> bool {
        let is_in = |heard: &[u8]| heard.windows(octets.len()).any(|window| window == octets);
        self.on_it.said.lock().unwrap().iter().any(|said| is_in(said)) || is_in(&self.on_it.answered.lock().unwrap())
    }

    /// What the first client said.
    pub(super) fn said(&self) -> Vec<u8> {
        self.on_it.said.lock().unwrap()[0].clone()
    }

    /// How much went over it.
    pub(super) fn heard(&self) -> usize {
        self.on_it.said.lock().unwrap().iter().map(Vec::len).sum()
    }

    /// From now on a bit of each piece that clients say is changed, or no longer.
    pub(super) fn change(&self, is_changed: bool) {
        self.on_it.changes.store(is_changed, Ordering::SeqCst);
    }

    /// Says to the server, on a new connection each, what clients have said on theirs; how many those were. The server closes every one.
    pub(super) async fn say_again(&self) -> usize {
        let said = self.on_it.said.lock().unwrap().clone();
        for octets in &said {
            let mut stream = TcpStream::connect(self.server).await.unwrap();
            // It may close before it has heard all.
            let _ = stream.write_all(octets).await;
            let mut answer = Vec::new();
            let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
            closed.expect("the server closes").ok();
        }
        said.len()
    }
}

impl OnIt {
    async fn forward(self: Arc<Self>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, client: Option<usize>) {
        let mut piece = vec![0; 16_384];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            let piece = &mut piece[..length];
            match client {
                Some(connection) => self.said.lock().unwrap()[connection].extend_from_slice(piece),
                None => self.answered.lock().unwrap().extend_from_slice(piece),
            }
            if client.is_some() && self.changes.load(Ordering::SeqCst) {
                piece[length - 1] ^= 1;
            }
            if to.write_all(piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    }
}
