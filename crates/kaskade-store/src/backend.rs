//! The file below redb, watched: after a failed sync nobody knows what is on the disk.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kaskade_faults::fault;
use redb::{BackendError, StorageBackend};

/// A file that remembers that a sync failed.
///
/// The system may call the pages of a failed sync clean and forget them, so that reading the file again shows what never
/// reached the disk. A write that is refused, because the disk is full, has no such doubt.
#[derive(Debug)]
pub(crate) struct WatchedFile {
    file: Box<dyn StorageBackend>,
    sync_failed: Arc<AtomicBool>,
}

impl WatchedFile {
    pub(crate) fn new(file: Box<dyn StorageBackend>, sync_failed: &Arc<AtomicBool>) -> Self {
        Self {
            file,
            sync_failed: Arc::clone(sync_failed),
        }
    }
}

impl StorageBackend for WatchedFile {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if fault!("sync-skipped") {
            return Ok(());
        }
        let done = self.file.sync_data();
        if done.is_err() && !fault!("failed-sync-forgotten") {
            self.sync_failed.store(true, Ordering::Release);
        }
        done
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
