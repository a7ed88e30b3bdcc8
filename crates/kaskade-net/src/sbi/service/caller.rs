//! Who asks for an operation, under which number, and until when.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use kaskade_flow::Moment;

use crate::random::random_octets;
use crate::sbi::head::Authorization;
use crate::sbi::peer::{Peer, Requester};
use crate::sbi::token::Token;

/// Who asks, as far as it is proved: by a certificate, by a token, or by where the request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    requester: Requester,
    token: Option<Arc<Token>>,
}

impl Principal {
    /// Whoever has a certificate or is in a group is who that says; anybody else whom the token names; without one, whoever has
    /// the address.
    pub fn of(requester: Requester, peer: &Peer, token: Option<Arc<Token>>) -> Self {
        let is_known = || peer.names().is_some() || requester.id() != peer.requester().id();
        let requester = match &token {
            Some(token) if !is_known() => Requester::subject(token.subject()),
            _ => requester,
        };
        Self { requester, token }
    }

    /// As an owner of contexts, and as a payer of budgets.
    pub const fn requester(&self) -> &Requester {
        &self.requester
    }

    /// The token that came along, verified.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_deref()
    }
}

impl From<Requester> for Principal {
    fn from(requester: Requester) -> Self {
        Self { requester, token: None }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.requester.fmt(f)
    }
}

/// What is known of whoever asks, before anybody has looked at a token.
#[derive(Debug)]
pub struct Asker<'r> {
    /// Who it is by certificate, group or address.
    pub requester: Requester,
    /// The other end of the connection.
    pub peer: &'r Peer,
    /// What it brought along.
    pub authorization: &'r Authorization,
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

    /// As the audit log has it.
    pub const fn number(self) -> u64 {
        self.0
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
        Self::numbered(principal.into(), CorrelationId::new())
    }

    /// Someone with a request that has a number already.
    pub(crate) const fn numbered(principal: Principal, correlation: CorrelationId) -> Self {
        Self {
            principal,
            correlation,
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
