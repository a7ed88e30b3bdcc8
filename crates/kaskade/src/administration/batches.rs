//! Imports as a stream: lines come in, batches are committed, events go back.

use std::sync::Arc;

use crate::import::{self, Entry, Format, ImportError, LineError, Reading, csv_records};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::not_done::ProblemDetails;
use super::text::{Flag, Text};
use super::{NewSubscriber, NotDone, body};

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
        /// How many of these were there before, and are replaced.
        replaced: u64,
        /// How many lines are wrong, as far as they were looked at: all of them, of which the first are told.
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
/// Lines of one batch.
const BATCH: usize = 1024;

/// What is longer without an end is looked at again once it has doubled.
const LONG: usize = 4096;

/// Cuts octets into batches of whole records.
pub struct Batches {
    format: Kind,
    /// With all the room from the beginning: one that grows would leave copies of secrets behind.
    buffer: Zeroizing<Vec<u8>>,
    room: usize,
    most: usize,
    /// Octets of the buffer that are whole records, and how many.
    whole: usize,
    records: usize,
    /// With so many octets behind those, or with no more to come, another is looked for.
    enough: usize,
    /// No more are looked for: the next is a batch alone.
    is_apart: bool,
    /// The line where the buffer begins.
    line: usize,
    /// The names of the columns, once they have come.
    heading: Option<Heading>,
    /// Those of an earlier batch.
    before: Option<Heading>,
    /// What had no end is taken, with the names of the columns if they are in it; or it was said that there are none.
    is_closed: bool,
}

/// A line that names columns: where a file has none it is its first record, with K in it.
#[derive(Clone)]
struct Heading {
    line: Arc<Zeroizing<String>>,
    separator: char,
}

/// How the lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The names of the columns first.
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

/// The octets of one batch.
pub struct Part {
    format: Kind,
    octets: Zeroizing<Vec<u8>>,
    /// The names of the columns, which an earlier one had.
    heading: Option<Heading>,
    /// They have not come yet, and will.
    is_before_heading: bool,
    /// The line where it begins.
    pub first_line: usize,
    /// The line behind it.
    pub next_line: usize,
}

/// Entries of one batch, and what is wrong with others of it.
pub struct Batch {
    /// Its subscribers.
    pub entries: Vec<Entry>,
    /// What is wrong with other lines of it.
    pub wrong: Option<ImportError>,
}

/// A line that is longer than any.
#[derive(Debug)]
pub struct TooLong(pub usize);

impl Batches {
    /// None yet.
    pub fn new(format: Kind) -> Self {
        Self::of(format, ROOM, BATCH)
    }

    /// The same with so many octets, and so many lines, in one batch.
    pub fn of(format: Kind, room: usize, most: usize) -> Self {
        Self {
            format,
            buffer: Zeroizing::new(Vec::with_capacity(room + 1)),
            room,
            most,
            whole: 0,
            records: 0,
            enough: 0,
            is_apart: false,
            line: 1,
            heading: None,
            before: None,
            is_closed: false,
        }
    }

    /// Takes as much as there is room for; how much that was.
    pub fn fill(&mut self, octets: &[u8]) -> usize {
        // With an octet more than there is room for, what is not whole is too long, wherever the octets were cut.
        let taken = octets.len().min(self.room + 1 - self.buffer.len());
        self.buffer.extend_from_slice(octets.get(..taken).unwrap_or_default());
        taken
    }

    /// The line where what is not read yet begins.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The next batch: `None` where more octets are wanted first. At the end, `last`, what is left is one.
    ///
    /// # Errors
    /// [`TooLong`] where a line has no end.
    pub fn next(&mut self, last: bool) -> Result<Option<Part>, TooLong> {
        let full = self.buffer.len() > self.room;
        self.find_records(full, last);
        if self.whole == 0 || self.whole > self.room {
            return match full {
                true => Err(TooLong(self.line)),
                false => Ok(self.without_heading(last)),
            };
        }
        if self.records < self.most && !self.is_apart && !full && !last {
            return Ok(None);
        }
        let octets = Zeroizing::new(self.buffer.get(..self.whole).unwrap_or_default().to_vec());
        let left = self.buffer.len() - self.whole;
        self.buffer.copy_within(self.whole.., 0);
        if let Some(old) = self.buffer.get_mut(left..) {
            old.zeroize();
        }
        self.buffer.truncate(left);
        (self.whole, self.records, self.enough, self.is_apart) = (0, 0, 0, false);
        let first_line = self.line;
        self.line += line_ends(&octets) + usize::from(!octets.ends_with(b"\n"));
        Ok(Some(Part {
            format: self.format,
            octets,
            heading: std::mem::replace(&mut self.before, self.heading.clone()),
            is_before_heading: self.heading.is_none() && !self.is_closed,
            first_line,
            next_line: self.line,
        }))
    }

    /// At the end of lines without a heading: a batch of nothing, which is read as such a file.
    fn without_heading(&mut self, last: bool) -> Option<Part> {
        let is_over = last && self.buffer.is_empty() && self.line > 1;
        if self.format != Kind::Csv || !is_over || self.heading.is_some() || self.is_closed {
            return None;
        }
        self.is_closed = true;
        Some(Part {
            format: self.format,
            octets: Zeroizing::default(),
            heading: None,
            is_before_heading: false,
            first_line: 1,
            next_line: self.line,
        })
    }

    /// Goes on to find whole records where it left off.
    fn find_records(&mut self, full: bool, last: bool) {
        while self.records < self.most && !self.is_apart {
            let rest = self.buffer.get(self.whole..).unwrap_or_default();
            if rest.is_empty() || (rest.len() < self.enough && !full && !last) {
                return;
            }
            let (valid, is_text) = match std::str::from_utf8(rest) {
                Ok(text) => (text.len(), true),
                Err(error) => (error.valid_up_to(), error.error_len().is_none()),
            };
            let text = rest.get(..valid).map(std::str::from_utf8);
            let mut text = text.and_then(Result::ok).unwrap_or_default();
            let before = self.records;
            let is_all = last && valid == rest.len();
            while self.records < self.most
                && let Some((len, heading)) = next_record(self.format, self.heading.as_ref(), text, is_all)
                && self.whole + len <= self.room
            {
                (self.whole, self.records) = (self.whole + len, self.records + 1);
                self.heading = heading.or(self.heading.take());
                text = text.get(len..).unwrap_or_default();
            }
            if self.records > before {
                self.enough = 0;
                continue;
            }
            // What is no text is refused with all of its line, and what has no end yet may get one. Both are batches of their own:
            // what is wrong with them hides nothing of others.
            let behind = rest.get(valid..).unwrap_or_default();
            let end = match is_text {
                true => None,
                false => behind.iter().position(|octet| *octet == b'\n'),
            };
            let len = match end {
                Some(end) => valid + end + 1,
                None if last => rest.len(),
                None => {
                    // Looking again at each octet of something long would take the square of their number.
                    self.enough = rest.len() + if rest.len() < LONG { 1 } else { rest.len() };
                    return;
                }
            };
            self.is_apart = true;
            if self.records == 0 {
                (self.whole, self.records) = (len, 1);
                self.is_closed = end.is_none();
            }
        }
    }
}

/// How long the record at the beginning of a text is, and the heading if it is one; `None` where it is not whole yet.
fn next_record(format: Kind, heading: Option<&Heading>, text: &str, is_all: bool) -> Option<(usize, Option<Heading>)> {
    let end = || match text.find('\n') {
        Some(end) => Some(end + 1),
        None => (is_all && !text.is_empty()).then_some(text.len()),
    };
    if format == Kind::Ndjson {
        return Some((end()?, None));
    }
    if let Some(Heading { separator, .. }) = heading {
        let len = csv_records::whole(text, *separator, is_all)?;
        return (len > 0).then_some((len, None));
    }
    let len = end()?;
    let first = text.get(..len)?.trim_end_matches('\n');
    let names = first.strip_prefix('\u{feff}').unwrap_or(first);
    if csv_records::says_nothing(names) {
        return Some((len, None));
    }
    let separator = csv_records::separator(names);
    let whole = csv_records::whole(text, separator, is_all)?;
    let mut line = Zeroizing::new(String::with_capacity(names.len() + 1));
    line.push_str(names);
    line.push('\n');
    let line = Arc::new(line);
    Some((whole, Some(Heading { line, separator })))
}

fn line_ends(octets: &[u8]) -> usize {
    octets.iter().filter(|octet| **octet == b'\n').count()
}

impl Part {
    /// Reads it; so many errors are told.
    pub fn read(&self, most: usize) -> Batch {
        let text = match std::str::from_utf8(&self.octets) {
            Ok(text) => text,
            Err(error) => {
                let before = self.octets.get(..error.valid_up_to()).unwrap_or_default();
                let line = self.first_line + line_ends(before);
                let reason = "not UTF-8 text".to_owned();
                let errors = vec![LineError { line, reason }];
                return Batch {
                    entries: Vec::new(),
                    wrong: Some(ImportError { errors, more: 0 }),
                };
            }
        };
        let (entries, wrong) = match self.format {
            Kind::Ndjson => read_lines(text, self.first_line, most),
            Kind::Csv if self.is_before_heading => (Vec::new(), None),
            Kind::Csv => self.csv(text, most),
        };
        Batch { entries, wrong }
    }

    /// A part of a file is read as a file: with the heading before it.
    fn csv(&self, text: &str, most: usize) -> (Vec<Entry>, Option<ImportError>) {
        let heading = self.heading.as_ref().map_or("", |heading| heading.line.as_str());
        let mut whole = Zeroizing::new(String::with_capacity(heading.len() + text.len()));
        whole.push_str(heading);
        whole.push_str(text);
        let before = usize::from(!heading.is_empty());
        let at = |line: usize| line + self.first_line - 1 - before;
        let moved = |mut wrong: ImportError| {
            for error in &mut wrong.errors {
                error.line = at(error.line);
            }
            wrong
        };
        match import::read_telling(&whole, Format::Csv, most) {
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

/// Lines of JSON, a subscriber each.
pub(crate) fn read_lines(text: &str, first_line: usize, most: usize) -> (Vec<Entry>, Option<ImportError>) {
    let mut reading = Reading::of_lines(text, most);
    for (line, text) in (first_line..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let entry = body::read::<NewSubscriber>(text.as_bytes()).and_then(|new| new.entry(line));
        reading.take_entry(line, entry.map_err(|error| said(&error)));
    }
    reading.finish()
}

/// In words that name the member once.
fn said(error: &NotDone) -> String {
    let detail = error.detail();
    let names_it = |param: &String| detail.starts_with(param.trim_start_matches('/'));
    match error.param.as_ref().is_some_and(names_it) {
        true => detail,
        false => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
