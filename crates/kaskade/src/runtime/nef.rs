//! The NEF, out of its section.

use anyhow::Result;
use kaskade::config::{Config, Parsed, Role};
use kaskade_net::node::{AanfAt, AanfOf, NefRole, NoticesListener};
use kaskade_net::role::nef::{NefOptions, NefPolicy};
use kaskade_net::sbi::server::ServerOptions;

use super::limits::limits;
use super::roles::{Shared, root};
use super::tls::server;

pub(super) fn nef(config: &Config, shared: &Shared<'_>, policy: NefPolicy) -> Result<Option<NefRole>> {
    let Some(server) = server(config, Role::Nef)? else {
        return Ok(None);
    };
    let nef = &*config.nef;
    let notices = match nef.notices.listen {
        Some(listen) => {
            let mut server = ServerOptions::default();
            server.insecure_h2c = nef.notices.insecure_h2c;
            server.limits = limits(config);
            server.tls = nef.notices.tls.server("nef.notices.tls")?;
            Some(NoticesListener {
                listen,
                server,
                api_root: root(nef.notices.api_root.as_deref())?,
            })
        }
        None => None,
    };
    let options = NefOptions {
        policy,
        tokens: nef.tokens.options()?,
        callbacks: nef.callbacks.client_options()?,
        budgets: config.budgets(),
        api_root: root(nef.api_root.as_deref())?,
        audit: shared.audit.clone(),
        ..NefOptions::default()
    };
    Ok(Some(NefRole {
        store: shared.store.clone(),
        options,
        listen: nef.listen,
        server,
        notices,
        aanfs: aanfs(config)?,
    }))
}

fn aanfs(config: &Config) -> Result<Vec<AanfOf>> {
    let aanfs = config.nef.aanfs.0.iter().map(|(name, aanf)| {
        let Some(Parsed(realm)) = aanf.realm else {
            anyhow::bail!("nef.aanfs.{name}: realm is missing");
        };
        let at = match &aanf.url {
            Some(url) => AanfAt::There(url.clone(), aanf.client_options(name)?),
            None if aanf.by_nrf => AanfAt::ByNrf(aanf.client_options(name)?),
            None => AanfAt::OfThisNode,
        };
        Ok(AanfOf {
            name: name.as_str().into(),
            realm,
            routing_indicators: aanf.routing_indicators.iter().map(|indicator| indicator.0).collect(),
            at,
        })
    });
    aanfs.collect()
}
