//! TLS of the roles that run, and of the links between them.

use anyhow::{Context, Result};
use kaskade::config::{Config, PeerConfig, Role};
use kaskade_net::node::{PeerAt, RemoteNrf, RemoteUdm};
use kaskade_net::sbi::client::SbiClient;
use kaskade_net::sbi::server::ServerOptions;

use super::limits::limits;

/// The UDM of another process, if there is one, with its TLS files read.
pub(super) fn remote_udm(config: &Config) -> Result<Option<RemoteUdm>> {
    let Some(url) = &config.ausf.udm.url else {
        return Ok(None);
    };
    let options = config.ausf.udm.client_options("ausf.udm")?;
    SbiClient::new(url, options.clone()).context("ausf.udm.url")?;
    Ok(Some(RemoteUdm {
        url: url.clone(),
        options,
    }))
}

/// The AAnF of an AUSF, where there is one, with its TLS files read.
pub(super) fn aanf_of_ausf(config: &Config) -> Result<Option<PeerAt>> {
    let at = peer(&config.ausf.aanf, "ausf.aanf")?;
    Ok((config.ausf.aanf.is_elsewhere() || config.runs(Role::Aanf)).then_some(at))
}

/// The UDM that an AAnF asks to have users authenticated again, with its TLS files read.
pub(super) fn udm_of_aanf(config: &Config) -> Result<PeerAt> {
    peer(&config.aanf.reauthentication.udm, "aanf.reauthentication.udm")
}

fn peer(config: &PeerConfig, table: &str) -> Result<PeerAt> {
    let options = config.client_options(table)?;
    Ok(match &config.url {
        Some(url) => {
            SbiClient::new(url, options.clone()).with_context(|| format!("{table}.url"))?;
            PeerAt::There(url.clone(), options)
        }
        None if config.by_nrf => PeerAt::ByNrf(options),
        None => PeerAt::OfThisNode,
    })
}

/// The NRF, if there is one, with its TLS files read.
pub(super) fn remote_nrf(config: &Config) -> Result<Option<RemoteNrf>> {
    let Some(url) = &config.nrf.url else {
        return Ok(None);
    };
    let options = config.nrf.client_options("nrf")?;
    SbiClient::new(url, options.clone()).context("nrf.url")?;
    Ok(Some(RemoteNrf {
        url: url.clone(),
        options,
    }))
}

/// How the service of a role listens, with its TLS files read; `None` where it does not run.
pub(super) fn server(config: &Config, role: Role) -> Result<Option<ServerOptions>> {
    let Some(listening) = config.listening(role) else {
        return Ok(None);
    };
    let mut options = ServerOptions::default();
    options.insecure_h2c = listening.insecure_h2c;
    options.limits = limits(config);
    options.tls = listening.tls.server(&format!("{role}.tls"))?;
    Ok(Some(options))
}
