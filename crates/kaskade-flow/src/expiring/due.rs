//! What is over first: the slots of a table in the order of their ends, whatever the order of their insertion.

use alloc::vec::Vec;

use super::slab::{Slab, Slot};
use crate::Moment;

/// Where a slot stands in a [`Due`], plus one; `None`: nowhere.
pub(super) type Standing = Option<core::num::NonZeroU32>;

/// Something that is over at some time.
pub(super) trait Ends {
    /// When.
    fn ends(&self) -> Moment;
    /// Where it stands.
    fn standing(&mut self) -> &mut Standing;
}

/// A binary heap of slots. Each knows where it stands, so that one that goes leaves nothing behind.
pub(super) struct Due(Vec<Slot>);

impl Due {
    /// What this takes at most with so many slots, in octets. A list that grows is there twice, the old one half as long.
    pub(super) const fn octets_at_most(slots: usize) -> usize {
        let room = slots.next_power_of_two();
        let room = if room < 4 { 4 } else { room };
        room.saturating_mul(size_of::<Slot>()).saturating_mul(3) / 2
    }

    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// The one that is over first.
    pub(super) fn first(&self) -> Option<Slot> {
        self.0.first().copied()
    }

    /// Takes a slot in, which stands nowhere yet.
    pub(super) fn add<T: Ends>(&mut self, all: &mut Slab<T>, slot: Slot) {
        let at = self.0.len();
        self.0.push(slot);
        self.stand(all, at);
        self.rise(all, at);
    }

    /// Takes a slot out, if it stands here.
    pub(super) fn remove<T: Ends>(&mut self, all: &mut Slab<T>, slot: Slot) {
        let standing = all.get_mut(slot).and_then(|one| one.standing().take());
        let Some(at) = standing.map(|at| at.get() as usize - 1) else {
            return;
        };
        if at >= self.0.len() {
            return;
        }
        self.0.swap_remove(at);
        if at < self.0.len() {
            self.stand(all, at);
            self.rise(all, at);
            self.sink(all, at);
        }
    }

    fn stand<T: Ends>(&self, all: &mut Slab<T>, at: usize) {
        let number = u32::try_from(at + 1).ok().and_then(core::num::NonZeroU32::new);
        if let Some(one) = self.0.get(at).and_then(|slot| all.get_mut(*slot)) {
            *one.standing() = number;
        }
    }

    fn end<T: Ends>(&self, all: &Slab<T>, at: usize) -> Option<Moment> {
        all.get(*self.0.get(at)?).map(Ends::ends)
    }

    fn swap<T: Ends>(&mut self, all: &mut Slab<T>, one: usize, other: usize) {
        self.0.swap(one, other);
        self.stand(all, one);
        self.stand(all, other);
    }

    fn rise<T: Ends>(&mut self, all: &mut Slab<T>, mut at: usize) {
        while at > 0 {
            let above = (at - 1) / 2;
            if self.end(all, above) <= self.end(all, at) {
                return;
            }
            self.swap(all, at, above);
            at = above;
        }
    }

    fn sink<T: Ends>(&mut self, all: &mut Slab<T>, mut at: usize) {
        loop {
            let below = (2 * at + 1..=2 * at + 2).filter(|below| *below < self.0.len());
            let Some(sooner) = below.min_by_key(|below| self.end(all, *below)) else {
                return;
            };
            if self.end(all, at) <= self.end(all, sooner) {
                return;
            }
            self.swap(all, at, sooner);
            at = sooner;
        }
    }

    /// Fails where the order is none, or a slot does not know its place.
    #[cfg(test)]
    pub(super) fn assert_consistent<T: Ends>(&self, all: &mut Slab<T>) {
        for at in 0..self.0.len() {
            assert!(self.end(all, at.saturating_sub(1) / 2).unwrap() <= self.end(all, at).unwrap());
            let standing = *all.get_mut(self.0[at]).unwrap().standing();
            assert_eq!(standing.map(|at| at.get() as usize), Some(at + 1));
        }
    }

    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }
}
