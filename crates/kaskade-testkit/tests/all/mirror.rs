//! An engine that this project does not have, through public items only: two others that hold the same and must always agree.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaskade_store::EngineError;
use kaskade_store::embedded::EmbeddedEngine;
use kaskade_store::engine::{
    Batch, BoxFuture, CommitFailed, Cursor, Engine, Group, NodeLease, Peek, Row, Serial, Stored, Table, UnitOutcome,
    Wanted,
};
use kaskade_testkit::conformance::{self, Place};
use kaskade_testkit::memory::MemoryEngine;

/// Rows are seen so long before whoever committed them hears of it, as in an engine on another machine.
const LATE: Duration = Duration::from_millis(3);

/// Answers out of the file, once memory has come to the same.
struct Mirror {
    file: EmbeddedEngine,
    memory: MemoryEngine,
    alone: Mutex<()>,
}

impl Mirror {
    fn write(&self, group: &Group) -> Result<Vec<UnitOutcome>, CommitFailed> {
        let _alone = self.alone.lock().unwrap();
        let outcomes = pollster::block_on(self.file.commit(group.clone()))?;
        assert_eq!(outcomes, self.memory.write(group)?, "both judge alike");
        let changes = group.units.iter().flat_map(Batch::changes);
        let wanted: Vec<_> = changes.map(|change| Wanted::Key(change.table, &change.key)).collect();
        // One of a table that nobody declared is in neither, and only one of them says so.
        if outcomes.iter().all(|outcome| *outcome == UnitOutcome::Done) {
            let (file, memory) = (self.file.read(&wanted), self.memory.read(&wanted));
            assert_eq!(
                pollster::block_on(file)?,
                pollster::block_on(memory)?,
                "both hold the same"
            );
        }
        std::thread::sleep(LATE);
        Ok(outcomes)
    }
}

impl Engine for Mirror {
    fn declare(&self, tables: &[Table]) -> Result<(), EngineError> {
        self.memory.declare(tables)?;
        self.file.declare(tables)
    }

    fn peek(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(Stored<'_>)) -> Peek {
        self.file.peek(table, key, visit)
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> BoxFuture<'a, Result<Vec<Option<Row>>, EngineError>> {
        self.file.read(wanted)
    }

    fn page<'a>(&'a self, from: Cursor<'a>, limit: usize) -> BoxFuture<'a, Result<Vec<Row>, EngineError>> {
        self.file.page(from, limit)
    }

    fn len(&self, table: Table) -> BoxFuture<'_, Result<u64, EngineError>> {
        self.file.len(table)
    }

    fn is_empty(&self) -> Result<bool, EngineError> {
        self.file.is_empty()
    }

    fn is_shared(&self) -> bool {
        self.file.is_shared()
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeLease>, EngineError>> {
        self.file.nodes()
    }

    fn serial(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        self.file.serial(node)
    }

    fn commit(&self, group: Group) -> BoxFuture<'_, Result<Vec<UnitOutcome>, CommitFailed>> {
        Box::pin(async move { self.write(&group) })
    }

    fn recover(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        self.file.recover(node)
    }
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    let memory = MemoryEngine::default();
    Box::new(move || {
        let file = EmbeddedEngine::open(&folder.path().join("store"), 16 << 20).expect("it opens");
        let memory = memory.clone();
        Arc::new(Mirror {
            file,
            memory,
            alone: Mutex::default(),
        }) as Arc<dyn Engine>
    })
}

#[test]
fn an_engine_of_somebody_else_keeps_its_promises() {
    conformance::run(place);
}

#[test]
fn records_on_an_engine_of_somebody_else() {
    conformance::records(place);
}
