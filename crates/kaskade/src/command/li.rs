//! `kaskade li`: targets of lawful interception, and the feed of their events.

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets};
use kaskade_anchor::interception::{Who, Xid};
use kaskade_net::random::random_octets;
use serde_json::Value;

use crate::console::{Console, Style};
use crate::data_dir::{DataArgs, variable};
use crate::li::ask::Ask;
use crate::li::profile::{NewTargetBody, StatusView, TargetView, Targets, read_time};

/// Lawful interception of AKMA: targets, and the feed of their events
///
/// For the principal of interception alone: a node with [li] answers it over a socket of its own, and tells nobody else who is a target.
/// Targets are added for a warrant with an XID. The feed has the events of TS 33.128 7.9.1 as lines of JSON (profile AKMA-LI-P1), with key
/// material. docs/lawful-interception.md tells more.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade li targets add - --end 2026-12-31T23:59:59Z --config kaskade.toml < target
  kaskade li targets list --socket /run/kaskade-li/li.sock
  kaskade li feed --from 1 --json --socket /run/kaskade-li/li.sock
  kaskade li feed --follow --json
  kaskade li verify
  kaskade li targets remove - < xid")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    #[command(subcommand)]
    Targets(TargetAction),
    Feed(Feed),
    Verify(Look),
    Status(Look),
}

/// Whose events are reported
#[derive(clap::Subcommand, Debug)]
enum TargetAction {
    Add(Add),
    List(Look),
    Remove(Remove),
}

/// Where the node is asked.
#[derive(clap::Args, Debug)]
struct At {
    /// The socket; otherwise that of [li] in the configuration (KASKADE_LI_SOCKET does the same)
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    socket: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

/// Adds a target: from now on, or from --begin on, its events are reported
///
/// What is there already when it begins, K_AKMA and application keys, is reported then. It is on record in the feed who added it.
#[derive(clap::Args, Debug)]
struct Add {
    /// Whom: a SUPI such as imsi-001010000000001, or a GPSI such as msisdn-491701234567. Other users of this machine can see it in the
    /// process list: prefer `-`, which reads a line of standard input, with the XID behind the target if there is one
    #[arg(value_name = "TARGET")]
    target: Given<Who>,
    /// What the warrant is called: a UUID. One is drawn if not given. See TARGET for who can see it
    #[arg(long, value_name = "UUID")]
    xid: Option<Xid>,
    /// From when on, such as 2026-11-30T00:00:00Z; now if not given
    #[arg(long, value_name = "TIME")]
    begin: Option<String>,
    /// Until when; until it is removed if not given
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: At,
}

/// Removes a target: from the answer on none of its events is reported any more
#[derive(clap::Args, Debug)]
struct Remove {
    /// What its warrant is called. Other users of this machine can see it in the process list: prefer `-`, which reads a line of standard
    /// input
    #[arg(value_name = "UUID")]
    xid: Given<Xid>,
    #[command(flatten)]
    at: At,
}

/// Reads the feed: a line for each record. Keys are in --json alone
#[derive(clap::Args, Debug)]
struct Feed {
    /// From this record on, counted from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    from: u64,
    /// Go on when all is read, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Print each record as JSON, with key material
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: At,
}

/// Says how far the feed has come; `verify` reads all of it, and finds a record that was changed or is missing
#[derive(clap::Args, Debug)]
struct Look {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    at: At,
}

/// An argument, which is in the list of processes, or a line of standard input, which is not.
#[derive(Clone, Debug)]
enum Given<T> {
    Here(T),
    Input,
}

impl<T: FromStr> FromStr for Given<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        match text {
            "-" => Ok(Self::Input),
            _ => text.parse().map(Self::Here),
        }
    }
}

/// Octets of a line of standard input: longer than any target with its XID.
const LONGEST_LINE: u64 = 1024;
/// Between two looks for new records.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Targets(TargetAction::Add(args)) => add(console, args),
        Action::Targets(TargetAction::List(args)) => list(console, args),
        Action::Targets(TargetAction::Remove(args)) => {
            let xid = match &args.xid {
                Given::Here(xid) => *xid,
                Given::Input => match words()?.as_slice() {
                    [xid] => xid.parse::<Xid>()?,
                    _ => bail!("standard input: expected a line with the XID of a warrant"),
                },
            };
            ask(&args.at)?.ask("DELETE", &format!("/targets/{xid}"), None)?;
            console.done(format!("removed {xid}"))
        }
        Action::Feed(args) => feed(console, args),
        Action::Verify(args) => {
            let status = status(args, "/verify")?;
            show(console, args, &status, Some("as it was written"))
        }
        Action::Status(args) => {
            let status = status(args, "/status")?;
            show(console, args, &status, None)
        }
    }
}

fn ask(at: &At) -> Result<Ask> {
    let named = at
        .socket
        .clone()
        .or_else(|| variable("KASKADE_LI_SOCKET").map(PathBuf::from));
    let socket = match named {
        Some(socket) => socket,
        None => match at.data.config()?.li.socket() {
            Some(socket) => socket,
            None => {
                bail!("the configuration has no li.directory: name the socket with --socket, or the file with --config")
            }
        },
    };
    Ask::at(&socket)
}

fn add(console: &Console, args: &Add) -> Result<()> {
    for text in args.begin.iter().chain(&args.end) {
        if read_time(text).is_none() {
            bail!("{text:?}: expected a time such as 2026-11-30T00:00:00Z");
        }
    }
    let (target, xid) = match &args.target {
        Given::Here(target) => (target.clone(), args.xid),
        Given::Input => match (words()?.as_slice(), args.xid) {
            ([target], xid) => (target.parse::<Who>()?, xid),
            ([target, xid], None) => (target.parse::<Who>()?, Some(xid.parse::<Xid>()?)),
            _ => {
                bail!("standard input: expected a line with a target, and with an XID behind it if --xid is not given")
            }
        },
    };
    let xid = match xid {
        Some(xid) => xid,
        None => drawn()?,
    };
    let body = NewTargetBody {
        xid: xid.to_string(),
        target: target.text(),
        begin: args.begin.clone(),
        end: args.end.clone(),
    };
    let answer = ask(&args.at)?.ask("POST", "/targets", Some(serde_json::to_vec(&body)?))?;
    let added: TargetView = serde_json::from_slice(&answer).context("the node answers something else")?;
    match args.json {
        true => console.json_done(&added),
        false => console.done(format!("added {}: {}, {}", added.xid, added.target, added.state)),
    }
}

/// The words of a line of standard input.
fn words() -> Result<Vec<String>> {
    let mut line = String::new();
    let mut input = std::io::stdin().lock().take(LONGEST_LINE);
    input.read_line(&mut line).context("standard input")?;
    Ok(line.split_whitespace().map(str::to_owned).collect())
}

/// A random UUID (RFC 9562, version 4).
fn drawn() -> Result<Xid> {
    let mut octets: [u8; 16] = random_octets()?;
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    Ok(Xid(octets))
}

fn list(console: &Console, args: &Look) -> Result<()> {
    let answer = ask(&args.at)?.ask("GET", "/targets", None)?;
    let found: Targets = serde_json::from_slice(&answer).context("the node answers something else")?;
    if args.json {
        return console.json(&found);
    }
    let summary = format!("{} shown", found.targets.len());
    if !found.targets.is_empty() {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_header(["XID", "Target", "From", "Until", "State"]);
        for target in found.targets {
            let end = target.end.unwrap_or_else(|| "-".to_owned());
            table.add_row([target.xid, target.target, target.begin, end, target.state]);
        }
        console.line(table.trim_fmt())?;
    }
    console.line(console.paint(Style::Faint, &summary))?;
    Ok(())
}

fn feed(console: &Console, args: &Feed) -> Result<()> {
    let ask = ask(&args.at)?;
    let mut next = args.from.max(1);
    loop {
        let octets = ask.ask("GET", &format!("/feed?from={next}"), None)?;
        let text = std::str::from_utf8(&octets).context("the node answers something else")?;
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).context("the node answers something else")?;
            let number = record["number"].as_u64().context("a record without a number")?;
            match args.json {
                true => console.line(line)?,
                false => console.line(sentence(&record))?,
            }
            next = number + 1;
        }
        match (text.is_empty(), args.follow) {
            (true, false) => return Ok(()),
            (true, true) => std::thread::sleep(PAUSE),
            (false, _) => {}
        }
    }
}

/// A record without keys.
fn sentence(record: &Value) -> String {
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let mut line = format!("{}  {}", record["number"], text("time"));
    let content = &record["content"];
    match record["notice"].as_str() {
        Some(notice) => {
            line.push_str(&format!("  {notice}"));
            for name in ["xid", "target"] {
                if let Some(value) = record["warrant"][name].as_str() {
                    line.push_str(&format!("  {value}"));
                }
            }
            for name in ["by", "count", "from", "until", "knownRecords"] {
                if !record[name].is_null() {
                    line.push_str(&format!("  {name}={}", record[name]));
                }
            }
        }
        None => {
            let names = [text("xid"), text("supi"), text("event")];
            line.push_str(&format!("  {}", names.join("  ")));
            let a_kid = content["aKID"].as_str().unwrap_or_default();
            line.push_str(&format!("  {a_kid}"));
            for value in [&content["keyInfo"]["aFID"], &content["nFID"], &content["type"]] {
                if let Some(value) = value.as_str() {
                    line.push_str(&format!("  {value}"));
                }
            }
        }
    }
    line
}

fn status(args: &Look, path: &str) -> Result<StatusView> {
    let answer = ask(&args.at)?.ask("GET", path, None)?;
    serde_json::from_slice(&answer).context("the node answers something else")
}

fn show(console: &Console, args: &Look, status: &StatusView, verdict: Option<&str>) -> Result<()> {
    if args.json {
        return console.json(status);
    }
    let mut facts = Vec::new();
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let records = status
        .records
        .map_or_else(|| "-".to_owned(), |records| records.to_string());
    facts.push(("Feed", or_dash(&status.feed)));
    facts.push(("Records", records));
    facts.push(("Chain", or_dash(&status.hash)));
    facts.push(("Waiting", status.waiting.to_string()));
    facts.push(("Lost", status.lost.to_string()));
    if let Some(trouble) = &status.trouble {
        facts.push(("Trouble", trouble.clone()));
    }
    if let Some(verdict) = verdict {
        facts.push(("Verified", verdict.to_owned()));
    }
    console.facts(&facts)?;
    Ok(())
}
