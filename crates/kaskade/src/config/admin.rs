//! The section `[admin]`.

use kaskade_net::node::Sharing;

use super::{AdminConfig, Config, ConfigError};

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
        let Some(own) = self.admin.listen else { return Ok(()) };
        for role in self.roles() {
            let listening = self.listening(role).map(|listening| listening.listen);
            if let Some(other) = listening.filter(|other| Sharing::of(own, *other) != Sharing::Apart) {
                return Err(ConfigError::Value {
                    name: "admin.listen",
                    reason: format!("{own} is where {role} listens ({other}): name another port"),
                });
            }
        }
        Ok(())
    }
}
