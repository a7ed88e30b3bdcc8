//! The sockets of a node, and what those who listen share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::NodeError;
use crate::log_limit;
use crate::sbi::limits::Limits;
use crate::sbi::server::{House, ServerOptions, Shutdown, bind};
use crate::sbi::service::Routes;

/// What the peers of listeners with these limits share.
pub(super) fn house_with(houses: &mut Vec<(Limits, House)>, limits: &Limits) -> House {
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
pub(super) async fn report_left_out(shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(log_limit::PERIOD) => log_limit::report(),
            () = shutdown.begun() => return log_limit::report(),
        }
    }
}

/// A socket that listens, before anybody is served.
pub(super) struct Socket {
    pub(super) listener: tokio::net::TcpListener,
    pub(super) server: ServerOptions,
    pub(super) routes: Routes,
}

impl Socket {
    pub(super) fn open(
        role: &'static str,
        address: SocketAddr,
        server: ServerOptions,
        routes: Routes,
    ) -> Result<Self, NodeError> {
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

    pub(super) fn url(&self) -> String {
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
