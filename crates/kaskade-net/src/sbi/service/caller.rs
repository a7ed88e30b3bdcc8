//! Who asks for an operation, under which number, and until when.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use kaskade_flow::Moment;

use crate::random::random_octets;
use crate::sbi::peer::Requester;

/// Who asks, as far as it is proved: by a certificate or by where the request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal(Requester);

impl Principal {
    /// As an owner of contexts, and as a payer of budgets.
    pub const fn requester(&self) -> &Requester {
        &self.0
    }
}

impl From<Requester> for Principal {
    fn from(requester: Requester) -> Self {
        Self(requester)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What belongs to one request has the same number, on every way that it takes through this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CorrelationId(u64);

impl CorrelationId {
    /// One that no other request of this process has.
    pub fn new() -> Self {
        // Two processes begin at different numbers, as far as there are random ones.
        static NEXT: LazyLock<AtomicU64> =
            LazyLock::new(|| AtomicU64::new(random_octets().map_or(0, u64::from_be_bytes)));
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for CorrelationId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Who asks for an operation, under which number, and until when an answer is of use. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    principal: Principal,
    correlation: CorrelationId,
    deadline: Option<Moment>,
}

impl Caller {
    /// Someone with a new request, who waits as long as it takes.
    pub fn new(principal: impl Into<Principal>) -> Self {
        Self {
            principal: principal.into(),
            correlation: CorrelationId::new(),
            deadline: None,
        }
    }

    /// Who waits until this moment at most; `None`: as long as it takes.
    #[must_use]
    pub const fn until(mut self, deadline: Option<Moment>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Who asks.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Who asks, as an owner of contexts and as a payer of budgets.
    pub const fn requester(&self) -> &Requester {
        self.principal.requester()
    }

    /// The number of the request.
    pub const fn correlation(&self) -> CorrelationId {
        self.correlation
    }

    /// Until when an answer is of use.
    pub const fn deadline(&self) -> Option<Moment> {
        self.deadline
    }
}
