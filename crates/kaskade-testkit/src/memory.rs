//! An engine without a disk: promises everything but durability, and fails on request.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use kaskade_store::EngineError;
use kaskade_store::engine::check::{Before, conflict};
use kaskade_store::engine::{
    Batch, BoxFuture, CommitFailed, Cursor, Engine, Group, Link, Peek, Portable, Row, Serial, Stored, Table,
    UnitOutcome, Value, Version, Wanted, WholeRows,
};

type Key = Box<[u8]>;

/// Rows, links and serials.
#[derive(Clone, Default)]
struct Content {
    rows: BTreeMap<(Table, Key), (Version, Value)>,
    links: BTreeMap<(Table, Link), Key>,
    serials: BTreeMap<u16, Serial>,
    /// Those that were declared.
    tables: BTreeSet<Table>,
}

/// How a commit fails on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not.
    Never,
    /// The disk is full, nothing was written.
    Full,
    /// The disk is full, but the batch had become durable.
    FullAfterWrite,
    /// Writing failed for good.
    Broken,
}

/// An ordered map in memory. Clones share their content: one that is opened again finds what was committed.
#[derive(Clone)]
pub struct MemoryEngine {
    content: Arc<RwLock<Content>>,
    failure: Arc<AtomicU32>,
    far: Arc<AtomicBool>,
    /// Commits until the disk is full; `u32::MAX` for never.
    left: Arc<AtomicU32>,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self {
            content: Arc::default(),
            failure: Arc::default(),
            far: Arc::default(),
            left: Arc::new(AtomicU32::new(u32::MAX)),
        }
    }
}

/// An [`Engine`] with a field `memory`, for tests that let its writing fail: it has `write` and `mend` of its own, which block.
#[macro_export]
macro_rules! reads_from_memory {
    () => {
        fn declare(&self, tables: &[::kaskade_store::engine::Table]) -> Result<(), ::kaskade_store::EngineError> {
            ::kaskade_store::engine::Engine::declare(&self.memory, tables)
        }

        fn peek(
            &self,
            table: ::kaskade_store::engine::Table,
            key: &[u8],
            visit: &mut dyn FnMut(::kaskade_store::engine::Stored<'_>),
        ) -> ::kaskade_store::engine::Peek {
            ::kaskade_store::engine::Engine::peek(&self.memory, table, key, visit)
        }

        fn read<'a>(
            &'a self,
            wanted: &'a [::kaskade_store::engine::Wanted<'a>],
        ) -> ::kaskade_store::engine::BoxFuture<'a, Result<Vec<Option<::kaskade_store::engine::Row>>, ::kaskade_store::EngineError>> {
            ::kaskade_store::engine::Engine::read(&self.memory, wanted)
        }

        fn page<'a>(
            &'a self,
            from: ::kaskade_store::engine::Cursor<'a>,
            limit: usize,
        ) -> ::kaskade_store::engine::BoxFuture<'a, Result<Vec<::kaskade_store::engine::Row>, ::kaskade_store::EngineError>> {
            ::kaskade_store::engine::Engine::page(&self.memory, from, limit)
        }

        fn len(&self, table: ::kaskade_store::engine::Table) -> ::kaskade_store::engine::BoxFuture<'_, Result<u64, ::kaskade_store::EngineError>> {
            ::kaskade_store::engine::Engine::len(&self.memory, table)
        }

        fn is_empty(&self) -> Result<bool, ::kaskade_store::EngineError> {
            ::kaskade_store::engine::Engine::is_empty(&self.memory)
        }

        fn is_shared(&self) -> bool {
            ::kaskade_store::engine::Engine::is_shared(&self.memory)
        }

        fn nodes(
            &self,
        ) -> ::kaskade_store::engine::BoxFuture<'_, Result<Vec<::kaskade_store::engine::NodeLease>, ::kaskade_store::EngineError>> {
            ::kaskade_store::engine::Engine::nodes(&self.memory)
        }

        fn serial(
            &self,
            node: u16,
        ) -> ::kaskade_store::engine::BoxFuture<'_, Result<::kaskade_store::engine::Serial, ::kaskade_store::EngineError>> {
            ::kaskade_store::engine::Engine::serial(&self.memory, node)
        }

        fn commit(
            &self,
            group: ::kaskade_store::engine::Group,
        ) -> ::kaskade_store::engine::BoxFuture<'_, Result<Vec<::kaskade_store::engine::UnitOutcome>, ::kaskade_store::engine::CommitFailed>> {
            Box::pin(async move { self.write(&group) })
        }

        fn recover(
            &self,
            node: u16,
        ) -> ::kaskade_store::engine::BoxFuture<'_, Result<::kaskade_store::engine::Serial, ::kaskade_store::EngineError>> {
            Box::pin(async move {
                self.mend()?;
                ::kaskade_store::engine::Engine::serial(&self.memory, node).await
            })
        }
    };
}

impl MemoryEngine {
    /// Another place with the same content, where all is at hand and nothing fails.
    #[must_use]
    pub fn copy(&self) -> Self {
        let content = self.content.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            content: Arc::new(RwLock::new(content)),
            ..Self::default()
        }
    }

    /// All rows, in the order of tables and keys.
    pub fn rows(&self) -> Vec<Row> {
        let content = self.content();
        let rows = content.rows.iter();
        rows.map(|((table, key), (version, value))| row(*table, key, *version, value))
            .collect()
    }

    /// From now on commits fail like this.
    pub fn fail(&self, failure: Failure) {
        self.left.store(u32::MAX, Ordering::SeqCst);
        self.failure.store(failure as u32, Ordering::SeqCst);
    }

    /// After so many commits the disk is full.
    pub fn fail_after(&self, commits: u32) {
        self.left.store(commits, Ordering::SeqCst);
    }

    /// From now on nothing is at hand, as in an engine on another machine: every row must be waited for.
    #[must_use]
    pub fn far(self) -> Self {
        self.far.store(true, Ordering::SeqCst);
        self
    }

    fn failure(&self) -> u32 {
        self.failure.load(Ordering::SeqCst)
    }

    fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// [`Engine::commit`] for those who may wait.
    ///
    /// # Errors
    /// As [`MemoryEngine::fail`] says.
    pub fn write(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        match self.left.load(Ordering::SeqCst) {
            u32::MAX => {}
            0 => self.fail(Failure::Full),
            left => self.left.store(left - 1, Ordering::SeqCst),
        }
        let failure = self.failure();
        let mut outcomes = Vec::new();
        if failure == Failure::Never as u32 || failure == Failure::FullAfterWrite as u32 {
            let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
            for unit in &group.units {
                outcomes.push(content.unit(unit, group));
            }
            content.serials.insert(group.node, group.serial);
        }
        let error = match failure {
            0 => return Ok(outcomes),
            _ if failure == Failure::Broken as u32 => EngineError::Failed,
            _ => EngineError::Full(PathBuf::from("memory")),
        };
        Err(CommitFailed { error, outcomes })
    }
}

impl Content {
    fn unit(&mut self, unit: &Batch, group: &Group) -> UnitOutcome {
        let (version, evicted) = match conflict(unit, group.now, self) {
            Ok(Ok(evicted)) => (group.version(), evicted),
            Ok(Err(conflict)) => return UnitOutcome::Conflict(conflict),
            Err(never) => match never {},
        };
        for change in unit.changes().iter().chain(&evicted) {
            let links = &mut self.links;
            if let Some((_, old)) = self.rows.get(&(change.table, change.key.clone())) {
                for link in &old.links {
                    links.remove(&(change.table, link.clone()));
                }
            }
        }
        for change in evicted.iter().chain(unit.changes()) {
            let place = (change.table, change.key.clone());
            let old = match &change.value {
                Some(value) => {
                    let version = if change.table.is_plain() { Version(0) } else { version };
                    self.rows.insert(place, (version, value.clone()))
                }
                None => self.rows.remove(&place),
            };
            // Of several changes to one row the last counts.
            for link in old.iter().flat_map(|(_, old)| &old.links) {
                let place = (change.table, link.clone());
                if self.links.get(&place).is_some_and(|key| *key == change.key) {
                    self.links.remove(&place);
                }
            }
            for link in change.value.iter().flat_map(|value| &value.links) {
                self.links.insert((change.table, link.clone()), change.key.clone());
            }
        }
        UnitOutcome::Done
    }

    fn row(&self, table: Table, key: &[u8]) -> Option<Row> {
        let (version, value) = self.rows.get(&(table, key.into()))?;
        Some(row(table, key, *version, value))
    }
}

impl Before for Content {
    type Error = Infallible;

    fn has(&self, table: Table) -> bool {
        Table::PLAIN.contains(&table) || self.tables.contains(&table)
    }

    fn row(&mut self, table: Table, key: &[u8]) -> Result<Option<(Version, u64)>, Infallible> {
        let row = self.rows.get(&(table, key.into()));
        Ok(row.map(|(version, value)| (*version, value.expires)))
    }

    fn owner(&mut self, table: Table, link: &Link) -> Result<Option<Box<[u8]>>, Infallible> {
        Ok(self.links.get(&(table, link.clone())).cloned())
    }
}

fn row(table: Table, key: &[u8], version: Version, value: &Value) -> Row {
    Row {
        table,
        key: key.into(),
        version,
        expires: value.expires,
        octets: value.octets.clone(),
    }
}

impl Engine for MemoryEngine {
    fn declare(&self, tables: &[Table]) -> Result<(), EngineError> {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        content.tables.extend(tables);
        Ok(())
    }

    fn peek(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(Stored<'_>)) -> Peek {
        if self.far.load(Ordering::SeqCst) {
            return Peek::NotHere;
        }
        match self.content().rows.get(&(table, key.into())) {
            Some((version, value)) => {
                visit(Stored {
                    version: *version,
                    expires: value.expires,
                    octets: &value.octets,
                });
                Peek::Found
            }
            None => Peek::Absent,
        }
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> BoxFuture<'a, Result<Vec<Option<Row>>, EngineError>> {
        Box::pin(async move {
            let content = self.content();
            let rows = wanted.iter().map(|wanted| match *wanted {
                Wanted::Key(table, key) => content.row(table, key),
                Wanted::Link(table, index, octets) => {
                    let octets = octets.into();
                    let key = content.links.get(&(table, Link { index, octets }))?;
                    content.row(table, key)
                }
            });
            Ok(rows.collect())
        })
    }

    fn page<'a>(&'a self, from: Cursor<'a>, limit: usize) -> BoxFuture<'a, Result<Vec<Row>, EngineError>> {
        Box::pin(async move {
            let content = self.content();
            let all = content.rows.iter();
            Ok(match from {
                Cursor::Keys { table, after, prefix } => {
                    let found = all.filter(|((of, key), _)| {
                        *of == table && after.is_none_or(|after| **key > *after) && key.starts_with(prefix)
                    });
                    let rows = found.map(|((_, key), (version, value))| row(table, key, *version, value));
                    rows.take(limit).collect()
                }
                Cursor::Links {
                    table,
                    index,
                    after,
                    prefix,
                } => {
                    let links = content.links.iter().filter(|((of, link), _)| {
                        *of == table
                            && link.index == index
                            && after.is_none_or(|after| *link.octets > *after)
                            && link.octets.starts_with(prefix)
                    });
                    links
                        .filter_map(|(_, key)| content.row(table, key))
                        .take(limit)
                        .collect()
                }
                Cursor::Expired { now, after } => {
                    let found = all.filter(|(_, (_, value))| value.expires != 0 && value.expires <= now);
                    let rows = found.map(|((table, key), (version, value))| row(*table, key, *version, value));
                    let mut rows: Vec<Row> = rows.collect();
                    let place = |row: &Row| (row.expires, row.table.number(), row.key.clone());
                    rows.retain(|row| {
                        after.is_none_or(|(end, table, key)| place(row) > (end, table.number(), key.into()))
                    });
                    rows.sort_by_key(place);
                    rows.truncate(limit);
                    rows
                }
            })
        })
    }

    fn len(&self, table: Table) -> BoxFuture<'_, Result<u64, EngineError>> {
        Box::pin(async move { Ok(self.content().rows.keys().filter(|(found, _)| *found == table).count() as u64) })
    }

    fn is_empty(&self) -> Result<bool, EngineError> {
        Ok(self.content().rows.is_empty())
    }

    fn commit(&self, group: Group) -> BoxFuture<'_, Result<Vec<UnitOutcome>, CommitFailed>> {
        Box::pin(async move { self.write(&group) })
    }

    fn serial(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        Box::pin(async move { Ok(self.content().serials.get(&node).copied().unwrap_or_default()) })
    }

    fn recover(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        Box::pin(async move {
            match self.failure() {
                0 => Ok(self.content().serials.get(&node).copied().unwrap_or_default()),
                failure if failure == Failure::Broken as u32 => Err(EngineError::Failed),
                _ => Err(EngineError::Full(PathBuf::from("memory"))),
            }
        })
    }
}

impl Portable for MemoryEngine {
    fn whole(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<WholeRows, EngineError> {
        let content = self.content();
        let all = content.rows.iter();
        let found = all.filter(|((of, key), _)| *of == table && after.is_none_or(|after| **key > *after));
        let rows = found.map(|((_, key), (_, value))| (key.clone(), value.clone()));
        Ok(rows.take(limit).collect())
    }

    fn has_besides(&self, tables: &[Table]) -> Result<Option<String>, EngineError> {
        let content = self.content();
        let found = content.rows.keys().find(|(table, _)| !tables.contains(table));
        Ok(found.map(|(table, _)| table.name().to_owned()))
    }
}
