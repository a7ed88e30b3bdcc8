//! Tables behind locks, for threads.

use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use core::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Bounds, Full, Missing, Owner, SHARDS, Table};
use crate::Moment;

/// A bounded table of values that threads share: [`SHARDS`] of [`Table`], each behind a lock of its own.
///
/// `U` is what a user is known by, and `S` hashes it under a key that nobody outside knows.
pub struct Expiring<U: ?Sized, O, V, S> {
    shards: Vec<Mutex<Table<O, V>>>,
    hasher: S,
    user: PhantomData<fn(&U)>,
}

impl<U: ?Sized, O: Owner, V, S> Expiring<U, O, V, S> {
    const fn part(all: usize) -> usize {
        all / SHARDS as usize
    }

    /// What it takes at most, in octets, when each value has `heap` octets elsewhere.
    pub const fn octets_at_most(all: usize, heap: usize) -> usize {
        Table::<O, V>::octets_at_most(Self::part(all) + 1, heap).saturating_mul(SHARDS as usize)
    }
}

impl<U: Hash + ?Sized, O: Owner, V, S: BuildHasher> Expiring<U, O, V, S> {
    /// An empty one. Those with the same `hasher` put a user into the same shard.
    pub fn new(bounds: Bounds, hasher: S) -> Self {
        let of_shard = Bounds {
            all: Self::part(bounds.all).max(1),
            ..bounds
        };
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Table::new(of_shard))).collect(),
            hasher,
            user: PhantomData,
        }
    }

    /// A user in 64 bits, which nobody outside this process can foresee.
    pub fn user(&self, user: &U) -> u64 {
        self.hasher.hash_one(user)
    }

    /// Where the entries of a user are.
    pub fn shard_of(&self, user: &U) -> u8 {
        shard_of(self.user(user))
    }

    fn shard(&self, shard: u8) -> MutexGuard<'_, Table<O, V>> {
        // A panic in the middle leaves an entry more or less, never one for somebody else.
        #[allow(clippy::indexing_slicing, reason = "there are so many")]
        self.shards[usize::from(shard % SHARDS)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an entry in, under an identifier that nobody can guess; see [`Table::insert`]. Its shard is [`Self::shard_of`].
    ///
    /// # Errors
    /// [`Full`] when the user's shard is full of what others own or what is in work.
    pub fn insert(
        &self,
        user: &U,
        owner: O,
        id: u128,
        value: V,
        expires: Option<Moment>,
        now: Moment,
    ) -> Result<(), Full> {
        let user = self.user(user);
        self.shard(shard_of(user)).insert(user, owner, id, value, expires, now)
    }

    /// Takes an entry out; see [`Table::take`].
    ///
    /// # Errors
    /// [`Missing`].
    pub fn take(&self, shard: u8, id: u128, owner: O, now: Moment) -> Result<V, Missing> {
        self.shard(shard).take(id, owner, now)
    }

    /// Takes the value of an entry, which stays in work; see [`Table::begin`]. Whoever does that ends it in any case.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn begin(&self, shard: u8, id: u128, owner: O, now: Moment) -> Result<V, Missing> {
        self.shard(shard).begin(id, owner, now)
    }

    /// Ends the work on an entry; see [`Table::end`].
    pub fn end(&self, shard: u8, id: u128, back: Option<(V, Option<Moment>)>, now: Moment) -> bool {
        self.shard(shard).end(id, back, now)
    }

    /// Forgets what an owner has of a user, also what is in work; how many that were.
    pub fn forget(&self, user: &U, owner: O) -> usize {
        let user = self.user(user);
        self.shard(shard_of(user)).forget(user, owner)
    }

    /// What there is of a user, of all owners, oldest first. What is in work is not to be seen.
    pub fn of(&self, user: &U) -> Vec<V>
    where
        V: Clone,
    {
        let user = self.user(user);
        self.shard(shard_of(user)).of(user)
    }

    /// Shows what there is and is not in work, of this user or of all, until `visit` says no. One shard is locked at a time.
    pub fn each(&self, of: Option<&U>, now: Moment, mut visit: impl FnMut(O, &V, Option<Moment>) -> bool) {
        let of = of.map(|user| self.shard_of(user));
        for shard in (0..SHARDS).filter(|shard| of.is_none_or(|of| of == *shard)) {
            if !self.shard(shard).each(now, &mut visit) {
                return;
            }
        }
    }

    /// Removes what is over, and gives it to `over`, which is called without a lock.
    pub fn sweep(&self, now: Moment, mut over: impl FnMut(V)) {
        for shard in 0..SHARDS {
            let mut gone = Vec::new();
            self.shard(shard).sweep(now, &mut |value| gone.push(value));
            gone.into_iter().for_each(&mut over);
        }
    }

    /// How many entries there are, with what is in work.
    pub fn len(&self) -> usize {
        (0..SHARDS).map(|shard| self.shard(shard).len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        (0..SHARDS).all(|shard| self.shard(shard).is_empty())
    }
}

/// Of bits that the tables themselves do not look at first.
fn shard_of(user: u64) -> u8 {
    let [_, _, _, hash, ..] = user.to_be_bytes();
    hash % SHARDS
}

#[cfg(test)]
mod tests;
