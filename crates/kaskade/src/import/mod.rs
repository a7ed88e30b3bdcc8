//! Subscriber files: CSV and TOML (a project profile; no specification has such a file).
//!
//! | Field | What | |
//! |---|---|---|
//! | `supi` or `imsi` | `imsi-001010000000001`, or the bare digits under `imsi` | needed |
//! | `k` | K, 32 hexadecimal digits | needed |
//! | `opc` or `op` | OPc, or OP: 32 hexadecimal digits each | one of them |
//! | `amf` | AMF, 4 hexadecimal digits | 8000 |
//! | `sqn_scheme` | `TIME_BASED`, `GENERAL`, `NON_TIME_BASED` | as configured |
//! | `sqn` | the highest SQN that the card may have seen, 12 hexadecimal digits | none yet |
//! | `sealed` | in place of `k`, `opc` and `op`: as exported, readable with the same master key only | |
//!
//! OP and OPc have the same length and are not told apart by looking, so a column must say which it holds: one that does
//! not is refused with words that explain.

mod csv;
mod toml_file;

use std::collections::HashMap;
use std::fmt;

use kaskade_aka::sqn::SqnScheme;
use kaskade_crypto::{Amf, K, Op, Opc, Sqn};
use kaskade_keys::Supi;
use kaskade_store::OpOrOpc;

use crate::hex_field;

/// One subscriber of a file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands, counted from 1.
    pub line: usize,
    /// SUPI.
    pub supi: Supi,
    /// K and OP or OPc.
    pub secrets: Secrets,
    /// AMF of its vectors.
    pub amf: Amf,
    /// How its SQN is generated, if the file says.
    pub sqn_scheme: Option<SqnScheme>,
    /// The highest SQN that the card may have seen, if the file says.
    pub sqn: Option<Sqn>,
}

/// The secrets of one subscriber.
#[derive(Clone, Debug)]
pub enum Secrets {
    /// As the card's maker delivers them.
    Clear {
        /// K.
        k: K,
        /// OP or OPc.
        operator: OpOrOpc,
    },
    /// As this program exports them: sealed under the master key, bound to the SUPI.
    Sealed(Vec<u8>),
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma, semicolon or tab between the fields, names in the first line.
    Csv,
    /// A `[[subscriber]]` table for each.
    Toml,
}

impl Format {
    /// By the end of a file name; `None` when it says nothing.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, end) = name.rsplit_once('.')?;
        match end.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => Some(Self::Csv),
            "toml" => Some(Self::Toml),
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
    const SHOWN: usize = 20;

    pub(super) fn at(line: usize, reason: impl fmt::Display) -> Self {
        let reason = reason.to_string();
        Self {
            errors: vec![LineError { line, reason }],
            more: 0,
        }
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
    let mut reading = Reading::default();
    match format {
        Format::Csv => csv::read(text, &mut reading)?,
        Format::Toml => toml_file::read(text, &mut reading)?,
    }
    reading.finish()
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    entries: Vec<Entry>,
    lines: HashMap<Supi, usize>,
    errors: Vec<LineError>,
    more: usize,
}

impl Reading {
    fn take(&mut self, line: usize, fields: &Fields<'_>) {
        let entry = fields
            .entry(line)
            .and_then(|entry| match self.lines.insert(entry.supi.clone(), line) {
                None => Ok(entry),
                Some(first) => Err(format!("{} stands in line {first} already", entry.supi.masked())),
            });
        match entry {
            Ok(entry) => self.entries.push(entry),
            Err(reason) => self.refuse(line, reason),
        }
    }

    fn refuse(&mut self, line: usize, reason: String) {
        if self.errors.len() < ImportError::SHOWN {
            self.errors.push(LineError { line, reason });
        } else {
            self.more += 1;
        }
    }

    fn finish(self) -> Result<Vec<Entry>, ImportError> {
        let Self {
            entries, errors, more, ..
        } = self;
        if errors.is_empty() {
            Ok(entries)
        } else {
            Err(ImportError { errors, more })
        }
    }
}

/// The fields of one subscriber as text; an empty one counts as absent.
#[derive(Clone, Copy, Default)]
struct Fields<'t> {
    supi: Option<&'t str>,
    imsi: Option<&'t str>,
    k: Option<&'t str>,
    op: Option<&'t str>,
    opc: Option<&'t str>,
    amf: Option<&'t str>,
    sqn_scheme: Option<&'t str>,
    sqn: Option<&'t str>,
    sealed: Option<&'t str>,
}

impl Fields<'_> {
    fn entry(&self, line: usize) -> Result<Entry, String> {
        let supi = match (self.supi, self.imsi) {
            (Some(supi), None) => supi.parse().map_err(text)?,
            (None, Some(imsi)) => Supi::Imsi(imsi.parse().map_err(text)?),
            (Some(_), Some(_)) => return Err("both supi and imsi are given: one is enough".into()),
            (None, None) => return Err("supi is missing, such as imsi-001010000000001".into()),
        };
        Ok(Entry {
            line,
            supi,
            secrets: self.secrets()?,
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

    fn secrets(&self) -> Result<Secrets, String> {
        if let Some(sealed) = self.sealed {
            if self.k.is_some() || self.op.is_some() || self.opc.is_some() {
                return Err("sealed stands beside k, op or opc: it holds them already".into());
            }
            let octets = hex_field::octets_between("sealed", sealed, 1, 1024).map_err(text)?;
            return Ok(Secrets::Sealed(octets.to_vec()));
        }
        let k = self.k.ok_or("k is missing, 32 hexadecimal digits")?;
        let k = K::from_octets(&*hex_field::octets("k", k).map_err(text)?);
        let operator = match (self.op, self.opc) {
            (Some(op), None) => OpOrOpc::Op(Op::from_octets(&*hex_field::octets("op", op).map_err(text)?)),
            (None, Some(opc)) => OpOrOpc::Opc(Opc::from_octets(&*hex_field::octets("opc", opc).map_err(text)?)),
            (Some(_), Some(_)) => return Err("both op and opc are given: OPc follows from OP, so give only one".into()),
            (None, None) => return Err("neither op nor opc is given".into()),
        };
        Ok(Secrets::Clear { k, operator })
    }
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
