//! What the store asks of an engine: few operations, with strict promises.
//!
//! An engine keeps tables of rows. A row has a key, octets, a version, perhaps an end and perhaps links: other keys by which it
//! is found. What the octets mean is the records' matter, and engines never look into them.
//!
//! | Call | Promise |
//! |---|---|
//! | [`Engine::peek`] | answers at once, or says that the row is not at hand |
//! | [`Engine::read`] | many rows, by key or by link |
//! | [`Engine::page`] | rows in the order of their keys, or of their ends |
//! | [`Engine::commit`] | many units in one go, with an outcome for each; a conflict of one never fails another |
//! | [`Engine::serial`], [`Engine::recover`] | which commit is the last that is durable; after a failure: in order again |
//! | [`Engine::is_shared`], [`Engine::nodes`] | whether several processes write at once, and which there are |
//! | [`Portable::whole`] | rows with all that they are, for a copy in another engine |
//!
//! The suite `kaskade_testkit::conformance` checks these promises for any engine; the last one, of those that have it, the tests of [`crate::copy`].

pub mod check;

use std::future::Future;
use std::pin::Pin;

pub use kaskade_flow::record::{Expect, Version};

use crate::error::EngineError;

/// An answer that may come later. The embedded engine's is there when it is first asked for.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A table, named by its number and by its name: both are for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Table {
    number: u16,
    name: &'static str,
    plain: bool,
}

impl Table {
    /// Format, sealed data key, clock marks: what a store knows of itself.
    pub const META: Self = Self::plain(0, "meta");
    /// Of formats 1 and 2: sequence numbers, and K sealed.
    pub const SUBSCRIBERS: Self = Self::plain(1, "subscribers");
    /// Of formats 1 and 2: sequence numbers of subscribers of the first version that were removed or replaced, without their
    /// credentials.
    pub const REMOVED: Self = Self::plain(2, "removed");
    /// Of format 2: sequence numbers of lives that are over: of a SUPI with credentials that it has no more.
    pub const LIVES: Self = Self::plain(3, "lives");

    /// Messages that wait until they are delivered.
    pub const OUTBOX: Self = Self::new(14, "outbox");
    /// Events that are not in the audit log yet.
    pub const EVENTS: Self = Self::new(15, "events");

    /// Those of every store, of whichever format.
    pub const PLAIN: [Self; 4] = [Self::SUBSCRIBERS, Self::REMOVED, Self::LIVES, Self::META];

    /// A table of rows that have a version, and may have an end and links. Numbers below 32 are the store's own.
    pub const fn new(number: u16, name: &'static str) -> Self {
        let plain = false;
        Self { number, name, plain }
    }

    /// A table whose rows are their octets and nothing else: no version, no end, no links.
    const fn plain(number: u16, name: &'static str) -> Self {
        let plain = true;
        Self { number, name, plain }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.number
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Whether its rows are octets alone.
    pub const fn is_plain(self) -> bool {
        self.plain
    }
}

/// Counts the commits of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial(pub u64);

impl Serial {
    /// The version of what this commit of a node writes.
    pub const fn version(self, node: u16) -> Version {
        Version(self.0 << 6 | node as u64 & 63)
    }
}

/// A row where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Which commit wrote it.
    pub version: Version,
    /// Milliseconds since the Unix epoch from which on it counts as removed; 0 for never.
    pub expires: u64,
    /// What it says.
    pub octets: &'a [u8],
}

/// A row of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its table.
    pub table: Table,
    /// Its key.
    pub key: Box<[u8]>,
    /// Which commit wrote it.
    pub version: Version,
    /// Milliseconds since the Unix epoch from which on it counts as removed; 0 for never.
    pub expires: u64,
    /// What it says.
    pub octets: Box<[u8]>,
}

/// Another key of a row: `octets` in the index `index` of its table. No two rows have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Which index of the table.
    pub index: u8,
    /// The key in it.
    pub octets: Box<[u8]>,
}

/// One put, or the removal of a key when there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub table: Table,
    /// The key.
    pub key: Box<[u8]>,
    /// What must be there before.
    pub expect: Expect,
    /// The new row, `None` to remove the key.
    pub value: Option<Value>,
}

/// What a row becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// What it says.
    pub octets: Box<[u8]>,
    /// Milliseconds since the Unix epoch from which on it counts as removed; 0 for never.
    pub expires: u64,
    /// Its other keys: those of the row before are gone.
    pub links: Vec<Link>,
}

/// Changes that happen together, or not at all: a unit of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    changes: Vec<Change>,
    looks: Vec<(Table, Box<[u8]>, Version)>,
    sees_ended: bool,
}

impl Batch {
    /// One to which a row is there until it is removed, whether it has ended or not: that of a sweeper.
    pub fn seeing_ended() -> Self {
        Self {
            sees_ended: true,
            ..Self::default()
        }
    }

    /// Whether rows that have ended are there for what it expects.
    pub const fn sees_ended(&self) -> bool {
        self.sees_ended
    }

    /// Adds a put. Of several changes to one key the last counts.
    pub fn put(&mut self, table: Table, key: &[u8], octets: &[u8]) {
        self.push(Change {
            table,
            key: key.into(),
            expect: Expect::Any,
            value: Some(Value {
                octets: octets.into(),
                ..Value::default()
            }),
        });
    }

    /// Adds a removal.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        self.push(Change {
            table,
            key: key.into(),
            expect: Expect::Any,
            value: None,
        });
    }

    /// Adds a change. What it expects is looked at before any change of the unit, and after the units before.
    pub fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Lets the unit happen only while a row is of this version. It stays as it is.
    pub fn look(&mut self, table: Table, key: &[u8], version: Version) {
        self.looks.push((table, key.into(), version));
    }

    /// The rows that must be of a version, and stay.
    pub fn looks(&self) -> &[(Table, Box<[u8]>, Version)] {
        &self.looks
    }

    /// Adds all of another batch.
    pub fn append(&mut self, other: Self) {
        self.looks.extend(other.looks);
        self.changes.extend(other.changes);
    }

    /// The changes, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// What goes into one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Whose commit it is: the node's index.
    pub node: u16,
    /// Its number among this node's, durable with it.
    pub serial: Serial,
    /// Milliseconds since the Unix epoch: a row that has ended by then is absent to the units, and its links are free. 0 where
    /// none has.
    pub now: u64,
    /// The units, in order: each sees what those before it have changed.
    pub units: Vec<Batch>,
}

impl Group {
    /// The version of what it writes: of no other commit, of whichever node.
    pub const fn version(&self) -> Version {
        self.serial.version(self.node)
    }
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitOutcome {
    /// All its changes are made.
    Done,
    /// None of them.
    Conflict(Conflict),
}

/// Why a unit was not done: a row or a table was not what it had to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// A row is there.
    #[error("`{0}`: there is such a row already")]
    Present(&'static str),
    /// A row is not there, or another commit has written it since.
    #[error("`{0}`: the row was changed meanwhile")]
    Changed(&'static str),
    /// Another row has this link.
    #[error("`{0}`: index {1} has this key for another row")]
    Taken(&'static str, u8),
    /// A row is not one that an engine writes: the file was changed. It is left as it is.
    #[error("`{0}`: a row is damaged, and left as it is")]
    Damaged(&'static str),
    /// Nobody declared the table.
    #[error("`{0}`: no such table was declared")]
    Undeclared(&'static str),
}

/// A commit that failed. Whether it is durable, [`Engine::recover`] tells.
#[derive(Debug)]
pub struct CommitFailed {
    /// Why.
    pub error: EngineError,
    /// What became of each unit if it is durable after all; empty when it never came to that.
    pub outcomes: Vec<UnitOutcome>,
}

impl From<EngineError> for CommitFailed {
    fn from(error: EngineError) -> Self {
        Self {
            error,
            outcomes: Vec::new(),
        }
    }
}

/// What [`Engine::peek`] found.
#[derive(Debug)]
#[must_use]
pub enum Peek {
    /// The row was shown.
    Found,
    /// There is none.
    Absent,
    /// It is not at hand: [`Engine::read`] waits for it.
    NotHere,
    /// Reading failed.
    Failed(EngineError),
}

/// A row that is looked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// By its key.
    Key(Table, &'a [u8]),
    /// By a link.
    Link(Table, u8, &'a [u8]),
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub enum Cursor<'a> {
    /// The rows of a table above a key; of those only whose keys begin so.
    Keys {
        /// The table.
        table: Table,
        /// Rows above this key; `None` from the first on.
        after: Option<&'a [u8]>,
        /// Only rows whose keys begin with this.
        prefix: &'a [u8],
    },
    /// Rows that are found by links of one index of a table, in the order of the links.
    Links {
        /// The table.
        table: Table,
        /// The index.
        index: u8,
        /// Links above this one; `None` from the first on.
        after: Option<&'a [u8]>,
        /// Only links that begin with this.
        prefix: &'a [u8],
    },
    /// Rows of all tables that have come to their end, the oldest first.
    Expired {
        /// The moment: milliseconds since the Unix epoch.
        now: u64,
        /// Rows behind this one: its end, table and key.
        after: Option<(u64, Table, &'a [u8])>,
    },
}

/// A node that has the store or had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLease {
    /// Its number.
    pub node: u16,
    /// Who has it: the process's own words, and where it is.
    pub who: String,
    /// Whether its lease lasts, by the engine's clock.
    pub lives: bool,
}

/// Durable tables, used from many threads. `docs/adr/0003-embedded-store.md` says why it is cut so.
pub trait Engine: Send + Sync + 'static {
    /// Makes tables that are to be used, where they are not there yet; durable before it returns. Those of [`Table::PLAIN`]
    /// need no declaration. Blocks.
    ///
    /// # Errors
    /// When writing fails.
    fn declare(&self, tables: &[Table]) -> Result<(), EngineError>;

    /// Shows `visit` a row, if it is at hand. Sees every [`Engine::commit`] that has returned. Never waits.
    fn peek(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(Stored<'_>)) -> Peek;

    /// The rows that are wanted, in that order, `None` for one that is not there. All of one moment.
    ///
    /// # Errors
    /// When reading fails.
    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> BoxFuture<'a, Result<Vec<Option<Row>>, EngineError>>;

    /// [`Engine::read`] for a thread that may wait, if there is a shorter way for one. Blocks.
    ///
    /// # Errors
    /// As [`Engine::read`].
    fn read_blocking(&self, wanted: &[Wanted<'_>]) -> Result<Vec<Option<Row>>, EngineError> {
        pollster::block_on(self.read(wanted))
    }

    /// At most so many rows from a cursor on, ascending. All of one moment; none is the end.
    ///
    /// # Errors
    /// When reading fails.
    fn page<'a>(&'a self, from: Cursor<'a>, limit: usize) -> BoxFuture<'a, Result<Vec<Row>, EngineError>>;

    /// How many rows a table has, without counting them one by one.
    ///
    /// # Errors
    /// When reading fails.
    fn len(&self, table: Table) -> BoxFuture<'_, Result<u64, EngineError>>;

    /// Whether no table has a row, those that were not declared in this life neither. Blocks.
    ///
    /// # Errors
    /// When reading fails.
    fn is_empty(&self) -> Result<bool, EngineError>;

    /// What is damaged of what it reads, once that was noticed: nothing is read or written any more. Never waits.
    fn damage(&self) -> Option<EngineError> {
        None
    }

    /// Whether other processes may write at the same time, each as a node of its own.
    fn is_shared(&self) -> bool {
        false
    }

    /// Which of its nodes this is, if it is shared.
    fn node(&self) -> Option<u16> {
        None
    }

    /// The nodes that have or had a lease of this store, in the order of their numbers; none where nobody shares it.
    ///
    /// # Errors
    /// When reading fails.
    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeLease>, EngineError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Ends the lease of another node if it does not last, so that its process must start anew: whether it has ended. What that
    /// process had under way is done or undone when this returns.
    ///
    /// # Errors
    /// When writing fails.
    fn end_lapsed(&self, node: u16) -> BoxFuture<'_, Result<bool, EngineError>> {
        let _ = node;
        Box::pin(async { Ok(true) })
    }

    /// Makes each unit happen, or, in a conflict, none of its changes, and says so; all of it durable before it returns.
    ///
    /// # Errors
    /// When writing fails. Whether the group is durable is then unknown, and the engine may refuse everything until
    /// [`Engine::recover`].
    fn commit(&self, group: Group) -> BoxFuture<'_, Result<Vec<UnitOutcome>, CommitFailed>>;

    /// The serial of the last commit of a node that is durable; 0 before the first.
    ///
    /// # Errors
    /// When reading fails.
    fn serial(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>>;

    /// After a failed [`Engine::commit`]: makes the engine usable again, in the state that is durable; [`Engine::serial`] of it.
    ///
    /// # Errors
    /// While it is not possible: the cause lasts, or what is durable cannot be known without a restart.
    fn recover(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>>;
}

/// Rows with their keys and all that they are.
pub type WholeRows = Vec<(Box<[u8]>, Value)>;

/// An engine whose content can be taken elsewhere: see [`crate::copy`].
pub trait Portable: Engine {
    /// At most so many rows of a table above a key, ascending, whether they have ended or not. What the engine keeps of itself is not
    /// among them. Blocks.
    ///
    /// # Errors
    /// When reading fails, or a row is damaged.
    fn whole(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<WholeRows, EngineError>;

    /// What it calls a table that has rows and is none of these; `None` where there is none. Blocks.
    ///
    /// # Errors
    /// When reading fails.
    fn has_besides(&self, tables: &[Table]) -> Result<Option<String>, EngineError>;
}

/// The calls of an engine for threads that may wait.
pub trait Blocking: Engine {
    /// Shows `visit` the octets of a row; whether there is one. Blocks where it is not at hand.
    ///
    /// # Errors
    /// When reading fails.
    #[inline]
    fn get(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<bool, EngineError> {
        match self.peek(table, key, &mut |row| visit(row.octets)) {
            Peek::Found => Ok(true),
            Peek::Absent => Ok(false),
            Peek::Failed(error) => Err(error),
            Peek::NotHere => {
                let rows = self.read_blocking(&[Wanted::Key(table, key)])?;
                let row = rows.into_iter().flatten().next();
                Ok(row.map(|row| visit(&row.octets)).is_some())
            }
        }
    }

    /// Shows `visit` the keys above `after`, ascending, with their octets, until it returns false. Blocks. What is committed
    /// meanwhile may be among them.
    ///
    /// # Errors
    /// When reading fails.
    fn scan(
        &self,
        table: Table,
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), EngineError> {
        const PAGE: usize = 1024;
        let mut after: Option<Box<[u8]>> = after.map(Into::into);
        loop {
            let cursor = Cursor::Keys {
                table,
                after: after.as_deref(),
                prefix: &[],
            };
            let rows = pollster::block_on(self.page(cursor, PAGE))?;
            for row in &rows {
                if !visit(&row.key, &row.octets) {
                    return Ok(());
                }
            }
            match rows.into_iter().last() {
                Some(last) => after = Some(last.key),
                None => return Ok(()),
            }
        }
    }

    /// How many rows a table has. Blocks.
    ///
    /// # Errors
    /// When reading fails.
    fn count(&self, table: Table) -> Result<u64, EngineError> {
        pollster::block_on(self.len(table))
    }

    /// Makes one unit durable, as the next commit of node 0. Blocks. For whoever has the store alone.
    ///
    /// # Errors
    /// When writing fails, or something is not as the unit expects.
    fn apply(&self, unit: &Batch) -> Result<(), EngineError> {
        let Serial(last) = pollster::block_on(self.serial(0))?;
        self.apply_as(0, Serial(last + 1), unit)
    }

    /// Makes one unit durable, as this commit of a node: above its last one. Blocks. For whoever has the store alone.
    ///
    /// # Errors
    /// As [`Blocking::apply`].
    fn apply_as(&self, node: u16, serial: Serial, unit: &Batch) -> Result<(), EngineError> {
        let group = Group {
            node,
            serial,
            now: 0,
            units: vec![unit.clone()],
        };
        match pollster::block_on(self.commit(group)) {
            Ok(outcomes) => match outcomes.into_iter().next() {
                Some(UnitOutcome::Conflict(conflict)) => Err(EngineError::Other(conflict.to_string())),
                _ => Ok(()),
            },
            Err(failed) => Err(failed.error),
        }
    }
}

impl<E: Engine + ?Sized> Blocking for E {}
