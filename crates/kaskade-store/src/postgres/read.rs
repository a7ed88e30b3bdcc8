//! Reading: what is asked for at one moment goes to the server as one question.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_postgres::{Error, Row as Found, Statement};

use super::errors;
use super::ids::{link_id, parts, row_id};
use super::lease::Lease;
use super::server::{REPLACED, Server, Session};
use super::units::expires_of;
use crate::engine::{Row, Table, Version, Wanted};
use crate::error::EngineError;

/// How long an answer to a question may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long after a failed attempt nobody tries to reach the server again: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How many rows go into one question, if more than one asker has them.
const TOGETHER: usize = 256;
/// SQL: rows by their names.
pub(super) const ROWS: &str = "SELECT id, version, ends, octets FROM kaskade_row WHERE id = ANY($1)";

/// A row for each that is wanted.
pub(super) type Answer = Result<Vec<Option<Row>>, EngineError>;

/// Rows that somebody waits for.
pub(super) struct Ask {
    wanted: Vec<Name>,
    answer: oneshot::Sender<Answer>,
}

/// By what a row is wanted.
pub(super) enum Name {
    Row(Table, Vec<u8>),
    Link(Table, Vec<u8>),
}

impl Name {
    pub(super) fn of(wanted: &Wanted<'_>) -> Self {
        match *wanted {
            Wanted::Key(table, key) => Self::Row(table, row_id(table, key)),
            Wanted::Link(table, index, octets) => Self::Link(table, link_id(table, index, octets)),
        }
    }
}

impl Ask {
    pub(super) fn new(wanted: &[Wanted<'_>]) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        let wanted = wanted.iter().map(Name::of).collect();
        (Self { wanted, answer }, answered)
    }
}

/// Where all readers take what is asked for.
pub(super) type Asked = Arc<Mutex<mpsc::Receiver<Ask>>>;

/// One of those that read: a connection.
pub(super) struct Reader {
    pub(super) server: Arc<Server>,
    pub(super) lease: Arc<Lease>,
    pub(super) asked: Asked,
}

/// A connection, and what is asked on it.
struct Open {
    session: Session,
    rows: Statement,
    both: Statement,
}

impl Open {
    async fn on(server: &Server) -> Result<Self, EngineError> {
        let session = server.connect().await?;
        let prepared = async {
            let rows = session.client.prepare(ROWS).await?;
            // One statement, one moment.
            let both = session
                .client
                .prepare(
                    "SELECT id, version, ends, octets, NULL::bytea FROM kaskade_row WHERE id = ANY($1) UNION ALL \
                     SELECT r.id, r.version, r.ends, r.octets, l.id FROM kaskade_link l JOIN kaskade_row r ON r.id = l.row_id \
                     WHERE l.id = ANY($2)",
                )
                .await?;
            Ok::<_, Error>((rows, both))
        };
        let (rows, both) = prepared.await.map_err(|error| server.error(&error))?;
        Ok(Self { session, rows, both })
    }
}

/// While the server is away.
struct Away {
    until: Instant,
    pause: Duration,
    why: String,
}

impl Reader {
    /// Reads until nobody asks any more.
    pub(super) async fn run(self) {
        let (mut open, mut away): (Option<Open>, Option<Away>) = (None, None);
        loop {
            let Some(asks) = self.next().await else { return };
            // Nobody waits for what is known to fail.
            if let Some(away) = away.as_ref().filter(|away| Instant::now() < away.until) {
                answer_all(asks, || errors::away(&self.server.name, away.why.clone()));
                continue;
            }
            let had = open.is_some();
            let mut read = self.read(&mut open, &asks).await;
            if had && read.is_err() && open.is_none() {
                // The server may have been started again meanwhile.
                read = self.read(&mut open, &asks).await;
            }
            match read {
                Ok(rows) => {
                    away = None;
                    for (ask, rows) in asks.into_iter().zip(rows) {
                        // Who asked may be gone.
                        let _ = ask.answer.send(Ok(rows));
                    }
                }
                Err(error) => {
                    let pause = away.map_or(PAUSE.0, |away| (away.pause * 2).min(PAUSE.1));
                    away = open.is_none().then(|| Away {
                        until: Instant::now() + pause,
                        pause,
                        why: why(&error),
                    });
                    answer_all(asks, || errors::same(&error));
                }
            }
        }
    }

    /// What waits, as far as one question can have it.
    async fn next(&self) -> Option<Vec<Ask>> {
        let mut asked = self.asked.lock().await;
        let first = asked.recv().await?;
        let mut count = first.wanted.len();
        let mut asks = vec![first];
        while count < TOGETHER
            && let Ok(ask) = asked.try_recv()
        {
            count += ask.wanted.len();
            asks.push(ask);
        }
        Some(asks)
    }

    async fn read(&self, open: &mut Option<Open>, asks: &[Ask]) -> Result<Vec<Vec<Option<Row>>>, EngineError> {
        let on = match open.take() {
            Some(on) => on,
            None => match timeout(PATIENCE, Open::on(&self.server)).await {
                Ok(opened) => opened?,
                Err(_) => return Err(errors::away(&self.server.name, "no answer")),
            },
        };
        let (mut rows, mut links) = (Vec::new(), Vec::new());
        for name in asks.iter().flat_map(|ask| &ask.wanted) {
            match name {
                Name::Row(_, id) => rows.push(id.as_slice()),
                Name::Link(_, id) => links.push(id.as_slice()),
            }
        }
        let client = &on.session.client;
        let found = match links.is_empty() {
            true => timeout(PATIENCE, client.query(&on.rows, &[&rows])).await,
            false => timeout(PATIENCE, client.query(&on.both, &[&rows, &links])).await,
        };
        let found = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                if !on.session.client.is_closed() {
                    *open = Some(on);
                }
                return Err(self.server.error(&error));
            }
            Err(_) => {
                on.session.cut();
                return Err(errors::away(&self.server.name, "no answer"));
            }
        };
        if !self.server.is_current(&on.session) {
            return Err(errors::away(&self.server.name, REPLACED));
        }
        let linked = !links.is_empty();
        let read = Answers::of(&found, linked).map_err(|error| self.server.error(&error));
        *open = Some(on);
        let read = read?;
        self.lease.check(&self.server)?;
        let of = |ask: &Ask| ask.wanted.iter().map(|name| read.row(name)).collect();
        Ok(asks.iter().map(of).collect())
    }
}

/// What the server has answered, by the names that were asked for.
#[derive(Default)]
pub(super) struct Answers {
    rows: HashMap<Vec<u8>, Row>,
    links: HashMap<Vec<u8>, Row>,
}

impl Answers {
    pub(super) fn of(found: &[Found], linked: bool) -> Result<Self, Error> {
        let mut answers = Self::default();
        for found in found {
            let link: Option<&[u8]> = if linked { found.try_get(4)? } else { None };
            // Its table is said by who asks for it.
            let row = row_of(Table::META, found)?;
            match link {
                Some(link) => answers.links.insert(link.to_vec(), row),
                None => answers.rows.insert(found.try_get(0)?, row),
            };
        }
        Ok(answers)
    }

    pub(super) fn row(&self, name: &Name) -> Option<Row> {
        let (table, found) = match name {
            Name::Row(table, id) => (*table, self.rows.get(id)),
            Name::Link(table, id) => (*table, self.links.get(id)),
        };
        found.map(|row| Row { table, ..row.clone() })
    }
}

/// A row out of the columns id, version, ends, octets.
pub(super) fn row_of(table: Table, found: &Found) -> Result<Row, Error> {
    let id: &[u8] = found.try_get(0)?;
    let (version, ends): (i64, Option<i64>) = (found.try_get(1)?, found.try_get(2)?);
    let octets: &[u8] = found.try_get(3)?;
    Ok(Row {
        table,
        key: parts(id).map_or(&[][..], |(_, key)| key).into(),
        version: Version(version.cast_unsigned()),
        expires: ends.map_or(0, expires_of),
        octets: octets.into(),
    })
}

fn answer_all(asks: Vec<Ask>, mut error: impl FnMut() -> EngineError) {
    for ask in asks {
        let _ = ask.answer.send(Err(error()));
    }
}

fn why(error: &EngineError) -> String {
    match error {
        EngineError::Away { why, .. } => why.clone(),
        error => error.to_string(),
    }
}
