//! The AAnF of a node: where it listens, and whom it asks to have users authenticated again.

use std::net::SocketAddr;
use std::sync::Arc;

use kaskade_store::SubscriberStore;

use super::peer::udms;
use super::{NodeError, PeerAt, RemoteNrf};
use crate::role::aanf::{
    Aanf, AanfOptions, ReauthenticationLimits, ReauthenticationOptions, Reauthenticator, UdmElsewhere,
};
use crate::role::udm::Uecm;
use crate::sbi::client::SbiClient;
use crate::sbi::server::ServerOptions;
use crate::services::nudm_uecm::Client;

/// An AAnF and where it listens.
#[derive(Clone)]
pub struct AanfRole {
    /// The store, which has anchor keys and who holds application keys.
    pub store: Arc<SubscriberStore>,
    /// The role. Whom it asks is in `reauthentication`.
    pub options: AanfOptions,
    /// Whether users are authenticated again when their keys end.
    pub reauthentication: Option<ReauthenticationRole>,
    /// Where Naanf listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The server.
    pub server: ServerOptions,
}

/// Users are authenticated again when their keys end.
#[derive(Clone, Debug)]
pub struct ReauthenticationRole {
    /// How often.
    pub limits: ReauthenticationLimits,
    /// The UDM that is asked, which has Nudm_UECM.
    pub udm: PeerAt,
}

impl AanfRole {
    /// Blocks for a moment.
    pub(super) fn open(
        self,
        uecm: Option<&Arc<Uecm>>,
        nrf: Option<&RemoteNrf>,
        is_home: bool,
    ) -> Result<Arc<Aanf>, NodeError> {
        let Self {
            store,
            mut options,
            reauthentication,
            ..
        } = self;
        if let Some(ReauthenticationRole { limits, udm }) = reauthentication {
            let udm: Arc<dyn Reauthenticator> = match udm {
                PeerAt::OfThisNode => Arc::new(uecm.cloned().ok_or(NodeError::NoUdmForAanf)?),
                PeerAt::There(url, options) => {
                    let client = SbiClient::new(&url, options).map_err(NodeError::AanfUdmUrl)?;
                    Arc::new(UdmElsewhere::new(Client::new(client)))
                }
                PeerAt::ByNrf(options) => Arc::new(udms(nrf, options)?),
            };
            options.reauthentication = Some(ReauthenticationOptions { udm, limits });
        }
        let aanf = Aanf::new(store, is_home, options).map_err(NodeError::Aanf)?;
        Ok(Arc::new(aanf))
    }
}
