//! Naanf_AKMA (TS 29.535 5.1).

use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, AkmaKeyInfo, CtxRemove};
use kaskade_flow::Durable;

use crate::sbi::service::Released;

crate::service! {
    /// Naanf_AKMA: anchor keys of subscribers, and keys of application functions below them.
    pub trait NaanfAkma = "naanf-akma" "v1", "TS 29.535 5.1";

    /// Takes K_AKMA and the A-KID that names it; those of an earlier authentication are forgotten.
    register_anchorkey: POST "/register-anchorkey" () (info: AkmaKeyInfo)
        -> 200 Json Durable<AkmaKeyInfo>,
        refusals [
            UserNotFound, AccessBarred, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed, NoRandomness, Stopping,
        ],
        scope "naanf-akma:anchorkey", "TS 29.535 5.1.4.2";

    /// Gives K_AF to an application function or to the NEF; without the user's identity where `anonInd` says so.
    retrieve_applicationkey: POST "/retrieve-applicationkey" () (request: AkmaAfKeyRequest)
        -> 200 Json Option<Durable<AkmaAfKeyData>>,
        refusals [
            AccessBarred, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed, NoRandomness, Stopping,
        ],
        scope "naanf-akma:applicationkeyget", "TS 29.535 5.1.4.3";

    /// Forgets K_AKMA of a user.
    remove_context: POST "/remove-context" () (removal: CtxRemove)
        -> 204 Json (),
        refusals [BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed, Stopping],
        scope "naanf-akma:anchorkey", "TS 29.535 5.1.4.4";
}

/// Beside that of the operation: who has it is told the SUPI with K_AF.
pub const SUPI_ACCESS: &str = "naanf-akma:applicationkeyget:supi-access";

impl Released for AkmaKeyInfo {}

impl Released for AkmaAfKeyData {}
