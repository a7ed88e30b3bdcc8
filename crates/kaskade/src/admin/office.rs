//! Where a node that runs is administered: the Unix socket in its data folder, and what is asked for there.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use kaskade::config::{Config, Parsed};
use kaskade_net::admin::{Answering, Handler, Limits, Listener, Request, Visitor, serve};
use kaskade_net::sbi::server::Shutdown;
use tokio::task::JoinHandle;

use super::operation::ROOT;
use super::principal::Roles;
use super::socket::Socket;
use super::{Admin, Surface};
use crate::monitor::Monitor;

/// The socket of a node that runs.
pub(crate) struct Office {
    socket: Socket,
    desk: Desk,
    shutdown: Shutdown,
    task: Option<JoinHandle<()>>,
}

impl Office {
    /// Makes the socket in a data folder, whose lock this process has: whoever connects waits.
    pub(crate) fn listen(data: &Path) -> Result<Socket> {
        Socket::listen(data).context("administration")
    }

    /// Opens: from here on there are answers.
    pub(crate) fn open(mut socket: Socket, desk: Desk) -> Self {
        let shutdown = Shutdown::new();
        let task = socket.listener().map(|listener| {
            let (listener, handler) = (Listener::unix(listener), Arc::new(desk.clone()));
            tokio::spawn(serve(listener, handler, Limits::default(), shutdown.clone()))
        });
        Self {
            socket,
            desk,
            shutdown,
            task,
        }
    }

    /// What operations work on.
    pub(crate) fn admin(&self) -> &Arc<Admin> {
        self.desk.surface.admin()
    }

    /// Takes over which names have roles, and what operations know of the configuration.
    pub(crate) fn renew(&self, next: &Config) {
        self.desk.surface.renew(roles(next));
        self.admin().renew(next.clone());
    }

    /// Lets nobody in any more, and waits for those inside.
    pub(crate) async fn close(self) {
        // Over HTTPS, too, nothing begins from here on.
        self.desk.surface.close();
        self.shutdown.begin();
        if let Some(task) = self.task {
            // A task that panicked has logged it already.
            let _ = task.await;
        }
        // What goes on without its connection is on the disk, with its entry, before the log is closed.
        self.desk.surface.empty().await;
        drop(self.socket);
    }
}

/// Hands what is asked for to whoever answers for its path.
#[derive(Clone)]
pub(crate) struct Desk {
    surface: Surface,
    monitor: Monitor,
}

impl Desk {
    /// For a node that runs.
    pub(crate) fn new(admin: Admin, monitor: Monitor, config: &Config) -> Self {
        Self {
            surface: Surface::new(admin, roles(config)),
            monitor,
        }
    }
}

impl Handler for Desk {
    fn handle(&self, visitor: Arc<Visitor>, request: Request) -> Answering<'_> {
        let below = request.uri().path().strip_prefix(ROOT);
        match below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            true => self.surface.handle(visitor, request),
            false => self.monitor.handle(visitor, request),
        }
    }
}

fn roles(config: &Config) -> Roles {
    let roles = config.admin.roles.0.iter();
    Roles::new(roles.map(|(name, Parsed(role))| (name.clone(), *role)))
}
