//! Resynchronisation: what SEQ_MS of a verified AUTS changes (TS 33.102 6.3.5).

use super::{ClockView, Generator, Seq, SqnError, SqnIssuer, SqnPolicy, SqnRecord};

/// What follows from a verified AUTS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resynchronisation {
    /// The next SEQ is one that the card accepts: nothing changes.
    InStep,
    /// The card has shown a higher SEQ_MS before: a replayed AUTS, nothing changes.
    Stale,
    /// The card was ahead. The record must be durable before anything is issued again.
    Raised(Moved),
    /// The card was more than Δ behind: a new epoch begins above SEQ_MS, and what was issued is spent. The record must
    /// be durable before anything is issued again.
    NewEpoch(Moved),
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
    /// Nothing may be issued between this call and the moment when the record is durable and in use.
    ///
    /// # Errors
    /// [`SqnError::Exhausted`] when SEQ_MS is the largest SEQ; [`SqnError::WindowSpent`] when all that the card would
    /// accept may have been issued before.
    pub fn resynchronise(
        &self,
        seq_ms: Seq,
        clock: ClockView,
        policy: &SqnPolicy,
    ) -> Result<Resynchronisation, SqnError> {
        if seq_ms < self.record().proven {
            return Ok(Resynchronisation::Stale);
        }
        let highest_accepted = Seq(seq_ms.0.saturating_add(policy.delta));
        match self.candidate(clock.now) {
            Ok(next) if seq_ms < next && next <= highest_accepted => return Ok(Resynchronisation::InStep),
            Ok(next) if next <= seq_ms => {
                return self.raised(seq_ms, clock, policy).map(Resynchronisation::Raised);
            }
            // Also when SEQ had run to its end: a new epoch below is possible then.
            Ok(_) | Err(SqnError::Exhausted) => {}
            Err(error) => return Err(error),
        }
        self.new_epoch(seq_ms, clock, policy).map(Resynchronisation::NewEpoch)
    }

    fn raised(&self, seq_ms: Seq, clock: ClockView, policy: &SqnPolicy) -> Result<Moved, SqnError> {
        let mut record = self.record().clone();
        record.proven = seq_ms;
        let after = Seq(seq_ms.0.max(self.last().0).saturating_add(1));
        self.start_at(record, after, seq_ms, clock, policy)
    }

    fn new_epoch(&self, seq_ms: Seq, clock: ClockView, policy: &SqnPolicy) -> Result<Moved, SqnError> {
        let mut record = self.record().clone();
        record.proven = seq_ms;
        record.spent.add(
            record.epoch_start,
            self.highest_issued(clock.now).min(record.layout.max_seq()),
        );
        let start = record.spent.skip(Seq(seq_ms.0.saturating_add(1)));
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
        if start > record.layout.max_seq() {
            return Err(SqnError::Exhausted);
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
