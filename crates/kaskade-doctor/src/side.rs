//! What one side of an authentication knows: fingerprints of its keys, and their octets if they may be shown.

use kaskade_aka::visit::{KeyVisitor, ShownKey};
use kaskade_keys::derivation::{Fingerprint, NamedKey};
use zeroize::Zeroizing;

/// The keys that one side has, by name.
pub struct Side {
    reveal: bool,
    keys: Vec<KnownKey>,
    /// Keys, and of what they were made where that is not the usual parent.
    made_of: Vec<(&'static str, &'static str)>,
}

/// One key of a side.
pub struct KnownKey {
    name: String,
    fingerprint: Fingerprint,
    /// How many octets it has, if that is known here.
    len: Option<usize>,
    octets: Option<Zeroizing<Vec<u8>>>,
}

impl Side {
    /// Knows nothing yet; keeps octets only if the person at the terminal asked for them.
    pub fn new(reveal: bool) -> Self {
        Self {
            reveal,
            keys: Vec::new(),
            made_of: Vec::new(),
        }
    }

    /// Takes note that a key was made of another one than usual, by their names.
    pub fn made(&mut self, key: &'static str, of: &'static str) {
        self.made_of.push((key, of));
    }

    /// Of what a key was made, where that is known not to be the usual parent.
    pub fn made_of(&self, name: &str) -> Option<&'static str> {
        let made = self.made_of.iter().rev().find(|(key, _)| *key == name);
        made.map(|(_, of)| *of)
    }

    /// Takes note of a key of which only the fingerprint is known here.
    pub fn note(&mut self, name: &str, fingerprint: Fingerprint) {
        self.keys.push(KnownKey {
            name: name.to_owned(),
            fingerprint,
            len: None,
            octets: None,
        });
    }

    /// Takes note of a key that goes by its name.
    pub fn take(&mut self, key: &NamedKey) {
        let octets = key.expose_to_operator().filter(|_| self.reveal);
        self.keys.push(KnownKey {
            name: key.name().to_owned(),
            fingerprint: key.fingerprint(),
            len: Some(key.len()),
            octets: octets.map(|octets| Zeroizing::new(octets.to_vec())),
        });
    }

    /// Takes over what another party of this side knows under `name`.
    pub fn adopt(&mut self, name: &str, other: &Self) {
        if let Some(key) = other.of(name) {
            self.keys.push(KnownKey {
                name: name.to_owned(),
                fingerprint: key.fingerprint,
                len: key.len,
                octets: key.octets.clone(),
            });
        }
    }

    /// The key that was seen last under this name.
    pub fn of(&self, name: &str) -> Option<&KnownKey> {
        self.keys.iter().rev().find(|key| key.name == name)
    }
}

impl KnownKey {
    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// How many octets it has.
    pub fn length(&self) -> Option<usize> {
        self.len
    }

    /// The octets, if this side may show them.
    pub fn octets(&self) -> Option<&[u8]> {
        self.octets.as_deref().map(Vec::as_slice)
    }
}

impl KeyVisitor for Side {
    fn key<T: ShownKey>(&mut self, key: &T) {
        self.keys.push(KnownKey {
            name: T::NAME.to_owned(),
            fingerprint: Fingerprint::of(key),
            len: Some(key.expose_to_operator().len()),
            octets: self.reveal.then(|| Zeroizing::new(key.expose_to_operator().to_vec())),
        });
    }
}
