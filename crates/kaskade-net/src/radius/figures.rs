//! What is counted.

use kaskade_codec::radius::{NotAuthentic, RadiusError};
use kaskade_flow::Refusal;

use crate::count::{Counter, RefusalCounters};

/// Why a packet gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Dropped {
    /// It is no packet, or not one of its kind.
    #[error("{0}")]
    Malformed(#[from] RadiusError),
    /// It is not to be believed.
    #[error("{0}")]
    NotAuthentic(#[from] NotAuthentic),
    /// It is of a kind that is not served.
    #[error("code {0} is not served here")]
    Code(u8),
    /// A copy of a request that is in work, or that was left to another server.
    #[error("it is a copy of a request that is in work, or was left to another server")]
    Copy,
    /// It is refused for a reason of which a gateway is told nothing.
    #[error("{0}")]
    Refused(Refusal),
    /// Whoever runs EAP does not take it, for such a reason.
    #[error("{0}")]
    NotTaken(Refusal),
}

impl Dropped {
    /// The refusal that it is.
    pub const fn why(&self) -> Refusal {
        match self {
            Self::Malformed(_) => Refusal::Malformed,
            Self::NotAuthentic(NotAuthentic::Missing) => Refusal::IeMissing,
            Self::NotAuthentic(_) => Refusal::IeIncorrect,
            Self::Code(_) => Refusal::CommandUnsupported,
            Self::Copy => Refusal::InWork,
            Self::Refused(why) | Self::NotTaken(why) => *why,
        }
    }
}

/// Counters of one server.
#[derive(Debug)]
pub struct Figures {
    pub(super) unknown_clients: Counter,
    pub(super) malformed: Counter,
    pub(super) not_authentic: Counter,
    pub(super) copies_answered: Counter,
    pub(super) copies_dropped: Counter,
    pub(super) status: Counter,
    pub(super) challenges: Counter,
    pub(super) repeated_challenges: Counter,
    pub(super) accepts: Counter,
    pub(super) rejects: Counter,
    /// Authentic, and without an answer for a reason of the table of refusals.
    pub(super) not_taken: Counter,
    pub(super) refusals: RefusalCounters,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self {
            unknown_clients: Counter::default(),
            malformed: Counter::default(),
            not_authentic: Counter::default(),
            copies_answered: Counter::default(),
            copies_dropped: Counter::default(),
            status: Counter::default(),
            challenges: Counter::default(),
            repeated_challenges: Counter::default(),
            accepts: Counter::default(),
            rejects: Counter::default(),
            not_taken: Counter::default(),
            refusals: RefusalCounters::new(),
        }
    }

    /// What became of packets, each in one of them, by the names of metrics.
    pub fn sums(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        [
            ("unknown_clients", &self.unknown_clients),
            ("malformed", &self.malformed),
            ("not_authentic", &self.not_authentic),
            ("copies_answered", &self.copies_answered),
            ("copies_dropped", &self.copies_dropped),
            ("status", &self.status),
            ("challenges", &self.challenges),
            ("repeated_challenges", &self.repeated_challenges),
            ("accepts", &self.accepts),
            ("rejects", &self.rejects),
            ("not_taken", &self.not_taken),
        ]
        .into_iter()
        .map(|(name, counter)| (name, counter.sum()))
    }

    /// Refusals by their reason, told or not.
    pub const fn refusals(&self) -> &RefusalCounters {
        &self.refusals
    }

    /// Counts a packet that gets no answer.
    pub(super) fn dropped(&self, dropped: &Dropped) {
        match dropped {
            Dropped::Malformed(_) => self.malformed.add_one(),
            Dropped::NotAuthentic(_) => self.not_authentic.add_one(),
            Dropped::Copy => self.copies_dropped.add_one(),
            Dropped::Code(_) | Dropped::Refused(_) | Dropped::NotTaken(_) => self.not_taken.add_one(),
        }
        self.refusals.add_one(dropped.why());
    }
}
