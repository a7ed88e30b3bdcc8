//! The audit log under a process that is killed, and on a disk that is full: each in a process of its own.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::audit::{entries, gaps, options, release, release_soon, released};
use crate::common::folder;
use kaskade_flow::event::GapReason;
use kaskade_store::MasterKey;
use kaskade_store::audit::{AuditFull, AuditLog, LogReader, WhenFull};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const CHILD: &str = "KASKADE_AUDIT_CHILD";
const LIFE: &str = "KASKADE_AUDIT_LIFE";

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as u64
}

#[test]
fn a_killed_log_verifies_and_tells_its_gap() {
    if let Ok(folder) = std::env::var(CHILD) {
        serve(Path::new(&folder));
    }
    let kills: u64 = std::env::var("KASKADE_AUDIT_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(30);
    let (folder, key) = folder();
    let mut told: Vec<Told> = Vec::new();
    let mut lost = HashSet::new();
    let mut known_gaps = 0;
    for life in 0..kills {
        let wait = Duration::from_micros(life.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 700_000);
        let (new, killed) = live(folder.path(), life, wait);
        told.extend(new);
        let reader = LogReader::open(&folder.path().join("audit"), Some(&key)).expect("a log");
        reader
            .verify(None, &mut |_, _| ())
            .expect("it verifies as the kill left it");

        let mut options = options(folder.path());
        options.when_full = WhenFull::Refuse;
        drop(AuditLog::open(options, &key).expect("it goes on"));
        let entries = entries(folder.path(), &key);
        let all = gaps(&entries);
        assert_eq!(all.len(), known_gaps + 1, "life {life}: each kill leaves one gap");
        known_gaps = all.len();
        let gap = all.last().expect("a gap");
        assert_eq!(gap.reason, GapReason::Killed);
        let (from, until) = (gap.from.get(), gap.until.get());
        assert!(until - from <= 1000 && gap.at_most_ms <= 1000, "life {life}: {gap:?}");
        let there: HashSet<u64> = released(&entries).into_iter().collect();
        for (number, asked, at) in told.iter().filter(|(number, ..)| !there.contains(number)) {
            if lost.insert(*number) {
                assert!(
                    *at + 1000 >= killed,
                    "life {life}: {number} was released {} ms before",
                    killed - at
                );
                assert!(
                    *at >= from && *asked <= until,
                    "life {life}: asked {asked} and told {at} is not in {gap:?}"
                );
            }
        }
    }
    println!(
        "{kills} kills, {} releases told, {} of them in gaps",
        told.len(),
        lost.len()
    );
    assert!(told.len() as u64 > 50 * kills, "the test tests too little");
    let all = released(&entries(folder.path(), &key));
    assert_eq!(
        all.iter().collect::<HashSet<_>>().len(),
        all.len(),
        "nothing is there twice"
    );
}

/// A release: its number, when it was asked for, and when it was told.
type Told = (u64, u64, u64);

/// Starts the child and kills it; what it released, and when it was killed.
fn live(folder: &Path, life: u64, wait: Duration) -> (Vec<Told>, u64) {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "audit_crash::a_killed_log_verifies_and_tells_its_gap",
            "--exact",
            "--nocapture",
            "--quiet",
        ])
        .env(CHILD, folder)
        .env(LIFE, life.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child");
    let stdout = child.stdout.take().expect("piped");
    let (first, began) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut told = Vec::new();
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("text");
            let Some(line) = line.strip_suffix(';') else { continue };
            let numbers: Vec<u64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
            let [number, asked, at] = numbers[..] else { continue };
            told.push((number, asked, at));
            let _ = first.send(());
        }
        told
    });
    began
        .recv_timeout(Duration::from_secs(60))
        .expect("the child releases something");
    std::thread::sleep(wait);
    child.kill().expect("killed");
    let killed = now_ms();
    child.wait().expect("gone");
    (reader.join().expect("read"), killed)
}

fn serve(folder: &Path) -> ! {
    let key = MasterKey::open(&folder.join("master.key")).expect("the master key");
    let life: u64 = std::env::var(LIFE).expect("a life").parse().expect("a number");
    let log = AuditLog::open(options(folder), &key).expect("a log");
    std::thread::scope(|scope| {
        for thread in 0..3_u64 {
            let log = &log;
            scope.spawn(move || {
                for turn in 0_u64.. {
                    let number = life << 40 | thread << 32 | turn;
                    let asked = now_ms();
                    if release(log, number).is_ok() {
                        let line = format!("{number} {asked} {};\n", now_ms());
                        std::io::stdout()
                            .lock()
                            .write_all(line.as_bytes())
                            .expect("the parent listens");
                    }
                    if turn % 20 == 0 {
                        std::thread::sleep(Duration::from_millis(3));
                    }
                }
            });
        }
    });
    unreachable!("the threads never end")
}

/// What a log does on a disk that is full.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Refuse,
    GoOn,
    /// It goes on, and is closed before there is room.
    Stop,
}

/// A log whose next segment the disk does not take, until it does: `check` gets how many were released.
pub(crate) fn on_a_full_disk(test: &str, full: Full, check: impl FnOnce(&Path, &MasterKey, u64)) {
    if let Ok(folder) = std::env::var(CHILD) {
        return fill_the_disk(Path::new(&folder), full);
    }
    let (folder, key) = folder();
    // A write beyond the limit must be an error, not the end of the process.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$1\" --exact --nocapture --quiet"])
        .arg(std::env::current_exe().expect("this test"))
        .arg(format!("audit::{test}"))
        .env(CHILD, folder.path())
        .output()
        .expect("a child");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("released ")?.parse().ok());
    check(folder.path(), &key, told.expect("a number"));
}

fn fill_the_disk(folder: &Path, full: Full) {
    let key = MasterKey::open(&folder.join("master.key")).expect("the master key");
    let mut options = options(folder);
    let go_on = full != Full::Refuse;
    options.when_full = if go_on { WhenFull::GoOn } else { WhenFull::Refuse };
    let segment = options.segment_bytes;
    let log = AuditLog::open(options, &key).expect("a log");
    let limit = getrlimit(Resource::Fsize);
    // No file may become as long as a segment any more.
    let low = Rlimit {
        current: Some(segment - 1),
        ..limit
    };
    setrlimit(Resource::Fsize, low).expect("a limit");
    let mut number = 0;
    let start = Instant::now();
    if go_on {
        while number < 30_000 {
            release(&log, number).expect("it goes on");
            number += 1;
            if number % 100 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(log.may_change(), Ok(()));
    } else {
        let mut refused = 0;
        // Full for a while, not only until the writer has emptied the lanes.
        while refused < 300 {
            match release(&log, number) {
                Ok(()) => {
                    number += 1;
                    refused = 0;
                }
                Err(full) => {
                    assert_eq!(full, AuditFull::NoRoom);
                    refused += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            assert!(
                number < 30_000 && start.elapsed() < Duration::from_secs(60),
                "a segment never fills"
            );
        }
        // Without room it waits for some; it has not failed.
        assert_eq!(log.flush(), Err(AuditFull::NoRoom));
        assert_eq!(log.failed(), None);
        assert_eq!(log.may_change(), Err(AuditFull::NoRoom));
    }
    if full == Full::Stop {
        drop(log);
        println!("\nreleased {number}");
        return;
    }
    setrlimit(Resource::Fsize, limit).expect("no limit");
    let room = Instant::now();
    while log.flush().is_err() {
        assert!(room.elapsed() < Duration::from_secs(10), "room, and it does not go on");
        std::thread::sleep(Duration::from_millis(20));
    }
    // It is told a moment after who waits is answered.
    while log.may_change().is_err() {
        assert!(
            room.elapsed() < Duration::from_secs(10),
            "room, and nothing may be changed"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..1000 {
        release_soon(&log, number);
        number += 1;
    }
    drop(log);
    println!("\nreleased {number}");
}
