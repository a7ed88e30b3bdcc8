//! Whether an AUTS is fresh: how old its RAND is, and whether the card is known to have succeeded since.
//!
//! The moment stands in the RAND itself, so nothing is remembered per challenge, and any node of the same data key can
//! tell. Successes are remembered in a table of fixed size; what it may have forgotten counts as a success.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kaskade_aka::sqn::Glc;
use kaskade_crypto::Rand;
use kaskade_keys::Supi;

use super::key::SubscriberKey;
use super::store::SubscriberStore;

/// How old a challenge may be when its AUTS is followed back.
pub const AUTS_LIFETIME: Duration = Duration::from_secs(600);
/// How far ahead another node's clock may be.
const SKEW: u64 = 120 << FRACTION_BITS;
const FRACTION_BITS: u32 = 16;
/// How far the wall clock may be ahead of the counter that follows it: it is published a few times in a tick.
const PUBLISHED_LATE: Duration = Duration::from_secs(2);

/// A moment of the home network's counter: seconds since the Unix epoch in units of 2^-16 s, 48 bits. 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    const MAX: u64 = (1 << 48) - 1;

    /// The counter `now` in ticks, and finer where the wall clock agrees with it.
    ///
    /// Like the counter it does not go back when the wall clock steps, nor over a restart.
    pub(crate) fn of(now: Glc, tick: Duration, wall: Duration) -> Self {
        let tick_nanos = tick.as_nanos();
        let counter = tick_nanos.saturating_mul(u128::from(now.0));
        let latest = counter + tick_nanos + PUBLISHED_LATE.as_nanos();
        let wall = wall.as_nanos();
        let nanos = if (counter..=latest).contains(&wall) {
            wall
        } else {
            counter
        };
        let units = (nanos << FRACTION_BITS) / 1_000_000_000;
        Self(u64::try_from(units).unwrap_or(u64::MAX).min(Self::MAX))
    }

    /// How long before `now`; 0 when it is not.
    pub(crate) fn age(self, now: Self) -> Duration {
        let units = now.0.saturating_sub(self.0);
        let fraction = ((units & 0xffff) * 1_000_000_000) >> FRACTION_BITS;
        Duration::new(units >> FRACTION_BITS, u32::try_from(fraction).unwrap_or(0))
    }
}

/// Whether an AUTS may be followed by a card that has gone back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// The card has just shown it: its RAND is this home network's, young, and no success is known since.
    Fresh,
    /// The RAND was not made here for this SUPI.
    NotOurs,
    /// The RAND is older than [`AUTS_LIFETIME`].
    TooOld,
    /// The RAND is of before the last start: what the card did since then is not known.
    BeforeStart,
    /// The card has succeeded since, or that is not known any more.
    SucceededSince,
    /// An AUTS of this RAND or a later one was followed already.
    Used,
}

impl Freshness {
    /// What it means, for a log.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Fresh => "it is fresh",
            Self::NotOurs => "its RAND was not made here for this subscriber",
            Self::TooOld => "its RAND is older than ten minutes",
            Self::BeforeStart => "its RAND was made before the last start",
            Self::SucceededSince => "the card has succeeded since its RAND was made",
            Self::Used => "an AUTS of this RAND or a later one was followed before",
        }
    }
}

impl SubscriberStore {
    /// A RAND for a vector of this subscriber, of eight random octets: one that [`SubscriberStore::rand_age`]
    /// recognises on every node of the same data key.
    #[inline]
    pub fn challenge(&self, supi: &Supi, random: [u8; 8]) -> Rand {
        // Two octets make room for the fraction of the second.
        let [random @ .., _, _] = random;
        let key = SubscriberKey::from(supi);
        self.sealer.keys().challenge(key.octets(), self.moment().0, random)
    }

    /// How old a RAND of [`SubscriberStore::challenge`] is; `None` when it was not made for this SUPI.
    pub fn rand_age(&self, supi: &Supi, rand: &Rand) -> Option<Duration> {
        let key = SubscriberKey::from(supi);
        let made = self.sealer.keys().recognise(key.octets(), rand)?;
        Some(Moment(made).age(self.moment()))
    }

    /// Takes note that a card has just succeeded: an AUTS of an earlier RAND is not followed back any more.
    pub fn succeeded(&self, supi: &Supi) {
        self.successes.note(&SubscriberKey::from(supi), self.moment());
    }

    /// The moment of a RAND, and whether its AUTS is fresh as far as that can be told without the subscriber's record.
    pub(crate) fn freshness_of(&self, key: &SubscriberKey, rand: &Rand) -> Result<Moment, Freshness> {
        let made = self.sealer.keys().recognise(key.octets(), rand).map(Moment);
        let (made, now) = (made.ok_or(Freshness::NotOurs)?, self.moment());
        if made.age(now) > AUTS_LIFETIME || made.0 > now.0.saturating_add(SKEW) {
            return Err(Freshness::TooOld);
        }
        if made < self.started {
            return Err(Freshness::BeforeStart);
        }
        if self.successes.may_be_since(key, made) {
            return Err(Freshness::SucceededSince);
        }
        Ok(made)
    }

    /// Whether an AUTS of this RAND would be followed by a card that has gone back.
    pub fn auts_is_fresh(&self, supi: &Supi, rand: &Rand) -> bool {
        self.freshness_of(&SubscriberKey::from(supi), rand).is_ok()
    }

    /// Now, by the home network's counter.
    #[inline]
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(self.issuer.now(), self.tick, self.clock.clocks().wall)
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

    fn key(n: u64) -> SubscriberKey {
        SubscriberKey::from(&format!("imsi-00101{n:010}").parse::<Supi>().expect("an IMSI"))
    }

    #[test]
    fn a_moment_follows_the_counter_and_is_finer_where_the_wall_clock_agrees() {
        let tick = Duration::from_secs(1);
        let at = |now, wall_ms| Moment::of(Glc(now), tick, Duration::from_millis(wall_ms)).0;
        assert_eq!(at(100, 100_500), 100 * SECOND + SECOND / 2);
        // Published late.
        assert_eq!(at(100, 101_250), 101 * SECOND + SECOND / 4);
        // The wall clock was put back, or is not believed.
        assert_eq!(at(100, 99_999), 100 * SECOND);
        assert_eq!(at(100, 500_000), 100 * SECOND);
        let fine = Moment::of(Glc(100_500), Duration::from_millis(1), Duration::from_millis(100_500));
        assert_eq!(fine.0, 100 * SECOND + SECOND / 2);
        assert_eq!(
            Moment(3 * SECOND / 2).age(Moment(4 * SECOND)),
            Duration::from_millis(2500)
        );
        assert_eq!(Moment(4 * SECOND).age(Moment(SECOND)), Duration::ZERO);
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
