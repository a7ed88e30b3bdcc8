//! To whom a vector of which subscriber was given lately: whose word counts that the card has succeeded.
//!
//! A success stops older AUTS of the card from being followed back, so a stranger's word must not count, however many vectors
//! a stranger asks for; and the word of an AUSF must, however busy the node is. So nobody is believed whose vector is not
//! found here, and one that was given is hard to lose: in a set of sixteen places the requester with most of them loses its
//! oldest, as switches share their buffers. Who floods the table loses its own.
//!
//! At 15 000 vectors a second of one AUSF, the last 30 s of them are here but for a few in a thousand; a UE answers within a second
//! or so. Beside one that floods, 10 s of 15 000 a second. Sixteen requesters that flood together push out others: what they gain is
//! that a recorded AUTS of at most ten minutes may be followed back once, which costs numbers and shows no secret.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_keys::Supi;
use kaskade_store::AUTS_LIFETIME;

use crate::sbi::peer::Requester;

const SHARDS: usize = 64;
const WAYS: usize = 16;
/// Sets of all shards together.
const SETS: usize = 1 << 16;

/// What the table takes at most, in octets.
pub const GIVEN_OCTETS: usize = SETS * size_of::<Set>();

#[derive(Clone, Copy, Default)]
struct Place {
    /// Of the requester, in 32 bits of a keyed hash.
    who: u32,
    /// Of the subscriber, likewise.
    card: u32,
    /// Tenths of a second; 0 is nobody's.
    at: u32,
}

type Set = [Place; WAYS];

/// What is known of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It was given to this requester so long ago, and an AUTS of its time may still be followed. It counts once.
    Given(Duration),
    /// It was not, or so long ago that no AUTS of its time is followed any more.
    NotGiven,
    /// It may have been, and pushed out since.
    Forgotten,
}

/// The latest vectors.
pub(super) struct Given {
    hasher: RandomState,
    shards: Box<[Mutex<Box<[Set]>>]>,
}

impl Given {
    pub(super) fn new() -> Self {
        Self::with_sets(SETS)
    }

    fn with_sets(sets: usize) -> Self {
        let shard = || Mutex::new(vec![Set::default(); sets / SHARDS].into());
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| shard()).collect(),
        }
    }

    /// Tenths of a second on the clock of this table, which does not begin at 0: that is nobody's.
    fn at(now: Moment) -> u32 {
        let tenths = now.as_nanos() / 100_000_000;
        u32::try_from(tenths).unwrap_or(u32::MAX - 1).saturating_add(1)
    }

    /// Works in the set of a subscriber, on what a place of this requester would be.
    fn within<R>(&self, requester: &Requester, supi: &Supi, now: Moment, work: impl FnOnce(&mut Set, Place) -> R) -> R {
        let hash = self.hasher.hash_one(supi);
        let [low, high] = halves(hash);
        let place = Place {
            who: halves(self.hasher.hash_one(requester.id()))[0],
            card: high,
            at: Self::at(now),
        };
        let shard = &self.shards[low as usize % SHARDS];
        let mut sets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let set = low as usize / SHARDS % sets.len();
        work(&mut sets[set], place)
    }

    /// A vector of this subscriber goes to this requester.
    pub(super) fn note(&self, requester: &Requester, supi: &Supi, now: Moment) {
        self.within(requester, supi, now, |set, new| {
            let same = set.iter().position(|place| place.is(new));
            if let Some(place) = same.or_else(|| victim(set, new)).and_then(|way| set.get_mut(way)) {
                *place = new;
            }
        });
    }

    /// Whether this requester was given a vector of this subscriber lately, which is then used up: nobody reports two
    /// successes of one.
    pub(super) fn take(&self, requester: &Requester, supi: &Supi, now: Moment) -> Known {
        self.within(requester, supi, now, |set, asked| {
            if let Some(place) = set.iter_mut().find(|place| place.is(asked) && place.lives(asked.at)) {
                // Tenths are cut off: what it dates is not before the vector.
                let age = asked.at.saturating_sub(place.at).saturating_sub(1);
                *place = Place::default();
                return Known::Given(Duration::from_millis(u64::from(age) * 100));
            }
            match set.iter().all(|place| place.lives(asked.at)) {
                true => Known::Forgotten,
                false => Known::NotGiven,
            }
        })
    }
}

/// For as long a success can make a difference, in tenths of a second.
#[allow(clippy::cast_possible_truncation, reason = "ten minutes")]
const LIFE: u32 = (AUTS_LIFETIME.as_secs() * 10) as u32;

impl Place {
    fn is(self, other: Self) -> bool {
        self.at != 0 && (self.who, self.card) == (other.who, other.card)
    }

    fn lives(self, now: u32) -> bool {
        self.at != 0 && now.saturating_sub(self.at) < LIFE
    }
}

fn halves(hash: u64) -> [u32; 2] {
    let [a, b, c, d, rest @ ..] = hash.to_be_bytes();
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(rest)]
}

/// Which place makes room for a new one: one that is over, else the oldest of who has most, the new one counted.
fn victim(set: &Set, new: Place) -> Option<usize> {
    let ways = || set.iter().enumerate();
    if let Some((way, _)) = ways().find(|(_, place)| !place.lives(new.at)) {
        return Some(way);
    }
    if fault!("vectors-pushed-out-across-requesters") {
        return ways().min_by_key(|(_, place)| place.at).map(|(way, _)| way);
    }
    let has = |who: u32| set.iter().filter(|place| place.who == who).count() + usize::from(who == new.who);
    let most = set.iter().map(|place| has(place.who)).max()?;
    // Where it is one of several with most, a requester loses its own.
    let own = has(new.who) == most && has(new.who) > 1;
    ways()
        .filter(|(_, place)| has(place.who) == most && (!own || place.who == new.who))
        .min_by_key(|(_, place)| place.at)
        .map(|(way, _)| way)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const BEGIN: Moment = Moment::from_nanos(1_000_000_000);

    fn later(begin: Moment, wait: Duration) -> Moment {
        begin.after(wait).unwrap()
    }

    /// Looks, and puts back what it took.
    fn look(given: &Given, who: &Requester, supi: &Supi, now: Moment) -> Known {
        let known = given.take(who, supi, now);
        if let Known::Given(age) = known {
            given.note(who, supi, now.before(age));
        }
        known
    }

    fn is_given(known: Known) -> bool {
        matches!(known, Known::Given(_))
    }

    fn supi(user: u64) -> Supi {
        format!("imsi-00101{user:010}").parse().unwrap()
    }

    /// A table of a sixteenth of the size, for a sixteenth of what happens.
    const PART: usize = 16;

    /// Vectors of one requester for all of ten minutes: double what one may ask for, and three times what there is room for.
    fn flood(given: &Given, who: &Requester, from: u64, begin: Moment) {
        let all = 3 * (SETS / PART * WAYS) as u64;
        for n in 0..all {
            let now = later(begin, AUTS_LIFETIME * u32::try_from(n * 1000 / all).unwrap() / 1000);
            given.note(who, &supi(from + n), now);
        }
    }

    #[test]
    fn who_floods_the_table_is_not_believed_and_pushes_nobody_out() {
        let given = Given::with_sets(SETS / PART);
        let [ausf, stranger] = ["ausf", "stranger"].map(Requester::group);
        let begin = BEGIN;
        for n in 0..1000 {
            given.note(&ausf, &supi(n), begin);
        }
        flood(&given, &stranger, 1_000_000, begin);
        let now = later(begin, AUTS_LIFETIME - Duration::from_secs(1));
        let known = |who: &Requester, what: fn(Known) -> bool| {
            (0..1000).filter(|n| what(look(&given, who, &supi(*n), now))).count()
        };
        let is_forgotten = |known| known == Known::Forgotten;
        assert_eq!(known(&ausf, is_given), 1000);
        assert_eq!(known(&stranger, is_given), 0, "of what it was never given");
        assert_eq!(known(&stranger, is_forgotten), 1000, "as far as one can tell");
        // In the fullest table whoever begins now has a place.
        let late = Requester::group("late");
        for n in 0..1000 {
            given.note(&late, &supi(n), now);
        }
        assert_eq!(known(&late, is_given), 1000);
        assert_eq!(known(&ausf, is_given), 1000);
    }

    /// 15 000 a second of the whole table; of how many in a thousand vectors it is unknown, so many seconds later, that they were
    /// given.
    fn lost_after(given: &Given, begin: Moment, seconds: u64) -> u64 {
        let (ausf, second) = (Requester::group("ausf"), 15_000 / PART as u64);
        let (mut asked, mut lost) = (0, 0);
        for n in 0..60 * second {
            let now = later(begin, Duration::from_micros(n * 1_000_000 / second));
            given.note(&ausf, &supi(n), now);
            if let Some(answers) = n.checked_sub(seconds * second) {
                asked += 1;
                lost += u64::from(!is_given(look(given, &ausf, &supi(answers), now)));
            }
        }
        (lost * 1000_u64).div_ceil(asked)
    }

    #[test]
    fn the_rate_of_a_busy_node_is_remembered() {
        let alone = || (Given::with_sets(SETS / PART), BEGIN);
        let (given, now) = alone();
        assert_eq!(lost_after(&given, now, 5), 0);
        let (given, now) = alone();
        assert!(lost_after(&given, now, 30) <= 10);
        let beside = || {
            let given = Given::with_sets(SETS / PART);
            flood(&given, &Requester::group("other"), 10_000_000, BEGIN);
            let end = later(BEGIN, AUTS_LIFETIME);
            (given, end)
        };
        let (given, now) = beside();
        assert_eq!(lost_after(&given, now, 1), 0);
        let (given, now) = beside();
        assert!(lost_after(&given, now, 10) <= 10);
    }

    #[test]
    fn a_vector_counts_as_long_as_an_auts_of_its_time() {
        let given = Given::new();
        let [ausf, other] = ["ausf", "other"].map(Requester::group);
        let begin = BEGIN;
        assert_eq!(look(&given, &ausf, &supi(1), begin), Known::NotGiven);
        given.note(&ausf, &supi(1), begin);
        let last = later(begin, AUTS_LIFETIME - Duration::from_millis(100));
        assert_eq!(look(&given, &other, &supi(1), last), Known::NotGiven);
        assert_eq!(look(&given, &ausf, &supi(2), last), Known::NotGiven);
        assert!(is_given(given.take(&ausf, &supi(1), last)));
        given.note(&ausf, &supi(1), begin);
        assert_eq!(
            look(&given, &ausf, &supi(1), later(begin, AUTS_LIFETIME)),
            Known::NotGiven
        );
        given.note(&ausf, &supi(1), later(begin, AUTS_LIFETIME));
        assert!(is_given(look(&given, &ausf, &supi(1), later(begin, AUTS_LIFETIME))));
    }

    #[test]
    fn a_vector_counts_once_and_dates_what_it_counts_for() {
        let given = Given::new();
        let ausf = Requester::group("ausf");
        given.note(&ausf, &supi(1), BEGIN);
        let now = later(BEGIN, Duration::from_secs(5));
        let Known::Given(age) = given.take(&ausf, &supi(1), now) else {
            panic!("it was given");
        };
        assert!(
            age <= Duration::from_secs(5) && age >= Duration::from_millis(4800),
            "{age:?}"
        );
        assert_eq!(given.take(&ausf, &supi(1), now), Known::NotGiven);
    }
}
