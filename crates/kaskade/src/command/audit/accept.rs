//! `kaskade audit accept`: goes on with a log that is not the one that the store knows, and says so in it.

use anyhow::{Context, Result, bail};
use kaskade_flow::event::{Action, Outcome};
use kaskade_store::audit::AuditLog;
use kaskade_store::{EngineError, KeptOfLog, StoreError, keep_audit_head_on, kept_of_audit_log_on};
use serde_json::json;

use crate::console::Console;
use crate::data_dir::{DataArgs, DataDir};
use crate::exit::ToDo;
use crate::record;
use crate::runtime::store::{IN_USE, engine_of};

/// Goes on with the log that is there, though the store knows another or a longer one
///
/// `kaskade up` does not start then: entries are missing, and what the store keeps is the proof. Put the right folder back instead
/// if you have it. Where the log is damaged, move its folder elsewhere first and keep it: a new log begins, and the first that is
/// in it is that it was accepted, and up to which entry the lost one was known.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  kaskade audit accept --yes")]
pub(super) struct Args {
    /// Give up what is missing
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let config = args.data.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let node = config.node();
    const UNREADABLE: &str = "the store, which keeps the head of the log, cannot be read";
    let kept =
        engine_of(&data, &config).and_then(|(engine, name)| kept_of_audit_log_on(&*engine, &name, data.master(), node));
    let kept = kept.map_err(|error| {
        let in_use = matches!(&error, StoreError::Read(cause) if matches!(**cause, EngineError::InUse(_)));
        let error = anyhow::Error::new(error);
        match in_use {
            true => error.context(ToDo::from(IN_USE)),
            false => error.context(UNREADABLE),
        }
    });
    let KeptOfLog { head, unrecorded } = kept?;
    // Where one of the two is lost, the other holds.
    let (kept, changed) = match (head, unrecorded) {
        (Ok(None), Ok(_)) => {
            return nothing_to_accept(
                console,
                args,
                "The store knows of no audit log yet: there is nothing to accept.",
            );
        }
        (Err(error @ StoreError::ChangedMeta(_)), _) => (None, Some(error)),
        (Ok(kept), Err(error @ StoreError::ChangedMeta(_))) => (kept, Some(error)),
        (Err(error), _) | (_, Err(error)) => return Err(error).context(UNREADABLE),
        (Ok(kept), Ok(_)) => (kept, None),
    };
    let is_changed = changed.is_some();
    if let Some(error) = changed.filter(|_| !args.yes) {
        let lost = match kept {
            Some(_) => "since when there was no log",
            None => "up to which entry the log was known",
        };
        return Err(
            record::not_as_kept(error).context(format!("{lost} is lost: add --yes to go on with what is there"))
        );
    }
    let known = match kept {
        Some(_) => record::open_audit_alone(&data, &config, kept),
        None => Ok(AuditLog::off()),
    };
    let known = match known {
        Ok(log) if log.is_on() && is_changed => Some(log),
        Ok(log) if log.is_on() => {
            let text = "The audit log is the one that the store knows: there is nothing to accept.";
            return nothing_to_accept(console, args, text);
        }
        Ok(_) if !config.audit.enabled => bail!("audit.enabled is false: there is no log to go on with"),
        Err(error) if !record::is_not_the_known_log(&error) => return Err(error),
        Err(error) if !args.yes => {
            let known = kept.map_or(0, |kept| kept.entries);
            return Err(error.context(format!(
                "the log was known up to entry {known}, and what is missing stays missing: add --yes to go on with what is there"
            )));
        }
        Ok(_) => None,
        Err(_) => None,
    };
    let is_known = known.is_some();
    let log = known.map_or_else(|| record::open_audit_alone(&data, &config, None), Ok)?;
    record::note(&log, Outcome::Noted, Action::LogAccepted, |event| {
        event.correlated(kept.map_or(0, |kept| kept.entries))
    })?;
    log.close();
    let head = log.head().context("no audit log")?;
    let keeping = engine_of(&data, &config)
        .and_then(|(engine, name)| keep_audit_head_on(&*engine, &name, data.master(), node, &head));
    keeping.context("the store does not keep the head of the log")?;
    if args.json {
        return console.json_done(&json!({
            "accepted": true,
            "entries": head.entries,
            "known_entries": kept.map(|kept| kept.entries),
        }));
    }
    let known = match kept {
        Some(_) if is_known => "it is the one that the store knows".to_owned(),
        Some(kept) => format!("the one that was lost was known up to entry {}", kept.entries),
        None => "nobody knows how far the one before went".to_owned(),
    };
    console.done(format!(
        "Accepted, and on record: the log goes on after entry {}; {known}.",
        head.entries
    ))?;
    Ok(())
}

fn nothing_to_accept(console: &Console, args: &Args, text: &str) -> Result<()> {
    match args.json {
        true => console.json(&json!({ "accepted": false, "entries": null, "known_entries": null })),
        false => Ok(console.line(text)?),
    }
}
