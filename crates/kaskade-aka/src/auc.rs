//! The authentication centre: vectors out of K, and what an AUTS says (TS 33.102 6.3.2 and 6.3.5).
//!
//! Which SQN a vector gets is decided in [`sqn`](crate::sqn), and made durable by the store, before it comes here.

use kaskade_crypto::milenage::MilenageVector;
use kaskade_crypto::{Ak, Amf, Autn, Auts, Ck, Ik, K, Opc, Rand, Res, Sqn};

pub use crate::algorithm::AlgorithmProfile;
use crate::visit::{KeyVisitor, VisitKeys, XresAsRes};

/// What the AuC knows of one subscription, besides its SQN. K and OPc are wiped on drop.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// K.
    pub k: K,
    /// OPc.
    pub opc: Opc,
    /// AMF of the vectors. For EPS and 5GS its separation bit is set (TS 33.102 Annex H).
    pub amf: Amf,
    /// The algorithm set.
    pub algorithm: AlgorithmProfile,
}

impl Credentials {
    /// Standard MILENAGE and an AMF with nothing but the separation bit: a subscription for EPS and 5GS.
    pub fn new(k: K, opc: Opc) -> Self {
        Self {
            k,
            opc,
            amf: Amf::SEPARATION,
            algorithm: AlgorithmProfile::MILENAGE,
        }
    }
}

/// A UMTS authentication vector, with the AK that hides its SQN (TS 33.102 6.3.2).
#[derive(Clone, Debug)]
pub struct Quintet {
    /// RAND.
    pub rand: Rand,
    /// XRES, f2.
    pub xres: Res,
    /// CK, f3.
    pub ck: Ck,
    /// IK, f4.
    pub ik: Ik,
    /// AK, f5.
    pub ak: Ak,
    /// AUTN: (SQN ⊕ AK) ‖ AMF ‖ MAC-A.
    pub autn: Autn,
}

/// The vector for one RAND and one SQN (TS 33.102 6.3.2).
///
/// `sqn` must never have been used for this subscription, and be durable as used. Allocates nothing.
#[inline]
pub fn quintet(credentials: &Credentials, rand: &Rand, sqn: Sqn) -> Quintet {
    let Credentials { k, opc, amf, algorithm } = credentials;
    let vector = algorithm.functions(k, opc).vector(rand, sqn, *amf);
    let autn = vector.autn();
    let MilenageVector { res, ck, ik, ak, .. } = vector;
    Quintet {
        rand: *rand,
        xres: res,
        ck,
        ik,
        ak,
        autn,
    }
}

/// SQN_MS out of an AUTS, whose MAC-S is computed with AMF* = 0x0000 and compared in constant time (TS 33.102 6.3.5).
///
/// What SQN_MS then means for the next SQN is decided in [`sqn`](crate::sqn).
///
/// # Errors
/// [`AucError::WrongMacS`]: the AUTS is not of this subscription, or not for this RAND. Nothing follows from it.
pub fn verify_auts(credentials: &Credentials, rand: &Rand, auts: &Auts) -> Result<Sqn, AucError> {
    let Credentials { k, opc, algorithm, .. } = credentials;
    algorithm
        .functions(k, opc)
        .verify_auts(rand, auts)
        .ok_or(AucError::WrongMacS)
}

/// What the AuC refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AucError {
    /// The MAC-S of an AUTS is not the one that this K gives for this RAND.
    #[error("resynchronisation: the MAC-S of AUTS is wrong, SQN stays as it was")]
    WrongMacS,
}

/// RES, CK, IK, CK ‖ IK and AK.
impl VisitKeys for Quintet {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&XresAsRes(&self.xres));
        visitor.ck_ik(&self.ck, &self.ik);
        visitor.key(&self.ak);
    }
}
