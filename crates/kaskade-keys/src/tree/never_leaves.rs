//! Which keys by name show their octets, and which never leave: what the rows themselves say.

use super::{ROOT, keys, makers};
use crate::derivation::{NamedKey, Octets, Row};

/// The EMSKs, as their rows call them: of an EAP method, and of 5G AKA.
const EMSKS: [&str; 2] = ["EMSK", "EMSK (5G AKA)"];

impl NamedKey {
    /// Takes a key that somebody gives, by its name in the [`tree`](super); `None` for a name that is no key.
    pub fn from_octets(name: &str, octets: &[u8]) -> Option<Self> {
        let name = keys().into_iter().find(|key| *key == name)?;
        Some(Self::made(name, Octets::new(octets.into())))
    }

    /// Whether its octets are shown to nobody.
    pub fn never_leaves(&self) -> bool {
        never_leaves(self.name())
    }

    /// The octets, most significant first: to the person who asked for them at this terminal. `None` for a key that
    /// [never leaves](Self::never_leaves).
    pub fn expose_to_operator(&self) -> Option<&[u8]> {
        (!self.never_leaves()).then_some(self.octets())
    }
}

impl Row {
    /// Whether nobody but UE and network function may ever have the child's octets: K, OP and their like are no children
    /// of rows, which leaves the EMSK and what it is cut or made from (RFC 5295 2). [`NamedKey`] keeps them in.
    pub fn child_never_leaves(&self) -> bool {
        never_leaves(self.child)
    }
}

/// Whether the key of this name is K, an EMSK, or what an EMSK is cut or made from by one row.
fn never_leaves(name: &str) -> bool {
    let makes = |emsk| makers(emsk).any(|row| row.parent == name);
    name == ROOT || EMSKS.into_iter().any(|emsk| name == emsk || makes(emsk))
}
