//! The octets that are sealed, by algorithm set.
//!
//! | Set | Number | Parameters, in clear | Sealed |
//! |---|---|---|---|
//! | MILENAGE, standard constants | 1 | – | K 16 ‖ OPc 16 ‖ \[OP 16\] |
//! | MILENAGE, own constants | 2 | c1..c5 80 ‖ r1..r5 5 | K 16 ‖ OPc 16 ‖ \[OP 16\] |
//! | TUAK | 3 | octets of RES 1 ‖ iterations 1 | K 16 or 32 ‖ TOPc 32 ‖ \[TOP 32\] |
//! | XOR test algorithm | 4 | octets of RES 1 | K 16 |
//! | COMP128v1, v2, v3 | 5, 6, 7 | – | K 16 |

use alloc::vec::Vec;

use super::algorithm::{AlgorithmKeys, AlgorithmProfile, GsmAlgorithm, GsmKeys};
use super::secrets::{Algorithm, OpOrOpc, SubscriberSecrets, TopOrTopc};
use crate::gsm::Ki;
use crate::milenage::OperatorConstants;
use crate::tuak::{Iterations, Parameters, TuakKey, VectorRes};
use crate::types::{K, Op, Opc, Top, Topc};
use crate::wipe::Wiped;
use crate::xor_test::{ResLength, TestK};

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

/// Why octets are not the secrets of a subscriber, or not what says how to read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// They end too early or go on too long.
    #[error("the secrets of a subscriber have the wrong length")]
    Length,
    /// A field has a value that it cannot have.
    #[error("the secrets of a subscriber are damaged: {0}")]
    Field(&'static str),
}

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

impl SubscriberSecrets {
    /// How the octets of these secrets are laid out.
    pub fn layout(&self) -> Layout {
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

    /// Puts the octets to seal behind what the buffer holds.
    pub(crate) fn put_sealed(&self, buffer: &mut SecretBuffer) {
        match self {
            Self::Milenage { k, operator, .. } => {
                buffer.put(k.secret_octets());
                buffer.put(operator.opc(k).secret_octets());
                if let OpOrOpc::Op(op) = operator {
                    buffer.put(op.secret_octets());
                }
            }
            Self::Tuak {
                k,
                operator,
                parameters,
            } => {
                buffer.put(k.secret_octets());
                buffer.put(operator.topc(k, parameters.iterations).secret_octets());
                if let TopOrTopc::Top(top) = operator {
                    buffer.put(top.secret_octets());
                }
            }
            Self::Xor { k, .. } => buffer.put(k.secret_octets()),
            Self::Gsm(GsmKeys { k, .. }) => buffer.put(k.secret_octets()),
        }
    }
}

impl Layout {
    /// The most octets that any set seals: a long K, TOPc and TOP.
    pub const LONGEST: usize = 96;
    /// The most octets that the parameters of a set have: c1 to c5 and r1 to r5.
    pub const LONGEST_PARAMETERS: usize = CONSTANTS_LEN;

    /// The number of the set.
    pub fn number(&self) -> u8 {
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

    /// Whether OP or TOP is there, and whether K is long, as bits.
    pub fn flags(&self) -> u8 {
        (if self.has_operator { FLAG_OPERATOR } else { 0 }) | (if self.long_k { FLAG_LONG_K } else { 0 })
    }

    /// Appends what the operator chose, in clear: at most [`Layout::LONGEST_PARAMETERS`] octets.
    pub fn push_parameters(&self, row: &mut Vec<u8>) {
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
    ///
    /// # Errors
    /// [`LayoutError`] when they are not those of a set that is known here.
    pub fn decode(number: u8, flags: u8, rest: &[u8]) -> Result<(Self, &[u8]), LayoutError> {
        let (algorithm, allowed_flags, rest) = match number {
            MILENAGE => (AlgorithmProfile::MILENAGE.into(), FLAG_OPERATOR, rest),
            MILENAGE_OWN_CONSTANTS => {
                let (constants, rest) = constants(rest)?;
                (AlgorithmProfile::Milenage { constants }.into(), FLAG_OPERATOR, rest)
            }
            TUAK => {
                let (&[res, iterations], rest) = rest.split_first_chunk().ok_or(LayoutError::Length)?;
                let parameters = Parameters {
                    res: VectorRes::new(res.into()).map_err(|_| LayoutError::Field("octets of RES"))?,
                    iterations: Iterations::new(iterations).map_err(|_| LayoutError::Field("iterations"))?,
                };
                let algorithm = AlgorithmProfile::Tuak { parameters }.into();
                (algorithm, FLAG_OPERATOR | FLAG_LONG_K, rest)
            }
            XOR => {
                let (octets, rest) = rest.split_first().ok_or(LayoutError::Length)?;
                let res_length =
                    ResLength::new(usize::from(*octets)).map_err(|_| LayoutError::Field("octets of RES"))?;
                (AlgorithmProfile::Xor { res_length }.into(), 0, rest)
            }
            COMP128V1 => (Algorithm::Gsm(GsmAlgorithm::Comp128v1), 0, rest),
            COMP128V2 => (Algorithm::Gsm(GsmAlgorithm::Comp128v2), 0, rest),
            COMP128V3 => (Algorithm::Gsm(GsmAlgorithm::Comp128v3), 0, rest),
            _ => return Err(LayoutError::Field("algorithm")),
        };
        if flags & !allowed_flags != 0 {
            return Err(LayoutError::Field("flags"));
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

    /// What makes two cards different, of opened octets: the set with what enters its f1, and K with OPc or TOPc.
    ///
    /// The length of RES does not: a card whose length was corrected is the same card.
    pub(crate) fn credential<'o>(&self, octets: &'o [u8]) -> (Vec<u8>, &'o [u8]) {
        let mut set = Vec::from([self.number()]);
        match self.algorithm {
            Algorithm::Umts(AlgorithmProfile::Tuak { parameters }) => set.push(parameters.iterations.count()),
            Algorithm::Umts(AlgorithmProfile::Milenage { .. }) => self.push_parameters(&mut set),
            Algorithm::Umts(AlgorithmProfile::Xor { .. }) | Algorithm::Gsm(_) => {}
        }
        // OP or TOP comes last, when it was given.
        let without_operator = Self {
            has_operator: false,
            ..*self
        };
        (set, octets.get(..without_operator.sealed_len()).unwrap_or(octets))
    }

    /// What the AuC needs of opened octets; `None` of a GSM-only subscriber. No heap.
    #[inline]
    pub(crate) fn algorithm_keys(&self, octets: &[u8]) -> Result<Option<AlgorithmKeys>, LayoutError> {
        let Algorithm::Umts(profile) = self.algorithm else {
            return Ok(None);
        };
        Ok(Some(match profile {
            AlgorithmProfile::Milenage { constants } => {
                let (k, rest) = octets.split_first_chunk().ok_or(LayoutError::Length)?;
                AlgorithmKeys::Milenage {
                    k: K::from_octets(k),
                    opc: Opc::from_octets(rest.first_chunk().ok_or(LayoutError::Length)?),
                    constants,
                }
            }
            AlgorithmProfile::Tuak { parameters } => {
                let (k, rest) = self.tuak_key(octets)?;
                AlgorithmKeys::Tuak {
                    k,
                    topc: Topc::from_octets(rest.first_chunk().ok_or(LayoutError::Length)?),
                    parameters,
                }
            }
            AlgorithmProfile::Xor { res_length } => AlgorithmKeys::Xor {
                k: TestK::from_octets(octets.first_chunk().ok_or(LayoutError::Length)?),
                res_length,
            },
        }))
    }

    /// The secrets as they were given, out of opened octets.
    pub(crate) fn open(&self, octets: &[u8]) -> Result<SubscriberSecrets, LayoutError> {
        if octets.len() != self.sealed_len() {
            return Err(LayoutError::Length);
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
                k: Ki::from_octets(octets.first_chunk().ok_or(LayoutError::Length)?),
                algorithm,
            }),
            (None, Algorithm::Umts(_)) => return Err(LayoutError::Field("algorithm")),
        })
    }

    fn tuak_key<'o>(&self, octets: &'o [u8]) -> Result<(TuakKey, &'o [u8]), LayoutError> {
        let len = if self.long_k { 2 * K::LEN } else { K::LEN };
        let (k, rest) = octets.split_at_checked(len).ok_or(LayoutError::Length)?;
        Ok((TuakKey::from_slice(k).map_err(|_| LayoutError::Length)?, rest))
    }
}

fn constants(octets: &[u8]) -> Result<(OperatorConstants, &[u8]), LayoutError> {
    let (octets, rest) = octets.split_first_chunk::<CONSTANTS_LEN>().ok_or(LayoutError::Length)?;
    let mut c = [[0; 16]; 5];
    for (target, source) in c.iter_mut().zip(octets.chunks_exact(16)) {
        target.copy_from_slice(source);
    }
    let [.., r1, r2, r3, r4, r5] = *octets;
    let constants = OperatorConstants::new(c, [r1, r2, r3, r4, r5]).map_err(|_| LayoutError::Field("constants"))?;
    Ok((constants, rest))
}

/// Secrets side by side on the stack, wiped on drop.
pub(crate) struct SecretBuffer {
    octets: Wiped<u8, { Self::CAPACITY }>,
    len: usize,
}

impl SecretBuffer {
    /// All that is ever sealed at once: 1 octet of kind, number, flags and constants, and three keys of MILENAGE.
    const CAPACITY: usize = 3 + CONSTANTS_LEN + 3 * K::LEN;

    pub(crate) const fn new() -> Self {
        Self {
            octets: Wiped([0; Self::CAPACITY]),
            len: 0,
        }
    }

    /// A buffer of so many zeros, to open sealed octets in; `None` when nothing is as long.
    pub(crate) fn zeros(len: usize) -> Option<Self> {
        (len <= Self::CAPACITY).then(|| Self { len, ..Self::new() })
    }

    /// Appends; what finds no room is a set whose lengths are wrong here, and leaves the buffer too long to be read.
    pub(crate) fn put(&mut self, octets: &[u8]) {
        let end = self.len + octets.len();
        if let Some(place) = self.octets.0.get_mut(self.len..end) {
            place.copy_from_slice(octets);
        }
        debug_assert!(end <= Self::CAPACITY, "longer than any set");
        self.len = end.min(Self::CAPACITY);
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets.0[..self.len]
    }

    pub(crate) fn octets_mut(&mut self) -> &mut [u8] {
        &mut self.octets.0[..self.len]
    }
}

const _: () = assert!(Layout::LONGEST <= SecretBuffer::CAPACITY - 5);
