//! TLS with K_AF as the pre-shared key, for applications of axum (TS 33.535 Annex B): who shakes hands has the key, and needs no login.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::http::{HeaderValue, Request, StatusCode, Version, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::{IncomingStream, Listener};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_keys::AKid;
use kaskade_keys::id::AfId;
use kaskade_net::log_limit;
use kaskade_net::psk::{AfKey, AfKeys, AkmaProtocol, ContextError, PskIdentity, PskLimits, PskServer, PskStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower_layer::Layer;
use tower_service::Service;

use crate::keys::AkmaClient;
use crate::layer::no_key;
use crate::peer::source;

/// How long to wait when the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(200);
/// Connections that have shaken hands and wait for the application.
const WAITING: usize = 64;

/// K_AF of this application function alone, from its AAnF or NEF, or kept; of a source within its budget.
impl AfKeys for AkmaClient {
    async fn af_key(&self, a_kid: &AKid, af_id: &AfId) -> Option<AfKey> {
        self.psk(None, a_kid, af_id).await
    }

    async fn af_key_for(&self, peer: SocketAddr, a_kid: &AKid, af_id: &AfId) -> Option<AfKey> {
        self.psk(Some(peer), a_kid, af_id).await
    }
}

impl AkmaClient {
    async fn psk(&self, peer: Option<SocketAddr>, a_kid: &AKid, af_id: &AfId) -> Option<AfKey> {
        if af_id.fqdn() != self.af().as_str() {
            log_limit!(error, "a listener of another application function asks for keys", %af_id);
            return None;
        }
        let source = peer.map(|peer| peer.ip());
        let known = match self.key_for(source, a_kid, af_id.protocol()).await {
            Ok(known) => known,
            Err(why) => {
                log_limit!(info, "a user without a key", error = %why);
                return None;
            }
        };
        let expires = u64::try_from(known.user.expiry.unix_millis()).unwrap_or(0);
        Some(AfKey {
            k_af: known.k_af().clone(),
            expires: UnixMillis::new(expires),
        })
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PskPeer {
    /// Where it comes from.
    pub address: SocketAddr,
    /// By what the UE called its key, which it has proved; `None` of the listener itself.
    pub a_kid: Option<AKid>,
}

/// A listener for [`serve`](crate::serve()) and `axum::serve` whose connections are secured by K_AF: HTTP/1.1, or HTTP/2 with prior knowledge.
/// Put a [`PskLogin`] before the application, so that handlers learn whose key it is. Connections end when their key expires, and when the home
/// network disables it ([`AkmaClient::disable`]).
#[derive(Debug)]
pub struct PskListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(PskStream<TcpStream>, PskPeer)>,
    accepting: JoinHandle<()>,
}

impl PskListener {
    /// Secures the connections of a listening socket by one protocol, with keys of this application function. To be called on the runtime.
    ///
    /// # Errors
    /// When the socket has no address, the protocol is one of datagrams, or OpenSSL refuses.
    pub fn new(socket: TcpListener, protocol: AkmaProtocol, keys: &AkmaClient, limits: PskLimits) -> io::Result<Self> {
        if protocol.profile().is_for_datagrams() {
            return Err(io::Error::other(ContextError::WrongCarrier));
        }
        let address = socket.local_addr()?;
        let server = protocol.server_of(keys.af(), keys.clone(), Handle::current(), limits, keys.connections());
        let server = server.map_err(io::Error::other)?;
        let (tell, ready) = mpsc::channel(WAITING);
        let accepting = tokio::spawn(accept(socket, server, tell));
        Ok(Self {
            address,
            ready,
            accepting,
        })
    }
}

impl Drop for PskListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(socket: TcpListener, server: PskServer, tell: mpsc::Sender<(PskStream<TcpStream>, PskPeer)>) {
    loop {
        let (stream, address) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                log_limit!(warn, "a connection was not accepted", %error);
                sleep(PAUSE).await;
                continue;
            }
        };
        let (server, tell) = (server.clone(), tell.clone());
        // The server's limits end the oldest of these when there are too many.
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match server.accept(stream, address).await {
                Ok(stream) => {
                    let a_kid = stream.identity().and_then(PskIdentity::a_kid);
                    let _ = tell.send((stream, PskPeer { address, a_kid })).await;
                }
                Err(error) => log_limit!(info, "TLS handshake failed", %address, %error),
            }
        });
    }
}

impl Listener for PskListener {
    type Io = PskStream<TcpStream>;
    type Addr = PskPeer;

    async fn accept(&mut self) -> (PskStream<TcpStream>, PskPeer) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The task that accepts ends with this listener only.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<PskPeer> {
        Ok(PskPeer {
            address: self.address,
            a_kid: None,
        })
    }
}

impl Connected<IncomingStream<'_, PskListener>> for PskPeer {
    fn connect_info(stream: IncomingStream<'_, PskListener>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Says who sends a request over a [`PskListener`]: a layer of axum or tower, in the place of [`SimLogin`](crate::SimLogin). Handlers behind it take
/// a [`SimUser`](crate::SimUser). Connections of a key that the home network has disabled end with the notification; a request for whose key there is
/// none any more is answered 403, and its connection ends.
#[derive(Clone, Debug)]
pub struct PskLogin {
    keys: AkmaClient,
    protocol: AkmaProtocol,
}

impl PskLogin {
    /// With the keys and the protocol of the listener.
    pub const fn new(keys: AkmaClient, protocol: AkmaProtocol) -> Self {
        Self { keys, protocol }
    }
}

impl<S> Layer<S> for PskLogin {
    type Service = PskLoginService<S>;

    fn layer(&self, inner: S) -> PskLoginService<S> {
        PskLoginService {
            login: self.clone(),
            inner,
        }
    }
}

/// A service behind a [`PskLogin`].
#[derive(Clone, Debug)]
pub struct PskLoginService<S> {
    login: PskLogin,
    inner: S,
}

impl<S> Service<Request<Body>> for PskLoginService<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let PskLogin { keys, protocol } = self.login.clone();
        Box::pin(async move {
            let extensions = request.extensions_mut();
            extensions.remove::<crate::SimUser>();
            let peer = extensions.get::<ConnectInfo<PskPeer>>();
            let Some(a_kid) = peer.and_then(|info| info.0.a_kid.clone()) else {
                log_limit!(error, "logins cannot be judged: no connection with a key of AKMA");
                return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            };
            let known = keys.key_for(source(extensions), &a_kid, protocol.ua()).await;
            match known {
                Ok(known) => {
                    request.extensions_mut().insert(known.user.clone());
                }
                Err(_) if fault!("psk-login-of-a-disabled-key") => {}
                Err(why) => {
                    log_limit!(info, "a user without a key", error = %why);
                    let mut response = no_key(&why);
                    if request.version() < Version::HTTP_2 {
                        let close = HeaderValue::from_static("close");
                        response.headers_mut().insert(header::CONNECTION, close);
                    }
                    return Ok(response);
                }
            }
            inner.call(request).await
        })
    }
}
