//! SEAF: the serving network's part, between UE and AUSF (TS 33.501 6.1.3.2.0 steps 6 to 10, 6.1.3.3).

use kaskade_crypto::{Autn, Auts, Rand};
use kaskade_faults::fault;
use kaskade_keys::fivegs::{HxresStar, KAmf, KSeaf, ResStar};
use kaskade_keys::{Abba, Supi};

use super::ausf::SeAv5g;
use crate::visit::{AsHresStar, AsHxresStar, KeyVisitor, VisitKeys};

/// The SEAF has a 5G SE AV and waits for the UE's answer to its challenge.
#[derive(Debug)]
#[must_use = "a challenge is there to be sent"]
pub struct AwaitingResponse(SeAv5g);

/// RES* looks right from the serving network's point of view; the home network decides.
#[derive(Debug)]
#[must_use = "RES* is there to be sent to the AUSF"]
pub struct AwaitingHome {
    hxres_star: HxresStar,
    res_star: ResStar,
}

/// The home network has agreed: the serving network has an anchor for its keys.
#[derive(Debug)]
pub struct Anchored {
    /// Who was authenticated, as the home network says.
    pub supi: Supi,
    /// ABBA, which K_AMF is bound to and the UE was told.
    pub abba: Abba,
    /// K_AMF: for the AMF. K_SEAF is gone.
    pub k_amf: KAmf,
}

/// What the SEAF asks of the AUSF when the UE reports a synchronisation failure (TS 33.501 6.1.3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resynchronisation {
    /// The RAND that the UE refused.
    pub rand: Rand,
    /// What the UE answered.
    pub auts: Auts,
}

/// Why the SEAF gives up a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeafError {
    /// HRES* of the UE's RES* is not HXRES*. What follows is in TS 33.501 6.1.3.2.2.
    #[error("5G AKA in the SEAF: HRES* is not HXRES*")]
    WrongHresStar,
}

impl AwaitingResponse {
    /// Takes what the AUSF sent.
    pub fn new(se_av: SeAv5g) -> Self {
        Self(se_av)
    }

    /// RAND, for the UE.
    pub fn rand(&self) -> &Rand {
        &self.0.rand
    }

    /// AUTN, for the UE.
    pub fn autn(&self) -> &Autn {
        &self.0.autn
    }

    /// Takes the UE's RES* and compares HRES* (TS 33.501 A.5) with HXRES* in constant time.
    ///
    /// # Errors
    /// [`SeafError::WrongHresStar`]; the challenge is spent.
    pub fn response(self, res_star: ResStar) -> Result<AwaitingHome, SeafError> {
        let SeAv5g { rand, hxres_star, .. } = self.0;
        if !hxres_star.verify(&res_star.hres_star(&rand)) && !fault!("hxres-star-not-compared") {
            return Err(SeafError::WrongHresStar);
        }
        Ok(AwaitingHome { hxres_star, res_star })
    }

    /// Takes the UE's AUTS. Since this takes the challenge, an AUTS that nobody asked for has no effect (TS 33.501 6.1.3.3.2).
    pub fn synchronisation_failure(self, auts: Auts) -> Resynchronisation {
        Resynchronisation {
            rand: self.0.rand,
            auts,
        }
    }
}

impl AwaitingHome {
    /// RES*, for the AUSF.
    pub fn res_star(&self) -> &ResStar {
        &self.res_star
    }

    /// The home network sent SUPI and K_SEAF: derives K_AMF (TS 33.501 A.7), and K_SEAF is gone.
    #[allow(clippy::needless_pass_by_value, reason = "K_SEAF ends here")]
    pub fn accepted(self, supi: Supi, k_seaf: KSeaf, abba: Abba) -> Anchored {
        let k_amf = k_seaf.k_amf(&supi, &abba);
        Anchored { supi, abba, k_amf }
    }
}

/// RES*, HRES* and HXRES*, which are equal.
impl VisitKeys for AwaitingHome {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.res_star);
        visitor.key(&AsHresStar(&self.hxres_star));
        visitor.key(&AsHxresStar(&self.hxres_star));
    }
}

/// K_AMF.
impl VisitKeys for Anchored {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.k_amf);
    }
}
