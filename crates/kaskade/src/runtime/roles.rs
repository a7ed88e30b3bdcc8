//! The roles that run, out of their sections.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kaskade::config::{Config, Requesters, Role};
use kaskade_aka::eap_aka::ServerPolicy;
use kaskade_codec::eap::AkaMethod;
use kaskade_codec::sbi::NfInstanceId;
use kaskade_net::node::{
    AaaRole, AanfRole, AkmaRole, AusfRole, HostapdAuc, NodeOptions, RadSecListeners, RadSecPskListeners,
    ReauthenticationRole, UdmRole, UsageKeysRole,
};
use kaskade_net::radius::RadiusOptions;
use kaskade_net::random::random_octets;
use kaskade_net::role::aaa::{Aaa, AaaOptions, ErpOptions, ReauthenticationLimits, UserNames};
use kaskade_net::role::aanf::{AanfOptions, AkmaPolicy, Interception};
use kaskade_net::role::access::AccessRules;
use kaskade_net::role::ausf::{AkmaOptions, AusfOptions};
use kaskade_net::role::li::Li;
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_net::role::udm::{AmfPolicy, HnKeyRing, UdmOptions, UecmOptions};
use kaskade_net::role::usage_keys::{UsageKeysOptions, UsagePolicy};
use kaskade_net::sbi::client::api_root;
use kaskade_net::sbi::server::ServerOptions;
use kaskade_net::tap::OptionalTap;
use kaskade_store::audit::AuditLog;
use kaskade_store::private;
use kaskade_store::{Locked, SubscriberStore};

use super::limits::limits;
use super::tls::{aanf_of_ausf, remote_nrf, remote_udm, server, udm_of_aanf};
use crate::data_dir::{DataDir, read_private};

/// Who the AUSF of a data folder is: drawn once, since the UDM gives each AUSF an IND of its own.
pub(crate) fn nf_instance_id(data: &DataDir) -> Result<NfInstanceId> {
    drawn_once(&data.nf_instance_id())
}

/// Who the UDM of a data folder is: an NRF keeps a profile under that name.
pub(crate) fn udm_instance_id(data: &DataDir) -> Result<NfInstanceId> {
    drawn_once(&data.udm_instance_id())
}

/// Who the NEF of a data folder is, for an NRF.
pub(crate) fn nef_instance_id(data: &DataDir) -> Result<NfInstanceId> {
    drawn_once(&data.nef_instance_id())
}

/// Who the AAnF of a data folder is, for an NRF.
pub(crate) fn aanf_instance_id(data: &DataDir) -> Result<NfInstanceId> {
    drawn_once(&data.aanf_instance_id())
}

fn drawn_once(path: &Path) -> Result<NfInstanceId> {
    if !path.exists() {
        let id = NfInstanceId::from_random(random_octets()?);
        private::write_new(path, format!("{id}\n").as_bytes())?;
        return Ok(id);
    }
    let octets = read_private(path)?;
    let text = String::from_utf8_lossy(&octets);
    text.trim().parse().with_context(|| path.display().to_string())
}

/// What all roles of a process share.
pub(crate) struct Shared<'a> {
    pub(crate) store: &'a Arc<SubscriberStore>,
    pub(crate) hn_keys: &'a HnKeyRing,
    /// The keys of the names that users of an AAA server get, where there is one.
    pub(crate) names: Option<&'a Arc<Locked<UserNames>>>,
    pub(crate) instance: NfInstanceId,
    pub(crate) tap: &'a OptionalTap,
    pub(crate) audit: &'a AuditLog,
    /// Lawful interception, where there is some.
    pub(crate) li: Option<&'a Arc<Li>>,
}

impl<'a> Shared<'a> {
    /// Without anybody who sees fingerprints.
    pub(crate) const fn new(
        store: &'a Arc<SubscriberStore>,
        hn_keys: &'a HnKeyRing,
        instance: NfInstanceId,
        audit: &'a AuditLog,
    ) -> Self {
        Self {
            store,
            hn_keys,
            names: None,
            instance,
            tap: &None,
            audit,
            li: None,
        }
    }
}

/// The roles that run: an AUSF asks the UDM beside it directly, unless the configuration names another.
pub(crate) fn node_options(config: &Config, shared: &Shared<'_>) -> Result<NodeOptions> {
    let Requesters {
        groups,
        serving_networks,
        access,
        usage_keys,
        akma,
        amfs,
        nef,
    } = config.requesters()?;
    Ok(NodeOptions {
        udm: udm(config, shared, serving_networks.clone(), amfs)?,
        ausf: ausf(config, shared, serving_networks)?,
        aaa: aaa(config, shared)?,
        usage_keys: self::usage_keys(config, shared, usage_keys)?,
        aanf: aanf(config, shared, akma)?,
        nef: super::nef::nef(config, shared, nef)?,
        nrf: remote_nrf(config)?,
        hostapd_auc: HostapdAuc {
            sockets: config.hostapd_sockets(),
            drain: limits(config).drain,
        },
        groups,
        access: AccessRules {
            tokens: config.oauth2.verifier()?,
            token_required: config.oauth2.required,
            allowed: access,
        },
        audit: shared.audit.clone(),
    })
}

fn udm(
    config: &Config,
    shared: &Shared<'_>,
    serving_networks: ServingNetworkPolicy,
    amfs: AmfPolicy,
) -> Result<Option<UdmRole>> {
    let server = match server(config, Role::Udm)? {
        Some(server) => Some(server),
        // That of an AAA server alone: nobody else reaches it.
        None if config.has_udm() => None,
        None => return Ok(None),
    };
    let mut options = UdmOptions {
        hn_keys: shared.hn_keys.clone(),
        serving_networks,
        api_root: root(config.udm.api_root.as_deref())?,
        budgets: config.budgets(),
        tap: shared.tap.clone(),
        audit: shared.audit.clone(),
        ..UdmOptions::default()
    };
    options.events.all = count(config.udm.max_events);
    let uecm = match config.udm.uecm {
        true => Some(UecmOptions {
            amfs,
            callbacks: config.udm.callbacks.client_options("udm.callbacks")?,
        }),
        false => None,
    };
    Ok(Some(UdmRole {
        store: shared.store.clone(),
        options,
        uecm,
        listen: server.is_some().then_some(config.udm.listen),
        server: server.unwrap_or_else(ServerOptions::default),
    }))
}

fn ausf(config: &Config, shared: &Shared<'_>, serving_networks: ServingNetworkPolicy) -> Result<Option<AusfRole>> {
    let Some(server) = server(config, Role::Ausf)? else {
        return Ok(None);
    };
    let mut options = AusfOptions::new(shared.instance, serving_networks);
    options.api_root = root(config.ausf.api_root.as_deref())?;
    options.contexts.lifetime = Duration::from_secs(config.ausf.context_lifetime);
    options.contexts.pending = count(config.ausf.max_contexts);
    options.contexts.results = count(config.ausf.max_results);
    options.budgets = config.budgets();
    options.tap.clone_from(shared.tap);
    options.audit = shared.audit.clone();
    Ok(Some(AusfRole {
        options,
        listen: config.ausf.listen,
        server,
        udm: remote_udm(config)?,
        akma: akma(config, shared)?,
    }))
}

/// Where an AUSF registers anchor keys, where there is an AAnF.
fn akma(config: &Config, shared: &Shared<'_>) -> Result<Option<AkmaRole>> {
    Ok(aanf_of_ausf(config)?.map(|aanf| AkmaRole {
        options: AkmaOptions {
            store: shared.store.clone(),
            home_networks: config.ausf.home_networks.iter().map(|network| network.0).collect(),
        },
        aanf,
    }))
}

fn aaa(config: &Config, shared: &Shared<'_>) -> Result<Option<AaaRole>> {
    let (true, Some(names)) = (config.aaa.runs(), shared.names) else {
        return Ok(None);
    };
    let (aaa, radius) = (&*config.aaa, config.radius()?);
    let methods: Vec<AkaMethod> = aaa.methods.iter().map(|method| method.0.into()).collect();
    let lifetime = Duration::from_secs(aaa.run_lifetime);
    let policy = ServerPolicy::non_3gpp()
        .with_methods(&methods)
        .with_forward_secrecy(aaa.forward_secrecy.0.into())
        .with_lifetime(lifetime);
    let some = |number: u64, unit: u64| (number > 0).then(|| Duration::from_secs(number.saturating_mul(unit)));
    let mut options = AaaOptions::new(names.clone(), radius.networks);
    options.policy = match aaa.result_ind {
        true => policy.with_result_indication(),
        false => policy,
    };
    options.realms = aaa.realms.iter().map(|realm| realm.to_ascii_lowercase()).collect();
    options.pseudonyms = some(aaa.pseudonym_days, 24 * 3600);
    options.reauthentications = reauthentications(config);
    options.session = some(aaa.session_timeout, 1);
    options.erp = erp(config)?;
    options.audit = shared.audit.clone();
    let limits = limits(config);
    let radsec = aaa.tls.server("aaa.tls")?.map(|tls| RadSecListeners {
        listen: aaa.radsec.clone(),
        tls,
        limits: limits.clone(),
    });
    let radsec_psk = (!aaa.radsec_psk.is_empty()).then(|| RadSecPskListeners {
        listen: aaa.radsec_psk.clone(),
        limits: limits.clone(),
    });
    Ok(Some(AaaRole {
        options,
        radius: radius_options(config),
        clients: radius.clients,
        udp: aaa.radius.clone(),
        radsec,
        radsec_psk,
        drain: limits.drain,
    }))
}

fn usage_keys(config: &Config, shared: &Shared<'_>, policy: UsagePolicy) -> Result<Option<UsageKeysRole>> {
    if !config.has_usage_keys() {
        return Ok(None);
    }
    let emsk = &*config.emsk;
    let mut options = usage_keys_options(config);
    options.policy = policy;
    options.budgets = config.budgets();
    options.callbacks = emsk.callbacks.client_options("emsk.callbacks")?;
    options.audit = shared.audit.clone();
    let listen = match emsk.listen {
        Some(listen) => {
            let mut server = ServerOptions::default();
            server.insecure_h2c = emsk.insecure_h2c;
            server.limits = limits(config);
            server.tls = emsk.tls.server("emsk.tls")?;
            Some((listen, server))
        }
        None => None,
    };
    Ok(Some(UsageKeysRole {
        store: shared.store.clone(),
        options,
        listen,
    }))
}

fn aanf(config: &Config, shared: &Shared<'_>, policy: AkmaPolicy) -> Result<Option<AanfRole>> {
    let Some(server) = server(config, Role::Aanf)? else {
        return Ok(None);
    };
    let aanf = &*config.aanf;
    let lifetime = (aanf.context_lifetime > 0).then(|| Duration::from_secs(aanf.context_lifetime));
    Ok(Some(AanfRole {
        store: shared.store.clone(),
        options: AanfOptions {
            lifetime,
            limits: aanf.limits(),
            policy,
            budgets: config.budgets(),
            callbacks: aanf.callbacks.client_options("aanf.callbacks")?,
            api_root: root(aanf.api_root.as_deref())?,
            audit: shared.audit.clone(),
            interception: shared.li.map(|li| li.clone() as Arc<dyn Interception>),
            reauthentication: None,
        },
        reauthentication: match aanf.reauthentication.enabled {
            true => Some(ReauthenticationRole {
                limits: aanf.reauthentication.limits(),
                udm: udm_of_aanf(config)?,
            }),
            false => None,
        },
        listen: aanf.listen,
        server,
    }))
}

/// What usage keys keep.
pub(crate) fn usage_keys_options(config: &Config) -> UsageKeysOptions {
    let emsk = &*config.emsk;
    UsageKeysOptions {
        lifetime: Duration::from_secs(emsk.lifetime),
        most: count(emsk.most),
        limits: emsk.limits(),
        most_holders: count(emsk.most_holders),
        five_g_aka: emsk.five_g_aka,
        ..UsageKeysOptions::default()
    }
}

/// What RADIUS keeps.
pub(crate) fn radius_options(config: &Config) -> RadiusOptions {
    RadiusOptions {
        pending: count(config.aaa.max_runs),
        lifetime: Duration::from_secs(config.aaa.run_lifetime),
        ..RadiusOptions::default()
    }
}

/// What an AAA server takes at most, in octets.
pub(crate) fn radius_octets(config: &Config) -> usize {
    let radius = radius_options(config).octets_at_most::<Aaa>();
    let erp = erp(config).ok().flatten();
    radius
        .saturating_add(reauthentications(config).octets_at_most())
        .saturating_add(erp.map_or(0, |erp| erp.octets_at_most()))
}

/// Re-authentications by ERP, where there are any.
fn erp(config: &Config) -> Result<Option<ErpOptions>> {
    let domain = config.erp_domain()?;
    Ok(domain.map(|domain| ErpOptions {
        domain,
        all: count(config.aaa.max_erp),
        lifetime: Duration::from_secs(config.aaa.erp_lifetime),
    }))
}

/// How many fast re-authentications there are.
pub(crate) fn reauthentications(config: &Config) -> ReauthenticationLimits {
    ReauthenticationLimits {
        all: count(config.aaa.max_reauthentications),
        count: u16::try_from(config.aaa.reauthentications).unwrap_or(u16::MAX),
        lifetime: Duration::from_secs(config.aaa.reauthentication_lifetime),
    }
}

pub(super) fn root(text: Option<&str>) -> Result<Option<String>> {
    Ok(text.map(api_root).transpose()?)
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
