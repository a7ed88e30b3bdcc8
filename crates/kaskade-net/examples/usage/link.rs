//! HTTP/2 between two network functions over TLS 1.3, with the key of a usage: each connection ends with its key.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kaskade_net::psk::{HandshakeError, Profile, PskIdentity, PskLimits, PskServer, UsagePsks};
use tokio::net::{TcpListener, TcpStream};

/// What the ends of a link speak.
pub(crate) const PROFILE: Profile = Profile::Tls13;

/// The end that listens.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) keys: Arc<UsagePsks>,
    /// Requests that came in.
    pub(crate) requests: Arc<AtomicUsize>,
    serving: tokio::task::JoinHandle<()>,
}

impl Listening {
    /// Serves whoever holds one of these keys.
    pub(crate) async fn start(keys: Arc<UsagePsks>) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let server = PskServer::new(PROFILE, None, keys.clone(), PskLimits::default())?;
        let requests = Arc::<AtomicUsize>::default();
        Ok(Self {
            address: listener.local_addr()?,
            serving: tokio::spawn(serve(listener, server, keys.clone(), requests.clone())),
            keys,
            requests,
        })
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, server: PskServer, keys: Arc<UsagePsks>, requests: Arc<AtomicUsize>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let (server, keys, requests) = (server.clone(), keys.clone(), requests.clone());
        tokio::spawn(async move {
            let Ok(stream) = server.accept(stream, peer).await else {
                return;
            };
            let Some(identity) = stream.identity().cloned() else {
                return;
            };
            let answer = service_fn(|request: Request<hyper::body::Incoming>| {
                requests.fetch_add(1, Ordering::Relaxed);
                async move {
                    let asked = request.into_body().collect().await.map(|body| body.to_bytes());
                    let text = format!("heard {:?}", String::from_utf8_lossy(&asked.unwrap_or_default()));
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
                }
            });
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), answer);
            tokio::select! {
                _ = connection => {}
                () = keys.ended(&identity) => {}
            }
        });
    }
}

/// The end that connects, as long as its key lives.
pub(crate) struct Link {
    requests: SendRequest<Full<Bytes>>,
    ended: tokio::task::JoinHandle<()>,
}

impl Link {
    /// Connects with the key of this identity.
    pub(crate) async fn connect(
        keys: &Arc<UsagePsks>,
        identity: &PskIdentity,
        to: SocketAddr,
    ) -> Result<Self, Box<dyn Error>> {
        let client = keys.client(identity).ok_or("no such key is held")??;
        let stream = TcpStream::connect(to).await?;
        let stream = client.connect(stream).await?;
        let (requests, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        let key = keys.ended(identity);
        let ended = tokio::spawn(async move {
            tokio::select! {
                _ = connection => {}
                () = key => {}
            }
        });
        Ok(Self { requests, ended })
    }

    /// Asks the other end, and gives what it says.
    pub(crate) async fn ask(&mut self, text: &str) -> Result<String, Box<dyn Error>> {
        let request = Request::post("http://peer.example/echo").body(Full::new(Bytes::from(text.to_owned())))?;
        let response = self.requests.send_request(request).await?;
        Ok(String::from_utf8(
            response.into_body().collect().await?.to_bytes().into(),
        )?)
    }

    /// Until the connection is gone.
    pub(crate) async fn ended(self) {
        let _ = self.ended.await;
    }
}

/// Why a handshake was refused; an error where it was not.
pub(crate) fn refusal(tried: Result<Link, Box<dyn Error>>) -> Result<HandshakeError, Box<dyn Error>> {
    match tried {
        Ok(_) => Err("the key opens what it must not open".into()),
        Err(error) => error.downcast().map(|error| *error),
    }
}
