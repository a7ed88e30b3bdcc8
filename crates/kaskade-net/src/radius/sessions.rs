//! Runs of EAP that wait for their peer, by the `State` that their gateway gives back.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use kaskade_codec::radius::AccessRequest;
use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_flow::expiring::{Bounds, Expiring, Full, Missing};

use super::server::RadiusOptions;
use crate::random::{NoRandomness, random_octets};
use crate::sbi::peer::RequesterId;

/// Octets of a `State`: where the session lies, and a number that nobody guesses.
pub(super) const STATE: usize = 17;

/// A run that waits.
pub(super) struct Waiting<R> {
    run: R,
    before: Before,
}

/// What a session has beside its run.
pub(super) struct Before {
    /// Whose it is.
    bound: Bound,
    /// How often that was repeated.
    pub(super) repeated: u8,
}

impl<R> Waiting<R> {
    pub(super) fn split(self) -> (R, Before) {
        (self.run, self.before)
    }
}

impl Before {
    pub(super) fn with<R>(self, run: R) -> Waiting<R> {
        Waiting { run, before: self }
    }

    /// The EAP request was repeated once more.
    pub(super) fn repeated_once(mut self) -> Self {
        self.repeated = self.repeated.saturating_add(1);
        self
    }
}

/// A peer: User-Name and Calling-Station-Id in numbers that nobody outside can foresee.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Bound {
    station: u64,
    /// With its name; `None` until the gateway knows that.
    named: Option<u64>,
}

impl Bound {
    /// Whether it may be the peer of a session that is bound so.
    fn fits(self, session: Self) -> bool {
        self.station == session.station && (session.named.is_none() || self.named == session.named)
    }
}

pub(super) struct Sessions<R> {
    table: Expiring<Bound, RequesterId, Waiting<R>, RandomState>,
    hasher: RandomState,
    lifetime: Duration,
}

/// Where a session lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    shard: u8,
    id: u128,
}

impl Place {
    fn of(state: &[u8]) -> Option<Self> {
        let (&shard, id) = state.split_first()?;
        let id = u128::from_be_bytes(id.try_into().ok()?);
        Some(Self { shard, id })
    }

    /// As a gateway gets it.
    pub(super) fn state(self) -> [u8; STATE] {
        let mut state = [self.shard; STATE];
        state[1..].copy_from_slice(&self.id.to_be_bytes());
        state
    }
}

/// A session whose run is out, until this is dropped.
pub(super) struct InWork<'s, R> {
    sessions: &'s Sessions<R>,
    pub(super) place: Place,
    back: Option<Waiting<R>>,
    /// At its end.
    now: Moment,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSession {
    /// None has this `State`, not any more, or it is another's.
    Unknown,
    /// Another packet for it is in work.
    InWork,
}

/// There is no room for another session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CannotBegin;

impl<R> Sessions<R> {
    /// What they take at most, in octets, where a run has so many on the heap.
    pub(super) const fn octets_at_most(all: usize, heap: usize) -> usize {
        Expiring::<Bound, RequesterId, Waiting<R>, RandomState>::octets_at_most(all, heap)
    }

    pub(super) fn new(options: &RadiusOptions) -> Self {
        let bounds = Bounds {
            all: options.pending,
            per_user: options.pending_per_peer,
        };
        Self {
            table: Expiring::new(bounds, RandomState::new()),
            hasher: RandomState::new(),
            lifetime: options.lifetime,
        }
    }

    fn bound(&self, request: &AccessRequest<'_>) -> Bound {
        let station = request.calling_station_id;
        Bound {
            station: self.hasher.hash_one(station),
            named: Some(self.hasher.hash_one((request.user_name, station))),
        }
    }

    /// Takes the run out that a request belongs to: its owner's, and of the same user in the same place.
    pub(super) fn begin(
        &self,
        state: &[u8],
        owner: RequesterId,
        request: &AccessRequest<'_>,
        now: Moment,
    ) -> Result<(Waiting<R>, InWork<'_, R>), NoSession> {
        let place = Place::of(state).ok_or(NoSession::Unknown)?;
        let waiting = self.table.begin(place.shard, place.id, owner, now);
        let waiting = waiting.map_err(|missing| match missing {
            Missing::Unknown => NoSession::Unknown,
            Missing::InWork => NoSession::InWork,
        })?;
        let mut work = InWork {
            sessions: self,
            place,
            back: None,
            now,
        };
        if !self.bound(request).fits(waiting.before.bound) && !fault!("state-of-another-session") {
            // Whoever shows it has it from elsewhere: the session is none the worse.
            work.back = (!fault!("shown-state-ends-a-session")).then_some(waiting);
            return Err(NoSession::Unknown);
        }
        Ok((waiting, work))
    }

    /// Where a new session will lie.
    pub(super) fn place(&self, request: &AccessRequest<'_>) -> Result<Place, NoRandomness> {
        Ok(Place {
            shard: self.table.shard_of(&self.bound(request)),
            id: u128::from_be_bytes(random_octets()?),
        })
    }

    /// A run that has asked this. A gateway that starts EAP does not know its peer's name yet, and says another one.
    pub(super) fn waiting(&self, request: &AccessRequest<'_>, run: R) -> Waiting<R> {
        let mut bound = self.bound(request);
        if request.eap.as_deref().is_some_and(<[u8]>::is_empty) {
            bound.named = None;
        }
        let before = Before { bound, repeated: 0 };
        before.with(run)
    }

    /// Lets a new run wait.
    pub(super) fn insert(
        &self,
        place: Place,
        owner: RequesterId,
        request: &AccessRequest<'_>,
        waiting: Waiting<R>,
        now: Moment,
    ) -> Result<(), CannotBegin> {
        let until = now.after(self.lifetime);
        let inserted = self
            .table
            .insert(&self.bound(request), owner, place.id, waiting, until, now);
        inserted.map_err(|Full| CannotBegin)
    }

    pub(super) fn sweep(&self, now: Moment) {
        self.table.sweep(now, drop);
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }
}

impl<R> InWork<'_, R> {
    /// The run waits again.
    pub(super) fn put_back(mut self, waiting: Waiting<R>, now: Moment) {
        self.back = Some(waiting);
        self.now = now;
    }
}

impl<R> Drop for InWork<'_, R> {
    fn drop(&mut self) {
        let Place { shard, id } = self.place;
        let until = self.now.after(self.sessions.lifetime);
        let back = self.back.take().map(|waiting| (waiting, until));
        self.sessions.table.end(shard, id, back, self.now);
    }
}
