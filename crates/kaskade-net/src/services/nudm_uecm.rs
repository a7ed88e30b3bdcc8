//! Nudm_UEContextManagement, as far as a home network needs it to have a subscriber authenticated again (TS 29.503 6.2).
//!
//! Published forms of `trigger-auth` differ in path and method: each of them is served.

use kaskade_codec::sbi::nudm_uecm::{AmfRegistration, AmfRegistrationModification, AuthTriggerInfo};
use kaskade_keys::Supi;

use crate::sbi::service::{CreatedHere, Echo};

crate::service! {
    /// Nudm_UEContextManagement, a part: which AMF serves a subscriber, and that it is to authenticate it again.
    pub trait NudmUecm = "nudm-uecm" "v1", "TS 29.503 6.2";

    /// An AMF serves a subscriber over 3GPP access; it comes back as it was sent. In place of an earlier one: 204.
    register_amf: PUT "/{ueId}/registrations/amf-3gpp-access" (supi: Supi) (registration: AmfRegistration)
        -> 201 Json Option<CreatedHere<Echo<AmfRegistration>>>,
        refusals [
            UserNotFound, AccessBarred, ServingNetworkNotAuthorized, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, NoRandomness, Stopping,
        ],
        scope "nudm-uecm", "TS 29.503 5.3.2.2.2";

    /// Changes a registration, or removes it, where the AMF has forgotten the subscriber.
    update_amf: PATCH "/{ueId}/registrations/amf-3gpp-access" (supi: Supi) (change: AmfRegistrationModification)
        -> 204 Json (),
        refusals [
            ServingNetworkNotAuthorized, ContextNotFound, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, NoRandomness, Stopping,
        ],
        scope "nudm-uecm", "TS 29.503 5.3.2.6.2";

    /// Asks the AMF of a subscriber to authenticate it again.
    trigger_auth: POST "/{ueId}/registrations/trigger-auth" (supi: Supi) (info: AuthTriggerInfo)
        -> 204 Json (),
        refusals [
            UserNotFound, AccessBarred, ContextNotFound, InWork, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, NoRandomness, Stopping,
        ],
        scope "nudm-uecm", "TS 33.501 6.1.5";

    /// The same by GET, as the OpenAPI file has it.
    trigger_auth_by_get: GET "/{ueId}/registrations/trigger-auth" (supi: Supi) (info: AuthTriggerInfo)
        -> 204 Json (),
        refusals [
            UserNotFound, AccessBarred, ContextNotFound, InWork, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, NoRandomness, Stopping,
        ],
        scope "nudm-uecm", "TS 33.501 6.1.5";

    /// The same at the path of earlier releases.
    auth_trigger: POST "/{ueId}/registrations/auth-trigger" (supi: Supi) (info: AuthTriggerInfo)
        -> 204 Json (),
        refusals [
            UserNotFound, AccessBarred, ContextNotFound, InWork, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, NoRandomness, Stopping,
        ],
        scope "nudm-uecm", "TS 33.501 6.1.5";

    /// The same by GET.
    auth_trigger_by_get: GET "/{ueId}/registrations/auth-trigger" (supi: Supi) (info: AuthTriggerInfo)
        -> 204 Json (),
        refusals [
            UserNotFound, AccessBarred, ContextNotFound, InWork, BudgetSpent, StoreFull, StoreAway, StoreFailed, AuditFull, NoRandomness, Stopping,
        ],
        scope "nudm-uecm", "TS 33.501 6.1.5";
}
