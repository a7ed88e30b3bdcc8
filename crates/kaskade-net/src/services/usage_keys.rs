//! The usage-key service, version 1: a project profile (docs/emsk.md).

use kaskade_codec::sbi::usage_keys::{DomainKey, DomainKeyRequest, KeyGivenUp, UsageKey, UsageKeyRequest};
use kaskade_flow::Durable;

use crate::sbi::service::Released;

crate::service! {
    /// Keys below the EMSK of a subscriber: services, slices, applications and domains (RFC 5295).
    pub trait UsageKeys = "kaskade-usage-keys" "v1", "Project profile: docs/emsk.md";

    /// Gives the key of a usage: a USRK, or in a domain a DSUSRK.
    usage_key: POST "/keys" () (request: UsageKeyRequest)
        -> 200 Json Durable<UsageKey>,
        refusals [
            DataNotFound, ContextNotFound, UserNotFound, AccessBarred, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled,
            AuditFailed, Stopping,
        ],
        scope "kaskade-usage-keys", "RFC 5295 3.1";

    /// Gives the root key of a domain, a DSRK, to its key server.
    domain_key: POST "/domain-keys" () (request: DomainKeyRequest)
        -> 200 Json Durable<DomainKey>,
        refusals [
            ContextNotFound, UserNotFound, AccessBarred, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed,
            Stopping,
        ],
        scope "kaskade-usage-keys", "RFC 5295 4";

    /// Forgets that the caller has a key: it is not told of the end, and its place is free.
    give_up: POST "/keys/give-up" () (given_up: KeyGivenUp)
        -> 204 Json (),
        refusals [
            DataNotFound, ContextNotFound, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed, Stopping,
        ],
        scope "kaskade-usage-keys", "Project profile: docs/emsk.md";
}

impl Released for UsageKey {}

impl Released for DomainKey {}
