//! K_AF as a pre-shared key (TS 33.535 Annex B, TS 24.109 Annex K): the project profile "AKMA over PSK", version 1.
//!
//! | Part | What it is |
//! |---|---|
//! | key | K_AF, 32 octets, until it expires |
//! | identity | `3GPP-AKMA` ‖ A-KID, with nothing between; who receives it takes one `;` there too |
//! | hint | `3GPP-AKMA`, in TLS 1.2 and DTLS 1.2: a UE goes on with no other |
//! | Ua* identifier | TLS 1.3: 01 00 00 00 07. TLS 1.2: 01 00 01 yy zz, of the cipher suite. DTLS 1.2: what the operator says, since none is confirmed |
//!
//! K_AF depends on the Ua* identifier and so, in TLS 1.2, on the cipher suite. A listener has one suite, so that the key is known as soon as the
//! UE has named it; an application function with two suites listens twice. The UE is told the suite as it is told the name.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_keys::akma::KAf;
use kaskade_keys::id::{AKid, AfId, Fqdn, UaProtocolId};
use tokio::runtime::Handle;
use tokio::time::timeout_at;

use super::client::PskClient;
use super::connections::AkmaConnections;
use super::context::ContextError;
use super::key::{PskIdentity, PskKey};
use super::lookup::{Asked, PskKeys};
use super::profile::{Profile, PskSuite};
use super::server::{PskLimits, PskServer};

/// What an identity begins with, and all of the hint (TS 33.535 B.1.3.2).
const NAME: &str = "3GPP-AKMA";

/// A protocol between UE and application function, and its Ua* security protocol identifier, which K_AF depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AkmaProtocol {
    profile: Profile,
    ua: UaProtocolId,
}

/// An identifier that cannot be the one of DTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the Ua* security protocol identifier {0} is that of another protocol (TS 33.220 Annex H): a key for one opens no other"
)]
pub struct NotForDtls(UaProtocolId);

impl AkmaProtocol {
    /// TLS 1.3 (TS 33.222 5.4.0.2).
    pub const fn tls_1_3() -> Self {
        Self {
            profile: Profile::Tls13,
            ua: UaProtocolId::TLS_1_3_PSK,
        }
    }

    /// TLS 1.2 under this cipher suite (TS 33.222 5.4).
    pub const fn tls_1_2(suite: PskSuite) -> Self {
        Self {
            profile: Profile::Tls12(suite),
            ua: UaProtocolId::tls(suite.code_point().to_be_bytes()),
        }
    }

    /// DTLS 1.2 under this cipher suite, with the identifier that UE and AAnF have for it.
    ///
    /// # Errors
    /// [`NotForDtls`] for an identifier that TS 33.220 Annex H gives to something else.
    pub fn dtls_1_2(suite: PskSuite, ua: UaProtocolId) -> Result<Self, NotForDtls> {
        if ua.is_assigned() {
            return Err(NotForDtls(ua));
        }
        Ok(Self {
            profile: Profile::Dtls12(suite),
            ua,
        })
    }

    /// Its Ua* security protocol identifier.
    pub const fn ua(self) -> UaProtocolId {
        self.ua
    }

    /// What is spoken.
    pub const fn profile(self) -> Profile {
        self.profile
    }

    /// The application function of this name under this protocol: what its K_AF is derived of.
    pub fn af_id(self, af: &Fqdn) -> AfId {
        let ua = match fault!("psk-akma-one-key") {
            true => UaProtocolId::TLS_1_3_PSK,
            false => self.ua,
        };
        AfId::new(af, ua)
    }

    /// The application function's end. `af` is the name that UEs call it by, written as they write it; `keys` is asked for each handshake, on
    /// `runtime`, and for no longer than the handshake may take.
    ///
    /// A connection ends with an error of kind `TimedOut` when its K_AF expires, or before that where it is [`server_of`](Self::server_of). The [`identity`](super::PskStream::identity) of a connection
    /// gives the [`A-KID`](PskIdentity::a_kid).
    ///
    /// # Errors
    /// [`ContextError`] if OpenSSL refuses.
    pub fn server(
        self,
        af: &Fqdn,
        keys: impl AfKeys,
        runtime: Handle,
        limits: PskLimits,
    ) -> Result<PskServer, ContextError> {
        self.server_of(af, keys, runtime, limits, &AkmaConnections::new())
    }

    /// The same, of whose connections somebody can end those of an A-KID: whoever hears that its keys are to be used no more
    /// ([`AkmaConnections::disable`]). Several servers may be of the same.
    ///
    /// # Errors
    /// As [`Self::server`].
    pub fn server_of(
        self,
        af: &Fqdn,
        keys: impl AfKeys,
        runtime: Handle,
        limits: PskLimits,
        connections: &AkmaConnections,
    ) -> Result<PskServer, ContextError> {
        let keys = Keys {
            af_id: self.af_id(af),
            keys,
            runtime,
            connections: connections.clone(),
        };
        PskServer::new(self.profile, self.hint(), Arc::new(keys), limits)
    }

    /// The UE's end: with K_AF of the [`af_id`](Self::af_id) of this application function. It says the name of the function (`server_name`),
    /// and before TLS 1.3 goes on only where it hears `3GPP-AKMA`.
    ///
    /// # Errors
    /// [`ContextError`] where the A-KID is too long for the version, or OpenSSL refuses.
    pub fn client(self, af: &Fqdn, a_kid: &AKid, k_af: &KAf) -> Result<PskClient, ContextError> {
        let key = PskKey::of_32_octets(k_af.expose_to_af());
        let client = PskClient::new(self.profile, PskIdentity::of_a_kid(a_kid), key)?.with_server_name(af.as_str())?;
        match self.hint() {
            Some(hint) => client.with_hint(hint),
            None => Ok(client),
        }
    }

    const fn hint(self) -> Option<&'static str> {
        match self.profile {
            Profile::Tls13 => None,
            Profile::Tls12(_) | Profile::Dtls12(_) => Some(NAME),
        }
    }
}

/// What an application function is told of a key.
#[derive(Debug)]
pub struct AfKey {
    /// K_AF, 32 octets.
    pub k_af: KAf,
    /// Its expiry.
    pub expires: UnixMillis,
}

/// Whom an application function asks for K_AF: its AAnF, or its NEF.
pub trait AfKeys: Send + Sync + 'static {
    /// K_AF that goes with an A-KID. `None` where there is none, or none can be told now: the UE does not learn which. It is dropped
    /// when nobody waits for it any more.
    fn af_key(&self, a_kid: &AKid, af_id: &AfId) -> impl Future<Output = Option<AfKey>> + Send;

    /// The same for a UE at this address, for whoever has budgets of sources: the A-KID may be made up.
    fn af_key_for(&self, peer: SocketAddr, a_kid: &AKid, af_id: &AfId) -> impl Future<Output = Option<AfKey>> + Send {
        let _ = peer;
        self.af_key(a_kid, af_id)
    }
}

/// A function that is given both.
impl<F, R> AfKeys for F
where
    F: Fn(AKid, AfId) -> R + Send + Sync + 'static,
    R: Future<Output = Option<AfKey>> + Send,
{
    fn af_key(&self, a_kid: &AKid, af_id: &AfId) -> impl Future<Output = Option<AfKey>> + Send {
        self(a_kid.clone(), af_id.clone())
    }
}

struct Keys<K> {
    af_id: AfId,
    keys: K,
    runtime: Handle,
    connections: AkmaConnections,
}

impl<K: AfKeys> PskKeys for Keys<K> {
    fn key(&self, asked: &Asked<'_>) -> Option<PskKey> {
        let a_kid = asked.identity.a_kid()?;
        // Before the question: what is said while it is on its way is of this key, too.
        let watched = self.connections.watch(&a_kid);
        let answer = self.keys.af_key_for(asked.peer, &a_kid, &self.af_id);
        // This thread may wait; the future runs out of time together with the handshake.
        let deadline = match fault!("psk-akma-without-deadline") {
            true => asked.deadline + Duration::from_secs(3600),
            false => asked.deadline,
        };
        let answer = async { timeout_at(deadline.into(), answer).await };
        let AfKey { k_af, expires } = self.runtime.block_on(answer).ok()??;
        Some(
            PskKey::of_32_octets(k_af.expose_to_af())
                .until(expires)
                .watched(watched),
        )
    }
}

/// AKMA's identities.
impl PskIdentity {
    /// `3GPP-AKMA` ‖ A-KID.
    pub fn of_a_kid(a_kid: &AKid) -> Self {
        Self::of_name(format!("{NAME}{a_kid}"))
    }

    /// The A-KID in it, if it is one of AKMA.
    pub fn a_kid(&self) -> Option<AKid> {
        let text = str::from_utf8(self.as_octets()).ok()?.strip_prefix(NAME)?;
        text.strip_prefix(';').unwrap_or(text).parse().ok()
    }
}

impl<K> fmt::Debug for Keys<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("af_id", &self.af_id)
            .finish_non_exhaustive()
    }
}
