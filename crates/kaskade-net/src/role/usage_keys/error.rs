//! Why a key is not given, and which row of the table of refusals that is.

use kaskade_anchor::emsk::{AnchorError, NotAdmitted};
use kaskade_flow::{Refusal, Refused};
use kaskade_store::StoreError;
use kaskade_store::audit::AuditFull;
use kaskade_store::records::CommitError;

use super::NotACallback;
use crate::role::budget::{self, OverBudget};
use crate::sbi::service::NotDone;

/// Why a key is not given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageKeysError {
    /// Whoever asks is named nowhere in the configuration of usages.
    #[error("usage keys: whoever asks may not have keys of any usage")]
    Stranger,
    /// Whoever asks may not have this.
    #[error("usage keys: {0}")]
    NotAdmitted(#[from] NotAdmitted),
    /// Two kinds of data at once.
    #[error("usage keys: dataHex goes with neither snssai nor application")]
    TwoKindsOfData,
    /// Neither the name of a key nor a domain, or both.
    #[error("usage keys: name either keyName or domain")]
    NotOneName,
    /// The callback is no URI of a callback.
    #[error("usage keys: callbackUri: {0}")]
    NotACallback(NotACallback),
    /// The callback is longer than one may be, or has characters that none has.
    #[error("usage keys: callbackUri: expected 1 to 1024 visible ASCII characters")]
    LongCallback,
    /// The configuration names no such root for whoever asks.
    #[error("usage keys: callbackUri: the configuration does not let the caller be told there")]
    CallbackNotAllowed,
    /// There is no such subscriber.
    #[error("usage keys: unknown subscriber")]
    UserNotFound,
    /// The subscriber is suspended.
    #[error("usage keys: the subscriber is suspended")]
    Suspended,
    /// There is no EMSK: the user was not authenticated since this process began, or not lately.
    #[error("usage keys: there is no EMSK of this subscriber")]
    NoEmsk,
    /// It ended while the key was written.
    #[error("usage keys: the EMSK has ended meanwhile")]
    Ended,
    /// The EMSK gives none.
    #[error("usage keys: {0}")]
    Anchor(#[from] AnchorError),
    /// As many hold keys as may.
    #[error("usage keys: no room for another holder")]
    NoRoom,
    /// Too much was asked for.
    #[error("usage keys: {0}")]
    OverBudget(#[from] OverBudget),
    /// The audit log has no room for it.
    #[error("usage keys: {0}")]
    Audit(#[from] AuditFull),
    /// The store failed.
    #[error("usage keys: the store: {0}")]
    Store(#[from] StoreError),
    /// This program failed.
    #[error("usage keys: out of step")]
    Internal,
}

impl From<CommitError> for UsageKeysError {
    fn from(error: CommitError) -> Self {
        Self::Store(error.into())
    }
}

impl UsageKeysError {
    /// Why.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Stranger | Self::CallbackNotAllowed => Refusal::PeerNotAuthorized,
            Self::NotAdmitted(error) => error.refusal(),
            Self::TwoKindsOfData | Self::NotACallback(_) | Self::LongCallback => Refusal::OptionalIeIncorrect,
            Self::NotOneName => Refusal::IeMissing,
            Self::UserNotFound => Refusal::UserNotFound,
            Self::Suspended => Refusal::AccessBarred,
            Self::NoEmsk | Self::Ended => Refusal::ContextNotFound,
            Self::Anchor(error) => error.refusal(),
            Self::NoRoom => Refusal::Overloaded,
            Self::OverBudget(over) => budget::refusal(over.bucket),
            Self::Audit(full) => full.refusal(),
            // What another unit has done in the middle is done again by whoever asks again.
            Self::Store(StoreError::Conflict(_)) => Refusal::StoreFailed,
            Self::Store(error) => error.refusal().unwrap_or(Refusal::StoreFailed),
            Self::Internal => Refusal::Internal,
        }
    }
}

impl From<UsageKeysError> for NotDone {
    fn from(error: UsageKeysError) -> Self {
        let why = error.refusal();
        let pointer = match &error {
            UsageKeysError::TwoKindsOfData => Some("/dataHex"),
            UsageKeysError::NotACallback(_) | UsageKeysError::LongCallback => Some("/callbackUri"),
            UsageKeysError::NotOneName => Some("/keyName"),
            _ => None,
        };
        if let Some(pointer) = pointer {
            return Self::parameter(why, pointer, error.to_string());
        }
        let retry_after = match &error {
            UsageKeysError::OverBudget(over) => Some(over.retry_after),
            _ => None,
        };
        let refused = Refused {
            retry_after,
            ..why.into()
        };
        match &error {
            // What is wrong with a request is for whoever made it.
            UsageKeysError::NotAdmitted(error) => refused.with_detail(error.told()).into(),
            UsageKeysError::Anchor(_) | UsageKeysError::CallbackNotAllowed => {
                refused.with_detail(error.to_string()).into()
            }
            _ => refused.into(),
        }
    }
}
