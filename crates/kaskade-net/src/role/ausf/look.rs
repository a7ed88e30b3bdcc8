//! What an administrator sees of authentication contexts: whose they are, where, and their keys by fingerprint.

use std::time::Duration;

use kaskade_aka::visit::{KeyVisitor, ShownKey, VisitKeys};
use kaskade_keys::derivation::Fingerprint;
use kaskade_keys::{ServingNetworkName, Supi};

use super::Ausf;
use crate::time::moment;

/// A context, without what opens it.
#[derive(Clone, Debug)]
pub struct SeenContext {
    /// Whose it is.
    pub supi: Supi,
    /// Where the user is authenticated, or was.
    pub serving_network_name: ServingNetworkName,
    /// Whether it waits for an answer; else the user was authenticated, and the result can be taken back.
    pub is_pending: bool,
    /// Its keys, K_AUSF first.
    pub keys: Vec<(&'static str, Fingerprint)>,
    /// How long it stays; `None`: without end.
    pub left: Option<Duration>,
}

/// Takes K_AUSF and K_SEAF: what a challenge is compared with is no key.
#[derive(Default)]
struct Keys(Vec<(&'static str, Fingerprint)>);

impl KeyVisitor for Keys {
    fn key<T: ShownKey>(&mut self, key: &T) {
        if matches!(T::NAME, "K_AUSF" | "K_SEAF") && !self.0.iter().any(|(name, _)| *name == T::NAME) {
            self.0.push((T::NAME, Fingerprint::of(key)));
        }
    }
}

impl Ausf {
    /// At most so many contexts, of this user or of all: those that wait first.
    pub fn look(&self, of: Option<&Supi>, at_most: usize) -> Vec<SeenContext> {
        let now = moment();
        let mut seen = Vec::new();
        // Whether there is room for more. Keys of others are not hashed.
        let mut show = |supi: &Supi, context: &dyn Fn() -> SeenContext| {
            if seen.len() < at_most && of.is_none_or(|of| of == supi) {
                seen.push(context());
            }
            seen.len() < at_most
        };
        self.contexts.each_pending(of, now, |pending, end| {
            show(pending.run.supi(), &|| {
                let mut keys = Keys::default();
                pending.run.visit_keys(&mut keys);
                SeenContext {
                    supi: pending.run.supi().clone(),
                    serving_network_name: *pending.run.serving_network_name(),
                    is_pending: true,
                    keys: keys.0,
                    left: end.map(|end| end.since(now)),
                }
            })
        });
        self.contexts.each_eap(of, now, |pending, end| {
            show(&pending.supi, &|| SeenContext {
                supi: pending.supi.clone(),
                serving_network_name: pending.serving_network_name,
                is_pending: true,
                keys: Vec::new(),
                left: end.map(|end| end.since(now)),
            })
        });
        self.contexts.each_result(of, now, |kept, end| {
            let success = kept.success();
            show(&success.supi, &|| SeenContext {
                supi: success.supi.clone(),
                serving_network_name: success.serving_network_name,
                is_pending: false,
                keys: Vec::new(),
                left: end.map(|end| end.since(now)),
            })
        });
        seen
    }
}
