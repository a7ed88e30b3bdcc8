//! The secrets of a subscriber with their algorithm set, and the octets that are sealed.
//!
//! | Set | Number | Parameters, in clear | Sealed |
//! |---|---|---|---|
//! | MILENAGE, standard constants | 1 | – | K 16 ‖ OPc 16 ‖ \[OP 16\] |
//! | MILENAGE, own constants | 2 | c1..c5 80 ‖ r1..r5 5 | K 16 ‖ OPc 16 ‖ \[OP 16\] |
//! | TUAK | 3 | octets of RES 1 ‖ iterations 1 | K 16 or 32 ‖ TOPc 32 ‖ \[TOP 32\] |
//! | XOR test algorithm | 4 | octets of RES 1 | K 16 |
//! | COMP128v1, v2, v3 | 5, 6, 7 | – | K 16 |

use core::fmt;

use kaskade_aka::auc::{AlgorithmKeys, AlgorithmProfile, GsmAlgorithm, GsmKeys};
use kaskade_crypto::milenage::OperatorConstants;
use kaskade_crypto::tuak::{Iterations, Parameters, TuakKey, VectorRes};
use kaskade_crypto::xor_test::ResLength;
use kaskade_crypto::{K, Op, Opc, Top, Topc};
use zeroize::Zeroizing;

use crate::error::RowError;

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
        /// K.
        k: K,
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

    /// K, to the sealing of it or to a fingerprint, and nowhere else.
    pub fn expose_k_to_seal(&self) -> &[u8] {
        match self {
            Self::Milenage { k, .. } | Self::Xor { k, .. } | Self::Gsm(GsmKeys { k, .. }) => k.expose_to_seal(),
            Self::Tuak { k, .. } => k.expose_to_seal(),
        }
    }

    /// Everything of the secrets and their set, to a sealing other than the store's.
    pub fn expose_to_seal(&self) -> Zeroizing<Vec<u8>> {
        let layout = self.layout();
        // Grows to its full size at once: a smaller buffer would leave secrets behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(2 + CONSTANTS_LEN + layout.sealed_len()));
        octets.extend([layout.number(), layout.flags()]);
        layout.push_parameters(&mut octets);
        self.push_sealed(&mut octets);
        octets
    }

    /// Reads what [`SubscriberSecrets::expose_to_seal`] gave.
    ///
    /// # Errors
    /// [`RowError`] when the octets are not that.
    pub fn from_sealed(octets: &[u8]) -> Result<Self, RowError> {
        let (&[number, flags], rest) = octets.split_first_chunk().ok_or(RowError::Length)?;
        let (layout, rest) = Layout::decode(number, flags, rest)?;
        layout.open(rest)
    }

    /// How the octets of these secrets are laid out.
    pub(crate) fn layout(&self) -> Layout {
        let (has_operator, long_k) = match self {
            Self::Milenage { operator, .. } => (matches!(operator, OpOrOpc::Op(_)), false),
            Self::Tuak { k, operator, .. } => (matches!(operator, TopOrTopc::Top(_)), matches!(k, TuakKey::K256(_))),
            Self::Xor { .. } | Self::Gsm(_) => (false, false),
        };
        Layout {
            algorithm: self.algorithm(),
            has_operator,
            long_k,
        }
    }

    /// Appends the octets to seal. The buffer has room for them.
    pub(crate) fn push_sealed(&self, row: &mut Vec<u8>) {
        row.extend_from_slice(self.expose_k_to_seal());
        match self {
            Self::Milenage { k, operator, .. } => {
                row.extend_from_slice(operator.opc(k).expose_to_seal());
                if let OpOrOpc::Op(op) = operator {
                    row.extend_from_slice(op.expose_to_seal());
                }
            }
            Self::Tuak {
                k,
                operator,
                parameters,
            } => {
                row.extend_from_slice(operator.topc(k, parameters.iterations).expose_to_seal());
                if let TopOrTopc::Top(top) = operator {
                    row.extend_from_slice(top.expose_to_seal());
                }
            }
            Self::Xor { .. } | Self::Gsm(_) => {}
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

const MILENAGE: u8 = 1;
const MILENAGE_OWN_CONSTANTS: u8 = 2;
const TUAK: u8 = 3;
const XOR: u8 = 4;
const COMP128V1: u8 = 5;
const COMP128V2: u8 = 6;
const COMP128V3: u8 = 7;
const CONSTANTS_LEN: usize = 85;
/// OP or TOP is there beside OPc or TOPc.
const FLAG_OPERATOR: u8 = 1;
/// K has 32 octets.
const FLAG_LONG_K: u8 = 2;

/// How the sealed octets of a row are to be read: everything about a set that stands in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The algorithm set.
    pub algorithm: Algorithm,
    /// Whether OP or TOP is sealed beside OPc or TOPc.
    pub has_operator: bool,
    /// Whether K has 32 octets.
    pub long_k: bool,
}

impl Layout {
    /// The most octets that any set seals: a long K, TOPc and TOP.
    pub const LONGEST: usize = 96;

    /// The number of the set.
    pub(crate) fn number(&self) -> u8 {
        match self.algorithm {
            Algorithm::Umts(AlgorithmProfile::Milenage { constants }) if constants.are_standard() => MILENAGE,
            Algorithm::Umts(AlgorithmProfile::Milenage { .. }) => MILENAGE_OWN_CONSTANTS,
            Algorithm::Umts(AlgorithmProfile::Tuak { .. }) => TUAK,
            Algorithm::Umts(AlgorithmProfile::Xor { .. }) => XOR,
            Algorithm::Gsm(GsmAlgorithm::Comp128v1) => COMP128V1,
            Algorithm::Gsm(GsmAlgorithm::Comp128v2) => COMP128V2,
            Algorithm::Gsm(GsmAlgorithm::Comp128v3) => COMP128V3,
        }
    }

    pub(crate) fn flags(&self) -> u8 {
        (if self.has_operator { FLAG_OPERATOR } else { 0 }) | (if self.long_k { FLAG_LONG_K } else { 0 })
    }

    pub(crate) fn push_parameters(&self, row: &mut Vec<u8>) {
        match self.algorithm {
            Algorithm::Umts(AlgorithmProfile::Milenage { constants }) if !constants.are_standard() => {
                row.extend(constants.c().iter().flatten());
                row.extend(constants.r());
            }
            Algorithm::Umts(AlgorithmProfile::Milenage { .. }) | Algorithm::Gsm(_) => {}
            Algorithm::Umts(AlgorithmProfile::Tuak { parameters }) => {
                row.extend([parameters.res.octets(), parameters.iterations.count()]);
            }
            Algorithm::Umts(AlgorithmProfile::Xor { res_length }) => row.push(res_length.octets()),
        }
    }

    /// Reads number, flags and parameters; what comes after them.
    #[inline]
    pub(crate) fn decode(number: u8, flags: u8, rest: &[u8]) -> Result<(Self, &[u8]), RowError> {
        let (algorithm, allowed_flags, rest) = match number {
            MILENAGE => (AlgorithmProfile::MILENAGE.into(), FLAG_OPERATOR, rest),
            MILENAGE_OWN_CONSTANTS => {
                let (constants, rest) = constants(rest)?;
                (AlgorithmProfile::Milenage { constants }.into(), FLAG_OPERATOR, rest)
            }
            TUAK => {
                let (&[res, iterations], rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
                let parameters = Parameters {
                    res: VectorRes::new(res.into()).map_err(|_| RowError::Field("octets of RES"))?,
                    iterations: Iterations::new(iterations).map_err(|_| RowError::Field("iterations"))?,
                };
                let algorithm = AlgorithmProfile::Tuak { parameters }.into();
                (algorithm, FLAG_OPERATOR | FLAG_LONG_K, rest)
            }
            XOR => {
                let (octets, rest) = rest.split_first().ok_or(RowError::Length)?;
                let res_length = ResLength::new(usize::from(*octets)).map_err(|_| RowError::Field("octets of RES"))?;
                (AlgorithmProfile::Xor { res_length }.into(), 0, rest)
            }
            COMP128V1 => (Algorithm::Gsm(GsmAlgorithm::Comp128v1), 0, rest),
            COMP128V2 => (Algorithm::Gsm(GsmAlgorithm::Comp128v2), 0, rest),
            COMP128V3 => (Algorithm::Gsm(GsmAlgorithm::Comp128v3), 0, rest),
            _ => return Err(RowError::Field("algorithm")),
        };
        if flags & !allowed_flags != 0 {
            return Err(RowError::Field("flags"));
        }
        let layout = Self {
            algorithm,
            has_operator: flags & FLAG_OPERATOR != 0,
            long_k: flags & FLAG_LONG_K != 0,
        };
        Ok((layout, rest))
    }

    /// How many octets are sealed.
    pub fn sealed_len(&self) -> usize {
        let operator = match self.algorithm {
            Algorithm::Umts(AlgorithmProfile::Milenage { .. }) => Opc::LEN,
            Algorithm::Umts(AlgorithmProfile::Tuak { .. }) => Topc::LEN,
            Algorithm::Umts(AlgorithmProfile::Xor { .. }) | Algorithm::Gsm(_) => 0,
        };
        let k = if self.long_k { 2 * K::LEN } else { K::LEN };
        k + operator + if self.has_operator { operator } else { 0 }
    }

    /// What the AuC needs of opened octets; `None` of a GSM-only subscriber. No heap.
    #[inline]
    pub(crate) fn algorithm_keys(&self, octets: &[u8]) -> Result<Option<AlgorithmKeys>, RowError> {
        let Algorithm::Umts(profile) = self.algorithm else {
            return Ok(None);
        };
        Ok(Some(match profile {
            AlgorithmProfile::Milenage { constants } => {
                let (k, rest) = octets.split_first_chunk().ok_or(RowError::Length)?;
                AlgorithmKeys::Milenage {
                    k: K::from_octets(k),
                    opc: Opc::from_octets(rest.first_chunk().ok_or(RowError::Length)?),
                    constants,
                }
            }
            AlgorithmProfile::Tuak { parameters } => {
                let (k, rest) = self.tuak_key(octets)?;
                AlgorithmKeys::Tuak {
                    k,
                    topc: Topc::from_octets(rest.first_chunk().ok_or(RowError::Length)?),
                    parameters,
                }
            }
            AlgorithmProfile::Xor { res_length } => AlgorithmKeys::Xor {
                k: K::from_octets(octets.first_chunk().ok_or(RowError::Length)?),
                res_length,
            },
        }))
    }

    /// The secrets as they were given, out of opened octets.
    pub(crate) fn open(&self, octets: &[u8]) -> Result<SubscriberSecrets, RowError> {
        if octets.len() != self.sealed_len() {
            return Err(RowError::Length);
        }
        Ok(match (self.algorithm_keys(octets)?, self.algorithm) {
            (Some(AlgorithmKeys::Milenage { k, opc, constants }), _) => SubscriberSecrets::Milenage {
                k,
                operator: match octets.last_chunk() {
                    Some(op) if self.has_operator => OpOrOpc::Op(Op::from_octets(op)),
                    _ => OpOrOpc::Opc(opc),
                },
                constants,
            },
            (Some(AlgorithmKeys::Tuak { k, topc, parameters }), _) => SubscriberSecrets::Tuak {
                k,
                operator: match octets.last_chunk() {
                    Some(top) if self.has_operator => TopOrTopc::Top(Top::from_octets(top)),
                    _ => TopOrTopc::Topc(topc),
                },
                parameters,
            },
            (Some(AlgorithmKeys::Xor { k, res_length }), _) => SubscriberSecrets::Xor { k, res_length },
            (None, Algorithm::Gsm(algorithm)) => SubscriberSecrets::Gsm(GsmKeys {
                k: K::from_octets(octets.first_chunk().ok_or(RowError::Length)?),
                algorithm,
            }),
            (None, Algorithm::Umts(_)) => return Err(RowError::Field("algorithm")),
        })
    }

    fn tuak_key<'o>(&self, octets: &'o [u8]) -> Result<(TuakKey, &'o [u8]), RowError> {
        let len = if self.long_k { 2 * K::LEN } else { K::LEN };
        let (k, rest) = octets.split_at_checked(len).ok_or(RowError::Length)?;
        Ok((TuakKey::from_slice(k).map_err(|_| RowError::Length)?, rest))
    }
}

fn constants(octets: &[u8]) -> Result<(OperatorConstants, &[u8]), RowError> {
    let (octets, rest) = octets.split_first_chunk::<CONSTANTS_LEN>().ok_or(RowError::Length)?;
    let mut c = [[0; 16]; 5];
    for (target, source) in c.iter_mut().zip(octets.chunks_exact(16)) {
        target.copy_from_slice(source);
    }
    let [.., r1, r2, r3, r4, r5] = *octets;
    let constants = OperatorConstants::new(c, [r1, r2, r3, r4, r5]).map_err(|_| RowError::Field("constants"))?;
    Ok((constants, rest))
}
