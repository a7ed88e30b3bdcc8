//! The usage-key service, as it is served.

use std::sync::Arc;

use kaskade_anchor::emsk::{AnchorOutput, Released as Given, ReleasedDomain};
use kaskade_codec::sbi::usage_keys::{DomainKey, DomainKeyRequest, KeyGivenUp, RootKey, UsageKey, UsageKeyRequest};
use kaskade_flow::Durable;

use super::{UsageKeys, UsageKeysError};
use crate::sbi::service::{Api, Caller, NotDone};
use crate::services::usage_keys::{UsageKeys as Service, routes};

impl Service for Arc<UsageKeys> {
    async fn usage_key(&self, caller: &Caller, request: UsageKeyRequest) -> Result<Durable<UsageKey>, NotDone> {
        let key = UsageKeys::usage_key(self, caller, request).await?;
        Ok(key.try_map(|key| match key {
            AnchorOutput::Key(Given {
                key,
                name,
                emsk_name,
                expires,
            }) => Ok(UsageKey {
                key: RootKey::of(key.expose_to_usage_server()),
                key_name: name,
                emsk_name,
                expiry: expires.into(),
            }),
            AnchorOutput::Domain(_) => Err(UsageKeysError::Internal),
        })?)
    }

    async fn domain_key(&self, caller: &Caller, request: DomainKeyRequest) -> Result<Durable<DomainKey>, NotDone> {
        let key = UsageKeys::domain_key(self, caller, request).await?;
        Ok(key.try_map(|key| match key {
            AnchorOutput::Domain(ReleasedDomain {
                key,
                emsk_name,
                expires,
            }) => Ok(DomainKey {
                key: RootKey::of(key.expose_to_domain()),
                emsk_name,
                expiry: expires.into(),
            }),
            AnchorOutput::Key(_) => Err(UsageKeysError::Internal),
        })?)
    }

    async fn give_up(&self, caller: &Caller, given_up: KeyGivenUp) -> Result<(), NotDone> {
        Ok(UsageKeys::give_up(self, caller, given_up).await?)
    }
}

impl UsageKeys {
    /// The service, for a listening socket.
    pub fn api(self: &Arc<Self>) -> Api {
        routes(self.clone()).at(self.options.api_root.as_deref())
    }
}
