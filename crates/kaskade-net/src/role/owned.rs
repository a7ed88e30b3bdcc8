//! A bounded table in which everything has an owner: the requester that made it.
//!
//! Nobody sees, takes or pushes out what belongs to another. Of one user an owner has a bounded number, and its oldest goes
//! first. Of the whole an owner has at most [`SHARE`] times what is left free, so that there is room for others however much
//! one of them asks for: one owner alone comes to three quarters, two to three sevenths each. Whoever is above it loses two
//! of its own for each new one.
//!
//! A user's entries are all in one shard, so that the bound per user needs no second lock. Which shard that is follows from a
//! hash of the SUPI under a random key of this process, and tells nobody anything.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use kaskade_keys::Supi;
use smallvec::SmallVec;

use crate::sbi::peer::RequesterId;

/// As many as one base64url character tells apart.
pub(super) const SHARDS: u8 = 64;
/// How many times what is left free an owner may have.
const SHARE: usize = 3;
/// Entries of the queues that may be gone before they are sorted out.
const SLACK: usize = 64;

/// The bounds of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// All entries, roughly: each of the shards has its part.
    pub(super) all: usize,
    /// Entries of one user and owner.
    pub(super) per_user: usize,
    /// How long an entry lives.
    pub(super) lifetime: Duration,
}

/// Every place is taken by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A table of values.
pub(super) struct Owned<V> {
    shards: Vec<Mutex<Shard<V>>>,
    hasher: RandomState,
    bounds: Bounds,
}

/// What is hashed is random already, or the result of a keyed hash.
#[derive(Default)]
pub(super) struct RandomAlready(u64);

pub(super) type ById = BuildHasherDefault<RandomAlready>;

impl Hasher for RandomAlready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn write_u128(&mut self, value: u128) {
        let [low, high] = [value & u128::from(u64::MAX), value >> 64].map(|half| u64::try_from(half).unwrap_or(0));
        self.0 = low ^ high;
    }
}

struct Shard<V> {
    entries: HashMap<u128, Entry<V>, ById>,
    /// What an owner has of a user, oldest first.
    of_user: HashMap<u64, OfUser, ById>,
    owners: BTreeMap<RequesterId, Owner>,
    /// Counts insertions.
    serial: u64,
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self {
            entries: HashMap::default(),
            of_user: HashMap::default(),
            owners: BTreeMap::default(),
            serial: 0,
        }
    }
}

struct Entry<V> {
    owner: RequesterId,
    user: u64,
    serial: u64,
    /// `None`: so late that there is no such moment.
    expires: Option<Instant>,
    value: V,
}

/// Most users have one entry of an owner.
type OfUser = SmallVec<[u128; 1]>;

struct Owner {
    count: usize,
    /// In the order of their insertion; some are gone already.
    queue: VecDeque<u128>,
    /// Nothing is over before then; `None`: nothing ever.
    quiet_until: Option<Instant>,
}

impl<V> Owned<V> {
    /// What a table takes at most, in octets, when each value has `heap` octets elsewhere.
    pub(super) const fn octets_at_most(all: usize, heap: usize) -> usize {
        /// Of a table of the standard library: a power of two of places, seven eighths of which are used, with an octet each.
        const fn table(entries: usize, octets: usize) -> usize {
            let places = entries.saturating_add(entries.div_ceil(7)).next_power_of_two();
            places.saturating_mul(octets + 1)
        }
        // At worst everything is of an owner of its own, with the least that the allocator gives for a list.
        const LISTS: usize = 32 + 80;
        let most = all / SHARDS as usize + 1;
        let entries = table(most, size_of::<(u128, Entry<V>)>());
        let of_user = table(most, size_of::<(u64, OfUser)>());
        // The nodes of a tree are at least half full.
        let owners = most.saturating_mul(2 * size_of::<(RequesterId, Owner)>() + 32);
        let lists = most.saturating_mul(LISTS.saturating_add(heap));
        let shard = entries
            .saturating_add(of_user)
            .saturating_add(owners)
            .saturating_add(lists);
        shard.saturating_mul(SHARDS as usize)
    }

    /// An empty table. Tables with the same `hasher` put a user into the same shard.
    pub(super) fn new(bounds: Bounds, hasher: RandomState) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher,
            bounds,
        }
    }

    /// A user in 64 bits, which nobody outside this process can foresee.
    pub(super) fn user(&self, supi: &Supi) -> u64 {
        self.hasher.hash_one(supi)
    }

    /// Where the entries of a user are.
    pub(super) fn shard_of(&self, supi: &Supi) -> u8 {
        let [.., hash] = self.user(supi).to_be_bytes();
        hash % SHARDS
    }

    fn shard(&self, shard: u8) -> MutexGuard<'_, Shard<V>> {
        // A panic in the middle leaves an entry more or less, never one for somebody else.
        self.shards[usize::from(shard % SHARDS)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an entry in, under an identifier that nobody can guess.
    ///
    /// # Errors
    /// [`Full`] when the user's shard is full of what others own.
    pub(super) fn insert(&self, supi: &Supi, owner: RequesterId, id: u128, value: V, now: Instant) -> Result<(), Full> {
        let most = (self.bounds.all / usize::from(SHARDS)).max(1);
        let user = self.user(supi);
        let mut shard = self.shard(self.shard_of(supi));
        shard.expire(owner, now);
        shard.bound_user(user, owner, self.bounds.per_user.max(1));
        if !shard.has_room(owner, most) {
            shard.expire_all(now);
        }
        for _ in 0..2 {
            if !shard.has_room(owner, most) {
                shard.remove_oldest(owner);
            }
        }
        if shard.entries.len() >= most {
            return Err(Full);
        }
        // Too far for a clock is never.
        let expires = now.checked_add(self.bounds.lifetime);
        shard.insert(id, user, owner, expires, value);
        Ok(())
    }

    /// Takes an entry out, if it is there, its owner's, and alive.
    pub(super) fn take(&self, shard: u8, id: u128, owner: RequesterId, now: Instant) -> Option<V> {
        let mut shard = self.shard(shard);
        if shard.entries.get(&id)?.owner != owner && !fault!("owner-not-compared") {
            return None;
        }
        let entry = shard.remove(id)?;
        (!entry.is_over(now) || fault!("context-never-over")).then_some(entry.value)
    }

    /// A copy of an entry, under the same conditions as [`Owned::take`]; it stays.
    pub(super) fn get(&self, shard: u8, id: u128, owner: RequesterId, now: Instant) -> Option<V>
    where
        V: Clone,
    {
        let shard = self.shard(shard);
        let entry = shard.entries.get(&id)?;
        (entry.owner == owner && !entry.is_over(now)).then(|| entry.value.clone())
    }

    /// Removes what an owner has of a user; how many that were.
    pub(super) fn forget(&self, supi: &Supi, owner: RequesterId) -> usize {
        let mut shard = self.shard(self.shard_of(supi));
        let ids = shard
            .of_user
            .get(&of_user(self.user(supi), owner))
            .cloned()
            .unwrap_or_default();
        ids.into_iter().filter(|id| shard.remove(*id).is_some()).count()
    }

    /// What there is of a user, of all owners, oldest first.
    pub(super) fn of(&self, supi: &Supi) -> Vec<V>
    where
        V: Clone,
    {
        let user = self.user(supi);
        let shard = self.shard(self.shard_of(supi));
        let mut found: Vec<_> = shard.entries.values().filter(|entry| entry.user == user).collect();
        found.sort_unstable_by_key(|entry| entry.serial);
        found.into_iter().map(|entry| entry.value.clone()).collect()
    }

    /// Removes what is over.
    pub(super) fn sweep(&self, now: Instant) {
        for shard in 0..SHARDS {
            self.shard(shard).expire_all(now);
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        (0..SHARDS).map(|shard| self.shard(shard).entries.len()).sum()
    }
}

impl<V> Entry<V> {
    fn is_over(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// One number for a user and an owner: the user's is a keyed hash, and the owner's is one of SHA-256.
fn of_user(user: u64, owner: RequesterId) -> u64 {
    let [low, high] = [0, 64].map(|shift| u64::try_from(owner.bits() >> shift & u128::from(u64::MAX)).unwrap_or(0));
    user ^ low ^ high.rotate_left(32)
}

impl<V> Shard<V> {
    fn insert(&mut self, id: u128, user: u64, owner: RequesterId, expires: Option<Instant>, value: V) {
        // The same identifier twice is an accident of 2^-128; the older entry is gone.
        self.remove(id);
        self.serial += 1;
        let entry = Entry {
            owner,
            user,
            serial: self.serial,
            expires,
            value,
        };
        self.entries.insert(id, entry);
        // Most users have one: no room for more in advance.
        let ids = self.of_user.entry(of_user(user, owner)).or_default();
        ids.reserve_exact(1);
        ids.push(id);
        let of_owner = self.owners.entry(owner).or_insert_with(|| Owner {
            count: 0,
            queue: VecDeque::new(),
            quiet_until: expires,
        });
        of_owner.count += 1;
        of_owner.queue.push_back(id);
        if of_owner.queue.len() > 2 * of_owner.count + SLACK {
            let entries = &self.entries;
            of_owner.queue.retain(|id| entries.contains_key(id));
        }
    }

    fn remove(&mut self, id: u128) -> Option<Entry<V>> {
        let entry = self.entries.remove(&id)?;
        let key = of_user(entry.user, entry.owner);
        if let Some(ids) = self.of_user.get_mut(&key) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.of_user.remove(&key);
            }
        }
        if let Some(of_owner) = self.owners.get_mut(&entry.owner) {
            of_owner.count -= 1;
            if of_owner.count == 0 {
                self.owners.remove(&entry.owner);
            }
        }
        Some(entry)
    }

    fn bound_user(&mut self, user: u64, owner: RequesterId, most: usize) {
        while let Some(ids) = self.of_user.get(&of_user(user, owner)) {
            let Some(oldest) = ids.first().copied().filter(|_| ids.len() >= most) else {
                return;
            };
            self.remove(oldest);
        }
    }

    fn has_room(&self, owner: RequesterId, most: usize) -> bool {
        let own = self.owners.get(&owner).map_or(0, |owner| owner.count);
        own < most.saturating_sub(self.entries.len()).saturating_mul(SHARE)
    }

    fn remove_oldest(&mut self, owner: RequesterId) {
        let mut others = self.entries.iter().filter(|(_, entry)| entry.owner != owner);
        if fault!("evicted-across-owners")
            && let Some(id) = others.next().map(|(id, _)| *id)
        {
            self.remove(id);
            return;
        }
        while let Some(id) = self.owners.get_mut(&owner).and_then(|owner| owner.queue.pop_front()) {
            if self.remove(id).is_some() {
                return;
            }
        }
    }

    /// Removes what is over of one owner: its entries are over in the order of their insertion.
    fn expire(&mut self, owner: RequesterId, now: Instant) {
        while let Some(of_owner) = self.owners.get_mut(&owner) {
            if of_owner.quiet_until.is_none_or(|until| now < until) {
                return;
            }
            let Some(id) = of_owner.queue.front().copied() else {
                return;
            };
            match self.entries.get(&id) {
                Some(entry) if !entry.is_over(now) => {
                    of_owner.quiet_until = entry.expires;
                    return;
                }
                Some(_) => {
                    of_owner.queue.pop_front();
                    self.remove(id);
                }
                None => {
                    of_owner.queue.pop_front();
                }
            }
        }
    }

    fn expire_all(&mut self, now: Instant) {
        let owners: Vec<RequesterId> = self.owners.keys().copied().collect();
        for owner in owners {
            self.expire(owner, now);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::random::random_octets;
    use crate::sbi::peer::Requester;

    const LIFETIME: Duration = Duration::from_secs(10);

    fn table(all: usize, per_user: usize) -> Owned<u64> {
        let bounds = Bounds {
            all: all * usize::from(SHARDS),
            per_user,
            lifetime: LIFETIME,
        };
        Owned::new(bounds, RandomState::new())
    }

    fn supi(user: u64) -> Supi {
        format!("imsi-00101{user:010}").parse().unwrap()
    }

    fn owner(name: &str) -> RequesterId {
        Requester::group(name).id()
    }

    /// Users of one shard.
    fn together(table: &Owned<u64>) -> impl Iterator<Item = Supi> {
        (0..).map(supi).filter(|supi| table.shard_of(supi) == 0)
    }

    fn consistent<V>(table: &Owned<V>) {
        let most = table.bounds.all / usize::from(SHARDS);
        for shard in &table.shards {
            let shard = shard.lock().unwrap();
            let listed: usize = shard.of_user.values().map(SmallVec::len).sum();
            assert_eq!(listed, shard.entries.len());
            assert!(shard.of_user.values().all(|ids| !ids.is_empty()));
            let owned: usize = shard.owners.values().map(|owner| owner.count).sum();
            assert_eq!(owned, shard.entries.len());
            assert!(shard.entries.len() <= most);
            for owner in shard.owners.values() {
                assert!(owner.queue.len() <= 2 * owner.count + SLACK + 2);
            }
        }
    }

    #[test]
    fn everything_is_bounded_whatever_happens() {
        let table = table(20, 3);
        let begin = Instant::now();
        let owners = ["a", "b", "c"].map(owner);
        for step in 0..40_000_u64 {
            let now = begin + Duration::from_millis(step);
            let user = supi(step * 7919 % 2000);
            let owner = owners[usize::try_from(step % 7 % 3).unwrap()];
            let id = u128::from_be_bytes(random_octets().unwrap());
            let taken = |other| table.take(table.shard_of(&user), id, other, now);
            if table.insert(&user, owner, id, step, now).is_err() {
                continue;
            }
            match step % 5 {
                0 => {}
                1 => {
                    for other in owners.into_iter().filter(|other| *other != owner) {
                        assert_eq!(taken(other), None);
                    }
                    assert_eq!(taken(owner), Some(step));
                    assert_eq!(taken(owner), None);
                }
                2 => assert!(table.forget(&user, owner) >= 1),
                _ => assert_eq!(table.of(&user).last(), Some(&step)),
            }
            if step % 1000 == 0 {
                consistent(&table);
            }
        }
        table.sweep(begin + Duration::from_secs(60));
        assert_eq!(table.len(), 0);
        consistent(&table);
    }

    #[test]
    fn an_owner_loses_its_own_and_never_anothers() {
        let table = table(100, 4);
        let now = Instant::now();
        let (victim, attacker) = (owner("victim"), owner("attacker"));
        let users: Vec<_> = together(&table).take(1000).collect();
        table.insert(&users[0], victim, 1, 1, now).unwrap();
        // Of the same user.
        for id in 10..30 {
            table.insert(&users[0], attacker, id, 0, now).unwrap();
        }
        assert_eq!(table.of(&users[0]), [1, 0, 0, 0, 0]);
        // Of the whole.
        for (id, user) in (100..).zip(&users) {
            table.insert(user, attacker, id, 0, now).unwrap();
        }
        assert!((70..=76).contains(&table.len()), "{}", table.len());
        // There is room for others, and the more they take, the less the first one has.
        for (id, user) in (10_000..).zip(&users[..500]) {
            table.insert(user, owner("third"), id, 0, now).unwrap();
            table.insert(user, attacker, id + 500, 0, now).unwrap();
        }
        let shard = table.shard(0);
        let count = |name| shard.owners[&owner(name)].count;
        assert!((38..=46).contains(&count("third")), "{}", count("third"));
        assert!((38..=46).contains(&count("attacker")), "{}", count("attacker"));
        assert!(shard.entries.len() < 100);
        drop(shard);
        assert_eq!(table.take(0, 1, victim, now), Some(1));
    }

    #[test]
    fn where_everything_is_taken_a_stranger_waits_for_its_end() {
        let table = table(4, 4);
        let now = Instant::now();
        let users: Vec<_> = together(&table).take(4).collect();
        for (at, user) in (0_u8..).zip(&users) {
            table.insert(user, owner(&at.to_string()), at.into(), 0, now).unwrap();
        }
        assert_eq!(table.insert(&users[0], owner("late"), 9, 0, now), Err(Full));
        table.insert(&users[0], owner("0"), 8, 0, now).unwrap();
        table.insert(&users[0], owner("late"), 9, 0, now + LIFETIME).unwrap();
    }

    #[test]
    fn no_lifetime_is_too_long_for_the_clock() {
        let mut table = table(4, 4);
        table.bounds.lifetime = Duration::from_secs(i64::MAX as u64);
        let now = Instant::now();
        table.insert(&supi(0), owner("a"), 1, 7, now).unwrap();
        table.bounds.lifetime = Duration::MAX;
        table.insert(&supi(0), owner("a"), 2, 8, now).unwrap();
        table.sweep(now + Duration::from_secs(1 << 31));
        assert_eq!(table.of(&supi(0)), [7, 8]);
    }
}
