//! The way of an AUSF to an AAnF.

use std::sync::Arc;

use kaskade_store::audit::AuditLog;

use super::NodeError;
use crate::role::aanf::{Aanf, OwnAanf};
use crate::role::ausf::{Akma, AkmaOptions, AnchorFunction};
use crate::sbi::client::{ClientOptions, SbiClient};
use crate::sbi::peer::Requester;
use crate::services::naanf_akma::Client;

/// An AUSF registers the anchor keys of AKMA.
#[derive(Clone)]
pub struct AkmaRole {
    /// How.
    pub options: AkmaOptions,
    /// The AAnF; `None` for the one of this node.
    pub aanf: Option<RemoteAanf>,
}

/// An AAnF elsewhere.
#[derive(Clone, Debug)]
pub struct RemoteAanf {
    /// Its apiRoot, such as `https://aanf.example.org:7780`.
    pub url: String,
    /// How to reach it.
    pub options: ClientOptions,
}

impl AkmaRole {
    /// Blocks for a moment.
    pub(super) fn open(
        self,
        here: Option<&Arc<Aanf>>,
        own: Requester,
        is_home: bool,
        audit: &AuditLog,
    ) -> Result<Arc<Akma>, NodeError> {
        let aanf: (Arc<dyn AnchorFunction>, String) = match (self.aanf, here) {
            (Some(remote), _) => {
                let client = SbiClient::new(&remote.url, remote.options).map_err(NodeError::AanfUrl)?;
                let name = format!("AAnF {}", client.root());
                (Arc::new(Client::new(client)), name)
            }
            (None, Some(here)) => (Arc::new(OwnAanf(here.clone())), "AAnF".to_owned()),
            (None, None) => return Err(NodeError::NoAanf),
        };
        let akma = Akma::new((aanf.0, &aanf.1), own, self.options, is_home, audit);
        akma.map(Arc::new).map_err(NodeError::AnchorKeys)
    }
}
