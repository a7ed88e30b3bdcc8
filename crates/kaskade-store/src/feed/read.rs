//! The way through the files of a feed.

use std::path::Path;

use kaskade_crypto::seal::{InterceptionKeys, OpenedSecrets};
use kaskade_faults::fault;

use super::error::{FeedError, Wrong, WrongWhat};
use super::format::{HEAD_LEN, Part, SegmentHead, place};
use super::{FeedHead, FeedOptions, SEGMENTS, numbers};
use crate::chain::Hash;
use crate::private::{self, Use};

/// What the last segment came to.
pub(super) struct Walked {
    pub(super) feed: [u8; 16],
    /// Of the whole feed.
    pub(super) records: u64,
    pub(super) hash: Hash,
    /// Behind the last whole record, in octets.
    pub(super) end: u64,
    /// Whether there is something behind it that a crash has left.
    pub(super) torn: bool,
    /// The octets of the records that were not known.
    pub(super) unknown: Vec<u8>,
}

/// Octets of a segment.
pub(super) fn octets(folder: &Path, number: u64) -> u64 {
    std::fs::metadata(SEGMENTS.path(folder, number)).map_or(0, |file| file.len())
}

fn content(folder: &Path, number: u64) -> Result<Vec<u8>, FeedError> {
    let path = SEGMENTS.path(folder, number);
    // A record may begin at the end of the longest.
    let read = private::read(&path, Use::Own, FeedOptions::LONGEST_SEGMENT + (2 << 20));
    read.map_err(|error| match error.is_not_found() {
        true => Wrong::new(number, &path, None, WrongWhat::Missing).into(),
        false => error.into(),
    })
}

/// Whether the segments are all there, and each begins where it says.
pub(super) fn heads(folder: &Path, numbers: &[u64], keys: &InterceptionKeys) -> Result<Vec<SegmentHead>, FeedError> {
    let mut heads: Vec<SegmentHead> = Vec::with_capacity(numbers.len());
    for (number, expected) in numbers.iter().zip(1..) {
        let path = SEGMENTS.path(folder, expected);
        if *number != expected {
            return Err(Wrong::new(expected, &path, None, WrongWhat::Missing).into());
        }
        let wrong = |what| Wrong::new(expected, &path, None, what);
        let mut first = [0; HEAD_LEN];
        let file = private::open(&path, Use::Own)?;
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut first, 0)
            .map_err(|_| wrong(WrongWhat::Form("a segment that is cut in its head")))?;
        let (head, _) = SegmentHead::decode(&first, keys.codes()).map_err(wrong)?;
        let follows = heads.last().is_none_or(|before| before.records <= head.records);
        let is_first = expected > 1 || (head.records == 0 && head.before == [0; 32]);
        if head.segment != expected || !follows || !is_first {
            return Err(wrong(WrongWhat::NotNext).into());
        }
        if heads.first().is_some_and(|first| first.feed != head.feed) {
            return Err(wrong(WrongWhat::OtherFeed).into());
        }
        heads.push(head);
    }
    Ok(heads)
}

/// Reads the last segment, as one that is to be written on.
pub(super) fn last(
    folder: &Path,
    number: u64,
    keys: &InterceptionKeys,
    known: Option<&FeedHead>,
    heads: &[SegmentHead],
) -> Result<Walked, FeedError> {
    let path = SEGMENTS.path(folder, number);
    let content = content(folder, number)?;
    let wrong = |record, what| FeedError::from(Wrong::new(number, &path, record, what));
    let (head, mut hash) = SegmentHead::decode(&content, keys.codes()).map_err(|what| wrong(None, what))?;
    let is_other = known.is_some_and(|known| known.feed != head.feed);
    // With nothing in it, it was just begun in place of one that is lost.
    let is_begun = number == 1 && content.len() == HEAD_LEN;
    if is_other && !is_begun {
        return Err(wrong(None, WrongWhat::OtherFeed));
    }
    let known = known.filter(|_| !is_other);
    let known_records = known.map_or(0, |known| known.records);
    let (mut at, mut records) = (HEAD_LEN, head.records);
    let mut known_end = at;
    let mut torn = false;
    let mut seen = known
        .filter(|known| known.records == records)
        .map(|_| [hash, head.before]);
    while at < content.len() {
        let rest = content.get(at..).unwrap_or_default();
        match Part::decode(rest, records + 1, &hash, keys.codes()) {
            Ok(part) => {
                (at, hash, records) = (at + part.len, part.hash, records + 1);
                if records <= known_records {
                    known_end = at;
                }
                if records == known_records {
                    seen = Some([hash; 2]);
                }
            }
            // Nobody was told that it is durable.
            Err(_) if records >= known_records => {
                torn = true;
                break;
            }
            Err(what) => return Err(wrong(Some(records + 1), what)),
        }
    }
    if records < known_records {
        let what = WrongWhat::Cut {
            expected: known_records,
            found: records,
        };
        return Err(wrong(Some(records + 1), what));
    }
    if let Some(known) = known {
        let is_it = match seen {
            Some(seen) => seen.contains(&known.hash),
            // It ends in a segment before: where the next one begins is all that is read of it here.
            None => heads
                .iter()
                .all(|head| head.records != known.records || head.before == known.hash || head.segment == 1),
        };
        if !is_it {
            return Err(wrong(Some(known.records), WrongWhat::Edited));
        }
    }
    Ok(Walked {
        feed: head.feed,
        records,
        hash,
        end: at as u64,
        torn,
        unknown: content.get(known_end..at).unwrap_or_default().to_vec(),
    })
}

/// Reads all of a feed, up to what is known of it and to this file.
pub(super) fn verify(
    folder: &Path,
    keys: &InterceptionKeys,
    known: Option<&FeedHead>,
    last: u64,
) -> Result<FeedHead, FeedError> {
    let mut numbers = numbers(folder)?;
    numbers.retain(|number| *number <= last);
    heads(folder, &numbers, keys)?;
    let mut come: Option<FeedHead> = None;
    let most = known.map_or(u64::MAX, |known| known.records);
    for number in &numbers {
        let path = SEGMENTS.path(folder, *number);
        let wrong = |record, what| FeedError::from(Wrong::new(*number, &path, record, what));
        let content = content(folder, *number)?;
        let (head, mut hash) = SegmentHead::decode(&content, keys.codes()).map_err(|what| wrong(None, what))?;
        let expected = come.map_or((0, [0; 32]), |come| (come.records, come.hash));
        if (head.records, head.before) != expected && !fault!("feed-segments-not-compared") {
            return Err(wrong(Some(expected.0 + 1), WrongWhat::NotNext));
        }
        let (mut at, mut records) = (HEAD_LEN, head.records);
        while at < content.len() && records < most {
            let rest = content.get(at..).unwrap_or_default();
            let part = Part::decode(rest, records + 1, &hash, keys.codes());
            let part = part.map_err(|what| wrong(Some(records + 1), what))?;
            let opened = keys.open(&place(&head.feed, records + 1), part.sealed);
            opened.map_err(|_| wrong(Some(records + 1), WrongWhat::Forged))?;
            (at, hash, records) = (at + part.len, part.hash, records + 1);
        }
        come = Some(FeedHead {
            feed: head.feed,
            records,
            hash,
        });
    }
    let last = numbers.last().copied().unwrap_or(1);
    let wrong = |record, what| FeedError::from(Wrong::new(last, &SEGMENTS.path(folder, last), record, what));
    let come = come.ok_or_else(|| wrong(None, WrongWhat::Missing))?;
    match known {
        Some(known) if known.feed != come.feed => Err(wrong(None, WrongWhat::OtherFeed)),
        Some(known) if known.records > come.records => Err(wrong(
            Some(come.records + 1),
            WrongWhat::Cut {
                expected: known.records,
                found: come.records,
            },
        )),
        Some(known) if known.hash != come.hash => Err(wrong(Some(known.records), WrongWhat::Edited)),
        _ => Ok(come),
    }
}

/// Records from a number on, up to the head.
pub(super) fn from(
    folder: &Path,
    keys: &InterceptionKeys,
    head: &FeedHead,
    from: u64,
    most: usize,
) -> Result<Vec<(u64, OpenedSecrets)>, FeedError> {
    let mut read = Vec::new();
    let from = from.max(1);
    if from > head.records {
        return Ok(read);
    }
    let numbers = numbers(folder)?;
    let heads = heads(folder, &numbers, keys)?;
    // The segment that has it, and those behind.
    let begin = heads.iter().rposition(|head| head.records < from).unwrap_or(0);
    for segment in heads.iter().skip(begin) {
        let number = segment.segment;
        let path = SEGMENTS.path(folder, number);
        let wrong = |record, what| FeedError::from(Wrong::new(number, &path, Some(record), what));
        let content = content(folder, number)?;
        let (its, mut hash) = SegmentHead::decode(&content, keys.codes()).map_err(|what| wrong(from, what))?;
        let (mut at, mut record) = (HEAD_LEN, its.records);
        while at < content.len() && record < head.records {
            if read.len() >= most {
                return Ok(read);
            }
            let rest = content.get(at..).unwrap_or_default();
            record += 1;
            let part = Part::decode(rest, record, &hash, keys.codes()).map_err(|what| wrong(record, what))?;
            (at, hash) = (at + part.len, part.hash);
            if record >= from {
                let opened = keys.open(&place(&its.feed, record), part.sealed);
                read.push((record, opened.map_err(|_| wrong(record, WrongWhat::Forged))?));
            }
        }
    }
    let last = read.last().map_or(from - 1, |(number, _)| *number);
    if last < head.records && read.len() < most {
        let number = numbers.last().copied().unwrap_or(1);
        let what = WrongWhat::Cut {
            expected: head.records,
            found: last,
        };
        return Err(Wrong::new(number, &SEGMENTS.path(folder, number), Some(last + 1), what).into());
    }
    Ok(read)
}
