//! Whether one socket serves UDM and AUSF.

use std::net::{IpAddr, SocketAddr};

use kaskade_faults::fault;

use super::NodeOptions;

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

/// Whether UDM and AUSF share one socket.
pub(super) fn is_shared(options: &NodeOptions) -> Result<bool, SharedAddress> {
    match (&options.udm, &options.ausf) {
        (Some(udm), Some(ausf)) => match udm.listen {
            Some(listen) => Sharing::decide(listen, ausf.listen, udm.server == ausf.server),
            None => Ok(false),
        },
        _ => Ok(false),
    }
}
