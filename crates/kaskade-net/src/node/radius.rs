//! The AAA server of a node: its sockets over UDP and over TLS, and what is replaced while it runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use super::NodeError;
use crate::radius::{Clients, RadiusOptions, RadiusServer, serve_radsec_in, serve_udp};
use crate::role::aaa::{Aaa, AaaOptions};
use crate::role::udm::Udm;
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
    radsec: Option<Radsec>,
    drain: Duration,
}

/// Listeners of RADIUS over TLS.
struct Radsec {
    listeners: Vec<TcpListener>,
    tls: ServerTls,
    limits: Limits,
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
            radsec: None,
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
            let addresses = addresses.into_iter();
            let listeners = addresses.map(|address| bind(address).map_err(|source| listen(address, source)));
            opened.radsec = Some(Radsec {
                listeners: listeners.collect::<Result<_, _>>()?,
                tls,
                limits,
            });
        }
        Ok(opened)
    }

    /// Serves; what the peers over TLS may use is that of a house, which listeners with these limits share.
    pub(super) fn serve(
        self,
        house: impl FnOnce(&Limits) -> House,
        shutdown: &Shutdown,
        tasks: &mut Vec<JoinHandle<()>>,
    ) -> Serving {
        let Self {
            server,
            udp,
            radsec,
            drain,
        } = self;
        let mut serving = Serving {
            server: server.clone(),
            udp: udp.iter().filter_map(|socket| socket.local_addr().ok()).collect(),
            radsec: Vec::new(),
            tls: radsec.as_ref().map(|radsec| radsec.tls.clone()),
        };
        for socket in udp {
            let serve = serve_udp(socket, server.clone(), drain, shutdown.clone());
            tasks.push(tokio::spawn(serve));
        }
        if let Some(radsec) = radsec {
            let house = house(&radsec.limits);
            for listener in radsec.listeners {
                serving.radsec.extend(listener.local_addr().ok());
                let (house, server) = (house.clone(), server.clone());
                let (tls, shutdown) = (radsec.tls.clone(), shutdown.clone());
                tasks.push(tokio::spawn(async move {
                    serve_radsec_in(&house, listener, server, tls, shutdown).await;
                }));
            }
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
