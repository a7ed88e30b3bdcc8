//! `kaskade store copy`: a store goes from its file into a database, or back.

use std::fs;
use std::path::{Path, PathBuf, absolute};

use anyhow::{Result, bail};
use kaskade::config::Config;
use kaskade_flow::event::Action as Audited;
use kaskade_store::copy::{Copied, CopyError, CopyFailed, Place, copy};
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::Portable;
use kaskade_store::postgres::{PostgresEngine, PostgresOptions};
use kaskade_store::{EngineError, StoreError, is_blank, kept_of_audit_log_on};
use serde_json::json;

use super::{bar, hand_over, not_open, of_subscribers};
use crate::console::Console;
use crate::data_dir::{DataArgs, DataDir, is_there};
use crate::exit::ToDo;
use crate::record::open_audit_alone;
use crate::runtime::kinds::KINDS;
use crate::runtime::store::{IN_USE, store_options};

/// Takes a store from its file into PostgreSQL, or back: no sequence number is issued twice
///
/// All of it goes along: subscribers, sequence numbers, the keys of AKMA and EMSK, messages that wait. The store that it comes from
/// is kept and does not open any more, from before the first row is copied. Nodes are stopped meanwhile. If it is interrupted, run it again: it
/// goes on; once the source has gone neither store opens before it is done.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "From the file into a database, which store.postgres of the configuration names:
  kaskade store migrate --config kaskade.toml
  kaskade store copy --to postgres --yes --config kaskade.toml
  kaskade up --config kaskade.toml

And back, after which store.postgres is taken out of the configuration:
  kaskade store copy --to file --yes --config kaskade.toml

With the master key of this data folder, and as the node that store.node_index says, which is the one that had the file. Of several nodes with a
file each, one goes along: run `kaskade store skip-ahead --yes` behind it, as it knows nothing of what the others have issued.
If what it went to is lost for good: `kaskade store skip-ahead --yes --take-back` makes the store that it came from one again."
)]
pub(super) struct Args {
    /// Where it goes
    #[arg(long, value_enum)]
    to: To,
    /// Really do it: the store that it comes from does not open any more
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    /// Out of the file of the data folder into the database of store.postgres
    Postgres,
    /// Out of the database of store.postgres into the file of the data folder
    File,
}

/// An engine and what errors call it.
type Named = (Box<dyn Portable>, PathBuf);

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let config = args.data.config()?;
    let Some(server) = config.store.server() else {
        bail!("store.postgres is not set: it says which database the store goes to, or comes from");
    };
    let data = DataDir::open(&config.data_dir)?;
    let file = data.subscribers();
    if !args.yes {
        let (from, to) = match args.to {
            To::Postgres => (file.display().to_string(), "the database of store.postgres".to_owned()),
            To::File => ("the database of store.postgres".to_owned(), file.display().to_string()),
        };
        bail!("all of the store in {from} would go to {to}, and {from} would not open any more: add --yes");
    }
    if args.to == To::Postgres && !is_there(&file) {
        bail!("{}: there is no store to copy", file.display());
    }
    let (source, from) = match args.to {
        To::Postgres => in_file(&file, &config, false)?,
        To::File => in_database(&server)?,
    };
    let kept = kept_of_audit_log_on(&*source, &from, data.master(), config.node());
    let kept = kept
        .and_then(|kept| kept.whole())
        .map_err(|error| explained(CopyError::Store(error), args.to).context(NOTHING))?;
    // No file is made before there is something to copy.
    let is_new = args.to == To::File && !is_there(&file);
    let (target, to) = match args.to {
        To::Postgres => in_database(&server)?,
        To::File => in_file(&file, &config, true)?,
    };
    let log = open_audit_alone(&data, &config, kept)?;
    let bar = bar(args.json, "{bar:40} {pos} of {len} rows");
    let mut progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let record = |done: &Copied| of_subscribers(&log, Audited::StoreMoved, done.subscribers);
    let mut options = store_options(&config);
    options.unrecorded = !log.is_on();
    let places = [(&*source, &*from), (&*target, &*to)].map(|(engine, name)| Place { engine, name });
    let [of_source, of_target] = &places;
    let done = copy(
        of_source,
        of_target,
        KINDS,
        (data.master(), &options),
        &record,
        &mut progress,
    );
    bar.finish_and_clear();
    drop((source, target));
    let done = match done {
        Ok(done) => done,
        Err(CopyFailed { error, has_gone }) => {
            // Nothing is left of a file that was made for this alone.
            if is_new && !has_gone && is_blank(&file).unwrap_or(false) {
                let _ = fs::remove_file(&file);
            }
            return Err(explained(error, args.to).context(match has_gone {
                true => format!(
                    "not all is copied, and {} does not open any more: mend the cause and run the command again, it goes on",
                    from.display()
                ),
                false => NOTHING.to_owned(),
            }));
        }
    };
    let handed = hand_over(&data, &as_it_is_then(&config, args.to), log);
    report(console, args, &done, (&from, &to))?;
    handed
}

fn in_file(path: &Path, config: &Config, make: bool) -> Result<Named> {
    let cache = store_options(config).cache_bytes;
    let engine = match make {
        true => EmbeddedEngine::open(path, cache),
        false => EmbeddedEngine::open_existing(path, cache),
    };
    // Whoever reads it in the other store may be elsewhere.
    let name = absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok((
        Box::new(engine.map_err(|error| not_open(error).context(NOTHING))?),
        name,
    ))
}

fn in_database(server: &PostgresOptions) -> Result<Named> {
    let engine = PostgresEngine::open(server).map_err(|error| not_open(error).context(NOTHING))?;
    let name = engine.name().to_owned();
    Ok((Box::new(engine), name))
}

const NOTHING: &str = "nothing was copied";

fn explained(error: CopyError, to: To) -> anyhow::Error {
    let to_do = match (&error, to) {
        (CopyError::Store(StoreError::Read(cause)), _) if matches!(**cause, EngineError::InUse(_)) => Some(IN_USE),
        (CopyError::Store(StoreError::Blank(_)), To::File) => {
            Some("store.postgres names another database than the one with the subscribers, or there are none yet")
        }
        (CopyError::NotEmpty(_), To::File) => Some(
            "if it is the file that went into the database earlier, move it elsewhere: it is worth nothing any more as long as the \
             database is there",
        ),
        (CopyError::NotEmpty(_), To::Postgres) => {
            Some("use another database, or another schema (options='-c search_path=NAME' in store.postgres)")
        }
        (CopyError::AnotherCopy(_), To::File) => Some(
            "move it elsewhere; and if what is copied was put back from a backup, run `kaskade store skip-ahead --yes` first",
        ),
        (CopyError::AnotherCopy(_), To::Postgres) => Some(
            "use another database or schema; and if what is copied was put back from a backup, run `kaskade store skip-ahead --yes` \
             without store.postgres first",
        ),
        (CopyError::PutBack(_), To::File) => {
            Some("`kaskade store skip-ahead --yes --take-back` uses the database again; then copy into another file")
        }
        (CopyError::PutBack(_), To::Postgres) => Some(
            "`kaskade store skip-ahead --yes --take-back` without store.postgres uses the file again; then copy into another database",
        ),
        (CopyError::OtherNode { .. }, _) => Some("set store.node_index so"),
        (CopyError::Elsewhere { .. }, To::Postgres) => Some(
            "set store.postgres as it was then. If that is lost for good: `kaskade store skip-ahead --yes --take-back` without store.postgres \
             uses the file again",
        ),
        (CopyError::Elsewhere { .. }, To::File) => Some(
            "put that file back to its place. If it is lost for good: `kaskade store skip-ahead --yes --take-back` uses the database again",
        ),
        _ => None,
    };
    let error = anyhow::Error::new(error);
    match to_do {
        Some(to_do) => error.context(ToDo::from(to_do)),
        None => error,
    }
}

/// The configuration of whoever opens the store from then on.
fn as_it_is_then(config: &Config, to: To) -> Config {
    let mut config = config.clone();
    if to == To::File {
        config.store.postgres = None;
        config.store.node_count = config.store.node_count.max(config.store.node_index.saturating_add(1));
    }
    config
}

fn report(console: &Console, args: &Args, done: &Copied, (from, to): (&Path, &Path)) -> Result<()> {
    if args.json {
        console.done(json!({
            "from": from.display().to_string(),
            "to": to.display().to_string(),
            "subscribers": done.subscribers,
            "rows": done.rows,
            "resumed": done.resumed,
            "hadEnded": done.had_ended,
        }))?;
        return Ok(());
    }
    let (from, to) = (from.display(), to.display());
    if done.had_ended {
        console.done(format!("the store is in {to} already: nothing was left to copy"))?;
    } else {
        let resumed = if done.resumed { ", after an interruption" } else { "" };
        console.done(format!(
            "{} subscribers, {} rows, are in {to}{resumed}",
            done.subscribers, done.rows
        ))?;
    }
    match args.to {
        To::Postgres => {
            console.done(format!(
                "{from} does not open any more; keep store.postgres in the configuration"
            ))?;
            console.done(
                "if other nodes had the same subscribers in files of their own: end them for good, and run `kaskade store skip-ahead --yes` \
                 before the first start",
            )?;
        }
        To::File => console.done(format!(
            "{from} does not open any more; take store.postgres out of the configuration"
        ))?,
    }
    Ok(())
}
