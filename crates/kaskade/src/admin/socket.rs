//! The Unix socket of a node in its data folder: where it is, who may connect, and how the one of a killed node is replaced.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Blocking;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kaskade_faults::fault;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::UnixListener;

/// Its name in the data folder.
const NAME: &str = "admin.sock";
/// How long a connection may wait for its place.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of a path in `sockaddr_un`, its end among them.
const MOST: usize = 108;

/// Where the socket of a data folder is.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}

/// A path that fits into `sockaddr_un`: as it is, or by way of the open folder where it is too long.
struct Short {
    path: PathBuf,
    /// Keeps the way open.
    _folder: Option<std::fs::File>,
}

impl Short {
    fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().as_bytes().len() < MOST {
            return Ok(Self {
                path: path.to_owned(),
                _folder: None,
            });
        }
        use std::os::fd::AsRawFd;
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let folder = std::fs::File::open(folder)?;
        Ok(Self {
            path: Path::new("/proc/self/fd")
                .join(folder.as_raw_fd().to_string())
                .join(name),
            _folder: Some(folder),
        })
    }
}

/// The socket of a node that lives: `None` where there is none, or only what a killed one has left.
pub(crate) fn connect(data: &Path) -> Result<Option<Blocking>> {
    connect_at(&path(data))
}

/// The same of a socket elsewhere.
pub(crate) fn connect_at(path: &Path) -> Result<Option<Blocking>> {
    let told = || format!("cannot reach the node of this folder by {}", path.display());
    // A link may lead to the node of another folder, or to something else that answers.
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() && !fault!("admin-socket-by-a-link") => {
            bail!(
                "{}: is a link and no socket: move it away, a node makes its socket there",
                path.display()
            );
        }
        _ => {}
    }
    let connected = Short::of(path).and_then(|short| connected(&short.path));
    let stream = match connected {
        Ok(stream) => stream,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => Ok(None),
                _ => Err(error).with_context(told),
            };
        }
    };
    // Secrets may go there: to nobody but the owner of the folder, or root, into whose folder nobody else could put it.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::metadata(folder.unwrap_or(Path::new("."))).with_context(told)?;
    let peer = rustix::net::sockopt::socket_peercred(&stream)
        .with_context(told)?
        .uid
        .as_raw();
    if folder.mode() & 0o022 != 0 || ![0, folder.uid()].contains(&peer) {
        bail!(
            "{}: whoever answers there is user {peer}, and the folder is of user {} with mode {:03o}: it is not asked",
            path.display(),
            folder.uid(),
            folder.mode() & 0o777
        );
    }
    Ok(Some(stream))
}

/// Connects, if there is a place within some time: behind a node that hangs nobody waits for ever.
fn connected(path: &Path) -> io::Result<Blocking> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let (address, begin) = (SocketAddrUnix::new(path)?, Instant::now());
    while let Err(error) = net::connect(&socket, &address) {
        if error != Errno::AGAIN {
            return Err(error.into());
        }
        if begin.elapsed() >= PATIENCE {
            let why = "it takes no connection: it hangs, or is very busy";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let stream = Blocking::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// A socket that listens; dropped, it is gone.
pub(crate) struct Socket {
    listener: Option<UnixListener>,
    path: PathBuf,
}

impl Socket {
    /// Listens in a data folder, whose lock this process has: what is there of another process is a killed one's, if nobody answers.
    pub(crate) fn listen(data: &Path) -> Result<Self> {
        Self::listen_at(&path(data), 0o600)
    }

    /// The same elsewhere, with this mode.
    pub(crate) fn listen_at(path: &Path, mode: u32) -> Result<Self> {
        let told = || path.display().to_string();
        match std::fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                bail!("{}: is no socket: move it away, a node makes its socket there", told());
            }
            Ok(_) => {
                if connect_at(path)?.is_some() && !fault!("admin-living-socket-replaced") {
                    bail!("{}: another node answers there: stop it first", told());
                }
                std::fs::remove_file(path).with_context(told)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(told),
        }
        let short = Short::of(path).with_context(told)?;
        // The data folder has mode 0700: nobody else gets as far as its socket, also before its own mode is set.
        let listener = UnixListener::bind(&short.path).with_context(told)?;
        let socket = Self {
            listener: Some(listener),
            path: path.to_path_buf(),
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).with_context(told)?;
        Ok(socket)
    }

    /// For the server.
    pub(crate) fn listener(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = std::fs::remove_file(&self.path);
    }
}
