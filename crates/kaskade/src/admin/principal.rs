//! Who administers, and what they may.

use std::collections::BTreeMap;
use std::fmt;

pub(crate) use kaskade::config::AdminRole as Role;
use kaskade_faults::fault;
use kaskade_flow::event::PeerId;
use kaskade_net::admin::Visitor;
use kaskade_net::sbi::peer::Requester;

use super::audit::proved;

/// Somebody who administers, as far as it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    requester: Requester,
    role: Option<Role>,
}

impl Principal {
    /// A user of this machine, who owns the data folder or is root: whoever may read the master key may do everything.
    pub(crate) fn user(uid: u32) -> Self {
        Self {
            requester: Requester::user(uid),
            role: Some(Role::Operator),
        }
    }

    #[cfg(test)]
    pub(crate) fn test(uid: u32, role: Role) -> Self {
        Self {
            role: Some(role),
            ..Self::user(uid)
        }
    }

    /// The user that runs this program.
    pub(crate) fn this_user() -> Self {
        Self::user(rustix::process::geteuid().as_raw())
    }

    /// Whether it may do what needs this role.
    pub(crate) fn may(&self, needed: Role) -> bool {
        self.role.is_some_and(|role| role >= needed)
    }

    /// Whether nothing but an address is known of it.
    pub(crate) fn is_in_clear(&self) -> bool {
        proved(self.peer(), &self.requester.to_string()) == Some("address")
    }

    /// Its number in the audit log: the one that the services have for the same certificate or address.
    pub(crate) fn peer(&self) -> PeerId {
        match fault!("admin-peer-by-its-name") {
            true => PeerId::of(&self.requester.to_string()),
            false => PeerId::from_octets(self.requester.id().short()),
        }
    }
}

/// As the audit log has it.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.requester.fmt(f)
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
        let role = match visitor {
            Visitor::Local { uid, .. } => {
                let own = rustix::process::geteuid().as_raw();
                let may = *uid == own || *uid == 0 || fault!("admin-peer-not-checked");
                may.then_some(Role::Operator)
            }
            Visitor::Remote { peer, tls: true } => {
                let names = peer.names().unwrap_or_default();
                names.iter().filter_map(|name| self.0.get(&**name)).min().copied()
            }
            // In clear nobody proves who it is.
            _ => None,
        };
        Principal {
            requester: visitor.requester(),
            role,
        }
    }
}
