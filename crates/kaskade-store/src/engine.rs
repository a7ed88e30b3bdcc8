//! What the store asks of an engine: few operations, with strict promises.

use crate::error::EngineError;

/// The tables of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Subscribers: sequence numbers, and K sealed.
    Subscribers,
    /// Sequence numbers of subscribers of the first version that were removed or replaced, without their credentials.
    Removed,
    /// Sequence numbers of lives that are over: of a SUPI with credentials that it has no more.
    Lives,
    /// Format, sealed data key, clock mark.
    Meta,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Subscribers, Self::Removed, Self::Lives, Self::Meta];
}

/// Puts and removals that become durable together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch(Vec<Change>);

/// One put, or the removal of a key when there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub table: Table,
    /// The key.
    pub key: Box<[u8]>,
    /// The new value, `None` to remove the key.
    pub value: Option<Box<[u8]>>,
}

impl Batch {
    /// Adds a put. Of several changes to one key the last counts.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.0.push(Change {
            table,
            key: key.into(),
            value: Some(value.into()),
        });
    }

    /// Adds a removal.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        self.0.push(Change {
            table,
            key: key.into(),
            value: None,
        });
    }

    /// Adds all of another batch.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The changes, in order.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }
}

/// A durable ordered map per [`Table`], used from many threads.
///
/// The suite `conformance` of the feature `test-util` checks these promises for any engine.
pub trait Engine: Send + Sync + 'static {
    /// Shows `visit` the value of a key; whether there is one. Sees every [`Engine::commit`] that has returned.
    ///
    /// # Errors
    /// When reading fails.
    fn get(&self, table: Table, key: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<bool, EngineError>;

    /// Shows `visit` the keys above `after`, ascending, with their values, until it returns false. All of one moment.
    ///
    /// # Errors
    /// When reading fails.
    fn scan(
        &self,
        table: Table,
        after: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), EngineError>;

    /// How many keys a table has, without counting them one by one.
    ///
    /// # Errors
    /// When reading fails.
    fn len(&self, table: Table) -> Result<u64, EngineError>;

    /// Makes all changes of a batch, or none of them; durable before it returns.
    ///
    /// # Errors
    /// When writing fails. Whether the batch is durable is then unknown, and the engine may refuse everything until
    /// [`Engine::recover`].
    fn commit(&self, batch: &Batch) -> Result<(), EngineError>;

    /// After a failed [`Engine::commit`]: makes the engine usable again, in the state that is durable.
    ///
    /// # Errors
    /// While it is not possible: the cause lasts, or what is durable cannot be known without a restart.
    fn recover(&self) -> Result<(), EngineError>;
}
