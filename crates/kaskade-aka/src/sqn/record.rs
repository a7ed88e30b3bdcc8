//! What is durable per subscriber, and the parameters of the policy.

use super::{Glc, Seq, Spent, SqnError, SqnLayout};

/// How SEQ is generated; names of TS 29.505 5.4.3 (`SqnScheme`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SqnScheme {
    /// `GENERAL`: SEQ = SEQ1 ‖ SEQ2, where SEQ2 follows the clock (partly time-based; TS 33.102 Annex C.1.1.1, C.3.1).
    General,
    /// `NON_TIME_BASED`: a counter per subscriber (TS 33.102 Annex C.1.1.2, C.3.2).
    NonTimeBased,
    /// `TIME_BASED`: SEQ = GLC + DIF (TS 33.102 Annex C.1.1.3, C.3.3). Needs no durable write per vector.
    #[default]
    TimeBased,
}

impl SqnScheme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::General, Self::NonTimeBased, Self::TimeBased];

    /// The name that TS 29.505 gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::General => "GENERAL",
            Self::NonTimeBased => "NON_TIME_BASED",
            Self::TimeBased => "TIME_BASED",
        }
    }
}

impl core::fmt::Display for SqnScheme {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

impl core::str::FromStr for SqnScheme {
    type Err = SqnError;

    /// Reads the name of TS 29.505, in any case and with `-` for `_`.
    fn from_str(text: &str) -> Result<Self, SqnError> {
        let matches = |name: &str| {
            name.len() == text.len()
                && name
                    .bytes()
                    .zip(text.bytes())
                    .all(|(a, b)| a == b.to_ascii_uppercase() || (a, b) == (b'_', b'-'))
        };
        Self::ALL
            .into_iter()
            .find(|scheme| matches(scheme.name()))
            .ok_or(SqnError::UnknownScheme)
    }
}

/// The state that a scheme keeps beside the highest reserved SEQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generator {
    /// TS 33.102 Annex C.1.1.1.
    General {
        /// n: the length of SEQ2 in bits, 1 to 32.
        seq2_bits: u8,
        /// D: how many vectors at most are issued during as many clock units; far below 2^n.
        d: u32,
    },
    /// TS 33.102 Annex C.1.1.2.
    NonTimeBased,
    /// TS 33.102 Annex C.1.1.3, not yet tied to a clock: the first SEQ will be the one after the highest reserved.
    Unanchored,
    /// TS 33.102 Annex C.1.1.3.
    TimeBased {
        /// DIF: SEQ minus GLC.
        dif: i64,
        /// The highest SEQ that the clock may give before the record must be written again. Time in which nothing is
        /// issued beyond it is taken out of DIF, so that a card is never left further behind than its Δ allows.
        horizon: Seq,
    },
}

impl Generator {
    /// n = 24 and D = 2^16, as in the profile of TS 33.102 Annex C.3.1.
    pub const GENERAL_C31: Self = Self::General {
        seq2_bits: 24,
        d: 1 << 16,
    };
}

/// What is durable of one subscriber's sequence numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SqnRecord {
    pub(super) layout: SqnLayout,
    pub(super) generator: Generator,
    /// Highest SEQ that may have been issued other than by the clock.
    pub(super) reserved: Seq,
    /// First SEQ of this epoch: all that it issued is between this and the issuer's last.
    pub(super) epoch_start: Seq,
    /// Highest SEQ_MS that a verified AUTS has shown.
    pub(super) proven: Seq,
    pub(super) spent: Spent,
    pub(super) back: Back,
}

/// What is durable about a card that went back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Back {
    /// The moment of the RAND whose AUTS was followed last: that one and older ones are used.
    pub followed: Moment,
    /// Until when the moments that follow are spoken for: the bucket of [`SqnPolicy::follow_every`].
    pub debt: Moment,
    /// How often numbers of an older epoch were allowed again.
    pub reuses: u32,
    /// The operator allowed the next fresh AUTS to be followed, whatever the policy and the bucket say.
    pub granted: bool,
}

/// A moment of the home network's counter, in units of 2^-16 s; 0 is none.
pub type Moment = u64;

/// All fields of an [`SqnRecord`], to write it down and read it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqnParts {
    /// How SQN is split.
    pub layout: SqnLayout,
    /// The scheme and its state.
    pub generator: Generator,
    /// Highest SEQ that may have been issued other than by the clock.
    pub reserved: Seq,
    /// First SEQ of this epoch.
    pub epoch_start: Seq,
    /// Highest SEQ_MS that a verified AUTS has shown.
    pub proven: Seq,
    /// What earlier epochs may have issued.
    pub spent: Spent,
    /// What is known of a card that went back.
    pub back: Back,
}

impl SqnRecord {
    /// A card that has accepted nothing yet: the first SEQ will be 1.
    pub fn blank(scheme: SqnScheme) -> Self {
        Self::after(scheme, SqnLayout::ANNEX_C3, Seq(0))
    }

    /// A card that may have accepted up to `highest`: the first SEQ will be the one after it.
    pub fn after(scheme: SqnScheme, layout: SqnLayout, highest: Seq) -> Self {
        let highest = highest.min(layout.max_seq());
        let generator = match scheme {
            SqnScheme::General => Generator::GENERAL_C31,
            SqnScheme::NonTimeBased => Generator::NonTimeBased,
            SqnScheme::TimeBased => Generator::Unanchored,
        };
        Self {
            layout,
            generator,
            reserved: highest,
            epoch_start: Seq(highest.0.saturating_add(1)),
            proven: Seq(0),
            spent: Spent::NONE,
            back: Back::default(),
        }
    }

    /// Replaces n and D of a partly time-based record; no effect on another scheme.
    ///
    /// # Errors
    /// [`SqnError::Parameters`] unless 1 ≤ n ≤ 32, D ≥ 1 and D ≤ 2^n / 4 (TS 33.102 Annex C.1.1.1 asks for D far below 2^n).
    pub fn with_general(mut self, seq2_bits: u8, d: u32) -> Result<Self, SqnError> {
        if let Generator::General { .. } = self.generator {
            self.generator = Generator::General { seq2_bits, d };
        }
        Self::from_parts(self.into_parts())
    }

    /// Puts a record together from what was written down.
    ///
    /// # Errors
    /// [`SqnError::Parameters`] when a SEQ is longer than the layout allows or n and D do not fit.
    pub fn from_parts(parts: SqnParts) -> Result<Self, SqnError> {
        let SqnParts {
            layout,
            generator,
            reserved,
            epoch_start,
            proven,
            spent,
            back,
        } = parts;
        let highest_spent = spent.intervals().last().map_or(Seq(0), |(_, last)| *last);
        // One beyond the last SEQ is a legal start: the record is exhausted.
        if reserved.max(proven).max(highest_spent) > layout.max_seq() || epoch_start.0 > layout.max_seq().0 + 1 {
            return Err(SqnError::Parameters);
        }
        if let Generator::General { seq2_bits, d } = generator {
            let fits = (1..=32).contains(&seq2_bits) && d >= 1 && u64::from(d) <= (1_u64 << seq2_bits) / 4;
            if !fits || u32::from(seq2_bits) > 48 - u32::from(layout.ind_bits()) {
                return Err(SqnError::Parameters);
            }
        }
        Ok(Self {
            layout,
            generator,
            reserved,
            epoch_start,
            proven,
            spent,
            back,
        })
    }

    /// All fields.
    pub fn into_parts(self) -> SqnParts {
        let Self {
            layout,
            generator,
            reserved,
            epoch_start,
            proven,
            spent,
            back,
        } = self;
        SqnParts {
            layout,
            generator,
            reserved,
            epoch_start,
            proven,
            spent,
            back,
        }
    }

    /// The scheme.
    pub const fn scheme(&self) -> SqnScheme {
        match self.generator {
            Generator::General { .. } => SqnScheme::General,
            Generator::NonTimeBased => SqnScheme::NonTimeBased,
            Generator::Unanchored | Generator::TimeBased { .. } => SqnScheme::TimeBased,
        }
    }

    /// How SQN is split.
    pub const fn layout(&self) -> SqnLayout {
        self.layout
    }

    /// The scheme and its state.
    pub const fn generator(&self) -> Generator {
        self.generator
    }

    /// The highest SEQ that may have been issued other than by the clock.
    pub const fn reserved(&self) -> Seq {
        self.reserved
    }

    /// What earlier epochs may have issued.
    pub const fn spent(&self) -> &Spent {
        &self.spent
    }

    /// What is known of a card that went back.
    pub const fn back(&self) -> Back {
        self.back
    }

    /// This record, with the operator's leave to follow the next fresh AUTS wherever the card is.
    #[must_use]
    pub const fn granted(mut self) -> Self {
        self.back.granted = true;
        self
    }

    /// This record, `by` SEQ further on: after what a copy of it may have issued.
    #[must_use]
    pub fn advanced(mut self, by: u64) -> Self {
        let max = self.layout.max_seq();
        self.reserved = Seq(self.reserved.0.saturating_add(by)).min(max);
        if let Generator::TimeBased { dif, horizon } = self.generator {
            self.generator = Generator::TimeBased {
                dif: dif.saturating_add(signed(Seq(by).0)),
                horizon: Seq(horizon.0.saturating_add(by)),
            };
        }
        self
    }

    /// Ties a time-based record to the clock: the next SEQ at `now` is the one after the highest reserved. No effect
    /// on a record that is tied or of another scheme.
    #[must_use]
    pub fn anchored(mut self, now: Glc, policy: &SqnPolicy) -> Self {
        if self.generator == Generator::Unanchored {
            let first = self.spent.skip(Seq(self.reserved.0.saturating_add(1)));
            self.generator = Generator::time_based(first, now, policy);
        }
        self
    }

    /// This record for a subscriber whose SUPI had `old` before: starts above `highest_of_old`, which is everything
    /// that `old` may have issued in its epoch, and issues nothing of its earlier epochs.
    #[must_use]
    pub fn succeeding(mut self, old: &SqnRecord, highest_of_old: Seq, policy: &SqnPolicy, now: Glc) -> Self {
        for (first, last) in old.spent.intervals() {
            self.spent.add(*first, *last);
        }
        if self.reserved > highest_of_old {
            // The gap between was never issued: a card that turns out to be below it can still be served.
            self.spent.add(old.epoch_start, highest_of_old);
        } else {
            // What another store issued of this one, if anything; it issues nothing below `highest_of_old` now.
            self.spent.add(self.epoch_start, self.reserved);
            self.epoch_start = old.epoch_start;
            self.reserved = highest_of_old.min(self.layout.max_seq());
        }
        self.back = Back {
            followed: self.back.followed.max(old.back.followed),
            debt: self.back.debt.max(old.back.debt),
            reuses: self.back.reuses.saturating_add(old.back.reuses),
            // For the card for which it was given, and no other.
            granted: false,
        };
        if let Generator::TimeBased { .. } = self.generator {
            self.generator = Generator::Unanchored;
        }
        self.anchored(now, policy)
    }

    /// This record, which succeeds `old` of the same card: what the card has shown and what the operator allowed hold on.
    #[must_use]
    pub fn of_the_same_card(mut self, old: &SqnRecord) -> Self {
        self.proven = self.proven.max(old.proven).min(self.layout.max_seq());
        self.back.granted = old.back.granted;
        self
    }
}

impl Generator {
    pub(super) fn time_based(first: Seq, now: Glc, policy: &SqnPolicy) -> Self {
        Self::TimeBased {
            dif: signed(first.0).saturating_sub(signed(now.0)),
            horizon: Seq(first.0.saturating_add(policy.horizon)),
        }
    }
}

/// GLC + DIF; 0 when it is negative.
pub(super) fn at_clock(dif: i64, glc: Glc) -> Seq {
    Seq(u64::try_from(signed(glc.0).saturating_add(dif)).unwrap_or(0))
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The parameters of the policy: the same for all subscribers of a home network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqnPolicy {
    /// Whether other nodes issue from the same records, each with IND values of its own. What this node knows of what was issued is
    /// not all, then: records say at least as much as the marks of all nodes allow.
    pub shared: bool,
    /// Δ: how far above SEQ_MS the cards accept a SEQ (TS 33.102 Annex C.2.1); 2^28 in all profiles of C.3.
    pub delta: u64,
    /// How far, in SEQ, the clock may carry a time-based subscriber without a durable write; 2^24 (194 days of 1 s).
    pub horizon: u64,
    /// The smallest range that is reserved at once.
    pub smallest_range: u32,
    /// The largest.
    pub largest_range: u32,
    /// Whether a card that has gone back may get numbers of an older epoch again.
    pub reuse: Reuse,
    /// How often a card may be followed back in the long run: one in so many units of 2^-16 s.
    pub follow_every: Moment,
    /// How many times at once.
    pub follow_burst: u32,
}

/// Whether numbers of an older epoch are ever issued again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// When a fresh AUTS shows that the card went back, and nothing that it would accept is left unspent.
    #[default]
    AfterFreshProof,
    /// Never, unless the operator allows it for one subscriber: the card needs a new K then.
    Never,
}

impl Reuse {
    const ALL: [(Self, &'static str); 2] = [(Self::AfterFreshProof, "after-fresh-proof"), (Self::Never, "never")];
}

impl core::fmt::Display for Reuse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = Self::ALL.iter().find(|(reuse, _)| reuse == self);
        f.write_str(name.map_or("", |(_, name)| name))
    }
}

impl core::str::FromStr for Reuse {
    type Err = SqnError;

    fn from_str(text: &str) -> Result<Self, SqnError> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(reuse, _)| *reuse).ok_or(SqnError::UnknownReuse)
    }
}

impl Default for SqnPolicy {
    fn default() -> Self {
        Self {
            shared: false,
            delta: 1 << 28,
            horizon: 1 << 24,
            smallest_range: 32,
            largest_range: 4096,
            reuse: Reuse::AfterFreshProof,
            follow_every: 1 << 16,
            follow_burst: 512,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_reuse() {
        for (reuse, name) in Reuse::ALL {
            assert_eq!((name.parse(), reuse.to_string()), (Ok(reuse), name.to_owned()));
        }
        assert_eq!("Never".parse::<Reuse>(), Err(SqnError::UnknownReuse));
    }

    #[test]
    fn names_of_the_schemes() {
        for scheme in SqnScheme::ALL {
            assert_eq!(scheme.name().parse(), Ok(scheme));
            assert_eq!(scheme.name().to_lowercase().replace('_', "-").parse(), Ok(scheme));
        }
        assert_eq!("TIME".parse::<SqnScheme>(), Err(SqnError::UnknownScheme));
        assert_eq!(SqnScheme::default(), SqnScheme::TimeBased);
    }
}
