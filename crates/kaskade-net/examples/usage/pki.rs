//! A certificate authority of the example, in a folder that goes with it.

use std::error::Error;
use std::path::PathBuf;

use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::tls::{ClientTls, IdentityFiles, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub(crate) struct Pki {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "the operator of the example");
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key)?.pem())?;
        Ok(Self {
            folder,
            issuer: Issuer::new(params, key),
        })
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A network function's certificate, for both ends of a connection.
    fn identity(&self, name: &str) -> Result<IdentityFiles, Box<dyn Error>> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name.push(DnType::CommonName, name);
        let [certificates, private] = ["pem", "key"].map(|end| self.folder.path().join(format!("{name}.{end}")));
        std::fs::write(&certificates, params.signed_by(&key, &self.issuer)?.pem())?;
        let mut file = std::fs::OpenOptions::new();
        let mut file = file
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&private)?;
        std::io::Write::write_all(&mut file, key.serialize_pem().as_bytes())?;
        Ok(IdentityFiles {
            certificates,
            key: private,
        })
    }

    /// How this network function serves: to whoever has a certificate.
    pub(crate) fn server(&self, name: &str) -> Result<ServerTls, Box<dyn Error>> {
        Ok(ServerTls::new(&self.identity(name)?, Some(&self.authority()))?)
    }

    /// How this network function asks others.
    pub(crate) fn client(&self, name: &str) -> Result<ClientOptions, Box<dyn Error>> {
        let mut options = ClientOptions::default();
        options.tls = Some(ClientTls::new(&self.authority(), Some(&self.identity(name)?))?);
        Ok(options)
    }
}
