//! A node: the roles that run in one process, and the sockets they listen on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use kaskade_store::SubscriberStore;
use tokio::task::JoinHandle;

use crate::role::Services;
use crate::role::ausf::{Ausf, AusfOptions, UdmLink};
use crate::role::policy::Groups;
use crate::role::udm::{Udm, UdmOptions};
use crate::sbi::client::{ClientError, ClientOptions, SbiClient};
use crate::sbi::server::{ServerOptions, Shutdown, bind, serve};

/// What runs on a node.
#[derive(Clone, Default)]
pub struct NodeOptions {
    /// UDM, ARPF and SIDF.
    pub udm: Option<UdmRole>,
    /// AUSF.
    pub ausf: Option<AusfRole>,
    /// Which peers count as one requester.
    pub groups: Groups,
}

/// A UDM and where it listens.
#[derive(Clone)]
pub struct UdmRole {
    /// The store.
    pub store: Arc<SubscriberStore>,
    /// The role.
    pub options: UdmOptions,
    /// Where Nudm listens; `None` when only the AUSF of this node needs it. Port 0 takes a free one.
    pub listen: Option<SocketAddr>,
    /// The server.
    pub server: ServerOptions,
}

/// An AUSF and where it listens.
#[derive(Clone)]
pub struct AusfRole {
    /// The role.
    pub options: AusfOptions,
    /// Where Nausf listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The server.
    pub server: ServerOptions,
    /// The UDM; `None` for the one of this node.
    pub udm: Option<RemoteUdm>,
}

/// A UDM elsewhere.
#[derive(Clone, Debug)]
pub struct RemoteUdm {
    /// Its apiRoot, such as `https://udm.example.org:7778`.
    pub url: String,
    /// How to reach it.
    pub options: ClientOptions,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// A socket cannot be opened.
    #[error("{role}: cannot listen on {address}: {source}")]
    Listen {
        /// For whom.
        role: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The AUSF has no UDM.
    #[error("AUSF: there is no UDM on this node, and no URL of another")]
    NoUdm,
    /// The URL of the UDM cannot be used.
    #[error("AUSF: the UDM's URL: {0}")]
    UdmUrl(ClientError),
}

/// A running node. Dropping it does not stop it; [`Node::shutdown`] does.
#[derive(Debug)]
pub struct Node {
    udm: Option<Arc<Udm>>,
    ausf: Option<Arc<Ausf>>,
    udm_url: Option<String>,
    ausf_url: Option<String>,
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// Opens the sockets and starts the roles on the current tokio runtime.
    ///
    /// When AUSF and UDM name the same address, one socket serves both.
    ///
    /// # Errors
    /// [`NodeError`]; nothing runs then.
    pub fn start(options: NodeOptions) -> Result<Self, NodeError> {
        let udm = options
            .udm
            .as_ref()
            .map(|role| Arc::new(Udm::new(role.store.clone(), role.options.clone())));
        let mut node = Self {
            udm: udm.clone(),
            ausf: None,
            udm_url: None,
            ausf_url: None,
            shutdown: Shutdown::new(),
            tasks: Vec::new(),
        };
        let groups = Arc::new(options.groups);
        let mut sockets = Vec::new();
        if let Some(role) = options.ausf {
            let link = match (role.udm, &udm) {
                (Some(remote), _) => {
                    UdmLink::Http(SbiClient::new(&remote.url, remote.options).map_err(NodeError::UdmUrl)?)
                }
                (None, Some(udm)) => UdmLink::Local(udm.clone()),
                (None, None) => return Err(NodeError::NoUdm),
            };
            let ausf = Arc::new(Ausf::new(link, role.options));
            let shared = options
                .udm
                .as_ref()
                .is_some_and(|udm| udm.listen == Some(role.listen) && role.listen.port() != 0);
            let services = Services {
                ausf: Some(ausf.clone()),
                udm: udm.clone().filter(|_| shared),
                groups: groups.clone(),
            };
            let socket = Socket::open("AUSF", role.listen, role.server, services)?;
            node.ausf_url = Some(socket.url());
            if shared {
                node.udm_url = Some(socket.url());
            }
            node.ausf = Some(ausf);
            sockets.push(socket);
        }
        if let (Some(role), None) = (options.udm, &node.udm_url)
            && let Some(listen) = role.listen
        {
            let services = Services {
                ausf: None,
                udm,
                groups,
            };
            let socket = Socket::open("UDM", listen, role.server, services)?;
            node.udm_url = Some(socket.url());
            sockets.push(socket);
        }
        for socket in sockets {
            let Socket {
                listener,
                server,
                services,
            } = socket;
            let serving = serve(listener, Arc::new(services), server, node.shutdown.clone());
            node.tasks.push(tokio::spawn(serving));
        }
        if let Some(ausf) = node.ausf.clone() {
            let shutdown = node.shutdown.clone();
            node.tasks
                .push(tokio::spawn(async move { ausf.sweep_until(shutdown).await }));
        }
        Ok(node)
    }

    /// apiRoot of the AUSF, with the port that it got.
    pub fn ausf_url(&self) -> Option<&str> {
        self.ausf_url.as_deref()
    }

    /// apiRoot of the UDM, with the port that it got.
    pub fn udm_url(&self) -> Option<&str> {
        self.udm_url.as_deref()
    }

    /// The AUSF.
    pub fn ausf(&self) -> Option<&Arc<Ausf>> {
        self.ausf.as_ref()
    }

    /// The UDM.
    pub fn udm(&self) -> Option<&Arc<Udm>> {
        self.udm.as_ref()
    }

    /// Stops: no new connections, GOAWAY on the old ones, and an end after [`ServerOptions::drain`].
    pub async fn shutdown(self) {
        self.shutdown.begin();
        for task in self.tasks {
            // A task that panicked has logged it already.
            let _ = task.await;
        }
    }
}

struct Socket {
    listener: tokio::net::TcpListener,
    server: ServerOptions,
    services: Services,
}

impl Socket {
    fn open(
        role: &'static str,
        address: SocketAddr,
        server: ServerOptions,
        services: Services,
    ) -> Result<Self, NodeError> {
        let listener = bind(address).map_err(|source| NodeError::Listen { role, address, source })?;
        Ok(Self {
            listener,
            server,
            services,
        })
    }

    fn url(&self) -> String {
        let scheme = if self.server.tls.is_some() { "https" } else { "http" };
        let mut address = match self.listener.local_addr() {
            Ok(address) => address,
            Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        };
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("{scheme}://{address}")
    }
}
