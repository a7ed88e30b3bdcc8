//! Nausf_UEAuthentication (TS 29.509 6.1).

use kaskade_codec::sbi::ResourceId;
use kaskade_codec::sbi::nausf_auth::{
    AuthenticationInfo, ConfirmationData, ConfirmationDataResponse, DeregistrationInfo, EapResponse, EapSession,
    UeAuthenticationCtx,
};
use kaskade_flow::Durable;

use crate::sbi::message::Content;
use crate::sbi::service::{Created, Released, Told};

crate::service! {
    /// Nausf_UEAuthentication: 5G AKA with the home network.
    pub trait NausfAuth = "nausf-auth" "v1", "TS 29.509 6.1";

    /// Begins an authentication: a challenge, and where its answer goes.
    authenticate: POST "/ue-authentications" () (info: AuthenticationInfo)
        -> 201 Hal Created<Durable<UeAuthenticationCtx>>,
        refusals [
            SuciKeyUnknown, SuciNotOpened, SuciSchemeUnsupported, UserNotFound, ServingNetworkNotAuthorized,
            AuthenticationRejected, BudgetSpent, NodeBudgetSpent, NoVector, PeerUnreachable, PeerSilent, AuditFull,
            AuditStalled, AuditFailed, NoRandomness,
        ],
        scope "nausf-auth", "TS 29.509 5.2.2.2.2";

    /// Forgets what the caller has of a user who has left.
    deregister: POST "/ue-authentications/deregister" () (info: DeregistrationInfo)
        -> 204 Json (),
        refusals [ContextNotFound, StoreFull, StoreAway, StoreFailed, AuditFull, NoRandomness, Stopping],
        scope "nausf-auth", "TS 29.509 5.2.2.2.6";

    /// Takes the answer to a challenge: K_SEAF, or that it was wrong.
    confirm: PUT "/ue-authentications/{authCtxId}/5g-aka-confirmation" (context: ResourceId) (data: ConfirmationData)
        -> 200 Json Told<ConfirmationDataResponse>,
        refusals [ContextNotFound, InWork, AuditFull, AuditStalled, AuditFailed, Stopping],
        scope "nausf-auth", "TS 29.509 5.2.2.2.2";

    /// Takes a challenge or its result back.
    delete: DELETE "/ue-authentications/{authCtxId}/5g-aka-confirmation" (context: ResourceId)
        -> 204 Json (),
        refusals [
            ContextNotFound, InWork, BudgetSpent, NoVector, PeerUnreachable, PeerSilent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed,
            NoRandomness, Stopping,
        ],
        scope "nausf-auth", "TS 29.509 5.2.2.2.2";

    /// Takes a packet of EAP: the next one, K_SEAF, or that the user is not authenticated.
    eap_session: POST "/ue-authentications/{authCtxId}/eap-session" (context: ResourceId) (response: EapResponse)
        -> 200 Json Told<EapSession>,
        refusals [ContextNotFound, InWork, AuditFull, AuditStalled, AuditFailed, Stopping],
        scope "nausf-auth", "TS 29.509 5.2.2.2.3";

    /// Takes a run of EAP or its result back.
    delete_eap: DELETE "/ue-authentications/{authCtxId}/eap-session" (context: ResourceId)
        -> 204 Json (),
        refusals [
            ContextNotFound, InWork, BudgetSpent, NoVector, PeerUnreachable, PeerSilent, StoreFull, StoreAway, StoreFailed, AuditFull, AuditStalled, AuditFailed,
            NoRandomness, Stopping,
        ],
        scope "nausf-auth", "TS 29.509 5.2.2.2.3";
}

impl Released for UeAuthenticationCtx {
    fn located(&mut self, uri: &str) {
        self.set_context(uri);
    }
}

impl Released for ConfirmationDataResponse {}

impl Released for EapSession {
    const LINKED: bool = true;
    const ALSO: Option<Content> = Some(Content::Hal);

    fn located(&mut self, uri: &str) {
        if let Self::Ongoing { href, .. } = self {
            uri.clone_into(href);
        }
    }

    fn content(&self, declared: Content) -> Content {
        match self {
            Self::Ongoing { .. } => Content::Hal,
            Self::Success { .. } | Self::Failure { .. } => declared,
        }
    }
}
