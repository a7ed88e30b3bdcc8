//! One test over each engine: in the process, and in PostgreSQL.
//!
//! A test that takes [`On`] says nothing of the engine, and [`over_each_engine!`](crate::over_each_engine) makes it twice, in modules `embedded`
//! and `postgres`. One that is written and not named there is never called, which the compiler says.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kaskade_store::EngineError;
use kaskade_store::engine::{
    BoxFuture, CommitFailed, Cursor, Engine, Group, NodeLease, Peek, Row, Serial, Stored, Table, UnitOutcome, Wanted,
};
use kaskade_store::postgres::{PostgresEngine, PostgresOptions};

use crate::memory::{Failure, MemoryEngine};
use crate::postgres::Cluster;

/// Which engine a test runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// One in the process: [`MemoryEngine`], or the file of the program.
    Embedded,
    /// The PostgreSQL that the tests of a process share.
    Postgres,
}

impl On {
    /// Whether it is here; what is not, and need not be, is counted.
    pub fn is_here(self) -> bool {
        self == Self::Embedded || Cluster::shared().is_some()
    }
}

/// Makes tests of functions that take [`On`](crate::kept::On): each over every engine. `async` ones have a runtime of their own.
///
/// ```
/// use kaskade_testkit::kept::On;
///
/// fn a_test(on: On) {
///     assert!(on.is_here());
/// }
/// kaskade_testkit::over_each_engine!(a_test);
/// ```
#[macro_export]
macro_rules! over_each_engine {
    (async $($test:ident),+ $(,)?) => {
        mod embedded {
            $(#[::tokio::test]
            async fn $test() {
                super::$test($crate::kept::On::Embedded).await;
            })+
        }

        mod postgres {
            $(#[::tokio::test]
            async fn $test() {
                if $crate::kept::On::Postgres.is_here() {
                    super::$test($crate::kept::On::Postgres).await;
                }
            })+
        }
    };
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $(#[test]
            fn $test() {
                super::$test($crate::kept::On::Embedded);
            })+
        }

        mod postgres {
            $(#[test]
            fn $test() {
                if $crate::kept::On::Postgres.is_here() {
                    super::$test($crate::kept::On::Postgres);
                }
            })+
        }
    };
}

/// The rows of a test. Clones are the same place.
#[derive(Clone)]
pub struct Kept(Rows);

#[derive(Clone)]
enum Rows {
    Memory(MemoryEngine),
    Postgres {
        cluster: &'static Cluster,
        place: PostgresOptions,
        failure: Arc<Failures>,
    },
}

/// How commits fail.
struct Failures {
    how: AtomicU32,
    /// Commits until the disk is full; `u32::MAX` for never.
    left: AtomicU32,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            how: AtomicU32::new(Failure::Never as u32),
            left: AtomicU32::new(u32::MAX),
        }
    }
}

impl Failures {
    fn set(&self, how: Failure) {
        self.left.store(u32::MAX, Ordering::SeqCst);
        self.how.store(how as u32, Ordering::SeqCst);
    }
}

impl Kept {
    /// A place without rows.
    ///
    /// # Panics
    /// When that engine is not here, or the place cannot be made.
    pub fn new(on: On) -> Self {
        match on {
            On::Embedded => MemoryEngine::default().into(),
            On::Postgres => {
                let cluster = Cluster::shared().expect("PostgreSQL");
                Self::at(cluster, cluster.place())
            }
        }
    }

    fn at(cluster: &'static Cluster, place: PostgresOptions) -> Self {
        Self(Rows::Postgres {
            cluster,
            place,
            failure: Arc::default(),
        })
    }

    /// An engine over it. In PostgreSQL that is node 0, which only one is at a time.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub fn open(&self) -> Arc<dyn Engine> {
        match &self.0 {
            Rows::Memory(engine) => Arc::new(engine.clone()),
            Rows::Postgres { place, failure, .. } => Arc::new(Failing {
                engine: PostgresEngine::open(place).expect("the engine"),
                failure: Arc::clone(failure),
            }),
        }
    }

    /// Another place with what is durable here, as whoever starts after `kill -9` finds it: nobody has it open, nothing fails.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn copy(&self) -> Self {
        match &self.0 {
            Rows::Memory(engine) => engine.copy().into(),
            Rows::Postgres { cluster, place, .. } => Self::at(cluster, cluster.copy(place)),
        }
    }

    /// From now on commits fail like this.
    pub fn fail(&self, how: Failure) {
        match &self.0 {
            Rows::Memory(engine) => engine.fail(how),
            Rows::Postgres { failure, .. } => failure.set(how),
        }
    }

    /// After so many commits the disk is full.
    pub fn fail_after(&self, commits: u32) {
        match &self.0 {
            Rows::Memory(engine) => engine.fail_after(commits),
            Rows::Postgres { failure, .. } => failure.left.store(commits, Ordering::SeqCst),
        }
    }

    /// All rows, in the order of tables and keys.
    ///
    /// # Panics
    /// When they are not in memory.
    pub fn rows(&self) -> Vec<Row> {
        match &self.0 {
            Rows::Memory(engine) => engine.rows(),
            Rows::Postgres { .. } => panic!("rows are looked at in memory"),
        }
    }
}

impl From<MemoryEngine> for Kept {
    fn from(engine: MemoryEngine) -> Self {
        Self(Rows::Memory(engine))
    }
}

/// A PostgreSQL that takes no commit on request: what [`MemoryEngine::fail`] is there.
struct Failing {
    engine: PostgresEngine,
    failure: Arc<Failures>,
}

impl Failing {
    /// Why it takes none, if so, and whether it has it all the same.
    fn fails(&self) -> Option<(EngineError, bool)> {
        let full = || EngineError::Full(PathBuf::from("PostgreSQL"));
        match self.failure.how.load(Ordering::SeqCst) {
            failure if failure == Failure::Never as u32 => None,
            failure if failure == Failure::Broken as u32 => Some((EngineError::Failed, false)),
            failure => Some((full(), failure == Failure::FullAfterWrite as u32)),
        }
    }
}

impl Engine for Failing {
    fn declare(&self, tables: &[Table]) -> Result<(), EngineError> {
        self.engine.declare(tables)
    }

    fn peek(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(Stored<'_>)) -> Peek {
        self.engine.peek(table, key, visit)
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> BoxFuture<'a, Result<Vec<Option<Row>>, EngineError>> {
        self.engine.read(wanted)
    }

    fn page<'a>(&'a self, from: Cursor<'a>, limit: usize) -> BoxFuture<'a, Result<Vec<Row>, EngineError>> {
        self.engine.page(from, limit)
    }

    fn len(&self, table: Table) -> BoxFuture<'_, Result<u64, EngineError>> {
        self.engine.len(table)
    }

    fn is_empty(&self) -> Result<bool, EngineError> {
        self.engine.is_empty()
    }

    fn damage(&self) -> Option<EngineError> {
        self.engine.damage()
    }

    fn is_shared(&self) -> bool {
        self.engine.is_shared()
    }

    fn node(&self) -> Option<u16> {
        self.engine.node()
    }

    fn nodes(&self) -> BoxFuture<'_, Result<Vec<NodeLease>, EngineError>> {
        self.engine.nodes()
    }

    fn end_lapsed(&self, node: u16) -> BoxFuture<'_, Result<bool, EngineError>> {
        self.engine.end_lapsed(node)
    }

    fn commit(&self, group: Group) -> BoxFuture<'_, Result<Vec<UnitOutcome>, CommitFailed>> {
        Box::pin(async move {
            match self.failure.left.load(Ordering::SeqCst) {
                u32::MAX => {}
                0 => self.failure.set(Failure::Full),
                left => self.failure.left.store(left - 1, Ordering::SeqCst),
            }
            match self.fails() {
                None => self.engine.commit(group).await,
                Some((error, false)) => Err(error.into()),
                Some((error, true)) => {
                    let outcomes = self.engine.commit(group).await?;
                    Err(CommitFailed { error, outcomes })
                }
            }
        })
    }

    fn serial(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        self.engine.serial(node)
    }

    fn recover(&self, node: u16) -> BoxFuture<'_, Result<Serial, EngineError>> {
        Box::pin(async move {
            match self.fails() {
                None => self.engine.recover(node).await,
                Some((error, _)) => Err(error),
            }
        })
    }
}
