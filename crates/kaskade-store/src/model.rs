//! A subscriber as the home network knows it.

mod methods;
mod subscription;

use core::fmt;

pub use kaskade_aka::auc::{AlgorithmProfile, Credentials};
use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::Amf;
use kaskade_keys::Supi;

pub use methods::AuthMethods;
pub use subscription::{BestSubscription, EpsProfile, Subscription};

use crate::secrets::SubscriberSecrets;

/// A subscriber: identity, secrets, and how it authenticates. `Debug` masks identity and secrets.
pub struct Subscriber {
    /// SUPI.
    pub supi: Supi,
    /// The algorithm set of the card with its secrets, the operator variant as it was given.
    pub secrets: SubscriberSecrets,
    /// AMF of the vectors; its separation bit is set for EPS and 5GS.
    pub amf: Amf,
    /// Which methods the subscriber may authenticate with, the preferred one first.
    pub methods: AuthMethods,
    /// Which services it has.
    pub subscription: Subscription,
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
