//! TLS 1.3 for server and client, with mutual authentication where it is configured (TS 33.210 6.2, TS 33.501 13.1).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kaskade_faults::fault;
use kaskade_store::private::{self, PrivateError, Use};
use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::peer::Peer;
use crate::live::Live;

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file cannot be read, or holds nothing of its kind.
    #[error("{path}: no {what}: {source}", path = path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why not.
        source: pem::Error,
    },
    /// The file with the private key cannot be read, is not ours, or lets others in.
    #[error("private key {0}")]
    PrivateKey(PrivateError),
    /// A file with certificates cannot be read, or everybody may change it.
    #[error("certificates {0}")]
    Certificate(PrivateError),
    /// Certificate and key do not work together.
    #[error("certificate and key: {0}")]
    Identity(rustls::Error),
    /// A certificate authority is not usable.
    #[error("certificate authority: {0}")]
    Authority(String),
    /// The TLS library refuses the configuration.
    #[error("TLS: {0}")]
    Configuration(rustls::Error),
}

impl TlsError {
    /// The file that cannot be read or has nothing of its kind, where that is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Pem { path, .. } => Some(path),
            Self::PrivateKey(error) | Self::Certificate(error) => Some(error.path()),
            Self::Identity(_) | Self::Authority(_) | Self::Configuration(_) => None,
        }
    }
}

/// A certificate chain and its private key, from PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The chain, own certificate first.
    pub certificates: PathBuf,
    /// The private key, PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

impl IdentityFiles {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let chain = certificates(&self.certificates)?;
        let file = private::open(&self.key, Use::ServiceKey).map_err(TlsError::PrivateKey)?;
        let key = PrivateKeyDer::from_pem_reader(file).map_err(|source| TlsError::Pem {
            path: self.key.clone(),
            what: "private key",
            source,
        })?;
        Ok((chain, key))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |source| TlsError::Pem {
        path: path.to_owned(),
        what: "certificate",
        source,
    };
    let file = private::open(path, Use::Trusted).map_err(TlsError::Certificate)?;
    let chain: Vec<_> = CertificateDer::pem_reader_iter(file)
        .collect::<Result<_, _>>()
        .map_err(error)?;
    if chain.is_empty() {
        return Err(error(pem::Error::NoItemsFound));
    }
    Ok(chain)
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::Authority(error.to_string()))?;
    }
    Ok(roots)
}

/// A client that trusts these.
fn client(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    Ok(
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Configuration)?
            .with_root_certificates(roots),
    )
}

/// The server's side: its identity, and who may come in. Clones are one: what replaces it replaces it for all of them.
///
/// Two are equal when they have the same policy: the same certificates, and so the same key, and the same authorities of
/// clients or none.
#[derive(Clone)]
pub struct ServerTls(Live<Serving>);

struct Serving {
    config: Arc<ServerConfig>,
    policy: Policy,
}

#[derive(Clone, PartialEq, Eq)]
struct Policy {
    chain: Vec<CertificateDer<'static>>,
    client_authorities: Option<BTreeSet<Vec<u8>>>,
}

impl PartialEq for ServerTls {
    fn eq(&self, other: &Self) -> bool {
        self.0.now().policy == other.0.now().policy
    }
}

impl Eq for ServerTls {}

impl ServerTls {
    /// TLS 1.3 with this identity; with `client_authority`, only clients with a certificate of it.
    ///
    /// # Errors
    /// [`TlsError`] when a file is missing or wrong.
    pub fn new(identity: &IdentityFiles, client_authority: Option<&Path>) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Configuration)?;
        let client_authorities = client_authority
            .map(|path| Ok(certificates(path)?.iter().map(|der| der.to_vec()).collect()))
            .transpose()?;
        let builder = match client_authority {
            None => builder.with_no_client_auth(),
            Some(_) if fault!("clients-without-certificate") => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider)
                    .build()
                    .map_err(|error| TlsError::Authority(error.to_string()))?,
            ),
        };
        let (chain, key) = identity.read()?;
        let policy = Policy {
            chain: chain.clone(),
            client_authorities,
        };
        // Certificate and key are of one pair, or this fails: equal chains have equal keys.
        let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Identity)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        let config = Arc::new(config);
        Ok(Self(Live::new(Serving { config, policy })))
    }

    /// The same for a listener that takes HTTP/1.1 beside HTTP/2.
    #[must_use]
    pub fn with_http_1(self) -> Self {
        let Serving { config, policy } = &*self.0.now();
        let mut config = ServerConfig::clone(config);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (config, policy) = (Arc::new(config), policy.clone());
        Self(Live::new(Serving { config, policy }))
    }

    /// The same, as it is now, for a connection of RADIUS, which has no name for its protocol in TLS (RFC 6614 2.1).
    #[must_use]
    pub(crate) fn for_radius(&self) -> Self {
        let Serving { config, policy } = &*self.0.now();
        let mut config = ServerConfig::clone(config);
        config.alpn_protocols = Vec::new();
        let (config, policy) = (Arc::new(config), policy.clone());
        Self(Live::new(Serving { config, policy }))
    }

    /// From the next handshake on, for every clone of this one, what another one says. Connections go on.
    pub fn replace_by(&self, other: &Self) {
        self.0.share(other.0.now());
    }

    /// Whether clients must have a certificate.
    pub fn is_mutual(&self) -> bool {
        self.0.with(|serving| serving.policy.client_authorities.is_some())
    }

    /// Shakes hands on a connection and nothing more: no limit, no time. A listener of a node does not use this.
    ///
    /// # Errors
    /// What the connection or TLS ended with.
    pub async fn accept<I>(&self, stream: I) -> std::io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<I>>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin,
    {
        self.acceptor().accept(stream).await
    }

    /// For a listener of one's own: what rustls takes, as it is now.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.0.with(|serving| serving.config.clone())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config())
    }
}

/// Who shook hands: by the certificate, where one was asked for.
pub(crate) fn peer<I>(stream: &TlsStream<I>, address: IpAddr) -> Peer {
    let (_, session) = stream.get_ref();
    match session.peer_certificates() {
        Some([certificate, ..]) => Peer::with_certificate(address, certificate),
        _ => Peer::at(address),
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTls(…)")
    }
}

/// The client's side: whom it trusts, and who it is. Clones are one, as of [`ServerTls`].
#[derive(Clone)]
pub struct ClientTls(Live<ClientConfig>);

impl ClientTls {
    /// TLS 1.3 to servers with a certificate of `authority`; with `identity`, mutual.
    ///
    /// # Errors
    /// [`TlsError`] when a file is missing or wrong.
    pub fn new(authority: &Path, identity: Option<&IdentityFiles>) -> Result<Self, TlsError> {
        let builder = client(roots(authority)?)?;
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.read()?;
                builder.with_client_auth_cert(chain, key).map_err(TlsError::Identity)?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(Live::new(config)))
    }

    /// TLS 1.3 to the server of this certificate, which is in no file.
    ///
    /// # Errors
    /// [`TlsError`] when it is none.
    pub fn to(certificate: CertificateDer<'static>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate)
            .map_err(|error| TlsError::Authority(error.to_string()))?;
        let mut config = client(roots)?.with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self(Live::new(config)))
    }

    /// The same for a server that speaks HTTP/1.1.
    #[must_use]
    pub fn with_http_1(self) -> Self {
        let mut config = ClientConfig::clone(&self.0.now());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(Live::new(config))
    }

    /// From the next connection on, for every clone of this one, what another one says.
    pub fn replace_by(&self, other: &Self) {
        self.0.share(other.0.now());
    }

    /// Shakes hands with the server of this name over a connection, and nothing more: no time. Gives the code point of the cipher suite too
    /// (RFC 8446 B.4).
    ///
    /// # Errors
    /// What the connection or TLS ended with; of kind `InvalidInput` for what is no name.
    pub async fn connect<I>(
        &self,
        name: &str,
        stream: I,
    ) -> std::io::Result<(impl AsyncRead + AsyncWrite + Send + Unpin + use<I>, u16)>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?;
        let stream = self.connector().connect(name, stream).await?;
        let suite = stream.get_ref().1.negotiated_cipher_suite();
        Ok((stream, suite.map_or(0, |suite| u16::from(suite.suite()))))
    }

    pub(super) fn connector(&self) -> TlsConnector {
        TlsConnector::from(self.0.now())
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls(…)")
    }
}
