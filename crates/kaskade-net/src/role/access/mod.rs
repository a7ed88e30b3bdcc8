//! Who may ask for which operation: access tokens (TS 33.501 13.4.1), and what the configuration says of principals.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::event::Action;
use kaskade_flow::refusal::{Refusal, Refused};
use kaskade_store::audit::AuditLog;

use super::audit::Audit;
use crate::live::Live;
use crate::log_limit;
use crate::sbi::peer::{Peer, Requester, RequesterId};
use crate::sbi::service::{Asker, Authorization, Caller, Gate, Operation, Principal, Service};
use crate::sbi::token::{Token, TokenError, Verifier};
use crate::time::unix_millis;

/// What a principal may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// All operations with a scope, such as `nudm-ueau`.
    Scope(Box<str>),
    /// One operation, as `nudm-ueau/generate_auth_data`.
    Operation(Box<str>),
}

/// Neither a scope nor an operation of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a scope nor an operation: docs/sbi.md has them, such as nausf-auth, or nudm-ueau/generate_auth_data")]
pub struct NothingToAsk;

impl Asked {
    /// What has this name in these services.
    ///
    /// # Errors
    /// Nothing has.
    pub fn of(name: &str, services: &[&Service]) -> Result<Self, NothingToAsk> {
        let mut operations = services.iter().flat_map(|service| service.operations);
        match name.split_once('/') {
            None => operations
                .any(|operation| operation.scope == name)
                .then(|| Self::Scope(name.into())),
            Some((api, own)) => operations
                .any(|operation| (operation.api, operation.name) == (api, own))
                .then(|| Self::Operation(name.into())),
        }
        .ok_or(NothingToAsk)
    }

    fn has(&self, operation: &Operation) -> bool {
        match self {
            Self::Scope(scope) => **scope == *operation.scope,
            Self::Operation(name) => name.split_once('/') == Some((operation.api, operation.name)),
        }
    }
}

/// What the configuration says about callers.
#[derive(Clone, Debug, Default)]
pub struct AccessRules {
    /// By what tokens are verified; without it nobody looks at them, and nobody is let in where one is required.
    pub tokens: Option<Arc<Verifier>>,
    /// Whoever has no token is refused.
    pub token_required: bool,
    /// Who may ask for what. Empty: everybody who may connect, for everything.
    pub allowed: Vec<(RequesterId, Vec<Asked>)>,
}

/// The gate of a node: asked for every request.
pub struct Access {
    rules: Live<AccessRules>,
    audit: Audit,
    now: fn() -> UnixMillis,
}

impl Access {
    /// With these rules. What is refused is put on record.
    pub fn new(rules: AccessRules, audit: AuditLog) -> Self {
        Self {
            rules: Live::new(rules),
            audit: Audit::new(audit),
            now: unix_millis,
        }
    }

    /// What it goes by, to be replaced while it runs.
    pub const fn rules(&self) -> &Live<AccessRules> {
        &self.rules
    }

    /// The token of a request, if it has one and tokens are looked at.
    fn token(&self, asker: &Asker<'_>, operation: &Operation) -> Result<Option<Arc<Token>>, Refused> {
        self.rules.with(|rules| {
            let Some(verifier) = &rules.tokens else {
                return match rules.token_required {
                    // Nobody can have one that is taken.
                    true => Err(Refusal::TokenMissing.into()),
                    false => Ok(None),
                };
            };
            let text = match asker.authorization {
                Authorization::Bearer(text) => text,
                Authorization::Other => return Err(TokenError::Scheme.into()),
                Authorization::Missing if rules.token_required => return Err(Refusal::TokenMissing.into()),
                Authorization::Missing => return Ok(None),
            };
            let token = verifier.verify(text, &nf_type(operation.api), (self.now)())?;
            if !is_held_by(&token, asker.peer) && !fault!("token-holder-not-checked") {
                return Err(TokenError::Holder.into());
            }
            Ok(Some(token))
        })
    }

    fn refused(&self, requester: &Requester, operation: &Operation, refused: &Refused) {
        log_limit!(warn, "refused at the gate", %requester, operation = operation.name, service = operation.api, %refused);
        self.audit.refused(requester, None, Action::OperationAsked, refused.why);
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

impl Gate for Access {
    fn identify(&self, asker: Asker<'_>, operation: &Operation) -> Result<Principal, Refused> {
        let token = self.token(&asker, operation);
        let token = token.inspect_err(|refused| self.refused(&asker.requester, operation, refused))?;
        Ok(Principal::of(asker.requester, asker.peer, token))
    }

    fn authorise(&self, caller: &Caller, operation: &Operation) -> Result<(), Refused> {
        if fault!("operation-not-authorised") {
            return Ok(());
        }
        let principal = caller.principal();
        let told = match principal.token() {
            Some(token) if !token.allows(operation.scope) && !fault!("token-scope-not-checked") => {
                Err(Refusal::ScopeInsufficient)
            }
            _ if self.allows(principal, operation) => Ok(()),
            _ => Err(Refusal::PeerNotAuthorized),
        };
        told.map_err(|why| {
            let refused = Refused::from(why);
            self.refused(principal.requester(), operation, &refused);
            refused
        })
    }
}

impl Access {
    /// Whether the rules have it for a principal, by its connection or by its token.
    fn allows(&self, principal: &Principal, operation: &Operation) -> bool {
        self.rules.with(|rules| {
            if rules.allowed.is_empty() {
                return true;
            }
            let requester = principal.requester().id();
            let subject = principal.token().map(|token| Requester::subject(token.subject()).id());
            let mut own = rules
                .allowed
                .iter()
                .filter(|(of, _)| *of == requester || Some(*of) == subject);
            own.any(|(_, asked)| asked.iter().any(|asked| asked.has(operation)))
        })
    }
}

/// The NF type that serves an API: of `nudm-ueau`, UDM (TS 29.501 4.4.1); of `3gpp-akma` and other APIs for those outside, NEF (TS 29.522);
/// of `kaskade-usage-keys`, AUSF.
fn nf_type(api: &str) -> String {
    if api.starts_with("3gpp-") {
        return "NEF".to_owned();
    }
    // A service of this project is the AUSF's, whose keys it gives.
    let Some(name) = api.strip_prefix('n') else {
        return "AUSF".to_owned();
    };
    name.split('-').next().unwrap_or_default().to_ascii_uppercase()
}

/// Whether a token is that of a peer: who has an NF instance ID in its certificate has the tokens of that one only (TS 33.501
/// 13.4.1.1.2).
fn is_held_by(token: &Token, peer: &Peer) -> bool {
    let names = peer.names().unwrap_or_default();
    let mut instances = names
        .iter()
        .filter_map(|name| name.strip_prefix("urn:uuid:"))
        .peekable();
    instances.peek().is_none() || instances.any(|instance| instance.eq_ignore_ascii_case(token.subject()))
}
