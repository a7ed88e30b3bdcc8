//! Slots by keys that are random already, or the result of a keyed hash: they are not hashed again.
//!
//! Only the numbers of the slots are here, so that an index of many thousands stays in the cache; the key is in the slot.

use hashbrown::HashTable;

use super::slab::Slot;

/// Slots, by 64 bits that nobody can choose.
pub(super) struct Index(HashTable<Slot>);

impl Index {
    /// What this takes at most with so many entries, in octets: a power of two of places, seven eighths of which are used, with
    /// an octet each. Twice as many where entries came and went, and the old ones beside them while it grows.
    pub(super) const fn octets_at_most(entries: usize) -> usize {
        let places = entries.saturating_add(entries.div_ceil(7)).next_power_of_two();
        let places = if places < 4 { 4 } else { places };
        places.saturating_mul(3 * (size_of::<Slot>() + 1))
    }

    pub(super) const fn new() -> Self {
        Self(HashTable::new())
    }

    /// The slot under these bits of which `is` is true.
    pub(super) fn get(&self, bits: u64, is: impl Fn(Slot) -> bool) -> Option<Slot> {
        self.0.find(bits, |slot| is(*slot)).copied()
    }

    /// Puts a slot in; `bits_of` is what the others are under.
    pub(super) fn insert(&mut self, bits: u64, slot: Slot, bits_of: impl Fn(Slot) -> u64) {
        self.0.insert_unique(bits, slot, |slot| bits_of(*slot));
    }

    /// Puts another slot in the place of one.
    pub(super) fn replace(&mut self, bits: u64, old: Slot, new: Slot) {
        if let Some(slot) = self.0.find_mut(bits, |slot| *slot == old) {
            *slot = new;
        }
    }

    pub(super) fn remove(&mut self, bits: u64, slot: Slot) {
        if let Ok(entry) = self.0.find_entry(bits, |other| *other == slot) {
            entry.remove();
        }
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = Slot> {
        self.0.iter().copied()
    }
}
