//! What the peer is told of a refusal, and what the audit log.

use kaskade_flow::Refusal;
use kaskade_flow::event::Action;
use kaskade_store::{EngineError, StoreError};

use super::{SidfError, Udm, UdmError};
use crate::role::{audit, budget};
use crate::sbi::peer::Requester;
use crate::sbi::problem::Cause;

impl UdmError {
    /// What the peer is told (TS 29.503 6.3.7.3).
    pub fn cause(&self) -> Cause {
        match self {
            Self::Sidf(SidfError::UnknownKey) => Cause::InvalidHnPublicKeyIdentifier,
            Self::Sidf(SidfError::UnsupportedScheme) => Cause::UnsupportedProtectionScheme,
            Self::Sidf(SidfError::NotDeconcealable) => Cause::InvalidSchemeOutput,
            Self::ServingNetworkNotAuthorised => Cause::ServingNetworkNotAuthorized,
            Self::UserNotFound => Cause::UserNotFound,
            Self::MethodNotAllowed | Self::WrongAuts(_) | Self::NoSequenceNumber(_) => Cause::AuthenticationRejected,
            Self::Store(StoreError::AnotherCard) => Cause::AuthenticationRejected,
            Self::Store(StoreError::Write(error)) if matches!(**error, EngineError::Full(_)) => {
                Cause::InsufficientResources
            }
            Self::Store(StoreError::NotOnRecord) => Cause::InsufficientResources,
            Self::Store(_) => Cause::SystemFailure,
            Self::NoRandomness(_) | Self::Stopped => Cause::SystemFailure,
            Self::OverBudget(over) => budget::cause(over.bucket),
            Self::NoRoom => Cause::NfCongestion,
            Self::UnknownEvent => Cause::DataNotFound,
            Self::Audit(full) => audit::cause(*full),
        }
    }

    /// What the audit log is told.
    const fn reason(&self) -> Refusal {
        match self {
            Self::Sidf(_) => Refusal::SuciNotOpened,
            Self::ServingNetworkNotAuthorised => Refusal::ServingNetworkNotAuthorized,
            Self::UserNotFound => Refusal::UserNotFound,
            Self::MethodNotAllowed => Refusal::MethodNotAllowed,
            Self::WrongAuts(_) => Refusal::AutsRejected,
            Self::NoSequenceNumber(_) => Refusal::NumbersSpent,
            Self::Store(StoreError::NotOnRecord) => Refusal::AuditFull,
            Self::Store(_) => Refusal::StoreFailed,
            Self::OverBudget(_) => Refusal::BudgetSpent,
            Self::NoRoom | Self::NoRandomness(_) | Self::Stopped => Refusal::Overloaded,
            Self::UnknownEvent => Refusal::ContextNotFound,
            Self::Audit(_) => Refusal::AuditFull,
        }
    }
}

impl Udm {
    pub(super) fn refused(&self, requester: &Requester, action: Action, error: &UdmError) {
        self.audit.refused(requester, action, error.reason());
    }
}
