//! The AKMA service of the NEF (TS 29.522).

use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest};
use kaskade_flow::Durable;

crate::service! {
    /// Nnef_AKMA: keys of application functions outside the operator's domain.
    pub trait NnefAkma = "3gpp-akma" "v1", "TS 29.522";

    /// Gives K_AF to an application function; never the SUPI.
    retrieve: POST "/retrieve" () (request: AkmaAfKeyRequest)
        -> 200 Json Option<Durable<AkmaAfKeyData>>,
        refusals [
            AfNotAuthorized, AkmaNotAllowed, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed, PeerUnreachable,
            PeerSilent, PeerFailed, NoRandomness, Stopping,
        ],
        scope "3gpp-akma", "TS 29.522";
}

/// Beside that of the operation: who has it is told the GPSI with K_AF.
pub const GPSI_ACCESS: &str = "nnef-akma:gpsi-access";
