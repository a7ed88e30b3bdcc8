//! Which AMF serves a subscriber, and that it is to authenticate it again: a part of Nudm_UECM (TS 29.503 5.3, TS 33.501 6.1.5).
//!
//! ```text
//! AMF ── register_amf, update_amf ── record ─────────────┐
//!                                    └── outbox ── callback of the AMF of before: DeregistrationData
//! AAnF, policy ── trigger_auth ── runs one already? ── message, one commit ── 204
//!                                                        └── outbox ── callback of the AMF: ReauthNotificationInfo
//! ```
//!
//! An AMF is told where the configuration says that it may be told, and nowhere else. A trigger is worth nothing after five minutes; of
//! several for one subscriber the newest is told.

mod deregister;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kaskade_anchor::emsk::Callback;
use kaskade_codec::sbi::nudm_uecm::{
    AmfRegistration, AmfRegistrationModification, AuthTriggerInfo, DeregistrationReason, ReauthNotificationInfo,
};
use kaskade_codec::sbi::values::Text;
use kaskade_crypto::seal::SecretReader;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Outcome};
use kaskade_flow::record::{Expect, Version};
use kaskade_flow::unit::Lane;
use kaskade_flow::{Guarded, Refusal, Unit};
use kaskade_keys::{ServingNetworkName, Supi};
use kaskade_store::StoreError;
use kaskade_store::records::{DeclareError, RecordError, Records};

use super::{Udm, UdmError};
use crate::count::Counter;
use crate::live::Live;
use crate::role::callbacks::{Callbacks, Message, Teller, Told, deliver};
use crate::role::usage_keys::CallbackRoot;
use crate::sbi::client::ClientOptions;
use crate::sbi::peer::{Requester, RequesterId};
use crate::sbi::server::Shutdown;
use crate::sbi::service::{Api, Caller, CreatedHere, Echo, NotDone};
use crate::sbi::write;
use crate::services::nudm_uecm::{NudmUecm, routes};
use crate::time::{moment, unix_millis};
use deregister::Deregistering;
pub(in crate::role) use record::ServingAmf;
use record::{Again, TO_AMFS};

pub use deregister::{
    declare_serving_amfs, deregistrations_full, end_registration, withdraw_registration, withdraw_registration_untold,
};

/// How long an AMF that is away may be told still.
const WORTH: Duration = Duration::from_secs(300);

/// How often a change is made anew when others were faster.
const TRIES: usize = 8;

/// Which AMFs may be told where.
#[derive(Clone, Debug, Default)]
pub struct AmfPolicy {
    known: BTreeMap<RequesterId, String>,
    callbacks: BTreeMap<String, Vec<CallbackRoot>>,
}

impl AmfPolicy {
    /// And this requester, which is called so, at these roots.
    #[must_use]
    pub fn with(mut self, requester: RequesterId, name: &str, roots: impl IntoIterator<Item = CallbackRoot>) -> Self {
        self.known.insert(requester, name.to_owned());
        self.callbacks.entry(name.to_owned()).or_default().extend(roots);
        self
    }

    /// What a caller is called: by its connection, or by its token.
    fn name(&self, caller: &Caller) -> Option<&String> {
        let by_token = || {
            let token = caller.principal().token()?;
            self.known.get(&Requester::subject(token.subject()).id())
        };
        self.known.get(&caller.requester().id()).or_else(by_token)
    }

    fn may_be_told(&self, name: &str, root: &CallbackRoot) -> bool {
        let own = self.callbacks.get(name);
        own.is_some_and(|roots| roots.contains(root)) || fault!("amf-told-anywhere")
    }

    fn may_be_told_at(&self, name: &str, callback: &Callback) -> bool {
        CallbackRoot::of(callback.as_str()).is_ok_and(|(root, _)| self.may_be_told(name, &root))
    }
}

/// How this part is set up.
#[derive(Clone, Default)]
pub struct UecmOptions {
    /// Which AMFs may be told where.
    pub amfs: AmfPolicy,
    /// How they are reached.
    pub callbacks: ClientOptions,
}

/// What it has done since it started.
#[derive(Debug, Default)]
pub struct UecmCounters {
    /// Re-authentications that were asked for, and are on their way to an AMF.
    pub asked: Counter,
    /// AMFs that were told.
    pub told: Counter,
    /// Tries that failed; the AMF is told later.
    pub not_told: Counter,
    /// Messages that will never be delivered: the AMF refuses them, or may be told no more.
    pub given_up: Counter,
    /// AMFs that were told that they serve a subscriber no more.
    pub former_told: Counter,
    /// Tries of that which failed; the AMF is told later.
    pub former_not_told: Counter,
    /// Messages of that which will never be delivered.
    pub former_given_up: Counter,
}

/// Serving AMFs of the subscribers of a UDM.
pub struct Uecm {
    udm: Arc<Udm>,
    records: Records,
    policy: Live<AmfPolicy>,
    callbacks: Callbacks,
    counters: UecmCounters,
}

/// The callback of a member of a body.
fn callback(text: &Text, pointer: &'static str, why: Refusal) -> Result<Callback, NotDone> {
    let wrong = |reason: String| NotDone::parameter(why, pointer, reason);
    let callback: Callback = text.0.parse().map_err(|error| wrong(format!("{error}")))?;
    CallbackRoot::of(callback.as_str()).map_err(|error| wrong(error.to_string()))?;
    Ok(callback)
}

impl Uecm {
    /// Of this UDM. Blocks for a moment.
    ///
    /// # Errors
    /// [`DeclareError`] when the store cannot have its records.
    pub fn new(udm: Arc<Udm>, options: UecmOptions) -> Result<Self, DeclareError> {
        let records = udm.store.records();
        declare_serving_amfs(&records)?;
        Ok(Self {
            udm,
            records,
            policy: Live::new(options.amfs),
            callbacks: Callbacks::new(options.callbacks),
            counters: UecmCounters::default(),
        })
    }

    /// Which AMFs may be told where, to be replaced while it runs.
    pub const fn policy(&self) -> &Live<AmfPolicy> {
        &self.policy
    }

    /// What it has done so far.
    pub const fn counters(&self) -> &UecmCounters {
        &self.counters
    }

    /// Tells AMFs, until the shutdown begins.
    pub async fn run_until(self: Arc<Self>, shutdown: Shutdown) {
        let deregistering = Arc::new(Deregistering(self.clone()));
        tokio::select! {
            () = deliver(&self) => {}
            () = deliver(&deregistering) => {}
            () = shutdown.begun() => {}
        }
    }

    /// The service, for a listening socket.
    pub fn api(self: &Arc<Self>) -> Api {
        routes(self.clone()).at(self.udm.options.api_root.as_deref())
    }

    async fn found(&self, supi: &Supi) -> Result<Option<(ServingAmf, Version)>, RecordError> {
        let found = self.records.read::<ServingAmf>(supi).await?;
        Ok(found.map(|found| (found.record, found.version)))
    }

    /// Whether a subscriber is here, and may be served.
    fn is_served(&self, supi: &Supi) -> Result<(), UdmError> {
        match self.udm.store.card(supi) {
            Ok(None) => Err(UdmError::UserNotFound),
            Ok(Some(card)) if card.suspended => Err(UdmError::Suspended),
            Ok(Some(_)) | Err(StoreError::GsmOnly) => Ok(()),
            Err(error) => Err(UdmError::Store(error)),
        }
    }

    fn admit(&self, caller: &Caller, supi: &Supi) -> Result<(), UdmError> {
        let (requester, udm) = (caller.requester(), &self.udm);
        let admitted = udm.budgets.admit_report(requester.id(), moment());
        admitted.map_err(|over| udm.over_budget(requester, Some(supi), over))
    }

    /// Commits a change about a subscriber, with what the log is told.
    async fn commit(&self, caller: &Caller, supi: &Supi, mut unit: Unit, action: Action) -> Result<(), UdmError> {
        let event = self
            .udm
            .audit
            .event(Outcome::Changed, action, caller.requester(), supi)
            .correlated(caller.correlation().number());
        unit.event(event);
        let committed = self.records.commit(unit, Guarded::new(())).await;
        committed.map(drop).map_err(|error| UdmError::Store(error.into()))
    }

    /// Whether this AMF took the place of another.
    async fn register(&self, caller: &Caller, supi: &Supi, registration: AmfRegistration) -> Result<bool, NotDone> {
        let AmfRegistration {
            amf_instance_id,
            dereg_callback_uri,
            guami,
            initial_registration_ind,
            rat_type,
            reauth_notify_callback_uri,
        } = registration;
        let deregistration = callback(&dereg_callback_uri, "/deregCallbackUri", Refusal::IeIncorrect)?;
        let reauthentication = reauth_notify_callback_uri
            .map(|uri| callback(&uri, "/reauthNotifyCallbackUri", Refusal::OptionalIeIncorrect))
            .transpose()?;
        self.admit(caller, supi)?;
        let serving = ServingNetworkName::new(guami.network.plmn, guami.network.nid);
        self.udm.authorise(caller.requester(), &serving)?;
        self.is_served(supi)?;
        let amf = ServingAmf {
            since: unix_millis(),
            amf: amf_instance_id,
            guami,
            rat_type,
            name: self
                .policy
                .with(|policy| policy.name(caller).cloned().unwrap_or_default()),
            deregistration,
            reauthentication,
        };
        let reason = match initial_registration_ind {
            true => DeregistrationReason::InitialRegistration,
            false => DeregistrationReason::RegistrationAreaChange,
        };
        let (mut conflict, mut is_full) = (None, false);
        for _ in 0..TRIES {
            is_full = is_full || deregister::is_full(&self.records);
            let before = self
                .found(supi)
                .await
                .map_err(|error| UdmError::Store(StoreError::Record(error)))?;
            let mut unit = Unit::new();
            let (before, expect) = match before {
                Some((before, version)) => (Some(before), Expect::Version(version)),
                None => (None, Expect::Absent),
            };
            unit.put(supi, &amf, expect);
            let is_same = |before: &ServingAmf| before.amf == amf.amf && !fault!("serving-amf-told-that-it-is-another");
            let mut is_untold = false;
            if !before.as_ref().is_some_and(is_same) {
                if !is_full {
                    deregister::hears_nothing_of_before(&mut unit, &self.records, (supi, &amf));
                }
                if let Some(before) = &before {
                    is_untold = deregister::tell(&mut unit, &self.records, (supi, before), reason, is_full);
                }
            }
            match self.commit(caller, supi, unit, Action::ServingAmfChanged).await {
                Err(error @ UdmError::Store(StoreError::Conflict(_))) => conflict = Some(error),
                // Others were faster: once more, without a message.
                Err(UdmError::Store(error)) if !is_full && deregistrations_full(&error) => {
                    is_full = true;
                    conflict = Some(UdmError::Store(error));
                }
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    if is_untold {
                        self.counters.former_given_up.add_one();
                    }
                    // Whoever removed the subscriber meanwhile may have looked before there was anything.
                    if let Err(gone) = self.is_served(supi) {
                        end_registration(&self.records, supi).await.map_err(UdmError::Store)?;
                        return Err(gone.into());
                    }
                    return Ok(before.is_some());
                }
            }
        }
        Err(conflict.unwrap_or(UdmError::Stopped).into())
    }

    async fn update(&self, caller: &Caller, supi: &Supi, change: AmfRegistrationModification) -> Result<(), NotDone> {
        let reauthentication = change
            .reauth_notify_callback_uri
            .map(|uri| callback(&uri, "/reauthNotifyCallbackUri", Refusal::OptionalIeIncorrect))
            .transpose()?;
        self.admit(caller, supi)?;
        if !fault!("amf-changed-by-anybody") {
            let serving = ServingNetworkName::new(change.guami.network.plmn, change.guami.network.nid);
            self.udm.authorise(caller.requester(), &serving)?;
        }
        let name = self
            .policy
            .with(|policy| policy.name(caller).cloned().unwrap_or_default());
        let is_own =
            |amf: &ServingAmf| amf.guami == change.guami && (amf.name == name || fault!("amf-changed-by-anybody"));
        let mut conflict = None;
        for _ in 0..TRIES {
            let found = self
                .found(supi)
                .await
                .map_err(|error| UdmError::Store(StoreError::Record(error)))?;
            // Another AMF's is not this one's to change.
            let Some((mut amf, version)) = found.filter(|(amf, _)| is_own(amf)) else {
                return Err(UdmError::NotServed.into());
            };
            let mut unit = Unit::new();
            match change.purge_flag {
                true => unit.remove::<ServingAmf>(supi, Expect::Version(version)),
                false => {
                    amf.reauthentication = reauthentication.clone().or(amf.reauthentication);
                    unit.put(supi, &amf, Expect::Version(version));
                }
            }
            match self.commit(caller, supi, unit, Action::ServingAmfChanged).await {
                Err(error @ UdmError::Store(StoreError::Conflict(_))) => conflict = Some(error),
                done => return Ok(done?),
            }
        }
        Err(conflict.unwrap_or(UdmError::Stopped).into())
    }

    /// The AMF of a subscriber is told to authenticate it again, as far as it may be told. Durable when it returns.
    ///
    /// # Errors
    /// [`UdmError::NotServed`] where no AMF can be told, [`UdmError::Runs`] while an authentication runs: it brings what was wanted.
    async fn trigger(&self, caller: &Caller, supi: &Supi) -> Result<(), UdmError> {
        self.admit(caller, supi)?;
        self.is_served(supi)?;
        let found = self
            .found(supi)
            .await
            .map_err(|error| UdmError::Store(StoreError::Record(error)))?;
        let again = found.and_then(|(amf, _)| {
            let callback = amf.reauthentication?;
            Some(Again {
                supi: supi.clone(),
                name: amf.name,
                callback,
            })
        });
        let may = |again: &Again| {
            self.policy
                .with(|policy| policy.may_be_told_at(&again.name, &again.callback))
        };
        let again = again.filter(may).ok_or(UdmError::NotServed)?;
        if self.udm.running.runs(supi, moment()) && !fault!("reauthentication-while-one-runs") {
            return Err(UdmError::Runs);
        }
        let until = self.records.now().after(WORTH);
        let mut unit = Unit::new();
        unit.send(again.outgoing(until));
        self.commit(caller, supi, unit, Action::ReauthenticationAsked).await?;
        self.counters.asked.add_one();
        Ok(())
    }

    async fn triggered(&self, caller: &Caller, supi: &Supi, info: AuthTriggerInfo) -> Result<(), NotDone> {
        if info.supi.is_some_and(|named| named != *supi) {
            let reason = "another subscriber than in the path";
            return Err(NotDone::parameter(Refusal::OptionalIeIncorrect, "/supi", reason));
        }
        let done = self.trigger(caller, supi).await;
        done.inspect_err(|error| {
            self.udm
                .refused(caller.requester(), Some(supi), Action::ReauthenticationAsked, error);
        })?;
        Ok(())
    }
}

impl NudmUecm for Arc<Uecm> {
    async fn register_amf(
        &self,
        caller: &Caller,
        supi: Supi,
        registration: AmfRegistration,
    ) -> Result<Option<CreatedHere<Echo<AmfRegistration>>>, NotDone> {
        let replaced = self.register(caller, &supi, registration).await?;
        Ok((!replaced).then(|| CreatedHere(Echo::new())))
    }

    async fn update_amf(
        &self,
        caller: &Caller,
        supi: Supi,
        change: AmfRegistrationModification,
    ) -> Result<(), NotDone> {
        self.update(caller, &supi, change).await
    }

    async fn trigger_auth(&self, caller: &Caller, supi: Supi, info: AuthTriggerInfo) -> Result<(), NotDone> {
        self.triggered(caller, &supi, info).await
    }

    async fn trigger_auth_by_get(&self, caller: &Caller, supi: Supi, info: AuthTriggerInfo) -> Result<(), NotDone> {
        self.triggered(caller, &supi, info).await
    }

    async fn auth_trigger(&self, caller: &Caller, supi: Supi, info: AuthTriggerInfo) -> Result<(), NotDone> {
        self.triggered(caller, &supi, info).await
    }

    async fn auth_trigger_by_get(&self, caller: &Caller, supi: Supi, info: AuthTriggerInfo) -> Result<(), NotDone> {
        self.triggered(caller, &supi, info).await
    }
}

impl Teller for Uecm {
    const LANE: Lane = TO_AMFS;
    const WHAT: &'static str = "that a subscriber is to be authenticated again";

    fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    fn records(&self) -> &Records {
        &self.records
    }

    fn message(&self, body: SecretReader<'_>) -> Result<Message, String> {
        let Again { supi, name, callback } = Again::read(body).map_err(|error| error.to_string())?;
        let told = ReauthNotificationInfo { supi };
        Ok(Message {
            holder: name,
            callback,
            body: write::body(&told).map_err(|error| error.to_string())?,
        })
    }

    fn may_be_told(&self, holder: &str, root: &CallbackRoot) -> bool {
        self.policy.with(|policy| policy.may_be_told(holder, root))
    }

    fn count(&self, told: Told) {
        match told {
            Told::Now => self.counters.told.add_one(),
            Told::Later => self.counters.not_told.add_one(),
            Told::Never => self.counters.given_up.add_one(),
        }
    }
}

impl std::fmt::Debug for Uecm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uecm")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
