//! The authentication algorithm set of a subscription.

use kaskade_crypto::milenage::{Milenage, OperatorConstants};
use kaskade_crypto::{K, Opc};

/// Which functions f1 to f5* USIM and AuC use, with the operator's choices in them (TS 33.102 6.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlgorithmProfile {
    /// MILENAGE (TS 35.206).
    Milenage {
        /// c1 to c5 and r1 to r5; the same on the card.
        constants: OperatorConstants,
    },
}

impl AlgorithmProfile {
    /// MILENAGE with the constants of TS 35.206 4.1.
    pub const MILENAGE: Self = Self::Milenage {
        constants: OperatorConstants::STANDARD,
    };

    /// The functions of one subscription.
    #[inline]
    pub(crate) fn functions(&self, k: &K, opc: &Opc) -> Milenage {
        let Self::Milenage { constants } = self;
        Milenage::with_constants(k, opc, constants)
    }
}

/// MILENAGE with the standard constants.
impl Default for AlgorithmProfile {
    fn default() -> Self {
        Self::MILENAGE
    }
}
