//! One table, without a lock.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use kaskade_faults::fault;
use smallvec::SmallVec;

use super::by_random::ByRandom;
use super::{Bounds, Full, Missing, Owner, SHARE};
use crate::Moment;

/// Places of the queues that may stand for nothing before they are sorted out.
const SLACK: usize = 64;

/// A bounded table of values; who shares one between threads takes `Expiring`.
pub struct Table<O, V> {
    entries: ByRandom<u128, Entry<O, V>>,
    /// What an owner has of a user, oldest first.
    of_user: ByRandom<u64, OfUser>,
    owners: BTreeMap<O, OfOwner>,
    /// Counts insertions.
    serial: u64,
    bounds: Bounds,
}

struct Entry<O, V> {
    owner: O,
    user: u64,
    serial: u64,
    /// The latest there is: never.
    expires: Moment,
    /// `None`: in work.
    value: Option<V>,
    /// Its owner forgot it while it was in work.
    forgotten: bool,
    /// Whether it stands in the queue of its owner.
    queued: bool,
}

/// Most users have one entry of an owner.
type OfUser = SmallVec<[u128; 1]>;

struct OfOwner {
    count: usize,
    /// In the order of their insertion; some are gone already.
    queue: VecDeque<u128>,
    /// Nothing is over before then.
    quiet_until: Moment,
}

const NEVER: Moment = Moment::from_nanos(u64::MAX);

impl<O, V> Entry<O, V> {
    fn is_over(&self, now: Moment) -> bool {
        self.expires <= now && self.expires != NEVER
    }
}

/// One number for a user and an owner: the user's is a keyed hash.
fn of_user(user: u64, owner: impl Owner) -> u64 {
    user ^ owner.bits()
}

impl<O: Owner, V> Table<O, V> {
    /// What a table takes at most, in octets, when each value has `heap` octets elsewhere.
    pub const fn octets_at_most(all: usize, heap: usize) -> usize {
        // At worst everything is of an owner of its own, with the least that the allocator gives for a list.
        const LISTS: usize = 32 + 80;
        let entries = ByRandom::<u128, Entry<O, V>>::octets_at_most(all);
        let of_user = ByRandom::<u64, OfUser>::octets_at_most(all);
        // The nodes of a tree are at least half full.
        let owners = all.saturating_mul(2 * size_of::<(O, OfOwner)>() + 32);
        let lists = all.saturating_mul(LISTS.saturating_add(heap));
        entries
            .saturating_add(of_user)
            .saturating_add(owners)
            .saturating_add(lists)
    }

    /// An empty table.
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            entries: ByRandom::new(),
            of_user: ByRandom::new(),
            owners: BTreeMap::new(),
            serial: 0,
            bounds,
        }
    }

    /// Puts an entry in, under an identifier that nobody can guess, of a user whose number is a keyed hash. `None`: it never
    /// expires.
    ///
    /// An owner's entries are looked at in the order of their insertion: where one lives longer than those after it, they keep
    /// their room as long as it does, and no longer can be had.
    ///
    /// # Errors
    /// [`Full`] where there is no room but in what others own or what is in work.
    pub fn insert(
        &mut self,
        user: u64,
        owner: O,
        id: u128,
        value: V,
        expires: Option<Moment>,
        now: Moment,
    ) -> Result<(), Full> {
        self.expire(owner, now, &mut drop);
        self.bound_user(user, owner);
        if !self.has_room(owner) {
            self.sweep(now, &mut drop);
        }
        let mut made = 0;
        for _ in 0..2 {
            if !self.has_room(owner) {
                made += usize::from(self.remove_oldest(owner));
            }
        }
        // All that it has in work is no reason to have more.
        let stuck = made == 0 && !self.has_room(owner);
        if stuck || self.entries.len() >= self.bounds.all.max(1) {
            return Err(Full);
        }
        self.put(id, user, owner, expires.unwrap_or(NEVER), value);
        Ok(())
    }

    /// Takes an entry out, if it is there, its owner's, alive, and not in work.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn take(&mut self, id: u128, owner: O, now: Moment) -> Result<V, Missing> {
        let value = self.begin(id, owner, now)?;
        self.remove(id);
        Ok(value)
    }

    /// Takes the value of an entry, under the same conditions, and leaves the entry in work until [`Table::end`].
    ///
    /// # Errors
    /// [`Missing`].
    pub fn begin(&mut self, id: u128, owner: O, now: Moment) -> Result<V, Missing> {
        let entry = self.entries.get_mut(id).ok_or(Missing::Unknown)?;
        if entry.owner != owner && !fault!("owner-not-compared") {
            return Err(Missing::Unknown);
        }
        if entry.value.is_none() {
            return Err(match entry.forgotten {
                true => Missing::Unknown,
                false => Missing::InWork,
            });
        }
        if entry.is_over(now) && !fault!("context-never-over") {
            self.remove(id);
            return Err(Missing::Unknown);
        }
        entry.value.take().ok_or(Missing::InWork)
    }

    /// Ends the work on an entry: puts a value back, with its end, or removes the entry. Whether its owner still knows it:
    /// what was forgotten meanwhile is gone whatever comes back.
    pub fn end(&mut self, id: u128, back: Option<(V, Option<Moment>)>, now: Moment) -> bool {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| entry.value.is_none()) else {
            return false;
        };
        let known = !entry.forgotten || fault!("forgotten-put-back");
        let Some((value, expires)) = back.filter(|_| known) else {
            self.remove(id);
            return known;
        };
        entry.value = Some(value);
        entry.expires = expires.unwrap_or(NEVER);
        if entry.is_over(now) {
            self.remove(id);
            return known;
        }
        let (owner, expires, queued) = (entry.owner, entry.expires, entry.queued);
        entry.queued = true;
        if let Some(of_owner) = self.owners.get_mut(&owner) {
            if !queued {
                // It was among the oldest when it was passed over.
                of_owner.queue.push_front(id);
            }
            of_owner.quiet_until = of_owner.quiet_until.min(expires);
        }
        known
    }

    /// Forgets what an owner has of a user, also what is in work; how many that were.
    pub fn forget(&mut self, user: u64, owner: O) -> usize {
        let ids = self.of_user.get(of_user(user, owner)).cloned().unwrap_or_default();
        let mut known = 0;
        for id in ids {
            match self.entries.get_mut(id) {
                Some(entry) if entry.value.is_none() => {
                    known += usize::from(!entry.forgotten);
                    entry.forgotten = true;
                }
                _ => known += usize::from(self.remove(id).is_some()),
            }
        }
        known
    }

    /// What there is of a user, of all owners, oldest first. What is in work is not to be seen.
    pub fn of(&self, user: u64) -> Vec<V>
    where
        V: Clone,
    {
        let mut found: Vec<_> = self.entries.values().filter(|entry| entry.user == user).collect();
        found.sort_unstable_by_key(|entry| entry.serial);
        found.into_iter().filter_map(|entry| entry.value.clone()).collect()
    }

    /// Removes what is over, and gives it to `over`.
    pub fn sweep(&mut self, now: Moment, over: &mut dyn FnMut(V)) {
        let owners: Vec<O> = self.owners.keys().copied().collect();
        for owner in owners {
            self.expire(owner, now, over);
        }
    }

    /// How many entries there are, with what is in work.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(&mut self, id: u128, user: u64, owner: O, expires: Moment, value: V) {
        // The same identifier twice is an accident of 2^-128; the older entry is gone.
        self.remove(id);
        self.serial += 1;
        let entry = Entry {
            owner,
            user,
            serial: self.serial,
            expires,
            value: Some(value),
            forgotten: false,
            queued: true,
        };
        self.entries.insert_new(id, entry);
        // Most users have one: no room for more in advance.
        let ids = self.of_user.or_default(of_user(user, owner));
        ids.reserve_exact(1);
        ids.push(id);
        let of_owner = self.owners.entry(owner).or_insert_with(|| OfOwner {
            count: 0,
            queue: VecDeque::new(),
            quiet_until: expires,
        });
        of_owner.count += 1;
        of_owner.queue.push_back(id);
        of_owner.quiet_until = of_owner.quiet_until.min(expires);
        if of_owner.queue.len() > 2 * of_owner.count + SLACK {
            let entries = &self.entries;
            of_owner.queue.retain(|id| entries.get(*id).is_some());
        }
    }

    fn remove(&mut self, id: u128) -> Option<V> {
        let entry = self.entries.remove(id)?;
        let key = of_user(entry.user, entry.owner);
        if let Some(ids) = self.of_user.get_mut(key) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.of_user.remove(key);
            }
        }
        if let Some(of_owner) = self.owners.get_mut(&entry.owner) {
            of_owner.count = of_owner.count.saturating_sub(1);
            if of_owner.count == 0 {
                self.owners.remove(&entry.owner);
            }
        }
        entry.value
    }

    /// Makes room for one more of a user.
    fn bound_user(&mut self, user: u64, owner: O) {
        while let Some(ids) = self.of_user.get(of_user(user, owner)) {
            let is_idle = |id: &&u128| self.entries.get(**id).is_some_and(|entry| entry.value.is_some());
            let mut idle = ids.iter().filter(is_idle);
            let Some(oldest) = idle.next().copied() else { return };
            if 1 + idle.count() < self.bounds.per_user.max(1) {
                return;
            }
            self.remove(oldest);
        }
    }

    fn has_room(&self, owner: O) -> bool {
        let own = self.owners.get(&owner).map_or(0, |owner| owner.count);
        let left = self.bounds.all.max(1).saturating_sub(self.entries.len());
        own < left.saturating_mul(SHARE)
    }

    /// Removes the oldest of an owner that is not in work; whether there was one.
    fn remove_oldest(&mut self, owner: O) -> bool {
        let others = || {
            let mut others = self.entries.iter().filter(|(_, entry)| entry.owner != owner);
            others.next().map(|(id, _)| id)
        };
        if fault!("evicted-across-owners")
            && let Some(id) = others()
        {
            self.remove(id);
            return true;
        }
        while let Some(id) = self.owners.get_mut(&owner).and_then(|owner| owner.queue.pop_front()) {
            match self.entries.get_mut(id) {
                None => {}
                Some(entry) if entry.value.is_none() && !fault!("evicted-in-work") => entry.queued = false,
                Some(_) => {
                    self.remove(id);
                    return true;
                }
            }
        }
        false
    }

    /// Removes what is over of one owner: its entries are over in the order of their insertion.
    fn expire(&mut self, owner: O, now: Moment, over: &mut dyn FnMut(V)) {
        while let Some(of_owner) = self.owners.get_mut(&owner) {
            if now < of_owner.quiet_until || of_owner.quiet_until == NEVER {
                return;
            }
            let Some(id) = of_owner.queue.front().copied() else {
                return;
            };
            match self.entries.get_mut(id) {
                Some(entry) if entry.value.is_some() && !entry.is_over(now) => {
                    of_owner.quiet_until = entry.expires;
                    return;
                }
                Some(entry) => {
                    of_owner.queue.pop_front();
                    if entry.value.is_none() {
                        entry.queued = false;
                    } else {
                        self.remove(id).into_iter().for_each(&mut *over);
                    }
                }
                None => {
                    of_owner.queue.pop_front();
                }
            }
        }
    }

    /// Fails where the lists do not fit each other.
    #[cfg(test)]
    pub(super) fn assert_consistent(&self) {
        let listed: usize = self.of_user.values().map(SmallVec::len).sum();
        assert_eq!(listed, self.entries.len());
        assert!(self.of_user.values().all(|ids| !ids.is_empty()));
        let owned: usize = self.owners.values().map(|owner| owner.count).sum();
        assert_eq!(owned, self.entries.len());
        assert!(self.entries.len() <= self.bounds.all);
        for owner in self.owners.values() {
            assert!(owner.queue.len() <= 2 * owner.count + SLACK + 2);
        }
        for (id, entry) in self.entries.iter().filter(|(_, entry)| entry.value.is_some()) {
            assert!(entry.queued && self.owners[&entry.owner].queue.contains(&id));
        }
    }

    /// How many an owner has.
    #[cfg(test)]
    pub(super) fn count_of(&self, owner: O) -> usize {
        self.owners.get(&owner).map_or(0, |owner| owner.count)
    }
}
