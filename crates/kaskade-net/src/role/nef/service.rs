//! The services of the NEF: to application functions, and to AAnFs.

use std::sync::Arc;

use kaskade_codec::sbi::ResourceId;
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, ServiceDisableNotif};
use kaskade_flow::Durable;

use super::Nef;
use crate::sbi::service::{Api, Caller, NotDone};
use crate::services::nef_notices::{self, NefNotices};
use crate::services::nnef_akma::{self, NnefAkma};

impl NnefAkma for Arc<Nef> {
    async fn retrieve(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NotDone> {
        Ok(Nef::retrieve(self, caller, request).await?)
    }
}

impl NefNotices for Arc<Nef> {
    async fn service_disable(
        &self,
        caller: &Caller,
        notice: ResourceId,
        notif: ServiceDisableNotif,
    ) -> Result<(), NotDone> {
        Ok(Nef::service_disable(self, caller, &notice, &notif).await?)
    }
}

impl Nef {
    /// The service for application functions, for a listening socket.
    pub fn api(self: &Arc<Self>) -> Api {
        nnef_akma::routes(self.clone()).at(self.options.api_root.as_deref())
    }

    /// The service for AAnFs, for another one.
    pub fn notices_api(self: &Arc<Self>) -> Api {
        nef_notices::routes(self.clone())
    }
}
