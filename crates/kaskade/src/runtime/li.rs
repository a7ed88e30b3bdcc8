//! Lawful interception of a node: its socket, and its work in the background.

use std::sync::Arc;

use anyhow::{Context, Result};
use kaskade::config::Config;
use kaskade_net::admin::{Limits, Listener, serve};
use kaskade_net::role::aanf::Interception;
use kaskade_net::role::li::Li;
use kaskade_net::sbi::server::Shutdown;
use kaskade_store::{Locked, SubscriberStore};
use tokio::task::JoinHandle;

use crate::admin::socket::Socket;
use crate::data_dir::DataDir;
use crate::li::Desk;

/// What the configuration wants of it, over this store. Blocks for a moment.
pub(super) fn open(config: &Config, store: &Arc<SubscriberStore>, data: &DataDir) -> Result<Option<Arc<Li>>> {
    let Some(options) = config.li.options() else {
        return Ok(None);
    };
    let keys = Arc::new(Locked::with(|| data.master().interception_keys()));
    let opened = Li::open(store.clone(), config.has_udm(), keys, options);
    let li = pollster::block_on(opened).context("li.directory")?;
    Ok(Some(Arc::new(li)))
}

/// The same for a command where no node runs: what it ends is reported when one does.
pub(crate) fn beside(
    config: &Config,
    store: &Arc<SubscriberStore>,
    data: &DataDir,
) -> Result<Option<Arc<dyn Interception>>> {
    let Some(options) = config.li.options() else {
        return Ok(None);
    };
    let keys = Arc::new(Locked::with(|| data.master().interception_keys()));
    let opened = Li::without_feed(store.clone(), config.has_udm(), keys, options);
    let li: Arc<dyn Interception> = Arc::new(pollster::block_on(opened)?);
    Ok(Some(li))
}

/// Its socket, before it is served.
pub(super) struct Listening {
    li: Arc<Li>,
    socket: Socket,
    users: Vec<u32>,
}

/// What serves it.
pub(super) struct Intercepting {
    li: Arc<Li>,
    socket: Socket,
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
}

impl Intercepting {
    /// Makes the socket, where there is interception. Others than the node's user get as far as it only where some are named, and the kernel
    /// says who they are.
    pub(super) fn listen(config: &Config, li: Option<&Arc<Li>>) -> Result<Option<Listening>> {
        let (Some(li), Some(path)) = (li, config.li.socket()) else {
            return Ok(None);
        };
        let own = rustix::process::geteuid().as_raw();
        let users = match config.li.users.is_empty() {
            true => vec![own],
            false => config.li.users.clone(),
        };
        let mode = if users == [own] { 0o600 } else { 0o666 };
        let socket = Socket::listen_at(&path, mode).context("li.socket")?;
        Ok(Some(Listening {
            li: li.clone(),
            socket,
            users,
        }))
    }

    /// Ends it when no role works any more: what waits is in the feed then, or stays in the store.
    pub(super) async fn close(self) {
        self.shutdown.begin();
        for task in self.tasks {
            // A task that panicked has said so already.
            let _ = task.await;
        }
        // What cannot be moved stays for the next start.
        let _ = self.li.drain().await;
        drop(self.socket);
    }
}

impl Listening {
    /// From here on there are answers.
    pub(super) fn serve(mut self) -> Intercepting {
        let shutdown = Shutdown::new();
        let mut tasks = vec![tokio::spawn(self.li.clone().run_until(shutdown.clone()))];
        if let Some(listener) = self.socket.listener() {
            let desk = Arc::new(Desk::new(self.li.clone(), self.users));
            let serving = serve(Listener::unix(listener), desk, Limits::default(), shutdown.clone());
            tasks.push(tokio::spawn(serving));
        }
        Intercepting {
            li: self.li,
            socket: self.socket,
            shutdown,
            tasks,
        }
    }
}
