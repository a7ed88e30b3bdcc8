//! An AUSF's errors as refusals, whose table says what the peer and the audit log are told.

use kaskade_faults::fault;
use kaskade_flow::event::Action;
use kaskade_flow::{Refusal, Refused};
use kaskade_keys::Supi;
use kaskade_store::StoreError;

use super::{Ausf, AusfError, udm};
use crate::role::budget;
use crate::sbi::peer::Requester;

impl AusfError {
    /// Why (TS 29.509 6.1.7.3).
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::ServingNetworkNotAuthorised => Refusal::ServingNetworkNotAuthorized,
            Self::UnknownContext => Refusal::ContextNotFound,
            Self::InWork => Refusal::InWork,
            Self::NoRandomness(_) => Refusal::NoRandomness,
            Self::Stopped => Refusal::Stopping,
            Self::OverBudget(over) => budget::refusal(over.bucket),
            Self::NoRoom => Refusal::Overloaded,
            Self::Audit(full) => full.refusal(),
            // What another unit has done in the middle is done again by whoever asks again.
            Self::Store(StoreError::Conflict(_)) => Refusal::StoreFailed,
            Self::Store(error) => error.refusal().unwrap_or(Refusal::StoreFailed),
            Self::Udm(error) => udm::refusal(error),
        }
    }
}

impl From<AusfError> for Refused {
    fn from(error: AusfError) -> Self {
        let retry_after = match &error {
            AusfError::OverBudget(over) => Some(over.retry_after),
            AusfError::Udm(error) => error.retry_after(),
            _ => None,
        };
        Self {
            retry_after,
            ..error.refusal().into()
        }
    }
}

impl Ausf {
    /// Counts a refusal, unless the UDM of this process has counted it.
    pub(super) fn refused(&self, requester: &Requester, about: Option<&Supi>, action: Action, error: &AusfError) {
        let is_counted = matches!(error, AusfError::Udm(error) if error.seen().is_none());
        if !is_counted || fault!("refusal-counted-twice") {
            self.audit.refused(requester, about, action, error.refusal());
        }
    }
}
