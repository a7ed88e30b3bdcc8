//! Subscriber files: CSV, TOML and lines of JSON (a project profile; no specification has such a file).
//!
//! | Field | What | |
//! |---|---|---|
//! | `supi` or `imsi` | `imsi-001010000000001`, or the bare digits under `imsi` | needed |
//! | `algorithm` | `milenage`, `tuak`, `xor`, `comp128v1`, `comp128v2`, `comp128v3` | `milenage` |
//! | `k` | K, 32 hexadecimal digits; 32 or 64 for TUAK | needed |
//! | `opc` or `op` | OPc, or OP: 32 hexadecimal digits each | one of them, for MILENAGE |
//! | `topc` or `top` | TOPc, or TOP: 64 hexadecimal digits each | one of them, for TUAK |
//! | `tuak_iterations` | how often TUAK applies its permutation | 1 |
//! | `res_octets` | the length of RES: TUAK 4, 8 or 16, XOR 4 to 16 | 8, 16 |
//! | `amf` | AMF, 4 hexadecimal digits | 8000 |
//! | `sqn_scheme` | `TIME_BASED`, `GENERAL`, `NON_TIME_BASED` | as configured |
//! | `methods` | `5g-aka`, `eap-aka-prime`, … with blanks or commas between them, preferred first: see [`crate::subscription`] | `5g-aka`; none for a GSM-only card |
//! | `gpsi` | `msisdn-…` or `extid-…`; no two subscribers have the same | none |
//! | `routing_indicator` | 1 to 4 digits | none |
//! | `akma` | `yes` or `no` | no |
//! | `best` | `yes`, `no` or `separated-umts` | no |
//! | `eps_profile` | the name of the EPS subscription data | none |
//! | `suspended` | `yes` or `no` | no |
//! | `sqn` | the highest SQN that the card may have seen, 12 hexadecimal digits | none yet |
//! | `sealed` | in place of algorithm and secrets: as exported, readable with the same master key only | |
//!
//! OP and OPc have the same length and are not told apart by looking, so a column must say which it holds: one that does
//! not is refused with words that explain.

mod csv;
pub(crate) mod csv_records;
mod toml_file;

pub use csv_records::field as csv_field;

use std::collections::HashMap;
use std::fmt;

use kaskade_aka::sqn::SqnScheme;
use kaskade_crypto::{Amf, Sqn};
use kaskade_keys::{Gpsi, Supi};
use kaskade_store::{AuthMethods, SubscriberSecrets, Subscription};

use crate::administration::batches;
use crate::card::{AlgorithmName, Card, FieldNames};
use crate::{hex_field, subscription};

/// One subscriber of a file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands, counted from 1.
    pub line: usize,
    /// SUPI.
    pub supi: Supi,
    /// K, operator variant and algorithm.
    pub secrets: Secrets,
    /// AMF of its vectors.
    pub amf: Amf,
    /// How its SQN is generated, if the file says.
    pub sqn_scheme: Option<SqnScheme>,
    /// The highest SQN that the card may have seen, if the file says.
    pub sqn: Option<Sqn>,
    /// Its methods, if the file says.
    pub methods: Option<AuthMethods>,
    /// Its services.
    pub subscription: Subscription,
}

/// The secrets of one subscriber.
#[derive(Clone, Debug)]
pub enum Secrets {
    /// As the card's maker delivers them.
    Clear(SubscriberSecrets),
    /// As this program exports them: sealed under the master key, bound to the SUPI.
    Sealed(Vec<u8>),
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma, semicolon or tab between the fields, names in the first line, quotation marks as in RFC 4180.
    Csv,
    /// A `[[subscriber]]` table for each.
    Toml,
    /// A JSON object on each line, as a node takes it.
    Ndjson,
}

impl Format {
    /// By the end of a file name; `None` when it says nothing.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, end) = name.rsplit_once('.')?;
        match end.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "toml" => Some(Self::Toml),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// What is wrong in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what to do; shows no secret.
    pub reason: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Why a file was refused as a whole: the first of its errors, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct ImportError {
    /// The first errors, in the order of the file.
    pub errors: Vec<LineError>,
    /// How many more there are.
    pub more: usize,
}

impl ImportError {
    /// So many errors are told of one file.
    pub const SHOWN: usize = 20;

    pub(super) fn at(line: usize, reason: impl fmt::Display) -> Self {
        let reason = reason.to_string();
        Self {
            errors: vec![LineError { line, reason }],
            more: 0,
        }
    }

    /// These, and others of the same file: in the order of its lines.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.errors.extend(others.errors);
        self.errors.sort_by_key(|error| error.line);
        self.more += others.more;
        self
    }

    /// The first of them, and how many more there are.
    #[must_use]
    pub fn first(mut self, most: usize) -> Self {
        self.more += self.errors.len().saturating_sub(most);
        self.errors.truncate(most);
        self
    }

    fn text(&self) -> String {
        let mut lines: Vec<String> = self.errors.iter().map(LineError::to_string).collect();
        if self.more > 0 {
            lines.push(format!("and {} more errors", self.more));
        }
        lines.join("\n")
    }
}

/// Reads a file. All of it is right, or nothing is given back.
///
/// # Errors
/// [`ImportError`] with the lines that are wrong, the duplicates within the file among them.
pub fn parse(text: &str, format: Format) -> Result<Vec<Entry>, ImportError> {
    match read(text, format)? {
        (entries, None) => Ok(entries),
        (_, Some(errors)) => Err(errors),
    }
}

/// Reads a file, and gives also what is right of one that is not: a caller that has more to check can name all errors at once.
///
/// # Errors
/// [`ImportError`] when nothing of it can be read.
pub fn read(text: &str, format: Format) -> Result<(Vec<Entry>, Option<ImportError>), ImportError> {
    read_telling(text, format, ImportError::SHOWN)
}

/// [`read`], with so many errors.
pub(crate) fn read_telling(
    text: &str,
    format: Format,
    most: usize,
) -> Result<(Vec<Entry>, Option<ImportError>), ImportError> {
    let mut reading = Reading::of(text, most);
    match format {
        Format::Csv => csv::read(text, &mut reading)?,
        Format::Toml => toml_file::read(text, &mut reading)?,
        Format::Ndjson => return Ok(batches::read_lines(text, 1, most)),
    }
    Ok(reading.finish())
}

/// A TOML file as CSV: a record for each table, in their order, below the names of all columns. Nothing where it cannot be read.
pub fn toml_as_csv(text: &str) -> zeroize::Zeroizing<String> {
    toml_file::as_csv(text)
}

/// How the errors of those begin that lack K.
const K_MISSING: &str = "k is missing";

/// No subscriber is written in fewer octets.
const LEAST: usize = 40;

/// What was read so far.
#[derive(Default)]
pub(crate) struct Reading {
    /// So many errors are told.
    most: usize,
    entries: Vec<Entry>,
    lines: HashMap<Supi, usize>,
    gpsis: HashMap<Gpsi, usize>,
    errors: Vec<LineError>,
    more: usize,
    /// Whether any subscriber has K or sealed secrets.
    has_secrets: bool,
    /// Whether the file has a column for them.
    names_k: bool,
    /// The first line that lacks K, and how many more there are.
    without_k: Option<(usize, usize)>,
}

impl Reading {
    /// Nothing yet of this text.
    fn of(text: &str, most: usize) -> Self {
        Self {
            most,
            // With room for all of them: a list that grows leaves copies of K behind.
            entries: Vec::with_capacity(text.lines().count().min(text.len() / LEAST + 1)),
            ..Self::default()
        }
    }

    /// The same of lines that are no records of CSV.
    pub(crate) fn of_lines(text: &str, most: usize) -> Self {
        Self {
            // What each lacks is said of each.
            has_secrets: true,
            ..Self::of(text, most)
        }
    }

    fn take(&mut self, line: usize, fields: &Fields<'_>) {
        self.has_secrets |= fields.k.is_some() || fields.sealed.is_some();
        self.take_entry(line, fields.entry(line));
    }

    /// Takes one, unless there is such a subscriber already.
    pub(crate) fn take_entry(&mut self, line: usize, entry: Result<Entry, String>) {
        let entry = entry
            .and_then(|entry| match self.lines.insert(entry.supi.clone(), line) {
                None => Ok(entry),
                Some(first) => Err(format!("{} stands in line {first} already", entry.supi.masked())),
            })
            .and_then(|entry| {
                let gpsi = entry.subscription.gpsi.clone();
                match gpsi.and_then(|gpsi| self.gpsis.insert(gpsi.clone(), line).map(|first| (gpsi, first))) {
                    None => Ok(entry),
                    Some((gpsi, first)) => Err(format!(
                        "gpsi: {} stands in line {first} already, and no two subscribers have the same",
                        gpsi.masked()
                    )),
                }
            });
        match entry {
            Ok(entry) => self.entries.push(entry),
            Err(reason) => {
                if reason.starts_with(K_MISSING) {
                    let (first, more) = self.without_k.map_or((line, 0), |(first, more)| (first, more + 1));
                    self.without_k = Some((first, more));
                }
                self.refuse(line, reason);
            }
        }
    }

    fn refuse(&mut self, line: usize, reason: String) {
        if self.errors.len() < self.most {
            self.errors.push(LineError { line, reason });
        } else {
            self.more += 1;
        }
    }

    /// Those that are right, and what is wrong with the others.
    pub(crate) fn finish(self) -> (Vec<Entry>, Option<ImportError>) {
        let Self {
            most,
            entries,
            errors,
            more,
            ..
        } = self;
        let mut found = ImportError { errors, more };
        let nobody_has = |&(_, others): &(usize, usize)| !self.has_secrets && (others > 0 || !self.names_k);
        if let Some((line, others)) = self.without_k.filter(nobody_has) {
            // Nobody has any: that is one mistake.
            let all = found.errors.len() + found.more;
            found.errors.retain(|error| !error.reason.starts_with(K_MISSING));
            found.more = all.saturating_sub(others + 1 + found.errors.len());
            let reason = match others {
                0 => String::new(),
                _ => format!(", here and of {others} more subscribers"),
            };
            found = found.and(ImportError::at(
                line,
                format!(
                    "{K_MISSING}{reason}: a file that `kaskade subscriber export` wrote can be read back only if it was made \
                     with --with-secrets"
                ),
            ));
            found = found.first(most);
        }
        (entries, (!found.errors.is_empty()).then_some(found))
    }
}

/// The fields of one subscriber as text; an empty one counts as absent.
#[derive(Clone, Copy, Default)]
#[allow(missing_docs, reason = "the table above says what each is")]
pub struct Fields<'t> {
    pub supi: Option<&'t str>,
    pub imsi: Option<&'t str>,
    pub k: Option<&'t str>,
    pub op: Option<&'t str>,
    pub opc: Option<&'t str>,
    pub top: Option<&'t str>,
    pub topc: Option<&'t str>,
    pub algorithm: Option<&'t str>,
    pub res_octets: Option<&'t str>,
    pub tuak_iterations: Option<&'t str>,
    pub amf: Option<&'t str>,
    pub sqn_scheme: Option<&'t str>,
    pub sqn: Option<&'t str>,
    pub sealed: Option<&'t str>,
    pub methods: Option<&'t str>,
    pub gpsi: Option<&'t str>,
    pub routing_indicator: Option<&'t str>,
    pub akma: Option<&'t str>,
    pub best: Option<&'t str>,
    pub eps_profile: Option<&'t str>,
    pub suspended: Option<&'t str>,
}

impl Fields<'_> {
    /// The entry that they say.
    ///
    /// # Errors
    /// What is wrong, and no secret.
    pub fn entry(&self, line: usize) -> Result<Entry, String> {
        let supi = match (self.supi, self.imsi) {
            (Some(supi), None) => supi.parse().map_err(text)?,
            (None, Some(imsi)) => Supi::Imsi(imsi.parse().map_err(text)?),
            (Some(_), Some(_)) => return Err("both supi and imsi are given: one is enough".into()),
            (None, None) => return Err("supi is missing, such as imsi-001010000000001".into()),
        };
        let secrets = self.secrets()?;
        let methods = self.methods.map(subscription::methods).transpose();
        let methods = methods.map_err(|error| format!("methods: {error}"))?;
        if let Secrets::Clear(secrets) = &secrets {
            subscription::methods_of_card(methods, &secrets.algorithm())
                .map_err(|error| format!("methods: {error}"))?;
        }
        Ok(Entry {
            line,
            supi,
            secrets,
            methods,
            subscription: self.subscription()?,
            amf: match self.amf {
                Some(amf) => Amf::from_octets(*hex_field::octets("amf", amf).map_err(text)?),
                None => Amf::SEPARATION,
            },
            sqn_scheme: self.sqn_scheme.map(str::parse).transpose().map_err(text)?,
            sqn: match self.sqn {
                Some(sqn) => Some(Sqn::from_octets(*hex_field::octets("sqn", sqn).map_err(text)?)),
                None => None,
            },
        })
    }

    fn subscription(&self) -> Result<Subscription, String> {
        fn read<T, E: fmt::Display>(
            name: &str,
            value: Option<&str>,
            read: impl Fn(&str) -> Result<T, E>,
        ) -> Result<Option<T>, String> {
            let value = value.map(|value| read(value.trim())).transpose();
            value.map_err(|error| format!("{name}: {error}"))
        }
        Ok(Subscription {
            gpsi: read("gpsi", self.gpsi, str::parse)?,
            routing_indicator: read("routing_indicator", self.routing_indicator, str::parse)?,
            akma_allowed: read("akma", self.akma, subscription::yes_or_no)?.unwrap_or(false),
            best: read("best", self.best, subscription::best)?.flatten(),
            eps: read("eps_profile", self.eps_profile, subscription::eps_profile)?,
            suspended: read("suspended", self.suspended, subscription::yes_or_no)?.unwrap_or(false),
        })
    }

    fn secrets(&self) -> Result<Secrets, String> {
        if let Some(sealed) = self.sealed {
            let beside = [self.k, self.op, self.opc, self.top, self.topc];
            if beside.iter().any(Option::is_some) {
                return Err("sealed stands beside k, opc, op, topc or top: it holds them already".into());
            }
            let beside = [self.algorithm, self.res_octets, self.tuak_iterations];
            if beside.iter().any(Option::is_some) {
                return Err(
                    "sealed stands beside algorithm, res_octets or tuak_iterations: it holds them already".into(),
                );
            }
            let octets = hex_field::octets_between("sealed", sealed, 1, 1024).map_err(text)?;
            return Ok(Secrets::Sealed(octets.to_vec()));
        }
        let card = Card {
            algorithm: match self.algorithm {
                Some(name) => name.parse().map_err(text)?,
                None => AlgorithmName::default(),
            },
            k: self.k,
            op: self.op,
            opc: self.opc,
            top: self.top,
            topc: self.topc,
            res_octets: small_number(NAMES.res_octets, self.res_octets)?,
            tuak_iterations: small_number(NAMES.tuak_iterations, self.tuak_iterations)?,
        };
        card.secrets(&NAMES).map(Secrets::Clear).map_err(text)
    }
}

const NAMES: FieldNames = FieldNames {
    k: "k",
    op: "op",
    opc: "opc",
    top: "top",
    topc: "topc",
    res_octets: "res_octets",
    tuak_iterations: "tuak_iterations",
};

fn small_number(field: &str, text: Option<&str>) -> Result<Option<u8>, String> {
    text.map(|text| {
        text.trim()
            .parse()
            .map_err(|_| format!("{field}: not a number from 0 to 255"))
    })
    .transpose()
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

/// Names that leave open whether the value is OP or OPc.
const UNTYPED: [&str; 12] = [
    "op_opc",
    "opc_op",
    "op_or_opc",
    "opc_or_op",
    "op/opc",
    "opc/op",
    "opx",
    "operator",
    "operator_code",
    "op_type",
    "use_opc",
    "is_opc",
];

fn untyped(name: &str) -> String {
    format!(
        "`{name}` does not say whether the value is OP or OPc, which look alike but are not interchangeable: name it `opc` \
         (differs from card to card) or `op` (the same on all cards of the operator)"
    )
}
