//! A peer that is named, or that an NRF knows.

use std::path::PathBuf;

use kaskade_net::sbi::client::ClientOptions;

use super::remote::Names;
use super::setting::settings;
use super::{ConfigError, RemoteConfig};

settings! {
    /// A peer elsewhere that an NRF may know.
    PeerConfig {
        /// Its apiRoot: `https`, or `http` on the loopback.
        url: Option<String> = None => "\"https://peer.example.org:7780\"",
        /// Find it at the NRF of nrf.url instead, by the routing indicator of the subscriber: whoever is found is reached by what follows.
        by_nrf: bool = false,
        /// PEM file with the authority that signed its certificate.
        ca: Option<PathBuf> = None => "\"/etc/kaskade/tls/ca.pem\"",
        /// PEM file with the certificate chain that is shown to it, own certificate first.
        client_cert: Option<PathBuf> = None => "\"/etc/kaskade/tls/client.pem\"",
        /// PEM file with its private key.
        client_key: Option<PathBuf> = None => "\"/etc/kaskade/tls/client-key.pem\"",
        /// Let `http` leave this machine: every key is then shown to whoever is on the path.
        insecure_h2c: bool = false,
    }
}

impl PeerConfig {
    fn remote(&self) -> RemoteConfig {
        RemoteConfig {
            url: self.url.clone(),
            ca: self.ca.clone(),
            client_cert: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            insecure_h2c: self.insecure_h2c,
        }
    }

    /// Whether it is in another process.
    pub const fn is_elsewhere(&self) -> bool {
        self.url.is_some() || self.by_nrf
    }

    /// How it is reached, with the TLS files read; its table is called so.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn client_options(&self, table: &str) -> Result<ClientOptions, ConfigError> {
        self.remote().client_options(table)
    }

    /// Refuses settings that contradict one another or would not be used. Files are not read.
    pub(super) fn check(&self, names: &Names, has_nrf: bool) -> Result<(), ConfigError> {
        if !self.by_nrf {
            return self.remote().check(names);
        }
        let unfit = self.remote().unfit_for_nrf(has_nrf);
        unfit.map_or(Ok(()), |reason| {
            Err(ConfigError::Value {
                name: names.table(),
                reason: reason.to_owned(),
            })
        })
    }
}

impl RemoteConfig {
    /// Why these cannot be the settings of a peer that an NRF finds.
    pub(super) const fn unfit_for_nrf(&self, has_nrf: bool) -> Option<&'static str> {
        match (&self.url, &self.ca, &self.client_cert, &self.client_key) {
            (Some(_), ..) => Some("by_nrf is true beside url: decide for one of them"),
            _ if !has_nrf => Some("by_nrf is true, and there is no NRF: set nrf.url"),
            (_, _, Some(_), None) => Some("client_cert is set without client_key"),
            (_, _, None, Some(_)) => Some("client_key is set without client_cert"),
            (_, None, Some(_), _) => Some("client_cert would not be used without ca: https needs both"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, ConfigError};

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("k.toml"))
    }

    #[test]
    fn a_peer_is_named_or_found_at_the_nrf() {
        let nrf = "[nrf]\nurl = \"http://127.0.0.1:8000\"\n[udm]\n[ausf]\n";
        for (text, is_elsewhere) in [
            (format!("{nrf}[aanf]\n"), false),
            (format!("{nrf}[ausf.aanf]\nby_nrf = true\nca = \"ca.pem\"\n"), true),
            (
                format!(
                    "{nrf}[ausf.aanf]\nby_nrf = true\n[aanf.reauthentication]\nenabled = true\nudm = {{ by_nrf = true }}\n"
                ),
                true,
            ),
        ] {
            let config = parse(&text).expect(&text);
            assert_eq!(config.ausf.aanf.is_elsewhere(), is_elsewhere, "{text}");
            assert!(config.has_anchor_keys());
            let printed = config.commented_toml();
            assert_eq!(parse(&printed).expect(&printed), config);
        }
        for (text, says) in [
            (
                "[udm]\n[ausf.aanf]\nby_nrf = true\n".to_owned(),
                "ausf.aanf: by_nrf is true, and there is no NRF",
            ),
            (
                format!("{nrf}[ausf.aanf]\nby_nrf = true\nurl = \"http://127.0.0.1:1\"\n"),
                "ausf.aanf: by_nrf is true beside url",
            ),
            (
                format!("{nrf}[ausf.aanf]\nby_nrf = true\nca = \"a\"\nclient_cert = \"a\"\n"),
                "ausf.aanf: client_cert is set without client_key",
            ),
            (
                format!(
                    "{nrf}[nef.aanfs.a]\nrealm = \"5gc.mnc001.mcc001.3gppnetwork.org\"\nby_nrf = true\nurl = \"http://127.0.0.1:1\"\n"
                ),
                "nef.aanfs.a: by_nrf is true beside url",
            ),
            (
                "[nef.aanfs.a]\nrealm = \"5gc.mnc001.mcc001.3gppnetwork.org\"\nby_nrf = true\n".to_owned(),
                "nef.aanfs.a: by_nrf is true, and there is no NRF",
            ),
            (
                "[aanf]\nrouting_indicators = [\"17\"]\n".to_owned(),
                "aanf.routing_indicators",
            ),
        ] {
            let said = parse(&text).expect_err(&text).to_string();
            assert!(said.contains(says), "{said}\n{says}");
        }
    }
}
