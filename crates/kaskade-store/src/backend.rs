//! The file below redb, watched: after a failed sync nobody knows what is on the disk, and what is read again must be what was
//! read or written before.

use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use kaskade_faults::fault;
use redb::{BackendError, StorageBackend};

/// Octets of redb's pages, or of the parts of a larger one.
pub(crate) const BLOCK: usize = 4096;

/// In the header of redb's file format 3, and the bit that says which of its slots counts.
pub(crate) const FLAGS_AT: usize = 9;
pub(crate) const SECOND_COUNTS: u8 = 1;

/// What is known of a file for as long as a program has it: also across closing and opening it again.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// A sync failed, or what a commit came to is not known.
    pub(crate) sync_failed: AtomicBool,
    /// What of it is damaged, as it was first noticed.
    damage: OnceLock<String>,
    /// Whether the header is read as if its other slot counted, until it is written.
    other_slot: AtomicBool,
    /// A sum of each block as it was last read or written; 0 where none is known.
    sums: RwLock<Vec<AtomicU64>>,
}

/// Octets that the sums of a file of this length take at most: 8 a block, in a table that doubles when it grows.
pub(crate) const fn octets_of_sums(file_len: u64) -> u64 {
    2 * 8 * file_len.div_ceil(BLOCK as u64)
}

impl Known {
    /// From now on it counts as damaged.
    pub(crate) fn damaged(&self, what: impl Into<String>) {
        let _ = self.damage.set(what.into());
    }

    /// What is damaged of it.
    #[inline]
    pub(crate) fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    /// Whether whole blocks are as they are known; those that are not known yet are from now on.
    fn check(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let Some(first) = whole(offset) else { return Ok(()) };
        self.grow(first + octets.len() / BLOCK);
        let sums = self.sums.read().unwrap_or_else(PoisonError::into_inner);
        for (known, (place, block)) in sums.iter().skip(first).zip((first..).zip(octets.chunks_exact(BLOCK))) {
            let sum = sum(block);
            let before = known.compare_exchange(0, sum, Ordering::AcqRel, Ordering::Acquire);
            if before.is_err_and(|known| known != sum) && !fault!("pages-not-watched") {
                let what = format!("page {place} is not as it was written");
                self.damaged(&*what);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
        Ok(())
    }

    /// Knows what is written, once it is: `None` before, and for ever where that fails.
    fn note(&self, offset: u64, octets: &[u8], written: bool) {
        let first = usize::try_from(offset / BLOCK as u64).unwrap_or(usize::MAX);
        let aligned = whole(offset).is_some();
        self.grow(first.saturating_add(octets.len().div_ceil(BLOCK)));
        let sums = self.sums.read().unwrap_or_else(PoisonError::into_inner);
        for (known, block) in sums.iter().skip(first).zip(octets.chunks(BLOCK)) {
            let sum = if written && aligned && block.len() == BLOCK {
                sum(block)
            } else {
                0
            };
            known.store(sum, Ordering::Release);
        }
    }

    fn grow(&self, len: usize) {
        let is_short = |sums: &Vec<AtomicU64>| sums.len() < len;
        if is_short(&self.sums.read().unwrap_or_else(PoisonError::into_inner)) {
            let mut sums = self.sums.write().unwrap_or_else(PoisonError::into_inner);
            if is_short(&sums) {
                sums.resize_with(len, AtomicU64::default);
            }
        }
    }

    fn cut(&self, len: u64) {
        let len = usize::try_from(len / BLOCK as u64).unwrap_or(usize::MAX);
        self.sums.write().unwrap_or_else(PoisonError::into_inner).truncate(len);
    }
}

/// The number of the block that begins here.
fn whole(offset: u64) -> Option<usize> {
    let block = BLOCK as u64;
    offset
        .is_multiple_of(block)
        .then(|| usize::try_from(offset / block).ok())
        .flatten()
}

/// Notices every change of one word, and of several all but one in 2^64; never 0. No code: whoever can write the file and
/// wants to deceive is not kept out by it.
fn sum(block: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [1_u64, 2, 3, 4];
    for words in block.chunks_exact(32) {
        for (lane, word) in lanes.iter_mut().zip(words.chunks_exact(8)) {
            let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
            *lane = (*lane ^ word).wrapping_mul(ODD).rotate_left(29);
        }
    }
    let sum = lanes
        .iter()
        .fold(0, |sum: u64, lane| (sum ^ lane).wrapping_mul(ODD).rotate_left(31));
    sum.max(1)
}

/// A file that remembers that a sync failed, and what it read and wrote.
///
/// The system may call the pages of a failed sync clean and forget them, so that reading the file again shows what never
/// reached the disk. A write that is refused, because the disk is full, has no such doubt.
#[derive(Clone, Debug)]
pub(crate) struct WatchedFile {
    file: Arc<dyn StorageBackend>,
    known: Arc<Known>,
}

impl WatchedFile {
    pub(crate) fn new(file: Box<dyn StorageBackend>, known: &Arc<Known>) -> Self {
        Self {
            file: file.into(),
            known: Arc::clone(known),
        }
    }

    /// From now on, and until the header is written, it reads as if its other slot counted.
    pub(crate) fn take_other_slot(&self) {
        self.known.other_slot.store(true, Ordering::Release);
    }
}

impl StorageBackend for WatchedFile {
    fn len(&self) -> Result<u64, io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.file.read(offset, out)?;
        self.known.check(offset, out)?;
        let flags = offset == 0 && self.known.other_slot.load(Ordering::Acquire);
        if let Some(flags) = out.get_mut(FLAGS_AT).filter(|_| flags) {
            *flags ^= SECOND_COUNTS;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.known.cut(len);
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if fault!("sync-skipped") {
            return Ok(());
        }
        let done = self.file.sync_data();
        if done.is_err() && !fault!("failed-sync-forgotten") {
            self.known.sync_failed.store(true, Ordering::Release);
        }
        done
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.known.note(offset, data, false);
        self.file.write(offset, data)?;
        self.known.note(offset, data, true);
        if offset == 0 {
            self.known.other_slot.store(false, Ordering::Release);
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    /// A file under the feet of the one that watches it.
    #[derive(Clone, Debug)]
    struct Below(Arc<InMemoryBackend>);

    impl StorageBackend for Below {
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.0.read(offset, out)
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.0.write(offset, data)
        }
    }

    #[test]
    fn a_block_that_changed_below_is_not_read() {
        let below = Below(Arc::default());
        let known = Arc::new(Known::default());
        let watched = WatchedFile::new(Box::new(below.clone()), &known);
        let mut octets = [7; 2 * BLOCK];
        watched.set_len(4 * BLOCK as u64).expect("grows");
        watched.write(BLOCK as u64, &octets).expect("written");
        watched.read(BLOCK as u64, &mut octets).expect("as written");
        watched
            .read(3 * BLOCK as u64, &mut octets[..BLOCK])
            .expect("nothing is known");
        for (block, offset) in [(2, 0), (2, 4095), (3, 17)] {
            let place = block * BLOCK as u64 + offset;
            let mut octet = [0];
            below.read(place, &mut octet).expect("there");
            below.write(place, &[octet[0] ^ 0x10]).expect("damaged");
            let read = watched.read(block * BLOCK as u64, &mut octets[..BLOCK]);
            assert_eq!(read.expect_err("damaged").kind(), io::ErrorKind::InvalidData);
            assert!(known.damage().is_some());
            below.write(place, &octet).expect("mended");
            watched
                .read(block * BLOCK as u64, &mut octets[..BLOCK])
                .expect("as before");
        }
        // What was cut off is not known any more.
        watched.set_len(BLOCK as u64).expect("cut");
        watched.set_len(4 * BLOCK as u64).expect("grows");
        watched.read(2 * BLOCK as u64, &mut octets).expect("new");
    }
}
