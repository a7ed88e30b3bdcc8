//! Vectors of EPS AKA.

use kaskade_crypto::{Autn, Rand, Res};
use kaskade_keys::derivation::Prepared;
use kaskade_keys::eps::KAsme;
use kaskade_keys::id::ServingNetworkIdentity;
use kaskade_keys::umts::{CkIk, SqnXorAk};

use crate::arpf::operation::{Method, Operation, Separation, Service, sealed};
use crate::auc::Quintet;
use crate::visit::{KeyVisitor, VisitKeys};

/// An EPS authentication vector for a serving network that is authorised already (TS 33.401 6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpsAv {
    /// The PLMN that K_ASME is bound to.
    pub serving_network: ServingNetworkIdentity,
}

/// RAND, XRES, AUTN and K_ASME: what an HSS gives an MME. CK and IK stay behind.
#[derive(Clone, Debug)]
pub struct EpsVector {
    /// RAND.
    pub rand: Rand,
    /// AUTN.
    pub autn: Autn,
    /// XRES, 4 to 16 octets.
    pub xres: Res,
    /// K_ASME, bound to the serving network.
    pub k_asme: KAsme,
}

impl sealed::Sealed for EpsAv {}

impl Service for EpsAv {
    const METHOD: Method = Method::EpsAka;
}

impl Operation for EpsAv {
    type Vector = EpsVector;

    const SEPARATION: Separation = Separation::Set;

    #[inline]
    fn bind(&self, quintet: Quintet, visitor: &mut impl KeyVisitor) -> EpsVector {
        let Quintet {
            rand,
            xres,
            ck,
            ik,
            autn,
            ..
        } = quintet;
        let ck_ik = Prepared::<CkIk>::from_ck_ik(&ck, &ik);
        let vector = EpsVector {
            rand,
            autn,
            xres,
            k_asme: ck_ik.k_asme(&self.serving_network, &SqnXorAk::from(&autn)),
        };
        vector.visit_keys(visitor);
        vector
    }
}

/// K_ASME.
impl VisitKeys for EpsVector {
    #[inline]
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.k_asme);
    }
}
