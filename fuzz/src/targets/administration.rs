//! What an administrator sends: bodies, queries, and subscribers as lines.
#![allow(clippy::panic, reason = "that is how a property fails")]

use kaskade::administration::batches::{Batches, ImportQuery, Kind};
use kaskade::administration::{
    AddQuery, Changes, ContextQuery, EntriesQuery, ListQuery, Networks, NewHnKey, NewSubscriber, NotDone, ShowQuery,
    body,
};
use kaskade::import::{self, Format};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::str::from_utf8;

/// Every body and every query gets the same octets.
pub fn admin_bodies(data: &[u8]) -> bool {
    let bodies = [
        body_of::<NewSubscriber>(data, |new| drop(new.entry(1))),
        body_of::<Changes>(data, |_| ()),
        body_of::<Networks>(data, |_| ()),
        body_of::<NewHnKey>(data, |_| ()),
    ];
    let queries = match from_utf8(data) {
        Ok(text) if !text.is_empty() => [
            query_of::<ListQuery>(text),
            query_of::<ShowQuery>(text),
            query_of::<AddQuery>(text),
            query_of::<ImportQuery>(text),
            query_of::<ContextQuery>(text),
            query_of::<EntriesQuery>(text),
        ],
        _ => [false; 6],
    };
    bodies.iter().chain(&queries).any(|accepted| *accepted)
}

/// What was read, written and read again is written as it was.
fn body_of<T: Serialize + DeserializeOwned>(data: &[u8], used: impl Fn(&T)) -> bool {
    let Some(read) = told(body::read::<T>(data)) else {
        return false;
    };
    used(&read);
    let written = rewritten(&read);
    let again = told(body::read::<T>(&written)).map(|again| rewritten(&again));
    assert_eq!(again.as_ref(), Some(&written));
    true
}

fn query_of<T: Serialize + DeserializeOwned>(text: &str) -> bool {
    let Some(read) = told(body::query::<T>(text)) else {
        return false;
    };
    let written = body::query_text(&read);
    let again = told(body::query::<T>(written.strip_prefix('?').unwrap_or(&written)));
    assert_eq!(again.map(|again| body::query_text(&again)).as_ref(), Some(&written));
    true
}

fn rewritten(value: &impl Serialize) -> Vec<u8> {
    match serde_json::to_vec(value) {
        Ok(octets) => octets,
        Err(error) => panic!("what was read has no form: {error}"),
    }
}

/// What is wrong can always be said.
fn told<T>(read: Result<T, NotDone>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            assert!(
                (400..500).contains(&error.status()) && !error.to_string().is_empty(),
                "{error}"
            );
            None
        }
    }
}

/// Subscribers as lines, in batches of a few: they do not depend on where the octets are cut, which the first two octets say, and are
/// what the file is as one.
pub fn admin_import(data: &[u8]) -> bool {
    let Some(([first, second], lines)) = data.split_first_chunk() else {
        return false;
    };
    let kind = if first % 2 == 0 { Kind::Csv } else { Kind::Ndjson };
    let whole = taken(kind, &[lines]);
    let at = usize::from(*second) * (lines.len() + 1) / 256;
    let (before, behind) = lines.split_at(at);
    assert_eq!(taken(kind, &[before, behind]), whole);
    let singly: Vec<&[u8]> = lines.chunks(1).chain([&[][..]]).collect();
    assert_eq!(taken(kind, &singly), whole);
    if let (Kind::Csv, Some((entries, wrong)), Ok(text)) = (kind, &whole, from_utf8(lines))
        && let Ok(file) = import::parse(text, Format::Csv)
    {
        let file: Vec<_> = file.iter().map(|entry| (entry.line, entry.supi.sbi())).collect();
        assert_eq!((entries, wrong), (&file, &Vec::new()));
    }
    whole.is_some_and(|(entries, wrong)| !entries.is_empty() && wrong.is_empty())
}

type Lines = Vec<(usize, String)>;

/// Octets, and lines, of one batch.
const ROOM: usize = 1024;
const BATCH: usize = 3;

/// Subscribers and errors, each with its line; `None` where a line is longer than any.
fn taken(kind: Kind, parts: &[&[u8]]) -> Option<(Lines, Lines)> {
    let mut batches = Batches::of(kind, ROOM, BATCH);
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    let mut next = 1;
    for (at, part) in parts.iter().enumerate() {
        let (mut rest, last) = (*part, at + 1 == parts.len());
        loop {
            rest = rest.get(batches.fill(rest)..).unwrap_or_default();
            match batches.next(last && rest.is_empty()).ok()? {
                None if rest.is_empty() => break,
                None => {}
                Some(part) => {
                    // Behind all lines it may be said that there is no heading: of the whole.
                    let is_end = (part.first_line, part.next_line) == (1, next);
                    assert!(part.first_line == next || is_end, "no line is left out");
                    assert!(part.next_line > part.first_line);
                    next = part.next_line;
                    let batch = part.read(usize::MAX);
                    entries.extend(batch.entries.iter().map(|entry| (entry.line, entry.supi.sbi())));
                    let errors = batch.wrong.into_iter().flat_map(|wrong| wrong.errors);
                    wrong.extend(errors.map(|error| (error.line, error.reason)));
                }
            }
        }
    }
    Some((entries, wrong))
}
