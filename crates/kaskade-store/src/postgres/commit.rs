//! One commit: a transaction of two flights, of which the second is sent when the first has been answered.
//!
//! The first begins, looks whether the number of the node is still this process's, and reads and locks what the units look at. The
//! second writes what they come to, and commits. All nodes lock in one order: the own lease; rows that are there, by their ids, those with
//! them that a wanted link leads to; new rows by their ids, new links by theirs; then what only this node writes, counts and serial. A link
//! is under the lock of the row that it leads to. Of two who make the same row or link the second is undone and tries again, as is
//! whom the server undoes because of a deadlock: it then sees what the first has made. Nobody cancels a commit or waits for it only so long: PostgreSQL would say that
//! it is done though no standby has it. When the connection is lost in it, or the server warns, the outcome is unknown until
//! [`Writer::recover`] has asked.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use kaskade_faults::fault;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};

use super::errors;
use super::lease::{FENCE, FENCE_AGAINST_RENEWING, FENCE_WITHOUT_LOCK, Lease};
use super::server::{Server, Session};
use super::units::{Rows, Units, Writes};
use crate::engine::{CommitFailed, Group, Serial, Table, UnitOutcome};
use crate::error::{EngineError, LOST_COMMITS};

type Parameter<'p> = &'p (dyn ToSql + Sync);

/// How often a group is tried that was undone because of somebody else: each time, another has made progress.
const ATTEMPTS: usize = 32;
/// How often a link may lead to a row that is not there until it is taken for what there is.
const LOOKS: usize = 4;
/// SQL: locks rows, those with them that links lead to, in the order of their ids.
const ROWS: &str = "SELECT id, version, ends, links FROM kaskade_row WHERE id = ANY(ARRAY(SELECT unnest($1::bytea[]) UNION \
     SELECT row_id FROM kaskade_link WHERE id = ANY($2))) ORDER BY id FOR UPDATE";
/// SQL: where links lead to, seen when the rows were locked.
const LINKS: &str = "SELECT id, row_id FROM kaskade_link WHERE id = ANY($1) ORDER BY id";

/// What writes: one connection.
pub(super) struct Writer {
    pub(super) server: Arc<Server>,
    pub(super) lease: Arc<Lease>,
    pub(super) open: Option<Open>,
    /// What became of a commit is not known yet.
    pub(super) unsettled: bool,
    /// Of each node, the last commit that is known to be durable.
    pub(super) durable: BTreeMap<u16, Serial>,
}

/// The connection, and what is sent on it.
pub(super) struct Open {
    session: Session,
    fence: Statement,
    rows: Statement,
    links: Statement,
    insert: Statement,
    update: Statement,
    delete: Statement,
    link: Statement,
    unlink: Statement,
    count: Statement,
    serial: Statement,
    absent: Statement,
}

impl Open {
    pub(super) async fn on(session: Session) -> Result<Self, Error> {
        let client = &session.client;
        Ok(Self {
            fence: client.prepare(fence()).await?,
            rows: client.prepare(ROWS).await?,
            links: client.prepare(LINKS).await?,
            insert: client
                .prepare(
                    "INSERT INTO kaskade_row (id, version, ends, links, octets) \
                     SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])",
                )
                .await?,
            update: client
                .prepare(
                    "UPDATE kaskade_row r SET version = n.version, ends = n.ends, links = n.links, octets = n.octets \
                     FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) \
                     AS n(id, version, ends, links, octets) WHERE r.id = n.id",
                )
                .await?,
            delete: client.prepare("DELETE FROM kaskade_row WHERE id = ANY($1)").await?,
            link: client
                .prepare("INSERT INTO kaskade_link (id, row_id) SELECT * FROM unnest($1::bytea[], $2::bytea[])")
                .await?,
            unlink: client.prepare("DELETE FROM kaskade_link WHERE id = ANY($1)").await?,
            count: client
                .prepare(
                    "INSERT INTO kaskade_count (node, number, rows) SELECT $1, * FROM unnest($2::integer[], $3::bigint[]) \
                     ON CONFLICT (number, node) DO UPDATE SET rows = kaskade_count.rows + excluded.rows",
                )
                .await?,
            serial: client
                .prepare(
                    "INSERT INTO kaskade_serial (node, serial) VALUES ($1, $2) \
                     ON CONFLICT (node) DO UPDATE SET serial = excluded.serial",
                )
                .await?,
            absent: client.prepare("SELECT 1 FROM kaskade_row WHERE id = ANY($1)").await?,
            session,
        })
    }
}

fn fence() -> &'static str {
    match (
        fault!("postgres-fence-without-lock"),
        fault!("postgres-fence-against-renewing"),
    ) {
        (true, _) => FENCE_WITHOUT_LOCK,
        (_, true) => FENCE_AGAINST_RENEWING,
        _ => FENCE,
    }
}

/// Why an attempt was not done.
enum Attempt {
    /// The server has undone it because of somebody else.
    Again(EngineError),
    /// It is undone, or nobody knows.
    Failed(EngineError),
}

impl Writer {
    /// Makes one commit.
    pub(super) async fn commit(&mut self, group: &Group, tables: &[Table]) -> Result<Vec<UnitOutcome>, CommitFailed> {
        if let Some(lost) = self.lease.lost(&self.server) {
            return Err(lost.into());
        }
        if self.unsettled {
            return Err(errors::away(&self.server.name, "what became of an earlier commit is not known yet").into());
        }
        let mut outcomes = Vec::new();
        for attempt in 1.. {
            let open = match self.open.take() {
                // The server may have been started again since the last commit.
                Some(open) if !open.session.client.is_closed() && self.server.is_current(&open.session) => open,
                _ => self.connect().await?,
            };
            // Until the end is known.
            self.unsettled = true;
            let (failed, known) = match self.attempt(&open, group, tables, attempt, &mut outcomes).await {
                Ok(()) => {
                    (self.unsettled, self.open) = (false, Some(open));
                    if group.serial != Serial::default() {
                        self.durable.insert(group.node, group.serial);
                    }
                    return Ok(outcomes);
                }
                Err(Attempt::Again(_)) if attempt < ATTEMPTS => {
                    self.unsettled = false;
                    if open.session.client.batch_execute("ROLLBACK").await.is_ok() {
                        self.open = Some(open);
                    }
                    continue;
                }
                Err(Attempt::Again(error)) => (error, true),
                Err(Attempt::Failed(error)) => (error, false),
            };
            self.unsettled = !known;
            // It may still wait for an answer that does not come.
            open.session.cut();
            return Err(CommitFailed {
                error: failed,
                outcomes,
            });
        }
        Err(EngineError::Failed.into())
    }

    /// It may be another machine than before, which has to have all that was durable.
    async fn connect(&self) -> Result<Open, EngineError> {
        let session = self.server.connect().await?;
        for (node, durable) in &self.durable {
            let there = serial(&self.server, &session, *node).await?;
            if there < *durable && !fault!("postgres-lost-commits-not-noticed") {
                return Err(self.lease.is_unreliable(&self.server, LOST_COMMITS));
            }
        }
        Open::on(session).await.map_err(|error| self.server.error(&error))
    }

    async fn attempt(
        &self,
        open: &Open,
        group: &Group,
        tables: &[Table],
        attempt: usize,
        outcomes: &mut Vec<UnitOutcome>,
    ) -> Result<(), Attempt> {
        let mut units = Units::new(group, tables);
        self.look(open, &mut units, attempt >= LOOKS).await?;
        *outcomes = units.run();
        let writes = units.writes();
        open.session.has_warned();
        self.write(open, group, &writes).await?;
        if open.session.has_warned() && !fault!("postgres-warning-not-heeded") {
            let why = "it warned when it said that a commit is done: no standby may have it";
            return Err(Attempt::Failed(errors::away(&self.server.name, why)));
        }
        Ok(())
    }

    /// The first flight.
    async fn look(&self, open: &Open, units: &mut Units<'_>, last_look: bool) -> Result<(), Attempt> {
        let client = &open.session.client;
        let (rows, links) = (units.wanted_rows(), units.wanted_links());
        let (epoch, holder) = (self.lease.epoch(), &self.lease.holder[..]);
        let fence: [Parameter<'_>; 3] = [&self.lease.node, &holder, &epoch];
        let (of_rows, of_links): ([Parameter<'_>; 2], [Parameter<'_>; 1]) = ([&rows, &links], [&links]);
        let linked = async {
            match links.is_empty() {
                true => Ok(Vec::new()),
                false => client.query(&open.links, &of_links).await,
            }
        };
        let (begun, fenced, rows, links) = tokio::join!(
            biased;
            client.batch_execute("BEGIN"),
            client.execute(&open.fence, &fence),
            client.query(&open.rows, &of_rows),
            linked,
        );
        begun.map_err(|error| self.undone(&error))?;
        let fenced = fenced.map_err(|error| self.undone(&error))?;
        if fenced != 1 && !fault!("postgres-fence-not-looked-at") {
            // An epoch that this process has begun without hearing of it is no other process.
            let why = match self.lease.is_held(&open.session).await {
                true => errors::away(&self.server.name, "it counts another epoch of this process"),
                false => self.lease.is_lost(&self.server),
            };
            return Err(Attempt::Failed(why));
        }
        self.saw_rows(units, &rows.map_err(|error| self.undone(&error))?)?;
        for link in &links.map_err(|error| self.undone(&error))? {
            let read = || Ok((link.try_get(0)?, link.try_get(1)?));
            let (id, row): (&[u8], &[u8]) = read().map_err(|error| self.undone(&error))?;
            units.saw_link(id, row);
        }
        if units.misses_an_owner() && !last_look {
            let why = "a link leads to a row that was made meanwhile, or to none";
            return Err(Attempt::Again(EngineError::Other(why.into())));
        }
        Ok(())
    }

    fn saw_rows(&self, units: &mut Units<'_>, rows: &[Row]) -> Result<(), Attempt> {
        for row in rows {
            let read = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
            let (id, version, ends, links): (&[u8], i64, Option<i64>, Option<&[u8]>) =
                read().map_err(|error| self.undone(&error))?;
            units.saw_row(id, version, ends, links);
        }
        Ok(())
    }

    /// The second flight.
    async fn write(&self, open: &Open, group: &Group, writes: &Writes) -> Result<(), Attempt> {
        let client = &open.session.client;
        let Writes {
            new,
            changed,
            gone,
            links_gone,
            links,
            counts,
            absent,
        } = writes;
        let (numbers, by): (Vec<i32>, Vec<i64>) = counts.iter().unzip();
        let (node, serial) = (i32::from(group.node), group.serial.0.cast_signed());
        let mut flight: Vec<(Option<usize>, Sent<'_>)> = Vec::new();
        let all: [(&Statement, usize, Vec<Parameter<'_>>); 6] = [
            (&open.delete, gone.len(), vec![gone]),
            (&open.unlink, links_gone.len(), vec![links_gone]),
            (&open.update, changed.ids.len(), columns(changed)),
            (&open.insert, new.ids.len(), columns(new)),
            (&open.link, links.0.len(), vec![&links.0, &links.1]),
            (&open.count, numbers.len(), vec![&self.lease.node, &numbers, &by]),
        ];
        for (statement, count, parameters) in all {
            if count > 0 {
                let sent = async move { client.execute(statement, &parameters).await };
                flight.push((Some(count), Box::pin(sent)));
            }
        }
        if group.serial != Serial::default() {
            let sent = async move { client.execute(&open.serial, &[&node, &serial]).await };
            flight.push((Some(1), Box::pin(sent)));
        }
        let commit = async { client.batch_execute("COMMIT").await.map(|()| 0) };
        if absent.is_empty() || fault!("postgres-made-meanwhile") {
            flight.push((None, Box::pin(commit)));
            return self.sent(flight).await;
        }
        // Nothing keeps others from making a row that is not there and is not made: whether one has is looked at behind all locks.
        self.sent(flight).await?;
        let made = client.execute(&open.absent, &[absent]).await;
        if made.map_err(|error| self.undone(&error))? != 0 {
            let why = "a row was made meanwhile that was to be absent";
            return Err(Attempt::Again(EngineError::Other(why.into())));
        }
        self.sent(vec![(None, Box::pin(commit))]).await
    }

    /// Statements at once, each with how many rows it is about.
    async fn sent(&self, flight: Vec<(Option<usize>, Sent<'_>)>) -> Result<(), Attempt> {
        let (counts, sent): (Vec<_>, Vec<_>) = flight.into_iter().unzip();
        let done = in_order(sent).await;
        // The first that fails says why; those behind it only that the transaction has failed.
        for (count, done) in counts.into_iter().zip(done) {
            let done = done.map_err(|error| self.undone(&error))?;
            if let Some(count) = count
                && count as u64 != done
                && !fault!("postgres-rows-not-counted")
            {
                // It may be committed, and the serial would say that all of it is there.
                let why = format!(
                    "a commit wrote {done} rows of {count}: something in the database changes what is written there"
                );
                return Err(Attempt::Failed(self.lease.is_unreliable(&self.server, why)));
            }
        }
        Ok(())
    }

    fn undone(&self, error: &Error) -> Attempt {
        match errors::is_to_be_repeated(error) {
            true => Attempt::Again(self.server.error(error)),
            false => Attempt::Failed(self.server.error(error)),
        }
    }

    /// Settles what is not known: when the last of what was on its way has come to its end, the serial tells.
    pub(super) async fn recover(&mut self, node: u16) -> Result<Serial, EngineError> {
        if let Some(open) = self.open.take() {
            open.session.cut();
        }
        // What came after that is not told as done.
        if let Some(lost) = self.lease.lost(&self.server) {
            return Err(lost);
        }
        let mut open = self.connect().await?;
        if !fault!("postgres-serial-asked-too-early") {
            // Its commit waits for a standby as those before it did: what is in front of it is there as well.
            open.session.has_warned();
            self.lease.next_epoch(&self.server, &mut open.session).await?;
            if open.session.has_warned() {
                return Err(errors::away(
                    &self.server.name,
                    "it warned: no standby may have the last commit",
                ));
            }
        }
        let serial = serial(&self.server, &open.session, node).await?;
        (self.open, self.unsettled) = (Some(open), false);
        self.durable.insert(node, serial);
        Ok(serial)
    }
}

/// The serial of the last commit of a node.
pub(super) async fn serial(server: &Server, session: &Session, node: u16) -> Result<Serial, EngineError> {
    let rows = session
        .client
        .query("SELECT serial FROM kaskade_serial WHERE node = $1", &[&i32::from(node)])
        .await;
    let rows = rows.map_err(|error| server.error(&error))?;
    let serial: Option<i64> = rows
        .first()
        .map(|row| row.try_get(0))
        .transpose()
        .map_err(|error| server.error(&error))?;
    Ok(Serial(serial.unwrap_or(0).cast_unsigned()))
}

fn columns(rows: &Rows) -> Vec<Parameter<'_>> {
    vec![&rows.ids, &rows.versions, &rows.ends, &rows.links, &rows.octets]
}

type Sent<'s> = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send + 's>>;

/// All of them at once, each sent behind the one before.
async fn in_order(mut sent: Vec<Sent<'_>>) -> Vec<Result<u64, Error>> {
    let mut done: Vec<Option<Result<u64, Error>>> = sent.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (sent, done) in sent.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(outcome) = sent.as_mut().poll(context)
            {
                *done = Some(outcome);
            }
        }
        match done.iter().all(Option::is_some) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
