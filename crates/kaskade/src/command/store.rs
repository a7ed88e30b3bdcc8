//! `kaskade store`: what concerns the store as a whole.

mod copy;
mod status;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use kaskade::config::Config;
use kaskade_flow::event::Action as Audited;
use kaskade_store::audit::AuditLog;
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::postgres::{Migrated, migrate};
use kaskade_store::{
    EngineError, OnRecord, SKIPPED_SEQ, SKIPPED_TIME, Skipped, StoreError, is_blank, kept_of_audit_log_on,
    skip_ahead_on,
};
use serde_json::json;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::console::Console;
use crate::data_dir::{DataArgs, DataDir, is_there};
use crate::exit::{Done, ToDo};
use crate::record::{beside, not_as_kept, open_audit_alone, told, whole_store};
use crate::runtime::store::{IN_USE, engine_of, make_store_again, open_store, store_options};

/// The store as a whole: whether it is damaged, where it is, what to do after a backup was put back
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    SkipAhead(SkipAhead),
    Check(Check),
    Create(Create),
    Migrate(Migrate),
    Copy(copy::Args),
    Status(status::Args),
}

/// Moves every subscriber's sequence numbers ahead: always after a backup was put back
///
/// A backup does not know which numbers were issued after it was made. Without this command they would be issued again, to
/// the same cards: a challenge that somebody recorded is accepted then as if it were new. It moves SEQ of every subscriber, of
/// whichever scheme, by at least 2^20 (1 048 576 vectors), and the clock that time-based numbers follow one day beyond itself and
/// the wall clock. How much further depends on the minute, so that the same backup may be put back again two minutes later. Cards
/// notice nothing: it is less than a third of Δ, by which they let SEQ jump (2^28 unless `[sqn] delta` says otherwise).
#[derive(clap::Args, Debug)]
#[command(after_help = "After a backup was put back:
  kaskade store skip-ahead --yes
  kaskade up

When to use it: after every restore of the data folder or of subscribers.redb: from a backup, a snapshot of the machine or
of its disk, a copy. Not after a crash or a power cut, which lose no number.
A second time does no harm; if it is interrupted, run it again: `kaskade up` refuses to start before it is done, and it goes on where
it was. A card that got more than 2^20 vectors since the backup was made is not covered: that is more than 36 hours at
8 per second, which is what `[budget] card` allows.")]
struct SkipAhead {
    /// Really do it: the numbers cannot be moved back
    #[arg(long)]
    yes: bool,
    /// Also a store that `kaskade store copy` has taken elsewhere: where it went to is lost, and this one is used again
    #[arg(long)]
    take_back: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Makes an empty store in a data folder that has none, though it has a master key
///
/// Without it, such a folder is refused: its store was lost, and an empty one in its place issues sequence numbers again that
/// cards have seen. No other command needs this one: a new data folder gets its store by itself. If it is interrupted, run it
/// again.
#[derive(clap::Args, Debug)]
#[command(after_help = "When to use it:
  the store is lost, there is no backup, and its cards get a new K or go out of use;
  the folder never had subscribers, only home network keys of an earlier version;
  another store under a copy of a master key, to import what was exported with secrets.

To a card that was in the lost store and is used on, give --sqn above what it had, or the UDM issues numbers again that were
issued to it. If there is a backup, put it back instead, and run `kaskade store skip-ahead --yes`.")]
struct Create {
    /// Really do it: what a lost store knew of its cards is not asked for any more
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Looks at every page of a store: whether it is as it was written
///
/// Nothing of the file is changed. `kaskade up` and every other command do the same when they open the store, so this one is for
/// backups before they are put back, and for a file that is suspected. No node and no other command may have it open.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade store check                                   # the store of the data folder
  kaskade store check /backup/subscribers.redb --json   # a backup

The exit status is 0 for a file that is whole, 74 for one that is damaged, 75 for one that a node or another command has open.")]
struct Check {
    /// The file; that of the data folder if left out. As private as a store must be
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Makes the tables of a store in PostgreSQL, or brings those of an earlier version to this one's
///
/// For a database that `store.postgres` of the configuration names, before the first start and after an update of Kaskade whose
/// notes say so. Its user needs the right to make tables (CREATE on the schema); a node itself needs no more than to read and write them. Nothing is
/// changed where they are of this version already. A file has no tables, and needs none of this.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  kaskade store migrate --config kaskade.toml

A program that is older than the tables does not use them, and says so.")]
struct Migrate {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Migrate(args) => run_migrate(console, args),
        Action::Copy(args) => copy::run(console, args),
        Action::Status(args) => status::run(console, args),
        Action::Check(args) => check(console, args),
        Action::SkipAhead(args) => run_skip_ahead(console, args),
        Action::Create(args) => create(console, args),
    }
}

fn run_migrate(console: &Console, args: &Migrate) -> Result<()> {
    let config = args.data.config()?;
    let Some(server) = config.store.server() else {
        bail!("store.postgres is not set: the store is a file, which has no tables");
    };
    let Migrated { from, to } = migrate(&server).map_err(|error| StoreError::Write(Arc::new(error)))?;
    if args.json {
        return console.json_done(&json!({ "from": from, "to": to }));
    }
    console.done(match from {
        0 => format!("tables of version {to} are made"),
        from if from == to => format!("the tables are of version {to} already"),
        from => format!("the tables are of version {to} now, and were of version {from}"),
    })?;
    Ok(())
}

fn check(console: &Console, args: &Check) -> Result<()> {
    let path = match &args.file {
        Some(path) => path.clone(),
        None => {
            let config = args.data.config()?;
            if config.store.server().is_some() {
                bail!(
                    "the store is in PostgreSQL, which has checksums of its own: its pg_checksums and pg_amcheck look at them. A file can be \
                     named here"
                );
            }
            DataDir::open(&config.data_dir)?.subscribers()
        }
    };
    let bar = bar(args.json, "{bar:40} {binary_bytes} of {binary_total_bytes}");
    let shown = bar.clone();
    let told = Arc::new(AtomicU64::new(0));
    let octets = Arc::clone(&told);
    let tell = move |done, all| {
        shown.set_length(all);
        shown.set_position(done);
        octets.store(done, Ordering::Relaxed);
    };
    let begin = Instant::now();
    let checked = EmbeddedEngine::check(&path, Arc::new(tell));
    bar.finish_and_clear();
    checked.map_err(not_open)?;
    let (octets, elapsed) = (told.load(Ordering::Relaxed), begin.elapsed());
    if args.json {
        console.line(json!({
            "file": path.display().to_string(),
            "whole": true,
            "octets": octets,
            "milliseconds": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        }))?;
        return Ok(());
    }
    console.line(format!(
        "{}: whole, {octets} octets in use, in {:.2} s",
        path.display(),
        elapsed.as_secs_f64()
    ))?;
    Ok(())
}

fn create(console: &Console, args: &Create) -> Result<()> {
    let config = args.data.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let path = place(&data, &config)?;
    if !args.yes {
        bail!(
            "an empty store would be made in {}, which knows nothing of the sequence numbers that a lost one issued: add \
             --yes if its cards are not used any more, or if there was none. If there is a backup, put it back instead",
            data.path().display()
        );
    }
    // The store that knew how far the log had come is lost.
    let log = open_audit_alone(&data, &config, None)?;
    make_store_again(&data, &config, log)
        .context("the store is not ready: mend the cause and run the command again")?;
    if args.json {
        return console.json_done(&json!({ "file": path.display().to_string(), "created": true }));
    }
    console.done(format!("{} is new and empty", path.display()))?;
    console.done("cards that were in a lost store: give --sqn above what they had")?;
    Ok(())
}

/// Where an empty store may be made, as errors call it.
fn place(data: &DataDir, config: &Config) -> Result<PathBuf> {
    let (path, is_free) = match config.store.server() {
        None => {
            let path = data.subscribers();
            // One that was interrupted holds nothing yet. What cannot be read is one that is there.
            let is_free = !is_there(&path) || is_blank(&path).unwrap_or(false);
            (path, is_free)
        }
        Some(_) => {
            let (engine, name) = engine_of(data, config)?;
            let is_free = engine.is_empty().map_err(|error| StoreError::Read(Arc::new(error)))?;
            (name, is_free)
        }
    };
    match is_free {
        true => Ok(path),
        false => bail!("{}: there is one already, it stays as it is", path.display()),
    }
}

fn run_skip_ahead(console: &Console, args: &SkipAhead) -> Result<()> {
    let config = args.data.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let file = data.subscribers();
    if data.has_no_store_yet()? && (config.store.server().is_some() || !is_there(&file)) {
        bail!(
            "{}: there is no store yet, so there is nothing to skip",
            data.path().display()
        );
    }
    if !args.yes {
        bail!(
            "the sequence numbers of all subscribers in {} would go ahead by {SKIPPED_SEQ} or more, for good: add --yes if a backup \
             was put back",
            config
                .store
                .server()
                .map_or_else(|| file.display().to_string(), |_| "the database".to_owned())
        );
    }
    let kept = engine_of(&data, &config)
        .and_then(|(engine, name)| kept_of_audit_log_on(&*engine, &name, data.master(), config.node())?.whole());
    let kept = kept.map_err(|error| match error {
        StoreError::ChangedMeta(_) => not_as_kept(error),
        error => explained(error),
    })?;
    let log = open_audit_alone(&data, &config, kept)?;
    let bar = bar(args.json, "{bar:40} {pos} of {len} rows");
    let mut progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let record = |done: &Skipped| of_subscribers(&log, Audited::SkippedAhead, done.subscribers);
    let mut options = store_options(&config);
    options.unrecorded = !log.is_on();
    options.take_back = args.take_back;
    let done = engine_of(&data, &config)
        .and_then(|(engine, name)| skip_ahead_on(&*engine, &name, data.master(), &options, &record, &mut progress))
        .map_err(explained);
    bar.finish_and_clear();
    let done = done?;
    let handed = hand_over(&data, &config, log);
    report(console, args.json, done)?;
    handed
}

/// What the log is told of a change of the whole store, which is of so many subscribers.
fn of_subscribers(log: &AuditLog, action: Audited, subscribers: u64) -> Option<OnRecord> {
    let mut record = whole_store(log, action)?;
    record.event = record.event.times(u32::try_from(subscribers).unwrap_or(u32::MAX));
    Some(record)
}

/// Why a store does not open, and what to do if somebody has it.
fn not_open(error: EngineError) -> anyhow::Error {
    let in_use = matches!(error, EngineError::InUse(_));
    let error = anyhow::Error::new(StoreError::Read(Arc::new(error)));
    match in_use {
        true => error.context(ToDo::from(IN_USE)),
        false => error,
    }
}

/// In its turn, behind what waits for the log in the store that was put back.
fn hand_over(data: &DataDir, config: &Config, log: AuditLog) -> Result<()> {
    if !log.is_on() {
        return Ok(());
    }
    let store = open_store(data, config);
    let store = store.context(Done)?;
    told(&beside(&store, log)?)
}

fn explained(error: StoreError) -> anyhow::Error {
    const NOT_AHEAD: &str = "the sequence numbers are not all ahead";
    let said = match &error {
        StoreError::Gone { .. } => {
            let to_do = ToDo::from(
                "if that is lost for good, add --take-back: this store is used again then. If not, use the configuration that goes with it; if the \
                 copy was interrupted, run `kaskade store copy` again",
            );
            return anyhow::Error::new(error)
                .context(to_do)
                .context("no sequence number was moved");
        }
        StoreError::Read(cause) => match &**cause {
            EngineError::InUse(_) => {
                let error = anyhow::Error::new(error).context(ToDo::from(IN_USE));
                return error.context("no sequence number was moved");
            }
            EngineError::Missing(_) => "no sequence number was moved: put the backup back first".to_owned(),
            _ => NOT_AHEAD.to_owned(),
        },
        // What is on the disk is as it was before, or up to a row; a damaged file would not get better.
        StoreError::Write(cause) if !matches!(**cause, EngineError::Corrupt { .. }) => {
            format!("{NOT_AHEAD}: mend the cause and run the command again, it goes on where it was")
        }
        _ => NOT_AHEAD.to_owned(),
    };
    anyhow::Error::new(error).context(said)
}

fn report(console: &Console, json: bool, done: Skipped) -> Result<()> {
    let hours = SKIPPED_TIME.as_secs() / 3600;
    if json {
        console.done(json!({
            "subscribers": done.subscribers,
            "removed_or_replaced_cards": done.lives,
            "damaged": done.damaged,
            "resumed": done.resumed,
            "at_least_seq": SKIPPED_SEQ,
            "clock_hours": hours,
        }))?;
    } else {
        let resumed = if done.resumed {
            ", after those of the run before that was interrupted"
        } else {
            ""
        };
        console.done(format!(
            "{} subscribers and {} removed or replaced cards go on {SKIPPED_SEQ} SEQ further or more, the clock {hours} hours{resumed}",
            done.subscribers, done.lives
        ))?;
        console.done("subscribers provisioned or replaced since the backup: give --sqn above what they had")?;
    }
    if done.damaged > 0 {
        bail!(
            "{} rows are damaged or were edited, and were left as they are: nothing is issued of them; put a backup back \
             that has them",
            done.damaged
        );
    }
    Ok(())
}

fn bar(json: bool, template: &str) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn only_what_was_interrupted_is_to_be_run_again() {
        let said = |error: StoreError| format!("{:#}", explained(error));
        let corrupt = || {
            Arc::new(EngineError::Corrupt {
                path: "x".into(),
                what: "odd".into(),
            })
        };
        let wrong_key = StoreError::WrongMasterKey {
            path: "x".into(),
            expected: "a".into(),
            given: "b".into(),
        };
        let others = [
            wrong_key,
            StoreError::Unsealing,
            StoreError::ChangedMeta("mark"),
            StoreError::Read(corrupt()),
            StoreError::Write(corrupt()),
        ];
        for error in others {
            let said = said(error);
            assert!(!said.contains("again") && !said.contains("stop"), "{said}");
        }
        let full = said(StoreError::Write(Arc::new(EngineError::Full("x".into()))));
        assert!(
            full.contains("run the command again") && full.contains("disk is full"),
            "{full}"
        );
        let in_use = said(StoreError::Read(Arc::new(EngineError::InUse("x".into()))));
        assert!(
            in_use.contains("stop the `kaskade up`") && !in_use.contains("again"),
            "{in_use}"
        );
    }
}
