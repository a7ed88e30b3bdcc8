//! A subscriber as the home network knows it.

use core::fmt;

pub use kaskade_aka::auc::{AlgorithmProfile, Credentials};
use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::{Amf, K, Op, Opc};
use kaskade_keys::Supi;

/// A subscriber: identity, secrets, and how it authenticates. `Debug` masks identity and secrets.
pub struct Subscriber {
    /// SUPI.
    pub supi: Supi,
    /// The algorithm set of the card.
    pub algorithm: AlgorithmProfile,
    /// K.
    pub k: K,
    /// The operator variant, as it was given.
    pub operator: OpOrOpc,
    /// AMF of the vectors; its separation bit is set for EPS and 5GS.
    pub amf: Amf,
    /// Which methods the subscriber may authenticate with.
    pub methods: AuthMethods,
    /// Scheme and starting point of the sequence numbers. What the store gives back starts above everything that it
    /// may have issued, so that it can be added to another store.
    pub sqn: SqnRecord,
}

/// OP or OPc: two different things that look alike, and are never guessed.
#[derive(Clone)]
pub enum OpOrOpc {
    /// OP: the same for a whole network (TS 35.206 3).
    Op(Op),
    /// OPc: bound to K (TS 35.206 4.1).
    Opc(Opc),
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

impl fmt::Debug for OpOrOpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Op(_) => "OP(…)",
            Self::Opc(_) => "OPc(…)",
        })
    }
}

impl Subscriber {
    /// What the AuC needs of it.
    pub fn credentials(&self) -> Credentials {
        let mut credentials = Credentials::new(self.k.clone(), self.operator.opc(&self.k));
        credentials.amf = self.amf;
        credentials.algorithm = self.algorithm;
        credentials
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("supi", &self.supi.masked())
            .field("operator", &self.operator)
            .field("methods", &self.methods)
            .field("scheme", &self.sqn.scheme())
            .finish_non_exhaustive()
    }
}

/// A set of authentication methods (TS 29.505 5.4.3, `AuthMethod`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthMethods(u8);

impl AuthMethods {
    /// None: the subscriber cannot authenticate.
    pub const NONE: Self = Self(0);
    /// `5G_AKA` (TS 33.501 6.1.3.2).
    pub const FIVE_G_AKA: Self = Self(1);
    /// `EAP_AKA_PRIME` (TS 33.501 6.1.3.1).
    pub const EAP_AKA_PRIME: Self = Self(2);
    /// EPS AKA (TS 33.401 6.1.1).
    pub const EPS_AKA: Self = Self(4);

    const KNOWN: u8 = 7;

    /// Whether all of `methods` are in this set.
    pub const fn contains(self, methods: Self) -> bool {
        self.0 & methods.0 == methods.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn and(self, methods: Self) -> Self {
        Self(self.0 | methods.0)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::KNOWN == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }
}

/// 5G AKA.
impl Default for AuthMethods {
    fn default() -> Self {
        Self::FIVE_G_AKA
    }
}
