//! Whether a file is as redb left it, before anything of it is believed.
//!
//! redb keeps a checksum of each page beside what leads to it, up to the header's, and looks at them when it repairs a file.
//! So the file is shown to it as one that needs that, and the repair is stopped when the sums are compared: one walk over all
//! pages that are in use, and not an octet written. What was read is known from then on, see [`crate::backend`].

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kaskade_faults::fault;
use redb::{BackendError, Builder, DatabaseError, RepairSession, StorageBackend, StorageError};

use super::gate::Held;
use crate::backend::{FLAGS_AT, SECOND_COUNTS, WatchedFile};

/// Told how many octets are looked at, of how many at the most.
pub type Told = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// The header of redb's file format 3: its first 64 octets, and two slots, of which one counts.
const SLOT_AT: [usize; 2] = [64, 192];
const SLOT_LEN: usize = 128;
/// In a slot, 8 octets, little-endian: counts the commits.
const COMMIT_AT: usize = 104;
const HEADER_LEN: usize = SLOT_AT[1] + SLOT_LEN;
const NOT_CLOSED: u8 = 2;
const TWO_PHASES: u8 = 4;

/// Compares all checksums.
///
/// # Errors
/// [`StorageError::Corrupted`] when one is wrong.
pub(super) fn verify(file: &WatchedFile, tell: Option<Told>) -> Result<(), DatabaseError> {
    let len = file.len().map_err(StorageError::from)?;
    let mut header = [0; HEADER_LEN];
    if len < HEADER_LEN as u64 {
        return Err(damaged("it is shorter than a header"));
    }
    file.read(0, &mut header).map_err(StorageError::from)?;
    let (flags, slots) = parts(&mut header);
    let (first, second) = (commit(slots.0), commit(slots.1));
    if slots.0 == slots.1 && first == 0 {
        // Made, and never written, or not by redb. Whoever opens it hears that from redb.
        return match tell.is_some() && !fault!("nothing-called-whole") {
            true => Err(damaged("nothing was ever written to it")),
            false => Ok(()),
        };
    }
    // redb reads both, whichever counts, and no commit changes these.
    if slots.0.first() != slots.1.first() && !fault!("nothing-called-whole") {
        return Err(damaged("the slots of its header are of two versions"));
    }
    let second_counts = *flags & SECOND_COUNTS != 0;
    // Each commit is durable before the slots change their roles, and the last one did so before the file was closed.
    if *flags & TWO_PHASES == 0 {
        return Err(damaged("its header is not one that this program writes"));
    }
    let older = if second_counts { second < first } else { first < second };
    let closed = *flags & NOT_CLOSED == 0;
    if closed && older && !fault!("older-slot-taken") {
        return Err(damaged("its header leads to an older state"));
    }
    // So does a crash in the middle of a commit leave it, and a bit that was changed since: if all of the newer one is there it is
    // taken, since what rests on it may have been given out.
    if older && !fault!("older-slot-taken") {
        match walk(file, header, !second_counts, None) {
            Ok(()) => {
                file.take_other_slot();
                return Ok(());
            }
            // It may be all there: nothing is decided.
            Err(error) if is_unread(&error) && !fault!("unread-taken-for-torn") => return Err(error),
            Err(_) => {}
        }
    }
    walk(file, header, second_counts, tell)
}

/// Whether the system did not read, so that nobody knows what is there.
fn is_unread(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::Storage(StorageError::Io(error)) => error.kind() != io::ErrorKind::InvalidData,
        DatabaseError::Storage(StorageError::PreviousIo) => true,
        _ => false,
    }
}

/// Compares the checksums of all that a slot leads to.
fn walk(
    file: &WatchedFile,
    mut header: [u8; HEADER_LEN],
    second_counts: bool,
    tell: Option<Told>,
) -> Result<(), DatabaseError> {
    let len = file.len().map_err(StorageError::from)?;
    let (flags, slots) = parts(&mut header);
    // As if it had to be repaired, and nothing but what counts were there.
    *flags &= !(TWO_PHASES | SECOND_COUNTS);
    match second_counts {
        true => slots.0.copy_from_slice(slots.1),
        false => slots.1.copy_from_slice(slots.0),
    }
    let (whole, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (is_whole, is_broken) = (Arc::clone(&whole), Arc::clone(&broken));
    let mut builder = Builder::new();
    // Each page is looked at once.
    builder.set_cache_size(1 << 20);
    builder.set_repair_callback(move |session: &mut RepairSession| match session.progress() {
        // It begins.
        ..0.1 => {}
        // It would go back to another state.
        0.1..0.5 => {
            is_broken.store(true, Ordering::Release);
            session.abort();
        }
        _ => {
            is_whole.store(true, Ordering::Release);
            session.abort();
        }
    });
    let shown = Shown {
        file: file.clone(),
        header,
        len,
        read: AtomicU64::new(0),
        tell,
    };
    match builder.create_with_backend(shown) {
        _ if whole.load(Ordering::Acquire) => Ok(()),
        _ if broken.load(Ordering::Acquire) => Err(damaged("a checksum of its pages is wrong")),
        Ok(database) => {
            drop(Held::new(database));
            Err(damaged("its header says that nothing was written"))
        }
        Err(error) => Err(error),
    }
}

fn damaged(what: &str) -> DatabaseError {
    StorageError::Corrupted(what.into()).into()
}

/// The flags of a header, and its slots.
fn parts(header: &mut [u8; HEADER_LEN]) -> (&mut u8, (&mut [u8], &mut [u8])) {
    let (start, slots) = header.split_at_mut(SLOT_AT[0]);
    (&mut start[FLAGS_AT], slots.split_at_mut(SLOT_LEN))
}

/// Which commit a slot is of.
fn commit(slot: &[u8]) -> u64 {
    let number = slot.get(COMMIT_AT..).and_then(|rest| rest.first_chunk());
    number.map_or(0, |number| u64::from_le_bytes(*number))
}

/// A file with another header, to which nothing is written.
struct Shown {
    file: WatchedFile,
    header: [u8; HEADER_LEN],
    len: u64,
    read: AtomicU64,
    tell: Option<Told>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

impl StorageBackend for Shown {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        // No page is larger than what it lies in: a length out of a damaged file is not asked of the system.
        if offset.saturating_add(out.len() as u64) > self.len {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a page lies outside of the file",
            ));
        }
        self.file.read(offset, out)?;
        let place = usize::try_from(offset).unwrap_or(usize::MAX);
        for (octet, shown) in out.iter_mut().zip(self.header.iter().skip(place)) {
            *octet = *shown;
        }
        let read = out.len() as u64 + self.read.fetch_add(out.len() as u64, Ordering::Relaxed);
        if let Some(tell) = &self.tell {
            tell(read.min(self.len), self.len);
        }
        Ok(())
    }

    fn set_len(&self, _: u64) -> Result<(), io::Error> {
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, _: u64, _: &[u8]) -> Result<(), io::Error> {
        Ok(())
    }

    // Locked by it, and from then on by whoever goes on with the same file: closing is theirs.

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}
