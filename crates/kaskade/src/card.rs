//! What people say of a card: its algorithm, K and operator variant, as text of a file or a command line.

use std::fmt;
use std::str::FromStr;

use kaskade_aka::auc::{GsmAlgorithm, GsmKeys};
use kaskade_crypto::gsm::Ki;
use kaskade_crypto::tuak::{InvalidParameter, Iterations, Parameters, TuakKey, VectorRes};
use kaskade_crypto::xor_test::{InvalidResLength, ResLength, TestK};
use kaskade_crypto::{K, Op, Opc, Top, Topc};
use kaskade_store::{OpOrOpc, SubscriberSecrets, TopOrTopc};

use crate::hex_field::{self, HexError};

/// An algorithm by its name. MILENAGE, if nobody says another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlgorithmName {
    /// MILENAGE.
    #[default]
    Milenage,
    /// TUAK.
    Tuak,
    /// The XOR test algorithm.
    Xor,
    /// COMP128 of a GSM-only card.
    Gsm(GsmAlgorithm),
}

impl AlgorithmName {
    /// The names, as [`AlgorithmName::from_str`] takes them in upper or lower case.
    pub const NAMES: [&'static str; 6] = ["milenage", "tuak", "xor", "comp128v1", "comp128v2", "comp128v3"];

    const ALL: [Self; 6] = [
        Self::Milenage,
        Self::Tuak,
        Self::Xor,
        Self::Gsm(GsmAlgorithm::Comp128v1),
        Self::Gsm(GsmAlgorithm::Comp128v2),
        Self::Gsm(GsmAlgorithm::Comp128v3),
    ];
}

/// A name that no algorithm has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm, expected one of milenage, tuak, xor, comp128v1, comp128v2, comp128v3")]
pub struct UnknownAlgorithm;

impl FromStr for AlgorithmName {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let named = Self::NAMES.iter().zip(Self::ALL);
        let mut found = named.filter(|(name, _)| name.eq_ignore_ascii_case(text));
        found.next().map(|(_, algorithm)| algorithm).ok_or(UnknownAlgorithm)
    }
}

impl fmt::Display for AlgorithmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut named = Self::NAMES.iter().zip(Self::ALL);
        let name = named
            .find(|(_, algorithm)| algorithm == self)
            .map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// How the fields are called where the text comes from, for errors.
#[derive(Clone, Copy, Debug)]
pub struct FieldNames {
    /// K.
    pub k: &'static str,
    /// OP.
    pub op: &'static str,
    /// OPc.
    pub opc: &'static str,
    /// TOP.
    pub top: &'static str,
    /// TOPc.
    pub topc: &'static str,
    /// The length of RES.
    pub res_octets: &'static str,
    /// The iterations of TUAK.
    pub tuak_iterations: &'static str,
}

/// The fields of one card; an absent one is `None`. Its own `Debug` would show secrets, so it has none.
#[derive(Clone, Copy, Default)]
pub struct Card<'t> {
    /// Which algorithm.
    pub algorithm: AlgorithmName,
    /// K: 32 hexadecimal digits; 32 or 64 with TUAK.
    pub k: Option<&'t str>,
    /// OP: 32 hexadecimal digits.
    pub op: Option<&'t str>,
    /// OPc: 32 hexadecimal digits.
    pub opc: Option<&'t str>,
    /// TOP: 64 hexadecimal digits.
    pub top: Option<&'t str>,
    /// TOPc: 64 hexadecimal digits.
    pub topc: Option<&'t str>,
    /// Octets of RES: TUAK 4, 8 or 16, by default 8; XOR 4 to 16, by default 16.
    pub res_octets: Option<u8>,
    /// TUAK: how often the permutation is applied, by default once.
    pub tuak_iterations: Option<u8>,
}

/// Why the fields are no card. Shows no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// There is no K.
    #[error("{field} is missing, {digits} hexadecimal digits")]
    NoK {
        /// K.
        field: &'static str,
        /// How many digits it has.
        digits: &'static str,
    },
    /// Both variants.
    #[error("both {own} and {derived} are given: one follows from the other, so give only one")]
    Both {
        /// OP or TOP.
        own: &'static str,
        /// OPc or TOPc.
        derived: &'static str,
    },
    /// Neither variant.
    #[error("neither {own} nor {derived} is given")]
    Neither {
        /// OP or TOP.
        own: &'static str,
        /// OPc or TOPc.
        derived: &'static str,
    },
    /// A field of another algorithm: whoever gives it may mean another one.
    #[error("{field} is given, but {algorithm} has none: is the algorithm right?")]
    NotOfAlgorithm {
        /// Which field.
        field: &'static str,
        /// The algorithm.
        algorithm: AlgorithmName,
    },
    /// Digits.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// A size or number that TUAK does not have.
    #[error(transparent)]
    Tuak(#[from] InvalidParameter),
    /// A size that the XOR test algorithm does not have.
    #[error(transparent)]
    Xor(#[from] InvalidResLength),
}

impl Card<'_> {
    /// Reads the secrets, with errors that call the fields by these names.
    ///
    /// # Errors
    /// [`CardError`]: something is missing, too much, or of the wrong length.
    pub fn secrets(&self, names: &FieldNames) -> Result<SubscriberSecrets, CardError> {
        let Self { op, opc, top, topc, .. } = *self;
        let milenage = [(op.is_some(), names.op), (opc.is_some(), names.opc)];
        let tuak = [(top.is_some(), names.top), (topc.is_some(), names.topc)];
        let res = [(self.res_octets.is_some(), names.res_octets)];
        let iterations = [(self.tuak_iterations.is_some(), names.tuak_iterations)];
        match self.algorithm {
            AlgorithmName::Milenage => {
                self.has_none_of(&[&tuak, &res, &iterations])?;
                let k = K::from_octets(&*hex_field::octets(names.k, self.k(names, "32")?)?);
                let operator = match one_of(op, names.op, opc, names.opc)? {
                    Variant::Own(op) => OpOrOpc::Op(Op::from_octets(&*hex_field::octets(names.op, op)?)),
                    Variant::Derived(opc) => OpOrOpc::Opc(Opc::from_octets(&*hex_field::octets(names.opc, opc)?)),
                };
                Ok(SubscriberSecrets::milenage(k, operator))
            }
            AlgorithmName::Tuak => {
                self.has_none_of(&[&milenage])?;
                let k = hex_field::octets_between(names.k, self.k(names, "32 or 64")?, 16, 32)?;
                let k = TuakKey::from_slice(&k)?;
                let operator = match one_of(top, names.top, topc, names.topc)? {
                    Variant::Own(top) => TopOrTopc::Top(Top::from_octets(&*hex_field::octets(names.top, top)?)),
                    Variant::Derived(topc) => {
                        TopOrTopc::Topc(Topc::from_octets(&*hex_field::octets(names.topc, topc)?))
                    }
                };
                let mut parameters = Parameters::default();
                if let Some(octets) = self.res_octets {
                    parameters.res = VectorRes::new(octets.into())?;
                }
                if let Some(count) = self.tuak_iterations {
                    parameters.iterations = Iterations::new(count)?;
                }
                Ok(SubscriberSecrets::Tuak {
                    k,
                    operator,
                    parameters,
                })
            }
            AlgorithmName::Xor => {
                self.has_none_of(&[&milenage, &tuak, &iterations])?;
                let k = TestK::from_octets(&*hex_field::octets(names.k, self.k(names, "32")?)?);
                let res_length = match self.res_octets {
                    Some(octets) => ResLength::new(octets.into())?,
                    None => ResLength::LONGEST,
                };
                Ok(SubscriberSecrets::Xor { k, res_length })
            }
            AlgorithmName::Gsm(algorithm) => {
                self.has_none_of(&[&milenage, &tuak, &res, &iterations])?;
                let k = Ki::from_octets(&*hex_field::octets(names.k, self.k(names, "32")?)?);
                Ok(SubscriberSecrets::Gsm(GsmKeys { k, algorithm }))
            }
        }
    }

    fn k(&self, names: &FieldNames, digits: &'static str) -> Result<&str, CardError> {
        self.k.ok_or(CardError::NoK { field: names.k, digits })
    }

    fn has_none_of(&self, fields: &[&[(bool, &'static str)]]) -> Result<(), CardError> {
        match fields.iter().copied().flatten().find(|(given, _)| *given) {
            None => Ok(()),
            Some((_, field)) => Err(CardError::NotOfAlgorithm {
                field,
                algorithm: self.algorithm,
            }),
        }
    }
}

/// Which of the two variants was given.
enum Variant<'t> {
    Own(&'t str),
    Derived(&'t str),
}

fn one_of<'t>(
    own: Option<&'t str>,
    own_name: &'static str,
    derived: Option<&'t str>,
    derived_name: &'static str,
) -> Result<Variant<'t>, CardError> {
    match (own, derived) {
        (Some(own), None) => Ok(Variant::Own(own)),
        (None, Some(derived)) => Ok(Variant::Derived(derived)),
        (Some(_), Some(_)) => Err(CardError::Both {
            own: own_name,
            derived: derived_name,
        }),
        (None, None) => Err(CardError::Neither {
            own: own_name,
            derived: derived_name,
        }),
    }
}
