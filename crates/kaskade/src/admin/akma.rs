//! AKMA: whose anchor keys there are, who holds keys below them, and their end.

use kaskade::administration::{ContextQuery, FunctionQuery};
use kaskade_anchor::akma::{AfHolder, AfHolderId, AkmaContext, Holding, Party, State};
use kaskade_anchor::interception::Iri;
use kaskade_codec::sbi::Timestamp;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, PeerId};
use kaskade_flow::record::Record;
use kaskade_flow::{Durable, Guarded, Refusal, Unit};
use kaskade_keys::Supi;
use kaskade_net::role::aanf::note;
use kaskade_store::StoreError;
use kaskade_store::records::{CommitError, DeclareError, Found, RecordError, Records};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Nothing, Operation};
use super::text::{Limit, Text};
use super::{Admin, NotDone, Principal, Role};

/// Of one subscriber: more holders than may be.
const OF_ONE: usize = 1024;

/// Lines where nobody says how many.
const USUAL: usize = 100;

/// How often a change is made anew when others were faster.
const TRIES: usize = 16;

/// For whom an anchor key is removed with a subscription, as interception hears it.
const OWN: &str = "AAnF";

/// What is said where a subscription has changed and its keys of AKMA are left.
const NOT_ENDED: &str = "done, but its application keys are not ended: `kaskade akma disable` ends them, and so does the next start of the AAnF if they are still not allowed then";

/// Whose anchor keys there are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Contexts {
    /// By subscriber.
    pub(crate) contexts: Vec<ContextView>,
}

/// An anchor key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ContextView {
    /// SUPI, masked.
    pub(crate) supi: String,
    /// A-KID, masked.
    pub(crate) a_kid: String,
    /// Fingerprint of `K_AKMA`.
    pub(crate) print: String,
    /// When it was registered.
    pub(crate) registered: String,
    /// Until when it is of use at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
    /// Where the subscriber is served, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) serving: Option<String>,
}

/// Who holds application keys.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FunctionKeys {
    /// Keys that were given, by subscriber.
    pub(crate) keys: Vec<FunctionKeyView>,
}

/// Somebody holds an application key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FunctionKeyView {
    /// SUPI, masked.
    pub(crate) supi: String,
    /// A-KID of the anchor key, masked.
    pub(crate) a_kid: String,
    /// `AF_ID`: domain name and Ua* protocol.
    pub(crate) af_id: String,
    /// Who asked for it.
    pub(crate) consumer: String,
    /// Until when it lives; it may be over.
    pub(crate) expires: String,
    /// Where the holder is told that it is to be used no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback: Option<String>,
}

/// Keys that are to be used no more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct EndedView {
    /// SUPI, masked.
    pub(crate) supi: String,
    /// How many keys were held.
    pub(crate) keys: u64,
}

/// Lists anchor keys.
pub(crate) struct ListContexts;

impl Operation for ListContexts {
    const NAME: &'static str = "listAkmaContexts";
    const TITLE: &'static str = "Lists whose anchor keys of AKMA there are; no key is shown.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/akma/contexts";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[];
    const ACTION: Action = Action::AkmaShown;
    type Of = ();
    type Query = ContextQuery;
    type Body = Nothing;
    type Answer = Contexts;

    fn run(admin: &Admin, _: &Principal, (): (), query: ContextQuery, _: Nothing) -> Result<Contexts, NotDone> {
        let records = records(admin)?;
        let limit = query.limit.map_or(USUAL, |Text(Limit(limit))| limit);
        let found = match &query.supi {
            Some(Text(supi)) => {
                pollster::block_on(records.read::<AkmaContext>(supi)).map(|found| found.into_iter().collect())
            }
            None => pollster::block_on(records.list::<AkmaContext>(None, limit)),
        };
        let found: Vec<Found<AkmaContext>> = found.map_err(failed)?;
        let contexts = found.into_iter().map(|Found { key, record, .. }| ContextView {
            supi: key.masked(),
            a_kid: record.a_kid.masked(),
            print: record.fingerprint().to_string(),
            registered: Timestamp::from(record.born).to_string(),
            until: record.until.map(|until| Timestamp::from(until).to_string()),
            serving: record.serving.map(|serving| serving.to_string()),
        });
        Ok(Contexts {
            contexts: contexts.collect(),
        })
    }
}

/// Lists who holds keys.
pub(crate) struct ListKeys;

impl Operation for ListKeys {
    const NAME: &'static str = "listApplicationKeys";
    const TITLE: &'static str = "Lists which application functions hold keys of AKMA; no key is shown.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/akma/keys";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[];
    const ACTION: Action = Action::AkmaShown;
    type Of = ();
    type Query = ContextQuery;
    type Body = Nothing;
    type Answer = FunctionKeys;

    fn run(admin: &Admin, _: &Principal, (): (), query: ContextQuery, _: Nothing) -> Result<FunctionKeys, NotDone> {
        let records = records(admin)?;
        let limit = query.limit.map_or(USUAL, |Text(Limit(limit))| limit);
        let found = match &query.supi {
            Some(Text(supi)) => pollster::block_on(records.list_of::<AfHolder>(supi, None, limit)),
            None => pollster::block_on(records.list::<AfHolder>(None, limit)),
        };
        let keys = found.map_err(failed)?.into_iter();
        let keys = keys.map(|Found { key, record, .. }| FunctionKeyView {
            supi: key.0.masked(),
            a_kid: record.a_kid.masked(),
            af_id: record.af_id.to_string(),
            consumer: record.consumer,
            expires: Timestamp::from(record.expires).to_string(),
            callback: record.callback.map(|callback| callback.as_str().to_owned()),
        });
        Ok(FunctionKeys { keys: keys.collect() })
    }
}

/// Ends application keys of a subscriber.
pub(crate) struct Revoke;

impl Operation for Revoke {
    const NAME: &'static str = "revokeApplicationKeys";
    const TITLE: &'static str =
        "Ends application keys of a subscriber; who holds one is told, and gets none until the next authentication.";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/akma/keys/{supi}";
    const ROLE: Role = Role::Operator;
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound];
    const ACTION: Action = Action::AkmaDisabled;
    type Of = Supi;
    type Query = FunctionQuery;
    type Body = Nothing;
    type Answer = EndedView;

    fn run(admin: &Admin, by: &Principal, supi: Supi, query: FunctionQuery, _: Nothing) -> Result<EndedView, NotDone> {
        let is_it = |holder: &AfHolder| match &query.function {
            Some(Text(fqdn)) => holder.af_id.fqdn().eq_ignore_ascii_case(fqdn.as_str()),
            None => true,
        };
        admin.end_akma(by, &supi, None, |state, party| state.revoke(is_it, party), is_it)
    }
}

/// Ends the anchor key of a subscriber, and all keys below.
pub(crate) struct Disable;

impl Operation for Disable {
    const NAME: &'static str = "disableAkma";
    const TITLE: &'static str = "Ends the anchor key of a subscriber and every application key; who holds one is told. The next authentication brings another.";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/akma/contexts/{supi}";
    const ROLE: Role = Role::Operator;
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound];
    const ACTION: Action = Action::AkmaDisabled;
    type Of = Supi;
    type Query = Nothing;
    type Body = Nothing;
    type Answer = EndedView;

    fn run(admin: &Admin, by: &Principal, supi: Supi, _: Nothing, _: Nothing) -> Result<EndedView, NotDone> {
        let name = by.to_string();
        admin.end_akma(by, &supi, Some(&name), State::disable, |_| true)
    }
}

impl Admin {
    /// A subscriber is suspended, removed, or has another card or AKMA no more: no application key of it is to be used any more.
    pub(super) fn application_keys_end_of(&self, supi: &Supi) -> Result<(), NotDone> {
        if !self.config().aanf.runs() || fault!("application-keys-outlive-the-subscription") {
            return Ok(());
        }
        match self.change_akma(None, supi, Some(OWN), &State::disable) {
            Err(error) if !fault!("application-keys-left-unsaid") => {
                // Of several only the first one is said to whoever asked.
                tracing::warn!(supi = %supi.masked(), %error, "application keys are not ended");
                Err(error.but_done(NOT_ENDED))
            }
            _ => Ok(()),
        }
    }

    /// Ends keys, with who wanted it on record; how many were held, of those that are counted. `remover` wants the anchor key removed.
    fn end_akma(
        &self,
        by: &Principal,
        supi: &Supi,
        remover: Option<&str>,
        end: impl Fn(&State, &Party) -> Unit,
        counted: impl Fn(&AfHolder) -> bool,
    ) -> Result<EndedView, NotDone> {
        let _one_by_one = self.changing();
        let event = self.change_of(by, Action::AkmaDisabled, supi)?;
        let at = records(self)?.now();
        let before = self.change_akma(event, supi, remover, &end)?.ok_or_else(|| {
            let reason = match remover {
                Some(_) => "there is no anchor key of this subscriber, and nobody holds such a key",
                None => "nobody holds such an application key of this subscriber: there is nothing to revoke",
            };
            NotDone::because(Refusal::DataNotFound, reason)
        })?;
        self.told()?;
        let held = before.holders().filter(|holder| holder.expires > at && counted(holder));
        Ok(EndedView {
            supi: supi.masked(),
            keys: held.count() as u64,
        })
    }

    /// Changes what there is of a subscriber, until nobody else was faster; what there was before, `None` where nothing was to change.
    fn change_akma(
        &self,
        event: Option<Event>,
        supi: &Supi,
        remover: Option<&str>,
        make: &dyn Fn(&State, &Party) -> Unit,
    ) -> Result<Option<State>, NotDone> {
        let records = records(self)?;
        let party = Party {
            by: event.as_ref().map_or(PeerId::NOBODY, Event::peer),
            about: self.log()?.subject(supi),
            correlation: 0,
            at: records.now(),
        };
        for _ in 0..TRIES {
            let state = state_of(&records, supi).map_err(failed)?;
            let mut unit = make(&state, &party);
            if unit.is_empty() {
                return Ok(None);
            }
            let _noted = match (&self.interception, remover, state.context()) {
                (Some(interception), Some(nf), Some(context)) => {
                    let iri = Iri::ContextRemoval {
                        a_kid: context.a_kid.clone(),
                        nf: nf.to_owned(),
                    };
                    let subscribers = self.config().has_udm().then_some(self.store()?);
                    Some(note(&**interception, subscribers, (supi, party.at, iri), &mut unit)?)
                }
                _ => None,
            };
            match records.commit(unit, Guarded::new(())).wait() {
                Ok(done) => {
                    let _: Durable<()> = done;
                    return Ok(Some(state));
                }
                Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(StoreError::from(error).into()),
            }
        }
        let reason = "the keys of this subscriber are changed all the time: try again";
        Err(NotDone::because(Refusal::StoreFailed, reason))
    }
}

/// What the store has of a subscriber: the context before the holders.
pub(super) fn state_of(records: &Records, supi: &Supi) -> Result<State, RecordError> {
    let context = pollster::block_on(records.read::<AkmaContext>(supi))?;
    let holders = pollster::block_on(records.list_of::<AfHolder>(supi, None, OF_ONE))?;
    let holdings = holders.into_iter().map(|found| Holding {
        id: AfHolderId::from_octets(found.key.1),
        cover: found.cover(),
        holder: found.record,
        version: found.version,
    });
    let context = context.map(|found| (found.record, found.version));
    Ok(State::new(supi.clone(), context, holdings.collect()))
}

pub(super) fn records(admin: &Admin) -> Result<Records, NotDone> {
    let records = admin.store()?.records();
    let declared = records.declare(&[AkmaContext::KIND, AfHolder::KIND]);
    declared.map_err(|error: DeclareError| NotDone::because(Refusal::StoreFailed, error.to_string()))?;
    Ok(records)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn failed(error: RecordError) -> NotDone {
    NotDone::because(Refusal::StoreFailed, error.to_string())
}
