//! The end of an audit log, while others use it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::audit::{entries, options, release, released};
use crate::common::folder;
use kaskade_flow::event::Entry;
use kaskade_store::audit::{AuditFull, AuditLog, WhenFull};

/// What is given out while the log is closed is in it, and what comes after is refused as by a program that stops, also where a log
/// without room would let it pass.
#[test]
fn a_log_that_closes_takes_what_it_admitted_and_nothing_more() {
    const THREADS: u64 = 4;
    for (round, when_full) in [WhenFull::Refuse, WhenFull::GoOn]
        .into_iter()
        .cycle()
        .take(20)
        .enumerate()
    {
        let (folder, key) = folder();
        let mut options = options(folder.path());
        options.when_full = when_full;
        let log = AuditLog::open(options, &key).expect("a log");
        let released_so_far = AtomicU64::new(0);
        let given: Vec<u64> = std::thread::scope(|scope| {
            let run = |thread: u64| {
                let (log, so_far) = (&log, &released_so_far);
                move || {
                    let mut given = Vec::new();
                    for number in 0.. {
                        match release(log, thread << 32 | number) {
                            Ok(()) => {
                                given.push(thread << 32 | number);
                                so_far.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(AuditFull::Stopping) => break,
                            Err(AuditFull::NoRoom | AuditFull::Stalled) => std::thread::yield_now(),
                            Err(full) => panic!("{full}"),
                        }
                        if number % 16 == 0 {
                            std::thread::sleep(Duration::from_micros(200));
                        }
                    }
                    given
                }
            };
            let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(run(thread))).collect();
            while released_so_far.load(Ordering::Relaxed) < 100 {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(round as u64));
            log.close();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("it ends"))
                .collect()
        });
        assert_eq!(log.flush(), Err(AuditFull::Stopping));
        let entries = entries(folder.path(), &key);
        let written: HashSet<u64> = released(&entries).into_iter().collect();
        let lost: u64 = entries
            .iter()
            .map(|entry| match entry {
                Entry::Gap(gap) => gap.lost.unwrap_or(0),
                _ => 0,
            })
            .sum();
        let missing = given.iter().filter(|number| !written.contains(number)).count() as u64;
        assert!(
            given.len() >= 100 && missing == lost,
            "round {round}: {missing} of {} are not in it, {lost} are said",
            given.len()
        );
    }
}
