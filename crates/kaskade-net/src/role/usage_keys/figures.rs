//! What usage keys have done since the start.

use kaskade_anchor::emsk::{Wanted, Why};

use crate::count::Counter;

/// What kind of key was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Kind {
    /// The one key of a usage.
    Usage,
    /// That of octets.
    Octets,
    /// That of a service's application.
    Service,
    /// That of a slice.
    Slice,
    /// The root key of a domain.
    Domain,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Usage, Self::Octets, Self::Service, Self::Slice, Self::Domain];

    /// As metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Octets => "octets",
            Self::Service => "service",
            Self::Slice => "slice",
            Self::Domain => "domain",
        }
    }
}

impl From<&Wanted> for Kind {
    fn from(wanted: &Wanted) -> Self {
        match wanted {
            Wanted::TheKey => Self::Usage,
            Wanted::Octets(_) => Self::Octets,
            Wanted::Service(_) => Self::Service,
            Wanted::Slice(..) => Self::Slice,
        }
    }
}

/// What usage keys have done since the start.
#[derive(Debug, Default)]
pub struct UsageKeysCounters {
    first: [Counter; Kind::ALL.len()],
    again: [Counter; Kind::ALL.len()],
    retired: [Counter; Why::ALL.len()],
    /// Requests that were refused here.
    pub refused: Counter,
    /// Holders that were told of the end of their key.
    pub told: Counter,
    /// Holders that could not be told, and are told later.
    pub not_told: Counter,
    /// Messages to holders that were given up: the holder refused it, or may not be told there any more.
    pub given_up: Counter,
}

impl UsageKeysCounters {
    /// Keys that were given: what kind, whether the holder had it before, how many.
    pub fn given(&self) -> impl Iterator<Item = (Kind, bool, u64)> + '_ {
        let of = |again: bool| {
            let counters = if again { &self.again } else { &self.first };
            let all = Kind::ALL.into_iter().zip(counters);
            all.map(move |(kind, counter)| (kind, again, counter.sum()))
        };
        of(false).chain(of(true))
    }

    /// EMSKs that ended before their time, by why.
    pub fn ended(&self) -> impl Iterator<Item = (Why, u64)> + '_ {
        Why::ALL.into_iter().zip(self.retired.iter().map(Counter::sum))
    }

    pub(super) fn gave(&self, kind: Kind, again: bool) {
        let counters = if again { &self.again } else { &self.first };
        if let Some(counter) = counters.get(kind as usize) {
            counter.add_one();
        }
    }

    pub(super) fn retired(&self, why: Why) {
        let at = Why::ALL.iter().position(|one| *one == why);
        if let Some(counter) = at.and_then(|at| self.retired.get(at)) {
            counter.add_one();
        }
    }
}
