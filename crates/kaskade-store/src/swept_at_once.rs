//! What ended together goes page after page, without a wait in between: no time passes here.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::record::{Expect, Kind, Protection, Record, RowError};
use kaskade_flow::{Guarded, Unit, UnixMillis};

use crate::clock::Clocks;
use crate::commit::Committer;
use crate::embedded::EmbeddedEngine;
use crate::master_key::MasterKey;
use crate::store::{StoreOptions, SubscriberStore};

/// Has ended before it is written.
#[derive(Debug)]
struct Ended;

impl Record for Ended {
    const KIND: Kind = Kind::new(778, "ended one of a test", 1, Protection::Coded);
    type Key = u64;

    fn encode(&self, _: &mut Vec<u8>, _: &mut SecretWriter) {}

    fn decode(_: u8, _: &[u8], _: SecretReader<'_>) -> Result<Self, RowError> {
        Ok(Self)
    }

    fn expires(&self) -> Option<UnixMillis> {
        Some(UnixMillis::new(1_000))
    }
}

#[test]
fn what_ended_together_is_removed_in_one_go() {
    const ROWS: u64 = 5_000;
    let options = StoreOptions {
        clock: Arc::new(|| Clocks {
            wall: Duration::from_secs(1_700_000_000),
            monotonic: Duration::from_secs(1),
        }),
        ..StoreOptions::default()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let engine = EmbeddedEngine::open(&folder.path().join("store"), 16 << 20).expect("the engine");
    let key = MasterKey::from_octets(&[1; 32]);
    let made = SubscriberStore::without_thread(Arc::new(engine), Path::new("store"), &key, options);
    let (store, mut committer) = made.expect("a store");
    let step = |committer: &mut Committer| committer.step(store.queue.take_now());
    let records = store.records();
    records.declare(&[Ended::KIND]).expect("declared");
    let mut unit = Unit::new();
    (0..ROWS).for_each(|number| unit.put(&number, &Ended, Expect::Absent));
    let committing = records.commit(unit, Guarded::new(()));
    step(&mut committer);
    committing.wait().expect("done").release_to_peer();

    let start = Instant::now();
    let mut swept = start;
    // Not yet: it is looked now and then.
    committer.sweep(&mut swept, start);
    step(&mut committer);
    assert_eq!(records.swept(), 0);
    let now = start + committer.patience;
    // From then on the clock stands still.
    let mut turns = 0;
    while records.swept() < ROWS {
        let before = records.swept();
        committer.sweep(&mut swept, now);
        step(&mut committer);
        assert!(records.swept() > before, "{before} are gone, and the others wait");
        turns += 1;
    }
    assert!(turns > 10, "a page at a time");
}
