//! Anchor keys in, application keys out, and their end.

use kaskade_anchor::akma::{
    AfHolder, AfHolderId, AkmaContext, AkmaError, Got, Holding, Identity, Party, Registered, Registration, ReleasedAf,
    State,
};
use kaskade_anchor::emsk::Callback;
use kaskade_anchor::interception::{Iri, KeyGetType};
use kaskade_codec::sbi::akma::{AkmaAfKeyData, AkmaAfKeyRequest, AkmaKeyInfo};
use kaskade_codec::sbi::values::Text;
use kaskade_faults::fault;
use kaskade_flow::event::Action;
use kaskade_flow::{Durable, Guarded, Unit, UnixMillis};
use kaskade_keys::{AKid, Gpsi, Plmn, Supi};
use kaskade_store::StoreError;
use kaskade_store::engine::Conflict;
use kaskade_store::records::Found;

use super::{Aanf, AanfError, AkmaPolicy, Ended, Given};
use crate::log_limit;
use crate::role::usage_keys::CallbackRoot;
use crate::sbi::service::Caller;
use crate::services::naanf_akma::SUPI_ACCESS;
use crate::time::{moment, unix_millis};

/// Holders of one subscriber that are read at once: more than may be.
const OF_ONE: usize = 1024;

/// How often a unit is made anew when others were faster.
const TRIES: usize = 16;

/// What whoever asked is told of the user.
#[derive(Default)]
struct Who {
    gpsi: Option<Gpsi>,
    supi: Option<Supi>,
}

/// Who asks for a key of whom.
struct AskedBy<'a> {
    supi: &'a Supi,
    consumer: &'a str,
    kind: KeyGetType,
    at: UnixMillis,
}

impl Aanf {
    /// Takes K_AKMA of an authentication (TS 33.535 6.1).
    ///
    /// # Errors
    /// [`AanfError`]; then what was registered before still is.
    pub async fn register(&self, caller: &Caller, info: AkmaKeyInfo) -> Result<Durable<AkmaKeyInfo>, AanfError> {
        let supi = info.supi.clone();
        let done = match self.is_ausf(caller) {
            Ok(()) => self.registered(caller, info, None).await,
            Err(error) => Err(error),
        };
        done.inspect_err(|error| self.refused(caller, supi.as_ref(), Action::AnchorKeyRegistered, error))
    }

    /// The same for the AUSF of this process.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub async fn register_own(&self, caller: &Caller, info: AkmaKeyInfo) -> Result<Durable<AkmaKeyInfo>, AanfError> {
        self.register_own_served_by(caller, info, None).await
    }

    /// The same, with the network that serves the subscriber, which an AUSF knows and the service does not carry.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub async fn register_own_served_by(
        &self,
        caller: &Caller,
        info: AkmaKeyInfo,
        serving: Option<Plmn>,
    ) -> Result<Durable<AkmaKeyInfo>, AanfError> {
        let supi = info.supi.clone();
        let done = self.registered(caller, info, serving).await;
        done.inspect_err(|error| self.refused(caller, supi.as_ref(), Action::AnchorKeyRegistered, error))
    }

    /// K_AF for whoever asks in the name of an application function (TS 33.535 6.2); `None` where there is none.
    ///
    /// # Errors
    /// [`AanfError`]; then nothing was given.
    pub async fn application_key(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, AanfError> {
        match self.budgets.admit_report(caller.requester().id(), moment()) {
            Ok(()) => self.key_or_none(caller, request, KeyGetType::Internal).await,
            Err(over) => {
                let error = over.into();
                self.refused(caller, None, Action::ApplicationKeyGiven, &error);
                Err(error)
            }
        }
    }

    /// The same for the NEF of this process, whose application functions have paid there.
    ///
    /// # Errors
    /// As [`Self::application_key`].
    pub async fn application_key_for_nef(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, AanfError> {
        self.key_or_none(caller, request, KeyGetType::External).await
    }

    async fn key_or_none(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
        kind: KeyGetType,
    ) -> Result<Option<Durable<AkmaAfKeyData>>, AanfError> {
        let mut about = None;
        match self.given(caller, request, kind, &mut about).await {
            Ok(key) => Ok(Some(key)),
            Err(error) if error.is_absence() => {
                let action = Action::ApplicationKeyGiven;
                self.counters.absent.add_one();
                self.audit
                    .refused(caller.requester(), about.as_ref(), action, error.refusal());
                Ok(None)
            }
            Err(error) => {
                self.refused(caller, about.as_ref(), Action::ApplicationKeyGiven, &error);
                Err(error)
            }
        }
    }

    /// Forgets K_AKMA of a subscriber; application keys live until they expire. Nothing is fine, too.
    ///
    /// # Errors
    /// [`AanfError`]; then it still is.
    pub async fn remove(&self, caller: &Caller, supi: &Supi) -> Result<(), AanfError> {
        match self.is_ausf(caller) {
            Ok(()) => self.remove_own(caller, supi).await,
            Err(error) => {
                self.refused(caller, Some(supi), Action::AkmaContextRemoved, &error);
                Err(error)
            }
        }
    }

    /// The same for the AUSF of this process.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub async fn remove_own(&self, caller: &Caller, supi: &Supi) -> Result<(), AanfError> {
        let party = self.party(caller, supi);
        let done = self
            .change(supi, Some((caller, &party)), |state| state.remove(&party))
            .await;
        let was_there =
            done.inspect_err(|error| self.refused(caller, Some(supi), Action::AkmaContextRemoved, error))?;
        if was_there {
            self.counters.ends(Ended::Removed);
        }
        Ok(())
    }

    /// Keys of a subscriber are to be used no more: K_AKMA is forgotten, and who holds keys below it is told. Whether there was anything.
    ///
    /// # Errors
    /// [`AanfError`]; then they still may.
    pub async fn disable(&self, caller: &Caller, supi: &Supi) -> Result<bool, AanfError> {
        let party = self.party(caller, supi);
        let was_there = self
            .change(supi, Some((caller, &party)), |state| state.disable(&party))
            .await?;
        if was_there {
            self.counters.ends(Ended::Disabled);
        }
        Ok(was_there)
    }

    /// Keys that holders have, of those that `which` says, are to be used no more, and they get none again below the current K_AKMA.
    /// Whether there was any.
    ///
    /// # Errors
    /// [`AanfError`]; then they still may.
    pub async fn revoke(
        &self,
        caller: &Caller,
        supi: &Supi,
        which: impl Fn(&AfHolder) -> bool + Send + Sync,
    ) -> Result<bool, AanfError> {
        let party = self.party(caller, supi);
        self.change(supi, None, |state| state.revoke(&which, &party)).await
    }

    async fn registered(
        &self,
        caller: &Caller,
        info: AkmaKeyInfo,
        serving: Option<Plmn>,
    ) -> Result<Durable<AkmaKeyInfo>, AanfError> {
        let AkmaKeyInfo {
            supi,
            gpsi,
            a_kid,
            k_akma,
        } = info;
        let supi = match (supi, gpsi) {
            (Some(supi), None) => supi,
            (None, _) => return Err(AanfError::NoSupi),
            (Some(_), Some(_)) => return Err(AanfError::TwoNames),
        };
        self.may(&supi)?;
        let registration = Registration { a_kid, k_akma, serving };
        let party = self.party(caller, &supi);
        for _ in 0..TRIES {
            let state = self.state_of(&supi).await?;
            let (mut unit, result) = state.register(registration.clone(), self.options.lifetime, &party);
            let _noted = self.intercepted(&supi, party.at, &mut unit, || Iri::AnchorKeyRegister {
                a_kid: registration.a_kid.clone(),
                k_akma: registration.k_akma.clone(),
            })?;
            match self.records.commit(unit, result).await.map_err(StoreError::from) {
                Ok(registered) => {
                    self.counters.registered.add_one();
                    return Ok(registered.map(|Registered { a_kid, k_akma }| AkmaKeyInfo {
                        supi: Some(supi),
                        gpsi: None,
                        a_kid,
                        k_akma,
                    }));
                }
                Err(StoreError::Conflict(Conflict::Taken(..))) => return Err(AanfError::AKidTaken),
                Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AanfError::Restless)
    }

    /// `about` is set as soon as it is known.
    async fn given(
        &self,
        caller: &Caller,
        request: AkmaAfKeyRequest,
        kind: KeyGetType,
        about: &mut Option<Supi>,
    ) -> Result<Durable<AkmaAfKeyData>, AanfError> {
        let AkmaAfKeyRequest {
            notif_uri,
            af_id,
            a_kid,
            anon_ind,
        } = request;
        let policy = self.policy.now();
        // The same for every subscriber, whether there is one or not.
        let admitted = policy.functions.admit(&policy.names(caller), &af_id)?;
        let callback = callback(&policy, admitted.consumer(), notif_uri)?;
        for _ in 0..TRIES {
            let index = AkmaContext::index_of(&a_kid);
            let found = self.records.find::<AkmaContext>(AkmaContext::BY_A_TID, &index).await?;
            let Some(Found {
                key: supi,
                record,
                version,
            }) = found
            else {
                return Err(AkmaError::Unknown.into());
            };
            *about = Some(supi.clone());
            admitted.of(&supi)?;
            self.may(&supi)?;
            if !policy.allows_roaming(record.serving) {
                return Err(AanfError::Roaming);
            }
            // Who has the key already needs no place, and the others are not read.
            let holders = match self.holder(&supi, admitted.holder(&a_kid)).await? {
                Some(known) => vec![known],
                None => self.holders_of(&supi).await?,
            };
            let state = State::new(supi.clone(), Some((record, version)), holders);
            let party = self.party(caller, &supi);
            let got = state.get(&a_kid, &admitted, callback.clone(), self.options.limits, &party);
            self.looks_ahead(&state, &a_kid, &admitted, party.at).await;
            let asked = AskedBy {
                supi: &supi,
                consumer: admitted.consumer(),
                kind,
                at: party.at,
            };
            let Some((key, given)) = self.on_record(got?, &asked, &a_kid).await? else {
                continue;
            };
            let who = match anon_ind && !fault!("anonymous-user-named") {
                true => Who::default(),
                false => self.told_of(caller, admitted.identity(), supi)?,
            };
            self.counters.gave(given);
            return Ok(key.map(|ReleasedAf { k_af, expires }| AkmaAfKeyData {
                gpsi: who.gpsi,
                supi: who.supi,
                expiry: expires.into(),
                k_af,
            }));
        }
        Err(AanfError::Restless)
    }

    /// Puts the release of a key on record, and with it what interception hears of it; `None` where others were faster.
    async fn on_record(
        &self,
        got: Got,
        asked: &AskedBy<'_>,
        a_kid: &AKid,
    ) -> Result<Option<(Durable<ReleasedAf>, Given)>, AanfError> {
        let (mut unit, key, seen, given) = match got {
            // What is durable covers it.
            Got::Again { cover, event, key, .. } if !self.is_intercepting() => {
                return Ok(Some((self.audit.covered(cover, event, key)?, Given::Again)));
            }
            Got::Again { event, key, seen, .. } => {
                let mut unit = Unit::new();
                unit.event(event);
                (unit, key, seen, Given::Again)
            }
            Got::First { unit, key, seen } => (unit, key, seen, Given::First),
        };
        let _noted = self.intercepted(asked.supi, asked.at, &mut unit, || Iri::ApplicationKeyGet {
            kind: self.kind_of(asked.consumer, asked.kind),
            a_kid: a_kid.clone(),
            key: seen,
        })?;
        match self.records.commit(unit, key).await.map_err(StoreError::from) {
            Ok(key) => Ok(Some((key, given))),
            Err(StoreError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What a caller is told of the user: as the configuration says, and the SUPI to nobody whose token does not have it.
    fn told_of(&self, caller: &Caller, identity: Identity, supi: Supi) -> Result<Who, AanfError> {
        let token = caller.principal().token();
        let may_have_supi = token.is_none_or(|token| token.allows(SUPI_ACCESS)) || fault!("supi-without-its-scope");
        Ok(match identity {
            Identity::Anonymous => Who::default(),
            Identity::Supi if may_have_supi => Who {
                gpsi: None,
                supi: Some(supi),
            },
            Identity::Supi | Identity::Gpsi => Who {
                gpsi: match self.is_home {
                    true => self.store.gpsi_of(&supi)?,
                    false => None,
                },
                supi: None,
            },
        })
    }

    /// Changes what there is of a subscriber, until nobody else was faster; whether there was anything to change. `ends` says for whom
    /// K_AKMA is removed by it.
    async fn change(
        &self,
        supi: &Supi,
        ends: Option<(&Caller, &Party)>,
        make: impl Fn(&State) -> Unit + Send + Sync,
    ) -> Result<bool, AanfError> {
        for _ in 0..TRIES {
            let state = self.state_of(supi).await?;
            let mut unit = make(&state);
            if unit.is_empty() {
                return Ok(false);
            }
            let _noted = match (ends, state.context()) {
                (Some((caller, party)), Some(context)) => {
                    self.intercepted(supi, party.at, &mut unit, || Iri::ContextRemoval {
                        a_kid: context.a_kid.clone(),
                        nf: caller.requester().to_string(),
                    })?
                }
                _ => None,
            };
            match self
                .records
                .commit(unit, Guarded::new(()))
                .await
                .map_err(StoreError::from)
            {
                Ok(_) => return Ok(true),
                Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AanfError::Restless)
    }

    /// What the store has of a subscriber: the context before the holders.
    async fn state_of(&self, supi: &Supi) -> Result<State, AanfError> {
        let context = self.records.read::<AkmaContext>(supi).await?;
        let context = context.map(|found| (found.record, found.version));
        Ok(State::new(supi.clone(), context, self.holders_of(supi).await?))
    }

    async fn holder(&self, supi: &Supi, id: AfHolderId) -> Result<Option<Holding>, AanfError> {
        let found = self.records.read::<AfHolder>(&(supi.clone(), id.octets())).await?;
        Ok(found.map(holding))
    }

    async fn holders_of(&self, supi: &Supi) -> Result<Vec<Holding>, AanfError> {
        let found = self.records.list_of::<AfHolder>(supi, None, OF_ONE).await?;
        Ok(found.into_iter().map(holding).collect())
    }

    /// Whether the caller is an AUSF, and does not ask too often.
    fn is_ausf(&self, caller: &Caller) -> Result<(), AanfError> {
        self.budgets.admit_report(caller.requester().id(), moment())?;
        match self.policy.with(|policy| policy.is_ausf(&policy.names(caller))) {
            true => Ok(()),
            false => Err(AanfError::NotAnAusf),
        }
    }

    /// Whether there are keys of a subscriber, where the subscribers are here.
    pub(super) fn may(&self, supi: &Supi) -> Result<(), AanfError> {
        if !self.is_home {
            return Ok(());
        }
        AkmaPolicy::allows_card(self.store.card(supi)?.as_ref())
    }

    fn party(&self, caller: &Caller, supi: &Supi) -> Party {
        let (by, about) = self.audit.parties(caller.requester(), supi);
        Party {
            by,
            about,
            correlation: caller.correlation().number(),
            at: unix_millis(),
        }
    }

    fn refused(&self, caller: &Caller, about: Option<&Supi>, action: Action, error: &AanfError) {
        let requester = caller.requester();
        self.counters.refused.add_one();
        self.audit.refused(requester, about, action, error.refusal());
        let supi = about.map(Supi::masked).unwrap_or_default();
        log_limit!(info, "AKMA refused", supi, %requester, %error);
    }
}

fn holding(found: Found<AfHolder>) -> Holding {
    Holding {
        id: AfHolderId::from_octets(found.key.1),
        cover: found.cover(),
        holder: found.record,
        version: found.version,
    }
}

/// Where a caller may be told of the end of its key.
fn callback(policy: &AkmaPolicy, consumer: &str, uri: Option<Text>) -> Result<Option<Callback>, AanfError> {
    let Some(Text(uri)) = uri else { return Ok(None) };
    let callback: Callback = uri.parse().map_err(|_| AanfError::LongCallback)?;
    let (root, _) = CallbackRoot::of(callback.as_str()).map_err(AanfError::NotACallback)?;
    match policy.may_be_told(consumer, &root) {
        true => Ok(Some(callback)),
        false => Err(AanfError::CallbackNotAllowed),
    }
}
