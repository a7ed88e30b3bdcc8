//! `kaskade store status`: what a store is, and who shares it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use kaskade_flow::UnixMillis;
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::postgres::{PostgresEngine, Standby};
use kaskade_store::{NodeState, ONLOOKER, StoreState, StoreStatus, status_of};
use serde_json::{Value, json};

use super::not_open;
use crate::console::Console;
use crate::data_dir::{DataArgs, DataDir};
use crate::li::profile::time;
use crate::runtime::store::store_options;

/// Shows a store: whether it opens, what is in it, and which nodes and standbys a database has
///
/// Of a store in PostgreSQL nodes run on meanwhile; one of these commands runs at a time. A file that a node has open is refused. Nothing is changed.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "nodes",
    after_help = "Example:
  kaskade store status --config kaskade.toml

Of nodes: a node that was killed is shown as running until its lease ends, after six seconds. Its clock may go as far as its mark before it writes
again, and a start is above the marks of all. In JSON, goesByPresentShares is false while a node that runs has not seen yet that another one has
joined. A node joins by its first start, with a `store.node_index` that no other has: docs/several-nodes.md.

Of standbys: the server shows them to members of pg_monitor (`GRANT pg_monitor TO kaskade`). BEHIND is what was not applied yet of the
server's log, and how long the last change took until it was."
)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// What there is to show.
struct Seen {
    name: PathBuf,
    engine: &'static str,
    status: StoreStatus,
    /// Of a database; `None` where they may not be seen.
    standbys: Option<Vec<Standby>>,
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let config = args.data.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let seen = match config.store.server() {
        Some(mut server) => {
            server.node = ONLOOKER;
            let engine = PostgresEngine::open(&server).map_err(not_open)?;
            let name = engine.name().to_owned();
            Seen {
                engine: "postgres",
                status: status_of(&engine, &name, data.master())?,
                standbys: engine.standbys().map_err(not_open)?,
                name,
            }
        }
        None => {
            let name = data.subscribers();
            let engine = EmbeddedEngine::open_existing(&name, store_options(&config).cache_bytes).map_err(not_open)?;
            Seen {
                engine: "file",
                status: status_of(&engine, &name, data.master())?,
                standbys: Some(Vec::new()),
                name,
            }
        }
    };
    match args.json {
        true => console.json_done(&as_json(&seen)),
        false => show(console, &seen),
    }
}

/// A mark of a clock; `None` before the first number.
fn mark(mark: Duration) -> Option<String> {
    let millis = u64::try_from(mark.as_millis()).unwrap_or(u64::MAX);
    (millis != 0).then(|| time(UnixMillis::new(millis)))
}

/// Whether it opens: a word, which other store, and since when.
fn state(state: &StoreState) -> (&'static str, Option<(String, String)>) {
    let other = |other: &PathBuf, at: &UnixMillis| Some((other.display().to_string(), time(*at)));
    match state {
        StoreState::Earlier => ("earlier", None),
        StoreState::Skipping => ("skipping", None),
        StoreState::Coming { from, at } => ("coming", other(from, at)),
        StoreState::Gone { to, at } => ("gone", other(to, at)),
        _ => ("open", None),
    }
}

fn as_json(seen: &Seen) -> Value {
    let Seen { status, .. } = seen;
    let (state, other) = state(&status.state);
    let (other, since) = other.unzip();
    let nodes = status.nodes.iter().map(|node| {
        json!({
            "node": node.node,
            "runs": node.lives,
            "who": node.who,
            "indPlaces": node.places,
            "mark": mark(node.mark),
            "goesByPresentShares": node.is_up_to_date,
        })
    });
    let standbys = seen.standbys.as_ref().map(|standbys| {
        let all = standbys.iter().map(|standby| {
            json!({
                "name": standby.name,
                "state": standby.state,
                "sync": standby.sync,
                "behindOctets": standby.behind_octets,
                "behindMicroseconds": standby.behind.map(|behind| u64::try_from(behind.as_micros()).unwrap_or(u64::MAX)),
            })
        });
        all.collect::<Vec<_>>()
    });
    json!({
        "store": seen.name.display().to_string(),
        "engine": seen.engine,
        "format": status.format,
        "state": state,
        "other": other,
        "since": since,
        "subscribers": status.subscribers,
        "mark": mark(status.mark),
        "messages": status.messages,
        "auditRows": status.events,
        "nodes": nodes.collect::<Vec<_>>(),
        "standbys": standbys,
    })
}

fn show(console: &Console, seen: &Seen) -> Result<()> {
    let Seen { name, status, .. } = seen;
    let said = match state(&status.state) {
        ("gone", Some((to, at))) => format!("gone to {to} at {at}: does not open any more"),
        ("coming", Some((from, at))) => {
            format!("coming from {from} since {at}: run `kaskade store copy` again, it goes on")
        }
        ("skipping", _) => "`kaskade store skip-ahead` was interrupted: run it again".to_owned(),
        ("earlier", _) => format!("of format {}: it is converted when it is opened", status.format),
        _ => "opens".to_owned(),
    };
    let rows = [
        ("store", name.display().to_string()),
        ("state", said),
        ("subscribers", status.subscribers.to_string()),
        ("clock mark", mark(status.mark).unwrap_or_else(|| "-".to_owned())),
        (
            "waiting",
            format!("{} messages, {} rows for audit logs", status.messages, status.events),
        ),
    ];
    for (what, value) in rows {
        console.line(format_args!("{what:<14}{value}"))?;
    }
    if !status.nodes.is_empty() {
        console.line("")?;
        nodes(console, &status.nodes)?;
    }
    match &seen.standbys {
        None => {
            console.line("")?;
            console.line("standbys: not shown to this user; `GRANT pg_monitor TO` it in the database")?;
        }
        Some(standbys) if !standbys.is_empty() => {
            console.line("")?;
            console.line(format_args!("{:<18}{:<12}{:<11}BEHIND", "STANDBY", "STATE", "SYNC"))?;
            for standby in standbys {
                let octets = standby
                    .behind_octets
                    .map_or_else(|| "-".to_owned(), |octets| format!("{octets} octets"));
                let time = standby
                    .behind
                    .map_or_else(String::new, |behind| format!(", {behind:.1?}"));
                let Standby { name, state, sync, .. } = standby;
                console.line(format_args!("{name:<18}{state:<12}{sync:<11}{octets}{time}"))?;
            }
        }
        Some(_) => {}
    }
    Ok(())
}

fn nodes(console: &Console, nodes: &[NodeState]) -> Result<()> {
    console.line(format_args!(
        "{:<6}{:<6}{:<12}{:<26}WHO",
        "NODE", "RUNS", "IND PLACES", "MARK"
    ))?;
    for node in nodes {
        let runs = if node.lives { "yes" } else { "no" };
        let at = mark(node.mark).unwrap_or_else(|| "-".to_owned());
        console.line(format_args!(
            "{:<6}{runs:<6}{:<12}{at:<26}{}",
            node.node, node.places, node.who
        ))?;
    }
    Ok(())
}
