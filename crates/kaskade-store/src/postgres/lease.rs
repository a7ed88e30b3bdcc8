//! Who is which node: a number is of one process at a time, which says again and again that it is there.
//!
//! A process that has the lease of a number has made the row of that number its own: a name of 16 random octets, an epoch, and until
//! when. Every commit looks at name and epoch in its own transaction, so that a process that somebody has taken over writes nothing more,
//! whatever it believes; what it issues without writing lies below what its successor starts above (`docs/adr/0002-sqn-time-based.md`).
//! What it reads counts only as long as the lease does, by its own monotonic clock.
//!
//! | Who | Locks the row | Waits for |
//! |---|---|---|
//! | a commit | `FOR KEY SHARE`, until it has come to its end | whoever takes it, or goes into another epoch |
//! | renewing | as an update of no key does | the same: not for a commit, however long a standby lets that wait |
//! | taking, another epoch | `FOR UPDATE` | both |

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use tokio_postgres::types::ToSql;

use super::errors;
use super::server::{Server, Session};
use crate::error::EngineError;

/// How long the server holds a store for a process that is silent.
pub(super) const LEASE: Duration = Duration::from_secs(6);
/// How often that is renewed.
pub(super) const RENEW_EVERY: Duration = Duration::from_secs(2);
/// Clocks of both sides may differ in speed, and threads may stand still for a moment.
const MARGIN: Duration = Duration::from_secs(1);
/// How often somebody who waits for a silent process looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// SQL: the end of a lease from now on.
macro_rules! until {
    () => {
        "clock_timestamp() + interval '6 seconds'"
    };
}

/// SQL: the row of this number, if it is still this process's, in this epoch.
macro_rules! own {
    () => {
        "node = $1 AND holder = $2 AND epoch = $3"
    };
}

/// SQL: looks at the epoch in a transaction, and keeps others from taking the number before its end.
pub(super) const FENCE: &str = concat!("SELECT 1 FROM kaskade_lease WHERE ", own!(), " FOR KEY SHARE");
/// The same without a lock, for a fault.
pub(super) const FENCE_WITHOUT_LOCK: &str = concat!("SELECT 1 FROM kaskade_lease WHERE ", own!());
/// The same with one that renewing waits for, for a fault.
pub(super) const FENCE_AGAINST_RENEWING: &str = concat!("SELECT 1 FROM kaskade_lease WHERE ", own!(), " FOR SHARE");
const RENEW: &str = concat!("UPDATE kaskade_lease SET until = ", until!(), " WHERE ", own!());
/// SQL: waits for all transactions that have looked at it, and lets none look before this one's end.
const HOLD: &str =
    "SELECT holder, who, until::text, until > clock_timestamp() FROM kaskade_lease WHERE node = $1 FOR UPDATE";
const LOOK: &str = "SELECT holder, who, until::text, until > clock_timestamp() FROM kaskade_lease WHERE node = $1";
const TAKE: &str = concat!(
    "UPDATE kaskade_lease SET holder = $2, \
     who = $3 || coalesce(' at ' || host(inet_client_addr()), ' on its own machine'), epoch = epoch + 1, until = ",
    until!(),
    " WHERE node = $1 RETURNING epoch"
);
const NEXT_EPOCH: &str = concat!(
    "UPDATE kaskade_lease SET epoch = epoch + 1, until = ",
    until!(),
    " WHERE node = $1 AND holder = $2 RETURNING epoch"
);
const END: &str = "UPDATE kaskade_lease SET until = '-infinity', epoch = epoch + 1 WHERE node = $1 AND holder = $2";
const END_LAPSED: &str = "UPDATE kaskade_lease SET holder = '', until = '-infinity', epoch = epoch + 1 WHERE node = $1";
/// SQL: all that have or had one.
pub(super) const NODES: &str = "SELECT node, who, until > clock_timestamp() FROM kaskade_lease ORDER BY node";

/// The lease as this process has it.
pub(super) struct Lease {
    pub(super) node: i32,
    pub(super) holder: [u8; 16],
    epoch: AtomicI64,
    started: Instant,
    /// Until when it counts, in milliseconds since `started`.
    until: AtomicU64,
    /// Why nothing is read or written any more: the first reason.
    lost: OnceLock<Lost>,
}

/// Why a process does not go on with a store.
enum Lost {
    /// Somebody else has it.
    TakenOver,
    /// The server does not keep what it said is durable.
    Unreliable(String),
}

impl Lease {
    /// Takes a number. A process that has died is waited for, as long as its lease lasts; one that lives is not.
    pub(super) async fn take(
        server: &Server,
        session: &mut Session,
        node: u16,
        who: &str,
    ) -> Result<Self, EngineError> {
        let mut holder = [0; 16];
        aws_lc_rs::rand::fill(&mut holder)
            .map_err(|_| EngineError::Other("no random numbers from the system".into()))?;
        let lease = Self {
            node: if fault!("postgres-one-lease-for-all") {
                0
            } else {
                node.into()
            },
            holder,
            epoch: AtomicI64::new(0),
            started: Instant::now(),
            until: AtomicU64::new(0),
            lost: OnceLock::new(),
        };
        let mut seen: Option<(Vec<u8>, String)> = None;
        loop {
            match lease.try_take(server, session, who).await? {
                None => return Ok(lease),
                Some(Another { holder, until, who }) => {
                    let now = (holder, until);
                    if seen.as_ref().is_some_and(|seen| *seen != now) {
                        return Err(EngineError::InUse(
                            format!("{} as node {node}, by {who}", server.name.display()).into(),
                        ));
                    }
                    seen = Some(now);
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whoever else has it.
    async fn try_take(
        &self,
        server: &Server,
        session: &mut Session,
        who: &str,
    ) -> Result<Option<Another>, EngineError> {
        let said = |error: tokio_postgres::Error| server.error(&error);
        // One that lives is not disturbed: neither its commits nor its renewing wait for this.
        let row = session.client.query_opt(LOOK, &[&self.node]).await.map_err(said)?;
        if let Some(another) = row.map(|row| self.another(&row)).transpose().map_err(said)?.flatten() {
            return Ok(Some(another));
        }
        let work = session.client.transaction().await.map_err(said)?;
        work.execute(
            "INSERT INTO kaskade_lease VALUES ($1, '', '', 0, '-infinity') ON CONFLICT DO NOTHING",
            &[&self.node],
        )
        .await
        .map_err(said)?;
        let hold = if fault!("postgres-taken-beside-a-commit") {
            LOOK
        } else {
            HOLD
        };
        let row = work.query_one(hold, &[&self.node]).await.map_err(said)?;
        if let Some(another) = self.another(&row).map_err(said)? {
            return Ok(Some(another));
        }
        let begun = Instant::now();
        let row = work
            .query_one(TAKE, &[&self.node, &&self.holder[..], &who])
            .await
            .map_err(said)?;
        let epoch = row.try_get(0).map_err(said)?;
        work.commit().await.map_err(said)?;
        self.epoch.store(epoch, Ordering::Release);
        self.counts_from(begun);
        Ok(None)
    }

    /// Who has it, if it is somebody else who lives.
    fn another(&self, row: &tokio_postgres::Row) -> Result<Option<Another>, tokio_postgres::Error> {
        let (holder, lives): (Vec<u8>, bool) = (row.try_get(0)?, row.try_get(3)?);
        if !lives || holder == self.holder || fault!("postgres-lease-not-looked-at") {
            return Ok(None);
        }
        Ok(Some(Another {
            holder,
            who: row.try_get(1)?,
            until: row.try_get(2)?,
        }))
    }

    /// Goes on in a new epoch, when all that was on its way in the old one has come to its end: until then this waits.
    pub(super) async fn next_epoch(&self, server: &Server, session: &mut Session) -> Result<(), EngineError> {
        let said = |error: tokio_postgres::Error| server.error(&error);
        let work = session.client.transaction().await.map_err(said)?;
        work.query(HOLD, &[&self.node]).await.map_err(said)?;
        let begun = Instant::now();
        let row = work
            .query_opt(NEXT_EPOCH, &[&self.node, &&self.holder[..]])
            .await
            .map_err(said)?;
        let Some(row) = row else {
            return Err(self.is_lost(server));
        };
        let epoch = row.try_get(0).map_err(said)?;
        work.commit().await.map_err(said)?;
        self.epoch.store(epoch, Ordering::Release);
        self.counts_from(begun);
        Ok(())
    }

    /// Says that this process is still there; whether the number is still its own.
    pub(super) async fn renew(&self, session: &Session) -> Result<bool, tokio_postgres::Error> {
        let begun = Instant::now();
        let own: [&(dyn ToSql + Sync); 3] = [&self.node, &&self.holder[..], &self.epoch()];
        if session.client.execute(RENEW, &own).await? == 0 {
            return Ok(false);
        }
        self.counts_from(begun);
        Ok(true)
    }

    /// Whether the number is still this process's, in whichever epoch; also where the server does not say.
    pub(super) async fn is_held(&self, session: &Session) -> bool {
        let held = session
            .client
            .query(
                "SELECT 1 FROM kaskade_lease WHERE node = $1 AND holder = $2",
                &[&self.node, &&self.holder[..]],
            )
            .await;
        held.map_or(true, |rows| !rows.is_empty())
    }

    /// Gives the number back.
    pub(super) async fn end(&self, session: &Session) -> Result<u64, tokio_postgres::Error> {
        self.until.store(0, Ordering::Release);
        session.client.execute(END, &[&self.node, &&self.holder[..]]).await
    }

    pub(super) fn epoch(&self) -> i64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// It was renewed by what was sent at this moment.
    pub(super) fn counts_from(&self, begun: Instant) {
        let until = begun.saturating_duration_since(self.started) + (LEASE - MARGIN);
        self.until.fetch_max(millis(until), Ordering::AcqRel);
    }

    /// Somebody has taken it over.
    pub(super) fn is_lost(&self, server: &Server) -> EngineError {
        self.lost.get_or_init(|| Lost::TakenOver).error(server)
    }

    /// The server does not keep what it said is durable.
    pub(super) fn is_unreliable(&self, server: &Server, why: impl Into<String>) -> EngineError {
        self.lost.get_or_init(|| Lost::Unreliable(why.into())).error(server)
    }

    /// Why this process does not go on with the store, if so.
    pub(super) fn lost(&self, server: &Server) -> Option<EngineError> {
        self.lost.get().map(|lost| lost.error(server))
    }

    /// Whether what was read until now counts.
    pub(super) fn check(&self, server: &Server) -> Result<(), EngineError> {
        if let Some(lost) = self.lost(server) {
            return Err(lost);
        }
        if millis(self.started.elapsed()) < self.until.load(Ordering::Acquire) || fault!("postgres-read-without-lease")
        {
            return Ok(());
        }
        let why = "the lease has run out, and nobody could renew it";
        Err(errors::away(&server.name, why))
    }
}

impl Lost {
    fn error(&self, server: &Server) -> EngineError {
        match self {
            Self::TakenOver => EngineError::TakenOver(server.name.clone()),
            Self::Unreliable(why) => errors::unreliable(&server.name, why.as_str()),
        }
    }
}

/// Ends the lease of a node if it does not last; whether it has ended.
pub(super) async fn end_lapsed(server: &Server, session: &mut Session, node: u16) -> Result<bool, EngineError> {
    let said = |error: tokio_postgres::Error| server.error(&error);
    let node = i32::from(node);
    let work = session.client.transaction().await.map_err(said)?;
    let row = work.query_opt(HOLD, &[&node]).await.map_err(said)?;
    if let Some(row) = row {
        if row.try_get(3).map_err(said)? {
            return Ok(false);
        }
        work.execute(END_LAPSED, &[&node]).await.map_err(said)?;
    }
    work.commit().await.map_err(said)?;
    Ok(true)
}

/// Another process, which has the number.
struct Another {
    holder: Vec<u8>,
    until: String,
    who: String,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_told_the_same_length() {
        assert!(RENEW.contains(&format!("'{} seconds'", LEASE.as_secs())));
        assert!(RENEW_EVERY * 2 < LEASE - MARGIN, "one renewal may fail");
    }
}
