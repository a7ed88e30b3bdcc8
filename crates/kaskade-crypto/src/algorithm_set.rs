//! What all sets of f1 to f5* share: the vector of one challenge, and the two sides of a resynchronisation.

use subtle::ConstantTimeEq;

use crate::types::{Ak, Amf, Autn, Auts, Ck, Ik, MacA, MacS, Rand, Res, Sqn};

/// The functions f1 to f5* of one subscription (TS 33.102 6.3.2, 6.3.3).
///
/// Implemented by [`Milenage`](crate::milenage::Milenage), [`Tuak`](crate::tuak::Tuak) and
/// [`XorTest`](crate::xor_test::XorTest).
pub trait AlgorithmSet {
    /// f1: MAC-A over SQN, RAND and AMF.
    fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> MacA;

    /// f1*: MAC-S over SQN_MS, RAND and AMF*.
    fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf_star: Amf) -> MacS;

    /// f2 to f5: RES, CK, IK and AK.
    fn f2345(&self, rand: &Rand) -> (Res, Ck, Ik, Ak);

    /// f5*: AK, which hides SQN_MS in AUTS.
    fn f5_star(&self, rand: &Rand) -> Ak;

    /// The whole vector of one challenge (TS 33.102 6.3.2).
    #[inline]
    fn vector(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Vector {
        Vector::from_outputs(sqn, amf, self.f1(rand, sqn, amf), self.f2345(rand))
    }

    /// AUTS for SQN_MS: what a USIM answers to a challenge that is not fresh (TS 33.102 6.3.3).
    fn auts(&self, rand: &Rand, sqn_ms: Sqn) -> Auts {
        let mac_s = self.f1_star(rand, sqn_ms, Amf::RESYNCHRONISATION);
        Auts::from_parts(sqn_ms.xor_ak(&self.f5_star(rand)), &mac_s)
    }

    /// SQN_MS out of AUTS; `None` when its MAC-S is not the one that this K gives for RAND (TS 33.102 6.3.5).
    ///
    /// SQN_MS is opened with f5*, MAC-S is computed with AMF* of zero and compared in constant time.
    fn verify_auts(&self, rand: &Rand, auts: &Auts) -> Option<Sqn> {
        let sqn_ms = Sqn::from_xor_ak(auts.sqn_ms_xor_ak_star(), &self.f5_star(rand));
        let mac_s = self.f1_star(rand, sqn_ms, Amf::RESYNCHRONISATION);
        bool::from(mac_s.ct_eq(&auts.mac_s())).then_some(sqn_ms)
    }
}

/// Everything that f1 to f5 give for one challenge (TS 33.102 6.3.2). The secret parts are wiped on drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// MAC-A, f1.
    pub mac_a: MacA,
    /// XRES, f2: 4 to 16 octets.
    pub res: Res,
    /// CK, f3.
    pub ck: Ck,
    /// IK, f4.
    pub ik: Ik,
    /// AK, f5.
    pub ak: Ak,
    autn: Autn,
}

impl Vector {
    /// AUTN: (SQN ⊕ AK) ‖ AMF ‖ MAC-A, 16 octets (TS 33.102 6.3.2).
    #[inline]
    pub fn autn(&self) -> Autn {
        self.autn
    }

    /// Puts the outputs of f1 and of f2 to f5 together, and AUTN out of them.
    #[inline(always)]
    pub(crate) fn from_outputs(sqn: Sqn, amf: Amf, mac_a: MacA, (res, ck, ik, ak): (Res, Ck, Ik, Ak)) -> Self {
        Self {
            autn: Autn::from_parts(sqn.xor_ak(&ak), amf, &mac_a),
            mac_a,
            res,
            ck,
            ik,
            ak,
        }
    }
}
