//! A node out of its configuration: store, home network keys, UDM and AUSF.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};
use kaskade::config::{Config, LimitsConfig, RemoteUdmConfig, Requesters, TlsConfig};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_flow::event::Action;
use kaskade_net::node::{AusfRole, NodeOptions, RemoteUdm, UdmRole};
use kaskade_net::random::random_octets;
use kaskade_net::role::access::AccessRules;
use kaskade_net::role::ausf::AusfOptions;
use kaskade_net::role::udm::{HnKeyRing, UdmOptions};
use kaskade_net::sbi::client::{ClientOptions, SbiClient, api_root};
use kaskade_net::sbi::limits::Limits;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::sbi::tls::{ClientTls, IdentityFiles, ServerTls, TlsError};
use kaskade_net::tap::OptionalTap;
use kaskade_store::audit::AuditLog;
use kaskade_store::private::{self, PrivateError};
use kaskade_store::{Conversion, EngineError, StoreError, StoreOptions, SubscriberStore};

use crate::console::{complain, progress};
use crate::data_dir::{DataDir, read_private};
use crate::record::{beside, told, whole_store};

/// Opens the subscriber store of a data folder; makes one only in a folder that never had one.
pub(crate) fn open_store(data: &DataDir, config: &Config) -> Result<SubscriberStore> {
    open_or_make(data, config, data.has_no_store_yet()?)
}

/// Makes the store of a folder that never had one: whichever command makes a folder calls this before it makes anything else
/// there, so that no backup says of a folder in use that it has no store yet.
pub(crate) fn make_first_store(data: &DataDir, config: &Config) -> Result<()> {
    match data.has_no_store_yet()? {
        true => open_or_make(data, config, true).map(drop),
        false => Ok(()),
    }
}

/// Makes an empty store where there is none, or goes on where that was interrupted; the log is told of it.
pub(crate) fn make_store_again(data: &DataDir, config: &Config, audit: AuditLog) -> Result<()> {
    let mut options = store_options(config);
    options.create = true;
    options.making = whole_store(&audit, Action::StoreCreated);
    options.unrecorded = !audit.is_on();
    let store = open_with(data, options)?;
    told(&beside(&store, audit)?)
}

fn open_or_make(data: &DataDir, config: &Config, make: bool) -> Result<SubscriberStore> {
    let mut options = store_options(config);
    options.create = make;
    open_with(data, options)
}

fn open_with(data: &DataDir, options: StoreOptions) -> Result<SubscriberStore> {
    let store = SubscriberStore::open(&data.subscribers(), data.master(), options).map_err(|error| {
        let context = match remedy(&error) {
            Some(remedy) => format!("cannot open the subscriber store: {remedy}"),
            None => "cannot open the subscriber store".to_owned(),
        };
        anyhow::Error::new(error).context(context)
    })?;
    data.has_a_store_now()?;
    Ok(store)
}

/// What a user can do about a store that does not open.
fn remedy(error: &StoreError) -> Option<&'static str> {
    const PUT_BACK: &str = "put a backup back and run `kaskade store skip-ahead --yes`";
    match error {
        StoreError::Read(cause) => match &**cause {
            EngineError::InUse(_) => Some("stop the `kaskade up` that has it open first"),
            EngineError::Missing(_) => Some(
                "it is gone, though this folder had one, and a new one would issue the sequence numbers of the lost one \
                 again. Put a backup back and run `kaskade store skip-ahead --yes`; if it never had subscribers, or none of \
                 their cards is used any more, `kaskade store create --yes` makes an empty one",
            ),
            EngineError::Private(PrivateError::Kind { .. }) => Some(PUT_BACK),
            _ => None,
        },
        StoreError::Blank(_) => Some(
            "`kaskade store create --yes` goes on with making it, if that was interrupted. If this folder had subscribers, put a \
             backup back instead and run `kaskade store skip-ahead --yes`",
        ),
        StoreError::NoDataKey(_) => Some(PUT_BACK),
        StoreError::Tick { .. } => Some(
            "set sqn.tick_ms to the store's, which sequence numbers were issued by. If there were none yet, remove the store, and \
             `kaskade store create --yes` makes one with the other tick",
        ),
        StoreError::Clock(_) => Some("set the clock right; if it is right, raise sqn.longest_jump_days for this start"),
        StoreError::WrongMasterKey { .. } => Some("put back the master key that it was sealed with"),
        _ => None,
    }
}

/// Whether a store does not open because it, or the key that opens it, is lost: waiting or another setting does not help.
pub(crate) fn is_lost(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Read(cause)) => matches!(
            **cause,
            EngineError::Missing(_) | EngineError::Corrupt { .. } | EngineError::Private(PrivateError::Kind { .. })
        ),
        Some(StoreError::Blank(_) | StoreError::NoDataKey(_) | StoreError::WrongMasterKey { .. }) => true,
        _ => false,
    }
}

/// Shows how far a store of an earlier version is converted, and says it when it is.
fn converting() -> Arc<dyn Fn(Conversion) + Send + Sync> {
    let bar = OnceLock::new();
    Arc::new(move |conversion: Conversion| {
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let bar = bar.get_or_init(|| progress(count(conversion.total)));
        bar.set_position(conversion.done);
        if conversion.is_complete {
            bar.finish_and_clear();
            complain(&format!(
                "converted {} subscribers from store format {} to {}: an earlier version does not open this store any more",
                conversion.done, conversion.from, conversion.to
            ));
        }
    })
}

/// What the configuration says about the store. One that is not there is not made.
pub(crate) fn store_options(config: &Config) -> StoreOptions {
    let mut options = StoreOptions::default();
    options.create = false;
    options.node = config.node();
    options.cache_bytes = usize::try_from(config.store.cache_mib << 20).unwrap_or(usize::MAX);
    options.policy.delta = config.sqn.delta;
    options.policy.reuse = config.sqn.reuse.0;
    options.longest_jump = Some(Duration::from_secs(config.sqn.longest_jump_days * 86_400));
    options.converting = converting();
    options.tick = Some(Duration::from_millis(config.sqn.tick_ms));
    options
}

/// Who the AUSF of a data folder is: drawn once, since the UDM gives each AUSF an IND of its own.
pub(crate) fn nf_instance_id(data: &DataDir) -> Result<NfInstanceId> {
    let path = data.nf_instance_id();
    if !path.exists() {
        let id = NfInstanceId::from_random(random_octets()?);
        private::write_new(&path, format!("{id}\n").as_bytes())?;
        return Ok(id);
    }
    let octets = read_private(&path)?;
    let text = String::from_utf8_lossy(&octets);
    text.trim().parse().with_context(|| path.display().to_string())
}

/// UDM and AUSF of one process, the AUSF calling the UDM directly; or an AUSF alone, whose UDM is elsewhere.
pub(crate) fn node_options(
    config: &Config,
    store: Arc<SubscriberStore>,
    hn_keys: HnKeyRing,
    ausf: NfInstanceId,
    tap: &OptionalTap,
    audit: &AuditLog,
) -> Result<NodeOptions> {
    let root = |text: &Option<String>| text.as_deref().map(api_root).transpose();
    let Requesters {
        groups,
        serving_networks: policy,
        access,
    } = config.requesters()?;
    let access = AccessRules {
        tokens: config.oauth2.verifier()?,
        token_required: config.oauth2.required,
        allowed: access,
    };
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut udm = UdmOptions {
        hn_keys,
        serving_networks: policy.clone(),
        api_root: root(&config.udm.api_root)?,
        budgets: config.budgets(),
        tap: tap.clone(),
        audit: audit.clone(),
        ..UdmOptions::default()
    };
    udm.events.all = count(config.udm.max_events);
    let mut ausf = AusfOptions::new(ausf, policy);
    ausf.api_root = root(&config.ausf.api_root)?;
    ausf.contexts.lifetime = Duration::from_secs(config.ausf.context_lifetime);
    ausf.contexts.pending = count(config.ausf.max_contexts);
    ausf.contexts.results = count(config.ausf.max_results);
    ausf.budgets = config.budgets();
    ausf.tap.clone_from(tap);
    ausf.audit = audit.clone();
    let remote = remote_udm(config)?;
    let udm = server_of_udm(config)?.map(|server| UdmRole {
        store,
        options: udm,
        listen: Some(config.udm.listen),
        server,
    });
    Ok(NodeOptions {
        udm,
        ausf: Some(AusfRole {
            options: ausf,
            listen: config.ausf.listen,
            server: server_of_ausf(config)?,
            udm: remote,
        }),
        groups,
        access,
        audit: audit.clone(),
    })
}

/// The UDM elsewhere, if there is one, with its TLS files read.
fn remote_udm(config: &Config) -> Result<Option<RemoteUdm>> {
    let RemoteUdmConfig {
        url: Some(url),
        ca,
        client_cert,
        client_key,
        insecure_h2c,
    } = &config.ausf.udm
    else {
        return Ok(None);
    };
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
        options.tls = Some(tls.context("ausf.udm")?);
    }
    SbiClient::new(url, options.clone()).context("ausf.udm.url")?;
    Ok(Some(RemoteUdm {
        url: url.clone(),
        options,
    }))
}

/// None is started where the UDM is on another node.
fn server_of_udm(config: &Config) -> Result<Option<ServerOptions>> {
    if config.ausf.udm.url.is_some() {
        return Ok(None);
    }
    let server = server_options(config, &config.udm.tls, config.udm.insecure_h2c);
    server.context("udm.tls").map(Some)
}

fn server_of_ausf(config: &Config) -> Result<ServerOptions> {
    server_options(config, &config.ausf.tls, config.ausf.insecure_h2c).context("ausf.tls")
}

fn server_options(config: &Config, tls: &TlsConfig, insecure_h2c: bool) -> Result<ServerOptions> {
    let mut options = ServerOptions::default();
    options.insecure_h2c = insecure_h2c;
    options.limits = limits(config);
    if let (Some(certificates), Some(key)) = (&tls.cert, &tls.key) {
        let identity = IdentityFiles {
            certificates: certificates.clone(),
            key: key.clone(),
        };
        let client_ca = tls.client_ca.as_deref();
        let tls = ServerTls::new(&identity, client_ca);
        options.tls = Some(tls.map_err(|error| with_files(error, Some(&identity), client_ca))?);
    }
    Ok(options)
}

/// What peers may use, as it is configured.
pub(crate) fn limits(config: &Config) -> Limits {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let LimitsConfig {
        max_connections,
        max_connections_per_source,
        max_handshakes,
        max_handshakes_per_source,
        max_streams,
        requests_mib,
        requests_kib_per_connection,
        patience,
        idle,
    } = config.limits;
    let mut limits = Limits::default();
    limits.max_connections = count(max_connections);
    limits.max_connections_per_source = count(max_connections_per_source);
    limits.max_handshakes = count(max_handshakes);
    limits.max_handshakes_per_source = count(max_handshakes_per_source);
    limits.max_concurrent_streams = u32::try_from(max_streams).unwrap_or(u32::MAX);
    limits.octets = count(requests_mib.saturating_mul(1 << 20));
    limits.octets_per_connection = count(requests_kib_per_connection.saturating_mul(1 << 10));
    limits.patience = Duration::from_secs(patience);
    limits.idle = Duration::from_secs(idle);
    limits
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

/// Reads the TLS files of each service that is started and of the client of a UDM elsewhere, as a node that starts does.
pub(crate) fn check_tls(config: &Config) -> Result<()> {
    server_of_udm(config)?;
    server_of_ausf(config)?;
    remote_udm(config)?;
    Ok(())
}
