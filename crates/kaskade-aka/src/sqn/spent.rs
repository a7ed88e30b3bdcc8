//! SEQ of earlier epochs that must not be issued again.

use alloc::vec::Vec;

use super::Seq;

/// Intervals of SEQ that earlier epochs may have issued: sorted, disjoint, at most [`Spent::CAPACITY`].
///
/// When there are more, the two closest are merged: that spends the gap between them and forgets nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spent(Vec<(Seq, Seq)>);

impl Spent {
    /// The largest number of intervals.
    pub const CAPACITY: usize = 8;

    /// Nothing spent.
    pub const NONE: Self = Self(Vec::new());

    /// Takes first and last SEQ of intervals, in any order; `None` when one ends before it begins or there are more
    /// than [`Spent::CAPACITY`].
    pub fn from_intervals(intervals: &[(Seq, Seq)]) -> Option<Self> {
        if intervals.len() > Self::CAPACITY || intervals.iter().any(|(first, last)| first > last) {
            return None;
        }
        let mut spent = Self::NONE;
        for (first, last) in intervals {
            spent.add(*first, *last);
        }
        Some(spent)
    }

    /// First and last SEQ of each interval, ascending.
    pub fn intervals(&self) -> &[(Seq, Seq)] {
        &self.0
    }

    /// Whether nothing is spent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lowest SEQ that is not spent and not below `seq`.
    #[inline]
    pub fn skip(&self, mut seq: Seq) -> Seq {
        for (first, last) in &self.0 {
            if (*first..=*last).contains(&seq) {
                seq = Seq(last.0.saturating_add(1));
            }
        }
        seq
    }

    /// Spends `first` to `last`; nothing when `last` is lower.
    pub(super) fn add(&mut self, mut first: Seq, mut last: Seq) {
        if first > last {
            return;
        }
        self.0.retain(|(a, b)| {
            let apart = b.0.saturating_add(1) < first.0 || last.0.saturating_add(1) < a.0;
            if !apart {
                first = first.min(*a);
                last = last.max(*b);
            }
            apart
        });
        let position = self.0.partition_point(|(a, _)| *a < first);
        self.0.insert(position, (first, last));
        while self.0.len() > Self::CAPACITY {
            self.merge_closest();
        }
    }

    /// Takes `first` to `last` out: they are to be issued once more.
    pub(super) fn release(&mut self, first: Seq, last: Seq) {
        // A split makes one more: room for it is made beforehand, so that no merging spends what is released.
        while self.0.len() >= Self::CAPACITY {
            self.merge_closest();
        }
        let cut = |(a, b): &(Seq, Seq)| {
            let below = (*a < first).then(|| (*a, Seq(first.0 - 1).min(*b)));
            let above = (*b > last).then(|| (Seq(last.0 + 1).max(*a), *b));
            [below, above]
        };
        self.0 = self.0.iter().flat_map(cut).flatten().collect();
    }

    /// Forgets what lies wholly between the two: the caller's epoch covers it.
    pub(super) fn forget_within(&mut self, first: Seq, last: Seq) {
        self.0.retain(|(a, b)| *a < first || *b > last);
    }

    fn merge_closest(&mut self) {
        let gaps = self.0.iter().zip(self.0.iter().skip(1));
        let closest = gaps
            .map(|((_, end), (begin, _))| begin.0.saturating_sub(end.0))
            .enumerate()
            .min_by_key(|(_, gap)| *gap);
        if let Some((index, _)) = closest {
            let (_, last) = self.0.remove(index + 1);
            if let Some(kept) = self.0.get_mut(index) {
                kept.1 = last;
            }
        }
    }
}
