//! Why a key is not given, and which row of the table of refusals that is.

use std::time::Duration;

use kaskade_flow::{Refusal, Refused};
use kaskade_store::StoreError;
use kaskade_store::audit::AuditFull;
use kaskade_store::records::{CommitError, RecordError};

use super::policy::NotItsOwn;
use crate::random::NoRandomness;
use crate::role::budget::{self, OverBudget};
use crate::role::usage_keys::NotACallback;
use crate::sbi::service::NotDone;

/// Why a key is not given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NefError {
    /// Whoever asks is no application function of this NEF.
    #[error("NEF: whoever asks is no application function of this NEF")]
    Stranger,
    /// The AF_ID is somebody else's.
    #[error("NEF: {0}")]
    NotItsOwn(#[from] NotItsOwn),
    /// Nobody is told at this URI.
    #[error("NEF: notifUri: {0}")]
    NotACallback(NotACallback),
    /// The URI is longer than one may be, or has characters that none has.
    #[error("NEF: notifUri: expected 1 to 1024 visible ASCII characters")]
    LongUri,
    /// The configuration names no such root for whoever asks.
    #[error("NEF: notifUri: the configuration does not let the caller be told there")]
    NoticeNotAllowed,
    /// This NEF passes nothing on.
    #[error("NEF: notifUri: this NEF passes no notifications on: ask without it")]
    NoNotices,
    /// The application function is to be told who the user is, and nothing is known that it may be told.
    #[error("NEF: the subscriber has no GPSI, and nothing else may be told of it: ask with anonInd")]
    NoGpsi,
    /// Too much was asked for.
    #[error("NEF: {0}")]
    OverBudget(#[from] OverBudget),
    /// So many requests with `notifUri` wait for the AAnF already.
    #[error("NEF: too many requests of the caller wait for the AAnF, or of all")]
    TooManyWait,
    /// Others change a notice all the time.
    #[error("NEF: others ask for the same all the time")]
    Restless,
    /// The AAnF has refused, or does not answer.
    #[error("NEF: the AAnF: {0}")]
    Aanf(NotDone),
    /// The audit log has no room for it.
    #[error("NEF: {0}")]
    Audit(#[from] AuditFull),
    /// The store failed.
    #[error("NEF: the store: {0}")]
    Store(#[from] StoreError),
    /// A record cannot be read.
    #[error("NEF: {0}")]
    Record(#[from] RecordError),
    /// No random numbers.
    #[error("NEF: {0}")]
    Random(#[from] NoRandomness),
    /// There is nothing of this name that could be passed on.
    #[error("NEF: nobody waits for this notification")]
    NoNotice,
}

impl From<CommitError> for NefError {
    fn from(error: CommitError) -> Self {
        Self::Store(error.into())
    }
}

impl NefError {
    /// Why.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Stranger | Self::NotItsOwn(_) => Refusal::AfNotAuthorized,
            Self::NoticeNotAllowed => Refusal::PeerNotAuthorized,
            Self::NotACallback(_) | Self::LongUri | Self::NoNotices => Refusal::OptionalIeIncorrect,
            Self::NoGpsi => Refusal::AkmaNotAllowed,
            Self::OverBudget(over) => budget::refusal(over.bucket),
            Self::TooManyWait => Refusal::BudgetSpent,
            Self::Aanf(not_done) => of_aanf(not_done),
            Self::Audit(full) => full.refusal(),
            Self::Store(StoreError::Conflict(_)) | Self::Record(_) | Self::Restless => Refusal::StoreFailed,
            Self::Store(error) => error.refusal().unwrap_or(Refusal::StoreFailed),
            Self::Random(_) => Refusal::NoRandomness,
            Self::NoNotice => Refusal::ContextNotFound,
        }
    }
}

/// What an AAnF's refusal is to an application function: its own where it can do something about it. How the NEF is known to the
/// AAnF, and what it asks there, is no matter of the caller's.
fn of_aanf(not_done: &NotDone) -> Refusal {
    match not_done.why() {
        // Suspended, or not given to anybody there.
        Refusal::AccessBarred | Refusal::AuthenticationRejected | Refusal::PeerNotAuthorized => Refusal::AkmaNotAllowed,
        why @ (Refusal::AkmaNotAllowed
        | Refusal::AfNotAuthorized
        | Refusal::BudgetSpent
        | Refusal::PeerUnreachable
        | Refusal::PeerSilent
        | Refusal::Overloaded
        | Refusal::StoreFull
        | Refusal::StoreAway
        | Refusal::StoreFailed
        | Refusal::AuditFull
        | Refusal::AuditStalled
        | Refusal::AuditFailed
        | Refusal::Stopping) => why,
        _ => match forbidden(not_done) {
            // An AAnF elsewhere says no more than this.
            true => Refusal::AkmaNotAllowed,
            false => Refusal::PeerFailed,
        },
    }
}

/// Whether an AAnF elsewhere has answered 403 without a cause, as it does where subscriber or AF_ID may not have keys.
fn forbidden(not_done: &NotDone) -> bool {
    match not_done.seen() {
        Some(crate::sbi::service::Elsewhere::Refused(heard)) => heard.status.as_u16() == 403 && heard.cause.is_none(),
        _ => false,
    }
}

impl From<NefError> for NotDone {
    fn from(error: NefError) -> Self {
        let why = error.refusal();
        let pointer = match &error {
            NefError::NotACallback(_) | NefError::LongUri | NefError::NoNotices => Some("/notifUri"),
            _ => None,
        };
        if let Some(pointer) = pointer {
            return Self::parameter(why, pointer, error.to_string());
        }
        let retry_after = match &error {
            NefError::OverBudget(over) => Some(over.retry_after),
            NefError::TooManyWait => Some(Duration::from_secs(1)),
            NefError::Aanf(not_done) => not_done.retry_after(),
            _ => None,
        };
        let refused = Refused {
            retry_after,
            ..why.into()
        };
        match &error {
            // What is wrong with a request is for whoever made it.
            NefError::NotItsOwn(_) | NefError::NoticeNotAllowed | NefError::NoGpsi => {
                refused.with_detail(error.to_string()).into()
            }
            _ => refused.into(),
        }
    }
}
