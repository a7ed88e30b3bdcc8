//! `kaskade akma proxy`: logs users in before an application that knows nothing of AKMA.

mod home;
mod running;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use kaskade::config::Config;
use kaskade_af::{AkmaClient, AkmaOptions, LoginOptions, UaStar};
use kaskade_keys::id::Fqdn;

use self::home::HomeArgs;
use crate::command::ue::akma::af::PskProtocol;
use crate::console::Console;
use crate::data_dir::variable;
use crate::memory::{self, Swap};
use crate::runtime::log;

/// Lets users log in with their SIM, and hands their requests on to an application
///
/// Users come by HTTPS and prove K_AF by HTTP Digest (TS 33.535 Annex B), or by TLS with K_AF itself (--psk). The application speaks HTTP/1.1 and
/// should listen where only the proxy reaches it, as it believes these fields of a request: Sim-User (GPSI, else SUPI; not there where the home network
/// does not tell), Sim-A-Kid (of the login), Sim-Key-Expiry. What a client writes there is left out. docs/akma-af.md tells more.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  In the operator's domain, where the AAnF knows the proxy by its certificate:
    kaskade akma proxy --af af.example.com --cert chain.pem --key key.pem --listen 0.0.0.0:443 \\
      --upstream http://127.0.0.1:3000 --aanf https://aanf.example:7780 --ca ca.pem \\
      --client-cert af.pem --client-key af.key

  Outside, by the NEF, with the secret that `kaskade nef secret` has made:
    kaskade akma proxy --af af.example.com --cert chain.pem --key key.pem --listen 0.0.0.0:443 \\
      --upstream http://127.0.0.1:3000 --nef https://nef.example --ca ca.pem \\
      --client-id portal --client-secret secret

  And hear when the home network disables a key; for UEs with TLS 1.3 by K_AF beside, in a program
  with the feature psk:
    kaskade akma proxy ... --notices 0.0.0.0:8443 --notices-at https://af.example.com:8443 \\
      --psk tls1.3@0.0.0.0:8444

  To try it, against kaskade up with an [aanf] that allows af.example.com and http-digest:
    kaskade ue akma --af https://af.example.com:8443/ --connect 127.0.0.1:8443 --af-ca ca.pem ...

SIGHUP reads certificates and keys again; connections go on. SIGTERM or Ctrl-C ends in order: requests in progress have 10 seconds. A
second one ends at once.

Exit status: 0 after Ctrl-C or SIGTERM; 75 when an address is in use; 2 for a wrong command line.")]
pub(super) struct Proxy {
    /// Domain name of the application, as users and home network call it; K_AF is for it, in small letters
    #[arg(long, value_name = "NAME", value_parser = in_small_letters)]
    af: Fqdn,
    /// Where users come in
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Its certificate with those above it, PEM
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// The private key, PEM, mode 0600
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The application: http://, a host and a port
    #[arg(long, value_name = "URL")]
    upstream: String,
    #[command(flatten)]
    home: HomeArgs,
    /// Where the home network comes in to say that a key is to be used no more
    #[arg(long, value_name = "ADDRESS:PORT", requires = "notices_at", help_heading = "Notices")]
    notices: Option<SocketAddr>,
    /// How it is told to reach that: https://, with --cert and --key, or http:// on this machine
    #[arg(long, value_name = "URL", requires = "notices", help_heading = "Notices")]
    notices_at: Option<String>,
    /// K_AF is that of the cipher suite of the connection (01 00 01 yy zz), not that of HTTP Digest by itself (01 00 00 00 02)
    #[arg(long, help_heading = "Login")]
    tls_suite: bool,
    /// Offers MD5 beside SHA-256, for UEs that know nothing newer
    #[arg(long, help_heading = "Login")]
    md5: bool,
    /// Lets UEs in by TLS with K_AF itself, without certificate and login: `tls1.3@ADDRESS:PORT`, or `tls1.2=SUITE@ADDRESS:PORT`; may be repeated
    #[arg(long, value_name = "PROTOCOL@ADDRESS:PORT", help_heading = "Login")]
    psk: Vec<PskListen>,
    /// Asks not to be told who users are: the application finds Sim-A-Kid alone
    #[arg(long, help_heading = "Login")]
    anonymous: bool,
    /// Connections of users at once; further ones wait
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = at_least_one, help_heading = "Limits")]
    max_connections: u32,
    /// Of these, from one IPv4 address or 64 bits of an IPv6 one [default: an eighth]
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Limits")]
    max_connections_per_source: Option<u32>,
    /// Requests that the application works on at once, an eighth of them of one user; further ones are answered 503
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = at_least_one, help_heading = "Limits")]
    max_requests: u32,
}

fn at_least_one(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// UEs write the name so, and K_AF depends on how it is written.
fn in_small_letters(text: &str) -> Result<Fqdn, String> {
    text.to_ascii_lowercase().parse().map_err(|error| format!("{error}"))
}

/// A listener for TLS with K_AF.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "psk"), allow(dead_code, reason = "what cannot be spoken is refused"))]
struct PskListen {
    protocol: PskProtocol,
    address: SocketAddr,
}

impl std::str::FromStr for PskListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once('@');
        let (protocol, address) = parts.ok_or("expected a protocol, @, and where to listen")?;
        Ok(Self {
            protocol: protocol.parse()?,
            address: address.parse().map_err(|error| format!("{address}: {error}"))?,
        })
    }
}

impl Proxy {
    pub(super) fn run(&self, console: &Console) -> Result<()> {
        self.check()?;
        let mut config = Config::default();
        // Of a node's settings only those of the log count here.
        let of_log = |name: &str| variable(name).filter(|_| name.starts_with("KASKADE_LOG"));
        config.apply_environment(of_log)?;
        log::start(console, &config, false)?;
        if let Swap::Possible(warning) = memory::lock_all() {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.serve(console))
    }

    fn check(&self) -> Result<()> {
        if !self.psk.is_empty() && !cfg!(feature = "psk") {
            bail!("--psk needs a program that is built with the feature psk (cargo build --features psk)");
        }
        if let (Some(address), Some(url)) = (self.notices, &self.notices_at) {
            let is_clear = self.notices_in_clear()?;
            if is_clear && !address.ip().is_loopback() {
                bail!(
                    "--notices {address}: in clear, whoever is on the path could end logins: give --notices-at https://… in place of {url}, or an \
                     address of this machine alone"
                );
            }
        }
        self.home.check()
    }

    /// Whether notices come by http; the URL has no path, since the proxy makes one that nobody guesses.
    fn notices_in_clear(&self) -> Result<bool> {
        let url = self.notices_at.as_deref().unwrap_or_default();
        let uri: hyper::Uri = url.parse().context("--notices-at")?;
        let is_clear = match uri.scheme_str() {
            Some("https") => false,
            Some("http") => true,
            _ => bail!("--notices-at {url}: expected https:// or http://, a host and a port"),
        };
        if uri.path() != "/" || uri.query().is_some() || uri.authority().is_none_or(|it| it.as_str().contains('@')) {
            bail!("--notices-at {url}: expected a host and a port alone: the proxy adds a path that nobody guesses");
        }
        Ok(is_clear)
    }

    fn keys(&self) -> Result<(AkmaClient, home::Renewable)> {
        let mut options = AkmaOptions::default();
        options.anonymous = self.anonymous;
        options.notify_at.clone_from(&self.notices_at);
        self.home.keys(&self.af, options)
    }

    fn login(&self) -> LoginOptions {
        let mut options = LoginOptions::default();
        options.md5 = self.md5;
        if self.tls_suite {
            options.protocol = UaStar::TlsSuite;
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_for_psk_is_a_protocol_and_an_address() {
        let listen: PskListen = "tls1.2=TLS_PSK_WITH_AES_128_GCM_SHA256@[::1]:8444".parse().unwrap();
        assert_eq!(listen.address, "[::1]:8444".parse().unwrap());
        assert_eq!(
            listen.protocol,
            PskProtocol::Tls12("TLS_PSK_WITH_AES_128_GCM_SHA256".into())
        );
        for text in ["tls1.3", "tls1.3@", "tls1.3@8443", "@127.0.0.1:1", "tls1.1@127.0.0.1:1"] {
            assert!(text.parse::<PskListen>().is_err(), "{text}");
        }
    }
}
