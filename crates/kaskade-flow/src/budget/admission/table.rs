//! Moments by key, in memory of a fixed size: what buckets are kept in.
//!
//! Each key has a set of eight places, and each place is a key and a moment, 16 octets. A place whose moment has come is
//! free: a full bucket need not be remembered. Where all eight are taken, the one whose moment comes first makes room, which
//! forgives the least; or nothing is entered, as the caller wants.

use alloc::boxed::Box;
use alloc::vec;
use std::sync::{Mutex, PoisonError};

const SHARDS: usize = 64;
const WAYS: usize = 8;

#[derive(Clone, Copy, Default)]
struct Place {
    /// 0 is nobody's.
    key: u64,
    moment: u64,
}

/// What a place takes, in octets.
pub(super) const PLACE_OCTETS: usize = size_of::<Place>();

/// Sets of places: a key has its place in one of them.
type Shard = Mutex<Box<[[Place; WAYS]]>>;

/// Moments by a key of 64 random bits.
pub(super) struct Moments {
    shards: Box<[Shard]>,
}

/// What to do where there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowded {
    /// The place whose moment comes first makes room.
    Replace,
    /// Nothing is entered.
    Refuse,
}

impl Moments {
    /// Room for this many, rounded up; the memory is taken as it is used.
    pub(super) fn with_room_for(places: usize) -> Self {
        let sets = places.div_ceil(SHARDS * WAYS).max(1).next_power_of_two();
        let shard = || Mutex::new(vec![[Place::default(); WAYS]; sets].into());
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
        }
    }

    /// Changes the moment of a key, which is 0 if there is none; `None` where there is no room for it.
    pub(super) fn change<R>(
        &self,
        key: u64,
        now: u64,
        crowded: Crowded,
        change: impl FnOnce(&mut u64) -> R,
    ) -> Option<R> {
        let key = key.max(1);
        // Different octets choose the shard and the set.
        let [shard, a, b, c, ..] = key.to_be_bytes();
        let shard = self.shards.get(usize::from(shard) % SHARDS)?;
        let mut sets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let len = sets.len();
        let set = sets.get_mut(u32::from_be_bytes([0, a, b, c]) as usize % len)?;
        if let Some(place) = set.iter_mut().find(|place| place.key == key) {
            return Some(change(&mut place.moment));
        }
        let place = set.iter_mut().min_by_key(|place| place.moment)?;
        if place.moment > now && crowded == Crowded::Refuse {
            return None;
        }
        let mut moment = 0;
        let result = change(&mut moment);
        if moment > now {
            *place = Place { key, moment };
        }
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> u64 {
        let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^ z >> 31
    }

    fn get(moments: &Moments, n: u64, now: u64) -> Option<u64> {
        moments.change(key(n), now, Crowded::Refuse, |moment| *moment)
    }

    #[test]
    fn what_is_entered_is_found_until_its_moment_comes() {
        let moments = Moments::with_room_for(4096);
        for n in 0..1000 {
            moments
                .change(key(n), 0, Crowded::Replace, |moment| *moment = 100 + n)
                .unwrap();
        }
        for n in 0..1000 {
            assert_eq!(get(&moments, n, 0), Some(100 + n));
        }
        assert_eq!(get(&moments, 5000, 0), Some(0));
        // All are over: there is room for as many others.
        for n in 10_000..11_000 {
            let entered = moments.change(key(n), 2000, Crowded::Refuse, |moment| *moment = 3000);
            assert_eq!(entered, Some(()));
        }
    }

    #[test]
    fn where_there_is_no_room_the_least_is_forgotten_or_nothing_entered() {
        let moments = Moments::with_room_for(512);
        let places = SHARDS as u64 * WAYS as u64;
        for n in 0..100 * places {
            moments.change(key(n), 0, Crowded::Replace, |moment| *moment = 1000 + n);
        }
        let mut left = 0;
        for n in 0..100 * places {
            left += u64::from(get(&moments, n, 0).is_some_and(|moment| moment != 0));
        }
        assert_eq!(left, places, "bounded, and full");
        assert_eq!(get(&moments, 1_000_000, 0), None);
        assert!(
            get(&moments, 100 * places - 1, 0) == Some(1000 + 100 * places - 1),
            "the latest stays"
        );
    }
}
