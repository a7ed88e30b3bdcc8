//! Nudm_UEAuthentication, as the UDM serves it: to others, and to the AUSF of its own process.

use std::sync::Arc;

use kaskade_codec::sbi::nudm_ueau::{AuthEvent, AuthenticationInfoRequest, AuthenticationInfoResult};
use kaskade_codec::sbi::{ResourceId, SupiOrSuci};
use kaskade_flow::Durable;
use kaskade_flow::refusal::{Refusal, Refused};
use kaskade_keys::Supi;

use super::{EventId, Udm, UdmError};
use crate::sbi::service::{Api, Caller, Created, Echo, NotDone};
use crate::services::nudm_ueau::{NudmUeau, routes};

impl From<UdmError> for NotDone {
    fn from(error: UdmError) -> Self {
        Refused::from(error).into()
    }
}

impl From<EventId> for ResourceId {
    fn from(id: EventId) -> Self {
        Self::number(id.0)
    }
}

/// The report of this name, which the UDM itself has given.
fn own(id: &ResourceId) -> Result<EventId, UdmError> {
    id.as_number().map(EventId).ok_or(UdmError::UnknownEvent)
}

impl NudmUeau for Arc<Udm> {
    async fn generate_auth_data(
        &self,
        caller: &Caller,
        supi_or_suci: SupiOrSuci,
        request: AuthenticationInfoRequest,
    ) -> Result<Durable<AuthenticationInfoResult>, NotDone> {
        Ok(Udm::generate_auth_data(self, caller.requester(), supi_or_suci, &request).await?)
    }

    async fn confirm_auth(
        &self,
        caller: &Caller,
        supi: Supi,
        event: AuthEvent,
    ) -> Result<Created<Echo<AuthEvent>>, NotDone> {
        let id = Udm::confirm_auth(self, caller.requester(), &supi, event).await?;
        Ok(Created::new(id.into(), Echo::new()))
    }

    async fn delete_auth(
        &self,
        caller: &Caller,
        supi: Supi,
        id: ResourceId,
        removal: AuthEvent,
    ) -> Result<(), NotDone> {
        if !removal.auth_removal_ind {
            let reason = "must be true: the only change of a report is its removal";
            return Err(NotDone::parameter(Refusal::IeIncorrect, "/authRemovalInd", reason));
        }
        Ok(Udm::delete_auth(self, caller.requester(), &supi, own(&id)?)?)
    }
}

impl Udm {
    /// The service, for a listening socket.
    pub fn api(self: &Arc<Self>) -> Api {
        routes(self.clone()).at(self.options.api_root.as_deref())
    }
}

/// The UDM as the AUSF of its own process sees it, which proves that it has a vector by asking here when it confirms.
#[derive(Clone, Debug)]
pub struct OwnUdm(pub Arc<Udm>);

impl NudmUeau for OwnUdm {
    async fn generate_auth_data(
        &self,
        caller: &Caller,
        supi_or_suci: SupiOrSuci,
        request: AuthenticationInfoRequest,
    ) -> Result<Durable<AuthenticationInfoResult>, NotDone> {
        Ok(self.0.generate_own(caller.requester(), supi_or_suci, &request).await?)
    }

    async fn confirm_auth(
        &self,
        caller: &Caller,
        supi: Supi,
        event: AuthEvent,
    ) -> Result<Created<Echo<AuthEvent>>, NotDone> {
        let id = self.0.confirm_own_vector(caller.requester(), &supi, event)?;
        Ok(Created::new(id.into(), Echo::new()))
    }

    async fn delete_auth(&self, caller: &Caller, supi: Supi, id: ResourceId, _: AuthEvent) -> Result<(), NotDone> {
        Ok(Udm::delete_auth(&self.0, caller.requester(), &supi, own(&id)?)?)
    }
}
