//! What a peer does where the protocol leaves it the choice.

use alloc::vec::Vec;
use core::time::Duration;

use kaskade_codec::eap::AkaMethod;
use kaskade_faults::fault;

use crate::eap_aka::network::NetworkName;
use crate::eap_aka::policy::{ForwardSecrecy, Profile};

/// What a peer does.
#[derive(Clone, Debug)]
pub struct PeerPolicy {
    pub(super) profile: Profile,
    pub(super) methods: Vec<AkaMethod>,
    /// The network name that is expected; `None`: any.
    pub(super) network: Option<NetworkName>,
    pub(super) forward_secrecy: ForwardSecrecy,
    pub(super) conservative: bool,
    pub(super) result_ind: bool,
    pub(super) lifetime: Duration,
}

impl PeerPolicy {
    /// The network name that is expected; `None`: any.
    pub const fn network(&self) -> Option<&NetworkName> {
        self.network.as_ref()
    }

    /// For access to EPC: EAP-AKA' and EAP-AKA, any network name, no forward secrecy, 60 s for a run. The permanent identity is
    /// given where it is asked for.
    pub fn non_3gpp() -> Self {
        Self {
            profile: Profile::NonThreeGpp,
            methods: AkaMethod::ALL.to_vec(),
            network: None,
            forward_secrecy: ForwardSecrecy::Off,
            conservative: false,
            result_ind: false,
            lifetime: Duration::from_secs(60),
        }
    }

    /// For the 5G system: EAP-AKA', the serving network's name, and the rules of TS 33.501 Annex F.
    pub fn five_gs(network: NetworkName) -> Self {
        Self {
            profile: Profile::FiveGs,
            methods: [AkaMethod::AkaPrime].into(),
            network: Some(network),
            ..Self::non_3gpp()
        }
    }

    /// With these methods, the best first. In 5GS there is EAP-AKA' alone, whatever is said here.
    #[must_use]
    pub fn with_methods(mut self, methods: &[AkaMethod]) -> Self {
        if self.profile == Profile::NonThreeGpp {
            self.methods = methods.to_vec();
        }
        self
    }

    /// The methods that are taken, the best first: EAP-AKA has no forward secrecy.
    pub(super) fn methods(&self) -> Vec<AkaMethod> {
        let secret = self.forward_secrecy.is_required() && !fault!("eap-forward-secrecy-evaded");
        let taken = |method: &AkaMethod| !secret || *method == AkaMethod::AkaPrime;
        self.methods.iter().copied().filter(taken).collect()
    }

    /// Whether a fast re-authentication may start from keys that have forward secrecy or not.
    pub(super) fn takes_keys(&self, forward_secrecy: bool) -> bool {
        forward_secrecy || !self.forward_secrecy.is_required() || fault!("eap-forward-secrecy-evaded")
    }

    /// Refuses another network name than this.
    #[must_use]
    pub fn expecting(mut self, network: NetworkName) -> Self {
        self.network = Some(network);
        self
    }

    /// With forward secrecy of EAP-AKA'. In 5GS nothing changes: TS 33.501 does not know it.
    #[must_use]
    pub fn with_forward_secrecy(mut self, forward_secrecy: ForwardSecrecy) -> Self {
        if self.profile == Profile::NonThreeGpp {
            self.forward_secrecy = forward_secrecy;
        }
        self
    }

    /// With forward secrecy in 5GS: a private extension, which no 3GPP specification has.
    #[must_use]
    pub fn with_private_5gs_forward_secrecy(mut self, forward_secrecy: ForwardSecrecy) -> Self {
        self.forward_secrecy = forward_secrecy;
        self
    }

    /// Never gives the permanent identity while it has a pseudonym (RFC 4187 4.1.6).
    #[must_use]
    pub const fn conservative(mut self) -> Self {
        self.conservative = true;
        self
    }

    /// With a protected notification of success, where the server wants it too.
    #[must_use]
    pub const fn with_result_indication(mut self) -> Self {
        self.result_ind = true;
        self
    }

    /// With so long for a run.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}
