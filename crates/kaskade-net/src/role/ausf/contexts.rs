//! Authentication contexts: found by an identifier that cannot be guessed, spent by one answer, expiring, bounded.
//!
//! A user's contexts are all in one shard, so that the bound per user needs no second lock. The shard is in the identifier;
//! it follows from a hash of the SUPI under a random key of this process, and tells nobody anything.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kaskade_aka::fivegs::ausf::Challenged;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::{ServingNetworkName, Supi};

use super::link::EventUri;

/// Life and number of authentication contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextLimits {
    /// How long a challenge waits for its answer.
    pub lifetime: Duration,
    /// Challenges waiting, of one user; the oldest goes first.
    pub pending_per_supi: usize,
    /// Challenges waiting, of all users, roughly: each of the shards has its part. The oldest goes first.
    pub pending: usize,
    /// Users of whom the last K_AUSF is kept, roughly. The one authenticated longest ago goes first.
    pub kept: usize,
}

impl Default for ContextLimits {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(30),
            pending_per_supi: 4,
            pending: 262_144,
            kept: 1_048_576,
        }
    }
}

/// As many as one base64url character tells apart.
const SHARDS: u8 = 64;
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Identifier of a context: 128 random bits, and the shard. 23 characters that need no encoding in a URI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContextId {
    shard: u8,
    random: u128,
}

impl ContextId {
    /// Characters of the text form.
    pub const LEN: usize = 23;

    /// The text form.
    pub fn text(&self) -> [u8; Self::LEN] {
        let mut text = [0; Self::LEN];
        let mut rest = self.random;
        for c in text.iter_mut().rev() {
            *c = BASE64URL[(rest & 0x3F) as usize];
            rest >>= 6;
        }
        text[0] = BASE64URL[usize::from(self.shard % SHARDS)];
        text
    }

    /// Reads the text form; `None` for what this AUSF cannot have given out.
    pub fn parse(text: &str) -> Option<Self> {
        let text: &[u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        let digit = |c: u8| {
            Some(match c {
                b'A'..=b'Z' => c - b'A',
                b'a'..=b'z' => c - b'a' + 26,
                b'0'..=b'9' => c - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            })
        };
        let [shard, random @ ..] = text;
        // 22 characters are 132 bits: the first two bits are 0 or the identifier is another one.
        let mut value: u128 = 0;
        for c in random {
            if value >> 122 != 0 {
                return None;
            }
            value = value << 6 | u128::from(digit(*c)?);
        }
        Some(Self {
            shard: digit(*shard)?,
            random: value,
        })
    }
}

/// The identifier opens a context: a log may show that it is one, not which.
impl std::fmt::Debug for ContextId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContextId(…)")
    }
}

/// What is kept of a success.
pub(super) struct Success {
    pub(super) k_ausf: KAusf,
    pub(super) serving_network_name: ServingNetworkName,
    pub(super) event: Option<EventUri>,
}

/// What was removed.
pub(super) enum Removed {
    Pending,
    Confirmed {
        supi: Supi,
        serving_network_name: ServingNetworkName,
        event: Option<EventUri>,
    },
}

pub(super) struct Contexts {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    limits: ContextLimits,
}

/// The identifiers are random, and only ours are ever inserted.
#[derive(Default)]
struct RandomAlready(u64);

type ById = BuildHasherDefault<RandomAlready>;

impl Hasher for RandomAlready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u128(&mut self, value: u128) {
        let [low, high] = [value & u128::from(u64::MAX), value >> 64].map(|half| u64::try_from(half).unwrap_or(0));
        self.0 = low ^ high;
    }
}

/// The two kinds of context have maps of their own, because there may be many times more confirmed ones, and they are small.
#[derive(Default)]
struct Shard {
    pending: HashMap<u128, Pending, ById>,
    pending_of: HashMap<Supi, Vec<u128>>,
    /// Challenges in the order of their creation; some are gone already.
    expiry: VecDeque<(Instant, u128)>,
    confirmed: HashMap<u128, Supi, ById>,
    kept: HashMap<Supi, Box<Kept>>,
    /// Successes in their order; some are gone already.
    order: VecDeque<u128>,
}

struct Kept {
    id: u128,
    /// The result was taken back: the context is gone, K_AUSF is not.
    deleted: bool,
    success: Success,
}

struct Pending {
    challenged: Challenged,
    expires: Instant,
}

/// A shard's part of a bound.
fn part(all: usize) -> usize {
    (all / usize::from(SHARDS)).max(1)
}

impl Contexts {
    pub(super) fn new(limits: ContextLimits) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            limits,
        }
    }

    fn shard_of(&self, supi: &Supi) -> u8 {
        let [.., hash] = self.hasher.hash_one(supi).to_be_bytes();
        hash % SHARDS
    }

    fn shard(&self, shard: u8) -> MutexGuard<'_, Shard> {
        // A panic in the middle leaves a context more or less, never a key for somebody else.
        self.shards[usize::from(shard % SHARDS)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, challenged: Challenged, random: [u8; 16], now: Instant) -> ContextId {
        let random = u128::from_be_bytes(random);
        let id = ContextId {
            shard: self.shard_of(challenged.supi()),
            random,
        };
        let mut shard = self.shard(id.shard);
        shard.expire(now);
        let of_user = shard.pending_of.entry(challenged.supi().clone()).or_default();
        let oldest = (of_user.len() >= self.limits.pending_per_supi.max(1)).then(|| of_user.remove(0));
        of_user.push(random);
        if let Some(oldest) = oldest {
            shard.pending.remove(&oldest);
        }
        let expires = now + self.limits.lifetime;
        shard.pending.insert(random, Pending { challenged, expires });
        shard.expiry.push_back((expires, random));
        shard.bound_pending(part(self.limits.pending));
        id
    }

    /// The challenge of a context, which then no longer exists.
    pub(super) fn take(&self, id: ContextId, now: Instant) -> Option<Challenged> {
        let pending = self.shard(id.shard).take_pending(id.random)?;
        (pending.expires > now).then_some(pending.challenged)
    }

    pub(super) fn keep(&self, supi: &Supi, id: ContextId, success: Success) {
        let mut shard = self.shard(id.shard);
        shard.keep(supi, id.random, success);
        shard.bound_kept(part(self.limits.kept));
    }

    pub(super) fn remove(&self, id: ContextId, now: Instant) -> Option<Removed> {
        let mut shard = self.shard(id.shard);
        if let Some(pending) = shard.take_pending(id.random) {
            return (pending.expires > now).then_some(Removed::Pending);
        }
        let supi = shard.confirmed.get(&id.random)?.clone();
        let kept = shard.kept.get_mut(&supi)?;
        if std::mem::replace(&mut kept.deleted, true) {
            return None;
        }
        // K_AUSF stays: it is the deregistration that ends it.
        Some(Removed::Confirmed {
            serving_network_name: kept.success.serving_network_name,
            event: kept.success.event.take(),
            supi,
        })
    }

    pub(super) fn forget(&self, supi: &Supi) {
        self.shard(self.shard_of(supi)).forget(supi);
    }

    pub(super) fn k_ausf(&self, supi: &Supi) -> Option<KAusf> {
        let shard = self.shard(self.shard_of(supi));
        Some(shard.kept.get(supi)?.success.k_ausf.clone())
    }

    pub(super) fn sweep(&self, now: Instant) {
        for shard in 0..SHARDS {
            self.shard(shard).expire(now);
        }
    }

    pub(super) fn pending(&self) -> usize {
        (0..SHARDS).map(|shard| self.shard(shard).pending.len()).sum()
    }
}

impl Shard {
    fn take_pending(&mut self, id: u128) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        let supi = pending.challenged.supi();
        if let Some(of_user) = self.pending_of.get_mut(supi) {
            of_user.retain(|other| *other != id);
            if of_user.is_empty() {
                self.pending_of.remove(supi);
            }
        }
        Some(pending)
    }

    fn expire(&mut self, now: Instant) {
        while let Some((expires, id)) = self.expiry.front() {
            // What was answered in the meantime needs no waiting.
            if *expires > now && self.pending.contains_key(id) {
                break;
            }
            let id = *id;
            self.expiry.pop_front();
            self.take_pending(id);
        }
    }

    fn bound_pending(&mut self, most: usize) {
        while self.pending.len() > most {
            let Some((_, id)) = self.expiry.pop_front() else { return };
            self.take_pending(id);
        }
        if self.expiry.len() > 2 * self.pending.len() + SLACK {
            self.expiry.retain(|(_, id)| self.pending.contains_key(id));
        }
    }

    fn keep(&mut self, supi: &Supi, id: u128, success: Success) {
        let new = Kept {
            id,
            deleted: false,
            success,
        };
        match self.kept.get_mut(supi) {
            Some(kept) => {
                let before = std::mem::replace(&mut **kept, new);
                self.confirmed.remove(&before.id);
            }
            None => {
                self.kept.insert(supi.clone(), Box::new(new));
            }
        }
        self.confirmed.insert(id, supi.clone());
        self.order.push_back(id);
    }

    fn bound_kept(&mut self, most: usize) {
        while self.kept.len() > most {
            let Some(id) = self.order.pop_front() else { return };
            if let Some(supi) = self.confirmed.get(&id).cloned() {
                self.forget(&supi);
            }
        }
        if self.order.len() > 2 * self.kept.len() + SLACK {
            self.order.retain(|id| self.confirmed.contains_key(id));
        }
    }

    fn forget(&mut self, supi: &Supi) {
        if let Some(kept) = self.kept.remove(supi) {
            self.confirmed.remove(&kept.id);
        }
    }
}

/// Entries of the queues that may be gone before they are sorted out.
const SLACK: usize = 64;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use kaskade_aka::fivegs::udm::HeAv5g;
    use kaskade_crypto::{Autn, Rand};
    use kaskade_keys::fivegs::XresStar;

    use super::*;
    use crate::random::random_octets;

    fn challenged(user: u64) -> Challenged {
        let he_av = HeAv5g {
            rand: Rand::from_octets([1; 16]),
            autn: Autn::from_octets([2; 16]),
            xres_star: XresStar::from_octets(&[3; 16]),
            k_ausf: KAusf::from_octets(&[4; 32]),
        };
        let supi = format!("imsi-00101{user:010}").parse().unwrap();
        Challenged::new(he_av, supi, ServingNetworkName::NSWO).1
    }

    fn success() -> Success {
        Success {
            k_ausf: KAusf::from_octets(&[5; 32]),
            serving_network_name: ServingNetworkName::NSWO,
            event: None,
        }
    }

    fn consistent(contexts: &Contexts) {
        for shard in &contexts.shards {
            let shard = shard.lock().unwrap();
            let listed: usize = shard.pending_of.values().map(Vec::len).sum();
            assert_eq!(listed, shard.pending.len());
            assert!(shard.pending_of.values().all(|of_user| !of_user.is_empty()));
            assert_eq!(shard.confirmed.len(), shard.kept.len());
            let limits = &contexts.limits;
            assert!(shard.expiry.len() <= 2 * part(limits.pending) + SLACK + 1);
            assert!(shard.order.len() <= 2 * part(limits.kept) + SLACK + 1);
        }
    }

    #[test]
    fn an_identifier_comes_back() {
        for _ in 0..1000 {
            let [shard, ..] = random_octets::<1>().unwrap();
            let id = ContextId {
                shard: shard % SHARDS,
                random: u128::from_be_bytes(random_octets().unwrap()),
            };
            let text = id.text();
            let text = std::str::from_utf8(&text).unwrap();
            assert_eq!(ContextId::parse(text), Some(id));
            assert!(!format!("{id:?}").contains(text));
        }
        let largest = ContextId {
            shard: SHARDS - 1,
            random: u128::MAX,
        };
        assert_eq!(
            ContextId::parse(std::str::from_utf8(&largest.text()).unwrap()),
            Some(largest)
        );
        // More than 128 bits, a wrong length, a wrong character.
        for text in [
            "_E_____________________",
            "A",
            "",
            "AAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAé",
        ] {
            assert_eq!(ContextId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn everything_is_bounded_whatever_happens() {
        let limits = ContextLimits {
            lifetime: Duration::from_secs(10),
            pending_per_supi: 3,
            pending: 20 * usize::from(SHARDS),
            kept: 5 * usize::from(SHARDS),
        };
        let contexts = Contexts::new(limits);
        let begin = Instant::now();
        for step in 0..30_000_u64 {
            let now = begin + Duration::from_millis(step);
            let user = step * 7919 % 2000;
            let challenge = challenged(user);
            let supi = challenge.supi().clone();
            let id = contexts.insert(challenge, random_octets().unwrap(), now);
            match step % 5 {
                0 => {}
                1 => assert!(matches!(contexts.remove(id, now), Some(Removed::Pending))),
                2 => {
                    assert!(contexts.take(id, now).is_some());
                    assert!(contexts.take(id, now).is_none());
                }
                _ => {
                    assert!(contexts.take(id, now).is_some());
                    contexts.keep(&supi, id, success());
                    assert!(contexts.k_ausf(&supi).is_some(), "the newest is kept");
                    if step % 2 == 0 {
                        assert!(matches!(contexts.remove(id, now), Some(Removed::Confirmed { .. })));
                        assert!(contexts.remove(id, now).is_none());
                    }
                }
            }
            if step % 1000 == 0 {
                consistent(&contexts);
            }
        }
        assert!(contexts.pending() <= limits.pending);
        let kept: usize = contexts
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().kept.len())
            .sum();
        assert!(kept <= limits.kept);
        contexts.sweep(begin + Duration::from_secs(60));
        assert_eq!(contexts.pending(), 0);
        consistent(&contexts);
    }

    #[test]
    fn a_late_answer_is_no_answer() {
        let contexts = Contexts::new(ContextLimits::default());
        let begin = Instant::now();
        let lifetime = ContextLimits::default().lifetime;
        let in_time = contexts.insert(challenged(1), [1; 16], begin);
        let late = contexts.insert(challenged(2), [2; 16], begin);
        assert!(
            contexts
                .take(in_time, begin + lifetime - Duration::from_millis(1))
                .is_some()
        );
        assert!(contexts.take(late, begin + lifetime).is_none());
        assert_eq!(contexts.pending(), 0);
    }
}
