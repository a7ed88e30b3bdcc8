//! Keys below the EMSK: which usages there are, who holds keys, and the end of an EMSK.

use std::fmt;

use kaskade::administration::ContextQuery;
use kaskade_anchor::emsk::{DataRule, Holder, Who, Why};
use kaskade_codec::sbi::Timestamp;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, Event};
use kaskade_flow::{Durable, Guarded, Refusal};
use kaskade_keys::Supi;
use kaskade_net::role::aaa::Aaa;
use kaskade_net::role::ausf::{NotEnded, declare_anchor_keys, end_anchor_key};
use kaskade_net::role::usage_keys::EmskRecords;
use kaskade_store::StoreError;
use kaskade_store::records::{DeclareError, Found, RecordError, Records};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Nothing, Operation};
use super::text::{Limit, Text};
use super::{Admin, NotDone, Principal, Role};

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
    /// The slice, of a usage of slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) slice: Option<String>,
    /// The application, of a usage of services or slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) application: Option<String>,
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
        let registry = admin.config().usages();
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
                slice: record.slice.map(|slice| slice.to_string()),
                application: record.application.map(|application| application.as_str().to_owned()),
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
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound, Refusal::UserNotFound];
    const ACTION: Action = Action::EmskRetired;
    type Of = Supi;
    type Query = Nothing;
    type Body = Nothing;
    type Answer = RetiredView;

    fn run(admin: &Admin, by: &Principal, supi: Supi, _: Nothing, _: Nothing) -> Result<RetiredView, NotDone> {
        // Where the subscribers are elsewhere, whoever is not here may be there.
        let is_unknown = admin.has_udm().is_ok() && !admin.store()?.contains(&supi)?;
        let none = || match is_unknown {
            true => StoreError::UnknownSubscriber.into(),
            false => NotDone::because(
                Refusal::DataNotFound,
                "there is no EMSK of this subscriber, and nobody holds a key",
            ),
        };
        let _one_by_one = admin.changing();
        let event = admin.change_of(by, Action::EmskRetired, &supi)?;
        let holders = match admin.running().and_then(|running| running.usage_keys.as_ref()) {
            Some(usage_keys) => match (usage_keys.holders_of(&supi), admin.has_erp_of(&supi)) {
                (None, false) => return Err(none()),
                (holders, _) => {
                    // On record before it is in force, with who wanted it.
                    admin.note(event)?;
                    usage_keys.end(&supi, None, Why::Administered);
                    holders.unwrap_or(0) as u64
                }
            },
            None => match admin.retire_records(&records(admin)?, &supi, Why::Administered, event)? {
                Some(holders) => holders,
                None if admin.has_erp_of(&supi) => {
                    admin.note(event)?;
                    0
                }
                None => return Err(none()),
            },
        };
        admin.end_erp(&supi);
        admin.told()?;
        Ok(RetiredView {
            supi: supi.masked(),
            holders,
        })
    }
}

impl Admin {
    /// A subscriber is suspended, resumed or removed, or has another card: no key below its EMSK, and none of AKMA, is to be used any more.
    pub(super) fn keys_end_of(&self, supi: &Supi) -> Result<(), NotDone> {
        self.keys_end_of_all([supi])
    }

    /// The same of several.
    pub(super) fn keys_end_of_all<'s>(&self, of: impl IntoIterator<Item = &'s Supi> + Clone) -> Result<(), NotDone> {
        // Where some do not end, all others do.
        let mut akma = Ok(());
        for supi in of.clone() {
            // First what would be registered anew.
            self.anchor_key_ends_of(supi);
            akma = akma.and(self.application_keys_end_of(supi));
        }
        let below = self.keys_below_end_of_all(of);
        match (akma, below) {
            (Err(akma), Err(below)) => Err(below.but_done(&akma.detail())),
            (akma, below) => akma.and(below),
        }
    }

    /// Keys below the EMSKs of several.
    fn keys_below_end_of_all<'s>(&self, of: impl IntoIterator<Item = &'s Supi> + Clone) -> Result<(), NotDone> {
        if fault!("keys-outlive-the-subscription") {
            return Ok(());
        }
        of.clone().into_iter().for_each(|supi| self.end_erp(supi));
        match self.running().and_then(|running| running.usage_keys.as_ref()) {
            Some(usage_keys) => {
                for supi in of {
                    usage_keys.end(supi, None, Why::Deregistered);
                }
                Ok(())
            }
            None if fault!("sealed-keys-outlive-the-subscription") => Ok(()),
            None => self
                .records_end_of(of)
                .map_err(|error| error.but_done(&Done.to_string())),
        }
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

    fn aaa(&self) -> Option<&Aaa> {
        Some(self.running()?.aaa.as_ref()?.eap())
    }

    /// Whether a user may come back by ERP.
    fn has_erp_of(&self, supi: &Supi) -> bool {
        self.aaa().is_some_and(|aaa| aaa.has_erp_of(supi))
    }

    /// The AAA server of this process has an EMSK of its own authentication, and the rRK below it.
    fn end_erp(&self, supi: &Supi) {
        if let Some(aaa) = self.aaa() {
            aaa.end_erp(supi);
        }
    }

    /// The same where no node has EMSKs: those that are sealed would go on with the next one.
    fn records_end_of<'s>(&self, of: impl IntoIterator<Item = &'s Supi>) -> Result<(), NotDone> {
        let records = records(self)?;
        if !pollster::block_on(EmskRecords::any(&records)).map_err(failed)? {
            return Ok(());
        }
        for supi in of {
            self.retire_records(&records, supi, Why::Deregistered, None)?;
        }
        Ok(())
    }

    /// Ends what is in records where no node runs; how many held keys, `None` where there was nothing.
    fn retire_records(
        &self,
        records: &Records,
        supi: &Supi,
        why: Why,
        mut event: Option<Event>,
    ) -> Result<Option<u64>, NotDone> {
        let left = pollster::block_on(EmskRecords::of(records, supi)).map_err(failed)?;
        if left.is_empty() {
            return Ok(None);
        }
        let about = self.log()?.subject(supi);
        let mut count = 0;
        for left in left {
            count += left.holders() as u64;
            let mut unit = left.retire(why, records.now(), about);
            if let Some(event) = event.take() {
                unit.event(event);
            }
            let committed = records.commit(unit, Guarded::new(())).wait();
            let _: Durable<()> = committed.map_err(StoreError::from)?;
        }
        Ok(Some(count))
    }
}

/// What follows a change of a subscriber whose keys could not be ended.
#[derive(Debug)]
struct Done;

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("done, but keys below its EMSK are not ended: `kaskade emsk retire` ends them")
    }
}

fn records(admin: &Admin) -> Result<Records, NotDone> {
    let records = admin.store()?.records();
    EmskRecords::declare(&records)
        .map_err(|error: DeclareError| NotDone::because(Refusal::StoreFailed, error.to_string()))?;
    Ok(records)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: RecordError) -> NotDone {
    NotDone::because(Refusal::StoreFailed, error.to_string())
}
