//! One table, without a lock.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use kaskade_faults::fault;

use super::due::{Due, Ends, Standing};
use super::index::Index;
use super::slab::{Slab, Slot};
use super::{Bounds, Full, Missing, Owner, SHARE};
use crate::Moment;

/// Places of the queues that may stand for nothing before they are sorted out.
const SLACK: usize = 64;

/// One table of values; who shares one between threads takes `Expiring`.
pub struct Table<O, V> {
    entries: Slab<Entry<O, V>>,
    by_id: Index,
    /// The newest of what an owner has of a user.
    of_user: Index,
    owners: BTreeMap<O, OfOwner>,
    /// What is not in work, and has an end.
    due: Due,
    /// Counts insertions.
    serial: u64,
    bounds: Bounds,
}

struct Entry<O, V> {
    id: u128,
    owner: O,
    user: u64,
    serial: u64,
    /// The latest there is: never.
    expires: Moment,
    /// Of the same user and owner: the next older one and the next newer one.
    older: Option<Neighbour>,
    newer: Option<Neighbour>,
    /// `None`: in work.
    value: Option<V>,
    /// Its owner forgot it while it was in work.
    forgotten: bool,
    /// Whether it stands in the queue of its owner.
    queued: bool,
    /// Where it stands among those that have an end.
    due: Standing,
}

/// The slot of another entry, plus one.
type Neighbour = core::num::NonZeroU32;

struct OfOwner {
    count: usize,
    /// In the order of their insertion; some are gone already.
    queue: VecDeque<Queued>,
}

/// An entry in a queue: its slot may be another's since.
#[derive(Clone, Copy)]
struct Queued {
    serial: u64,
    slot: Slot,
}

const NEVER: Moment = Moment::from_nanos(u64::MAX);

const fn neighbour(slot: Slot) -> Option<Neighbour> {
    Neighbour::new(slot.wrapping_add(1))
}

fn slot_of(neighbour: Option<Neighbour>) -> Option<Slot> {
    neighbour.map(|slot| slot.get() - 1)
}

impl<O, V> Ends for Entry<O, V> {
    fn ends(&self) -> Moment {
        self.expires
    }

    fn standing(&mut self) -> &mut Standing {
        &mut self.due
    }
}

impl<O: Owner, V> Entry<O, V> {
    fn is_over(&self, now: Moment) -> bool {
        self.expires <= now && self.expires != NEVER
    }

    fn of_user(&self) -> u64 {
        of_user(self.user, self.owner)
    }
}

/// One number for a user and an owner: the user's is a keyed hash.
fn of_user(user: u64, owner: impl Owner) -> u64 {
    user ^ owner.bits()
}

/// 64 bits of an identifier.
fn bits(id: u128) -> u64 {
    let [low, high] = [id & u128::from(u64::MAX), id >> 64].map(|half| u64::try_from(half).unwrap_or(0));
    low ^ high
}

impl<O: Owner, V> Table<O, V> {
    /// What a table takes at most, in octets, when each value has `heap` octets elsewhere.
    pub const fn octets_at_most(all: usize, heap: usize) -> usize {
        // At worst everything is of an owner of its own, with the least that the allocator gives for a list.
        const LIST: usize = 80;
        let entries = Slab::<Entry<O, V>>::octets_at_most(all);
        let indexes = 2 * Index::octets_at_most(all) + Due::octets_at_most(all);
        // The nodes of a tree are at least half full.
        let owners = all.saturating_mul(2 * size_of::<(O, OfOwner)>() + 32);
        let lists = all.saturating_mul(LIST.saturating_add(heap));
        entries
            .saturating_add(indexes)
            .saturating_add(owners)
            .saturating_add(lists)
    }

    /// An empty table.
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            entries: Slab::new(),
            by_id: Index::new(),
            of_user: Index::new(),
            owners: BTreeMap::new(),
            due: Due::new(),
            serial: 0,
            bounds,
        }
    }

    /// Puts an entry in, under an identifier that nobody can guess, of a user whose number is a keyed hash. `None`: it never
    /// expires.
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
        self.insert_telling(user, owner, id, value, expires, now, &mut drop)
    }

    /// As [`Table::insert`], and gives what it removes to `gone`: what is over, and what made room.
    ///
    /// # Errors
    /// [`Full`]; what was removed is gone all the same.
    #[allow(clippy::too_many_arguments, reason = "an entry has so many parts")]
    pub fn insert_telling(
        &mut self,
        user: u64,
        owner: O,
        id: u128,
        value: V,
        expires: Option<Moment>,
        now: Moment,
        gone: &mut dyn FnMut(V),
    ) -> Result<(), Full> {
        self.sweep(now, gone);
        self.bound_user(user, owner, gone);
        let mut made = 0;
        for _ in 0..2 {
            if !self.has_room(owner) {
                made += usize::from(self.remove_oldest(owner, gone));
            }
        }
        // All that it has in work is no reason to have more.
        let stuck = made == 0 && !self.has_room(owner);
        if stuck || self.entries.len() >= self.bounds.all.max(1) {
            return Err(Full);
        }
        self.put(id, user, owner, expires.unwrap_or(NEVER), value)
    }

    /// Takes an entry out, if it is there, its owner's, alive, and not in work.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn take(&mut self, id: u128, owner: O, now: Moment) -> Result<V, Missing> {
        let (slot, value) = self.take_value(id, owner, now)?;
        self.remove(slot);
        Ok(value)
    }

    /// Shows the value of an entry, under the same conditions.
    pub fn peek(&self, id: u128, owner: O, now: Moment) -> Option<&V> {
        let entry = self.entries.get(self.slot(id)?)?;
        let is_there = entry.owner == owner && !entry.is_over(now);
        entry.value.as_ref().filter(|_| is_there)
    }

    /// Takes the value of an entry, under the same conditions, and leaves the entry in work until [`Table::end`].
    ///
    /// # Errors
    /// [`Missing`].
    pub fn begin(&mut self, id: u128, owner: O, now: Moment) -> Result<V, Missing> {
        self.take_value(id, owner, now).map(|(_, value)| value)
    }

    fn take_value(&mut self, id: u128, owner: O, now: Moment) -> Result<(Slot, V), Missing> {
        let slot = self.slot(id).ok_or(Missing::Unknown)?;
        let entry = self.entries.get_mut(slot).ok_or(Missing::Unknown)?;
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
            self.remove(slot);
            return Err(Missing::Unknown);
        }
        let value = entry.value.take().ok_or(Missing::InWork)?;
        self.due.remove(&mut self.entries, slot);
        Ok((slot, value))
    }

    /// Ends the work on an entry: puts a value back, with its end, or removes the entry. Whether its owner still knows it:
    /// what was forgotten meanwhile is gone whatever comes back.
    pub fn end(&mut self, id: u128, back: Option<(V, Option<Moment>)>, now: Moment) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        let Some(entry) = self.entries.get_mut(slot).filter(|entry| entry.value.is_none()) else {
            return false;
        };
        let known = !entry.forgotten || fault!("forgotten-put-back");
        let Some((value, expires)) = back.filter(|_| known) else {
            self.remove(slot);
            return known;
        };
        entry.value = Some(value);
        entry.expires = expires.unwrap_or(NEVER);
        if entry.is_over(now) {
            self.remove(slot);
            return known;
        }
        let (owner, serial, expires, queued) = (entry.owner, entry.serial, entry.expires, entry.queued);
        entry.queued = true;
        if let Some(of_owner) = self.owners.get_mut(&owner).filter(|_| !queued) {
            // It was among the oldest when it was passed over.
            of_owner.queue.push_front(Queued { serial, slot });
        }
        if expires != NEVER {
            self.due.add(&mut self.entries, slot);
        }
        known
    }

    /// Forgets what an owner has of a user, also what is in work; how many that were.
    pub fn forget(&mut self, user: u64, owner: O) -> usize {
        let mut known = 0;
        let mut next = self.newest(user, owner);
        while let Some(slot) = next {
            let Some(entry) = self.entries.get_mut(slot) else { break };
            next = slot_of(entry.older);
            if entry.value.is_none() {
                known += usize::from(!entry.forgotten);
                entry.forgotten = true;
            } else {
                known += usize::from(self.remove(slot).is_some());
            }
        }
        known
    }

    /// Whether an owner has anything of a user, also in work.
    pub fn has(&self, user: u64, owner: O) -> bool {
        self.newest(user, owner).is_some()
    }

    /// What there is of a user, of all owners, oldest first. What is in work is not to be seen.
    pub fn of(&self, user: u64) -> Vec<V>
    where
        V: Clone,
    {
        let mut found: Vec<_> = self.entries.iter().filter(|entry| entry.user == user).collect();
        found.sort_unstable_by_key(|entry| entry.serial);
        found.into_iter().filter_map(|entry| entry.value.clone()).collect()
    }

    /// Shows what there is and is not in work, with its owner and its end, until `visit` says no.
    pub fn each(&self, now: Moment, visit: &mut dyn FnMut(O, &V, Option<Moment>) -> bool) -> bool {
        let there = self.entries.iter().filter(|entry| !entry.is_over(now));
        for entry in there {
            let end = (entry.expires != NEVER).then_some(entry.expires);
            if let Some(value) = &entry.value
                && !visit(entry.owner, value, end)
            {
                return false;
            }
        }
        true
    }

    /// Removes what is over, and gives it to `over`.
    pub fn sweep(&mut self, now: Moment, over: &mut dyn FnMut(V)) {
        while let Some(first) = self.due.first() {
            match self.entries.get(first).is_some_and(|entry| entry.is_over(now))
                && !fault!("what-is-over-keeps-its-room")
            {
                true => self.remove(first).into_iter().for_each(&mut *over),
                false => return,
            }
        }
    }

    /// How many entries there are, with what is in work.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn slot(&self, id: u128) -> Option<Slot> {
        let is = |slot| self.entries.get(slot).is_some_and(|entry| entry.id == id);
        self.by_id.get(bits(id), is)
    }

    /// The newest that an owner has of a user.
    fn newest(&self, user: u64, owner: O) -> Option<Slot> {
        let is = |slot| {
            let entry = self.entries.get(slot);
            entry.is_some_and(|entry| entry.user == user && entry.owner == owner)
        };
        self.of_user.get(of_user(user, owner), is)
    }

    fn put(&mut self, id: u128, user: u64, owner: O, expires: Moment, value: V) -> Result<(), Full> {
        // The same identifier twice is an accident of 2^-128; the older entry is gone.
        if let Some(slot) = self.slot(id) {
            self.remove(slot);
        }
        self.serial += 1;
        let serial = self.serial;
        let older = self.newest(user, owner);
        let entry = Entry {
            id,
            owner,
            user,
            serial,
            expires,
            older: older.and_then(neighbour),
            newer: None,
            value: Some(value),
            forgotten: false,
            queued: true,
            due: None,
        };
        let slot = self.entries.insert(entry).ok_or(Full)?;
        if expires != NEVER {
            self.due.add(&mut self.entries, slot);
        }
        let Self { entries, by_id, .. } = self;
        by_id.insert(bits(id), slot, |slot| {
            entries.get(slot).map_or(0, |entry| bits(entry.id))
        });
        match older {
            Some(older) => {
                self.of_user.replace(of_user(user, owner), older, slot);
                if let Some(entry) = self.entries.get_mut(older) {
                    entry.newer = neighbour(slot);
                }
            }
            None => {
                let Self {
                    entries,
                    of_user: newest,
                    ..
                } = self;
                let bits_of = |slot| entries.get(slot).map_or(0, Entry::of_user);
                newest.insert(of_user(user, owner), slot, bits_of);
            }
        }
        let of_owner = self.owners.entry(owner).or_insert_with(|| OfOwner {
            count: 0,
            queue: VecDeque::new(),
        });
        of_owner.count += 1;
        of_owner.queue.push_back(Queued { serial, slot });
        if of_owner.queue.len() > 2 * of_owner.count + SLACK {
            let entries = &self.entries;
            let lives = |queued: &Queued| {
                entries
                    .get(queued.slot)
                    .is_some_and(|entry| entry.serial == queued.serial)
            };
            of_owner.queue.retain(lives);
        }
        Ok(())
    }

    fn remove(&mut self, slot: Slot) -> Option<V> {
        self.due.remove(&mut self.entries, slot);
        let entry = self.entries.remove(slot)?;
        self.by_id.remove(bits(entry.id), slot);
        let (older, newer) = (slot_of(entry.older), slot_of(entry.newer));
        if let Some(older) = older.and_then(|older| self.entries.get_mut(older)) {
            older.newer = entry.newer;
        }
        match (newer, older) {
            (Some(newer), _) => {
                if let Some(newer) = self.entries.get_mut(newer) {
                    newer.older = entry.older;
                }
            }
            (None, Some(older)) => self.of_user.replace(entry.of_user(), slot, older),
            (None, None) => self.of_user.remove(entry.of_user(), slot),
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
    fn bound_user(&mut self, user: u64, owner: O, gone: &mut dyn FnMut(V)) {
        loop {
            let (mut idle, mut oldest) = (0, None);
            let mut next = self.newest(user, owner);
            while let Some((slot, entry)) = next.and_then(|slot| Some((slot, self.entries.get(slot)?))) {
                if entry.value.is_some() {
                    (idle, oldest) = (idle + 1, Some(slot));
                }
                next = slot_of(entry.older);
            }
            match oldest {
                Some(oldest) if idle >= self.bounds.per_user.max(1) => {
                    self.remove(oldest).into_iter().for_each(&mut *gone);
                }
                _ => return,
            }
        }
    }

    fn has_room(&self, owner: O) -> bool {
        let own = self.owners.get(&owner).map_or(0, |owner| owner.count);
        let left = self.bounds.all.max(1).saturating_sub(self.entries.len());
        match O::SHARES {
            true => own < left.saturating_mul(SHARE),
            false => left > 0,
        }
    }

    /// Removes the oldest of an owner that is not in work; whether there was one.
    fn remove_oldest(&mut self, owner: O, gone: &mut dyn FnMut(V)) -> bool {
        let others = || {
            let mut others = self.entries.iter().filter(|entry| entry.owner != owner);
            others.next().and_then(|entry| self.slot(entry.id))
        };
        if fault!("evicted-across-owners")
            && let Some(slot) = others()
        {
            self.remove(slot).into_iter().for_each(&mut *gone);
            return true;
        }
        while let Some(queued) = self.owners.get_mut(&owner).and_then(|owner| owner.queue.pop_front()) {
            match self.queued(queued) {
                None => {}
                Some(entry) if entry.value.is_none() && !fault!("evicted-in-work") => entry.queued = false,
                Some(_) => {
                    self.remove(queued.slot).into_iter().for_each(&mut *gone);
                    return true;
                }
            }
        }
        false
    }

    /// What stands in a queue, if it is there still.
    fn queued(&mut self, queued: Queued) -> Option<&mut Entry<O, V>> {
        let entry = self.entries.get_mut(queued.slot);
        entry.filter(|entry| entry.serial == queued.serial)
    }

    /// Fails where the lists do not fit each other.
    #[cfg(test)]
    pub(super) fn assert_consistent(&mut self) {
        let mut chained = 0;
        for newest in self.of_user.iter() {
            let (mut next, mut newer) = (Some(newest), None);
            while let Some((slot, entry)) = next.and_then(|slot| Some((slot, self.entries.get(slot)?))) {
                assert_eq!(slot_of(entry.newer), newer);
                (next, newer) = (slot_of(entry.older), Some(slot));
                chained += 1;
            }
            assert_eq!(next, None);
        }
        assert_eq!(chained, self.entries.len());
        assert_eq!(self.by_id.iter().count(), self.entries.len());
        let owned: usize = self.owners.values().map(|owner| owner.count).sum();
        assert_eq!(owned, self.entries.len());
        assert!(self.entries.len() <= self.bounds.all);
        for owner in self.owners.values() {
            assert!(owner.queue.len() <= 2 * owner.count + SLACK + 2);
        }
        for entry in self.entries.iter() {
            let slot = self.slot(entry.id).unwrap();
            let stands = |queued: &Queued| (queued.slot, queued.serial) == (slot, entry.serial);
            let in_queue = self.owners[&entry.owner].queue.iter().any(stands);
            assert!(entry.value.is_none() || entry.queued && in_queue);
        }
        let has_end = |entry: &&Entry<O, V>| entry.value.is_some() && entry.expires != NEVER;
        assert_eq!(self.due.len(), self.entries.iter().filter(has_end).count());
        self.due.assert_consistent(&mut self.entries);
    }

    /// How many an owner has.
    #[cfg(test)]
    pub(super) fn count_of(&self, owner: O) -> usize {
        self.owners.get(&owner).map_or(0, |owner| owner.count)
    }
}
