//! The way of an AUSF to an AAnF.

use std::sync::Arc;

use kaskade_store::audit::AuditLog;

use super::peer::aanfs;
use super::{NodeError, PeerAt, RemoteNrf};
use crate::role::aanf::{Aanf, OwnAanf};
use crate::role::ausf::{Akma, AkmaOptions, AnchorFunction};
use crate::sbi::client::SbiClient;
use crate::sbi::peer::Requester;
use crate::services::naanf_akma::Client;

/// An AUSF registers the anchor keys of AKMA.
#[derive(Clone)]
pub struct AkmaRole {
    /// How.
    pub options: AkmaOptions,
    /// The AAnF, or those that an NRF knows.
    pub aanf: PeerAt,
}

impl AkmaRole {
    /// Blocks for a moment.
    pub(super) fn open(
        self,
        here: Option<&Arc<Aanf>>,
        nrf: Option<&RemoteNrf>,
        own: Requester,
        is_home: bool,
        audit: &AuditLog,
    ) -> Result<Arc<Akma>, NodeError> {
        let aanf: (Arc<dyn AnchorFunction>, String) = match self.aanf {
            PeerAt::There(url, options) => {
                let client = SbiClient::new(&url, options).map_err(NodeError::AanfUrl)?;
                let name = format!("AAnF {}", client.root());
                (Arc::new(Client::new(client)), name)
            }
            PeerAt::ByNrf(options) => (Arc::new(aanfs(nrf, "AUSF", options)?), "AAnF".to_owned()),
            PeerAt::OfThisNode => {
                let here = here.cloned().ok_or(NodeError::NoAanf)?;
                (Arc::new(OwnAanf(here)), "AAnF".to_owned())
            }
        };
        let akma = Akma::new((aanf.0, &aanf.1), own, self.options, is_home, audit);
        akma.map(Arc::new).map_err(NodeError::AnchorKeys)
    }
}
