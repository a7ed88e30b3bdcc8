//! Administration: what can be asked for while a node runs, and when none does, declared once.
//!
//! An [`Operation`](operation::Operation) says what it takes and answers, who may ask and why it may be refused. Three callers
//! use it: the commands of this program where no node runs, the same commands over the socket of a node that does, and whoever
//! comes with a certificate.
//!
//! What travels is in [`kaskade::administration`].
//!
//! | Room | What |
//! |---|---|
//! | [`operation`] | the declaration, and the list of all |
//! | [`subscriber`], [`hn_key`], [`policy`], [`context`], [`emsk`], [`akma`], [`audit`] | what it is about |
//! | [`streams`], [`telling`] | imports and exports, and what is told meanwhile |
//! | [`openapi`] | the document of all |
//! | [`principal`] | who asks, and which role may what |
//! | [`surface`] | HTTP: from a request to an operation and back |
//! | [`places`] | how much goes on at once, and how it ends |
//! | [`log`] | the audit log of all that is done |
//! | [`socket`], [`office`] | the Unix socket in the data folder, and what listens beside it |
//! | [`link`], [`there`] | how a command reaches the operations: here, or in a node |

pub(crate) mod akma;
pub(crate) mod akma_policy;
pub(crate) mod audit;
pub(crate) mod context;
pub(crate) mod emsk;
pub(crate) mod hn_key;
pub(crate) mod link;
mod log;
mod office;
pub(crate) mod openapi;
mod operation;
mod places;
pub(crate) mod policy;
mod principal;
mod registration;
mod sealed_secrets;
pub(crate) mod socket;
mod streams;
pub(crate) mod subscriber;
mod surface;
mod telling;
#[cfg(test)]
mod tests;
mod there;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use anyhow::Result;
use kaskade::config::Config;
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Event, Outcome, Subject};
use kaskade_keys::Supi;
use kaskade_net::live::Live;
use kaskade_net::radius::RadiusServer;
use kaskade_net::role::aaa::Aaa;
use kaskade_net::role::aanf::Interception;
use kaskade_net::role::ausf::Ausf;
use kaskade_net::role::udm::Udm;
use kaskade_net::role::usage_keys::UsageKeys;
use kaskade_store::SubscriberStore;
use kaskade_store::audit::AuditLog;

use crate::data_dir::DataDir;
use crate::exit::Done;
use crate::hn_keys::HnKeyFolder;
use crate::record::told_of;
pub(crate) use log::{Later, Log};
use sealed_secrets::SealedSecrets;

pub(crate) use kaskade::administration::{NotDone, body, not_done, text};
pub(crate) use link::{Link, LinkArgs};
pub(crate) use office::{Desk, Office};
pub(crate) use openapi::document;
pub(crate) use operation::ROOT;
pub(crate) use principal::{Principal, Role};
pub(crate) use surface::{OCTETS, Surface};

/// What operations work on.
pub(crate) struct Admin {
    store: Option<Arc<SubscriberStore>>,
    log: Log,
    config: Live<Config>,
    sealed: SealedSecrets,
    hn_keys: Arc<HnKeyFolder>,
    running: Option<RunningRoles>,
    /// Hears when an anchor key is removed, where there is lawful interception.
    interception: Option<Arc<dyn Interception>>,
    /// Held while something is read, changed and written back.
    changing: Mutex<()>,
}

/// The roles of a node that runs.
pub(crate) struct RunningRoles {
    pub(crate) udm: Option<Arc<Udm>>,
    pub(crate) ausf: Option<Arc<Ausf>>,
    pub(crate) aaa: Option<Arc<RadiusServer<Aaa>>>,
    pub(crate) usage_keys: Option<Arc<UsageKeys>>,
}

impl Admin {
    /// Over an open store, or none where only files are looked at.
    pub(crate) fn new(store: Option<Arc<SubscriberStore>>, log: Log, data: &DataDir, config: &Config) -> Result<Self> {
        Ok(Self {
            store,
            log,
            config: Live::new(config.clone()),
            sealed: SealedSecrets::new(data.master()),
            hn_keys: Arc::new(HnKeyFolder::open(data)?),
            running: None,
            interception: None,
            changing: Mutex::new(()),
        })
    }

    /// In a node that runs.
    pub(crate) fn running_as(mut self, roles: RunningRoles) -> Self {
        self.running = Some(roles);
        self
    }

    /// Where there is lawful interception.
    pub(crate) fn heard_by(mut self, interception: Option<Arc<dyn Interception>>) -> Self {
        self.interception = interception;
        self
    }

    fn store(&self) -> Result<&SubscriberStore, NotDone> {
        let none = || NotDone::because(Refusal::StoreFailed, "the store is not open here");
        self.store.as_deref().ok_or_else(none)
    }

    /// Whether anybody in this node reads subscribers and home network keys.
    fn has_udm(&self) -> Result<(), NotDone> {
        match self.running() {
            Some(RunningRoles { udm: None, .. }) if !fault!("admin-subscribers-of-nobody") => Err(NotDone::because(
                Refusal::DataNotFound,
                "no UDM runs in this node, and nobody else reads subscribers and home network keys: ask the node of the UDM",
            )),
            _ => Ok(()),
        }
    }

    fn config(&self) -> Arc<Config> {
        self.config.now()
    }

    /// From now on this is the configuration.
    fn renew(&self, config: Config) {
        self.config.replace(config);
    }

    const fn running(&self) -> Option<&RunningRoles> {
        self.running.as_ref()
    }

    fn hn_key_folder(&self) -> Arc<HnKeyFolder> {
        Arc::clone(&self.hn_keys)
    }

    /// Held while something is read, changed and written back.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same without waiting.
    pub(crate) fn try_changing(&self) -> Option<MutexGuard<'_, ()>> {
        match self.changing.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// What the log is told of a change, in the change's own commit; `None` without a log. Where that has no room, nothing is changed.
    fn change(&self, by: &Principal, action: Action) -> Result<Option<Event>, NotDone> {
        if !fault!("admin-change-without-room") {
            self.log()?.may_change()?;
        }
        self.event(by, Outcome::Changed, action)
    }

    /// The same of anything; the log is opened for it.
    fn event(&self, by: &Principal, outcome: Outcome, action: Action) -> Result<Option<Event>, NotDone> {
        Ok(event_in(self.log()?, by, outcome, action))
    }

    /// The audit log, open.
    fn log(&self) -> Result<&AuditLog, NotDone> {
        self.log.now()
    }

    /// Puts on record what is no commit of the store, durable before it returns.
    fn note(&self, event: Option<Event>) -> Result<(), NotDone> {
        if let Some(event) = event {
            let log = self.log()?;
            log.record(event)?;
            log.flush()?;
        }
        Ok(())
    }

    /// The same of one subscriber.
    fn change_of(&self, by: &Principal, action: Action, supi: &Supi) -> Result<Option<Event>, NotDone> {
        let (event, log) = (self.change(by, action)?, self.log()?);
        Ok(event.map(|event| event.about(log.subject(supi))))
    }

    /// Puts on record that the configuration is taken over as it is now.
    pub(crate) fn note_taken_over(&self) -> Result<(), NotDone> {
        let event = self.event(&Principal::this_user(), Outcome::Noted, Action::ConfigurationTakenOver)?;
        self.note(event.filter(|_| !fault!("reload-not-on-record")))
    }

    /// Waits until the log has what was committed for it.
    fn told(&self) -> Result<(), NotDone> {
        told_of(self.store()?, self.log()?).map_err(|full| NotDone::from(full).but_done(&Done.to_string()))
    }

    /// Counts that somebody was refused.
    fn refused(&self, by: &Principal, action: Action, why: Refusal) {
        let peer = by.peer();
        if let Log::Open(log) = &self.log
            && log.refused((peer, Subject::NOBODY), action, why, log.now())
        {
            log.introduce(peer, &by.to_string());
        }
    }
}

/// What a log is told; `None` where it is off.
fn event_in(log: &AuditLog, by: &Principal, outcome: Outcome, action: Action) -> Option<Event> {
    let event = || {
        let event = Event::new(outcome, action, log.now());
        match fault!("admin-principal-not-on-record") {
            true => event,
            false => {
                log.introduce(by.peer(), &by.to_string());
                event.by(by.peer())
            }
        }
    };
    log.is_on().then(event)
}
