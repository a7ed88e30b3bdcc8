//! Which key an identity has: what a server asks, once in a handshake, and what it makes of the answer.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use kaskade_faults::fault;
use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslRef};

use super::connections::KeyEnd;
use super::key::{PskIdentity, PskKey};
use super::profile::Profile;
use crate::log_limit;

/// Who knows the keys of peers.
///
/// It is asked once in each handshake, on a thread of tokio's blocking pool, so that it may wait: for a lock, for a file, or for
/// another network function by `tokio::runtime::Handle::block_on`. At most [`max_lookups`](super::PskLimits::max_lookups) run at once. The
/// peer sees how long it takes: answer for an identity that is unknown as late as for one that is known, where that is a secret.
pub trait PskKeys: Send + Sync + 'static {
    /// The key of an identity; `None` where nobody has one, or it cannot be told now. The peer does not learn which.
    fn key(&self, asked: &Asked<'_>) -> Option<PskKey>;
}

impl<F> PskKeys for F
where
    F: Fn(&Asked<'_>) -> Option<PskKey> + Send + Sync + 'static,
{
    fn key(&self, asked: &Asked<'_>) -> Option<PskKey> {
        self(asked)
    }
}

/// What is known when a key is asked for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// As the peer sent it. It has proved nothing yet.
    pub identity: &'a PskIdentity,
    /// What the listener speaks; the key may depend on it.
    pub profile: Profile,
    /// Where the peer is.
    pub peer: SocketAddr,
    /// After that nobody waits for the key.
    pub deadline: Instant,
}

/// The server's end of one handshake. It travels with OpenSSL's state, to be found when OpenSSL asks.
pub(super) struct Seat {
    pub(super) keys: Arc<dyn PskKeys>,
    pub(super) profile: Profile,
    pub(super) peer: SocketAddr,
    pub(super) deadline: Instant,
    /// Longer identities are nobody's.
    pub(super) max_identity: usize,
    found: Mutex<Option<Found>>,
}

struct Found {
    identity: PskIdentity,
    /// Until the handshake is done.
    key: Option<PskKey>,
    is_known: bool,
}

impl Seat {
    pub(super) fn new(
        keys: Arc<dyn PskKeys>,
        profile: Profile,
        peer: SocketAddr,
        deadline: Instant,
        max_identity: usize,
    ) -> Self {
        Self {
            keys,
            profile,
            peer,
            deadline,
            max_identity,
            found: Mutex::new(None),
        }
    }

    fn found(&self) -> MutexGuard<'_, Option<Found>> {
        self.found.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Where it travels.
    fn index() -> Result<Index<Ssl, Arc<Self>>, ErrorStack> {
        static INDEX: OnceLock<Index<Ssl, Arc<Seat>>> = OnceLock::new();
        index(&INDEX)
    }

    /// Gives it to a handshake.
    pub(super) fn attach(self: &Arc<Self>, ssl: &mut Ssl) -> Result<(), ErrorStack> {
        ssl.set_ex_data(Self::index()?, self.clone());
        Ok(())
    }

    /// That of a handshake.
    pub(super) fn of(ssl: &SslRef) -> Option<&Arc<Self>> {
        ssl.ex_data(Self::index().ok()?)
    }

    /// What the peer offered, and whether somebody has its key.
    pub(super) fn asked(&self) -> Option<(PskIdentity, bool)> {
        self.found()
            .as_ref()
            .map(|found| (found.identity.clone(), found.is_known))
    }

    /// When the key ends that was found, until it is forgotten.
    pub(super) fn key_end(&self) -> KeyEnd {
        let found = self.found();
        let key = found.as_ref().and_then(|found| found.key.as_ref());
        key.map_or_else(KeyEnd::default, PskKey::end)
    }

    /// The handshake is done: its key is wiped, and nothing more is looked up.
    pub(super) fn forget_key(&self) {
        if let Some(found) = &mut *self.found()
            && !fault!("psk-key-outlives-handshake")
        {
            found.key = None;
        }
    }

    /// Uses the key of an identity, or one that stands in for it. `None` where there is neither: the handshake fails.
    ///
    /// OpenSSL asks again after a HelloRetryRequest; the answer of the first time stays. Another identity gets nothing new looked up.
    pub(super) fn with_key<T>(&self, identity: &[u8], with: impl FnOnce(&PskKey) -> Option<T>) -> Option<T> {
        // Nobody else looks up for this handshake, and whoever gives it up must not wait for the lookup.
        if self.found().is_none() {
            let found = self.look_up(identity)?;
            *self.found() = Some(found);
        }
        let found = self.found();
        let found = found.as_ref()?;
        if found.identity.as_octets() == identity {
            with(found.key.as_ref()?)
        } else {
            with(&PskKey::stand_in().ok()?)
        }
    }

    fn look_up(&self, octets: &[u8]) -> Option<Found> {
        // Made for every identity, so that those without a key take as long as the others.
        let stand_in = PskKey::stand_in().ok()?;
        let identity = PskIdentity::new(octets).ok()?;
        let asked = Asked {
            identity: &identity,
            profile: self.profile,
            peer: self.peer,
            deadline: self.deadline,
        };
        let is_short = octets.len() <= self.max_identity || fault!("psk-identity-without-bound");
        // OpenSSL's frames are between here and whoever could catch a panic.
        let key = match is_short {
            true => catch_unwind(AssertUnwindSafe(|| self.keys.key(&asked))).unwrap_or_else(|_| {
                log_limit!(error, "the lookup of a pre-shared key panicked");
                None
            }),
            false => None,
        };
        let key = key.filter(|key| !key.has_ended() || fault!("psk-ended-key-used"));
        if fault!("psk-unknown-told") {
            key.as_ref()?;
        }
        Some(Found {
            is_known: key.is_some(),
            key: Some(key.unwrap_or(stand_in)),
            identity,
        })
    }
}

/// The client's end of a handshake.
pub(super) struct Offer {
    pub(super) identity: PskIdentity,
    /// Until the handshake is done.
    key: Mutex<Option<Arc<PskKey>>>,
    /// What the server must have said in TLS 1.2.
    pub(super) hint: Option<String>,
}

impl Offer {
    pub(super) fn new(identity: PskIdentity, key: Arc<PskKey>, hint: Option<String>) -> Self {
        let key = Mutex::new(Some(key));
        Self { identity, key, hint }
    }

    /// The key, while there is a handshake.
    pub(super) fn key(&self) -> Option<Arc<PskKey>> {
        self.key.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// The handshake is done, and has no more to do with the key.
    pub(super) fn forget_key(&self) {
        if !fault!("psk-key-outlives-handshake") {
            *self.key.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        }
    }

    fn index() -> Result<Index<Ssl, Arc<Self>>, ErrorStack> {
        static INDEX: OnceLock<Index<Ssl, Arc<Offer>>> = OnceLock::new();
        index(&INDEX)
    }

    /// Gives it to a handshake.
    pub(super) fn attach(self: &Arc<Self>, ssl: &mut Ssl) -> Result<(), ErrorStack> {
        ssl.set_ex_data(Self::index()?, self.clone());
        Ok(())
    }

    /// That of a handshake.
    pub(super) fn of(ssl: &SslRef) -> Option<&Arc<Self>> {
        ssl.ex_data(Self::index().ok()?)
    }
}

/// The index of a kind of data, made once.
fn index<T: Send + Sync + 'static>(known: &OnceLock<Index<Ssl, Arc<T>>>) -> Result<Index<Ssl, Arc<T>>, ErrorStack> {
    if let Some(index) = known.get() {
        return Ok(*index);
    }
    let new = Ssl::new_ex_index()?;
    // Where two make one at the same time, one stays unused.
    Ok(*known.get_or_init(|| new))
}
