//! Nausf_UEAuthentication, as the AUSF serves it.

use std::sync::Arc;

use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_codec::sbi::nausf_auth::{
    AuthenticationFailure, AuthenticationInfo, Av5gAka, ConfirmationData, ConfirmationDataResponse, DeregistrationInfo,
    EapFailure, EapOngoing, EapResponse, EapSession, FiveGAuthData, UeAuthenticationCtx,
};
use kaskade_codec::sbi::values::EapPayload;
use kaskade_codec::sbi::{ResourceId, Variable};
use kaskade_flow::Durable;
use kaskade_flow::refusal::Refused;

use super::{Ausf, AusfError, Challenge, ContextId, EapOutcome, Outcome};
use crate::sbi::service::{Api, Caller, Created, NotDone, Told};
use crate::services::nausf_auth::{NausfAuth, routes};

impl From<AusfError> for NotDone {
    fn from(error: AusfError) -> Self {
        Refused::from(error).into()
    }
}

impl From<ContextId> for ResourceId {
    fn from(id: ContextId) -> Self {
        Self::segment(id.text().as_str())
    }
}

/// The context of this name, which the AUSF itself has given.
fn own(id: &ResourceId) -> Result<ContextId, AusfError> {
    ContextId::parse(&id.text()).ok_or(AusfError::UnknownContext)
}

fn wire(challenge: Challenge) -> FiveGAuthData {
    match challenge {
        Challenge::FiveGAka(SeAv5g { rand, autn, hxres_star }) => {
            FiveGAuthData::Av5gAka(Av5gAka { rand, hxres_star, autn })
        }
        Challenge::Eap(packet) => FiveGAuthData::Eap(EapPayload(packet.into())),
    }
}

impl NausfAuth for Arc<Ausf> {
    async fn authenticate(
        &self,
        caller: &Caller,
        info: AuthenticationInfo,
    ) -> Result<Created<Durable<UeAuthenticationCtx>>, NotDone> {
        let serving_network_name = info.serving_network_name;
        let (id, se_av) = Ausf::authenticate(self, caller, info).await?;
        let context = se_av.map(|se_av| UeAuthenticationCtx::new(wire(se_av), serving_network_name));
        Ok(Created::new(id.into(), context))
    }

    async fn deregister(&self, caller: &Caller, info: DeregistrationInfo) -> Result<(), NotDone> {
        Ok(Ausf::deregister(self, caller, &info.supi).await?)
    }

    async fn confirm(
        &self,
        caller: &Caller,
        context: ResourceId,
        data: ConfirmationData,
    ) -> Result<Told<ConfirmationDataResponse>, NotDone> {
        let outcome = Ausf::confirm(self, caller, own(&context)?, data.res_star.as_ref()).await?;
        Ok(match outcome {
            Outcome::Authenticated(authenticated) => {
                let success = authenticated.map(|told| ConfirmationDataResponse::Success {
                    supi: told.supi,
                    k_seaf: told.k_seaf,
                });
                success.into()
            }
            Outcome::Failed => Told::plain(AuthenticationFailure {}),
        })
    }

    async fn delete(&self, caller: &Caller, context: ResourceId) -> Result<(), NotDone> {
        Ok(Ausf::delete(self, caller, own(&context)?).await?)
    }

    async fn eap_session(
        &self,
        caller: &Caller,
        context: ResourceId,
        response: EapResponse,
    ) -> Result<Told<EapSession>, NotDone> {
        let packet = response.eap_payload.map(|payload| payload.0);
        let outcome = Ausf::eap_session(self, caller, own(&context)?, packet).await?;
        Ok(match outcome {
            EapOutcome::Told(told) => told.into(),
            EapOutcome::Again(packet) => Told::plain(EapOngoing::new(packet)),
            EapOutcome::Failed(packet) => Told::plain(EapFailure {
                eap_payload: EapPayload(packet.to_vec()),
            }),
        })
    }

    async fn delete_eap(&self, caller: &Caller, context: ResourceId) -> Result<(), NotDone> {
        Ok(Ausf::delete_eap(self, caller, own(&context)?).await?)
    }
}

impl Ausf {
    /// The service, for a listening socket.
    pub fn api(self: &Arc<Self>) -> Api {
        routes(self.clone()).at(self.options.api_root.as_deref())
    }
}
