//! The audit log of a command or a node, and the store beside it, which keeps how far that log has come.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use kaskade::config::{AuditConfig, Config};
use kaskade_flow::UnixMillis;
use kaskade_flow::event::{Action, Event, Gap, GapReason, Outcome};
use kaskade_net::time::unix_millis;
use kaskade_store::audit::{Anchor, AuditError, AuditFull, AuditLog, AuditOptions, Notice, What};
use kaskade_store::{OnRecord, StoreError, SubscriberStore};

use crate::console::complain;
use crate::data_dir::DataDir;
use crate::exit::{Done, ToDo};
use crate::runtime::store::IN_USE;

/// How many segments are kept at least, whatever is configured.
pub(crate) const LEAST_SEGMENTS: u64 = 4;

/// What the configuration says about the audit log; `None` without one.
pub(crate) fn audit_options(config: &Config) -> Option<AuditOptions> {
    let AuditConfig {
        enabled,
        segment_bytes,
        keep_bytes,
        keep_days,
        when_full,
        ..
    } = &config.audit;
    let mut options = AuditOptions::new(&audit_folder(config));
    options.segment_bytes = *segment_bytes;
    options.keep_bytes = (*keep_bytes).max(LEAST_SEGMENTS * segment_bytes);
    options.keep = Duration::from_secs(keep_days * 86_400);
    options.when_full = when_full.0;
    enabled.then_some(options)
}

/// Where the audit log is.
pub(crate) fn audit_folder(config: &Config) -> PathBuf {
    let folder = config.audit.folder.clone();
    folder.unwrap_or_else(|| config.data_dir.join("audit"))
}

/// The audit log beside the store that keeps its head. When it goes, the log is closed, and the store keeps where it ends.
pub(crate) struct LogOf<'s> {
    log: AuditLog,
    store: Beside<'s>,
    /// It was given a gap that the store notes until the log has it on its disk.
    says_gap: bool,
}

/// The store that a log is beside.
enum Beside<'s> {
    Borrowed(&'s SubscriberStore),
    Shared(Arc<SubscriberStore>),
}

impl Deref for Beside<'_> {
    type Target = SubscriberStore;

    fn deref(&self) -> &SubscriberStore {
        match self {
            Self::Borrowed(store) => store,
            Self::Shared(store) => store,
        }
    }
}

impl LogOf<'_> {
    /// The same, as long as it likes, of a store that it shares.
    pub(crate) fn sharing(self, store: Arc<SubscriberStore>) -> LogOf<'static> {
        // It is not closed here: it goes on as another.
        let mut before = ManuallyDrop::new(self);
        LogOf {
            log: std::mem::replace(&mut before.log, AuditLog::off()),
            store: Beside::Shared(store),
            says_gap: before.says_gap,
        }
    }
}

impl Deref for LogOf<'_> {
    type Target = AuditLog;

    fn deref(&self) -> &AuditLog {
        &self.log
    }
}

impl Drop for LogOf<'_> {
    fn drop(&mut self) {
        self.log.close();
        // Closed in order, it has all that it was given: what comes from now on is no longer in that gap.
        if self.says_gap
            && self.log.flush() == Err(AuditFull::Stopping)
            && let Err(error) = self.store.is_recorded_again()
        {
            complain(&format!(
                "the store does not forget that there was no audit log, and the next one says so once more: {error}"
            ));
        }
        if let Err(error) = self.store.keep_audit_head() {
            complain(&format!(
                "the store does not keep where the audit log ends, only an earlier place: {error}. Nothing has to be done: the next \
                 command that writes keeps it when there is room"
            ));
        }
    }
}

/// How much a command puts on record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Much {
    /// A few entries: little room is taken for them.
    No,
    /// As much as a node does.
    Yes,
}

/// Opens the audit log for a command that changes something in an open store: what it changes is on record in the same commit, so
/// that no kill leaves a change without its entry.
pub(crate) fn open_audit_of<'s>(
    store: &'s SubscriberStore,
    data: &DataDir,
    config: &Config,
    much: Much,
) -> Result<LogOf<'s>> {
    open_beside(store, data, config, &|options| {
        if much == Much::No {
            options.segment_bytes = AuditOptions::LEAST_SEGMENT;
        }
    })
}

/// Opens the audit log of a node, which serves though there is no room yet: nothing is given out before there is.
pub(crate) fn open_audit_to_serve<'s>(
    store: &'s SubscriberStore,
    data: &DataDir,
    config: &Config,
) -> Result<LogOf<'s>> {
    open_beside(store, data, config, &|options| {
        options.first = Some((Outcome::Noted, Action::StoreOpened));
    })
}

/// One that does not go on from the head that the store keeps is left as it is, and so is that head.
fn open_beside<'s>(
    store: &'s SubscriberStore,
    data: &DataDir,
    config: &Config,
    change: &dyn Fn(&mut AuditOptions),
) -> Result<LogOf<'s>> {
    let since = store.unrecorded_since().map_err(not_as_kept)?;
    let log = open_with(data, config, store.audit_head().map_err(not_as_kept)?, &|options| {
        options.gap = since.map(switched_off);
        change(options);
    })?;
    let mut log = beside(store, log)?;
    log.says_gap = since.is_some() && log.is_on();
    // On the disk before the store forgets it.
    if log.says_gap && log.flush().is_ok() {
        store.is_recorded_again()?;
        log.says_gap = false;
    }
    Ok(log)
}

/// What the store keeps of its log cannot be read: what to do.
pub(crate) fn not_as_kept(error: StoreError) -> anyhow::Error {
    let changed = matches!(error, StoreError::ChangedMeta(_));
    let error = anyhow::Error::new(error);
    match changed {
        true => error.context(
            "what the store keeps of its audit log was edited or removed: put a backup back and run `kaskade store skip-ahead --yes`, or \
             look through the log, and `kaskade audit accept --yes` goes on with what is there, and says so in it",
        ),
        false => error,
    }
}

/// A log that is open, beside the store that is opened after it. Without a log, the store says from when on it was changed so.
pub(crate) fn beside(store: &SubscriberStore, log: AuditLog) -> Result<LogOf<'_>> {
    if !log.is_on() {
        store.goes_unrecorded(unix_millis())?;
    }
    store.keep_head_of(&log);
    let log = LogOf {
        log,
        store: Beside::Borrowed(store),
        says_gap: false,
    };
    // From its first entry on the store knows which log is its own. On a full disk, where nothing can be read once a commit failed,
    // it is tried again when the log is closed, which says so.
    if !matches!(store.audit_head(), Ok(Some(_))) {
        let _ = store.keep_audit_head();
    }
    store.records().hand_events_to(Arc::new(log.log.clone()));
    Ok(log)
}

fn switched_off(from: UnixMillis) -> Gap {
    let until = unix_millis().max(from);
    Gap {
        reason: GapReason::SwitchedOff,
        from,
        until,
        lost: None,
        at_most_ms: until.get() - from.get(),
        // Nobody counted them either.
        refusals: Some(from),
    }
}

/// Opens the audit log while no store is open, for a command that changes that as a whole. `kept` is the head that it keeps.
pub(crate) fn open_audit_alone(data: &DataDir, config: &Config, kept: Option<Anchor>) -> Result<AuditLog> {
    open_with(data, config, kept, &|options| {
        options.segment_bytes = AuditOptions::LEAST_SEGMENT;
    })
}

fn open_with(
    data: &DataDir,
    config: &Config,
    kept: Option<Anchor>,
    change: &dyn Fn(&mut AuditOptions),
) -> Result<AuditLog> {
    let Some(mut options) = audit_options(config) else {
        return Ok(AuditLog::off());
    };
    options.known = kept;
    change(&mut options);
    let (folder, octets) = (options.folder.clone(), options.segment_bytes);
    let serves = options.first.is_some();
    options.tell = Some(Arc::new(move |notice: &Notice| match notice {
        Notice::Full(why) => {
            let then = match serves {
                true => "it goes on by itself then, and nothing is given out before",
                false => "run the command again then",
            };
            tracing::error!(
                "the audit log in {} has no room ({why}): it needs {octets} octets there; {then}",
                folder.display()
            );
        }
        Notice::Low(why) => tracing::warn!(
            "the next segment of the audit log in {} has no room ({why}), {octets} octets: make it before the present one is full",
            folder.display()
        ),
        Notice::Room => tracing::warn!("the audit log has room again"),
        Notice::Failed(why) => {
            tracing::error!("the audit log failed ({why}): look at the disk, then start again");
        }
        Notice::Gap(gap) => tracing::warn!(
            "the audit log has a gap of at most {} ms ({}): `kaskade audit show` says from when until when",
            gap.at_most_ms,
            gap.reason.name()
        ),
        Notice::Kept(wrong) => tracing::error!(
            "the audit log keeps segments that are due to go, since one is not as it was written: {wrong}. Copy the folder elsewhere, and run \
             `kaskade audit verify`"
        ),
        Notice::TornTail(octets) => {
            tracing::warn!("a crash left {octets} octets in the audit log that are no entry: cut off");
        }
        _ => {}
    }));
    let folder = options.folder.clone();
    let needs = format!("{} needs {octets} octets", folder.display());
    let log = AuditLog::open(options, data.master()).map_err(|error| {
        let in_use = matches!(error, AuditError::InUse(_));
        let context = match &error {
            error if error.is_no_room() => {
                format!("cannot open the audit log: the disk is full, {needs}. Make room and run the command again")
            }
            _ => "cannot open the audit log".to_owned(),
        };
        let mut error = anyhow::Error::new(error);
        if in_use {
            error = error.context(ToDo::from(IN_USE));
        }
        let error = error.context(context);
        match kept.is_some() && is_not_the_known_log(&error) {
            true => error.context(not_the_known_log(&folder)),
            false if is_damaged(&error) => error.context(damaged(&folder, kept.is_some())),
            false => error,
        }
    })?;
    // A node serves without room, and gives nothing out; a command changes nothing.
    if !serves {
        log.may_change().with_context(|| match log.failed() {
            Some(why) => format!(
                "nothing is changed without a record, and {} takes none: {why}",
                folder.display()
            ),
            None => format!("nothing is changed without a record: {needs}. Make room and run the command again"),
        })?;
    }
    Ok(log)
}

/// What to do about a log that is not the one that the store knows.
pub(crate) fn not_the_known_log(folder: &Path) -> String {
    let (found, then) = match folder.exists() {
        true => (
            "there is another one in, or it was cut or put back from a copy:",
            "goes on with what is there",
        ),
        false => ("there is none in", "begins a new one"),
    };
    format!(
        "the audit log is not the one that the store knows: {found} {}. If `folder` under [audit] of the node's configuration is \
         elsewhere, name that with --config; else put the right folder back. If it is lost, `kaskade audit accept --yes` {then}, and \
         says so in it",
        folder.display()
    )
}

/// What to do about a log that is damaged.
fn damaged(folder: &Path, is_known: bool) -> String {
    let then = match is_known {
        true => "then `kaskade audit accept --yes` begins a new one, and says so in it",
        false => "then the same command begins a new one",
    };
    let folder = folder.display();
    format!("the audit log is damaged: put a whole copy of it back, or move {folder} elsewhere and keep it, {then}")
}

/// Whether a log was not opened since it is not as it was written.
fn is_damaged(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(AuditError::Wrong(_)))
}

/// Whether a log was not opened since it is not what it was known to be.
pub(crate) fn is_not_the_known_log(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(AuditError::Wrong(wrong)) => matches!(
            wrong.what,
            What::Missing | What::Cut { .. } | What::NoNext(_) | What::Anchor(_) | What::OtherLog { .. }
        ),
        _ => false,
    }
}

/// What the log is told of a change, in the change's own commit; `None` without a log.
pub(crate) fn change(audit: &AuditLog, action: Action) -> Option<Event> {
    audit.is_on().then(|| Event::new(Outcome::Changed, action, audit.now()))
}

/// The same of a change of the store as a whole.
pub(crate) fn whole_store(audit: &AuditLog, action: Action) -> Option<OnRecord> {
    let above = audit.newest_committed();
    change(audit, action).map(|event| OnRecord { event, above })
}

/// Waits until the log has what was committed for it, or has no room for more.
pub(crate) fn told(audit: &LogOf<'_>) -> Result<()> {
    told_of(&audit.store, audit).context(Done)
}

/// How many rounds of the writer may bring nothing: a log that has no room says so in the first.
const IN_VAIN: u32 = 8;

/// The same of a log and its store.
pub(crate) fn told_of(store: &SubscriberStore, audit: &AuditLog) -> Result<(), AuditFull> {
    let (mut least, mut in_vain) = (usize::MAX, 0);
    // Those that others commit meanwhile are not waited for.
    let ours = store.records().events_so_far();
    loop {
        let left = store.records().offer_events_until(ours);
        audit.flush()?;
        match left {
            0 => return Ok(()),
            left if left < least => (least, in_vain) = (left, 0),
            // The room that the writer has made may not have been told yet, or releases have taken it.
            _ if in_vain < IN_VAIN => in_vain += 1,
            _ => return Err(AuditFull::NoRoom),
        }
    }
}

/// Puts on record what a command does that is no commit of the store, durable before it returns.
pub(crate) fn note(
    audit: &AuditLog,
    outcome: Outcome,
    action: Action,
    detail: impl FnOnce(Event) -> Event,
) -> Result<()> {
    let event = Event::new(outcome, action, audit.now());
    audit
        .record(detail(event))
        .and_then(|()| audit.flush())
        .context("not on record in the audit log")
}
