//! The short way to a server behind a socket of this machine: a thread that waits for the answer anyhow asks itself.
//!
//! By way of the thread that drives the connections an answer costs four changes from one thread to another; here it costs two, as it does
//! every client that has a connection of its own. There is one such connection, and one thread at a time has it: whoever comes meanwhile
//! goes the other way, where many questions become one. What fails here is asked once more there, and is told as it is told there; only a server that is
//! silent is not waited for twice.

use std::future::Future;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use kaskade_faults::fault;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Connection, NoTls, Row as Found, Statement};

use super::errors;
use super::lease::Lease;
use super::read::{Answer, Answers, Name, PATIENCE, ROWS};
use super::server::Server;
use crate::engine::Wanted;

/// How long after a failure nobody tries to connect again.
const PAUSE: Duration = Duration::from_secs(2);

/// The short way, whether or not it is open.
pub(super) struct Near {
    server: Arc<Server>,
    lease: Arc<Lease>,
    /// No longer than it takes to look.
    way: Mutex<Way>,
}

enum Way {
    Free(Box<Line>),
    /// Somebody asks, or connects.
    Taken,
    /// Nobody connects before this moment.
    Closed(Instant),
}

impl Near {
    /// To a server that has a socket on this machine.
    pub(super) fn to(server: &Arc<Server>, lease: &Arc<Lease>) -> Option<Arc<Self>> {
        server.sockets().next()?;
        Some(Arc::new(Self {
            server: Arc::clone(server),
            lease: Arc::clone(lease),
            way: Mutex::new(Way::Closed(Instant::now())),
        }))
    }

    /// The rows that are wanted; `None` when they are to be asked for by the other way.
    pub(super) fn read(self: &Arc<Self>, wanted: &[Wanted<'_>], driver: &Handle) -> Option<Answer> {
        let names: Vec<Name> = wanted.iter().map(Name::of).collect();
        let ids = names.iter().map(|name| match name {
            Name::Row(_, id) => Some(id.as_slice()),
            Name::Link(..) => None,
        });
        let ids: Vec<&[u8]> = ids.collect::<Option<_>>()?;
        let mut line = self.take(driver)?;
        let found = match line.read(&ids) {
            Ok(found) if self.server.is_newest(line.timeline) => found,
            Ok(_) | Err(Stopped::Ended) => {
                self.leave(Way::Closed(Instant::now() + PAUSE));
                return None;
            }
            Err(Stopped::Silent) => {
                self.leave(Way::Closed(Instant::now() + PAUSE));
                return Some(Err(errors::away(&self.server.name, "no answer")));
            }
        };
        self.leave(Way::Free(line));
        let answers = Answers::of(&found, false).ok()?;
        let rows = || names.iter().map(|name| answers.row(name)).collect();
        Some(self.lease.check(&self.server).map(|()| rows()))
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, as_it_is: Way) {
        *self.way() = as_it_is;
    }

    /// The connection, if nobody has it. Where there is none a thread of its own makes one.
    fn take(self: &Arc<Self>, driver: &Handle) -> Option<Box<Line>> {
        let mut way = self.way();
        match &*way {
            Way::Closed(until) if *until <= Instant::now() => {
                *way = Way::Taken;
                let near = Arc::clone(self);
                driver.spawn_blocking(move || {
                    let closed = || Way::Closed(Instant::now() + PAUSE);
                    near.leave(Line::open(&near.server).map_or_else(closed, |line| Way::Free(Box::new(line))));
                });
                None
            }
            Way::Closed(_) | Way::Taken => None,
            Way::Free(_) if fault!("postgres-short-way-not-taken") => None,
            Way::Free(_) => match std::mem::replace(&mut *way, Way::Taken) {
                Way::Free(line) => Some(line),
                _ => None,
            },
        }
    }
}

/// A connection that whoever asks drives.
struct Line {
    client: Client,
    timeline: i32,
    rows: Statement,
    wire: Wire,
    connection: Connection<Wire, NoTlsStream>,
}

/// Why there is no answer.
enum Stopped {
    /// The connection is at its end, or the server refused.
    Ended,
    /// Nothing came for too long.
    Silent,
}

impl Line {
    /// To the first socket behind which a primary is that is none of before.
    fn open(server: &Server) -> Option<Self> {
        server.sockets().find_map(|(path, config)| {
            let wire = Wire::to(&path).ok()?;
            let until = Instant::now() + PATIENCE;
            let connecting = wire.wait_for(config.connect_raw(wire.clone(), NoTls), |_| Ok(()), until);
            let (client, mut connection) = connecting.ok()?.ok()?;
            let settled = async {
                // A standby has no answer to what is asked here.
                let timeline = server.settle(&client).await.ok()?;
                let rows = client.prepare(ROWS).await.ok()?;
                server.is_newest(timeline).then_some((timeline, rows))
            };
            let settled = wire.wait_for(settled, |context| drive(&mut connection, context), until);
            let (timeline, rows) = settled.ok().flatten()?;
            Some(Self {
                client,
                timeline,
                rows,
                wire,
                connection,
            })
        })
    }

    fn read(&mut self, ids: &[&[u8]]) -> Result<Vec<Found>, Stopped> {
        let Self {
            client,
            rows,
            wire,
            connection,
            ..
        } = self;
        let asked = async { client.query(&*rows, &[&ids]).await };
        let until = Instant::now() + PATIENCE;
        let found = wire.wait_for(asked, |context| drive(connection, context), until)?;
        found.map_err(|_| Stopped::Ended)
    }
}

/// Sends and takes what there is. What the server says unasked is of no use here.
fn drive(connection: &mut Connection<Wire, NoTlsStream>, context: &mut Context<'_>) -> Result<(), Stopped> {
    loop {
        match connection.poll_message(context) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(_)) | None) => return Err(Stopped::Ended),
        }
    }
}

/// A socket that nobody wakes anybody about: who uses it waits for it by [`Wire::wait_for`].
#[derive(Clone)]
struct Wire {
    socket: Arc<UnixStream>,
    /// What was to be sent has no room.
    is_full: Arc<AtomicBool>,
}

impl Wire {
    fn to(path: &std::path::Path) -> io::Result<Self> {
        let socket = UnixStream::connect(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: Arc::new(socket),
            is_full: Arc::default(),
        })
    }

    /// Does the work to its end, and with it what it waits for. Blocks.
    fn wait_for<T>(
        &self,
        work: impl Future<Output = T>,
        mut beside: impl FnMut(&mut Context<'_>) -> Result<(), Stopped>,
        until: Instant,
    ) -> Result<T, Stopped> {
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut work = pin!(work);
        loop {
            woken.0.store(false, Ordering::Release);
            if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                return Ok(done);
            }
            beside(&mut context)?;
            if !woken.0.load(Ordering::Acquire) {
                self.wait(until)?;
            }
        }
    }

    /// Until there is something to read, or room for what is to be sent.
    fn wait(&self, until: Instant) -> Result<(), Stopped> {
        let mut flags = PollFlags::IN;
        if self.is_full.swap(false, Ordering::AcqRel) {
            flags |= PollFlags::OUT;
        }
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| Stopped::Silent)?;
        match poll(&mut [PollFd::new(&*self.socket, flags)], Some(&left)) {
            Ok(0) => Err(Stopped::Silent),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(_) => Err(Stopped::Ended),
        }
    }
}

/// Whether there is more to do before the socket is waited for.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

fn done<T>(done: io::Result<T>) -> Poll<io::Result<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = (&*self.socket).read(into.initialize_unfilled());
        done(read.map(|count| into.advance(count)))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = done((&*self.socket).write(octets));
        if written.is_pending() {
            self.is_full.store(true, Ordering::Release);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.shutdown(std::net::Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn who_is_silent_is_waited_for_so_long() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let _silent = UnixListener::bind(&path).expect("a socket");
        let wire = Wire::to(&path).expect("a connection");
        let begun = Instant::now();
        let until = begun + Duration::from_millis(50);
        let never = wire.wait_for(std::future::pending::<()>(), |_| Ok(()), until);
        assert!(matches!(never, Err(Stopped::Silent)));
        assert!(begun.elapsed() < Duration::from_secs(5), "and no longer");
    }

    #[test]
    fn what_has_no_room_is_sent_when_there_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).expect("a socket");
        let mut wire = Wire::to(&path).expect("a connection");
        let reads = std::thread::spawn(move || {
            let (mut far, _) = listener.accept().expect("accepted");
            std::thread::sleep(Duration::from_millis(50));
            let mut all = Vec::new();
            far.read_to_end(&mut all).expect("read");
            all.len()
        });
        let (waits, octets) = (wire.clone(), vec![7; 1 << 22]);
        let sent = async {
            tokio::io::AsyncWriteExt::write_all(&mut wire, &octets).await?;
            tokio::io::AsyncWriteExt::shutdown(&mut wire).await
        };
        let until = Instant::now() + Duration::from_secs(30);
        let sent = waits.wait_for(sent, |_| Ok(()), until);
        assert!(matches!(sent, Ok(Ok(()))));
        assert_eq!(reads.join().expect("it ends"), octets.len());
    }
}
