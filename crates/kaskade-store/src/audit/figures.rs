//! How a log does, for whoever watches it.

use super::{AuditFull, AuditLog, WhenFull};

/// What waits for a log, and its room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditFigures {
    /// Events that are not on the disk yet.
    pub waiting: u64,
    /// How many may wait.
    pub room: u64,
}

impl AuditLog {
    /// Whether something could be given out now.
    ///
    /// # Errors
    /// Why not.
    pub fn admits(&self) -> Result<(), AuditFull> {
        let Some(open) = &self.0 else { return Ok(()) };
        let gate = &open.shared.gate;
        let admitted = gate.admit(1, open.shared.when_full == WhenFull::GoOn);
        if admitted.is_ok() {
            gate.give_back(1);
        }
        admitted
    }

    /// What waits for the log, and its room.
    pub fn figures(&self) -> AuditFigures {
        let Some(open) = &self.0 else {
            return AuditFigures::default();
        };
        let (waiting, room) = open.shared.gate.figures();
        AuditFigures { waiting, room }
    }
}
