//! The AuC of hostapd's EAP server, on Unix sockets, for laboratories (`kaskade_codec::hostapd_auc`).
//!
//! ```text
//! hostapd ── AKA-REQ-AUTH <IMSI> ── queue ── UDM of this process ── audit log ── AKA-RESP-AUTH <IMSI> <RAND> <AUTN> <IK> <CK> <RES>
//! ```
//!
//! CK and IK leave the home: TS 33.402 6.2 has the home make CK' and IK' of them. A request does not say for which method it is, so
//! that each has a socket of its own. Requests are dealt with in the order in which they come, since that behind an AUTS wants what the
//! AUTS has changed. What nothing can be given for is answered by `FAILURE` at once; hostapd would wait for a second.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixDatagram as Blocking;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::eap::AkaMethod;
use kaskade_codec::hostapd_auc::{MOST, Request, Vector};
use kaskade_codec::sbi::ResynchronizationInfo;
use kaskade_faults::fault;
use kaskade_keys::Supi;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::UnixDatagram;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::timeout;

use crate::log_limit;
use crate::role::udm::Udm;
use crate::sbi::peer::Requester;
use crate::sbi::server::{Shutdown, begun};

/// Octets of a path in `sockaddr_un`, without its end.
const LONGEST_PATH: usize = 107;

/// Requests of one socket that wait.
pub const QUEUE: usize = 256;

/// A socket that hostapd asks, and the method of all that it asks for there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AucSocket {
    /// Where it is made, mode 0600.
    pub path: PathBuf,
    /// EAP-AKA' has the separation bit set, EAP-AKA cleared.
    pub method: AkaMethod,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AucSocketError {
    /// The path cannot be that of a socket.
    #[error("a socket's path has 1 to {most} octets, none of them NUL: this one has {0}", most = LONGEST_PATH)]
    Path(usize),
    /// Something else is there.
    #[error("is no socket: move it away, a node makes its socket there")]
    NoSocket,
    /// Another process has it.
    #[error("another process answers there: stop it first")]
    Lives,
    /// The system refuses it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether a path can be that of a socket.
///
/// # Errors
/// [`AucSocketError::Path`].
pub fn check_path(path: &Path) -> Result<(), AucSocketError> {
    let octets = path.as_os_str().as_bytes();
    match (1..=LONGEST_PATH).contains(&octets.len()) && !octets.contains(&0) {
        true => Ok(()),
        false => Err(AucSocketError::Path(octets.len())),
    }
}

/// A socket on which nobody is answered yet; dropped, it is gone.
#[derive(Debug)]
pub struct AucListener {
    socket: UnixDatagram,
    at: AucSocket,
}

impl AucListener {
    /// Makes the socket, in the place of one that a killed node has left.
    ///
    /// # Errors
    /// [`AucSocketError`]; what is there stays as it is.
    pub fn bind(at: &AucSocket) -> Result<Self, AucSocketError> {
        let path = &at.path;
        check_path(path)?;
        match std::fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(AucSocketError::NoSocket),
            Ok(_) => match Blocking::unbound()?.connect(path) {
                Ok(()) => return Err(AucSocketError::Lives),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
                Err(error) => return Err(error.into()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        if !fault!("auc-socket-for-everybody") {
            // Before it has a name: it is never there with another mode.
            File::from(OwnedFd::from(socket.try_clone()?)).set_permissions(Permissions::from_mode(0o600))?;
        }
        socket.bind(&SockAddr::unix(path)?)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: UnixDatagram::from_std(OwnedFd::from(socket).into())?,
            at: at.clone(),
        })
    }

    /// Answers until the shutdown has begun and what waits has been answered, or `drain` is over.
    pub async fn serve(self, udm: Arc<Udm>, drain: Duration, shutdown: Shutdown) {
        let this = Arc::new(self);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let mut work = tokio::spawn(this.clone().work(udm, waiting));
        let mut stop = shutdown.listener();
        // One octet more than a request has: what is longer is seen to be.
        let mut buffer = [0; MOST + 1];
        loop {
            let received = tokio::select! {
                received = this.socket.recv_from(&mut buffer) => received,
                () = begun(&mut stop) => break,
            };
            let (length, from) = match received {
                Ok(received) => received,
                Err(error) => {
                    log_limit!(warn, "receiving from hostapd failed", %error);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Some(from) = from.as_pathname() else {
                log_limit!(
                    warn,
                    "a request of hostapd was dropped: its socket has no name that could be answered"
                );
                continue;
            };
            match Request::parse(buffer.get(..length).unwrap_or_default()) {
                Ok(request) => match queue.try_send((request, from.to_owned())) {
                    Ok(()) => {}
                    Err(TrySendError::Full((request, from))) => {
                        log_limit!(warn, "a request of hostapd is refused: too many wait");
                        this.refuse(&request, &from);
                    }
                    Err(TrySendError::Closed(_)) => break,
                },
                Err(error) => {
                    log_limit!(warn, "a request of hostapd was dropped", %error);
                }
            }
        }
        drop(queue);
        if timeout(drain, &mut work).await.is_err() {
            work.abort();
            tracing::warn!("requests of hostapd did not finish");
        }
    }

    /// One after the other.
    async fn work(self: Arc<Self>, udm: Arc<Udm>, mut waiting: Receiver<(Request, PathBuf)>) {
        let requester = Requester::role("hostapd");
        while let Some((request, from)) = waiting.recv().await {
            self.answer(&udm, &requester, &request, &from).await;
        }
    }

    async fn answer(&self, udm: &Udm, requester: &Requester, request: &Request, from: &Path) {
        let supi = Supi::Imsi(*request.imsi());
        match request {
            Request::Vector { imsi } => match udm.eap_quintet(requester, &supi, self.at.method).await {
                Ok(quintet) => {
                    let datagram = quintet.map(|quintet| {
                        let vector = Vector {
                            rand: &quintet.rand,
                            autn: &quintet.autn,
                            ik: &quintet.ik,
                            ck: &quintet.ck,
                            xres: &quintet.xres,
                        };
                        vector.emit(imsi)
                    });
                    self.tell(&datagram.release_to_peer(), from);
                }
                Err(error) => {
                    log_limit!(warn, "hostapd gets no vector", supi = %supi.masked(), %error);
                    self.refuse(request, from);
                }
            },
            Request::Resynchronisation { auts, rand, .. } => {
                let info = ResynchronizationInfo {
                    rand: *rand,
                    auts: *auts,
                };
                let done = udm.eap_resynchronise(requester, &supi, self.at.method, &info).await;
                if let Err(error) = done {
                    log_limit!(warn, "an AUTS by way of hostapd is refused", supi = %supi.masked(), %error);
                }
            }
            _ => {
                log_limit!(warn, "hostapd asks for triplets, which are not served", supi = %supi.masked());
                self.refuse(request, from);
            }
        }
    }

    fn refuse(&self, request: &Request, from: &Path) {
        if let Some(datagram) = request.failure() {
            self.tell(&datagram, from);
        }
    }

    /// Who does not read its answers waits in vain. What it has not read fills the system's buffer of this socket, some 200 KiB: then nobody
    /// is answered until it reads or ends. They are processes of one user.
    fn tell(&self, datagram: &[u8], to: &Path) {
        // Not by the runtime, which would wait: whether there is room depends on whom it is sent to.
        let sent = SockAddr::unix(to).and_then(|to| SockRef::from(&self.socket).send_to(datagram, &to));
        if let Err(error) = sent {
            log_limit!(warn, "hostapd could not be answered", to = %to.display(), %error);
        }
    }
}

impl Drop for AucListener {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = std::fs::remove_file(&self.at.path);
    }
}
