//! Keys below the EMSK: which usages there are, who holds keys, and the end of an EMSK.

use std::collections::BTreeMap;

use kaskade::administration::ContextQuery;
use kaskade_anchor::emsk::{Custody, DataRule, Holder, HolderId, Retired, SealedRoot, Who, Why, retire_left};
use kaskade_codec::sbi::Timestamp;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event, Subject};
use kaskade_flow::record::{Expect, Record};
use kaskade_flow::{Durable, Guarded, Refusal};
use kaskade_keys::Supi;
use kaskade_keys::id::RootKeyName;
use kaskade_net::role::ausf::{NotEnded, declare_anchor_keys, end_anchor_key};
use kaskade_store::StoreError;
use kaskade_store::records::{DeclareError, Found, RecordError, Records};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Nothing, Operation};
use super::text::{Limit, Text};
use super::{Admin, NotDone, Principal, Role};

/// Of one subscriber: more than two EMSKs with all their holders.
const OF_ONE: usize = 1024;

/// Keys that are listed where nobody says how many.
const USUAL: usize = 100;

/// What there are keys below the EMSK for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Usages {
    /// Usages, by label.
    pub(crate) usages: Vec<UsageView>,
    /// Domains with key servers of their own.
    pub(crate) domains: Vec<DomainView>,
    /// EMSKs in the node that runs; none where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) emsks: Option<u64>,
    /// Keys below them that are held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holders: Option<u64>,
}

/// A usage.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct UsageView {
    /// Its label.
    pub(crate) label: String,
    /// The domain, of a usage below the key of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<String>,
    /// What tells its keys apart: `none`, `octets`, `service` or `slice`.
    pub(crate) data: String,
    /// Seconds that its keys live after the authentication.
    pub(crate) lifetime_s: u64,
    /// Who may have them.
    pub(crate) grants: Vec<GrantView>,
}

/// Who may have keys of a usage.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct GrantView {
    /// The name in the configuration.
    pub(crate) who: String,
    /// Of which slices; empty: of all, or the usage has none.
    pub(crate) slices: Vec<String>,
}

/// A domain.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DomainView {
    /// Its name.
    pub(crate) domain: String,
    /// Seconds that its key lives after the authentication.
    pub(crate) lifetime_s: u64,
    /// Its key servers, by their names in the configuration.
    pub(crate) servers: Vec<String>,
}

/// Who holds keys.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Holders {
    /// Keys that are held, by subscriber.
    pub(crate) keys: Vec<HolderView>,
}

/// Somebody holds a key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct HolderView {
    /// SUPI, masked.
    pub(crate) supi: String,
    /// EMSKname: 16 hexadecimal digits.
    pub(crate) emsk_name: String,
    /// USRKname or DSUSRKname; the key of a domain has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_name: Option<String>,
    /// Who holds it.
    pub(crate) holder: String,
    /// What it is for; the key of a domain is for its domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// The domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<String>,
    /// Until when it lives.
    pub(crate) expires: String,
    /// Where the holder is told of its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback: Option<String>,
}

/// An EMSK that ended.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RetiredView {
    /// SUPI, masked.
    pub(crate) supi: String,
    /// How many keys below it were held.
    pub(crate) holders: u64,
}

/// Shows usages and domains.
pub(crate) struct ListUsages;

impl Operation for ListUsages {
    const NAME: &'static str = "listUsages";
    const TITLE: &'static str = "Shows what there are keys below the EMSK for, and who may have them.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/emsk/usages";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[];
    const ACTION: Action = Action::HoldersShown;
    type Of = ();
    type Query = Nothing;
    type Body = Nothing;
    type Answer = Usages;

    fn run(admin: &Admin, _: &Principal, (): (), _: Nothing, _: Nothing) -> Result<Usages, NotDone> {
        let registry = admin.config().emsk.registry();
        let registry = registry.map_err(|error| NotDone::because(Refusal::Internal, error.to_string()))?;
        let name = |who: &Who| {
            let (Who::Principal(name) | Who::Group(name)) = who;
            name.clone()
        };
        let usages = registry.usages().map(|usage| UsageView {
            label: usage.label.to_string(),
            domain: usage.domain.as_ref().map(ToString::to_string),
            data: match usage.data {
                DataRule::None => "none",
                DataRule::Octets { .. } => "octets",
                DataRule::Service => "service",
                DataRule::Slice => "slice",
            }
            .to_owned(),
            lifetime_s: usage.lifetime.as_secs(),
            grants: (usage.grants.iter())
                .map(|grant| GrantView {
                    who: name(&grant.who),
                    slices: grant.slices.iter().map(ToString::to_string).collect(),
                })
                .collect(),
        });
        let domains = registry.domains().map(|domain| DomainView {
            domain: domain.domain.to_string(),
            lifetime_s: domain.lifetime.as_secs(),
            servers: domain.servers.iter().map(name).collect(),
        });
        let held = admin
            .running()
            .and_then(|running| Some(running.usage_keys.as_ref()?.held()));
        Ok(Usages {
            usages: usages.collect(),
            domains: domains.collect(),
            emsks: held.map(|(emsks, _)| emsks as u64),
            holders: held.map(|(_, holders)| holders as u64),
        })
    }
}

/// Lists who holds keys.
pub(crate) struct ListKeys;

impl Operation for ListKeys {
    const NAME: &'static str = "listUsageKeys";
    const TITLE: &'static str = "Lists who holds keys below EMSKs, by name; no key is shown.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/emsk/keys";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[];
    const ACTION: Action = Action::HoldersShown;
    type Of = ();
    type Query = ContextQuery;
    type Body = Nothing;
    type Answer = Holders;

    fn run(admin: &Admin, _: &Principal, (): (), query: ContextQuery, _: Nothing) -> Result<Holders, NotDone> {
        let records = records(admin)?;
        let limit = query.limit.map_or(USUAL, |Text(Limit(limit))| limit);
        let found = match &query.supi {
            Some(Text(supi)) => pollster::block_on(records.list_of::<Holder>(supi, None, limit)),
            None => pollster::block_on(records.list::<Holder>(None, limit)),
        };
        let keys = found
            .map_err(failed)?
            .into_iter()
            .map(|Found { key, record, .. }| HolderView {
                supi: key.0.masked(),
                emsk_name: record.emsk_name.to_string(),
                key_name: record.key_name.map(|name| name.to_string()),
                holder: record.principal,
                label: record.label.map(|label| label.to_string()),
                domain: record.domain.map(|domain| domain.to_string()),
                expires: Timestamp::from(record.expires).to_string(),
                callback: record.callback.map(|callback| callback.as_str().to_owned()),
            });
        Ok(Holders { keys: keys.collect() })
    }
}

/// Ends the EMSK of a subscriber.
pub(crate) struct Retire;

impl Operation for Retire {
    const NAME: &'static str = "retireEmsk";
    const TITLE: &'static str = "Ends the EMSK of a subscriber and every key below it; who holds one is told. The next authentication brings another.";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/emsk/keys/{supi}";
    const ROLE: Role = Role::Operator;
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound];
    const ACTION: Action = Action::EmskRetired;
    type Of = Supi;
    type Query = Nothing;
    type Body = Nothing;
    type Answer = RetiredView;

    fn run(admin: &Admin, by: &Principal, supi: Supi, _: Nothing, _: Nothing) -> Result<RetiredView, NotDone> {
        let none = || {
            NotDone::because(
                Refusal::DataNotFound,
                "there is no EMSK of this subscriber, and nobody holds a key",
            )
        };
        let _one_by_one = admin.changing();
        let holders = match admin.running().and_then(|running| running.usage_keys.as_ref()) {
            Some(usage_keys) => {
                let holders = usage_keys.holders_of(&supi).ok_or_else(none)?;
                // On record before it is in force, with who wanted it.
                let event = admin.change_of(by, Action::EmskRetired, &supi)?;
                admin.note(event)?;
                usage_keys.end(&supi, None, Why::Administered);
                holders as u64
            }
            None => {
                let event = admin.change_of(by, Action::EmskRetired, &supi)?;
                let about = admin.log()?.subject(&supi);
                admin.retire_records(&supi, event, about)?.ok_or_else(none)?
            }
        };
        admin.told()?;
        Ok(RetiredView {
            supi: supi.masked(),
            holders,
        })
    }
}

impl Admin {
    /// A subscriber is suspended, removed or has another card: no key below its EMSK, and none of AKMA, is to be used any more.
    pub(super) fn keys_end_of(&self, supi: &Supi) {
        self.application_keys_end_of(supi);
        let usage_keys = self.running().and_then(|running| running.usage_keys.as_ref());
        if let Some(usage_keys) = usage_keys.filter(|_| !fault!("keys-outlive-the-subscription")) {
            usage_keys.end(supi, None, Why::Deregistered);
        }
        self.anchor_key_ends_of(supi);
    }

    /// A subscriber has no AKMA any more: the AAnF is told to forget its anchor key, by the AUSF that runs over this store or by the next
    /// one. Where that cannot be kept the AUSF finds it with its next start.
    pub(super) fn anchor_key_ends_of(&self, supi: &Supi) {
        let Some(store) = self
            .store
            .as_ref()
            .filter(|_| !fault!("anchor-key-outlives-the-subscription"))
        else {
            return;
        };
        let records = store.records();
        let mut ended = pollster::block_on(end_anchor_key(&records, supi, None));
        // Nobody has asked for them since the store was opened.
        if matches!(ended, Err(NotEnded::Record(RecordError::Undeclared(_)))) && declare_anchor_keys(&records).is_ok() {
            ended = pollster::block_on(end_anchor_key(&records, supi, None));
        }
        if let Err(error) = ended {
            tracing::error!(supi = %supi.masked(), %error, "the anchor key of a subscriber does not end yet");
        }
    }

    /// Ends what is in records where no node runs; how many held keys, `None` where there was nothing.
    fn retire_records(&self, supi: &Supi, mut event: Option<Event>, about: Subject) -> Result<Option<u64>, NotDone> {
        let records = records(self)?;
        let mut of: BTreeMap<RootKeyName, Vec<Found<Holder>>> = BTreeMap::new();
        for found in pollster::block_on(records.list_of::<Holder>(supi, None, OF_ONE)).map_err(failed)? {
            of.entry(found.record.emsk_name).or_default().push(found);
        }
        let sealed = pollster::block_on(records.list_of::<SealedRoot>(supi, None, OF_ONE)).map_err(failed)?;
        let sealed: Vec<RootKeyName> = sealed.iter().map(|found| found.record.name()).collect();
        for name in &sealed {
            of.entry(*name).or_default();
        }
        if of.is_empty() {
            return Ok(None);
        }
        let mut count = 0;
        for (name, holders) in of {
            let custody = match sealed.contains(&name) {
                true => Custody::Sealed,
                false => Custody::Process,
            };
            let retired = Retired {
                supi,
                name,
                custody,
                why: Why::Administered,
                at: records.now(),
                about,
            };
            count += holders.len() as u64;
            let holders = holders.into_iter().map(|found| {
                let id = HolderId::from_octets(found.key.1);
                (id, found.record, Expect::Version(found.version))
            });
            let mut unit = retire_left(&retired, holders);
            if let Some(event) = event.take() {
                unit.event(event);
            }
            let committed = records.commit(unit, Guarded::new(())).wait();
            let _: Durable<()> = committed.map_err(StoreError::from)?;
        }
        Ok(Some(count))
    }
}

fn records(admin: &Admin) -> Result<Records, NotDone> {
    let records = admin.store()?.records();
    let declared = records.declare(&[Holder::KIND, SealedRoot::KIND]);
    declared.map_err(|error: DeclareError| NotDone::because(Refusal::StoreFailed, error.to_string()))?;
    Ok(records)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: RecordError) -> NotDone {
    NotDone::because(Refusal::StoreFailed, error.to_string())
}
