//! A node: the roles that run in one process, and the sockets they listen on.

mod radius;
mod watch;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kaskade_faults::fault;
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;
use tokio::task::JoinHandle;

use crate::count::RefusalCounters;
use crate::live::Live;
use crate::log_limit;
use crate::radius::RadiusServer;
use crate::role::aaa::Aaa;
use crate::role::access::{Access, AccessRules};
use crate::role::ausf::{Ausf, AusfOptions, UdmLink};
use crate::role::policy::Groups;
use crate::role::udm::{OwnUdm, Udm, UdmOptions};
use crate::sbi::client::{ClientError, ClientOptions, SbiClient};
use crate::sbi::limits::Limits;
use crate::sbi::server::{House, ServerOptions, Shutdown, bind, serve_in};
use crate::sbi::service::{Api, Routes, Service};
use crate::sbi::tls::{ClientTls, ServerTls};
use crate::services::nudm_ueau::Client;

pub use radius::{AaaRole, RadSecListeners, RadSecPskListeners};
pub use watch::Watch;

/// What runs on a node.
#[derive(Clone, Default)]
pub struct NodeOptions {
    /// UDM, ARPF and SIDF.
    pub udm: Option<UdmRole>,
    /// AUSF.
    pub ausf: Option<AusfRole>,
    /// AAA server; it needs the UDM beside it.
    pub aaa: Option<AaaRole>,
    /// Which peers count as one requester.
    pub groups: Groups,
    /// Who may ask for which operation.
    pub access: AccessRules,
    /// What the gate refuses is put on record here.
    pub audit: AuditLog,
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
    /// HTTP/2 in clear on an address of other machines.
    #[error(
        "{role}: {address} is open to other machines, and without TLS every key would travel in clear: \
         set certificate and key, listen on the loopback, or allow it with insecure_h2c"
    )]
    ClearText {
        /// For whom.
        role: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// UDM and AUSF have the same address, and one socket cannot serve both.
    #[error("UDM and AUSF: {0}")]
    Shared(#[from] SharedAddress),
    /// The AUSF has no UDM.
    #[error("AUSF: there is no UDM on this node, and no URL of another")]
    NoUdm,
    /// Something that only a new start changes.
    #[error("{0} cannot be changed while it runs")]
    Fixed(&'static str),
    /// The URL of the UDM cannot be used.
    #[error("AUSF: the UDM's URL: {0}")]
    UdmUrl(ClientError),
    /// The AAA server has no UDM in this process.
    #[error("AAA: there is no UDM on this node")]
    NoUdmForAaa,
    /// Clients of RADIUS over TLS would need no certificate.
    #[error("AAA: RADIUS over TLS is for clients with a certificate: name the authority that vouches for them")]
    NotMutual,
    /// RADIUS over TLS with pre-shared keys is built with the feature `psk`, and this is built without.
    #[error("AAA: RADIUS over TLS with pre-shared keys: this is built without the feature `psk`")]
    WithoutPsk,
    /// OpenSSL does not want pre-shared keys.
    #[cfg(feature = "psk")]
    #[error("AAA: RADIUS over TLS with pre-shared keys: {0}")]
    Psk(#[source] crate::psk::ContextError),
}

/// Why one socket cannot serve UDM and AUSF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharedAddress {
    /// One of them would be served by the rules of the other.
    #[error(
        "both listen on {0}, but not with the same TLS (certificate, key, client_ca), insecure_h2c and limits: \
         give them the same, or different ports"
    )]
    Policies(SocketAddr),
    /// Two addresses, one of which includes the other.
    #[error("{0} and {1} include one another: name the same address for both, or different ports")]
    Overlap(SocketAddr, SocketAddr),
}

/// Where two listeners can share one socket, and where they can stand beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// The same address: one socket, if their options are equal.
    Same,
    /// One address includes the other.
    Overlapping,
    /// Nothing in common.
    Apart,
}

impl Sharing {
    /// How two addresses to listen on relate. Two free ports are never the same.
    pub fn of(one: SocketAddr, other: SocketAddr) -> Self {
        if one.port() != other.port() || one.port() == 0 {
            return Self::Apart;
        }
        let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
        if a == b {
            // A link-local address is one for each interface.
            return match (one, other) {
                (SocketAddr::V6(one), SocketAddr::V6(other)) if one.scope_id() != other.scope_id() => Self::Overlapping,
                _ => Self::Same,
            };
        }
        // [::] takes IPv4 too.
        let includes = |all: IpAddr, one: IpAddr| all.is_unspecified() && (all.is_ipv6() || one.is_ipv4());
        if includes(a, b) || includes(b, a) {
            return Self::Overlapping;
        }
        Self::Apart
    }

    /// Whether UDM and AUSF share one socket: the question that a node asks at its start, and a check of a configuration
    /// before.
    ///
    /// # Errors
    /// [`SharedAddress`] when they can neither share nor stand beside each other. `equal` says whether everything else
    /// about the listeners is the same.
    pub fn decide(udm: SocketAddr, ausf: SocketAddr, equal: bool) -> Result<bool, SharedAddress> {
        match Self::of(udm, ausf) {
            Self::Apart => Ok(false),
            Self::Same if equal || fault!("listener-shared-with-another-tls") => Ok(true),
            Self::Same => Err(SharedAddress::Policies(udm)),
            Self::Overlapping => Err(SharedAddress::Overlap(udm, ausf)),
        }
    }
}

/// A running node. Dropping it does not stop it; [`Node::shutdown`] does.
#[derive(Debug)]
pub struct Node {
    udm: Option<Arc<Udm>>,
    ausf: Option<Arc<Ausf>>,
    aaa: Option<radius::Serving>,
    udm_url: Option<String>,
    ausf_url: Option<String>,
    groups: Live<Groups>,
    gate: Arc<Access>,
    refusals: Arc<RefusalCounters>,
    apis: Vec<Api>,
    /// Where each of them is served.
    roots: Vec<String>,
    houses: Vec<House>,
    tls: Certificates,
    /// Before the shutdown, and with it.
    retiring: Shutdown,
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
    /// How long reports to a UDM elsewhere may take at the end.
    drain: Duration,
}

/// What is shown to peers and asked of them, to be replaced while it runs.
#[derive(Clone, Debug, Default)]
struct Certificates {
    udm: Option<ServerTls>,
    ausf: Option<ServerTls>,
    to_udm: Option<ClientTls>,
}

impl Certificates {
    fn of(options: &NodeOptions) -> Self {
        let ausf = options.ausf.as_ref();
        let to_udm = ausf.and_then(|role| role.udm.as_ref());
        Self {
            udm: options.udm.as_ref().and_then(|role| role.server.tls.clone()),
            ausf: ausf.and_then(|role| role.server.tls.clone()),
            to_udm: to_udm.and_then(|remote| remote.options.tls.clone()),
        }
    }

    /// Takes over all of the others, or none where one would come or go.
    fn renew(&self, by: &Self) -> Result<(), NodeError> {
        for (name, have, get) in [
            ("TLS of the UDM", self.udm.is_some(), by.udm.is_some()),
            ("TLS of the AUSF", self.ausf.is_some(), by.ausf.is_some()),
            ("TLS to the UDM", self.to_udm.is_some(), by.to_udm.is_some()),
        ] {
            if have != get {
                return Err(NodeError::Fixed(name));
            }
        }
        for (tls, by) in [(&self.udm, &by.udm), (&self.ausf, &by.ausf)] {
            if let (Some(tls), Some(by)) = (tls, by) {
                tls.replace_by(by);
            }
        }
        if let (Some(tls), Some(by)) = (&self.to_udm, &by.to_udm) {
            tls.replace_by(by);
        }
        Ok(())
    }
}

/// Whether UDM and AUSF share one socket.
fn is_shared(options: &NodeOptions) -> Result<bool, SharedAddress> {
    match (&options.udm, &options.ausf) {
        (Some(udm), Some(ausf)) => match udm.listen {
            Some(listen) => Sharing::decide(listen, ausf.listen, udm.server == ausf.server),
            None => Ok(false),
        },
        _ => Ok(false),
    }
}

impl Node {
    /// Opens the sockets and starts the roles on the current tokio runtime.
    ///
    /// When AUSF and UDM name the same address and have the same [`ServerOptions`], one socket serves both; with different
    /// options a node does not start. Listeners with equal limits share them.
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
            aaa: None,
            udm_url: None,
            ausf_url: None,
            groups: Live::new(options.groups.clone()),
            gate: Arc::new(Access::new(options.access.clone(), options.audit.clone())),
            refusals: Arc::new(RefusalCounters::new()),
            apis: Vec::new(),
            roots: Vec::new(),
            houses: Vec::new(),
            tls: Certificates::of(&options),
            retiring: Shutdown::new(),
            shutdown: Shutdown::new(),
            tasks: Vec::new(),
            drain: Duration::ZERO,
        };
        let mut sockets = Vec::new();
        let shared = is_shared(&options)?;
        if let Some(role) = options.ausf {
            let link = match (role.udm, &udm) {
                (Some(remote), _) => {
                    let client = SbiClient::new(&remote.url, remote.options).map_err(NodeError::UdmUrl)?;
                    UdmLink::There(Client::new(client))
                }
                (None, Some(udm)) => UdmLink::Here(OwnUdm(udm.clone())),
                (None, None) => return Err(NodeError::NoUdm),
            };
            let ausf = Arc::new(Ausf::new(link, role.options));
            let mut apis = vec![ausf.api()];
            if let (true, Some(udm)) = (shared, &udm) {
                apis.push(udm.api());
            }
            let routes = node.routes(apis);
            let socket = Socket::open("AUSF", role.listen, role.server, routes)?;
            node.ausf_url = Some(socket.url());
            node.served_at(&socket.url());
            if shared {
                node.udm_url = Some(socket.url());
            }
            node.ausf = Some(ausf);
            node.drain = socket.server.limits.drain;
            sockets.push(socket);
        }
        if let (Some(role), Some(udm), None) = (options.udm, udm, &node.udm_url)
            && let Some(listen) = role.listen
        {
            let routes = node.routes(vec![udm.api()]);
            let socket = Socket::open("UDM", listen, role.server, routes)?;
            node.udm_url = Some(socket.url());
            node.served_at(&socket.url());
            sockets.push(socket);
        }
        let aaa = match (options.aaa, &node.udm) {
            (Some(role), Some(udm)) => Some(radius::Opened::open(role, udm.clone())?),
            (Some(_), None) => return Err(NodeError::NoUdmForAaa),
            (None, _) => None,
        };
        let mut houses: Vec<(Limits, House)> = Vec::new();
        for socket in sockets {
            let Socket {
                listener,
                server,
                routes,
            } = socket;
            let house = house_with(&mut houses, &server.limits);
            let serving = serve_in(house, listener, Arc::new(routes), server.tls, node.shutdown.clone());
            node.tasks.push(tokio::spawn(serving));
        }
        node.aaa = aaa.map(|aaa| {
            let house = |limits: &Limits| house_with(&mut houses, limits);
            aaa.serve(house, &node.shutdown, &mut node.tasks)
        });
        node.houses = houses.into_iter().map(|(_, house)| house).collect();
        let shutdown = node.shutdown.clone();
        node.tasks.push(tokio::spawn(report_left_out(shutdown)));
        if let Some(ausf) = node.ausf.clone() {
            let shutdown = node.shutdown.clone();
            node.tasks
                .push(tokio::spawn(async move { ausf.sweep_until(shutdown).await }));
        }
        Ok(node)
    }

    /// The services behind one socket, as this node serves them.
    fn routes(&mut self, apis: Vec<Api>) -> Routes {
        let mut routes = Routes::new(self.groups.clone())
            .behind(self.gate.clone())
            .counting(self.refusals.clone());
        for api in apis {
            self.apis.push(api.clone());
            routes = routes.with(api);
        }
        routes
    }

    /// The services that are new are served there.
    fn served_at(&mut self, root: &str) {
        self.roots.resize(self.apis.len(), root.to_owned());
    }

    /// The services whose names begin so, such as `nudm-`, with the apiRoot where they are served.
    pub fn services(&self, prefix: &str) -> impl Iterator<Item = (&'static Service, &str)> {
        let all = self.apis.iter().zip(&self.roots);
        all.map(|(api, root)| (api.service(), root.as_str()))
            .filter(move |(service, _)| service.name.starts_with(prefix))
    }

    /// From now on: policy, groups, access, clients of RADIUS, home network keys and certificates of these options, all or nothing. Connections and requests in
    /// progress go on. What else the options say stays as it was.
    ///
    /// # Errors
    /// [`NodeError`]; then nothing is changed.
    pub fn renew(&self, options: &NodeOptions) -> Result<(), NodeError> {
        if fault!("renewal-by-halves") {
            self.take_over_policy(options);
        }
        is_shared(options)?;
        for (name, have, get) in [
            ("the UDM", self.udm.is_some(), options.udm.is_some()),
            ("the AUSF", self.ausf.is_some(), options.ausf.is_some()),
            ("the AAA server", self.aaa.is_some(), options.aaa.is_some()),
        ] {
            if have != get {
                return Err(NodeError::Fixed(name));
            }
        }
        if let (Some(serving), Some(role)) = (&self.aaa, &options.aaa) {
            serving.can_renew(role)?;
        }
        self.tls.renew(&Certificates::of(options))?;
        self.take_over_policy(options);
        Ok(())
    }

    fn take_over_policy(&self, options: &NodeOptions) {
        self.groups.replace(options.groups.clone());
        self.gate.rules().replace(options.access.clone());
        if let (Some(udm), Some(role)) = (&self.udm, &options.udm) {
            udm.hn_keys().replace(role.options.hn_keys.clone());
            udm.serving_networks().replace(role.options.serving_networks.clone());
        }
        if let (Some(ausf), Some(role)) = (&self.ausf, &options.ausf) {
            ausf.serving_networks().replace(role.options.serving_networks.clone());
        }
        if let (Some(serving), Some(role)) = (&self.aaa, &options.aaa) {
            serving.renew(role);
        }
    }

    /// What it does and has done.
    pub fn watch(&self) -> Watch {
        Watch {
            udm: self.udm.clone(),
            ausf: self.ausf.clone(),
            aaa: self.aaa.as_ref().map(|serving| serving.server.clone()),
            refusals: self.refusals.clone(),
            apis: self.apis.clone(),
            houses: self.houses.clone(),
            retiring: self.retiring.clone(),
            tasks: self.tasks.iter().map(JoinHandle::abort_handle).collect(),
        }
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

    /// The AAA server behind RADIUS.
    pub fn aaa(&self) -> Option<&Arc<RadiusServer<Aaa>>> {
        self.aaa.as_ref().map(|serving| &serving.server)
    }

    /// Where RADIUS is served over UDP, and over TLS, with the ports that it got.
    pub fn radius_addresses(&self) -> (&[SocketAddr], &[SocketAddr]) {
        self.aaa
            .as_ref()
            .map_or((&[], &[]), |serving| (&serving.udp, &serving.radsec))
    }

    /// Where RADIUS is served over TLS with pre-shared keys.
    pub fn radius_psk_addresses(&self) -> &[SocketAddr] {
        self.aaa.as_ref().map_or(&[], |serving| &serving.radsec_psk)
    }

    /// Says to whoever [watches](Watch::is_stopping) that it is about to end; it serves as before until the
    /// [shutdown](Self::shutdown).
    pub fn retire(&self) {
        self.retiring.begin();
    }

    /// Stops: no new connections, GOAWAY on the old ones, and an end after [`Limits::drain`]; then results that a UDM elsewhere
    /// was not told yet have as long again.
    pub async fn shutdown(self) {
        self.retire();
        self.shutdown.begin();
        for task in self.tasks {
            // A task that panicked has logged it already.
            let _ = task.await;
        }
        if let Some(ausf) = &self.ausf {
            ausf.finish_reports(self.drain).await;
        }
    }
}

/// What the peers of listeners with these limits share.
fn house_with(houses: &mut Vec<(Limits, House)>, limits: &Limits) -> House {
    if let Some((_, house)) = houses.iter().find(|(known, _)| known == limits) {
        return house.clone();
    }
    let house = House::new(&fitted(limits));
    houses.push((limits.clone(), house.clone()));
    house
}

/// The limits as far as file descriptors allow them.
fn fitted(limits: &Limits) -> Limits {
    let fitted = limits.for_this_process();
    if fitted != *limits {
        tracing::warn!(
            wanted = limits.max_connections,
            connections = fitted.max_connections,
            handshakes = fitted.max_handshakes,
            "the limit of open files (RLIMIT_NOFILE) allows fewer connections than configured"
        );
    }
    fitted
}

/// Says which lines of the log were left out, until the shutdown begins.
async fn report_left_out(shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(log_limit::PERIOD) => log_limit::report(),
            () = shutdown.begun() => return log_limit::report(),
        }
    }
}

struct Socket {
    listener: tokio::net::TcpListener,
    server: ServerOptions,
    routes: Routes,
}

impl Socket {
    fn open(role: &'static str, address: SocketAddr, server: ServerOptions, routes: Routes) -> Result<Self, NodeError> {
        if server.is_exposed(address) {
            if !server.insecure_h2c {
                return Err(NodeError::ClearText { role, address });
            }
            tracing::warn!(role, %address, "HTTP/2 in clear: every key is shown to whoever is on the path (insecure_h2c)");
        }
        let listener = bind(address).map_err(|source| NodeError::Listen { role, address, source })?;
        Ok(Self {
            listener,
            server,
            routes,
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
