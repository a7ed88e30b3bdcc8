//! Records by their keys, by their indexes, and in order.

use kaskade_faults::fault;
use kaskade_flow::Cover;
use kaskade_flow::record::{Index, Kind, OfSubscriber, Record, RecordKey, Version};
use kaskade_keys::Supi;

use super::super::engine::{Cursor, Peek, Row, Wanted};
use super::{RecordError, Records, opened, table};

/// A record that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<R: Record> {
    /// Its key.
    pub key: R::Key,
    /// The record.
    pub record: R,
    /// Which commit wrote it: what a change of it expects.
    pub version: Version,
}

impl<R: Record> Found<R> {
    /// What was read is durable: it covers what is told of it.
    pub const fn cover(&self) -> Cover {
        Cover::known_to_store()
    }
}

/// What is known at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtHand<R> {
    /// It is there.
    Found(R, Version),
    /// There is none.
    Absent,
    /// It is not at hand: [`Records::read`] waits for it.
    NotHere,
}

impl Records {
    /// A record, if it is at hand. Sees every commit whose outcome is known. Never waits.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be read.
    pub fn peek<R: Record>(&self, key: &R::Key) -> Result<AtHand<R>, RecordError> {
        self.is_declared(&R::KIND)?;
        let key = key.to_octets();
        let mut found = Ok(AtHand::Absent);
        let peek = self.0.engine.peek(table(&R::KIND), &key, &mut |row| {
            let record = self.decoded::<R>(&key, row.expires, row.octets);
            found = record.map(|record| record.map_or(AtHand::Absent, |record| AtHand::Found(record, row.version)));
        });
        match peek {
            Peek::Found | Peek::Absent => found,
            Peek::NotHere => Ok(AtHand::NotHere),
            Peek::Failed(error) => Err(error.into()),
        }
    }

    /// A record; `None` when there is none, or it has ended.
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be read.
    pub async fn read<R: Record>(&self, key: &R::Key) -> Result<Option<Found<R>>, RecordError> {
        let octets = key.to_octets();
        self.wanted(Wanted::Key(table(&R::KIND), &octets)).await
    }

    /// The record that has this key in an index whose keys are [unique](Index::unique).
    ///
    /// # Errors
    /// [`RecordError`] when it cannot be read.
    pub async fn find<R: Record>(&self, index: u8, octets: &[u8]) -> Result<Option<Found<R>>, RecordError> {
        let found = self.wanted::<R>(Wanted::Link(table(&R::KIND), index, octets)).await?;
        has(&found, Index::unique(index, octets))?;
        Ok(found)
    }

    /// At most so many of the records that have this key in an index whose keys are [shared](Index::shared), in the order of
    /// their own keys, above `after`.
    ///
    /// # Errors
    /// [`RecordError`] when one cannot be read.
    pub async fn find_all<R: Record>(
        &self,
        (index, octets): (u8, &[u8]),
        after: Option<&R::Key>,
        limit: usize,
    ) -> Result<Vec<Found<R>>, RecordError> {
        self.is_declared(&R::KIND)?;
        let prefix = Index::shared_prefix(octets);
        let found = self.page(after.map(RecordKey::to_octets), limit, |after: Option<&[u8]>, limit| {
            let after = after.map(|key| Index::shared(index, octets).stored(key));
            let prefix = &prefix;
            async move {
                let cursor = Cursor::Links {
                    table: table(&R::KIND),
                    index,
                    after: after.as_deref(),
                    prefix,
                };
                self.0.engine.page(cursor, limit).await
            }
        });
        let found = found.await?;
        for found in &found {
            if !indexed(found, Index::shared(index, octets)) {
                return Err(RecordError::Index(R::KIND.name, index));
            }
        }
        Ok(found)
    }

    /// At most so many records of a kind in the order of their keys, above `after`; none is the end.
    ///
    /// # Errors
    /// [`RecordError`] when one cannot be read.
    pub async fn list<R: Record>(&self, after: Option<&R::Key>, limit: usize) -> Result<Vec<Found<R>>, RecordError> {
        self.beginning(&[], after, limit).await
    }

    /// The same, of one subscriber.
    ///
    /// # Errors
    /// [`RecordError`] when one cannot be read.
    pub async fn list_of<R: Record>(
        &self,
        supi: &Supi,
        after: Option<&R::Key>,
        limit: usize,
    ) -> Result<Vec<Found<R>>, RecordError>
    where
        R::Key: OfSubscriber,
    {
        self.beginning(&R::Key::of(supi), after, limit).await
    }

    async fn beginning<R: Record>(
        &self,
        prefix: &[u8],
        after: Option<&R::Key>,
        limit: usize,
    ) -> Result<Vec<Found<R>>, RecordError> {
        self.is_declared(&R::KIND)?;
        let pages = self.page(after.map(RecordKey::to_octets), limit, |after: Option<&[u8]>, limit| {
            let after = after.map(<[u8]>::to_vec);
            async move {
                let cursor = Cursor::Keys {
                    table: table(&R::KIND),
                    after: after.as_deref(),
                    prefix,
                };
                self.0.engine.page(cursor, limit).await
            }
        });
        pages.await
    }

    /// Pages until there are enough records that have not ended: an empty answer is the end.
    async fn page<R: Record, F>(
        &self,
        mut after: Option<Vec<u8>>,
        limit: usize,
        page: impl Fn(Option<&[u8]>, usize) -> F,
    ) -> Result<Vec<Found<R>>, RecordError>
    where
        F: Future<Output = Result<Vec<Row>, super::EngineError>>,
    {
        let mut all = Vec::new();
        while all.len() < limit {
            let rows = page(after.as_deref(), limit - all.len()).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key.to_vec());
            for row in rows {
                all.extend(self.found(&row)?);
            }
        }
        Ok(all)
    }

    /// Refuses what no unit could have written as this kind, such as the store's own rows.
    fn is_declared(&self, kind: &Kind) -> Result<(), RecordError> {
        match self.kind(kind.number) {
            Some(known) if known == *kind => Ok(()),
            _ if fault!("undeclared-kind-read") => Ok(()),
            _ => Err(RecordError::Undeclared(*kind)),
        }
    }

    async fn wanted<R: Record>(&self, wanted: Wanted<'_>) -> Result<Option<Found<R>>, RecordError> {
        self.is_declared(&R::KIND)?;
        let rows = self.0.engine.read(&[wanted]).await?;
        let row = rows.into_iter().next().flatten();
        Ok(row.map(|row| self.found(&row)).transpose()?.flatten())
    }

    fn found<R: Record>(&self, row: &Row) -> Result<Option<Found<R>>, RecordError> {
        let Some(record) = self.decoded(&row.key, row.expires, &row.octets)? else {
            return Ok(None);
        };
        Ok(Some(Found {
            key: R::Key::from_octets(&row.key).map_err(|error| RecordError::Row(R::KIND.name, error))?,
            record,
            version: row.version,
        }))
    }

    /// The record of a row, unless it has ended.
    fn decoded<R: Record>(&self, key: &[u8], expires: u64, row: &[u8]) -> Result<Option<R>, RecordError> {
        let kind = R::KIND;
        let opened = opened(self.data_key(), &kind, (key, expires), row)?;
        if expires != 0 && expires <= self.now().get() && !fault!("expired-record-read") {
            return Ok(None);
        }
        let record = R::decode(opened.version, opened.clear, opened.secrets.reader());
        record.map(Some).map_err(|error| RecordError::Row(kind.name, error))
    }
}

/// Whether a record says that it is found by this.
fn indexed<R: Record>(found: &Found<R>, index: Index<'_>) -> bool {
    let mut says = false;
    found.record.indexes(&found.key, &mut |other| says |= other == index);
    says
}

fn has<R: Record>(found: &Option<Found<R>>, index: Index<'_>) -> Result<(), RecordError> {
    match found {
        Some(found) if !indexed(found, index) => Err(RecordError::Index(R::KIND.name, index.number)),
        _ => Ok(()),
    }
}
