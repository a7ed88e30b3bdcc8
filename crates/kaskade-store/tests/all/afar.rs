//! Engines where nothing is at hand: how often they are asked.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

use kaskade_store::custody::Now;
use kaskade_store::engine::{
    BoxFuture, CommitFailed, Cursor, Engine, Group, NodeLease, Peek, Row, Serial, Stored, Table, UnitOutcome, Wanted,
};
use kaskade_store::{EngineError, MasterKey, SqnScheme, StoreError, StoreOptions, SubscriberStore};
use kaskade_testkit::memory::MemoryEngine;

use crate::common::{subscriber, supi};

/// Counts the questions about rows.
struct Counted {
    memory: MemoryEngine,
    asked: Arc<AtomicUsize>,
    /// The next answer never comes.
    silent: Arc<AtomicBool>,
}

impl Engine for Counted {
    fn declare(&self, tables: &[Table]) -> Result<(), EngineError> {
        self.memory.declare(tables)
    }

    fn peek(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(Stored<'_>)) -> Peek {
        self.memory.peek(table, key, visit)
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> BoxFuture<'a, Result<Vec<Option<Row>>, EngineError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.silent.swap(false, Ordering::SeqCst) {
            true => Box::pin(std::future::pending()),
            false => self.memory.read(wanted),
        }
    }

    fn page<'a>(&'a self, from: Cursor<'a>, limit: usize) -> BoxFuture<'a, Result<Vec<Row>, EngineError>> {
        self.memory.page(from, limit)
    }

    fn len(&self, table: Table) -> BoxFuture<'_, Result<u64, EngineError>> {
        self.memory.len(table)
    }

    fn is_empty(&self) -> Result<bool, EngineError> {
        self.memory.is_empty()
    }

    fn commit(&self, group: Group) -> BoxFuture<'_, Result<Vec<UnitOutcome>, CommitFailed>> {
        self.memory.commit(group)
    }

    fn is_shared(&self) -> bool {
        self.memory.is_shared()
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeLease>, EngineError>> {
        self.memory.nodes()
    }

    fn serial(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        self.memory.serial(node)
    }

    fn recover(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        self.memory.recover(node)
    }
}

#[test]
fn a_card_and_a_number_of_it_cost_one_question() {
    let asked = Arc::<AtomicUsize>::default();
    let engine = Counted {
        memory: MemoryEngine::default().far(),
        asked: Arc::clone(&asked),
        silent: Arc::default(),
    };
    let key = MasterKey::from_octets(&[7; 32]);
    let store = SubscriberStore::with_engine(Arc::new(engine), Path::new("memory"), &key, StoreOptions::default());
    let store = store.expect("a store");
    for n in 0..2 {
        store.add(&subscriber(n, SqnScheme::TimeBased)).expect("added");
    }
    // The clock has a mark from here on.
    store.next_sqn(&supi(0), "amf").expect("a number");
    asked.store(0, Ordering::SeqCst);
    let card = store.card(&supi(1)).expect("read").expect("there");
    let issued = store.next_sqn_of_now(&supi(1), &card.name, "amf").expect("a number");
    assert!(issued.is_some(), "nothing was waited for");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // One that is not there is not remembered.
    assert!(store.card(&supi(2)).expect("read").is_none());
    assert!(matches!(
        store.next_sqn(&supi(2), "amf"),
        Err(StoreError::UnknownSubscriber)
    ));
}

/// Whoever goes away while a card is on its way leaves the subscriber to others.
#[test]
fn a_card_that_nobody_waits_for_any_more_is_in_nobodys_way() {
    let silent = Arc::<AtomicBool>::default();
    let engine = Counted {
        memory: MemoryEngine::default().far(),
        asked: Arc::default(),
        silent: Arc::clone(&silent),
    };
    let key = MasterKey::from_octets(&[7; 32]);
    let store = SubscriberStore::with_engine(Arc::new(engine), Path::new("memory"), &key, StoreOptions::default());
    let store = Arc::new(store.expect("a store"));
    store.add(&subscriber(1, SqnScheme::TimeBased)).expect("added");
    silent.store(true, Ordering::SeqCst);
    let number = supi(1);
    let Now::Later(mut coming) = store.card_now(&number) else {
        panic!("it is not at hand")
    };
    assert!(
        coming
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    let (tell, told) = mpsc::channel();
    let another = Arc::clone(&store);
    std::thread::spawn(move || tell.send(another.next_sqn(&supi(1), "amf").is_ok()));
    let early = told.recv_timeout(Duration::from_millis(200));
    assert!(early.is_err(), "who loads the numbers waits for who has asked for them");
    drop(coming);
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(true));
}
