//! `kaskade subscriber import`: a whole file, or nothing of it.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use kaskade::import::{self, Entry, Format, ImportError, LineError, Secrets};
use kaskade_aka::sqn::SqnScheme;
use kaskade_flow::event::{Action as Audited, Outcome};
use kaskade_store::{Subscriber, SubscriberStore, Subscription};
use zeroize::Zeroizing;

use super::sealed_secrets::SealedSecrets;
use super::{methods, open_or_create, sqn_record};
use crate::console::{Console, Style};
use crate::data_dir::{DataArgs, DataDir};
use crate::service::{note, open_audit, open_store};

/// Takes in a file of subscribers, CSV or TOML: all of it, or nothing if a line is wrong
#[derive(clap::Args, Debug)]
#[command(
    after_help = "CSV: the first line names the columns, separated by comma, semicolon or tab.
  supi          imsi-001010000000001   (or `imsi` with the bare digits)
  k             32 hexadecimal digits
  opc or op     32 hexadecimal digits; OPc differs from card to card, OP is the same on all
  algorithm     milenage if left out; tuak, xor (test networks only), comp128v1, comp128v2, comp128v3 (2G only)
  topc or top   with tuak, instead of opc or op: 64 hexadecimal digits; k then has 32 or 64
  tuak_iterations, res_octets   1 and 8 if left out; xor has a RES of 16 octets if left out
  amf           4 hexadecimal digits, 8000 if left out
  sqn_scheme    TIME_BASED, GENERAL or NON_TIME_BASED, as configured if left out
  sqn           highest SQN that the card may have seen, 12 hexadecimal digits
  sealed        instead of k, opc and the like: as `kaskade subscriber export --with-secrets` writes it

  imsi,k,opc
  001010000000001,465b5ce8b199b49faa5f0a2ee238a6bc,e8ed289deba952e4283b54e88e6183ca

TOML: a [[subscriber]] table for each, with the same names.

  [[subscriber]]
  supi = \"imsi-001010000000001\"
  k = \"465b5ce8b199b49faa5f0a2ee238a6bc\"
  opc = \"e8ed289deba952e4283b54e88e6183ca\"

Every line is checked before anything is written. Delete the file afterwards: it holds K in clear."
)]
pub(super) struct Args {
    /// The file; `-` reads standard input
    file: PathBuf,
    /// csv or toml; by default as the file's name ends
    #[arg(long, value_parser = format)]
    format: Option<Format>,
    /// Check the file against the store, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace subscribers that exist already. Another K, operator code or algorithm is another card and begins at its `sqn`;
    /// the SQN of the same card never goes back
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// Subscribers per call of the store, between two steps of the progress bar.
const CHUNK: usize = 8192;
/// From here on an import takes long enough for a progress bar.
const LONG: usize = 20_000;

pub(super) fn format(text: &str) -> Result<Format, String> {
    match text {
        "csv" => Ok(Format::Csv),
        "toml" => Ok(Format::Toml),
        _ => Err("expected csv or toml".into()),
    }
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let name = args.file.display().to_string();
    let format = args
        .format
        .or_else(|| Format::of_name(&name))
        .ok_or_else(|| anyhow!("{name}: the name does not tell the format: add --format csv or --format toml"))?;
    let text = read(console, &args.file)?;
    let entries = import::parse(&text, format).map_err(|error| refused(&name, &error))?;
    drop(text);
    let config = args.data.config()?;
    let count = entries.len();
    if args.dry_run && DataDir::is_unused(&config.data_dir)? {
        // Nothing is written, so no folder either.
        let good = console.paint(Style::Good, "in order");
        console.line(format!(
            "{name}: {good}, {count} subscribers; there is no data folder yet to compare with"
        ))?;
        return Ok(());
    }
    let data = open_or_create(console, &config.data_dir)?;
    let store = open_store(&data, &config)?;
    let sealed = SealedSecrets::new(data.master());
    check(&store, &sealed, &entries, args.replace).map_err(|error| refused(&name, &error))?;
    if args.dry_run {
        console.line(format!(
            "{name}: {}, {count} subscribers; nothing was written",
            console.paint(Style::Good, "in order")
        ))?;
        return Ok(());
    }
    let audit = open_audit(&data, &config)?;
    write(&store, &sealed, &entries, config.sqn.scheme.0)?;
    let times = u32::try_from(count).unwrap_or(u32::MAX);
    note(&audit, Outcome::Changed, Audited::SubscribersImported, |event| {
        event.times(times)
    })?;
    console.line(format!("{count} subscribers are in {}", data.path().display()))?;
    Ok(())
}

fn refused(name: &str, error: &ImportError) -> anyhow::Error {
    anyhow!("{name} is refused, nothing was written:\n{error}")
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

/// What only the store can say: duplicates, and whether sealed secrets open.
fn check(store: &SubscriberStore, sealed: &SealedSecrets, entries: &[Entry], replace: bool) -> Result<(), ImportError> {
    const SHOWN: usize = 20;
    let mut errors = Vec::new();
    let mut more = 0;
    for entry in entries {
        let reason = match store.contains(&entry.supi) {
            Err(error) => Some(error.to_string()),
            Ok(true) if !replace => Some(format!("{} exists already: --replace replaces it", entry.supi.masked())),
            Ok(_) => match &entry.secrets {
                Secrets::Sealed(octets) => sealed.open(&entry.supi, octets).err().map(|error| format!("{error:#}")),
                Secrets::Clear(_) => None,
            },
        };
        match reason {
            Some(reason) if errors.len() < SHOWN => errors.push(LineError {
                line: entry.line,
                reason,
            }),
            Some(_) => more += 1,
            None => {}
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ImportError { errors, more })
    }
}

fn write(store: &SubscriberStore, sealed: &SealedSecrets, entries: &[Entry], scheme: SqnScheme) -> Result<()> {
    let bar = progress(entries.len());
    let mut done = 0;
    for chunk in entries.chunks(CHUNK) {
        let subscribers = chunk
            .iter()
            .map(|entry| subscriber(sealed, entry, scheme))
            .collect::<Result<Vec<_>>>()?;
        if let Err(error) = store.put_many(&subscribers) {
            bar.abandon();
            bail!(
                "{error}: at least {done} of {} subscribers are in. Remove the cause, and import the same file with --replace",
                entries.len()
            );
        }
        done += chunk.len();
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    }
    bar.finish_and_clear();
    Ok(())
}

/// On a terminal only, and only when it takes long.
pub(crate) fn progress(count: usize) -> ProgressBar {
    if count < LONG || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{bar:40} {human_pos} of {human_len} subscribers, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX)).with_style(style)
}

fn subscriber(sealed: &SealedSecrets, entry: &Entry, scheme: SqnScheme) -> Result<Subscriber> {
    let secrets = match &entry.secrets {
        Secrets::Clear(secrets) => secrets.clone(),
        Secrets::Sealed(octets) => sealed.open(&entry.supi, octets)?,
    };
    Ok(Subscriber {
        supi: entry.supi.clone(),
        methods: methods(&secrets),
        subscription: Subscription::default(),
        secrets,
        amf: entry.amf,
        sqn: sqn_record(entry.sqn_scheme.unwrap_or(scheme), entry.sqn),
    })
}
