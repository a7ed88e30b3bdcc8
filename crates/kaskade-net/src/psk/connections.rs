//! Connections with K_AF that end when the home network says that the key is to be used no more.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_keys::HomeRealm;
use kaskade_keys::id::AKid;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::time::unix_millis;

/// So late that it never comes.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// What tells A-KIDs apart: A-TID and home realm, not the routing indicator.
type Name = ([u8; 32], HomeRealm);

fn name(a_kid: &AKid) -> Name {
    (*a_kid.a_tid().expose_in_a_kid(), a_kid.realm())
}

/// The connections with K_AF of an application function, of all its servers: the way to end those of a subscriber before their key expires.
/// Clones are the same.
///
/// An entry lives as long as somebody shakes hands or is connected by its A-KID, so that there are no more than handshakes and connections.
#[derive(Clone, Default)]
pub struct AkmaConnections(Arc<Mutex<HashMap<Name, Weak<Watched>>>>);

impl AkmaConnections {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Name, Weak<Watched>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys below this A-KID are to be used no more (TS 29.535, Service Disable Notification): its connections end, and so do handshakes
    /// whose key was asked for before. Whether there were any.
    pub fn disable(&self, a_kid: &AKid) -> bool {
        if fault!("psk-akma-connection-outlives-notice") {
            return false;
        }
        // Whoever comes later asks anew.
        let watched = self.all().remove(&name(a_kid)).and_then(|watched| watched.upgrade());
        watched.is_some_and(|watched| {
            watched.is_over.send_replace(true);
            true
        })
    }

    /// A-KIDs of which there are handshakes or connections.
    pub fn count(&self) -> usize {
        self.all().len()
    }

    /// Hears of the end of keys below an A-KID, from now on.
    pub(super) fn watch(&self, a_kid: &AKid) -> Arc<Watched> {
        let name = name(a_kid);
        let mut all = self.all();
        if let Some(watched) = all.get(&name).and_then(Weak::upgrade) {
            return watched;
        }
        let watched = Arc::new(Watched {
            is_over: watch::Sender::new(false),
            name,
            of: self.clone(),
        });
        all.insert(name, Arc::downgrade(&watched));
        watched
    }
}

impl fmt::Debug for AkmaConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AkmaConnections").finish_non_exhaustive()
    }
}

/// Keys below one A-KID, as long as somebody has one.
pub(super) struct Watched {
    is_over: watch::Sender<bool>,
    name: Name,
    of: AkmaConnections,
}

impl Watched {
    /// Whether they are to be used no more.
    pub(super) fn is_over(&self) -> bool {
        *self.is_over.borrow()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut all = self.of.all();
        // Another one may have taken its place since it was disabled.
        if all.get(&self.name).is_some_and(|there| there.strong_count() == 0) {
            all.remove(&self.name);
        }
    }
}

/// When a key ends.
#[derive(Clone, Default)]
pub(super) struct KeyEnd {
    pub(super) until: Option<UnixMillis>,
    pub(super) watched: Option<Arc<Watched>>,
}

/// Is done when a key has ended.
pub(super) type Ended = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl KeyEnd {
    /// Whether that has come.
    pub(super) fn has_come(&self) -> bool {
        self.until.is_some_and(|until| until <= unix_millis())
            || self.watched.as_ref().is_some_and(|watched| watched.is_over())
    }

    /// Waits for it; `None` where it never comes.
    pub(super) fn waited_for(self) -> Option<Ended> {
        let Self { until, watched } = self;
        if until.is_none() && watched.is_none() {
            return None;
        }
        let left = until.map_or(FAR, |until| {
            Duration::from_millis(until.get().saturating_sub(unix_millis().get())).min(FAR)
        });
        // From now on, and not from when somebody first waits.
        let timer = sleep(left);
        let told = async move {
            if let Some(watched) = watched {
                let mut is_over = watched.is_over.subscribe();
                while !*is_over.borrow_and_update() {
                    if is_over.changed().await.is_err() {
                        break;
                    }
                }
                return;
            }
            std::future::pending::<()>().await;
        };
        Some(Box::pin(async move {
            tokio::select! {
                () = timer => {}
                () = told => {}
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use kaskade_keys::akma::ATid;

    use super::*;

    #[test]
    fn an_a_kid_is_forgotten_with_its_last_connection() {
        let connections = AkmaConnections::new();
        let realm = HomeRealm::new("001-01".parse().unwrap(), None);
        let a_kid = |indicator: &str| AKid::new(indicator.parse().unwrap(), &ATid::from_octets(&[7; 32]), realm);
        let (one, two) = (connections.watch(&a_kid("1")), connections.watch(&a_kid("22")));
        assert_eq!(connections.count(), 1);
        drop(one);
        assert_eq!(connections.count(), 1);
        assert!(connections.disable(&a_kid("1")) && two.is_over());
        assert!(!connections.disable(&a_kid("1")), "they are told once");
        // Who comes later is another one, and stays when the earlier is gone.
        let later = connections.watch(&a_kid("1"));
        assert!(!later.is_over());
        drop(two);
        assert_eq!(connections.count(), 1);
        drop(later);
        assert_eq!(connections.count(), 0);
    }
}
