//! Naanf_AKMA, as the AAnF serves it: to others, and to AUSF and NEF of its own process.

use std::sync::Arc;

use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, AkmaKeyInfo, CtxRemove};
use kaskade_flow::Durable;

use super::Aanf;
use crate::sbi::service::{Api, Caller, NotDone};
use crate::services::naanf_akma::{NaanfAkma, routes};

impl NaanfAkma for Arc<Aanf> {
    async fn register_anchorkey(&self, caller: &Caller, info: AkmaKeyInfo) -> Result<Durable<AkmaKeyInfo>, NotDone> {
        Ok(Aanf::register(self, caller, info).await?)
    }

    async fn retrieve_applicationkey(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NotDone> {
        Ok(Aanf::application_key(self, caller, request).await?)
    }

    async fn remove_context(&self, caller: &Caller, removal: CtxRemove) -> Result<(), NotDone> {
        Ok(Aanf::remove(self, caller, &removal.supi).await?)
    }
}

impl Aanf {
    /// The service, for a listening socket.
    pub fn api(self: &Arc<Self>) -> Api {
        routes(self.clone()).at(self.options.api_root.as_deref())
    }
}

/// The AAnF as the AUSF of its own process sees it, which may register and remove anchor keys. Application keys are given as to anybody.
#[derive(Clone, Debug)]
pub struct OwnAanf(pub Arc<Aanf>);

impl NaanfAkma for OwnAanf {
    async fn register_anchorkey(&self, caller: &Caller, info: AkmaKeyInfo) -> Result<Durable<AkmaKeyInfo>, NotDone> {
        Ok(self.0.register_own(caller, info).await?)
    }

    async fn retrieve_applicationkey(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, NotDone> {
        Ok(self.0.application_key(caller, request).await?)
    }

    async fn remove_context(&self, caller: &Caller, removal: CtxRemove) -> Result<(), NotDone> {
        Ok(self.0.remove_own(caller, &removal.supi).await?)
    }
}
