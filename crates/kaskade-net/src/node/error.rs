//! Why a node does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use kaskade_store::records::DeclareError;

use super::SharedAddress;

use crate::hostapd_auc::AucSocketError;
use crate::role::nef::{NefStartError, SameSubscribers};
use crate::sbi::client::ClientError;

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
    /// The URL of the AAnF cannot be used.
    #[error("AUSF: the AAnF's URL: {0}")]
    AanfUrl(ClientError),
    /// The AUSF has no AAnF for its anchor keys.
    #[error("AUSF: there is no AAnF on this node, and no URL of another")]
    NoAanf,
    /// The store does not take the records of serving AMFs.
    #[error("UDM: serving AMFs: {0}")]
    Uecm(DeclareError),
    /// The store does not take the records of anchor keys.
    #[error("AUSF: anchor keys: {0}")]
    AnchorKeys(DeclareError),
    /// The AAA server has no UDM in this process.
    #[error("AAA: there is no UDM on this node")]
    NoUdmForAaa,
    /// Usage keys have neither an AUSF nor a socket of their own.
    #[error("usage keys: there is no AUSF on this node, and no address of their own")]
    NoUsageKeysSocket,
    /// The store does not take the records of usage keys.
    #[error("usage keys: {0}")]
    UsageKeys(#[from] DeclareError),
    /// The store does not take the records of the AAnF.
    #[error("AAnF: {0}")]
    Aanf(DeclareError),
    /// A peer is looked for at an NRF, and there is none.
    #[error("{0}: a peer is to be found at an NRF, and there is none")]
    NoNrf(&'static str),
    /// The URL of the NRF cannot be used.
    #[error("the NRF's URL: {0}")]
    NrfUrl(#[source] ClientError),
    /// The URL of the UDM that an AAnF asks cannot be used.
    #[error("AAnF: the UDM's URL: {0}")]
    AanfUdmUrl(#[source] ClientError),
    /// The AAnF has no UDM that could have users authenticated again.
    #[error("AAnF: there is no UDM with Nudm_UECM on this node, and no URL of another")]
    NoUdmForAanf,
    /// The URL of an AAnF cannot be used.
    #[error("NEF: the URL of the AAnF {0}: {1}")]
    NefAanfUrl(Box<str>, #[source] ClientError),
    /// There is no AAnF on this node.
    #[error("NEF: the AAnF {0}: there is none on this node, and no URL of another")]
    NoAanfForNef(Box<str>),
    /// Two AAnFs for the same subscribers.
    #[error("NEF: {0}")]
    Aanfs(#[from] SameSubscribers),
    /// A NEF cannot be set up.
    #[error("NEF: {0}")]
    Nef(#[from] NefStartError),
    /// The AuC that hostapd asks has no UDM in this process.
    #[error("hostapd: there is no UDM on this node that could answer")]
    NoUdmForHostapd,
    /// A socket for hostapd cannot be made.
    #[error("hostapd: {path}: {source}", path = path.display())]
    AucSocket {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: AucSocketError,
    },
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
