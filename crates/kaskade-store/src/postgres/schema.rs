//! The tables, and how those of an earlier version become those of this one.
//!
//! ```text
//! kaskade_row      rows: id (see `ids`), version, end, links (as a row has them, to give them up), what it says
//! kaskade_link     links: id, the row that it leads to
//! kaskade_count    how many rows each table has: the sum of what each node has made and removed
//! kaskade_serial   the last commit of each node
//! kaskade_lease    the process that is each node
//! kaskade_schema   the version of all this: one row
//! ```
//!
//! Numbers of 64 bits without a sign are bigints of the same bits; an end is a bigint of the same order, 2^63 less. The plain names are found
//! by `search_path`, so that a database can have several stores.

use std::path::Path;

use kaskade_faults::fault;

use super::errors;
use super::server::{Server, Session};
use crate::error::EngineError;

/// What makes the next version of the one before; the first of nothing.
const STEPS: [&str; 2] = [
    // Rows change in place where their page has room: no index has what changes often.
    "CREATE TABLE kaskade_row (id bytea PRIMARY KEY, version bigint NOT NULL, ends bigint, links bytea, octets bytea NOT NULL) \
         WITH (fillfactor = 80);
     CREATE INDEX kaskade_row_in_order ON kaskade_row (substr(id, 5));
     CREATE INDEX kaskade_row_ends ON kaskade_row (ends, substr(id, 5)) WHERE ends IS NOT NULL;
     CREATE TABLE kaskade_link (id bytea PRIMARY KEY, row_id bytea NOT NULL);
     CREATE INDEX kaskade_link_in_order ON kaskade_link (substr(id, 5));
     CREATE TABLE kaskade_count (number integer PRIMARY KEY, rows bigint NOT NULL);
     CREATE TABLE kaskade_serial (node integer PRIMARY KEY, serial bigint NOT NULL);
     CREATE TABLE kaskade_lease (one integer PRIMARY KEY, holder bytea NOT NULL, who text NOT NULL, epoch bigint NOT NULL, \
         until timestamptz NOT NULL);",
    // Several nodes: each has a lease, and counts for itself, so that no commit waits for another's that counts.
    "ALTER TABLE kaskade_lease RENAME COLUMN one TO node;
     ALTER TABLE kaskade_count ADD COLUMN node integer NOT NULL DEFAULT 0;
     ALTER TABLE kaskade_count ALTER COLUMN node DROP DEFAULT;
     ALTER TABLE kaskade_count DROP CONSTRAINT kaskade_count_pkey;
     ALTER TABLE kaskade_count ADD PRIMARY KEY (number, node);",
];

/// The version that this program writes.
pub(super) const KNOWN: i32 = 2;

/// From which version to which the tables were brought; 0 where there were none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// What was there.
    pub from: i32,
    /// What is there now.
    pub to: i32,
}

/// Makes the tables, or brings them to this version.
pub(super) async fn migrate(server: &Server) -> Result<Migrated, EngineError> {
    let mut session = server.connect().await?;
    let said = |error: tokio_postgres::Error| server.error(&error);
    let work = session.client.transaction().await.map_err(said)?;
    work.batch_execute(
        "CREATE TABLE IF NOT EXISTS kaskade_schema (one integer PRIMARY KEY, version integer NOT NULL);
         INSERT INTO kaskade_schema VALUES (0, 0) ON CONFLICT DO NOTHING;",
    )
    .await
    .map_err(said)?;
    // Two at once: the second finds what the first has made.
    let row = work
        .query_one("SELECT version FROM kaskade_schema WHERE one = 0 FOR UPDATE", &[])
        .await
        .map_err(said)?;
    let from: i32 = row.try_get(0).map_err(said)?;
    if from > KNOWN {
        return Err(newer(&server.name, from));
    }
    for step in STEPS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        work.batch_execute(step).await.map_err(said)?;
    }
    work.execute("UPDATE kaskade_schema SET version = $1 WHERE one = 0", &[&KNOWN])
        .await
        .map_err(said)?;
    work.commit().await.map_err(said)?;
    Ok(Migrated { from, to: KNOWN })
}

/// Whether the tables are of this version.
pub(super) async fn check(server: &Server, session: &Session) -> Result<(), EngineError> {
    let rows = session
        .client
        .query("SELECT version FROM kaskade_schema WHERE one = 0", &[])
        .await;
    let rows = rows.map_err(|error| server.error(&error))?;
    let found = rows.first().map_or(Ok(0), |row| row.try_get(0));
    match found.map_err(|error| server.error(&error))? {
        KNOWN => Ok(()),
        found if found > KNOWN && !fault!("postgres-newer-schema-taken") => Err(newer(&server.name, found)),
        found if found > KNOWN => Ok(()),
        found => Err(errors::refused(
            &server.name,
            format!("its tables are of version {found}, this program needs {KNOWN}: run `kaskade store migrate`"),
        )),
    }
}

fn newer(server: &Path, found: i32) -> EngineError {
    errors::refused(
        server,
        format!("its tables are of version {found}, this program knows up to {KNOWN}: a newer one made them, run that"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_a_step() {
        assert_eq!(usize::try_from(KNOWN), Ok(STEPS.len()));
    }
}
