//! How many connections one source may have, so that it leaves others theirs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaskade_faults::fault;

use crate::sources::number;

/// The connections of each source; as many sources are in it as there are connections at most.
#[derive(Debug)]
pub(crate) struct Shares {
    most: usize,
    of_source: Mutex<HashMap<u64, usize>>,
}

/// A connection of a source, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    source: u64,
}

impl Shares {
    /// So many of one source.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            of_source: Mutex::default(),
        })
    }

    /// One more connection of a source; `None` where it has all that it may have.
    pub(crate) fn take(self: &Arc<Self>, source: IpAddr) -> Option<Share> {
        let source = number(source);
        let mut of_source = self.locked();
        let count = of_source.get(&source).copied().unwrap_or(0);
        if count >= self.most && !fault!("af-source-takes-all-connections") {
            return None;
        }
        of_source.insert(source, count + 1);
        Some(Share {
            shares: self.clone(),
            source,
        })
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.of_source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut of_source = self.shares.locked();
        let left = of_source.get(&self.source).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            of_source.remove(&self.source);
        } else {
            of_source.insert(self.source, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_its_share_of_connections() {
        let shares = Shares::new(2);
        let take = |source: &str| shares.take(source.parse().unwrap());
        let first = take("192.0.2.1").unwrap();
        let second = take("::ffff:192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        let others = ["192.0.2.2", "2001:db8::1", "2001:db8::ffff:2"].map(|source| take(source).unwrap());
        assert!(take("2001:db8::3").is_none(), "one network");
        assert!(take("2001:db8:0:1::3").is_some(), "another one");
        drop(first);
        let again = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        drop((second, again, others));
        assert!(shares.locked().is_empty());
    }
}
