//! The AAA server of a node: its sockets over UDP and over TLS, and what is replaced while it runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use super::{NodeError, fitted};
use crate::radius::{Clients, RadSecOptions, RadiusOptions, RadiusServer, serve_radsec, serve_udp};
use crate::role::aaa::{Aaa, AaaOptions};
use crate::role::udm::Udm;
use crate::sbi::limits::Limits;
use crate::sbi::server::{Shutdown, bind};
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

/// Sockets that nobody serves yet.
pub(super) struct Opened {
    server: Arc<RadiusServer<Aaa>>,
    udp: Vec<UdpSocket>,
    radsec: Vec<(TcpListener, RadSecOptions)>,
    tls: Option<ServerTls>,
    drain: Duration,
}

/// An AAA server that serves.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) server: Arc<RadiusServer<Aaa>>,
    pub(super) udp: Vec<SocketAddr>,
    pub(super) radsec: Vec<SocketAddr>,
    tls: Option<ServerTls>,
}

impl Opened {
    pub(super) fn open(role: AaaRole, udm: Arc<Udm>) -> Result<Self, NodeError> {
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
                Aaa::new(udm, role.options),
                role.clients,
                role.radius,
            )),
            udp,
            radsec: Vec::new(),
            tls: None,
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
            let limits = fitted(&limits);
            for address in addresses {
                let listener = bind(address).map_err(|source| listen(address, source))?;
                let options = RadSecOptions {
                    tls: tls.clone(),
                    limits: limits.clone(),
                };
                opened.radsec.push((listener, options));
            }
            opened.tls = Some(tls);
        }
        Ok(opened)
    }

    pub(super) fn serve(self, shutdown: &Shutdown, tasks: &mut Vec<JoinHandle<()>>) -> Serving {
        let Self {
            server,
            udp,
            radsec,
            tls,
            drain,
        } = self;
        let mut serving = Serving {
            server: server.clone(),
            udp: udp.iter().filter_map(|socket| socket.local_addr().ok()).collect(),
            radsec: Vec::new(),
            tls,
        };
        for socket in udp {
            let serve = serve_udp(socket, server.clone(), drain, shutdown.clone());
            tasks.push(tokio::spawn(serve));
        }
        for (listener, options) in radsec {
            serving.radsec.extend(listener.local_addr().ok());
            let (server, shutdown) = (server.clone(), shutdown.clone());
            tasks.push(tokio::spawn(async move {
                if let Err(error) = serve_radsec(listener, server, options, shutdown).await {
                    tracing::error!(%error, "RADIUS over TLS is not served");
                }
            }));
        }
        tasks.push(tokio::spawn(sweep(server, shutdown.clone())));
        serving
    }
}

impl Serving {
    /// Whether it can take over what `role` says.
    pub(super) fn can_renew(&self, role: &AaaRole) -> Result<(), NodeError> {
        match self.tls.is_some() == role.radsec.is_some() {
            true => Ok(()),
            false => Err(NodeError::Fixed("TLS of RADIUS")),
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
