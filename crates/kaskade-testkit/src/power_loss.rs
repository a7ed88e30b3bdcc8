//! A disk whose power can be cut: what was not synced is then gone, torn, or there, as it happens.
//!
//! ```
//! use kaskade_store::engine::{Batch, Blocking, Table};
//! use kaskade_testkit::power_loss::Disk;
//!
//! # fn main() -> Result<(), kaskade_store::EngineError> {
//! let disk = Disk::new(1);
//! let engine = disk.open(1 << 20)?;
//! let mut batch = Batch::default();
//! batch.put(Table::META, b"key", b"value");
//! disk.cut_power_after(1);
//! assert!(engine.apply(&batch).is_err(), "it fails on the way");
//! drop(engine);
//! disk.restore_power();
//! let engine = disk.open(1 << 20)?;
//! assert!(!engine.get(Table::META, b"key", &mut |_| ())?, "all of a commit or nothing");
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaskade_store::EngineError;
use kaskade_store::embedded::{EmbeddedEngine, StorageBackend};

use crate::random::Random;

/// What is written whole or not at all.
const SECTOR: usize = 512;

type Sector = [u8; SECTOR];

/// A disk with one file on it. Clones are the same disk.
///
/// A sync makes all earlier writes durable. When the power is cut, each sector holds what was last synced or any of the
/// writes since, independently of the others; the file's length is the synced one or a later one.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    random: Random,
    /// As the running system sees it.
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync, by sector.
    unsynced: BTreeMap<usize, Vec<Sector>>,
    lengths: Vec<usize>,
    /// Counts how often power came back: what was opened before is dead.
    life: u64,
    /// How many operations are left before the power is cut.
    left: Option<u64>,
    sync_fails: bool,
    full: bool,
    lost: u64,
}

impl Disk {
    /// An empty disk; what is lost depends on `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            ..State::default()
        })))
    }

    /// Cuts the power in the middle of the write, sync or change of length that comes after `operations` more.
    pub fn cut_power_after(&self, operations: u64) {
        self.state().left = Some(operations);
    }

    /// Whether the power is on.
    pub fn has_power(&self) -> bool {
        self.state().left != Some(0)
    }

    /// Cuts the power if it is on, and switches it on again: what is on the disk now is decided.
    pub fn restore_power(&self) {
        self.state().restart();
    }

    /// From now on syncs fail, or do not.
    pub fn fail_syncs(&self, fail: bool) {
        self.state().sync_fails = fail;
    }

    /// From now on nothing is written for want of room, or is again.
    pub fn fill(&self, full: bool) {
        self.state().full = full;
    }

    /// How many writes of a sector were lost so far.
    pub fn lost(&self) -> u64 {
        self.state().lost
    }

    /// The embedded engine on this disk. At most `cache_bytes` of the file are kept in memory.
    ///
    /// # Errors
    /// As [`EmbeddedEngine::open`]; [`EngineError::Io`] or [`EngineError::Failed`] when there is no power.
    pub fn open(&self, cache_bytes: usize) -> Result<EmbeddedEngine, EngineError> {
        let disk = self.clone();
        EmbeddedEngine::plugged("disk".as_ref(), move || Box::new(disk.plug_in()), cache_bytes)
    }

    /// Its file, for any engine. What was plugged in before a power cut is dead after it.
    pub fn plug_in(&self) -> Plugged {
        Plugged {
            life: self.state().life,
            disk: self.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.next() >> 33).unwrap_or(0) % limit.max(1)
    }

    /// Whether an operation still happens. The one at which the power is cut may have happened, but nobody hears of it.
    fn operate(&mut self, life: u64, work: impl FnOnce(&mut Self)) -> io::Result<()> {
        if life != self.life || self.left == Some(0) {
            return Err(no_power());
        }
        let last = self.left == Some(1);
        self.left = self.left.map(|left| left - 1);
        if last && self.below(2) == 0 {
            return Err(no_power());
        }
        work(self);
        if last { Err(no_power()) } else { Ok(()) }
    }

    fn room(&self) -> io::Result<()> {
        match self.full {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }

    fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.unsynced).into_keys() {
            let from = (sector * SECTOR).min(self.seen.len());
            let to = (from + SECTOR).min(self.seen.len());
            if let (Some(place), Some(seen)) = (self.durable.get_mut(from..to), self.seen.get(from..to)) {
                place.copy_from_slice(seen);
            }
        }
        self.lengths.clear();
    }

    fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        if self.seen.len() < end {
            self.set_len(end);
        }
        if let Some(place) = self.seen.get_mut(offset..end) {
            place.copy_from_slice(data);
        }
        for sector in offset / SECTOR..end.div_ceil(SECTOR) {
            let mut octets = [0; SECTOR];
            let from = sector * SECTOR;
            let there = self.seen.get(from..(from + SECTOR).min(self.seen.len()));
            for (octet, seen) in octets.iter_mut().zip(there.unwrap_or_default()) {
                *octet = *seen;
            }
            self.unsynced.entry(sector).or_default().push(octets);
        }
    }

    fn set_len(&mut self, len: usize) {
        self.seen.resize(len, 0);
        self.lengths.push(len);
    }

    fn restart(&mut self) {
        let lengths = std::mem::take(&mut self.lengths);
        let chosen = self.below(lengths.len() + 1);
        if let Some(len) = chosen.checked_sub(1).and_then(|chosen| lengths.get(chosen)) {
            self.durable.resize(*len, 0);
        }
        for (sector, writes) in std::mem::take(&mut self.unsynced) {
            let chosen = self.below(writes.len() + 1);
            self.lost += (writes.len() - chosen) as u64;
            let from = sector * SECTOR;
            let to = (from + SECTOR).min(self.durable.len());
            if let (Some(write), Some(place)) = (
                chosen.checked_sub(1).and_then(|chosen| writes.get(chosen)),
                self.durable.get_mut(from.min(to)..to),
            ) {
                for (place, octet) in place.iter_mut().zip(write) {
                    *place = *octet;
                }
            }
        }
        self.seen.clone_from(&self.durable);
        self.life += 1;
        self.left = None;
        self.sync_fails = false;
    }
}

fn no_power() -> io::Error {
    io::Error::other("no power")
}

/// The file on a disk, as opened in one life.
#[derive(Debug)]
pub struct Plugged {
    disk: Disk,
    life: u64,
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}

impl StorageBackend for Plugged {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.disk.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let state = self.disk.state();
        if state.life != self.life || state.left == Some(0) {
            return Err(no_power());
        }
        let from = place(offset)?;
        let there = state.seen.get(from..from + out.len());
        out.copy_from_slice(there.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let len = place(len)?;
        let mut state = self.disk.state();
        state.room()?;
        state.operate(self.life, |state| state.set_len(len))
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.disk.state();
        if state.sync_fails {
            return Err(io::Error::other("the sync failed"));
        }
        state.operate(self.life, State::sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let offset = place(offset)?;
        let mut state = self.disk.state();
        state.room()?;
        state.operate(self.life, |state| state.write(offset, data))
    }
}
