//! AUSF: hands on the challenge without the answer, and checks the answer (TS 33.501 6.1.3.2.0 steps 3 to 5, 11, 12).

use kaskade_crypto::{Autn, Rand};
use kaskade_keys::fivegs::{HxresStar, KAusf, KSeaf, ResStar, XresStar};
use kaskade_keys::{ServingNetworkName, Supi};

use super::udm::HeAv5g;
use crate::visit::{AsHxresStar, KeyVisitor, VisitKeys};

/// 5G SE AV: what the AUSF gives the SEAF (TS 33.501 6.1.3.2.0 step 5).
#[derive(Clone, Debug)]
pub struct SeAv5g {
    /// RAND.
    pub rand: Rand,
    /// AUTN.
    pub autn: Autn,
    /// HXRES*: lets the SEAF check RES* without knowing it beforehand.
    pub hxres_star: HxresStar,
}

/// The AUSF has sent a challenge and waits for RES*. One answer can be tried.
#[derive(Debug)]
#[must_use = "without its confirmation an authentication is not complete"]
pub struct Challenged {
    supi: Supi,
    serving_network_name: ServingNetworkName,
    xres_star: XresStar,
    k_ausf: KAusf,
}

/// RES* was right: the UE is who it says, and there in the serving network.
#[derive(Debug)]
pub struct Confirmed {
    /// Who was authenticated.
    pub supi: Supi,
    /// Where.
    pub serving_network_name: ServingNetworkName,
    /// K_AUSF: stays in the AUSF.
    pub k_ausf: KAusf,
    /// K_SEAF: for the SEAF.
    pub k_seaf: KSeaf,
}

/// RES* was wrong. The challenge is spent: XRES* and K_AUSF are gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("5G AKA in the AUSF: RES* is not XRES*")]
pub struct WrongResStar {
    /// Who was to be authenticated.
    pub supi: Supi,
    /// Where.
    pub serving_network_name: ServingNetworkName,
}

impl Challenged {
    /// Takes the 5G HE AV: keeps XRES* and K_AUSF, and makes the 5G SE AV with HXRES* (TS 33.501 A.5) in their place.
    #[inline]
    pub fn new(he_av: HeAv5g, supi: Supi, serving_network_name: ServingNetworkName) -> (SeAv5g, Self) {
        let HeAv5g {
            rand,
            autn,
            xres_star,
            k_ausf,
        } = he_av;
        let hxres_star = xres_star.hxres_star(&rand);
        let challenged = Self {
            supi,
            serving_network_name,
            xres_star,
            k_ausf,
        };
        (SeAv5g { rand, autn, hxres_star }, challenged)
    }

    /// Who is to be authenticated.
    pub fn supi(&self) -> &Supi {
        &self.supi
    }

    /// Where.
    pub fn serving_network_name(&self) -> &ServingNetworkName {
        &self.serving_network_name
    }

    /// There was no answer: what is left is who it was about.
    pub fn give_up(self) -> WrongResStar {
        WrongResStar {
            supi: self.supi,
            serving_network_name: self.serving_network_name,
        }
    }

    /// Compares RES* with XRES* in constant time, and derives K_SEAF (TS 33.501 A.6) when they are equal.
    ///
    /// # Errors
    /// [`WrongResStar`]; there is no second try.
    #[inline]
    pub fn confirm(self, res_star: &ResStar) -> Result<Confirmed, WrongResStar> {
        let Self {
            supi,
            serving_network_name,
            xres_star,
            k_ausf,
        } = self;
        if !xres_star.verify(res_star) && !kaskade_faults::fault!("res-star-not-compared") {
            return Err(WrongResStar {
                supi,
                serving_network_name,
            });
        }
        let k_seaf = k_ausf.k_seaf(&serving_network_name);
        Ok(Confirmed {
            supi,
            serving_network_name,
            k_ausf,
            k_seaf,
        })
    }
}

/// HXRES*.
impl VisitKeys for SeAv5g {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&AsHxresStar(&self.hxres_star));
    }
}

/// XRES* and K_AUSF.
impl VisitKeys for Challenged {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.xres_star);
        visitor.key(&self.k_ausf);
    }
}

/// K_AUSF and K_SEAF.
impl VisitKeys for Confirmed {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.k_ausf);
        visitor.key(&self.k_seaf);
    }
}
