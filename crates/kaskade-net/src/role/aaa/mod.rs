//! AAA server: lets users of the home network in by EAP-AKA' and EAP-AKA, where an access gateway asks by RADIUS (RFC 9048, RFC 4187,
//! RFC 9678; TS 33.402 6).
//!
//! ```text
//! gateway ── EAP packet ── machine ─┬─ who is that? ── permanent, pseudonym, SUCI, name of a fast re-authentication
//!    ▲                              ├─ a vector ────── UDM of this process
//!    │                              ├─ may the user? ─ still there, not suspended, the same card
//!    │                              └─ keep this ───── for the next fast re-authentication
//!    └──────── Durable ─── audit log ◀── challenge, or EAP-Success with MSK
//! ```
//!
//! Which network the keys are bound to is not what a gateway says: each has its own ([`Networks`]). A name of a fast re-authentication
//! serves once, a pseudonym until it expires; neither shows whose it is. What concerns the user is told to the user, by EAP; what
//! another server might do better (no room, too much asked for) is told to nobody, so that the gateway asks that one (RFC 3579 2.6.3).

mod counted;
mod erp;
mod kept;
mod names;
mod networks;
mod runs;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use kaskade_aka::eap_aka::ServerPolicy;
use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_store::Locked;
use kaskade_store::audit::AuditLog;

use super::audit::Audit;
use super::udm::Udm;
use super::usage_keys::UsageKeys;
use crate::live::Live;
use erp::Erp;
use kept::KeptTable;

pub use counted::AaaCounters;
pub use erp::ErpOptions;
pub use kept::ReauthenticationLimits;
pub use names::UserNames;
pub use networks::Networks;
pub use runs::Run;

/// How an AAA server is set up.
#[derive(Clone)]
pub struct AaaOptions {
    /// Methods, forward secrecy, protected results, and how long a run may take. How many fast re-authentications there are, the
    /// limits below say.
    pub policy: ServerPolicy,
    /// Realms that are served, in lower case; empty: all.
    pub realms: Vec<String>,
    /// Which network each gateway is of.
    pub networks: Networks,
    /// The keys of names.
    pub names: Arc<Locked<UserNames>>,
    /// How long a pseudonym can be used; `None`: none are given.
    pub pseudonyms: Option<Duration>,
    /// Fast re-authentications.
    pub reauthentications: ReauthenticationLimits,
    /// Re-authentications by ERP; `None`: there are none.
    pub erp: Option<ErpOptions>,
    /// After this long a gateway asks again; `None`: it decides itself.
    pub session: Option<Duration>,
    /// Has every release on record.
    pub audit: AuditLog,
}

impl AaaOptions {
    /// With these keys and this network, otherwise the defaults; no audit log.
    pub fn new(names: Arc<Locked<UserNames>>, networks: Networks) -> Self {
        Self {
            policy: ServerPolicy::non_3gpp(),
            realms: Vec::new(),
            networks,
            names,
            pseudonyms: Some(Duration::from_secs(30 * 24 * 3600)),
            reauthentications: ReauthenticationLimits::default(),
            erp: None,
            session: None,
            audit: AuditLog::off(),
        }
    }
}

/// AAA server.
pub struct Aaa {
    udm: Arc<Udm>,
    policy: Arc<ServerPolicy>,
    networks: Live<Networks>,
    kept: KeptTable,
    erp: Option<Erp>,
    audit: Audit,
    counters: Arc<AaaCounters>,
    options: AaaOptions,
    /// Has the EMSKs of authentications.
    usage_keys: Option<Arc<UsageKeys>>,
}

impl Aaa {
    /// In front of the UDM of this process.
    pub fn new(udm: Arc<Udm>, options: AaaOptions) -> Self {
        let limits = options.reauthentications;
        Self {
            udm,
            policy: Arc::new(options.policy.clone().with_reauthentications(limits.count)),
            networks: Live::new(options.networks.clone()),
            kept: KeptTable::new(limits),
            erp: options.erp.clone().map(Erp::new),
            audit: Audit::new(options.audit.clone()),
            counters: Arc::default(),
            options,
            usage_keys: None,
        }
    }

    /// Leaves the EMSK of each authentication there.
    #[must_use]
    pub fn leaving_emsks_to(mut self, usage_keys: Option<Arc<UsageKeys>>) -> Self {
        self.usage_keys = usage_keys;
        self
    }

    /// What it has done so far.
    pub fn counters(&self) -> &AaaCounters {
        &self.counters
    }

    /// Which network each gateway is of, to be replaced while it runs.
    pub const fn networks(&self) -> &Live<Networks> {
        &self.networks
    }

    /// Users who may come back by a fast re-authentication.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Users who may come back by ERP.
    pub fn erp_keys(&self) -> usize {
        self.erp.as_ref().map_or(0, Erp::len)
    }

    /// Lets go of what is over. Somebody does so every few seconds.
    pub fn sweep(&self, now: Moment) {
        self.kept.sweep(now);
        if let Some(erp) = &self.erp {
            erp.sweep(now);
        }
    }

    /// Whether a realm is served.
    fn serves(&self, realm: Option<&str>) -> bool {
        let realms = &self.options.realms;
        realms.is_empty()
            || fault!("realm-of-others-served")
            || realm.is_none_or(|realm| realms.iter().any(|own| own.eq_ignore_ascii_case(realm)))
    }
}

impl std::fmt::Debug for Aaa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aaa")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
