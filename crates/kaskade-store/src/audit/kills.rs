//! Kills and power cuts between any two steps of the writer, on a disk that is slow.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kaskade_flow::event::{Action, Entry, Event, Gap, GapReason, Outcome, Subject};
use kaskade_flow::{Cover, Guarded, Refusal, UnixMillis};

use super::{AuditLog, AuditOptions, Step, WhenFull, files, lock, open, walk};
use crate::master_key::MasterKey;

/// A release or a refusal: its number, when it was asked for, and when it was told.
type Told = (u64, u64, u64);

/// What a crash leaves, and what was told until then.
struct Crash {
    files: PathBuf,
    released: usize,
    refused: usize,
    at: u64,
}

#[derive(Default)]
struct Course {
    released: Mutex<Vec<Told>>,
    refused: Mutex<Vec<Told>>,
    kills: Mutex<Vec<Crash>>,
    power_cuts: Mutex<Vec<Crash>>,
    on_disk: Mutex<Option<PathBuf>>,
}

impl Course {
    fn crash(&self, files: PathBuf) -> Crash {
        Crash {
            files,
            released: lock(&self.released).len(),
            refused: lock(&self.refused).len(),
            at: now_ms(),
        }
    }

    /// What is there at this step: in the files when the process is killed, on the disk when the machine goes down.
    fn step(&self, log: &Path, copies: &Path, step: Step) {
        let copy = copies.join(lock(&self.kills).len().to_string());
        crate::private::create_folder(&copy).expect("a folder");
        for number in files::segments(log).expect("a folder") {
            fs::copy(files::segment(log, number), files::segment(&copy, number)).expect("copied");
        }
        if step == Step::Synced {
            *lock(&self.on_disk) = Some(copy.clone());
        }
        let disk = lock(&self.on_disk).clone();
        lock(&self.power_cuts).extend(disk.map(|disk| self.crash(disk)));
        lock(&self.kills).push(self.crash(copy));
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as u64
}

/// Releases and refuses for a while on a disk whose syncs take so long.
fn run(home: &Path, key: &MasterKey, sync: Duration, when_full: WhenFull) -> Arc<Course> {
    let (folder, copies) = (home.join("audit"), home.join("copies"));
    fs::create_dir(&copies).expect("a folder");
    let mut options = AuditOptions::new(&folder);
    options.segment_bytes = AuditOptions::LEAST_SEGMENT;
    options.refusals_every = Duration::from_millis(700);
    options.when_full = when_full;
    let course = Arc::new(Course::default());
    let (opened, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (seen, is_open, is_done) = (Arc::clone(&course), Arc::clone(&opened), Arc::clone(&done));
    options.between = Some(Arc::new(move |step| {
        if is_open.load(Ordering::Acquire) && step == Step::Syncing {
            std::thread::sleep(sync);
        }
        if !is_done.load(Ordering::Acquire) {
            seen.step(&folder, &copies, step);
        }
    }));
    let log = AuditLog::open(options, key).expect("a log");
    opened.store(true, Ordering::Release);
    let peer = log.peer("amf.example.org");
    let mut number = 0;
    while lock(&course.kills).len() < 50 {
        number += 1;
        let asked = now_ms();
        let event = Event::new(Outcome::Released, Action::KeyReleased, log.now()).correlated(number);
        if log.covered(Cover::known_to_store(), event, Guarded::new(())).is_ok() {
            lock(&course.released).push((number, asked, now_ms()));
        }
        if number % 200 == 0 {
            let asked = now_ms();
            log.refused(
                (peer, Subject::NOBODY),
                Action::VectorGiven,
                Refusal::UserNotFound,
                log.now(),
            );
            lock(&course.refused).push((number, asked, now_ms()));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    done.store(true, Ordering::Release);
    course
}

/// Compares what is missing after a crash with the gap of the next start.
fn check(course: &Course, crash: &Crash, key: &MasterKey, boot: &[u8; 16]) -> (Gap, usize) {
    let segments = files::segments(&crash.files).expect("a folder");
    let (mut numbers, mut refusals, mut last) = (HashSet::new(), 0, None);
    let mut said = Vec::new();
    for number in segments {
        let path = files::segment(&crash.files, number);
        let head = walk::head(&path, number, None).expect("a head");
        let keys = key.audit_keys(&head.log);
        let walked = walk::walk(&path, number, Some(&keys), Vec::new(), &mut |_, entry| match entry {
            Entry::Event(event) if event.outcome() == Outcome::Released => {
                numbers.insert(event.correlation());
            }
            Entry::Event(event) if event.outcome() == Outcome::Refused => refusals += event.count() as usize,
            Entry::Gap(gap) => said.push(*gap),
            _ => {}
        });
        last = Some(walked.expect("as it was written"));
    }
    let last = last.expect("a segment");
    assert!(!last.closed);
    let gap = open::gap(&last.mark, boot, crash.at);
    said.push(gap);
    let told = lock(&course.released);
    let missing = told
        .iter()
        .take(crash.released)
        .filter(|(number, ..)| !numbers.contains(number));
    let mut count = 0;
    for (number, asked, told) in missing {
        count += 1;
        assert!(
            said.iter()
                .any(|gap| *told >= gap.from.get() && *asked <= gap.until.get()),
            "{number}, asked {asked} and told {told}, is missing and not in {gap:?}, {}",
            crash.files.display()
        );
    }
    let since = gap.refusals.map_or(u64::MAX, UnixMillis::get);
    let refused = lock(&course.refused);
    let before = refused.iter().take(crash.refused).filter(|(_, _, told)| *told < since);
    assert!(before.count() <= refusals, "a refusal before {gap:?} is missing");
    (gap, count)
}

fn key() -> MasterKey {
    MasterKey::from_octets(&[9; 32])
}

#[test]
fn the_gap_holds_all_that_a_kill_or_a_power_cut_can_take() {
    for slow in [0, 250, 1200] {
        let home = tempfile::tempdir().expect("a folder");
        let course = run(home.path(), &key(), Duration::from_millis(slow), WhenFull::Refuse);
        let mut missing = [0; 2];
        let (kills, power_cuts) = (lock(&course.kills), lock(&course.power_cuts));
        for crash in kills.iter() {
            let (gap, count) = check(&course, crash, &key(), &files::boot());
            missing[0] += count;
            let is_said = gap.reason == GapReason::Killed && gap.at_most_ms == 1000;
            if crash.released > 0 {
                assert!(is_said && gap.until.get() - gap.from.get() <= 1000, "{gap:?}");
            }
        }
        for crash in power_cuts.iter() {
            let (gap, count) = check(&course, crash, &key(), &[7; 16]);
            missing[1] += count;
            if crash.released > 0 {
                assert_eq!((gap.reason, gap.at_most_ms), (GapReason::MachineDown, 1000));
                assert!(gap.until.get() - gap.from.get() <= 12_000, "{gap:?}");
            }
        }
        println!(
            "{slow} ms: {} crashes, {missing:?} missing",
            kills.len() + power_cuts.len()
        );
        assert!(missing.iter().all(|missing| *missing > 0), "the test tests too little");
    }
}

#[test]
fn a_log_that_goes_on_says_that_nobody_knows_for_how_long() {
    let home = tempfile::tempdir().expect("a folder");
    let course = run(home.path(), &key(), Duration::from_millis(1200), WhenFull::GoOn);
    let mut missing = 0;
    for crash in lock(&course.kills).iter() {
        missing += check(&course, crash, &key(), &files::boot()).1;
    }
    for crash in lock(&course.power_cuts).iter() {
        missing += check(&course, crash, &key(), &[7; 16]).1;
    }
    assert!(missing > 0, "the test tests too little");
}

/// A log that is killed again before it has said its gap says it then.
#[test]
fn a_gap_is_said_though_each_start_is_killed_before_it_is_written() {
    let home = tempfile::tempdir().expect("a folder");
    let course = run(home.path(), &key(), Duration::ZERO, WhenFull::Refuse);
    let killed = lock(&course.kills).pop().expect("a kill");
    let (gap, _) = check(&course, &killed, &key(), &files::boot());
    let copies = home.path().join("again");
    fs::create_dir(&copies).expect("a folder");
    let again = Arc::new(Course::default());
    let (seen, folder) = (Arc::clone(&again), killed.files.clone());
    let mut options = AuditOptions::new(&killed.files);
    options.segment_bytes = AuditOptions::LEAST_SEGMENT;
    let to = copies.clone();
    options.between = Some(Arc::new(move |step| seen.step(&folder, &to, step)));
    drop(AuditLog::open(options, &key()).expect("it goes on"));
    let (mut unsaid, mut said) = (0, 0);
    for crash in lock(&again.kills).iter() {
        let number = *files::segments(&crash.files)
            .expect("a folder")
            .last()
            .expect("a segment");
        let path = files::segment(&crash.files, number);
        let mut gaps = Vec::new();
        let walked = walk::walk(&path, number, None, Vec::new(), &mut |_, entry| {
            gaps.extend(match entry {
                Entry::Gap(gap) => Some(*gap),
                _ => None,
            });
        });
        let walked = walked.expect("as it was written");
        if gaps.contains(&Gap {
            until: gaps.last().map_or(gap.until, |last| last.until),
            ..gap
        }) {
            said += 1;
            continue;
        }
        unsaid += 1;
        let next = open::gap(&walked.mark, &files::boot(), crash.at);
        assert_eq!(
            (next.reason, next.from, next.refusals),
            (gap.reason, gap.from, gap.refusals)
        );
        assert!(
            next.until >= gap.until.min(UnixMillis::new(crash.at)),
            "{next:?} for {gap:?}"
        );
    }
    assert!(said > 0 && unsaid > 0, "{said} {unsaid}");
}
