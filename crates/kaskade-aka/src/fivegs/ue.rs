//! UE: the device's end of one exchange (TS 33.501 6.1.3.2.0 step 7, 6.1.3.3.1).
//!
//! What both ends must agree in stands here, beside the other end. What a device does around it, which identity it gives and
//! which keys it goes on to hold, is the crate `kaskade-ue`.

use kaskade_crypto::{Autn, Auts, Rand};
use kaskade_faults::fault;
use kaskade_keys::derivation::Prepared;
use kaskade_keys::fivegs::{KAmf, KAusf, KSeaf, ResStar};
use kaskade_keys::umts::{CkIk, SqnXorAk};
use kaskade_keys::{Abba, ServingNetworkName, Supi};

use crate::usim::{Usim, UsimAnswer, UsimError};
use crate::visit::{AsXresStar, KeyVisitor, VisitKeys};

/// A USIM and the ME around it.
#[derive(Debug)]
pub struct Ue {
    usim: Usim,
    supi: Supi,
}

/// What the UE has after it accepted a challenge. CK and IK are gone.
#[derive(Clone, Debug)]
pub struct UeAuthenticated {
    /// RES*: the answer, for the serving network.
    pub res_star: ResStar,
    /// K_AUSF.
    pub k_ausf: KAusf,
    /// K_SEAF.
    pub k_seaf: KSeaf,
    /// K_AMF.
    pub k_amf: KAmf,
}

/// Why a UE refuses a challenge (TS 33.501 6.1.3.3.1, TS 24.501 5.4.1.3.6). The USIM is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UeReject {
    /// 5GMM cause 20.
    #[error("5G AKA in the UE: MAC failure")]
    MacFailure,
    /// 5GMM cause 26: the AMF separation bit is 0, the vector is not for 5GS.
    #[error("5G AKA in the UE: non-5G authentication unacceptable, the AMF separation bit is 0")]
    Non5gAuthenticationUnacceptable,
    /// 5GMM cause 21, with AUTS for the home network.
    #[error("5G AKA in the UE: synchronisation failure")]
    SynchronisationFailure(Auts),
}

impl UeReject {
    /// The 5GMM cause of AUTHENTICATION FAILURE (TS 24.501 9.11.3.2).
    pub const fn five_gmm_cause(self) -> u8 {
        match self {
            Self::MacFailure => 20,
            Self::SynchronisationFailure(_) => 21,
            Self::Non5gAuthenticationUnacceptable => 26,
        }
    }
}

impl From<UsimError> for UeReject {
    fn from(error: UsimError) -> Self {
        match error {
            UsimError::MacFailure => Self::MacFailure,
            UsimError::SynchronisationFailure(auts) => Self::SynchronisationFailure(auts),
        }
    }
}

impl Ue {
    /// Puts a card into a device.
    pub fn new(usim: Usim, supi: Supi) -> Self {
        Self { usim, supi }
    }

    /// Whose it is.
    pub fn supi(&self) -> &Supi {
        &self.supi
    }

    /// The card.
    pub fn usim(&self) -> &Usim {
        &self.usim
    }

    /// Takes the card out.
    pub fn into_usim(self) -> Usim {
        self.usim
    }

    /// Answers a challenge (TS 33.501 6.1.3.2.0 step 7).
    ///
    /// `serving_network_name` is the one of the network that the UE sees itself in, `abba` the octets that came with the
    /// challenge.
    ///
    /// # Errors
    /// [`UeReject`]; nothing has changed then.
    pub fn challenge(
        &mut self,
        rand: &Rand,
        autn: &Autn,
        serving_network_name: &ServingNetworkName,
        abba: &Abba,
    ) -> Result<UeAuthenticated, UeReject> {
        self.challenge_visited(rand, autn, serving_network_name, abba, &mut ())
    }

    /// [`Ue::challenge`], with someone who sees the keys, CK and IK too, before those that the ME must delete are wiped.
    ///
    /// # Errors
    /// As [`Ue::challenge`]; no key is shown then.
    pub fn challenge_visited(
        &mut self,
        rand: &Rand,
        autn: &Autn,
        serving_network_name: &ServingNetworkName,
        abba: &Abba,
        visitor: &mut impl KeyVisitor,
    ) -> Result<UeAuthenticated, UeReject> {
        // The ME reads AMF in clear: a vector that is not for 5GS costs the card no SEQ.
        if !autn.amf().separation_bit() && !fault!("separation-bit-not-read") {
            return Err(UeReject::Non5gAuthenticationUnacceptable);
        }
        let answer = self.usim.authenticate(rand, autn)?;
        answer.visit_keys(visitor);
        let UsimAnswer { res, ck, ik, .. } = answer;
        let ck_ik = Prepared::<CkIk>::from_ck_ik(&ck, &ik);
        let k_ausf = ck_ik.k_ausf(serving_network_name, &SqnXorAk::from(autn));
        let k_seaf = k_ausf.k_seaf(serving_network_name);
        let authenticated = UeAuthenticated {
            res_star: ck_ik.res_star(serving_network_name, rand, &res),
            k_amf: k_seaf.k_amf(&self.supi, abba),
            k_ausf,
            k_seaf,
        };
        authenticated.visit_keys(visitor);
        Ok(authenticated)
    }
}

/// RES*, XRES* as it must be, K_AUSF, K_SEAF and K_AMF.
impl VisitKeys for UeAuthenticated {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.res_star);
        visitor.key(&AsXresStar(&self.res_star));
        visitor.key(&self.k_ausf);
        visitor.key(&self.k_seaf);
        visitor.key(&self.k_amf);
    }
}
