//! Resynchronisation: what SEQ_MS of a verified AUTS changes (TS 33.102 6.3.5).

use super::record::{Back, Moment, Reuse};
use super::{ClockView, Generator, Seq, SqnError, SqnIssuer, SqnPolicy, SqnRecord};

/// What is known of an AUTS beside SEQ_MS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Its RAND is foreign or old, or the card has succeeded since: it may be replayed.
    Stale {
        /// When the home network made the RAND; `None` when it did not.
        made: Option<Moment>,
    },
    /// The home network made its RAND a short while ago, and knows of no success since.
    Fresh {
        /// When the RAND was made.
        made: Moment,
        /// Now.
        now: Moment,
    },
}

impl Proof {
    const fn made(self) -> Option<Moment> {
        match self {
            Self::Stale { made } => made,
            Self::Fresh { made, .. } => Some(made),
        }
    }
}

/// What follows from a verified AUTS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resynchronisation {
    /// The next SEQ is one that the card accepts: nothing changes.
    InStep,
    /// The card seems to be more than Δ behind, or ahead after it had gone back, but the AUTS may be a replay: nothing
    /// changes.
    Stale,
    /// SEQ_MS is below one that the card has shown before, and nothing may be used again: nothing changes, however fresh the
    /// AUTS is, until the operator allows it.
    BelowShown,
    /// The card is more than Δ behind, and was followed too often lately: nothing changes.
    Limited,
    /// The card was ahead. The record must be durable before anything is issued again.
    Raised(Moved),
    /// The card was more than Δ behind: a new epoch begins above SEQ_MS, and what was issued is spent. The record must
    /// be durable before anything is issued again.
    NewEpoch(Moved),
    /// As [`Resynchronisation::NewEpoch`], but everything that the card would accept was spent: numbers of an older
    /// epoch are issued once more.
    Reused(Moved),
}

/// The issuer after a resynchronisation, to be used once its record is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved(SqnIssuer);

impl Moved {
    /// What must become durable.
    pub fn record(&self) -> &SqnRecord {
        self.0.record()
    }

    /// The issuer, once the record is durable.
    pub fn into_issuer(self) -> SqnIssuer {
        self.0
    }
}

impl SqnIssuer {
    /// Decides what SEQ_MS, taken from an AUTS whose MAC-S was verified, changes.
    ///
    /// A card that is ahead is followed: its own numbers prove it, unless it was followed back since the RAND was made.
    /// One that has gone back is followed when the AUTS is fresh, its RAND is later than that of the last one that was
    /// followed, and it does not happen too often.
    /// Nothing may be issued between this call and the moment when the record is durable and in use.
    ///
    /// # Errors
    /// [`SqnError::Exhausted`] when SEQ_MS is the largest SEQ; [`SqnError::WindowSpent`] when all that the card would
    /// accept may have been issued before, and the policy does not allow it again.
    pub fn resynchronise(
        &self,
        seq_ms: Seq,
        proof: Proof,
        clock: ClockView,
        policy: &SqnPolicy,
    ) -> Result<Resynchronisation, SqnError> {
        let strict = policy.reuse == Reuse::Never && !self.record().back.granted;
        if strict && seq_ms < self.record().proven {
            return Ok(Resynchronisation::BelowShown);
        }
        let highest_accepted = Seq(seq_ms.0.saturating_add(policy.delta));
        match self.candidate(clock.now) {
            Ok(next) if seq_ms < next && next <= highest_accepted => return Ok(Resynchronisation::InStep),
            Ok(next) if next <= seq_ms => {
                // What the card showed before it went back says nothing of where it is now.
                let followed = self.record().back.followed;
                if followed != 0 && proof.made().is_none_or(|made| made <= followed) {
                    return Ok(Resynchronisation::Stale);
                }
                return self.raised(seq_ms, clock, policy).map(Resynchronisation::Raised);
            }
            // Also when SEQ had run to its end: a new epoch below is possible then.
            Ok(_) | Err(SqnError::Exhausted) => {}
            Err(error) => return Err(error),
        }
        let mut back = self.record().back;
        if strict {
            let moved = self.new_epoch(seq_ms, back, false, clock, policy)?;
            return Ok(Resynchronisation::NewEpoch(moved));
        }
        let Proof::Fresh { made, now } = proof else {
            return Ok(Resynchronisation::Stale);
        };
        if made <= back.followed {
            return Ok(Resynchronisation::Stale);
        }
        let debt = back.debt.max(now);
        let burst = policy.follow_every.saturating_mul(policy.follow_burst.into());
        if !back.granted && debt - now >= burst {
            return Ok(Resynchronisation::Limited);
        }
        back.followed = made;
        back.debt = debt.saturating_add(policy.follow_every);
        back.granted = false;
        match self.new_epoch(seq_ms, back, false, clock, policy) {
            Ok(moved) => Ok(Resynchronisation::NewEpoch(moved)),
            Err(SqnError::WindowSpent) => {
                back.reuses = back.reuses.saturating_add(1);
                let moved = self.new_epoch(seq_ms, back, true, clock, policy)?;
                Ok(Resynchronisation::Reused(moved))
            }
            Err(error) => Err(error),
        }
    }

    fn raised(&self, seq_ms: Seq, clock: ClockView, policy: &SqnPolicy) -> Result<Moved, SqnError> {
        let mut record = self.record().clone();
        record.proven = seq_ms;
        let after = Seq(seq_ms.0.max(self.last().0).saturating_add(1));
        let highest = self.highest_issued(clock, policy).min(record.layout.max_seq());
        if after.0.saturating_sub(highest.0) > policy.largest_range.into() {
            // What lies between was never issued: a card that goes back can still get it.
            record.spent.add(record.epoch_start, highest);
            record.epoch_start = after;
        }
        self.start_at(record, after, seq_ms, clock, policy)
    }

    /// Begins an epoch above SEQ_MS, with numbers that are not spent, or with any when `again`.
    fn new_epoch(
        &self,
        seq_ms: Seq,
        back: Back,
        again: bool,
        clock: ClockView,
        policy: &SqnPolicy,
    ) -> Result<Moved, SqnError> {
        let mut record = self.record().clone();
        (record.proven, record.back) = (seq_ms, back);
        if !kaskade_faults::fault!("spent-forgotten") {
            record.spent.add(
                record.epoch_start,
                self.highest_issued(clock, policy).min(record.layout.max_seq()),
            );
        }
        let first = Seq(seq_ms.0.saturating_add(1));
        if again {
            let window = Seq(seq_ms.0.saturating_add(policy.delta));
            record.spent.release(first, window);
        }
        let start = record.spent.skip(first);
        record.epoch_start = start;
        record.reserved = Seq(0);
        self.start_at(record, start, seq_ms, clock, policy)
    }

    fn start_at(
        &self,
        mut record: SqnRecord,
        start: Seq,
        seq_ms: Seq,
        clock: ClockView,
        policy: &SqnPolicy,
    ) -> Result<Moved, SqnError> {
        let start = record.spent.skip(start);
        let max_seq = record.layout.max_seq();
        if start > max_seq {
            // A card within Δ of the end may just not have got what was issued last: that is no going back.
            let ends = seq_ms.0.saturating_add(policy.delta) >= max_seq.0;
            return Err(if ends {
                SqnError::Exhausted
            } else {
                SqnError::WindowSpent
            });
        }
        let last = Seq(start.0.saturating_sub(1));
        if let Generator::TimeBased { .. } = record.generator {
            record.generator = Generator::time_based(start, clock.now, policy);
            record.reserved = record.reserved.max(last);
        } else {
            let range = u64::from(policy.smallest_range.max(1));
            let highest = last.0.saturating_add(range).min(record.layout.max_seq().0);
            record.reserved = record.reserved.max(Seq(highest));
        }
        let issuer = SqnIssuer::positioned(record, last);
        // What is spent, or the clock's lead in a partly time-based SEQ, may have carried it beyond the card's window.
        if issuer.candidate(clock.now)?.0 > seq_ms.0.saturating_add(policy.delta) {
            return Err(SqnError::WindowSpent);
        }
        Ok(Moved(issuer))
    }
}
