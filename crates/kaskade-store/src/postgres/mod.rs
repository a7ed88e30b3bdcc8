//! An engine on PostgreSQL, for whoever wants several machines behind one store: plain SQL, and no code in the server.
//!
//! | Module | What |
//! |---|---|
//! | `server`, `tls` | which database it is, and connections to it |
//! | `schema` | its tables, and how they come to be |
//! | `ids` | names of rows and links: each begins with a hash of the SUPI |
//! | `lease` | one process at a time is a node |
//! | `read` | what many ask for at one moment is one question |
//! | `near` | what one thread asks for that waits for it |
//! | `units`, `commit` | a group of units is one transaction |
//! | `standbys` | who follows the server |
//! | `errors` | what server and system say, in the words of an engine |
//!
//! Nothing is at hand: [`Engine::peek`] says so, and whoever wants a row waits for it. Who blocks for that in a task of tokio's gives nothing back
//! to its runtime meanwhile, so the futures are outside of what a task may do at a time (`unconstrained`): without that they would be woken for ever.
//! All connections but that of `near` are driven by one thread of the
//! engine's own, so that its futures are anybody's, and none of them, dropped, leaves a commit half done. `docs/adr/0024-postgresql.md` says
//! why it is so, `docs/postgresql.md` how it is set up.

mod commit;
mod errors;
mod ids;
mod lease;
mod near;
mod read;
mod schema;
mod server;
mod standbys;
mod tls;
mod units;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kaskade_faults::fault;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::{AbortHandle, unconstrained};
use tokio::time::{sleep, timeout};
use tokio_postgres::types::ToSql;

use crate::engine::{
    BoxFuture, CommitFailed, Conflict, Cursor, Engine, Group, NodeLease, Peek, Portable, Row, Serial, Stored, Table,
    UnitOutcome, Value, Wanted, WholeRows,
};
use crate::error::EngineError;
use commit::Writer;
use ids::{PLACE_LEN, above_all};
use lease::{Lease, RENEW_EVERY};
use near::Near;
use read::{Ask, PATIENCE, Reader};
pub use schema::Migrated;
pub use server::{NoServer, PostgresOptions};
use server::{REPLACED, Server, Session};
use standbys::STANDBYS;
pub use standbys::Standby;
use units::end_of;

/// How many connections read.
const READERS: usize = 2;
/// How many who ask may wait for a connection.
const ASKING: usize = 4096;
/// How long a page may take: some are of tables without a row to show.
const PATIENCE_FOR_PAGES: Duration = Duration::from_secs(30);
/// How long the end of a process waits until the server knows of it.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(2);
/// What the connection that renews the lease waits for: no standby, and nobody who has the row for long.
const OF_THE_KEEPER: &str = "SET synchronous_commit = local; SET lock_timeout = '2s'";

/// A store in PostgreSQL, as one of its nodes. Only one process is that at a time.
pub struct PostgresEngine {
    server: Arc<Server>,
    lease: Arc<Lease>,
    /// Those that rows may be in.
    tables: RwLock<Vec<Table>>,
    asks: mpsc::Sender<Ask>,
    near: Option<Arc<Near>>,
    writer: Arc<Mutex<Writer>>,
    /// Asks for pages and numbers.
    others: Arc<Mutex<Option<Session>>>,
    driver: Driver,
    keeper: AbortHandle,
}

/// The thread that drives the connections.
struct Driver {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Driver {
    fn start() -> Result<Self, EngineError> {
        let other = |error: std::io::Error| EngineError::Other(error.to_string());
        let runtime = Builder::new_current_thread().enable_all().build().map_err(other)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("store-postgres".into());
        let thread = thread.spawn(move || {
            // Ends when its owner is dropped, too.
            let _ = runtime.block_on(stopped);
            // A name that is being looked up keeps nobody.
            runtime.shutdown_background();
        });
        Ok(Self {
            handle,
            stop: Some(stop),
            thread: Some(thread.map_err(other)?),
        })
    }

    /// Does it on that thread, to its end, whether or not anybody waits for it.
    fn run<T, F>(&self, work: F) -> impl Future<Output = Result<T, EngineError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let done = self.handle.spawn(work);
        unconstrained(async move {
            done.await
                .map_err(|error| EngineError::Other(format!("the connections ended: {error}")))
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Makes the tables of a store, or brings those of an earlier program to this one's version. Blocks.
///
/// # Errors
/// When the server is away, refuses, or a newer program has made them.
pub fn migrate(options: &PostgresOptions) -> Result<Migrated, EngineError> {
    let (driver, server) = (Driver::start()?, Server::new(options)?);
    pollster::block_on(driver.run(async move { schema::migrate(&server).await }))?
}

impl PostgresEngine {
    /// Opens a store as the node of the options, and is that from then on: another process that is the same node is not waited for, one that has
    /// died is until its lease has run out, six seconds at most. Blocks.
    ///
    /// # Errors
    /// [`EngineError::Away`] while the server cannot be reached, [`EngineError::Refused`] when it does not let this user in, has no
    /// tables, or those of a newer program; [`EngineError::InUse`] when another process is this node.
    pub fn open(options: &PostgresOptions) -> Result<Self, EngineError> {
        let driver = Driver::start()?;
        let server = Arc::new(Server::new(options)?);
        let (node, who) = (options.node, format!("process {}", std::process::id()));
        let opening = {
            let server = Arc::clone(&server);
            async move {
                let mut session = server.connect().await?;
                schema::check(&server, &session).await?;
                let lease = Lease::take(&server, &mut session, node, &who).await?;
                Ok::<_, EngineError>((lease, session))
            }
        };
        let (lease, session) = pollster::block_on(driver.run(opening))??;
        let lease = Arc::new(lease);
        let (asks, asked) = mpsc::channel(ASKING);
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..READERS {
            let reader = Reader {
                server: Arc::clone(&server),
                lease: Arc::clone(&lease),
                asked: Arc::clone(&asked),
            };
            driver.handle.spawn(reader.run());
        }
        let keeper = driver.handle.spawn(keep(Arc::clone(&server), Arc::clone(&lease)));
        let writer = Writer {
            server: Arc::clone(&server),
            lease: Arc::clone(&lease),
            open: None,
            unsettled: false,
            durable: BTreeMap::new(),
        };
        Ok(Self {
            near: Near::to(&server, &lease),
            server,
            lease,
            tables: RwLock::new(Vec::new()),
            asks,
            writer: Arc::new(Mutex::new(writer)),
            others: Arc::new(Mutex::new(Some(session))),
            driver,
            keeper: keeper.abort_handle(),
        })
    }

    /// What errors call it.
    pub fn name(&self) -> &std::path::Path {
        &self.server.name
    }

    /// The standbys that are connected to the server, or `None` where its user may not see them. Blocks.
    ///
    /// # Errors
    /// When reading fails.
    pub fn standbys(&self) -> Result<Option<Vec<Standby>>, EngineError> {
        let found = pollster::block_on(self.ask(STANDBYS, Vec::new()))?;
        let standbys = found
            .iter()
            .map(|row| Standby::of(row).map_err(|error| self.error(&error)));
        standbys.collect()
    }

    fn tables(&self) -> Vec<Table> {
        let declared = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        Table::PLAIN.iter().chain(&*declared).copied().collect()
    }

    /// Asks for something that is no row by its name.
    async fn ask(&self, sql: &'static str, parameters: Parameters) -> Result<Vec<tokio_postgres::Row>, EngineError> {
        let (server, lease, others) = (self.server.clone(), self.lease.clone(), self.others.clone());
        let asking = async move {
            let mut others = others.lock().await;
            let had = others.is_some();
            let mut found = ask_on(&mut others, &server, sql, &parameters).await;
            if had && found.is_err() && others.is_none() {
                // The server may have been started again meanwhile.
                found = ask_on(&mut others, &server, sql, &parameters).await;
            }
            let found = found?;
            lease.check(&server)?;
            Ok(found)
        };
        self.driver.run(asking).await?
    }

    fn error(&self, error: &tokio_postgres::Error) -> EngineError {
        self.server.error(error)
    }
}

type Parameters = Vec<Box<dyn ToSql + Sync + Send>>;

async fn ask_on(
    session: &mut Option<Session>,
    server: &Server,
    sql: &str,
    parameters: &Parameters,
) -> Result<Vec<tokio_postgres::Row>, EngineError> {
    let on = match session.take() {
        Some(on) => on,
        None => server.connect().await?,
    };
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|one| &**one as &(dyn ToSql + Sync)).collect();
    match timeout(PATIENCE_FOR_PAGES, on.client.query(sql, &parameters)).await {
        Ok(found) => {
            if !server.is_current(&on) {
                return Err(errors::away(&server.name, REPLACED));
            }
            if !on.client.is_closed() {
                *session = Some(on);
            }
            found.map_err(|error| server.error(&error))
        }
        Err(_) => {
            on.cut();
            Err(errors::away(&server.name, "no answer"))
        }
    }
}

/// Says again and again that this process is there.
async fn keep(server: Arc<Server>, lease: Arc<Lease>) {
    let mut session: Option<Session> = None;
    loop {
        sleep(RENEW_EVERY).await;
        let on = match session.take().filter(|on| server.is_current(on)) {
            Some(on) => on,
            None => {
                let Ok(on) = server.connect().await else { continue };
                match timeout(PATIENCE, on.client.batch_execute(OF_THE_KEEPER)).await {
                    Ok(Ok(())) => on,
                    _ => continue,
                }
            }
        };
        let renewed = timeout(PATIENCE, lease.renew(&on)).await;
        if lease.lost(&server).is_some() {
            return;
        }
        match renewed {
            Ok(Ok(true)) => session = Some(on),
            // A commit goes into a new epoch meanwhile, or somebody has taken the number: that commit tells.
            Ok(Ok(false)) => match lease.is_held(&on).await {
                true => session = Some(on),
                false => {
                    lease.is_lost(&server);
                    return;
                }
            },
            Ok(Err(_)) if !on.client.is_closed() => session = Some(on),
            Ok(Err(_)) => {}
            Err(_) => on.cut(),
        }
    }
}

impl Engine for PostgresEngine {
    fn declare(&self, tables: &[Table]) -> Result<(), EngineError> {
        let mut declared = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        declared.extend(tables);
        declared.sort();
        declared.dedup();
        Ok(())
    }

    fn peek(&self, _: Table, _: &[u8], _: &mut dyn FnMut(Stored<'_>)) -> Peek {
        Peek::NotHere
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> BoxFuture<'a, Result<Vec<Option<Row>>, EngineError>> {
        let reading = async move {
            if wanted.is_empty() {
                return Ok(Vec::new());
            }
            let (ask, answered) = Ask::new(wanted);
            let ended = || EngineError::Other("the connections ended".into());
            self.asks.send(ask).await.map_err(|_| ended())?;
            answered.await.map_err(|_| ended())?
        };
        match fault!("postgres-answers-within-a-budget") {
            true => Box::pin(reading),
            false => Box::pin(unconstrained(reading)),
        }
    }

    fn read_blocking(&self, wanted: &[Wanted<'_>]) -> Result<Vec<Option<Row>>, EngineError> {
        let near = self.near.as_ref();
        near.and_then(|near| near.read(wanted, &self.driver.handle))
            .unwrap_or_else(|| pollster::block_on(self.read(wanted)))
    }

    fn page<'a>(&'a self, from: Cursor<'a>, limit: usize) -> BoxFuture<'a, Result<Vec<Row>, EngineError>> {
        Box::pin(async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let tables = self.tables();
            let (sql, parameters): (_, Parameters) = match from {
                Cursor::Keys { table, after, prefix } => {
                    let (from, to) = between(&table.number().to_be_bytes(), after, prefix);
                    (KEYS, vec![Box::new(from), Box::new(to), Box::new(limit)])
                }
                Cursor::Links {
                    table,
                    index,
                    after,
                    prefix,
                } => {
                    let before = [&table.number().to_be_bytes()[..], &[index]].concat();
                    let (from, to) = between(&before, after, prefix);
                    (LINKS, vec![Box::new(from), Box::new(to), Box::new(limit)])
                }
                Cursor::Expired { now, after } => {
                    let (end, name) = match after {
                        Some((end, table, key)) => (end_of(end), [&table.number().to_be_bytes()[..], key].concat()),
                        None => (i64::MIN, Vec::new()),
                    };
                    let numbers: Vec<_> = tables
                        .iter()
                        .map(|table| table.number().to_be_bytes().to_vec())
                        .collect();
                    let parameters: Parameters = vec![
                        Box::new(end_of(now)),
                        Box::new(end),
                        Box::new(name),
                        Box::new(numbers),
                        Box::new(limit),
                    ];
                    (EXPIRED, parameters)
                }
            };
            let mut rows = Vec::new();
            for found in self.ask(sql, parameters).await? {
                let id: &[u8] = found.try_get(0).map_err(|error| self.error(&error))?;
                let number = ids::parts(id).map_or(0, |(number, _)| number);
                let table = match from {
                    Cursor::Keys { table, .. } | Cursor::Links { table, .. } => Some(table),
                    Cursor::Expired { .. } => tables.iter().find(|table| table.number() == number).copied(),
                };
                if let Some(table) = table {
                    rows.push(read::row_of(table, &found).map_err(|error| self.error(&error))?);
                }
            }
            Ok(rows)
        })
    }

    fn len(&self, table: Table) -> BoxFuture<'_, Result<u64, EngineError>> {
        Box::pin(async move {
            let found = self.ask(COUNT, vec![Box::new(i32::from(table.number()))]).await?;
            let rows: Option<Option<i64>> = found
                .first()
                .map(|row| row.try_get(0))
                .transpose()
                .map_err(|error| self.error(&error))?;
            let rows = rows.flatten();
            Ok(u64::try_from(rows.unwrap_or(0)).unwrap_or(0))
        })
    }

    fn is_empty(&self) -> Result<bool, EngineError> {
        let found = pollster::block_on(self.ask(EMPTY, Vec::new()))?;
        let empty = found.first().map(|row| row.try_get(0)).transpose();
        Ok(empty.map_err(|error| self.error(&error))?.unwrap_or(false))
    }

    /// Nothing of it is damaged where somebody else has taken it over, or the server does not keep it: but nothing is read or written any
    /// more.
    fn damage(&self) -> Option<EngineError> {
        self.lease.lost(&self.server)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn node(&self) -> Option<u16> {
        u16::try_from(self.lease.node).ok()
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeLease>, EngineError>> {
        Box::pin(async move {
            let of = |row: &tokio_postgres::Row| {
                let node: i32 = row.try_get(0)?;
                Ok(NodeLease {
                    node: u16::try_from(node).unwrap_or(u16::MAX),
                    who: row.try_get(1)?,
                    lives: row.try_get(2)?,
                })
            };
            let found = self.ask(lease::NODES, Vec::new()).await?;
            let nodes: Result<_, _> = found.iter().map(of).collect();
            nodes.map_err(|error| self.error(&error))
        })
    }

    fn end_lapsed(&self, node: u16) -> BoxFuture<'_, Result<bool, EngineError>> {
        let server = Arc::clone(&self.server);
        let ended = self.driver.run(async move {
            let mut session = server.connect().await?;
            lease::end_lapsed(&server, &mut session, node).await
        });
        Box::pin(async move { ended.await? })
    }

    fn commit(&self, group: Group) -> BoxFuture<'_, Result<Vec<UnitOutcome>, CommitFailed>> {
        let (writer, tables) = (Arc::clone(&self.writer), self.tables());
        let committed = self
            .driver
            .run(async move { writer.lock().await.commit(&group, &tables).await });
        Box::pin(async move { committed.await? })
    }

    fn serial(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        Box::pin(async move {
            let found = self.ask(SERIAL, vec![Box::new(i32::from(node))]).await?;
            let serial: Option<i64> = found
                .first()
                .map(|row| row.try_get(0))
                .transpose()
                .map_err(|error| self.error(&error))?;
            Ok(Serial(serial.unwrap_or(0).cast_unsigned()))
        })
    }

    fn recover(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        let writer = Arc::clone(&self.writer);
        let recovered = self.driver.run(async move { writer.lock().await.recover(node).await });
        Box::pin(async move { recovered.await? })
    }
}

impl Portable for PostgresEngine {
    fn whole(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<WholeRows, EngineError> {
        let (from, to) = between(&table.number().to_be_bytes(), after, &[]);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = pollster::block_on(self.ask(WHOLE, vec![Box::new(from), Box::new(to), Box::new(limit)]))?;
        let damaged = || EngineError::Other(Conflict::Damaged(table.name()).to_string());
        let rows = found.iter().map(|found| {
            let row = read::row_of(table, found).map_err(|error| self.error(&error))?;
            let links: Option<&[u8]> = found.try_get(4).map_err(|error| self.error(&error))?;
            let value = Value {
                octets: row.octets,
                expires: row.expires,
                links: links
                    .map_or(Some(Vec::new()), units::decode_links)
                    .ok_or_else(damaged)?,
            };
            Ok((row.key, value))
        });
        rows.collect()
    }

    fn has_besides(&self, tables: &[Table]) -> Result<Option<String>, EngineError> {
        let known: Vec<_> = tables.iter().map(|table| i32::from(table.number())).collect();
        let found = pollster::block_on(self.ask(BESIDES, vec![Box::new(known)]))?;
        let number = found.first().map(|row| row.try_get::<_, i32>(0)).transpose();
        let number = number.map_err(|error| self.error(&error))?;
        Ok(number.map(|number| format!("number {number}")))
    }
}

/// SQL: whether nothing is there, nor left of what was: links, numbers of rows.
const EMPTY: &str = "SELECT NOT EXISTS (SELECT 1 FROM kaskade_row) AND NOT EXISTS (SELECT 1 FROM kaskade_link) \
     AND NOT EXISTS (SELECT 1 FROM kaskade_count GROUP BY number HAVING sum(rows) <> 0)";
/// SQL: rows of a table with their links, in the order of their keys.
const WHOLE: &str = "SELECT id, version, ends, octets, links FROM kaskade_row WHERE substr(id, 5) >= $1 AND substr(id, 5) < $2 \
     ORDER BY substr(id, 5) LIMIT $3";
/// SQL: a table that has rows and is none of these.
const BESIDES: &str =
    "SELECT number FROM kaskade_count WHERE NOT number = ANY($1) GROUP BY number HAVING sum(rows) > 0 LIMIT 1";
/// SQL: rows of a table, in the order of their keys.
const KEYS: &str = "SELECT id, version, ends, octets FROM kaskade_row WHERE substr(id, 5) >= $1 AND substr(id, 5) < $2 \
     ORDER BY substr(id, 5) LIMIT $3";
/// SQL: rows in the order of the links that lead to them.
const LINKS: &str = "SELECT r.id, r.version, r.ends, r.octets FROM kaskade_link l JOIN kaskade_row r ON r.id = l.row_id \
     WHERE substr(l.id, 5) >= $1 AND substr(l.id, 5) < $2 ORDER BY substr(l.id, 5) LIMIT $3";
/// SQL: rows that have come to their end, the oldest first.
const EXPIRED: &str = "SELECT id, version, ends, octets FROM kaskade_row WHERE ends <= $1 AND (ends, substr(id, 5)) > ($2, $3) \
     AND substr(id, 5, 2) = ANY($4) ORDER BY ends, substr(id, 5) LIMIT $5";
const COUNT: &str = "SELECT sum(rows)::bigint FROM kaskade_count WHERE number = $1";
const SERIAL: &str = "SELECT serial FROM kaskade_serial WHERE node = $1";
const _: () = assert!(PLACE_LEN + 1 == 5, "where a name without its place begins, in SQL");

/// From where to where names go that begin with `before` and `prefix` and lie above `after`.
fn between(before: &[u8], after: Option<&[u8]>, prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let begin = [before, prefix].concat();
    let to = above_all(&begin);
    // The next one above is that with a 0 behind.
    let from = after.map(|after| [before, after, &[0]].concat());
    (from.map_or(begin.clone(), |from| from.max(begin)), to)
}

/// The next process need not wait until the lease runs out.
impl Drop for PostgresEngine {
    fn drop(&mut self) {
        self.keeper.abort();
        let (server, lease, writer) = (self.server.clone(), self.lease.clone(), self.writer.clone());
        if self.lease.lost(&server).is_some() {
            return;
        }
        let ending = async move {
            // Behind a commit that is on its way.
            let _writer = writer.lock().await;
            if let Ok(session) = server.connect().await {
                let _ = lease.end(&session).await;
            }
        };
        let (done, ended) = std::sync::mpsc::channel();
        self.driver.handle.spawn(async move {
            let _ = timeout(PATIENCE_AT_THE_END, ending).await;
            let _ = done.send(());
        });
        let _ = ended.recv_timeout(PATIENCE_AT_THE_END * 2);
    }
}
