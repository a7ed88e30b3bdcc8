//! `kaskade subscriber import`: a whole file, or nothing of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use kaskade::administration::batches::Kind;
use kaskade::import::{self, Entry, Format, ImportError, LineError, Secrets};
use kaskade_flow::Refusal;
use serde_json::json;
use zeroize::Zeroizing;

use super::made;
use crate::admin::LinkArgs;
use crate::admin::link::{ImportFile, Purpose};
use crate::admin::subscriber::{BrokenOff, Written};
use crate::console::{Console, Progress, Style};
use crate::data_dir::DataDir;
use crate::exit;
use crate::patience::open_link;

/// Takes in a file of subscribers, CSV, TOML or lines of JSON: all of it, or nothing if a line is wrong
#[derive(clap::Args, Debug)]
#[command(
    after_help = "CSV: the first line names the columns, separated by comma, semicolon or tab; quotation marks as in RFC 4180.
  supi          imsi-001010000000001   (or `imsi` with the bare digits)
  k             32 hexadecimal digits
  opc or op     32 hexadecimal digits; OPc differs from card to card, OP is the same on all
  algorithm     milenage if left out; tuak, xor (test networks only), comp128v1, comp128v2, comp128v3 (2G only)
  topc or top   with tuak, instead of opc or op: 64 hexadecimal digits; k then has 32 or 64
  tuak_iterations, res_octets   1 and 8 if left out; xor has a RES of 16 octets if left out
  amf           4 hexadecimal digits, 8000 if left out
  sqn_scheme    TIME_BASED, GENERAL or NON_TIME_BASED, as configured if left out
  sqn           highest SQN that the card may have seen, 12 hexadecimal digits
  methods       5g-aka, eap-aka-prime, eps-aka, eap-aka, umts-aka, gsm-aka, blanks or commas between, preferred one first;
                none for no method; 5g-aka if left out, and none for a GSM-only card
  gpsi          msisdn-491701234567 or extid-meter17@things.example; no two subscribers have the same
  routing_indicator   1 to 4 digits
  akma, best    yes or no, no if left out; best also separated-umts
  eps_profile   name of the subscription data that an MME gets
  suspended     yes or no, no if left out: whether it gets no vector for the time being
  sealed        instead of k, opc and the like: as `kaskade subscriber export --with-secrets` writes it

  imsi,k,opc
  001010000000001,465b5ce8b199b49faa5f0a2ee238a6bc,e8ed289deba952e4283b54e88e6183ca

TOML: a [[subscriber]] table for each, with the same names.

  [[subscriber]]
  supi = \"imsi-001010000000001\"
  k = \"465b5ce8b199b49faa5f0a2ee238a6bc\"
  opc = \"e8ed289deba952e4283b54e88e6183ca\"

NDJSON: a JSON object on each line, with the same names but for `imsi`; methods is a list, akma and suspended are true or false,
res_octets and tuak_iterations are numbers.

Every line is checked before anything is written. Where a node runs, it then takes the lines in batches of 1024, each wholly or not
at all: an import that is stopped leaves those that are in, and says how many. Delete the file afterwards: it holds K in clear."
)]
pub(super) struct Args {
    /// The file; `-` reads standard input
    file: PathBuf,
    /// csv, toml or ndjson; by default as the file's name ends
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Check the file against the store, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace subscribers that exist already. Another K, operator code or algorithm is another card and begins at its `sqn`;
    /// the SQN of the same card never goes back. What the file leaves out is as for a new subscriber
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

pub(super) fn format(text: &str) -> Result<Format, String> {
    match text {
        "csv" => Ok(Format::Csv),
        "toml" => Ok(Format::Toml),
        "ndjson" => Ok(Format::Ndjson),
        _ => Err("expected csv, toml or ndjson".into()),
    }
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let name = args.file.display().to_string();
    let format = args
        .format
        .or_else(|| Format::of_name(&name))
        .ok_or_else(|| anyhow!("{name}: the name does not tell the format: add --format csv, toml or ndjson"))?;
    let text = read(console, &args.file)?;
    let (entries, wrong) = import::read(&text, format).map_err(|error| refused(&name, &error))?;
    let config = args.link.data.config()?;
    let count = entries.len();
    let is_new = DataDir::is_unused(&config.data_dir)?;
    if is_new {
        // What is refused leaves no folder.
        all_right(wrong.as_ref(), without_store(&entries)).map_err(|error| refused(&name, &error))?;
    }
    if args.dry_run && is_new {
        if args.json {
            return console.json(&told(count, None));
        }
        let good = console.paint(Style::Good, "in order");
        console.line(format!(
            "{name}: {good}, {}; there is no data folder yet to compare with",
            subscribers(count)
        ))?;
        return Ok(());
    }
    let purpose = match args.dry_run {
        true => Purpose::Look,
        false => Purpose::Import(count),
    };
    let link = open_link(&args.link, &config, purpose, |data| made(console, data))?;
    let (kind, csv) = match format {
        Format::Csv => (Kind::Csv, None),
        Format::Toml => (Kind::Csv, Some(import::toml_as_csv(&text))),
        Format::Ndjson => (Kind::Ndjson, None),
    };
    let file = ImportFile {
        entries: &entries,
        kind,
        text: csv.as_ref().unwrap_or(&text),
        lines_are_its_own: csv.is_none(),
    };
    let in_store = match &wrong {
        // What is wrong with the file itself may make the rest of it look wrong to a node, which reads it anew.
        Some(_) if link.is_there() => None,
        _ => link.check_import(&file, args.replace)?,
    };
    all_right(wrong.as_ref(), in_store).map_err(|error| refused(&name, &error))?;
    if args.dry_run {
        if args.json {
            return console.json(&told(count, None));
        }
        console.line(format!(
            "{name}: {}, {}; nothing was written",
            console.paint(Style::Good, "in order"),
            subscribers(count)
        ))?;
        return Ok(());
    }
    let bar = Progress::of(count);
    let written = link.write_import(&file, args.replace, &mut |done| bar.at(done));
    match written {
        Ok(Written { added, replaced }) => {
            bar.end();
            if args.json {
                return console.json_done(&told(count, Some((link.folder(), added, replaced))));
            }
            let folder = link.folder().display();
            let said = match replaced {
                0 => format!("{} added to {folder}", subscribers(added)),
                _ => format!("{} added to {folder}, {replaced} replaced", subscribers(added)),
            };
            console.done(said)
        }
        Err(BrokenOff { done, why, .. }) if why.is_done && done == count => {
            bar.stop();
            Err(why.into())
        }
        Err(BrokenOff {
            done,
            gave_up_gpsis,
            why,
        }) => {
            bar.stop();
            let without = if gave_up_gpsis { ", without their GPSI" } else { "" };
            let what_to_do = match why.why() {
                Refusal::StoreFull | Refusal::AuditFull => "make room",
                Refusal::PeerUnreachable | Refusal::Stopping => "once the node runs again, or none does,",
                _ => "remove the cause",
            };
            Err(anyhow::Error::new(why).context(format!(
                "at least {done} of {count} subscribers are in{without}: {what_to_do} and run the command again with --replace"
            )))
        }
    }
}

/// So many of them.
fn subscribers(count: usize) -> String {
    format!("{count} subscriber{}", if count == 1 { "" } else { "s" })
}

fn refused(name: &str, error: &ImportError) -> anyhow::Error {
    let exists = error.errors.iter().any(|error| error.reason.contains("exists already"));
    let advice = if exists {
        "\n--replace replaces those that exist already"
    } else {
        ""
    };
    exit::refused(
        Refusal::Malformed,
        format!("{name} is refused, nothing was written:\n{error}{advice}"),
    )
}

/// How many are right, and where they are now.
fn told(count: usize, written: Option<(&Path, usize, usize)>) -> serde_json::Value {
    json!({
        "subscribers": count,
        "written": written.is_some(),
        "added": written.map(|(_, added, _)| added),
        "replaced": written.map(|(.., replaced)| replaced),
        "data": written.map(|(folder, ..)| folder.display().to_string()),
    })
}

fn read(console: &Console, path: &Path) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if path == Path::new("-") {
        io::stdin().lock().read_to_string(&mut text).context("standard input")?;
        return Ok(text);
    }
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        console.note(format!(
            "note: {} holds K in clear and others may read it (mode {:04o}): chmod 600, and delete it after the import",
            path.display(),
            metadata.mode() & 0o777,
        ));
    }
    file.read_to_string(&mut text)
        .with_context(|| format!("{} is not UTF-8 text", path.display()))?;
    Ok(text)
}

/// What is wrong with the file itself and in this store, at once.
fn all_right(wrong: Option<&ImportError>, in_store: Option<ImportError>) -> Result<(), ImportError> {
    match (wrong.cloned(), in_store) {
        (None, None) => Ok(()),
        (Some(wrong), None) | (None, Some(wrong)) => Err(wrong),
        (Some(wrong), Some(in_store)) => Err(wrong.and(in_store).first(ImportError::SHOWN)),
    }
}

/// What can be said where there is no store yet.
fn without_store(entries: &[Entry]) -> Option<ImportError> {
    let mut sealed = entries
        .iter()
        .filter(|entry| matches!(entry.secrets, Secrets::Sealed(_)));
    let first = sealed.next()?;
    let reason = match sealed.count() {
        0 => String::new(),
        more => format!(", here and of {more} more subscribers"),
    };
    Some(ImportError {
        errors: vec![LineError {
            line: first.line,
            reason: format!(
                "sealed does not open{reason}: there is no data folder yet, and a new one would have another master key"
            ),
        }],
        more: 0,
    })
}
