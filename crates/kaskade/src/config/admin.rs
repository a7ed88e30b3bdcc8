//! The section `[admin]`.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use kaskade_net::node::Sharing;

use super::{AdminConfig, Config, ConfigError, Role};

/// What somebody who administers may do; each may also what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminRole {
    /// Looks.
    Reader,
    /// Looks after subscribers.
    Provisioner,
    /// Looks after the network: its keys, its policy, its sequence numbers.
    Operator,
}

impl AdminRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Provisioner, Self::Operator];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Provisioner => "provisioner",
            Self::Operator => "operator",
        }
    }
}

/// A name that no role has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected reader, provisioner or operator")]
pub struct NotARole;

impl FromStr for AdminRole {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(NotARole)
    }
}

impl fmt::Display for AdminRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl AdminConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let value = |name, reason: &str| {
            let reason = reason.to_owned();
            Err(ConfigError::Value { name, reason })
        };
        let Self { listen, tls, roles } = self;
        match (&tls.cert, &tls.key) {
            (Some(_), None) => return value("admin.tls", "cert is set without key"),
            (None, Some(_)) => return value("admin.tls", "key is set without cert"),
            (None, None) if tls.client_ca.is_some() => return value("admin.tls", "client_ca needs cert and key"),
            _ => {}
        }
        if listen.is_none() && tls.cert.is_some() {
            return value("admin.tls", "is set without admin.listen: it would not be used");
        }
        if !roles.0.is_empty() && (listen.is_none() || tls.client_ca.is_none()) {
            return value(
                "admin.roles",
                "names in certificates have roles, and there is no admin.listen with admin.tls.client_ca: nobody could show one",
            );
        }
        let names: Vec<_> = roles.0.iter().map(|(name, _)| name).collect();
        for (at, name) in names.iter().enumerate() {
            let is_twice = || names.iter().take(at).any(|other| other.eq_ignore_ascii_case(name));
            let wrong = if !is_a_name(name) {
                "no certificate is called so: a DNS name, a URI, or a common name"
            } else if name.to_ascii_lowercase().starts_with("uid:") {
                "users of this machine are called so"
            } else if is_twice() {
                "is there twice: upper and lower case are the same"
            } else {
                continue;
            };
            return value("admin.roles", &format!("{name:?}: {wrong}"));
        }
        if let Some(listen) = listen.filter(|listen| tls.cert.is_none() && !listen.ip().to_canonical().is_loopback()) {
            return value(
                "admin.listen",
                &format!(
                    "{listen} is open to other machines: set admin.tls.cert, key and client_ca, or listen on the loopback"
                ),
            );
        }
        Ok(())
    }
}

/// Whether a certificate may be called so: no pattern, no control character, and no space at an end.
fn is_a_name(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.starts_with("*.") && !name.contains(char::is_control)
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
