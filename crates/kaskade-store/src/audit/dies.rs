//! Panics on the thread that writes: of whoever is told the news, and its own.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kaskade_flow::event::{Action, Event, Outcome};
use kaskade_flow::{Cover, Guarded};

use super::{AuditFull, AuditLog, AuditOptions, LogReader, Notice, WhenFull, lock};
use crate::master_key::MasterKey;

fn release(log: &AuditLog) -> Result<(), AuditFull> {
    let event = Event::new(Outcome::Released, Action::KeyReleased, log.now());
    log.covered(Cover::known_to_store(), event, Guarded::new(()))
        .map(|durable| durable.release_to_peer())
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn whoever_is_told_the_news_may_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = MasterKey::from_octets(&[9; 32]);
    let mut options = AuditOptions::new(&folder.path().join("audit"));
    // More than these are lost, and the log says so.
    (options.waiting, options.when_full) = (8, WhenFull::GoOn);
    let told = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&told);
    options.tell = Some(Arc::new(move |notice| {
        counts.fetch_add(1, Ordering::SeqCst);
        panic!("no place to say {notice:?}");
    }));
    let log = AuditLog::open(options, &key).expect("a log");
    for _ in 0..1000 {
        release(&log).expect("it goes on");
    }
    wait_until("a gap is told", || told.load(Ordering::SeqCst) > 0);
    log.flush().expect("it is written as before");
    release(&log).expect("room");
    log.flush().expect("and goes on");
    assert_eq!((log.failed(), log.admits()), (None, Ok(())));
}

#[test]
fn a_log_whose_thread_dies_has_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit");
    let key = MasterKey::from_octets(&[9; 32]);
    let mut options = AuditOptions::new(&path);
    let dies = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&dies);
    options.between = Some(Arc::new(move |step| {
        assert!(!now.load(Ordering::SeqCst), "it dies at {step:?}");
    }));
    let told = Arc::new(Mutex::new(Vec::new()));
    let news = Arc::clone(&told);
    options.tell = Some(Arc::new(move |notice: &Notice| lock(&news).push(notice.clone())));
    let log = AuditLog::open(options, &key).expect("a log");
    log.flush().expect("on the disk");
    dies.store(true, Ordering::SeqCst);
    wait_until("it has failed", || log.failed().is_some());
    let why = "the thread that writes it has died";
    wait_until("it says so", || lock(&told).contains(&Notice::Failed(why.to_owned())));
    assert_eq!(log.failed().as_deref(), Some(why));
    assert_eq!(release(&log), Err(AuditFull::Failed));
    assert_eq!(log.may_change(), Err(AuditFull::Failed));
    assert_eq!(log.admits(), Err(AuditFull::Failed));
    assert_eq!(log.flush(), Err(AuditFull::Failed));
    log.close();
    assert_eq!(log.flush(), Err(AuditFull::Failed), "closed, and not in order");
    drop(log);
    // As a kill leaves it.
    drop(AuditLog::open(AuditOptions::new(&path), &key).expect("it goes on"));
    let reader = LogReader::open(&path, Some(&key)).expect("the log");
    assert!(reader.verify(None, &mut |_, _| ()).expect("as it was written").closed);
}
