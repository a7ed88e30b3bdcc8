//! A key by its name, for whoever goes by rows instead of types.

use core::fmt;

use kaskade_crypto::Fingerprint;
use subtle::ConstantTimeEq;

use super::Octets;
use crate::tree;

/// The EMSK, as its rows call it.
const EMSK: &str = "EMSK";

/// A key of the hierarchy under its name. Silent, wiped on drop, compared in constant time.
///
/// What [`Transcript::derive`](super::Transcript::derive) takes and gives. Most keys show their octets to the person at
/// the terminal; K, the EMSK and the keys that the EMSK is cut or made from show them to nobody, and serve for further
/// derivations only.
#[derive(Clone)]
pub struct NamedKey {
    name: &'static str,
    octets: Octets,
}

impl NamedKey {
    /// Takes a key that somebody gives, by its name in the [`tree`]; `None` for a name that is no key.
    pub fn from_octets(name: &str, octets: &[u8]) -> Option<Self> {
        let name = tree::keys().into_iter().find(|key| *key == name)?;
        Some(Self::made(name, Octets::new(octets.into())))
    }

    pub(super) fn made(name: &'static str, octets: Octets) -> Self {
        Self { name, octets }
    }

    /// The name as 3GPP or the IETF writes it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many octets it has.
    #[allow(clippy::len_without_is_empty, reason = "no key is empty")]
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_octets(self.name, &self.octets)
    }

    /// Whether its octets are shown to nobody.
    pub fn never_leaves(&self) -> bool {
        never_leaves(self.name)
    }

    /// The octets, most significant first: to the person who asked for them at this terminal. `None` for a key that
    /// [never leaves](Self::never_leaves).
    pub fn expose_to_operator(&self) -> Option<&[u8]> {
        (!self.never_leaves()).then_some(&self.octets[..])
    }

    /// The octets, for derivations.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// Of one name, and the same octets in constant time.
impl PartialEq for NamedKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.octets.ct_eq(&other.octets).into()
    }
}

impl Eq for NamedKey {}

impl fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(…)", self.name)
    }
}

/// Whether the key of this name is K, the EMSK, or what the EMSK is cut or made from by one row.
pub(super) fn never_leaves(name: &str) -> bool {
    name == tree::ROOT || name == EMSK || tree::makers(EMSK).any(|row| row.parent == name)
}
