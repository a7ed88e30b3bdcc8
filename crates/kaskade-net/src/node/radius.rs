//! The AAA server of a node: its sockets over UDP and over TLS, and what is replaced while it runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use super::NodeError;
use crate::radius::{Clients, RadiusOptions, RadiusServer, Security, serve_radsec_in, serve_udp};
use crate::role::aaa::{Aaa, AaaOptions};
use crate::role::udm::Udm;
use crate::role::usage_keys::UsageKeys;
use crate::sbi::limits::Limits;
use crate::sbi::server::{House, Shutdown, bind};
use crate::sbi::tls::ServerTls;
use crate::time::moment;

/// An AAA server and where it listens.
#[derive(Clone)]
pub struct AaaRole {
    /// The role.
    pub options: AaaOptions,
    /// How much RADIUS keeps, and for how long.
    pub radius: RadiusOptions,
    /// Who may ask.
    pub clients: Clients,
    /// Where RADIUS is served over UDP. Port 0 takes a free one.
    pub udp: Vec<SocketAddr>,
    /// Where it is served over TLS.
    pub radsec: Option<RadSecListeners>,
    /// Where it is served over TLS with pre-shared keys, which needs the feature `psk`.
    pub radsec_psk: Option<RadSecPskListeners>,
    /// What is in work has so long at the end.
    pub drain: Duration,
}

/// Where RADIUS is served over TLS.
#[derive(Clone)]
pub struct RadSecListeners {
    /// Addresses. Port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Whom clients find, and which authorities vouch for them.
    pub tls: ServerTls,
    /// What the clients may use.
    pub limits: Limits,
}

/// Where RADIUS is served over TLS 1.3 with pre-shared keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadSecPskListeners {
    /// Addresses. Port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// What the clients may use.
    pub limits: Limits,
}

/// Sockets that nobody serves yet.
pub(super) struct Opened {
    server: Arc<RadiusServer<Aaa>>,
    udp: Vec<UdpSocket>,
    radsec: Option<Radsec>,
    radsec_psk: Option<Radsec>,
    drain: Duration,
}

/// Listeners of RADIUS over TLS.
struct Radsec {
    listeners: Vec<TcpListener>,
    security: Security,
    limits: Limits,
}

/// An AAA server that serves.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) server: Arc<RadiusServer<Aaa>>,
    pub(super) udp: Vec<SocketAddr>,
    pub(super) radsec: Vec<SocketAddr>,
    pub(super) radsec_psk: Vec<SocketAddr>,
    tls: Option<ServerTls>,
}

impl Opened {
    pub(super) fn open(role: AaaRole, udm: Arc<Udm>, usage_keys: Option<Arc<UsageKeys>>) -> Result<Self, NodeError> {
        let listen = |address, source| NodeError::Listen {
            role: "RADIUS",
            address,
            source,
        };
        let udp = role.udp.iter().map(|address| {
            let socket = std::net::UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            UdpSocket::from_std(socket)
        });
        let udp = udp.zip(&role.udp);
        let udp = udp.map(|(socket, address)| socket.map_err(|source| listen(*address, source)));
        let udp = udp.collect::<Result<_, _>>()?;
        let mut opened = Self {
            server: Arc::new(RadiusServer::new(
                Aaa::new(udm, role.options).leaving_emsks_to(usage_keys),
                role.clients,
                role.radius,
            )),
            udp,
            radsec: None,
            radsec_psk: None,
            drain: role.drain,
        };
        if let Some(RadSecListeners {
            listen: addresses,
            tls,
            limits,
        }) = role.radsec
        {
            if !tls.is_mutual() {
                return Err(NodeError::NotMutual);
            }
            opened.radsec = Some(Radsec {
                listeners: bound(addresses)?,
                security: Security::Certificates(tls),
                limits,
            });
        }
        opened.radsec_psk = role.radsec_psk.map(|psk| opened.with_keys(psk)).transpose()?;
        Ok(opened)
    }

    #[cfg(feature = "psk")]
    fn with_keys(&self, RadSecPskListeners { listen, limits }: RadSecPskListeners) -> Result<Radsec, NodeError> {
        let clients = self.server.clients().clone();
        let security = Security::keys_of(clients, &limits.for_this_process()).map_err(NodeError::Psk)?;
        Ok(Radsec {
            listeners: bound(listen)?,
            security,
            limits,
        })
    }

    #[cfg(not(feature = "psk"))]
    fn with_keys(&self, _: RadSecPskListeners) -> Result<Radsec, NodeError> {
        Err(NodeError::WithoutPsk)
    }

    /// Serves; what the peers over TLS may use is that of a house, which listeners with these limits share.
    pub(super) fn serve(
        self,
        mut house: impl FnMut(&Limits) -> House,
        shutdown: &Shutdown,
        tasks: &mut Vec<JoinHandle<()>>,
    ) -> Serving {
        let Self {
            server,
            udp,
            radsec,
            radsec_psk,
            drain,
        } = self;
        let addresses = |radsec: &Option<Radsec>| {
            let listeners = radsec.iter().flat_map(|radsec| &radsec.listeners);
            listeners.filter_map(|listener| listener.local_addr().ok()).collect()
        };
        let serving = Serving {
            server: server.clone(),
            udp: udp.iter().filter_map(|socket| socket.local_addr().ok()).collect(),
            radsec: addresses(&radsec),
            radsec_psk: addresses(&radsec_psk),
            tls: radsec.as_ref().and_then(|radsec| radsec.security.certificates()),
        };
        for socket in udp {
            let serve = serve_udp(socket, server.clone(), drain, shutdown.clone());
            tasks.push(tokio::spawn(serve));
        }
        for radsec in [radsec, radsec_psk].into_iter().flatten() {
            let house = house(&radsec.limits);
            for listener in radsec.listeners {
                let (house, server) = (house.clone(), server.clone());
                let (security, shutdown) = (radsec.security.clone(), shutdown.clone());
                tasks.push(tokio::spawn(async move {
                    serve_radsec_in(&house, listener, server, security, shutdown).await;
                }));
            }
        }
        tasks.push(tokio::spawn(sweep(server, shutdown.clone())));
        serving
    }
}

/// Sockets that listen there.
fn bound(addresses: Vec<SocketAddr>) -> Result<Vec<TcpListener>, NodeError> {
    let listening = addresses.into_iter().map(|address| {
        bind(address).map_err(|source| NodeError::Listen {
            role: "RADIUS",
            address,
            source,
        })
    });
    listening.collect()
}

impl Serving {
    /// Whether it can take over what `role` says.
    pub(super) fn can_renew(&self, role: &AaaRole) -> Result<(), NodeError> {
        let keys = role.radsec_psk.as_ref().is_some_and(|psk| !psk.listen.is_empty());
        match (
            self.tls.is_some() == role.radsec.is_some(),
            keys != self.radsec_psk.is_empty(),
        ) {
            (true, true) => Ok(()),
            (false, _) => Err(NodeError::Fixed("TLS of RADIUS")),
            (_, false) => Err(NodeError::Fixed("TLS of RADIUS with pre-shared keys")),
        }
    }

    /// From now on: its clients, their networks, and certificates.
    pub(super) fn renew(&self, role: &AaaRole) {
        self.server.clients().replace(role.clients.clone());
        self.server.eap().networks().replace(role.options.networks.clone());
        if let (Some(tls), Some(radsec)) = (&self.tls, &role.radsec) {
            tls.replace_by(&radsec.tls);
        }
    }
}

/// Lets go of what is over, once a second, until the shutdown begins.
async fn sweep(server: Arc<RadiusServer<Aaa>>, shutdown: Shutdown) {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {
                server.sweep();
                server.eap().sweep(moment());
            }
            () = shutdown.begun() => return,
        }
    }
}
