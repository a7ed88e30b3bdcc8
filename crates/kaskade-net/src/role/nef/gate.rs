//! The NEF's door: tokens that it gave itself, else what the gate of the node says; and nobody but its application functions.

use std::sync::Arc;

use kaskade_faults::fault;
use kaskade_flow::{Refusal, Refused};

use super::policy::{NefPolicy, NotKnown};
use crate::live::Live;
use crate::role::access::Access;
use crate::sbi::service::{Asker, Authorization, Caller, Gate, Operation, Principal};
use crate::sbi::token::{TokenError, Verifier};
use crate::time::unix_millis;

/// The tokens of this NEF's own endpoint.
pub(super) struct OwnTokens {
    pub(super) verifier: Verifier,
    pub(super) issuer: Box<str>,
}

pub(super) struct NefGate {
    pub(super) own: Option<Arc<OwnTokens>>,
    pub(super) access: Arc<Access>,
    pub(super) policy: Live<NefPolicy>,
}

impl NefGate {
    fn issuer(&self) -> Option<&str> {
        self.own.as_ref().map(|own| &*own.issuer)
    }

    fn is_own(&self, caller: &Caller) -> bool {
        let token = caller.principal().token();
        token.is_some_and(|token| Some(token.issuer()) == self.issuer())
    }
}

impl Gate for NefGate {
    fn identify(&self, asker: Asker<'_>, operation: &Operation) -> Result<Principal, Refused> {
        let (Some(own), Authorization::Bearer(text)) = (&self.own, asker.authorization) else {
            return self.access.identify(asker, operation);
        };
        match own.verifier.verify(text, "NEF", unix_millis()) {
            Ok(token) => Ok(Principal::of(asker.requester, asker.peer, Some(token))),
            // It may be one of an NRF.
            Err(TokenError::Algorithm | TokenError::UnknownKey | TokenError::Signature | TokenError::Issuer)
                if self.access.looks_at_tokens() =>
            {
                self.access.identify(asker, operation)
            }
            Err(error) => {
                let refused = Refused::from(error);
                self.access.refused(&asker.requester, operation, &refused);
                Err(refused)
            }
        }
    }

    fn authorise(&self, caller: &Caller, operation: &Operation) -> Result<(), Refused> {
        let principal = caller.principal();
        let why = match principal.token() {
            // Who may have one of this NEF's is what the configuration says of application functions.
            Some(token) if self.is_own(caller) => {
                match token.allows(operation.scope) || fault!("own-token-for-anything") {
                    true => None,
                    false => Some(Refusal::ScopeInsufficient),
                }
            }
            _ => {
                self.access.authorise(caller, operation)?;
                None
            }
        };
        let known = || {
            self.policy.with(|policy| match policy.find(caller, self.issuer()) {
                Ok(_) => None,
                Err(NotKnown::Stranger) if principal.token().is_none() && self.own.is_some() => {
                    Some(Refusal::TokenMissing)
                }
                Err(_) => Some(Refusal::AfNotAuthorized),
            })
        };
        match why.or_else(known) {
            None => Ok(()),
            Some(why) => {
                let refused = Refused::from(why);
                self.access.refused(principal.requester(), operation, &refused);
                Err(refused)
            }
        }
    }
}
