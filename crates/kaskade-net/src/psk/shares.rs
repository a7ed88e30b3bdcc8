//! Threads that work on handshakes: so many for all, and a share of them for each source address, so that lookups that one source keeps busy
//! leave places to the others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use kaskade_faults::fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sbi::doors::Source;

/// The places of a server.
pub(super) struct Places {
    all: Arc<Semaphore>,
    of_source: usize,
    /// Of the sources that have a handshake, or a thread that is at work for one.
    sources: Mutex<HashMap<Source, Counted>>,
}

struct Counted {
    places: Arc<Semaphore>,
    /// Shares of this source.
    shares: usize,
}

impl Places {
    pub(super) fn new(all: usize, of_source: usize) -> Arc<Self> {
        let semaphore = |many: usize| many.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            all: Arc::new(Semaphore::new(semaphore(all))),
            of_source: semaphore(of_source),
            sources: Mutex::default(),
        })
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<Source, Counted>> {
        self.sources.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What a handshake of this source may use.
    pub(super) fn share(self: &Arc<Self>, address: IpAddr) -> Share {
        let source = Source::of(address);
        let mut sources = self.sources();
        let counted = sources.entry(source).or_insert_with(|| Counted {
            places: Arc::new(Semaphore::new(self.of_source)),
            shares: 0,
        });
        counted.shares += 1;
        Share {
            of_source: counted.places.clone(),
            source,
            places: self.clone(),
        }
    }
}

/// A handshake's part in the places of its source.
pub(super) struct Share {
    of_source: Arc<Semaphore>,
    source: Source,
    places: Arc<Places>,
}

impl Share {
    /// Waits for a place: first among those of its source, so that no more of it wait among all than it may have. `None` is never, as
    /// nobody closes them.
    pub(super) async fn place(self: &Arc<Self>) -> Option<Place> {
        let of_source = match fault!("psk-one-source-takes-all-lookups") {
            true => Arc::new(Semaphore::new(1)),
            false => self.of_source.clone(),
        };
        let of_source = of_source.acquire_owned().await.ok()?;
        let all = match fault!("psk-lookups-without-bound") {
            true => Arc::new(Semaphore::new(1)),
            false => self.places.all.clone(),
        };
        Some(Place {
            _of_all: all.acquire_owned().await.ok()?,
            _of_source: of_source,
            _share: self.clone(),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut sources = self.places.sources();
        if let Some(counted) = sources.get_mut(&self.source) {
            counted.shares -= 1;
            if counted.shares == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

/// A thread that may work. Its source stays counted with it, after the handshake was given up too.
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_source: OwnedSemaphorePermit,
    _share: Arc<Share>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_source_is_forgotten_with_its_last_handshake_and_thread() {
        let places = Places::new(4, 1);
        let share = |last| Arc::new(places.share([192, 0, 2, last].into()));
        let (one, again, other) = (share(1), share(1), share(2));
        let place = one.place().await;
        drop(one);
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), again.place()).await;
        assert!(waiting.is_err(), "the thread of a handshake that was given up counts");
        assert!(other.place().await.is_some());
        drop((again, other));
        assert_eq!(places.sources().len(), 1);
        drop(place);
        assert!(places.sources().is_empty());
    }
}
