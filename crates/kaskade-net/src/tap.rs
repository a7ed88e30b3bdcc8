//! Watching which keys a role holds, by fingerprint only: for the demonstration, which compares both ends.

use std::sync::Arc;

use kaskade_aka::visit::{KeyVisitor, ShownKey};
use kaskade_keys::Supi;
use kaskade_keys::derivation::{Fingerprint, Holder};

/// Someone who is told the fingerprint of every key that a role makes or receives. No key reaches it.
pub trait FingerprintTap: Send + Sync {
    /// A holder has a key of a subscriber.
    fn seen(&self, holder: Holder, supi: &Supi, key: &'static str, fingerprint: Fingerprint);
}

/// A tap that may be absent.
pub type OptionalTap = Option<Arc<dyn FingerprintTap>>;

/// Shows keys to a tap.
pub(crate) struct TapVisitor<'t> {
    pub(crate) tap: &'t dyn FingerprintTap,
    pub(crate) holder: Holder,
    pub(crate) supi: &'t Supi,
}

impl KeyVisitor for TapVisitor<'_> {
    fn key<T: ShownKey>(&mut self, key: &T) {
        self.tap.seen(self.holder, self.supi, T::NAME, Fingerprint::of(key));
    }
}
