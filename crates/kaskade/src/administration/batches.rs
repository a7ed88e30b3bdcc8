//! Imports as a stream: lines come in, batches are committed, events go back.

use std::collections::HashMap;

use crate::import::{self, Entry, Format, ImportError, LineError};
use kaskade_keys::Supi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::not_done::ProblemDetails;
use super::text::{Flag, Text};
use super::{NewSubscriber, body};

/// How an import is done.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportQuery {
    /// Whether subscribers that exist are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<Text<Flag>>,
    /// Whether nothing is written: the lines are only checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<Text<Flag>>,
}

/// What is told while an import goes on: a line of JSON each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum ImportEvent {
    /// So many are in, durable and on record.
    Progress {
        /// How many.
        imported: u64,
        /// The line of the last of them.
        line: u64,
    },
    /// A line is wrong: nothing of its batch is in.
    Refused {
        /// Which line.
        line: u64,
        /// What is wrong, and no secret.
        reason: String,
    },
    /// It is over.
    End {
        /// How many are in.
        imported: u64,
        /// How many lines are wrong, as far as they were looked at.
        refused: u64,
        /// The line after the last that was looked at for good: an import of what was not in goes on there. `null` at the end of the
        /// lines.
        next_line: Option<u64>,
        /// Why it broke off, where that is no line's fault.
        problem: Option<ProblemDetails>,
    },
}

/// Octets of one batch, and at most of one line.
const ROOM: usize = 512 * 1024;
/// Subscribers of one batch.
const BATCH: usize = 1024;

/// Cuts octets into batches of whole records.
pub struct Batches {
    format: Kind,
    /// With all the room from the beginning: one that grows would leave copies of secrets behind.
    buffer: Zeroizing<Vec<u8>>,
    /// The line where the buffer begins.
    line: usize,
    heading: Option<String>,
}

/// How the lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The names of the columns first.
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

/// Entries of one batch, and what is wrong with others of it.
pub struct Batch {
    /// Its subscribers.
    pub entries: Vec<Entry>,
    /// What is wrong with other lines of it.
    pub wrong: Option<ImportError>,
    /// The line where it begins.
    pub first_line: usize,
    /// The line behind it.
    pub next_line: usize,
}

/// A line that is longer than any.
#[derive(Debug)]
pub struct TooLong(pub usize);

impl Batches {
    /// None yet.
    pub fn new(format: Kind) -> Self {
        Self {
            format,
            buffer: Zeroizing::new(Vec::with_capacity(ROOM)),
            line: 1,
            heading: None,
        }
    }

    /// Takes as much as there is room for; how much that was.
    pub fn fill(&mut self, octets: &[u8]) -> usize {
        let taken = octets.len().min(ROOM - self.buffer.len());
        self.buffer.extend_from_slice(octets.get(..taken).unwrap_or_default());
        taken
    }

    /// The line where what is not read yet begins.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The next batch: `None` where more octets are wanted first. At the end, `last`, what is left is one.
    pub fn next(&mut self, last: bool) -> Result<Option<Batch>, TooLong> {
        let full = self.buffer.len() == ROOM;
        let (octets, records) = self.whole_records(last);
        if octets == 0 {
            return match full {
                true => Err(TooLong(self.line)),
                false => Ok(None),
            };
        }
        if records < BATCH && !full && !last {
            return Ok(None);
        }
        let mut part: Zeroizing<Vec<u8>> = Zeroizing::new(self.buffer.get(..octets).unwrap_or_default().to_vec());
        let left = self.buffer.len() - octets;
        self.buffer.copy_within(octets.., 0);
        if let Some(old) = self.buffer.get_mut(left..) {
            old.zeroize();
        }
        self.buffer.truncate(left);
        let first_line = self.line;
        self.line += part.iter().filter(|octet| **octet == b'\n').count() + usize::from(!part.ends_with(b"\n"));
        let batch = match std::str::from_utf8(&part) {
            Ok(text) => self.read(text, first_line),
            Err(error) => {
                let before = part.get(..error.valid_up_to()).unwrap_or_default();
                let line = first_line + before.iter().filter(|octet| **octet == b'\n').count();
                let reason = "not UTF-8 text".to_owned();
                let errors = vec![LineError { line, reason }];
                (Vec::new(), Some(ImportError { errors, more: 0 }))
            }
        };
        part.zeroize();
        let (entries, wrong) = batch;
        Ok(Some(Batch {
            entries,
            wrong,
            first_line,
            next_line: self.line,
        }))
    }

    /// Octets and number of the whole records at the beginning of the buffer, at most a batch of them.
    fn whole_records(&self, last: bool) -> (usize, usize) {
        let (mut quoted, mut octets, mut records) = (false, 0, 0);
        for (at, octet) in self.buffer.iter().enumerate() {
            match octet {
                b'"' if self.format == Kind::Csv => quoted = !quoted,
                b'\n' if !quoted => {
                    (octets, records) = (at + 1, records + 1);
                    if records == BATCH {
                        return (octets, records);
                    }
                }
                _ => {}
            }
        }
        match last {
            true => (self.buffer.len(), records + 1),
            false => (octets, records),
        }
    }

    fn read(&mut self, text: &str, first_line: usize) -> (Vec<Entry>, Option<ImportError>) {
        match self.format {
            Kind::Ndjson => ndjson(text, first_line),
            Kind::Csv => self.csv(text, first_line),
        }
    }

    /// A part of a file is read as a file: with the heading before it.
    fn csv(&mut self, text: &str, first_line: usize) -> (Vec<Entry>, Option<ImportError>) {
        let (whole, before) = match &self.heading {
            None => {
                self.heading = heading(text);
                (Zeroizing::new(text.to_owned()), 0)
            }
            Some(heading) => {
                let mut whole = Zeroizing::new(String::with_capacity(heading.len() + text.len()));
                whole.push_str(heading);
                whole.push_str(text);
                (whole, heading.matches('\n').count())
            }
        };
        let at = |line: usize| line + first_line - 1 - before;
        let moved = |mut wrong: ImportError| {
            for error in &mut wrong.errors {
                error.line = at(error.line);
            }
            wrong
        };
        match import::read(&whole, Format::Csv) {
            Ok((mut entries, wrong)) => {
                for entry in &mut entries {
                    entry.line = at(entry.line);
                }
                (entries, wrong.map(moved))
            }
            Err(wrong) => (Vec::new(), Some(moved(wrong))),
        }
    }
}

/// The names of the columns, with their line end; `None` where nothing but empty lines has come.
fn heading(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))?;
    Some(format!("{line}\n"))
}

fn ndjson(text: &str, first_line: usize) -> (Vec<Entry>, Option<ImportError>) {
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    let mut lines: HashMap<Supi, usize> = HashMap::new();
    let mut gpsis = HashMap::new();
    for (line, text) in (first_line..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let entry = body::read::<NewSubscriber>(text.as_bytes()).and_then(|new| new.entry(line));
        let entry = entry.map_err(|error| error.to_string()).and_then(|entry| {
            let gpsi = entry.subscription.gpsi.clone();
            if let Some(first) = gpsi.and_then(|gpsi| gpsis.insert(gpsi, line)) {
                return Err(format!(
                    "gpsi: stands in line {first} already, and no two subscribers have the same"
                ));
            }
            match lines.insert(entry.supi.clone(), line) {
                None => Ok(entry),
                Some(first) => Err(format!("{} stands in line {first} already", entry.supi.masked())),
            }
        });
        match entry {
            Ok(entry) => entries.push(entry),
            Err(reason) => errors.push(LineError { line, reason }),
        }
    }
    let more = errors.len().saturating_sub(20);
    errors.truncate(20);
    let wrong = (!errors.is_empty()).then_some(ImportError { errors, more });
    (entries, wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines, and what is told of each.
    type Told = Vec<(usize, String)>;

    /// Cut anywhere, the batches are those of the whole: entries and errors with their lines.
    fn cut(kind: Kind, text: &str, cuts: &[usize]) -> (Told, Told) {
        let mut batches = Batches::new(kind);
        let (mut entries, mut errors) = (Vec::new(), Vec::new());
        let mut take = |batch: Batch| {
            entries.extend(batch.entries.iter().map(|entry| (entry.line, entry.supi.sbi())));
            errors.extend(
                batch
                    .wrong
                    .into_iter()
                    .flat_map(|wrong| wrong.errors)
                    .map(|wrong| (wrong.line, wrong.reason)),
            );
        };
        let mut rest = text.as_bytes();
        for cut in cuts {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            assert_eq!(batches.fill(piece), piece.len());
            while let Some(batch) = batches.next(false).unwrap() {
                take(batch);
            }
        }
        assert_eq!(batches.fill(rest), rest.len());
        while let Some(batch) = batches.next(true).unwrap() {
            take(batch);
        }
        (entries, errors)
    }

    fn csv(count: usize) -> String {
        let lines = (0..count).map(|number| {
            let k = if number % 700 == 699 {
                "x"
            } else {
                "465b5ce8b199b49faa5f0a2ee238a6bc"
            };
            format!(
                "00101{number:010},{k},\"e8ed289deba952e4283b54e88e6183ca\",\"a{}b\"\n",
                if number % 500 == 0 { "\n" } else { "" }
            )
        });
        std::iter::once("# cards\nimsi,k,opc,eps_profile\n".to_owned())
            .chain(lines)
            .collect()
    }

    #[test]
    fn a_last_line_needs_no_end() {
        let text = csv(3);
        let whole = cut(Kind::Csv, text.trim_end(), &[]);
        assert_eq!(whole, cut(Kind::Csv, &text, &[]));
        assert_eq!(
            (whole.0.len(), whole.1.len()),
            (2, 1),
            "the profile of the first has a line end in it"
        );
        assert_eq!(whole.0[0].0, 5);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn batches_do_not_depend_on_where_octets_are_cut(cuts in proptest::collection::vec(1_usize..40_000, 0..12)) {
            let text = csv(2500);
            let whole = cut(Kind::Csv, &text, &[]);
            prop_assert_eq!(whole.0.len() + whole.1.len(), 2500);
            prop_assert_eq!(cut(Kind::Csv, &text, &cuts), whole);
        }

        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..300), kind in any::<bool>()) {
            let mut batches = Batches::new(if kind { Kind::Csv } else { Kind::Ndjson });
            batches.fill(&octets);
            while let Ok(Some(_)) = batches.next(true) {}
        }
    }
}
