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
const SHARDS: usize = 64;
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
        text[0] = BASE64URL[usize::from(self.shard) % SHARDS];
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
    pub(super) id: ContextId,
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
        self.0 = value as u64 ^ (value >> 64) as u64;
    }
}

#[derive(Default)]
struct Shard {
    contexts: HashMap<u128, Context, BuildHasherDefault<RandomAlready>>,
    users: HashMap<Supi, User>,
    pending: usize,
    kept: usize,
    /// Challenges in the order of their creation; some are gone already.
    expiry: VecDeque<(Instant, u128)>,
    /// Successes in their order; some are gone already.
    order: VecDeque<u128>,
}

enum Context {
    Pending(Challenged, Instant),
    Confirmed(Supi),
}

#[derive(Default)]
struct User {
    pending: Vec<u128>,
    last: Option<Box<Success>>,
}

impl User {
    fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.last.is_none()
    }
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
        // Below 64.
        (self.hasher.hash_one(supi) % SHARDS as u64) as u8
    }

    fn shard(&self, shard: u8) -> MutexGuard<'_, Shard> {
        // A panic in the middle leaves a context more or less, never a key for somebody else.
        self.shards[usize::from(shard) % SHARDS]
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
        let supi = challenged.supi().clone();
        let user = shard.users.entry(supi).or_default();
        let oldest = (user.pending.len() >= self.limits.pending_per_supi.max(1)).then(|| user.pending.remove(0));
        if user.pending.is_empty() {
            user.pending.reserve_exact(1);
        }
        user.pending.push(random);
        if let Some(oldest) = oldest {
            shard.contexts.remove(&oldest);
            shard.pending -= 1;
        }
        let expires = now + self.limits.lifetime;
        shard.contexts.insert(random, Context::Pending(challenged, expires));
        shard.expiry.push_back((expires, random));
        shard.pending += 1;
        shard.bound_pending((self.limits.pending / SHARDS).max(1));
        id
    }

    /// The challenge of a context, which then no longer exists.
    pub(super) fn take(&self, id: ContextId, now: Instant) -> Option<Challenged> {
        let mut shard = self.shard(id.shard);
        match shard.contexts.get(&id.random)? {
            Context::Pending(_, expires) if *expires > now => shard.take_pending(id.random),
            _ => None,
        }
    }

    pub(super) fn keep(&self, supi: &Supi, success: Success) {
        let id = success.id;
        let mut shard = self.shard(id.shard);
        shard.keep(supi, success);
        shard.bound_kept((self.limits.kept / SHARDS).max(1));
    }

    pub(super) fn remove(&self, id: ContextId, now: Instant) -> Option<Removed> {
        let mut shard = self.shard(id.shard);
        match shard.contexts.get(&id.random)? {
            Context::Pending(_, expires) => {
                let alive = *expires > now;
                shard.take_pending(id.random);
                alive.then_some(Removed::Pending)
            }
            Context::Confirmed(supi) => {
                let supi = supi.clone();
                shard.contexts.remove(&id.random);
                let success = shard.users.get_mut(&supi)?.last.as_mut()?;
                // K_AUSF stays: it is the deregistration that ends it.
                Some(Removed::Confirmed {
                    serving_network_name: success.serving_network_name,
                    event: success.event.take(),
                    supi,
                })
            }
        }
    }

    pub(super) fn forget(&self, supi: &Supi) {
        self.shard(self.shard_of(supi)).forget(supi);
    }

    pub(super) fn k_ausf(&self, supi: &Supi) -> Option<KAusf> {
        let shard = self.shard(self.shard_of(supi));
        Some(shard.users.get(supi)?.last.as_ref()?.k_ausf.clone())
    }

    pub(super) fn sweep(&self, now: Instant) {
        for shard in 0..SHARDS as u8 {
            self.shard(shard).expire(now);
        }
    }

    pub(super) fn pending(&self) -> usize {
        (0..SHARDS as u8).map(|shard| self.shard(shard).pending).sum()
    }
}

impl Shard {
    fn take_pending(&mut self, id: u128) -> Option<Challenged> {
        let Some(Context::Pending(..)) = self.contexts.get(&id) else {
            return None;
        };
        let Some(Context::Pending(challenged, _)) = self.contexts.remove(&id) else {
            return None;
        };
        self.pending -= 1;
        if let Some(user) = self.users.get_mut(challenged.supi()) {
            user.pending.retain(|pending| *pending != id);
            if user.is_empty() {
                self.users.remove(challenged.supi());
            }
        }
        Some(challenged)
    }

    fn expire(&mut self, now: Instant) {
        while let Some((expires, id)) = self.expiry.front() {
            // What was answered in the meantime needs no waiting.
            if *expires > now && self.contexts.contains_key(id) {
                break;
            }
            let id = *id;
            self.expiry.pop_front();
            self.take_pending(id);
        }
    }

    fn bound_pending(&mut self, most: usize) {
        while self.pending > most {
            let Some((_, id)) = self.expiry.pop_front() else { return };
            self.take_pending(id);
        }
        if self.expiry.len() > 2 * self.pending + 64 {
            let contexts = &self.contexts;
            self.expiry
                .retain(|(_, id)| matches!(contexts.get(id), Some(Context::Pending(..))));
        }
    }

    fn keep(&mut self, supi: &Supi, success: Success) {
        let id = success.id.random;
        let user = self.users.entry(supi.clone()).or_default();
        match &mut user.last {
            Some(last) => {
                let before = std::mem::replace(&mut **last, success);
                self.contexts.remove(&before.id.random);
            }
            last => {
                *last = Some(Box::new(success));
                self.kept += 1;
            }
        }
        self.contexts.insert(id, Context::Confirmed(supi.clone()));
        self.order.push_back(id);
    }

    fn bound_kept(&mut self, most: usize) {
        while self.kept > most {
            let Some(id) = self.order.pop_front() else { return };
            if let Some(Context::Confirmed(supi)) = self.contexts.get(&id) {
                let supi = supi.clone();
                self.forget(&supi);
            }
        }
        if self.order.len() > 2 * self.kept + 64 {
            let contexts = &self.contexts;
            self.order
                .retain(|id| matches!(contexts.get(id), Some(Context::Confirmed(_))));
        }
    }

    fn forget(&mut self, supi: &Supi) {
        let Some(user) = self.users.get_mut(supi) else { return };
        if let Some(last) = user.last.take() {
            self.kept -= 1;
            self.contexts.remove(&last.id.random);
        }
        if user.is_empty() {
            self.users.remove(supi);
        }
    }
}
