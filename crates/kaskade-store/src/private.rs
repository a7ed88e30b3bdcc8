//! Files and folders that nobody but their owner may look into.
//!
//! What is there is checked on the opened file, not by its name; what is new is made with `O_EXCL`, so that a link that
//! somebody planted is never followed, and has its mode whatever the umask is. The owner is the user of this process or
//! root. Errors say the path, what was found, and the command that mends it.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kaskade_faults::fault;
use rustix::fs::OFlags;

/// Why a file or folder was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateError {
    /// The system refused.
    #[error("{}: {reason}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
        /// The kind of that reason.
        kind: ErrorKind,
    },
    /// Others may read or write it.
    #[error("{}: mode {mode:04o} lets other users in, expected {expected:04o}: run `chmod {expected:o} {}`", path.display(), path.display())]
    Mode {
        /// Which file.
        path: PathBuf,
        /// The mode that it has.
        mode: u32,
        /// The mode that it should have.
        expected: u32,
    },
    /// It belongs to somebody else.
    #[error(
        "{}: belongs to {}, not to {} who runs this: whoever owns it reads and changes it. {}if it is yours, run `chown {us} {}`",
        path.display(), user(*owner), user(*us), run_as(*owner, *us), path.display()
    )]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Not of the kind that it should be.
    #[error("{}: {found}, expected {expected}", path.display())]
    Kind {
        /// Which file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Everybody may replace what is in a folder above it.
    #[error(
        "{}: every user may replace what is in {} (mode {mode:04o}): run `chmod o-w {}`, or use another folder",
        path.display(), folder.display(), folder.display()
    )]
    OpenParent {
        /// Which file or folder.
        path: PathBuf,
        /// The folder above it.
        folder: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// A user by name, where the system's own list has one.
fn user(id: u32) -> String {
    match name_of(id) {
        Some((name, _)) => format!("user {id} ({name})"),
        None => format!("user {id}"),
    }
}

/// Name and group of a user.
fn name_of(id: u32) -> Option<(String, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        let group = fields.next()?.parse().ok()?;
        (number.parse() == Ok(id)).then(|| (name.to_owned(), group))
    })
}

/// Root becomes who a file belongs to, rather than the other way round: a node under that user loses its files by a `chown`.
fn run_as(owner: u32, us: u32) -> String {
    match (us, name_of(owner)) {
        (0, Some((name, group))) => format!(
            "Run it as that user: `sudo -u {name} …` or `setpriv --reuid {name} --regid {group} --init-groups …`; "
        ),
        (0, None) => format!("Run it as that user: `setpriv --reuid {owner} --regid {owner} --clear-groups …`; "),
        _ => String::new(),
    }
}

impl PrivateError {
    /// What the system said about a file.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        Self::Io {
            path: path.into(),
            reason: error.to_string(),
            kind: error.kind(),
        }
    }

    /// Which file or folder it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Mode { path, .. }
            | Self::Owner { path, .. }
            | Self::Kind { path, .. }
            | Self::OpenParent { path, .. } => path,
        }
    }

    /// Whether the disk has no room.
    pub const fn is_no_room(&self) -> bool {
        matches!(self, Self::Io { kind, .. } if is_no_room(*kind))
    }

    /// Whether it is only that there is no such file.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::Io {
                kind: ErrorKind::NotFound,
                ..
            }
        )
    }
}

/// Whether the system refuses for want of room.
pub const fn is_no_room(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// What a file is for: decides whether a link to it is followed and what mode it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The program's own file in a private folder: never a link.
    Own,
    /// A secret that a user or another program keeps somewhere, perhaps behind a link.
    Secret,
    /// The private key of a service. One of root may be readable for a group through which this process, not root itself,
    /// gets it.
    ServiceKey,
    /// Public, but others must not change it: a certificate, a configuration.
    Trusted,
}

/// Opens a file for reading, if nobody else may look into it.
///
/// # Errors
/// [`PrivateError`].
pub fn open(path: &Path, usage: Use) -> Result<File, PrivateError> {
    let mut options = OpenOptions::new();
    options.read(true);
    open_with(path, usage, &mut options)
}

/// Opens a file of our own for reading and writing.
///
/// # Errors
/// [`PrivateError`].
pub fn open_to_write(path: &Path) -> Result<File, PrivateError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    open_with(path, Use::Own, &mut options)
}

fn open_with(path: &Path, usage: Use, options: &mut OpenOptions) -> Result<File, PrivateError> {
    let io = |error: io::Error| PrivateError::io(path, &error);
    let named = fs::symlink_metadata(path).map_err(io)?;
    let is_link = named.file_type().is_symlink();
    if is_link {
        if usage == Use::Own {
            return Err(PrivateError::Kind {
                path: path.into(),
                found: "a symbolic link",
                expected: "a regular file",
            });
        }
        // Whoever owns the link chooses the file.
        owner(path, &named)?;
    } else {
        // A folder says another reason, and a device may do something when it is opened.
        regular(path, &named)?;
    }
    // Not to wait for the writer of a pipe.
    let mut flags = OFlags::NONBLOCK;
    if !is_link {
        flags |= OFlags::NOFOLLOW;
    }
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = options.custom_flags(flags).open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    regular(path, &metadata)?;
    if usage == Use::Trusted {
        owner(path, &metadata)?;
        mode(path, &metadata, 0o022, 0o644)?;
    } else {
        owner(path, &metadata)?;
        let through_a_group = usage == Use::ServiceKey && metadata.uid() == 0 && us() != 0;
        let refused = if through_a_group { 0o037 } else { 0o077 };
        mode(path, &metadata, refused, 0o600)?;
    }
    Ok(file)
}

/// Reads a file that nobody else may look into, of at most `longest` octets.
///
/// # Errors
/// [`PrivateError`].
pub fn read(path: &Path, usage: Use, longest: u64) -> Result<Vec<u8>, PrivateError> {
    let io = |error: io::Error| PrivateError::io(path, &error);
    let file = open(path, usage)?;
    let len = file.metadata().map_err(io)?.len();
    if len > longest {
        return Err(PrivateError::Kind {
            path: path.into(),
            found: "a file that is too long",
            expected: "a smaller one",
        });
    }
    // Of its full size at once: a buffer that grows leaves its octets behind.
    let mut content = Vec::with_capacity(usize::try_from(len).unwrap_or_default().saturating_add(1));
    file.take(longest).read_to_end(&mut content).map_err(io)?;
    Ok(content)
}

/// Refuses an opened file that is not regular, not ours, or that lets others in.
///
/// # Errors
/// [`PrivateError`].
pub fn check(path: &Path, file: &File) -> Result<(), PrivateError> {
    let metadata = file.metadata().map_err(|error| PrivateError::io(path, &error))?;
    regular(path, &metadata)?;
    owner(path, &metadata)?;
    mode(path, &metadata, 0o077, 0o600)
}

/// Makes a new file of mode 0600; never touches what is there, and never follows a link.
///
/// # Errors
/// [`PrivateError`], also when there is such a name already.
pub fn create(path: &Path) -> Result<File, PrivateError> {
    let io = |error: io::Error| PrivateError::io(path, &error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    match fault!("planted-name-followed") {
        true => options.create(true),
        false => options.create_new(true),
    };
    let file = options.open(path).map_err(io)?;
    // The umask may have taken rights that the owner needs, or the folder's access list given some.
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(io)?;
    Ok(file)
}

/// Locks a file of our own, which is made if there is none, for as long as it is open; and whether that is so, or another process has it.
pub(crate) fn lock(path: &Path) -> Result<(File, bool), PrivateError> {
    let file = match create(path) {
        Err(PrivateError::Io {
            kind: ErrorKind::AlreadyExists,
            ..
        }) => open_to_write(path)?,
        made => made?,
    };
    match file.try_lock() {
        Ok(()) => Ok((file, true)),
        Err(TryLockError::WouldBlock) => Ok((file, false)),
        Err(TryLockError::Error(error)) => Err(PrivateError::io(path, &error)),
    }
}

/// Writes a new file of mode 0600, durable before it returns; never touches what is there.
///
/// # Errors
/// [`PrivateError`]; nothing of the file is left then.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), PrivateError> {
    let mut file = create(path)?;
    let done = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder_of(path));
    done.map_err(|error| {
        // Half a file would be in the way of the next attempt.
        let _ = fs::remove_file(path);
        PrivateError::io(path, &error)
    })
}

/// Removes a file, or a link and not what it points to; durable before it returns.
///
/// # Errors
/// [`PrivateError`], also when there is no such name.
pub fn remove(path: &Path) -> Result<(), PrivateError> {
    let done = fs::remove_file(path).and_then(|()| sync_folder_of(path));
    done.map_err(|error| PrivateError::io(path, &error))
}

/// Replaces a file, or makes it: mode 0600, whole or not at all, durable before it returns. A link in its place is
/// replaced, not followed.
///
/// # Errors
/// [`PrivateError`]; the old file is there then.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), PrivateError> {
    let new = with_suffix(path, ".new");
    // What an earlier crash left, or somebody planted. If it cannot go, `create` refuses it.
    let _ = fs::remove_file(&new);
    let mut file = create(&new)?;
    let done = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&new, path))
        .and_then(|()| sync_folder_of(path));
    done.map_err(|error| {
        let _ = fs::remove_file(&new);
        PrivateError::io(path, &error)
    })
}

/// A name with something behind it.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes the names in the folder of a file durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
}

/// What is not refused about a private folder, and yet should be known.
pub type Notice = String;

/// Makes a private folder of mode 0700, and what is missing above it. One of ours that is there gets that mode when it is
/// empty, and is otherwise left as it is.
///
/// # Errors
/// [`PrivateError`].
pub fn create_folder(path: &Path) -> Result<Vec<Notice>, PrivateError> {
    let io = |error: io::Error| PrivateError::io(path, &error);
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(above)
            .map_err(io)?;
    }
    let made = match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        made => made.map(|()| true).map_err(io)?,
    };
    let folder = open_folder(path)?;
    owner(path, &folder.metadata().map_err(io)?)?;
    if made || fs::read_dir(path).map_err(io)?.next().is_none() {
        folder.set_permissions(fs::Permissions::from_mode(0o700)).map_err(io)?;
    }
    check_folder(path)
}

/// Refuses a folder that others may look into, that is somebody else's, or that everybody can replace; the notices are
/// about folders above it.
///
/// # Errors
/// [`PrivateError`].
pub fn check_folder(path: &Path) -> Result<Vec<Notice>, PrivateError> {
    let io = |error: io::Error| PrivateError::io(path, &error);
    let named = fs::symlink_metadata(path).map_err(io)?;
    if named.file_type().is_symlink() {
        owner(path, &named)?;
    }
    let folder = open_folder(path)?;
    let metadata = folder.metadata().map_err(io)?;
    owner(path, &metadata)?;
    mode(path, &metadata, 0o077, 0o700)?;
    check_parents(path, &metadata)
}

fn open_folder(path: &Path) -> Result<File, PrivateError> {
    let flags = i32::try_from(OFlags::DIRECTORY.bits()).unwrap_or_default();
    let folder = OpenOptions::new().read(true).custom_flags(flags).open(path);
    folder.map_err(|error| match error.kind() {
        ErrorKind::NotADirectory => PrivateError::Kind {
            path: path.into(),
            found: "not a folder",
            expected: "a folder",
        },
        _ => PrivateError::io(path, &error),
    })
}

/// The folders above one: whoever may write there can put another in its place.
fn check_parents(path: &Path, checked: &Metadata) -> Result<Vec<Notice>, PrivateError> {
    let io = |error: io::Error| PrivateError::io(path, &error);
    let whole = path.canonicalize().map_err(io)?;
    let same = fs::metadata(&whole).map_err(io)?;
    if (same.dev(), same.ino()) != (checked.dev(), checked.ino()) {
        return Err(PrivateError::Kind {
            path: path.into(),
            found: "replaced while it was opened",
            expected: "a folder that stays",
        });
    }
    let mut notices = Vec::new();
    for folder in whole.ancestors().skip(1) {
        let metadata = fs::metadata(folder).map_err(io)?;
        let mode = metadata.mode() & 0o7777;
        let sticky = mode & 0o1000 != 0;
        if mode & 0o002 != 0 && !sticky {
            return Err(PrivateError::OpenParent {
                path: path.into(),
                folder: folder.into(),
                mode,
            });
        }
        let group = mode & 0o020 != 0 && !sticky && metadata.gid() != rustix::process::getegid().as_raw();
        let other = !owners().contains(&metadata.uid());
        if group || other {
            let who = if other {
                format!("user {}", metadata.uid())
            } else {
                format!("group {}", metadata.gid())
            };
            notices.push(format!(
                "{who} may replace what is in {}, {} among it",
                folder.display(),
                path.display()
            ));
        }
    }
    Ok(notices)
}

fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Who may own what is private: we and root.
fn owners() -> [u32; 2] {
    [us(), 0]
}

fn owner(path: &Path, metadata: &Metadata) -> Result<(), PrivateError> {
    if owners().contains(&metadata.uid()) {
        return Ok(());
    }
    Err(PrivateError::Owner {
        path: path.into(),
        owner: metadata.uid(),
        us: us(),
    })
}

fn mode(path: &Path, metadata: &Metadata, refused: u32, expected: u32) -> Result<(), PrivateError> {
    let mode = metadata.mode() & 0o7777;
    if mode & refused == 0 || fault!("mode-not-checked") {
        return Ok(());
    }
    Err(PrivateError::Mode {
        path: path.into(),
        mode,
        expected,
    })
}

fn regular(path: &Path, metadata: &Metadata) -> Result<(), PrivateError> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(PrivateError::Kind {
        path: path.into(),
        found: "not a regular file",
        expected: "a regular file",
    })
}
