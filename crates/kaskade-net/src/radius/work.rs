//! How many requests are in work at once, with a share for each client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaskade_faults::fault;
use kaskade_flow::expiring::SHARE;
use tokio::sync::Notify;

use crate::sbi::peer::RequesterId;

#[derive(Debug)]
pub(super) struct Work {
    all: usize,
    taken: Mutex<Taken>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: BTreeMap<RequesterId, usize>,
}

impl Work {
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self {
            all: all.max(1),
            taken: Mutex::default(),
            left: Notify::new(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, if there is one: a client has at most [`SHARE`] times what is left free.
    pub(super) fn admit(self: &Arc<Self>, client: RequesterId) -> Option<Place> {
        let mut taken = self.taken();
        let free = self.all.saturating_sub(taken.all);
        let own = taken.of.get(&client).copied().unwrap_or_default();
        if own >= free.saturating_mul(SHARE) && !fault!("radius-work-without-bound") {
            return None;
        }
        taken.all += 1;
        *taken.of.entry(client).or_default() += 1;
        Some(Place {
            work: self.clone(),
            client,
        })
    }

    /// A place, when there is one.
    pub(super) async fn admitted(self: &Arc<Self>, client: RequesterId) -> Place {
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            left.as_mut().enable();
            if let Some(place) = self.admit(client) {
                return place;
            }
            left.await;
        }
    }

    /// Comes true when nothing is in work.
    pub(super) async fn idle(&self) {
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            left.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            left.await;
        }
    }

    pub(super) fn count(&self) -> usize {
        self.taken().all
    }
}

/// Taken until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    work: Arc<Work>,
    client: RequesterId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.work.taken();
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.of.get_mut(&self.client) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.of.remove(&self.client);
            }
        }
        drop(taken);
        self.work.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sbi::peer::Requester;

    fn client(name: &str) -> RequesterId {
        Requester::group(name).id()
    }

    #[test]
    fn one_client_leaves_places_to_others() {
        let work = Work::new(100);
        let loud: Vec<_> = std::iter::from_fn(|| work.admit(client("loud"))).collect();
        assert_eq!(loud.len(), 75);
        let other: Vec<_> = std::iter::from_fn(|| work.admit(client("other"))).collect();
        assert!((15..=25).contains(&other.len()), "{}", other.len());
        drop((loud, other));
        assert_eq!(work.count(), 0);
        assert!(work.taken().of.is_empty());
    }

    #[tokio::test]
    async fn a_place_that_comes_free_is_given_on() {
        let work = Work::new(1);
        let place = work.admit(client("a")).unwrap();
        assert!(work.admit(client("b")).is_none());
        let waiting = tokio::spawn({
            let work = work.clone();
            async move { work.admitted(client("b")).await }
        });
        tokio::task::yield_now().await;
        drop(place);
        drop(waiting.await.unwrap());
        work.idle().await;
    }
}
