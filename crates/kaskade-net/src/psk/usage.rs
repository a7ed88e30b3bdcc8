//! Keys of usages below an EMSK as pre-shared keys (RFC 5295): the project profile "PSK of a usage key", version 1.
//!
//! | Part | What it is |
//! |---|---|
//! | key | the 64 octets of the USRK or DSUSRK |
//! | identity | `kaskade-usage-1.` ‖ EMSKname ‖ `.` ‖ USRKname or DSUSRKname, in a domain followed by `@` ‖ domain; names in 16 lower-case hexadecimal digits |
//! | protocol | one for each usage, and so for each label: a key for one [`Profile`] is used with no other |
//!
//! The key is the root of its usage and serves nothing else, so that nothing is derived between. The identity, which goes in
//! clear, names no subscriber; it tells that two connections are of one authentication, and whoever saw its RAND and AUTN knows of which.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_keys::id::{Fqdn, RootKeyName};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::client::PskClient;
use super::context::ContextError;
use super::key::{PskIdentity, PskKey};
use super::lookup::{Asked, PskKeys};
use super::profile::Profile;
use crate::time::unix_millis;

/// What the two ends of a connection call the root key of a usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageKeyName {
    /// EMSKname, 8 octets.
    pub emsk: RootKeyName,
    /// USRKname or DSUSRKname, 8 octets.
    pub key: RootKeyName,
    /// The domain of a DSUSRK.
    pub domain: Option<Fqdn>,
}

impl UsageKeyName {
    /// The identity that the client sends: 49 octets, and in a domain 1 and those of the domain's name more. Before TLS 1.3 there is
    /// room for a domain of at most 78 octets.
    pub fn identity(&self) -> PskIdentity {
        let Self { emsk, key, domain } = self;
        PskIdentity::of_name(match domain {
            None => format!("kaskade-usage-1.{emsk}.{key}"),
            Some(domain) => format!("kaskade-usage-1.{emsk}.{key}@{}", domain.as_str()),
        })
    }
}

/// The keys that one network function, application server or UE holds, for one protocol: it serves with them and connects with them, until
/// each expires or is retired.
pub struct UsagePsks {
    profile: Profile,
    most: usize,
    held: Mutex<HashMap<PskIdentity, Held>>,
}

struct Held {
    key: PskKey,
    /// Until when, for whoever waits for that too. Dropped where the key is retired.
    until: watch::Sender<Instant>,
}

impl Held {
    fn is_over(&self) -> bool {
        *self.until.borrow() <= Instant::now()
    }
}

/// There is no room for another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for another key of a usage: at most {most} are held")]
pub struct NoRoomForKey {
    most: usize,
}

impl UsagePsks {
    /// None yet, and room for so many.
    pub fn new(profile: Profile, most: usize) -> Arc<Self> {
        Arc::new(Self {
            profile,
            most,
            held: Mutex::default(),
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<PskIdentity, Held>> {
        self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Holds a key until it expires. The same key once more is held until then instead, with its connections; another one of that name
    /// ends them.
    ///
    /// # Errors
    /// [`NoRoomForKey`] where all places are taken by keys that have not expired.
    pub fn hold(&self, identity: PskIdentity, key: PskKey, expires: UnixMillis) -> Result<(), NoRoomForKey> {
        let left = Duration::from_millis(expires.get().saturating_sub(unix_millis().get()));
        // So late that it never comes.
        const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        let until = Instant::now() + left.min(FAR);
        let mut held = self.held();
        if let Some(there) = held.get(&identity).filter(|there| there.key.is(&key)) {
            match fault!("psk-connections-keep-their-end") {
                true => there.until.send_if_modified(|end| {
                    *end = until;
                    false
                }),
                false => there.until.send_replace(until) != until,
            };
            return Ok(());
        }
        if held.len() >= self.most && !held.contains_key(&identity) {
            held.retain(|_, there| !there.is_over());
            if held.len() >= self.most && !fault!("psk-usage-keys-without-bound") {
                return Err(NoRoomForKey { most: self.most });
            }
        }
        let until = watch::Sender::new(until);
        held.insert(identity, Held { key, until });
        Ok(())
    }

    /// A key is retired: nobody gets in with it any more, and [`ended`](Self::ended) tells its connections. False where it was not held.
    pub fn retire(&self, identity: &PskIdentity) -> bool {
        !fault!("psk-retired-key-kept") && self.held().remove(identity).is_some()
    }

    /// Keys that are held, expired ones among them until somebody needs their place.
    pub fn count(&self) -> usize {
        self.held().len()
    }

    /// Returns when the key of this identity has expired or was retired; at once where it is not held. Whoever serves or uses a connection
    /// waits for it beside, and closes the connection then.
    pub fn ended(&self, identity: &PskIdentity) -> impl Future<Output = ()> + Send + 'static {
        let held = self.held();
        let waiting = held.get(identity).map(|held| held.until.subscribe());
        async move {
            let Some(mut end) = waiting else { return };
            loop {
                let until = *end.borrow_and_update();
                match timeout_at(until, end.changed()).await {
                    // It has another end.
                    Ok(Ok(())) => {}
                    // It was retired, or has expired.
                    Ok(Err(_)) | Err(_) => return,
                }
            }
        }
    }

    /// A client with the key of this identity; `None` where it is not held, or has expired.
    ///
    /// # Errors
    /// [`ContextError`] where the identity does not go with the protocol, or OpenSSL refuses.
    pub fn client(&self, identity: &PskIdentity) -> Option<Result<PskClient, ContextError>> {
        let key = self.copy(identity)?;
        Some(PskClient::new(self.profile, identity.clone(), key))
    }

    fn copy(&self, identity: &PskIdentity) -> Option<PskKey> {
        let held = self.held();
        let held = held.get(identity).filter(|held| !held.is_over())?;
        Some(held.key.copy())
    }
}

impl PskKeys for UsagePsks {
    fn key(&self, asked: &Asked<'_>) -> Option<PskKey> {
        match asked.profile == self.profile || fault!("psk-usage-key-for-any-protocol") {
            true => self.copy(asked.identity),
            false => None,
        }
    }
}

impl fmt::Debug for UsagePsks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsagePsks")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
