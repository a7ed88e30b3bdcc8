//! Reports of authentications, kept in memory and bounded (TS 29.503 5.4.2.3).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard};

use kaskade_keys::Supi;

use crate::sbi::model::nudm::AuthEvent;

/// How many reports are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventLimits {
    /// Of one user; the oldest goes first.
    pub per_supi: usize,
    /// Of all users, roughly: each of the shards has its part. The oldest goes first.
    pub all: usize,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            per_supi: 4,
            all: 262_144,
        }
    }
}

/// Identifier of one report: 64 random bits, unique within its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId(u64);

impl EventId {
    /// Of random octets.
    pub fn from_random(octets: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(octets))
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Not the identifier of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier that this UDM gave")]
pub struct NotAnEventId;

impl std::str::FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        let well_formed = text.len() == 16 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(text, 16) {
            Ok(id) if well_formed => Ok(Self(id)),
            _ => Err(NotAnEventId),
        }
    }
}

const SHARDS: usize = 64;

pub(super) struct Events {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    limits: EventLimits,
}

#[derive(Default)]
struct Shard {
    users: HashMap<Supi, Vec<(EventId, AuthEvent)>>,
    count: usize,
    /// In the order of their arrival; some are gone already.
    order: VecDeque<(Supi, EventId)>,
}

impl Events {
    pub(super) fn new(limits: EventLimits) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            limits,
        }
    }

    fn shard(&self, supi: &Supi) -> MutexGuard<'_, Shard> {
        let [.., hash] = self.hasher.hash_one(supi).to_be_bytes();
        let shard = &self.shards[usize::from(hash) % SHARDS];
        // A panic elsewhere leaves a list, at worst without its newest report.
        shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn add(&self, supi: &Supi, id: EventId, event: AuthEvent) {
        let mut shard = self.shard(supi);
        shard.add(supi, id, event, self.limits.per_supi.max(1));
        shard.bound((self.limits.all / SHARDS).max(1));
    }

    pub(super) fn remove(&self, supi: &Supi, id: EventId) -> bool {
        self.shard(supi).remove(supi, id)
    }

    pub(super) fn of(&self, supi: &Supi) -> Vec<AuthEvent> {
        let shard = self.shard(supi);
        let events = shard.users.get(supi).map_or(&[][..], Vec::as_slice);
        events.iter().map(|(_, event)| *event).collect()
    }
}

impl Shard {
    fn add(&mut self, supi: &Supi, id: EventId, event: AuthEvent, per_supi: usize) {
        self.order.push_back((supi.clone(), id));
        self.count += 1;
        // Most users have one report: no room for more in advance.
        let Some(events) = self.users.get_mut(supi) else {
            self.users.insert(supi.clone(), vec![(id, event)]);
            return;
        };
        if events.len() >= per_supi {
            events.remove(0);
            self.count -= 1;
        } else {
            events.reserve_exact(1);
        }
        events.push((id, event));
    }

    fn bound(&mut self, most: usize) {
        while self.count > most {
            let Some((supi, id)) = self.order.pop_front() else {
                return;
            };
            self.remove(&supi, id);
        }
        if self.order.len() > 2 * self.count + 64 {
            let users = &self.users;
            self.order.retain(|(supi, id)| {
                users
                    .get(supi)
                    .is_some_and(|events| events.iter().any(|(known, _)| known == id))
            });
        }
    }

    fn remove(&mut self, supi: &Supi, id: EventId) -> bool {
        let Some(events) = self.users.get_mut(supi) else {
            return false;
        };
        let Some(at) = events.iter().position(|(known, _)| *known == id) else {
            return false;
        };
        events.remove(at);
        self.count -= 1;
        if events.is_empty() {
            self.users.remove(supi);
        }
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::sbi::model::{AuthType, NfInstanceId};
    use crate::time::Timestamp;

    fn supi(n: u64) -> Supi {
        format!("imsi-00101{n:010}").parse().unwrap()
    }

    fn event() -> AuthEvent {
        AuthEvent {
            nf_instance_id: NfInstanceId::from_random([7; 16]),
            success: true,
            time_stamp: Timestamp::now(),
            auth_type: AuthType::FiveGAka,
            serving_network_name: "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap(),
            auth_removal_ind: false,
        }
    }

    #[test]
    fn a_user_keeps_the_newest() {
        let events = Events::new(EventLimits { per_supi: 2, all: 1000 });
        for id in 0..5 {
            events.add(&supi(1), EventId(id), event());
        }
        assert_eq!(events.of(&supi(1)).len(), 2);
        assert!(!events.remove(&supi(1), EventId(2)));
        assert!(events.remove(&supi(1), EventId(3)));
        assert!(events.remove(&supi(1), EventId(4)));
        assert!(!events.remove(&supi(1), EventId(4)));
    }

    #[test]
    fn all_together_are_bounded() {
        let limits = EventLimits {
            per_supi: 4,
            all: 10 * SHARDS,
        };
        let events = Events::new(limits);
        for n in 0..20_000 {
            events.add(&supi(n % 5000), EventId(n), event());
        }
        for shard in &events.shards {
            let shard = shard.lock().unwrap();
            let held: usize = shard.users.values().map(Vec::len).sum();
            assert_eq!(held, shard.count);
            assert!(held <= 10);
            assert!(shard.order.len() <= 2 * 10 + 65, "{}", shard.order.len());
        }
    }
}
