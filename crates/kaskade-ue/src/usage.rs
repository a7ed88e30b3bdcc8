//! Keys of usages that a UE derives below the EMSK of its latest authentication (RFC 5295).

use kaskade_anchor::emsk::{KeyOf, Root, UsageKey};
use kaskade_keys::id::RootKeyName;

/// The root key of a usage, and what UE and network call it.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// EMSKname, 8 octets.
    pub emsk_name: RootKeyName,
    /// USRKname or DSUSRKname, 8 octets.
    pub name: RootKeyName,
    /// The key, 64 octets.
    pub key: UsageKey,
}

impl NamedKey {
    pub(crate) fn below(root: &mut Root, of: &KeyOf) -> Self {
        Self {
            emsk_name: root.name(),
            name: root.key_name(of),
            key: root.key(of),
        }
    }
}
