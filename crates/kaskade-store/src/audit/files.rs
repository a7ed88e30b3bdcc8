//! The folder of a log: its lock, its segments, and the room that is kept for them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use kaskade_faults::fault;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::error::AuditError;
use crate::chain::Names;
use crate::private::{self, PrivateError, Use};

const LOCK: &str = "lock";
const SPARE: &str = "spare";
const IDENTITY: &str = "log";
const SEGMENTS: Names = Names {
    prefix: "audit-",
    suffix: ".log",
};
const IDENTITY_MAGIC: &[u8; 8] = b"KSKALOG1";

/// The folder of a log, which only one process writes.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, AuditError> {
        private::create_folder(path)?;
        let name = path.join(LOCK);
        let (lock, is_ours) = private::lock(&name)?;
        if !is_ours && !fault!("second-audit-writer") {
            return Err(AuditError::InUse(path.into()));
        }
        let folder = Self {
            path: path.into(),
            _lock: lock,
        };
        folder.check_spare()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Which log the folder is of, 16 octets; `None` as long as there was none.
    pub(super) fn identity(&self) -> Result<Option<[u8; 16]>, AuditError> {
        identity(&self.path)
    }

    pub(super) fn set_identity(&self, log: &[u8; 16]) -> Result<(), AuditError> {
        let content = [&IDENTITY_MAGIC[..], log].concat();
        Ok(private::replace(&self.path.join(IDENTITY), &content)?)
    }

    pub(super) fn segment(&self, number: u64) -> PathBuf {
        segment(&self.path, number)
    }

    pub(super) fn segments(&self) -> Result<Vec<u64>, AuditError> {
        segments(&self.path).map_err(|error| io_error(&self.path, &error))
    }

    /// What is in the place of the next segment can be replaced.
    fn check_spare(&self) -> Result<(), AuditError> {
        let path = self.path.join(SPARE);
        let found = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() && !fault!("audit-spare-not-looked-at") => "a folder",
            _ => return Ok(()),
        };
        let expected = "the next segment of the audit log, or nothing: move it elsewhere";
        Err(PrivateError::Kind { path, found, expected }.into())
    }

    /// A file of zeros with room on the disk for all of it, that has no number yet.
    pub(super) fn spare(&self, octets: u64) -> io::Result<File> {
        let path = self.path.join(SPARE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = private::create(&path).map_err(|error| match error {
            PrivateError::Io { kind, reason, .. } => io::Error::new(kind, reason),
            error => io::Error::other(error),
        })?;
        match preallocate(&file, 0, octets) {
            Ok(()) => Ok(file),
            Err(error) => {
                // What it took already is wanted elsewhere.
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Gives the spare file a number; durable before it returns.
    pub(super) fn number_spare(&self, number: u64) -> io::Result<()> {
        let path = self.segment(number);
        fs::rename(self.path.join(SPARE), &path)?;
        private::sync_folder_of(&path)
    }

    /// Removes a segment that is not kept any longer.
    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.segment(number)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

pub(super) fn identity(folder: &Path) -> Result<Option<[u8; 16]>, AuditError> {
    let path = folder.join(IDENTITY);
    let content = match private::read(&path, Use::Own, 64) {
        Err(error) if error.is_not_found() => return Ok(None),
        read => read?,
    };
    let log = content.strip_prefix(IDENTITY_MAGIC).and_then(|log| log.try_into().ok());
    log.map(Some).ok_or(AuditError::Private(PrivateError::Kind {
        path,
        found: "a damaged file",
        expected: "the identity of an audit log",
    }))
}

pub(super) fn segment(folder: &Path, number: u64) -> PathBuf {
    SEGMENTS.path(folder, number)
}

/// The numbers of the segments in a folder, in order.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    SEGMENTS.numbers(folder)
}

/// Makes sure that the disk has room for a file from `from` on up to `len` octets, which are zeros there.
pub(super) fn preallocate(file: &File, from: u64, len: u64) -> io::Result<()> {
    let Some(octets) = len.checked_sub(from).filter(|octets| *octets > 0) else {
        return Ok(());
    };
    match fallocate(file, FallocateFlags::empty(), from, octets) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => fill(file, from, len),
        done => Ok(done?),
    }
}

/// Where the file system keeps no room: writes zeros.
fn fill(file: &File, from: u64, len: u64) -> io::Result<()> {
    let zeros = [0; 1 << 16];
    let mut at = from;
    while at < len {
        let octets = usize::try_from(len - at).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all_at(zeros.get(..octets).unwrap_or(&zeros), at)?;
        at += octets as u64;
    }
    (&mut &*file).flush()
}

/// Whether a write may succeed later, when there is room.
pub(super) fn is_full(error: &io::Error) -> bool {
    private::is_no_room(error.kind())
}

pub(super) fn io_error(path: &Path, error: &io::Error) -> AuditError {
    AuditError::Private(PrivateError::Io {
        path: path.into(),
        reason: error.to_string(),
        kind: error.kind(),
    })
}

/// Which start of the machine this is; zeros where the system does not say.
pub(super) fn boot() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
}
