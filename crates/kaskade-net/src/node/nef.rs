//! The NEF of a node: where it listens, to those outside and to AAnFs, and whom it asks.

use std::net::SocketAddr;
use std::sync::Arc;

use kaskade_codec::sbi::akma::AkmaAfKeyRequest;
use kaskade_faults::fault;
use kaskade_keys::{HomeRealm, RoutingIndicator};
use kaskade_store::SubscriberStore;

use super::peer::aanfs;
use super::{Certificates, Node, NodeError, RemoteNrf, Socket};
use crate::role::aanf::Aanf;
use crate::role::nef::{AanfEntry, Aanfs, Anchor, Asking, Nef, NefOptions};
use crate::sbi::client::{ClientOptions, SbiClient};
use crate::sbi::server::ServerOptions;
use crate::sbi::service::{Caller, Open};
use crate::services::naanf_akma::Client;

/// A NEF and where it listens.
#[derive(Clone)]
pub struct NefRole {
    /// The store, which has who is to be told of the end of keys.
    pub store: Arc<SubscriberStore>,
    /// The role. Whom it asks is in `aanfs`, and where AAnFs reach it in `notices`.
    pub options: NefOptions,
    /// Where application functions reach it. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The server.
    pub server: ServerOptions,
    /// Where AAnFs tell it that keys have ended, and how they call that if not by its address; `None`: no notification is passed on.
    pub notices: Option<NoticesListener>,
    /// The AAnFs that it asks.
    pub aanfs: Vec<AanfOf>,
}

/// Where AAnFs reach a NEF.
#[derive(Clone)]
pub struct NoticesListener {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The server.
    pub server: ServerOptions,
    /// The apiRoot by which AAnFs reach it; `None`: its address.
    pub api_root: Option<String>,
}

/// An AAnF, and for whom it is.
#[derive(Clone)]
pub struct AanfOf {
    /// As the configuration calls it.
    pub name: Box<str>,
    /// The home network.
    pub realm: HomeRealm,
    /// The routing indicators that lead to it; none: all that lead to no other of this home network.
    pub routing_indicators: Vec<RoutingIndicator>,
    /// Where it is.
    pub at: AanfAt,
}

/// Where an AAnF is.
#[derive(Clone)]
pub enum AanfAt {
    /// The one of this node, which knows the NEF by the name [`NEF_NAME`](crate::role::nef::NEF_NAME).
    OfThisNode,
    /// Whatever answers like one, in this process.
    Here(Arc<dyn Anchor>),
    /// Elsewhere, at this apiRoot.
    There(String, ClientOptions),
    /// As the NRF says for the routing indicator of the A-KID, and reached so.
    ByNrf(ClientOptions),
}

/// The AAnF as the NEF of its own process sees it.
struct OwnAnchor(Arc<Aanf>);

impl Anchor for OwnAnchor {
    fn application_key<'a>(&'a self, caller: &'a Caller, request: AkmaAfKeyRequest) -> Asking<'a> {
        Box::pin(async move {
            let told = match fault!("nef-pays-for-all-afs") {
                true => Aanf::application_key(&self.0, caller, request).await,
                false => self.0.application_key_for_nef(caller, request).await,
            };
            Ok(told?)
        })
    }
}

impl AanfOf {
    fn entry(self, own: Option<&Arc<Aanf>>, nrf: Option<&RemoteNrf>) -> Result<AanfEntry, NodeError> {
        let anchor: Arc<dyn Anchor> = match self.at {
            AanfAt::OfThisNode => {
                let own = own.cloned().ok_or_else(|| NodeError::NoAanfForNef(self.name.clone()))?;
                Arc::new(OwnAnchor(own))
            }
            AanfAt::Here(anchor) => anchor,
            AanfAt::ByNrf(options) => Arc::new(aanfs(nrf, "NEF", options)?),
            AanfAt::There(url, options) => {
                let client =
                    SbiClient::new(&url, options).map_err(|error| NodeError::NefAanfUrl(self.name.clone(), error))?;
                Arc::new(Client::new(client))
            }
        };
        Ok(AanfEntry {
            name: self.name,
            realm: self.realm,
            routing_indicators: self.routing_indicators,
            anchor,
        })
    }
}

/// A NEF that is about to serve, with its sockets.
pub(super) struct Opened {
    pub(super) nef: Arc<Nef>,
    pub(super) sockets: Vec<Socket>,
}

impl Node {
    /// Opens the sockets of a NEF.
    pub(super) fn open_nef(
        &mut self,
        role: NefRole,
        nrf: Option<&RemoteNrf>,
        is_home: bool,
    ) -> Result<Opened, NodeError> {
        let NefRole {
            store,
            mut options,
            listen,
            server,
            notices,
            aanfs: asked,
        } = role;
        options.is_home = is_home;
        let own = self.aanf.clone();
        let entries = asked.into_iter().map(|aanf| aanf.entry(own.as_ref(), nrf));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        options.aanfs = Aanfs::new(entries)?;
        // Before the role: its address is a part of what AAnFs are given.
        let for_aanfs = match notices {
            Some(NoticesListener {
                listen,
                server,
                api_root,
            }) => {
                let socket = Socket::open("NEF, for AAnFs", listen, server, self.routes(Vec::new()))?;
                options.notices_root = api_root.or_else(|| Some(socket.url()));
                Some(socket)
            }
            None => None,
        };
        let nef = Arc::new(Nef::new(store, options)?);
        let mut routes = self.routes(vec![nef.api()]).behind(nef.gate(self.gate.clone()));
        if let Some(tokens) = nef.token_endpoint() {
            routes = routes.beside(tokens);
        }
        let socket = Socket::open("NEF", listen, server, routes)?;
        self.nef_url = Some(socket.url());
        self.served_at(&socket.url());
        let mut sockets = vec![socket];
        if let Some(mut socket) = for_aanfs {
            // An AAnF has no token for it: the random name in the URI says that it may.
            socket.routes = match fault!("nef-notices-behind-the-gate") {
                true => self.routes(vec![nef.notices_api()]),
                false => self.routes(vec![nef.notices_api()]).behind(Arc::new(Open)),
            };
            self.nef_notices_url = Some(socket.url());
            self.served_at(&socket.url());
            sockets.push(socket);
        }
        Ok(Opened { nef, sockets })
    }

    /// apiRoot of the NEF, with the port that it got.
    pub fn nef_url(&self) -> Option<&str> {
        self.nef_url.as_deref()
    }

    /// apiRoot of the NEF for AAnFs, with the port that it got.
    pub fn nef_notices_url(&self) -> Option<&str> {
        self.nef_notices_url.as_deref()
    }

    /// The NEF.
    pub fn nef(&self) -> Option<&Arc<Nef>> {
        self.nef.as_ref()
    }
}

impl Certificates {
    /// With those of a NEF.
    pub(super) fn with_nef(mut self, nef: Option<&NefRole>) -> Self {
        let Some(role) = nef else { return self };
        self.nef = role.server.tls.clone();
        self.nef_notices = role.notices.as_ref().and_then(|notices| notices.server.tls.clone());
        self.to_afs = role.options.callbacks.tls.clone();
        self.to_aanfs = role
            .aanfs
            .iter()
            .map(|aanf| match &aanf.at {
                AanfAt::OfThisNode | AanfAt::Here(_) => None,
                AanfAt::There(_, options) | AanfAt::ByNrf(options) => options.tls.clone(),
            })
            .collect();
        self
    }
}
