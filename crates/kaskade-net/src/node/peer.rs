//! Where another network function is: named, on this node, or found at an NRF by a subscriber's routing indicator.

use std::pin::Pin;

use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, AkmaKeyInfo, CtxRemove};
use kaskade_faults::fault;
use kaskade_flow::Durable;
use kaskade_keys::{Plmn, RoutingIndicator, Supi};

use super::NodeError;
use crate::nrf::{NotDiscovered, Peers, Wanted};
use crate::role::aanf::{FormOfTrigger, Reauthenticator, Triggering};
use crate::role::ausf::{AnchorFunction, Calling};
use crate::role::nef::{Anchor, Asking};
use crate::sbi::client::{ClientError, ClientOptions, SbiClient};
use crate::sbi::service::{Caller, Elsewhere, NotDone};
use crate::services::naanf_akma::NaanfAkma;
use crate::services::{naanf_akma, nudm_uecm};

/// Where another network function is.
#[derive(Clone, Debug)]
pub enum PeerAt {
    /// On this node.
    OfThisNode,
    /// Elsewhere, at this apiRoot.
    There(String, ClientOptions),
    /// As the NRF says, and reached so.
    ByNrf(ClientOptions),
}

/// An NRF that is asked who serves what.
#[derive(Clone, Debug)]
pub struct RemoteNrf {
    /// Its apiRoot.
    pub url: String,
    /// How to reach it.
    pub options: ClientOptions,
}

impl PeerAt {
    /// How it is reached; `None`: without a connection.
    pub const fn options(&self) -> Option<&ClientOptions> {
        match self {
            Self::OfThisNode => None,
            Self::There(_, options) | Self::ByNrf(options) => Some(options),
        }
    }
}

/// The AAnFs that an NRF knows, as a network function of this type asks for them.
pub(super) fn aanfs(
    nrf: Option<&RemoteNrf>,
    requester: &'static str,
    options: ClientOptions,
) -> Result<Found<()>, NodeError> {
    let wanted = Wanted {
        requester,
        target: "AANF",
        service: &naanf_akma::SERVICE,
    };
    Found::new(nrf, wanted, options)
}

/// The UDMs that an NRF knows, as an AAnF asks for them.
pub(super) fn udms(nrf: Option<&RemoteNrf>, options: ClientOptions) -> Result<Found<FormOfTrigger>, NodeError> {
    let wanted = Wanted {
        requester: "AANF",
        target: "UDM",
        service: &nudm_uecm::SERVICE,
    };
    Found::new(nrf, wanted, options)
}

/// Peers that an NRF knows, and what is known of how they are asked.
pub(super) struct Found<T> {
    peers: Peers,
    how: T,
}

impl<T: Default> Found<T> {
    fn new(nrf: Option<&RemoteNrf>, wanted: Wanted, options: ClientOptions) -> Result<Self, NodeError> {
        let nrf = nrf.ok_or(NodeError::NoNrf(wanted.requester))?;
        let client = SbiClient::new(&nrf.url, nrf.options.clone()).map_err(NodeError::NrfUrl)?;
        Ok(Self {
            peers: Peers::new(client, wanted, options),
            how: T::default(),
        })
    }
}

/// A call of one of them.
type Call<'a, R> = Pin<Box<dyn Future<Output = Result<R, NotDone>> + Send + 'a>>;

impl<T> Found<T> {
    /// Asks the one that is for a routing indicator, and another one where that cannot be connected to.
    async fn ask<'a, R>(
        &'a self,
        indicator: Option<RoutingIndicator>,
        call: impl Fn(SbiClient) -> Call<'a, R>,
    ) -> Result<R, NotDone> {
        let first = self.peers.find(indicator).await?;
        let failed = match self.noted(&first, call(first.clone()).await) {
            Err(error) if is_unsent(&error) => error,
            done => return done,
        };
        let second = self.peers.find(indicator).await?;
        match second.root() == first.root() || fault!("second-peer-not-asked") {
            true => Err(failed),
            false => self.noted(&second, call(second.clone()).await),
        }
    }

    /// A peer that did not answer is left alone for a while.
    fn noted<R>(&self, peer: &SbiClient, done: Result<R, NotDone>) -> Result<R, NotDone> {
        if let Err(error) = &done
            && matches!(error.seen(), Some(Elsewhere::Client(_)))
        {
            self.peers.failed(peer);
        }
        done
    }
}

/// Whether a peer was not even connected to.
fn is_unsent(error: &NotDone) -> bool {
    matches!(
        error.seen(),
        Some(Elsewhere::Client(ClientError::Connect { .. } | ClientError::Url(_)))
    )
}

impl AnchorFunction for Found<()> {
    fn register<'a>(&'a self, caller: &'a Caller, info: AkmaKeyInfo, _: Option<Plmn>) -> Calling<'a> {
        let indicator = info.a_kid.routing_indicator();
        let register = move |client| -> Call<'a, ()> {
            let info = info.clone();
            Box::pin(async move {
                let client = naanf_akma::Client::new(client);
                // What comes back is what was sent.
                client.register_anchorkey(caller, info).await.map(drop)
            })
        };
        Box::pin(self.ask(Some(indicator), register))
    }

    fn remove<'a>(
        &'a self,
        caller: &'a Caller,
        removal: CtxRemove,
        indicator: Option<RoutingIndicator>,
    ) -> Calling<'a> {
        let remove = move |client| -> Call<'a, ()> {
            let removal = removal.clone();
            Box::pin(async move { naanf_akma::Client::new(client).remove_context(caller, removal).await })
        };
        Box::pin(self.ask(indicator, remove))
    }

    fn is_one(&self) -> bool {
        false
    }
}

impl Anchor for Found<()> {
    fn application_key<'a>(&'a self, caller: &'a Caller, request: AkmaAfKeyRequest) -> Asking<'a> {
        let indicator = request.a_kid.routing_indicator();
        let retrieve = move |client| -> Call<'a, Option<Durable<AkmaAfKeyData>>> {
            let request = request.clone();
            Box::pin(async move {
                let client = naanf_akma::Client::new(client);
                NaanfAkma::retrieve_applicationkey(&client, caller, request).await
            })
        };
        Box::pin(async move {
            // The UE says the routing indicator: where it leads to nobody there is no key.
            if let Err(NotDiscovered::Nobody { .. }) = self.peers.find(Some(indicator)).await {
                return Ok(None);
            }
            self.ask(Some(indicator), retrieve).await
        })
    }
}

impl Reauthenticator for Found<FormOfTrigger> {
    fn trigger<'a>(&'a self, caller: &'a Caller, supi: &'a Supi, indicator: RoutingIndicator) -> Triggering<'a> {
        let trigger = move |client| -> Call<'a, ()> {
            Box::pin(async move { self.how.trigger(&nudm_uecm::Client::new(client), caller, supi).await })
        };
        Box::pin(self.ask(Some(indicator), trigger))
    }
}
