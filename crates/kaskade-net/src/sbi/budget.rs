//! Octets that requests hold: a budget for all connections of a node, and one for each connection.
//!
//! A request that is complete when its headers are looked at, and most are, pays for its answer until it has left. One that
//! has to wait for its body pays for stream, headers and what came of the body. When the node is full, those who have been
//! waiting longest for their body are refused: an honest body takes milliseconds. When a connection is full, its newest
//! request is refused.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use kaskade_faults::fault;
use tokio::sync::Notify;

use super::doors::Open;
use super::limits::{Limits, MAX_UNPAID};

/// The budget of a node.
#[derive(Debug)]
pub(crate) struct Ledger {
    limit: usize,
    of_connection: usize,
    used: AtomicUsize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    oldest_first: BTreeMap<u64, Arc<Waiter>>,
}

/// A request that waits for its body.
#[derive(Debug, Default)]
struct Waiter {
    octets: AtomicUsize,
    evicted: Notify,
}

impl Ledger {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limit: limits.octets,
            of_connection: limits.octets_per_connection,
            used: AtomicUsize::new(0),
            waiting: Mutex::default(),
        })
    }

    /// Octets that are paid for now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The account of a new connection.
    pub(super) fn account(self: &Arc<Self>) -> Arc<Account> {
        Arc::new(Account {
            ledger: self.clone(),
            used: AtomicUsize::new(0),
            unpaid: AtomicUsize::new(0),
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Refuses those who wait longest, until they give back so many octets. They do so as soon as their tasks run.
    fn evict(&self, octets: usize) -> bool {
        let mut waiting = self.waiting();
        let mut freed = 0;
        while freed < octets {
            let Some((_, oldest)) = waiting.oldest_first.pop_first() else {
                return false;
            };
            freed += oldest.octets.load(Ordering::Relaxed);
            oldest.evicted.notify_one();
        }
        true
    }
}

/// Why there are no octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The connection has used up its part.
    Connection,
    /// All connections together have.
    Node,
}

/// The budget of a connection.
#[derive(Debug)]
pub(super) struct Account {
    ledger: Arc<Ledger>,
    used: AtomicUsize,
    unpaid: AtomicUsize,
}

/// Adds, unless that exceeds the limit.
fn take(used: &AtomicUsize, octets: usize, limit: usize) -> bool {
    let before = used.fetch_add(octets, Ordering::Relaxed);
    if before.saturating_add(octets) <= limit || fault!("octets-without-bound") {
        return true;
    }
    used.fetch_sub(octets, Ordering::Relaxed);
    false
}

impl Account {
    fn take(&self, octets: usize) -> Result<(), Full> {
        if !take(&self.used, octets, self.ledger.of_connection) {
            return Err(Full::Connection);
        }
        if !take(&self.ledger.used, octets, self.ledger.limit) {
            self.used.fetch_sub(octets, Ordering::Relaxed);
            return Err(Full::Node);
        }
        Ok(())
    }

    /// As [`Account::take`], at the cost of those who wait longest.
    fn take_from_others(&self, octets: usize) -> Result<(), Full> {
        match self.take(octets) {
            Err(Full::Node) if self.ledger.evict(octets) => {
                self.used.fetch_add(octets, Ordering::Relaxed);
                self.ledger.used.fetch_add(octets, Ordering::Relaxed);
                Ok(())
            }
            result => result,
        }
    }

    fn give_back(&self, octets: usize) {
        self.used.fetch_sub(octets, Ordering::Relaxed);
        self.ledger.used.fetch_sub(octets, Ordering::Relaxed);
    }

    /// Pays for a request that is complete.
    pub(super) fn charge(self: &Arc<Self>, octets: usize) -> Result<Charge, Full> {
        self.take(octets)?;
        Ok(Charge {
            account: self.clone(),
            octets,
        })
    }

    /// Pays for a request that has to wait for its body.
    pub(super) fn wait(self: &Arc<Self>, octets: usize) -> Result<WaitingCharge, Full> {
        self.take_from_others(octets)?;
        let waiter = Arc::new(Waiter::default());
        waiter.octets.store(octets, Ordering::Relaxed);
        let mut waiting = self.ledger.waiting();
        let turn = waiting.next;
        waiting.next += 1;
        waiting.oldest_first.insert(turn, waiter.clone());
        drop(waiting);
        let charge = Charge {
            account: self.clone(),
            octets,
        };
        Ok(WaitingCharge { charge, waiter, turn })
    }

    /// A place among the answers that nobody pays for. `None` when there are too many.
    pub(super) fn unpaid(self: &Arc<Self>) -> Option<Unpaid> {
        take(&self.unpaid, 1, MAX_UNPAID).then(|| Unpaid(self.clone()))
    }
}

/// Octets that are paid for until this is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    account: Arc<Account>,
    octets: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.give_back(self.octets);
    }
}

/// Octets of a request that waits for its body.
#[derive(Debug)]
pub(super) struct WaitingCharge {
    charge: Charge,
    waiter: Arc<Waiter>,
    turn: u64,
}

impl WaitingCharge {
    /// Pays for more.
    pub(super) fn grow(&mut self, octets: usize) -> Result<(), Full> {
        self.charge.account.take_from_others(octets)?;
        self.charge.octets += octets;
        self.waiter.octets.store(self.charge.octets, Ordering::Relaxed);
        Ok(())
    }

    /// Comes true when the node needs the octets for somebody else.
    pub(super) fn eviction(&self) -> impl Future<Output = ()> + Send + use<> {
        let waiter = self.waiter.clone();
        async move { waiter.evicted.notified().await }
    }

    /// The body is there; the octets stay paid until the answer has left.
    pub(super) fn complete(self) -> Charge {
        // The charge moves out; leaving the queue is what is left of the drop.
        let charge = Charge {
            account: self.charge.account.clone(),
            octets: 0,
        };
        let mut waiting = self;
        std::mem::replace(&mut waiting.charge, charge)
    }
}

impl Drop for WaitingCharge {
    fn drop(&mut self) {
        self.charge.account.ledger.waiting().oldest_first.remove(&self.turn);
    }
}

/// A place that is taken until this is dropped: see [`Account::unpaid`].
#[derive(Debug)]
pub(super) struct Unpaid(Arc<Account>);

impl Drop for Unpaid {
    fn drop(&mut self) {
        self.0.unpaid.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What an answer holds until its last octet is in the socket, or nobody wants it any more.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) _open: Open,
    pub(super) _paid: Paid,
}

/// Who pays for an answer.
#[derive(Debug)]
pub(super) enum Paid {
    /// The account.
    Charge(#[expect(dead_code, reason = "held for its drop")] Charge),
    /// Nobody.
    Unpaid(#[expect(dead_code, reason = "held for its drop")] Unpaid),
}

/// The body of an answer, with what it holds.
struct Holding {
    body: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Holding {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// A body that keeps `held` until `h2` has written it to the socket or has dropped it.
pub(super) fn holding(body: Bytes, held: Held) -> Bytes {
    if body.is_empty() {
        return body;
    }
    Bytes::from_owner(Holding { body, _held: held })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn ledger(octets: usize, of_connection: usize) -> Arc<Ledger> {
        Ledger::new(&Limits {
            octets,
            octets_per_connection: of_connection,
            ..Limits::default()
        })
    }

    #[test]
    fn what_was_paid_is_given_back() {
        let ledger = ledger(1000, 600);
        let (one, other) = (ledger.account(), ledger.account());
        let first = one.charge(500).unwrap();
        assert_eq!(one.charge(101).unwrap_err(), Full::Connection);
        let second = other.charge(500).unwrap();
        assert_eq!(other.charge(1).unwrap_err(), Full::Node);
        assert_eq!(
            one.wait(1).unwrap_err(),
            Full::Node,
            "nobody waits, so nobody can be evicted"
        );
        drop((first, second));
        let mut waiting = one.wait(100).unwrap();
        waiting.grow(500).unwrap();
        assert_eq!(waiting.grow(1).unwrap_err(), Full::Connection);
        let complete = waiting.complete();
        assert_eq!(ledger.used.load(Ordering::Relaxed), 600);
        assert!(ledger.waiting().oldest_first.is_empty());
        drop(complete);
        assert_eq!(ledger.used.load(Ordering::Relaxed), 0);
        assert_eq!(one.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_full_node_refuses_those_who_wait_longest() {
        let ledger = ledger(1000, 1000);
        let account = ledger.account();
        let waiting: Vec<_> = (0..10).map(|_| account.wait(100).unwrap()).collect();
        let other = ledger.account();
        let newest = other.wait(150).unwrap();
        waiting[0].eviction().await;
        waiting[1].eviction().await;
        let third = tokio::time::timeout(std::time::Duration::from_millis(20), waiting[2].eviction()).await;
        assert!(third.is_err(), "nobody more than needed");
        drop((waiting, newest));
        assert_eq!(ledger.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn answers_that_nobody_pays_for_are_few() {
        let account = ledger(0, 0).account();
        let held: Vec<_> = std::iter::from_fn(|| account.unpaid()).collect();
        assert_eq!(held.len(), MAX_UNPAID);
        drop(held);
        assert!(account.unpaid().is_some());
    }
}
