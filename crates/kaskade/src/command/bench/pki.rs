//! Certificates for one measurement: an authority, and one name for both ends.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use kaskade::config::TlsConfig;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::tls::{ClientTls, IdentityFiles, ServerTls};
use kaskade_store::private;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// Where they lie: in the folder of the measurement, which goes with it.
pub(super) struct Pki {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Pki {
    /// Those of a folder, which the server has made before it said that it is ready.
    pub(super) fn of(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    }

    /// Makes them.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let failed = |error: rcgen::Error| anyhow!("certificates: {error}");
        let pki = Self::of(folder);
        let ca_key = KeyPair::generate().map_err(failed)?;
        let mut ca = CertificateParams::new(Vec::new()).map_err(failed)?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name
            .push(DnType::CommonName, "authority of a measurement");
        let ca_pem = ca.self_signed(&ca_key).map_err(failed)?.pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().map_err(failed)?;
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let cert_pem = params.signed_by(&key, &issuer).map_err(failed)?.pem();
        private::write_new(&pki.ca, ca_pem.as_bytes())?;
        private::write_new(&pki.cert, cert_pem.as_bytes())?;
        private::write_new(&pki.key, key.serialize_pem().as_bytes())?;
        Ok(pki)
    }

    /// For a server: only clients with a certificate of the authority are let in.
    pub(super) fn server(&self) -> TlsConfig {
        TlsConfig {
            cert: Some(self.cert.clone()),
            key: Some(self.key.clone()),
            client_ca: Some(self.ca.clone()),
        }
    }

    /// The same, ready for use.
    pub(super) fn server_tls(&self) -> Result<ServerTls> {
        let identity = IdentityFiles {
            certificates: self.cert.clone(),
            key: self.key.clone(),
        };
        Ok(ServerTls::new(&identity, Some(&self.ca))?)
    }

    /// For a client of such a server.
    pub(super) fn client(&self) -> Result<ClientOptions> {
        let identity = IdentityFiles {
            certificates: self.cert.clone(),
            key: self.key.clone(),
        };
        let mut options = ClientOptions::default();
        options.tls = Some(ClientTls::new(&self.ca, Some(&identity))?);
        Ok(options)
    }
}
