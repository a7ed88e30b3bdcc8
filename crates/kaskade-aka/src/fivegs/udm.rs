//! UDM/ARPF: the 5G home environment authentication vector (TS 33.501 6.1.3.2.0 step 1).
//!
//! [`he_av`] makes one, as Nudm_UEAuthentication asks for; [`he_avs`] makes many in less than half the time each.

mod batch;

use kaskade_crypto::{Autn, Rand, Sqn};
use kaskade_keys::ServingNetworkName;
use kaskade_keys::derivation::Prepared;
use kaskade_keys::fivegs::{KAusf, XresStar};
use kaskade_keys::umts::{CkIk, SqnXorAk};

use crate::auc::{self, Credentials, Quintet};
use crate::visit::{AsResStar, KeyVisitor, VisitKeys};

pub use batch::{Request, he_avs};

/// 5G HE AV: what the UDM gives the AUSF for one authentication (TS 33.501 6.1.3.2.0 step 2).
#[derive(Clone, Debug)]
pub struct HeAv5g {
    /// RAND.
    pub rand: Rand,
    /// AUTN.
    pub autn: Autn,
    /// XRES*, bound to the serving network.
    pub xres_star: XresStar,
    /// K_AUSF, bound to the serving network.
    pub k_ausf: KAusf,
}

/// Makes a 5G HE AV: f1 to f5, K_AUSF (TS 33.501 A.2) and XRES* (A.4). With MILENAGE that is five AES blocks and seven SHA-256
/// compressions.
///
/// `sqn` must never have been used for this subscription, and be durable as used. The serving network must be authorised
/// before this is called. Allocates nothing.
#[inline]
pub fn he_av(credentials: &Credentials, rand: &Rand, sqn: Sqn, serving_network_name: &ServingNetworkName) -> HeAv5g {
    he_av_visited(credentials, rand, sqn, serving_network_name, &mut ())
}

/// [`he_av`], with someone who sees the keys, CK and IK too, before those that stay here are wiped.
#[inline]
pub fn he_av_visited(
    credentials: &Credentials,
    rand: &Rand,
    sqn: Sqn,
    serving_network_name: &ServingNetworkName,
    visitor: &mut impl KeyVisitor,
) -> HeAv5g {
    let quintet = auc::quintet(credentials, rand, sqn);
    quintet.visit_keys(visitor);
    let he_av = HeAv5g::from_quintet(&quintet, serving_network_name);
    he_av.visit_keys(visitor);
    he_av
}

impl HeAv5g {
    /// Turns a UMTS vector into a 5G one for a serving network. CK ‖ IK is absorbed once for both keys.
    #[inline]
    pub fn from_quintet(quintet: &Quintet, serving_network_name: &ServingNetworkName) -> Self {
        let Quintet {
            rand,
            xres,
            ck,
            ik,
            autn,
            ..
        } = quintet;
        let ck_ik = Prepared::<CkIk>::from_ck_ik(ck, ik);
        Self {
            rand: *rand,
            autn: *autn,
            xres_star: ck_ik.xres_star(serving_network_name, rand, xres),
            k_ausf: ck_ik.k_ausf(serving_network_name, &SqnXorAk::from(autn)),
        }
    }
}

/// XRES*, RES* as it must be, and K_AUSF.
impl VisitKeys for HeAv5g {
    #[inline]
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.xres_star);
        visitor.key(&AsResStar(&self.xres_star));
        visitor.key(&self.k_ausf);
    }
}
