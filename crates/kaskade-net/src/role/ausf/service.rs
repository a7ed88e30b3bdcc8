//! Nausf_UEAuthentication, as the AUSF serves it.

use std::sync::Arc;

use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_codec::sbi::nausf_auth::{
    AuthenticationFailure, AuthenticationInfo, Av5gAka, ConfirmationData, ConfirmationDataResponse, DeregistrationInfo,
    UeAuthenticationCtx,
};
use kaskade_codec::sbi::{ResourceId, Variable};
use kaskade_flow::Durable;
use kaskade_flow::refusal::Refused;

use super::{Ausf, AusfError, ContextId, Outcome};
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

const fn wire(SeAv5g { rand, autn, hxres_star }: SeAv5g) -> Av5gAka {
    Av5gAka { rand, hxres_star, autn }
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
        Ok(Ausf::deregister(self, caller, &info.supi)?)
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
}

impl Ausf {
    /// The service, for a listening socket.
    pub fn api(self: &Arc<Self>) -> Api {
        routes(self.clone()).at(self.options.api_root.as_deref())
    }
}
