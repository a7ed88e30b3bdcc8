//! How dear keys in the order of the SUPI are to load, beside keys that begin with a hash of it: `docs/adr/0007-records.md`.

use std::time::{Duration, Instant};

use kaskade_flow::record::RecordKey;
use kaskade_keys::Supi;
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::{Batch, Blocking, Change, Engine, Expect, Group, Serial, Table, Value};

const ROWS: u64 = 200_000;
const COMMIT: u64 = 2048;
const LOADED: Table = Table::new(900, "loaded");

fn key(number: u64, hashed: bool) -> Vec<u8> {
    let supi: Supi = format!("imsi-00101{number:010}").parse().expect("a SUPI");
    let key = supi.to_octets();
    match hashed {
        false => key,
        true => [
            &number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[..],
            &key,
        ]
        .concat(),
    }
}

fn load(hashed: bool) -> (Duration, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store");
    let engine = EmbeddedEngine::open(&path, 1 << 30).expect("the engine");
    engine.declare(&[LOADED]).expect("declared");
    let start = Instant::now();
    for commit in 0..ROWS.div_ceil(COMMIT) {
        let mut unit = Batch::default();
        for number in commit * COMMIT..ROWS.min((commit + 1) * COMMIT) {
            unit.push(Change {
                table: LOADED,
                key: key(number, hashed).into(),
                expect: Expect::Any,
                value: Some(Value {
                    octets: [number as u8; 120].into(),
                    ..Value::default()
                }),
            });
        }
        let group = Group {
            node: 0,
            serial: Serial(commit + 1),
            now: 0,
            units: vec![unit],
        };
        pollster::block_on(engine.commit(group)).expect("a commit");
    }
    let took = start.elapsed();
    assert_eq!(engine.count(LOADED).expect("a number"), ROWS);
    drop(engine);
    (took, std::fs::metadata(&path).expect("a file").len())
}

#[test]
#[ignore = "a measurement, of minutes"]
fn loading_in_order_and_hashed() {
    for (name, hashed) in [("in the order of the SUPI", false), ("behind a hash", true)] {
        let (took, octets) = load(hashed);
        println!(
            "{name}: {ROWS} rows in {:.1} s, {} MB",
            took.as_secs_f64(),
            octets >> 20
        );
    }
}
