//! A peer elsewhere that is asked: how its client is set up, and what cannot be meant.

use std::net::{IpAddr, SocketAddr};

use kaskade_net::sbi::client::{ClientOptions, SbiClient, api_root};

use super::{ConfigError, RemoteConfig};

/// The names of the settings of such a peer, for refusals.
pub(super) struct Names {
    table: &'static str,
    url: &'static str,
    insecure_h2c: &'static str,
    without: &'static str,
}

impl Names {
    /// The table.
    pub(super) const fn table(&self) -> &'static str {
        self.table
    }
}

/// The UDM of an AUSF.
pub(super) const UDM: Names = Names {
    table: "ausf.udm",
    url: "ausf.udm.url",
    insecure_h2c: "ausf.udm.insecure_h2c",
    without: "has settings, but no url: without one the UDM of this node is asked",
};

/// The AAnF of an AUSF.
pub(super) const AANF: Names = Names {
    table: "ausf.aanf",
    url: "ausf.aanf.url",
    insecure_h2c: "ausf.aanf.insecure_h2c",
    without: "has settings, but no url: without one the AAnF of this node is told, where there is one",
};

/// The UDM that an AAnF asks to have users authenticated again.
pub(super) const UDM_OF_AANF: Names = Names {
    table: "aanf.reauthentication.udm",
    url: "aanf.reauthentication.udm.url",
    insecure_h2c: "aanf.reauthentication.udm.insecure_h2c",
    without: "has settings, but no url: without one the UDM of this node is asked",
};

/// The NRF.
pub(super) const NRF: Names = Names {
    table: "nrf",
    url: "nrf.url",
    insecure_h2c: "nrf.insecure_h2c",
    without: "has settings, but no url: without one nothing is registered",
};

impl RemoteConfig {
    /// Refuses settings that contradict one another or would not be used, and clear text to another machine. Files are not read.
    pub(super) fn check(&self, names: &Names) -> Result<(), ConfigError> {
        let refused = |name, reason: &str| {
            Err(ConfigError::Value {
                name,
                reason: reason.to_owned(),
            })
        };
        let Some(url) = &self.url else {
            return match *self == Self::default() {
                true => Ok(()),
                false => refused(names.table, names.without),
            };
        };
        match (&self.client_cert, &self.client_key) {
            (Some(_), None) => return refused(names.table, "client_cert is set without client_key"),
            (None, Some(_)) => return refused(names.table, "client_key is set without client_cert"),
            _ => {}
        }
        let is_https = url
            .get(..8)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        if is_https {
            if self.insecure_h2c {
                return refused(
                    names.insecure_h2c,
                    "is true, and url is https: it would not be used, leave it out",
                );
            }
            return match (&self.ca, api_root(url)) {
                (Some(_), Ok(_)) => Ok(()),
                (_, Err(error)) => refused(names.url, &error.to_string()),
                (None, _) => refused(
                    names.url,
                    "is https, and needs ca: the authority that signed its certificate",
                ),
            };
        }
        if self.ca.is_some() || self.client_cert.is_some() {
            return refused(
                names.url,
                "is not https, so that ca, client_cert and client_key would not be used",
            );
        }
        let mut options = ClientOptions::default();
        options.insecure_h2c = self.insecure_h2c;
        match SbiClient::new(url, options) {
            Ok(client) if self.insecure_h2c && address(&client.root()).is_some_and(is_loopback) => refused(
                names.insecure_h2c,
                "is true, and url is on the loopback: it would not be used, leave it out",
            ),
            Ok(_) => Ok(()),
            Err(error) => refused(names.url, &error.to_string()),
        }
    }
}

/// Host and port of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// The address in a URL. Where a name leads shows when it is connected to.
fn address(url: &str) -> Option<IpAddr> {
    let host = authority(url);
    let address = host.parse().map(|with_port: SocketAddr| with_port.ip());
    let address = address.or_else(|_| host.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok()
}

pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a URL is of this machine, whatever is in the tables of names: `localhost` is (RFC 6761 6.3).
pub(super) fn is_here(url: &str) -> bool {
    let name = authority(url).split(':').next().unwrap_or_default();
    address(url).map_or(name.eq_ignore_ascii_case("localhost"), is_loopback)
}
