//! The audit log of a node that runs: whether it is as it was written, how far it has come, and what is in it.

mod entries;
mod entry;

use kaskade_flow::Refusal;
use kaskade_flow::event::Action;
use kaskade_store::audit::{Anchor, AuditLog, LogReader};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use kaskade::hex_field;

use super::operation::{Nothing, Operation, Work};
use super::{Admin, NotDone, Principal, Role};
use crate::record::audit_folder;

pub(crate) use entries::{Asked, AskedPeer, Show};
pub(crate) use entry::{EntryView, proved};

/// How the log is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AuditView {
    /// Whether the chain is whole, and reaches as far as the store knows that it came.
    pub(crate) intact: bool,
    /// What is wrong, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wrong: Option<String>,
    /// How many entries there are.
    pub(crate) entries: u64,
    /// How many segments.
    pub(crate) segments: u64,
    /// The oldest of them.
    pub(crate) first_segment: u64,
    /// How far the log has come on the disk, for `kaskade audit verify --anchor`: 64 octets as hexadecimal digits.
    pub(crate) anchor: Option<String>,
    /// How far the store knows that it had come.
    pub(crate) kept_head: Option<String>,
}

/// Checks the log.
pub(crate) struct Verify;

impl Operation for Verify {
    const NAME: &'static str = "verifyAudit";
    const TITLE: &'static str = "Checks the chain of the audit log against the heads that node and store keep; codes are checked where the master key is.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/audit";
    const ROLE: Role = Role::Operator;
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound, Refusal::AuditFailed];
    const ACTION: Action = Action::LogVerified;
    const WORK: Work = Work::Reading;
    type Of = ();
    type Query = Nothing;
    type Body = Nothing;
    type Answer = AuditView;

    fn run(admin: &Admin, _: &Principal, (): (), _: Nothing, _: Nothing) -> Result<AuditView, NotDone> {
        let (log, kept) = (admin.kept_log()?, admin.store()?.audit_head()?);
        let heads = kept.into_iter().chain(log.head()).collect::<Vec<_>>();
        let reader = admin.log_reader()?;
        let kept_head = kept.map(|kept| digits(&kept));
        let verified = reader.verify(&heads, &mut |_, _| ());
        Ok(match verified {
            Ok(summary) => AuditView {
                intact: true,
                wrong: None,
                entries: summary.entries,
                segments: summary.segments,
                first_segment: summary.first_segment,
                anchor: Some(digits(&summary.anchor)),
                kept_head,
            },
            Err(wrong) => AuditView {
                intact: false,
                wrong: Some(wrong.to_string()),
                entries: 0,
                segments: 0,
                first_segment: wrong.segment,
                anchor: None,
                kept_head,
            },
        })
    }
}

/// How far the log has come.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct HeadView {
    /// How many entries there are on the disk.
    pub(crate) entries: u64,
    /// How far it has come on the disk, for `kaskade audit verify --anchor`: 64 octets as hexadecimal digits.
    pub(crate) anchor: String,
    /// How far the store knows that it had come.
    pub(crate) kept_head: Option<String>,
}

/// Says how far it has come.
pub(crate) struct Head;

impl Operation for Head {
    const NAME: &'static str = "headOfAudit";
    const TITLE: &'static str = "Says how far the audit log has come, without reading it: an anchor to keep elsewhere.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/audit/head";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[Refusal::DataNotFound];
    const ACTION: Action = Action::LogVerified;
    type Of = ();
    type Query = Nothing;
    type Body = Nothing;
    type Answer = HeadView;

    fn run(admin: &Admin, _: &Principal, (): (), _: Nothing, _: Nothing) -> Result<HeadView, NotDone> {
        let head = admin.kept_log()?.head().ok_or_else(no_log)?;
        Ok(HeadView {
            entries: head.entries,
            anchor: digits(&head),
            kept_head: admin.store()?.audit_head()?.map(|kept| digits(&kept)),
        })
    }
}

fn digits(anchor: &Anchor) -> String {
    hex_field::text(&anchor.encode()).to_string()
}

fn no_log() -> NotDone {
    NotDone::because(Refusal::DataNotFound, "no audit log is kept: audit.enabled is false")
}

impl Admin {
    /// The log, where one is kept.
    fn kept_log(&self) -> Result<&AuditLog, NotDone> {
        let log = self.log()?;
        log.is_on().then_some(log).ok_or_else(no_log)
    }

    /// Reads its files.
    fn log_reader(&self) -> Result<LogReader, NotDone> {
        let reader = LogReader::open(&audit_folder(&self.config()), None);
        reader.map_err(|error| NotDone::because(Refusal::AuditFailed, error.to_string()))
    }
}
