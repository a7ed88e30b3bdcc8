//! Why an operation is not done, and which row of the table of refusals that is.

use kaskade_anchor::akma::{AkmaError, NotAdmitted};
use kaskade_flow::{Refusal, Refused};
use kaskade_store::StoreError;
use kaskade_store::audit::AuditFull;
use kaskade_store::records::{CommitError, RecordError};

use crate::role::budget::{self, OverBudget};
use crate::role::usage_keys::NotACallback;
use crate::sbi::service::NotDone;

/// Why an operation is not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AanfError {
    /// Whoever asks is no AUSF that the configuration names.
    #[error("AAnF: whoever asks may not register or remove anchor keys")]
    NotAnAusf,
    /// Whoever asks may not have this.
    #[error("AAnF: {0}")]
    NotAdmitted(#[from] NotAdmitted),
    /// The subscriber is where the configuration lets no application keys be given.
    #[error("AAnF: no application keys are given of subscribers who are served there")]
    Roaming,
    /// Neither SUPI nor GPSI.
    #[error("AAnF: supi is missing: the anchor key is kept by it")]
    NoSupi,
    /// SUPI and GPSI, of which there is to be one.
    #[error("AAnF: gpsi beside supi: one of them names the subscriber")]
    TwoNames,
    /// Another subscriber has this A-KID.
    #[error("AAnF: aKId names the anchor key of another subscriber")]
    AKidTaken,
    /// The callback is no URI of a callback.
    #[error("AAnF: notifUri: {0}")]
    NotACallback(NotACallback),
    /// The callback is longer than one may be, or has characters that none has.
    #[error("AAnF: notifUri: expected 1 to 1024 visible ASCII characters")]
    LongCallback,
    /// The configuration names no such root for whoever asks.
    #[error("AAnF: notifUri: the configuration does not let the caller be told there")]
    CallbackNotAllowed,
    /// There is no such subscriber.
    #[error("AAnF: unknown subscriber")]
    UserNotFound,
    /// The subscriber is suspended.
    #[error("AAnF: the subscriber is suspended")]
    Suspended,
    /// The subscriber has no AKMA.
    #[error("AAnF: the subscriber has no AKMA")]
    NoAkma,
    /// There is no key.
    #[error("AAnF: {0}")]
    Keys(#[from] AkmaError),
    /// Too much was asked for.
    #[error("AAnF: {0}")]
    OverBudget(#[from] OverBudget),
    /// The audit log has no room for it.
    #[error("AAnF: {0}")]
    Audit(#[from] AuditFull),
    /// The store failed.
    #[error("AAnF: the store: {0}")]
    Store(#[from] StoreError),
    /// Others changed the same keys again and again.
    #[error("AAnF: the keys of this subscriber are changed all the time")]
    Restless,
}

impl From<CommitError> for AanfError {
    fn from(error: CommitError) -> Self {
        Self::Store(error.into())
    }
}

impl From<RecordError> for AanfError {
    fn from(error: RecordError) -> Self {
        Self::Store(StoreError::Record(error))
    }
}

impl AanfError {
    /// Why.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NotAnAusf | Self::Roaming | Self::CallbackNotAllowed => Refusal::PeerNotAuthorized,
            Self::NotAdmitted(error) => error.refusal(),
            Self::NoSupi => Refusal::IeMissing,
            Self::AKidTaken => Refusal::IeIncorrect,
            Self::TwoNames | Self::NotACallback(_) | Self::LongCallback => Refusal::OptionalIeIncorrect,
            Self::UserNotFound => Refusal::UserNotFound,
            Self::Suspended | Self::NoAkma => Refusal::AccessBarred,
            // What is not there is no refusal on the wire: 204.
            Self::Keys(AkmaError::Unknown | AkmaError::Over) => Refusal::ContextNotFound,
            Self::Keys(_) => Refusal::BudgetSpent,
            Self::OverBudget(over) => budget::refusal(over.bucket),
            Self::Audit(full) => full.refusal(),
            Self::Store(error) => error.refusal().unwrap_or(Refusal::StoreFailed),
            Self::Restless => Refusal::StoreFailed,
        }
    }

    /// Whether there is nothing to give, which whoever asks is told by 204.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Keys(AkmaError::Unknown | AkmaError::Over) | Self::UserNotFound
        )
    }
}

impl From<AanfError> for NotDone {
    fn from(error: AanfError) -> Self {
        let why = error.refusal();
        let pointer = match &error {
            AanfError::NoSupi => Some("/supi"),
            AanfError::TwoNames => Some("/gpsi"),
            AanfError::AKidTaken => Some("/aKId"),
            AanfError::NotACallback(_) | AanfError::LongCallback => Some("/notifUri"),
            _ => None,
        };
        if let Some(pointer) = pointer {
            return Self::parameter(why, pointer, error.to_string());
        }
        let retry_after = match &error {
            AanfError::OverBudget(over) => Some(over.retry_after),
            _ => None,
        };
        let refused = Refused {
            retry_after,
            ..why.into()
        };
        match &error {
            // What is wrong with a request is for whoever made it.
            AanfError::NotAdmitted(_) | AanfError::Keys(_) | AanfError::CallbackNotAllowed | AanfError::NotAnAusf => {
                refused.with_detail(error.to_string()).into()
            }
            _ => refused.into(),
        }
    }
}
