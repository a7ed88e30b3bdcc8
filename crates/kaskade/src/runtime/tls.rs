//! TLS of the roles that run, and of the links between them.

use anyhow::{Context, Result};
use kaskade::config::{Config, Role};
use kaskade_net::node::{PeerAt, RemoteAanf, RemoteUdm};
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

/// The AAnF of another process, if there is one, with its TLS files read.
pub(super) fn remote_aanf(config: &Config) -> Result<Option<RemoteAanf>> {
    let Some(url) = &config.ausf.aanf.url else {
        return Ok(None);
    };
    let options = config.ausf.aanf.client_options("ausf.aanf")?;
    SbiClient::new(url, options.clone()).context("ausf.aanf.url")?;
    Ok(Some(RemoteAanf {
        url: url.clone(),
        options,
    }))
}

/// The UDM that an AAnF asks to have users authenticated again, with its TLS files read.
pub(super) fn udm_of_aanf(config: &Config) -> Result<PeerAt> {
    let udm = &config.aanf.reauthentication.udm;
    let Some(url) = &udm.url else {
        return Ok(PeerAt::OfThisNode);
    };
    let options = udm.client_options("aanf.reauthentication.udm")?;
    SbiClient::new(url, options.clone()).context("aanf.reauthentication.udm.url")?;
    Ok(PeerAt::There(url.clone(), options))
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
