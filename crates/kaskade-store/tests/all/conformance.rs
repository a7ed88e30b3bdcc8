//! All engines keep their promises, and so does what is built on them.

use std::sync::Arc;

use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::Engine;
use kaskade_testkit::conformance::{self, Place};
use kaskade_testkit::memory::MemoryEngine;

fn embedded_place() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Box::new(move || {
        let engine = EmbeddedEngine::open(&folder.path().join("store"), 16 << 20).expect("the engine");
        Arc::new(engine) as Arc<dyn Engine>
    })
}

fn memory_place() -> Place {
    let place = MemoryEngine::default();
    Box::new(move || Arc::new(place.clone()) as Arc<dyn Engine>)
}

/// Nothing is at hand: each read waits.
fn far_place() -> Place {
    let place = MemoryEngine::default().far();
    Box::new(move || Arc::new(place.clone()) as Arc<dyn Engine>)
}

#[test]
fn embedded() {
    conformance::run(embedded_place);
}

#[test]
fn memory() {
    conformance::run(memory_place);
}

#[test]
fn records_embedded() {
    conformance::records(embedded_place);
}

#[test]
fn records_in_memory() {
    conformance::records(memory_place);
}

#[test]
fn records_far_away() {
    conformance::records(far_place);
}

/// As an engine on another machine: nothing is at hand.
#[test]
fn far_memory() {
    conformance::run(far_place);
}
