//! The engines keep their promises.

use std::sync::Arc;

use kaskade_store::conformance;
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::Engine;
use kaskade_store::memory::MemoryEngine;

#[test]
fn embedded() {
    conformance::run(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Box::new(move || {
            let engine = EmbeddedEngine::open(&folder.path().join("store"), 16 << 20).expect("the engine");
            Arc::new(engine) as Arc<dyn Engine>
        })
    });
}

#[test]
fn memory() {
    conformance::run(|| {
        let place = MemoryEngine::default();
        Box::new(move || Arc::new(place.clone()) as Arc<dyn Engine>)
    });
}

/// As an engine on another machine: nothing is at hand.
#[test]
fn far_memory() {
    conformance::run(|| {
        let place = MemoryEngine::default().far();
        Box::new(move || Arc::new(place.clone()) as Arc<dyn Engine>)
    });
}
