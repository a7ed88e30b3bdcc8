//! Whether segments that are full are as they were written: at a start, and before the oldest go.
//!
//! A start looks at both ends of each, which costs the same however long they are, and reads all of them where that takes little.
//! Before one goes it is read whole: what is not as it was written stays, as it is all that shows what was done to it.

use std::path::{Path, PathBuf};

use kaskade_crypto::store_keys::StoreKeys;
use kaskade_faults::fault;

use super::error::{What, Wrong};
use super::files;
use super::format::Head;
use super::walk::{self, Walked};

/// Up to so many octets of full segments are read whole at a start: a few tenths of a second.
pub(super) const READ_AT_START: u64 = 64 << 20;

/// Looks at the segments of a log as a start does; their heads. `removed` is up to where segments were removed, as the one that is
/// written says; given back is up to where all say so. All are read whole if they have no more octets than `read_up_to`.
pub(super) fn look(
    folder: &Path,
    segments: &[u64],
    (log, keys): (&[u8; 16], &StoreKeys),
    removed: u64,
    read_up_to: u64,
) -> Result<(Vec<Head>, u64), Wrong> {
    let mut heads: Vec<Head> = Vec::with_capacity(segments.len());
    for number in segments {
        let path = files::segment(folder, *number);
        if let Some(before) = heads.last().filter(|before| before.segment + 1 != *number) {
            return Err(missing(folder, before.segment + 1));
        }
        let head = walk::head(&path, *number, None)?;
        if head.log != *log {
            return Err(Wrong::other_log(*number, &path, &head.log, log));
        }
        heads.push(walk::head(&path, *number, Some(keys))?);
    }
    let pairs = || heads.iter().zip(heads.iter().skip(1));
    if !fault!("audit-older-not-looked-at") {
        for (head, next) in pairs() {
            ends(folder, head.segment, next, keys)?;
        }
    }
    let older = segments.split_last().map_or(&[][..], |(_, older)| older);
    let octets: u64 = older.iter().map(|number| octets(folder, *number)).sum();
    let mut removed = removed;
    if octets <= read_up_to && !fault!("audit-older-not-looked-at") {
        for (head, next) in pairs() {
            removed = removed.max(whole(folder, head.segment, next, keys)?.removed);
        }
    }
    let first = segments.first().copied().unwrap_or(1);
    if first > 1 {
        // Whoever removed the segment that says so said it again.
        for number in older.iter().rev() {
            if removed > 0 {
                break;
            }
            removed = walk::walk(
                &files::segment(folder, *number),
                *number,
                Some(keys),
                Vec::new(),
                &mut |_, _| (),
            )?
            .removed;
        }
    }
    match first > removed + 1 && !fault!("audit-first-not-compared") {
        true => Err(missing(folder, first - 1)),
        false => Ok((heads, removed)),
    }
}

/// Octets of a segment.
pub(super) fn octets(folder: &Path, number: u64) -> u64 {
    std::fs::metadata(files::segment(folder, number)).map_or(0, |file| file.len())
}

/// Looks at the ends of a full segment: its marks, its last octets, and what the next one says of it.
fn ends(folder: &Path, number: u64, next: &Head, keys: &StoreKeys) -> Result<(), Wrong> {
    let path = files::segment(folder, number);
    let ends = walk::ends(&path, number, keys)?;
    let wrong = |what| Wrong::new(number, &path, Some(ends.mark.entries), what);
    if !ends.mark.closed {
        return Err(wrong(What::Form("a segment that is full, and was not finished")));
    }
    if (ends.mark.entries, ends.mark.hash) != (next.entries, next.before) {
        return Err(not_next(folder, next));
    }
    match ends.hash == ends.mark.hash {
        true => Ok(()),
        false => Err(wrong(What::Form("its end is not the one that it had when it was full"))),
    }
}

/// Reads a full segment, and compares it with what the next one says of it.
fn whole(folder: &Path, number: u64, next: &Head, keys: &StoreKeys) -> Result<Walked, Wrong> {
    let path = files::segment(folder, number);
    let walked = walk::walk(&path, number, Some(keys), Vec::new(), &mut |_, _| ())?;
    walk::follows((&path, &walked), (&files::segment(folder, next.segment), next))?;
    Ok(walked)
}

/// Reads full segments from the oldest on, those up to `last`, as long as nobody says that it is enough; the last one that is as it
/// was written, and what is wrong with the one behind it.
pub(super) fn read(
    folder: &Path,
    segments: impl IntoIterator<Item = u64>,
    keys: &StoreKeys,
    enough: impl Fn() -> bool,
) -> (Option<u64>, Option<Wrong>) {
    let mut sound = None;
    for number in segments {
        if enough() {
            break;
        }
        let next = files::segment(folder, number + 1);
        let checked = walk::head(&next, number + 1, Some(keys)).and_then(|next| whole(folder, number, &next, keys));
        match checked {
            Err(wrong) if !fault!("audit-evidence-removed") => return (sound, Some(wrong)),
            _ => sound = Some(number),
        }
    }
    (sound, None)
}

fn missing(folder: &Path, number: u64) -> Wrong {
    Wrong::new(number, &files::segment(folder, number), None, What::Missing)
}

fn not_next(folder: &Path, head: &Head) -> Wrong {
    let path: PathBuf = files::segment(folder, head.segment);
    Wrong::new(head.segment, &path, Some(head.entries + 1), What::NotNext)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::FileExt;

    use kaskade_flow::event::{Action, Event, Outcome};

    use super::*;
    use crate::audit::{AuditLog, AuditOptions};
    use crate::master_key::MasterKey;

    /// What is said of a log that is too long to be read whole at a start: docs/audit.md.
    #[test]
    fn the_ends_of_a_long_log_are_looked_at() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("audit");
        let key = MasterKey::from_octets(&[9; 32]);
        let mut options = AuditOptions::new(&path);
        options.segment_bytes = AuditOptions::LEAST_SEGMENT;
        let log = AuditLog::open(options, &key).expect("a log");
        while log.head().expect("a head").segment < 3 {
            let event = Event::new(Outcome::Noted, Action::Other, log.now());
            for _ in 0..500 {
                // Where there is no room for a moment, the next is taken.
                let _ = log.record(event);
            }
            log.flush().expect("on the disk");
        }
        let identity = log.head().expect("a head").log;
        drop(log);
        let keys = key.audit_keys(&identity);
        let segments = files::segments(&path).expect("a folder");
        let ends = || look(&path, &segments, (&identity, &keys), 0, 0).map(|(heads, _)| heads.len());
        assert_eq!(ends().expect("as it was written"), segments.len());

        let file = OpenOptions::new().read(true).write(true).open(files::segment(&path, 1));
        let file = file.expect("a segment");
        let len = file.metadata().expect("its length").len();
        let mut last = [0; 64];
        file.read_exact_at(&mut last, len - 64).expect("read");
        for wrong in [len - 64, len - 1, 4096, len + 4096] {
            file.set_len(wrong).expect("cut or lengthened");
            assert_eq!(ends().expect_err("another length").segment, 1, "{wrong}");
        }
        file.set_len(len - 64).expect("cut");
        file.write_all_at(&last, len - 64).expect("put back");
        // What was cut before its last octets is zeros now: only who reads all of it finds that.
        ends().expect("both ends are there");
        let all = || look(&path, &segments, (&identity, &keys), 0, u64::MAX).map(|(heads, _)| heads.len());
        assert_eq!(all().expect_err("edited between its ends").segment, 1);
        let rest = look(&path, &segments[1..], (&identity, &keys), 0, 0).expect_err("nobody removed it");
        assert_eq!((rest.segment, rest.what), (1, What::Missing));
    }
}
