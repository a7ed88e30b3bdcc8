//! Reading a segment from its beginning to its end, and what is wrong with it.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;
use kaskade_flow::event::{Action, ENTRY_LEN, Entry};

use super::Anchor;
use super::error::{What, Wrong};
use super::format::{BLOCK_START, Bad, BlockStart, Commit, HEAD_LEN, Hash, Head, Mark, check_block};

/// What a segment came to.
#[derive(Clone, Debug)]
pub(super) struct Walked {
    pub(super) head: Head,
    /// The newest mark.
    pub(super) mark: Mark,
    /// The chain behind the last whole block.
    pub(super) hash: Hash,
    /// Entries of the log up to there.
    pub(super) entries: u64,
    /// Octets of the segment up to there.
    pub(super) end: u64,
    /// Octets of the file.
    pub(super) len: u64,
    /// Behind the last whole block is something that no crash explains, or one does.
    pub(super) torn: bool,
    pub(super) commit: Commit,
    /// The last entry says that the log was closed.
    pub(super) closed: bool,
    /// Segments up to this were removed, as entries of this segment say.
    pub(super) removed: u64,
    /// Whoever was shown the entries wanted no more: the rest was not read.
    pub(super) stopped: bool,
}

/// A point of the chain that is known from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) entries: u64,
    pub(super) hash: Hash,
}

impl Known {
    /// What an anchor says of a segment: only of its own. Between two segments the chain goes on over the head of the next, so that
    /// the same number of entries has a hash in each.
    pub(super) fn of(anchor: &Anchor, segment: u64) -> Option<Self> {
        (anchor.segment == segment || fault!("audit-anchor-everywhere")).then_some(Self {
            entries: anchor.entries,
            hash: anchor.hash,
        })
    }

    fn is_contradicted_by(&self, walked: &Walked) -> bool {
        let passed = self.entries < walked.entries;
        let differs = self.entries == walked.entries && self.hash != walked.hash;
        (passed || differs) && !fault!("audit-mark-not-compared")
    }
}

/// Is shown each entry with its number, counted from 1 over the whole log; whether it goes on.
pub(super) type Visit<'a> = &'a mut dyn FnMut(u64, &Entry) -> bool;

/// Reads the head of a segment of this number.
pub(super) fn head(path: &Path, number: u64, keys: Option<&StoreKeys>) -> Result<Head, Wrong> {
    let wrong = |what| Wrong::new(number, path, None, what);
    let (_, page, head) = open(path, number)?;
    head.check(&page, keys).map_err(|bad| wrong(bad.into()))?;
    Ok(head)
}

fn open(path: &Path, number: u64) -> Result<(File, [u8; HEAD_LEN], Head), Wrong> {
    let wrong = |what| Wrong::new(number, path, None, what);
    let mut file = crate::private::open(path, crate::private::Use::Own).map_err(|error| {
        wrong(match error.is_not_found() {
            true => What::Missing,
            false => What::Read(error.to_string()),
        })
    })?;
    let mut page = [0; HEAD_LEN];
    file.read_exact(&mut page).map_err(|error| {
        wrong(match error.kind() {
            ErrorKind::UnexpectedEof => What::NoSegment,
            _ => What::Read(error.to_string()),
        })
    })?;
    let head = Head::decode(&page).map_err(|bad| wrong(bad.into()))?;
    if head.segment != number {
        return Err(wrong(What::Renamed(head.segment)));
    }
    Ok((file, page, head))
}

/// What stands at both ends of a segment.
pub(super) struct Ends {
    /// The newest mark.
    pub(super) mark: Mark,
    /// The chain behind its last octets.
    pub(super) hash: Hash,
}

/// Reads both ends of a segment, and nothing between them.
pub(super) fn ends(path: &Path, number: u64, keys: &StoreKeys) -> Result<Ends, Wrong> {
    let wrong = |what| Wrong::new(number, path, None, what);
    let (file, page, head) = open(path, number)?;
    let begin = head.check(&page, Some(keys)).map_err(|bad| wrong(bad.into()))?;
    let mark = newest_mark(&page, &head, Some(keys)).map_err(|bad| wrong(bad.into()))?;
    let read_error = |error: std::io::Error| wrong(What::Read(error.to_string()));
    let mut hash = begin;
    let len = file.metadata().map_err(read_error)?.len();
    if len > HEAD_LEN as u64 {
        let at = len - hash.len() as u64;
        file.read_exact_at(&mut hash, at).map_err(read_error)?;
    }
    Ok(Ends { mark, hash })
}

/// Whether a segment follows another, which is full: each is given with its file.
pub(super) fn follows((path, before): (&Path, &Walked), (next_path, next): (&Path, &Head)) -> Result<(), Wrong> {
    if (next.entries, next.before) != (before.entries, before.hash) && !fault!("audit-order-not-checked") {
        return Err(Wrong::new(
            next.segment,
            next_path,
            Some(next.entries + 1),
            What::NotNext,
        ));
    }
    // Whatever was written behind the last block of a segment that is full was not written by the log.
    if before.torn || before.end != before.len || !before.mark.closed {
        let what = What::Form("octets behind the last block");
        return Err(Wrong::new(before.head.segment, path, Some(before.entries + 1), what));
    }
    Ok(())
}

/// Reads a segment.
///
/// # Errors
/// The first place that is not as it was written. Behind what is known to be on the disk, a block that is not whole is the
/// end: [`Walked::torn`].
pub(super) fn walk(
    path: &Path,
    number: u64,
    keys: Option<&StoreKeys>,
    anchors: Vec<Known>,
    visit: &mut dyn FnMut(u64, &Entry),
) -> Result<Walked, Wrong> {
    walk_while((path, number), keys, anchors, &mut |number, entry| {
        visit(number, entry);
        true
    })
}

/// The same as long as more is wanted.
pub(super) fn walk_while(
    (path, number): (&Path, u64),
    keys: Option<&StoreKeys>,
    anchors: Vec<Known>,
    visit: Visit<'_>,
) -> Result<Walked, Wrong> {
    let (file, page, head) = open(path, number)?;
    let len = file.metadata().map_err(|error| {
        let what = What::Read(error.to_string());
        Wrong::new(number, path, None, what)
    })?;
    walk_blocks((path, file, len.len()), &page, head, keys, anchors, visit)
}

/// The same, when the head is read.
fn walk_blocks<R: Read>(
    (path, from, len): (&Path, R, u64),
    page: &[u8; HEAD_LEN],
    head: Head,
    keys: Option<&StoreKeys>,
    anchors: Vec<Known>,
    visit: Visit<'_>,
) -> Result<Walked, Wrong> {
    let place = |entry, what| Wrong::new(head.segment, path, entry, what);
    let read_error = |error: std::io::Error| place(None, What::Read(error.to_string()));
    let hash = head.check(page, keys).map_err(|bad| place(None, bad.into()))?;
    let mark = newest_mark(page, &head, keys).map_err(|bad| place(None, bad.into()))?;
    let mut walked = Walked {
        head,
        mark,
        hash,
        entries: head.entries,
        end: HEAD_LEN as u64,
        len,
        torn: false,
        commit: head.commit,
        closed: false,
        removed: 0,
        stopped: false,
    };
    let known_mark = Known {
        entries: mark.entries,
        hash: mark.hash,
    };
    if let Some(anchor) = anchors.iter().find(|anchor| anchor.entries < head.entries) {
        return Err(place(Some(head.entries), What::Anchor(anchor.entries)));
    }
    let expected = anchors.iter().map(|anchor| anchor.entries).max();
    let mut known = anchors;
    known.push(known_mark);
    known.retain(|known| known.entries >= head.entries);
    let mut from = BufReader::with_capacity(1 << 18, from);
    let mut block = Vec::new();
    loop {
        if let Some(point) = known.iter().find(|point| point.is_contradicted_by(&walked)) {
            let what = match point.hash == mark.hash {
                true => What::Edited,
                false => What::Anchor(point.entries),
            };
            return Err(place(Some(walked.entries), what));
        }
        known.retain(|point| point.entries > walked.entries);
        let found = next_block(&mut from, &mut block).map_err(read_error)?;
        let checked = match found {
            Found::Block(start) if start.first == walked.entries + 1 => {
                check_block(&block, &walked.hash, keys).map(|hash| (start, hash))
            }
            Found::Block(_) => Err(Bad::Form("a block out of its place")),
            Found::Bad(bad) => Err(bad),
            Found::End => break,
        };
        let (start, hash) = match checked {
            Ok(checked) => checked,
            // No crash makes a whole chain with wrong codes: the hash is of the code too.
            Err(bad) if walked.entries < mark.entries || bad == Bad::Code => {
                return Err(place(Some(walked.entries + 1), bad.into()));
            }
            Err(_) => {
                walked.torn = true;
                break;
            }
        };
        let entries = block.get(BLOCK_START..).unwrap_or_default().as_chunks::<ENTRY_LEN>().0;
        for octets in entries.iter().take(start.entries) {
            walked.entries += 1;
            let entry = Entry::decode(octets).map_err(|error| place(Some(walked.entries), error.into()))?;
            walked.closed = false;
            if let Entry::Event(event) = &entry {
                walked.commit = walked.commit.max(event.commit().unwrap_or_default());
                match event.action() {
                    Action::LogClosed => walked.closed = true,
                    Action::SegmentsRemoved => walked.removed = walked.removed.max(event.correlation()),
                    _ => {}
                }
            }
            if !visit(walked.entries, &entry) && !fault!("audit-read-to-its-end") {
                walked.stopped = true;
                return Ok(walked);
            }
        }
        walked.hash = hash;
        walked.end += block.len() as u64;
    }
    if walked.torn && mark.closed {
        let what = What::Form("octets behind the last block of a segment that was finished");
        return Err(place(Some(walked.entries + 1), what));
    }
    let marked = match fault!("audit-cut-not-noticed") {
        true => 0,
        false => mark.entries,
    };
    let expected = expected.unwrap_or(0).max(marked);
    if walked.entries < expected {
        let found = walked.entries;
        return Err(place(Some(found + 1), What::Cut { expected, found }));
    }
    Ok(walked)
}

/// Whether a log whose last segment came to this reaches an anchor. Where the anchor's own segment was walked with it, the chain
/// was compared there.
pub(super) fn reaches(anchor: &Anchor, last: &Walked, path: &Path) -> Result<(), Wrong> {
    let segment = last.head.segment;
    let (expected, found) = (anchor.entries, last.entries);
    let wrong = |what| Err(Wrong::new(segment, path, Some(found + 1), what));
    match segment < anchor.segment {
        _ if found < expected => wrong(What::Cut { expected, found }),
        // The head of the next one was known, and nothing in it.
        true => wrong(What::NoNext(anchor.segment)),
        false => Ok(()),
    }
}

/// Reads the octets of a segment without its master key: how many entries it has.
pub(super) fn walk_octets(octets: &[u8]) -> Result<u64, What> {
    let (page, rest) = octets.split_first_chunk().ok_or(What::NoSegment)?;
    let head = Head::decode(page)?;
    let from = (Path::new("octets"), rest, octets.len() as u64);
    let walked = walk_blocks(from, page, head, None, Vec::new(), &mut |_, _| true);
    walked
        .map(|walked| walked.entries - walked.head.entries)
        .map_err(|wrong| wrong.what)
}

/// The newest of the two marks. One that is torn is none; both are whole in a segment that is closed.
fn newest_mark(page: &[u8; HEAD_LEN], head: &Head, keys: Option<&StoreKeys>) -> Result<Mark, Bad> {
    let marks = [0, 1].map(|slot| Mark::decode(page, slot, head, keys));
    let newest = marks
        .iter()
        .filter_map(|mark| mark.as_ref().ok())
        .max_by_key(|mark| mark.number);
    if marks.contains(&Err(Bad::Code)) {
        return Err(Bad::Code);
    }
    let newest = *newest.ok_or(Bad::Form("both marks are damaged"))?;
    if newest.closed {
        for mark in marks {
            mark.map_err(|_| Bad::Form("a mark of a closed segment is damaged"))?;
        }
    }
    if newest.entries < head.entries {
        return Err(Bad::Form("a mark before the segment's beginning"));
    }
    Ok(newest)
}

enum Found {
    Block(BlockStart),
    End,
    Bad(Bad),
}

/// Reads the next block whole into `block`.
fn next_block<R: Read>(from: &mut BufReader<R>, block: &mut Vec<u8>) -> std::io::Result<Found> {
    block.clear();
    from.by_ref().take(BLOCK_START as u64).read_to_end(block)?;
    if block.iter().all(|octet| *octet == 0) {
        return Ok(match only_zeros(from)? {
            true => Found::End,
            false => Found::Bad(Bad::Form("octets behind the last block")),
        });
    }
    let Some(start) = block.first_chunk() else {
        return Ok(Found::Bad(Bad::Form("a block that is cut")));
    };
    let start = match BlockStart::decode(start) {
        Ok(start) => start,
        Err(bad) => return Ok(Found::Bad(bad)),
    };
    let rest = start.len() - BLOCK_START;
    if from.by_ref().take(rest as u64).read_to_end(block)? < rest {
        return Ok(Found::Bad(Bad::Form("a block that is cut")));
    }
    Ok(Found::Block(start))
}

fn only_zeros<R: Read>(from: &mut BufReader<R>) -> std::io::Result<bool> {
    use std::io::BufRead;
    loop {
        let octets = from.fill_buf()?;
        if octets.is_empty() {
            return Ok(true);
        }
        if octets.iter().any(|octet| *octet != 0) {
            return Ok(false);
        }
        let len = octets.len();
        from.consume(len);
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::{MARKS, put_block};
    use super::*;
    use crate::master_key::MasterKey;
    use kaskade_flow::UnixMillis;
    use kaskade_flow::event::{Event, Outcome};

    /// Two blocks, of which the first is known to be on the disk; where the second begins.
    fn two_blocks(keys: &StoreKeys) -> (Vec<u8>, usize) {
        let head = Head {
            log: [3; 16],
            segment: 1,
            entries: 0,
            before: [0; 32],
            master_key: [1; 8],
            made_at: 5,
            commit: (0, 0),
            course: 0,
        };
        let entry = |at| Event::new(Outcome::Noted, Action::Other, UnixMillis::new(at)).encode();
        let (mut octets, hash) = head.encode(keys);
        let hash = put_block(&mut octets, &hash, 1, 6, &[entry(6)], keys);
        let second = octets.len();
        let mark = Mark {
            number: 1,
            alive: 6,
            durable: 6,
            refusals: None,
            within_ms: 0,
            closed: false,
            unsaid: None,
            entries: 1,
            hash,
            boot: [0; 16],
            commit: (0, 0),
            course: 0,
        };
        let mark = mark.encode(&head.log, 1, keys);
        for at in MARKS {
            octets[at..at + mark.len()].copy_from_slice(&mark);
        }
        put_block(&mut octets, &hash, 2, 7, &[entry(7), entry(8), entry(9)], keys);
        (octets, second)
    }

    #[test]
    fn a_power_cut_leaves_no_block_that_looks_forged() {
        let keys = MasterKey::from_octets(&[9; 32]).audit_keys(&[3; 16]);
        let (whole, second) = two_blocks(&keys);
        let walk = |octets: &[u8]| {
            let (page, rest) = octets.split_first_chunk().expect("a head");
            let from = (Path::new("octets"), rest, octets.len() as u64);
            let head = Head::decode(page).expect("a head");
            walk_blocks(from, page, head, Some(&keys), Vec::new(), &mut |_, _| true)
        };
        assert_eq!(walk(&whole).expect("whole").entries, 4);
        for from in second..whole.len() {
            // What came after some place was not written, or only one part of it was not.
            for until in [whole.len(), (from + 16).min(whole.len()), (from + 40).min(whole.len())] {
                let mut torn = whole.clone();
                torn[from..until].fill(0);
                let walked = walk(&torn).unwrap_or_else(|wrong| panic!("{from} to {until}: {wrong}"));
                let lost = torn != whole;
                assert_eq!(walked.entries, if lost { 1 } else { 4 }, "{from} to {until}");
            }
        }
        // A code that somebody put there is no doing of a power cut.
        let mut forged = whole;
        let end = forged.len();
        let digest = kaskade_crypto::kdf::sha256(&[&two_blocks_hash(&forged, second), &forged[second..end - 48]]);
        forged[end - 48..end - 32].fill(0x55);
        let hash = kaskade_crypto::kdf::sha256(&[&digest, &forged[end - 48..end - 32]]);
        forged[end - 32..].copy_from_slice(&hash);
        assert_eq!(walk(&forged).expect_err("forged").what, What::Forged);
    }

    fn two_blocks_hash(octets: &[u8], second: usize) -> Hash {
        octets[second - 32..second].try_into().expect("a hash")
    }
}
