//! A success and an AUTS of the same subscriber do not overlap.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use kaskade_keys::Supi;

use crate::key::SubscriberKey;
use crate::master_key::MasterKey;
use crate::memory::MemoryEngine;
use crate::store::{StoreOptions, SubscriberStore};

#[test]
fn a_success_waits_for_an_auts_that_is_being_judged() {
    let engine = Arc::new(MemoryEngine::default());
    let key = MasterKey::from_octets(&[1; 32]);
    let store = SubscriberStore::with_engine(engine, Path::new("memory"), &key, StoreOptions::default());
    let store = store.expect("a store");
    let supi: Supi = "imsi-001010000000001".parse().expect("an IMSI");
    let rand = store.challenge(&supi, [1; 8]);
    let shard = store.issuer.shard(&SubscriberKey::from(&supi));
    let (said, heard) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            store.succeeded(&supi);
            said.send(()).expect("heard");
        });
        assert!(
            heard.recv_timeout(Duration::from_millis(200)).is_err(),
            "it does not wait"
        );
        let fresh = store.watch.fresh(
            store.sealer.keys(),
            (&SubscriberKey::from(&supi), None),
            &rand,
            store.moment(),
        );
        assert!(fresh.is_ok());
        drop(shard);
        heard.recv_timeout(Duration::from_secs(20)).expect("done");
    });
    let fresh = store.watch.fresh(
        store.sealer.keys(),
        (&SubscriberKey::from(&supi), None),
        &rand,
        store.moment(),
    );
    assert!(fresh.is_err());
}
