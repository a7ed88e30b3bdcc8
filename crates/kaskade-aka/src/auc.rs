//! The authentication centre: vectors out of K, and what an AUTS says (TS 33.102 6.3.2 and 6.3.5).
//!
//! For tools and tests, with the AMF of the subscription as it is. A network function asks [`arpf`](crate::arpf), which decides
//! the separation bit and whether the subscriber may.
//!
//! Which SQN a vector gets is decided in [`sqn`](crate::sqn), and made durable by the store, before it comes here.

mod batch;

use kaskade_crypto::algorithm_set::{AlgorithmSet, Vector};
use kaskade_crypto::gsm::{SresFunction, Triplet};
use kaskade_crypto::{Ak, Amf, Autn, Auts, Ck, Ik, K, Opc, Rand, Res, Sqn};
use kaskade_faults::fault;

pub use crate::algorithm::{AlgorithmKeys, AlgorithmProfile, GsmAlgorithm, GsmKeys};
use crate::visit::{KeyVisitor, VisitKeys, XresAsRes};
pub use batch::{Request, quintets};
pub use kaskade_crypto::milenage::LengthsDiffer;

/// What the AuC knows of one subscription, besides its SQN. The secrets are wiped on drop.
///
/// A GSM-only subscription has [`GsmKeys`] instead: no SQN, no AMF, and no vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The algorithm set with its secrets: K, OPc or TOPc.
    pub keys: AlgorithmKeys,
    /// AMF of the vectors. For EPS and 5GS its separation bit is set (TS 33.102 Annex H).
    pub amf: Amf,
}

impl Credentials {
    /// Standard MILENAGE and an AMF with nothing but the separation bit: a subscription for EPS and 5GS.
    pub fn new(k: K, opc: Opc) -> Self {
        AlgorithmKeys::milenage(k, opc).into()
    }
}

/// With an AMF of nothing but the separation bit: a subscription for EPS and 5GS.
impl From<AlgorithmKeys> for Credentials {
    fn from(keys: AlgorithmKeys) -> Self {
        Self {
            keys,
            amf: Amf::SEPARATION,
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
    quintet_with_amf(&credentials.keys, credentials.amf, rand, sqn)
}

/// [`quintet`] with an AMF that the operation decides.
#[inline]
pub(crate) fn quintet_with_amf(keys: &AlgorithmKeys, amf: Amf, rand: &Rand, sqn: Sqn) -> Quintet {
    Quintet::new(rand, keys.vector(rand, sqn, amf))
}

impl Quintet {
    #[inline]
    fn new(rand: &Rand, vector: Vector) -> Self {
        let autn = vector.autn();
        let Vector { res, ck, ik, ak, .. } = vector;
        Self {
            rand: *rand,
            xres: res,
            ck,
            ik,
            ak,
            autn,
        }
    }
}

/// SQN_MS out of an AUTS, whose MAC-S is computed with AMF* = 0x0000 and compared in constant time (TS 33.102 6.3.5).
///
/// What SQN_MS then means for the next SQN is decided in [`sqn`](crate::sqn).
///
/// # Errors
/// [`AucError::WrongMacS`]: the AUTS is not of this subscription, or not for this RAND. Nothing follows from it.
pub fn verify_auts(credentials: &Credentials, rand: &Rand, auts: &Auts) -> Result<Sqn, AucError> {
    let functions = credentials.keys.functions();
    if fault!("mac-s-not-compared") {
        return Ok(Sqn::from_xor_ak(auts.sqn_ms_xor_ak_star(), &functions.f5_star(rand)));
    }
    functions.verify_auts(rand, auts).ok_or(AucError::WrongMacS)
}

/// SQN out of an AUTN, if its MAC-A is the one that these secrets give for this RAND: what a USIM would see.
///
/// For tools that look at recorded challenges; says nothing of freshness.
pub fn open_autn(keys: &AlgorithmKeys, rand: &Rand, autn: &Autn) -> Option<Sqn> {
    let functions = keys.functions();
    let (.., ak) = functions.f2345(rand);
    let sqn = Sqn::from_xor_ak(autn.sqn_xor_ak(), &ak);
    (functions.f1(rand, sqn, autn.amf()) == autn.mac_a()).then_some(sqn)
}

/// The triplet for one RAND, for a USIM that roams in a 2G network: c2 and c3 of its vector (TS 33.102 6.8.1.2).
///
/// A GSM-only card with MILENAGE may have [`SresFunction::Truncated`] (TS 55.205); a USIM has not. Needs no SQN.
pub fn triplet(credentials: &Credentials, rand: &Rand, sres: SresFunction) -> Triplet {
    let (res, ck, ik, _) = credentials.keys.functions().f2345(rand);
    Triplet::from_vector(rand, &res, &ck, &ik, sres)
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
