//! The audit log: what is released is in it, and whoever changes it is found.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::audit_crash::Full;
use crate::common::{folder, supi};
use kaskade_flow::event::{Action, Entry, Event, GapReason, Outcome, PeerId, Subject};
use kaskade_flow::{Cover, Guarded, Refusal};
use kaskade_keys::derivation::Fingerprint;
use kaskade_store::MasterKey;
use kaskade_store::audit::{
    Anchor, AuditError, AuditFull, AuditLog, AuditOptions, LogReader, Notice, PeerNames, Summary, What, Wrong,
};

pub(crate) fn options(folder: &Path) -> AuditOptions {
    let mut options = AuditOptions::new(&folder.join("audit"));
    options.segment_bytes = AuditOptions::LEAST_SEGMENT;
    options
}

pub(crate) fn open(folder: &Path, key: &MasterKey) -> AuditLog {
    AuditLog::open(options(folder), key).expect("a log")
}

pub(crate) fn release(log: &AuditLog, number: u64) -> Result<(), AuditFull> {
    let event = Event::new(Outcome::Released, Action::KeyReleased, log.now()).correlated(number);
    log.covered(Cover::known_to_store(), event, Guarded::new(()))
        .map(|durable| durable.release_to_peer())
}

/// As often as it takes.
pub(crate) fn release_soon(log: &AuditLog, number: u64) {
    let start = Instant::now();
    while let Err(full) = release(log, number) {
        assert!(start.elapsed() < Duration::from_secs(30), "{full}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn reader(folder: &Path, key: Option<&MasterKey>) -> LogReader {
    LogReader::open(&folder.join("audit"), key).expect("a log")
}

fn verify(folder: &Path, key: Option<&MasterKey>) -> Result<Summary, Wrong> {
    match LogReader::open(&folder.join("audit"), key) {
        Ok(reader) => reader.verify(None, &mut |_, _| ()),
        Err(AuditError::Wrong(wrong)) => Err(wrong),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn entries(folder: &Path, key: &MasterKey) -> Vec<Entry> {
    let mut entries = Vec::new();
    let read = reader(folder, Some(key)).read(None, &mut |_, _| (), &mut |_, entry| entries.push(*entry));
    read.expect("as it was written");
    entries
}

pub(crate) fn released(entries: &[Entry]) -> Vec<u64> {
    let number = |entry: &Entry| match entry {
        Entry::Event(event) if event.action() == Action::KeyReleased => Some(event.correlation()),
        _ => None,
    };
    entries.iter().filter_map(number).collect()
}

pub(crate) fn segment(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("audit/audit-{number:010}.log"))
}

#[test]
fn what_is_released_is_in_the_log() {
    let (folder, key) = folder();
    let log = open(folder.path(), &key);
    let peer = log.peer("amf.example.org");
    let fingerprint = Fingerprint::of_octets("K_SEAF", &[7; 32]);
    let event = Event::new(Outcome::Released, Action::KeyReleased, log.now())
        .by(peer)
        .about(log.subject(&supi(1)))
        .key("K_SEAF", fingerprint);
    let answer = log.covered(Cover::known_to_store(), event, Guarded::new(7));
    assert_eq!(answer.expect("room").release_to_peer(), 7);
    log.record(event).expect("room");
    log.flush().expect("on the disk");

    // It is read while it is written.
    let reader = reader(folder.path(), Some(&key));
    let mut names = PeerNames::default();
    let mut seen = Vec::new();
    let summary = reader.read(None, &mut |_, _| (), &mut |number, entry| {
        names.see(entry);
        seen.push((number, *entry));
    });
    let summary = summary.expect("as it was written");
    assert!(!summary.closed && summary.codes_checked);
    assert_eq!(seen.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(
        seen[2..].iter().map(|(_, entry)| *entry).collect::<Vec<_>>(),
        [Entry::Event(event); 2]
    );
    assert_eq!(names.name(peer), Some("amf.example.org"));
    assert_eq!(reader.pseudonym(&supi(1)), Some(event.subject().pseudonym()));
    assert_ne!(reader.pseudonym(&supi(2)), Some(event.subject().pseudonym()));
    assert_eq!(log.head(), Some(summary.anchor));

    drop(log);
    assert!(verify(folder.path(), None).expect("as it was written").closed);
    drop(open(folder.path(), &key));
    let entries = entries(folder.path(), &key);
    assert!(
        !entries.iter().any(|entry| matches!(entry, Entry::Gap(_))),
        "it was closed"
    );
    assert_eq!(AuditLog::off().head(), None);
    release(&AuditLog::off(), 1).expect("without a log everything is released");
}

#[test]
fn only_one_process_writes() {
    let (folder, key) = folder();
    let log = open(folder.path(), &key);
    let second = AuditLog::open(options(folder.path()), &key);
    assert!(matches!(second, Err(AuditError::InUse(_))), "{second:?}");
    drop(log);
    let other = MasterKey::from_octets(&[9; 32]);
    let wrong = AuditLog::open(options(folder.path()), &other);
    assert!(matches!(wrong, Err(AuditError::WrongMasterKey { .. })), "{wrong:?}");
    open(folder.path(), &key);
}

/// A small log that was closed, without the zeros behind it.
fn small(folder: &Path, key: &MasterKey) -> Vec<u8> {
    let log = open(folder, key);
    log.peer("amf.example.org");
    for number in 0..3 {
        release(&log, number).expect("room");
        log.flush().expect("on the disk");
    }
    drop(log);
    let mut octets = fs::read(segment(folder, 1)).expect("a segment");
    let used = octets.iter().rposition(|octet| *octet != 0).expect("octets") + 1;
    octets.truncate(used + 64);
    octets
}

#[test]
fn every_bit_of_a_closed_log_is_guarded() {
    let (folder, key) = folder();
    let octets = small(folder.path(), &key);
    let path = segment(folder.path(), 1);
    fs::write(&path, &octets).expect("written");
    let reader = reader(folder.path(), Some(&key));
    reader.verify(None, &mut |_, _| ()).expect("as it was written");
    let file = fs::OpenOptions::new().write(true).open(&path).expect("the segment");
    for (at, octet) in octets.iter().enumerate() {
        // What nobody uses is looked at here and there.
        let unused = (160..1024).contains(&at) || (1144..2048).contains(&at) || (2168..4096).contains(&at);
        let bits = match unused {
            true => usize::from(at.is_multiple_of(16)),
            false => 8,
        };
        for bit in 0..bits {
            file.write_all_at(&[octet ^ 1 << bit], at as u64).expect("written");
            assert!(reader.verify(None, &mut |_, _| ()).is_err(), "bit {bit} of octet {at}");
        }
        file.write_all_at(&[*octet], at as u64).expect("written");
    }
    reader.verify(None, &mut |_, _| ()).expect("as it was written");
}

/// What is done to a log of three segments, and what is found.
#[test]
fn segments_cut_moved_or_edited_are_named_and_left_as_they_are() {
    let (home, key) = folder();
    drop(open(home.path(), &key));
    // A copy that went another way.
    let (twin, _) = folder();
    copy_log(home.path(), twin.path());
    let log = open(twin.path(), &key);
    for number in 0..12_000 {
        release_soon(&log, number);
    }
    drop(log);
    let log = open(home.path(), &key);
    for number in 0..25_000 {
        release_soon(&log, number);
    }
    log.flush().expect("on the disk");
    drop(log);
    let whole = verify(home.path(), Some(&key)).expect("as it was written");
    assert_eq!((whole.segments, whole.first_segment), (3, 1));
    let (other, _) = folder();
    let log = open(other.path(), &key);
    for number in 0..12_000 {
        release_soon(&log, number);
    }
    drop(log);

    type Deed<'a> = &'a dyn Fn(&Path);
    type Finding<'a> = &'a dyn Fn(&Wrong) -> bool;
    let edit = |path: PathBuf, at: usize, value: u8| {
        let mut octets = fs::read(&path).expect("a segment");
        octets[at] = value;
        fs::write(&path, octets).expect("written");
    };
    let cut = |path: PathBuf, len: u64| {
        let file = fs::OpenOptions::new().write(true).open(path).expect("a segment");
        file.set_len(len).expect("cut");
    };
    let cases: &[(&str, Deed<'_>, Finding<'_>)] = &[
        (
            "the second is missing",
            &|at| fs::remove_file(segment(at, 2)).unwrap(),
            &|wrong| (wrong.segment, &wrong.what) == (2, &What::Missing),
        ),
        (
            "the first is missing",
            &|at| fs::remove_file(segment(at, 1)).unwrap(),
            &|wrong| (wrong.segment, &wrong.what) == (1, &What::Missing),
        ),
        (
            "the first is cut at a block",
            &|at| cut(segment(at, 1), 4096),
            &|wrong| wrong.segment == 1 && matches!(wrong.what, What::Cut { found: 0, .. }),
        ),
        ("the last is cut", &|at| cut(segment(at, 3), 6000), &|wrong| {
            wrong.segment == 3 && wrong.entry.is_some()
        }),
        (
            "two are exchanged",
            &|at| {
                fs::rename(segment(at, 1), at.join("x")).unwrap();
                fs::rename(segment(at, 2), segment(at, 1)).unwrap();
                fs::rename(at.join("x"), segment(at, 2)).unwrap();
            },
            &|wrong| (wrong.segment, &wrong.what) == (1, &What::Renamed(2)),
        ),
        (
            "one of another log",
            &|at| {
                fs::copy(segment(other.path(), 2), segment(at, 2)).unwrap();
            },
            &|wrong| wrong.segment == 2 && matches!(wrong.what, What::OtherLog { .. }),
        ),
        (
            "one of a copy of this log",
            &|at| {
                fs::copy(segment(twin.path(), 2), segment(at, 2)).unwrap();
            },
            &|wrong| (wrong.segment, &wrong.what) == (2, &What::NotNext),
        ),
        ("one of a newer program", &|at| edit(segment(at, 2), 11, 3), &|wrong| {
            (wrong.segment, &wrong.what) == (2, &What::Newer(3))
        }),
        ("one of an older program", &|at| edit(segment(at, 2), 11, 1), &|wrong| {
            (wrong.segment, &wrong.what) == (2, &What::Older(1))
        }),
        (
            "the last is of a newer program",
            &|at| edit(segment(at, 3), 11, 9),
            &|wrong| (wrong.segment, &wrong.what) == (3, &What::Newer(9)),
        ),
        (
            "an entry is edited",
            &|at| edit(segment(at, 2), 50_000, 0xff),
            &|wrong| (wrong.segment, &wrong.what) == (2, &What::Edited) && wrong.entry.is_some(),
        ),
        (
            "something is appended to a full one",
            &|at| {
                let mut octets = fs::read(segment(at, 1)).unwrap();
                octets.push(1);
                fs::write(segment(at, 1), octets).unwrap();
            },
            &|wrong| wrong.segment == 1 && matches!(wrong.what, What::Form(_)),
        ),
    ];
    for (what, deed, finding) in cases {
        let (copy, _) = folder();
        copy_log(home.path(), copy.path());
        deed(copy.path());
        let wrong = verify(copy.path(), Some(&key)).expect_err(what);
        assert!(finding(&wrong), "{what}: {wrong:?}");
        assert!(verify(copy.path(), None).is_err(), "{what}, without the master key");
        // What is there stays there.
        let before = contents(copy.path());
        let refused = AuditLog::open(options(copy.path()), &key);
        assert!(matches!(refused, Err(AuditError::Wrong(_))), "{what}: {refused:?}");
        assert!(before == contents(copy.path()), "{what}: overwritten");
    }

    // A tail that was cut without a trace needs somebody who knows how far the log was.
    let (copy, _) = folder();
    copy_log(home.path(), copy.path());
    fs::remove_file(segment(copy.path(), 3)).expect("removed");
    let reader = reader(copy.path(), Some(&key));
    reader
        .verify(None, &mut |_, _| ())
        .expect("a whole chain, though shorter");
    let wrong = reader
        .verify(Some(&whole.anchor), &mut |_, _| ())
        .expect_err("anchored");
    assert!(
        matches!(wrong.what, What::Cut { expected, .. } if expected == whole.entries),
        "{wrong}"
    );
    let moved = Anchor {
        hash: [1; 32],
        ..whole.anchor
    };
    let wrong = self::reader(home.path(), None).verify(Some(&moved), &mut |_, _| ());
    assert_eq!(wrong.expect_err("anchored").what, What::Anchor(whole.entries));
}

pub(crate) fn copy_log(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to.join("audit"));
    kaskade_store::private::create_folder(&to.join("audit")).expect("a folder");
    for file in fs::read_dir(from.join("audit")).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), to.join("audit").join(file.file_name())).expect("copied");
    }
}

pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder.join("audit")).expect("a folder");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let content = fs::read(&path).expect("a file");
            (path, content)
        })
        .collect()
}

#[test]
fn whoever_computes_the_chain_anew_is_found_with_the_master_key() {
    use kaskade_crypto::kdf::sha256;
    let (folder, key) = folder();
    let mut octets = small(folder.path(), &key);
    // The peer of the first release becomes another one, and all hashes follow.
    let hash_of_head = octets[128..160].to_vec();
    octets[4096 + 24 + 16] ^= 1;
    let (mut at, mut before) = (4096, hash_of_head);
    while octets[at..].starts_with(b"KSKB") {
        let count = u32::from_be_bytes(octets[at + 4..at + 8].try_into().unwrap()) as usize;
        let end = at + 24 + 96 * count;
        let digest = sha256(&[&before, &octets[at..end]]);
        let hash = sha256(&[&digest, &octets[end..end + 16]]);
        octets[end + 16..end + 48].copy_from_slice(&hash);
        before = hash.to_vec();
        at = end + 48;
    }
    let (log, segment_number) = (octets[16..32].to_vec(), 1_u64.to_be_bytes());
    for mark in [1024, 2048] {
        octets[mark + 48..mark + 80].copy_from_slice(&before);
        let check = sha256(&[&octets[mark..mark + 112], &log, &segment_number]);
        octets[mark + 112..mark + 120].copy_from_slice(&check[..8]);
    }
    fs::write(segment(folder.path(), 1), &octets).expect("written");
    verify(folder.path(), None).expect("a chain without a flaw");
    let wrong = verify(folder.path(), Some(&key)).expect_err("codes of nobody");
    assert_eq!(wrong.what, What::Forged);
    assert!(AuditLog::open(options(folder.path()), &key).is_err());
}

#[test]
fn a_torn_tail_is_cut_off_and_said() {
    let (home, key) = folder();
    let log = open(home.path(), &key);
    release(&log, 1).expect("room");
    log.flush().expect("on the disk");
    let (copy, _) = folder();
    copy_log(home.path(), copy.path());
    drop(log);
    let path = segment(copy.path(), 1);
    let mut octets = fs::read(&path).expect("a segment");
    let end = octets.iter().rposition(|octet| *octet != 0).expect("octets") + 1;
    // A block that begins well, and whose end the disk did not get.
    octets[end..end + 8].copy_from_slice(b"KSKB\0\0\0\x02");
    octets[end + 8..end + 100].fill(0x42);
    fs::write(&path, &octets).expect("written");
    verify(copy.path(), Some(&key)).expect("the end is before what is torn");
    let news: Arc<Mutex<Vec<Notice>>> = Arc::default();
    let told = Arc::clone(&news);
    let mut options = options(copy.path());
    options.tell = Some(Arc::new(move |notice| told.lock().unwrap().push(notice.clone())));
    drop(AuditLog::open(options, &key).expect("it goes on"));
    let news = news.lock().unwrap();
    assert!(news.contains(&Notice::TornTail(100)), "{news:?}");
    let entries = entries(copy.path(), &key);
    assert_eq!(released(&entries), [1]);
    let gaps: Vec<_> = entries.iter().filter(|entry| matches!(entry, Entry::Gap(_))).collect();
    assert_eq!(gaps.len(), 1);
    assert!(verify(copy.path(), Some(&key)).expect("as it was written").closed);
}

#[test]
fn old_segments_go_and_the_log_says_so() {
    let (folder, key) = folder();
    let mut options = options(folder.path());
    options.keep_bytes = 4 << 20;
    let log = AuditLog::open(options, &key).expect("a log");
    for number in 0..80_000 {
        release_soon(&log, number);
    }
    log.flush().expect("on the disk");
    // The next round removes what is said to be removed.
    std::thread::sleep(Duration::from_millis(200));
    log.flush().expect("on the disk");
    drop(log);
    let summary = verify(folder.path(), Some(&key)).expect("as it was written");
    assert!(summary.first_segment > 3 && summary.segments <= 4, "{summary:?}");
    let kept: u64 = contents(folder.path())
        .iter()
        .map(|(_, content)| content.len() as u64)
        .sum();
    assert!(kept <= 5 << 20, "{kept}");
    // From an entry on, only the segments that have it and what follows are read.
    let since = |entry| {
        let mut seen = Vec::new();
        let reader = reader(folder.path(), None).since(entry).expect("heads");
        let read = reader.read(None, &mut |_, _| (), &mut |number, _| seen.push(number));
        (read.expect("as it was written"), seen)
    };
    let (first, all) = since(1);
    assert_eq!((first.segments, first.entries), (summary.segments, summary.entries));
    let (last, seen) = since(summary.entries);
    assert!(last.segments < summary.segments && seen.len() < all.len(), "{last:?}");
    assert_eq!(seen.last(), Some(&summary.entries));
    let before = seen.first().expect("entries of the last segment") - 1;
    let (two, seen) = since(before);
    assert!(
        two.segments == last.segments + 1 && two.segments < summary.segments,
        "{two:?}"
    );
    assert!(seen.contains(&before) && seen.len() < all.len());
    assert_eq!(since(summary.entries + 1).1.last(), Some(&summary.entries));
    drop(open(folder.path(), &key));
    fs::remove_file(segment(folder.path(), summary.first_segment)).expect("removed");
    let wrong = verify(folder.path(), Some(&key)).expect_err("nobody said that");
    assert_eq!((wrong.segment, wrong.what), (summary.first_segment, What::Missing));
}

#[test]
fn events_of_a_commit_are_taken_once() {
    let (folder, key) = folder();
    let log = open(folder.path(), &key);
    let event =
        |serial, index| Event::new(Outcome::Changed, Action::SubscriberAdded, log.now()).committed(serial, index);
    let events = [event(5, 0), event(5, 1), event(6, 0)];
    log.events_committed(&events[..2]).expect("room");
    log.events_committed(&events).expect("room");
    log.flush().expect("on the disk");
    assert_eq!(log.last_committed(), Some(6));
    let last = event(7, 0);
    drop(log);
    let log = open(folder.path(), &key);
    assert_eq!(log.last_committed(), Some(6));
    log.events_committed(&events).expect("room");
    log.events_committed(&[last]).expect("room");
    drop(log);
    let commits: Vec<_> = entries(folder.path(), &key)
        .iter()
        .filter_map(|entry| match entry {
            Entry::Event(event) => event.commit(),
            _ => None,
        })
        .collect();
    assert_eq!(commits, [(5, 0), (5, 1), (6, 0), (7, 0)]);
}

#[test]
fn a_crowd_without_authority_does_not_fill_the_log() {
    let (folder, key) = folder();
    let mut options = options(folder.path());
    options.refusals_every = Duration::from_secs(3600);
    let log = AuditLog::open(options, &key).expect("a log");
    let peer = log.peer("192.0.2.1");
    for _ in 0..500_000 {
        log.refused(
            (peer, Subject::NOBODY),
            Action::VectorGiven,
            Refusal::UserNotFound,
            log.now(),
        );
    }
    for number in 0_u64..50_000 {
        let peer = PeerId::from_octets(number.to_be_bytes());
        log.refused(
            (peer, Subject::NOBODY),
            Action::VectorGiven,
            Refusal::Malformed,
            log.now(),
        );
    }
    release(&log, 1).expect("there is room");
    drop(log);
    let entries = entries(folder.path(), &key);
    assert!(entries.len() < 80, "{}", entries.len());
    let refused = entries.iter().filter_map(|entry| match entry {
        Entry::Event(event) if event.outcome() == Outcome::Refused => Some(event.count()),
        _ => None,
    });
    assert_eq!(refused.sum::<u32>(), 550_000);
}

#[test]
fn many_threads_lose_nothing() {
    let (folder, key) = folder();
    let mut options = options(folder.path());
    options.waiting = 1000;
    let log = AuditLog::open(options, &key).expect("a log");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || (0..10_000).for_each(|number| release_soon(log, thread << 32 | number)));
        }
    });
    drop(log);
    let released = released(&entries(folder.path(), &key));
    assert_eq!(released.len(), 40_000);
    assert_eq!(released.into_iter().collect::<HashSet<_>>().len(), 40_000);
}

/// The process of [`crate::audit_crash`] and of the full disk tell what they came to by this.
pub(crate) fn gaps(entries: &[Entry]) -> Vec<kaskade_flow::event::Gap> {
    let gap = |entry: &Entry| match entry {
        Entry::Gap(gap) => Some(*gap),
        _ => None,
    };
    entries.iter().filter_map(gap).collect()
}

#[test]
fn what_was_lost_without_room_is_said() {
    crate::audit_crash::on_a_full_disk("what_was_lost_without_room_is_said", Full::GoOn, |folder, key, told| {
        let entries = entries(folder, key);
        let lost: u64 = gaps(&entries)
            .iter()
            .filter(|gap| gap.reason == GapReason::NoRoom)
            .filter_map(|gap| gap.lost)
            .sum();
        assert!(lost > 0);
        assert_eq!(released(&entries).len() as u64 + lost, told);
    });
}

#[test]
fn what_was_lost_is_said_by_a_log_that_closes_without_room() {
    let this = "what_was_lost_is_said_by_a_log_that_closes_without_room";
    crate::audit_crash::on_a_full_disk(this, Full::Stop, |folder, key, told| {
        let before = entries(folder, key);
        let lost: u64 = gaps(&before).iter().filter_map(|gap| gap.lost).sum();
        assert!(lost > 0, "closed, and nothing is said of what was lost");
        assert_eq!(released(&before).len() as u64 + lost, told);
        // The next start has nothing to add.
        drop(open(folder, key));
        assert_eq!(gaps(&entries(folder, key)), gaps(&before));
    });
}

#[test]
fn a_full_disk_releases_nothing_and_goes_on_when_there_is_room() {
    let this = "a_full_disk_releases_nothing_and_goes_on_when_there_is_room";
    crate::audit_crash::on_a_full_disk(this, Full::Refuse, |folder, key, told| {
        let entries = entries(folder, key);
        assert_eq!(released(&entries).len() as u64, told);
        assert_eq!(gaps(&entries), []);
    });
}
