//! A way to a server that breaks on request.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaskade_store::postgres::PostgresOptions;
use socket2::SockRef;

use super::Cluster;

/// Which way octets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What a node says.
    ToServer,
    /// What the server says.
    ToNode,
}

/// A port of the loopback that leads to another one.
///
/// What it is told holds for connections that there are and for new ones. It ends when this is dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What waits: to the server, to the node.
    silent: [bool; 2],
    refusing: bool,
    ended: bool,
    connections: Vec<Connection>,
}

struct Connection {
    near: TcpStream,
    far: TcpStream,
}

impl Proxy {
    /// One to a port of the loopback.
    ///
    /// # Panics
    /// When there is no port for it.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::<Shared>::default();
        let all = Arc::clone(&shared);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut state = all.state();
                if state.ended {
                    return;
                }
                let far = match state.refusing {
                    true => None,
                    false => TcpStream::connect(("127.0.0.1", server)).ok(),
                };
                let Some(far) = far else {
                    reset(&near);
                    continue;
                };
                // Whoever waits for the one behind the other notices at once.
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                all.carry(&near, &far, Direction::ToServer);
                all.carry(&far, &near, Direction::ToNode);
                state.connections.push(Connection { near, far });
            }
        });
        Self { port, shared }
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A place of a server by this way.
    ///
    /// # Panics
    /// When it is none of that server.
    pub fn of(&self, cluster: &Cluster, place: &PostgresOptions) -> PostgresOptions {
        let direct = format!("host={} port={} ", cluster.socket_folder().display(), cluster.port());
        let rest = place.server.strip_prefix(&direct).expect("a place of that server");
        let mut by = place.clone();
        by.server = format!("host=127.0.0.1 port={} {rest}", self.port);
        by
    }

    /// Ends all connections that there are: both sides hear of it, where they listen.
    pub fn cut(&self) {
        self.shared.cut(&mut self.shared.state());
    }

    /// The same, and new ones end at once, until [`Proxy::mend`].
    pub fn refuse(&self) {
        let mut state = self.shared.state();
        state.refusing = true;
        self.shared.cut(&mut state);
    }

    /// Keeps what comes in this direction, until [`Proxy::mend`] lets it through; no connection ends.
    pub fn silence(&self, direction: Direction) {
        *self.shared.state().of(direction) = true;
    }

    /// Lets all through again, and what was kept of connections that there still are.
    pub fn mend(&self) {
        let mut state = self.shared.state();
        (state.silent, state.refusing) = ([false; 2], false);
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.ended = true;
        self.shared.cut(&mut state);
        drop(state);
        // It waits for the next connection.
        let _ = TcpStream::connect_timeout(&([127, 0, 0, 1], self.port).into(), Duration::from_secs(1));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self, state: &mut State) {
        for connection in state.connections.drain(..) {
            for side in [&connection.near, &connection.far] {
                reset(side);
            }
        }
        self.changed.notify_all();
    }

    fn carry(self: &Arc<Self>, from: &TcpStream, to: &TcpStream, direction: Direction) {
        let (mut from, mut to) = (from.try_clone().expect("a copy"), to.try_clone().expect("a copy"));
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            let mut octets = [0; 4096];
            loop {
                let count = from.read(&mut octets).unwrap_or(0);
                let mut state = shared.state();
                while *state.of(direction) && !state.ended {
                    state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                drop(state);
                if count == 0 || to.write_all(octets.get(..count).unwrap_or_default()).is_err() {
                    // One side has ended; the other hears of it.
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
            }
        });
    }
}

impl State {
    fn of(&mut self, direction: Direction) -> &mut bool {
        let [to_server, to_node] = &mut self.silent;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToNode => to_node,
        }
    }
}

/// Ends a connection without a word: what it had to say is dropped.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Both);
}
