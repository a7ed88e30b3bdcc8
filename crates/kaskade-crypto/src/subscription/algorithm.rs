//! The authentication algorithm set of a subscription, and the secrets that go with it.
//!
//! | Set | K | Operator variant | RES | Triplets |
//! |---|---|---|---|---|
//! | MILENAGE (TS 35.206) | 16 | OPc, 16 | 8 | by c2 and c3: GSM-MILENAGE (TS 55.205) |
//! | TUAK (TS 35.231) | 16 or 32 | TOPc, 32 | 4, 8 or 16 | by c2 and c3 |
//! | XOR test algorithm (TS 34.108), for test networks only | 16 | none | 4 to 16 | by c2 and c3 |
//! | COMP128v1, v2, v3: no vectors | 16 | none | – | its own |
//!
//! The first three are [`AlgorithmKeys`], which make vectors for 3G, EPS and 5GS. COMP128 is of GSM-only subscriptions:
//! [`GsmKeys`], from which nothing but triplets comes.

use crate::algorithm_set::{AlgorithmSet, Vector};
use crate::gsm::{self, Ki, Triplet};
use crate::milenage::{Milenage, OperatorConstants};
use crate::tuak::{Parameters, Tuak, TuakKey};
use crate::types::{Ak, Amf, Ck, Ik, K, MacA, MacS, Opc, Rand, Res, Sqn, Topc};
use crate::xor_test::{ResLength, TestK, XorTest};

/// Which functions f1 to f5* USIM and AuC use, with the operator's choices in them (TS 33.102 6.3.2). Nothing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlgorithmProfile {
    /// MILENAGE (TS 35.206).
    Milenage {
        /// c1 to c5 and r1 to r5; the same on the card.
        constants: OperatorConstants,
    },
    /// TUAK (TS 35.231).
    Tuak {
        /// The size of RES and the number of iterations; the same on the card.
        parameters: Parameters,
    },
    /// The XOR test algorithm (TS 34.108 8.1.2): for test networks only.
    Xor {
        /// How many octets RES has; the same on the card.
        res_length: ResLength,
    },
}

impl AlgorithmProfile {
    /// MILENAGE with the constants of TS 35.206 4.1.
    pub const MILENAGE: Self = Self::Milenage {
        constants: OperatorConstants::STANDARD,
    };

    /// What the set is called.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Milenage { .. } => "MILENAGE",
            Self::Tuak { .. } => "TUAK",
            Self::Xor { .. } => "XOR",
        }
    }
}

/// MILENAGE with the standard constants.
impl Default for AlgorithmProfile {
    fn default() -> Self {
        Self::MILENAGE
    }
}

/// The secrets of one subscription and the algorithm set that they are for. Wiped on drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlgorithmKeys {
    /// MILENAGE (TS 35.206).
    Milenage {
        /// K.
        k: K,
        /// OPc.
        opc: Opc,
        /// c1 to c5 and r1 to r5.
        constants: OperatorConstants,
    },
    /// TUAK (TS 35.231).
    Tuak {
        /// K, 16 or 32 octets.
        k: TuakKey,
        /// TOPc. It depends on K and the number of iterations.
        topc: Topc,
        /// The size of RES and the number of iterations.
        parameters: Parameters,
    },
    /// The XOR test algorithm (TS 34.108 8.1.2): for test networks only.
    Xor {
        /// K of the test algorithm, which its RES gives away.
        k: TestK,
        /// How many octets RES has.
        res_length: ResLength,
    },
}

impl AlgorithmKeys {
    /// MILENAGE with the constants of TS 35.206 4.1.
    pub fn milenage(k: K, opc: Opc) -> Self {
        Self::Milenage {
            k,
            opc,
            constants: OperatorConstants::STANDARD,
        }
    }

    /// What of this is not secret.
    pub fn profile(&self) -> AlgorithmProfile {
        match self {
            Self::Milenage { constants, .. } => AlgorithmProfile::Milenage { constants: *constants },
            Self::Tuak { parameters, .. } => AlgorithmProfile::Tuak {
                parameters: *parameters,
            },
            Self::Xor { res_length, .. } => AlgorithmProfile::Xor {
                res_length: *res_length,
            },
        }
    }

    /// The vector of one challenge, without a copy of the set.
    #[inline]
    pub fn vector(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Vector {
        match self {
            Self::Milenage { k, opc, constants } => Milenage::with_constants(k, opc, constants).vector(rand, sqn, amf),
            other => other.functions().vector(rand, sqn, amf),
        }
    }

    /// The functions of the subscription.
    pub fn functions(&self) -> Functions {
        match self {
            Self::Milenage { k, opc, constants } => Functions::Milenage(Milenage::with_constants(k, opc, constants)),
            Self::Tuak { k, topc, parameters } => Functions::Tuak(Tuak::new(k, topc, *parameters)),
            Self::Xor { k, res_length } => Functions::Xor(XorTest::new(k, *res_length)),
        }
    }
}

/// The functions f1 to f5* of one subscription, whatever its set.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives for one call, or once in a card; a box would cost an allocation on the way to AUTS"
)]
pub enum Functions {
    /// MILENAGE.
    Milenage(Milenage),
    /// TUAK.
    Tuak(Tuak),
    /// The XOR test algorithm.
    Xor(XorTest),
}

macro_rules! of_the_set {
    ($functions:expr, $set:ident => $call:expr) => {
        match $functions {
            Functions::Milenage($set) => $call,
            Functions::Tuak($set) => $call,
            Functions::Xor($set) => $call,
        }
    };
}

impl AlgorithmSet for Functions {
    fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> MacA {
        of_the_set!(self, set => set.f1(rand, sqn, amf))
    }

    fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf_star: Amf) -> MacS {
        of_the_set!(self, set => set.f1_star(rand, sqn_ms, amf_star))
    }

    fn f2345(&self, rand: &Rand) -> (Res, Ck, Ik, Ak) {
        of_the_set!(self, set => set.f2345(rand))
    }

    fn f5_star(&self, rand: &Rand) -> Ak {
        of_the_set!(self, set => set.f5_star(rand))
    }

    fn vector(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Vector {
        of_the_set!(self, set => set.vector(rand, sqn, amf))
    }
}

/// A3 and A8 of a GSM-only subscription: which COMP128. All are weak; for cards that are in the field already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GsmAlgorithm {
    /// COMP128v1: a card gives its K away to whoever may ask it often enough, and Kc has 54 bits.
    Comp128v1,
    /// COMP128v2: Kc has 54 bits.
    Comp128v2,
    /// COMP128v3.
    Comp128v3,
}

impl GsmAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Comp128v1, Self::Comp128v2, Self::Comp128v3];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comp128v1 => "COMP128v1",
            Self::Comp128v2 => "COMP128v2",
            Self::Comp128v3 => "COMP128v3",
        }
    }
}

/// What SIM and AuC know of a GSM-only subscription. Wiped on drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GsmKeys {
    /// Ki.
    pub k: Ki,
    /// A3 and A8.
    pub algorithm: GsmAlgorithm,
}

impl GsmKeys {
    /// The triplet for one RAND: what the AuC gives out, and what the SIM answers and keeps (TS 43.020).
    pub fn triplet(&self, rand: &Rand) -> Triplet {
        match self.algorithm {
            GsmAlgorithm::Comp128v1 => gsm::comp128v1(&self.k, rand),
            GsmAlgorithm::Comp128v2 => gsm::comp128v2(&self.k, rand),
            GsmAlgorithm::Comp128v3 => gsm::comp128v3(&self.k, rand),
        }
    }
}
