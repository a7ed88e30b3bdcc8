//! Which network a gateway is of: what CK' and IK' of its users are bound to (TS 24.302 8.2, TS 33.402 6.2).

use std::collections::HashMap;
use std::sync::Arc;

use kaskade_aka::eap_aka::NetworkName;
use kaskade_faults::fault;
use kaskade_keys::id::AccessNetworkIdentity;

use crate::sbi::peer::{Requester, RequesterId};

/// The network names of gateways. A gateway does not say its own: it gets that of its own list.
#[derive(Clone, Debug)]
pub struct Networks {
    usual: Arc<NetworkName>,
    of: HashMap<RequesterId, Arc<NetworkName>>,
}

impl Networks {
    /// The same for all.
    pub fn of_all(usual: AccessNetworkIdentity) -> Self {
        Self {
            usual: Arc::new(usual.into()),
            of: HashMap::new(),
        }
    }

    /// And this for one of them.
    #[must_use]
    pub fn with(mut self, gateway: &Requester, network: AccessNetworkIdentity) -> Self {
        self.of.insert(gateway.id(), Arc::new(network.into()));
        self
    }

    /// That of a gateway.
    pub(super) fn get(&self, gateway: &Requester) -> Arc<NetworkName> {
        let own = self.of.get(&gateway.id());
        own.filter(|_| !fault!("network-of-another-gateway"))
            .unwrap_or(&self.usual)
            .clone()
    }
}
