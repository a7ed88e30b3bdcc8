//! What a node opens before anything listens, in this order: data folder, store, home network keys, audit log.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use kaskade::config::{Config, Role};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_faults::fault;
use kaskade_net::role::aaa::UserNames;
use kaskade_net::role::aanf::Interception;
use kaskade_net::role::li::Li;
use kaskade_net::role::udm::HnKeyRing;
use kaskade_store::audit::AuditLog;
use kaskade_store::locked::{first_refusal, scrubbed};
use kaskade_store::{Locked, SubscriberStore};

use super::monitoring::{self, Monitoring};
use super::roles::{aanf_instance_id, nef_instance_id, nf_instance_id, udm_instance_id};
use super::store::{is_away, open_store};
use crate::admin::{Admin, Log};
use crate::data_dir::{DataDir, Folder};
use crate::hn_keys::{HnKeyFolder, HnKeys};
use crate::monitor::NotYet;
use crate::patience::{a_node_answers, patiently};

/// How long after an attempt to reach the server of the store the next one is made: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Folder and store; nothing is on record yet.
pub(crate) struct Opened {
    data: DataDir,
    store: Arc<SubscriberStore>,
}

impl Opened {
    /// Opens both; makes them where there was nothing.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let data = DataDir::open_or_create(&config.data_dir)?;
        // A command that has made the folder may have the store open yet; a node stays.
        let store = patiently(|| open_store(&data, config), || a_node_answers(data.path()))?;
        let store = Arc::new(store);
        Ok(Self { data, store })
    }

    /// [`Opened::open`], which waits for the server of the store as long as that is away: meanwhile the node says that it is not ready.
    pub(crate) async fn when_it_is_there(config: &Config) -> Result<Self> {
        let (mut pause, mut waiting) = (FIRST_PAUSE, None);
        loop {
            let error = match Self::open(config) {
                Err(error) if is_away(&error) && !fault!("away-is-an-end") => error,
                opened => {
                    if let Some((_, Some(monitoring))) = waiting {
                        Monitoring::stop(monitoring).await;
                    }
                    return opened;
                }
            };
            let why = error.root_cause().to_string();
            tracing::warn!("not ready, tried again in {} ms: {why}", pause.as_millis());
            match &waiting {
                None => {
                    let not_yet = NotYet::because(why);
                    let watched = monitoring::Opened::open(config)?;
                    let monitoring = watched.map(|watched| watched.serve(not_yet.clone()));
                    waiting = Some((not_yet, monitoring));
                }
                Some((not_yet, _)) => not_yet.still(why),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    pub(crate) fn store(&self) -> &Arc<SubscriberStore> {
        &self.store
    }

    pub(crate) const fn data(&self) -> &DataDir {
        &self.data
    }

    pub(crate) fn hn_keys(&self) -> Result<HnKeys> {
        scrubbed(|| HnKeys::open(&self.data))
    }

    /// From here on the audit log has what happens.
    pub(crate) fn recorded_by(self, audit: AuditLog, hn_keys: HnKeys) -> Recorded {
        let Self { data, store } = self;
        Recorded {
            data,
            store,
            hn_keys,
            audit,
        }
    }
}

/// All of it, while something may still be added.
pub(crate) struct Recorded {
    pub(crate) data: DataDir,
    pub(crate) store: Arc<SubscriberStore>,
    pub(crate) hn_keys: HnKeys,
    pub(crate) audit: AuditLog,
}

impl Recorded {
    /// Puts the master key away: what runs on needs none of it.
    pub(crate) fn close(self, config: &Config) -> Result<(Parts, Admin)> {
        // Also what keys were made of on the stack: a task that is spawned may take octets of that along to the heap.
        scrubbed(|| self.put_away(config))
    }

    fn put_away(self, config: &Config) -> Result<(Parts, Admin)> {
        let instance = nf_instance_id(&self.data)?;
        let udm_instance = match config.nrf.url.is_some() && config.runs(Role::Udm) {
            true => Some(udm_instance_id(&self.data)?),
            false => None,
        };
        let aanf_instance = match config.nrf.url.is_some() && config.runs(Role::Aanf) {
            true => Some(aanf_instance_id(&self.data)?),
            false => None,
        };
        let nef_instance = match config.nrf.url.is_some() && config.runs(Role::Nef) {
            true => Some(nef_instance_id(&self.data)?),
            false => None,
        };
        let names = config.aaa.runs().then(|| {
            let generation = u32::try_from(config.aaa.pseudonym_generation).unwrap_or(u32::MAX);
            Arc::new(Locked::with(|| self.data.master().name_keys(generation).into()))
        });
        let li = super::li::open(config, &self.store, &self.data)?;
        let (hn_keys, hn_key_folder) = self.hn_keys.into_ring();
        let admin = Admin::new(
            Some(self.store.clone()),
            Log::Open(self.audit.clone()),
            &self.data,
            config,
        )?;
        let admin = admin.heard_by(li.clone().map(|li| li as Arc<dyn Interception>));
        let folder = self.data.without_master_key();
        if let Some(reason) = first_refusal() {
            tracing::warn!(
                "pages with keys are not locked ({reason}): raise RLIMIT_MEMLOCK (ulimit -l, systemd: LimitMEMLOCK) to 8 MiB"
            );
        }
        let parts = Parts {
            folder,
            store: self.store,
            audit: self.audit,
            li,
            instance,
            udm_instance,
            aanf_instance,
            nef_instance,
            names,
            hn_keys,
            hn_key_folder,
        };
        Ok((parts, admin))
    }
}

/// What the roles of a process share.
pub(crate) struct Parts {
    pub(crate) folder: Folder,
    pub(crate) store: Arc<SubscriberStore>,
    pub(crate) audit: AuditLog,
    /// Lawful interception, where there is some.
    pub(crate) li: Option<Arc<Li>>,
    /// Who the AUSF is.
    pub(crate) instance: NfInstanceId,
    /// Who the UDM is, where an NRF is told.
    pub(crate) udm_instance: Option<NfInstanceId>,
    /// Who its AAnF is, where there is an NRF.
    pub(crate) aanf_instance: Option<NfInstanceId>,
    /// Who its NEF is, where there is an NRF.
    pub(crate) nef_instance: Option<NfInstanceId>,
    /// The keys of the names that users of the AAA server get.
    pub(crate) names: Option<Arc<Locked<UserNames>>>,
    pub(crate) hn_keys: HnKeyRing,
    pub(crate) hn_key_folder: Arc<HnKeyFolder>,
}
