//! `kaskade subscriber export`: all subscribers as a file that `import` reads.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use kaskade::hex_field;
use kaskade::import::{Format, csv_field};
use kaskade_faults::fault;
use kaskade_store::private::{self, PrivateError};
use serde_json::{Map, Value, json};

use super::open;
use super::subscription::{self, FIELDS};
use crate::admin::LinkArgs;
use crate::admin::link::Purpose;
use crate::admin::subscriber::SubscriberView;
use crate::console::{Console, Output};

/// Writes all subscribers to a file, CSV, TOML or lines of JSON; secrets only sealed, and only if asked for
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
    /// csv, toml or ndjson; by default as the file's name ends, csv for standard output
    #[arg(long, value_parser = super::import::format)]
    format: Option<Format>,
    /// Add algorithm, K and operator code, sealed under the master key
    #[arg(long)]
    with_secrets: bool,
    /// Print JSON about the file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    link: LinkArgs,
}

pub(super) fn run(console: &Console, args: &Args) -> Result<()> {
    let to_stdout = args.file == Path::new("-");
    if !to_stdout && args.file.symlink_metadata().is_ok() {
        bail!("{}: there is one already, it stays as it is", args.file.display());
    }
    if to_stdout && args.json {
        bail!("--json tells about a file, and `-` is none: give the file a name, or leave --json out");
    }
    let name = args.file.display().to_string();
    let format = args.format.or_else(|| Format::of_name(&name));
    if !to_stdout && format.is_none() {
        bail!("{name}: the name does not tell the format: add --format csv, toml or ndjson");
    }
    let link = open(console, &args.link, Purpose::Change)?;
    if args.with_secrets {
        link.here("nothing with a secret in it leaves that, sealed or not")?;
    }
    let mut target = Target {
        args,
        format: format.unwrap_or(Format::Csv),
        file: None,
        out: None,
        count: 0,
    };
    let written = match args.with_secrets {
        true => link.export_sealed(&mut |subscriber, sealed| target.put(subscriber, Some(sealed.as_slice()))),
        false => link.export(&mut |subscriber| target.put(subscriber, None)),
    };
    let written = written.and_then(|()| target.end());
    match (written, target.file) {
        (Err(error), Some(_)) => Err(not_written(&args.file, error)),
        (Ok(()), Some(_)) if args.json => {
            let object = json!({ "subscribers": target.count, "file": name, "with_secrets": args.with_secrets });
            console.json_done(&object)
        }
        (Ok(()), Some(_)) => console.done(match target.count {
            1 => format!("1 subscriber is in {name}"),
            count => format!("{count} subscribers are in {name}"),
        }),
        (written, None) => written,
    }
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

/// Where they go, made with the first of them: what is refused before leaves no file.
struct Target<'a> {
    args: &'a Args,
    format: Format,
    file: Option<Arc<File>>,
    out: Option<BufWriter<Box<dyn Write>>>,
    count: usize,
}

impl Target<'_> {
    fn put(&mut self, subscriber: &SubscriberView, sealed: Option<&[u8]>) -> Result<()> {
        let format = self.format;
        write_one(self.out()?, subscriber, format, sealed)?;
        self.count += 1;
        Ok(())
    }

    fn out(&mut self) -> Result<&mut dyn Write> {
        let out = match self.out.take() {
            Some(out) => out,
            None => self.begin()?,
        };
        Ok(self.out.insert(out))
    }

    fn begin(&mut self) -> Result<BufWriter<Box<dyn Write>>> {
        let to: Box<dyn Write> = match self.args.file == Path::new("-") {
            true => Box::new(Output::new()),
            false => {
                let file = private::create(&self.args.file).context("cannot create the file")?;
                let file = self.file.insert(Arc::new(file));
                Box::new(Arc::clone(file))
            }
        };
        let mut out = BufWriter::new(to);
        if self.format == Format::Csv {
            let end = if self.args.with_secrets { ",sealed" } else { "" };
            writeln!(out, "supi,amf,sqn_scheme,sqn,{}{end}", FIELDS.join(","))?;
        }
        Ok(out)
    }

    /// All of them are there.
    fn end(&mut self) -> Result<()> {
        self.out()?.flush()?;
        match &self.file {
            Some(file) => Ok(file.sync_all()?),
            None => Ok(()),
        }
    }
}

fn write_one(out: &mut dyn Write, subscriber: &SubscriberView, format: Format, sealed: Option<&[u8]>) -> Result<()> {
    let SubscriberView {
        supi,
        amf,
        sqn_scheme,
        highest_sqn,
        ..
    } = subscriber;
    let secrets = sealed.map(hex_field::text);
    let allowed = subscription::fields(subscriber);
    match format {
        Format::Csv => {
            let (supi, allowed) = (csv_field(supi), allowed.map(|value| csv_field(&value)));
            write!(out, "{supi},{amf},{sqn_scheme},{highest_sqn},{}", allowed.join(","))?;
            if let Some(secrets) = secrets {
                write!(out, ",{}", *secrets)?;
            }
            writeln!(out)?;
        }
        Format::Toml => {
            let quoted = toml::Value::String(supi.clone());
            writeln!(
                out,
                "[[subscriber]]\nsupi = {quoted}\namf = \"{amf}\"\nsqn_scheme = \"{sqn_scheme}\"\nsqn = \"{highest_sqn}\""
            )?;
            for (name, value) in FIELDS.into_iter().zip(allowed).filter(|(_, value)| !value.is_empty()) {
                writeln!(out, "{name} = {}", toml::Value::String(value))?;
            }
            if let Some(secrets) = secrets {
                writeln!(out, "sealed = \"{}\"", *secrets)?;
            }
            writeln!(out)?;
        }
        Format::Ndjson => {
            let mut members = Map::new();
            let mut put = |name: &str, value: Value| drop(members.insert(name.into(), value));
            put("supi", supi.as_str().into());
            put("amf", amf.as_str().into());
            put("sqn_scheme", sqn_scheme.as_str().into());
            put("sqn", highest_sqn.as_str().into());
            for (name, value) in FIELDS.into_iter().zip(allowed).filter(|(_, value)| !value.is_empty()) {
                let value = match name {
                    "methods" => subscriber.methods.clone().into(),
                    "akma" => subscriber.akma.into(),
                    "suspended" => subscriber.suspended.into(),
                    _ => value.into(),
                };
                put(name, value);
            }
            if let Some(secrets) = secrets {
                put("sealed", secrets.as_str().into());
            }
            writeln!(out, "{}", Value::Object(members))?;
        }
    }
    Ok(())
}
