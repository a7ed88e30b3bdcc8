//! A subscriber as the home network knows it.

use core::fmt;

pub use kaskade_aka::auc::{AlgorithmProfile, Credentials};
use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::Amf;
use kaskade_keys::Supi;

use crate::record::Life;
use crate::secrets::SubscriberSecrets;

/// A subscriber: identity, secrets, and how it authenticates. `Debug` masks identity and secrets.
pub struct Subscriber {
    /// SUPI.
    pub supi: Supi,
    /// The algorithm set of the card with its secrets, the operator variant as it was given.
    pub secrets: SubscriberSecrets,
    /// AMF of the vectors; its separation bit is set for EPS and 5GS.
    pub amf: Amf,
    /// Which methods the subscriber may authenticate with.
    pub methods: AuthMethods,
    /// Scheme and starting point of the sequence numbers. What the store gives back starts above everything that it
    /// may have issued, so that it can be added to another store.
    pub sqn: SqnRecord,
}

impl Subscriber {
    /// What the AuC needs of it to make vectors; `None` of a GSM-only subscriber.
    pub fn credentials(&self) -> Option<Credentials> {
        let keys = self.secrets.algorithm_keys()?;
        Some(Credentials { keys, amf: self.amf })
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("supi", &self.supi.masked())
            .field("secrets", &self.secrets)
            .field("methods", &self.methods)
            .field("scheme", &self.sqn.scheme())
            .finish_non_exhaustive()
    }
}

/// What a vector is made of, read at one moment.
pub struct Card {
    /// What the AuC needs.
    pub credentials: Credentials,
    /// Which methods the subscriber may authenticate with.
    pub methods: AuthMethods,
    /// Which card that is.
    pub name: CardName,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card")
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}

/// Names the credential of a subscriber (SUPI, algorithm set, K and operator code) and shows nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardName(pub(crate) Life);

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
