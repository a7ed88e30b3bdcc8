//! What the peer is told of a refusal, and what the audit log.

use kaskade_flow::event::{Action, Reason};
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
    const fn reason(&self) -> Reason {
        match self {
            Self::Sidf(_) => Reason::SuciRejected,
            Self::ServingNetworkNotAuthorised => Reason::ServingNetworkNotAuthorized,
            Self::UserNotFound => Reason::UserNotFound,
            Self::MethodNotAllowed => Reason::MethodNotAllowed,
            Self::WrongAuts(_) => Reason::AutsRejected,
            Self::NoSequenceNumber(_) => Reason::NumbersSpent,
            Self::Store(StoreError::NotOnRecord) => Reason::AuditFull,
            Self::Store(_) => Reason::StoreFailed,
            Self::OverBudget(_) => Reason::BudgetSpent,
            Self::NoRoom | Self::NoRandomness(_) | Self::Stopped => Reason::Overloaded,
            Self::UnknownEvent => Reason::ContextNotFound,
            Self::Audit(_) => Reason::AuditFull,
        }
    }
}

impl Udm {
    pub(super) fn refused(&self, requester: &Requester, action: Action, error: &UdmError) {
        self.audit.refused(requester, action, error.reason());
    }
}
