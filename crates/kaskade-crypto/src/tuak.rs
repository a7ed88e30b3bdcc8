//! TUAK: the second example algorithm set f1, f1*, f2 to f5, f5*, around the permutation Keccak-f\[1600\] (TS 35.231).
//!
//! One permutation (or N, if the operator chose so) turns a block of 200 octets into the outputs. The block is read here as
//! 25 numbers of 64 bits, the first octet lowest. TUAK writes every field into it last octet first, so that a number is
//! eight octets of a field, most significant first:
//!
//! | Numbers | In | Out |
//! |---|---|---|
//! | 0..3 | TOPc | f1, f1*: MAC; f2: RES |
//! | 4 | `TUAK1.0` ‖ INSTANCE | 4..7 f3: CK |
//! | 5, 6 | RAND | |
//! | 7 | SQN ‖ AMF, or 0 | |
//! | 8..11 | K | f4: IK |
//! | 12 | padding | f5, f5*: AK |
//! | 16 | end of padding | |
//!
//! INSTANCE says which function and which sizes, so that no two share an output. A whole vector takes two blocks: one for
//! f1, one for f2 to f5.
//!
//! | Face | MAC | RES | CK, IK | For |
//! |---|---|---|---|---|
//! | [`Tuak`] | 8 | 4, 8, 16 | 16 | what AUTN, AUTS and a quintet of 3GPP AKA can carry |
//! | [`SizedTuak`] | 8, 16, 32 | 4, 8, 16, 32 | 16, 32 | all sizes of TS 35.231 |
//!
//! K has 16 or 32 octets in both: a K of 32 enters a quintet like one of 16, only outputs of other sizes do not.
//!
//! ```
//! use kaskade_crypto::tuak::{Parameters, Tuak, TuakKey};
//! use kaskade_crypto::{Amf, K256, Rand, Sqn, Top, Topc};
//!
//! let parameters = Parameters::default();
//! let k = TuakKey::from(K256::from_octets(&[0x46; 32]));
//! let topc = Topc::derive(&k, &Top::from_octets(&[0xcd; 32]), parameters.iterations);
//! let tuak = Tuak::new(&k, &topc, parameters);
//! let (rand, sqn) = (Rand::from_octets([0x23; 16]), Sqn::from_octets([0, 0, 0, 0, 0, 32]));
//! let vector = tuak.vector(&rand, sqn, Amf::SEPARATION);
//! assert_eq!(vector.autn().mac_a(), tuak.f1(&rand, sqn, Amf::SEPARATION));
//! assert_eq!(vector.res.octets().len(), 8);
//! ```

mod parameters;
mod sized;
mod state;

use crate::algorithm_set::{AlgorithmSet, Vector};
use crate::types::{Ak, Amf, Auts, Ck, Ik, MacA, MacS, Rand, Res, Sqn, Top, Topc};

pub use parameters::{InvalidParameter, Iterations, KeySize, MacSize, Parameters, ResSize, Sizes, TuakKey, VectorRes};
pub use sized::{SizedOutputs, SizedTuak, SizedValue};
use state::{Keyed, Outputs};

impl Topc {
    /// TOPc: binds the operator variant to one K (TS 35.231).
    ///
    /// It depends on the number of iterations too.
    pub fn derive(k: &TuakKey, top: &Top, iterations: Iterations) -> Self {
        Self::from_octets(&Keyed::topc(k, top, iterations).0)
    }
}

/// TUAK of one subscription, with the sizes that 3GPP AKA carries: MAC 8 octets, RES 4, 8 or 16, CK and IK 16, AK 6.
/// Wiped on drop.
#[derive(Clone)]
pub struct Tuak {
    keyed: Keyed,
    sizes: Sizes,
    res: VectorRes,
}

impl Tuak {
    /// Takes K, TOPc and the operator's choices.
    #[inline]
    pub fn new(k: &TuakKey, topc: &Topc, parameters: Parameters) -> Self {
        Self {
            keyed: Keyed::new(k, topc, parameters.iterations),
            sizes: Sizes {
                res: parameters.res.into(),
                ..Sizes::default()
            },
            res: parameters.res,
        }
    }

    /// f1: MAC-A over SQN, RAND and AMF, 8 octets (TS 35.231).
    pub fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> MacA {
        MacA::from_octets(self.keyed.f1(self.sizes.mac, rand, sqn, amf).first_octets())
    }

    /// f1*: MAC-S over SQN_MS, RAND and AMF*, 8 octets (TS 35.231).
    ///
    /// AMF* is [`Amf::RESYNCHRONISATION`] in a resynchronisation (TS 33.102 6.3.3).
    pub fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf_star: Amf) -> MacS {
        MacS::from_octets(
            self.keyed
                .f1_star(self.sizes.mac, rand, sqn_ms, amf_star)
                .first_octets(),
        )
    }

    /// f2 to f5 of one RAND: RES (4, 8 or 16 octets), CK, IK (16 each) and AK (6), from one block (TS 35.231).
    pub fn f2345(&self, rand: &Rand) -> (Res, Ck, Ik, Ak) {
        self.split(&self.keyed.f2345(self.sizes, rand))
    }

    /// f2: RES, 4, 8 or 16 octets (TS 35.231).
    pub fn f2(&self, rand: &Rand) -> Res {
        self.f2345(rand).0
    }

    /// f3: CK, 16 octets (TS 35.231).
    pub fn f3(&self, rand: &Rand) -> Ck {
        self.f2345(rand).1
    }

    /// f4: IK, 16 octets (TS 35.231).
    pub fn f4(&self, rand: &Rand) -> Ik {
        self.f2345(rand).2
    }

    /// f5: AK, 6 octets, hides SQN in AUTN (TS 35.231).
    pub fn f5(&self, rand: &Rand) -> Ak {
        self.f2345(rand).3
    }

    /// f5*: AK, 6 octets, hides SQN_MS in AUTS (TS 35.231).
    pub fn f5_star(&self, rand: &Rand) -> Ak {
        self.keyed.f5_star(rand).ak()
    }

    /// The whole vector of one challenge, f1 to f5, from two blocks (TS 33.102 6.3.2).
    #[inline]
    pub fn vector(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Vector {
        let [of_f1, of_f2345] = self.keyed.f1_and_f2345(self.sizes, rand, sqn, amf);
        let mac_a = MacA::from_octets(of_f1.first_octets());
        Vector::from_outputs(sqn, amf, mac_a, self.split(&of_f2345))
    }

    /// SQN_MS out of AUTS; `None` when its MAC-S is not the one that this K gives for RAND (TS 33.102 6.3.5).
    pub fn verify_auts(&self, rand: &Rand, auts: &Auts) -> Option<Sqn> {
        AlgorithmSet::verify_auts(self, rand, auts)
    }

    /// AUTS for SQN_MS: what a USIM answers to a challenge that is not fresh (TS 33.102 6.3.3).
    pub fn auts(&self, rand: &Rand, sqn_ms: Sqn) -> Auts {
        AlgorithmSet::auts(self, rand, sqn_ms)
    }

    #[inline(always)]
    fn split(&self, outputs: &Outputs) -> (Res, Ck, Ik, Ak) {
        (
            outputs.res(self.res),
            Ck::from_octets(&outputs.ck().0),
            Ik::from_octets(&outputs.ik().0),
            outputs.ak(),
        )
    }
}

impl AlgorithmSet for Tuak {
    fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> MacA {
        self.f1(rand, sqn, amf)
    }

    fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf_star: Amf) -> MacS {
        self.f1_star(rand, sqn_ms, amf_star)
    }

    fn f2345(&self, rand: &Rand) -> (Res, Ck, Ik, Ak) {
        self.f2345(rand)
    }

    fn f5_star(&self, rand: &Rand) -> Ak {
        self.f5_star(rand)
    }

    #[inline]
    fn vector(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Vector {
        self.vector(rand, sqn, amf)
    }
}

impl core::fmt::Debug for Tuak {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TUAK(…)")
    }
}
