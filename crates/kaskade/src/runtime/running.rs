//! A node that runs: its sockets, what it takes over while it runs, and its end in order.

use std::io::ErrorKind;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use kaskade::config::{Config, PolicyConfig, Role};
use kaskade_net::node::{Node, NodeError, NodeOptions};
use kaskade_net::role::udm::HnKeyRing;
use kaskade_net::tap::OptionalTap;
use kaskade_store::EngineError;

use super::li::{Intercepting, Listening};
use super::monitoring::{Monitoring, Opened};
use super::nrf::Registrations;
use super::parts::Parts;
use super::roles::{Shared, node_options};
use super::signals::{End, Signals};
use super::supervisor;
use crate::admin::{Admin, Desk, Office, RunningRoles, policy};
use crate::exit::{STORE_FAILED, ToDo};
use crate::monitor::Monitor;

/// A node with its sockets.
pub(crate) struct Running {
    pub(crate) config: Config,
    pub(crate) parts: Parts,
    pub(crate) node: Node,
    pub(crate) office: Office,
    pub(crate) monitoring: Option<Monitoring>,
    pub(super) registrations: Registrations,
    interception: Option<Intercepting>,
    tap: OptionalTap,
}

impl Running {
    /// Opens the sockets and starts the roles. With `any_port`, where the usual ports are taken, on others.
    pub(crate) fn start(
        config: Config,
        (mut parts, admin): (Parts, Admin),
        tap: OptionalTap,
        any_port: bool,
    ) -> Result<Self> {
        let options = |config: &Config| options(config, &parts, &parts.hn_keys, &tap);
        // Before a role serves: where they cannot be opened, nobody was served.
        let (watched, socket) = (Opened::open(&config)?, Office::listen(parts.folder.path())?);
        let for_li = Intercepting::listen(&config, parts.li.as_ref())?;
        let node = match Node::start(options(&config)?) {
            Err(NodeError::Listen { source, .. }) if any_port && source.kind() == ErrorKind::AddrInUse => {
                let mut config = config.clone();
                config.udm.listen.set_port(0);
                config.ausf.listen.set_port(0);
                config.aanf.listen.set_port(0);
                Node::start(options(&config)?)?
            }
            Err(error @ NodeError::Listen { .. }) => {
                return Err(anyhow!(error).context(ToDo::from(
                    "end whoever listens there, or name another address in the configuration, for UDM and AUSF with KASKADE_UDM_LISTEN \
                     and KASKADE_AUSF_LISTEN too",
                )));
            }
            other => other?,
        };
        let roles = RunningRoles {
            udm: node.udm().cloned(),
            ausf: node.ausf().cloned(),
            aaa: node.aaa().cloned(),
            usage_keys: node.usage_keys().cloned(),
        };
        let name = |role| match role {
            Role::Udm => parts.udm_instance.unwrap_or(parts.instance),
            Role::Aanf => parts.aanf_instance.unwrap_or(parts.instance),
            Role::Nef => parts.nef_instance.unwrap_or(parts.instance),
            _ => parts.instance,
        };
        // Peers are sent here when all of it listens.
        let registrations = Registrations::start(&config, &node, name)?;
        let monitor = Monitor::new(
            node.watch(),
            Arc::clone(&parts.store),
            parts.folder.subscribers(),
            parts.audit.clone(),
            registrations.states(),
        );
        let desk = Desk::new(admin.running_as(roles), monitor, &config);
        // Only the UDM has them from here on: one that is removed is gone from memory too.
        parts.hn_keys = HnKeyRing::default();
        Ok(Self {
            monitoring: watched.map(|opened| opened.serve(desk.clone())),
            office: Office::open(socket, desk),
            interception: for_li.map(Listening::serve),
            registrations,
            config,
            parts,
            node,
            tap,
        })
    }

    /// What its roles would be with another configuration and other home network keys.
    pub(super) fn options(&self, config: &Config, hn_keys: &HnKeyRing) -> Result<NodeOptions> {
        options(config, &self.parts, hn_keys, &self.tap)
    }

    /// Ends in order: no more connections, requests in progress for a while, then store and audit log. Whoever asks a second time
    /// has it end at once. An error when it did not end because somebody said so, or not all of it is on record.
    pub(crate) async fn finish(self, end: End, signals: &mut Signals) -> Result<()> {
        supervisor::stopping();
        let result = match end {
            End::Asked => Ok(()),
            End::Stopped(why) => {
                let next = match &*why.0 {
                    // It says so itself.
                    EngineError::Corrupt { .. } | EngineError::Unreliable { .. } => "",
                    _ => ". Look at the disk first; a new start goes on with what is on it",
                };
                tracing::error!("{why}: this process ends with status {STORE_FAILED}{next}");
                Err(anyhow::Error::new(why).context("the subscriber store failed"))
            }
        };
        let failed = result.is_err();
        tokio::select! {
            stopped = self.stop(failed) => result.and(stopped),
            () = signals.again() => {
                result?;
                bail!("ended at once: requests in progress were cut off")
            }
        }
    }

    /// Stops in order; where the store has failed, nothing of it is waited for.
    async fn stop(self, failed: bool) -> Result<()> {
        // Nobody is sent here any more.
        self.node.retire();
        self.registrations.end().await;
        self.office.close().await;
        self.node.shutdown().await;
        if let Some(interception) = self.interception {
            interception.close().await;
        }
        // To the last it says that the node is not ready any more.
        if let Some(monitoring) = self.monitoring {
            monitoring.stop().await;
        }
        let Parts { store, audit, .. } = self.parts;
        let closing = move || {
            let settled = match failed {
                true => Ok(()),
                false => store.settle().map_err(anyhow::Error::new),
            };
            settled.and(audit.flush().map_err(anyhow::Error::new))
        };
        let closed = match tokio::task::spawn_blocking(closing).await {
            Ok(closed) => closed.context("stopped, but not all of it is on record"),
            Err(error) => Err(error).context("stopped, but not in order"),
        };
        match &closed {
            Ok(()) => tracing::info!("stopped: all is on the disk"),
            Err(error) => tracing::error!("{error:#}"),
        }
        closed
    }

    /// Whether it can still do its work.
    pub(crate) fn lives(&self) -> impl Fn() -> bool + Send + use<> {
        let (store, watch) = (Arc::clone(&self.parts.store), self.node.watch());
        move || store.failed().is_none() && !watch.has_lost_a_part()
    }
}

fn options(config: &Config, parts: &Parts, hn_keys: &HnKeyRing, tap: &OptionalTap) -> Result<NodeOptions> {
    let shared = Shared {
        tap,
        names: parts.names.as_ref(),
        li: parts.li.as_ref(),
        ..Shared::new(&parts.store, hn_keys, parts.instance, &parts.audit)
    };
    // What was decided while it ran counts before the configuration.
    let applied = policy::applied(&parts.store, config)?;
    let (decided, configured) = (&applied.policy, &config.policy);
    let lists = |policy: &PolicyConfig| {
        let names = policy.serving_network_names.clone();
        (policy.any_serving_network, policy.serving_networks.clone(), names)
    };
    if lists(decided) != lists(configured) {
        tracing::info!(
            "the serving networks that were decided by administration are in force, not those of the configuration: `kaskade policy reset` \
             goes back to these"
        );
    }
    node_options(&applied, &shared)
}
