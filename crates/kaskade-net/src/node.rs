//! A node: the roles that run in one process, and the sockets they listen on.

mod aanf;
mod akma;
mod certificates;
mod error;
mod hostapd_auc;
mod nef;
mod peer;
mod radius;
mod sharing;
mod socket;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaskade_faults::fault;
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;
use tokio::task::JoinHandle;

use crate::count::RefusalCounters;
use crate::hostapd_auc::AucSocket;
use crate::live::Live;
use crate::radius::RadiusServer;
use crate::role::aaa::Aaa;
use crate::role::aanf::Aanf;
use crate::role::access::{Access, AccessRules};
use crate::role::ausf::{Ausf, AusfOptions, UdmLink};
use crate::role::nef::Nef;
use crate::role::policy::Groups;
use crate::role::udm::{OwnUdm, Udm, UdmOptions, Uecm, UecmOptions};
use crate::role::usage_keys::{UsageKeys, UsageKeysOptions};
use crate::sbi::client::{ClientOptions, SbiClient};
use crate::sbi::limits::Limits;
use crate::sbi::peer::Requester;
use crate::sbi::server::{House, ServerOptions, Shutdown, serve_in};
use crate::sbi::service::{Api, Routes, Service};
use crate::services::nudm_ueau::Client;

pub use aanf::{AanfRole, ReauthenticationRole};
pub use akma::AkmaRole;
use certificates::Certificates;
pub use error::NodeError;
pub use hostapd_auc::HostapdAuc;
pub use nef::{AanfAt, AanfOf, NefRole, NoticesListener};
pub use peer::{PeerAt, RemoteNrf};
pub use radius::{AaaRole, RadSecListeners, RadSecPskListeners};
use sharing::is_shared;
pub use sharing::{SharedAddress, Sharing};
use socket::{Socket, house_with, report_left_out};
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
    /// Keys below the EMSKs that AUSF and AAA server leave.
    pub usage_keys: Option<UsageKeysRole>,
    /// The anchor function of AKMA.
    pub aanf: Option<AanfRole>,
    /// NEF: AKMA for application functions outside.
    pub nef: Option<NefRole>,
    /// The NRF, where peers may be looked for.
    pub nrf: Option<RemoteNrf>,
    /// What hostapd asks for vectors, in a laboratory; it needs the UDM beside it.
    pub hostapd_auc: HostapdAuc,
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
    /// Which AMF serves a subscriber, a part of Nudm_UECM: served beside the vectors where it is there.
    pub uecm: Option<UecmOptions>,
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
    /// Where it registers anchor keys; `None`: there is no AKMA.
    pub akma: Option<AkmaRole>,
}

/// Keys below the EMSK, and where they are asked for.
#[derive(Clone)]
pub struct UsageKeysRole {
    /// The store, which has who holds keys.
    pub store: Arc<SubscriberStore>,
    /// How it is set up.
    pub options: UsageKeysOptions,
    /// A socket of its own; `None`: that of the AUSF.
    pub listen: Option<(SocketAddr, ServerOptions)>,
}

/// A UDM elsewhere.
#[derive(Clone, Debug)]
pub struct RemoteUdm {
    /// Its apiRoot, such as `https://udm.example.org:7778`.
    pub url: String,
    /// How to reach it.
    pub options: ClientOptions,
}

/// A running node. Dropping it does not stop it; [`Node::shutdown`] does.
#[derive(Debug)]
pub struct Node {
    udm: Option<Arc<Udm>>,
    uecm: Option<Arc<Uecm>>,
    ausf: Option<Arc<Ausf>>,
    aaa: Option<radius::Serving>,
    usage_keys: Option<Arc<UsageKeys>>,
    usage_keys_url: Option<String>,
    aanf: Option<Arc<Aanf>>,
    aanf_url: Option<String>,
    nef: Option<Arc<Nef>>,
    nef_url: Option<String>,
    nef_notices_url: Option<String>,
    hostapd_auc: Vec<AucSocket>,
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
            uecm: None,
            ausf: None,
            aaa: None,
            usage_keys: None,
            usage_keys_url: None,
            aanf: None,
            aanf_url: None,
            nef: None,
            nef_url: None,
            nef_notices_url: None,
            hostapd_auc: options.hostapd_auc.sockets.clone(),
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
        let is_home = options.udm.is_some();
        let uecm = options.udm.as_ref().and_then(|role| role.uecm.clone());
        node.uecm = match (uecm, &udm) {
            (Some(options), Some(udm)) => Some(Arc::new(Uecm::new(udm.clone(), options).map_err(NodeError::Uecm)?)),
            _ => None,
        };
        let shared = is_shared(&options)?;
        let (usage_keys, own_socket) = match options.usage_keys {
            Some(role) => (
                Some(Arc::new(UsageKeys::new(role.store, is_home, role.options)?)),
                role.listen,
            ),
            None => (None, None),
        };
        node.usage_keys = usage_keys.clone();
        let (aanf, aanf_socket) = match options.aanf {
            Some(role) => {
                let (listen, server) = (role.listen, role.server.clone());
                (
                    Some(role.open(node.uecm.as_ref(), options.nrf.as_ref(), is_home)?),
                    Some((listen, server)),
                )
            }
            None => (None, None),
        };
        node.aanf = aanf.clone();
        let mut sockets = Vec::new();
        if let Some(role) = options.ausf {
            let link = match (role.udm, &udm) {
                (Some(remote), _) => {
                    let client = SbiClient::new(&remote.url, remote.options).map_err(NodeError::UdmUrl)?;
                    UdmLink::There(Client::new(client))
                }
                (None, Some(udm)) => UdmLink::Here(OwnUdm(udm.clone())),
                (None, None) => return Err(NodeError::NoUdm),
            };
            let own = Requester::subject(role.options.nf_instance_id.text().as_str());
            let akma = role
                .akma
                .map(|akma| akma.open(aanf.as_ref(), options.nrf.as_ref(), own, is_home, &role.options.audit))
                .transpose()?;
            let ausf = Ausf::new(link, role.options).leaving_emsks_to(usage_keys.clone());
            let ausf = Arc::new(ausf.registering_at(akma));
            let mut apis = vec![ausf.api()];
            let with_ausf = usage_keys.as_ref().filter(|_| own_socket.is_none());
            apis.extend(with_ausf.map(UsageKeys::api));
            if let (true, Some(udm)) = (shared, &udm) {
                apis.push(udm.api());
                apis.extend(node.uecm.as_ref().map(Uecm::api));
            }
            let routes = node.routes(apis);
            let socket = Socket::open("AUSF", role.listen, role.server, routes)?;
            node.ausf_url = Some(socket.url());
            node.usage_keys_url = with_ausf.map(|_| socket.url());
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
            let mut apis = vec![udm.api()];
            apis.extend(node.uecm.as_ref().map(Uecm::api));
            let routes = node.routes(apis);
            let socket = Socket::open("UDM", listen, role.server, routes)?;
            node.udm_url = Some(socket.url());
            node.served_at(&socket.url());
            sockets.push(socket);
        }
        if let Some(usage_keys) = &usage_keys
            && node.usage_keys_url.is_none()
        {
            let (listen, server) = own_socket.ok_or(NodeError::NoUsageKeysSocket)?;
            let routes = node.routes(vec![usage_keys.api()]);
            let socket = Socket::open("usage keys", listen, server, routes)?;
            node.usage_keys_url = Some(socket.url());
            node.served_at(&socket.url());
            sockets.push(socket);
        }
        if let (Some(aanf), Some((listen, server))) = (&aanf, aanf_socket) {
            let routes = node.routes(vec![aanf.api()]);
            let socket = Socket::open("AAnF", listen, server, routes)?;
            node.aanf_url = Some(socket.url());
            node.served_at(&socket.url());
            sockets.push(socket);
        }
        if let Some(role) = options.nef {
            let nef::Opened { nef, sockets: of_nef } = node.open_nef(role, options.nrf.as_ref(), is_home)?;
            node.nef = Some(nef);
            sockets.extend(of_nef);
        }
        let aaa = match (options.aaa, &node.udm) {
            (Some(role), Some(udm)) => Some(radius::Opened::open(role, udm.clone(), usage_keys.clone())?),
            (Some(_), None) => return Err(NodeError::NoUdmForAaa),
            (None, _) => None,
        };
        let for_hostapd = options.hostapd_auc.open(node.udm.as_ref())?;
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
        options.hostapd_auc.serve(for_hostapd, &node.shutdown, &mut node.tasks);
        node.houses = houses.into_iter().map(|(_, house)| house).collect();
        let shutdown = node.shutdown.clone();
        node.tasks.push(tokio::spawn(report_left_out(shutdown)));
        if let Some(ausf) = node.ausf.clone() {
            let shutdown = node.shutdown.clone();
            node.tasks
                .push(tokio::spawn(async move { ausf.sweep_until(shutdown).await }));
        }
        if let Some(akma) = node.ausf.as_ref().and_then(|ausf| ausf.akma()).cloned() {
            node.tasks.push(tokio::spawn(akma.run_until(node.shutdown.clone())));
        }
        if let Some(usage_keys) = usage_keys {
            node.tasks
                .push(tokio::spawn(usage_keys.run_until(node.shutdown.clone())));
        }
        if let Some(uecm) = node.uecm.clone() {
            node.tasks.push(tokio::spawn(uecm.run_until(node.shutdown.clone())));
        }
        if let Some(aanf) = node.aanf.clone() {
            node.tasks.push(tokio::spawn(aanf.run_until(node.shutdown.clone())));
        }
        if let Some(nef) = node.nef.clone() {
            node.tasks.push(tokio::spawn(nef.run_until(node.shutdown.clone())));
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
            ("usage keys", self.usage_keys.is_some(), options.usage_keys.is_some()),
            ("the AAnF", self.aanf.is_some(), options.aanf.is_some()),
            (
                "Nudm_UECM",
                self.uecm.is_some(),
                options.udm.as_ref().is_some_and(|role| role.uecm.is_some()),
            ),
            ("the NEF", self.nef.is_some(), options.nef.is_some()),
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
        if let (Some(usage_keys), Some(role)) = (&self.usage_keys, &options.usage_keys) {
            usage_keys.policy().replace(role.options.policy.clone());
        }
        if let (Some(uecm), Some(options)) = (&self.uecm, options.udm.as_ref().and_then(|role| role.uecm.as_ref())) {
            uecm.policy().replace(options.amfs.clone());
        }
        if let (Some(aanf), Some(role)) = (&self.aanf, &options.aanf) {
            aanf.policy().replace(role.options.policy.clone());
        }
        if let (Some(nef), Some(role)) = (&self.nef, &options.nef) {
            nef.policy().replace(role.options.policy.clone());
        }
    }

    /// What it does and has done.
    pub fn watch(&self) -> Watch {
        Watch {
            udm: self.udm.clone(),
            uecm: self.uecm.clone(),
            ausf: self.ausf.clone(),
            aaa: self.aaa.as_ref().map(|serving| serving.server.clone()),
            usage_keys: self.usage_keys.clone(),
            aanf: self.aanf.clone(),
            nef: self.nef.clone(),
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

    /// apiRoot of usage keys, with the port that it got.
    pub fn usage_keys_url(&self) -> Option<&str> {
        self.usage_keys_url.as_deref()
    }

    /// The EMSKs of this process, and who has keys below them.
    pub fn usage_keys(&self) -> Option<&Arc<UsageKeys>> {
        self.usage_keys.as_ref()
    }

    /// apiRoot of the AAnF, with the port that it got.
    pub fn aanf_url(&self) -> Option<&str> {
        self.aanf_url.as_deref()
    }

    /// The anchor function of AKMA.
    pub fn aanf(&self) -> Option<&Arc<Aanf>> {
        self.aanf.as_ref()
    }

    /// The AUSF.
    pub fn ausf(&self) -> Option<&Arc<Ausf>> {
        self.ausf.as_ref()
    }

    /// The UDM.
    pub fn udm(&self) -> Option<&Arc<Udm>> {
        self.udm.as_ref()
    }

    /// Which AMF serves a subscriber.
    pub fn uecm(&self) -> Option<&Arc<Uecm>> {
        self.uecm.as_ref()
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

    /// The sockets that hostapd asks for vectors.
    pub fn hostapd_auc(&self) -> &[AucSocket] {
        &self.hostapd_auc
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
