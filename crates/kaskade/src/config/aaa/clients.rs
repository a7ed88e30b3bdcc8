//! Who may ask by RADIUS: what is said of each client, with its secret and its key.

use kaskade_crypto::radius::SharedSecret;
use kaskade_net::radius::{Client, Clients};
use kaskade_net::role::aaa::Networks;
use kaskade_net::sbi::peer::Requester;
use kaskade_store::private::{self, Use};
use zeroize::Zeroizing;

use super::{ClientConfig, network};
use crate::config::{Config, ConfigError, Parsed};

/// What the configuration says of RADIUS clients, with their secrets read.
#[derive(Clone, Debug)]
pub struct Radius {
    /// Who may ask.
    pub clients: Clients,
    /// Which network each is of.
    pub networks: Networks,
    /// The names of those whose secret is shorter than 16 octets.
    pub short_secrets: Vec<String>,
}

/// More than any file with a secret has.
const LONGEST_FILE: u64 = 4096;

impl ClientConfig {
    /// The secret, from where it is kept.
    fn secret(&self, client: &str) -> Result<SharedSecret, ConfigError> {
        let entry = |field: &str, reason: String| ConfigError::Entry {
            name: format!("aaa.clients.{client}.{field}"),
            reason,
        };
        let (field, octets) = match (&self.secret_file, &self.secret_env) {
            (Some(file), _) => {
                let read = private::read(file, Use::Secret, LONGEST_FILE);
                let octets = read.map_err(|error| entry("secret_file", error.to_string()))?;
                ("secret_file", Zeroizing::new(octets))
            }
            (None, Some(variable)) => {
                let missing = || entry("secret_env", format!("{variable} is not set in the environment"));
                let text = std::env::var(variable).map_err(|_| missing())?;
                ("secret_env", Zeroizing::new(text.into_bytes()))
            }
            (None, None) => return Err(entry("prefixes", NO_SECRET.to_owned())),
        };
        SharedSecret::new(first_line(&octets)).map_err(|error| entry(field, error.to_string()))
    }

    /// The clients with this one's pre-shared key, where it has one.
    #[cfg(feature = "psk")]
    fn with_key(&self, clients: Clients, client: &str) -> Result<Clients, ConfigError> {
        let entry = |field: &str, reason: String| ConfigError::Entry {
            name: format!("aaa.clients.{client}.{field}"),
            reason,
        };
        let (Some(identity), Some(file)) = (&self.psk_identity, &self.psk_file) else {
            return Ok(clients);
        };
        let identity = kaskade_net::psk::PskIdentity::new(identity);
        let identity = identity.map_err(|error| entry("psk_identity", error.to_string()))?;
        let read = private::read(file, Use::Secret, LONGEST_FILE);
        let octets = Zeroizing::new(read.map_err(|error| entry("psk_file", error.to_string()))?);
        let digits = std::str::from_utf8(first_line(&octets)).unwrap_or_default();
        let key = crate::hex_field::octets_between("the key", digits, 16, 64);
        let key = key.map_err(|error| entry("psk_file", error.to_string()))?;
        clients
            .with_key(&identity, &key, client)
            .map_err(|error| entry("psk_file", error.to_string()))
    }

    /// Without the feature a configuration that has keys is refused before this.
    #[cfg(not(feature = "psk"))]
    #[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "as with the feature")]
    fn with_key(&self, clients: Clients, _: &str) -> Result<Clients, ConfigError> {
        Ok(clients)
    }
}

fn first_line(octets: &[u8]) -> &[u8] {
    let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

const NO_SECRET: &str = "there is no secret for them: name secret_file or secret_env";

impl Config {
    /// Who may ask by RADIUS, and for which network; secrets are read.
    ///
    /// # Errors
    /// [`ConfigError::Entry`] or [`ConfigError::Value`], with the setting and what is wrong with it.
    pub fn radius(&self) -> Result<Radius, ConfigError> {
        let mut networks = Networks::of_all(network("aaa.network".to_owned(), &self.aaa.network)?);
        let (mut over_udp, mut short_secrets) = (Vec::new(), Vec::new());
        for (name, client) in &self.aaa.clients.0 {
            if let Some(own) = &client.network {
                let own = network(format!("aaa.clients.{name}.network"), own)?;
                networks = networks.with(&Requester::group(name), own);
            }
            if client.prefixes.is_empty() {
                continue;
            }
            let secret = client.secret(name)?;
            if secret.is_short() {
                short_secrets.push(name.clone());
            }
            for Parsed(prefix) in &client.prefixes {
                over_udp.push((*prefix, Client::new(name, secret.clone())));
            }
        }
        let clients = Clients::new(over_udp).map_err(|twice| ConfigError::Value {
            name: "aaa.clients",
            reason: twice.to_string(),
        })?;
        let certificates = self.aaa.clients.0.iter().flat_map(|(name, client)| {
            let certificates = client.certificates.iter();
            certificates.map(move |certificate| (certificate, name))
        });
        let mut clients = certificates.fold(clients, |clients, (certificate, name)| {
            clients.with_certificate(certificate, name)
        });
        for (name, client) in &self.aaa.clients.0 {
            clients = client.with_key(clients, name)?;
        }
        Ok(Radius {
            clients,
            networks,
            short_secrets,
        })
    }

    pub(super) fn check_clients(&self) -> Result<(), ConfigError> {
        let (mut prefixes, mut certificates, mut identities) = (Vec::new(), Vec::new(), Vec::new());
        for (name, client) in &self.aaa.clients.0 {
            let entry = |field: &str, reason: String| {
                let name = match field {
                    "" => format!("aaa.clients.{name}"),
                    field => format!("aaa.clients.{name}.{field}"),
                };
                Err(ConfigError::Entry { name, reason })
            };
            let ClientConfig {
                secret_file,
                secret_env,
                psk_identity,
                psk_file,
                ..
            } = client;
            match (psk_identity, psk_file) {
                (Some(_), None) => return entry("psk_identity", "needs psk_file".to_owned()),
                (None, Some(_)) => return entry("psk_file", "needs psk_identity".to_owned()),
                (Some(_), _) if self.aaa.radsec_psk.is_empty() => {
                    return entry(
                        "psk_identity",
                        "aaa.radsec_psk is empty: it would not be used".to_owned(),
                    );
                }
                (Some(identity), _) if !(1..=255).contains(&identity.len()) => {
                    return entry(
                        "psk_identity",
                        format!("has {} octets, expected 1 to 255", identity.len()),
                    );
                }
                (Some(identity), _) => {
                    if let Some((_, other)) = identities.iter().find(|(known, _)| *known == identity) {
                        return entry(
                            "psk_identity",
                            format!("is that of {other} too: decide for one of them"),
                        );
                    }
                    identities.push((identity, name));
                }
                (None, None) => {}
            }
            match (client.prefixes.is_empty(), secret_file, secret_env) {
                (_, Some(_), Some(_)) => {
                    return entry(
                        "secret_env",
                        "is set beside secret_file: decide for one of them".to_owned(),
                    );
                }
                (true, Some(_), _) => return entry("secret_file", UNUSED.to_owned()),
                (true, _, Some(_)) => return entry("secret_env", UNUSED.to_owned()),
                (true, ..) if client.certificates.is_empty() && psk_identity.is_none() => {
                    return entry(
                        "",
                        "has neither prefixes nor certificates: nobody would be known as it".to_owned(),
                    );
                }
                (false, None, None) => return entry("prefixes", NO_SECRET.to_owned()),
                _ => {}
            }
            if self.aaa.radius.is_empty() && !client.prefixes.is_empty() {
                return entry("prefixes", "aaa.radius is empty: they would not be used".to_owned());
            }
            if self.aaa.radsec.is_empty() && !client.certificates.is_empty() {
                return entry("certificates", "aaa.radsec is empty: they would not be used".to_owned());
            }
            for Parsed(prefix) in &client.prefixes {
                if let Some((_, other)) = prefixes.iter().find(|(known, _)| known == prefix) {
                    return entry(
                        "prefixes",
                        format!("{prefix} is that of {other} too: decide for one of them"),
                    );
                }
                prefixes.push((*prefix, name));
            }
            for certificate in &client.certificates {
                let certificate = certificate.to_ascii_lowercase();
                if let Some((_, other)) = certificates.iter().find(|(known, _)| *known == certificate) {
                    return entry(
                        "certificates",
                        format!("one of them is that of {other} too: decide for one of them"),
                    );
                }
                certificates.push((certificate, name));
            }
            if let Some(own) = &client.network {
                network(format!("aaa.clients.{name}.network"), own)?;
            }
        }
        Ok(())
    }
}

const UNUSED: &str = "is for addresses, and there are no prefixes: it would not be used";
