//! The keys that a UE holds between messages (TS 33.501 6.2.2, Annex A).

use kaskade_aka::fivegs::keys::{FiveGsKeys, Selection};
use kaskade_aka::visit::{KeyVisitor, VisitKeys};
use kaskade_keys::ServingNetworkName;
use kaskade_keys::fivegs::{KAmf, KAusf, KSeaf};

use crate::akma::{Home, Stored};

/// K_AUSF and K_SEAF of the latest 5G AKA whose security mode command was valid; a new pair replaces it, whatever the
/// access (TS 33.501 6.1.1.1, TS 24.501 Annex C).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    stored: Stored,
    k_seaf: KSeaf,
}

impl Anchor {
    pub(crate) fn new(k_ausf: KAusf, home: Option<Home>, k_seaf: KSeaf) -> Self {
        let stored = Stored { k_ausf, home };
        Self { stored, k_seaf }
    }

    pub(crate) fn stored(&self) -> &Stored {
        &self.stored
    }

    /// K_AUSF, from which keys of applications, steering and parameter updates come.
    pub fn k_ausf(&self) -> &KAusf {
        &self.stored.k_ausf
    }

    /// K_SEAF, bound to the serving network.
    pub fn k_seaf(&self) -> &KSeaf {
        &self.k_seaf
    }
}

/// The current NAS security context, full and native, and the keys of the access stratum that its first K_gNB gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    serving_network_name: ServingNetworkName,
    selection: Selection,
    k_amf: KAmf,
    keys: FiveGsKeys,
}

impl Context {
    pub(crate) fn new(serving_network_name: ServingNetworkName, k_amf: KAmf, selection: Selection) -> Self {
        Self {
            keys: FiveGsKeys::derive(&k_amf, &selection),
            serving_network_name,
            selection,
            k_amf,
        }
    }

    /// The network that it is with.
    pub fn serving_network_name(&self) -> &ServingNetworkName {
        &self.serving_network_name
    }

    /// The algorithms and counts that the keys are of.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// K_AMF.
    pub fn k_amf(&self) -> &KAmf {
        &self.k_amf
    }

    /// What is below K_AMF.
    pub fn keys(&self) -> &FiveGsKeys {
        &self.keys
    }
}

/// K_AUSF and K_SEAF.
impl VisitKeys for Anchor {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.stored.k_ausf);
        visitor.key(&self.k_seaf);
    }
}

/// K_AMF and what is below it.
impl VisitKeys for Context {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.k_amf);
        self.keys.visit_keys(visitor);
    }
}
