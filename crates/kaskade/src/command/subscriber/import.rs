//! `kaskade subscriber import`: a file in which all is right, in commits of some thousand, or nothing of it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use kaskade::import::{self, Entry, Format, ImportError, LineError, Secrets};
use kaskade::subscription::methods_of_card;
use kaskade_aka::sqn::SqnScheme;
use kaskade_flow::event::{Action as Audited, Outcome, Reason};
use kaskade_keys::{Gpsi, Supi};
use kaskade_net::random::random_octets;
use kaskade_store::{AuthMethods, Partly, StoreError, Subscriber, SubscriberSecrets, SubscriberStore};
use zeroize::Zeroizing;

use super::sealed_secrets::SealedSecrets;
use super::{open_or_create, sqn_record};
use crate::console::{Console, Style, progress};
use crate::data_dir::{DataArgs, DataDir};
use crate::exit::Done;
use crate::record::{LogOf, Much, change, note, open_audit_of, told};
use crate::runtime::store::open_store;

/// Takes in a file of subscribers, CSV or TOML: all of it, or nothing if a line is wrong
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
    /// the SQN of the same card never goes back. What the file leaves out is as for a new subscriber
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    data: DataArgs,
}

/// So many have room in a small segment of the audit log.
const FEW: usize = 4096;

/// Subscribers per call of the store, between two steps of the progress bar.
const CHUNK: usize = 8192;

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
    let (entries, wrong) = import::read(&text, format).map_err(|error| refused(&name, &error))?;
    drop(text);
    let config = args.data.config()?;
    let count = entries.len();
    let is_new = DataDir::is_unused(&config.data_dir)?;
    if is_new {
        // What is refused leaves no folder.
        all_right(wrong.as_ref(), without_store(&entries)).map_err(|error| refused(&name, &error))?;
    }
    if args.dry_run && is_new {
        let good = console.paint(Style::Good, "in order");
        console.line(format!(
            "{name}: {good}, {count} subscribers; there is no data folder yet to compare with"
        ))?;
        return Ok(());
    }
    let data = open_or_create(console, &config.data_dir)?;
    let store = open_store(&data, &config)?;
    let sealed = SealedSecrets::new(data.master());
    let in_store = check(&store, &sealed, &entries, args.replace);
    all_right(wrong.as_ref(), in_store).map_err(|error| refused(&name, &error))?;
    if args.dry_run {
        console.line(format!(
            "{name}: {}, {count} subscribers; nothing was written",
            console.paint(Style::Good, "in order")
        ))?;
        return Ok(());
    }
    let much = if count > FEW { Much::Yes } else { Much::No };
    let audit = open_audit_of(&store, &data, &config, much)?;
    write((&store, &audit), &sealed, &entries, config.sqn.scheme.0)?;
    console.done(format!("{count} subscribers are in {}", data.path().display()))
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

/// What is wrong with the file itself and in this store, at once.
fn all_right(wrong: Option<&ImportError>, in_store: Result<(), ImportError>) -> Result<(), ImportError> {
    match (wrong.cloned(), in_store) {
        (None, in_store) => in_store,
        (Some(wrong), Ok(())) => Err(wrong),
        (Some(wrong), Err(in_store)) => Err(wrong.and(in_store)),
    }
}

/// What can be said where there is no store yet.
fn without_store(entries: &[Entry]) -> Result<(), ImportError> {
    let mut sealed = entries
        .iter()
        .filter(|entry| matches!(entry.secrets, Secrets::Sealed(_)));
    let Some(first) = sealed.next() else { return Ok(()) };
    let reason = match sealed.count() {
        0 => String::new(),
        more => format!(", here and of {more} more subscribers"),
    };
    Err(ImportError {
        errors: vec![LineError {
            line: first.line,
            reason: format!(
                "sealed does not open{reason}: there is no data folder yet, and a new one would have another master key"
            ),
        }],
        more: 0,
    })
}

/// What only the store can say: duplicates, and whether sealed secrets open.
fn check(store: &SubscriberStore, sealed: &SealedSecrets, entries: &[Entry], replace: bool) -> Result<(), ImportError> {
    const SHOWN: usize = 20;
    let mut errors = Vec::new();
    let mut more = 0;
    let comes: HashSet<&Supi> = match entries.iter().any(|entry| entry.subscription.gpsi.is_some()) {
        true => entries.iter().map(|entry| &entry.supi).collect(),
        false => HashSet::new(),
    };
    for entry in entries {
        let reason = match store.contains(&entry.supi) {
            Err(error) => Some(error.to_string()),
            Ok(true) if !replace => Some(format!("{} exists already: --replace replaces it", entry.supi.masked())),
            Ok(_) => match &entry.secrets {
                Secrets::Sealed(octets) => {
                    let opened = sealed.open(&entry.supi, octets);
                    opened
                        .and_then(|secrets| methods(entry, &secrets))
                        .err()
                        .map(|error| format!("{error:#}"))
                }
                Secrets::Clear(_) => None,
            },
        };
        let reason = reason.or_else(|| match owner(store, entry) {
            Err(error) => Some(error.to_string()),
            // Whoever is in the file gets what the file says.
            Ok(Some((gpsi, owner))) if !comes.contains(&owner) => Some(format!(
                "gpsi: {} belongs to {}, which is not in the file (`kaskade subscriber show` with this GPSI shows which that \
                 is), and no two subscribers have the same",
                gpsi.masked(),
                owner.masked()
            )),
            Ok(_) => None,
        });
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

/// The other subscriber that has the GPSI of this one.
fn owner<'e>(store: &SubscriberStore, entry: &'e Entry) -> Result<Option<(&'e Gpsi, Supi)>, StoreError> {
    let Some(gpsi) = &entry.subscription.gpsi else {
        return Ok(None);
    };
    let owner = store.supi_of(gpsi)?.filter(|owner| *owner != entry.supi);
    Ok(owner.map(|owner| (gpsi, owner)))
}

fn methods(entry: &Entry, secrets: &SubscriberSecrets) -> Result<AuthMethods> {
    methods_of_card(entry.methods, &secrets.algorithm()).context("methods")
}

fn write(
    (store, audit): (&SubscriberStore, &LogOf<'_>),
    sealed: &SealedSecrets,
    entries: &[Entry],
    scheme: SqnScheme,
) -> Result<()> {
    // What belongs to this import has its number.
    let import = u64::from_be_bytes(random_octets()?);
    let event = |subscriber: &Subscriber, known| {
        let done = match known {
            true => Audited::SubscriberChanged,
            false => Audited::SubscriberAdded,
        };
        let event = change(audit, done)?.about(audit.subject(&subscriber.supi));
        Some(event.because(Reason::Imported).correlated(import))
    };
    let ended = |done: u64| {
        told(audit)?;
        is_in(note(audit, Outcome::Noted, Audited::SubscribersImported, |event| {
            event.times(u32::try_from(done).unwrap_or(u32::MAX)).correlated(import)
        }))
    };
    let all = entries.len();
    let bar = progress(all);
    let stopped = |done: u64, without: &str, error: anyhow::Error| {
        bar.abandon();
        // Each that is in has its entry in the store, whether the log can take it now or not.
        let _ = ended(done);
        error.context(format!(
            "at least {done} of {all} subscribers are in{without}: make room or remove another cause, and run the command again with \
             --replace"
        ))
    };
    let mut done = 0;
    // Those whose GPSI another one of the file gets give it up first: the two may be in different commits.
    let mut giving = HashSet::new();
    for entry in entries {
        giving.extend(owner(store, entry)?.map(|(_, owner)| owner));
    }
    let mut without = Vec::new();
    for entry in entries.iter().filter(|entry| giving.contains(&entry.supi)) {
        let mut subscriber = subscriber(sealed, entry, scheme)?;
        subscriber.subscription.gpsi = None;
        without.push(subscriber);
    }
    if let Err(Partly { done, error }) = store.put_many_on_record(&without, &event) {
        return Err(stopped(done, ", without their GPSI", error.into()));
    }
    for chunk in entries.chunks(CHUNK) {
        let subscribers = chunk
            .iter()
            .map(|entry| subscriber(sealed, entry, scheme))
            .collect::<Result<Vec<_>>>()
            .map_err(|error| stopped(done, "", error))?;
        match store.put_many_on_record(&subscribers, &event) {
            Ok(put) => done += put,
            Err(Partly { done: put, error }) => return Err(stopped(done + put, "", error.into())),
        }
        bar.set_position(done);
    }
    bar.finish_and_clear();
    ended(done)
}

/// All subscribers are in, each with its entry, whatever became of the entry that ends the import.
fn is_in(noted: Result<()>) -> Result<()> {
    noted
        .context("all but subscribers-imported, which ends the import, and is lost")
        .context(Done)
}

fn subscriber(sealed: &SealedSecrets, entry: &Entry, scheme: SqnScheme) -> Result<Subscriber> {
    let secrets = match &entry.secrets {
        Secrets::Clear(secrets) => secrets.clone(),
        Secrets::Sealed(octets) => sealed.open(&entry.supi, octets)?,
    };
    Ok(Subscriber {
        supi: entry.supi.clone(),
        methods: methods(entry, &secrets)?,
        subscription: entry.subscription.clone(),
        secrets,
        amf: entry.amf,
        sqn: sqn_record(entry.sqn_scheme.unwrap_or(scheme), entry.sqn),
    })
}

#[cfg(test)]
mod tests {
    use kaskade_store::audit::AuditFull;

    use super::*;
    use crate::exit::{advised, status};

    #[test]
    fn an_import_that_is_done_is_not_to_be_run_again() {
        let full = || Err(AuditFull::NoRoom).context("not on record in the audit log");
        let error = is_in(full()).unwrap_err();
        assert_eq!(status(&error), 73);
        let said = format!("{:#}", advised(error));
        assert!(!said.contains("again") && said.starts_with("done"), "{said}");
        assert!(format!("{:#}", advised(full().unwrap_err())).contains("run the command again"));
        is_in(Ok(())).unwrap();
    }
}
