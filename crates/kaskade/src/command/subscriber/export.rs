//! `kaskade subscriber export`: all subscribers as a file that `import` reads.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kaskade::hex_field;
use kaskade::import::{Format, csv_field};
use kaskade_faults::fault;
use kaskade_flow::event::{Action as Audited, Outcome};
use kaskade_store::private::{self, PrivateError};
use kaskade_store::{Subscriber, SubscriberStore};

use super::sealed_secrets::SealedSecrets;
use super::subscription::{self, FIELDS};
use super::{highest_sqn, pages};
use crate::console::{Console, Output};
use crate::data_dir::{DataArgs, DataDir};
use crate::record::{Much, note, open_audit_of};
use crate::runtime::store::open_store;

/// Writes all subscribers to a file, CSV or TOML; secrets only sealed, and only if asked for
#[derive(clap::Args, Debug)]
#[command(
    after_help = "With --with-secrets, algorithm, K and operator code of each subscriber are in the field `sealed`:
encrypted under the master key of this data folder and bound to the SUPI. `kaskade subscriber import` reads the file back
into a store with the same master key, and nobody without that key can read it. K never leaves in
clear. Without --with-secrets the file has the public fields, for reports.

Examples:
  kaskade subscriber export subscribers.csv --with-secrets
  kaskade subscriber export - --format toml"
)]
pub(super) struct Args {
    /// The new file (mode 0600, must not exist); `-` writes to standard output
    file: PathBuf,
    /// csv or toml; by default as the file's name ends, csv for standard output
    #[arg(long, value_parser = super::import::format)]
    format: Option<Format>,
    /// Add algorithm, K and operator code, sealed under the master key
    #[arg(long)]
    with_secrets: bool,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let config = args.data.config()?;
    let data = DataDir::open(&config.data_dir)?;
    let store = open_store(&data, &config)?;
    let to_stdout = args.file == Path::new("-");
    if !to_stdout && args.file.symlink_metadata().is_ok() {
        bail!("{}: there is one already, it stays as it is", args.file.display());
    }
    let name = args.file.display().to_string();
    if !to_stdout && args.format.is_none() && Format::of_name(&name).is_none() {
        bail!("{name}: the name does not tell the format: add --format csv or --format toml");
    }
    // On record before the first of them leaves.
    let all = u32::try_from(store.len()?).unwrap_or(u32::MAX);
    let outcome = if args.with_secrets {
        Outcome::Released
    } else {
        Outcome::Noted
    };
    let audit = open_audit_of(&store, &data, &config, Much::No)?;
    note(&audit, outcome, Audited::SubscribersExported, |event| event.times(all))?;
    let format = args
        .format
        .or_else(|| Format::of_name(&args.file.display().to_string()))
        .unwrap_or(Format::Csv);
    let sealed = args.with_secrets.then(|| SealedSecrets::new(data.master()));
    if to_stdout {
        return write_all(&mut BufWriter::new(Output::new()), &store, format, sealed.as_ref()).map(drop);
    }
    let file = private::create(&args.file).context("cannot create the file")?;
    let written = write_all(&mut BufWriter::new(&file), &store, format, sealed.as_ref())
        .and_then(|count| file.sync_all().map(|()| count).map_err(anyhow::Error::from));
    let count = written.map_err(|error| not_written(&args.file, error))?;
    console.done(format!("{count} subscribers are in {}", args.file.display()))
}

/// Leaves no part of a file, which looks like all of it.
fn not_written(path: &Path, error: anyhow::Error) -> anyhow::Error {
    let error = match error.downcast::<std::io::Error>() {
        Ok(error) => PrivateError::io(path, &error).into(),
        Err(error) => error,
    };
    if fault!("export-left-in-part") {
        return error;
    }
    match std::fs::remove_file(path) {
        Ok(()) => error.context("nothing is exported, and no file is left"),
        Err(_) => error.context(format!("a part is in {}: remove it", path.display())),
    }
}

/// How many subscribers there are.
fn write_all(
    out: &mut dyn Write,
    store: &SubscriberStore,
    format: Format,
    sealed: Option<&SealedSecrets>,
) -> Result<usize> {
    if format == Format::Csv {
        let end = if sealed.is_some() { ",sealed" } else { "" };
        writeln!(out, "supi,amf,sqn_scheme,sqn,{}{end}", FIELDS.join(","))?;
    }
    let mut count = 0;
    pages(store, |page| {
        for subscriber in page {
            write_one(out, subscriber, format, sealed)?;
        }
        count += page.len();
        Ok(())
    })?;
    out.flush()?;
    Ok(count)
}

fn write_one(
    out: &mut dyn Write,
    subscriber: &Subscriber,
    format: Format,
    sealed: Option<&SealedSecrets>,
) -> Result<()> {
    let supi = subscriber.supi.sbi();
    let amf = hex_field::text(subscriber.amf.octets());
    let scheme = subscriber.sqn.scheme().name();
    let sqn = hex_field::text(&highest_sqn(&subscriber.sqn).octets());
    let secrets = match sealed {
        Some(sealed) => Some(hex_field::text(&sealed.seal(&subscriber.supi, &subscriber.secrets)?)),
        None => None,
    };
    let allowed = subscription::fields(subscriber);
    match format {
        Format::Csv => {
            let (supi, allowed) = (csv_field(&supi), allowed.map(|value| csv_field(&value)));
            write!(out, "{supi},{},{scheme},{},{}", *amf, *sqn, allowed.join(","))?;
            if let Some(secrets) = secrets {
                write!(out, ",{}", *secrets)?;
            }
            writeln!(out)?;
        }
        Format::Toml => {
            let quoted = toml::Value::String(supi);
            writeln!(
                out,
                "[[subscriber]]\nsupi = {quoted}\namf = \"{}\"\nsqn_scheme = \"{scheme}\"\nsqn = \"{}\"",
                *amf, *sqn
            )?;
            for (name, value) in FIELDS.into_iter().zip(allowed).filter(|(_, value)| !value.is_empty()) {
                writeln!(out, "{name} = {}", toml::Value::String(value))?;
            }
            if let Some(secrets) = secrets {
                writeln!(out, "sealed = \"{}\"", *secrets)?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}
