//! Where the proxy has its keys: an AAnF or a NEF, and how it shows there who it is.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use kaskade_af::{Aanf, AkmaClient, AkmaOptions, ClientCredentials, Nef};
use kaskade_keys::id::Fqdn;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::tls::{ClientTls, IdentityFiles, TlsError};
use kaskade_store::private::{self, Use};
use zeroize::Zeroizing;

use crate::command::ue::bearer;

/// Octets of the longest secret of a client.
const LONGEST_SECRET: u64 = 1024;

#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Home network")]
pub(super) struct HomeArgs {
    /// apiRoot of the AAnF that has the keys, such as https://aanf.example:7780
    #[arg(long, value_name = "URL", required_unless_present = "nef", conflicts_with = "nef")]
    aanf: Option<String>,
    /// apiRoot of the NEF that gets them, for an application outside the operator's domain
    #[arg(long, value_name = "URL")]
    nef: Option<String>,
    /// Certificates of the authorities that the certificate of AAnF or NEF must come from, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The proxy's certificate for mutual TLS, PEM
    #[arg(long, value_name = "FILE", requires_all = ["client_key", "ca"])]
    client_cert: Option<PathBuf>,
    /// Its private key, PEM, mode 0600
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// Name at the token endpoint of the NEF, as under [nef.afs]: access tokens are asked for when they are needed
    #[arg(long, value_name = "NAME", requires_all = ["client_secret", "nef"])]
    client_id: Option<String>,
    /// File with the secret of that name, mode 0600
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret: Option<PathBuf>,
    /// The token endpoint [default: /oauth2/token below the NEF's apiRoot]
    #[arg(long, value_name = "URL", requires = "client_id")]
    token_url: Option<String>,
    /// File with an access token that somebody else renews, mode 0600; read at the start
    #[arg(long, value_name = "FILE", conflicts_with = "client_id")]
    token: Option<PathBuf>,
}

/// The certificates of the connection with AAnF or NEF, which SIGHUP reads again.
pub(super) struct Renewable {
    tls: Option<ClientTls>,
}

impl HomeArgs {
    pub(super) fn check(&self) -> Result<()> {
        let (url, option) = self.url()?;
        // The parser asks for no option that contradicts one that is given.
        if self.client_id.is_some() && self.nef.is_none() {
            bail!(
                "--client-id is for the token endpoint of a NEF: name one with --nef in place of --aanf, or leave it out"
            );
        }
        let is_https = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        match (is_https, &self.ca) {
            (true, None) => {
                bail!("{option} {url}: https needs --ca with the authority that its certificate comes from")
            }
            (false, Some(_)) => {
                bail!("--ca is for TLS, and {option} {url} is HTTP/2 in clear text: give https://…, or leave it out")
            }
            _ => Ok(()),
        }
    }

    /// Which one it is, and by which option.
    pub(super) fn url(&self) -> Result<(&str, &'static str)> {
        match (&self.aanf, &self.nef) {
            (Some(aanf), None) => Ok((aanf, "--aanf")),
            (None, Some(nef)) => Ok((nef, "--nef")),
            _ => bail!("expected one of --aanf and --nef"),
        }
    }

    fn tls(&self) -> Result<Option<ClientTls>, TlsError> {
        let identity = self.client_cert.clone().zip(self.client_key.clone());
        let identity = identity.map(|(certificates, key)| IdentityFiles { certificates, key });
        let tls = self.ca.as_ref().map(|ca| ClientTls::new(ca, identity.as_ref()));
        tls.transpose()
    }

    /// Keys of an application function.
    pub(super) fn keys(&self, af: &Fqdn, of_akma: AkmaOptions) -> Result<(AkmaClient, Renewable)> {
        let tls = self.tls()?;
        let renewable = Renewable { tls: tls.clone() };
        let mut options = ClientOptions::default();
        options.tls = tls;
        options.authorization = self.token.as_deref().map(bearer).transpose()?;
        let (url, option) = self.url()?;
        let context = || format!("{option} {url}");
        let keys = match (&self.aanf, &self.client_id, &self.client_secret) {
            (Some(_), ..) => AkmaClient::new(af.clone(), Aanf::new(url, options).with_context(context)?, of_akma),
            (None, Some(id), Some(file)) => {
                let credentials = ClientCredentials::new(id, secret(file)?);
                let nef = Nef::with_credentials(url, options, &credentials, self.token_url.as_deref());
                AkmaClient::new(af.clone(), nef.with_context(context)?, of_akma)
            }
            (None, ..) => AkmaClient::new(af.clone(), Nef::new(url, options).with_context(context)?, of_akma),
        };
        Ok((keys?, renewable))
    }

    /// Takes the certificates of the files over.
    pub(super) fn renew(&self, renewable: &Renewable) -> Result<(), TlsError> {
        if let (Some(current), Some(next)) = (&renewable.tls, self.tls()?) {
            current.replace_by(&next);
        }
        Ok(())
    }
}

/// The secret in a file, which is one line.
fn secret(path: &Path) -> Result<Zeroizing<String>> {
    let octets = Zeroizing::new(private::read(path, Use::Secret, LONGEST_SECRET)?);
    let text = std::str::from_utf8(octets.trim_ascii());
    match text {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => Ok(Zeroizing::new(text.to_owned())),
        _ => bail!("{}: no secret of a client: expected one line of text", path.display()),
    }
}
