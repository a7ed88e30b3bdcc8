//! A node out of its configuration: store, home network keys, UDM and AUSF.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kaskade::config::{Config, TlsConfig};
use kaskade_net::node::{AusfRole, NodeOptions, UdmRole};
use kaskade_net::random::random_octets;
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_net::role::udm::{HnKeyRing, UdmOptions};
use kaskade_net::sbi::model::NfInstanceId;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::sbi::tls::{IdentityFiles, ServerTls};
use kaskade_net::tap::OptionalTap;
use kaskade_store::{StoreOptions, SubscriberStore};

use crate::data_dir::DataDir;

/// Opens the subscriber store of a data folder.
pub(crate) fn open_store(data: &DataDir, config: &Config) -> Result<SubscriberStore> {
    let path = data.subscribers();
    SubscriberStore::open(&path, data.master(), store_options(config))
        .with_context(|| format!("cannot open the subscriber store {}", path.display()))
}

/// What the configuration says about the store.
pub(crate) fn store_options(config: &Config) -> StoreOptions {
    let mut options = StoreOptions::default();
    options.node = config.node();
    options.cache_bytes = usize::try_from(config.store.cache_mib << 20).unwrap_or(usize::MAX);
    options.policy.delta = config.sqn.delta;
    options.tick = Some(Duration::from_millis(config.sqn.tick_ms));
    options
}

/// UDM and AUSF of one process, the AUSF calling the UDM directly.
pub(crate) fn node_options(
    config: &Config,
    store: Arc<SubscriberStore>,
    hn_keys: HnKeyRing,
    tap: &OptionalTap,
) -> Result<NodeOptions> {
    let policy = policy(config);
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut udm = UdmOptions {
        hn_keys,
        serving_networks: policy.clone(),
        api_root: config.udm.api_root.clone(),
        tap: tap.clone(),
        ..UdmOptions::default()
    };
    udm.events.all = count(config.udm.max_events);
    let mut ausf = AusfOptions::new(NfInstanceId::from_random(random_octets()?), policy);
    ausf.api_root.clone_from(&config.ausf.api_root);
    ausf.contexts.lifetime = Duration::from_secs(config.ausf.context_lifetime);
    ausf.contexts.pending = count(config.ausf.max_contexts);
    ausf.contexts.kept = count(config.ausf.max_k_ausf);
    ausf.tap.clone_from(tap);
    Ok(NodeOptions {
        udm: Some(UdmRole {
            store,
            options: udm,
            listen: Some(config.udm.listen),
            server: server_options(&config.udm.tls).context("udm.tls")?,
        }),
        ausf: Some(AusfRole {
            options: ausf,
            listen: config.ausf.listen,
            server: server_options(&config.ausf.tls).context("ausf.tls")?,
            udm: None,
        }),
    })
}

fn policy(config: &Config) -> ServingNetworkPolicy {
    if config.policy.any_serving_network {
        return ServingNetworkPolicy::Any;
    }
    ServingNetworkPolicy::Listed {
        plmns: config.policy.serving_networks.iter().map(|plmn| plmn.0).collect(),
        names: config.policy.serving_network_names.iter().map(|name| name.0).collect(),
    }
}

fn server_options(tls: &TlsConfig) -> Result<ServerOptions> {
    let mut options = ServerOptions::default();
    if let (Some(certificates), Some(key)) = (&tls.cert, &tls.key) {
        let identity = IdentityFiles {
            certificates: certificates.clone(),
            key: key.clone(),
        };
        options.tls = Some(ServerTls::new(&identity, tls.client_ca.as_deref())?);
    }
    Ok(options)
}
