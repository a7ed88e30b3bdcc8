//! Entries of the audit log, page by page.

use kaskade::administration::EntriesQuery;
use kaskade_flow::event::{Action, Entry, Outcome, PeerId};
use kaskade_flow::{Refusal, UnixMillis};
use kaskade_store::audit::PeerNames;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entry::numbers;
use super::{EntryView, no_log};
use crate::admin::operation::{Nothing, Operation, Work};
use crate::admin::text::{Count, Limit, PeerName, Text, Time};
use crate::admin::{Admin, NotDone, Principal, Role};

/// Some entries, in the order of the log.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Entries {
    /// They.
    pub(crate) entries: Vec<EntryView>,
    /// The number of the newest entry on the disk: to see the last N, begin after this less N.
    pub(crate) newest: u64,
    /// Where to go on, as `after`: there are more of those that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<u64>,
}

/// Whose entries somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedPeer {
    name: String,
    numbers: Vec<PeerId>,
}

impl AskedPeer {
    /// By its name or address, or its 16 digits.
    pub(crate) fn new(name: String) -> Self {
        Self {
            numbers: numbers(&name),
            name,
        }
    }
}

/// Which entries somebody asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) since: Option<UnixMillis>,
    pub(crate) until: Option<UnixMillis>,
    pub(crate) peer: Option<AskedPeer>,
    pub(crate) pseudonym: Option<[u8; 8]>,
    pub(crate) action: Option<Action>,
    pub(crate) outcome: Option<Outcome>,
}

impl Asked {
    /// Whether nothing is chosen.
    pub(crate) fn for_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether this is one of them.
    pub(crate) fn wants(&self, entry: &Entry, names: &PeerNames) -> bool {
        let in_time = |from: UnixMillis, until: UnixMillis| {
            self.since.is_none_or(|since| until >= since) && self.until.is_none_or(|last| from <= last)
        };
        match entry {
            Entry::Event(event) => {
                in_time(event.at(), event.at())
                    && self.action.is_none_or(|action| action == event.action())
                    && self.outcome.is_none_or(|outcome| outcome == event.outcome())
                    && self.pseudonym.is_none_or(|one| one == event.subject().pseudonym())
                    && self.is_by(event.peer(), names)
            }
            // Whatever is asked for may be among what is missing.
            Entry::Gap(gap) => in_time(gap.from, gap.until),
            Entry::Name(_) => false,
        }
    }

    fn is_by(&self, peer: PeerId, names: &PeerNames) -> bool {
        let Some(asked) = &self.peer else { return true };
        asked.numbers.contains(&peer) || names.name(peer) == Some(&asked.name)
    }
}

const USUAL: usize = 100;

/// Shows entries.
pub(crate) struct Show;

impl Operation for Show {
    const NAME: &'static str = "listAuditEntries";
    const TITLE: &'static str =
        "Lists entries of the audit log, page by page, as `kaskade audit show --json` prints them.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/audit/entries";
    const ROLE: Role = Role::Operator;
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound, Refusal::AuditFailed];
    const ACTION: Action = Action::LogShown;
    const WORK: Work = Work::Reading;
    type Of = ();
    type Query = EntriesQuery;
    type Body = Nothing;
    type Answer = Entries;

    fn run(admin: &Admin, _: &Principal, (): (), query: EntriesQuery, _: Nothing) -> Result<Entries, NotDone> {
        let log = admin.kept_log()?;
        let limit = query.limit.map_or(USUAL, |Text(Limit(limit))| limit);
        let after = query.after.map_or(0, |Text(Count(after))| after);
        let at = |time: &Option<Text<Time>>| time.as_ref().map(|Text(time)| time.at);
        let asked = Asked {
            since: at(&query.since),
            until: at(&query.until),
            peer: query.peer.map(|Text(PeerName(name))| AskedPeer::new(name)),
            pseudonym: query.supi.map(|Text(supi)| log.subject(&supi).pseudonym()),
            action: query.action.map(|Text(action)| action),
            outcome: query.outcome.map(|Text(outcome)| outcome),
        };
        let failed = |error: String| NotDone::because(Refusal::AuditFailed, error);
        let reader = admin.log_reader()?.since(after.saturating_add(1));
        let reader = reader.map_err(|wrong| failed(wrong.to_string()))?;
        let (mut names, mut entries, mut more) = (PeerNames::default(), Vec::new(), None);
        let mut last = after;
        let read = reader.read_while(&mut |number, entry| {
            names.see(entry);
            if number <= after || !asked.wants(entry, &names) {
                return true;
            }
            match entries.len() == limit {
                true => more = Some(last),
                false => {
                    entries.extend(EntryView::of(number, entry, &names));
                    last = number;
                }
            }
            more.is_none()
        });
        read.map_err(|wrong| failed(wrong.to_string()))?;
        Ok(Entries {
            entries,
            newest: log.head().ok_or_else(no_log)?.entries,
            next: more,
        })
    }
}
