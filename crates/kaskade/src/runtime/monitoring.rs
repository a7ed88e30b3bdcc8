//! The listener where a node is watched, and administered by peers with certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use kaskade::config::Config;
use kaskade_net::admin::{Handler, Limits, Listener, serve};
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::sbi::tls::ServerTls;
use tokio::task::JoinHandle;

/// A listener that is open, and whose visitors wait.
pub(crate) struct Opened {
    address: Option<SocketAddr>,
    listener: Listener,
}

impl Opened {
    /// Opens it where the configuration wants one.
    pub(crate) fn open(config: &Config) -> Result<Option<Self>> {
        let Some(listen) = config.admin.listen else {
            return Ok(None);
        };
        let tls = config.admin.tls.server("admin.tls")?;
        let listener =
            Listener::tcp(listen, tls).with_context(|| format!("admin.listen: cannot listen on {listen}"))?;
        let address = listener.address();
        Ok(Some(Self { address, listener }))
    }

    /// Serves what this one has to say.
    pub(crate) fn serve<H: Handler>(self, desk: H) -> Monitoring {
        let Self { address, listener } = self;
        let (tls, shutdown) = (listener.tls().cloned(), Shutdown::new());
        let task = tokio::spawn(serve(listener, Arc::new(desk), Limits::default(), shutdown.clone()));
        Monitoring {
            address,
            tls,
            shutdown,
            task,
        }
    }
}

/// A listener that runs.
pub(crate) struct Monitoring {
    address: Option<SocketAddr>,
    tls: Option<ServerTls>,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Monitoring {
    /// Its URL, with the port that it got.
    pub(crate) fn url(&self) -> Option<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.address.map(|address| format!("{scheme}://{address}"))
    }

    /// From now on other certificates; what was clear text stays so.
    pub(super) fn renew(&self, tls: Option<ServerTls>) {
        if let (Some(own), Some(tls)) = (&self.tls, tls) {
            own.replace_by(&tls.with_http_1());
        }
    }

    /// Closes it.
    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        // A task that panicked has logged it already.
        let _ = self.task.await;
    }
}
