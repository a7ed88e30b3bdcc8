//! The embedded engine: redb, one file.
//!
//! Reads go to a snapshot that is kept open and replaced after every commit, so that a read costs one descent of a tree
//! and no transaction. Commits are durable when they return, and save the allocator's state with them (quick repair):
//! opening after a crash repairs nothing. Opening compares the checksums of all pages, and what is read later must be what was
//! read or written before; whatever redb does about a damaged file is an error here, see `gate`. `docs/adr/0003-embedded-store.md` has
//! the figures.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use kaskade_faults::fault;
pub use redb::StorageBackend;
use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase, ReadableTableMetadata, TableDefinition, TableHandle};
pub use rows::{decode_row, encode_row};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::backend::{Known, WatchedFile, octets_of_sums};
use crate::engine::{
    BoxFuture, CommitFailed, Cursor, Engine, Group, Peek, Portable, Row, Serial, Stored, Table, UnitOutcome, Wanted,
    WholeRows,
};
use crate::error::EngineError;
use crate::private::{self, PrivateError};

mod errors;
mod gate;
mod rows;
mod snapshot;
mod verify;
mod write;

use gate::Held;
use rows::Parts;
use snapshot::{Snapshot, Unread};
pub use verify::Told;

type Octets = &'static [u8];

/// Other keys of rows, and their ends.
const LINKS: &str = "links";
const ENDS: &str = "ends";
const LISTS: [&str; 2] = [LINKS, ENDS];

/// Where the number of a node's last commit stands. Node 0 has the key of the first version, which knew no others.
fn serial_key(node: u16) -> Vec<u8> {
    match node {
        0 => SERIAL.to_vec(),
        node => [SERIAL, b" ", &node.to_be_bytes()].concat(),
    }
}

/// How the keys of these rows begin, and of no other of their table.
const SERIAL: &[u8] = b"serial";

const fn definition(name: &str) -> TableDefinition<'_, Octets, Octets> {
    TableDefinition::new(name)
}

/// What redb reads and writes in place of the file.
type Plug = Box<dyn Fn() -> Box<dyn StorageBackend> + Send + Sync>;

/// redb in one file. Only one process can have it open.
pub struct EmbeddedEngine {
    path: PathBuf,
    plug: Option<Plug>,
    cache_bytes: usize,
    writer: Mutex<Option<Held<Database>>>,
    snapshot: RwLock<Option<Arc<Held<Snapshot>>>>,
    /// Those that rows may be in.
    tables: RwLock<Vec<Table>>,
    /// What it knows of the file: whether it is damaged, whether writing failed in a way that leaves unknown what is on the disk.
    known: Arc<Known>,
}

impl EmbeddedEngine {
    /// Opens the file, or creates it with mode 0600. At most `cache_bytes` of it are kept in memory.
    ///
    /// # Errors
    /// [`EngineError::InUse`] when another process has it open, [`EngineError::Corrupt`] when it is damaged or something
    /// else; it is left as it is.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, EngineError> {
        let engine = Self::closed(path, None, cache_bytes);
        // Also a link to nowhere is there: it is refused, not followed.
        let exists = match fs::symlink_metadata(path) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(engine.io(error)),
        };
        if exists || !engine.create()? {
            engine.open_file()?;
        }
        Ok(engine)
    }

    /// Opens the file, and never makes one.
    ///
    /// # Errors
    /// As [`EmbeddedEngine::open`]; [`EngineError::Missing`] when there is no such name.
    pub fn open_existing(path: &Path, cache_bytes: usize) -> Result<Self, EngineError> {
        let engine = Self::closed(path, None, cache_bytes);
        match engine.open_file() {
            Err(EngineError::Private(error)) if error.is_not_found() => Err(EngineError::Missing(path.into())),
            opened => opened.map(|()| engine),
        }
    }

    /// The same over something else than a file of the system, which has a name for messages only. It is asked for again
    /// when the engine recovers.
    ///
    /// # Errors
    /// As [`EmbeddedEngine::open`]; [`EngineError::Io`] or [`EngineError::Failed`] when it does not read or write.
    pub fn plugged(
        name: &Path,
        plug: impl Fn() -> Box<dyn StorageBackend> + Send + Sync + 'static,
        cache_bytes: usize,
    ) -> Result<Self, EngineError> {
        let engine = Self::closed(name, Some(Box::new(plug)), cache_bytes);
        engine.open_file()?;
        Ok(engine)
    }

    /// Octets of memory that a file of this length takes at most besides the cache: what is known of each of its pages.
    pub const fn memory_besides_cache(file_len: u64) -> u64 {
        octets_of_sums(file_len)
    }

    /// Compares the checksums of all pages of a file and writes nothing.
    ///
    /// # Errors
    /// As [`EmbeddedEngine::open_existing`].
    pub fn check(path: &Path, tell: Told) -> Result<(), EngineError> {
        let engine = Self::closed(path, None, 0);
        match engine.gate(|| engine.verify(&engine.open_backend()?, Some(tell))) {
            Err(EngineError::Private(error)) if error.is_not_found() => Err(EngineError::Missing(path.into())),
            checked => checked,
        }
    }

    fn closed(path: &Path, plug: Option<Plug>, cache_bytes: usize) -> Self {
        gate::keep_quiet();
        Self {
            path: path.into(),
            plug,
            cache_bytes,
            writer: Mutex::new(None),
            snapshot: RwLock::new(None),
            tables: RwLock::new(Table::PLAIN.into()),
            known: Arc::default(),
        }
    }

    fn open_file(&self) -> Result<(), EngineError> {
        self.gate(|| {
            let file = self.open_backend()?;
            self.verify(&file, None)?;
            let database = self.on_backend(file)?;
            self.take(database)
        })
    }

    /// Calls redb. Once the file is known to be damaged it is not called any more.
    #[inline]
    fn gate<T, E: From<EngineError>>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Some(damage) = self.damage() {
            return Err(damage.into());
        }
        gate::call(work).unwrap_or_else(|panicked| Err(self.panicked(&panicked).into()))
    }

    fn verify(&self, file: &WatchedFile, tell: Option<Told>) -> Result<(), EngineError> {
        // redb makes a new store of an empty file: there is none yet.
        let is_new = self.plug.is_some() && file.len().map_err(|error| self.io(error))? == 0;
        if is_new || fault!("damage-not-looked-for") {
            return Ok(());
        }
        let verified = verify::verify(file, tell);
        verified.map_err(|error| {
            // redb, which closes it otherwise, was not given it.
            let _ = file.close();
            self.database_error(error)
        })
    }

    /// Makes a new store under another name and then gives it its own, so that a crash leaves no half of a header;
    /// `false` when someone else was faster.
    fn create(&self) -> Result<bool, EngineError> {
        let name = private::with_suffix(&self.path, ".new");
        let file = self.new_file(&name)?;
        let database = self.on_backend(self.watched(file)?)?;
        self.write(&database, &self.tables(), &Group::default())
            .map_err(|failed| failed.error)?;
        let named = match fs::hard_link(&name, &self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            // Whoever was faster has cleared the other name away.
            Err(error) if error.kind() == ErrorKind::NotFound && self.path.exists() => Ok(false),
            // No hard links here.
            Err(_) => rename_to_new(&name, &self.path),
            Ok(()) => Ok(true),
        };
        let named = named.map_err(|error| self.io(error))?;
        // Gone already where it was renamed.
        let _ = fs::remove_file(&name);
        if named {
            private::sync_folder_of(&self.path).map_err(|error| self.io(error))?;
            self.take(database)?;
        }
        Ok(named)
    }

    /// A file under this name that nobody else has, locked. One that an earlier crash left is removed; a link that
    /// somebody planted is never followed.
    fn new_file(&self, name: &Path) -> Result<File, EngineError> {
        for _ in 0..8 {
            match private::create(name) {
                Ok(file) => {
                    self.lock(&file)?;
                    // Another process may have taken it for what a crash left, before it was locked.
                    if self.is_named(&file, name)? {
                        return Ok(file);
                    }
                }
                Err(PrivateError::Io {
                    kind: ErrorKind::AlreadyExists,
                    ..
                }) => self.remove_what_a_crash_left(name)?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::InUse(self.path.clone()))
    }

    fn remove_what_a_crash_left(&self, name: &Path) -> Result<(), EngineError> {
        // Whoever else creates the store may have been faster.
        let gone = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
        let metadata = match fs::symlink_metadata(name) {
            Ok(metadata) => metadata,
            Err(error) if gone(&error) => return Ok(()),
            Err(error) => return Err(self.io(error)),
        };
        // Locked until the name is gone: whoever else found the same file would remove the next one of that name, in use.
        let _locked = if metadata.is_file() {
            let file = match private::open_to_write(name) {
                Err(error) if error.is_not_found() => return Ok(()),
                opened => opened?,
            };
            self.lock(&file)?;
            if !self.is_named(&file, name)? {
                return Ok(());
            }
            Some(file).filter(|_| !fault!("left-file-let-go"))
        } else {
            None
        };
        if fault!("left-file-let-go") {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        // The name alone: what a link points to stays as it is.
        match fs::remove_file(name) {
            Err(error) if !gone(&error) => Err(self.io(error)),
            _ => Ok(()),
        }
    }

    fn lock(&self, file: &File) -> Result<(), EngineError> {
        match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(EngineError::InUse(self.path.clone())),
            Err(TryLockError::Error(error)) => Err(self.io(error)),
        }
    }

    fn is_named(&self, file: &File, name: &Path) -> Result<bool, EngineError> {
        let file = file.metadata().map_err(|error| self.io(error))?;
        match fs::symlink_metadata(name) {
            Ok(named) => Ok((named.dev(), named.ino()) == (file.dev(), file.ino())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.io(error)),
        }
    }

    fn open_backend(&self) -> Result<WatchedFile, EngineError> {
        if let Some(plug) = &self.plug {
            return Ok(WatchedFile::new(plug(), &self.known));
        }
        let file = private::open_to_write(&self.path)?;
        // redb would make a new store of an empty file.
        if file.metadata().map_err(|error| self.io(error))?.len() == 0 {
            return Err(self.corrupt("the file is empty".into()));
        }
        self.watched(file)
    }

    fn watched(&self, file: File) -> Result<WatchedFile, EngineError> {
        let file = FileBackend::new(file).map_err(|error| self.database_error(error))?;
        Ok(WatchedFile::new(Box::new(file), &self.known))
    }

    fn on_backend(&self, file: WatchedFile) -> Result<Held<Database>, EngineError> {
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_bytes);
        let database = builder.create_with_backend(file);
        database.map(Held::new).map_err(|error| self.database_error(error))
    }

    fn take(&self, database: Held<Database>) -> Result<(), EngineError> {
        self.create_tables(&database, &self.tables())?;
        self.publish(&database)?;
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(database);
        Ok(())
    }

    fn create_tables(&self, database: &Database, tables: &[Table]) -> Result<(), EngineError> {
        let read = Held::new(database.begin_read().map_err(|error| self.error(error))?);
        let plain = tables.iter().all(|table| table.is_plain());
        let mut names = tables.iter().map(|table| table.name());
        let there = |name| read.open_table(definition(name)).is_ok();
        if names.all(there) && (plain || LISTS.into_iter().all(there)) {
            return Ok(());
        }
        drop(read);
        self.write(database, tables, &Group::default())
            .map(drop)
            .map_err(|failed| failed.error)
    }

    fn tables(&self) -> RwLockReadGuard<'_, Vec<Table>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, database: &Database) -> Result<(), EngineError> {
        let snapshot = self.snapshot_of(database)?;
        let old = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(Arc::new(Held::new(snapshot)));
        drop(old);
        Ok(())
    }

    fn snapshot_of(&self, database: &Database) -> Result<Snapshot, EngineError> {
        let read = Held::new(database.begin_read().map_err(|error| self.error(error))?);
        Snapshot::of(&read, &self.tables()).map_err(|error| self.error(error))
    }

    /// What is durable, for as long as it is looked at: it must not keep the next snapshot from being published.
    fn snapshot(&self) -> Result<Arc<Held<Snapshot>>, EngineError> {
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone();
        snapshot.ok_or(EngineError::Failed)
    }
}

impl EmbeddedEngine {
    fn commit_now(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        self.gate(|| self.commit_within(group))
    }

    fn commit_within(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let database = writer.as_ref().ok_or(EngineError::Failed)?;
        let done = self
            .write(database, &self.tables(), group)
            .and_then(|outcomes| match self.publish(database) {
                Ok(()) => Ok(outcomes),
                Err(error) => Err(CommitFailed { error, outcomes }),
            });
        if let Err(failed) = &done
            && !matches!(failed.error, EngineError::Full(_))
        {
            self.known.sync_failed.store(true, Ordering::Release);
        }
        done
    }

    fn recover_now(&self) -> Result<(), EngineError> {
        self.gate(|| self.reopen(&mut self.writer.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn reopen(&self, writer: &mut Option<Held<Database>>) -> Result<(), EngineError> {
        // After a failed sync the system may have dropped pages that it calls clean: only a restart of the machine or
        // of the file's reader shows what is there. A full disk refuses before it writes.
        if self.known.sync_failed.load(Ordering::Acquire) {
            return Err(EngineError::Failed);
        }
        // Readers wait meanwhile.
        let mut snapshot = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        (*snapshot, *writer) = (None, None);
        let database = self.on_backend(self.open_backend()?)?;
        // Closing and opening sync too.
        if self.known.sync_failed.load(Ordering::Acquire) {
            return Err(EngineError::Failed);
        }
        self.create_tables(&database, &self.tables())?;
        *snapshot = Some(Arc::new(Held::new(self.snapshot_of(&database)?)));
        *writer = Some(database);
        Ok(())
    }

    fn serial_now(&self, node: u16) -> Result<Serial, EngineError> {
        let mut serial = Some(Serial::default());
        self.look(|snapshot| {
            snapshot.peek(Table::META, &serial_key(node), &mut |row| {
                serial = row.octets.try_into().ok().map(u64::from_be_bytes).map(Serial);
            })
        })?;
        serial.ok_or_else(|| self.corrupt("the number of its last commit has the wrong length".into()))
    }

    /// Looks at what is durable.
    fn look<T>(&self, work: impl FnOnce(&Snapshot) -> Result<T, Unread>) -> Result<T, EngineError> {
        self.gate(|| work(&*self.snapshot()?).map_err(|error| self.unread(error)))
    }

    fn declare_now(&self, tables: &[Table]) -> Result<(), EngineError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let database = writer.as_ref().ok_or(EngineError::Failed)?;
        let mut all = self.tables().clone();
        all.extend(tables);
        all.sort();
        all.dedup();
        let made = self.create_tables(database, &all).and_then(|()| {
            // Known when they are there, not before: each commit and each snapshot opens all that are known.
            *self.tables.write().unwrap_or_else(PoisonError::into_inner) = all;
            self.publish(database)
        });
        if matches!(made, Err(EngineError::Full(_))) {
            // The file is as it was before, once it is opened again; where that fails, the next commit sees to it.
            let _ = self.reopen(&mut writer);
        }
        made
    }

    /// A table that has rows, of those that are asked for.
    fn rows_in(&self, is_asked: impl Fn(&str) -> bool) -> Result<Option<String>, EngineError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let database = writer.as_ref().ok_or(EngineError::Failed)?;
        let read = Held::new(database.begin_read().map_err(|error| self.error(error))?);
        for table in read.list_tables().map_err(|error| self.error(error))? {
            let name = table.name().to_owned();
            let table = Held::new(read.open_untyped_table(table).map_err(|error| self.error(error))?);
            if is_asked(&name) && !table.is_empty().map_err(|error| self.error(error))? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

impl Engine for EmbeddedEngine {
    fn declare(&self, tables: &[Table]) -> Result<(), EngineError> {
        self.gate(|| self.declare_now(tables))
    }

    #[inline]
    fn peek(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(Stored<'_>)) -> Peek {
        if let Some(damage) = self.damage() {
            return Peek::Failed(damage);
        }
        let snapshot = self.snapshot.read().unwrap_or_else(PoisonError::into_inner);
        let Some(snapshot) = &*snapshot else {
            return Peek::Failed(EngineError::Failed);
        };
        let found = match gate::call(|| snapshot.get(table, key)) {
            Ok(Ok(Some(found))) => found,
            Ok(Ok(None)) => return Peek::Absent,
            Ok(Err(error)) => return Peek::Failed(self.unread(error)),
            Err(panicked) => return Peek::Failed(self.panicked(&panicked)),
        };
        match Parts::of(table, found.value()) {
            Some(parts) => {
                visit(parts.stored);
                Peek::Found
            }
            None => Peek::Failed(self.unread(Unread::Damaged(table))),
        }
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> BoxFuture<'a, Result<Vec<Option<Row>>, EngineError>> {
        Box::pin(async move { self.look(|snapshot| wanted.iter().map(|wanted| snapshot.row(wanted)).collect()) })
    }

    fn page<'a>(&'a self, from: Cursor<'a>, limit: usize) -> BoxFuture<'a, Result<Vec<Row>, EngineError>> {
        Box::pin(async move { self.look(|snapshot| snapshot.page(from, limit)) })
    }

    fn len(&self, table: Table) -> BoxFuture<'_, Result<u64, EngineError>> {
        Box::pin(async move { self.look(|snapshot| snapshot.len(table)) })
    }

    fn is_empty(&self) -> Result<bool, EngineError> {
        Ok(self.gate(|| self.rows_in(|_| true))?.is_none())
    }

    fn damage(&self) -> Option<EngineError> {
        self.known.damage().map(|what| self.corrupt(what.into()))
    }

    fn commit(&self, group: Group) -> BoxFuture<'_, Result<Vec<UnitOutcome>, CommitFailed>> {
        Box::pin(async move { self.commit_now(&group) })
    }

    fn serial(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        Box::pin(async move { self.serial_now(node) })
    }

    fn recover(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        Box::pin(async move {
            self.recover_now()?;
            self.serial_now(node)
        })
    }
}

impl Portable for EmbeddedEngine {
    fn whole(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<WholeRows, EngineError> {
        self.look(|snapshot| snapshot.whole(table, after, limit))
    }

    fn has_besides(&self, tables: &[Table]) -> Result<Option<String>, EngineError> {
        self.gate(|| self.rows_in(|name| !LISTS.contains(&name) && tables.iter().all(|table| table.name() != name)))
    }
}

/// A damaged file is left as it is: closing it would write to it.
impl Drop for EmbeddedEngine {
    fn drop(&mut self) {
        let snapshot = self.snapshot.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if self.known.damage().is_some() {
            std::mem::forget(snapshot);
            writer.into_iter().for_each(Held::forget);
        }
    }
}

/// Gives a file a name that nothing has yet; `false` when something has it.
fn rename_to_new(from: &Path, to: &Path) -> std::io::Result<bool> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_there_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (new, store) = (folder.path().join("store.new"), folder.path().join("store"));
        fs::write(&new, b"new").expect("written");
        fs::write(&store, b"old").expect("written");
        assert!(!rename_to_new(&new, &store).expect("no error"));
        assert_eq!(fs::read(&store).expect("there"), b"old");
        fs::remove_file(&store).expect("removed");
        assert!(rename_to_new(&new, &store).expect("renamed"));
        assert_eq!(fs::read(&store).expect("there"), b"new");
    }
}
