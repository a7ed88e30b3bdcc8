//! A key by its name, for whoever goes by rows instead of types. Whether it leaves is for the tree to say
//! (`tree/never_leaves.rs`).

use core::fmt;

use kaskade_crypto::Fingerprint;
use subtle::ConstantTimeEq;

use super::Octets;

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
    pub(crate) fn made(name: &'static str, octets: Octets) -> Self {
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

    /// The octets, for derivations, and for the tree, which knows who may have them.
    pub(crate) fn octets(&self) -> &[u8] {
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
