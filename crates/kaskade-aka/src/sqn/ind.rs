//! Which IND values a node owns, and which of them a requesting node gets.

use super::{Ind, SqnLayout};

/// One home-network node of several that issue SQN for the same subscribers.
///
/// Node k of n owns the IND values i with i mod n = k, so that two nodes never issue the same SQN even where their SEQ
/// are equal (TS 33.102 Annex C.1.2 and C.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeIndex {
    index: u8,
    of: u8,
}

impl NodeIndex {
    /// The only node.
    pub const ONLY: Self = Self { index: 0, of: 1 };

    /// Node `index`, counted from 0, of `of` nodes; `None` unless `index` < `of`.
    pub const fn new(index: u8, of: u8) -> Option<Self> {
        if index < of { Some(Self { index, of }) } else { None }
    }

    /// Counted from 0.
    pub const fn index(self) -> u8 {
        self.index
    }

    /// How many nodes there are.
    pub const fn of(self) -> u8 {
        self.of
    }

    /// How many IND values this node owns in `layout`: 0 when there are more nodes than IND values.
    pub fn share(self, layout: SqnLayout) -> usize {
        let (size, index, of) = (layout.array_size(), usize::from(self.index), usize::from(self.of));
        size.saturating_sub(index).div_ceil(of)
    }

    /// The IND for vectors that `requesting_node` asks for: always the same for the same name; `None` when this node
    /// owns none.
    ///
    /// One IND per requesting node keeps vectors that different serving nodes use out of order from overtaking each
    /// other in the USIM's array. Names share an IND when there are more of them than values.
    #[inline]
    pub fn ind(self, layout: SqnLayout, requesting_node: &str) -> Option<Ind> {
        let share = u64::try_from(self.share(layout)).ok()?;
        let position = fnv1a(requesting_node.as_bytes()).checked_rem(share)?;
        let ind = position
            .checked_mul(u64::from(self.of))?
            .checked_add(u64::from(self.index))?;
        u8::try_from(ind).ok().map(Ind)
    }
}

impl Default for NodeIndex {
    fn default() -> Self {
        Self::ONLY
    }
}

/// The IND values of a node where several issue from one store: IND i has place i mod 32, and a node owns the places whose bits are
/// set. Two that own different places never issue the same SQN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IndPlaces(pub u32);

impl IndPlaces {
    /// How many places there are.
    pub const COUNT: u8 = 32;

    /// How many IND values of `layout` these are; 0 where it has fewer than there are places, and none of these.
    pub fn share(self, layout: SqnLayout) -> usize {
        let size = layout.array_size();
        (0..size.min(32)).filter(|place| self.0 >> place & 1 == 1).count() * size.div_ceil(32)
    }

    /// As [`NodeIndex::ind`]; with all places the same as of [`NodeIndex::ONLY`].
    #[inline]
    pub fn ind(self, layout: SqnLayout, requesting_node: &str) -> Option<Ind> {
        let share = u64::try_from(self.share(layout)).ok()?;
        let position = fnv1a(requesting_node.as_bytes()).checked_rem(share)?;
        let mut own = (0..layout.array_size()).filter(|ind| self.0 >> (ind % 32) & 1 == 1);
        let ind = own.nth(usize::try_from(position).ok()?)?;
        u8::try_from(ind).ok().map(Ind)
    }
}

/// FNV-1a, 64 bits, upper half folded in. Part of what is on the cards: must never change.
fn fnv1a(octets: &[u8]) -> u64 {
    let hash = octets.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) ^ (hash & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_share_the_ind_values() {
        for bits in 0..=8 {
            let layout = SqnLayout::new(bits).expect("few");
            for name in ["", "a", "5G:mnc001.mcc001.3gppnetwork.org"] {
                assert_eq!(IndPlaces(u32::MAX).ind(layout, name), NodeIndex::ONLY.ind(layout, name));
                let (one, other) = (IndPlaces(0x0f0f_0f01), IndPlaces(!0x0f0f_0f01));
                assert_eq!(one.share(layout) + other.share(layout), layout.array_size());
                let values = [one.ind(layout, name), other.ind(layout, name)];
                assert_eq!(values[0].is_some(), one.share(layout) > 0);
                assert_eq!(values[1].is_some(), other.share(layout) > 0, "{bits}");
                for (places, ind) in [one, other].into_iter().zip(values) {
                    assert!(ind.is_none_or(|Ind(ind)| places.0 >> (ind % 32) & 1 == 1));
                }
            }
        }
    }

    #[test]
    fn shares_of_the_ind_values() {
        for of in 1..=32 {
            let shares: usize = (0..of)
                .map(|index| NodeIndex::new(index, of).expect("below").share(SqnLayout::ANNEX_C3))
                .sum();
            assert_eq!(shares, 32, "{of} nodes share all values");
        }
        assert_eq!(
            NodeIndex::new(40, 41).expect("below").ind(SqnLayout::ANNEX_C3, "x"),
            None
        );
        assert_eq!(NodeIndex::new(1, 1), None);
        // Fixed for ever: it is on the cards.
        let ind = |name| NodeIndex::ONLY.ind(SqnLayout::ANNEX_C3, name);
        assert_eq!(
            (ind(""), ind("a"), ind("5G:mnc001.mcc001.3gppnetwork.org")),
            (Some(Ind(1)), Some(Ind(0)), Some(Ind(23)))
        );
    }
}
