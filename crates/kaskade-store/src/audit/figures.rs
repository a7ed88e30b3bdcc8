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
        self.may_change()?;
        match &self.0 {
            Some(open) if open.shared.when_full == WhenFull::Refuse && open.shared.gate.is_silent() => {
                Err(AuditFull::Stalled)
            }
            _ => Ok(()),
        }
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
