//! Whether an AUTS is fresh: how old its RAND is, and whether the card is known to have succeeded since.
//!
//! The moment stands in the RAND itself, so nothing is remembered per challenge, and any node of the same data key can
//! tell. Successes are remembered in a table of fixed size; what it may have forgotten counts as a success.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kaskade_crypto::Rand;
use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;
use kaskade_keys::Supi;

use super::key::SubscriberKey;
use super::store::SubscriberStore;

/// How old a challenge may be when its AUTS is followed back.
pub const AUTS_LIFETIME: Duration = Duration::from_secs(600);
/// The same where other nodes issue from the same store: a success at another one is not known here, and a card answers soon.
pub const AUTS_LIFETIME_AMONG_NODES: Duration = Duration::from_secs(30);
/// How far ahead another node's clock may be: less than half of the lead of the clock's mark, which a restart skips.
const SKEW: u64 = 20 << FRACTION_BITS;
const FRACTION_BITS: u32 = 16;

/// A moment of the home network's counter: seconds since the Unix epoch in units of 2^-16 s, 48 bits. 0 is none.
///
/// Like the counter it does not go back when the wall clock steps, nor over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    const MAX: u64 = (1 << 48) - 1;

    /// Of nanoseconds since the Unix epoch.
    pub(crate) fn of(nanos: u64) -> Self {
        let units = (u128::from(nanos) << FRACTION_BITS) / 1_000_000_000;
        Self(u64::try_from(units).unwrap_or(u64::MAX).min(Self::MAX))
    }

    /// How long before `now`; 0 when it is not.
    pub(crate) fn age(self, now: Self) -> Duration {
        let units = now.0.saturating_sub(self.0);
        let fraction = ((units & 0xffff) * 1_000_000_000) >> FRACTION_BITS;
        Duration::new(units >> FRACTION_BITS, u32::try_from(fraction).unwrap_or(0))
    }
}

/// Why an AUTS was not followed although the card seems to have gone back: it may be a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFollowed {
    /// The RAND was not made here for this SUPI.
    #[error("its RAND was not made here for this subscriber")]
    NotOurs,
    /// The RAND is older than [`AUTS_LIFETIME`], or [`AUTS_LIFETIME_AMONG_NODES`].
    #[error("its RAND is older than ten minutes, or than 30 seconds with a store that nodes can share")]
    TooOld,
    /// The RAND was made by another node of this store.
    #[error("its RAND was made by another node")]
    OfAnotherNode,
    /// The RAND is of before the last start: what the card did since then is not known.
    #[error("its RAND was made before the last start")]
    BeforeStart,
    /// The card has succeeded since, or that is not known any more.
    #[error("the card has succeeded since its RAND was made")]
    SucceededSince,
    /// An AUTS of this RAND or a later one was followed already.
    #[error("a later one was taken before")]
    Used,
    /// The card has shown a higher SQN before, and the policy is that nothing is used again.
    #[error("its SQN is below one that this card has shown before, and `[sqn] reuse` is \"never\"")]
    BelowShown,
    /// The card was followed too often.
    #[error("this subscriber was followed too often lately: one card answers for another, or two share its identity")]
    TooOften,
}

impl NotFollowed {
    /// Whether the operator can do something: the answer to the next challenge alone changes nothing, or not soon.
    pub const fn needs_operator(self) -> bool {
        matches!(self, Self::BelowShown | Self::TooOften)
    }
}

/// What is known of cards that may have gone back.
pub(crate) struct Watch {
    /// What was before is not known.
    started: Moment,
    successes: Successes,
    /// RAND are later than every success and every AUTS that was followed, however coarse the clock is.
    floor: AtomicU64,
}

impl Watch {
    pub(crate) fn since(started: Moment) -> Self {
        Self {
            started,
            successes: Successes::default(),
            floor: AtomicU64::new(0),
        }
    }

    /// The moment that a RAND gets.
    pub(crate) fn moment(&self, now: Moment) -> Moment {
        now.max(Moment(self.floor.load(Ordering::Acquire)))
    }

    /// From now on RAND are later than this.
    pub(crate) fn pass(&self, moment: Moment) {
        self.floor.fetch_max(moment.0.saturating_add(1), Ordering::AcqRel);
    }

    fn succeeded(&self, key: &SubscriberKey, now: Moment) {
        let at = self.moment(now);
        self.successes.note(key, at);
        self.pass(at);
    }

    /// When the RAND of an AUTS was made, if the AUTS is fresh as far as that can be told without the subscriber's record.
    pub(crate) fn fresh(
        &self,
        keys: &StoreKeys,
        (key, node): (&SubscriberKey, Option<u8>),
        rand: &Rand,
        now: Moment,
    ) -> Result<Moment, NotFollowed> {
        let made = keys.recognise(key.octets(), rand).map(Moment);
        let made = made.ok_or(NotFollowed::NotOurs)?;
        let lifetime = match node {
            // What the card did at another node since then is not known here.
            Some(node) if !keys.is_made_by(rand, node) && !fault!("rand-of-another-node-fresh") => {
                return Err(NotFollowed::OfAnotherNode);
            }
            Some(_) => AUTS_LIFETIME_AMONG_NODES,
            None => AUTS_LIFETIME,
        };
        if made.age(now) > lifetime || made.0 > now.0.saturating_add(SKEW) {
            return Err(NotFollowed::TooOld);
        }
        if made < self.started {
            return Err(NotFollowed::BeforeStart);
        }
        if self.successes.may_be_since(key, made) && !fault!("success-not-noted") {
            return Err(NotFollowed::SucceededSince);
        }
        Ok(made)
    }
}

impl SubscriberStore {
    /// A RAND for a vector of this subscriber, of eight random octets: one that [`SubscriberStore::rand_age`]
    /// recognises on every node of the same data key.
    #[inline]
    pub fn challenge(&self, supi: &Supi, random: [u8; 8]) -> Rand {
        // Two octets make room for the fraction of the second.
        let [mut random @ .., _, _] = random;
        if self.issuer.is_shared() {
            random[random.len() - 1] = self.issuer.node.index();
        }
        let key = SubscriberKey::from(supi);
        let moment = self.watch.moment(self.moment());
        self.sealer.keys().challenge(key.octets(), moment.0, random)
    }

    /// How old a RAND of [`SubscriberStore::challenge`] is; `None` when it was not made for this SUPI.
    pub fn rand_age(&self, supi: &Supi, rand: &Rand) -> Option<Duration> {
        let key = SubscriberKey::from(supi);
        let made = self.sealer.keys().recognise(key.octets(), rand)?;
        Some(Moment(made).age(self.moment()))
    }

    /// Takes note that a card has just succeeded: an AUTS of an earlier RAND is not followed back any more.
    pub fn succeeded(&self, supi: &Supi) {
        let key = SubscriberKey::from(supi);
        // Between the look at the successes and what an AUTS changes there is none.
        let _shard = self.issuer.shard(&key);
        self.watch.succeeded(&key, self.moment());
    }

    /// [`SubscriberStore::succeeded`] with a vector that was given out so long ago: what the card did since is not known.
    pub fn vector_succeeded(&self, supi: &Supi, age: Duration) {
        let key = SubscriberKey::from(supi);
        let _shard = self.issuer.shard(&key);
        let units = u64::try_from((age.as_nanos() << FRACTION_BITS) / 1_000_000_000).unwrap_or(u64::MAX);
        let at = Moment(self.moment().0.saturating_sub(units));
        self.watch.successes.note(&key, at);
        self.watch.pass(at);
    }
}

const SETS: usize = 1 << 15;
const WAYS: usize = 8;

/// The latest successes: a set of eight for each value of a hash, the oldest gives way.
///
/// What was pushed out of a full set is not later than the oldest that is left, so that one that is looked for in vain is
/// either unknown for good or older than that.
pub(crate) struct Successes {
    sets: Box<[Mutex<[u64; WAYS]>]>,
    hasher: RandomState,
}

impl Default for Successes {
    fn default() -> Self {
        Self {
            sets: (0..SETS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Successes {
    /// The set, and the 16 bits that tell its users apart.
    fn place(&self, key: &SubscriberKey) -> (&Mutex<[u64; WAYS]>, u64) {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash >> 32).unwrap_or(0) % SETS;
        (&self.sets[index], hash & 0xffff)
    }

    pub(crate) fn note(&self, key: &SubscriberKey, at: Moment) {
        let (set, tag) = self.place(key);
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let own = set.iter().position(|entry| *entry != 0 && entry >> 48 == tag);
        let oldest = || (0..WAYS).min_by_key(|way| moment_of(set[*way]));
        let Some(way) = own.or_else(oldest) else { return };
        if moment_of(set[way]) < at.0 {
            set[way] = tag << 48 | at.0;
        }
    }

    /// Whether there was a success at `moment` or later, or may have been.
    pub(crate) fn may_be_since(&self, key: &SubscriberKey, moment: Moment) -> bool {
        let (set, tag) = self.place(key);
        let set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |entry: &u64| *entry != 0 && entry >> 48 == tag && moment_of(*entry) >= moment.0;
        let oldest = set.iter().map(|entry| moment_of(*entry)).min().unwrap_or(0);
        set.iter().any(known) || oldest != 0 && oldest >= moment.0
    }
}

const fn moment_of(entry: u64) -> u64 {
    entry & Moment::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1 << FRACTION_BITS;

    #[test]
    fn a_rand_of_a_later_start_is_not_of_now() {
        let lead = super::super::store::StoreOptions::default().lead;
        assert!(Duration::from_secs(SKEW / SECOND) < lead / 2);
    }

    fn key(n: u64) -> SubscriberKey {
        SubscriberKey::from(&format!("imsi-00101{n:010}").parse::<Supi>().expect("an IMSI"))
    }

    #[test]
    fn moments_are_fractions_of_a_second() {
        assert_eq!(Moment::of(100_500_000_000).0, 100 * SECOND + SECOND / 2);
        assert_eq!(
            Moment::of(u64::MAX).0,
            Moment::MAX.min(u64::MAX / 1_000_000_000 * SECOND + 46_453)
        );
        assert_eq!(
            Moment(3 * SECOND / 2).age(Moment(4 * SECOND)),
            Duration::from_millis(2500)
        );
        assert_eq!(Moment(4 * SECOND).age(Moment(SECOND)), Duration::ZERO);
    }

    #[test]
    fn a_rand_is_later_than_every_success_before_it() {
        let watch = Watch::since(Moment(5));
        // The clock stands still.
        for turn in 0..5 {
            let made = watch.moment(Moment(7));
            assert_eq!(made, Moment(7 + turn));
            assert!(!watch.successes.may_be_since(&key(1), made));
            watch.succeeded(&key(1), Moment(7));
            assert!(watch.successes.may_be_since(&key(1), made));
        }
    }

    #[test]
    fn successes_are_known_or_doubted_but_never_forgotten() {
        let successes = Successes::default();
        assert!(!successes.may_be_since(&key(1), Moment(1)));
        successes.note(&key(1), Moment(50));
        assert!(successes.may_be_since(&key(1), Moment(50)));
        assert!(!successes.may_be_since(&key(1), Moment(51)));
        assert!(!successes.may_be_since(&key(2), Moment(1)));
        // Far more than there is room for: each that is known to have been is still believed.
        let many = 2 * (SETS * WAYS) as u64;
        for n in 0..many {
            successes.note(&key(n), Moment(1000 + n));
        }
        for n in (0..many).step_by(97) {
            assert!(successes.may_be_since(&key(n), Moment(1000 + n)), "{n}");
            assert!(!successes.may_be_since(&key(n), Moment(1000 + many)), "{n}");
        }
    }
}
