//! What an AAA server has done since it started: of what has begun, everything ends in one of three ways.

use std::sync::Arc;

use kaskade_codec::eap::AkaMethod;
use kaskade_faults::fault;

use crate::count::Counter;

/// What an AAA server has done since it started. Whatever has begun and neither succeeded nor failed nor was abandoned waits for its
/// peer.
#[derive(Debug, Default)]
pub struct AaaCounters {
    /// Runs that began with an identity of a realm that is served.
    pub begun: Counter,
    /// Full authentications that succeeded, EAP-AKA' and EAP-AKA.
    full: [Counter; 2],
    /// Fast ones, likewise.
    fast: [Counter; 2],
    /// Users who were let in with forward secrecy, of all these.
    pub forward_secrecy: Counter,
    /// Users who came back by ERP, which is no run.
    pub erp: Counter,
    /// Runs that failed.
    pub failures: Counter,
    /// Runs that nobody has gone on with, or that made room for others.
    pub abandoned: Counter,
}

impl AaaCounters {
    /// Authentications that succeeded, by method and whether they were fast.
    pub fn successes(&self) -> impl Iterator<Item = (AkaMethod, bool, u64)> + '_ {
        let of = |fast: bool| {
            let counters = if fast { &self.fast } else { &self.full };
            let both = AkaMethod::ALL.into_iter().zip(counters);
            both.map(move |(method, counter)| (method, fast, counter.sum()))
        };
        of(false).chain(of(true))
    }
}

/// A run that has begun: whatever becomes of it, it is counted once when it ends.
pub(super) struct Counted(Option<Arc<AaaCounters>>);

impl Counted {
    pub(super) fn begun(counters: &Arc<AaaCounters>) -> Self {
        counters.begun.add_one();
        Self(Some(counters.clone()))
    }

    pub(super) fn succeeded(mut self, method: AkaMethod, fast: bool, forward_secrecy: bool) {
        let Some(counters) = self.0.take() else { return };
        let of_kind = if fast { &counters.fast } else { &counters.full };
        let at = AkaMethod::ALL.iter().position(|one| *one == method);
        if let Some(counter) = at.and_then(|at| of_kind.get(at)) {
            counter.add_one();
        }
        if forward_secrecy {
            counters.forward_secrecy.add_one();
        }
    }

    pub(super) fn failed(mut self) {
        if let Some(counters) = self.0.take() {
            counters.failures.add_one();
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(counters) = self.0.take()
            && !fault!("abandoned-runs-not-counted")
        {
            counters.abandoned.add_one();
        }
    }
}
