//! The whole cascade of one 5G AKA run in one place, from K to K_UPint.
//!
//! For tools that hold everything: tests, and derivations away from any network. In a network no single party can do this.

use kaskade_crypto::{Rand, Sqn};
use kaskade_keys::fivegs::{HxresStar, KAmf, KSeaf};
use kaskade_keys::{Abba, ServingNetworkName, Supi};

use super::keys::{FiveGsKeys, Selection};
use super::udm::HeAv5g;
use crate::auc::{self, Credentials, Quintet};
use crate::visit::{AsHresStar, AsHxresStar, KeyVisitor, VisitKeys};

/// What one run is bound to, besides K, RAND and SQN.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The serving network: K_AUSF, RES* and K_SEAF are bound to it.
    pub serving_network_name: &'a ServingNetworkName,
    /// The subscriber: K_AMF is bound to it.
    pub supi: &'a Supi,
    /// K_AMF is bound to it.
    pub abba: &'a Abba,
    /// What the keys below K_AMF are bound to.
    pub selection: &'a Selection,
}

/// All values of one run.
#[derive(Clone, Debug)]
pub struct Cascade {
    /// CK, IK, XRES, AK, AUTN.
    pub quintet: Quintet,
    /// XRES* and K_AUSF.
    pub he_av: HeAv5g,
    /// HXRES*.
    pub hxres_star: HxresStar,
    /// K_SEAF.
    pub k_seaf: KSeaf,
    /// K_AMF.
    pub k_amf: KAmf,
    /// What is below K_AMF.
    pub keys: FiveGsKeys,
}

impl Cascade {
    /// Derives everything (TS 33.501 Annex A). Allocates nothing.
    #[inline]
    pub fn derive(credentials: &Credentials, rand: &Rand, sqn: Sqn, binding: Binding<'_>) -> Self {
        let quintet = auc::quintet(credentials, rand, sqn);
        let he_av = HeAv5g::from_quintet(&quintet, binding.serving_network_name);
        let k_seaf = he_av.k_ausf.k_seaf(binding.serving_network_name);
        let k_amf = k_seaf.k_amf(binding.supi, binding.abba);
        Self {
            hxres_star: he_av.xres_star.hxres_star(rand),
            keys: FiveGsKeys::derive(&k_amf, binding.selection),
            quintet,
            he_av,
            k_seaf,
            k_amf,
        }
    }
}

/// One for every row of [`kaskade_keys::tree`].
impl VisitKeys for Cascade {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        self.quintet.visit_keys(visitor);
        self.he_av.visit_keys(visitor);
        visitor.key(&AsHresStar(&self.hxres_star));
        visitor.key(&AsHxresStar(&self.hxres_star));
        visitor.key(&self.k_seaf);
        visitor.key(&self.k_amf);
        self.keys.visit_keys(visitor);
    }
}
