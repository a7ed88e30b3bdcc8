//! The client's end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kaskade_faults::fault;
use openssl::ssl::{Ssl, SslContext, SslRef};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::carrier::{Carrier, Datagrams, Octets};
use super::context::{self, ContextError};
use super::datagrams::PskDatagrams;
use super::error::HandshakeError;
use super::handshake::{begin, forget_key, shake_hands};
use super::key::{PskIdentity, PskKey};
use super::lookup::Offer;
use super::profile::Profile;
use super::session::{PskStream, Session};

/// Shakes hands with servers that hold one key.
///
/// It agrees to nothing but its profile and its key: a server that has only a certificate, another version or another suite is refused.
pub struct PskClient {
    context: SslContext,
    profile: Profile,
    identity: PskIdentity,
    key: Arc<PskKey>,
    hint: Option<String>,
    server_name: Option<String>,
    patience: Duration,
}

impl PskClient {
    /// Offers this key under this identity.
    ///
    /// # Errors
    /// [`ContextError::Identity`] where the identity does not go with the version: it has at most [`PskIdentity::MAX_SENT`] octets, and
    /// before TLS 1.3 at most [`PskIdentity::MAX_IN_1_2`], none of them 0x00.
    pub fn new(profile: Profile, identity: PskIdentity, key: PskKey) -> Result<Self, ContextError> {
        identity.check_to_be_sent(profile.suite().is_some())?;
        Ok(Self {
            context: context::client(profile)?,
            profile,
            identity,
            key: Arc::new(key),
            hint: None,
            server_name: None,
            patience: Duration::from_secs(10),
        })
    }

    /// Says for which name it comes (`server_name`, RFC 6066 3).
    ///
    /// # Errors
    /// [`ContextError::ServerName`] for what is no DNS name.
    pub fn with_server_name(mut self, name: &str) -> Result<Self, ContextError> {
        if rustls::pki_types::DnsName::try_from(name).is_err() {
            return Err(ContextError::ServerName);
        }
        self.server_name = Some(name.to_owned());
        Ok(self)
    }

    /// Goes on only where the server gives this hint, such as `3GPP-AKMA`.
    ///
    /// # Errors
    /// [`ContextError::Hint`] in TLS 1.3, which has none.
    pub fn with_hint(mut self, hint: &str) -> Result<Self, ContextError> {
        if self.profile.suite().is_none() {
            return Err(ContextError::Hint);
        }
        self.hint = Some(hint.to_owned());
        Ok(self)
    }

    /// How long a handshake may take; 10 s unless said otherwise.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Shakes hands over a stream.
    ///
    /// # Errors
    /// [`HandshakeError`] says why there is no connection.
    pub async fn connect<I>(&self, stream: I) -> Result<PskStream<I>, HandshakeError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send,
    {
        Ok(PskStream(self.shake_hands(Octets(stream)).await?))
    }

    /// Shakes hands over a UDP socket that is connected with the server.
    ///
    /// # Errors
    /// [`HandshakeError`] says why there is no connection.
    pub async fn connect_datagrams(&self, socket: UdpSocket) -> Result<PskDatagrams, HandshakeError> {
        Ok(PskDatagrams::new(self.shake_hands(Datagrams::Connected(socket)).await?))
    }

    async fn shake_hands<C: Carrier>(&self, mut carrier: C) -> Result<Session<C>, HandshakeError> {
        if C::DATAGRAMS != self.profile.is_for_datagrams() {
            return Err(ContextError::WrongCarrier.into());
        }
        let mut ssl = Ssl::new(&self.context).map_err(ContextError::OpenSsl)?;
        ssl.set_connect_state();
        if let Some(name) = &self.server_name {
            ssl.set_hostname(name)?;
        }
        let offer = Offer::new(self.identity.clone(), self.key.clone(), self.hint.clone());
        let offer = Arc::new(offer);
        offer.attach(&mut ssl)?;
        let handshake = shake_hands(begin::<C>(ssl)?, &mut carrier, None);
        let tls = timeout(self.patience, handshake)
            .await
            .map_err(|_| HandshakeError::TooSlow)??;
        offer.forget_key();
        forget_key(self.profile, tls.ssl());
        match rests_on_the_key(self.profile, tls.ssl()) {
            true => Ok(Session::new(tls, carrier, None, None)),
            false => Err(HandshakeError::NotPsk),
        }
    }
}

/// Whether what was agreed is what was wanted. OpenSSL has refused everything else before; this does not rest on that.
fn rests_on_the_key(profile: Profile, ssl: &SslRef) -> bool {
    let cipher = ssl
        .current_cipher()
        .map(|cipher| u16::from_be_bytes(cipher.protocol_id()));
    let is_keyed = match profile.suite() {
        // An external key is a session for OpenSSL.
        None => ssl.session_reused(),
        Some(suite) => cipher == Some(suite.code_point()),
    };
    let is_keyed = is_keyed && ssl.version2() == Some(profile.version()) && ssl.peer_certificate().is_none();
    is_keyed || fault!("psk-certificate-accepted")
}

impl fmt::Debug for PskClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskClient")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
