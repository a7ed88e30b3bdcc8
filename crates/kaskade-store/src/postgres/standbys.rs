//! Standbys as the server sees them.

use std::time::Duration;

use tokio_postgres::{Error, Row};

/// A standby of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standby {
    /// What it calls itself.
    pub name: String,
    /// What it does: `streaming`, or how it comes to that.
    pub state: String,
    /// Whether a commit waits for it: `sync` or `quorum` says yes, `potential` and `async` no.
    pub sync: String,
    /// Octets of the server's log that it has not applied yet, where it says so.
    pub behind_octets: Option<u64>,
    /// How long what was written last took until it had applied it; `None` while nothing is written.
    pub behind: Option<Duration>,
}

/// SQL: all of them. All but the first column is NULL to a user who may not see them.
pub(super) const STANDBYS: &str = "SELECT coalesce(application_name, ''), state, sync_state, \
     pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint, (extract(epoch FROM replay_lag) * 1000000)::bigint \
     FROM pg_stat_replication ORDER BY 1";

impl Standby {
    /// Out of a row of [`STANDBYS`]; `None` where it may not be seen.
    pub(super) fn of(row: &Row) -> Result<Option<Self>, Error> {
        let Some(state) = row.try_get(1)? else { return Ok(None) };
        let (octets, micros): (Option<i64>, Option<i64>) = (row.try_get(3)?, row.try_get(4)?);
        Ok(Some(Self {
            name: row.try_get(0)?,
            state,
            sync: row.try_get(2)?,
            behind_octets: octets.map(|octets| octets.max(0).cast_unsigned()),
            behind: micros.map(|micros| Duration::from_micros(micros.max(0).cast_unsigned())),
        }))
    }
}
