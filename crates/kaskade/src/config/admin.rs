//! The section `[admin]`.

use std::net::SocketAddr;

use kaskade_net::node::Sharing;

use super::{AdminConfig, Config, ConfigError, Role};

impl AdminConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let value = |name, reason: &str| {
            let reason = reason.to_owned();
            Err(ConfigError::Value { name, reason })
        };
        let Self { listen, tls } = self;
        match (&tls.cert, &tls.key) {
            (Some(_), None) => return value("admin.tls", "cert is set without key"),
            (None, Some(_)) => return value("admin.tls", "key is set without cert"),
            (None, None) if tls.client_ca.is_some() => return value("admin.tls", "client_ca needs cert and key"),
            _ => {}
        }
        if listen.is_none() && tls.cert.is_some() {
            return value("admin.tls", "is set without admin.listen: it would not be used");
        }
        if let Some(listen) = listen.filter(|listen| tls.cert.is_none() && !listen.ip().to_canonical().is_loopback()) {
            return value(
                "admin.listen",
                &format!(
                    "{listen} is open to other machines: set admin.tls.cert and admin.tls.key, or listen on the loopback"
                ),
            );
        }
        Ok(())
    }
}

impl Config {
    /// Nothing of administration is served where a role is.
    pub(super) fn check_admin_address(&self) -> Result<(), ConfigError> {
        match (self.admin.listen, self.beside_admin()) {
            (Some(own), Some((role, other))) => Err(ConfigError::Value {
                name: "admin.listen",
                reason: format!("{own} is where {role} listens ({other}): name another port"),
            }),
            _ => Ok(()),
        }
    }

    /// The role that listens where administration does.
    pub(super) fn beside_admin(&self) -> Option<(Role, SocketAddr)> {
        let own = self.admin.listen?;
        let listening = |role| Some((role, self.listening(role)?.listen));
        let mut all = self.roles().filter_map(listening);
        all.find(|(_, other)| Sharing::of(own, *other) != Sharing::Apart)
    }
}
