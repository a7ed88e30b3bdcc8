//! What the peer is told of a refusal, and what the audit log.

use std::time::Duration;

use kaskade_flow::Refusal;
use kaskade_flow::event::Action;

use super::{Ausf, AusfError, UdmLinkError};
use crate::role::{audit, budget};
use crate::sbi::peer::Requester;
use crate::sbi::problem::Cause;

impl AusfError {
    /// What the peer is told (TS 29.509 6.1.7.3).
    pub fn cause(&self) -> Cause {
        match self {
            Self::ServingNetworkNotAuthorised => Cause::ServingNetworkNotAuthorized,
            Self::UnknownContext => Cause::ContextNotFound,
            // TS 29.509 names none: of what TS 29.500 5.2.7.2 has, this one is not to be tried again.
            Self::InWork => Cause::ModificationNotAllowed,
            Self::NoRandomness(_) | Self::Stopped => Cause::SystemFailure,
            Self::OverBudget(over) => budget::cause(over.bucket),
            Self::NoRoom => Cause::NfCongestion,
            Self::Audit(full) => audit::cause(*full),
            Self::Udm(error) => error.cause(),
        }
    }

    /// What the audit log is told; `None` where the UDM of this process has told it.
    fn reason(&self) -> Option<Refusal> {
        Some(match self {
            Self::ServingNetworkNotAuthorised => Refusal::ServingNetworkNotAuthorized,
            Self::UnknownContext => Refusal::ContextNotFound,
            Self::InWork => Refusal::InWork,
            Self::OverBudget(_) => Refusal::BudgetSpent,
            Self::NoRoom | Self::NoRandomness(_) | Self::Stopped => Refusal::Overloaded,
            Self::Audit(_) => Refusal::AuditFull,
            Self::Udm(UdmLinkError::Local(_)) => return None,
            Self::Udm(error) => match error.cause() {
                Cause::UserNotFound => Refusal::UserNotFound,
                Cause::ServingNetworkNotAuthorized => Refusal::ServingNetworkNotAuthorized,
                Cause::AuthenticationRejected => Refusal::AuthenticationRejected,
                Cause::InvalidHnPublicKeyIdentifier
                | Cause::InvalidSchemeOutput
                | Cause::UnsupportedProtectionScheme => Refusal::SuciNotOpened,
                Cause::NfCongestionRisk => Refusal::BudgetSpent,
                Cause::NfCongestion => Refusal::Overloaded,
                _ => Refusal::PeerUnreachable,
            },
        })
    }

    /// When to try again, with a cause that is about that.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::OverBudget(over) => Some(over.retry_after),
            Self::NoRoom => Some(Duration::from_secs(1)),
            Self::Udm(error) => error.retry_after(),
            _ => None,
        }
    }
}

impl Ausf {
    pub(super) fn refused(&self, requester: &Requester, action: Action, error: &AusfError) {
        if let Some(reason) = error.reason() {
            self.audit.refused(requester, action, reason);
        }
    }
}
