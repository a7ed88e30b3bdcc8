//! Which SEQ comes next, and what must be durable before it leaves.

use super::record::at_clock;
use super::{ClockView, Generator, Glc, Seq, SqnError, SqnPolicy, SqnRecord};

/// The answer to "one more vector".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This SEQ is issued.
    Issued {
        /// The SEQ.
        seq: Seq,
        /// A reservation should be made in the background: what is covered runs out soon.
        prefetch: bool,
    },
    /// [`SqnIssuer::reservation`] must be durable first.
    NeedsReservation,
}

/// The volatile state of one subscriber's sequence numbers: the record as it is durable, and the last SEQ issued.
///
/// Invariant: every SEQ issued in this epoch is at most `last`, or at most GLC + DIF when it was issued before this
/// issuer was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SqnIssuer {
    record: SqnRecord,
    last: Seq,
    range: u32,
    range_since: Glc,
}

/// A time-based subscriber that is further ahead of the clock than this gets a new DIF instead of a range.
const FAR_AHEAD: u64 = 1 << 16;

impl SqnIssuer {
    /// Takes a record as it is durable, after a start or after the volatile state was dropped.
    pub fn load(record: SqnRecord) -> Self {
        let last = record.reserved;
        Self {
            record,
            last,
            range: 0,
            range_since: Glc(0),
        }
    }

    /// Takes a record with what is known to have been issued of it.
    pub(super) fn positioned(record: SqnRecord, last: Seq) -> Self {
        Self {
            record,
            last,
            range: 0,
            range_since: Glc(0),
        }
    }

    /// The durable record.
    pub fn record(&self) -> &SqnRecord {
        &self.record
    }

    /// The next SEQ, when the durable state covers it.
    ///
    /// # Errors
    /// [`SqnError::Exhausted`] at the end of SEQ.
    #[inline]
    pub fn next(&mut self, clock: ClockView, policy: &SqnPolicy) -> Result<Next, SqnError> {
        let seq = self.candidate(clock.now)?;
        let covered = self.covered(clock.mark);
        if seq > covered {
            return Ok(Next::NeedsReservation);
        }
        self.last = seq;
        let left = covered.0 - seq.0;
        let prefetch = match self.record.generator {
            Generator::TimeBased { dif, horizon } => {
                let natural = at_clock(dif, clock.now);
                let near_horizon = natural.0.saturating_add(policy.horizon / 2) > horizon.0;
                near_horizon || (seq > natural && left < u64::from(self.range.max(policy.smallest_range)) / 2)
            }
            _ => left < u64::from(self.range) / 2,
        };
        Ok(Next::Issued { seq, prefetch })
    }

    /// The record that must be durable before more can be issued; then call [`SqnIssuer::reserved`].
    ///
    /// Issuing may go on meanwhile, within what is durable already.
    ///
    /// # Errors
    /// [`SqnError::Exhausted`] at the end of SEQ.
    pub fn reservation(&mut self, clock: ClockView, policy: &SqnPolicy) -> Result<SqnRecord, SqnError> {
        let first = self.candidate(clock.now)?;
        let mut record = self.record.clone();
        // Another node may be behind still.
        if !policy.shared || kaskade_faults::fault!("spent-forgotten-for-other-nodes") {
            record.spent.forget_within(record.epoch_start, self.last);
        }
        if let Generator::TimeBased { dif, horizon } = record.generator {
            let natural = at_clock(dif, clock.now);
            if natural > horizon || first.0 > natural.0.saturating_add(FAR_AHEAD) {
                record.generator = Generator::time_based(first, clock.now, policy);
                // Not needed while the mark is intact; without it nothing below is issued either.
                record.reserved = record.reserved.max(Seq(first.0 - 1));
                return Ok(record);
            }
            let horizon = horizon.max(Seq(natural.0.saturating_add(policy.horizon)));
            record.generator = Generator::TimeBased { dif, horizon };
            if first <= natural {
                return Ok(record);
            }
        }
        let first = first.max(Seq(record.reserved.0.saturating_add(1)));
        let range = self.next_range(clock.now, policy);
        let last = first
            .0
            .saturating_add(u64::from(range) - 1)
            .min(record.layout.max_seq().0);
        record.reserved = record.reserved.max(Seq(last));
        Ok(record)
    }

    /// Takes the record of [`SqnIssuer::reservation`] once it is durable.
    pub fn reserved(&mut self, record: SqnRecord) {
        self.record = record;
    }

    /// Takes the record as it is durable now, where another node may have written it.
    ///
    /// Within an epoch this node goes on behind what it has issued itself: the IND values are its own. What was issued of an earlier
    /// epoch is spent in a record of a later one.
    pub fn renewed(&mut self, record: SqnRecord) {
        if record.epoch_start != self.record.epoch_start {
            *self = Self::load(record);
            return;
        }
        let offset = |generator| match generator {
            Generator::TimeBased { dif, .. } => Some(dif),
            _ => None,
        };
        // With another offset the clock says nothing of what earlier lives of this node have issued; with another SEQ_MS the card is
        // ahead of what it gives.
        let moved = offset(record.generator) != offset(self.record.generator) || record.proven != self.record.proven;
        if moved && !kaskade_faults::fault!("offset-of-another-node-not-taken") {
            self.last = self.last.max(record.reserved);
        }
        self.record = record;
    }

    /// Whether nothing is lost or risked when this issuer is dropped and later loaded from its record: the clock has
    /// passed everything that was issued or reserved.
    pub fn is_idle(&self, now: Glc) -> bool {
        match self.record.generator {
            Generator::TimeBased { dif, .. } => self.last.max(self.record.reserved) < at_clock(dif, now),
            _ => self.last == self.record.reserved,
        }
    }

    /// Whether this issuer can be loaded again from its record without issuing anything twice: what is left of a range
    /// is skipped then.
    pub fn is_recoverable(&self) -> bool {
        self.last <= self.record.reserved
    }

    /// A record, tied to no clock, that starts above everything that is issued while the clock is at or below `mark`.
    pub fn portable(&self, mark: Glc) -> SqnRecord {
        let mut record = self.record.clone();
        record.reserved = self.last.max(self.covered(mark)).min(record.layout.max_seq());
        if let Generator::TimeBased { .. } = record.generator {
            record.generator = Generator::Unanchored;
        }
        record
    }

    /// The highest SEQ that may have been issued in this epoch, by any node.
    pub fn highest_issued(&self, clock: ClockView, policy: &SqnPolicy) -> Seq {
        if policy.shared && !kaskade_faults::fault!("marks-of-other-nodes-not-looked-at") {
            return self.last.max(self.covered(clock.highest));
        }
        match self.record.generator {
            Generator::TimeBased { dif, horizon } => self.last.max(at_clock(dif, clock.now).min(horizon)),
            _ => self.last,
        }
    }

    pub(super) fn last(&self) -> Seq {
        self.last
    }

    /// What would be issued now, covered or not.
    #[inline]
    pub(super) fn candidate(&self, now: Glc) -> Result<Seq, SqnError> {
        let after_last = Seq(self.last.0.saturating_add(1));
        let seq = match self.record.generator {
            Generator::NonTimeBased => after_last,
            Generator::General { seq2_bits, d } => {
                let seq = general(self.last, now, seq2_bits, d);
                // When SEQ1 is at its end, what is left of SEQ is counted.
                if seq > self.record.layout.max_seq() {
                    after_last
                } else {
                    seq
                }
            }
            Generator::TimeBased { dif, horizon } => {
                let natural = at_clock(dif, now);
                if natural > horizon {
                    let highest = self.last.max(horizon).max(self.record.reserved);
                    Seq(highest.0.saturating_add(1))
                } else {
                    after_last.max(natural)
                }
            }
            Generator::Unanchored => return Err(SqnError::Unanchored),
        };
        let seq = if self.record.spent.is_empty() {
            seq
        } else {
            self.record.spent.skip(seq)
        };
        if seq > self.record.layout.max_seq() {
            Err(SqnError::Exhausted)
        } else {
            Ok(seq)
        }
    }

    /// The highest SEQ that may be issued without a durable write: after a crash everything starts above it.
    #[inline]
    fn covered(&self, mark: Glc) -> Seq {
        match self.record.generator {
            Generator::TimeBased { dif, horizon } => self.record.reserved.max(at_clock(dif, mark).min(horizon)),
            _ => self.record.reserved,
        }
    }

    fn next_range(&mut self, now: Glc, policy: &SqnPolicy) -> u32 {
        let (smallest, largest) = (policy.smallest_range.max(1), policy.largest_range.max(1));
        // A range that lasted less than a few ticks was too small, one that lasted minutes too large.
        let lasted = now.0.saturating_sub(self.range_since.0);
        self.range = match lasted {
            _ if self.range == 0 => smallest,
            0..=8 => self.range.saturating_mul(2),
            9..=120 => self.range,
            _ => self.range / 2,
        }
        .clamp(smallest, largest.max(smallest));
        self.range_since = now;
        self.range
    }
}

/// The rules (i) to (iii) of TS 33.102 Annex C.1.1.1: SEQ = SEQ1 ‖ SEQ2 with SEQ2 of n bits, p = 2^n.
fn general(last: Seq, now: Glc, n: u8, d: u32) -> Seq {
    let p = 1_u64 << n;
    let (seq1, seq2) = (last.0 >> n, last.0 & (p - 1));
    let (glc, d) = (now.0 & (p - 1), u64::from(d));
    let clock_is_ahead = seq2 < glc && glc < seq2 + p - d + 1;
    let clock_has_wrapped = glc + d - 1 < seq2;
    if clock_is_ahead {
        Seq(seq1 << n | glc)
    } else if clock_has_wrapped {
        Seq((seq1 + 1) << n | glc)
    } else {
        Seq(last.0.saturating_add(1))
    }
}
