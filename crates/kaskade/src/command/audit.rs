//! `kaskade audit`: whether the audit log is as it was written, and what is in it.

mod accept;
mod show;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use kaskade_faults::fault;
use kaskade_store::audit::{Anchor, AuditError, LogReader, Summary, What};
use kaskade_store::{EngineError, StoreError, kept_of_audit_log_on};
use serde_json::json;

use crate::admin::Link;
use crate::console::{Console, Style};
use crate::data_dir::{DataArgs, DataDir};
use crate::record::{audit_folder, not_as_kept, not_the_known_log};
use crate::runtime::store::engine_of;

/// The audit log: checks that nobody changed it, and shows who got, changed or was refused what
///
/// Every key that leaves, every change and every refusal is in it, in a chain of hashes: whoever edits, cuts, reorders or
/// replaces a part is found. With the master key, also whoever computed the chain anew. `verify` and `show` read while
/// `kaskade up` runs.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade audit verify
  kaskade audit show --last 20
  kaskade audit show --since 2026-11-28 --supi imsi-001010000000001
  kaskade audit show --action key-released --peer amf.example.org --json")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    Verify(Verify),
    Show(show::Args),
    Accept(accept::Args),
}

/// Checks the whole chain; the first wrong place is named, and the exit status is then 1
///
/// The store keeps how far the log had come: a tail that was cut before that is found, when the store is not in use. For what is newer,
/// or a whole data folder that was replaced by an older copy, keep the line `Anchor` that it prints where nobody who can write the
/// log can write, and give it to --anchor later. It says which log, its segment, how many entries, and the chain behind them, so
/// that it holds for every later state of the same log.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  kaskade audit verify
  kaskade audit verify /mnt/archive/audit --data /var/lib/kaskade
  kaskade audit verify /mnt/archive/from-7 --part --data /var/lib/kaskade

With an anchor, on two days:
  kaskade audit verify | grep Anchor >> /mnt/elsewhere/anchors      # today
  kaskade audit verify --anchor 5f0e...                             # later: any line of that file, old or new, or its digits

Without the master key of the log, as on another machine, the chain alone is checked: whoever could write the files could
have computed it anew. With --data or --config the codes are checked too, which takes the master key to make.")]
struct Verify {
    /// Folder of the log, instead of the configured one
    folder: Option<PathBuf>,
    /// How far the log had come, as an earlier `verify` printed it: 64 octets in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = anchor)]
    anchor: Option<Anchor>,
    /// It is a part of a log: segments before the first one here are elsewhere, and not missed
    #[arg(long, requires = "folder")]
    part: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(console: &Console, args: &Args) -> Result<()> {
    match &args.action {
        Action::Verify(args) => verify(console, args),
        Action::Show(args) => show::run(console, args),
        Action::Accept(args) => accept::run(console, args),
    }
}

/// Opens a log: the configured one with its master key; another folder with the key of a data folder that is named.
/// The identifier of that key is the last.
fn open(console: &Console, folder: Option<&Path>, args: &DataArgs) -> Result<(PathBuf, LogReader, Option<String>)> {
    let config = args.config()?;
    let path = folder.map_or_else(|| audit_folder(&config), Path::to_path_buf);
    let with_key = folder.is_none() || args.is_given();
    let data = with_key.then(|| DataDir::open(&config.data_dir)).transpose()?;
    let reader = LogReader::open(&path, data.as_ref().map(DataDir::master));
    let reader = reader.map_err(|error| {
        let none = match &error {
            AuditError::Private(error) => error.is_not_found(),
            AuditError::Wrong(wrong) => wrong.what == What::Missing,
            _ => false,
        };
        let error = anyhow::Error::new(error);
        let known = match none {
            true => kept_heads(console, folder, args),
            false => Ok(None),
        };
        match known
            .map(|kept| kept.map_or_else(Vec::new, |kept| kept.heads))
            .map(|heads| heads.iter().map(|head| head.entries).max())
        {
            Err(unread) => unread,
            Ok(Some(entries)) => error.context(format!(
                "the audit log is missing, of which the store knows {entries} entries: {}",
                not_the_known_log(&path)
            )),
            Ok(None) if none => {
                error.context("there is no audit log here: `kaskade up` and commands that change something begin one")
            }
            Ok(None) => error.context("the audit log cannot be read"),
        }
    })?;
    Ok((path, reader, data.map(|data| data.master().identifier())))
}

fn verify(console: &Console, args: &Verify) -> Result<()> {
    let (path, reader, master_key) = open(console, args.folder.as_deref(), &args.data)?;
    let reader = if args.part { reader.part() } else { reader };
    let (kept, writer) = match kept_heads(console, args.folder.as_deref(), &args.data)? {
        Some(Kept { heads, writer }) => (heads, Some(writer)),
        None => (Vec::new(), None),
    };
    if let Some(Writer::Silent) = writer {
        console.note(
            "the store is in use, and no node answers: whether the newest entries were cut is told when it is not",
        );
    }
    let bar = bar(args.json);
    let verified = reader.verify(args.anchor.iter().chain(&kept), &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let summary = match verified {
        Ok(summary) => summary,
        Err(wrong) => {
            if args.json {
                console.line(json!({
                    "intact": false,
                    "segment": wrong.segment,
                    "entry": wrong.entry,
                    "what": wrong.what.to_string(),
                    "file": wrong.path.display().to_string(),
                }))?;
            }
            // Where the store knows the same log, it is not the anchor that is wrong.
            let is_of_other_log = |anchor: &Anchor| {
                let log: String = anchor.log.iter().map(|octet| format!("{octet:02x}")).collect();
                kept.iter().all(|kept| kept.log != anchor.log)
                    && matches!(&wrong.what, What::OtherLog { expected, .. } if *expected == log)
            };
            let context = match args.anchor.as_ref().is_some_and(is_of_other_log) {
                true => "--anchor is of another log: nothing was compared with it, and nothing said of this log",
                false => "the audit log is not as it was written",
            };
            return Err(anyhow::Error::new(wrong).context(context));
        }
    };
    report(console, args, (&path, master_key, writer), &summary)
}

/// Who may be writing a log.
#[derive(Clone, Copy)]
enum Writer {
    /// The node of this data folder, which was asked.
    Node,
    /// Whoever has the store open, and does not answer.
    Silent,
    /// Nobody has the store open.
    Nobody,
}

/// What is known of a log beside it.
struct Kept {
    /// How far it has come.
    heads: Vec<Anchor>,
    writer: Writer,
}

/// The head that the store keeps, which a tail that was cut does not reach, and of a node that runs how far its log has come; `None`
/// where another folder is looked at.
fn kept_heads(console: &Console, folder: Option<&Path>, args: &DataArgs) -> Result<Option<Kept>> {
    if folder.is_some() {
        return Ok(None);
    }
    let kept = |heads, writer| Ok(Some(Kept { heads, writer }));
    let config = args.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let kept_head = engine_of(&data, &config)
        .and_then(|(engine, name)| kept_of_audit_log_on(&*engine, &name, data.master(), config.node())?.whole());
    match kept_head {
        Ok(head) => kept(head.into_iter().collect(), Writer::Nobody),
        Err(StoreError::Read(error)) if matches!(*error, EngineError::Missing(_)) => kept(Vec::new(), Writer::Nobody),
        Err(StoreError::Read(error)) if matches!(*error, EngineError::InUse(_)) => {
            let heads = heads_of_node(console, &config.data_dir);
            let writer = if heads.is_empty() { Writer::Silent } else { Writer::Node };
            kept(heads, writer)
        }
        Err(error @ StoreError::ChangedMeta(_)) => Err(not_as_kept(error)),
        Err(error) => {
            Err(anyhow::Error::new(error).context("the store, which keeps the head of the log, cannot be read"))
        }
    }
}

/// How long a node may take to say how far its log has come: what is checked is in the files.
const NODE: Duration = Duration::from_secs(5);

/// How far the log of the node of this folder has come, as that and its store know; none where none answers.
fn heads_of_node(console: &Console, data: &Path) -> Vec<Anchor> {
    let link = match Link::running(data, NODE) {
        Ok(Some(link)) if !fault!("audit-node-not-asked") => link,
        _ => return Vec::new(),
    };
    let head = link.ask::<crate::admin::audit::Head>((), Default::default(), Default::default());
    if let Err(error) = &head {
        console.note(format!("note: {error}"));
    }
    let texts = head.map(|head| [Some(head.anchor), head.kept_head]);
    let texts = texts.into_iter().flatten().flatten();
    texts.filter_map(|text| anchor(&text).ok()).collect()
}

fn report(
    console: &Console,
    args: &Verify,
    (path, master_key, writer): (&Path, Option<String>, Option<Writer>),
    summary: &Summary,
) -> Result<()> {
    // The segment that it is of went by age or size, or is elsewhere.
    let passed = args.anchor.filter(|anchor| anchor.segment < summary.first_segment);
    let anchor: String = summary
        .anchor
        .encode()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    if args.json {
        console.line(json!({
            "intact": true,
            "codes_checked": summary.codes_checked,
            "master_key": master_key,
            "entries": summary.entries,
            "segments": summary.segments,
            "first_segment": summary.first_segment,
            "closed": summary.closed,
            "goes_on": summary.goes_on,
            "anchor": anchor,
            "anchor_compared": args.anchor.map(|_| passed.is_none()),
        }))?;
        return Ok(());
    }
    let codes = match master_key {
        Some(key) => format!("chain and codes are as they were written, under master key {key}"),
        None => "the chain is whole; its codes were not checked: name the data folder with --data".to_owned(),
    };
    let state = match (summary.closed, summary.goes_on) {
        (true, _) => "closed".to_owned(),
        (_, true) => format!("goes on in segment {}, which is not here", summary.anchor.segment + 1),
        _ => match writer {
            Some(Writer::Node) => "open: the node of this folder writes it".to_owned(),
            Some(Writer::Silent) => "open: whoever has the store open writes it".to_owned(),
            Some(Writer::Nobody) => {
                "open, and nobody writes it: a node was killed, and the next start goes on".to_owned()
            }
            None => "open: it was copied while a process wrote it, or that was killed".to_owned(),
        },
    };
    let older = match summary.first_segment {
        1 => String::new(),
        first if args.part => format!(", begins with segment {first}: earlier ones are not here"),
        first => format!(", those before {first} were removed by age or size"),
    };
    let mut facts = vec![
        ("Log", path.display().to_string()),
        ("Intact", console.paint(Style::Good, &codes)),
        ("Entries", summary.entries.to_string()),
        ("Segments", format!("{}{older}", summary.segments)),
        ("State", state),
        ("Anchor", anchor),
    ];
    if let (Some(anchor), None) = (args.anchor, passed) {
        let fits = format!(
            "with --anchor, which fits: the log goes on from its entry {}",
            anchor.entries
        );
        facts.push(("Compared", fits));
    }
    console.facts(&facts)?;
    if let Some(Anchor { segment, .. }) = passed {
        console.note(format!(
            "note: --anchor is of segment {segment}, which is not here: nothing was compared with it"
        ));
    }
    Ok(())
}

/// An anchor as `verify` prints it.
fn anchor(text: &str) -> Result<Anchor, &'static str> {
    const NOT: &str = "expected 128 hexadecimal digits, as `kaskade audit verify` prints them";
    let mut octets = [0; Anchor::LEN];
    // The whole line is taken too.
    let digits = text.trim();
    let digits = digits.strip_prefix("Anchor").unwrap_or(digits).trim_start().as_bytes();
    if digits.len() != 2 * octets.len() {
        return Err(NOT);
    }
    for (octet, [high, low]) in octets.iter_mut().zip(digits.as_chunks().0) {
        let digit = |digit: &u8| {
            char::from(*digit)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        *octet = digit(high).ok_or(NOT)? << 4 | digit(low).ok_or(NOT)?;
    }
    Anchor::decode(&octets).ok_or(NOT)
}

fn bar(hidden: bool) -> ProgressBar {
    if hidden || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Names with one in them.
#[cfg(test)]
pub(crate) fn named(peer: kaskade_flow::event::PeerId, name: &str) -> kaskade_store::audit::PeerNames {
    let mut names = kaskade_store::audit::PeerNames::default();
    kaskade_flow::event::Name::parts(peer, name).for_each(|part| names.see(&kaskade_flow::event::Entry::Name(part)));
    names
}

/// What was wrong after entries were shown.
fn unreadable<T>(read: Result<T, kaskade_store::audit::Wrong>) -> Result<T> {
    read.context("the audit log is not as it was written; what comes before this is shown")
}
