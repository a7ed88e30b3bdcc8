//! Reports of authentications, kept in memory and bounded, each of the requester that gave it (TS 29.503 5.4.2.3).

use std::hash::RandomState;
use std::time::Duration;

use kaskade_codec::sbi::nudm_ueau::AuthEvent;
use kaskade_flow::expiring::{Bounds, Expiring, Full};
use kaskade_flow::{Entropy, Guarded, Machine, Moment, Step};
use kaskade_keys::Supi;

use crate::random::SystemEntropy;
use crate::sbi::peer::RequesterId;

/// How many reports are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventLimits {
    /// Of one user and requester; the oldest goes first.
    pub per_supi: usize,
    /// Of all, roughly: each of the shards has its part. A requester has at most three quarters, and loses its own oldest
    /// first.
    pub all: usize,
    /// For how long.
    pub lifetime: Duration,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            per_supi: 4,
            all: 262_144,
            lifetime: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl EventLimits {
    /// What the reports take at most, in octets.
    pub const fn octets_at_most(&self) -> usize {
        Table::octets_at_most(self.all, 0)
    }
}

/// Identifier of one report: 64 random bits, unique within its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId(pub(super) u64);

impl EventId {
    /// Of random octets.
    pub fn from_random(octets: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(octets))
    }
}

/// A report in the UDM, which stays until its requester takes it back.
#[derive(Clone)]
pub(super) enum Report {
    Kept { event: AuthEvent, until: Option<Moment> },
}

/// Its requester takes a report back.
pub(super) struct TakenBack;

impl Machine for Report {
    type Input = TakenBack;
    type Ask = std::convert::Infallible;
    /// That it is taken back.
    type Output = ();

    fn deadline(&self) -> Option<Moment> {
        let Self::Kept { until, .. } = self;
        *until
    }

    fn handle(self, _: Moment, _: &mut dyn Entropy, input: Option<TakenBack>) -> Step<Self> {
        match input {
            Some(TakenBack) => Step::end().telling(Guarded::new(())),
            None => Step::end(),
        }
    }
}

type Table = Expiring<Supi, RequesterId, Report, RandomState>;

pub(super) struct Events {
    table: Table,
    lifetime: Duration,
}

impl Events {
    pub(super) fn new(limits: EventLimits) -> Self {
        let bounds = Bounds {
            all: limits.all,
            per_user: limits.per_supi,
        };
        Self {
            table: Expiring::new(bounds, RandomState::new()),
            lifetime: limits.lifetime,
        }
    }

    pub(super) fn add(
        &self,
        supi: &Supi,
        owner: RequesterId,
        id: EventId,
        event: AuthEvent,
        now: Moment,
    ) -> Result<(), Full> {
        let id = id.within(supi, &self.table);
        let until = now.after(self.lifetime);
        let report = Report::Kept { event, until };
        self.table.insert(supi, owner, id, report, until, now)
    }

    pub(super) fn remove(&self, supi: &Supi, owner: RequesterId, id: EventId, now: Moment) -> bool {
        let within = id.within(supi, &self.table);
        let shard = self.table.shard_of(supi);
        let Ok(report) = self.table.begin(shard, within, owner, now) else {
            return false;
        };
        let step = report.handle(now, &mut SystemEntropy, Some(TakenBack));
        let next = step.next.map(|next| {
            let until = next.deadline();
            (next, until)
        });
        self.table.end(shard, within, next, now) && step.out.is_some()
    }

    pub(super) fn of(&self, supi: &Supi) -> Vec<AuthEvent> {
        let reports = self.table.of(supi).into_iter();
        reports.map(|Report::Kept { event, .. }| event).collect()
    }
}

impl EventId {
    /// Unique within all users: the user's number beside it.
    fn within(self, supi: &Supi, events: &Table) -> u128 {
        u128::from(events.user(supi)) << 64 | u128::from(self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use kaskade_codec::sbi::{AuthType, NfInstanceId};

    use crate::sbi::peer::Requester;
    use crate::time;

    fn supi(n: u64) -> Supi {
        format!("imsi-00101{n:010}").parse().unwrap()
    }

    fn event() -> AuthEvent {
        AuthEvent {
            nf_instance_id: NfInstanceId::from_random([7; 16]),
            success: true,
            time_stamp: time::now(),
            auth_type: AuthType::FiveGAka,
            serving_network_name: "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap(),
            auth_removal_ind: false,
        }
    }

    #[test]
    fn a_user_keeps_the_newest_of_each_requester() {
        let limits = EventLimits {
            per_supi: 2,
            ..EventLimits::default()
        };
        let (events, now) = (Events::new(limits), Moment::from_nanos(1));
        let [ausf, other] = ["ausf", "other"].map(|name| Requester::group(name).id());
        events.add(&supi(1), other, EventId(100), event(), now).unwrap();
        for id in 0..5 {
            events.add(&supi(1), ausf, EventId(id), event(), now).unwrap();
        }
        assert_eq!(events.of(&supi(1)).len(), 3);
        assert!(
            !events.remove(&supi(1), ausf, EventId(2), now),
            "the newer ones pushed it out"
        );
        assert!(!events.remove(&supi(1), other, EventId(3), now), "somebody else's");
        assert!(!events.remove(&supi(2), ausf, EventId(3), now), "another user's");
        assert!(events.remove(&supi(1), ausf, EventId(3), now));
        assert!(events.remove(&supi(1), ausf, EventId(4), now));
        assert!(!events.remove(&supi(1), ausf, EventId(4), now));
        assert!(events.remove(&supi(1), other, EventId(100), now));
    }

    #[test]
    fn all_together_are_bounded() {
        let limits = EventLimits {
            all: 10 * 64,
            ..EventLimits::default()
        };
        let (events, now) = (Events::new(limits), Moment::from_nanos(1));
        let owner = Requester::group("ausf").id();
        for n in 0..20_000 {
            events.add(&supi(n % 5000), owner, EventId(n), event(), now).unwrap();
        }
        assert!(
            (6 * 64..=8 * 64).contains(&events.table.len()),
            "{}",
            events.table.len()
        );
    }
}
