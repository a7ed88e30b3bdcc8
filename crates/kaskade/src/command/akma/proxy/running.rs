//! The proxy while it runs: its listeners, certificates that are read again, and its end.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::serve::Listener;
use kaskade_af::proxy::{ProxyOptions, behind_login};
use kaskade_af::{HttpBounds, SimLogin, TlsBounds, TlsListener, serve};
use kaskade_net::sbi::tls::{IdentityFiles, ServerTls, TlsError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Proxy;
use crate::console::{Console, Style};
use crate::runtime::supervisor;

/// Listeners that serve until they are told to end.
struct Serving {
    tasks: JoinSet<()>,
    told: watch::Receiver<bool>,
}

impl Serving {
    fn on<L>(&mut self, listener: L, app: Router)
    where
        L: Listener,
        L::Addr: Clone + Sync + 'static,
    {
        let mut told = self.told.clone();
        let ended = async move {
            let _ = told.wait_for(|is_ended| *is_ended).await;
        };
        self.tasks.spawn(serve(listener, app, HttpBounds::default(), ended));
    }
}

async fn bind(option: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let socket = TcpListener::bind(address).await;
    let socket = socket.with_context(|| format!("{option}: cannot listen on {address}"))?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}

impl Proxy {
    fn tls(&self) -> Result<ServerTls, TlsError> {
        let identity = IdentityFiles {
            certificates: self.cert.clone(),
            key: self.key.clone(),
        };
        Ok(ServerTls::new(&identity, None)?.with_http_1())
    }

    fn bounds(&self) -> TlsBounds {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let mut bounds = TlsBounds::new(count(self.max_connections));
        if let Some(number) = self.max_connections_per_source {
            bounds.of_source = count(number);
        }
        bounds
    }

    pub(super) async fn serve(&self, console: &Console) -> Result<()> {
        let tls = self.tls()?;
        let (keys, renewable) = self.keys()?;
        let mut options = ProxyOptions::default();
        options.most_requests = usize::try_from(self.max_requests).unwrap_or(usize::MAX);
        let handed_on = behind_login(&self.upstream, options);
        let handed_on = handed_on.with_context(|| format!("--upstream {}", self.upstream))?;
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut hang_up = signal(SignalKind::hangup())?;

        let (tell, told) = watch::channel(false);
        let mut serving = Serving {
            tasks: JoinSet::new(),
            told,
        };
        let (socket, address) = bind("--listen", self.listen).await?;
        let config = tls.clone();
        let listener = TlsListener::renewable(socket, move || config.config(), self.bounds())?;
        let login = SimLogin::new(keys.clone(), self.login())?;
        serving.on(listener, handed_on.clone().layer(login));
        let mut facts = vec![("Proxy", format!("https://{address} ({}, HTTP Digest)", self.af))];
        #[cfg(feature = "psk")]
        for listen in &self.psk {
            let (socket, address) = bind("--psk", listen.address).await?;
            let (protocol, name) = listen.protocol.of_akma()?;
            let limits = self.psk_limits();
            let listener = kaskade_af::PskListener::new(socket, protocol, &keys, limits).context("--psk")?;
            let login = kaskade_af::PskLogin::new(keys.clone(), protocol);
            serving.on(listener, handed_on.clone().layer(login));
            facts.push(("PSK", format!("{address} ({name}, AF_ID {})", protocol.af_id(&self.af))));
        }
        if let Some(at) = self.notices {
            let (socket, address) = bind("--notices", at).await?;
            if self.notices_in_clear()? {
                serving.on(socket, keys.notifications());
            } else {
                let config = tls.clone();
                let listener = TlsListener::renewable(socket, move || config.config(), TlsBounds::new(256))?;
                serving.on(listener, keys.notifications());
            }
            let url = self.notices_at.as_deref().unwrap_or_default();
            facts.push(("Notices", format!("{address}, told as {url}")));
        }
        facts.push(("Application", self.upstream.clone()));
        let (url, option) = self.home.url()?;
        let name = if option == "--aanf" { "AAnF" } else { "NEF" };
        facts.push((name, url.to_owned()));
        self.greet(console, &facts);

        let mut watchdog = std::pin::pin!(supervisor::watchdog(|| true));
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hang_up.recv() => match tokio::task::block_in_place(|| self.renew(&tls, &renewable)) {
                    Ok(()) => tracing::info!("certificates and keys are read again"),
                    Err(error) => tracing::error!("certificates and keys stay as they were: {error}"),
                },
                never = &mut watchdog => match never {},
            }
        }
        let _ = console.line("Stopping: requests in progress may end.");
        supervisor::stopping();
        let _ = tell.send(true);
        tokio::select! {
            () = async { while serving.tasks.join_next().await.is_some() {} } => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    }

    /// It serves: whoever should read this may be gone, and that ends nothing.
    fn greet(&self, console: &Console, facts: &[(&str, String)]) {
        let greeting = || -> std::io::Result<()> {
            console.facts(facts)?;
            if !is_here(&self.upstream) {
                let warning = "Requests and the names of users reach the application in clear, and whoever reaches it without the proxy says who they \
                               are: have it listen on this machine alone, or on a network of your own";
                console.line(console.paint(Style::Note, warning))?;
            }
            console.line("Running. Ctrl-C stops.")
        };
        if let Err(error) = greeting() {
            tracing::warn!("the greeting is not complete: {error:#}");
        }
        supervisor::ready();
    }

    fn renew(&self, tls: &ServerTls, renewable: &super::home::Renewable) -> Result<(), TlsError> {
        let next = self.tls()?;
        self.home.renew(renewable)?;
        tls.replace_by(&next);
        Ok(())
    }

    #[cfg(feature = "psk")]
    fn psk_limits(&self) -> kaskade_net::psk::PskLimits {
        let TlsBounds {
            connections, of_source, ..
        } = self.bounds();
        let mut limits = kaskade_net::psk::PskLimits::default();
        limits.max_connections = connections;
        limits.max_connections_per_source = of_source;
        limits
    }
}

/// Whether an application is on this machine, as far as its name says.
fn is_here(upstream: &str) -> bool {
    let uri: Option<hyper::Uri> = upstream.parse().ok();
    let host = uri.as_ref().and_then(hyper::Uri::host).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}
