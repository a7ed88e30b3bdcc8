//! Nudm_UEAuthentication (TS 29.503 6.3).

use kaskade_codec::sbi::nudm_ueau::{AuthEvent, AuthenticationInfoRequest, AuthenticationInfoResult};
use kaskade_codec::sbi::{ResourceId, SupiOrSuci};
use kaskade_flow::Durable;
use kaskade_keys::Supi;

use crate::sbi::service::{Created, Echo, Released};

crate::service! {
    /// Nudm_UEAuthentication: vectors, and what became of them.
    pub trait NudmUeau = "nudm-ueau" "v1", "TS 29.503 6.3";

    /// Makes a vector for a user, after a synchronisation failure too.
    generate_auth_data: POST "/{supiOrSuci}/security-information/generate-auth-data"
        (supi_or_suci: SupiOrSuci) (request: AuthenticationInfoRequest)
        -> 200 Json Durable<AuthenticationInfoResult>,
        refusals [
            SuciKeyUnknown, SuciNotOpened, SuciSchemeUnsupported, UserNotFound, ServingNetworkNotAuthorized,
            AccessBarred, MethodNotAllowed, AutsRejected, NumbersSpent, CardReplaced, BudgetSpent, NodeBudgetSpent, StoreFull, StoreAway, StoreFailed,
            AuditFull, AuditStalled, AuditFailed, NoRandomness, Stopping,
        ],
        scope "nudm-ueau", "TS 29.503 5.4.2.2";

    /// Takes the report of an authentication; it comes back as it was sent.
    confirm_auth: POST "/{supi}/auth-events" (supi: Supi) (event: AuthEvent)
        -> 201 Json Created<Echo<AuthEvent>>,
        refusals [
            UserNotFound, ServingNetworkNotAuthorized, BudgetSpent, NodeBudgetSpent, StoreAway, StoreFailed, AuditFull, AuditStalled,
            AuditFailed, NoRandomness,
        ],
        scope "nudm-ueau", "TS 29.503 5.4.2.3";

    /// Takes a report back.
    delete_auth: PUT "/{supi}/auth-events/{authEventId}" (supi: Supi, id: ResourceId) (removal: AuthEvent)
        -> 204 Json (),
        refusals [DataNotFound],
        scope "nudm-ueau", "TS 29.503 5.4.2.3";
}

impl Released for AuthenticationInfoResult {}
