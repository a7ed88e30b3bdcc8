//! Vectors of 5G AKA.

use kaskade_keys::ServingNetworkName;

use crate::arpf::operation::{Method, Operation, Separation, Service, sealed};
use crate::auc::Quintet;
use crate::fivegs::udm::HeAv5g;
use crate::visit::{KeyVisitor, VisitKeys};

/// A 5G HE AV for a serving network that is authorised already (TS 33.501 6.1.3.2.0 step 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiveGHeAv {
    /// K_AUSF and XRES* are bound to it.
    pub serving_network_name: ServingNetworkName,
}

impl sealed::Sealed for FiveGHeAv {}

impl Service for FiveGHeAv {
    const METHOD: Method = Method::FiveGAka;
}

impl Operation for FiveGHeAv {
    type Vector = HeAv5g;

    const SEPARATION: Separation = Separation::Set;

    #[inline]
    fn bind(&self, quintet: Quintet, visitor: &mut impl KeyVisitor) -> HeAv5g {
        let he_av = HeAv5g::from_quintet(&quintet, &self.serving_network_name);
        he_av.visit_keys(visitor);
        he_av
    }
}
