//! An engine without a disk, for tests: promises everything but durability, and fails on request.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::engine::{Batch, Engine, Table};
use crate::error::EngineError;

type Map = BTreeMap<(Table, Box<[u8]>), Box<[u8]>>;

/// How a commit fails on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not.
    Never,
    /// The disk is full, nothing was written.
    Full,
    /// The disk is full, but the batch had become durable.
    FullAfterWrite,
    /// Writing failed for good.
    Broken,
}

/// An ordered map in memory. Clones share their content: one that is opened again finds what was committed.
#[derive(Clone, Default)]
pub struct MemoryEngine {
    map: Arc<RwLock<Map>>,
    failure: Arc<AtomicU32>,
}

/// The reading half of an [`Engine`] with a field `memory`, for tests that let its writing fail.
#[macro_export]
macro_rules! reads_from_memory {
    () => {
        fn get(
            &self,
            table: $crate::engine::Table,
            key: &[u8],
            visit: &mut dyn FnMut(&[u8]),
        ) -> Result<bool, $crate::EngineError> {
            $crate::engine::Engine::get(&self.memory, table, key, visit)
        }

        fn scan(
            &self,
            table: $crate::engine::Table,
            after: Option<&[u8]>,
            visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
        ) -> Result<(), $crate::EngineError> {
            $crate::engine::Engine::scan(&self.memory, table, after, visit)
        }

        fn len(&self, table: $crate::engine::Table) -> Result<u64, $crate::EngineError> {
            $crate::engine::Engine::len(&self.memory, table)
        }
    };
}

impl MemoryEngine {
    /// Another place with the same content.
    #[must_use]
    pub fn copy(&self) -> Self {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            map: Arc::new(RwLock::new(map)),
            failure: Arc::default(),
        }
    }

    /// From now on commits fail like this.
    pub fn fail(&self, failure: Failure) {
        self.failure.store(failure as u32, Ordering::SeqCst);
    }

    fn failure(&self) -> u32 {
        self.failure.load(Ordering::SeqCst)
    }
}

impl Engine for MemoryEngine {
    fn get(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<bool, EngineError> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let value = map.get(&(table, key.into()));
        value.into_iter().for_each(|value| visit(value));
        Ok(value.is_some())
    }

    fn scan(
        &self,
        table: Table,
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), EngineError> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let lower = match after {
            Some(key) => Bound::Excluded((table, key.into())),
            None => Bound::Included((table, Box::default())),
        };
        for ((found, key), value) in map.range((lower, Bound::Unbounded)) {
            if *found != table || !visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn len(&self, table: Table) -> Result<u64, EngineError> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        Ok(map.keys().filter(|(found, _)| *found == table).count() as u64)
    }

    fn commit(&self, batch: &Batch) -> Result<(), EngineError> {
        let failure = self.failure();
        if failure == Failure::Never as u32 || failure == Failure::FullAfterWrite as u32 {
            let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
            for change in batch.changes() {
                let key = (change.table, change.key.clone());
                match &change.value {
                    Some(value) => map.insert(key, value.clone()),
                    None => map.remove(&key),
                };
            }
        }
        match failure {
            0 => Ok(()),
            _ if failure == Failure::Broken as u32 => Err(EngineError::Failed),
            _ => Err(EngineError::Full(PathBuf::from("memory"))),
        }
    }

    fn recover(&self) -> Result<(), EngineError> {
        match self.failure() {
            0 => Ok(()),
            failure if failure == Failure::Broken as u32 => Err(EngineError::Failed),
            _ => Err(EngineError::Full(PathBuf::from("memory"))),
        }
    }
}
