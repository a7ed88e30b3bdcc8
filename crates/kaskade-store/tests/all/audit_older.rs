//! Full segments of the audit log that somebody changed: found at a start, and kept when they are due to go.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::audit::{contents, copy_log, open, options, reader, release_soon, segment};
use crate::common::folder;
use kaskade_store::MasterKey;
use kaskade_store::audit::{AuditError, AuditLog, Notice, What, Wrong};

/// Goes on until this segment is written.
fn fill_up_to(log: &AuditLog, number: u64) {
    while log.head().expect("a head").segment < number {
        for number in 0..500 {
            release_soon(log, number);
        }
        log.flush().expect("on the disk");
    }
    // One round says what goes, the next makes that durable.
    for _ in 0..3 {
        log.flush().expect("on the disk");
    }
}

fn short(folder: &Path) -> kaskade_store::audit::AuditOptions {
    let mut options = options(folder);
    options.keep_bytes = 4 << 20;
    options
}

/// In the middle of an entry.
fn edit(folder: &Path, number: u64) {
    let file = OpenOptions::new().read(true).write(true).open(segment(folder, number));
    let file = file.expect("a segment");
    let mut octet = [0];
    file.read_exact_at(&mut octet, 500_000).expect("read");
    file.write_all_at(&[octet[0] ^ 1], 500_000).expect("written");
}

fn refused(folder: &Path, key: &MasterKey, what: &str) -> Wrong {
    let before = contents(folder);
    let wrong = match AuditLog::open(options(folder), key) {
        Err(AuditError::Wrong(wrong)) => wrong,
        other => panic!("{what}: {other:?}"),
    };
    assert!(before == contents(folder), "{what}: changed");
    let found = reader(folder, Some(key)).verify(None, &mut |_, _| ()).expect_err(what);
    assert_eq!(found.segment, wrong.segment, "{what}: {found} {wrong}");
    wrong
}

#[test]
fn a_start_refuses_a_log_whose_older_segments_were_changed() {
    let (home, key) = folder();
    let log = AuditLog::open(short(home.path()), &key).expect("a log");
    fill_up_to(&log, 6);
    drop(log);
    let first = reader(home.path(), Some(&key))
        .verify(None, &mut |_, _| ())
        .expect("as it was written")
        .first_segment;
    assert!(first > 1, "none was removed");
    drop(AuditLog::open(short(home.path()), &key).expect("it goes on"));
    type Deed<'a> = &'a dyn Fn(&Path);
    let cut = |path: &Path, number: u64, len: u64| {
        let file = OpenOptions::new().write(true).open(segment(path, number));
        file.and_then(|file| file.set_len(len)).expect("cut");
    };
    let deeds: [(&str, Deed<'_>, u64); 6] = [
        (
            "the oldest is removed",
            &|at| fs::remove_file(segment(at, first)).unwrap(),
            first,
        ),
        ("the oldest is edited", &|at| edit(at, first), first),
        ("one between is edited", &|at| edit(at, first + 1), first + 1),
        ("one is cut", &|at| cut(at, first, 500_000), first),
        ("one is cut to its head", &|at| cut(at, first + 1, 4096), first + 1),
        ("zeros are appended", &|at| cut(at, first, 2 << 20), first),
    ];
    for (what, deed, number) in deeds {
        let (copy, _) = folder();
        copy_log(home.path(), copy.path());
        drop(open(copy.path(), &key));
        deed(copy.path());
        let wrong = refused(copy.path(), &key, what);
        assert_eq!(wrong.segment, number, "{what}: {wrong}");
    }
}

#[test]
fn a_segment_that_was_edited_does_not_go() {
    let (folder, key) = folder();
    let mut options = short(folder.path());
    let told = Arc::new(Mutex::new(Vec::new()));
    let news = Arc::clone(&told);
    options.tell = Some(Arc::new(move |notice| {
        if let Notice::Kept(wrong) = notice {
            news.lock().expect("no panic").push(wrong.clone());
        }
    }));
    let log = AuditLog::open(options, &key).expect("a log");
    fill_up_to(&log, 3);
    edit(folder.path(), 2);
    fill_up_to(&log, 8);
    let begin = Instant::now();
    while told.lock().expect("no panic").is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(20), "nobody is told");
        log.flush().expect("on the disk");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(log);
    let told = told.lock().expect("no panic");
    assert!(told.len() == 1 && told[0].contains("audit-0000000002.log"), "{told:?}");
    let exists = |number| segment(folder.path(), number).exists();
    assert!(!exists(1), "nothing is wrong with the first");
    assert!((2..=8).all(exists), "evidence, and what is behind it");
    let wrong = refused(folder.path(), &key, "edited");
    assert_eq!((wrong.segment, wrong.what), (2, What::Edited));
}

#[test]
fn the_segment_that_is_missing_is_named() {
    let (folder, key) = folder();
    let log = AuditLog::open(short(folder.path()), &key).expect("a log");
    fill_up_to(&log, 6);
    drop(log);
    fs::remove_file(segment(folder.path(), 6)).expect("removed");
    let wrong = reader(folder.path(), Some(&key))
        .verify(None, &mut |_, _| ())
        .expect_err("it is missing");
    assert_eq!((wrong.segment, wrong.what), (6, What::Missing));
}

#[test]
fn a_folder_in_the_place_of_the_next_segment_is_named() {
    let (folder, key) = folder();
    drop(open(folder.path(), &key));
    let spare = folder.path().join("audit/spare");
    let _ = fs::remove_file(&spare);
    fs::create_dir(&spare).expect("a folder");
    let said = AuditLog::open(options(folder.path()), &key).expect_err("no place for it");
    assert!(
        said.to_string()
            .contains("audit/spare: a folder, expected the next segment"),
        "{said}"
    );
    fs::remove_dir(&spare).expect("removed");
    drop(open(folder.path(), &key));
}
