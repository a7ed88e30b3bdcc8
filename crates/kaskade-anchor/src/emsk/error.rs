//! Why a key is not given.

use alloc::format;
use alloc::string::String;

use kaskade_flow::Refusal;
use kaskade_keys::id::{Fqdn, Snssai, UsageLabel};

/// Why a registry is not as it is told to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is one of this label, and of this domain, already.
    #[error("usage {0}: there is one of this label already; give the other one a label of its own")]
    UsageTwice(UsageLabel),
    /// There is a rule for this domain already.
    #[error("domain {0}: there is a rule for it already; put both into one")]
    DomainTwice(Fqdn),
    /// A lifetime of nothing.
    #[error("{0}: a lifetime of 0 seconds; give it at least 1")]
    NoLifetime(String),
    /// More data than a derivation takes.
    #[error("usage {label}: data of {most} octets, at most 2048 can be")]
    TooMuchData {
        /// Which usage.
        label: UsageLabel,
        /// How many octets its rule allows.
        most: usize,
    },
    /// A name that says nothing, or too much.
    #[error("usage or domain {0}: the name of a principal or group has 1 to 255 octets")]
    Name(String),
}

/// Why a request is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// The registry has no usage of this label, in this domain.
    #[error("there is no usage {0} here")]
    UsageUnknown(UsageLabel),
    /// Whoever asks may not have keys of this usage.
    #[error("whoever asks may not have keys of usage {0}")]
    UsageNotAllowed(UsageLabel),
    /// Whoever asks may have keys of this usage, and not of this slice.
    #[error("whoever asks may not have keys of usage {label} for slice {slice}")]
    SliceNotAllowed {
        /// The usage.
        label: UsageLabel,
        /// The slice.
        slice: Snssai,
    },
    /// The data are not of the kind that this usage has.
    #[error("usage {label}: expected {expected}")]
    WrongData {
        /// The usage.
        label: UsageLabel,
        /// What it takes.
        expected: &'static str,
    },
    /// Whoever asks is no key server of this domain.
    #[error("whoever asks is not the key server of domain {0}")]
    DomainNotAllowed(Fqdn),
    /// Whoever asks has no name that could be noted.
    #[error("whoever asks has a name of {0} octets, 1 to 255 can be noted")]
    CallerName(usize),
}

impl NotAdmitted {
    /// What whoever asks is told: nothing of its request is repeated.
    pub fn told(&self) -> String {
        let told = match self {
            Self::UsageUnknown(_) => "there is no such usage here",
            Self::UsageNotAllowed(_) => "whoever asks may not have keys of this usage",
            Self::SliceNotAllowed { .. } => "whoever asks may not have keys of this usage for this slice",
            Self::WrongData { expected, .. } => return format!("expected {expected}"),
            Self::DomainNotAllowed(_) => "whoever asks is not the key server of this domain",
            Self::CallerName(_) => "whoever asks has a name that cannot be noted",
        };
        told.into()
    }

    /// Which row of the table of refusals it is.
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::UsageUnknown(_) => Refusal::DataNotFound,
            Self::UsageNotAllowed(_)
            | Self::SliceNotAllowed { .. }
            | Self::DomainNotAllowed(_)
            | Self::CallerName(_) => Refusal::PeerNotAuthorized,
            Self::WrongData { .. } => Refusal::Malformed,
        }
    }
}

/// Why an EMSK gives no key to whoever was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The life of the EMSK, or of keys of this usage below it, is over.
    #[error("keys of this usage are over until the user is authenticated again")]
    Over,
    /// As many have keys of this EMSK as may.
    #[error("{0} others hold keys below this EMSK, which is as many as may")]
    TooManyHolders(usize),
    /// Whoever asks has as many keys of this EMSK as one may.
    #[error("whoever asks holds {0} keys below this EMSK, which is as many as one may: give one up")]
    TooManyOfOne(usize),
    /// Whoever gives up a key has none of this name.
    #[error("whoever asks holds no such key below this EMSK")]
    NotHeld,
}

impl AnchorError {
    /// Which row of the table of refusals it is.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::Over => Refusal::ContextNotFound,
            Self::TooManyHolders(_) | Self::TooManyOfOne(_) => Refusal::BudgetSpent,
            Self::NotHeld => Refusal::DataNotFound,
        }
    }
}
