//! A UDM on another node: how its client is set up, and what cannot be meant.

use std::net::{IpAddr, SocketAddr};

use kaskade_net::sbi::client::{ClientOptions, SbiClient};

use super::{ConfigError, RemoteUdmConfig};

impl RemoteUdmConfig {
    /// Refuses settings that contradict one another or would not be used, and clear text to another machine. Files are not read.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refused = |name, reason: &str| {
            Err(ConfigError::Value {
                name,
                reason: reason.to_owned(),
            })
        };
        let Some(url) = &self.url else {
            return match *self == Self::default() {
                true => Ok(()),
                false => refused(
                    "ausf.udm",
                    "has settings, but no url: without one the UDM of this node is asked",
                ),
            };
        };
        match (&self.client_cert, &self.client_key) {
            (Some(_), None) => return refused("ausf.udm", "client_cert is set without client_key"),
            (None, Some(_)) => return refused("ausf.udm", "client_key is set without client_cert"),
            _ => {}
        }
        let is_https = url
            .get(..8)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        if is_https {
            if self.insecure_h2c {
                return refused(
                    "ausf.udm.insecure_h2c",
                    "is true, and url is https: it would not be used, leave it out",
                );
            }
            return match self.ca {
                Some(_) => Ok(()),
                None => refused(
                    "ausf.udm.url",
                    "is https, and needs ca: the authority that signed the UDM's certificate",
                ),
            };
        }
        if self.ca.is_some() || self.client_cert.is_some() {
            return refused(
                "ausf.udm.url",
                "is not https, so that ca, client_cert and client_key would not be used",
            );
        }
        let mut options = ClientOptions::default();
        options.insecure_h2c = self.insecure_h2c;
        match SbiClient::new(url, options) {
            Ok(client) if self.insecure_h2c && is_here(&client.root()) => refused(
                "ausf.udm.insecure_h2c",
                "is true, and url is on the loopback: it would not be used, leave it out",
            ),
            Ok(_) => Ok(()),
            Err(error) => refused("ausf.udm.url", &error.to_string()),
        }
    }
}

/// Whether the root of an `http` URL is an address of this machine. Where a name leads shows when it is connected to.
fn is_here(root: &str) -> bool {
    let host = root.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let host = host.unwrap_or_default();
    let address = host.parse().map(|with_port: SocketAddr| with_port.ip());
    let address = address.or_else(|_| host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
    address.is_ok_and(|address| address.to_canonical().is_loopback())
}
