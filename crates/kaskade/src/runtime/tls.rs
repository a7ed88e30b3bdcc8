//! TLS files of the roles that run, and of the links between them.

use std::path::Path;

use anyhow::{Context, Result};
use kaskade::config::{Config, RemoteConfig, Role, TlsConfig};
use kaskade_net::node::RemoteUdm;
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::sbi::tls::{ClientTls, IdentityFiles, ServerTls, TlsError};

use super::limits::limits;

/// The UDM of another process, if there is one, with its TLS files read.
pub(super) fn remote_udm(config: &Config) -> Result<Option<RemoteUdm>> {
    let Some(url) = &config.ausf.udm.url else {
        return Ok(None);
    };
    let options = client_options(&config.ausf.udm).context("ausf.udm")?;
    SbiClient::new(url, options.clone()).context("ausf.udm.url")?;
    Ok(Some(RemoteUdm {
        url: url.clone(),
        options,
    }))
}

/// How a peer elsewhere is reached, with its TLS files read.
pub(super) fn client_options(peer: &RemoteConfig) -> Result<ClientOptions> {
    let RemoteConfig {
        ca,
        client_cert,
        client_key,
        insecure_h2c,
        ..
    } = peer;
    let mut options = ClientOptions::default();
    options.insecure_h2c = *insecure_h2c;
    if let Some(ca) = ca {
        let identity = match (client_cert, client_key) {
            (Some(certificates), Some(key)) => Some(IdentityFiles {
                certificates: certificates.clone(),
                key: key.clone(),
            }),
            _ => None,
        };
        let tls = ClientTls::new(ca, identity.as_ref());
        let tls = tls.map_err(|error| with_files(error, identity.as_ref(), Some(ca)));
        options.tls = Some(tls?);
    }
    Ok(options)
}

/// How the service of a role listens; `None` where it does not run.
pub(super) fn server(config: &Config, role: Role) -> Result<Option<ServerOptions>> {
    let Some(listening) = config.listening(role) else {
        return Ok(None);
    };
    let mut options = ServerOptions::default();
    options.insecure_h2c = listening.insecure_h2c;
    options.limits = limits(config);
    options.tls = server_tls(listening.tls).with_context(|| format!("{role}.tls"))?;
    Ok(Some(options))
}

/// TLS of a listener, with its files read; `None` where there is none.
pub(super) fn server_tls(tls: &TlsConfig) -> Result<Option<ServerTls>> {
    let (Some(certificates), Some(key)) = (&tls.cert, &tls.key) else {
        return Ok(None);
    };
    let identity = IdentityFiles {
        certificates: certificates.clone(),
        key: key.clone(),
    };
    let client_ca = tls.client_ca.as_deref();
    let tls = ServerTls::new(&identity, client_ca);
    tls.map(Some)
        .map_err(|error| with_files(error, Some(&identity), client_ca))
}

/// Names the files also where it is their content that does not fit.
fn with_files(error: TlsError, identity: Option<&IdentityFiles>, authority: Option<&Path>) -> anyhow::Error {
    let files = match (&error, identity, authority) {
        (TlsError::Identity(_), Some(IdentityFiles { certificates, key }), _) => {
            Some(format!("{} and {}", certificates.display(), key.display()))
        }
        (TlsError::Authority(_), _, Some(authority)) => Some(authority.display().to_string()),
        _ => None,
    };
    let error = anyhow::Error::new(error);
    match files {
        Some(files) => error.context(files),
        None => error,
    }
}

/// Reads the TLS files of each service that is started and of each client of a peer elsewhere, as a node that starts does.
pub(crate) fn check_tls(config: &Config) -> Result<()> {
    for role in Role::ALL {
        server(config, role)?;
    }
    remote_udm(config)?;
    if config.nrf.url.is_some() {
        client_options(&config.nrf).context("nrf")?;
    }
    server_tls(&config.admin.tls).context("admin.tls")?;
    Ok(())
}
