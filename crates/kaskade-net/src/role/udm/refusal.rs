//! A UDM's errors as refusals, whose table says what the peer and the audit log are told.

use kaskade_flow::event::Action;
use kaskade_flow::{Refusal, Refused};
use kaskade_keys::Supi;

use super::{SidfError, Udm, UdmError};
use crate::role::budget;
use crate::sbi::peer::Requester;
use crate::sbi::problem::Problem;

impl UdmError {
    /// Why (TS 29.503 6.3.7.3).
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Sidf(SidfError::UnknownKey) => Refusal::SuciKeyUnknown,
            Self::Sidf(SidfError::UnsupportedScheme) => Refusal::SuciSchemeUnsupported,
            Self::Sidf(SidfError::NotDeconcealable) => Refusal::SuciNotOpened,
            Self::ServingNetworkNotAuthorised => Refusal::ServingNetworkNotAuthorized,
            Self::UserNotFound => Refusal::UserNotFound,
            Self::MethodNotAllowed(_) => Refusal::MethodNotAllowed,
            Self::Suspended => Refusal::AccessBarred,
            Self::WrongAuts(_) => Refusal::AutsRejected,
            Self::NoSequenceNumber(_) => Refusal::NumbersSpent,
            Self::Store(error) => match error.refusal() {
                Some(
                    why @ (Refusal::CardReplaced
                    | Refusal::StoreFull
                    | Refusal::StoreAway
                    | Refusal::AuditFull
                    | Refusal::NoRandomness
                    | Refusal::Stopping),
                ) => why,
                // Whatever else it is, the peer cannot help it.
                _ => Refusal::StoreFailed,
            },
            Self::NoRandomness(_) => Refusal::NoRandomness,
            Self::Stopped => Refusal::Stopping,
            Self::OverBudget(over) => budget::refusal(over.bucket),
            Self::NoRoom => Refusal::Overloaded,
            Self::UnknownEvent => Refusal::DataNotFound,
            Self::NotServed => Refusal::ContextNotFound,
            Self::Runs => Refusal::InWork,
            Self::Audit(full) => full.refusal(),
        }
    }
}

impl From<UdmError> for Refused {
    fn from(error: UdmError) -> Self {
        let retry_after = match &error {
            UdmError::OverBudget(over) => Some(over.retry_after),
            _ => None,
        };
        Self {
            retry_after,
            ..error.refusal().into()
        }
    }
}

impl From<UdmError> for Problem {
    fn from(error: UdmError) -> Self {
        Refused::from(error).into()
    }
}

impl Udm {
    /// Counts a refusal.
    pub(super) fn refused(&self, requester: &Requester, about: Option<&Supi>, action: Action, error: &UdmError) {
        self.audit.refused(requester, about, action, error.refusal());
    }
}
