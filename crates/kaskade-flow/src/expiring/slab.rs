//! Values in numbered slots. What is in a slot stays there until it is taken out, so that no copy of a secret is left behind when
//! more room is made. A slot that came free keeps its octets until it is filled again, which is before any other is.

use alloc::vec::Vec;

/// Slots that are allocated at once.
const CHUNK: usize = 16;
/// What the allocator adds to a piece of memory, in octets.
const ALLOCATOR: usize = 16;

/// The number of a slot.
pub(super) type Slot = u32;

/// Values by slot; the slot that came free last is filled first, as it is in the cache.
pub(super) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<Slot>,
    len: usize,
}

const fn place(slot: Slot) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}

impl<T> Slab<T> {
    /// What this takes at most with so many values, in octets. A list that grows is there twice, the old one half as long.
    pub(super) const fn octets_at_most(values: usize) -> usize {
        const fn list(entries: usize, octets: usize) -> usize {
            let room = entries.next_power_of_two();
            let room = if room < 4 { 4 } else { room };
            room.saturating_mul(octets).saturating_mul(3) / 2
        }
        let chunks = values.div_ceil(CHUNK);
        let lists = list(chunks, size_of::<Vec<Option<T>>>());
        let free = list(values, size_of::<Slot>());
        chunks
            .saturating_mul(CHUNK * size_of::<Option<T>>() + ALLOCATOR)
            .saturating_add(lists)
            .saturating_add(free)
    }

    pub(super) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: Vec::new(),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        let (chunk, at) = place(slot);
        self.chunks.get(chunk)?.get(at)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        let (chunk, at) = place(slot);
        self.chunks.get_mut(chunk)?.get_mut(at)?.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten().flatten()
    }

    /// Puts a value into a free slot; `None` where there are no more numbers.
    pub(super) fn insert(&mut self, value: T) -> Option<Slot> {
        if let Some(slot) = self.free.pop() {
            let (chunk, at) = place(slot);
            *self.chunks.get_mut(chunk)?.get_mut(at)? = Some(value);
            self.len += 1;
            return Some(slot);
        }
        let slot = Slot::try_from(self.len).ok().filter(|slot| *slot != Slot::MAX)?;
        let (chunk, _) = place(slot);
        if chunk == self.chunks.len() {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks.get_mut(chunk)?.push(Some(value));
        self.len += 1;
        Some(slot)
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<T> {
        let (chunk, at) = place(slot);
        let value = self.chunks.get_mut(chunk)?.get_mut(at)?.take()?;
        self.free.push(slot);
        self.len -= 1;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_where_they_are_and_slots_are_used_again() {
        let mut slab = Slab::new();
        let slots: Vec<_> = (0..100).filter_map(|n| slab.insert(n)).collect();
        let first: *const i32 = slab.get(slots[0]).unwrap();
        for slot in &slots[1..50] {
            slab.remove(*slot).unwrap();
            assert_eq!(slab.remove(*slot), None);
        }
        assert_eq!((slab.len(), slab.iter().count()), (51, 51));
        let again: Vec<_> = (100..150).filter_map(|n| slab.insert(n)).collect();
        assert_eq!(again[0], slots[49], "the one that came free last");
        assert_eq!(again[49], 100, "none was free any more");
        assert!(core::ptr::eq(first, slab.get(slots[0]).unwrap()));
        assert_eq!(
            again.iter().map(|slot| *slab.get(*slot).unwrap()).sum::<i32>(),
            (100..150).sum()
        );
    }
}
