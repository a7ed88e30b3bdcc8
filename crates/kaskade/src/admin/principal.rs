//! Who administers, and what they may.

use std::collections::BTreeMap;
use std::fmt;

pub(crate) use kaskade::config::AdminRole as Role;
use kaskade_faults::fault;
use kaskade_net::admin::Visitor;

/// Somebody who administers, as far as it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    name: String,
    role: Option<Role>,
}

impl Principal {
    /// A user of this machine, who owns the data folder or is root: whoever may read the master key may do everything.
    pub(crate) fn user(uid: u32) -> Self {
        Self {
            name: format!("uid:{uid}"),
            role: Some(Role::Operator),
        }
    }

    /// The user that runs this program.
    pub(crate) fn this_user() -> Self {
        Self::user(rustix::process::geteuid().as_raw())
    }

    /// Whoever has a certificate of this name, with a role or none.
    pub(crate) fn certificate(name: &str, role: Option<Role>) -> Self {
        Self {
            name: name.to_owned(),
            role,
        }
    }

    /// Whether it may do what needs this role.
    pub(crate) fn may(&self, needed: Role) -> bool {
        self.role.is_some_and(|role| role >= needed)
    }

    /// As the audit log has it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Which names in certificates have which role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles(BTreeMap<String, Role>);

impl Roles {
    pub(crate) fn new(roles: impl IntoIterator<Item = (String, Role)>) -> Self {
        Self(
            roles
                .into_iter()
                .map(|(name, role)| (name.to_ascii_lowercase(), role))
                .collect(),
        )
    }

    /// Who a visitor is. Of several names in a certificate the least that has a role counts, so that no name makes more of another.
    pub(crate) fn principal(&self, visitor: &Visitor) -> Principal {
        match visitor {
            Visitor::Local { uid, .. } => {
                let own = rustix::process::geteuid().as_raw();
                match *uid == own || *uid == 0 || fault!("admin-peer-not-checked") {
                    true => Principal::user(*uid),
                    false => Principal::certificate(&format!("uid:{uid}"), None),
                }
            }
            Visitor::Remote { peer, tls: true } => {
                let names = peer.names().unwrap_or_default();
                let found = names.iter().filter_map(|name| Some((name, *self.0.get(&**name)?)));
                match found.min_by_key(|(_, role)| *role) {
                    Some((name, role)) => Principal::certificate(name, Some(role)),
                    None => Principal::certificate(&peer.requester().to_string(), None),
                }
            }
            // In clear nobody proves who it is.
            other => Principal::certificate(&other.to_string(), None),
        }
    }
}
