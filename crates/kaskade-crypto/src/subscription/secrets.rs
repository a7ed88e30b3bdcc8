//! The secrets of a subscriber with their algorithm set.

use core::fmt;

use super::algorithm::{AlgorithmKeys, AlgorithmProfile, GsmAlgorithm, GsmKeys};
use crate::milenage::OperatorConstants;
use crate::tuak::{Iterations, Parameters, TuakKey};
use crate::types::{K, Op, Opc, Top, Topc};
use crate::xor_test::{ResLength, TestK};

/// What a subscriber's card holds, as it was given. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriberSecrets {
    /// MILENAGE (TS 35.206).
    Milenage {
        /// K.
        k: K,
        /// The operator variant.
        operator: OpOrOpc,
        /// c1 to c5 and r1 to r5.
        constants: OperatorConstants,
    },
    /// TUAK (TS 35.231).
    Tuak {
        /// K, 16 or 32 octets.
        k: TuakKey,
        /// The operator variant.
        operator: TopOrTopc,
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
    /// COMP128: a GSM-only card, of which there are triplets but no vectors.
    Gsm(GsmKeys),
}

/// OP or OPc: two different things that look alike, and are never guessed.
#[derive(Clone, PartialEq, Eq)]
pub enum OpOrOpc {
    /// OP: the same for a whole network (TS 35.206 3).
    Op(Op),
    /// OPc: bound to K (TS 35.206 4.1).
    Opc(Opc),
}

/// TOP or TOPc: what OP and OPc are to MILENAGE. Never guessed.
#[derive(Clone, PartialEq, Eq)]
pub enum TopOrTopc {
    /// TOP: the same for a whole network (TS 35.231).
    Top(Top),
    /// TOPc: bound to K and the number of iterations (TS 35.231).
    Topc(Topc),
}

impl OpOrOpc {
    /// OPc for this K.
    pub fn opc(&self, k: &K) -> Opc {
        match self {
            Self::Op(op) => Opc::derive(k, op),
            Self::Opc(opc) => opc.clone(),
        }
    }
}

impl TopOrTopc {
    /// TOPc for this K.
    pub fn topc(&self, k: &TuakKey, iterations: Iterations) -> Topc {
        match self {
            Self::Top(top) => Topc::derive(k, top, iterations),
            Self::Topc(topc) => topc.clone(),
        }
    }
}

impl fmt::Debug for OpOrOpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Op(_) => "OP(…)",
            Self::Opc(_) => "OPc(…)",
        })
    }
}

impl fmt::Debug for TopOrTopc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Top(_) => "TOP(…)",
            Self::Topc(_) => "TOPc(…)",
        })
    }
}

impl SubscriberSecrets {
    /// MILENAGE with the constants of TS 35.206 4.1.
    pub fn milenage(k: K, operator: OpOrOpc) -> Self {
        Self::Milenage {
            k,
            operator,
            constants: OperatorConstants::STANDARD,
        }
    }

    /// What makes vectors; `None` of a GSM-only subscriber.
    pub fn algorithm_keys(&self) -> Option<AlgorithmKeys> {
        Some(match self {
            Self::Milenage { k, operator, constants } => AlgorithmKeys::Milenage {
                k: k.clone(),
                opc: operator.opc(k),
                constants: *constants,
            },
            Self::Tuak {
                k,
                operator,
                parameters,
            } => AlgorithmKeys::Tuak {
                k: k.clone(),
                topc: operator.topc(k, parameters.iterations),
                parameters: *parameters,
            },
            Self::Xor { k, res_length } => AlgorithmKeys::Xor {
                k: k.clone(),
                res_length: *res_length,
            },
            Self::Gsm(_) => return None,
        })
    }

    /// What of this is not secret.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Milenage { constants, .. } => AlgorithmProfile::Milenage { constants: *constants }.into(),
            Self::Tuak { parameters, .. } => AlgorithmProfile::Tuak {
                parameters: *parameters,
            }
            .into(),
            Self::Xor { res_length, .. } => AlgorithmProfile::Xor {
                res_length: *res_length,
            }
            .into(),
            Self::Gsm(keys) => Algorithm::Gsm(keys.algorithm),
        }
    }
}

/// Which algorithm a subscriber has, with what is not secret of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// A set of f1 to f5*.
    Umts(AlgorithmProfile),
    /// A3 and A8 of a GSM-only card.
    Gsm(GsmAlgorithm),
}

impl Algorithm {
    /// What it is called.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Umts(profile) => profile.name(),
            Self::Gsm(algorithm) => algorithm.name(),
        }
    }
}

impl From<AlgorithmProfile> for Algorithm {
    fn from(profile: AlgorithmProfile) -> Self {
        Self::Umts(profile)
    }
}
